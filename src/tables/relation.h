/*
 * relation.h
 *		A relation given as an argument: the one way to open it, whatever for.
 *
 * Who may not read anything of it is told so before anything else, and who may not
 * read a column before its type matters: a message is no way to learn what a table
 * looks like.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RELATION_H
#define RETENTION_RELATION_H

#include "base/compat.h"

#include "access/attnum.h"
#include "fmgr.h"
#include "utils/rel.h"

extern retention_internal Relation relation_arg(FunctionCallInfo fcinfo,
												int argument, const char *name);
extern retention_internal const char *relation_sql(Relation relation);
extern retention_internal void check_column_privilege(Oid relation_id,
													  AttrNumber attnum);

#endif							/* RETENTION_RELATION_H */
