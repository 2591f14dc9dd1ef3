/*
 * rolling.c
 *		Do customers come back, each on a clock of their own?
 *
 * Window n of a customer is [first + n * unit, first + (n + 1) * unit), where
 * "first" is the first order. Months are added to the first order, not to the
 * window before: 31 January, 29 February, 31 March.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "measures/order_times.h"

#include "engine/intervals.h"
#include "engine/seal.h"
#include "common/int.h"
#include "base/result_rows.h"
#include "base/result_values.h"

enum
{
	ROLLING_UNIT,
	ROLLING_MAX_INDEX,
	ROLLING_AS_OF
};

static const OptionSpec rolling_options[] = {
	[ROLLING_UNIT] = {"unit", OPTION_INTERVAL, LEAST_PERIOD},
	[ROLLING_MAX_INDEX] = {"max_index", OPTION_COUNT},
	[ROLLING_AS_OF] = {"as_of", OPTION_TIME}
};

#define MOST_INDEX		10000

static void
rolling_derive(StateOptions *options)
{
	check_int_range((int) options->value[ROLLING_MAX_INDEX].count, 0, MOST_INDEX,
					"max_index");
}

ORDER_TIMES_FAMILY(rolling, ROLLING_AS_OF)
CUSTOMER_ABSORB(sealed_rolling_absorb, sealed_rolling_family)

/*
 * Customers, by window: those for whom this is the first that has not begun, not ended,
 * or is behind all they ordered in; and those who ordered in it. A sealed state's entries.
 */
typedef struct Window
{
	int64		not_begun;
	int64		not_ended;
	int64		not_later;
	int64		retained;
} Window;

static void
windows_merge(CustomerTable *table, void *into, const void *from,
			  const char *from_base)
{
	Window	   *a = into;
	const Window *b = from;

	add_count(&a->not_begun, b->not_begun, "customers");
	add_count(&a->not_ended, b->not_ended, "customers");
	add_count(&a->not_later, b->not_later, "customers");
	add_count(&a->retained, b->retained, "customers");
}

static bool
window_is_used(const void *payload, const char *heap_base,
			   const StateOptions *options)
{
	const Window *window = payload;

	return window->not_begun > 0 || window->not_ended > 0 ||
		window->not_later > 0 || window->retained > 0;
}

/* The window after the last may not have begun. */
static bool
window_valid_key(const int64 *index)
{
	return *index >= 0 && *index <= MOST_INDEX + 1;
}

static void rolling_seal(CustomerTable *table, SealedState *into);

retention_internal const CustomerFamily rolling_family = {
	.name = "rolling_retention",
	.id = FAMILY_ROLLING,
	.noptions = lengthof(rolling_options),
	.options = rolling_options,
	.derive = rolling_derive,
	.sealed = &sealed_rolling_family,
	.seal = rolling_seal,
	ORDER_TIMES_FIELDS(rolling)
};

retention_internal const CustomerFamily sealed_rolling_family = {
	.name = "sealed rolling_retention",
	.id = FAMILY_SEALED_ROLLING,
	.sealed_of = &rolling_family,
	.noptions = lengthof(rolling_options),
	.options = rolling_options,
	.derive = rolling_derive,
	.totals_fields = STATE_FIELDS(FIELD(SealedTotals, customers, COUNT)),
	.totals_size = sizeof(SealedTotals),
	.merge_totals = sealed_totals_merge,
	.payload_fields = STATE_FIELDS(FIELD(Window, not_begun, COUNT),
								   FIELD(Window, not_ended, COUNT),
								   FIELD(Window, not_later, COUNT),
								   FIELD(Window, retained, COUNT)),
	.payload_size = sizeof(Window),
	.merge = windows_merge,
	.valid = window_is_used,
	.absorb = sealed_rolling_absorb,
	.key_name = "window",
	.key_kind = KEY_BIGINT,
	.valid_key = window_valid_key
};

/*
 * rolling_retention_transfn_<kind>(retention_state, customer, ordered_at, unit,
 * max_index, as_of)
 */
STATE_TRANSITIONS_AT_ONCE(rolling_retention_transfn, rolling_family, TAKES_TIME,
						  read_rolling_row, read_rolling_customer)

/* The start of a window; false if it lies beyond the calendar. */
static bool
window_start(TimestampTz first, const Interval *unit, int64 n, TimestampTz *start)
{
	Interval	span;
	int64		month;
	int64		day;

	if (pg_mul_s64_overflow(unit->month, n, &month) ||
		pg_mul_s64_overflow(unit->day, n, &day) ||
		pg_mul_s64_overflow(unit->time, n, &span.time) ||
		month > PG_INT32_MAX || day > PG_INT32_MAX)
		return false;
	span.month = (int32) month;
	span.day = (int32) day;
	return utc_plus_fits(first, &span, start);
}

/*
 * How many windows from the first on begin at or before a time that is not before
 * the first order; at most "most".
 */
static int64
windows_begun(TimestampTz first, const Interval *unit, TimestampTz at, int64 most)
{
	int64		low = 0;
	int64		high = most;
	int64		span;

	/* without months all windows are equally long */
	if (unit->month == 0 &&
		!pg_mul_s64_overflow(unit->day, USECS_PER_DAY, &span) &&
		!pg_add_s64_overflow(span, unit->time, &span))
		return Min(most, (int64) (((uint64) at - (uint64) first) / span) + 1);

	/* windows are in order: the last that begins by then */
	while (low < high)
	{
		int64		n = low + (high - low) / 2;
		TimestampTz start;

		if (window_start(first, unit, n, &start) && start <= at)
			low = n + 1;
		else
			high = n;
	}
	return low;
}

static void
count_customer(Window *windows, const SortedInstants *orders,
			   const Interval *unit, int64 max_index, TimestampTz as_of)
{
	TimestampTz first = orders->at[0];

	/*
	 * before as_of a window has begun; by then, it has ended when the next
	 * begins
	 */
	int64		begun = windows_begun(first, unit, as_of - 1, max_index + 1);
	int64		ended = windows_begun(first, unit, as_of, max_index + 2) - 1;
	int64		last = -1;
	TimestampTz until = first;	/* the start of the window after the last */

	windows[begun].not_begun++;
	windows[ended].not_ended++;
	for (uint32 i = 0; i < orders->count && last < ended; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		/* orders ascend, and so do their windows */
		if (orders->at[i] < until)
			continue;
		last = windows_begun(first, unit, orders->at[i], ended + 1) - 1;
		if (last < ended)
			windows[last].retained++;
		if (!window_start(first, unit, last + 1, &until))
			break;
	}
	windows[Min(last + 1, ended)].not_later++;
}

/* Of a state's customers; there are max_index + 2 windows. */
static Window *
count_customers(const CustomerTable *table)
{
	const OptionValue *options = table->options->value;
	const int64 max_index = options[ROLLING_MAX_INDEX].count;
	CustomerCursor cursor = {table, 0};
	OrderTimes	customer;
	SortedInstants orders = {0};
	Window	   *windows = palloc0((max_index + 2) * sizeof(Window));

	while (customer_cursor_next(&cursor, &customer))
	{
		CHECK_FOR_INTERRUPTS();
		instants_sort(&orders, table->heap.base, customer.instants);
		count_customer(windows, &orders, &options[ROLLING_UNIT].interval,
					   max_index, options[ROLLING_AS_OF].time);
	}
	return windows;
}

static void
rolling_seal(CustomerTable *table, SealedState *into)
{
	const int64 max_index = table->options->value[ROLLING_MAX_INDEX].count;
	const Window *windows = count_customers(table);

	for (int64 i = 0; i < max_index + 2; i++)
		if (window_is_used(&windows[i], NULL, NULL))
			sealed_add(into, key_from_bigint(i), &windows[i]);
}

/* Of a sealed state. Each customer is once in each of the three counts. */
static Window *
take_sums(const CustomerTable *table)
{
	const int64 max_index = table->options->value[ROLLING_MAX_INDEX].count;
	CustomerCursor cursor = {table, 0};
	CustomerKey key;
	Window		sums;
	Window		all = {0};
	Window	   *windows = palloc0((max_index + 2) * sizeof(Window));

	while (sealed_next(&cursor, &key, &sums))
	{
		const int64 index = key_to_bigint(key);

		if (index > max_index + 1)
			reject_sealed(table);
		windows[index] = sums;
		add_count(&all.not_begun, sums.not_begun, "customers");
		add_count(&all.not_ended, sums.not_ended, "customers");
		add_count(&all.not_later, sums.not_later, "customers");
	}
	if (all.not_begun != all.not_ended || all.not_begun != all.not_later ||
		all.not_begun != counted_customers(table))
		reject_sealed(table);
	return windows;
}

/* The columns of rolling_retention_row */
enum
{
	ROW_PERIOD_INDEX,
	ROW_CUSTOMERS,
	ROW_ELIGIBLE,
	ROW_RETAINED,
	ROW_RATE,
	ROW_RETAINED_OR_LATER,
	ROW_RATE_OR_LATER,
	ROW_IS_COMPLETE,
	ROW_COLUMNS
};

/* A window of the result */
typedef struct WindowRow
{
	int64		begun;
	int64		eligible;
	int64		retained;
	int64		retained_or_later;
} WindowRow;

static void
add_window_row(ResultRows *rows, int64 index, const WindowRow *sum,
			   int64 customers)
{
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS] = {false};

	values[ROW_PERIOD_INDEX] = Int32GetDatum((int32) index);
	values[ROW_CUSTOMERS] = Int64GetDatum(sum->begun);
	values[ROW_ELIGIBLE] = Int64GetDatum(sum->eligible);
	values[ROW_RETAINED] = Int64GetDatum(sum->retained);
	values[ROW_RATE] = share_or_null(sum->retained, sum->eligible, &nulls[ROW_RATE]);
	values[ROW_RETAINED_OR_LATER] = Int64GetDatum(sum->retained_or_later);
	values[ROW_RATE_OR_LATER] = share_or_null(sum->retained_or_later, sum->eligible, &nulls[ROW_RATE_OR_LATER]);
	values[ROW_IS_COMPLETE] = BoolGetDatum(sum->eligible == customers);
	result_rows_add(rows, values, nulls);
}

/*
 * rolling_retention(retention_state) returns rolling_retention_row[]
 *
 * A row for every window, up to max_index, that has begun for some customer. NULL
 * without orders.
 */
PG_FUNCTION_INFO_V1(rolling_retention);
Datum
rolling_retention(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	const bool	is_sealed = state_is_sealed(table, &rolling_family,
											"rolling_retention");
	const int64 customers = counted_customers(table);
	const int64 max_index = table->options->value[ROLLING_MAX_INDEX].count;
	WindowRow	row = {customers, customers, 0, customers};
	const Window *windows;
	ResultRows	rows;

	if (customers == 0)
		PG_RETURN_NULL();
	windows = is_sealed ? take_sums(table) : count_customers(table);
	result_rows_init(&rows, fcinfo);
	for (int64 i = 0; i <= max_index; i++)
	{
		row.begun -= windows[i].not_begun;
		row.eligible -= windows[i].not_ended;
		row.retained = windows[i].retained;
		row.retained_or_later -= windows[i].not_later;
		if (row.eligible > row.begun || row.retained > row.eligible ||
			row.retained_or_later > row.eligible)
			reject_sealed(table);
		if (row.begun == 0)
			break;
		add_window_row(&rows, i, &row, customers);
	}
	return result_rows_array(&rows);
}
