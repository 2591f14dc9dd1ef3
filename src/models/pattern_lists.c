/*
 * pattern_lists.c
 *		What the models are told of the customers of a table, listed and then sorted.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/pattern_lists.h"

#include "base/large_memory.h"
#include "utils/memutils.h"

/* ------------------------------------------------------------------------
 * Histories
 * ------------------------------------------------------------------------
 */
#define LEAST_ADDED		4096
#define LEAST_ONCE		1024
#define MOST_ONCE		((int64) 1 << 16)	/* days: what is older is sorted */

void
history_list_init(HistoryList *list)
{
	*list = (HistoryList) {.room = LEAST_ADDED, .once_room = LEAST_ONCE};
	list->once = array_alloc0(list->once_room, sizeof(int64));
	list->patterns = array_alloc(0, sizeof(DayPattern));
	list->added = array_alloc(list->room, sizeof(DayHistory));
}

/* As bytes from the least one on: age, t_x, x. */
#define HISTORY_BYTES	((int) sizeof(DayHistory))

static inline int
history_byte(const DayHistory *history, int i)
{
	return i < 4 ? (history->age >> (8 * i)) & 0xFF :
		i < 8 ? (history->t_x >> (8 * (i - 4))) & 0xFF :
		(int) (history->x >> (8 * (i - 8))) & 0xFF;
}

/*
 * Sorts by x, then t_x, then age, none of which is below zero: by each byte in turn,
 * the least first, but for those that are the same in all. Returns the one of the two
 * arrays that the sorted ones are in.
 */
static DayHistory *
sort_histories(DayHistory *histories, DayHistory *other, uint64 n)
{
	uint32		count[sizeof(DayHistory)][256] = {0};

	for (uint64 i = 0; i < n; i++)
		for (int byte = 0; byte < HISTORY_BYTES; byte++)
			count[byte][history_byte(&histories[i], byte)]++;
	for (int byte = 0; byte < HISTORY_BYTES; byte++)
	{
		DayHistory *sorted = other;
		uint64		place[256];
		uint64		next = 0;

		if (count[byte][history_byte(&histories[0], byte)] == n)
			continue;
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < 256; i++)
		{
			place[i] = next;
			next += count[byte][i];
		}
		for (uint64 i = 0; i < n; i++)
			sorted[place[history_byte(&histories[i], byte)]++] = histories[i];
		other = histories;
		histories = sorted;
	}
	return histories;
}

/* The next of two sorted lists goes to the end of the patterns. */
static void
merge_histories(HistoryList *list, const DayPattern *old, uint64 nold,
				const DayHistory *added)
{
	uint64		i = 0;
	uint64		j = 0;

	while (i < nold || j < list->nadded)
	{
		DayPattern *pattern = &list->patterns[list->npatterns++];
		const int	order = i == nold ? 1 : j == list->nadded ? -1 :
			compare_day_histories(&old[i].history, &added[j]);

		if (order <= 0)
			*pattern = old[i++];
		else
			*pattern = (DayPattern) {added[j], 0};
		for (; j < list->nadded &&
			 compare_day_histories(&pattern->history, &added[j]) == 0; j++)
			pattern->customers++;
	}
}

/* Puts what was added into the patterns. */
static void
absorb_added(HistoryList *list)
{
	DayPattern *old = list->patterns;
	const uint64 nold = list->npatterns;
	DayHistory *other;

	if (list->nadded == 0)
		return;
	other = large_array_alloc(list->nadded, sizeof(DayHistory));
	list->patterns = large_array_alloc(nold + list->nadded, sizeof(DayPattern));
	list->npatterns = 0;
	merge_histories(list, old, nold,
					sort_histories(list->added, other, list->nadded));
	list->nadded = 0;
	pfree(other);
	pfree(old);
}

static void
count_once(HistoryList *list, int64 age)
{
	if (unlikely(age >= list->once_room))
	{
		const int64 room = pg_nextpower2_64(age + 1);
		int64	   *once = array_alloc0(room, sizeof(int64));

		memcpy(once, list->once, list->once_room * sizeof(int64));
		pfree(list->once);
		list->once = once;
		list->once_room = room;
	}
	list->once[age]++;
}

/* All times in days. */
void
history_list_add(HistoryList *list, int64 x, int64 t_x, int64 age)
{
	if (x == 0 && age < MOST_ONCE)
	{
		count_once(list, age);
		return;
	}
	if (list->nadded == list->room)
	{
		absorb_added(list);
		if (list->room < list->npatterns)
		{
			list->room = Max(2 * list->room, list->npatterns);
			pfree(list->added);
			list->added = large_array_alloc(list->room, sizeof(DayHistory));
		}
	}
	list->added[list->nadded++] = (DayHistory) {x, (int32) t_x, (int32) age};
}

static inline void
put_pattern(BtydData *data, DayHistory history, int64 customers, double unit)
{
	data->patterns[data->npatterns++] = (BtydPattern) {
		.history = {
			.x = history.x,
			.t_x = history.t_x / unit,
			.age = history.age / unit
		},
		.customers = customers
	};
}

/* All histories, in a unit of so many days; the list is used up. */
BtydData
history_list_data(HistoryList *list, double unit)
{
	BtydData	data = {0};
	uint64		most;

	absorb_added(list);
	most = list->npatterns;
	for (int64 age = 0; age < list->once_room; age++)
		most += list->once[age] > 0;
	data.patterns = large_array_alloc(most, sizeof(BtydPattern));
	for (int64 age = 0; age < list->once_room; age++)
		if (list->once[age] > 0)
			put_pattern(&data, (DayHistory) {0, 0, (int32) age},
						list->once[age], unit);
	for (uint64 i = 0; i < list->npatterns; i++)
		put_pattern(&data, list->patterns[i].history,
					list->patterns[i].customers, unit);
	pfree(list->once);
	pfree(list->patterns);
	pfree(list->added);
	return data;
}

/* ------------------------------------------------------------------------
 * What customers spend
 * ------------------------------------------------------------------------
 */
static inline int
compare_spend(const SpendPattern *a, const SpendPattern *b)
{
	if (a->x != b->x)
		return a->x < b->x ? -1 : 1;
	return a->mean < b->mean ? -1 : a->mean > b->mean;
}

#define ST_SORT sort_spend
#define ST_ELEMENT_TYPE SpendPattern
#define ST_COMPARE(a, b) compare_spend(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* In the memory context that the list began in. */
void
spend_list_add(SpendList *list, int64 x, double mean)
{
	if (list->patterns == NULL)
	{
		list->room = 256;
		list->patterns = array_alloc(list->room, sizeof(SpendPattern));
	}
	else if (list->npatterns == list->room)
	{
		list->room *= 2;
		list->patterns = repalloc_huge(list->patterns,
									   list->room * sizeof(SpendPattern));
		prefer_huge_pages(list->patterns, list->room * sizeof(SpendPattern));
	}
	list->patterns[list->npatterns++] = (SpendPattern) {x, mean, 1};
}

/* The list in order, equal ones put together; it becomes the data. */
SpendData
spend_list_data(SpendList *list)
{
	SpendData	data = {list->patterns, 0};

	if (list->npatterns > 0)
		sort_spend(list->patterns, list->npatterns);
	for (uint64 i = 0; i < list->npatterns; i++)
	{
		SpendPattern *last = data.patterns + data.npatterns - 1;

		if (data.npatterns > 0 &&
			compare_spend(last, &list->patterns[i]) == 0)
			last->customers++;
		else
			data.patterns[data.npatterns++] = list->patterns[i];
	}
	return data;
}
