/*
 * families.c
 *		The register of all families: a stored state can be read whatever made it.
 *
 * The one place of the engine that names measures, and that only by their families.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/families.h"

extern retention_internal const CustomerFamily repeat_family;
extern retention_internal const CustomerFamily repeat_window_family;
extern retention_internal const CustomerFamily second_order_family;
extern retention_internal const CustomerFamily churn_family;
extern retention_internal const CustomerFamily inactive_family;
extern retention_internal const CustomerFamily revenue_retention_family;
extern retention_internal const CustomerFamily aov_family;
extern retention_internal const CustomerFamily customer_value_family;
extern retention_internal const CustomerFamily clv_family;
extern retention_internal const CustomerFamily purchases_family;
extern retention_internal const CustomerFamily cohort_family;
extern retention_internal const CustomerFamily lifecycle_family;
extern retention_internal const CustomerFamily rolling_family;
extern retention_internal const CustomerFamily order_numbers_family;
extern retention_internal const CustomerFamily order_numbers_within_family;
extern retention_internal const CustomerFamily btyd_patterns_family;
extern retention_internal const CustomerFamily spend_patterns_family;
extern retention_internal const CustomerFamily purchase_days_family;
extern retention_internal const CustomerFamily purchase_summary_family;
extern retention_internal const CustomerFamily survival_family;
extern retention_internal const CustomerFamily repeat_survival_family;

static const CustomerFamily *const families[] = {
	[FAMILY_REPEAT] = &repeat_family,
	[FAMILY_REPEAT_WINDOW] = &repeat_window_family,
	[FAMILY_SECOND_ORDER] = &second_order_family,
	[FAMILY_CHURN] = &churn_family,
	[FAMILY_INACTIVE] = &inactive_family,
	[FAMILY_REVENUE_RETENTION] = &revenue_retention_family,
	[FAMILY_AOV] = &aov_family,
	[FAMILY_CUSTOMER_VALUE] = &customer_value_family,
	[FAMILY_CLV] = &clv_family,
	[FAMILY_PURCHASES] = &purchases_family,
	[FAMILY_COHORT] = &cohort_family,
	[FAMILY_LIFECYCLE] = &lifecycle_family,
	[FAMILY_ROLLING] = &rolling_family,
	[FAMILY_SURVIVAL] = &survival_family,
	[FAMILY_REPEAT_SURVIVAL] = &repeat_survival_family,
	[FAMILY_ORDER_NUMBERS] = &order_numbers_family,
	[FAMILY_ORDER_NUMBERS_WITHIN] = &order_numbers_within_family,
	[FAMILY_BTYD_PATTERNS] = &btyd_patterns_family,
	[FAMILY_SPEND_PATTERNS] = &spend_patterns_family,
	[FAMILY_PURCHASE_DAYS] = &purchase_days_family,
	[FAMILY_PURCHASE_SUMMARY] = &purchase_summary_family,
};

static void
check_struct(const CustomerFamily *family, const StateField *fields, Size size)
{
	if (size > MOST_PAYLOAD || !fields_fill(fields, size))
		elog(ERROR, "fields of %s are not those of its struct", family->name);
}

/*
 * Raises an error if the register and the families do not agree, or the fields of
 * one and its structs: once, when the library is loaded.
 */
void
families_check(void)
{
	for (size_t i = 0; i < lengthof(families); i++)
	{
		const CustomerFamily *family = families[i];

		if (family == NULL)
			continue;
		if (family->id != i)
			elog(ERROR, "family %s has another number than the register",
				 family->name);
		check_struct(family, family->totals_fields, family->totals_size);
		check_struct(family, family->payload_fields, family->payload_size);
	}
}

/* NULL: there is none. */
const CustomerFamily *
family_by_id(uint8 id)
{
	return id < lengthof(families) ? families[id] : NULL;
}

bool
family_has_kind(const CustomerFamily *family, uint8 kind)
{
	if (family->absorb == NULL)
		return kind == KEY_NONE;
	if (family->key_kind != KEY_NONE)
		return kind == family->key_kind;
	return kind == KEY_BIGINT || kind == KEY_TEXT || kind == KEY_UUID;
}

/* Bytes that the options take in a state */
Size
family_options_size(const CustomerFamily *family)
{
	return family->noptions == 0 ? 0 :
		offsetof(StateOptions, value) +
		option_values(family->options, family->noptions) * sizeof(OptionValue);
}

/* Checks the options, and fills in what the family makes of them. */
void
family_derive_options(const CustomerFamily *family, StateOptions *options)
{
	for (int i = 0; i < family->noptions; i++)
		option_check(&family->options[i], &options->value[i]);
	if (family->derive)
		family->derive(options);
}
