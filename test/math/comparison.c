/*
 * comparison.c
 *		Rates and means of two groups, against printed figures and those of R.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/comparison.h"
#include "math/specfun.h"

static void
check_rates(int treated_k, int treated, int control_k, int control,
			double low, double high, double p_value)
{
	Comparison	found = compare_rates(treated_k, treated, control_k, control, 0.95);

	check_near(found.ci_low, low, 1e-9, 0, "%d of %d, %d of %d: low", treated_k,
			   treated, control_k, control);
	check_near(found.ci_high, high, 1e-9, 0, "%d of %d, %d of %d: high", treated_k,
			   treated, control_k, control);
	check_near(found.p_value, p_value, 1e-9, 0, "%d of %d, %d of %d: p", treated_k,
			   treated, control_k, control);
}

static void
check_plan(double base, double rate, double power, double alpha, double share,
		   double control)
{
	ExperimentPlan plan = {base, power, alpha, share};
	double		lift;

	check_near(control_needed(&plan, rate), control, 1e-11, 0,
			   "control for %g to %g", base, rate);
	check_true(lift_found(&plan, control / share, &lift), "%g to %g is found",
			   base, rate);
	check_near(lift, rate / base - 1, 1e-9, 0, "lift from %g to %g", base, rate);
}

void
test_comparison(void)
{
	Sample		x = {7, 105.5 / 7, 308.035714285714286};
	Sample		y = {5, 6.3, 93.95};
	Sample		one = {1, 4, 1};
	Sample		same = {10, 4, 0};
	Comparison	found;
	ExperimentPlan plan = {0.5, 0.8, 0.05, 0.5};
	double		observed[] = {821, 9500};
	double		shares[] = {1, 9};
	double		low;
	double		high;

	begin_test("rates");
	wilson_interval(57, 1000, normal_reach(0.95), &low, &high);
	check_near(low, 0.0442534403587, 1e-11, 0, "57 of 1000: low");
	check_near(high, 0.0731370676595, 1e-11, 0, "57 of 1000: high");
	wilson_interval(0, 20, normal_reach(0.95), &low, &high);
	check_true(low == 0, "0 of 20");
	wilson_interval(20, 20, normal_reach(0.95), &low, &high);
	check_true(high == 1, "20 of 20");

	/*
	 * R: prop.test(correct = FALSE) for p; Newcombe 1998, table II, rounded
	 * there
	 */
	check_rates(56, 70, 48, 80, 0.0524314724024, 0.3338726540369, 0.0080450813682);
	check_rates(9, 10, 3, 10, 0.17052272393450, 0.80901797353549, 0.00616989932054);
	check_rates(420, 10000, 50, 1000, -0.02376837105812, 0.00456133254031, 0.23299549776311);
	found = compare_rates(0, 10, 0, 10, 0.95);
	check_true(!found.has_p_value && !found.has_relative, "nobody in either");
	check_true(!compare_rates(0, 0, 1, 10, 0.95).has_difference, "an empty group");

	begin_test("means");
	/* R: t.test(c(12, 0, 0, 45.5, 30, 0, 18), c(0, 0, 22, 0, 9.5)) */
	found = compare_means(&x, &y, 0.95);
	check_near(found.difference, 8.771428571429, 1e-12, 0, "difference");
	check_near(found.std_error, 7.924336063092, 1e-12, 0, "standard error");
	check_near(found.ci_low, -8.986887175965, 1e-12, 0, "low");
	check_near(found.ci_high, 26.529744318822, 1e-12, 0, "high");
	check_near(found.df, 9.594045343393, 1e-12, 0, "df");
	check_near(found.p_value, 0.295318437375, 1e-11, 0, "p");
	check_true(!compare_means(&one, &y, 0.95).has_interval, "one member");
	check_true(!compare_means(&same, &same, 0.95).has_interval, "nobody varies");
	check_near(compare_means(&same, &y, 0.95).df, 4, 1e-15, 0, "one group varies");

	begin_test("groups and their plan");
	check_near(goodness_of_fit(observed, shares, 2), 47.9746902217, 1e-11, 0, "a broken split");
	/* R: power.prop.test(p1 = 0.025, p2 = 0.0275, power = 0.8) is 64198.73 */
	check_plan(0.025, 0.0275, 0.8, 0.05, 0.5, 64198.7328377);
	check_true(!lift_found(&plan, 4, &low), "four customers find nothing");
	plan.power = 0.01;
	check_true(control_needed(&plan, 0.6) == 0, "found by chance as often");
}
