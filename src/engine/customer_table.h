/*
 * customer_table.h
 *		The engine: a table from customer to a small fixed-size payload.
 *
 * What is kept of a customer is its family's to say (families.h). A row is nothing
 * but the payload of a customer with one row, so that adding a row, adding 256
 * rows at once, combining two parallel workers, reading a stored state and rolling
 * up a thousand of them are one operation, customer_table_absorb.
 *
 * THE TABLE is an array of slots sorted by key, with gaps:
 *
 *		slot = key (8 or 16 bytes, see customer_key.h) + payload
 *
 *		slots[0 .. nslots-1]	customers in ascending order of their key words,
 *								and gaps (key of all ones) between them
 *		slots[nslots]			the place of the one customer whose key is all
 *								ones (has_ones says whether there is one); its
 *								key bytes always are, which ends every search
 *
 * Keys are mixed bits, so a customer's place can be computed: its "home" is
 * key / 2^64 * range. A customer lies at its home or after it, with no gap
 * between. This is linear probing with one more rule, the order, and the order
 * buys what a hash table lacks: growing and merging walk memory forwards, and a
 * state has one sequence of bytes for one set of customers.
 *
 * "range" may be 0: all homes are slot 0, and the table is a sorted array
 * searched from its start. That is the form of a small state (up to 32
 * customers, no gap wasted), and, with nslots = used, of a state at rest.
 *
 * Keys that were chosen to have one home are bounded: customers that come to lie far
 * from it are searched for by halving, and before they lie too far the table is
 * laid out in another way (table_segments.h).
 *
 * ONE MISS, NOT TWO. A table of a million customers is larger than the caches
 * near the core, so a probe costs a trip to memory. Key and payload lie
 * together, and rows wait in a batch until their slots have been prefetched.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CUSTOMER_TABLE_H
#define RETENTION_CUSTOMER_TABLE_H

#include "base/compat.h"

#include "engine/customer_key.h"
#include "engine/families.h"
#include "engine/state_heap.h"
#include "miscadmin.h"

typedef struct TableSpill TableSpill;

/* Who holds a table's memory: a flat value or an expanded object. */
typedef struct TableStorage
{
	/*
	 * points table->slots at new memory for nslots + 1; the old stays
	 * readable
	 */
	void		(*new_slots) (CustomerTable *table, uint64 nslots);
	/* such old memory is not needed any more */
	void		(*free_slots) (CustomerTable *table, char *slots);

	/*
	 * makes the table that of a partition of it, from 1 on; NULL: it is never
	 * cut
	 */
	void		(*load_partition) (CustomerTable *table, int partition);

	/*
	 * may slots be laid out in segments? A flat value is too small to need
	 * it.
	 */
	bool		takes_segments;
} TableStorage;

struct CustomerTable
{
	const CustomerFamily *family;
	const TableStorage *storage;
	KeyKind		kind;
	int			key_size;
	int			stride;			/* bytes of a slot */
	bool		has_ones;
	char	   *slots;
	uint64		nslots;
	uint64		range;
	bool		is_segmented;	/* has no homes: see table_segments.h */
	int			shift;			/* so many first bits all keys have in common */
	uint64		used;			/* customers, the one at slots[nslots] too */
	uint64		limit;			/* grow when this many lie in slots
								 * 0..nslots-1 */
	StateOptions *options;
	void	   *totals;
	StateHeap	heap;

	/* of a family with texts (text_dictionary.h) */
	struct TextIndex *texts;	/* NULL: not made yet, or it is flat */
	const uint32 *renumber;		/* while another state is merged: what its
								 * numbers are here; NULL: the same */

	/*
	 * A table that outgrew its memory and is now being read: the partition in
	 * it, of so many, and what all of them hold. Otherwise these are 0.
	 */
	int			partition;
	int			npartitions;
	uint64		all_used;
	bool		any_has_ones;
	TableSpill *spill;			/* what was written to files; NULL: nothing */

	/*
	 * Sorted rows that are in no slot yet, of a state that was opened with
	 * them: see state_open_with_rows().
	 */
	const struct LooseRows *waiting;
};

/*
 * Customers to absorb: another table, or a batch of rows.
 */
struct CustomerSource
{
	const char *slots;
	uint64		nslots;
	bool		has_gaps;		/* skip keys of all ones below nslots */
	bool		has_ones;		/* slots[nslots] is a customer */
	const char *heap_base;
};

/*
 * Slots that new customers have had looked at or moved, in this process: so that a
 * test can tell how much work keys make.
 */
extern retention_internal uint64 customer_table_steps;

extern retention_internal void customer_table_init(CustomerTable *table,
												   const CustomerFamily *family,
												   KeyKind kind);
extern retention_internal void customer_table_set_range(CustomerTable *table,
														uint64 nslots,
														uint64 range);
extern retention_internal void customer_table_clear_slots(char *slots,
														  int stride,
														  uint64 from,
														  uint64 to);
extern retention_internal char *customer_table_find_far(const CustomerTable *table,
														char *slot,
														CustomerKey key,
														const char *key_base,
														bool *found);
extern retention_internal char *customer_table_make_room(CustomerTable *table,
														 CustomerKey key,
														 char *slot);
extern retention_internal void customer_table_take_over(CustomerTable *table,
														const CustomerTable *from,
														uint64 customers);
extern retention_internal void customer_table_empty(CustomerTable *table);
extern retention_internal void customer_table_restart(CustomerTable *table,
													  uint64 customers);
extern retention_internal void customer_table_move_slot(const CustomerTable *table,
														char *slot,
														StateHeap *heap);
extern retention_internal void customer_table_reserve_new(CustomerTable *table,
														  uint64 customers);
extern retention_internal void customer_table_reserve(CustomerTable *table,
													  const CustomerSource *source);
extern retention_internal bool customer_table_is_packed(const CustomerTable *table);
extern retention_internal void customer_table_unpack(CustomerTable *table);
extern retention_internal void customer_table_delete(CustomerTable *table,
													 char *slot);
extern retention_internal uint64 customer_table_packed_heap(const CustomerTable *table);
extern retention_internal void customer_table_move_heap(CustomerTable *table,
														StateHeap *heap);
extern retention_internal void customer_table_pack(const CustomerTable *table,
												   char *slots,
												   void *totals,
												   StateHeap *heap);

/* How many customers there are, in all partitions. */
static inline uint64
customer_table_customers(const CustomerTable *table)
{
	return table->npartitions == 0 ? table->used : table->all_used;
}

/* Is the customer of all ones there, in whichever partition? */
static inline bool
customer_table_has_ones(const CustomerTable *table)
{
	return table->npartitions == 0 ? table->has_ones : table->any_has_ones;
}

/* Bytes of so many slots, with the place of the customer of all ones. */
static inline uint64
slots_size(const CustomerTable *table, uint64 nslots)
{
	return (nslots + 1) * table->stride;
}

static inline uint64
load_word(const char *at)
{
	uint64		word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline CustomerKey
load_key(KeyKind kind, const char *slot)
{
	return (CustomerKey) {{load_word(slot),
			kind == KEY_BIGINT ? 0 : load_word(slot + sizeof(uint64)),
			kind != KEY_PATTERN ? 0 : load_word(slot + 2 * sizeof(uint64))}};
}

static inline void
store_key(KeyKind kind, char *slot, CustomerKey key)
{
	memcpy(slot, key.word, key_size(kind));
}

static inline bool
key_is_ones(KeyKind kind, CustomerKey key)
{
	return key.word[0] == KEY_GAP &&
		(kind == KEY_BIGINT || key.word[1] == KEY_GAP) &&
		(kind != KEY_PATTERN || key.word[2] == KEY_GAP);
}

static inline char *
slot_at(const CustomerTable *table, uint64 position)
{
	return table->slots + position * table->stride;
}

/* Is there a customer at one of slots 0..nslots-1? */
static inline bool
slot_in_use(KeyKind kind, const char *slot)
{
	return !key_is_ones(kind, load_key(kind, slot));
}

static inline uint64
home_of(const CustomerTable *table, uint64 word)
{
	return (uint64) (((uint128) (word << table->shift) * table->range) >> 64);
}

/*
 * Negative, zero or positive as key a comes before, is, or comes after key b.
 */
static pg_attribute_always_inline int
compare_keys(KeyKind kind, CustomerKey a, const char *a_base,
			 CustomerKey b, const char *b_base)
{
	if (a.word[0] != b.word[0])
		return a.word[0] < b.word[0] ? -1 : 1;
	if (kind == KEY_BIGINT)
		return 0;
	if (kind == KEY_TEXT && key_is_long_text(kind, a) &&
		key_is_long_text(kind, b))
		return compare_long_texts(a, a_base, b, b_base);
	if (kind == KEY_PATTERN && a.word[1] == b.word[1])
		return a.word[2] < b.word[2] ? -1 : a.word[2] > b.word[2];
	return a.word[1] < b.word[1] ? -1 : a.word[1] > b.word[1];
}

static inline int
compare_slot(const CustomerTable *table, const char *slot, CustomerKey key,
			 const char *key_base)
{
	return compare_keys(table->kind, load_key(table->kind, slot),
						table->heap.base, key, key_base);
}

/*
 * Slots looked at without a branch. Most customers lie that near their home,
 * each at a distance no processor can predict. Of large slots fewer, since each
 * may be a line of memory more to fetch.
 */
#define MOST_NEAR_SLOTS		4

static pg_attribute_always_inline int
near_slots(int stride)
{
	return stride <= 20 ? MOST_NEAR_SLOTS : 2;
}

/* What lies farther from there is searched for by halving. */
#define FAR_SLOTS			32

/*
 * The slot of a customer, or the one before which it belongs.
 */
static pg_attribute_always_inline char *
customer_table_find(const CustomerTable *table, KeyKind kind, int stride,
					CustomerKey key, const char *key_base, bool *found)
{
	const uint64 word = key.word[0];
	char	   *slot = table->slots + home_of(table, word) * stride;
	const char *far;

	if (unlikely(key_is_ones(kind, key)))
	{
		*found = table->has_ones;
		return table->slots + table->nslots * stride;
	}
	/* there are at least as many slots behind the last home: room_behind() */
	if (likely(table->range > 0))
	{
		int			nearer = (load_word(slot) < word) +
			(load_word(slot + stride) < word);

		if (near_slots(stride) == 4)
			nearer += (load_word(slot + 2 * stride) < word) +
				(load_word(slot + 3 * stride) < word);
		slot += nearer * stride;
	}
	else if (unlikely(table->is_segmented))
		return customer_table_find_far(table, slot, key, key_base, found);
	far = slot + FAR_SLOTS * stride;
	/* the slot after the last is all ones, so this ends */
	while (load_word(slot) < word)
	{
		slot += stride;
		if (unlikely(slot == far))
			return customer_table_find_far(table, slot, key, key_base, found);
	}
	if (kind == KEY_BIGINT)
		*found = load_word(slot) == word;
	else
	{
		int			order;

		while ((order = compare_keys(kind, load_key(kind, slot),
									 table->heap.base, key, key_base)) < 0)
		{
			slot += stride;
			if (unlikely(slot == far))
				return customer_table_find_far(table, slot, key, key_base,
											   found);
		}
		*found = order == 0;
	}
	return slot;
}

/*
 * One customer into the table: a new slot, or merged with the one it has.
 */
static pg_attribute_always_inline void
customer_table_upsert(CustomerTable *table, const CustomerFamily *family,
					  KeyKind kind, const char *from, const char *from_base)
{
	const int	size = key_size(kind);
	const int	stride = size + family->payload_size;
	CustomerKey key = load_key(kind, from);
	bool		found;
	char	   *slot = customer_table_find(table, kind, stride, key, from_base,
										   &found);
	uint64		payload[MOST_PAYLOAD / sizeof(uint64)];
	uint64		addend[MOST_PAYLOAD / sizeof(uint64)];
	Size		at;

	if (!found)
	{
		while ((slot = customer_table_make_room(table, key, slot)) == NULL)
			slot = customer_table_find(table, kind, stride, key, from_base,
									   &found);
		at = slot - table->slots;
		if (key_is_long_text(kind, key))
			key.word[1] = LONG_TEXT_MARK |
				heap_copy_block(&table->heap, from_base, key_text_offset(key));
		slot = table->slots + at;
		store_key(kind, slot, key);
		if (family->identity)
			memcpy(slot + size, family->identity, family->payload_size);
		else
			memset(slot + size, 0, family->payload_size);
	}
	if (family->payload_size == 0)
		return;

	/* copies, since slots are not aligned and merging may move them */
	at = slot + size - table->slots;
	memcpy(payload, slot + size, family->payload_size);
	memcpy(addend, from + size, family->payload_size);
	family->merge(table, payload, addend, from_base);
	memcpy(table->slots + at, payload, family->payload_size);
}

/*
 * Asks for the slots that looking for this customer will look at.
 */
static pg_attribute_always_inline void
customer_table_prefetch(const CustomerTable *table, int stride, CustomerKey key)
{
	const char *home = table->slots + home_of(table, key.word[0]) * stride;

	__builtin_prefetch(home, 1, 2);
	/* two large slots may lie in three lines of memory */
	if (near_slots(stride) * stride > 64)
		__builtin_prefetch(home + 64, 1, 2);
	__builtin_prefetch(home + near_slots(stride) * stride - 1, 1, 2);
}

/*
 * Looks the customers of some slots up and asks for the heap blocks they have, so
 * that these are in the cache when it is their turn: a second miss in the time
 * of one.
 */
static pg_attribute_always_inline void
prefetch_blocks(const CustomerTable *table, const CustomerFamily *family,
				KeyKind kind, const CustomerSource *source, uint64 from,
				uint64 to)
{
	const int	size = key_size(kind);
	const int	stride = size + family->payload_size;

	for (uint64 i = from; i < to; i++)
	{
		const char *slot = source->slots + i * stride;
		uint64		payload[MOST_PAYLOAD / sizeof(uint64)];
		bool		found;

		if (source->has_gaps && !slot_in_use(kind, slot))
			continue;
		slot = customer_table_find(table, kind, stride, load_key(kind, slot),
								   source->heap_base, &found);
		if (!found)
			continue;
		memcpy(payload, slot + size, family->payload_size);
		family->prefetch(payload, table->heap.base);
	}
}

#define PREFETCHED_SLOTS	64

static pg_attribute_always_inline void
absorb_kind(CustomerTable *table, const CustomerFamily *family, KeyKind kind,
			const CustomerSource *source)
{
	const int	stride = key_size(kind) + family->payload_size;

	for (uint64 i = 0; i < source->nslots; i++)
	{
		const char *slot = source->slots + i * stride;

		if ((i & 0xFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (family->prefetch && i % PREFETCHED_SLOTS == 0 &&
			table->used > PREFETCHED_SLOTS)
			prefetch_blocks(table, family, kind, source, i,
							Min(i + PREFETCHED_SLOTS, source->nslots));
		if (source->has_gaps && !slot_in_use(kind, slot))
			continue;
		customer_table_upsert(table, family, kind, slot, source->heap_base);
	}
	if (source->has_ones)
		customer_table_upsert(table, family, kind,
							  source->slots + source->nslots * stride,
							  source->heap_base);
}

/*
 * Adds customers to a table. Called with a constant family, so that the
 * compiler makes a loop of its own for each family and kind of key it can have.
 */
static pg_attribute_always_inline void
customer_table_absorb(CustomerTable *table, const CustomerFamily *family,
					  const CustomerSource *source)
{
	if (family->key_kind != KEY_NONE)
	{
		absorb_kind(table, family, family->key_kind, source);
		return;
	}
	switch (table->kind)
	{
		case KEY_NONE:
		case KEY_PATTERN:
			break;
		case KEY_BIGINT:
			absorb_kind(table, family, KEY_BIGINT, source);
			break;
		case KEY_TEXT:
			absorb_kind(table, family, KEY_TEXT, source);
			break;
		case KEY_UUID:
			absorb_kind(table, family, KEY_UUID, source);
			break;
	}
}

/*
 * Walks the payloads of all customers, in the order of their keys. A slot is good
 * until the next call, by any cursor of the table.
 */
typedef struct CustomerCursor
{
	const CustomerTable *table;
	uint64		next;
	int			partition;		/* that it is in; 0: none yet, or not cut */
} CustomerCursor;

static inline const char *
customer_cursor_next_slot(CustomerCursor *cursor)
{
	const CustomerTable *table = cursor->table;

	for (;;)
	{
		if (unlikely(cursor->partition != table->partition))
		{
			cursor->partition = Max(cursor->partition, 1);
			table->storage->load_partition(unconstify(CustomerTable *, table),
										   cursor->partition);
		}
		while (cursor->next < table->nslots)
		{
			const char *slot = slot_at(table, cursor->next++);

			if ((cursor->next & 0xFFF) == 0)
				CHECK_FOR_INTERRUPTS();
			if (slot_in_use(table->kind, slot))
				return slot;
		}
		if (cursor->next == table->nslots && table->has_ones)
		{
			cursor->next++;
			return slot_at(table, table->nslots);
		}
		if (likely(table->partition == table->npartitions))
			return NULL;
		cursor->partition++;
		cursor->next = 0;
	}
}

/* Copies the next customer's payload; false after the last. */
static inline bool
customer_cursor_next(CustomerCursor *cursor, void *payload)
{
	const char *slot = customer_cursor_next_slot(cursor);

	if (slot == NULL)
		return false;
	memcpy(payload, slot + cursor->table->key_size,
		   cursor->table->family->payload_size);
	return true;
}

#define READ_AHEAD	16

/*
 * The same for a family with blocks in the heap: some customers ahead, so that the
 * blocks of all of them are on their way from memory at once. They lie there in the order
 * in which the customers came, which is not that of the keys.
 */
typedef struct CustomerReadAhead
{
	CustomerCursor cursor;
	int			next;
	int			count;
	char		payload[READ_AHEAD][MOST_PAYLOAD];
} CustomerReadAhead;

static inline void
customer_read_ahead_begin(CustomerReadAhead *ahead, const CustomerTable *table)
{
	ahead->cursor = (CustomerCursor) {table, 0};
	ahead->next = 0;
	ahead->count = 0;
}

static inline bool
customer_read_ahead_next(CustomerReadAhead *ahead, void *payload)
{
	const CustomerTable *table = ahead->cursor.table;

	if (ahead->next == ahead->count)
	{
		/* the heap of one partition is gone with the next */
		int			most = table->npartitions == 0 ? READ_AHEAD : 1;

		ahead->next = 0;
		ahead->count = 0;
		while (ahead->count < most &&
			   customer_cursor_next(&ahead->cursor,
									ahead->payload[ahead->count]))
			table->family->prefetch(ahead->payload[ahead->count++],
									table->heap.base);
		if (ahead->count == 0)
			return false;
	}
	memcpy(payload, ahead->payload[ahead->next++], table->family->payload_size);
	return true;
}

#endif							/* RETENTION_CUSTOMER_TABLE_H */
