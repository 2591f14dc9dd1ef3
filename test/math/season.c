/*
 * season.c
 *		Seasons: customers made on a clock, and the clock found again; limits.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/season.h"

#define CUSTOMERS		3000
#define DAYS			1096

static SeasonPattern customers[CUSTOMERS];
static uint8 labels[DAYS + 1];

static int
compare_customers(const void *a, const void *b)
{
	const SeasonPattern *x = a;
	const SeasonPattern *y = b;

	return x->x != y->x ? (x->x > y->x) - (x->x < y->x) :
		x->first != y->first ? (x->first > y->first) - (x->first < y->first) :
		(x->last > y->last) - (x->last < y->last);
}

/* A year of twelve labels of 30 days and a rest in the last */
static void
make_labels(void)
{
	for (int day = 0; day <= DAYS; day++)
		labels[day] = Min(day % 365 / 30, MONTH_LABELS - 1);
}

static double
exponential(uint64 *seed)
{
	return -log(1 - noise((*seed)++, 31));
}

/*
 * Customers who order on a day with the probability rate * factor, rates of a gamma
 * distribution of shape 2, and leave after a purchase with the probability 0.2.
 */
static SeasonData
make_shop(const double *factors)
{
	SeasonData	data = {customers, CUSTOMERS, DAYS, labels, {0}, 7};
	uint64		seed = 0;

	make_labels();
	for (int i = 0; i < CUSTOMERS; i++)
	{
		const double rate = (exponential(&seed) + exponential(&seed)) / 80;
		SeasonPattern customer = {0, i % 700, i % 700, 1};

		for (int day = customer.first + 1; day < DAYS; day++)
		{
			if (noise(seed++, 32) >= 1 - exp(-rate * factors[labels[day]]))
				continue;
			customer.x++;
			customer.last = day;
			data.orders[labels[day]]++;
			if (noise(seed++, 33) < 0.2)
				break;
		}
		customers[i] = customer;
	}
	qsort(customers, CUSTOMERS, sizeof(SeasonPattern), compare_customers);
	return data;
}

static double
mean_factor(const double *factors)
{
	double		sum = 0;

	for (int day = 0; day < DAYS; day++)
		sum += factors[labels[day]];
	return sum / DAYS;
}

static void
check_found_again(void)
{
	const double made[SEASON_LABELS] = {0.7, 0.8, 0.9, 1, 1, 0.9, 0.8, 0.7, 1, 1.2, 1.5, 1.6, 1};
	const SeasonData data = make_shop(made);
	const uint64 interrupts = shim_interrupts;
	SeasonFit	raw;
	SeasonFit	shrunk;

	begin_test("seasons found again");
	season_fit(&mbgnbd_family, &data, false, &raw);
	season_fit(&mbgnbd_family, &data, true, &shrunk);
	check_true(raw.outcome == SEASON_OK && shrunk.outcome == SEASON_OK, "seasons: outcomes %d, %d", (int) raw.outcome, (int) shrunk.outcome);
	check_true(raw.rounds <= 20, "seasons: %d rounds", raw.rounds);
	check_true(raw.log_likelihood_gain > 50, "seasons: gain %g", raw.log_likelihood_gain);
	check_true(shim_interrupts > interrupts, "seasons: can be interrupted");
	for (int label = 0; label < MONTH_LABELS; label++)
	{
		check_true(fabs(raw.factors[label] - made[label] / mean_factor(made)) < 3.5 * raw.std_errors[label],
				   "seasons: factor %d is %g", label, raw.factors[label]);
		check_true(fabs(log(shrunk.factors[label])) < fabs(log(raw.factors[label])) + 0.01,
				   "seasons: factor %d is drawn to %g", label, shrunk.factors[label]);
	}
	check_near(mean_factor(raw.factors), 1, 1e-12, 0, "seasons: mean");
	check_near(mean_factor(shrunk.factors), 1, 1e-12, 0, "seasons: mean of shrunk ones");
	check_true(raw.factors[CAMPAIGN_LABEL] > 0 && !raw.known[CAMPAIGN_LABEL], "seasons: no campaign");
}

static void
check_none(void)
{
	const double level[SEASON_LABELS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	SeasonData	data = make_shop(level);
	const double *clock = season_clock(&data, level);
	BtydData	on_clock = season_btyd_data(&data, clock);
	SeasonFit	fit;

	begin_test("no seasons");
	season_fit(&bgnbd_family, &data, true, &fit);
	check_true(fit.outcome == SEASON_OK || fit.outcome == SEASON_BY_CHANCE, "no seasons: outcome %d", (int) fit.outcome);
	for (int label = 0; label < MONTH_LABELS; label++)
		check_true(fabs(fit.factors[label] - 1) < 0.1, "no seasons: factor %d is %g", label, fit.factors[label]);
	check_near(clock[DAYS], DAYS / 7.0, 1e-14, 0, "no seasons: the clock");
	for (uint64 i = 0; i < data.npatterns; i += 100)
		check_near(on_clock.patterns[i].history.age, (DAYS - customers[i].first) / 7.0, 1e-14, 0, "no seasons: age %d", (int) i);

	begin_test("no data for seasons");
	data.days = SEASON_LEAST_DAYS - 1;
	season_fit(&bgnbd_family, &data, true, &fit);
	check_true(fit.outcome == SEASON_TOO_SHORT && fit.factors[3] == 1, "too short");
	data.days = SEASON_MOST_DAYS + 1;
	season_fit(&bgnbd_family, &data, true, &fit);
	check_true(fit.outcome == SEASON_TOO_LONG && fit.factors[3] == 1, "too long");
	data.days = DAYS;
	for (int i = 0; i < CUSTOMERS; i++)
		customers[i] = (SeasonPattern) {0, i % 700, i % 700, 1};
	season_fit(&bgnbd_family, &data, true, &fit);
	check_true(fit.outcome == SEASON_NO_MODEL && fit.factors[3] == 1, "nobody came back");
}

void
test_season(void)
{
	check_found_again();
	check_none();
}
