/*
 * predict_customers.c
 *		predict_customers: who will come back, how often, for how much?
 *
 * Two models are fitted to all customers, one of when they buy and leave, one of
 * what they spend; then each customer is looked at.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/fit_call.h"

#include <math.h>

#include "base/checks.h"
#include "engine/customer_key.h"
#include "engine/customer_type.h"
#include "engine/intervals.h"
#include "models/predictions.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* What the model says of a history, whosever it is. */
typedef struct Outlook
{
	DayHistory	history;
	Prospects	prospects;
	double		discounted;		/* the orders, by when they come */
	TimestampTz next_order_at;	/* DT_NOEND: not within the horizon */
} Outlook;

/* What the rows of a call are made with. */
typedef struct Predictor
{
	const FitCall *call;
	TimestampTz as_of;
	double		horizon;		/* in units */
	double		force;			/* of discount, per unit */
	bool		has_rule;		/* on a clock of seasons, */
	DiscountRule rule;			/* instead of the force */
	CustomerFits fits;
	bool		has_new_value;	/* what a purchase of somebody is worth whose
								 * own are not known: as a double, */
	double		new_value;
	Datum		new_numeric;	/* and as it is shown */
	Datum		status;			/* this and the names of risks: as text */
	Datum		risk[RISK_COUNT];
	Outlook    *outlooks;		/* HISTORY_PLACES */
} Predictor;

static TimestampTz
horizon_end(const FitCall *call)
{
	TimestampTz end;

	if (!utc_plus_fits(call->base.as_of[0], &call->horizon, &end))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("arguments \"as_of\" and \"horizon\" reach beyond the times there are")));
	return end;
}

/* False if there are no customers. */
static bool
predictor_init(Predictor *predictor, const FitCall *call,
			   const CustomerTable *table)
{
	const TimestampTz as_of = call->base.as_of[0];
	const double horizon_days = days_between(as_of, horizon_end(call));

	*predictor = (Predictor) {.call = call, .as_of = as_of};
	if (!fit_customers(call, table, true, horizon_days, &predictor->fits))
		return false;
	tell_if_stale(&call->base, predictor->fits.last_order_at,
				  Min(horizon_days, STALE_AFTER));
	predictor->horizon = time_ahead(call, &predictor->fits, horizon_days);
	predictor->force = log1p(call->discount_rate) * call->unit / DAYS_PER_YEAR;
	predictor->has_rule = predictor->fits.clock && predictor->force > 0 &&
		horizon_days <= SEASON_MOST_DAYS;
	if (predictor->has_rule)
		discount_rule_init(&predictor->rule, predictor->fits.clock,
						   horizon_days, predictor->force / call->unit);
	predictor->status = CStringGetTextDatum(predictor->fits.status);
	for (int i = 0; i < RISK_COUNT; i++)
		predictor->risk[i] = CStringGetTextDatum(churn_risk_name(i));
	predictor->outlooks = array_alloc(HISTORY_PLACES, sizeof(Outlook));
	for (int i = 0; i < HISTORY_PLACES; i++)
		predictor->outlooks[i].history = no_history;
	return true;
}

enum
{
	PREDICT_CUSTOMER,
	PREDICT_X,
	PREDICT_T_X,
	PREDICT_AGE,
	PREDICT_P_ALIVE,
	PREDICT_ORDERS,
	PREDICT_P_ORDER,
	PREDICT_ORDERS_LOW,
	PREDICT_ORDERS_HIGH,
	PREDICT_VALUE,
	PREDICT_CLV,
	PREDICT_HISTORIC_CLV,
	PREDICT_TOTAL_CLV,
	PREDICT_NEXT_ORDER_AT,
	PREDICT_CHURN_RISK,
	PREDICT_MODEL_STATUS,
	PREDICT_COLUMNS
};

/* When so much time of the model has passed */
static TimestampTz
time_after(const Predictor *predictor, double ahead)
{
	const double days = predictor->fits.clock ?
		season_clock_days(predictor->fits.clock, ahead) :
		ahead * predictor->call->unit;

	return predictor->as_of + (TimestampTz) rint(days * USECS_PER_DAY);
}

static void
compute_outlook(const Predictor *predictor, Outlook *outlook,
				const BtydHistory *history)
{
	const BtydModel *model = &predictor->fits.model;

	outlook->prospects = prospects_of(model, history, predictor->horizon);
	outlook->discounted = predictor->force == 0 ? outlook->prospects.orders :
		predictor->has_rule ?
		discounted_orders(&predictor->rule, model, history) :
		btyd_orders_by_force(model, history, predictor->horizon,
							 predictor->force);
	outlook->next_order_at = DT_NOEND;
	if (outlook->prospects.orders >= 1)
		outlook->next_order_at =
			time_after(predictor, btyd_next_order(model, history,
												  predictor->horizon));
}

static const Outlook *
outlook_of(const Predictor *predictor, const PurchaseSummary *summary,
		   const BtydHistory *history)
{
	const DayHistory days = summary_history(summary);
	Outlook    *outlook = &predictor->outlooks[history_place(&days)];

	if (compare_day_histories(&outlook->history, &days) != 0)
	{
		outlook->history = days;
		compute_outlook(predictor, outlook, history);
	}
	return outlook;
}

/* The columns that the model of purchases fills; returns the discounted orders. */
static double
put_outlook(const Predictor *predictor, const PurchaseSummary *summary,
			const BtydHistory *history, Datum *values, bool *nulls)
{
	const Outlook *outlook;
	const Prospects *prospects;

	if (!predictor->fits.buying.has_params)
	{
		nulls[PREDICT_P_ALIVE] = nulls[PREDICT_ORDERS] =
			nulls[PREDICT_P_ORDER] = nulls[PREDICT_ORDERS_LOW] =
			nulls[PREDICT_ORDERS_HIGH] =
			nulls[PREDICT_NEXT_ORDER_AT] = nulls[PREDICT_CHURN_RISK] = true;
		return 0;
	}
	outlook = outlook_of(predictor, summary, history);
	prospects = &outlook->prospects;
	values[PREDICT_P_ALIVE] = Float8GetDatum(prospects->p_alive);
	values[PREDICT_ORDERS] = Float8GetDatum(prospects->orders);
	values[PREDICT_P_ORDER] = Float8GetDatum(prospects->p_order);
	values[PREDICT_ORDERS_LOW] = Int64GetDatum(prospects->low);
	nulls[PREDICT_ORDERS_LOW] = prospects->low < 0;
	values[PREDICT_ORDERS_HIGH] = Int64GetDatum(prospects->high);
	nulls[PREDICT_ORDERS_HIGH] = prospects->high < 0;
	values[PREDICT_CHURN_RISK] =
		predictor->risk[churn_risk_of(prospects->p_order)];
	values[PREDICT_NEXT_ORDER_AT] = TimestampTzGetDatum(outlook->next_order_at);
	nulls[PREDICT_NEXT_ORDER_AT] =
		TIMESTAMP_IS_NOEND(outlook->next_order_at);
	return outlook->discounted;
}

/* The money so far and the predicted, which is given in both its forms. */
static Datum
total_money(const PurchaseSummary *summary, Numeric so_far, Money predicted,
			Datum predicted_numeric)
{
	if (!money_is_none(&predicted) && !money_is_wide(&summary->money))
	{
		money_add(NULL, &predicted, &summary->money, NULL);
		return NumericGetDatum(money_numeric(&predicted, NULL));
	}
	return DirectFunctionCall2(numeric_add, NumericGetDatum(so_far),
							   predicted_numeric);
}

/*
 * What a purchase is worth of who has made none after the first, or of unknown value: of
 * half of the customers and more, always the same.
 */
static void
value_the_new(Predictor *predictor)
{
	const ModelFit *spend = &predictor->fits.spend;
	Money		money;

	predictor->has_new_value = spend->has_params &&
		purchase_value(spend->params, 0, false, 0, &predictor->new_value);
	if (predictor->has_new_value)
		predictor->new_numeric = predicted_money(predictor->fits.decimals, predictor->new_value,
												 &money);
}

/* The expected value of a purchase, and as it is shown; false if there is none. */
static bool
expect_value(const Predictor *predictor, const SummaryCursor *cursor,
			 const PurchaseSummary *summary, double *value, Datum *numeric)
{
	const ModelFit *spend = &predictor->fits.spend;
	double		mean;
	Money		money;

	if (!mean_repeat_float8(summary, &cursor->scratch, &mean))
	{
		*value = predictor->new_value;
		*numeric = predictor->new_numeric;
		return predictor->has_new_value;
	}
	if (!spend->has_params ||
		!purchase_value(spend->params, summary->x, true, mean, value))
		return false;
	*numeric = predicted_money(predictor->fits.decimals, *value, &money);
	return true;
}

/* The columns of money, with so many orders to come. */
static void
put_money(const Predictor *predictor, const SummaryCursor *cursor,
		  const PurchaseSummary *summary, double orders, Datum *values,
		  bool *nulls)
{
	const Numeric so_far = money_numeric(&summary->money,
										 cursor->scratch.sums.base);
	double		value = 0;
	Money		clv;

	values[PREDICT_HISTORIC_CLV] = numeric_or_null(so_far,
												   &nulls[PREDICT_HISTORIC_CLV]);
	nulls[PREDICT_VALUE] = !expect_value(predictor, cursor, summary, &value,
										 &values[PREDICT_VALUE]);
	nulls[PREDICT_CLV] = nulls[PREDICT_VALUE] ||
		!predictor->fits.buying.has_params || !isfinite(value * orders);
	nulls[PREDICT_TOTAL_CLV] = nulls[PREDICT_CLV] || so_far == NULL;
	if (!nulls[PREDICT_CLV])
		values[PREDICT_CLV] = predicted_money(predictor->fits.decimals, value * orders, &clv);
	if (!nulls[PREDICT_TOTAL_CLV])
		values[PREDICT_TOTAL_CLV] = total_money(summary, so_far, clv,
												values[PREDICT_CLV]);
}

static void
put_prediction(const Predictor *predictor, const SummaryCursor *cursor,
			   const PurchaseSummary *summary)
{
	CustomerCall *call = unconstify(CustomerCall *, &predictor->call->base);
	const BtydHistory history = history_of(predictor->call, &predictor->fits,
										   summary);
	Datum		values[PREDICT_COLUMNS] = {0};
	bool		nulls[PREDICT_COLUMNS] = {false};
	double		orders;

	values[PREDICT_CUSTOMER] = customer_key_datum(cursor->customers.table->kind,
												  cursor->key, cursor->key_base,
												  call->customer_type);
	values[PREDICT_X] = Int64GetDatum(summary->x);
	values[PREDICT_T_X] = Float8GetDatum(summary->t_x / predictor->call->unit);
	values[PREDICT_AGE] = Float8GetDatum(summary->age / predictor->call->unit);
	values[PREDICT_MODEL_STATUS] = predictor->status;
	orders = put_outlook(predictor, summary, &history, values, nulls);
	put_money(predictor, cursor, summary, orders, values, nulls);
	put_row(call, values, nulls);
}

static void
write_predictions(CustomerCall *base_call, const CustomerTable *const *tables)
{
	MemoryContext caller = CurrentMemoryContext;
	SummaryCursor cursor;
	PurchaseSummary summary;
	Predictor	predictor;

	if (!predictor_init(&predictor, (FitCall *) base_call, tables[0]))
		return;
	value_the_new(&predictor);
	summary_cursor_init(&cursor, tables[0]);
	while (summary_cursor_next(&cursor, &summary))
	{
		MemoryContextSwitchTo(base_call->row_context);
		put_prediction(&predictor, &cursor, &summary);
		MemoryContextSwitchTo(caller);
	}
}

static void
horizon_and_rate_args(FitCall *call, FunctionCallInfo fcinfo, int horizon,
					  int rate)
{
	if (PG_ARGISNULL(horizon))
		reject_null("horizon");
	call->horizon = *PG_GETARG_INTERVAL_P(horizon);
	check_least_interval(&call->horizon, LEAST_PERIOD, "horizon");
	if (PG_ARGISNULL(rate))
		reject_null("discount_rate");
	call->discount_rate = PG_GETARG_FLOAT8(rate);
	check_double_range(call->discount_rate, 0, INFINITY, "discount_rate");
}

/*
 * predict_customers(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * horizon interval, as_of timestamptz, unit interval, family text,
 * discount_rate double precision, tz text, order_id_column name, season text,
 * campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(predict_customers);
Datum
predict_customers(PG_FUNCTION_ARGS)
{
	enum
	{
		HORIZON = ARG_OPTIONS, AS_OF, UNIT, FAMILY, DISCOUNT_RATE, TZ, ORDER_ID,
		SEASON
	};
	static const OrdersArguments arguments = {
		.relation = ARG_ORDERS_TABLE, .tz = TZ, .order_id = ORDER_ID
	};
	FitCall		call;

	fit_call_init(&call, fcinfo, write_predictions, UNIT, FAMILY, SEASON);
	horizon_and_rate_args(&call, fcinfo, HORIZON, DISCOUNT_RATE);
	call.base.as_of[0] = time_arg(fcinfo, AS_OF, "as_of");
	return run_over_relation(&call.base, &arguments, "as_of");
}

/*
 * predict_customers(state retention_state, customer_type anyelement,
 * horizon interval, unit interval, family text, discount_rate double precision,
 * season text, campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(predict_customers_of_state);
Datum
predict_customers_of_state(PG_FUNCTION_ARGS)
{
	enum
	{
		STATE, CUSTOMER_TYPE, HORIZON, UNIT, FAMILY, DISCOUNT_RATE, SEASON
	};
	FitCall		call;

	fit_call_init(&call, fcinfo, write_predictions, UNIT, FAMILY, SEASON);
	horizon_and_rate_args(&call, fcinfo, HORIZON, DISCOUNT_RATE);
	return run_over_state_of_customers(&call.base, CUSTOMER_TYPE, STATE);
}

/*
 * predict_customers(history order_history, customer_type anyelement,
 * as_of timestamptz, horizon interval, unit interval, family text,
 * discount_rate double precision, tz text, season text, campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(predict_customers_of_history);
Datum
predict_customers_of_history(PG_FUNCTION_ARGS)
{
	enum
	{
		AS_OF = ARG_HISTORY_CUSTOMER_OPTIONS, HORIZON, UNIT, FAMILY,
		DISCOUNT_RATE, TZ, SEASON
	};
	FitCall		call;

	fit_call_init(&call, fcinfo, write_predictions, UNIT, FAMILY, SEASON);
	horizon_and_rate_args(&call, fcinfo, HORIZON, DISCOUNT_RATE);
	call.base.as_of[0] = time_arg(fcinfo, AS_OF, "as_of");
	return run_over_history_of_customers(&call.base, TZ, "as_of");
}
