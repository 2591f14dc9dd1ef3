/*
 * number_list.h
 *		The texts of a customer, such as products, as a list of their numbers
 *		(text_dictionary.h) in a block of the state's heap; dated ones each with an
 *		instant.
 *
 * They lie in the order they came, and are sorted, by instant and then by number, when
 * the state is packed. The same twice is two rows.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_NUMBER_LIST_H
#define RETENTION_NUMBER_LIST_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "engine/state_heap.h"
#include "lib/stringinfo.h"

/* The offset that says: none. */
#define NUMBERS_NONE	HEAP_NO_BLOCK

/* One of them; the instant is 0 where they have none. */
typedef struct DatedNumber
{
	TimestampTz at;
	uint32		number;
} DatedNumber;

/* A customer's, taken out of a state; the memory is used again for the next. */
typedef struct NumberList
{
	DatedNumber *item;
	uint32		count;
	uint32		room;
} NumberList;

extern retention_internal uint64 number_list_create(StateHeap *heap,
													bool is_dated,
													TimestampTz at,
													uint32 number);
extern retention_internal void number_list_merge(StateHeap *heap, bool is_dated,
												 uint64 *into,
												 const char *from_base,
												 uint64 from,
												 const uint32 *renumber);
extern retention_internal void number_list_read(NumberList *list, bool is_dated,
												const char *base, uint64 offset,
												const uint32 *renumber);
extern retention_internal void number_list_renumber(char *base, bool is_dated,
													uint64 offset,
													const uint32 *renumber);
extern retention_internal bool number_list_use(const char *base, bool is_dated,
											   uint64 offset, bool *used,
											   uint32 count);
extern retention_internal void number_list_send(StringInfo out, bool is_dated,
												const char *base, uint64 offset);
extern retention_internal uint64 number_list_receive(StringInfo in,
													 bool is_dated,
													 StateHeap *heap);

#endif							/* RETENTION_NUMBER_LIST_H */
