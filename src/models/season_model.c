/*
 * season_model.c
 *		A shop's seasons, from the days of a table's customers.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/season_model.h"

#include "utils/datetime.h"

/* ------------------------------------------------------------------------
 * Labels of days
 * ------------------------------------------------------------------------
 */
static int
month_of(int64 day)
{
	int			year;
	int			month;
	int			of_month;

	j2date((int) (day + POSTGRES_EPOCH_JDATE), &year, &month, &of_month);
	return month - 1;
}

/* The month of each of so many days, or that they are of a campaign */
uint8 *
season_labels(int64 first_day, int32 days, const Campaigns *campaigns)
{
	uint8	   *label = array_alloc(days, sizeof(uint8));

	for (int32 day = 0; day < days; day++)
		label[day] = month_of(first_day + day);
	for (int i = 0; i < campaigns->nspans; i++)
	{
		const int64 from = Max(campaigns->spans[i].from - first_day, 0);
		const int64 until = Min(campaigns->spans[i].until - first_day, days);

		CHECK_FOR_INTERRUPTS();
		for (int64 day = from; day < until; day++)
			label[day] = CAMPAIGN_LABEL;
	}
	return label;
}

/* ------------------------------------------------------------------------
 * Customers
 * ------------------------------------------------------------------------
 */
static inline int
compare_patterns(const SeasonPattern *a, const SeasonPattern *b)
{
	if (a->x != b->x)
		return a->x < b->x ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->last < b->last ? -1 : a->last > b->last;
}

#define ST_SORT sort_patterns
#define ST_ELEMENT_TYPE SeasonPattern
#define ST_COMPARE(a, b) compare_patterns(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Equal customers are put together, in the order of the patterns. */
static uint64
group_patterns(SeasonPattern *patterns, uint64 n)
{
	uint64		groups = 0;

	if (n > 0)
		sort_patterns(patterns, n);
	for (uint64 i = 0; i < n; i++)
	{
		if (groups > 0 &&
			compare_patterns(&patterns[groups - 1], &patterns[i]) == 0)
			patterns[groups - 1].customers++;
		else
			patterns[groups++] = patterns[i];
	}
	return groups;
}

/* The days of the customers of a table, one after the other */
typedef struct DaysCursor
{
	CustomerCursor customers;
	TimelineReader days;
} DaysCursor;

/* The next customer with a day, which has been read; false after the last. */
static bool
days_cursor_next(DaysCursor *cursor)
{
	const CustomerTable *table = cursor->customers.table;
	PurchaseDays days;

	while (customer_cursor_next(&cursor->customers, &days))
	{
		timeline_open(&cursor->days, table->heap.base, days.days);
		if (timeline_next(&cursor->days))
			return true;
	}
	return false;
}

/* Where the days of all begin, and how many customers have one */
static uint64
first_day_of_all(const CustomerTable *table, int64 *first_day)
{
	DaysCursor	cursor = {{table, 0}};
	uint64		customers = 0;

	*first_day = PG_INT64_MAX;
	while (days_cursor_next(&cursor))
	{
		*first_day = Min(*first_day, cursor.days.position);
		customers++;
	}
	return customers;
}

/* What a customer's days say, which the cursor has begun to read */
static SeasonPattern
read_customer(DaysCursor *cursor, int64 first_day, SeasonData *data)
{
	SeasonPattern pattern = {
		.first = (int32) (cursor->days.position - first_day), .customers = 1
	};
	int64		last = cursor->days.position;

	while (timeline_next(&cursor->days))
	{
		last = cursor->days.position;
		pattern.x++;
		data->orders[data->label[last - first_day]]++;
	}
	pattern.last = (int32) (last - first_day);
	return pattern;
}

/*
 * Season data of the customers in a table of purchase_days_family or of
 * btyd_days_family, before "last_day". False if there are none; without patterns where
 * there are too few days or too many for a season, which season_fit says.
 */
bool
season_days_of(const CustomerTable *table, int64 last_day, double unit,
			   const Campaigns *campaigns, SeasonDays *days)
{
	SeasonData *data = &days->data;
	DaysCursor	cursor = {{table, 0}};
	uint64		n = 0;
	const uint64 customers = first_day_of_all(table, &days->first_day);

	*data = (SeasonData) {.unit = unit};
	if (customers == 0)
		return false;
	data->days = (int32) Max(last_day - days->first_day, 0);
	if (data->days < SEASON_LEAST_DAYS || data->days > SEASON_MOST_DAYS)
		return true;
	/* an order of the very day that holds as_of has a label, too */
	data->label = season_labels(days->first_day, data->days + 1, campaigns);
	data->patterns = array_alloc(customers, sizeof(SeasonPattern));
	while (days_cursor_next(&cursor))
		data->patterns[n++] = read_customer(&cursor, days->first_day, data);
	data->npatterns = group_patterns(data->patterns, n);
	return true;
}

/* The status of a fit in the user's words. */
const char *
season_status(const SeasonDays *days, SeasonOutcome outcome)
{
	switch (outcome)
	{
		case SEASON_OK:
			return "ok";
		case SEASON_BY_CHANCE:
			return "ok, but there is no season to be seen: months differ no more than by chance";
		case SEASON_TOO_SHORT:
			if (days->data.days >= SEASON_LEAST_DAYS)
				return "no season: it takes two full years of orders, and hardly anybody came so long ago; is there a mistyped date?";
			return psprintf("no season: it takes two full years of orders, and there are %d days",
							days->data.days);
		case SEASON_TOO_LONG:
			return "no season: the orders span more than a hundred years; is there a mistyped date?";
		case SEASON_NO_MODEL:
			return "no season: too little data, since hardly any customer came back";
		case SEASON_UNSETTLED:
			return "no season: the fit did not settle";
	}
	return NULL;				/* there is no other */
}
