/*
 * signup.c
 *		Who signed up, and then? Customers by the period of their sign-up (install,
 *		first visit, lead, free account), period by period.
 *
 * A row is a sign-up with one of the person's orders, or with none. The earliest
 * sign-up counts; rows with a later one say nothing, since each sign-up comes with all
 * orders. So what is kept is of the earliest so far, and an earlier one throws it away.
 * What was ordered before the sign-up is known from the row itself, and is not kept.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "engine/key_functions.h"
#include "engine/money.h"
#include "engine/timeline.h"
#include "measures/calendar_options.h"
#include "measures/cohort_triangle.h"

/* ------------------------------------------------------------------------
 * The state
 *
 * A payload is a CohortMember since its sign-up. Its activity has the money of all rows,
 * and so entries without an order, of refunds and zeroes alone.
 * ------------------------------------------------------------------------
 */
static const CohortMember signup_of_nobody = {
	.since = DT_NOEND,
	.activity = TIMELINE_EMPTY
};

static void
signup_merge(CustomerTable *table, void *into, const void *from,
			 const char *from_base)
{
	CohortMember *a = into;
	const CohortMember *b = from;

	if (b->since > a->since)
		return;
	if (b->since < a->since)
	{
		timeline_drop(&table->heap, &a->activity);
		a->since = b->since;
	}
	timeline_merge(&table->heap, &a->activity, from_base, b->activity);
}

static void
signup_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const CohortMember *) payload)->activity);
}

/* Are these orders and money of periods from one to another? */
static bool
activity_valid(const char *heap_base, uint64 activity, int64 first, int64 last)
{
	TimelineReader reader;
	StateHeap	wide;
	bool		valid = true;

	heap_init_scratch(&wide);
	timeline_open(&reader, heap_base, activity);
	while (valid && timeline_next(&reader))
	{
		Money		money = timeline_money(&reader, &wide);

		valid = reader.position >= first && reader.position <= last &&
			(reader.orders > 0 ||
			 (!money_is_none(&money) && money_sign(&money, wide.base) <= 0));
		wide.used = 0;
	}
	heap_free_scratch(&wide);
	return valid;
}

static bool
signup_valid(const void *payload, const char *heap_base,
			 const StateOptions *options)
{
	const CohortMember *customer = payload;

	return IS_VALID_TIMESTAMP(customer->since) &&
		customer->since < calendar_as_of(options) &&
		activity_valid(heap_base, customer->activity,
					   calendar_period(options, customer->since),
					   calendar_last_period(options));
}

static void signup_seal(CustomerTable *table, SealedState *into);

CUSTOMER_ABSORB(signup_absorb, signup_family)
CUSTOMER_ABSORB(sealed_signup_absorb, sealed_signup_family)

retention_internal const CustomerFamily signup_family = {
	.name = "signup_retention",
	.id = FAMILY_SIGNUP,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.payload_fields = STATE_FIELDS(FIELD(CohortMember, since, INT64),
								   FIELD(CohortMember, activity, TIMELINE)),
	.payload_size = sizeof(CohortMember),
	.identity = &signup_of_nobody,
	.merge = signup_merge,
	.prefetch = signup_prefetch,
	.valid = signup_valid,
	.sealed = &sealed_signup_family,
	.seal = signup_seal,
	.absorb = signup_absorb
};

retention_internal const CustomerFamily sealed_signup_family = {
	.name = "sealed signup_retention",
	.id = FAMILY_SEALED_SIGNUP,
	.sealed_of = &signup_family,
	SEALED_TRIANGLE_FIELDS,
	.absorb = sealed_signup_absorb
};

/* The arguments */
enum
{
	ARG_CUSTOMER = 1,
	ARG_SIGNED_UP_AT,
	ARG_ORDERED_AT,
	ARG_AMOUNT,
	ARG_OPTIONS
};

/* Adds an order, a refund or a zero that lies between the sign-up and as_of. */
static void
read_order(CohortMember *customer, FunctionCallInfo fcinfo,
		   const StateOptions *options, StateHeap *row_heap)
{
	const TimestampTz at = PG_GETARG_TIMESTAMPTZ(ARG_ORDERED_AT);
	Money		money = {0, 0};
	bool		is_order = true;

	check_finite_time(at, "ordered_at");
	if (at < customer->since || at >= calendar_as_of(options))
		return;
	if (!PG_ARGISNULL(ARG_AMOUNT))
	{
		money_from_datum(row_heap, &money, PG_GETARG_DATUM(ARG_AMOUNT), "amount");
		is_order = money_is_positive(&money, row_heap->base);
	}
	customer->activity = timeline_create(row_heap, calendar_period(options, at),
										 is_order, &money, row_heap->base);
}

/*
 * signup_retention_transfn_<kind>(retention_state, customer, signed_up_at,
 * ordered_at, amount, grain, as_of, tz)
 *
 * A row without a customer or a sign-up is none, and so is a sign-up at or after
 * as_of; without ordered_at it says that the customer signed up.
 */
static pg_attribute_always_inline Datum
signup_transition(FunctionCallInfo fcinfo, KeyKind kind)
{
	StateUpdate update;
	StateHeap  *row_heap;
	CohortMember customer = signup_of_nobody;
	const StateOptions *options;

	state_update_begin(&update, fcinfo, &signup_family, kind, ARG_OPTIONS, 0);
	options = update.table->options;
	if (PG_ARGISNULL(ARG_CUSTOMER) || PG_ARGISNULL(ARG_SIGNED_UP_AT))
		return state_update_end(&update);
	customer.since = PG_GETARG_TIMESTAMPTZ(ARG_SIGNED_UP_AT);
	check_finite_time(customer.since, "signed_up_at");
	if (customer.since >= calendar_as_of(options))
		return state_update_end(&update);
	row_heap = state_row_heap(&update);
	if (!PG_ARGISNULL(ARG_ORDERED_AT))
		read_order(&customer, fcinfo, options, row_heap);
	state_add(&update, &signup_family, kind,
			  key_from_datum(kind, PG_GETARG_DATUM(ARG_CUSTOMER), row_heap),
			  &customer);
	return state_update_end(&update);
}

KEY_FUNCTIONS(signup_retention_transfn, signup_transition)

/* False if nobody has signed up. */
static bool
count_customers(Triangle *triangle, const CustomerTable *table)
{
	CustomerReadAhead ahead;
	CohortMember customer;

	if (!triangle_init(triangle, table))
		return false;
	customer_read_ahead_begin(&ahead, table);
	while (customer_read_ahead_next(&ahead, &customer))
		triangle_add_member(triangle, &customer);
	return true;
}

static void
signup_seal(CustomerTable *table, SealedState *into)
{
	Triangle	triangle;

	if (count_customers(&triangle, table))
		triangle_seal(&triangle, into);
}

/*
 * signup_retention(retention_state) returns cohort_retention_row[]
 *
 * A row for every period in which somebody signed up and every period from it on that
 * has begun before as_of. NULL without a sign-up.
 */
PG_FUNCTION_INFO_V1(signup_retention);
Datum
signup_retention(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	Triangle	triangle;

	if (!(state_is_sealed(table, &signup_family, "signup_retention") ?
		  triangle_of_sealed(&triangle, table) : count_customers(&triangle, table)))
		PG_RETURN_NULL();
	return triangle_rows(&triangle, fcinfo);
}
