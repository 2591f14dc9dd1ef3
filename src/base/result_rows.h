/*
 * result_rows.h
 *		Results that are rows: of table functions, one row of a composite type, and
 *		those of an aggregate that answers with several rows, an array made for unnest.
 *
 * The rows of an array are written one behind the other where it will be, so that a
 * large result is in memory once.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RESULT_ROWS_H
#define RETENTION_RESULT_ROWS_H

#include "base/compat.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "nodes/execnodes.h"

typedef struct ResultRows
{
	Oid			row_type;
	TupleDesc	columns;
	int64		count;
	Size		used;
	Size		room;
	char	   *array;
} ResultRows;

/* The rows of a function that may return millions. */
typedef struct ResultSet
{
	ReturnSetInfo *result;
	MemoryContext call;			/* lives as long as the call */
	TupleTableSlot *slot;		/* to hand a row on */
	char	   *row;			/* the last one: a minimal tuple */
	Size		room;
	MemoryContext rows;			/* where the server keeps them */
	Size		memory;			/* of it, as it was looked at last */
} ResultSet;

/* So many rows fit one array, about; callers refuse more before they begin. */
#define MOST_RESULT_ROWS	INT64CONST(4000000)

extern retention_internal void result_rows_init(ResultRows *rows,
												FunctionCallInfo fcinfo);
extern retention_internal void check_row_columns(TupleDesc columns, int count);
extern retention_internal void result_rows_add(ResultRows *rows, Datum *values,
											   bool *nulls);
extern retention_internal Datum result_rows_array(ResultRows *rows);
extern retention_internal void result_set_begin(FunctionCallInfo fcinfo);
extern retention_internal void result_set_begin_many(FunctionCallInfo fcinfo,
													 ResultSet *set);
extern retention_internal void result_set_put(ResultSet *set,
											  Datum *values, bool *nulls);
extern retention_internal Datum result_row(FunctionCallInfo fcinfo,
										   Datum *values, bool *nulls);

#endif							/* RETENTION_RESULT_ROWS_H */
