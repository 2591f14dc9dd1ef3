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
extern retention_internal Datum triangle_rows(Triangle *triangle,
											  FunctionCallInfo fcinfo);

#endif							/* RETENTION_COHORT_TRIANGLE_H */
