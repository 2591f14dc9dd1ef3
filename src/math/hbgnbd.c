/*
 * hbgnbd.c
 *		One-timers apart: the BG/NBD model of customers some of whom, a share of
 *		"one_time", never meant to come back.
 *
 * The BG/NBD model knows customers who buy seldom, but none who bought a present for
 * a neighbour. Where a shop has many of these, it makes everybody's rate lower, and
 * expects too little of those who come often. With pi the share, L the likelihood of
 * the BG/NBD model, and x purchases after the first one, that of a customer is
 *
 *		(1 - pi) L,					x > 0
 *		(1 - pi) L + pi,			x = 0
 *
 * and one who has not come back belongs to the others with the probability
 *
 *		w = (1 - pi) L / ((1 - pi) L + pi),		L = (1 + T / alpha)^-r if x = 0;
 *
 * whoever has come back does (w = 1). All that is said of a customer's future is the
 * BG/NBD model's times w: in words, "alive" means to be one of them and not gone.
 *
 *		D. G. Morrison (1969), Conditional trend analysis: a model that allows for
 *		nonusers, Journal of Marketing Research 6, 342-346: the same share beside the
 *		NBD model.
 *		D. Lambert (1992), Zero-inflated Poisson regression, with an application to
 *		defects in manufacturing, Technometrics 34, 1-14: mixtures with a point at zero.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/btyd.h"

#include <math.h>

/* The BG/NBD model of those who may come back */
static BtydModel
others(const BtydModel *model)
{
	BtydModel	bgnbd = *model;

	bgnbd.family = &bgnbd_family;
	return bgnbd;
}

/* ln((1 - pi) L + pi) of x = 0, where "log_others" is ln L; and w */
static double
log_mixture(double one_time, double log_others, double *weight)
{
	const double u = log1p(-one_time) + log_others;
	const double v = one_time > 0 ? log(one_time) : -INFINITY;

	*weight = 1 / (1 + exp(v - u));
	return Max(u, v) + log1p(exp(-fabs(u - v)));
}

/* ln L of a customer who has not come back */
static double
log_not_back(const BtydModel *model, double age)
{
	return -model->params[0] * log1p(age / model->params[1]);
}

static double
hbgnbd_log_likelihood_of(const BtydModel *model, const BtydHistory *history)
{
	const BtydModel bgnbd = others(model);
	const double log_others = btyd_log_likelihood_of(&bgnbd, history);
	double		weight;

	return history->x == 0 ? log_mixture(model->params[ONE_TIME], log_others, &weight) :
		log1p(-model->params[ONE_TIME]) + log_others;
}

/* The variables: logarithms of parameters, and the logit of the share */
enum
{
	LN_R, LN_ALPHA, LN_A, LN_B, LOGIT_ONE_TIME
};

/*
 * Adds customers who have not come back. With u = -r ln(1 + T / alpha), the
 * derivatives of the mixture are means of those of its two parts, plus the variance of
 * the gradients (the lower triangle).
 */
static void
add_not_back(const BtydModel *model, const BtydPattern *pattern,
			 Objective *result)
{
	const double r = model->params[0];
	const double one_time = model->params[ONE_TIME];
	const double age = pattern->history.age;
	const double n = pattern->customers;
	const double f = age / (model->params[1] + age);
	const double u = log_not_back(model, age);
	const double slope_alpha = r * f;	/* that of ln r is u */
	double		w;
	double		var;
	double		(*h)[MOST_VARIABLES] = result->hessian;

	result->value += n * log_mixture(one_time, u, &w);
	var = w * (1 - w);
	result->gradient[LN_R] += n * w * u;
	result->gradient[LN_ALPHA] += n * w * slope_alpha;
	result->gradient[LOGIT_ONE_TIME] += n * (1 - one_time - w);
	h[LN_R][LN_R] += n * (w * u + var * u * u);
	h[LN_ALPHA][LN_R] += n * (w + var * u) * slope_alpha;
	h[LN_ALPHA][LN_ALPHA] += n * slope_alpha *
		(var * slope_alpha - w * (1 - f));
	h[LOGIT_ONE_TIME][LN_R] -= n * var * u;
	h[LOGIT_ONE_TIME][LN_ALPHA] -= n * var * slope_alpha;
	h[LOGIT_ONE_TIME][LOGIT_ONE_TIME] += n *
		(var - one_time * (1 - one_time));
}

/*
 * The log-likelihood of all customers: those who have not come back are the first of
 * the patterns; of the others, it is the BG/NBD model's and the share of not being
 * one-timers.
 */
static void
hbgnbd_log_likelihood(const BtydModel *model, const BtydData *data,
					  Objective *result)
{
	const BtydModel bgnbd = others(model);
	const double one_time = model->params[ONE_TIME];
	BtydData	back = *data;
	double		customers = 0;

	while (back.npatterns > 0 && back.patterns->history.x == 0)
	{
		back.patterns++;
		back.npatterns--;
	}
	for (uint64 i = 0; i < back.npatterns; i++)
		customers += back.patterns[i].customers;
	bgnbd.family->log_likelihood(&bgnbd, &back, result);
	result->value += customers * log1p(-one_time);
	result->gradient[LOGIT_ONE_TIME] -= customers * one_time;
	result->hessian[LOGIT_ONE_TIME][LOGIT_ONE_TIME] -= customers *
		one_time * (1 - one_time);
	for (uint64 i = 0; i < data->npatterns - back.npatterns; i++)
	{
		if ((i & 0x3FF) == 0)
			CHECK_FOR_INTERRUPTS();
		add_not_back(model, &data->patterns[i], result);
	}
	mirror_hessian(result);
}

/* w: the probability of not being a one-timer */
static double
weight_of(const BtydModel *model, const BtydHistory *history)
{
	double		weight = 1;

	if (history->x == 0)
		(void) log_mixture(model->params[ONE_TIME],
						   log_not_back(model, history->age), &weight);
	return weight;
}

static double
hbgnbd_p_alive(const BtydModel *model, const BtydHistory *history)
{
	const BtydModel bgnbd = others(model);

	return weight_of(model, history) * btyd_p_alive(&bgnbd, history);
}

static double
hbgnbd_expected_orders(const BtydModel *model, const BtydHistory *history,
					   double alive, double horizon)
{
	const BtydModel bgnbd = others(model);

	return bgnbd.family->expected_orders(&bgnbd, history, alive, horizon);
}

static double
hbgnbd_expected_orders_new(const BtydModel *model, double horizon)
{
	const BtydModel bgnbd = others(model);

	return (1 - model->params[ONE_TIME]) *
		btyd_expected_orders_new(&bgnbd, horizon);
}

static double
hbgnbd_pmf_new(const BtydModel *model, double n, double horizon)
{
	const BtydModel bgnbd = others(model);

	return (1 - model->params[ONE_TIME]) * btyd_pmf_new(&bgnbd, n, horizon) +
		(n == 0 ? model->params[ONE_TIME] : 0);
}

static double
hbgnbd_at_least_new(const BtydModel *model, double n, double horizon)
{
	const BtydModel bgnbd = others(model);

	return (1 - model->params[ONE_TIME]) *
		bgnbd.family->at_least_new(&bgnbd, n, horizon);
}

static double
hbgnbd_pairs_new(const BtydModel *model, double horizon)
{
	const BtydModel bgnbd = others(model);

	return (1 - model->params[ONE_TIME]) *
		bgnbd.family->pairs_new(&bgnbd, horizon);
}

/* Whoever is alive is no one-timer. */
static BtydModel
hbgnbd_future(const BtydModel *model, const BtydHistory *history)
{
	const BtydModel bgnbd = others(model);

	return bgnbd.family->future(&bgnbd, history);
}

const BtydFamily hbgnbd_family = {
	.name = "hbgnbd",
	.nparams = BTYD_PARAMS,
	.param_names = {"r", "alpha", "a", "b", "one_time"},
	.log_likelihood = hbgnbd_log_likelihood,
	.log_likelihood_of = hbgnbd_log_likelihood_of,
	.p_alive = hbgnbd_p_alive,
	.expected_orders = hbgnbd_expected_orders,
	.expected_orders_new = hbgnbd_expected_orders_new,
	.pmf_new = hbgnbd_pmf_new,
	.at_least_new = hbgnbd_at_least_new,
	.pairs_new = hbgnbd_pairs_new,
	.future = hbgnbd_future
};
