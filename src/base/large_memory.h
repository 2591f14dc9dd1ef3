/*
 * large_memory.h
 *		Memory of many megabytes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_LARGE_MEMORY_H
#define RETENTION_LARGE_MEMORY_H

#include "base/compat.h"

extern retention_internal void prefer_huge_pages(void *memory, Size size);
extern retention_internal void *large_array_alloc(uint64 n, Size size);
extern retention_internal void *large_array_alloc0(uint64 n, Size size);

#endif							/* RETENTION_LARGE_MEMORY_H */
