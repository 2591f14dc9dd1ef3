/*
 * optimize.h
 *		The maximum of a smooth function of a few variables.
 *
 * Newton's method within a region of trust: the function is taken for the
 * parabola that its derivatives at the point describe, but only so far away as
 * that has proved right. Where the parabola has no top, the step goes uphill to
 * the edge of the region; near a maximum the steps are Newton's, which double the
 * digits each time. Nothing is drawn at random and nothing is guessed, so equal
 * functions have equal maxima to the last bit.
 *
 *		J. Nocedal, S. J. Wright (2006), Numerical Optimization, 2nd ed., algorithm
 *		4.1 and section 4.3 (the exact step, by the eigenvectors of the Hessian).
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_OPTIMIZE_H
#define RETENTION_OPTIMIZE_H

#include "base/compat.h"

#define MOST_VARIABLES	5

/* A function's value at a point, with its first and second derivatives. */
typedef struct Objective
{
	double		value;
	double		gradient[MOST_VARIABLES];
	double		hessian[MOST_VARIABLES][MOST_VARIABLES];	/* symmetric, all of it
															 * filled in */
} Objective;

/* The upper triangle of the Hessian, from the lower one */
static inline void
mirror_hessian(Objective *objective)
{
	for (int i = 0; i < MOST_VARIABLES; i++)
		for (int j = 0; j < i; j++)
			objective->hessian[j][i] = objective->hessian[i][j];
}

typedef void (*ObjectiveFunction) (const double *at, Objective *result,
								   void *arg);

/* Looks between -limit and limit in each variable, from a start in there. */
typedef struct Maximizer
{
	int			n;				/* variables */
	ObjectiveFunction function;
	void	   *arg;
	double		limit;
} Maximizer;

typedef struct Maximum
{
	double		at[MOST_VARIABLES];
	Objective	objective;		/* there */
	int			iterations;
	bool		is_interior;	/* a top, curved in all directions, and not at
								 * a limit; otherwise the highest point seen */
	/* of the inverse of -Hessian, the diagonal; if is_interior */
	double		variance[MOST_VARIABLES];
} Maximum;

extern retention_internal void maximize(const Maximizer *maximizer,
										const double *start, Maximum *result);

#endif							/* RETENTION_OPTIMIZE_H */
