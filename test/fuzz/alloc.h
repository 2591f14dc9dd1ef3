/*
 * alloc.h
 *		For test/fuzz: what the extension allocates, it allocates by malloc, so that
 *		AddressSanitizer sees the end of each piece. The server's own memory contexts
 *		cut theirs from large blocks, in which it sees no bounds.
 *
 * Included before anything else in every file of src/. What lies in TopMemoryContext
 * stays the server's; all else is given back when an input has been dealt with.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_FUZZ_ALLOC_H
#define RETENTION_FUZZ_ALLOC_H

#include "postgres.h"

extern void *fuzz_alloc(MemoryContext context, Size size, int flags);
extern void *fuzz_realloc(void *pointer, Size size, bool huge);
extern void fuzz_free(void *pointer);
extern void fuzz_free_all(void);

#ifndef FUZZ_OWN_NAMES
#define palloc(size)		fuzz_alloc(CurrentMemoryContext, size, 0)
#define palloc0(size)		fuzz_alloc(CurrentMemoryContext, size, MCXT_ALLOC_ZERO)
#define palloc_extended(size, flags) \
							fuzz_alloc(CurrentMemoryContext, size, flags)
#define repalloc(pointer, size) \
							fuzz_realloc(pointer, size, false)
#define repalloc_huge(pointer, size) \
							fuzz_realloc(pointer, size, true)
#define pfree(pointer)		fuzz_free(pointer)
#define MemoryContextAlloc(context, size) \
							fuzz_alloc(context, size, 0)
#define MemoryContextAllocZero(context, size) \
							fuzz_alloc(context, size, MCXT_ALLOC_ZERO)
#define MemoryContextAllocHuge(context, size) \
							fuzz_alloc(context, size, MCXT_ALLOC_HUGE)
#define MemoryContextAllocExtended(context, size, flags) \
							fuzz_alloc(context, size, flags)
#endif

#endif							/* RETENTION_FUZZ_ALLOC_H */
