/*
 * points.c
 *		A customer's points: which were earned, spent, lost and are left.
 *
 * Points that are earned are a lot, usable until it expires. Spending takes from the
 * lots that would expire soonest. So what a row does depends on all rows before it, and
 * rows are kept as they are.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "base/numerics.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/record_list.h"
#include "libpq/pqformat.h"
#include "port.h"

enum
{
	POINTS_AS_OF
};

static const OptionSpec points_options[] = {
	[POINTS_AS_OF] = {"as_of", OPTION_TIME}
};

/* The last instant of the server's calendar stands for never. */
#define NEVER_EXPIRES	DT_NOEND

/* ------------------------------------------------------------------------
 * The rows: instant, expiry (of what was spent: never) and points, as records
 * ------------------------------------------------------------------------
 */
typedef struct PointsTotals
{
	uint64		rows;
} PointsTotals;

static const PointsTotals points_of_nobody = {RECORDS_NONE};

#define POINTS_HEADER	(2 * sizeof(int64))

static void
points_merge_totals(StateHeap *heap, void *into, const void *from,
					const char *from_base)
{
	record_list_merge(heap, &((PointsTotals *) into)->rows, from_base,
					  ((const PointsTotals *) from)->rows);
}

static void
write_row(StringInfo record, TimestampTz at, TimestampTz expires_at,
		  const Money *points, const char *base)
{
	char		header[POINTS_HEADER];

	(void) record_put_int64(record_put_int64(header, at), expires_at);
	appendBinaryStringInfo(record, header, sizeof(header));
	money_send(record, points, base);
}

typedef struct PointsRow
{
	TimestampTz at;
	TimestampTz expires_at;		/* NEVER_EXPIRES, too, of what is spent */
	Money		points;			/* above 0: earned; below: spent */
} PointsRow;

/* Reads a record; the points go into the heap, if they are wide. */
static PointsRow
read_row(const ByteRecord *record, StateHeap *heap)
{
	const char *bytes = record->bytes;
	StringInfoData message;
	PointsRow	row;

	row.at = record_get_int64(&bytes);
	row.expires_at = record_get_int64(&bytes);
	/* read, and never written to */
	message.data = unconstify(char *, bytes);
	message.len = message.maxlen = (int) (record->size - POINTS_HEADER);
	message.cursor = 0;
	money_receive(&message, heap, &row.points);
	return row;
}

static bool
row_valid(const ByteRecord *record, StateHeap *heap, TimestampTz as_of)
{
	StringInfoData again;
	PointsRow	row;
	bool		is_earned;
	bool		is_same;

	if (record->size <= POINTS_HEADER ||
		!money_message_is_whole(record->bytes + POINTS_HEADER,
								record->size - POINTS_HEADER))
		return false;
	row = read_row(record, heap);
	if (money_is_none(&row.points) || money_sign(&row.points, heap->base) == 0 ||
		!IS_VALID_TIMESTAMP(row.at) || row.at >= as_of)
		return false;
	is_earned = money_sign(&row.points, heap->base) > 0;
	if (row.expires_at != NEVER_EXPIRES &&
		(!is_earned || !IS_VALID_TIMESTAMP(row.expires_at)))
		return false;
	initStringInfo(&again);
	write_row(&again, row.at, row.expires_at, &row.points, heap->base);
	is_same = again.len == record->size &&
		memcmp(again.data, record->bytes, again.len) == 0;
	pfree(again.data);
	return is_same;
}

static bool
points_valid(const void *totals, const char *heap_base,
			 const StateOptions *options)
{
	SortedRecords rows = record_list_sort(heap_base,
										  ((const PointsTotals *) totals)->rows);
	StateHeap	heap;

	heap_init_scratch(&heap);
	for (uint32 i = 0; i < rows.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		heap.used = 0;
		if (!row_valid(&rows.record[i], &heap,
					   options->value[POINTS_AS_OF].time))
			return false;
	}
	return true;
}

retention_internal const CustomerFamily points_family = {
	.name = "points",
	.id = FAMILY_POINTS,
	.noptions = lengthof(points_options),
	.options = points_options,
	.totals_fields = STATE_FIELDS(FIELD(PointsTotals, rows, RECORDS)),
	.totals_size = sizeof(PointsTotals),
	.totals_identity = &points_of_nobody,
	.merge_totals = points_merge_totals,
	.valid = points_valid
};

/* The argument expires_at of points that are earned */
static TimestampTz
expires_at_arg(FunctionCallInfo fcinfo, int argument)
{
	TimestampTz at;

	if (PG_ARGISNULL(argument))
		return NEVER_EXPIRES;
	at = PG_GETARG_TIMESTAMPTZ(argument);
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"expires_at\" must be a finite time, not infinity or -infinity"),
				 errhint("Points that never expire have NULL.")));
	return at;
}

/* The arguments of points_transfn, before the options */
enum
{
	ROW_STATE,
	ROW_AT,
	ROW_POINTS,
	ROW_EXPIRES_AT,
	ROW_ARGS
};

static void
add_row(StateUpdate *update, FunctionCallInfo fcinfo, TimestampTz at)
{
	StateHeap  *row_heap = state_row_heap(update);
	StringInfoData record;
	PointsTotals totals;
	Money		points;
	int			sign;

	money_from_datum(row_heap, &points, PG_GETARG_DATUM(ROW_POINTS), "points");
	sign = money_sign(&points, row_heap->base);
	if (sign == 0)
		return;
	initStringInfo(&record);
	write_row(&record, at, sign > 0 ? expires_at_arg(fcinfo, ROW_EXPIRES_AT) : NEVER_EXPIRES,
			  &points, row_heap->base);
	/* a copy, since a flat table moves if its heap grows */
	memcpy(&totals, update->table->totals, sizeof(totals));
	record_list_add(&update->table->heap, &totals.rows, record.data, record.len);
	memcpy(update->table->totals, &totals, sizeof(totals));
	pfree(record.data);
}

/*
 * points_transfn(retention_state, at timestamptz, points numeric, expires_at
 * timestamptz, as_of timestamptz)
 */
PG_FUNCTION_INFO_V1(points_transfn);
Datum
points_transfn(PG_FUNCTION_ARGS)
{
	StateUpdate update;
	TimestampTz at;

	state_update_begin(&update, fcinfo, &points_family, KEY_NONE, ROW_ARGS, 0);
	if (!PG_ARGISNULL(ROW_AT) && !PG_ARGISNULL(ROW_POINTS))
	{
		at = PG_GETARG_TIMESTAMPTZ(ROW_AT);
		check_finite_time(at, "at");
		if (at < update.table->options->value[POINTS_AS_OF].time)
			add_row(&update, fcinfo, at);
	}
	return state_update_end(&update);
}

/* ------------------------------------------------------------------------
 * The lots
 * ------------------------------------------------------------------------
 */

/* A row as the lots are made of it */
typedef struct PointsEvent
{
	TimestampTz at;
	TimestampTz expires_at;
	Numeric		points;
	bool		is_earned;
} PointsEvent;

typedef struct PointsLot
{
	TimestampTz earned_at;
	TimestampTz expires_at;
	Numeric		earned;
	Numeric		spent;
	Numeric		left;			/* earned - spent: to be used, or expired */
} PointsLot;

/*
 * Lots in the order of their rows: when they were earned, when they expire, how many
 * points they are. "heap" is a binary heap of those that may still be spent, the
 * soonest to expire first, and in that order among equals.
 */
typedef struct PointsLots
{
	PointsLot  *lot;
	uint32		count;
	uint32	   *heap;
	uint32		waiting;		/* lots in it */
	Numeric		debt;			/* spent, and not covered by any lot: 0 or
								 * more */
	Numeric		zero;
	TimestampTz as_of;
} PointsLots;

static int
compare_events(const void *a, const void *b)
{
	const PointsEvent *x = a;
	const PointsEvent *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->is_earned != y->is_earned)
		return x->is_earned ? -1 : 1;
	if (x->expires_at != y->expires_at)
		return x->expires_at < y->expires_at ? -1 : 1;
	return numeric_compare(x->points, y->points);
}

static PointsEvent *
points_events(const CustomerTable *table, uint32 *count)
{
	PointsTotals totals;
	SortedRecords rows;
	PointsEvent *events;
	StateHeap	heap;

	memcpy(&totals, table->totals, sizeof(totals));
	rows = record_list_sort(table->heap.base, totals.rows);
	events = array_alloc(rows.count, sizeof(PointsEvent));
	heap_init_scratch(&heap);
	for (uint32 i = 0; i < rows.count; i++)
	{
		PointsRow	row;

		CHECK_FOR_INTERRUPTS();
		heap.used = 0;
		row = read_row(&rows.record[i], &heap);
		events[i] = (PointsEvent) {
			.at = row.at,
			.expires_at = row.expires_at,
			.points = money_numeric(&row.points, heap.base),
			.is_earned = money_sign(&row.points, heap.base) > 0
		};
	}
	heap_free_scratch(&heap);
	if (rows.count > 1)
		qsort(events, rows.count, sizeof(PointsEvent), compare_events);
	*count = rows.count;
	return events;
}

static bool
is_spent_before(const PointsLots *lots, uint32 a, uint32 b)
{
	const TimestampTz x = lots->lot[a].expires_at;
	const TimestampTz y = lots->lot[b].expires_at;

	return x != y ? x < y : a < b;
}

static void
push_lot(PointsLots *lots, uint32 lot)
{
	uint32	   *heap = lots->heap;
	uint32		at = lots->waiting++;

	while (at > 0 && is_spent_before(lots, lot, heap[(at - 1) / 2]))
	{
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = lot;
}

static void
pop_lot(PointsLots *lots)
{
	uint32	   *heap = lots->heap;
	const uint32 last = heap[--lots->waiting];
	uint32		at = 0;
	uint32		child;

	while ((child = 2 * at + 1) < lots->waiting)
	{
		if (child + 1 < lots->waiting &&
			is_spent_before(lots, heap[child + 1], heap[child]))
			child++;
		if (!is_spent_before(lots, heap[child], last))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = last;
}

static void
earn(PointsLots *lots, const PointsEvent *event)
{
	lots->lot[lots->count] = (PointsLot) {
		.earned_at = event->at,
		.expires_at = event->expires_at,
		.earned = event->points,
		.spent = lots->zero,
		.left = event->points
	};
	push_lot(lots, lots->count++);
}

/* Pays the debt from the lots that are alive at that instant. */
static void
pay(PointsLots *lots, TimestampTz at)
{
	while (lots->waiting > 0 && numeric_compare(lots->debt, lots->zero) > 0)
	{
		PointsLot  *lot = &lots->lot[lots->heap[0]];
		Numeric		paid = lots->debt;

		CHECK_FOR_INTERRUPTS();
		if (lot->expires_at <= at)
		{
			pop_lot(lots);
			continue;
		}
		if (numeric_compare(lot->left, paid) <= 0)
		{
			paid = lot->left;
			pop_lot(lots);
		}
		lot->spent = numeric_plus(lot->spent, paid);
		lot->left = numeric_minus(lot->left, paid);
		lots->debt = numeric_minus(lots->debt, paid);
	}
}

/* All lots as they are at as_of; false of a customer without points. */
static bool
read_lots(FunctionCallInfo fcinfo, PointsLots *lots, const char *wanted)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	PointsEvent *events;
	uint32		count;

	if (table->family != &points_family)
		reject_state(table, wanted);
	events = points_events(table, &count);
	*lots = (PointsLots) {
		.lot = array_alloc(count, sizeof(PointsLot)),
		.heap = array_alloc(count, sizeof(uint32)),
		.zero = int64_to_numeric(0),
		.as_of = table->options->value[POINTS_AS_OF].time
	};
	lots->debt = lots->zero;
	for (uint32 i = 0; i < count; i++)
	{
		if (events[i].is_earned)
			earn(lots, &events[i]);
		else
			lots->debt = numeric_minus(lots->debt, events[i].points);
		/* all of one instant, and then what was earned pays */
		if (i + 1 == count || events[i + 1].at != events[i].at)
			pay(lots, events[i].at);
	}
	return count > 0;
}

static bool
has_expired(const PointsLots *lots, const PointsLot *lot)
{
	return lot->expires_at != NEVER_EXPIRES && lot->expires_at <= lots->as_of;
}

/* The columns of points_lot */
enum
{
	LOT_EARNED_AT,
	LOT_EXPIRES_AT,
	LOT_EARNED,
	LOT_SPENT,
	LOT_EXPIRED,
	LOT_REMAINING,
	LOT_COLUMNS
};

static void
add_lot(ResultRows *rows, const PointsLots *lots, const PointsLot *lot)
{
	const bool	expired = has_expired(lots, lot);
	Datum		values[LOT_COLUMNS];
	bool		nulls[LOT_COLUMNS] = {false};

	values[LOT_EARNED_AT] = TimestampTzGetDatum(lot->earned_at);
	values[LOT_EXPIRES_AT] = TimestampTzGetDatum(lot->expires_at);
	nulls[LOT_EXPIRES_AT] = lot->expires_at == NEVER_EXPIRES;
	values[LOT_EARNED] = NumericGetDatum(lot->earned);
	values[LOT_SPENT] = NumericGetDatum(lot->spent);
	values[LOT_EXPIRED] = NumericGetDatum(expired ? lot->left : lots->zero);
	values[LOT_REMAINING] = NumericGetDatum(expired ? lots->zero : lot->left);
	result_rows_add(rows, values, nulls);
}

static void
add_debt(ResultRows *rows, const PointsLots *lots)
{
	Datum		values[LOT_COLUMNS];
	bool		nulls[LOT_COLUMNS] = {false};

	nulls[LOT_EARNED_AT] = nulls[LOT_EXPIRES_AT] = true;
	values[LOT_EARNED] = values[LOT_SPENT] = values[LOT_EXPIRED] =
		NumericGetDatum(lots->zero);
	values[LOT_REMAINING] = NumericGetDatum(numeric_minus(lots->zero, lots->debt));
	result_rows_add(rows, values, nulls);
}

/*
 * points_lots(retention_state) returns points_lot[]
 *
 * NULL of a customer without points.
 */
PG_FUNCTION_INFO_V1(points_lots);
Datum
points_lots(PG_FUNCTION_ARGS)
{
	PointsLots	lots;
	ResultRows	rows;

	if (!read_lots(fcinfo, &lots, "points_lots"))
		PG_RETURN_NULL();
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, LOT_COLUMNS);
	for (uint32 i = 0; i < lots.count; i++)
		add_lot(&rows, &lots, &lots.lot[i]);
	if (numeric_compare(lots.debt, lots.zero) > 0)
		add_debt(&rows, &lots);
	return result_rows_array(&rows);
}

/*
 * points_balance(retention_state) returns numeric
 *
 * What remains of all lots, less the debt; NULL of a customer without points.
 */
PG_FUNCTION_INFO_V1(points_balance);
Datum
points_balance(PG_FUNCTION_ARGS)
{
	PointsLots	lots;
	Numeric		balance;

	if (!read_lots(fcinfo, &lots, "points_balance"))
		PG_RETURN_NULL();
	balance = numeric_minus(lots.zero, lots.debt);
	for (uint32 i = 0; i < lots.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!has_expired(&lots, &lots.lot[i]))
			balance = numeric_plus(balance, lots.lot[i].left);
	}
	PG_RETURN_NUMERIC(balance);
}
