/*
 * examination.h
 *		retention_check: what in an orders table will make the numbers wrong?
 *
 *		check.c			the function, its rows, the words of its advice
 *		rows.c			reads the rows: what can be seen of one, and what is to be kept
 *						of it for the rest
 *		times.c			times far from all others
 *		groups.c		rows that have something in common: an instant, an order
 *		customers.c		what is to be seen of a customer
 *		advice.c		SQL to paste
 *		examination.c	what several of them need
 *
 * All rows are read once, as they come, and nothing is asked of the server but the
 * columns: no condition of ours runs inside the query, so that views with barriers
 * and row security hide what they hide. They are read once more only if an amount
 * is extreme, or to give the id of an order as an example.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_EXAMINATION_H
#define RETENTION_EXAMINATION_H

#include "base/compat.h"

#include "engine/money.h"
#include "engine/record_run.h"
#include "engine/state_expanded.h"
#include "tables/orders_source.h"

/* In the order of the result, among those of one severity. */
typedef enum Check
{
	CHECK_NULL_CUSTOMER,
	CHECK_PLACEHOLDER_CUSTOMER,
	CHECK_DOMINANT_CUSTOMER,
	CHECK_ONE_ORDER_EACH,
	CHECK_CUSTOMER_SPELLING,
	CHECK_EXPONENT_CUSTOMER,
	CHECK_NULL_TIME,
	CHECK_INFINITE_TIME,
	CHECK_OUTLIER_TIME,
	CHECK_FUTURE_ORDER,
	CHECK_STALE_DATA,
	CHECK_ALL_MIDNIGHT,
	CHECK_NULL_AMOUNT,
	CHECK_NOT_FINITE_AMOUNT,
	CHECK_ZERO_AMOUNT,
	CHECK_EXTREME_AMOUNT,
	CHECK_MIXED_CURRENCY,
	CHECK_REFUND_EXCEEDS_PURCHASES,
	CHECK_DUPLICATE_ORDER_ID,
	CHECK_LINE_ROWS,
	CHECK_REPEATED_TOTAL,
	CHECK_SAME_INSTANT_ROWS,
	CHECK_DUPLICATE_ROW,
	CHECKS
} Check;

/* In the order of the result. */
typedef enum Severity
{
	SEVERITY_ERROR,
	SEVERITY_WARNING,
	SEVERITY_INFO,
	SEVERITY_OK,
	SEVERITY_NOT_CHECKED
} Severity;

/* Customer, time and amount of a row, each of which may be NULL. */
typedef struct ExampleRow
{
	NullableDatum customer;		/* of the type of its kind */
	NullableDatum ordered_at;
	NullableDatum amount;
} ExampleRow;

typedef struct Finding
{
	bool		checked;
	int64		rows;
	Severity	severity;		/* if rows > 0 */
	bool		has_first;
	ExampleRow	first;			/* the earliest row, put into words at the end */
	char	   *example;		/* NULL: "first", if there is one */
	char	   *advice;			/* NULL: that of the check */
} Finding;

/*
 * Times in buckets: a hash table by the number of the bucket, whose width
 * doubles where there would be too many.
 */
typedef struct TimeBucket
{
	int64		number;			/* time / width */
	int64		rows;			/* 0: no bucket */
	TimestampTz first;
	TimestampTz last;
} TimeBucket;

#define TIME_BUCKETS	8192	/* of which half may be in use */

typedef struct TimeBuckets
{
	int64		width;			/* microseconds */
	TimeBucket *latest;			/* most rows are near the row before */
	int			used;
	TimeBucket	slots[TIME_BUCKETS];
} TimeBuckets;

/* How the ids of orders become words. */
typedef enum OrderIdForm
{
	ORDER_ID_NONE,				/* there is no such column */
	ORDER_ID_INTEGER,
	ORDER_ID_UUID,
	ORDER_ID_BYTES,				/* equal as text by its bytes */
	ORDER_ID_OTHER				/* by its type's hash function */
} OrderIdForm;

typedef struct OrderIds
{
	OrderIdForm form;
	const char *sql;
	Oid			type;			/* of the expression */
	Oid			collation;
	FmgrInfo	hash;			/* of ORDER_ID_OTHER */
	bool		has_null;
} OrderIds;

/* The group with most rows so far, as an example. */
typedef struct BestGroup
{
	uint64		rows;
	uint64		key[2];
	uint64		value;
	char	   *name;			/* of the customer or order, once it is known */
} BestGroup;

#define MOST_CURRENCIES	64
#define CURRENCY_SIZE	16

typedef struct Currency
{
	char		name[CURRENCY_SIZE];	/* upper case, no blanks, cut */
	int64		rows;
} Currency;

typedef struct Examination
{
	const OrdersSource *source;
	const char *customer_name;	/* of the columns, quoted */
	const char *ordered_at_name;
	const char *amount_name;
	const char *order_id_name;	/* NULL: none */
	const char *currency_name;	/* likewise */
	const struct pg_tz *zone;
	TimestampTz as_of;
	MemoryContext context;		/* for what outlives a row */
	MemoryContext row_context;	/* for what does not */
	Finding		finding[CHECKS];

	/* of the rows */
	int64		rows;
	int64		customer_rows;	/* with a customer */
	int64		timed_rows;		/* with a time that is finite */
	int64		counted_rows;	/* orders: of an amount above zero or not
								 * known */
	int64		counted_no_id;	/* of these, without an id of an order */
	int64		priced_orders;	/* amounts above zero */
	Money		priced;			/* their sum */
	Money		refunded;		/* the sum of all others that are finite */
	StateHeap	heap;			/* of these two */
	double		largest;		/* amounts, about */
	double		smallest;
	TimestampTz last_seen;		/* the newest time before as_of; DT_NOBEGIN:
								 * none */
	bool		all_midnight;
	TimestampTz *midnights;		/* known to be so */
	TimeBuckets *times;

	/* by the customer */
	ExpandedState *customers;
	int64		buyers;			/* customers with an order */
	int64		repeat_by_rows; /* with two rows that are orders */
	int64		repeat_by_orders;	/* with two ids of orders */

	/* by what rows have in common */
	RecordLog  *instants;		/* customer and time */
	RecordLog  *repeats;		/* of these, what is more than once; NULL:
								 * nothing */
	RecordRun  *order_run;		/* of ids that are whole numbers, else NULL */
	RecordLog  *order_log;		/* of others; both NULL: no ids of orders */
	OrderIds	order_ids;
	BestGroup	best_instant;
	BestGroup	best_repeat;
	BestGroup	best_order;
	BestGroup	best_total;
	int64		counted_orders; /* ids with a row that is an order */
	int64		lines_orders;	/* ids with several amounts above zero */
	int64		equal_orders;	/* of these, all equal */
	int64		copies;			/* rows beyond the first of those that repeat */

	const char *currency;		/* the expression; NULL: there is no such
								 * column */
	int			ncurrencies;
	int64		other_currencies;	/* rows of currencies beyond
									 * MOST_CURRENCIES */
	Currency	currencies[MOST_CURRENCIES];

	/* for the second scan */
	int64		rows_again;
	StateHeap	row_heap;
	Numeric		extreme_sum;	/* 100 times the sum of "priced"; NULL: no
								 * amount can be extreme */
} Examination;

/* A customer of the table that customers.c looks at. */
typedef struct CheckedCustomer
{
	int64		rows;
	int64		orders;			/* rows of an amount above zero or not known */
	uint64		order;			/* a word of the id of all of them */
	Money		money;			/* of all rows before as_of */
} CheckedCustomer;

#define ORDER_WORD_NONE		UINT64CONST(0)
#define ORDER_WORD_SEVERAL	PG_UINT64_MAX

extern retention_internal const CustomerFamily checked_customers_family;

/* rows.c */
extern retention_internal void scan_rows(Examination *exam);
extern retention_internal void scan_again(Examination *exam);

/* examination.c */
extern retention_internal char *rows_text(int64 rows);
extern retention_internal void note_best(BestGroup *best, uint64 rows,
										 uint64 key0, uint64 key1,
										 uint64 value);

/* times.c */
extern retention_internal TimeBuckets *time_buckets_create(void);
extern retention_internal void time_buckets_add(TimeBuckets *times, TimestampTz at);
extern retention_internal void find_outlier_times(Examination *exam);
extern retention_internal void find_stale_data(Examination *exam);
extern retention_internal char *local_time_text(const Examination *exam,
												TimestampTz at);
extern retention_internal char *local_date_text(const Examination *exam,
												TimestampTz at);

/* groups.c */
extern retention_internal void find_groups(Examination *exam);
extern retention_internal void find_line_rows(Examination *exam);
extern retention_internal bool repeats_totals(const Examination *exam);

/* customers.c */
extern retention_internal void find_customers(Examination *exam);
extern retention_internal ExpandedState *customers_create(KeyKind kind);

/* advice.c */
extern retention_internal char *customer_view_sql(const Examination *exam,
												  const char *customer);
extern retention_internal char *spelled_sql(const Examination *exam);
extern retention_internal char *orders_view_sql(const Examination *exam,
												const char *aggregate);
extern retention_internal char *where_view_sql(const Examination *exam,
											   const char *condition);
extern retention_internal char *distinct_view_sql(const Examination *exam);

/* What a record of an order's row says: is it an order, is its amount above zero? */
#define ORDER_VALUE_COUNTS		UINT64CONST(1)
#define ORDER_VALUE_PRICED		UINT64CONST(2)
#define ORDER_VALUE_AMOUNT		(~UINT64CONST(3))

static inline uint64
order_value(bool counts, bool priced, uint64 amount)
{
	return (amount & ORDER_VALUE_AMOUNT) | (counts ? ORDER_VALUE_COUNTS : 0) |
		(priced ? ORDER_VALUE_PRICED : 0);
}

/* The two words that stand for a customer at an instant, and the way back. */
static inline uint64
instant_word(uint64 customer_word, TimestampTz at)
{
	return mix64(customer_word ^
				 mix64((uint64) at + UINT64CONST(0x9E3779B97F4A7C15)));
}

static inline uint64
customer_word_of_instant(uint64 word, TimestampTz at)
{
	return unmix64(word) ^
		mix64((uint64) at + UINT64CONST(0x9E3779B97F4A7C15));
}

#endif							/* RETENTION_EXAMINATION_H */
