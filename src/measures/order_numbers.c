/*
 * order_numbers.c
 *		Of those who made order n, how many make order n + 1, and how soon?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "measures/order_times.h"

#include "engine/intervals.h"
#include "engine/seal.h"
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

/* ------------------------------------------------------------------------
 * The sums of a sealed state
 *
 * An entry is a number of an order, and the whole days to the next one: so the median of a
 * sealed state is that of days, where the state itself has instants.
 * ------------------------------------------------------------------------
 */
typedef struct GapSums
{
	int64		orders;			/* of this number and with such a gap */
	int64		eligible;		/* of these, at least "within" before as_of */
	int64		within;			/* of these, with the next one in time */
} GapSums;

/* No next order; else the days and 1 */
#define NO_GAP			0

static void
gap_sums_merge(CustomerTable *table, void *into, const void *from,
			   const char *from_base)
{
	GapSums    *a = into;
	const GapSums *b = from;

	add_orders(&a->orders, b->orders);
	a->eligible += b->eligible;
	a->within += b->within;
}

static bool
gap_sums_valid(const void *payload, const char *heap_base,
			   const StateOptions *options)
{
	const GapSums *sums = payload;

	return sums->orders > 0 && sums->eligible <= sums->orders &&
		sums->within <= sums->eligible;
}

static bool
gap_valid_key(const int64 *number)
{
	const int32 order = key_pair_first(key_from_bigint(*number));

	return order >= 1 && order <= MOST_NUMBER;
}

static void order_numbers_seal(CustomerTable *table, SealedState *into);

#define SEALED_NUMBERS_FIELDS \
	.totals_fields = STATE_FIELDS(FIELD(SealedTotals, customers, COUNT)), \
	.totals_size = sizeof(SealedTotals), \
	.merge_totals = sealed_totals_merge, \
	.payload_fields = STATE_FIELDS(FIELD(GapSums, orders, COUNT), \
								   FIELD(GapSums, eligible, COUNT), \
								   FIELD(GapSums, within, COUNT)), \
	.payload_size = sizeof(GapSums), \
	.merge = gap_sums_merge, \
	.valid = gap_sums_valid, \
	.key_name = "number of an order", \
	.key_kind = KEY_BIGINT, \
	.valid_key = gap_valid_key

/* ------------------------------------------------------------------------
 * The families
 * ------------------------------------------------------------------------
 */

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
	.sealed = &sealed_order_numbers_family,
	.seal = order_numbers_seal,
	ORDER_TIMES_FIELDS(order_numbers)
};

CUSTOMER_ABSORB(sealed_order_numbers_absorb, sealed_order_numbers_family)

retention_internal const CustomerFamily sealed_order_numbers_family = {
	.name = "sealed repeat_by_order_number",
	.id = FAMILY_SEALED_ORDER_NUMBERS,
	.sealed_of = &order_numbers_family,
	.noptions = lengthof(numbers_options),
	.options = numbers_options,
	.derive = numbers_derive,
	SEALED_NUMBERS_FIELDS,
	.absorb = sealed_order_numbers_absorb
};

ORDER_TIMES_FAMILY(order_numbers_within, WITHIN_AS_OF)

retention_internal const CustomerFamily order_numbers_within_family = {
	.name = "repeat_by_order_number with \"within\"",
	.id = FAMILY_ORDER_NUMBERS_WITHIN,
	.noptions = lengthof(within_options),
	.options = within_options,
	.derive = numbers_derive,
	.sealed = &sealed_order_numbers_within_family,
	.seal = order_numbers_seal,
	ORDER_TIMES_FIELDS(order_numbers_within)
};

CUSTOMER_ABSORB(sealed_order_numbers_within_absorb, sealed_order_numbers_within_family)

retention_internal const CustomerFamily sealed_order_numbers_within_family = {
	.name = "sealed repeat_by_order_number with \"within\"",
	.id = FAMILY_SEALED_ORDER_NUMBERS_WITHIN,
	.sealed_of = &order_numbers_within_family,
	.noptions = lengthof(within_options),
	.options = within_options,
	.derive = numbers_derive,
	SEALED_NUMBERS_FIELDS,
	.absorb = sealed_order_numbers_within_absorb
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

/* ------------------------------------------------------------------------
 * Counting
 * ------------------------------------------------------------------------
 */
typedef struct OrderNumber
{
	int64		customers;		/* made this order */
	int64		repurchased;	/* and the next */
	int64		eligible;		/* made it at least "within" before as_of */
	int64		repurchased_within; /* and the next in time */
	uint64	   *gaps;			/* from it to the next, in microseconds */
	int64		room;
	double		median_days;	/* of a sealed state, which has no such gaps */
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

/* An order of a customer, and what there is to say of the next one */
typedef struct NumberedOrder
{
	bool		has_next;
	uint64		gap;			/* to the next, in microseconds */
	bool		is_eligible;
	bool		is_within;
} NumberedOrder;

static NumberedOrder
numbered_order(const SortedInstants *orders, uint32 i, const Interval *within,
			   TimestampTz as_of)
{
	const TimestampTz at = orders->at[i];
	NumberedOrder order = {.has_next = i + 1 < orders->count};
	TimestampTz until;

	if (order.has_next)
		order.gap = (uint64) orders->at[i + 1] - (uint64) at;
	order.is_eligible = utc_plus_fits(at, within, &until) && until <= as_of;
	order.is_within = order.is_eligible && order.has_next &&
		orders->at[i + 1] < until;
	return order;
}

static void
count_customer(OrderNumber *numbers, int64 max_number,
			   const SortedInstants *orders, const Interval *within,
			   TimestampTz as_of)
{
	for (uint32 i = 0; i < orders->count && i < max_number; i++)
	{
		OrderNumber *number = &numbers[i];
		const NumberedOrder order = numbered_order(orders, i, within, as_of);

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		number->customers++;
		if (order.has_next)
			add_gap(number, order.gap);
		number->eligible += order.is_eligible;
		number->repurchased_within += order.is_within;
	}
}

static const Interval *
within_of(const CustomerTable *table)
{
	const bool	has_within = table->family == &order_numbers_within_family ||
		table->family == &sealed_order_numbers_within_family;

	return has_within ? &table->options->value[WITHIN_WITHIN].interval :
		&usual_within;
}

static void
order_numbers_seal(CustomerTable *table, SealedState *into)
{
	const int64 max_number = table->options->value[NUMBERS_MAX_NUMBER].count;
	const Interval *within = within_of(table);
	const TimestampTz as_of = state_as_of(table);
	CustomerCursor cursor = {table, 0};
	OrderTimes	customer;
	SortedInstants orders = {0};

	while (customer_cursor_next(&cursor, &customer))
	{
		instants_sort(&orders, table->heap.base, customer.instants);
		for (uint32 i = 0; i < orders.count && i < max_number; i++)
		{
			const NumberedOrder order = numbered_order(&orders, i, within, as_of);
			const GapSums sums = {1, order.is_eligible, order.is_within};
			const uint32 gap = order.has_next ?
				(uint32) (order.gap / USECS_PER_DAY) + 1 : NO_GAP;

			if ((i & 0xFFF) == 0)
				CHECK_FOR_INTERRUPTS();
			sealed_add(into, key_from_pair((int32) i + 1, gap), &sums);
		}
	}
}

/* The numbers of a sealed state */
static void
take_sums(OrderNumber *numbers, int64 max_number, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	CustomerKey key;
	GapSums		sums;
	int64		count = 0;
	SealedLength *gaps = array_alloc(customer_table_customers(table),
									 sizeof(SealedLength));

	while (sealed_next(&cursor, &key, &sums))
	{
		const int32 n = key_pair_first(key);
		const uint32 gap = key_pair_second(key);
		OrderNumber *number;

		if (n > max_number)
			reject_sealed(table);
		number = &numbers[n - 1];
		add_orders(&number->customers, sums.orders);
		number->eligible += sums.eligible;
		if (gap == NO_GAP)
		{
			if (sums.within > 0)
				reject_sealed(table);
			continue;
		}
		number->repurchased += sums.orders;
		number->repurchased_within += sums.within;
		gaps[count++] = (SealedLength) {n, gap - 1, sums.orders};
	}
	sealed_lengths_sort(gaps, count);
	for (int64 i = 0; i < count; i++)
		if (i == 0 || gaps[i].place != gaps[i - 1].place)
		{
			OrderNumber *number = &numbers[gaps[i].place - 1];

			number->median_days = sealed_lengths_median(&gaps[i], number->repurchased);
		}
	/* whoever made an order after the first made the one before */
	for (int64 n = 1; n < max_number; n++)
		if (numbers[n].customers != numbers[n - 1].repurchased)
			reject_sealed(table);
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

	if (number->gaps == NULL)
		return number->median_days;
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
	const bool	is_sealed = table->family->sealed_of != NULL;
	CustomerCursor cursor = {table, 0};
	OrderTimes	customer;
	SortedInstants orders = {0};
	OrderNumber *numbers;
	ResultRows	rows;
	int64		max_number;

	if (table->family != &order_numbers_within_family &&
		table->family != &sealed_order_numbers_within_family)
		(void) state_is_sealed(table, &order_numbers_family,
							   "repeat_by_order_number");
	if (customer_table_customers(table) == 0)
		PG_RETURN_NULL();
	max_number = table->options->value[NUMBERS_MAX_NUMBER].count;
	numbers = palloc0(max_number * sizeof(OrderNumber));
	if (is_sealed)
		take_sums(numbers, max_number, table);
	else
		while (customer_cursor_next(&cursor, &customer))
		{
			CHECK_FOR_INTERRUPTS();
			instants_sort(&orders, table->heap.base, customer.instants);
			count_customer(numbers, max_number, &orders, within_of(table),
						   state_as_of(table));
		}
	result_rows_init(&rows, fcinfo);
	for (int64 i = 0; i < max_number && numbers[i].customers > 0; i++)
		add_number_row(&rows, i + 1, &numbers[i]);
	return result_rows_array(&rows);
}
