/*
 * customer_facts.c
 *		What the history of one customer says, at an instant.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/customer_facts.h"

#include "access/htup_details.h"
#include "base/checks.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/history_state.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* ------------------------------------------------------------------------
 * The history
 * ------------------------------------------------------------------------
 */

/* Sums under way, and where the wide ones lie. */
typedef struct FactSums
{
	StateHeap	heap;
	Money		money;
	Money		repeat_money;
	int64		first_day;
	int64		last_day;
} FactSums;

static void
add_order(CustomerFacts *facts, FactSums *sums, const Zone *zone,
		  const HistoryRow *row, const char *row_base)
{
	int64		day;

	if (facts->orders++ == 0)
		facts->first_order_at = row->at;
	facts->last_order_at = row->at;
	if (zone == NULL)
		return;
	day = period_of(GRAIN_DAY, zone, row->at);
	if (facts->orders == 1)
		sums->first_day = sums->last_day = day;
	if (day > sums->last_day)
	{
		sums->last_day = day;
		facts->x++;
	}
	if (day > sums->first_day)
		money_add(&sums->heap, &sums->repeat_money, &row->amount, row_base);
}

static void
add_row(CustomerFacts *facts, FactSums *sums, const Zone *zone,
		const HistoryRow *row, const char *row_base)
{
	facts->rows++;
	facts->through = row->at;
	money_add(&sums->heap, &sums->money, &row->amount, row_base);
	if (money_is_none(&row->amount) || money_sign(&row->amount, row_base) > 0)
		add_order(facts, sums, zone, row, row_base);
}

/* Of a history of one customer, the rows before an instant. */
void
customer_facts(Datum history, TimestampTz as_of, const Zone *zone,
			   CustomerFacts *facts)
{
	HistoryView view;
	HistoryReader reader;
	HistoryRow	row;
	StateHeap	row_heap;
	FactSums	sums = {0};

	memset(facts, 0, sizeof(*facts));
	history_open(&view, history);
	if (view.run.customers != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"history\" must be of one customer, not of " UINT64_FORMAT,
						view.run.customers)));
	heap_init_scratch(&row_heap);
	heap_init_scratch(&sums.heap);
	history_reader_init(&reader, view.kind, view.run.records, view.run.size,
						&row_heap);
	(void) history_next_customer(&reader, view.kind);
	while (history_next_row(&reader, &row))
	{
		if ((reader.rows_left & 0xFFF) == 0xFFF)
			CHECK_FOR_INTERRUPTS();
		if (row.at < as_of)
			add_row(facts, &sums, zone, &row, row_heap.base);
		row_heap.used = 0;
	}
	facts->monetary = money_numeric(&sums.money, sums.heap.base);
	if (zone && facts->orders > 0)
	{
		facts->t_x = sums.last_day - sums.first_day;
		facts->age = TIMESTAMP_NOT_FINITE(as_of) ? facts->t_x :
			period_of(GRAIN_DAY, zone, as_of) - sums.first_day;
		facts->mean_known = facts->x > 0 && !money_is_none(&sums.repeat_money);
		if (facts->mean_known)
			facts->mean_repeat_value =
				money_quotient(&sums.repeat_money, sums.heap.base, facts->x);
	}
	heap_free_scratch(&row_heap);
	heap_free_scratch(&sums.heap);
}

/* ------------------------------------------------------------------------
 * In SQL
 * ------------------------------------------------------------------------
 */
enum
{
	ROW_FIRST_ORDER_AT,
	ROW_LAST_ORDER_AT,
	ROW_ORDERS,
	ROW_MONETARY,
	ROW_SEGMENT,
	ROW_THROUGH,
	ROW_COLUMNS
};

static Datum
live_row_at(FunctionCallInfo fcinfo, TimestampTz as_of)
{
	CustomerFacts facts = {0};
	Datum		values[ROW_COLUMNS] = {0};
	bool		nulls[ROW_COLUMNS] = {false};

	if (!PG_ARGISNULL(0))
		customer_facts(PG_GETARG_DATUM(0), as_of, NULL, &facts);
	values[ROW_FIRST_ORDER_AT] = TimestampTzGetDatum(facts.first_order_at);
	values[ROW_LAST_ORDER_AT] = TimestampTzGetDatum(facts.last_order_at);
	nulls[ROW_FIRST_ORDER_AT] = nulls[ROW_LAST_ORDER_AT] =
		nulls[ROW_SEGMENT] = facts.orders == 0;
	values[ROW_ORDERS] = Int64GetDatum(facts.orders);
	values[ROW_MONETARY] = numeric_or_null(facts.monetary, &nulls[ROW_MONETARY]);
	values[ROW_THROUGH] = TimestampTzGetDatum(facts.through);
	nulls[ROW_THROUGH] = facts.rows == 0;
	if (PG_ARGISNULL(1) || facts.monetary == NULL)
		nulls[ROW_SEGMENT] = true;
	if (!nulls[ROW_SEGMENT])
		values[ROW_SEGMENT] =
			CStringGetTextDatum(segment_name(rfm_scores_of(rfm_cuts_arg(fcinfo, 1),
														   facts.last_order_at,
														   facts.orders,
														   facts.monetary).segment));
	return result_row(fcinfo, values, nulls);
}

/*
 * live_row(history order_history, cuts rfm_cuts, as_of timestamptz) returns
 * live_row
 *
 * What is stored of a customer. NULL cuts: no segment; NULL history: no orders.
 */
PG_FUNCTION_INFO_V1(live_row);
Datum
live_row(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(2))
		reject_null("as_of");
	return live_row_at(fcinfo, PG_GETARG_TIMESTAMPTZ(2));
}

/*
 * live_row(history order_history, cuts rfm_cuts) returns live_row
 *
 * The same now, by the clock: orders of this transaction are before.
 */
PG_FUNCTION_INFO_V1(live_row_now);
Datum
live_row_now(PG_FUNCTION_ARGS)
{
	return live_row_at(fcinfo, GetCurrentTimestamp());
}

/*
 * same_history(a order_history, b order_history) returns boolean
 *
 * Equal contents have equal bytes.
 */
PG_FUNCTION_INFO_V1(same_history);
Datum
same_history(PG_FUNCTION_ARGS)
{
	HistoryView a;
	HistoryView b;

	history_open(&a, PG_GETARG_DATUM(0));
	history_open(&b, PG_GETARG_DATUM(1));
	PG_RETURN_BOOL(a.kind == b.kind && a.run.size == b.run.size &&
				   memcmp(a.run.records, b.run.records, a.run.size) == 0);
}
