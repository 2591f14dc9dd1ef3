/*
 * history.h
 *		The value order_history: every order row of one or many customers, in few
 *		bytes.
 *
 *		HistoryHeader | records | HISTORY_PAD bytes of zero
 *
 * A record is a customer and rows of it. It says by itself how to read it, so that
 * records are copied and mixed as they are:
 *
 *		key			bigint: its word (8 bytes); uuid: its words (16); text: a
 *					varint with the length, and the bytes
 *		rows		varint, 1 or more
 *		form		one byte: unit << 6 | decimals
 *		rows times:
 *			time	the first: zigzag varint of units since 2000-01-01 UTC;
 *					the next: varint of units since the row before
 *			amount	varint: 0 unknown; 1 escape; else zigzag(number) + 2, the
 *					amount being number * 10^-decimals
 *			escape	varint with a length, and the bytes of money_send()
 *
 * The unit is a day if all instants of the record are midnights UTC, a second if all
 * are whole ones, else a microsecond; the decimals are those that most of its
 * amounts have, of two the fewer.
 *
 * PACKED is a value at rest: a record for each customer, in the order of the keys
 * that customer_table.h has, rows in order of time, amount and decimals. Equal
 * contents have equal bytes. It is read from front to back.
 *
 * A LOG is what an aggregate changes in place while a group is small: records as
 * the rows came, a customer in several of them, and spare room at the end. It is
 * packed by the final function, and nowhere else to be seen.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_HISTORY_H
#define RETENTION_HISTORY_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "engine/customer_key.h"
#include "engine/money.h"
#include "engine/varint.h"

#define HISTORY_FORMAT		1

typedef struct HistoryHeader
{
	int32		vl_len_;
	uint8		format;			/* HISTORY_FORMAT */
	uint8		kind;			/* KeyKind of a customer */
	uint8		is_log;
	uint8		unused;			/* zero */
	uint32		records;		/* packed: as many as customers */
	uint32		rows;
	uint32		size;			/* bytes of records */
} HistoryHeader;

StaticAssertDecl(sizeof(HistoryHeader) == 20, "layout of stored histories");

#define HISTORY_PAD			VARINT_PAD

typedef enum HistoryUnit
{
	HISTORY_DAY = 0,
	HISTORY_SECOND = 1,
	HISTORY_MICROSECOND = 2
} HistoryUnit;

#define HISTORY_UNIT_SHIFT		6
#define HISTORY_DECIMALS_MASK	63

#define AMOUNT_UNKNOWN		0
#define AMOUNT_ESCAPE		1
#define AMOUNT_FIRST		2
#define ESCAPED_MONEY		(MONEY_MAX_DECIMALS + 1)

/* One order row of a customer. */
typedef struct HistoryRow
{
	TimestampTz at;
	Money		amount;			/* none: unknown */
} HistoryRow;

/*
 * A walk over records. Wide amounts and long texts that come by are put into the
 * heap, which the caller empties when it is done with them.
 */
typedef struct HistoryReader
{
	const uint8 *at;
	const uint8 *end;
	KeyKind		kind;
	StateHeap  *heap;

	/* the record under way */
	CustomerKey key;
	const uint8 *body;			/* what follows its key */
	uint64		rows_left;
	int64		unit;			/* microseconds */
	int			decimals;
	TimestampTz time;			/* of the row before */
	bool		is_first;
} HistoryReader;

extern retention_internal Money history_escaped_amount(HistoryReader *reader);

static inline void
history_reader_init(HistoryReader *reader, KeyKind kind, const uint8 *records,
					uint64 size, StateHeap *heap)
{
	memset(reader, 0, sizeof(*reader));
	reader->at = records;
	reader->end = records + size;
	reader->kind = kind;
	reader->heap = heap;
}

static inline int64
history_unit(uint8 form)
{
	switch (form >> HISTORY_UNIT_SHIFT)
	{
		case HISTORY_DAY:
			return USECS_PER_DAY;
		case HISTORY_SECOND:
			return USECS_PER_SEC;
		default:
			return 1;
	}
}

/* The key at the reader's place, which moves behind it. */
static pg_attribute_always_inline CustomerKey
history_read_key(HistoryReader *reader, KeyKind kind)
{
	CustomerKey key = {{0, 0, 0}};

	if (kind == KEY_TEXT)
	{
		uint64		length = varint_read(&reader->at);

		key = key_from_text(reader->heap, (const char *) reader->at,
							(int) length);
		reader->at += length;
		return key;
	}
	key.word[0] = load_little_endian(reader->at);
	reader->at += sizeof(uint64);
	if (kind == KEY_UUID)
	{
		key.word[1] = load_little_endian(reader->at);
		reader->at += sizeof(uint64);
	}
	return key;
}

/* Goes to the next record; false after the last. Its rows must have been read. */
static pg_attribute_always_inline bool
history_next_customer(HistoryReader *reader, KeyKind kind)
{
	uint8		form;

	Assert(reader->rows_left == 0);
	if (reader->at >= reader->end)
		return false;
	reader->key = history_read_key(reader, kind);
	reader->body = reader->at;
	reader->rows_left = varint_read(&reader->at);
	form = *reader->at++;
	reader->unit = history_unit(form);
	reader->decimals = form & HISTORY_DECIMALS_MASK;
	reader->time = 0;
	reader->is_first = true;
	return true;
}

static pg_attribute_always_inline bool
history_next_row(HistoryReader *reader, HistoryRow *row)
{
	uint64		code;

	if (reader->rows_left == 0)
		return false;
	reader->rows_left--;
	code = varint_read(&reader->at);
	if (reader->is_first)
	{
		reader->is_first = false;
		reader->time = unzigzag(code) * reader->unit;
	}
	else
		reader->time += (int64) code * reader->unit;
	row->at = reader->time;
	code = varint_read(&reader->at);
	if (likely(code >= AMOUNT_FIRST))
		money_set_bits(&row->amount,
					   ((int128) unzigzag(code - AMOUNT_FIRST) * (1 << MONEY_TAG_BITS)) +
					   reader->decimals + 1);
	else if (code == AMOUNT_UNKNOWN)
		row->amount = (Money) {0, 0};
	else
		row->amount = history_escaped_amount(reader);
	return true;
}

/* A row with its customer, out of its record. */
typedef struct LooseRow LooseRow;
struct LooseRow
{
	uint64		word[2];		/* of the key */
	TimestampTz at;
	Money		amount;
};

/*
 * Rows in the order they came, and the heap of their long texts and wide amounts.
 */
typedef struct LooseRows
{
	KeyKind		kind;
	LooseRow   *row;
	uint64		count;
	uint64		room;
	StateHeap	heap;
} LooseRows;

/* Records being written. */
typedef struct HistoryWriter
{
	KeyKind		kind;
	uint8	   *base;
	uint64		used;
	uint64		room;
	uint64		records;
	uint64		rows;
} HistoryWriter;

extern retention_internal void loose_rows_init(LooseRows *rows, KeyKind kind);
extern retention_internal void loose_rows_reserve(LooseRows *rows,
												  uint64 count);
extern retention_internal void loose_rows_free(LooseRows *rows);
extern retention_internal void loose_rows_sort(LooseRows *rows);
extern retention_internal uint64 loose_rows_end(const LooseRows *rows,
												uint64 begin);
extern retention_internal void loose_rows_take_record(LooseRows *rows,
													  HistoryReader *reader);

extern retention_internal void history_writer_init(HistoryWriter *writer,
												   KeyKind kind, uint64 room);
extern retention_internal void history_write_packed(HistoryWriter *writer,
													LooseRows *rows);
extern retention_internal void history_write_log(HistoryWriter *writer,
												 CustomerKey key,
												 const HistoryRow *row,
												 const char *base);

static inline void
loose_rows_add(LooseRows *rows, CustomerKey key, TimestampTz at, Money amount)
{
	LooseRow   *row;

	if (unlikely(rows->count == rows->room))
		loose_rows_reserve(rows, rows->count + 1);
	row = &rows->row[rows->count++];
	row->word[0] = key.word[0];
	row->word[1] = key.word[1];
	row->at = at;
	row->amount = amount;
}

static inline CustomerKey
loose_row_key(const LooseRow *row)
{
	return (CustomerKey) {{row->word[0], row->word[1], 0}};
}

#endif							/* RETENTION_HISTORY_H */
