/*
 * short_name.c
 *		A name kept of a customer.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/short_name.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"

/* The number of bytes of no name, where it is sent */
#define SENT_NONE	0xFF

static uint64
name_of_bytes(StateHeap *heap, const char *bytes, Size length)
{
	uint64		name = (uint64) length << 56;

	if (length > MOST_INLINE_BYTES)
		return SHORT_NAME_BLOCK | heap_add_block(heap, bytes, length, length);
	for (Size i = 0; i < length; i++)
		name |= (uint64) (uint8) bytes[i] << (8 * i);
	return name;
}

/* A name too long for any is an error that names the argument. */
uint64
short_name_create(StateHeap *heap, const char *bytes, Size length,
				  const char *argument)
{
	if (length > MOST_NAME_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a name of at most %d bytes",
						argument, MOST_NAME_BYTES)));
	return name_of_bytes(heap, bytes, length);
}

/* Its bytes, for which there is room of MOST_NAME_BYTES; returns how many they are. */
int
short_name_read(uint64 name, const char *base, char *bytes)
{
	int			length = (int) (name >> 56);

	if (short_name_has_block(name))
	{
		length = heap_block_size(base, short_name_offset(name));
		memcpy(bytes, heap_block_data(base, short_name_offset(name)), length);
		return length;
	}
	for (int i = 0; i < length; i++)
		bytes[i] = (char) (uint8) (name >> (8 * i));
	return length;
}

bool
short_name_equal(uint64 a, const char *a_base, uint64 b, const char *b_base)
{
	uint32		size;

	if (!short_name_has_block(a) || !short_name_has_block(b))
		return a == b;
	a = short_name_offset(a);
	b = short_name_offset(b);
	size = heap_block_size(a_base, a);
	return size == heap_block_size(b_base, b) &&
		memcmp(heap_block_data(a_base, a), heap_block_data(b_base, b), size) == 0;
}

/* The same name in another heap. */
uint64
short_name_copy(StateHeap *heap, const char *from_base, uint64 name)
{
	if (!short_name_has_block(name))
		return name;
	return SHORT_NAME_BLOCK |
		heap_copy_block(heap, from_base, short_name_offset(name));
}

void
short_name_send(StringInfo out, const char *base, uint64 name)
{
	char		bytes[MOST_NAME_BYTES];
	int			length;

	if (name == SHORT_NAME_NONE)
	{
		pq_sendbyte(out, SENT_NONE);
		return;
	}
	length = short_name_read(name, base, bytes);
	pq_sendbyte(out, (uint8) length);
	pq_sendbytes(out, bytes, length);
}

/* Raises an error for bytes that short_name_send cannot have written. */
uint64
short_name_receive(StringInfo in, StateHeap *heap)
{
	int			length = pq_getmsgbyte(in);
	const char *bytes;

	if (length == SENT_NONE)
		return SHORT_NAME_NONE;
	if (length > MOST_NAME_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid retention state: a name of %d bytes", length)));
	bytes = pq_getmsgbytes(in, length);
	pg_verifymbstr(bytes, length, false);
	return name_of_bytes(heap, bytes, length);
}
