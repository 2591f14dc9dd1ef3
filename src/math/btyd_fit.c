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
 * Customers must leave for this much of log-likelihood to be said to leave at all:
 * chance alone brings more.
 */
#define LEAST_CHURN_GAIN	1e-3

/*
 * Where this is all they gain, a model without churn is not ruled out: half of what a
 * chi-square variable of one degree of freedom exceeds once in twenty.
 */
#define CERTAIN_CHURN_GAIN	1.92

/* Gamma and beta distributions of such parameters are as good as one point. */
#define POINT_LIKE		1e4

/* A function of parameters as one of their logarithms. */
typedef struct FitFunction
{
	int			nparams;
	const double *scale;		/* logarithms are of param / scale */
	const BtydFamily *family;
	const void *data;
} FitFunction;

static void
params_at(const FitFunction *function, const double *at, double *params)
{
	for (int i = 0; i < function->nparams; i++)
		params[i] = function->scale[i] * exp(at[i]);
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
	double		log_start[BTYD_PARAMS];
	Maximum		maximum;

	for (int i = 0; i < function->nparams; i++)
		log_start[i] = log(start[i] / function->scale[i]);
	maximize(&maximizer, log_start, &maximum);

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
		fit->std_errors[i] = fit->params[i] * sqrt(maximum.variance[i]);
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
 * The log-likelihood of r and alpha where nobody leaves, the NBD model:
 *
 *		ln Gamma(r + x) - ln Gamma(r) + r ln alpha - (r + x) ln(alpha + T)
 *
 * A. S. C. Ehrenberg (1959), The pattern of consumer purchases, Applied
 * Statistics 8, 26-41; with the times of the purchases known.
 */
static void
nbd_objective(const double *at, Objective *result, void *arg)
{
	const FitFunction *function = arg;
	const BtydData *data = function->data;
	double		params[BTYD_PARAMS];
	GammaRatio	rising = {0};
	double		r;
	double		alpha;
	double		x = -1;

	params_at(function, at, params);
	r = params[0];
	alpha = params[1];
	for (uint64 i = 0; i < data->npatterns; i++)
	{
		const BtydPattern *pattern = &data->patterns[i];
		const double n = pattern->customers;
		const double share = pattern->history.age / (alpha + pattern->history.age);
		const double log_share = log1p(pattern->history.age / alpha);

		if ((i & 0x3FF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (pattern->history.x != x)
		{
			x = pattern->history.x;
			rising = gamma_ratio(r, x);
		}
		result->value += n * (rising.log - x * log(alpha) - (r + x) * log_share);
		result->gradient[0] += n * r * (rising.slope - log_share);
		result->gradient[1] += n * (r * share - x * (1 - share));
		result->hessian[0][0] += n * r * (rising.slope - log_share +
										  r * rising.curvature);
		result->hessian[0][1] += n * r * share;
		result->hessian[1][1] -= n * (r + x) * share * (1 - share);
	}
	result->hessian[1][0] = result->hessian[0][1];
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

/*
 * Compares the fit with the model in which nobody leaves, and takes that if it is
 * (nearly) as likely. Returns whether the outcome is settled.
 */
static bool
compare_without_churn(ModelFit *fit, const FitFunction *function,
					  const double *start)
{
	FitFunction nbd_function = *function;
	ModelFit	nbd = *fit;
	double		gain;

	nbd_function.nparams = 2;
	if (!fit_to_maximum(&nbd, &nbd_function, nbd_objective, start))
		return false;
	gain = fit->log_likelihood - nbd.log_likelihood;
	if (fit->converged && gain > LEAST_CHURN_GAIN)
	{
		fit->iterations = nbd.iterations;
		if (gain < CERTAIN_CHURN_GAIN)
			fit->outcome = FIT_HARDLY_ANY_CHURN;
		return true;
	}
	if (gain > LEAST_CHURN_GAIN)
		return false;
	nbd.params[2] = 0;
	nbd.params[3] = function->scale[3];
	for (int i = 2; i < fit->nparams; i++)
		nbd.has_error[i] = false;
	nbd.outcome = nbd.converged ? FIT_NO_CHURN : FIT_NO_CHURN_EQUAL_RATES;
	nbd.converged = false;
	*fit = nbd;
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

/*
 * Fits a family. The start is the same for all data, in their own unit of time.
 */
void
btyd_fit(const BtydFamily *family, const BtydData *data, ModelFit *fit)
{
	const BtydSummary summary = summarize(data);
	const bool	is_pareto = family == &pareto_nbd_family;
	const double scale[BTYD_PARAMS] = {
		1, summary.mean_age, 1, is_pareto ? summary.mean_age : 1
	};
	const double start[BTYD_PARAMS] = {
		0.5, summary.mean_age / 3,
		is_pareto ? 0.6 : 0.7, is_pareto ? summary.mean_age / 2 : 2
	};
	const FitFunction function = {BTYD_PARAMS, scale, family, data};

	*fit = (ModelFit) {.nparams = BTYD_PARAMS, .customers = summary.customers};
	if (summary.repeaters < 2)
	{
		fit->outcome = summary.repeaters == 0 ? FIT_NO_REPEATER : FIT_ONE_REPEATER;
		return;
	}
	if (!fit_to_maximum(fit, &function, btyd_objective, start))
		return;
	/* a chance to leave that is hardly told from zero */
	if ((!fit->converged || fit->std_errors[2] > fit->params[2] / 2) &&
		!compare_without_churn(fit, &function, start) && !fit->converged)
		fit->outcome = why_at_limit(fit, family, summary.mean_age);
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
		const FitFunction function = {GAMMA_GAMMA_PARAMS, scale, NULL, data};

		if (fit_to_maximum(fit, &function, spend_objective, start) &&
			!fit->converged)
			fit->outcome = why_spend_at_limit(fit);
	}
}
