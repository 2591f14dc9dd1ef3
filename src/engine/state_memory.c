/*
 * state_memory.c
 *		How much memory a state may take before it goes to temporary files.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_memory.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* Below it, temporary files would cost more than they spare. */
#define LEAST_MEMORY_LIMIT		((Size) 2 * 1024 * 1024)

/* A state that takes a smaller share of the memory is not written to files. */
#define SPILLED_SHARE			8

/* Rows that wait take this share of it. */
#define WAITING_SHARE			8

/* As much as the server lets its own hash tables have. */
static Size
memory_limit(void)
{
	return Max(get_hash_memory_limit(), LEAST_MEMORY_LIMIT);
}

/* A table that is written to files may always have this much. */
Size
memory_never_spilled(void)
{
	return memory_limit() / SPILLED_SHARE;
}

/* What all rows that wait to be sorted may take: as much again is their sorted copy. */
Size
memory_for_waiting(void)
{
	return memory_limit() / WAITING_SHARE;
}

/*
 * Would "slots" bytes of slots and "heap" bytes of heap, which a state is about
 * to take, exceed what all states of its aggregate may take together? "own" is
 * the state's context.
 */
static bool
exceeds_limit(MemoryContext own, Size slots, Size heap)
{
	Size		limit = memory_limit();
	Size		others;

	if (slots + heap <= limit / SPILLED_SHARE)
		return false;
	others = MemoryContextMemAllocated(MemoryContextGetParent(own), true) -
		MemoryContextMemAllocated(own, true);
	return slots + heap + others > limit;
}

/*
 * Would that many new customers, with "heap" bytes? Where the old memory is given
 * back only when the new is filled, both count.
 */
bool
memory_exceeded_by_rows(const CustomerTable *table, MemoryContext own,
						uint64 customers, uint64 heap)
{
	Size		slots = slots_size(table, table->nslots);
	Size		heap_size = table->heap.size;
	bool		slots_grow = table->used + customers > table->limit;
	bool		heap_grows = table->heap.used + heap > table->heap.size;

	if (likely(!slots_grow && !heap_grows))
		return false;

	/*
	 * a heap that is nothing beside the slots is not worth their way to a
	 * file
	 */
	if (!slots_grow && heap_size * 9 / 4 <= slots / SPILLED_SHARE)
		return false;
	return exceeds_limit(own,
						 slots_grow ?
						 slots + Max(slots * 3 / 2,
									 slots_size(table, table->used + customers) * 15 / 8) :
						 slots,
						 heap_grows ?
						 heap_size + Max(heap_size * 5 / 4, table->heap.used + heap) :
						 heap_size);
}

/* Would another table's customers? */
bool
memory_exceeded_by_merging(const CustomerTable *table, MemoryContext own,
						   const CustomerTable *from)
{
	/* what was too large alone is so together with others */
	return from->npartitions > 0 ||
		exceeds_limit(own, (table->used + from->used) * table->stride * 2,
					  table->heap.size + from->heap.used * 2);
}
