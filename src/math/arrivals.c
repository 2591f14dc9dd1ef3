/*
 * arrivals.c
 *		How many new customers come in a day.
 *
 * Counts of days are taken to be Poisson. Level and trend are those of the largest
 * likelihood where seasons are given, and factors N / D where those are, N having come on
 * the days of a label and D being expected of these without seasons; by turns until
 * nothing moves. The trend has a normal prior of mean zero: no shop doubles for long.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/arrivals.h"

#include <math.h>

#define YEAR			365.25	/* days */

/* Standard deviation of the trend per year, before any data */
#define PRIOR_TREND		1.0

/* Nor does one grow fourfold for a year: a step that looks so is over. */
#define MOST_TREND		1.3862943611198906188	/* ln 4 */

/* By e weaker after so many years */
#define DAMPED_IN		1.0

/* Without a season, half as much weight is on what is so many days older. */
#define HALF_LIFE		90.0

#define MOST_TURNS		100
#define SETTLED			1e-12

/* The middle of a day, in years from the end of the data; days count from the first. */
static double
time_of(const ArrivalData *data, int32 day)
{
	return (day - data->days + 0.5) / YEAR;
}

/* ------------------------------------------------------------------------
 * The recent rate
 * ------------------------------------------------------------------------
 */
static void
fit_recent(const ArrivalData *data, ArrivalRate *rate)
{
	double		count = 0;
	double		days = 0;

	for (int32 day = 0; day < data->days; day++)
	{
		const double weight = exp2(time_of(data, day) * YEAR / HALF_LIFE);

		count += weight * data->count[day];
		days += weight;
	}
	rate->level = log(count / days);
}

/* ------------------------------------------------------------------------
 * Level, trend and factors
 * ------------------------------------------------------------------------
 */

/* What is expected of a trend alone: its logarithm, and moments of the time */
typedef struct TrendSums
{
	double		total;
	double		mean;
	double		variance;
} TrendSums;

static TrendSums
sums_of_trend(const ArrivalData *data, const ArrivalRate *rate, double trend)
{
	TrendSums	sums = {0};
	double		squares = 0;

	for (int32 day = 0; day < data->days; day++)
	{
		const double t = time_of(data, day);
		const double expected = rate->factors[data->label[day]] * exp(trend * t);

		sums.total += expected;
		sums.mean += expected * t;
		squares += expected * t * t;
	}
	sums.mean /= sums.total;
	sums.variance = Max(squares / sums.total - sums.mean * sums.mean, 0);
	return sums;
}

/*
 * The trend of the largest likelihood with these factors, and the level that goes with
 * it: with the level put in, the likelihood is concave in the trend. Newton's steps, no
 * longer than one.
 */
static void
fit_trend(const ArrivalData *data, double count, double mean_time,
		  ArrivalRate *rate)
{
	const double prior = 1 / (PRIOR_TREND * PRIOR_TREND);
	double		step = 1;

	for (int turn = 0; turn < MOST_TURNS && fabs(step) > SETTLED; turn++)
	{
		const TrendSums sums = sums_of_trend(data, rate, rate->trend);

		step = (count * (mean_time - sums.mean) - prior * rate->trend) /
			(count * sums.variance + prior);
		step = Max(Min(step, 1), -1);
		rate->trend += step;
	}
	rate->trend = Min(rate->trend, MOST_TREND);
	rate->level = log(count / sums_of_trend(data, rate, rate->trend).total);
}

/* The factors that go with a level and a trend; returns how far the farthest moved. */
static double
fit_factors(const ArrivalData *data, const SeasonData *season, ArrivalRate *rate)
{
	double		expected[SEASON_LABELS] = {0};
	SeasonFit	fit = {.rounds = 0};
	double		farthest = 0;

	for (int32 day = 0; day < data->days; day++)
	{
		expected[data->label[day]] += exp(rate->level +
										  rate->trend * time_of(data, day));
		fit.known[data->label[day]] = true;
	}
	for (int label = 0; label < SEASON_LABELS; label++)
		fit.factors[label] = fit.known[label] ?
			season_orders_on(season, label) / expected[label] : 1;
	season_shrink(season, &fit);
	for (int label = 0; label < SEASON_LABELS; label++)
	{
		farthest = Max(farthest, fabs(log(fit.factors[label] / rate->factors[label])));
		rate->factors[label] = fit.factors[label];
	}
	return farthest;
}

static void
fit_seasons(const ArrivalData *data, double count, ArrivalRate *rate)
{
	SeasonData	season = {.days = data->days, .label = data->label, .unit = 1};
	double		mean_time = 0;
	double		moved = 1;

	for (int32 day = 0; day < data->days; day++)
	{
		season.orders[data->label[day]] += data->count[day];
		mean_time += data->count[day] * time_of(data, day) / count;
	}
	fit_trend(data, count, mean_time, rate);
	for (int turn = 0; turn < MOST_TURNS && data->by_label && moved > SETTLED;
		 turn++)
	{
		CHECK_FOR_INTERRUPTS();
		moved = fit_factors(data, &season, rate);
		fit_trend(data, count, mean_time, rate);
	}
}

void
arrivals_fit(const ArrivalData *data, ArrivalRate *rate)
{
	double		count = 0;

	*rate = (ArrivalRate) {.trend = 0};
	for (int label = 0; label < SEASON_LABELS; label++)
		rate->factors[label] = 1;
	for (int32 day = 0; day < data->days; day++)
		count += data->count[day];
	rate->has_any = count > 0;
	if (!rate->has_any)
		return;
	if (data->days < ARRIVAL_DAYS)
		fit_recent(data, rate);
	else
		fit_seasons(data, count, rate);
}

/* Those of a day to come, the first of which is 0 */
double
arrivals_expected(const ArrivalRate *rate, int32 day, uint8 label)
{
	const double years = (day + 0.5) / YEAR;

	if (!rate->has_any)
		return 0;
	return rate->factors[label] *
		exp(rate->level - rate->trend * DAMPED_IN * expm1(-years / DAMPED_IN));
}
