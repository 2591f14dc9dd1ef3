/*
 * satisfaction.c
 *		Are they happy? The net promoter score and how sure it is; the mean of a survey
 *		that not everybody answered; how many good reviews a bad one costs.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include <math.h>

#include "base/numerics.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/record_list.h"
#include "math/specfun.h"

/* ------------------------------------------------------------------------
 * nps
 * ------------------------------------------------------------------------
 */
typedef struct NpsTotals
{
	int64		promoters;		/* answers of 9 and 10 */
	int64		passives;		/* 7 and 8 */
	int64		detractors;		/* 0 to 6 */
	int64		out_of_range;	/* no answers */
} NpsTotals;

static void
nps_merge_totals(StateHeap *heap, void *into, const void *from,
				 const char *from_base)
{
	NpsTotals  *a = into;
	const NpsTotals *b = from;

	add_count(&a->promoters, b->promoters, "answers");
	add_count(&a->passives, b->passives, "answers");
	add_count(&a->detractors, b->detractors, "answers");
	add_count(&a->out_of_range, b->out_of_range, "answers");
}

retention_internal const CustomerFamily nps_family = {
	.name = "nps",
	.id = FAMILY_NPS,
	.totals_fields = STATE_FIELDS(FIELD(NpsTotals, promoters, COUNT),
								  FIELD(NpsTotals, passives, COUNT),
								  FIELD(NpsTotals, detractors, COUNT),
								  FIELD(NpsTotals, out_of_range, COUNT)),
	.totals_size = sizeof(NpsTotals),
	.merge_totals = nps_merge_totals
};

/*
 * nps_transfn(retention_state, score integer)
 */
PG_FUNCTION_INFO_V1(nps_transfn);
Datum
nps_transfn(PG_FUNCTION_ARGS)
{
	StateUpdate update;
	NpsTotals  *totals;
	int32		score;

	state_update_begin(&update, fcinfo, &nps_family, KEY_NONE, 2, 0);
	if (PG_ARGISNULL(1))
		return state_update_end(&update);
	totals = update.table->totals;
	score = PG_GETARG_INT32(1);
	if (score < 0 || score > 10)
		totals->out_of_range++;
	else if (score >= 9)
		totals->promoters++;
	else if (score >= 7)
		totals->passives++;
	else
		totals->detractors++;
	return state_update_end(&update);
}

static const NpsTotals *
nps_totals(const CustomerTable *table)
{
	if (table->family != &nps_family)
		reject_state(table, "nps");
	return table->totals;
}

static int64
nps_responses(const NpsTotals *totals)
{
	int64		responses = totals->promoters;

	add_count(&responses, totals->passives, "answers");
	add_count(&responses, totals->detractors, "answers");
	return responses;
}

/* Of a share or a difference of shares; there is an answer */
static double
nps_score(const NpsTotals *totals)
{
	return 100 * ((double) totals->promoters - (double) totals->detractors) /
		(double) nps_responses(totals);
}

/*
 * nps(retention_state) returns double precision
 *
 * -100 to 100; NULL without an answer.
 */
PG_FUNCTION_INFO_V1(nps);
Datum
nps(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	const NpsTotals *totals = nps_totals(state_read(fcinfo, &view));

	if (nps_responses(totals) == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(nps_score(totals));
}

/* How far the score may be from the one of all customers */
static double
nps_reach(const NpsTotals *totals, double confidence)
{
	const double n = (double) nps_responses(totals);
	const double p = (double) totals->promoters / n;
	const double d = (double) totals->detractors / n;
	const double variance = p + d - (p - d) * (p - d);

	return 100 * normal_reach(confidence) * sqrt(Max(variance, 0) / n);
}

enum
{
	CI_RESPONSES,
	CI_PROMOTERS,
	CI_PASSIVES,
	CI_DETRACTORS,
	CI_OUT_OF_RANGE,
	CI_NPS,
	CI_LOW,
	CI_HIGH,
	CI_COLUMNS
};

/*
 * nps_ci(state retention_state, confidence double precision, OUT responses, OUT
 * promoters, OUT passives, OUT detractors, OUT out_of_range bigint, OUT nps, OUT
 * ci_low, OUT ci_high double precision)
 */
PG_FUNCTION_INFO_V1(nps_ci);
Datum
nps_ci(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	const NpsTotals *totals = nps_totals(state_read(fcinfo, &view));
	const double confidence = confidence_arg(fcinfo, 1);
	const bool	known = nps_responses(totals) > 0;
	const double score = known ? nps_score(totals) : 0;
	const double reach = known ? nps_reach(totals, confidence) : 0;
	Datum		values[CI_COLUMNS];
	bool		nulls[CI_COLUMNS] = {false};

	values[CI_RESPONSES] = Int64GetDatum(nps_responses(totals));
	values[CI_PROMOTERS] = Int64GetDatum(totals->promoters);
	values[CI_PASSIVES] = Int64GetDatum(totals->passives);
	values[CI_DETRACTORS] = Int64GetDatum(totals->detractors);
	values[CI_OUT_OF_RANGE] = Int64GetDatum(totals->out_of_range);
	values[CI_NPS] = float8_or_null(known, score, &nulls[CI_NPS]);
	values[CI_LOW] = float8_or_null(known, Max(score - reach, -100),
									&nulls[CI_LOW]);
	values[CI_HIGH] = float8_or_null(known, Min(score + reach, 100),
									 &nulls[CI_HIGH]);
	return result_row(fcinfo, values, nulls);
}

/* ------------------------------------------------------------------------
 * stratified_mean
 *
 * Only the very happy and the angry answer: so each stratum weighs as many as it has
 * customers, not answers (post-stratification).
 * ------------------------------------------------------------------------
 */
typedef struct StrataTotals
{
	uint64		covered;		/* records of strata with answers */
	int64		silent;			/* strata without, */
	int64		silent_population;	/* and their customers */
} StrataTotals;

static const StrataTotals strata_of_nobody = {.covered = RECORDS_NONE};

/* A stratum with answers */
typedef struct Stratum
{
	int64		population;		/* at least as many as answers */
	int64		answers;		/* one or more */
	double		mean;
	double		variance;		/* of the answers of a customer */
	bool		has_variance;
} Stratum;

#define STRATUM_SIZE	(2 * sizeof(int64) + 2 * sizeof(double) + 1)

static int64
bits_of(double value)
{
	int64		bits;

	/* zero has one sign */
	value += 0.0;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static double
of_bits(int64 bits)
{
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void
write_stratum(char *at, const Stratum *stratum)
{
	at = record_put_int64(at, stratum->population);
	at = record_put_int64(at, stratum->answers);
	at = record_put_int64(at, bits_of(stratum->mean));
	at = record_put_int64(at, bits_of(stratum->variance));
	*at = (char) stratum->has_variance;
}

static Stratum
read_stratum(const char *at)
{
	Stratum		stratum;

	stratum.population = record_get_int64(&at);
	stratum.answers = record_get_int64(&at);
	stratum.mean = of_bits(record_get_int64(&at));
	stratum.variance = of_bits(record_get_int64(&at));
	stratum.has_variance = *at != 0;
	return stratum;
}

static void
strata_merge_totals(StateHeap *heap, void *into, const void *from,
					const char *from_base)
{
	StrataTotals *a = into;
	const StrataTotals *b = from;

	record_list_merge(heap, &a->covered, from_base, b->covered);
	add_count(&a->silent, b->silent, "strata");
	add_count(&a->silent_population, b->silent_population, "customers");
}

static bool
stratum_valid(const ByteRecord *record)
{
	char		again[STRATUM_SIZE];
	Stratum		stratum;

	if (record->size != STRATUM_SIZE)
		return false;
	stratum = read_stratum(record->bytes);
	write_stratum(again, &stratum);
	return memcmp(again, record->bytes, STRATUM_SIZE) == 0 &&
		stratum.answers > 0 && stratum.answers <= stratum.population &&
		isfinite(stratum.mean) && isfinite(stratum.variance) &&
		stratum.variance >= 0 &&
		(stratum.has_variance || stratum.variance == 0);
}

static bool
strata_valid(const void *totals, const char *heap_base,
			 const StateOptions *options)
{
	const StrataTotals *strata = totals;
	SortedRecords covered = record_list_sort(heap_base, strata->covered);

	for (uint32 i = 0; i < covered.count; i++)
		if (!stratum_valid(&covered.record[i]))
			return false;
	return strata->silent > 0 || strata->silent_population == 0;
}

retention_internal const CustomerFamily stratified_mean_family = {
	.name = "stratified_mean",
	.id = FAMILY_STRATIFIED_MEAN,
	.totals_fields = STATE_FIELDS(FIELD(StrataTotals, covered, RECORDS),
								  FIELD(StrataTotals, silent, COUNT),
								  FIELD(StrataTotals, silent_population, COUNT)),
	.totals_size = sizeof(StrataTotals),
	.totals_identity = &strata_of_nobody,
	.merge_totals = strata_merge_totals,
	.valid = strata_valid
};

/* The arguments of stratified_mean_transfn */
enum
{
	STRATUM_STATE,
	STRATUM_POPULATION,
	STRATUM_ANSWERS,
	STRATUM_MEAN,
	STRATUM_VARIANCE,
	STRATUM_ARGS
};

/* The arguments of a row; false if nobody has answered. */
static bool
stratum_args(FunctionCallInfo fcinfo, Stratum *stratum)
{
	stratum->population = count_arg(fcinfo, STRATUM_POPULATION, "population");
	stratum->answers = PG_ARGISNULL(STRATUM_ANSWERS) ? 0 :
		count_arg(fcinfo, STRATUM_ANSWERS, "answers");
	if (stratum->answers > stratum->population)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"answers\" must be between 0 and \"population\", which is " INT64_FORMAT ", not " INT64_FORMAT,
						stratum->population, stratum->answers)));
	if (stratum->answers == 0 || PG_ARGISNULL(STRATUM_MEAN))
		return false;
	stratum->mean = PG_GETARG_FLOAT8(STRATUM_MEAN);
	stratum->has_variance = !PG_ARGISNULL(STRATUM_VARIANCE);
	stratum->variance = stratum->has_variance ?
		PG_GETARG_FLOAT8(STRATUM_VARIANCE) : 0;
	if (!isfinite(stratum->mean))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"mean\" must be a finite number, not %g",
						stratum->mean)));
	check_double_range(stratum->variance, 0, INFINITY, "variance");
	return true;
}

/*
 * stratified_mean_transfn(retention_state, population bigint, answers bigint, mean
 * double precision, variance double precision)
 */
PG_FUNCTION_INFO_V1(stratified_mean_transfn);
Datum
stratified_mean_transfn(PG_FUNCTION_ARGS)
{
	StateUpdate update;
	StrataTotals totals;
	Stratum		stratum;
	char		record[STRATUM_SIZE];

	state_update_begin(&update, fcinfo, &stratified_mean_family, KEY_NONE,
					   STRATUM_ARGS, 0);
	if (PG_ARGISNULL(1))
		return state_update_end(&update);
	/* a copy, since a flat table moves if its heap grows */
	memcpy(&totals, update.table->totals, sizeof(totals));
	if (stratum_args(fcinfo, &stratum))
	{
		write_stratum(record, &stratum);
		record_list_add(&update.table->heap, &totals.covered, record,
						sizeof(record));
	}
	else
	{
		totals.silent++;
		add_count(&totals.silent_population, stratum.population, "customers");
	}
	memcpy(update.table->totals, &totals, sizeof(totals));
	return state_update_end(&update);
}

/* Sums over strata with answers, in the order of their records */
typedef struct StrataSums
{
	int64		population;
	int64		answers;
	double		by_population;	/* population * mean */
	double		by_answers;		/* answers * mean */
	double		variance;		/* population^2 * variance / answers */
	bool		has_variance;	/* of all of them */
} StrataSums;

static StrataSums
sum_strata(const SortedRecords *covered)
{
	StrataSums	sums = {.has_variance = true};

	for (uint32 i = 0; i < covered->count; i++)
	{
		const Stratum stratum = read_stratum(covered->record[i].bytes);
		const double population = (double) stratum.population;
		const double answers = (double) stratum.answers;

		add_count(&sums.population, stratum.population, "customers");
		add_count(&sums.answers, stratum.answers, "answers");
		sums.by_population += population * stratum.mean;
		sums.by_answers += answers * stratum.mean;
		sums.variance += population * population / answers * stratum.variance;
		sums.has_variance = sums.has_variance && stratum.has_variance;
	}
	return sums;
}

enum
{
	MEAN_STRATA,
	MEAN_POPULATION,
	MEAN_ANSWERS,
	MEAN_RESPONSE_RATE,
	MEAN_COVERAGE,
	MEAN_RAW_MEAN,
	MEAN_MEAN,
	MEAN_STD_ERROR,
	MEAN_CI_LOW,
	MEAN_CI_HIGH,
	MEAN_COLUMNS
};

#define USUAL_CONFIDENCE	0.95

/*
 * stratified_mean(retention_state) returns stratified_mean_row
 *
 * NULL without strata.
 */
PG_FUNCTION_INFO_V1(stratified_mean);
Datum
stratified_mean(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	StrataTotals totals;
	SortedRecords covered;
	StrataSums	sums;
	int64		strata;
	int64		population;
	bool		known;
	double		mean;
	double		std_error;
	double		reach;
	Datum		values[MEAN_COLUMNS];
	bool		nulls[MEAN_COLUMNS] = {false};

	if (table->family != &stratified_mean_family)
		reject_state(table, "stratified_mean");
	memcpy(&totals, table->totals, sizeof(totals));
	covered = record_list_sort(table->heap.base, totals.covered);
	sums = sum_strata(&covered);
	strata = covered.count;
	add_count(&strata, totals.silent, "strata");
	if (strata == 0)
		PG_RETURN_NULL();
	population = sums.population;
	add_count(&population, totals.silent_population, "customers");
	known = sums.answers > 0;
	mean = sums.by_population / (double) sums.population;
	std_error = sqrt(sums.variance) / (double) sums.population;
	reach = normal_reach(USUAL_CONFIDENCE) * std_error;
	values[MEAN_STRATA] = Int64GetDatum(strata);
	values[MEAN_POPULATION] = Int64GetDatum(population);
	values[MEAN_ANSWERS] = Int64GetDatum(sums.answers);
	values[MEAN_RESPONSE_RATE] = share_or_null(sums.answers, population,
											   &nulls[MEAN_RESPONSE_RATE]);
	values[MEAN_COVERAGE] = share_or_null(sums.population, population,
										  &nulls[MEAN_COVERAGE]);
	values[MEAN_RAW_MEAN] = finite_or_null(known,
										   sums.by_answers / (double) sums.answers,
										   &nulls[MEAN_RAW_MEAN]);
	values[MEAN_MEAN] = finite_or_null(known, mean, &nulls[MEAN_MEAN]);
	known = known && sums.has_variance;
	values[MEAN_STD_ERROR] = finite_or_null(known, std_error,
											&nulls[MEAN_STD_ERROR]);
	values[MEAN_CI_LOW] = finite_or_null(known, mean - reach,
										 &nulls[MEAN_CI_LOW]);
	values[MEAN_CI_HIGH] = finite_or_null(known, mean + reach,
										  &nulls[MEAN_CI_HIGH]);
	return result_row(fcinfo, values, nulls);
}

/* ------------------------------------------------------------------------
 * reviews_needed
 * ------------------------------------------------------------------------
 */

/*
 * reviews_needed(positive bigint, negative bigint, weight numeric) returns bigint
 *
 * Good reviews still missing until there are "weight" for each bad one.
 */
enum
{
	REVIEWS_POSITIVE,
	REVIEWS_NEGATIVE,
	REVIEWS_WEIGHT
};

PG_FUNCTION_INFO_V1(reviews_needed);
Datum
reviews_needed(PG_FUNCTION_ARGS)
{
	const int64 positive = count_arg(fcinfo, REVIEWS_POSITIVE, "positive");
	const int64 negative = count_arg(fcinfo, REVIEWS_NEGATIVE, "negative");
	const Numeric weight = PG_GETARG_NUMERIC(REVIEWS_WEIGHT);
	Numeric		wanted;
	Numeric		missing;

	check_finite_numeric(weight, "weight");
	check_numeric_not_negative(weight, "weight");
	wanted = DatumGetNumeric(DirectFunctionCall1(numeric_ceil,
												 NumericGetDatum(numeric_times(weight,
																			   int64_to_numeric(negative)))));
	missing = numeric_minus(wanted, int64_to_numeric(positive));
	if (numeric_compare(missing, int64_to_numeric(0)) <= 0)
		PG_RETURN_INT64(0);
	PG_RETURN_DATUM(DirectFunctionCall1(numeric_int8, NumericGetDatum(missing)));
}
