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
#include "engine/state_read.h"
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

retention_internal const CustomerFamily rolling_family = {
	.name = "rolling_retention",
	.id = FAMILY_ROLLING,
	.noptions = lengthof(rolling_options),
	.options = rolling_options,
	.derive = rolling_derive,
	ORDER_TIMES_FIELDS(rolling)
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

/* Counts by window. "begun" to "retained_or_later" are differences to the window before. */
typedef struct Window
{
	int64		begun;
	int64		eligible;
	int64		retained;
	int64		retained_or_later;
} Window;

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

	windows[0].begun++;
	windows[begun].begun--;
	windows[0].eligible++;
	windows[ended].eligible--;
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
	windows[0].retained_or_later++;
	windows[Min(last + 1, ended)].retained_or_later--;
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

static void
add_window_row(ResultRows *rows, int64 index, const Window *sum,
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
	const OptionValue *options = table->options->value;
	CustomerCursor cursor = {table, 0};
	OrderTimes	customer;
	SortedInstants orders = {0};
	Window	   *windows;
	Window		sum = {0};
	ResultRows	rows;
	int64		max_index;

	if (table->family != &rolling_family)
		reject_state(table, "rolling_retention");
	if (customer_table_customers(table) == 0)
		PG_RETURN_NULL();
	max_index = options[ROLLING_MAX_INDEX].count;
	windows = palloc0((max_index + 3) * sizeof(Window));
	while (customer_cursor_next(&cursor, &customer))
	{
		CHECK_FOR_INTERRUPTS();
		instants_sort(&orders, table->heap.base, customer.instants);
		count_customer(windows, &orders, &options[ROLLING_UNIT].interval,
					   max_index, options[ROLLING_AS_OF].time);
	}
	result_rows_init(&rows, fcinfo);
	for (int64 i = 0; i <= max_index; i++)
	{
		sum.begun += windows[i].begun;
		sum.eligible += windows[i].eligible;
		sum.retained = windows[i].retained;
		sum.retained_or_later += windows[i].retained_or_later;
		if (sum.begun == 0)
			break;
		add_window_row(&rows, i, &sum, (int64) customer_table_customers(table));
	}
	return result_rows_array(&rows);
}
