/*
 * gamma_gamma.h
 *		What a customer spends at a purchase: the Gamma-Gamma model.
 *
 * The value of a purchase varies around a mean of the customer's own (gamma of
 * shape p and scale), and these means vary between customers (gamma of shape q and
 * rate v). The value must not depend on how often a customer buys.
 *
 *		P. S. Fader, B. G. S. Hardie (2013), The Gamma-Gamma model of monetary
 *		value, note 025.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_GAMMA_GAMMA_H
#define RETENTION_GAMMA_GAMMA_H

#include "base/compat.h"

#include "math/optimize.h"

#define GAMMA_GAMMA_PARAMS	3	/* p, q, v */

/* Customers of x repeat purchases worth "mean" each; x and mean above zero. */
typedef struct SpendPattern
{
	double		x;				/* a whole number */
	double		mean;
	double		customers;		/* how many: a whole number */
} SpendPattern;

/* Patterns in ascending order of x, then mean; none twice. */
typedef struct SpendData
{
	SpendPattern *patterns;
	uint64		npatterns;
} SpendData;

extern retention_internal void gamma_gamma_log_likelihood(const double *params,
														  const SpendData *data,
														  Objective *result);
extern retention_internal double gamma_gamma_log_likelihood_of(const double *params,
															   double x,
															   double mean);
extern retention_internal bool gamma_gamma_expected(const double *params,
													double x, double mean,
													double *value);

#endif							/* RETENTION_GAMMA_GAMMA_H */
