/*
 * rfm_call.c
 *		A call of one of the RFM table functions.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/rfm_call.h"

#include "base/checks.h"
#include "utils/builtins.h"

int
rfm_bins_arg(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		reject_null("bins");
	check_rfm_bins(PG_GETARG_INT32(argument));
	return PG_GETARG_INT32(argument);
}

RfmGrid
rfm_grid_arg(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		reject_null("grid");
	return rfm_grid_from_text(PG_GETARG_TEXT_PP(argument));
}

void
rfm_call_init(RfmCall *call, FunctionCallInfo fcinfo, CustomerWriter write)
{
	*call = (RfmCall) {.bins = 5};
	customer_call_init(&call->base, fcinfo, &purchases_states, write);
	for (int i = 0; i < SEGMENT_NAME_COUNT; i++)
		call->segment[i] = CStringGetTextDatum(segment_name(i));
}

/*
 * A function (customer_type anyelement, orders_table regclass, customer_column name,
 * ordered_at_column name, amount_column name, as_of timestamptz, bins int, grid text,
 * tz text, order_id_column name)
 */
Datum
rfm_over_relation(FunctionCallInfo fcinfo, CustomerWriter write)
{
	enum
	{
		AS_OF = ARG_OPTIONS, BINS, GRID, TZ, ORDER_ID
	};
	static const OrdersArguments arguments = {
		.relation = ARG_ORDERS_TABLE, .tz = TZ, .order_id = ORDER_ID
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write);
	call.base.as_of[0] = time_arg(fcinfo, AS_OF, "as_of");
	call.bins = rfm_bins_arg(fcinfo, BINS);
	call.grid = rfm_grid_arg(fcinfo, GRID);
	return run_over_relation(&call.base, &arguments, "as_of");
}

/*
 * A function (history order_history, [customer_type anyelement,] as_of timestamptz,
 * bins int, grid text)
 */
Datum
rfm_over_history(FunctionCallInfo fcinfo, CustomerWriter write,
				 bool names_customers)
{
	const int	as_of = names_customers ? ARG_HISTORY_CUSTOMER_OPTIONS :
		ARG_HISTORY_OPTIONS;
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write);
	call.base.as_of[0] = time_arg(fcinfo, as_of, "as_of");
	call.bins = rfm_bins_arg(fcinfo, as_of + 1);
	call.grid = rfm_grid_arg(fcinfo, as_of + 2);
	return names_customers ?
		run_over_history_of_customers(&call.base, -1, "as_of") :
		run_over_history(&call.base, -1, "as_of");
}
