/*
 * state_heap.c
 *		The bytes of a state that do not fit its fixed-size parts.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_heap.h"

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

/*
 * Replaces "removed" bytes of a block, from "at" on, with others; in place if the
 * block has the room, else in a new one of twice the size. Returns where it is
 * now. "data" must not lie in this heap.
 */
uint64
heap_splice_block(StateHeap *heap, uint64 offset, uint32 at, uint32 removed,
				  const char *data, uint32 size)
{
	uint32		old_size = heap_block_size(heap->base, offset);
	uint32		room = heap_block_room(heap->base, offset);
	uint32		new_size = old_size - removed + size;
	char	   *block;

	if (new_size > room)
	{
		uint64		old = offset;
		uint64		needed = heap->used + HEAP_BLOCK_HEADER + new_size * UINT64CONST(2);

		if (needed > heap->size)
			heap->grow(heap, needed);
		heap->dead += HEAP_BLOCK_HEADER + room;
		room = new_size * 2;
		offset = heap->used;
		heap->used = needed;
		block = heap->base + offset;
		memcpy(block + sizeof(new_size), &room, sizeof(room));
		memset(block + HEAP_BLOCK_HEADER + new_size, 0, room - new_size);
		memcpy(block + HEAP_BLOCK_HEADER, heap_block_data(heap->base, old), at);
		memcpy(block + HEAP_BLOCK_HEADER + at + size,
			   heap_block_data(heap->base, old) + at + removed,
			   old_size - at - removed);
	}
	else
	{
		block = heap->base + offset;
		memmove(block + HEAP_BLOCK_HEADER + at + size,
				block + HEAP_BLOCK_HEADER + at + removed,
				old_size - at - removed);
	}
	memcpy(block, &new_size, sizeof(new_size));
	memcpy(block + HEAP_BLOCK_HEADER + at, data, size);
	return offset;
}

/*
 * Puts bytes of another heap behind those of a list's block; the first of them make the
 * block, with some room. False, and nothing has been done, if they would be too many.
 */
bool
heap_append(StateHeap *heap, uint64 *block, const char *data, uint32 size,
			uint32 room)
{
	const uint64 used = heap_list_size(heap->base, *block);

	if (used + size > MOST_BLOCK_SIZE)
		return false;
	*block = *block == HEAP_NO_BLOCK ?
		heap_add_block(heap, data, size, Max(size, room)) :
		heap_splice_block(heap, *block, (uint32) used, 0, data, size);
	return true;
}
