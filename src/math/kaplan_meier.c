/*
 * kaplan_meier.c
 *		How long until it happens, when for many it has not happened yet?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/kaplan_meier.h"

#include <float.h>
#include <math.h>

/*
 * S is a product of quotients, so a level of it that should equal a given share
 * may miss it by some roundings. What is nearer than this counts as equal: the
 * tolerance of R's quantile.survfit, sqrt(DBL_EPSILON).
 */
#define LEVEL_TOLERANCE		1.4901161193847656e-8

static int
compare_days(const void *a, const void *b, void *arg)
{
	double		x = ((const SurvivalTime *) a)->day;
	double		y = ((const SurvivalTime *) b)->day;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

void
km_sort(SurvivalData *data)
{
	qsort_arg(data->times, data->ntimes, sizeof(SurvivalTime), compare_days,
			  NULL);
}

void
km_begin(KmCurve *curve, const SurvivalData *data)
{
	*curve = (KmCurve) {
		.data = data,
		.remaining = data->total,
		.survival = 1
	};
}

/* Goes to the next time, of an event or not. Returns false after the last. */
bool
km_next(KmCurve *curve)
{
	const SurvivalTime *time;

	if (curve->next == curve->data->ntimes)
		return false;
	if ((curve->next & 0xFFF) == 0)
		CHECK_FOR_INTERRUPTS();
	time = curve->time = &curve->data->times[curve->next++];
	curve->at_risk = curve->remaining;
	curve->remaining -= time->events + time->censored;
	if (time->events > 0)
	{
		double		n = (double) curve->at_risk;
		double		d = (double) time->events;
		double		rest = (double) (curve->at_risk - time->events);

		curve->survival *= rest / n;
		if (rest > 0)
			curve->greenwood += d / (n * rest);
	}
	return true;
}

/* The standard error of S (Greenwood); false where S is 0 and has none. */
bool
km_std_error(const KmCurve *curve, double *std_error)
{
	*std_error = curve->survival * sqrt(curve->greenwood);
	return curve->survival > 0;
}

/*
 * The interval of S that z standard errors make on the scale log(-log S). False
 * where S is 0 or 1 and has none.
 */
bool
km_interval(const KmCurve *curve, double z, double *low, double *high)
{
	double		log_survival = log(curve->survival);
	double		reach = z * sqrt(curve->greenwood) / fabs(log_survival);

	if (curve->survival <= 0 || curve->survival >= 1)
		return false;
	*low = exp(log_survival * exp(reach));
	*high = exp(log_survival * exp(-reach));
	return true;
}

/* S(day) */
bool
km_at(const SurvivalData *data, double day, double *survival)
{
	KmCurve		curve;

	km_begin(&curve, data);
	while (curve.next < data->ntimes && data->times[curve.next].day <= day)
		km_next(&curve);
	*survival = curve.survival;
	return true;
}

/*
 * The time when the share p has had the event: the first with 1 - S(t) >= p. If
 * the curve is flat at just that level, every time until the next event is one,
 * and their midpoint is meant (after the last event: the midpoint to the last
 * time), as in R. False if so many never have it.
 */
bool
km_quantile(const SurvivalData *data, double p, double *day)
{
	KmCurve		curve;
	bool		reached = p <= LEVEL_TOLERANCE;
	double		from = 0;

	*day = 0;
	if (p <= 0)
		return true;
	km_begin(&curve, data);
	while (km_next(&curve))
	{
		double		share = 1 - curve.survival;

		if (curve.time->events == 0)
			continue;
		if (!reached && share + LEVEL_TOLERANCE >= p)
		{
			reached = true;
			from = curve.time->day;
		}
		if (share - LEVEL_TOLERANCE >= p)
		{
			*day = from + (curve.time->day - from) / 2;
			return true;
		}
	}
	/* flat at this level to the end */
	if (reached && curve.survival < 1)
		*day = from + (curve.time->day - from) / 2;
	return reached && curve.survival < 1;
}

/*
 * The mean time to the event, where whoever has none by the horizon counts with
 * the horizon: the area under S. After the last time its last value holds.
 */
bool
km_mean(const SurvivalData *data, double horizon, double *mean)
{
	KmCurve		curve;
	double		area = 0;
	double		day = 0;

	km_begin(&curve, data);
	while (curve.next < data->ntimes && data->times[curve.next].day <= horizon)
	{
		double		survival = curve.survival;

		km_next(&curve);
		area += survival * (curve.time->day - day);
		day = curve.time->day;
	}
	area += curve.survival * (horizon - day);
	*mean = Min(area, horizon);
	return true;
}

/*
 * The first time by which a share of all events that the curve knows of has
 * happened: (1 - S(t)) / (1 - S(last)) >= share. False without events.
 */
bool
km_share_of_events(const SurvivalData *data, double share, double *day)
{
	KmCurve		curve;
	double		last;
	double		all;

	*day = 0;
	km_at(data, DBL_MAX, &last);
	all = 1 - last;
	if (all <= 0)
		return false;
	km_begin(&curve, data);
	while (1 - curve.survival < (share - LEVEL_TOLERANCE) * all &&
		   km_next(&curve))
		*day = curve.time->day;
	return true;
}
