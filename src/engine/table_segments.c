/*
 * table_segments.c
 *		A customer table whose keys crowd.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/table_segments.h"

/* All segments together are filled to three quarters. */
#define MOST_PER_SEGMENT	(SEGMENT_SLOTS / 4 * 3)

/* Laid out anew they have room for as many again, nearly. */
#define FRESH_PER_SEGMENT	(SEGMENT_SLOTS / 2)

static char *
segment_at(const CustomerTable *table, uint64 segment)
{
	return slot_at(table, segment * SEGMENT_SLOTS);
}

static uint64
segments(const CustomerTable *table)
{
	return table->nslots / SEGMENT_SLOTS;
}

/* How many customers are in a segment. */
static uint64
customers_in(const CustomerTable *table, uint64 segment)
{
	const char *first = segment_at(table, segment);
	uint64		low = 0;
	uint64		high = SEGMENT_SLOTS;

	while (low < high)
	{
		uint64		middle = (low + high) / 2;

		if (slot_in_use(table->kind, first + middle * table->stride))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64
customers_from_to(const CustomerTable *table, uint64 from, uint64 to)
{
	uint64		customers = 0;

	for (uint64 i = from; i < to; i++)
		customers += customers_in(table, i);
	return customers;
}

/*
 * Segments for so many customers, of whom so many are there: at least one in each.
 */
uint64
segments_for(uint64 customers, uint64 used)
{
	return Max(Min(customers / FRESH_PER_SEGMENT + 1, used), 1);
}

/* Makes the table's slots segments, and shares customers out evenly among them. */
void
segments_spread(CustomerTable *table, const char *from, uint64 from_nslots,
				uint64 customers)
{
	const int	stride = table->stride;
	const uint64 nsegments = segments(table);
	uint64		segment = 0;
	uint64		in_segment = 0;
	uint64		done = 0;

	table->range = 0;
	table->is_segmented = true;
	table->limit = nsegments * MOST_PER_SEGMENT;
	customer_table_clear_slots(table->slots, stride, 0, table->nslots);
	for (uint64 i = 0; i < from_nslots; i++)
	{
		const char *slot = from + i * stride;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!slot_in_use(table->kind, slot))
			continue;
		if (done++ == (segment + 1) * customers / nsegments)
		{
			segment++;
			in_segment = 0;
		}
		memcpy(segment_at(table, segment) + in_segment++ * stride, slot, stride);
	}
}

/* The last segment that does not begin behind the key, or the first of all. */
static uint64
segment_of(const CustomerTable *table, CustomerKey key, const char *key_base)
{
	uint64		low = 0;
	uint64		high = segments(table);

	while (high - low > 1)
	{
		uint64		middle = (low + high) / 2;

		if (compare_slot(table, segment_at(table, middle), key, key_base) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * As customer_table_find. The slot before which a new customer belongs is in his
 * segment, or right behind it if it is full.
 */
char *
segments_find(const CustomerTable *table, CustomerKey key,
			  const char *key_base, bool *found)
{
	char	   *first = segment_at(table, segment_of(table, key, key_base));
	int			low = 0;
	int			high = SEGMENT_SLOTS;

	*found = false;
	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = compare_slot(table, first + middle * table->stride,
										 key, key_base);

		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		*found |= order == 0;
	}
	return first + low * table->stride;
}

/* Shares the customers of some segments out evenly among them. */
static void
even_out(CustomerTable *table, uint64 from, uint64 to, uint64 customers)
{
	const int	stride = table->stride;
	const uint64 n = to - from;
	char	   *base = segment_at(table, from);
	char	   *end = base;

	CHECK_FOR_INTERRUPTS();
	customer_table_steps += n * SEGMENT_SLOTS;
	for (uint64 i = from; i < to; i++)
	{
		Size		size = customers_in(table, i) * stride;

		memmove(end, segment_at(table, i), size);
		end += size;
	}

	/*
	 * from the last segment on, as each lies behind the customers it is to
	 * get
	 */
	for (uint64 i = n; i-- > 0;)
	{
		uint64		first = i * customers / n;
		uint64		its = (i + 1) * customers / n - first;
		char	   *segment = segment_at(table, from + i);

		memmove(segment, base + first * stride, its * stride);
		customer_table_clear_slots(segment, stride, its, SEGMENT_SLOTS);
	}
}

/*
 * Makes a gap at a slot that segments_find has found. Returns NULL if customers had to
 * be moved between segments instead, and the slot is to be found again. There must
 * be fewer than the table's limit.
 */
char *
segments_make_room(CustomerTable *table, char *slot)
{
	const uint64 n = segments(table);
	const uint64 position = (slot - table->slots) / table->stride;
	const uint64 segment = position == 0 ? 0 : (position - 1) / SEGMENT_SLOTS;
	uint64		customers = customers_in(table, segment);
	uint64		levels = 1;

	if (customers < SEGMENT_SLOTS)
	{
		char	   *end = segment_at(table, segment) + customers * table->stride;

		customer_table_steps += SEGMENT_SLOTS;
		memmove(slot + table->stride, slot, end - slot);
		return slot;
	}
	while ((UINT64CONST(1) << levels) < n)
		levels++;
	/* the more segments, the less full they may be, down to MOST_PER_SEGMENT */
	for (uint64 level = 1;; level++)
	{
		const uint64 from = segment >> level << level;
		const uint64 to = Min(from + (UINT64CONST(1) << level), n);
		const uint64 most = (to - from) *
			(SEGMENT_SLOTS * levels - (SEGMENT_SLOTS - MOST_PER_SEGMENT) * level) /
			levels;

		customers = customers_from_to(table, from, to);
		if (customers < most || level == levels)
		{
			even_out(table, from, to, customers);
			return NULL;
		}
	}
}

/*
 * Takes a customer out. Returns false if they are too few then for so many segments.
 */
bool
segments_delete(CustomerTable *table, char *slot)
{
	const int	stride = table->stride;
	const uint64 n = segments(table);
	const uint64 segment = (slot - table->slots) / stride / SEGMENT_SLOTS;
	char	   *end = segment_at(table, segment) +
		customers_in(table, segment) * stride;

	memmove(slot, slot + stride, end - slot - stride);
	memset(end - stride, 0xFF, stride);
	if (slot_in_use(table->kind, segment_at(table, segment)))
		return true;
	for (uint64 level = 1;; level++)
	{
		const uint64 from = segment >> level << level;
		const uint64 to = Min(from + (UINT64CONST(1) << level), n);
		const uint64 customers = customers_from_to(table, from, to);

		if (customers >= to - from)
		{
			even_out(table, from, to, customers);
			return true;
		}
		if (to - from == n)
			return false;
	}
}
