/*
 * state_source.h
 *		An aggregate whose states a table function reads.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_SOURCE_H
#define RETENTION_STATE_SOURCE_H

#include "base/compat.h"

#include "engine/families.h"

/*
 * The aggregate (customer, ordered_at, amount, as_of[, tz]).
 */
typedef struct StateSource
{
	const CustomerFamily *family;
	const char *aggregate;
	bool		takes_tz;
} StateSource;

#endif							/* RETENTION_STATE_SOURCE_H */
