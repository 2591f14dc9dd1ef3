/*
 * origins.c
 *		Earlier times from which a horizon is foretold.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/origins.h"

#include <math.h>

#include "base/checks.h"
#include "common/int.h"
#include "engine/intervals.h"
#include "math/orders_ahead.h"
#include "math/student.h"

/* The interval is to cover the next total with this probability. */
#define COVERAGE	0.8

/* "horizon", of one day at the least, by the number of the argument */
void
horizon_arg_of_days(FitCall *call, FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		reject_null("horizon");
	call->horizon = *PG_GETARG_INTERVAL_P(argument);
	check_least_interval(&call->horizon, USECS_PER_DAY, "horizon");
}

static void
reject_horizon(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("arguments \"as_of\" and \"horizon\" reach beyond the times there are")));
}

static int64
day_of(TimestampTz at)
{
	return at / USECS_PER_DAY - (at % USECS_PER_DAY < 0);
}

/* The beginning of a day, and a horizon, fall on this day. */
int64
day_after(int64 day, const Interval *horizon)
{
	TimestampTz at;

	if (!utc_plus_fits(day * USECS_PER_DAY, horizon, &at))
		reject_horizon();
	return day_of(at);
}

/* The beginning of a day, less so many horizons, falls on this day. */
static int64
day_before(int64 day, const Interval *horizon, int horizons)
{
	Interval	span;
	TimestampTz at;

	if (pg_mul_s32_overflow(horizon->month, horizons, &span.month) ||
		pg_mul_s32_overflow(horizon->day, horizons, &span.day) ||
		pg_mul_s64_overflow(horizon->time, horizons, &span.time) ||
		!utc_minus_fits(day * USECS_PER_DAY, &span, &at))
		reject_horizon();
	return day_of(at);
}

void
origins_before(Origins *origins, int64 last_day, const Interval *horizon, int n)
{
	origins->n = n;
	for (int i = 0; i <= n; i++)
		origins->day[i] = day_before(last_day, horizon, n - i);
}

/* Lists the days of a table's customers; returns when the last order was. */
TimestampTz
list_days(const CustomerTable *table, DayList *list)
{
	SummaryCursor cursor;
	PurchaseSummary summary;
	TimestampTz last = DT_NOBEGIN;

	day_list_init(list);
	summary_cursor_init(&cursor, table);
	cursor.scratch.days = list;
	while (summary_cursor_next(&cursor, &summary))
	{
		day_list_end_customer(list);
		last = Max(last, summary.last_order_at);
	}
	return last;
}

/* Days of repeat purchases before a day, as DayCounts has them */
static void
count_repeats(const DayList *list, int64 before, DayCounts *repeats)
{
	for (uint64 i = 0; i < list->ncustomers; i++)
	{
		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		for (uint64 j = day_list_begin(list, i) + 1; j < list->end[i]; j++)
			if (list->day[j] < before)
				count_day(repeats, before - list->day[j]);
	}
}

/*
 * Fits the call's family to what was known at the origin of a span. Without customers
 * there is no fit.
 */
void
fit_origin(const FitCall *call, const DayList *list, const HoldoutSpan *span,
		   HoldoutCases *cases, CustomerFits *fits)
{
	DayCounts  *repeats = NULL;
	HistoryList histories;

	*fits = (CustomerFits) {.status = "no orders before it"};
	holdout_cases(list, span, cases);
	if (cases->n == 0)
		return;
	if (call->season.choice != SEASON_CHOICE_NONE)
	{
		repeats = palloc0(sizeof(DayCounts));
		count_repeats(list, span->origin, repeats);
	}
	history_list_init(&histories);
	for (uint64 i = 0; i < cases->n; i++)
	{
		const DayHistory *days = &cases->cases[i].history;

		history_list_add(&histories, days->x, days->t_x, days->age);
	}
	fit_histories(call, &histories, repeats, span->origin,
				  span->until - span->origin, fits);
}

/* Says of each customer of the origin what was to be expected until the span's end. */
void
foretell_origin(const FitCall *call, const CustomerFits *fits,
				const HoldoutSpan *span, HoldoutCases *cases)
{
	const double horizon = time_ahead(call, fits, span->until - span->origin);

	for (uint64 i = 0; i < cases->n; i++)
	{
		HoldoutCase *one = &cases->cases[i];
		const DayHistory *days = &one->history;
		BtydHistory history;

		if (i > 0 && compare_day_histories(days, &one[-1].history) == 0)
		{
			one->expected = one[-1].expected;
			one->p_order = one[-1].p_order;
			continue;
		}
		CHECK_FOR_INTERRUPTS();
		history = history_in_units(call, fits, days->x, days->t_x, days->age);
		one->expected = btyd_expected_orders(&fits->model, &history, horizon);
		one->p_order = btyd_p_order(&fits->model, &history, horizon);
	}
}

/* ------------------------------------------------------------------------
 * The interval of the next total
 * ------------------------------------------------------------------------
 *
 * The logarithm of what came over what was foretold is taken to be normal about 0, with
 * the variance that the origins show: its square's mean. Then the next one, over the root
 * of that mean, is one of Student's t, with as many degrees of freedom as origins.
 */
void
log_ratios_add(LogRatios *ratios, double predicted, double actual)
{
	double		ratio;

	if (predicted <= 0 && actual <= 0)
		return;
	if (predicted <= 0 || actual <= 0)
	{
		ratios->is_endless = true;
		return;
	}
	ratio = log(actual / predicted);
	ratios->count++;
	ratios->squares += ratio * ratio;
}

/* How far the logarithm of the next ratio lies from 0; false if nothing tells. */
bool
log_ratios_reach(const LogRatios *ratios, double *reach)
{
	if (ratios->count == 0 || ratios->is_endless)
		return false;
	*reach = student_reach(COVERAGE, ratios->origins) *
		sqrt(ratios->squares / ratios->count);
	return true;
}
