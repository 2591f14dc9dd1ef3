/*
 * base64_text.c
 *		The text form of our types: their binary form in base64.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/base64_text.h"

#include "common/base64.h"
#include "utils/memutils.h"

/* The message as text; the caller has checked that it fits a value. */
char *
base64_of_message(const StringInfoData *message)
{
	const Size	room = base64_size(message);
	char	   *text = palloc(room);
	int			length = pg_b64_encode((void *) message->data, message->len, text,
									   (int) room - 1);

	if (length < 0)
		elog(ERROR, "could not encode in base64");
	text[length] = '\0';
	return text;
}

/* The message that a text of this type is; an error if it is not base64. */
void
message_from_base64(StringInfo message, const char *text, const char *type)
{
	int			length = strlen(text);
	int			room = length / 4 * 3 + 3;

	initStringInfo(message);
	enlargeStringInfo(message, room);
	message->len = pg_b64_decode(text, length, (void *) message->data, room);
	if (message->len < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", type),
				 errdetail("It is not base64.")));
	message->data[message->len] = '\0';
}
