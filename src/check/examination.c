/*
 * examination.c
 *		retention_check: what all of its rooms say in the same words.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "check/examination.h"

char *
rows_text(int64 rows)
{
	return psprintf(INT64_FORMAT " %s", rows, rows == 1 ? "row" : "rows");
}

/*
 * The example is the group with the most rows; of these the first by its key, which
 * for instants is the earliest.
 */
void
note_best(BestGroup *best, uint64 rows, uint64 key0, uint64 key1, uint64 value)
{
	if (rows < best->rows)
		return;
	if (rows == best->rows &&
		(value > best->value ||
		 (value == best->value && key0 >= best->key[0])))
		return;
	*best = (BestGroup) {.rows = rows, .key = {key0, key1}, .value = value};
}
