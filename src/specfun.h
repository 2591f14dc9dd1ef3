/*
 * specfun.h
 *		The special functions that statistics needs and C does not have.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SPECFUN_H
#define RETENTION_SPECFUN_H

#include "compat.h"

extern retention_internal double normal_quantile(double p);
extern retention_internal double chi_square_tail(double x, int df);

#endif							/* RETENTION_SPECFUN_H */
