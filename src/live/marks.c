/*
 * marks.c
 *		Writing marks into the table of changes.
 *
 * A mark is inserted into the heap and its indexes, not by a statement: it costs little,
 * and the writer of orders needs no right on that table. So what a statement would do
 * besides must not be there: triggers, rules, and whatever has expressions to run.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/marks.h"

#include "access/genam.h"
#include "access/table.h"
#include "base/checks.h"
#include "common/hashfn.h"
#include "engine/key_functions.h"
#include "executor/executor.h"
#include "live/tracking.h"
#include "miscadmin.h"
#include "rewrite/prs2lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

static void
reject_changes_table(Relation changes, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\", which holds the marks of tracked orders, has %s",
					RelationGetRelationName(changes), what),
			 errhint("Drop it: marks are written without a statement.")));
}

static void
check_changes_table(Relation changes, const ResultRelInfo *result)
{
	if (changes->trigdesc != NULL)
		reject_changes_table(changes, "a trigger");
	if (changes->rd_rules != NULL && changes->rd_rules->numLocks > 0)
		reject_changes_table(changes, "a rule");
	if (changes->rd_att->constr != NULL &&
		(changes->rd_att->constr->num_check > 0 ||
		 changes->rd_att->constr->has_not_null))
		reject_changes_table(changes, "a constraint");
	if (RelationGetNumberOfAttributes(changes) != 1)
		reject_changes_table(changes, "other columns than customer");
	for (int i = 0; i < result->ri_NumIndices; i++)
	{
		const IndexInfo *index = result->ri_IndexRelationInfo[i];

		if (index->ii_Expressions != NIL || index->ii_Predicate != NIL ||
			index->ii_Unique || index->ii_ExclusionOps != NULL)
			reject_changes_table(changes, "an index that is unique, partial or of an expression");
	}
}

static uint32
places_for(int64 expected)
{
	uint32		places = 16;

	if (expected <= 1)
		return 0;
	while (places < 2 * expected && places < MOST_REMEMBERED)
		places *= 2;
	return places;
}

/* Opens the table of changes, to write about so many marks. */
void
mark_writer_begin(MarkWriter *writer, Oid changes_id, int64 expected)
{
	memset(writer, 0, sizeof(*writer));
	writer->changes = table_open(changes_id, RowExclusiveLock);
	writer->estate = CreateExecutorState();
	writer->result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->result, writer->changes, 1, NULL, 0);
	ExecOpenIndices(writer->result, false);
	check_changes_table(writer->changes, writer->result);
	writer->slot = MakeSingleTupleTableSlot(RelationGetDescr(writer->changes),
											&TTSOpsVirtual);
	writer->length = TupleDescAttr(RelationGetDescr(writer->changes), 0)->attlen;
	writer->by_value = TupleDescAttr(RelationGetDescr(writer->changes), 0)->attbyval;
	writer->places = places_for(expected);
	if (writer->places == 0)
		return;
	writer->context = AllocSetContextCreate(CurrentMemoryContext,
											"retention marks",
											ALLOCSET_DEFAULT_SIZES);
	writer->remembered = array_alloc(writer->places, sizeof(Datum));
	writer->is_remembered = array_alloc0(writer->places, sizeof(bool));
}

static void
write_mark(MarkWriter *writer, Datum customer, bool isnull)
{
	TupleTableSlot *slot = writer->slot;

	ExecClearTuple(slot);
	slot->tts_values[0] = customer;
	slot->tts_isnull[0] = isnull;
	ExecStoreVirtualTuple(slot);
	ExecSimpleRelationInsert(writer->result, writer->estate, slot);
	ResetPerTupleExprContext(writer->estate);
}

static uint32
hash_of(const MarkWriter *writer, Datum customer)
{
	if (writer->by_value)
		return hash_bytes((const unsigned char *) &customer, sizeof(customer));
	if (writer->length > 0)
		return hash_bytes((const unsigned char *) DatumGetPointer(customer),
						  writer->length);
	return hash_bytes((const unsigned char *) VARDATA_ANY(DatumGetPointer(customer)),
					  VARSIZE_ANY_EXHDR(DatumGetPointer(customer)));
}

/* Has this writer written that mark? If not, it is remembered. */
static bool
remembers(MarkWriter *writer, Datum customer)
{
	const uint32 place = hash_of(writer, customer) & (writer->places - 1);
	MemoryContext caller;

	if (writer->is_remembered[place])
	{
		if (datum_image_eq(writer->remembered[place], customer,
						   writer->by_value, writer->length))
			return true;
		if (!writer->by_value)
			pfree(DatumGetPointer(writer->remembered[place]));
	}
	caller = MemoryContextSwitchTo(writer->context);
	writer->remembered[place] = datumCopy(customer, writer->by_value,
										  writer->length);
	writer->is_remembered[place] = true;
	MemoryContextSwitchTo(caller);
	return false;
}

/*
 * Marks a customer; none is NULL, a guest, who is nobody's business. What this writer
 * itself has marked it need not mark again, for nothing comes between. But a mark that
 * is there already must never be relied on: who removes it may not see what has changed.
 */
void
mark_customer(MarkWriter *writer, Datum customer, bool isnull)
{
	CHECK_FOR_INTERRUPTS();
	if (isnull)
		return;
	if (!writer->by_value && writer->length == -1)
		customer = PointerGetDatum(PG_DETOAST_DATUM_PACKED(customer));
	if (writer->places == 0 || !remembers(writer, customer))
		write_mark(writer, customer, false);
}

void
mark_everybody(MarkWriter *writer)
{
	write_mark(writer, (Datum) 0, true);
}

void
mark_writer_end(MarkWriter *writer)
{
	ExecDropSingleTupleTableSlot(writer->slot);
	ExecCloseIndices(writer->result);
	FreeExecutorState(writer->estate);
	table_close(writer->changes, NoLock);
	if (writer->context)
		MemoryContextDelete(writer->context);
}

/* ------------------------------------------------------------------------
 * Marks by hand
 * ------------------------------------------------------------------------
 */

/* Who may insert into the table of changes may mark. */
static void
check_may_mark(const Tracking *tracking)
{
	if (pg_class_aclcheck(tracking->changes_id, GetUserId(), ACL_INSERT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE,
					   get_rel_name(tracking->changes_id));
}

static Datum
mark_by_hand(FunctionCallInfo fcinfo, Datum customer, bool isnull)
{
	Tracking	tracking;
	MarkWriter	writer;

	PreventCommandIfReadOnly("retention_mark()");
	tracking_arg(&tracking, fcinfo, 0);
	check_may_mark(&tracking);
	mark_writer_begin(&writer, tracking.changes_id, 1);
	if (isnull)
		mark_everybody(&writer);
	else
		mark_customer(&writer, customer, false);
	mark_writer_end(&writer);
	PG_RETURN_VOID();
}

/*
 * retention_mark(live regclass)
 *
 * Marks everybody: the next refresh computes all anew.
 */
PG_FUNCTION_INFO_V1(retention_mark);
Datum
retention_mark(PG_FUNCTION_ARGS)
{
	return mark_by_hand(fcinfo, (Datum) 0, true);
}

static Datum
mark_customer_by_hand(FunctionCallInfo fcinfo, KeyKind kind)
{
	Tracking	tracking;
	Datum		customer = PG_GETARG_DATUM(1);

	if (PG_ARGISNULL(1))
		PG_RETURN_VOID();
	tracking_arg(&tracking, fcinfo, 0);
	if (!customer_of_argument(&tracking, kind, &customer))
		PG_RETURN_VOID();
	return mark_by_hand(fcinfo, customer, false);
}

/*
 * retention_mark(live regclass, customer bigint | text | uuid)
 *
 * Marks a customer, for triggers of one's own; NULL marks nobody.
 */
KEY_FUNCTIONS(retention_mark, mark_customer_by_hand)
