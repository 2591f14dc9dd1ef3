/*
 * orders_ahead.c
 *		Orders to come against 80 digits where they lie beside the project, and against
 *		each other: probabilities, their sums, means and quantiles.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/orders_ahead.h"

static void
check_reference(void)
{
	Table		table;

	if (!table_open(&table, "shared/predictive/conditional_pmf.csv"))
		return;
	while (table_next(&table))
	{
		const BtydModel model = {
			btyd_family_named(table_text(&table, "family")),
			{
				table_number(&table, "p1"), table_number(&table, "p2"),
				table_number(&table, "p3"), table_number(&table, "p4")
			}
		};
		const BtydHistory history = {
			table_number(&table, "x"), table_number(&table, "t_x"),
			table_number(&table, "age")
		};
		const double horizon = table_number(&table, "horizon");
		const double n = table_number(&table, "n");

		check_near(btyd_pmf(&model, &history, n, horizon),
				   table_number(&table, "pmf"), 1e-11, 1e-290,
				   "conditional_pmf.csv, line %d: pmf", table.line);
		check_near(btyd_variance(&model, &history, horizon),
				   table_number(&table, "variance"), 1e-11, 0,
				   "conditional_pmf.csv, line %d: variance", table.line);
		if (n == 0)
			check_near(btyd_p_order(&model, &history, horizon),
					   1 - table_number(&table, "pmf"), 1e-11, 1e-4,
					   "conditional_pmf.csv, line %d: P(order)", table.line);
	}
}

#define MOST_ORDERS		20000

/* Everything from the probabilities of each number, summed */
static void
check_sums(const BtydModel *model, const BtydHistory *history, double horizon)
{
	static double pmf[MOST_ORDERS];
	double		total = 0;
	double		orders = 0;
	double		squares = 0;
	double		up_to = 0;
	double		tail = 0;
	int			median = -1;
	double		n;

	for (int i = 0; i < MOST_ORDERS; i++)
	{
		pmf[i] = btyd_pmf(model, history, i, horizon);
		total += pmf[i];
		orders += i * pmf[i];
		squares += (double) i * i * pmf[i];
	}
	check_near(total, 1, 1e-11, 0, "%s: the sum", model->family->name);
	check_near(orders, btyd_expected_orders(model, history, horizon), 1e-9,
			   1e-12, "%s: the mean", model->family->name);
	check_near(squares - orders * orders,
			   btyd_variance(model, history, horizon), 1e-8, 1e-12,
			   "%s: the variance", model->family->name);
	for (int i = MOST_ORDERS - 1; i >= 1; i--)
	{
		tail += pmf[i];
		if (i <= 40)
			check_near(tail, btyd_at_least(model, history, i, horizon), 1e-9,
					   1e-13, "%s: %d or more", model->family->name, i);
	}
	for (int i = 0; i < MOST_ORDERS && median < 0; i++)
	{
		up_to += pmf[i];
		if (up_to >= 0.5)
			median = i;
	}
	check_true(btyd_quantile(model, history, 0.5, horizon, MOST_ORDERS, &n) &&
			   n == median, "%s: the median", model->family->name);
	check_true(btyd_quantile(model, history, 0, horizon, MOST_ORDERS, &n) &&
			   n == 0, "%s: none or more for sure", model->family->name);
	if (median > 0)
		check_true(!btyd_quantile(model, history, 0.5, horizon, median - 1, &n),
				   "%s: no more than asked for", model->family->name);
}

/* In no time, and of those who never leave: negative binomial */
static void
check_limits(const BtydModel *model)
{
	BtydModel	stays = *model;
	const BtydHistory history = {7, 20, 25.5};
	const double k = model->params[0] + 7;
	const double tau = 52 / (model->params[1] + 25.5);
	const double small = 1e-9;
	double		n;

	check_true(btyd_p_order(model, &history, 0) == 0 &&
			   btyd_pmf(model, &history, 0, 0) == 1 &&
			   btyd_pmf(model, &history, 3, 0) == 0 &&
			   btyd_variance(model, &history, 0) == 0 &&
			   btyd_quantile(model, &history, 0.9, 0, 10, &n) && n == 0,
			   "%s: nothing in no time", model->family->name);
	check_near(btyd_p_order(model, &history, small),
			   btyd_expected_orders(model, &history, small), 1e-8, 0,
			   "%s: one at the most in little time", model->family->name);
	stays.params[2] = 0;
	check_near(btyd_variance(&stays, &history, 52), k * tau * (1 + tau), 1e-12,
			   0, "%s: variance of a negative binomial", model->family->name);
	check_near(btyd_p_order(&stays, &history, 52), 1 - pow(1 + tau, -k), 1e-12,
			   0, "%s: P(order) of one", model->family->name);
	stays.params[2] = 1e-12;
	check_near(btyd_variance(&stays, &history, 52), k * tau * (1 + tau), 1e-9,
			   0, "%s: hardly anybody leaves", model->family->name);
}

/* No digits are lost where models are extreme */
static void
check_extremes(const BtydModel *model)
{
	for (int i = 0; i < 2000; i++)
	{
		BtydModel	extreme = *model;
		const double x = floor(exp(8 * noise(i, 1)) - 1);
		const double age = exp(20 * noise(i, 2) - 10);
		const BtydHistory history = {x, x > 0 ? age * noise(i, 3) : 0, age};
		const double horizon = exp(40 * noise(i, 4) - 20);
		double		one;
		double		mean;
		double		variance;
		double		n;

		for (int j = 0; j < BTYD_PARAMS; j++)
			extreme.params[j] = btyd_is_share(model->family, j) ? noise(i, 5 + j) :
				exp(20 * noise(i, 5 + j) - 10);
		one = btyd_p_order(&extreme, &history, horizon);
		mean = btyd_expected_orders(&extreme, &history, horizon);
		variance = btyd_variance(&extreme, &history, horizon);
		check_true(one >= 0 && one <= 1 + 1e-12 && one <= mean * (1 + 1e-9) + 1e-300,
				   "%s, %d: P(order) %g of %g orders", model->family->name, i, one, mean);
		check_true(isfinite(variance) && variance >= 0,
				   "%s, %d: variance %g", model->family->name, i, variance);
		/* Var N >= P(N = 0) P(N > 0) of the mean beyond */
		check_true(variance + mean * mean >= mean * (1 - 1e-9),
				   "%s, %d: squares %g are not below %g", model->family->name, i,
				   variance + mean * mean, mean);
		if (btyd_quantile(&extreme, &history, 0.9, horizon, 1e5, &n))
			check_true(btyd_at_least(&extreme, &history, n + 1, horizon) <= 0.1 + 1e-12 &&
					   (n == 0 || btyd_at_least(&extreme, &history, n, horizon) > 0.1 - 1e-12),
					   "%s, %d: quantile %g", model->family->name, i, n);
	}
}

void
test_orders_ahead(void)
{
	static const BtydModel models[] = {
		{&bgnbd_family, {0.243, 4.414, 0.793, 2.426}},
		{&mbgnbd_family, {0.525, 6.183, 0.891, 1.614}},
		{&pareto_nbd_family, {0.553, 10.578, 0.606, 11.669}},
		{&pareto_nbd_family, {1.5, 10, 2.5, 30}},
		{&hbgnbd_family, {0.423, 5.51, 0.768, 2.13, 0.28}}
	};
	static const BtydHistory histories[] = {
		{0, 0, 0}, {0, 0, 38.86}, {2, 30.43, 38.86}, {29, 38, 38.86}
	};

	check_reference();
	for (int i = 0; i < (int) lengthof(models); i++)
	{
		begin_test("%s %d: orders to come", models[i].family->name, i);
		for (int j = 0; j < (int) lengthof(histories); j++)
			check_sums(&models[i], &histories[j], 39);
		check_limits(&models[i]);
		check_extremes(&models[i]);
	}
}
