/*
 * cohort_triangle.h
 *		The rows of cohorts: for each, period by period, who was active, with how
 *		many orders and how much money.
 *
 * What makes a cohort is the family's to say: the first order, or the sign-up. Its
 * payload begins with a CohortMember.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_COHORT_TRIANGLE_H
#define RETENTION_COHORT_TRIANGLE_H

#include "base/compat.h"

#include "engine/customer_table.h"
#include "engine/money.h"
#include "engine/seal.h"

typedef struct CohortMember
{
	TimestampTz since;			/* the cohort is its period; DT_NOEND: of none */
	uint64		activity;		/* timeline by period, none before it: orders,
								 * and money */
} CohortMember;

typedef struct Cell
{
	int64		active;			/* customers with an order */
	int64		again;			/* customers whose second order it is */
	int64		orders;
	Money		revenue;
} Cell;

/*
 * A cell of a sealed state, whose key is the pair of the cohort's period and of how many
 * periods later it is.
 */
typedef struct SealedCell
{
	int64		members;		/* of the cohort; said in its first cell */
	Cell		cell;
} SealedCell;

/* The customers of one period */
typedef struct Cohort
{
	int64		size;
	Cell	   *cells;			/* one for each period from it to the last */
} Cohort;

/* The cohorts from the first customer's to the last period before as_of. */
typedef struct Triangle
{
	const CustomerTable *table;
	int64		first;			/* period of the first cohort */
	int64		open;			/* the first that has not ended by as_of */
	int64		count;
	Cohort	   *cohorts;
	StateHeap	heap;			/* for the money in their cells */
	StateHeap	wide;			/* for that of one entry */
} Triangle;

extern retention_internal bool triangle_init(Triangle *triangle,
											 const CustomerTable *table);
extern retention_internal void triangle_add_member(Triangle *triangle,
												   const CohortMember *member);
extern retention_internal void triangle_add_money(Triangle *triangle,
												  const CohortMember *member,
												  int64 period,
												  const Money *money);
extern retention_internal void triangle_seal(Triangle *triangle,
											 SealedState *into);
extern retention_internal bool triangle_of_sealed(Triangle *triangle,
												  const CustomerTable *table);
extern retention_internal Datum triangle_rows(Triangle *triangle,
											  FunctionCallInfo fcinfo);
extern retention_internal void sealed_cell_merge(CustomerTable *table, void *into,
												 const void *from,
												 const char *from_base);
extern retention_internal bool sealed_cell_valid(const void *payload,
												 const char *heap_base,
												 const StateOptions *options);
extern retention_internal bool sealed_cell_valid_key(const int64 *key);

/* What the family of sealed triangles has beside its name, its number and whose it is */
#define SEALED_TRIANGLE_FIELDS \
	.noptions = CALENDAR_OPTIONS, \
	.options = calendar_options, \
	.totals_fields = STATE_FIELDS(FIELD(SealedTotals, customers, COUNT)), \
	.totals_size = sizeof(SealedTotals), \
	.merge_totals = sealed_totals_merge, \
	.payload_fields = STATE_FIELDS(FIELD(SealedCell, members, COUNT), \
								   FIELD(SealedCell, cell.active, COUNT), \
								   FIELD(SealedCell, cell.again, COUNT), \
								   FIELD(SealedCell, cell.orders, COUNT), \
								   FIELD(SealedCell, cell.revenue, MONEY)), \
	.payload_size = sizeof(SealedCell), \
	.merge = sealed_cell_merge, \
	.valid = sealed_cell_valid, \
	.key_name = "cell", \
	.key_kind = KEY_BIGINT, \
	.valid_key = sealed_cell_valid_key

#endif							/* RETENTION_COHORT_TRIANGLE_H */
