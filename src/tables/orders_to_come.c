/*
 * orders_to_come.c
 *		The orders of all that a shop may expect, period by period.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/orders_to_come.h"

#include <math.h>

#include "math/arrivals.h"

/* ------------------------------------------------------------------------
 * Periods
 * ------------------------------------------------------------------------
 */

/* The period that holds a day, which is one of no zone any more */
static int64
period_of_day(Grain grain, int64 day)
{
	return period_of(grain, zone_from_name("UTC"), day * USECS_PER_DAY);
}

void
span_periods_init(SpanPeriods *periods, Grain grain, int64 from, int64 until)
{
	const int64 first = period_of_day(grain, from);
	const int64 last = period_of_day(grain, until - 1);
	const int	n = (int) (last - first + 1);

	*periods = (SpanPeriods) {
		.from = from,
		.days = (int32) (until - from),
		.n = n,
		.end = array_alloc(n, sizeof(int32)),
		.date = array_alloc(n, sizeof(DateADT)),
		.is_whole = array_alloc(n, sizeof(bool))
	};
	for (int i = 0; i < n; i++)
	{
		const int64 next = period_date(grain, first + i + 1);

		periods->date[i] = period_date(grain, first + i);
		periods->end[i] = (int32) (Min(next, until) - from);
		periods->is_whole[i] = periods->date[i] >= from && next <= until;
	}
}

/* ------------------------------------------------------------------------
 * Customers
 * ------------------------------------------------------------------------
 */
static inline int
compare_groups(const CustomerGroup *a, const CustomerGroup *b)
{
	const int	order = compare_day_histories(&a->history, &b->history);

	if (order != 0)
		return order;
	return a->value < b->value ? -1 : a->value > b->value;
}

#define ST_SORT sort_groups
#define ST_ELEMENT_TYPE CustomerGroup
#define ST_COMPARE(a, b) compare_groups(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* One more customer, or many; a list begins as zeroes. */
void
customer_groups_add(CustomerGroups *groups, const CustomerGroup *customer)
{
	if (groups->groups == NULL)
	{
		groups->room = 1024;
		groups->groups = array_alloc(groups->room, sizeof(CustomerGroup));
	}
	if (groups->n == groups->room)
	{
		groups->room *= 2;
		groups->groups = repalloc_huge(groups->groups,
									   groups->room * sizeof(CustomerGroup));
	}
	groups->groups[groups->n++] = *customer;
}

/* Makes one group of those that are alike, in an order that chance does not change. */
void
customer_groups_join(CustomerGroups *groups)
{
	CustomerGroup *group = groups->groups;
	uint64		n = 0;

	if (groups->n == 0)
		return;
	sort_groups(group, groups->n);
	for (uint64 i = 1; i < groups->n; i++)
	{
		if (compare_day_histories(&group[i].history, &group[n].history) == 0)
		{
			group[n].customers += group[i].customers;
			group[n].value += group[i].value;
		}
		else
			group[++n] = group[i];
	}
	groups->n = n + 1;
}

/* ------------------------------------------------------------------------
 * Of the customers there are
 * ------------------------------------------------------------------------
 *
 * The orders until a time are a smooth function of its root. So with many periods they
 * are reckoned at some points alone, those of Chebyshev, and read off the polynomial
 * through these (J.-P. Berrut, L. N. Trefethen (2004), Barycentric Lagrange
 * interpolation).
 */
#define POINTS		33

typedef struct OrdersUntil
{
	double		orders;
	double		value;
} OrdersUntil;

static OrdersUntil
orders_until(const FitCall *call, const CustomerFits *fits,
			 const CustomerGroups *groups, double time)
{
	OrdersUntil sum = {0};

	for (uint64 i = 0; i < groups->n; i++)
	{
		const CustomerGroup *group = &groups->groups[i];
		const DayHistory *days = &group->history;
		const BtydHistory history = history_in_units(call, fits, days->x,
													 days->t_x, days->age);
		const double orders = btyd_expected_orders(&fits->model, &history, time);

		if ((i & 0xFF) == 0)
			CHECK_FOR_INTERRUPTS();
		sum.orders += orders * group->customers;
		sum.value += orders * group->value;
	}
	return sum;
}

/* The root of the time of a point, as a share of that of the whole span */
static double
point_at(int point)
{
	return (1 - cos(M_PI * point / (POINTS - 1))) / 2;
}

/* Between the points, at the root of a time */
static OrdersUntil
read_between(const OrdersUntil *at_point, double at)
{
	OrdersUntil sum = {0};
	double		weights = 0;

	for (int i = 0; i < POINTS; i++)
	{
		const double apart = at - point_at(i);
		const double half = i == 0 || i == POINTS - 1 ? 0.5 : 1;
		const double weight = (i % 2 ? -half : half) / apart;

		if (apart == 0)
			return at_point[i];
		weights += weight;
		sum.orders += weight * at_point[i].orders;
		sum.value += weight * at_point[i].value;
	}
	sum.orders /= weights;
	sum.value /= weights;
	return sum;
}

static void
add_existing(const FitCall *call, const CustomerFits *fits,
			 const CustomerGroups *groups, const SpanPeriods *periods,
			 OrdersToCome *orders)
{
	const bool	by_points = periods->n > POINTS;
	const double horizon = time_ahead(call, fits, periods->days);
	OrdersUntil before = {0};
	OrdersUntil at_point[POINTS] = {0};

	for (int i = 1; i < POINTS && by_points; i++)
		at_point[i] = orders_until(call, fits, groups,
								   horizon * point_at(i) * point_at(i));
	for (int i = 0; i < periods->n; i++)
	{
		const double time = time_ahead(call, fits, periods->end[i]);
		const OrdersUntil until =
			!by_points ? orders_until(call, fits, groups, time) :
			i == periods->n - 1 ? at_point[POINTS - 1] :
			read_between(at_point, sqrt(time / horizon));

		orders->existing[i] = Max(until.orders - before.orders, 0);
		orders->existing_value[i] = Max(until.value - before.value, 0);
		before = until;
	}
}

/* ------------------------------------------------------------------------
 * Of those who will come
 * ------------------------------------------------------------------------
 */

/* Who came on each of the last days before one; returns how many days tell of it. */
static int32
count_arrivals(const DayList *list, int64 before, double *count)
{
	const int64 from = before - ARRIVAL_DAYS;
	uint64		earlier = 0;
	uint64		all = 0;
	int32		silent = 0;

	memset(count, 0, ARRIVAL_DAYS * sizeof(double));
	for (uint64 i = 0; i < list->ncustomers; i++)
	{
		const int64 first = list->day[day_list_begin(list, i)];

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (first >= before)
			continue;
		all++;
		if (first > from)
			count[first - from]++;
		else
			earlier++;
		if (first == from)
			count[0]++;
	}
	if (season_is_told(earlier, all))
		return ARRIVAL_DAYS;
	while (silent < ARRIVAL_DAYS && count[silent] == 0)
		silent++;
	return ARRIVAL_DAYS - silent;
}

static bool
has_label(const uint8 *label, int32 days, uint8 wanted)
{
	for (int32 day = 0; day < days; day++)
		if (label[day] == wanted)
			return true;
	return false;
}

/* Who is to be expected on each day of the periods. */
static double *
arrivals_to_come(const FitCall *call, const DayList *list,
				 const SpanPeriods *periods)
{
	const Campaigns none = {0};
	double	   *arrivals = array_alloc(periods->days, sizeof(double));
	double		count[ARRIVAL_DAYS];
	const int32 days = count_arrivals(list, periods->from, count);
	const int64 first = periods->from - days;
	const uint8 *label = season_labels(first, days + periods->days,
									   &call->season.campaigns);
	ArrivalData data = {
		.count = &count[ARRIVAL_DAYS - days],
		.days = days,
		.by_label = call->season.choice != SEASON_CHOICE_NONE
	};
	ArrivalRate rate;

	/* campaigns of which none is known tell nothing */
	if (!has_label(label, days, CAMPAIGN_LABEL))
		label = season_labels(first, days + periods->days, &none);
	data.label = label;
	arrivals_fit(&data, &rate);
	for (int32 day = 0; day < periods->days; day++)
		arrivals[day] = arrivals_expected(&rate, day, label[days + day]);
	return arrivals;
}

/* The later orders, until a day, of those who came on the days before it */
static double
repeats_until(const FitCall *call, const CustomerFits *fits,
			  const double *arrivals, int32 until)
{
	const double end = time_ahead(call, fits, until);
	double		sum = 0;

	CHECK_FOR_INTERRUPTS();
	for (int32 day = 0; day < until; day++)
		sum += arrivals[day] *
			btyd_expected_orders_new(&fits->model,
									 end - time_ahead(call, fits, day));
	return sum;
}

static void
add_new(const FitCall *call, const CustomerFits *fits, const DayList *list,
		const SpanPeriods *periods, OrdersToCome *orders)
{
	const double *arrivals = arrivals_to_come(call, list, periods);
	double		before = 0;
	int32		day = 0;

	for (int i = 0; i < periods->n; i++)
	{
		for (; day < periods->end[i]; day++)
			orders->first[i] += arrivals[day];
		if (fits->buying.has_params)
		{
			const double until = repeats_until(call, fits, arrivals,
											   periods->end[i]);

			orders->repeat[i] = Max(until - before, 0);
			before = until;
		}
	}
}

/*
 * What is to be expected of each period: of the groups of customers, where the model has
 * parameters, and of those who come, by the first days that are listed.
 */
void
orders_to_come(const FitCall *call, const CustomerFits *fits,
			   const CustomerGroups *groups, const DayList *list,
			   const SpanPeriods *periods, OrdersToCome *orders)
{
	*orders = (OrdersToCome) {
		.existing = array_alloc0(periods->n, sizeof(double)),
		.existing_value = array_alloc0(periods->n, sizeof(double)),
		.first = array_alloc0(periods->n, sizeof(double)),
		.repeat = array_alloc0(periods->n, sizeof(double))
	};
	if (fits->buying.has_params)
		add_existing(call, fits, groups, periods, orders);
	add_new(call, fits, list, periods, orders);
}
