/*
 * check.h
 *		Tests of the mathematics: comparing numbers, and reading tables of them.
 *
 * A test is a number of comparisons, and fails if one of them does, which is told with
 * both numbers.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CHECK_H
#define RETENTION_CHECK_H

#include <stdio.h>

#include "base/compat.h"

/* The tests of one subject each, called by main(). */
extern void test_specfun(void);
extern void test_gauss_legendre(void);
extern void test_comparison(void);
extern void test_hypergeometric(void);
extern void test_optimize(void);
extern void test_quantile(void);
extern void test_survival(void);
extern void test_btyd(void);
extern void test_orders_ahead(void);
extern void test_spend(void);
extern void test_fits(void);
extern void test_season(void);

/* Ends the test under way and begins another; so does opening a table. */
extern void begin_test(const char *format,...)
			__attribute__((format(printf, 1, 2)));

extern void check_true(bool condition, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Equal to a part "relative" of the larger of |theirs| and "at_least". */
extern void check_near(double ours, double theirs, double relative,
					   double at_least, const char *format,...)
			__attribute__((format(printf, 5, 6)));

/* A table: a CSV file, whose first line has the columns' names. */
typedef struct Table
{
	FILE	   *file;
	int			line;
	int			ncolumns;
	char	   *name[40];
	char	   *value[40];		/* of the row under way */
	char		head[1024];
	char		row[4096];
} Table;

/*
 * Opens a table of test/data, or with "shared/" before its name one of the reference
 * that may lie beside the project. Of those that are missing it is said that they
 * are skipped, and the result is false.
 */
extern bool table_open(Table *table, const char *name);
extern bool table_next(Table *table);	/* closes it after the last row */
extern const char *table_text(const Table *table, const char *column);
extern double table_number(const Table *table, const char *column);

/* Numbers that look random, the same each time, from 0 to 1. */
extern double noise(uint64 i, uint64 seed);

#endif							/* RETENTION_CHECK_H */
