/*
 * origins.h
 *		Earlier times from which a horizon is foretold, to see how near it came: what
 *		backtest_summary and forecast have in common.
 *
 * A horizon before as_of, two horizons before it, and so on: each ends where the next
 * begins, the last one at as_of. They are beginnings of days in the shop's calendar. All
 * are told of by one reading of the orders, which lists every customer's days.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ORIGINS_H
#define RETENTION_ORIGINS_H

#include "base/compat.h"

#include "models/holdout.h"
#include "tables/fit_call.h"

#define MOST_ORIGINS	60

/* Days in ascending order; day[n] is that of as_of. */
typedef struct Origins
{
	int			n;
	int64		day[MOST_ORIGINS + 1];
} Origins;

/* The ratios of what came to what was foretold, as logarithms */
typedef struct LogRatios
{
	int			origins;		/* that told one, each of them once or often */
	double		count;
	double		squares;
	bool		is_endless;		/* nothing came of something, or the reverse */
} LogRatios;

extern retention_internal void horizon_arg_of_days(FitCall *call,
												   FunctionCallInfo fcinfo,
												   int argument);
extern retention_internal void origins_before(Origins *origins, int64 last_day,
											  const Interval *horizon, int n);
extern retention_internal TimestampTz list_days(const CustomerTable *table,
												DayList *list);
extern retention_internal int64 day_after(int64 day, const Interval *horizon);
extern retention_internal void fit_origin(const FitCall *call,
										  const DayList *list,
										  const HoldoutSpan *span,
										  HoldoutCases *cases,
										  CustomerFits *fits);
extern retention_internal void foretell_origin(const FitCall *call,
											   const CustomerFits *fits,
											   const HoldoutSpan *span,
											   HoldoutCases *cases);
extern retention_internal void log_ratios_add(LogRatios *ratios,
											  double predicted, double actual);
extern retention_internal bool log_ratios_reach(const LogRatios *ratios,
												double *reach);

/* The span of the i-th of them */
static inline HoldoutSpan
origin_span(const Origins *origins, int i)
{
	const int64 origin = origins->day[i];
	const int64 until = origins->day[i + 1];

	return (HoldoutSpan) {origin - (until - origin), origin, until};
}

#endif							/* RETENTION_ORIGINS_H */
