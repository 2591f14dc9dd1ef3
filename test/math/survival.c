/*
 * survival.c
 *		Kaplan-Meier and the log-rank test against exact fractions (test/data/survival),
 *		and as printed in textbooks.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/kaplan_meier.h"
#include "math/logrank.h"
#include "math/specfun.h"

#define MOST_GROUPS		100
#define MOST_TIMES		2000

typedef struct Group
{
	char		scenario[64];
	char		name[64];
	SurvivalTime times[MOST_TIMES];
	SurvivalData data;
} Group;

static Group groups[MOST_GROUPS];
static int	ngroups = 0;

static Group *
group_of(const char *scenario, const char *name)
{
	for (int i = 0; i < ngroups; i++)
		if (strcmp(groups[i].scenario, scenario) == 0 && strcmp(groups[i].name, name) == 0)
			return &groups[i];
	if (ngroups == MOST_GROUPS)
		abort();
	groups[ngroups].data.times = groups[ngroups].times;
	snprintf(groups[ngroups].scenario, sizeof(groups->scenario), "%s", scenario);
	snprintf(groups[ngroups].name, sizeof(groups->name), "%s", name);
	return &groups[ngroups++];
}

static Group *
group_of_row(const Table *table)
{
	return group_of(table_text(table, "scenario"), table_text(table, "grp"));
}

static void
add_time(Group *group, double day, int64 events, int64 censored)
{
	if (group->data.ntimes == MOST_TIMES)
		abort();
	group->times[group->data.ntimes++] = (SurvivalTime) {day, events, censored};
	group->data.total += events + censored;
}

static bool
load_groups(void)
{
	Table		table;

	if (!table_open(&table, "survival/counts.csv"))
		return false;
	while (table_next(&table))
		add_time(group_of_row(&table), table_number(&table, "day"),
				 strtoll(table_text(&table, "events"), NULL, 10),
				 strtoll(table_text(&table, "censored"), NULL, 10));
	for (int i = 0; i < ngroups; i++)
		km_sort(&groups[i].data);
	return true;
}

static void
check_row(const Table *table, const KmCurve *curve)
{
	const double z = normal_reach(table_number(table, "confidence"));
	double		error = 0;
	double		low = 0;
	double		high = 0;

	const bool	has_error = km_std_error(curve, &error);
	const bool	has_interval = km_interval(curve, z, &low, &high);
	const char *name = table_text(table, "scenario");
	const double day = curve->time->day;

	check_true(curve->at_risk == strtoll(table_text(table, "at_risk"), NULL, 10) &&
			   curve->time->events == strtoll(table_text(table, "events"), NULL, 10),
			   "%s: counts at %g", name, day);
	check_near(curve->survival, table_number(table, "survival"), 1e-12, 0, "%s: S(%g)", name, day);
	check_true(has_error == !isnan(table_number(table, "std_error")), "%s: an error at %g", name, day);
	check_true(has_interval == !isnan(table_number(table, "ci_low")), "%s: an interval at %g", name, day);
	if (has_error)
		check_near(error, table_number(table, "std_error"), 1e-12, 0, "%s: error at %g", name, day);
	if (has_interval)
	{
		check_near(low, table_number(table, "ci_low"), 1e-11, 0, "%s: low at %g", name, day);
		check_near(high, table_number(table, "ci_high"), 1e-11, 0, "%s: high at %g", name, day);
	}
}

static void
check_curves(void)
{
	Table		table;

	if (!table_open(&table, "survival/curve.csv"))
		return;
	while (table_next(&table))
	{
		const Group *group = group_of_row(&table);
		const double day = table_number(&table, "day");
		KmCurve		curve;

		km_begin(&curve, &group->data);
		while (km_next(&curve) && curve.time->day < day)
			;
		check_true(curve.time->day == day, "%s: %g", group->scenario, day);
		check_row(&table, &curve);
	}
}

static KmReading
reading_named(const char *name)
{
	return strcmp(name, "survival_at") == 0 ? km_at :
		strcmp(name, "survival_quantile") == 0 ? km_quantile :
		strcmp(name, "survival_mean") == 0 ? km_mean : km_share_of_events;
}

static void
check_readings(void)
{
	Table		table;

	if (!table_open(&table, "survival/readings.csv"))
		return;
	while (table_next(&table))
	{
		const char *reader = table_text(&table, "reader");
		const double argument = table_number(&table, "argument");
		const double value = table_number(&table, "value");
		const Group *group = group_of_row(&table);
		double		result = 0;
		const bool	exists = reading_named(reader) (&group->data, argument, &result);

		check_true(exists == !isnan(value), "%s: %s(%g) exists", group->scenario, reader, argument);
		if (exists)
			check_near(result, value, 1e-12, 0, "%s: %s(%g)", group->scenario, reader, argument);
	}
}

static void
check_logrank(void)
{
	Table		table;

	if (!table_open(&table, "survival/logrank.csv"))
		return;
	while (table_next(&table))
	{
		const char *scenario = table_text(&table, "scenario");
		const double chi_square = table_number(&table, "chi_square");
		SurvivalData compared[MOST_GROUPS];
		int			n = 0;
		LogRank		result = {0};

		for (int i = 0; i < ngroups; i++)
			if (strcmp(groups[i].scenario, scenario) == 0)
				compared[n++] = groups[i].data;
		check_true(logrank_test(compared, n, &result) == !isnan(chi_square),
				   "%s: a test", scenario);
		if (isnan(chi_square))
			continue;
		check_near(result.chi_square, chi_square, 1e-9, 0, "%s: chi-square", scenario);
		check_near(result.p_value, table_number(&table, "p_value"), 1e-9, 1e-290, "%s: p", scenario);
		check_true(result.df == table_number(&table, "df"), "%s: df", scenario);
	}
}

/* E. A. Gehan (1965): weeks of remission, 6-MP against placebo, in every textbook */
static void
check_textbook(void)
{
	const Group *treated = group_of("gehan", "6-mp");
	const Group *placebo = group_of("gehan", "placebo");
	const double day[] = {6, 7, 10, 13, 16, 22, 23};
	const double printed[] = {0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448};
	double		value;
	LogRank		test;

	begin_test("as printed in the textbooks");
	for (int i = 0; i < (int) lengthof(day); i++)
	{
		km_at(&treated->data, day[i], &value);
		check_true(fabs(value - printed[i]) < 0.00051, "6-mp: S(%g)", day[i]);
	}
	check_true(km_quantile(&treated->data, 0.5, &value) && value == 23, "6-mp: median");
	check_true(km_quantile(&placebo->data, 0.5, &value) && value == 8, "placebo: median");
	check_true(!km_quantile(&treated->data, 0.9, &value), "6-mp: most have not relapsed");
	check_true(logrank_test((SurvivalData[]) {treated->data, placebo->data}, 2, &test) &&
			   fabs(test.chi_square - 16.79) < 0.005 && test.df == 1, "log-rank: 16.79 of 1");
}

/* Who is never interrupted cannot be cancelled. */
static void
check_interrupts(void)
{
	static SurvivalTime times[100000];
	SurvivalData data = {times, lengthof(times), lengthof(times)};
	double		mean;
	uint64		before;

	begin_test("interrupts");
	for (int i = 0; i < (int) lengthof(times); i++)
		times[i] = (SurvivalTime) {(i * 7919) % 100003, 1, 0};
	before = shim_interrupts;
	km_sort(&data);
	check_true(shim_interrupts > before + lengthof(times), "sorting can be interrupted");
	before = shim_interrupts;
	km_mean(&data, 1e9, &mean);
	check_true(shim_interrupts > before + 20, "the walk can be interrupted");
}

void
test_survival(void)
{
	if (!load_groups())
		return;
	check_curves();
	check_readings();
	check_logrank();
	check_textbook();
	check_interrupts();
}
