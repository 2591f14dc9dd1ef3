/*
 * rfm_customers.c
 *		The customers of a state of purchases, each with its RFM scores and segment.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "rfm/rfm_customers.h"

#include "rfm/recency_score.h"

/* The next customer with an order; NULL after the last. */
static const char *
next_buyer(CustomerCursor *cursor, Purchases *purchases)
{
	const char *slot;

	while ((slot = customer_cursor_next_slot(cursor)) != NULL)
	{
		if ((cursor->next & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(purchases, slot + cursor->table->key_size, sizeof(Purchases));
		if (purchases->orders > 0)
			return slot;
	}
	return NULL;
}

/* Counted from above: the more recent, the less. */
static uint64
recency_word(const Purchases *purchases)
{
	return ~word_of_int64(purchases->last_order_at);
}

static uint64
frequency_word(const Purchases *purchases)
{
	return word_of_int64(purchases->orders);
}

/* The cuts of a metric that has a word for every customer. */
static void
cut_words(RfmCustomers *customers, RfmMetric metric, uint64 *words,
		  uint64 (*word) (const Purchases *))
{
	CustomerCursor cursor = {customers->table, 0};
	Purchases	purchases;
	uint64		n = 0;

	while (next_buyer(&cursor, &purchases))
		words[n++] = word(&purchases);
	quantile_cuts(&customers->cuts[metric], words, n, customers->bins);
}

/*
 * Words for the money of all who have a known one, as whole numbers of the smallest
 * decimal; false if these do not fit.
 */
static bool
scaled_money_words(const RfmCustomers *customers, uint64 *words)
{
	CustomerCursor cursor = {customers->table, 0};
	Purchases	purchases;
	int64		scaled;
	uint64		n = 0;

	if (customers->decimals < 0)
		return false;
	while (next_buyer(&cursor, &purchases))
	{
		if (money_is_none(&purchases.money))
			continue;
		if (!money_scaled(&purchases.money, customers->decimals, &scaled))
			return false;
		words[n++] = word_of_int64(scaled);
	}
	return true;
}

/* The same of any money, which takes a list of all. */
static void
sorted_money_words(const RfmCustomers *customers, uint64 *words)
{
	CustomerCursor cursor = {customers->table, 0};
	Money	   *money = array_alloc(customers->with_money, sizeof(Money));
	StateHeap	heap;
	Purchases	purchases;
	uint64		n = 0;

	heap_init_scratch(&heap);
	while (next_buyer(&cursor, &purchases))
		if (!money_is_none(&purchases.money))
		{
			money[n] = purchases.money;
			money_move(&heap, &money[n++], customers->table->heap.base);
		}
	money_words(words, money, heap.base, n);
	heap_free_scratch(&heap);
	pfree(money);
}

static void
cut_money(RfmCustomers *customers, uint64 *words)
{
	if (!scaled_money_words(customers, words))
		sorted_money_words(customers, words);
	quantile_cuts(&customers->cuts[RFM_MONETARY], words, customers->with_money,
				  customers->bins);
}

/* Notes the decimals of another money; -1 from the first one on that is wide. */
static void
note_decimals(RfmCustomers *customers, const Money *money)
{
	if (money_is_none(money))
		return;
	customers->with_money++;
	if (money_is_wide(money) || customers->decimals < 0)
		customers->decimals = -1;
	else
		customers->decimals = Max(customers->decimals, money_decimals(money));
}

/*
 * Finds the cuts between the scores of a table of purchases; NULL is an empty
 * one. Allocates in the current memory context.
 */
void
rfm_customers_init(RfmCustomers *customers, const CustomerTable *table,
				   int bins, RfmGrid grid)
{
	CustomerCursor cursor = {table, 0};
	Purchases	purchases;

	*customers = (RfmCustomers) {
		.table = table, .bins = bins, .grid = grid,
		.last_order_at = DT_NOBEGIN
	};
	if (table == NULL)
		return;
	while (next_buyer(&cursor, &purchases))
	{
		customers->count++;
		note_decimals(customers, &purchases.money);
		customers->last_order_at = Max(customers->last_order_at,
									   purchases.last_order_at);
	}
	customers->money_words = array_alloc(customers->count, sizeof(uint64));
	cut_words(customers, RFM_RECENCY, customers->money_words, recency_word);
	cut_words(customers, RFM_FREQUENCY, customers->money_words, frequency_word);
	cut_money(customers, customers->money_words);
}

RfmCursor
rfm_customers_walk(const RfmCustomers *customers)
{
	return (RfmCursor) {customers, {customers->table, 0}, 0};
}

/* The next customer; false after the last. */
bool
rfm_cursor_next(RfmCursor *cursor, RfmCustomer *customer)
{
	const RfmCustomers *customers = cursor->customers;
	const Purchases *purchases = &customer->purchases;

	if (customers->table == NULL)
		return false;
	customer->slot = next_buyer(&cursor->slots, &customer->purchases);
	if (customer->slot == NULL)
		return false;
	customer->score[RFM_RECENCY] =
		recency_score(quantile_score_of(&customers->cuts[RFM_RECENCY],
										recency_word(purchases)),
					  customers->bins);
	customer->score[RFM_FREQUENCY] =
		quantile_score_of(&customers->cuts[RFM_FREQUENCY],
						  frequency_word(purchases));
	if (money_is_none(&purchases->money))
	{
		customer->score[RFM_MONETARY] = 0;
		customer->segment = SEGMENT_UNSCORED;
		return true;
	}
	customer->money_word = customers->money_words[cursor->next_money++];
	customer->score[RFM_MONETARY] =
		quantile_score_of(&customers->cuts[RFM_MONETARY], customer->money_word);
	customer->segment = rfm_grid_segment(customers->grid, customers->bins,
										 customer->score[RFM_RECENCY],
										 customer->score[RFM_FREQUENCY],
										 customer->score[RFM_MONETARY]);
	return true;
}
