/*
 * base64_text.h
 *		The text form of our types: their binary form in base64.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_BASE64_TEXT_H
#define RETENTION_BASE64_TEXT_H

#include "base/compat.h"

#include "lib/stringinfo.h"

/* The bytes that its text takes, and the zero behind it. */
static inline Size
base64_size(const StringInfoData *message)
{
	/* pg_b64_enc_len() computes in int, and overflows from 512 MB on */
	return ((Size) message->len + 2) / 3 * 4 + 1;
}

extern retention_internal char *base64_of_message(const StringInfoData *message);
extern retention_internal void message_from_base64(StringInfo message,
												   const char *text,
												   const char *type);

#endif							/* RETENTION_BASE64_TEXT_H */
