/*
 * seal.c
 *		Sealed states: what results need of many customers, without the customers.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/seal.h"

#include "base/checks.h"
#include "engine/state_expanded.h"
#include "engine/state_flat.h"
#include "utils/memutils.h"

/* ------------------------------------------------------------------------
 * Entries
 * ------------------------------------------------------------------------
 */
#define FIRST_ENTRIES	16

static int
compare_entries(const void *a, const void *b, void *arg)
{
	const CustomerTable *table = arg;

	return compare_keys(table->kind, load_key(table->kind, a),
						table->heap.base, load_key(table->kind, b),
						table->heap.base);
}

/* into += from, which has the same key and lies in the same heap */
static void
merge_entries(CustomerTable *table, char *into, const char *from)
{
	const CustomerFamily *family = table->family;
	uint64		payload[MOST_PAYLOAD / sizeof(uint64)];
	uint64		addend[MOST_PAYLOAD / sizeof(uint64)];

	/* copies, since slots are not aligned */
	memcpy(payload, into + table->key_size, family->payload_size);
	memcpy(addend, from + table->key_size, family->payload_size);
	family->merge(table, payload, addend, table->heap.base);
	memcpy(into + table->key_size, payload, family->payload_size);
}

/* Sorts the entries by their keys, and makes one of those that have the same. */
static void
sort_entries(CustomerTable *table)
{
	uint64		last = 0;

	if (table->nslots < 2)
		return;
	qsort_arg(table->slots, table->nslots, table->stride, compare_entries, table);
	for (uint64 i = 1; i < table->nslots; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (compare_entries(slot_at(table, last), slot_at(table, i), table) == 0)
			merge_entries(table, slot_at(table, last), slot_at(table, i));
		else if (++last < i)
			memcpy(slot_at(table, last), slot_at(table, i), table->stride);
	}
	table->nslots = last + 1;
}

/* Room for one more, and for the slot behind the last */
static void
make_room(SealedState *sealed)
{
	CustomerTable *table = &sealed->table;

	if (table->slots == NULL)
	{
		sealed->room = FIRST_ENTRIES;
		table->slots = palloc((sealed->room + 1) * table->stride);
		return;
	}
	sort_entries(table);
	if (table->nslots <= sealed->room / 2)
		return;
	sealed->room *= 2;
	table->slots = repalloc_huge(table->slots,
								 (sealed->room + 1) * table->stride);
}

/*
 * Adds an entry; what was added with the same key before is merged with it. Blocks that it
 * points at lie in the table's heap.
 */
void
sealed_add(SealedState *sealed, CustomerKey key, const void *payload)
{
	CustomerTable *table = &sealed->table;
	char	   *slot;

	if (table->nslots == sealed->room)
		make_room(sealed);
	slot = slot_at(table, table->nslots++);
	Assert(!key_is_ones(table->kind, key));
	store_key(table->kind, slot, key);
	memcpy(slot + table->key_size, payload, table->family->payload_size);
}

void
sealed_totals_merge(StateHeap *heap, void *into, const void *from,
					const char *from_base)
{
	add_count(&((SealedTotals *) into)->customers,
			  ((const SealedTotals *) from)->customers, "customers");
}

/* A state is checked entry by entry as it is received, not as a whole. */
void
reject_sealed(const CustomerTable *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid retention state: sums of %s that no customers have",
					table->family->name)));
}

/* ------------------------------------------------------------------------
 * Medians
 * ------------------------------------------------------------------------
 */
static int
compare_lengths(const void *a, const void *b)
{
	const SealedLength *x = a;
	const SealedLength *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->length < y->length ? -1 : x->length > y->length;
}

/* By place, and there by length */
void
sealed_lengths_sort(SealedLength *lengths, int64 count)
{
	qsort(lengths, count, sizeof(SealedLength), compare_lengths);
}

/*
 * The interpolated median of one place's lengths, which are sorted, and "count" together.
 */
double
sealed_lengths_median(const SealedLength *lengths, int64 count)
{
	int64		before = 0;
	uint64		lower;

	while (before + lengths->count <= (count - 1) / 2)
		before += (lengths++)->count;
	lower = lengths->length;
	while (before + lengths->count <= count / 2)
		before += (lengths++)->count;
	return (double) lower + 0.5 * (double) (lengths->length - lower);
}

/* ------------------------------------------------------------------------
 * A share of customers
 * ------------------------------------------------------------------------
 */
void
counted_share_merge(StateHeap *heap, void *into, const void *from,
					const char *from_base)
{
	CountedShare *a = into;
	const CountedShare *b = from;

	add_count(&a->customers, b->customers, "customers");
	a->whole += b->whole;
	a->part += b->part;
}

bool
counted_share_valid(const void *totals, const char *heap_base,
					const StateOptions *options)
{
	const CountedShare *share = totals;

	return share->part <= share->whole && share->whole <= share->customers;
}

/* ------------------------------------------------------------------------
 * seal
 * ------------------------------------------------------------------------
 */

/* Do states of this family have customers in them? */
static bool
has_customers(const CustomerFamily *family)
{
	return family->absorb != NULL && family->key_kind == KEY_NONE;
}

/* A flat value in the current memory context */
static Datum
seal_table(CustomerTable *table)
{
	const CustomerFamily *family = table->family->sealed;
	SealedState sealed = {.room = 0};
	CustomerTable *into = &sealed.table;
	Size		size;
	void	   *image;

	customer_table_init(into, family, family->key_kind);
	into->options = table->options;
	into->totals = sealed.totals;
	if (family->totals_identity)
		memcpy(into->totals, family->totals_identity, family->totals_size);
	((SealedTotals *) into->totals)->customers =
		(int64) customer_table_customers(table);
	heap_init_scratch(&into->heap);
	table->family->seal(table, &sealed);

	sort_entries(into);
	if (into->slots == NULL)
		into->slots = palloc(into->stride + 1);
	customer_table_clear_slots(into->slots, into->stride, into->nslots,
							   into->nslots + 1);
	into->used = into->nslots;
	size = flat_packed_size(into);
	if (size > MaxAllocSize)
		reject_large_state(into, size);
	image = palloc(size);
	flat_pack(into, image, size);
	return PointerGetDatum(image);
}

/*
 * seal(state retention_state) returns retention_state
 *
 * The sums of a state without its customers; itself, if it has none.
 */
PG_FUNCTION_INFO_V1(retention_state_seal);
Datum
retention_state_seal(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);

	if (!has_customers(table->family))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (table->family->sealed == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a state of %s cannot be sealed", table->family->name),
				 errdetail("What reads it looks at each customer, not at sums of them."),
				 errhint("Merge such states as they are, with rollup(state).")));
	PG_RETURN_DATUM(seal_table(table));
}

/*
 * seal(s survival) returns survival
 *
 * A survival has times and no customers: it is sealed as it is.
 */
PG_FUNCTION_INFO_V1(survival_seal);
Datum
survival_seal(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
