/*
 * assignment.c
 *		Who is in which group of an experiment? The customer's own number decides,
 *		wherever it is asked.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/uuid.h"

/* So many bits a double holds, and an SQL query reads as 13 hexadecimal digits. */
#define SHARE_BITS	52

/* Adds a text to what is hashed, in UTF-8 whatever the database has. */
static int
update_with_text(pg_cryptohash_ctx *hash, char *bytes, int length)
{
	char	   *converted = pg_server_to_any(bytes, length, PG_UTF8);

	/* the same pointer if there is nothing to convert */
	if (converted != bytes)
		length = strlen(converted);
	return pg_cryptohash_update(hash, (const uint8 *) converted, length);
}

/*
 * The first 52 bits of SHA-256 of "salt:customer" as a fraction of all there are: what
 * every language can compute.
 */
static Datum
hash_share(text *salt, char *customer, int length)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	uint64		bits = 0;

	if (hash == NULL ||
		pg_cryptohash_init(hash) < 0 ||
		update_with_text(hash, VARDATA_ANY(salt), VARSIZE_ANY_EXHDR(salt)) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) ":", 1) < 0 ||
		update_with_text(hash, customer, length) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256: %s",
						hash ? pg_cryptohash_error(hash) : "out of memory")));
	pg_cryptohash_free(hash);
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | digest[i];
	return Float8GetDatum((double) (bits >> (64 - SHARE_BITS)) /
						  (double) (UINT64CONST(1) << SHARE_BITS));
}

/*
 * hash_share(customer bigint, salt text) returns double precision
 *
 * At least 0 and below 1, spread evenly.
 */
PG_FUNCTION_INFO_V1(hash_share_bigint);
Datum
hash_share_bigint(PG_FUNCTION_ARGS)
{
	char		customer[MAXINT8LEN + 1];
	int			length = pg_lltoa(PG_GETARG_INT64(0), customer);

	return hash_share(PG_GETARG_TEXT_PP(1), customer, length);
}

/*
 * hash_share(customer text, salt text) returns double precision
 */
PG_FUNCTION_INFO_V1(hash_share_text);
Datum
hash_share_text(PG_FUNCTION_ARGS)
{
	text	   *customer = PG_GETARG_TEXT_PP(0);

	return hash_share(PG_GETARG_TEXT_PP(1), VARDATA_ANY(customer),
					  VARSIZE_ANY_EXHDR(customer));
}

/*
 * hash_share(customer uuid, salt text) returns double precision
 */
PG_FUNCTION_INFO_V1(hash_share_uuid);
Datum
hash_share_uuid(PG_FUNCTION_ARGS)
{
	char	   *customer = DatumGetCString(DirectFunctionCall1(uuid_out,
															   PG_GETARG_DATUM(0)));

	return hash_share(PG_GETARG_TEXT_PP(1), customer, strlen(customer));
}
