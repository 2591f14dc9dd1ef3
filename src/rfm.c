/*
 * rfm.c
 *		Who are the customers? RFM as rows: one per customer, per segment, per
 *		pair of segments, per score.
 *
 * Every function here has two faces: over a relation and its columns, and over
 * a stored state of purchases_state. Both come down to a customer table whose
 * customers are scored and then written as rows.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "compat.h"

#include "checks.h"
#include "common/shortest_dec.h"
#include "customer_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "orders_source.h"
#include "retention_state.h"
#include "rfm_customers.h"
#include "state_bytes.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* ------------------------------------------------------------------------
 * Arguments, and the way from either face to the rows
 * ------------------------------------------------------------------------
 */
typedef struct RfmCall RfmCall;

/* Writes a function's rows; the table is NULL if there are no orders. */
typedef void (*RfmWriter) (RfmCall *call, const CustomerTable *const *tables);

struct RfmCall
{
	FunctionCallInfo fcinfo;
	RfmWriter	write;
	int			bins;
	RfmGrid		grid;
	double		share;
	Oid			customer_type;	/* of the result */
	TimestampTz as_of[2];
	int			ntables;
	ReturnSetInfo *result;
	MemoryContext row_context;	/* reset after each row */
	Datum		segment[SEGMENT_NAME_COUNT];	/* names as text */
};

static int
bins_arg(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		reject_null("bins");
	check_rfm_bins(PG_GETARG_INT32(argument));
	return PG_GETARG_INT32(argument);
}

static RfmGrid
grid_arg(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		reject_null("grid");
	return rfm_grid_from_text(PG_GETARG_TEXT_PP(argument));
}

static TimestampTz
time_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		reject_null(name);
	check_finite_time(PG_GETARG_TIMESTAMPTZ(argument), name);
	return PG_GETARG_TIMESTAMPTZ(argument);
}

static double
share_arg(FunctionCallInfo fcinfo, int argument)
{
	double		share;

	if (PG_ARGISNULL(argument))
		reject_null("share");
	share = PG_GETARG_FLOAT8(argument);
	check_double_range(share, 0, 1, "share");
	if (share == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"share\" must be above 0")));
	return share;
}

static void
call_init(RfmCall *call, FunctionCallInfo fcinfo, RfmWriter write)
{
	InitMaterializedSRF(fcinfo, 0);
	*call = (RfmCall)
	{
		.fcinfo = fcinfo,
			.write = write,
			.bins = 5,
			.ntables = 1,
			.result = (ReturnSetInfo *) fcinfo->resultinfo,
			.row_context = AllocSetContextCreate(CurrentMemoryContext,
												 "retention rows",
												 ALLOCSET_DEFAULT_SIZES)
	};
	for (int i = 0; i < SEGMENT_NAME_COUNT; i++)
		call->segment[i] = CStringGetTextDatum(segment_name(i));
}

static void
write_purchases(CustomerTable *const *tables, void *arg)
{
	RfmCall    *call = arg;

	call->write(call, (const CustomerTable *const *) tables);
}

/* Over a relation: reads its orders until call->as_of. */
static Datum
run_over_relation(RfmCall *call, const OrdersArguments *arguments)
{
	OrdersSource source;

	call->customer_type = get_fn_expr_argtype(call->fcinfo->flinfo,
											  arguments->customer_type);
	orders_source_init(&source, call->fcinfo, arguments);
	orders_source_purchases(&source, call->as_of, call->ntables,
							write_purchases, call);
	return (Datum) 0;
}

/* A stored state of purchases; NULL, which has no orders, if the argument is. */
static CustomerTable *
purchases_arg(FunctionCallInfo fcinfo, int argument, CustomerTable *view)
{
	CustomerTable *table;

	if (PG_ARGISNULL(argument))
		return NULL;
	table = state_open(PG_GETARG_DATUM(argument), view);
	if (table->family != &purchases_family)
		reject_state(table, "purchases of customers");
	return table;
}

/* Over stored states, the first of which is an argument. */
static Datum
run_over_states(RfmCall *call, int argument)
{
	CustomerTable view[2];
	CustomerTable *tables[2];

	for (int i = 0; i < call->ntables; i++)
	{
		tables[i] = purchases_arg(call->fcinfo, argument + i, &view[i]);
		if (tables[i])
			call->as_of[i] = purchases_as_of(tables[i]);
	}
	write_purchases(tables, call);
	return (Datum) 0;
}

/* The type of the customers in a stored state must be the anchor's. */
static Datum
run_over_state_of_customers(RfmCall *call)
{
	Oid			anchor = get_fn_expr_argtype(call->fcinfo->flinfo, 0);
	CustomerTable view;
	CustomerTable *table = purchases_arg(call->fcinfo, 1, &view);

	call->customer_type = anchor;
	if (table &&
		!customer_type_fits(anchor, customer_type_of_kind(table->kind)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the first argument has type %s, but the customers in the state have type %s",
						format_type_be(anchor),
						format_type_be(customer_type_of_kind(table->kind))),
				 errhint("Write NULL::%s: the first argument gives the result's column its type.",
						 format_type_be(customer_type_of_kind(table->kind)))));
	return run_over_states(call, 1);
}

static void
put_row(RfmCall *call, Datum *values, bool *nulls)
{
	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(call->result->setResult, call->result->setDesc,
						 values, nulls);
	MemoryContextReset(call->row_context);
}

/* Makes a value of a row: NULL if there is none. */
static Datum
numeric_or_null(Numeric value, bool *isnull)
{
	*isnull = value == NULL;
	return value ? NumericGetDatum(value) : (Datum) 0;
}

static Datum
float8_or_null(double value, bool known, bool *isnull)
{
	*isnull = !known;
	return Float8GetDatum(known ? value : 0);
}

/* Money per order; NULL if no money is known. */
static Numeric
average_order(Numeric money, int64 orders)
{
	if (money == NULL)
		return NULL;
	return DatumGetNumeric(DirectFunctionCall2(numeric_div,
											   NumericGetDatum(money),
											   NumericGetDatum(int64_to_numeric(orders))));
}

/* The later time is "to"; all of time does not fit a signed number. */
static double
days_between(TimestampTz from, TimestampTz to)
{
	return (double) ((uint64) to - (uint64) from) / USECS_PER_DAY;
}

/* ------------------------------------------------------------------------
 * rfm_segments: a row per customer
 * ------------------------------------------------------------------------
 */
static void
write_segments(RfmCall *call, const CustomerTable *const *tables)
{
	MemoryContext caller = CurrentMemoryContext;
	RfmCustomers customers;
	RfmCursor	cursor;
	RfmCustomer customer;

	rfm_customers_init(&customers, tables[0], call->bins, call->grid);
	cursor = rfm_customers_walk(&customers);
	MemoryContextSwitchTo(call->row_context);
	while (rfm_cursor_next(&cursor, &customer))
	{
		const Purchases *purchases = &customer.purchases;
		Numeric		money = money_numeric(&purchases->money,
										  tables[0]->heap.base);
		bool		known = money != NULL;
		char		cell[RFM_METRICS];
		Datum		values[12];
		bool		nulls[12] = {false};

		for (int i = 0; i < RFM_METRICS; i++)
			cell[i] = '0' + customer.score[i];
		values[0] = customer_datum(tables[0], customer.slot,
								   call->customer_type);
		values[1] = TimestampTzGetDatum(purchases->first_order_at);
		values[2] = TimestampTzGetDatum(purchases->last_order_at);
		values[3] = Float8GetDatum(days_between(purchases->last_order_at,
												call->as_of[0]));
		values[4] = Int64GetDatum(purchases->orders);
		values[5] = numeric_or_null(money, &nulls[5]);
		values[6] = numeric_or_null(average_order(money, purchases->orders),
									&nulls[6]);
		values[7] = Int32GetDatum(customer.score[RFM_RECENCY]);
		values[8] = Int32GetDatum(customer.score[RFM_FREQUENCY]);
		values[9] = Int32GetDatum(customer.score[RFM_MONETARY]);
		values[10] = PointerGetDatum(cstring_to_text_with_len(cell,
															  sizeof(cell)));
		values[11] = call->segment[customer.segment];
		nulls[9] = nulls[10] = nulls[11] = !known;
		put_row(call, values, nulls);
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
	static const OrdersArguments arguments = {
		.relation = 1, .tz = 8, .order_id = 9
	};
	RfmCall		call;

	call_init(&call, fcinfo, write_segments);
	call.as_of[0] = time_arg(fcinfo, 5, "as_of");
	call.bins = bins_arg(fcinfo, 6);
	call.grid = grid_arg(fcinfo, 7);
	return run_over_relation(&call, &arguments);
}

/*
 * rfm_segments(customer_type anyelement, state retention_state, bins int,
 * grid text)
 */
PG_FUNCTION_INFO_V1(rfm_segments_of_state);
Datum
rfm_segments_of_state(PG_FUNCTION_ARGS)
{
	RfmCall		call;

	call_init(&call, fcinfo, write_segments);
	call.bins = bins_arg(fcinfo, 2);
	call.grid = grid_arg(fcinfo, 3);
	return run_over_state_of_customers(&call);
}

/* ------------------------------------------------------------------------
 * segment_summary: a row per segment
 * ------------------------------------------------------------------------
 */
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

static void
write_summary(RfmCall *call, const CustomerTable *const *tables)
{
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
	for (cursor = rfm_customers_walk(&customers);
		 rfm_cursor_next(&cursor, &customer);)
		segments[customer.segment].customers++;
	recency = MemoryContextAllocHuge(CurrentMemoryContext,
									 (customers.count + 1) * sizeof(uint64));
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
		Datum		values[8];
		bool		nulls[8] = {false};

		if (totals->customers == 0)
			continue;
		values[0] = call->segment[i];
		values[1] = Int64GetDatum(totals->customers);
		values[2] = Float8GetDatum((double) totals->customers /
								   (double) customers.count);
		values[3] = numeric_or_null(money, &nulls[3]);
		values[4] = float8_or_null(money && has_revenue ?
								   money_ratio(money, revenue) : 0,
								   money && has_revenue, &nulls[4]);
		values[5] = Int64GetDatum(totals->orders);
		values[6] = numeric_or_null(average_order(money, totals->orders),
									&nulls[6]);
		values[7] = Float8GetDatum(median_recency_days(totals, call->as_of[0]));
		put_row(call, values, nulls);
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
	static const OrdersArguments arguments = {
		.relation = 1, .tz = 8, .order_id = 9
	};
	RfmCall		call;

	call_init(&call, fcinfo, write_summary);
	call.as_of[0] = time_arg(fcinfo, 5, "as_of");
	call.bins = bins_arg(fcinfo, 6);
	call.grid = grid_arg(fcinfo, 7);
	return run_over_relation(&call, &arguments);
}

/*
 * segment_summary(state retention_state, bins int, grid text)
 */
PG_FUNCTION_INFO_V1(segment_summary_of_state);
Datum
segment_summary_of_state(PG_FUNCTION_ARGS)
{
	RfmCall		call;

	call_init(&call, fcinfo, write_summary);
	call.bins = bins_arg(fcinfo, 1);
	call.grid = grid_arg(fcinfo, 2);
	return run_over_states(&call, 0);
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

static void
write_transitions(RfmCall *call, const CustomerTable *const *tables)
{
	Transitions transitions = {0};
	RfmCustomers before;
	RfmCustomers after;
	RfmCursor	before_cursor;
	RfmCursor	after_cursor;
	RfmCustomer from;
	RfmCustomer to;
	StateHeap	heap;

	if (tables[0] && tables[1] && tables[0]->kind != tables[1]->kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot compare states whose customers are of types %s and %s",
						format_type_be(customer_type_of_kind(tables[0]->kind)),
						format_type_be(customer_type_of_kind(tables[1]->kind)))));
	if (tables[0] && tables[1] && call->as_of[0] >= call->as_of[1])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"from_state\" must be of an earlier time than \"to_state\"")));
	rfm_customers_init(&before, tables[0], call->bins, call->grid);
	rfm_customers_init(&after, tables[1], call->bins, call->grid);
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

	for (int i = 0; i < SEGMENT_NAME_COUNT; i++)
	{
		int64		of_segment = 0;

		for (int j = 0; j < SEGMENT_NAME_COUNT; j++)
			of_segment += transitions[i][j].customers;
		for (int j = 0; j < SEGMENT_NAME_COUNT; j++)
		{
			const Transition *transition = &transitions[i][j];
			Datum		values[5];
			bool		nulls[5] = {false};

			if (transition->customers == 0)
				continue;
			values[0] = call->segment[i];
			values[1] = call->segment[j];
			values[2] = Int64GetDatum(transition->customers);
			values[3] = Float8GetDatum((double) transition->customers /
									   (double) of_segment);
			values[4] = numeric_or_null(money_numeric(&transition->money,
													  heap.base), &nulls[4]);
			put_row(call, values, nulls);
		}
	}
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
	static const OrdersArguments arguments = {
		.relation = 1, .tz = 9, .order_id = 10
	};
	RfmCall		call;

	call_init(&call, fcinfo, write_transitions);
	call.ntables = 2;
	call.as_of[0] = time_arg(fcinfo, 5, "from_as_of");
	call.as_of[1] = time_arg(fcinfo, 6, "to_as_of");
	if (call.as_of[0] >= call.as_of[1])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"from_as_of\" must be earlier than \"to_as_of\""),
				 errdetail("They are %s and %s.",
						   pstrdup(timestamptz_to_str(call.as_of[0])),
						   pstrdup(timestamptz_to_str(call.as_of[1])))));
	call.bins = bins_arg(fcinfo, 7);
	call.grid = grid_arg(fcinfo, 8);
	return run_over_relation(&call, &arguments);
}

/*
 * rfm_transitions(from_state retention_state, to_state retention_state,
 * bins int, grid text)
 */
PG_FUNCTION_INFO_V1(rfm_transitions_of_states);
Datum
rfm_transitions_of_states(PG_FUNCTION_ARGS)
{
	RfmCall		call;

	call_init(&call, fcinfo, write_transitions);
	call.ntables = 2;
	call.bins = bins_arg(fcinfo, 2);
	call.grid = grid_arg(fcinfo, 3);
	return run_over_states(&call, 0);
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
widen_range(ScoreRange *range, uint64 word, const Purchases *purchases)
{
	if (range->customers == 0 || word < range->least_word)
	{
		range->least_word = word;
		range->least = *purchases;
	}
	if (range->customers == 0 || word > range->most_word)
	{
		range->most_word = word;
		range->most = *purchases;
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

static void
write_breaks(RfmCall *call, const CustomerTable *const *tables)
{
	ScoreRange	ranges[RFM_METRICS][RFM_BINS_MAX + 1] = {0};
	RfmCustomers customers;
	RfmCursor	cursor;
	RfmCustomer customer;

	rfm_customers_init(&customers, tables[0], call->bins, GRID_STANDARD);
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
				widen_range(&ranges[i][customer.score[i]], word[i], purchases);
	}

	for (int i = 0; i < RFM_METRICS; i++)
		for (int score = call->bins; score > 0; score--)
		{
			const ScoreRange *range = &ranges[i][score];
			/* the latest order is the least recency in days */
			bool		turned = i == RFM_RECENCY;
			Datum		values[5];
			bool		nulls[5] = {false};

			if (range->customers == 0)
				continue;
			values[0] = CStringGetTextDatum(metric_names[i]);
			values[1] = Int32GetDatum(score);
			values[2] = Int64GetDatum(range->customers);
			values[3] = NumericGetDatum(metric_value(i,
													 turned ? &range->most : &range->least,
													 call->as_of[0],
													 tables[0]->heap.base));
			values[4] = NumericGetDatum(metric_value(i,
													 turned ? &range->least : &range->most,
													 call->as_of[0],
													 tables[0]->heap.base));
			put_row(call, values, nulls);
		}
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
	static const OrdersArguments arguments = {
		.relation = 1, .tz = 7, .order_id = 8
	};
	RfmCall		call;

	call_init(&call, fcinfo, write_breaks);
	call.as_of[0] = time_arg(fcinfo, 5, "as_of");
	call.bins = bins_arg(fcinfo, 6);
	return run_over_relation(&call, &arguments);
}

/*
 * rfm_breaks(state retention_state, bins int)
 */
PG_FUNCTION_INFO_V1(rfm_breaks_of_state);
Datum
rfm_breaks_of_state(PG_FUNCTION_ARGS)
{
	RfmCall		call;

	call_init(&call, fcinfo, write_breaks);
	call.bins = bins_arg(fcinfo, 1);
	return run_over_states(&call, 0);
}

/* ------------------------------------------------------------------------
 * hero_buyers: a row per customer among the few who bring most of the money
 * ------------------------------------------------------------------------
 */
typedef struct Buyer
{
	uint64		money_word;
	const char *slot;
} Buyer;

/* Most money first; customers with as much in their own order. */
static int
compare_buyers(const void *a, const void *b, void *arg)
{
	const Buyer *x = a;
	const Buyer *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->money_word != y->money_word)
		return x->money_word > y->money_word ? -1 : 1;
	return customer_compare(arg, x->slot, y->slot);
}

static Buyer *
buyers_by_money(const RfmCustomers *customers, uint64 *count)
{
	Buyer	   *buyers = MemoryContextAllocHuge(CurrentMemoryContext,
												(customers->with_money + 1) * sizeof(Buyer));
	RfmCursor	cursor = rfm_customers_walk(customers);
	RfmCustomer customer;

	*count = 0;
	while (rfm_cursor_next(&cursor, &customer))
		if (!money_is_none(&customer.purchases.money))
			buyers[(*count)++] = (Buyer) {customer.money_word, customer.slot};
	qsort_arg(buyers, *count, sizeof(Buyer), compare_buyers,
			  unconstify(CustomerTable *, customers->table));
	return buyers;
}

static void
read_purchases(const CustomerTable *table, const char *slot,
			   Purchases *purchases)
{
	memcpy(purchases, slot + table->key_size, sizeof(Purchases));
}

static void
write_heroes(RfmCall *call, const CustomerTable *const *tables)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *base = tables[0] ? tables[0]->heap.base : NULL;
	RfmCustomers customers;
	Purchases	purchases;
	uint64		count;
	Buyer	   *buyers;
	StateHeap	heap;
	Money		all = {0, 0};
	Money		so_far = {0, 0};
	Money		goal;
	Numeric		revenue;

	rfm_customers_init(&customers, tables[0], call->bins, GRID_STANDARD);
	buyers = buyers_by_money(&customers, &count);
	heap_init_scratch(&heap);
	for (uint64 i = 0; i < count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		read_purchases(tables[0], buyers[i].slot, &purchases);
		money_add(&heap, &all, &purchases.money, base);
	}
	if (money_sign(&all, heap.base) <= 0)
		return;
	revenue = money_numeric(&all, heap.base);
	money_from_datum(&heap, &goal,
					 DirectFunctionCall2(numeric_mul,
										 NumericGetDatum(revenue),
										 DirectFunctionCall1(float8_numeric,
															 Float8GetDatum(call->share))),
					 "share");
	for (uint64 i = 0;
		 i < count && (i == 0 || money_compare(&so_far, heap.base, &goal, heap.base) < 0);
		 i++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};
		Numeric		money;

		read_purchases(tables[0], buyers[i].slot, &purchases);
		money_add(&heap, &so_far, &purchases.money, base);
		MemoryContextSwitchTo(call->row_context);
		money = money_numeric(&purchases.money, base);
		values[0] = customer_datum(tables[0], buyers[i].slot,
								   call->customer_type);
		values[1] = Int64GetDatum((int64) i + 1);
		values[2] = Int64GetDatum(purchases.orders);
		values[3] = NumericGetDatum(money);
		values[4] = Float8GetDatum(money_ratio(money, revenue));
		values[5] = Float8GetDatum(money_ratio(money_numeric(&so_far, heap.base),
												 revenue));
		put_row(call, values, nulls);
		MemoryContextSwitchTo(caller);
	}
}

/*
 * hero_buyers(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * share double precision, as_of timestamptz, tz text, order_id_column name)
 */
PG_FUNCTION_INFO_V1(hero_buyers);
Datum
hero_buyers(PG_FUNCTION_ARGS)
{
	static const OrdersArguments arguments = {
		.relation = 1, .tz = 7, .order_id = 8
	};
	RfmCall		call;

	call_init(&call, fcinfo, write_heroes);
	call.share = share_arg(fcinfo, 5);
	call.as_of[0] = time_arg(fcinfo, 6, "as_of");
	return run_over_relation(&call, &arguments);
}

/*
 * hero_buyers(customer_type anyelement, state retention_state,
 * share double precision)
 */
PG_FUNCTION_INFO_V1(hero_buyers_of_state);
Datum
hero_buyers_of_state(PG_FUNCTION_ARGS)
{
	RfmCall		call;

	call_init(&call, fcinfo, write_heroes);
	call.share = share_arg(fcinfo, 2);
	return run_over_state_of_customers(&call);
}
