/*
 * arrays.h
 *		Arrays as long as the data, which may take more than the 1 GB of palloc().
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ARRAYS_H
#define RETENTION_ARRAYS_H

#include "base/compat.h"

#include "utils/memutils.h"

/* In the current memory context, and never NULL: an array of none has room for one. */
static inline void *
array_alloc(uint64 n, Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * size);
}

/* The same, of zeroes. */
static inline void *
array_alloc0(uint64 n, Size size)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, Max(n, 1) * size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

#endif							/* RETENTION_ARRAYS_H */
