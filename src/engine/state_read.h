/*
 * state_read.h
 *		Reading a state, in whichever form it is.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_READ_H
#define RETENTION_STATE_READ_H

#include "base/compat.h"

#include "engine/customer_table.h"
#include "fmgr.h"

extern retention_internal CustomerTable *state_open(Datum value,
													CustomerTable *view);
extern retention_internal CustomerTable *state_open_with_rows(Datum value,
															  CustomerTable *view);
extern retention_internal CustomerTable *state_read(FunctionCallInfo fcinfo,
													CustomerTable *view);
extern retention_internal Datum value_as_it_is(Datum value);
extern retention_internal TimestampTz state_as_of(const CustomerTable *table);
extern retention_internal retention_noreturn void reject_state(const CustomerTable *table,
															   const char *wanted);

/*
 * A combine function with a NULL among its two arguments: the other is the result. The
 * second our caller copies into its own memory.
 */
static inline bool
one_alone(FunctionCallInfo fcinfo, Datum *alone)
{
	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1))
		return false;
	fcinfo->isnull = PG_ARGISNULL(0) && PG_ARGISNULL(1);
	*alone = fcinfo->isnull ? (Datum) 0 : PG_GETARG_DATUM(PG_ARGISNULL(0));
	return true;
}

/*
 * A share of customers as a final function's result; NULL of none.
 */
static inline Datum
state_share(FunctionCallInfo fcinfo, int64 part, int64 whole)
{
	if (whole == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) part / (double) whole);
}

#endif							/* RETENTION_STATE_READ_H */
