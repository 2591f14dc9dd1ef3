/*
 * season_clock.h
 *		The clock of a shop's seasons (math/season.h), before and after the day that a
 *		model is fitted as of: what models are told on it, and back to the calendar.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SEASON_CLOCK_H
#define RETENTION_SEASON_CLOCK_H

#include "base/compat.h"

#include "models/season_model.h"

/* What a caller wants of seasons. */
typedef enum SeasonChoice
{
	SEASON_CHOICE_NONE,
	SEASON_CHOICE_MONTH,
	SEASON_CHOICE_AUTO
} SeasonChoice;

typedef struct SeasonWish
{
	SeasonChoice choice;
	Campaigns	campaigns;		/* none unless months are wanted */
} SeasonWish;

/*
 * Time on the clock, in units, at the beginning of each day from the first order of all
 * on: tau[now] is that of the day that holds as_of. Beyond the last day it goes as the
 * calendar does.
 */
typedef struct SeasonClock
{
	double	   *tau;
	int64		now;
	int64		last;
	double		unit;			/* days of it */
} SeasonClock;

/*
 * Orders until a horizon, each worth e^(-force t) if it comes at the time t of the
 * calendar, by those expected until some points of the clock.
 */
#define DISCOUNT_POINTS		16

typedef struct DiscountRule
{
	double		horizon;		/* on the clock */
	double		at_end;			/* weight of the orders until then */
	double		at[DISCOUNT_POINTS];
	double		weight[DISCOUNT_POINTS];
} DiscountRule;

extern retention_internal void season_args(FunctionCallInfo fcinfo, int season,
										   int campaigns, SeasonWish *wish);
extern retention_internal const BtydFamily *season_family(const BtydFamily *family);
extern retention_internal const char *season_clock_fit(const SeasonWish *wish,
													   const BtydFamily *family,
													   const BtydData *in_days,
													   const DayCounts *repeats,
													   int64 last_day,
													   double unit,
													   double days_ahead,
													   SeasonClock **clock);
extern retention_internal double season_clock_ahead(const SeasonClock *clock,
													double days);
extern retention_internal double season_clock_days(const SeasonClock *clock,
												   double ahead);
extern retention_internal BtydHistory season_history(const SeasonClock *clock,
													 double x, int64 t_x,
													 int64 age);
extern retention_internal void discount_rule_init(DiscountRule *rule,
												  const SeasonClock *clock,
												  double days, double force);
extern retention_internal double discounted_orders(const DiscountRule *rule,
												   const BtydModel *model,
												   const BtydHistory *history);

#endif							/* RETENTION_SEASON_CLOCK_H */
