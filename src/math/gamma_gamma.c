/*
 * gamma_gamma.c
 *		What a customer spends at a purchase: the Gamma-Gamma model.
 *
 * P. S. Fader, B. G. S. Hardie (2013), The Gamma-Gamma model of monetary
 * value, note 025. Its symbols are ours: p, q, v ("gamma" in some papers), x,
 * and for z-bar our "mean", in formulas m.
 *
 * With z = p x, n = z + q, w = m x / (v + m x), the likelihood (1a) is
 *
 *		w^z (1 - w)^q / (B(z, q) m).
 *
 * Where all customers are nearly alike, p and q grow without limit, v with
 * them, and everything depends on the few last digits in which z differs from
 * its mean n w. So this difference is the one quantity taken care of: see
 * excess_of.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/gamma_gamma.h"

#include <math.h>

#include "math/specfun.h"

/* params, as in the paper */
#define P	0
#define Q	1
#define V	2

/* What depends on x alone, of all that a customer's likelihood needs. */
typedef struct Shapes
{
	double		z;				/* p x */
	double		n;				/* p x + q */
	StirlingRest of_z;
	StirlingRest of_n;
	double		rests;			/* for log_beta_term */
} Shapes;

/* of_q is stirling_rest(q), which is the same for all customers. */
static Shapes
make_shapes(const double *params, double x, const StirlingRest *of_q)
{
	Shapes		shapes;

	shapes.z = params[P] * x;
	shapes.n = shapes.z + params[Q];
	shapes.of_z = stirling_rest(shapes.z);
	shapes.of_n = stirling_rest(shapes.n);
	shapes.rests = shapes.of_n.log - shapes.of_z.log - of_q->log;
	return shapes;
}

/*
 * a b - c d, without the loss of the digits that the products have in common.
 * W. Kahan's way; C.-P. Jeannerod, N. Louvet, J.-M. Muller (2013), Further
 * analysis of Kahan's algorithm for the accurate computation of 2 x 2
 * determinants, Mathematics of Computation 82, 2245-2264.
 */
static double
difference_of_products(double a, double b, double c, double d)
{
	const double cd = c * d;

	return fma(a, b, -cd) - fma(c, d, -cd);
}

/* z - n w = x (p v - q m) / (v + m x) */
static double
excess_of(const double *params, double x, double mean)
{
	return x / (params[V] + mean * x) *
		difference_of_products(params[P], params[V], params[Q], mean);
}

/* The logarithm of (1a). */
static double
log_density(const double *params, const Shapes *shapes, double x, double mean,
			double excess)
{
	return log_beta_term(shapes->z, params[Q], mean * x, params[V], excess,
						 shapes->rests) - log(mean);
}

/* That of one customer with x > 0: of the density of his mean. */
double
gamma_gamma_log_likelihood_of(const double *params, double x, double mean)
{
	const StirlingRest of_q = stirling_rest(params[Q]);
	const Shapes shapes = make_shapes(params, x, &of_q);

	return log_density(params, &shapes, x, mean, excess_of(params, x, mean));
}

/*
 * Adds customers to the log-likelihood and its derivatives with respect to ln
 * p, ln q, ln v. With the logarithm of (1a) as
 *
 *		ln Gamma(n) - ln Gamma(z) - ln Gamma(q) + z ln w + q ln(1 - w) - ln m
 *
 * they are, psi being digamma,
 *
 *		z (psi(n) - psi(z) + ln w),	q (psi(n) - psi(q) + ln(1 - w)),	n w - z
 *
 * and again, as n, z and w change by q, z and -w (1 - w) v'/v. The logarithms
 * in psi and ln w make one: of n w / z.
 */
static void
add_customers(const double *params, const Shapes *shapes,
			  const StirlingRest *of_q, const SpendPattern *pattern,
			  Objective *sum)
{
	const double customers = pattern->customers;
	const double excess = excess_of(params, pattern->x, pattern->mean);
	const double total = pattern->mean * pattern->x;
	const double w = total / (params[V] + total);
	const double rest = params[V] / (params[V] + total);
	const double z = shapes->z;
	const double q = params[Q];
	const double n = shapes->n;
	const double dp = z * (shapes->of_n.slope - shapes->of_z.slope -
						   log_quotient(z, n * w, excess));
	const double dq = q * (shapes->of_n.slope - of_q->slope -
						   log_quotient(q, n * rest, -excess));

	sum->value += customers * log_density(params, shapes, pattern->x,
										  pattern->mean, excess);
	sum->gradient[P] += customers * dp;
	sum->gradient[Q] += customers * dq;
	sum->gradient[V] -= customers * excess;
	/* trigamma(n) - trigamma(z): 1/n - 1/z is -q / (n z) */
	sum->hessian[P][P] += customers *
		(dp - z * (q / n) +
		 z * z * (shapes->of_n.curvature - shapes->of_z.curvature));
	sum->hessian[Q][Q] += customers *
		(dq - q * (z / n) +
		 q * q * (shapes->of_n.curvature - of_q->curvature));
	sum->hessian[Q][P] += customers *
		(q * (z / n) + z * q * shapes->of_n.curvature);
	sum->hessian[V][P] -= customers * z * rest;
	sum->hessian[V][Q] += customers * q * w;
	sum->hessian[V][V] -= customers * n * w * rest;
}

/* That of all customers, with derivatives with respect to ln p, ln q, ln v. */
void
gamma_gamma_log_likelihood(const double *params, const SpendData *data,
						   Objective *result)
{
	const StirlingRest of_q = stirling_rest(params[Q]);
	Shapes		shapes;

	memset(result, 0, sizeof(Objective));
	for (uint64 i = 0; i < data->npatterns; i++)
	{
		const SpendPattern *pattern = &data->patterns[i];

		if ((i & 0xFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (i == 0 || pattern->x != pattern[-1].x)
			shapes = make_shapes(params, pattern->x, &of_q);
		add_customers(params, &shapes, &of_q, pattern, result);
	}
	for (int i = 0; i < GAMMA_GAMMA_PARAMS; i++)
		for (int j = 0; j < i; j++)
			result->hessian[j][i] = result->hessian[i][j];
}

/*
 * What a customer is expected to spend at a purchase, whose x >= 0 repeat
 * purchases were worth "mean" each (5): his own mean and that of all
 * customers, weighted. False where there is none to be expected: where p x + q
 * <= 1.
 */
bool
gamma_gamma_expected(const double *params, double x, double mean,
					 double *value)
{
	const double weight = params[P] * x + params[Q] - 1;

	if (weight <= 0)
		return false;
	*value = params[P] / weight * (params[V] + mean * x);
	return true;
}
