/*
 * order_times.c
 *		Families that keep all instants a customer ordered at.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "measures/order_times.h"

const OrderTimes order_times_of_nobody = {INSTANTS_NONE};

void
order_times_merge(CustomerTable *table, void *into, const void *from,
				  const char *from_base)
{
	instants_merge(&table->heap, &((OrderTimes *) into)->instants, from_base,
				   ((const OrderTimes *) from)->instants);
}

void
order_times_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const OrderTimes *) payload)->instants);
}

/* They were received in ascending order, so the last decides. */
bool
order_times_valid(const void *payload, const char *heap_base, TimestampTz as_of)
{
	uint64		block = ((const OrderTimes *) payload)->instants;
	TimestampTz last;

	if (block == INSTANTS_NONE)
		return false;
	memcpy(&last, heap_block_data(heap_base, block) +
		   heap_block_size(heap_base, block) - sizeof(last), sizeof(last));
	return last < as_of;
}
