/*
 * record_groups.h
 *		What a great many small records have in common: groups of equal keys,
 *		without sorting them.
 *
 * A record is three words. The first two are its key, in the form of hashed bits or
 * of anything else; the third is whatever the caller wants to know of it. Records
 * are appended, each to the partition its key belongs to, and only when all are
 * there are the groups found, a partition at a time: so the table of groups fits the
 * caches near the core, and nothing is looked up while the rows are read.
 *
 * A log is written from end to end and read once, which temporary files do as fast as
 * memory that nobody has touched yet (measured: faster, and there is less to fetch
 * into the caches). So it takes 8 MB at most, or less if work_mem says so, and
 * 24 bytes of a file for each record beyond. The table of groups may take what
 * the server lets its own hash tables have; a partition too large for it is read
 * several times, each time for a part of its keys.
 *
 * Which partition and which slot a key belongs to depends on a number drawn by lot
 * for each log, so nobody can choose keys that collide.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RECORD_GROUPS_H
#define RETENTION_RECORD_GROUPS_H

#include "base/compat.h"

#include "engine/customer_key.h"

typedef struct Record
{
	uint64		key[2];
	uint64		value;
} Record;

/*
 * Records of one key. "value" and "state" begin as zeros and belong to the caller;
 * "records" is how many there have been.
 */
typedef struct RecordGroup
{
	uint64		key[2];
	uint64		records;		/* 0: a slot without a group */
	uint64		value;
	uint64		state;
} RecordGroup;

#define PARTITION_BITS		9
#define RECORD_PARTITIONS	(1 << PARTITION_BITS)
#define CHUNK_RECORDS		170 /* 4 kB with what links them */

typedef struct RecordChunk RecordChunk;

struct RecordChunk
{
	RecordChunk *next;
	Record		records[CHUNK_RECORDS];
};

typedef struct RecordFiles RecordFiles;

/* Where the next record goes; all but the first of its chunks are full. */
typedef struct RecordPartition
{
	Record	   *end;			/* of the records of the chunk being filled */
	Record	   *room;			/* where the chunk ends; both NULL: no chunk */
	RecordChunk *chunk;			/* others behind it */
	uint64		written;		/* records in the file */
} RecordPartition;

typedef struct RecordLog
{
	MemoryContext context;
	uint64		lot;
	RecordPartition partitions[RECORD_PARTITIONS];
	RecordChunk *unused;
	Size		used_memory;	/* of chunks with records */
	RecordFiles *files;			/* NULL: all is in memory */
} RecordLog;

/* Adds the value of one more record, whose group already counts it. */
typedef void (*RecordFold) (RecordGroup *group, uint64 value, void *arg);
typedef void (*GroupConsumer) (const RecordGroup *group, void *arg);

/* Of one of a partition's chunks. */
static inline uint64
chunk_records(const RecordPartition *partition, const RecordChunk *chunk)
{
	return chunk == partition->chunk ? partition->end - chunk->records :
		CHUNK_RECORDS;
}

extern retention_internal RecordLog *record_log_create(void);
extern retention_internal void record_log_next_chunk(RecordLog *log,
													 RecordPartition *partition);
extern retention_internal void record_log_groups(RecordLog *log,
												 RecordFold fold,
												 GroupConsumer consume,
												 void *arg);
extern retention_internal void record_log_free(RecordLog *log);

static inline uint64
record_hash(const RecordLog *log, const uint64 *key)
{
	return mix64((key[0] ^ log->lot) + key[1] * UINT64CONST(0x9E3779B97F4A7C15));
}

static inline void
record_log_add(RecordLog *log, uint64 key0, uint64 key1, uint64 value)
{
	const Record record = {{key0, key1}, value};
	RecordPartition *partition = &log->partitions[record_hash(log, record.key) >>
												  (64 - PARTITION_BITS)];

	if (unlikely(partition->end == partition->room))
		record_log_next_chunk(log, partition);
	*partition->end++ = record;
}

#endif							/* RETENTION_RECORD_GROUPS_H */
