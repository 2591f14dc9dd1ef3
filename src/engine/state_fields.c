/*
 * state_fields.c
 *		What the engine does to a family's structs without knowing them.
 *
 * "data" may be unaligned throughout: payloads lie packed in their slots.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_fields.h"

#include "engine/dated_money.h"
#include "engine/events.h"
#include "engine/instants.h"
#include "engine/number_list.h"
#include "engine/period_sums.h"
#include "engine/record_list.h"
#include "engine/short_name.h"
#include "engine/text_dictionary.h"
#include "engine/timeline.h"
#include "libpq/pqformat.h"

StaticAssertDecl(TIMELINE_EMPTY == INSTANTS_NONE &&
				 TIMELINE_EMPTY == DATED_MONEY_NONE &&
				 TIMELINE_EMPTY == EVENTS_NONE &&
				 TIMELINE_EMPTY == RECORDS_NONE &&
				 TIMELINE_EMPTY == TEXTS_NONE &&
				 TIMELINE_EMPTY == NUMBERS_NONE &&
				 TIMELINE_EMPTY == PERIOD_SUMS_NONE &&
				 TIMELINE_EMPTY == SHORT_NAME_NONE, "one mark for no block");

static int64
load_int64(const char *at)
{
	int64		value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void
store_int64(char *at, int64 value)
{
	memcpy(at, &value, sizeof(value));
}

#define FOR_EACH_FIELD(field, fields) \
	for (const StateField *field = (fields); \
		 field != NULL && field->type != FIELD_END; field++)

static bool
points_at_block(const StateField *field)
{
	return field->type == FIELD_TIMELINE || field->type == FIELD_INSTANTS ||
		field->type == FIELD_DATED_MONEY || field->type == FIELD_EVENTS ||
		field->type == FIELD_RECORDS || field->type == FIELD_TEXTS ||
		field->type == FIELD_NUMBERS || field->type == FIELD_DATED_NUMBERS ||
		field->type == FIELD_PERIOD_SUMS;
}

/* Do the fields fill a struct of that size, in their order and without a hole? */
bool
fields_fill(const StateField *fields, Size size)
{
	Size		at = 0;

	FOR_EACH_FIELD(field, fields)
	{
		if (field->offset != at)
			return false;
		at += FIELD_SIZE(field->type);
	}
	return at == size;
}

/* Bytes the heap blocks of these fields take in a packed heap. */
uint64
fields_heap_size(const StateField *fields, const void *data, const char *base)
{
	uint64		size = 0;

	FOR_EACH_FIELD(field, fields)
	{
		const char *at = (const char *) data + field->offset;

		if (field->type == FIELD_MONEY)
		{
			Money		money;

			memcpy(&money, at, sizeof(money));
			if (money_is_wide(&money))
				size += heap_copied_size(base, money_offset(&money));
		}
		else if (points_at_block(field))
		{
			uint64		block;

			memcpy(&block, at, sizeof(block));
			if (block != TIMELINE_EMPTY)
				size += field->type == FIELD_PERIOD_SUMS ?
					period_sums_heap_size(base, block) :
					heap_copied_size(base, block);
		}
		else if (field->type == FIELD_NAME)
		{
			uint64		name;

			memcpy(&name, at, sizeof(name));
			if (short_name_has_block(name))
				size += heap_copied_size(base, short_name_offset(name));
		}
	}
	return size;
}

/* Copies the fields that are derived from payloads, and no others. */
void
fields_copy_derived(const StateField *fields, void *into, const void *from)
{
	FOR_EACH_FIELD(field, fields)
	{
		if (field->type == FIELD_DERIVED)
			memcpy((char *) into + field->offset,
				   (const char *) from + field->offset, sizeof(int64));
	}
}

/* Copies the fields' heap blocks into another heap, and points at them there. */
void
fields_move(const StateField *fields, void *data, StateHeap *into,
			const char *base)
{
	FOR_EACH_FIELD(field, fields)
	{
		char	   *at = (char *) data + field->offset;

		if (field->type == FIELD_MONEY)
		{
			Money		money;

			memcpy(&money, at, sizeof(money));
			if (money_is_wide(&money))
			{
				money_move(into, &money, base);
				memcpy(at, &money, sizeof(money));
			}
		}
		else if (points_at_block(field))
		{
			uint64		block;

			memcpy(&block, at, sizeof(block));
			if (block == TIMELINE_EMPTY)
				continue;
			if (field->type == FIELD_INSTANTS)
				block = instants_move(into, base, block);
			else if (field->type == FIELD_DATED_MONEY)
				block = dated_money_move(into, base, block);
			else if (field->type == FIELD_EVENTS)
				block = events_move(into, base, block);
			else if (field->type == FIELD_RECORDS)
				block = record_list_move(into, base, block);
			else if (field->type == FIELD_PERIOD_SUMS)
				block = period_sums_move(into, base, block);
			else
				block = heap_copy_block(into, base, block);
			memcpy(at, &block, sizeof(block));
		}
		else if (field->type == FIELD_NAME)
		{
			uint64		name;

			memcpy(&name, at, sizeof(name));
			name = short_name_copy(into, base, name);
			memcpy(at, &name, sizeof(name));
		}
	}
}

static void
field_send(StringInfo out, FieldType type, const char *at, const char *base)
{
	switch (type)
	{
		case FIELD_END:
		case FIELD_DERIVED:
			break;
		case FIELD_BYTE:
			pq_sendbyte(out, *(const uint8 *) at);
			break;
		case FIELD_UINT32:
			{
				uint32		value;

				memcpy(&value, at, sizeof(value));
				pq_sendint32(out, value);
				break;
			}
		case FIELD_INT64:
		case FIELD_COUNT:
			pq_sendint64(out, load_int64(at));
			break;
		case FIELD_MONEY:
			{
				Money		money;

				memcpy(&money, at, sizeof(money));
				money_send(out, &money, base);
				break;
			}
		case FIELD_TIMELINE:
			timeline_send(out, base, (uint64) load_int64(at));
			break;
		case FIELD_INSTANTS:
			instants_send(out, base, (uint64) load_int64(at));
			break;
		case FIELD_DATED_MONEY:
			dated_money_send(out, base, (uint64) load_int64(at));
			break;
		case FIELD_EVENTS:
			events_send(out, base, (uint64) load_int64(at));
			break;
		case FIELD_RECORDS:
			record_list_send(out, base, (uint64) load_int64(at));
			break;
		case FIELD_TEXTS:
			text_dictionary_send(out, base, (uint64) load_int64(at));
			break;
		case FIELD_NUMBERS:
		case FIELD_DATED_NUMBERS:
			number_list_send(out, type == FIELD_DATED_NUMBERS, base,
							 (uint64) load_int64(at));
			break;
		case FIELD_PERIOD_SUMS:
			period_sums_send(out, base, (uint64) load_int64(at));
			break;
		case FIELD_NAME:
			short_name_send(out, base, (uint64) load_int64(at));
			break;
	}
}

void
fields_send(StringInfo out, const StateField *fields, const void *data,
			const char *base)
{
	FOR_EACH_FIELD(field, fields)
		field_send(out, field->type, (const char *) data + field->offset, base);
}

static int64
receive_int64(StringInfo in, FieldType type)
{
	int64		value = pq_getmsgint64(in);

	if (type == FIELD_COUNT && value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid retention state: negative count")));
	return value;
}

static void
field_receive(StringInfo in, FieldType type, char *at, StateHeap *heap)
{
	switch (type)
	{
		case FIELD_END:
			break;
		case FIELD_DERIVED:
			store_int64(at, 0);
			break;
		case FIELD_BYTE:
			*(uint8 *) at = (uint8) pq_getmsgbyte(in);
			break;
		case FIELD_UINT32:
			{
				uint32		value = pq_getmsgint(in, sizeof(value));

				memcpy(at, &value, sizeof(value));
				break;
			}
		case FIELD_INT64:
		case FIELD_COUNT:
			store_int64(at, receive_int64(in, type));
			break;
		case FIELD_MONEY:
			{
				Money		money;

				money_receive(in, heap, &money);
				memcpy(at, &money, sizeof(money));
				break;
			}
		case FIELD_TIMELINE:
			store_int64(at, (int64) timeline_receive(in, heap));
			break;
		case FIELD_INSTANTS:
			store_int64(at, (int64) instants_receive(in, heap));
			break;
		case FIELD_DATED_MONEY:
			store_int64(at, (int64) dated_money_receive(in, heap));
			break;
		case FIELD_EVENTS:
			store_int64(at, (int64) events_receive(in, heap));
			break;
		case FIELD_RECORDS:
			store_int64(at, (int64) record_list_receive(in, heap));
			break;
		case FIELD_TEXTS:
			store_int64(at, (int64) text_dictionary_receive(in, heap));
			break;
		case FIELD_NUMBERS:
		case FIELD_DATED_NUMBERS:
			store_int64(at, (int64) number_list_receive(in, type == FIELD_DATED_NUMBERS,
														heap));
			break;
		case FIELD_PERIOD_SUMS:
			store_int64(at, (int64) period_sums_receive(in, heap));
			break;
		case FIELD_NAME:
			store_int64(at, (int64) short_name_receive(in, heap));
			break;
	}
}

/* Raises an error for bytes that fields_send cannot have written. */
void
fields_receive(StringInfo in, const StateField *fields, void *data,
			   StateHeap *heap)
{
	FOR_EACH_FIELD(field, fields)
		field_receive(in, field->type, (char *) data + field->offset, heap);
}

static bool
has_numbers(const StateField *field)
{
	return field->type == FIELD_NUMBERS || field->type == FIELD_DATED_NUMBERS;
}

/* Gives the texts that the fields have by number other numbers. */
void
fields_renumber(const StateField *fields, void *data, char *base,
				const uint32 *renumber)
{
	FOR_EACH_FIELD(field, fields)
	{
		if (has_numbers(field))
			number_list_renumber(base, field->type == FIELD_DATED_NUMBERS,
								 (uint64) load_int64((char *) data + field->offset),
								 renumber);
	}
}

/* Notes which texts of so many the fields have; false if there are none such. */
bool
fields_use_numbers(const StateField *fields, const void *data, const char *base,
				   bool *used, uint32 count)
{
	FOR_EACH_FIELD(field, fields)
	{
		if (has_numbers(field) &&
			!number_list_use(base, field->type == FIELD_DATED_NUMBERS,
							 (uint64) load_int64((const char *) data + field->offset),
							 used, count))
			return false;
	}
	return true;
}

/* The fewest bytes that fields_send writes. */
int
fields_least_bytes(const StateField *fields)
{
	int			bytes = 0;

	FOR_EACH_FIELD(field, fields)
	{
		switch ((FieldType) field->type)
		{
			case FIELD_END:
			case FIELD_DERIVED:
				break;
			case FIELD_BYTE:
			case FIELD_MONEY:	/* the tag of none */
			case FIELD_NAME:	/* the length of none */
				bytes += 1;
				break;
			case FIELD_UINT32:
			case FIELD_TIMELINE:	/* the number of none */
			case FIELD_INSTANTS:
			case FIELD_DATED_MONEY:
			case FIELD_EVENTS:
			case FIELD_RECORDS:
			case FIELD_TEXTS:
			case FIELD_NUMBERS:
			case FIELD_DATED_NUMBERS:
			case FIELD_PERIOD_SUMS:
				bytes += 4;
				break;
			case FIELD_INT64:
			case FIELD_COUNT:
				bytes += 8;
				break;
		}
	}
	return bytes;
}
