/*
 * customer_type.h
 *		Customers as SQL has them: the types a customer can be of, and its value.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CUSTOMER_TYPE_H
#define RETENTION_CUSTOMER_TYPE_H

#include "base/compat.h"

#include "engine/customer_table.h"

extern retention_internal const char *key_kind_name(KeyKind kind);
extern retention_internal KeyKind customer_kind_of_type(Oid type);
extern retention_internal Oid customer_type_of_kind(KeyKind kind);
extern retention_internal bool customer_type_fits(Oid wanted, Oid column_type);
extern retention_internal void check_customer_anchor(Oid wanted, KeyKind kind,
													 const char *place);
extern retention_internal Datum customer_key_datum(KeyKind kind, CustomerKey key,
												   const char *base, Oid type);
extern retention_internal Datum customer_datum(const CustomerTable *table,
											   const char *slot, Oid type);
extern retention_internal int customer_compare(const CustomerTable *table,
											   const char *a, const char *b);

#endif							/* RETENTION_CUSTOMER_TYPE_H */
