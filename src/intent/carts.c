/*
 * carts.c
 *		What became of a customer's carts: bought at once, bought after all, left behind.
 *
 * A cart opens when something is put into it or when a checkout begins. It ends with a
 * purchase, when the last product is taken out, or by silence: a cart that nobody has
 * touched for "expire" is lost. "grace" of silence makes it abandoned; that is remembered,
 * and whoever buys later is recovered. All of it follows from events before as_of, so a
 * cart that has ended never changes any more.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/intervals.h"
#include "intent/cart_events.h"
#include "utils/builtins.h"

/* ------------------------------------------------------------------------
 * The state
 * ------------------------------------------------------------------------
 */
enum
{
	CARTS_GRACE,
	CARTS_EXPIRE,
	CARTS_AS_OF
};

static const OptionSpec carts_options[] = {
	[CARTS_GRACE] = {"grace", OPTION_INTERVAL},
	[CARTS_EXPIRE] = {"expire", OPTION_INTERVAL},
	[CARTS_AS_OF] = {"as_of", OPTION_TIME}
};

/* state, at, event, product, value, and then the options */
#define ARG_AT				1
#define ARG_PRODUCT			3
#define ARG_VALUE			4
#define CARTS_FIRST_OPTION	5

static void
carts_derive(StateOptions *options)
{
	cart_check_longer(&options->value[CARTS_GRACE], "grace",
					  &options->value[CARTS_EXPIRE], "expire");
}

typedef struct CartsTotals
{
	uint64		events;			/* touches and purchases before as_of */
} CartsTotals;

static const CartsTotals no_carts = {EVENTS_NONE};

static void
carts_merge_totals(StateHeap *heap, void *into, const void *from,
				   const char *from_base)
{
	events_merge(heap, &((CartsTotals *) into)->events, from_base,
				 ((const CartsTotals *) from)->events);
}

static bool
carts_valid(const void *totals, const char *heap_base,
			const StateOptions *options)
{
	return cart_events_valid(((const CartsTotals *) totals)->events, heap_base,
							 DT_NOBEGIN, options->value[CARTS_AS_OF].time,
							 CART_PURCHASE);
}

retention_internal const CustomerFamily carts_family = {
	.name = "carts",
	.id = FAMILY_CARTS,
	.noptions = lengthof(carts_options),
	.options = carts_options,
	.derive = carts_derive,
	.totals_fields = STATE_FIELDS(FIELD(CartsTotals, events, EVENTS)),
	.totals_size = sizeof(CartsTotals),
	.totals_identity = &no_carts,
	.merge_totals = carts_merge_totals,
	.valid = carts_valid
};

/*
 * carts_transfn(retention_state, at timestamptz, event text, product text, value numeric,
 * grace interval, expire interval, as_of timestamptz)
 *
 * A row without a time or an event, or at or after as_of, is none. Views and other
 * activity tell nothing of a cart.
 */
PG_FUNCTION_INFO_V1(carts_transfn);
Datum
carts_transfn(PG_FUNCTION_ARGS)
{
	StateUpdate update;
	TimestampTz at;
	CartEventKind kind;
	StateHeap  *row_heap;
	CartsTotals sum;
	uint64		row;

	state_update_begin(&update, fcinfo, &carts_family, KEY_NONE,
					   CARTS_FIRST_OPTION, 0);
	if (!cart_event_read_kind(fcinfo, ARG_AT, &at, &kind) ||
		kind < CART_REMOVE ||
		at >= update.table->options->value[CARTS_AS_OF].time)
		return state_update_end(&update);
	row_heap = state_row_heap(&update);
	row = cart_event_keep(row_heap, at, kind, &fcinfo->args[ARG_PRODUCT],
						  &fcinfo->args[ARG_VALUE]);
	/* a copy, since a flat table moves if its heap grows */
	memcpy(&sum, update.table->totals, sizeof(sum));
	events_merge(&update.table->heap, &sum.events, row_heap->base, row);
	memcpy(update.table->totals, &sum, sizeof(sum));
	return state_update_end(&update);
}

/* ------------------------------------------------------------------------
 * A cart
 * ------------------------------------------------------------------------
 */
typedef enum CartStatus
{
	STATUS_OPEN,
	STATUS_ABANDONED,
	STATUS_CONVERTED,
	STATUS_RECOVERED,
	STATUS_EMPTIED,
	STATUS_LOST
} CartStatus;

static const char *const status_names[] = {
	[STATUS_OPEN] = "open",
	[STATUS_ABANDONED] = "abandoned",
	[STATUS_CONVERTED] = "converted",
	[STATUS_RECOVERED] = "recovered",
	[STATUS_EMPTIED] = "emptied",
	[STATUS_LOST] = "lost"
};

/* The walk over a customer's events, and the cart that is open in it. */
typedef struct CartWalk
{
	const StateOptions *options;
	ResultRows *rows;
	CartContent content;
	int64		carts;			/* so far, this one too */
	bool		is_open;
	TimestampTz started_at;
	TimestampTz last_touch_at;
	TimestampTz checkout_at;	/* DT_NOEND: none, as the next */
	TimestampTz abandoned_at;
} CartWalk;

/* The columns of cart_row */
enum
{
	ROW_CART_NUMBER,
	ROW_STARTED_AT,
	ROW_LAST_TOUCH_AT,
	ROW_CHECKOUT_AT,
	ROW_ITEMS,
	ROW_VALUE,
	ROW_ABANDONED_AT,
	ROW_PURCHASED_AT,
	ROW_ORDER_VALUE,
	ROW_STATUS,
	ROW_COLUMNS
};

static Datum
time_or_null(TimestampTz at, bool *isnull)
{
	*isnull = TIMESTAMP_IS_NOEND(at);
	return TimestampTzGetDatum(at);
}

/* The cart as a row; with the purchase that ended it, if one did. */
static void
end_cart(CartWalk *walk, CartStatus status, const CartEvent *purchase)
{
	const char *heap_base = walk->content.events->heap.base;
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS] = {false};

	values[ROW_CART_NUMBER] = Int32GetDatum((int32) walk->carts);
	values[ROW_STARTED_AT] = TimestampTzGetDatum(walk->started_at);
	values[ROW_LAST_TOUCH_AT] = TimestampTzGetDatum(walk->last_touch_at);
	values[ROW_CHECKOUT_AT] = time_or_null(walk->checkout_at,
										   &nulls[ROW_CHECKOUT_AT]);
	values[ROW_ITEMS] = Int64GetDatum(walk->content.items);
	values[ROW_VALUE] = numeric_or_null(cart_content_value(&walk->content),
										&nulls[ROW_VALUE]);
	values[ROW_ABANDONED_AT] = time_or_null(walk->abandoned_at,
											&nulls[ROW_ABANDONED_AT]);
	values[ROW_PURCHASED_AT] = time_or_null(purchase ? purchase->at : DT_NOEND,
											&nulls[ROW_PURCHASED_AT]);
	values[ROW_ORDER_VALUE] =
		numeric_or_null(purchase ? money_numeric(&purchase->value, heap_base) : NULL,
						&nulls[ROW_ORDER_VALUE]);
	values[ROW_STATUS] = CStringGetTextDatum(status_names[status]);
	result_rows_add(walk->rows, values, nulls);
	walk->is_open = false;
}

static void
open_cart(CartWalk *walk, TimestampTz at)
{
	if (walk->carts == MOST_RESULT_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("one customer has more than %lld carts",
						(long long) MOST_RESULT_ROWS),
				 errhint("Is the customer's key one that many share, such as 0 for guests? Leave it out with WHERE.")));
	walk->carts++;
	walk->is_open = true;
	walk->started_at = at;
	walk->checkout_at = DT_NOEND;
	walk->abandoned_at = DT_NOEND;
	cart_content_empty(&walk->content);
}

/* When a span of silence since the last touch is over; never beyond the calendar */
static TimestampTz
silent_until(const CartWalk *walk, int option)
{
	TimestampTz end;

	return utc_plus_fits(walk->last_touch_at,
						 &walk->options->value[option].interval, &end) ?
		end : DT_NOEND;
}

/*
 * The silence up to "at": a cart may have been abandoned in it, or lost. Months are not
 * equally long, so "expire" may be over a little before "grace"; then both are.
 */
static void
be_silent(CartWalk *walk, TimestampTz at)
{
	const TimestampTz lost_at = silent_until(walk, CARTS_EXPIRE);
	const TimestampTz abandoned_at = Min(silent_until(walk, CARTS_GRACE), lost_at);

	if (TIMESTAMP_IS_NOEND(walk->abandoned_at) && abandoned_at <= at)
		walk->abandoned_at = abandoned_at;
	if (lost_at <= at)
		end_cart(walk, STATUS_LOST, NULL);
}

static void
take_event(CartWalk *walk, const CartEvent *event)
{
	if (walk->is_open)
		be_silent(walk, event->at);
	if (event->kind == CART_PURCHASE)
	{
		if (walk->is_open)
			end_cart(walk, TIMESTAMP_IS_NOEND(walk->abandoned_at) ?
					 STATUS_CONVERTED : STATUS_RECOVERED, event);
		return;
	}
	if (!walk->is_open)
	{
		if (event->kind == CART_REMOVE)
			return;
		open_cart(walk, event->at);
	}
	walk->last_touch_at = event->at;
	if (event->kind == CART_CHECKOUT)
		walk->checkout_at = Min(walk->checkout_at, event->at);
	else if (cart_content_change(&walk->content, event))
		end_cart(walk, STATUS_EMPTIED, NULL);
}

/* The last cart, if nothing has ended it. */
static void
end_at_as_of(CartWalk *walk)
{
	const TimestampTz as_of = walk->options->value[CARTS_AS_OF].time;

	if (walk->is_open)
		be_silent(walk, as_of);
	if (walk->is_open)
		end_cart(walk, silent_until(walk, CARTS_GRACE) <= as_of ?
				 STATUS_ABANDONED : STATUS_OPEN, NULL);
}

/*
 * carts(retention_state) returns cart_row[]
 *
 * A row for every cart, in the order of time. NULL without one.
 */
PG_FUNCTION_INFO_V1(carts);
Datum
carts(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	CartsTotals totals;
	CartEvents	events;
	CartWalk	walk = {.options = table->options};
	ResultRows	rows;

	if (table->family != &carts_family)
		reject_state(table, "carts");
	memcpy(&totals, table->totals, sizeof(totals));
	cart_events_open(&events, table->heap.base, totals.events);
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	walk.rows = &rows;
	cart_content_init(&walk.content, &events);
	for (uint32 i = 0; i < events.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		take_event(&walk, &events.event[i]);
	}
	end_at_as_of(&walk);
	if (walk.carts == 0)
		PG_RETURN_NULL();
	return result_rows_array(&rows);
}
