/*
 * season.c
 *		fit_season, season_factors and season_time: a shop's seasons as SQL has them.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/season_clock.h"

#include <math.h>

#include "access/htup_details.h"
#include "base/checks.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "catalog/pg_type.h"
#include "engine/calendar.h"
#include "engine/intervals.h"
#include "engine/state_options.h"
#include "engine/state_read.h"
#include "executor/executor.h"
#include "models/fitted_model.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

/* The columns of season_model */
enum
{
	SEASON_FACTORS,
	SEASON_STD_ERRORS,
	SEASON_ORDERS,
	SEASON_GAIN,
	SEASON_STATUS,
	SEASON_COLUMNS
};

/* ------------------------------------------------------------------------
 * The fit
 * ------------------------------------------------------------------------
 */

static Datum
orders_array(const double *orders)
{
	Datum		values[MONTH_LABELS];

	for (int month = 0; month < MONTH_LABELS; month++)
		values[month] = Int64GetDatum((int64) orders[month]);
	return PointerGetDatum(construct_array(values, MONTH_LABELS, INT8OID, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
season_datum(FunctionCallInfo fcinfo, const SeasonDays *days,
			 const SeasonFit *fit)
{
	const bool	is_fitted = fit->outcome == SEASON_OK ||
		fit->outcome == SEASON_BY_CHANCE;
	bool		all_known[MONTH_LABELS];
	Datum		values[SEASON_COLUMNS];
	bool		nulls[SEASON_COLUMNS] = {false};

	memset(all_known, true, sizeof(all_known));
	values[SEASON_FACTORS] = number_array(fit->factors, all_known, MONTH_LABELS);
	values[SEASON_STD_ERRORS] = number_array(fit->std_errors, fit->known,
											 MONTH_LABELS);
	values[SEASON_ORDERS] = orders_array(days->data.orders);
	values[SEASON_GAIN] = Float8GetDatum(fit->log_likelihood_gain);
	values[SEASON_STATUS] = CStringGetTextDatum(season_status(days, fit->outcome));
	nulls[SEASON_STD_ERRORS] = nulls[SEASON_ORDERS] = nulls[SEASON_GAIN] =
		!is_fitted;
	return result_row(fcinfo, values, nulls);
}

static Datum
fit_season_of(FunctionCallInfo fcinfo, const BtydFamily *family, bool shrink)
{
	const Campaigns none = {0};
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	SeasonDays	days;
	SeasonFit	fit;

	if (table->family != &btyd_days_family)
		reject_state(table, "fit_season");
	if (!season_days_of(table, purchase_last_day(table), btyd_days_unit(table),
						&none, &days))
		PG_RETURN_NULL();
	season_fit(season_family(family), &days.data, shrink, &fit);
	return season_datum(fcinfo, &days, &fit);
}

/*
 * fit_season(retention_state) returns season_model
 *
 * Of a state of btyd_state over order rows or histories; NULL without an order. Sources
 * are in math/season.c.
 */
PG_FUNCTION_INFO_V1(fit_season);
Datum
fit_season(PG_FUNCTION_ARGS)
{
	return fit_season_of(fcinfo, &mbgnbd_family, true);
}

/*
 * fit_season(retention_state, family text, shrink boolean) returns season_model
 */
PG_FUNCTION_INFO_V1(fit_season_family);
Datum
fit_season_family(PG_FUNCTION_ARGS)
{
	return fit_season_of(fcinfo, btyd_family_arg(fcinfo, 1), PG_GETARG_BOOL(2));
}

/* ------------------------------------------------------------------------
 * Factors
 * ------------------------------------------------------------------------
 */

/* Beyond, a month is no season but a closed shop, or all of the year. */
#define LEAST_FACTOR	1e-6
#define MOST_FACTOR		1e6

/* Twelve factors, January's first. */
static void
read_factors(Datum array, double *factors)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), FLOAT8OID, sizeof(float8),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &n);
	if (n != MONTH_LABELS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"factors\" must be %d numbers, not %d",
						MONTH_LABELS, n),
				 errhint("One for each month, January's first: (fit_season(...)).factors.")));
	for (int month = 0; month < n; month++)
	{
		factors[month] = nulls[month] ? NAN : DatumGetFloat8(values[month]);
		if (!(factors[month] >= LEAST_FACTOR && factors[month] <= MOST_FACTOR))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"factors\" must be of numbers between %g and %g, not %s",
							LEAST_FACTOR, MOST_FACTOR,
							nulls[month] ? "null" : psprintf("%g", factors[month]))));
	}
}

/* What a column's array says of a month */
static Datum
of_month(Datum array, bool array_isnull, int month, bool *isnull)
{
	int			index = month + 1;

	*isnull = array_isnull;
	if (array_isnull)
		return (Datum) 0;
	return array_get_element(array, 1, &index, -1, 8, FLOAT8PASSBYVAL,
							 TYPALIGN_DOUBLE, isnull);
}

/*
 * season_factors(season_model) returns table (label, factor, std_error, orders)
 */
PG_FUNCTION_INFO_V1(season_factors);
Datum
season_factors(PG_FUNCTION_ARGS)
{
	enum
	{
		FACTOR_LABEL, FACTOR_FACTOR, FACTOR_STD_ERROR, FACTOR_ORDERS,
		FACTOR_COLUMNS
	};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HeapTupleHeader model;
	Datum		columns[SEASON_COLUMNS];
	bool		absent[SEASON_COLUMNS];

	result_set_begin(fcinfo);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	model = PG_GETARG_HEAPTUPLEHEADER(0);
	for (int i = 0; i < SEASON_COLUMNS; i++)
		columns[i] = GetAttributeByNum(model, i + 1, &absent[i]);
	if (absent[SEASON_FACTORS])
		return (Datum) 0;
	for (int month = 0; month < MONTH_LABELS; month++)
	{
		Datum		values[FACTOR_COLUMNS];
		bool		nulls[FACTOR_COLUMNS] = {false};

		values[FACTOR_LABEL] = CStringGetTextDatum(months[month]);
		values[FACTOR_FACTOR] = of_month(columns[SEASON_FACTORS], false, month,
										 &nulls[FACTOR_FACTOR]);
		values[FACTOR_STD_ERROR] = of_month(columns[SEASON_STD_ERRORS],
											absent[SEASON_STD_ERRORS], month,
											&nulls[FACTOR_STD_ERROR]);
		values[FACTOR_ORDERS] = of_month(columns[SEASON_ORDERS],
										 absent[SEASON_ORDERS], month,
										 &nulls[FACTOR_ORDERS]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * Time
 * ------------------------------------------------------------------------
 */

/* The factors of the days from the first of a year to a day of it */
static double
factors_of_year(const double *factors, int64 first_of_year, int64 until)
{
	double		sum = 0;

	for (int month = 0; month < MONTH_LABELS && first_of_year < until; month++)
	{
		int			year;
		int			of_year;
		int			day_of_month;
		int64		next;

		j2date((int) (first_of_year + POSTGRES_EPOCH_JDATE), &year, &of_year,
			   &day_of_month);
		next = first_of_year + day_tab[isleap(year)][month];
		sum += factors[month] * (Min(next, until) - first_of_year);
		first_of_year = next;
	}
	return sum;
}

/* Leap days of the Gregorian calendar before a year */
static int64
leap_days_before(int year)
{
	const int64 since = (int64) year + 4800;	/* which was one */

	return (since + 3) / 4 - (since + 99) / 100 + (since + 399) / 400;
}

/* Those of the days from the first of a year to a day of any year */
static double
factors_since(const double *factors, int first_year, int64 day)
{
	int			year;
	int			month;
	int			day_of_month;
	double		sum = 0;

	j2date((int) (day + POSTGRES_EPOCH_JDATE), &year, &month, &day_of_month);
	for (int i = 0; i < MONTH_LABELS; i++)
		sum += factors[i] * day_tab[0][i] * (year - first_year);
	sum += factors[1] * (leap_days_before(year) - leap_days_before(first_year));
	return sum + factors_of_year(factors,
								 date2j(year, 1, 1) - POSTGRES_EPOCH_JDATE, day);
}

/* Those of the days from one to another */
static double
factors_between(const double *factors, int64 from, int64 to)
{
	int			year;
	int			month;
	int			day_of_month;

	j2date((int) (from + POSTGRES_EPOCH_JDATE), &year, &month, &day_of_month);
	return factors_since(factors, year, to) - factors_since(factors, year, from);
}

/*
 * season_time(from timestamptz, to timestamptz, factors double precision[],
 * unit interval, tz text) returns double precision
 *
 * The days of the shop's calendar from the one to the other, each worth its month's
 * factor, in units; below zero where "to" is before "from".
 */
PG_FUNCTION_INFO_V1(season_time);
Datum
season_time(PG_FUNCTION_ARGS)
{
	enum
	{
		ARG_FROM, ARG_TO, ARG_FACTORS, ARG_UNIT, ARG_TZ
	};
	static const OptionSpec tz = {"tz", OPTION_ZONE};
	OptionValue zone_option[ZONE_VALUES];
	double		factors[MONTH_LABELS];
	const TimestampTz from = PG_GETARG_TIMESTAMPTZ(ARG_FROM);
	const TimestampTz to = PG_GETARG_TIMESTAMPTZ(ARG_TO);
	const Zone *zone;
	double		unit;

	check_finite_time(from, "from");
	check_finite_time(to, "to");
	read_factors(PG_GETARG_DATUM(ARG_FACTORS), factors);
	unit = interval_days(PG_GETARG_INTERVAL_P(ARG_UNIT), "unit");
	option_read(&tz, zone_option, PG_GETARG_DATUM(ARG_TZ));
	zone = zone_from_name(zone_option->zone);
	PG_RETURN_FLOAT8(factors_between(factors,
									 period_of(GRAIN_DAY, zone, from),
									 period_of(GRAIN_DAY, zone, to)) / unit);
}
