/*
 * pending_customers.c
 *		What is every customer about to do? The events of a relation, a customer at a time.
 *
 * The server sorts them by customer, or reads an index that is; so no more than one
 * customer's cart is in memory.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "intent/pending_intent.h"
#include "tables/customer_call.h"

#include "base/checks.h"
#include "engine/customer_type.h"
#include "engine/key_io.h"
#include "funcapi.h"
#include "utils/builtins.h"

/* The columns of the query */
enum
{
	EVENT_CUSTOMER,
	EVENT_AT,
	EVENT_EVENT,
	EVENT_PRODUCT,
	EVENT_VALUE
};

/* A walk over events in the order of their customers. */
typedef struct PendingWalk
{
	CustomerCall call;
	KeyKind		kind;
	StateOptions options;
	bool		has_customer;
	CustomerKey key;			/* whose events these are */
	StateHeap	key_heap;		/* for it if it is long */
	PendingTotals totals;
	StateHeap	heap;			/* for their touches */
	StateHeap	row_heap;
} PendingWalk;

/* A heap that is used again and again, whatever context is current then */
static void
heap_init_lasting(StateHeap *heap)
{
	heap_init_scratch(heap);
	heap->grow(heap, 256);
}

/* The customer's row, in the context for rows. */
static void
end_customer(PendingWalk *walk)
{
	Datum		values[1 + PENDING_COLUMNS];
	bool		nulls[1 + PENDING_COLUMNS];

	values[0] = customer_key_datum(walk->kind, walk->key, walk->key_heap.base,
								   walk->call.customer_type);
	nulls[0] = false;
	pending_values(values + 1, nulls + 1, &walk->totals, walk->heap.base,
				   &walk->options);
	put_row(&walk->call, values, nulls);
}

/* Is it the customer under way? */
static bool
is_customer(PendingWalk *walk, Datum customer)
{
	CustomerKey key;

	walk->row_heap.used = 0;
	key = key_from_datum(walk->kind, customer, &walk->row_heap);
	return walk->has_customer &&
		compare_keys(walk->kind, key, walk->row_heap.base, walk->key,
					 walk->key_heap.base) == 0;
}

static void
begin_customer(PendingWalk *walk, Datum customer)
{
	walk->has_customer = true;
	walk->key_heap.used = 0;
	walk->key = key_from_datum(walk->kind, customer, &walk->key_heap);
	walk->totals = nothing_pending;
	walk->heap.used = 0;
}

static NullableDatum
column_of(const TupleTableSlot *row, int column)
{
	NullableDatum datum;

	datum.value = row->tts_values[column];
	datum.isnull = row->tts_isnull[column];
	return datum;
}

static void
take_event(TupleTableSlot *row, void *arg)
{
	PendingWalk *walk = arg;
	MemoryContext caller = MemoryContextSwitchTo(walk->call.row_context);
	const NullableDatum product = column_of(row, EVENT_PRODUCT);
	const NullableDatum value = column_of(row, EVENT_VALUE);
	const TimestampTz at = DatumGetTimestampTz(row->tts_values[EVENT_AT]);

	CHECK_FOR_INTERRUPTS();
	check_finite_time(at, "at");
	if (!is_customer(walk, row->tts_values[EVENT_CUSTOMER]))
	{
		if (walk->has_customer)
			end_customer(walk);
		begin_customer(walk, row->tts_values[EVENT_CUSTOMER]);
	}
	walk->row_heap.used = 0;
	pending_add(&walk->totals, &walk->heap, &walk->row_heap, &walk->options, at,
				cart_event_kind(DatumGetTextPP(row->tts_values[EVENT_EVENT])),
				&product, &value);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(walk->call.row_context);
}

/* A time of infinity is passed on, to be an error like everywhere. */
static char *
events_sql(const OrdersSource *source)
{
	return psprintf("SELECT %s, %s, %s, %s, %s FROM %s AS o "
					"WHERE %s IS NOT NULL AND %s IS NOT NULL AND "
					"(%s OPERATOR(pg_catalog.<) $1 OR NOT pg_catalog.isfinite(%s)) "
					"ORDER BY 1",
					source->customer, source->ordered_at, source->event,
					source->product ? source->product : "NULL::pg_catalog.text",
					source->amount ? source->amount : "NULL::pg_catalog.numeric",
					source->relation, source->customer, source->event,
					source->ordered_at, source->ordered_at);
}

static Interval
interval_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		reject_null(name);
	return *PG_GETARG_INTERVAL_P(argument);
}

/*
 * pending_customers(customer_type anyelement, events_table regclass,
 * customer_column name, at_column name, event_column name, product_column name,
 * value_column name, as_of timestamptz, within interval, grace interval,
 * expire interval, tz text)
 *
 * A row per customer with an event before as_of.
 */
PG_FUNCTION_INFO_V1(pending_customers);
Datum
pending_customers(PG_FUNCTION_ARGS)
{
	enum
	{
		CUSTOMER_TYPE, EVENTS_TABLE, CUSTOMER_COLUMN, AT_COLUMN, EVENT_COLUMN,
		PRODUCT_COLUMN, VALUE_COLUMN, AS_OF, WITHIN, GRACE, EXPIRE, TZ
	};
	PendingWalk walk;
	OrdersSource source;
	TimestampTz as_of;

	memset(&walk, 0, sizeof(walk));
	customer_call_init(&walk.call, fcinfo, NULL, NULL);
	walk.call.customer_type = get_fn_expr_argtype(fcinfo->flinfo, CUSTOMER_TYPE);
	as_of = time_arg(fcinfo, AS_OF, "as_of");
	walk.options.value[PENDING_AS_OF].time = as_of;
	walk.options.value[PENDING_WITHIN].interval = interval_arg(fcinfo, WITHIN, "within");
	walk.options.value[PENDING_GRACE].interval = interval_arg(fcinfo, GRACE, "grace");
	walk.options.value[PENDING_EXPIRE].interval = interval_arg(fcinfo, EXPIRE, "expire");
	family_derive_options(&pending_intent_family, &walk.options);
	events_source_init(&source, fcinfo, EVENTS_TABLE, TZ);
	walk.kind = source.kind;
	heap_init_lasting(&walk.key_heap);
	heap_init_lasting(&walk.heap);
	heap_init_lasting(&walk.row_heap);
	run_query(events_sql(&source), &as_of, 1, take_event, &walk);
	if (walk.has_customer)
	{
		MemoryContext caller = MemoryContextSwitchTo(walk.call.row_context);

		end_customer(&walk);
		MemoryContextSwitchTo(caller);
	}
	return (Datum) 0;
}
