/*
 * optimize.c
 *		The maximum of a smooth function of a few variables.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/optimize.h"

#include <math.h>

#define MOST_ITERATIONS		200
#define FIRST_RADIUS		1.0
#define MOST_RADIUS			4.0

/* A step that changes no variable by more is the last one needed. */
#define SMALL_STEP			1e-10

/*
 * Gains that are less than this part of the value drown in its rounding: Newton's
 * steps are then taken on trust.
 */
#define ROUNDING			1e-13
#define MOST_ON_TRUST		3

/*
 * A direction less curved than this is flat. Of a log-likelihood: its standard error
 * is above 10, so in logarithms the top could be anywhere.
 */
#define LEAST_CURVATURE		1e-2

typedef double Vector[MOST_VARIABLES];

/* Eigenvalues of -Hessian in some directions, and the directions (as rows). */
typedef struct Curvature
{
	int			n;
	Vector		value;
	Vector		direction[MOST_VARIABLES];
} Curvature;

/* ------------------------------------------------------------------------
 * Curvature
 * ------------------------------------------------------------------------
 */

/* Turns rows i and j of the directions so that the matrix gets a zero there. */
static void
jacobi_rotate(double matrix[][MOST_VARIABLES], Curvature *curvature, int i,
			  int j)
{
	double		tau;
	double		t;
	double		c;
	double		s;

	if (matrix[i][j] == 0)
		return;
	tau = (matrix[j][j] - matrix[i][i]) / (2 * matrix[i][j]);
	t = (tau >= 0 ? 1 : -1) / (fabs(tau) + hypot(1, tau));
	c = 1 / hypot(1, t);
	s = t * c;
	for (int k = 0; k < curvature->n; k++)
	{
		const double ki = matrix[k][i];
		const double kj = matrix[k][j];

		matrix[k][i] = c * ki - s * kj;
		matrix[k][j] = s * ki + c * kj;
	}
	for (int k = 0; k < curvature->n; k++)
	{
		const double ik = matrix[i][k];
		const double jk = matrix[j][k];

		matrix[i][k] = c * ik - s * jk;
		matrix[j][k] = s * ik + c * jk;
	}
	for (int k = 0; k < MOST_VARIABLES; k++)
	{
		const double ik = curvature->direction[i][k];
		const double jk = curvature->direction[j][k];

		curvature->direction[i][k] = c * ik - s * jk;
		curvature->direction[j][k] = s * ik + c * jk;
	}
}

/*
 * The eigenvalues and eigenvectors of -Hessian, in the variables that are free to
 * move. Jacobi's rotations: a matrix this small needs no better.
 */
static void
find_curvature(const Objective *objective, const int *free, int nfree,
			   Curvature *curvature)
{
	double		matrix[MOST_VARIABLES][MOST_VARIABLES];

	*curvature = (Curvature) {.n = nfree};
	for (int i = 0; i < nfree; i++)
	{
		curvature->direction[i][free[i]] = 1;
		for (int j = 0; j < nfree; j++)
			matrix[i][j] = -objective->hessian[free[i]][free[j]];
	}
	for (int sweep = 0; sweep < 30; sweep++)
		for (int i = 0; i < nfree; i++)
			for (int j = i + 1; j < nfree; j++)
				jacobi_rotate(matrix, curvature, i, j);
	for (int i = 0; i < nfree; i++)
		curvature->value[i] = matrix[i][i];
}

static double
dot(const double *a, const double *b)
{
	double		sum = 0;

	for (int i = 0; i < MOST_VARIABLES; i++)
		sum += a[i] * b[i];
	return sum;
}

/* ------------------------------------------------------------------------
 * Steps
 * ------------------------------------------------------------------------
 */

/*
 * The step to the top of the parabola with "shift" added to all curvatures;
 * returns its length.
 */
static double
shifted_step(const Curvature *curvature, const double *gradient, double shift,
			 double *step)
{
	memset(step, 0, sizeof(Vector));
	for (int i = 0; i < curvature->n; i++)
	{
		const double *direction = curvature->direction[i];
		const double along = dot(gradient, direction) /
			(curvature->value[i] + shift);

		for (int k = 0; k < MOST_VARIABLES; k++)
			step[k] += along * direction[k];
	}
	return sqrt(dot(step, step));
}

/*
 * The best step of at most this length, by the parabola. If the parabola has a
 * top within it, that; otherwise the shift that makes the step as long as it may be
 * (Nocedal and Wright, theorem 4.1), found by halving.
 */
static void
best_step(const Curvature *curvature, const double *gradient, double radius,
		  double *step)
{
	const double steepest = sqrt(dot(gradient, gradient));
	double		least = 0;
	double		low;
	double		high;

	for (int i = 0; i < curvature->n; i++)
		least = Max(least, -curvature->value[i]);
	if (least == 0)
	{
		bool		has_top = true;

		for (int i = 0; i < curvature->n; i++)
			has_top = has_top && curvature->value[i] > 0;
		if (has_top && shifted_step(curvature, gradient, 0, step) <= radius)
			return;
	}
	low = least;
	high = least + steepest / radius;
	for (int i = 0; i < 60; i++)
	{
		const double middle = (low + high) / 2;

		if (middle <= low || middle >= high)
			break;
		if (shifted_step(curvature, gradient, middle, step) > radius)
			low = middle;
		else
			high = middle;
	}
	if (high > least)
		shifted_step(curvature, gradient, high, step);
	else
		memset(step, 0, sizeof(Vector));
}

/* What the parabola says of a step. */
static double
expected_gain(const Objective *objective, const double *step)
{
	double		gain = dot(objective->gradient, step);

	for (int i = 0; i < MOST_VARIABLES; i++)
		gain += dot(objective->hessian[i], step) * step[i] / 2;
	return gain;
}

static double
longest_part(const double *step)
{
	double		longest = 0;

	for (int i = 0; i < MOST_VARIABLES; i++)
		longest = Max(longest, fabs(step[i]));
	return longest;
}

/*
 * The variables that are not held at a limit which the function wants to pass.
 */
static int
find_free(const Maximizer *maximizer, const Maximum *now, int *free)
{
	int			nfree = 0;

	for (int i = 0; i < maximizer->n; i++)
	{
		const double slope = now->objective.gradient[i];

		if (fabs(now->at[i]) < maximizer->limit || slope * now->at[i] < 0)
			free[nfree++] = i;
	}
	return nfree;
}

/* Only what is free counts in the gradient and the Hessian. */
static void
hold_others(Objective *objective, const int *free, int nfree)
{
	Objective	held = {objective->value};

	for (int i = 0; i < nfree; i++)
	{
		held.gradient[free[i]] = objective->gradient[free[i]];
		for (int j = 0; j < nfree; j++)
			held.hessian[free[i]][free[j]] =
				objective->hessian[free[i]][free[j]];
	}
	*objective = held;
}

static bool
is_finite_objective(const Objective *objective, int n)
{
	bool		finite = isfinite(objective->value);

	for (int i = 0; i < n; i++)
	{
		finite = finite && isfinite(objective->gradient[i]);
		for (int j = 0; j < n; j++)
			finite = finite && isfinite(objective->hessian[i][j]);
	}
	return finite;
}

static void
evaluate(const Maximizer *maximizer, const double *at, Objective *result)
{
	*result = (Objective) {0};
	maximizer->function(at, result, maximizer->arg);
}

/* Is this the top, and what does its curvature say of the variables? */
static void
judge(const Maximizer *maximizer, Maximum *result)
{
	const int	all[MOST_VARIABLES] = {0, 1, 2, 3, 4};
	Curvature	curvature;

	find_curvature(&result->objective, all, maximizer->n, &curvature);
	result->is_interior = true;
	for (int i = 0; i < maximizer->n; i++)
		if (fabs(result->at[i]) >= maximizer->limit ||
			!(curvature.value[i] >= LEAST_CURVATURE))
			result->is_interior = false;
	if (!result->is_interior)
		return;
	for (int i = 0; i < maximizer->n; i++)
		for (int k = 0; k < maximizer->n; k++)
			result->variance[k] += curvature.direction[i][k] *
				curvature.direction[i][k] / curvature.value[i];
}

/*
 * Looks for the maximum. The function is called at most MOST_ITERATIONS times
 * after the start; if it is not finite there, that is the result.
 */
void
maximize(const Maximizer *maximizer, const double *start, Maximum *result)
{
	double		radius = FIRST_RADIUS;
	Curvature	curvature = {0};
	int			on_trust = 0;	/* steps whose gain cannot be seen */
	bool		ended = false;

	*result = (Maximum) {{0}};
	memcpy(result->at, start, maximizer->n * sizeof(double));
	evaluate(maximizer, result->at, &result->objective);
	if (!is_finite_objective(&result->objective, maximizer->n))
		return;

	while (!ended && result->iterations < MOST_ITERATIONS)
	{
		const double rounding = ROUNDING * (1 + fabs(result->objective.value));
		Objective	here = result->objective;
		Objective	there;
		Vector		step;
		Vector		at = {0};
		int			free[MOST_VARIABLES];
		int			nfree = find_free(maximizer, result, free);
		double		expected;
		double		gain;

		hold_others(&here, free, nfree);
		find_curvature(&here, free, nfree, &curvature);
		best_step(&curvature, here.gradient, radius, step);
		for (int i = 0; i < maximizer->n; i++)
		{
			at[i] = result->at[i] + step[i];
			at[i] = Min(Max(at[i], -maximizer->limit), maximizer->limit);
			step[i] = at[i] - result->at[i];
		}
		expected = expected_gain(&here, step);
		if (longest_part(step) <= SMALL_STEP)
			break;
		evaluate(maximizer, at, &there);
		result->iterations++;
		gain = is_finite_objective(&there, maximizer->n) ?
			there.value - here.value : -INFINITY;

		/* no gain to be seen: at the top by one more step, or on a plain */
		if (expected <= rounding)
		{
			if (gain < -10 * rounding)
				break;
			ended = longest_part(step) > 0.1 || ++on_trust == MOST_ON_TRUST;
		}
		else if (gain < 0.25 * expected)
			radius = longest_part(step) / 4;
		else if (gain > 0.75 * expected)
			radius = Min(2 * Max(radius, longest_part(step)), MOST_RADIUS);
		if (gain > 0 || expected <= rounding)
		{
			memcpy(result->at, at, sizeof(at));
			result->objective = there;
		}
		else if (radius < SMALL_STEP)
			break;
	}

	judge(maximizer, result);
}
