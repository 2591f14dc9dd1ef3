/*
 * model_call.c
 *		A call of a table function that fits models to all customers.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/model_call.h"

#include "engine/intervals.h"
#include "models/model_value.h"
#include "models/patterns.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

static const BtydFamily *
family_arg(FunctionCallInfo fcinfo, int argument)
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
				 errmsg("argument \"family\" must be one of bgnbd, mbgnbd, pareto_nbd, not \"%s\"",
						name)));
	return family;
}

void
model_call_init(ModelCall *call, FunctionCallInfo fcinfo, CustomerWriter write,
				int unit_argument, int family_argument)
{
	*call = (ModelCall) {.discount_rate = 0};
	customer_call_init(&call->base, fcinfo, &purchase_days_states, write);
	if (PG_ARGISNULL(unit_argument))
		reject_null("unit");
	call->unit = interval_days(PG_GETARG_INTERVAL_P(unit_argument), "unit");
	call->family = family_arg(fcinfo, family_argument);
}

/* What a model is told of a customer, in the call's unit. */
BtydHistory
history_of(const ModelCall *call, const PurchaseSummary *summary)
{
	return (BtydHistory) {
		.x = summary->x,
		.t_x = summary->t_x / call->unit,
		.age = summary->age / call->unit
	};
}

BtydModel
fitted_model(const ModelCall *call, const ModelFit *fit)
{
	BtydModel	model = {.family = call->family};

	memcpy(model.params, fit->params, sizeof(model.params));
	return model;
}

/* What must be known of a fit that is not simply right. */
static void
tell_status(const BtydFamily *family, const ModelFit *fit)
{
	if (fit->outcome != FIT_OK)
		ereport(NOTICE,
				(errmsg("model %s: %s", family ? family->name : GAMMA_GAMMA,
						model_status(family, fit->outcome))));
}

static const StateOptions no_options = {{0}};

/* Fits the call's family to all customers of a table, which has some. */
void
fit_customers(const ModelCall *call, const CustomerTable *table, ModelFit *fit)
{
	const PatternCount one = {1};
	ExpandedState *patterns = state_build_begin(&btyd_patterns_family,
												KEY_PATTERN, &no_options);
	SummaryCursor cursor;
	PurchaseSummary summary;
	BtydData	data;

	summary_cursor_init(&cursor, table);
	while (summary_cursor_next(&cursor, &summary))
	{
		const BtydHistory history = history_of(call, &summary);

		state_build_add(patterns, btyd_key(summary.x, history.t_x, history.age),
						&one);
	}
	expanded_absorb_batch(patterns);
	data = btyd_data(&patterns->table);
	btyd_fit(call->family, &data, fit);
	tell_status(call->family, fit);
	pfree(data.patterns);
	DeleteExpandedObject(EOHPGetRWDatum(&patterns->header));
}

/* Fits the spend model to all customers of a table. */
void
fit_spend(const ModelCall *call, const CustomerTable *table, ModelFit *fit)
{
	const PatternCount one = {1};
	MemoryContext caller = CurrentMemoryContext;
	ExpandedState *patterns = state_build_begin(&spend_patterns_family,
												KEY_PATTERN, &no_options);
	SummaryCursor cursor;
	PurchaseSummary summary;
	SpendData	data;

	summary_cursor_init(&cursor, table);
	while (summary_cursor_next(&cursor, &summary))
	{
		bool		isnull;
		Datum		mean;

		if (summary.x == 0)
			continue;
		MemoryContextSwitchTo(call->base.row_context);
		mean = mean_repeat_value(&summary, &cursor.scratch, &isnull);
		if (!isnull)
		{
			const double value =
				DatumGetFloat8(DirectFunctionCall1(numeric_float8, mean));

			if (valid_spend(value))
				state_build_add(patterns, spend_key(summary.x, value), &one);
		}
		MemoryContextReset(call->base.row_context);
		MemoryContextSwitchTo(caller);
	}
	expanded_absorb_batch(patterns);
	data = spend_data(&patterns->table);
	gamma_gamma_fit(&data, fit);
	tell_status(NULL, fit);
	pfree(data.patterns);
	DeleteExpandedObject(EOHPGetRWDatum(&patterns->header));
}
