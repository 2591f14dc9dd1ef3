/*
 * gauss_legendre.h
 *		Rules for integrals of smooth functions.
 *
 * The rules of Gauss and Legendre, for integrals from -1 to 1. The points lie
 * symmetrically; a rule lists those above zero.
 *
 *		M. Abramowitz, I. A. Stegun (1964), Handbook of Mathematical Functions,
 *		25.4.29; computed anew, to 17 digits.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_GAUSS_LEGENDRE_H
#define RETENTION_GAUSS_LEGENDRE_H

#include "base/compat.h"

typedef struct GaussPoint
{
	double		at;
	double		weight;
} GaussPoint;

/* A rule of twice as many points. */
typedef struct GaussRule
{
	const GaussPoint *points;
	int			npoints;
} GaussRule;

/* Of 4, 6, 8, 12, 16, 24 and 32 points. */
#define GAUSS_RULES		7
#define GAUSS_RULE_16	4
#define GAUSS_RULE_32	6

extern retention_internal const GaussRule gauss_rules[GAUSS_RULES];

#endif							/* RETENTION_GAUSS_LEGENDRE_H */
