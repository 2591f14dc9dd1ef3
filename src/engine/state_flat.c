/*
 * state_flat.c
 *		The flat form of a state: a plain varlena, and so the bytes of a stored one.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_flat.h"

/* A heap with more dead bytes, and more dead than alive, is rewritten. */
#define HEAP_DEAD_LIMIT	1024

/* Raises an error for the bytes of another format. */
void
state_check_format(int format)
{
	if (format != STATE_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("retention state has format %d, this version reads format %d",
						format, STATE_FORMAT),
				 format < STATE_FORMAT ?
				 errhint("It was stored by an older version: build it again from the orders.") : 0));
}

/* ------------------------------------------------------------------------
 * An image
 * ------------------------------------------------------------------------
 */
static uint64
image_size(const CustomerTable *table, uint64 nslots, uint64 heap_size)
{
	return sizeof(StateHeader) + family_options_size(table->family) +
		table->family->totals_size + slots_size(table, nslots) + heap_size;
}

/* Points the table's parts at an image laid out for nslots. */
static void
table_in_image(CustomerTable *table, void *image, uint64 nslots)
{
	char	   *at = (char *) image + sizeof(StateHeader);

	table->options = (StateOptions *) at;
	at += family_options_size(table->family);
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
 * Shows a detoasted flat value as a table to read. Its contents were checked
 * when it was made; here only that it is what it says.
 */
void
flat_view(CustomerTable *table, void *image)
{
	const StateHeader *header = image;
	const CustomerFamily *family;

	if (VARSIZE(image) < sizeof(StateHeader))
		reject_image();
	state_check_format(header->format);
	family = family_by_id(header->family);
	if (family == NULL || !family_has_kind(family, header->kind))
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

static uint64
packed_slots(const CustomerTable *table)
{
	return customer_table_customers(table) -
		(customer_table_has_ones(table) ? 1 : 0);
}

uint64
flat_packed_size(const CustomerTable *table)
{
	return image_size(table, packed_slots(table),
					  customer_table_packed_heap(table));
}

/* The table's image without gaps and dead heap: see customer_table_pack. */
void
flat_pack(const CustomerTable *table, void *image, Size size)
{
	uint64		nslots = packed_slots(table);
	CustomerTable packed;

	customer_table_init(&packed, table->family, table->kind);
	table_in_image(&packed, image, nslots);
	customer_table_set_range(&packed, nslots, 0);
	packed.used = customer_table_customers(table);
	packed.has_ones = customer_table_has_ones(table);
	packed.heap.size = size - image_size(table, nslots, 0);

	image_init(image, table, size);
	memcpy(packed.options, table->options, family_options_size(table->family));
	customer_table_pack(table, packed.slots, packed.totals, &packed.heap);
	image_store_header(image, &packed);
}

/* ------------------------------------------------------------------------
 * Changing one
 * ------------------------------------------------------------------------
 */
static FlatState *
state_of_flat_table(CustomerTable *table)
{
	return (FlatState *) ((char *) table - offsetof(FlatState, table));
}

/* Another image with room for other sizes, its fixed parts copied. */
static void
image_replace(FlatState *flat, uint64 nslots, uint64 heap_size)
{
	CustomerTable *table = &flat->table;
	char	   *heap_base = table->heap.base;
	void	   *image = image_create(table, nslots, heap_size);

	memcpy((char *) image + sizeof(StateHeader),
		   (char *) flat->image + sizeof(StateHeader),
		   family_options_size(table->family) + table->family->totals_size);
	table_in_image(table, image, nslots);
	memcpy(table->heap.base, heap_base, table->heap.used);
	/* the image may be stored as it is, with its spare room */
	memset(table->heap.base + table->heap.used, 0, heap_size - table->heap.used);
	table->heap.size = heap_size;
	flat->image = image;
}

static void
flat_new_slots(CustomerTable *table, uint64 nslots)
{
	image_replace(state_of_flat_table(table), nslots, table->heap.size);
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

	image_replace(state_of_flat_table(table), table->nslots,
				  Max(needed, heap->size + heap->size / 2));
	memcpy(table->slots, old_slots, slots_size(table, table->nslots));
}

static const TableStorage flat_storage = {
	flat_new_slots,
	flat_free_slots,
	NULL,
	false
};

static void
use_image(FlatState *flat, void *image)
{
	flat->image = image;
	flat->table.storage = &flat_storage;
	flat->table.heap.grow = flat_grow_heap;
}

/* A state without customers, in the current memory context. */
void
flat_create(FlatState *flat, const CustomerFamily *family, KeyKind kind)
{
	CustomerTable *table = &flat->table;
	uint64		nslots = kind == KEY_NONE ? 0 : 1;
	void	   *image;

	customer_table_init(table, family, kind);
	image = image_create(table, nslots, 0);
	table_in_image(table, image, nslots);
	customer_table_set_range(table, nslots, 0);
	memset(table->options, 0, family_options_size(family));
	if (family->totals_identity)
		memcpy(table->totals, family->totals_identity, family->totals_size);
	else
		memset(table->totals, 0, family->totals_size);
	customer_table_clear_slots(table->slots, table->stride, 0, nslots + 1);
	use_image(flat, image);
}

/* Opens what flat_view has shown, to change it. */
void
flat_open(FlatState *flat, void *image)
{
	CustomerTable *table = &flat->table;

	if (heap_wants_rewriting(&table->heap, HEAP_DEAD_LIMIT))
	{
		Size		size = flat_packed_size(table);
		void	   *packed = palloc(size);

		flat_pack(table, packed, size);
		image = packed;
		flat_view(table, image);
	}
	use_image(flat, image);
	if (customer_table_is_packed(table))
		customer_table_take_over(table, table, table->used + 1);
}

/* The value as it is now. */
void *
flat_close(FlatState *flat)
{
	image_store_header(flat->image, &flat->table);
	return flat->image;
}
