/*
 * bytes.h
 *		The order of bytes: that of the first that differs, and of two of which one
 *		begins the other, the shorter first.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_BYTES_H
#define RETENTION_BYTES_H

#include "base/compat.h"

/* Below, at, or above 0 */
static inline int
compare_bytes(const void *a, Size a_size, const void *b, Size b_size)
{
	const int	order = memcmp(a, b, Min(a_size, b_size));

	return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

#endif							/* RETENTION_BYTES_H */
