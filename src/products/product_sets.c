/*
 * product_sets.c
 *		Which products are in the same basket, or in the next order?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "products/product_sets.h"

#include "access/htup_details.h"
#include "base/checks.h"
#include "miscadmin.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

const ProductTotals no_products = {TEXTS_NONE};
const ProductLines no_lines = {NUMBERS_NONE};

void
products_derive(StateOptions *options)
{
	check_int_range((int) options->value[PRODUCTS_MIN_COUNT].count, 1,
					PG_INT32_MAX, "min_count");
}

void
product_lines_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const ProductLines *) payload)->lines);
}

#define FIRST_ROOM	1024

/* No sets so far, of the products of a state */
void
product_sets_begin(ProductSets *sets, const CustomerTable *table)
{
	*sets = (ProductSets) {
		.names = texts_kept(table),
		.sets_room = FIRST_ROOM,
		.members_room = FIRST_ROOM
	};
	sets->products = sets->names.count;
	sets->rank = text_ranks(&sets->names);
	sets->number = array_alloc(sets->products, sizeof(uint32));
	for (uint32 i = 0; i < sets->products; i++)
		sets->number[sets->rank[i]] = i;
	sets->start = array_alloc(sets->sets_room + 1, sizeof(uint64));
	sets->member = array_alloc(sets->members_room, sizeof(uint32));
	sets->start[0] = 0;
}

/* Begins another set. */
void
product_sets_open(ProductSets *sets)
{
	if (sets->count == sets->sets_room)
	{
		sets->sets_room *= 2;
		sets->start = repalloc_huge(sets->start,
									(sets->sets_room + 1) * sizeof(uint64));
	}
	sets->count++;
	sets->start[sets->count] = sets->start[sets->count - 1];
}

/* How many sets each product is in */
uint64 *
product_sets_sizes(const ProductSets *sets)
{
	uint64	   *sizes = array_alloc0(sets->products, sizeof(uint64));

	for (uint64 i = 0; i < sets->start[sets->count]; i++)
	{
		if ((i & 0xFFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		sizes[sets->member[i]]++;
	}
	return sizes;
}

/*
 * Takes the products out that are in too few sets to be found with another in as many as
 * wanted. R. Agrawal and R. Srikant (1994), Fast algorithms for mining association
 * rules, VLDB.
 */
void
product_sets_prune(ProductSets *sets, const uint64 *sizes, uint64 least)
{
	uint64		kept = 0;
	uint64		from = 0;

	for (uint64 set = 0; set < sets->count; set++)
	{
		const uint64 end = sets->start[set + 1];

		if ((set & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		for (; from < end; from++)
			if (sizes[sets->member[from]] >= least)
				sets->member[kept++] = sets->member[from];
		sets->start[set + 1] = kept;
	}
}

/* The sets of each product: those of product p from first[p] on */
typedef struct SetsOfProducts
{
	uint64	   *first;
	uint64	   *set;
} SetsOfProducts;

static SetsOfProducts
sets_of_products(const ProductSets *sets)
{
	const uint64 *sizes = product_sets_sizes(sets);
	SetsOfProducts of = {
		.first = array_alloc(sets->products + UINT64CONST(1), sizeof(uint64)),
		.set = array_alloc(sets->start[sets->count], sizeof(uint64))
	};
	uint64	   *next = array_alloc(sets->products, sizeof(uint64));

	of.first[0] = 0;
	for (uint32 p = 0; p < sets->products; p++)
	{
		next[p] = of.first[p];
		of.first[p + 1] = of.first[p] + sizes[p];
	}
	for (uint64 set = 0; set < sets->count; set++)
	{
		if ((set & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		for (uint64 i = sets->start[set]; i < sets->start[set + 1]; i++)
			of.set[next[sets->member[i]]++] = set;
	}
	pfree(next);
	return of;
}

/* ------------------------------------------------------------------------
 * Counting
 * ------------------------------------------------------------------------
 */

/* Products found with one, as they are counted */
typedef struct ProductCounts
{
	uint64	   *count;			/* by product */
	uint32	   *found;			/* those that are above 0 */
	uint32		nfound;
} ProductCounts;

static ProductCounts
counts_of_none(const ProductSets *sets)
{
	return (ProductCounts) {
		.count = array_alloc0(sets->products, sizeof(uint64)),
		.found = array_alloc(sets->products, sizeof(uint32))
	};
}

static inline void
count_product(ProductCounts *tally, uint32 product)
{
	if (tally->count[product]++ == 0)
		tally->found[tally->nfound++] = product;
}

/* Bytes of a row but for its two names: its header, numbers, and what aligns them */
#define ROW_BYTES	(MAXALIGN(SizeofHeapTupleHeader) + 9 * sizeof(int64) + \
					 2 * (VARHDRSZ + sizeof(int32)) + MAXIMUM_ALIGNOF)

static void
add_pair(ProductPairs *pairs, const ProductSets *sets, ProductPair pair)
{
	pairs->bytes += ROW_BYTES + sets->names.text[sets->number[pair.a]].size +
		sets->names.text[sets->number[pair.b]].size;
	if (pairs->bytes > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the pairs of products take more than the 1 GB a value can have"),
				 errhint("Raise min_count, so that only pairs that are found more often are rows.")));
	if (pairs->count == pairs->room)
	{
		pairs->room = Max(pairs->room * 2, FIRST_ROOM);
		pairs->pair = pairs->pair == NULL ?
			array_alloc(pairs->room, sizeof(ProductPair)) :
			repalloc_huge(pairs->pair, pairs->room * sizeof(ProductPair));
	}
	pairs->pair[pairs->count++] = pair;
}

/* Takes down what was found often enough with a product, and begins anew. */
static void
end_counts(ProductCounts *tally, ProductPairs *pairs, const ProductSets *sets,
		   uint32 product, uint64 least)
{
	for (uint32 i = 0; i < tally->nfound; i++)
	{
		const uint32 other = tally->found[i];

		if (tally->count[other] >= least)
			add_pair(pairs, sets,
					 (ProductPair) {product, other, tally->count[other]});
		tally->count[other] = 0;
	}
	tally->nfound = 0;
}

static int
compare_pairs(const void *a, const void *b)
{
	const ProductPair *x = a;
	const ProductPair *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->both != y->both)
		return x->both > y->both ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return (x->b > y->b) - (x->b < y->b);
}

/* The most frequent first, equals in the order of their products */
static void
sort_pairs(ProductPairs *pairs)
{
	if (pairs->count > 1)
		qsort(pairs->pair, pairs->count, sizeof(ProductPair), compare_pairs);
}

/* Pairs a < b that are together in at least so many sets */
ProductPairs
product_pairs_in_sets(const ProductSets *sets, uint64 least)
{
	const SetsOfProducts of = sets_of_products(sets);
	ProductCounts tally = counts_of_none(sets);
	ProductPairs pairs = {NULL};

	for (uint32 a = 0; a < sets->products; a++)
	{
		for (uint64 i = of.first[a]; i < of.first[a + 1]; i++)
		{
			const uint32 *first = sets->member + sets->start[of.set[i]];
			const uint32 *other = sets->member + sets->start[of.set[i] + 1];

			CHECK_FOR_INTERRUPTS();
			/* a is among them, and those behind it are larger */
			while (--other >= first && *other > a)
				count_product(&tally, *other);
		}
		end_counts(&tally, &pairs, sets, a, least);
	}
	sort_pairs(&pairs);
	return pairs;
}

/* Pairs of a in a set and b in the next, where that is of the same customer */
ProductPairs
product_pairs_in_next(const ProductSets *sets, const bool *has_next, uint64 least)
{
	const SetsOfProducts of = sets_of_products(sets);
	ProductCounts tally = counts_of_none(sets);
	ProductPairs pairs = {NULL};

	for (uint32 a = 0; a < sets->products; a++)
	{
		for (uint64 i = of.first[a]; i < of.first[a + 1]; i++)
		{
			const uint64 set = of.set[i];

			CHECK_FOR_INTERRUPTS();
			if (!has_next[set])
				continue;
			for (uint64 j = sets->start[set + 1]; j < sets->start[set + 2]; j++)
				count_product(&tally, sets->member[j]);
		}
		end_counts(&tally, &pairs, sets, a, least);
	}
	sort_pairs(&pairs);
	return pairs;
}

/* The name of a product as a value of SQL */
Datum
product_name(const ProductSets *sets, uint32 product)
{
	const StateText *name = &sets->names.text[sets->number[product]];

	return PointerGetDatum(cstring_to_text_with_len(name->bytes, (int) name->size));
}
