/*
 * state_io.h
 *		States outside the server: their text and binary form.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_IO_H
#define RETENTION_STATE_IO_H

#include "base/compat.h"

#include "lib/stringinfo.h"

extern retention_internal Datum state_from_text(const char *text,
												const char *type);
extern retention_internal Datum state_from_message(StringInfo in,
												   const char *type);

#endif							/* RETENTION_STATE_IO_H */
