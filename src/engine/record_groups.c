/*
 * record_groups.c
 *		What a great many small records have in common: groups of equal keys,
 *		without sorting them.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/record_groups.h"

#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "executor/nodeHash.h"
#include "port/pg_bitutils.h"
#include "utils/logtape.h"
#include "utils/memutils.h"

/* A file has a buffer for each partition that has been written. */
struct RecordFiles
{
	LogicalTapeSet *set;
	LogicalTape *tapes[RECORD_PARTITIONS];	/* NULL: nothing written yet */
};

#define FILE_BUFFERS		((Size) RECORD_PARTITIONS * BLCKSZ)
#define LEAST_MEMORY		((Size) RECORD_PARTITIONS * sizeof(RecordChunk))
#define MOST_MEMORY			((Size) 8 * 1024 * 1024)
#define MOST_PASSES			64

StaticAssertDecl(sizeof(RecordChunk) <= 4096, "a chunk is 4 kB");

/*
 * A log in a memory context of its own beneath the current one.
 */
RecordLog *
record_log_create(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "retention records",
												  ALLOCSET_DEFAULT_SIZES);
	RecordLog  *log = MemoryContextAllocZero(context, sizeof(RecordLog));

	log->context = context;
	if (!pg_strong_random(&log->lot, sizeof(log->lot)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("the server has no random numbers")));
	return log;
}

/* Its memory, and its temporary file. */
void
record_log_free(RecordLog *log)
{
	if (log->files)
		LogicalTapeSetClose(log->files->set);
	MemoryContextDelete(log->context);
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/* Writes the chunks of a partition, and puts them among the unused. */
static void
write_partition(RecordLog *log, int i)
{
	RecordPartition *partition = &log->partitions[i];
	RecordFiles *files = log->files;
	RecordChunk *chunk;

	if (partition->chunk && files->tapes[i] == NULL)
		files->tapes[i] = LogicalTapeCreate(files->set);
	while ((chunk = partition->chunk) != NULL)
	{
		const uint64 records = chunk_records(partition, chunk);

		CHECK_FOR_INTERRUPTS();
		LogicalTapeWrite(files->tapes[i], chunk->records,
						 records * sizeof(Record));
		partition->written += records;
		partition->chunk = chunk->next;
		partition->end = partition->chunk ? partition->chunk->records + CHUNK_RECORDS : NULL;
		chunk->next = log->unused;
		log->unused = chunk;
	}
	partition->room = NULL;
}

static void
write_all(RecordLog *log)
{
	MemoryContext caller = MemoryContextSwitchTo(log->context);

	if (log->files == NULL)
	{
		log->files = palloc0(sizeof(RecordFiles));
		log->files->set = LogicalTapeSetCreate(false, NULL, -1);
	}
	for (int i = 0; i < RECORD_PARTITIONS; i++)
		write_partition(log, i);
	log->used_memory = 0;
	MemoryContextSwitchTo(caller);
}

/* A partition has no room in its chunk, or no chunk. */
void
record_log_next_chunk(RecordLog *log, RecordPartition *partition)
{
	const Size	limit = Min(get_hash_memory_limit(), MOST_MEMORY);
	RecordChunk *chunk;

	if (log->used_memory >= Max(limit - Min(limit, FILE_BUFFERS), LEAST_MEMORY))
		write_all(log);
	if (log->unused)
	{
		chunk = log->unused;
		log->unused = chunk->next;
	}
	else
		chunk = MemoryContextAlloc(log->context, sizeof(RecordChunk));
	chunk->next = partition->chunk;
	partition->chunk = chunk;
	partition->end = chunk->records;
	partition->room = chunk->records + CHUNK_RECORDS;
	log->used_memory += sizeof(RecordChunk);
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */

/* A hash table of groups: slots after one another are tried. */
typedef struct GroupTable
{
	const RecordLog *log;
	RecordFold	fold;
	void	   *arg;
	RecordGroup *slots;
	uint64		nslots;			/* a power of two */
	uint64		room;			/* slots there is memory for */
	uint64		used;
	int			passes;			/* the last bits of a hash choose the pass */
	int			pass;
} GroupTable;

static void
clear_slots(GroupTable *table, uint64 nslots)
{
	if (nslots > table->room)
	{
		if (table->slots)
			pfree(table->slots);
		table->slots = array_alloc(nslots, sizeof(RecordGroup));
		table->room = nslots;
	}
	table->nslots = nslots;
	table->used = 0;
	memset(table->slots, 0, nslots * sizeof(RecordGroup));
}

/* The slot of a key, or the one where it belongs. */
static inline RecordGroup *
find_slot(const GroupTable *table, uint64 hash, const uint64 *key)
{
	const uint64 mask = table->nslots - 1;
	uint64		i = (hash << PARTITION_BITS) >>
		(64 - pg_leftmost_one_pos64(table->nslots));
	RecordGroup *slot = &table->slots[i];

	while (slot->records > 0 &&
		   (slot->key[0] != key[0] || slot->key[1] != key[1]))
	{
		i = (i + 1) & mask;
		slot = &table->slots[i];
	}
	return slot;
}

static void
grow_slots(GroupTable *table)
{
	GroupTable	old = *table;

	table->slots = NULL;
	table->room = 0;
	clear_slots(table, old.nslots * 2);
	table->used = old.used;
	for (uint64 i = 0; i < old.nslots; i++)
	{
		const RecordGroup *group = &old.slots[i];

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (group->records > 0)
			*find_slot(table, record_hash(table->log, group->key),
					   group->key) = *group;
	}
	pfree(old.slots);
}

static void
fold_records(GroupTable *table, const Record *records, uint64 count)
{
	CHECK_FOR_INTERRUPTS();
	for (uint64 i = 0; i < count; i++)
	{
		const Record *record = &records[i];
		const uint64 hash = record_hash(table->log, record->key);
		RecordGroup *group;

		if ((hash & (table->passes - 1)) != table->pass)
			continue;
		if (unlikely(table->used >= table->nslots / 4 * 3))
			grow_slots(table);
		group = find_slot(table, hash, record->key);
		if (group->records++ == 0)
		{
			table->used++;
			group->key[0] = record->key[0];
			group->key[1] = record->key[1];
		}
		table->fold(group, record->value, table->arg);
	}
}

static void
fold_partition(GroupTable *table, const RecordLog *log, int i)
{
	LogicalTape *tape = log->files ? log->files->tapes[i] : NULL;
	Record		records[CHUNK_RECORDS];
	Size		bytes;

	if (tape)
	{
		LogicalTapeRewindForRead(tape, BLCKSZ);
		while ((bytes = LogicalTapeRead(tape, records, sizeof(records))) > 0)
			fold_records(table, records, bytes / sizeof(Record));
	}
	for (const RecordChunk *chunk = log->partitions[i].chunk; chunk;
		 chunk = chunk->next)
		fold_records(table, chunk->records,
					 chunk_records(&log->partitions[i], chunk));
}

static uint64
records_of(const RecordLog *log, int i)
{
	const RecordPartition *partition = &log->partitions[i];
	uint64		count = partition->written;

	for (const RecordChunk *chunk = partition->chunk; chunk;
		 chunk = chunk->next)
		count += chunk_records(partition, chunk);
	return count;
}

/* Slots to begin with for so many groups, a third to two thirds of them in use. */
static uint64
slots_for(uint64 groups)
{
	return pg_nextpower2_64(Max(groups + groups / 2, 16));
}

static void
consume_groups(const GroupTable *table, GroupConsumer consume)
{
	for (uint64 i = 0; i < table->nslots; i++)
	{
		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (table->slots[i].records > 0)
			consume(&table->slots[i], table->arg);
	}
}

/*
 * Finds the groups of all records: "fold" gets every value, then "consume" every
 * group, in no order.
 */
void
record_log_groups(RecordLog *log, RecordFold fold, GroupConsumer consume,
				  void *arg)
{
	const Size	limit = Max(get_hash_memory_limit(), LEAST_MEMORY);
	const uint64 most_slots = pg_prevpower2_64(limit / sizeof(RecordGroup));
	GroupTable	table = {.log = log, .fold = fold, .arg = arg};
	MemoryContext caller = MemoryContextSwitchTo(log->context);

	for (int i = 0; log->files && i < RECORD_PARTITIONS; i++)
		if (log->files->tapes[i])
			LogicalTapeFreeze(log->files->tapes[i], NULL);
	for (int i = 0; i < RECORD_PARTITIONS; i++)
	{
		const uint64 count = records_of(log, i);

		table.passes = 1;
		while (table.passes < MOST_PASSES &&
			   slots_for(count / table.passes) * sizeof(RecordGroup) > limit)
			table.passes *= 2;
		for (table.pass = 0; count > 0 && table.pass < table.passes; table.pass++)
		{
			clear_slots(&table, Min(slots_for(count / table.passes), most_slots));
			fold_partition(&table, log, i);
			MemoryContextSwitchTo(caller);
			consume_groups(&table, consume);
			MemoryContextSwitchTo(log->context);
		}
	}
	if (table.slots)
		pfree(table.slots);
	MemoryContextSwitchTo(caller);
}
