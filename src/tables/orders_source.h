/*
 * orders_source.h
 *		The orders of a table function: a relation and its columns, given by name.
 *
 * A table function checks its relation and columns once, here, and then reads
 * them by SQL text that the server runs as the caller: with the caller's
 * privileges and row security, on tables, partitioned tables, views and foreign
 * tables alike, in parallel where the server can. Every name in the text is
 * qualified and quoted, since the search_path may be anything.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ORDERS_SOURCE_H
#define RETENTION_ORDERS_SOURCE_H

#include "base/compat.h"

#include "engine/customer_table.h"
#include "engine/history_state.h"
#include "engine/state_source.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "tcop/dest.h"
#include "utils/timestamp.h"

/*
 * All strings are SQL: expressions of the types bigint, text or uuid (customer),
 * timestamptz, numeric, over rows of "relation AS o".
 */
typedef struct OrdersSource
{
	Oid			relation_id;
	const char *relation;
	const char *relation_name;	/* for messages: not qualified, not quoted */
	Oid			extension_id;	/* the schema of the extension */
	const char *extension;

	Oid			customer_type;	/* the column's */
	KeyKind		kind;
	const char *customer;
	Oid			ordered_at_type;
	const char *ordered_at;
	const char *amount;			/* of events their value: NULL if not given */
	const char *event;			/* text; of events alone, as the next */
	const char *product;		/* text; NULL if not given */
	const char *order_id;		/* NULL if rows are orders */
	Oid			order_id_type;
	Oid			order_id_collation;
	bool		order_id_not_null;
	const char *zone;			/* the argument "tz" */
	const char *tz;				/* the same as a literal */
} OrdersSource;

/* The first arguments of a table function about the customers of a relation. */
enum
{
	ARG_CUSTOMER_TYPE,			/* the anchor */
	ARG_ORDERS_TABLE,
	ARG_CUSTOMER_COLUMN,
	ARG_ORDERED_AT_COLUMN,
	ARG_AMOUNT_COLUMN,
	ARG_OPTIONS					/* its own, from here on */
};

/* Which arguments of the SQL function name what. */
typedef struct OrdersArguments
{
	int			customer_type;	/* the anchor; -1: it has none */
	int			relation;		/* then customer, ordered_at and amount column */
	int			tz;
	int			order_id;
} OrdersArguments;

extern retention_internal void orders_source_init(OrdersSource *source,
												  FunctionCallInfo fcinfo,
												  const OrdersArguments *arguments);
extern retention_internal void events_source_init(OrdersSource *source,
												  FunctionCallInfo fcinfo,
												  int relation, int tz);
extern retention_internal const char *orders_source_column(const OrdersSource *source,
														   FunctionCallInfo fcinfo,
														   int argument_number,
														   const char *argument);

/*
 * Gets one row of a query's result, as the executor has it: expanded values are
 * not packed.
 */
typedef void (*RowConsumer) (TupleTableSlot *row, void *arg);

extern retention_internal void run_query(const char *sql,
										 const TimestampTz *times, int ntimes,
										 RowConsumer consume, void *arg);
extern retention_internal void run_query_anew(const char *sql,
											  const TimestampTz *times,
											  int ntimes, RowConsumer consume,
											  void *arg);

#define MOST_STATES		2

/* Gets the states, one for each as_of; NULL: no rows. */
typedef void (*StatesConsumer) (CustomerTable *const *tables, void *arg);

extern retention_internal void orders_source_states(const OrdersSource *source,
													const StateSource *states,
													const TimestampTz *as_of,
													int n,
													StatesConsumer consume,
													void *arg);

/* Gets the history of all orders, if there are any. */
typedef void (*HistoryConsumer) (const HistoryView *view, void *arg);

extern retention_internal void orders_source_history(const OrdersSource *source,
													 HistoryConsumer consume,
													 void *arg);

#endif							/* RETENTION_ORDERS_SOURCE_H */
