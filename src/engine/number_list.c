/*
 * number_list.c
 *		The texts of a customer as a list of their numbers.
 *
 * In the block each is its instant, eight bytes, if they are dated, and its number, four.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/number_list.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MOST_ITEM	(sizeof(TimestampTz) + sizeof(uint32))

static inline uint32
item_size(bool is_dated)
{
	return is_dated ? MOST_ITEM : sizeof(uint32);
}

static inline DatedNumber
item_at(const char *at, bool is_dated)
{
	DatedNumber item = {0, 0};

	if (is_dated)
	{
		memcpy(&item.at, at, sizeof(item.at));
		at += sizeof(item.at);
	}
	memcpy(&item.number, at, sizeof(item.number));
	return item;
}

static inline void
put_item(char *at, bool is_dated, const DatedNumber *item)
{
	if (is_dated)
	{
		memcpy(at, &item->at, sizeof(item->at));
		at += sizeof(item->at);
	}
	memcpy(at, &item->number, sizeof(item->number));
}

static inline uint32
items_of(const char *base, bool is_dated, uint64 offset)
{
	return heap_list_size(base, offset) / item_size(is_dated);
}

/* A list of one */
uint64
number_list_create(StateHeap *heap, bool is_dated, TimestampTz at, uint32 number)
{
	const DatedNumber item = {at, number};
	char		bytes[MOST_ITEM];

	put_item(bytes, is_dated, &item);
	return heap_add_block(heap, bytes, item_size(is_dated), item_size(is_dated));
}

static void
reject_size(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the rows of one customer or basket take more than %zu MB",
					MOST_BLOCK_SIZE >> 20),
			 errhint("Is the key one that many share, such as 0 for guests? Leave it out with FILTER or WHERE.")));
}

/*
 * into += from, whose block is at from_base, in another heap than "into", and whose
 * numbers are to be others; NULL: the same.
 */
void
number_list_merge(StateHeap *heap, bool is_dated, uint64 *into,
				  const char *from_base, uint64 from, const uint32 *renumber)
{
	uint32		size;

	if (from == NUMBERS_NONE)
		return;
	size = heap_block_size(from_base, from);
	if (!heap_append(heap, into, heap_block_data(from_base, from), size, size))
		reject_size();
	if (renumber)
	{
		char	   *end = heap->base + *into + HEAP_BLOCK_HEADER +
			heap_block_size(heap->base, *into);
		char	   *at = end - size;

		for (; at < end; at += item_size(is_dated))
		{
			DatedNumber item = item_at(at, is_dated);

			item.number = renumber[item.number];
			put_item(at, is_dated, &item);
		}
	}
}

static int
compare_items(const void *a, const void *b)
{
	const DatedNumber *x = a;
	const DatedNumber *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* Reads a list, with other numbers if any are given, and sorts it. */
void
number_list_read(NumberList *list, bool is_dated, const char *base,
				 uint64 offset, const uint32 *renumber)
{
	const char *at;

	list->count = items_of(base, is_dated, offset);
	if (list->count == 0)
		return;
	list->item = array_reserve(list->item, &list->room, list->count,
							   sizeof(DatedNumber));
	at = heap_block_data(base, offset);
	for (uint32 i = 0; i < list->count; i++, at += item_size(is_dated))
	{
		list->item[i] = item_at(at, is_dated);
		if (renumber)
			list->item[i].number = renumber[list->item[i].number];
	}
	if (list->count > 1)
		qsort(list->item, list->count, sizeof(DatedNumber), compare_items);
}

/* Gives a list other numbers, and sorts it where it lies. */
void
number_list_renumber(char *base, bool is_dated, uint64 offset,
					 const uint32 *renumber)
{
	NumberList	list = {NULL};
	DatedNumber few;
	char	   *at;

	if (offset == NUMBERS_NONE)
		return;
	at = base + offset + HEAP_BLOCK_HEADER;
	if (items_of(base, is_dated, offset) == 1)
	{
		few = item_at(at, is_dated);
		few.number = renumber[few.number];
		put_item(at, is_dated, &few);
		return;
	}
	number_list_read(&list, is_dated, base, offset, renumber);
	for (uint32 i = 0; i < list.count; i++, at += item_size(is_dated))
		put_item(at, is_dated, &list.item[i]);
	if (list.item)
		pfree(list.item);
}

/* Notes which of so many numbers a list has; false if it has others. */
bool
number_list_use(const char *base, bool is_dated, uint64 offset, bool *used,
				uint32 count)
{
	const uint32 items = items_of(base, is_dated, offset);
	const char *at;

	if (items == 0)
		return true;
	at = heap_block_data(base, offset);
	for (uint32 i = 0; i < items; i++, at += item_size(is_dated))
	{
		const DatedNumber item = item_at(at, is_dated);

		if (item.number >= count)
			return false;
		used[item.number] = true;
	}
	return true;
}

/* As they lie there, which is sorted: only packed states are sent. */
void
number_list_send(StringInfo out, bool is_dated, const char *base, uint64 offset)
{
	const uint32 items = items_of(base, is_dated, offset);
	const char *at;

	pq_sendint32(out, items);
	if (items == 0)
		return;
	at = heap_block_data(base, offset);
	for (uint32 i = 0; i < items; i++, at += item_size(is_dated))
	{
		const DatedNumber item = item_at(at, is_dated);

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (is_dated)
			pq_sendint64(out, item.at);
		pq_sendint32(out, item.number);
	}
}

/* Raises an error for bytes that number_list_send cannot have written. */
uint64
number_list_receive(StringInfo in, bool is_dated, StateHeap *heap)
{
	const uint32 items = pq_getmsgint(in, sizeof(uint32));
	const uint32 size = item_size(is_dated);
	DatedNumber before = {MIN_TIMESTAMP, 0};
	bool		good = items <= (in->len - in->cursor) / size;
	char	   *bytes;
	uint64		offset;

	if (items == 0)
		return NUMBERS_NONE;
	if (good)
	{
		bytes = array_alloc(items, size);
		for (uint32 i = 0; good && i < items; i++)
		{
			DatedNumber item = {0, 0};

			if ((i & 0xFFFF) == 0)
				CHECK_FOR_INTERRUPTS();
			if (is_dated)
				item.at = pq_getmsgint64(in);
			item.number = pq_getmsgint(in, sizeof(uint32));
			good = IS_VALID_TIMESTAMP(item.at) &&
				(i == 0 || compare_items(&before, &item) <= 0);
			put_item(bytes + (Size) i * size, is_dated, &item);
			before = item;
		}
	}
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid retention state: bad list of texts")));
	if ((uint64) items * size > MOST_BLOCK_SIZE)
		reject_size();
	offset = heap_add_block(heap, bytes, items * size, items * size);
	pfree(bytes);
	return offset;
}
