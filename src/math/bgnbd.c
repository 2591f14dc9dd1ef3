/*
 * bgnbd.c
 *		Customers who can leave after a purchase: the BG/NBD and MBG/NBD models.
 *
 * While a customer is active he buys at random times at his own rate lambda,
 * which varies between customers by a gamma distribution of shape r and rate
 * alpha. After each purchase he leaves with his own probability p, which varies
 * by a beta distribution of parameters a and b. In the BG/NBD model the first
 * purchase is no such chance to leave, so whoever never came back is active for
 * sure; in the MBG/NBD model it is. That is all in which the two differ: here it
 * is the number "m" of first purchases after which a customer can leave, 0 or 1.
 *
 *		P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), "Counting your customers"
 *		the easy way, Marketing Science 24, 275-284: BG/NBD.		[FHL]
 *		E. P. Batislam, M. Denizel, A. Filiztekin (2007), Empirical validation and
 *		comparison of models for customer base analysis, International Journal of
 *		Research in Marketing 24, 201-209: MBG/NBD.					[BDF]
 *		P. S. Fader, B. G. S. Hardie (2008), Computing P(alive) using the BG/NBD
 *		model, note 021.											[P021]
 *		P. S. Fader, B. G. S. Hardie (2013), Overcoming the BG/NBD model's #NUM!
 *		error problem, note 027: the likelihood in logarithms.		[P027]
 *
 * The papers' names are kept: r, alpha, a, b; x purchases after the first one, the
 * last of them at t_x, in the time T ("age") since the first. Their formulas lose
 * digits, or overflow, for heavy buyers, long horizons and parameters far from 1;
 * the forms below say the same and do not.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/btyd.h"

#include <float.h>
#include <math.h>

#include "math/specfun.h"

/* The parameters of a model, and which of the two models it is. */
typedef struct Model
{
	double		r;
	double		alpha;
	double		a;
	double		b;
	double		m;				/* 0: BG/NBD, 1: MBG/NBD */
} Model;

static Model
named(const BtydModel *model)
{
	return (Model) {
		.r = model->params[0],
		.alpha = model->params[1],
		.a = model->params[2],
		.b = model->params[3],
		.m = model->family->first_chances
	};
}

/*
 * The logarithm of the probability to stay at each of "chances" chances to leave,
 *
 *		B(a, b + chances) / B(a, b)
 *			= Gamma(b + chances) Gamma(a + b) / (Gamma(b) Gamma(a + b + chances)).
 *
 * It is symmetric in "a" and "chances", so the difference can be taken along
 * the shorter way, where it cancels least. It is 0 where a is.
 */
static double
log_staying(double a, double b, double chances)
{
	const double step = Min(a, chances);

	if (step == 0)
		return 0;
	return log_gamma_ratio(b, step) -
		log_gamma_ratio(b + Max(a, chances), step);
}

/*
 * The log-likelihood
 *
 * [FHL] (6) and [BDF], in the form of [P027] (4). A customer was active all the
 * time and is still, or has left with the last purchase. Without what these
 * cases have in common,
 *
 *		A = ln Gamma(r + x) / Gamma(r) - x ln alpha
 *			+ ln B(a, b + x + m) / B(a, b),
 *
 * their logarithms are
 *
 *		u = -(r + x) ln(1 + T / alpha),
 *		v = -(r + x) ln(1 + t_x / alpha) + ln(a / (b + x - 1 + m)),
 *
 * and the log-likelihood is A + ln(e^u + e^v). The papers have r ln alpha in A,
 * and alpha + T in u: for similar customers (large r and alpha) that cancels.
 * Nobody can have left by BG/NBD if x = 0: v = -inf.
 */

/* a / (b + x - 1 + m): the odds of leaving at the last chance there was. */
static double
last_odds(const Model *model, double x)
{
	return x + model->m == 0 ? 0 : model->a / (model->b + (x - 1 + model->m));
}

/* A, as above. */
static double
log_common_part(const Model *model, double x)
{
	return log_gamma_ratio(model->r, x) - x * log(model->alpha) +
		log_staying(model->a, model->b, x + model->m);
}

static double
bgnbd_log_likelihood_of(const BtydModel *btyd, const BtydHistory *history)
{
	const Model model = named(btyd);
	const double shape = model.r + history->x;
	const double u = -shape * log1p(history->age / model.alpha);
	const double v = log(last_odds(&model, history->x)) -
		shape * log1p(history->t_x / model.alpha);

	return log_common_part(&model, history->x) +
		Max(u, v) + log1p(exp(-fabs(u - v)));
}

/*
 * What the patterns of equal x add up to, each times its customers. With
 *
 *		l = ln(1 + t / alpha)	and		f = t / (alpha + t) = -dl / d ln alpha
 *
 * at t = T and at t = t_x, and with "gone" = e^v / (e^u + e^v), all derivatives of
 * ln(e^u + e^v) are combinations of these sums in which only x and the parameters
 * occur.
 */
typedef struct RunSums
{
	double		customers;
	double		value;			/* ln(e^u + e^v) */
	double		l;				/* mean of l over alive and gone */
	double		f;				/* of f */
	double		bend;			/* of f (1 - f) */
	double		gone;
	double		var;			/* gone (1 - gone) */
	double		var_l;			/* the same times l(T) - l(t_x) */
	double		var_f;			/* times f(T) - f(t_x) */
	double		var_ll;			/* times products of these */
	double		var_lf;
	double		var_ff;
} RunSums;

/*
 * What a time comes to: l and f above. Times are mostly whole days, so that there are
 * few of them, and an answer is remembered in the one place it may have.
 */
typedef struct Time
{
	double		t;				/* NaN: the place is empty */
	double		l;
	double		f;
} Time;

#define TIMES_BITS		9

static const Time *
time_of(Time *times, double alpha, double t)
{
	uint64		bits;
	Time	   *time;

	memcpy(&bits, &t, sizeof(bits));
	time = &times[bits * (uint64) 0x9E3779B97F4A7C15 >> (64 - TIMES_BITS)];
	if (time->t != t)
		*time = (Time) {t, log1p(t / alpha), t / (alpha + t)};
	return time;
}

static inline void
add_pattern(RunSums *sums, const BtydPattern *pattern, double shape,
			double alpha, double log_odds, Time *times)
{
	const double n = pattern->customers;
	const Time	last = *time_of(times, alpha, pattern->history.t_x);
	const Time	now = *time_of(times, alpha, pattern->history.age);
	const double l_age = now.l;
	const double l_t_x = last.l;
	const double f_age = now.f;
	const double f_t_x = last.f;
	const double l = l_age - l_t_x;
	const double f = f_age - f_t_x;
	const double lead = log_odds + shape * l;	/* v - u */
	const double less = exp(-fabs(lead));
	const double gone = (lead > 0 ? 1 : less) / (1 + less);
	const double alive = (lead > 0 ? less : 1) / (1 + less);
	const double var = n * gone * alive;

	sums->customers += n;
	sums->value += n * (log1p(less) +
						(lead > 0 ? log_odds - shape * l_t_x : -shape * l_age));
	sums->l += n * (alive * l_age + gone * l_t_x);
	sums->f += n * (alive * f_age + gone * f_t_x);
	sums->bend += n * (alive * f_age * (1 - f_age) +
					   gone * f_t_x * (1 - f_t_x));
	sums->gone += n * gone;
	sums->var += var;
	sums->var_l += var * l;
	sums->var_f += var * f;
	sums->var_ll += var * l * l;
	sums->var_lf += var * l * f;
	sums->var_ff += var * f * f;
}

/* The variables, in the order of the parameters: logarithms of them. */
enum
{
	LN_R, LN_ALPHA, LN_A, LN_B
};

/* Adds A and its derivatives, for the customers of a run. */
static void
add_common_part(Objective *result, const Model *model, double x, double n)
{
	const double r = model->r;
	const double a = model->a;
	const double b = model->b;
	const GammaRatio rate = gamma_ratio(r, x);
	const GammaRatio stay = gamma_ratio(b, x + model->m);
	const GammaRatio all = gamma_ratio(a + b, x + model->m);
	double		(*h)[MOST_VARIABLES] = result->hessian;

	result->value += n * log_common_part(model, x);
	result->gradient[LN_R] += n * r * rate.slope;
	result->gradient[LN_ALPHA] -= n * x;
	result->gradient[LN_A] -= n * a * all.slope;
	result->gradient[LN_B] += n * b * (stay.slope - all.slope);
	h[LN_R][LN_R] += n * r * (rate.slope + r * rate.curvature);
	h[LN_A][LN_A] -= n * a * (all.slope + a * all.curvature);
	h[LN_B][LN_A] -= n * a * b * all.curvature;
	h[LN_B][LN_B] += n * b * (stay.slope - all.slope +
							  b * (stay.curvature - all.curvature));
}

/*
 * Adds ln(e^u + e^v) and its derivatives, for the customers of a run: the gradient
 * is the mean of those of u and of v; the Hessian is the mean of theirs, plus the
 * variance of the gradients (the lower triangle).
 */
static void
add_cases(Objective *result, const Model *model, double x, const RunSums *sums)
{
	const double r = model->r;
	const double shape = r + x;
	const double others = x - 1 + model->m; /* v has -ln(b + others) */
	double		(*h)[MOST_VARIABLES] = result->hessian;
	double		share;

	result->value += sums->value;
	result->gradient[LN_R] -= r * sums->l;
	result->gradient[LN_ALPHA] += shape * sums->f;
	h[LN_R][LN_R] += r * r * sums->var_ll - r * sums->l;
	h[LN_ALPHA][LN_R] += r * sums->f - r * shape * sums->var_lf;
	h[LN_ALPHA][LN_ALPHA] += shape * shape * sums->var_ff - shape * sums->bend;
	if (x + model->m == 0)
		return;
	share = model->b / (model->b + others);
	result->gradient[LN_A] += sums->gone;
	result->gradient[LN_B] -= share * sums->gone;
	h[LN_A][LN_R] += r * sums->var_l;
	h[LN_A][LN_ALPHA] -= shape * sums->var_f;
	h[LN_A][LN_A] += sums->var;
	h[LN_B][LN_R] -= share * r * sums->var_l;
	h[LN_B][LN_ALPHA] += share * shape * sums->var_f;
	h[LN_B][LN_A] -= share * sums->var;
	h[LN_B][LN_B] += share * share * sums->var -
		share * (others / (model->b + others)) * sums->gone;
}

/*
 * The log-likelihood of all customers, with derivatives with respect to the
 * logarithms of the parameters. Patterns come by x, and much depends on x only:
 * that is done once per run of equal x.
 */
static void
bgnbd_log_likelihood(const BtydModel *btyd, const BtydData *data,
					 Objective *result)
{
	const Model model = named(btyd);
	Time		times[1 << TIMES_BITS];
	uint64		next = 0;

	for (int i = 0; i < lengthof(times); i++)
		times[i].t = NAN;
	*result = (Objective) {0};
	while (next < data->npatterns)
	{
		const double x = data->patterns[next].history.x;
		const double log_odds = log(last_odds(&model, x));
		RunSums		sums = {0};

		for (; next < data->npatterns &&
			 data->patterns[next].history.x == x; next++)
		{
			if ((next & 0x3FF) == 0)
				CHECK_FOR_INTERRUPTS();
			add_pattern(&sums, &data->patterns[next], model.r + x,
						model.alpha, log_odds, times);
		}
		add_common_part(result, &model, x, sums.customers);
		add_cases(result, &model, x, &sums);
	}
	mirror_hessian(result);
}

/*
 * The probability that a customer has not left at T: 1 / (1 + e^(v - u)).
 * [P021] (for x = 0 it is 1), [BDF] (A.5).
 */
static double
bgnbd_p_alive(const BtydModel *btyd, const BtydHistory *history)
{
	const Model model = named(btyd);
	const double since = (history->age - history->t_x) /
		(model.alpha + history->t_x);
	const double log_odds = log(last_odds(&model, history->x));

	return 1 / (1 + exp(log_odds +
						(model.r + history->x) * log1p(since)));
}

/*
 * Purchases to be expected
 *
 * Of a customer who is active now, lambda has a gamma distribution of shape
 * r + x and rate alpha + T, and p a beta distribution of parameters a and
 * b + x + m. Knowing both, one would expect (1 - e^(-lambda p t)) / p purchases in
 * the time t. So with tau = t / (alpha + T),
 *
 *		E = integral of Beta(p; a, b + x + m) h(p),
 *		h(p) = (1 - (1 + p tau)^-(r + x)) / p,			h(0) = (r + x) tau.
 *
 * [FHL] (10) has that as a difference divided by a - 1, with a hypergeometric
 * function in it. For the MBG/NBD model see T. Wagner, D. Hoppe (2008), Erratum on
 * the MBG/NBD model, International Journal of Research in Marketing 25, 225-226.
 */
typedef struct Prospect
{
	double		shape;			/* r + x */
	double		tau;			/* t / (alpha + T) */
	double		a;
	double		b;				/* b + x + m */
	double		c;				/* a + b + x + m - 1 */
	double		g;				/* c - shape, in which there is no x */
	double		(*times) (double shape, double tau, double p);	/* h(p) */
} Prospect;

/* h(p) of the orders expected, p above zero. */
static double
orders_knowing(double shape, double tau, double p)
{
	return -expm1(-shape * log1p(p * tau)) / p;
}

/* A series that needs more terms than this is slower than the quadrature. */
#define MOST_TERMS		1000

/* Terms may be that much larger than their sum. */
#define MOST_CANCELLING	256

/*
 * E by a series, the fast way where it is good; false where it is not.
 *
 * The hypergeometric function of [FHL] (10) by Euler's transformation (Abramowitz
 * and Stegun 15.3.3), its first term put together with the 1 that it is subtracted
 * from, so that a - 1 divides out. With L = ln(1 + tau), z = tau / (1 + tau),
 * c = a + b - 1 (where b is b + x + m) and g = c - (r + x),
 *
 *		E = c (1 - e^(-(a - 1) L)) / (a - 1) - e^(-(a - 1) L) S,
 *		S = sum over n >= 1 of (a)_(n-1) (g)_n / ((c + 1)_(n-1) n!) z^n.
 *
 * From n = "safe" on, each term is at most (1 + z) / 2 times the one before, so
 * that the last one tells what has been left out.
 */
static bool
expected_by_series(const Prospect *prospect, double *expected)
{
	const double a = prospect->a;
	const double l = log1p(prospect->tau);
	const double z = prospect->tau / (1 + prospect->tau);
	const double a_b = a + prospect->b; /* c + 1 */
	const double c = prospect->c;
	const double g = prospect->g;
	const double safe = Max(-g, 2 * (a - 2) * prospect->tau);
	const double weight = exp((1 - a) * l);
	const double first = c * (a == 1 ? l : -expm1((1 - a) * l) / (a - 1));
	const double negligible = DBL_EPSILON / 8 * (1 - z);
	double		term = g * z;
	double		sum = term;
	double		size = fabs(term);
	double		n = 1;

	if (safe > MOST_TERMS ||
		fabs(first) > MOST_CANCELLING * prospect->shape * prospect->tau)
		return false;
	while (n < safe || fabs(term) > negligible * size)
	{
		if (n == MOST_TERMS)
			return false;
		term *= (a + (n - 1)) * (g + n) / ((a_b + (n - 1)) * (n + 1)) * z;
		sum += term;
		size += fabs(term);
		n++;
	}
	*expected = first - weight * sum;
	/* also false for NaN */
	return fabs(first) + weight * size < MOST_CANCELLING * *expected;
}

/*
 * A node of the quadrature: the logit of p is that of the mode, plus d. With the
 * smaller of mode and 1 - mode at hand, nothing cancels at either end.
 */
typedef struct Node
{
	double		p;
	double		q;				/* 1 - p */
	double		density;		/* relative to that at the mode */
	double		product;		/* density h(p) */
} Node;

static Node
node_at(const Prospect *prospect, double d)
{
	const double a = prospect->a;
	const double b = prospect->b;
	const double p = a / (a + b);
	const double q = b / (a + b);
	Node		node;

	if (p < q)
	{
		const double w = log1p(p * expm1(d));

		node.p = p * exp(d - w);
		node.q = q * exp(-w);
		node.density = exp(a * d - (a + b) * w);
	}
	else
	{
		const double w = log1p(q * expm1(-d));

		node.p = p * exp(-w);
		node.q = q * exp(-d - w);
		node.density = exp(-b * d - (a + b) * w);
	}
	node.product = node.density *
		prospect->times(prospect->shape, prospect->tau, node.p);
	return node;
}

/* What is below this share of the sum does not matter to it. */
#define NEGLIGIBLE		1e-18

typedef struct Quadrature
{
	double		mass;			/* the sum of densities */
	double		sum;			/* that of products */
} Quadrature;

/*
 * Adds the nodes on one side of the mode: to the left for a negative step. From
 * where p (on the right, 1 - p) is below "flat", density and product fall by the
 * same factor from node to node, e^-fall, and the rest is a geometric series.
 */
static void
add_nodes(Quadrature *quadrature, const Prospect *prospect, double step,
		  double fall, double flat)
{
	double		d = step;
	Node		node = node_at(prospect, d);

	/* zero, where a horizon is as long as numbers go, would have no end */
	flat = Max(flat, DBL_MIN);
	while ((step < 0 ? node.p : node.q) >= flat)
	{
		quadrature->mass += node.density;
		quadrature->sum += node.product;
		if (node.density <= NEGLIGIBLE * quadrature->mass &&
			node.product <= NEGLIGIBLE * quadrature->sum)
			return;
		d += step;
		node = node_at(prospect, d);
	}
	quadrature->mass += node.density / -expm1(-fall);
	quadrature->sum += node.product / -expm1(-fall);
}

/*
 * E by a quadrature, right for all parameters.
 *
 * On the scale y = logit(p) the density is log-concave, with its mode at
 * p = a / (a + b) and about the width sigma of a normal distribution,
 *
 *		density = e^(a y) / (1 + e^y)^(a + b),		sigma^2 = 1 / a + 1 / b;
 *
 * and both it and h are analytic around the real line, for |Im y| < pi. Of such
 * functions the trapezoidal rule makes an error that falls exponentially with its
 * step: L. N. Trefethen, J. A. C. Weideman (2014), The exponentially convergent
 * trapezoidal rule, SIAM Review 56, 385-458. With the step below it is beyond the
 * digits of a double. The same rule integrates the density, to what E has to be
 * divided by: all terms are positive, and no beta function is needed.
 *
 * For small a (b) the density falls slowly to the left (right), but h changes no
 * more there, and it falls just like e^(a y) (e^(-b y)). So there never are more
 * than about 750 nodes; where a and b are large, there are about 40.
 */
static double
expected_by_quadrature(const Prospect *prospect)
{
	const double a = prospect->a;
	const double b = prospect->b;
	const double step = Min(0.2, 0.5 * sqrt(1 / a + 1 / b));
	const Node	mode = node_at(prospect, 0);
	Quadrature	quadrature = {mode.density, mode.product};

	/* what (1 - p)^b h(p), and p^a h(p), can still change is below 1e-17 */
	add_nodes(&quadrature, prospect, -step, a * step, 1e-17 /
			  (1 + a + b + prospect->tau * (2 + prospect->shape)));
	add_nodes(&quadrature, prospect, step, b * step, 1e-17 / (3 + a + b));
	return quadrature.sum / quadrature.mass;
}

static double
expected_if_active(const Prospect *prospect)
{
	double		expected;

	if (prospect->tau == 0)
		return 0;
	/* with so small an a, h(0) = E to the last digit */
	if (prospect->a < 1e-20)
		return prospect->shape * prospect->tau;
	if (expected_by_series(prospect, &expected))
		return expected;
	return expected_by_quadrature(prospect);
}

/*
 * Purchases to be expected of a customer in the next t: E if he is active, which
 * he is with probability P(alive). [FHL] (10).
 */
static double
bgnbd_expected_orders(const BtydModel *btyd, const BtydHistory *history,
					  double alive, double horizon)
{
	const Model model = named(btyd);
	const double x = history->x;
	const double a_b = model.a + model.b;
	const Prospect prospect = {
		.shape = model.r + x,
		.tau = horizon / (model.alpha + history->age),
		.a = model.a,
		.b = model.b + (x + model.m),
		.c = a_b + (x + model.m - 1),
		.g = a_b + (model.m - 1) - model.r,
		.times = orders_knowing
	};

	return alive * expected_if_active(&prospect);
}

/*
 * Purchases, after the first, to be expected of a new customer in t: the same
 * just after the first purchase. [FHL] (9).
 */
static double
bgnbd_expected_orders_new(const BtydModel *btyd, double horizon)
{
	const BtydHistory new_customer = {0};

	return btyd_expected_orders(btyd, &new_customer, horizon);
}

/*
 * How many purchases a new customer makes
 *
 * If he never left, their number N in the time t would have a negative binomial
 * distribution, with z = t / (alpha + t):
 *
 *		P(N = n) = Gamma(r + n) / (Gamma(r) n!) (1 - z)^r z^n,
 *
 * where the first factor is r / (r + n) B(1, n) / B(r + 1, n).
 */
static double
nbd_pmf(double r, double alpha, double n, double horizon)
{
	const double odds = alpha / horizon;

	/* of the shortest of horizons the odds are beyond all doubles */
	const double log_odds = isinf(odds) ? log(alpha) - log(horizon) : log1p(odds);

	return r / (r + n) *
		exp(-r * log1p(horizon / alpha) - n * log_odds -
			log_staying(r, 1, n));
}

#define MOST_STEPS		100000

/*
 * P(N >= n) / P(N = n), for n above the mean of N. P(N >= n) is the incomplete
 * beta function I_z(n, r), which P(N = n) times a continued fraction is: NIST
 * Digital Library of Mathematical Functions 8.17.22, here by Lentz's algorithm.
 */
static double
nbd_tail_ratio(double r, double z, double n)
{
	double		c = 1;
	double		d = 1 / (1 - (n + r) * z / (n + 1));
	double		fraction = d;
	double		change = 0;

	for (double k = 1; k < MOST_STEPS && fabs(change - 1) > DBL_EPSILON; k++)
	{
		const double even = k * (r - k) * z / ((n + 2 * k - 1) * (n + 2 * k));
		const double odd = -(n + k) * (n + r + k) * z /
			((n + 2 * k) * (n + 2 * k + 1));

		d = 1 / (1 + even * d);
		c = 1 + even / c;
		fraction *= c * d;
		d = 1 / (1 + odd * d);
		c = 1 + odd / c;
		change = c * d;
		fraction *= change;
	}
	return fraction;
}

/* P(N >= n), for n below the mean of N or little above: 1 - P(N < n). */
static double
nbd_tail_by_head(double r, double alpha, double n, double horizon,
				 double pmf)
{
	const double z = horizon / (alpha + horizon);
	double		head = 0;
	double		j;

	if (r < 1)
	{
		/*
		 * P(N < n) may be as near to 1 as r is to 0. It is (1 - z)^r (1 + r *
		 * head), head the sum of (r + 1)_(j-1) / j! z^j over 0 < j < n.
		 */
		double		term = z;

		for (j = 1; j < n && j < MOST_STEPS; j++)
		{
			head += term;
			term *= (r + j) / (j + 1) * z;
		}
		return -expm1(log1p(r * head) - r * log1p(horizon / alpha));
	}
	for (j = n; j > 0 && n - j < MOST_STEPS; j--)
	{
		if (pmf <= DBL_EPSILON / n * head)
			break;
		pmf *= j / (r + j - 1) / z;
		head += pmf;
	}
	return Max(1 - head, 0);
}

/* P(N >= n), P(N = n) being known. */
static double
nbd_at_least(double r, double alpha, double n, double horizon, double exactly)
{
	const double z = horizon / (alpha + horizon);

	if (n == 0)
		return 1;
	return (n + r + 2) * z < n + 1 ?
		exactly * nbd_tail_ratio(r, z, n) :
		nbd_tail_by_head(r, alpha, n, horizon, exactly);
}

/*
 * The probability of n purchases, after the first, of a new customer in t.
 *
 * Either he has stayed at all k = n + m chances to leave, and buys n times; or he
 * has left at the last of these, and would have bought n times or more:
 *
 *		B(a, b + k) / B(a, b) P(N = n) + B(a + 1, b + k - 1) / B(a, b) P(N >= n),
 *
 * the second only where there was a chance. [FHL] (8), where m = 0.
 */
static double
bgnbd_pmf_new(const BtydModel *btyd, double n, double horizon)
{
	const Model model = named(btyd);
	const double a = model.a;
	const double chances = n + model.m;
	const double before = model.b + (chances - 1);
	double		exactly;

	if (horizon == 0)
		return n == 0 ? 1 : 0;
	exactly = nbd_pmf(model.r, model.alpha, n, horizon);
	if (chances == 0)
		return exactly;
	/* of those who stayed up to then, a / (a + before) leave */
	return exp(log_staying(a, model.b, chances - 1)) *
		(before * exactly +
		 a * nbd_at_least(model.r, model.alpha, n, horizon, exactly)) /
		(a + before);
}

/*
 * The probability of n >= 1 purchases or more: he has stayed at the chances before
 * the last of them, and would have bought as often.
 */
static double
bgnbd_at_least_new(const BtydModel *btyd, double n, double horizon)
{
	const Model model = named(btyd);
	double		would;

	if (horizon == 0)
		return 0;
	if (n == 1)
		would = -expm1(-model.r * log1p(horizon / model.alpha));
	else
		would = nbd_at_least(model.r, model.alpha, n, horizon,
							 nbd_pmf(model.r, model.alpha, n, horizon));
	return exp(log_staying(model.a, model.b, n - 1 + model.m)) * would;
}

/*
 * Most customers buy a few times at the most, and which share of them does so often can
 * be told without all digits: P(N = n) and the probability to stay, by what they are to
 * those of n - 1. That has errors of 1e-14 and less, of 1 - P(N < n) too; where more
 * would be needed, or n is large, it does not answer.
 */
#define SOON			16
#define SURELY			1e-9

static int
bgnbd_soon_told_new(const BtydModel *btyd, double share, double horizon)
{
	const Model model = named(btyd);
	const double z = horizon / (model.alpha + horizon);
	double		exactly = exp(-model.r * log1p(horizon / model.alpha));
	double		fewer = 0;
	double		staying = model.m == 0 ? 1 : model.b / (model.a + model.b);

	for (int n = 1; n <= SOON; n++)
	{
		const double kept = model.b + (model.m + n - 1);
		double		lead;

		fewer += exactly;
		lead = staying * (1 - fewer) - share;
		if (!(fabs(lead) > SURELY))
			return -1;
		if (lead < 0)
			return n - 1;
		exactly *= (model.r + (n - 1)) / n * z;
		staying *= kept / (model.a + kept);
	}
	return -1;
}

/*
 * A customer who is active now goes on as a new one of the BG/NBD model, of
 * parameters that have learnt: his rate from x more purchases in T, his
 * faithfulness from the chances that he let pass.
 */
static BtydModel
bgnbd_future(const BtydModel *btyd, const BtydHistory *history)
{
	const Model model = named(btyd);

	return (BtydModel) {
		.family = &bgnbd_family,
		.params = {
			model.r + history->x, model.alpha + history->age,
			model.a, model.b + (history->x + model.m)
		}
	};
}

/* Below it a series has more digits than a difference. */
#define SMALL			0.5

/* 1 - (1 + v) e^-v, of v >= 0: e^-v times the series of e^v from v^2 on. */
static double
exp_beyond_line(double v)
{
	double		term = v * v / 2;
	double		sum = term;

	if (v >= SMALL)
		return 1 - (1 + v) * exp(-v);
	for (double k = 3; term > DBL_EPSILON / 4 * sum; k++)
	{
		term *= v / k;
		sum += term;
	}
	return sum * exp(-v);
}

/* ln(1 + u) - u / (1 + u), of u >= 0: the series of -ln(1 - w) from w^2 on. */
static double
log_beyond_line(double u)
{
	const double w = u / (1 + u);
	double		power = w * w;
	double		sum = power / 2;

	if (u >= SMALL)
		return log1p(u) - w;
	for (double k = 3; power > DBL_EPSILON / 4 * sum; k++)
	{
		power *= w;
		sum += power / k;
	}
	return sum;
}

/*
 * h(p) of N (N - 1) / (1 - p), N the purchases in t: with u = p tau and k the shape,
 *
 *		2 (1 - (1 + u)^-k - k u (1 + u)^-(k + 1)) / p^2,
 *
 * here the sum of two that are not negative: with v = k ln(1 + u), 1 - (1 + v) e^-v
 * and (v - k u / (1 + u)) e^-v.
 */
static double
pairs_knowing(double shape, double tau, double p)
{
	const double u = p * tau;
	const double v = shape * log1p(u);

	return 2 / p * ((exp_beyond_line(v) +
					 shape * log_beyond_line(u) * exp(-v)) / p);
}

/*
 * E N (N - 1) of the purchases N of a new customer in t. Knowing lambda and p, he
 * buys a number of times that is geometric and ends by chance or by t; the
 * integral over lambda leaves that over p, as in E. The 1 - p of a second purchase
 * goes into its beta distribution:
 *
 *		(1 - p) Beta(p; a, b) = b / (a + b) Beta(p; a, b + 1).
 */
static double
bgnbd_pairs_new(const BtydModel *btyd, double horizon)
{
	const Model model = named(btyd);
	const Prospect prospect = {
		.shape = model.r,
		.tau = horizon / model.alpha,
		.a = model.a,
		.b = model.b + model.m + 1,
		.times = pairs_knowing
	};
	const double staying =
		exp(log_staying(model.a, model.b, model.m + 1));

	if (prospect.tau == 0)
		return 0;
	/* with so small an a, h(0) to the last digit */
	if (prospect.a < 1e-20)
		return staying * (prospect.shape * prospect.tau) *
			((prospect.shape + 1) * prospect.tau);
	return staying * expected_by_quadrature(&prospect);
}

/* The two families. */
#define LEAVING_AFTER_PURCHASES(family_name, m) { \
	.name = family_name, \
	.nparams = 4, \
	.param_names = {"r", "alpha", "a", "b"}, \
	.first_chances = m, \
	.log_likelihood = bgnbd_log_likelihood, \
	.log_likelihood_of = bgnbd_log_likelihood_of, \
	.p_alive = bgnbd_p_alive, \
	.expected_orders = bgnbd_expected_orders, \
	.expected_orders_new = bgnbd_expected_orders_new, \
	.pmf_new = bgnbd_pmf_new, \
	.at_least_new = bgnbd_at_least_new, \
	.soon_told_new = bgnbd_soon_told_new, \
	.pairs_new = bgnbd_pairs_new, \
	.future = bgnbd_future \
}

const BtydFamily bgnbd_family = LEAVING_AFTER_PURCHASES("bgnbd", 0);
const BtydFamily mbgnbd_family = LEAVING_AFTER_PURCHASES("mbgnbd", 1);
