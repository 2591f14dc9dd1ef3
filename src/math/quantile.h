/*
 * quantile.h
 *		In which fifth is a customer? Scores that equal customers share.
 *
 * The score of a value among n values, with k bins, is
 *
 *		least(k, 1 + floor(k * (rank - 1) / (n - 1)))	(1 if n = 1)
 *
 * where rank - 1 is the number of smaller values. So it is above b exactly if
 * ceil(b * (n - 1) / k) values are smaller, that is, if the value is above the
 * ceil(b * (n - 1) / k)-th smallest of all. These k - 1 values are the cuts: they
 * give everybody's score, and finding them needs selection, not sorting.
 *
 * Values come as 64-bit words in the values' order (order_keys.h).
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_QUANTILE_H
#define RETENTION_QUANTILE_H

#include "base/compat.h"

#define FEWEST_BINS		2
#define MOST_BINS		100

typedef struct QuantileCuts
{
	int			count;			/* bins - 1, or 0 of fewer than two values */
	uint64		cut[MOST_BINS - 1]; /* ascending */
} QuantileCuts;

extern retention_internal void quantile_select(const uint64 *words, uint64 n,
											   const uint64 *rank, int nranks,
											   uint64 *selected);
extern retention_internal void quantile_cuts(QuantileCuts *cuts,
											 const uint64 *words, uint64 n,
											 int bins);

/* From so many cuts on, halving finds a score faster than comparing with each. */
#define HALVE_FROM		16

/* 1 + the number of cuts below a value */
static inline int
quantile_score_of(const QuantileCuts *cuts, uint64 word)
{
	int			first = 0;
	int			count = cuts->count;
	int			score = 1;

	while (count >= HALVE_FROM)
	{
		int			half = count / 2;

		first += cuts->cut[first + half - 1] < word ? half : 0;
		count -= half;
	}
	for (int i = 0; i < count; i++)
		score += cuts->cut[first + i] < word;
	return first + score;
}

#endif							/* RETENTION_QUANTILE_H */
