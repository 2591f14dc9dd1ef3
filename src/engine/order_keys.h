/*
 * order_keys.h
 *		Values of any type that can be ordered, as 64-bit words in their order.
 *
 * Whole numbers, floating point numbers, days and times become such words one by
 * one; numerics when all are known, since their decimals differ; values of other
 * types (and numerics of too many digits) by sorting them and numbering what is
 * different. Equal values get equal words.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ORDER_KEYS_H
#define RETENTION_ORDER_KEYS_H

#include "base/compat.h"

#include "engine/money.h"
#include "utils/sortsupport.h"

typedef enum OrderForm
{
	ORDER_INT16,
	ORDER_INT32,
	ORDER_INT64,
	ORDER_TIME,
	ORDER_FLOAT4,
	ORDER_FLOAT8,
	ORDER_NUMERIC,				/* collected, then scaled alike */
	ORDER_OTHER					/* collected, then sorted */
} OrderForm;

/* What a query needs to know of a column's type. */
typedef struct OrderType
{
	OrderForm	form;
	const char *argument;		/* its name, if NaN and infinity are errors */
	int16		typlen;			/* this and what follows: of ORDER_OTHER */
	bool		typbyval;
	SortSupportData sort;
} OrderType;

/* The values of one column, being collected. */
typedef struct OrderKeys
{
	const OrderType *type;
	MemoryContext context;
	uint64		count;
	uint64		room;
	uint64	   *words;
	Money	   *money;			/* of ORDER_NUMERIC */
	StateHeap	heap;			/* and what does not fit it */
	Datum	   *values;			/* of ORDER_OTHER */
} OrderKeys;

extern retention_internal void order_type_init(OrderType *type, Oid column_type,
											   Oid collation,
											   const char *argument);
extern retention_internal void order_keys_init(OrderKeys *keys,
											   const OrderType *type,
											   uint64 room);
extern retention_internal void order_keys_add(OrderKeys *keys, Datum value);
extern retention_internal const uint64 *order_keys_words(OrderKeys *keys);
extern retention_internal void order_keys_free(OrderKeys *keys);
extern retention_internal void money_words(uint64 *words, const Money *money,
										   const char *base, uint64 n);

/* Signed numbers in order: the sign bit is turned. */
static inline uint64
word_of_int64(int64 value)
{
	return (uint64) value ^ (UINT64CONST(1) << 63);
}

static inline int64
int64_of_word(uint64 word)
{
	return (int64) (word ^ (UINT64CONST(1) << 63));
}

/* As the server orders them: -0 = 0, and NaN after all others, equal to NaN. */
static inline uint64
word_of_float8(double value)
{
	uint64		bits;

	if (value != value)
		return PG_UINT64_MAX;
	value += 0.0;
	memcpy(&bits, &value, sizeof(bits));
	return (bits >> 63) ? ~bits : bits | (UINT64CONST(1) << 63);
}

#endif							/* RETENTION_ORDER_KEYS_H */
