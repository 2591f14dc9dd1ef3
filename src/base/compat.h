/*
 * compat.h
 *		What every room needs of the server: the differences between PostgreSQL 15 and
 *		18 that this extension meets, interrupts, bits, and memory for arrays.
 *
 * No other file looks at PG_VERSION_NUM. The rooms of math/ include this and their
 * own headers alone, so that test/math can compile them without a server.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_COMPAT_H
#define RETENTION_COMPAT_H

#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#if PG_VERSION_NUM < 150000
#error "retention needs PostgreSQL 15 or later"
#endif

#ifndef HAVE_INT128
#error "retention needs a compiler with 128-bit integers (any 64-bit gcc or clang)"
#endif

/* varlena macros moved out of postgres.h in 16 */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* modules can carry a name and a version from 18 on */
#ifdef PG_MODULE_MAGIC_EXT
#define RETENTION_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "retention", .version = RETENTION_VERSION)
#else
#define RETENTION_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/*
 * From 17 on the planner knows which columns have no NULL, and spares by itself a
 * scan for NULLs in them.
 */
#if PG_VERSION_NUM >= 170000
#define PLANNER_USES_NOT_NULL true
#else
#define PLANNER_USES_NOT_NULL false
#endif

/* From 17 on a tuplestore keeps its rows in a memory context that is made for them. */
#if PG_VERSION_NUM >= 170000
#define TUPLESTORE_HAS_CONTEXT true
#else
#define TUPLESTORE_HAS_CONTEXT false
#endif

/* From 16 on the executor can be told to look after summarizing indexes alone. */
#if PG_VERSION_NUM >= 160000
#define insert_index_tuples(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false)
#else
#define insert_index_tuples(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL)
#endif

/*
 * Symbols shared between our rooms but not with the rest of the server. The
 * server's own build hides them by default only from 16 on.
 */
#define retention_internal __attribute__((visibility("hidden")))

/* the server's own macro changed its name and its place in 18 */
#define retention_noreturn __attribute__((noreturn))

/*
 * Arrays as long as the data, which may take more than the 1 GB of palloc(). In the
 * current memory context, and never NULL: an array of none has room for one.
 */
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

/* An array that is used again, with room for so many; what is in it may be lost. */
static inline void *
array_reserve(void *array, uint32 *room, uint32 n, Size size)
{
	if (array && n <= *room)
		return array;
	if (array)
		pfree(array);
	*room = Max(n, 64);
	return array_alloc(*room, size);
}

#endif							/* RETENTION_COMPAT_H */
