/*
 * state_fields.h
 *		What the engine does to a family's structs without knowing them.
 *
 * A family spells its totals and its payload as a string, a letter a field
 * (the letters are in customer_table.h). From that the engine sends, receives
 * and relocates them.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_FIELDS_H
#define RETENTION_STATE_FIELDS_H

#include "base/compat.h"

#include "lib/stringinfo.h"
#include "engine/state_heap.h"

extern retention_internal uint64 fields_heap_size(const char *fields,
												  const char *data,
												  const char *base);
extern retention_internal void fields_copy_derived(const char *fields,
													char *into,
													const char *from);
extern retention_internal void fields_move(const char *fields, char *data,
										   StateHeap *into, const char *base);
extern retention_internal void fields_send(StringInfo out, const char *fields,
										   const char *data, const char *base);
extern retention_internal void fields_receive(StringInfo in, const char *fields,
											  char *data, StateHeap *heap);

#endif							/* RETENTION_STATE_FIELDS_H */
