/*
 * state_source.h
 *		An aggregate whose states a table function reads, or makes of a history.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_SOURCE_H
#define RETENTION_STATE_SOURCE_H

#include "base/compat.h"

#include "engine/families.h"
#include "engine/history_state.h"

/*
 * The aggregate (customer, ordered_at, amount, as_of[, tz]).
 */
typedef struct StateSource
{
	const CustomerFamily *family;
	const char *aggregate;
	bool		takes_tz;
	bool		reads_rows;		/* that wait: see state_open_with_rows() */
	/* what its twin makes of a history */
	CustomerTable *(*of_history) (const HistoryView *view,
								  const StateOptions *options);
} StateSource;

#endif							/* RETENTION_STATE_SOURCE_H */
