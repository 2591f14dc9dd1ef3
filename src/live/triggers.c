/*
 * triggers.c
 *		Triggers of a tracked table: made, dropped, looked at.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/triggers.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "live/refresh.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* A trigger that a tracking has. */
typedef struct TriggerKind
{
	const char *ending;			/* of its name, after that of the live view */
	const char *event;
	const char *tables;			/* transition tables of a statement */
	bool		of_rows;		/* for each row, if rows are asked for */
	bool		is_replica;		/* fires where rows are applied, and only
								 * there */
} TriggerKind;

#define TRUNCATE_TRIGGER	3

static const TriggerKind trigger_kinds[] = {
	{"insert", "INSERT", "REFERENCING NEW TABLE AS new_rows", true, false},
	{"update", "UPDATE", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows", true, false},
	{"delete", "DELETE", "REFERENCING OLD TABLE AS old_rows", true, false},
	[TRUNCATE_TRIGGER] = {"truncate", "TRUNCATE", "", false, false},
	{"replica", "INSERT OR UPDATE OR DELETE", "", true, true}
};

static const char *
trigger_name(const Tracking *tracking, const TriggerKind *kind)
{
	return psprintf("%s_%s", tracking->name, kind->ending);
}

static const char *
table_sql(Oid relation_id)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation_id)),
									  get_rel_name(relation_id));
}

/* The partitions of the tracked table, at all depths. */
static List *
partitions_of(const Tracking *tracking)
{
	if (get_rel_relkind(tracking->orders_id) != RELKIND_PARTITIONED_TABLE)
		return NIL;
	return list_delete_oid(find_all_inheritors(tracking->orders_id,
											   AccessShareLock, NULL),
						   tracking->orders_id);
}

static bool
is_wanted(const TriggerKind *kind, const char *triggers, bool replicated)
{
	return strcmp(triggers, "none") != 0 && (!kind->is_replica || replicated);
}

/* How a trigger of a kind fires, as pg_trigger has it. */
static char
wanted_state(const TriggerKind *kind, bool replicated)
{
	if (kind->is_replica)
		return TRIGGER_FIRES_ON_REPLICA;
	return replicated && !kind->of_rows ? TRIGGER_FIRES_ALWAYS :
		TRIGGER_FIRES_ON_ORIGIN;
}

static void
create_trigger(const Tracking *tracking, Oid relation_id, const TriggerKind *kind,
			   const char *triggers, bool replicated)
{
	const bool	for_rows = kind->of_rows &&
		(kind->is_replica || strcmp(triggers, "row") == 0);
	const char *name = quote_identifier(trigger_name(tracking, kind));
	const char *table = table_sql(relation_id);
	const char	state = wanted_state(kind, replicated);

	run_as_owner(psprintf("CREATE TRIGGER %s AFTER %s ON %s %s FOR EACH %s EXECUTE FUNCTION %s.retention_mark_changes(%s)",
						  name, kind->event, table, for_rows ? "" : kind->tables,
						  for_rows ? "ROW" : "STATEMENT", tracking->extension,
						  quote_literal_cstr(tracking->name)));
	if (state != TRIGGER_FIRES_ON_ORIGIN)
		run_as_owner(psprintf("ALTER TABLE %s ENABLE %s TRIGGER %s", table,
							  state == TRIGGER_FIRES_ALWAYS ? "ALWAYS" : "REPLICA",
							  name));
}

/*
 * Triggers for rows are passed on to partitions by the server, and to those that come
 * later. That of TRUNCATE is not: each partition has its own.
 */
void
create_triggers(const Tracking *tracking, const char *triggers, bool replicated)
{
	ListCell   *cell;

	for (int i = 0; i < lengthof(trigger_kinds); i++)
		if (is_wanted(&trigger_kinds[i], triggers, replicated))
			create_trigger(tracking, tracking->orders_id, &trigger_kinds[i],
						   triggers, replicated);
	if (!is_wanted(&trigger_kinds[TRUNCATE_TRIGGER], triggers, replicated))
		return;
	foreach(cell, partitions_of(tracking))
		create_trigger(tracking, lfirst_oid(cell),
					   &trigger_kinds[TRUNCATE_TRIGGER], triggers, replicated);
}

/* The state of the trigger as pg_trigger has it; 0: there is none. */
static char
trigger_state(const Tracking *tracking, Oid relation_id, const TriggerKind *kind)
{
	Relation	relation = relation_open(relation_id, AccessShareLock);
	const char *name = trigger_name(tracking, kind);
	char		state = 0;

	for (int i = 0; relation->trigdesc && i < relation->trigdesc->numtriggers; i++)
		if (strcmp(relation->trigdesc->triggers[i].tgname, name) == 0)
			state = relation->trigdesc->triggers[i].tgenabled;
	relation_close(relation, AccessShareLock);
	return state;
}

static void
drop_trigger(const Tracking *tracking, Oid relation_id, const TriggerKind *kind)
{
	if (trigger_state(tracking, relation_id, kind) != 0)
		run_as_owner(psprintf("DROP TRIGGER %s ON %s",
							  quote_identifier(trigger_name(tracking, kind)),
							  table_sql(relation_id)));
}

void
drop_triggers(const Tracking *tracking)
{
	ListCell   *cell;

	for (int i = 0; i < lengthof(trigger_kinds); i++)
		drop_trigger(tracking, tracking->orders_id, &trigger_kinds[i]);
	foreach(cell, partitions_of(tracking))
		drop_trigger(tracking, lfirst_oid(cell), &trigger_kinds[TRUNCATE_TRIGGER]);
}

/* Is there a partition without the trigger that it must have for itself? Its name. */
const char *
partition_without_trigger(const Tracking *tracking, const char *triggers)
{
	ListCell   *cell;

	if (strcmp(triggers, "none") == 0)
		return NULL;
	foreach(cell, partitions_of(tracking))
		if (trigger_state(tracking, lfirst_oid(cell),
						  &trigger_kinds[TRUNCATE_TRIGGER]) == 0)
		return get_rel_name(lfirst_oid(cell));
	return NULL;
}

/* What is wrong with a trigger, in words; NULL: nothing. */
const char *
trigger_problem(const Tracking *tracking, const char *triggers, bool replicated)
{
	for (int i = 0; i < lengthof(trigger_kinds); i++)
	{
		const TriggerKind *kind = &trigger_kinds[i];
		char		state;

		if (!is_wanted(kind, triggers, replicated))
			continue;
		state = trigger_state(tracking, tracking->orders_id, kind);
		if (state == 0)
			return psprintf("trigger %s is missing: call retention_track again",
							trigger_name(tracking, kind));
		if (state != wanted_state(kind, replicated))
			return psprintf("trigger %s does not fire as it must: call retention_track again",
							trigger_name(tracking, kind));
	}
	return NULL;
}
