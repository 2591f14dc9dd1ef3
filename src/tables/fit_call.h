/*
 * fit_call.h
 *		A call of a table function that fits models to all customers: what
 *		predict_customers and backtest have in common.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_FIT_CALL_H
#define RETENTION_FIT_CALL_H

#include "base/compat.h"

#include "math/btyd_fit.h"
#include "models/pattern_lists.h"
#include "models/purchase_days.h"
#include "models/season_clock.h"
#include "tables/customer_call.h"

/*
 * So many decimals of amounts count, of those with the most: a double has no more
 * digits, and one odd amount shall not give everybody's hundreds.
 */
#define MOST_DECIMALS	16

typedef struct FitCall
{
	CustomerCall base;
	const BtydFamily *family;
	double		unit;			/* days of it */
	SeasonWish	season;
	bool		is_quiet;		/* what is to be told stands in the status
								 * alone */
	/* of some functions only */
	Interval	horizon;
	double		discount_rate;	/* effective per year */
} FitCall;

/* What the customers of a table tell together. */
typedef struct CustomerFits
{
	ModelFit	buying;
	BtydModel	model;			/* of buying, if it has params */
	SeasonClock *clock;			/* that the model goes by; NULL: the
								 * calendar's */
	ModelFit	spend;			/* if it was asked for */
	int			decimals;		/* of the amounts with the most */
	int64		most_x;
	TimestampTz last_order_at;
	const char *status;			/* of the fits, in the user's words */
} CustomerFits;

extern retention_internal void fit_call_init(FitCall *call,
											 FunctionCallInfo fcinfo,
											 CustomerWriter write,
											 int unit_argument,
											 int family_argument,
											 int season_argument);
extern retention_internal BtydHistory history_in_units(const FitCall *call,
													   const CustomerFits *fits,
													   int64 x, int64 t_x,
													   int64 age);
extern retention_internal double time_ahead(const FitCall *call,
											const CustomerFits *fits,
											double days);
extern retention_internal Datum predicted_money(int decimals,
												double value, Money *money);
extern retention_internal void fit_histories(const FitCall *call,
											 HistoryList *histories,
											 const DayCounts *repeats,
											 int64 last_day, double days_ahead,
											 CustomerFits *fits);
extern retention_internal bool fit_customers(const FitCall *call,
											 const CustomerTable *table,
											 bool with_spend,
											 double days_ahead,
											 CustomerFits *fits);

static inline BtydHistory
history_of(const FitCall *call, const CustomerFits *fits,
		   const PurchaseSummary *summary)
{
	return history_in_units(call, fits, summary->x, summary->t_x, summary->age);
}

#endif							/* RETENTION_FIT_CALL_H */
