/*
 * logrank.h
 *		Do groups differ in how long it takes? The log-rank test.
 *
 * At each time with an event, if the groups did not differ, each would have its
 * share of the d events: d n_j / n of the n_j it has at risk. The test compares
 * these expected numbers, summed over all times, with those observed:
 *
 *		V_jk = sum of d (n - d) / (n - 1) * n_j / n * ((j = k) - n_k / n)
 *		chi_square = (O - E)' V^-1 (O - E), one group left out, since the
 *		differences add up to 0
 *
 *		N. Mantel (1966), Evaluation of survival data and two new rank order
 *		statistics arising in its consideration, Cancer Chemotherapy Reports 50,
 *		163-170; as R's survdiff with rho = 0.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_LOGRANK_H
#define RETENTION_LOGRANK_H

#include "base/compat.h"

#include "math/kaplan_meier.h"

/* More would take a matrix of many megabytes, and say nothing. */
#define MOST_LOGRANK_GROUPS		1000

typedef struct LogRank
{
	double		chi_square;
	int			df;				/* degrees of freedom */
	double		p_value;
} LogRank;

extern retention_internal bool logrank_test(const SurvivalData *groups,
											int ngroups, LogRank *result);

#endif							/* RETENTION_LOGRANK_H */
