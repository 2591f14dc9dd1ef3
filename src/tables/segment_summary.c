/*
 * segment_summary.c
 *		What are the segments worth? A row per segment.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/rfm_call.h"

#include "base/checks.h"
#include "base/result_values.h"

typedef struct SegmentTotals
{
	int64		customers;
	int64		orders;
	Money		money;
	uint64	   *recency;		/* words of its customers' last orders */
} SegmentTotals;

/* The median of recencies in days, interpolated between the two in the middle. */
static double
median_recency_days(const SegmentTotals *totals, TimestampTz as_of)
{
	uint64		rank[2] = {(totals->customers - 1) / 2, totals->customers / 2};
	uint64		word[2];
	double		longer;
	double		shorter;

	quantile_select(totals->recency, totals->customers, rank, 2, word);
	longer = days_between(int64_of_word(word[0]), as_of);
	shorter = days_between(int64_of_word(word[1]), as_of);
	return shorter + 0.5 * (longer - shorter);
}

enum
{
	SUMMARY_SEGMENT,
	SUMMARY_CUSTOMERS,
	SUMMARY_SHARE,
	SUMMARY_REVENUE,
	SUMMARY_REVENUE_SHARE,
	SUMMARY_ORDERS,
	SUMMARY_AOV,
	SUMMARY_MEDIAN_RECENCY_DAYS,
	SUMMARY_COLUMNS
};

static void
write_summary(CustomerCall *base_call, const CustomerTable *const *tables)
{
	const RfmCall *call = (RfmCall *) base_call;
	SegmentTotals segments[SEGMENT_NAME_COUNT] = {0};
	RfmCustomers customers;
	RfmCursor	cursor;
	RfmCustomer customer;
	StateHeap	heap;
	StateHeap	all_heap;
	Money		all = {0, 0};
	Numeric		revenue;
	bool		has_revenue;
	uint64	   *recency;

	/* twice: first how many a segment has, then who */
	rfm_customers_init(&customers, tables[0], call->bins, call->grid);
	tell_if_stale(base_call, customers.last_order_at, STALE_AFTER);
	for (cursor = rfm_customers_walk(&customers);
		 rfm_cursor_next(&cursor, &customer);)
		segments[customer.segment].customers++;
	recency = array_alloc(customers.count, sizeof(uint64));
	for (int i = 0; i < SEGMENT_NAME_COUNT; i++)
	{
		segments[i].recency = recency;
		recency += segments[i].customers;
		segments[i].customers = 0;
	}

	heap_init_scratch(&heap);
	for (cursor = rfm_customers_walk(&customers);
		 rfm_cursor_next(&cursor, &customer);)
	{
		const Purchases *purchases = &customer.purchases;
		SegmentTotals *totals = &segments[customer.segment];

		totals->recency[totals->customers++] =
			word_of_int64(purchases->last_order_at);
		add_orders(&totals->orders, purchases->orders);
		money_add(&heap, &totals->money, &purchases->money,
				  tables[0]->heap.base);
	}
	heap_init_scratch(&all_heap);
	for (int i = 0; i < SEGMENT_NAME_COUNT; i++)
		money_add(&all_heap, &all, &segments[i].money, heap.base);
	revenue = money_numeric(&all, all_heap.base);
	has_revenue = money_sign(&all, all_heap.base) > 0;

	for (int i = 0; i < SEGMENT_NAME_COUNT; i++)
	{
		const SegmentTotals *totals = &segments[i];
		Numeric		money = money_numeric(&totals->money, heap.base);
		Datum		values[SUMMARY_COLUMNS];
		bool		nulls[SUMMARY_COLUMNS] = {false};

		if (totals->customers == 0)
			continue;
		values[SUMMARY_SEGMENT] = call->segment[i];
		values[SUMMARY_CUSTOMERS] = Int64GetDatum(totals->customers);
		values[SUMMARY_SHARE] = Float8GetDatum((double) totals->customers /
											   (double) customers.count);
		values[SUMMARY_REVENUE] = numeric_or_null(money, &nulls[SUMMARY_REVENUE]);
		values[SUMMARY_REVENUE_SHARE] = float8_or_null(money && has_revenue,
													   money && has_revenue ?
													   money_ratio(money, revenue) : 0, &nulls[SUMMARY_REVENUE_SHARE]);
		values[SUMMARY_ORDERS] = Int64GetDatum(totals->orders);
		values[SUMMARY_AOV] = money_per(money, totals->orders, &nulls[SUMMARY_AOV]);
		values[SUMMARY_MEDIAN_RECENCY_DAYS] = Float8GetDatum(median_recency_days(totals, base_call->as_of[0]));
		put_row(base_call, values, nulls);
	}
}

/*
 * segment_summary(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * as_of timestamptz, bins int, grid text, tz text, order_id_column name)
 */
PG_FUNCTION_INFO_V1(segment_summary);
Datum
segment_summary(PG_FUNCTION_ARGS)
{
	return rfm_over_relation(fcinfo, write_summary);
}

/*
 * segment_summary(state retention_state, bins int, grid text)
 */
PG_FUNCTION_INFO_V1(segment_summary_of_state);
Datum
segment_summary_of_state(PG_FUNCTION_ARGS)
{
	enum
	{
		STATE, BINS, GRID
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_summary);
	call.bins = rfm_bins_arg(fcinfo, BINS);
	call.grid = rfm_grid_arg(fcinfo, GRID);
	return run_over_states(&call.base, STATE);
}

/*
 * segment_summary(history order_history, as_of timestamptz, bins int, grid text)
 */
PG_FUNCTION_INFO_V1(segment_summary_of_history);
Datum
segment_summary_of_history(PG_FUNCTION_ARGS)
{
	return rfm_over_history(fcinfo, write_summary, false);
}
