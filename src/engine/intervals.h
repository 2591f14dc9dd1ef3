/*
 * intervals.h
 *		Arithmetic on instants and spans, always in UTC.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_INTERVALS_H
#define RETENTION_INTERVALS_H

#include "base/compat.h"

#include "datatype/timestamp.h"

extern retention_internal bool utc_plus_fits(TimestampTz at,
											 const Interval *span,
											 TimestampTz *sum);
extern retention_internal bool utc_minus_fits(TimestampTz at,
											  const Interval *span,
											  TimestampTz *difference);
extern retention_internal TimestampTz utc_minus(TimestampTz at,
												const Interval *span,
												const char *argument);
extern retention_internal void interval_twice(Interval *doubled,
											  const Interval *span,
											  const char *argument);
extern retention_internal int64 interval_days(const Interval *span,
											  const char *argument);
extern retention_internal void interval_ratio(const Interval *above,
											  const char *above_name,
											  const Interval *below,
											  const char *below_name,
											  int64 *numerator,
											  int64 *denominator);

#endif							/* RETENTION_INTERVALS_H */
