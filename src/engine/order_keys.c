/*
 * order_keys.c
 *		Values of any type that can be ordered, as 64-bit words in their order.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/order_keys.h"

#include "catalog/pg_type.h"
#include "base/checks.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

static OrderForm
form_of(Oid base_type)
{
	switch (base_type)
	{
		case INT2OID:
			return ORDER_INT16;
		case INT4OID:
		case DATEOID:
			return ORDER_INT32;
		case INT8OID:
		case TIMEOID:
		case CASHOID:
			return ORDER_INT64;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return ORDER_TIME;
		case FLOAT4OID:
			return ORDER_FLOAT4;
		case FLOAT8OID:
			return ORDER_FLOAT8;
		case NUMERICOID:
			return ORDER_NUMERIC;
	}
	return ORDER_OTHER;
}

/*
 * Looks up how a type is ordered. "argument" is the column's name if an infinite
 * time and a NaN or infinite numeric are errors, else NULL.
 */
void
order_type_init(OrderType *type, Oid column_type, Oid collation,
				const char *argument)
{
	TypeCacheEntry *cache;

	memset(type, 0, sizeof(OrderType));
	type->argument = argument;
	type->form = form_of(getBaseType(column_type));
	if (type->form != ORDER_OTHER)
		return;

	cache = lookup_type_cache(column_type, TYPECACHE_LT_OPR);
	if (!OidIsValid(cache->lt_opr))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("values of type %s cannot be ordered",
						format_type_be(column_type)),
				 errhint("Give a number, time or text, or an expression that makes one of it.")));
	type->typlen = cache->typlen;
	type->typbyval = cache->typbyval;
	type->sort.ssup_cxt = CurrentMemoryContext;
	type->sort.ssup_collation = collation;
	PrepareSortSupportFromOrderingOp(cache->lt_opr, &type->sort);
}

void
order_keys_init(OrderKeys *keys, const OrderType *type, uint64 room)
{
	memset(keys, 0, sizeof(OrderKeys));
	keys->type = type;
	keys->context = CurrentMemoryContext;
	keys->room = room;
	keys->words = array_alloc(room, sizeof(uint64));
	if (type->form == ORDER_NUMERIC)
	{
		keys->money = array_alloc(room, sizeof(Money));
		heap_init_scratch(&keys->heap);
	}
	else if (type->form == ORDER_OTHER)
		keys->values = array_alloc(room, sizeof(Datum));
}

void
order_keys_free(OrderKeys *keys)
{
	pfree(keys->words);
	if (keys->money)
		pfree(keys->money);
	heap_free_scratch(&keys->heap);
	if (keys->values)
	{
		if (!keys->type->typbyval)
			for (uint64 i = 0; i < keys->count; i++)
				pfree(DatumGetPointer(keys->values[i]));
		pfree(keys->values);
	}
}

/* Keeps a value that is not a number of the machine. */
static void
keep_value(OrderKeys *keys, Datum value)
{
	const OrderType *type = keys->type;
	MemoryContext caller;

	if (type->form == ORDER_NUMERIC || type->typlen == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	caller = MemoryContextSwitchTo(keys->context);
	if (type->form == ORDER_NUMERIC)
		money_from_datum(&keys->heap, &keys->money[keys->count], value,
						 type->argument);
	else
		keys->values[keys->count] = datumCopy(value, type->typbyval,
											  type->typlen);
	MemoryContextSwitchTo(caller);
}

void
order_keys_add(OrderKeys *keys, Datum value)
{
	uint64	   *word = &keys->words[keys->count];

	Assert(keys->count < keys->room);
	switch (keys->type->form)
	{
		case ORDER_INT16:
			*word = word_of_int64(DatumGetInt16(value));
			break;
		case ORDER_INT32:
			*word = word_of_int64(DatumGetInt32(value));
			break;
		case ORDER_INT64:
			*word = word_of_int64(DatumGetInt64(value));
			break;
		case ORDER_TIME:
			if (keys->type->argument)
				check_finite_time(DatumGetTimestampTz(value),
								  keys->type->argument);
			*word = word_of_int64(DatumGetTimestampTz(value));
			break;
		case ORDER_FLOAT4:
			*word = word_of_float8(DatumGetFloat4(value));
			break;
		case ORDER_FLOAT8:
			*word = word_of_float8(DatumGetFloat8(value));
			break;
		case ORDER_NUMERIC:
		case ORDER_OTHER:
			keep_value(keys, value);
			break;
	}
	keys->count++;
}

/* ------------------------------------------------------------------------
 * Words by sorting
 * ------------------------------------------------------------------------
 */
typedef struct SortItem
{
	Datum		value;
	uint64		row;
} SortItem;

typedef struct SortOrder
{
	int			(*compare) (Datum a, Datum b, void *arg);
	void	   *arg;
} SortOrder;

static int
compare_items(const void *a, const void *b, void *arg)
{
	const SortOrder *order = arg;

	CHECK_FOR_INTERRUPTS();
	return order->compare(((const SortItem *) a)->value,
						  ((const SortItem *) b)->value, order->arg);
}

/* Numbers n values: equal ones alike, from the least on. Frees the items. */
static void
number_in_order(SortItem *items, uint64 n, SortOrder order, uint64 *words)
{
	uint64		word = 0;

	qsort_arg(items, n, sizeof(SortItem), compare_items, &order);
	for (uint64 i = 0; i < n; i++)
	{
		if (i > 0 && compare_items(&items[i - 1], &items[i], &order) != 0)
			word++;
		words[items[i].row] = word;
	}
	pfree(items);
}

static int
compare_values(Datum a, Datum b, void *sort)
{
	return ApplySortComparator(a, false, b, false, sort);
}

static void
words_of_values(OrderKeys *keys)
{
	SortItem   *items = array_alloc(keys->count, sizeof(SortItem));
	SortSupportData sort = keys->type->sort;

	for (uint64 i = 0; i < keys->count; i++)
		items[i] = (SortItem) {keys->values[i], i};
	number_in_order(items, keys->count, (SortOrder) {compare_values, &sort},
					keys->words);
}

static int
compare_money(Datum a, Datum b, void *base)
{
	return money_compare((const Money *) DatumGetPointer(a), base,
						 (const Money *) DatumGetPointer(b), base);
}

/*
 * Words for sums of money: whole numbers of the smallest decimal any of them
 * has, if that fits 64 bits; else by sorting.
 */
void
money_words(uint64 *words, const Money *money, const char *base, uint64 n)
{
	int			decimals = 0;
	uint64		fit = 0;
	SortItem   *items;

	for (uint64 i = 0; i < n && decimals >= 0; i++)
		decimals = money_is_wide(&money[i]) ? -1 :
			Max(decimals, money_decimals(&money[i]));
	for (; fit < n && decimals >= 0; fit++)
	{
		int64		scaled;

		if ((fit & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!money_scaled(&money[fit], decimals, &scaled))
			break;
		words[fit] = word_of_int64(scaled);
	}
	if (fit == n)
		return;

	items = array_alloc(n, sizeof(SortItem));
	for (uint64 i = 0; i < n; i++)
		items[i] = (SortItem) {PointerGetDatum(&money[i]), i};
	number_in_order(items, n, (SortOrder) {compare_money, unconstify(char *, base)},
					words);
}

/*
 * The words of all values collected, in the order they were added.
 */
const uint64 *
order_keys_words(OrderKeys *keys)
{
	if (keys->type->form == ORDER_NUMERIC)
		money_words(keys->words, keys->money, keys->heap.base, keys->count);
	else if (keys->type->form == ORDER_OTHER)
		words_of_values(keys);
	return keys->words;
}
