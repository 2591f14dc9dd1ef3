/*
 * history_io.c
 *		order_history outside the server: text and binary form.
 *
 * The binary form, numbers in network byte order:
 *
 *		"RH" | format | key kind | int32 customers
 *		customers:	key as given (bigint: 8 bytes; uuid: 16; text: int32 length and
 *					bytes), int32 length, and what follows the key in its record
 *					(history.h), which is the same on all machines
 *
 * The text form is the binary one in base64. Anybody can feed either: every length
 * is checked before it is used, and the rows are sorted and written anew.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/history_io.h"

#include "common/int.h"
#include "engine/history_state.h"
#include "engine/key_io.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MAGIC	"RH"

static retention_noreturn void
reject_bytes(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid order_history: %s", what)));
}

/* ------------------------------------------------------------------------
 * Out
 * ------------------------------------------------------------------------
 */

/* To the record's end */
static void
skip_rows(HistoryReader *reader)
{
	HistoryRow	row;

	while (history_next_row(reader, &row))
		;
}

void
history_send(StringInfo out, const HistoryView *view)
{
	HistoryReader reader;
	StateHeap	heap;

	/* of a bigint's key as many bytes go out as lie here, of others fewer */
	if ((view->run.size + view->run.customers * 8) * 4 / 3 > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("order history of " UINT64_FORMAT " rows is too large to leave the server",
						view->run.rows),
				 errhint("Split it with GROUP BY on a part of the customer (such as customer_id %% 64).")));
	heap_init_scratch(&heap);
	pq_sendbytes(out, MAGIC, strlen(MAGIC));
	pq_sendbyte(out, HISTORY_FORMAT);
	pq_sendbyte(out, view->kind);
	pq_sendint32(out, view->run.customers);
	history_reader_init(&reader, view->kind, view->run.records,
						view->run.size, &heap);
	while (history_next_customer(&reader, view->kind))
	{
		CHECK_FOR_INTERRUPTS();
		key_send(out, view->kind, reader.key, heap.base);
		skip_rows(&reader);
		pq_sendint32(out, reader.at - reader.body);
		pq_sendbytes(out, (const char *) reader.body, reader.at - reader.body);
		heap.used = 0;
	}
	heap_free_scratch(&heap);
}

/* ------------------------------------------------------------------------
 * In
 * ------------------------------------------------------------------------
 */

/* So many bytes of the message, which says what is missing if they are not there. */
static const char *
take_bytes(StringInfo in, uint64 size)
{
	if (size > (uint64) (in->len - in->cursor))
		reject_bytes("it is cut off");
	return pq_getmsgbytes(in, (int) size);
}

static uint32
take_int32(StringInfo in)
{
	uint32		number;

	memcpy(&number, take_bytes(in, sizeof(number)), sizeof(number));
	return pg_ntoh32(number);
}

/* A number that ends before "end". */
static uint64
checked_varint(const uint8 **at, const uint8 *end)
{
	if (*at >= end || end - *at < varint_size(**at))
		reject_bytes("a number is cut off");
	return varint_read(at);
}

static Money
checked_escape(const uint8 **at, const uint8 *end, StateHeap *heap)
{
	uint64		form = checked_varint(at, end);
	StringInfoData bytes;
	Money		amount;
	int64		number;

	if (form == 0)
		reject_bytes("impossible amount");
	if (form <= ESCAPED_MONEY)
	{
		number = unzigzag(checked_varint(at, end));
		if (!money_set_narrow(&amount, number, (int) form - 1))
			reject_bytes("impossible amount");
		return amount;
	}
	if (form - ESCAPED_MONEY > (uint64) (end - *at) ||
		!money_message_is_whole((const char *) *at, form - ESCAPED_MONEY))
		reject_bytes("an amount is cut off");
	bytes.data = (char *) *at;
	bytes.len = bytes.maxlen = (int) (form - ESCAPED_MONEY);
	bytes.cursor = 0;
	money_receive(&bytes, heap, &amount);
	if (bytes.cursor != bytes.len)
		reject_bytes("impossible amount");
	*at += bytes.len;
	return amount;
}

/* The rows of a customer, of which nothing is believed. */
static void
receive_rows(LooseRows *rows, CustomerKey key, const uint8 *at,
			 const uint8 *end)
{
	uint64		count = checked_varint(&at, end);
	int64		time = 0;
	uint8		form;
	int64		unit;
	int			decimals;

	/* form, and two bytes a row */
	if (at >= end || count == 0 || count > (uint64) (end - at - 1) / 2)
		reject_bytes("wrong number of rows");
	form = *at++;
	unit = history_unit(form);
	decimals = form & HISTORY_DECIMALS_MASK;
	if (form >> HISTORY_UNIT_SHIFT > HISTORY_MICROSECOND ||
		decimals > MONEY_MAX_DECIMALS)
		reject_bytes("unknown form");
	for (uint64 i = 0; i < count; i++)
	{
		uint64		code = checked_varint(&at, end);
		int64		step = i == 0 ? unzigzag(code) : (int64) code;
		Money		amount = {0, 0};

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if ((i > 0 && step < 0 && unit != 1) ||
			pg_mul_s64_overflow(step, unit, &step))
			reject_bytes("impossible time");
		/* whole microseconds may lie further apart than int64 reaches */
		time = (int64) ((uint64) time + (uint64) step);
		if (!IS_VALID_TIMESTAMP(time))
			reject_bytes("impossible time");
		code = checked_varint(&at, end);
		if (code == AMOUNT_ESCAPE)
			amount = checked_escape(&at, end, &rows->heap);
		else if (code >= AMOUNT_FIRST &&
				 !money_set_narrow(&amount, unzigzag(code - AMOUNT_FIRST),
								   decimals))
			reject_bytes("impossible amount");
		loose_rows_add(rows, key, time, amount);
	}
	if (at != end)
		reject_bytes("there is more than its rows");
}

/*
 * Reads a whole history. The result is packed, in the current memory context.
 */
Datum
history_receive(StringInfo in)
{
	LooseRows	rows;
	uint8	   *body = NULL;
	uint64		room = 0;
	uint32		customers;
	uint8		kind;
	Datum		value;

	if (memcmp(take_bytes(in, strlen(MAGIC)), MAGIC, strlen(MAGIC)) != 0)
		reject_bytes("it does not begin with the mark of one");
	if (*(const uint8 *) take_bytes(in, 1) != HISTORY_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("order_history has a format that this version does not read")));
	kind = *(const uint8 *) take_bytes(in, 1);
	if (kind != KEY_BIGINT && kind != KEY_TEXT && kind != KEY_UUID)
		reject_bytes("unknown type of customer");
	customers = take_int32(in);
	loose_rows_init(&rows, kind);
	for (uint32 i = 0; i < customers; i++)
	{
		CustomerKey key = key_receive(in, kind, &rows.heap, take_bytes);
		uint32		size = take_int32(in);
		const char *bytes = take_bytes(in, size);

		if (body == NULL || size > room)
		{
			/* a copy, behind which a reader may look */
			if (body)
				pfree(body);
			room = (uint64) size * 2;
			body = MemoryContextAllocHuge(CurrentMemoryContext,
										  room + HISTORY_PAD + 1);
		}
		memcpy(body, bytes, size);
		memset(body + size, 0, HISTORY_PAD);
		receive_rows(&rows, key, body, body + size);
	}
	if (in->cursor != in->len)
		reject_bytes("there is more than its customers");
	if (rows.count == 0)
		reject_bytes("it is empty");
	value = history_of_rows(&rows);
	loose_rows_free(&rows);
	return value;
}
