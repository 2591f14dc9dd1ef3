/*
 * uplift.c
 *		What did a campaign bring that would not have come without it? The arms of an
 *		experiment beside its control group: who ordered, how often, how much money.
 *
 * A row is an assignment with one of the customer's orders, or with none. A customer
 * counts from the earliest assignment; rows with a later one say nothing, since each
 * assignment comes with all orders. Whoever was seen in several arms is in none.
 *
 * Sums of a customer are exact, and customers are added up in the order of their keys:
 * so the statistics are the same numbers however the rows came.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include <math.h>

#include "base/bytes.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/intervals.h"
#include "engine/key_functions.h"
#include "engine/short_name.h"
#include "math/comparison.h"
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
 * The arms
 * ------------------------------------------------------------------------
 */

/*
 * The sum of squared deviations from a mean, and the mean as it grows (Welford 1962);
 * in the end it is that of the exact sum, so that equal sums have equal means.
 */
typedef struct Moments
{
	double		mean;
	double		squares;
	Money		sum;			/* of money alone */
} Moments;

typedef struct Arm
{
	char		name[MOST_NAME_BYTES];
	int			name_length;
	int64		customers;
	int64		eligible;		/* what follows is of these alone */
	int64		converted;
	int64		all_orders;
	Moments		orders;
	Moments		revenue;
	Moments		earlier;
	double		products;		/* of the deviations of revenue and earlier */
} Arm;

#define MOST_UPLIFT_ARMS	1000

typedef struct Arms
{
	Arm		   *arm;			/* sorted by name */
	int			count;
	int64		in_several;		/* customers */
	StateHeap	heap;			/* of the sums */
} Arms;

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
	arm = &arms->arm[place];
	memmove(arm + 1, arm, (arms->count - place) * sizeof(Arm));
	arms->count++;
	memset(arm, 0, sizeof(Arm));
	memcpy(arm->name, name, length);
	arm->name_length = length;
	return arm;
}

/* The n-th value */
static double
add_to_moments(Moments *moments, double value, int64 n)
{
	const double deviation = value - moments->mean;

	moments->mean += deviation / n;
	moments->squares += deviation * (value - moments->mean);
	return deviation;
}

static void
add_customer(Arms *arms, const UpliftPayload *customer, const char *base,
			 const StateOptions *options)
{
	char		name[MOST_NAME_BYTES];
	Arm		   *arm;
	double		revenue;
	double		earlier;
	double		deviation;

	if (in_several_arms(customer))
	{
		arms->in_several++;
		return;
	}
	arm = arm_of(arms, name, short_name_read(customer->arm, base, name));
	arm->customers++;
	if (!is_eligible(options, customer->assigned_at))
		return;
	arm->eligible++;
	arm->converted += customer->orders > 0;
	add_orders(&arm->all_orders, customer->orders);
	money_add(&arms->heap, &arm->revenue.sum, &customer->revenue, base);
	money_add(&arms->heap, &arm->earlier.sum, &customer->earlier, base);
	revenue = money_is_none(&customer->revenue) ? 0 :
		money_double(&customer->revenue, base);
	earlier = money_is_none(&customer->earlier) ? 0 :
		money_double(&customer->earlier, base);
	(void) add_to_moments(&arm->orders, (double) customer->orders, arm->eligible);
	deviation = add_to_moments(&arm->revenue, revenue, arm->eligible);
	(void) add_to_moments(&arm->earlier, earlier, arm->eligible);
	arm->products += deviation * (earlier - arm->earlier.mean);
}

/* The mean of the exact sum */
static double
mean_of_sum(const Moments *moments, const char *base, int64 n)
{
	return money_is_none(&moments->sum) ? 0 :
		money_quotient(&moments->sum, base, n);
}

static void
add_customers(Arms *arms, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	UpliftPayload customer;

	while (customer_cursor_next(&cursor, &customer))
		add_customer(arms, &customer, table->heap.base, table->options);
	for (int i = 0; i < arms->count; i++)
	{
		Arm		   *arm = &arms->arm[i];

		if (arm->eligible == 0)
			continue;
		arm->orders.mean = (double) arm->all_orders / (double) arm->eligible;
		arm->revenue.mean = mean_of_sum(&arm->revenue, arms->heap.base,
										arm->eligible);
		arm->earlier.mean = mean_of_sum(&arm->earlier, arms->heap.base,
										arm->eligible);
	}
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
		eligible += (double) arm->eligible;
		earlier += (double) arm->eligible * arm->earlier.mean;
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
	const double degrees = (double) arm->eligible - 1;
	Sample		sample = {.n = (double) arm->eligible};
	double		squares = 0;

	switch (metric)
	{
		case METRIC_CONVERSION:
			sample.mean = (double) arm->converted / (double) arm->eligible;
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
		return compare_rates((double) arm->converted, (double) arm->eligible,
							 (double) control->converted,
							 (double) control->eligible, confidence);
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
	values[ROW_CUSTOMERS] = Int64GetDatum(arm->customers);
	values[ROW_ELIGIBLE] = Int64GetDatum(arm->eligible);
	values[ROW_VALUE] = finite_or_null(arm->eligible > 0,
									   arm_sample(arm, metric, adjustment).mean,
									   &nulls[ROW_VALUE]);
	nulls[ROW_CONTROL_VALUE] = true;
	if (control != NULL)
		values[ROW_CONTROL_VALUE] =
			finite_or_null(control->eligible > 0,
						   arm_sample(control, metric, adjustment).mean,
						   &nulls[ROW_CONTROL_VALUE]);
	values[ROW_DIFFERENCE] = finite_or_null(found.has_difference, found.difference,
											&nulls[ROW_DIFFERENCE]);
	values[ROW_STD_ERROR] = finite_or_null(found.has_interval, found.std_error,
										   &nulls[ROW_STD_ERROR]);
	values[ROW_CI_LOW] = finite_or_null(found.has_interval, found.ci_low,
										&nulls[ROW_CI_LOW]);
	values[ROW_CI_HIGH] = finite_or_null(found.has_interval, found.ci_high,
										 &nulls[ROW_CI_HIGH]);
	values[ROW_RELATIVE] = finite_or_null(found.has_relative, found.relative,
										  &nulls[ROW_RELATIVE]);
	values[ROW_INCREMENTAL] = finite_or_null(found.has_difference,
											 (double) arm->eligible * found.difference,
											 &nulls[ROW_INCREMENTAL]);
	values[ROW_P_VALUE] = finite_or_null(found.has_p_value, found.p_value,
										 &nulls[ROW_P_VALUE]);
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
	Arms		arms = {NULL};

	if (table->family != &uplift_family)
		reject_state(table, "uplift");
	arms.arm = palloc(MOST_UPLIFT_ARMS * sizeof(Arm));
	heap_init_scratch(&arms.heap);
	add_customers(&arms, table);
	if (arms.count == 0)
		PG_RETURN_NULL();
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
