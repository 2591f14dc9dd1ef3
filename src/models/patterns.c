/*
 * patterns.c
 *		Customers of whom a model is told the same, counted: the states of the fits.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/patterns.h"

#include <math.h>

#include "engine/state_read.h"
#include "miscadmin.h"

/* Beyond that a double does not hold all whole numbers. */
#define MOST_X		(INT64CONST(1) << 53)

/* ------------------------------------------------------------------------
 * Keys
 * ------------------------------------------------------------------------
 */
static int64
bits_of_double(double value)
{
	int64		bits;

	value += 0.0;				/* makes a zero of -0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static double
double_of_bits(int64 bits)
{
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

CustomerKey
btyd_key(int64 x, double t_x, double age)
{
	return key_from_pattern((KeyPattern) {{
			x, bits_of_double(t_x), bits_of_double(age)}});
}

CustomerKey
spend_key(int64 x, double mean)
{
	return key_from_pattern((KeyPattern) {{x, bits_of_double(mean), 0}});
}

static bool
valid_x(int64 x)
{
	return x >= 0 && x <= MOST_X;
}

/* Bits of a finite double that is zero (and not -0) or more. */
static bool
valid_bits(int64 bits)
{
	return bits >= 0 && isfinite(double_of_bits(bits));
}

static bool
btyd_valid_key(const int64 *numbers)
{
	return valid_x(numbers[0]) && valid_bits(numbers[1]) &&
		valid_bits(numbers[2]) &&
		double_of_bits(numbers[2]) <= MOST_TIME &&
		double_of_bits(numbers[1]) <= double_of_bits(numbers[2]) &&
		(numbers[0] > 0 ? numbers[2] > 0 : numbers[1] == 0);
}

static bool
spend_valid_key(const int64 *numbers)
{
	return valid_x(numbers[0]) && numbers[0] > 0 &&
		valid_bits(numbers[1]) && valid_spend(double_of_bits(numbers[1])) &&
		numbers[2] == 0;
}

/* These raise an error for what no customer can have. */
void
check_x(int64 x)
{
	if (!valid_x(x))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"x\" must be between 0 and " INT64_FORMAT ", not " INT64_FORMAT,
						MOST_X, x),
				 errhint("It is the number of days with an order, less the first.")));
}

void
check_history(int64 x, double t_x, double age)
{
	check_x(x);
	check_double_range(age, 0, MOST_TIME, "age");
	check_double_range(t_x, 0, MOST_TIME, "t_x");
	if (t_x > age)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"t_x\" must be at most \"age\", not %g where age is %g",
						t_x, age),
				 errhint("t_x is the time from the first order to the last (not from the last until now), age that from the first to the end of the data.")));
	if (x > 0 && age == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"age\" must be above 0 where x is"),
				 errhint("There was a repeat order, so some time has passed since the first.")));
	if (x == 0 && t_x > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"t_x\" must be 0 where x is 0, not %g", t_x),
				 errhint("t_x is the time from the first order to the last: without a repeat order they are the same.")));
}

void
check_spend(double mean)
{
	check_finite_double(mean, "mean_repeat_value");
	check_double_range(mean, -MOST_VALUE, MOST_VALUE, "mean_repeat_value");
}

/* ------------------------------------------------------------------------
 * The states
 * ------------------------------------------------------------------------
 */
static void
patterns_merge(CustomerTable *table, void *into, const void *from,
			   const char *from_base)
{
	add_count(&((PatternCount *) into)->customers,
			  ((const PatternCount *) from)->customers, "customers");
}

static bool
patterns_valid(const void *payload, const char *heap_base,
			   const StateOptions *options)
{
	return ((const PatternCount *) payload)->customers > 0;
}

static void
spend_merge_totals(StateHeap *heap, void *into, const void *from,
				   const char *from_base)
{
	SpendTotals *a = into;
	const SpendTotals *b = from;

	patterns_merge(NULL, &a->left_out, &b->left_out, from_base);
}

CUSTOMER_ABSORB(btyd_absorb, btyd_patterns_family)
CUSTOMER_ABSORB(spend_absorb, spend_patterns_family)

retention_internal const CustomerFamily btyd_patterns_family = {
	.name = "btyd",
	.id = FAMILY_BTYD_PATTERNS,
	.payload_fields = STATE_FIELDS(FIELD(PatternCount, customers, COUNT)),
	.payload_size = sizeof(PatternCount),
	.merge = patterns_merge,
	.valid = patterns_valid,
	.absorb = btyd_absorb,
	.key_name = "pattern",
	.key_kind = KEY_PATTERN,
	.valid_key = btyd_valid_key,
	.large_hint = "Measure times in whole days, weeks or months, as purchase_summary() does, so that customers share them."
};

retention_internal const CustomerFamily spend_patterns_family = {
	.name = "gamma_gamma",
	.id = FAMILY_SPEND_PATTERNS,
	.totals_fields = STATE_FIELDS(FIELD(SpendTotals, left_out, COUNT)),
	.totals_size = sizeof(SpendTotals),
	.merge_totals = spend_merge_totals,
	.payload_fields = STATE_FIELDS(FIELD(PatternCount, customers, COUNT)),
	.payload_size = sizeof(PatternCount),
	.merge = patterns_merge,
	.valid = patterns_valid,
	.absorb = spend_absorb,
	.key_name = "pattern",
	.key_kind = KEY_PATTERN,
	.valid_key = spend_valid_key,
	.large_hint = "Round the mean values, so that customers share them."
};

/*
 * btyd_transfn(retention_state, x bigint, t_x double precision,
 * age double precision)
 */
enum
{
	BTYD_STATE,
	BTYD_X,
	BTYD_T_X,
	BTYD_AGE,
	BTYD_ARGS
};

PG_FUNCTION_INFO_V1(btyd_transfn);
Datum
btyd_transfn(PG_FUNCTION_ARGS)
{
	const PatternCount one = {1};
	StateUpdate update;
	int64		x;
	double		t_x;
	double		age;

	if (PG_ARGISNULL(BTYD_X) || PG_ARGISNULL(BTYD_T_X) ||
		PG_ARGISNULL(BTYD_AGE))
		return state_without_row(fcinfo);
	x = PG_GETARG_INT64(BTYD_X);
	t_x = PG_GETARG_FLOAT8(BTYD_T_X);
	age = PG_GETARG_FLOAT8(BTYD_AGE);
	check_history(x, t_x, age);
	state_update_begin(&update, fcinfo, &btyd_patterns_family, KEY_PATTERN,
					   BTYD_ARGS, 0);
	state_add(&update, &btyd_patterns_family, KEY_PATTERN,
			  btyd_key(x, t_x, age), &one);
	return state_update_end(&update);
}

/*
 * gamma_gamma_transfn(retention_state, x bigint,
 * mean_repeat_value double precision)
 *
 * Customers without a repeat purchase, or of unknown value, say nothing of what
 * one is worth. Those whose mean is zero or less cannot be in the model; they are
 * counted.
 */
enum
{
	SPEND_STATE,
	SPEND_X,
	SPEND_MEAN,
	SPEND_ARGS
};

PG_FUNCTION_INFO_V1(gamma_gamma_transfn);
Datum
gamma_gamma_transfn(PG_FUNCTION_ARGS)
{
	const PatternCount one = {1};
	StateUpdate update;
	int64		x;
	double		mean;

	if (PG_ARGISNULL(SPEND_X) || PG_ARGISNULL(SPEND_MEAN))
		return state_without_row(fcinfo);
	x = PG_GETARG_INT64(SPEND_X);
	mean = PG_GETARG_FLOAT8(SPEND_MEAN);
	check_x(x);
	check_spend(mean);
	state_update_begin(&update, fcinfo, &spend_patterns_family, KEY_PATTERN,
					   SPEND_ARGS, 0);
	if (x > 0 && valid_spend(mean))
		state_add(&update, &spend_patterns_family, KEY_PATTERN,
				  spend_key(x, mean), &one);
	else if (x > 0)
		((SpendTotals *) update.table->totals)->left_out++;
	return state_update_end(&update);
}

/* ------------------------------------------------------------------------
 * Their contents, as the models want them
 * ------------------------------------------------------------------------
 */
typedef struct Pattern
{
	KeyPattern	key;
	int64		customers;
} Pattern;

/* By the numbers of the key: of doubles >= 0, their bits have their order. */
static int
compare_patterns(const void *a, const void *b)
{
	const KeyPattern *x = &((const Pattern *) a)->key;
	const KeyPattern *y = &((const Pattern *) b)->key;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < lengthof(x->number); i++)
		if (x->number[i] != y->number[i])
			return x->number[i] < y->number[i] ? -1 : 1;
	return 0;
}

static Pattern *
sorted_patterns(const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	Pattern    *patterns = array_alloc(customer_table_customers(table),
									   sizeof(Pattern));
	const char *slot;
	uint64		n = 0;

	while ((slot = customer_cursor_next_slot(&cursor)) != NULL)
	{
		PatternCount count;

		memcpy(&count, slot + table->key_size, sizeof(count));
		patterns[n++] = (Pattern) {
			.key = key_to_pattern(load_key(KEY_PATTERN, slot)),
			.customers = count.customers
		};
	}
	qsort(patterns, n, sizeof(Pattern), compare_patterns);
	return patterns;
}

/*
 * The patterns of a state of a family, which is wanted for "model", in ascending
 * order: "put" makes of each what the model takes, of a given size. Allocates in
 * the current memory context.
 */
static void *
model_patterns(const CustomerTable *table, const CustomerFamily *family,
			   const char *model, Size size,
			   void (*put) (void *into, const Pattern *pattern))
{
	const uint64 n = customer_table_customers(table);
	Pattern    *patterns;
	char	   *result;

	if (table->family != family)
		reject_state(table, model);
	patterns = sorted_patterns(table);
	result = array_alloc(n, size);
	for (uint64 i = 0; i < n; i++)
		put(result + i * size, &patterns[i]);
	pfree(patterns);
	return result;
}

static void
put_btyd(void *into, const Pattern *pattern)
{
	*(BtydPattern *) into = (BtydPattern) {
		.history = {
			.x = pattern->key.number[0],
			.t_x = double_of_bits(pattern->key.number[1]),
			.age = double_of_bits(pattern->key.number[2])
		},
		.customers = pattern->customers
	};
}

static void
put_spend(void *into, const Pattern *pattern)
{
	*(SpendPattern *) into = (SpendPattern) {
		.x = pattern->key.number[0],
		.mean = double_of_bits(pattern->key.number[1]),
		.customers = pattern->customers
	};
}

BtydData
btyd_data(const CustomerTable *table)
{
	return (BtydData) {
		.patterns = model_patterns(table, &btyd_patterns_family,
								   "a model of purchases",
								   sizeof(BtydPattern), put_btyd),
		.npatterns = customer_table_customers(table)
	};
}

SpendData
spend_data(const CustomerTable *table)
{
	return (SpendData) {
		.patterns = model_patterns(table, &spend_patterns_family,
								   "a model of spend", sizeof(SpendPattern),
								   put_spend),
		.npatterns = customer_table_customers(table)
	};
}
