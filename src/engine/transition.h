/*
 * transition.h
 *		The frame of every transition function: a state is opened, or made of
 *		the group's first row; a row is read into a payload; the payload is added.
 *
 * The state of an aggregate is a real SQL type, retention_state or one like it,
 * never "internal": so it can be stored, merged later (rollup), sent by a shard,
 * and run in parallel without serialise functions. A small one is flat, and changed
 * in place (state_flat.h); a larger one expanded (state_expanded.h).
 *
 * Support functions rely on nothing but their arguments and the state: no
 * fn_extra, no fn_expr, no settings, no session time zone, since distributed
 * executors call them with none of these.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_TRANSITION_H
#define RETENTION_TRANSITION_H

#include "base/compat.h"

#include "engine/history_state.h"
#include "engine/key_io.h"
#include "engine/order_row.h"
#include "engine/state_expanded.h"
#include "engine/state_flat.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "utils/timestamp.h"

/*
 * A state opened to change it.
 */
typedef struct StateUpdate
{
	CustomerTable *table;
	ExpandedState *expanded;	/* NULL: it is flat, and the table is flat's */
	FlatState	flat;
	StateHeap	row_heap;		/* flat: for this row's long key and money */
} StateUpdate;

extern retention_internal void state_update_open(StateUpdate *update,
												 FunctionCallInfo fcinfo,
												 const CustomerFamily *family,
												 KeyKind kind,
												 int first_option,
												 Size incoming);
extern retention_internal void state_update_new(StateUpdate *update,
												const CustomerFamily *family,
												KeyKind kind,
												const StateOptions *options);
extern retention_internal void state_expect_customers(StateUpdate *update,
													  uint64 customers);
extern retention_internal Datum state_update_close_flat(StateUpdate *update);
extern retention_internal void state_add_flat(StateUpdate *update,
											  const char *slot);
extern retention_internal void state_update_open_value(StateUpdate *update,
													   Datum value,
													   MemoryContext aggcontext,
													   Size incoming);
extern retention_internal retention_noreturn void reject_changed_option(const OptionSpec *spec);

/* The heap for what this row's key and payload point at. */
static inline StateHeap *
state_row_heap(StateUpdate *update)
{
	return update->expanded ? update->expanded->batch.row_heap : &update->row_heap;
}

/* Where the index of an expanded state's texts is to be; NULL: it is flat. */
static inline MemoryContext
state_texts_context(const StateUpdate *update)
{
	return update->expanded ? update->expanded->header.eoh_context : NULL;
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
		NullableDatum *arg = &fcinfo->args[first_option + i + spec->moved];

		if (unlikely(arg->isnull))
			reject_null(spec->name);
		if (unlikely(!option_is(spec, &options->value[i], arg->value)))
			reject_changed_option(spec);
	}
}

/*
 * Opens the state in argument 0, making it if this is the group's first row.
 * "incoming" says how many bytes are about to be added, if more than a row. The way
 * of nearly every row is short: an expanded state of this family.
 */
static pg_attribute_always_inline void
state_update_begin(StateUpdate *update, FunctionCallInfo fcinfo,
				   const CustomerFamily *family, KeyKind kind,
				   int first_option, Size incoming)
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
	state_update_open(update, fcinfo, family, kind, first_option, incoming);
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

		if (family->of_rows)
		{
			const HistoryRow *row = payload;

			loose_rows_add(&batch->rows, key, row->at, row->amount);
			if (unlikely(batch->rows.count == batch->rows.room))
				expanded_rows_full(update->expanded);
			return;
		}
		store_key(kind, slot, key);
		memcpy(slot + size, payload, family->payload_size);
		customer_table_prefetch(update->table, stride, key);
		if (++batch->count == ROW_BATCH)
			expanded_absorb_batch(update->expanded);
	}
	else
	{
		char		slot[sizeof(CustomerKey) + MOST_PAYLOAD];

		store_key(kind, slot, key);
		memcpy(slot + size, payload, family->payload_size);
		state_add_flat(update, slot);
	}
}

/*
 * How a family reads one row: adds to the totals, fills in the payload. Returns
 * false if the row adds no customer.
 */
typedef bool (*RowReader) (StateUpdate *update, const OrderRow *row,
						   void *payload);

/* The row as one that waits, of a family with of_rows whose state is expanded. */
static pg_attribute_always_inline void
waiting_row(HistoryRow *waiting, const OrderRow *row, StateHeap *heap)
{
	waiting->at = row->at;
	waiting->amount = row->known ? order_row_amount(row, heap) : (Money) {0, 0};
}

/*
 * A whole transition function: state, the arguments that "takes" says, options. A
 * row without a customer or a time is no row.
 */
static pg_attribute_always_inline Datum
state_transition(FunctionCallInfo fcinfo, const CustomerFamily *family,
				 KeyKind kind, int takes, RowReader read)
{
	StateUpdate update;
	OrderRow	row;
	uint64		payload[MOST_PAYLOAD / sizeof(uint64)];

	state_update_begin(&update, fcinfo, family, kind, row_arguments(takes), 0);
	if (!((takes & TAKES_CUSTOMER) && PG_ARGISNULL(1)) &&
		order_row_read(&row, fcinfo, takes))
	{
		StateHeap  *row_heap = state_row_heap(&update);
		uint64		row_heap_used = row_heap->used;

		if (read(&update, &row, payload))
			state_add(&update, family, kind,
					  key_from_datum(kind, PG_GETARG_DATUM(1), row_heap), payload);
		else
			row_heap->used = row_heap_used;
	}
	return state_update_end(&update);
}

/*
 * The rows of a history's customer that a family is to see, in the order of time.
 */
typedef struct CustomerRows
{
	HistoryReader *reader;
	int			takes;
} CustomerRows;

/*
 * The next row; false after the last. For a family that takes no amount, what is no
 * order is left out: refunds, and rows of zero.
 */
static pg_attribute_always_inline bool
customer_rows_next(CustomerRows *rows, OrderRow *row)
{
	HistoryRow	stored;

	while (history_next_row(rows->reader, &stored))
	{
		row->at = stored.at;
		row->known = !money_is_none(&stored.amount);
		row->is_argument = false;
		row->money = stored.amount;
		row->base = rows->reader->heap->base;
		if ((rows->takes & TAKES_AMOUNT) || !row->known ||
			money_is_positive(&row->money, row->base))
			return true;
	}
	return false;
}

/* At most so many are left. */
static inline uint64
customer_rows_left(const CustomerRows *rows)
{
	return rows->reader->rows_left;
}

/*
 * How a family may read a customer of a history at once, which is faster where a payload
 * has a block in the heap: fills in what the payloads of the rows would be, merged. It
 * need not read all rows. Returns false if there is no customer.
 */
typedef bool (*CustomerReader) (StateUpdate *update, CustomerRows *rows,
								void *payload);

static pg_attribute_always_inline void
state_add_of_history(StateUpdate *update, const CustomerFamily *family,
					 KeyKind kind, CustomerKey key, const StateHeap *heap,
					 const void *payload)
{
	if (key_is_long_text(kind, key))
		key.word[1] = LONG_TEXT_MARK |
			heap_copy_block(state_row_heap(update), heap->base,
							key_text_offset(key));
	state_add(update, family, kind, key, payload);
}

/*
 * Adds the rows of all customers of a history: those of one at once, or one by one.
 */
static pg_attribute_always_inline void
state_add_history(StateUpdate *update, const CustomerFamily *family,
				  KeyKind kind, KeyKind history_kind, int takes, RowReader read,
				  CustomerReader read_customer, const HistoryView *view)
{
	uint64		payload[MOST_PAYLOAD / sizeof(uint64)];
	HistoryReader reader;
	CustomerRows rows = {&reader, takes};
	StateHeap	heap;
	OrderRow	row;

	heap_init_scratch(&heap);
	history_reader_init(&reader, history_kind, view->run.records,
						view->run.size, &heap);
	while (history_next_customer(&reader, history_kind))
	{
		StateHeap  *row_heap = state_row_heap(update);
		uint64		row_heap_used = row_heap->used;

		CHECK_FOR_INTERRUPTS();
		if (read_customer)
		{
			if (read_customer(update, &rows, payload))
				state_add_of_history(update, family, kind, reader.key, &heap,
									 payload);
			else
				row_heap->used = row_heap_used;
		}
		/* or the rows of one that need not be read any more */
		while (customer_rows_next(&rows, &row))
		{
			if (read_customer)
				continue;
			row_heap = state_row_heap(update);
			row_heap_used = row_heap->used;
			if (read(update, &row, payload))
				state_add_of_history(update, family, kind, reader.key, &heap,
									 payload);
			else
				row_heap->used = row_heap_used;
		}
		heap.used = 0;
	}
	heap_free_scratch(&heap);
}

/* The same of a history of whatever type of customers. */
static pg_attribute_always_inline void
state_add_any_history(StateUpdate *update, const CustomerFamily *family,
					  bool has_customers, int takes, RowReader read,
					  CustomerReader read_customer, const HistoryView *view)
{
	state_expect_customers(update, view->run.customers);
	switch (view->kind)
	{
		case KEY_BIGINT:
			state_add_history(update, family,
							  has_customers ? KEY_BIGINT : KEY_NONE, KEY_BIGINT,
							  takes, read, read_customer, view);
			break;
		case KEY_TEXT:
			state_add_history(update, family,
							  has_customers ? KEY_TEXT : KEY_NONE, KEY_TEXT,
							  takes, read, read_customer, view);
			break;
		default:
			state_add_history(update, family,
							  has_customers ? KEY_UUID : KEY_NONE, KEY_UUID,
							  takes, read, read_customer, view);
			break;
	}
}

/*
 * The twin of a transition function: state, history, options. A family without
 * customers adds up the rows of all.
 */
static pg_attribute_always_inline Datum
state_transition_of_history(FunctionCallInfo fcinfo, const CustomerFamily *family,
							bool has_customers, int takes, RowReader read,
							CustomerReader read_customer)
{
	StateUpdate update;
	HistoryView view;
	KeyKind		kind;
	Size		incoming;

	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	history_open(&view, PG_GETARG_DATUM(1));
	kind = has_customers ? view.kind : KEY_NONE;
	incoming = view.run.customers * (key_size(kind) + family->payload_size);
	state_update_begin(&update, fcinfo, family, kind, 2, incoming);
	state_add_any_history(&update, family, has_customers, takes, read,
						  read_customer, &view);
	return state_update_end(&update);
}

#define STATE_TRANSITION(name, family, kind, takes, read) \
	PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		return state_transition(fcinfo, &family, kind, takes, read); \
	}

#define STATE_TRANSITION_OF_HISTORY(name, family, has_customers, takes, read, read_customer) \
	PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		return state_transition_of_history(fcinfo, &family, has_customers, takes, read, read_customer); \
	}

/*
 * Defines NAME_bigint, NAME_text and NAME_uuid, and NAME_history. "takes" is what the
 * aggregate takes beside the customer.
 */
#define STATE_TRANSITIONS(name, family, takes, read) \
	STATE_TRANSITIONS_AT_ONCE(name, family, takes, read, NULL)

/*
 * The same for a family that reads a customer of a history at once.
 */
#define STATE_TRANSITIONS_AT_ONCE(name, family, takes, read, read_customer) \
	STATE_TRANSITION(name##_bigint, family, KEY_BIGINT, TAKES_CUSTOMER | (takes), read) \
	STATE_TRANSITION(name##_text, family, KEY_TEXT, TAKES_CUSTOMER | (takes), read) \
	STATE_TRANSITION(name##_uuid, family, KEY_UUID, TAKES_CUSTOMER | (takes), read) \
	STATE_TRANSITION_OF_HISTORY(name##_history, family, true, takes, read, read_customer)

/*
 * The same for a family without customers: NAME and NAME_history.
 */
#define STATE_TRANSITIONS_OF_ALL(name, family, takes, read) \
	STATE_TRANSITION(name, family, KEY_NONE, takes, read) \
	STATE_TRANSITION_OF_HISTORY(name##_history, family, false, takes, read, NULL)

/*
 * Defines a function for table functions: the table of a history's customers, with
 * these options, in the current memory context.
 */
#define STATE_OF_HISTORY(name, family, takes, read) \
	static CustomerTable * \
	name(const HistoryView *view, const StateOptions *options) \
	{ \
		StateUpdate update; \
 \
		state_update_new(&update, &family, view->kind, options); \
		state_add_any_history(&update, &family, true, takes, read, NULL, view); \
		expanded_finish(update.expanded); \
		return update.table; \
	}

/*
 * Defines a family's absorb function.
 */
#define CUSTOMER_ABSORB(name, family) \
	static void \
	name(CustomerTable *table, const CustomerSource *source) \
	{ \
		customer_table_absorb(table, &family, source); \
	}

#endif							/* RETENTION_TRANSITION_H */
