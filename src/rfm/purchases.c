/*
 * purchases.c
 *		purchases_state: first and last order, orders and money per customer.
 *
 * One pass over the orders that every customer-level function starts from. It
 * has no measure of its own; rfm.c turns it into rows.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "rfm/purchases.h"

#include "engine/transition.h"

enum
{
	PURCHASES_AS_OF
};

static const OptionSpec purchases_options[] = {
	[PURCHASES_AS_OF] = {"as_of", OPTION_TIME}
};

static const Purchases purchases_of_nobody = {
	.first_order_at = DT_NOEND,
	.last_order_at = DT_NOBEGIN
};

StaticAssertDecl(sizeof(Purchases) == 40, "fields of Purchases");

static void
purchases_merge(CustomerTable *table, void *into, const void *from,
				const char *from_base)
{
	Purchases  *a = into;
	const Purchases *b = from;

	a->first_order_at = Min(a->first_order_at, b->first_order_at);
	a->last_order_at = Max(a->last_order_at, b->last_order_at);
	add_orders(&a->orders, b->orders);
	money_add(&table->heap, &a->money, &b->money, from_base);
}

static bool
purchases_valid(const void *payload, const char *heap_base,
				const StateOptions *options)
{
	const Purchases *purchases = payload;

	if (purchases->orders == 0)
		return purchases->first_order_at == DT_NOEND &&
			purchases->last_order_at == DT_NOBEGIN;
	return !TIMESTAMP_NOT_FINITE(purchases->first_order_at) &&
		purchases->first_order_at <= purchases->last_order_at &&
		purchases->last_order_at < options->value[PURCHASES_AS_OF].time;
}

CUSTOMER_ABSORB(purchases_absorb, purchases_family)

retention_internal const CustomerFamily purchases_family = {
	.name = "purchases",
	.id = FAMILY_PURCHASES,
	.noptions = lengthof(purchases_options),
	.options = purchases_options,
	.payload_fields = STATE_FIELDS(FIELD(Purchases, first_order_at, INT64),
								   FIELD(Purchases, last_order_at, INT64),
								   FIELD(Purchases, orders, COUNT),
								   FIELD(Purchases, money, MONEY)),
	.payload_size = sizeof(Purchases),
	.identity = &purchases_of_nobody,
	.merge = purchases_merge,
	.valid = purchases_valid,
	.absorb = purchases_absorb
};

static inline bool
read_purchases_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;
	Purchases  *purchases = payload;

	if (row->at >= options->value[PURCHASES_AS_OF].time)
		return false;
	*purchases = purchases_of_nobody;
	if (row->known)
	{
		StateHeap  *row_heap = state_row_heap(update);

		purchases->money = order_row_amount(row, row_heap);
		if (money_sign(&purchases->money, row_heap->base) <= 0)
			return true;
	}
	purchases->first_order_at = purchases->last_order_at = row->at;
	purchases->orders = 1;
	return true;
}

/*
 * purchases_state_transfn_<kind>(retention_state, customer, ordered_at, amount,
 * as_of)
 */
STATE_TRANSITIONS(purchases_state_transfn, purchases_family,
				  TAKES_TIME | TAKES_AMOUNT, read_purchases_row)

STATE_OF_HISTORY(purchases_of_history, purchases_family,
				 TAKES_TIME | TAKES_AMOUNT, read_purchases_row)

const StateSource purchases_states = {
	.family = &purchases_family,
	.aggregate = "purchases_state",
	.of_history = purchases_of_history
};
