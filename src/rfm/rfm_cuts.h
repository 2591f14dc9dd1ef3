/*
 * rfm_cuts.h
 *		RFM scores by cut points that were found before: elsewhere, or at another time.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_RFM_CUTS_H
#define RETENTION_RFM_CUTS_H

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "rfm/segment.h"
#include "utils/numeric.h"

/* The cut points between scores: SQL's rfm_cuts. */
typedef struct RfmCuts
{
	int			bins;
	RfmGrid		grid;
	int			nrecency;
	int			nfrequency;
	int			nmonetary;
	TimestampTz recency[RFM_BINS_MAX - 1];	/* descending */
	int64		frequency[RFM_BINS_MAX - 1];	/* ascending */
	Numeric		monetary[RFM_BINS_MAX - 1]; /* ascending */
} RfmCuts;

/* Scores 1 to bins; m is 0, and the segment none, where no amount is known. */
typedef struct RfmScores
{
	int			r;
	int			f;
	int			m;
	Segment		segment;
} RfmScores;

#define RFM_CELL_LENGTH		3

/* Their digits, of a customer of known money */
static inline void
rfm_cell_of_scores(char *cell, const RfmScores *scores)
{
	cell[0] = '0' + scores->r;
	cell[1] = '0' + scores->f;
	cell[2] = '0' + scores->m;
}

extern retention_internal void rfm_cuts_from_datum(RfmCuts *cuts, Datum datum);
extern retention_internal const RfmCuts *rfm_cuts_arg(FunctionCallInfo fcinfo,
													  int argument);
extern retention_internal RfmScores rfm_scores_of(const RfmCuts *cuts,
												  TimestampTz last_order_at,
												  int64 orders,
												  Numeric monetary);

#endif							/* RETENTION_RFM_CUTS_H */
