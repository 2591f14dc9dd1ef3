/*
 * customer_type.c
 *		Customers as SQL has them: the types a customer can be of, and its value.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/customer_type.h"

#include "base/bytes.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

/* For messages; NULL: it has no name */
const char *
key_kind_name(KeyKind kind)
{
	switch (kind)
	{
		case KEY_NONE:
		case KEY_PATTERN:
			break;
		case KEY_BIGINT:
			return "bigint";
		case KEY_TEXT:
			return "text";
		case KEY_UUID:
			return "uuid";
	}
	return NULL;
}

/* How the engine holds customers of a type; KEY_NONE: it does not. */
KeyKind
customer_kind_of_type(Oid type)
{
	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return KEY_BIGINT;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return KEY_TEXT;
		case UUIDOID:
			return KEY_UUID;
	}
	return KEY_NONE;
}

/* The type of the aggregates' customer argument. */
Oid
customer_type_of_kind(KeyKind kind)
{
	switch (kind)
	{
		case KEY_NONE:
		case KEY_PATTERN:
			break;
		case KEY_BIGINT:
			return INT8OID;
		case KEY_TEXT:
			return TEXTOID;
		case KEY_UUID:
			return UUIDOID;
	}
	elog(ERROR, "state has no customers");
}

/*
 * Can a result of this type hold all customers of a column? It can if it is of
 * the same type or of a wider one; but not of a domain, which may have checks
 * that the column's values do not pass, unless the column is of it, too.
 */
bool
customer_type_fits(Oid wanted, Oid column_type)
{
	Oid			base = getBaseType(column_type);

	if (wanted == column_type || wanted == base)
		return true;
	switch (wanted)
	{
		case INT4OID:
			return base == INT2OID;
		case INT8OID:
		case TEXTOID:
		case VARCHAROID:
			return customer_kind_of_type(wanted) == customer_kind_of_type(base);
	}
	return false;
}

/*
 * The type of an argument that stands there for its type alone must fit the customers
 * of a state; "place" is that argument's: "first".
 */
void
check_customer_anchor(Oid wanted, KeyKind kind, const char *place)
{
	const char *type = format_type_be(customer_type_of_kind(kind));

	if (!customer_type_fits(wanted, customer_type_of_kind(kind)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the %s argument has type %s, but the customers in the state have type %s",
						place, format_type_be(wanted), type),
				 errhint("Write NULL::%s: the %s argument gives the result's column its type.",
						 type, place)));
}

/* A customer as a value of a type that fits; a long text lies in the heap at base. */
Datum
customer_key_datum(KeyKind kind, CustomerKey key, const char *base, Oid type)
{
	char		buffer[MOST_INLINE_TEXT];
	const char *bytes;
	uint32		length;
	pg_uuid_t  *uuid;

	switch (kind)
	{
		case KEY_NONE:
		case KEY_PATTERN:
			break;
		case KEY_BIGINT:
			switch (getBaseType(type))
			{
				case INT2OID:
					return Int16GetDatum((int16) key_to_bigint(key));
				case INT4OID:
					return Int32GetDatum((int32) key_to_bigint(key));
			}
			return Int64GetDatum(key_to_bigint(key));
		case KEY_TEXT:
			bytes = key_text(key, base, buffer, &length);
			return PointerGetDatum(cstring_to_text_with_len(bytes, length));
		case KEY_UUID:
			uuid = palloc(sizeof(pg_uuid_t));
			key_to_16_bytes(key, uuid->data);
			return UUIDPGetDatum(uuid);
	}
	elog(ERROR, "state has no customers");
}

/* The customer of a slot as a value of a type that fits. */
Datum
customer_datum(const CustomerTable *table, const char *slot, Oid type)
{
	return customer_key_datum(table->kind, load_key(table->kind, slot),
							  table->heap.base, type);
}

/* The order of two slots' customers: of numbers, or of bytes. */
int
customer_compare(const CustomerTable *table, const char *a, const char *b)
{
	CustomerKey x = load_key(table->kind, a);
	CustomerKey y = load_key(table->kind, b);
	char		x_buffer[sizeof(pg_uuid_t)];
	char		y_buffer[sizeof(pg_uuid_t)];
	const char *x_bytes = x_buffer;
	const char *y_bytes = y_buffer;
	uint32		x_length = sizeof(x_buffer);
	uint32		y_length = sizeof(y_buffer);

	if (table->kind == KEY_BIGINT)
		return (key_to_bigint(x) > key_to_bigint(y)) -
			(key_to_bigint(x) < key_to_bigint(y));
	if (table->kind == KEY_TEXT)
	{
		x_bytes = key_text(x, table->heap.base, x_buffer, &x_length);
		y_bytes = key_text(y, table->heap.base, y_buffer, &y_length);
	}
	else
	{
		key_to_16_bytes(x, x_buffer);
		key_to_16_bytes(y, y_buffer);
	}
	return compare_bytes(x_bytes, x_length, y_bytes, y_length);
}
