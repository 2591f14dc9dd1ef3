/*
 * state_merge.c
 *		Two states as one: for parallel workers, rollup, and merge.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

#include "base/checks.h"
#include "engine/customer_type.h"
#include "engine/state_read.h"
#include "engine/text_dictionary.h"
#include "engine/transition.h"

static void
check_mergeable(const CustomerTable *a, const CustomerTable *b)
{
	if (a->family->sealed_of == b->family || b->family->sealed_of == a->family)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot merge a sealed state of %s with one that is not sealed",
						(a->family->sealed_of ? b : a)->family->name),
				 errhint("If no customer is in both, seal both: rollup(seal(state)).")));
	if (a->family != b->family)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot merge a state of %s with a state of %s",
						a->family->name, b->family->name)));
	if (a->kind != b->kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot merge states of %s whose customers are of types %s and %s",
						a->family->name, key_kind_name(a->kind),
						key_kind_name(b->kind))));
	for (int i = 0; i < a->family->noptions; i++)
		if (!option_equal(&a->family->options[i], &a->options->value[i],
						  &b->options->value[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cannot merge states of %s that were built with different values of \"%s\"",
							a->family->name, a->family->options[i].name)));
}

static void
merge_totals(CustomerTable *into, const CustomerTable *from)
{
	const CustomerFamily *family = into->family;
	uint64		totals[MOST_PAYLOAD / sizeof(uint64)];

	if (family->merge_totals == NULL)
		return;
	/* a copy, since the table's memory may move */
	memcpy(totals, into->totals, family->totals_size);
	family->merge_totals(&into->heap, totals, from->totals, from->heap.base);
	memcpy(into->totals, totals, family->totals_size);
}

/* So few customers need no count of those that are new. */
#define RESERVE_FROM	1024

/* Merges the customers of one table into another: see customer_table_reserve. */
static void
absorb_table(CustomerTable *into, CustomerTable *from)
{
	if (into->family->absorb == NULL)
		return;
	if (from->npartitions > 0)
		customer_table_reserve_new(into, customer_table_customers(from));
	for (int i = Min(from->npartitions, 1); i <= from->npartitions; i++)
	{
		CustomerSource source;

		if (i > 0)
			from->storage->load_partition(from, i);
		source = (CustomerSource) {
			.slots = from->slots,
			.nslots = from->nslots,
			.has_gaps = true,
			.has_ones = from->has_ones,
			.heap_base = from->heap.base
		};
		if (i == 0 && from->used >= RESERVE_FROM)
			customer_table_reserve(into, &source);
		into->family->absorb(into, &source);
	}
}

/*
 * Both states as one. The first may be changed, and its memory is to be in the
 * context; "fcinfo" is that of an aggregate, or NULL.
 */
static Datum
merge_states(Datum into, Datum other, MemoryContext context,
			 FunctionCallInfo fcinfo)
{
	StateUpdate update;
	CustomerTable view;
	CustomerTable *from = state_open(other, &view);
	uint32	   *renumber = NULL;

	state_update_open_value(&update, into, context,
							customer_table_customers(from) * from->stride +
							from->heap.used);
	check_mergeable(update.table, from);
	if (update.expanded)
	{
		if (fcinfo)
			expanded_let_spill(update.expanded, fcinfo);
		expanded_absorb_batch(update.expanded);
		customer_table_unpack(update.table);
	}
	merge_totals(update.table, from);
	if (from->family->has_texts)
		renumber = text_dictionary_merge(update.table,
										 state_texts_context(&update), from);
	update.table->renumber = renumber;
	if (update.expanded == NULL ||
		!expanded_spill_to_merge(update.expanded, from))
		absorb_table(update.table, from);
	update.table->renumber = NULL;
	if (renumber)
		pfree(renumber);
	return state_update_end(&update);
}

/*
 * retention_state_combine(retention_state, retention_state)
 *
 * Both states as one: for parallel workers, and the transition function of
 * rollup. NULL is no state, so two NULLs are NULL.
 */
PG_FUNCTION_INFO_V1(retention_state_combine);
Datum
retention_state_combine(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext = aggregate_context(fcinfo);
	Datum		alone;

	if (one_alone(fcinfo, &alone))
		return alone;
	return merge_states(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), aggcontext,
						fcinfo);
}

/*
 * merge(a retention_state, b retention_state)
 *
 * What rollup makes of the two, outside an aggregate.
 */
PG_FUNCTION_INFO_V1(retention_state_merge);
Datum
retention_state_merge(PG_FUNCTION_ARGS)
{
	/* a copy, and a flat one: the argument may lie in a table's buffer */
	return merge_states(PointerGetDatum(PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0))),
						PG_GETARG_DATUM(1), CurrentMemoryContext, NULL);
}
