/*
 * alloc.c
 *		For test/fuzz: the extension's memory by malloc. See alloc.h.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#define FUZZ_OWN_NAMES
#include "alloc.h"

#include <sanitizer/allocator_interface.h>
#include <sanitizer/asan_interface.h>

#include "utils/memutils.h"

/*
 * Before each piece, and poisoned: all pieces are in a ring. Of 24 bytes, so that a
 * piece is aligned as palloc promises and no better.
 */
typedef struct Piece
{
	struct Piece *previous;
	struct Piece *next;
	Size		size;
} Piece;

StaticAssertDecl(sizeof(Piece) % 16 == MAXIMUM_ALIGNOF, "as badly aligned as palloc's");

static Piece pieces = {&pieces, &pieces, 0};

static void
open_piece(Piece *piece)
{
	ASAN_UNPOISON_MEMORY_REGION(piece, sizeof(Piece));
}

static void
close_piece(Piece *piece)
{
	if (piece != &pieces)
		ASAN_POISON_MEMORY_REGION(piece, sizeof(Piece));
}

static void
link_pieces(Piece *a, Piece *b)
{
	open_piece(a);
	open_piece(b);
	a->next = b;
	b->previous = a;
	close_piece(a);
	close_piece(b);
}

/* NULL if the pointer is the server's. */
static Piece *
piece_of(void *pointer)
{
	Piece	   *piece = (Piece *) pointer - 1;

	return __sanitizer_get_ownership(piece) ? piece : NULL;
}

void *
fuzz_alloc(MemoryContext context, Size size, int flags)
{
	Piece	   *piece;

	if (context == TopMemoryContext)
		return MemoryContextAllocExtended(context, size, flags);
	if (size > ((flags & MCXT_ALLOC_HUGE) ? MaxAllocHugeSize : MaxAllocSize))
		elog(ERROR, "invalid memory alloc request size %zu", size);
	/* zero by chance would hide what is read before it is written */
	piece = malloc(sizeof(Piece) + size);
	if (piece == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	memset(piece + 1, (flags & MCXT_ALLOC_ZERO) ? 0 : 0xBE, size);
	piece->size = size;
	link_pieces(piece, pieces.next);
	link_pieces(&pieces, piece);
	return piece + 1;
}

static void
free_piece(Piece *piece)
{
	open_piece(piece);
	link_pieces(piece->previous, piece->next);
	open_piece(piece);
	free(piece);
}

void
fuzz_free(void *pointer)
{
	Piece	   *piece = piece_of(pointer);

	if (piece)
		free_piece(piece);
	else
		pfree(pointer);
}

void *
fuzz_realloc(void *pointer, Size size, bool huge)
{
	Piece	   *piece = piece_of(pointer);
	void	   *moved;
	Size		old_size;

	if (piece == NULL)
		return huge ? repalloc_huge(pointer, size) : repalloc(pointer, size);
	open_piece(piece);
	old_size = piece->size;
	close_piece(piece);
	/* it always moves, so that a pointer into the old place is found out */
	moved = fuzz_alloc(NULL, size, huge ? MCXT_ALLOC_HUGE : 0);
	memcpy(moved, pointer, Min(size, old_size));
	free_piece(piece);
	return moved;
}

void
fuzz_free_all(void)
{
	while (pieces.next != &pieces)
		free_piece(pieces.next);
}
