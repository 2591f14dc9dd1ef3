/*
 * btyd.c
 *		The models of purchases against 50 digits (test/data/math), the numbers of other
 *		programs where they lie beside the project, published ones, and calculus.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/btyd.h"

static const char *const families[] = {"bgnbd", "mbgnbd", "pareto_nbd"};

static const BtydModel published[] = {
	{&bgnbd_family, {0.243, 4.414, 0.793, 2.426}},
	{&mbgnbd_family, {0.525, 6.183, 0.891, 1.614}},
	{&pareto_nbd_family, {0.553, 10.578, 0.606, 11.669}}
};

/* No other program has it; a round number of one-timers among the first's. */
static const BtydModel one_timers =
{&hbgnbd_family, {0.423, 5.51, 0.768, 2.13, 0.28}};

static BtydModel
model_of_row(const Table *table, const char *family)
{
	return (BtydModel) {
		btyd_family_named(table_text(table, family)),
		{
			table_number(table, "p1"), table_number(table, "p2"),
			table_number(table, "p3"), table_number(table, "p4")
		}
	};
}

/* The columns of our own table and of the reference have other names. */
static void
check_customers(const char *file, const char *family, const char *age_column,
				const char *horizon_column, const char *expected_column,
				double tolerance)
{
	Table		table;

	if (!table_open(&table, file))
		return;
	while (table_next(&table))
	{
		const BtydModel model = model_of_row(&table, family);
		const BtydHistory history = {
			table_number(&table, "x"), table_number(&table, "t_x"),
			table_number(&table, age_column)
		};
		const double horizon = table_number(&table, horizon_column);
		const int	line = table.line;

		check_near(btyd_log_likelihood_of(&model, &history),
				   table_number(&table, "log_likelihood"), tolerance, 1,
				   "%s, line %d: log-likelihood", file, line);
		check_near(btyd_p_alive(&model, &history), table_number(&table, "p_alive"),
				   tolerance, 1e-290, "%s, line %d: P(alive)", file, line);
		check_near(btyd_expected_orders(&model, &history, horizon),
				   table_number(&table, expected_column), tolerance, 1e-290,
				   "%s, line %d: expected orders", file, line);
		if (history.age == 0)
			check_near(btyd_expected_orders_new(&model, horizon),
					   table_number(&table, expected_column), tolerance, 1e-290,
					   "%s, line %d: of a new customer", file, line);
	}
}

static void
check_pmf(void)
{
	Table		table;

	if (!table_open(&table, "math/pmf.csv"))
		return;
	while (table_next(&table))
	{
		const BtydModel model = model_of_row(&table, "family");

		check_near(btyd_pmf_new(&model, table_number(&table, "n"),
								table_number(&table, "horizon")),
				   table_number(&table, "pmf"), 1e-12, 1e-290,
				   "pmf.csv, line %d", table.line);
	}
}

/* Other programs' numbers for 2,357 customers, at the published parameters */
static void
check_cdnow(void)
{
	Table		customers;
	Table		values;

	if (!table_open(&customers, "shared/cdnow/cbs.csv") ||
		!table_open(&values, "shared/cdnow/customers_published_params.csv"))
		return;
	while (table_next(&customers) && table_next(&values))
	{
		const BtydHistory history = {
			table_number(&customers, "x"), table_number(&customers, "t_x"),
			table_number(&customers, "T")
		};
		const int	line = values.line;

		check_true(strcmp(table_text(&customers, "customer_id"),
						  table_text(&values, "customer_id")) == 0,
				   "cdnow, line %d: the same customer", line);
		for (int i = 0; i < (int) lengthof(published); i++)
		{
			char		column[64];

			snprintf(column, sizeof(column), "%s_p_alive", families[i]);
			check_near(btyd_p_alive(&published[i], &history),
					   table_number(&values, column), 1e-8, 1, "cdnow, line %d: %s", line, column);
			snprintf(column, sizeof(column), "%s_expected", families[i]);
			check_near(btyd_expected_orders(&published[i], &history, 39),
					   table_number(&values, column), 1e-8, 1, "cdnow, line %d: %s", line, column);
			snprintf(column, sizeof(column), "%s_ll", families[i]);
			check_near(btyd_log_likelihood_of(&published[i], &history),
					   table_number(&values, column), 1e-8, 1, "cdnow, line %d: %s", line, column);
		}
	}
	check_true(!table_next(&values), "cdnow: as many rows");
}

/* As printed: Fader, Hardie, Lee (2005), section 4; Fader and Hardie, note 027 */
static void
check_published(void)
{
	const BtydModel note = {&bgnbd_family, {0.25, 4, 0.8, 2.5}};
	const BtydHistory first = {2, 30.43, 38.86};

	begin_test("published values");
	check_true(fabs(btyd_expected_orders(&published[0], &first, 39) - 1.226) < 0.0005,
			   "customer 1 of CDNOW: 1.226");
	check_near(btyd_log_likelihood_of(&note, &(BtydHistory) {0, 0, 40}), -0.59947382,
			   1e-8, 0, "note 027: -0.59947382");
	check_true(fabs(btyd_log_likelihood_of(&note, &(BtydHistory) {200, 38, 40}) - 100.7957) < 0.00005,
			   "note 027: 100.7957");
	check_true(btyd_family_named("bg_bb") == NULL, "no such family");
}

/* ------------------------------------------------------------------------
 * Calculus
 * ------------------------------------------------------------------------
 */
static BtydPattern patterns[] = {
	{{0, 0, 20}, 7}, {{0, 0, 38.86}, 90}, {{1, 0.3, 38.86}, 4}, {{1, 30, 35}, 6},
	{{2, 30.43, 38.86}, 5}, {{5, 5, 38.86}, 1}, {{6, 20, 22}, 3}, {{29, 38, 38.86}, 1}
};
static const BtydData data = {patterns, lengthof(patterns)};

/* That of the model whose parameter "which" is e^step as large, or its odds are */
static Objective
objective_at(const BtydModel *model, int which, double step)
{
	BtydModel	moved = *model;
	Objective	result;

	if (btyd_is_share(model->family, which))
		moved.params[which] = 1 / (1 + (1 / moved.params[which] - 1) * exp(-step));
	else
		moved.params[which] *= exp(step);
	model->family->log_likelihood(&moved, &data, &result);
	return result;
}

/* Five-point differences of a value and of a gradient */
static double
difference(double far_below, double below, double above, double far_above,
		   double step)
{
	return (far_below - 8 * below + 8 * above - far_above) / (12 * step);
}

static void
check_derivatives(const BtydModel *model)
{
	const char *name = model->family->name;
	const double h = 1e-2;
	const Objective here = objective_at(model, 0, 0);
	double		sum = 0;

	begin_test("%s: derivatives", name);
	for (uint64 i = 0; i < data.npatterns; i++)
		sum += patterns[i].customers * btyd_log_likelihood_of(model, &patterns[i].history);
	check_near(here.value, sum, 1e-13, 0, "%s: the sum of the customers'", name);
	for (int i = 0; i < BTYD_PARAMS; i++)
	{
		const Objective a = objective_at(model, i, -2 * h);
		const Objective b = objective_at(model, i, -h);
		const Objective c = objective_at(model, i, h);
		const Objective d = objective_at(model, i, 2 * h);

		check_near(here.gradient[i], difference(a.value, b.value, c.value, d.value, h),
				   1e-7, 1, "%s: slope %d", name, i);
		for (int j = 0; j < BTYD_PARAMS; j++)
		{
			check_near(here.hessian[i][j],
					   difference(a.gradient[j], b.gradient[j], c.gradient[j], d.gradient[j], h),
					   1e-6, 1, "%s: curvature %d %d", name, i, j);
			check_true(here.hessian[i][j] == here.hessian[j][i], "%s: %d %d is symmetric", name, i, j);
		}
	}
}

/* Of a customer who is sure to buy once at the least, and of one who is not */
static void
check_horizons(const BtydModel *model)
{
	const char *name = model->family->name;
	const BtydHistory history = {29, 38, 38.86};
	const double whole = btyd_expected_orders(model, &history, 52);
	double		total = 0;
	double		orders = 0;
	double		fine;
	double		next;

	begin_test("%s: horizons", name);
	check_true(btyd_expected_orders(model, &history, 0) == 0, "%s: nothing in no time", name);
	check_near(btyd_orders_by_step(model, &history, 52, 0, 1), whole, 1e-15, 0, "%s: no rate", name);
	check_near(btyd_orders_by_force(model, &history, 52, 0), whole, 1e-15, 0, "%s: no force", name);
	check_near(btyd_orders_by_step(model, &history, 52, 0.5, 52), whole / 1.5, 1e-15, 0, "%s: one step", name);
	check_near(btyd_orders_by_step(model, &history, 1.5, 0.1, 1),
			   btyd_expected_orders(model, &history, 1) / 1.1 +
			   (btyd_expected_orders(model, &history, 1.5) -
				btyd_expected_orders(model, &history, 1)) / 1.21, 1e-14, 0, "%s: a step and a half", name);

	/*
	 * steps of 1 and of 1/2, at their ends, halve the error: their difference
	 * is the limit
	 */
	fine = 2 * btyd_orders_by_step(model, &history, 52, expm1(0.002 / 512), 1.0 / 512) -
		btyd_orders_by_step(model, &history, 52, expm1(0.002 / 256), 1.0 / 256);
	check_near(btyd_orders_by_force(model, &history, 52, 0.002), fine, 1e-9, 0, "%s: force", name);
	fine = 2 * btyd_orders_by_step(model, &history, 20000, expm1(0.002 / 4), 1.0 / 4) -
		btyd_orders_by_step(model, &history, 20000, expm1(0.002 / 2), 1.0 / 2);
	check_near(btyd_orders_by_force(model, &history, 1e8, 0.002), fine, 1e-5, 0, "%s: force, for ever", name);

	next = btyd_next_order(model, &history, 52);
	check_near(btyd_expected_orders(model, &history, next), 1, 1e-12, 0, "%s: the next order", name);

	for (int n = 0; n < 4000; n++)
	{
		const double p = btyd_pmf_new(model, n, 39);

		total += p;
		orders += n * p;
	}
	check_near(total, 1, 1e-12, 0, "%s: the probabilities' sum", name);
	check_near(orders, btyd_expected_orders_new(model, 39), 1e-11, 0, "%s: their mean", name);
}

/* The limit in which nobody leaves: an NBD model */
static void
check_nobody_leaves(const BtydModel *model)
{
	const char *name = model->family->name;
	BtydModel	limit = *model;
	const BtydHistory history = {7, 20, 25.5};

	begin_test("%s: nobody leaves", name);
	limit.params[2] = 0;
	check_true(btyd_p_alive(&limit, &history) == 1, "%s: nobody leaves", name);
	check_near(btyd_expected_orders(&limit, &history, 52),
			   52 * (limit.params[0] + 7) / (limit.params[1] + 25.5), 1e-14, 0,
			   "%s: at his own rate", name);
	check_near(btyd_log_likelihood_of(&limit, &history),
			   log1p(-limit.params[ONE_TIME]) +
			   lgamma(limit.params[0] + 7) - lgamma(limit.params[0]) +
			   limit.params[0] * log(limit.params[1]) -
			   (limit.params[0] + 7) * log(limit.params[1] + 25.5), 1e-13, 0,
			   "%s: NBD", name);
}

static void
check_interrupts(const BtydModel *model)
{
	static BtydPattern many[50000];
	const BtydData crowd = {many, lengthof(many)};
	const uint64 before = shim_interrupts;
	Objective	result;

	begin_test("%s: interrupts", model->family->name);
	for (int i = 0; i < (int) lengthof(many); i++)
		many[i] = (BtydPattern) {{1, 1 + i * 1e-4, 30}, 1};
	model->family->log_likelihood(model, &crowd, &result);
	check_true(shim_interrupts >= before + lengthof(many) / 1024,
			   "%s: can be interrupted", model->family->name);
}

static void
check_calculus(const BtydModel *model)
{
	check_derivatives(model);
	check_horizons(model);
	check_nobody_leaves(model);
	check_interrupts(model);
}

/* One-timers apart, by the definition; and none of them: the BG/NBD model to the bit */
static void
check_one_timers(void)
{
	const BtydModel *bgnbd = &published[0];
	BtydModel	none = *bgnbd;
	BtydModel	some = *bgnbd;
	const double share = 0.3;

	begin_test("one-timers apart");
	none.family = some.family = &hbgnbd_family;
	some.params[ONE_TIME] = share;
	for (uint64 i = 0; i < data.npatterns; i++)
	{
		const BtydHistory *history = &patterns[i].history;
		const double likelihood = exp(btyd_log_likelihood_of(bgnbd, history));
		const double others = (1 - share) * likelihood;
		const double mixed = others + (history->x == 0 ? share : 0);
		const double orders = btyd_expected_orders(bgnbd, history, 52);

		check_near(btyd_log_likelihood_of(&some, history), log(mixed), 1e-13, 0, "one-timers: likelihood %d", (int) i);
		check_near(btyd_p_alive(&some, history), others / mixed * btyd_p_alive(bgnbd, history), 1e-13, 0,
				   "one-timers: P(alive) %d", (int) i);
		check_near(btyd_expected_orders(&some, history, 52), others / mixed * orders, 1e-13, 0,
				   "one-timers: orders %d", (int) i);
		check_true(btyd_log_likelihood_of(&none, history) == btyd_log_likelihood_of(bgnbd, history) &&
				   btyd_p_alive(&none, history) == btyd_p_alive(bgnbd, history) &&
				   btyd_expected_orders(&none, history, 52) == orders,
				   "no one-timers: %d", (int) i);
	}
	check_near(btyd_expected_orders_new(&some, 52), 0.7 * btyd_expected_orders_new(bgnbd, 52), 1e-14, 0,
			   "one-timers: of new customers");
}

void
test_btyd(void)
{
	check_customers("math/btyd.csv", "family", "age", "horizon", "expected_orders", 1e-12);
	check_customers("shared/edge_cases.csv", "model", "T", "t", "expected", 1e-9);
	check_pmf();
	check_cdnow();
	check_published();
	for (int i = 0; i < (int) lengthof(published); i++)
		check_calculus(&published[i]);
	check_calculus(&one_timers);
	check_one_timers();
}
