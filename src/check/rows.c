/*
 * rows.c
 *		retention_check reads the rows: what can be seen of one, and what is to be
 *		kept of it for the rest.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "check/examination.h"

#include <ctype.h>

#include "base/checks.h"
#include "catalog/pg_type.h"
#include "engine/key_io.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

/* An amount so many times the average of all others is extreme. */
#define EXTREME_FACTOR		100

/* What is palloc'd for a row is freed after so many. */
#define ROWS_OF_CONTEXT		256

/* A row, as it is looked at. */
typedef struct CheckedRow
{
	ExampleRow	values;
	bool		time_is_finite; /* and not NULL */
	Money		money;			/* none: NULL */
	const char *base;			/* of its heap */
	bool		amount_is_finite;
	int			sign;			/* of an amount that is finite */
	bool		is_order;		/* its amount is above zero or not known */
	uint64		amount_word;	/* equal for equal amounts */
	bool		has_order;
	uint64		order[2];		/* the words of its order's id; zeros: none */
} CheckedRow;

enum
{
	COLUMN_CUSTOMER,
	COLUMN_ORDERED_AT,
	COLUMN_AMOUNT,
	COLUMN_ORDER				/* or the currency, if there are no orders */
};

/* ------------------------------------------------------------------------
 * Examples
 * ------------------------------------------------------------------------
 */
static int
compare_customers(KeyKind kind, Datum a, Datum b)
{
	struct varlena *x;
	struct varlena *y;
	int			order;

	if (kind == KEY_BIGINT)
		return (DatumGetInt64(a) > DatumGetInt64(b)) -
			(DatumGetInt64(a) < DatumGetInt64(b));
	if (kind == KEY_UUID)
		return memcmp(DatumGetUUIDP(a), DatumGetUUIDP(b), UUID_LEN);
	x = PG_DETOAST_DATUM_PACKED(a);
	y = PG_DETOAST_DATUM_PACKED(b);
	order = memcmp(VARDATA_ANY(x), VARDATA_ANY(y),
				   Min(VARSIZE_ANY_EXHDR(x), VARSIZE_ANY_EXHDR(y)));
	return order != 0 ? order :
		(VARSIZE_ANY_EXHDR(x) > VARSIZE_ANY_EXHDR(y)) -
		(VARSIZE_ANY_EXHDR(x) < VARSIZE_ANY_EXHDR(y));
}

/* The earliest row is the example, so that it does not depend on their order. */
static int
compare_examples(KeyKind kind, const ExampleRow *a, const ExampleRow *b)
{
	int			order;

	if (a->ordered_at.isnull || b->ordered_at.isnull)
		order = a->ordered_at.isnull - b->ordered_at.isnull;
	else
		order = (DatumGetTimestampTz(a->ordered_at.value) >
				 DatumGetTimestampTz(b->ordered_at.value)) -
			(DatumGetTimestampTz(a->ordered_at.value) <
			 DatumGetTimestampTz(b->ordered_at.value));
	if (order != 0)
		return order;
	if (a->customer.isnull || b->customer.isnull)
		order = a->customer.isnull - b->customer.isnull;
	else
		order = compare_customers(kind, a->customer.value, b->customer.value);
	if (order != 0)
		return order;
	if (a->amount.isnull || b->amount.isnull)
		return a->amount.isnull - b->amount.isnull;
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, a->amount.value,
											 b->amount.value));
}

static NullableDatum
copy_value(NullableDatum from, bool by_value, int16 length)
{
	if (!from.isnull && length == -1)
		from.value = PointerGetDatum(PG_DETOAST_DATUM_COPY(from.value));
	else if (!from.isnull)
		from.value = datumCopy(from.value, by_value, length);
	return from;
}

static void
keep_example(Examination *exam, Finding *finding, const ExampleRow *row)
{
	const KeyKind kind = exam->source->kind;
	MemoryContext caller = MemoryContextSwitchTo(exam->context);

	finding->has_first = true;
	finding->first.customer = copy_value(row->customer, kind == KEY_BIGINT,
										 kind == KEY_BIGINT ? sizeof(int64) :
										 kind == KEY_UUID ? UUID_LEN : -1);
	finding->first.ordered_at = row->ordered_at;
	finding->first.amount = copy_value(row->amount, false, -1);
	MemoryContextSwitchTo(caller);
}

static void
found_row(Examination *exam, Check check, const CheckedRow *row)
{
	Finding    *finding = &exam->finding[check];

	finding->rows++;
	if (!finding->has_first ||
		compare_examples(exam->source->kind, &row->values, &finding->first) < 0)
		keep_example(exam, finding, &row->values);
}

/* ------------------------------------------------------------------------
 * The parts of a row
 * ------------------------------------------------------------------------
 */

/* Times known to be the first of a day are kept, by their hash. */
#define KNOWN_MIDNIGHTS		1024

/*
 * Is this the first instant of a day? Midnight, but where the clock is put forward
 * at midnight.
 */
static bool
is_midnight(Examination *exam, TimestampTz at)
{
	TimestampTz *known = &exam->midnights[mix64((uint64) at) % KNOWN_MIDNIGHTS];
	struct pg_tm day;
	struct pg_tm before;
	fsec_t		fsec;
	int			offset;
	pg_tz	   *zone = unconstify(pg_tz *, exam->zone);

	if (exam->source->ordered_at_type == DATEOID || *known == at)
		return true;
	if (at % USECS_PER_SEC != 0 || !IS_VALID_TIMESTAMP(at - 1) ||
		timestamp2tm(at, &offset, &day, &fsec, NULL, zone) != 0 ||
		timestamp2tm(at - 1, &offset, &before, &fsec, NULL, zone) != 0 ||
		day.tm_mday == before.tm_mday)
		return false;
	*known = at;
	return true;
}

static void
check_time(Examination *exam, CheckedRow *row)
{
	TimestampTz at = DatumGetTimestampTz(row->values.ordered_at.value);

	row->time_is_finite = false;
	if (row->values.ordered_at.isnull)
		found_row(exam, CHECK_NULL_TIME, row);
	else if (TIMESTAMP_NOT_FINITE(at))
		found_row(exam, CHECK_INFINITE_TIME, row);
	else
	{
		row->time_is_finite = true;
		exam->timed_rows++;
		time_buckets_add(exam->times, at);
		if (at >= exam->as_of)
			found_row(exam, CHECK_FUTURE_ORDER, row);
		else
			exam->last_seen = Max(exam->last_seen, at);
		if (exam->all_midnight)
		{
			if (is_midnight(exam, at))
				found_row(exam, CHECK_ALL_MIDNIGHT, row);
			else
				exam->all_midnight = false;
		}
	}
}

static void
check_finite_amount(Examination *exam, CheckedRow *row)
{
	const double about = money_double(&row->money, row->base);

	row->sign = money_sign(&row->money, row->base);
	exam->largest = Max(exam->largest, about);
	exam->smallest = Min(exam->smallest, about);
	if (row->sign > 0)
	{
		exam->priced_orders++;
		money_add(&exam->heap, &exam->priced, &row->money, row->base);
		return;
	}
	money_add(&exam->heap, &exam->refunded, &row->money, row->base);
	if (row->sign == 0)
		found_row(exam, CHECK_ZERO_AMOUNT, row);
}

static void
check_amount(Examination *exam, CheckedRow *row, StateHeap *heap)
{
	row->money = (Money) {0, 0};
	row->sign = 0;
	row->amount_is_finite = false;
	row->is_order = row->values.amount.isnull;
	if (row->values.amount.isnull)
		found_row(exam, CHECK_NULL_AMOUNT, row);
	else
	{
		money_from_datum(heap, &row->money, row->values.amount.value, NULL);
		row->base = heap->base;
		row->amount_is_finite = money_is_finite(&row->money, row->base);
		if (row->amount_is_finite)
			check_finite_amount(exam, row);
		else
			found_row(exam, CHECK_NOT_FINITE_AMOUNT, row);
		row->is_order = row->sign > 0;
	}
	row->amount_word = money_hash(&row->money, row->base);
	exam->counted_rows += row->is_order;
}

static void
hash_order_id(OrderIds *ids, Datum id, uint64 *words)
{
	CustomerKey key;
	struct varlena *bytes;

	switch (ids->form)
	{
		case ORDER_ID_NONE:
			break;
		case ORDER_ID_INTEGER:
			words[0] = key_from_bigint(DatumGetInt64(id)).word[0];
			words[1] = 0;
			break;
		case ORDER_ID_UUID:
			key = key_from_16_bytes(DatumGetUUIDP(id)->data);
			words[0] = key.word[0];
			words[1] = key.word[1];
			break;
		case ORDER_ID_BYTES:
			bytes = PG_DETOAST_DATUM_PACKED(id);
			for (int i = 0; i < 2; i++)
				words[i] = hash_bytes_extended((unsigned char *) VARDATA_ANY(bytes),
											   VARSIZE_ANY_EXHDR(bytes), i);
			break;
		case ORDER_ID_OTHER:
			for (int i = 0; i < 2; i++)
				words[i] = DatumGetUInt64(FunctionCall2Coll(&ids->hash,
															ids->collation, id,
															Int64GetDatum(i)));
			break;
	}
}

/* What rows of one order have in common goes by the order's id: groups.c */
static void
check_order(Examination *exam, CheckedRow *row, Datum id, bool isnull)
{
	uint64		value;

	row->has_order = !isnull;
	if (isnull)
	{
		exam->order_ids.has_null = true;
		exam->counted_no_id += row->is_order;
		return;
	}
	hash_order_id(&exam->order_ids, id, row->order);
	value = order_value(row->is_order, row->sign > 0, row->amount_word);
	if (exam->order_run)
		record_run_add(exam->order_run, DatumGetInt64(id), value);
	else
		record_log_add(exam->order_log, row->order[0], row->order[1], value);
}

/* The name of a currency: upper case, without blanks; empty: NULL. */
static void
currency_name(char *name, Datum value, bool isnull)
{
	struct varlena *text = isnull ? NULL : PG_DETOAST_DATUM_PACKED(value);
	const char *bytes = text ? VARDATA_ANY(text) : NULL;
	int			length = text ? VARSIZE_ANY_EXHDR(text) : 0;
	int			used = 0;

	length = pg_mbcliplen(bytes, length, CURRENCY_SIZE - 1);
	for (int i = 0; i < length; i++)
		if (!isspace((unsigned char) bytes[i]))
			name[used++] = pg_ascii_toupper((unsigned char) bytes[i]);
	name[used] = '\0';
}

static void
check_currency(Examination *exam, Datum value, bool isnull)
{
	char		name[CURRENCY_SIZE];
	int			i;

	currency_name(name, value, isnull);
	for (i = 0; i < exam->ncurrencies; i++)
		if (strcmp(exam->currencies[i].name, name) == 0)
			break;
	if (i == MOST_CURRENCIES)
	{
		exam->other_currencies++;
		return;
	}
	if (i == exam->ncurrencies)
		strcpy(exam->currencies[exam->ncurrencies++].name, name);
	exam->currencies[i].rows++;
}

/* A word of a row's order among those of its customer: see CheckedCustomer. */
static uint64
order_word(const Examination *exam, const CheckedRow *row)
{
	uint64		word;

	if (exam->order_ids.form == ORDER_ID_NONE || !row->is_order)
		return ORDER_WORD_NONE;
	/* without an id it is an order of its own */
	word = row->has_order ? row->order[0] ^ mix64(row->order[1]) :
		mix64(~(uint64) exam->rows);
	return word == ORDER_WORD_NONE || word == ORDER_WORD_SEVERAL ? 1 : word;
}

static pg_attribute_always_inline void
add_to_batch(ExpandedState *customers, KeyKind kind, CustomerKey key,
			 const CheckedCustomer *payload)
{
	const int	stride = key_size(kind) + sizeof(CheckedCustomer);
	RowBatch   *batch = &customers->batch;
	char	   *slot = batch->slots + batch->count * stride;

	store_key(kind, slot, key);
	memcpy(slot + key_size(kind), payload, sizeof(CheckedCustomer));
	customer_table_prefetch(&customers->table, stride, key);
	if (++batch->count == ROW_BATCH)
		expanded_absorb_batch(customers);
}

/* Adds a row to what is kept of its customer; returns the first word of the key. */
static uint64
add_customer(Examination *exam, const CheckedRow *row)
{
	ExpandedState *customers = exam->customers;
	const Datum value = row->values.customer.value;
	CheckedCustomer payload = {
		.rows = 1, .orders = row->is_order, .order = order_word(exam, row)
	};
	StateHeap  *heap = &customers->batch.heap;
	CustomerKey key = {{0}};

	if (row->amount_is_finite && row->time_is_finite &&
		DatumGetTimestampTz(row->values.ordered_at.value) < exam->as_of)
		payload.money = row->money;
	switch (exam->source->kind)
	{
		case KEY_NONE:
		case KEY_PATTERN:
			break;
		case KEY_BIGINT:
			key = key_from_datum(KEY_BIGINT, value, heap);
			add_to_batch(customers, KEY_BIGINT, key, &payload);
			break;
		case KEY_TEXT:
			key = key_from_datum(KEY_TEXT, value, heap);
			add_to_batch(customers, KEY_TEXT, key, &payload);
			break;
		case KEY_UUID:
			key = key_from_datum(KEY_UUID, value, heap);
			add_to_batch(customers, KEY_UUID, key, &payload);
			break;
	}
	return key.word[0];
}

static void
check_customer(Examination *exam, CheckedRow *row)
{
	uint64		word;

	if (row->values.customer.isnull)
	{
		found_row(exam, CHECK_NULL_CUSTOMER, row);
		return;
	}
	exam->customer_rows++;
	if (exam->source->kind == KEY_TEXT)
		row->values.customer.value =
			PointerGetDatum(PG_DETOAST_DATUM_PACKED(row->values.customer.value));
	word = add_customer(exam, row);
	if (row->time_is_finite)
	{
		TimestampTz at = DatumGetTimestampTz(row->values.ordered_at.value);

		record_log_add(exam->instants, instant_word(word, at), (uint64) at,
					   row->amount_word ^
					   (row->has_order ? mix64(row->order[0] ^ mix64(~row->order[1])) : 0));
	}
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */
static NullableDatum
column_value(const TupleTableSlot *slot, int column)
{
	return (NullableDatum) {slot->tts_values[column], slot->tts_isnull[column]};
}

static ExampleRow
row_values(const TupleTableSlot *slot)
{
	return (ExampleRow) {
		.customer = column_value(slot, COLUMN_CUSTOMER),
		.ordered_at = column_value(slot, COLUMN_ORDERED_AT),
		.amount = column_value(slot, COLUMN_AMOUNT)
	};
}

static MemoryContext
enter_row(Examination *exam, int64 *rows)
{
	if (++*rows % ROWS_OF_CONTEXT == 0)
		MemoryContextReset(exam->row_context);
	return MemoryContextSwitchTo(exam->row_context);
}

static void
consume_row(TupleTableSlot *slot, void *arg)
{
	Examination *exam = arg;
	MemoryContext caller = enter_row(exam, &exam->rows);
	StateHeap  *heap = &exam->customers->batch.heap;
	const uint64 heap_used = heap->used;
	CheckedRow	row = {.values = row_values(slot)};
	int			column = COLUMN_ORDER;

	check_time(exam, &row);
	check_amount(exam, &row, heap);
	if (exam->order_ids.form != ORDER_ID_NONE)
	{
		check_order(exam, &row, slot->tts_values[column],
					slot->tts_isnull[column]);
		column++;
	}
	if (exam->currency)
		check_currency(exam, slot->tts_values[column],
					   slot->tts_isnull[column]);
	check_customer(exam, &row);
	if (row.values.customer.isnull)
		heap->used = heap_used;
	MemoryContextSwitchTo(caller);
}

/*
 * An error's context without the words of a query, which are ours: with what was
 * being done. They fill a line, or more if a name does.
 */
static char *
context_without(const char *context, const char *sql, const char *relation)
{
	const char *found = strstr(context, sql);
	const char *begin = found;
	const char *end;

	if (found == NULL)
		return pstrdup(context);
	while (begin > context && begin[-1] != '\n')
		begin--;
	end = strchr(found + strlen(sql), '\n');
	return psprintf("%.*sretention_check reading the rows of \"%s\"%s",
					(int) (begin - context), context, relation, end ? end : "");
}

static void
rethrow_without(const char *sql, const char *relation)
{
	ErrorData  *error = CopyErrorData();

	FlushErrorState();
	if (error->context)
		error->context = context_without(error->context, sql, relation);
	if (error->internalquery && strcmp(error->internalquery, sql) == 0)
	{
		error->internalquery = NULL;
		error->internalpos = 0;
	}
	ReThrowError(error);
}

/*
 * Runs a query over the columns. An error in it is told with what was being done,
 * not with the words of the query, which are ours.
 */
static void
read_rows(const Examination *exam, RowConsumer consume)
{
	const OrdersSource *source = exam->source;
	StringInfoData sql;
	MemoryContext caller = CurrentMemoryContext;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s, %s, %s", source->customer,
					 source->ordered_at, source->amount);
	if (exam->order_ids.form != ORDER_ID_NONE)
		appendStringInfo(&sql, ", %s", exam->order_ids.sql);
	if (exam->currency)
		appendStringInfo(&sql, ", %s", exam->currency);
	appendStringInfo(&sql, " FROM %s AS o", source->relation);
	PG_TRY();
	{
		run_query(sql.data, NULL, 0, consume, unconstify(Examination *, exam));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		rethrow_without(sql.data, source->relation_name);
	}
	PG_END_TRY();
}

/* A heap that outlives rows: it stays in the memory context it begins in. */
static void
begin_heap(StateHeap *heap)
{
	heap_init_scratch(heap);
	heap->grow(heap, 64);
}

static void
begin_rows(Examination *exam)
{
	exam->midnights = palloc(KNOWN_MIDNIGHTS * sizeof(TimestampTz));
	for (int i = 0; i < KNOWN_MIDNIGHTS; i++)
		exam->midnights[i] = DT_NOEND;
	exam->all_midnight = true;
	exam->last_seen = DT_NOBEGIN;
	exam->times = time_buckets_create();
	begin_heap(&exam->heap);
	exam->instants = record_log_create();
	if (exam->order_ids.form == ORDER_ID_INTEGER)
		exam->order_run = record_run_create();
	else if (exam->order_ids.form != ORDER_ID_NONE)
		exam->order_log = record_log_create();
	exam->customers = customers_create(exam->source->kind);
}

/* Everything that can be said of rows one by one, and what the rest is made of. */
void
scan_rows(Examination *exam)
{
	begin_rows(exam);
	read_rows(exam, consume_row);
	if (!exam->all_midnight)
	{
		exam->finding[CHECK_ALL_MIDNIGHT].rows = 0;
		exam->finding[CHECK_ALL_MIDNIGHT].has_first = false;
	}
}

/* ------------------------------------------------------------------------
 * Reading again
 * ------------------------------------------------------------------------
 *
 * An amount is extreme if it is more than 100 times the average of all other
 * orders. With s the sum and n the number of the orders' amounts, an order of a
 * is if a > 100 (s - a) / (n - 1), that is, a (n + 99) > 100 s; a refund of a is
 * if a n > 100 s.
 */

/* How often an amount is in 100 times the sum, about. */
static double
extreme_ratio(const Examination *exam, double amount)
{
	const double times = amount > 0 ?
		(double) exam->priced_orders + EXTREME_FACTOR - 1 :
		-(double) exam->priced_orders;

	return amount * times /
		(EXTREME_FACTOR * money_double(&exam->priced, exam->heap.base));
}

/* Beyond what numbers of double precision can tell apart? */
static bool
may_be_extreme(const Examination *exam, double amount)
{
	return !(extreme_ratio(exam, amount) < 0.999999);
}

static bool
is_extreme(const Examination *exam, Datum amount, int sign)
{
	const int64 times = sign > 0 ? exam->priced_orders + EXTREME_FACTOR - 1 :
		-exam->priced_orders;
	Datum		product = DirectFunctionCall2(numeric_mul, amount,
											  NumericGetDatum(int64_to_numeric(times)));

	return DatumGetBool(DirectFunctionCall2(numeric_gt, product,
											NumericGetDatum(exam->extreme_sum)));
}

static void
look_for_extreme(Examination *exam, CheckedRow *row, StateHeap *heap)
{
	if (row->values.amount.isnull)
		return;
	heap->used = 0;
	money_from_datum(heap, &row->money, row->values.amount.value, NULL);
	if (money_is_finite(&row->money, heap->base) &&
		may_be_extreme(exam, money_double(&row->money, heap->base)) &&
		is_extreme(exam, row->values.amount.value,
				   money_sign(&row->money, heap->base)))
		found_row(exam, CHECK_EXTREME_AMOUNT, row);
}

static bool
has_no_name(const BestGroup *group)
{
	return group->rows > 0 && group->name == NULL;
}

/* The id of an order whose words are known. */
static void
look_for_name(Examination *exam, BestGroup *group, const uint64 *words, Datum id)
{
	MemoryContext caller;

	if (!has_no_name(group) || group->key[0] != words[0] ||
		group->key[1] != words[1])
		return;
	caller = MemoryContextSwitchTo(exam->context);
	group->name = excerpt(value_text(exam->order_ids.type, id));
	MemoryContextSwitchTo(caller);
}

static void
consume_again(TupleTableSlot *slot, void *arg)
{
	Examination *exam = arg;
	MemoryContext caller = enter_row(exam, &exam->rows_again);
	CheckedRow	row = {.values = row_values(slot)};

	if (exam->extreme_sum)
		look_for_extreme(exam, &row, &exam->row_heap);
	if (exam->order_ids.form != ORDER_ID_NONE &&
		!slot->tts_isnull[COLUMN_ORDER])
	{
		hash_order_id(&exam->order_ids, slot->tts_values[COLUMN_ORDER],
					  row.order);
		look_for_name(exam, &exam->best_order, row.order,
					  slot->tts_values[COLUMN_ORDER]);
		look_for_name(exam, &exam->best_total, row.order,
					  slot->tts_values[COLUMN_ORDER]);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * Counts the amounts that are extreme, and looks for the ids of the orders that
 * are examples. Most tables have neither.
 */
void
scan_again(Examination *exam)
{
	const bool	look = exam->priced_orders > 0 &&
		(may_be_extreme(exam, exam->largest) ||
		 may_be_extreme(exam, exam->smallest));

	exam->finding[CHECK_EXTREME_AMOUNT].checked = true;
	if (!look && !has_no_name(&exam->best_order) &&
		!has_no_name(&exam->best_total))
		return;
	if (look)
		exam->extreme_sum =
			DatumGetNumeric(DirectFunctionCall2(numeric_mul,
												NumericGetDatum(int64_to_numeric(EXTREME_FACTOR)),
												NumericGetDatum(money_numeric(&exam->priced,
																			  exam->heap.base))));
	begin_heap(&exam->row_heap);
	read_rows(exam, consume_again);
}
