/*
 * kept_plans.h
 *		Statements about a tracking that a session plans once.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_KEPT_PLANS_H
#define RETENTION_KEPT_PLANS_H

#include "base/compat.h"

/* The statements whose plans are kept, of each live view. */
typedef enum KeptStatement
{
	KEPT_REMOVE_MARKS,
	KEPT_STORE_MARKED,
	KEPT_STAMP
} KeptStatement;

extern retention_internal void run_kept(Oid live_id, KeptStatement statement,
										const char *sql, Oid type,
										Datum value);

#endif							/* RETENTION_KEPT_PLANS_H */
