/*
 * spill.h
 *		A customer table that is larger than the memory it may use.
 *
 * While it is built, a table that has reached its limit is written to temporary
 * files and begins anew, empty. What was written is cut into partitions by the first
 * bits of the keys; as tables are sorted by key, that is one walk. A customer may so
 * have been written many times, each time with a part of what is known of him.
 *
 *		partition 1		customers of table 1, of table 2, ...
 *		partition 2		customers of table 1, of table 2, ...
 *		...
 *
 * To be read, the partitions are taken up one after the other: what was written of
 * the partition is absorbed into the table, which then holds these customers and
 * all that is known of them. Partitions are in the order of keys, so whoever walks the
 * customers sees them in the order of one large table. CustomerCursor does so by
 * itself. Who merges one table into another takes up the partitions himself, and who
 * must look at customers in an order of his own gathers them first (spill_gather).
 *
 * The tapes are the server's (logtape.h), as for its own hashed aggregates: one
 * temporary file for all, whose blocks show as "temp written" in EXPLAIN (ANALYZE,
 * BUFFERS).
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SPILL_H
#define RETENTION_SPILL_H

#include "base/compat.h"

#include "engine/customer_table.h"

extern retention_internal void spill_table(CustomerTable *table,
										   MemoryContext context, Size least);
extern retention_internal void spill_other(CustomerTable *table,
										   const CustomerTable *from);
extern retention_internal void spill_load(CustomerTable *table, int partition);
extern retention_internal void spill_finish(CustomerTable *table);
extern retention_internal void spill_gather(CustomerTable *table);
extern retention_internal void spill_close(CustomerTable *table);

#endif							/* RETENTION_SPILL_H */
