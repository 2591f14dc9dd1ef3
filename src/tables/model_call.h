/*
 * model_call.h
 *		A call of a table function that fits models to all customers: what
 *		predict_customers and backtest have in common.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_MODEL_CALL_H
#define RETENTION_MODEL_CALL_H

#include "base/compat.h"

#include "math/btyd_fit.h"
#include "tables/customer_call.h"
#include "models/purchase_days.h"

typedef struct ModelCall
{
	CustomerCall base;
	const BtydFamily *family;
	double		unit;			/* days of it */
	/* of predict_customers only */
	Interval	horizon;
	double		discount_rate;	/* effective per year */
} ModelCall;

extern retention_internal void model_call_init(ModelCall *call,
											   FunctionCallInfo fcinfo,
											   CustomerWriter write,
											   int unit_argument,
											   int family_argument);
extern retention_internal BtydHistory history_of(const ModelCall *call,
												 const PurchaseSummary *summary);
extern retention_internal void fit_customers(const ModelCall *call,
											 const CustomerTable *table,
											 ModelFit *fit);
extern retention_internal void fit_spend(const ModelCall *call,
										 const CustomerTable *table,
										 ModelFit *fit);
extern retention_internal BtydModel fitted_model(const ModelCall *call,
												 const ModelFit *fit);

#endif							/* RETENTION_MODEL_CALL_H */
