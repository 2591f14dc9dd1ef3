/*
 * rfm_call.h
 *		A call of one of the RFM table functions: its arguments, and the way to its
 *		rows.
 *
 * Each of them has two faces: over a relation and its columns, and over a stored
 * state of purchases_state. Both come down to a customer table, given to the
 * function's writer.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RFM_CALL_H
#define RETENTION_RFM_CALL_H

#include "compat.h"

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "orders_source.h"
#include "rfm_customers.h"

typedef struct RfmCall RfmCall;

/* Writes a function's rows; the table is NULL if there are no orders. */
typedef void (*RfmWriter) (RfmCall *call, const CustomerTable *const *tables);

struct RfmCall
{
	FunctionCallInfo fcinfo;
	RfmWriter	write;
	int			bins;
	RfmGrid		grid;
	double		share;
	Oid			customer_type;	/* of the result */
	TimestampTz as_of[2];
	int			ntables;
	ReturnSetInfo *result;
	MemoryContext row_context;	/* reset after each row */
	Datum		segment[SEGMENT_NAME_COUNT];	/* names as text */
};

extern retention_internal int rfm_bins_arg(FunctionCallInfo fcinfo,
										   int argument);
extern retention_internal RfmGrid rfm_grid_arg(FunctionCallInfo fcinfo,
											   int argument);
extern retention_internal TimestampTz rfm_time_arg(FunctionCallInfo fcinfo,
												   int argument,
												   const char *name);
extern retention_internal void rfm_call_init(RfmCall *call,
											 FunctionCallInfo fcinfo,
											 RfmWriter write);
extern retention_internal Datum rfm_run_over_relation(RfmCall *call,
													  const OrdersArguments *arguments);
extern retention_internal Datum rfm_run_over_states(RfmCall *call, int argument);
extern retention_internal Datum rfm_run_over_state_of_customers(RfmCall *call);
extern retention_internal void rfm_put_row(RfmCall *call, Datum *values,
										   bool *nulls);

#endif							/* RETENTION_RFM_CALL_H */
