/*
 * state_info.c
 *		Telling what a state is.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

#include "access/detoast.h"
#include "engine/customer_type.h"
#include "engine/seal.h"
#include "engine/state_read.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"

/*
 * state_info(retention_state, OUT measure, OUT customer_type, OUT customers,
 * OUT bytes): what built it, its customers, and the memory it takes where it is
 * now (inside a query that may be more than when it is stored). A sealed state has
 * counted customers, who are of no type any more.
 */
enum
{
	INFO_MEASURE,
	INFO_CUSTOMER_TYPE,
	INFO_CUSTOMERS,
	INFO_BYTES,
	INFO_COLUMNS
};

PG_FUNCTION_INFO_V1(state_info);
Datum
state_info(PG_FUNCTION_ARGS)
{
	Datum		value = PG_GETARG_DATUM(0);
	CustomerTable view;
	CustomerTable *table = state_open(value, &view);
	const bool	is_sealed = table->family->sealed_of != NULL;
	const char *kind = is_sealed ? NULL : key_kind_name(table->kind);
	Size		bytes;
	TupleDesc	row;
	Datum		values[INFO_COLUMNS];
	bool		nulls[INFO_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "state_info must return a row");
	if (table == &view)
		bytes = toast_datum_size(value);
	else
		bytes = MemoryContextMemAllocated(DatumGetEOHP(value)->eoh_context, true);
	values[INFO_MEASURE] = CStringGetTextDatum(table->family->name);
	if (kind)
		values[INFO_CUSTOMER_TYPE] = CStringGetTextDatum(kind);
	else
		nulls[INFO_CUSTOMER_TYPE] = true;
	values[INFO_CUSTOMERS] = Int64GetDatum(counted_customers(table));
	nulls[INFO_CUSTOMERS] = !is_sealed &&
		(table->kind == KEY_NONE || table->kind == KEY_PATTERN);
	values[INFO_BYTES] = Int64GetDatum((int64) bytes);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row),
													  values, nulls)));
}

/*
 * How much work customers have made in this process (customer_table_steps): a
 * function that tests declare, and nobody else.
 */
PG_FUNCTION_INFO_V1(retention_table_steps);
Datum
retention_table_steps(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) customer_table_steps);
}
