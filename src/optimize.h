/*
 * optimize.h
 *		The maximum of a smooth function of a few variables.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_OPTIMIZE_H
#define RETENTION_OPTIMIZE_H

#include "compat.h"

#define MOST_VARIABLES	4

/* A function's value at a point, with its first and second derivatives. */
typedef struct Objective
{
	double		value;
	double		gradient[MOST_VARIABLES];
	double		hessian[MOST_VARIABLES][MOST_VARIABLES];	/* symmetric, all of
														 * it filled in */
} Objective;

#endif							/* RETENTION_OPTIMIZE_H */
