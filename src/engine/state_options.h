/*
 * state_options.h
 *		The options of an aggregate: the arguments that must be the same in every
 *		row of a group (as_of, period, grain, ...). They live in the state.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_OPTIONS_H
#define RETENTION_STATE_OPTIONS_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "engine/calendar.h"
#include "engine/money.h"
#include "utils/timestamp.h"

typedef enum OptionType
{
	OPTION_TIME,				/* timestamptz */
	OPTION_INTERVAL,
	OPTION_COUNT,				/* integer */
	OPTION_LENGTH,				/* an array, of which only the number of
								 * elements is the same in all rows */
	OPTION_AMOUNT,				/* numeric of at most 36 digits */
	OPTION_GRAIN,				/* text: see calendar.h */
	OPTION_ZONE,				/* text: a time zone; the last option if any */
	OPTION_NAME					/* text: a short name; likewise */
} OptionType;

typedef struct OptionSpec
{
	const char *name;			/* of the SQL argument */
	OptionType	type;
	int64		least;			/* of an interval, in microseconds; 0: any
								 * above 0 */
	int			moved;			/* so many places behind this one's its SQL
								 * argument stands among the options */
} OptionSpec;

/*
 * The least period of a measure of orders: what is shorter is a number whose unit was
 * forgotten, '90' for '90 days'.
 */
#define LEAST_PERIOD	USECS_PER_HOUR

typedef union OptionValue
{
	TimestampTz time;
	Interval	interval;
	int64		count;
	int64		grain;
	Money		amount;			/* with no more decimals than it needs */
	char		zone[sizeof(Interval)]; /* goes on into the values behind */
	char		name[sizeof(Interval)]; /* likewise */
} OptionValue;

/* Of a name in an option, with the zero behind it */
#define OPTION_NAME_SIZE	64

#define ZONE_VALUES		(ZONE_NAME_SIZE / sizeof(OptionValue))
#define NAME_VALUES		(OPTION_NAME_SIZE / sizeof(OptionValue))
#define MOST_OPTIONS	(3 + NAME_VALUES)
#define MOST_DERIVED	4

StaticAssertDecl(ZONE_NAME_SIZE % sizeof(OptionValue) == 0, "a zone fills its values");
StaticAssertDecl(OPTION_NAME_SIZE % sizeof(OptionValue) == 0, "a name fills its values");
StaticAssertDecl(ZONE_VALUES <= NAME_VALUES, "a zone is no longer than a name");

typedef struct StateOptions
{
	int64		derived[MOST_DERIVED];	/* what the family makes of them */
	OptionValue value[MOST_OPTIONS];	/* as given; a state holds only as
										 * many as its family has */
} StateOptions;

extern retention_internal int option_values(const OptionSpec *specs, int count);
extern retention_internal void option_read(const OptionSpec *spec,
										   OptionValue *value, Datum arg);
extern retention_internal int option_length(const OptionSpec *spec, Datum arg);
extern retention_internal bool option_is_long(const OptionSpec *spec,
											  const OptionValue *value,
											  Datum arg);
extern retention_internal void option_check(const OptionSpec *spec,
											const OptionValue *value);
extern retention_internal bool option_equal(const OptionSpec *spec,
											const OptionValue *a,
											const OptionValue *b);
extern retention_internal void option_send(StringInfo out,
										   const OptionSpec *spec,
										   const OptionValue *value);
extern retention_internal void option_receive(StringInfo in,
											  const OptionSpec *spec,
											  OptionValue *value);

/* Has the argument still the value it had? For every row, so inline. */
static inline bool
option_is(const OptionSpec *spec, const OptionValue *value, Datum arg)
{
	switch (spec->type)
	{
		case OPTION_TIME:
			return DatumGetTimestampTz(arg) == value->time;
		case OPTION_INTERVAL:
			return memcmp(DatumGetIntervalP(arg), &value->interval,
						  sizeof(Interval)) == 0;
		case OPTION_COUNT:
			return DatumGetInt32(arg) == value->count;
		case OPTION_LENGTH:
			return option_length(spec, arg) == value->count;
		default:
			return option_is_long(spec, value, arg);
	}
}

#endif							/* RETENTION_STATE_OPTIONS_H */
