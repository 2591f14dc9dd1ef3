/*
 * score.c
 *		Scores of customers: window functions over one row per customer, and
 *		scores by a shop's own thresholds.
 *
 * The window functions read a partition once, at its first row, and keep a byte
 * of score per row and column. They look at rows by their position, so neither
 * ORDER BY nor a frame in OVER changes an answer, and they need no sort.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

#include "catalog/pg_type.h"
#include "base/checks.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "engine/order_keys.h"
#include "math/quantile.h"
#include "rfm/recency_score.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"
#include "windowapi.h"

#define MOST_COLUMNS	3
#define MOST_CELL_BINS	9		/* a digit each */
#define NO_RECENCY		(-1)

/*
 * What a window function keeps for the whole query.
 */
typedef struct ScoreQuery
{
	MemoryContext row_context;	/* for the arguments of some rows */
	int			columns;
	OrderType	type[MOST_COLUMNS];
} ScoreQuery;

/*
 * What it keeps of a partition: the scores of column c are
 * score[c * rows .. (c + 1) * rows - 1]; 0 is the score of NULL.
 */
typedef struct ScorePartition
{
	int			bins;
	int64		rows;
	uint8	   *score;
} ScorePartition;

static inline uint8 *
score_at(const ScorePartition *partition, int column, int64 row)
{
	return partition->score + column * partition->rows + row;
}

/* Rows whose arguments lie in row_context before it is reset. */
#define ROWS_PER_RESET	1024

/*
 * Reads the arguments of all rows of a partition. Row by row, since the rows may
 * lie in a file, which is slow to go back in.
 */
static void
read_columns(WindowObject window, ScoreQuery *query,
			 ScorePartition *partition, OrderKeys *keys)
{
	MemoryContext caller = MemoryContextSwitchTo(query->row_context);

	for (int64 row = 0; row < partition->rows; row++)
	{
		for (int column = 0; column < query->columns; column++)
		{
			bool		isnull;
			bool		isout;
			Datum		value = WinGetFuncArgInPartition(window, column,
														 (int) row,
														 WINDOW_SEEK_HEAD,
														 false, &isnull,
														 &isout);

			*score_at(partition, column, row) = !isnull;
			if (!isnull)
				order_keys_add(&keys[column], value);
		}
		if (row % ROWS_PER_RESET == ROWS_PER_RESET - 1)
			MemoryContextReset(query->row_context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(query->row_context);
}

/*
 * Scores all rows of a partition in one column. The scores come as 1 for each
 * value and 0 for each NULL. Recency is counted from above.
 */
static void
score_column(ScorePartition *partition, int column, OrderKeys *keys,
			 bool is_recency)
{
	uint8	   *score = score_at(partition, column, 0);
	uint64	   *words = unconstify(uint64 *, order_keys_words(keys));
	QuantileCuts cuts;

	for (uint64 i = 0; is_recency && i < keys->count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		words[i] = ~words[i];
	}
	quantile_cuts(&cuts, words, keys->count, partition->bins);
	for (int64 row = 0; row < partition->rows; row++)
	{
		if ((row & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!score[row])
			continue;
		score[row] = quantile_score_of(&cuts, *words++);
		if (is_recency)
			score[row] = recency_score(score[row], partition->bins);
	}
}

static ScoreQuery *
score_query(FunctionCallInfo fcinfo, int columns, const char *const *arguments)
{
	FmgrInfo   *function = fcinfo->flinfo;
	ScoreQuery *query = function->fn_extra;
	MemoryContext caller;

	if (query)
		return query;
	caller = MemoryContextSwitchTo(function->fn_mcxt);
	query = palloc0(sizeof(ScoreQuery));
	query->row_context = AllocSetContextCreate(function->fn_mcxt,
											   "retention score arguments",
											   ALLOCSET_DEFAULT_SIZES);
	query->columns = columns;
	for (int i = 0; i < columns; i++)
		order_type_init(&query->type[i],
						get_fn_expr_argtype(function, i),
						fcinfo->fncollation, arguments[i]);
	MemoryContextSwitchTo(caller);
	function->fn_extra = query;
	return query;
}

/*
 * The scores of the partition the current row is in; recency_column is the one that
 * is counted from above, or NO_RECENCY.
 */
static ScorePartition *
score_partition(FunctionCallInfo fcinfo, int columns,
				const char *const *arguments, int recency_column,
				int most_bins)
{
	WindowObject window = PG_WINDOW_OBJECT();
	ScorePartition *partition;
	ScoreQuery *query;
	OrderKeys	keys[MOST_COLUMNS];
	bool		isnull;
	int			bins;

	/* the server lets a user make an operator of any function */
	if (!WindowObjectIsValid(window))
		ereport(ERROR,
				(errcode(ERRCODE_WINDOWING_ERROR),
				 errmsg("%s can only be called with OVER",
						get_func_name(fcinfo->flinfo->fn_oid))));
	partition = WinGetPartitionLocalMemory(window, sizeof(ScorePartition));
	bins = DatumGetInt32(WinGetFuncArgCurrent(window, columns, &isnull));
	if (isnull)
		reject_null("bins");
	if (partition->score)
	{
		if (bins != partition->bins)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"bins\" must be the same in every row of a partition")));
		return partition;
	}

	check_int_range(bins, FEWEST_BINS, most_bins, "bins");
	partition->bins = bins;
	partition->rows = WinGetPartitionRowCount(window);
	if (partition->rows > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("cannot score a partition of " INT64_FORMAT " rows, more than %d",
						partition->rows, PG_INT32_MAX)));
	/* beside what the server keeps of this partition, and freed with it */
	partition->score =
		MemoryContextAllocHuge(GetMemoryChunkContext(partition),
							   columns * partition->rows);
	query = score_query(fcinfo, columns, arguments);
	for (int i = 0; i < columns; i++)
		order_keys_init(&keys[i], &query->type[i], partition->rows);
	read_columns(window, query, partition, keys);
	for (int i = 0; i < columns; i++)
	{
		score_column(partition, i, &keys[i], i == recency_column);
		order_keys_free(&keys[i]);
	}
	WinSetMarkPosition(window, partition->rows - 1);
	return partition;
}

/*
 * quantile_score(x anyelement, bins int DEFAULT 5) OVER (...) returns int
 *
 * The score of x, 1 (least) to bins, among the partition's values that are not
 * NULL; equal values share it. See quantile.h.
 */
PG_FUNCTION_INFO_V1(quantile_score);
Datum
quantile_score(PG_FUNCTION_ARGS)
{
	/* NaN has its place in the server's order, so it is no error here */
	static const char *const arguments[] = {NULL};
	ScorePartition *partition = score_partition(fcinfo, 1, arguments,
												NO_RECENCY, MOST_BINS);
	int			score = *score_at(partition, 0,
								  WinGetCurrentPosition(PG_WINDOW_OBJECT()));

	if (score == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(score);
}

/*
 * rfm_score(last_order_at timestamptz, orders bigint, monetary numeric,
 * bins int DEFAULT 5) OVER (...) returns text
 *
 * The three scores as a cell of three digits: recency (see recency_score.h),
 * frequency, monetary.
 * NULL if one of the three is NULL; the others count in their columns.
 */
PG_FUNCTION_INFO_V1(rfm_score);
Datum
rfm_score(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"last_order_at", "orders", "monetary"};
	ScorePartition *partition = score_partition(fcinfo, 3, arguments,
												0, MOST_CELL_BINS);
	int64		row = WinGetCurrentPosition(PG_WINDOW_OBJECT());
	char		cell[3];

	for (int i = 0; i < 3; i++)
	{
		int			digit = *score_at(partition, i, row);

		if (digit == 0)
			PG_RETURN_NULL();
		cell[i] = '0' + digit;
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(cell, sizeof(cell)));
}

/* ------------------------------------------------------------------------
 * threshold_score
 * ------------------------------------------------------------------------
 */
static int
compare_ordered(FunctionCallInfo fcinfo, const TypeCacheEntry *type,
				Datum a, Datum b)
{
	return DatumGetInt32(FunctionCall2Coll(unconstify(FmgrInfo *, &type->cmp_proc_finfo),
										   PG_GET_COLLATION(), a, b));
}

static const TypeCacheEntry *
ordered_type(FunctionCallInfo fcinfo, Oid type_id)
{
	TypeCacheEntry *type = fcinfo->flinfo->fn_extra;

	if (type && type->type_id == type_id)
		return type;
	type = lookup_type_cache(type_id, TYPECACHE_CMP_PROC_FINFO);
	if (!OidIsValid(type->cmp_proc))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("values of type %s cannot be ordered",
						format_type_be(type_id))));
	fcinfo->flinfo->fn_extra = type;
	return type;
}

/*
 * 1 + the number of thresholds that x, of their type, reaches: at or above them
 * if higher is better, at or below them if not. Thresholds ascend.
 */
static int
score_by_thresholds(FunctionCallInfo fcinfo, Datum x, ArrayType *thresholds,
					bool higher_is_better)
{
	const TypeCacheEntry *type = ordered_type(fcinfo, ARR_ELEMTYPE(thresholds));
	Datum	   *threshold;
	bool	   *isnull;
	int			count;
	int			score = 1;

	if (ARR_NDIM(thresholds) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"thresholds\" must be a list, not an array of %d dimensions",
						ARR_NDIM(thresholds))));
	deconstruct_array(thresholds, type->type_id, type->typlen, type->typbyval,
					  type->typalign, &threshold, &isnull, &count);
	for (int i = 0; i < count; i++)
	{
		int			order;

		if (isnull[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"thresholds\" must not contain nulls")));
		if (i > 0 &&
			compare_ordered(fcinfo, type, threshold[i - 1], threshold[i]) >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"thresholds\" must ascend, each above the one before"),
					 errhint("Where less is better, such as days since the last order, keep them ascending and pass higher_is_better => false.")));
		order = compare_ordered(fcinfo, type, x, threshold[i]);
		score += higher_is_better ? order >= 0 : order <= 0;
	}
	return score;
}

/*
 * '9' is above '100' as text, which no shop means.
 */
static void
reject_text_thresholds(Oid type_id)
{
	char		category;
	bool		is_preferred;

	get_type_category_preferred(getBaseType(type_id), &category, &is_preferred);
	if (category == TYPCATEGORY_STRING)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("values of type %s have no score by thresholds: in their order 9 is above 100",
						format_type_be(type_id)),
				 errhint("Cast both arguments to numbers, times or intervals, such as x::numeric, thresholds::numeric[].")));
}

/* The arguments of every threshold_score */
enum
{
	THRESHOLD_X,
	THRESHOLD_THRESHOLDS,
	THRESHOLD_HIGHER_IS_BETTER
};

/*
 * threshold_score(x, thresholds, higher_is_better boolean DEFAULT true) returns
 * int: of numbers, times and intervals; as threshold_score_any, of every type
 * that has an order, but text
 */
PG_FUNCTION_INFO_V1(threshold_score);
Datum
threshold_score(PG_FUNCTION_ARGS)
{
	ArrayType  *thresholds = PG_GETARG_ARRAYTYPE_P(THRESHOLD_THRESHOLDS);

	reject_text_thresholds(ARR_ELEMTYPE(thresholds));
	PG_RETURN_INT32(score_by_thresholds(fcinfo, PG_GETARG_DATUM(THRESHOLD_X),
										thresholds,
										PG_GETARG_BOOL(THRESHOLD_HIGHER_IS_BETTER)));
}

/* Adds to the error of numeric's input what it means here. */
static void
hint_at_casts(void *unused)
{
	errhint("Texts are read as numbers here. Cast both arguments, such as x::timestamptz, thresholds::timestamptz[].");
}

/*
 * text or text[] as numeric or numeric[], by the types' own functions
 */
static Datum
numbers_of_text(Datum value, Oid text_type, Oid number_type)
{
	ErrorContextCallback context = {.callback = hint_at_casts};
	Oid			input;
	Oid			io_param;
	Datum		numbers;

	getTypeInputInfo(number_type, &input, &io_param);
	context.previous = error_context_stack;
	error_context_stack = &context;
	numbers = OidInputFunctionCall(input, value_text(text_type, value),
								   io_param, -1);
	error_context_stack = context.previous;
	return numbers;
}

/*
 * threshold_score(x text, thresholds text[], higher_is_better boolean DEFAULT
 * true) returns int
 *
 * What a client sends without a type comes as text. It is read as numbers, and
 * what is none is the error of numeric's input.
 */
PG_FUNCTION_INFO_V1(threshold_score_text);
Datum
threshold_score_text(PG_FUNCTION_ARGS)
{
	Datum		x = numbers_of_text(PG_GETARG_DATUM(THRESHOLD_X), TEXTOID,
									NUMERICOID);
	Datum		thresholds = numbers_of_text(PG_GETARG_DATUM(THRESHOLD_THRESHOLDS),
											 TEXTARRAYOID, NUMERICARRAYOID);

	PG_RETURN_INT32(score_by_thresholds(fcinfo, x,
										DatumGetArrayTypeP(thresholds),
										PG_GETARG_BOOL(THRESHOLD_HIGHER_IS_BETTER)));
}
