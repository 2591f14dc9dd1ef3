/*
 * marks.h
 *		Marks: the keys of customers whose orders changed.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_MARKS_H
#define RETENTION_MARKS_H

#include "base/compat.h"

#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

/* Keys remembered of a statement, so that a customer is marked once by it. */
#define MOST_REMEMBERED	65536

typedef struct MarkWriter
{
	Relation	changes;
	EState	   *estate;
	ResultRelInfo *result;
	TupleTableSlot *slot;
	int16		length;			/* of the customers' type */
	bool		by_value;
	Datum	   *remembered;		/* each in the one place it may have */
	bool	   *is_remembered;
	uint32		places;			/* a power of two; 0: none */
	MemoryContext context;		/* of what is remembered */
} MarkWriter;

extern retention_internal void mark_writer_begin(MarkWriter *writer,
												 Oid changes_id,
												 int64 expected);
extern retention_internal void mark_customer(MarkWriter *writer, Datum customer,
											 bool isnull);
extern retention_internal void mark_everybody(MarkWriter *writer);
extern retention_internal void mark_writer_end(MarkWriter *writer);

#endif							/* RETENTION_MARKS_H */
