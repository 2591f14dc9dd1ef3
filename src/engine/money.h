/*
 * money.h
 *		Exact sums of numeric amounts, in 16 bytes.
 *
 * A Money is a 122-bit whole number times a power of ten, enough for sums of
 * 36 digits, and is added to another in a few instructions. What does not fit
 * (36 digits is a billion billion billion billion cents, so: rarely, but
 * exactly) becomes a numeric in the state's heap, and stays exact.
 *
 * The 128 bits, most significant first:
 *
 *		122 bits	mantissa, two's complement
 *		  6 bits	tag:  0		  no amount known yet (SQL's NULL); all bits zero
 *						  1..39	  the value is mantissa * 10^-(tag - 1)
 *						  63	  the mantissa is the offset of a heap block
 *								  that holds a numeric (its bytes after the
 *								  varlena header)
 *
 * As with the server's sum(), the result has as many decimals as the addend
 * with the most, so the order of additions does not show.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_MONEY_H
#define RETENTION_MONEY_H

#include "base/compat.h"

#include "lib/stringinfo.h"
#include "engine/state_heap.h"
#include "utils/numeric.h"

typedef struct Money
{
	uint64		low;
	uint64		high;
} Money;

#define MONEY_TAG_BITS		6
#define MONEY_TAG_MASK		UINT64CONST(63)
#define MONEY_TAG_NONE		0
#define MONEY_TAG_WIDE		63
#define MONEY_MAX_DECIMALS	38

static inline uint64
money_tag(const Money *money)
{
	return money->low & MONEY_TAG_MASK;
}

static inline bool
money_is_none(const Money *money)
{
	return money_tag(money) == MONEY_TAG_NONE;
}

static inline bool
money_is_wide(const Money *money)
{
	return money_tag(money) == MONEY_TAG_WIDE;
}

/* Digits after the point of a narrow money. */
static inline int
money_decimals(const Money *money)
{
	return (int) money_tag(money) - 1;
}

/* Where a wide money lies in its heap. */
static inline uint64
money_offset(const Money *money)
{
	return money->low >> MONEY_TAG_BITS;
}

static inline int128
money_bits(const Money *money)
{
	return (int128) (((uint128) money->high << 64) | money->low);
}

static inline void
money_set_bits(Money *money, int128 bits)
{
	money->low = (uint64) bits;
	money->high = (uint64) ((uint128) bits >> 64);
}

/* The whole number of a narrow money. */
static inline int128
money_mantissa(const Money *money)
{
	return money_bits(money) >> MONEY_TAG_BITS;
}

extern retention_internal bool money_set_narrow(Money *money, int128 mantissa,
												int decimals);
extern retention_internal Money money_of_wide_bytes(StateHeap *heap,
													const char *bytes,
													uint32 size);
extern retention_internal void money_from_datum(StateHeap *heap, Money *money,
												Datum amount,
												const char *argument);
extern retention_internal void money_add_unlike(StateHeap *heap, Money *into,
												const Money *from,
												const char *from_base);
extern retention_internal void money_add_product(StateHeap *heap, Money *into,
												 const Money *a,
												 const Money *b,
												 const char *base);
extern retention_internal Numeric money_numeric(const Money *money,
												const char *base);
extern retention_internal int money_sign(const Money *money, const char *base);
extern retention_internal int money_wide_decimals(const Money *money,
												  const char *base);
extern retention_internal int money_compare(const Money *a, const char *a_base,
											const Money *b, const char *b_base);
extern retention_internal bool money_is_finite(const Money *money,
											   const char *base);
extern retention_internal double money_double(const Money *money,
											  const char *base);
extern retention_internal uint64 money_hash(const Money *money,
											const char *base);
extern retention_internal double money_ratio(Numeric part, Numeric whole);
extern retention_internal double money_quotient(const Money *money,
												const char *base,
												int64 divisor);
extern retention_internal bool money_from_double(Money *money, double value,
												 int decimals);
extern retention_internal bool money_scaled(const Money *money, int decimals,
											int64 *scaled);
extern retention_internal Money money_negated(StateHeap *heap,
											  const Money *money,
											  const char *base);
extern retention_internal void money_move(StateHeap *into, Money *money,
										  const char *from_base);
extern retention_internal void money_send(StringInfo out, const Money *money,
										  const char *base);
extern retention_internal bool money_message_is_whole(const char *bytes,
													  uint64 size);
extern retention_internal void money_receive(StringInfo in, StateHeap *heap,
											 Money *money);

/* Is the money above zero? */
static inline bool
money_is_positive(const Money *money, const char *base)
{
	return money_is_wide(money) ? money_sign(money, base) > 0 :
		money_mantissa(money) > 0;
}

/*
 * into += from, where from's heap (if it is wide) begins at from_base.
 *
 * Two narrow sums with as many decimals as each other, nearly all there are,
 * are added here; everything else is money_add_unlike's.
 */
static inline void
money_add(StateHeap *heap, Money *into, const Money *from,
		  const char *from_base)
{
	uint64		tag = money_tag(into);
	int128		sum;

	if (likely(tag == money_tag(from) && tag != MONEY_TAG_WIDE) &&
		!__builtin_add_overflow(money_bits(into),
								money_bits(from) - (int128) tag, &sum))
		money_set_bits(into, sum);
	else if (tag == MONEY_TAG_NONE && !money_is_wide(from))
		*into = *from;
	else
		money_add_unlike(heap, into, from, from_base);
}

#endif							/* RETENTION_MONEY_H */
