/*
 * calendar_options.h
 *		The options of aggregates by calendar period: grain, as_of, tz.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CALENDAR_OPTIONS_H
#define RETENTION_CALENDAR_OPTIONS_H

#include "base/compat.h"

#include "engine/state_options.h"

enum
{
	CALENDAR_GRAIN,
	CALENDAR_AS_OF,
	CALENDAR_ZONE,
	CALENDAR_OPTIONS
};

extern retention_internal const OptionSpec calendar_options[CALENDAR_OPTIONS];

extern retention_internal void calendar_check_rows(Grain grain, int64 rows);
extern retention_internal bool period_valid_key(const int64 *period);

/*
 * These read the options of an aggregate that has others, too: the three stand
 * together, from "first" on.
 */
static inline Grain
calendar_grain_from(const StateOptions *options, int first)
{
	return (Grain) options->value[first + CALENDAR_GRAIN].grain;
}

static inline TimestampTz
calendar_as_of_from(const StateOptions *options, int first)
{
	return options->value[first + CALENDAR_AS_OF].time;
}

static inline const Zone *
calendar_zone_from(const StateOptions *options, int first)
{
	return zone_from_name(options->value[first + CALENDAR_ZONE].zone);
}

/* The number of the period that holds an instant: see calendar.h */
static inline int64
calendar_period_from(const StateOptions *options, int first, TimestampTz at)
{
	return period_of(calendar_grain_from(options, first),
					 calendar_zone_from(options, first), at);
}

/* The last period that has begun before as_of. */
static inline int64
calendar_last_period_from(const StateOptions *options, int first)
{
	return calendar_period_from(options, first,
								Max(calendar_as_of_from(options, first) - 1,
									MIN_TIMESTAMP));
}

/* The first period that has not ended by as_of. */
static inline int64
calendar_open_period_from(const StateOptions *options, int first)
{
	return calendar_period_from(options, first,
								calendar_as_of_from(options, first));
}

/* The same of an aggregate that has the three alone. */
static inline Grain
calendar_grain(const StateOptions *options)
{
	return calendar_grain_from(options, 0);
}

static inline TimestampTz
calendar_as_of(const StateOptions *options)
{
	return calendar_as_of_from(options, 0);
}

static inline int64
calendar_period(const StateOptions *options, TimestampTz at)
{
	return calendar_period_from(options, 0, at);
}

static inline int64
calendar_last_period(const StateOptions *options)
{
	return calendar_last_period_from(options, 0);
}

static inline int64
calendar_open_period(const StateOptions *options)
{
	return calendar_open_period_from(options, 0);
}

#endif							/* RETENTION_CALENDAR_OPTIONS_H */
