/*
 * survival.c
 *		Time until something happens, from data that end before it happened to
 *		all: the type survival, its aggregate, and what can be read off it.
 *
 * The mathematics is in kaplan_meier.c and logrank.c.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "measures/survival.h"

#include <math.h>

#include "base/checks.h"
#include "funcapi.h"
#include "math/kaplan_meier.h"
#include "math/logrank.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "math/specfun.h"
#include "engine/state_io.h"
#include "engine/state_read.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/* into += more */
static inline void
add_observations(int64 *into, int64 more)
{
	add_count(into, more, "observations");
}

/* ------------------------------------------------------------------------
 * The type
 * ------------------------------------------------------------------------
 */
void
survival_merge(CustomerTable *table, void *into, const void *from,
			   const char *from_base)
{
	SurvivalCounts *a = into;
	const SurvivalCounts *b = from;

	add_observations(&a->events, b->events);
	add_observations(&a->censored, b->censored);
}

bool
survival_valid(const void *payload, const char *heap_base,
			   const StateOptions *options)
{
	const SurvivalCounts *counts = payload;

	return counts->events > 0 || counts->censored > 0;
}

/* Bits of doubles that are >= 0 are in the order of the numbers; -0 has none. */
bool
survival_valid_key(const int64 *time)
{
	const int64 infinity = INT64CONST(0x7FF0000000000000);

	return *time >= 0 && *time < infinity;
}

CUSTOMER_ABSORB(survival_absorb, survival_family)

retention_internal const CustomerFamily survival_family = {
	.name = "survival",
	.id = FAMILY_SURVIVAL,
	.payload_fields = STATE_FIELDS(FIELD(SurvivalCounts, events, COUNT),
								   FIELD(SurvivalCounts, censored, COUNT)),
	.payload_size = sizeof(SurvivalCounts),
	.merge = survival_merge,
	.valid = survival_valid,
	.absorb = survival_absorb,
	.type = "survival",
	.key_name = "time",
	.key_kind = KEY_BIGINT,
	.valid_key = survival_valid_key,
	.large_hint = "Round the times, for example to whole days: survival(floor(days), observed)."
};

/*
 * survival_in(cstring) returns survival
 */
PG_FUNCTION_INFO_V1(survival_in);
Datum
survival_in(PG_FUNCTION_ARGS)
{
	return state_from_text(PG_GETARG_CSTRING(0), survival_family.type);
}

/*
 * survival_recv(internal) returns survival
 */
PG_FUNCTION_INFO_V1(survival_recv);
Datum
survival_recv(PG_FUNCTION_ARGS)
{
	return state_from_message((StringInfo) PG_GETARG_POINTER(0),
							  survival_family.type);
}

/*
 * survival_transfn(survival, days double precision, observed boolean)
 *
 * A row whose days or observed is NULL is ignored; if all are, the result is
 * NULL.
 */
enum
{
	SURVIVAL_STATE,
	SURVIVAL_DAYS,
	SURVIVAL_OBSERVED,
	SURVIVAL_ARGS
};

PG_FUNCTION_INFO_V1(survival_transfn);
Datum
survival_transfn(PG_FUNCTION_ARGS)
{
	StateUpdate update;
	SurvivalCounts counts;
	double		days;

	if (PG_ARGISNULL(SURVIVAL_DAYS) || PG_ARGISNULL(SURVIVAL_OBSERVED))
		return state_without_row(fcinfo);
	state_update_begin(&update, fcinfo, &survival_family, KEY_BIGINT,
					   SURVIVAL_ARGS, 0);
	days = PG_GETARG_FLOAT8(SURVIVAL_DAYS);
	check_double_range(days, 0, INFINITY, "days");
	counts = survival_counts(PG_GETARG_BOOL(SURVIVAL_OBSERVED));

	state_add(&update, &survival_family, KEY_BIGINT, survival_key(days),
			  &counts);
	return state_update_end(&update);
}

/* ------------------------------------------------------------------------
 * Readers
 * ------------------------------------------------------------------------
 */

/* The counts of a survival, by time. */
static SurvivalData
read_survival(Datum value)
{
	CustomerTable view;
	CustomerTable *table = state_open(value, &view);
	CustomerCursor cursor = {table, 0};
	SurvivalData data = {NULL};
	const char *slot;

	if (table->family != &survival_family)
		reject_state(table, "survival");
	data.times = array_alloc(customer_table_customers(table),
							 sizeof(SurvivalTime));
	while ((slot = customer_cursor_next_slot(&cursor)) != NULL)
	{
		SurvivalCounts counts;

		memcpy(&counts, slot + table->key_size, sizeof(counts));
		data.times[data.ntimes++] = (SurvivalTime) {
			.day = survival_key_days(load_key(KEY_BIGINT, slot)),
			.events = counts.events,
			.censored = counts.censored
		};
		add_observations(&data.total, counts.events);
		add_observations(&data.total, counts.censored);
	}
	km_sort(&data);
	return data;
}

/* The survival that a sealed state of another family is; NULL without customers. */
Datum
survival_of_sealed(FunctionCallInfo fcinfo, const CustomerTable *table)
{
	static const StateOptions no_options;
	CustomerCursor cursor = {table, 0};
	ExpandedState *survival;
	CustomerKey time;
	SurvivalCounts counts;

	if (customer_table_customers(table) == 0)
		PG_RETURN_NULL();
	survival = state_build_begin(&survival_family, KEY_BIGINT, &no_options);
	while (sealed_next(&cursor, &time, &counts))
		state_build_add(survival, time, &counts);
	return state_build_end(survival);
}

/* The columns of survival_curve */
enum
{
	CURVE_DAY,
	CURVE_AT_RISK,
	CURVE_EVENTS,
	CURVE_CENSORED,
	CURVE_SURVIVAL,
	CURVE_STD_ERROR,
	CURVE_CI_LOW,
	CURVE_CI_HIGH,
	CURVE_COLUMNS
};

/*
 * survival_curve(s survival, confidence double precision)
 * returns table (day, at_risk, events, censored, survival, std_error, ci_low,
 * ci_high)
 *
 * The Kaplan-Meier curve, a row for every time; sources in kaplan_meier.h.
 */
PG_FUNCTION_INFO_V1(survival_curve);
Datum
survival_curve(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SurvivalData data;
	KmCurve		curve;
	const double z = normal_reach(confidence_arg(fcinfo, 1));

	result_set_begin(fcinfo);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	data = read_survival(PG_GETARG_DATUM(0));
	km_begin(&curve, &data);
	while (km_next(&curve))
	{
		double		std_error = 0;
		double		low = 0;
		double		high = 0;
		bool		has_error = km_std_error(&curve, &std_error);
		bool		has_interval = km_interval(&curve, z, &low, &high);
		Datum		values[CURVE_COLUMNS];
		bool		nulls[CURVE_COLUMNS] = {false};

		values[CURVE_DAY] = Float8GetDatum(curve.time->day);
		values[CURVE_AT_RISK] = Int64GetDatum(curve.at_risk);
		values[CURVE_EVENTS] = Int64GetDatum(curve.time->events);
		values[CURVE_CENSORED] = Int64GetDatum(curve.time->censored);
		values[CURVE_SURVIVAL] = Float8GetDatum(curve.survival);
		values[CURVE_STD_ERROR] = float8_or_null(has_error, std_error, &nulls[CURVE_STD_ERROR]);
		values[CURVE_CI_LOW] = float8_or_null(has_interval, low, &nulls[CURVE_CI_LOW]);
		values[CURVE_CI_HIGH] = float8_or_null(has_interval, high, &nulls[CURVE_CI_HIGH]);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/*
 * A number read off the curve of the first argument at the second, "name", which is
 * at most "most"; NULL where there is none.
 */
static Datum
read_curve(FunctionCallInfo fcinfo, const char *name, double most,
		   KmReading reading)
{
	const double argument = PG_GETARG_FLOAT8(1);
	SurvivalData data;
	double		result;

	check_double_range(argument, 0, most, name);
	data = read_survival(PG_GETARG_DATUM(0));
	if (data.ntimes == 0 || !reading(&data, argument, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/*
 * survival_at(s survival, day double precision) returns double precision
 */
PG_FUNCTION_INFO_V1(survival_at);
Datum
survival_at(PG_FUNCTION_ARGS)
{
	return read_curve(fcinfo, "day", INFINITY, km_at);
}

/*
 * survival_quantile(s survival, p double precision) returns double precision
 */
PG_FUNCTION_INFO_V1(survival_quantile);
Datum
survival_quantile(PG_FUNCTION_ARGS)
{
	return read_curve(fcinfo, "p", 1, km_quantile);
}

/*
 * survival_mean(s survival, horizon double precision) returns double precision
 */
PG_FUNCTION_INFO_V1(survival_mean);
Datum
survival_mean(PG_FUNCTION_ARGS)
{
	return read_curve(fcinfo, "horizon", INFINITY, km_mean);
}

/*
 * inactivity_threshold(s survival, share double precision)
 * returns double precision
 */
PG_FUNCTION_INFO_V1(inactivity_threshold);
Datum
inactivity_threshold(PG_FUNCTION_ARGS)
{
	return read_curve(fcinfo, "share", 1, km_share_of_events);
}

/*
 * The groups of an array that are neither NULL nor empty.
 */
static SurvivalData *
read_groups(ArrayType *array, int *ngroups)
{
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum	   *values;
	bool	   *nulls;
	int			nvalues;
	SurvivalData *groups;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &typlen, &typbyval, &typalign);
	deconstruct_array(array, ARR_ELEMTYPE(array), typlen, typbyval, typalign,
					  &values, &nulls, &nvalues);
	groups = palloc(Max(nvalues, 1) * sizeof(SurvivalData));
	*ngroups = 0;
	for (int i = 0; i < nvalues; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			continue;
		groups[*ngroups] = read_survival(values[i]);
		if (groups[*ngroups].ntimes > 0)
			(*ngroups)++;
	}
	if (*ngroups > MOST_LOGRANK_GROUPS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("argument \"groups\" has %d groups, more than %d",
						*ngroups, MOST_LOGRANK_GROUPS),
				 errhint("Compare fewer: merge small groups with rollup().")));
	return groups;
}

/* The columns of logrank */
enum
{
	LOGRANK_CHI_SQUARE,
	LOGRANK_DF,
	LOGRANK_P_VALUE,
	LOGRANK_COLUMNS
};

/*
 * logrank(groups survival[], OUT chi_square double precision, OUT df integer,
 * OUT p_value double precision)
 *
 * The test of logrank.h; NULLs where there is nothing to compare.
 */
PG_FUNCTION_INFO_V1(logrank);
Datum
logrank(PG_FUNCTION_ARGS)
{
	int			ngroups;
	SurvivalData *groups = read_groups(PG_GETARG_ARRAYTYPE_P(0), &ngroups);
	LogRank		test;
	TupleDesc	row;
	Datum		values[LOGRANK_COLUMNS];
	bool		nulls[LOGRANK_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "logrank must return a row");
	if (logrank_test(groups, ngroups, &test))
	{
		values[LOGRANK_CHI_SQUARE] = Float8GetDatum(test.chi_square);
		values[LOGRANK_DF] = Int32GetDatum(test.df);
		values[LOGRANK_P_VALUE] = Float8GetDatum(test.p_value);
	}
	else
		memset(nulls, true, sizeof(nulls));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row),
													  values, nulls)));
}
