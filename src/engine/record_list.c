/*
 * record_list.c
 *		Rows of a group that can only be looked at together.
 *
 * In the block each record is its size, four bytes, and its bytes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/record_list.h"

#include "base/bytes.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port.h"
#include "utils/memutils.h"

#define RECORD_HEADER	sizeof(uint32)

static void
reject_size(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the rows of one group take more than %zu MB",
					MOST_BLOCK_SIZE >> 20),
			 errhint("Is a column missing in GROUP BY?")));
}

/* Appends bytes that are whole records; they must not lie in this heap. */
static void
append(StateHeap *heap, uint64 *into, const char *data, uint32 size)
{
	if (!heap_append(heap, into, data, size, size))
		reject_size();
}

/* Adds one record, whose bytes must not lie in this heap. */
void
record_list_add(StateHeap *heap, uint64 *into, const char *bytes, uint32 size)
{
	char		small[256];
	char	   *record = small;

	if (size > MOST_BLOCK_SIZE)
		reject_size();
	if (size + RECORD_HEADER > sizeof(small))
		record = palloc(size + RECORD_HEADER);
	memcpy(record, &size, RECORD_HEADER);
	memcpy(record + RECORD_HEADER, bytes, size);
	append(heap, into, record, size + RECORD_HEADER);
	if (record != small)
		pfree(record);
}

/* into += from, whose block is at from_base, in another heap than "into". */
void
record_list_merge(StateHeap *heap, uint64 *into, const char *from_base,
				  uint64 from)
{
	if (from != RECORDS_NONE)
		append(heap, into, heap_block_data(from_base, from),
			   heap_block_size(from_base, from));
}

static int
compare_records(const void *a, const void *b)
{
	const ByteRecord *x = a;
	const ByteRecord *y = b;

	CHECK_FOR_INTERRUPTS();
	return compare_bytes(x->bytes, x->size, y->bytes, y->size);
}

/* The record at "at", which it moves behind it */
static ByteRecord
next_record(const char **at)
{
	ByteRecord	record;

	memcpy(&record.size, *at, RECORD_HEADER);
	record.bytes = *at + RECORD_HEADER;
	*at = record.bytes + record.size;
	return record;
}

SortedRecords
record_list_sort(const char *base, uint64 offset)
{
	SortedRecords sorted = {NULL, 0};
	const char *begin;
	const char *end;

	if (offset == RECORDS_NONE)
		return sorted;
	begin = heap_block_data(base, offset);
	end = begin + heap_block_size(base, offset);
	for (const char *at = begin; at < end; sorted.count++)
		(void) next_record(&at);
	sorted.record = array_alloc(sorted.count, sizeof(ByteRecord));
	sorted.count = 0;
	for (const char *at = begin; at < end;)
		sorted.record[sorted.count++] = next_record(&at);
	if (sorted.count > 1)
		qsort(sorted.record, sorted.count, sizeof(ByteRecord), compare_records);
	return sorted;
}

/* A sorted copy in another heap. */
uint64
record_list_move(StateHeap *heap, const char *from_base, uint64 from)
{
	SortedRecords sorted = record_list_sort(from_base, from);
	uint64		offset;
	char	   *at;

	if (from == RECORDS_NONE)
		return RECORDS_NONE;
	/* a copy of this size, whose records then change places */
	offset = heap_copy_block(heap, from_base, from);
	at = unconstify(char *, heap_block_data(heap->base, offset));
	for (uint32 i = 0; i < sorted.count; i++)
	{
		memcpy(at, sorted.record[i].bytes - RECORD_HEADER,
			   sorted.record[i].size + RECORD_HEADER);
		at += sorted.record[i].size + RECORD_HEADER;
	}
	pfree(sorted.record);
	return offset;
}

void
record_list_send(StringInfo out, const char *base, uint64 offset)
{
	SortedRecords sorted = record_list_sort(base, offset);

	pq_sendint32(out, sorted.count);
	for (uint32 i = 0; i < sorted.count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint32(out, sorted.record[i].size);
		pq_sendbytes(out, sorted.record[i].bytes, sorted.record[i].size);
	}
	if (sorted.record)
		pfree(sorted.record);
}

/*
 * Raises an error for bytes that record_list_send cannot have written. Whether they
 * are records of its own is for the family to say.
 */
uint64
record_list_receive(StringInfo in, StateHeap *heap)
{
	const uint32 count = pq_getmsgint(in, sizeof(uint32));
	ByteRecord	before = {NULL, 0};
	uint64		offset = RECORDS_NONE;

	for (uint32 i = 0; i < count; i++)
	{
		const uint32 size = pq_getmsgint(in, sizeof(uint32));
		ByteRecord	record = {pq_getmsgbytes(in, (int) size), size};

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (i > 0 && compare_records(&before, &record) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid retention state: rows out of order")));
		record_list_add(heap, &offset, record.bytes, record.size);
		before = record;
	}
	return offset;
}
