/*
 * state_io.c
 *		retention_state outside the server: text and binary form.
 *
 * The binary form, all numbers in network byte order:
 *
 *		"RS" | format | family | key kind
 *		options		a time: int64; an interval: int64 time, int32 day, int32
 *					month (not what is derived from them)
 *		totals		its fields (see state_fields.c)
 *		int64		number of customers
 *		customers	key as given (bigint: 8 bytes; uuid: 16; pattern: three
 *					int64; text: length and bytes), then the payload's fields
 *
 * The text form is the binary one in base64. Anybody can feed either, so nothing
 * read here is believed: keys and payloads are added as rows are, which sorts
 * them, and what rows could not have made is an error.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_io.h"

#include "engine/base64_text.h"
#include "engine/key_io.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "engine/state_expanded.h"
#include "engine/state_fields.h"
#include "engine/state_flat.h"
#include "engine/state_read.h"
#include "engine/text_dictionary.h"
#include "utils/memutils.h"

#define MAGIC	"RS"

static void
reject_bytes(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid retention state: %s", what)));
}

/* As pq_getmsgbytes does; see rethrow_as. */
static void
reject_end(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("insufficient data left in message")));
}

/* "what" says of a key what is wrong: "impossible %s" */
static void
reject_key(const CustomerFamily *family, const char *what)
{
	reject_bytes(psprintf(what, family_key_name(family)));
}

/* ------------------------------------------------------------------------
 * Out
 * ------------------------------------------------------------------------
 */
static void
send_options(StringInfo out, const CustomerTable *table)
{
	for (int i = 0; i < table->family->noptions; i++)
		option_send(out, &table->family->options[i], &table->options->value[i]);
}

/* The table as it is when it is packed, which gives its texts their numbers. */
static void
pack_to_send(CustomerTable *packed, const CustomerTable *table)
{
	const Size	size = flat_packed_size(table);
	void	   *image = palloc(size);

	flat_pack(table, image, size);
	flat_view(packed, image);
}

static void
send_state(StringInfo out, const CustomerTable *table)
{
	const CustomerFamily *family = table->family;
	CustomerTable packed;
	CustomerCursor cursor = {table, 0};
	const char *slot;

	if (family->has_texts)
	{
		pack_to_send(&packed, table);
		table = &packed;
		cursor.table = table;
	}
	pq_sendbytes(out, MAGIC, strlen(MAGIC));
	pq_sendbyte(out, STATE_FORMAT);
	pq_sendbyte(out, family->id);
	pq_sendbyte(out, table->kind);
	send_options(out, table);
	fields_send(out, family->totals_fields, table->totals, table->heap.base);
	pq_sendint64(out, customer_table_customers(table));
	while ((slot = customer_cursor_next_slot(&cursor)) != NULL)
	{
		key_send(out, table->kind, load_key(table->kind, slot),
				 table->heap.base);
		fields_send(out, family->payload_fields, slot + table->key_size,
					table->heap.base);
	}
}

/*
 * Its text or binary form must fit a value too: say so before the buffer does.
 */
static void
check_sent_size(const CustomerTable *table, double growth)
{
	uint64		size = customer_table_customers(table) * table->stride +
		customer_table_packed_heap(table);

	if (size * growth > MaxAllocSize)
		reject_large_state(table, size * growth);
}

/*
 * retention_state_send(retention_state) returns bytea
 */
PG_FUNCTION_INFO_V1(retention_state_send);
Datum
retention_state_send(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	StringInfoData out;

	check_sent_size(table, 1);
	pq_begintypsend(&out);
	send_state(&out, table);
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

/*
 * retention_state_out(retention_state) returns cstring
 */
PG_FUNCTION_INFO_V1(retention_state_out);
Datum
retention_state_out(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	StringInfoData out;
	Size		room;

	check_sent_size(table, 4.0 / 3);
	initStringInfo(&out);
	send_state(&out, table);
	room = base64_size(&out);
	if (room > MaxAllocSize)
		reject_large_state(table, room - 1);
	PG_RETURN_CSTRING(base64_of_message(&out));
}

/* ------------------------------------------------------------------------
 * In
 * ------------------------------------------------------------------------
 */
static void
receive_options(StringInfo in, const CustomerFamily *family,
				StateOptions *options)
{
	memset(options, 0, sizeof(*options));
	for (int i = 0; i < family->noptions; i++)
		option_receive(in, &family->options[i], &options->value[i]);
	family_derive_options(family, options);
}

static const char *
message_bytes(StringInfo in, uint64 size)
{
	return pq_getmsgbytes(in, (int) size);
}

static CustomerKey
receive_valid_key(StringInfo in, const CustomerFamily *family, KeyKind kind,
				  StateHeap *heap)
{
	const CustomerKey key = key_receive(in, kind, heap, message_bytes);
	int64		number;
	KeyPattern	pattern;
	bool		valid = true;

	if (kind == KEY_BIGINT && family->valid_key)
	{
		number = key_to_bigint(key);
		valid = family->valid_key(&number);
	}
	else if (kind == KEY_PATTERN)
	{
		pattern = key_to_pattern(key);
		valid = family->valid_key(pattern.number);
	}
	if (!valid)
		reject_key(family, "impossible %s");
	return key;
}

/* The fewest bytes a customer takes in the binary form. */
static int
least_customer_bytes(const CustomerFamily *family, KeyKind kind)
{
	return (kind == KEY_TEXT ? (int) sizeof(uint32) : Max(key_size(kind), 1)) +
		fields_least_bytes(family->payload_fields);
}

/* Which texts of a state have been used in payloads */
typedef struct UsedTexts
{
	bool	   *used;
	uint32		count;
} UsedTexts;

static UsedTexts
texts_to_use(const CustomerTable *table)
{
	UsedTexts	texts = {NULL, 0};
	TextList	list;

	if (!table->family->has_texts)
		return texts;
	list = texts_of(table);
	texts.count = list.count;
	texts.used = array_alloc0(list.count, sizeof(bool));
	return texts;
}

/* A state has no texts but those of its rows. */
static void
check_all_used(const UsedTexts *texts)
{
	for (uint32 i = 0; i < texts->count; i++)
		if (!texts->used[i])
			reject_bytes("a text that nothing uses");
}

static void
receive_customers(StringInfo in, ExpandedState *expanded, uint64 count)
{
	CustomerTable *table = &expanded->table;
	const CustomerFamily *family = table->family;
	RowBatch   *batch = &expanded->batch;
	UsedTexts	texts = texts_to_use(table);

	for (uint64 i = 0; i < count; i++)
	{
		uint64		payload[MOST_PAYLOAD / sizeof(uint64)];
		CustomerKey key = receive_valid_key(in, family, table->kind,
											&batch->heap);

		fields_receive(in, family->payload_fields, payload, &batch->heap);
		if (family->valid && !family->valid(payload, batch->heap.base, table->options))
			reject_key(family, "impossible %s");
		if (texts.used &&
			!fields_use_numbers(family->payload_fields, payload,
								batch->heap.base, texts.used, texts.count))
			reject_key(family, "impossible %s");
		state_build_add(expanded, key, payload);
	}
	expanded_absorb_batch(expanded);
	if (table->used != count)
		reject_key(family, "a %s appears twice");
	check_all_used(&texts);
}

/* A whole state. Where the message ends too early, an error of the protocol. */
static Datum
receive_state(StringInfo in, const char *type)
{
	const CustomerFamily *family;
	StateOptions options;
	uint64		totals[MOST_PAYLOAD / sizeof(uint64)] = {0};
	ExpandedState *expanded;
	uint8		kind;
	uint8		format;
	int64		count;

	if (memcmp(pq_getmsgbytes(in, strlen(MAGIC)), MAGIC, strlen(MAGIC)) != 0)
		reject_bytes("it does not begin with the mark of one");
	format = pq_getmsgbyte(in);
	state_check_format(format);
	family = family_by_id(pq_getmsgbyte(in));
	if (family == NULL)
		reject_bytes("unknown aggregate");
	if (strcmp(family_type(family), type) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid %s: it is a state of %s, of type %s", type,
						family->name, family_type(family))));
	kind = pq_getmsgbyte(in);
	if (!family_has_kind(family, kind))
		reject_key(family, "unknown type of %s");

	receive_options(in, family, &options);
	expanded = state_build_begin(family, kind, &options);
	fields_receive(in, family->totals_fields, totals, &expanded->table.heap);
	memcpy(expanded->table.totals, totals, family->totals_size);
	if (kind == KEY_NONE && family->valid &&
		!family->valid(totals, expanded->table.heap.base, &options))
		reject_bytes("impossible totals");
	count = pq_getmsgint64(in);
	if (count < 0 || (kind == KEY_NONE && count != 0))
		reject_key(family, "wrong number of %ss");
	/* before there is memory for so many */
	if (count > (in->len - in->cursor) / least_customer_bytes(family, kind))
		reject_end();
	customer_table_reserve_new(&expanded->table, count);
	receive_customers(in, expanded, count);
	if (in->cursor != in->len)
		reject_bytes("there are bytes behind its end");

	return state_build_end(expanded);
}

#define USUAL_INVALID	"invalid retention state"

/*
 * Ends with the error that was raised while a state was read. The form has a code of
 * its own, and an end that comes too early is no fault of the connection, as which
 * clients take class 08.
 */
static void
rethrow_as(int form, const char *type, MemoryContext caller)
{
	ErrorData  *error;

	MemoryContextSwitchTo(caller);
	error = CopyErrorData();
	if (error->sqlerrcode == ERRCODE_PROTOCOL_VIOLATION)
	{
		FlushErrorState();
		ereport(ERROR,
				(errcode(form),
				 form == ERRCODE_INVALID_TEXT_REPRESENTATION ?
				 errmsg("invalid input syntax for type %s", type) :
				 errmsg("invalid binary representation of type %s", type),
				 errdetail("It ends too early.")));
	}
	if (error->sqlerrcode != ERRCODE_INVALID_BINARY_REPRESENTATION)
		PG_RE_THROW();
	/* what parts of a state say is of the type that is most usual */
	if (strncmp(error->message, USUAL_INVALID, strlen(USUAL_INVALID)) == 0)
		error->message = psprintf("invalid %s%s",
								  strcmp(type, "retention_state") == 0 ? "retention state" : type,
								  error->message + strlen(USUAL_INVALID));
	error->sqlerrcode = form;
	FlushErrorState();
	ReThrowError(error);
}

static Datum
receive_form(StringInfo in, const char *type, int form)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		state = 0;

	PG_TRY();
	{
		state = receive_state(in, type);
	}
	PG_CATCH();
	{
		rethrow_as(form, type, caller);
	}
	PG_END_TRY();
	return state;
}

/*
 * Reads a whole state, which must be of this SQL type. The result is flat, in the
 * current memory context.
 */
Datum
state_from_message(StringInfo in, const char *type)
{
	return receive_form(in, type, ERRCODE_INVALID_BINARY_REPRESENTATION);
}

/*
 * retention_state_recv(internal) returns retention_state
 */
PG_FUNCTION_INFO_V1(retention_state_recv);
Datum
retention_state_recv(PG_FUNCTION_ARGS)
{
	return state_from_message((StringInfo) PG_GETARG_POINTER(0),
							  "retention_state");
}

Datum
state_from_text(const char *text, const char *type)
{
	StringInfoData bytes;

	message_from_base64(&bytes, text, type);
	return receive_form(&bytes, type, ERRCODE_INVALID_TEXT_REPRESENTATION);
}

/*
 * retention_state_in(cstring) returns retention_state
 */
PG_FUNCTION_INFO_V1(retention_state_in);
Datum
retention_state_in(PG_FUNCTION_ARGS)
{
	return state_from_text(PG_GETARG_CSTRING(0), "retention_state");
}
