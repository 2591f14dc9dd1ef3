/*
 * backtest.c
 *		backtest: how far to trust a model? What it would have said at an earlier
 *		time, beside what then happened.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/fit_call.h"

#include "base/checks.h"
#include "utils/builtins.h"

/* The customers of one x. */
typedef struct BacktestRow
{
	int64		customers;
	double		predicted;
	int64		actual;
} BacktestRow;

/*
 * The days with an order of a customer of the calibration, in the holdout's state.
 * Both walks are in the order of keys; "later" is where the holdout's has come.
 */
static int64
days_in_holdout(SummaryCursor *later, PurchaseSummary *later_summary,
				const SummaryCursor *customer)
{
	const CustomerTable *table = customer->customers.table;

	while (!later->ended)
	{
		const int	order = compare_keys(table->kind, later->key, later->key_base,
										 customer->key, customer->key_base);

		if (order == 0)
			return later_summary->x + 1;
		if (order > 0)
			break;
		(void) summary_cursor_next(later, later_summary);
	}
	return 0;
}

enum
{
	BACKTEST_X,
	BACKTEST_CUSTOMERS,
	BACKTEST_PREDICTED,
	BACKTEST_ACTUAL,
	BACKTEST_MODEL_STATUS,
	BACKTEST_COLUMNS
};

static void
put_backtest_row(CustomerCall *call, const BacktestRow *row,
				 const CustomerFits *fits, int64 x, bool is_total)
{
	Datum		values[BACKTEST_COLUMNS];
	bool		nulls[BACKTEST_COLUMNS] = {false};

	values[BACKTEST_X] = Int64GetDatum(x);
	nulls[BACKTEST_X] = is_total;
	values[BACKTEST_CUSTOMERS] = Int64GetDatum(row->customers);
	values[BACKTEST_PREDICTED] = float8_or_null(fits->buying.has_params,
												row->predicted,
												&nulls[BACKTEST_PREDICTED]);
	values[BACKTEST_ACTUAL] = Int64GetDatum(row->actual);
	values[BACKTEST_MODEL_STATUS] = CStringGetTextDatum(fits->status);
	put_row(call, values, nulls);
}

static TimestampTz
last_order_at(const CustomerTable *table)
{
	SummaryCursor cursor;
	PurchaseSummary summary;
	TimestampTz last = DT_NOBEGIN;

	summary_cursor_init(&cursor, table);
	while (summary_cursor_next(&cursor, &summary))
		last = Max(last, summary.last_order_at);
	return last;
}

/* An answer that is remembered. */
typedef struct ExpectedOrders
{
	DayHistory	history;
	double		orders;
} ExpectedOrders;

static ExpectedOrders *
no_answers(void)
{
	ExpectedOrders *answers = array_alloc(HISTORY_PLACES,
										  sizeof(ExpectedOrders));

	for (int i = 0; i < HISTORY_PLACES; i++)
		answers[i].history = no_history;
	return answers;
}

static double
expected_orders_of(const FitCall *call, const CustomerFits *fits,
				   const PurchaseSummary *summary, double horizon,
				   ExpectedOrders *answers)
{
	const DayHistory days = summary_history(summary);
	ExpectedOrders *answer = &answers[history_place(&days)];

	if (compare_day_histories(&answer->history, &days) != 0)
	{
		const BtydHistory history = history_of(call, fits, summary);

		answer->history = days;
		answer->orders = btyd_expected_orders(&fits->model, &history, horizon);
	}
	return answer->orders;
}

/* Adds up the customers of the calibration, by their x. */
static void
add_customers(const FitCall *call, const CustomerFits *fits,
			  const CustomerTable *calibration, const CustomerTable *holdout,
			  double horizon, BacktestRow *rows)
{
	SummaryCursor cursor;
	SummaryCursor later;
	PurchaseSummary summary;
	PurchaseSummary later_summary;
	ExpectedOrders *answers = no_answers();

	summary_cursor_init(&cursor, calibration);
	summary_cursor_init(&later, holdout);
	(void) summary_cursor_next(&later, &later_summary);
	while (summary_cursor_next(&cursor, &summary))
	{
		BacktestRow *row = &rows[summary.x];
		const int64 days = days_in_holdout(&later, &later_summary, &cursor);

		row->customers++;
		if (fits->buying.has_params)
			row->predicted += expected_orders_of(call, fits, &summary,
												 horizon, answers);
		row->actual += Max(days - (summary.x + 1), 0);
	}
	pfree(answers);
}

static void
write_backtest(CustomerCall *base_call, const CustomerTable *const *tables)
{
	const FitCall *call = (FitCall *) base_call;
	BacktestRow *rows;
	BacktestRow total = {0};
	CustomerFits fits;
	double		days;

	if (tables[0] == NULL)
		return;
	if (tables[1] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"holdout\" must not be null where \"calibration\" is not"),
				 errhint("The state of a holdout has all orders before its end, those of the calibration too.")));
	check_comparable_states(base_call, tables, "calibration", "holdout");
	check_same_zone(tables[0], tables[1]);
	days = Max(purchase_last_day(tables[1]) - purchase_last_day(tables[0]), 0);
	if (!fit_customers(call, tables[0], false, days, &fits))
		return;
	tell_if_stale(base_call, last_order_at(tables[1]),
				  Min(days_between(base_call->as_of[0], base_call->as_of[1]),
					  STALE_AFTER));
	rows = array_alloc0(fits.most_x + 1, sizeof(BacktestRow));
	add_customers(call, &fits, tables[0], tables[1],
				  time_ahead(call, &fits, days), rows);
	for (int64 x = 0; x <= fits.most_x; x++)
	{
		if (rows[x].customers == 0)
			continue;
		put_backtest_row(base_call, &rows[x], &fits, x, false);
		total.customers += rows[x].customers;
		total.predicted += rows[x].predicted;
		total.actual += rows[x].actual;
	}
	put_backtest_row(base_call, &total, &fits, 0, true);
}

/*
 * backtest(customer_type anyelement, orders_table regclass, customer_column name,
 * ordered_at_column name, amount_column name, calibration_end timestamptz,
 * holdout_end timestamptz, family text, unit interval, tz text,
 * order_id_column name)
 */
PG_FUNCTION_INFO_V1(backtest);
Datum
backtest(PG_FUNCTION_ARGS)
{
	enum
	{
		CALIBRATION_END = ARG_OPTIONS, HOLDOUT_END, FAMILY, UNIT, TZ, ORDER_ID,
		SEASON
	};
	static const OrdersArguments arguments = {
		.relation = ARG_ORDERS_TABLE, .tz = TZ, .order_id = ORDER_ID
	};
	FitCall		call;

	fit_call_init(&call, fcinfo, write_backtest, UNIT, FAMILY, SEASON);
	call.base.ntables = 2;
	call.base.as_of[0] = time_arg(fcinfo, CALIBRATION_END, "calibration_end");
	call.base.as_of[1] = time_arg(fcinfo, HOLDOUT_END, "holdout_end");
	check_time_order(call.base.as_of, "calibration_end", "holdout_end");
	return run_over_relation(&call.base, &arguments, "holdout_end");
}

/*
 * backtest(calibration retention_state, holdout retention_state, family text,
 * unit interval, season text, campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(backtest_of_states);
Datum
backtest_of_states(PG_FUNCTION_ARGS)
{
	enum
	{
		CALIBRATION, HOLDOUT, FAMILY, UNIT, SEASON
	};
	FitCall		call;

	fit_call_init(&call, fcinfo, write_backtest, UNIT, FAMILY, SEASON);
	call.base.ntables = HOLDOUT + 1;
	return run_over_states(&call.base, CALIBRATION);
}

/*
 * backtest(history order_history, calibration_end timestamptz,
 * holdout_end timestamptz, family text, unit interval, tz text, season text,
 * campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(backtest_of_history);
Datum
backtest_of_history(PG_FUNCTION_ARGS)
{
	enum
	{
		CALIBRATION_END = ARG_HISTORY_OPTIONS, HOLDOUT_END, FAMILY, UNIT, TZ,
		SEASON
	};
	FitCall		call;

	fit_call_init(&call, fcinfo, write_backtest, UNIT, FAMILY, SEASON);
	call.base.ntables = 2;
	call.base.as_of[0] = time_arg(fcinfo, CALIBRATION_END, "calibration_end");
	call.base.as_of[1] = time_arg(fcinfo, HOLDOUT_END, "holdout_end");
	check_time_order(call.base.as_of, "calibration_end", "holdout_end");
	return run_over_history(&call.base, TZ, "holdout_end");
}
