/*
 * customer_call.h
 *		A call of a table function about customers: its arguments, and the way to its
 *		rows.
 *
 * Each of them has three faces: over a relation and its columns, over stored states
 * of the aggregate that would read such a relation, and over a history, which stands
 * first among the arguments. All come down to customer tables, given to the
 * function's writer.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CUSTOMER_CALL_H
#define RETENTION_CUSTOMER_CALL_H

#include "base/compat.h"

#include "base/result_rows.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "tables/orders_source.h"

typedef struct CustomerCall CustomerCall;

/*
 * The first arguments of a table function over a history. It stands before the anchor,
 * where there is one: of a call over a relation with all its names as untyped literals
 * nobody could tell whether the second of them names a relation or is a history.
 */
enum
{
	ARG_HISTORY,
	ARG_HISTORY_OPTIONS,		/* of rows that name no customer */
	ARG_HISTORY_CUSTOMER_TYPE = ARG_HISTORY_OPTIONS,
	ARG_HISTORY_CUSTOMER_OPTIONS	/* of rows that do */
};

/* Of a shop whose last order is older nobody asks by intention; days. */
#define STALE_AFTER		DAYS_PER_YEAR

/*
 * Writes a function's rows; a table is NULL if there are no orders. The call is the
 * first member of a struct of the function's own, with more of its arguments.
 */
typedef void (*CustomerWriter) (CustomerCall *call,
								const CustomerTable *const *tables);

struct CustomerCall
{
	FunctionCallInfo fcinfo;
	const StateSource *states;	/* what the tables are of */
	CustomerWriter write;
	Oid			customer_type;	/* of the result */
	TimestampTz as_of[MOST_STATES];
	const char *as_of_name;		/* of the last one's argument; NULL: the
								 * states have them */
	int			ntables;
	ResultSet	result;
	MemoryContext row_context;	/* reset after each row */
};

extern retention_internal TimestampTz time_arg(FunctionCallInfo fcinfo,
											   int argument, const char *name);
extern retention_internal void tell_if_stale(const CustomerCall *call,
											 TimestampTz last_order_at,
											 double most_days);
extern retention_internal void check_time_order(const TimestampTz *times,
												const char *earlier,
												const char *later);
extern retention_internal void customer_call_init(CustomerCall *call,
												  FunctionCallInfo fcinfo,
												  const StateSource *states,
												  CustomerWriter write);
extern retention_internal Datum run_over_relation(CustomerCall *call,
												  const OrdersArguments *arguments,
												  const char *as_of_name);
extern retention_internal Datum run_over_history(CustomerCall *call, int tz,
												 const char *as_of_name);
extern retention_internal Datum run_over_history_of_customers(CustomerCall *call,
															  int tz,
															  const char *as_of_name);
extern retention_internal Datum run_over_states(CustomerCall *call,
												int argument);
extern retention_internal Datum run_over_state_of_customers(CustomerCall *call,
															int anchor, int state);
extern retention_internal void check_comparable_states(const CustomerCall *call,
													   const CustomerTable *const *tables,
													   const char *earlier,
													   const char *later);
extern retention_internal void put_row(CustomerCall *call, Datum *values,
									   bool *nulls);

#endif							/* RETENTION_CUSTOMER_CALL_H */
