/*
 * specfun.h
 *		The special functions that statistics needs and C does not have.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SPECFUN_H
#define RETENTION_SPECFUN_H

#include "base/compat.h"

extern retention_internal double normal_quantile(double p);
extern retention_internal double normal_reach(double confidence);
extern retention_internal double chi_square_tail(double x, int df);

/*
 * A gamma ratio ln(Gamma(z + n) / Gamma(z)), for z > 0 and n >= 0, and its first
 * two derivatives with respect to z.
 */
typedef struct GammaRatio
{
	double		log;
	double		slope;			/* digamma(z + n) - digamma(z) */
	double		curvature;		/* trigamma(z + n) - trigamma(z) */
} GammaRatio;

extern retention_internal GammaRatio gamma_ratio(double z, double n);
extern retention_internal double log_gamma_ratio(double z, double n);

/*
 * What Stirling's formula leaves of ln Gamma(z) and of its first two derivatives,
 * z > 0:
 *
 *		ln Gamma(z)	= (z - 1/2) ln z - z + ln(2 pi) / 2 + log
 *		digamma(z)	= ln z + slope
 *		trigamma(z)	= 1 / z + curvature
 */
typedef struct StirlingRest
{
	double		log;
	double		slope;
	double		curvature;
} StirlingRest;

extern retention_internal StirlingRest stirling_rest(double z);
extern retention_internal double log_beta_term(double z, double q,
											   double x, double y,
											   double excess, double rests);
extern retention_internal double log_quotient(double z, double mean,
											  double excess);

#endif							/* RETENTION_SPECFUN_H */
