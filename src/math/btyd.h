/*
 * btyd.h
 *		Models of a customer base that buys till it dies: what they have in common.
 *
 * A customer buys at random times at a rate of his own, and at some moment, which
 * nobody sees, is gone for good. Of each is known how often he came back, when
 * last, and for how long he has been watched. The families differ in when a
 * customer can leave:
 *
 *		bgnbd		BG/NBD: straight after any repeat purchase
 *		hbgnbd		the same, and a share of them never meant to come back
 *		mbgnbd		MBG/NBD: straight after any purchase, the first too
 *		pareto_nbd	Pareto/NBD: at any time
 *
 * All times are in one unit (weeks, say), and so are rates and horizons.
 *
 * This and the rooms of the families are mathematics: no value of the server
 * comes in here.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_BTYD_H
#define RETENTION_BTYD_H

#include "base/compat.h"

#include "math/optimize.h"

/* Parameters of a family at the most */
#define BTYD_PARAMS		5

/* What is known of a customer: 0 <= t_x <= age; t_x is 0 if x is. */
typedef struct BtydHistory
{
	double		x;				/* repeat purchases: a whole number */
	double		t_x;			/* time from the first purchase to the last */
	double		age;			/* time from the first purchase to the end of
								 * the data; "T" in the papers */
} BtydHistory;

/* Customers of whom the same is known. */
typedef struct BtydPattern
{
	BtydHistory history;
	double		customers;		/* how many: a whole number */
} BtydPattern;

/* Patterns in ascending order of x, then t_x, then age; none twice. */
typedef struct BtydData
{
	BtydPattern *patterns;
	uint64		npatterns;
} BtydData;

typedef struct BtydFamily BtydFamily;

/* A family with its parameters: all that predictions need. */
typedef struct BtydModel
{
	const BtydFamily *family;
	double		params[BTYD_PARAMS];
} BtydModel;

/*
 * A family. The "params" of its models are those of the papers:
 *
 *		bgnbd, mbgnbd	r, alpha (rates: gamma), a, b (dropping out: beta)
 *		hbgnbd			the same, and the share one_time of those who never come back
 *		pareto_nbd		r, alpha (rates: gamma), s, beta (leaving: gamma)
 *
 * all finite and above zero, but the third, which is zero where nobody ever
 * leaves, and the share, which is zero or above and below one. With such params no function here returns NaN or an infinity; -inf is the
 * logarithm of no likelihood at all.
 */
#define ONE_TIME		4		/* the number of the share */

struct BtydFamily
{
	const char *name;
	int			nparams;
	const char *param_names[BTYD_PARAMS];

	/* Of bgnbd and mbgnbd: first purchases after which a customer can leave. */
	double		first_chances;

	/*
	 * The log-likelihood of all customers. Its derivatives are with respect
	 * to the logarithms of the parameters (all of which are above zero here).
	 */
	void		(*log_likelihood) (const BtydModel *model, const BtydData *data,
								   Objective *result);

	/* That of one customer, without derivatives. */
	double		(*log_likelihood_of) (const BtydModel *model,
									  const BtydHistory *history);

	/* The probability that a customer has not left at the end of the data. */
	double		(*p_alive) (const BtydModel *model, const BtydHistory *history);

	/*
	 * Purchases to be expected in the next "horizon" >= 0 of a customer whose
	 * probability of not having left is "alive", as p_alive has it.
	 */
	double		(*expected_orders) (const BtydModel *model,
									const BtydHistory *history,
									double alive, double horizon);

	/* Repeat purchases of a new customer in the first "horizon" >= 0. */
	double		(*expected_orders_new) (const BtydModel *model, double horizon);

	/* The probability that they are exactly n = 0, 1, 2, ... */
	double		(*pmf_new) (const BtydModel *model, double n, double horizon);

	/* The probability that they are n = 1, 2, ... or more */
	double		(*at_least_new) (const BtydModel *model, double n,
								 double horizon);

	/*
	 * The largest n whose probability of n or more is above "share"; that of
	 * 0 always is. -1 where it takes longer to tell: at_least_new does. NULL:
	 * it always takes longer.
	 */
	int			(*soon_told_new) (const BtydModel *model, double share,
								  double horizon);

	/* The mean of N (N - 1), N being their number */
	double		(*pairs_new) (const BtydModel *model, double horizon);

	/*
	 * The model by which a customer who has not left at the end of the data
	 * goes on from there, as a new one of it
	 */
	BtydModel	(*future) (const BtydModel *model, const BtydHistory *history);
};

extern retention_internal const BtydFamily bgnbd_family;
extern retention_internal const BtydFamily hbgnbd_family;
extern retention_internal const BtydFamily mbgnbd_family;
extern retention_internal const BtydFamily pareto_nbd_family;

/* The names of all, as messages list them */
#define BTYD_FAMILIES	"bgnbd, mbgnbd, hbgnbd, pareto_nbd"

extern retention_internal const BtydFamily *btyd_family_named(const char *name);
extern retention_internal double btyd_orders_by_step(const BtydModel *model,
													 const BtydHistory *history,
													 double horizon,
													 double rate, double step);
extern retention_internal double btyd_orders_by_force(const BtydModel *model,
													  const BtydHistory *history,
													  double horizon,
													  double force);
extern retention_internal double btyd_next_order(const BtydModel *model,
												 const BtydHistory *history,
												 double horizon);

/* Is a parameter a share, zero or above and below one? */
static inline bool
btyd_is_share(const BtydFamily *family, int param)
{
	return family == &hbgnbd_family && param == ONE_TIME;
}

static inline double
btyd_log_likelihood_of(const BtydModel *model, const BtydHistory *history)
{
	return model->family->log_likelihood_of(model, history);
}

static inline double
btyd_p_alive(const BtydModel *model, const BtydHistory *history)
{
	return model->family->p_alive(model, history);
}

static inline double
btyd_expected_orders(const BtydModel *model, const BtydHistory *history,
					 double horizon)
{
	return model->family->expected_orders(model, history,
										  btyd_p_alive(model, history),
										  horizon);
}

static inline double
btyd_expected_orders_new(const BtydModel *model, double horizon)
{
	return model->family->expected_orders_new(model, horizon);
}

static inline double
btyd_pmf_new(const BtydModel *model, double n, double horizon)
{
	return model->family->pmf_new(model, n, horizon);
}

#endif							/* RETENTION_BTYD_H */
