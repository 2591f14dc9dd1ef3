/*
 * tracking.c
 *		A tracked table of orders: what belongs to a live view, found and named.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/tracking.h"

#include "access/relation.h"
#include "access/xact.h"
#include "base/checks.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "engine/customer_type.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "tables/relation.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

/* ------------------------------------------------------------------------
 * Finding it
 * ------------------------------------------------------------------------
 */
static void
reject_live(const char *name, const char *missing)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("argument \"live\": \"%s\" is not the live view of tracked orders",
					name),
			 missing ? errdetail("There is no \"%s\" in its schema.", missing) : 0,
			 errhint("Live views are made by retention_track and listed by retention_live_status().")));
}

static Oid
companion(const Tracking *tracking, Oid schema_id, const char *ending,
		  char relkind, const char **sql)
{
	const char *name = psprintf("%s%s", tracking->name, ending);
	const Oid	oid = get_relname_relid(name, schema_id);

	if (!OidIsValid(oid) || get_rel_relkind(oid) != relkind)
		reject_live(tracking->name, name);
	*sql = quote_qualified_identifier(tracking->schema, name);
	return oid;
}

static AttrNumber
only_column(Node *expression)
{
	List	   *vars = pull_var_clause(expression, 0);

	if (list_length(vars) != 1)
		elog(ERROR, "a column of a source view reads %d columns",
			 list_length(vars));
	return ((Var *) linitial(vars))->varattno;
}

/*
 * The relation that a source view reads, and which of its columns: customer first.
 * Read from the view's tree, which follows every change of a name.
 */
Oid
view_of_relation(Relation view, int *nwatched, AttrNumber *watched)
{
	Query	   *query = get_view_query(view);
	ListCell   *cell;
	Node	   *from;

	*nwatched = 0;
	if (list_length(query->jointree->fromlist) != 1 ||
		list_length(query->targetList) > MOST_WATCHED)
		return InvalidOid;
	from = linitial(query->jointree->fromlist);
	if (!IsA(from, RangeTblRef))
		return InvalidOid;
	foreach(cell, query->targetList)
		watched[(*nwatched)++] =
		only_column((Node *) lfirst_node(TargetEntry, cell)->expr);
	return rt_fetch(((RangeTblRef *) from)->rtindex, query->rtable)->relid;
}

/*
 * Finds what belongs to a live view. Raises an error for any other relation. The
 * function, one of ours, tells the schema of the extension.
 */
void
tracking_open(Tracking *tracking, Oid live_id, Oid function_id)
{
	Relation	live = try_relation_open(live_id, AccessShareLock);
	Relation	source;
	AttrNumber	watched[MOST_WATCHED];
	int			nwatched;
	Oid			schema_id;

	memset(tracking, 0, sizeof(*tracking));
	if (live == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("argument \"live\": relation with OID %u does not exist",
						live_id)));
	schema_id = RelationGetNamespace(live);
	tracking->live_id = live_id;
	tracking->owner = live->rd_rel->relowner;
	tracking->name = pstrdup(RelationGetRelationName(live));
	tracking->schema = get_namespace_name(schema_id);
	tracking->live = relation_sql(live);
	if (live->rd_rel->relkind != RELKIND_VIEW)
		reject_live(tracking->name, NULL);
	relation_close(live, NoLock);

	tracking->source_id = companion(tracking, schema_id, "_source", RELKIND_VIEW,
									&tracking->source);
	tracking->customers_id = companion(tracking, schema_id, "_customers",
									   RELKIND_RELATION, &tracking->customers);
	tracking->changes_id = companion(tracking, schema_id, "_changes",
									 RELKIND_RELATION, &tracking->changes);
	tracking->settings_id = companion(tracking, schema_id, "_settings",
									  RELKIND_RELATION, &tracking->settings);
	source = relation_open(tracking->source_id, AccessShareLock);
	tracking->orders_id = view_of_relation(source, &nwatched, watched);
	relation_close(source, NoLock);
	if (!OidIsValid(tracking->orders_id))
		reject_live(tracking->name, NULL);
	namestrcpy(&tracking->live_name, tracking->name);
	namestrcpy(&tracking->orders_name, get_rel_name(tracking->orders_id));
	tracking->has_order_id = nwatched == MOST_WATCHED;
	tracking->customer_type =
		get_atttype(tracking->changes_id, 1);
	tracking->kind = customer_kind_of_type(tracking->customer_type);
	tracking->extension =
		quote_identifier(get_namespace_name(get_func_namespace(function_id)));
}

/* That of an argument of type regclass. */
void
tracking_arg(Tracking *tracking, FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		reject_null("live");
	tracking_open(tracking, PG_GETARG_OID(argument), fcinfo->flinfo->fn_oid);
}

/* A whole number as a value of the column's type; false: it cannot hold it. */
static bool
customer_of_number(const Tracking *tracking, int64 number, Datum *customer)
{
	switch (tracking->customer_type)
	{
		case INT2OID:
			*customer = Int16GetDatum((int16) number);
			return number >= PG_INT16_MIN && number <= PG_INT16_MAX;
		case INT4OID:
			*customer = Int32GetDatum((int32) number);
			return number >= PG_INT32_MIN && number <= PG_INT32_MAX;
	}
	*customer = Int64GetDatum(number);
	return true;
}

/*
 * An argument of type bigint, text or uuid as a value of the tracked column's type;
 * false if that cannot hold it, so that it is nobody's key. A text is read as what it
 * must be: clients send parameters without a type, and the server takes those for text.
 */
bool
customer_of_argument(const Tracking *tracking, KeyKind kind, Datum *customer)
{
	if (kind == KEY_TEXT && tracking->kind == KEY_BIGINT)
		return customer_of_number(tracking,
								  DatumGetInt64(DirectFunctionCall1(int8in,
																	CStringGetDatum(TextDatumGetCString(*customer)))),
								  customer);
	if (kind == KEY_TEXT && tracking->kind == KEY_UUID)
	{
		*customer = DirectFunctionCall1(uuid_in,
										CStringGetDatum(TextDatumGetCString(*customer)));
		return true;
	}
	if (tracking->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the customer has type %s, but those of \"%s\" have type %s",
						key_kind_name(kind), get_rel_name(tracking->live_id),
						format_type_be(tracking->customer_type))));
	if (kind == KEY_BIGINT)
		return customer_of_number(tracking, DatumGetInt64(*customer), customer);
	return true;
}

/* ------------------------------------------------------------------------
 * Rights, snapshots and locks
 * ------------------------------------------------------------------------
 */
bool
owns_relation(Oid relation_id, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relation_id, role);
#else
	return pg_class_ownercheck(relation_id, role);
#endif
}

void
check_tracking_owner(const Tracking *tracking)
{
	if (!owns_relation(tracking->live_id, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_VIEW, tracking->name);
}

/*
 * Whoever writes to a tracking waits for the lock first and looks then; a snapshot
 * that was taken before would not see what the one waited for has done.
 */
void
check_read_committed(const char *function)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s must run in a transaction that is READ COMMITTED",
						function),
				 errhint("BEGIN ISOLATION LEVEL READ COMMITTED, or call it alone after SET default_transaction_isolation = 'read committed'.")));
}

/*
 * One at a time refreshes, fits or changes a tracking. The table of settings is locked,
 * for it is never vacuumed for long, and neither readers nor writers of orders lock it
 * against that.
 */
void
lock_tracking(const Tracking *tracking)
{
	LockRelationOid(tracking->settings_id, ShareUpdateExclusiveLock);
}

bool
try_lock_tracking(const Tracking *tracking)
{
	return ConditionalLockRelationOid(tracking->settings_id,
									  ShareUpdateExclusiveLock);
}

static void
tell_tracking(void *arg)
{
	const Tracking *tracking = arg;

	errcontext("live view \"%s\" of \"%s\"", NameStr(tracking->live_name),
			   NameStr(tracking->orders_name));
}

/*
 * From here on errors, of the server too, tell which tracking they are about; until
 * error_context_stack is callback->previous again.
 */
void
name_in_errors(ErrorContextCallback *callback, const Tracking *tracking)
{
	callback->previous = error_context_stack;
	callback->callback = tell_tracking;
	callback->arg = unconstify(Tracking *, tracking);
	error_context_stack = callback;
}

/*
 * From here on with the rights of the owner, and with a search_path in which nobody
 * can put anything.
 */
void
become_owner(Caller *caller, const Tracking *tracking)
{
	name_in_errors(&caller->errors, tracking);
	GetUserIdAndSecContext(&caller->user, &caller->context);
	SetUserIdAndSecContext(tracking->owner,
						   caller->context | SECURITY_RESTRICTED_OPERATION);
	caller->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
}

void
become_caller(const Caller *caller)
{
	AtEOXact_GUC(false, caller->guc_level);
	SetUserIdAndSecContext(caller->user, caller->context);
	error_context_stack = caller->errors.previous;
}

/* Without its settings, or with two, a tracking has no options and no models. */
void
reject_settings(const Tracking *tracking)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\", which holds the settings of tracked orders, has not one whole row",
					get_rel_name(tracking->settings_id)),
			 errhint("Restore its row, or end the tracking by retention_untrack and begin it anew by retention_track.")));
}

/* ------------------------------------------------------------------------
 * SQL about it
 * ------------------------------------------------------------------------
 */

/* The type of a column for customers of that type. */
const char *
customer_type_sql(Oid type)
{
	switch (getBaseType(type))
	{
		case INT2OID:
			return "pg_catalog.int2";
		case INT4OID:
			return "pg_catalog.int4";
		case INT8OID:
			return "pg_catalog.int8";
		case VARCHAROID:
			return "pg_catalog.varchar";
		case BPCHAROID:
			return "pg_catalog.bpchar";
		case UUIDOID:
			return "pg_catalog.uuid";
		default:
			return "pg_catalog.text";
	}
}

/* The type by which aggregates take them. */
const char *
customer_argument_type(KeyKind kind)
{
	return kind == KEY_BIGINT ? "pg_catalog.int8" :
		kind == KEY_UUID ? "pg_catalog.uuid" : "pg_catalog.text";
}

/*
 * What a query for histories selects, with through, the latest row of any kind, and
 * what from. Where lines make up orders, an order is at its first line and worth the sum
 * of its lines; a line without an order is an order of its own. An infinite time is
 * passed on, to be an error like everywhere.
 *
 * All operators are qualified, as is everything in "where": the text is also run
 * with a search_path that is not ours.
 */
static const char *
history_sql(const Tracking *tracking, const char *where)
{
	const char *source = tracking->source;
	const char *rows;

	if (!tracking->has_order_id)
		return psprintf("%s.order_history(l.customer::%s, l.ordered_at, l.amount) AS history, pg_catalog.max(l.ordered_at) AS through "
						"FROM %s AS l WHERE %s",
						tracking->extension,
						customer_argument_type(tracking->kind), source, where);
	rows = psprintf("SELECT l.customer, "
					"CASE WHEN pg_catalog.isfinite(pg_catalog.max(l.ordered_at)) THEN pg_catalog.min(l.ordered_at) ELSE 'infinity' END AS ordered_at, "
					"pg_catalog.sum(l.amount) AS amount, pg_catalog.max(l.ordered_at) AS latest "
					"FROM %s AS l WHERE l.ordered_at IS NOT NULL AND l.order_id IS DISTINCT FROM NULL AND %s GROUP BY l.customer, l.order_id "
					"UNION ALL SELECT l.customer, l.ordered_at, l.amount, l.ordered_at "
					"FROM %s AS l WHERE l.order_id IS NOT DISTINCT FROM NULL AND %s",
					source, where, source, where);
	return psprintf("%s.order_history(l.customer::%s, l.ordered_at, l.amount) AS history, pg_catalog.max(l.latest) AS through "
					"FROM (%s) AS l",
					tracking->extension, customer_argument_type(tracking->kind),
					rows);
}

/* A query for customer, history and through of the customers of the source: a row each. */
const char *
tracking_history_sql(const Tracking *tracking, const char *where)
{
	return psprintf("SELECT l.customer, %s GROUP BY l.customer",
					history_sql(tracking, where));
}

/*
 * The same of one customer, by what "where" says: always a row, without a history if
 * there is no row of orders.
 */
const char *
customer_history_sql(const Tracking *tracking, const char *where)
{
	return psprintf("SELECT %s", history_sql(tracking, where));
}
