/*
 * retention.c
 *		What makes these rooms a PostgreSQL module, and nothing else.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

#include "engine/families.h"
#include "fmgr.h"

RETENTION_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	families_check();
}
