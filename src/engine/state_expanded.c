/*
 * state_expanded.c
 *		The expanded form of a state: an object in memory, and a batch of rows.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_expanded.h"

#include "base/large_memory.h"
#include "engine/spill.h"
#include "engine/state_flat.h"
#include "engine/state_memory.h"
#include "nodes/execnodes.h"
#include "utils/datum.h"
#include "utils/memutils.h"

/* A heap with more dead bytes, and more dead than alive, is rewritten. */
#define HEAP_DEAD_LIMIT		(256 * 1024)

static ExpandedState *
state_of_expanded_table(CustomerTable *table)
{
	return (ExpandedState *) ((char *) table - offsetof(ExpandedState, table));
}

static void
expanded_new_slots(CustomerTable *table, uint64 nslots)
{
	uint64		size = slots_size(table, nslots);

	table->slots = MemoryContextAllocHuge(state_of_expanded_table(table)->header.eoh_context,
										  size);
	prefer_huge_pages(table->slots, size);
}

static void
expanded_free_slots(CustomerTable *table, char *slots)
{
	pfree(slots);
}

static const TableStorage expanded_storage = {
	expanded_new_slots,
	expanded_free_slots,
	spill_load,
	true
};

static void
expanded_grow_heap(StateHeap *heap, uint64 needed)
{
	heap->size = Max(needed, heap->size + heap->size / 4);
	heap->base = repalloc_huge(heap->base, heap->size);
}

static Size expanded_flat_size(ExpandedObjectHeader *header);
static void expanded_flatten_into(ExpandedObjectHeader *header, void *result,
								  Size allocated_size);

static const ExpandedObjectMethods expanded_methods = {
	expanded_flat_size,
	expanded_flatten_into
};

static void
expanded_init_heap(StateHeap *heap, uint64 size)
{
	heap->size = Max(size, 64);
	heap->base = MemoryContextAllocHuge(CurrentMemoryContext, heap->size);
	heap->used = 0;
	heap->grow = expanded_grow_heap;
}

/*
 * An expanded state that takes over the contents of a flat one, with room for
 * this many customers.
 */
ExpandedState *
expanded_create(MemoryContext parent, const CustomerTable *from,
				uint64 customers)
{
	MemoryContext context = AllocSetContextCreate(parent, "retention state",
												  ALLOCSET_START_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ExpandedState *expanded = palloc0(sizeof(ExpandedState));
	CustomerTable *table = &expanded->table;

	EOH_init_header(&expanded->header, &expanded_methods, context);
	customer_table_init(table, from->family, from->kind);
	table->storage = &expanded_storage;
	table->options = &expanded->options;
	table->totals = expanded->totals;
	memcpy(table->options, from->options, family_options_size(from->family));
	memcpy(table->totals, from->totals, from->family->totals_size);
	expanded_init_heap(&table->heap, from->heap.used);
	if (from->heap.used > 0)
		memcpy(table->heap.base, from->heap.base, from->heap.used);
	table->heap.used = from->heap.used;
	table->heap.dead = from->heap.dead;
	if (from->kind != KEY_NONE)
		customer_table_take_over(table, from, customers);
	expanded_init_heap(&expanded->batch.heap, 0);
	row_batch_init(&expanded->batch, table);
	MemoryContextSwitchTo(caller);
	return expanded;
}

static void
rewrite_heap(CustomerTable *table)
{
	StateHeap	fresh = {.grow = expanded_grow_heap};

	fresh.size = table->heap.size;
	fresh.base = MemoryContextAllocHuge(state_of_expanded_table(table)->header.eoh_context,
										fresh.size);
	customer_table_move_heap(table, &fresh);
	pfree(table->heap.base);
	table->heap = fresh;
}

static void
close_spilled_state(Datum expanded)
{
	spill_close(&((ExpandedState *) DatumGetPointer(expanded))->table);
}

/*
 * Lets a state go to temporary files where that helps: in an aggregate that
 * computes its result, and is not only a part that is to be sent on. The server calls
 * us back before it forgets the state.
 */
void
expanded_let_spill(ExpandedState *expanded, FunctionCallInfo fcinfo)
{
	if (expanded->spill_decided)
		return;
	expanded->spill_decided = true;
	if (fcinfo->context == NULL || !IsA(fcinfo->context, AggState) ||
		DO_AGGSPLIT_SKIPFINAL(((AggState *) fcinfo->context)->aggsplit))
		return;
	AggRegisterCallback(fcinfo, close_spilled_state, PointerGetDatum(expanded));
	expanded->may_spill = true;
}

static void
spill_state(ExpandedState *expanded)
{
	spill_table(&expanded->table, expanded->header.eoh_context,
				memory_never_spilled());
}

/*
 * If both tables were too much together, writes both to files, and returns true:
 * then they are merged.
 */
bool
expanded_spill_to_merge(ExpandedState *expanded, const CustomerTable *from)
{
	if (!expanded->may_spill ||
		!memory_exceeded_by_merging(&expanded->table,
									expanded->header.eoh_context, from))
		return false;
	spill_state(expanded);
	spill_other(&expanded->table, from);
	return true;
}

/* Customers and bytes of heap are about to come: are they too much in memory? */
static void
make_way(ExpandedState *expanded, uint64 customers, uint64 heap)
{
	if (expanded->table.npartitions > 0)
		elog(ERROR, "a row comes after the result was computed");
	if (expanded->may_spill &&
		memory_exceeded_by_rows(&expanded->table, expanded->header.eoh_context,
								customers, heap))
		spill_state(expanded);
}

/* A guess at the heap that a row takes, of families that keep rows waiting */
#define HEAP_OF_ROW		16

/* Of so many times as many customers a table is not written anew for rows. */
#define MANY_CUSTOMERS	2

/* As below, of rows that wait to be sorted. */
static void
absorb_rows(ExpandedState *expanded)
{
	RowBatch   *batch = &expanded->batch;
	const uint64 count = batch->rows.count;
	MemoryContext caller;
	uint64		customers;

	if (count <= ROW_BATCH ||
		expanded->table.used / MANY_CUSTOMERS > count)
	{
		make_way(expanded, count, count * HEAP_OF_ROW);
		row_batch_absorb_few(batch, &expanded->table);
		return;
	}
	caller = MemoryContextSwitchTo(expanded->header.eoh_context);
	customers = row_batch_sort(batch);
	make_way(expanded, customers, count * HEAP_OF_ROW);
	row_batch_absorb_rows(batch, &expanded->table, customers);
	MemoryContextSwitchTo(caller);
}

/*
 * Has the table's readers take the waiting rows from where they are, sorted. False if
 * they are few beside its customers, or it is in files.
 */
bool
expanded_sort_waiting(ExpandedState *expanded)
{
	CustomerTable *table = &expanded->table;
	RowBatch   *batch = &expanded->batch;
	MemoryContext caller;

	if (table->spill || table->npartitions > 0 || batch->count > 0 ||
		batch->rows.count <= ROW_BATCH || table->used > batch->rows.count)
		return false;
	caller = MemoryContextSwitchTo(expanded->header.eoh_context);
	loose_rows_sort(&batch->rows);
	MemoryContextSwitchTo(caller);
	table->waiting = &batch->rows;
	return true;
}

/* Puts the waiting rows into the table. */
void
expanded_absorb_batch(ExpandedState *expanded)
{
	CustomerTable *table = &expanded->table;
	RowBatch   *batch = &expanded->batch;

	table->waiting = NULL;
	if (batch->count > 0)
	{
		make_way(expanded, batch->count, batch->heap.used);
		row_batch_absorb_slots(batch, table);
	}
	else if (batch->rows.count > 0)
		absorb_rows(expanded);
	else
		return;
	if (heap_wants_rewriting(&table->heap, HEAP_DEAD_LIMIT))
		rewrite_heap(table);
}

/*
 * There is no room for another row to wait. Those that are few beside the table's
 * customers are no better off for having waited.
 */
void
expanded_rows_full(ExpandedState *expanded)
{
	RowBatch   *batch = &expanded->batch;
	const uint64 rows = batch->rows.count;

	if (row_batch_grow(batch))
		return;
	expanded_absorb_batch(expanded);
	if (expanded->table.used / MANY_CUSTOMERS > rows)
		row_batch_stop_waiting(batch);
}

/* No row comes any more: the table holds them all, and can be read. */
void
expanded_finish(ExpandedState *expanded)
{
	expanded_absorb_batch(expanded);
	row_batch_give_back(&expanded->batch);
	spill_finish(&expanded->table);
}

/*
 * This and the next work in the state's own memory context: the caller's may be
 * that of a sort's tuples, in which from PostgreSQL 17 on nothing can be freed.
 */
static Size
expanded_flat_size(ExpandedObjectHeader *header)
{
	ExpandedState *expanded = (ExpandedState *) header;
	MemoryContext caller = MemoryContextSwitchTo(header->eoh_context);
	uint64		size;

	expanded_finish(expanded);
	size = flat_packed_size(&expanded->table);
	if (size > MaxAllocSize)
		reject_large_state(&expanded->table, size);
	MemoryContextSwitchTo(caller);
	return size;
}

static void
expanded_flatten_into(ExpandedObjectHeader *header, void *result,
					  Size allocated_size)
{
	MemoryContext caller = MemoryContextSwitchTo(header->eoh_context);

	flat_pack(&((ExpandedState *) header)->table, result, allocated_size);
	MemoryContextSwitchTo(caller);
}

void
reject_large_state(const CustomerTable *table, uint64 size)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("state of %s with " UINT64_FORMAT " %ss takes " UINT64_FORMAT " bytes, more than the 1 GB a value can have",
					table->family->name, customer_table_customers(table),
					family_key_name(table->family), size),
			 table->family->large_hint ? errhint("%s", table->family->large_hint) :
			 errhint("Split it with GROUP BY on a part of the customer (such as customer_id %% 64), or let the aggregate return its result instead of its state.")));
}

/* ------------------------------------------------------------------------
 * Building a state outside an aggregate
 * ------------------------------------------------------------------------
 */

/*
 * A new state in the current memory context. The totals are zeros.
 */
ExpandedState *
state_build_begin(const CustomerFamily *family, KeyKind kind,
				  const StateOptions *options)
{
	uint64		totals[MOST_PAYLOAD / sizeof(uint64)] = {0};
	char		slots[sizeof(CustomerKey) + MOST_PAYLOAD];
	CustomerTable empty;

	/* an empty table, so that the expanded state can take over from it */
	customer_table_init(&empty, family, kind);
	memset(slots, 0xFF, sizeof(slots));
	empty.slots = slots;
	empty.options = unconstify(StateOptions *, options);
	empty.totals = totals;
	return expanded_create(CurrentMemoryContext, &empty, 0);
}

/* The state as a flat value in the current memory context. */
Datum
state_build_end(ExpandedState *expanded)
{
	Datum		result = datumCopy(EOHPGetRODatum(&expanded->header), false, -1);

	DeleteExpandedObject(EOHPGetRWDatum(&expanded->header));
	return result;
}
