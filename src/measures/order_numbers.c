/*
 * order_numbers.c
 *		Of those who made order n, how many make order n + 1, and how soon?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "measures/order_times.h"

#include "engine/intervals.h"
#include "engine/state_read.h"
#include "math/quantile.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "utils/memutils.h"

/*
 * With "within" or without: then it is 90 days.
 */
enum
{
	NUMBERS_MAX_NUMBER,
	NUMBERS_AS_OF
};

enum
{
	WITHIN_MAX_NUMBER,
	WITHIN_WITHIN,
	WITHIN_AS_OF
};

static const OptionSpec numbers_options[] = {
	[NUMBERS_MAX_NUMBER] = {"max_number", OPTION_COUNT},
	[NUMBERS_AS_OF] = {"as_of", OPTION_TIME}
};

static const OptionSpec within_options[] = {
	[WITHIN_MAX_NUMBER] = {"max_number", OPTION_COUNT},
	[WITHIN_WITHIN] = {"within", OPTION_INTERVAL, LEAST_PERIOD},
	[WITHIN_AS_OF] = {"as_of", OPTION_TIME}
};

static const Interval usual_within = {.day = 90};

#define MOST_NUMBER			10000

StaticAssertDecl((int) NUMBERS_MAX_NUMBER == (int) WITHIN_MAX_NUMBER,
				 "one check for both");

static void
numbers_derive(StateOptions *options)
{
	check_int_range((int) options->value[NUMBERS_MAX_NUMBER].count, 1,
					MOST_NUMBER, "max_number");
}

ORDER_TIMES_FAMILY(order_numbers, NUMBERS_AS_OF)

retention_internal const CustomerFamily order_numbers_family = {
	.name = "repeat_by_order_number",
	.id = FAMILY_ORDER_NUMBERS,
	.noptions = lengthof(numbers_options),
	.options = numbers_options,
	.derive = numbers_derive,
	ORDER_TIMES_FIELDS(order_numbers)
};

ORDER_TIMES_FAMILY(order_numbers_within, WITHIN_AS_OF)

retention_internal const CustomerFamily order_numbers_within_family = {
	.name = "repeat_by_order_number with \"within\"",
	.id = FAMILY_ORDER_NUMBERS_WITHIN,
	.noptions = lengthof(within_options),
	.options = within_options,
	.derive = numbers_derive,
	ORDER_TIMES_FIELDS(order_numbers_within)
};

/*
 * repeat_by_order_number_transfn_<kind>(retention_state, customer, ordered_at,
 * max_number, as_of)
 */
STATE_TRANSITIONS_AT_ONCE(repeat_by_order_number_transfn, order_numbers_family,
						  TAKES_TIME, read_order_numbers_row,
						  read_order_numbers_customer)

/*
 * repeat_by_order_number_within_transfn_<kind>(retention_state, customer,
 * ordered_at, max_number, within, as_of)
 */
STATE_TRANSITIONS_AT_ONCE(repeat_by_order_number_within_transfn,
						  order_numbers_within_family, TAKES_TIME,
						  read_order_numbers_within_row,
						  read_order_numbers_within_customer)

typedef struct OrderNumber
{
	int64		customers;		/* made this order */
	int64		repurchased;	/* and the next */
	int64		eligible;		/* made it at least "within" before as_of */
	int64		repurchased_within; /* and the next in time */
	uint64	   *gaps;			/* from it to the next, in microseconds */
	int64		room;
} OrderNumber;

static void
add_gap(OrderNumber *number, uint64 gap)
{
	if (number->repurchased == number->room)
	{
		number->room = Max(number->room * 2, 64);
		number->gaps = number->gaps ?
			repalloc_huge(number->gaps, number->room * sizeof(uint64)) :
			MemoryContextAllocHuge(CurrentMemoryContext,
								   number->room * sizeof(uint64));
	}
	number->gaps[number->repurchased++] = gap;
}

static void
count_customer(OrderNumber *numbers, int64 max_number,
			   const SortedInstants *orders, const Interval *within,
			   TimestampTz as_of)
{
	for (uint32 i = 0; i < orders->count && i < max_number; i++)
	{
		OrderNumber *number = &numbers[i];
		TimestampTz at = orders->at[i];
		TimestampTz until;
		bool		has_next = i + 1 < orders->count;

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		number->customers++;
		if (has_next)
			add_gap(number, (uint64) orders->at[i + 1] - (uint64) at);
		if (!utc_plus_fits(at, within, &until) || until > as_of)
			continue;
		number->eligible++;
		number->repurchased_within += has_next && orders->at[i + 1] < until;
	}
}

/* The interpolated median of the gaps, in days. */
static double
median_days(const OrderNumber *number)
{
	int64		n = number->repurchased;
	uint64		rank[2] = {(n - 1) / 2, n / 2};
	uint64		gap[2];
	double		shorter;
	double		longer;

	quantile_select(number->gaps, n, rank, 2, gap);
	shorter = (double) gap[0] / USECS_PER_DAY;
	longer = (double) gap[1] / USECS_PER_DAY;
	return shorter + 0.5 * (longer - shorter);
}

/* The columns of order_number_row */
enum
{
	ROW_ORDER_NUMBER,
	ROW_CUSTOMERS,
	ROW_REPURCHASED,
	ROW_RATE,
	ROW_MEDIAN_DAYS_TO_NEXT,
	ROW_ELIGIBLE,
	ROW_REPURCHASED_WITHIN,
	ROW_RATE_WITHIN,
	ROW_COLUMNS
};

static void
add_number_row(ResultRows *rows, int64 n, const OrderNumber *number)
{
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS] = {false};

	values[ROW_ORDER_NUMBER] = Int32GetDatum((int32) n);
	values[ROW_CUSTOMERS] = Int64GetDatum(number->customers);
	values[ROW_REPURCHASED] = Int64GetDatum(number->repurchased);
	values[ROW_RATE] = share_or_null(number->repurchased, number->customers, &nulls[ROW_RATE]);
	nulls[ROW_MEDIAN_DAYS_TO_NEXT] = number->repurchased == 0;
	values[ROW_MEDIAN_DAYS_TO_NEXT] = Float8GetDatum(nulls[ROW_MEDIAN_DAYS_TO_NEXT] ? 0 : median_days(number));
	values[ROW_ELIGIBLE] = Int64GetDatum(number->eligible);
	values[ROW_REPURCHASED_WITHIN] = Int64GetDatum(number->repurchased_within);
	values[ROW_RATE_WITHIN] = share_or_null(number->repurchased_within, number->eligible, &nulls[ROW_RATE_WITHIN]);
	result_rows_add(rows, values, nulls);
}

/*
 * repeat_by_order_number(retention_state) returns order_number_row[]
 *
 * A row for every number of an order that somebody made, at most max_number.
 * NULL without orders.
 */
PG_FUNCTION_INFO_V1(repeat_by_order_number);
Datum
repeat_by_order_number(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	bool		has_within = table->family == &order_numbers_within_family;
	const Interval *within = has_within ?
		&table->options->value[WITHIN_WITHIN].interval : &usual_within;
	CustomerCursor cursor = {table, 0};
	OrderTimes	customer;
	SortedInstants orders = {0};
	OrderNumber *numbers;
	ResultRows	rows;
	int64		max_number;

	if (!has_within && table->family != &order_numbers_family)
		reject_state(table, "repeat_by_order_number");
	if (customer_table_customers(table) == 0)
		PG_RETURN_NULL();
	max_number = table->options->value[NUMBERS_MAX_NUMBER].count;
	numbers = palloc0(max_number * sizeof(OrderNumber));
	while (customer_cursor_next(&cursor, &customer))
	{
		CHECK_FOR_INTERRUPTS();
		instants_sort(&orders, table->heap.base, customer.instants);
		count_customer(numbers, max_number, &orders, within,
					   state_as_of(table));
	}
	result_rows_init(&rows, fcinfo);
	for (int64 i = 0; i < max_number && numbers[i].customers > 0; i++)
		add_number_row(&rows, i + 1, &numbers[i]);
	return result_rows_array(&rows);
}
