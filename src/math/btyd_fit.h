/*
 * btyd_fit.h
 *		Fitting the models to the customers of a shop.
 *
 * Estimates are those of maximum likelihood, found on the logarithms of the
 * parameters; standard errors are those of the observed information.
 *
 * The likelihood of real shops need not have a maximum. Where nobody leaves, for
 * one, it keeps rising as the chance to leave goes to zero, and every choice of a
 * and b is as good as another. Then the answer is the model at that limit, which
 * predicts as well as any, and a status that says so.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_BTYD_FIT_H
#define RETENTION_BTYD_FIT_H

#include "base/compat.h"

#include "math/btyd.h"
#include "math/gamma_gamma.h"

#define STATUS_SIZE		256

typedef struct ModelFit
{
	int			nparams;
	bool		has_params;		/* false: too little data; status says what */
	double		params[BTYD_PARAMS];
	bool		has_error[BTYD_PARAMS];
	double		std_errors[BTYD_PARAMS];	/* of the parameters as they are */
	bool		has_likelihood;
	double		log_likelihood;
	double		customers;
	int			iterations;
	bool		converged;		/* to an interior maximum */
	char		status[STATUS_SIZE];	/* "ok", or what is the matter */
} ModelFit;

extern retention_internal void btyd_fit(const BtydFamily *family,
										const BtydData *data, ModelFit *fit);
extern retention_internal void gamma_gamma_fit(const SpendData *data,
											   ModelFit *fit);
extern retention_internal bool spend_correlation(const SpendData *data,
												 double *correlation);

#endif							/* RETENTION_BTYD_FIT_H */
