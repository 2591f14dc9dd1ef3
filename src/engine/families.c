/*
 * families.c
 *		The families of the register, by number: a stored state can be read whatever
 *		made it.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/families.h"

#define FAMILY(number, name, family) [number] = &family,
static const CustomerFamily *const families[] = {
	EVERY_FAMILY
};
#undef FAMILY

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
		if (family->sealed &&
			(family->sealed->sealed_of != family ||
			 family->sealed->noptions != family->noptions))
			elog(ERROR, "family %s is sealed otherwise than it says", family->name);
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
