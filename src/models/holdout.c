/*
 * holdout.c
 *		How near a model came, and how near one comes without.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/holdout.h"

#include <math.h>

/* ------------------------------------------------------------------------
 * The customers of an origin
 * ------------------------------------------------------------------------
 */

/* What "actual" does not change for the model, makes the order of sums certain. */
static inline int
compare_cases(const HoldoutCase *a, const HoldoutCase *b)
{
	const int	order = compare_day_histories(&a->history, &b->history);

	if (order != 0)
		return order;
	if (a->actual != b->actual)
		return a->actual < b->actual ? -1 : 1;
	return a->recent < b->recent ? -1 : a->recent > b->recent;
}

#define ST_SORT sort_cases
#define ST_ELEMENT_TYPE HoldoutCase
#define ST_COMPARE(a, b) compare_cases(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* What a customer's days say; false if there is none before the origin. */
static bool
read_case(const int32 *day, const int32 *end, const HoldoutSpan *span,
		  HoldoutCase *one)
{
	const int32 first = *day;
	int32		last = first;

	if (first >= span->origin)
		return false;
	*one = (HoldoutCase) {.history.age = (int32) (span->origin - first)};
	for (day++; day < end && *day < span->origin; day++)
	{
		last = *day;
		one->history.x++;
		one->recent += last >= span->before;
	}
	one->history.t_x = last - first;
	for (; day < end && *day < span->until; day++)
		one->actual++;
	return true;
}

/* The customers with an order before the origin of a span, as they come */
static void
list_cases(const DayList *list, const HoldoutSpan *span, HoldoutCases *cases)
{
	cases->n = 0;
	for (uint64 i = 0; i < list->ncustomers; i++)
	{
		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (read_case(&list->day[day_list_begin(list, i)],
					  &list->day[list->end[i]], span, &cases->cases[cases->n]))
			cases->n++;
	}
}

void
holdout_cases(const DayList *list, const HoldoutSpan *span, HoldoutCases *cases)
{
	cases->cases = array_alloc(list->ncustomers, sizeof(HoldoutCase));
	list_cases(list, span, cases);
	if (cases->n > 0)
		sort_cases(cases->cases, cases->n);
}

/* ------------------------------------------------------------------------
 * Rules of thumb
 * ------------------------------------------------------------------------
 */

/*
 * Customers alike: x of 0, 1, 2, 3, or more; silent for less than a quarter of the
 * span, than half of it, than all of it, than twice that, or longer.
 */
#define FREQUENCIES		5
#define RECENCIES		5

typedef struct CellMeans
{
	double		mean[FREQUENCIES][RECENCIES];
} CellMeans;

static int
recency_class(const HoldoutCase *one, int64 days)
{
	const int64 silence = one->history.age - one->history.t_x;

	return 4 * silence < days ? 0 : 2 * silence < days ? 1 :
		silence < days ? 2 : silence < 2 * days ? 3 : 4;
}

static double *
cell_of(CellMeans *cells, const HoldoutCase *one, int64 days)
{
	return &cells->mean[Min(one->history.x, FREQUENCIES - 1)][recency_class(one, days)];
}

/*
 * Learns the cells from the span before the origin, as it was; one that had nobody
 * in it has the mean of all. False if nobody was there.
 */
static bool
learn_cells(const DayList *list, const HoldoutSpan *span, CellMeans *cells)
{
	const int64 days = span->until - span->origin;
	const HoldoutSpan earlier = {span->before - days, span->before, span->origin};
	HoldoutCases cases = {array_alloc(list->ncustomers, sizeof(HoldoutCase))};
	CellMeans	customers = {0};
	double		orders = 0;

	memset(cells, 0, sizeof(*cells));
	list_cases(list, &earlier, &cases);
	for (uint64 i = 0; i < cases.n; i++)
	{
		const HoldoutCase *one = &cases.cases[i];

		*cell_of(cells, one, days) += one->actual;
		*cell_of(&customers, one, days) += 1;
		orders += one->actual;
	}
	pfree(cases.cases);
	for (int i = 0; i < FREQUENCIES * RECENCIES && cases.n > 0; i++)
	{
		double	   *mean = &cells->mean[i / RECENCIES][i % RECENCIES];
		const double count = customers.mean[i / RECENCIES][i % RECENCIES];

		*mean = count > 0 ? *mean / count : orders / (double) cases.n;
	}
	return cases.n > 0;
}

const char *
naive_rule_name(NaiveRule rule)
{
	static const char *const names[NAIVE_RULES] = {
		[NAIVE_OWN_RATE] = "own_rate",
		[NAIVE_CELL_MEANS] = "cell_means",
		[NAIVE_LAST_PERIOD] = "last_period"
	};

	return names[rule];
}

/* ------------------------------------------------------------------------
 * Who orders before whom?
 * ------------------------------------------------------------------------
 */

/* Customers of one score: those who ordered, and those who did not */
typedef struct RankedCases
{
	double		score;
	double		yes;
	double		no;
} RankedCases;

#define ST_SORT sort_ranked
#define ST_ELEMENT_TYPE RankedCases
#define ST_COMPARE(a, b) ((a)->score < (b)->score ? -1 : (a)->score > (b)->score)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * The probability that of two customers, one who ordered and one who did not, the first
 * has the larger score; equal scores count a half. There are some of both.
 */
static double
area_under_curve(RankedCases *ranked, uint64 n)
{
	double		yes = 0;
	double		no = 0;
	double		right = 0;

	sort_ranked(ranked, n);
	for (uint64 i = 0; i < n;)
	{
		const double score = ranked[i].score;
		double		equal_yes = 0;
		double		equal_no = 0;

		for (; i < n && ranked[i].score == score; i++)
		{
			equal_yes += ranked[i].yes;
			equal_no += ranked[i].no;
		}
		right += equal_yes * (no + equal_no / 2);
		yes += equal_yes;
		no += equal_no;
	}
	return right / (yes * no);
}

/* By the probability to order, or by the last order: the later, the higher */
static double
area_of(const HoldoutCases *cases, bool by_recency)
{
	RankedCases *ranked = array_alloc(cases->n, sizeof(RankedCases));
	uint64		n = 0;
	double		area;

	for (uint64 i = 0; i < cases->n; i++)
	{
		const HoldoutCase *one = &cases->cases[i];

		if (i == 0 || compare_day_histories(&one->history, &one[-1].history) != 0)
			ranked[n++] = (RankedCases) {
			by_recency ? one->history.t_x - one->history.age : one->p_order
		};
		if (one->actual > 0)
			ranked[n - 1].yes++;
		else
			ranked[n - 1].no++;
	}
	area = area_under_curve(ranked, n);
	pfree(ranked);
	return area;
}

/* ------------------------------------------------------------------------
 * Scores
 * ------------------------------------------------------------------------
 */
static void
add_error(double said, double actual, double *absolute, double *square)
{
	*absolute += fabs(said - actual);
	*square += (said - actual) * (said - actual);
}

static void
add_case(HoldoutScores *sums, const HoldoutCase *one, CellMeans *cells,
		 int64 days)
{
	const double ordered = one->actual > 0;
	double		said[NAIVE_RULES] = {
		[NAIVE_OWN_RATE] = (double) one->history.x / one->history.age * days,
		[NAIVE_CELL_MEANS] = *cell_of(cells, one, days),
		[NAIVE_LAST_PERIOD] = one->recent
	};

	sums->predicted += one->expected;
	sums->actual += one->actual;
	add_error(one->expected, one->actual, &sums->mae, &sums->rmse);
	sums->brier += (one->p_order - ordered) * (one->p_order - ordered);
	sums->brier_base += ordered;
	for (int rule = 0; rule < NAIVE_RULES; rule++)
		add_error(said[rule], one->actual, &sums->naive_mae[rule],
				  &sums->naive_rmse[rule]);
}

/* Scores what the caller has put into the cases; there is one at least. */
void
holdout_score(const DayList *list, const HoldoutSpan *span,
			  const HoldoutCases *cases, HoldoutScores *scores)
{
	const double n = cases->n;
	CellMeans	cells;
	double		share;

	*scores = (HoldoutScores) {.customers = n};
	scores->has_cells = learn_cells(list, span, &cells);
	for (uint64 i = 0; i < cases->n; i++)
		add_case(scores, &cases->cases[i], &cells, span->until - span->origin);
	scores->mae /= n;
	scores->rmse = sqrt(scores->rmse / n);
	for (int rule = 0; rule < NAIVE_RULES; rule++)
	{
		scores->naive_mae[rule] /= n;
		scores->naive_rmse[rule] = sqrt(scores->naive_rmse[rule] / n);
	}
	scores->brier /= n;
	share = scores->brier_base / n;
	scores->brier_base = share * (1 - share);
	scores->has_auc = share > 0 && share < 1;
	if (!scores->has_auc)
		return;
	scores->auc = area_of(cases, false);
	scores->auc_recency = area_of(cases, true);
}
