/*
 * models.c
 *		The fits: fit_bgnbd, fit_mbgnbd, fit_hbgnbd, fit_pareto_nbd, fit_gamma_gamma; and
 *		their parameters as rows.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/fitted_model.h"

#include <math.h>

#include "base/checks.h"
#include "funcapi.h"
#include "models/pattern_lists.h"
#include "models/patterns.h"
#include "models/purchase_days.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/state_read.h"
#include "math/specfun.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* ------------------------------------------------------------------------
 * What the models are told by states over order rows
 * ------------------------------------------------------------------------
 */
static BtydData
btyd_data_of_days(const CustomerTable *table)
{
	HistoryList histories;
	SummaryCursor cursor;
	PurchaseSummary summary;

	history_list_init(&histories);
	summary_cursor_init(&cursor, table);
	while (summary_cursor_next(&cursor, &summary))
		history_list_add(&histories, summary.x, summary.t_x, summary.age);
	return history_list_data(&histories, btyd_days_unit(table));
}

/*
 * The means are those of purchase_summary, made a double as a cast makes one, so that
 * the fits are the same to the last bit.
 */
static SpendData
spend_data_of_days(const CustomerTable *table, int64 *left_out)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "retention means",
												  ALLOCSET_DEFAULT_SIZES);
	SpendList	spend = {0};
	SummaryCursor cursor;
	PurchaseSummary summary;

	*left_out = 0;
	summary_cursor_init(&cursor, table);
	while (summary_cursor_next(&cursor, &summary))
	{
		double		mean = 0;
		bool		unknown;
		Datum		value;

		if (summary.x == 0)
			continue;
		MemoryContextSwitchTo(context);
		value = mean_repeat_value(&summary, &cursor.scratch, &unknown);
		if (!unknown)
			mean = DatumGetFloat8(DirectFunctionCall1(numeric_float8, value));
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		if (unknown)
			continue;
		check_spend(mean);
		if (valid_spend(mean))
			spend_list_add(&spend, summary.x, mean);
		else
			(*left_out)++;
	}
	MemoryContextDelete(context);
	return spend_list_data(&spend);
}

/* ------------------------------------------------------------------------
 * The fits
 * ------------------------------------------------------------------------
 */

/*
 * The fit of a state of btyd_state. No customers are no model; too few of them are
 * a model without parameters, whose status says so.
 */
static Datum
fit_family(FunctionCallInfo fcinfo, const BtydFamily *family)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	BtydData	data = table->family == &btyd_days_family ?
		btyd_data_of_days(table) : btyd_data(table);
	ModelFit	fit;

	if (data.npatterns == 0)
		PG_RETURN_NULL();
	btyd_fit(family, &data, &fit);
	return model_datum(fcinfo, family, &fit, model_status(family, fit.outcome),
					   NULL);
}

/*
 * fit_bgnbd(retention_state) returns btyd_model: r, alpha, a, b
 *
 * P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), "Counting your customers" the
 * easy way: an alternative to the Pareto/NBD model, Marketing Science 24, 275-284.
 */
PG_FUNCTION_INFO_V1(fit_bgnbd);
Datum
fit_bgnbd(PG_FUNCTION_ARGS)
{
	return fit_family(fcinfo, &bgnbd_family);
}

/*
 * fit_mbgnbd(retention_state) returns btyd_model: r, alpha, a, b
 *
 * E. P. Batislam, M. Denizel, A. Filiztekin (2007), Empirical validation and
 * comparison of models for customer base analysis, International Journal of
 * Research in Marketing 24, 201-209.
 */
PG_FUNCTION_INFO_V1(fit_mbgnbd);
Datum
fit_mbgnbd(PG_FUNCTION_ARGS)
{
	return fit_family(fcinfo, &mbgnbd_family);
}

/*
 * fit_hbgnbd(retention_state) returns btyd_model: r, alpha, a, b, one_time
 *
 * Source in math/hbgnbd.c.
 */
PG_FUNCTION_INFO_V1(fit_hbgnbd);
Datum
fit_hbgnbd(PG_FUNCTION_ARGS)
{
	return fit_family(fcinfo, &hbgnbd_family);
}

/*
 * fit_pareto_nbd(retention_state) returns btyd_model: r, alpha, s, beta
 *
 * D. C. Schmittlein, D. G. Morrison, R. Colombo (1987), Counting your customers:
 * who are they and what will they do next? Management Science 33, 1-24.
 */
PG_FUNCTION_INFO_V1(fit_pareto_nbd);
Datum
fit_pareto_nbd(PG_FUNCTION_ARGS)
{
	return fit_family(fcinfo, &pareto_nbd_family);
}

/*
 * fit_gamma_gamma(retention_state) returns spend_model: p, q, v
 *
 * Source in gamma_gamma.h. Customers whose mean value is not above zero are left
 * out, and the status says how many. NULL if order rows know no customer's value.
 */
PG_FUNCTION_INFO_V1(fit_gamma_gamma);
Datum
fit_gamma_gamma(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	SpendData	data;
	int64		left_out;
	const char *status;
	double		correlation;
	ModelFit	fit;

	if (table->family == &purchase_days_family)
	{
		data = spend_data_of_days(table, &left_out);
		if (data.npatterns == 0 && left_out == 0)
			PG_RETURN_NULL();
	}
	else
	{
		data = spend_data(table);
		left_out = ((SpendTotals *) table->totals)->left_out;
	}
	gamma_gamma_fit(&data, &fit);
	status = model_status(NULL, fit.outcome);
	if (left_out > 0)
		status = psprintf("%s; " INT64_FORMAT " %s left out whose mean value is not above zero",
						  status, left_out,
						  left_out == 1 ? "customer" : "customers");
	return model_datum(fcinfo, NULL, &fit, status,
					   spend_correlation(&data, &correlation) ? &correlation : NULL);
}

/*
 * The normal interval of a parameter's logarithm, or of a share's logit, so that it
 * lies where such a parameter can.
 */
static bool
param_interval(double estimate, double std_error, bool is_share, double z,
			   double *low, double *high)
{
	const double odds = is_share ? estimate / (1 - estimate) : estimate;
	const double slope = is_share ? estimate * (1 - estimate) : estimate;
	const double times = exp(z * std_error / slope);

	*low = odds / times;
	*high = odds * times;
	if (!(estimate > 0) || !isfinite(times) || !isfinite(*high))
		return false;
	if (is_share)
	{
		*low = *low / (1 + *low);
		*high = *high / (1 + *high);
	}
	return true;
}

/*
 * btyd_params(model btyd_model or spend_model, confidence double precision)
 * returns table (name, estimate, std_error, ci_low, ci_high)
 */
enum
{
	PARAM_NAME,
	PARAM_ESTIMATE,
	PARAM_STD_ERROR,
	PARAM_CI_LOW,
	PARAM_CI_HIGH,
	PARAM_COLUMNS
};

static Datum
put_params(FunctionCallInfo fcinfo, ModelKind kind)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const FittedModel *model;
	ModelErrors errors;
	const double z = normal_reach(confidence_arg(fcinfo, 1));

	result_set_begin(fcinfo);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	model = model_arg(fcinfo, 0, kind);
	model_errors_arg(fcinfo, 0, model, &errors);
	for (int i = 0; model->has_params && i < model->nparams; i++)
	{
		const double estimate = model->btyd.params[i];
		double		low = 0;
		double		high = 0;
		const bool	has_interval = errors.known[i] &&
			param_interval(estimate, errors.std_error[i],
						   kind == MODEL_BTYD &&
						   btyd_is_share(model->btyd.family, i), z, &low, &high);
		Datum		values[PARAM_COLUMNS];
		bool		nulls[PARAM_COLUMNS] = {false};

		values[PARAM_NAME] = CStringGetTextDatum(model_param_name(model, i));
		values[PARAM_ESTIMATE] = Float8GetDatum(estimate);
		values[PARAM_STD_ERROR] =
			float8_or_null(errors.known[i], errors.std_error[i],
						   &nulls[PARAM_STD_ERROR]);
		values[PARAM_CI_LOW] = float8_or_null(has_interval, low,
											  &nulls[PARAM_CI_LOW]);
		values[PARAM_CI_HIGH] = float8_or_null(has_interval, high,
											   &nulls[PARAM_CI_HIGH]);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(btyd_params);
Datum
btyd_params(PG_FUNCTION_ARGS)
{
	return put_params(fcinfo, MODEL_BTYD);
}

PG_FUNCTION_INFO_V1(spend_params);
Datum
spend_params(PG_FUNCTION_ARGS)
{
	return put_params(fcinfo, MODEL_SPEND);
}
