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

static inline Grain
calendar_grain(const StateOptions *options)
{
	return (Grain) options->value[CALENDAR_GRAIN].grain;
}

static inline TimestampTz
calendar_as_of(const StateOptions *options)
{
	return options->value[CALENDAR_AS_OF].time;
}

/* The number of the period that holds an instant: see calendar.h */
static inline int64
calendar_period(const StateOptions *options, TimestampTz at)
{
	return period_of(calendar_grain(options),
					 zone_from_name(options->value[CALENDAR_ZONE].zone), at);
}

/* The last period that has begun before as_of. */
static inline int64
calendar_last_period(const StateOptions *options)
{
	return calendar_period(options,
						   Max(calendar_as_of(options) - 1, MIN_TIMESTAMP));
}

/* The first period that has not ended by as_of. */
static inline int64
calendar_open_period(const StateOptions *options)
{
	return calendar_period(options, calendar_as_of(options));
}

#endif							/* RETENTION_CALENDAR_OPTIONS_H */
