/*
 * result_rows.c
 *		Results that are rows.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/result_rows.h"

#include "access/htup_details.h"
#include "base/large_memory.h"
#include "executor/executor.h"
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
	rows->used = ARR_OVERHEAD_NONULLS(1);
	rows->room = 8192;
	rows->array = palloc(rows->room);
}

/*
 * Raises an error for a row type that has not so many columns: it is that of an older
 * version, whose script still stands in this database.
 */
void
check_row_columns(TupleDesc columns, int count)
{
	if (columns->natts != count)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"retention\" has an older version in this database than on the server"),
				 errhint("Run ALTER EXTENSION retention UPDATE.")));
}

void
result_rows_add(ResultRows *rows, Datum *values, bool *nulls)
{
	HeapTuple	tuple = heap_form_tuple(rows->columns, values, nulls);
	Size		size = MAXALIGN(tuple->t_len);

	if ((rows->count & 0xFFF) == 0)
		CHECK_FOR_INTERRUPTS();
	if (rows->used + size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the rows take more than the 1 GB a value can have")));
	if (rows->used + size > rows->room)
	{
		rows->room = Min((rows->used + size) * 2, MaxAllocSize);
		rows->array = repalloc(rows->array, rows->room);
		prefer_huge_pages(rows->array, rows->room);
	}
	/* the tuple's header is that of a composite value */
	memset(rows->array + rows->used + tuple->t_len, 0, size - tuple->t_len);
	memcpy(rows->array + rows->used, tuple->t_data, tuple->t_len);
	rows->used += size;
	rows->count++;
	heap_freetuple(tuple);
}

/* The array of all rows, from the first added on. */
Datum
result_rows_array(ResultRows *rows)
{
	ArrayType  *array = (ArrayType *) rows->array;

	if (rows->count == 0)
		return PointerGetDatum(construct_empty_array(rows->row_type));
	SET_VARSIZE(array, rows->used);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = rows->row_type;
	ARR_DIMS(array)[0] = (int) rows->count;
	ARR_LBOUND(array)[0] = 1;
	return PointerGetDatum(array);
}

/* The one row of a function that returns a composite type, or has OUT arguments. */
Datum
result_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	Oid			type = get_func_rettype(fcinfo->flinfo->fn_oid);
	TupleDesc	columns;
	HeapTuple	tuple;

	if (type == RECORDOID)
	{
		if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "function %u does not return a row",
				 fcinfo->flinfo->fn_oid);
		columns = BlessTupleDesc(columns);
		return HeapTupleGetDatum(heap_form_tuple(columns, values, nulls));
	}
	columns = lookup_rowtype_tupdesc(type, -1);
	tuple = heap_form_tuple(columns, values, nulls);
	ReleaseTupleDesc(columns);
	return HeapTupleGetDatum(tuple);
}

/* The rows are kept in a memory context that is the current one. */
static void
begin_result(FunctionCallInfo fcinfo, MemoryContext rows)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	columns;
	MemoryContext caller;

	/* what the query expects is what the function declares, found out before */
	columns = result->expectedDesc;
	if (columns == NULL &&
		get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "function %u does not return rows", fcinfo->flinfo->fn_oid);
	caller = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	result->returnMode = SFRM_Materialize;
	result->setDesc = CreateTupleDescCopy(columns);
	MemoryContextSwitchTo(rows);
	result->setResult =
		tuplestore_begin_heap(result->allowedModes & SFRM_Materialize_Random,
							  false, work_mem);
	MemoryContextSwitchTo(caller);
}

static MemoryContext
query_context(FunctionCallInfo fcinfo)
{
	const ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	if (result == NULL || !IsA(result, ReturnSetInfo) ||
		!(result->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a function that returns rows is called where none can be")));
	return result->econtext->ecxt_per_query_memory;
}

/*
 * Begins the result of a function that returns rows, to be put with
 * tuplestore_putvalues(). As InitMaterializedSRF(), but what it takes to find out the
 * columns is not kept until the query ends: the function may be called for each of a
 * million rows.
 */
void
result_set_begin(FunctionCallInfo fcinfo)
{
	begin_result(fcinfo, query_context(fcinfo));
}

/* Blocks of many rows grow up to it: larger than usual, to be of large pages. */
#define MOST_BLOCK		((Size) 64 * 1024 * 1024)

/* Where the rows of the result will be. */
static MemoryContext
rows_context(FunctionCallInfo fcinfo)
{
	MemoryContext context = query_context(fcinfo);

	if (TUPLESTORE_HAS_CONTEXT)
		return context;
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra =
			GenerationContextCreate(context, "retention result",
									ALLOCSET_DEFAULT_MINSIZE,
									ALLOCSET_DEFAULT_INITSIZE, MOST_BLOCK);
	return fcinfo->flinfo->fn_extra;
}

/*
 * The same for a function that may return millions of rows and has no fn_extra of its
 * own: they lie one behind the other, not each in memory of the next power of two. The
 * context serves all calls of a query, which end their rows before they go on.
 */
void
result_set_begin_many(FunctionCallInfo fcinfo, ResultSet *set)
{
	MemoryContext rows = rows_context(fcinfo);

	begin_result(fcinfo, rows);
	*set = (ResultSet) {
		.result = (ReturnSetInfo *) fcinfo->resultinfo,
		.call = CurrentMemoryContext,
		.rows = rows,
		.memory = MemoryContextMemAllocated(rows, false)
	};
	set->slot = MakeSingleTupleTableSlot(set->result->setDesc,
										 &TTSOpsMinimalTuple);
}

/* Room for a row of so many bytes. */
static void
reserve_row(ResultSet *set, Size size)
{
	if (likely(size <= set->room))
		return;
	if (set->row)
		pfree(set->row);
	set->row = NULL;
	set->room = 0;
	set->row = MemoryContextAlloc(set->call, size * 2);
	set->room = size * 2;
}

/* As heap_form_minimal_tuple(), but in memory that is used again. */
static MinimalTuple
form_row(ResultSet *set, Datum *values, bool *nulls)
{
	TupleDesc	columns = set->result->setDesc;
	const int	n = columns->natts;
	const bool	has_nulls = memchr(nulls, true, n) != NULL;
	const Size	begin = MAXALIGN(SizeofHeapTupleHeader +
								 (has_nulls ? BITMAPLEN(n) : 0));
	const Size	data = heap_compute_data_size(columns, values, nulls);
	const Size	size = begin - MINIMAL_TUPLE_OFFSET + data;
	MinimalTuple row;

	reserve_row(set, size);
	row = (MinimalTuple) set->row;
	memset(row, 0, size);
	row->t_len = (uint32) size;
	row->t_infomask2 = (uint16) n;
	row->t_hoff = (uint8) begin;
	heap_fill_tuple(columns, values, nulls,
					(char *) row + begin - MINIMAL_TUPLE_OFFSET, data,
					&row->t_infomask, has_nulls ? row->t_bits : NULL);
	return row;
}

/* The sanitizer's guards take each request for a block of its own. */
#ifdef __SANITIZE_ADDRESS__
#define SHARES_BLOCKS	false
#else
#define SHARES_BLOCKS	true
#endif

/*
 * The server took another block for rows, which lies around what it has next. That is
 * given back, or the block would be kept until the query ends.
 */
static void
prepare_block(ResultSet *set, Size memory)
{
	if (SHARES_BLOCKS && memory > set->memory)
	{
		char	   *inside = MemoryContextAlloc(set->rows, 1);

		prefer_huge_pages(inside, memory - set->memory);
		pfree(inside);
	}
	set->memory = MemoryContextMemAllocated(set->rows, false);
}

/* Adds a row. */
void
result_set_put(ResultSet *set, Datum *values, bool *nulls)
{
	Size		memory;

	ExecStoreMinimalTuple(form_row(set, values, nulls), set->slot, false);
	tuplestore_puttupleslot(set->result->setResult, set->slot);
	memory = MemoryContextMemAllocated(set->rows, false);
	if (unlikely(memory != set->memory))
		prepare_block(set, memory);
}
