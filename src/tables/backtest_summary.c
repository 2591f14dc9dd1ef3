/*
 * backtest_summary.c
 *		backtest_summary: how far to trust a model, by what it would have said at several
 *		earlier times, and whether rules without a model come as near.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/origins.h"

#include <math.h>

#include "base/checks.h"
#include "base/result_values.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"

typedef struct SummaryCall
{
	FitCall		fit;
	int			origins;
} SummaryCall;

enum
{
	SUMMARY_ORIGIN,
	SUMMARY_CUSTOMERS,
	SUMMARY_PREDICTED,
	SUMMARY_ACTUAL,
	SUMMARY_ERROR,
	SUMMARY_MAE,
	SUMMARY_MAE_NAIVE,
	SUMMARY_RMSE,
	SUMMARY_RMSE_NAIVE,
	SUMMARY_BRIER,
	SUMMARY_BRIER_BASE,
	SUMMARY_AUC,
	SUMMARY_AUC_RECENCY,
	SUMMARY_ERROR_LOW,
	SUMMARY_ERROR_HIGH,
	SUMMARY_NAIVE_RULE,
	SUMMARY_MODEL_STATUS,
	SUMMARY_COLUMNS,
	SUMMARY_MEASURES = SUMMARY_ERROR_LOW	/* before it are numbers */
};

/* A row's numbers, in the places of its columns; those unknown are NULL. */
typedef struct SummaryRow
{
	bool		known[SUMMARY_MEASURES];
	double		value[SUMMARY_MEASURES];
	const char *rule;			/* of the naive ones the nearest; NULL: none */
} SummaryRow;

/* Of all origins of which the model said something */
typedef struct SummaryTotals
{
	int			origins;
	int			known[SUMMARY_MEASURES];
	double		sum[SUMMARY_MEASURES];
	bool		has_cells;		/* at all of them */
	double		naive_mae[NAIVE_RULES];
	LogRatios	ratios;
} SummaryTotals;

/* ------------------------------------------------------------------------
 * A row of an origin, and the last one
 * ------------------------------------------------------------------------
 */
static void
set_value(SummaryRow *row, int column, double value)
{
	row->known[column] = true;
	row->value[column] = value;
}

/* The rule with the smallest error; cells are left out where nobody fills them. */
static NaiveRule
nearest_rule(const double *error, bool has_cells)
{
	NaiveRule	nearest = NAIVE_OWN_RATE;

	for (NaiveRule rule = 0; rule < NAIVE_RULES; rule++)
		if (error[rule] < error[nearest] &&
			(has_cells || rule != NAIVE_CELL_MEANS))
			nearest = rule;
	return nearest;
}

/* What is known without a model */
static void
set_naive(SummaryRow *row, const HoldoutScores *scores)
{
	const NaiveRule rule = nearest_rule(scores->naive_mae, scores->has_cells);

	row->rule = naive_rule_name(rule);
	set_value(row, SUMMARY_ACTUAL, scores->actual);
	set_value(row, SUMMARY_MAE_NAIVE, scores->naive_mae[rule]);
	set_value(row, SUMMARY_RMSE_NAIVE,
			  scores->naive_rmse[nearest_rule(scores->naive_rmse,
											  scores->has_cells)]);
	set_value(row, SUMMARY_BRIER_BASE, scores->brier_base);
	if (scores->has_auc)
		set_value(row, SUMMARY_AUC_RECENCY, scores->auc_recency);
}

static void
set_model(SummaryRow *row, const HoldoutScores *scores)
{
	set_value(row, SUMMARY_PREDICTED, scores->predicted);
	if (scores->actual > 0)
		set_value(row, SUMMARY_ERROR, scores->predicted / scores->actual - 1);
	set_value(row, SUMMARY_MAE, scores->mae);
	set_value(row, SUMMARY_RMSE, scores->rmse);
	set_value(row, SUMMARY_BRIER, scores->brier);
	if (scores->has_auc)
		set_value(row, SUMMARY_AUC, scores->auc);
}

static void
add_to_totals(SummaryTotals *totals, const SummaryRow *row,
			  const HoldoutScores *scores)
{
	totals->origins++;
	totals->ratios.origins++;
	totals->has_cells &= scores->has_cells;
	for (int i = 0; i < SUMMARY_MEASURES; i++)
		if (row->known[i])
		{
			totals->known[i]++;
			totals->sum[i] += row->value[i];
		}
	for (int rule = 0; rule < NAIVE_RULES; rule++)
		totals->naive_mae[rule] += scores->naive_mae[rule];
	log_ratios_add(&totals->ratios, scores->predicted, scores->actual);
}

/* The means of the columns */
static void
set_means(SummaryRow *row, const SummaryTotals *totals)
{
	*row = (SummaryRow) {.rule = NULL};
	for (int i = 0; i < SUMMARY_MEASURES; i++)
		if (totals->known[i] > 0)
			set_value(row, i, totals->sum[i] / totals->known[i]);
	if (totals->origins > 0)
		row->rule = naive_rule_name(nearest_rule(totals->naive_mae,
												 totals->has_cells));
}

/* A row in which all but the numbers is NULL still */
static void
row_values(const SummaryRow *row, const char *status, Datum *values, bool *nulls)
{
	for (int i = 0; i < SUMMARY_COLUMNS; i++)
		nulls[i] = true;
	for (int i = 0; i < SUMMARY_MEASURES; i++)
		values[i] = finite_or_null(row->known[i], row->value[i], &nulls[i]);
	values[SUMMARY_CUSTOMERS] =
		Int64GetDatum((int64) rint(row->value[SUMMARY_CUSTOMERS]));
	values[SUMMARY_ACTUAL] =
		Int64GetDatum((int64) rint(row->value[SUMMARY_ACTUAL]));
	if (row->rule)
		values[SUMMARY_NAIVE_RULE] = CStringGetTextDatum(row->rule);
	nulls[SUMMARY_NAIVE_RULE] = row->rule == NULL;
	values[SUMMARY_MODEL_STATUS] = CStringGetTextDatum(status);
	nulls[SUMMARY_MODEL_STATUS] = false;
}

static void
put_origin(SummaryCall *call, const DayList *list, const HoldoutSpan *span,
		   SummaryTotals *totals)
{
	Datum		values[SUMMARY_COLUMNS];
	bool		nulls[SUMMARY_COLUMNS];
	SummaryRow	row = {.rule = NULL};
	HoldoutCases cases;
	HoldoutScores scores;
	CustomerFits fits;

	fit_origin(&call->fit, list, span, &cases, &fits);
	if (fits.buying.has_params)
		foretell_origin(&call->fit, &fits, span, &cases);
	set_value(&row, SUMMARY_CUSTOMERS, cases.n);
	if (cases.n > 0)
	{
		holdout_score(list, span, &cases, &scores);
		set_naive(&row, &scores);
	}
	if (fits.buying.has_params)
	{
		set_model(&row, &scores);
		add_to_totals(totals, &row, &scores);
	}
	row_values(&row, fits.status, values, nulls);
	values[SUMMARY_ORIGIN] = DateADTGetDatum((DateADT) span->origin);
	nulls[SUMMARY_ORIGIN] = false;
	put_row(&call->fit.base, values, nulls);
}

/* What the last row is made of, in words */
static const char *
totals_status(const SummaryCall *call, const SummaryTotals *totals)
{
	const char *status = "ok";

	if (totals->origins < call->origins)
		status = psprintf("of %d origins, %d tell something", call->origins,
						  totals->origins);
	if (totals->ratios.is_endless)
		status = psprintf("%s; no interval: nothing was ordered after an origin, or to be expected",
						  status);
	return status;
}

static void
put_totals(SummaryCall *call, const SummaryRow *means,
		   const SummaryTotals *totals)
{
	Datum		values[SUMMARY_COLUMNS];
	bool		nulls[SUMMARY_COLUMNS];
	double		reach = 0;
	const bool	known = log_ratios_reach(&totals->ratios, &reach);

	row_values(means, totals_status(call, totals), values, nulls);
	nulls[SUMMARY_CUSTOMERS] = !means->known[SUMMARY_CUSTOMERS];
	values[SUMMARY_ERROR_LOW] = finite_or_null(known, expm1(-reach),
											   &nulls[SUMMARY_ERROR_LOW]);
	values[SUMMARY_ERROR_HIGH] = finite_or_null(known, expm1(reach),
												&nulls[SUMMARY_ERROR_HIGH]);
	put_row(&call->fit.base, values, nulls);
}

/* ------------------------------------------------------------------------
 * Where the model is not worth its while
 * ------------------------------------------------------------------------
 */

/* Less is nothing but rounding. */
#define LEAST_LOSS	1e-6

static void
tell_better(const SummaryRow *means, int ours, int theirs, bool more_is_better,
			const char *what, const char *whose, StringInfo told)
{
	const double loss = means->value[ours] - means->value[theirs];

	if (!means->known[ours] || !means->known[theirs] ||
		(more_is_better ? -loss : loss) <= LEAST_LOSS)
		return;
	appendStringInfo(told, "%s%s %.3g against %.3g (%s)",
					 told->len > 0 ? ", " : "", what, means->value[ours],
					 means->value[theirs], whose);
}

static void
tell_naive(const SummaryRow *means)
{
	StringInfoData told;

	initStringInfo(&told);
	tell_better(means, SUMMARY_MAE, SUMMARY_MAE_NAIVE, false, "mae",
				means->rule, &told);
	tell_better(means, SUMMARY_RMSE, SUMMARY_RMSE_NAIVE, false, "rmse",
				"the nearest of own_rate, cell_means and last_period", &told);
	tell_better(means, SUMMARY_BRIER, SUMMARY_BRIER_BASE, false, "brier",
				"one probability for all", &told);
	tell_better(means, SUMMARY_AUC, SUMMARY_AUC_RECENCY, true, "auc",
				"recency", &told);
	if (told.len > 0)
		ereport(NOTICE,
				(errmsg("a rule without a model is better: %s", told.data)));
}

/* ------------------------------------------------------------------------
 * The function
 * ------------------------------------------------------------------------
 */
static void
write_summary(CustomerCall *base_call, const CustomerTable *const *tables)
{
	SummaryCall *call = (SummaryCall *) base_call;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext one;
	SummaryTotals totals = {.has_cells = true};
	SummaryRow	means;
	DayList		list;
	Origins		origins;
	TimestampTz last_order_at;

	if (tables[0] == NULL)
		return;
	origins_before(&origins, purchase_last_day(tables[0]), &call->fit.horizon,
				   call->origins);
	last_order_at = list_days(tables[0], &list);
	if (list.ncustomers == 0)
		return;
	tell_if_stale(base_call, last_order_at,
				  Min(origins.day[origins.n] - origins.day[origins.n - 1],
					  STALE_AFTER));
	one = AllocSetContextCreate(caller, "retention origin",
								ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < origins.n; i++)
	{
		const HoldoutSpan span = origin_span(&origins, i);

		MemoryContextSwitchTo(one);
		put_origin(call, &list, &span, &totals);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(one);
	}
	set_means(&means, &totals);
	put_totals(call, &means, &totals);
	tell_naive(&means);
}

/* The arguments after which is the horizon and how many origins */
static void
summary_call_init(SummaryCall *call, FunctionCallInfo fcinfo, int horizon,
				  int unit, int family, int season)
{
	fit_call_init(&call->fit, fcinfo, write_summary, unit, family, season);
	call->fit.is_quiet = true;
	horizon_arg_of_days(&call->fit, fcinfo, horizon);
	if (PG_ARGISNULL(horizon + 1))
		reject_null("origins");
	call->origins = PG_GETARG_INT32(horizon + 1);
	check_int_range(call->origins, 1, MOST_ORIGINS, "origins");
}

/*
 * backtest_summary(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * horizon interval, origins integer, as_of timestamptz, family text,
 * unit interval, tz text, order_id_column name, season text,
 * campaigns daterange[])
 *
 * The models count days, and so does this: the day that holds as_of is not over, and
 * is left out.
 */
PG_FUNCTION_INFO_V1(backtest_summary);
Datum
backtest_summary(PG_FUNCTION_ARGS)
{
	enum
	{
		HORIZON = ARG_OPTIONS, ORIGINS, AS_OF, FAMILY, UNIT, TZ, ORDER_ID, SEASON
	};
	static const OrdersArguments arguments = {
		.relation = ARG_ORDERS_TABLE, .tz = TZ, .order_id = ORDER_ID
	};
	SummaryCall call;

	summary_call_init(&call, fcinfo, HORIZON, UNIT, FAMILY, SEASON);
	call.fit.base.as_of[0] = time_arg(fcinfo, AS_OF, "as_of");
	return run_over_relation(&call.fit.base, &arguments, "as_of");
}

/*
 * backtest_summary(state retention_state, horizon interval, origins integer,
 * family text, unit interval, season text, campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(backtest_summary_of_state);
Datum
backtest_summary_of_state(PG_FUNCTION_ARGS)
{
	enum
	{
		STATE, HORIZON, ORIGINS, FAMILY, UNIT, SEASON
	};
	SummaryCall call;

	summary_call_init(&call, fcinfo, HORIZON, UNIT, FAMILY, SEASON);
	return run_over_states(&call.fit.base, STATE);
}

/*
 * backtest_summary(history order_history, as_of timestamptz, horizon interval,
 * origins integer, family text, unit interval, tz text, season text,
 * campaigns daterange[])
 */
PG_FUNCTION_INFO_V1(backtest_summary_of_history);
Datum
backtest_summary_of_history(PG_FUNCTION_ARGS)
{
	enum
	{
		AS_OF = ARG_HISTORY_OPTIONS, HORIZON, ORIGINS, FAMILY, UNIT, TZ, SEASON
	};
	SummaryCall call;

	summary_call_init(&call, fcinfo, HORIZON, UNIT, FAMILY, SEASON);
	call.fit.base.as_of[0] = time_arg(fcinfo, AS_OF, "as_of");
	return run_over_history(&call.fit.base, TZ, "as_of");
}
