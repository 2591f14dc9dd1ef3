/*
 * holdout.h
 *		How near a model came: what it said of each customer at an earlier time, beside
 *		what came, and beside what simple rules would have said.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_HOLDOUT_H
#define RETENTION_HOLDOUT_H

#include "base/compat.h"

#include "models/day_history.h"
#include "models/day_list.h"

/* Days of the calendar: what is known ends at the origin, what is foretold at "until". */
typedef struct HoldoutSpan
{
	int64		before;			/* as long before the origin as until is after */
	int64		origin;
	int64		until;
} HoldoutSpan;

/* A customer who ordered before the origin */
typedef struct HoldoutCase
{
	DayHistory	history;
	int32		recent;			/* of the x, those not before span->before */
	int32		actual;			/* days with an order from the origin on */
	double		expected;		/* of these, */
	double		p_order;		/* and that there is one: the caller's to say */
} HoldoutCase;

/* In order of x, t_x, age, so that those of whom a model says the same are neighbours */
typedef struct HoldoutCases
{
	HoldoutCase *cases;
	uint64		n;
} HoldoutCases;

/* What somebody would say who has no model */
typedef enum NaiveRule
{
	NAIVE_OWN_RATE,				/* a customer goes on at x in the age */
	NAIVE_CELL_MEANS,			/* as those alike did in the span before */
	NAIVE_LAST_PERIOD,			/* what a customer did in it comes again */
	NAIVE_RULES
} NaiveRule;

/* Means over the customers of one origin */
typedef struct HoldoutScores
{
	double		customers;
	double		predicted;		/* sums */
	double		actual;
	double		mae;			/* of the orders expected */
	double		rmse;
	double		brier;			/* of the probability to order */
	double		naive_mae[NAIVE_RULES];
	double		naive_rmse[NAIVE_RULES];
	bool		has_cells;		/* somebody was there in the span before */
	double		brier_base;		/* of the share that ordered */
	bool		has_auc;		/* some ordered and some did not */
	double		auc;
	double		auc_recency;
} HoldoutScores;

extern retention_internal void holdout_cases(const DayList *list,
											 const HoldoutSpan *span,
											 HoldoutCases *cases);
extern retention_internal void holdout_score(const DayList *list,
											 const HoldoutSpan *span,
											 const HoldoutCases *cases,
											 HoldoutScores *scores);
extern retention_internal const char *naive_rule_name(NaiveRule rule);

#endif							/* RETENTION_HOLDOUT_H */
