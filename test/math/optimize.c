/*
 * optimize.c
 *		Functions whose maximum is known, and some that have none.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/optimize.h"

/* -(1 - x)^2 - 100 (y - x^2)^2: H. H. Rosenbrock (1960); the maximum is 0 at (1, 1) */
static void
valley(const double *at, Objective *result, void *arg)
{
	const double x = at[0];
	const double y = at[1];
	const double d = y - x * x;

	result->value = -(1 - x) * (1 - x) - 100 * d * d;
	result->gradient[0] = 2 * (1 - x) + 400 * x * d;
	result->gradient[1] = -200 * d;
	result->hessian[0][0] = -2 + 400 * d - 800 * x * x;
	result->hessian[0][1] = result->hessian[1][0] = 400 * x;
	result->hessian[1][1] = -200;
}

#define PARABOLA		4

/* A parabola in four variables, its top at (1, -2, 3, -1) */
static const double top[PARABOLA] = {1, -2, 3, -1};
static const double bend[PARABOLA][PARABOLA] = {
	{5, 1, 0, 0.5}, {1, 4, 1, 0}, {0, 1, 3, 1}, {0.5, 0, 1, 2}
};

/* The diagonal of its inverse */
static const double inverse[PARABOLA] = {
	0.22153846153846154, 0.29846153846153846, 0.45538461538461538, 0.64
};

static void
parabola(const double *at, Objective *result, void *arg)
{
	result->value = 7;
	for (int i = 0; i < PARABOLA; i++)
		for (int j = 0; j < PARABOLA; j++)
		{
			result->value -= (at[i] - top[i]) * bend[i][j] * (at[j] - top[j]) / 2;
			result->gradient[i] -= bend[i][j] * (at[j] - top[j]);
			result->hessian[i][j] = -bend[i][j];
		}
}

/* Rises for ever in x */
static void
slope(const double *at, Objective *result, void *arg)
{
	result->value = at[0] - at[1] * at[1];
	result->gradient[0] = 1;
	result->gradient[1] = -2 * at[1];
	result->hessian[1][1] = -2;
}

/* A saddle at the start; tops at (1, 0) and (-1, 0) */
static void
saddle(const double *at, Objective *result, void *arg)
{
	const double x = at[0];

	result->value = x * x / 2 - x * x * x * x / 4 - at[1] * at[1];
	result->gradient[0] = x - x * x * x;
	result->gradient[1] = -2 * at[1];
	result->hessian[0][0] = 1 - 3 * x * x;
	result->hessian[1][1] = -2;
}

static void
nowhere(const double *at, Objective *result, void *arg)
{
	result->value = NAN;
}

static Maximum
maximum_of(ObjectiveFunction function, int n, double x, double y)
{
	const Maximizer maximizer = {.n = n, .function = function, .limit = 18};
	const double start[MOST_VARIABLES] = {x, y};
	Maximum		result;

	maximize(&maximizer, start, &result);
	return result;
}

void
test_optimize(void)
{
	Maximum		found = maximum_of(valley, 2, -1.2, 1);
	Maximum		again = maximum_of(valley, 2, -1.2, 1);

	begin_test("a curved valley");
	check_near(found.at[0], 1, 1e-12, 0, "valley: x");
	check_near(found.at[1], 1, 1e-12, 0, "valley: y");
	check_near(found.objective.value, 0, 1e-20, 1, "valley: value");
	check_true(found.is_interior, "valley: interior");
	/* of [802 -400; -400 200] the inverse has 1/2 and 2.005 in its diagonal */
	check_near(found.variance[0], 0.5, 1e-9, 0, "valley: variance of x");
	check_near(found.variance[1], 2.005, 1e-9, 0, "valley: variance of y");
	check_true(memcmp(&found, &again, sizeof(found)) == 0, "valley: twice the same");

	begin_test("a parabola");
	found = maximum_of(parabola, 4, 0, 0);
	for (int i = 0; i < PARABOLA; i++)
		check_near(found.at[i], top[i], 1e-12, 0, "parabola: variable %d", i);
	check_near(found.objective.value, 7, 1e-12, 0, "parabola: value");
	check_true(found.is_interior && found.iterations < 10, "parabola: in %d steps",
			   found.iterations);
	for (int i = 0; i < PARABOLA; i++)
		check_near(found.variance[i], inverse[i], 1e-13, 0, "parabola: variance %d", i);

	begin_test("a slope without end");
	found = maximum_of(slope, 2, 0, 1);
	check_true(!found.is_interior && found.at[0] == 18, "slope: goes to the limit");
	check_near(found.at[1], 0, 1e-10, 1, "slope: y");

	begin_test("a saddle");
	found = maximum_of(saddle, 2, 0.01, 0.5);
	check_near(found.at[0], 1, 1e-12, 0, "saddle: x");
	check_true(found.is_interior, "saddle: interior");

	begin_test("no number at the start");
	found = maximum_of(nowhere, 2, 0, 0);
	check_true(isnan(found.objective.value) && found.iterations == 0 &&
			   !found.is_interior, "nowhere: given up at the start");
}
