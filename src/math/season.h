/*
 * season.h
 *		A shop's seasons as a clock: how much faster customers order in one part of the
 *		year than in another.
 *
 * Whoever has not left orders at a rate of his own times c(day), which is common to
 * all. On a clock that runs as fast as c, with
 *
 *		tau(day) = sum of c over the days before, in units of time,
 *
 * purchases come at a constant rate again, and the models of btyd.h hold: exactly
 * where customers leave at purchases, with x, tau(last) - tau(first) and tau(end) -
 * tau(first). Days are grouped by labels, months for one, and c is one number for each.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SEASON_H
#define RETENTION_SEASON_H

#include "base/compat.h"

#include "math/btyd_fit.h"

#define MONTH_LABELS	12
#define CAMPAIGN_LABEL	MONTH_LABELS	/* days of a campaign, whatever month */
#define SEASON_LABELS	(MONTH_LABELS + 1)

/* Less than two years tell no season from a trend. */
#define SEASON_LEAST_DAYS	730

/*
 * Are there so many, where some customers of all came before? One in a thousand, and one
 * in any case, may have come there by a slip of the pen.
 */
#define SEASON_SLIPS		1000

static inline bool
season_is_told(double before, double all)
{
	return before > Max(all / SEASON_SLIPS, 1);
}

/* More have a day in them that is a slip of the pen. */
#define SEASON_MOST_DAYS	36525

/* Customers of equal x, first day and last day; days count from the first of all. */
typedef struct SeasonPattern
{
	double		x;
	int32		first;
	int32		last;
	double		customers;
} SeasonPattern;

/* In ascending order of x. */
typedef struct SeasonData
{
	SeasonPattern *patterns;
	uint64		npatterns;
	int32		days;			/* from the first to the end of the data,
								 * which is no day of it */
	const uint8 *label;			/* of each of these days */
	double		orders[SEASON_LABELS];	/* repeat purchases on days of a label */
	double		unit;			/* days of it */
} SeasonData;

typedef enum SeasonOutcome
{
	SEASON_OK,
	SEASON_BY_CHANCE,			/* labels differ no more than that */
	SEASON_TOO_SHORT,
	SEASON_TOO_LONG,
	SEASON_NO_MODEL,			/* there is no fit to begin with */
	SEASON_UNSETTLED			/* no maximum after many rounds */
} SeasonOutcome;

/*
 * Factors are of a day-weighted mean of one; all are one unless there is a season.
 */
typedef struct SeasonFit
{
	double		factors[SEASON_LABELS];
	double		std_errors[SEASON_LABELS];	/* of known factors */
	bool		known[SEASON_LABELS];	/* it has orders, to tell an error by */
	double		log_likelihood_gain;	/* over no season, at the maximum */
	int			rounds;
	SeasonOutcome outcome;
} SeasonFit;

extern retention_internal void season_fit(const BtydFamily *family,
										  const SeasonData *data, bool shrink,
										  SeasonFit *fit);
extern retention_internal double season_orders_on(const SeasonData *data,
												  int label);
extern retention_internal bool season_shrink(const SeasonData *data,
											 SeasonFit *fit);
extern retention_internal double *season_clock(const SeasonData *data,
											   const double *factors);
extern retention_internal BtydData season_btyd_data(const SeasonData *data,
													const double *clock);

#endif							/* RETENTION_SEASON_H */
