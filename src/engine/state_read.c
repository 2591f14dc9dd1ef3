/*
 * state_read.c
 *		Reading a state, in whichever form it is.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"

#include "engine/state_expanded.h"
#include "engine/state_flat.h"

/*
 * Opens a value as a table to read, without changing what it means. "view" is
 * used if the value is flat.
 */
CustomerTable *
state_open(Datum value, CustomerTable *view)
{
	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
	{
		ExpandedState *expanded = (ExpandedState *) DatumGetEOHP(value);

		expanded_finish(expanded);
		return &expanded->table;
	}
	flat_view(view, PG_DETOAST_DATUM(value));
	return view;
}

CustomerTable *
state_read(FunctionCallInfo fcinfo, CustomerTable *view)
{
	return state_open(PG_GETARG_DATUM(0), view);
}

/* Until when a state of a family with that option knows of orders. */
TimestampTz
state_as_of(const CustomerTable *table)
{
	const CustomerFamily *family = table->family;

	for (int i = 0; i < family->noptions; i++)
		if (strcmp(family->options[i].name, "as_of") == 0)
			return table->options->value[i].time;
	elog(ERROR, "a state of %s has no as_of", family->name);
	return 0;
}


void
reject_state(const CustomerTable *table, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s cannot be read from a state of %s", wanted,
					table->family->name)));
}
