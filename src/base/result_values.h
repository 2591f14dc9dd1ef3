/*
 * result_values.h
 *		Values of result rows: NULL where there is none.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RESULT_VALUES_H
#define RETENTION_RESULT_VALUES_H

#include "base/compat.h"

#include <math.h>

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

static inline Datum
numeric_or_null(Numeric value, bool *isnull)
{
	*isnull = value == NULL;
	return value ? NumericGetDatum(value) : (Datum) 0;
}

static inline Datum
float8_or_null(bool known, double value, bool *isnull)
{
	*isnull = !known;
	return Float8GetDatum(known ? value : 0);
}

/* A number that is neither NaN nor infinite, else NULL */
static inline Datum
finite_or_null(bool known, double value, bool *isnull)
{
	return float8_or_null(known && isfinite(value), value, isnull);
}

/* A share of customers; NULL of none. */
static inline Datum
share_or_null(int64 part, int64 whole, bool *isnull)
{
	return float8_or_null(whole != 0,
						  whole == 0 ? 0 : (double) part / (double) whole,
						  isnull);
}

/* Money for each of so many; NULL if no money is known. */
static inline Datum
money_per(Numeric money, int64 count, bool *isnull)
{
	*isnull = money == NULL;
	if (money == NULL)
		return (Datum) 0;
	return DirectFunctionCall2(numeric_div, NumericGetDatum(money),
							   NumericGetDatum(int64_to_numeric(count)));
}

/* Elapsed days of 24 hours. The server's whole calendar fits no int64. */
static inline double
days_between(TimestampTz from, TimestampTz to)
{
	return (double) ((uint64) to - (uint64) from) / USECS_PER_DAY;
}

/* Whole 24-hour days from one time to a later one: more than int64 microseconds */
static inline double
whole_days(TimestampTz from, TimestampTz to)
{
	return (double) (((uint64) to - (uint64) from) / (uint64) USECS_PER_DAY);
}

#endif							/* RETENTION_RESULT_VALUES_H */
