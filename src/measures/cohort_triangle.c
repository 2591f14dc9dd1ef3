/*
 * cohort_triangle.c
 *		The rows of cohorts.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "measures/cohort_triangle.h"

#include "base/checks.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/calendar.h"
#include "engine/timeline.h"
#include "measures/calendar_options.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

static bool
next_member(CustomerCursor *cursor, CohortMember *member)
{
	uint64		payload[MOST_PAYLOAD / sizeof(uint64)];

	while (customer_cursor_next(cursor, payload))
	{
		memcpy(member, payload, sizeof(*member));
		if (member->since != DT_NOEND)
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

static int64
cohort_of(const CustomerTable *table, const CohortMember *member)
{
	return calendar_period(table->options, member->since);
}

/* All cohorts from this one on, without members */
static void
begin_with_cohort(Triangle *triangle, const CustomerTable *table, int64 first)
{
	triangle->table = table;
	triangle->first = first;
	triangle->count = calendar_last_period(table->options) - first + 1;
	triangle->open = calendar_open_period(table->options);
	if (triangle->count > MOST_RESULT_ROWS)
		reject_many_rows(table, triangle->count);
	triangle->cohorts = palloc0(triangle->count * sizeof(Cohort));
	heap_init_scratch(&triangle->heap);
	heap_init_scratch(&triangle->wide);
}

/* The cells of all cohorts that have members */
static void
make_cells(Triangle *triangle)
{
	int64		rows = 0;
	Cell	   *cells;

	for (int64 i = 0; i < triangle->count; i++)
		if (triangle->cohorts[i].size > 0)
			rows += triangle->count - i;
	if (rows > MOST_RESULT_ROWS)
		reject_many_rows(triangle->table, triangle->count);
	cells = array_alloc0(rows, sizeof(Cell));
	for (int64 i = 0; i < triangle->count; i++)
		if (triangle->cohorts[i].size > 0)
		{
			triangle->cohorts[i].cells = cells;
			cells += triangle->count - i;
		}
}

/* Counts the members of each cohort, and makes their cells; false if there are none. */
bool
triangle_init(Triangle *triangle, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	CohortMember member;
	int64		first = PG_INT64_MAX;

	while (next_member(&cursor, &member))
		first = Min(first, cohort_of(table, &member));
	if (first == PG_INT64_MAX)
		return false;
	begin_with_cohort(triangle, table, first);
	cursor = (CustomerCursor) {table, 0};
	while (next_member(&cursor, &member))
		triangle->cohorts[cohort_of(table, &member) - first].size++;
	make_cells(triangle);
	return true;
}

static Cell *
cells_of(const Triangle *triangle, int64 cohort)
{
	return triangle->cohorts[cohort - triangle->first].cells;
}

/* Adds a member's orders, and their money, to the cells of its cohort. */
void
triangle_add_member(Triangle *triangle, const CohortMember *member)
{
	const int64 cohort = cohort_of(triangle->table, member);
	Cell	   *cells = cells_of(triangle, cohort);
	TimelineReader reader;
	int64		orders = 0;		/* so far; 2 for more */

	timeline_open(&reader, triangle->table->heap.base, member->activity);
	while (timeline_next(&reader))
	{
		Cell	   *cell = &cells[reader.position - cohort];
		Money		money = timeline_money(&reader, &triangle->wide);

		cell->active += reader.orders > 0;
		if (orders < 2 && orders + reader.orders >= 2)
			cell->again++;
		orders = Min(orders + reader.orders, 2);
		add_orders(&cell->orders, reader.orders);
		money_add(&triangle->heap, &cell->revenue, &money, triangle->wide.base);
		triangle->wide.used = 0;
	}
}

/* Adds money of a period, from the member's on; if it is wide, it lies in "wide". */
void
triangle_add_money(Triangle *triangle, const CohortMember *member, int64 period,
				   const Money *money)
{
	const int64 cohort = cohort_of(triangle->table, member);

	money_add(&triangle->heap, &cells_of(triangle, cohort)[period - cohort].revenue,
			  money, triangle->wide.base);
	triangle->wide.used = 0;
}

/* ------------------------------------------------------------------------
 * Sealed states
 * ------------------------------------------------------------------------
 */
void
sealed_cell_merge(CustomerTable *table, void *into, const void *from,
				  const char *from_base)
{
	SealedCell *a = into;
	const SealedCell *b = from;

	add_count(&a->members, b->members, "customers");
	add_count(&a->cell.active, b->cell.active, "customers");
	add_count(&a->cell.again, b->cell.again, "customers");
	add_orders(&a->cell.orders, b->cell.orders);
	money_add(&table->heap, &a->cell.revenue, &b->cell.revenue, from_base);
}

static bool
cell_has_rows(const Cell *cell)
{
	return cell->orders > 0 || !money_is_none(&cell->revenue);
}

/* Each active customer has an order, and an order a customer. */
bool
sealed_cell_valid(const void *payload, const char *heap_base,
				  const StateOptions *options)
{
	const SealedCell *sealed = payload;
	const Cell *cell = &sealed->cell;

	return cell->active <= cell->orders && cell->again <= cell->active &&
		(cell->active > 0 || cell->orders == 0) &&
		(sealed->members > 0 || cell_has_rows(cell));
}

/* Only the first cell of a cohort says who is in it. */
bool
sealed_cell_valid_key(const int64 *key)
{
	return (int32) key_pair_second(key_from_bigint(*key)) >= 0;
}

/* Puts the cells of a triangle into a sealed state. */
void
triangle_seal(Triangle *triangle, SealedState *into)
{
	for (int64 cohort = 0; cohort < triangle->count; cohort++)
	{
		const Cohort *members = &triangle->cohorts[cohort];

		if (members->size == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		for (int64 i = 0; i < triangle->count - cohort; i++)
		{
			SealedCell	sealed = {i == 0 ? members->size : 0, members->cells[i]};

			if (sealed.members == 0 && !cell_has_rows(&sealed.cell))
				continue;
			if (money_is_wide(&sealed.cell.revenue))
				money_move(&into->table.heap, &sealed.cell.revenue,
						   triangle->heap.base);
			sealed_add(into, key_from_pair((int32) (triangle->first + cohort), (uint32) i),
					   &sealed);
		}
	}
}

/* Nobody comes back who was not there, or a second time. */
static void
check_cells(const Triangle *triangle)
{
	for (int64 cohort = 0; cohort < triangle->count; cohort++)
	{
		const Cohort *members = &triangle->cohorts[cohort];
		int64		again = 0;

		for (int64 i = 0; members->size > 0 && i < triangle->count - cohort; i++)
		{
			again += members->cells[i].again;
			if (members->cells[i].active > members->size || again > members->size)
				reject_sealed(triangle->table);
		}
	}
}

/* The triangle of a sealed state; false if it has no cohort. */
bool
triangle_of_sealed(Triangle *triangle, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	CustomerKey key;
	SealedCell	sealed;
	int64		first = PG_INT64_MAX;

	while (sealed_next(&cursor, &key, &sealed))
		first = Min(first, key_pair_first(key));
	if (first == PG_INT64_MAX)
		return false;
	if (first > calendar_last_period(table->options))
		reject_sealed(table);
	begin_with_cohort(triangle, table, first);
	cursor = (CustomerCursor) {table, 0};
	while (sealed_next(&cursor, &key, &sealed))
	{
		const int64 cohort = key_pair_first(key) - first;

		if (cohort >= triangle->count ||
			key_pair_second(key) >= triangle->count - cohort ||
			(sealed.members > 0) != (key_pair_second(key) == 0))
			reject_sealed(table);
		triangle->cohorts[cohort].size += sealed.members;
	}
	make_cells(triangle);
	cursor = (CustomerCursor) {table, 0};
	while (sealed_next(&cursor, &key, &sealed))
	{
		const Cohort *cohort = &triangle->cohorts[key_pair_first(key) - first];
		Cell	   *cell;

		if (cohort->size == 0)
			reject_sealed(table);
		cell = &cohort->cells[key_pair_second(key)];
		*cell = sealed.cell;
		cell->revenue = (Money) {0, 0};
		money_add(&triangle->heap, &cell->revenue, &sealed.cell.revenue,
				  table->heap.base);
	}
	check_cells(triangle);
	return true;
}

/* ------------------------------------------------------------------------
 * The rows
 * ------------------------------------------------------------------------
 */

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
	bool		has_rows;		/* orders, or money */
	int64		again;			/* customers with a second order */
	Money		revenue;
	StateHeap	heap;			/* of the money */
} CohortSoFar;

/* Money without any row is 0; of orders that are all of unknown value it is NULL. */
static Numeric
money_of_rows(const Money *money, const char *base, bool has_rows)
{
	return has_rows ? money_numeric(money, base) : int64_to_numeric(0);
}

static void
cell_values(Datum *values, bool *nulls, const Triangle *triangle,
			const Cell *cell, int64 size, bool ended, const CohortSoFar *so_far)
{
	int64		eligible = ended ? size : 0;
	Numeric		revenue = money_of_rows(&so_far->revenue, so_far->heap.base,
										so_far->has_rows);

	values[ROW_COHORT_SIZE] = Int64GetDatum(size);
	values[ROW_ELIGIBLE] = Int64GetDatum(eligible);
	values[ROW_RETAINED] = Int64GetDatum(ended ? cell->active : 0);
	values[ROW_RATE] = share_or_null(cell->active, eligible, &nulls[ROW_RATE]);
	values[ROW_RETAINED_SO_FAR] = Int64GetDatum(cell->active);
	values[ROW_ORDERS] = Int64GetDatum(cell->orders);
	values[ROW_REVENUE] = numeric_or_null(money_of_rows(&cell->revenue,
														triangle->heap.base,
														cell_has_rows(cell)),
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
add_cohort_rows(ResultRows *rows, const Triangle *triangle, int64 cohort,
				MemoryContext row_context)
{
	const Cell *cells = triangle->cohorts[cohort].cells;
	DateADT		start = period_date(calendar_grain(triangle->table->options),
									triangle->first + cohort);
	CohortSoFar so_far = {0};

	heap_init_scratch(&so_far.heap);
	for (int64 i = 0; i < triangle->count - cohort; i++)
	{
		bool		ended = triangle->first + cohort + i < triangle->open;
		Datum		values[ROW_COLUMNS];
		bool		nulls[ROW_COLUMNS] = {false};
		MemoryContext caller;

		so_far.has_rows |= cell_has_rows(&cells[i]);
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
 * All rows, as cohort_retention_row[]: for every cohort with customers and every
 * period of it.
 */
Datum
triangle_rows(Triangle *triangle, FunctionCallInfo fcinfo)
{
	ResultRows	rows;
	MemoryContext row_context;

	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "cohort row",
										ALLOCSET_DEFAULT_SIZES);
	for (int64 cohort = 0; cohort < triangle->count; cohort++)
		if (triangle->cohorts[cohort].size > 0)
			add_cohort_rows(&rows, triangle, cohort, row_context);
	MemoryContextDelete(row_context);
	return result_rows_array(&rows);
}
