/*
 * next_products.c
 *		What do customers buy next? For each product of an order, what the same
 *		customer's next order holds.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/key_functions.h"
#include "products/product_sets.h"

enum
{
	NEXT_MIN_COUNT = PRODUCTS_MIN_COUNT,
	NEXT_AS_OF
};

static const OptionSpec next_options[] = {
	[NEXT_MIN_COUNT] = {"min_count", OPTION_COUNT},
	[NEXT_AS_OF] = {"as_of", OPTION_TIME}
};

/* state, customer, ordered_at, product */
#define NEXT_FIRST_OPTION	4

static void
next_merge(CustomerTable *table, void *into, const void *from,
		   const char *from_base)
{
	number_list_merge(&table->heap, true, &((ProductLines *) into)->lines,
					  from_base, ((const ProductLines *) from)->lines,
					  table->renumber);
}

/* They were received in the order of time. */
static bool
next_valid(const void *payload, const char *heap_base, const StateOptions *options)
{
	const uint64 lines = ((const ProductLines *) payload)->lines;
	NumberList	list = {NULL};
	bool		good;

	if (lines == NUMBERS_NONE)
		return false;
	number_list_read(&list, true, heap_base, lines, NULL);
	good = list.item[list.count - 1].at < options->value[NEXT_AS_OF].time;
	pfree(list.item);
	return good;
}

CUSTOMER_ABSORB(next_absorb, next_products_family)

retention_internal const CustomerFamily next_products_family = {
	.name = "next_products",
	.id = FAMILY_NEXT_PRODUCTS,
	.noptions = lengthof(next_options),
	.options = next_options,
	.derive = products_derive,
	.totals_fields = STATE_FIELDS(FIELD(ProductTotals, products, TEXTS)),
	.totals_size = sizeof(ProductTotals),
	.totals_identity = &no_products,
	.payload_fields = STATE_FIELDS(FIELD(ProductLines, lines, DATED_NUMBERS)),
	.payload_size = sizeof(ProductLines),
	.identity = &no_lines,
	.merge = next_merge,
	.prefetch = product_lines_prefetch,
	.valid = next_valid,
	.has_texts = true,
	.absorb = next_absorb
};

/*
 * next_products_transfn_<kind>(retention_state, customer, ordered_at timestamptz,
 * product text, min_count integer, as_of timestamptz)
 *
 * A row without a customer, a time or a product is none, nor is one at or after as_of.
 */
static pg_attribute_always_inline Datum
next_transition(FunctionCallInfo fcinfo, KeyKind kind)
{
	enum
	{
		CUSTOMER = 1, ORDERED_AT, PRODUCT
	};
	StateUpdate update;
	StateHeap  *row_heap;
	ProductLines lines;
	TimestampTz at;
	text	   *product;
	uint32		number;

	state_update_begin(&update, fcinfo, &next_products_family, kind,
					   NEXT_FIRST_OPTION, 0);
	if (PG_ARGISNULL(CUSTOMER) || PG_ARGISNULL(ORDERED_AT) ||
		PG_ARGISNULL(PRODUCT))
		return state_update_end(&update);
	at = PG_GETARG_TIMESTAMPTZ(ORDERED_AT);
	check_finite_time(at, "ordered_at");
	if (at >= update.table->options->value[NEXT_AS_OF].time)
		return state_update_end(&update);
	product = PG_GETARG_TEXT_PP(PRODUCT);
	number = text_number(update.table, state_texts_context(&update),
						 VARDATA_ANY(product), VARSIZE_ANY_EXHDR(product));
	row_heap = state_row_heap(&update);
	lines.lines = number_list_create(row_heap, true, at, number);
	state_add(&update, &next_products_family, kind,
			  key_from_datum(kind, PG_GETARG_DATUM(CUSTOMER), row_heap), &lines);
	return state_update_end(&update);
}

KEY_FUNCTIONS(next_products_transfn, next_transition)

/* ------------------------------------------------------------------------
 * The rows
 * ------------------------------------------------------------------------
 */

/* Orders of all customers, those of one behind each other */
typedef struct OrderSets
{
	ProductSets sets;
	bool	   *has_next;		/* by order: is there another of the
								 * customer's? */
	uint64		room;
} OrderSets;

static void
open_order(OrderSets *orders, bool is_first)
{
	const uint64 order = orders->sets.count;

	if (order == orders->room)
	{
		orders->room *= 2;
		orders->has_next = repalloc_huge(orders->has_next, orders->room);
	}
	if (!is_first)
		orders->has_next[order - 1] = true;
	orders->has_next[order] = false;
	product_sets_open(&orders->sets);
}

/* What one customer bought at one instant is one order. */
static void
read_orders(OrderSets *orders, const CustomerTable *table)
{
	CustomerReadAhead ahead;
	ProductLines lines;
	NumberList	list = {NULL};

	product_sets_begin(&orders->sets, table);
	orders->room = 1024;
	orders->has_next = array_alloc(orders->room, sizeof(bool));
	customer_read_ahead_begin(&ahead, table);
	while (customer_read_ahead_next(&ahead, &lines))
	{
		number_list_read(&list, true, table->heap.base, lines.lines,
						 orders->sets.rank);
		for (uint32 i = 0; i < list.count; i++)
		{
			if ((i & 0xFFFF) == 0)
				CHECK_FOR_INTERRUPTS();
			if (i == 0 || list.item[i].at != list.item[i - 1].at)
				open_order(orders, i == 0);
			product_sets_add(&orders->sets, list.item[i].number);
		}
	}
}

/* In how many orders each product is */
typedef struct OrderCounts
{
	uint64	   *all;
	uint64	   *followed;		/* by another order */
	uint64	   *next;			/* that follow another */
	uint64		all_followed;	/* orders, whatever they hold */
} OrderCounts;

static OrderCounts
count_orders(const OrderSets *orders)
{
	const ProductSets *sets = &orders->sets;
	OrderCounts counts = {
		.all = product_sets_sizes(sets),
		.followed = array_alloc0(sets->products, sizeof(uint64)),
		.next = array_alloc0(sets->products, sizeof(uint64))
	};

	for (uint64 order = 0; order < sets->count; order++)
	{
		const bool	is_next = order > 0 && orders->has_next[order - 1];

		if ((order & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		counts.all_followed += orders->has_next[order];

		for (uint64 i = sets->start[order]; i < sets->start[order + 1]; i++)
		{
			counts.followed[sets->member[i]] += orders->has_next[order];
			counts.next[sets->member[i]] += is_next;
		}
	}
	return counts;
}

/* Takes the products out that are in too few orders with a next, and too few such. */
static void
prune_orders(OrderSets *orders, const OrderCounts *counts, uint64 least)
{
	uint64	   *most = array_alloc(orders->sets.products, sizeof(uint64));

	for (uint32 p = 0; p < orders->sets.products; p++)
		most[p] = Max(counts->followed[p], counts->next[p]);
	product_sets_prune(&orders->sets, most, least);
	pfree(most);
}

/* The columns of next_products_row */
enum
{
	ROW_PRODUCT,
	ROW_NEXT_PRODUCT,
	ROW_ORDERS,
	ROW_FOLLOWED,
	ROW_TRANSITIONS,
	ROW_RATE,
	ROW_BASE_RATE,
	ROW_LIFT,
	ROW_COLUMNS
};

static void
add_row(ResultRows *rows, const ProductSets *sets, const OrderCounts *counts,
		const ProductPair *pair)
{
	const double followed = (double) counts->followed[pair->a];
	const double next = (double) counts->next[pair->b];
	const double both = (double) pair->both;
	const double all = (double) counts->all_followed;
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS] = {false};

	values[ROW_PRODUCT] = product_name(sets, pair->a);
	values[ROW_NEXT_PRODUCT] = product_name(sets, pair->b);
	values[ROW_ORDERS] = Int64GetDatum(counts->all[pair->a]);
	values[ROW_FOLLOWED] = Int64GetDatum(counts->followed[pair->a]);
	values[ROW_TRANSITIONS] = Int64GetDatum(pair->both);
	values[ROW_RATE] = Float8GetDatum(both / followed);
	values[ROW_BASE_RATE] = Float8GetDatum(next / all);
	values[ROW_LIFT] = Float8GetDatum(all * both / (followed * next));
	result_rows_add(rows, values, nulls);
	pfree(DatumGetPointer(values[ROW_PRODUCT]));
	pfree(DatumGetPointer(values[ROW_NEXT_PRODUCT]));
}

/*
 * next_products(retention_state) returns next_products_row[]
 *
 * Pairs of a product and one of the next order, in min_count orders or more, the most
 * frequent first. NULL without orders.
 */
PG_FUNCTION_INFO_V1(next_products);
Datum
next_products(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	OrderSets	orders;
	OrderCounts counts;
	ProductPairs pairs;
	ResultRows	rows;
	uint64		least;

	if (table->family != &next_products_family)
		reject_state(table, "next_products");
	if (customer_table_customers(table) == 0)
		PG_RETURN_NULL();
	least = (uint64) table->options->value[NEXT_MIN_COUNT].count;
	read_orders(&orders, table);
	counts = count_orders(&orders);

	prune_orders(&orders, &counts, least);
	pairs = product_pairs_in_next(&orders.sets, orders.has_next, least);
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	for (uint64 i = 0; i < pairs.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_row(&rows, &orders.sets, &counts, &pairs.pair[i]);
	}
	return result_rows_array(&rows);
}
