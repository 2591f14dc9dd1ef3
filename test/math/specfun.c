/*
 * specfun.c
 *		The special functions against 50 digits (test/data/math/specfun.csv), printed
 *		tables, and identities; the rules of Gauss and Legendre against what defines them.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/gauss_legendre.h"
#include "math/specfun.h"
#include "math/student.h"

/* The functions of the table by name. */
static double
function_of(const char *name, double a, double b, double c)
{
	if (strcmp(name, "normal_quantile") == 0)
		return normal_quantile(a);
	if (strcmp(name, "chi_square_tail") == 0)
		return chi_square_tail(a, (int) b);
	if (strcmp(name, "student_tails") == 0)
		return student_tails(a, b);
	if (strcmp(name, "student_reach") == 0)
		return student_reach(a, b);
	if (strcmp(name, "stirling_log") == 0)
		return stirling_rest(a).log;
	if (strcmp(name, "stirling_slope") == 0)
		return stirling_rest(a).slope;
	if (strcmp(name, "stirling_curvature") == 0)
		return stirling_rest(a).curvature;
	if (strcmp(name, "gamma_ratio_log") == 0)
		return gamma_ratio(a, b).log;
	if (strcmp(name, "gamma_ratio_slope") == 0)
		return gamma_ratio(a, b).slope;
	if (strcmp(name, "gamma_ratio_curvature") == 0)
		return gamma_ratio(a, b).curvature;
	if (strcmp(name, "log_beta_term") == 0)
		return log_beta_term(a, b, c, 1 - c, a * (1 - c) - b * c,
							 stirling_rest(a + b).log - stirling_rest(a).log -
							 stirling_rest(b).log);
	abort();
}

void
test_specfun(void)
{
	Table		table;

	if (table_open(&table, "math/specfun.csv"))
		while (table_next(&table))
		{
			const double a = table_number(&table, "a");
			const double b = table_number(&table, "b");
			const double c = table_number(&table, "c");
			const char *name = table_text(&table, "function");

			/*
			 * logarithms of probabilities: what counts are digits behind the
			 * point
			 */
			const bool	is_log = strstr(name, "log") != NULL;
			const bool	is_small_step = strstr(name, "ratio") != NULL && b < 0.5;

			check_near(function_of(name, a, b, c), table_number(&table, "value"),
					   strncmp(name, "student", 7) == 0 ? 1e-11 : 1e-12,
					   is_log || is_small_step ? 1 : 1e-290,
					   "%s(%g, %g, %g)", name, a, b, c);
		}

	begin_test("as in every textbook");
	check_near(normal_quantile(0.975), 1.959963984540054, 1e-15, 0, "normal_quantile(0.975)");
	check_near(normal_reach(0.95), 1.959963984540054, 1e-15, 0, "normal_reach(0.95)");
	check_near(normal_reach(0.99), 2.5758293035489004, 1e-15, 0, "normal_reach(0.99)");
	check_true(normal_quantile(0.5) == 0, "normal_quantile(0.5)");
	check_near(chi_square_tail(3.841458820694124, 1), 0.05, 1e-14, 0, "3.84 of 1");
	check_near(chi_square_tail(5.991464547107979, 2), 0.05, 1e-14, 0, "5.99 of 2");
	check_near(chi_square_tail(11.070497693516351, 5), 0.05, 1e-14, 0, "11.07 of 5");
	check_near(chi_square_tail(23.209251158954356, 10), 0.01, 1e-14, 0, "23.21 of 10");
	check_near(student_reach(0.95, 1), 12.706204736174705, 1e-14, 0, "12.71 of 1");
	check_near(student_reach(0.95, 10), 2.2281388519862744, 1e-14, 0, "2.228 of 10");
	check_near(student_reach(0.99, 30), 2.7499956535672233, 1e-14, 0, "2.750 of 30");
	check_near(student_reach(0.95, 1e300), normal_reach(0.95), 1e-15, 0, "of very many");
	check_true(student_tails(0, 3) == 1, "nothing is nearer than 0");
	/* of 1 and 2 degrees of freedom in closed form */
	check_near(student_tails(7, 1), 2 / M_PI * atan(1 / 7.0), 1e-14, 0, "of Cauchy");
	check_near(student_tails(-7, 2), 2 / (sqrt(51) * (sqrt(51) + 7)), 1e-14, 0, "of 2");

	begin_test("gamma, beta and logarithms");
	/* n!, and the binomial probability of 3 in 10 with 1/4 */
	check_near(log_gamma_ratio(1, 20), log(2432902008176640000.0), 1e-15, 0, "20!");
	check_near(exp(log_beta_term(3, 7, 0.25, 0.75, 3 * 0.75 - 7 * 0.25,
								 stirling_rest(10).log - stirling_rest(3).log -
								 stirling_rest(7).log)) * 10 / (3.0 * 7),
			   0.2502822875976562, 1e-14, 0, "3 of 10");
	check_near(log_quotient(1 + 1e-9, 1, 1e-9), log1p(1e-9), 1e-15, 0, "near 1");
	check_near(log_quotient(7, 2, 5), log(3.5), 1e-15, 0, "far from 1");
}

/* Legendre's polynomial of degree n at x, and its derivative */
static double
legendre(int n, double x, double *slope)
{
	double		before = 1;
	double		now = x;

	for (int k = 2; k <= n; k++)
	{
		const double next = ((2 * k - 1) * x * now - (k - 1) * before) / k;

		before = now;
		now = next;
	}
	*slope = n * (x * now - before) / (x * x - 1);
	return now;
}

void
test_gauss_legendre(void)
{
	static const int size[GAUSS_RULES] = {4, 6, 8, 12, 16, 24, 32};

	for (int r = 0; r < GAUSS_RULES; r++)
	{
		const GaussRule *rule = &gauss_rules[r];
		const int	n = size[r];

		begin_test("%d points of Gauss and Legendre", n);
		check_true(2 * rule->npoints == n, "rule %d has %d points", r, n);
		for (int i = 0; i < rule->npoints; i++)
		{
			const double x = rule->points[i].at;
			double		slope;
			const double value = legendre(n, x, &slope);

			/* the points are the roots, of which rounding leaves this much */
			check_near(x - value / slope, x, 1e-14, 0, "%d points: at %g", n, x);
			check_near(rule->points[i].weight, 2 / ((1 - x * x) * slope * slope),
					   1e-12, 0, "%d points: weight at %g", n, x);
		}
		/* exact up to degree 2 n - 1 */
		for (int power = 0; power < 2 * n; power += 2)
		{
			double		sum = 0;

			for (int i = 0; i < rule->npoints; i++)
				sum += 2 * rule->points[i].weight * pow(rule->points[i].at, power);
			check_near(sum, 2.0 / (power + 1), 1e-13, 0, "%d points: x^%d", n, power);
		}
	}
}
