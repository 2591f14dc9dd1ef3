/*
 * state_bytes.h
 *		The bytes of a retention_state, for the two rooms that handle them:
 *		retention_state.c and state_io.c.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_BYTES_H
#define RETENTION_STATE_BYTES_H

#include "base/compat.h"

#include "engine/retention_state.h"

#define STATE_FORMAT	1

/*
 * The header of a flat value. What follows it is drawn in retention_state.h.
 */
typedef struct StateHeader
{
	int32		vl_len_;
	uint8		format;			/* STATE_FORMAT */
	uint8		family;			/* CustomerFamily.id */
	uint8		kind;			/* KeyKind */
	uint8		has_ones;
	uint32		nslots;
	uint32		range;
	uint32		used;
	uint32		heap_used;
	uint32		heap_size;
	uint32		heap_dead;
} StateHeader;

StaticAssertDecl(sizeof(StateHeader) == 32, "layout of stored states");
StaticAssertDecl(sizeof(OptionValue) == 16, "layout of stored states");
StaticAssertDecl(offsetof(StateOptions, value) == 32, "layout of stored states");

/* The SQL type that a family's states are of. */
static inline const char *
family_type(const CustomerFamily *family)
{
	return family->type ? family->type : "retention_state";
}

static inline const char *
family_key_name(const CustomerFamily *family)
{
	return family->key_name ? family->key_name : "customer";
}

extern retention_internal const CustomerFamily *state_family(uint8 id);
extern retention_internal bool state_kind_is_valid(const CustomerFamily *family,
												   uint8 kind);
extern retention_internal void state_derive_options(const CustomerFamily *family,
													StateOptions *options);
extern retention_internal CustomerTable *state_open(Datum value,
													CustomerTable *view);
extern retention_internal ExpandedState *expanded_create(MemoryContext parent,
														 const CustomerTable *from,
														 uint64 customers);
extern retention_internal retention_noreturn void reject_large_state(const CustomerTable *table,
												  uint64 size);

#endif							/* RETENTION_STATE_BYTES_H */
