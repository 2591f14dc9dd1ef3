/*
 * state_memory.h
 *		How much memory a state may take before it goes to temporary files.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_MEMORY_H
#define RETENTION_STATE_MEMORY_H

#include "base/compat.h"

#include "engine/customer_table.h"

extern retention_internal Size memory_never_spilled(void);
extern retention_internal Size memory_for_waiting(void);
extern retention_internal bool memory_exceeded_by_rows(const CustomerTable *table,
													   MemoryContext own,
													   uint64 customers,
													   uint64 heap);
extern retention_internal bool memory_exceeded_by_merging(const CustomerTable *table,
														  MemoryContext own,
														  const CustomerTable *from);

#endif							/* RETENTION_STATE_MEMORY_H */
