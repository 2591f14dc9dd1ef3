/*
 * tracking.h
 *		A tracked table of orders: what belongs to a live view, found and named.
 *
 * Of a live view "orders_live" there are, in its schema,
 *
 *		orders_live_source		a view of the orders, which pins their columns
 *		orders_live_customers	a row per customer, as of the last refresh
 *		orders_live_changes		marks: the keys of customers whose orders changed
 *								since; NULL: everybody's
 *		orders_live_settings	one row: options, cut points, models
 *
 * The invariant all of this room keeps: in every snapshot, a customer is marked, or
 * the stored row is what would be computed from the orders. A row of orders and its
 * mark come from one transaction, so a snapshot sees both or neither; a refresh deletes
 * only marks that it sees, and computes in a snapshot that is no older.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_TRACKING_H
#define RETENTION_TRACKING_H

#include "base/compat.h"

#include "access/attnum.h"
#include "engine/customer_key.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/rel.h"

/* The longest ending of a name. */
#define MOST_LIVE_NAME	(NAMEDATALEN - 1 - (int) strlen("_customers"))

/* customer, ordered_at, amount, order_id */
#define MOST_WATCHED	4

typedef struct Tracking
{
	Oid			live_id;
	Oid			source_id;
	Oid			customers_id;
	Oid			changes_id;
	Oid			settings_id;
	Oid			orders_id;		/* what the source view reads */
	Oid			owner;			/* of all of it */
	NameData	live_name;		/* for messages: they outlive the texts */
	NameData	orders_name;
	const char *name;			/* of the live view, not quoted */
	const char *schema;
	/* in SQL, qualified and quoted */
	const char *live;
	const char *source;
	const char *customers;
	const char *changes;
	const char *settings;
	const char *extension;		/* the schema of the extension */
	Oid			customer_type;	/* of the column customer */
	KeyKind		kind;
	bool		has_order_id;
} Tracking;

/* Whose rights a function had before it took the owner's. */
typedef struct Caller
{
	Oid			user;
	int			context;
	int			guc_level;
	ErrorContextCallback errors;
} Caller;

extern retention_internal void tracking_open(Tracking *tracking, Oid live_id,
											 Oid function_id);
extern retention_internal void tracking_arg(Tracking *tracking,
											FunctionCallInfo fcinfo,
											int argument);
extern retention_internal void reject_settings(const Tracking *tracking);
extern retention_internal void check_tracking_owner(const Tracking *tracking);
extern retention_internal void check_read_committed(const char *function);
extern retention_internal void lock_tracking(const Tracking *tracking);
extern retention_internal bool try_lock_tracking(const Tracking *tracking);
extern retention_internal void name_in_errors(ErrorContextCallback *callback,
											  const Tracking *tracking);
extern retention_internal void become_owner(Caller *caller,
											const Tracking *tracking);
extern retention_internal void become_caller(const Caller *caller);
extern retention_internal bool owns_relation(Oid relation_id, Oid role);
extern retention_internal bool customer_of_argument(const Tracking *tracking,
													KeyKind kind,
													Datum *customer);
extern retention_internal const char *customer_type_sql(Oid type);
extern retention_internal const char *customer_argument_type(KeyKind kind);
extern retention_internal const char *tracking_history_sql(const Tracking *tracking,
														   const char *where);
extern retention_internal const char *customer_history_sql(const Tracking *tracking,
														   const char *where);
extern retention_internal Oid customer_index(Oid relation_id, AttrNumber column,
											 bool or_hash);
extern retention_internal Oid view_of_relation(Relation view, int *nwatched,
											   AttrNumber *watched);

#endif							/* RETENTION_TRACKING_H */
