/*
 * history_state.c
 *		An order_history while it is being built, and opened to be read.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/history_state.h"

#include "base/checks.h"
#include "engine/customer_type.h"
#include "engine/key_io.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A log that would outgrow this is expanded. */
#define LOG_LIMIT		(16 * 1024)

/* A packed history of so many rows is merged as a run, not row by row. */
#define RUN_FROM		8192

static void
reject_history(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid order history: %s", what)));
}

/* ------------------------------------------------------------------------
 * Flat values
 * ------------------------------------------------------------------------
 */
static uint8 *
flat_records(const HistoryHeader *header)
{
	return (uint8 *) header + sizeof(HistoryHeader);
}

/* Bytes of records there is room for. */
static uint64
flat_room(const HistoryHeader *header)
{
	return VARSIZE(header) - sizeof(HistoryHeader) - HISTORY_PAD;
}

/* A detoasted value, looked at from outside; what is in it was checked when made. */
static HistoryHeader *
flat_open(Datum value)
{
	HistoryHeader *header = (HistoryHeader *) PG_DETOAST_DATUM(value);

	if (VARSIZE(header) < sizeof(HistoryHeader) + HISTORY_PAD)
		reject_history("it is too short");
	if (header->format != HISTORY_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("order history has format %d, this version reads format %d",
						header->format, HISTORY_FORMAT)));
	if (header->kind != KEY_BIGINT && header->kind != KEY_TEXT &&
		header->kind != KEY_UUID)
		reject_history("unknown type of customer");
	if (header->size > flat_room(header))
		reject_history("it is cut off");
	return header;
}

static HistoryHeader *
flat_create(KeyKind kind, uint64 room)
{
	uint64		size = sizeof(HistoryHeader) + room + HISTORY_PAD;
	HistoryHeader *header = palloc0(size);

	SET_VARSIZE(header, size);
	header->format = HISTORY_FORMAT;
	header->kind = kind;
	return header;
}

static retention_noreturn void
reject_large_history(const HistoryRun *run, uint64 size)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("order history of " UINT64_FORMAT " rows of " UINT64_FORMAT " customers takes " UINT64_FORMAT " bytes, more than the 1 GB a value can have",
					run->rows, run->customers, size),
			 errhint("Split it with GROUP BY on the customer, or on a part of it (such as customer_id %% 64).")));
}

/* A packed run as a value. */
Datum
history_value(KeyKind kind, const HistoryRun *run)
{
	uint64		size = sizeof(HistoryHeader) + run->size + HISTORY_PAD;
	HistoryHeader *header;

	if (size > MaxAllocSize)
		reject_large_history(run, size);
	header = flat_create(kind, run->size);
	memcpy(flat_records(header), run->records, run->size);
	header->size = run->size;
	header->records = run->customers;
	header->rows = run->rows;
	return PointerGetDatum(header);
}

/* Appends records to a log in place, or to a larger copy of it. */
static HistoryHeader *
log_append(HistoryHeader *log, const HistoryHeader *counts,
		   const uint8 *records, uint64 size)
{
	if (log->size + size > flat_room(log))
	{
		HistoryHeader *old = log;

		log = flat_create(old->kind, (old->size + size) * 2);
		memcpy(flat_records(log), flat_records(old), old->size);
		log->size = old->size;
		log->records = old->records;
		log->rows = old->rows;
	}
	memcpy(flat_records(log) + log->size, records, size);
	log->is_log = true;
	log->size += size;
	log->records += counts->records;
	log->rows += counts->rows;

	return log;
}

/* Takes all rows out of records. */
static void
take_records(LooseRows *rows, const uint8 *records, uint64 size)
{
	HistoryReader reader;

	history_reader_init(&reader, rows->kind, records, size, &rows->heap);
	while (history_next_customer(&reader, rows->kind))
		loose_rows_take_record(rows, &reader);
}

static void
run_of_writer(HistoryRun *run, const HistoryWriter *writer)
{
	run->records = writer->base;
	run->size = writer->used;
	run->customers = writer->records;
	run->rows = writer->rows;
}

/* The rows as a packed value; they are forgotten. */
Datum
history_of_rows(LooseRows *rows)
{
	HistoryWriter writer;
	HistoryRun	run;
	Datum		value;

	history_writer_init(&writer, rows->kind, rows->count * 8 + 64);
	history_write_packed(&writer, rows);
	run_of_writer(&run, &writer);
	value = history_value(rows->kind, &run);
	pfree(writer.base);
	return value;
}

/* ------------------------------------------------------------------------
 * The expanded form
 * ------------------------------------------------------------------------
 */
static Size expanded_flat_size(ExpandedObjectHeader *header);
static void expanded_flatten_into(ExpandedObjectHeader *header, void *result,
								  Size allocated_size);

static const ExpandedObjectMethods history_methods = {
	expanded_flat_size,
	expanded_flatten_into
};

static ExpandedHistory *
expanded_create(MemoryContext parent, KeyKind kind)
{
	MemoryContext context = AllocSetContextCreate(parent, "retention history",
												  ALLOCSET_START_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ExpandedHistory *history = palloc0(sizeof(ExpandedHistory));

	EOH_init_header(&history->header, &history_methods, context);
	history->kind = kind;
	loose_rows_init(&history->loose, kind);
	history->runs_room = 4;
	history->runs = palloc(history->runs_room * sizeof(HistoryRun));
	history->compact_at = get_hash_memory_limit();
	MemoryContextSwitchTo(caller);
	return history;
}

static void
add_run(ExpandedHistory *history, const HistoryRun *run)
{
	if (history->nruns == history->runs_room)
	{
		history->runs_room *= 2;
		history->runs = repalloc_huge(history->runs,
									  history->runs_room * sizeof(HistoryRun));
	}
	history->runs[history->nruns++] = *run;
	history->run_bytes += run->size;
}

/* The first word of the key that the reader is at. */
static uint64
peek_word(const HistoryReader *reader)
{
	const uint8 *at = reader->at;
	uint64		length;

	if (reader->kind != KEY_TEXT)
		return load_little_endian(at);
	length = varint_read(&at);
	if (length <= MOST_INLINE_TEXT)
		return key_from_short_text((const char *) at, (int) length).word[0];
	return hash_bytes_extended(at, (int) length, 0);
}

/*
 * All runs as one. The space of keys is cut into parts of about HISTORY_BATCH rows;
 * each part is taken out of all runs, which have it in one piece, and written.
 */
static void
merge_runs(ExpandedHistory *history, HistoryWriter *writer)
{
	HistoryReader *readers = array_alloc(history->nruns, sizeof(HistoryReader));
	LooseRows	rows;
	uint64		all = 0;
	uint64		parts;

	loose_rows_init(&rows, history->kind);
	for (int i = 0; i < history->nruns; i++)
	{
		history_reader_init(&readers[i], history->kind, history->runs[i].records,
							history->runs[i].size, &rows.heap);
		all += history->runs[i].rows;
	}
	parts = all / HISTORY_BATCH + 1;
	for (uint64 part = 1; part <= parts; part++)
	{
		uint64		end = part == parts ? PG_UINT64_MAX :
			PG_UINT64_MAX / parts * part;

		for (int i = 0; i < history->nruns; i++)
		{
			HistoryReader *reader = &readers[i];

			while (reader->at < reader->end &&
				   (peek_word(reader) < end || part == parts) &&
				   history_next_customer(reader, history->kind))
				loose_rows_take_record(&rows, reader);
			CHECK_FOR_INTERRUPTS();
		}
		history_write_packed(writer, &rows);
	}
	loose_rows_free(&rows);
	pfree(readers);
}

/* Puts the loose rows into a run. */
static void
flush_loose_rows(ExpandedHistory *history)
{
	HistoryWriter writer;
	HistoryRun	run;

	if (history->loose.count == 0)
		return;
	history_writer_init(&writer, history->kind, history->loose.count * 20);
	history_write_packed(&writer, &history->loose);
	run_of_writer(&run, &writer);
	run.records = repalloc_huge(run.records, run.size + HISTORY_PAD);
	add_run(history, &run);
}

/* Makes one packed run of all there is; what it means does not change. */
static void
compact(ExpandedHistory *history)
{
	MemoryContext caller = MemoryContextSwitchTo(history->header.eoh_context);
	HistoryWriter writer;
	HistoryRun	run;

	flush_loose_rows(history);
	if (history->nruns != 1)
	{
		history_writer_init(&writer, history->kind, history->run_bytes / 2 + 64);
		merge_runs(history, &writer);
		for (int i = 0; i < history->nruns; i++)
			pfree(history->runs[i].records);
		run_of_writer(&run, &writer);
		run.records = repalloc_huge(run.records, run.size + HISTORY_PAD);
		history->nruns = 0;
		history->run_bytes = 0;
		add_run(history, &run);
		history->compact_at = Max(history->compact_at, run.size * 2);
	}
	MemoryContextSwitchTo(caller);
}

static void
absorb_batch(ExpandedHistory *history)
{
	MemoryContext caller = MemoryContextSwitchTo(history->header.eoh_context);

	flush_loose_rows(history);
	if (history->run_bytes > history->compact_at)
		compact(history);
	MemoryContextSwitchTo(caller);
}

static Size
expanded_flat_size(ExpandedObjectHeader *header)
{
	ExpandedHistory *history = (ExpandedHistory *) header;
	uint64		size;

	compact(history);
	size = sizeof(HistoryHeader) + history->runs[0].size + HISTORY_PAD;
	if (size > MaxAllocSize)
		reject_large_history(&history->runs[0], size);
	return size;
}

static void
expanded_flatten_into(ExpandedObjectHeader *header, void *result,
					  Size allocated_size)
{
	ExpandedHistory *history = (ExpandedHistory *) header;
	const HistoryRun *run = &history->runs[0];
	HistoryHeader *flat = result;

	memset(flat, 0, sizeof(HistoryHeader));
	SET_VARSIZE(flat, allocated_size);
	flat->format = HISTORY_FORMAT;
	flat->kind = history->kind;
	flat->records = run->customers;
	flat->rows = run->rows;
	flat->size = run->size;
	memcpy(flat_records(flat), run->records, run->size);
	memset(flat_records(flat) + run->size, 0, HISTORY_PAD);
}

/* An expanded history with what a flat one has. */
static ExpandedHistory *
expand(const HistoryHeader *flat, MemoryContext context)
{
	ExpandedHistory *history = expanded_create(context, flat->kind);

	loose_rows_reserve(&history->loose, flat->rows);
	take_records(&history->loose, flat_records(flat), flat->size);
	if (history->loose.count >= HISTORY_BATCH)
		absorb_batch(history);
	return history;
}

/* ------------------------------------------------------------------------
 * Adding
 * ------------------------------------------------------------------------
 */

/* The arguments of the transition, of whatever type of customers. */
enum
{
	ROW_STATE,
	ROW_CUSTOMER,
	ROW_ORDERED_AT,
	ROW_AMOUNT
};

/* Of an error about an order: it can be one of millions. */
static void
tell_customer(void *arg)
{
	errdetail("It is an order of customer %s.", (const char *) arg);
	errhint("Correct it; retention_check finds all orders of this kind.");
}

/* An error for a row that no history can hold. */
static void
reject_row(FunctionCallInfo fcinfo, KeyKind kind)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack, .callback = tell_customer
	};

	callback.arg = excerpt(value_text(customer_type_of_kind(kind),
									  PG_GETARG_DATUM(ROW_CUSTOMER)));
	error_context_stack = &callback;
	check_finite_time(PG_GETARG_TIMESTAMPTZ(ROW_ORDERED_AT), "ordered_at");
	if (!PG_ARGISNULL(ROW_AMOUNT))
		check_finite_numeric(PG_GETARG_NUMERIC(ROW_AMOUNT), "amount");
	error_context_stack = callback.previous;
}

static Money
amount_argument(FunctionCallInfo fcinfo, KeyKind kind, StateHeap *heap)
{
	Money		amount = {0, 0};

	if (PG_ARGISNULL(ROW_AMOUNT))
		return amount;
	money_from_datum(heap, &amount, PG_GETARG_DATUM(ROW_AMOUNT), NULL);
	if (unlikely(!money_is_finite(&amount, heap->base)))
		reject_row(fcinfo, kind);
	return amount;
}

static void
reject_other_kind(KeyKind a, KeyKind b)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("cannot merge order histories whose customers are of types %s and %s",
					format_type_be(customer_type_of_kind(a)),
					format_type_be(customer_type_of_kind(b)))));
}

static void
expanded_add(ExpandedHistory *history, FunctionCallInfo fcinfo, KeyKind kind)
{
	LooseRows  *loose = &history->loose;
	CustomerKey key = key_from_datum(kind, PG_GETARG_DATUM(ROW_CUSTOMER), &loose->heap);
	Money		amount = amount_argument(fcinfo, kind, &loose->heap);

	loose_rows_add(loose, key, PG_GETARG_TIMESTAMPTZ(ROW_ORDERED_AT), amount);
	if (unlikely(loose->count >= HISTORY_BATCH))
		absorb_batch(history);
}

static Datum
log_add(HistoryHeader *log, FunctionCallInfo fcinfo, KeyKind kind)
{
	const HistoryHeader one = {.records = 1, .rows = 1};
	HistoryWriter writer;
	StateHeap	heap;
	CustomerKey key;
	HistoryRow	row;

	heap_init_scratch(&heap);
	key = key_from_datum(kind, PG_GETARG_DATUM(ROW_CUSTOMER), &heap);
	row.at = PG_GETARG_TIMESTAMPTZ(ROW_ORDERED_AT);
	row.amount = amount_argument(fcinfo, kind, &heap);
	history_writer_init(&writer, kind, 64);
	history_write_log(&writer, key, &row, heap.base);
	if (log == NULL)
		log = flat_create(kind, writer.used);
	log = log_append(log, &one, writer.base, writer.used);
	pfree(writer.base);
	heap_free_scratch(&heap);
	return PointerGetDatum(log);
}

/*
 * The transition of order_history: (state, customer, ordered_at, amount). A row
 * without a customer or a time is no row.
 */
Datum
history_add_row(FunctionCallInfo fcinfo, KeyKind kind)
{
	MemoryContext aggcontext = aggregate_context(fcinfo);
	HistoryHeader *log = NULL;
	bool		skip = PG_ARGISNULL(ROW_CUSTOMER) || PG_ARGISNULL(ROW_ORDERED_AT);

	if (!skip && TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(ROW_ORDERED_AT)))
		reject_row(fcinfo, kind);
	if (PG_ARGISNULL(ROW_STATE))
	{
		if (skip)
			PG_RETURN_NULL();
		PG_RETURN_DATUM(log_add(NULL, fcinfo, kind));
	}
	if (skip)
		PG_RETURN_DATUM(PG_GETARG_DATUM(ROW_STATE));
	if (!VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(ROW_STATE))))
	{
		log = flat_open(PG_GETARG_DATUM(ROW_STATE));
		if (log->kind != kind)
			reject_other_kind(log->kind, kind);
		if (log->size < LOG_LIMIT)
			PG_RETURN_DATUM(log_add(log, fcinfo, kind));
	}
	{
		ExpandedHistory *history = log ? expand(log, aggcontext) :
			(ExpandedHistory *) DatumGetEOHP(PG_GETARG_DATUM(ROW_STATE));

		if (history->kind != kind)
			reject_other_kind(history->kind, kind);
		expanded_add(history, fcinfo, kind);
		PG_RETURN_DATUM(EOHPGetRWDatum(&history->header));
	}
}

/* ------------------------------------------------------------------------
 * Merging and reading
 * ------------------------------------------------------------------------
 */
static void
expanded_merge(ExpandedHistory *into, const HistoryHeader *from)
{
	if (from->kind != into->kind)
		reject_other_kind(into->kind, from->kind);
	if (!from->is_log && from->rows >= RUN_FROM)
	{
		HistoryRun	run = {
			.records = MemoryContextAllocHuge(into->header.eoh_context,
											  (Size) from->size + HISTORY_PAD),
			.size = from->size,
			.customers = from->records,
			.rows = from->rows
		};

		memcpy(run.records, flat_records(from), from->size + HISTORY_PAD);
		add_run(into, &run);
		if (into->run_bytes > into->compact_at)
			compact(into);
		return;
	}
	loose_rows_reserve(&into->loose, into->loose.count + from->rows);
	take_records(&into->loose, flat_records(from), from->size);
	if (into->loose.count >= HISTORY_BATCH)
		absorb_batch(into);
}

/*
 * a += b, both histories of the same type of customers. "a" is changed in place, or
 * the result is another; where it must be expanded, in that memory context.
 */
Datum
history_merge(Datum a, Datum b, MemoryContext context)
{
	ExpandedHistory *into;
	HistoryHeader *from = flat_open(b);

	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(a)))
		into = (ExpandedHistory *) DatumGetEOHP(a);
	else
	{
		HistoryHeader *log = flat_open(a);

		if (log->kind != from->kind)
			reject_other_kind(log->kind, from->kind);
		if ((uint64) log->size + from->size < LOG_LIMIT)
			return PointerGetDatum(log_append(log, from, flat_records(from),
											  from->size));
		if (!log->is_log && log->rows >= RUN_FROM)
		{
			into = expanded_create(context, log->kind);
			expanded_merge(into, log);
		}
		else
			into = expand(log, context);
	}
	expanded_merge(into, from);
	return EOHPGetRWDatum(&into->header);
}

/* The value as one packed run; it lives as long as the value, or this context. */
void
history_open(HistoryView *view, Datum value)
{
	HistoryHeader *flat;

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
	{
		ExpandedHistory *history = (ExpandedHistory *) DatumGetEOHP(value);

		compact(history);
		view->kind = history->kind;
		view->run = history->runs[0];
		return;
	}
	flat = flat_open(value);
	if (flat->is_log)
		flat = (HistoryHeader *) DatumGetPointer(history_pack(PointerGetDatum(flat)));
	view->kind = flat->kind;
	view->run = (HistoryRun) {
		.records = flat_records(flat),
		.size = flat->size,
		.customers = flat->records,
		.rows = flat->rows
	};
}

/* The value at rest: packed and flat, in the current memory context. */
Datum
history_pack(Datum value)
{
	HistoryHeader *flat;
	LooseRows	rows;
	Datum		packed;

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
	{
		ExpandedHistory *history = (ExpandedHistory *) DatumGetEOHP(value);

		compact(history);
		return history_value(history->kind, &history->runs[0]);
	}
	flat = flat_open(value);
	if (!flat->is_log)
		return PointerGetDatum(flat);
	loose_rows_init(&rows, flat->kind);
	loose_rows_reserve(&rows, flat->rows);
	take_records(&rows, flat_records(flat), flat->size);
	packed = history_of_rows(&rows);
	loose_rows_free(&rows);
	return packed;
}
