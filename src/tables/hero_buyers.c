/*
 * hero_buyers.c
 *		Who are the few customers that bring most of the money?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/rfm_call.h"

#include "base/checks.h"
#include "engine/customer_type.h"
#include "miscadmin.h"
#include "port.h"
#include "base/result_values.h"
#include "engine/spill.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct Buyer
{
	uint64		money_word;
	const char *slot;
} Buyer;

/* Most money first; customers with as much in their own order. */
static int
compare_buyers(const void *a, const void *b, void *arg)
{
	const Buyer *x = a;
	const Buyer *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->money_word != y->money_word)
		return x->money_word > y->money_word ? -1 : 1;
	return customer_compare(arg, x->slot, y->slot);
}

static Buyer *
buyers_by_money(const RfmCustomers *customers, uint64 *count)
{
	Buyer	   *buyers = array_alloc(customers->with_money, sizeof(Buyer));
	RfmCursor	cursor = rfm_customers_walk(customers);
	RfmCustomer customer;

	*count = 0;
	while (rfm_cursor_next(&cursor, &customer))
		if (!money_is_none(&customer.purchases.money))
			buyers[(*count)++] = (Buyer) {customer.money_word, customer.slot};
	qsort_arg(buyers, *count, sizeof(Buyer), compare_buyers,
			  unconstify(CustomerTable *, customers->table));
	return buyers;
}

static void
read_purchases(const CustomerTable *table, const char *slot,
			   Purchases *purchases)
{
	memcpy(purchases, slot + table->key_size, sizeof(Purchases));
}

enum
{
	HEROES_CUSTOMER,
	HEROES_RANK,
	HEROES_ORDERS,
	HEROES_MONETARY,
	HEROES_REVENUE_SHARE,
	HEROES_CUMULATIVE_SHARE,
	HEROES_COLUMNS
};

static void
write_heroes(CustomerCall *base_call, const CustomerTable *const *tables)
{
	const RfmCall *call = (RfmCall *) base_call;
	MemoryContext caller = CurrentMemoryContext;
	const char *base = NULL;
	RfmCustomers customers;
	Purchases	purchases;
	uint64		count;
	Buyer	   *buyers;
	StateHeap	heap;
	Money		all = {0, 0};
	Money		so_far = {0, 0};
	Money		goal;
	Numeric		revenue;

	if (tables[0])
	{
		/* customers are looked at in the order of their money */
		spill_gather(unconstify(CustomerTable *, tables[0]));
		base = tables[0]->heap.base;
	}
	rfm_customers_init(&customers, tables[0], call->bins, GRID_STANDARD);
	tell_if_stale(base_call, customers.last_order_at, STALE_AFTER);
	buyers = buyers_by_money(&customers, &count);
	heap_init_scratch(&heap);
	for (uint64 i = 0; i < count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		read_purchases(tables[0], buyers[i].slot, &purchases);
		money_add(&heap, &all, &purchases.money, base);
	}
	if (money_sign(&all, heap.base) <= 0)
		return;
	revenue = money_numeric(&all, heap.base);
	money_from_datum(&heap, &goal,
					 DirectFunctionCall2(numeric_mul,
										 NumericGetDatum(revenue),
										 DirectFunctionCall1(float8_numeric,
															 Float8GetDatum(call->share))),
					 "share");
	for (uint64 i = 0;
		 i < count && (i == 0 || money_compare(&so_far, heap.base, &goal, heap.base) < 0);
		 i++)
	{
		Datum		values[HEROES_COLUMNS];
		bool		nulls[HEROES_COLUMNS] = {false};
		Numeric		money;

		read_purchases(tables[0], buyers[i].slot, &purchases);
		money_add(&heap, &so_far, &purchases.money, base);
		MemoryContextSwitchTo(base_call->row_context);
		money = money_numeric(&purchases.money, base);
		values[HEROES_CUSTOMER] = customer_datum(tables[0], buyers[i].slot,
												 base_call->customer_type);
		values[HEROES_RANK] = Int64GetDatum((int64) i + 1);
		values[HEROES_ORDERS] = Int64GetDatum(purchases.orders);
		values[HEROES_MONETARY] = NumericGetDatum(money);
		values[HEROES_REVENUE_SHARE] = Float8GetDatum(money_ratio(money, revenue));
		values[HEROES_CUMULATIVE_SHARE] = Float8GetDatum(money_ratio(money_numeric(&so_far, heap.base),
																	 revenue));
		put_row(base_call, values, nulls);
		MemoryContextSwitchTo(caller);
	}
}

static double
rfm_share_arg(FunctionCallInfo fcinfo, int argument)
{
	double		share;

	if (PG_ARGISNULL(argument))
		reject_null("share");
	share = PG_GETARG_FLOAT8(argument);
	check_double_range(share, 0, 1, "share");
	if (share == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"share\" must be above 0")));
	return share;
}

/*
 * hero_buyers(customer_type anyelement, orders_table regclass,
 * customer_column name, ordered_at_column name, amount_column name,
 * share double precision, as_of timestamptz, tz text, order_id_column name)
 */
PG_FUNCTION_INFO_V1(hero_buyers);
Datum
hero_buyers(PG_FUNCTION_ARGS)
{
	enum
	{
		SHARE = ARG_OPTIONS, AS_OF, TZ, ORDER_ID
	};
	static const OrdersArguments arguments = {
		.relation = ARG_ORDERS_TABLE, .tz = TZ, .order_id = ORDER_ID
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_heroes);
	call.share = rfm_share_arg(fcinfo, SHARE);
	call.base.as_of[0] = time_arg(fcinfo, AS_OF, "as_of");
	return run_over_relation(&call.base, &arguments, "as_of");
}

/*
 * hero_buyers(customer_type anyelement, state retention_state,
 * share double precision)
 */
PG_FUNCTION_INFO_V1(hero_buyers_of_state);
Datum
hero_buyers_of_state(PG_FUNCTION_ARGS)
{
	enum
	{
		CUSTOMER_TYPE, STATE, SHARE
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_heroes);
	call.share = rfm_share_arg(fcinfo, SHARE);
	return run_over_state_of_customers(&call.base, CUSTOMER_TYPE, STATE);
}

/*
 * hero_buyers(history order_history, customer_type anyelement, as_of timestamptz,
 * share double precision)
 */
PG_FUNCTION_INFO_V1(hero_buyers_of_history);
Datum
hero_buyers_of_history(PG_FUNCTION_ARGS)
{
	enum
	{
		AS_OF = ARG_HISTORY_CUSTOMER_OPTIONS, SHARE
	};
	RfmCall		call;

	rfm_call_init(&call, fcinfo, write_heroes);
	call.share = rfm_share_arg(fcinfo, SHARE);
	call.base.as_of[0] = time_arg(fcinfo, AS_OF, "as_of");
	return run_over_history_of_customers(&call.base, -1, "as_of");
}
