/*
 * forecast.c
 *		forecast: the orders and the revenue of the months to come, of the customers there
 *		are and of those who will come.
 *
 * What customers do is told by the models of predict_customers, who will come by those
 * who came (math/arrivals.h), and what these do next by the model of customers again. How
 * far to trust it is told by the same of up to four horizons before.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/orders_to_come.h"

#include <math.h>

#include "base/checks.h"
#include "base/result_values.h"
#include "models/predictions.h"
#include "tables/origins.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"

typedef struct ForecastCall
{
	FitCall		fit;
	Grain		grain;
} ForecastCall;

/* So many horizons before as_of are looked at for the interval. */
#define ORIGINS		4

/* Longer than anybody's calendar of business */
static const Interval most_horizon = {.month = 120};

enum
{
	FORECAST_PERIOD_START,
	FORECAST_EXISTING,
	FORECAST_NEW_FIRST,
	FORECAST_NEW_REPEAT,
	FORECAST_ORDERS,
	FORECAST_REVENUE,
	FORECAST_LOW,
	FORECAST_HIGH,
	FORECAST_IS_COMPLETE,
	FORECAST_MODEL_STATUS,
	FORECAST_COLUMNS
};

/* What purchases are worth of whom nothing is known yet */
typedef struct NewValues
{
	bool		has_first;
	double		first;			/* a first one: the mean of those there were */
	bool		has_repeat;
	double		repeat;			/* a later one, as the spend model has it */
} NewValues;

/* What rows are made with. */
typedef struct Forecast
{
	CustomerCall *call;
	const CustomerFits *fits;
	NewValues	values;
	LogRatios	periods;		/* of the earlier times: of each period, */
	LogRatios	totals;			/* and of all together */
	Datum		status;
} Forecast;

/* The numbers of a row */
typedef struct ForecastRow
{
	double		existing;
	double		existing_value;
	double		first;
	double		repeat;
} ForecastRow;

/* ------------------------------------------------------------------------
 * What is known
 * ------------------------------------------------------------------------
 */

/* What a purchase of a customer is worth; 0 where there is nothing to tell it by */
static double
value_of(const CustomerFits *fits, const NewValues *values,
		 const SummaryCursor *cursor, const PurchaseSummary *summary)
{
	double		mean;
	double		value;

	if (mean_repeat_float8(summary, &cursor->scratch, &mean) &&
		fits->spend.has_params &&
		purchase_value(fits->spend.params, summary->x, true, mean, &value))
		return value;
	return values->has_repeat ? values->repeat : 0;
}

/* Reads the customers of a table: their days, groups of them, and what they spend. */
static void
read_customers(const CustomerCall *call, const CustomerTable *table,
			   const CustomerFits *fits, DayList *list, CustomerGroups *groups,
			   NewValues *values)
{
	MemoryContext caller = CurrentMemoryContext;
	SummaryCursor cursor;
	PurchaseSummary summary;
	double		first = 0;
	double		known = 0;

	values->has_repeat = fits->spend.has_params &&
		purchase_value(fits->spend.params, 0, false, 0, &values->repeat);
	day_list_init(list);
	summary_cursor_init(&cursor, table);
	cursor.scratch.days = list;
	while (summary_cursor_next(&cursor, &summary))
	{
		CustomerGroup customer = {{summary.x, summary.t_x, summary.age}, 1};

		day_list_end_customer(list);
		MemoryContextSwitchTo(call->row_context);
		customer.value = value_of(fits, values, &cursor, &summary);
		if (!money_is_none(&summary.first_money))
		{
			first += money_quotient(&summary.first_money,
									cursor.scratch.sums.base, 1);
			known++;
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(call->row_context);
		customer_groups_add(groups, &customer);
	}
	customer_groups_join(groups);
	values->has_first = known > 0 && isfinite(first);
	if (values->has_first)
		values->first = first / known;
}

/* ------------------------------------------------------------------------
 * Earlier times
 * ------------------------------------------------------------------------
 */

/* The days with an order of each period, of all customers */
static double *
orders_that_came(const DayList *list, const SpanPeriods *periods)
{
	double	   *on_day = array_alloc0(periods->days, sizeof(double));
	double	   *came = array_alloc0(periods->n, sizeof(double));
	int32		day = 0;

	for (uint64 i = 0; i < list->ndays; i++)
	{
		const int64 since = list->day[i] - periods->from;

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (since >= 0 && since < periods->days)
			on_day[since]++;
	}
	for (int i = 0; i < periods->n; i++)
		for (; day < periods->end[i]; day++)
			came[i] += on_day[day];
	return came;
}

/* Half an order is added to both sides, since nothing may come on a day. */
static void
add_ratio(LogRatios *ratios, double predicted, double came)
{
	log_ratios_add(ratios, predicted + 0.5, came + 0.5);
}

static void
look_back(const FitCall *call, Grain grain, const DayList *list,
		  const HoldoutSpan *span, Forecast *forecast)
{
	CustomerGroups groups = {0};
	HoldoutCases cases;
	CustomerFits fits;
	SpanPeriods periods;
	OrdersToCome orders;
	const double *came;
	double		predicted = 0;
	double		all = 0;

	fit_origin(call, list, span, &cases, &fits);
	if (!fits.buying.has_params)
		return;
	for (uint64 i = 0; i < cases.n; i++)
	{
		const HoldoutCase *one = &cases.cases[i];
		const CustomerGroup customer = {one->history, 1};

		customer_groups_add(&groups, &customer);
	}
	customer_groups_join(&groups);
	span_periods_init(&periods, grain, span->origin, span->until);
	orders_to_come(call, &fits, &groups, list, &periods, &orders);
	came = orders_that_came(list, &periods);
	for (int i = 0; i < periods.n; i++)
	{
		const double expected = orders.existing[i] + orders.first[i] +
			orders.repeat[i];

		add_ratio(&forecast->periods, expected, came[i]);
		predicted += expected;
		all += came[i];
	}
	add_ratio(&forecast->totals, predicted, all);
	forecast->periods.origins++;
	forecast->totals.origins++;
}

static void
look_back_often(const ForecastCall *call, const DayList *list, int64 as_of,
				Forecast *forecast)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext one = AllocSetContextCreate(caller, "retention origin",
											  ALLOCSET_DEFAULT_SIZES);
	FitCall		quiet = call->fit;
	Origins		origins;

	quiet.is_quiet = true;
	origins_before(&origins, as_of, &call->fit.horizon, ORIGINS);
	MemoryContextSwitchTo(one);
	for (int i = 0; i < origins.n; i++)
	{
		const HoldoutSpan span = origin_span(&origins, i);

		look_back(&quiet, call->grain, list, &span, forecast);
		MemoryContextReset(one);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(one);
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */
static void
set_interval(const LogRatios *ratios, double orders, Datum *values, bool *nulls)
{
	double		reach = 0;
	const bool	known = !nulls[FORECAST_ORDERS] &&
		log_ratios_reach(ratios, &reach);

	values[FORECAST_LOW] = finite_or_null(known, orders * exp(-reach),
										  &nulls[FORECAST_LOW]);
	values[FORECAST_HIGH] = finite_or_null(known, orders * exp(reach),
										   &nulls[FORECAST_HIGH]);
}

/* The money of a row; false if some of it cannot be told. */
static bool
revenue_of(const Forecast *forecast, const ForecastRow *row, double *revenue)
{
	const NewValues *values = &forecast->values;

	*revenue = row->existing_value + row->first * values->first +
		row->repeat * values->repeat;
	return forecast->fits->buying.has_params && values->has_first &&
		values->has_repeat && isfinite(*revenue);
}

static void
put_forecast(const Forecast *forecast, const ForecastRow *row,
			 const LogRatios *ratios, const SpanPeriods *periods, int period)
{
	const bool	known = forecast->fits->buying.has_params;
	const bool	is_total = period == periods->n;
	const double orders = row->existing + row->first + row->repeat;
	Datum		values[FORECAST_COLUMNS] = {0};
	bool		nulls[FORECAST_COLUMNS] = {false};
	double		revenue;
	Money		money;

	nulls[FORECAST_PERIOD_START] = is_total;
	if (!is_total)
		values[FORECAST_PERIOD_START] = DateADTGetDatum(periods->date[period]);
	values[FORECAST_EXISTING] = finite_or_null(known, row->existing,
											   &nulls[FORECAST_EXISTING]);
	values[FORECAST_NEW_FIRST] = finite_or_null(true, row->first,
												&nulls[FORECAST_NEW_FIRST]);
	values[FORECAST_NEW_REPEAT] = finite_or_null(known, row->repeat,
												 &nulls[FORECAST_NEW_REPEAT]);
	values[FORECAST_ORDERS] = finite_or_null(known, orders,
											 &nulls[FORECAST_ORDERS]);
	nulls[FORECAST_REVENUE] = !revenue_of(forecast, row, &revenue);
	if (!nulls[FORECAST_REVENUE])
		values[FORECAST_REVENUE] = predicted_money(forecast->fits->decimals, revenue,
												   &money);
	set_interval(ratios, orders, values, nulls);
	values[FORECAST_IS_COMPLETE] =
		BoolGetDatum(is_total || periods->is_whole[period]);
	values[FORECAST_MODEL_STATUS] = forecast->status;
	put_row(forecast->call, values, nulls);
}

static void
put_rows(const Forecast *forecast, const OrdersToCome *orders,
		 const SpanPeriods *periods)
{
	ForecastRow total = {0};

	for (int i = 0; i < periods->n; i++)
	{
		const ForecastRow row = {
			orders->existing[i], orders->existing_value[i], orders->first[i],
			orders->repeat[i]
		};

		total.existing += row.existing;
		total.existing_value += row.existing_value;
		total.first += row.first;
		total.repeat += row.repeat;
		put_forecast(forecast, &row, &forecast->periods, periods, i);
	}
	put_forecast(forecast, &total, &forecast->totals, periods, periods->n);
}

/* The status of the fits, and how the interval was come by */
static Datum
forecast_status(const Forecast *forecast)
{
	const char *status = forecast->fits->status;

	if (forecast->totals.origins == 0)
		status = psprintf("%s; no interval: no model a horizon before as_of",
						  status);
	else if (forecast->totals.origins < ORIGINS)
		status = psprintf("%s; the interval is of %d earlier forecast%s", status,
						  forecast->totals.origins,
						  forecast->totals.origins == 1 ? "" : "s");
	return CStringGetTextDatum(status);
}

static void
write_forecast(CustomerCall *base_call, const CustomerTable *const *tables)
{
	ForecastCall *call = (ForecastCall *) base_call;
	Forecast	forecast = {.call = base_call};
	CustomerGroups groups = {0};
	CustomerFits fits;
	DayList		list;
	SpanPeriods periods;
	OrdersToCome orders;
	int64		as_of;
	int64		until;

	if (tables[0] == NULL)
		return;
	as_of = purchase_last_day(tables[0]);
	until = day_after(as_of, &call->fit.horizon);
	if (until > day_after(as_of, &most_horizon))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"horizon\" must be ten years at the most")));
	if (!fit_customers(&call->fit, tables[0], true, until - as_of, &fits))
		return;
	tell_if_stale(base_call, fits.last_order_at,
				  Min(until - as_of, STALE_AFTER));
	forecast.fits = &fits;
	read_customers(base_call, tables[0], &fits, &list, &groups,
				   &forecast.values);
	span_periods_init(&periods, call->grain, as_of, until);
	orders_to_come(&call->fit, &fits, &groups, &list, &periods, &orders);
	look_back_often(call, &list, as_of, &forecast);
	forecast.status = forecast_status(&forecast);
	put_rows(&forecast, &orders, &periods);
}

/* ------------------------------------------------------------------------
 * The function
 * ------------------------------------------------------------------------
 */

/* The arguments after "horizon" begin with the grain. */
static void
forecast_call_init(ForecastCall *call, FunctionCallInfo fcinfo, int horizon,
				   int unit, int family, int season)
{
	fit_call_init(&call->fit, fcinfo, write_forecast, unit, family, season);
	horizon_arg_of_days(&call->fit, fcinfo, horizon);
	if (PG_ARGISNULL(horizon + 1))
		reject_null("grain");
	call->grain = grain_from_text(PG_GETARG_TEXT_PP(horizon + 1));
}

/*
 * "as_of", at the beginning of its day in "tz": of a day that is not over, what has come
 * is left out, and the whole of it is foretold.
 */
static TimestampTz
day_arg(FunctionCallInfo fcinfo, int as_of, int tz)
{
	const TimestampTz at = time_arg(fcinfo, as_of, "as_of");
	const Zone *zone;

	if (PG_ARGISNULL(tz))
		reject_null("tz");
	zone = zone_from_name(text_to_cstring(PG_GETARG_TEXT_PP(tz)));
	return period_begin(GRAIN_DAY, zone, period_of(GRAIN_DAY, zone, at));
}

/*
 * forecast(customer_type anyelement, orders_table regclass, customer_column name,
 * ordered_at_column name, amount_column name, horizon interval, grain text,
 * as_of timestamptz, family text, unit interval, tz text, order_id_column name,
 * season text, campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(forecast);
Datum
forecast(PG_FUNCTION_ARGS)
{
	enum
	{
		HORIZON = ARG_OPTIONS, GRAIN, AS_OF, FAMILY, UNIT, TZ, ORDER_ID, SEASON
	};
	static const OrdersArguments arguments = {
		.relation = ARG_ORDERS_TABLE, .tz = TZ, .order_id = ORDER_ID
	};
	ForecastCall call;

	forecast_call_init(&call, fcinfo, HORIZON, UNIT, FAMILY, SEASON);
	call.fit.base.as_of[0] = day_arg(fcinfo, AS_OF, TZ);
	return run_over_relation(&call.fit.base, &arguments, "as_of");
}

/*
 * forecast(state retention_state, horizon interval, grain text, family text,
 * unit interval, season text, campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(forecast_of_state);
Datum
forecast_of_state(PG_FUNCTION_ARGS)
{
	enum
	{
		STATE, HORIZON, GRAIN, FAMILY, UNIT, SEASON
	};
	ForecastCall call;

	forecast_call_init(&call, fcinfo, HORIZON, UNIT, FAMILY, SEASON);
	return run_over_states(&call.fit.base, STATE);
}

/*
 * forecast(history order_history, as_of timestamptz, horizon interval, grain text,
 * family text, unit interval, tz text, season text, campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(forecast_of_history);
Datum
forecast_of_history(PG_FUNCTION_ARGS)
{
	enum
	{
		AS_OF = ARG_HISTORY_OPTIONS, HORIZON, GRAIN, FAMILY, UNIT, TZ, SEASON
	};
	ForecastCall call;

	forecast_call_init(&call, fcinfo, HORIZON, UNIT, FAMILY, SEASON);
	call.fit.base.as_of[0] = day_arg(fcinfo, AS_OF, TZ);
	return run_over_history(&call.fit.base, TZ, "as_of");
}
