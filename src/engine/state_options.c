/*
 * state_options.c
 *		The options of an aggregate: reading, comparing, sending them.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_options.h"

#include "base/checks.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* How many values the options take in a state. */
int
option_values(const OptionSpec *specs, int count)
{
	if (count > 0 && specs[count - 1].type == OPTION_ZONE)
		return count - 1 + ZONE_VALUES;
	if (count > 0 && specs[count - 1].type == OPTION_NAME)
		return count - 1 + NAME_VALUES;
	return count;
}

static void
set_zone(OptionValue *value, const char *name, Size length)
{
	char	   *zone = value->zone;

	if (length >= ZONE_NAME_SIZE || memchr(name, '\0', length))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"tz\" must be the name of a time zone, of at most %d bytes",
						ZONE_NAME_SIZE - 1)));
	memset(zone, 0, ZONE_NAME_SIZE);
	memcpy(zone, name, length);
}

static void
set_name(const OptionSpec *spec, OptionValue *value, const char *name,
		 Size length)
{
	char	   *into = value->name;

	if (length >= OPTION_NAME_SIZE || memchr(name, '\0', length))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a name of at most %d bytes",
						spec->name, OPTION_NAME_SIZE - 1)));
	memset(into, 0, OPTION_NAME_SIZE);
	memcpy(into, name, length);
}

/* How many elements an array has, which must be a plain list. */
int
option_length(const OptionSpec *spec, Datum arg)
{
	const ArrayType *array = DatumGetArrayTypeP(arg);

	if (ARR_NDIM(array) == 0)
		return 0;
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be an array of one dimension, not %d",
						spec->name, ARR_NDIM(array))));
	return ARR_DIMS(array)[0];
}

/* 10 and 10.00 are one amount. */
static Money
amount_option(const OptionSpec *spec, Datum arg)
{
	StateHeap	wide;
	Money		amount;
	int128		mantissa;
	int			decimals;

	heap_init_scratch(&wide);
	money_from_datum(&wide, &amount, arg, spec->name);
	if (money_is_wide(&amount))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a number of at most 36 digits",
						spec->name)));
	mantissa = money_mantissa(&amount);
	decimals = money_decimals(&amount);
	for (; decimals > 0 && mantissa % 10 == 0; decimals--)
		mantissa /= 10;
	(void) money_set_narrow(&amount, mantissa, decimals);
	return amount;
}

/* An argument of a group's first row. */
void
option_read(const OptionSpec *spec, OptionValue *value, Datum arg)
{
	const text *string;

	switch (spec->type)
	{
		case OPTION_TIME:
			value->time = DatumGetTimestampTz(arg);
			break;
		case OPTION_INTERVAL:
			value->interval = *DatumGetIntervalP(arg);
			break;
		case OPTION_COUNT:
			value->count = DatumGetInt32(arg);
			break;
		case OPTION_LENGTH:
			value->count = option_length(spec, arg);
			break;
		case OPTION_AMOUNT:
			value->amount = amount_option(spec, arg);
			break;
		case OPTION_GRAIN:
			value->grain = grain_from_text(DatumGetTextPP(arg));
			break;
		case OPTION_ZONE:
			string = DatumGetTextPP(arg);
			set_zone(value, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
			break;
		case OPTION_NAME:
			string = DatumGetTextPP(arg);
			set_name(spec, value, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
			break;
	}
}

/* Of a type with values of any length */
bool
option_is_long(const OptionSpec *spec, const OptionValue *value, Datum arg)
{
	const text *string;
	const char *known;
	Size		length;

	if (spec->type == OPTION_AMOUNT)
	{
		const Money amount = amount_option(spec, arg);

		return memcmp(&amount, &value->amount, sizeof(Money)) == 0;
	}
	string = DatumGetTextPP(arg);
	known = spec->type == OPTION_ZONE ? value->zone :
		spec->type == OPTION_NAME ? value->name :
		grain_name((Grain) value->grain);
	length = strlen(known);
	return VARSIZE_ANY_EXHDR(string) == length &&
		memcmp(VARDATA_ANY(string), known, length) == 0;
}

/* Raises an error for a value that no call may have. */
void
option_check(const OptionSpec *spec, const OptionValue *value)
{
	switch (spec->type)
	{
		case OPTION_TIME:
			check_finite_time(value->time, spec->name);
			break;
		case OPTION_INTERVAL:
			check_least_interval(&value->interval, spec->least, spec->name);
			break;
		case OPTION_COUNT:
		case OPTION_LENGTH:
		case OPTION_AMOUNT:
		case OPTION_GRAIN:
			break;
		case OPTION_ZONE:
			(void) zone_from_name(value->zone);
			break;
		case OPTION_NAME:
			break;
	}
}

bool
option_equal(const OptionSpec *spec, const OptionValue *a, const OptionValue *b)
{
	return memcmp(a, b, spec->type == OPTION_ZONE ? ZONE_NAME_SIZE :
				  spec->type == OPTION_NAME ? OPTION_NAME_SIZE :
				  sizeof(OptionValue)) == 0;
}

void
option_send(StringInfo out, const OptionSpec *spec, const OptionValue *value)
{
	switch (spec->type)
	{
		case OPTION_TIME:
			pq_sendint64(out, value->time);
			break;
		case OPTION_INTERVAL:
			pq_sendint64(out, value->interval.time);
			pq_sendint32(out, value->interval.day);
			pq_sendint32(out, value->interval.month);
			break;
		case OPTION_COUNT:
		case OPTION_LENGTH:
			pq_sendint32(out, (int32) value->count);
			break;
		case OPTION_AMOUNT:
			money_send(out, &value->amount, NULL);
			break;
		case OPTION_GRAIN:
			pq_sendbyte(out, (uint8) value->grain);
			break;
		case OPTION_ZONE:
			pq_sendbyte(out, (uint8) strlen(value->zone));
			pq_sendbytes(out, value->zone, strlen(value->zone));
			break;
		case OPTION_NAME:
			pq_sendbyte(out, (uint8) strlen(value->name));
			pq_sendbytes(out, value->name, strlen(value->name));
			break;
	}
}

static void
reject_option(const OptionSpec *spec)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid retention state: \"%s\" out of range",
					spec->name)));
}

/* An amount that amount_option could have made */
static Money
receive_amount(StringInfo in, const OptionSpec *spec)
{
	StateHeap	wide;
	Money		amount;

	heap_init_scratch(&wide);
	money_receive(in, &wide, &amount);
	if (money_is_none(&amount) || money_is_wide(&amount) ||
		(money_decimals(&amount) > 0 && money_mantissa(&amount) % 10 == 0))
		reject_option(spec);
	return amount;
}

/* Reads what option_send has written, or anything: option_check comes next. */
void
option_receive(StringInfo in, const OptionSpec *spec, OptionValue *value)
{
	int			length;

	switch (spec->type)
	{
		case OPTION_TIME:
			value->time = pq_getmsgint64(in);
			if (!IS_VALID_TIMESTAMP(value->time))
				reject_option(spec);
			break;
		case OPTION_INTERVAL:
			value->interval.time = pq_getmsgint64(in);
			value->interval.day = (int32) pq_getmsgint(in, sizeof(int32));
			value->interval.month = (int32) pq_getmsgint(in, sizeof(int32));
			break;
		case OPTION_COUNT:
		case OPTION_LENGTH:
			value->count = (int32) pq_getmsgint(in, sizeof(int32));
			break;
		case OPTION_AMOUNT:
			value->amount = receive_amount(in, spec);
			break;
		case OPTION_GRAIN:
			value->grain = pq_getmsgbyte(in);
			if (value->grain >= GRAINS)
				reject_option(spec);
			break;
		case OPTION_ZONE:
			length = pq_getmsgbyte(in);
			set_zone(value, pq_getmsgbytes(in, length), length);
			break;
		case OPTION_NAME:
			length = pq_getmsgbyte(in);
			set_name(spec, value, pq_getmsgbytes(in, length), length);
			pg_verifymbstr(value->name, length, false);
			break;
	}
}
