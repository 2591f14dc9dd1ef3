/*
 * record_list.h
 *		Rows of a group that can only be looked at together, as records of a few bytes in
 *		a block of the state's heap.
 *
 * A family lays out its records. They lie in the order they came, so adding one is
 * cheap; they are sorted by their bytes when the state is packed, sent or read. Numbers
 * written by record_put_int64 are so in their own order. The same record twice is two
 * rows.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RECORD_LIST_H
#define RETENTION_RECORD_LIST_H

#include "base/compat.h"

#include "engine/state_heap.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"

/* The offset that says: none. */
#define RECORDS_NONE	HEAP_NO_BLOCK

/* One record, where it lies */
typedef struct ByteRecord
{
	const char *bytes;
	uint32		size;
} ByteRecord;

/* All of them in order; the bytes lie in the heap they came from. */
typedef struct SortedRecords
{
	ByteRecord *record;
	uint32		count;
} SortedRecords;

extern retention_internal void record_list_add(StateHeap *heap, uint64 *into,
											   const char *bytes, uint32 size);
extern retention_internal void record_list_merge(StateHeap *heap, uint64 *into,
												 const char *from_base,
												 uint64 from);
extern retention_internal SortedRecords record_list_sort(const char *base,
														 uint64 offset);
extern retention_internal uint64 record_list_move(StateHeap *heap,
												  const char *from_base,
												  uint64 from);
extern retention_internal void record_list_send(StringInfo out,
												const char *base,
												uint64 offset);
extern retention_internal uint64 record_list_receive(StringInfo in,
													 StateHeap *heap);

/* A number in the order of bytes: negative ones first */
static inline char *
record_put_int64(char *at, int64 number)
{
	const uint64 word = pg_hton64((uint64) number ^ (UINT64CONST(1) << 63));

	memcpy(at, &word, sizeof(word));
	return at + sizeof(word);
}

static inline int64
record_get_int64(const char **at)
{
	uint64		word;

	memcpy(&word, *at, sizeof(word));
	*at += sizeof(word);
	return (int64) (pg_ntoh64(word) ^ (UINT64CONST(1) << 63));
}

#endif							/* RETENTION_RECORD_LIST_H */
