/*
 * result_rows.c
 *		The result of an aggregate that answers with several rows.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "result_rows.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/*
 * The type of the rows is that of the function's declared result: it is known
 * wherever the function is called from, without an expression to ask.
 */
void
result_rows_init(ResultRows *rows, FunctionCallInfo fcinfo)
{
	rows->row_type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	if (!OidIsValid(rows->row_type))
		elog(ERROR, "function %u does not return an array of rows",
			 fcinfo->flinfo->fn_oid);
	rows->columns = lookup_rowtype_tupdesc_copy(rows->row_type, -1);
	rows->count = 0;
	rows->room = 64;
	rows->rows = palloc(rows->room * sizeof(Datum));
}

void
result_rows_add(ResultRows *rows, Datum *values, bool *nulls)
{
	HeapTuple	tuple = heap_form_tuple(rows->columns, values, nulls);

	if ((rows->count & 0xFFF) == 0)
		CHECK_FOR_INTERRUPTS();
	if (rows->count == rows->room)
		rows->rows = repalloc_huge(rows->rows,
								   (rows->room *= 2) * sizeof(Datum));
	rows->rows[rows->count++] = HeapTupleGetDatum(tuple);
}

/* The array of all rows, from the first added on. */
Datum
result_rows_array(ResultRows *rows)
{
	return PointerGetDatum(construct_array(rows->rows, (int) rows->count,
										   rows->row_type, -1, false,
										   TYPALIGN_DOUBLE));
}
