/*
 * season.c
 *		A shop's seasons, fitted together with a model.
 *
 * Seasons and model are those of the largest likelihood, found by turns. With the
 * clock given, the model is fitted on it. With the model given, a customer's rate is
 * expected to be
 *
 *		P (r + x) / (alpha + tau_T)			if he is there still,
 *		(1 - P) (r + x) / (alpha + tau_x)	if he left with the last purchase,
 *
 * where P is P(alive) and tau_x and tau_T are the time to the last purchase and to the
 * end. So many purchases would be expected of all per day without seasons; their sum
 * over the days of a label, D, is what the purchases N on these days are divided by:
 * c = N / D. The likelihood is that of the model on the clock, times c^N for each label.
 *
 * A year's months differ by chance as well. The logarithms of N / D have the variance
 * 1 / N of chance, and beyond it v of seasons, which is what is left of their variance;
 * each is drawn towards the mean as far as its own chance says (as in W. James, C.
 * Stein (1961), Estimation with quadratic loss; C. N. Morris (1983), Parametric
 * empirical Bayes inference, Journal of the American Statistical Association 78, 47-55).
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/season.h"

#include <math.h>

#define MOST_ROUNDS		100

/* Factors that move by less have settled. */
#define SETTLED			1e-10

/* tau of each day, and of the day after the last; in units. */
double *
season_clock(const SeasonData *data, const double *factors)
{
	double	   *clock = array_alloc(data->days + 1, sizeof(double));
	double		sum = 0;

	for (int32 day = 0; day < data->days; day++)
	{
		clock[day] = sum / data->unit;
		sum += factors[data->label[day]];
	}
	clock[data->days] = sum / data->unit;
	return clock;
}

/* What a model on the clock is told of the customers. */
BtydData
season_btyd_data(const SeasonData *data, const double *clock)
{
	BtydData	result = {array_alloc(data->npatterns, sizeof(BtydPattern)), data->npatterns};

	for (uint64 i = 0; i < data->npatterns; i++)
	{
		const SeasonPattern *pattern = &data->patterns[i];

		result.patterns[i] = (BtydPattern) {
			.history = {
				pattern->x, clock[pattern->last] - clock[pattern->first],
				clock[data->days] - clock[pattern->first]
			},
			.customers = pattern->customers
		};
	}
	return result;
}

/* Where none came, half a one might have: a logarithm has no zero. */
#define LEAST_PURCHASES	0.5

double
season_orders_on(const SeasonData *data, int label)
{
	return Max(data->orders[label], LEAST_PURCHASES);
}

/*
 * The purchases to be expected on the days of each label without a season. A rate is
 * added on a customer's first day and taken away on the last; the sum of all until a
 * day is that day's.
 */
static void
expect_by_label(const SeasonData *data, const BtydModel *model,
				const BtydData *on_clock, double *expected)
{
	double	   *change = array_alloc0(data->days + 1, sizeof(double));
	double		rate = 0;

	for (uint64 i = 0; i < data->npatterns; i++)
	{
		const SeasonPattern *pattern = &data->patterns[i];
		const BtydHistory *history = &on_clock->patterns[i].history;
		const double alive = btyd_p_alive(model, history);
		const double shape = pattern->customers * (model->params[0] + pattern->x);
		const double there = alive * shape / (model->params[1] + history->age);
		const double gone = pattern->x == 0 ? 0 :
			(1 - alive) * shape / (model->params[1] + history->t_x);

		if ((i & 0x3FF) == 0)
			CHECK_FOR_INTERRUPTS();
		change[pattern->first] += there + gone;
		change[pattern->last] -= gone;
	}
	for (int label = 0; label < SEASON_LABELS; label++)
		expected[label] = 0;
	for (int32 day = 0; day < data->days; day++)
	{
		rate += change[day];
		expected[data->label[day]] += rate / data->unit;
	}
	pfree(change);
}

/* Makes the mean of the factors, weighted with the days of their labels, one. */
static void
scale_factors(const SeasonData *data, double *factors)
{
	double		sum = 0;

	for (int32 day = 0; day < data->days; day++)
		sum += factors[data->label[day]];
	for (int label = 0; label < SEASON_LABELS; label++)
		factors[label] *= data->days / sum;
}

/*
 * The factors by the purchases that came; those of labels without a day when one could
 * have come are one.
 */
static void
count_factors(const SeasonData *data, const double *expected, double *factors)
{
	for (int label = 0; label < SEASON_LABELS; label++)
		factors[label] = expected[label] > 0 ?
			season_orders_on(data, label) / expected[label] : 1;
	scale_factors(data, factors);
}

/*
 * How far from the mean a logarithm is left. Where no purchase came, which has no
 * logarithm, it is that of the mean of a gamma distribution, of variance v before, which
 * has seen none of those to be expected.
 */
static double
drawn_apart(double apart, double purchases, double variance)
{
	if (purchases == 0)
		return -log1p(variance * LEAST_PURCHASES * exp(-apart));
	return apart * variance / (variance + 1 / purchases);
}

/*
 * Draws the factors of labels with days to their mean, as far as chance says; false if
 * chance is all.
 */
bool
season_shrink(const SeasonData *data, SeasonFit *fit)
{
	double		purchases = 0;
	double		mean = 0;
	double		variance = 0;
	int			labels = 0;

	for (int label = 0; label < SEASON_LABELS; label++)
		if (fit->known[label])
		{
			const double n = season_orders_on(data, label);
			const double apart = log(fit->factors[label]) - mean;

			/* D. H. D. West (1979): mean and variance in one go, with weights */
			purchases += n;
			mean += apart * n / purchases;
			variance += n * apart * (log(fit->factors[label]) - mean);
			labels++;
		}
	variance = Max(0, (variance - labels) / purchases);
	for (int label = 0; label < SEASON_LABELS; label++)
	{
		double		apart = 0;

		if (fit->known[label] && variance > 0)
			apart = drawn_apart(log(fit->factors[label]) - mean,
								data->orders[label], variance);
		fit->factors[label] = exp(mean + apart);
	}
	scale_factors(data, fit->factors);
	return variance > 0;
}

static void
no_season(SeasonFit *fit, SeasonOutcome outcome)
{
	*fit = (SeasonFit) {.outcome = outcome};
	for (int label = 0; label < SEASON_LABELS; label++)
		fit->factors[label] = 1;
}

/* ln of the product of c^N */
static double
log_speed(const SeasonData *data, const SeasonFit *fit)
{
	double		sum = 0;

	for (int label = 0; label < SEASON_LABELS; label++)
		if (data->orders[label] > 0)
			sum += data->orders[label] * log(fit->factors[label]);
	return sum;
}

/* How far the factors still move */
static double
largest_change(const double *a, const double *b)
{
	double		largest = 0;

	for (int label = 0; label < SEASON_LABELS; label++)
		largest = Max(largest, fabs(log(a[label] / b[label])));
	return largest;
}

/*
 * One turn: the model on the clock of the factors, and the factors by the model.
 * Returns false if there is no model.
 */
static bool
take_turn(const BtydFamily *family, const SeasonData *data, const SeasonFit *fit,
		  ModelFit *model_fit, double *next)
{
	double	   *clock = season_clock(data, fit->factors);
	BtydData	on_clock = season_btyd_data(data, clock);
	BtydModel	model = {family};
	double		expected[SEASON_LABELS];

	btyd_refit(family, &on_clock, model_fit);
	if (model_fit->has_params)
	{
		memcpy(model.params, model_fit->params, sizeof(model.params));
		expect_by_label(data, &model, &on_clock, expected);
		count_factors(data, expected, next);
	}
	pfree(on_clock.patterns);
	pfree(clock);
	return model_fit->has_params;
}

/*
 * Where the factors go that have gone from a to b and c in two turns: the steps get
 * shorter by about the same share each time, and their sum is that of a geometric
 * series (A. C. Aitken (1926), On Bernoulli's numerical solution of algebraic
 * equations), with one share for all factors.
 */
static void
leap(const double *a, const double *b, double *c)
{
	double		steps = 0;
	double		bends = 0;
	double		share;

	for (int label = 0; label < SEASON_LABELS; label++)
	{
		const double first = log(b[label] / a[label]);
		const double second = log(c[label] / b[label]);

		steps += first * second;
		bends += first * first;
	}
	share = bends > 0 ? steps / bends : 0;
	if (!(share > 0 && share < 0.95))
		return;
	for (int label = 0; label < SEASON_LABELS; label++)
		c[label] *= pow(c[label] / b[label], share / (1 - share));
}

/* Turns until the factors have settled, every third of them a leap. */
static bool
settle(const BtydFamily *family, const SeasonData *data, SeasonFit *fit,
	   ModelFit *model_fit)
{
	double		before[SEASON_LABELS];

	for (fit->rounds = 1; fit->rounds <= MOST_ROUNDS; fit->rounds++)
	{
		double		next[SEASON_LABELS];
		double		change;

		if (!take_turn(family, data, fit, model_fit, next))
			return false;
		change = largest_change(fit->factors, next);
		if (fit->rounds == 1)
			fit->log_likelihood_gain = -model_fit->log_likelihood;
		if (change <= SETTLED)
		{
			fit->log_likelihood_gain += model_fit->log_likelihood +
				log_speed(data, fit);
			return true;
		}
		if (fit->rounds % 3 == 0)
		{
			leap(before, fit->factors, next);
			scale_factors(data, next);
		}
		memcpy(before, fit->factors, sizeof(before));
		memcpy(fit->factors, next, sizeof(next));
	}
	return false;
}

/* Are there two full years of orders, which no single one makes? */
static bool
is_old_enough(const SeasonData *data)
{
	const int32 latest = data->days - SEASON_LEAST_DAYS;
	double		before = 0;
	double		all = 0;

	if (latest < 0)
		return false;
	for (uint64 i = 0; i < data->npatterns; i++)
	{
		all += data->patterns[i].customers;
		if (data->patterns[i].first <= latest)
			before += data->patterns[i].customers;
	}
	return season_is_told(before, all);
}

/*
 * Fits the seasons of a shop. The family is one of those whose customers leave at
 * purchases; with "shrink", factors are drawn towards one as far as chance says.
 */
void
season_fit(const BtydFamily *family, const SeasonData *data, bool shrink,
		   SeasonFit *fit)
{
	ModelFit	model_fit = {0};

	no_season(fit, SEASON_OK);
	if (data->days > SEASON_MOST_DAYS)
		no_season(fit, SEASON_TOO_LONG);
	else if (!is_old_enough(data))
		no_season(fit, SEASON_TOO_SHORT);
	else if (!settle(family, data, fit, &model_fit))
		no_season(fit, model_fit.has_params ? SEASON_UNSETTLED : SEASON_NO_MODEL);
	else
	{
		for (int32 day = 0; day < data->days; day++)
			fit->known[data->label[day]] = true;
		if (shrink && !season_shrink(data, fit))
			fit->outcome = SEASON_BY_CHANCE;
		for (int label = 0; label < SEASON_LABELS; label++)
		{
			fit->known[label] = data->orders[label] > 0;
			if (fit->known[label])
				fit->std_errors[label] = fit->factors[label] /
					sqrt(data->orders[label]);
		}
	}
}
