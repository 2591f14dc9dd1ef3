/*
 * predictions.h
 *		What a fitted model says of a customer, in a word.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_PREDICTIONS_H
#define RETENTION_PREDICTIONS_H

#include "base/compat.h"

#include "math/btyd.h"

/*
 * From here on, of the probability that a customer orders at all within the horizon: the
 * risk is that of none.
 */
#define LOW_RISK_FROM		0.7
#define MEDIUM_RISK_FROM	0.3

/* The number of orders that may be asked for, and that is ever told. */
#define MOST_PMF			100000

extern retention_internal bool purchase_value(const double *params, double x,
											  bool mean_known, double mean,
											  double *value);

/* What may come of a customer within a horizon */
typedef struct Prospects
{
	double		p_alive;
	double		orders;			/* expected */
	double		p_order;		/* of at least one */
	int64		low;			/* of the central 80 % of their number; -1:
								 * above MOST_PMF */
	int64		high;
} Prospects;

extern retention_internal Prospects prospects_of(const BtydModel *model,
												 const BtydHistory *history,
												 double horizon);

typedef enum ChurnRisk
{
	RISK_LOW,
	RISK_MEDIUM,
	RISK_HIGH,
	RISK_COUNT
} ChurnRisk;

static inline ChurnRisk
churn_risk_of(double p_order)
{
	return p_order >= LOW_RISK_FROM ? RISK_LOW :
		p_order >= MEDIUM_RISK_FROM ? RISK_MEDIUM : RISK_HIGH;
}

extern retention_internal const char *churn_risk_name(ChurnRisk risk);

#endif							/* RETENTION_PREDICTIONS_H */
