/*
 * survival.h
 *		The SQL type survival: how many events and how many censored at each time.
 *
 * It is a retention_state in all but name: a table of the engine whose keys are
 * no customers but times, so that it is stored, merged and sent as all states
 * are. Its size goes with the number of different times, not with the number of
 * people. A key is the time's bits as a double, with one zero.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SURVIVAL_H
#define RETENTION_SURVIVAL_H

#include "base/compat.h"

#include "engine/seal.h"
#include "engine/transition.h"

/* What is known of a time. Never both zero. */
typedef struct SurvivalCounts
{
	int64		events;
	int64		censored;
} SurvivalCounts;

static inline CustomerKey
survival_key(double days)
{
	int64		bits;

	days += 0.0;				/* makes a zero of -0 */
	memcpy(&bits, &days, sizeof(bits));
	return key_from_bigint(bits);
}

static inline double
survival_key_days(CustomerKey key)
{
	int64		bits = key_to_bigint(key);
	double		days;

	memcpy(&days, &bits, sizeof(days));
	return days;
}

static inline SurvivalCounts
survival_counts(bool observed)
{
	return (SurvivalCounts) {.events = observed, .censored = !observed};
}

extern retention_internal void survival_merge(CustomerTable *table, void *into,
											  const void *from,
											  const char *from_base);
extern retention_internal bool survival_valid(const void *payload,
											  const char *heap_base,
											  const StateOptions *options);
extern retention_internal bool survival_valid_key(const int64 *time);
extern retention_internal Datum survival_of_sealed(FunctionCallInfo fcinfo,
												   const CustomerTable *table);

/*
 * What a family has whose customers become a survival, when sealed: the entries are those
 * of that.
 */
#define SEALED_SURVIVAL_FIELDS \
	.totals_fields = STATE_FIELDS(FIELD(SealedTotals, customers, COUNT)), \
	.totals_size = sizeof(SealedTotals), \
	.merge_totals = sealed_totals_merge, \
	.payload_fields = STATE_FIELDS(FIELD(SurvivalCounts, events, COUNT), \
								   FIELD(SurvivalCounts, censored, COUNT)), \
	.payload_size = sizeof(SurvivalCounts), \
	.merge = survival_merge, \
	.valid = survival_valid, \
	.key_name = "time", \
	.key_kind = KEY_BIGINT, \
	.valid_key = survival_valid_key

#endif							/* RETENTION_SURVIVAL_H */
