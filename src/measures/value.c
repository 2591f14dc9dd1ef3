/*
 * value.c
 *		What is a customer worth? AOV, frequency, customer value, CLV, and the
 *		arithmetic of acquiring one.
 *
 *		AOV = money / orders			(average order value)
 *		F	= orders / customers		(purchase frequency)
 *		CV	= AOV * F = money / customers
 *		CLV = CV * lifetime / period
 *
 * A row is an order if its amount is above zero, or unknown (NULL: an order
 * whose money is not known). A refund, below zero, lowers the money and is no
 * order, so a customer with refunds alone adds money and no customer.
 *
 * Money stays exact until the one division at the end.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include <math.h>

#include "base/numerics.h"
#include "engine/intervals.h"
#include "engine/money.h"
#include "engine/seal.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* ------------------------------------------------------------------------
 * What the three families here share: totals of money and orders
 * ------------------------------------------------------------------------
 */
typedef struct ValueTotals
{
	Money		money;			/* of all rows with a known amount */
	int64		orders;			/* rows that are orders */
} ValueTotals;

#define VALUE_TOTALS_FIELDS \
	STATE_FIELDS(FIELD(ValueTotals, money, MONEY), \
				 FIELD(ValueTotals, orders, COUNT))

StaticAssertDecl(sizeof(ValueTotals) == 24, "fields of ValueTotals");

static void
value_merge_totals(StateHeap *heap, void *into, const void *from,
				   const char *from_base)
{
	ValueTotals *a = into;
	const ValueTotals *b = from;

	money_add(heap, &a->money, &b->money, from_base);
	add_orders(&a->orders, b->orders);
}

/*
 * Adds the row's amount to the totals. Returns whether it is an order.
 */
static inline bool
add_amount(StateUpdate *update, const OrderRow *row)
{
	CustomerTable *table = update->table;
	ValueTotals *totals = table->totals;
	StateHeap  *row_heap = state_row_heap(update);
	Money		amount;
	Money		sum;
	bool		is_order;

	if (!row->known)
	{
		totals->orders++;
		return true;
	}
	amount = order_row_amount(row, row_heap);
	is_order = money_sign(&amount, row_heap->base) > 0;
	totals->orders += is_order;
	/* a copy, since a flat table moves if its heap grows */
	sum = totals->money;
	money_add(&table->heap, &sum, &amount, row_heap->base);
	((ValueTotals *) table->totals)->money = sum;
	return is_order;
}

/* A sealed state of customers has these. */
typedef struct SealedValue
{
	int64		customers;		/* with an order */
	ValueTotals value;
} SealedValue;

StaticAssertDecl(sizeof(SealedValue) == 32, "fields of SealedValue");

static void
sealed_value_merge(StateHeap *heap, void *into, const void *from,
				   const char *from_base)
{
	SealedValue *a = into;
	const SealedValue *b = from;

	add_count(&a->customers, b->customers, "customers");
	value_merge_totals(heap, &a->value, &b->value, from_base);
}

static void
value_seal(CustomerTable *table, SealedState *into)
{
	SealedValue *sealed = (SealedValue *) into->totals;

	value_merge_totals(&into->table.heap, &sealed->value, table->totals,
					   table->heap.base);
}

#define SEALED_VALUE_FIELDS \
	.totals_fields = STATE_FIELDS(FIELD(SealedValue, customers, COUNT), \
								  FIELD(SealedValue, value.money, MONEY), \
								  FIELD(SealedValue, value.orders, COUNT)), \
	.totals_size = sizeof(SealedValue), \
	.merge_totals = sealed_value_merge

static const ValueTotals *
value_totals(const CustomerTable *table)
{
	if (table->family->sealed_of)
		return &((const SealedValue *) table->totals)->value;
	return table->totals;
}

/* The money in the totals; NULL if no amount is known. */
static Numeric
known_money(const CustomerTable *table)
{
	return money_numeric(&value_totals(table)->money, table->heap.base);
}

/* With customers, or of whatever rows */
static bool
has_value_totals(const CustomerTable *table)
{
	const CustomerFamily *family = table->family->sealed_of ?
		table->family->sealed_of : table->family;

	return family->id == FAMILY_AOV || family->id == FAMILY_CUSTOMER_VALUE ||
		family->id == FAMILY_CLV;
}

static bool
has_customer_value(const CustomerTable *table)
{
	return has_value_totals(table) && table->family->id != FAMILY_AOV;
}

/* ------------------------------------------------------------------------
 * aov(amount)
 * ------------------------------------------------------------------------
 */
retention_internal const CustomerFamily aov_family = {
	.name = "aov",
	.id = FAMILY_AOV,
	.totals_fields = VALUE_TOTALS_FIELDS,
	.totals_size = sizeof(ValueTotals),
	.merge_totals = value_merge_totals,
};

static inline bool
read_aov_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	(void) add_amount(update, row);
	return false;
}

/*
 * aov_transfn(retention_state, amount)
 */
STATE_TRANSITIONS_OF_ALL(aov_transfn, aov_family, TAKES_AMOUNT, read_aov_row)

/*
 * aov(retention_state) returns numeric
 *
 * Money / orders; reads the states of customer_value and clv, too.
 */
PG_FUNCTION_INFO_V1(aov);
Datum
aov(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	Numeric		money;
	int64		orders;

	if (!has_value_totals(table))
		reject_state(table, "aov");
	money = known_money(table);
	orders = value_totals(table)->orders;
	if (money == NULL || orders == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(numeric_over(money, int64_to_numeric(orders)));
}

/* ------------------------------------------------------------------------
 * purchase_frequency(customer, amount) and customer_value(customer, amount)
 * ------------------------------------------------------------------------
 */
CUSTOMER_ABSORB(customer_value_absorb, customer_value_family)

/* The table holds the customers with an order; nothing more about them. */
retention_internal const CustomerFamily customer_value_family = {
	.name = "customer_value",
	.id = FAMILY_CUSTOMER_VALUE,
	.totals_fields = VALUE_TOTALS_FIELDS,
	.totals_size = sizeof(ValueTotals),
	.merge_totals = value_merge_totals,
	.sealed = &sealed_customer_value_family,
	.seal = value_seal,
	.absorb = customer_value_absorb
};

retention_internal const CustomerFamily sealed_customer_value_family = {
	.name = "sealed customer_value",
	.id = FAMILY_SEALED_CUSTOMER_VALUE,
	.sealed_of = &customer_value_family,
	SEALED_VALUE_FIELDS
};

static inline bool
read_customer_value_row(StateUpdate *update, const OrderRow *row,
						void *payload)
{
	return add_amount(update, row);
}

/*
 * customer_value_transfn_<kind>(retention_state, customer, amount)
 */
STATE_TRANSITIONS(customer_value_transfn, customer_value_family, TAKES_AMOUNT,
				  read_customer_value_row)

/*
 * purchase_frequency(retention_state) returns double precision
 *
 * Orders / customers with an order; reads the states of clv, too.
 */
PG_FUNCTION_INFO_V1(purchase_frequency);
Datum
purchase_frequency(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);

	if (!has_customer_value(table))
		reject_state(table, "purchase_frequency");
	return state_share(fcinfo, value_totals(table)->orders,
					   counted_customers(table));
}

/*
 * customer_value(retention_state) returns numeric
 *
 * Money / customers with an order; reads the states of clv, too.
 */
PG_FUNCTION_INFO_V1(customer_value);
Datum
customer_value(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	Numeric		money;

	if (!has_customer_value(table))
		reject_state(table, "customer_value");
	money = known_money(table);
	if (money == NULL || counted_customers(table) == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(numeric_over(money, int64_to_numeric(counted_customers(table))));
}

/* ------------------------------------------------------------------------
 * clv(customer, ordered_at, amount, period, lifetime, as_of)
 * ------------------------------------------------------------------------
 */
enum
{
	CLV_PERIOD,
	CLV_LIFETIME,
	CLV_AS_OF
};

static const OptionSpec clv_options[] = {
	[CLV_PERIOD] = {"period", OPTION_INTERVAL, LEAST_PERIOD},
	[CLV_LIFETIME] = {"lifetime", OPTION_INTERVAL, LEAST_PERIOD},
	[CLV_AS_OF] = {"as_of", OPTION_TIME}
};

/* derived: money from this on counts; lifetime / period as a fraction */
#define CLV_START				0
#define CLV_LIFETIME_UNITS		1
#define CLV_PERIOD_UNITS		2

static void
clv_derive(StateOptions *options)
{
	const Interval *period = &options->value[CLV_PERIOD].interval;

	options->derived[CLV_START] = utc_minus(options->value[CLV_AS_OF].time,
											period, "period");
	interval_ratio(&options->value[CLV_LIFETIME].interval, "lifetime",
				   period, "period",
				   &options->derived[CLV_LIFETIME_UNITS],
				   &options->derived[CLV_PERIOD_UNITS]);
}

CUSTOMER_ABSORB(clv_absorb, clv_family)

retention_internal const CustomerFamily clv_family = {
	.name = "clv",
	.id = FAMILY_CLV,
	.noptions = lengthof(clv_options),
	.options = clv_options,
	.derive = clv_derive,
	.totals_fields = VALUE_TOTALS_FIELDS,
	.totals_size = sizeof(ValueTotals),
	.merge_totals = value_merge_totals,
	.sealed = &sealed_clv_family,
	.seal = value_seal,
	.absorb = clv_absorb
};

retention_internal const CustomerFamily sealed_clv_family = {
	.name = "sealed clv",
	.id = FAMILY_SEALED_CLV,
	.sealed_of = &clv_family,
	.noptions = lengthof(clv_options),
	.options = clv_options,
	.derive = clv_derive,
	SEALED_VALUE_FIELDS
};

static inline bool
read_clv_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;

	return row->at < options->value[CLV_AS_OF].time &&
		row->at >= options->derived[CLV_START] &&
		add_amount(update, row);
}

/*
 * clv_transfn_<kind>(retention_state, customer, ordered_at, amount, period,
 * lifetime, as_of)
 */
STATE_TRANSITIONS(clv_transfn, clv_family, TAKES_TIME | TAKES_AMOUNT, read_clv_row)

/*
 * clv(retention_state) returns numeric
 *
 * Money * lifetime / (customers * period): AOV * F * lifetime / period with
 * one division instead of three.
 */
PG_FUNCTION_INFO_V1(clv);
Datum
clv(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	const int64 *units;
	Numeric		money;

	(void) state_is_sealed(table, &clv_family, "clv");
	money = known_money(table);
	if (money == NULL || counted_customers(table) == 0)
		PG_RETURN_NULL();
	units = table->options->derived;
	PG_RETURN_NUMERIC(numeric_over(numeric_times(money, int64_to_numeric(units[CLV_LIFETIME_UNITS])),
								   numeric_times(int64_to_numeric(counted_customers(table)),
												 int64_to_numeric(units[CLV_PERIOD_UNITS]))));
}

/* ------------------------------------------------------------------------
 * Arithmetic of acquisition
 * ------------------------------------------------------------------------
 */

/* A share of the price: at most 1, so 40 for 40 % is refused. */
static void
check_margin(double margin)
{
	if (isnan(margin) || isinf(margin) || margin > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"margin\" must be a share of the price, at most 1, not %g",
						margin),
				 errhint("Write 40 %% as 0.40.")));
}

static void
check_numeric_margin(Numeric margin)
{
	check_finite_numeric(margin, "margin");
	check_margin(DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													NumericGetDatum(margin))));
}

static Numeric
parse_numeric(const char *digits)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(digits),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

/*
 * A share as double precision is what churn_rate returns, and what a typed client
 * sends. Its 15 digits become a numeric, so that money is counted the one way.
 */
static Numeric
numeric_of_double(double value)
{
	return DatumGetNumeric(DirectFunctionCall1(float8_numeric,
											   Float8GetDatum(value)));
}

#define MOST_PERIODS		10000
#define FACTOR_ONE			"1.0000000000000000000000000000000000000000"
#define RESULT_DECIMALS		16

/*
 * customer_value * margin * sum of (1 + rate)^-k over k = 1..periods
 */
static Datum
discounted_profit(Numeric customer_value, Numeric periods, Numeric margin,
				  Numeric rate)
{
	Numeric		profit;
	Numeric		growth;
	Numeric		factor;
	Numeric		part;
	int64		whole_periods;

	check_finite_numeric(customer_value, "customer_value");
	check_numeric_not_negative(periods, "periods");
	check_numeric_margin(margin);
	check_numeric_not_negative(rate, "discount_rate");
	if (numeric_compare(periods, int64_to_numeric(MOST_PERIODS)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"periods\" must be between 0 and %d, not %s",
						MOST_PERIODS, numeric_text(periods))));

	profit = numeric_times(customer_value, margin);
	if (numeric_compare(rate, int64_to_numeric(0)) == 0)
		return NumericGetDatum(numeric_times(profit, periods));

	/*
	 * From the last period to the first, each a period nearer to today. The
	 * many decimals of FACTOR_ONE make the server divide to as many.
	 */
	whole_periods = DatumGetInt64(DirectFunctionCall1(numeric_int8,
													  DirectFunctionCall1(numeric_floor,
																		  NumericGetDatum(periods))));
	part = numeric_minus(periods, int64_to_numeric(whole_periods));
	growth = numeric_times(numeric_plus(int64_to_numeric(1), rate), parse_numeric(FACTOR_ONE));
	factor = numeric_over(part, growth);
	for (int64 k = whole_periods; k >= 1; k--)
	{
		CHECK_FOR_INTERRUPTS();
		factor = numeric_over(numeric_plus(factor, parse_numeric(FACTOR_ONE)), growth);
	}
	return DirectFunctionCall2(numeric_round,
							   NumericGetDatum(numeric_times(profit, factor)),
							   Int32GetDatum(RESULT_DECIMALS));
}

/*
 * clv_net(customer_value numeric, periods numeric, margin numeric,
 * discount_rate numeric) returns numeric
 *
 * Discounted profit; the part of a period at the end counts pro rata. Money;
 * rounded to 16 decimals when there is a discount, else exact.
 */
enum
{
	NET_CUSTOMER_VALUE,
	NET_PERIODS,
	NET_MARGIN,
	NET_DISCOUNT_RATE
};

PG_FUNCTION_INFO_V1(clv_net);
Datum
clv_net(PG_FUNCTION_ARGS)
{
	return discounted_profit(PG_GETARG_NUMERIC(NET_CUSTOMER_VALUE),
							 PG_GETARG_NUMERIC(NET_PERIODS),
							 PG_GETARG_NUMERIC(NET_MARGIN),
							 PG_GETARG_NUMERIC(NET_DISCOUNT_RATE));
}

/*
 * clv_net with all arguments double precision, returns numeric
 */
PG_FUNCTION_INFO_V1(clv_net_double);
Datum
clv_net_double(PG_FUNCTION_ARGS)
{
	return discounted_profit(numeric_of_double(PG_GETARG_FLOAT8(NET_CUSTOMER_VALUE)),
							 numeric_of_double(PG_GETARG_FLOAT8(NET_PERIODS)),
							 numeric_of_double(PG_GETARG_FLOAT8(NET_MARGIN)),
							 numeric_of_double(PG_GETARG_FLOAT8(NET_DISCOUNT_RATE)));
}

static Datum
cost_per_customer(FunctionCallInfo fcinfo, Numeric spend,
				  Numeric new_customers)
{
	check_numeric_not_negative(spend, "spend");
	check_numeric_not_negative(new_customers, "new_customers");
	if (numeric_compare(new_customers, int64_to_numeric(0)) == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(numeric_over(spend, new_customers));
}

/*
 * cac(spend numeric, new_customers bigint) returns numeric
 *
 * Money spent per new customer; NULL without new customers.
 */
PG_FUNCTION_INFO_V1(cac);
Datum
cac(PG_FUNCTION_ARGS)
{
	return cost_per_customer(fcinfo, PG_GETARG_NUMERIC(0),
							 int64_to_numeric(PG_GETARG_INT64(1)));
}

/*
 * cac with both arguments double precision (a sum of counts, too, is no bigint),
 * returns numeric
 */
PG_FUNCTION_INFO_V1(cac_double);
Datum
cac_double(PG_FUNCTION_ARGS)
{
	return cost_per_customer(fcinfo, numeric_of_double(PG_GETARG_FLOAT8(0)),
							 numeric_of_double(PG_GETARG_FLOAT8(1)));
}

/*
 * The smallest number of orders whose margin covers the acquisition cost; NULL
 * if an order brings no margin.
 */
static Datum
orders_that_cover(FunctionCallInfo fcinfo, Numeric cost, Numeric order_value,
				  Numeric margin)
{
	Numeric		order_margin;
	Numeric		orders;

	check_numeric_not_negative(cost, "cac");
	check_finite_numeric(order_value, "aov");
	check_numeric_margin(margin);
	if (numeric_compare(order_value, int64_to_numeric(0)) <= 0 || numeric_compare(margin, int64_to_numeric(0)) <= 0)
		PG_RETURN_NULL();
	order_margin = numeric_times(order_value, margin);
	/* a product beyond numeric's 16383 decimals is zero */
	if (numeric_compare(order_margin, int64_to_numeric(0)) == 0)
		PG_RETURN_NULL();
	/* rounded down, exactly; one more order if that is not enough */
	orders = DatumGetNumeric(DirectFunctionCall2(numeric_div_trunc,
												 NumericGetDatum(cost),
												 NumericGetDatum(order_margin)));
	if (numeric_compare(numeric_times(orders, order_margin), cost) < 0)
		orders = numeric_plus(orders, int64_to_numeric(1));
	if (numeric_compare(orders, int64_to_numeric(PG_INT64_MAX)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"cac\" is too large for a margin of %s an order: more orders than a bigint can count",
						numeric_text(order_margin))));
	return DirectFunctionCall1(numeric_int8, NumericGetDatum(orders));
}

/*
 * payback_orders(cac numeric, aov numeric, margin numeric) returns bigint
 */
enum
{
	PAYBACK_CAC,
	PAYBACK_AOV,
	PAYBACK_MARGIN
};

PG_FUNCTION_INFO_V1(payback_orders);
Datum
payback_orders(PG_FUNCTION_ARGS)
{
	return orders_that_cover(fcinfo, PG_GETARG_NUMERIC(PAYBACK_CAC),
							 PG_GETARG_NUMERIC(PAYBACK_AOV),
							 PG_GETARG_NUMERIC(PAYBACK_MARGIN));
}

/*
 * payback_orders with all arguments double precision, returns bigint
 */
PG_FUNCTION_INFO_V1(payback_orders_double);
Datum
payback_orders_double(PG_FUNCTION_ARGS)
{
	return orders_that_cover(fcinfo,
							 numeric_of_double(PG_GETARG_FLOAT8(PAYBACK_CAC)),
							 numeric_of_double(PG_GETARG_FLOAT8(PAYBACK_AOV)),
							 numeric_of_double(PG_GETARG_FLOAT8(PAYBACK_MARGIN)));
}

/*
 * breakeven_discount(base_rate double precision, rate double precision, margin
 * double precision) returns double precision
 *
 * The largest discount, a share of the price, that loses nothing when it lifts
 * conversion from base_rate to rate: margin * (1 - base_rate / rate), the inverse of
 * breakeven_conversion. NULL if there is none: no margin, or no lift.
 */
PG_FUNCTION_INFO_V1(breakeven_discount);
Datum
breakeven_discount(PG_FUNCTION_ARGS)
{
	double		base_rate = PG_GETARG_FLOAT8(0);
	double		rate = PG_GETARG_FLOAT8(1);
	double		margin = PG_GETARG_FLOAT8(2);

	check_double_range(base_rate, 0, 1, "base_rate");
	check_double_range(rate, 0, 1, "rate");
	check_margin(margin);
	if (margin <= 0 || rate <= 0 || rate < base_rate)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(margin * (1 - base_rate / rate));
}

/*
 * breakeven_conversion(base_rate double precision, margin double precision,
 * discount double precision) returns double precision
 *
 * The conversion rate at which a discount earns what the base rate earns
 * without one: base_rate * margin / (margin - discount), all shares. NULL if
 * that is impossible: no margin left, or a rate above 1.
 */
PG_FUNCTION_INFO_V1(breakeven_conversion);
Datum
breakeven_conversion(PG_FUNCTION_ARGS)
{
	double		base_rate = PG_GETARG_FLOAT8(0);
	double		margin = PG_GETARG_FLOAT8(1);
	double		discount = PG_GETARG_FLOAT8(2);
	double		needed;

	check_double_range(base_rate, 0, 1, "base_rate");
	check_margin(margin);
	check_double_range(discount, 0, 1, "discount");
	if (margin <= 0 || discount >= margin)
		PG_RETURN_NULL();
	needed = base_rate * margin / (margin - discount);
	if (needed > 1)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(needed);
}
