/*
 * period_sums.c
 *		What came in each period.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/period_sums.h"

#include "base/checks.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"

/* The place of a period, or where it has to be. */
static uint32
place_of(const char *base, uint64 sums, int64 period)
{
	const char *records = heap_block_data(base, sums);
	uint32		low = 0;
	uint32		high = period_sums_count(base, sums);
	int64		at;

	/* of rows in the order of time it is the last */
	memcpy(&at, records + (high - 1) * sizeof(PeriodSum), sizeof(at));
	if (at <= period)
		return high - (at == period);
	while (low < high)
	{
		const uint32 middle = (low + high) / 2;

		memcpy(&at, records + middle * sizeof(PeriodSum), sizeof(at));
		if (at < period)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Adds to a period that may have nothing yet; "more" lies in another heap. */
void
period_sums_add(StateHeap *heap, uint64 *sums, const PeriodSum *more,
				const char *more_base)
{
	const uint32 count = period_sums_count(heap->base, *sums);
	const uint32 place = count == 0 ? 0 :
		place_of(heap->base, *sums, more->period);
	PeriodSum	sum = {.period = more->period};

	if (place < count)
		sum = period_sums_get(heap->base, *sums, place);
	if (place == count || sum.period != more->period)
	{
		sum = (PeriodSum) {.period = more->period};
		if ((count + 1) * sizeof(PeriodSum) > MOST_BLOCK_SIZE)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the sums of all periods take more than %zu MB",
							MOST_BLOCK_SIZE >> 20),
					 errhint("Take a longer grain.")));
		*sums = count == 0 ?
			heap_add_block(heap, (const char *) &sum, sizeof(sum), sizeof(sum)) :
			heap_splice_block(heap, *sums, place * sizeof(sum), 0,
							  (const char *) &sum, sizeof(sum));
	}
	add_orders(&sum.orders, more->orders);
	money_add(heap, &sum.money, &more->money, more_base);
	money_add(heap, &sum.refunds, &more->refunds, more_base);
	/* where the heap is now */
	memcpy(unconstify(char *, heap_block_data(heap->base, *sums)) +
		   place * sizeof(sum), &sum, sizeof(sum));
}

/* into += from, whose block is at from_base, in another heap than "into". */
void
period_sums_merge(StateHeap *heap, uint64 *into, const char *from_base,
				  uint64 from)
{
	const uint32 count = period_sums_count(from_base, from);

	for (uint32 i = 0; i < count; i++)
	{
		const PeriodSum sum = period_sums_get(from_base, from, i);

		CHECK_FOR_INTERRUPTS();
		period_sums_add(heap, into, &sum, from_base);
	}
}

/* The bytes they will take in another heap, once moved there. */
uint64
period_sums_heap_size(const char *base, uint64 sums)
{
	const uint32 count = period_sums_count(base, sums);
	uint64		size = heap_copied_size(base, sums);

	for (uint32 i = 0; i < count; i++)
	{
		const PeriodSum sum = period_sums_get(base, sums, i);

		if (money_is_wide(&sum.money))
			size += heap_copied_size(base, money_offset(&sum.money));
		if (money_is_wide(&sum.refunds))
			size += heap_copied_size(base, money_offset(&sum.refunds));
	}
	return size;
}

/* A copy in another heap, with the wide money of its records behind it. */
uint64
period_sums_move(StateHeap *heap, const char *from_base, uint64 from)
{
	const uint32 count = period_sums_count(from_base, from);
	const uint64 offset = heap_copy_block(heap, from_base, from);

	for (uint32 i = 0; i < count; i++)
	{
		PeriodSum	sum = period_sums_get(from_base, from, i);

		if (!money_is_wide(&sum.money) && !money_is_wide(&sum.refunds))
			continue;
		money_move(heap, &sum.money, from_base);
		money_move(heap, &sum.refunds, from_base);
		memcpy(unconstify(char *, heap_block_data(heap->base, offset)) +
			   i * sizeof(sum), &sum, sizeof(sum));
	}
	return offset;
}

/* ------------------------------------------------------------------------
 * Out of the server and in
 * ------------------------------------------------------------------------
 */
void
period_sums_send(StringInfo out, const char *base, uint64 sums)
{
	const uint32 count = period_sums_count(base, sums);

	pq_sendint32(out, count);
	for (uint32 i = 0; i < count; i++)
	{
		const PeriodSum sum = period_sums_get(base, sums, i);

		CHECK_FOR_INTERRUPTS();
		pq_sendint64(out, sum.period);
		pq_sendint64(out, sum.orders);
		money_send(out, &sum.money, base);
		money_send(out, &sum.refunds, base);
	}
}

/* Could rows have made it, and does it come after another? */
static bool
sum_is_valid(const PeriodSum *sum, const char *base, int64 before)
{
	const bool	has_refunds = !money_is_none(&sum->refunds);

	/* a period has a date, and so has fewer than these */
	return sum->period > before && sum->period >= PG_INT32_MIN &&
		sum->period <= PG_INT32_MAX && sum->orders >= 0 &&
		(sum->orders > 0 || has_refunds) &&
		(money_is_none(&sum->money) ||
		 (sum->orders > 0 && money_is_positive(&sum->money, base))) &&
		(!has_refunds || money_sign(&sum->refunds, base) < 0);
}

/* Raises an error for bytes that period_sums_send cannot have written. */
uint64
period_sums_receive(StringInfo in, StateHeap *heap)
{
	const uint32 count = pq_getmsgint(in, sizeof(uint32));
	int64		before = PG_INT64_MIN;
	uint64		sums = PERIOD_SUMS_NONE;
	StateHeap	row;

	heap_init_scratch(&row);
	for (uint32 i = 0; i < count; i++)
	{
		PeriodSum	sum;

		CHECK_FOR_INTERRUPTS();
		row.used = 0;
		sum.period = pq_getmsgint64(in);
		sum.orders = pq_getmsgint64(in);
		money_receive(in, &row, &sum.money);
		money_receive(in, &row, &sum.refunds);
		if (!sum_is_valid(&sum, row.base, before))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid retention state: bad sums of periods")));
		before = sum.period;
		period_sums_add(heap, &sums, &sum, row.base);
	}
	heap_free_scratch(&row);
	return sums;
}
