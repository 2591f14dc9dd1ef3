/*
 * history.c
 *		The records of an order_history: written from rows in any order.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/history.h"

#include "engine/customer_table.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

/* ------------------------------------------------------------------------
 * Amounts that need an escape
 * ------------------------------------------------------------------------
 */
Money
history_escaped_amount(HistoryReader *reader)
{
	uint64		form = varint_read(&reader->at);
	StringInfoData bytes = {
		.data = (char *) reader->at,
		.len = (int) (form - ESCAPED_MONEY),
		.maxlen = (int) (form - ESCAPED_MONEY)
	};
	Money		amount;

	if (form <= ESCAPED_MONEY)
	{
		(void) money_set_narrow(&amount, unzigzag(varint_read(&reader->at)),
								(int) form - 1);
		return amount;
	}
	money_receive(&bytes, reader->heap, &amount);
	reader->at += bytes.len;
	return amount;
}

/* The narrow amount's number, if it is one of so many decimals and small enough. */
static inline bool
amount_number(const Money *amount, int decimals, int64 *number)
{
	const int128 most = (int128) 1 << 60;
	int128		mantissa;

	if (money_tag(amount) != decimals + 1)
		return false;
	mantissa = money_mantissa(amount);
	if (mantissa >= most || mantissa <= -most)
		return false;
	*number = (int64) mantissa;
	return true;
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */
#define FIRST_ROWS	16

/* None, in the current memory context, where they stay. */
void
loose_rows_init(LooseRows *rows, KeyKind kind)
{
	rows->kind = kind;
	rows->count = 0;
	rows->room = FIRST_ROWS;
	rows->row = palloc(FIRST_ROWS * sizeof(LooseRow));
	heap_init_scratch(&rows->heap);
	/* now, while the memory context is the right one */
	rows->heap.grow(&rows->heap, 64);
}

/* Makes room for so many rows in all. */
void
loose_rows_reserve(LooseRows *rows, uint64 count)
{
	if (count <= rows->room)
		return;
	rows->room = Max(count, rows->room + rows->room / 2);
	rows->row = repalloc_huge(rows->row, rows->room * sizeof(LooseRow));
}

void
loose_rows_free(LooseRows *rows)
{
	pfree(rows->row);
	heap_free_scratch(&rows->heap);
}

/* The rows of the record that the reader is at; it uses the rows' heap. */
void
loose_rows_take_record(LooseRows *rows, HistoryReader *reader)
{
	CustomerKey key = reader->key;
	HistoryRow	row;

	Assert(reader->heap == &rows->heap);
	while (history_next_row(reader, &row))
		loose_rows_add(rows, key, row.at, row.amount);
}

/* The order of amounts of one instant: unknown ones, then by value, then decimals. */
static int
compare_amounts(const Money *a, const Money *b, const char *base)
{
	int			order;

	if (money_is_none(a) || money_is_none(b))
		return money_is_none(b) - money_is_none(a);
	order = money_compare(a, base, b, base);
	if (order != 0)
		return order;
	if (!money_is_wide(a) || !money_is_wide(b))
		return (int) money_tag(a) - (int) money_tag(b);
	/* equal numerics of other decimals have other bytes */
	return money_wide_decimals(a, base) - money_wide_decimals(b, base);
}

static inline int
compare_rows(const LooseRow *a, const LooseRow *b, const LooseRows *rows)
{
	int			order = compare_keys(rows->kind, loose_row_key(a), rows->heap.base,
									 loose_row_key(b), rows->heap.base);

	if (order != 0)
		return order;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return compare_amounts(&a->amount, &b->amount, rows->heap.base);
}

#define ST_SORT sort_loose_rows
#define ST_ELEMENT_TYPE LooseRow
#define ST_COMPARE_ARG_TYPE const LooseRows
#define ST_COMPARE(a, b, rows) compare_rows(a, b, rows)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* So few rows are sorted by putting each to its place. */
#define FEW_ROWS	12

static inline void
sort_few_rows(LooseRow *row, uint64 count, const LooseRows *rows)
{
	for (uint64 i = 1; i < count; i++)
	{
		LooseRow	moved = row[i];
		uint64		to = i;

		for (; to > 0 && compare_rows(&moved, &row[to - 1], rows) < 0; to--)
			row[to] = row[to - 1];
		row[to] = moved;
	}
}

/*
 * How rows are parted into buckets by the first words of their keys. These are mixed
 * bits, so that those behind what all of them have in common make buckets alike in
 * size, if nobody has chosen the keys.
 */
typedef struct Buckets
{
	uint64		lowest;
	int			shift;
	uint64		count;
} Buckets;

static Buckets
choose_buckets(const LooseRow *row, uint64 count, int bits)
{
	Buckets		buckets = {.lowest = PG_UINT64_MAX};
	uint64		highest = 0;

	for (uint64 i = 0; i < count; i++)
	{
		buckets.lowest = Min(buckets.lowest, row[i].word[0]);
		highest = Max(highest, row[i].word[0]);
	}
	buckets.shift = Max(pg_leftmost_one_pos64((highest - buckets.lowest) | 1) + 1 - bits, 0);
	buckets.count = ((highest - buckets.lowest) >> buckets.shift) + 1;
	return buckets;
}

static inline uint64
bucket_of(const Buckets *buckets, const LooseRow *row)
{
	return (row->word[0] - buckets->lowest) >> buckets->shift;
}

/* Where each bucket begins, and behind the last where it ends. */
static uint64 *
bucket_starts(const Buckets *buckets, const LooseRow *row, uint64 count)
{
	uint64	   *start = array_alloc0(buckets->count + 1, sizeof(uint64));
	uint64		next = 0;

	for (uint64 i = 0; i < count; i++)
		start[bucket_of(buckets, &row[i])]++;
	for (uint64 i = 0; i <= buckets->count; i++)
	{
		uint64		size = start[i];

		start[i] = next;
		next += size;
	}
	return start;
}

/* Sorts rows by way of as many others: into buckets of a few, and these. */
static void
sort_part(LooseRow *row, LooseRow *other, uint64 count, const LooseRows *rows)
{
	const Buckets buckets = choose_buckets(row, count,
										   Max(pg_leftmost_one_pos64(count | 1) - 1, 1));
	uint64	   *start = bucket_starts(&buckets, row, count);
	uint64		next = 0;

	for (uint64 i = 0; i < count; i++)
		other[start[bucket_of(&buckets, &row[i])]++] = row[i];
	/* each start is now its bucket's end */
	for (uint64 i = 0; i < buckets.count; i++)
	{
		uint64		size = start[i] - next;

		if (size > FEW_ROWS)
			sort_loose_rows(other + next, size, rows);
		else if (size > 1)
			sort_few_rows(other + next, size, rows);
		next = start[i];
	}
	memcpy(row, other, count * sizeof(LooseRow));
	pfree(start);
}

/* A part of so many rows and their copy lie in a cache near the core. */
#define PART_BITS		12
#define MOST_PARTS_BITS	10

/* Brings rows to their buckets in place: each goes where one lies that is moved next. */
static void
part_rows(LooseRow *row, const Buckets *buckets, const uint64 *start)
{
	uint64	   *next = array_alloc(buckets->count, sizeof(uint64));

	memcpy(next, start, buckets->count * sizeof(uint64));
	for (uint64 i = 0; i < buckets->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		while (next[i] < start[i + 1])
		{
			LooseRow	moved = row[next[i]];
			uint64		its;

			while ((its = bucket_of(buckets, &moved)) != i)
			{
				LooseRow   *place = &row[next[its]++];
				LooseRow	other = *place;

				*place = moved;
				moved = other;
			}
			row[next[i]++] = moved;
		}
	}
	pfree(next);
}

static void
sort_by_parts(LooseRows *rows, int bits)
{
	const Buckets buckets = choose_buckets(rows->row, rows->count, bits);
	uint64	   *start = bucket_starts(&buckets, rows->row, rows->count);
	uint64		most = 0;
	LooseRow   *other;

	part_rows(rows->row, &buckets, start);
	for (uint64 i = 0; i < buckets.count; i++)
		most = Max(most, start[i + 1] - start[i]);
	other = array_alloc(most, sizeof(LooseRow));
	for (uint64 i = 0; i < buckets.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (start[i + 1] - start[i] > 1)
			sort_part(rows->row + start[i], other, start[i + 1] - start[i], rows);
	}
	pfree(other);
	pfree(start);
}

/*
 * Sorts rows by key, time and amount. What keys chosen by somebody put into one bucket
 * is sorted in the usual way.
 */
void
loose_rows_sort(LooseRows *rows)
{
	const int	bits = pg_leftmost_one_pos64(rows->count | 1) - PART_BITS;
	LooseRow   *other;

	if (bits > 0)
		sort_by_parts(rows, Min(bits, MOST_PARTS_BITS));
	else if (rows->count > 1)
	{
		other = array_alloc(rows->count, sizeof(LooseRow));
		sort_part(rows->row, other, rows->count, rows);
		pfree(other);
	}
}

/* Where the rows of the customer end whose first, of sorted ones, is at "begin". */
uint64
loose_rows_end(const LooseRows *rows, uint64 begin)
{
	const char *base = rows->heap.base;
	CustomerKey key = loose_row_key(&rows->row[begin]);
	uint64		end = begin + 1;

	while (end < rows->count &&
		   compare_keys(rows->kind, key, base, loose_row_key(&rows->row[end]),
						base) == 0)
		end++;
	return end;
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */
void
history_writer_init(HistoryWriter *writer, KeyKind kind, uint64 room)
{
	memset(writer, 0, sizeof(*writer));
	writer->kind = kind;
	writer->room = room;
	writer->base = array_alloc(room, 1);
}

/* Makes room for so many bytes more, and what varint_write writes behind them. */
static inline void
writer_reserve(HistoryWriter *writer, uint64 bytes)
{
	uint64		needed = writer->used + bytes + MOST_VARINT;

	if (likely(needed <= writer->room))
		return;
	writer->room = Max(needed, writer->room + writer->room / 2);
	writer->base = repalloc_huge(writer->base, writer->room);
}

static void
write_key(HistoryWriter *writer, CustomerKey key, const char *base)
{
	uint8	   *at;

	if (writer->kind == KEY_TEXT)
	{
		char		buffer[MOST_INLINE_TEXT];
		uint32		length;
		const char *text = key_text(key, base, buffer, &length);

		writer_reserve(writer, MOST_VARINT + length);
		at = varint_write(writer->base + writer->used, length);
		memcpy(at, text, length);
		writer->used = at + length - writer->base;
		return;
	}
	writer_reserve(writer, 2 * sizeof(uint64));
	at = writer->base + writer->used;
	store_little_endian(at, key.word[0]);
	writer->used += sizeof(uint64);
	if (writer->kind == KEY_UUID)
	{
		store_little_endian(at + sizeof(uint64), key.word[1]);
		writer->used += sizeof(uint64);
	}
}

static void
write_escaped_amount(HistoryWriter *writer, const Money *amount,
					 const char *base)
{
	StringInfoData bytes;
	uint8	   *at;
	int64		number;

	writer_reserve(writer, 3 * MOST_VARINT);
	at = varint_write(writer->base + writer->used, AMOUNT_ESCAPE);
	if (!money_is_wide(amount) &&
		amount_number(amount, money_decimals(amount), &number))
	{
		at = varint_write(at, money_tag(amount));
		at = varint_write(at, zigzag(number));
		writer->used = at - writer->base;
		return;
	}
	initStringInfo(&bytes);
	money_send(&bytes, amount, base);
	writer->used = at - writer->base;
	writer_reserve(writer, MOST_VARINT + bytes.len);
	at = varint_write(writer->base + writer->used, ESCAPED_MONEY + bytes.len);
	memcpy(at, bytes.data, bytes.len);
	writer->used = at + bytes.len - writer->base;
	pfree(bytes.data);
}


static pg_noinline int
most_common_decimals(const LooseRow *row, uint64 count)
{
	uint64		having[MONEY_MAX_DECIMALS + 1] = {0};
	int			common = 0;

	for (uint64 i = 0; i < count; i++)
		if (!money_is_none(&row[i].amount) && !money_is_wide(&row[i].amount))
			having[money_decimals(&row[i].amount)]++;
	for (int decimals = 1; decimals <= MONEY_MAX_DECIMALS; decimals++)
		if (having[decimals] > having[common])
			common = decimals;
	return common;
}

/* The decimals that most of these amounts have. */
static inline int
common_decimals(const LooseRow *row, uint64 count)
{
	for (uint64 i = 1; i < count; i++)
		if (money_tag(&row[i].amount) != money_tag(&row[0].amount))
			return most_common_decimals(row, count);
	return money_is_none(&row[0].amount) || money_is_wide(&row[0].amount) ?
		0 : money_decimals(&row[0].amount);
}

static HistoryUnit
common_unit(const LooseRow *row, uint64 count)
{
	HistoryUnit unit = HISTORY_DAY;

	for (uint64 i = 0; i < count; i++)
	{
		if (unit == HISTORY_DAY && row[i].at % USECS_PER_DAY != 0)
			unit = HISTORY_SECOND;
		if (unit == HISTORY_SECOND && row[i].at % USECS_PER_SEC != 0)
			return HISTORY_MICROSECOND;
	}
	return unit;
}

/* An instant in units. */
static pg_attribute_always_inline int64
units_of(TimestampTz at, HistoryUnit unit)
{
	return unit == HISTORY_DAY ? at / USECS_PER_DAY :
		unit == HISTORY_SECOND ? at / USECS_PER_SEC : at;
}

/*
 * The rows of a record. There is room for all that need no escape, so that the place
 * to write at is known without a look at the writer.
 */
static pg_attribute_always_inline void
write_rows(HistoryWriter *writer, const LooseRow *row, uint64 count,
		   HistoryUnit unit, int decimals, const char *base)
{
	uint8	   *at = writer->base + writer->used;
	int64		before = 0;

	for (uint64 i = 0; i < count; i++)
	{
		const int64 time = units_of(row[i].at, unit);
		int64		number;

		/* instants may lie further apart than int64 reaches */
		at = varint_write(at, i == 0 ? zigzag(time) :
						  (uint64) time - (uint64) before);
		before = time;
		if (likely(amount_number(&row[i].amount, decimals, &number)))
			at = varint_write(at, zigzag(number) + AMOUNT_FIRST);
		else if (money_is_none(&row[i].amount))
			at = varint_write(at, AMOUNT_UNKNOWN);
		else
		{
			writer->used = at - writer->base;
			write_escaped_amount(writer, &row[i].amount, base);
			writer_reserve(writer, (count - i) * 2 * MOST_VARINT);
			at = writer->base + writer->used;
		}
	}
	writer->used = at - writer->base;
}

/* A record of sorted rows of one customer. */
static void
write_record(HistoryWriter *writer, const LooseRow *row, uint64 count,
			 const char *base)
{
	int			decimals = common_decimals(row, count);
	HistoryUnit unit = common_unit(row, count);
	uint8	   *at;

	write_key(writer, loose_row_key(row), base);
	writer_reserve(writer, MOST_VARINT + 1 + count * 2 * MOST_VARINT);
	at = varint_write(writer->base + writer->used, count);
	*at++ = (uint8) (unit << HISTORY_UNIT_SHIFT | decimals);
	writer->used = at - writer->base;
	if (unit == HISTORY_SECOND)
		write_rows(writer, row, count, HISTORY_SECOND, decimals, base);
	else
		write_rows(writer, row, count, unit, decimals, base);
	writer->records++;
	writer->rows += count;
}

/* One row as a record of its own. */
void
history_write_log(HistoryWriter *writer, CustomerKey key, const HistoryRow *row,
				  const char *base)
{
	LooseRow	loose = {
		.word = {key.word[0], key.word[1]},
		.at = row->at,
		.amount = row->amount
	};

	write_record(writer, &loose, 1, base);
}

/*
 * Sorts the rows, writes a record for each of their customers, and forgets them.
 */
void
history_write_packed(HistoryWriter *writer, LooseRows *rows)
{
	const char *base = rows->heap.base;
	uint64		begin = 0;

	if (rows->count == 0)
		return;
	loose_rows_sort(rows);
	while (begin < rows->count)
	{
		uint64		end = loose_rows_end(rows, begin);

		if ((writer->records & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		write_record(writer, rows->row + begin, end - begin, base);
		begin = end;
	}
	rows->count = 0;
	rows->heap.used = 0;
	rows->heap.dead = 0;
}
