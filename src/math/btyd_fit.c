/*
 * btyd_fit.c
 *		Fitting the models to the customers of a shop.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/btyd_fit.h"

#include <math.h>

#include "math/specfun.h"

/* How far from its scale, in logarithms, a parameter is looked for. */
#define MOST_LOG		18

/*
 * Customers must leave, or be one-timers, for this much of log-likelihood to be said
 * to be so at all: chance alone brings more.
 */
#define LEAST_GAIN	1e-3

/*
 * Where this is all they gain, a model without churn is not ruled out: half of what a
 * chi-square variable of one degree of freedom exceeds once in twenty.
 */
#define CERTAIN_CHURN_GAIN	1.92

/* Gamma and beta distributions of such parameters are as good as one point. */
#define POINT_LIKE		1e4

/*
 * A function of parameters as one of variables that know no bounds: logarithms of
 * the parameters, and the logit of a share.
 */
typedef struct FitFunction
{
	int			nparams;
	const double *scale;		/* logarithms are of param / scale */
	bool		has_share;		/* the last one is a share */
	const BtydFamily *family;
	const void *data;
} FitFunction;

static bool
is_share(const FitFunction *function, int param)
{
	return function->has_share && param == function->nparams - 1;
}

static void
params_at(const FitFunction *function, const double *at, double *params)
{
	for (int i = 0; i < function->nparams; i++)
		params[i] = is_share(function, i) ? 1 / (1 + exp(-at[i])) :
			function->scale[i] * exp(at[i]);
}

static double
variable_of(const FitFunction *function, int param, double value)
{
	return is_share(function, param) ? log(value / (1 - value)) :
		log(value / function->scale[param]);
}

/* How fast a parameter grows with its variable */
static double
slope_of(const FitFunction *function, int param, double value)
{
	return is_share(function, param) ? value * (1 - value) : value;
}

/* Returns whether there is a likelihood to speak of; the outcome says if not. */
static bool
fit_to_maximum(ModelFit *fit, const FitFunction *function,
			   ObjectiveFunction objective, const double *start)
{
	const Maximizer maximizer = {
		.n = function->nparams,
		.function = objective,
		.arg = unconstify(FitFunction *, function),
		.limit = MOST_LOG
	};
	double		from[BTYD_PARAMS];
	Maximum		maximum;

	for (int i = 0; i < function->nparams; i++)
		from[i] = variable_of(function, i, start[i]);
	maximize(&maximizer, from, &maximum);

	if (!isfinite(maximum.objective.value))
	{
		fit->outcome = FIT_NO_LIKELIHOOD;
		return false;
	}
	fit->has_params = true;
	params_at(function, maximum.at, fit->params);
	fit->has_likelihood = true;
	fit->log_likelihood = maximum.objective.value;
	fit->iterations += maximum.iterations;
	fit->converged = maximum.is_interior;
	for (int i = 0; i < function->nparams; i++)
	{
		fit->has_error[i] = maximum.is_interior;
		fit->std_errors[i] = slope_of(function, i, fit->params[i]) *
			sqrt(maximum.variance[i]);
	}
	fit->outcome = FIT_OK;
	return true;
}

/* ------------------------------------------------------------------------
 * When customers buy and leave
 * ------------------------------------------------------------------------
 */
static void
btyd_objective(const double *at, Objective *result, void *arg)
{
	const FitFunction *function = arg;
	BtydModel	model = {.family = function->family};

	params_at(function, at, model.params);
	model.family->log_likelihood(&model, function->data, result);
}

/*
 * The variables that are left where nobody leaves. That is the same model whatever
 * the family, the NBD model (A. S. C. Ehrenberg (1959), The pattern of consumer
 * purchases, Applied Statistics 8, 26-41), with the times of the purchases known and
 * perhaps a share of one-timers: the BG/NBD model with a = 0.
 */
static const int staying[] = {0, 1, ONE_TIME};

static void
staying_objective(const double *at, Objective *result, void *arg)
{
	const FitFunction *function = arg;
	BtydModel	model = {function->family, {0, 0, 0, 1, 0}};
	double		params[lengthof(staying)];
	Objective	all;

	params_at(function, at, params);
	for (int i = 0; i < function->nparams; i++)
		model.params[staying[i]] = params[i];
	model.family->log_likelihood(&model, function->data, &all);
	result->value = all.value;
	for (int i = 0; i < function->nparams; i++)
	{
		result->gradient[i] = all.gradient[staying[i]];
		for (int j = 0; j < function->nparams; j++)
			result->hessian[i][j] = all.hessian[staying[i]][staying[j]];
	}
}

/* What the data are like, and whether they are enough. */
typedef struct BtydSummary
{
	double		customers;
	double		repeaters;
	double		orders;			/* repeat purchases */
	double		mean_age;
} BtydSummary;

static BtydSummary
summarize(const BtydData *data)
{
	BtydSummary summary = {0};

	for (uint64 i = 0; i < data->npatterns; i++)
	{
		const BtydPattern *pattern = &data->patterns[i];

		summary.customers += pattern->customers;
		if (pattern->history.x > 0)
			summary.repeaters += pattern->customers;
		summary.orders += pattern->customers * pattern->history.x;
		summary.mean_age += pattern->customers * pattern->history.age;
	}
	summary.mean_age /= summary.customers;
	return summary;
}

/* The most likely model in which nobody leaves */
static bool
fit_without_churn(ModelFit *fit, const FitFunction *function,
				  const double *start)
{
	FitFunction limit = *function;
	const double limit_start[] = {start[0], start[1], start[ONE_TIME]};
	ModelFit	found = *fit;

	limit.nparams = function->has_share ? 3 : 2;
	if (!function->has_share)
		limit.family = &bgnbd_family;
	if (!fit_to_maximum(&found, &limit, staying_objective, limit_start))
		return false;
	found.nparams = fit->nparams;
	if (function->has_share)
	{
		found.params[ONE_TIME] = found.params[2];
		found.std_errors[ONE_TIME] = found.std_errors[2];
		found.has_error[ONE_TIME] = found.has_error[2];
	}
	found.params[2] = 0;
	found.params[3] = function->scale[3];
	found.has_error[2] = found.has_error[3] = false;
	*fit = found;
	return true;
}

/*
 * Compares the fit with the model in which nobody leaves, and takes that if it is
 * (nearly) as likely. Returns whether the outcome is settled.
 */
static bool
compare_without_churn(ModelFit *fit, const FitFunction *function,
					  const double *start)
{
	ModelFit	nbd = *fit;
	double		gain;

	if (!fit_without_churn(&nbd, function, start))
		return false;
	gain = fit->log_likelihood - nbd.log_likelihood;
	if (fit->converged && gain > LEAST_GAIN)
	{
		fit->iterations = nbd.iterations;
		if (gain < CERTAIN_CHURN_GAIN)
			fit->outcome = FIT_HARDLY_ANY_CHURN;
		return true;
	}
	if (gain > LEAST_GAIN)
		return false;
	nbd.outcome = nbd.converged ? FIT_NO_CHURN : FIT_NO_CHURN_EQUAL_RATES;
	nbd.converged = false;
	*fit = nbd;
	return true;
}

/*
 * Compares the fit with the BG/NBD model, and takes that if one-timers apart make it
 * no better. Returns whether they do not.
 */
static bool
compare_without_one_timers(ModelFit *fit, const BtydData *data)
{
	ModelFit	bgnbd;

	btyd_fit(&bgnbd_family, data, &bgnbd);
	if (!bgnbd.has_likelihood ||
		fit->log_likelihood - bgnbd.log_likelihood > LEAST_GAIN)
		return false;
	bgnbd.iterations += fit->iterations;
	bgnbd.nparams = fit->nparams;
	bgnbd.params[ONE_TIME] = 0;
	bgnbd.has_error[ONE_TIME] = false;
	if (bgnbd.outcome == FIT_OK)
		bgnbd.outcome = FIT_NO_ONE_TIMERS;
	*fit = bgnbd;
	return true;
}

/* Why is there no interior maximum? In the order of what is seen most. */
static FitOutcome
why_at_limit(const ModelFit *fit, const BtydFamily *family, double mean_age)
{
	const double *p = fit->params;
	const bool	is_pareto = family == &pareto_nbd_family;

	if (is_pareto ? p[3] < mean_age / POINT_LIKE : p[3] < p[2] / POINT_LIKE)
		return is_pareto ? FIT_LEAVE_AT_ONCE : FIT_LEAVE_AT_FIRST_CHANCE;
	if (p[0] > POINT_LIKE)
		return FIT_EQUAL_RATES;
	if (is_pareto && p[2] > POINT_LIKE)
		return FIT_EQUAL_STAYS;
	if (!is_pareto && p[2] + p[3] > POINT_LIKE)
		return FIT_EQUAL_CHANCES;
	if (p[1] < mean_age / POINT_LIKE)
		return FIT_BOUNDLESS_RATES;
	return FIT_UNTOLD;
}

/* A parameter that is hardly told from zero */
static bool
may_be_zero(const ModelFit *fit, int param)
{
	return !fit->converged || fit->std_errors[param] > fit->params[param] / 2;
}

/* A fit's function of the parameters, and where it begins. */
typedef struct FitProblem
{
	double		scale[BTYD_PARAMS];
	double		start[BTYD_PARAMS];
	FitFunction function;
} FitProblem;

/* The start is the same for all data, in their own unit of time. */
static void
fit_problem(FitProblem *problem, const BtydFamily *family,
			const BtydData *data, double mean_age)
{
	const bool	is_pareto = family == &pareto_nbd_family;

	*problem = (FitProblem) {
		.scale = {1, mean_age, 1, is_pareto ? mean_age : 1, 1},
		.start = {
			0.5, mean_age / 3, is_pareto ? 0.6 : 0.7,
			is_pareto ? mean_age / 2 : 2, 0.2
		},
		.function = {
			family->nparams, problem->scale, family == &hbgnbd_family, family,
			data
		}
	};
}

/*
 * Fits a family.
 */
void
btyd_fit(const BtydFamily *family, const BtydData *data, ModelFit *fit)
{
	const BtydSummary summary = summarize(data);
	FitProblem	problem;

	fit_problem(&problem, family, data, summary.mean_age);
	*fit = (ModelFit) {.nparams = family->nparams, .customers = summary.customers};
	if (summary.repeaters < 2)
	{
		fit->outcome = summary.repeaters == 0 ? FIT_NO_REPEATER : FIT_ONE_REPEATER;
		return;
	}
	if (!fit_to_maximum(fit, &problem.function, btyd_objective, problem.start))
		return;
	if (problem.function.has_share && may_be_zero(fit, ONE_TIME) &&
		compare_without_one_timers(fit, data))
		return;
	if (may_be_zero(fit, 2) &&
		!compare_without_churn(fit, &problem.function, problem.start) &&
		!fit->converged)
		fit->outcome = why_at_limit(fit, family, summary.mean_age);
}

/*
 * Fits a family to customers like those of a former fit, from where that one ended. At
 * a limit, or with no former fit, from the start.
 */
void
btyd_refit(const BtydFamily *family, const BtydData *data, ModelFit *fit)
{
	FitProblem	problem;

	if (!fit->converged)
	{
		btyd_fit(family, data, fit);
		return;
	}
	fit_problem(&problem, family, data, summarize(data).mean_age);
	if (!fit_to_maximum(fit, &problem.function, btyd_objective, fit->params) ||
		!fit->converged)
		btyd_fit(family, data, fit);
}

/* ------------------------------------------------------------------------
 * What they spend
 * ------------------------------------------------------------------------
 */
static void
spend_objective(const double *at, Objective *result, void *arg)
{
	const FitFunction *function = arg;
	double		params[BTYD_PARAMS];

	params_at(function, at, params);
	gamma_gamma_log_likelihood(params, function->data, result);
}

/*
 * The correlation of x and mean value over customers, which the model takes for
 * zero; false where one of them does not vary.
 */
bool
spend_correlation(const SpendData *data, double *correlation)
{
	double		n = 0;
	double		mean_x = 0;
	double		mean_value = 0;
	double		xx = 0;
	double		xm = 0;
	double		mm = 0;

	/* E. A. Youngs and E. M. Cramer (1971), with weights */
	for (uint64 i = 0; i < data->npatterns; i++)
	{
		const SpendPattern *pattern = &data->patterns[i];
		const double w = pattern->customers;
		const double dx = pattern->x - mean_x;
		const double dm = pattern->mean - mean_value;
		const double part = n * w / (n + w);

		xx += part * dx * dx;
		xm += part * dx * dm;
		mm += part * dm * dm;
		n += w;
		mean_x += dx * w / n;
		mean_value += dm * w / n;
	}
	*correlation = xm / sqrt(xx) / sqrt(mm);
	if (!(xx > 0 && mm > 0) || !isfinite(*correlation))
		return false;
	*correlation = Min(Max(*correlation, -1), 1);
	return true;
}

/*
 * All customers spend the same: q and v beyond all bounds, p v / q the value.
 */
static void
fit_common_value(ModelFit *fit, double value)
{
	const double beyond = 1e12;

	fit->has_params = true;
	fit->params[0] = 1;
	fit->params[1] = beyond + 1;
	fit->params[2] = beyond * value;
	fit->outcome = FIT_COMMON_VALUE;
}

static FitOutcome
why_spend_at_limit(const ModelFit *fit)
{
	if (fit->params[1] > POINT_LIKE)
		return FIT_EQUAL_MEANS;
	if (fit->params[0] > POINT_LIKE)
		return FIT_EQUAL_VALUES;
	return FIT_UNTOLD;
}

/*
 * Fits the Gamma-Gamma model.
 */
void
gamma_gamma_fit(const SpendData *data, ModelFit *fit)
{
	double		sum = 0;
	double		least = INFINITY;
	double		most = 0;
	double		mean;

	*fit = (ModelFit) {.nparams = GAMMA_GAMMA_PARAMS};
	for (uint64 i = 0; i < data->npatterns; i++)
	{
		const SpendPattern *pattern = &data->patterns[i];

		fit->customers += pattern->customers;
		sum += pattern->customers * pattern->mean;
		least = Min(least, pattern->mean);
		most = Max(most, pattern->mean);
	}
	mean = sum / fit->customers;
	if (fit->customers == 0)
		fit->outcome = FIT_NO_VALUE;
	else if (least == most)
		fit_common_value(fit, least);
	else
	{
		const double scale[GAMMA_GAMMA_PARAMS] = {1, 1, mean};
		const double start[GAMMA_GAMMA_PARAMS] = {2, 3, mean};
		const FitFunction function = {
			GAMMA_GAMMA_PARAMS, scale, false, NULL, data
		};

		if (fit_to_maximum(fit, &function, spend_objective, start) &&
			!fit->converged)
			fit->outcome = why_spend_at_limit(fit);
	}
}
