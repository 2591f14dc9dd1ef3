/*
 * customer_key.h
 *		Customers' keys as the engine holds them: already hashed, yet exact.
 *
 * A key is turned into one or two 64-bit words by a function that can be
 * undone, so that the words serve as hash, as sort key and as the key itself:
 * equal words are equal customers, and nothing else is stored or compared.
 *
 *		bigint		word[0] = mix(key)
 *		uuid		word[0] = mix(first half ^ mix(second half))
 *					word[1] = second half
 *		text, up to 15 bytes: as a uuid, of the bytes padded with zeros, with
 *					the length in the 16th (the top byte of word[1])
 *		text, longer	word[0] = hash of the bytes
 *					word[1] = LONG_TEXT_MARK in the top byte, below it the
 *					offset of a heap block with the bytes, which are compared
 *		pattern		no customer, but three numbers that many may have in common
 *					word[0] = mix(first ^ mix(second ^ mix(third)))
 *					word[1] = second, word[2] = third
 *
 * Words of all ones mean "no customer here" (a gap). A bigint and a uuid exist
 * whose words are all ones; the table keeps a place of its own for them.
 *
 * In values that leave the server (text and binary form) keys stand as they
 * were given, not as words: the words may change with the format.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CUSTOMER_KEY_H
#define RETENTION_CUSTOMER_KEY_H

#include "base/compat.h"

#include "common/hashfn.h"
#include "port/pg_bswap.h"
#include "engine/state_heap.h"

typedef enum KeyKind
{
	KEY_NONE = 0,				/* a state that counts no customers (aov) */
	KEY_BIGINT = 1,
	KEY_TEXT = 2,
	KEY_UUID = 3,
	KEY_PATTERN = 4
} KeyKind;

typedef struct CustomerKey
{
	uint64		word[3];		/* zeros behind the kind's own */
} CustomerKey;

/* The numbers of a pattern, as whatever their 64 bits mean to the family. */
typedef struct KeyPattern
{
	int64		number[3];
} KeyPattern;

#define KEY_GAP				PG_UINT64_MAX
#define MOST_INLINE_TEXT	15
#define TEXT_LENGTH_SHIFT	56
#define LONG_TEXT_MARK		(UINT64CONST(0xFE) << TEXT_LENGTH_SHIFT)
#define LONG_TEXT_OFFSET	((UINT64CONST(1) << TEXT_LENGTH_SHIFT) - 1)

static inline int
key_size(KeyKind kind)
{
	switch (kind)
	{
		case KEY_NONE:
			return 0;
		case KEY_BIGINT:
			return sizeof(uint64);
		case KEY_PATTERN:
			return 3 * sizeof(uint64);
		default:
			return 2 * sizeof(uint64);
	}
}

/* The finaliser of MurmurHash3 (A. Appleby, public domain), and its inverse. */
static inline uint64
mix64(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64CONST(0xc4ceb9fe1a85ec53);
	x ^= x >> 33;
	return x;
}

static inline uint64
unmix64(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0x9cb4b2f8129337db);
	x ^= x >> 33;
	x *= UINT64CONST(0x4f74430c22a54005);
	x ^= x >> 33;
	return x;
}

static inline CustomerKey
key_from_bigint(int64 customer)
{
	return (CustomerKey) {{mix64((uint64) customer), 0}};
}

static inline int64
key_to_bigint(CustomerKey key)
{
	return (int64) unmix64(key.word[0]);
}

static inline CustomerKey
key_from_pattern(KeyPattern pattern)
{
	const uint64 second = (uint64) pattern.number[1];
	const uint64 third = (uint64) pattern.number[2];

	return (CustomerKey) {{
			mix64((uint64) pattern.number[0] ^ mix64(second ^ mix64(third))),
			second, third}};
}

static inline KeyPattern
key_to_pattern(CustomerKey key)
{
	const uint64 rest = mix64(key.word[1] ^ mix64(key.word[2]));

	return (KeyPattern) {{
			(int64) (unmix64(key.word[0]) ^ rest),
			(int64) key.word[1], (int64) key.word[2]}};
}

static inline CustomerKey
key_from_halves(uint64 first, uint64 second)
{
	return (CustomerKey) {{mix64(first ^ mix64(second)), second}};
}

static inline CustomerKey
key_from_16_bytes(const void *bytes)
{
	uint64		half[2];

	memcpy(half, bytes, sizeof(half));
	return key_from_halves(pg_ntoh64(half[0]), pg_ntoh64(half[1]));
}

static inline void
key_to_16_bytes(CustomerKey key, void *bytes)
{
	uint64		half[2];

	half[0] = pg_hton64(unmix64(key.word[0]) ^ mix64(key.word[1]));
	half[1] = pg_hton64(key.word[1]);
	memcpy(bytes, half, sizeof(half));
}

static inline bool
key_is_long_text(KeyKind kind, CustomerKey key)
{
	return kind == KEY_TEXT &&
		(key.word[1] >> TEXT_LENGTH_SHIFT) == (LONG_TEXT_MARK >> TEXT_LENGTH_SHIFT);
}

static inline uint64
key_text_offset(CustomerKey key)
{
	return key.word[1] & LONG_TEXT_OFFSET;
}

/* A text of up to 15 bytes. The length goes first in the second half. */
static inline CustomerKey
key_from_short_text(const char *bytes, int length)
{
	unsigned char padded[16] = {0};

	memcpy(padded, bytes, Min(length, 8));
	if (length > 8)
		memcpy(padded + 9, bytes + 8, length - 8);
	padded[8] = (unsigned char) length;
	return key_from_16_bytes(padded);
}

/* Undoes key_from_short_text: writes up to 15 bytes, returns how many. */
static inline int
key_to_short_text(CustomerKey key, char *bytes)
{
	unsigned char padded[16];

	key_to_16_bytes(key, padded);
	memcpy(bytes, padded, 8);
	memcpy(bytes + 8, padded + 9, 7);
	return padded[8];
}

/* A longer text, its bytes put into a heap. */
static inline CustomerKey
key_from_long_text(StateHeap *heap, const char *bytes, int length)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) bytes,
										   length, 0);
	uint64		offset = heap_add_block(heap, bytes, length, length);

	return (CustomerKey) {{hash, LONG_TEXT_MARK | offset}};
}

static inline CustomerKey
key_from_text(StateHeap *heap, const char *bytes, int length)
{
	if (length <= MOST_INLINE_TEXT)
		return key_from_short_text(bytes, length);
	return key_from_long_text(heap, bytes, length);
}

/*
 * The bytes of a text customer: in the heap at base, or written to a buffer of
 * MOST_INLINE_TEXT bytes.
 */
static inline const char *
key_text(CustomerKey key, const char *base, char *buffer, uint32 *length)
{
	if (key_is_long_text(KEY_TEXT, key))
	{
		*length = heap_block_size(base, key_text_offset(key));
		return heap_block_data(base, key_text_offset(key));
	}
	*length = key_to_short_text(key, buffer);
	return buffer;
}

extern retention_internal int compare_long_texts(CustomerKey a,
												 const char *a_base,
												 CustomerKey b,
												 const char *b_base);

#endif							/* RETENTION_CUSTOMER_KEY_H */
