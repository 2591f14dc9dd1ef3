/*
 * events.c
 *		What happened to a customer and when.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/events.h"

#include "base/bytes.h"
#include "libpq/pqformat.h"
#include "port.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A new customer has room for a small event more, or for one of a cart. */
#define NEW_EVENTS_ROOM		24

#define EVENT_HEAD			(sizeof(TimestampTz) + 1 + sizeof(uint32))
/* as they are sent */
#define FEWEST_SENT_BYTES	(sizeof(int64) + sizeof(uint32))

static void
reject_size(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the events of one customer take more than %zu MB",
					MOST_BLOCK_SIZE >> 20),
			 errhint("Is the customer's key one that many share, such as 0 for guests? Leave it out with FILTER or WHERE.")));
}

/* Writes what stands before an event's bytes: so many. */
static uint32
write_head(char *head, TimestampTz at, uint32 size)
{
	memcpy(head, &at, sizeof(at));
	if (size < MORE_BYTES)
	{
		head[sizeof(at)] = (char) size;
		return sizeof(at) + 1;
	}
	head[sizeof(at)] = (char) MORE_BYTES;
	memcpy(head + sizeof(at) + 1, &size, sizeof(size));
	return sizeof(at) + 1 + sizeof(size);
}

/* A block with one event. */
uint64
events_create(StateHeap *heap, TimestampTz at, const char *bytes, uint32 size)
{
	char		head[EVENT_HEAD];
	char		few[64];
	char	   *event = few;
	const uint32 before = write_head(head, at, size);
	uint64		offset;

	if ((uint64) size + EVENT_HEAD > MOST_BLOCK_SIZE)
		reject_size();
	if (before + size > sizeof(few))
		event = palloc(before + size);
	memcpy(event, head, before);
	memcpy(event + before, bytes, size);
	offset = heap_add_block(heap, event, before + size, before + size);
	if (event != few)
		pfree(event);
	return offset;
}

/* into += from, whose block is at from_base, in another heap than "into". */
void
events_merge(StateHeap *heap, uint64 *into, const char *from_base, uint64 from)
{
	if (from != EVENTS_NONE &&
		!heap_append(heap, into, heap_block_data(from_base, from),
					 heap_block_size(from_base, from), NEW_EVENTS_ROOM))
		reject_size();
}

/* ------------------------------------------------------------------------
 * In the order of time
 * ------------------------------------------------------------------------
 */
static inline int
order_of(const Event *a, const Event *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return compare_bytes(a->bytes, a->size, b->bytes, b->size);
}

static int
compare_events(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return order_of(a, b);
}

static uint32
count_events(const char *base, uint64 offset)
{
	EventReader reader;
	Event		event;
	uint32		count = 0;

	events_open(&reader, base, offset);
	while (events_next(&reader, &event))
		count++;
	return count;
}

/* Events of a customer that came in another order */
static void
sort_events(Event *event, uint32 count)
{
	if (count > 32)
	{
		qsort(event, count, sizeof(Event), compare_events);
		return;
	}
	for (uint32 i = 1; i < count; i++)
	{
		const Event moved = event[i];
		uint32		to = i;

		for (; to > 0 && order_of(&event[to - 1], &moved) > 0; to--)
			event[to] = event[to - 1];
		event[to] = moved;
	}
}

/* A customer's events, from the first on; they point into the block. */
void
events_sort(SortedEvents *sorted, const char *base, uint64 offset)
{
	EventReader reader;
	bool		is_sorted = true;

	sorted->event = array_reserve(sorted->event, &sorted->room,
								  count_events(base, offset), sizeof(Event));
	sorted->count = 0;
	events_open(&reader, base, offset);
	while (events_next(&reader, &sorted->event[sorted->count]))
	{
		is_sorted = is_sorted &&
			(sorted->count == 0 ||
			 order_of(&sorted->event[sorted->count - 1],
					  &sorted->event[sorted->count]) <= 0);
		sorted->count++;
	}
	if (!is_sorted)
		sort_events(sorted->event, sorted->count);
}

/* A sorted copy in another heap. */
uint64
events_move(StateHeap *heap, const char *from_base, uint64 from)
{
	SortedEvents sorted = {NULL};
	uint64		offset;
	char	   *at;

	if (from == EVENTS_NONE)
		return EVENTS_NONE;
	events_sort(&sorted, from_base, from);
	/* a copy of this size, whose events then change places */
	offset = heap_copy_block(heap, from_base, from);
	at = unconstify(char *, heap_block_data(heap->base, offset));
	for (uint32 i = 0; i < sorted.count; i++)
	{
		const Event *event = &sorted.event[i];

		at += write_head(at, event->at, event->size);
		memcpy(at, event->bytes, event->size);
		at += event->size;
	}
	pfree(sorted.event);
	return offset;
}

/* ------------------------------------------------------------------------
 * Out of the server and in
 * ------------------------------------------------------------------------
 */
void
events_send(StringInfo out, const char *base, uint64 offset)
{
	SortedEvents sorted = {NULL};

	events_sort(&sorted, base, offset);
	pq_sendint32(out, sorted.count);
	for (uint32 i = 0; i < sorted.count; i++)
	{
		const Event *event = &sorted.event[i];

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint64(out, event->at);
		pq_sendint32(out, event->size);
		pq_sendbytes(out, event->bytes, event->size);
	}
	if (sorted.event)
		pfree(sorted.event);
}

static void
reject_events(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid retention state: bad events")));
}

/*
 * Raises an error for bytes that events_send cannot have written. What an event's own
 * bytes mean is for the family to check.
 */
uint64
events_receive(StringInfo in, StateHeap *heap)
{
	const uint32 count = pq_getmsgint(in, sizeof(uint32));
	Event		before = {0};
	StringInfoData block;
	uint64		offset;

	if (count == 0)
		return EVENTS_NONE;
	if (count > (in->len - in->cursor) / FEWEST_SENT_BYTES)
		reject_events();
	initStringInfo(&block);
	for (uint32 i = 0; i < count; i++)
	{
		char		head[EVENT_HEAD];
		Event		event;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		event.at = pq_getmsgint64(in);
		event.size = pq_getmsgint(in, sizeof(uint32));
		if (event.size > (uint32) (in->len - in->cursor))
			reject_events();
		event.bytes = pq_getmsgbytes(in, event.size);
		if (!IS_VALID_TIMESTAMP(event.at) ||
			(i > 0 && order_of(&before, &event) > 0))
			reject_events();
		appendBinaryStringInfo(&block, head, write_head(head, event.at, event.size));
		appendBinaryStringInfo(&block, event.bytes, event.size);
		before = event;
	}
	if ((Size) block.len > MOST_BLOCK_SIZE)
		reject_size();
	offset = heap_add_block(heap, block.data, block.len, block.len);
	pfree(block.data);
	return offset;
}
