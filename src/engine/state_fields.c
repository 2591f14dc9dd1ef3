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

#include "libpq/pqformat.h"
#include "engine/instants.h"
#include "engine/money.h"
#include "engine/timeline.h"

StaticAssertDecl(TIMELINE_EMPTY == INSTANTS_NONE, "one mark for no block");

static Size
field_size(char field)
{
	switch (field)
	{
		case 'c':
			return sizeof(uint8);
		case 'i':
			return sizeof(uint32);
		case 'q':
		case 'n':
		case '-':
		case 't':
		case 's':
			return sizeof(int64);
		case 'm':
			return sizeof(Money);
	}
	elog(ERROR, "unknown state field \"%c\"", field);
	return 0;
}

/* Bytes the heap blocks of these fields take in a packed heap. */
uint64
fields_heap_size(const char *fields, const char *data, const char *base)
{
	uint64		size = 0;

	for (; *fields; data += field_size(*fields++))
		if (*fields == 'm')
		{
			Money		money;

			memcpy(&money, data, sizeof(money));
			if (money_is_wide(&money))
				size += heap_copied_size(base, money_offset(&money));
		}
		else if (*fields == 't' || *fields == 's')
		{
			uint64		block;

			memcpy(&block, data, sizeof(block));
			if (block != TIMELINE_EMPTY)
				size += heap_copied_size(base, block);
		}
	return size;
}

/* Copies the fields that are derived from payloads, and no others. */
void
fields_copy_derived(const char *fields, char *into, const char *from)
{
	for (Size at = 0; *fields; at += field_size(*fields++))
		if (*fields == '-')
			memcpy(into + at, from + at, sizeof(int64));
}

/* Copies the fields' heap blocks into another heap, and points at them there. */
void
fields_move(const char *fields, char *data, StateHeap *into, const char *base)
{
	for (; *fields; data += field_size(*fields++))
		if (*fields == 'm')
		{
			Money		money;

			memcpy(&money, data, sizeof(money));
			if (money_is_wide(&money))
			{
				money_move(into, &money, base);
				memcpy(data, &money, sizeof(money));
			}
		}
		else if (*fields == 't' || *fields == 's')
		{
			uint64		block;

			memcpy(&block, data, sizeof(block));
			if (block == TIMELINE_EMPTY)
				continue;
			block = *fields == 's' ? instants_move(into, base, block) :
				heap_copy_block(into, base, block);
			memcpy(data, &block, sizeof(block));
		}
}

void
fields_send(StringInfo out, const char *fields, const char *data,
			const char *base)
{
	for (; *fields; data += field_size(*fields++))
		switch (*fields)
		{
			case 'c':
				pq_sendbyte(out, *(const uint8 *) data);
				break;
			case 'i':
				{
					uint32		value;

					memcpy(&value, data, sizeof(value));
					pq_sendint32(out, value);
					break;
				}
			case 'q':
			case 'n':
				{
					int64		value;

					memcpy(&value, data, sizeof(value));
					pq_sendint64(out, value);
					break;
				}
			case 'm':
				{
					Money		money;

					memcpy(&money, data, sizeof(money));
					money_send(out, &money, base);
					break;
				}
			case 't':
			case 's':
				{
					uint64		block;

					memcpy(&block, data, sizeof(block));
					if (*fields == 't')
						timeline_send(out, base, block);
					else
						instants_send(out, base, block);
					break;
				}
		}
}

/* Raises an error for bytes that fields_send cannot have written. */
void
fields_receive(StringInfo in, const char *fields, char *data, StateHeap *heap)
{
	for (; *fields; data += field_size(*fields++))
		switch (*fields)
		{
			case 'c':
				*(uint8 *) data = (uint8) pq_getmsgbyte(in);
				break;
			case 'i':
				{
					uint32		value = pq_getmsgint(in, sizeof(value));

					memcpy(data, &value, sizeof(value));
					break;
				}
			case 'q':
			case 'n':
				{
					int64		value = pq_getmsgint64(in);

					if (*fields == 'n' && value < 0)
						ereport(ERROR,
								(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
								 errmsg("invalid retention state: negative count")));
					memcpy(data, &value, sizeof(value));
					break;
				}
			case '-':
				memset(data, 0, sizeof(int64));
				break;
			case 'm':
				{
					Money		money;

					money_receive(in, heap, &money);
					memcpy(data, &money, sizeof(money));
					break;
				}
			case 't':
			case 's':
				{
					uint64		block = *fields == 't' ?
						timeline_receive(in, heap) : instants_receive(in, heap);

					memcpy(data, &block, sizeof(block));
					break;
				}
		}
}
