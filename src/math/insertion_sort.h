/*
 * insertion_sort.h
 *		Sorting a few numbers: faster than qsort for some dozens, and for what comes
 *		in order already.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_INSERTION_SORT_H
#define RETENTION_INSERTION_SORT_H

#include "base/compat.h"

/* Defines name(numbers, n), which sorts n numbers of a type, the least first. */
#define INSERTION_SORT(name, type) \
static inline void \
name(type *numbers, uint32 n) \
{ \
	for (uint32 i = 1; i < n; i++) \
	{ \
		const type	number = numbers[i]; \
		uint32		j; \
 \
		for (j = i; j > 0 && numbers[j - 1] > number; j--) \
			numbers[j] = numbers[j - 1]; \
		numbers[j] = number; \
	} \
}

#endif							/* RETENTION_INSERTION_SORT_H */
