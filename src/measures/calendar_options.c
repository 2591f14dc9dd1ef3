/*
 * calendar_options.c
 *		The options of aggregates by calendar period: grain, as_of, tz.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "measures/calendar_options.h"

#include "base/result_rows.h"

const OptionSpec calendar_options[CALENDAR_OPTIONS] = {
	[CALENDAR_GRAIN] = {"grain", OPTION_GRAIN},
	[CALENDAR_AS_OF] = {"as_of", OPTION_TIME},
	[CALENDAR_ZONE] = {"tz", OPTION_ZONE}
};

/* Raises an error for a row of each of more periods than a value can hold. */
void
calendar_check_rows(Grain grain, int64 rows)
{
	if (rows > MOST_RESULT_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg(INT64_FORMAT " %ss are more rows than a value can hold",
						rows, grain_name(grain)),
				 errhint("Take a longer grain, or leave wrong dates out with WHERE: one order in the year 24 makes two thousand years of periods.")));
}

/* Of a state whose keys are periods: each has a date. */
bool
period_valid_key(const int64 *period)
{
	return *period >= PG_INT32_MIN && *period <= PG_INT32_MAX;
}
