/*
 * new_vs_returning.c
 *		Who brings the money, new customers or those who were here before? Period by
 *		period.
 *
 * An order is new if it is at the instant of its customer's first order ever, so that
 * several rows of that instant are all new. The first order may come with a later row. So
 * orders, money and refunds are summed up by period whosesoever they are, and of a customer
 * there is kept what was ordered at the earliest instant so far, which is taken off them in
 * the end; and in which periods there was an order after that.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/seal.h"
#include "engine/transition.h"

#include "base/large_memory.h"
#include "base/numerics.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/period_sums.h"
#include "engine/timeline.h"
#include "measures/calendar_options.h"
#include "port/pg_bitutils.h"
#include "utils/fmgrprotos.h"

typedef struct NewTotals
{
	uint64		sums;			/* by period, of all customers */
} NewTotals;

static const NewTotals no_sums = {.sums = PERIOD_SUMS_NONE};

#define PERIODS_IN_BITS		64

/*
 * A customer with an order. The periods of later orders are bits, from that of the first
 * order on; those beyond the last bit are entries of a timeline, of one order each and
 * no money. So there is one way to write a set of them.
 */
typedef struct NewPayload
{
	TimestampTz first_order_at;
	int64		first_period;	/* its period */
	int64		first_orders;	/* at that instant */
	Money		first_money;	/* theirs */
	uint64		again;			/* bit i: a later order in first_period + i */
	uint64		much_later;		/* timeline: the same, after the bits */
} NewPayload;

static const NewPayload new_of_nobody = {
	.first_order_at = DT_NOEND,
	.first_period = PG_INT64_MAX,
	.much_later = TIMELINE_EMPTY
};

static void
new_merge_totals(StateHeap *heap, void *into, const void *from,
				 const char *from_base)
{
	period_sums_merge(heap, &((NewTotals *) into)->sums, from_base,
					  ((const NewTotals *) from)->sums);
}

static bool
has_period(const char *heap_base, uint64 timeline, int64 period)
{
	TimelineReader reader;

	timeline_open(&reader, heap_base, timeline);
	while (timeline_next(&reader))
		if (reader.position >= period)
			return reader.position == period;
	return false;
}

/* Notes a later order in a period that is not before the customer's first one. */
static void
note_period(StateHeap *heap, NewPayload *customer, int64 period)
{
	const int64 bit = period - customer->first_period;
	const Money none = {0, 0};
	StateHeap	heap_of_one;
	uint64		one;

	if (bit < PERIODS_IN_BITS)
	{
		customer->again |= UINT64CONST(1) << bit;
		return;
	}
	if (has_period(heap->base, customer->much_later, period))
		return;
	heap_init_scratch(&heap_of_one);
	one = timeline_create(&heap_of_one, period, 1, &none, NULL);
	timeline_merge(heap, &customer->much_later, heap_of_one.base, one);
	heap_free_scratch(&heap_of_one);
}

/* The same for bits of periods from "first" on. */
static inline void
note_bits(StateHeap *heap, NewPayload *customer, int64 first, uint64 bits)
{
	for (; bits != 0; bits &= bits - 1)
		note_period(heap, customer, first + pg_rightmost_one_pos64(bits));
}

/* The later orders of another payload, whose first one is no earlier. */
static void
note_again(StateHeap *heap, NewPayload *customer, const NewPayload *other,
		   const char *other_base)
{
	TimelineReader reader;

	if (other->first_period == customer->first_period)
		customer->again |= other->again;
	else
		note_bits(heap, customer, other->first_period, other->again);
	timeline_open(&reader, other_base, other->much_later);
	while (timeline_next(&reader))
		note_period(heap, customer, reader.position);
}

/* Orders before the first so far: those become later ones. */
static void
begin_earlier(StateHeap *heap, NewPayload *customer, const NewPayload *earlier,
			  const char *earlier_base)
{
	const NewPayload before = *customer;

	customer->first_order_at = earlier->first_order_at;
	customer->first_period = earlier->first_period;
	customer->first_orders = earlier->first_orders;
	customer->first_money = (Money) {0, 0};
	money_add(heap, &customer->first_money, &earlier->first_money, earlier_base);
	customer->again = 0;
	/* what was beyond the bits still is */
	if (before.first_order_at != DT_NOEND)
	{
		note_period(heap, customer, before.first_period);
		note_bits(heap, customer, before.first_period, before.again);
	}
	note_again(heap, customer, earlier, earlier_base);
}

static void
new_merge(CustomerTable *table, void *into, const void *from,
		  const char *from_base)
{
	NewPayload *a = into;
	const NewPayload *b = from;

	if (b->first_order_at < a->first_order_at)
	{
		begin_earlier(&table->heap, a, b, from_base);
		return;
	}
	if (b->first_order_at == a->first_order_at)
	{
		add_orders(&a->first_orders, b->first_orders);
		money_add(&table->heap, &a->first_money, &b->first_money, from_base);
	}
	else
		note_period(&table->heap, a, b->first_period);
	note_again(&table->heap, a, b, from_base);
}

static void
new_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const NewPayload *) payload)->much_later);
}

/* Are these periods after the bits and up to "last"? */
static bool
much_later_valid(const NewPayload *customer, const char *heap_base, int64 last)
{
	TimelineReader reader;

	timeline_open(&reader, heap_base, customer->much_later);
	while (timeline_next(&reader))
		if (reader.position < customer->first_period + PERIODS_IN_BITS ||
			reader.position > last || reader.orders != 1 || reader.money != NULL)
			return false;
	return true;
}

static bool
new_valid(const void *payload, const char *heap_base,
		  const StateOptions *options)
{
	const NewPayload *customer = payload;
	const int64 last = calendar_last_period(options);

	return IS_VALID_TIMESTAMP(customer->first_order_at) &&
		customer->first_order_at < calendar_as_of(options) &&
		customer->first_period == calendar_period(options,
												  customer->first_order_at) &&
		customer->first_orders > 0 &&
		(money_is_none(&customer->first_money) ||
		 money_sign(&customer->first_money, heap_base) > 0) &&
		(customer->again == 0 ||
		 customer->first_period + pg_leftmost_one_pos64(customer->again) <= last) &&
		much_later_valid(customer, heap_base, last);
}

/* ------------------------------------------------------------------------
 * What is left of customers in a sealed state: sums by period, too
 * ------------------------------------------------------------------------
 */
typedef struct SealedNewTotals
{
	int64		customers;
	uint64		sums;			/* as in NewTotals */
} SealedNewTotals;

static const SealedNewTotals no_sealed_sums = {.sums = PERIOD_SUMS_NONE};

/* Of an entry's period */
typedef struct NewSums
{
	int64		new_orders;
	int64		new_customers;
	int64		returning_customers;
	Money		new_money;
} NewSums;

static void
sealed_new_merge_totals(StateHeap *heap, void *into, const void *from,
						const char *from_base)
{
	SealedNewTotals *a = into;
	const SealedNewTotals *b = from;

	add_count(&a->customers, b->customers, "customers");
	period_sums_merge(heap, &a->sums, from_base, b->sums);
}

static void
new_sums_merge(CustomerTable *table, void *into, const void *from,
			   const char *from_base)
{
	NewSums    *a = into;
	const NewSums *b = from;

	add_orders(&a->new_orders, b->new_orders);
	add_count(&a->new_customers, b->new_customers, "customers");
	add_count(&a->returning_customers, b->returning_customers, "customers");
	money_add(&table->heap, &a->new_money, &b->new_money, from_base);
}

/* Each new customer has a new order. */
static bool
new_sums_valid(const void *payload, const char *heap_base,
			   const StateOptions *options)
{
	const NewSums *sums = payload;

	if (sums->new_customers == 0)
		return sums->returning_customers > 0 && sums->new_orders == 0 &&
			money_is_none(&sums->new_money);
	return sums->new_orders >= sums->new_customers &&
		(money_is_none(&sums->new_money) ||
		 money_sign(&sums->new_money, heap_base) > 0);
}

static void new_vs_returning_seal(CustomerTable *table, SealedState *into);

CUSTOMER_ABSORB(new_absorb, new_vs_returning_family)
CUSTOMER_ABSORB(sealed_new_absorb, sealed_new_vs_returning_family)

retention_internal const CustomerFamily new_vs_returning_family = {
	.name = "new_vs_returning",
	.id = FAMILY_NEW_VS_RETURNING,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.totals_fields = STATE_FIELDS(FIELD(NewTotals, sums, PERIOD_SUMS)),
	.totals_size = sizeof(NewTotals),
	.totals_identity = &no_sums,
	.merge_totals = new_merge_totals,
	.payload_fields = STATE_FIELDS(FIELD(NewPayload, first_order_at, INT64),
								   FIELD(NewPayload, first_period, INT64),
								   FIELD(NewPayload, first_orders, COUNT),
								   FIELD(NewPayload, first_money, MONEY),
								   FIELD(NewPayload, again, INT64),
								   FIELD(NewPayload, much_later, TIMELINE)),
	.payload_size = sizeof(NewPayload),
	.identity = &new_of_nobody,
	.merge = new_merge,
	.prefetch = new_prefetch,
	.valid = new_valid,
	.sealed = &sealed_new_vs_returning_family,
	.seal = new_vs_returning_seal,
	.absorb = new_absorb
};

retention_internal const CustomerFamily sealed_new_vs_returning_family = {
	.name = "sealed new_vs_returning",
	.id = FAMILY_SEALED_NEW_VS_RETURNING,
	.sealed_of = &new_vs_returning_family,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.totals_fields = STATE_FIELDS(FIELD(SealedNewTotals, customers, COUNT),
								  FIELD(SealedNewTotals, sums, PERIOD_SUMS)),
	.totals_size = sizeof(SealedNewTotals),
	.totals_identity = &no_sealed_sums,
	.merge_totals = sealed_new_merge_totals,
	.payload_fields = STATE_FIELDS(FIELD(NewSums, new_orders, COUNT),
								   FIELD(NewSums, new_customers, COUNT),
								   FIELD(NewSums, returning_customers, COUNT),
								   FIELD(NewSums, new_money, MONEY)),
	.payload_size = sizeof(NewSums),
	.merge = new_sums_merge,
	.valid = new_sums_valid,
	.absorb = sealed_new_absorb,
	.key_name = "period",
	.key_kind = KEY_BIGINT,
	.valid_key = period_valid_key
};

/* Adds an order, or a refund, to the sums of its period. */
static inline void
add_to_sums(StateUpdate *update, int64 period, int64 orders, const Money *money)
{
	CustomerTable *table = update->table;
	NewTotals	totals;
	PeriodSum	row = {.period = period, .orders = orders};

	if (orders > 0)
		row.money = *money;
	else
		row.refunds = *money;
	/* a copy, since a flat table moves if its heap grows */
	memcpy(&totals, table->totals, sizeof(totals));
	period_sums_add(&table->heap, &totals.sums, &row,
					state_row_heap(update)->base);
	memcpy(table->totals, &totals, sizeof(totals));
}

/* A refund adds no customer. */
static inline bool
read_new_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;
	NewPayload *customer = payload;
	Money		money = {0, 0};
	int			sign = 1;
	int64		period;

	if (row->at >= calendar_as_of(options))
		return false;
	if (row->known)
	{
		money = order_row_amount(row, state_row_heap(update));
		sign = money_sign(&money, state_row_heap(update)->base);
	}
	if (sign == 0)
		return false;
	period = calendar_period(options, row->at);
	add_to_sums(update, period, sign > 0, &money);
	if (sign < 0)
		return false;
	*customer = new_of_nobody;
	customer->first_order_at = row->at;
	customer->first_period = period;
	customer->first_orders = 1;
	customer->first_money = money;
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
	Money		money;			/* of all orders */
	Money		refunds;
	NewSums		of_customers;
} Period;

/* The periods from the first with an order or a refund to the last before as_of */
typedef struct Periods
{
	int64		first;
	int64		count;
	Period	   *period;
	StateHeap	heap;			/* for their money */
} Periods;

static void
reject_new_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid retention state: orders outside of the sums of periods")));
}

/* A state is checked customer by customer as it is received, not against its sums. */
static Period *
of_period(const Periods *periods, int64 number)
{
	if (number < periods->first || number - periods->first >= periods->count)
		reject_new_state();
	return &periods->period[number - periods->first];
}

/* False if there is no row. */
static bool
periods_init(Periods *periods, const CustomerTable *table, uint64 sums)
{
	const uint32 count = period_sums_count(table->heap.base, sums);

	if (count == 0)
		return false;
	periods->first = period_sums_get(table->heap.base, sums, 0).period;
	periods->count = calendar_last_period(table->options) - periods->first + 1;
	if (periods->count <= 0)
		reject_new_state();
	calendar_check_rows(calendar_grain(table->options), periods->count);
	periods->period = large_array_alloc0(periods->count, sizeof(Period));
	heap_init_scratch(&periods->heap);
	for (uint32 i = 0; i < count; i++)
	{
		const PeriodSum sum = period_sums_get(table->heap.base, sums, i);
		Period	   *period = of_period(periods, sum.period);

		period->orders = sum.orders;
		money_add(&periods->heap, &period->money, &sum.money, table->heap.base);
		money_add(&periods->heap, &period->refunds, &sum.refunds, table->heap.base);
	}
	return true;
}

static void
add_customer(Periods *periods, const CustomerTable *table,
			 const NewPayload *customer)
{
	NewSums    *first = &of_period(periods, customer->first_period)->of_customers;
	TimelineReader reader;

	add_orders(&first->new_orders, customer->first_orders);
	money_add(&periods->heap, &first->new_money, &customer->first_money,
			  table->heap.base);
	first->new_customers++;
	for (uint64 bits = customer->again; bits != 0; bits &= bits - 1)
		of_period(periods, customer->first_period +
				  pg_rightmost_one_pos64(bits))->of_customers.returning_customers++;
	timeline_open(&reader, table->heap.base, customer->much_later);
	while (timeline_next(&reader))
		of_period(periods, reader.position)->of_customers.returning_customers++;
}

/* False without an order or a refund. */
static bool
count_customers(Periods *periods, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	NewPayload	customer;

	if (!periods_init(periods, table, ((const NewTotals *) table->totals)->sums))
		return false;
	while (customer_cursor_next(&cursor, &customer))
		add_customer(periods, table, &customer);
	return true;
}

static void
new_vs_returning_seal(CustomerTable *table, SealedState *into)
{
	SealedNewTotals *totals = (SealedNewTotals *) into->totals;
	const uint64 sums = ((const NewTotals *) table->totals)->sums;
	Periods		periods;

	if (!count_customers(&periods, table))
		return;
	totals->sums = period_sums_move(&into->table.heap, table->heap.base, sums);
	for (int64 i = 0; i < periods.count; i++)
	{
		NewSums		entry = periods.period[i].of_customers;

		if (entry.new_customers == 0 && entry.returning_customers == 0)
			continue;
		if (money_is_wide(&entry.new_money))
			money_move(&into->table.heap, &entry.new_money, periods.heap.base);
		sealed_add(into, key_from_bigint(periods.first + i), &entry);
	}
}

/* The same of a sealed state. */
static bool
take_sums(Periods *periods, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	CustomerKey key;
	NewSums		entry;

	if (!periods_init(periods, table,
					  ((const SealedNewTotals *) table->totals)->sums))
		return false;
	while (sealed_next(&cursor, &key, &entry))
	{
		NewSums    *sums = &of_period(periods, key_to_bigint(key))->of_customers;

		*sums = entry;
		sums->new_money = (Money) {0, 0};
		money_add(&periods->heap, &sums->new_money, &entry.new_money,
				  table->heap.base);
	}
	return true;
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

	if (period->orders == period->of_customers.new_orders || money == NULL)
		return money_of_orders(NULL, period->orders - period->of_customers.new_orders);
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
	Numeric		first = money_numeric(&period->of_customers.new_money, heap_base);
	Numeric		returning = returning_money(period, money, first);
	Numeric		new = money_of_orders(first, period->of_customers.new_orders);
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
	values[ROW_NEW_ORDERS] = Int64GetDatum(period->of_customers.new_orders);
	values[ROW_RETURNING_ORDERS] = Int64GetDatum(period->orders - period->of_customers.new_orders);
	values[ROW_NEW_CUSTOMERS] = Int64GetDatum(period->of_customers.new_customers);
	values[ROW_RETURNING_CUSTOMERS] = Int64GetDatum(period->of_customers.returning_customers);
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
	Periods		periods;
	ResultRows	rows;

	if (!(state_is_sealed(table, &new_vs_returning_family, "new_vs_returning") ?
		  take_sums(&periods, table) : count_customers(&periods, table)))
		PG_RETURN_NULL();
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	for (int64 i = 0; i < periods.count; i++)
	{
		if (periods.period[i].of_customers.new_orders > periods.period[i].orders)
			reject_new_state();
		add_period_row(&rows, table->options, periods.first + i,
					   &periods.period[i], periods.heap.base);
	}
	return result_rows_array(&rows);
}
