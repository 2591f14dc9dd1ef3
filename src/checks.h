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

#include "compat.h"

#include "datatype/timestamp.h"
#include "utils/numeric.h"

/* cold ends of the inline checks below */
extern retention_internal retention_noreturn void reject_infinite_time(const char *argument);
extern retention_internal retention_noreturn void reject_null(const char *argument);

/* A time that is neither infinity nor -infinity. */
static inline void
check_finite_time(TimestampTz at, const char *argument)
{
	if (unlikely(TIMESTAMP_NOT_FINITE(at)))
		reject_infinite_time(argument);
}

extern retention_internal void check_positive_interval(const Interval *span,
													   const char *argument);
extern retention_internal void check_double_range(double value, double lowest,
												  double highest,
												  const char *argument);
extern retention_internal void check_int_range(int64 value, int64 lowest,
											   int64 highest,
											   const char *argument);
extern retention_internal void check_finite_numeric(Numeric value,
													const char *argument);
extern retention_internal void check_numeric_not_negative(Numeric value,
														  const char *argument);
extern retention_internal char *interval_text(const Interval *span);
extern retention_internal char *numeric_text(Numeric value);

#endif							/* RETENTION_CHECKS_H */
