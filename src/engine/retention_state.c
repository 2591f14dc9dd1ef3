/*
 * retention_state.c
 *		The SQL type retention_state: its two forms, and how they are opened,
 *		changed, merged and packed. What leaves the server is state_io.c's.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/retention_state.h"

#include <sys/mman.h>

#include "access/detoast.h"
#include "funcapi.h"
#include "engine/spill.h"
#include "engine/state_bytes.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

/*
 * A flat value that would be changed beyond this size is expanded. Below it the
 * table is at home in the processor's nearest cache, and needs neither batches
 * nor a memory context.
 */
#define FLAT_LIMIT			(16 * 1024)

/*
 * A heap with more dead bytes than this, and more dead than alive, is rewritten.
 */
#define FLAT_HEAP_DEAD_LIMIT	1024
#define HEAP_DEAD_LIMIT			(256 * 1024)

static bool
heap_wants_rewriting(const StateHeap *heap, uint64 limit)
{
	return heap->dead > limit && heap->dead > heap->used / 2;
}

static const CustomerFamily *const families[] = {
	&repeat_family,
	&repeat_window_family,
	&second_order_family,
	&churn_family,
	&inactive_family,
	&revenue_retention_family,
	&aov_family,
	&customer_value_family,
	&clv_family,
	&purchases_family,
	&cohort_family,
	&lifecycle_family,
	&rolling_family,
	&order_numbers_family,
	&order_numbers_within_family,
	&btyd_patterns_family,
	&spend_patterns_family,
	&purchase_days_family,
	&purchase_summary_family,
	&survival_family,
	&repeat_survival_family,
};

const CustomerFamily *
state_family(uint8 id)
{
	for (size_t i = 0; i < lengthof(families); i++)
		if (families[i]->id == id)
			return families[i];
	return NULL;
}

bool
state_kind_is_valid(const CustomerFamily *family, uint8 kind)
{
	if (family->absorb == NULL)
		return kind == KEY_NONE;
	if (family->key_kind != KEY_NONE)
		return kind == family->key_kind;
	return kind == KEY_BIGINT || kind == KEY_TEXT || kind == KEY_UUID;
}

static const char *
kind_name(KeyKind kind)
{
	switch (kind)
	{
		case KEY_NONE:
		case KEY_PATTERN:
			break;
		case KEY_BIGINT:
			return "bigint";
		case KEY_TEXT:
			return "text";
		case KEY_UUID:
			return "uuid";
	}
	return NULL;
}

void
reject_changed_option(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" must be the same in every row of a group",
					name),
			 errhint("Pass a constant or parameter, or add the column to GROUP BY.")));
}

void
reject_state(const CustomerTable *table, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s cannot be read from a state of %s", wanted,
					table->family->name)));
}

/* ------------------------------------------------------------------------
 * The flat form
 * ------------------------------------------------------------------------
 */
static Size
options_size(const CustomerFamily *family)
{
	return family->noptions == 0 ? 0 :
		offsetof(StateOptions, value) +
		option_values(family->options, family->noptions) * sizeof(OptionValue);
}

static uint64
slots_size(const CustomerTable *table, uint64 nslots)
{
	return (nslots + 1) * table->stride;
}

static uint64
image_size(const CustomerTable *table, uint64 nslots, uint64 heap_size)
{
	return sizeof(StateHeader) + options_size(table->family) +
		table->family->totals_size + slots_size(table, nslots) + heap_size;
}

/* Points the table's parts at an image laid out for nslots. */
static void
table_in_image(CustomerTable *table, void *image, uint64 nslots)
{
	char	   *at = (char *) image + sizeof(StateHeader);

	table->options = (StateOptions *) at;
	at += options_size(table->family);
	table->totals = at;
	at += table->family->totals_size;
	table->slots = at;
	at += slots_size(table, nslots);
	table->heap.base = at;
}

static void
image_init(void *image, const CustomerTable *table, Size size)
{
	StateHeader *header = image;

	memset(header, 0, sizeof(StateHeader));
	SET_VARSIZE(header, size);
	header->format = STATE_FORMAT;
	header->family = table->family->id;
	header->kind = table->kind;
}

static void *
image_create(const CustomerTable *table, uint64 nslots, uint64 heap_size)
{
	uint64		size = image_size(table, nslots, heap_size);
	void	   *image = palloc(size);

	image_init(image, table, size);
	return image;
}

/* Writes into the header what has changed in the table. */
static void
image_store_header(void *image, const CustomerTable *table)
{
	StateHeader *header = image;

	header->has_ones = table->has_ones;
	header->nslots = table->nslots;
	header->range = table->range;
	header->used = table->used;
	header->heap_used = table->heap.used;
	header->heap_size = table->heap.size;
	header->heap_dead = table->heap.dead;
}

static void
reject_image(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid retention state")));
}

/*
 * Opens a detoasted flat value as a table to read. Its contents were checked
 * when it was made; here only that it is what it says.
 */
static void
image_open(CustomerTable *table, void *image)
{
	const StateHeader *header = image;
	const CustomerFamily *family;

	if (VARSIZE(image) < sizeof(StateHeader))
		reject_image();
	if (header->format != STATE_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("retention state has format %d, this version reads format %d",
						header->format, STATE_FORMAT)));
	family = state_family(header->family);
	if (family == NULL || !state_kind_is_valid(family, header->kind))
		reject_image();
	customer_table_init(table, family, header->kind);
	if (VARSIZE(image) != image_size(table, header->nslots, header->heap_size) ||
		header->heap_used > header->heap_size ||
		header->used > (uint64) header->nslots + header->has_ones)
		reject_image();
	table_in_image(table, image, header->nslots);
	customer_table_set_range(table, header->nslots, header->range);
	table->has_ones = header->has_ones;
	table->used = header->used;
	table->heap.used = header->heap_used;
	table->heap.size = header->heap_size;
	table->heap.dead = header->heap_dead;
}

static bool
table_has_ones(const CustomerTable *table)
{
	return table->npartitions == 0 ? table->has_ones : spill_has_ones(table);
}

static uint64
packed_slots(const CustomerTable *table)
{
	return customer_table_customers(table) - (table_has_ones(table) ? 1 : 0);
}

static uint64
packed_size(const CustomerTable *table)
{
	return image_size(table, packed_slots(table),
					  customer_table_packed_heap(table));
}

/* The table's image without gaps and dead heap: see customer_table_pack. */
static void
image_pack(const CustomerTable *table, void *image, Size size)
{
	uint64		nslots = packed_slots(table);
	CustomerTable packed;

	customer_table_init(&packed, table->family, table->kind);
	table_in_image(&packed, image, nslots);
	customer_table_set_range(&packed, nslots, 0);
	packed.used = customer_table_customers(table);
	packed.has_ones = table_has_ones(table);
	packed.heap.size = size - image_size(table, nslots, 0);

	image_init(image, table, size);
	memcpy(packed.options, table->options, options_size(table->family));
	customer_table_pack(table, packed.slots, packed.totals, &packed.heap);
	image_store_header(image, &packed);
}

static StateUpdate *
update_of_flat_table(CustomerTable *table)
{
	return (StateUpdate *) ((char *) table - offsetof(StateUpdate, flat));
}

/* Another image with room for other sizes, its fixed parts copied. */
static void
image_replace(StateUpdate *update, uint64 nslots, uint64 heap_size)
{
	CustomerTable *table = &update->flat;
	char	   *heap_base = table->heap.base;
	void	   *image = image_create(table, nslots, heap_size);

	memcpy((char *) image + sizeof(StateHeader),
		   (char *) update->image + sizeof(StateHeader),
		   options_size(table->family) + table->family->totals_size);
	table_in_image(table, image, nslots);
	memcpy(table->heap.base, heap_base, table->heap.used);
	/* the image may be stored as it is, with its spare room */
	memset(table->heap.base + table->heap.used, 0, heap_size - table->heap.used);
	table->heap.size = heap_size;
	update->image = image;
}

static void
flat_new_slots(CustomerTable *table, uint64 nslots)
{
	image_replace(update_of_flat_table(table), nslots, table->heap.size);
}

static void
flat_free_slots(CustomerTable *table, char *slots)
{
	/* in an image that the executor frees, or its short-lived memory context */
}

static void
flat_grow_heap(StateHeap *heap, uint64 needed)
{
	CustomerTable *table = (CustomerTable *) ((char *) heap -
											  offsetof(CustomerTable, heap));
	const char *old_slots = table->slots;

	image_replace(update_of_flat_table(table), table->nslots,
				  Max(needed, heap->size + heap->size / 2));
	memcpy(table->slots, old_slots, slots_size(table, table->nslots));
}

static const TableStorage flat_storage = {
	flat_new_slots,
	flat_free_slots
};

static void
update_use_flat(StateUpdate *update, void *image)
{
	update->image = image;
	update->expanded = NULL;
	update->table = &update->flat;
	update->flat.storage = &flat_storage;
	update->flat.heap.grow = flat_grow_heap;
	heap_init_scratch(&update->row_heap);
}

/* A flat state without customers. */
static void
update_create_flat(StateUpdate *update, const CustomerFamily *family,
				   KeyKind kind)
{
	CustomerTable *table = &update->flat;
	uint64		nslots = kind == KEY_NONE ? 0 : 1;
	void	   *image;

	customer_table_init(table, family, kind);
	image = image_create(table, nslots, 0);
	table_in_image(table, image, nslots);
	customer_table_set_range(table, nslots, 0);
	memset(table->options, 0, options_size(family));
	if (family->totals_identity)
		memcpy(table->totals, family->totals_identity, family->totals_size);
	else
		memset(table->totals, 0, family->totals_size);
	customer_table_clear_slots(table->slots, table->stride, 0, nslots + 1);
	update_use_flat(update, image);
}

/* ------------------------------------------------------------------------
 * The expanded form
 * ------------------------------------------------------------------------
 */
static ExpandedState *
state_of_expanded_table(CustomerTable *table)
{
	return (ExpandedState *) ((char *) table - offsetof(ExpandedState, table));
}

/*
 * Asks the system to back a large table with large pages, where it knows them:
 * slots are visited in random order, and with small pages finding the page costs
 * more than the slot. A hint, so what comes of it does not matter.
 */
static void
prefer_huge_pages(char *memory, uint64 size)
{
#ifdef MADV_HUGEPAGE
	const uintptr_t page = 2 * 1024 * 1024;
	uintptr_t	begin = TYPEALIGN(page, (uintptr_t) memory);
	uintptr_t	end = TYPEALIGN_DOWN(page, (uintptr_t) memory + size);

	if (end > begin)
		(void) madvise((void *) begin, end - begin, MADV_HUGEPAGE);
#endif
}

static void
expanded_new_slots(CustomerTable *table, uint64 nslots)
{
	uint64		size = slots_size(table, nslots);

	table->slots = MemoryContextAllocHuge(state_of_expanded_table(table)->header.eoh_context,
										  size);
	prefer_huge_pages(table->slots, size);
}

static void
expanded_free_slots(CustomerTable *table, char *slots)
{
	pfree(slots);
}

static const TableStorage expanded_storage = {
	expanded_new_slots,
	expanded_free_slots
};

static void
expanded_grow_heap(StateHeap *heap, uint64 needed)
{
	heap->size = Max(needed, heap->size + heap->size / 4);
	heap->base = repalloc_huge(heap->base, heap->size);
}

static Size expanded_flat_size(ExpandedObjectHeader *header);
static void expanded_flatten_into(ExpandedObjectHeader *header, void *result,
								  Size allocated_size);

static const ExpandedObjectMethods expanded_methods = {
	expanded_flat_size,
	expanded_flatten_into
};

static void
expanded_init_heap(StateHeap *heap, uint64 size)
{
	heap->size = Max(size, 64);
	heap->base = MemoryContextAllocHuge(CurrentMemoryContext, heap->size);
	heap->used = 0;
	heap->grow = expanded_grow_heap;
}

/*
 * An expanded state that takes over the contents of a flat one, with room for
 * this many customers.
 */
ExpandedState *
expanded_create(MemoryContext parent, const CustomerTable *from,
				uint64 customers)
{
	MemoryContext context = AllocSetContextCreate(parent, "retention state",
												  ALLOCSET_START_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ExpandedState *expanded = palloc0(sizeof(ExpandedState));
	CustomerTable *table = &expanded->table;

	EOH_init_header(&expanded->header, &expanded_methods, context);
	customer_table_init(table, from->family, from->kind);
	table->storage = &expanded_storage;
	table->options = &expanded->options;
	table->totals = expanded->totals;
	memcpy(table->options, from->options, options_size(from->family));
	memcpy(table->totals, from->totals, from->family->totals_size);
	expanded_init_heap(&table->heap, from->heap.used);
	if (from->heap.used > 0)
		memcpy(table->heap.base, from->heap.base, from->heap.used);
	table->heap.used = from->heap.used;
	table->heap.dead = from->heap.dead;
	if (from->kind != KEY_NONE)
		customer_table_take_over(table, from, customers);
	expanded->batch.slots = palloc(ROW_BATCH * Max(table->stride, 1));
	expanded_init_heap(&expanded->batch.heap, 0);
	MemoryContextSwitchTo(caller);
	return expanded;
}

static void
rewrite_heap(CustomerTable *table)
{
	StateHeap	fresh = {.grow = expanded_grow_heap};

	fresh.size = table->heap.size;
	fresh.base = MemoryContextAllocHuge(state_of_expanded_table(table)->header.eoh_context,
										fresh.size);
	customer_table_move_heap(table, &fresh);
	pfree(table->heap.base);
	table->heap = fresh;
}

/* ------------------------------------------------------------------------
 * The limit of its memory
 * ------------------------------------------------------------------------
 */

/* Below it, temporary files would cost more than they spare. */
#define LEAST_MEMORY_LIMIT		((Size) 2 * 1024 * 1024)

/* A state that takes a smaller share of the memory is not written to files. */
#define SPILLED_SHARE			8

/* As much as the server lets its own hash tables have. */
static Size
memory_limit(void)
{
	return Max(get_hash_memory_limit(), LEAST_MEMORY_LIMIT);
}

/*
 * Would "slots" bytes of slots and "heap" bytes of heap, which this state is about
 * to take, exceed what all states of its aggregate may take together?
 */
static bool
exceeds_limit(const ExpandedState *expanded, Size slots, Size heap)
{
	MemoryContext own = expanded->header.eoh_context;
	Size		limit = memory_limit();
	Size		others;

	if (slots + heap <= limit / SPILLED_SHARE)
		return false;
	others = MemoryContextMemAllocated(MemoryContextGetParent(own), true) -
		MemoryContextMemAllocated(own, true);
	return slots + heap + others > limit;
}

/* Where the old memory is given back only when the new is filled, both count. */
static bool
batch_exceeds_limit(const ExpandedState *expanded)
{
	const CustomerTable *table = &expanded->table;
	const RowBatch *batch = &expanded->batch;
	Size		slots = slots_size(table, table->nslots);
	Size		heap = table->heap.size;
	bool		slots_grow = table->used + batch->count > table->limit;
	bool		heap_grows = table->heap.used + batch->heap.used > table->heap.size;

	if (likely(!slots_grow && !heap_grows))
		return false;
	/* a heap that is nothing beside the slots is not worth their way to a file */
	if (!slots_grow && heap * 9 / 4 <= slots / SPILLED_SHARE)
		return false;
	return exceeds_limit(expanded, slots_grow ? slots * 5 / 2 : slots,
						 heap_grows ? heap * 9 / 4 : heap);
}

static bool
merging_exceeds_limit(const ExpandedState *expanded, const CustomerTable *from)
{
	const CustomerTable *table = &expanded->table;

	/* what was too large alone is so together with others */
	return from->npartitions > 0 ||
		exceeds_limit(expanded,
					  (table->used + from->used) * table->stride * 2,
					  table->heap.size + from->heap.used * 2);
}

static void
close_spilled_state(Datum expanded)
{
	spill_close(&((ExpandedState *) DatumGetPointer(expanded))->table);
}

/*
 * Lets a state go to temporary files where that helps: in an aggregate that
 * computes its result, and is not only a part that is to be sent on. The server calls
 * us back before it forgets the state.
 */
static void
state_let_spill(ExpandedState *expanded, FunctionCallInfo fcinfo)
{
	if (expanded->spill_decided)
		return;
	expanded->spill_decided = true;
	if (fcinfo->context == NULL || !IsA(fcinfo->context, AggState) ||
		DO_AGGSPLIT_SKIPFINAL(((AggState *) fcinfo->context)->aggsplit))
		return;
	AggRegisterCallback(fcinfo, close_spilled_state, PointerGetDatum(expanded));
	expanded->may_spill = true;
}

static void
spill_state(ExpandedState *expanded)
{
	spill_table(&expanded->table, expanded->header.eoh_context,
				memory_limit() / SPILLED_SHARE);
}

/* Puts the waiting rows into the table. */
void
state_absorb_batch(ExpandedState *expanded)
{
	CustomerTable *table = &expanded->table;
	RowBatch   *batch = &expanded->batch;
	CustomerSource rows = {
		.slots = batch->slots,
		.nslots = batch->count,
		.heap_base = batch->heap.base
	};

	if (batch->count == 0)
		return;
	if (table->npartitions > 0)
		elog(ERROR, "a row comes after the result was computed");
	if (expanded->may_spill && batch_exceeds_limit(expanded))
		spill_state(expanded);
	batch->count = 0;
	batch->heap.used = 0;
	batch->heap.dead = 0;
	table->family->absorb(table, &rows);
	if (heap_wants_rewriting(&table->heap, HEAP_DEAD_LIMIT))
		rewrite_heap(table);
}

/*
 * This and the next work in the state's own memory context: the caller's may be
 * that of a sort's tuples, in which from PostgreSQL 17 on nothing can be freed.
 */
static Size
expanded_flat_size(ExpandedObjectHeader *header)
{
	ExpandedState *expanded = (ExpandedState *) header;
	MemoryContext caller = MemoryContextSwitchTo(header->eoh_context);
	uint64		size;

	state_absorb_batch(expanded);
	spill_finish(&expanded->table);
	size = packed_size(&expanded->table);
	if (size > MaxAllocSize)
		reject_large_state(&expanded->table, size);
	MemoryContextSwitchTo(caller);
	return size;
}

static void
expanded_flatten_into(ExpandedObjectHeader *header, void *result,
					  Size allocated_size)
{
	MemoryContext caller = MemoryContextSwitchTo(header->eoh_context);

	image_pack(&((ExpandedState *) header)->table, result, allocated_size);
	MemoryContextSwitchTo(caller);
}

void
reject_large_state(const CustomerTable *table, uint64 size)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("state of %s with " UINT64_FORMAT " %ss takes " UINT64_FORMAT " bytes, more than the 1 GB a value can have",
					table->family->name, customer_table_customers(table),
					family_key_name(table->family), size),
			 table->family->large_hint ? errhint("%s", table->family->large_hint) :
			 errhint("Split it with GROUP BY on a part of the customer (such as customer_id %% 64), or let the aggregate return its result instead of its state.")));
}

/* ------------------------------------------------------------------------
 * Building a state outside an aggregate
 * ------------------------------------------------------------------------
 */

/*
 * A new state in the current memory context. The totals are zeros.
 */
ExpandedState *
state_build_begin(const CustomerFamily *family, KeyKind kind,
				  const StateOptions *options)
{
	uint64		totals[MOST_PAYLOAD / sizeof(uint64)] = {0};
	char		slots[sizeof(CustomerKey) + MOST_PAYLOAD];
	CustomerTable empty;

	/* an empty table, so that the expanded state can take over from it */
	customer_table_init(&empty, family, kind);
	memset(slots, 0xFF, sizeof(slots));
	empty.slots = slots;
	empty.options = unconstify(StateOptions *, options);
	empty.totals = totals;
	return expanded_create(CurrentMemoryContext, &empty, 0);
}

/* The state as a flat value in the current memory context. */
Datum
state_build_end(ExpandedState *expanded)
{
	Datum		result = datumCopy(EOHPGetRODatum(&expanded->header), false, -1);

	DeleteExpandedObject(EOHPGetRWDatum(&expanded->header));
	return result;
}

/* ------------------------------------------------------------------------
 * Opening a state
 * ------------------------------------------------------------------------
 */

/*
 * Opens a state to change it. "incoming" says how many bytes are about to be
 * merged in, so that a state which will not stay small is expanded at once.
 */
static void
update_open_value(StateUpdate *update, Datum value, MemoryContext aggcontext,
				  Size incoming)
{
	void	   *image;

	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(value)))
	{
		update->expanded = (ExpandedState *) DatumGetEOHP(value);
		Assert(update->expanded != NULL);
		update->table = &update->expanded->table;
		return;
	}
	image = PG_DETOAST_DATUM(value);
	image_open(&update->flat, image);
	if (update->flat.kind != KEY_NONE &&
		VARSIZE(image) + incoming > FLAT_LIMIT)
	{
		update->expanded = expanded_create(aggcontext, &update->flat,
										   update->flat.used * 2);
		update->table = &update->expanded->table;
		return;
	}
	if (heap_wants_rewriting(&update->flat.heap, FLAT_HEAP_DEAD_LIMIT))
	{
		Size		size = packed_size(&update->flat);
		void	   *packed = palloc(size);

		image_pack(&update->flat, packed, size);
		image = packed;
		image_open(&update->flat, image);
	}
	update_use_flat(update, image);
	if (customer_table_is_packed(&update->flat))
		customer_table_take_over(&update->flat, &update->flat,
								 update->flat.used + 1);
}

static void
read_options(FunctionCallInfo fcinfo, const CustomerFamily *family,
			 StateOptions *options, int first_option)
{
	for (int i = 0; i < family->noptions; i++)
	{
		const OptionSpec *spec = &family->options[i];
		NullableDatum *arg = &fcinfo->args[first_option + i];

		if (arg->isnull)
			reject_null(spec->name);
		option_read(spec, &options->value[i], arg->value);
	}
	state_derive_options(family, options);
}

/* Checks the options, and fills in what the family makes of them. */
void
state_derive_options(const CustomerFamily *family, StateOptions *options)
{
	for (int i = 0; i < family->noptions; i++)
		option_check(&family->options[i], &options->value[i]);
	if (family->derive)
		family->derive(options);
}

/*
 * The long way of state_update_begin: any form, any context, or no state yet.
 */
void
state_update_open(StateUpdate *update, FunctionCallInfo fcinfo,
				  const CustomerFamily *family, KeyKind kind, int first_option)
{
	MemoryContext aggcontext;

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		elog(ERROR, "transition function of %s called in non-aggregate context",
			 family->name);
	if (PG_ARGISNULL(0))
	{
		update_create_flat(update, family, kind);
		read_options(fcinfo, family, update->flat.options, first_option);
		return;
	}
	update_open_value(update, PG_GETARG_DATUM(0), aggcontext, 0);
	if (update->expanded)
		state_let_spill(update->expanded, fcinfo);
	if (update->table->family != family)
		reject_state(update->table, family->name);
	if (update->table->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot add a customer of type %s to a state of %s whose customers are of type %s",
						kind_name(kind), family->name,
						kind_name(update->table->kind))));
	check_options(fcinfo, family, update->table->options, first_option);
}

Datum
state_update_close_flat(StateUpdate *update)
{
	image_store_header(update->image, &update->flat);
	PG_RETURN_POINTER(update->image);
}

void
state_add_flat(StateUpdate *update, const char *slot)
{
	CustomerSource row = {
		.slots = slot,
		.nslots = 1,
		.heap_base = update->row_heap.base
	};

	update->flat.family->absorb(&update->flat, &row);
}

/*
 * Opens a value as a table to read, without changing what it means. "view" is
 * used if the value is flat.
 */
CustomerTable *
state_open(Datum value, CustomerTable *view)
{
	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
	{
		ExpandedState *expanded = (ExpandedState *) DatumGetEOHP(value);

		state_absorb_batch(expanded);
		spill_finish(&expanded->table);
		return &expanded->table;
	}
	image_open(view, PG_DETOAST_DATUM(value));
	return view;
}

CustomerTable *
state_read(FunctionCallInfo fcinfo, CustomerTable *view)
{
	return state_open(PG_GETARG_DATUM(0), view);
}

/* Until when a state of a family with that option knows of orders. */
TimestampTz
state_as_of(const CustomerTable *table)
{
	const CustomerFamily *family = table->family;

	for (int i = 0; i < family->noptions; i++)
		if (strcmp(family->options[i].name, "as_of") == 0)
			return table->options->value[i].time;
	elog(ERROR, "a state of %s has no as_of", family->name);
	return 0;
}

/* ------------------------------------------------------------------------
 * Merging
 * ------------------------------------------------------------------------
 */
static void
check_mergeable(const CustomerTable *a, const CustomerTable *b)
{
	if (a->family != b->family)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot merge a state of %s with a state of %s",
						a->family->name, b->family->name)));
	if (a->kind != b->kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot merge states of %s whose customers are of types %s and %s",
						a->family->name, kind_name(a->kind),
						kind_name(b->kind))));
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
			spill_load(from, i);
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
 * retention_state_combine(retention_state, retention_state)
 *
 * Both states as one: for parallel workers, and the transition function of
 * rollup. NULL is no state, so two NULLs are NULL.
 */
PG_FUNCTION_INFO_V1(retention_state_combine);
Datum
retention_state_combine(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext;
	StateUpdate update;
	CustomerTable view;
	CustomerTable *from;

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		elog(ERROR, "retention_state_combine called in non-aggregate context");
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	/* the first: our caller copies it into its own memory */
	if (PG_ARGISNULL(0))
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));

	from = state_open(PG_GETARG_DATUM(1), &view);
	update_open_value(&update, PG_GETARG_DATUM(0), aggcontext,
					  customer_table_customers(from) * from->stride +
					  from->heap.used);
	check_mergeable(update.table, from);
	if (update.expanded)
	{
		state_let_spill(update.expanded, fcinfo);
		state_absorb_batch(update.expanded);
	}
	merge_totals(update.table, from);
	if (update.expanded && update.expanded->may_spill &&
		merging_exceeds_limit(update.expanded, from))
	{
		spill_state(update.expanded);
		spill_other(update.table, from);
	}
	else
		absorb_table(update.table, from);
	return state_update_end(&update);
}

/* ------------------------------------------------------------------------
 * Telling what a state is
 * ------------------------------------------------------------------------
 */
/*
 * state_info(retention_state, OUT measure, OUT customer_type, OUT customers,
 * OUT bytes): what built it, its customers, and the memory it takes where it is
 * now (inside a query that may be more than when it is stored).
 */
PG_FUNCTION_INFO_V1(state_info);
Datum
state_info(PG_FUNCTION_ARGS)
{
	Datum		value = PG_GETARG_DATUM(0);
	CustomerTable view;
	CustomerTable *table = state_open(value, &view);
	const char *kind = kind_name(table->kind);
	Size		bytes;
	TupleDesc	row;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "state_info must return a row");
	if (table == &view)
		bytes = toast_datum_size(value);
	else
		bytes = MemoryContextMemAllocated(DatumGetEOHP(value)->eoh_context, true);
	values[0] = CStringGetTextDatum(table->family->name);
	if (kind)
		values[1] = CStringGetTextDatum(kind);
	else
		nulls[1] = true;
	values[2] = Int64GetDatum((int64) customer_table_customers(table));
	nulls[2] = table->kind == KEY_NONE || table->kind == KEY_PATTERN;
	values[3] = Int64GetDatum((int64) bytes);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row),
													  values, nulls)));
}
