/*
 * rfm.c
 *		Who are the customers, and where are they going? RFM as rows: one per
 *		customer, one per pair of segments at two times, one per score.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/rfm_call.h"

#include "base/checks.h"
#include "common/shortest_dec.h"
#include "engine/customer_type.h"
#include "base/result_values.h"
#include "utils/builtins.h"

/* ------------------------------------------------------------------------
 * rfm_segments: a row per customer
 * ------------------------------------------------------------------------
 */
enum
{
	SEGMENTS_CUSTOMER,
	SEGMENTS_FIRST_ORDER_AT,
	SEGMENTS_LAST_ORDER_AT,
	SEGMENTS_RECENCY_DAYS,
	SEGMENTS_ORDERS,
	SEGMENTS_MONETARY,
	SEGMENTS_AOV,
	SEGMENTS_R,
	SEGMENTS_F,
	SEGMENTS_M,
	SEGMENTS_CELL,
	SEGMENTS_SEGMENT,
	SEGMENTS_COLUMNS
};

static void
write_segments(CustomerCall *base_call, const CustomerTable *const *tables)
{
	const RfmCall *call = (RfmCall *) base_call;
	MemoryContext caller = CurrentMemoryContext;
	RfmCustomers customers;
	RfmCursor	cursor;
	RfmCustomer customer;

	rfm_customers_init(&customers, tables[0], call->bins, call->grid);
	tell_if_stale(base_call, customers.last_order_at, STALE_AFTER);
	cursor = rfm_customers_walk(&customers);
	MemoryContextSwitchTo(base_call->row_context);
	while (rfm_cursor_next(&cursor, &customer))
	{
		const Purchases *purchases = &customer.purchases;
		Numeric		money = money_numeric(&purchases->money,
										  tables[0]->heap.base);
		bool		known = money != NULL;
		char		cell[RFM_METRICS];
		Datum		values[SEGMENTS_COLUMNS];
		bool		nulls[SEGMENTS_COLUMNS] = {false};

		for (int i = 0; i < RFM_METRICS; i++)
			cell[i] = '0' + customer.score[i];
		values[SEGMENTS_CUSTOMER] = customer_datum(tables[0], customer.slot,
												   base_call->customer_type);
		values[SEGMENTS_FIRST_ORDER_AT] = TimestampTzGetDatum(purchases->first_order_at);
		values[SEGMENTS_LAST_ORDER_AT] = TimestampTzGetDatum(purchases->last_order_at);
		values[SEGMENTS_RECENCY_DAYS] = Float8GetDatum(days_between(purchases->last_order_at,
																	base_call->as_of[0]));
		values[SEGMENTS_ORDERS] = Int64GetDatum(purchases->orders);
		values[SEGMENTS_MONETARY] = numeric_or_null(money, &nulls[SEGMENTS_MONETARY]);
		values[SEGMENTS_AOV] = money_per(money, purchases->orders, &nulls[SEGMENTS_AOV]);
		values[SEGMENTS_R] = Int32GetDatum(customer.score[RFM_RECENCY]);
		values[SEGMENTS_F] = Int32GetDatum(customer.score[RFM_FREQUENCY]);
		values[SEGMENTS_M] = Int32GetDatum(customer.score[RFM_MONETARY]);
		values[SEGMENTS_CELL] = PointerGetDatum(cstring_to_text_with_len(cell,
																		 sizeof(cell)));
		values[SEGMENTS_SEGMENT] = call->segment[customer.segment];
		nulls[SEGMENTS_M] = nulls[SEGMENTS_CELL] =
			nulls[SEGMENTS_SEGMENT] = !known;
		put_row(base_call, values, nulls);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * rfm_segments(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * as_of timestamptz, bins int, grid text, tz text, order_id_column name)
 */
PG_FUNCTION_INFO_V1(rfm_segments);
Datum
rfm_segments(PG_FUNCTION_ARGS)
{
	return rfm_over_relation(fcinfo, write_segments);
}

/*
 * rfm_segments(customer_type anyelement, state retention_state, bins int,
 * grid text)
 */
PG_FUNCTION_INFO_V1(rfm_segments_of_state);
Datum
rfm_segments_of_state(PG_FUNCTION_ARGS)
{
	enum
	{
		CUSTOMER_TYPE, STATE, BINS, GRID
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_segments);
	call.bins = rfm_bins_arg(fcinfo, BINS);
	call.grid = rfm_grid_arg(fcinfo, GRID);
	return run_over_state_of_customers(&call.base, CUSTOMER_TYPE, STATE);
}

/*
 * rfm_segments(history order_history, customer_type anyelement, as_of timestamptz,
 * bins int, grid text)
 */
PG_FUNCTION_INFO_V1(rfm_segments_of_history);
Datum
rfm_segments_of_history(PG_FUNCTION_ARGS)
{
	return rfm_over_history(fcinfo, write_segments, true);
}

/* ------------------------------------------------------------------------
 * rfm_transitions: a row per pair of segments, at two times
 * ------------------------------------------------------------------------
 */
typedef struct Transition
{
	int64		customers;
	Money		money;			/* at the later time */
} Transition;

typedef Transition Transitions[SEGMENT_NAME_COUNT][SEGMENT_NAME_COUNT];

/*
 * The segment of a customer at the earlier time. Both walks are in the order
 * of keys; "from" is the first customer of the earlier one not yet passed. Who is
 * passed without being met is a customer no more: the order was sent back.
 */
static Segment
segment_before(RfmCursor *cursor, RfmCustomer *from, const RfmCustomer *to,
			   const CustomerTable *to_table, Transitions transitions)
{
	const CustomerTable *table = cursor->customers->table;
	Segment		segment = SEGMENT_NONE;

	while (from->slot != NULL)
	{
		int			order = to == NULL ? -1 :
			compare_keys(to_table->kind, load_key(table->kind, from->slot),
						 table->heap.base, load_key(to_table->kind, to->slot),
						 to_table->heap.base);

		if (order > 0)
			break;
		if (order == 0)
			segment = from->segment;
		else
			transitions[from->segment][SEGMENT_NONE].customers++;
		if (!rfm_cursor_next(cursor, from))
			from->slot = NULL;
		if (order == 0)
			break;
	}
	return segment;
}

enum
{
	TRANSITIONS_FROM_SEGMENT,
	TRANSITIONS_TO_SEGMENT,
	TRANSITIONS_CUSTOMERS,
	TRANSITIONS_SHARE,
	TRANSITIONS_MONETARY,
	TRANSITIONS_COLUMNS
};

static void
put_transitions(const RfmCall *call, Transitions transitions,
				const char *money_base)
{
	for (int i = 0; i < SEGMENT_NAME_COUNT; i++)
	{
		int64		of_segment = 0;

		for (int j = 0; j < SEGMENT_NAME_COUNT; j++)
			of_segment += transitions[i][j].customers;
		for (int j = 0; j < SEGMENT_NAME_COUNT; j++)
		{
			const Transition *transition = &transitions[i][j];
			Datum		values[TRANSITIONS_COLUMNS];
			bool		nulls[TRANSITIONS_COLUMNS] = {false};

			if (transition->customers == 0)
				continue;
			values[TRANSITIONS_FROM_SEGMENT] = call->segment[i];
			values[TRANSITIONS_TO_SEGMENT] = call->segment[j];
			values[TRANSITIONS_CUSTOMERS] = Int64GetDatum(transition->customers);
			values[TRANSITIONS_SHARE] = Float8GetDatum((double) transition->customers /
													   (double) of_segment);
			values[TRANSITIONS_MONETARY] = numeric_or_null(money_numeric(&transition->money,
																		 money_base), &nulls[TRANSITIONS_MONETARY]);
			put_row(unconstify(CustomerCall *, &call->base), values, nulls);
		}
	}
}

static void
write_transitions(CustomerCall *base_call, const CustomerTable *const *tables)
{
	const RfmCall *call = (RfmCall *) base_call;
	Transitions transitions = {0};
	RfmCustomers before;
	RfmCustomers after;
	RfmCursor	before_cursor;
	RfmCursor	after_cursor;
	RfmCustomer from;
	RfmCustomer to;
	StateHeap	heap;

	check_comparable_states(base_call, tables, "from_state", "to_state");
	rfm_customers_init(&before, tables[0], call->bins, call->grid);
	rfm_customers_init(&after, tables[1], call->bins, call->grid);
	tell_if_stale(base_call, after.last_order_at, STALE_AFTER);
	before_cursor = rfm_customers_walk(&before);
	after_cursor = rfm_customers_walk(&after);
	if (!rfm_cursor_next(&before_cursor, &from))
		from.slot = NULL;

	heap_init_scratch(&heap);
	while (rfm_cursor_next(&after_cursor, &to))
	{
		Segment		segment = segment_before(&before_cursor, &from, &to,
											 tables[1], transitions);
		Transition *transition = &transitions[segment][to.segment];

		transition->customers++;
		money_add(&heap, &transition->money, &to.purchases.money,
				  tables[1]->heap.base);
	}
	(void) segment_before(&before_cursor, &from, NULL, tables[1], transitions);
	put_transitions(call, transitions, heap.base);
}

static void
transition_times(RfmCall *call, FunctionCallInfo fcinfo, int from, int to)
{
	call->base.as_of[0] = time_arg(fcinfo, from, "from_as_of");
	call->base.as_of[1] = time_arg(fcinfo, to, "to_as_of");
	check_time_order(call->base.as_of, "from_as_of", "to_as_of");
}

/*
 * rfm_transitions(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * from_as_of timestamptz, to_as_of timestamptz, bins int, grid text, tz text,
 * order_id_column name)
 */
PG_FUNCTION_INFO_V1(rfm_transitions);
Datum
rfm_transitions(PG_FUNCTION_ARGS)
{
	enum
	{
		FROM_AS_OF = ARG_OPTIONS, TO_AS_OF, BINS, GRID, TZ, ORDER_ID
	};
	static const OrdersArguments arguments = {
		.relation = ARG_ORDERS_TABLE, .tz = TZ, .order_id = ORDER_ID
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_transitions);
	call.base.ntables = 2;
	transition_times(&call, fcinfo, FROM_AS_OF, TO_AS_OF);
	call.bins = rfm_bins_arg(fcinfo, BINS);
	call.grid = rfm_grid_arg(fcinfo, GRID);
	return run_over_relation(&call.base, &arguments, "to_as_of");
}

/*
 * rfm_transitions(from_state retention_state, to_state retention_state,
 * bins int, grid text)
 */
PG_FUNCTION_INFO_V1(rfm_transitions_of_states);
Datum
rfm_transitions_of_states(PG_FUNCTION_ARGS)
{
	enum
	{
		FROM_STATE, TO_STATE, BINS, GRID
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_transitions);
	call.base.ntables = 2;
	call.bins = rfm_bins_arg(fcinfo, BINS);
	call.grid = rfm_grid_arg(fcinfo, GRID);
	return run_over_states(&call.base, FROM_STATE);
}

/*
 * rfm_transitions(history order_history, from_as_of timestamptz,
 * to_as_of timestamptz, bins int, grid text)
 */
PG_FUNCTION_INFO_V1(rfm_transitions_of_history);
Datum
rfm_transitions_of_history(PG_FUNCTION_ARGS)
{
	enum
	{
		FROM_AS_OF = ARG_HISTORY_OPTIONS, TO_AS_OF, BINS, GRID
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_transitions);
	call.base.ntables = 2;
	transition_times(&call, fcinfo, FROM_AS_OF, TO_AS_OF);
	call.bins = rfm_bins_arg(fcinfo, BINS);
	call.grid = rfm_grid_arg(fcinfo, GRID);
	return run_over_history(&call.base, -1, "to_as_of");
}

/* ------------------------------------------------------------------------
 * rfm_breaks: a row per metric and score
 * ------------------------------------------------------------------------
 */
static const char *const metric_names[RFM_METRICS] = {
	[RFM_RECENCY] = "recency",
	[RFM_FREQUENCY] = "frequency",
	[RFM_MONETARY] = "monetary"
};

/* The customers who share a score; the least and the most among them. */
typedef struct ScoreRange
{
	int64		customers;
	uint64		least_word;
	uint64		most_word;
	Purchases	least;
	Purchases	most;
} ScoreRange;

static void
widen_range(ScoreRange *range, uint64 word, const Purchases *purchases,
			StateHeap *heap, const char *base)
{
	if (range->customers == 0 || word < range->least_word)
	{
		range->least_word = word;
		range->least = *purchases;
		money_move(heap, &range->least.money, base);
	}
	if (range->customers == 0 || word > range->most_word)
	{
		range->most_word = word;
		range->most = *purchases;
		money_move(heap, &range->most.money, base);
	}
	range->customers++;
}

/*
 * All digits it takes to read the same number back; float8_numeric() rounds to 15,
 * and customers at the ends of a range would be outside it.
 */
static Numeric
exact_numeric(double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, digits);
	return DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(digits),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

/* A metric in its unit: days since the last order, orders, money. */
static Numeric
metric_value(RfmMetric metric, const Purchases *purchases, TimestampTz as_of,
			 const char *base)
{
	switch (metric)
	{
		case RFM_RECENCY:
			return exact_numeric(days_between(purchases->last_order_at, as_of));
		case RFM_FREQUENCY:
			return int64_to_numeric(purchases->orders);
		default:
			return money_numeric(&purchases->money, base);
	}
}

enum
{
	BREAKS_METRIC,
	BREAKS_SCORE,
	BREAKS_CUSTOMERS,
	BREAKS_LOWEST,
	BREAKS_HIGHEST,
	BREAKS_COLUMNS
};

static void
put_break(const RfmCall *call, RfmMetric metric, int score,
		  const ScoreRange *range, const char *money_base)
{
	const TimestampTz as_of = call->base.as_of[0];

	/* the latest order is the least recency in days */
	const bool	turned = metric == RFM_RECENCY;
	Datum		values[BREAKS_COLUMNS];
	bool		nulls[BREAKS_COLUMNS] = {false};

	values[BREAKS_METRIC] = CStringGetTextDatum(metric_names[metric]);
	values[BREAKS_SCORE] = Int32GetDatum(score);
	values[BREAKS_CUSTOMERS] = Int64GetDatum(range->customers);
	values[BREAKS_LOWEST] =
		NumericGetDatum(metric_value(metric,
									 turned ? &range->most : &range->least,
									 as_of, money_base));
	values[BREAKS_HIGHEST] =
		NumericGetDatum(metric_value(metric,
									 turned ? &range->least : &range->most,
									 as_of, money_base));
	put_row(unconstify(CustomerCall *, &call->base), values, nulls);
}

static void
write_breaks(CustomerCall *base_call, const CustomerTable *const *tables)
{
	const RfmCall *call = (RfmCall *) base_call;
	ScoreRange	ranges[RFM_METRICS][RFM_BINS_MAX + 1] = {0};
	RfmCustomers customers;
	RfmCursor	cursor;
	RfmCustomer customer;
	StateHeap	heap;

	heap_init_scratch(&heap);
	rfm_customers_init(&customers, tables[0], call->bins, GRID_STANDARD);
	tell_if_stale(base_call, customers.last_order_at, STALE_AFTER);
	cursor = rfm_customers_walk(&customers);
	while (rfm_cursor_next(&cursor, &customer))
	{
		const Purchases *purchases = &customer.purchases;
		const uint64 word[RFM_METRICS] = {
			[RFM_RECENCY] = word_of_int64(purchases->last_order_at),
			[RFM_FREQUENCY] = word_of_int64(purchases->orders),
			[RFM_MONETARY] = customer.money_word
		};

		for (int i = 0; i < RFM_METRICS; i++)
			if (customer.score[i] > 0)
				widen_range(&ranges[i][customer.score[i]], word[i], purchases,
							&heap, tables[0]->heap.base);
	}

	for (int i = 0; i < RFM_METRICS; i++)
		for (int score = call->bins; score > 0; score--)
			if (ranges[i][score].customers > 0)
				put_break(call, i, score, &ranges[i][score], heap.base);
}

/*
 * rfm_breaks(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * as_of timestamptz, bins int, tz text, order_id_column name)
 */
PG_FUNCTION_INFO_V1(rfm_breaks);
Datum
rfm_breaks(PG_FUNCTION_ARGS)
{
	enum
	{
		AS_OF = ARG_OPTIONS, BINS, TZ, ORDER_ID
	};
	static const OrdersArguments arguments = {
		.relation = ARG_ORDERS_TABLE, .tz = TZ, .order_id = ORDER_ID
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_breaks);
	call.base.as_of[0] = time_arg(fcinfo, AS_OF, "as_of");
	call.bins = rfm_bins_arg(fcinfo, BINS);
	return run_over_relation(&call.base, &arguments, "as_of");
}

/*
 * rfm_breaks(state retention_state, bins int)
 */
PG_FUNCTION_INFO_V1(rfm_breaks_of_state);
Datum
rfm_breaks_of_state(PG_FUNCTION_ARGS)
{
	enum
	{
		STATE, BINS
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_breaks);
	call.bins = rfm_bins_arg(fcinfo, BINS);
	return run_over_states(&call.base, STATE);
}

/*
 * rfm_breaks(history order_history, as_of timestamptz, bins int)
 */
PG_FUNCTION_INFO_V1(rfm_breaks_of_history);
Datum
rfm_breaks_of_history(PG_FUNCTION_ARGS)
{
	enum
	{
		AS_OF = ARG_HISTORY_OPTIONS, BINS
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_breaks);
	call.base.as_of[0] = time_arg(fcinfo, AS_OF, "as_of");
	call.bins = rfm_bins_arg(fcinfo, BINS);
	return run_over_history(&call.base, -1, "as_of");
}
