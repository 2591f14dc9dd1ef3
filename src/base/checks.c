/*
 * checks.c
 *		Argument checks that raise our errors, worded once.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/checks.h"

#include <math.h>

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Of a text in a message */
#define MOST_EXCERPT	60

/* 3599.999999 is the longest number of seconds below an hour */
#define MOST_SECONDS_DIGITS	10

void
reject_infinite_time(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("argument \"%s\" must be a finite time, not infinity or -infinity",
					argument)));
}

void
reject_null(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("argument \"%s\" must not be null", argument)));
}

void
reject_many(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("number of %s is out of range of bigint", what)));
}

/*
 * The memory of the aggregate that a support function is called by. States are SQL
 * types, so anybody can call such a function by hand: an error, before the state is
 * looked at.
 */
MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s is called by its aggregate alone",
						get_func_name(fcinfo->flinfo->fn_oid))));
	return context;
}

/* What a transition function returns for a row that says nothing: no new state. */
Datum
state_without_row(FunctionCallInfo fcinfo)
{
	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * A span of time in which every field is zero or more and one is more.
 *
 * Mixed signs ('1 month -3 days') have no fixed sign, so each field counts. An
 * infinite interval (PostgreSQL 17 on) has all its fields at their limit.
 */
void
check_positive_interval(const Interval *span, const char *argument)
{
	bool		negative = span->month < 0 || span->day < 0 || span->time < 0;
	bool		zero = span->month == 0 && span->day == 0 && span->time == 0;
	bool		infinite = span->month == PG_INT32_MAX &&
		span->day == PG_INT32_MAX && span->time == PG_INT64_MAX;

	if (negative || zero || infinite)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a positive interval, not \"%s\"",
						argument, interval_text(span)),
				 errhint("Write it as '30 days', '1 month' or '1 year': no field below zero, at least one above.")));
}

/*
 * A positive span of at least so many microseconds. A number without a unit is
 * seconds to the server, so '90' is no period that anybody meant.
 */
void
check_least_interval(const Interval *span, int64 least, const char *argument)
{
	double		seconds = span->time / (double) USECS_PER_SEC;
	double		least_hours = least / (double) USECS_PER_HOUR;

	check_positive_interval(span, argument);
	if (span->month != 0 || span->day != 0 || span->time >= least)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" is %.*g seconds, and must be at least %g hour%s",
					argument, MOST_SECONDS_DIGITS, seconds, least_hours,
					least_hours == 1 ? "" : "s"),
			 errhint("A number without a unit means seconds: write '%.*g days', or '1 month', '1 year'.",
					 MOST_SECONDS_DIGITS, ceil(seconds))));
}

void
check_int_range(int value, int lowest, int highest, const char *argument)
{
	if (value < lowest || value > highest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between %d and %d, not %d",
						argument, lowest, highest, value)));
}

void
check_finite_double(double value, const char *argument)
{
	if (isnan(value) || isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"%s\" must be a finite number, not %g",
						argument, value)));
}

/* A number in [lowest, highest]; NaN never is. An infinite limit is no limit. */
void
check_double_range(double value, double lowest, double highest,
				   const char *argument)
{
	if (isnan(value) || isinf(value) || value < lowest || value > highest)
	{
		if (isinf(highest))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must be a finite number of at least %g, not %g",
							argument, lowest, value)));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between %g and %g, not %g",
						argument, lowest, highest, value)));
	}
}

/* The argument "confidence" of whatever returns an interval. */
void
check_confidence(double value)
{
	if (!(value > 0 && value < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"confidence\" must be above 0 and below 1, not %g",
						value),
				 errhint("Write 95 %% as 0.95.")));
}

/* That argument, which is not NULL either. */
double
confidence_arg(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		reject_null("confidence");
	check_confidence(PG_GETARG_FLOAT8(argument));
	return PG_GETARG_FLOAT8(argument);
}

/* A number of customers, or of what else there is none or more of */
int64
count_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	const int64 count = PG_GETARG_INT64(argument);

	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be zero or more, not " INT64_FORMAT,
						name, count)));
	return count;
}

void
check_finite_numeric(Numeric value, const char *argument)
{
	if (unlikely(numeric_is_nan(value) || numeric_is_inf(value)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"%s\" must be a finite number, not %s",
						argument, numeric_text(value))));
}

void
check_numeric_not_negative(Numeric value, const char *argument)
{
	check_finite_numeric(value, argument);
	if (numeric_text(value)[0] == '-')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be zero or more, not %s",
						argument, numeric_text(value))));
}

/* The beginning of a text that may be long, for a message */
char *
excerpt(const char *text)
{
	int			length = (int) strlen(text);

	if (length <= MOST_EXCERPT)
		return pstrdup(text);
	return psprintf("%.*s...", pg_mbcliplen(text, length, MOST_EXCERPT), text);
}

/* As the output function of its type writes it */
char *
value_text(Oid type, Datum value)
{
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

char *
interval_text(const Interval *span)
{
	return DatumGetCString(DirectFunctionCall1(interval_out,
											   IntervalPGetDatum(span)));
}

/* As excerpt(), of a number that may have a hundred thousand digits */
char *
numeric_text(Numeric value)
{
	return excerpt(DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value))));
}
