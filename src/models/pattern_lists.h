/*
 * pattern_lists.h
 *		What the models are told of the customers of a table, listed and then sorted.
 *
 * The aggregates that fit models count equal customers in tables (patterns.h), since
 * states come in parts. A table function has all customers at hand, and sorting is
 * quicker than looking each of them up.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_PATTERN_LISTS_H
#define RETENTION_PATTERN_LISTS_H

#include "base/compat.h"

#include "math/btyd.h"
#include "math/gamma_gamma.h"
#include "models/day_history.h"

typedef struct DayPattern
{
	DayHistory	history;
	int64		customers;
} DayPattern;

/*
 * Histories: few are different, so that those added are sorted and put into the
 * patterns whenever there are more of them than of these. Those of customers who came
 * on one day, half of all and more, differ in their age alone, and are counted by it.
 */
typedef struct HistoryList
{
	int64	   *once;			/* customers of x = 0, by age */
	int64		once_room;
	DayPattern *patterns;		/* the others, in the order of BtydData */
	uint64		npatterns;
	DayHistory *added;
	uint64		nadded;
	uint64		room;			/* of added */
} HistoryList;

/* What customers spend: hardly two spend the same. */
typedef struct SpendList
{
	SpendPattern *patterns;
	uint64		npatterns;
	uint64		room;
} SpendList;

extern retention_internal void history_list_init(HistoryList *list);
extern retention_internal void history_list_add(HistoryList *list, int64 x,
												int64 t_x, int64 age);
extern retention_internal BtydData history_list_data(HistoryList *list,
													 double unit);
extern retention_internal void spend_list_add(SpendList *list, int64 x,
											  double mean);
extern retention_internal SpendData spend_list_data(SpendList *list);

#endif							/* RETENTION_PATTERN_LISTS_H */
