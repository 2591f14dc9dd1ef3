/*
 * large_memory.c
 *		Memory of many megabytes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/large_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include "miscadmin.h"

/* Below it nothing is worth asking for. */
#define LEAST_LARGE		((Size) 4 * 1024 * 1024)

/*
 * Asks the system to back large memory with large pages, where it knows them. With
 * small ones, of what is visited in no order to find the page costs more than what is
 * on it, and each is fetched by itself when it is first written to. A hint, so what
 * comes of it does not matter.
 *
 * The whole pages that the memory touches: to the C library's realloc() what it once
 * mapped has to be alike from one end to the other, or it is copied when it grows.
 */
void
prefer_huge_pages(void *memory, Size size)
{
#ifdef MADV_HUGEPAGE
	const		uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
	const		uintptr_t begin = TYPEALIGN_DOWN(page, (uintptr_t) memory);
	const		uintptr_t end = TYPEALIGN(page, (uintptr_t) memory + size);

	if (size >= LEAST_LARGE)
		(void) madvise((void *) begin, end - begin, MADV_HUGEPAGE);
#endif
}

/* An array as array_alloc() makes it, of large pages if it is large. */
void *
large_array_alloc(uint64 n, Size size)
{
	void	   *array = array_alloc(n, size);

	prefer_huge_pages(array, n * size);
	return array;
}

/* So much is cleared at once; where memory is slow to be had, a tenth of a second. */
#define CLEARED_AT_ONCE	((Size) 4 * 1024 * 1024)

/* The same, of zeros. It can be cancelled meanwhile. */
void *
large_array_alloc0(uint64 n, Size size)
{
	char	   *array = large_array_alloc(n, size);
	const Size	end = n * size;

	for (Size begin = 0; begin < end; begin += CLEARED_AT_ONCE)
	{
		CHECK_FOR_INTERRUPTS();
		memset(array + begin, 0, Min(end - begin, CLEARED_AT_ONCE));
	}
	return array;
}
