/*
 * spend.c
 *		The model of spend against 50 digits (test/data/math), the numbers of other
 *		programs, and calculus.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/gamma_gamma.h"

static void
check_customers(const char *file, const char *mean_column,
				const char *expected_column, double tolerance)
{
	Table		table;

	if (!table_open(&table, file))
		return;
	while (table_next(&table))
	{
		const double params[GAMMA_GAMMA_PARAMS] = {
			table_number(&table, "p"), table_number(&table, "q"), table_number(&table, "v")
		};
		const double x = table_number(&table, "x");
		const double mean = table_number(&table, mean_column);
		const double expected = table_number(&table, expected_column);
		const double log_likelihood = table_number(&table, "log_likelihood");
		double		value = 0;
		const bool	exists = gamma_gamma_expected(params, x, x > 0 ? mean : 0, &value);

		if (x > 0 && !isnan(log_likelihood))
			check_near(gamma_gamma_log_likelihood_of(params, x, mean), log_likelihood,
					   tolerance, 1, "%s, line %d: log-likelihood", file, table.line);
		check_true(exists == !isnan(expected), "%s, line %d: a value", file, table.line);
		if (exists)
			check_near(value, expected, tolerance, 0, "%s, line %d: value", file, table.line);
	}
}

static SpendPattern patterns[] = {
	{1, 5, 20}, {1, 80, 3}, {2, 22.35, 5}, {7, 31, 2}, {40, 18.25, 1}
};
static const SpendData data = {patterns, lengthof(patterns)};
static const double published[GAMMA_GAMMA_PARAMS] = {6.25, 3.74, 15.44};

static Objective
objective_at(int which, double step)
{
	double		params[GAMMA_GAMMA_PARAMS];
	Objective	result;

	memcpy(params, published, sizeof(params));
	params[which] *= exp(step);
	gamma_gamma_log_likelihood(params, &data, &result);
	return result;
}

static void
check_derivatives(void)
{
	const double h = 1e-4;
	const Objective here = objective_at(0, 0);
	double		sum = 0;

	begin_test("gamma_gamma: derivatives");
	for (uint64 i = 0; i < data.npatterns; i++)
		sum += patterns[i].customers *
			gamma_gamma_log_likelihood_of(published, patterns[i].x, patterns[i].mean);
	check_near(here.value, sum, 1e-13, 0, "the sum of the customers'");
	for (int i = 0; i < GAMMA_GAMMA_PARAMS; i++)
	{
		const Objective below = objective_at(i, -h);
		const Objective above = objective_at(i, h);

		check_near(here.gradient[i], (above.value - below.value) / (2 * h), 1e-6, 1, "slope %d", i);
		for (int j = 0; j < GAMMA_GAMMA_PARAMS; j++)
			check_near(here.hessian[i][j], (above.gradient[j] - below.gradient[j]) / (2 * h),
					   1e-6, 1, "curvature %d %d", i, j);
	}
}

void
test_spend(void)
{
	double		value;

	check_customers("math/spend.csv", "mean", "expected_value", 1e-12);
	check_customers("shared/edge_cases_gamma_gamma.csv", "monetary", "expected_spend", 1e-9);
	check_derivatives();
	begin_test("gamma_gamma: a new customer");
	/* of a new customer p v / (q - 1), as in the note */
	check_true(gamma_gamma_expected(published, 0, 0, &value), "a new customer has a value");
	check_near(value, 6.25 * 15.44 / 2.74, 1e-15, 0, "p v / (q - 1)");
	check_true(!gamma_gamma_expected((double[]) {6.25, 1, 15.44}, 0, 0, &value),
			   "and none where q is 1");
}
