/*
 * specfun.h
 *		The special functions that statistics needs and C does not have.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SPECFUN_H
#define RETENTION_SPECFUN_H

#include "compat.h"

extern retention_internal double normal_quantile(double p);
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

#endif							/* RETENTION_SPECFUN_H */
