/*
 * mark_trigger.c
 *		The triggers of a tracked table: who changed is marked.
 *
 * A trigger's one argument is the name of the live view. Its table and columns are
 * found through the view of the source, which depends on the orders, and so under
 * whatever names they all have by now. What was found is kept, until one of the
 * relations changes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/marks.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "base/checks.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_rewrite.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "live/tracking.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

/* What a trigger has to know, by its OID. */
typedef struct MarkTarget
{
	Oid			trigger_id;
	bool		is_valid;
	Oid			orders_id;		/* the relation the trigger is on */
	Oid			source_id;
	Oid			changes_id;
	int			nwatched;
	AttrNumber	watched[MOST_WATCHED];	/* of that relation; customer first */
} MarkTarget;

static HTAB *targets = NULL;

/* ------------------------------------------------------------------------
 * Finding where the marks go
 * ------------------------------------------------------------------------
 */
static void
forget_targets(Datum arg, Oid relation_id)
{
	HASH_SEQ_STATUS scan;
	MarkTarget *target;

	hash_seq_init(&scan, targets);
	while ((target = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relation_id) || relation_id == target->orders_id ||
			relation_id == target->source_id || relation_id == target->changes_id)
			target->is_valid = false;
}

static MarkTarget *
target_entry(Oid trigger_id)
{
	MarkTarget *target;
	bool		found;

	if (targets == NULL)
	{
		const HASHCTL control = {.keysize = sizeof(Oid),
		.entrysize = sizeof(MarkTarget)};

		targets = hash_create("retention mark targets", 16, &control,
							  HASH_ELEM | HASH_BLOBS);
		CacheRegisterRelcacheCallback(forget_targets, (Datum) 0);
	}
	target = hash_search(targets, &trigger_id, HASH_ENTER, &found);
	if (!found)
		target->is_valid = false;
	return target;
}

/* The view whose rule this is. */
static Oid
view_of_rule(Oid rule_id)
{
	Relation	rules = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	rule;
	Oid			view_id = InvalidOid;

	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(rule_id));
	scan = systable_beginscan(rules, RewriteOidIndexId, true, NULL, 1, &key);
	rule = systable_getnext(scan);
	if (HeapTupleIsValid(rule))
		view_id = ((Form_pg_rewrite) GETSTRUCT(rule))->ev_class;
	systable_endscan(scan);
	table_close(rules, AccessShareLock);
	return view_id;
}

/* Is it the source that a live view of this name has, and of the orders' owner? */
static bool
is_source(Oid view_id, const char *name, Oid owner)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(view_id));
	Form_pg_class view;
	bool		is_it;

	if (!HeapTupleIsValid(tuple))
		return false;
	view = (Form_pg_class) GETSTRUCT(tuple);
	is_it = view->relkind == RELKIND_VIEW && view->relowner == owner &&
		strcmp(NameStr(view->relname), name) == 0;
	ReleaseSysCache(tuple);
	return is_it;
}

/* The view of that name among what depends on the orders. */
static Oid
find_source(Oid orders_id, const char *name, Oid owner)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			source_id = InvalidOid;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(orders_id));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (!OidIsValid(source_id) &&
		   HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend dependency = (Form_pg_depend) GETSTRUCT(tuple);
		Oid			view_id;

		if (dependency->classid != RewriteRelationId)
			continue;
		view_id = view_of_rule(dependency->objid);
		if (OidIsValid(view_id) && is_source(view_id, name, owner))
			source_id = view_id;
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return source_id;
}

static void
reject_orphan(const TriggerData *data, const char *missing)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("\"%s\" is tracked, but there is no \"%s\" of its owner",
					RelationGetRelationName(data->tg_relation), missing),
			 errhint("Restore or own it like the table, or end the tracking: DROP TRIGGER %s ON %s; and so on with the other triggers of that name.",
					 quote_identifier(data->tg_trigger->tgname),
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(data->tg_relation)),
												RelationGetRelationName(data->tg_relation)))));
}

/* The source of the nearest of the table and what it is a partition of. */
static Oid
find_source_of(Relation relation, const char *name, Oid *tracked)
{
	List	   *ancestors = NIL;
	ListCell   *cell;

	if (relation->rd_rel->relispartition)
		ancestors = get_partition_ancestors(RelationGetRelid(relation));
	ancestors = lcons_oid(RelationGetRelid(relation), ancestors);
	foreach(cell, ancestors)
	{
		HeapTuple	tuple = SearchSysCache1(RELOID,
											ObjectIdGetDatum(lfirst_oid(cell)));
		Oid			owner;
		Oid			source_id;

		if (!HeapTupleIsValid(tuple))
			continue;
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
		source_id = find_source(lfirst_oid(cell), name, owner);
		*tracked = lfirst_oid(cell);
		if (OidIsValid(source_id))
			return source_id;
	}
	return InvalidOid;
}

/*
 * False for a TRUNCATE of a table that is tracked no more, such as a partition that was
 * detached with its trigger; whoever writes rows is told.
 */
static bool
find_target(MarkTarget *target, const TriggerData *data)
{
	const Relation relation = data->tg_relation;
	const char *live = data->tg_trigger->tgargs[0];
	const char *source_name = psprintf("%s_source", live);
	const char *changes_name = psprintf("%s_changes", live);
	Relation	source;
	Oid			tracked;

	target->orders_id = RelationGetRelid(relation);
	target->source_id = find_source_of(relation, source_name, &tracked);
	if (!OidIsValid(target->source_id))
	{
		if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
			return false;
		reject_orphan(data, source_name);
	}
	target->changes_id =
		get_relname_relid(changes_name, get_rel_namespace(target->source_id));
	if (!OidIsValid(target->changes_id) ||
		get_rel_relkind(target->changes_id) != RELKIND_RELATION)
		reject_orphan(data, changes_name);
	source = relation_open(target->source_id, AccessShareLock);
	if (view_of_relation(source, &target->nwatched, target->watched) != tracked ||
		!owns_relation(target->changes_id, source->rd_rel->relowner))
		reject_orphan(data, changes_name);
	relation_close(source, AccessShareLock);
	/* a partition may have its columns in another order */
	if (tracked != target->orders_id)
		for (int i = 0; i < target->nwatched; i++)
			target->watched[i] = get_attnum(target->orders_id,
											get_attname(tracked, target->watched[i],
														false));
	target->is_valid = true;
	return true;
}

static void
check_call(FunctionCallInfo fcinfo)
{
	const TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("retention_mark_changes is called by triggers alone")));
	if (!TRIGGER_FIRED_AFTER(data->tg_event) || data->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("retention_mark_changes is for AFTER triggers with the name of a live view"),
				 errhint("retention_track makes them.")));
}

/* ------------------------------------------------------------------------
 * Marking
 * ------------------------------------------------------------------------
 */

/*
 * Does an update leave the first so many of what is watched alone? All is what
 * histories are made of; the first is the customer.
 */
static bool
is_unchanged(const MarkTarget *target, int n, TupleTableSlot *old,
			 TupleTableSlot *new)
{
	for (int i = 0; i < n; i++)
	{
		const AttrNumber number = target->watched[i];
		Form_pg_attribute column =
			TupleDescAttr(new->tts_tupleDescriptor, number - 1);
		bool		old_isnull;
		bool		new_isnull;
		Datum		old_value = slot_getattr(old, number, &old_isnull);
		Datum		new_value = slot_getattr(new, number, &new_isnull);

		if (old_isnull != new_isnull)
			return false;
		if (!old_isnull && !datum_image_eq(old_value, new_value,
										   column->attbyval, column->attlen))
			return false;
	}
	return true;
}

static void
mark_row(MarkWriter *writer, const MarkTarget *target, TupleTableSlot *row)
{
	bool		isnull;
	const Datum customer = slot_getattr(row, target->watched[0], &isnull);

	mark_customer(writer, customer, isnull);
}

static void
mark_update(MarkWriter *writer, const MarkTarget *target, TupleTableSlot *old,
			TupleTableSlot *new)
{
	if (is_unchanged(target, target->nwatched, old, new))
		return;
	mark_row(writer, target, old);
	if (!is_unchanged(target, 1, old, new))
		mark_row(writer, target, new);
}

/* A reader of its own, since other triggers read the same rows. */
static int
read_from_start(Tuplestorestate *rows)
{
	const int	reader = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);

	tuplestore_select_read_pointer(rows, reader);
	tuplestore_rescan(rows);
	return reader;
}

static void
mark_rows(MarkWriter *writer, const MarkTarget *target, Tuplestorestate *rows,
		  TupleTableSlot *slot)
{
	(void) read_from_start(rows);
	while (!writer->is_everybody &&
		   tuplestore_gettupleslot(rows, true, false, slot))
		mark_row(writer, target, slot);
}

/* The rows before and after an update are in the same order. */
static void
mark_updates(MarkWriter *writer, const MarkTarget *target, Tuplestorestate *before,
			 Tuplestorestate *after, TupleTableSlot *old, TupleTableSlot *new)
{
	if (tuplestore_tuple_count(before) != tuplestore_tuple_count(after))
	{
		mark_everybody(writer);
		return;
	}
	(void) read_from_start(before);
	(void) read_from_start(after);
	while (!writer->is_everybody &&
		   tuplestore_gettupleslot(before, true, false, old) &&
		   tuplestore_gettupleslot(after, true, false, new))
		mark_update(writer, target, old, new);
}

static void
mark_statement(MarkWriter *writer, const MarkTarget *target,
			   const TriggerData *data)
{
	TupleDesc	columns = RelationGetDescr(data->tg_relation);
	TupleTableSlot *old = MakeSingleTupleTableSlot(columns, &TTSOpsMinimalTuple);
	TupleTableSlot *new = MakeSingleTupleTableSlot(columns, &TTSOpsMinimalTuple);

	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		mark_rows(writer, target, data->tg_newtable, new);
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		mark_rows(writer, target, data->tg_oldtable, old);
	else
		mark_updates(writer, target, data->tg_oldtable, data->tg_newtable, old,
					 new);
	ExecDropSingleTupleTableSlot(old);
	ExecDropSingleTupleTableSlot(new);
}

static void
mark_of_row(const MarkTarget *target, TupleTableSlot *row)
{
	const AttrNumber number = target->watched[0];
	const Form_pg_attribute column = TupleDescAttr(row->tts_tupleDescriptor, number - 1);
	const CustomerForm form = {
		.length = column->attlen, .by_value = column->attbyval
	};
	bool		isnull;
	const Datum customer = slot_getattr(row, number, &isnull);

	mark_customer_of_row(target->changes_id, &form, customer, isnull);
}

static void
mark_for_row(const MarkTarget *target, const TriggerData *data)
{
	const bool	is_update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);

	if (is_update && is_unchanged(target, target->nwatched, data->tg_trigslot, data->tg_newslot))
		return;
	mark_of_row(target, data->tg_trigslot);
	if (is_update && !is_unchanged(target, 1, data->tg_trigslot, data->tg_newslot))
		mark_of_row(target, data->tg_newslot);
}

/* The transition table that has a row for each that was written. */
static Tuplestorestate *
rows_of(const TriggerData *data)
{
	Tuplestorestate *rows = TRIGGER_FIRED_BY_INSERT(data->tg_event) ?
		data->tg_newtable : data->tg_oldtable;

	if (rows == NULL ||
		(TRIGGER_FIRED_BY_UPDATE(data->tg_event) && data->tg_newtable == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" has no transition tables",
						data->tg_trigger->tgname),
				 errhint("retention_track makes it anew.")));
	return rows;
}

/*
 * retention_mark_changes() returns trigger
 *
 * AFTER INSERT, UPDATE, DELETE or TRUNCATE; for each statement, with its transition
 * tables, or for each row.
 */
PG_FUNCTION_INFO_V1(retention_mark_changes);
Datum
retention_mark_changes(PG_FUNCTION_ARGS)
{
	const TriggerData *data = (TriggerData *) fcinfo->context;
	MarkTarget *entry;
	MarkTarget	target;
	MarkWriter	writer;
	const bool	is_truncate = CALLED_AS_TRIGGER(fcinfo) &&
		TRIGGER_FIRED_BY_TRUNCATE(data->tg_event);
	const bool	is_row = CALLED_AS_TRIGGER(fcinfo) &&
		TRIGGER_FIRED_FOR_ROW(data->tg_event);
	int64		expected = 1;

	check_call(fcinfo);
	if (!is_row && !is_truncate)
	{
		expected = tuplestore_tuple_count(rows_of(data));
		if (expected == 0)
			return PointerGetDatum(NULL);
	}
	entry = target_entry(data->tg_trigger->tgoid);
	if (!entry->is_valid && !find_target(entry, data))
		return PointerGetDatum(NULL);
	target = *entry;
	if (is_row)
	{
		mark_for_row(&target, data);
		return PointerGetDatum(NULL);
	}
	mark_writer_begin(&writer, target.changes_id, expected);
	if (is_truncate)
		mark_everybody(&writer);
	else
		mark_statement(&writer, &target, data);
	mark_writer_end(&writer);
	return PointerGetDatum(NULL);
}
