/*
 * rfm_call.c
 *		A call of one of the RFM table functions.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "rfm_call.h"

#include "checks.h"
#include "customer_type.h"
#include "funcapi.h"
#include "retention_state.h"
#include "state_bytes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

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

TimestampTz
rfm_time_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		reject_null(name);
	check_finite_time(PG_GETARG_TIMESTAMPTZ(argument), name);
	return PG_GETARG_TIMESTAMPTZ(argument);
}

void
rfm_call_init(RfmCall *call, FunctionCallInfo fcinfo, RfmWriter write)
{
	InitMaterializedSRF(fcinfo, 0);
	*call = (RfmCall)
	{
		.fcinfo = fcinfo,
			.write = write,
			.bins = 5,
			.ntables = 1,
			.result = (ReturnSetInfo *) fcinfo->resultinfo,
			.row_context = AllocSetContextCreate(CurrentMemoryContext,
												 "retention rows",
												 ALLOCSET_DEFAULT_SIZES)
	};
	for (int i = 0; i < SEGMENT_NAME_COUNT; i++)
		call->segment[i] = CStringGetTextDatum(segment_name(i));
}

static void
write_purchases(CustomerTable *const *tables, void *arg)
{
	RfmCall    *call = arg;

	call->write(call, (const CustomerTable *const *) tables);
}

/* Over a relation: reads its orders until call->as_of. */
Datum
rfm_run_over_relation(RfmCall *call, const OrdersArguments *arguments)
{
	OrdersSource source;

	call->customer_type = get_fn_expr_argtype(call->fcinfo->flinfo,
											  arguments->customer_type);
	orders_source_init(&source, call->fcinfo, arguments);
	orders_source_purchases(&source, call->as_of, call->ntables,
							write_purchases, call);
	return (Datum) 0;
}

/* A stored state of purchases; NULL, which has no orders, if the argument is. */
static CustomerTable *
purchases_arg(FunctionCallInfo fcinfo, int argument, CustomerTable *view)
{
	CustomerTable *table;

	if (PG_ARGISNULL(argument))
		return NULL;
	table = state_open(PG_GETARG_DATUM(argument), view);
	if (table->family != &purchases_family)
		reject_state(table, "purchases of customers");
	return table;
}

/* Over stored states, the first of which is an argument. */
Datum
rfm_run_over_states(RfmCall *call, int argument)
{
	CustomerTable view[2];
	CustomerTable *tables[2];

	for (int i = 0; i < call->ntables; i++)
	{
		tables[i] = purchases_arg(call->fcinfo, argument + i, &view[i]);
		if (tables[i])
			call->as_of[i] = purchases_as_of(tables[i]);
	}
	write_purchases(tables, call);
	return (Datum) 0;
}

/* The type of the customers in a stored state must be the anchor's. */
Datum
rfm_run_over_state_of_customers(RfmCall *call)
{
	Oid			anchor = get_fn_expr_argtype(call->fcinfo->flinfo, 0);
	CustomerTable view;
	CustomerTable *table = purchases_arg(call->fcinfo, 1, &view);

	call->customer_type = anchor;
	if (table &&
		!customer_type_fits(anchor, customer_type_of_kind(table->kind)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the first argument has type %s, but the customers in the state have type %s",
						format_type_be(anchor),
						format_type_be(customer_type_of_kind(table->kind))),
				 errhint("Write NULL::%s: the first argument gives the result's column its type.",
						 format_type_be(customer_type_of_kind(table->kind)))));
	return rfm_run_over_states(call, 1);
}

void
rfm_put_row(RfmCall *call, Datum *values, bool *nulls)
{
	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(call->result->setResult, call->result->setDesc,
						 values, nulls);
	MemoryContextReset(call->row_context);
}
