/*
 * predictions.c
 *		What a fitted model says of a customer: the readers of btyd_model and
 *		spend_model.
 *
 * A model without parameters (its status says why) predicts nothing: NULL.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/predictions.h"

#include <math.h>

#include "base/checks.h"
#include "math/orders_ahead.h"
#include "models/fitted_model.h"
#include "models/patterns.h"
#include "utils/builtins.h"

/* So many steps are a typing error. */
#define MOST_STEPS		100000

/*
 * Money may be beyond the range of its type where the mean it comes from is near the
 * end of it, and a likelihood not to be told: no infinity and no NaN goes on.
 */
static Datum
finite_or_null(FunctionCallInfo fcinfo, double value)
{
	if (!isfinite(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

/* x, t_x and age stand together in all functions. */
#define HISTORY_ARGS	3

static BtydHistory
history_args(FunctionCallInfo fcinfo, int first)
{
	const BtydHistory history = {
		.x = PG_GETARG_INT64(first),
		.t_x = PG_GETARG_FLOAT8(first + 1),
		.age = PG_GETARG_FLOAT8(first + 2)
	};

	check_history(PG_GETARG_INT64(first), history.t_x, history.age);
	return history;
}

static double
horizon_arg(FunctionCallInfo fcinfo, int argument)
{
	double		horizon = PG_GETARG_FLOAT8(argument);

	check_double_range(horizon, 0, MOST_TIME, "horizon");
	return horizon;
}

static double
orders_arg(FunctionCallInfo fcinfo, int argument)
{
	int64		n = PG_GETARG_INT64(argument);

	if (n < 0 || n > MOST_PMF)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"n\" must be between 0 and %d, not " INT64_FORMAT,
						MOST_PMF, n)));
	return n;
}

/*
 * What one purchase of a customer is worth, after x repeat purchases whose mean
 * value may be known; false where there is no such expectation: q is too small for
 * a mean to exist, the mean is negative, or the value is beyond all doubles.
 */
bool
purchase_value(const double *params, double x, bool mean_known, double mean,
			   double *value)
{
	if (x == 0 || !mean_known)
		return gamma_gamma_expected(params, 0, 0, value) && isfinite(*value);
	return mean >= 0 && gamma_gamma_expected(params, x, mean, value) &&
		isfinite(*value);
}

/* The arguments of what reads a history, and time to come. */
enum
{
	HISTORY_MODEL,
	HISTORY_X,					/* and t_x, age: history_args */
	HISTORY_HORIZON = HISTORY_X + HISTORY_ARGS
};

/* What a model says of a history alone. */
static Datum
read_history(FunctionCallInfo fcinfo,
			 double (*reading) (const BtydModel *, const BtydHistory *))
{
	const FittedModel *model = model_arg(fcinfo, HISTORY_MODEL, MODEL_BTYD);
	const BtydHistory history = history_args(fcinfo, HISTORY_X);

	if (!model->has_params)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(reading(&model->btyd, &history));
}

/* What it says of a history and of so much time to come. */
static Datum
read_horizon(FunctionCallInfo fcinfo,
			 double (*reading) (const BtydModel *, const BtydHistory *,
								double))
{
	const FittedModel *model = model_arg(fcinfo, HISTORY_MODEL, MODEL_BTYD);
	const BtydHistory history = history_args(fcinfo, HISTORY_X);
	const double horizon = horizon_arg(fcinfo, HISTORY_HORIZON);

	if (!model->has_params)
		PG_RETURN_NULL();
	return finite_or_null(fcinfo, reading(&model->btyd, &history, horizon));
}

/*
 * p_alive(model btyd_model, x bigint, t_x double precision,
 * age double precision) returns double precision
 *
 * Sources of this and the next at the families' functions.
 */
PG_FUNCTION_INFO_V1(p_alive);
Datum
p_alive(PG_FUNCTION_ARGS)
{
	return read_history(fcinfo, btyd_p_alive);
}

/*
 * expected_orders(model btyd_model, x bigint, t_x double precision,
 * age double precision, horizon double precision) returns double precision
 */
PG_FUNCTION_INFO_V1(expected_orders);
Datum
expected_orders(PG_FUNCTION_ARGS)
{
	return read_horizon(fcinfo, btyd_expected_orders);
}

/*
 * expected_orders_new(model btyd_model, horizon double precision)
 * returns double precision
 */
PG_FUNCTION_INFO_V1(expected_orders_new);
Datum
expected_orders_new(PG_FUNCTION_ARGS)
{
	const FittedModel *model = model_arg(fcinfo, 0, MODEL_BTYD);
	const double horizon = horizon_arg(fcinfo, 1);

	if (!model->has_params)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(btyd_expected_orders_new(&model->btyd, horizon));
}

/*
 * orders_pmf_new(model btyd_model, n bigint, horizon double precision)
 * returns double precision
 */
enum
{
	PMF_NEW_MODEL,
	PMF_NEW_N,
	PMF_NEW_HORIZON
};

PG_FUNCTION_INFO_V1(orders_pmf_new);
Datum
orders_pmf_new(PG_FUNCTION_ARGS)
{
	const FittedModel *model = model_arg(fcinfo, PMF_NEW_MODEL, MODEL_BTYD);
	const double n = orders_arg(fcinfo, PMF_NEW_N);
	const double horizon = horizon_arg(fcinfo, PMF_NEW_HORIZON);

	if (!model->has_params)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(btyd_pmf_new(&model->btyd, n, horizon));
}

/*
 * p_order(model btyd_model, x bigint, t_x double precision,
 * age double precision, horizon double precision) returns double precision
 *
 * Of this and the next three, sources in math/orders_ahead.c.
 */
PG_FUNCTION_INFO_V1(p_order);
Datum
p_order(PG_FUNCTION_ARGS)
{
	return read_horizon(fcinfo, btyd_p_order);
}

/* The arguments of orders_pmf and orders_quantile: a number of orders, or a share. */
enum
{
	PMF_MODEL,
	PMF_N,
	PMF_P = PMF_N,
	PMF_X,
	PMF_HORIZON = PMF_X + HISTORY_ARGS
};

/*
 * orders_pmf(model btyd_model, n bigint, x bigint, t_x double precision,
 * age double precision, horizon double precision) returns double precision
 */
PG_FUNCTION_INFO_V1(orders_pmf);
Datum
orders_pmf(PG_FUNCTION_ARGS)
{
	const FittedModel *model = model_arg(fcinfo, PMF_MODEL, MODEL_BTYD);
	const double n = orders_arg(fcinfo, PMF_N);
	const BtydHistory history = history_args(fcinfo, PMF_X);
	const double horizon = horizon_arg(fcinfo, PMF_HORIZON);

	if (!model->has_params)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(btyd_pmf(&model->btyd, &history, n, horizon));
}

/*
 * orders_quantile(model btyd_model, p double precision, x bigint,
 * t_x double precision, age double precision, horizon double precision)
 * returns bigint
 *
 * The smallest number that is not exceeded with a probability of p; NULL if it is
 * above MOST_PMF.
 */
PG_FUNCTION_INFO_V1(orders_quantile);
Datum
orders_quantile(PG_FUNCTION_ARGS)
{
	const FittedModel *model = model_arg(fcinfo, PMF_MODEL, MODEL_BTYD);
	const double p = PG_GETARG_FLOAT8(PMF_P);
	const BtydHistory history = history_args(fcinfo, PMF_X);
	const double horizon = horizon_arg(fcinfo, PMF_HORIZON);
	double		n;

	check_double_range(p, 0, 1, "p");
	if (p == 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"p\" must be below 1"),
				 errhint("No number of orders is never exceeded: write 0.99 or 0.999.")));
	if (!model->has_params ||
		!btyd_quantile(&model->btyd, &history, p, horizon, MOST_PMF, &n))
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) n);
}

/*
 * orders_variance(model btyd_model, x bigint, t_x double precision,
 * age double precision, horizon double precision) returns double precision
 */
PG_FUNCTION_INFO_V1(orders_variance);
Datum
orders_variance(PG_FUNCTION_ARGS)
{
	return read_horizon(fcinfo, btyd_variance);
}

/* Not exceeded with this probability, and with the same not fallen short of */
#define RANGE_LOW	0.1
#define RANGE_HIGH	0.9

/* A quantile, as orders_quantile says: most customers do not need to be asked for it. */
static int64
range_end(const OrdersAhead *ahead, double p, double horizon, double p_order)
{
	double		n;

	if (p_order <= 1 - p)
		return 0;
	return ahead_quantile(ahead, p, horizon, 1, MOST_PMF, &n) ? (int64) n : -1;
}

Prospects
prospects_of(const BtydModel *model, const BtydHistory *history, double horizon)
{
	const OrdersAhead ahead = orders_ahead(model, history);
	const double p_order = ahead_at_least(&ahead, 1, horizon);

	return (Prospects) {
		.p_alive = ahead.alive,
		.orders = model->family->expected_orders(model, history, ahead.alive,
												 horizon),
		.p_order = p_order,
		.low = range_end(&ahead, RANGE_LOW, horizon, p_order),
		.high = range_end(&ahead, RANGE_HIGH, horizon, p_order)
	};
}

/*
 * log_likelihood(model btyd_model, x bigint, t_x double precision,
 * age double precision) returns double precision
 */
PG_FUNCTION_INFO_V1(btyd_log_likelihood);
Datum
btyd_log_likelihood(PG_FUNCTION_ARGS)
{
	return read_history(fcinfo, btyd_log_likelihood_of);
}

/* The arguments of what reads a spend model. */
enum
{
	VALUE_MODEL,
	VALUE_X,
	VALUE_MEAN
};

/*
 * log_likelihood(model spend_model, x bigint,
 * mean_repeat_value double precision) returns double precision
 */
PG_FUNCTION_INFO_V1(spend_log_likelihood);
Datum
spend_log_likelihood(PG_FUNCTION_ARGS)
{
	const FittedModel *model = model_arg(fcinfo, VALUE_MODEL, MODEL_SPEND);
	const int64 x = PG_GETARG_INT64(VALUE_X);
	const double mean = PG_GETARG_FLOAT8(VALUE_MEAN);

	check_x(x);
	check_finite_double(mean, "mean_repeat_value");
	if (!model->has_params || x == 0 || mean <= 0)
		PG_RETURN_NULL();
	return finite_or_null(fcinfo,
						  gamma_gamma_log_likelihood_of(model->btyd.params, x,
														mean));
}

/*
 * The value of a purchase by the spend model in an argument, and the x and
 * mean_repeat_value in two others; false if there is none.
 */
static bool
spend_args(FunctionCallInfo fcinfo, int model, int x, int mean, double *value)
{
	const FittedModel *spend = model_arg(fcinfo, model, MODEL_SPEND);
	const bool	known = !PG_ARGISNULL(mean);

	check_x(PG_GETARG_INT64(x));
	if (known)
		check_finite_double(PG_GETARG_FLOAT8(mean), "mean_repeat_value");
	return spend->has_params &&
		purchase_value(spend->btyd.params, PG_GETARG_INT64(x), known,
					   known ? PG_GETARG_FLOAT8(mean) : 0, value);
}

/*
 * expected_value(model spend_model, x bigint,
 * mean_repeat_value double precision) returns double precision
 *
 * The mean may be NULL: it is where x is 0, or amounts are unknown.
 */
PG_FUNCTION_INFO_V1(expected_value);
Datum
expected_value(PG_FUNCTION_ARGS)
{
	double		value;

	if (PG_ARGISNULL(VALUE_MODEL) || PG_ARGISNULL(VALUE_X) ||
		!spend_args(fcinfo, VALUE_MODEL, VALUE_X, VALUE_MEAN, &value))
		PG_RETURN_NULL();
	return finite_or_null(fcinfo, value);
}

/*
 * predicted_clv(model btyd_model, spend_model spend_model, x bigint,
 * t_x double precision, age double precision,
 * mean_repeat_value double precision, horizon double precision,
 * discount_rate double precision, step double precision)
 * returns double precision
 *
 * The expected value of a purchase, times those expected until the horizon, those
 * of the k-th step divided by (1 + discount_rate)^k; NULL beyond all doubles.
 */
enum
{
	CLV_MODEL,
	CLV_SPEND_MODEL,
	CLV_X,
	CLV_MEAN = CLV_X + HISTORY_ARGS,
	CLV_HORIZON,
	CLV_DISCOUNT_RATE,
	CLV_STEP
};

PG_FUNCTION_INFO_V1(predicted_clv);
Datum
predicted_clv(PG_FUNCTION_ARGS)
{
	const FittedModel *model;
	BtydHistory history;
	double		horizon;
	double		rate;
	double		step;
	double		value;

	for (int i = 0; i < PG_NARGS(); i++)
		if (i != CLV_MEAN && PG_ARGISNULL(i))
			PG_RETURN_NULL();
	model = model_arg(fcinfo, CLV_MODEL, MODEL_BTYD);
	history = history_args(fcinfo, CLV_X);
	horizon = horizon_arg(fcinfo, CLV_HORIZON);
	rate = PG_GETARG_FLOAT8(CLV_DISCOUNT_RATE);
	check_double_range(rate, 0, INFINITY, "discount_rate");
	step = PG_GETARG_FLOAT8(CLV_STEP);
	if (!(step > 0) || isinf(step))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"step\" must be a finite number above 0, not %g",
						step)));
	if (rate > 0 && horizon / step > MOST_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"step\" of %g makes more than %d steps of a horizon of %g",
						step, MOST_STEPS, horizon)));
	if (!model->has_params || !spend_args(fcinfo, CLV_SPEND_MODEL, CLV_X, CLV_MEAN, &value))
		PG_RETURN_NULL();
	return finite_or_null(fcinfo,
						  value * btyd_orders_by_step(&model->btyd, &history,
													  horizon, rate, step));
}

/* In SQL; a constant. */
const char *
churn_risk_name(ChurnRisk risk)
{
	static const char *const names[RISK_COUNT] = {
		[RISK_LOW] = "low",[RISK_MEDIUM] = "medium",[RISK_HIGH] = "high"
	};

	return names[risk];
}

/*
 * churn_risk(p_alive double precision) returns text
 */
PG_FUNCTION_INFO_V1(churn_risk);
Datum
churn_risk(PG_FUNCTION_ARGS)
{
	double		p = PG_GETARG_FLOAT8(0);

	check_double_range(p, 0, 1, "p_alive");
	PG_RETURN_TEXT_P(cstring_to_text(churn_risk_name(churn_risk_of(p))));
}
