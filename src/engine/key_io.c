/*
 * key_io.c
 *		Keys of customers from and to what SQL and the wire have.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/key_io.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"

/* As state_io.c and history_io.c say; of a long text the bytes lie at "base". */
void
key_send(StringInfo out, KeyKind kind, CustomerKey key, const char *base)
{
	char		bytes[16];
	const char *text_bytes;
	uint32		size;
	KeyPattern	pattern;

	switch (kind)
	{
		case KEY_NONE:
			break;
		case KEY_BIGINT:
			pq_sendint64(out, key_to_bigint(key));
			break;
		case KEY_UUID:
			key_to_16_bytes(key, bytes);
			pq_sendbytes(out, bytes, sizeof(bytes));
			break;
		case KEY_TEXT:
			text_bytes = key_text(key, base, bytes, &size);
			pq_sendint32(out, size);
			pq_sendbytes(out, text_bytes, size);
			break;
		case KEY_PATTERN:
			pattern = key_to_pattern(key);
			for (int i = 0; i < lengthof(pattern.number); i++)
				pq_sendint64(out, pattern.number[i]);
			break;
	}
}

static int64
take_int64(StringInfo in, MessageBytes take)
{
	uint64		number;

	memcpy(&number, take(in, sizeof(number)), sizeof(number));
	return (int64) pg_ntoh64(number);
}

/* What key_send() has written; the bytes of a long text go into the heap. */
CustomerKey
key_receive(StringInfo in, KeyKind kind, StateHeap *heap, MessageBytes take)
{
	KeyPattern	pattern;
	uint32		size;
	const char *bytes;

	switch (kind)
	{
		case KEY_NONE:
			break;
		case KEY_BIGINT:
			return key_from_bigint(take_int64(in, take));
		case KEY_UUID:
			return key_from_16_bytes(take(in, 16));
		case KEY_TEXT:
			memcpy(&size, take(in, sizeof(size)), sizeof(size));
			size = pg_ntoh32(size);
			bytes = take(in, size);
			pg_verifymbstr(bytes, (int) size, false);
			return key_from_text(heap, bytes, (int) size);
		case KEY_PATTERN:
			for (int i = 0; i < lengthof(pattern.number); i++)
				pattern.number[i] = take_int64(in, take);
			return key_from_pattern(pattern);
	}
	return (CustomerKey) {{0, 0, 0}};
}
