/*
 * day_history.h
 *		What a model is told of a customer, in days: before the unit of time is looked at.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_DAY_HISTORY_H
#define RETENTION_DAY_HISTORY_H

#include "base/compat.h"

#include "engine/customer_key.h"

typedef struct DayHistory
{
	int64		x;
	int32		t_x;
	int32		age;
} DayHistory;

/* Their order is that of BtydData; 0: a model says the same of both. */
static inline int
compare_day_histories(const DayHistory *a, const DayHistory *b)
{
	if (a->x != b->x)
		return a->x < b->x ? -1 : 1;
	if (a->t_x != b->t_x)
		return a->t_x < b->t_x ? -1 : 1;
	return a->age < b->age ? -1 : a->age > b->age;
}

/*
 * Half of the customers of a shop and more came once, and of those who came on one day
 * all are told the same: the last answers are remembered, each in the one place that its
 * history may have. An age of -1 marks a place where there is none yet.
 */
#define HISTORY_PLACES	32768

static inline uint64
history_place(const DayHistory *history)
{
	return mix64(((uint64) history->x << 42) ^
				 ((uint64) history->t_x << 21) ^
				 (uint64) history->age) % HISTORY_PLACES;
}

static const DayHistory no_history = {.age = -1};

#endif							/* RETENTION_DAY_HISTORY_H */
