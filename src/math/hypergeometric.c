/*
 * hypergeometric.c
 *		How probably have two sets so many members in common by chance?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/hypergeometric.h"

#include <math.h>

#include "math/specfun.h"

/*
 * ln of the probability of k successes in m trials, each with probability p = 1 - q.
 * "excess" is k - m p, which the caller knows more exactly. The gamma functions in
 * log_beta_term's B(k, m - k) are those of the binomial coefficient but for
 * m / (k (m - k)).
 */
static double
log_binomial(double k, double m, double p, double q, double excess)
{
	double		rests;

	if (k == 0)
		return m * (p > 0.5 ? log(q) : log1p(-p));
	if (k == m)
		return m * (p > 0.5 ? log1p(-q) : log(p));
	rests = stirling_rest(m).log - stirling_rest(k).log -
		stirling_rest(m - k).log;
	return log_beta_term(k, m - k, p, q, excess, rests) +
		log(m / k / (m - k));
}

/* x y - z w, of whole numbers whose products may exceed what a double holds */
static double
difference_of_products(double x, double y, double z, double w)
{
	const double subtracted = z * w;
	const double lost = fma(z, w, -subtracted);

	return fma(x, y, -subtracted) - lost;
}

/*
 * ln of the probability of exactly k in common, as a quotient of three binomial
 * probabilities: C. Loader (2000), Fast and accurate computation of binomial
 * probabilities. Any p would do; with p = b / n none of the three is small without the
 * quotient being so. 0 < b < n.
 */
static double
log_probability(double k, double a, double b, double n)
{
	const double p = b / n;
	const double q = (n - b) / n;
	const double excess = difference_of_products(k, n, a, b) / n;

	return log_binomial(k, a, p, q, excess) +
		log_binomial(b - k, n - a, p, q, -excess) -
		log_binomial(b, n, p, q, 0);
}

/* Terms below this part of the sum do not show in it. */
#define NEGLIGIBLE	1e-18

/* Of k and more in common, beside that of k */
static double
sum_upwards(double k, double a, double b, double n)
{
	const double last = fmin(a, b);
	double		term = 1;
	double		sum = 1;

	for (; k < last && term > NEGLIGIBLE * sum; k++)
	{
		term *= (a - k) / (k + 1) * ((b - k) / (n - a - b + k + 1));
		sum += term;
	}
	return sum;
}

/* Of k and fewer */
static double
sum_downwards(double k, double a, double b, double n)
{
	const double first = fmax(0, a + b - n);
	double		term = 1;
	double		sum = 1;

	for (; k > first && term > NEGLIGIBLE * sum; k--)
	{
		term *= k / (a - k + 1) * ((n - a - b + k) / (b - k + 1));
		sum += term;
	}
	return sum;
}

/*
 * Of n things, a have one mark and b have another, without regard to each other: the
 * probability that "both" or more have the two. All are whole numbers, with a and b at
 * most n. This is Fisher's exact test, one-sided.
 *
 * The end of the distribution that is away from the mean is summed, from its largest
 * term on, so that all terms are positive and few of them matter.
 */
double
hypergeometric_tail(double both, double a, double b, double n)
{
	double		tail;

	if (both <= fmax(0, a + b - n))
		return 1;
	if (both > fmin(a, b))
		return 0;
	if (difference_of_products(both, n, a, b) > 0)
		tail = exp(log_probability(both, a, b, n)) *
			sum_upwards(both, a, b, n);
	else
		tail = 1 - exp(log_probability(both - 1, a, b, n)) *
			sum_downwards(both - 1, a, b, n);
	return fmin(fmax(tail, 0), 1);
}
