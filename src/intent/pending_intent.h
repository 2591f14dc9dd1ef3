/*
 * pending_intent.h
 *		What a customer is about to do, for who reads events in another way than an
 *		aggregate.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_PENDING_INTENT_H
#define RETENTION_PENDING_INTENT_H

#include "base/compat.h"

#include "intent/cart_events.h"

/* The options of family pending_intent_family */
enum
{
	PENDING_WITHIN,
	PENDING_GRACE,
	PENDING_EXPIRE,
	PENDING_AS_OF
};

#define PENDING_START	0		/* derived: as_of - within */

/*
 * Times are DT_NOBEGIN where there was nothing of the kind. All lie in the window, but
 * that of other activity may be before it: there whatever happened is no more than that.
 */
typedef struct PendingTotals
{
	TimestampTz other_at;		/* the last of each, as the next */
	TimestampTz view_at;
	TimestampTz purchase_at;
	uint64		touches;		/* events of the cart */
} PendingTotals;

#define PENDING_COLUMNS	8

extern retention_internal const PendingTotals nothing_pending;

extern retention_internal void pending_add(PendingTotals *sum, StateHeap *heap,
										   StateHeap *row_heap,
										   const StateOptions *options,
										   TimestampTz at, CartEventKind kind,
										   const NullableDatum *product,
										   const NullableDatum *value);
extern retention_internal void pending_values(Datum *values, bool *nulls,
											  const PendingTotals *totals,
											  const char *heap_base,
											  const StateOptions *options);

#endif							/* RETENTION_PENDING_INTENT_H */
