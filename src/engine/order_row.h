/*
 * order_row.h
 *		One order row, wherever it comes from: the arguments of an aggregate, or an
 *		order_history.
 *
 * A family says how a row becomes a payload (RowReader, in transition.h), and says it
 * of an OrderRow. So each measure reads order rows and histories alike.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_ORDER_ROW_H
#define RETENTION_ORDER_ROW_H

#include "base/compat.h"

#include "base/checks.h"
#include "engine/money.h"
#include "fmgr.h"
#include "utils/timestamp.h"

/*
 * What an aggregate's arguments are, behind the state and before the options, always
 * in this order.
 */
#define TAKES_CUSTOMER	0x01
#define TAKES_TIME		0x02	/* ordered_at */
#define TAKES_AMOUNT	0x04

typedef struct OrderRow
{
	TimestampTz at;				/* finite; of a family that takes a time */
	bool		known;			/* is the amount? of one that takes amounts */
	bool		is_argument;	/* the amount is "numeric", else "money" */
	Datum		numeric;
	Money		money;			/* if it is wide, in the heap at "base" */
	const char *base;
} OrderRow;

/* How many arguments stand before the options. */
static inline int
row_arguments(int takes)
{
	return 1 + ((takes & TAKES_CUSTOMER) != 0) + ((takes & TAKES_TIME) != 0) +
		((takes & TAKES_AMOUNT) != 0);
}

/* Reads the arguments but for the customer; false if it is no row. */
static pg_attribute_always_inline bool
order_row_read(OrderRow *row, FunctionCallInfo fcinfo, int takes)
{
	int			argument = takes & TAKES_CUSTOMER ? 2 : 1;

	if (takes & TAKES_TIME)
	{
		if (PG_ARGISNULL(argument))
			return false;
		row->at = PG_GETARG_TIMESTAMPTZ(argument);
		check_finite_time(row->at, "ordered_at");
		argument++;
	}
	if (takes & TAKES_AMOUNT)
	{
		row->known = !PG_ARGISNULL(argument);
		row->is_argument = true;
		row->numeric = PG_GETARG_DATUM(argument);
	}
	return true;
}

/*
 * The amount, which must be known, in this heap. An error for NaN and infinities, so
 * that rows a family leaves out may have them.
 */
static pg_attribute_always_inline Money
order_row_amount(const OrderRow *row, StateHeap *heap)
{
	Money		amount;

	if (row->is_argument)
		money_from_datum(heap, &amount, row->numeric, "amount");
	else
	{
		amount = row->money;
		money_move(heap, &amount, row->base);
	}
	return amount;
}

#endif							/* RETENTION_ORDER_ROW_H */
