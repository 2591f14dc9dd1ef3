/*
 * product_sets.h
 *		Which products are in the same basket, or in the next order? Pairs are counted
 *		here, for whom has the sets.
 *
 * Products are numbers in the order of the bytes of their names. A set is a basket, or an
 * order; its members are ascending and distinct. For each product, the sets that hold it
 * are walked through and what is in them counted in an array of all products. So
 * nothing is kept of a pair but what is found, whatever its number, and the memory of
 * counting is that of the sets.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_PRODUCT_SETS_H
#define RETENTION_PRODUCT_SETS_H

#include "base/compat.h"

#include "engine/customer_table.h"
#include "engine/number_list.h"
#include "engine/text_dictionary.h"

/* The totals of a family with products */
typedef struct ProductTotals
{
	uint64		products;		/* texts */
} ProductTotals;

/* What is kept of a basket or a customer */
typedef struct ProductLines
{
	uint64		lines;			/* numbers of products, dated or not */
} ProductLines;

extern retention_internal const ProductTotals no_products;
extern retention_internal const ProductLines no_lines;

typedef struct ProductSets
{
	TextList	names;			/* by number in the state */
	uint32	   *rank;			/* of those: the products' numbers here */
	uint32	   *number;			/* back from them */
	uint32		products;
	uint64		count;			/* sets */
	uint64	   *start;			/* of each, and one behind the last */
	uint64		sets_room;
	uint32	   *member;
	uint64		members_room;
} ProductSets;

/* Two products, and how many sets they are in */
typedef struct ProductPair
{
	uint32		a;
	uint32		b;
	uint64		both;
} ProductPair;

typedef struct ProductPairs
{
	ProductPair *pair;
	uint64		count;
	uint64		room;
	uint64		bytes;			/* that their rows will take */
} ProductPairs;

/* The option that both families begin with */
#define PRODUCTS_MIN_COUNT	0

extern retention_internal void products_derive(StateOptions *options);
extern retention_internal void product_lines_prefetch(const void *payload,
													  const char *heap_base);
extern retention_internal void product_sets_begin(ProductSets *sets,
												  const CustomerTable *table);
extern retention_internal void product_sets_open(ProductSets *sets);
extern retention_internal uint64 *product_sets_sizes(const ProductSets *sets);
extern retention_internal void product_sets_prune(ProductSets *sets,
												  const uint64 *sizes,
												  uint64 least);
extern retention_internal ProductPairs product_pairs_in_sets(const ProductSets *sets,
															 uint64 least);
extern retention_internal ProductPairs product_pairs_in_next(const ProductSets *sets,
															 const bool *has_next,
															 uint64 least);
extern retention_internal Datum product_name(const ProductSets *sets,
											 uint32 product);

/* Adds a product to the last set, in ascending order; the same again is none. */
static inline void
product_sets_add(ProductSets *sets, uint32 product)
{
	const uint64 first = sets->start[sets->count - 1];
	uint64	   *end = &sets->start[sets->count];

	if (*end > first && sets->member[*end - 1] == product)
		return;
	if (unlikely(*end == sets->members_room))
	{
		sets->members_room *= 2;
		sets->member = repalloc_huge(sets->member,
									 sets->members_room * sizeof(uint32));
	}
	sets->member[(*end)++] = product;
}

#endif							/* RETENTION_PRODUCT_SETS_H */
