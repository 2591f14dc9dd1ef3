/*
 * recency_score.h
 *		The score of recency, which is counted from above.
 *
 * Orders, days above all, come in crowds: on the last day of a sale, or at the launch
 * of a shop, most customers have the same last order. Counted from below as in
 * quantile.h, all of them would share the worst score of the crowd; here they share
 * the best. With k bins, of n customers m of whom ordered later,
 *
 *		R = greatest(1, k - floor(k * m / (n - 1)))		(k if n = 1)
 *
 * That is k + 1 less the score of quantile.h of words in the opposite order.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RECENCY_SCORE_H
#define RETENTION_RECENCY_SCORE_H

#include "base/compat.h"

/* From the score, 1 to bins, of words that are less the later the last order was. */
static inline int
recency_score(int reversed, int bins)
{
	return bins + 1 - reversed;
}

#endif							/* RETENTION_RECENCY_SCORE_H */
