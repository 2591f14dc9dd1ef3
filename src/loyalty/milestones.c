/*
 * milestones.c
 *		When did a customer reach a tier, or make the fifth order? When is the next
 *		anniversary?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "engine/dated_money.h"
#include "utils/date.h"
#include "utils/datetime.h"

/* ------------------------------------------------------------------------
 * reached_at
 * ------------------------------------------------------------------------
 */
enum
{
	REACHED_THRESHOLD,
	REACHED_AS_OF
};

static const OptionSpec reached_options[] = {
	[REACHED_THRESHOLD] = {"threshold", OPTION_AMOUNT},
	[REACHED_AS_OF] = {"as_of", OPTION_TIME}
};

static void
reached_derive(StateOptions *options)
{
	const Money *threshold = &options->value[REACHED_THRESHOLD].amount;

	if (money_sign(threshold, NULL) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"threshold\" must be greater than zero, not %s",
						numeric_text(money_numeric(threshold, NULL)))));
}

typedef struct ReachedTotals
{
	uint64		amounts;		/* dated money, none of it zero */
} ReachedTotals;

static const ReachedTotals reached_of_nobody = {DATED_MONEY_NONE};

static void
reached_merge_totals(StateHeap *heap, void *into, const void *from,
					 const char *from_base)
{
	dated_money_merge(heap, &((ReachedTotals *) into)->amounts, from_base,
					  ((const ReachedTotals *) from)->amounts);
}

static bool
reached_valid(const void *totals, const char *heap_base,
			  const StateOptions *options)
{
	const uint64 amounts = ((const ReachedTotals *) totals)->amounts;
	TimelineReader reader;
	StateHeap	wide;

	heap_init_scratch(&wide);
	timeline_open(&reader, heap_base, amounts);
	while (dated_money_next(&reader))
	{
		Money		amount;

		CHECK_FOR_INTERRUPTS();
		wide.used = 0;
		amount = timeline_money(&reader, &wide);
		if (reader.position >= options->value[REACHED_AS_OF].time ||
			money_sign(&amount, wide.base) == 0)
			return false;
	}
	heap_free_scratch(&wide);
	return true;
}

retention_internal const CustomerFamily reached_at_family = {
	.name = "reached_at",
	.id = FAMILY_REACHED_AT,
	.noptions = lengthof(reached_options),
	.options = reached_options,
	.derive = reached_derive,
	.totals_fields = STATE_FIELDS(FIELD(ReachedTotals, amounts, DATED_MONEY)),
	.totals_size = sizeof(ReachedTotals),
	.totals_identity = &reached_of_nobody,
	.merge_totals = reached_merge_totals,
	.valid = reached_valid
};

static void
add_amount(StateUpdate *update, TimestampTz at, Datum amount)
{
	StateHeap  *row_heap = state_row_heap(update);
	ReachedTotals totals;
	Money		money;
	uint64		entry;

	money_from_datum(row_heap, &money, amount, "amount");
	if (money_sign(&money, row_heap->base) == 0)
		return;
	/* a copy, since a flat table moves if its heap grows */
	memcpy(&totals, update->table->totals, sizeof(totals));
	entry = dated_money_create(row_heap, at, &money, row_heap->base);
	dated_money_merge(&update->table->heap, &totals.amounts, row_heap->base,
					  entry);
	memcpy(update->table->totals, &totals, sizeof(totals));
}

/*
 * reached_at_transfn(retention_state, at timestamptz, amount numeric, threshold
 * numeric, as_of timestamptz)
 */
enum
{
	ROW_STATE,
	ROW_AT,
	ROW_AMOUNT,
	ROW_ARGS
};

PG_FUNCTION_INFO_V1(reached_at_transfn);
Datum
reached_at_transfn(PG_FUNCTION_ARGS)
{
	StateUpdate update;
	TimestampTz at;

	state_update_begin(&update, fcinfo, &reached_at_family, KEY_NONE, ROW_ARGS, 0);
	if (!PG_ARGISNULL(ROW_AT) && !PG_ARGISNULL(ROW_AMOUNT))
	{
		at = PG_GETARG_TIMESTAMPTZ(ROW_AT);
		check_finite_time(at, "at");
		if (at < update.table->options->value[REACHED_AS_OF].time)
			add_amount(&update, at, PG_GETARG_DATUM(ROW_AMOUNT));
	}
	return state_update_end(&update);
}

/* The first instant at which the sum of what came until then reaches the threshold */
static bool
find_instant(const StateHeap *sorted, uint64 amounts, const Money *threshold,
			 TimestampTz *instant)
{
	TimelineReader reader;
	StateHeap	sums;
	StateHeap	wide;
	Money		sum = {0, 0};
	bool		more;

	heap_init_scratch(&sums);
	heap_init_scratch(&wide);
	timeline_open(&reader, sorted->base, amounts);
	more = dated_money_next(&reader);
	while (more)
	{
		Money		amount;

		CHECK_FOR_INTERRUPTS();
		*instant = reader.position;
		wide.used = 0;
		amount = timeline_money(&reader, &wide);
		money_add(&sums, &sum, &amount, wide.base);
		more = dated_money_next(&reader);
		/* rows of one instant count together */
		if ((!more || reader.position != *instant) &&
			money_compare(&sum, sums.base, threshold, NULL) >= 0)
			return true;
	}
	return false;
}

/*
 * reached_at(retention_state) returns timestamptz
 *
 * NULL if never.
 */
PG_FUNCTION_INFO_V1(reached_at);
Datum
reached_at(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	ReachedTotals totals;
	StateHeap	sorted;
	TimestampTz instant;

	if (table->family != &reached_at_family)
		reject_state(table, "reached_at");
	memcpy(&totals, table->totals, sizeof(totals));
	if (totals.amounts == DATED_MONEY_NONE)
		PG_RETURN_NULL();
	heap_init_scratch(&sorted);
	if (!find_instant(&sorted,
					  dated_money_move(&sorted, table->heap.base, totals.amounts),
					  &table->options->value[REACHED_THRESHOLD].amount, &instant))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(instant);
}

/* ------------------------------------------------------------------------
 * next_anniversary
 * ------------------------------------------------------------------------
 */
static void
check_finite_date(DateADT date, const char *argument)
{
	if (DATE_NOT_FINITE(date))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a finite date, not infinity or -infinity",
						argument)));
}

/* The same day of another year, or the 28th of February */
static DateADT
day_in_year(int year, int month, int day)
{
	if (!IS_VALID_JULIAN(year, month, day))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("date out of range")));
	return date2j(year, month, Min(day, day_tab[isleap(year)][month - 1])) -
		POSTGRES_EPOCH_JDATE;
}

/*
 * next_anniversary(day date, as_of date) returns date
 *
 * The first day + n years, n being 1 or more, that is not before as_of.
 */
PG_FUNCTION_INFO_V1(next_anniversary);
Datum
next_anniversary(PG_FUNCTION_ARGS)
{
	const DateADT date = PG_GETARG_DATEADT(0);
	const DateADT as_of = PG_GETARG_DATEADT(1);
	int			year;
	int			month;
	int			day;
	int			as_of_year;
	int			other;
	DateADT		next;

	check_finite_date(date, "day");
	check_finite_date(as_of, "as_of");
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	j2date(as_of + POSTGRES_EPOCH_JDATE, &as_of_year, &other, &other);
	year = Max(year + 1, as_of_year);
	next = day_in_year(year, month, day);
	if (next < as_of)
		next = day_in_year(year + 1, month, day);
	PG_RETURN_DATEADT(next);
}
