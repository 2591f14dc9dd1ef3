/*
 * history.c
 *		order_history: every order of the customers as one value, from which all
 *		measures can be read, as of any time.
 *
 * What it holds and how is told in engine/history.h.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

#include "access/detoast.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/base64_text.h"
#include "engine/customer_type.h"
#include "engine/history_io.h"
#include "engine/history_state.h"
#include "engine/key_functions.h"
#include "engine/state_read.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define HISTORY_TYPE	"order_history"

/* ------------------------------------------------------------------------
 * The type
 * ------------------------------------------------------------------------
 */

/*
 * order_history_in(cstring) returns order_history
 */
PG_FUNCTION_INFO_V1(order_history_in);
Datum
order_history_in(PG_FUNCTION_ARGS)
{
	StringInfoData bytes;

	message_from_base64(&bytes, PG_GETARG_CSTRING(0), HISTORY_TYPE);
	return history_receive(&bytes);
}

/*
 * order_history_recv(internal) returns order_history
 */
PG_FUNCTION_INFO_V1(order_history_recv);
Datum
order_history_recv(PG_FUNCTION_ARGS)
{
	return history_receive((StringInfo) PG_GETARG_POINTER(0));
}

/*
 * order_history_out(order_history) returns cstring
 */
PG_FUNCTION_INFO_V1(order_history_out);
Datum
order_history_out(PG_FUNCTION_ARGS)
{
	HistoryView view;
	StringInfoData out;

	history_open(&view, PG_GETARG_DATUM(0));
	initStringInfo(&out);
	history_send(&out, &view);
	PG_RETURN_CSTRING(base64_of_message(&out));
}

/*
 * order_history_send(order_history) returns bytea
 */
PG_FUNCTION_INFO_V1(order_history_send);
Datum
order_history_send(PG_FUNCTION_ARGS)
{
	HistoryView view;
	StringInfoData out;

	history_open(&view, PG_GETARG_DATUM(0));
	pq_begintypsend(&out);
	history_send(&out, &view);
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

/* ------------------------------------------------------------------------
 * Building and merging
 * ------------------------------------------------------------------------
 */

/*
 * order_history_transfn_<kind>(order_history, customer, ordered_at, amount)
 */
KEY_FUNCTIONS(order_history_transfn, history_add_row)

/*
 * order_history_combine(order_history, order_history)
 *
 * Both histories as one: for parallel workers, and the transition function of
 * rollup. NULL is no history, so two NULLs are NULL.
 */
PG_FUNCTION_INFO_V1(order_history_combine);
Datum
order_history_combine(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext;
	Datum		alone;

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order_history_combine is called by its aggregate alone"),
				 errhint("Use merge(a, b), or the aggregate rollup.")));
	if (one_alone(fcinfo, &alone))
		return alone;
	PG_RETURN_DATUM(history_merge(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1),
								  aggcontext));
}

/*
 * order_history_finalfn(order_history) returns order_history
 *
 * The value at rest, with equal bytes for equal contents; a large one as it is, to
 * become that when it is stored.
 */
PG_FUNCTION_INFO_V1(order_history_finalfn);
Datum
order_history_finalfn(PG_FUNCTION_ARGS)
{
	const Datum history = PG_GETARG_DATUM(0);

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(history)))
		PG_RETURN_DATUM(value_as_it_is(history));
	PG_RETURN_DATUM(history_pack(history));
}

/*
 * merge(order_history, order_history) returns order_history
 *
 * The rows of both; a row that is in both is in the result twice.
 */
PG_FUNCTION_INFO_V1(order_history_merge);
Datum
order_history_merge(PG_FUNCTION_ARGS)
{
	HistoryView view;
	Datum		copy;

	/* a copy, which may be changed */
	history_open(&view, PG_GETARG_DATUM(0));
	copy = history_value(view.kind, &view.run);
	PG_RETURN_DATUM(history_pack(history_merge(copy, PG_GETARG_DATUM(1),
											   CurrentMemoryContext)));
}

/* ------------------------------------------------------------------------
 * Looking at one
 * ------------------------------------------------------------------------
 */

/* Is it an order, and not a refund or a row of zero? */
static bool
is_order(const HistoryRow *row, const char *base)
{
	return money_is_none(&row->amount) || money_sign(&row->amount, base) > 0;
}

typedef struct HistorySummary
{
	int64		orders;
	TimestampTz first;
	TimestampTz last;
} HistorySummary;

static void
summarize(HistorySummary *summary, const HistoryView *view)
{
	HistoryReader reader;
	HistoryRow	row;
	StateHeap	heap;

	*summary = (HistorySummary) {0, DT_NOEND, DT_NOBEGIN};
	heap_init_scratch(&heap);
	history_reader_init(&reader, view->kind, view->run.records,
						view->run.size, &heap);
	while (history_next_customer(&reader, view->kind))
	{
		CHECK_FOR_INTERRUPTS();
		while (history_next_row(&reader, &row))
			if (is_order(&row, heap.base))
			{
				summary->orders++;
				summary->first = Min(summary->first, row.at);
				summary->last = Max(summary->last, row.at);
			}
		heap.used = 0;
	}
	heap_free_scratch(&heap);
}

enum
{
	INFO_CUSTOMER_TYPE,
	INFO_CUSTOMERS,
	INFO_ORDERS,
	INFO_ROWS,
	INFO_BYTES,
	INFO_FIRST_ORDER_AT,
	INFO_LAST_ORDER_AT,
	INFO_COLUMNS
};

/*
 * history_info(order_history, OUT customer_type, OUT customers, OUT orders,
 * OUT rows, OUT bytes, OUT first_order_at, OUT last_order_at)
 *
 * What a history holds. "rows" are all that went in, "orders" those that are no
 * refunds and not zero; "bytes" are what it takes where it is now.
 */
PG_FUNCTION_INFO_V1(history_info);
Datum
history_info(PG_FUNCTION_ARGS)
{
	Datum		value = PG_GETARG_DATUM(0);
	Datum		values[INFO_COLUMNS];
	bool		nulls[INFO_COLUMNS] = {false};
	HistoryView view;
	HistorySummary summary;

	history_open(&view, value);
	summarize(&summary, &view);
	values[INFO_CUSTOMER_TYPE] =
		CStringGetTextDatum(format_type_be(customer_type_of_kind(view.kind)));
	values[INFO_CUSTOMERS] = Int64GetDatum((int64) view.run.customers);
	values[INFO_ORDERS] = Int64GetDatum(summary.orders);
	values[INFO_ROWS] = Int64GetDatum((int64) view.run.rows);
	values[INFO_BYTES] = Int64GetDatum((int64) toast_datum_size(value));
	values[INFO_FIRST_ORDER_AT] = TimestampTzGetDatum(summary.first);
	values[INFO_LAST_ORDER_AT] = TimestampTzGetDatum(summary.last);
	nulls[INFO_FIRST_ORDER_AT] = summary.orders == 0;
	nulls[INFO_LAST_ORDER_AT] = summary.orders == 0;
	return result_row(fcinfo, values, nulls);
}

/*
 * order_rows(customer_type anyelement, history order_history)
 * returns table (customer, ordered_at, amount)
 *
 * The rows that went in, by customer (in no order that means anything) and time.
 */
enum
{
	ORDER_CUSTOMER,
	ORDER_ORDERED_AT,
	ORDER_AMOUNT,
	ORDER_COLUMNS
};

PG_FUNCTION_INFO_V1(order_rows);
Datum
order_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	MemoryContext row_context;
	HistoryView view;
	HistoryReader reader;
	HistoryRow	row;
	StateHeap	heap;

	result_set_begin(fcinfo);
	if (PG_ARGISNULL(1))
		return (Datum) 0;
	history_open(&view, PG_GETARG_DATUM(1));
	check_customer_anchor(type, view.kind, "first");
	heap_init_scratch(&heap);
	heap.grow(&heap, 64);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "retention rows",
										ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(row_context);
	history_reader_init(&reader, view.kind, view.run.records, view.run.size,
						&heap);
	while (history_next_customer(&reader, view.kind))
	{
		Datum		values[ORDER_COLUMNS];
		bool		nulls[ORDER_COLUMNS] = {false};

		while (history_next_row(&reader, &row))
		{
			CHECK_FOR_INTERRUPTS();
			values[ORDER_CUSTOMER] = customer_key_datum(view.kind, reader.key, heap.base,
														type);
			values[ORDER_ORDERED_AT] = TimestampTzGetDatum(row.at);
			values[ORDER_AMOUNT] = numeric_or_null(money_numeric(&row.amount, heap.base),
												   &nulls[ORDER_AMOUNT]);
			tuplestore_putvalues(result->setResult, result->setDesc, values,
								 nulls);
			MemoryContextReset(row_context);
		}
		heap.used = 0;
	}
	MemoryContextSwitchTo(MemoryContextGetParent(row_context));
	MemoryContextDelete(row_context);
	return (Datum) 0;
}
