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
#include "utils/expandeddatum.h"

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

/*
 * The same for who reads rows that wait for their table, too: where they are most of
 * what there is, they are sorted and left where they are.
 */
CustomerTable *
state_open_with_rows(Datum value, CustomerTable *view)
{
	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
	{
		ExpandedState *expanded = (ExpandedState *) DatumGetEOHP(value);

		if (expanded_sort_waiting(expanded))
			return &expanded->table;
	}
	return state_open(value, view);
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

/*
 * The value itself as the result of a final function. PostgreSQL 15 copies the result of
 * an aggregate that has none, and so packs a table of millions of customers to have it
 * read once; what the final function has made for it, this pointer, it leaves as it is.
 * Later versions do so by themselves.
 */
Datum
value_as_it_is(Datum value)
{
	void	   *pointer;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
		return value;
	pointer = palloc(EXPANDED_POINTER_SIZE);
	memcpy(pointer, DatumGetPointer(EOHPGetRODatum(DatumGetEOHP(value))),
		   EXPANDED_POINTER_SIZE);
	return PointerGetDatum(pointer);
}

/*
 * retention_state_finalfn(retention_state) returns retention_state
 *
 * The final function of aggregates whose states are read by table functions.
 */
PG_FUNCTION_INFO_V1(retention_state_finalfn);
Datum
retention_state_finalfn(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(value_as_it_is(PG_GETARG_DATUM(0)));
}
