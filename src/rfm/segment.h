/*
 * segment.h
 *		From RFM scores to the name of a segment.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SEGMENT_H
#define RETENTION_SEGMENT_H

#include "base/compat.h"

/* scores are single digits of a cell such as '543' */
#define RFM_BINS_MIN	2
#define RFM_BINS_MAX	9

typedef enum RfmGrid
{
	GRID_STANDARD,				/* R and (F + M + 1) / 2; all 11 segments */
	GRID_RF						/* R and F; has no SEGMENT_LOST */
} RfmGrid;

/* in the order of display, best to worst */
typedef enum Segment
{
	SEGMENT_CHAMPIONS,
	SEGMENT_LOYAL,
	SEGMENT_POTENTIAL_LOYALIST,
	SEGMENT_NEW_CUSTOMERS,
	SEGMENT_PROMISING,
	SEGMENT_NEED_ATTENTION,
	SEGMENT_ABOUT_TO_SLEEP,
	SEGMENT_AT_RISK,
	SEGMENT_CANT_LOSE,
	SEGMENT_HIBERNATING,
	SEGMENT_LOST,
	/* no cell of a grid has these: customers that have no cell */
	SEGMENT_UNSCORED,			/* a customer without one of the scores */
	SEGMENT_NONE				/* not yet a customer */
} Segment;

#define SEGMENT_COUNT		(SEGMENT_LOST + 1)	/* of the grids */
#define SEGMENT_NAME_COUNT	(SEGMENT_NONE + 1)	/* with unscored and none */

/* Argument "grid"; any other name is an error. */
extern retention_internal RfmGrid rfm_grid_from_text(const text *name);

/* Argument "bins", the number of scores; outside 2 to 9 is an error. */
extern retention_internal void check_rfm_bins(int bins);

/* The segment of scores that the caller knows to be in 1 to bins. */
extern retention_internal Segment rfm_grid_segment(RfmGrid grid, int bins,
												   int r, int f, int m);

/* A cell's scores, and the columns that show them. */
typedef struct Cell
{
	int			r;
	int			f;
	int			m;
} Cell;

enum
{
	CELL_R,
	CELL_F,
	CELL_M,
	CELL_DIGITS,
	CELL_COLUMNS
};

extern retention_internal bool next_cell(Cell *cell, int bins);
extern retention_internal void cell_values(const Cell *cell, Datum *values);

/* The name in SQL, a constant: champions, ..., lost, unscored, none. */
extern retention_internal const char *segment_name(Segment segment);

#endif							/* RETENTION_SEGMENT_H */
