/*
 * calendar_options.c
 *		The options of aggregates by calendar period: grain, as_of, tz.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "measures/calendar_options.h"

const OptionSpec calendar_options[CALENDAR_OPTIONS] = {
	[CALENDAR_GRAIN] = {"grain", OPTION_GRAIN},
	[CALENDAR_AS_OF] = {"as_of", OPTION_TIME},
	[CALENDAR_ZONE] = {"tz", OPTION_ZONE}
};
