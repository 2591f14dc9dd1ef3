/*
 * fit_call.c
 *		A call of a table function that fits models to all customers.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/fit_call.h"

#include "base/checks.h"
#include "engine/intervals.h"
#include "models/fitted_model.h"
#include "models/patterns.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

void
fit_call_init(FitCall *call, FunctionCallInfo fcinfo, CustomerWriter write,
			  int unit_argument, int family_argument, int season_argument)
{
	*call = (FitCall) {.discount_rate = 0};
	customer_call_init(&call->base, fcinfo, &purchase_days_states, write);
	if (PG_ARGISNULL(unit_argument))
		reject_null("unit");
	call->unit = interval_days(PG_GETARG_INTERVAL_P(unit_argument), "unit");
	call->family = btyd_family_arg(fcinfo, family_argument);
	season_args(fcinfo, season_argument, season_argument + 1, &call->season);
}

/* What a model is told of a customer, in the call's unit; times in days. */
BtydHistory
history_in_units(const FitCall *call, const CustomerFits *fits, int64 x,
				 int64 t_x, int64 age)
{
	if (fits->clock)
		return season_history(fits->clock, x, t_x, age);
	return (BtydHistory) {
		.x = x,
		.t_x = t_x / call->unit,
		.age = age / call->unit
	};
}

/* So many days from as_of on, as a model is told them. */
double
time_ahead(const FitCall *call, const CustomerFits *fits, double days)
{
	return fits->clock ? season_clock_ahead(fits->clock, days) :
		days / call->unit;
}

/* A line for each model that is not simply right; "ok" if there is none. */
static void
tell_status(const FitCall *call, CustomerFits *fits, const BtydFamily *family,
			const ModelFit *fit)
{
	const char *line;

	if (fit->outcome == FIT_OK)
		return;
	line = psprintf("%s: %s", family ? family->name : GAMMA_GAMMA,
					model_status(family, fit->outcome));
	if (!call->is_quiet)
		ereport(NOTICE, (errmsg("model %s", line)));
	fits->status = strcmp(fits->status, "ok") == 0 ? line :
		psprintf("%s; %s", fits->status, line);
}

/* The same of seasons. Who did not ask for them finds it in the status alone. */
static void
tell_season(const FitCall *call, CustomerFits *fits, const char *line)
{
	const SeasonWish *wish = &call->season;

	if (!call->is_quiet &&
		(wish->choice == SEASON_CHOICE_MONTH || wish->campaigns.nspans > 0))
		ereport(NOTICE, (errmsg("%s", line)));
	fits->status = psprintf("%s; %s", fits->status, line);
}

static int
decimals_of(const Money *money, const char *base)
{
	int			decimals = 0;

	if (money_is_wide(money))
		decimals = DatumGetInt32(DirectFunctionCall1(numeric_scale,
													 NumericGetDatum(money_numeric(money, base))));
	else if (!money_is_none(money))
		decimals = money_decimals(money);
	return Min(decimals, MOST_DECIMALS);
}

/* Predicted money has this many decimals more than the amounts. */
#define MORE_DECIMALS	4

/*
 * A finite amount, rounded to the decimals of predicted money, where amounts have
 * "decimals". Also as a money, or none if it does not fit one quickly.
 */
Datum
predicted_money(int decimals, double value, Money *money)
{
	decimals += MORE_DECIMALS;
	if (money_from_double(money, value, decimals))
		return NumericGetDatum(money_numeric(money, NULL));
	*money = (Money) {0};
	return DirectFunctionCall2(numeric_round,
							   DirectFunctionCall1(float8_numeric,
												   Float8GetDatum(value)),
							   Int32GetDatum(decimals));
}

/* Reads what the models are told of all customers; false if there are none. */
static bool
list_customers(const FitCall *call, const CustomerTable *table,
			   CustomerFits *fits, HistoryList *histories, SpendList *spend,
			   DayCounts *repeats)
{
	MemoryContext caller = CurrentMemoryContext;
	SummaryCursor cursor;
	PurchaseSummary summary;

	summary_cursor_init(&cursor, table);
	cursor.scratch.repeats = repeats;
	while (summary_cursor_next(&cursor, &summary))
	{
		double		mean;
		bool		known;

		history_list_add(histories, summary.x, summary.t_x, summary.age);
		fits->most_x = Max(fits->most_x, summary.x);
		fits->last_order_at = Max(fits->last_order_at, summary.last_order_at);
		if (spend == NULL)
			continue;
		MemoryContextSwitchTo(call->base.row_context);
		fits->decimals = Max(fits->decimals,
							 decimals_of(&summary.money, cursor.scratch.sums.base));
		known = mean_repeat_float8(&summary, &cursor.scratch, &mean);
		MemoryContextSwitchTo(caller);
		if (known && valid_spend(mean))
			spend_list_add(spend, summary.x, mean);
		MemoryContextReset(call->base.row_context);
	}
	return !TIMESTAMP_IS_NOBEGIN(fits->last_order_at);
}

/* The histories, in days, become those of a unit of time, or of the clock. */
static void
put_on_clock(const FitCall *call, const SeasonClock *clock, BtydData *buying)
{
	for (uint64 i = 0; i < buying->npatterns; i++)
	{
		BtydHistory *history = &buying->patterns[i].history;

		if (clock)
			*history = season_history(clock, history->x, (int64) history->t_x,
									  (int64) history->age);
		else
		{
			history->t_x /= call->unit;
			history->age /= call->unit;
		}
	}
}

/*
 * Fits the model of when they buy, on the clock of seasons if there are any. Returns
 * what is to be told of seasons, or NULL.
 */
static const char *
fit_buying(const FitCall *call, HistoryList *histories,
		   const DayCounts *repeats, int64 last_day, double days_ahead,
		   CustomerFits *fits)
{
	BtydData	buying = history_list_data(histories, 1);
	const char *told = NULL;

	if (repeats)
		told = season_clock_fit(&call->season, call->family, &buying, repeats,
								last_day, call->unit, days_ahead,
								&fits->clock);
	put_on_clock(call, fits->clock, &buying);
	btyd_fit(call->family, &buying, &fits->buying);
	pfree(buying.patterns);
	tell_status(call, fits, call->family, &fits->buying);
	fits->model.family = call->family;
	memcpy(fits->model.params, fits->buying.params,
		   sizeof(fits->model.params));
	return fits->buying.has_params ? told : NULL;
}

static const CustomerFits no_fits = {
	.last_order_at = DT_NOBEGIN, .status = "ok"
};

/*
 * Fits the call's family to histories as of the beginning of a day, where they are
 * all that is known; the repeat purchases are NULL if no season is wanted.
 */
void
fit_histories(const FitCall *call, HistoryList *histories,
			  const DayCounts *repeats, int64 last_day, double days_ahead,
			  CustomerFits *fits)
{
	const char *told;

	*fits = no_fits;
	told = fit_buying(call, histories, repeats, last_day, days_ahead, fits);
	if (told)
		tell_season(call, fits, told);
}

/*
 * Fits the call's family to all customers of a table, and if it is wanted the spend
 * model. The clock of seasons is good for so many days from as_of on. False if there are
 * none.
 */
bool
fit_customers(const FitCall *call, const CustomerTable *table, bool with_spend,
			  double days_ahead, CustomerFits *fits)
{
	HistoryList histories;
	SpendList	spend = {0};
	const char *told;
	DayCounts  *repeats = call->season.choice == SEASON_CHOICE_NONE ? NULL :
		palloc0(sizeof(DayCounts));

	*fits = no_fits;
	history_list_init(&histories);
	if (!list_customers(call, table, fits, &histories,
						with_spend ? &spend : NULL, repeats))
		return false;
	told = fit_buying(call, &histories, repeats, purchase_last_day(table),
					  days_ahead, fits);
	if (with_spend)
	{
		const SpendData data = spend_list_data(&spend);

		gamma_gamma_fit(&data, &fits->spend);
		if (spend.patterns)
			pfree(spend.patterns);
		tell_status(call, fits, NULL, &fits->spend);
	}
	if (told)
		tell_season(call, fits, told);
	return true;
}
