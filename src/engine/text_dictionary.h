/*
 * text_dictionary.h
 *		The texts of a state, such as the products of its orders: each once, with a
 *		number for the payloads.
 *
 * The texts lie in a block of the heap, one behind the other, and their numbers say
 * which: 0 is the first. A family with texts (CustomerFamily.has_texts) keeps the offset
 * of the block as the first of its totals, and numbers in payloads (number_list.h).
 *
 * Numbers are given as texts come, and stay what they are while the state is in memory.
 * When it is packed the texts are put in the order of their bytes, and the payloads
 * get their new numbers: so states of equal contents have equal bytes. When states are
 * merged, the numbers of one are translated into those of the other.
 *
 * An expanded state has an index from text to number beside it. Where a text lies in
 * that depends on a number drawn by lot, so nobody can choose texts that collide. A flat
 * state is small, and searched from its first text on.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_TEXT_DICTIONARY_H
#define RETENTION_TEXT_DICTIONARY_H

#include "base/compat.h"

#include "engine/state_heap.h"
#include "lib/stringinfo.h"

struct CustomerTable;

/* The offset that says: no texts. */
#define TEXTS_NONE	HEAP_NO_BLOCK

typedef struct StateText
{
	const char *bytes;
	uint32		size;
} StateText;

/*
 * The texts of a state by number. The bytes lie in its heap, which is another for every
 * part of a spilled state: what outlives a part has its own.
 */
typedef struct TextList
{
	StateText  *text;
	uint32		count;
} TextList;

/* Of an expanded state: which number has a text? */
typedef struct TextIndex TextIndex;

extern retention_internal uint32 text_number(struct CustomerTable *table,
											 MemoryContext context,
											 const char *bytes, uint32 size);
extern retention_internal TextList text_list(const char *base, uint64 offset);
extern retention_internal TextList texts_of(const struct CustomerTable *table);
extern retention_internal TextList texts_kept(const struct CustomerTable *table);
extern retention_internal uint32 *text_ranks(const TextList *texts);
extern retention_internal uint32 *text_dictionary_sort(StateHeap *heap,
													   uint64 offset);
extern retention_internal uint32 *text_dictionary_merge(struct CustomerTable *into,
														MemoryContext context,
														const struct CustomerTable *from);
extern retention_internal void text_dictionary_send(StringInfo out,
													const char *base,
													uint64 offset);
extern retention_internal uint64 text_dictionary_receive(StringInfo in,
														 StateHeap *heap);

#endif							/* RETENTION_TEXT_DICTIONARY_H */
