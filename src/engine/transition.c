/*
 * transition.c
 *		The frame of every transition function: the long way of opening a state.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/transition.h"

#include "engine/customer_type.h"
#include "engine/state_read.h"
#include "miscadmin.h"

/*
 * A flat value that would be changed beyond this size is expanded. Below it the
 * table is at home in the processor's nearest cache, and needs neither batches
 * nor a memory context.
 */
#define FLAT_LIMIT			(16 * 1024)

static void
use_flat(StateUpdate *update)
{
	update->expanded = NULL;
	update->table = &update->flat.table;
	heap_init_scratch(&update->row_heap);
}

void
reject_changed_option(const OptionSpec *spec)
{
	if (spec->type == OPTION_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must have as many elements in every row of a group",
						spec->name)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" must be the same in every row of a group",
					spec->name),
			 errhint("Pass a constant or parameter, or add the column to GROUP BY.")));
}

/*
 * Opens a state to change it. "incoming" says how many bytes are about to be
 * merged in, so that a state which will not stay small is expanded at once.
 */
void
state_update_open_value(StateUpdate *update, Datum value,
						MemoryContext aggcontext, Size incoming)
{
	CustomerTable *flat = &update->flat.table;
	void	   *image;

	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(value)))
	{
		update->expanded = (ExpandedState *) DatumGetEOHP(value);
		Assert(update->expanded != NULL);
		update->table = &update->expanded->table;
		return;
	}
	image = PG_DETOAST_DATUM(value);
	flat_view(flat, image);
	if (flat->kind != KEY_NONE && VARSIZE(image) + incoming > FLAT_LIMIT)
	{
		update->expanded = expanded_create(aggcontext, flat, flat->used * 2);
		update->table = &update->expanded->table;
		return;
	}
	flat_open(&update->flat, image);
	use_flat(update);
}

static void
read_options(FunctionCallInfo fcinfo, const CustomerFamily *family,
			 StateOptions *options, int first_option)
{
	for (int i = 0; i < family->noptions; i++)
	{
		const OptionSpec *spec = &family->options[i];
		NullableDatum *arg = &fcinfo->args[first_option + i + spec->moved];

		if (arg->isnull)
			reject_null(spec->name);
		option_read(spec, &options->value[i], arg->value);
	}
	family_derive_options(family, options);
}

/*
 * The long way of state_update_begin: any form, any context, or no state yet.
 */
void
state_update_open(StateUpdate *update, FunctionCallInfo fcinfo,
				  const CustomerFamily *family, KeyKind kind, int first_option,
				  Size incoming)
{
	MemoryContext aggcontext = aggregate_context(fcinfo);

	if (PG_ARGISNULL(0))
	{
		flat_create(&update->flat, family, kind);
		use_flat(update);
		read_options(fcinfo, family, update->table->options, first_option);
		if (kind != KEY_NONE && incoming > FLAT_LIMIT)
		{
			update->expanded = expanded_create(aggcontext, &update->flat.table, 0);
			update->table = &update->expanded->table;
			expanded_let_spill(update->expanded, fcinfo);
		}
		return;
	}
	state_update_open_value(update, PG_GETARG_DATUM(0), aggcontext, incoming);
	if (update->expanded)
		expanded_let_spill(update->expanded, fcinfo);
	if (update->table->family != family)
		reject_state(update->table, family->name);
	if (update->table->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot add a customer of type %s to a state of %s whose customers are of type %s",
						key_kind_name(kind), family->name,
						key_kind_name(update->table->kind))));
	check_options(fcinfo, family, update->table->options, first_option);
}

/* An expanded state of no aggregate call, in the current memory context. */
void
state_update_new(StateUpdate *update, const CustomerFamily *family,
				 KeyKind kind, const StateOptions *options)
{
	update->expanded = state_build_begin(family, kind, options);
	update->table = &update->expanded->table;
}

/* So few customers need no room made for them beforehand. */
#define EXPECTED_FROM	1024

/*
 * Makes room for a history's customers at once, if the state has none yet. They come in
 * ascending order, so if it grew little by little all that have come would lie crowded
 * at its beginning. What would not stay in memory anyway is left to grow.
 */
void
state_expect_customers(StateUpdate *update, uint64 customers)
{
	ExpandedState *expanded = update->expanded;
	CustomerTable *table = update->table;

	if (expanded == NULL || customers < EXPECTED_FROM || table->used > 0 ||
		expanded->batch.count > 0 || expanded->batch.rows.count > 0 || table->npartitions > 0)
		return;
	if (expanded->may_spill &&
		customers * table->stride * 2 > get_hash_memory_limit())
		return;
	customer_table_reserve_new(table, customers);
}

Datum
state_update_close_flat(StateUpdate *update)
{
	PG_RETURN_POINTER(flat_close(&update->flat));
}

void
state_add_flat(StateUpdate *update, const char *slot)
{
	CustomerSource row = {
		.slots = slot,
		.nslots = 1,
		.heap_base = update->row_heap.base
	};

	update->table->family->absorb(update->table, &row);
}
