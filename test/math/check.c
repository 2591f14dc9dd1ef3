/*
 * check.c
 *		Tests of the mathematics: comparing numbers, and reading tables of them.
 *
 *		check DATA REFERENCE
 *
 * DATA is test/data, REFERENCE the folder of other programs' numbers, which need
 * not exist. The last line counts.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "check.h"

#include <math.h>
#include <stdarg.h>

/* Of one kind of fault a few lines are enough. */
#define MOST_TOLD	10

#define SHARED		"shared/"

static const char *data_folder;
static const char *reference_folder;

static long comparisons = 0;
static int	passed = 0;			/* tests */
static int	failed = 0;

/* The test under way; none has an empty name. */
static char test[200];
static long test_comparisons = 0;
static int	test_faults = 0;

static void
end_test(void)
{
	if (*test == '\0')
		return;
	if (test_comparisons == 0)
		;						/* what was begun came to nothing */
	else if (test_faults == 0)
		passed++;
	else
	{
		failed++;
		printf("failed: %s (%d times)\n", test, test_faults);
	}
	*test = '\0';
}

void
begin_test(const char *format,...)
{
	va_list		arguments;

	end_test();
	va_start(arguments, format);
	vsnprintf(test, sizeof(test), format, arguments);
	va_end(arguments);
	test_comparisons = 0;
	test_faults = 0;
}

/* Counts a comparison, and tells of the first that fail. */
static void
count(bool condition, const char *format, va_list arguments)
{
	if (*test == '\0')
		abort();				/* it would count for none */
	comparisons++;
	test_comparisons++;
	if (condition || ++test_faults > MOST_TOLD)
		return;
	vprintf(format, arguments);
	puts(": no");
}

void
check_true(bool condition, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	count(condition, format, arguments);
	va_end(arguments);
}

void
check_near(double ours, double theirs, double relative, double at_least,
		   const char *format,...)
{
	const bool	near = ours == theirs ||
		fabs(ours - theirs) <= relative * Max(fabs(theirs), at_least);
	va_list		arguments;

	va_start(arguments, format);
	count(near, format, arguments);
	va_end(arguments);
	if (!near && test_faults <= MOST_TOLD)
		printf("\t%.17g, not %.17g: %.3g apart\n", ours, theirs,
			   fabs(ours - theirs) / Max(fabs(theirs), at_least));
}

/* The parts of a line between commas, in place; a part in quotes may have commas. */
static int
split(char *line, char **part, int most)
{
	int			n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (char *next = line; next != NULL; n++)
	{
		if (n == most)
			abort();
		part[n] = next;
		if (*next == '"')
		{
			part[n]++;
			next = strchr(next + 1, '"');
			if (next == NULL)
				abort();
			*next++ = '\0';
		}
		next = strchr(next, ',');
		if (next)
			*next++ = '\0';
	}
	return n;
}

bool
table_open(Table *table, const char *name)
{
	const bool	shared = strncmp(name, SHARED, strlen(SHARED)) == 0;
	char		path[4096];

	*table = (Table) {NULL};
	snprintf(path, sizeof(path), "%s/%s",
			 shared ? reference_folder : data_folder,
			 shared ? name + strlen(SHARED) : name);
	table->file = fopen(path, "r");
	begin_test("%s", name);
	if (table->file == NULL)
	{
		if (shared)
		{
			printf("skipped: no %s\n", path);
			*test = '\0';
		}
		else
			check_true(false, "there is no %s", path);
		return false;
	}
	if (fgets(table->head, sizeof(table->head), table->file))
		table->ncolumns = split(table->head, table->name, lengthof(table->name));
	table->line = 1;
	return true;
}

bool
table_next(Table *table)
{
	if (fgets(table->row, sizeof(table->row), table->file) == NULL)
	{
		check_true(table->line > 1, "a table of %s ... has rows", table->name[0]);
		fclose(table->file);
		return false;
	}
	table->line++;
	if (split(table->row, table->value, lengthof(table->value)) != table->ncolumns)
		abort();
	return true;
}

const char *
table_text(const Table *table, const char *column)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (strcmp(table->name[i], column) == 0)
			return table->value[i];
	printf("no column %s\n", column);
	abort();
}

/* NaN where it is empty. */
double
table_number(const Table *table, const char *column)
{
	const char *text = table_text(table, column);

	return *text == '\0' ? NAN : strtod(text, NULL);
}

/* G. L. Steele, D. Lea, C. H. Flood (2014): the mixing function of SplitMix64. */
double
noise(uint64 i, uint64 seed)
{
	uint64		z = (i + 1) * UINT64_C(0x9E3779B97F4A7C15) + seed * UINT64_C(0xD1B54A32D192ED03);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (double) ((z ^ (z >> 31)) >> 11) / (double) (UINT64_C(1) << 53);
}

static void
run(const char *subject, void (*tests) (void))
{
	const int	before = failed;

	tests();
	end_test();
	shim_reset();
	printf("%s: %s\n", subject, failed == before ? "ok" : "failed");
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	data_folder = argv[1];
	reference_folder = argv[2];
	run("specfun", test_specfun);
	run("gauss_legendre", test_gauss_legendre);
	run("optimize", test_optimize);
	run("comparison", test_comparison);
	run("hypergeometric", test_hypergeometric);
	run("quantile", test_quantile);
	run("survival", test_survival);
	run("btyd", test_btyd);
	run("orders_ahead", test_orders_ahead);
	run("spend", test_spend);
	run("fits", test_fits);
	run("season", test_season);
	printf("%ld comparisons\n%d passed, %d failed\n", comparisons, passed, failed);
	return failed == 0 ? 0 : 1;
}
