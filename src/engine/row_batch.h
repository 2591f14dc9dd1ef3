/*
 * row_batch.h
 *		Rows of an expanded state that wait to be put into its table.
 *
 * Of most families a row waits as what it is to become, a slot of the table: its place
 * there is prefetched when it comes, and is in the cache when the batch is full.
 * Batches of 16, 64, 128 and 256 rows were measured; 64 is best.
 *
 * A family that keeps of a customer what varies in size has a costlier way for each row:
 * a block to find, to open and often to move. If it can make a payload of all rows of a
 * customer at once (CustomerFamily.of_rows), they wait as they are, and many more of
 * them; then they are sorted, and the table is written anew in the order of keys. They
 * take no more than a share of the memory that the server lets a hash table have, all
 * states of the process together. Where those are few beside the table's customers,
 * rows go the way of other families.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ROW_BATCH_H
#define RETENTION_ROW_BATCH_H

#include "base/compat.h"

#include "engine/customer_table.h"
#include "engine/history.h"

#define ROW_BATCH	64

typedef struct RowBatch
{
	uint64		count;
	char	   *slots;			/* ROW_BATCH of them */
	StateHeap	heap;			/* what they point at */
	LooseRows	rows;			/* of a family with of_rows */
	StateHeap  *row_heap;		/* for a row's long key and its amount */
	bool		stopped;		/* rows wait no longer than slots do */
	Size		counted;		/* memory of rows, as it is counted */
	MemoryContextCallback uncount;
} RowBatch;

extern retention_internal void row_batch_init(RowBatch *batch,
											  const CustomerTable *table);
extern retention_internal bool row_batch_grow(RowBatch *batch);
extern retention_internal void row_batch_give_back(RowBatch *batch);
extern retention_internal void row_batch_stop_waiting(RowBatch *batch);
extern retention_internal void row_batch_absorb_slots(RowBatch *batch,
													  CustomerTable *table);
extern retention_internal uint64 row_batch_sort(RowBatch *batch);
extern retention_internal void row_batch_absorb_rows(RowBatch *batch,
													 CustomerTable *table,
													 uint64 customers);
extern retention_internal void row_batch_absorb_few(RowBatch *batch,
													CustomerTable *table);

#endif							/* RETENTION_ROW_BATCH_H */
