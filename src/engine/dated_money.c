/*
 * dated_money.c
 *		Money with the instants it came at.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/dated_money.h"

#include "base/bytes.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A new customer has room for some more. */
#define NEW_ROOM	48

/* into += from, whose block is at from_base, in another heap than "into". */
void
dated_money_merge(StateHeap *heap, uint64 *into, const char *from_base,
				  uint64 from)
{
	if (from != DATED_MONEY_NONE &&
		!heap_append(heap, into, heap_block_data(from_base, from),
					 heap_block_size(from_base, from), NEW_ROOM))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the amounts of one customer take more than %zu MB",
						MOST_BLOCK_SIZE >> 20),
				 errhint("Is the customer's key one that many share, such as 0 for guests? Leave it out with FILTER or WHERE.")));
}

/* ------------------------------------------------------------------------
 * In the order of time
 * ------------------------------------------------------------------------
 */
typedef struct DatedEntry
{
	TimestampTz at;
	const char *bytes;
	uint32		size;
} DatedEntry;

/* Of one instant in the order of their bytes: one sequence for one set of rows */
static int
compare_entries(const void *a, const void *b)
{
	const DatedEntry *x = a;
	const DatedEntry *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return compare_bytes(x->bytes, x->size, y->bytes, y->size);
}

/* The entries of a block, sorted; NULL of none. */
static DatedEntry *
sorted_entries(const char *base, uint64 offset, uint32 *count)
{
	TimelineReader reader;
	DatedEntry *entries;
	uint32		n = 0;

	*count = 0;
	timeline_open(&reader, base, offset);
	while (dated_money_next(&reader))
		(*count)++;
	if (*count == 0)
		return NULL;
	entries = array_alloc(*count, sizeof(DatedEntry));
	timeline_open(&reader, base, offset);
	while (dated_money_next(&reader))
		entries[n++] = (DatedEntry) {
			.at = reader.position,
			.bytes = (const char *) reader.start,
			.size = reader.at - reader.start
		};
	if (n > 1)
		qsort(entries, n, sizeof(DatedEntry), compare_entries);
	return entries;
}

/* A sorted copy in another heap. */
uint64
dated_money_move(StateHeap *heap, const char *from_base, uint64 from)
{
	uint32		count;
	DatedEntry *entries = sorted_entries(from_base, from, &count);
	uint64		offset;
	char	   *at;

	/* a copy of this size, whose bytes then change places */
	offset = heap_copy_block(heap, from_base, from);
	at = unconstify(char *, heap_block_data(heap->base, offset));
	for (uint32 i = 0; i < count; i++)
	{
		memcpy(at, entries[i].bytes, entries[i].size);
		at += entries[i].size;
	}
	pfree(entries);
	return offset;
}

/* ------------------------------------------------------------------------
 * Out of the server and in
 * ------------------------------------------------------------------------
 */
void
dated_money_send(StringInfo out, const char *base, uint64 offset)
{
	uint32		count;
	DatedEntry *entries = sorted_entries(base, offset, &count);
	StateHeap	wide;

	heap_init_scratch(&wide);
	pq_sendint32(out, count);
	for (uint32 i = 0; i < count; i++)
	{
		TimelineReader reader = {
			.at = (const uint8 *) entries[i].bytes,
			.end = (const uint8 *) entries[i].bytes + entries[i].size
		};
		Money		money;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		(void) dated_money_next(&reader);
		money = timeline_money(&reader, &wide);
		pq_sendint64(out, entries[i].at);
		money_send(out, &money, wide.base);
		wide.used = 0;
	}
	heap_free_scratch(&wide);
	if (entries)
		pfree(entries);
}

/* Raises an error for bytes that dated_money_send cannot have written. */
uint64
dated_money_receive(StringInfo in, StateHeap *heap)
{
	uint32		count = pq_getmsgint(in, sizeof(uint32));
	StateHeap	row;
	TimestampTz before = MIN_TIMESTAMP;
	uint64		offset = DATED_MONEY_NONE;

	heap_init_scratch(&row);
	for (uint32 i = 0; i < count; i++)
	{
		TimestampTz at = pq_getmsgint64(in);
		Money		money;
		uint64		entry;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		row.used = 0;
		money_receive(in, &row, &money);
		if (!IS_VALID_TIMESTAMP(at) || at < before || money_is_none(&money))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid retention state: bad times of amounts")));
		before = at;
		/* which may move the row's heap */
		entry = dated_money_create(&row, at, &money, row.base);
		dated_money_merge(heap, &offset, row.base, entry);
	}
	heap_free_scratch(&row);
	return offset;
}
