/*
 * key_io.h
 *		Keys of customers from and to what SQL and the wire have.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_KEY_IO_H
#define RETENTION_KEY_IO_H

#include "base/compat.h"

#include "engine/customer_key.h"
#include "engine/state_heap.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/uuid.h"

extern retention_internal void key_send(StringInfo out, KeyKind kind,
										CustomerKey key, const char *base);

/* So many bytes of a message; an error if they are not there. */
typedef const char *(*MessageBytes) (StringInfo in, uint64 size);

extern retention_internal CustomerKey key_receive(StringInfo in, KeyKind kind,
												  StateHeap *heap,
												  MessageBytes take);

/* A customer that is a value of SQL. A long text's bytes go into the heap. */
static pg_attribute_always_inline CustomerKey
key_from_datum(KeyKind kind, Datum customer, StateHeap *heap)
{
	if (kind == KEY_BIGINT)
		return key_from_bigint(DatumGetInt64(customer));
	if (kind == KEY_UUID)
		return key_from_16_bytes(DatumGetUUIDP(customer)->data);
	else
	{
		text	   *bytes = DatumGetTextPP(customer);

		return key_from_text(heap, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	}
}

#endif							/* RETENTION_KEY_IO_H */
