/*
 * rhythm.c
 *		How often does this customer order, and how late are they? How long is the wait
 *		from any order to the next? How much does what is long ago still count?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "measures/order_times.h"

#include <math.h>

#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/state_read.h"
#include "math/quantile.h"
#include "measures/survival.h"

/* ------------------------------------------------------------------------
 * gap_survival: all waits of all customers
 * ------------------------------------------------------------------------
 */
enum
{
	GAP_AS_OF
};

static const OptionSpec gap_options[] = {
	[GAP_AS_OF] = {"as_of", OPTION_TIME}
};

ORDER_TIMES_FAMILY(gap_survival, GAP_AS_OF)
CUSTOMER_ABSORB(sealed_gap_survival_absorb, sealed_gap_survival_family)

static void gap_survival_seal(CustomerTable *table, SealedState *into);

retention_internal const CustomerFamily gap_survival_family = {
	.name = "gap_survival",
	.id = FAMILY_GAP_SURVIVAL,
	.noptions = lengthof(gap_options),
	.options = gap_options,
	.sealed = &sealed_gap_survival_family,
	.seal = gap_survival_seal,
	ORDER_TIMES_FIELDS(gap_survival)
};

retention_internal const CustomerFamily sealed_gap_survival_family = {
	.name = "sealed gap_survival",
	.id = FAMILY_SEALED_GAP_SURVIVAL,
	.sealed_of = &gap_survival_family,
	.noptions = lengthof(gap_options),
	.options = gap_options,
	SEALED_SURVIVAL_FIELDS,
	.absorb = sealed_gap_survival_absorb
};

/*
 * gap_survival_transfn_<kind>(retention_state, customer, ordered_at, as_of)
 */
STATE_TRANSITIONS(gap_survival_transfn, gap_survival_family, TAKES_TIME,
				  read_gap_survival_row)

/* So many days of waits are counted in an array; longer ones are rare. */
#define COUNTED_DAYS	16384

/* Waits as they are counted, before they become a survival, or a sealed state */
typedef struct Waits
{
	SurvivalCounts *by_day;
	int			days;			/* of the longest in it, and one more */
	ExpandedState *survival;	/* NULL: they become */
	SealedState *sealed;		/* this */
} Waits;

static void
put_wait(Waits *waits, double days, const SurvivalCounts *counts)
{
	if (waits->survival)
		state_build_add(waits->survival, survival_key(days), counts);
	else
		sealed_add(waits->sealed, survival_key(days), counts);
}

static void
add_wait(Waits *waits, TimestampTz from, TimestampTz to, bool observed)
{
	const double days = whole_days(from, to);
	SurvivalCounts counts = survival_counts(observed);

	if (waits->by_day && days < COUNTED_DAYS)
	{
		waits->by_day[(int) days].events += counts.events;
		waits->by_day[(int) days].censored += counts.censored;

		waits->days = Max(waits->days, (int) days + 1);
	}
	else
		put_wait(waits, days, &counts);
}

/* Fewer customers are not worth an array. */
#define COUNTED_FROM	64

/* The wait from each order to the next one; from the last one to as_of, censored. */
static void
count_waits(Waits *waits, const CustomerTable *table)
{
	const TimestampTz as_of = table->options->value[GAP_AS_OF].time;
	CustomerCursor cursor = {table, 0};
	OrderTimes	customer;
	SortedInstants orders = {0};

	waits->days = 0;
	waits->by_day = customer_table_customers(table) < COUNTED_FROM ? NULL :
		array_alloc0(COUNTED_DAYS, sizeof(SurvivalCounts));
	while (customer_cursor_next(&cursor, &customer))
	{
		instants_sort(&orders, table->heap.base, customer.instants);
		for (uint32 i = 1; i < orders.count; i++)
		{
			if ((i & 0xFFFF) == 0)
				CHECK_FOR_INTERRUPTS();
			add_wait(waits, orders.at[i - 1], orders.at[i], true);
		}
		add_wait(waits, orders.at[orders.count - 1], as_of, false);
	}
	for (int day = 0; day < waits->days; day++)
		if (waits->by_day[day].events > 0 || waits->by_day[day].censored > 0)
			put_wait(waits, day, &waits->by_day[day]);
}

static void
gap_survival_seal(CustomerTable *table, SealedState *into)
{
	Waits		waits = {.sealed = into};

	count_waits(&waits, table);
}

/*
 * gap_survival(retention_state) returns survival
 *
 * NULL without customers.
 */
PG_FUNCTION_INFO_V1(gap_survival);
Datum
gap_survival(PG_FUNCTION_ARGS)
{
	static const StateOptions no_options;
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	Waits		waits = {NULL};

	if (state_is_sealed(table, &gap_survival_family, "gap_survival"))
		return survival_of_sealed(fcinfo, table);
	if (customer_table_customers(table) == 0)
		PG_RETURN_NULL();
	waits.survival = state_build_begin(&survival_family, KEY_BIGINT, &no_options);
	count_waits(&waits, table);
	return state_build_end(waits.survival);
}

/* ------------------------------------------------------------------------
 * purchase_rhythm: one customer, that of the group
 * ------------------------------------------------------------------------
 */
static void
rhythm_merge_totals(StateHeap *heap, void *into, const void *from,
					const char *from_base)
{
	instants_merge(heap, &((OrderTimes *) into)->instants, from_base,
				   ((const OrderTimes *) from)->instants);
}

static bool
rhythm_valid(const void *totals, const char *heap_base,
			 const StateOptions *options)
{
	return ((const OrderTimes *) totals)->instants == INSTANTS_NONE ||
		order_times_valid(totals, heap_base, options->value[GAP_AS_OF].time);
}

retention_internal const CustomerFamily purchase_rhythm_family = {
	.name = "purchase_rhythm",
	.id = FAMILY_PURCHASE_RHYTHM,
	.noptions = lengthof(gap_options),
	.options = gap_options,
	.totals_fields = STATE_FIELDS(FIELD(OrderTimes, instants, INSTANTS)),
	.totals_size = sizeof(OrderTimes),
	.totals_identity = &order_times_of_nobody,
	.merge_totals = rhythm_merge_totals,
	.valid = rhythm_valid
};

static inline bool
read_rhythm_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	StateHeap  *row_heap = state_row_heap(update);
	OrderTimes	sum;
	uint64		instant;

	if (row->at >= update->table->options->value[GAP_AS_OF].time)
		return false;
	/* which may move the row's heap */
	instant = instants_create(row_heap, row->at);
	/* a copy, since a flat table moves if its heap grows */
	memcpy(&sum, update->table->totals, sizeof(sum));
	instants_merge(&update->table->heap, &sum.instants, row_heap->base, instant);
	memcpy(update->table->totals, &sum, sizeof(sum));
	return false;
}

/*
 * purchase_rhythm_transfn(retention_state, ordered_at, as_of)
 */
STATE_TRANSITIONS_OF_ALL(purchase_rhythm_transfn, purchase_rhythm_family,
						 TAKES_TIME, read_rhythm_row)

/* The columns of purchase_rhythm_row */
enum
{
	ROW_ORDERS,
	ROW_FIRST_ORDER_AT,
	ROW_LAST_ORDER_AT,
	ROW_MEAN_GAP_DAYS,
	ROW_MEDIAN_GAP_DAYS,
	ROW_GAP_CV,
	ROW_DAYS_SINCE_LAST,
	ROW_OVERDUE_RATIO,
	ROW_EXPECTED_NEXT_AT,
	ROW_COLUMNS
};

/* What is read off the gaps between consecutive orders, in microseconds */
typedef struct Gaps
{
	uint32		count;
	double		mean;
	double		median;			/* interpolated */
	double		deviation;		/* of a sample; of two or more */
} Gaps;

static Gaps
gaps_of(const SortedInstants *orders)
{
	Gaps		gaps = {.count = orders->count - 1};
	uint64	   *length;
	const uint64 rank[2] = {(gaps.count - 1) / 2, gaps.count / 2};
	uint64		middle[2];
	double		squares = 0;

	if (gaps.count == 0)
		return gaps;
	length = array_alloc(gaps.count, sizeof(uint64));
	for (uint32 i = 0; i < gaps.count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		length[i] = (uint64) orders->at[i + 1] - (uint64) orders->at[i];
	}
	gaps.mean = (double) ((uint64) orders->at[gaps.count] -
						  (uint64) orders->at[0]) / gaps.count;
	for (uint32 i = 0; i < gaps.count; i++)
		squares += ((double) length[i] - gaps.mean) *
			((double) length[i] - gaps.mean);
	if (gaps.count >= 2)
		gaps.deviation = sqrt(squares / (gaps.count - 1));
	quantile_select(length, gaps.count, rank, 2, middle);
	gaps.median = (double) middle[0] + 0.5 * (double) (middle[1] - middle[0]);
	pfree(length);
	return gaps;
}

/* at + a span in microseconds; false if no calendar has it */
static bool
later(TimestampTz at, double span, TimestampTz *sum)
{
	if (span >= (double) ((uint64) END_TIMESTAMP - (uint64) at))
		return false;
	*sum = (TimestampTz) ((uint64) at + (uint64) rint(span));
	return IS_VALID_TIMESTAMP(*sum);
}

/*
 * purchase_rhythm(retention_state) returns purchase_rhythm_row
 *
 * Gaps are of days of 24 hours. One gap is no rhythm, so what is expected takes three
 * orders. NULL without an order.
 */
PG_FUNCTION_INFO_V1(purchase_rhythm);
Datum
purchase_rhythm(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	OrderTimes	totals;
	SortedInstants orders = {0};
	TimestampTz last;
	TimestampTz expected = 0;
	double		since_last;
	Gaps		gaps;
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS] = {false};

	if (table->family != &purchase_rhythm_family)
		reject_state(table, "purchase_rhythm");
	memcpy(&totals, table->totals, sizeof(totals));
	instants_sort(&orders, table->heap.base, totals.instants);
	if (orders.count == 0)
		PG_RETURN_NULL();
	last = orders.at[orders.count - 1];
	since_last = days_between(last, table->options->value[GAP_AS_OF].time);
	gaps = gaps_of(&orders);
	values[ROW_ORDERS] = Int64GetDatum(orders.count);
	values[ROW_FIRST_ORDER_AT] = TimestampTzGetDatum(orders.at[0]);
	values[ROW_LAST_ORDER_AT] = TimestampTzGetDatum(last);
	values[ROW_MEAN_GAP_DAYS] = float8_or_null(gaps.count > 0,
											   gaps.mean / USECS_PER_DAY,
											   &nulls[ROW_MEAN_GAP_DAYS]);
	values[ROW_MEDIAN_GAP_DAYS] = float8_or_null(gaps.count > 0,
												 gaps.median / USECS_PER_DAY,
												 &nulls[ROW_MEDIAN_GAP_DAYS]);
	values[ROW_GAP_CV] = float8_or_null(gaps.count >= 2 && gaps.mean > 0,
										gaps.deviation / gaps.mean,
										&nulls[ROW_GAP_CV]);
	values[ROW_DAYS_SINCE_LAST] = Float8GetDatum(since_last);
	values[ROW_OVERDUE_RATIO] = float8_or_null(gaps.count >= 2 && gaps.median > 0,
											   since_last * USECS_PER_DAY / gaps.median,
											   &nulls[ROW_OVERDUE_RATIO]);
	nulls[ROW_EXPECTED_NEXT_AT] = gaps.count < 2 ||
		!later(last, gaps.median, &expected);
	values[ROW_EXPECTED_NEXT_AT] = TimestampTzGetDatum(expected);
	return result_row(fcinfo, values, nulls);
}

/* ------------------------------------------------------------------------
 * decay
 * ------------------------------------------------------------------------
 */

/* A positive span of days and smaller units, in microseconds */
static double
half_life_arg(FunctionCallInfo fcinfo, int argument)
{
	const Interval *span = PG_GETARG_INTERVAL_P(argument);

	check_positive_interval(span, "half_life");
	if (span->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"half_life\" must have no months or years, not \"%s\"",
						interval_text(span)),
				 errhint("Months are not equally long: write '30 days'.")));
	return span->day * (double) USECS_PER_DAY + (double) span->time;
}

/*
 * decay(at timestamptz, half_life interval, as_of timestamptz)
 * returns double precision
 *
 * 0.5 ^ (age / half_life), the age being that at as_of: just below 1 of what was a moment
 * ago. What is at or after as_of is not seen, and counts 0.
 */
enum
{
	DECAY_AT,
	DECAY_HALF_LIFE,
	DECAY_AS_OF
};

PG_FUNCTION_INFO_V1(decay);
Datum
decay(PG_FUNCTION_ARGS)
{
	const TimestampTz at = PG_GETARG_TIMESTAMPTZ(DECAY_AT);
	const double half_life = half_life_arg(fcinfo, DECAY_HALF_LIFE);
	const TimestampTz as_of = PG_GETARG_TIMESTAMPTZ(DECAY_AS_OF);

	check_finite_time(at, "at");
	check_finite_time(as_of, "as_of");
	if (at >= as_of)
		PG_RETURN_FLOAT8(0);
	PG_RETURN_FLOAT8(exp2(-(double) ((uint64) as_of - (uint64) at) / half_life));
}
