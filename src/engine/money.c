/*
 * money.c
 *		Exact sums of numeric amounts, in 16 bytes.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/money.h"

#include <math.h>

#include "base/checks.h"
#include "engine/customer_key.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/*
 * A numeric as the server stores it (src/backend/utils/adt/numeric.c; the
 * format has not changed since 9.1 and pg_upgrade relies on it): a 16-bit
 * header, for the long form a 16-bit weight, then base-10000 digits.
 *
 *		header	10S ddd ddd www wwww	short: sign, decimals, 7-bit weight
 *				0Sd ddd ddd ddd dddd	long: sign, decimals; weight follows
 *				11. ... ... ... ....	NaN and the infinities
 */
#define NUMERIC_FORM_MASK		0xC000
#define NUMERIC_FORM_NEGATIVE	0x4000
#define NUMERIC_FORM_SHORT		0x8000
#define NUMERIC_FORM_SPECIAL	0xC000

#define DIGIT_BASE				10000
#define DIGIT_DECIMALS			4
#define MOST_NARROW_DIGITS		11	/* 122 bits are 37 decimal digits, and the
									 * first and last may be in part of a
									 * digit */

#define DIGITS_WITHOUT_OVERFLOW 9

typedef struct StoredNumeric
{
	bool		special;
	bool		negative;
	int			decimals;		/* digits after the point that it displays */
	int			weight;			/* power of 10000 of its first digit */
	int			ndigits;
	const char *digits;			/* int16s, perhaps not aligned */
} StoredNumeric;

static const int64 power_of_ten_64[] = {
	INT64CONST(1), INT64CONST(10), INT64CONST(100), INT64CONST(1000),
	INT64CONST(10000), INT64CONST(100000), INT64CONST(1000000),
	INT64CONST(10000000), INT64CONST(100000000), INT64CONST(1000000000),
	INT64CONST(10000000000), INT64CONST(100000000000),
	INT64CONST(1000000000000), INT64CONST(10000000000000),
	INT64CONST(100000000000000), INT64CONST(1000000000000000),
	INT64CONST(10000000000000000), INT64CONST(100000000000000000),
	INT64CONST(1000000000000000000)
};

#define MOST_64_BIT_POWER	18

/* 10^n for n up to 38 */
static inline int128
power_of_ten(int n)
{
	int128		power = power_of_ten_64[Min(n, MOST_64_BIT_POWER)];

	for (n -= MOST_64_BIT_POWER; n > 0; n -= MOST_64_BIT_POWER)
		power *= power_of_ten_64[Min(n, MOST_64_BIT_POWER)];
	return power;
}

static void
read_stored_numeric(StoredNumeric *stored, const struct varlena *value)
{
	const char *data = VARDATA_ANY(value);
	Size		size = VARSIZE_ANY_EXHDR(value);
	uint16		header;

	memcpy(&header, data, sizeof(header));
	data += sizeof(uint16);
	size -= sizeof(uint16);
	stored->special = (header & NUMERIC_FORM_MASK) == NUMERIC_FORM_SPECIAL;
	if (stored->special)
		return;
	if (header & NUMERIC_FORM_SHORT)
	{
		stored->negative = (header & 0x2000) != 0;
		stored->decimals = (header & 0x1F80) >> 7;
		stored->weight = (header & 0x003F) - (header & 0x0040);
	}
	else
	{
		int16		weight;

		stored->negative = (header & NUMERIC_FORM_NEGATIVE) != 0;
		stored->decimals = header & 0x3FFF;
		memcpy(&weight, data, sizeof(weight));
		stored->weight = weight;
		data += sizeof(int16);
		size -= sizeof(int16);
	}
	stored->digits = data;
	stored->ndigits = (int) (size / sizeof(int16));
}

/* Makes a narrow money, or returns false when mantissa or decimals do not fit. */
bool
money_set_narrow(Money *money, int128 mantissa, int decimals)
{
	int128		bits;

	if (decimals > MONEY_MAX_DECIMALS ||
		__builtin_mul_overflow(mantissa, (int128) 1 << MONEY_TAG_BITS, &bits))
		return false;
	money_set_bits(money, bits + decimals + 1);
	return true;
}

/*
 * mantissa *= 10^decimals, or false on overflow.
 */
static bool
scale_up(int128 *mantissa, int decimals)
{
	return !__builtin_mul_overflow(*mantissa, power_of_ten(decimals), mantissa);
}

static inline int
stored_digit(const StoredNumeric *stored, int i)
{
	int16		digit;

	memcpy(&digit, stored->digits + i * sizeof(int16), sizeof(digit));
	return digit;
}

/*
 * mantissa = mantissa * base + the i-th digit, or false on overflow.
 */
static inline bool
append_digit(int128 *mantissa, int i, int base, int digit)
{
	if (likely(i < DIGITS_WITHOUT_OVERFLOW))
	{
		*mantissa = *mantissa * base + digit;
		return true;
	}
	return !__builtin_mul_overflow(*mantissa, (int128) base, mantissa) &&
		!__builtin_add_overflow(*mantissa, (int128) digit, mantissa);
}

/*
 * The stored digits as mantissa * 10^-decimals. False for what is not narrow:
 * the caller then keeps the numeric itself.
 */
static bool
narrow_from_stored(Money *money, const StoredNumeric *stored)
{
	const int	last = stored->ndigits - 1;
	int128		mantissa = 0;
	int			last_base = DIGIT_BASE;
	int			last_digit;
	int			shift;

	if (stored->ndigits > MOST_NARROW_DIGITS ||
		stored->decimals > MONEY_MAX_DECIMALS)
		return false;
	if (stored->ndigits == 0)
		return money_set_narrow(money, 0, stored->decimals);

	/* the last digit counts 10000^(weight - ndigits + 1); aim at 10^-decimals */
	shift = stored->decimals +
		DIGIT_DECIMALS * (stored->weight - last);
	if (shift > MONEY_MAX_DECIMALS || shift <= -DIGIT_DECIMALS)
		return false;

	for (int i = 0; i < last; i++)
		if (!append_digit(&mantissa, i, DIGIT_BASE, stored_digit(stored, i)))
			return false;
	last_digit = stored_digit(stored, last);
	if (shift < 0)
	{
		/* digits beyond those it displays: not the server's doing; keep them */
		int			beyond = (int) power_of_ten_64[-shift];

		if (last_digit % beyond != 0)
			return false;
		last_digit /= beyond;
		last_base /= beyond;
	}
	if (!append_digit(&mantissa, last, last_base, last_digit))
		return false;
	if (shift > 0 && !scale_up(&mantissa, shift))
		return false;
	return money_set_narrow(money, stored->negative ? -mantissa : mantissa,
							stored->decimals);
}

/* Keeps a numeric that is not narrow in the heap. */
static void
set_wide(StateHeap *heap, Money *money, const struct varlena *value)
{
	uint32		size = VARSIZE_ANY_EXHDR(value);
	uint64		offset;

	if (money_is_wide(money))
		offset = heap_replace_block(heap, money_offset(money),
									VARDATA_ANY(value), size);
	else
		offset = heap_add_block(heap, VARDATA_ANY(value), size, size);
	money->low = (offset << MONEY_TAG_BITS) | MONEY_TAG_WIDE;
	money->high = 0;
}

/* A wide money in this heap, from the bytes of one in another. */
Money
money_of_wide_bytes(StateHeap *heap, const char *bytes, uint32 size)
{
	uint64		offset = heap_add_block(heap, bytes, size, size);

	return (Money) {(offset << MONEY_TAG_BITS) | MONEY_TAG_WIDE, 0};
}

/*
 * Narrow again if it can be, so that a sum's bytes depend on its value and
 * not on how it was reached.
 */
static void
set_numeric(StateHeap *heap, Money *money, Numeric value)
{
	StoredNumeric stored;
	Money		narrow;

	read_stored_numeric(&stored, (struct varlena *) value);
	if (!narrow_from_stored(&narrow, &stored))
	{
		set_wide(heap, money, (struct varlena *) value);
		return;
	}
	if (money_is_wide(money))
		heap->dead += HEAP_BLOCK_HEADER +
			heap_block_room(heap->base, money_offset(money));
	*money = narrow;
}

/*
 * One amount. Raises an error that names the argument for NaN and infinities,
 * unless "argument" is NULL: then the result can be compared, not added.
 */
void
money_from_datum(StateHeap *heap, Money *money, Datum amount,
				 const char *argument)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(amount);
	StoredNumeric stored;

	read_stored_numeric(&stored, value);
	if (unlikely(stored.special) && argument)
		check_finite_numeric(DatumGetNumeric(amount), argument);
	if (unlikely(stored.special || !narrow_from_stored(money, &stored)))
	{
		*money = (Money) {0, 0};
		set_wide(heap, money, value);
	}
}

/*
 * Numerics here are freed at once: a million wide sums may be merged or sent in
 * one call.
 */
static Numeric
apply_and_free(PGFunction operation, Numeric a, Numeric b)
{
	Numeric		result = DatumGetNumeric(DirectFunctionCall2(operation,
															 NumericGetDatum(a),
															 NumericGetDatum(b)));

	pfree(a);
	pfree(b);
	return result;
}

/*
 * The sum as the server's numeric, palloc'd; NULL if no amount is known.
 */
Numeric
money_numeric(const Money *money, const char *base)
{
	int			decimals = money_decimals(money);
	int128		mantissa = money_mantissa(money);
	const int64 half = power_of_ten_64[MOST_64_BIT_POWER];
	Numeric		upper;
	Numeric		lower;

	if (money_is_none(money))
		return NULL;
	if (money_is_wide(money))
	{
		uint32		size = heap_block_size(base, money_offset(money));
		struct varlena *value = palloc(VARHDRSZ + size);

		SET_VARSIZE(value, VARHDRSZ + size);
		memcpy(VARDATA(value), heap_block_data(base, money_offset(money)),
			   size);
		return (Numeric) value;
	}
	if (mantissa >= PG_INT64_MIN && mantissa <= PG_INT64_MAX)
		return int64_div_fast_to_numeric((int64) mantissa, decimals);

	/* two 18-digit halves; the upper one is worth 10^18 as much */
	upper = int64_div_fast_to_numeric((int64) (mantissa / half),
									  decimals - MOST_64_BIT_POWER);
	lower = int64_div_fast_to_numeric((int64) (mantissa % half), decimals);
	return apply_and_free(numeric_add, upper, lower);
}

/* Whole numbers up to it are exact in a double. */
#define MOST_EXACT		((int128) 1 << 53)

/*
 * A known money divided by a whole number, as the nearest double; an infinity if it is
 * beyond all doubles.
 */
double
money_quotient(const Money *money, const char *base, int64 divisor)
{
	Datum		quotient;

	if (!money_is_wide(money))
	{
		int128		part = money_mantissa(money);
		int128		whole = power_of_ten(money_decimals(money));

		/* so that only the division rounds */
		if (part <= MOST_EXACT && part >= -MOST_EXACT &&
			!__builtin_mul_overflow(whole, (int128) divisor, &whole) &&
			whole <= MOST_EXACT)
			return (double) part / (double) whole;
	}
	quotient = DirectFunctionCall2(numeric_div,
								   NumericGetDatum(money_numeric(money, base)),
								   NumericGetDatum(int64_to_numeric(divisor)));
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  quotient));
}

/*
 * A finite double rounded to so many decimals; false if it has too many digits for
 * this to be quick.
 */
bool
money_from_double(Money *money, double value, int decimals)
{
	double		scaled;

	if (decimals > MOST_64_BIT_POWER)
		return false;
	scaled = rint(value * power_of_ten_64[decimals]);
	return fabs(scaled) <= (double) MOST_EXACT &&
		money_set_narrow(money, (int64) scaled, decimals);
}

/*
 * into += from, whatever their forms.
 */
void
money_add_unlike(StateHeap *heap, Money *into, const Money *from,
				 const char *from_base)
{
	Numeric		sum;

	if (money_is_none(from))
		return;
	if (money_is_none(into))
	{
		*into = *from;
		money_move(heap, into, from_base);
		return;
	}
	if (!money_is_wide(into) && !money_is_wide(from))
	{
		int			into_decimals = money_decimals(into);
		int			from_decimals = money_decimals(from);
		int			decimals = Max(into_decimals, from_decimals);
		int128		a = money_mantissa(into);
		int128		b = money_mantissa(from);

		if (scale_up(&a, decimals - into_decimals) &&
			scale_up(&b, decimals - from_decimals) &&
			!__builtin_add_overflow(a, b, &a) &&
			money_set_narrow(into, a, decimals))
			return;
	}
	sum = apply_and_free(numeric_add, money_numeric(into, heap->base),
						 money_numeric(from, from_base));
	set_numeric(heap, into, sum);
	pfree(sum);
}

/* A product of two such numbers fits a mantissa. */
#define MOST_FACTOR		((int128) 1 << 60)

/*
 * into += a * b, exact, too; both of them lie at base. None of what is not known.
 */
void
money_add_product(StateHeap *heap, Money *into, const Money *a, const Money *b,
				  const char *base)
{
	Money		product;
	Numeric		sum;

	if (money_is_none(a) || money_is_none(b))
		return;
	if (!money_is_wide(a) && !money_is_wide(b))
	{
		int128		first = money_mantissa(a);
		int128		second = money_mantissa(b);

		if (first < MOST_FACTOR && first > -MOST_FACTOR &&
			second < MOST_FACTOR && second > -MOST_FACTOR &&
			money_set_narrow(&product, first * second,
							 money_decimals(a) + money_decimals(b)))
		{
			money_add(heap, into, &product, NULL);
			return;
		}
	}
	sum = apply_and_free(numeric_mul, money_numeric(a, base), money_numeric(b, base));
	if (!money_is_none(into))
		sum = apply_and_free(numeric_add, money_numeric(into, heap->base), sum);
	set_numeric(heap, into, sum);
	pfree(sum);
}

/* The same with the other sign, in this heap; if it is wide, "base" is where it is. */
Money
money_negated(StateHeap *heap, const Money *money, const char *base)
{
	Money		negated = {0, 0};
	Numeric		value;
	Numeric		other;

	if (money_is_none(money))
		return negated;
	if (!money_is_wide(money) &&
		money_set_narrow(&negated, -money_mantissa(money),
						 money_decimals(money)))
		return negated;
	value = money_numeric(money, base);
	other = DatumGetNumeric(DirectFunctionCall1(numeric_uminus,
												NumericGetDatum(value)));
	set_numeric(heap, &negated, other);
	pfree(other);
	pfree(value);
	return negated;
}

/* -1, 0 or 1; 0 also when no amount is known. */
int
money_sign(const Money *money, const char *base)
{
	if (money_is_none(money))
		return 0;
	if (money_is_wide(money))
	{
		StoredNumeric stored;
		Numeric		value = money_numeric(money, base);
		int			sign;

		read_stored_numeric(&stored, (struct varlena *) value);
		sign = stored.ndigits == 0 ? 0 : stored.negative ? -1 : 1;
		pfree(value);
		return sign;
	}
	else
	{
		int128		mantissa = money_mantissa(money);

		return (mantissa > 0) - (mantissa < 0);
	}
}

/* Digits after the point of a wide money. */
int
money_wide_decimals(const Money *money, const char *base)
{
	StoredNumeric stored;
	Numeric		value = money_numeric(money, base);

	read_stored_numeric(&stored, (struct varlena *) value);
	pfree(value);
	return stored.decimals;
}

/* Negative, zero or positive as a is less than, equal to or more than b. */
int
money_compare(const Money *a, const char *a_base,
			  const Money *b, const char *b_base)
{
	Numeric		a_value;
	Numeric		b_value;
	int			order;

	if (money_tag(a) == money_tag(b) && !money_is_wide(a))
	{
		int128		a_bits = money_bits(a);
		int128		b_bits = money_bits(b);

		return (a_bits > b_bits) - (a_bits < b_bits);
	}
	a_value = money_numeric(a, a_base);
	b_value = money_numeric(b, b_base);
	order = DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											  NumericGetDatum(a_value),
											  NumericGetDatum(b_value)));
	pfree(a_value);
	pfree(b_value);
	return order;
}

/*
 * A quotient of sums of money as a rate: exact, then rounded once. The divisor is
 * not zero. A rate too small for a double is 0.
 */
double
money_ratio(Numeric part, Numeric whole)
{
	Datum		quotient = DirectFunctionCall2(numeric_div,
											   NumericGetDatum(part),
											   NumericGetDatum(whole));
	double		ratio = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
														   quotient));

	if (isinf(ratio))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a ratio of sums of money is out of range of double precision")));
	return ratio;
}

/* Is this an amount, not NaN or an infinity? Those are kept, but never added. */
bool
money_is_finite(const Money *money, const char *base)
{
	uint16		header;

	if (!money_is_wide(money))
		return true;
	memcpy(&header, heap_block_data(base, money_offset(money)), sizeof(header));
	return (header & NUMERIC_FORM_MASK) != NUMERIC_FORM_SPECIAL;
}

/*
 * About the value; an infinity where it is beyond all doubles. For sums that are
 * known.
 */
double
money_double(const Money *money, const char *base)
{
	int			decimals = money_decimals(money);
	int128		mantissa = money_mantissa(money);

	if (money_is_wide(money))
	{
		Numeric		value = money_numeric(money, base);
		double		result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
																NumericGetDatum(value)));

		pfree(value);
		return result;
	}
	if (decimals <= MOST_64_BIT_POWER &&
		mantissa >= PG_INT64_MIN && mantissa <= PG_INT64_MAX)
		return (double) (int64) mantissa / (double) power_of_ten_64[decimals];
	return (double) mantissa / (double) power_of_ten(decimals);
}

/* Decimals that money_hash() brings all values to. */
#define HASHED_DECIMALS		8

/* The value as a whole number of 10^-8, if it is one and fits 128 bits. */
static bool
hashed_mantissa(const Money *money, int128 *mantissa)
{
	int			decimals = money_decimals(money);

	*mantissa = money_mantissa(money);
	for (; decimals > HASHED_DECIMALS; decimals--)
	{
		if (*mantissa % 10 != 0)
			return false;
		*mantissa /= 10;
	}
	return scale_up(mantissa, HASHED_DECIMALS - decimals);
}

#define HASH_OF_NONE		UINT64CONST(0x6E6F6E65)

/*
 * Equal words for equal amounts, however many zeros they end in; of NaN, the
 * infinities and no amount, too.
 */
uint64
money_hash(const Money *money, const char *base)
{
	int128		mantissa;
	Numeric		value;
	Money		trimmed;
	StateHeap	heap;
	uint64		hash;

	if (money_is_none(money))
		return HASH_OF_NONE;
	if (!money_is_wide(money) && hashed_mantissa(money, &mantissa))
		return mix64((uint64) mantissa ^ mix64((uint64) (mantissa >> 64)));

	/* to the server's own hash they are all alike */
	if (!money_is_finite(money, base))
		return hash_bytes_extended((const unsigned char *)
								   heap_block_data(base, money_offset(money)),
								   heap_block_size(base, money_offset(money)), 0);

	/* fewer zeros may make it narrow */
	value = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale,
												NumericGetDatum(money_numeric(money, base))));
	heap_init_scratch(&heap);
	money_from_datum(&heap, &trimmed, NumericGetDatum(value), NULL);
	if (!money_is_wide(&trimmed) && hashed_mantissa(&trimmed, &mantissa))
		hash = mix64((uint64) mantissa ^ mix64((uint64) (mantissa >> 64)));
	else
		hash = DatumGetUInt64(DirectFunctionCall2(hash_numeric_extended,
												  NumericGetDatum(value),
												  Int64GetDatum(0)));
	heap_free_scratch(&heap);
	return hash;
}

/*
 * A narrow money as a whole number of 10^-decimals, at least as many as it has.
 * False if that does not fit.
 */
bool
money_scaled(const Money *money, int decimals, int64 *scaled)
{
	int128		mantissa = money_mantissa(money);

	if (!scale_up(&mantissa, decimals - money_decimals(money)) ||
		mantissa < PG_INT64_MIN || mantissa > PG_INT64_MAX)
		return false;
	*scaled = (int64) mantissa;
	return true;
}

/*
 * Makes a money that was copied from another heap own its block in this one.
 */
void
money_move(StateHeap *into, Money *money, const char *from_base)
{
	if (money_is_wide(money))
	{
		uint64		offset = heap_copy_block(into, from_base,
											 money_offset(money));

		money->low = (offset << MONEY_TAG_BITS) | MONEY_TAG_WIDE;
	}
}

/*
 * Wire form: the tag, then two words of bits or the server's own numeric
 * bytes, whichever it is.
 */
void
money_send(StringInfo out, const Money *money, const char *base)
{
	pq_sendbyte(out, (uint8) money_tag(money));
	if (money_is_wide(money))
	{
		Numeric		number = money_numeric(money, base);
		bytea	   *value = DatumGetByteaP(DirectFunctionCall1(numeric_send,
															   NumericGetDatum(number)));

		pq_sendint32(out, VARSIZE(value) - VARHDRSZ);
		pq_sendbytes(out, VARDATA(value), VARSIZE(value) - VARHDRSZ);
		pfree(value);
		pfree(number);
	}
	else if (!money_is_none(money))
	{
		pq_sendint64(out, money->high);
		pq_sendint64(out, money->low);
	}
}

/* Are these bytes, one or more, as many as money_send would have written? */
bool
money_message_is_whole(const char *bytes, uint64 size)
{
	uint8		tag = (uint8) bytes[0];
	uint32		numeric_size;
	uint16		digits;

	if (tag == MONEY_TAG_NONE)
		return size == 1;
	if (tag != MONEY_TAG_WIDE)
		return size == 1 + 2 * sizeof(uint64);

	/*
	 * a numeric is four numbers of 16 bits, the first of which counts its
	 * digits
	 */
	if (size < 1 + sizeof(uint32) + 4 * sizeof(uint16))
		return false;
	memcpy(&numeric_size, bytes + 1, sizeof(numeric_size));
	memcpy(&digits, bytes + 1 + sizeof(uint32), sizeof(digits));
	return size == 1 + sizeof(uint32) + (uint64) pg_ntoh32(numeric_size) &&
		pg_ntoh32(numeric_size) == (4 + pg_ntoh16(digits)) * sizeof(uint16);
}

static void
reject_money(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid retention state: bad amount")));
}

void
money_receive(StringInfo in, StateHeap *heap, Money *money)
{
	uint8		tag = pq_getmsgbyte(in);

	*money = (Money) {0, 0};
	if (tag == MONEY_TAG_WIDE)
	{
		uint32		size = pq_getmsgint(in, sizeof(uint32));
		StringInfoData bytes;
		Numeric		value;

		/* numeric_recv wants a buffer that ends with a zero byte */
		initStringInfo(&bytes);
		appendBinaryStringInfo(&bytes, pq_getmsgbytes(in, size), size);
		value = DatumGetNumeric(DirectFunctionCall3(numeric_recv,
													PointerGetDatum(&bytes),
													ObjectIdGetDatum(InvalidOid),
													Int32GetDatum(-1)));
		if (bytes.cursor != bytes.len || numeric_is_nan(value) ||
			numeric_is_inf(value))
			reject_money();
		set_numeric(heap, money, value);
		pfree(bytes.data);
		pfree(value);
	}
	else if (tag != MONEY_TAG_NONE)
	{
		if (tag > MONEY_MAX_DECIMALS + 1)
			reject_money();
		money->high = pq_getmsgint64(in);
		money->low = pq_getmsgint64(in);
		if (money_tag(money) != tag)
			reject_money();
	}
}
