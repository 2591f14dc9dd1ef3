/*
 * key_io.c
 *		Keys of customers from and to what SQL and the wire have.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/key_io.h"

#include "libpq/pqformat.h"

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
