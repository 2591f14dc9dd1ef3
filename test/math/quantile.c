/*
 * quantile.c
 *		Scores against the rule that they are defined by, with all values sorted.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/insertion_sort.h"
#include "math/quantile.h"

#define MOST_WORDS	3000

INSERTION_SORT(sort_words, uint64)
INSERTION_SORT(sort_signed, int64)

/* least(bins, 1 + floor(bins * smaller / (n - 1))) */
static int
score_of(const uint64 *words, int n, uint64 word, int bins)
{
	int			smaller = 0;

	for (int i = 0; i < n; i++)
		smaller += words[i] < word;
	return n == 1 ? 1 : Min(bins, 1 + bins * smaller / (n - 1));
}

static uint64
word_of(int kind, int i)
{
	const double random = noise(i, kind);

	switch (kind)
	{
		case 0:					/* all over 64 bits */
			return (uint64) (random * 9007199254740992.0) << 11 | (uint64) i;
		case 1:					/* few values */
			return (uint64) (random * 7);
		case 2:					/* skewed, with far ones */
			return (uint64) exp(random * 43);
		case 3:
			return UINT64_MAX - (uint64) (random * 1000);
		case 4:					/* all alike */
			return 42;
		default:				/* the ends */
			return random < 0.5 ? 0 : UINT64_MAX;
	}
}

static void
check_scores(int kind, int n, int bins)
{
	static uint64 words[MOST_WORDS];
	QuantileCuts cuts;
	int			wrong = 0;

	for (int i = 0; i < n; i++)
		words[i] = word_of(kind, i);
	quantile_cuts(&cuts, words, n, bins);
	/* n (n - 1) comparisons: some of the values do */
	for (int i = 0; i < n; i += 1 + n / 100)
		wrong += quantile_score_of(&cuts, words[i]) != score_of(words, n, words[i], bins);
	check_true(wrong == 0, "kind %d, %d words, %d bins: %d wrong", kind, n, bins, wrong);
}

void
test_quantile(void)
{
	static const int sizes[] = {1, 2, 3, 5, 63, 64, 65, 100, 1001, MOST_WORDS};
	static const int bins[] = {2, 3, 5, 9, 16, 17, 18, 100};
	uint64		words[200];
	int64		numbers[] = {3, -1, INT64_MIN, 0, INT64_MAX, -1};

	for (int kind = 0; kind <= 5; kind++)
	{
		begin_test("scores of values of kind %d", kind);
		for (int i = 0; i < (int) lengthof(sizes); i++)
			for (int j = 0; j < (int) lengthof(bins); j++)
				check_scores(kind, sizes[i], bins[j]);
	}

	begin_test("selection by rank");
	for (int i = 0; i < (int) lengthof(words); i++)
		words[i] = word_of(0, i);
	for (uint64 i = 0; i < lengthof(words); i++)
	{
		uint64		selected;

		quantile_select(words, lengthof(words), &i, 1, &selected);
		if (i == 0)
		{
			uint64		least = UINT64_MAX;

			for (int j = 0; j < (int) lengthof(words); j++)
				least = Min(least, words[j]);
			check_true(selected == least, "the least is of rank 0");
		}
		else
		{
			int			smaller = 0;

			for (int j = 0; j < (int) lengthof(words); j++)
				smaller += words[j] < selected;
			check_true(smaller == (int) i, "rank %d", (int) i);
		}
	}
	begin_test("insertion sort");
	sort_words(words, lengthof(words));
	for (int i = 1; i < (int) lengthof(words); i++)
		check_true(words[i - 1] < words[i], "sorted at %d", i);
	sort_signed(numbers, lengthof(numbers));
	check_true(numbers[0] == INT64_MIN && numbers[1] == -1 && numbers[2] == -1 &&
			   numbers[3] == 0 && numbers[4] == 3 && numbers[5] == INT64_MAX,
			   "numbers below zero first");
}
