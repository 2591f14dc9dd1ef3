/*
 * key_functions.h
 *		SQL functions that exist once for each type of a customer.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_KEY_FUNCTIONS_H
#define RETENTION_KEY_FUNCTIONS_H

#include "base/compat.h"

#include "engine/customer_key.h"
#include "fmgr.h"

#define KEY_FUNCTION(name, body, kind) \
	PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		return body(fcinfo, kind); \
	}

/*
 * Defines NAME_bigint, NAME_text and NAME_uuid, which call body(fcinfo, kind).
 */
#define KEY_FUNCTIONS(name, body) \
	KEY_FUNCTION(name##_bigint, body, KEY_BIGINT) \
	KEY_FUNCTION(name##_text, body, KEY_TEXT) \
	KEY_FUNCTION(name##_uuid, body, KEY_UUID)

#endif							/* RETENTION_KEY_FUNCTIONS_H */
