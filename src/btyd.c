/*
 * btyd.c
 *		What can be said of a customer by any of the models.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "btyd.h"

#include <math.h>

#include "miscadmin.h"

static const BtydFamily *const families[] = {
	&bgnbd_family,
	&mbgnbd_family,
	&pareto_nbd_family
};

/* Gauss and Legendre's rule on [0, 1]. */
#define FORCE_NODES		16

static const double force_node[FORCE_NODES] = {
	0.0052995325041750337, 0.027712488463383712,
	0.067184398806084128, 0.12229779582249848,
	0.19106187779867813, 0.27099161117138631,
	0.35919822461037054, 0.45249374508118128,
	0.54750625491881872, 0.64080177538962946,
	0.72900838882861369, 0.80893812220132187,
	0.87770220417750152, 0.93281560119391587,
	0.97228751153661629, 0.99470046749582497
};

static const double force_weight[FORCE_NODES] = {
	0.013576229705877047, 0.031126761969323946,
	0.047579255841246392, 0.062314485627766936,
	0.074797994408288366, 0.084578259697501269,
	0.091301707522461794, 0.094725305227534248,
	0.094725305227534248, 0.091301707522461794,
	0.084578259697501269, 0.074797994408288366,
	0.062314485627766936, 0.047579255841246392,
	0.031126761969323946, 0.013576229705877047
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
	double		integral = 0;

	if (force == 0 || horizon == 0)
		return whole;
	for (int i = 0; i < FORCE_NODES; i++)
	{
		const double root = force_node[i];
		const double t = horizon * root * root;

		integral += force_weight[i] * root * exp(-force * t) *
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
