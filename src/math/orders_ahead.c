/*
 * orders_ahead.c
 *		How many orders of a customer are to come.
 *
 * With what is known of him, a customer who has not left goes on as a new one of a
 * model of other parameters (its family's "future"); one who has left, with the
 * probability 1 - P(alive), orders no more. So all of this comes from what the
 * families say of new customers:
 *
 *		P. S. Fader, B. G. S. Hardie, K. Jerath (2007), Estimating CLV using
 *		aggregated data: the Tuscan Lifestyles case revisited, Journal of
 *		Interactive Marketing 21, 55-71, for the idea of starting anew.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/orders_ahead.h"

#include <math.h>

OrdersAhead
orders_ahead(const BtydModel *model, const BtydHistory *history)
{
	return (OrdersAhead) {
		.alive = btyd_p_alive(model, history),
		.future = model->family->future(model, history)
	};
}

/* The probability of n >= 1 orders or more in the next "horizon" >= 0. */
double
ahead_at_least(const OrdersAhead *ahead, double n, double horizon)
{
	return ahead->alive *
		ahead->future.family->at_least_new(&ahead->future, n, horizon);
}

double
btyd_at_least(const BtydModel *model, const BtydHistory *history, double n,
			  double horizon)
{
	const OrdersAhead ahead = orders_ahead(model, history);

	return ahead_at_least(&ahead, n, horizon);
}

/* The probability of at least one. */
double
btyd_p_order(const BtydModel *model, const BtydHistory *history,
			 double horizon)
{
	return btyd_at_least(model, history, 1, horizon);
}

/* The probability of exactly n = 0, 1, 2, ... */
double
btyd_pmf(const BtydModel *model, const BtydHistory *history, double n,
		 double horizon)
{
	const OrdersAhead ahead = orders_ahead(model, history);

	/* that of none has all digits where it is near 0, and where it is near 1 */
	if (n == 0)
	{
		const double p_order = ahead_at_least(&ahead, 1, horizon);

		if (p_order < 0.5)
			return 1 - p_order;
		return 1 - ahead.alive +
			ahead.alive * btyd_pmf_new(&ahead.future, 0, horizon);
	}
	return ahead.alive * btyd_pmf_new(&ahead.future, n, horizon);
}

/* The same as the next, if it is soon told; else -1. */
static int
quantile_soon_told(const OrdersAhead *ahead, double p, double horizon)
{
	const BtydModel *future = &ahead->future;

	if (future->family->soon_told_new == NULL)
		return -1;
	return future->family->soon_told_new(future, (1 - p) / ahead->alive,
										 horizon);
}

/*
 * The smallest n such that n orders or fewer have a probability of p or more,
 * 0 <= p < 1; false if it is above "most". To have "low" orders or more is known to
 * have a probability above 1 - p; 0 always has.
 */
bool
ahead_quantile(const OrdersAhead *ahead, double p, double horizon, double low,
			   double most, double *n)
{
	double		high = Max(low * 2, 1); /* that many or more are not so likely */

	*n = quantile_soon_told(ahead, p, horizon);
	if (*n >= 0)
		return *n <= most;
	while (ahead_at_least(ahead, high, horizon) > 1 - p)
	{
		CHECK_FOR_INTERRUPTS();
		if (high > most)
			return false;
		low = high;
		high = high * 2;
	}
	while (high - low > 1)
	{
		const double middle = floor(low + (high - low) / 2);

		CHECK_FOR_INTERRUPTS();
		if (ahead_at_least(ahead, middle, horizon) > 1 - p)
			low = middle;
		else
			high = middle;
	}
	*n = high - 1;
	return *n <= most;
}

bool
btyd_quantile(const BtydModel *model, const BtydHistory *history, double p,
			  double horizon, double most, double *n)
{
	const OrdersAhead ahead = orders_ahead(model, history);

	return ahead_quantile(&ahead, p, horizon, 0, most, n);
}

/*
 * The variance of the orders in the next "horizon": with A the probability of being
 * there, and m and q the means of N and N (N - 1) of those who are,
 *
 *		A (q + m) - (A m)^2 = A (q + m - m^2) + A (1 - A) m^2.
 */
double
btyd_variance(const BtydModel *model, const BtydHistory *history,
			  double horizon)
{
	const BtydModel future = model->family->future(model, history);
	const double alive = btyd_p_alive(model, history);
	const double mean = btyd_expected_orders_new(&future, horizon);
	const double pairs = future.family->pairs_new(&future, horizon);

	return alive * (Max(pairs + mean - mean * mean, 0) +
					(1 - alive) * mean * mean);
}
