/*
 * quantile.c
 *		The cuts of quantile.h, by selection.
 *
 * A histogram of the words between the least and the greatest tells in which
 * bucket each wanted rank lies; the words of these buckets are gathered and
 * looked at in the same way, until a bucket is a single value. Every step
 * narrows the range of a word by BUCKET_BITS bits, so there are at most six
 * whatever the values are, and the time is linear in their number.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/quantile.h"

#include "math/insertion_sort.h"

#define BUCKET_BITS		11
#define BUCKETS			(1 << BUCKET_BITS)
#define INTERRUPT_MASK	0xFFFF

/* So few are faster sorted than counted in buckets. */
#define FEW				64

INSERTION_SORT(sort_few, uint64)

static void
find_range(const uint64 *words, uint64 n, uint64 *least, uint64 *greatest)
{
	*least = *greatest = words[0];
	for (uint64 i = 1; i < n; i++)
	{
		if ((i & INTERRUPT_MASK) == 0)
			CHECK_FOR_INTERRUPTS();
		*least = Min(*least, words[i]);
		*greatest = Max(*greatest, words[i]);
	}
}

/*
 * A bucket with wanted ranks in it: rank[0 .. ranks-1] of the list, the first
 * word of the bucket having rank "below".
 */
typedef struct WantedBucket
{
	int			ranks;
	uint64		below;
	uint64		size;
	uint64	   *words;			/* gathered */
} WantedBucket;

/*
 * Finds the words of given ranks (0 is the least word's; ascending), at most
 * MOST_BINS - 1 of them.
 */
void
quantile_select(const uint64 *words, uint64 n, const uint64 *rank, int nranks,
				uint64 *selected)
{
	uint64		least;
	uint64		greatest;
	int			shift;
	uint64		size[BUCKETS] = {0};
	uint8		wanted_of[BUCKETS] = {0};	/* 1 + index in wanted */
	WantedBucket wanted[MOST_BINS - 1];
	int			nwanted = 0;
	uint64		gathered = 0;
	uint64	   *gather;
	uint64		below = 0;
	int			r = 0;

	if (n <= FEW)
	{
		uint64		sorted[FEW];

		memcpy(sorted, words, n * sizeof(uint64));
		sort_few(sorted, n);
		for (int i = 0; i < nranks; i++)
			selected[i] = sorted[rank[i]];
		return;
	}

	find_range(words, n, &least, &greatest);
	shift = least == greatest ? 0 :
		Max(pg_leftmost_one_pos64(greatest - least) + 1 - BUCKET_BITS, 0);
	for (uint64 i = 0; i < n; i++)
	{
		if ((i & INTERRUPT_MASK) == 0)
			CHECK_FOR_INTERRUPTS();
		size[(words[i] - least) >> shift]++;
	}
	for (int bucket = 0; r < nranks; below += size[bucket++])
	{
		WantedBucket *want = &wanted[nwanted];

		if (rank[r] >= below + size[bucket])
			continue;
		*want = (WantedBucket) {.below = below, .size = size[bucket]};
		for (; r < nranks && rank[r] < below + size[bucket]; r++)
		{
			/* where a bucket is one value, this is it */
			selected[r] = least + bucket;
			want->ranks++;
		}
		wanted_of[bucket] = ++nwanted;
		gathered += want->size;
	}
	if (shift == 0)
		return;

	gather = array_alloc(gathered, sizeof(uint64));
	for (int i = 0; i < nwanted; i++)
	{
		wanted[i].words = gather;
		gather += wanted[i].size;
		wanted[i].size = 0;
	}
	gather -= gathered;
	for (uint64 i = 0; i < n; i++)
	{
		int			index = wanted_of[(words[i] - least) >> shift];

		if ((i & INTERRUPT_MASK) == 0)
			CHECK_FOR_INTERRUPTS();
		if (index > 0)
			wanted[index - 1].words[wanted[index - 1].size++] = words[i];
	}
	r = 0;
	for (int i = 0; i < nwanted; i++)
	{
		uint64		rank_within[MOST_BINS - 1];

		for (int j = 0; j < wanted[i].ranks; j++)
			rank_within[j] = rank[r + j] - wanted[i].below;
		quantile_select(wanted[i].words, wanted[i].size, rank_within,
						wanted[i].ranks, selected + r);
		r += wanted[i].ranks;
	}
	pfree(gather);
}

/*
 * The cuts between the bins of these values.
 */
void
quantile_cuts(QuantileCuts *cuts, const uint64 *words, uint64 n, int bins)
{
	uint64		rank[MOST_BINS - 1];

	Assert(bins >= 2);
	cuts->count = 0;
	if (n < 2)
		return;
	for (int b = 1; b < bins; b++)
		rank[b - 1] = (b * (n - 1) + bins - 1) / bins - 1;
	quantile_select(words, n, rank, bins - 1, cuts->cut);
	cuts->count = bins - 1;
}
