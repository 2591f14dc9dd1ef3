/*
 * predict.c
 *		predict_customers: who will come back, how often, for how much?
 *
 * Two models are fitted to all customers, one of when they buy and leave, one of
 * what they spend; then each customer is looked at.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/model_call.h"

#include <math.h>

#include "engine/intervals.h"
#include "engine/customer_type.h"
#include "models/predictions.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* What the rows of a call are made with. */
typedef struct Predictor
{
	const ModelCall *call;
	TimestampTz as_of;
	double		horizon;		/* in units */
	double		force;			/* of discount, per unit */
	bool		has_model;
	BtydModel	model;
	ModelFit	spend;
} Predictor;

static void
predictor_init(Predictor *predictor, const ModelCall *call,
			   const CustomerTable *table)
{
	TimestampTz end;
	ModelFit	fit;

	*predictor = (Predictor) {.call = call, .as_of = call->base.as_of[0]};
	if (!utc_plus_fits(predictor->as_of, &call->horizon, &end))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"horizon\" is too long an interval")));
	predictor->horizon = days_between(predictor->as_of, end) / call->unit;
	predictor->force = log1p(call->discount_rate) * call->unit / DAYS_PER_YEAR;
	fit_customers(call, table, &fit);
	predictor->has_model = fit.has_params;
	predictor->model = fitted_model(call, &fit);
	fit_spend(call, table, &predictor->spend);
}

static Datum
numeric_of_double(double value)
{
	return DirectFunctionCall1(float8_numeric, Float8GetDatum(value));
}

enum
{
	PREDICT_CUSTOMER,
	PREDICT_X,
	PREDICT_T_X,
	PREDICT_AGE,
	PREDICT_P_ALIVE,
	PREDICT_ORDERS,
	PREDICT_VALUE,
	PREDICT_CLV,
	PREDICT_HISTORIC_CLV,
	PREDICT_TOTAL_CLV,
	PREDICT_NEXT_ORDER_AT,
	PREDICT_CHURN_RISK,
	PREDICT_COLUMNS
};

/* The columns that the model of purchases fills. */
static double
predict_orders(const Predictor *predictor, const BtydHistory *history,
			   Datum *values, bool *nulls)
{
	const BtydModel *model = &predictor->model;
	const double p = btyd_p_alive(model, history);
	const double orders = btyd_expected_orders(model, history,
											   predictor->horizon);

	values[PREDICT_P_ALIVE] = Float8GetDatum(p);
	values[PREDICT_ORDERS] = Float8GetDatum(orders);
	values[PREDICT_CHURN_RISK] = CStringGetTextDatum(churn_risk_name(p));
	nulls[PREDICT_NEXT_ORDER_AT] = !(orders >= 1);
	if (orders >= 1)
	{
		const double units = btyd_next_order(model, history,
											 predictor->horizon);

		values[PREDICT_NEXT_ORDER_AT] =
			TimestampTzGetDatum(predictor->as_of +
								(TimestampTz) rint(units * predictor->call->unit *
												   USECS_PER_DAY));
	}
	return predictor->force == 0 ? orders :
		btyd_orders_by_force(model, history, predictor->horizon,
							 predictor->force);
}

static void
put_prediction(Predictor *predictor, const SummaryCursor *cursor,
			   const PurchaseSummary *summary)
{
	CustomerCall *call = (CustomerCall *) &predictor->call->base;
	const BtydHistory history = history_of(predictor->call, summary);
	const Numeric money = money_numeric(&summary->money,
										cursor->scratch.sums.base);
	Datum		values[PREDICT_COLUMNS] = {0};
	bool		nulls[PREDICT_COLUMNS] = {false};
	double		orders = 0;
	double		value = 0;
	bool		mean_unknown;
	const Datum mean = mean_repeat_value(summary, &cursor->scratch,
										 &mean_unknown);

	values[PREDICT_CUSTOMER] = customer_datum(cursor->customers.table,
											  cursor->slot, call->customer_type);
	values[PREDICT_X] = Int64GetDatum(summary->x);
	values[PREDICT_T_X] = Float8GetDatum(history.t_x);
	values[PREDICT_AGE] = Float8GetDatum(history.age);
	if (predictor->has_model)
		orders = predict_orders(predictor, &history, values, nulls);
	else
		nulls[PREDICT_P_ALIVE] = nulls[PREDICT_ORDERS] =
			nulls[PREDICT_NEXT_ORDER_AT] = nulls[PREDICT_CHURN_RISK] = true;

	nulls[PREDICT_VALUE] = !predictor->spend.has_params ||
		!purchase_value(predictor->spend.params, history.x, !mean_unknown,
						mean_unknown ? 0 :
						DatumGetFloat8(DirectFunctionCall1(numeric_float8, mean)),
						&value);
	nulls[PREDICT_CLV] = nulls[PREDICT_VALUE] || !predictor->has_model;
	values[PREDICT_HISTORIC_CLV] = numeric_or_null(money,
												   &nulls[PREDICT_HISTORIC_CLV]);
	nulls[PREDICT_TOTAL_CLV] = nulls[PREDICT_CLV] || money == NULL;
	if (!nulls[PREDICT_VALUE])
		values[PREDICT_VALUE] = numeric_of_double(value);
	if (!nulls[PREDICT_CLV])
		values[PREDICT_CLV] = numeric_of_double(value * orders);
	if (!nulls[PREDICT_TOTAL_CLV])
		values[PREDICT_TOTAL_CLV] = DirectFunctionCall2(numeric_add,
														NumericGetDatum(money),
														values[PREDICT_CLV]);
	put_row(call, values, nulls);
}

static void
write_predictions(CustomerCall *base_call, const CustomerTable *const *tables)
{
	MemoryContext caller = CurrentMemoryContext;
	SummaryCursor cursor;
	PurchaseSummary summary;
	Predictor	predictor;

	summary_cursor_init(&cursor, tables[0]);
	if (!summary_cursor_next(&cursor, &summary))
		return;
	predictor_init(&predictor, (ModelCall *) base_call, tables[0]);
	summary_cursor_init(&cursor, tables[0]);
	while (summary_cursor_next(&cursor, &summary))
	{
		MemoryContextSwitchTo(base_call->row_context);
		put_prediction(&predictor, &cursor, &summary);
		MemoryContextSwitchTo(caller);
	}
}

static void
horizon_and_rate_args(ModelCall *call, FunctionCallInfo fcinfo, int horizon,
					  int rate)
{
	if (PG_ARGISNULL(horizon))
		reject_null("horizon");
	call->horizon = *PG_GETARG_INTERVAL_P(horizon);
	check_positive_interval(&call->horizon, "horizon");
	if (PG_ARGISNULL(rate))
		reject_null("discount_rate");
	call->discount_rate = PG_GETARG_FLOAT8(rate);
	check_double_range(call->discount_rate, 0, INFINITY, "discount_rate");
}

/*
 * predict_customers(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * horizon interval, as_of timestamptz, unit interval, family text,
 * discount_rate double precision, tz text, order_id_column name)
 */
PG_FUNCTION_INFO_V1(predict_customers);
Datum
predict_customers(PG_FUNCTION_ARGS)
{
	static const OrdersArguments arguments = {
		.relation = 1, .tz = 10, .order_id = 11
	};
	ModelCall	call;

	model_call_init(&call, fcinfo, write_predictions, 7, 8);
	horizon_and_rate_args(&call, fcinfo, 5, 9);
	call.base.as_of[0] = time_arg(fcinfo, 6, "as_of");
	return run_over_relation(&call.base, &arguments);
}

/*
 * predict_customers(state retention_state, customer_type anyelement,
 * horizon interval, unit interval, family text, discount_rate double precision)
 */
PG_FUNCTION_INFO_V1(predict_customers_of_state);
Datum
predict_customers_of_state(PG_FUNCTION_ARGS)
{
	ModelCall	call;

	model_call_init(&call, fcinfo, write_predictions, 3, 4);
	horizon_and_rate_args(&call, fcinfo, 2, 5);
	return run_over_state_of_customers(&call.base, 1, 0);
}
