/*
 * orders_ahead.h
 *		How many orders of a customer are to come: not only how many to expect, but
 *		with what probability none, one, or many.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ORDERS_AHEAD_H
#define RETENTION_ORDERS_AHEAD_H

#include "math/btyd.h"

/* What there is to know of a customer's future */
typedef struct OrdersAhead
{
	double		alive;			/* the probability that there is one */
	BtydModel	future;			/* if so, that of a new customer of this model */
} OrdersAhead;

extern retention_internal OrdersAhead orders_ahead(const BtydModel *model,
												   const BtydHistory *history);
extern retention_internal double ahead_at_least(const OrdersAhead *ahead,
												double n, double horizon);
extern retention_internal bool ahead_quantile(const OrdersAhead *ahead, double p,
											  double horizon, double low,
											  double most, double *n);
extern retention_internal double btyd_p_order(const BtydModel *model,
											  const BtydHistory *history,
											  double horizon);
extern retention_internal double btyd_at_least(const BtydModel *model,
											   const BtydHistory *history,
											   double n, double horizon);
extern retention_internal double btyd_pmf(const BtydModel *model,
										  const BtydHistory *history,
										  double n, double horizon);
extern retention_internal bool btyd_quantile(const BtydModel *model,
											 const BtydHistory *history,
											 double p, double horizon,
											 double most, double *n);
extern retention_internal double btyd_variance(const BtydModel *model,
											   const BtydHistory *history,
											   double horizon);

#endif							/* RETENTION_ORDERS_AHEAD_H */
