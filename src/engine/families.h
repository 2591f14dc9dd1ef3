/*
 * families.h
 *		What a family of states is, and the register of all of them.
 *
 * Every aggregate that looks at customers is a CustomerFamily: what it keeps
 * of a customer (the payload), how two payloads of one customer become one
 * (merge), what it keeps of the whole (the totals). The engine knows families by
 * what stands here, and by the register below, its one place that names measures.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_FAMILIES_H
#define RETENTION_FAMILIES_H

#include "base/compat.h"

#include "engine/customer_key.h"
#include "engine/state_fields.h"
#include "engine/state_heap.h"
#include "engine/state_options.h"

typedef struct CustomerTable CustomerTable;
typedef struct CustomerSource CustomerSource;
typedef struct SealedState SealedState;
struct LooseRow;

/*
 * The register: the number that a family has in stored states, which is never
 * used for another one, and its FamilyId and struct. Who wants something of every
 * family defines FAMILY first.
 */
#define EVERY_FAMILY \
	FAMILY(1, REPEAT, repeat_family) \
	FAMILY(2, REPEAT_WINDOW, repeat_window_family) \
	FAMILY(3, SECOND_ORDER, second_order_family) \
	FAMILY(4, CHURN, churn_family) \
	FAMILY(5, INACTIVE, inactive_family) \
	FAMILY(6, REVENUE_RETENTION, revenue_retention_family) \
	FAMILY(7, AOV, aov_family) \
	FAMILY(8, CUSTOMER_VALUE, customer_value_family) \
	FAMILY(9, CLV, clv_family) \
	FAMILY(10, PURCHASES, purchases_family) \
	FAMILY(11, COHORT, cohort_family) \
	FAMILY(12, LIFECYCLE, lifecycle_family) \
	FAMILY(13, ROLLING, rolling_family) \
	FAMILY(14, SURVIVAL, survival_family) \
	FAMILY(15, REPEAT_SURVIVAL, repeat_survival_family) \
	FAMILY(16, ORDER_NUMBERS, order_numbers_family) \
	FAMILY(17, ORDER_NUMBERS_WITHIN, order_numbers_within_family) \
	FAMILY(18, BTYD_PATTERNS, btyd_patterns_family) \
	FAMILY(19, SPEND_PATTERNS, spend_patterns_family) \
	FAMILY(20, PURCHASE_DAYS, purchase_days_family) \
	FAMILY(21, PURCHASE_SUMMARY, purchase_summary_family) \
	FAMILY(22, BTYD_DAYS, btyd_days_family) \
	FAMILY(23, CHURN_BY_PERIOD, churn_by_period_family) \
	FAMILY(24, UPLIFT, uplift_family) \
	FAMILY(25, NEW_VS_RETURNING, new_vs_returning_family) \
	FAMILY(26, PURCHASE_RHYTHM, purchase_rhythm_family) \
	FAMILY(27, GAP_SURVIVAL, gap_survival_family) \
	FAMILY(28, SUBSCRIBER, subscriber_family) \
	FAMILY(29, FUNNEL, funnel_family) \
	FAMILY(30, FUNNEL_STEP, funnel_step_family) \
	FAMILY(31, CARTS, carts_family) \
	FAMILY(32, PENDING_INTENT, pending_intent_family) \
	FAMILY(33, NPS, nps_family) \
	FAMILY(34, STRATIFIED_MEAN, stratified_mean_family) \
	FAMILY(35, POINTS, points_family) \
	FAMILY(36, REACHED_AT, reached_at_family) \
	FAMILY(37, SIGNUP, signup_family) \
	FAMILY(38, PRODUCT_PAIRS, product_pairs_family) \
	FAMILY(39, NEXT_PRODUCTS, next_products_family) \
	SEALED_FAMILIES

/*
 * Of sealed states (seal.h), which have the number of the family that was sealed and
 * 128.
 */
#define SEALED_FAMILIES \
	FAMILY(129, SEALED_REPEAT, sealed_repeat_family) \
	FAMILY(130, SEALED_REPEAT_WINDOW, sealed_repeat_window_family) \
	FAMILY(131, SEALED_SECOND_ORDER, sealed_second_order_family) \
	FAMILY(132, SEALED_CHURN, sealed_churn_family) \
	FAMILY(133, SEALED_INACTIVE, sealed_inactive_family) \
	FAMILY(134, SEALED_REVENUE_RETENTION, sealed_revenue_retention_family) \
	FAMILY(136, SEALED_CUSTOMER_VALUE, sealed_customer_value_family) \
	FAMILY(137, SEALED_CLV, sealed_clv_family) \
	FAMILY(139, SEALED_COHORT, sealed_cohort_family) \
	FAMILY(140, SEALED_LIFECYCLE, sealed_lifecycle_family) \
	FAMILY(141, SEALED_ROLLING, sealed_rolling_family) \
	FAMILY(143, SEALED_REPEAT_SURVIVAL, sealed_repeat_survival_family) \
	FAMILY(144, SEALED_ORDER_NUMBERS, sealed_order_numbers_family) \
	FAMILY(145, SEALED_ORDER_NUMBERS_WITHIN, sealed_order_numbers_within_family) \
	FAMILY(151, SEALED_CHURN_BY_PERIOD, sealed_churn_by_period_family) \
	FAMILY(152, SEALED_UPLIFT, sealed_uplift_family) \
	FAMILY(153, SEALED_NEW_VS_RETURNING, sealed_new_vs_returning_family) \
	FAMILY(155, SEALED_GAP_SURVIVAL, sealed_gap_survival_family) \
	FAMILY(157, SEALED_FUNNEL, sealed_funnel_family) \
	FAMILY(165, SEALED_SIGNUP, sealed_signup_family)

#define FAMILY(number, name, family) FAMILY_##name = number,
typedef enum FamilyId
{
	EVERY_FAMILY
} FamilyId;
#undef FAMILY

/*
 * Its C structs for totals and payload have no padding and at most MOST_PAYLOAD
 * bytes; their fields are listed (state_fields.h), so that the engine can check,
 * send and relocate them.
 */
typedef struct CustomerFamily
{
	const char *name;			/* of the aggregate, for messages */
	FamilyId	id;
	uint8		noptions;
	const OptionSpec *options;
	/* checks the options and fills options->derived */
	void		(*derive) (StateOptions *options);

	const StateField *totals_fields;	/* NULL: none */
	uint16		totals_size;
	const void *totals_identity;	/* merged with x gives x; NULL: zeros */
	/* into += from, but for derived fields; NULL when there is no other */
	void		(*merge_totals) (StateHeap *heap, void *into, const void *from,
								 const char *from_base);

	const StateField *payload_fields;	/* NULL: none */
	uint16		payload_size;
	const void *identity;		/* merged with x gives x; NULL: zeros */
	/* into += from; may keep derived totals up to date in table->totals */
	void		(*merge) (CustomerTable *table, void *into, const void *from,
						  const char *from_base);

	/*
	 * asks for the heap blocks that merging into a payload will read; may be
	 * NULL
	 */
	void		(*prefetch) (const void *payload, const char *heap_base);

	/*
	 * The payload of all rows of a customer, in order of time; what it points
	 * at goes into the heap, and what they point at lies at row_base, in
	 * another. NULL: a row is a payload at once. Otherwise a RowReader of
	 * this family gives a HistoryRow where the state is expanded.
	 */
	void		(*of_rows) (const StateOptions *options, void *payload,
							StateHeap *heap, const struct LooseRow *rows,
							uint64 count, const char *row_base);

	/*
	 * Is this a payload that rows could have made? Of a family without
	 * customers: are these totals? NULL: all are.
	 */
	bool		(*valid) (const void *payload, const char *heap_base,
						  const StateOptions *options);

	/*
	 * Where results are sums over customers: the family of states that have
	 * the sums alone, and what puts them there (seal.h). NULL: none.
	 */
	const struct CustomerFamily *sealed;
	void		(*seal) (CustomerTable *table, SealedState *into);
	const struct CustomerFamily *sealed_of; /* of such states: whose they are */

	/* the totals begin with FIELD_TEXTS, and payloads have numbers of these */
	bool		has_texts;

	/* customer_table_absorb, compiled for this family */
	void		(*absorb) (CustomerTable *table,
						   const CustomerSource *source);

	/*
	 * For a family whose keys are no customers but numbers: one, or the three
	 * of a pattern; and whose states may be of an SQL type of their own.
	 */
	const char *type;			/* its name; NULL: retention_state */
	const char *key_name;		/* what its keys are; NULL: customer */
	KeyKind		key_kind;		/* the only kind it has; KEY_NONE: customers' */
	bool		(*valid_key) (const int64 *numbers);
	const char *large_hint;		/* what to do about a state above 1 GB */
} CustomerFamily;

#define MOST_PAYLOAD	128

#define FAMILY(number, name, family) \
	extern retention_internal const CustomerFamily family;
EVERY_FAMILY
#undef FAMILY

extern retention_internal void families_check(void);
extern retention_internal const CustomerFamily *family_by_id(uint8 id);
extern retention_internal bool family_has_kind(const CustomerFamily *family,
											   uint8 kind);
extern retention_internal Size family_options_size(const CustomerFamily *family);
extern retention_internal void family_derive_options(const CustomerFamily *family,
													 StateOptions *options);

/* The SQL type that a family's states are of. */
static inline const char *
family_type(const CustomerFamily *family)
{
	return family->type ? family->type : "retention_state";
}

static inline const char *
family_key_name(const CustomerFamily *family)
{
	return family->key_name ? family->key_name : "customer";
}

#endif							/* RETENTION_FAMILIES_H */
