/*
 * instants.c
 *		All instants a customer ordered at.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/instants.h"

#include "libpq/pqformat.h"
#include "math/insertion_sort.h"
#include "miscadmin.h"
#include "port.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A new customer has room for some more. */
#define NEW_INSTANTS_ROOM	(4 * sizeof(TimestampTz))

uint64
instants_create(StateHeap *heap, TimestampTz at)
{
	return heap_add_block(heap, (const char *) &at, sizeof(at), sizeof(at));
}

static void
reject_size(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("one customer has more than %zu million orders",
					MOST_BLOCK_SIZE / sizeof(TimestampTz) / 1000000),
			 errhint("Is the customer's key one that many share, such as 0 for guests? Leave it out with FILTER or WHERE.")));
}

/* An empty list with room for so many. */
void
instant_list_begin(InstantList *list, uint64 most)
{
	list->count = 0;
	list->at = most <= lengthof(list->few) ? list->few :
		array_alloc(most, sizeof(TimestampTz));
}

/* The list as a block, or INSTANTS_NONE; its own memory is freed. */
uint64
instant_list_end(InstantList *list, StateHeap *heap)
{
	uint64		size = list->count * sizeof(TimestampTz);
	uint64		offset = INSTANTS_NONE;

	if (size > MOST_BLOCK_SIZE)
		reject_size();
	if (size > 0)
		offset = heap_add_block(heap, (const char *) list->at, size, size);
	if (list->at != list->few)
		pfree(list->at);
	return offset;
}

/* into += from, whose block is at from_base, in another heap than "into". */
void
instants_merge(StateHeap *heap, uint64 *into, const char *from_base, uint64 from)
{
	if (from != INSTANTS_NONE &&
		!heap_append(heap, into, heap_block_data(from_base, from),
					 heap_block_size(from_base, from), NEW_INSTANTS_ROOM))
		reject_size();
}

static int
compare_instants(const void *a, const void *b)
{
	TimestampTz x = *(const TimestampTz *) a;
	TimestampTz y = *(const TimestampTz *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

INSERTION_SORT(sort_few_instants, TimestampTz)

static void
sort_instants(TimestampTz *at, uint32 count)
{
	/* most have few, and many come in order */
	if (count > 32)
	{
		qsort(at, count, sizeof(TimestampTz), compare_instants);
		return;
	}
	sort_few_instants(at, count);
}

/* A customer's instants, from the first on. */
void
instants_sort(SortedInstants *sorted, const char *base, uint64 offset)
{
	sorted->count = heap_list_size(base, offset) / sizeof(TimestampTz);
	if (sorted->count == 0)
		return;
	sorted->at = array_reserve(sorted->at, &sorted->room, sorted->count,
							   sizeof(TimestampTz));
	memcpy(sorted->at, heap_block_data(base, offset),
		   (Size) sorted->count * sizeof(TimestampTz));
	sort_instants(sorted->at, sorted->count);
}

/* A sorted copy in another heap. */
uint64
instants_move(StateHeap *heap, const char *from_base, uint64 from)
{
	SortedInstants sorted = {0};
	uint32		size;
	uint64		offset;

	if (from == INSTANTS_NONE)
		return INSTANTS_NONE;
	size = heap_block_size(from_base, from);
	if (size == sizeof(TimestampTz))
		return heap_copy_block(heap, from_base, from);
	instants_sort(&sorted, from_base, from);
	offset = heap_add_block(heap, (const char *) sorted.at, size, size);
	pfree(sorted.at);
	return offset;
}

void
instants_send(StringInfo out, const char *base, uint64 offset)
{
	SortedInstants sorted = {0};

	instants_sort(&sorted, base, offset);
	pq_sendint32(out, sorted.count);
	for (uint32 i = 0; i < sorted.count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint64(out, sorted.at[i]);
	}
	if (sorted.at)
		pfree(sorted.at);
}

/* Raises an error for bytes that instants_send cannot have written. */
uint64
instants_receive(StringInfo in, StateHeap *heap)
{
	uint32		count = pq_getmsgint(in, sizeof(uint32));
	TimestampTz *at;
	uint64		offset;
	bool		good = true;

	if (count == 0)
		return INSTANTS_NONE;
	if (count > (in->len - in->cursor) / sizeof(int64))
		good = false;
	else
	{
		at = array_alloc(count, sizeof(TimestampTz));
		for (uint32 i = 0; i < count; i++)
		{
			if ((i & 0xFFFF) == 0)
				CHECK_FOR_INTERRUPTS();
			at[i] = pq_getmsgint64(in);
			good = good && IS_VALID_TIMESTAMP(at[i]) &&
				(i == 0 || at[i] >= at[i - 1]);
		}
	}
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid retention state: bad times of orders")));
	offset = heap_add_block(heap, (const char *) at,
							count * sizeof(TimestampTz),
							count * sizeof(TimestampTz));
	pfree(at);
	return offset;
}
