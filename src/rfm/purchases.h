/*
 * purchases.h
 *		What the engine keeps of a customer's purchases, for RFM and all that
 *		needs one row per customer.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_PURCHASES_H
#define RETENTION_PURCHASES_H

#include "base/compat.h"

#include "engine/customer_table.h"
#include "engine/money.h"
#include "engine/state_source.h"

/*
 * Until as_of. A customer with rows but no order (only refunds, only zeros) is
 * in the table, since an order may come with the next row or state: orders is 0
 * then, and the times are those of purchases_of_nobody.
 */
typedef struct Purchases
{
	TimestampTz first_order_at;
	TimestampTz last_order_at;
	int64		orders;			/* rows with an amount above zero or unknown */
	Money		money;			/* of all rows with a known amount */
} Purchases;

extern retention_internal const StateSource purchases_states;

#endif							/* RETENTION_PURCHASES_H */
