/*
 * cohort.c
 *		Do customers come back? By the period of their first order, period by
 *		period.
 *
 * A customer belongs to the cohort of the calendar period of the first order.
 * Money dated before the first order belongs to no cell; as the first order may
 * come with a later row, the money of rows that are no orders is kept apart, with
 * its instants, until the end.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "measures/calendar_options.h"
#include "engine/dated_money.h"
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
	TimestampTz first_order_at; /* DT_NOEND: no order so far */
	uint64		activity;		/* timeline by period: orders, and their money */
	uint64		others;			/* dated money of rows that are no orders */
} CohortPayload;

static const CohortPayload cohort_of_nobody = {
	.first_order_at = DT_NOEND,
	.activity = TIMELINE_EMPTY,
	.others = DATED_MONEY_NONE
};

static void
cohort_merge(CustomerTable *table, void *into, const void *from,
			 const char *from_base)
{
	CohortPayload *a = into;
	const CohortPayload *b = from;

	a->first_order_at = Min(a->first_order_at, b->first_order_at);
	timeline_merge(&table->heap, &a->activity, from_base, b->activity);
	dated_money_merge(&table->heap, &a->others, from_base, b->others);
}

static void
cohort_prefetch(const void *payload, const char *heap_base)
{
	timeline_prefetch(heap_base, ((const CohortPayload *) payload)->activity);
}

/* Are these rows before as_of that are no orders? */
static bool
others_valid(const char *heap_base, uint64 others, TimestampTz as_of)
{
	TimelineReader reader;
	StateHeap	wide;
	bool		valid = true;

	heap_init_scratch(&wide);
	timeline_open(&reader, heap_base, others);
	while (valid && dated_money_next(&reader))
	{
		Money		money = timeline_money(&reader, &wide);

		valid = reader.position < as_of && money_sign(&money, wide.base) <= 0;
		wide.used = 0;
	}
	heap_free_scratch(&wide);
	return valid;
}

/* Are these orders, whose money is above zero or unknown, from a period to another? */
static bool
activity_valid(const char *heap_base, uint64 activity, int64 first, int64 last)
{
	TimelineReader reader;
	StateHeap	wide;
	bool		valid;

	timeline_open(&reader, heap_base, activity);
	if (!timeline_next(&reader) || reader.position != first)
		return false;
	heap_init_scratch(&wide);
	do
	{
		Money		money = timeline_money(&reader, &wide);

		valid = reader.orders > 0 && reader.position <= last &&
			(money_is_none(&money) || money_sign(&money, wide.base) > 0);
		wide.used = 0;
	} while (valid && timeline_next(&reader));
	heap_free_scratch(&wide);
	return valid;
}

static bool
cohort_valid(const void *payload, const char *heap_base,
			 const StateOptions *options)
{
	const CohortPayload *customer = payload;

	if (!others_valid(heap_base, customer->others, calendar_as_of(options)))
		return false;
	if (customer->first_order_at == DT_NOEND)
		return customer->activity == TIMELINE_EMPTY &&
			customer->others != DATED_MONEY_NONE;
	return IS_VALID_TIMESTAMP(customer->first_order_at) &&
		customer->first_order_at < calendar_as_of(options) &&
		activity_valid(heap_base, customer->activity,
					   calendar_period(options, customer->first_order_at),
					   calendar_last_period(options));
}

CUSTOMER_ABSORB(cohort_absorb, cohort_family)

retention_internal const CustomerFamily cohort_family = {
	.name = "cohort_retention",
	.id = FAMILY_COHORT,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.payload_fields = STATE_FIELDS(FIELD(CohortPayload, first_order_at, INT64),
								   FIELD(CohortPayload, activity, TIMELINE),
								   FIELD(CohortPayload, others, DATED_MONEY)),
	.payload_size = sizeof(CohortPayload),
	.identity = &cohort_of_nobody,
	.merge = cohort_merge,
	.prefetch = cohort_prefetch,
	.valid = cohort_valid,
	.absorb = cohort_absorb
};

static inline bool
read_cohort_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;
	StateHeap  *row_heap = state_row_heap(update);
	CohortPayload *customer = payload;
	const TimestampTz at = row->at;
	Money		money = {0, 0};
	bool		is_order = true;

	if (at >= calendar_as_of(options))
		return false;
	if (row->known)
	{
		money = order_row_amount(row, row_heap);
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
		customer->others = dated_money_create(row_heap, at, &money,
											  row_heap->base);
	return true;
}

/* Another row that is no order */
static void
add_other(StateHeap *heap, uint64 *others, TimestampTz at, const Money *money,
		  const char *money_base)
{
	StateHeap	one;
	uint64		entry;

	if (*others == DATED_MONEY_NONE)
	{
		*others = dated_money_create(heap, at, money, money_base);
		return;
	}
	heap_init_scratch(&one);
	entry = dated_money_create(&one, at, money, money_base);
	dated_money_merge(heap, others, one.base, entry);
	heap_free_scratch(&one);
}

static inline bool
read_cohort_customer(StateUpdate *update, CustomerRows *rows, void *payload)
{
	const StateOptions *options = update->table->options;
	const TimestampTz as_of = calendar_as_of(options);
	StateHeap  *row_heap = state_row_heap(update);
	CohortPayload *customer = payload;
	TimelineBuilder activity;
	OrderRow	row;

	*customer = cohort_of_nobody;
	timeline_build_begin(&activity);
	while (customer_rows_next(rows, &row) && row.at < as_of)
	{
		Money		money = {0, 0};

		if (row.known)
			money = order_row_amount(&row, &activity.wide);
		if (row.known && !money_is_positive(&money, activity.wide.base))
		{
			add_other(row_heap, &customer->others, row.at, &money,
					  activity.wide.base);
			continue;
		}
		customer->first_order_at = Min(customer->first_order_at, row.at);
		timeline_build_add(&activity, calendar_period(options, row.at), &money);
	}
	customer->activity = timeline_build_end(&activity, row_heap);
	return customer->activity != TIMELINE_EMPTY ||
		customer->others != DATED_MONEY_NONE;
}

/*
 * cohort_retention_transfn_<kind>(retention_state, customer, ordered_at, amount,
 * grain, as_of, tz)
 */
STATE_TRANSITIONS_AT_ONCE(cohort_retention_transfn, cohort_family,
						  TAKES_TIME | TAKES_AMOUNT, read_cohort_row,
						  read_cohort_customer)

/* ------------------------------------------------------------------------
 * The rows
 * ------------------------------------------------------------------------
 */
typedef struct Cell
{
	int64		active;			/* customers with an order */
	int64		again;			/* customers whose second order it is */
	int64		orders;
	Money		revenue;
} Cell;

/* The customers whose first order lies in one period. */
typedef struct Cohort
{
	int64		size;
	Cell	   *cells;			/* one for each period from it to the last */
} Cohort;

/* The cohorts from the first customer's to the last period before as_of. */
typedef struct Triangle
{
	int64		first;			/* period of the first cohort */
	int64		open;			/* the first that has not ended by as_of */
	int64		count;
	Cohort	   *cohorts;
	StateHeap	heap;			/* for the money in their cells */
} Triangle;

static bool
next_customer(CustomerCursor *cursor, CohortPayload *customer)
{
	while (customer_cursor_next(cursor, customer))
		if (customer->first_order_at != DT_NOEND)
			return true;
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

/* The period of a customer's first order, which is that of the first entry. */
static int64
cohort_of(const CustomerTable *table, const CohortPayload *customer)
{
	return calendar_period(table->options, customer->first_order_at);
}

static bool
triangle_init(Triangle *triangle, const CustomerTable *table)
{
	int64		last = calendar_last_period(table->options);
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
	triangle->open = calendar_open_period(table->options);
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

/* Orders, and their money */
static void
add_activity(Triangle *triangle, Cell *cells, const CustomerTable *table,
			 const CohortPayload *customer, int64 cohort, StateHeap *wide)
{
	TimelineReader reader;
	int64		orders = 0;		/* so far; 2 for more */

	timeline_open(&reader, table->heap.base, customer->activity);
	while (timeline_next(&reader))
	{
		Cell	   *cell = &cells[reader.position - cohort];
		Money		money = timeline_money(&reader, wide);

		cell->active++;
		if (orders < 2 && orders + reader.orders >= 2)
			cell->again++;
		orders = Min(orders + reader.orders, 2);
		add_orders(&cell->orders, reader.orders);
		money_add(&triangle->heap, &cell->revenue, &money, wide->base);
	}
}

/* What other rows from the first order on have taken from it */
static void
add_others(Triangle *triangle, Cell *cells, const CustomerTable *table,
		   const CohortPayload *customer, int64 cohort, StateHeap *wide)
{
	TimelineReader reader;

	timeline_open(&reader, table->heap.base, customer->others);
	for (uint32 i = 0; dated_money_next(&reader); i++)
	{
		Cell	   *cell;
		Money		money;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (reader.position < customer->first_order_at)
			continue;
		cell = &cells[calendar_period(table->options, reader.position) - cohort];
		money = timeline_money(&reader, wide);
		money_add(&triangle->heap, &cell->revenue, &money, wide->base);
		wide->used = 0;
	}
}

static void
triangle_add(Triangle *triangle, const CustomerTable *table,
			 const CohortPayload *customer, StateHeap *wide)
{
	int64		cohort = cohort_of(table, customer);
	Cell	   *cells = triangle->cohorts[cohort - triangle->first].cells;

	add_activity(triangle, cells, table, customer, cohort, wide);
	wide->used = 0;
	add_others(triangle, cells, table, customer, cohort, wide);
}

/* The columns of cohort_retention_row */
enum
{
	ROW_COHORT,
	ROW_PERIOD_INDEX,
	ROW_COHORT_SIZE,
	ROW_ELIGIBLE,
	ROW_RETAINED,
	ROW_RATE,
	ROW_RETAINED_SO_FAR,
	ROW_ORDERS,
	ROW_REVENUE,
	ROW_CUMULATIVE_REVENUE,
	ROW_REPEAT_CUSTOMERS,
	ROW_REPEAT_RATE,
	ROW_LTV,
	ROW_IS_COMPLETE,
	ROW_COLUMNS
};

/* A cohort from its first period to the one of the cell that comes next. */
typedef struct CohortSoFar
{
	int64		again;			/* customers with a second order */
	Money		revenue;
	StateHeap	heap;			/* of the money */
} CohortSoFar;

/*
 * The values of one cell. One without any row has no money, which is 0; one whose
 * orders are all of unknown value has NULL.
 */
static void
cell_values(Datum *values, bool *nulls, const Triangle *triangle,
			const Cell *cell, int64 size, bool ended, const CohortSoFar *so_far)
{
	bool		empty = cell->orders == 0 && money_is_none(&cell->revenue);
	int64		eligible = ended ? size : 0;
	Numeric		revenue = money_numeric(&so_far->revenue, so_far->heap.base);

	values[ROW_COHORT_SIZE] = Int64GetDatum(size);
	values[ROW_ELIGIBLE] = Int64GetDatum(eligible);
	values[ROW_RETAINED] = Int64GetDatum(ended ? cell->active : 0);
	values[ROW_RATE] = share_or_null(cell->active, eligible, &nulls[ROW_RATE]);
	values[ROW_RETAINED_SO_FAR] = Int64GetDatum(cell->active);
	values[ROW_ORDERS] = Int64GetDatum(cell->orders);
	values[ROW_REVENUE] = numeric_or_null(empty ? int64_to_numeric(0) :
										  money_numeric(&cell->revenue,
														triangle->heap.base),
										  &nulls[ROW_REVENUE]);
	values[ROW_CUMULATIVE_REVENUE] = numeric_or_null(revenue,
													 &nulls[ROW_CUMULATIVE_REVENUE]);
	values[ROW_REPEAT_CUSTOMERS] = Int64GetDatum(so_far->again);
	values[ROW_REPEAT_RATE] = share_or_null(so_far->again, eligible,
											&nulls[ROW_REPEAT_RATE]);
	values[ROW_LTV] = money_per(revenue, size, &nulls[ROW_LTV]);
	values[ROW_IS_COMPLETE] = BoolGetDatum(ended);
}

/* The rows of one cohort, their values made in row_context. */
static void
add_cohort_rows(ResultRows *rows, Triangle *triangle,
				const CustomerTable *table, int64 cohort, MemoryContext row_context)
{
	const Cell *cells = triangle->cohorts[cohort].cells;
	DateADT		start = period_date(calendar_grain(table->options),
									triangle->first + cohort);
	CohortSoFar so_far = {0};

	heap_init_scratch(&so_far.heap);
	for (int64 i = 0; i < triangle->count - cohort; i++)
	{
		bool		ended = triangle->first + cohort + i < triangle->open;
		Datum		values[ROW_COLUMNS];
		bool		nulls[ROW_COLUMNS] = {false};
		MemoryContext caller;

		so_far.again += cells[i].again;
		money_add(&so_far.heap, &so_far.revenue, &cells[i].revenue,
				  triangle->heap.base);
		caller = MemoryContextSwitchTo(row_context);
		values[ROW_COHORT] = DateADTGetDatum(start);
		values[ROW_PERIOD_INDEX] = Int32GetDatum((int32) i);
		cell_values(values, nulls, triangle, &cells[i],
					triangle->cohorts[cohort].size, ended, &so_far);
		MemoryContextSwitchTo(caller);
		result_rows_add(rows, values, nulls);
		MemoryContextReset(row_context);
	}
	heap_free_scratch(&so_far.heap);
}

/*
 * cohort_retention(retention_state) returns cohort_retention_row[]
 *
 * A row for every cohort with customers and every period of it that has begun
 * before as_of. NULL without orders.
 */
PG_FUNCTION_INFO_V1(cohort_retention);
Datum
cohort_retention(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	CustomerReadAhead ahead;
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
	customer_read_ahead_begin(&ahead, table);
	while (customer_read_ahead_next(&ahead, &customer))
		if (customer.first_order_at != DT_NOEND)
			triangle_add(&triangle, table, &customer, &wide);
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "cohort_retention row",
										ALLOCSET_DEFAULT_SIZES);
	for (int64 cohort = 0; cohort < triangle.count; cohort++)
		if (triangle.cohorts[cohort].size > 0)
			add_cohort_rows(&rows, &triangle, table, cohort, row_context);
	MemoryContextDelete(row_context);
	return result_rows_array(&rows);
}
