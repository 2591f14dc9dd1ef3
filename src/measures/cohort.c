/*
 * cohort.c
 *		Do customers come back? By the period of their first order, period by
 *		period.
 *
 * A customer belongs to the cohort of the calendar period of the first order.
 * Money dated before the first order belongs to no cell; as the first order may
 * come with a later row, such money is kept apart with its instants until the
 * end.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "measures/calendar_options.h"
#include "engine/money.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/timeline.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* ------------------------------------------------------------------------
 * The state
 * ------------------------------------------------------------------------
 */
typedef struct CohortPayload
{
	TimestampTz first_order_at; /* DT_NOEND: only refunds so far */
	uint64		activity;		/* timeline by period, from the first order on:
								 * its orders, and the money of all rows */
	uint64		early;			/* timeline by instant: money before the first
								 * order */
} CohortPayload;

static const CohortPayload cohort_of_nobody = {
	.first_order_at = DT_NOEND,
	.activity = TIMELINE_EMPTY,
	.early = TIMELINE_EMPTY
};

static int64
period_of_instant(int64 at, void *options)
{
	return calendar_period(options, at);
}

/* Takes money from the first order on out of a timeline of earlier money. */
static void
take_late(CustomerTable *table, CohortPayload *customer, StateHeap *heap,
		  uint64 *early)
{
	StateHeap	late_heap;
	uint64		late;

	if (*early == TIMELINE_EMPTY || customer->first_order_at == DT_NOEND)
		return;
	heap_init_scratch(&late_heap);
	late = timeline_split(heap, early, customer->first_order_at,
						  period_of_instant, table->options, &late_heap);
	timeline_merge(&table->heap, &customer->activity, late_heap.base, late);
	heap_free_scratch(&late_heap);
}

static void
cohort_merge(CustomerTable *table, void *into, const void *from,
			 const char *from_base)
{
	CohortPayload *a = into;
	const CohortPayload *b = from;
	StateHeap	early_heap;
	uint64		early;

	timeline_merge(&table->heap, &a->activity, from_base, b->activity);
	if (b->first_order_at < a->first_order_at)
	{
		a->first_order_at = b->first_order_at;
		take_late(table, a, &table->heap, &a->early);
	}
	if (b->early == TIMELINE_EMPTY)
		return;
	/* what was early beside other orders may be late beside these */
	heap_init_scratch(&early_heap);
	early = heap_copy_block(&early_heap, from_base, b->early);
	take_late(table, a, &early_heap, &early);
	timeline_merge(&table->heap, &a->early, early_heap.base, early);
	heap_free_scratch(&early_heap);
}

static void
cohort_prefetch(const void *payload, const char *heap_base)
{
	timeline_prefetch(heap_base, ((const CohortPayload *) payload)->activity);
}

static bool
cohort_valid(const void *payload, const char *heap_base,
			 const StateOptions *options)
{
	const CohortPayload *customer = payload;
	const TimestampTz as_of = calendar_as_of(options);
	TimelineReader reader;
	int64		first;
	int64		last = calendar_period(options, as_of);
	int64		latest_refund = PG_INT64_MIN;

	timeline_open(&reader, heap_base, customer->early);
	while (timeline_next(&reader))
	{
		latest_refund = reader.position;
		if (reader.orders != 0 || !IS_VALID_TIMESTAMP(latest_refund) ||
			latest_refund > as_of)
			return false;
	}
	timeline_open(&reader, heap_base, customer->activity);
	if (customer->first_order_at == DT_NOEND)
		return !timeline_next(&reader) && customer->early != TIMELINE_EMPTY;
	if (!IS_VALID_TIMESTAMP(customer->first_order_at) ||
		customer->first_order_at > as_of ||
		latest_refund >= customer->first_order_at)
		return false;
	first = calendar_period(options, customer->first_order_at);
	if (!timeline_next(&reader) || reader.position != first || reader.orders == 0)
		return false;
	while (timeline_next(&reader))
		if (reader.position > last)
			return false;
	return true;
}

CUSTOMER_ABSORB(cohort_absorb, cohort_family)

retention_internal const CustomerFamily cohort_family = {
	.name = "cohort_retention",
	.id = FAMILY_COHORT,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.payload_fields = STATE_FIELDS(FIELD(CohortPayload, first_order_at, INT64),
								   FIELD(CohortPayload, activity, TIMELINE),
								   FIELD(CohortPayload, early, TIMELINE)),
	.payload_size = sizeof(CohortPayload),
	.identity = &cohort_of_nobody,
	.merge = cohort_merge,
	.prefetch = cohort_prefetch,
	.valid = cohort_valid,
	.absorb = cohort_absorb
};

static inline bool
read_cohort_row(StateUpdate *update, FunctionCallInfo fcinfo, void *payload)
{
	StateOptions *options = update->table->options;
	StateHeap  *row_heap = state_row_heap(update);
	CohortPayload *customer = payload;
	TimestampTz at;
	Money		money = {0, 0};
	bool		is_order = true;

	if (!state_time_arg(fcinfo, &at) || at > calendar_as_of(options))
		return false;
	if (!PG_ARGISNULL(3))
	{
		money_from_datum(row_heap, &money, PG_GETARG_DATUM(3), "amount");
		is_order = money_sign(&money, row_heap->base) > 0;
	}
	*customer = cohort_of_nobody;
	if (is_order)
	{
		customer->first_order_at = at;
		customer->activity = timeline_create(row_heap,
											 calendar_period(options, at), 1,
											 &money, row_heap->base);
	}
	else
		customer->early = timeline_create(row_heap, at, 0, &money,
										  row_heap->base);
	return true;
}

/*
 * cohort_retention_transfn_<kind>(retention_state, customer, ordered_at, amount,
 * grain, as_of, tz)
 */
STATE_TRANSITIONS(cohort_retention_transfn, cohort_family, 4, read_cohort_row)

/* ------------------------------------------------------------------------
 * The rows
 * ------------------------------------------------------------------------
 */
typedef struct Cell
{
	int64		active;			/* customers with an order */
	int64		orders;
	Money		revenue;
} Cell;

/* The customers whose first order lies in one period. */
typedef struct Cohort
{
	int64		size;
	Cell	   *cells;			/* one for each period from it to as_of's */
} Cohort;

/* The cohorts from the first customer's to the one that holds as_of. */
typedef struct Triangle
{
	int64		first;			/* period of the first cohort */
	int64		count;
	Cohort	   *cohorts;
	StateHeap	heap;			/* for the money in their cells */
} Triangle;

static bool
next_customer(CustomerCursor *cursor, CohortPayload *customer)
{
	while (customer_cursor_next(cursor, customer))
	{
		if ((cursor->next & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (customer->first_order_at != DT_NOEND)
			return true;
	}
	return false;
}

static retention_noreturn void
reject_many_rows(const CustomerTable *table, int64 periods)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("cohorts of " INT64_FORMAT " %ss have more rows than a value can hold",
					periods, grain_name(calendar_grain(table->options))),
			 errhint("Take a longer grain, or leave wrong dates out with WHERE: one order in the year 24 makes two thousand years of periods.")));
}

/* The period of a customer's first order: that of the first entry. */
static int64
cohort_of(const CustomerTable *table, const CohortPayload *customer)
{
	TimelineReader reader;

	timeline_open(&reader, table->heap.base, customer->activity);
	(void) timeline_next(&reader);
	return reader.position;
}

static bool
triangle_init(Triangle *triangle, const CustomerTable *table)
{
	int64		last = calendar_period(table->options,
									   calendar_as_of(table->options));
	CustomerCursor cursor = {table, 0};
	CohortPayload customer;
	int64		rows = 0;
	Cell	   *cells;

	triangle->first = PG_INT64_MAX;
	while (next_customer(&cursor, &customer))
		triangle->first = Min(triangle->first, cohort_of(table, &customer));
	if (triangle->first == PG_INT64_MAX)
		return false;
	triangle->count = last - triangle->first + 1;
	if (triangle->count > MOST_RESULT_ROWS)
		reject_many_rows(table, triangle->count);
	triangle->cohorts = palloc0(triangle->count * sizeof(Cohort));
	cursor = (CustomerCursor) {table, 0};
	while (next_customer(&cursor, &customer))
		triangle->cohorts[cohort_of(table, &customer) - triangle->first].size++;

	for (int64 i = 0; i < triangle->count; i++)
		if (triangle->cohorts[i].size > 0)
			rows += triangle->count - i;
	if (rows > MOST_RESULT_ROWS)
		reject_many_rows(table, triangle->count);
	cells = array_alloc0(rows, sizeof(Cell));
	for (int64 i = 0; i < triangle->count; i++)
		if (triangle->cohorts[i].size > 0)
		{
			triangle->cohorts[i].cells = cells;
			cells += triangle->count - i;
		}
	heap_init_scratch(&triangle->heap);
	return true;
}

static void
triangle_add(Triangle *triangle, const CustomerTable *table,
			 const CohortPayload *customer, StateHeap *wide)
{
	int64		cohort = cohort_of(table, customer);
	Cell	   *cells = triangle->cohorts[cohort - triangle->first].cells;
	TimelineReader reader;

	timeline_open(&reader, table->heap.base, customer->activity);
	while (timeline_next(&reader))
	{
		Cell	   *cell = &cells[reader.position - cohort];
		Money		money = timeline_money(&reader, wide);

		cell->active += reader.orders > 0;
		add_orders(&cell->orders, reader.orders);
		money_add(&triangle->heap, &cell->revenue, &money, wide->base);
	}
	wide->used = 0;
}

/*
 * The rows of one cohort, their values made in row_context. A cell without any
 * row has no money, which is 0; one whose orders are all of unknown value has NULL.
 */
static void
add_cohort_rows(ResultRows *rows, Triangle *triangle,
				const CustomerTable *table, int64 cohort, MemoryContext row_context)
{
	Grain		grain = calendar_grain(table->options);
	const Cell *cells = triangle->cohorts[cohort].cells;
	int64		size = triangle->cohorts[cohort].size;
	Money		cumulative = {0, 0};
	StateHeap	heap;

	heap_init_scratch(&heap);
	for (int64 i = 0; i < triangle->count - cohort; i++)
	{
		const Cell *cell = &cells[i];
		bool		ended = i < triangle->count - cohort - 1;
		bool		empty = cell->orders == 0 && money_is_none(&cell->revenue);
		Numeric		so_far;
		Datum		values[12];
		bool		nulls[12] = {false};
		MemoryContext caller;

		money_add(&heap, &cumulative, &cell->revenue, triangle->heap.base);
		caller = MemoryContextSwitchTo(row_context);
		so_far = money_numeric(&cumulative, heap.base);
		values[0] = DateADTGetDatum(period_start(grain, triangle->first + cohort));
		values[1] = Int32GetDatum((int32) i);
		values[2] = Int64GetDatum(size);
		values[3] = Int64GetDatum(ended ? size : 0);
		values[4] = Int64GetDatum(ended ? cell->active : 0);
		values[5] = share_or_null(cell->active, ended ? size : 0, &nulls[5]);
		values[6] = Int64GetDatum(cell->active);
		values[7] = Int64GetDatum(cell->orders);
		values[8] = numeric_or_null(empty ? int64_to_numeric(0) :
									money_numeric(&cell->revenue,
												  triangle->heap.base),
									&nulls[8]);
		values[9] = numeric_or_null(so_far, &nulls[9]);
		values[10] = money_per(so_far, size, &nulls[10]);
		values[11] = BoolGetDatum(ended);
		MemoryContextSwitchTo(caller);
		result_rows_add(rows, values, nulls);
		MemoryContextReset(row_context);
	}
	heap_free_scratch(&heap);
}

/*
 * cohort_retention(retention_state) returns cohort_retention_row[]
 *
 * A row for every cohort with customers and every period of it that has begun
 * by as_of. NULL without orders.
 */
PG_FUNCTION_INFO_V1(cohort_retention);
Datum
cohort_retention(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	CustomerCursor cursor = {table, 0};
	CohortPayload customer;
	Triangle	triangle;
	ResultRows	rows;
	StateHeap	wide;
	MemoryContext row_context;

	if (table->family != &cohort_family)
		reject_state(table, "cohort_retention");
	if (!triangle_init(&triangle, table))
		PG_RETURN_NULL();
	heap_init_scratch(&wide);
	while (next_customer(&cursor, &customer))
		triangle_add(&triangle, table, &customer, &wide);
	result_rows_init(&rows, fcinfo);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "cohort_retention row",
										ALLOCSET_DEFAULT_SIZES);
	for (int64 cohort = 0; cohort < triangle.count; cohort++)
		if (triangle.cohorts[cohort].size > 0)
			add_cohort_rows(&rows, &triangle, table, cohort, row_context);
	MemoryContextDelete(row_context);
	return result_rows_array(&rows);
}
