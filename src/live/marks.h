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

/* So many marks are written into the heap together. */
#define MARKS_AT_ONCE	128

/* Fewer marks are never a mark of everybody. */
#define LEAST_EVERYBODY	10000

/* How values of the customers' type are kept. */
typedef struct CustomerForm
{
	int16		length;
	bool		by_value;
} CustomerForm;

/*
 * Writes marks of one statement. Of a statement of many rows the customers are collected,
 * and written in order, each once. Who changes so many that a refresh would compute all
 * anew marks everybody instead.
 */
typedef struct MarkWriter
{
	Relation	changes;
	EState	   *estate;
	ResultRelInfo *result;
	TupleTableSlot *slot;
	CustomerForm form;
	bool		is_everybody;	/* that mark is written: no other is needed */
	/* of many rows; NULL: each is written at once */
	MemoryContext context;		/* of all that follows */
	MemoryContext keys;			/* of collected customers, if not by value */
	Datum	   *collected;
	int			ncollected;
	int64		nwritten;
	int64		everybody_from; /* so many marks; 0: not yet known */
	Datum	  **remembered;		/* in the one place it may have, of collected */
	uint32		places;			/* a power of two */
	TupleTableSlot *slots[MARKS_AT_ONCE];	/* as far as they were needed */
} MarkWriter;

extern retention_internal void mark_writer_begin(MarkWriter *writer,
												 Oid changes_id,
												 int64 expected);
extern retention_internal void mark_customer(MarkWriter *writer, Datum customer,
											 bool isnull);
extern retention_internal void mark_everybody(MarkWriter *writer);
extern retention_internal void mark_writer_end(MarkWriter *writer);
extern retention_internal uint32 customer_hash(const CustomerForm *form,
											   Datum customer);
extern retention_internal Datum detoasted_customer(const CustomerForm *form,
												   Datum customer);
extern retention_internal int64 marks_of_everybody(const MarkWriter *writer);
extern retention_internal void mark_customer_of_row(Oid changes_id,
													const CustomerForm *form,
													Datum customer,
													bool isnull);

#endif							/* RETENTION_MARKS_H */
