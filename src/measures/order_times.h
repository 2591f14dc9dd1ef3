/*
 * order_times.h
 *		Families that keep all instants a customer ordered at, and differ in their
 *		options and their results.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ORDER_TIMES_H
#define RETENTION_ORDER_TIMES_H

#include "base/compat.h"

#include "engine/instants.h"
#include "engine/transition.h"

typedef struct OrderTimes
{
	uint64		instants;		/* before as_of; at least one */
} OrderTimes;

extern retention_internal const OrderTimes order_times_of_nobody;

extern retention_internal void order_times_merge(CustomerTable *table,
												 void *into, const void *from,
												 const char *from_base);
extern retention_internal void order_times_prefetch(const void *payload,
													const char *heap_base);
extern retention_internal bool order_times_valid(const void *payload,
												 const char *heap_base,
												 TimestampTz as_of);

/* One row: the instant, if it is before as_of. */
static inline bool
read_order_time(StateUpdate *update, const OrderRow *row, void *payload,
				TimestampTz as_of)
{
	if (row->at >= as_of)
		return false;
	((OrderTimes *) payload)->instants = instants_create(state_row_heap(update),
														 row->at);
	return true;
}

/* All rows of a customer */
static inline bool
read_order_times(StateUpdate *update, CustomerRows *rows, void *payload,
				 TimestampTz as_of)
{
	OrderTimes *times = payload;
	InstantList list;
	OrderRow	row;

	instant_list_begin(&list, customer_rows_left(rows));
	while (customer_rows_next(rows, &row) && row.at < as_of)
		instant_list_add(&list, row.at);
	times->instants = instant_list_end(&list, state_row_heap(update));
	return times->instants != INSTANTS_NONE;
}

/* What a family named "prefix" needs, whose option number "as_of" is the time. */
#define ORDER_TIMES_FAMILY(prefix, as_of) \
	static bool \
	prefix##_valid(const void *payload, const char *heap_base, \
				   const StateOptions *options) \
	{ \
		return order_times_valid(payload, heap_base, options->value[as_of].time); \
	} \
	static inline bool \
	read_##prefix##_row(StateUpdate *update, const OrderRow *row, void *payload) \
	{ \
		return read_order_time(update, row, payload, \
							   update->table->options->value[as_of].time); \
	} \
	static inline bool \
	read_##prefix##_customer(StateUpdate *update, CustomerRows *rows, \
							 void *payload) \
	{ \
		return read_order_times(update, rows, payload, \
								update->table->options->value[as_of].time); \
	} \
	CUSTOMER_ABSORB(prefix##_absorb, prefix##_family)

#define ORDER_TIMES_FIELDS(prefix) \
	.payload_fields = STATE_FIELDS(FIELD(OrderTimes, instants, INSTANTS)), \
	.payload_size = sizeof(OrderTimes), \
	.identity = &order_times_of_nobody, \
	.merge = order_times_merge, \
	.prefetch = order_times_prefetch, \
	.valid = prefix##_valid, \
	.absorb = prefix##_absorb

#endif							/* RETENTION_ORDER_TIMES_H */
