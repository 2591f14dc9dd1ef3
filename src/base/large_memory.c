/*
 * large_memory.c
 *		Memory of many megabytes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/large_memory.h"

#include <sys/mman.h>

/*
 * Asks the system to back large memory with large pages, where it knows them. With
 * small ones, of what is visited in no order to find the page costs more than what is
 * on it, and each is fetched by itself when it is first written to. A hint, so what
 * comes of it does not matter.
 */
void
prefer_huge_pages(void *memory, Size size)
{
#ifdef MADV_HUGEPAGE
	const		uintptr_t page = 2 * 1024 * 1024;
	uintptr_t	begin = TYPEALIGN(page, (uintptr_t) memory);
	uintptr_t	end = TYPEALIGN_DOWN(page, (uintptr_t) memory + size);

	if (end > begin)
		(void) madvise((void *) begin, end - begin, MADV_HUGEPAGE);
#endif
}
