/*
 * groups.c
 *		retention_check: rows that have something in common.
 *
 * Rows of one customer at one instant, and of these the ones that are equal in all
 * that is read; and rows of one order. That an id of an order repeats is right
 * where rows are lines, so what it does to the numbers is said in numbers.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "check/examination.h"

#include "base/checks.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* Times as unsigned numbers in their order */
static uint64
word_of_time(uint64 at)
{
	return at ^ (UINT64CONST(1) << 63);
}

/* ------------------------------------------------------------------------
 * One customer at one instant
 * ------------------------------------------------------------------------
 *
 * The key is a word of customer and instant, and the instant; the value a word of
 * amount and order. A second row of a key sends both, and later ones, to another log,
 * in which what is equal has the same key.
 */
static void
log_repeat(Examination *exam, const RecordGroup *group, uint64 rest)
{
	if (exam->repeats == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(exam->context);

		exam->repeats = record_log_create();
		MemoryContextSwitchTo(caller);
	}
	record_log_add(exam->repeats, group->key[0], rest, group->key[1]);
}

static void
fold_instant(RecordGroup *group, uint64 rest, void *arg)
{
	if (group->records == 1)
	{
		group->value = rest;
		return;
	}
	if (group->records == 2)
		log_repeat(arg, group, group->value);
	log_repeat(arg, group, rest);
}

static void
consume_instant(const RecordGroup *group, void *arg)
{
	Examination *exam = arg;

	if (group->records == 1)
		return;
	exam->finding[CHECK_SAME_INSTANT_ROWS].rows += group->records;
	note_best(&exam->best_instant, group->records, group->key[0],
			  group->key[1], word_of_time(group->key[1]));
}

static void
fold_repeat(RecordGroup *group, uint64 at, void *arg)
{
	group->value = at;
}

static void
consume_repeat(const RecordGroup *group, void *arg)
{
	Examination *exam = arg;

	if (group->records == 1)
		return;
	exam->finding[CHECK_DUPLICATE_ROW].rows += group->records;
	exam->copies += group->records - 1;
	note_best(&exam->best_repeat, group->records, group->key[0], group->value,
			  word_of_time(group->value));
}

/* ------------------------------------------------------------------------
 * One order
 * ------------------------------------------------------------------------
 *
 * A group's value is its first amount above zero, its state what is below.
 */
#define ORDER_COUNTS		UINT64CONST(1)	/* a row is an order */
#define ORDER_DIFFERS		UINT64CONST(2)	/* amounts above zero differ */
#define ORDER_PRICED		UINT64CONST(4)	/* times how many are above zero */

static void
fold_order(RecordGroup *group, uint64 value, void *arg)
{
	const uint64 amount = value & ORDER_VALUE_AMOUNT;

	if (value & ORDER_VALUE_COUNTS)
		group->state |= ORDER_COUNTS;
	if (!(value & ORDER_VALUE_PRICED))
		return;
	if (group->state < ORDER_PRICED)
		group->value = amount;
	else if (group->value != amount)
		group->state |= ORDER_DIFFERS;
	group->state += ORDER_PRICED;
}

static void
consume_order(const RecordGroup *group, void *arg)
{
	Examination *exam = arg;
	const uint64 priced = group->state / ORDER_PRICED;

	exam->counted_orders += (group->state & ORDER_COUNTS) != 0;
	if (group->records == 1)
		return;
	exam->finding[CHECK_DUPLICATE_ORDER_ID].rows += group->records;
	note_best(&exam->best_order, group->records, group->key[0], group->key[1], 0);
	if (priced < 2)
		return;
	exam->lines_orders++;
	if (group->state & ORDER_DIFFERS)
		return;
	exam->equal_orders++;
	exam->finding[CHECK_REPEATED_TOTAL].rows += priced;
	note_best(&exam->best_total, priced, group->key[0], group->key[1], 0);
}

/* Whole numbers and uuids can be told from their words. */
static void
name_order(const Examination *exam, BestGroup *group)
{
	const CustomerKey key = {{group->key[0], group->key[1]}};
	unsigned char *uuid;

	if (group->rows == 0)
		return;
	if (exam->order_ids.form == ORDER_ID_INTEGER)
		group->name = psprintf(INT64_FORMAT, key_to_bigint(key));
	else if (exam->order_ids.form == ORDER_ID_UUID)
	{
		uuid = palloc(16);
		key_to_16_bytes(key, uuid);
		group->name = excerpt(value_text(exam->order_ids.type, PointerGetDatum(uuid)));
	}
}

static void
find_orders(Examination *exam)
{
	exam->finding[CHECK_DUPLICATE_ORDER_ID].checked = true;
	exam->finding[CHECK_REPEATED_TOTAL].checked = true;
	if (exam->order_run)
	{
		record_run_groups(exam->order_run, fold_order, consume_order, exam);
		record_run_free(exam->order_run);
	}
	else
	{
		record_log_groups(exam->order_log, fold_order, consume_order, exam);
		record_log_free(exam->order_log);
	}
	exam->counted_orders += exam->counted_no_id;
	name_order(exam, &exam->best_order);
	name_order(exam, &exam->best_total);
}

/*
 * All that rows have in common. What the logs take of memory is given back.
 */
void
find_groups(Examination *exam)
{
	exam->finding[CHECK_SAME_INSTANT_ROWS].checked = true;
	exam->finding[CHECK_DUPLICATE_ROW].checked = true;
	record_log_groups(exam->instants, fold_instant, consume_instant, exam);
	record_log_free(exam->instants);
	if (exam->repeats)
	{
		record_log_groups(exam->repeats, fold_repeat, consume_repeat, exam);
		record_log_free(exam->repeats);
	}
	if (exam->order_ids.form != ORDER_ID_NONE)
		find_orders(exam);
}

/* ------------------------------------------------------------------------
 * In words
 * ------------------------------------------------------------------------
 */

/* Money for each of so many, with two decimals; of none, 0. */
static char *
money_per_text(Examination *exam, int64 count)
{
	Money		money = exam->priced;
	Datum		per;

	money_add(&exam->heap, &money, &exam->refunded, exam->heap.base);
	if (money_is_none(&money) || count == 0)
		return "NULL";
	per = DirectFunctionCall2(numeric_div,
							  NumericGetDatum(money_numeric(&money, exam->heap.base)),
							  NumericGetDatum(int64_to_numeric(count)));
	return numeric_text(DatumGetNumeric(DirectFunctionCall2(numeric_round, per,
															Int32GetDatum(2))));
}

/* Most orders of several amounts have equal ones: each is the order's total. */
bool
repeats_totals(const Examination *exam)
{
	return exam->equal_orders * 2 > exam->lines_orders;
}

static double
share(int64 part, int64 whole)
{
	return whole == 0 ? 0 : (double) part / whole;
}

/*
 * Rows that are lines of an order already counted make the average order too small
 * and every customer of two lines one who came back.
 */
void
find_line_rows(Examination *exam)
{
	Finding    *finding = &exam->finding[CHECK_LINE_ROWS];
	const double by_rows = share(exam->repeat_by_rows, exam->buyers);
	const double by_orders = share(exam->repeat_by_orders, exam->buyers);

	if (exam->order_ids.form == ORDER_ID_NONE)
		return;
	finding->checked = true;
	finding->rows = exam->counted_rows - exam->counted_orders;
	if (finding->rows == 0)
		return;
	if (finding->rows * 100 < exam->counted_orders && by_rows - by_orders < 0.01)
		finding->severity = SEVERITY_INFO;
	/* money that is there several times has no average worth telling */
	finding->example = psprintf("%srepeat_rate %.3f of rows, %.3f of orders",
								repeats_totals(exam) ? "" :
								psprintf("aov %s of rows, %s of orders; ",
										 money_per_text(exam, exam->counted_rows),
										 money_per_text(exam, exam->counted_orders)),
								by_rows, by_orders);
}
