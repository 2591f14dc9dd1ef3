/*
 * repeat.c
 *		Do customers come back? Repeat rate and second order.
 *
 * Four measures that are often called the same, and differ in who counts:
 *
 *		repeat_rate(customer)
 *			customers with two rows or more, of all customers with a row.
 *			Young customers drag it down, since they had no time yet.
 *		repeat_rate(customer, ordered_at, period, as_of)
 *			customers with two orders or more in [as_of - period, as_of), of
 *			all who ever ordered before as_of.
 *		second_order_rate(customer, ordered_at, within, as_of)
 *			of the customers whose first order was at least "within" before as_of,
 *			those whose second came before first + within. Nobody is counted too
 *			young.
 *		repeat_survival(customer, ordered_at, as_of)
 *			the whole curve of the time to the second order, in which the young
 *			count for as long as they have been customers (see survival.h).
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "base/result_values.h"
#include "engine/intervals.h"
#include "engine/key_functions.h"
#include "engine/seal.h"
#include "measures/survival.h"
#include "utils/fmgrprotos.h"

/* ------------------------------------------------------------------------
 * repeat_rate(customer)
 * ------------------------------------------------------------------------
 */
typedef struct RepeatPayload
{
	uint32		rows;			/* of this customer; stays at its largest
								 * value */
} RepeatPayload;

typedef struct RepeatTotals
{
	int64		repeaters;		/* customers with two rows or more, kept up to
								 * date so that a window's every frame costs
								 * the same */
} RepeatTotals;

static inline bool
is_repeater(const RepeatPayload *payload)
{
	return payload->rows >= 2;
}

static void
repeat_merge(CustomerTable *table, void *into, const void *from,
			 const char *from_base)
{
	RepeatPayload *a = into;
	const RepeatPayload *b = from;
	bool		was_repeater = is_repeater(a);

	a->rows = a->rows > PG_UINT32_MAX - b->rows ? PG_UINT32_MAX :
		a->rows + b->rows;
	((RepeatTotals *) table->totals)->repeaters +=
		is_repeater(a) && !was_repeater;
}

static bool
repeat_valid(const void *payload, const char *heap_base,
			 const StateOptions *options)
{
	return ((const RepeatPayload *) payload)->rows > 0;
}

CUSTOMER_ABSORB(repeat_absorb, repeat_family)

static CountedShare
count_repeaters(const CustomerTable *table)
{
	const int64 customers = (int64) customer_table_customers(table);

	return (CountedShare) {customers, customers,
		((const RepeatTotals *) table->totals)->repeaters};
}

COUNTED_SHARE(repeat, repeat_family, count_repeaters)

retention_internal const CustomerFamily repeat_family = {
	.name = "repeat_rate(customer)",
	.id = FAMILY_REPEAT,
	.totals_fields = STATE_FIELDS(FIELD(RepeatTotals, repeaters, DERIVED)),
	.totals_size = sizeof(RepeatTotals),
	.payload_fields = STATE_FIELDS(FIELD(RepeatPayload, rows, UINT32)),
	.payload_size = sizeof(RepeatPayload),
	.merge = repeat_merge,
	.valid = repeat_valid,
	.sealed = &sealed_repeat_family,
	.seal = repeat_seal,
	.absorb = repeat_absorb
};

retention_internal const CustomerFamily sealed_repeat_family = {
	.name = "sealed repeat_rate(customer)",
	.id = FAMILY_SEALED_REPEAT,
	.sealed_of = &repeat_family,
	COUNTED_SHARE_FIELDS
};

static inline bool
read_repeat_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	((RepeatPayload *) payload)->rows = 1;
	return true;
}

/*
 * repeat_rate_transfn_<kind>(retention_state, customer)
 */
STATE_TRANSITIONS(repeat_rate_transfn, repeat_family, 0, read_repeat_row)

/*
 * Takes one row of a customer away again. Returns false if that cannot be told
 * from the state, since the count of rows has reached its largest value.
 */
static bool
remove_row(CustomerTable *table, CustomerKey key, const char *key_base)
{
	RepeatTotals *totals = table->totals;
	RepeatPayload payload;
	bool		found;
	char	   *slot = customer_table_find(table, table->kind, table->stride, key,
										   key_base, &found);
	char	   *at = slot + table->key_size;

	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("customer to remove is not in the state of repeat_rate"),
				 errdetail("The inverse transition function takes out rows that its transition function put in.")));
	memcpy(&payload, at, sizeof(payload));
	if (payload.rows == PG_UINT32_MAX)
		return false;
	totals->repeaters -= is_repeater(&payload);
	payload.rows--;
	totals->repeaters += is_repeater(&payload);
	memcpy(at, &payload, sizeof(payload));
	if (payload.rows == 0)
		customer_table_delete(table, slot);
	return true;
}

/*
 * repeat_rate_invfn_<kind>(retention_state, customer)
 *
 * The inverse transition of a sliding window frame; NULL asks the server to
 * add up the frame anew.
 */
static pg_attribute_always_inline Datum
repeat_rate_inverse(FunctionCallInfo fcinfo, KeyKind kind)
{
	StateUpdate update;
	StateHeap	key_heap;
	CustomerKey key;

	state_update_begin(&update, fcinfo, &repeat_family, kind, 2, 0);
	if (!PG_ARGISNULL(1))
	{
		if (update.expanded)
			expanded_absorb_batch(update.expanded);
		heap_init_scratch(&key_heap);
		key = key_from_datum(kind, PG_GETARG_DATUM(1), &key_heap);
		if (!remove_row(update.table, key, key_heap.base))
			PG_RETURN_NULL();
	}
	return state_update_end(&update);
}

KEY_FUNCTIONS(repeat_rate_invfn, repeat_rate_inverse)

/* ------------------------------------------------------------------------
 * repeat_rate(customer, ordered_at, period, as_of)
 * ------------------------------------------------------------------------
 */
typedef struct RepeatWindowPayload
{
	uint8		orders;			/* in the window: 0, 1, or 2 for more than one */
} RepeatWindowPayload;

enum
{
	REPEAT_WINDOW_PERIOD,
	REPEAT_WINDOW_AS_OF
};

static const OptionSpec repeat_window_options[] = {
	[REPEAT_WINDOW_PERIOD] = {"period", OPTION_INTERVAL, LEAST_PERIOD},
	[REPEAT_WINDOW_AS_OF] = {"as_of", OPTION_TIME}
};

#define REPEAT_WINDOW_START		0	/* derived: as_of - period */

static void
repeat_window_derive(StateOptions *options)
{
	options->derived[REPEAT_WINDOW_START] =
		utc_minus(options->value[REPEAT_WINDOW_AS_OF].time,
				  &options->value[REPEAT_WINDOW_PERIOD].interval, "period");
}

static void
repeat_window_merge(CustomerTable *table, void *into, const void *from,
					const char *from_base)
{
	RepeatWindowPayload *a = into;
	const RepeatWindowPayload *b = from;

	a->orders = Min(a->orders + b->orders, 2);
}

static bool
repeat_window_valid(const void *payload, const char *heap_base,
					const StateOptions *options)
{
	return ((const RepeatWindowPayload *) payload)->orders <= 2;
}

CUSTOMER_ABSORB(repeat_window_absorb, repeat_window_family)

static CountedShare
count_window_repeaters(const CustomerTable *table)
{
	const int64 customers = (int64) customer_table_customers(table);
	CustomerCursor cursor = {table, 0};
	CountedShare share = {customers, customers, 0};
	RepeatWindowPayload payload;

	while (customer_cursor_next(&cursor, &payload))
		share.part += payload.orders >= 2;
	return share;
}

COUNTED_SHARE(repeat_window, repeat_window_family, count_window_repeaters)

retention_internal const CustomerFamily repeat_window_family = {
	.name = "repeat_rate(customer, ordered_at, period, as_of)",
	.id = FAMILY_REPEAT_WINDOW,
	.noptions = lengthof(repeat_window_options),
	.options = repeat_window_options,
	.derive = repeat_window_derive,
	.payload_fields = STATE_FIELDS(FIELD(RepeatWindowPayload, orders, BYTE)),
	.payload_size = sizeof(RepeatWindowPayload),
	.merge = repeat_window_merge,
	.valid = repeat_window_valid,
	.sealed = &sealed_repeat_window_family,
	.seal = repeat_window_seal,
	.absorb = repeat_window_absorb
};

retention_internal const CustomerFamily sealed_repeat_window_family = {
	.name = "sealed repeat_rate(customer, ordered_at, period, as_of)",
	.id = FAMILY_SEALED_REPEAT_WINDOW,
	.sealed_of = &repeat_window_family,
	.noptions = lengthof(repeat_window_options),
	.options = repeat_window_options,
	.derive = repeat_window_derive,
	COUNTED_SHARE_FIELDS
};

static inline bool
read_repeat_window_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;

	if (row->at >= options->value[REPEAT_WINDOW_AS_OF].time)
		return false;
	((RepeatWindowPayload *) payload)->orders =
		row->at >= options->derived[REPEAT_WINDOW_START];
	return true;
}

/*
 * repeat_rate_window_transfn_<kind>(retention_state, customer, ordered_at,
 * period, as_of)
 */
STATE_TRANSITIONS(repeat_rate_window_transfn, repeat_window_family, TAKES_TIME,
				  read_repeat_window_row)

/*
 * repeat_rate(retention_state) returns double precision
 *
 * The final function of both forms, and the reader of their stored states:
 * repeaters / customers, NULL without customers.
 */
PG_FUNCTION_INFO_V1(repeat_rate);
Datum
repeat_rate(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	const bool	in_window = table->family == &repeat_window_family ||
		table->family == &sealed_repeat_window_family;
	const CountedShare share = in_window ?
		repeat_window_share(table, "repeat_rate") :
		repeat_share(table, "repeat_rate");

	return state_share(fcinfo, share.part, share.whole);
}

/* ------------------------------------------------------------------------
 * second_order_rate(customer, ordered_at, within, as_of)
 * ------------------------------------------------------------------------
 */
typedef struct TwoOrders
{
	TimestampTz first;			/* the customer's two earliest orders, */
	TimestampTz second;			/* infinity while there is none */
} TwoOrders;

static const TwoOrders no_orders = {DT_NOEND, DT_NOEND};

enum
{
	SECOND_ORDER_WITHIN,
	SECOND_ORDER_AS_OF
};

static const OptionSpec second_order_options[] = {
	[SECOND_ORDER_WITHIN] = {"within", OPTION_INTERVAL, LEAST_PERIOD},
	[SECOND_ORDER_AS_OF] = {"as_of", OPTION_TIME}
};

/* The two earliest of four. */
static void
two_orders_merge(CustomerTable *table, void *into, const void *from,
				 const char *from_base)
{
	TwoOrders  *a = into;
	const TwoOrders *b = from;
	TimestampTz later_first = Max(a->first, b->first);
	TimestampTz earlier_second = Min(a->second, b->second);

	a->first = Min(a->first, b->first);
	a->second = Min(later_first, earlier_second);
}

static bool
second_order_valid(const void *payload, const char *heap_base,
				   const StateOptions *options)
{
	const TwoOrders *orders = payload;

	return IS_VALID_TIMESTAMP(orders->first) &&
		(IS_VALID_TIMESTAMP(orders->second) ||
		 TIMESTAMP_IS_NOEND(orders->second)) &&
		orders->first <= orders->second &&
		orders->first < options->value[SECOND_ORDER_AS_OF].time;
}

CUSTOMER_ABSORB(second_order_absorb, second_order_family)

static CountedShare
count_second_orders(const CustomerTable *table)
{
	const Interval *within = &table->options->value[SECOND_ORDER_WITHIN].interval;
	const TimestampTz as_of = table->options->value[SECOND_ORDER_AS_OF].time;
	CustomerCursor cursor = {table, 0};
	CountedShare share = {(int64) customer_table_customers(table), 0, 0};
	TwoOrders	orders;

	while (customer_cursor_next(&cursor, &orders))
	{
		TimestampTz until;

		if (utc_plus_fits(orders.first, within, &until) && until <= as_of)
		{
			share.whole++;
			/* infinity, if there is none */
			share.part += orders.second < until;
		}
	}
	return share;
}

COUNTED_SHARE(second_order, second_order_family, count_second_orders)

retention_internal const CustomerFamily second_order_family = {
	.name = "second_order_rate",
	.id = FAMILY_SECOND_ORDER,
	.noptions = lengthof(second_order_options),
	.options = second_order_options,
	.payload_fields = STATE_FIELDS(FIELD(TwoOrders, first, INT64),
								   FIELD(TwoOrders, second, INT64)),
	.payload_size = sizeof(TwoOrders),
	.identity = &no_orders,
	.merge = two_orders_merge,
	.valid = second_order_valid,
	.sealed = &sealed_second_order_family,
	.seal = second_order_seal,
	.absorb = second_order_absorb
};

retention_internal const CustomerFamily sealed_second_order_family = {
	.name = "sealed second_order_rate",
	.id = FAMILY_SEALED_SECOND_ORDER,
	.sealed_of = &second_order_family,
	.noptions = lengthof(second_order_options),
	.options = second_order_options,
	COUNTED_SHARE_FIELDS
};

static inline bool
read_second_order_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;
	TwoOrders  *orders = payload;

	*orders = no_orders;
	orders->first = row->at;
	return row->at < options->value[SECOND_ORDER_AS_OF].time;
}

/*
 * second_order_rate_transfn_<kind>(retention_state, customer, ordered_at,
 * within, as_of)
 */
STATE_TRANSITIONS(second_order_rate_transfn, second_order_family, TAKES_TIME,
				  read_second_order_row)

/*
 * second_order_rate(retention_state) returns double precision
 */
PG_FUNCTION_INFO_V1(second_order_rate);
Datum
second_order_rate(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	const CountedShare share = second_order_share(table, "second_order_rate");

	return state_share(fcinfo, share.part, share.whole);
}

/* ------------------------------------------------------------------------
 * repeat_survival(customer, ordered_at, as_of)
 * ------------------------------------------------------------------------
 */
enum
{
	REPEAT_SURVIVAL_AS_OF
};

static const OptionSpec repeat_survival_options[] = {
	[REPEAT_SURVIVAL_AS_OF] = {"as_of", OPTION_TIME}
};

static bool
repeat_survival_valid(const void *payload, const char *heap_base,
					  const StateOptions *options)
{
	const TwoOrders *orders = payload;
	TimestampTz as_of = options->value[REPEAT_SURVIVAL_AS_OF].time;

	return IS_VALID_TIMESTAMP(orders->first) && orders->first < as_of &&
		orders->first <= orders->second &&
		(orders->second < as_of || TIMESTAMP_IS_NOEND(orders->second));
}

CUSTOMER_ABSORB(repeat_survival_absorb, repeat_survival_family)

/*
 * The time from the first to the second order, or, censored, to the last instant before
 * as_of: on the day that begins with as_of nobody was seen, so nobody is at risk of a
 * second order on it.
 */
static CustomerKey
time_to_second(const TwoOrders *orders, TimestampTz as_of, SurvivalCounts *counts)
{
	const bool	again = !TIMESTAMP_IS_NOEND(orders->second);

	*counts = survival_counts(again);
	return survival_key(whole_days(orders->first, again ? orders->second : as_of - 1));
}

static void
repeat_survival_seal(CustomerTable *table, SealedState *into)
{
	const TimestampTz as_of = table->options->value[REPEAT_SURVIVAL_AS_OF].time;
	CustomerCursor cursor = {table, 0};
	TwoOrders	orders;

	while (customer_cursor_next(&cursor, &orders))
	{
		SurvivalCounts counts;
		const CustomerKey time = time_to_second(&orders, as_of, &counts);

		sealed_add(into, time, &counts);
	}
}

CUSTOMER_ABSORB(sealed_repeat_survival_absorb, sealed_repeat_survival_family)

retention_internal const CustomerFamily repeat_survival_family = {
	.name = "repeat_survival",
	.id = FAMILY_REPEAT_SURVIVAL,
	.noptions = lengthof(repeat_survival_options),
	.options = repeat_survival_options,
	.payload_fields = STATE_FIELDS(FIELD(TwoOrders, first, INT64),
								   FIELD(TwoOrders, second, INT64)),
	.payload_size = sizeof(TwoOrders),
	.identity = &no_orders,
	.merge = two_orders_merge,
	.valid = repeat_survival_valid,
	.sealed = &sealed_repeat_survival_family,
	.seal = repeat_survival_seal,
	.absorb = repeat_survival_absorb
};

retention_internal const CustomerFamily sealed_repeat_survival_family = {
	.name = "sealed repeat_survival",
	.id = FAMILY_SEALED_REPEAT_SURVIVAL,
	.sealed_of = &repeat_survival_family,
	.noptions = lengthof(repeat_survival_options),
	.options = repeat_survival_options,
	SEALED_SURVIVAL_FIELDS,
	.absorb = sealed_repeat_survival_absorb
};

static inline bool
read_repeat_survival_row(StateUpdate *update, const OrderRow *row,
						 void *payload)
{
	const StateOptions *options = update->table->options;
	TwoOrders  *orders = payload;

	*orders = no_orders;
	orders->first = row->at;
	return row->at < options->value[REPEAT_SURVIVAL_AS_OF].time;
}

/*
 * repeat_survival_transfn_<kind>(retention_state, customer, ordered_at, as_of)
 */
STATE_TRANSITIONS(repeat_survival_transfn, repeat_survival_family, TAKES_TIME,
				  read_repeat_survival_row)

/*
 * repeat_survival(retention_state) returns survival
 *
 * NULL without customers.
 */
PG_FUNCTION_INFO_V1(repeat_survival);
Datum
repeat_survival(PG_FUNCTION_ARGS)
{
	static const StateOptions no_options;
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	CustomerCursor cursor = {table, 0};
	TwoOrders	orders;
	TimestampTz as_of;
	ExpandedState *survival;

	if (state_is_sealed(table, &repeat_survival_family, "repeat_survival"))
		return survival_of_sealed(fcinfo, table);
	if (customer_table_customers(table) == 0)
		PG_RETURN_NULL();
	as_of = table->options->value[REPEAT_SURVIVAL_AS_OF].time;
	survival = state_build_begin(&survival_family, KEY_BIGINT, &no_options);
	while (customer_cursor_next(&cursor, &orders))
	{
		SurvivalCounts counts;
		const CustomerKey time = time_to_second(&orders, as_of, &counts);

		state_build_add(survival, time, &counts);
	}
	return state_build_end(survival);
}
