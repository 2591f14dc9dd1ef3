/*
 * instants.h
 *		All instants a customer ordered at, in a block of the state's heap.
 *
 * Eight bytes each, in the order they came: adding one is cheap however many there
 * are and wherever it belongs. They are sorted when the state is packed, sent or
 * read. The same instant twice is two orders.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_INSTANTS_H
#define RETENTION_INSTANTS_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "engine/state_heap.h"

/* The offset that says: none. */
#define INSTANTS_NONE		HEAP_NO_BLOCK

/* Sorted instants taken out of a state; the memory is used again for the next. */
typedef struct SortedInstants
{
	TimestampTz *at;
	uint32		count;
	uint32		room;
} SortedInstants;

/* Instants being collected. */
typedef struct InstantList
{
	TimestampTz *at;
	uint64		count;
	TimestampTz few[64];
} InstantList;

extern retention_internal void instant_list_begin(InstantList *list,
												  uint64 most);
extern retention_internal uint64 instant_list_end(InstantList *list,
												  StateHeap *heap);
extern retention_internal uint64 instants_create(StateHeap *heap,
												 TimestampTz at);
extern retention_internal void instants_merge(StateHeap *heap, uint64 *into,
											  const char *from_base,
											  uint64 from);
extern retention_internal void instants_sort(SortedInstants *sorted,
											 const char *base, uint64 offset);
extern retention_internal uint64 instants_move(StateHeap *heap,
											   const char *from_base,
											   uint64 from);
extern retention_internal void instants_send(StringInfo out, const char *base,
											 uint64 offset);
extern retention_internal uint64 instants_receive(StringInfo in,
												  StateHeap *heap);

static inline void
instant_list_add(InstantList *list, TimestampTz at)
{
	list->at[list->count++] = at;
}

#endif							/* RETENTION_INSTANTS_H */
