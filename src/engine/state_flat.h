/*
 * state_flat.h
 *		The flat form of a state: a plain varlena, and so the bytes of a stored one.
 *
 *		StateHeader | StateOptions, if the family has any | totals |
 *		slots[nslots + 1] | heap
 *
 * A transition function changes it in place, as a FlatState, and returns a larger
 * copy when it must grow. It needs no memory context: a GROUP BY with one context
 * per group would take quadratic time in the server's own accounting.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_FLAT_H
#define RETENTION_STATE_FLAT_H

#include "base/compat.h"

#include "engine/customer_table.h"

/* 1 is that of 0.1 and 0.2, whose windows were closed at their ends */
#define STATE_FORMAT	2

/*
 * The header of a flat value.
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

/* A flat value being changed */
typedef struct FlatState
{
	CustomerTable table;
	void	   *image;			/* may be replaced as the table grows */
} FlatState;

extern retention_internal void state_check_format(int format);

extern retention_internal void flat_view(CustomerTable *table, void *image);
extern retention_internal void flat_create(FlatState *flat,
										   const CustomerFamily *family,
										   KeyKind kind);
extern retention_internal void flat_open(FlatState *flat, void *image);
extern retention_internal void *flat_close(FlatState *flat);

extern retention_internal uint64 flat_packed_size(const CustomerTable *table);
extern retention_internal void flat_pack(const CustomerTable *table,
										 void *image, Size size);

#endif							/* RETENTION_STATE_FLAT_H */
