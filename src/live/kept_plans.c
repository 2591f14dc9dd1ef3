/*
 * kept_plans.c
 *		Statements about a tracking that a session plans once.
 *
 * A refresh each minute changes few customers: planning its statements would take longer
 * than running them. A plan belongs to the text of its statement, so a renamed table
 * has a new one; everything else the server looks after, which plans again when a
 * relation changes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/kept_plans.h"

#include "executor/spi.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

typedef struct PlanKey
{
	Oid			live_id;
	KeptStatement statement;
} PlanKey;

typedef struct KeptPlan
{
	PlanKey		key;
	char	   *sql;			/* NULL: there is no plan */
	Oid			type;			/* of $1; InvalidOid: none */
	SPIPlanPtr	plan;
	int			runs;			/* that have begun and not ended well */
} KeptPlan;

static HTAB *plans = NULL;

static KeptPlan *
plan_entry(Oid live_id, KeptStatement statement)
{
	const PlanKey key = {.live_id = live_id, .statement = statement};
	KeptPlan   *entry;
	bool		found;

	if (plans == NULL)
	{
		const HASHCTL control = {.keysize = sizeof(PlanKey),
		.entrysize = sizeof(KeptPlan)};

		plans = hash_create("retention kept plans", 16, &control,
							HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(plans, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->sql = NULL;
		entry->plan = NULL;
		entry->runs = 0;
	}
	return entry;
}

/*
 * A plan that may be running, in a trigger's statement around this one, or in one that
 * failed, is left to the session.
 */
static void
forget_plan(KeptPlan *entry)
{
	if (entry->sql)
		pfree(entry->sql);
	entry->sql = NULL;
	if (entry->plan && entry->runs == 0)
		SPI_freeplan(entry->plan);
	entry->plan = NULL;
	entry->runs = 0;
}

static void
make_plan(KeptPlan *entry, const char *sql, Oid type)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, OidIsValid(type) ? 1 : 0, &type,
										  CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI: %s", SPI_result_code_string(SPI_result));
	entry->plan = plan;
	entry->type = type;
	entry->sql = MemoryContextStrdup(TopMemoryContext, sql);
}

/*
 * Runs a statement, with $1 of that type if that is valid, between SPI_connect() and
 * SPI_finish() of the caller, who reads the result.
 */
void
run_kept(Oid live_id, KeptStatement statement, const char *sql, Oid type,
		 Datum value)
{
	KeptPlan   *entry = plan_entry(live_id, statement);
	int			result;

	if (entry->plan == NULL || entry->type != type || strcmp(entry->sql, sql) != 0)
	{
		forget_plan(entry);
		make_plan(entry, sql, type);
	}
	entry->runs++;
	result = SPI_execute_plan(entry->plan, &value, NULL, false, 0);
	entry->runs--;
	if (result < 0)
		elog(ERROR, "SPI: %s", SPI_result_code_string(result));
}
