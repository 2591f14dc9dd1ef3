/*
 * intervals.c
 *		Arithmetic on instants and spans, always in UTC.
 *
 * The server's own month arithmetic (31 March - 1 month = 28 February), but
 * never in the session's time zone: an aggregate is immutable, and the same
 * query must give the same answer from a dashboard, from cron and on a remote
 * shard. An instant read as a time without zone *is* its UTC wall clock, so
 * the server's timestamp functions do exactly this.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/intervals.h"

#include "base/checks.h"
#include "common/int.h"
#include "fmgr.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

static void
reject_long_interval(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("argument \"%s\" is too long an interval", argument)));
}

/* A length in days, near enough to see whether a calendar can hold it. */
static double
roughly_days(const Interval *span)
{
	return span->month * (365.2425 / MONTHS_PER_YEAR) + span->day +
		span->time / (double) USECS_PER_DAY;
}

/* The server's calendar ends with it */
#define LAST_YEAR	294276

/* The day of some months later, or the last of its month, as the server has it */
static bool
days_plus_months(int64 days, int32 months, int64 *sum)
{
	int			year;
	int			month;
	int			day;
	int64		later;

	j2date((int) (days + POSTGRES_EPOCH_JDATE), &year, &month, &day);
	later = (int64) year * MONTHS_PER_YEAR + month - 1 + months;
	year = (int) (later / MONTHS_PER_YEAR);
	month = (int) (later % MONTHS_PER_YEAR);
	/* years before 1 AD are at most 0 */
	if (month < 0)
	{
		month += MONTHS_PER_YEAR;
		year--;
	}
	if (year > LAST_YEAR)
		return false;
	day = Min(day, day_tab[isleap(year)][month]);
	*sum = (int64) date2j(year, month + 1, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/*
 * at + span, or false if that lies beyond the server's calendar. What the server's
 * own "timestamp + interval" gives, which raises an error instead; for every
 * customer of a table, so in a few instructions unless there are months.
 */
bool
utc_plus_fits(TimestampTz at, const Interval *span, TimestampTz *sum)
{
	int64		length;

	if (span->month != 0)
	{
		int64		days = at / USECS_PER_DAY - (at % USECS_PER_DAY < 0);
		TimestampTz time_of_day = at - days * USECS_PER_DAY;

		if (!days_plus_months(days, span->month, &days) ||
			pg_mul_s64_overflow(days, USECS_PER_DAY, &at) ||
			pg_add_s64_overflow(at, time_of_day, &at))
			return false;
	}
	return !pg_mul_s64_overflow(span->day, USECS_PER_DAY, &length) &&
		!pg_add_s64_overflow(at, length, &at) &&
		!pg_add_s64_overflow(at, span->time, sum) &&
		IS_VALID_TIMESTAMP(*sum);
}

/*
 * at - span, or false if the span reaches back beyond the server's calendar.
 */
bool
utc_minus_fits(TimestampTz at, const Interval *span, TimestampTz *difference)
{
	const double days_there_are =
		((uint64) at - (uint64) MIN_TIMESTAMP) / (double) USECS_PER_DAY;

	if (roughly_days(span) > days_there_are - DAYS_PER_MONTH)
		return false;
	*difference = DatumGetTimestamp(DirectFunctionCall2(timestamp_mi_interval,
														TimestampGetDatum(at),
														IntervalPGetDatum(span)));
	return true;
}

/* The same; what does not fit is an error that names the argument. */
TimestampTz
utc_minus(TimestampTz at, const Interval *span, const char *argument)
{
	TimestampTz difference;

	if (!utc_minus_fits(at, span, &difference))
		reject_long_interval(argument);
	return difference;
}

/* Each field doubled: two months back is one step of two months, not two steps. */
void
interval_twice(Interval *doubled, const Interval *span, const char *argument)
{
	if (pg_mul_s32_overflow(span->month, 2, &doubled->month) ||
		pg_mul_s32_overflow(span->day, 2, &doubled->day) ||
		pg_mul_s64_overflow(span->time, 2, &doubled->time))
		reject_long_interval(argument);
}

static bool
is_whole_months(const Interval *span)
{
	return span->month != 0 && span->day == 0 && span->time == 0;
}

/*
 * The length EXTRACT(EPOCH FROM span) gives, in microseconds: a year of
 * 365.25 days, a month of 30.
 */
static int64
interval_microseconds(const Interval *span, const char *argument)
{
	const int64 year = 36525 * (USECS_PER_DAY / 100);
	int64		years,
				months,
				days,
				total = 0;

	if (pg_mul_s64_overflow(span->month / MONTHS_PER_YEAR, year, &years) ||
		pg_mul_s64_overflow(span->month % MONTHS_PER_YEAR,
							DAYS_PER_MONTH * USECS_PER_DAY, &months) ||
		pg_mul_s64_overflow(span->day, USECS_PER_DAY, &days) ||
		pg_add_s64_overflow(years, months, &total) ||
		pg_add_s64_overflow(total, days, &total) ||
		pg_add_s64_overflow(total, span->time, &total))
		reject_long_interval(argument);
	return total;
}

/*
 * How many times one positive span holds another, as an exact fraction: of
 * months when both are whole months ('3 years' / '1 year' = 36/12), else of
 * microseconds.
 */
void
interval_ratio(const Interval *above, const char *above_name,
			   const Interval *below, const char *below_name,
			   int64 *numerator, int64 *denominator)
{
	if (is_whole_months(above) && is_whole_months(below))
	{
		*numerator = above->month;
		*denominator = below->month;
		return;
	}
	*numerator = interval_microseconds(above, above_name);
	*denominator = interval_microseconds(below, below_name);
}

/* The days of a span that is a whole number of them, and above zero. */
int64
interval_days(const Interval *span, const char *argument)
{
	check_least_interval(span, USECS_PER_HOUR, argument);
	if (span->month != 0 || span->time % USECS_PER_DAY != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a whole number of days, not \"%s\"",
						argument, interval_text(span)),
				 errhint("Write a week as '7 days'. Months and years vary in length; 30 or 365 days do not.")));
	return span->day + span->time / USECS_PER_DAY;
}
