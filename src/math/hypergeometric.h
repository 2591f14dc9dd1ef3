/*
 * hypergeometric.h
 *		How probably have two sets so many members in common by chance?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_HYPERGEOMETRIC_H
#define RETENTION_HYPERGEOMETRIC_H

#include "base/compat.h"

extern retention_internal double hypergeometric_tail(double both, double a,
													 double b, double n);

#endif							/* RETENTION_HYPERGEOMETRIC_H */
