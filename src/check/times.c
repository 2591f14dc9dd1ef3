/*
 * times.c
 *		retention_check: times far from all others, and data far from as_of.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "check/examination.h"

#include <math.h>

#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#define MOST_SHOWN_TIMES	6

/* ------------------------------------------------------------------------
 * Buckets
 * ------------------------------------------------------------------------
 */
TimeBuckets *
time_buckets_create(void)
{
	TimeBuckets *times = palloc0(sizeof(TimeBuckets));

	times->width = 7 * USECS_PER_DAY;
	times->latest = &times->slots[0];
	return times;
}

static int64
bucket_number(const TimeBuckets *times, TimestampTz at)
{
	return at / times->width - (at % times->width < 0);
}

/* The slot of a bucket, or the one where it belongs. */
static TimeBucket *
find_bucket(TimeBuckets *times, int64 number)
{
	uint64		i = mix64((uint64) number) % TIME_BUCKETS;

	while (times->slots[i].rows > 0 && times->slots[i].number != number)
		i = (i + 1) % TIME_BUCKETS;
	return &times->slots[i];
}

static void
add_to_bucket(TimeBuckets *times, int64 rows, TimestampTz first,
			  TimestampTz last)
{
	const int64 number = bucket_number(times, first);
	TimeBucket *bucket = times->latest;

	if (bucket->rows == 0 || bucket->number != number)
		bucket = times->latest = find_bucket(times, number);
	if (bucket->rows == 0)
	{
		times->used++;
		*bucket = (TimeBucket) {number, 0, first, last};
	}
	bucket->rows += rows;
	bucket->first = Min(bucket->first, first);
	bucket->last = Max(bucket->last, last);
}

/* Two buckets become one. */
static void
widen_buckets(TimeBuckets *times)
{
	TimeBuckets *old = palloc(sizeof(TimeBuckets));

	*old = *times;
	memset(times->slots, 0, sizeof(times->slots));
	times->used = 0;
	times->width *= 2;
	for (int i = 0; i < TIME_BUCKETS; i++)
		if (old->slots[i].rows > 0)
			add_to_bucket(times, old->slots[i].rows, old->slots[i].first,
						  old->slots[i].last);
	pfree(old);
}

void
time_buckets_add(TimeBuckets *times, TimestampTz at)
{
	add_to_bucket(times, 1, at, at);
	if (unlikely(times->used > TIME_BUCKETS / 2))
		widen_buckets(times);
}

static int
compare_buckets(const void *a, const void *b)
{
	const int64 x = ((const TimeBucket *) a)->number;
	const int64 y = ((const TimeBucket *) b)->number;

	return (x > y) - (x < y);
}

/* The buckets in the order of time. */
static TimeBucket *
sorted_buckets(const TimeBuckets *times)
{
	TimeBucket *sorted = palloc(Max(times->used, 1) * sizeof(TimeBucket));
	int			n = 0;

	for (int i = 0; i < TIME_BUCKETS; i++)
		if (times->slots[i].rows > 0)
			sorted[n++] = times->slots[i];
	qsort(sorted, n, sizeof(TimeBucket), compare_buckets);
	return sorted;
}

/* ------------------------------------------------------------------------
 * Times in words
 * ------------------------------------------------------------------------
 */

/* In the zone of "tz", whatever the session's settings. */
char *
local_time_text(const Examination *exam, TimestampTz at)
{
	char text[	MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (TIMESTAMP_IS_NOBEGIN(at))
		return pstrdup("-infinity");
	if (TIMESTAMP_IS_NOEND(at))
		return pstrdup("infinity");
	if (timestamp2tm(at, &offset, &tm, &fsec, NULL,
					 unconstify(pg_tz *, exam->zone)) != 0)
		return pstrdup("a time out of range");
	EncodeDateTime(&tm, 0, false, 0, NULL, USE_ISO_DATES, text);
	return pstrdup(text);
}

char *
local_date_text(const Examination *exam, TimestampTz at)
{
	char text[	MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL,
					 unconstify(pg_tz *, exam->zone)) != 0)
		return pstrdup("a day out of range");
	EncodeDateOnly(&tm, USE_ISO_DATES, text);
	return pstrdup(text);
}

/* ------------------------------------------------------------------------
 * Times far from all others
 * ------------------------------------------------------------------------
 *
 * Most rows are the core: all but so few at each end that they may be alone. Going
 * out from it, what lies beyond a gap of a year, of a quarter of the core's own
 * length, and of twenty times the usual way from a row to the next, is lone.
 */

/* So many rows at an end may be lone ones. */
static int64
most_lone(int64 rows)
{
	return Max(rows / 1000, Min(rows / 5, 3));
}

typedef struct TimeCore
{
	int			first;			/* buckets, sorted */
	int			last;
	int64		gap;			/* microseconds */
} TimeCore;

static TimeCore
find_core(const TimeBucket *sorted, int n, int64 rows)
{
	const int64 most = most_lone(rows);
	TimeCore	core = {0, n - 1, 365 * USECS_PER_DAY};
	int64		below = 0;
	int64		above = 0;
	double		length;

	while (core.first < n - 1 && below + sorted[core.first].rows <= most)
		below += sorted[core.first++].rows;
	while (core.last > core.first && above + sorted[core.last].rows <= most)
		above += sorted[core.last--].rows;
	length = (double) sorted[core.last].last - (double) sorted[core.first].first;
	core.gap = Max(core.gap, (int64) (length / 4));
	core.gap = Max(core.gap,
				   (int64) Min(20 * length / Max(rows - below - above - 1, 1),
							   (double) PG_INT64_MAX / 2));
	return core;
}

/* Is the way from a time to a later one as long as a gap? */
static bool
is_gap(TimestampTz from, TimestampTz to, int64 gap)
{
	return (uint64) to - (uint64) from >= (uint64) gap;
}

/* The core, widened to all that is not beyond a gap. */
static void
widen_core(TimeCore *core, const TimeBucket *sorted, int n)
{
	while (core->first > 0 &&
		   !is_gap(sorted[core->first - 1].last, sorted[core->first].first,
				   core->gap))
		core->first--;
	while (core->last < n - 1 &&
		   !is_gap(sorted[core->last].last, sorted[core->last + 1].first,
				   core->gap))
		core->last++;
}

static void
show_time(const Examination *exam, StringInfo list, int *shown, TimestampTz at)
{
	if (++*shown <= MOST_SHOWN_TIMES)
		appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "",
						 local_time_text(exam, at));
	else if (*shown == MOST_SHOWN_TIMES + 1)
		appendStringInfoString(list, ", ...");
}

void
find_outlier_times(Examination *exam)
{
	Finding    *finding = &exam->finding[CHECK_OUTLIER_TIME];
	const int	n = exam->times->used;
	TimeBucket *sorted = sorted_buckets(exam->times);
	StringInfoData list;
	TimeCore	core;
	int			shown = 0;

	finding->checked = true;
	if (n == 0)
		return;
	core = find_core(sorted, n, exam->timed_rows);
	widen_core(&core, sorted, n);
	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		if (i >= core.first && i <= core.last)
			continue;
		finding->rows += sorted[i].rows;
		show_time(exam, &list, &shown, sorted[i].first);
		if (sorted[i].last - sorted[i].first >= USECS_PER_SEC)
			show_time(exam, &list, &shown, sorted[i].last);
	}
	if (finding->rows == 0)
		return;
	appendStringInfo(&list, "; all others from %s to %s",
					 local_time_text(exam, sorted[core.first].first),
					 local_time_text(exam, sorted[core.last].last));
	finding->example = list.data;
	finding->advice = psprintf("These times are far from all others: years of two digits, a default such as 1970-01-01, typing errors. They stretch cohorts and lifetimes. Mend them, or leave them out: %s",
							   where_view_sql(exam,
											  psprintf("%s >= '%s' AND %s < '%s'",
													   exam->ordered_at_name,
													   local_date_text(exam, sorted[core.first].first),
													   exam->ordered_at_name,
													   local_date_text(exam, sorted[core.last].last + USECS_PER_DAY))));
}

/* ------------------------------------------------------------------------
 * Data far from as_of
 * ------------------------------------------------------------------------
 */

/* "3 days", "28 years" */
static char *
span_text(double days)
{
	if (days >= 2 * 365.25)
		return psprintf("%.0f years", floor(days / 365.25));
	return psprintf("%.0f days", floor(days));
}

/*
 * The last order seen is long before as_of: a month is worth a word, a year is
 * wrong.
 */
void
find_stale_data(Examination *exam)
{
	Finding    *finding = &exam->finding[CHECK_STALE_DATA];
	TimestampTz next;
	double		days;

	finding->checked = true;
	if (exam->timed_rows == 0)
		return;
	if (exam->last_seen == DT_NOBEGIN)
	{
		finding->rows = exam->timed_rows;
		finding->severity = SEVERITY_WARNING;
		finding->example = psprintf("no order is before as_of, %s",
									local_time_text(exam, exam->as_of));
		finding->advice = "All orders are at or after as_of, so nothing is seen of them. Pass an as_of that lies after the orders.";
		return;
	}
	days = ((double) exam->as_of - (double) exam->last_seen) / USECS_PER_DAY;
	if (days < 30)
		return;
	finding->rows = exam->timed_rows;
	finding->severity = days >= 365 ? SEVERITY_WARNING : SEVERITY_INFO;
	finding->example = psprintf("the last order is at %s, %s before as_of",
								local_time_text(exam, exam->last_seen),
								span_text(days));
	next = exam->last_seen + USECS_PER_DAY;
	finding->advice = psprintf("As of now nearly every customer looks lost, and predictions are near zero. If these are all the orders there are, pass the day after the last: as_of => '%s'",
							   local_date_text(exam, next));
}
