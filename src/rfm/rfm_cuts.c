/*
 * rfm_cuts.c
 *		RFM scores by cut points that were found before.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "rfm/rfm_cuts.h"

#include "access/htup_details.h"
#include "base/checks.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

enum
{
	CUTS_BINS,
	CUTS_GRID,
	CUTS_RECENCY,
	CUTS_FREQUENCY,
	CUTS_MONETARY,
	CUTS_COLUMNS
};

static void
reject_cuts(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"cuts\" has not the cut points of so many bins"),
			 errhint("Give bins - 1 of each, as retention_fit writes them.")));
}

/* The elements of one of the arrays; there are bins - 1, or none. */
static int
cuts_of_array(const RfmCuts *cuts, Datum array, Oid type, int16 length,
			  bool by_value, char align, Datum **values)
{
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(array), type, length, by_value, align,
					  values, &nulls, &count);
	if (count != 0 && count != cuts->bins - 1)
		reject_cuts();
	for (int i = 0; i < count; i++)
		if (nulls[i])
			reject_cuts();
	return count;
}

static void
read_cut_columns(RfmCuts *cuts, HeapTupleHeader header, Datum *columns)
{
	bool		isnull;

	for (int i = 0; i < CUTS_COLUMNS; i++)
	{
		columns[i] = GetAttributeByNum(header, i + 1, &isnull);
		if (isnull)
			reject_cuts();
	}
	cuts->bins = DatumGetInt32(columns[CUTS_BINS]);
	check_rfm_bins(cuts->bins);
	cuts->grid = rfm_grid_from_text(DatumGetTextPP(columns[CUTS_GRID]));
}

/* From a value of type rfm_cuts. */
void
rfm_cuts_from_datum(RfmCuts *cuts, Datum datum)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(datum);
	Datum		columns[CUTS_COLUMNS];
	Datum	   *values;

	read_cut_columns(cuts, header, columns);
	cuts->nrecency = cuts_of_array(cuts, columns[CUTS_RECENCY], TIMESTAMPTZOID, 8,
								   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values);
	for (int i = 0; i < cuts->nrecency; i++)
		cuts->recency[i] = DatumGetTimestampTz(values[i]);
	cuts->nfrequency = cuts_of_array(cuts, columns[CUTS_FREQUENCY], INT8OID, 8,
									 FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values);
	for (int i = 0; i < cuts->nfrequency; i++)
		cuts->frequency[i] = DatumGetInt64(values[i]);
	cuts->nmonetary = cuts_of_array(cuts, columns[CUTS_MONETARY], NUMERICOID, -1,
									false, TYPALIGN_INT, &values);
	for (int i = 0; i < cuts->nmonetary; i++)
	{
		cuts->monetary[i] = DatumGetNumeric(values[i]);
		if (numeric_is_nan(cuts->monetary[i]))
			reject_cuts();
	}
}

/*
 * The cut points of most queries are the same for all rows: read once. Those of others
 * change with the country, so what was read is freed before the next.
 */
typedef struct CutsCache
{
	MemoryContext context;		/* of what follows */
	Datum		datum;			/* a copy of what was read */
	Size		size;			/* 0: nothing was */
	RfmCuts		cuts;
} CutsCache;

static CutsCache *
cuts_cache_of(FmgrInfo *function)
{
	CutsCache  *cache = function->fn_extra;

	if (cache)
		return cache;
	cache = MemoryContextAllocZero(function->fn_mcxt, sizeof(*cache));
	cache->context = AllocSetContextCreate(function->fn_mcxt, "cut points",
										   ALLOCSET_SMALL_SIZES);
	function->fn_extra = cache;
	return cache;
}

const RfmCuts *
rfm_cuts_arg(FunctionCallInfo fcinfo, int argument)
{
	CutsCache  *cache = cuts_cache_of(fcinfo->flinfo);
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(argument);
	const Size	size = HeapTupleHeaderGetDatumLength(header);
	MemoryContext caller;

	if (cache->size == size &&
		memcmp(DatumGetPointer(cache->datum), header, size) == 0)
		return &cache->cuts;
	cache->size = 0;
	MemoryContextReset(cache->context);
	caller = MemoryContextSwitchTo(cache->context);
	cache->datum = PointerGetDatum(memcpy(palloc(size), header, size));
	rfm_cuts_from_datum(&cache->cuts, cache->datum);
	MemoryContextSwitchTo(caller);
	cache->size = size;
	return &cache->cuts;
}

/*
 * The scores of a customer with an order: as quantile.h and recency_score.h have them.
 * Money may be NULL: unknown.
 */
RfmScores
rfm_scores_of(const RfmCuts *cuts, TimestampTz last_order_at, int64 orders,
			  Numeric monetary)
{
	RfmScores	scores = {.r = cuts->bins, .f = 1, .segment = SEGMENT_UNSCORED};

	for (int i = 0; i < cuts->nrecency; i++)
		scores.r -= cuts->recency[i] > last_order_at;
	for (int i = 0; i < cuts->nfrequency; i++)
		scores.f += cuts->frequency[i] < orders;
	if (monetary == NULL)
		return scores;
	scores.m = 1;
	for (int i = 0; i < cuts->nmonetary; i++)
		scores.m += DatumGetBool(DirectFunctionCall2(numeric_lt,
													 NumericGetDatum(cuts->monetary[i]),
													 NumericGetDatum(monetary)));
	scores.segment = rfm_grid_segment(cuts->grid, cuts->bins, scores.r, scores.f,
									  scores.m);
	return scores;
}

/*
 * rfm_cell(last_order_at timestamptz, orders bigint, monetary numeric, cuts rfm_cuts)
 * returns text
 *
 * The scores of one customer as a cell such as '543': that of rfm_segments, if the cut
 * points are those of all its customers.
 */
enum
{
	CELL_LAST_ORDER_AT,
	CELL_ORDERS,
	CELL_MONETARY,
	CELL_CUTS
};

PG_FUNCTION_INFO_V1(rfm_cell);
Datum
rfm_cell(PG_FUNCTION_ARGS)
{
	const TimestampTz last_order_at = PG_GETARG_TIMESTAMPTZ(CELL_LAST_ORDER_AT);
	const int64 orders = PG_GETARG_INT64(CELL_ORDERS);
	const Numeric monetary = PG_GETARG_NUMERIC(CELL_MONETARY);
	RfmScores	scores;
	char		cell[RFM_CELL_LENGTH];

	check_finite_time(last_order_at, "last_order_at");
	check_finite_numeric(monetary, "monetary");
	scores = rfm_scores_of(rfm_cuts_arg(fcinfo, CELL_CUTS), last_order_at,
						   orders, monetary);
	rfm_cell_of_scores(cell, &scores);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(cell, sizeof(cell)));
}
