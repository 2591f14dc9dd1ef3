/*
 * comparison.h
 *		Is one group better than another? Rates and means of two groups, and how many
 *		members they need.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_COMPARISON_H
#define RETENTION_COMPARISON_H

#include "base/compat.h"

/* One group: so many members, their mean and its sample variance (from two on) */
typedef struct Sample
{
	double		n;
	double		mean;
	double		variance;
} Sample;

/* The treated group beside the control: all in the unit of the mean. */
typedef struct Comparison
{
	bool		has_difference; /* neither group is empty */
	double		difference;		/* treated - control */
	bool		has_relative;	/* the control's mean is not 0 */
	double		relative;		/* difference / control's mean */
	bool		has_interval;	/* std_error, df and the interval are known */
	double		std_error;
	double		ci_low;
	double		ci_high;
	double		df;				/* of means: Satterthwaite's */
	bool		has_p_value;
	double		p_value;		/* two-sided */
} Comparison;

/* What an experiment is to find, and how surely */
typedef struct ExperimentPlan
{
	double		base_rate;		/* of the control, above 0 and below 1 */
	double		power;			/* how probably it is found */
	double		alpha;			/* how probably something is found that is not
								 * there */
	double		control_share;	/* of all customers */
} ExperimentPlan;

extern retention_internal void wilson_interval(double k, double n, double z,
											   double *low, double *high);
extern retention_internal Comparison compare_rates(double treated_k,
												   double treated,
												   double control_k,
												   double control,
												   double confidence);
extern retention_internal Comparison compare_means(const Sample *treated,
												   const Sample *control,
												   double confidence);
extern retention_internal double goodness_of_fit(const double *observed,
												 const double *shares,
												 int count);
extern retention_internal double control_needed(const ExperimentPlan *plan,
												double rate);
extern retention_internal bool lift_found(const ExperimentPlan *plan,
										  double customers, double *lift);

#endif							/* RETENTION_COMPARISON_H */
