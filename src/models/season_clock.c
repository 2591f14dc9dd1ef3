/*
 * season_clock.c
 *		The clock of a shop's seasons, fitted to all customers and read by the table
 *		functions that predict.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/season_clock.h"

#include <math.h>

#include "base/checks.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "math/gauss_legendre.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

/* ------------------------------------------------------------------------
 * Arguments
 * ------------------------------------------------------------------------
 */
static SeasonChoice
season_choice(const char *name)
{
	if (strcmp(name, "none") == 0)
		return SEASON_CHOICE_NONE;
	if (strcmp(name, "month") == 0)
		return SEASON_CHOICE_MONTH;
	if (strcmp(name, "auto") == 0)
		return SEASON_CHOICE_AUTO;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"season\" must be auto, month or none, not \"%s\"",
					excerpt(name)),
			 errhint("auto: months where there are two full years of orders; none: every day is like any other.")));
}

/* An end of a range as a day; one that is open is at the end of the calendar. */
static int64
end_of_range(const RangeBound *bound)
{
	if (bound->infinite)
		return bound->lower ? DATEVAL_NOBEGIN : DATEVAL_NOEND;
	return DatumGetDateADT(bound->val);
}

/* The days of campaigns; ranges may overlap, and those without a day are none. */
static void
read_campaigns(Datum array, Campaigns *campaigns)
{
	TypeCacheEntry *type = lookup_type_cache(DATERANGEOID, TYPECACHE_RANGE_INFO);
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), DATERANGEOID, -1, false,
					  TYPALIGN_INT, &values, &nulls, &n);
	*campaigns = (Campaigns) {array_alloc(n, sizeof(CampaignDays)), 0};
	for (int i = 0; i < n; i++)
	{
		RangeBound	lower;
		RangeBound	upper;
		bool		is_empty;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"campaigns\" must not have a null in it")));
		range_deserialize(type, DatumGetRangeTypeP(values[i]), &lower, &upper,
						  &is_empty);
		if (!is_empty)
			campaigns->spans[campaigns->nspans++] =
				(CampaignDays) {end_of_range(&lower), end_of_range(&upper)};
	}
}

/* "season" and "campaigns", by the numbers of the arguments */
void
season_args(FunctionCallInfo fcinfo, int season, int campaigns,
			SeasonWish *wish)
{
	if (PG_ARGISNULL(season))
		reject_null("season");
	if (PG_ARGISNULL(campaigns))
		reject_null("campaigns");
	wish->choice = season_choice(text_to_cstring(PG_GETARG_TEXT_PP(season)));
	read_campaigns(PG_GETARG_DATUM(campaigns), &wish->campaigns);
	if (wish->choice == SEASON_CHOICE_NONE && wish->campaigns.nspans > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"campaigns\" needs a season, and \"season\" is none"),
				 errhint("Leave \"season\" out: without two full years of orders there is none, nor are campaigns looked at.")));
}

/* ------------------------------------------------------------------------
 * The fit
 * ------------------------------------------------------------------------
 */

/* What is known of the customers as the fit of seasons wants it; times are in days. */
static void
patterns_of_days(const BtydData *in_days, int32 days, SeasonData *data)
{
	data->patterns = array_alloc(in_days->npatterns, sizeof(SeasonPattern));
	data->npatterns = in_days->npatterns;
	for (uint64 i = 0; i < in_days->npatterns; i++)
	{
		const BtydPattern *pattern = &in_days->patterns[i];
		const int32 first = days - (int32) pattern->history.age;

		data->patterns[i] = (SeasonPattern) {
			.x = pattern->history.x,
			.first = first,
			.last = first + (int32) pattern->history.t_x,
			.customers = pattern->customers
		};
	}
}

/* Has a campaign a day before the end of the data on which one could come back? */
static bool
knows_campaign(const SeasonData *data)
{
	for (int32 day = 1; day < data->days; day++)
		if (data->label[day] == CAMPAIGN_LABEL)
			return true;
	return false;
}

static SeasonClock *
make_clock(const SeasonDays *days, const double *factors,
		   const Campaigns *campaigns, int64 ahead)
{
	const int64 now = days->data.days;
	const int64 last = now + ahead;
	const uint8 *label = season_labels(days->first_day, (int32) last, campaigns);
	SeasonData	all = {.days = (int32) last, .label = label, .unit = days->data.unit};
	SeasonClock *clock = palloc(sizeof(SeasonClock));

	*clock = (SeasonClock) {season_clock(&all, factors), now, last, all.unit};
	return clock;
}

static double
oldest_age(const BtydData *in_days)
{
	double		age = 0;

	for (uint64 i = 0; i < in_days->npatterns; i++)
		age = Max(age, in_days->patterns[i].history.age);
	return age;
}

/*
 * The family whose clock a family goes by. Where customers can leave at any time, the
 * turns of season_fit have no closed form; the seasons of MBG/NBD are hardly others.
 */
const BtydFamily *
season_family(const BtydFamily *family)
{
	return family == &pareto_nbd_family ? &mbgnbd_family : family;
}

/* What to say where there is no season; NULL if the model without one says it. */
static const char *
why_none(const SeasonDays *days, SeasonOutcome outcome)
{
	if (outcome == SEASON_NO_MODEL)
		return NULL;
	if (outcome == SEASON_BY_CHANCE)
		return "no season: months differ no more than by chance";
	return season_status(days, outcome);
}

/*
 * Fits seasons, as they are wanted, to the histories of all customers (times in days) and
 * their repeat purchases, as of the beginning of last_day. The clock goes on for
 * days_ahead; it is NULL if there is no season. Returns what is to be told of that, or
 * NULL.
 */
const char *
season_clock_fit(const SeasonWish *wish, const BtydFamily *family,
				 const BtydData *in_days, const DayCounts *repeats,
				 int64 last_day, double unit, double days_ahead,
				 SeasonClock **clock)
{
	Campaigns	campaigns = wish->campaigns;
	const char *told = NULL;
	SeasonDays	days = {.data = {.unit = unit}};
	SeasonData *data = &days.data;
	SeasonFit	fit;

	*clock = NULL;
	days.first_day = last_day - (int64) oldest_age(in_days);
	data->days = (int32) (last_day - days.first_day);
	if (data->days >= SEASON_LEAST_DAYS && data->days <= SEASON_MOST_DAYS)
	{
		data->label = season_labels(days.first_day, data->days + 1, &campaigns);
		if (campaigns.nspans > 0 && !knows_campaign(data))
		{
			told = "campaigns are left out, since none of their days lies among those of the orders";
			campaigns.nspans = 0;
			data->label = season_labels(days.first_day, data->days + 1, &campaigns);
		}
		patterns_of_days(in_days, data->days, data);
		for (int32 day = 0; day <= data->days; day++)
			data->orders[data->label[day]] += repeats->purchases[data->days - day];
	}
	season_fit(season_family(family), data, true, &fit);
	if (fit.outcome != SEASON_OK)
		return why_none(&days, fit.outcome);
	/* in a century, seasons even out */
	*clock = make_clock(&days, fit.factors, &campaigns,
						days_ahead <= SEASON_MOST_DAYS ? (int64) ceil(days_ahead) : 0);
	return told;
}

/* ------------------------------------------------------------------------
 * Reading the clock
 * ------------------------------------------------------------------------
 */

/* At so many days after the beginning of the first one. */
static double
clock_at(const SeasonClock *clock, double day)
{
	const int64 whole = (int64) day;

	if (day >= clock->last)
		return clock->tau[clock->last] + (day - clock->last) / clock->unit;
	return clock->tau[whole] +
		(day - whole) * (clock->tau[whole + 1] - clock->tau[whole]);
}

/* How far it goes in so many days from now; in units. */
double
season_clock_ahead(const SeasonClock *clock, double days)
{
	return clock_at(clock, clock->now + days) - clock->tau[clock->now];
}

/* How many days it takes to go so far. */
double
season_clock_days(const SeasonClock *clock, double ahead)
{
	const double until = clock->tau[clock->now] + ahead;
	int64		low = clock->now;
	int64		high = clock->last;

	if (until >= clock->tau[clock->last])
		return clock->last - clock->now +
			(until - clock->tau[clock->last]) * clock->unit;
	while (high - low > 1)
	{
		const int64 middle = low + (high - low) / 2;

		if (clock->tau[middle] <= until)
			low = middle;
		else
			high = middle;
	}
	return low - clock->now +
		(until - clock->tau[low]) / (clock->tau[low + 1] - clock->tau[low]);
}

/* What a model on the clock is told of a customer; times in days. */
BtydHistory
season_history(const SeasonClock *clock, double x, int64 t_x, int64 age)
{
	const double *first = &clock->tau[clock->now - age];

	return (BtydHistory) {
		.x = x,
		.t_x = first[t_x] - first[0],
		.age = clock->tau[clock->now] - first[0]
	};
}

/* ------------------------------------------------------------------------
 * Discount
 * ------------------------------------------------------------------------
 *
 * By parts, with E(s) the orders expected until s of the clock, t(s) the calendar's
 * time then, and h and H that of the horizon,
 *
 *		integral of e^(-force t(s)) dE(s)
 *			= e^(-force h) E(H) + integral of E(s) force e^(-force t) dt.
 *
 * E is smooth in the root of s, whatever the clock does; it is taken for the polynomial
 * through the points of a rule of Gauss and Legendre, and the integral of each of the
 * polynomials of Lagrange is the same for all customers: the weight of its point.
 */

/* Two points in each day */
#define POINT_OF_DAY	0.57735026918962576451	/* 1 / sqrt(3) */

/* The polynomials of Lagrange at u (H. E. Salzer (1972), the points of Legendre) */
static void
add_polynomials(DiscountRule *rule, const double *node, const double *share,
				double u, double weight)
{
	double		part[DISCOUNT_POINTS];
	double		sum = 0;

	for (int i = 0; i < DISCOUNT_POINTS; i++)
	{
		if (u == node[i])
		{
			rule->weight[i] += weight;
			return;
		}
		part[i] = share[i] / (u - node[i]);
		sum += part[i];
	}
	for (int i = 0; i < DISCOUNT_POINTS; i++)
		rule->weight[i] += weight * part[i] / sum;
}

/* The rule of so many days from now, and a force of discount per day. */
void
discount_rule_init(DiscountRule *rule, const SeasonClock *clock, double days,
				   double force)
{
	const GaussRule *gauss = &gauss_rules[GAUSS_RULE_16];
	double		node[DISCOUNT_POINTS];
	double		share[DISCOUNT_POINTS];

	*rule = (DiscountRule) {
		.horizon = season_clock_ahead(clock, days), .at_end = exp(-force * days)
	};
	for (int i = 0; i < DISCOUNT_POINTS; i++)
	{
		const GaussPoint *point = &gauss->points[i / 2];
		const double at = i % 2 ? point->at : -point->at;

		node[i] = (1 + at) / 2;
		share[i] = sqrt((1 - at * at) * point->weight);
		rule->at[i] = rule->horizon * node[i] * node[i];
	}

	/*
	 * signs go in turns along the line; the two of a point lie opposite each
	 * other
	 */
	for (int i = 0; i < DISCOUNT_POINTS; i++)
	{
		int			below = 0;

		for (int j = 0; j < DISCOUNT_POINTS; j++)
			below += node[j] < node[i];
		if (below % 2)
			share[i] = -share[i];
	}
	for (double day = 0; day < days; day++)
		for (int side = -1; side <= 1; side += 2)
		{
			const double length = Min(1, days - day);
			const double t = day + length * (1 + side * POINT_OF_DAY) / 2;

			add_polynomials(rule, node, share,
							sqrt(season_clock_ahead(clock, t) / rule->horizon),
							length / 2 * force * exp(-force * t));
		}
}

double
discounted_orders(const DiscountRule *rule, const BtydModel *model,
				  const BtydHistory *history)
{
	const double alive = btyd_p_alive(model, history);
	double		sum = rule->at_end *
		model->family->expected_orders(model, history, alive, rule->horizon);

	for (int i = 0; i < DISCOUNT_POINTS; i++)
		sum += rule->weight[i] *
			model->family->expected_orders(model, history, alive, rule->at[i]);
	return sum;
}
