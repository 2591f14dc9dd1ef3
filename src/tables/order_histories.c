/*
 * order_histories.c
 *		order_histories: the orders of a relation as a history for each customer.
 *
 * One history of all is built in a pass over the orders, and its records are the
 * histories of the customers: they are copied as they are.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/customer_call.h"

#include "engine/customer_type.h"
#include "funcapi.h"

enum
{
	HISTORIES_CUSTOMER,
	HISTORIES_HISTORY,
	HISTORIES_COLUMNS
};

/* Reads on to the end of the record that the reader is in: the run it is. */
static HistoryRun
rest_of_record(HistoryReader *reader, const uint8 *begin)
{
	HistoryRun	run = {
		.records = unconstify(uint8 *, begin),
		.customers = 1,
		.rows = reader->rows_left
	};
	HistoryRow	row;

	while (history_next_row(reader, &row))
		if ((reader->rows_left & 0xFFFF) == 0xFFFF)
			CHECK_FOR_INTERRUPTS();
	run.size = reader->at - begin;
	return run;
}

static void
write_histories(const HistoryView *view, void *arg)
{
	CustomerCall *call = arg;
	MemoryContext caller = CurrentMemoryContext;
	HistoryReader reader;
	StateHeap	heap;
	const uint8 *begin;

	heap_init_scratch(&heap);
	heap.grow(&heap, 64);
	history_reader_init(&reader, view->kind, view->run.records, view->run.size,
						&heap);
	MemoryContextSwitchTo(call->row_context);
	while (begin = reader.at, history_next_customer(&reader, view->kind))
	{
		Datum		values[HISTORIES_COLUMNS];
		bool		nulls[HISTORIES_COLUMNS] = {false};
		HistoryRun	run;

		values[HISTORIES_CUSTOMER] = customer_key_datum(view->kind, reader.key,
														heap.base,
														call->customer_type);
		run = rest_of_record(&reader, begin);
		values[HISTORIES_HISTORY] = history_value(view->kind, &run);
		put_row(call, values, nulls);
		heap.used = 0;
	}
	MemoryContextSwitchTo(caller);
	heap_free_scratch(&heap);
}

/*
 * order_histories(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * order_id_column name, tz text) returns table (customer, history)
 *
 * A row per customer, whoever has only refunds too.
 */
PG_FUNCTION_INFO_V1(order_histories);
Datum
order_histories(PG_FUNCTION_ARGS)
{
	enum
	{
		ORDER_ID = ARG_OPTIONS, TZ
	};
	static const OrdersArguments arguments = {
		.relation = ARG_ORDERS_TABLE, .tz = TZ, .order_id = ORDER_ID
	};
	CustomerCall call;
	OrdersSource source;

	customer_call_init(&call, fcinfo, NULL, NULL);
	call.customer_type = get_fn_expr_argtype(fcinfo->flinfo, ARG_CUSTOMER_TYPE);
	orders_source_init(&source, fcinfo, &arguments);
	orders_source_history(&source, write_histories, &call);
	return (Datum) 0;
}
