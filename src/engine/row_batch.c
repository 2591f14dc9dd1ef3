/*
 * row_batch.c
 *		Rows of an expanded state that wait to be put into its table.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/row_batch.h"

#include "base/large_memory.h"
#include "engine/state_memory.h"
#include "utils/memutils.h"

/* So many rows wait at most: they take 160 MB. */
#define MOST_WAITING	((uint64) 1 << 22)

/* There is memory for twice as many each time, and from so many on for four times. */
#define MANY_WAITING	((uint64) 1 << 14)

/* What rows that wait take in this process. */
static Size all_counted = 0;

static void
uncount(void *arg)
{
	RowBatch   *batch = arg;

	all_counted -= batch->counted;
	batch->counted = 0;
}

/* In the current memory context, that of the state. */
void
row_batch_init(RowBatch *batch, const CustomerTable *table)
{
	batch->slots = palloc(ROW_BATCH * Max(table->stride, 1));
	batch->row_heap = &batch->heap;
	if (table->family->of_rows == NULL)
		return;
	loose_rows_init(&batch->rows, table->kind);
	batch->row_heap = &batch->rows.heap;
	batch->uncount.func = uncount;
	batch->uncount.arg = batch;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &batch->uncount);
}

/* To new memory for so many: large pages are asked for before it is written to. */
static void
move_rows(LooseRows *rows, uint64 room)
{
	LooseRow   *row = MemoryContextAllocHuge(GetMemoryChunkContext(rows->row),
											 room * sizeof(LooseRow));

	prefer_huge_pages(row, room * sizeof(LooseRow));
	memcpy(row, rows->row, rows->count * sizeof(LooseRow));
	pfree(rows->row);
	rows->row = row;
	rows->room = room;
}

/*
 * Makes room for more rows to wait, now that there is none; false if they take what
 * they may.
 */
bool
row_batch_grow(RowBatch *batch)
{
	LooseRows  *rows = &batch->rows;
	const uint64 room = rows->room < ROW_BATCH ? ROW_BATCH :
		rows->room * (rows->room < MANY_WAITING ? 2 : 4);
	const Size	more = room * sizeof(LooseRow) - batch->counted;

	if (room > ROW_BATCH &&
		(batch->stopped || room > MOST_WAITING ||
		 rows->heap.used > rows->count * sizeof(LooseRow) ||
		 all_counted + more > memory_for_waiting()))
		return false;
	all_counted += more;
	batch->counted += more;
	move_rows(rows, room);
	return true;
}

/* From now on each row goes to the table soon. */
void
row_batch_stop_waiting(RowBatch *batch)
{
	row_batch_give_back(batch);
	batch->stopped = true;
}

/* No more rows are expected for now: many of them shall not be waited for. */
void
row_batch_give_back(RowBatch *batch)
{
	LooseRows  *rows = &batch->rows;

	if (rows->room <= ROW_BATCH)
		return;
	Assert(rows->count == 0);
	uncount(batch);
	rows->room = ROW_BATCH;
	rows->row = repalloc_huge(rows->row, rows->room * sizeof(LooseRow));
}

/* Puts the slots into the table. */
void
row_batch_absorb_slots(RowBatch *batch, CustomerTable *table)
{
	CustomerSource source = {
		.slots = batch->slots,
		.nslots = batch->count,
		.heap_base = batch->heap.base
	};

	customer_table_unpack(table);
	batch->count = 0;
	batch->heap.used = 0;
	batch->heap.dead = 0;
	table->family->absorb(table, &source);
}

/* ------------------------------------------------------------------------
 * Rows that were sorted
 * ------------------------------------------------------------------------
 */

/* Sorts the rows; returns how many customers they are of. */
uint64
row_batch_sort(RowBatch *batch)
{
	LooseRows  *rows = &batch->rows;
	uint64		customers = 0;

	loose_rows_sort(rows);
	for (uint64 begin = 0; begin < rows->count; customers++)
	{
		if ((customers & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		begin = loose_rows_end(rows, begin);
	}
	return customers;
}

/* A customer's rows become a slot, and what that points at goes into the heap. */
static void
make_slot(const LooseRows *rows, const CustomerTable *table, char *slot,
		  StateHeap *heap, uint64 begin, uint64 end)
{
	uint64		payload[MOST_PAYLOAD / sizeof(uint64)];
	CustomerKey key = loose_row_key(&rows->row[begin]);

	if (key_is_long_text(table->kind, key))
		key.word[1] = LONG_TEXT_MARK |
			heap_copy_block(heap, rows->heap.base, key_text_offset(key));
	store_key(table->kind, slot, key);
	table->family->of_rows(table->options, payload, heap, &rows->row[begin],
						   end - begin, rows->heap.base);
	memcpy(slot + table->key_size, payload, table->family->payload_size);
}

/* Merges a customer's rows with the slot it has. */
static void
merge_rows(RowBatch *batch, CustomerTable *table, char *slot, uint64 begin,
		   uint64 end)
{
	const LooseRows *rows = &batch->rows;
	const Size	size = table->family->payload_size;
	uint64		payload[MOST_PAYLOAD / sizeof(uint64)];
	uint64		addend[MOST_PAYLOAD / sizeof(uint64)];

	batch->heap.used = 0;
	table->family->of_rows(table->options, addend, &batch->heap,
						   &rows->row[begin], end - begin, rows->heap.base);
	memcpy(payload, slot + table->key_size, size);
	table->family->merge(table, payload, addend, batch->heap.base);
	memcpy(slot + table->key_size, payload, size);
}

/*
 * Writes the customers of a table and those of the rows, both of which are in the order
 * of keys, to the table's new slots, without gaps. Returns how many they are.
 */
static uint64
merge_into(RowBatch *batch, CustomerTable *table, const CustomerTable *old)
{
	const LooseRows *rows = &batch->rows;
	CustomerCursor cursor = {old, 0};
	const char *known = customer_cursor_next_slot(&cursor);
	char	   *slot = table->slots;
	uint64		written = 0;

	for (uint64 begin = 0; known || begin < rows->count; slot += table->stride)
	{
		const int	order = known == NULL ? 1 : begin == rows->count ? -1 :
			compare_keys(table->kind, load_key(table->kind, known),
						 table->heap.base, loose_row_key(&rows->row[begin]),
						 rows->heap.base);
		const uint64 end = order < 0 ? begin : loose_rows_end(rows, begin);

		if ((written++ & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (order <= 0)
		{
			memcpy(slot, known, table->stride);
			known = customer_cursor_next_slot(&cursor);
			if (order == 0)
				merge_rows(batch, table, slot, begin, end);
		}
		else
			make_slot(rows, table, slot, &table->heap, begin, end);
		begin = end;
	}
	return written;
}

/* Puts the rows, which are sorted and of so many customers, into the table. */
void
row_batch_absorb_rows(RowBatch *batch, CustomerTable *table, uint64 customers)
{
	LooseRows  *rows = &batch->rows;
	const CustomerTable old = *table;
	char	   *last;

	table->storage->new_slots(table, old.used + customers);
	table->used = merge_into(batch, table, &old);
	table->storage->free_slots(table, old.slots);

	/* that of all ones comes last */
	last = slot_at(table, table->used - 1);
	table->has_ones = key_is_ones(table->kind, load_key(table->kind, last));
	customer_table_set_range(table, table->used - table->has_ones, 0);
	if (!table->has_ones)
		customer_table_clear_slots(table->slots, table->stride, table->nslots,
								   table->nslots + 1);
	rows->count = 0;
	rows->heap.used = 0;
	rows->heap.dead = 0;
	batch->heap.used = 0;
	batch->heap.dead = 0;
}

/*
 * The same, of rows that are few, one after another: as they came.
 */
void
row_batch_absorb_few(RowBatch *batch, CustomerTable *table)
{
	LooseRows  *rows = &batch->rows;

	for (uint64 i = 0; i < rows->count;)
	{
		for (; i < rows->count && batch->count < ROW_BATCH; i++)
			make_slot(rows, table, batch->slots + batch->count++ * table->stride,
					  &batch->heap, i, i + 1);
		row_batch_absorb_slots(batch, table);
	}
	rows->count = 0;
	rows->heap.used = 0;
	rows->heap.dead = 0;
}
