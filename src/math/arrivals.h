/*
 * arrivals.h
 *		How many new customers come in a day, from those who came.
 *
 * On day t, in years from the end of the data, a number is expected of
 *
 *		e^(level + trend t) factor(label of the day)
 *
 * where labels are months, and days of campaigns. A season and a trend can be told apart
 * from two full years on, and only the last two are looked at. With less there is neither:
 * the rate is that of the last months.
 *
 * No trend goes on for ever. That of the days to come is damped: it is as strong as it was
 * at first, and after a year by e weaker (as E. S. Gardner, E. McKenzie (1985), Management
 * Science 31, 1237-1246, advise).
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ARRIVALS_H
#define RETENTION_ARRIVALS_H

#include "base/compat.h"

#include "math/season.h"

/* So many days are looked at; of fewer no season is told. */
#define ARRIVAL_DAYS	SEASON_LEAST_DAYS

typedef struct ArrivalData
{
	const double *count;		/* who came, on each of the last days */
	const uint8 *label;			/* of each, and of those to come */
	int32		days;			/* ARRIVAL_DAYS at the most */
	bool		by_label;		/* are seasons wanted? */
} ArrivalData;

typedef struct ArrivalRate
{
	bool		has_any;		/* somebody came */
	double		level;			/* logarithm of the rate per day, at the end */
	double		trend;			/* of it, per year */
	double		factors[SEASON_LABELS]; /* of a mean of one over the days */
} ArrivalRate;

extern retention_internal void arrivals_fit(const ArrivalData *data,
											ArrivalRate *rate);
extern retention_internal double arrivals_expected(const ArrivalRate *rate,
												   int32 day, uint8 label);

#endif							/* RETENTION_ARRIVALS_H */
