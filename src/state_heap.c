/*
 * state_heap.c
 *		The bytes of a state that do not fit its fixed-size parts.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "state_heap.h"

#include "utils/memutils.h"

static void
grow_scratch(StateHeap *heap, uint64 needed)
{
	heap->size = Max(needed, heap->size + heap->size / 2);
	heap->base = heap->base == NULL ?
		MemoryContextAllocHuge(CurrentMemoryContext, heap->size) :
		repalloc_huge(heap->base, heap->size);
}

/* A heap in the current memory context, with nothing allocated until used. */
void
heap_init_scratch(StateHeap *heap)
{
	*heap = (StateHeap) {.grow = grow_scratch};
}

/*
 * Appends a block holding a copy of data and returns its offset. "data" must
 * not lie in this heap, which may move.
 */
uint64
heap_add_block(StateHeap *heap, const char *data, uint32 size, uint32 room)
{
	uint64		needed = heap->used + HEAP_BLOCK_HEADER + room;
	uint64		offset;

	if (needed > heap->size)
		heap->grow(heap, needed);
	offset = heap->used;
	memcpy(heap->base + offset, &size, sizeof(size));
	memcpy(heap->base + offset + sizeof(size), &room, sizeof(room));
	memcpy(heap->base + offset + HEAP_BLOCK_HEADER, data, size);
	memset(heap->base + offset + HEAP_BLOCK_HEADER + size, 0, room - size);
	heap->used = needed;
	return offset;
}

/*
 * Puts other data into a block, in place if it has the room, else in a new
 * block with some room to spare. Returns where the data is now.
 */
uint64
heap_replace_block(StateHeap *heap, uint64 offset, const char *data,
				   uint32 size)
{
	uint32		room = heap_block_room(heap->base, offset);

	if (size > room)
	{
		heap->dead += HEAP_BLOCK_HEADER + room;
		return heap_add_block(heap, data, size, size + size / 2);
	}
	memcpy(heap->base + offset, &size, sizeof(size));
	memcpy(heap->base + offset + HEAP_BLOCK_HEADER, data, size);
	return offset;
}
