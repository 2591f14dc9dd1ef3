/*
 * track.c
 *		retention_track and retention_untrack.
 *
 * What is created belongs to the owner of the orders and not to the extension, so that
 * pg_dump takes it with its rows.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/refresh.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "base/checks.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "engine/customer_type.h"
#include "engine/intervals.h"
#include "lib/stringinfo.h"
#include "live/triggers.h"
#include "miscadmin.h"
#include "models/fitted_model.h"
#include "rfm/segment.h"
#include "tables/orders_source.h"
#include "tables/relation.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

enum
{
	TRACK_ORDERS_TABLE,
	TRACK_CUSTOMER_COLUMN,
	TRACK_ORDERED_AT_COLUMN,
	TRACK_AMOUNT_COLUMN,
	TRACK_LIVE,
	TRACK_ORDER_ID_COLUMN,
	TRACK_TZ,
	TRACK_UNIT,
	TRACK_BINS,
	TRACK_GRID,
	TRACK_FAMILY,
	TRACK_TRIGGERS,
	TRACK_REPLICATED
};

/* A call of retention_track. */
typedef struct TrackCall
{
	FunctionCallInfo fcinfo;
	OrdersSource source;
	const char *customer;		/* the column as it is: o."name" */
	AttrNumber	customer_number;
	Oid			collation;		/* of that column */
	Oid			schema_id;
	Oid			owner;
	char		relkind;
	const char *name;			/* of the live view */
	const char *triggers;
	bool		replicated;
	Tracking	tracking;		/* names only, until all is there */
} TrackCall;

/* ------------------------------------------------------------------------
 * What cannot be tracked
 * ------------------------------------------------------------------------
 */
static void
reject_table(const TrackCall *call, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("cannot track \"%s\": %s", call->source.relation_name, what),
			 errhint("%s", hint)));
}

static void
check_kind(const TrackCall *call, Form_pg_class form)
{
	const bool	by_hand = strcmp(call->triggers, "none") == 0;

	if (form->relpersistence != RELPERSISTENCE_PERMANENT)
		reject_table(call, form->relpersistence == RELPERSISTENCE_TEMP ?
					 "it is a temporary table" : "it is an unlogged table",
					 form->relpersistence == RELPERSISTENCE_TEMP ?
					 "A temporary table ends with its session: track a table that stays." :
					 psprintf("A crash would empty it and keep what is stored of its customers: ALTER TABLE %s SET LOGGED.",
							  call->source.relation));
	if (form->relkind == RELKIND_FOREIGN_TABLE)
		reject_table(call, "it is a foreign table",
					 "Changes of it are made elsewhere: track it on its own server, and read the live view from here.");
	if (form->relkind == RELKIND_MATVIEW)
		reject_table(call, "it is a materialized view",
					 "Track the table it is made from.");
	if (form->relkind == RELKIND_VIEW && !by_hand)
		reject_table(call, "a view has no triggers that see its rows",
					 "Pass triggers => 'none', and call retention_mark from triggers on its tables.");
	if (form->relkind == RELKIND_PARTITIONED_TABLE &&
		strcmp(call->triggers, "statement") == 0)
		reject_table(call, "triggers of its statements do not see rows that are written to a partition",
					 "Pass triggers => 'row', or nothing.");
	if (form->relkind == RELKIND_RELATION && !form->relispartition &&
		(has_superclass(call->source.relation_id) ||
		 find_inheritance_children(call->source.relation_id, NoLock) != NIL))
		reject_table(call, "it inherits, or is inherited from",
					 "Rows of such tables come by ways that a trigger does not see: use declarative partitions.");
}

/* Partitions must be such tables, too. */
static void
check_partitions(const TrackCall *call)
{
	ListCell   *cell;

	if (call->relkind != RELKIND_PARTITIONED_TABLE)
		return;
	foreach(cell, find_all_inheritors(call->source.relation_id, AccessShareLock, NULL))
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE ||
			get_rel_persistence(lfirst_oid(cell)) != RELPERSISTENCE_PERMANENT)
		reject_table(call, psprintf("partition \"%s\" is a foreign, temporary or unlogged table",
									get_rel_name(lfirst_oid(cell))),
					 "Changes of such a table are not seen, or do not last: detach it.");
}

/* Would the owner, by whose rights all is read, miss rows? */
static void
check_row_security(const TrackCall *call)
{
	if (call->relkind != RELKIND_VIEW &&
		check_enable_rls(call->source.relation_id, call->owner, true) == RLS_ENABLED)
		reject_table(call, "its owner does not see all rows, by row security",
					 psprintf("ALTER TABLE %s NO FORCE ROW LEVEL SECURITY.",
							  call->source.relation));
}

static Oid
access_method(Oid index_id)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index_id));
	Oid			method;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	method = ((Form_pg_class) GETSTRUCT(tuple))->relam;
	ReleaseSysCache(tuple);
	return method;
}

static bool
leads_with(Oid index_id, AttrNumber column)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index_id));
	Form_pg_index index;
	bool		leads;

	if (!HeapTupleIsValid(tuple))
		return false;
	index = (Form_pg_index) GETSTRUCT(tuple);
	leads = index->indisvalid && index->indislive &&
		index->indkey.values[0] == column &&
		heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	ReleaseSysCache(tuple);
	return leads;
}

/*
 * An index by which the rows of a customer are found: a btree, or a hash index if one
 * will do.
 */
Oid
customer_index(Oid relation_id, AttrNumber column, bool or_hash)
{
	Relation	relation = relation_open(relation_id, AccessShareLock);
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *cell;
	Oid			found = InvalidOid;

	foreach(cell, indexes)
	{
		const Oid	method = access_method(lfirst_oid(cell));

		if ((method == BTREE_AM_OID || (or_hash && method == HASH_AM_OID)) &&
			leads_with(lfirst_oid(cell), column))
			found = lfirst_oid(cell);
	}
	relation_close(relation, NoLock);
	return found;
}

static void
check_index(const TrackCall *call)
{
	if (call->relkind != RELKIND_VIEW &&
		!OidIsValid(customer_index(call->source.relation_id,
								   call->customer_number, true)))
		reject_table(call, "no index leads with the column of its customers",
					 psprintf("CREATE INDEX ON %s (%s).", call->source.relation,
							  call->customer + strlen("o.")));
}

static void
check_collation(const TrackCall *call)
{
	if (OidIsValid(call->collation) && !get_collation_isdeterministic(call->collation))
		reject_table(call, "its customers have a collation in which different texts are equal",
					 "Customers are told apart by bytes: track a column with a deterministic collation.");
}

static void
check_orders(TrackCall *call)
{
	HeapTuple	tuple = SearchSysCache1(RELOID,
										ObjectIdGetDatum(call->source.relation_id));
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

	call->schema_id = form->relnamespace;
	call->owner = form->relowner;
	call->relkind = form->relkind;
	if (!owns_relation(call->source.relation_id, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE,
					   call->source.relation_name);
	check_kind(call, form);
	ReleaseSysCache(tuple);
	check_partitions(call);
	check_row_security(call);
	check_collation(call);
	check_index(call);
}

/* ------------------------------------------------------------------------
 * Arguments
 * ------------------------------------------------------------------------
 */
static const char *
text_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		reject_null(name);
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static void
check_options(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(TRACK_UNIT))
		reject_null("unit");
	(void) interval_days(PG_GETARG_INTERVAL_P(TRACK_UNIT), "unit");
	if (PG_ARGISNULL(TRACK_BINS))
		reject_null("bins");
	check_rfm_bins(PG_GETARG_INT32(TRACK_BINS));
	if (PG_ARGISNULL(TRACK_GRID))
		reject_null("grid");
	(void) rfm_grid_from_text(PG_GETARG_TEXT_PP(TRACK_GRID));
	(void) btyd_family_arg(fcinfo, TRACK_FAMILY);
}

static const char *
triggers_arg(FunctionCallInfo fcinfo, Oid orders_id)
{
	const char *triggers = text_arg(fcinfo, TRACK_TRIGGERS, "triggers");

	if (strcmp(triggers, "auto") == 0)
		return get_rel_relkind(orders_id) == RELKIND_PARTITIONED_TABLE ? "row" :
			"statement";
	if (strcmp(triggers, "statement") != 0 && strcmp(triggers, "row") != 0 &&
		strcmp(triggers, "none") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"triggers\" must be one of auto, statement, row, none, not \"%s\"",
						excerpt(triggers))));
	return triggers;
}

static const char *
live_name_arg(const TrackCall *call)
{
	FunctionCallInfo fcinfo = call->fcinfo;
	const char *name = PG_ARGISNULL(TRACK_LIVE) ?
		psprintf("%s_live", call->source.relation_name) :
		pstrdup(NameStr(*PG_GETARG_NAME(TRACK_LIVE)));

	if (strlen(name) > MOST_LIVE_NAME || name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("argument \"live\" must have 1 to %d bytes, not %d: \"%s\"",
						MOST_LIVE_NAME, (int) strlen(name), name)));
	return name;
}

static const char *
qualified(const TrackCall *call, const char *ending)
{
	return quote_qualified_identifier(get_namespace_name(call->schema_id),
									  psprintf("%s%s", call->name, ending));
}

static void
track_call_init(TrackCall *call, FunctionCallInfo fcinfo)
{
	static const OrdersArguments arguments = {
		.customer_type = -1, .relation = TRACK_ORDERS_TABLE,
		.tz = TRACK_TZ, .order_id = TRACK_ORDER_ID_COLUMN
	};
	const char *column;

	memset(call, 0, sizeof(*call));
	call->fcinfo = fcinfo;
	orders_source_init(&call->source, fcinfo, &arguments);
	check_options(fcinfo);
	call->triggers = triggers_arg(fcinfo, call->source.relation_id);
	if (PG_ARGISNULL(TRACK_REPLICATED))
		reject_null("replicated");
	call->replicated = PG_GETARG_BOOL(TRACK_REPLICATED);
	call->customer = orders_source_column(&call->source, fcinfo,
										  TRACK_CUSTOMER_COLUMN,
										  "customer_column");
	column = NameStr(*PG_GETARG_NAME(TRACK_CUSTOMER_COLUMN));
	call->customer_number = get_attnum(call->source.relation_id, column);
	call->collation = InvalidOid;
	if (call->source.kind == KEY_TEXT)
	{
		int32		typmod;
		Oid			type;

		get_atttypetypmodcoll(call->source.relation_id, call->customer_number,
							  &type, &typmod, &call->collation);
	}
	call->name = live_name_arg(call);
	check_orders(call);
}

/* ------------------------------------------------------------------------
 * Creating
 * ------------------------------------------------------------------------
 */
static const char *
collate_sql(Oid collation)
{
	HeapTuple	tuple;
	Form_pg_collation form;
	const char *sql;

	if (!OidIsValid(collation))
		return "";
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		return "";
	form = (Form_pg_collation) GETSTRUCT(tuple);
	sql = psprintf(" COLLATE %s",
				   quote_qualified_identifier(get_namespace_name(form->collnamespace),
											  NameStr(form->collname)));
	ReleaseSysCache(tuple);
	return sql;
}

static void
create_source(const TrackCall *call)
{
	const OrdersSource *source = &call->source;
	const bool	is_domain =
		getBaseType(source->customer_type) != source->customer_type;

	run_as_owner(psprintf("CREATE VIEW %s AS SELECT %s%s%s AS customer, %s AS ordered_at, %s AS amount%s%s FROM %s AS o",
						  qualified(call, "_source"), call->customer,
						  is_domain ? "::" : "",
						  is_domain ? customer_type_sql(source->customer_type) : "",
						  source->ordered_at, source->amount,
						  source->order_id ? psprintf(", %s", source->order_id) : "",
						  source->order_id ? " AS order_id" : "",
						  source->relation));
}

static void
create_tables(const TrackCall *call)
{
	const char *type = customer_type_sql(call->source.customer_type);
	const char *collate = collate_sql(call->collation);
	const char *extension = call->source.extension;

	run_as_owner(psprintf("CREATE TABLE %s (customer %s%s PRIMARY KEY, "
						  "first_order_at timestamptz, last_order_at timestamptz, through timestamptz NOT NULL, segment_changed_at timestamptz, "
						  "orders int8 NOT NULL, monetary numeric, segment text, previous_segment text, "
						  "history %s.order_history NOT NULL) WITH (fillfactor = 90)",
						  qualified(call, "_customers"), type, collate, extension));
	run_as_owner(psprintf("CREATE TABLE %s (customer %s%s)",
						  qualified(call, "_changes"), type, collate));
	run_as_owner(psprintf("CREATE INDEX ON %s (customer)", qualified(call, "_changes")));
	run_as_owner(psprintf("CREATE TABLE %s (tz text NOT NULL, unit interval NOT NULL, bins int4 NOT NULL, grid text NOT NULL, "
						  "family text NOT NULL, triggers text NOT NULL, replicated bool NOT NULL, "
						  "cuts %s.rfm_cuts, cuts_at timestamptz, buying_params float8[], spend_params float8[], "
						  "model_status text, decimals int4, fitted_at timestamptz, refreshed_at timestamptz, partitions regclass[])",
						  qualified(call, "_settings"), extension));
}

static void
insert_settings(const TrackCall *call)
{
	FunctionCallInfo fcinfo = call->fcinfo;

	run_as_owner(psprintf("INSERT INTO %s (tz, unit, bins, grid, family, triggers, replicated) VALUES (%s, %s, %d, %s, %s, %s, %s)",
						  qualified(call, "_settings"), call->source.tz,
						  quote_literal_cstr(interval_text(PG_GETARG_INTERVAL_P(TRACK_UNIT))),
						  PG_GETARG_INT32(TRACK_BINS),
						  quote_literal_cstr(text_arg(fcinfo, TRACK_GRID, "grid")),
						  quote_literal_cstr(text_arg(fcinfo, TRACK_FAMILY, "family")),
						  quote_literal_cstr(call->triggers),
						  call->replicated ? "true" : "false"));
}

/*
 * The history of a row "of" of histories, as it is now. That of lines cannot tell what
 * lines dated ahead will add to an order that has begun, so it is made anew without
 * them.
 */
static const char *
history_now(const Tracking *tracking, const char *of)
{
	if (!tracking->has_order_id)
		return psprintf("%s.history", of);
	return psprintf("CASE WHEN %s.through < pg_catalog.statement_timestamp() THEN %s.history ELSE (SELECT a.history FROM (%s) AS a) END",
					of, of,
					customer_history_sql(tracking,
										 psprintf("l.customer OPERATOR(pg_catalog.=) %s.customer AND l.ordered_at OPERATOR(pg_catalog.<) pg_catalog.statement_timestamp()",
												  of)));
}

/* What is stored is of all rows: right from the latest of them on. */
static const char *
stored_column(const Tracking *tracking, const char *cuts, const char *name)
{
	return psprintf("CASE WHEN c.through < pg_catalog.now() THEN c.%s ELSE (%s.live_row_now(%s, %s)).%s END AS %s",
					name, tracking->extension, history_now(tracking, "c"), cuts,
					name, name);
}

static const char *
stored_rows(const Tracking *tracking, const char *cuts, const char *everybody)
{
	return psprintf("SELECT c.customer, %s, %s, %s, %s, %s, c.previous_segment, c.segment_changed_at, c.history, 'stored'::pg_catalog.text AS computed "
					"FROM %s AS c WHERE NOT EXISTS (SELECT 1 FROM %s AS m WHERE m.customer = c.customer) AND NOT %s",
					stored_column(tracking, cuts, "first_order_at"),
					stored_column(tracking, cuts, "last_order_at"),
					stored_column(tracking, cuts, "orders"),
					stored_column(tracking, cuts, "monetary"),
					stored_column(tracking, cuts, "segment"),
					tracking->customers, tracking->changes, everybody);
}

/* The rows of histories "h", given as what follows FROM, beside the stored rows p. */
static const char *
computed_rows(const Tracking *tracking, const char *cuts, const char *histories)
{
	return psprintf("SELECT h.customer, r.first_order_at, r.last_order_at, r.orders, r.monetary, r.segment, "
					"CASE WHEN p.segment IS DISTINCT FROM r.segment THEN p.segment ELSE p.previous_segment END, "
					"CASE WHEN p.segment IS DISTINCT FROM r.segment THEN pg_catalog.now() ELSE p.segment_changed_at END, "
					"h.history, 'now'::pg_catalog.text "
					"FROM %s CROSS JOIN LATERAL %s.live_row_now(%s, %s) AS r "
					"LEFT JOIN %s AS p ON p.customer = h.customer WHERE h.history IS NOT NULL",
					histories, tracking->extension, history_now(tracking, "h"),
					cuts, tracking->customers);
}

static void
create_live_view(const TrackCall *call)
{
	const Tracking *t = &call->tracking;
	const char *cuts = psprintf("(SELECT s.cuts FROM %s AS s)", t->settings);
	const char *everybody = psprintf("EXISTS (SELECT 1 FROM %s AS e WHERE e.customer IS NULL)",
									 t->changes);
	const char *marked = psprintf("(SELECT k.customer, a.history, a.through FROM (SELECT DISTINCT m.customer FROM %s AS m WHERE m.customer IS NOT NULL AND NOT %s) AS k "
								  "CROSS JOIN LATERAL (%s) AS a) AS h",
								  t->changes, everybody,
								  customer_history_sql(t, "l.customer OPERATOR(pg_catalog.=) k.customer"));
	const char *all = psprintf("(%s) AS h",
							   tracking_history_sql(t, psprintf("l.customer IS NOT NULL AND %s",
																everybody)));

	run_as_owner(psprintf("CREATE VIEW %s AS %s UNION ALL %s UNION ALL %s",
						  t->live, stored_rows(t, cuts, everybody),
						  computed_rows(t, cuts, marked),
						  computed_rows(t, cuts, all)));
}

static void
comment_on(const char *kind, const char *object, const char *comment)
{
	run_as_owner(psprintf("COMMENT ON %s %s IS %s", kind, object,
						  quote_literal_cstr(comment)));
}

static void
create_comments(const TrackCall *call)
{
	const char *relation = call->source.relation;

	comment_on("VIEW", qualified(call, ""),
			   psprintf("the customers of %s as of now, the orders of this transaction included; made by retention_track",
						relation));
	comment_on("VIEW", qualified(call, "_source"),
			   psprintf("the columns of %s that are tracked", relation));
	comment_on("TABLE", qualified(call, "_customers"),
			   psprintf("the customers of %s as of the last retention_refresh",
						relation));
	comment_on("TABLE", qualified(call, "_changes"),
			   psprintf("customers of %s whose orders changed since; NULL: everybody",
						relation));
	comment_on("TABLE", qualified(call, "_settings"),
			   psprintf("how %s is tracked: options, cut points, models", relation));
}

/*
 * What a tracking has left that was dropped with its table, or with the extension, stands
 * in the way.
 */
static void
check_remains(const TrackCall *call)
{
	static const char *const endings[] = {"_source", "_customers", "_changes", "_settings"};
	StringInfoData commands;

	initStringInfo(&commands);
	for (int i = 0; i < lengthof(endings); i++)
		if (OidIsValid(get_relname_relid(psprintf("%s%s", call->name, endings[i]),
										 call->schema_id)))
			appendStringInfo(&commands, "%sDROP %s %s", commands.len ? "; " : "",
							 i == 0 ? "VIEW" : "TABLE", qualified(call, endings[i]));
	if (commands.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("cannot track \"%s\": something of the name of what it makes is there",
						call->source.relation_name),
				 errhint("If an earlier tracking has left it: %s. Or pass another name: live => '...'.",
						 commands.data)));
}

/* Names and types, by which SQL is written before the view is there. */
static void
name_tracking(TrackCall *call)
{
	call->tracking = (Tracking) {
		.owner = call->owner,
		.name = call->name,
		.schema = get_namespace_name(call->schema_id),
		.live = qualified(call, ""),
		.source = qualified(call, "_source"),
		.customers = qualified(call, "_customers"),
		.changes = qualified(call, "_changes"),
		.settings = qualified(call, "_settings"),
		.extension = call->source.extension,
		.kind = call->source.kind,
		.has_order_id = call->source.order_id != NULL,
		.orders_id = call->source.relation_id
	};
	namestrcpy(&call->tracking.live_name, call->name);
	namestrcpy(&call->tracking.orders_name, call->source.relation_name);
}

static void
set_quiet(void)
{
	(void) set_config_option("client_min_messages", "warning", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * The first fit looks at the orders through the view, in which everybody is marked;
 * then the refresh stores every customer once, with a segment.
 */
static Oid
track_anew(TrackCall *call)
{
	Oid			live_id;
	Tracking	tracking;
	RefreshCounts counts;

	create_source(call);
	create_tables(call);
	insert_settings(call);
	create_live_view(call);
	create_comments(call);
	create_triggers(&call->tracking, call->triggers, call->replicated);
	run_as_owner(psprintf("INSERT INTO %s VALUES (NULL)", call->tracking.changes));
	CommandCounterIncrement();
	live_id = get_relname_relid(call->name, call->schema_id);
	tracking_open(&tracking, live_id, call->fcinfo->flinfo->fn_oid);
	fit_tracking(&tracking, GetCurrentTimestamp(), true);
	refresh_tracking(&tracking, 0, true, &counts);
	return live_id;
}

/*
 * Of a table that is tracked the triggers are made anew; since they may have missed
 * something, everybody is marked.
 */
static void
track_again(TrackCall *call, Oid live_id)
{
	Tracking	tracking;
	Caller		caller;

	tracking_open(&tracking, live_id, call->fcinfo->flinfo->fn_oid);
	if (tracking.orders_id != call->source.relation_id)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("\"%s\" is the live view of another table: %s",
						tracking.name, get_rel_name(tracking.orders_id)),
				 errhint("Pass another name: live => '...'.")));
	check_tracking_owner(&tracking);
	lock_tracking(&tracking);
	become_owner(&caller, &tracking);
	set_quiet();
	drop_triggers(&tracking);
	create_triggers(&tracking, call->triggers, call->replicated);
	run_as_owner(psprintf("UPDATE %s SET triggers = %s, replicated = %s",
						  tracking.settings, quote_literal_cstr(call->triggers),
						  call->replicated ? "true" : "false"));
	run_as_owner(psprintf("INSERT INTO %s VALUES (NULL)", tracking.changes));
	become_caller(&caller);
}

/*
 * retention_track(orders_table regclass, customer_column name,
 * ordered_at_column name, amount_column name, live name, order_id_column name,
 * tz text, unit interval, bins integer, grid text, family text, triggers text,
 * replicated boolean) returns regclass
 */
PG_FUNCTION_INFO_V1(retention_track);
Datum
retention_track(PG_FUNCTION_ARGS)
{
	TrackCall	call;
	Caller		caller;
	Oid			live_id;

	PreventCommandIfReadOnly("retention_track()");
	check_read_committed("retention_track()");
	track_call_init(&call, fcinfo);
	live_id = get_relname_relid(call.name, call.schema_id);
	if (OidIsValid(live_id))
	{
		track_again(&call, live_id);
		PG_RETURN_OID(live_id);
	}
	check_remains(&call);
	name_tracking(&call);
	become_owner(&caller, &call.tracking);
	set_quiet();
	live_id = track_anew(&call);
	become_caller(&caller);
	PG_RETURN_OID(live_id);
}

/*
 * retention_untrack(live regclass)
 */
PG_FUNCTION_INFO_V1(retention_untrack);
Datum
retention_untrack(PG_FUNCTION_ARGS)
{
	Tracking	tracking;
	Caller		caller;

	PreventCommandIfReadOnly("retention_untrack()");
	tracking_arg(&tracking, fcinfo, 0);
	check_tracking_owner(&tracking);
	lock_tracking(&tracking);
	become_owner(&caller, &tracking);
	set_quiet();
	drop_triggers(&tracking);
	run_as_owner(psprintf("DROP VIEW %s, %s", tracking.live, tracking.source));
	run_as_owner(psprintf("DROP TABLE %s, %s, %s", tracking.customers,
						  tracking.changes, tracking.settings));
	become_caller(&caller);
	PG_RETURN_VOID();
}
