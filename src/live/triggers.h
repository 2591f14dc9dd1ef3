/*
 * triggers.h
 *		Triggers of a tracked table: made, dropped, looked at.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_TRIGGERS_H
#define RETENTION_TRIGGERS_H

#include "base/compat.h"

#include "live/tracking.h"

extern retention_internal void create_triggers(const Tracking *tracking,
											   const char *triggers,
											   bool replicated);
extern retention_internal void drop_triggers(const Tracking *tracking);
extern retention_internal const char *trigger_problem(const Tracking *tracking,
													  const char *triggers,
													  bool replicated);
extern retention_internal const char *partition_without_trigger(const Tracking *tracking,
																const char *triggers);

#endif							/* RETENTION_TRIGGERS_H */
