/*
 * record_run.c
 *		Groups of records by a whole number that mostly ascends.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/record_run.h"

#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "executor/nodeHash.h"
#include "utils/logtape.h"
#include "utils/memutils.h"

/* The buffer, which a run that is not longer never leaves: 128 kB. */
#define BUFFER_RECORDS		8192

/* As many may be put aside without a question; later an eighth of the run. */
#define FEW_STRAYS			64
#define STRAYS_SHARE		8
#define MOST_STRAYS_MEMORY	((Size) 8 * 1024 * 1024)

typedef struct RunStore
{
	MemoryContext context;
	RunRecord  *buffer;
	LogicalTapeSet *tapes;		/* NULL: all is in the buffer */
	LogicalTape *tape;
	uint64		written;		/* records on the tape */
	RunRecord  *strays;
	uint64		nstrays;
	uint64		strays_room;
	RecordLog  *log;			/* of a run given up, which has all of it */
} RunStore;

/* A run in a memory context of its own beneath the current one. */
RecordRun *
record_run_create(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "retention records in order",
												  ALLOCSET_DEFAULT_SIZES);
	RecordRun  *run = MemoryContextAllocZero(context, sizeof(RecordRun));
	RunStore   *store = MemoryContextAllocZero(context, sizeof(RunStore));

	store->context = context;
	store->buffer = MemoryContextAlloc(context, BUFFER_RECORDS * sizeof(RunRecord));
	run->store = store;
	run->end = store->buffer;
	run->room = store->buffer + BUFFER_RECORDS;
	run->last = PG_INT64_MIN;
	return run;
}

/* Its memory, and its temporary files. */
void
record_run_free(RecordRun *run)
{
	RunStore   *store = run->store;

	if (store->log)
		record_log_free(store->log);
	if (store->tapes)
		LogicalTapeSetClose(store->tapes);
	MemoryContextDelete(store->context);
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */
static uint64
buffered(const RecordRun *run)
{
	return run->end - run->store->buffer;
}

static void
write_buffer(RecordRun *run)
{
	RunStore   *store = run->store;
	MemoryContext caller = MemoryContextSwitchTo(store->context);

	if (store->tapes == NULL)
	{
		store->tapes = LogicalTapeSetCreate(false, NULL, -1);
		store->tape = LogicalTapeCreate(store->tapes);
	}
	LogicalTapeWrite(store->tape, store->buffer,
					 buffered(run) * sizeof(RunRecord));
	store->written += buffered(run);
	run->end = store->buffer;
	MemoryContextSwitchTo(caller);
}

static void
put_aside(RunStore *store, int64 number, uint64 value)
{
	if (store->nstrays == store->strays_room)
	{
		const uint64 room = Max(store->strays_room * 2, FEW_STRAYS);

		store->strays = store->strays ?
			repalloc(store->strays, room * sizeof(RunRecord)) :
			MemoryContextAlloc(store->context, room * sizeof(RunRecord));
		store->strays_room = room;
	}
	store->strays[store->nstrays++] = (RunRecord) {number, value};
}

static bool
too_many_strays(const RecordRun *run)
{
	const RunStore *store = run->store;
	const Size	limit = Min(get_hash_memory_limit(), MOST_STRAYS_MEMORY);

	return store->nstrays >= FEW_STRAYS &&
		(store->nstrays >= (store->written + buffered(run)) / STRAYS_SHARE ||
		 store->nstrays >= limit / sizeof(RunRecord));
}

static void
log_record(RecordLog *log, int64 number, uint64 value)
{
	record_log_add(log, key_from_bigint(number).word[0], 0, value);
}

/* What a run is read with: the tape, then the buffer. */
typedef struct RunReader
{
	RunRecord  *records;
	uint64		count;
	uint64		next;
	LogicalTape *tape;			/* NULL: all of it was read */
	const RecordRun *run;
	RunRecord	page[BLCKSZ / sizeof(RunRecord)];
} RunReader;

static void
reader_init(RunReader *reader, const RecordRun *run)
{
	reader->run = run;
	reader->tape = run->store->tape;
	reader->count = reader->next = 0;
	reader->records = reader->page;
	if (reader->tape)
		LogicalTapeRewindForRead(reader->tape, BLCKSZ);
}

/* More records; false at the end. */
static bool
reader_fill(RunReader *reader)
{
	const RunStore *store = reader->run->store;

	CHECK_FOR_INTERRUPTS();
	reader->next = reader->count = 0;
	if (reader->tape)
	{
		reader->count = LogicalTapeRead(reader->tape, reader->page,
										sizeof(reader->page)) / sizeof(RunRecord);
		if (reader->count > 0)
			return true;
		reader->tape = NULL;
	}
	if (reader->records == store->buffer)
		return false;
	reader->records = store->buffer;
	reader->count = buffered(reader->run);
	return reader->count > 0;
}

static inline const RunRecord *
reader_peek(RunReader *reader)
{
	if (unlikely(reader->next == reader->count) && !reader_fill(reader))
		return NULL;
	return &reader->records[reader->next];
}

/* All records go to a log, and later ones too. */
static void
give_up(RecordRun *run)
{
	RunStore   *store = run->store;
	MemoryContext caller = MemoryContextSwitchTo(store->context);
	RunReader	reader;
	const RunRecord *record;

	store->log = record_log_create();
	reader_init(&reader, run);
	for (; (record = reader_peek(&reader)) != NULL; reader.next++)
		log_record(store->log, record->number, record->value);
	for (uint64 i = 0; i < store->nstrays; i++)
		log_record(store->log, store->strays[i].number, store->strays[i].value);
	if (store->tapes)
		LogicalTapeSetClose(store->tapes);
	store->tapes = NULL;
	store->tape = NULL;
	pfree(store->strays);
	store->strays = NULL;
	store->nstrays = store->strays_room = 0;
	run->end = run->room = store->buffer;
	MemoryContextSwitchTo(caller);
}

/* A record for which there is no room, or which does not ascend. */
void
record_run_odd(RecordRun *run, int64 number, uint64 value)
{
	RunStore   *store = run->store;

	if (store->log == NULL && number < run->last)
	{
		if (!too_many_strays(run))
		{
			put_aside(store, number, value);
			return;
		}
		give_up(run);
	}
	if (store->log)
	{
		log_record(store->log, number, value);
		return;
	}
	write_buffer(run);
	record_run_add(run, number, value);
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */
static int
compare_numbers(const void *a, const void *b)
{
	const int64 first = ((const RunRecord *) a)->number;
	const int64 second = ((const RunRecord *) b)->number;

	CHECK_FOR_INTERRUPTS();
	return (first > second) - (first < second);
}

/*
 * Finds the groups of all records, as record_log_groups() does. The key of a group is
 * that of a customer of this number.
 */
void
record_run_groups(RecordRun *run, RecordFold fold, GroupConsumer consume,
				  void *arg)
{
	RunStore   *store = run->store;
	const RunRecord *stray = store->strays;
	const RunRecord *strays_end;
	const RunRecord *record;
	RunReader	reader;

	if (store->log)
	{
		record_log_groups(store->log, fold, consume, arg);
		return;
	}
	strays_end = stray + store->nstrays;
	if (store->nstrays > 0)
		qsort(store->strays, store->nstrays, sizeof(RunRecord), compare_numbers);
	reader_init(&reader, run);
	while ((record = reader_peek(&reader)) != NULL || stray < strays_end)
	{
		const int64 number = record == NULL ? stray->number :
			stray == strays_end ? record->number :
			Min(record->number, stray->number);
		RecordGroup group = {.key = {key_from_bigint(number).word[0], 0}};

		for (; record && record->number == number; record = reader_peek(&reader))
		{
			group.records++;
			fold(&group, record->value, arg);
			reader.next++;
		}
		for (; stray < strays_end && stray->number == number; stray++)
		{
			group.records++;
			fold(&group, stray->value, arg);
		}
		consume(&group, arg);
	}
}
