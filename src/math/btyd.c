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
	&hbgnbd_family,
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
 * from 0 to h. E may rise steeply at first, and is smooth in the root of t. From
 * NOTHING_WORTH on, nothing is worth anything.
 */
#define NOTHING_WORTH	40

double
btyd_orders_by_force(const BtydModel *model, const BtydHistory *history,
					 double horizon, double force)
{
	const GaussRule *rule = &gauss_rules[GAUSS_RULE_16];
	double		integral = 0;
	double		alive;
	double		whole;

	if (horizon == 0)
		return 0;
	if (force * horizon > NOTHING_WORTH)
		horizon = NOTHING_WORTH / force;
	alive = btyd_p_alive(model, history);
	whole = model->family->expected_orders(model, history, alive, horizon);
	for (int i = 0; i < rule->npoints; i++)
		for (int side = -1; side <= 1; side += 2)
		{
			const double root = (1 + side * rule->points[i].at) / 2;
			const double t = horizon * root * root;

			integral += rule->points[i].weight / 2 * root * exp(-force * t) *
				model->family->expected_orders(model, history, alive, t);
		}
	return exp(-force * horizon) * whole + 2 * force * horizon * integral;
}

/* So near to one order the last step of the search is not worth another look. */
#define NEAR_ONE		1e-7

/*
 * How long until the orders expected of a customer are one, which they are before
 * the horizon.
 *
 * The orders E(t) expected until t rise ever slower, and t / E(t) is nearly a straight
 * line in t: it is one where nobody leaves, and where E is a rate that falls off as
 * 1 / (1 + c t). So the secants of t / E(t) - t, which is zero where E is one, come there
 * in two or three steps; the bracket halves where one leads out of it.
 */
double
btyd_next_order(const BtydModel *model, const BtydHistory *history,
				double horizon)
{
	double		low = 0;
	double		high = horizon;
	double		before = horizon;	/* where the search has been before */
	double		excess_before = horizon /
		btyd_expected_orders(model, history, horizon) - horizon;
	double		t = before + excess_before;

	Assert(excess_before <= 0);
	for (int i = 0; i < 100 && high - low > 1e-12 * high; i++)
	{
		double		orders;
		double		excess;
		double		next;

		if (!(t > low && t < high))
			t = low + (high - low) / 2;
		orders = btyd_expected_orders(model, history, t);
		if (orders < 1)
			low = t;
		else
			high = t;
		excess = t / orders - t;
		next = excess == excess_before ? high :
			t - excess * (t - before) / (excess - excess_before);
		if (fabs(orders - 1) < NEAR_ONE && next >= low && next <= high)
			return next;
		before = t;
		excess_before = excess;
		t = next;
	}
	return high;
}
