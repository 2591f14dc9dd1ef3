/*
 * triggers.c
 *		Triggers of a tracked table: made, dropped, looked at.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/triggers.h"

#include "access/relation.h"
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

static const TriggerKind trigger_kinds[] = {
	{"insert", "INSERT", "REFERENCING NEW TABLE AS new_rows", true, false},
	{"update", "UPDATE", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows", true, false},
	{"delete", "DELETE", "REFERENCING OLD TABLE AS old_rows", true, false},
	{"truncate", "TRUNCATE", "", false, false},
	{"replica", "INSERT OR UPDATE OR DELETE", "", true, true}
};

static const char *
trigger_name(const Tracking *tracking, const TriggerKind *kind)
{
	return psprintf("%s_%s", tracking->name, kind->ending);
}

static const char *
orders_sql(const Tracking *tracking)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(tracking->orders_id)),
									  get_rel_name(tracking->orders_id));
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
create_trigger(const Tracking *tracking, const TriggerKind *kind,
			   const char *triggers, bool replicated)
{
	const bool	for_rows = kind->of_rows &&
		(kind->is_replica || strcmp(triggers, "row") == 0);
	const char *name = quote_identifier(trigger_name(tracking, kind));
	const char *orders = orders_sql(tracking);
	const char	state = wanted_state(kind, replicated);

	run_as_owner(psprintf("CREATE TRIGGER %s AFTER %s ON %s %s FOR EACH %s EXECUTE FUNCTION %s.retention_mark_changes(%s)",
						  name, kind->event, orders, for_rows ? "" : kind->tables,
						  for_rows ? "ROW" : "STATEMENT", tracking->extension,
						  quote_literal_cstr(tracking->name)));
	if (state != TRIGGER_FIRES_ON_ORIGIN)
		run_as_owner(psprintf("ALTER TABLE %s ENABLE %s TRIGGER %s", orders,
							  state == TRIGGER_FIRES_ALWAYS ? "ALWAYS" : "REPLICA",
							  name));
}

void
create_triggers(const Tracking *tracking, const char *triggers, bool replicated)
{
	for (int i = 0; i < lengthof(trigger_kinds); i++)
		if (is_wanted(&trigger_kinds[i], triggers, replicated))
			create_trigger(tracking, &trigger_kinds[i], triggers, replicated);
}

/* The state of the trigger as pg_trigger has it; 0: there is none. */
static char
trigger_state(const Tracking *tracking, const TriggerKind *kind)
{
	Relation	orders = relation_open(tracking->orders_id, AccessShareLock);
	const char *name = trigger_name(tracking, kind);
	char		state = 0;

	for (int i = 0; orders->trigdesc && i < orders->trigdesc->numtriggers; i++)
		if (strcmp(orders->trigdesc->triggers[i].tgname, name) == 0)
			state = orders->trigdesc->triggers[i].tgenabled;
	relation_close(orders, AccessShareLock);
	return state;
}

void
drop_triggers(const Tracking *tracking)
{
	for (int i = 0; i < lengthof(trigger_kinds); i++)
		if (trigger_state(tracking, &trigger_kinds[i]) != 0)
			run_as_owner(psprintf("DROP TRIGGER %s ON %s",
								  quote_identifier(trigger_name(tracking,
																&trigger_kinds[i])),
								  orders_sql(tracking)));
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
		state = trigger_state(tracking, kind);
		if (state == 0)
			return psprintf("trigger %s is missing: call retention_track again",
							trigger_name(tracking, kind));
		if (state != wanted_state(kind, replicated))
			return psprintf("trigger %s does not fire as it must: call retention_track again",
							trigger_name(tracking, kind));
	}
	return NULL;
}
