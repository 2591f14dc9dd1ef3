/*
 * dated_money.h
 *		Money with the instants it came at, in a block of the state's heap.
 *
 * For rows that are no orders, where it is known only at the end which of them
 * count. An entry for each row, in the order they came, so adding one is cheap
 * however many there are and wherever it belongs; they are sorted when the state is
 * packed or sent. An entry is a timeline of its own (timeline.h) without orders.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_DATED_MONEY_H
#define RETENTION_DATED_MONEY_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "engine/timeline.h"

/* The offset that says: none. */
#define DATED_MONEY_NONE	TIMELINE_EMPTY

extern retention_internal void dated_money_merge(StateHeap *heap, uint64 *into,
												 const char *from_base,
												 uint64 from);
extern retention_internal uint64 dated_money_move(StateHeap *heap,
												  const char *from_base,
												  uint64 from);
extern retention_internal void dated_money_send(StringInfo out,
												const char *base, uint64 offset);
extern retention_internal uint64 dated_money_receive(StringInfo in,
													 StateHeap *heap);

static inline uint64
dated_money_create(StateHeap *heap, TimestampTz at, const Money *money,
				   const char *money_base)
{
	return timeline_create(heap, at, 0, money, money_base);
}

/*
 * Reads the next entry of what timeline_open has opened: "position" is its instant,
 * timeline_money gives its money. False after the last.
 */
static inline bool
dated_money_next(TimelineReader *reader)
{
	/* the first of a timeline, so its position is no difference */
	reader->start = NULL;
	return timeline_next(reader);
}

#endif							/* RETENTION_DATED_MONEY_H */
