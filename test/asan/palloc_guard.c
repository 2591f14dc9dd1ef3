/*
 * palloc_guard.c
 *		Makes AddressSanitizer see what palloc hands out.
 *
 * The server cuts small requests from blocks of its own, in which an access
 * beyond one request, or after it was freed, is like any other. Linked into the
 * module with the linker's --wrap, these take the place of the calls that the
 * module makes (not of those that the server makes for it): every request is
 * made so large that the server gives it a block of its own, straight from
 * malloc and back to free, and what was not asked for is poisoned. The poison
 * ends with the block, for the sanitizer's free and realloc know of it.
 *
 * For a server without assertions: with them it writes to the end of a block.
 * An array takes at least 8 kB this way, so memory is not what it is without.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "postgres.h"

#include <sanitizer/asan_interface.h>

#include "utils/memutils.h"

/* more than any context gives out of a shared block: ALLOC_CHUNK_LIMIT */
#define OWN_BLOCK	(8192 + 8)
#define GUARD		64

void	   *__real_palloc(Size size);
void	   *__real_palloc0(Size size);
void	   *__real_palloc_extended(Size size, int flags);
void	   *__real_repalloc(void *pointer, Size size);
void	   *__real_repalloc_huge(void *pointer, Size size);
void	   *__real_MemoryContextAlloc(MemoryContext context, Size size);
void	   *__real_MemoryContextAllocZero(MemoryContext context, Size size);
void	   *__real_MemoryContextAllocExtended(MemoryContext context, Size size, int flags);
void	   *__real_MemoryContextAllocHuge(MemoryContext context, Size size);

void	   *__wrap_palloc(Size size);
void	   *__wrap_palloc0(Size size);
void	   *__wrap_palloc_extended(Size size, int flags);
void	   *__wrap_repalloc(void *pointer, Size size);
void	   *__wrap_repalloc_huge(void *pointer, Size size);
void	   *__wrap_MemoryContextAlloc(MemoryContext context, Size size);
void	   *__wrap_MemoryContextAllocZero(MemoryContext context, Size size);
void	   *__wrap_MemoryContextAllocExtended(MemoryContext context, Size size, int flags);
void	   *__wrap_MemoryContextAllocHuge(MemoryContext context, Size size);

/* Near the server's limit malloc's own guard has to do: its errors stay the same. */
static bool
too_large(Size size)
{
	return size > MaxAllocSize - OWN_BLOCK;
}

static Size
widened(Size size)
{
	return too_large(size) ? size : Max(size + GUARD, OWN_BLOCK + GUARD);
}

static void *
guarded(void *pointer, Size size)
{
	if (pointer != NULL && !too_large(size))
		__asan_poison_memory_region((char *) pointer + size, widened(size) - size);
	return pointer;
}

void *
__wrap_palloc(Size size)
{
	return guarded(__real_palloc(widened(size)), size);
}

void *
__wrap_palloc0(Size size)
{
	return guarded(__real_palloc0(widened(size)), size);
}

void *
__wrap_palloc_extended(Size size, int flags)
{
	return guarded(__real_palloc_extended(widened(size), flags), size);
}

void *
__wrap_repalloc(void *pointer, Size size)
{
	return guarded(__real_repalloc(pointer, widened(size)), size);
}

void *
__wrap_repalloc_huge(void *pointer, Size size)
{
	return guarded(__real_repalloc_huge(pointer, widened(size)), size);
}

void *
__wrap_MemoryContextAlloc(MemoryContext context, Size size)
{
	return guarded(__real_MemoryContextAlloc(context, widened(size)), size);
}

void *
__wrap_MemoryContextAllocZero(MemoryContext context, Size size)
{
	return guarded(__real_MemoryContextAllocZero(context, widened(size)), size);
}

void *
__wrap_MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return guarded(__real_MemoryContextAllocExtended(context, widened(size), flags), size);
}

void *
__wrap_MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return guarded(__real_MemoryContextAllocHuge(context, widened(size)), size);
}
