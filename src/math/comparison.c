/*
 * comparison.c
 *		Is one group better than another?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/comparison.h"

#include <math.h>

#include "math/specfun.h"
#include "math/student.h"

/*
 * Wilson's score interval of a share k / n (Wilson 1927, with z the normal
 * quantile): (k + z^2 / 2 +- z sqrt(k (n - k) / n + z^2 / 4)) / (n + z^2)
 */
void
wilson_interval(double k, double n, double z, double *low, double *high)
{
	double		middle = k + z * z / 2;
	double		half = z * sqrt(k * (n - k) / n + z * z / 4);

	/* exactly 0 and 1 at the ends, which rounding would miss */
	*low = k == 0 ? 0 : Max((middle - half) / (n + z * z), 0);
	*high = k == n ? 1 : Min((middle + half) / (n + z * z), 1);
}

/*
 * The shares treated_k / treated and control_k / control.
 *
 * The interval of the difference is that of R. G. Newcombe (1998), Interval estimation
 * for the difference between independent proportions, Statistics in Medicine 17,
 * 873-890, method 10: from both shares' Wilson intervals. The p-value is that of the
 * pooled z-test; std_error is the unpooled one.
 */
Comparison
compare_rates(double treated_k, double treated, double control_k,
			  double control, double confidence)
{
	Comparison	result = {false};
	const double z = normal_reach(confidence);
	const double p1 = treated_k / treated;
	const double p2 = control_k / control;
	const double pooled = (treated_k + control_k) / (treated + control);
	double		l1;
	double		u1;
	double		l2;
	double		u2;

	if (treated == 0 || control == 0)
		return result;
	wilson_interval(treated_k, treated, z, &l1, &u1);
	wilson_interval(control_k, control, z, &l2, &u2);
	result.has_difference = true;
	result.difference = p1 - p2;
	result.has_relative = control_k > 0;
	if (result.has_relative)
		result.relative = p1 / p2 - 1;
	result.has_interval = true;
	result.std_error = sqrt(p1 * (1 - p1) / treated + p2 * (1 - p2) / control);
	result.ci_low = result.difference - hypot(p1 - l1, u2 - p2);
	result.ci_high = result.difference + hypot(u1 - p1, p2 - l2);
	result.has_p_value = pooled > 0 && pooled < 1;
	if (result.has_p_value)
		result.p_value = erfc(fabs(result.difference) /
							  sqrt(pooled * (1 - pooled) *
								   (1 / treated + 1 / control)) * M_SQRT1_2);
	return result;
}

/*
 * Welch's test of two means, with the degrees of freedom of F. E. Satterthwaite
 * (1946). Where a group has fewer than two members, or neither varies, only the
 * difference is known.
 */
Comparison
compare_means(const Sample *treated, const Sample *control, double confidence)
{
	Comparison	result = {false};
	const double v1 = treated->variance / treated->n;
	const double v2 = control->variance / control->n;
	double		share;
	double		reach;

	if (treated->n == 0 || control->n == 0)
		return result;
	result.has_difference = true;
	result.difference = treated->mean - control->mean;
	result.has_relative = control->mean != 0;
	if (result.has_relative)
		result.relative = result.difference / control->mean;
	if (treated->n < 2 || control->n < 2 || v1 + v2 <= 0)
		return result;
	/* (v1 + v2)^2 / (v1^2 / (n1 - 1) + v2^2 / (n2 - 1)), which may overflow */
	share = v1 / (v1 + v2);
	result.df = 1 / (share * share / (treated->n - 1) +
					 (1 - share) * (1 - share) / (control->n - 1));
	result.std_error = sqrt(v1 + v2);
	reach = student_reach(confidence, result.df) * result.std_error;
	result.has_interval = true;
	result.ci_low = result.difference - reach;
	result.ci_high = result.difference + reach;
	result.has_p_value = true;
	result.p_value = student_tails(result.difference / result.std_error, result.df);
	return result;
}

/*
 * Pearson's chi-square of counts and the shares that they should have, which need not
 * add up to 1. Not all counts are 0.
 */
double
goodness_of_fit(const double *observed, const double *shares, int count)
{
	double		total = 0;
	double		whole = 0;
	double		sum = 0;

	for (int i = 0; i < count; i++)
	{
		total += observed[i];
		whole += shares[i];
	}
	for (int i = 0; i < count; i++)
	{
		const double expected = total * (shares[i] / whole);

		sum += (observed[i] - expected) / expected * (observed[i] - expected);
	}
	return sum;
}

/*
 * How many members, no whole number, the control group needs to find that the treated
 * have this rate and not the base rate; the formula with the pooled variance under
 * the hypothesis of no difference: J. L. Fleiss, B. Levin, M. C. Paik (2003),
 * Statistical Methods for Rates and Proportions, 4.14 without the continuity correction.
 */
double
control_needed(const ExperimentPlan *plan, double rate)
{
	const double base = plan->base_rate;
	const double k = (1 - plan->control_share) / plan->control_share;
	const double pooled = (base + k * rate) / (1 + k);
	const double reach = -normal_quantile(plan->alpha / 2) *
		sqrt(pooled * (1 - pooled) * (1 + 1 / k)) +
		normal_quantile(plan->power) *
		sqrt(base * (1 - base) + rate * (1 - rate) / k);

	/* below 0, something is found as often by chance */
	if (reach <= 0)
		return 0;
	return reach / (rate - base) * (reach / (rate - base));
}

/*
 * The smallest lift above 0 that so many customers, of both groups together, find;
 * false if not even a rate of 1 is.
 */
bool
lift_found(const ExperimentPlan *plan, double customers, double *lift)
{
	const double control = customers * plan->control_share;
	double		low = 0;
	double		high = 1 - plan->base_rate;

	if (control_needed(plan, 1) >= control)
		return false;

	/* of what lies above the base rate, until a double tells no more apart */
	for (int i = 0; i < 2000; i++)
	{
		const double middle = low == 0 ? high / 2 : low + (high - low) / 2;

		if (middle <= low || middle >= high)
			break;
		if (control_needed(plan, plan->base_rate + middle) > control)
			low = middle;
		else
			high = middle;
	}
	*lift = high / plan->base_rate;
	return true;
}
