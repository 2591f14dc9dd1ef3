/*
 * checks.h
 *		Argument checks that raise our errors, worded once.
 *
 * Every function here returns normally or raises an error that names the
 * argument, its value and the allowed range.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CHECKS_H
#define RETENTION_CHECKS_H

#include "base/compat.h"

#include "common/int.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/numeric.h"

/* cold ends of the inline checks below */
extern retention_internal retention_noreturn void reject_infinite_time(const char *argument);
extern retention_internal retention_noreturn void reject_null(const char *argument);
extern retention_internal retention_noreturn void reject_many(const char *what);

/* A time that is neither infinity nor -infinity. */
static inline void
check_finite_time(TimestampTz at, const char *argument)
{
	if (unlikely(TIMESTAMP_NOT_FINITE(at)))
		reject_infinite_time(argument);
}

/* count += more, of "what"; only received states can hold too many */
static inline void
add_count(int64 *count, int64 more, const char *what)
{
	if (unlikely(pg_add_s64_overflow(*count, more, count)))
		reject_many(what);
}

static inline void
add_orders(int64 *orders, int64 more)
{
	add_count(orders, more, "orders");
}

extern retention_internal MemoryContext aggregate_context(FunctionCallInfo fcinfo);
extern retention_internal Datum state_without_row(FunctionCallInfo fcinfo);
extern retention_internal void check_positive_interval(const Interval *span,
													   const char *argument);
extern retention_internal void check_int_range(int value, int lowest,
											   int highest,
											   const char *argument);
extern retention_internal void check_finite_double(double value,
												   const char *argument);
extern retention_internal void check_double_range(double value, double lowest,
												  double highest,
												  const char *argument);
extern retention_internal void check_confidence(double value);
extern retention_internal double confidence_arg(FunctionCallInfo fcinfo, int argument);
extern retention_internal int64 count_arg(FunctionCallInfo fcinfo, int argument,
										  const char *name);
extern retention_internal void check_finite_numeric(Numeric value,
													const char *argument);
extern retention_internal void check_numeric_not_negative(Numeric value,
														  const char *argument);
extern retention_internal void check_least_interval(const Interval *span,
													int64 least,
													const char *argument);
extern retention_internal char *excerpt(const char *text);
extern retention_internal char *value_text(Oid type, Datum value);
extern retention_internal char *interval_text(const Interval *span);
extern retention_internal char *numeric_text(Numeric value);

#endif							/* RETENTION_CHECKS_H */
