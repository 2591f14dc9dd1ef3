/*
 * spill.c
 *		A customer table that is larger than the memory it may use.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/spill.h"

#include "port/pg_bitutils.h"
#include "engine/state_fields.h"
#include "utils/logtape.h"
#include "utils/memutils.h"

/*
 * Each partition takes a buffer of a block, as long as the table lives. This many
 * bytes of table for each keep the buffers small beside it, and a partition of a
 * table that was written a hundred times as small as it.
 */
#define TABLE_PER_PARTITION		(2 * BLCKSZ)
#define LEAST_PARTITIONS		16
#define MOST_PARTITIONS			1024

/* What lies before each piece that a table left in a partition. */
typedef struct PieceHeader
{
	uint64		nslots;
	uint64		heap_size;
} PieceHeader;

struct TableSpill
{
	MemoryContext context;
	LogicalTapeSet *set;
	int			shift;			/* as many bits choose a partition */
	int			npartitions;
	LogicalTape **tapes;		/* one for each; NULL: nothing written yet */
	uint64	   *nslots;			/* on each */
	uint64		most_reserved;	/* customers there may be room for */
	StateHeap	totals_heap;
	uint64		totals[MOST_PAYLOAD / sizeof(uint64)];
};

/* Its memory goes with its context; the temporary file does not. */
void
spill_close(CustomerTable *table)
{
	if (table->spill == NULL)
		return;
	LogicalTapeSetClose(table->spill->set);
	table->spill = NULL;
}

/* A table that is still small may be about to get what is not: it has "least". */
static TableSpill *
spill_create(const CustomerTable *table, Size least)
{
	const Size	size = table->nslots * table->stride + table->heap.size;
	const uint64 wanted = Max(size, least) / TABLE_PER_PARTITION;
	TableSpill *spill = palloc0(sizeof(TableSpill));

	spill->context = CurrentMemoryContext;
	spill->most_reserved = Max(table->nslots, least / Max(table->stride, 1)) / 2;
	spill->npartitions = pg_nextpower2_32(Min(Max(wanted, LEAST_PARTITIONS),
											  MOST_PARTITIONS));
	spill->shift = pg_leftmost_one_pos32(spill->npartitions);
	spill->tapes = palloc0(spill->npartitions * sizeof(LogicalTape *));
	spill->nslots = palloc0(spill->npartitions * sizeof(uint64));
	heap_init_scratch(&spill->totals_heap);
	spill->set = LogicalTapeSetCreate(false, NULL, -1);
	return spill;
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/* Customers of one partition, as they are gathered to be written. */
typedef struct Piece
{
	char	   *slots;
	uint64		nslots;
	uint64		room;			/* for slots */
	StateHeap	heap;
} Piece;

static void
write_piece(TableSpill *spill, int partition, Piece *piece, int stride)
{
	PieceHeader header = {piece->nslots, piece->heap.used};

	CHECK_FOR_INTERRUPTS();
	if (piece->nslots == 0)
		return;
	if (spill->tapes[partition] == NULL)
		spill->tapes[partition] = LogicalTapeCreate(spill->set);
	spill->nslots[partition] += piece->nslots;
	LogicalTapeWrite(spill->tapes[partition], &header, sizeof(header));
	LogicalTapeWrite(spill->tapes[partition], piece->slots,
					 piece->nslots * stride);
	if (piece->heap.used > 0)
		LogicalTapeWrite(spill->tapes[partition], piece->heap.base,
						 piece->heap.used);
	piece->nslots = 0;
	piece->heap.used = 0;
}

static void
add_to_piece(Piece *piece, const CustomerTable *from, const char *slot,
			 const uint32 *renumber)
{
	char	   *copy;

	if (piece->nslots == piece->room)
	{
		piece->room = Max(piece->room * 2, 64);
		piece->slots = piece->slots == NULL ?
			palloc(piece->room * from->stride) :
			repalloc_huge(piece->slots, piece->room * from->stride);
	}
	copy = piece->slots + piece->nslots++ * from->stride;
	memcpy(copy, slot, from->stride);
	if (from->heap.used > 0)
		customer_table_move_slot(from, copy, &piece->heap);
	if (renumber)
		fields_renumber(from->family->payload_fields, copy + from->key_size,
						piece->heap.base, renumber);
}

/* "renumber" says what numbers of texts are where they will be read; NULL: the same. */
static void
write_customers(TableSpill *spill, const CustomerTable *from,
				const uint32 *renumber)
{
	CustomerCursor cursor = {from, 0};
	Piece		piece = {NULL};
	int			partition = 0;
	const char *slot;

	heap_init_scratch(&piece.heap);
	while ((slot = customer_cursor_next_slot(&cursor)) != NULL)
	{
		const int	its = (int) (load_word(slot) >> (64 - spill->shift));

		if (its != partition)
			write_piece(spill, partition, &piece, from->stride);
		partition = its;
		add_to_piece(&piece, from, slot, renumber);
	}
	write_piece(spill, partition, &piece, from->stride);
	if (piece.slots)
		pfree(piece.slots);
	heap_free_scratch(&piece.heap);
}

/* Takes the totals, and what they point at, from one heap to another. */
static void
copy_totals(const CustomerTable *table, void *into, StateHeap *into_heap,
			const void *from, const char *from_base)
{
	memcpy(into, from, table->family->totals_size);
	fields_move(table->family->totals_fields, into, into_heap, from_base);
}

/* Empties the table, but for its totals. */
static void
empty_table(CustomerTable *table)
{
	TableSpill *spill = table->spill;
	StateHeap  *kept = &spill->totals_heap;

	kept->used = 0;
	copy_totals(table, spill->totals, kept, table->totals, table->heap.base);
	table->heap.used = 0;
	table->heap.dead = 0;
	copy_totals(table, table->totals, &table->heap, spill->totals, kept->base);
	customer_table_empty(table);
}

/*
 * Writes the customers of a table to temporary files, and empties it. What it takes
 * to keep track of them is allocated in the context. "least" bytes the table may
 * always have.
 */
void
spill_table(CustomerTable *table, MemoryContext context, Size least)
{
	MemoryContext caller = MemoryContextSwitchTo(context);

	if (table->spill == NULL)
		table->spill = spill_create(table, least);
	write_customers(table->spill, table, NULL);
	empty_table(table);
	MemoryContextSwitchTo(caller);
}

/* Writes the customers of another table where those of this one are. */
void
spill_other(CustomerTable *table, const CustomerTable *from)
{
	MemoryContext caller = MemoryContextSwitchTo(table->spill->context);

	write_customers(table->spill, from, table->renumber);
	MemoryContextSwitchTo(caller);
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */
static void
read_bytes(LogicalTape *tape, void *bytes, Size size)
{
	if (LogicalTapeRead(tape, bytes, size) != size)
		elog(ERROR, "a temporary file of customers ends too early");
}

/* Absorbs all that was written of a partition, from 1 on, into the table. */
static void
absorb_partition(CustomerTable *table, int partition)
{
	LogicalTape *tape = table->spill->tapes[partition - 1];
	char	   *bytes = NULL;
	Size		room = 0;
	PieceHeader header;

	if (tape == NULL)
		return;
	LogicalTapeRewindForRead(tape, BLCKSZ);
	while (LogicalTapeRead(tape, &header, sizeof(header)) == sizeof(header))
	{
		const Size	slots_size = header.nslots * table->stride;
		CustomerSource source = {.nslots = header.nslots};

		if (slots_size + header.heap_size > room)
		{
			if (bytes)
				pfree(bytes);
			room = slots_size + header.heap_size;
			bytes = MemoryContextAllocHuge(CurrentMemoryContext, room);
		}
		read_bytes(tape, bytes, slots_size + header.heap_size);
		source.slots = bytes;
		source.heap_base = bytes + slots_size;
		table->family->absorb(table, &source);
	}
	if (bytes)
		pfree(bytes);
}

/*
 * In builds that look for faults, the heap moves with each partition, so that a pointer
 * that outlives its own finds rubbish; else it may, and seldom does.
 */
static void
move_heap(StateHeap *heap)
{
#if defined(USE_ASSERT_CHECKING) || defined(__SANITIZE_ADDRESS__)
	char	   *old = heap->base;

	if (old == NULL)
		return;
	heap->base = MemoryContextAllocHuge(GetMemoryChunkContext(old), heap->size);
	memset(old, 0x7F, heap->size);
	pfree(old);
#endif
}

/*
 * Makes the table that of a partition, from 1 on. Its totals point nowhere until
 * they are restored.
 */
static void
take_up(CustomerTable *table, int partition)
{
	const TableSpill *spill = table->spill;

	customer_table_empty(table);
	table->heap.used = 0;
	table->heap.dead = 0;
	move_heap(&table->heap);
	/* as they come in the order of keys, there must be room for all at once */
	customer_table_reserve_new(table, Min(spill->nslots[partition - 1],
										  spill->most_reserved));
	absorb_partition(table, partition);
	table->partition = partition;
}

/* The totals of all customers, into the table as it is now. */
static void
restore_totals(CustomerTable *table)
{
	copy_totals(table, table->totals, &table->heap, table->spill->totals,
				table->spill->totals_heap.base);
}

/* Makes the table that of a partition, from 1 on, with the totals of all. */
void
spill_load(CustomerTable *table, int partition)
{
	MemoryContext caller = MemoryContextSwitchTo(table->spill->context);

	take_up(table, partition);
	restore_totals(table);
	MemoryContextSwitchTo(caller);
}

/*
 * Takes up every partition once, to count the customers, and anew what the family
 * derives from payloads: so far that has been counted of parts of customers.
 */
static void
count_partitions(CustomerTable *table)
{
	TableSpill *spill = table->spill;
	const uint64 zeros[MOST_PAYLOAD / sizeof(uint64)] = {0};
	const StateField *fields = table->family->totals_fields;

	fields_copy_derived(fields, table->totals, zeros);
	for (int i = 1; i <= spill->npartitions; i++)
	{
		take_up(table, i);
		table->all_used += table->used;
		table->any_has_ones |= table->has_ones;
	}
	fields_copy_derived(fields, spill->totals, table->totals);
	restore_totals(table);
}

/* Ends writing: from now on the table is read, partition by partition. */
void
spill_finish(CustomerTable *table)
{
	TableSpill *spill = table->spill;
	MemoryContext caller;
	uint64		largest = 0;

	if (spill == NULL || table->npartitions > 0)
		return;
	caller = MemoryContextSwitchTo(spill->context);
	write_customers(spill, table, NULL);
	empty_table(table);
	for (int i = 0; i < spill->npartitions; i++)
	{
		if (spill->tapes[i])
			LogicalTapeFreeze(spill->tapes[i], NULL);
		largest = Max(largest, spill->nslots[i]);
	}
	/* not the slots of all customers, of which each would use a few */
	customer_table_restart(table, Min(largest, spill->most_reserved));
	table->npartitions = spill->npartitions;
	table->shift = spill->shift;
	count_partitions(table);
	MemoryContextSwitchTo(caller);
}

/*
 * Brings all customers of a table that is being read back into memory, for whom has
 * to look at them in an order of his own.
 */
void
spill_gather(CustomerTable *table)
{
	const int	npartitions = table->npartitions;
	MemoryContext caller;

	if (npartitions == 0)
		return;
	caller = MemoryContextSwitchTo(table->spill->context);
	customer_table_empty(table);
	table->heap.used = 0;
	table->heap.dead = 0;
	table->shift = 0;
	table->partition = table->npartitions = 0;
	customer_table_reserve_new(table, table->all_used);
	for (int i = 1; i <= npartitions; i++)
		absorb_partition(table, i);
	restore_totals(table);
	spill_close(table);
	MemoryContextSwitchTo(caller);
}
