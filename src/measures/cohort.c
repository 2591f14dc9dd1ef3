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

#include "engine/dated_money.h"
#include "engine/money.h"
#include "engine/timeline.h"
#include "measures/calendar_options.h"
#include "measures/cohort_triangle.h"

/* ------------------------------------------------------------------------
 * The state
 * ------------------------------------------------------------------------
 */
typedef struct CohortPayload
{
	CohortMember member;		/* since the first order */
	uint64		others;			/* dated money of rows that are no orders */
} CohortPayload;

static const CohortPayload cohort_of_nobody = {
	.member = {.since = DT_NOEND, .activity = TIMELINE_EMPTY},
	.others = DATED_MONEY_NONE
};

static void
cohort_merge(CustomerTable *table, void *into, const void *from,
			 const char *from_base)
{
	CohortPayload *a = into;
	const CohortPayload *b = from;

	a->member.since = Min(a->member.since, b->member.since);
	timeline_merge(&table->heap, &a->member.activity, from_base, b->member.activity);
	dated_money_merge(&table->heap, &a->others, from_base, b->others);
}

static void
cohort_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const CohortPayload *) payload)->member.activity);
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
	if (customer->member.since == DT_NOEND)
		return customer->member.activity == TIMELINE_EMPTY &&
			customer->others != DATED_MONEY_NONE;
	return IS_VALID_TIMESTAMP(customer->member.since) &&
		customer->member.since < calendar_as_of(options) &&
		activity_valid(heap_base, customer->member.activity,
					   calendar_period(options, customer->member.since),
					   calendar_last_period(options));
}

static void cohort_seal(CustomerTable *table, SealedState *into);

CUSTOMER_ABSORB(cohort_absorb, cohort_family)
CUSTOMER_ABSORB(sealed_cohort_absorb, sealed_cohort_family)

retention_internal const CustomerFamily cohort_family = {
	.name = "cohort_retention",
	.id = FAMILY_COHORT,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.payload_fields = STATE_FIELDS(FIELD(CohortPayload, member.since, INT64),
								   FIELD(CohortPayload, member.activity, TIMELINE),
								   FIELD(CohortPayload, others, DATED_MONEY)),
	.payload_size = sizeof(CohortPayload),
	.identity = &cohort_of_nobody,
	.merge = cohort_merge,
	.prefetch = cohort_prefetch,
	.valid = cohort_valid,
	.sealed = &sealed_cohort_family,
	.seal = cohort_seal,
	.absorb = cohort_absorb
};

retention_internal const CustomerFamily sealed_cohort_family = {
	.name = "sealed cohort_retention",
	.id = FAMILY_SEALED_COHORT,
	.sealed_of = &cohort_family,
	SEALED_TRIANGLE_FIELDS,
	.absorb = sealed_cohort_absorb
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
		customer->member.since = at;
		customer->member.activity = timeline_create(row_heap,
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
		customer->member.since = Min(customer->member.since, row.at);
		timeline_build_add(&activity, calendar_period(options, row.at), &money);
	}
	customer->member.activity = timeline_build_end(&activity, row_heap);
	return customer->member.activity != TIMELINE_EMPTY ||
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

/* What other rows from the first order on have taken from its cohort */
static void
add_others(Triangle *triangle, const CohortPayload *customer)
{
	const CustomerTable *table = triangle->table;
	TimelineReader reader;

	timeline_open(&reader, table->heap.base, customer->others);
	for (uint32 i = 0; dated_money_next(&reader); i++)
	{
		Money		money;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (reader.position < customer->member.since)
			continue;
		money = timeline_money(&reader, &triangle->wide);
		triangle_add_money(triangle, &customer->member,
						   calendar_period(table->options, reader.position),
						   &money);
	}
}

/* False if nobody has an order. */
static bool
count_customers(Triangle *triangle, const CustomerTable *table)
{
	CustomerReadAhead ahead;
	CohortPayload customer;

	if (!triangle_init(triangle, table))
		return false;
	customer_read_ahead_begin(&ahead, table);
	while (customer_read_ahead_next(&ahead, &customer))
		if (customer.member.since != DT_NOEND)
		{
			triangle_add_member(triangle, &customer.member);
			add_others(triangle, &customer);
		}
	return true;
}

static void
cohort_seal(CustomerTable *table, SealedState *into)
{
	Triangle	triangle;

	if (count_customers(&triangle, table))
		triangle_seal(&triangle, into);
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
	Triangle	triangle;

	if (!(state_is_sealed(table, &cohort_family, "cohort_retention") ?
		  triangle_of_sealed(&triangle, table) : count_customers(&triangle, table)))
		PG_RETURN_NULL();
	return triangle_rows(&triangle, fcinfo);
}
