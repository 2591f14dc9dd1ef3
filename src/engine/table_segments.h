/*
 * table_segments.h
 *		A customer table whose keys crowd.
 *
 * Homes are computed on the word that keys are mixed bits. But the mixing is known,
 * and who chooses his keys can undo it, so that all have one home. A table that
 * finds its customers too far from their homes is laid out in segments instead:
 *
 *		segment		SEGMENT_SLOTS slots, customers first, gaps behind them
 *
 * The customers are in the same order, of segments and within each, and no segment
 * is empty; so a customer is found by halving, first among the first customers of
 * all segments. A segment that is full shares with its neighbours: as many of them
 * as it takes until they are less full together than may be for so many. This is a
 * packed-memory array (Bender, Demaine, Farach-Colton: Cache-oblivious B-trees, 2000): a
 * new customer costs in the mean the square of the logarithm of the customers,
 * wherever he belongs.
 *
 * Only the layout of slots in memory differs, never a stored state: its customers
 * lie in the same order without gaps.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_TABLE_SEGMENTS_H
#define RETENTION_TABLE_SEGMENTS_H

#include "base/compat.h"

#include "engine/customer_table.h"

#define SEGMENT_SLOTS	64

extern retention_internal uint64 segments_for(uint64 customers, uint64 used);
extern retention_internal void segments_spread(CustomerTable *table,
											   const char *from,
											   uint64 from_nslots,
											   uint64 customers);
extern retention_internal char *segments_find(const CustomerTable *table,
											  CustomerKey key,
											  const char *key_base,
											  bool *found);
extern retention_internal char *segments_make_room(CustomerTable *table,
												   char *slot);
extern retention_internal bool segments_delete(CustomerTable *table,
											   char *slot);

#endif							/* RETENTION_TABLE_SEGMENTS_H */
