/*
 * cohort_curve.c
 *		The average line over a triangle of cohorts.
 *
 * Cohorts are weighted by their customers, and only complete cells count, so the
 * line neither sinks at its end, where young cohorts have had no time, nor forgets
 * a cohort that nobody of came back.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "base/checks.h"
#include "common/int.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "base/result_rows.h"
#include "math/comparison.h"
#include "math/specfun.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/* The columns of cohort_retention_row that matter here. */
enum
{
	ROW_PERIOD_INDEX = 1,
	ROW_ELIGIBLE = 3,
	ROW_RETAINED = 4,
	ROW_IS_COMPLETE = 13,
	ROW_COLUMNS
};

/* More days than anybody has orders of. */
#define MOST_INDEX	4000000

/* All complete cells of one index. */
typedef struct CurvePoint
{
	int64		cohorts;
	int64		eligible;
	int64		retained;
} CurvePoint;

typedef struct Curve
{
	int64		count;			/* indexes from 0 on */
	int64		room;
	CurvePoint *points;
} Curve;

static CurvePoint *
curve_point(Curve *curve, int32 index)
{
	if (index >= curve->room)
	{
		int64		room = Max(curve->room * 2, index + INT64CONST(1));

		room = Max(room, 64);
		curve->points = curve->points ?
			repalloc_huge(curve->points, room * sizeof(CurvePoint)) :
			MemoryContextAllocHuge(CurrentMemoryContext,
								   room * sizeof(CurvePoint));
		memset(curve->points + curve->room, 0,
			   (room - curve->room) * sizeof(CurvePoint));
		curve->room = room;
	}
	curve->count = Max(curve->count, index + INT64CONST(1));
	return &curve->points[index];
}

static void
reject_row(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"rows\" has a row whose %s", what),
			 errhint("Pass the rows as cohort_retention returns them.")));
}

/* Adds a cell, if it is complete. Rows may come from anywhere. */
static void
add_cell(Curve *curve, const Datum *values, const bool *nulls)
{
	int32		index = DatumGetInt32(values[ROW_PERIOD_INDEX]);
	int64		eligible = DatumGetInt64(values[ROW_ELIGIBLE]);
	int64		retained = DatumGetInt64(values[ROW_RETAINED]);
	CurvePoint *point;

	if (nulls[ROW_IS_COMPLETE] || !DatumGetBool(values[ROW_IS_COMPLETE]))
		return;
	if (nulls[ROW_PERIOD_INDEX] || nulls[ROW_ELIGIBLE] || nulls[ROW_RETAINED])
		reject_row("period_index, eligible or retained is null");
	if (index < 0 || index > MOST_INDEX)
		reject_row("period_index is out of range");
	if (eligible < 0 || retained < 0 || retained > eligible)
		reject_row("retained is not between 0 and eligible");
	point = curve_point(curve, index);
	point->cohorts++;
	if (pg_add_s64_overflow(point->eligible, eligible, &point->eligible))
		reject_row("eligible is out of range");
	point->retained += retained;
}

static void
read_rows(Curve *curve, ArrayType *rows)
{
	Oid			row_type = ARR_ELEMTYPE(rows);
	TupleDesc	columns = lookup_rowtype_tupdesc(row_type, -1);
	int16		typlen;
	bool		typbyval;
	char		typalign;
	ArrayIterator iterator;
	Datum		value;
	bool		isnull;
	Datum	   *values = palloc(columns->natts * sizeof(Datum));
	bool	   *nulls = palloc(columns->natts * sizeof(bool));
	ArrayMetaState meta = {0};
	int64		count = 0;

	check_row_columns(columns, ROW_COLUMNS);
	get_typlenbyvalalign(row_type, &typlen, &typbyval, &typalign);
	meta.element_type = row_type;
	meta.typlen = typlen;
	meta.typbyval = typbyval;
	meta.typalign = typalign;
	iterator = array_create_iterator(rows, 0, &meta);
	while (array_iterate(iterator, &value, &isnull))
	{
		HeapTupleHeader header;
		HeapTupleData tuple = {0};

		if ((count++ & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (isnull)
			continue;
		header = DatumGetHeapTupleHeader(value);
		tuple.t_len = HeapTupleHeaderGetDatumLength(header);
		tuple.t_data = header;
		heap_deform_tuple(&tuple, columns, values, nulls);
		add_cell(curve, values, nulls);
	}
	array_free_iterator(iterator);
	ReleaseTupleDesc(columns);
}

/*
 * cohort_curve(rows cohort_retention_row[], confidence double precision)
 * returns table (period_index, cohorts, eligible, retained, rate, ci_low, ci_high)
 *
 * A row for every index that some cohort has completed.
 */
enum
{
	CURVE_PERIOD_INDEX,
	CURVE_COHORTS,
	CURVE_ELIGIBLE,
	CURVE_RETAINED,
	CURVE_RATE,
	CURVE_CI_LOW,
	CURVE_CI_HIGH,
	CURVE_COLUMNS
};

PG_FUNCTION_INFO_V1(cohort_curve);
Datum
cohort_curve(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Curve		curve = {0};
	double		confidence;
	double		z;

	result_set_begin(fcinfo);
	if (PG_ARGISNULL(1))
		reject_null("confidence");
	confidence = PG_GETARG_FLOAT8(1);
	check_confidence(confidence);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	z = -normal_quantile((1 - confidence) / 2);
	read_rows(&curve, PG_GETARG_ARRAYTYPE_P(0));
	for (int64 i = 0; i < curve.count; i++)
	{
		const CurvePoint *point = &curve.points[i];
		double		low = 0;
		double		high = 0;
		Datum		values[CURVE_COLUMNS];
		bool		nulls[CURVE_COLUMNS] = {false};

		if (point->cohorts == 0)
			continue;
		nulls[CURVE_RATE] = point->eligible == 0;
		nulls[CURVE_CI_LOW] = nulls[CURVE_CI_HIGH] = nulls[CURVE_RATE];
		if (point->eligible > 0)
			wilson_interval((double) point->retained, (double) point->eligible,
							z, &low, &high);
		values[CURVE_PERIOD_INDEX] = Int32GetDatum((int32) i);
		values[CURVE_COHORTS] = Int64GetDatum(point->cohorts);
		values[CURVE_ELIGIBLE] = Int64GetDatum(point->eligible);
		values[CURVE_RETAINED] = Int64GetDatum(point->retained);
		values[CURVE_RATE] = Float8GetDatum(nulls[CURVE_RATE] ? 0 : (double) point->retained /
											(double) point->eligible);
		values[CURVE_CI_LOW] = Float8GetDatum(low);
		values[CURVE_CI_HIGH] = Float8GetDatum(high);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
