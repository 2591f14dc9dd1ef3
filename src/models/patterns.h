/*
 * patterns.h
 *		Customers of whom a model is told the same, counted: the states of the fits.
 *
 * A model knows of a customer no more than a few numbers, and most customers share
 * theirs with others. So the states of the fits are tables of the engine whose keys
 * are such numbers, and their size goes with the number of different ones.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_PATTERNS_H
#define RETENTION_PATTERNS_H

#include "base/compat.h"

#include "math/btyd.h"
#include "math/gamma_gamma.h"
#include "engine/transition.h"

/* Longer times are of no shop, in whatever unit, and nothing the models can do. */
#define MOST_TIME	1e50

/* What is known of a pattern. Never zero. */
typedef struct PatternCount
{
	int64		customers;
} PatternCount;

/* The whole of a gamma_gamma state. */
typedef struct SpendTotals
{
	int64		left_out;		/* customers with x > 0, but a mean that is
								 * not */
} SpendTotals;

/* A mean value beyond is none; one below is not told from zero. */
#define MOST_VALUE	1e100

/* Can the spend model be told of such a mean? */
static inline bool
valid_spend(double mean)
{
	return mean >= 1 / MOST_VALUE && mean <= MOST_VALUE;
}

extern retention_internal void check_x(int64 x);
extern retention_internal void check_history(int64 x, double t_x, double age);
extern retention_internal void check_spend(double mean);
extern retention_internal CustomerKey btyd_key(int64 x, double t_x, double age);
extern retention_internal CustomerKey spend_key(int64 x, double mean);
extern retention_internal BtydData btyd_data(const CustomerTable *table);
extern retention_internal SpendData spend_data(const CustomerTable *table);

#endif							/* RETENTION_PATTERNS_H */
