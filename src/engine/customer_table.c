/*
 * customer_table.c
 *		The engine: growing, merging, deleting, packing. The probing itself is
 *		in the header, to be compiled for each family.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/customer_table.h"

#include "engine/state_fields.h"
#include "engine/table_segments.h"
#include "engine/text_dictionary.h"

/* Up to this many slots a table is a sorted array without gaps. */
#define MOST_SORTED_SLOTS	32

/* A larger one is filled to four fifths, then grows by half. */
#define FILL_PER_RANGE(range)	((range) / 5 * 4)
#define GROWN(n)				((n) + (n) / 2)

/*
 * So far a new customer may lie from home, and as far may others be moved for one;
 * half as far when they are laid out anew. Of keys that nobody chose one in
 * exp(0.023 * 1024), or 10^10, lies that far in a table filled to four fifths.
 */
#define MOST_FROM_HOME			1024

uint64		customer_table_steps = 0;

int
compare_long_texts(CustomerKey a, const char *a_base,
				   CustomerKey b, const char *b_base)
{
	uint64		a_offset = key_text_offset(a);
	uint64		b_offset = key_text_offset(b);
	uint32		a_size = heap_block_size(a_base, a_offset);
	uint32		b_size = heap_block_size(b_base, b_offset);
	int			order = memcmp(heap_block_data(a_base, a_offset),
							   heap_block_data(b_base, b_offset),
							   Min(a_size, b_size));

	if (order != 0)
		return order;
	return (a_size > b_size) - (a_size < b_size);
}

/* An empty table of no slots; the caller sets its storage. */
void
customer_table_init(CustomerTable *table, const CustomerFamily *family,
					KeyKind kind)
{
	memset(table, 0, sizeof(*table));
	table->family = family;
	table->kind = kind;
	table->key_size = key_size(kind);
	table->stride = table->key_size + family->payload_size;
}

void
customer_table_set_range(CustomerTable *table, uint64 nslots, uint64 range)
{
	table->nslots = nslots;
	table->range = range;
	table->is_segmented = false;
	table->limit = range == 0 ? nslots : FILL_PER_RANGE(range);
}

/* Makes gaps of slots from..to-1. */
void
customer_table_clear_slots(char *slots, int stride, uint64 from, uint64 to)
{
	memset(slots + from * stride, 0xFF, (to - from) * stride);
}

static uint64
used_below_ones(const CustomerTable *table)
{
	return table->used - (table->has_ones ? 1 : 0);
}

typedef enum Spread
{
	SPREAD_DONE,
	SPREAD_NO_ROOM,				/* behind the last home */
	SPREAD_CROWDED				/* too far from home, for keys that nobody
								 * chose */
} Spread;

/*
 * Copies customers, in order, to the table's slots: each to its home or as near
 * behind it as is free.
 */
static Spread
spread(CustomerTable *table, const char *from, uint64 from_nslots)
{
	int			stride = table->stride;
	uint64		next = 0;		/* first slot not yet decided */

	for (uint64 i = 0; i < from_nslots; i++)
	{
		const char *slot = from + i * stride;
		uint64		home;
		uint64		position;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!slot_in_use(table->kind, slot))
			continue;
		home = home_of(table, load_word(slot));
		position = Max(home, next);
		if (position - home > MOST_FROM_HOME / 2 &&
			table->storage->takes_segments)
			return SPREAD_CROWDED;
		if (position >= table->nslots)
			return SPREAD_NO_ROOM;
		customer_table_clear_slots(table->slots, stride, next, position);
		memcpy(table->slots + position * stride, slot, stride);
		next = position + 1;
	}
	customer_table_clear_slots(table->slots, stride, next, table->nslots);
	return SPREAD_DONE;
}

/* Slots behind the last home, where the last customers may be pushed to. */
static uint64
room_behind(uint64 range)
{
	return 2 * MOST_NEAR_SLOTS + Min(range / 16, 128);
}

/* Slots in segments for that many customers, of whom these are so many. */
static void
lay_out_segments(CustomerTable *table, const char *from, uint64 from_nslots,
				 uint64 used, uint64 customers)
{
	const uint64 nslots = SEGMENT_SLOTS * segments_for(customers, used);

	table->storage->new_slots(table, nslots);
	table->nslots = nslots;
	segments_spread(table, from, from_nslots, used);
}

/*
 * Lays the customers of "from" out anew in slots of the table's own. They are
 * this table's own, or those of a flat state that it takes over. There is to be room
 * for "customers".
 */
static void
rebuild(CustomerTable *table, const CustomerTable *from, uint64 customers,
		uint64 range, uint64 nslots)
{
	const char *from_slots = from->slots;
	const char *from_ones = slot_at(from, from->nslots);
	uint64		from_nslots = from->nslots;
	uint64		used = used_below_ones(from);
	char	   *old_slots = table->slots;
	Spread		outcome;

	customer_table_steps += from_nslots;
	table->storage->new_slots(table, nslots);
	customer_table_set_range(table, nslots, range);
	while ((outcome = spread(table, from_slots, from_nslots)) == SPREAD_NO_ROOM)
	{
		char	   *too_few = table->slots;

		nslots = GROWN(nslots);
		table->storage->new_slots(table, nslots);
		customer_table_set_range(table, nslots, range);
		table->storage->free_slots(table, too_few);
	}
	if (outcome == SPREAD_CROWDED)
	{
		table->storage->free_slots(table, table->slots);
		lay_out_segments(table, from_slots, from_nslots, used, customers);
	}
	memcpy(slot_at(table, table->nslots), from_ones, table->stride);
	if (old_slots != NULL)
		table->storage->free_slots(table, old_slots);
}

/*
 * As rebuild, with the table made to fit this many customers below all ones.
 */
static void
rebuild_for(CustomerTable *table, const CustomerTable *from, uint64 customers)
{
	uint64		range = Max(from->range, MOST_SORTED_SLOTS);
	uint64		nslots;

	if (customers <= MOST_SORTED_SLOTS)
	{
		nslots = 1;
		while (nslots < customers)
			nslots *= 2;
		rebuild(table, from, customers, 0, nslots);
		return;
	}
	while (FILL_PER_RANGE(range) < customers)
		range = GROWN(range);
	rebuild(table, from, customers, range, range + room_behind(range));
}

/* Lays the table out in segments, in place of homes. */
static void
give_up_homes(CustomerTable *table)
{
	const uint64 used = used_below_ones(table);
	char	   *old_slots = table->slots;
	char	   *old_ones = slot_at(table, table->nslots);

	lay_out_segments(table, old_slots, table->nslots, used, used + 1);
	memcpy(slot_at(table, table->nslots), old_ones, table->stride);
	table->storage->free_slots(table, old_slots);
}

/*
 * As customer_table_find, from a slot on before which all customers come before the
 * key: by halving.
 */
char *
customer_table_find_far(const CustomerTable *table, char *slot,
						CustomerKey key, const char *key_base, bool *found)
{
	const int	stride = table->stride;
	const uint64 most = table->nslots - (slot - table->slots) / stride;
	uint64		low = 0;
	uint64		high = 1;

	if (table->is_segmented)
		return segments_find(table, key, key_base, found);
	/* a gap is all ones, and so comes after every key */
	while (high < most &&
		   compare_slot(table, slot + high * stride, key, key_base) < 0)
	{
		low = high + 1;
		high *= 2;
	}
	high = Min(high, most);
	while (low < high)
	{
		uint64		middle = (low + high) / 2;

		if (compare_slot(table, slot + middle * stride, key, key_base) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	slot += low * stride;
	*found = compare_slot(table, slot, key, key_base) == 0;
	return slot;
}

/*
 * Makes a gap where a new customer belongs, and counts it. Returns its slot, or
 * NULL if the table had to be laid out anew instead, and the slot is to be found
 * again.
 */
char *
customer_table_make_room(CustomerTable *table, CustomerKey key, char *slot)
{
	int			stride = table->stride;
	char	   *ones = slot_at(table, table->nslots);
	char	   *gap = slot;
	uint64		from_home;

	if (key_is_ones(table->kind, key))
	{
		table->has_ones = true;
		table->used++;
		return ones;
	}
	if (used_below_ones(table) >= table->limit)
	{
		rebuild_for(table, table, used_below_ones(table) + 1);
		return NULL;
	}
	if (table->is_segmented)
	{
		slot = segments_make_room(table, slot);
		table->used += slot != NULL;
		return slot;
	}
	while (gap < ones && slot_in_use(table->kind, gap))
		gap += stride;
	from_home = (gap - slot_at(table, home_of(table, key.word[0]))) / stride;
	customer_table_steps += from_home + 1;
	if (from_home > MOST_FROM_HOME && table->storage->takes_segments)
	{
		give_up_homes(table);
		return NULL;
	}
	if (gap == ones)
	{
		/* the last customers of all have filled the room behind the last home */
		rebuild(table, table, used_below_ones(table) + 1, table->range,
				GROWN(table->nslots));
		return NULL;
	}
	memmove(slot + stride, slot, gap - slot);
	table->used++;
	return slot;
}

/*
 * Takes over the customers of another table (keys, payloads and, as they are,
 * heap offsets) into an empty one that will hold "customers".
 */
void
customer_table_take_over(CustomerTable *table, const CustomerTable *from,
						 uint64 customers)
{
	rebuild_for(table, from, Max(customers, used_below_ones(from)));
	table->used = from->used;
	table->has_ones = from->has_ones;
}

/* Takes all customers out; the slots stay. */
void
customer_table_empty(CustomerTable *table)
{
	customer_table_clear_slots(table->slots, table->stride, 0,
							   table->nslots + 1);
	table->used = 0;
	table->has_ones = false;
	/* who comes next may be no crowd */
	if (table->is_segmented || customer_table_is_packed(table))
		customer_table_set_range(table, table->nslots,
								 table->nslots - room_behind(table->nslots));
}

/* Takes all customers out, and gives the slots back but for so many customers. */
void
customer_table_restart(CustomerTable *table, uint64 customers)
{
	customer_table_empty(table);
	if (table->kind == KEY_NONE)
		return;
	customer_table_set_range(table, 0, 0);
	rebuild_for(table, table, customers);
}

/* Is it a sorted array too long to be searched from its start each time? */
bool
customer_table_is_packed(const CustomerTable *table)
{
	return table->range == 0 && !table->is_segmented &&
		table->nslots > MOST_SORTED_SLOTS;
}

/* Lays such a one out so that customers are found, and find room, quickly. */
void
customer_table_unpack(CustomerTable *table)
{
	if (customer_table_is_packed(table))
		rebuild_for(table, table, used_below_ones(table) + 1);
}

/* Makes room for this many customers more. */
void
customer_table_reserve_new(CustomerTable *table, uint64 customers)
{
	if (table->kind != KEY_NONE &&
		used_below_ones(table) + customers > table->limit)
		rebuild_for(table, table, used_below_ones(table) + customers);
}

/*
 * Makes room for the customers of a source that are not here yet, at once.
 *
 * They come in ascending order. If the table grew little by little meanwhile,
 * all that have come would lie crowded at its beginning, in the homes of all
 * that have not. Counting first costs one walk through both.
 */
void
customer_table_reserve(CustomerTable *table, const CustomerSource *source)
{
	uint64		unknown = 0;

	for (uint64 i = 0; i < source->nslots; i++)
	{
		const char *slot = source->slots + i * table->stride;
		bool		found;

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!slot_in_use(table->kind, slot))
			continue;
		(void) customer_table_find(table, table->kind, table->stride,
								   load_key(table->kind, slot),
								   source->heap_base, &found);
		if (!found)
			unknown++;
	}
	customer_table_reserve_new(table, unknown);
}

/*
 * Takes a customer out, and moves those behind it that were pushed from their
 * homes one slot back, so that no gap opens before them.
 */
void
customer_table_delete(CustomerTable *table, char *slot)
{
	int			stride = table->stride;
	char	   *ones = slot_at(table, table->nslots);
	char	   *end = slot + stride;
	CustomerKey key = load_key(table->kind, slot);

	if (key_is_long_text(table->kind, key))
		table->heap.dead += HEAP_BLOCK_HEADER +
			heap_block_room(table->heap.base, key_text_offset(key));
	table->used--;
	if (slot == ones)
	{
		table->has_ones = false;
		memset(ones, 0xFF, stride);
		return;
	}
	if (table->is_segmented)
	{
		if (!segments_delete(table, slot))
			rebuild_for(table, table, used_below_ones(table));
		return;
	}
	while (end < ones && slot_in_use(table->kind, end) &&
		   slot_at(table, home_of(table, load_word(end))) < end)
		end += stride;
	memmove(slot, slot + stride, end - slot - stride);
	memset(end - stride, 0xFF, stride);
}

/*
 * The heap bytes a packed copy of the table needs.
 */
uint64
customer_table_packed_heap(const CustomerTable *table)
{
	const CustomerFamily *family = table->family;
	CustomerCursor cursor = {table, 0};
	const char *slot;
	uint64		size;

	if (table->heap.used == 0 && table->npartitions == 0)
		return 0;
	size = fields_heap_size(family->totals_fields, table->totals,
							table->heap.base);
	while ((slot = customer_cursor_next_slot(&cursor)) != NULL)
	{
		CustomerKey key = load_key(table->kind, slot);

		if (key_is_long_text(table->kind, key))
			size += heap_copied_size(table->heap.base, key_text_offset(key));
		size += fields_heap_size(family->payload_fields,
								 slot + table->key_size, table->heap.base);
	}
	return size;
}

/* Moves what a slot, or a copy of it, points at into another heap. */
void
customer_table_move_slot(const CustomerTable *table, char *slot,
						 StateHeap *heap)
{
	CustomerKey key = load_key(table->kind, slot);

	if (key_is_long_text(table->kind, key))
	{
		key.word[1] = LONG_TEXT_MARK |
			heap_copy_block(heap, table->heap.base, key_text_offset(key));
		store_key(table->kind, slot, key);
	}
	fields_move(table->family->payload_fields, slot + table->key_size, heap,
				table->heap.base);
}

/*
 * Moves everything alive in the table's heap to another one.
 */
void
customer_table_move_heap(CustomerTable *table, StateHeap *heap)
{
	CustomerCursor cursor = {table, 0};
	const char *slot;

	fields_move(table->family->totals_fields, table->totals, heap,
				table->heap.base);
	while ((slot = customer_cursor_next_slot(&cursor)) != NULL)
		customer_table_move_slot(table, (char *) slot, heap);
}

/*
 * Copies the table without gaps and without dead heap: its customers (and the
 * slot of all ones) to "slots", the totals to "totals", what they point at
 * into "heap". The order, and so the bytes, depend on the customers only.
 */
void
customer_table_pack(const CustomerTable *table, char *slots, void *totals,
					StateHeap *heap)
{
	const CustomerFamily *family = table->family;
	bool		moves = table->heap.used > 0 || table->npartitions > 0;
	CustomerCursor cursor = {table, 0};
	uint32	   *renumber = NULL;
	uint64		texts;
	const char *slot;

	memcpy(totals, table->totals, family->totals_size);
	if (moves)
		fields_move(family->totals_fields, totals, heap, table->heap.base);
	if (family->has_texts)
	{
		memcpy(&texts, totals, sizeof(texts));
		renumber = text_dictionary_sort(heap, texts);
	}
	while ((slot = customer_cursor_next_slot(&cursor)) != NULL)
	{
		memcpy(slots, slot, table->stride);
		if (moves)
			customer_table_move_slot(table, slots, heap);
		if (renumber)
			fields_renumber(family->payload_fields, slots + table->key_size,
							heap->base, renumber);
		slots += table->stride;
	}
	if (renumber)
		pfree(renumber);
	/* the last slot is the place of the customer of all ones, there or not */
	if (!table->has_ones && table->kind != KEY_NONE)
		memcpy(slots, slot_at(table, table->nslots), table->stride);
}
