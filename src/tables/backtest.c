/*
 * backtest.c
 *		backtest: how far to trust a model? What it would have said at an earlier
 *		time, beside what then happened.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/model_call.h"

#include "miscadmin.h"

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
	const CustomerTable *later_table = later->customers.table;
	const CustomerKey key = load_key(table->kind, customer->slot);

	while (later->slot != NULL)
	{
		const int	order = compare_keys(table->kind,
										 load_key(table->kind, later->slot),
										 later_table->heap.base, key,
										 table->heap.base);

		if (order == 0)
			return later_summary->x + 1;
		if (order > 0)
			break;
		(void) summary_cursor_next(later, later_summary);
	}
	return 0;
}

static uint64
most_orders(const CustomerTable *table)
{
	SummaryCursor cursor;
	PurchaseSummary summary;
	int64		most = 0;

	summary_cursor_init(&cursor, table);
	while (summary_cursor_next(&cursor, &summary))
		most = Max(most, summary.x);
	return most;
}

static void
put_backtest_row(CustomerCall *call, const BacktestRow *row, bool has_model,
				 int64 x, bool is_total)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = Int64GetDatum(x);
	nulls[0] = is_total;
	values[1] = Int64GetDatum(row->customers);
	values[2] = float8_or_null(has_model, row->predicted, &nulls[2]);
	values[3] = Int64GetDatum(row->actual);
	put_row(call, values, nulls);
}

static void
write_backtest(CustomerCall *base_call, const CustomerTable *const *tables)
{
	const ModelCall *call = (ModelCall *) base_call;
	SummaryCursor cursor;
	SummaryCursor later;
	PurchaseSummary summary;
	PurchaseSummary later_summary;
	BacktestRow *rows;
	BacktestRow total = {0};
	ModelFit	fit;
	BtydModel	model;
	double		horizon = 0;	/* of the holdout, if there is one */
	uint64		most;

	check_comparable_states(base_call, tables, "calibration", "holdout");
	check_same_zone(tables[0], tables[1]);
	summary_cursor_init(&cursor, tables[0]);
	summary_cursor_init(&later, tables[1]);
	if (!summary_cursor_next(&cursor, &summary))
		return;
	fit_customers(call, tables[0], &fit);
	model = fitted_model(call, &fit);
	if (tables[1] != NULL)
		horizon = Max(later.last_day - cursor.last_day, 0) / call->unit;
	most = most_orders(tables[0]);
	rows = array_alloc0(most + 1, sizeof(BacktestRow));
	summary_cursor_init(&cursor, tables[0]);
	(void) summary_cursor_next(&later, &later_summary);
	while (summary_cursor_next(&cursor, &summary))
	{
		const BtydHistory history = history_of(call, &summary);
		BacktestRow *row = &rows[summary.x];
		const int64 days = days_in_holdout(&later, &later_summary, &cursor);

		row->customers++;
		if (fit.has_params)
			row->predicted += btyd_expected_orders(&model, &history, horizon);
		row->actual += Max(days - (summary.x + 1), 0);
	}

	for (uint64 x = 0; x <= most; x++)
	{
		if (rows[x].customers == 0)
			continue;
		put_backtest_row(base_call, &rows[x], fit.has_params, x, false);
		total.customers += rows[x].customers;
		total.predicted += rows[x].predicted;
		total.actual += rows[x].actual;
	}
	put_backtest_row(base_call, &total, fit.has_params, 0, true);
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
	static const OrdersArguments arguments = {
		.relation = 1, .tz = 9, .order_id = 10
	};
	ModelCall	call;

	model_call_init(&call, fcinfo, write_backtest, 8, 7);
	call.base.ntables = 2;
	call.base.as_of[0] = time_arg(fcinfo, 5, "calibration_end");
	call.base.as_of[1] = time_arg(fcinfo, 6, "holdout_end");
	check_time_order(call.base.as_of, "calibration_end", "holdout_end");
	return run_over_relation(&call.base, &arguments);
}

/*
 * backtest(calibration retention_state, holdout retention_state, family text,
 * unit interval)
 */
PG_FUNCTION_INFO_V1(backtest_of_states);
Datum
backtest_of_states(PG_FUNCTION_ARGS)
{
	ModelCall	call;

	model_call_init(&call, fcinfo, write_backtest, 3, 2);
	call.base.ntables = 2;
	return run_over_states(&call.base, 0);
}
