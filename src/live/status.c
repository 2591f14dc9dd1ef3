/*
 * status.c
 *		retention_live_status and retention_verify: is all of a tracking in order?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/triggers.h"

#include "access/relation.h"
#include "access/xact.h"
#include "base/checks.h"
#include "base/result_rows.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "live/refresh.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "tables/orders_source.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

/* ------------------------------------------------------------------------
 * retention_live_status
 * ------------------------------------------------------------------------
 */
enum
{
	STATUS_LIVE,
	STATUS_ORDERS_TABLE,
	STATUS_MARKED_CUSTOMERS,
	STATUS_OLDEST_MARK_AT,
	STATUS_REFRESHED_AT,
	STATUS_CUSTOMERS,
	STATUS_TRIGGERS_OK,
	STATUS_PARTITIONS_OK,
	STATUS_INDEX_OK,
	STATUS_CUTS_AT,
	STATUS_FITTED_AT,
	STATUS_PROBLEM,
	STATUS_COLUMNS
};

/* What the tables of a tracking say. */
enum
{
	FOUND_MARKED,
	FOUND_EVERYBODY,
	FOUND_OLDEST,
	FOUND_REFRESHED_AT,
	FOUND_CUSTOMERS,
	FOUND_CUTS_AT,
	FOUND_FITTED_AT,
	FOUND_TRIGGERS,
	FOUND_REPLICATED,
	FOUND_PARTITIONS_NOTED,
	FOUND_SETTINGS,
	FOUND_BAD_CUSTOMER,
	FOUND_COLUMNS
};

typedef struct StatusCall
{
	FunctionCallInfo fcinfo;
	Tracking	tracking;
} StatusCall;

/*
 * A marked customer whom no refresh can compute, as text. Of few marked customers the
 * orders are found by the index.
 */
static const char *
bad_customer_sql(const Tracking *tracking)
{
	const char *is_bad = "l.ordered_at IS NOT NULL AND (NOT pg_catalog.isfinite(l.ordered_at) OR l.amount::pg_catalog.numeric OPERATOR(pg_catalog.=) ANY ('{NaN,Infinity,-Infinity}'::pg_catalog.numeric[]))";

	return psprintf("SELECT b.customer::pg_catalog.text FROM (SELECT DISTINCT d.customer FROM %s AS d) AS b "
					"CROSS JOIN LATERAL (SELECT 1 FROM %s AS l WHERE l.customer OPERATOR(pg_catalog.=) b.customer AND %s LIMIT 1) AS f "
					"UNION ALL SELECT l.customer::pg_catalog.text FROM %s AS l WHERE l.customer IS NOT NULL "
					"AND EXISTS (SELECT 1 FROM %s AS e WHERE e.customer IS NULL) AND %s LIMIT 1",
					tracking->changes, tracking->source, is_bad,
					tracking->source, tracking->changes, is_bad);
}

static const char *
status_sql(const Tracking *tracking)
{
	const char *commit_timestamps =
		GetConfigOption("track_commit_timestamp", false, false);
	const bool	has_times = strcmp(commit_timestamps, "on") == 0;

	return psprintf("SELECT m.n, m.everybody, m.oldest, s.refreshed_at, (SELECT pg_catalog.count(*) FROM %s), "
					"s.cuts_at, s.fitted_at, coalesce(s.triggers::pg_catalog.text, 'statement'), coalesce(s.replicated::pg_catalog.bool, false), "
					"w.n OPERATOR(pg_catalog.<>) 1 OR s.partitions IS NOT DISTINCT FROM %s, "
					"w.n OPERATOR(pg_catalog.=) 1 AND (s.tz, s.unit, s.bins, s.grid, s.family, s.triggers, s.replicated) IS NOT NULL, (%s) "
					"FROM (SELECT pg_catalog.count(*) AS n FROM %s) AS w LEFT JOIN %s AS s ON w.n OPERATOR(pg_catalog.=) 1, "
					"(SELECT pg_catalog.count(DISTINCT k.customer) AS n, coalesce(pg_catalog.bool_or(k.customer IS NULL), false) AS everybody, %s AS oldest FROM %s AS k) AS m",
					tracking->customers, partitions_sql(tracking),
					bad_customer_sql(tracking), tracking->settings,
					tracking->settings,
					has_times ? "pg_catalog.min(pg_catalog.pg_xact_commit_timestamp(k.xmin))" : "NULL::pg_catalog.timestamptz",
					tracking->changes);
}

/* Has the source an index to find a customer by? Views have none to be asked for. */
static bool
index_is_there(const Tracking *tracking)
{
	Relation	source = relation_open(tracking->source_id, AccessShareLock);
	AttrNumber	watched[MOST_WATCHED];
	int			nwatched;

	(void) view_of_relation(source, &nwatched, watched);
	relation_close(source, NoLock);
	return get_rel_relkind(tracking->orders_id) == RELKIND_VIEW ||
		OidIsValid(customer_index(tracking->orders_id, watched[0], true));
}

static const char *
other_problem(const Tracking *tracking, const char *without_trigger,
			  bool partitions_noted, bool has_index, const char *bad_customer)
{
	if (without_trigger)
		return psprintf("partition %s has no trigger for TRUNCATE: call retention_track again",
						without_trigger);
	if (!partitions_noted)
		return "partitions have come or gone: call retention_refresh";
	if (!has_index)
		return psprintf("no index of %s leads with the column of its customers: create one",
						get_rel_name(tracking->orders_id));
	if (bad_customer)
		return psprintf("customer %s has an order whose time or amount is not finite: correct it, it stops every refresh",
						excerpt(bad_customer));
	return NULL;
}

/* Does this session write past the triggers? Others cannot be looked at. */
static const char *
session_problem(const char *triggers, bool replicated)
{
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA || replicated ||
		strcmp(triggers, "none") == 0)
		return NULL;
	return "session_replication_role is replica: what this session writes is not marked";
}

static void
put_status(TupleTableSlot *row, void *arg)
{
	StatusCall *call = arg;
	ReturnSetInfo *result = (ReturnSetInfo *) call->fcinfo->resultinfo;
	const Tracking *tracking = &call->tracking;
	const Datum *found = row->tts_values;
	const bool	has_index = index_is_there(tracking);
	const bool	is_partitioned =
		get_rel_relkind(tracking->orders_id) == RELKIND_PARTITIONED_TABLE;
	const char *without_trigger =
		partition_without_trigger(tracking,
								  TextDatumGetCString(found[FOUND_TRIGGERS]));
	const bool	noted = DatumGetBool(found[FOUND_PARTITIONS_NOTED]);
	const char *problem =
		trigger_problem(tracking, TextDatumGetCString(found[FOUND_TRIGGERS]),
						DatumGetBool(found[FOUND_REPLICATED]));
	Datum		values[STATUS_COLUMNS] = {0};
	bool		nulls[STATUS_COLUMNS] = {false};

	values[STATUS_LIVE] = ObjectIdGetDatum(tracking->live_id);
	values[STATUS_ORDERS_TABLE] = ObjectIdGetDatum(tracking->orders_id);
	values[STATUS_MARKED_CUSTOMERS] =
		DatumGetBool(found[FOUND_EVERYBODY]) ? found[FOUND_CUSTOMERS] :
		found[FOUND_MARKED];
	values[STATUS_OLDEST_MARK_AT] = found[FOUND_OLDEST];
	nulls[STATUS_OLDEST_MARK_AT] = row->tts_isnull[FOUND_OLDEST];
	values[STATUS_REFRESHED_AT] = found[FOUND_REFRESHED_AT];
	nulls[STATUS_REFRESHED_AT] = row->tts_isnull[FOUND_REFRESHED_AT];
	values[STATUS_CUSTOMERS] = found[FOUND_CUSTOMERS];
	values[STATUS_PARTITIONS_OK] = BoolGetDatum(noted && without_trigger == NULL);
	nulls[STATUS_PARTITIONS_OK] = !is_partitioned;
	values[STATUS_INDEX_OK] = BoolGetDatum(has_index);
	values[STATUS_CUTS_AT] = found[FOUND_CUTS_AT];
	nulls[STATUS_CUTS_AT] = row->tts_isnull[FOUND_CUTS_AT];
	values[STATUS_FITTED_AT] = found[FOUND_FITTED_AT];
	nulls[STATUS_FITTED_AT] = row->tts_isnull[FOUND_FITTED_AT];
	if (problem == NULL)
		problem = session_problem(TextDatumGetCString(found[FOUND_TRIGGERS]),
								  DatumGetBool(found[FOUND_REPLICATED]));
	values[STATUS_TRIGGERS_OK] = BoolGetDatum(problem == NULL);
	if (!DatumGetBool(found[FOUND_SETTINGS]))
		problem = psprintf("table \"%s\" has not one whole row: restore it, or untrack and track again",
						   get_rel_name(tracking->settings_id));
	if (problem == NULL)
		problem = other_problem(tracking, without_trigger, noted, has_index,
								row->tts_isnull[FOUND_BAD_CUSTOMER] ? NULL :
								TextDatumGetCString(found[FOUND_BAD_CUSTOMER]));
	nulls[STATUS_PROBLEM] = problem == NULL;
	if (problem)
		values[STATUS_PROBLEM] = CStringGetTextDatum(problem);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_status_of(FunctionCallInfo fcinfo, Oid live_id)
{
	StatusCall	call = {.fcinfo = fcinfo};
	Caller		caller;

	tracking_open(&call.tracking, live_id, fcinfo->flinfo->fn_oid);
	become_owner(&caller, &call.tracking);
	run_query(status_sql(&call.tracking), NULL, 0, put_status, &call);
	become_caller(&caller);
}

typedef struct OidList
{
	MemoryContext context;
	List	   *oids;
} OidList;

static void
take_oid(TupleTableSlot *row, void *arg)
{
	OidList    *list = arg;
	MemoryContext caller = MemoryContextSwitchTo(list->context);

	list->oids = lappend_oid(list->oids, DatumGetObjectId(row->tts_values[0]));
	MemoryContextSwitchTo(caller);
}

/* Live views are what depends on our function for them, and has what belongs to it. */
static const char *
live_views_sql(Oid schema_id)
{
	return psprintf("SELECT DISTINCT c.oid FROM pg_catalog.pg_proc AS p "
					"JOIN pg_catalog.pg_depend AS d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid OPERATOR(pg_catalog.=) p.oid "
					"AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass "
					"JOIN pg_catalog.pg_rewrite AS r ON r.oid OPERATOR(pg_catalog.=) d.objid "
					"JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) r.ev_class "
					"WHERE p.pronamespace OPERATOR(pg_catalog.=) %u::pg_catalog.oid AND p.proname OPERATOR(pg_catalog.=) 'live_row_now' "
					"AND c.relkind OPERATOR(pg_catalog.=) 'v' AND pg_catalog.has_table_privilege(c.oid, 'SELECT') "
					"AND EXISTS (SELECT 1 FROM pg_catalog.pg_class AS s WHERE s.relnamespace OPERATOR(pg_catalog.=) c.relnamespace "
					"AND s.relname::pg_catalog.text OPERATOR(pg_catalog.=) (c.relname OPERATOR(pg_catalog.||) '_settings')) ORDER BY 1",
					schema_id);
}

/*
 * retention_live_status(live regclass)
 *
 * A row per live view that the caller may read.
 */
PG_FUNCTION_INFO_V1(retention_live_status);
Datum
retention_live_status(PG_FUNCTION_ARGS)
{
	OidList		list = {CurrentMemoryContext, NIL};
	ListCell   *cell;

	result_set_begin(fcinfo);
	if (!PG_ARGISNULL(0))
	{
		const Oid	live_id = PG_GETARG_OID(0);

		if (pg_class_aclcheck(live_id, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_VIEW, get_rel_name(live_id));
		put_status_of(fcinfo, live_id);
		return (Datum) 0;
	}
	run_query(live_views_sql(get_func_namespace(fcinfo->flinfo->fn_oid)), NULL, 0,
			  take_oid, &list);
	foreach(cell, list.oids)
		put_status_of(fcinfo, lfirst_oid(cell));
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * retention_verify
 * ------------------------------------------------------------------------
 */
static const char *
compared_column(const char *name)
{
	return psprintf("('%s', s.%s::pg_catalog.text, a.%s::pg_catalog.text, s.%s IS DISTINCT FROM a.%s)",
					name, name, name, name, name);
}

/*
 * Of a share of the customers who are not marked, what is stored beside what the orders
 * say, in one snapshot. Customers are drawn from the stored rows, and from the
 * orders, where some may be who are not stored.
 */
static const char *
verify_sql(const Tracking *tracking, double share)
{
	const char *drawn = share >= 1 ? "true" :
		psprintf("pg_catalog.random() < %.17g", share);

	return psprintf("WITH drawn AS MATERIALIZED (SELECT c.customer FROM %s AS c WHERE %s "
					"UNION SELECT l.customer FROM %s AS l WHERE l.customer IS NOT NULL AND l.ordered_at IS NOT NULL AND %s), "
					"actual AS (SELECT k.customer, h.history, h.through, r.first_order_at, r.last_order_at, r.orders, r.monetary, r.segment "
					"FROM drawn AS k LEFT JOIN LATERAL (%s) AS h ON true "
					"LEFT JOIN LATERAL %s.live_row(h.history, (SELECT s.cuts FROM %s AS s), 'infinity') AS r ON h.history IS NOT NULL "
					"WHERE NOT EXISTS (SELECT 1 FROM %s AS m WHERE m.customer = k.customer OR m.customer IS NULL)) "
					"SELECT a.customer::pg_catalog.text, v.column_name, v.stored, v.actual FROM actual AS a "
					"LEFT JOIN %s AS s ON s.customer = a.customer "
					"CROSS JOIN LATERAL (VALUES %s, %s, %s, %s, %s, %s, "
					"('history', pg_catalog.md5(s.history::pg_catalog.text), pg_catalog.md5(a.history::pg_catalog.text), s.history::pg_catalog.text IS DISTINCT FROM a.history::pg_catalog.text)) "
					"AS v(column_name, stored, actual, is_other) WHERE v.is_other",
					tracking->customers, drawn, tracking->source, drawn,
					customer_history_sql(tracking, "l.customer OPERATOR(pg_catalog.=) k.customer"),
					tracking->extension, tracking->settings, tracking->changes,
					tracking->customers, compared_column("first_order_at"),
					compared_column("last_order_at"), compared_column("orders"),
					compared_column("monetary"), compared_column("through"),
					compared_column("segment"));
}

static void
put_difference(TupleTableSlot *row, void *arg)
{
	ReturnSetInfo *result = arg;

	tuplestore_puttupleslot(result->setResult, row);
}

/*
 * retention_verify(live regclass, share double precision)
 */
PG_FUNCTION_INFO_V1(retention_verify);
Datum
retention_verify(PG_FUNCTION_ARGS)
{
	Tracking	tracking;
	Caller		caller;

	if (PG_ARGISNULL(1))
		reject_null("share");
	check_double_range(PG_GETARG_FLOAT8(1), 0, 1, "share");
	tracking_arg(&tracking, fcinfo, 0);
	check_tracking_owner(&tracking);
	result_set_begin(fcinfo);
	become_owner(&caller, &tracking);
	if (count_rows(tracking.settings) != 1)
		reject_settings(&tracking);
	run_query(verify_sql(&tracking, PG_GETARG_FLOAT8(1)), NULL, 0, put_difference,
			  fcinfo->resultinfo);
	become_caller(&caller);
	return (Datum) 0;
}
