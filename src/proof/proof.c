/*
 * proof.c
 *		Did it work? Rates and means of two groups, the split between them, and how
 *		many customers an experiment needs.
 *
 * The mathematics is in comparison.c.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

#include <math.h>

#include "base/checks.h"
#include "base/result_rows.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "math/specfun.h"
#include "proof/comparison_row.h"
#include "utils/array.h"

/* A number of those members */
static int64
part_arg(FunctionCallInfo fcinfo, int argument, const char *name, int64 whole,
		 const char *whole_name)
{
	const int64 part = PG_GETARG_INT64(argument);

	if (part < 0 || part > whole)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between 0 and \"%s\", which is " INT64_FORMAT ", not " INT64_FORMAT,
						name, whole_name, whole, part)));
	return part;
}

/* A rate or a share: above 0 and below 1 */
static double
share_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	const double share = PG_GETARG_FLOAT8(argument);

	if (!(share > 0 && share < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be above 0 and below 1, not %g",
						name, share),
				 errhint("Write 5 %% as 0.05.")));
	return share;
}

/*
 * rate_ci(successes bigint, trials bigint, confidence double precision,
 * OUT rate, OUT ci_low, OUT ci_high double precision)
 *
 * The share and its Wilson interval; NULLs without trials.
 */
PG_FUNCTION_INFO_V1(rate_ci);
Datum
rate_ci(PG_FUNCTION_ARGS)
{
	enum
	{
		RATE, LOW, HIGH, COLUMNS
	};
	const int64 trials = count_arg(fcinfo, 1, "trials");
	const int64 successes = part_arg(fcinfo, 0, "successes", trials, "trials");
	const double z = normal_reach(confidence_arg(fcinfo, 2));
	double		low = 0;
	double		high = 0;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];

	if (trials > 0)
		wilson_interval((double) successes, (double) trials, z, &low, &high);
	values[RATE] = share_or_null(successes, trials, &nulls[RATE]);
	values[LOW] = float8_or_null(trials > 0, low, &nulls[LOW]);
	values[HIGH] = float8_or_null(trials > 0, high, &nulls[HIGH]);
	return result_row(fcinfo, values, nulls);
}

/*
 * rate_difference(treated_successes, treated, control_successes, control bigint,
 * confidence double precision, OUT treated_rate, OUT control_rate, OUT difference,
 * OUT ci_low, OUT ci_high, OUT relative, OUT p_value double precision)
 *
 * Rates are shares, and so is their difference. Of an empty group nothing is known but
 * the other one's rate.
 */
PG_FUNCTION_INFO_V1(rate_difference);
Datum
rate_difference(PG_FUNCTION_ARGS)
{
	enum
	{
		TREATED_RATE, CONTROL_RATE, DIFFERENCE, CI_LOW, CI_HIGH, RELATIVE, P_VALUE, COLUMNS
	};
	static const ComparisonColumns columns = {
		DIFFERENCE, NO_COLUMN, CI_LOW, CI_HIGH, RELATIVE, NO_COLUMN, P_VALUE
	};
	const int64 treated = count_arg(fcinfo, 1, "treated");
	const int64 treated_k = part_arg(fcinfo, 0, "treated_successes", treated,
									 "treated");
	const int64 control = count_arg(fcinfo, 3, "control");
	const int64 control_k = part_arg(fcinfo, 2, "control_successes", control,
									 "control");
	const Comparison found = compare_rates((double) treated_k, (double) treated,
										   (double) control_k, (double) control,
										   confidence_arg(fcinfo, 4));
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];

	values[TREATED_RATE] = share_or_null(treated_k, treated,
										 &nulls[TREATED_RATE]);
	values[CONTROL_RATE] = share_or_null(control_k, control,
										 &nulls[CONTROL_RATE]);
	put_comparison(values, nulls, &columns, &found);
	return result_row(fcinfo, values, nulls);
}

/* Three arguments: mean, variance, members. A group without any has no mean. */
static Sample
sample_args(FunctionCallInfo fcinfo, int argument, const char *mean_name,
			const char *variance_name, const char *count_name)
{
	Sample		sample;

	sample.mean = PG_GETARG_FLOAT8(argument);
	sample.variance = PG_GETARG_FLOAT8(argument + 1);
	sample.n = (double) count_arg(fcinfo, argument + 2, count_name);
	check_finite_double(sample.mean, mean_name);
	check_double_range(sample.variance, 0, INFINITY, variance_name);
	return sample;
}

/*
 * mean_difference(treated_mean, treated_variance double precision, treated bigint,
 * control_mean, control_variance double precision, control bigint, confidence double
 * precision, OUT difference, OUT std_error, OUT ci_low, OUT ci_high, OUT relative,
 * OUT df, OUT p_value double precision)
 *
 * In the unit of the means.
 */
PG_FUNCTION_INFO_V1(mean_difference);
Datum
mean_difference(PG_FUNCTION_ARGS)
{
	enum
	{
		DIFFERENCE, STD_ERROR, CI_LOW, CI_HIGH, RELATIVE, DF, P_VALUE, COLUMNS
	};
	static const ComparisonColumns columns = {
		DIFFERENCE, STD_ERROR, CI_LOW, CI_HIGH, RELATIVE, DF, P_VALUE
	};
	const Sample treated = sample_args(fcinfo, 0, "treated_mean",
									   "treated_variance", "treated");
	const Sample control = sample_args(fcinfo, 3, "control_mean",
									   "control_variance", "control");
	const Comparison found = compare_means(&treated, &control,
										   confidence_arg(fcinfo, 6));
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];

	put_comparison(values, nulls, &columns, &found);
	return result_row(fcinfo, values, nulls);
}

/* ------------------------------------------------------------------------
 * Was the split what it should be?
 * ------------------------------------------------------------------------
 */
#define MOST_ARMS	100

/* The elements of an array of this type, none of which may be NULL */
static Datum *
array_elements(ArrayType *array, Oid type, const char *name, int *count)
{
	Datum	   *values;
	bool	   *nulls;

	deconstruct_array(array, type, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &values, &nulls, count);
	for (int i = 0; i < *count; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not have a null element",
							name)));
	return values;
}

static void
check_arms(int observed, int shares)
{
	if (observed != shares)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"observed\" and \"expected_shares\" must have as many elements as each other, not %d and %d",
						observed, shares)));
	if (shares < 2 || shares > MOST_ARMS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"observed\" must have between 2 and %d elements, not %d",
						MOST_ARMS, observed)));
}

/* Reads both arrays into arrays for MOST_ARMS; returns how many arms there are. */
static int
read_arms(FunctionCallInfo fcinfo, double *observed, double *shares)
{
	int			count;
	int			nshares;
	Datum	   *counts = array_elements(PG_GETARG_ARRAYTYPE_P(0), INT8OID,
										"observed", &count);
	Datum	   *planned = array_elements(PG_GETARG_ARRAYTYPE_P(1), FLOAT8OID,
										 "expected_shares", &nshares);

	check_arms(count, nshares);
	for (int i = 0; i < count; i++)
	{
		const int64 members = DatumGetInt64(counts[i]);

		shares[i] = DatumGetFloat8(planned[i]);
		if (members < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"observed\" must have no element below 0, not " INT64_FORMAT,
							members)));
		if (!(shares[i] > 0 && isfinite(shares[i])))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"expected_shares\" must have finite elements above 0 only, not %g",
							shares[i])));
		observed[i] = (double) members;
	}
	return count;
}

/*
 * srm_check(observed bigint[], expected_shares double precision[],
 * OUT chi_square double precision, OUT df integer, OUT p_value double precision)
 *
 * Pearson's test; NULLs if nobody was observed.
 */
PG_FUNCTION_INFO_V1(srm_check);
Datum
srm_check(PG_FUNCTION_ARGS)
{
	enum
	{
		CHI_SQUARE, DF, P_VALUE, COLUMNS
	};
	double		observed[MOST_ARMS];
	double		shares[MOST_ARMS];
	int			count = read_arms(fcinfo, observed, shares);
	double		members = 0;
	double		chi_square;
	bool		known;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];

	for (int i = 0; i < count; i++)
		members += observed[i];
	chi_square = members > 0 ? goodness_of_fit(observed, shares, count) : 0;
	known = members > 0 && isfinite(chi_square);
	values[CHI_SQUARE] = float8_or_null(known, chi_square, &nulls[CHI_SQUARE]);
	values[DF] = Int32GetDatum(count - 1);
	nulls[DF] = !known;
	values[P_VALUE] = float8_or_null(known, known ? chi_square_tail(chi_square, count - 1) : 0,
									 &nulls[P_VALUE]);
	return result_row(fcinfo, values, nulls);
}

/* ------------------------------------------------------------------------
 * How many customers does it take?
 * ------------------------------------------------------------------------
 */

/* Three arguments from "argument" on: power, alpha, control_share */
static ExperimentPlan
plan_args(FunctionCallInfo fcinfo, int argument)
{
	return (ExperimentPlan) {
		.base_rate = share_arg(fcinfo, 0, "base_rate"),
		.power = share_arg(fcinfo, argument, "power"),
		.alpha = share_arg(fcinfo, argument + 1, "alpha"),
		.control_share = share_arg(fcinfo, argument + 2, "control_share")
	};
}

/* Members, rounded up; at least one */
static Datum
members_datum(double members)
{
	members = Max(ceil(members), 1);
	if (members >= 9.2e18)
		reject_many("customers");
	return Int64GetDatum((int64) members);
}

/*
 * sample_size(base_rate, lift, power, alpha, control_share double precision,
 * OUT control bigint, OUT treated bigint)
 *
 * Customers in both groups; NULLs if lift is 0 or no rate between 0 and 1 comes of it.
 */
PG_FUNCTION_INFO_V1(sample_size);
Datum
sample_size(PG_FUNCTION_ARGS)
{
	enum
	{
		CONTROL, TREATED, COLUMNS
	};
	const ExperimentPlan plan = plan_args(fcinfo, 2);
	const double lift = PG_GETARG_FLOAT8(1);
	const double rate = plan.base_rate * (1 + lift);
	double		control;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {true, true};

	check_finite_double(lift, "lift");
	if (rate > 0 && rate < 1 && rate != plan.base_rate)
	{
		control = control_needed(&plan, rate);
		values[CONTROL] = members_datum(control);
		values[TREATED] = members_datum(control * (1 - plan.control_share) /
										plan.control_share);
		nulls[CONTROL] = nulls[TREATED] = false;
	}
	return result_row(fcinfo, values, nulls);
}

/*
 * detectable_lift(base_rate double precision, customers bigint, power, alpha,
 * control_share double precision) returns double precision
 *
 * A share of base_rate: 0.1 is 10 % more. NULL if no rate below 1 is found.
 */
PG_FUNCTION_INFO_V1(detectable_lift);
Datum
detectable_lift(PG_FUNCTION_ARGS)
{
	const ExperimentPlan plan = plan_args(fcinfo, 2);
	const int64 customers = count_arg(fcinfo, 1, "customers");
	double		lift;

	if (!lift_found(&plan, (double) customers, &lift))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(lift);
}
