/*
 * seal.h
 *		Sealed states: what results need of many customers, without the customers.
 *
 * A state remembers its customers, so that it can be merged with any other. Where nobody
 * is in two of them (shards, partitions by customer), sums would do: seal() keeps those.
 * A sealed state is one of a family of its own (CustomerFamily.sealed), so that it is
 * stored, sent, checked and merged as all states are:
 *
 *		totals		how many customers were counted, and sums over all of them
 *		entries		where the result has several rows: a key is a place in it, such as
 *					a period or a cell of a triangle, and the payload what was summed up
 *					there
 *
 * A reader computes its sums from customers, or takes them from here; from then on it is
 * one way. So both answers are the same.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SEAL_H
#define RETENTION_SEAL_H

#include "base/compat.h"

#include "engine/customer_table.h"
#include "engine/state_read.h"

/* The totals of every sealed family begin so. */
typedef struct SealedTotals
{
	int64		customers;		/* in the states that were sealed */
} SealedTotals;

/*
 * One being made, in the current memory context: the families' seal functions fill in
 * the totals, which have the customers already, and add entries. Its table's heap is
 * where their money goes.
 */
struct SealedState
{
	CustomerTable table;		/* entries that are not sorted yet */
	uint64		room;
	uint64		totals[MOST_PAYLOAD / sizeof(uint64)];
};

extern retention_internal void sealed_add(SealedState *sealed, CustomerKey key,
										  const void *payload);
extern retention_internal void sealed_totals_merge(StateHeap *heap, void *into,
												   const void *from,
												   const char *from_base);
extern retention_internal retention_noreturn void reject_sealed(const CustomerTable *table);

/* How many customers a state has, or had before it was sealed */
static inline int64
counted_customers(const CustomerTable *table)
{
	return table->family->sealed_of ?
		((const SealedTotals *) table->totals)->customers :
		(int64) customer_table_customers(table);
}

/*
 * Is this a sealed state of the family? Where it is neither sealed nor not, "wanted" cannot
 * be read from it.
 */
static inline bool
state_is_sealed(const CustomerTable *table, const CustomerFamily *family,
				const char *wanted)
{
	if (table->family == family)
		return false;
	if (table->family != family->sealed)
		reject_state(table, wanted);
	return true;
}

/* The next entry: its key, and a copy of its payload; false after the last. */
static inline bool
sealed_next(CustomerCursor *cursor, CustomerKey *key, void *payload)
{
	const CustomerTable *table = cursor->table;
	const char *slot = customer_cursor_next_slot(cursor);

	if (slot == NULL)
		return false;
	*key = load_key(table->kind, slot);
	memcpy(payload, slot + table->key_size, table->family->payload_size);
	return true;
}

/* ------------------------------------------------------------------------
 * Keys of two numbers in one, that of an entry in a table of two dimensions
 * ------------------------------------------------------------------------
 */
static inline CustomerKey
key_from_pair(int32 first, uint32 second)
{
	return key_from_bigint((int64) (((uint64) (uint32) first << 32) | second));
}

static inline int32
key_pair_first(CustomerKey key)
{
	return (int32) (uint32) ((uint64) key_to_bigint(key) >> 32);
}

static inline uint32
key_pair_second(CustomerKey key)
{
	return (uint32) key_to_bigint(key);
}

/* ------------------------------------------------------------------------
 * Medians
 * ------------------------------------------------------------------------
 */

/*
 * How often there was a length of time in one of several places, such as so many days from an
 * order of some number to the next: what is left of lengths that were sealed. A length is in
 * whole units of the family's, rounded down.
 */
typedef struct SealedLength
{
	int32		place;
	uint64		length;
	int64		count;			/* above 0 */
} SealedLength;

extern retention_internal void sealed_lengths_sort(SealedLength *lengths,
												   int64 count);
extern retention_internal double sealed_lengths_median(const SealedLength *lengths,
													   int64 count);

/* ------------------------------------------------------------------------
 * A share of customers
 * ------------------------------------------------------------------------
 */

/*
 * The part of the whole that a measure is about, and all customers of its state. These are
 * the totals of a sealed one.
 */
typedef struct CountedShare
{
	int64		customers;
	int64		whole;
	int64		part;
} CountedShare;

extern retention_internal void counted_share_merge(StateHeap *heap, void *into,
												   const void *from,
												   const char *from_base);
extern retention_internal bool counted_share_valid(const void *totals,
												   const char *heap_base,
												   const StateOptions *options);

/* What such a sealed family has beside its name, number, options and of whom it is */
#define COUNTED_SHARE_FIELDS \
	.totals_fields = STATE_FIELDS(FIELD(CountedShare, customers, COUNT), \
								  FIELD(CountedShare, whole, COUNT), \
								  FIELD(CountedShare, part, COUNT)), \
	.totals_size = sizeof(CountedShare), \
	.merge_totals = counted_share_merge, \
	.valid = counted_share_valid

/*
 * Defines NAME_seal and NAME_share, of a family whose customers "count" counts: the seal
 * function, and the share of a state in either form.
 */
#define COUNTED_SHARE(name, family, count) \
	static void \
	name##_seal(CustomerTable *table, SealedState *into) \
	{ \
		const CountedShare share = count(table); \
 \
		memcpy(into->totals, &share, sizeof(share)); \
	} \
	static CountedShare \
	name##_share(const CustomerTable *table, const char *wanted) \
	{ \
		CountedShare share; \
 \
		if (!state_is_sealed(table, &family, wanted)) \
			return count(table); \
		memcpy(&share, table->totals, sizeof(share)); \
		return share; \
	}

#endif							/* RETENTION_SEAL_H */
