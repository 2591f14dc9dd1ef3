/*
 * history_state.h
 *		An order_history while it is being built, and opened to be read.
 *
 * A small one is a log (history.h), changed in place. A larger one is an expanded
 * object: rows as they came, up to HISTORY_BATCH of them, and the packed runs that
 * earlier ones became. Runs become one when it is read or sent on, and before that
 * when they take more memory than the server lets a hash table have and twice what
 * they took when they were last one. So a history takes about three times its own
 * size while it is built.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_HISTORY_STATE_H
#define RETENTION_HISTORY_STATE_H

#include "base/compat.h"

#include "engine/history.h"
#include "fmgr.h"
#include "utils/expandeddatum.h"

/* Rows that are sorted at once: as many as lie in a cache near the core. */
#define HISTORY_BATCH	32768

typedef struct HistoryRun
{
	uint8	   *records;
	uint64		size;
	uint64		customers;
	uint64		rows;
} HistoryRun;

typedef struct ExpandedHistory
{
	ExpandedObjectHeader header;
	KeyKind		kind;
	LooseRows	loose;
	HistoryRun *runs;
	int			nruns;
	int			runs_room;
	uint64		run_bytes;		/* in all runs */
	uint64		compact_at;		/* run_bytes from which they are made one */
} ExpandedHistory;

/* A history opened to be read, of one packed run. */
typedef struct HistoryView
{
	KeyKind		kind;
	HistoryRun	run;
} HistoryView;

extern retention_internal Datum history_add_row(FunctionCallInfo fcinfo,
												KeyKind kind);
extern retention_internal Datum history_merge(Datum a, Datum b,
											  MemoryContext context);
extern retention_internal void history_open(HistoryView *view, Datum value);
extern retention_internal Datum history_pack(Datum value);
extern retention_internal Datum history_of_rows(LooseRows *rows);
extern retention_internal Datum history_value(KeyKind kind,
											  const HistoryRun *run);

#endif							/* RETENTION_HISTORY_STATE_H */
