/*
 * subscription.c
 *		Recurring revenue: what came, grew, shrank, left and came back, period by
 *		period.
 *
 * A row is a contract, of so much money a month, from starts_at until ends_at. A
 * customer's contracts add up. The state of a customer is looked at just before each
 * boundary of the calendar, so what happens at a boundary belongs to the period
 * that it opens: a contract counts at the end of its first period, and no more at the
 * end of the one in which it ends.
 *
 * The movements are ChartMogul's and ProfitWell's: new, expansion, contraction, churn,
 * reactivation.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "base/large_memory.h"
#include "base/numerics.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/key_functions.h"
#include "engine/money.h"
#include "engine/timeline.h"
#include "measures/calendar_options.h"

/* ------------------------------------------------------------------------
 * The state
 *
 * The position of an entry is twice the period of a start, or of an end, and 1 more;
 * its orders are contracts, and the money of those that end is counted below zero.
 * Contracts whose amount is not known are apart, so that it is known when a customer
 * has no others.
 * ------------------------------------------------------------------------
 */
typedef struct SubscriberPayload
{
	uint64		known;			/* timeline */
	uint64		unknown;		/* timeline without money */
} SubscriberPayload;

static const SubscriberPayload subscriber_of_nothing = {
	TIMELINE_EMPTY, TIMELINE_EMPTY
};

static int64
change_position(int64 period, bool is_end)
{
	return 2 * period + is_end;
}

/* Rounded down: periods may be below zero. */
static int64
change_period(int64 position)
{
	return (position - (position & 1)) / 2;
}

static bool
change_is_end(int64 position)
{
	return (position & 1) != 0;
}

static void
subscriber_merge(CustomerTable *table, void *into, const void *from,
				 const char *from_base)
{
	SubscriberPayload *a = into;
	const SubscriberPayload *b = from;

	timeline_merge(&table->heap, &a->known, from_base, b->known);
	timeline_merge(&table->heap, &a->unknown, from_base, b->unknown);
}

static void
subscriber_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const SubscriberPayload *) payload)->known);
}

/*
 * Are these contracts before as_of, none of which ends before it begins?
 */
static bool
contracts_valid(const char *heap_base, uint64 contracts, bool has_money,
				const StateOptions *options)
{
	const int64 first = calendar_period(options, MIN_TIMESTAMP);
	const int64 last = calendar_last_period(options);
	TimelineReader reader;
	int64		lasting = 0;

	timeline_open(&reader, heap_base, contracts);
	while (timeline_next(&reader))
	{
		const int64 period = change_period(reader.position);

		if (period < first || period > last || reader.orders == 0 ||
			(reader.money != NULL) != has_money)
			return false;
		if (change_is_end(reader.position))
			lasting -= reader.orders;
		else if (pg_add_s64_overflow(lasting, reader.orders, &lasting))
			return false;
		if (lasting < 0)
			return false;
	}
	return true;
}

static bool
subscriber_valid(const void *payload, const char *heap_base,
				 const StateOptions *options)
{
	const SubscriberPayload *customer = payload;

	if (customer->known == TIMELINE_EMPTY && customer->unknown == TIMELINE_EMPTY)
		return false;
	return contracts_valid(heap_base, customer->known, true, options) &&
		contracts_valid(heap_base, customer->unknown, false, options);
}

CUSTOMER_ABSORB(subscriber_absorb, subscriber_family)

retention_internal const CustomerFamily subscriber_family = {
	.name = "mrr_movements",
	.id = FAMILY_SUBSCRIBER,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.payload_fields = STATE_FIELDS(FIELD(SubscriberPayload, known, TIMELINE),
								   FIELD(SubscriberPayload, unknown, TIMELINE)),
	.payload_size = sizeof(SubscriberPayload),
	.identity = &subscriber_of_nothing,
	.merge = subscriber_merge,
	.prefetch = subscriber_prefetch,
	.valid = subscriber_valid,
	.absorb = subscriber_absorb
};

/* The arguments */
enum
{
	ARG_CUSTOMER = 1,
	ARG_STARTS_AT,
	ARG_ENDS_AT,
	ARG_AMOUNT,
	ARG_OPTIONS
};

typedef struct Contract
{
	TimestampTz starts_at;
	TimestampTz ends_at;		/* DT_NOEND: it does not, as far as is seen */
	bool		known;			/* is the amount? */
} Contract;

static void
check_end(TimestampTz ends_at)
{
	if (unlikely(TIMESTAMP_NOT_FINITE(ends_at)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"ends_at\" must be a finite time"),
				 errhint("A contract without an end has NULL: write nullif(ends_at, 'infinity').")));
}

/* Reads a contract but for customer and amount; false if there is none. */
static bool
contract_read(Contract *contract, FunctionCallInfo fcinfo, TimestampTz as_of)
{
	if (PG_ARGISNULL(ARG_CUSTOMER) || PG_ARGISNULL(ARG_STARTS_AT))
		return false;
	contract->starts_at = PG_GETARG_TIMESTAMPTZ(ARG_STARTS_AT);
	check_finite_time(contract->starts_at, "starts_at");
	contract->ends_at = DT_NOEND;
	if (!PG_ARGISNULL(ARG_ENDS_AT))
	{
		contract->ends_at = PG_GETARG_TIMESTAMPTZ(ARG_ENDS_AT);
		check_end(contract->ends_at);
		if (contract->ends_at <= contract->starts_at)
			return false;
		if (contract->ends_at >= as_of)
			contract->ends_at = DT_NOEND;
	}
	contract->known = !PG_ARGISNULL(ARG_AMOUNT);
	return contract->starts_at < as_of;
}

/*
 * Adds a start or an end of one contract; nothing if its amount is zero.
 */
static pg_attribute_always_inline void
add_change(StateUpdate *update, FunctionCallInfo fcinfo, KeyKind kind,
		   const Contract *contract, bool is_end)
{
	StateHeap  *heap = state_row_heap(update);
	const TimestampTz at = is_end ? contract->ends_at : contract->starts_at;
	const int64 position =
		change_position(calendar_period(update->table->options, at), is_end);
	SubscriberPayload payload = subscriber_of_nothing;
	Money		amount = {0, 0};
	uint64		used = heap->used;

	if (!contract->known)
		payload.unknown = timeline_create(heap, position, 1, &amount, NULL);
	else
	{
		money_from_datum(heap, &amount, PG_GETARG_DATUM(ARG_AMOUNT), "amount");
		if (money_sign(&amount, heap->base) == 0)
		{
			heap->used = used;
			return;
		}
		if (is_end)
			amount = money_negated(heap, &amount, heap->base);
		payload.known = timeline_create(heap, position, 1, &amount, heap->base);
	}
	state_add(update, &subscriber_family, kind,
			  key_from_datum(kind, PG_GETARG_DATUM(ARG_CUSTOMER), heap),
			  &payload);
}

static pg_attribute_always_inline Datum
mrr_transition(FunctionCallInfo fcinfo, KeyKind kind)
{
	StateUpdate update;
	Contract	contract;

	state_update_begin(&update, fcinfo, &subscriber_family, kind, ARG_OPTIONS, 0);
	if (contract_read(&contract, fcinfo, calendar_as_of(update.table->options)))
	{
		add_change(&update, fcinfo, kind, &contract, false);
		if (contract.ends_at != DT_NOEND)
			add_change(&update, fcinfo, kind, &contract, true);
	}
	return state_update_end(&update);
}

/*
 * mrr_movements_transfn_<kind>(retention_state, customer, starts_at timestamptz,
 * ends_at timestamptz, amount numeric, grain, as_of, tz)
 */
KEY_FUNCTIONS(mrr_movements_transfn, mrr_transition)

/* ------------------------------------------------------------------------
 * The movements
 * ------------------------------------------------------------------------
 */
typedef struct Movement
{
	int64		customers;
	Money		money;			/* none: of none of them is it known */
} Movement;

/* What changed in one period. */
typedef struct PeriodMovements
{
	Movement	new;
	Movement	expansion;		/* without its customers, as the next */
	Movement	contraction;
	Movement	churned;
	Movement	reactivated;
	int64		known;			/* by how many the customers there have become
								 * more whose money is known */
} PeriodMovements;

typedef struct Movements
{
	int64		first;			/* period */
	int64		count;
	PeriodMovements *periods;
	StateHeap	heap;			/* for their money */
} Movements;

/* A customer at a boundary. */
typedef struct Standing
{
	Money		sum;			/* of contracts whose amount is known */
	int64		known;			/* how many these are */
	int64		unknown;		/* and the others */
	bool		is_there;
	bool		was_there;		/* at some boundary, this one or before */
} Standing;

/* A walk along the changes of one customer. */
typedef struct SubscriberWalk
{
	TimelineReader known;
	TimelineReader unknown;
	bool		has_known;		/* has it an entry that is not counted yet? */
	bool		has_unknown;
	Standing	now;
	StateHeap	sum;			/* for the money that stands */
	StateHeap	entry;			/* for that of an entry */
} SubscriberWalk;

static void
walk_open(SubscriberWalk *walk, const char *heap_base,
		  const SubscriberPayload *customer)
{
	timeline_open(&walk->known, heap_base, customer->known);
	timeline_open(&walk->unknown, heap_base, customer->unknown);
	walk->has_known = timeline_next(&walk->known);
	walk->has_unknown = timeline_next(&walk->unknown);
	walk->now = (Standing) {{0, 0}};
	walk->sum.used = 0;
}

/* The period of the next change; PG_INT64_MAX after the last. */
static int64
walk_period(const SubscriberWalk *walk)
{
	int64		period = PG_INT64_MAX;

	if (walk->has_known)
		period = change_period(walk->known.position);
	if (walk->has_unknown)
		period = Min(period, change_period(walk->unknown.position));
	return period;
}

static int64
changed_by(const TimelineReader *reader)
{
	return change_is_end(reader->position) ? -reader->orders : reader->orders;
}

/* To the boundary at the end of a period */
static void
walk_to_end_of(SubscriberWalk *walk, int64 period)
{
	Standing   *now = &walk->now;

	while (walk->has_known && change_period(walk->known.position) == period)
	{
		Money		money = timeline_money(&walk->known, &walk->entry);

		money_add(&walk->sum, &now->sum, &money, walk->entry.base);
		walk->entry.used = 0;
		now->known += changed_by(&walk->known);
		walk->has_known = timeline_next(&walk->known);
	}
	while (walk->has_unknown && change_period(walk->unknown.position) == period)
	{
		now->unknown += changed_by(&walk->unknown);
		walk->has_unknown = timeline_next(&walk->unknown);
	}
	now->is_there = now->unknown > 0 ||
		money_sign(&now->sum, walk->sum.base) > 0;
	now->was_there |= now->is_there;
}

/* What a customer who is there pays; none if that is not known, never below 0. */
static Money
standing_money(const Standing *standing, const char *base)
{
	Money		money = {0, 0};

	if (!standing->is_there || standing->known == 0)
		return money;
	if (money_sign(&standing->sum, base) > 0)
		return standing->sum;
	(void) money_set_narrow(&money, 0, 0);
	return money;
}

static void
add_movement(Movements *movements, Movement *movement, const Money *money,
			 const char *base)
{
	movement->customers++;
	money_add(&movements->heap, &movement->money, money, base);
}

/*
 * A customer who was there and still is: more, or less. Both amounts lie in
 * "heap", which takes the difference.
 */
static void
add_difference(Movements *movements, PeriodMovements *period,
			   const Money *before, const Money *after, StateHeap *heap)
{
	Money		more = money_negated(heap, before, heap->base);
	Money		less;
	int			sign;

	if (money_is_none(&more))
		(void) money_set_narrow(&more, 0, 0);
	money_add(heap, &more, after, heap->base);
	sign = money_sign(&more, heap->base);
	if (sign > 0)
		add_movement(movements, &period->expansion, &more, heap->base);
	else if (sign < 0)
	{
		less = money_negated(heap, &more, heap->base);
		add_movement(movements, &period->contraction, &less, heap->base);
	}
}

static void
add_change_of_standing(Movements *movements, PeriodMovements *period,
					   const Standing *before, const Standing *after,
					   const Money *old, const Money *new, StateHeap *heap)
{
	period->known += (int) (after->is_there && after->known > 0) -
		(int) (before->is_there && before->known > 0);
	if (before->is_there && after->is_there)
		add_difference(movements, period, old, new, heap);
	else if (before->is_there)
		add_movement(movements, &period->churned, old, heap->base);
	else if (after->is_there)
		add_movement(movements, before->was_there ? &period->reactivated :
					 &period->new, new, heap->base);
}

/* "amounts" is for the two amounts of a change. */
static void
add_subscriber(Movements *movements, SubscriberWalk *walk, StateHeap *amounts)
{
	int64		period;

	while ((period = walk_period(walk)) != PG_INT64_MAX)
	{
		const Standing before = walk->now;
		Money		old = standing_money(&before, walk->sum.base);
		Money		new;

		CHECK_FOR_INTERRUPTS();
		amounts->used = 0;
		money_move(amounts, &old, walk->sum.base);
		walk_to_end_of(walk, period);
		new = standing_money(&walk->now, walk->sum.base);
		money_move(amounts, &new, walk->sum.base);
		add_change_of_standing(movements,
							   &movements->periods[period - movements->first],
							   &before, &walk->now, &old, &new, amounts);
	}
}

/* The period of the first contract of all; PG_INT64_MAX if there is none. */
static int64
first_period(const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	SubscriberPayload customer;
	int64		first = PG_INT64_MAX;

	while (customer_cursor_next(&cursor, &customer))
	{
		const char *base = table->heap.base;

		first = Min(first, timeline_first(base, customer.known));
		first = Min(first, timeline_first(base, customer.unknown));
	}
	return first == PG_INT64_MAX ? first : change_period(first);
}

static void
add_subscribers(Movements *movements, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	SubscriberPayload customer;
	SubscriberWalk walk;
	StateHeap	amounts;

	heap_init_scratch(&walk.sum);
	heap_init_scratch(&walk.entry);
	heap_init_scratch(&amounts);
	while (customer_cursor_next(&cursor, &customer))
	{
		walk_open(&walk, table->heap.base, &customer);
		add_subscriber(movements, &walk, &amounts);
	}
	heap_free_scratch(&amounts);
	heap_free_scratch(&walk.entry);
	heap_free_scratch(&walk.sum);
}

/* ------------------------------------------------------------------------
 * The rows
 * ------------------------------------------------------------------------
 */
enum
{
	ROW_PERIOD_START,
	ROW_OPENING_MRR,
	ROW_NEW_MRR,
	ROW_EXPANSION_MRR,
	ROW_CONTRACTION_MRR,
	ROW_CHURNED_MRR,
	ROW_REACTIVATED_MRR,
	ROW_CLOSING_MRR,
	ROW_OPENING_CUSTOMERS,
	ROW_NEW_CUSTOMERS,
	ROW_CHURNED_CUSTOMERS,
	ROW_REACTIVATED_CUSTOMERS,
	ROW_CLOSING_CUSTOMERS,
	ROW_CHURN_RATE,
	ROW_GROSS_REVENUE_RETENTION,
	ROW_NET_REVENUE_RETENTION,
	ROW_IS_COMPLETE,
	ROW_COLUMNS
};

/* All customers at a boundary. */
typedef struct Base
{
	Numeric		money;
	int64		customers;
	int64		known;			/* of whom some money is known */
} Base;

/* 0 of nobody and where nothing is known, which adds nothing */
static Numeric
movement_money(const Movements *movements, const Movement *movement)
{
	Numeric		money = money_numeric(&movement->money, movements->heap.base);

	return money ? money : int64_to_numeric(0);
}

static Base
base_after(const Base *opening, const Movements *movements,
		   const PeriodMovements *now)
{
	Base		closing = *opening;

	closing.customers += now->new.customers + now->reactivated.customers -
		now->churned.customers;
	closing.known += now->known;
	closing.money = numeric_plus(closing.money, movement_money(movements, &now->new));
	closing.money = numeric_plus(closing.money, movement_money(movements, &now->expansion));
	closing.money = numeric_plus(closing.money, movement_money(movements, &now->reactivated));
	closing.money = numeric_minus(closing.money, movement_money(movements, &now->contraction));
	closing.money = numeric_minus(closing.money, movement_money(movements, &now->churned));
	if (closing.customers == 0)
		closing.money = int64_to_numeric(0);
	return closing;
}

/* NULL where there are customers, and of none is money known */
static Datum
base_money(const Base *base, bool *isnull)
{
	return numeric_or_null(base->customers > 0 && base->known == 0 ? NULL :
						   base->money, isnull);
}

static Datum
movement_value(const Movements *movements, const Movement *movement, bool *isnull)
{
	return numeric_or_null(movement->customers == 0 ? int64_to_numeric(0) :
						   money_numeric(&movement->money, movements->heap.base),
						   isnull);
}

/* What is left of the opening money; NULL of none, and in a period that is open */
static Datum
kept(const Base *opening, Numeric rest, bool ended, bool *isnull)
{
	const bool	known = ended &&
		numeric_compare(opening->money, int64_to_numeric(0)) > 0;

	return float8_or_null(known, known ? money_ratio(rest, opening->money) : 0,
						  isnull);
}

static void
period_values(Datum *values, bool *nulls, const Movements *movements,
			  const PeriodMovements *now, const Base *opening,
			  const Base *closing, bool ended)
{
	const Numeric lost = numeric_plus(movement_money(movements, &now->contraction),
									  movement_money(movements, &now->churned));
	const Numeric rest = numeric_minus(opening->money, lost);

	values[ROW_OPENING_MRR] = base_money(opening, &nulls[ROW_OPENING_MRR]);
	values[ROW_NEW_MRR] = movement_value(movements, &now->new, &nulls[ROW_NEW_MRR]);
	values[ROW_EXPANSION_MRR] = movement_value(movements, &now->expansion,
											   &nulls[ROW_EXPANSION_MRR]);
	values[ROW_CONTRACTION_MRR] = movement_value(movements, &now->contraction,
												 &nulls[ROW_CONTRACTION_MRR]);
	values[ROW_CHURNED_MRR] = movement_value(movements, &now->churned,
											 &nulls[ROW_CHURNED_MRR]);
	values[ROW_REACTIVATED_MRR] = movement_value(movements, &now->reactivated,
												 &nulls[ROW_REACTIVATED_MRR]);
	values[ROW_CLOSING_MRR] = base_money(closing, &nulls[ROW_CLOSING_MRR]);
	values[ROW_OPENING_CUSTOMERS] = Int64GetDatum(opening->customers);
	values[ROW_NEW_CUSTOMERS] = Int64GetDatum(now->new.customers);
	values[ROW_CHURNED_CUSTOMERS] = Int64GetDatum(now->churned.customers);
	values[ROW_REACTIVATED_CUSTOMERS] = Int64GetDatum(now->reactivated.customers);
	values[ROW_CLOSING_CUSTOMERS] = Int64GetDatum(closing->customers);
	values[ROW_CHURN_RATE] = share_or_null(now->churned.customers,
										   ended ? opening->customers : 0,
										   &nulls[ROW_CHURN_RATE]);
	values[ROW_GROSS_REVENUE_RETENTION] =
		kept(opening, rest, ended, &nulls[ROW_GROSS_REVENUE_RETENTION]);
	values[ROW_NET_REVENUE_RETENTION] =
		kept(opening, numeric_plus(rest, movement_money(movements, &now->expansion)),
			 ended, &nulls[ROW_NET_REVENUE_RETENTION]);
	values[ROW_IS_COMPLETE] = BoolGetDatum(ended);
}

static void
add_rows(ResultRows *rows, const Movements *movements, const StateOptions *options)
{
	const int64 open = calendar_open_period(options);
	Base		opening = {.money = int64_to_numeric(0)};

	for (int64 i = 0; i < movements->count; i++)
	{
		const PeriodMovements *now = &movements->periods[i];
		const Base	closing = base_after(&opening, movements, now);
		const int64 period = movements->first + i;
		Datum		values[ROW_COLUMNS];
		bool		nulls[ROW_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		values[ROW_PERIOD_START] =
			DateADTGetDatum(period_date(calendar_grain(options), period));
		period_values(values, nulls, movements, now, &opening, &closing,
					  period < open);
		result_rows_add(rows, values, nulls);
		opening = closing;
	}
}

/*
 * mrr_movements(retention_state) returns mrr_movements_row[]
 *
 * A row for every period from the first contract's to the last that has begun before
 * as_of. If that one has not ended by as_of its rates are NULL. NULL without
 * contracts.
 */
PG_FUNCTION_INFO_V1(mrr_movements);
Datum
mrr_movements(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	Movements	movements;
	ResultRows	rows;

	if (table->family != &subscriber_family)
		reject_state(table, "mrr_movements");
	movements.first = first_period(table);
	if (movements.first == PG_INT64_MAX)
		PG_RETURN_NULL();
	movements.count = calendar_last_period(table->options) - movements.first + 1;
	calendar_check_rows(calendar_grain(table->options), movements.count);
	movements.periods = large_array_alloc0(movements.count, sizeof(PeriodMovements));
	heap_init_scratch(&movements.heap);
	add_subscribers(&movements, table);
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	add_rows(&rows, &movements, table->options);
	return result_rows_array(&rows);
}
