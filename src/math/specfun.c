/*
 * specfun.c
 *		The special functions that statistics needs and C does not have.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/specfun.h"

#include <math.h>

/* c[0] + c[1] r + ... + c[7] r^7 */
static double
polynomial_of_degree_7(const double *c, double r)
{
	double		sum = c[7];

	for (int i = 6; i >= 0; i--)
		sum = sum * r + c[i];
	return sum;
}

/*
 * The z below which a standard normal variable lies with probability p, for
 * 0 < p < 1.
 *
 * M. J. Wichura (1988), Algorithm AS 241: The percentage points of the normal
 * distribution, Applied Statistics 37, 477-484; its PPND16, good to 16 digits.
 * Three quotients of polynomials: the middle, the tails, the far tails.
 */
double
normal_quantile(double p)
{
	static const double a[] = {
		3.3871328727963666080e0, 1.3314166789178437745e2,
		1.9715909503065514427e3, 1.3731693765509461125e4,
		4.5921953931549871457e4, 6.7265770927008700853e4,
		3.3430575583588128105e4, 2.5090809287301226727e3
	};
	static const double b[] = {
		1.0, 4.2313330701600911252e1,
		6.8718700749205790830e2, 5.3941960214247511077e3,
		2.1213794301586595867e4, 3.9307895800092710610e4,
		2.8729085735721942674e4, 5.2264952788528545610e3
	};
	static const double c[] = {
		1.42343711074968357734e0, 4.63033784615654529590e0,
		5.76949722146069140550e0, 3.64784832476320460504e0,
		1.27045825245236838258e0, 2.41780725177450611770e-1,
		2.27238449892691845833e-2, 7.74545014278341407640e-4
	};
	static const double d[] = {
		1.0, 2.05319162663775882187e0,
		1.67638483018380384940e0, 6.89767334985100004550e-1,
		1.48103976427480074590e-1, 1.51986665636164571966e-2,
		5.47593808499534494600e-4, 1.05075007164441684324e-9
	};
	static const double e[] = {
		6.65790464350110377720e0, 5.46378491116411436990e0,
		1.78482653991729133580e0, 2.96560571828504891230e-1,
		2.65321895265761230930e-2, 1.24266094738807843860e-3,
		2.71155556874348757815e-5, 2.01033439929228813265e-7
	};
	static const double f[] = {
		1.0, 5.99832206555887937690e-1,
		1.36929880922735805310e-1, 1.48753612908506148525e-2,
		7.86869131145613259100e-4, 1.84631831751005468180e-5,
		1.42151175831644588870e-7, 2.04426310338993978564e-15
	};
	const double q = p - 0.5;
	double		r;
	double		z;

	if (fabs(q) <= 0.425)
	{
		r = 0.180625 - q * q;
		return q * polynomial_of_degree_7(a, r) / polynomial_of_degree_7(b, r);
	}
	r = sqrt(-log(q < 0 ? p : 1 - p));
	if (r <= 5)
		z = polynomial_of_degree_7(c, r - 1.6) /
			polynomial_of_degree_7(d, r - 1.6);
	else
		z = polynomial_of_degree_7(e, r - 5) /
			polynomial_of_degree_7(f, r - 5);
	return q < 0 ? -z : z;
}

/* How far from its mean it lies at the most with this probability. */
double
normal_reach(double confidence)
{
	return -normal_quantile((1 - confidence) / 2);
}

/*
 * The probability that a chi-square variable of df degrees of freedom (1, 2, ...)
 * exceeds x >= 0.
 *
 * M. Abramowitz and I. A. Stegun (1964), Handbook of Mathematical Functions,
 * 26.4.4 and 26.4.5: with h = x / 2 and s = 1/2 for odd df, 1 for even,
 *
 *		(odd df: erfc(sqrt(h))) + sum of e^-h h^(s + i) / Gamma(s + i + 1),
 *
 * over s + i = s - 1 (even df) or s (odd df) up to df / 2 - 1. All terms are
 * positive, so nothing cancels. They are summed from the end that cannot be
 * too small for a double while the other one matters.
 */
double
chi_square_tail(double x, int df)
{
	const double h = x / 2;
	const double first = df % 2 == 0 ? 0 : 0.5;
	const double last = df / 2.0 - 1;
	double		sum = df % 2 == 0 ? 0 : erfc(sqrt(h));
	double		term;

	if (h == 0)
		return 1;
	if (h < last)
	{
		term = exp(-h) * (first == 0 ? 1 : sqrt(h) / tgamma(1.5));
		for (double power = first; power <= last; power++)
		{
			sum += term;
			term *= h / (power + 1);
		}
	}
	else if (last >= first)
	{
		term = exp(last * log(h) - h - lgamma(last + 1));
		for (double power = last; power >= first; power--)
		{
			sum += term;
			term *= power / h;
		}
	}
	return Min(sum, 1);
}

/*
 * From here on Stirling's series is good to a double with the terms below.
 */
#define STIRLING_FROM	10

#define LOG_2_PI		1.8378770664093454836

/*
 * Stirling's series of ln Gamma, without its main part (z - 1/2) ln z - z.
 * M. Abramowitz and I. A. Stegun (1964), 6.1.41.
 */
static double
log_rest(double z)
{
	const double w = 1 / (z * z);

	return (1.0 / 12 + w * (-1.0 / 360 + w * (1.0 / 1260 + w * (-1.0 / 1680 +
																w * (1.0 / 1188 + w * (-691.0 / 360360)))))) / z;
}

/* That of digamma without ln z; 6.3.18. */
static double
digamma_rest(double z)
{
	const double w = 1 / (z * z);

	return -0.5 / z - w * (1.0 / 12 + w * (-1.0 / 120 + w * (1.0 / 252 +
															 w * (-1.0 / 240 + w * (1.0 / 132 + w * (-691.0 / 32760))))));
}

/* That of trigamma without 1 / z; 6.4.12. */
static double
trigamma_rest(double z)
{
	const double w = 1 / (z * z);

	return w * (0.5 + (1.0 / 6 + w * (-1.0 / 30 + w * (1.0 / 42 +
													   w * (-1.0 / 30 + w * (5.0 / 66 + w * (-691.0 / 2730)))))) / z);
}

/* Beyond it a product of steps goes into the logarithm before it overflows. */
#define LARGE_STEP		1e100

/*
 * Differences of two gamma functions would lose the digits that both have; so the
 * steps up to STIRLING_FROM, and then the main parts of the series, are subtracted
 * by hand.
 */
double
log_gamma_ratio(double z, double n)
{
	double		steps = 0;
	double		product = 0;	/* of all (1 + n / z), less 1 */

	for (; z < STIRLING_FROM; z++)
	{
		const double step = n / z;

		if (product > LARGE_STEP || step > LARGE_STEP)
		{
			steps += log1p(product);
			product = 0;
		}
		product += step * (1 + product);
	}
	steps += log1p(product);
	return (z + n - 0.5) * log1p(n / z) + n * (log(z) - 1) +
		log_rest(z + n) - log_rest(z) - steps;
}

GammaRatio
gamma_ratio(double z, double n)
{
	GammaRatio	ratio = {log_gamma_ratio(z, n), 0, 0};

	for (; z < STIRLING_FROM; z++)
	{
		const double step = n / z / (z + n);	/* 1/z - 1/(z + n) */

		ratio.slope += step;
		ratio.curvature -= step * (1 / z + 1 / (z + n));
	}
	ratio.slope += log1p(n / z) + digamma_rest(z + n) - digamma_rest(z);
	ratio.curvature += trigamma_rest(z + n) - trigamma_rest(z) -
		n / z / (z + n);
	return ratio;
}

/*
 * Below STIRLING_FROM by the recurrences of Abramowitz and Stegun, 6.1.15,
 * 6.3.5 and 6.4.6, from which the main parts are subtracted by hand: all terms
 * of a sum have one sign.
 */
StirlingRest
stirling_rest(double z)
{
	StirlingRest rest = {0, 0, 0};

	for (; z < STIRLING_FROM; z++)
	{
		const double step = log1p(1 / z);	/* ln(z + 1) - ln z */

		rest.log += (z + 0.5) * step - 1;
		rest.slope += step - 1 / z;
		rest.curvature += 1 / z / z / (z + 1);
	}
	rest.log += log_rest(z);
	rest.slope += digamma_rest(z);
	rest.curvature += trigamma_rest(z);
	return rest;
}

/*
 * (1 + e) ln(1 + e) - e for |e| <= 1/8: e^2/2 - e^3/6 + e^4/12 - ..., the
 * terms being (-e)^k / (k (k - 1)).
 */
static double
small_deviance(double e)
{
	double		sum = 0;

	for (int k = 18; k >= 2; k--)
		sum = sum * -e + 1.0 / (k * (k - 1));
	return e * e * sum;
}

/* ln(z / mean), given excess = z - mean more exactly than z and mean are. */
double
log_quotient(double z, double mean, double excess)
{
	return fabs(excess) <= mean / 8 ? log1p(excess / mean) : log(z / mean);
}

/* z ln(z / mean) - excess >= 0 */
static double
deviance(double z, double mean, double excess)
{
	if (fabs(excess) <= mean / 8)
		return mean * small_deviance(excess / mean);
	return z * log(z / mean) - excess;
}

/*
 * ln(x^z y^q / ((x + y)^(z + q) B(z, q))), B being the beta function, for z,
 * q, x, y > 0: a probability or a density in the beta, negative binomial and
 * other distributions.
 *
 * Large z and q are the trouble: the gamma functions in B and the powers all
 * but cancel. After C. Loader (2000), Fast and accurate computation of
 * binomial probabilities, they are replaced by what Stirling's formula leaves
 * and by the deviances of z and q from their means, (z + q) x / (x + y) and
 * (z + q) y / (x + y). The caller has the
 *
 *		excess = (z y - q x) / (x + y)
 *
 * of z over its mean, which may be known more exactly than from z, q, x and y,
 * and
 *
 *		rests = stirling_rest(z + q).log - stirling_rest(z).log -
 *			stirling_rest(q).log.
 */
double
log_beta_term(double z, double q, double x, double y, double excess,
			  double rests)
{
	const double n = z + q;

	return 0.5 * (log(z) + log(q / n) - LOG_2_PI) + rests -
		deviance(z, n * (x / (x + y)), excess) -
		deviance(q, n * (y / (x + y)), -excess);
}
