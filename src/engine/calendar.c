/*
 * calendar.c
 *		Periods of the calendar, in a time zone.
 *
 * To know the local day of an instant is to know the zone's offset from UTC
 * then. Asking the server's time zone library for every row would cost more than
 * all the rest, so the offsets of 1970 to 2100 are asked for once per zone and
 * process. They are facts: nothing depends on them being there.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/calendar.h"

#include "base/checks.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static const char *const grain_names[GRAINS] = {
	"day", "week", "month", "quarter", "year", "week_sunday", "week_saturday",
#define OF_YEAR(period) \
	period "_01", period "_02", period "_03", period "_04", period "_05", \
	period "_06", period "_07", period "_08", period "_09", period "_10", \
	period "_11", period "_12"
	OF_YEAR("fiscal_quarter"),
	OF_YEAR("fiscal_year")
#undef OF_YEAR
};

static const char *
grain_hint(const char *name)
{
	if (pg_strncasecmp(name, "fiscal", 6) == 0)
		return "A fiscal year that begins in April is 'fiscal_year_04', and its quarters are 'fiscal_quarter_04'.";
	if (pg_strncasecmp(name, "week", 4) == 0)
		return "A 'week' begins on Monday; there are 'week_sunday' and 'week_saturday' as well.";
	return "There are 'week_sunday', 'week_saturday', 'fiscal_year_04' and 'fiscal_quarter_04' as well, of any month 01 to 12.";
}

Grain
grain_from_text(const text *name)
{
	for (int i = 0; i < GRAINS; i++)
		if (VARSIZE_ANY_EXHDR(name) == strlen(grain_names[i]) &&
			memcmp(VARDATA_ANY(name), grain_names[i],
				   strlen(grain_names[i])) == 0)
			return (Grain) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"grain\" must be 'day', 'week', 'month', 'quarter' or 'year', not \"%s\"",
					excerpt(text_to_cstring(name))),
			 errhint("%s", grain_hint(text_to_cstring(name)))));
}

const char *
grain_name(Grain grain)
{
	return grain_names[grain];
}

/* ------------------------------------------------------------------------
 * Zones
 * ------------------------------------------------------------------------
 */

/*
 * An offset from UTC in microseconds, until when it holds, and the latest local
 * day there was before. Where clocks go back over midnight (St John's did at
 * 00:01), a day does not come again: what it has of a second time belongs to the
 * day after, so that a later instant never has an earlier period.
 */
typedef struct ZoneSpan
{
	TimestampTz until;
	int64		offset;
	int64		day_before;
} ZoneSpan;

struct Zone
{
	char		name[ZONE_NAME_SIZE];
	const pg_tz *tz;
	int			last;			/* the span of the instant asked for last */
	int			nspans;
	ZoneSpan   *spans;			/* from TABLE_BEGIN on, to TABLE_END */
	Zone	   *next;
};

/* 1970-01-01 and 2100-01-01, in seconds since 1970 */
#define TABLE_BEGIN		INT64CONST(0)
#define TABLE_END		INT64CONST(4102444800)

static Zone *zones = NULL;
static int	nzones = 0;

#define MOST_ZONES		32

static TimestampTz
timestamp_of_unix(int64 seconds)
{
	return (seconds - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) *
		USECS_PER_SEC;
}

static int64
unix_of_timestamp(TimestampTz at)
{
	int64		seconds = at / USECS_PER_SEC;

	/* down, before 2000 too */
	if (at < 0 && at % USECS_PER_SEC != 0)
		seconds--;
	return seconds + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
}

static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0);
}

/* Days since 2000-01-01, by day and time of day: at + offset may be out of range */
static int64
local_day(TimestampTz at, int64 offset)
{
	int64		days = floor_div(at, USECS_PER_DAY);

	return days + floor_div(at - days * USECS_PER_DAY + offset, USECS_PER_DAY);
}

/* What the library says of one instant. */
static int64
library_offset(const pg_tz *tz, int64 unix_seconds)
{
	pg_time_t	time = (pg_time_t) unix_seconds;
	const struct pg_tm *local = pg_localtime(&time, tz);

	return local ? local->tm_gmtoff * USECS_PER_SEC : 0;
}

/* The next change of a zone's clocks, at most "most". */
static int64
next_change(const pg_tz *tz, int64 unix_seconds, int64 most)
{
	pg_time_t	at = (pg_time_t) unix_seconds;
	long		offset;
	long		next_offset;
	int			is_dst;
	int			next_is_dst;
	pg_time_t	boundary;

	if (pg_next_dst_boundary(&at, &offset, &is_dst, &boundary, &next_offset,
							 &next_is_dst, tz) <= 0)
		return most;
	return Min((int64) boundary, most);
}

/* More than clocks ever went back, which was by the day of Alaska's in 1867 */
#define LONGEST_WAY_BACK	(2 * SECS_PER_DAY)

/* The span that begins with an instant, by the library; its end is not known. */
static ZoneSpan
library_span(const pg_tz *tz, int64 unix_seconds)
{
	ZoneSpan	span = {0};
	int64		at = unix_seconds - LONGEST_WAY_BACK;

	span.offset = library_offset(tz, unix_seconds);
	span.day_before = PG_INT64_MIN;
	while (at < unix_seconds)
	{
		int64		offset = library_offset(tz, at);

		at = next_change(tz, at, unix_seconds);
		span.day_before = Max(span.day_before,
							  local_day(timestamp_of_unix(at) - 1, offset));
	}
	return span;
}

static void
fill_spans(Zone *zone)
{
	ZoneSpan	span = library_span(zone->tz, TABLE_BEGIN);
	int64		at = TABLE_BEGIN;
	int			room = 64;

	zone->spans = MemoryContextAlloc(TopMemoryContext, room * sizeof(ZoneSpan));
	while (at < TABLE_END)
	{
		span.offset = library_offset(zone->tz, at);
		at = next_change(zone->tz, at, TABLE_END);
		span.until = timestamp_of_unix(at);
		if (zone->nspans == room)
			zone->spans = repalloc(zone->spans,
								   (room *= 2) * sizeof(ZoneSpan));
		zone->spans[zone->nspans++] = span;
		span.day_before = Max(span.day_before,
							  local_day(span.until - 1, span.offset));
	}
}

/* Nobody needs the hundreds there are at a time. */
static void
forget_zones(void)
{
	while (zones)
	{
		Zone	   *zone = zones;

		zones = zone->next;
		pfree(zone->spans);
		pfree(zone);
	}
	nzones = 0;
}

/* Is there a zone of exactly that name? */
static bool
zone_is_listed(const char *name)
{
	pg_tzenum  *list = pg_tzenumerate_start();
	pg_tz	   *tz;

	while ((tz = pg_tzenumerate_next(list)) != NULL)
		if (strcmp(pg_get_timezone_name(tz), name) == 0)
			break;
	pg_tzenumerate_end(list);
	return tz != NULL;
}

/*
 * The server's zone of a name in pg_timezone_names; NULL if there is none.
 *
 * The server also takes what POSIX has for a zone, such as 'UTC+8', which is 8 hours
 * behind UTC, and 'Foo+5'. These have digits, as few names have, so that only
 * such a name has to be looked for among all there are.
 */
static const pg_tz *
tz_of_name(const char *name)
{
	pg_tz	   *tz = strlen(name) < ZONE_NAME_SIZE ? pg_tzset(name) : NULL;

	if (tz == NULL || !pg_tz_acceptable(tz) ||
		strcmp(pg_get_timezone_name(tz), name) != 0)
		return NULL;
	if (strpbrk(name, "0123456789") && !zone_is_listed(name))
		return NULL;
	return tz;
}

static retention_noreturn void
reject_zone(const char *name)
{
	const bool	offset = strpbrk(name, "0123456789") != NULL;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"tz\" must be the name of a time zone, not \"%s\"",
					excerpt(name)),
			 offset ? errhint("For 8 hours ahead of UTC write a city such as 'Asia/Shanghai', or 'Etc/GMT-8': its sign is that of POSIX, the reverse of the usual one. See the view pg_timezone_names.") :
			 errhint("Such as 'UTC' or 'Europe/Paris': see the view pg_timezone_names.")));
}

/*
 * A zone by its name, good until the next call; one that is not in the server's
 * view pg_timezone_names is an error that names the argument.
 */
const Zone *
zone_from_name(const char *name)
{
	Zone	   *zone;
	const pg_tz *tz;

	for (zone = zones; zone; zone = zone->next)
		if (strcmp(zone->name, name) == 0)
			return zone;
	tz = tz_of_name(name);
	if (tz == NULL)
		reject_zone(name);
	if (nzones == MOST_ZONES)
		forget_zones();
	zone = MemoryContextAllocZero(TopMemoryContext, sizeof(Zone));
	strlcpy(zone->name, name, ZONE_NAME_SIZE);
	zone->tz = tz;
	fill_spans(zone);
	zone->next = zones;
	zones = zone;
	nzones++;
	return zone;
}

/* The day an instant belongs to, in days since 2000-01-01. */
static int64
zone_day(const Zone *zone, TimestampTz at)
{
	const ZoneSpan *span;
	ZoneSpan	rare;
	int			first = 0;
	int			count = zone->nspans;
	int			last = zone->last;

	if (unlikely(at < timestamp_of_unix(TABLE_BEGIN) ||
				 at >= timestamp_of_unix(TABLE_END)))
	{
		rare = library_span(zone->tz, unix_of_timestamp(at));
		span = &rare;
	}
	else if (at < zone->spans[last].until &&
			 (last == 0 || at >= zone->spans[last - 1].until))
		span = &zone->spans[last];
	else
	{
		/* the first span that ends after it */
		while (count > 1)
		{
			int			half = count / 2;

			if (zone->spans[first + half - 1].until <= at)
				first += half;
			count -= half;
		}
		((Zone *) zone)->last = first;
		span = &zone->spans[first];
	}
	return Max(local_day(at, span->offset), span->day_before);
}

/* ------------------------------------------------------------------------
 * Periods
 * ------------------------------------------------------------------------
 */
/*
 * Of what every grain is made: so many days from the one numbered "first", or so many
 * months from the first-th of the year 0; the other is 0.
 */
typedef struct GrainRule
{
	int			days;
	int			months;
	int			first;
} GrainRule;

static GrainRule
grain_rule(Grain grain)
{
	switch (grain)
	{
		case GRAIN_DAY:
			return (GrainRule) {.days = 1};
		case GRAIN_WEEK:		/* since 2000-01-01, which was a Saturday */
			return (GrainRule) {.days = 7, .first = 2};
		case GRAIN_WEEK_SUNDAY:
			return (GrainRule) {.days = 7, .first = 1};
		case GRAIN_WEEK_SATURDAY:
			return (GrainRule) {.days = 7};
		case GRAIN_MONTH:
			return (GrainRule) {.months = 1};
		case GRAIN_QUARTER:
			return (GrainRule) {.months = 3};
		case GRAIN_YEAR:
			return (GrainRule) {.months = MONTHS_PER_YEAR};
		default:
			break;
	}
	if (grain >= GRAIN_FISCAL_YEAR)
		return (GrainRule) {
			.months = MONTHS_PER_YEAR, .first = grain - GRAIN_FISCAL_YEAR
		};
	return (GrainRule) {
		.months = 3, .first = grain - GRAIN_FISCAL_QUARTER
	};
}

static DateADT period_start(Grain grain, int64 period);

/* 2000-01-01 in days since 0000-03-01 */
#define MARCH_OF_YEAR_0	730425

/*
 * The month of a day, as 12 * year + month - 1. Rows of a customer leap from month to
 * month, so this has to be quick: after Cassio Neri and Lorenz Schneider, Euclidean affine
 * functions and their application to calendar algorithms (2023). Years begin in March, so
 * that the leap day is their last; month 12 of a year is the next one's January.
 */
static int64
month_of_day(int64 days)
{
	uint32		n = (uint32) (days + MARCH_OF_YEAR_0) * 4 + 3;
	uint32		century;
	uint32		of_century;
	uint64		product;
	uint32		year;
	uint32		day_of_year;
	uint32		month;

	if (unlikely(days < -MARCH_OF_YEAR_0 || days > PG_INT32_MAX / 4))
	{
		int			y;
		int			m;
		int			d;

		j2date((int) days + POSTGRES_EPOCH_JDATE, &y, &m, &d);
		return (int64) y * MONTHS_PER_YEAR + m - 1;
	}
	century = n / 146097;
	of_century = (n % 146097) | 3;
	product = UINT64CONST(2939745) * of_century;
	year = 100 * century + (uint32) (product >> 32);
	day_of_year = (uint32) product / 2939745 / 4;
	month = (2141 * day_of_year + 197913) >> 16;
	return (int64) year * MONTHS_PER_YEAR + month - 1;
}

int64
period_of(Grain grain, const Zone *zone, TimestampTz at)
{
	int64		days = zone_day(zone, at);

	GrainRule	rule;

	if (grain == GRAIN_DAY)
		return days;
	if (grain == GRAIN_MONTH)
		return month_of_day(days);
	rule = grain_rule(grain);
	if (rule.days > 0)
		return floor_div(days - rule.first, rule.days);
	return floor_div(month_of_day(days) - rule.first, rule.months);
}

/* The first day of a period, which may be none that the server has as a date. */
static DateADT
period_start(Grain grain, int64 period)
{
	const GrainRule rule = grain_rule(grain);
	const int64 months = period * rule.months + rule.first;
	const int64 year = floor_div(months, MONTHS_PER_YEAR);

	if (rule.days > 0)
		return (DateADT) (period * rule.days + rule.first);
	return date2j((int) year, (int) (months - year * MONTHS_PER_YEAR) + 1, 1) -
		POSTGRES_EPOCH_JDATE;
}

/*
 * The first day of a period, for a result. The server's calendar begins in the middle
 * of periods, whose first days no date can hold.
 */
DateADT
period_date(Grain grain, int64 period)
{
	DateADT		start = period_start(grain, period);

	if (!IS_VALID_DATE(start))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the %s of the first order begins before the earliest date there is, in 4714 BC",
						grain_name(grain)),
				 errhint("Leave wrong dates out with WHERE.")));
	return start;
}

/* Local time and UTC are never further apart, even where clocks go back by a day. */
#define FARTHEST_ZONE	(2 * SECS_PER_DAY)

/*
 * The first instant that belongs to a period or to a later one. Clocks change at whole
 * seconds, so it is one; at the ends of the server's calendar it is the last there is.
 */
TimestampTz
period_begin(Grain grain, const Zone *zone, int64 period)
{
	int64		midnight = (int64) period_start(grain, period) * SECS_PER_DAY;
	int64		low = Max(midnight - FARTHEST_ZONE, MIN_TIMESTAMP / USECS_PER_SEC);
	int64		high = Min(midnight + FARTHEST_ZONE,
						   END_TIMESTAMP / USECS_PER_SEC - 1);

	/* a later instant never has an earlier period */
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (period_of(grain, zone, middle * USECS_PER_SEC) >= period)
			high = middle;
		else
			low = middle + 1;
	}
	return low * USECS_PER_SEC;
}
