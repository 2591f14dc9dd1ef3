/*
 * day_list.c
 *		The days that customers ordered on, one after the other.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/day_list.h"

#define FIRST_ROOM	1024

void
day_list_init(DayList *list)
{
	*list = (DayList) {
		.day = array_alloc(FIRST_ROOM, sizeof(int32)),
		.days_room = FIRST_ROOM,
		.end = array_alloc(FIRST_ROOM, sizeof(uint64)),
		.room = FIRST_ROOM
	};
}

/* Room for as many days again */
void
day_list_more_days(DayList *list)
{
	list->days_room *= 2;
	list->day = repalloc_huge(list->day, list->days_room * sizeof(int32));
}

/* The days that come are those of the next customer. */
void
day_list_end_customer(DayList *list)
{
	if (list->ncustomers == list->room)
	{
		list->room *= 2;
		list->end = repalloc_huge(list->end, list->room * sizeof(uint64));
	}
	list->end[list->ncustomers++] = list->ndays;
}
