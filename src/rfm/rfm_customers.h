/*
 * rfm_customers.h
 *		The customers of a state of purchases, each with its RFM scores and segment.
 *
 * Scores compare a customer with all others, so the table is walked once per
 * score for the cuts between them (quantile.h) and then once more to read the
 * customers, in the table's order. Customers without an order are not there.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RFM_CUSTOMERS_H
#define RETENTION_RFM_CUSTOMERS_H

#include "base/compat.h"

#include "engine/order_keys.h"
#include "rfm/purchases.h"
#include "math/quantile.h"
#include "rfm/segment.h"

typedef enum RfmMetric
{
	RFM_RECENCY,				/* by the last order's time, from above:
								 * recency_score.h */
	RFM_FREQUENCY,				/* by orders */
	RFM_MONETARY,				/* by money */
	RFM_METRICS
} RfmMetric;

typedef struct RfmCustomers
{
	const CustomerTable *table;
	int			bins;
	RfmGrid		grid;
	uint64		count;			/* customers with an order */
	uint64		with_money;		/* of them, with a known amount */
	int			decimals;		/* the most of any money; -1: some are wide */
	TimestampTz last_order_at;	/* of all */
	QuantileCuts cuts[RFM_METRICS];
	uint64	   *money_words;	/* of those with_money, in the table's order */
} RfmCustomers;

typedef struct RfmCustomer
{
	const char *slot;			/* the key is there: customer_datum() */
	Purchases	purchases;
	uint64		money_word;
	int			score[RFM_METRICS]; /* 0 of an unknown money */
	Segment		segment;
} RfmCustomer;

typedef struct RfmCursor
{
	const RfmCustomers *customers;
	CustomerCursor slots;
	uint64		next_money;
} RfmCursor;

extern retention_internal void rfm_customers_init(RfmCustomers *customers,
												  const CustomerTable *table,
												  int bins, RfmGrid grid);
extern retention_internal RfmCursor rfm_customers_walk(const RfmCustomers *customers);
extern retention_internal bool rfm_cursor_next(RfmCursor *cursor,
											   RfmCustomer *customer);

#endif							/* RETENTION_RFM_CUSTOMERS_H */
