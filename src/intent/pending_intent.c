/*
 * pending_intent.c
 *		What is a customer about to do right now? The most advanced of what they have begun
 *		and not bought.
 *
 * Of views, other activity and purchases only the last time counts, so nothing else is
 * kept of them; touches of the cart are kept one by one, since a cart is what its changes
 * have left in it.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "intent/pending_intent.h"

#include "engine/state_read.h"
#include "engine/transition.h"

#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/intervals.h"
#include "utils/builtins.h"

/* ------------------------------------------------------------------------
 * The state
 * ------------------------------------------------------------------------
 */
static const OptionSpec pending_options[] = {
	[PENDING_WITHIN] = {"within", OPTION_INTERVAL},
	[PENDING_GRACE] = {"grace", OPTION_INTERVAL},
	[PENDING_EXPIRE] = {"expire", OPTION_INTERVAL},
	[PENDING_AS_OF] = {"as_of", OPTION_TIME}
};

/* state, at, event, product, value, and then the options */
#define ARG_AT					1
#define ARG_PRODUCT				3
#define ARG_VALUE				4
#define PENDING_FIRST_OPTION	5

static void
pending_derive(StateOptions *options)
{
	cart_check_longer(&options->value[PENDING_GRACE], "grace",
					  &options->value[PENDING_EXPIRE], "expire");
	cart_check_longer(&options->value[PENDING_EXPIRE], "expire",
					  &options->value[PENDING_WITHIN], "within");
	options->derived[PENDING_START] =
		utc_minus(options->value[PENDING_AS_OF].time,
				  &options->value[PENDING_WITHIN].interval, "within");
}

const PendingTotals nothing_pending = {
	.other_at = DT_NOBEGIN,
	.view_at = DT_NOBEGIN,
	.purchase_at = DT_NOBEGIN,
	.touches = EVENTS_NONE
};

static void
pending_merge_totals(StateHeap *heap, void *into, const void *from,
					 const char *from_base)
{
	PendingTotals *a = into;
	const PendingTotals *b = from;

	a->other_at = Max(a->other_at, b->other_at);
	a->view_at = Max(a->view_at, b->view_at);
	a->purchase_at = Max(a->purchase_at, b->purchase_at);
	events_merge(heap, &a->touches, from_base, b->touches);
}

/* Is it a time from "start" on and before as_of, or none? */
static bool
is_seen(TimestampTz at, TimestampTz start, const StateOptions *options)
{
	return TIMESTAMP_IS_NOBEGIN(at) ||
		(IS_VALID_TIMESTAMP(at) && at >= start &&
		 at < options->value[PENDING_AS_OF].time);
}

static bool
pending_valid(const void *totals, const char *heap_base,
			  const StateOptions *options)
{
	const PendingTotals *all = totals;
	const TimestampTz start = options->derived[PENDING_START];

	return is_seen(all->other_at, MIN_TIMESTAMP, options) &&
		is_seen(all->view_at, start, options) &&
		is_seen(all->purchase_at, start, options) &&
		(all->touches == EVENTS_NONE ||
		 cart_events_valid(all->touches, heap_base, start,
						   options->value[PENDING_AS_OF].time, CART_CHECKOUT));
}

retention_internal const CustomerFamily pending_intent_family = {
	.name = "pending_intent",
	.id = FAMILY_PENDING_INTENT,
	.noptions = lengthof(pending_options),
	.options = pending_options,
	.derive = pending_derive,
	.totals_fields = STATE_FIELDS(FIELD(PendingTotals, other_at, INT64),
								  FIELD(PendingTotals, view_at, INT64),
								  FIELD(PendingTotals, purchase_at, INT64),
								  FIELD(PendingTotals, touches, EVENTS)),
	.totals_size = sizeof(PendingTotals),
	.totals_identity = &nothing_pending,
	.merge_totals = pending_merge_totals,
	.valid = pending_valid
};

/*
 * Adds an event of a time before as_of to what lies in "heap", by way of another heap
 * that is for one row.
 */
void
pending_add(PendingTotals *sum, StateHeap *heap, StateHeap *row_heap,
			const StateOptions *options, TimestampTz at, CartEventKind kind,
			const NullableDatum *product, const NullableDatum *value)
{
	PendingTotals row = nothing_pending;

	if (kind == CART_OTHER || at < options->derived[PENDING_START])
		row.other_at = at;
	else if (kind == CART_VIEW)
		row.view_at = at;
	else if (kind == CART_PURCHASE)
		row.purchase_at = at;
	else
		row.touches = cart_event_keep(row_heap, at, kind, product, value);
	pending_merge_totals(heap, sum, &row, row_heap->base);
}

/*
 * pending_intent_transfn(retention_state, at timestamptz, event text, product text, value
 * numeric, within interval, grace interval, expire interval, as_of timestamptz)
 *
 * A row without a time or an event, or at or after as_of, is none.
 */
PG_FUNCTION_INFO_V1(pending_intent_transfn);
Datum
pending_intent_transfn(PG_FUNCTION_ARGS)
{
	StateUpdate update;
	TimestampTz at;
	CartEventKind kind;
	PendingTotals sum;

	state_update_begin(&update, fcinfo, &pending_intent_family, KEY_NONE,
					   PENDING_FIRST_OPTION, 0);
	if (!cart_event_read_kind(fcinfo, ARG_AT, &at, &kind) ||
		at >= update.table->options->value[PENDING_AS_OF].time)
		return state_update_end(&update);
	/* a copy, since a flat table moves if its heap grows */
	memcpy(&sum, update.table->totals, sizeof(sum));
	pending_add(&sum, &update.table->heap, state_row_heap(&update),
				update.table->options, at, kind, &fcinfo->args[ARG_PRODUCT],
				&fcinfo->args[ARG_VALUE]);
	memcpy(update.table->totals, &sum, sizeof(sum));
	return state_update_end(&update);
}

/* ------------------------------------------------------------------------
 * The stage
 * ------------------------------------------------------------------------
 */

/* What the touches since the last purchase have left. */
typedef struct PendingCart
{
	CartContent content;
	bool		has_checkout;
	TimestampTz last_touch_at;	/* since then; DT_NOBEGIN: there was none */
	TimestampTz emptied_at;		/* likewise, as the next */
	TimestampTz vain_at;		/* taken out of a cart in which it was not */
} PendingCart;

static void
touch_cart(PendingCart *cart, const CartEvent *event,
		   const StateOptions *options)
{
	TimestampTz lost_at;

	if (!TIMESTAMP_IS_NOBEGIN(cart->last_touch_at) &&
		utc_plus_fits(cart->last_touch_at,
					  &options->value[PENDING_EXPIRE].interval, &lost_at) &&
		event->at >= lost_at)
	{
		cart_content_empty(&cart->content);
		cart->has_checkout = false;
	}
	cart->last_touch_at = event->at;
	if (event->kind == CART_CHECKOUT)
	{
		cart->has_checkout = true;
		return;
	}
	if (cart_content_change(&cart->content, event))
	{
		cart->has_checkout = false;
		cart->emptied_at = event->at;
	}
	else if (cart->content.items == 0 && !cart->has_checkout)
		cart->vain_at = event->at;
}

static void
read_cart(PendingCart *cart, const CartEvents *events, TimestampTz purchase_at,
		  const StateOptions *options)
{
	cart->has_checkout = false;
	cart->last_touch_at = DT_NOBEGIN;
	cart->emptied_at = DT_NOBEGIN;
	cart->vain_at = DT_NOBEGIN;
	cart_content_init(&cart->content, events);
	for (uint32 i = 0; i < events->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		/* of one instant, the purchase is the last */
		if (events->event[i].at > purchase_at)
			touch_cart(cart, &events->event[i], options);
	}
}

/* The columns of pending_intent_row */
enum
{
	ROW_STAGE,
	ROW_STAGE_AT,
	ROW_LAST_EVENT_AT,
	ROW_ITEMS,
	ROW_VALUE,
	ROW_IDLE_DAYS,
	ROW_IS_ABANDONED,
	ROW_IS_DEFINITIVE,
	ROW_COLUMNS
};

StaticAssertDecl(ROW_COLUMNS == PENDING_COLUMNS, "rows of one width");

/* The most advanced of what is left, and since when */
static const char *
stage_of(const PendingTotals *totals, const PendingCart *cart,
		 const StateOptions *options, TimestampTz *stage_at)
{
	const TimestampTz view_at = Max(totals->view_at, cart->emptied_at);
	const TimestampTz other_at =
		Max(totals->other_at >= options->derived[PENDING_START] ?
			totals->other_at : DT_NOBEGIN, cart->vain_at);

	*stage_at = cart->last_touch_at;
	if (cart->has_checkout)
		return "checkout";
	if (cart->content.items > 0)
		return "cart";
	*stage_at = view_at;
	if (view_at > totals->purchase_at)
		return "view";
	*stage_at = other_at;
	if (other_at > totals->purchase_at)
		return "browse";
	*stage_at = totals->purchase_at;
	return TIMESTAMP_IS_NOBEGIN(totals->purchase_at) ? "idle" : "purchased";
}

/* The last event of all, before the window too */
static TimestampTz
last_of_all(const PendingTotals *totals, const CartEvents *touches)
{
	TimestampTz last = Max(totals->other_at, totals->view_at);

	last = Max(last, totals->purchase_at);
	return touches->count == 0 ? last :
		Max(last, touches->event[touches->count - 1].at);
}

static Datum
time_or_null(TimestampTz at, bool *isnull)
{
	*isnull = TIMESTAMP_IS_NOBEGIN(at);
	return TimestampTzGetDatum(at);
}

/* Is a span of silence since the stage over? */
static bool
is_over(TimestampTz stage_at, const StateOptions *options, int option)
{
	TimestampTz end;

	return utc_plus_fits(stage_at, &options->value[option].interval, &end) &&
		end <= options->value[PENDING_AS_OF].time;
}

/* The columns of pending_intent_row, PENDING_COLUMNS of them */
void
pending_values(Datum *values, bool *nulls, const PendingTotals *totals,
			   const char *heap_base, const StateOptions *options)
{
	CartEvents	events;
	PendingCart cart;
	TimestampTz stage_at;
	const char *stage;
	bool		is_cart;
	bool		is_idle;

	cart_events_open(&events, heap_base, totals->touches);
	read_cart(&cart, &events, totals->purchase_at, options);
	stage = stage_of(totals, &cart, options, &stage_at);
	is_cart = cart.has_checkout || cart.content.items > 0;
	is_idle = TIMESTAMP_IS_NOBEGIN(stage_at);
	memset(nulls, 0, PENDING_COLUMNS * sizeof(bool));

	values[ROW_STAGE] = CStringGetTextDatum(stage);
	values[ROW_STAGE_AT] = time_or_null(stage_at, &nulls[ROW_STAGE_AT]);
	values[ROW_LAST_EVENT_AT] = time_or_null(last_of_all(totals, &events),
											 &nulls[ROW_LAST_EVENT_AT]);
	values[ROW_ITEMS] = Int64GetDatum(cart.content.items);
	values[ROW_VALUE] =
		numeric_or_null(is_cart ? cart_content_value(&cart.content) : NULL,
						&nulls[ROW_VALUE]);
	values[ROW_IDLE_DAYS] =
		float8_or_null(!is_idle, is_idle ? 0 :
					   days_between(stage_at, options->value[PENDING_AS_OF].time),
					   &nulls[ROW_IDLE_DAYS]);
	values[ROW_IS_ABANDONED] = BoolGetDatum(is_cart &&
											is_over(stage_at, options, PENDING_GRACE));
	values[ROW_IS_DEFINITIVE] = BoolGetDatum(is_cart &&
											 is_over(stage_at, options, PENDING_EXPIRE));
}

static Datum
pending_row(FunctionCallInfo fcinfo, const PendingTotals *totals,
			const char *heap_base, const StateOptions *options)
{
	Datum		values[PENDING_COLUMNS];
	bool		nulls[PENDING_COLUMNS];

	pending_values(values, nulls, totals, heap_base, options);
	return result_row(fcinfo, values, nulls);
}

/*
 * pending_intent(retention_state) returns pending_intent_row
 *
 * Stage idle where nothing has happened in the window.
 */
PG_FUNCTION_INFO_V1(pending_intent);
Datum
pending_intent(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	PendingTotals totals;

	if (table->family != &pending_intent_family)
		reject_state(table, "pending_intent");
	memcpy(&totals, table->totals, sizeof(totals));
	return pending_row(fcinfo, &totals, table->heap.base, table->options);
}

/*
 * pending_intent_finalfn(retention_state) returns pending_intent_row
 *
 * The same; of no rows at all, too, so that a page of the shop has one way for every
 * visitor.
 */
PG_FUNCTION_INFO_V1(pending_intent_finalfn);
Datum
pending_intent_finalfn(PG_FUNCTION_ARGS)
{
	static const StateOptions no_options;

	if (!PG_ARGISNULL(0))
		return pending_intent(fcinfo);
	return pending_row(fcinfo, &nothing_pending, NULL, &no_options);
}
