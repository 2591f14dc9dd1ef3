/*
 * timeline.c
 *		When a customer was active, in few bytes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/timeline.h"

#include "base/checks.h"
#include "common/int.h"
#include "engine/varint.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define WIDE_MONEY			255
#define MOST_VARINT_BYTES	19	/* of 128 bits */

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */
static inline uint64
read_varint(const uint8 **at)
{
	uint64		value = *(*at)++;

	if (likely(value < 0x80))
		return value;
	value &= 0x7F;
	for (int shift = 7;; shift += 7)
	{
		uint8		byte = *(*at)++;

		value |= (uint64) (byte & 0x7F) << shift;
		if (byte < 0x80)
			return value;
	}
}

static uint128
read_long_varint(const uint8 **at)
{
	uint128		value = 0;

	for (int shift = 0;; shift += 7)
	{
		uint8		byte = *(*at)++;

		value |= (uint128) (byte & 0x7F) << shift;
		if (byte < 0x80)
			return value;
	}
}

void
timeline_open(TimelineReader *reader, const char *base, uint64 offset)
{
	*reader = (TimelineReader) {0};
	if (offset == TIMELINE_EMPTY)
		return;
	reader->at = (const uint8 *) heap_block_data(base, offset);
	reader->end = reader->at + heap_block_size(base, offset);
}

static void
skip_money(TimelineReader *reader)
{
	if (unlikely(*reader->at++ == WIDE_MONEY))
	{
		uint32		size = (uint32) read_varint(&reader->at);

		reader->at += size;
		return;
	}
	while (*reader->at++ & 0x80)
		;
}

/* Reads the next entry; false after the last. */
bool
timeline_next(TimelineReader *reader)
{
	const uint8 *start = reader->at;
	uint64		step;
	uint64		orders;

	if (start == reader->end)
		return false;
	step = read_varint(&reader->at);
	/* the first position is a difference from nothing */
	reader->position = reader->start == NULL ? unzigzag(step) :
		(int64) ((uint64) reader->position + step);
	reader->start = start;
	reader->rest = reader->at;
	orders = read_varint(&reader->at);
	reader->orders = (int64) (orders >> 1);
	reader->money = NULL;
	if (orders & 1)
	{
		reader->money = reader->at;
		skip_money(reader);
	}
	return true;
}

/* The money of the entry that was read; what is not narrow goes into "wide". */
Money
timeline_money(const TimelineReader *reader, StateHeap *wide)
{
	const uint8 *at = reader->money;
	Money		money = {0, 0};
	uint8		decimals;

	if (at == NULL)
		return money;
	decimals = *at++;
	if (unlikely(decimals == WIDE_MONEY))
	{
		uint32		size = (uint32) read_varint(&at);

		return money_of_wide_bytes(wide, (const char *) at, size);
	}
	if (likely(reader->at - at <= 9))
		(void) money_set_narrow(&money, unzigzag(read_varint(&at)), decimals);
	else
	{
		uint128		bits = read_long_varint(&at);

		(void) money_set_narrow(&money,
								(int128) (bits >> 1) ^ -(int128) (bits & 1),
								decimals);
	}
	return money;
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */
static void
writer_init(TimelineWriter *writer)
{
	writer->bytes = writer->space;
	writer->used = 0;
	writer->room = sizeof(writer->space);
	writer->started = false;
}

static void
writer_free(TimelineWriter *writer)
{
	if (writer->bytes != writer->space)
		pfree(writer->bytes);
}

static inline void
writer_reserve(TimelineWriter *writer, uint64 more)
{
	uint8	   *larger;

	if (likely(writer->used + more <= writer->room))
		return;
	writer->room = (writer->used + more) * 2;
	larger = MemoryContextAllocHuge(CurrentMemoryContext, writer->room);
	memcpy(larger, writer->bytes, writer->used);
	writer_free(writer);
	writer->bytes = larger;
}

static inline void
write_varint(TimelineWriter *writer, uint128 value)
{
	while (value >= 0x80)
	{
		writer->bytes[writer->used++] = (uint8) value | 0x80;
		value >>= 7;
	}
	writer->bytes[writer->used++] = (uint8) value;
}

static inline void
write_position(TimelineWriter *writer, int64 position)
{
	writer_reserve(writer, MOST_VARINT_BYTES);
	write_varint(writer, writer->started ?
				 (uint64) position - (uint64) writer->position :
				 zigzag(position));
	writer->position = position;
	writer->started = true;
}

static void
write_entry(TimelineWriter *writer, int64 position, int64 orders,
			const Money *money, const char *money_base)
{
	bool		has_money = !money_is_none(money);
	bool		wide = money_is_wide(money);
	uint32		wide_size = wide ?
		heap_block_size(money_base, money_offset(money)) : 0;

	write_position(writer, position);
	writer_reserve(writer, 2 * MOST_VARINT_BYTES + 1 + wide_size);
	write_varint(writer, ((uint64) orders << 1) | has_money);
	if (wide)
	{
		writer->bytes[writer->used++] = WIDE_MONEY;
		write_varint(writer, wide_size);
		memcpy(writer->bytes + writer->used,
			   heap_block_data(money_base, money_offset(money)), wide_size);
		writer->used += wide_size;
	}
	else if (has_money)
	{
		int128		mantissa = money_mantissa(money);

		writer->bytes[writer->used++] = (uint8) money_decimals(money);
		write_varint(writer, ((uint128) mantissa << 1) ^ (uint128) (mantissa >> 127));
	}
}

/* An entry as it was read, but for what its position is counted from. */
static void
copy_entry(TimelineWriter *writer, const TimelineReader *reader)
{
	uint64		size = reader->at - reader->rest;

	write_position(writer, reader->position);
	writer_reserve(writer, size);
	memcpy(writer->bytes + writer->used, reader->rest, size);
	writer->used += size;
}

static void
reject_large_timeline(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the orders of one customer take more than 1 GB"),
			 errhint("Is the customer's key one that many share, such as 0 for guests? Leave it out with FILTER or WHERE.")));
}

/* ------------------------------------------------------------------------
 * Adding entries
 *
 * Rows mostly come in the order of time, so the next entry mostly belongs where the
 * last one went. That place is noted at the end of the block's spare room, if there is
 * enough: it is no part of the timeline, and holds as long as the block has this size.
 * Who changes a block notes another place, or none.
 * ------------------------------------------------------------------------
 */
typedef struct Place
{
	uint32		size;			/* of the block */
	uint32		at;				/* an entry begins there; 0: none noted */
	int64		position;		/* of the entry before it */
} Place;

static char *
place_in_block(const char *base, uint64 offset)
{
	uint32		size = heap_block_size(base, offset);
	uint32		room = heap_block_room(base, offset);

	if (room - size < sizeof(Place))
		return NULL;
	return unconstify(char *, heap_block_data(base, offset)) + room - sizeof(Place);
}

static void
note_place(const char *base, uint64 offset, uint32 at, int64 position)
{
	Place		place = {heap_block_size(base, offset), at, position};
	char	   *noted = place_in_block(base, offset);

	if (noted)
		memcpy(noted, &place, sizeof(place));
}

/* Makes it empty; what it took is counted as dead. */
void
timeline_drop(StateHeap *heap, uint64 *timeline)
{
	if (*timeline == TIMELINE_EMPTY)
		return;
	heap->dead += HEAP_BLOCK_HEADER + heap_block_room(heap->base, *timeline);
	*timeline = TIMELINE_EMPTY;
}

static uint64
store_timeline(const TimelineWriter *writer, StateHeap *heap, uint64 offset)
{
	if (writer->used > MaxAllocSize)
		reject_large_timeline();
	if (offset == TIMELINE_EMPTY)
		return writer->used == 0 ? TIMELINE_EMPTY :
			heap_add_block(heap, (const char *) writer->bytes, writer->used,
						   writer->used);
	if (writer->used == 0)
	{
		timeline_drop(heap, &offset);
		return offset;
	}
	offset = heap_replace_block(heap, offset, (const char *) writer->bytes,
								writer->used);
	note_place(heap->base, offset, 0, 0);
	return offset;
}

/*
 * A timeline of one entry in a heap. A wide money lies at money_base.
 */
uint64
timeline_create(StateHeap *heap, int64 position, int64 orders,
				const Money *money, const char *money_base)
{
	TimelineWriter writer;
	uint64		offset;

	writer_init(&writer);
	write_entry(&writer, position, orders, money, money_base);
	offset = store_timeline(&writer, heap, TIMELINE_EMPTY);
	writer_free(&writer);
	return offset;
}

void
timeline_build_begin(TimelineBuilder *builder)
{
	writer_init(&builder->writer);
	heap_init_scratch(&builder->wide);
	builder->orders = 0;
	builder->money = (Money) {0, 0};
}

/* Writes the entry under way. */
void
timeline_build_entry(TimelineBuilder *builder)
{
	write_entry(&builder->writer, builder->position, builder->orders,
				&builder->money, builder->wide.base);
	builder->orders = 0;
	builder->money = (Money) {0, 0};
}

/* The timeline in a heap, without spare room; the builder's own memory is freed. */
uint64
timeline_build_end(TimelineBuilder *builder, StateHeap *heap)
{
	uint64		offset;

	if (builder->orders > 0)
		timeline_build_entry(builder);
	offset = store_timeline(&builder->writer, heap, TIMELINE_EMPTY);
	writer_free(&builder->writer);
	heap_free_scratch(&builder->wide);
	return offset;
}

/* Two entries of one position as one. */
static void
write_both(TimelineWriter *writer, const TimelineReader *a,
		   const TimelineReader *b, StateHeap *wide)
{
	int64		orders = a->orders;
	Money		money = timeline_money(a, wide);
	Money		more = timeline_money(b, wide);

	add_orders(&orders, b->orders);
	if (orders > PG_INT64_MAX / 2)
		reject_many("orders");

	/* "more" lies in this heap already: to copy it there could move it away */
	if (money_is_none(&money))
		money = more;
	else
		money_add(wide, &money, &more, wide->base);
	write_entry(writer, a->position, orders, &money, wide->base);
}

static void
merge_readers(TimelineWriter *writer, TimelineReader *a, TimelineReader *b,
			  StateHeap *wide)
{
	bool		more_a = timeline_next(a);
	bool		more_b = timeline_next(b);

	while (more_a || more_b)
	{
		if (!more_b || (more_a && a->position < b->position))
		{
			copy_entry(writer, a);
			more_a = timeline_next(a);
		}
		else if (!more_a || b->position < a->position)
		{
			copy_entry(writer, b);
			more_b = timeline_next(b);
		}
		else
		{
			write_both(writer, a, b, wide);
			more_a = timeline_next(a);
			more_b = timeline_next(b);
		}
	}
}

/*
 * Opens a timeline to look for where a position belongs: as near before it as is
 * known. "before" gets the position of the entry before, and false is returned if
 * there is none.
 */
static bool
open_near(TimelineReader *reader, const char *base, uint64 offset,
		  int64 position, int64 *before)
{
	const char *noted = place_in_block(base, offset);
	Place		place = {0};

	timeline_open(reader, base, offset);
	if (noted)
		memcpy(&place, noted, sizeof(place));
	if (place.at == 0 || place.size != heap_block_size(base, offset) ||
		place.at >= place.size || place.position >= position)
		return false;
	reader->start = reader->at;
	reader->at += place.at;
	reader->position = *before = place.position;
	return true;
}

/*
 * into += one entry, which is most of what is merged: all before it stays as it
 * is, and of what comes after it, only the first position changes.
 */
static uint64
merge_entry(StateHeap *heap, uint64 into, const TimelineReader *entry,
			StateHeap *wide)
{
	TimelineReader reader;
	TimelineWriter middle;
	const uint8 *begin = (const uint8 *) heap_block_data(heap->base, into);
	uint32		at;
	uint32		removed = 0;
	int64		before;
	uint64		offset;
	bool		more;

	writer_init(&middle);
	middle.started = open_near(&reader, heap->base, into, entry->position,
							   &middle.position);
	while ((more = timeline_next(&reader)) && reader.position < entry->position)
	{
		middle.position = reader.position;
		middle.started = true;
	}
	at = (more ? reader.start : reader.at) - begin;
	before = middle.started ? middle.position : 0;
	if (more && reader.position == entry->position)
	{
		write_both(&middle, &reader, entry, wide);
		removed = reader.at - reader.start;
	}
	else
	{
		copy_entry(&middle, entry);
		if (more)
		{
			write_position(&middle, reader.position);
			removed = reader.rest - reader.start;
		}
	}
	if ((uint64) (reader.end - begin) + middle.used > MOST_BLOCK_SIZE)
		reject_large_timeline();
	offset = heap_splice_block(heap, into, at, removed,
							   (const char *) middle.bytes, middle.used);
	note_place(heap->base, offset, at, before);
	writer_free(&middle);
	return offset;
}

/* A new timeline has room for some entries. */
#define NEW_TIMELINE_ROOM	24

/*
 * into += from, whose block is at from_base, in another heap than "into".
 */
void
timeline_merge(StateHeap *heap, uint64 *into, const char *from_base, uint64 from)
{
	TimelineReader a;
	TimelineReader b;
	TimelineWriter writer;
	StateHeap	wide;

	if (from == TIMELINE_EMPTY)
		return;
	if (*into == TIMELINE_EMPTY)
	{
		uint32		size = heap_block_size(from_base, from);

		*into = heap_add_block(heap, heap_block_data(from_base, from), size,
							   Max(size, NEW_TIMELINE_ROOM));
		return;
	}
	heap_init_scratch(&wide);
	timeline_open(&b, from_base, from);
	(void) timeline_next(&b);
	Assert(b.start != NULL);
	if (b.at == b.end)
		*into = merge_entry(heap, *into, &b, &wide);
	else
	{
		timeline_open(&a, heap->base, *into);
		timeline_open(&b, from_base, from);
		writer_init(&writer);
		merge_readers(&writer, &a, &b, &wide);
		*into = store_timeline(&writer, heap, *into);
		writer_free(&writer);
	}
	heap_free_scratch(&wide);
}

/* ------------------------------------------------------------------------
 * Out of the server and in
 *
 * The same bytes after a count of entries, but that a wide money follows its mark
 * as money_send writes it.
 * ------------------------------------------------------------------------
 */
static void
send_varint(StringInfo out, uint64 value)
{
	for (; value >= 0x80; value >>= 7)
		pq_sendbyte(out, (uint8) value | 0x80);
	pq_sendbyte(out, (uint8) value);
}

void
timeline_send(StringInfo out, const char *base, uint64 offset)
{
	TimelineReader reader;
	StateHeap	wide;
	Money		money;
	uint32		count = 0;
	int64		last = 0;

	timeline_open(&reader, base, offset);
	while (timeline_next(&reader))
		count++;
	pq_sendint32(out, count);

	heap_init_scratch(&wide);
	timeline_open(&reader, base, offset);
	for (uint32 i = 0; timeline_next(&reader); i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		send_varint(out, i == 0 ? zigzag(reader.position) :
					(uint64) reader.position - (uint64) last);
		last = reader.position;
		money = timeline_money(&reader, &wide);
		if (!money_is_wide(&money))
		{
			pq_sendbytes(out, (const char *) reader.rest,
						 reader.at - reader.rest);
			continue;
		}
		send_varint(out, ((uint64) reader.orders << 1) | 1);
		pq_sendbyte(out, WIDE_MONEY);
		money_send(out, &money, wide.base);
	}
	heap_free_scratch(&wide);
}

static void
reject_timeline(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid retention state: bad timeline")));
}

/* A varint written in the shortest way, of at most so many bits. */
static uint128
receive_varint(StringInfo in, int most_bits)
{
	uint128		value = 0;

	for (int shift = 0; shift < most_bits; shift += 7)
	{
		uint8		byte = (uint8) pq_getmsgbyte(in);
		uint128		bits = (uint128) (byte & 0x7F) << shift;

		if (bits >> shift != (byte & 0x7F))
			break;
		value |= bits;
		if (byte < 0x80)
		{
			if ((byte == 0 && shift > 0) ||
				(most_bits < 128 && value >> most_bits != 0))
				break;
			return value;
		}
	}
	reject_timeline();
	return 0;
}

static void
receive_money(StringInfo in, StateHeap *wide, Money *money)
{
	uint8		decimals = (uint8) pq_getmsgbyte(in);
	uint128		bits;

	if (decimals == WIDE_MONEY)
	{
		money_receive(in, wide, money);
		if (!money_is_wide(money))
			reject_timeline();
		return;
	}
	bits = receive_varint(in, 128);
	if (decimals > MONEY_MAX_DECIMALS ||
		!money_set_narrow(money, (int128) (bits >> 1) ^ -(int128) (bits & 1),
						  decimals))
		reject_timeline();
}

/*
 * Reads a timeline into a heap. Raises an error for bytes that timeline_send
 * cannot have written.
 */
uint64
timeline_receive(StringInfo in, StateHeap *heap)
{
	uint32		count = pq_getmsgint(in, sizeof(uint32));
	TimelineWriter writer;
	StateHeap	wide;
	int64		position = 0;
	uint64		offset;

	heap_init_scratch(&wide);
	writer_init(&writer);
	for (uint32 i = 0; i < count; i++)
	{
		uint64		step = (uint64) receive_varint(in, 64);
		uint64		orders = (uint64) receive_varint(in, 64);
		Money		money = {0, 0};

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (i == 0)
			position = unzigzag(step);
		else if (step == 0 || step > PG_INT64_MAX ||
				 pg_add_s64_overflow(position, (int64) step, &position))
			reject_timeline();
		if (orders & 1)
			receive_money(in, &wide, &money);
		write_entry(&writer, position, (int64) (orders >> 1), &money,
					wide.base);
	}
	offset = store_timeline(&writer, heap, TIMELINE_EMPTY);
	writer_free(&writer);
	heap_free_scratch(&wide);
	return offset;
}
