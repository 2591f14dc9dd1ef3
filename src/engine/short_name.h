/*
 * short_name.h
 *		A name kept of a customer, such as the arm of an experiment, in eight bytes.
 *
 * Up to seven bytes lie in the word itself, behind their number in its highest byte;
 * of longer names it is the offset of a block in the state's heap, with the highest bit
 * set. No name has more than MOST_NAME_BYTES.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SHORT_NAME_H
#define RETENTION_SHORT_NAME_H

#include "base/compat.h"

#include "engine/state_heap.h"
#include "lib/stringinfo.h"

/* The word that says: no name. */
#define SHORT_NAME_NONE		PG_UINT64_MAX

#define SHORT_NAME_BLOCK	(UINT64CONST(1) << 63)
#define MOST_INLINE_BYTES	7
#define MOST_NAME_BYTES		63

static inline bool
short_name_has_block(uint64 name)
{
	return name != SHORT_NAME_NONE && (name & SHORT_NAME_BLOCK) != 0;
}

static inline uint64
short_name_offset(uint64 name)
{
	return name & ~SHORT_NAME_BLOCK;
}

extern retention_internal uint64 short_name_create(StateHeap *heap,
												   const char *bytes,
												   Size length,
												   const char *argument);
extern retention_internal int short_name_read(uint64 name, const char *base,
											  char *bytes);
extern retention_internal bool short_name_equal(uint64 a, const char *a_base,
												uint64 b, const char *b_base);
extern retention_internal uint64 short_name_copy(StateHeap *heap,
												 const char *from_base,
												 uint64 name);
extern retention_internal void short_name_send(StringInfo out, const char *base,
											   uint64 name);
extern retention_internal uint64 short_name_receive(StringInfo in,
													StateHeap *heap);

#endif							/* RETENTION_SHORT_NAME_H */
