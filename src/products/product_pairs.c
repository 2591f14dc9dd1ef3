/*
 * product_pairs.c
 *		What is bought together? Pairs of products in one basket, and whether that is more
 *		often than chance would have it.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/key_functions.h"
#include "math/hypergeometric.h"
#include "products/product_sets.h"

static const OptionSpec pairs_options[] = {
	[PRODUCTS_MIN_COUNT] = {"min_count", OPTION_COUNT}
};

/* state, basket, product */
#define PAIRS_FIRST_OPTION	3

static void
pairs_merge(CustomerTable *table, void *into, const void *from,
			const char *from_base)
{
	number_list_merge(&table->heap, false, &((ProductLines *) into)->lines,
					  from_base, ((const ProductLines *) from)->lines,
					  table->renumber);
}

static bool
pairs_valid(const void *payload, const char *heap_base,
			const StateOptions *options)
{
	return ((const ProductLines *) payload)->lines != NUMBERS_NONE;
}

CUSTOMER_ABSORB(pairs_absorb, product_pairs_family)

retention_internal const CustomerFamily product_pairs_family = {
	.name = "product_pairs",
	.id = FAMILY_PRODUCT_PAIRS,
	.noptions = lengthof(pairs_options),
	.options = pairs_options,
	.derive = products_derive,
	.totals_fields = STATE_FIELDS(FIELD(ProductTotals, products, TEXTS)),
	.totals_size = sizeof(ProductTotals),
	.totals_identity = &no_products,
	.payload_fields = STATE_FIELDS(FIELD(ProductLines, lines, NUMBERS)),
	.payload_size = sizeof(ProductLines),
	.identity = &no_lines,
	.merge = pairs_merge,
	.prefetch = product_lines_prefetch,
	.valid = pairs_valid,
	.has_texts = true,
	.absorb = pairs_absorb,
	.key_name = "basket"
};

/*
 * product_pairs_transfn_<kind>(retention_state, basket, product text, min_count integer)
 *
 * A row without a basket or a product is none.
 */
static pg_attribute_always_inline Datum
pairs_transition(FunctionCallInfo fcinfo, KeyKind kind)
{
	enum
	{
		BASKET = 1, PRODUCT
	};
	StateUpdate update;
	StateHeap  *row_heap;
	ProductLines basket;
	text	   *product;
	uint32		number;

	state_update_begin(&update, fcinfo, &product_pairs_family, kind,
					   PAIRS_FIRST_OPTION, 0);
	if (PG_ARGISNULL(BASKET) || PG_ARGISNULL(PRODUCT))
		return state_update_end(&update);
	product = PG_GETARG_TEXT_PP(PRODUCT);
	number = text_number(update.table, state_texts_context(&update),
						 VARDATA_ANY(product), VARSIZE_ANY_EXHDR(product));
	row_heap = state_row_heap(&update);
	basket.lines = number_list_create(row_heap, false, 0, number);
	state_add(&update, &product_pairs_family, kind,
			  key_from_datum(kind, PG_GETARG_DATUM(BASKET), row_heap), &basket);
	return state_update_end(&update);
}

KEY_FUNCTIONS(product_pairs_transfn, pairs_transition)

/* ------------------------------------------------------------------------
 * The rows
 * ------------------------------------------------------------------------
 */
static void
read_baskets(ProductSets *sets, const CustomerTable *table)
{
	CustomerReadAhead ahead;
	ProductLines basket;
	NumberList	list = {NULL};

	product_sets_begin(sets, table);
	customer_read_ahead_begin(&ahead, table);
	while (customer_read_ahead_next(&ahead, &basket))
	{
		product_sets_open(sets);
		number_list_read(&list, false, table->heap.base, basket.lines,
						 sets->rank);
		for (uint32 i = 0; i < list.count; i++)
			product_sets_add(sets, list.item[i].number);
	}
}

/* The columns of product_pairs_row */
enum
{
	ROW_PRODUCT_A,
	ROW_PRODUCT_B,
	ROW_BASKETS,
	ROW_BASKETS_A,
	ROW_BASKETS_B,
	ROW_BASKETS_BOTH,
	ROW_SUPPORT,
	ROW_CONFIDENCE_A_TO_B,
	ROW_CONFIDENCE_B_TO_A,
	ROW_LIFT,
	ROW_P_VALUE,
	ROW_COLUMNS
};

static void
add_row(ResultRows *rows, const ProductSets *sets, const uint64 *sizes,
		const ProductPair *pair)
{
	const double n = (double) sets->count;
	const double a = (double) sizes[pair->a];
	const double b = (double) sizes[pair->b];
	const double both = (double) pair->both;
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS] = {false};

	values[ROW_PRODUCT_A] = product_name(sets, pair->a);
	values[ROW_PRODUCT_B] = product_name(sets, pair->b);
	values[ROW_BASKETS] = Int64GetDatum(sets->count);
	values[ROW_BASKETS_A] = Int64GetDatum(sizes[pair->a]);
	values[ROW_BASKETS_B] = Int64GetDatum(sizes[pair->b]);
	values[ROW_BASKETS_BOTH] = Int64GetDatum(pair->both);
	values[ROW_SUPPORT] = Float8GetDatum(both / n);
	values[ROW_CONFIDENCE_A_TO_B] = Float8GetDatum(both / a);
	values[ROW_CONFIDENCE_B_TO_A] = Float8GetDatum(both / b);
	values[ROW_LIFT] = Float8GetDatum(n * both / (a * b));
	values[ROW_P_VALUE] = Float8GetDatum(hypergeometric_tail(both, a, b, n));
	result_rows_add(rows, values, nulls);
	pfree(DatumGetPointer(values[ROW_PRODUCT_A]));
	pfree(DatumGetPointer(values[ROW_PRODUCT_B]));
}

/*
 * product_pairs(retention_state) returns product_pairs_row[]
 *
 * Pairs in min_count baskets or more, the most frequent first. NULL without baskets.
 */
PG_FUNCTION_INFO_V1(product_pairs);
Datum
product_pairs(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	ProductSets sets;
	ProductPairs pairs;
	ResultRows	rows;
	uint64	   *sizes;
	uint64		least;

	if (table->family != &product_pairs_family)
		reject_state(table, "product_pairs");
	if (customer_table_customers(table) == 0)
		PG_RETURN_NULL();
	least = (uint64) table->options->value[PRODUCTS_MIN_COUNT].count;
	read_baskets(&sets, table);
	sizes = product_sets_sizes(&sets);
	product_sets_prune(&sets, sizes, least);
	pairs = product_pairs_in_sets(&sets, least);
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	for (uint64 i = 0; i < pairs.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_row(&rows, &sets, sizes, &pairs.pair[i]);
	}
	return result_rows_array(&rows);
}
