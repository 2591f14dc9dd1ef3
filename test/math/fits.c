/*
 * fits.c
 *		Fits: the published parameters of CDNOW, known parameters found again, and what
 *		comes of data that say little.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/btyd_fit.h"

#define MOST_CUSTOMERS	5000

static BtydPattern customers[MOST_CUSTOMERS];
static SpendPattern spenders[MOST_CUSTOMERS];
static BtydData data = {customers, 0};
static SpendData spend = {spenders, 0};

static int
compare_customers(const void *a, const void *b)
{
	const BtydHistory *x = &((const BtydPattern *) a)->history;
	const BtydHistory *y = &((const BtydPattern *) b)->history;

	return x->x != y->x ? (x->x > y->x) - (x->x < y->x) :
		x->t_x != y->t_x ? (x->t_x > y->t_x) - (x->t_x < y->t_x) :
		(x->age > y->age) - (x->age < y->age);
}

static int
compare_spenders(const void *a, const void *b)
{
	const SpendPattern *x = a;
	const SpendPattern *y = b;

	return x->x != y->x ? (x->x > y->x) - (x->x < y->x) :
		(x->mean > y->mean) - (x->mean < y->mean);
}

/*
 * In the order that fits want, which takes equal customers for one: whether they
 * come as one or as many must not matter.
 */
static void
sort_all(void)
{
	qsort(customers, data.npatterns, sizeof(BtydPattern), compare_customers);
	qsort(spenders, spend.npatterns, sizeof(SpendPattern), compare_spenders);
}

/* ------------------------------------------------------------------------
 * CDNOW
 * ------------------------------------------------------------------------
 */
static bool
load_cdnow(void)
{
	Table		table;

	data.npatterns = spend.npatterns = 0;
	if (!table_open(&table, "shared/cdnow/cbs.csv"))
		return false;
	while (table_next(&table))
	{
		const double x = table_number(&table, "x");
		const double mean = table_number(&table, "monetary");

		customers[data.npatterns++] = (BtydPattern) {
			{x, table_number(&table, "t_x"), table_number(&table, "T")}, 1
		};
		if (x > 0 && mean > 0)
			spenders[spend.npatterns++] = (SpendPattern) {x, mean, 1};
	}
	sort_all();
	return true;
}

/* As in the papers, and the polished optimum of params.csv */
typedef struct Expectation
{
	const char *name;
	const BtydFamily *family;
	const char *param_names[BTYD_PARAMS];
	double		printed[BTYD_PARAMS];
	double		within;
	double		log_likelihood;
} Expectation;

static const Expectation cdnow[] = {
	{"bgnbd", &bgnbd_family, {"r", "alpha", "a", "b"}, {0.243, 4.414, 0.793, 2.426}, 0.0005, -9582.429},
	{"mbgnbd", &mbgnbd_family, {"r", "alpha", "a", "b"}, {0.525, 6.183, 0.891, 1.614}, 0.0005, -9582.136},
	{"pareto_nbd", &pareto_nbd_family, {"r", "alpha", "s", "beta"}, {0.553, 10.578, 0.606, 11.669}, 0.0005, -9594.976},
	{"gamma_gamma", NULL, {"p", "q", "v"}, {6.25, 3.74, 15.44}, 0.005, -4055.918}
};

static void
check_optimum(const Expectation *expectation, const ModelFit *fit)
{
	Table		table;

	if (!table_open(&table, "shared/cdnow/params.csv"))
		return;
	while (table_next(&table))
		for (int i = 0; i < fit->nparams; i++)
			if (strcmp(table_text(&table, "model"), expectation->name) == 0 &&
				strcmp(table_text(&table, "source"), "polished optimum") == 0 &&
				strcmp(table_text(&table, "parameter"), expectation->param_names[i]) == 0)
			{
				check_near(fit->params[i], table_number(&table, "estimate"), 1e-4, 0,
						   "cdnow: %s of %s", expectation->param_names[i], expectation->name);
				check_near(fit->std_errors[i], table_number(&table, "std_error"), 1e-3, 0,
						   "cdnow: error of %s of %s", expectation->param_names[i], expectation->name);
			}
}

static void
check_cdnow(void)
{
	double		correlation;

	if (!load_cdnow())
		return;
	for (int i = 0; i < (int) lengthof(cdnow); i++)
	{
		const Expectation *expectation = &cdnow[i];
		ModelFit	fit;

		begin_test("cdnow: %s", expectation->name);
		if (expectation->family)
			btyd_fit(expectation->family, &data, &fit);
		else
			gamma_gamma_fit(&spend, &fit);
		check_true(fit.converged && fit.outcome == FIT_OK, "cdnow: %s converged", expectation->name);
		for (int j = 0; j < fit.nparams; j++)
			check_true(fabs(fit.params[j] - expectation->printed[j]) <= expectation->within,
					   "cdnow: %s of %s is %g", expectation->param_names[j], expectation->name, fit.params[j]);
		check_near(fit.log_likelihood, expectation->log_likelihood, 1e-7, 0, "cdnow: log-likelihood of %s", expectation->name);
		check_true(fit.customers == (expectation->family ? 2357 : 946), "cdnow: customers of %s", expectation->name);
		check_optimum(expectation, &fit);
	}
	begin_test("cdnow: correlation");
	check_true(spend_correlation(&spend, &correlation) && correlation > 0.1 && correlation < 0.13,
			   "cdnow: correlation %g", correlation);
}

/* ------------------------------------------------------------------------
 * Customers made to measure
 * ------------------------------------------------------------------------
 */

/* W. Kahan and others' way to a sum of gamma variables of a whole shape: logarithms */
static double
gamma_variable(int shape, double rate, uint64 *seed)
{
	double		sum = 0;

	for (int i = 0; i < shape; i++)
		sum -= log(1 - noise((*seed)++, 17));
	return sum / rate;
}

/*
 * BG/NBD customers with r 2, alpha 10, and a 1, b 3 (p of beta: 1 - U^(1/3)), and a
 * share who never come back
 */
static void
make_customers(int n, double one_time)
{
	uint64		seed = 0;

	data.npatterns = n;
	for (int i = 0; i < n; i++)
	{
		const double rate = gamma_variable(2, 10, &seed);
		const double p = 1 - cbrt(noise(seed++, 18));
		const double age = 20 + i % 33;
		BtydHistory history = {0, 0, age};
		double		at = 0;

		while (noise(i, 20) >= one_time)
		{
			at += gamma_variable(1, rate, &seed);
			if (at > age)
				break;
			history.x++;
			history.t_x = at;
			if (noise(seed++, 19) < p)
				break;
		}
		customers[i] = (BtydPattern) {history, 1};
	}
	sort_all();
}

static void
check_found_again(void)
{
	const double made_with[] = {2, 10, 1, 3};
	ModelFit	fit;
	ModelFit	again;
	ModelFit	in_days;
	Objective	top;
	BtydModel	model = {&bgnbd_family};

	begin_test("parameters found again");
	make_customers(MOST_CUSTOMERS, 0);
	btyd_fit(&bgnbd_family, &data, &fit);
	check_true(fit.converged && fit.outcome == FIT_OK, "found again: converged");
	for (int i = 0; i < fit.nparams; i++)
		check_true(fabs(fit.params[i] - made_with[i]) < 4 * fit.std_errors[i],
				   "found again: parameter %d is %g, give or take %g", i, fit.params[i], fit.std_errors[i]);
	memcpy(model.params, fit.params, sizeof(model.params));
	bgnbd_family.log_likelihood(&model, &data, &top);
	for (int i = 0; i < fit.nparams; i++)
		check_near(top.gradient[i], 0, 1e-6, 1, "found again: slope %d", i);
	btyd_fit(&bgnbd_family, &data, &again);
	check_true(memcmp(fit.params, again.params, sizeof(fit.params)) == 0, "found again: twice the same");

	begin_test("another unit of time");
	/* in days: alpha is seven times as large, and nothing else */
	for (uint64 i = 0; i < data.npatterns; i++)
	{
		customers[i].history.t_x *= 7;
		customers[i].history.age *= 7;
	}
	btyd_fit(&bgnbd_family, &data, &in_days);
	for (int i = 0; i < fit.nparams; i++)
		check_near(in_days.params[i], fit.params[i] * (i == 1 ? 7 : 1), 1e-8, 0, "in days: parameter %d", i);
}

/* A share of one-timers is found, and where there are none it is said. */
static void
check_one_timers(void)
{
	const double made_with[BTYD_PARAMS] = {2, 10, 1, 3, 0.3};
	ModelFit	fit;
	ModelFit	bgnbd;
	Objective	top;
	BtydModel	model = {&hbgnbd_family};

	begin_test("one-timers found");
	make_customers(MOST_CUSTOMERS, 0.3);
	btyd_fit(&hbgnbd_family, &data, &fit);
	btyd_fit(&bgnbd_family, &data, &bgnbd);
	check_true(fit.converged && fit.outcome == FIT_OK, "one-timers: converged");
	check_true(fit.log_likelihood > bgnbd.log_likelihood + 10, "one-timers: %g, %g without",
			   fit.log_likelihood, bgnbd.log_likelihood);
	for (int i = 0; i < fit.nparams; i++)
		check_true(fabs(fit.params[i] - made_with[i]) < 3 * fit.std_errors[i],
				   "one-timers: parameter %d is %g, give or take %g", i, fit.params[i], fit.std_errors[i]);
	memcpy(model.params, fit.params, sizeof(model.params));
	hbgnbd_family.log_likelihood(&model, &data, &top);
	check_near(top.value, fit.log_likelihood, 1e-14, 0, "one-timers: the top");
	for (int i = 0; i < fit.nparams; i++)
		check_near(top.gradient[i], 0, 1e-6, 1, "one-timers: slope %d", i);

	begin_test("no one-timers");
	make_customers(MOST_CUSTOMERS, 0);
	btyd_fit(&hbgnbd_family, &data, &fit);
	btyd_fit(&bgnbd_family, &data, &bgnbd);
	check_true(fit.log_likelihood >= bgnbd.log_likelihood, "no one-timers: not less likely");
	check_true(fit.outcome == FIT_NO_ONE_TIMERS ?
			   memcmp(fit.params, bgnbd.params, 4 * sizeof(double)) == 0 && fit.params[ONE_TIME] == 0 :
			   fit.params[ONE_TIME] < 3 * fit.std_errors[ONE_TIME],
			   "no one-timers: a share of %g", fit.params[ONE_TIME]);
}

/* ------------------------------------------------------------------------
 * Data that say little
 * ------------------------------------------------------------------------
 */
static void
fill(int n, BtydHistory (*history) (int i))
{
	data.npatterns = n;
	for (int i = 0; i < n; i++)
		customers[i] = (BtydPattern) {history(i), 1};
	sort_all();
}

static BtydHistory
never_back(int i)
{
	return (BtydHistory) {0, 0, 10 + i};
}

static BtydHistory
one_back(int i)
{
	return i == 0 ? (BtydHistory) {3, 5, 11} : (BtydHistory) {0, 0, 10 + i};
}

static BtydHistory
never_gone(int i)
{
	const int	x = i % 12;

	return (BtydHistory) {x, x > 0 ? 30 - (i % 5) / 2.0 : 0, 30};
}

static BtydHistory
identical(int i)
{
	return (BtydHistory) {3, 20, 30};
}

static BtydHistory
first_days_only(int i)
{
	return (BtydHistory) {1 + i % 5, 0.5, 30};
}

/* Whatever comes of it, it can be used */
static void
check_outcome(const char *name, const BtydFamily *family, bool has_params,
			  FitOutcome outcome)
{
	ModelFit	fit;
	BtydModel	model = {family};

	begin_test("%s, %s", name, family->name);
	btyd_fit(family, &data, &fit);
	check_true(fit.has_params == has_params, "%s, %s: parameters", name, family->name);
	check_true(fit.outcome == outcome, "%s, %s: outcome %d", name, family->name, (int) fit.outcome);
	check_true(fit.converged == (outcome == FIT_OK), "%s, %s: converged", name, family->name);
	memcpy(model.params, fit.params, sizeof(model.params));
	for (uint64 i = 0; fit.has_params && i < data.npatterns; i++)
	{
		const double p = btyd_p_alive(&model, &customers[i].history);
		const double orders = btyd_expected_orders(&model, &customers[i].history, 52);

		check_true(p >= 0 && p <= 1 && orders >= 0 && orders < 1e6,
				   "%s, %s: P(alive) %g, %g orders", name, family->name, p, orders);
	}
}

static void
check_little(void)
{
	const BtydFamily *families[] = {&bgnbd_family, &mbgnbd_family, &pareto_nbd_family, &hbgnbd_family};

	for (int i = 0; i < (int) lengthof(families); i++)
	{
		const BtydFamily *family = families[i];

		fill(50, never_back);
		check_outcome("never back", family, false, FIT_NO_REPEATER);
		fill(50, one_back);
		check_outcome("one back", family, false, FIT_ONE_REPEATER);
		fill(240, never_gone);
		check_outcome("never gone", family, true, FIT_NO_CHURN);
		fill(100, identical);
		check_outcome("identical", family, true, FIT_NO_CHURN_EQUAL_RATES);
	}
	fill(100, first_days_only);
	check_outcome("first days only", &pareto_nbd_family, true, FIT_EQUAL_RATES);
}

static void
check_little_spend(void)
{
	ModelFit	fit;
	double		value;
	double		correlation;

	begin_test("no spender");
	spend.npatterns = 0;
	gamma_gamma_fit(&spend, &fit);
	check_true(fit.outcome == FIT_NO_VALUE && !fit.has_params, "no spender");
	begin_test("all spend the same");
	spend.npatterns = 2;
	spenders[0] = (SpendPattern) {1, 20, 5};
	spenders[1] = (SpendPattern) {2, 20, 5};
	gamma_gamma_fit(&spend, &fit);
	check_true(fit.outcome == FIT_COMMON_VALUE && fit.has_params, "all spend 20");
	check_true(gamma_gamma_expected(fit.params, 3, 20, &value), "all spend 20: a value");
	check_near(value, 20, 1e-9, 0, "all spend 20: 20");
	check_true(!spend_correlation(&spend, &correlation), "all spend 20: no correlation");
	begin_test("nearly all spend the same");
	for (int i = 0; i < 40; i++)
		spenders[i] = (SpendPattern) {1 + i / 10, 20 + 1e-9 * (i % 10), 1};
	spend.npatterns = 40;
	gamma_gamma_fit(&spend, &fit);
	check_true(fit.has_params && !fit.converged && fit.outcome == FIT_EQUAL_MEANS, "nearly 20: outcome %d", (int) fit.outcome);
}

void
test_fits(void)
{
	check_cdnow();
	check_found_again();
	check_one_timers();
	check_little();
	check_little_spend();
}
