/*
 * btyd.c
 *		What can be said of a customer by any of the models.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/btyd.h"

#include <math.h>

#include "math/gauss_legendre.h"

static const BtydFamily *const families[] = {
	&bgnbd_family,
	&mbgnbd_family,
	&pareto_nbd_family
};

/* The family of a name; NULL if there is none. */
const BtydFamily *
btyd_family_named(const char *name)
{
	for (int i = 0; i < lengthof(families); i++)
		if (strcmp(families[i]->name, name) == 0)
			return families[i];
	return NULL;
}

/*
 * The orders expected of a customer until the horizon, each worth 1 / (1 + rate)^k
 * if it comes in the k-th step from now. The last step may be a part of one.
 */
double
btyd_orders_by_step(const BtydModel *model, const BtydHistory *history,
					double horizon, double rate, double step)
{
	const double steps = ceil(horizon / step);
	const double factor = 1 / (1 + rate);
	double		discount = factor;
	double		before = 0;
	double		sum = 0;

	if (rate == 0)
		return btyd_expected_orders(model, history, horizon);
	for (double k = 1; k <= steps; k++)
	{
		const double until = btyd_expected_orders(model, history,
												  Min(k * step, horizon));

		CHECK_FOR_INTERRUPTS();
		sum += (until - before) * discount;
		before = until;
		discount *= factor;
	}
	return sum;
}

/*
 * The orders expected of a customer until the horizon, each worth e^(-force t) if
 * it comes at the time t from now. By parts, with E(t) those expected until t,
 *
 *		integral of e^(-force t) dE(t)
 *			= e^(-force h) E(h) + force * integral of e^(-force t) E(t) dt
 *
 * from 0 to h. E may rise steeply at first, and is smooth in the root of t.
 */
double
btyd_orders_by_force(const BtydModel *model, const BtydHistory *history,
					 double horizon, double force)
{
	const double whole = btyd_expected_orders(model, history, horizon);
	const GaussRule *rule = &gauss_rules[GAUSS_RULE_16];
	double		integral = 0;

	if (horizon == 0)
		return 0;
	for (int i = 0; i < rule->npoints; i++)
		for (int side = -1; side <= 1; side += 2)
		{
			const double root = (1 + side * rule->points[i].at) / 2;
			const double t = horizon * root * root;

			integral += rule->points[i].weight / 2 * root * exp(-force * t) *
				btyd_expected_orders(model, history, t);
		}
	return exp(-force * horizon) * whole + 2 * force * horizon * integral;
}

/*
 * How long until the orders expected of a customer are one, which they are before
 * the horizon: by false position, with the end that stays given half its weight (M.
 * Dowell and P. Jarratt (1971), A modified regula falsi method, BIT 11, 168-174).
 */
double
btyd_next_order(const BtydModel *model, const BtydHistory *history,
				double horizon)
{
	double		low = 0;
	double		high = horizon;
	double		below = -1;
	double		above = btyd_expected_orders(model, history, horizon) - 1;

	Assert(above >= 0);
	for (int i = 0; i < 100 && high - low > 1e-12 * high; i++)
	{
		const double t = (low * above - high * below) / (above - below);
		const double excess = btyd_expected_orders(model, history, t) - 1;

		if (fabs(excess) < 1e-13)
			return t;
		if (excess < 0)
		{
			low = t;
			below = excess;
			above /= 2;
		}
		else
		{
			high = t;
			above = excess;
			below /= 2;
		}
	}
	return high;
}
