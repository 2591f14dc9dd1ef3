/*
 * timeline.h
 *		When a customer was active, in few bytes: a list of positions in time, each
 *		with its orders and its money.
 *
 * A position is whatever the family counts time in: the number of a period, or
 * an instant. A timeline lies in a block of the state's heap, as entries in
 * ascending order of position, every position once:
 *
 *		varint	position (zigzag) of the first entry; for the others what it is
 *				more than the one before
 *		varint	2 * orders + (1 if there is money)
 *		if there is money:
 *		byte	decimals, 0 to 38, and
 *		varint	the amount as a whole number of 10^-decimals (zigzag)
 *		or byte	255, varint size, and the bytes of a numeric: see money.h
 *
 * A varint has seven bits a byte, low ones first, and the eighth bit says that
 * more follow. A month with a few orders takes five bytes. Equal timelines have
 * equal bytes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_TIMELINE_H
#define RETENTION_TIMELINE_H

#include "base/compat.h"

#include "engine/money.h"
#include "engine/state_heap.h"

/* The offset that says: no entries. */
#define TIMELINE_EMPTY		HEAP_NO_BLOCK

typedef struct TimelineReader
{
	const uint8 *at;
	const uint8 *end;
	/* the entry that timeline_next has read */
	int64		position;
	int64		orders;
	const uint8 *start;			/* its bytes, up to "at"; NULL: none read yet */
	const uint8 *rest;			/* those after the position */
	const uint8 *money;			/* those of its money; NULL: it has none */
} TimelineReader;

/* Bytes of entries being written. */
typedef struct TimelineWriter
{
	uint8	   *bytes;
	uint64		used;
	uint64		room;
	bool		started;
	int64		position;		/* of the entry written last */
	uint8		space[512];		/* enough for nearly all */
} TimelineWriter;

/* A timeline from entries in the order of their positions. */
typedef struct TimelineBuilder
{
	TimelineWriter writer;
	StateHeap	wide;			/* for the money of what is added */
	int64		position;		/* of the entry under way, */
	int64		orders;			/* which has so many: 0 if there is none */
	Money		money;
} TimelineBuilder;

extern retention_internal void timeline_open(TimelineReader *reader,
											 const char *base, uint64 offset);
extern retention_internal bool timeline_next(TimelineReader *reader);
extern retention_internal Money timeline_money(const TimelineReader *reader,
											   StateHeap *wide);
extern retention_internal uint64 timeline_create(StateHeap *heap,
												 int64 position, int64 orders,
												 const Money *money,
												 const char *money_base);
extern retention_internal void timeline_merge(StateHeap *heap, uint64 *into,
											  const char *from_base,
											  uint64 from);
extern retention_internal void timeline_drop(StateHeap *heap, uint64 *timeline);
extern retention_internal void timeline_build_begin(TimelineBuilder *builder);
extern retention_internal void timeline_build_entry(TimelineBuilder *builder);
extern retention_internal uint64 timeline_build_end(TimelineBuilder *builder,
													StateHeap *heap);
extern retention_internal void timeline_send(StringInfo out, const char *base,
											 uint64 offset);
extern retention_internal uint64 timeline_receive(StringInfo in,
												  StateHeap *heap);

/*
 * Adds an order at a position that is not before the last one's. Wide money lies in the
 * builder's heap.
 */
static inline void
timeline_build_add(TimelineBuilder *builder, int64 position, const Money *money)
{
	if (builder->orders > 0 && builder->position != position)
		timeline_build_entry(builder);
	builder->position = position;
	builder->orders++;
	if (money_is_none(&builder->money))
		builder->money = *money;
	else if (!money_is_none(money))
		money_add(&builder->wide, &builder->money, money, builder->wide.base);
}

/* Its first position; PG_INT64_MAX of none. */
static inline int64
timeline_first(const char *base, uint64 offset)
{
	TimelineReader reader;

	timeline_open(&reader, base, offset);
	return timeline_next(&reader) ? reader.position : PG_INT64_MAX;
}

#endif							/* RETENTION_TIMELINE_H */
