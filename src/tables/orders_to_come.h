/*
 * orders_to_come.h
 *		The orders of all that a shop may expect, period by period: of the customers it
 *		has, and of those who will come.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ORDERS_TO_COME_H
#define RETENTION_ORDERS_TO_COME_H

#include "base/compat.h"

#include "engine/calendar.h"
#include "models/holdout.h"
#include "tables/fit_call.h"

/* Periods of the calendar, or what of them lies in a span */
typedef struct SpanPeriods
{
	int64		from;			/* the day of its beginning */
	int32		days;			/* of the span */
	int			n;
	int32	   *end;			/* of each, in days from its beginning */
	DateADT    *date;			/* the period's first day in the calendar */
	bool	   *is_whole;		/* lies in the span as a whole */
} SpanPeriods;

/* Customers of whom a model says the same; times in days. */
typedef struct CustomerGroup
{
	DayHistory	history;
	double		customers;
	double		value;			/* of a purchase, summed over them */
} CustomerGroup;

typedef struct CustomerGroups
{
	CustomerGroup *groups;
	uint64		n;
	uint64		room;
} CustomerGroups;

/* What is expected of each of the periods */
typedef struct OrdersToCome
{
	double	   *existing;		/* purchase days of the customers there are, */
	double	   *existing_value; /* and what they are worth */
	double	   *first;			/* first orders */
	double	   *repeat;			/* later ones of those who came with these */
} OrdersToCome;

extern retention_internal void span_periods_init(SpanPeriods *periods,
												 Grain grain, int64 from,
												 int64 until);
extern retention_internal void customer_groups_add(CustomerGroups *groups,
												   const CustomerGroup *customer);
extern retention_internal void customer_groups_join(CustomerGroups *groups);
extern retention_internal void orders_to_come(const FitCall *call,
											  const CustomerFits *fits,
											  const CustomerGroups *groups,
											  const DayList *list,
											  const SpanPeriods *periods,
											  OrdersToCome *orders);

#endif							/* RETENTION_ORDERS_TO_COME_H */
