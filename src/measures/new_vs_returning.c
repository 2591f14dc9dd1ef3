/*
 * new_vs_returning.c
 *		Who brings the money, new customers or those who were here before? Period by
 *		period.
 *
 * An order is new if it is at the instant of its customer's first order ever, so that
 * several rows of that instant are all new. The first order may come with a later row:
 * what was ordered at the earliest instant so far is kept beside all orders by period,
 * and taken off them in the end.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "base/numerics.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/timeline.h"
#include "measures/calendar_options.h"
#include "utils/fmgrprotos.h"

typedef struct NewPayload
{
	TimestampTz first_order_at; /* DT_NOEND: no order so far */
	int64		first_orders;	/* at that instant */
	Money		first_money;	/* theirs */
	uint64		orders;			/* timeline by period: all orders, their money */
	uint64		refunds;		/* timeline by period: money below zero */
} NewPayload;

static const NewPayload new_of_nobody = {
	.first_order_at = DT_NOEND,
	.orders = TIMELINE_EMPTY,
	.refunds = TIMELINE_EMPTY
};

static void
new_merge(CustomerTable *table, void *into, const void *from,
		  const char *from_base)
{
	NewPayload *a = into;
	const NewPayload *b = from;

	if (b->first_order_at < a->first_order_at)
	{
		a->first_order_at = b->first_order_at;
		a->first_orders = 0;
		a->first_money = (Money) {0, 0};
	}
	if (b->first_order_at == a->first_order_at)
	{
		add_orders(&a->first_orders, b->first_orders);
		money_add(&table->heap, &a->first_money, &b->first_money, from_base);
	}
	timeline_merge(&table->heap, &a->orders, from_base, b->orders);
	timeline_merge(&table->heap, &a->refunds, from_base, b->refunds);
}

static void
new_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const NewPayload *) payload)->orders);
}

/*
 * Are these orders whose money is above zero or unknown, of which the first period has
 * at least so many; or, of none, refunds?
 */
static bool
entries_valid(const char *heap_base, uint64 timeline, int64 first_orders,
			  int64 last)
{
	const int	sign = first_orders > 0 ? 1 : -1;
	TimelineReader reader;
	StateHeap	wide;
	bool		valid = true;

	heap_init_scratch(&wide);
	timeline_open(&reader, heap_base, timeline);
	for (bool is_first = true; valid && timeline_next(&reader); is_first = false)
	{
		Money		money = timeline_money(&reader, &wide);

		valid = reader.position <= last &&
			(money_is_none(&money) ? sign > 0 :
			 money_sign(&money, wide.base) * sign > 0) &&
			(sign > 0 ? reader.orders >= (is_first ? first_orders : 1) :
			 reader.orders == 0);
		wide.used = 0;
	}
	heap_free_scratch(&wide);
	return valid;
}

static bool
new_valid(const void *payload, const char *heap_base,
		  const StateOptions *options)
{
	const NewPayload *customer = payload;
	const int64 last = calendar_last_period(options);

	if (!entries_valid(heap_base, customer->refunds, 0, last))
		return false;
	if (customer->first_order_at == DT_NOEND)
		return customer->orders == TIMELINE_EMPTY &&
			customer->refunds != TIMELINE_EMPTY &&
			customer->first_orders == 0 && money_is_none(&customer->first_money);
	if (!IS_VALID_TIMESTAMP(customer->first_order_at) ||
		customer->first_order_at >= calendar_as_of(options) ||
		customer->first_orders <= 0)
		return false;
	return timeline_first(heap_base, customer->orders) ==
		calendar_period(options, customer->first_order_at) &&
		entries_valid(heap_base, customer->orders, customer->first_orders, last);
}

CUSTOMER_ABSORB(new_absorb, new_vs_returning_family)

retention_internal const CustomerFamily new_vs_returning_family = {
	.name = "new_vs_returning",
	.id = FAMILY_NEW_VS_RETURNING,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.payload_fields = STATE_FIELDS(FIELD(NewPayload, first_order_at, INT64),
								   FIELD(NewPayload, first_orders, COUNT),
								   FIELD(NewPayload, first_money, MONEY),
								   FIELD(NewPayload, orders, TIMELINE),
								   FIELD(NewPayload, refunds, TIMELINE)),
	.payload_size = sizeof(NewPayload),
	.identity = &new_of_nobody,
	.merge = new_merge,
	.prefetch = new_prefetch,
	.valid = new_valid,
	.absorb = new_absorb
};

static inline bool
read_new_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;
	StateHeap  *row_heap = state_row_heap(update);
	NewPayload *customer = payload;
	Money		money = {0, 0};
	int			sign = 1;
	int64		period;

	if (row->at >= calendar_as_of(options))
		return false;
	if (row->known)
	{
		money = order_row_amount(row, row_heap);
		sign = money_sign(&money, row_heap->base);
	}
	if (sign == 0)
		return false;
	*customer = new_of_nobody;
	period = calendar_period(options, row->at);
	if (sign < 0)
	{
		customer->refunds = timeline_create(row_heap, period, 0, &money,
											row_heap->base);
		return true;
	}
	customer->first_order_at = row->at;
	customer->first_orders = 1;
	customer->first_money = money;
	customer->orders = timeline_create(row_heap, period, 1, &money, row_heap->base);
	return true;
}

/*
 * new_vs_returning_transfn_<kind>(retention_state, customer, ordered_at, amount,
 * grain, as_of, tz)
 */
STATE_TRANSITIONS(new_vs_returning_transfn, new_vs_returning_family,
				  TAKES_TIME | TAKES_AMOUNT, read_new_row)

/* ------------------------------------------------------------------------
 * The rows
 * ------------------------------------------------------------------------
 */
typedef struct Period
{
	int64		orders;
	int64		new_orders;
	int64		new_customers;
	int64		returning_customers;
	Money		money;			/* of all orders */
	Money		new_money;
	Money		refunds;
} Period;

/* The periods from the first with an order or a refund to the last before as_of */
typedef struct Periods
{
	int64		first;
	int64		count;
	Period	   *period;
	StateHeap	heap;			/* for their money */
	StateHeap	wide;			/* for that of one entry */
} Periods;

/* False if there is no row. */
static bool
periods_init(Periods *periods, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	NewPayload	customer;

	periods->first = PG_INT64_MAX;
	while (customer_cursor_next(&cursor, &customer))
	{
		const char *base = table->heap.base;

		periods->first = Min(periods->first, timeline_first(base, customer.orders));
		periods->first = Min(periods->first, timeline_first(base, customer.refunds));
	}
	if (periods->first == PG_INT64_MAX)
		return false;
	periods->count = calendar_last_period(table->options) - periods->first + 1;
	calendar_check_rows(calendar_grain(table->options), periods->count);
	periods->period = array_alloc0(periods->count, sizeof(Period));
	heap_init_scratch(&periods->heap);
	heap_init_scratch(&periods->wide);
	return true;
}

static void
add_refunds(Periods *periods, const char *heap_base, uint64 refunds)
{
	TimelineReader reader;

	timeline_open(&reader, heap_base, refunds);
	while (timeline_next(&reader))
	{
		Money		money = timeline_money(&reader, &periods->wide);

		money_add(&periods->heap,
				  &periods->period[reader.position - periods->first].refunds,
				  &money, periods->wide.base);
		periods->wide.used = 0;
	}
}

static void
add_customer(Periods *periods, const CustomerTable *table,
			 const NewPayload *customer)
{
	TimelineReader reader;

	timeline_open(&reader, table->heap.base, customer->orders);
	for (bool is_first = true; timeline_next(&reader); is_first = false)
	{
		Period	   *period = &periods->period[reader.position - periods->first];
		Money		money = timeline_money(&reader, &periods->wide);

		add_orders(&period->orders, reader.orders);
		money_add(&periods->heap, &period->money, &money, periods->wide.base);
		periods->wide.used = 0;
		if (is_first)
		{
			add_orders(&period->new_orders, customer->first_orders);
			money_add(&periods->heap, &period->new_money, &customer->first_money,
					  table->heap.base);
			period->new_customers++;
		}
		period->returning_customers +=
			!is_first || reader.orders > customer->first_orders;
	}
	add_refunds(periods, table->heap.base, customer->refunds);
}

/* The columns of new_vs_returning_row */
enum
{
	ROW_PERIOD_START,
	ROW_ORDERS,
	ROW_NEW_ORDERS,
	ROW_RETURNING_ORDERS,
	ROW_NEW_CUSTOMERS,
	ROW_RETURNING_CUSTOMERS,
	ROW_NEW_REVENUE,
	ROW_RETURNING_REVENUE,
	ROW_REFUNDS,
	ROW_REVENUE,
	ROW_RETURNING_SHARE,
	ROW_IS_COMPLETE,
	ROW_COLUMNS
};

/* Money, which is 0 of no orders, and NULL if none of theirs is known */
static Numeric
money_of_orders(Numeric money, int64 orders)
{
	return orders == 0 ? int64_to_numeric(0) : money;
}

/*
 * What returning orders brought: all money but that of new ones. Orders of known amount
 * bring more than 0.
 */
static Numeric
returning_money(const Period *period, Numeric money, Numeric new_money)
{
	Numeric		rest;

	if (period->orders == period->new_orders || money == NULL)
		return money_of_orders(NULL, period->orders - period->new_orders);
	if (new_money == NULL)
		return money;
	rest = numeric_minus(money, new_money);
	return numeric_compare(rest, int64_to_numeric(0)) == 0 ? NULL : rest;
}

static void
period_money(Datum *values, bool *nulls, const Period *period,
			 const char *heap_base)
{
	Numeric		money = money_numeric(&period->money, heap_base);
	Numeric		first = money_numeric(&period->new_money, heap_base);
	Numeric		returning = returning_money(period, money, first);
	Numeric		new = money_of_orders(first, period->new_orders);
	Numeric		refunds = money_numeric(&period->refunds, heap_base);
	Numeric		all = money_of_orders(money, period->orders);

	values[ROW_NEW_REVENUE] = numeric_or_null(new, &nulls[ROW_NEW_REVENUE]);
	values[ROW_RETURNING_REVENUE] = numeric_or_null(returning,
													&nulls[ROW_RETURNING_REVENUE]);
	values[ROW_REFUNDS] = NumericGetDatum(refunds ? refunds : int64_to_numeric(0));
	if (refunds)
		all = all ? numeric_plus(all, refunds) : refunds;
	values[ROW_REVENUE] = numeric_or_null(all, &nulls[ROW_REVENUE]);
	nulls[ROW_RETURNING_SHARE] = money == NULL || new == NULL || returning == NULL;
	values[ROW_RETURNING_SHARE] =
		Float8GetDatum(nulls[ROW_RETURNING_SHARE] ? 0 : money_ratio(returning, money));
}

static void
add_period_row(ResultRows *rows, const StateOptions *options, int64 number,
			   const Period *period, const char *heap_base)
{
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS] = {false};

	values[ROW_PERIOD_START] = DateADTGetDatum(period_date(calendar_grain(options),
														   number));
	values[ROW_ORDERS] = Int64GetDatum(period->orders);
	values[ROW_NEW_ORDERS] = Int64GetDatum(period->new_orders);
	values[ROW_RETURNING_ORDERS] = Int64GetDatum(period->orders - period->new_orders);
	values[ROW_NEW_CUSTOMERS] = Int64GetDatum(period->new_customers);
	values[ROW_RETURNING_CUSTOMERS] = Int64GetDatum(period->returning_customers);
	period_money(values, nulls, period, heap_base);
	values[ROW_IS_COMPLETE] = BoolGetDatum(number < calendar_open_period(options));
	result_rows_add(rows, values, nulls);
}

/*
 * new_vs_returning(retention_state) returns new_vs_returning_row[]
 *
 * NULL without an order or a refund.
 */
PG_FUNCTION_INFO_V1(new_vs_returning);
Datum
new_vs_returning(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	CustomerCursor cursor = {table, 0};
	NewPayload	customer;
	Periods		periods;
	ResultRows	rows;

	if (table->family != &new_vs_returning_family)
		reject_state(table, "new_vs_returning");
	if (!periods_init(&periods, table))
		PG_RETURN_NULL();
	while (customer_cursor_next(&cursor, &customer))
		add_customer(&periods, table, &customer);
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	for (int64 i = 0; i < periods.count; i++)
		add_period_row(&rows, table->options, periods.first + i,
					   &periods.period[i], periods.heap.base);
	return result_rows_array(&rows);
}
