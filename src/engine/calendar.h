/*
 * calendar.h
 *		Periods of the calendar: the day, week, month, quarter or year that an
 *		instant belongs to in a time zone, as a number.
 *
 * Numbers of one grain are consecutive, so the distance of two periods is a
 * subtraction: 14 months apart are 14.
 *
 *		day				days since 2000-01-01
 *		week			weeks since Monday 2000-01-03 (ISO weeks begin on Monday)
 *		week_sunday		weeks since Sunday 2000-01-02
 *		week_saturday	weeks since Saturday 2000-01-01
 *		month			12 * year + month - 1
 *		quarter			4 * year + quarter - 1
 *		year			year
 *		fiscal_quarter_MM, fiscal_year_MM
 *						quarters and years of which one begins with the month MM
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CALENDAR_H
#define RETENTION_CALENDAR_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "utils/date.h"

typedef enum Grain
{
	GRAIN_DAY,
	GRAIN_WEEK,
	GRAIN_MONTH,
	GRAIN_QUARTER,
	GRAIN_YEAR,
	GRAIN_WEEK_SUNDAY,
	GRAIN_WEEK_SATURDAY,
	GRAIN_FISCAL_QUARTER,		/* _01; those of the other months follow */
	GRAIN_FISCAL_YEAR = GRAIN_FISCAL_QUARTER + MONTHS_PER_YEAR	/* likewise */
} Grain;

#define GRAINS	(GRAIN_FISCAL_YEAR + MONTHS_PER_YEAR)

/* A time zone's name, in an option; longer than any name there is */
#define ZONE_NAME_SIZE	48

typedef struct Zone Zone;

extern retention_internal Grain grain_from_text(const text *name);
extern retention_internal const char *grain_name(Grain grain);
extern retention_internal const Zone *zone_from_name(const char *name);
extern retention_internal int64 period_of(Grain grain, const Zone *zone,
										  TimestampTz at);
extern retention_internal DateADT period_date(Grain grain, int64 period);
extern retention_internal TimestampTz period_begin(Grain grain, const Zone *zone,
												   int64 period);

#endif							/* RETENTION_CALENDAR_H */
