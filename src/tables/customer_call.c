/*
 * customer_call.c
 *		A call of a table function about customers.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/customer_call.h"

#include <math.h>

#include "base/checks.h"
#include "engine/customer_type.h"
#include "funcapi.h"
#include "base/result_rows.h"
#include "engine/state_read.h"
#include "base/result_values.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

TimestampTz
time_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		reject_null(name);
	check_finite_time(PG_GETARG_TIMESTAMPTZ(argument), name);
	return PG_GETARG_TIMESTAMPTZ(argument);
}

/*
 * Says so if the last order came more than so many days before the time that was asked
 * for, which then was mostly not meant: the clock's, over an old extract. No order is
 * -infinity.
 */
void
tell_if_stale(const CustomerCall *call, TimestampTz last_order_at,
			  double most_days)
{
	const char *name = call->as_of_name;
	const double days = days_between(last_order_at,
									 call->as_of[call->ntables - 1]);
	DateADT		next_day;

	if (name == NULL || TIMESTAMP_IS_NOBEGIN(last_order_at) ||
		days <= most_days)
		return;
	next_day = DatumGetDateADT(DirectFunctionCall1(timestamptz_date,
												   TimestampTzGetDatum(last_order_at))) + 1;
	ereport(NOTICE,
			(days < 2 * DAYS_PER_YEAR ?
			 errmsg("the last order is %.0f days before %s", floor(days), name) :
			 errmsg("the last order is %.0f years before %s",
					floor(days / DAYS_PER_YEAR), name),
			 errhint("To look from the end of the data, pass %s => '%s'.", name,
					 DatumGetCString(DirectFunctionCall1(date_out,
														 DateADTGetDatum(next_day))))));
}

/* Two times given as arguments, the first before the second. */
void
check_time_order(const TimestampTz *times, const char *earlier,
				 const char *later)
{
	if (times[0] >= times[1])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be earlier than \"%s\"", earlier,
						later),
				 errdetail("They are %s and %s.",
						   pstrdup(timestamptz_to_str(times[0])),
						   pstrdup(timestamptz_to_str(times[1])))));
}

void
customer_call_init(CustomerCall *call, FunctionCallInfo fcinfo,
				   const StateSource *states, CustomerWriter write)
{
	*call = (CustomerCall)
	{
		.fcinfo = fcinfo,
			.states = states,
			.write = write,
			.ntables = 1,
			.row_context = AllocSetContextCreate(CurrentMemoryContext,
												 "retention rows",
												 ALLOCSET_DEFAULT_SIZES)
	};
	result_set_begin_many(fcinfo, &call->result);
}

static void
write_tables(CustomerTable *const *tables, void *arg)
{
	CustomerCall *call = arg;

	call->write(call, (const CustomerTable *const *) tables);
}

/*
 * Over a relation: reads its orders before call->as_of, the last of which is an
 * argument of this name.
 */
Datum
run_over_relation(CustomerCall *call, const OrdersArguments *arguments,
				  const char *as_of_name)
{
	OrdersSource source;

	call->as_of_name = as_of_name;
	call->customer_type = get_fn_expr_argtype(call->fcinfo->flinfo,
											  arguments->customer_type);
	orders_source_init(&source, call->fcinfo, arguments);
	orders_source_states(&source, call->states, call->as_of, call->ntables,
						 write_tables, call);
	return (Datum) 0;
}

/* The table of a history at a time; "tz" is the number of an argument, if need be. */
static CustomerTable *
table_of_history(CustomerCall *call, const HistoryView *view, TimestampTz as_of,
				 int tz)
{
	const CustomerFamily *family = call->states->family;
	StateOptions options;

	memset(&options, 0, sizeof(options));
	for (int i = 0; i < family->noptions; i++)
		option_read(&family->options[i], &options.value[i],
					family->options[i].type == OPTION_ZONE ?
					call->fcinfo->args[tz].value : TimestampTzGetDatum(as_of));
	family_derive_options(family, &options);
	return call->states->of_history(view, &options);
}

static Datum
run_over_history_view(CustomerCall *call, const HistoryView *view, int tz,
					  const char *as_of_name)
{
	CustomerTable *tables[MOST_STATES] = {NULL};

	call->as_of_name = as_of_name;
	for (int i = 0; view && i < call->ntables; i++)
		tables[i] = table_of_history(call, view, call->as_of[i], tz);
	write_tables(tables, call);
	return (Datum) 0;
}

/* The history; NULL, which has no orders, if the argument is. */
static const HistoryView *
history_arg(CustomerCall *call, int tz, HistoryView *view)
{
	FunctionCallInfo fcinfo = call->fcinfo;

	if (call->states->takes_tz && PG_ARGISNULL(tz))
		reject_null("tz");
	if (PG_ARGISNULL(ARG_HISTORY))
		return NULL;
	history_open(view, PG_GETARG_DATUM(ARG_HISTORY));
	return view;
}

/*
 * Over a history: its orders before call->as_of, the last of which is an argument of
 * this name.
 */
Datum
run_over_history(CustomerCall *call, int tz, const char *as_of_name)
{
	HistoryView view;

	return run_over_history_view(call, history_arg(call, tz, &view), tz,
								 as_of_name);
}

/* The same of a function whose rows name customers. */
Datum
run_over_history_of_customers(CustomerCall *call, int tz,
							  const char *as_of_name)
{
	HistoryView buffer;
	const HistoryView *view = history_arg(call, tz, &buffer);

	call->customer_type = get_fn_expr_argtype(call->fcinfo->flinfo,
											  ARG_HISTORY_CUSTOMER_TYPE);
	if (view)
		check_customer_anchor(call->customer_type, view->kind, "second");
	return run_over_history_view(call, view, tz, as_of_name);
}

/* A stored state; NULL, which has no orders, if the argument is. */
static CustomerTable *
state_arg(CustomerCall *call, int argument, CustomerTable *view)
{
	FunctionCallInfo fcinfo = call->fcinfo;
	CustomerTable *table;

	if (PG_ARGISNULL(argument))
		return NULL;
	table = state_open(PG_GETARG_DATUM(argument), view);
	if (table->family != call->states->family)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s reads a state of %s, not one of %s",
						get_func_name(fcinfo->flinfo->fn_oid),
						call->states->aggregate, table->family->name)));
	return table;
}

/* Over stored states, the first of which is an argument. */
Datum
run_over_states(CustomerCall *call, int argument)
{
	CustomerTable view[MOST_STATES];
	CustomerTable *tables[MOST_STATES];

	for (int i = 0; i < call->ntables; i++)
	{
		tables[i] = state_arg(call, argument + i, &view[i]);
		if (tables[i])
			call->as_of[i] = state_as_of(tables[i]);
	}
	write_tables(tables, call);
	return (Datum) 0;
}

/*
 * Over a stored state in one argument; the type of its customers must be that of
 * another, the anchor.
 */
Datum
run_over_state_of_customers(CustomerCall *call, int anchor, int state)
{
	Oid			wanted = get_fn_expr_argtype(call->fcinfo->flinfo, anchor);
	CustomerTable view;
	CustomerTable *table = state_arg(call, state, &view);

	call->customer_type = wanted;
	if (table)
		check_customer_anchor(wanted, table->kind,
							  anchor == 0 ? "first" : "second");
	return run_over_states(call, state);
}

/*
 * Two states of the same customers, or none; the first of an earlier time than the
 * second.
 */
void
check_comparable_states(const CustomerCall *call,
						const CustomerTable *const *tables,
						const char *earlier, const char *later)
{
	if (tables[0] == NULL || tables[1] == NULL)
		return;
	if (tables[0]->kind != tables[1]->kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot compare states whose customers are of types %s and %s",
						format_type_be(customer_type_of_kind(tables[0]->kind)),
						format_type_be(customer_type_of_kind(tables[1]->kind)))));
	if (call->as_of[0] >= call->as_of[1])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be of an earlier time than \"%s\"",
						earlier, later)));
}

void
put_row(CustomerCall *call, Datum *values, bool *nulls)
{
	CHECK_FOR_INTERRUPTS();
	result_set_put(&call->result, values, nulls);
	MemoryContextReset(call->row_context);
}
