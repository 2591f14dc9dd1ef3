/*
 * varint.h
 *		Whole numbers in as many bytes as they need: one for seven bits.
 *
 * The number of zero bits at the low end of the first byte says how many bytes
 * follow, so that a number is read with one load and two shifts, and without a
 * branch that a processor could guess wrong:
 *
 *		xxxxxxx1						7 bits
 *		xxxxxx10 xxxxxxxx				14 bits
 *		...
 *		10000000 xxxxxxxx * 7			56 bits
 *		00000000 xxxxxxxx * 8			64 bits
 *
 * Bytes are in the order of little-endian machines on all of them. A reader
 * may look at VARINT_PAD bytes behind the last one.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_VARINT_H
#define RETENTION_VARINT_H

#include "base/compat.h"

#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

#define MOST_VARINT		9
#define VARINT_PAD		7

static inline uint64
load_little_endian(const uint8 *at)
{
	uint64		word;

	memcpy(&word, at, sizeof(word));
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return word;
}

static inline void
store_little_endian(uint8 *at, uint64 word)
{
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	memcpy(at, &word, sizeof(word));
}

/* Bytes of the number that begins with this byte, 1 to 9. */
static inline int
varint_size(uint8 first)
{
	return pg_rightmost_one_pos32((uint32) first | 0x100) + 1;
}

static pg_attribute_always_inline uint64
varint_read(const uint8 **at)
{
	const uint8 *from = *at;
	int			size = varint_size(*from);

	*at += size;
	if (unlikely(size == MOST_VARINT))
		return load_little_endian(from + 1);

	/*
	 * its bytes to the top, then out with them and with the mark of their
	 * number
	 */
	return (load_little_endian(from) << (64 - 8 * size)) >> (64 - 7 * size);
}

/* Bytes that a number needs. */
static inline int
varint_bytes(uint64 value)
{
	int			bits = pg_leftmost_one_pos64(value | 1) + 1;

	return bits > 56 ? MOST_VARINT : (bits + 6) / 7;
}

/* Writes up to 8 bytes too many: there must be MOST_VARINT behind "at". */
static pg_attribute_always_inline uint8 *
varint_write(uint8 *at, uint64 value)
{
	int			size = varint_bytes(value);

	if (unlikely(size == MOST_VARINT))
	{
		*at = 0;
		store_little_endian(at + 1, value);
	}
	else
		store_little_endian(at, ((value << 1) | 1) << (size - 1));
	return at + size;
}

/* Numbers of either sign with the small ones first: 0, -1, 1, -2, 2, ... */
static inline uint64
zigzag(int64 value)
{
	return ((uint64) value << 1) ^ (uint64) (value >> 63);
}

static inline int64
unzigzag(uint64 value)
{
	return (int64) (value >> 1) ^ -(int64) (value & 1);
}

#endif							/* RETENTION_VARINT_H */
