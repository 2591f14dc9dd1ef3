/*
 * events.h
 *		What happened to a customer and when: instants, each with a few bytes whose
 *		meaning is the family's, in a block of the state's heap.
 *
 * An event in the block is
 *
 *		int64	the instant, and
 *		byte	how many bytes of the family's, or MORE_BYTES and a uint32 that says it
 *		those bytes
 *
 * with nothing aligned, in the order they came: adding one is cheap however many there
 * are and wherever it belongs. They are sorted by instant, then by their bytes, when the
 * state is packed, sent or read, so that equal events have equal blocks. The same event
 * twice is two events. The family's bytes are the same on all machines, since they are
 * sent as they are.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_EVENTS_H
#define RETENTION_EVENTS_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "engine/state_heap.h"

/* The offset that says: none. */
#define EVENTS_NONE		HEAP_NO_BLOCK

typedef struct Event
{
	TimestampTz at;
	uint32		size;
	const char *bytes;			/* the family's, in the block */
} Event;

typedef struct EventReader
{
	const char *at;
	const char *end;
} EventReader;

/* Sorted events of a state; the memory is used again for the next customer. */
typedef struct SortedEvents
{
	Event	   *event;
	uint32		count;
	uint32		room;
} SortedEvents;

#define MORE_BYTES		255

extern retention_internal uint64 events_create(StateHeap *heap, TimestampTz at,
											   const char *bytes, uint32 size);
extern retention_internal void events_merge(StateHeap *heap, uint64 *into,
											const char *from_base, uint64 from);
extern retention_internal void events_sort(SortedEvents *sorted,
										   const char *base, uint64 offset);
extern retention_internal uint64 events_move(StateHeap *heap,
											 const char *from_base, uint64 from);
extern retention_internal void events_send(StringInfo out, const char *base,
										   uint64 offset);
extern retention_internal uint64 events_receive(StringInfo in, StateHeap *heap);

static inline void
events_open(EventReader *reader, const char *base, uint64 offset)
{
	if (offset == EVENTS_NONE)
	{
		*reader = (EventReader) {NULL, NULL};
		return;
	}
	reader->at = heap_block_data(base, offset);
	reader->end = reader->at + heap_block_size(base, offset);
}

/* The next event as it lies there; false after the last. */
static inline bool
events_next(EventReader *reader, Event *event)
{
	if (reader->at == reader->end)
		return false;
	memcpy(&event->at, reader->at, sizeof(event->at));
	event->size = (uint8) reader->at[sizeof(event->at)];
	reader->at += sizeof(event->at) + 1;
	if (unlikely(event->size == MORE_BYTES))
	{
		memcpy(&event->size, reader->at, sizeof(event->size));
		reader->at += sizeof(event->size);
	}
	event->bytes = reader->at;
	reader->at += event->size;
	return true;
}

#endif							/* RETENTION_EVENTS_H */
