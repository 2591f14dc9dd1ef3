/*
 * kaplan_meier.h
 *		How long until it happens, when for many it has not happened yet?
 *
 * Somebody who has waited 40 days for an event that did not come by the end of
 * the data is "censored" at 40 days: it is known that the event takes longer, not
 * how much longer. Leaving such people out makes a shop look faster than it is,
 * counting them as "never" makes it look slower. The Kaplan-Meier curve does
 * neither: at each time with an event it looks at those who still wait then.
 *
 *		S(t) = product over times u <= t of (n - d) / n
 *
 * where n (at risk) have neither had the event nor been censored before u, and
 * d have it at u. Somebody censored at u still is at risk at u: the event comes
 * first.
 *
 *		E. L. Kaplan, P. Meier (1958), Nonparametric estimation from incomplete
 *		observations, JASA 53, 457-481.
 *		M. Greenwood (1926), The natural duration of cancer, Reports on Public
 *		Health and Medical Subjects 33: Var S(t) = S(t)^2 * sum of d / (n (n - d)).
 *		J. D. Kalbfleisch, R. L. Prentice (1980), The Statistical Analysis of
 *		Failure Time Data, section 1.3: the interval on the scale log(-log S),
 *		which stays within 0 and 1.
 *
 * Times are days, as all over this extension, but nothing here depends on that.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_KAPLAN_MEIER_H
#define RETENTION_KAPLAN_MEIER_H

#include "base/compat.h"

typedef struct SurvivalTime
{
	double		day;			/* finite, >= 0 */
	int64		events;
	int64		censored;
} SurvivalTime;

typedef struct SurvivalData
{
	SurvivalTime *times;		/* each day once; ascending once sorted */
	uint64		ntimes;
	int64		total;			/* all events and all censored */
} SurvivalData;

/* A walk along the curve. Before the first step it stands at day 0, S = 1. */
typedef struct KmCurve
{
	const SurvivalData *data;
	uint64		next;			/* index of the next time */
	const SurvivalTime *time;	/* where it stands; NULL before the first */
	int64		at_risk;		/* at that time */
	int64		remaining;		/* after it */
	double		survival;		/* after it */
	double		greenwood;		/* sum of d / (n (n - d)); not once S is 0 */
} KmCurve;

extern retention_internal void km_sort(SurvivalData *data);
extern retention_internal void km_begin(KmCurve *curve,
										const SurvivalData *data);
extern retention_internal bool km_next(KmCurve *curve);
extern retention_internal bool km_std_error(const KmCurve *curve,
											double *std_error);
extern retention_internal bool km_interval(const KmCurve *curve, double z,
										   double *low, double *high);

/* What is read off a curve at an argument; false where there is no such number. */
typedef bool (*KmReading) (const SurvivalData *data, double argument,
						   double *result);

extern retention_internal bool km_at(const SurvivalData *data, double day,
									 double *survival);
extern retention_internal bool km_quantile(const SurvivalData *data, double p,
										   double *day);
extern retention_internal bool km_mean(const SurvivalData *data,
									   double horizon, double *mean);
extern retention_internal bool km_share_of_events(const SurvivalData *data,
												  double share, double *day);

#endif							/* RETENTION_KAPLAN_MEIER_H */
