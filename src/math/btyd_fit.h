/*
 * btyd_fit.h
 *		Fitting the models to the customers of a shop.
 *
 * Estimates are those of maximum likelihood, found on the logarithms of the
 * parameters (the logit of a share); standard errors are those of the observed information.
 *
 * The likelihood of real shops need not have a maximum. Where nobody leaves, for
 * one, it keeps rising as the chance to leave goes to zero, and every choice of a
 * and b is as good as another. Then the answer is the model at that limit, which
 * predicts as well as any, and an outcome that says so.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_BTYD_FIT_H
#define RETENTION_BTYD_FIT_H

#include "base/compat.h"

#include "math/btyd.h"
#include "math/gamma_gamma.h"

/* What came of a fit; model_status() has the words for users. */
typedef enum FitOutcome
{
	FIT_OK,
	FIT_HARDLY_ANY_CHURN,		/* a model without churn is not ruled out */
	FIT_NO_ONE_TIMERS,			/* hbgnbd: the answer is bgnbd's */

	/* the limit in which nobody leaves */
	FIT_NO_CHURN,
	FIT_NO_CHURN_EQUAL_RATES,	/* and customers order equally often */

	/* no maximum but at a limit */
	FIT_LEAVE_AT_ONCE,
	FIT_LEAVE_AT_FIRST_CHANCE,
	FIT_EQUAL_RATES,			/* customers order equally often, */
	FIT_EQUAL_STAYS,			/* leave equally soon, */
	FIT_EQUAL_CHANCES,			/* or with equal probability */
	FIT_BOUNDLESS_RATES,		/* order more differently than can be */
	FIT_EQUAL_MEANS,			/* of spend: between customers, */
	FIT_EQUAL_VALUES,			/* or within each */
	FIT_UNTOLD,					/* nothing of that */

	FIT_COMMON_VALUE,			/* all spend the same, which is the model */

	/* no parameters */
	FIT_NO_REPEATER,
	FIT_ONE_REPEATER,
	FIT_NO_VALUE,
	FIT_NO_LIKELIHOOD
} FitOutcome;

typedef struct ModelFit
{
	int			nparams;
	bool		has_params;		/* false: the outcome says why */
	double		params[BTYD_PARAMS];
	bool		has_error[BTYD_PARAMS];
	double		std_errors[BTYD_PARAMS];	/* of the parameters as they are */
	bool		has_likelihood;
	double		log_likelihood;
	double		customers;
	int			iterations;
	bool		converged;		/* to an interior maximum */
	FitOutcome	outcome;
} ModelFit;

extern retention_internal void btyd_fit(const BtydFamily *family,
										const BtydData *data, ModelFit *fit);
extern retention_internal void btyd_refit(const BtydFamily *family,
										  const BtydData *data, ModelFit *fit);
extern retention_internal void gamma_gamma_fit(const SpendData *data,
											   ModelFit *fit);
extern retention_internal bool spend_correlation(const SpendData *data,
												 double *correlation);

#endif							/* RETENTION_BTYD_FIT_H */
