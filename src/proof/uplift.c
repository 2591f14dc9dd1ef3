/*
 * uplift.c
 *		What did a campaign bring that would not have come without it? The arms of an
 *		experiment beside its control group: who ordered, how often, how much money.
 *
 * A row is an assignment with one of the customer's orders, or with none. A customer
 * counts from the earliest assignment; rows with a later one say nothing, since each
 * assignment comes with all orders. Whoever was seen in several arms is in none.
 *
 * Sums of a customer are exact, and so are the sums of their squares and products over
 * customers, from which variances are taken: so the statistics are the same numbers
 * however the rows came, and however the customers were divided.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include <math.h>

#include "base/bytes.h"
#include "base/numerics.h"
#include "base/result_rows.h"
#include "engine/intervals.h"
#include "engine/key_functions.h"
#include "engine/seal.h"
#include "engine/short_name.h"
#include "proof/comparison_row.h"
#include "utils/builtins.h"

/* ------------------------------------------------------------------------
 * The state
 * ------------------------------------------------------------------------
 */
enum
{
	UPLIFT_WITHIN,
	UPLIFT_BEFORE,
	UPLIFT_AS_OF,
	UPLIFT_CONTROL
};

/* The control's name stands first in SQL; here a name is the last option. */
static const OptionSpec uplift_options[] = {
	[UPLIFT_WITHIN] = {"within", OPTION_INTERVAL, LEAST_PERIOD, .moved = 1},
	[UPLIFT_BEFORE] = {"before", OPTION_INTERVAL, LEAST_PERIOD, .moved = 1},
	[UPLIFT_AS_OF] = {"as_of", OPTION_TIME, .moved = 1},
	[UPLIFT_CONTROL] = {"control", OPTION_NAME, .moved = -3}
};

/* state, customer, arm, assigned_at, ordered_at, amount */
#define UPLIFT_FIRST_OPTION		6

typedef struct UpliftPayload
{
	TimestampTz assigned_at;	/* DT_NOEND: nothing so far; DT_NOBEGIN: in
								 * several arms, and nothing else is kept */
	uint64		arm;			/* short name */
	int64		orders;			/* in [assigned_at, assigned_at + within) */
	Money		revenue;		/* in it, refunds too */
	Money		earlier;		/* money in [assigned_at - before,
								 * assigned_at) */
} UpliftPayload;

static const UpliftPayload uplift_of_nobody = {
	.assigned_at = DT_NOEND,
	.arm = SHORT_NAME_NONE
};

static inline bool
in_several_arms(const UpliftPayload *customer)
{
	return customer->assigned_at == DT_NOBEGIN;
}

static void
uplift_merge(CustomerTable *table, void *into, const void *from,
			 const char *from_base)
{
	UpliftPayload *a = into;
	const UpliftPayload *b = from;

	if (in_several_arms(a) || b->assigned_at == DT_NOEND)
		return;
	if (in_several_arms(b) ||
		(a->arm != SHORT_NAME_NONE &&
		 !short_name_equal(a->arm, table->heap.base, b->arm, from_base)))
	{
		*a = uplift_of_nobody;
		a->assigned_at = DT_NOBEGIN;
		return;
	}
	if (b->assigned_at > a->assigned_at)
		return;
	if (b->assigned_at < a->assigned_at)
	{
		if (a->arm == SHORT_NAME_NONE)
			a->arm = short_name_copy(&table->heap, from_base, b->arm);
		a->assigned_at = b->assigned_at;
		a->orders = 0;
		a->revenue = (Money) {0, 0};
		a->earlier = (Money) {0, 0};
	}
	add_orders(&a->orders, b->orders);
	money_add(&table->heap, &a->revenue, &b->revenue, from_base);
	money_add(&table->heap, &a->earlier, &b->earlier, from_base);
}

static bool
uplift_valid(const void *payload, const char *heap_base,
			 const StateOptions *options)
{
	const UpliftPayload *customer = payload;

	if (in_several_arms(customer))
		return customer->arm == SHORT_NAME_NONE && customer->orders == 0 &&
			money_is_none(&customer->revenue) && money_is_none(&customer->earlier);
	return IS_VALID_TIMESTAMP(customer->assigned_at) &&
		customer->assigned_at < options->value[UPLIFT_AS_OF].time &&
		customer->arm != SHORT_NAME_NONE;
}

static void uplift_seal(CustomerTable *table, SealedState *into);

CUSTOMER_ABSORB(uplift_absorb, uplift_family)

retention_internal const CustomerFamily uplift_family = {
	.name = "uplift",
	.id = FAMILY_UPLIFT,
	.noptions = lengthof(uplift_options),
	.options = uplift_options,
	.payload_fields = STATE_FIELDS(FIELD(UpliftPayload, assigned_at, INT64),
								   FIELD(UpliftPayload, arm, NAME),
								   FIELD(UpliftPayload, orders, COUNT),
								   FIELD(UpliftPayload, revenue, MONEY),
								   FIELD(UpliftPayload, earlier, MONEY)),
	.payload_size = sizeof(UpliftPayload),
	.identity = &uplift_of_nobody,
	.merge = uplift_merge,
	.valid = uplift_valid,
	.sealed = &sealed_uplift_family,
	.seal = uplift_seal,
	.absorb = uplift_absorb
};

/* Is the outcome's window over by as_of? */
static bool
is_eligible(const StateOptions *options, TimestampTz assigned_at)
{
	TimestampTz end;

	return utc_plus_fits(assigned_at, &options->value[UPLIFT_WITHIN].interval,
						 &end) &&
		end <= options->value[UPLIFT_AS_OF].time;
}

/* The arguments of a row, after the state */
enum
{
	ARG_CUSTOMER = 1, ARG_ARM, ARG_ASSIGNED_AT, ARG_ORDERED_AT, ARG_AMOUNT
};

/* Adds an order, or a refund, to the window it lies in, if any. */
static void
read_outcome(UpliftPayload *customer, FunctionCallInfo fcinfo,
			 const StateOptions *options, StateHeap *row_heap)
{
	const TimestampTz at = PG_GETARG_TIMESTAMPTZ(ARG_ORDERED_AT);
	const bool	is_known = !PG_ARGISNULL(ARG_AMOUNT);
	TimestampTz edge;
	Money		money = {0, 0};

	check_finite_time(at, "ordered_at");
	if (at >= options->value[UPLIFT_AS_OF].time)
		return;
	if (at < customer->assigned_at)
	{
		if (utc_minus_fits(customer->assigned_at,
						   &options->value[UPLIFT_BEFORE].interval, &edge) &&
			at < edge)
			return;
		if (is_known)
			money_from_datum(row_heap, &customer->earlier,
							 PG_GETARG_DATUM(ARG_AMOUNT), "amount");
		return;
	}
	if (utc_plus_fits(customer->assigned_at,
					  &options->value[UPLIFT_WITHIN].interval, &edge) &&
		at >= edge)
		return;
	if (is_known)
		money_from_datum(row_heap, &money, PG_GETARG_DATUM(ARG_AMOUNT),
						 "amount");
	customer->orders = !is_known || money_sign(&money, row_heap->base) > 0;
	customer->revenue = money;
}

/*
 * uplift_transfn_<kind>(retention_state, customer, arm, assigned_at, ordered_at,
 * amount, control, within, before, as_of)
 *
 * A row without a customer, an arm or a time of assignment is none, and so is an
 * assignment at or after as_of; without ordered_at it says that the customer was
 * assigned.
 */
static pg_attribute_always_inline Datum
uplift_transition(FunctionCallInfo fcinfo, KeyKind kind)
{
	StateUpdate update;
	StateHeap  *row_heap;
	UpliftPayload customer = uplift_of_nobody;
	const StateOptions *options;
	text	   *arm;

	state_update_begin(&update, fcinfo, &uplift_family, kind,
					   UPLIFT_FIRST_OPTION, 0);
	options = update.table->options;
	if (PG_ARGISNULL(ARG_CUSTOMER) || PG_ARGISNULL(ARG_ARM) ||
		PG_ARGISNULL(ARG_ASSIGNED_AT))
		return state_update_end(&update);
	customer.assigned_at = PG_GETARG_TIMESTAMPTZ(ARG_ASSIGNED_AT);
	check_finite_time(customer.assigned_at, "assigned_at");
	if (customer.assigned_at >= options->value[UPLIFT_AS_OF].time)
		return state_update_end(&update);
	row_heap = state_row_heap(&update);
	arm = PG_GETARG_TEXT_PP(ARG_ARM);
	customer.arm = short_name_create(row_heap, VARDATA_ANY(arm),
									 VARSIZE_ANY_EXHDR(arm), "arm");
	if (!PG_ARGISNULL(ARG_ORDERED_AT))
		read_outcome(&customer, fcinfo, options, row_heap);
	state_add(&update, &uplift_family, kind,
			  key_from_datum(kind, PG_GETARG_DATUM(ARG_CUSTOMER), row_heap),
			  &customer);
	return state_update_end(&update);
}

KEY_FUNCTIONS(uplift_transfn, uplift_transition)

/* ------------------------------------------------------------------------
 * What is left of customers in a sealed state: the sums of each arm
 * ------------------------------------------------------------------------
 */
typedef struct SealedUplift
{
	int64		customers;
	int64		in_several;		/* of them, those in several arms */
} SealedUplift;

/* An arm's; of no known amount, money is none. */
typedef struct ArmSums
{
	int64		customers;
	int64		eligible;		/* what follows is of these alone */
	int64		converted;
	int64		orders;
	Money		order_squares;
	Money		revenue;
	Money		revenue_squares;
	Money		earlier;
	Money		earlier_squares;
	Money		products;		/* of revenue and earlier */
} ArmSums;

static void
sealed_uplift_merge_totals(StateHeap *heap, void *into, const void *from,
						   const char *from_base)
{
	SealedUplift *a = into;
	const SealedUplift *b = from;

	add_count(&a->customers, b->customers, "customers");
	add_count(&a->in_several, b->in_several, "customers");
}

static void
arm_sums_add(StateHeap *heap, ArmSums *a, const ArmSums *b, const char *b_base)
{
	add_count(&a->customers, b->customers, "customers");
	add_count(&a->eligible, b->eligible, "customers");
	add_count(&a->converted, b->converted, "customers");
	add_orders(&a->orders, b->orders);
	money_add(heap, &a->order_squares, &b->order_squares, b_base);
	money_add(heap, &a->revenue, &b->revenue, b_base);
	money_add(heap, &a->revenue_squares, &b->revenue_squares, b_base);
	money_add(heap, &a->earlier, &b->earlier, b_base);
	money_add(heap, &a->earlier_squares, &b->earlier_squares, b_base);
	money_add(heap, &a->products, &b->products, b_base);
}

static void
arm_sums_merge(CustomerTable *table, void *into, const void *from,
			   const char *from_base)
{
	arm_sums_add(&table->heap, into, from, from_base);
}

static bool
arm_sums_valid(const void *payload, const char *heap_base,
			   const StateOptions *options)
{
	const ArmSums *sums = payload;

	return sums->customers > 0 && sums->eligible <= sums->customers &&
		sums->converted <= sums->eligible && sums->orders >= sums->converted &&
		money_sign(&sums->order_squares, heap_base) >= 0 &&
		money_sign(&sums->revenue_squares, heap_base) >= 0 &&
		money_sign(&sums->earlier_squares, heap_base) >= 0;
}

CUSTOMER_ABSORB(sealed_uplift_absorb, sealed_uplift_family)

retention_internal const CustomerFamily sealed_uplift_family = {
	.name = "sealed uplift",
	.id = FAMILY_SEALED_UPLIFT,
	.sealed_of = &uplift_family,
	.noptions = lengthof(uplift_options),
	.options = uplift_options,
	.totals_fields = STATE_FIELDS(FIELD(SealedUplift, customers, COUNT),
								  FIELD(SealedUplift, in_several, COUNT)),
	.totals_size = sizeof(SealedUplift),
	.merge_totals = sealed_uplift_merge_totals,
	.payload_fields = STATE_FIELDS(FIELD(ArmSums, customers, COUNT),
								   FIELD(ArmSums, eligible, COUNT),
								   FIELD(ArmSums, converted, COUNT),
								   FIELD(ArmSums, orders, COUNT),
								   FIELD(ArmSums, order_squares, MONEY),
								   FIELD(ArmSums, revenue, MONEY),
								   FIELD(ArmSums, revenue_squares, MONEY),
								   FIELD(ArmSums, earlier, MONEY),
								   FIELD(ArmSums, earlier_squares, MONEY),
								   FIELD(ArmSums, products, MONEY)),
	.payload_size = sizeof(ArmSums),
	.merge = arm_sums_merge,
	.valid = arm_sums_valid,
	.absorb = sealed_uplift_absorb,
	.key_name = "arm",
	.key_kind = KEY_TEXT
};

/* ------------------------------------------------------------------------
 * The arms
 * ------------------------------------------------------------------------
 */
typedef struct Moments
{
	double		mean;
	double		squares;		/* sum of squared deviations from it */
} Moments;

typedef struct Arm
{
	char		name[MOST_NAME_BYTES];
	int			name_length;
	ArmSums		sums;
	/* from the sums, of eligible customers: */
	Moments		orders;
	Moments		revenue;
	Moments		earlier;
	double		products;		/* of the deviations of revenue and earlier */
} Arm;

#define MOST_UPLIFT_ARMS	1000

#define FIRST_ARMS			4

typedef struct Arms
{
	Arm		   *arm;			/* sorted by name */
	int			count;
	int			room;
	int64		in_several;		/* customers */
	StateHeap	heap;			/* of the sums */
} Arms;

static void
arms_init(Arms *arms)
{
	memset(arms, 0, sizeof(*arms));
	arms->room = FIRST_ARMS;
	arms->arm = palloc(arms->room * sizeof(Arm));
	heap_init_scratch(&arms->heap);
}

/* The place of a name; false if it is not there. */
static bool
find_arm(const Arms *arms, const char *name, int length, int *place)
{
	int			low = 0;
	int			high = arms->count;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = compare_bytes(arms->arm[middle].name,
										  arms->arm[middle].name_length,
										  name, length);

		if (order == 0)
		{
			*place = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*place = low;
	return false;
}

/* The arm of that name, which may be new. */
static Arm *
arm_of(Arms *arms, const char *name, int length)
{
	int			place;
	Arm		   *arm;

	if (find_arm(arms, name, length, &place))
		return &arms->arm[place];
	if (arms->count == MOST_UPLIFT_ARMS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an experiment has more than %d arms", MOST_UPLIFT_ARMS),
				 errhint("Is the argument \"arm\" the name of the group, and not something of the customer's?")));
	if (arms->count == arms->room)
	{
		arms->room *= 2;
		arms->arm = repalloc(arms->arm, arms->room * sizeof(Arm));
	}
	arm = &arms->arm[place];
	memmove(arm + 1, arm, (arms->count - place) * sizeof(Arm));
	arms->count++;
	memset(arm, 0, sizeof(Arm));
	memcpy(arm->name, name, length);
	arm->name_length = length;
	return arm;
}

static void
add_customer(Arms *arms, const UpliftPayload *customer, const char *base,
			 const StateOptions *options)
{
	char		name[MOST_NAME_BYTES];
	ArmSums    *sums;
	StateHeap  *heap = &arms->heap;
	Money		orders;

	if (in_several_arms(customer))
	{
		arms->in_several++;
		return;
	}
	sums = &arm_of(arms, name, short_name_read(customer->arm, base, name))->sums;
	sums->customers++;
	if (!is_eligible(options, customer->assigned_at))
		return;
	sums->eligible++;
	sums->converted += customer->orders > 0;
	add_orders(&sums->orders, customer->orders);
	(void) money_set_narrow(&orders, customer->orders, 0);
	money_add_product(heap, &sums->order_squares, &orders, &orders, base);
	money_add(heap, &sums->revenue, &customer->revenue, base);
	money_add_product(heap, &sums->revenue_squares, &customer->revenue,
					  &customer->revenue, base);
	money_add(heap, &sums->earlier, &customer->earlier, base);
	money_add_product(heap, &sums->earlier_squares, &customer->earlier,
					  &customer->earlier, base);
	money_add_product(heap, &sums->products, &customer->revenue,
					  &customer->earlier, base);
}

static void
count_customers(Arms *arms, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	UpliftPayload customer;

	while (customer_cursor_next(&cursor, &customer))
		add_customer(arms, &customer, table->heap.base, table->options);
}

static void
uplift_seal(CustomerTable *table, SealedState *into)
{
	SealedUplift *totals = (SealedUplift *) into->totals;
	StateHeap  *heap = &into->table.heap;
	Arms		arms;

	arms_init(&arms);
	count_customers(&arms, table);
	totals->in_several = arms.in_several;
	for (int i = 0; i < arms.count; i++)
	{
		const Arm  *arm = &arms.arm[i];
		ArmSums		sums = {0};

		arm_sums_add(heap, &sums, &arm->sums, arms.heap.base);
		sealed_add(into, key_from_text(heap, arm->name, arm->name_length), &sums);
	}
	heap_free_scratch(&arms.heap);
	pfree(arms.arm);
}

/* The same of a sealed state. */
static void
take_sums(Arms *arms, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	CustomerKey key;
	ArmSums		sums;

	arms->in_several = ((const SealedUplift *) table->totals)->in_several;
	while (sealed_next(&cursor, &key, &sums))
	{
		char		buffer[MOST_INLINE_TEXT];
		uint32		length;
		const char *name = key_text(key, table->heap.base, buffer, &length);

		if (length > MOST_NAME_BYTES)
			reject_sealed(table);
		arm_sums_add(&arms->heap, &arm_of(arms, name, length)->sums, &sums,
					 table->heap.base);
	}
}

/* A known money, else 0 */
static Numeric
known_or_zero(const Money *money, const char *base)
{
	return money_is_none(money) ? int64_to_numeric(0) :
		money_numeric(money, base);
}

/*
 * The sum of products of the deviations of n pairs from their means, from the sums of
 * the pairs' products and of both: (n * products - a * b) / n, exact until it is
 * divided. An infinity if it is beyond all doubles.
 */
static double
deviations(const Money *products, const Money *a, const Money *b,
		   const char *base, int64 n)
{
	Numeric		count = int64_to_numeric(n);
	Numeric		difference;

	if (money_is_none(products))
		return 0;
	difference = numeric_minus(numeric_times(count, money_numeric(products, base)),
							   numeric_times(known_or_zero(a, base),
											 known_or_zero(b, base)));
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(numeric_over(difference,
																		   count))));
}

/* Squares are negative in a state alone that no customers have. */
static Moments
moments_of(const Money *sum, const Money *squares, const char *base, int64 n)
{
	return (Moments) {
		.mean = money_is_none(sum) ? 0 : money_quotient(sum, base, n),
		.squares = Max(deviations(squares, sum, sum, base, n), 0)
	};
}

static void
take_moments(Arm *arm, const char *base)
{
	const ArmSums *sums = &arm->sums;
	Money		orders;

	if (sums->eligible == 0)
		return;
	(void) money_set_narrow(&orders, sums->orders, 0);
	arm->orders = moments_of(&orders, &sums->order_squares, base, sums->eligible);
	arm->revenue = moments_of(&sums->revenue, &sums->revenue_squares, base,
							  sums->eligible);
	arm->earlier = moments_of(&sums->earlier, &sums->earlier_squares, base,
							  sums->eligible);
	arm->products = deviations(&sums->products, &sums->revenue, &sums->earlier,
							   base, sums->eligible);
}

/* ------------------------------------------------------------------------
 * The rows
 * ------------------------------------------------------------------------
 */
enum
{
	METRIC_CONVERSION,
	METRIC_ORDERS,
	METRIC_REVENUE,
	METRIC_REVENUE_ADJUSTED,
	METRICS
};

static const char *const metric_names[METRICS] = {
	[METRIC_CONVERSION] = "conversion",
	[METRIC_ORDERS] = "orders",
	[METRIC_REVENUE] = "revenue",
	[METRIC_REVENUE_ADJUSTED] = "revenue_adjusted"
};

/*
 * What the money before the assignment says of the money after it: CUPED, A. Deng, Y.
 * Xu, R. Kohavi, T. Walker (2013), Improving the sensitivity of online controlled
 * experiments by utilizing pre-experiment data, WSDM; theta from deviations within
 * the arms, as in an analysis of covariance, so that the effect does not move it.
 */
typedef struct Adjustment
{
	double		theta;
	double		mean;			/* earlier money of all eligible customers */
} Adjustment;

static Adjustment
adjustment_of(const Arms *arms)
{
	Adjustment	adjustment = {0, 0};
	double		products = 0;
	double		squares = 0;
	double		eligible = 0;
	double		earlier = 0;

	for (int i = 0; i < arms->count; i++)
	{
		const Arm  *arm = &arms->arm[i];

		products += arm->products;
		squares += arm->earlier.squares;
		eligible += (double) arm->sums.eligible;
		earlier += (double) arm->sums.eligible * arm->earlier.mean;
	}
	if (squares > 0)
		adjustment.theta = products / squares;
	if (eligible > 0)
		adjustment.mean = earlier / eligible;
	return adjustment;
}

/* A variance that rounding alone has left, beside what it was taken from */
#define ROUNDING	1e-12

/* The sample of an arm that a metric looks at; of conversion the mean alone. */
static Sample
arm_sample(const Arm *arm, int metric, const Adjustment *adjustment)
{
	const double theta = adjustment->theta;
	const double degrees = (double) arm->sums.eligible - 1;
	Sample		sample = {.n = (double) arm->sums.eligible};
	double		squares = 0;

	switch (metric)
	{
		case METRIC_CONVERSION:
			sample.mean = (double) arm->sums.converted / (double) arm->sums.eligible;
			break;
		case METRIC_ORDERS:
			sample.mean = arm->orders.mean;
			squares = arm->orders.squares;
			break;
		case METRIC_REVENUE:
			sample.mean = arm->revenue.mean;
			squares = arm->revenue.squares;
			break;
		default:
			sample.mean = arm->revenue.mean -
				theta * (arm->earlier.mean - adjustment->mean);
			squares = arm->revenue.squares - 2 * theta * arm->products +
				theta * theta * arm->earlier.squares;
			if (squares < ROUNDING * arm->revenue.squares)
				squares = 0;
	}
	sample.variance = degrees > 0 ? squares / degrees : 0;
	return sample;
}

static Comparison
compare_arms(const Arm *arm, const Arm *control, int metric,
			 const Adjustment *adjustment, double confidence)
{
	Sample		treated_sample;
	Sample		control_sample;

	if (metric == METRIC_CONVERSION)
		return compare_rates((double) arm->sums.converted, (double) arm->sums.eligible,
							 (double) control->sums.converted,
							 (double) control->sums.eligible, confidence);
	treated_sample = arm_sample(arm, metric, adjustment);
	control_sample = arm_sample(control, metric, adjustment);
	return compare_means(&treated_sample, &control_sample, confidence);
}

/* The columns of uplift_row */
enum
{
	ROW_ARM,
	ROW_METRIC,
	ROW_CUSTOMERS,
	ROW_ELIGIBLE,
	ROW_VALUE,
	ROW_CONTROL_VALUE,
	ROW_DIFFERENCE,
	ROW_STD_ERROR,
	ROW_CI_LOW,
	ROW_CI_HIGH,
	ROW_RELATIVE,
	ROW_INCREMENTAL,
	ROW_P_VALUE,
	ROW_IN_SEVERAL_ARMS,
	ROW_COLUMNS
};

static const ComparisonColumns comparison_columns = {
	ROW_DIFFERENCE, ROW_STD_ERROR, ROW_CI_LOW, ROW_CI_HIGH, ROW_RELATIVE, NO_COLUMN,
	ROW_P_VALUE
};

/* One row: an arm, which may be the control, and a metric. control may be NULL. */
static void
add_row(ResultRows *rows, const Arms *arms, const Arm *arm, const Arm *control,
		int metric, const Adjustment *adjustment, double confidence)
{
	Comparison	found = {false};
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS] = {false};

	if (control != NULL && control != arm)
		found = compare_arms(arm, control, metric, adjustment, confidence);
	values[ROW_ARM] = PointerGetDatum(cstring_to_text_with_len(arm->name,
															   arm->name_length));
	values[ROW_METRIC] = CStringGetTextDatum(metric_names[metric]);
	values[ROW_CUSTOMERS] = Int64GetDatum(arm->sums.customers);
	values[ROW_ELIGIBLE] = Int64GetDatum(arm->sums.eligible);
	values[ROW_VALUE] = finite_or_null(arm->sums.eligible > 0,
									   arm_sample(arm, metric, adjustment).mean,
									   &nulls[ROW_VALUE]);
	nulls[ROW_CONTROL_VALUE] = true;
	if (control != NULL)
		values[ROW_CONTROL_VALUE] =
			finite_or_null(control->sums.eligible > 0,
						   arm_sample(control, metric, adjustment).mean,
						   &nulls[ROW_CONTROL_VALUE]);
	put_comparison(values, nulls, &comparison_columns, &found);
	values[ROW_INCREMENTAL] = finite_or_null(found.has_difference,
											 (double) arm->sums.eligible * found.difference,
											 &nulls[ROW_INCREMENTAL]);
	values[ROW_IN_SEVERAL_ARMS] = Int64GetDatum(arms->in_several);
	result_rows_add(rows, values, nulls);
}

/* All metrics of the control, if there is one, and then of each other arm */
static Datum
uplift_rows(FunctionCallInfo fcinfo, const Arms *arms, const char *control_name,
			double confidence)
{
	const Adjustment adjustment = adjustment_of(arms);
	const Arm  *control = NULL;
	ResultRows	rows;
	int			place;

	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	if (find_arm(arms, control_name, strlen(control_name), &place))
		control = &arms->arm[place];
	for (int i = -1; i < arms->count; i++)
	{
		const Arm  *arm = i < 0 ? control : &arms->arm[i];

		if (arm == NULL || (i >= 0 && arm == control))
			continue;
		for (int metric = 0; metric < METRICS; metric++)
			add_row(&rows, arms, arm, control, metric, &adjustment, confidence);
	}
	return result_rows_array(&rows);
}

static Datum
uplift_read(FunctionCallInfo fcinfo, double confidence)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	Arms		arms;

	arms_init(&arms);
	if (state_is_sealed(table, &uplift_family, "uplift"))
		take_sums(&arms, table);
	else
		count_customers(&arms, table);
	if (arms.count == 0)
		PG_RETURN_NULL();
	for (int i = 0; i < arms.count; i++)
		take_moments(&arms.arm[i], arms.heap.base);
	return uplift_rows(fcinfo, &arms,
					   table->options->value[UPLIFT_CONTROL].name, confidence);
}

/* What the aggregate itself says */
#define USUAL_CONFIDENCE	0.95

/*
 * uplift_finalfn(retention_state) returns uplift_row[]
 */
PG_FUNCTION_INFO_V1(uplift_finalfn);
Datum
uplift_finalfn(PG_FUNCTION_ARGS)
{
	return uplift_read(fcinfo, USUAL_CONFIDENCE);
}

/*
 * uplift(state retention_state, confidence double precision) returns uplift_row[]
 *
 * NULL without a customer in an arm.
 */
PG_FUNCTION_INFO_V1(uplift);
Datum
uplift(PG_FUNCTION_ARGS)
{
	return uplift_read(fcinfo, confidence_arg(fcinfo, 1));
}
