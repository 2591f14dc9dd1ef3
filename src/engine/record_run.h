/*
 * record_run.h
 *		Groups of records by a whole number that mostly ascends, as the ids of orders
 *		do in the table they are inserted into.
 *
 * Records of equal numbers then lie side by side: they are written one behind the
 * other, a word and a value, and read once. What does not ascend (a row that was
 * updated has moved) is put aside and sorted. Where there is too much of it, the
 * records go to a log by partitions (record_groups.h), whatever their order.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RECORD_RUN_H
#define RETENTION_RECORD_RUN_H

#include "engine/record_groups.h"

typedef struct RunRecord
{
	int64		number;
	uint64		value;
} RunRecord;

typedef struct RecordRun RecordRun;

struct RecordRun
{
	RunRecord  *end;			/* where the next goes */
	RunRecord  *room;			/* end of the buffer; equal: ask
								 * record_run_odd() */
	int64		last;
	struct RunStore *store;
};

extern retention_internal RecordRun *record_run_create(void);
extern retention_internal void record_run_odd(RecordRun *run, int64 number,
											  uint64 value);
extern retention_internal void record_run_groups(RecordRun *run,
												 RecordFold fold,
												 GroupConsumer consume,
												 void *arg);
extern retention_internal void record_run_free(RecordRun *run);

static inline void
record_run_add(RecordRun *run, int64 number, uint64 value)
{
	if (unlikely(run->end == run->room || number < run->last))
	{
		record_run_odd(run, number, value);
		return;
	}
	run->last = number;
	*run->end++ = (RunRecord) {number, value};
}

#endif							/* RETENTION_RECORD_RUN_H */
