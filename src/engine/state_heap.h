/*
 * state_heap.h
 *		The bytes of a state that do not fit its fixed-size parts.
 *
 * A state keeps fixed-size entries (see customer_table.h). What varies in size
 * lies in its heap as a block, and the entry keeps the block's offset: text
 * keys of more than 15 bytes, and sums of money beyond 36 digits. A block is
 *
 *		uint32 size		bytes in use
 *		uint32 room		bytes there are, at least size
 *		char   data[room]
 *
 * Nothing is aligned and offsets are relative to the heap, so that it can be
 * copied and moved as it is. Blocks are never freed one by one: what they leave
 * behind is counted in "dead", and goes when the heap is next rewritten.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_HEAP_H
#define RETENTION_STATE_HEAP_H

#include "base/compat.h"

#include "utils/memutils.h"

typedef struct StateHeap StateHeap;

struct StateHeap
{
	char	   *base;
	uint64		used;			/* bytes handed out so far */
	uint64		size;			/* bytes there are at base */
	uint64		dead;			/* bytes of "used" that nothing points at */

	/* makes size at least "needed"; may move base (and whatever holds it) */
	void		(*grow) (StateHeap *heap, uint64 needed);
};

#define HEAP_BLOCK_HEADER	(2 * sizeof(uint32))

/* The offset of a list that has no block, being empty. */
#define HEAP_NO_BLOCK		PG_UINT64_MAX

static inline uint32
heap_block_size(const char *base, uint64 offset)
{
	uint32		size;

	memcpy(&size, base + offset, sizeof(size));
	return size;
}

static inline uint32
heap_block_room(const char *base, uint64 offset)
{
	uint32		room;

	memcpy(&room, base + offset + sizeof(uint32), sizeof(room));
	return room;
}

static inline const char *
heap_block_data(const char *base, uint64 offset)
{
	return base + offset + HEAP_BLOCK_HEADER;
}

/* The bytes of a list, which may be empty. */
static inline uint32
heap_list_size(const char *base, uint64 offset)
{
	return offset == HEAP_NO_BLOCK ? 0 : heap_block_size(base, offset);
}

extern retention_internal void heap_init_scratch(StateHeap *heap);
extern retention_internal uint64 heap_add_block(StateHeap *heap,
												const char *data, uint32 size,
												uint32 room);
extern retention_internal uint64 heap_replace_block(StateHeap *heap,
													uint64 offset,
													const char *data,
													uint32 size);

extern retention_internal uint64 heap_splice_block(StateHeap *heap,
												   uint64 offset, uint32 at,
												   uint32 removed,
												   const char *data,
												   uint32 size);

/* The bytes of a block that grows by appending stop here. */
#define MOST_BLOCK_SIZE		(MaxAllocSize / 2)

extern retention_internal bool heap_append(StateHeap *heap, uint64 *block,
										   const char *data, uint32 size,
										   uint32 room);

/* Asks for the head of a block, and its end if it is short; there may be none. */
static inline void
heap_prefetch(const char *base, uint64 offset)
{
	if (offset == HEAP_NO_BLOCK)
		return;
	__builtin_prefetch(base + offset, 1, 2);
	__builtin_prefetch(base + offset + 64, 1, 2);
}

/* Would it be worth to rewrite it, once that many bytes are dead? */
static inline bool
heap_wants_rewriting(const StateHeap *heap, uint64 limit)
{
	return heap->dead > limit && heap->dead > heap->used / 2;
}

/* Frees what heap_init_scratch's heap has allocated, if anything. */
static inline void
heap_free_scratch(StateHeap *heap)
{
	if (heap->base)
		pfree(heap->base);
}

/* The same block in another heap: its new offset, with no spare room. */
static inline uint64
heap_copy_block(StateHeap *into, const char *from_base, uint64 offset)
{
	uint32		size = heap_block_size(from_base, offset);

	return heap_add_block(into, heap_block_data(from_base, offset), size, size);
}

/* The bytes a block will take once copied by heap_copy_block. */
static inline uint64
heap_copied_size(const char *base, uint64 offset)
{
	return HEAP_BLOCK_HEADER + heap_block_size(base, offset);
}

#endif							/* RETENTION_STATE_HEAP_H */
