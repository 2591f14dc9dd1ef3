/*
 * period_sums.h
 *		What came in each period, of all customers together: orders, their money, and
 *		refunds.
 *
 * A block of the state's heap has a record of fixed size for each period with any of
 * them, in ascending order: so a row finds its period by halving, and at once where it
 * is the last one. A record is
 *
 *		int64	number of the period
 *		int64	orders
 *		Money	theirs
 *		Money	of refunds, below zero
 *
 * with nothing aligned. Money that is wide lies in the same heap. Equal sums have equal
 * bytes once they are packed.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_PERIOD_SUMS_H
#define RETENTION_PERIOD_SUMS_H

#include "base/compat.h"

#include "engine/money.h"
#include "engine/state_heap.h"

/* The offset that says: none. */
#define PERIOD_SUMS_NONE	HEAP_NO_BLOCK

typedef struct PeriodSum
{
	int64		period;
	int64		orders;
	Money		money;
	Money		refunds;
} PeriodSum;

StaticAssertDecl(sizeof(PeriodSum) == 48, "layout of stored states");

extern retention_internal void period_sums_add(StateHeap *heap, uint64 *sums,
											   const PeriodSum *more,
											   const char *more_base);
extern retention_internal void period_sums_merge(StateHeap *heap, uint64 *into,
												 const char *from_base,
												 uint64 from);
extern retention_internal uint64 period_sums_heap_size(const char *base,
													   uint64 sums);
extern retention_internal uint64 period_sums_move(StateHeap *heap,
												  const char *from_base,
												  uint64 from);
extern retention_internal void period_sums_send(StringInfo out,
												const char *base, uint64 sums);
extern retention_internal uint64 period_sums_receive(StringInfo in,
													 StateHeap *heap);

/* How many periods have any. */
static inline uint32
period_sums_count(const char *base, uint64 sums)
{
	return heap_list_size(base, sums) / sizeof(PeriodSum);
}

/* The sum of a period by its place among them, from 0 on. */
static inline PeriodSum
period_sums_get(const char *base, uint64 sums, uint32 place)
{
	PeriodSum	sum;

	memcpy(&sum, heap_block_data(base, sums) + place * sizeof(sum), sizeof(sum));
	return sum;
}

#endif							/* RETENTION_PERIOD_SUMS_H */
