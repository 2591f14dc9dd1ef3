/*
 * compat.h
 *		What src/math needs of the server, without a server: stands in for
 *		base/compat.h.
 *
 * Memory is freed by shim_reset(), as a memory context would be, and interrupts
 * are counted.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_COMPAT_H
#define RETENTION_COMPAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int32_t int32;
typedef int64_t int64;
typedef uint8_t uint8;
typedef uint32_t uint32;
typedef uint64_t uint64;
typedef size_t Size;

#define Max(x, y)		((x) > (y) ? (x) : (y))
#define Min(x, y)		((x) < (y) ? (x) : (y))
#define lengthof(array)	(sizeof(array) / sizeof((array)[0]))
#define Assert(condition)	assert(condition)
#define unconstify(type, value)	((type) (value))

#define retention_internal

#define CHECK_FOR_INTERRUPTS()	((void) shim_interrupts++)
#define qsort_arg	qsort_r

#define palloc(size)	shim_alloc(size, false)
#define palloc0(size)	shim_alloc(size, true)
#define pfree(pointer)	shim_free(pointer)
#define array_alloc(n, size)	shim_alloc(Max(n, 1) * (size), false)
#define array_alloc0(n, size)	shim_alloc(Max(n, 1) * (size), true)

extern uint64 shim_interrupts;

extern void *shim_alloc(Size size, bool zero);
extern void shim_free(void *pointer);
extern void shim_reset(void);

static inline int
pg_leftmost_one_pos64(uint64 word)
{
	return 63 - __builtin_clzll(word);
}

#endif							/* RETENTION_COMPAT_H */
