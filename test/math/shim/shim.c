/*
 * shim.c
 *		Memory as palloc() has it: what is left is freed at once.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

/* What stands before every piece: two pointers, so that the piece is aligned to 16. */
typedef struct Piece
{
	struct Piece *before;
	struct Piece *after;
} Piece;

static Piece all = {&all, &all};

uint64		shim_interrupts = 0;

void *
shim_alloc(Size size, bool zero)
{
	Piece	   *piece = malloc(sizeof(Piece) + size);

	if (piece == NULL)
		abort();
	/* palloc() does not promise zeroes: whoever relies on them shall see */
	memset(piece + 1, zero ? 0 : 0x7F, size);
	*piece = (Piece) {.before = &all, .after = all.after};
	all.after->before = piece;
	all.after = piece;
	return piece + 1;
}

void
shim_free(void *pointer)
{
	Piece	   *piece = (Piece *) pointer - 1;

	piece->before->after = piece->after;
	piece->after->before = piece->before;
	free(piece);
}

void
shim_reset(void)
{
	while (all.after != &all)
		shim_free(all.after + 1);
}
