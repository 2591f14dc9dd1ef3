/*
 * hypergeometric.c
 *		What two sets have in common by chance, against exact fractions.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <math.h>

#include "check.h"
#include "math/hypergeometric.h"

void
test_hypergeometric(void)
{
	Table		table;
	double		before = 1;

	if (table_open(&table, "math/hypergeometric.csv"))
		while (table_next(&table))
		{
			const double both = table_number(&table, "both");
			const double a = table_number(&table, "a");
			const double b = table_number(&table, "b");
			const double n = table_number(&table, "n");

			check_near(hypergeometric_tail(both, a, b, n),
					   table_number(&table, "tail"), 1e-11, 0,
					   "%g or more of %g and %g of %g", both, a, b, n);
			/* whichever of the two is looked for in the other */
			check_near(hypergeometric_tail(both, b, a, n),
					   table_number(&table, "tail"), 1e-11, 0,
					   "%g or more of %g and %g of %g", both, b, a, n);
		}

	begin_test("tails fall");
	for (int both = 0; both <= 501; both++)
	{
		const double tail = hypergeometric_tail(both, 500, 700, 3000);

		check_true(tail <= before && tail >= 0, "%d or more", both);
		before = tail;
	}
	check_true(before == 0, "more than there are");
	check_true(hypergeometric_tail(1e6, 2e6, 3e6, 1e12) == 0,
			   "what is too small for a double");
	check_near(hypergeometric_tail(6e5, 1e6, 6e11, 1e12), 0.5, 1e-3, 0,
			   "about half, of a thousand billion");
}
