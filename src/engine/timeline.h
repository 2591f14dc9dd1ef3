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
#define TIMELINE_EMPTY		PG_UINT64_MAX

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
extern retention_internal void timeline_send(StringInfo out, const char *base,
											 uint64 offset);
extern retention_internal uint64 timeline_receive(StringInfo in,
												  StateHeap *heap);

/* Asks for the memory of a timeline of usual size. */
static inline void
timeline_prefetch(const char *base, uint64 offset)
{
	if (offset == TIMELINE_EMPTY)
		return;
	__builtin_prefetch(base + offset, 1, 2);
	__builtin_prefetch(base + offset + 64, 1, 2);
}

#endif							/* RETENTION_TIMELINE_H */
