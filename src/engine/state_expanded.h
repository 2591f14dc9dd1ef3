/*
 * state_expanded.h
 *		The expanded form of a state: an object in memory, and a batch of rows.
 *
 * An expanded object (utils/expandeddatum.h) in a context of its own beneath the
 * aggregate's: the same table as that of a flat value, in memory that can exceed
 * 1 GB, and a batch of rows not yet absorbed. Where it would exceed what the
 * server lets a hash table have, it goes to temporary files (state_memory.h). It
 * is packed flat when it leaves the aggregate, which is where the 1 GB limit of a
 * value applies.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_EXPANDED_H
#define RETENTION_STATE_EXPANDED_H

#include "base/compat.h"

#include "engine/customer_table.h"
#include "engine/row_batch.h"
#include "fmgr.h"
#include "utils/expandeddatum.h"

typedef struct ExpandedState
{
	ExpandedObjectHeader header;
	CustomerTable table;
	RowBatch	batch;
	bool		spill_decided;
	bool		may_spill;		/* to temporary files: see state_memory.h */
	StateOptions options;
	uint64		totals[MOST_PAYLOAD / sizeof(uint64)];
} ExpandedState;

extern retention_internal ExpandedState *expanded_create(MemoryContext parent,
														 const CustomerTable *from,
														 uint64 customers);
extern retention_internal void expanded_absorb_batch(ExpandedState *expanded);
extern retention_internal bool expanded_sort_waiting(ExpandedState *expanded);
extern retention_internal void expanded_rows_full(ExpandedState *expanded);
extern retention_internal void expanded_let_spill(ExpandedState *expanded,
												  FunctionCallInfo fcinfo);
extern retention_internal bool expanded_spill_to_merge(ExpandedState *expanded,
													   const CustomerTable *from);
extern retention_internal void expanded_finish(ExpandedState *expanded);

extern retention_internal ExpandedState *state_build_begin(const CustomerFamily *family,
														   KeyKind kind,
														   const StateOptions *options);
extern retention_internal Datum state_build_end(ExpandedState *expanded);
extern retention_internal retention_noreturn void reject_large_state(const CustomerTable *table,
																	 uint64 size);

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
		expanded_absorb_batch(expanded);
}

#endif							/* RETENTION_STATE_EXPANDED_H */
