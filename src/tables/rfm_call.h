/*
 * rfm_call.h
 *		A call of one of the RFM table functions: what they have in common.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RFM_CALL_H
#define RETENTION_RFM_CALL_H

#include "base/compat.h"

#include "tables/customer_call.h"
#include "rfm/rfm_customers.h"

typedef struct RfmCall
{
	CustomerCall base;
	int			bins;
	RfmGrid		grid;
	double		share;
	Datum		segment[SEGMENT_NAME_COUNT];	/* names as text */
} RfmCall;

extern retention_internal int rfm_bins_arg(FunctionCallInfo fcinfo,
										   int argument);
extern retention_internal RfmGrid rfm_grid_arg(FunctionCallInfo fcinfo,
											   int argument);
extern retention_internal Datum rfm_over_relation(FunctionCallInfo fcinfo,
												  CustomerWriter write);
extern retention_internal Datum rfm_over_history(FunctionCallInfo fcinfo,
												 CustomerWriter write,
												 bool names_customers);
extern retention_internal void rfm_call_init(RfmCall *call,
											 FunctionCallInfo fcinfo,
											 CustomerWriter write);

#endif							/* RETENTION_RFM_CALL_H */
