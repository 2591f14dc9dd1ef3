/*
 * fitted_model.c
 *		Fitted models as SQL has them.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/fitted_model.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "base/checks.h"
#include "executor/executor.h"
#include "base/result_rows.h"
#include "utils/array.h"
#include "utils/builtins.h"

enum
{
	MODEL_FAMILY,
	MODEL_PARAMS,
	MODEL_STD_ERRORS,
	MODEL_LOG_LIKELIHOOD,
	MODEL_CUSTOMERS,
	MODEL_ITERATIONS,
	MODEL_CONVERGED,
	MODEL_STATUS,
	MODEL_CORRELATION,
	MODEL_COLUMNS
};

/*
 * Shapes and scales beyond are of no shop, and of no use to the mathematics. Scales
 * are in the unit of time, or of money.
 */
#define MOST_SHAPE		1e15
#define MOST_TIME_SCALE	1e60
#define MOST_MONEY_SCALE	1e100

/* A share that is one but for rounding leaves nobody to speak of. */
#define MOST_SHARE		(1 - 1e-15)

static const char *const kind_type[] = {
	[MODEL_BTYD] = "btyd_model",
	[MODEL_SPEND] = "spend_model"
};

static const char *const gamma_gamma_params[] = {"p", "q", "v"};

const char *
model_param_name(const FittedModel *model, int param)
{
	return model->kind == MODEL_SPEND ? gamma_gamma_params[param] :
		model->btyd.family->param_names[param];
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */
static Datum
model_column(HeapTupleHeader row, int column, bool *isnull)
{
	return GetAttributeByNum(row, column + 1, isnull);
}

static void
read_family(HeapTupleHeader row, FittedModel *model)
{
	bool		isnull;
	Datum		value = model_column(row, MODEL_FAMILY, &isnull);
	char	   *name;

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"family\" of a %s must not be null",
						kind_type[model->kind])));
	name = TextDatumGetCString(value);
	model->btyd.family = btyd_family_named(name);
	if (model->kind == MODEL_SPEND ? strcmp(name, GAMMA_GAMMA) != 0 :
		model->btyd.family == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown family of %s: \"%s\"", kind_type[model->kind],
						name),
				 model->kind == MODEL_SPEND ? errhint("It is gamma_gamma.") :
				 errhint("It is one of %s.", BTYD_FAMILIES)));
	model->nparams = model->kind == MODEL_SPEND ? GAMMA_GAMMA_PARAMS :
		model->btyd.family->nparams;
}

/* The argument "family" of a function */
const BtydFamily *
btyd_family_arg(FunctionCallInfo fcinfo, int argument)
{
	const BtydFamily *family;
	char	   *name;

	if (PG_ARGISNULL(argument))
		reject_null("family");
	name = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	family = btyd_family_named(name);
	if (family == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"family\" must be one of %s, not \"%s\"",
						BTYD_FAMILIES, excerpt(name))));
	return family;
}

/* The numbers of an array; "known" says which are not NULL. */
static int
read_numbers(Datum value, double *numbers, bool *known, int most)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(value), FLOAT8OID, sizeof(float8),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &n);
	for (int i = 0; i < Min(n, most); i++)
	{
		known[i] = !nulls[i];
		numbers[i] = nulls[i] ? 0 : DatumGetFloat8(values[i]);
	}
	return n;
}

static bool
is_scale(const FittedModel *model, int param)
{
	if (model->kind == MODEL_SPEND)
		return param == 2;
	return param == 1 || (param == 3 && model->btyd.family == &pareto_nbd_family);
}

/* "p, q and v" */
static const char *
param_list(const FittedModel *model)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < model->nparams; i++)
		appendStringInfo(&list, "%s%s", i == 0 ? "" :
						 i == model->nparams - 1 ? " and " : ", ",
						 model_param_name(model, i));
	return list.data;
}

/* Nobody leaves where a, or s, is zero. */
static bool
may_be_zero(const FittedModel *model, int param)
{
	return model->kind == MODEL_BTYD && param == 2;
}

static void
check_param(const FittedModel *model, int param, bool known)
{
	const double value = model->btyd.params[param];
	const double most = !is_scale(model, param) ? MOST_SHAPE :
		model->kind == MODEL_SPEND ? MOST_MONEY_SCALE : MOST_TIME_SCALE;
	const char *found = known ? psprintf("%g", value) : "null";

	if (model->kind == MODEL_BTYD && btyd_is_share(model->btyd.family, param))
	{
		if (!known || !(value >= 0 && value <= MOST_SHARE))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter %s of a %s must be a share from 0 to below 1, not %s",
							model_param_name(model, param),
							kind_type[model->kind], found)));
	}
	else if (!known || !(value <= most) ||
			 !(value * most > 0.999999 ||
			   (may_be_zero(model, param) && value == 0)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter %s of a %s must be between %g and %g%s, not %s",
						model_param_name(model, param), kind_type[model->kind],
						1 / most, most,
						may_be_zero(model, param) ? ", or 0" : "", found)));
}

static void
read_params(HeapTupleHeader row, FittedModel *model)
{
	double	   *params = model->btyd.params;
	bool		known[BTYD_PARAMS] = {false};
	bool		isnull;
	Datum		value = model_column(row, MODEL_PARAMS, &isnull);
	int			n;

	model->has_params = !isnull;
	if (isnull)
		return;
	n = read_numbers(value, params, known, model->nparams);
	if (n != model->nparams)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"params\" of a %s must be %d numbers, not %d",
						kind_type[model->kind], model->nparams, n),
				 errhint("They are %s.", param_list(model))));
	for (int i = 0; i < n; i++)
		check_param(model, i, known[i]);
}

/*
 * The last model of an argument, kept from call to call: most queries have one for
 * all rows.
 */
typedef struct ModelCache
{
	uint32		size;
	void	   *row;
	FittedModel model;
} ModelCache;

#define MOST_MODEL_ARGS		2

static ModelCache *
model_cache(FunctionCallInfo fcinfo, int argument)
{
	FmgrInfo   *function = fcinfo->flinfo;

	if (function->fn_extra == NULL)
		function->fn_extra =
			MemoryContextAllocZero(function->fn_mcxt,
								   MOST_MODEL_ARGS * sizeof(ModelCache));
	return (ModelCache *) function->fn_extra + argument;
}

/*
 * The model in an argument, one of the first two, which is not NULL.
 */
const FittedModel *
model_arg(FunctionCallInfo fcinfo, int argument, ModelKind kind)
{
	ModelCache *cache = model_cache(fcinfo, argument);
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(argument);
	const uint32 size = HeapTupleHeaderGetDatumLength(row);
	FittedModel model = {.kind = kind};

	if (cache->size == size && memcmp(cache->row, row, size) == 0)
		return &cache->model;
	read_family(row, &model);
	read_params(row, &model);

	cache->size = 0;
	if (cache->row)
		pfree(cache->row);
	cache->row = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, size);
	memcpy(cache->row, row, size);
	cache->model = model;
	cache->size = size;
	return &cache->model;
}

/* The standard errors in the same argument; unknown where there are none. */
void
model_errors_arg(FunctionCallInfo fcinfo, int argument, const FittedModel *model,
				 ModelErrors *errors)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(argument);
	bool		isnull;
	Datum		value = model_column(row, MODEL_STD_ERRORS, &isnull);

	*errors = (ModelErrors) {{false}};
	if (isnull)
		return;
	(void) read_numbers(value, errors->std_error, errors->known, model->nparams);
	for (int i = 0; i < model->nparams; i++)
		if (!isfinite(errors->std_error[i]) || errors->std_error[i] < 0)
			errors->known[i] = false;
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/* An array of double precision, NULL where a number is not known */
Datum
number_array(const double *numbers, const bool *known, int n)
{
	Datum	   *values = palloc(n * sizeof(Datum));
	bool	   *nulls = palloc(n * sizeof(bool));
	int			dims[1] = {n};
	int			bounds[1] = {1};

	for (int i = 0; i < n; i++)
	{
		values[i] = Float8GetDatum(numbers[i]);
		nulls[i] = !known[i];
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, bounds,
											  FLOAT8OID, sizeof(float8),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* What came of a fit without an interior maximum. */
static const char *const limit_reason[] = {
	[FIT_LEAVE_AT_ONCE] = "nearly all customers leave at once",
	[FIT_LEAVE_AT_FIRST_CHANCE] = "nearly all customers leave at their first chance",
	[FIT_EQUAL_RATES] = "customers hardly differ in how often they order",
	[FIT_EQUAL_STAYS] = "customers hardly differ in how soon they leave",
	[FIT_EQUAL_CHANCES] = "customers hardly differ in how likely they are to leave",
	[FIT_BOUNDLESS_RATES] = "customers differ beyond measure in how often they order",
	[FIT_EQUAL_MEANS] = "customers hardly differ in what they spend",
	[FIT_EQUAL_VALUES] = "each customer always spends the same",
	[FIT_UNTOLD] = "the data do not say enough to tell the parameters apart"
};

/*
 * The status of a fit: "ok", or what is the matter, in the user's words. The family
 * of a spend model is NULL.
 */
const char *
model_status(const BtydFamily *family, FitOutcome outcome)
{
	switch (outcome)
	{
		case FIT_OK:
			return "ok";
		case FIT_HARDLY_ANY_CHURN:
			return "ok, but there is hardly any churn in the data: a model in which nobody leaves is nearly as likely";
		case FIT_NO_ONE_TIMERS:
			return "ok, but one-timers cannot be told from customers who order seldom: the model is bgnbd's, with one_time 0";
		case FIT_NO_CHURN:
		case FIT_NO_CHURN_EQUAL_RATES:
			return psprintf("no churn in the data: customers do not stop ordering, so %s and %s cannot be told; the model is its limit in which nobody leaves%s",
							family->param_names[2], family->param_names[3],
							outcome == FIT_NO_CHURN ? "" : ", and customers hardly differ in how often they order");
		case FIT_LEAVE_AT_ONCE:
		case FIT_LEAVE_AT_FIRST_CHANCE:
		case FIT_EQUAL_RATES:
		case FIT_EQUAL_STAYS:
		case FIT_EQUAL_CHANCES:
		case FIT_BOUNDLESS_RATES:
		case FIT_EQUAL_MEANS:
		case FIT_EQUAL_VALUES:
		case FIT_UNTOLD:
			return psprintf("no interior maximum: %s; the model is the most likely one within bounds",
							limit_reason[outcome]);
		case FIT_COMMON_VALUE:
			return "all values are equal: the model is their common value";
		case FIT_NO_REPEATER:
			return "too little data: no customer came back, and a fit needs two at least";
		case FIT_ONE_REPEATER:
			return "too little data: only one customer came back, and a fit needs two at least";
		case FIT_NO_VALUE:
			return "too little data: no customer who came back spent a known amount above zero";
		case FIT_NO_LIKELIHOOD:
			return "no fit: the likelihood of these data is beyond all numbers";
	}
	return NULL;				/* there is no other */
}

/*
 * A fit as the composite that the function is declared to return. The family of a
 * spend model is NULL here, and it may have a correlation.
 */
Datum
model_datum(FunctionCallInfo fcinfo, const BtydFamily *family,
			const ModelFit *fit, const char *status, const double *correlation)
{
	const bool	all_known[BTYD_PARAMS] = {true, true, true, true, true};
	Datum		values[MODEL_COLUMNS];
	bool		nulls[MODEL_COLUMNS] = {false};

	values[MODEL_FAMILY] = CStringGetTextDatum(family ? family->name : GAMMA_GAMMA);
	values[MODEL_PARAMS] = number_array(fit->params, all_known, fit->nparams);
	values[MODEL_STD_ERRORS] = number_array(fit->std_errors, fit->has_error,
											fit->nparams);
	values[MODEL_LOG_LIKELIHOOD] = Float8GetDatum(fit->log_likelihood);
	/* only received states can hold so many */
	values[MODEL_CUSTOMERS] = Int64GetDatum(fit->customers < (double) PG_INT64_MAX ?
											(int64) fit->customers : PG_INT64_MAX);
	values[MODEL_ITERATIONS] = Int32GetDatum(fit->iterations);
	values[MODEL_CONVERGED] = BoolGetDatum(fit->converged);
	values[MODEL_STATUS] = CStringGetTextDatum(status);
	nulls[MODEL_PARAMS] = nulls[MODEL_STD_ERRORS] = !fit->has_params;
	nulls[MODEL_LOG_LIKELIHOOD] = !fit->has_likelihood;
	values[MODEL_CORRELATION] = Float8GetDatum(correlation ? *correlation : 0);
	nulls[MODEL_CORRELATION] = correlation == NULL;
	return result_row(fcinfo, values, nulls);
}
