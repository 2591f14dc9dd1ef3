/*
 * day_list.h
 *		The days that customers ordered on, one after the other: what one reading of the
 *		orders tells of every earlier time.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_DAY_LIST_H
#define RETENTION_DAY_LIST_H

#include "base/compat.h"

/*
 * The days of a customer, in order, stand before those of the next; a day is its number
 * in the shop's calendar, as purchase_days.h has it.
 */
typedef struct DayList
{
	int32	   *day;
	uint64		ndays;
	uint64		days_room;
	uint64	   *end;			/* of each customer's days */
	uint64		ncustomers;
	uint64		room;
} DayList;

extern retention_internal void day_list_init(DayList *list);
extern retention_internal void day_list_more_days(DayList *list);
extern retention_internal void day_list_end_customer(DayList *list);

/* Where the days of a customer begin */
static inline uint64
day_list_begin(const DayList *list, uint64 customer)
{
	return customer == 0 ? 0 : list->end[customer - 1];
}

/* One more day of the customer under way; nothing where no list is wanted. */
static inline void
day_list_add(DayList *list, int64 day)
{
	if (list == NULL)
		return;
	if (unlikely(list->ndays == list->days_room))
		day_list_more_days(list);
	list->day[list->ndays++] = (int32) day;
}

#endif							/* RETENTION_DAY_LIST_H */
