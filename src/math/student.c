/*
 * student.c
 *		Student's t distribution.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/student.h"

#include <math.h>

#include "math/specfun.h"

/* Below, the expansion for large ones is not good enough. */
#define LARGE_DF	1e4

/*
 * The continued fraction of the incomplete beta function, M. Abramowitz and I. A.
 * Stegun (1964), 26.5.8, evaluated from the front (Lentz, Thompson and Barnett).
 * For x below about (a + 1) / (a + b + 2).
 */
static double
beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double		c = 1;
	double		d = 1 - (a + b) * x / (a + 1);
	double		value;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	value = d;
	for (int m = 1; m <= 100000; m++)
	{
		double		term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double		step;

		d = 1 + term * d;
		c = 1 + term / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		value *= d * c;

		term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		d = 1 + term * d;
		c = 1 + term / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		step = d * c;
		value *= step;
		if (fabs(step - 1) < 1e-16)
			break;
	}
	return value;
}

/* ln(sqrt(2 pi) * the density at 0), which is 0 of the normal distribution */
static double
log_density_at_0(double df)
{
	return log_gamma_ratio(df / 2, 0.5) - 0.5 * log(df / 2);
}

/* ln(sqrt(2 pi) * density at t) */
static double
log_density(double t, double df)
{
	/* t * t may be infinite, and its logarithm not */
	const double ratio = t / sqrt(df);
	const double rise = fabs(ratio) > 1e100 ? 2 * log(fabs(ratio)) :
		log1p(ratio * ratio);

	return log_density_at_0(df) - (df + 1) / 2 * rise;
}

/*
 * That of student_tails where df is large, and t small beside it: the tails of the
 * normal distribution, and what is more. R. A. Fisher (1925), Expansion of
 * "Student's" integral in powers of n^-1, Metron 5, 109-120; the terms
 * up to df^-3. The next is below (t^4 / 4 df)^4.
 */
static double
nearly_normal_tails(double t, double df)
{
	const double s = t * t;
	const double more = t * ((s + 1) / 4 +
							 ((((3 * s - 7) * s - 5) * s - 3) / 96 +
							  (((((s - 11) * s + 14) * s + 6) * s - 3) * s - 15) /
							  (384 * df)) / df) / df;

	return erfc(t * M_SQRT1_2) + 2 * more * exp(-s / 2) / sqrt(2 * M_PI);
}

/*
 * The probability that a variable of Student's t distribution with df >= 1 degrees of
 * freedom lies farther from 0 than t, on either side.
 *
 * M. Abramowitz and I. A. Stegun (1964), 26.7.1: the incomplete beta function
 * I_x(df / 2, 1/2) at x = df / (df + t^2), whose factor x^a (1 - x)^b / (a B(a, b))
 * is 2 |t| / df times the density at t.
 */
double
student_tails(double t, double df)
{
	const double ratio = t / sqrt(df);
	const double x = 1 / (1 + ratio * ratio);
	const double factor = 2 * fabs(t) / df *
		exp(log_density(t, df)) / sqrt(2 * M_PI);

	if (t == 0)
		return 1;
	if (df >= LARGE_DF && 400 * t * t * t * t < df)
		return nearly_normal_tails(fabs(t), df);
	/* the side on which the fraction converges */
	if (x < (df / 2 + 1) / (df / 2 + 2.5))
		return factor * beta_fraction(df / 2, 0.5, x);

	/* a small t, so that nothing is lost: 2 t density = (1 - x)^b x^a / (b B) */
	return 1 - df * factor * beta_fraction(0.5, df / 2,
										   ratio * ratio * x);
}

/*
 * How far from 0 it lies at the most with this probability.
 *
 * Newton's steps for the logarithm of student_tails, in ln t, where it is concave: from
 * the right of the root, or after one step from its left, they walk to it from one
 * side.
 */
double
student_reach(double confidence, double df)
{
	const double tails = 1 - confidence;
	double		t = Max(normal_reach(confidence), 1e-300);

	for (int i = 0; i < 200; i++)
	{
		const double now = student_tails(t, df);

		/* d ln(now) / d ln(t), below 0 */
		const double slope = -2 * t * exp(log_density(t, df)) /
			sqrt(2 * M_PI) / now;
		const double step = (log(tails) - log(now)) / slope;

		t *= exp(Max(Min(step, 50), -50));
		if (fabs(step) < 1e-15)
			break;
	}
	return t;
}
