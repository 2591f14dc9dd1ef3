/*
 * logrank.c
 *		Do groups differ in how long it takes? The log-rank test.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/logrank.h"

#include <math.h>

#include "math/specfun.h"

/* A time of one group. */
typedef struct GroupTime
{
	double		day;
	int64		events;
	int64		leaving;		/* events and censored */
	int			group;
} GroupTime;

/* Square matrices are kept row by row. */
typedef struct LogRankSums
{
	int			ngroups;
	int64	   *at_risk;		/* per group, at the time under way */
	double	   *observed;
	double	   *expected;
	double	   *variance;		/* the lower triangle is in use */
} LogRankSums;

static int
compare_group_times(const void *a, const void *b, void *arg)
{
	const GroupTime *x = a;
	const GroupTime *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return (x->group > y->group) - (x->group < y->group);
}

/* The times of all groups in one ascending array. */
static GroupTime *
pool_times(const SurvivalData *groups, int ngroups, uint64 *ntimes)
{
	GroupTime  *pooled;
	uint64		n = 0;

	for (int j = 0; j < ngroups; j++)
		n += groups[j].ntimes;
	pooled = array_alloc(n, sizeof(GroupTime));
	*ntimes = n;
	n = 0;
	for (int j = 0; j < ngroups; j++)
		for (uint64 i = 0; i < groups[j].ntimes; i++)
		{
			const SurvivalTime *time = &groups[j].times[i];

			pooled[n++] = (GroupTime) {
				.day = time->day,
				.events = time->events,
				.leaving = time->events + time->censored,
				.group = j
			};
		}
	qsort_arg(pooled, n, sizeof(GroupTime), compare_group_times, NULL);
	return pooled;
}

/* What the d events of one time add to expected numbers and variance. */
static void
add_time(LogRankSums *sums, double n, double d)
{
	const int64 *at_risk = sums->at_risk;
	double		weight = n > 1 ? d * (n - d) / (n - 1) : 0;

	for (int j = 0; j < sums->ngroups; j++)
	{
		double		share = (double) at_risk[j] / n;
		double	   *row = &sums->variance[j * sums->ngroups];

		if (share == 0)
			continue;
		sums->expected[j] += d * share;
		for (int k = 0; k < j; k++)
			row[k] -= weight * share * ((double) at_risk[k] / n);
		row[j] += weight * share * (1 - share);
	}
}

static void
add_all_times(LogRankSums *sums, const GroupTime *times, uint64 ntimes)
{
	uint64		next;

	for (uint64 i = 0; i < ntimes; i = next)
	{
		double		n = 0;
		double		d = 0;

		CHECK_FOR_INTERRUPTS();
		for (next = i; next < ntimes && times[next].day == times[i].day; next++)
		{
			double		events = (double) times[next].events;

			d += events;
			sums->observed[times[next].group] += events;
		}
		for (int j = 0; j < sums->ngroups; j++)
			n += (double) sums->at_risk[j];
		if (d > 0)
			add_time(sums, n, d);
		for (uint64 at = i; at < next; at++)
			sums->at_risk[times[at].group] -= times[at].leaving;
	}
}

/*
 * u' V^-1 u by Cholesky's decomposition V = L L', of which only the lower triangle
 * is looked at and overwritten: it is the square of L^-1 u. Returns false if V has
 * no inverse: groups that were never at risk together cannot be compared.
 */
static bool
quadratic_form(double *v, double *u, int n, double *result)
{
	*result = 0;
	for (int i = 0; i < n; i++)
	{
		double	   *row = &v[i * n];
		double		diagonal = row[i];
		double		pivot;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < i; j++)
		{
			const double *other = &v[j * n];

			for (int k = 0; k < j; k++)
				row[j] -= row[k] * other[k];
			row[j] /= other[j];
			u[i] -= row[j] * u[j];
		}
		pivot = diagonal;
		for (int k = 0; k < i; k++)
			pivot -= row[k] * row[k];
		/* what is left of it is rounding */
		if (pivot <= diagonal * 1e-12)
			return false;
		row[i] = sqrt(pivot);
		u[i] /= row[i];
		*result += u[i] * u[i];
	}
	return true;
}

/*
 * The test for the groups that could have had an event; false if these are fewer
 * than two, or cannot be compared. Groups must be sorted.
 */
bool
logrank_test(const SurvivalData *groups, int ngroups, LogRank *result)
{
	LogRankSums sums = {.ngroups = ngroups};
	Size		square = (Size) ngroups * ngroups;
	double	   *difference = palloc(ngroups * sizeof(double));
	int		   *compared = palloc(ngroups * sizeof(int));
	int			ncompared = 0;
	GroupTime  *times;
	uint64		ntimes;

	sums.at_risk = palloc(ngroups * sizeof(int64));
	sums.observed = palloc0(ngroups * sizeof(double));
	sums.expected = palloc0(ngroups * sizeof(double));
	sums.variance = palloc0(square * sizeof(double));
	for (int j = 0; j < ngroups; j++)
		sums.at_risk[j] = groups[j].total;
	times = pool_times(groups, ngroups, &ntimes);
	add_all_times(&sums, times, ntimes);
	pfree(times);

	for (int j = 0; j < ngroups; j++)
		if (sums.expected[j] > 0)
			compared[ncompared++] = j;
	if (ncompared < 2)
		return false;

	/* all of them but the first; the matrix shrinks in place */
	result->df = ncompared - 1;
	for (int i = 0; i < result->df; i++)
	{
		int			j = compared[i + 1];

		difference[i] = sums.observed[j] - sums.expected[j];
		for (int k = 0; k <= i; k++)
			sums.variance[i * result->df + k] =
				sums.variance[j * ngroups + compared[k + 1]];
	}
	if (!quadratic_form(sums.variance, difference, result->df,
						&result->chi_square))
		return false;
	result->p_value = chi_square_tail(result->chi_square, result->df);
	return true;
}
