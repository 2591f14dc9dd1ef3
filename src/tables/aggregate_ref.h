/*
 * aggregate_ref.h
 *		An aggregate of ours in the text of a query, whoever has functions beside it.
 *
 * A name is no way to call a function for certain: who may create functions in the
 * schema of the extension can make one with the same arguments and a default more, and
 * then no call by name is unique. So in the text stands
 *
 *		schema.aggregate.as_of_N
 *
 * which looks like a column of a table that there is not, and where the server finds
 * no such column it asks a hook, which puts in its place the call
 *
 *		aggregate(customer, ordered_at, amount[, $N[, tz]])
 *
 * over columns of these names, by the aggregate's OID.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_AGGREGATE_REF_H
#define RETENTION_AGGREGATE_REF_H

#include "base/compat.h"

#include "nodes/params.h"

typedef struct AggregateRef
{
	Oid			schema;			/* the extension's */
	const char *schema_name;
	const char *aggregate;
	bool		takes_as_of;
	const char *tz;				/* NULL: it takes none */
	ParserSetupHook setup_params;	/* what the parser is set up with besides */
} AggregateRef;

extern retention_internal void aggregate_ref_hook(AggregateRef *ref,
												  ParamListInfo params);

#endif							/* RETENTION_AGGREGATE_REF_H */
