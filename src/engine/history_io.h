/*
 * history_io.h
 *		order_history outside the server: its binary form.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_HISTORY_IO_H
#define RETENTION_HISTORY_IO_H

#include "base/compat.h"

#include "engine/history_state.h"
#include "lib/stringinfo.h"

extern retention_internal void history_send(StringInfo out,
											const HistoryView *view);
extern retention_internal Datum history_receive(StringInfo in);

#endif							/* RETENTION_HISTORY_IO_H */
