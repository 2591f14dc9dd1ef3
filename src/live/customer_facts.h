/*
 * customer_facts.h
 *		What the history of one customer says, at an instant: the numbers of RFM, and
 *		what the predictive models are told.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CUSTOMER_FACTS_H
#define RETENTION_CUSTOMER_FACTS_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "engine/calendar.h"
#include "rfm/rfm_cuts.h"
#include "utils/numeric.h"

/*
 * Of the rows before the instant. The models' numbers are in days of a zone, as
 * purchase_days.h has them; they are there only if a zone was given.
 */
typedef struct CustomerFacts
{
	int64		rows;			/* of any kind; 0: nothing else is set */
	int64		orders;
	TimestampTz first_order_at; /* if there are orders, as the next */
	TimestampTz last_order_at;
	TimestampTz through;		/* the latest row, if there are rows */
	Numeric		monetary;		/* NULL: no amount is known */
	int64		x;
	int64		t_x;
	int64		age;
	bool		mean_known;
	double		mean_repeat_value;
} CustomerFacts;

extern retention_internal void customer_facts(Datum history, TimestampTz as_of,
											  const Zone *zone,
											  CustomerFacts *facts);

#endif							/* RETENTION_CUSTOMER_FACTS_H */
