/*
 * churn.c
 *		Who has left? Churn, inactivity, revenue kept.
 *
 * A shop's customers do not cancel: they stop coming. A customer is active at a
 * time t if an order lies in [t - inactive_after, t), and lost once none does.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include <math.h>

#include "engine/intervals.h"
#include "engine/money.h"
#include "engine/seal.h"
#include "utils/fmgrprotos.h"

/* ------------------------------------------------------------------------
 * churn_rate(customer, ordered_at, inactive_after, period_start, period_end)
 * ------------------------------------------------------------------------
 */
#define ACTIVE_AT_START		0x01
#define ACTIVE_AT_END		0x02

typedef struct ChurnPayload
{
	uint8		active;			/* ACTIVE_AT_START, ACTIVE_AT_END or both */
} ChurnPayload;

enum
{
	CHURN_INACTIVE_AFTER,
	CHURN_PERIOD_START,
	CHURN_PERIOD_END
};

static const OptionSpec churn_options[] = {
	[CHURN_INACTIVE_AFTER] = {"inactive_after", OPTION_INTERVAL, LEAST_PERIOD},
	[CHURN_PERIOD_START] = {"period_start", OPTION_TIME},
	[CHURN_PERIOD_END] = {"period_end", OPTION_TIME}
};

/* derived: orders from these on count at the period's start and at its end */
#define CHURN_START_FROM	0
#define CHURN_END_FROM		1

static void
churn_derive(StateOptions *options)
{
	const Interval *inactive_after =
		&options->value[CHURN_INACTIVE_AFTER].interval;
	TimestampTz start = options->value[CHURN_PERIOD_START].time;
	TimestampTz end = options->value[CHURN_PERIOD_END].time;

	if (end <= start)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"period_end\" must be later than \"period_start\""),
				 errdetail("The period is from %s to %s.",
						   pstrdup(timestamptz_to_str(start)),
						   pstrdup(timestamptz_to_str(end)))));
	options->derived[CHURN_START_FROM] = utc_minus(start, inactive_after,
												   "inactive_after");
	options->derived[CHURN_END_FROM] = utc_minus(end, inactive_after,
												 "inactive_after");
}

static void
churn_merge(CustomerTable *table, void *into, const void *from,
			const char *from_base)
{
	((ChurnPayload *) into)->active |= ((const ChurnPayload *) from)->active;
}

static bool
churn_valid(const void *payload, const char *heap_base,
			const StateOptions *options)
{
	uint8		active = ((const ChurnPayload *) payload)->active;

	return active >= ACTIVE_AT_START &&
		active <= (ACTIVE_AT_START | ACTIVE_AT_END);
}

CUSTOMER_ABSORB(churn_absorb, churn_family)

/* Active at the start, and of these not at the end */
static CountedShare
count_churned(const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	CountedShare share = {(int64) customer_table_customers(table), 0, 0};
	ChurnPayload payload;

	while (customer_cursor_next(&cursor, &payload))
	{
		share.whole += (payload.active & ACTIVE_AT_START) != 0;
		share.part += payload.active == ACTIVE_AT_START;
	}
	return share;
}

COUNTED_SHARE(churn, churn_family, count_churned)

retention_internal const CustomerFamily churn_family = {
	.name = "churn_rate",
	.id = FAMILY_CHURN,
	.noptions = lengthof(churn_options),
	.options = churn_options,
	.derive = churn_derive,
	.payload_fields = STATE_FIELDS(FIELD(ChurnPayload, active, BYTE)),
	.payload_size = sizeof(ChurnPayload),
	.merge = churn_merge,
	.valid = churn_valid,
	.sealed = &sealed_churn_family,
	.seal = churn_seal,
	.absorb = churn_absorb
};

retention_internal const CustomerFamily sealed_churn_family = {
	.name = "sealed churn_rate",
	.id = FAMILY_SEALED_CHURN,
	.sealed_of = &churn_family,
	.noptions = lengthof(churn_options),
	.options = churn_options,
	.derive = churn_derive,
	COUNTED_SHARE_FIELDS
};

static inline bool
read_churn_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;
	const TimestampTz at = row->at;
	uint8		active = 0;

	if (at >= options->derived[CHURN_START_FROM] &&
		at < options->value[CHURN_PERIOD_START].time)
		active |= ACTIVE_AT_START;
	if (at >= options->derived[CHURN_END_FROM] &&
		at < options->value[CHURN_PERIOD_END].time)
		active |= ACTIVE_AT_END;
	((ChurnPayload *) payload)->active = active;
	/* a customer active at neither end is in no number of the result */
	return active != 0;
}

/*
 * churn_rate_transfn_<kind>(retention_state, customer, ordered_at,
 * inactive_after, period_start, period_end)
 */
STATE_TRANSITIONS(churn_rate_transfn, churn_family, TAKES_TIME, read_churn_row)

/*
 * churn_rate(retention_state) returns double precision
 *
 * Active at the start and not at the end / active at the start.
 */
PG_FUNCTION_INFO_V1(churn_rate);
Datum
churn_rate(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	const CountedShare share = churn_share(table, "churn_rate");

	return state_share(fcinfo, share.part, share.whole);
}

/*
 * churn_convert(rate double precision, periods double precision)
 *
 * The share lost over so many periods at a rate per period,
 * 1 - (1 - rate)^periods: 12 turns a monthly rate into a yearly one, 1/12.0 back.
 */
PG_FUNCTION_INFO_V1(churn_convert);
Datum
churn_convert(PG_FUNCTION_ARGS)
{
	double		rate = PG_GETARG_FLOAT8(0);
	double		periods = PG_GETARG_FLOAT8(1);

	check_double_range(rate, 0, 1, "rate");
	check_double_range(periods, 0, INFINITY, "periods");
	if (rate == 1)
		PG_RETURN_FLOAT8(periods > 0 ? 1 : 0);
	/* expm1 and log1p keep the digits of a small rate; + 0.0 makes -0 into 0 */
	PG_RETURN_FLOAT8(-expm1(periods * log1p(-rate)) + 0.0);
}

/* ------------------------------------------------------------------------
 * inactive_rate(customer, ordered_at, inactive_after, as_of)
 * ------------------------------------------------------------------------
 */
typedef struct InactivePayload
{
	uint8		active;			/* has an order in [as_of - inactive_after,
								 * as_of) */
} InactivePayload;

enum
{
	INACTIVE_AFTER,
	INACTIVE_AS_OF
};

static const OptionSpec inactive_options[] = {
	[INACTIVE_AFTER] = {"inactive_after", OPTION_INTERVAL, LEAST_PERIOD},
	[INACTIVE_AS_OF] = {"as_of", OPTION_TIME}
};

#define INACTIVE_ACTIVE_FROM	0	/* derived: as_of - inactive_after */

static void
inactive_derive(StateOptions *options)
{
	options->derived[INACTIVE_ACTIVE_FROM] =
		utc_minus(options->value[INACTIVE_AS_OF].time,
				  &options->value[INACTIVE_AFTER].interval, "inactive_after");
}

static void
inactive_merge(CustomerTable *table, void *into, const void *from,
			   const char *from_base)
{
	((InactivePayload *) into)->active |=
		((const InactivePayload *) from)->active;
}

static bool
inactive_valid(const void *payload, const char *heap_base,
			   const StateOptions *options)
{
	return ((const InactivePayload *) payload)->active <= 1;
}

CUSTOMER_ABSORB(inactive_absorb, inactive_family)

static CountedShare
count_inactive(const CustomerTable *table)
{
	const int64 customers = (int64) customer_table_customers(table);
	CustomerCursor cursor = {table, 0};
	CountedShare share = {customers, customers, customers};
	InactivePayload payload;

	while (customer_cursor_next(&cursor, &payload))
		share.part -= payload.active;
	return share;
}

COUNTED_SHARE(inactive, inactive_family, count_inactive)

retention_internal const CustomerFamily inactive_family = {
	.name = "inactive_rate",
	.id = FAMILY_INACTIVE,
	.noptions = lengthof(inactive_options),
	.options = inactive_options,
	.derive = inactive_derive,
	.payload_fields = STATE_FIELDS(FIELD(InactivePayload, active, BYTE)),
	.payload_size = sizeof(InactivePayload),
	.merge = inactive_merge,
	.valid = inactive_valid,
	.sealed = &sealed_inactive_family,
	.seal = inactive_seal,
	.absorb = inactive_absorb
};

retention_internal const CustomerFamily sealed_inactive_family = {
	.name = "sealed inactive_rate",
	.id = FAMILY_SEALED_INACTIVE,
	.sealed_of = &inactive_family,
	.noptions = lengthof(inactive_options),
	.options = inactive_options,
	.derive = inactive_derive,
	COUNTED_SHARE_FIELDS
};

static inline bool
read_inactive_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;

	if (row->at >= options->value[INACTIVE_AS_OF].time)
		return false;
	((InactivePayload *) payload)->active =
		row->at >= options->derived[INACTIVE_ACTIVE_FROM];
	return true;
}

/*
 * inactive_rate_transfn_<kind>(retention_state, customer, ordered_at,
 * inactive_after, as_of)
 */
STATE_TRANSITIONS(inactive_rate_transfn, inactive_family, TAKES_TIME,
				  read_inactive_row)

/*
 * inactive_rate(retention_state) returns double precision
 *
 * Lost customers / all customers with an order before as_of.
 */
PG_FUNCTION_INFO_V1(inactive_rate);
Datum
inactive_rate(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	const CountedShare share = inactive_share(table, "inactive_rate");

	return state_share(fcinfo, share.part, share.whole);
}

/* ------------------------------------------------------------------------
 * gross_revenue_retention and net_revenue_retention
 *		(customer, ordered_at, amount, period, as_of)
 * ------------------------------------------------------------------------
 */
typedef struct RevenuePayload
{
	Money		previous;		/* of [as_of - 2 * period, as_of - period) */
	Money		current;		/* of [as_of - period, as_of) */
} RevenuePayload;

enum
{
	REVENUE_PERIOD,
	REVENUE_AS_OF
};

static const OptionSpec revenue_options[] = {
	[REVENUE_PERIOD] = {"period", OPTION_INTERVAL, LEAST_PERIOD},
	[REVENUE_AS_OF] = {"as_of", OPTION_TIME}
};

/* derived: the starts of the previous and of the current period */
#define REVENUE_PREVIOUS_START	0
#define REVENUE_CURRENT_START	1

static void
revenue_derive(StateOptions *options)
{
	const Interval *period = &options->value[REVENUE_PERIOD].interval;
	TimestampTz as_of = options->value[REVENUE_AS_OF].time;
	Interval	two_periods;

	interval_twice(&two_periods, period, "period");
	options->derived[REVENUE_PREVIOUS_START] = utc_minus(as_of, &two_periods,
														 "period");
	options->derived[REVENUE_CURRENT_START] = utc_minus(as_of, period, "period");
}

static void
revenue_merge(CustomerTable *table, void *into, const void *from,
			  const char *from_base)
{
	RevenuePayload *a = into;
	const RevenuePayload *b = from;

	money_add(&table->heap, &a->previous, &b->previous, from_base);
	money_add(&table->heap, &a->current, &b->current, from_base);
}

CUSTOMER_ABSORB(revenue_absorb, revenue_retention_family)

/* Money of the customers who brought some in the previous period */
typedef struct RevenueSums
{
	int64		customers;		/* of the state, with any money or none */
	Money		previous;
	Money		kept_gross;		/* of the current period: at most what each
								 * brought in the previous one */
	Money		kept_net;		/* all of it */
} RevenueSums;

static void
sum_revenue(RevenueSums *sums, StateHeap *heap, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	RevenuePayload revenue;

	while (customer_cursor_next(&cursor, &revenue))
	{
		const char *base = table->heap.base;

		if (money_sign(&revenue.previous, base) <= 0)
			continue;
		money_add(heap, &sums->previous, &revenue.previous, base);
		money_add(heap, &sums->kept_net, &revenue.current, base);
		if (money_sign(&revenue.current, base) <= 0)
			continue;
		money_add(heap, &sums->kept_gross,
				  money_compare(&revenue.previous, base, &revenue.current, base) < 0 ?
				  &revenue.previous : &revenue.current, base);
	}
}

static void
revenue_seal(CustomerTable *table, SealedState *into)
{
	sum_revenue((RevenueSums *) into->totals, &into->table.heap, table);
}

static void
revenue_sums_merge(StateHeap *heap, void *into, const void *from,
				   const char *from_base)
{
	RevenueSums *a = into;
	const RevenueSums *b = from;

	add_count(&a->customers, b->customers, "customers");
	money_add(heap, &a->previous, &b->previous, from_base);
	money_add(heap, &a->kept_gross, &b->kept_gross, from_base);
	money_add(heap, &a->kept_net, &b->kept_net, from_base);
}

/* Nothing is kept of nothing, and gross never more than there was. */
static bool
revenue_sums_valid(const void *totals, const char *heap_base,
				   const StateOptions *options)
{
	const RevenueSums *sums = totals;

	if (money_is_none(&sums->previous))
		return money_is_none(&sums->kept_gross) && money_is_none(&sums->kept_net);
	return sums->customers > 0 && money_sign(&sums->previous, heap_base) > 0 &&
		(money_is_none(&sums->kept_gross) ||
		 (money_sign(&sums->kept_gross, heap_base) > 0 &&
		  money_compare(&sums->kept_gross, heap_base,
						&sums->previous, heap_base) <= 0));
}

retention_internal const CustomerFamily revenue_retention_family = {
	.name = "revenue_retention",
	.id = FAMILY_REVENUE_RETENTION,
	.noptions = lengthof(revenue_options),
	.options = revenue_options,
	.derive = revenue_derive,
	.payload_fields = STATE_FIELDS(FIELD(RevenuePayload, previous, MONEY),
								   FIELD(RevenuePayload, current, MONEY)),
	.payload_size = sizeof(RevenuePayload),
	.merge = revenue_merge,
	.sealed = &sealed_revenue_retention_family,
	.seal = revenue_seal,
	.absorb = revenue_absorb
};

retention_internal const CustomerFamily sealed_revenue_retention_family = {
	.name = "sealed revenue_retention",
	.id = FAMILY_SEALED_REVENUE_RETENTION,
	.sealed_of = &revenue_retention_family,
	.noptions = lengthof(revenue_options),
	.options = revenue_options,
	.derive = revenue_derive,
	.totals_fields = STATE_FIELDS(FIELD(RevenueSums, customers, COUNT),
								  FIELD(RevenueSums, previous, MONEY),
								  FIELD(RevenueSums, kept_gross, MONEY),
								  FIELD(RevenueSums, kept_net, MONEY)),
	.totals_size = sizeof(RevenueSums),
	.merge_totals = revenue_sums_merge,
	.valid = revenue_sums_valid
};

static inline bool
read_revenue_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;
	RevenuePayload *revenue = payload;
	const TimestampTz at = row->at;
	Money		amount;

	if (!row->known || at >= options->value[REVENUE_AS_OF].time ||
		at < options->derived[REVENUE_PREVIOUS_START])
		return false;
	*revenue = (RevenuePayload) {{0, 0}, {0, 0}};
	amount = order_row_amount(row, state_row_heap(update));
	if (at >= options->derived[REVENUE_CURRENT_START])
		revenue->current = amount;
	else
		revenue->previous = amount;
	return true;
}

/*
 * revenue_retention_transfn_<kind>(retention_state, customer, ordered_at,
 * amount, period, as_of)
 */
STATE_TRANSITIONS(revenue_retention_transfn, revenue_retention_family,
				  TAKES_TIME | TAKES_AMOUNT, read_revenue_row)

/*
 * The share of the previous period's money that its customers brought again:
 * at most what each of them brought then (gross), or all of it (net).
 */
static Datum
revenue_retention(FunctionCallInfo fcinfo, bool gross, const char *name)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	RevenueSums sums = {0};
	StateHeap	heap;
	const char *base;
	const Money *kept = gross ? &sums.kept_gross : &sums.kept_net;

	heap_init_scratch(&heap);
	if (state_is_sealed(table, &revenue_retention_family, name))
	{
		memcpy(&sums, table->totals, sizeof(sums));
		base = table->heap.base;
	}
	else
	{
		sum_revenue(&sums, &heap, table);
		base = heap.base;
	}
	if (money_is_none(&sums.previous))
		PG_RETURN_NULL();
	if (money_is_none(kept))
		PG_RETURN_FLOAT8(0);
	PG_RETURN_FLOAT8(money_ratio(money_numeric(kept, base),
								 money_numeric(&sums.previous, base)));
}

/*
 * gross_revenue_retention(retention_state) returns double precision
 */
PG_FUNCTION_INFO_V1(gross_revenue_retention);
Datum
gross_revenue_retention(PG_FUNCTION_ARGS)
{
	return revenue_retention(fcinfo, true, "gross_revenue_retention");
}

/*
 * net_revenue_retention(retention_state) returns double precision
 */
PG_FUNCTION_INFO_V1(net_revenue_retention);
Datum
net_revenue_retention(PG_FUNCTION_ARGS)
{
	return revenue_retention(fcinfo, false, "net_revenue_retention");
}
