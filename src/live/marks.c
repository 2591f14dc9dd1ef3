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
#include "access/tableam.h"
#include "access/xact.h"
#include "base/bytes.h"
#include "base/checks.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "engine/key_functions.h"
#include "executor/executor.h"
#include "live/refresh.h"
#include "miscadmin.h"
#include "rewrite/prs2lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

/* So many customers are collected, of a statement of more rows, before they are written. */
#define MOST_COLLECTED	65536

static void begin_collecting(MarkWriter *writer, int64 expected);

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

/* Opens the table of changes, to write the marks of about so many rows. */
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
	writer->form = (CustomerForm) {
		.length = TupleDescAttr(RelationGetDescr(writer->changes), 0)->attlen,
		.by_value = TupleDescAttr(RelationGetDescr(writer->changes), 0)->attbyval
	};
	if (expected > 1)
		begin_collecting(writer, expected);
}

/* ------------------------------------------------------------------------
 * One mark
 * ------------------------------------------------------------------------
 */
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

void
mark_everybody(MarkWriter *writer)
{
	write_mark(writer, (Datum) 0, true);
	writer->is_everybody = true;
}

/* ------------------------------------------------------------------------
 * Many marks
 * ------------------------------------------------------------------------
 */
uint32
customer_hash(const CustomerForm *form, Datum customer)
{
	if (form->by_value)
		return hash_bytes((const unsigned char *) &customer, sizeof(customer));
	if (form->length > 0)
		return hash_bytes((const unsigned char *) DatumGetPointer(customer),
						  form->length);
	return hash_bytes((const unsigned char *) VARDATA_ANY(DatumGetPointer(customer)),
					  VARSIZE_ANY_EXHDR(DatumGetPointer(customer)));
}

/* As it can be hashed and compared. */
Datum
detoasted_customer(const CustomerForm *form, Datum customer)
{
	if (form->by_value || form->length != -1)
		return customer;
	return PointerGetDatum(PG_DETOAST_DATUM_PACKED(customer));
}

/* Any order will do: neighbours in the index are near each other. */
static int
compare_customers(const void *a, const void *b, void *arg)
{
	const MarkWriter *writer = arg;
	const Datum x = *(const Datum *) a;
	const Datum y = *(const Datum *) b;

	if (writer->form.by_value)
		return (int64) x < (int64) y ? -1 : (int64) x > (int64) y;
	if (writer->form.length > 0)
		return memcmp(DatumGetPointer(x), DatumGetPointer(y), writer->form.length);
	return compare_bytes(VARDATA_ANY(DatumGetPointer(x)),
						 VARSIZE_ANY_EXHDR(DatumGetPointer(x)),
						 VARDATA_ANY(DatumGetPointer(y)),
						 VARSIZE_ANY_EXHDR(DatumGetPointer(y)));
}

/* Has this writer that customer among the collected? */
static bool
remembers(MarkWriter *writer, Datum customer, Datum ***place)
{
	*place = &writer->remembered[customer_hash(&writer->form, customer) & (writer->places - 1)];
	return **place != NULL &&
		datum_image_eq(***place, customer, writer->form.by_value, writer->form.length);
}

static void
begin_collecting(MarkWriter *writer, int64 expected)
{
	MemoryContext caller;

	writer->context = AllocSetContextCreate(CurrentMemoryContext,
											"retention marks",
											ALLOCSET_DEFAULT_SIZES);
	writer->keys = AllocSetContextCreate(writer->context,
										 "retention marked customers",
										 ALLOCSET_DEFAULT_SIZES);
	writer->places = 16;
	while (writer->places < 2 * expected && writer->places < MOST_COLLECTED)
		writer->places *= 2;
	caller = MemoryContextSwitchTo(writer->context);
	writer->remembered = array_alloc0(writer->places, sizeof(Datum *));
	writer->collected = array_alloc(Min(expected * 2, MOST_COLLECTED),
									sizeof(Datum));
	MemoryContextSwitchTo(caller);
}

/*
 * From how many marks on everybody is marked: about as many as a refresh takes for a
 * reason to compute all, and never few.
 */
int64
marks_of_everybody(const MarkWriter *writer)
{
	const char *name = RelationGetRelationName(writer->changes);
	const int	length = strlen(name) - strlen("_changes");
	Oid			customers_id;
	HeapTuple	tuple;
	float4		stored = 0;

	customers_id = get_relname_relid(psprintf("%.*s_customers", Max(length, 0), name),
									 RelationGetNamespace(writer->changes));
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(customers_id));
	if (HeapTupleIsValid(tuple))
	{
		stored = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return Max((int64) (stored / REBUILD_FROM), LEAST_EVERYBODY);
}

/* Writes some marks at once. */
static void
write_marks(MarkWriter *writer, int n)
{
	table_multi_insert(writer->changes, writer->slots, n,
					   GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < n; i++)
	{
		insert_index_tuples(writer->result, writer->slots[i], writer->estate);
		ExecClearTuple(writer->slots[i]);
	}
	ResetPerTupleExprContext(writer->estate);
}

/* The slot of the next of the marks that are written together */
static TupleTableSlot *
slot_for(MarkWriter *writer, int i)
{
	if (writer->slots[i] == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(writer->context);

		writer->slots[i] = table_slot_create(writer->changes, NULL);
		MemoryContextSwitchTo(caller);
	}
	return writer->slots[i];
}

static void
write_collected(MarkWriter *writer)
{
	MemoryContext caller = MemoryContextSwitchTo(writer->keys);
	int			n = 0;

	qsort_arg(writer->collected, writer->ncollected, sizeof(Datum),
			  compare_customers, writer);
	for (int i = 0; i < writer->ncollected; i++)
	{
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		if (i > 0 && compare_customers(&writer->collected[i],
									   &writer->collected[i - 1], writer) == 0)
			continue;
		slot = slot_for(writer, n++);
		slot->tts_values[0] = writer->collected[i];
		slot->tts_isnull[0] = false;
		ExecStoreVirtualTuple(slot);
		writer->nwritten++;
		if (n == MARKS_AT_ONCE)
		{
			write_marks(writer, n);
			n = 0;
		}
	}
	if (n > 0)
		write_marks(writer, n);
	writer->ncollected = 0;
	memset(writer->remembered, 0, writer->places * sizeof(Datum *));
	MemoryContextSwitchTo(caller);
	MemoryContextReset(writer->keys);
}

static void
collect(MarkWriter *writer, Datum customer)
{
	Datum	  **place;
	MemoryContext caller;

	if (remembers(writer, customer, &place))
		return;
	caller = MemoryContextSwitchTo(writer->keys);
	writer->collected[writer->ncollected] =
		datumCopy(customer, writer->form.by_value, writer->form.length);
	MemoryContextSwitchTo(caller);
	*place = &writer->collected[writer->ncollected++];
	if (writer->nwritten + writer->ncollected >= LEAST_EVERYBODY)
	{
		if (writer->everybody_from == 0)
			writer->everybody_from = marks_of_everybody(writer);
		if (writer->nwritten + writer->ncollected >= writer->everybody_from)
			mark_everybody(writer);
	}
	if (writer->ncollected == MOST_COLLECTED)
		write_collected(writer);
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
	if (isnull || writer->is_everybody)
		return;
	customer = detoasted_customer(&writer->form, customer);
	if (writer->context)
		collect(writer, customer);
	else
		write_mark(writer, customer, false);
}

void
mark_writer_end(MarkWriter *writer)
{
	if (!writer->is_everybody && writer->ncollected > 0)
		write_collected(writer);
	ExecDropSingleTupleTableSlot(writer->slot);
	for (int i = 0; i < MARKS_AT_ONCE && writer->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
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
