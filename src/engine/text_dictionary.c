/*
 * text_dictionary.c
 *		The texts of a state: each once, with a number for the payloads.
 *
 * In the block each text is its size, four bytes, and its bytes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/text_dictionary.h"

#include "base/bytes.h"
#include "common/hashfn.h"
#include "engine/customer_table.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port.h"
#include "utils/memutils.h"

#define TEXT_HEADER	sizeof(uint32)

struct TextIndex
{
	MemoryContext context;
	uint64		lot;
	uint32		count;			/* texts */
	uint32		room;			/* for them */
	uint32	   *offset;			/* of a text in the block, by number */
	uint32	   *hash;			/* by number */
	uint32		nslots;			/* a power of two, at least twice the texts */
	uint32	   *slot;			/* number + 1; 0: none */
};

static uint64
texts_offset(const CustomerTable *table)
{
	uint64		offset;

	memcpy(&offset, table->totals, sizeof(offset));
	return offset;
}

static StateText
text_at(const char *at)
{
	StateText	found;

	memcpy(&found.size, at, TEXT_HEADER);
	found.bytes = at + TEXT_HEADER;
	return found;
}

static bool
is_text(const StateText *text, const char *bytes, uint32 size)
{
	return text->size == size && memcmp(text->bytes, bytes, size) == 0;
}

/* The texts of a block */
TextList
text_list(const char *base, uint64 offset)
{
	TextList	list = {NULL, 0};
	const char *begin;
	const char *end;

	if (offset == TEXTS_NONE)
		return list;
	begin = heap_block_data(base, offset);
	end = begin + heap_block_size(base, offset);
	for (const char *at = begin; at < end; list.count++)
		at += TEXT_HEADER + text_at(at).size;
	list.text = array_alloc(list.count, sizeof(StateText));
	list.count = 0;
	for (const char *at = begin; at < end;)
	{
		const StateText next = text_at(at);

		list.text[list.count++] = next;
		at = next.bytes + next.size;
	}
	return list;
}

TextList
texts_of(const CustomerTable *table)
{
	return text_list(table->heap.base, texts_offset(table));
}

/* The same in memory of their own, for whom goes on to read the customers. */
TextList
texts_kept(const CustomerTable *table)
{
	const uint64 offset = texts_offset(table);
	char	   *copy;
	Size		size;

	if (offset == TEXTS_NONE)
		return text_list(NULL, offset);
	size = heap_copied_size(table->heap.base, offset);
	copy = array_alloc(size, 1);
	memcpy(copy, table->heap.base + offset, size);
	return text_list(copy, 0);
}

/* Puts a text behind the others; its bytes must not lie in the table's heap. */
static void
append_text(CustomerTable *table, const char *bytes, uint32 size)
{
	const uint32 entry_size = TEXT_HEADER + size;
	uint64		offset = texts_offset(table);
	char		small[256];
	char	   *entry = small;

	if (entry_size > sizeof(small))
		entry = palloc(entry_size);
	memcpy(entry, &size, TEXT_HEADER);
	memcpy(entry + TEXT_HEADER, bytes, size);
	if (!heap_append(&table->heap, &offset, entry, entry_size, entry_size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the texts of a state of %s take more than %zu MB",
						table->family->name, MOST_BLOCK_SIZE >> 20),
				 errhint("Use a short code of a product in place of its description.")));
	/* only now: a flat table moves when its heap grows */
	memcpy(table->totals, &offset, sizeof(offset));
	if (entry != small)
		pfree(entry);
}

/* ------------------------------------------------------------------------
 * The index
 * ------------------------------------------------------------------------
 */
static uint32
text_hash(const TextIndex *index, const char *bytes, uint32 size)
{
	return (uint32) hash_bytes_extended((const unsigned char *) bytes,
										(int) size, index->lot);
}

static void
put_in_slot(TextIndex *index, uint32 number)
{
	uint32		at = index->hash[number] & (index->nslots - 1);

	while (index->slot[at] != 0)
		at = (at + 1) & (index->nslots - 1);
	index->slot[at] = number + 1;
}

/* Makes room for twice as many texts. */
static void
grow_index(TextIndex *index)
{
	MemoryContext caller = MemoryContextSwitchTo(index->context);

	index->room *= 2;
	index->offset = repalloc_huge(index->offset, index->room * sizeof(uint32));
	index->hash = repalloc_huge(index->hash, index->room * sizeof(uint32));
	pfree(index->slot);
	index->nslots = 2 * index->room;
	index->slot = array_alloc0(index->nslots, sizeof(uint32));
	for (uint32 number = 0; number < index->count; number++)
		put_in_slot(index, number);
	MemoryContextSwitchTo(caller);
}

static void
index_text(TextIndex *index, uint32 offset, uint32 hash)
{
	if (index->count == index->room)
		grow_index(index);
	index->offset[index->count] = offset;
	index->hash[index->count] = hash;
	put_in_slot(index, index->count++);
}

#define FIRST_ROOM	64

/* Of all texts the state has so far */
static TextIndex *
create_index(const CustomerTable *table, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	TextIndex  *index = palloc0(sizeof(TextIndex));
	const TextList texts = texts_of(table);

	index->context = context;
	if (!pg_strong_random(&index->lot, sizeof(index->lot)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not draw a random number")));
	index->room = FIRST_ROOM;
	index->offset = array_alloc(index->room, sizeof(uint32));
	index->hash = array_alloc(index->room, sizeof(uint32));
	index->nslots = 2 * index->room;
	index->slot = array_alloc0(index->nslots, sizeof(uint32));
	for (uint32 i = 0; i < texts.count; i++)
	{
		const StateText *text = &texts.text[i];

		index_text(index, text->bytes - texts.text[0].bytes,
				   text_hash(index, text->bytes, text->size));
	}
	if (texts.text)
		pfree(texts.text);
	MemoryContextSwitchTo(caller);
	return index;
}

/* Which number has the text? Adds it if none has. */
static uint32
indexed_number(CustomerTable *table, TextIndex *index, const char *bytes,
			   uint32 size)
{
	const uint32 hash = text_hash(index, bytes, size);
	const uint64 block = texts_offset(table);

	for (uint32 at = hash & (index->nslots - 1); index->slot[at] != 0;
		 at = (at + 1) & (index->nslots - 1))
	{
		const uint32 number = index->slot[at] - 1;
		StateText text;

		if (index->hash[number] != hash)
			continue;
		text = text_at(heap_block_data(table->heap.base, block) +
					   index->offset[number]);

		if (is_text(&text, bytes, size))
			return number;
	}
	index_text(index, heap_list_size(table->heap.base, block), hash);
	append_text(table, bytes, size);
	return index->count - 1;
}

/*
 * The number of a text in a state, which may be new to it. "context" is that of an
 * expanded state; NULL: it is flat.
 */
uint32
text_number(CustomerTable *table, MemoryContext context, const char *bytes,
			uint32 size)
{
	const uint64 block = texts_offset(table);
	const char *at;
	const char *end;
	uint32		number = 0;

	if (context)
	{
		if (unlikely(table->texts == NULL))
			table->texts = create_index(table, context);
		return indexed_number(table, table->texts, bytes, size);
	}
	if (block != TEXTS_NONE)
	{
		at = heap_block_data(table->heap.base, block);
		end = at + heap_block_size(table->heap.base, block);
		for (; at < end; number++)
		{
			const StateText known = text_at(at);

			if (is_text(&known, bytes, size))
				return number;
			at = known.bytes + known.size;
		}
	}
	append_text(table, bytes, size);
	return number;
}

/*
 * Adds the texts of another state. Returns what its numbers are in this one, or NULL if
 * they are the same.
 */
uint32 *
text_dictionary_merge(CustomerTable *into, MemoryContext context,
					  const CustomerTable *from)
{
	const TextList texts = texts_of(from);
	uint32	   *renumber = array_alloc(texts.count, sizeof(uint32));
	bool		same = true;

	for (uint32 i = 0; i < texts.count; i++)
	{
		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		renumber[i] = text_number(into, context, texts.text[i].bytes,
								  texts.text[i].size);
		same = same && renumber[i] == i;
	}
	if (texts.text)
		pfree(texts.text);
	if (!same)
		return renumber;
	pfree(renumber);
	return NULL;
}

/* ------------------------------------------------------------------------
 * In the order of bytes
 * ------------------------------------------------------------------------
 */
static int
compare_texts(const void *a, const void *b)
{
	const StateText *x = *(StateText *const *) a;
	const StateText *y = *(StateText *const *) b;

	CHECK_FOR_INTERRUPTS();
	return compare_bytes(x->bytes, x->size, y->bytes, y->size);
}

/* The place of each text, by number, among all in the order of their bytes. */
uint32 *
text_ranks(const TextList *texts)
{
	StateText **sorted = array_alloc(texts->count, sizeof(StateText *));
	uint32	   *rank = array_alloc(texts->count, sizeof(uint32));

	for (uint32 i = 0; i < texts->count; i++)
		sorted[i] = &texts->text[i];
	if (texts->count > 1)
		qsort(sorted, texts->count, sizeof(StateText *), compare_texts);
	for (uint32 i = 0; i < texts->count; i++)
		rank[sorted[i] - texts->text] = i;
	pfree(sorted);
	return rank;
}

/*
 * Puts the texts of a block into the order of their bytes. Returns what the numbers
 * become; NULL if there are no texts.
 */
uint32 *
text_dictionary_sort(StateHeap *heap, uint64 offset)
{
	TextList	texts;
	StateText  *by_rank;
	uint32	   *rank;
	char	   *copy;
	char	   *at;
	uint32		size;

	if (offset == TEXTS_NONE)
		return NULL;
	size = heap_block_size(heap->base, offset);
	texts = text_list(heap->base, offset);
	rank = text_ranks(&texts);
	by_rank = array_alloc(texts.count, sizeof(StateText));
	for (uint32 i = 0; i < texts.count; i++)
		by_rank[rank[i]] = texts.text[i];
	copy = array_alloc(size, 1);
	at = copy;
	for (uint32 i = 0; i < texts.count; i++)
	{
		memcpy(at, by_rank[i].bytes - TEXT_HEADER, TEXT_HEADER + by_rank[i].size);
		at += TEXT_HEADER + by_rank[i].size;
	}
	memcpy(heap->base + offset + HEAP_BLOCK_HEADER, copy, size);
	pfree(copy);
	pfree(by_rank);
	pfree(texts.text);
	return rank;
}

/* ------------------------------------------------------------------------
 * Out of the server and in
 * ------------------------------------------------------------------------
 */

/* As they lie there, which is sorted: only packed states are sent. */
void
text_dictionary_send(StringInfo out, const char *base, uint64 offset)
{
	const TextList texts = text_list(base, offset);

	pq_sendint32(out, texts.count);
	for (uint32 i = 0; i < texts.count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint32(out, texts.text[i].size);
		pq_sendbytes(out, texts.text[i].bytes, texts.text[i].size);
	}
	if (texts.text)
		pfree(texts.text);
}

static void
reject_texts(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid retention state: bad texts")));
}

/* Raises an error for bytes that text_dictionary_send cannot have written. */
uint64
text_dictionary_receive(StringInfo in, StateHeap *heap)
{
	const uint32 count = pq_getmsgint(in, sizeof(uint32));
	StringInfoData block;
	StateText	before = {NULL, 0};
	uint64		offset;

	if (count == 0)
		return TEXTS_NONE;
	initStringInfo(&block);
	for (uint32 i = 0; i < count; i++)
	{
		const uint32 size = pq_getmsgint(in, sizeof(uint32));
		const StateText text = {pq_getmsgbytes(in, (int) size), size};
		const StateText *pair[2] = {&before, &text};

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		pg_verifymbstr(text.bytes, (int) size, false);
		if (i > 0 && compare_texts(&pair[0], &pair[1]) >= 0)
			reject_texts();
		appendBinaryStringInfo(&block, (const char *) &size, TEXT_HEADER);
		appendBinaryStringInfo(&block, text.bytes, (int) size);
		before = text;
	}
	if (block.len > MOST_BLOCK_SIZE)
		reject_texts();
	offset = heap_add_block(heap, block.data, block.len, block.len);
	pfree(block.data);
	return offset;
}
