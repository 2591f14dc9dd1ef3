/*
 * refresh.h
 *		What changes the stored rows of a tracking.
 *
 * Both run as the owner, under the lock of the tracking, in a transaction that is READ
 * COMMITTED.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_REFRESH_H
#define RETENTION_REFRESH_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "live/tracking.h"
#include "math/btyd_fit.h"

/* From one in so many customers on, all are computed in one pass over the orders. */
#define REBUILD_FROM	4

typedef struct RefreshCounts
{
	int64		customers;		/* looked at */
	int64		inserted;
	int64		updated;
	int64		deleted;
	int64		moved;			/* into another segment */
	const char *mode;
} RefreshCounts;

extern retention_internal void refresh_tracking(const Tracking *tracking,
												int64 most_customers,
												bool is_first,
												RefreshCounts *counts);
extern retention_internal bool note_partitions(const Tracking *tracking);
extern retention_internal const char *partitions_sql(const Tracking *tracking);
extern retention_internal void fit_tracking(const Tracking *tracking,
											TimestampTz as_of, bool is_first);
extern retention_internal const BtydFamily *stored_family(const Tracking *tracking,
														  const char *name);
extern retention_internal int64 count_rows(const char *table);
extern retention_internal void notify_moved(const Tracking *tracking,
											int64 customers);
extern retention_internal void set_for_lookups(void);
extern retention_internal void run_as_owner(const char *sql);

#endif							/* RETENTION_REFRESH_H */
