/*
 * purchase_days.h
 *		The days a customer ordered on: what the predictive models are made from.
 *
 * To the models, the orders of one day are one purchase, worth their sum; a day is
 * one of the shop's calendar. What they want of a customer is
 *
 *		x		days with an order, less the first
 *		t_x		days from the first of them to the last
 *		age		days from the first of them to the end of the data
 *
 * P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), Marketing Science 24, 275-284.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_PURCHASE_DAYS_H
#define RETENTION_PURCHASE_DAYS_H

#include "base/compat.h"

#include "engine/money.h"
#include "engine/order_row.h"
#include "engine/calendar.h"
#include "base/result_values.h"
#include "engine/state_source.h"
#include "engine/transition.h"
#include "engine/timeline.h"
#include "models/day_history.h"
#include "models/day_list.h"

/*
 * Until as_of. Who has only refunds has no day, and the times of
 * purchase_days_of_nobody.
 */
typedef struct PurchaseDays
{
	TimestampTz first_order_at;
	TimestampTz last_order_at;
	Money		refunds;		/* of rows at or below zero */
	uint64		days;			/* timeline by day: orders, and their money */
} PurchaseDays;

#define PURCHASE_DAYS_FIELDS \
	STATE_FIELDS(FIELD(PurchaseDays, first_order_at, INT64), \
				 FIELD(PurchaseDays, last_order_at, INT64), \
				 FIELD(PurchaseDays, refunds, MONEY), \
				 FIELD(PurchaseDays, days, TIMELINE))

StaticAssertDecl(sizeof(PurchaseDays) == 40, "fields of PurchaseDays");

/* What the models are told; times in days. */
typedef struct PurchaseSummary
{
	int64		orders;			/* rows */
	TimestampTz first_order_at;
	TimestampTz last_order_at;
	int64		x;
	int64		t_x;
	int64		age;
	Money		money;			/* of all rows, refunds too */
	Money		first_money;	/* of the orders of the first day, */
	Money		repeat_money;	/* and of those after it */
} PurchaseSummary;

static inline DayHistory
summary_history(const PurchaseSummary *summary)
{
	return (DayHistory) {
		.x = summary->x,
		.t_x = (int32) summary->t_x,
		.age = (int32) summary->age
	};
}

/*
 * How many purchases after the first all customers made on a day, by how many days it
 * is before the one that holds as_of; days of more than a century ago are not counted.
 */
#define COUNTED_DAYS	36526

typedef struct DayCounts
{
	int64		purchases[COUNTED_DAYS];
} DayCounts;

static inline void
count_day(DayCounts *repeats, int64 days_before)
{
	if (repeats != NULL && (uint64) days_before < COUNTED_DAYS)
		repeats->purchases[days_before]++;
}

/* Memory for sums of money, used again for the next customer. */
typedef struct SummaryScratch
{
	DayCounts  *repeats;		/* of all customers so far; NULL: not wanted */
	DayList    *days;			/* likewise; the caller ends each customer */
	StateHeap	day;
	StateHeap	sums;			/* that of a summary's money */
	StateHeap	rows;			/* of a customer who has rows and days */
	StateHeap	both;
} SummaryScratch;

extern retention_internal const PurchaseDays purchase_days_of_nobody;

extern retention_internal void purchase_days_of_row(PurchaseDays *days,
													StateHeap *heap,
													const Zone *zone,
													const OrderRow *row);
extern retention_internal void purchase_days_of_rows(PurchaseDays *days,
													 StateHeap *heap,
													 const Zone *zone,
													 const LooseRow *row,
													 uint64 count,
													 const char *base);
extern retention_internal void purchase_days_merge(StateHeap *heap,
												   PurchaseDays *into,
												   const PurchaseDays *from,
												   const char *from_base);
extern retention_internal bool purchase_days_valid(const PurchaseDays *days,
												   const char *base,
												   const Zone *zone,
												   TimestampTz as_of);
extern retention_internal bool purchase_days_summarize(const PurchaseDays *days,
													   const char *base,
													   int64 last_day,
													   SummaryScratch *scratch,
													   PurchaseSummary *summary);
extern retention_internal bool purchase_rows_summarize(const LooseRow *row,
													   uint64 count,
													   const char *base,
													   const Zone *zone,
													   int64 last_day,
													   SummaryScratch *scratch,
													   PurchaseSummary *summary);
extern retention_internal void summary_scratch_init(SummaryScratch *scratch);

/* The states of purchase_days_state, which hold one for each customer. */
extern retention_internal const StateSource purchase_days_states;

/* The days of the unit of time of a state of btyd_days_family. */
extern retention_internal double btyd_days_unit(const CustomerTable *table);

/* The day that holds as_of, in a state of either family. */
extern retention_internal int64 purchase_last_day(const CustomerTable *table);

/*
 * A walk over the customers with an order in a state of purchase_days_family or of
 * btyd_days_family; NULL: none. They come in the order of keys, and rows that wait are
 * read with the slots.
 */
typedef struct SummaryCursor
{
	CustomerCursor customers;
	const char *slot;			/* the next one, if rows wait */
	uint64		row;			/* the next one that waits */
	bool		ended;
	CustomerKey key;			/* of the customer under way */
	const char *key_base;
	const Zone *zone;
	int64		last_day;		/* the one that holds as_of */
	SummaryScratch scratch;
} SummaryCursor;

extern retention_internal void summary_cursor_init(SummaryCursor *cursor,
												   const CustomerTable *table);
extern retention_internal bool summary_cursor_next(SummaryCursor *cursor,
												   PurchaseSummary *summary);
extern retention_internal void check_same_zone(const CustomerTable *a,
											   const CustomerTable *b);

/* The mean money of a purchase after the first; NULL if there is none known. */
static inline Datum
mean_repeat_value(const PurchaseSummary *summary, const SummaryScratch *scratch,
				  bool *isnull)
{
	return money_per(money_numeric(&summary->repeat_money, scratch->sums.base),
					 summary->x, isnull);
}

/* The same as the nearest double, an infinity if it is beyond; false if none. */
static inline bool
mean_repeat_float8(const PurchaseSummary *summary, const SummaryScratch *scratch,
				   double *mean)
{
	if (summary->x == 0 || money_is_none(&summary->repeat_money))
		return false;
	*mean = money_quotient(&summary->repeat_money, scratch->sums.base,
						   summary->x);
	return true;
}

#endif							/* RETENTION_PURCHASE_DAYS_H */
