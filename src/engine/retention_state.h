/*
 * retention_state.h
 *		The SQL type retention_state, and the frame of every aggregate on it.
 *
 * The state of an aggregate is a real SQL type, never "internal": so it can be
 * stored, merged later (rollup), sent by a shard, and run in parallel without
 * serialise functions. A value is in one of two forms:
 *
 * FLAT, a plain varlena, up to FLAT_LIMIT bytes while it is being built:
 *
 *		StateHeader | StateOptions, if the family has any | totals |
 *		slots[nslots + 1] | heap
 *
 * A transition function changes it in place and returns a larger copy when it
 * must grow. It needs no memory context: a GROUP BY with one context per group
 * would take quadratic time in the server's own accounting.
 *
 * EXPANDED, an expanded object (utils/expandeddatum.h) in a context of its own
 * beneath the aggregate's: the same table in memory that can exceed 1 GB, and
 * a batch of rows not yet absorbed. Where it would exceed what the server lets a
 * hash table have, it goes to temporary files (spill.h). It is packed flat when it
 * leaves the aggregate, which is where the 1 GB limit of a value applies.
 *
 * Support functions rely on nothing but their arguments and the state: no
 * fn_extra, no fn_expr, no settings, no session time zone, since distributed
 * executors call them with none of these.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RETENTION_STATE_H
#define RETENTION_RETENTION_STATE_H

#include "base/compat.h"

#include "base/checks.h"
#include "engine/customer_table.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"
#include "utils/expandeddatum.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/*
 * The batch of an expanded state: slots one after another, and a heap of their
 * own for what they point at. A row's place in the table is prefetched when it
 * comes, and is in the cache when the batch is full. Batches of 16, 64, 128 and
 * 256 rows were measured; 64 is best.
 */
#define ROW_BATCH	64

typedef struct RowBatch
{
	uint64		count;
	char	   *slots;			/* ROW_BATCH of them */
	StateHeap	heap;
} RowBatch;

typedef struct ExpandedState
{
	ExpandedObjectHeader header;
	CustomerTable table;
	RowBatch	batch;
	bool		spill_decided;
	bool		may_spill;		/* to temporary files: see spill.h */
	StateOptions options;
	uint64		totals[MOST_PAYLOAD / sizeof(uint64)];
} ExpandedState;

/*
 * A state opened by a transition function to add one row.
 */
typedef struct StateUpdate
{
	CustomerTable *table;
	ExpandedState *expanded;	/* NULL: flat, and the table is "flat" below */
	CustomerTable flat;
	void	   *image;			/* the flat value; may be replaced as it grows */
	StateHeap	row_heap;		/* flat: for this row's long key and money */
} StateUpdate;

extern retention_internal void state_update_open(StateUpdate *update,
												 FunctionCallInfo fcinfo,
												 const CustomerFamily *family,
												 KeyKind kind,
												 int first_option);
extern retention_internal Datum state_update_close_flat(StateUpdate *update);
extern retention_internal void state_absorb_batch(ExpandedState *expanded);
extern retention_internal void state_add_flat(StateUpdate *update,
											  const char *slot);
extern retention_internal retention_noreturn void reject_changed_option(const char *name);
extern retention_internal CustomerTable *state_read(FunctionCallInfo fcinfo,
													CustomerTable *view);
extern retention_internal TimestampTz state_as_of(const CustomerTable *table);
extern retention_internal retention_noreturn void reject_state(const CustomerTable *table,
											const char *wanted);

extern retention_internal ExpandedState *state_build_begin(const CustomerFamily *family,
														   KeyKind kind,
														   const StateOptions *options);
extern retention_internal Datum state_build_end(ExpandedState *expanded);
extern retention_internal Datum state_from_text(const char *text,
												const char *type);
extern retention_internal Datum state_from_message(StringInfo in,
												   const char *type);

/* The heap for what this row's key and payload point at. */
static inline StateHeap *
state_row_heap(StateUpdate *update)
{
	return update->expanded ? &update->expanded->batch.heap : &update->row_heap;
}

/*
 * Raises an error if an option argument is NULL or not what it was in the
 * group's first row.
 */
static pg_attribute_always_inline void
check_options(FunctionCallInfo fcinfo, const CustomerFamily *family,
			  const StateOptions *options, int first_option)
{
	for (int i = 0; i < family->noptions; i++)
	{
		const OptionSpec *spec = &family->options[i];
		NullableDatum *arg = &fcinfo->args[first_option + i];

		if (unlikely(arg->isnull))
			reject_null(spec->name);
		if (unlikely(!option_is(spec, &options->value[i], arg->value)))
			reject_changed_option(spec->name);
	}
}

/*
 * Opens the state in argument 0, making it if this is the group's first row.
 * The way of nearly every row is short: an expanded state of this family.
 */
static pg_attribute_always_inline void
state_update_begin(StateUpdate *update, FunctionCallInfo fcinfo,
				   const CustomerFamily *family, KeyKind kind,
				   int first_option)
{
	if (likely(fcinfo->context != NULL &&
			   (IsA(fcinfo->context, AggState) ||
				IsA(fcinfo->context, WindowAggState)) &&
			   !PG_ARGISNULL(0) &&
			   VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0)))))
	{
		ExpandedState *expanded = (ExpandedState *) DatumGetEOHP(PG_GETARG_DATUM(0));

		if (likely(expanded->table.family == family &&
				   expanded->table.kind == kind))
		{
			update->expanded = expanded;
			update->table = &expanded->table;
			check_options(fcinfo, family, &expanded->options, first_option);
			return;
		}
	}
	state_update_open(update, fcinfo, family, kind, first_option);
}

static pg_attribute_always_inline Datum
state_update_end(StateUpdate *update)
{
	if (likely(update->expanded != NULL))
		return EOHPGetRWDatum(&update->expanded->header);
	return state_update_close_flat(update);
}

/*
 * Adds a customer with one row's payload.
 */
static pg_attribute_always_inline void
state_add(StateUpdate *update, const CustomerFamily *family, KeyKind kind,
		  CustomerKey key, const void *payload)
{
	const int	size = key_size(kind);
	const int	stride = size + family->payload_size;

	if (likely(update->expanded != NULL))
	{
		RowBatch   *batch = &update->expanded->batch;
		char	   *slot = batch->slots + batch->count * stride;

		store_key(kind, slot, key);
		memcpy(slot + size, payload, family->payload_size);
		customer_table_prefetch(update->table, stride, key);
		if (++batch->count == ROW_BATCH)
			state_absorb_batch(update->expanded);
	}
	else
	{
		char		slot[sizeof(CustomerKey) + MOST_PAYLOAD];

		store_key(kind, slot, key);
		memcpy(slot + size, payload, family->payload_size);
		state_add_flat(update, slot);
	}
}

/* Adds a customer to a state being built. */
static inline void
state_build_add(ExpandedState *expanded, CustomerKey key, const void *payload)
{
	const CustomerTable *table = &expanded->table;
	RowBatch   *batch = &expanded->batch;
	char	   *slot = batch->slots + batch->count * table->stride;

	store_key(table->kind, slot, key);
	memcpy(slot + table->key_size, payload, table->family->payload_size);
	if (++batch->count == ROW_BATCH)
		state_absorb_batch(expanded);
}

/*
 * The customer argument of a transition function, always argument 1. A long
 * text's bytes go into the heap.
 */
static pg_attribute_always_inline CustomerKey
state_customer_key(FunctionCallInfo fcinfo, KeyKind kind, StateHeap *heap)
{
	if (kind == KEY_BIGINT)
		return key_from_bigint(PG_GETARG_INT64(1));
	if (kind == KEY_UUID)
		return key_from_16_bytes(PG_GETARG_UUID_P(1)->data);
	else
	{
		text	   *customer = PG_GETARG_TEXT_PP(1);

		return key_from_text(heap, VARDATA_ANY(customer),
							 VARSIZE_ANY_EXHDR(customer));
	}
}

/*
 * The ordered_at argument of a transition function, always argument 2. Returns
 * false if it is NULL.
 */
static inline bool
state_time_arg(FunctionCallInfo fcinfo, TimestampTz *ordered_at)
{
	if (PG_ARGISNULL(2))
		return false;
	*ordered_at = PG_GETARG_TIMESTAMPTZ(2);
	check_finite_time(*ordered_at, "ordered_at");
	return true;
}

/*
 * How a family reads the arguments of one row: adds to the totals, fills in the
 * payload. Returns false if the row adds no customer.
 */
typedef bool (*RowReader) (StateUpdate *update, FunctionCallInfo fcinfo,
						   void *payload);

/*
 * A whole transition function: state, customer, "read" 's arguments, options.
 * A row without a customer is no row.
 */
static pg_attribute_always_inline Datum
state_transition(FunctionCallInfo fcinfo, const CustomerFamily *family,
				 KeyKind kind, int first_option, RowReader read)
{
	StateUpdate update;
	uint64		payload[MOST_PAYLOAD / sizeof(uint64)];

	state_update_begin(&update, fcinfo, family, kind, first_option);
	if (!PG_ARGISNULL(1))
	{
		StateHeap  *row_heap = state_row_heap(&update);
		uint64		row_heap_used = row_heap->used;

		if (read(&update, fcinfo, payload))
			state_add(&update, family, kind,
					  state_customer_key(fcinfo, kind, row_heap), payload);
		else
			row_heap->used = row_heap_used;
	}
	return state_update_end(&update);
}

/*
 * A share of customers as a final function's result; NULL of none.
 */
static inline Datum
state_share(FunctionCallInfo fcinfo, int64 part, int64 whole)
{
	if (whole == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) part / (double) whole);
}

/*
 * Defines NAME_bigint, NAME_text and NAME_uuid.
 */
#define STATE_TRANSITION_OF_KIND(name, suffix, kind, family, first_option, read) \
	PG_FUNCTION_INFO_V1(name##_##suffix); \
	Datum \
	name##_##suffix(PG_FUNCTION_ARGS) \
	{ \
		return state_transition(fcinfo, &family, kind, first_option, read); \
	}

#define STATE_TRANSITIONS(name, family, first_option, read) \
	STATE_TRANSITION_OF_KIND(name, bigint, KEY_BIGINT, family, first_option, read) \
	STATE_TRANSITION_OF_KIND(name, text, KEY_TEXT, family, first_option, read) \
	STATE_TRANSITION_OF_KIND(name, uuid, KEY_UUID, family, first_option, read)

/*
 * Defines a family's absorb function.
 */
#define CUSTOMER_ABSORB(name, family) \
	static void \
	name(CustomerTable *table, const CustomerSource *source) \
	{ \
		customer_table_absorb(table, &family, source); \
	}

/*
 * All families, found by the id in their states. Here so that a stored state
 * can be read whatever made it.
 */
extern retention_internal const CustomerFamily repeat_family;
extern retention_internal const CustomerFamily repeat_window_family;
extern retention_internal const CustomerFamily second_order_family;
extern retention_internal const CustomerFamily churn_family;
extern retention_internal const CustomerFamily inactive_family;
extern retention_internal const CustomerFamily revenue_retention_family;
extern retention_internal const CustomerFamily aov_family;
extern retention_internal const CustomerFamily customer_value_family;
extern retention_internal const CustomerFamily clv_family;
extern retention_internal const CustomerFamily purchases_family;
extern retention_internal const CustomerFamily cohort_family;
extern retention_internal const CustomerFamily lifecycle_family;
extern retention_internal const CustomerFamily rolling_family;
extern retention_internal const CustomerFamily order_numbers_family;
extern retention_internal const CustomerFamily order_numbers_within_family;
extern retention_internal const CustomerFamily btyd_patterns_family;
extern retention_internal const CustomerFamily spend_patterns_family;
extern retention_internal const CustomerFamily purchase_days_family;
extern retention_internal const CustomerFamily purchase_summary_family;
extern retention_internal const CustomerFamily survival_family;
extern retention_internal const CustomerFamily repeat_survival_family;

#endif							/* RETENTION_RETENTION_STATE_H */
