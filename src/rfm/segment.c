/*
 * segment.c
 *		Which customers are alike? Names for cells of RFM scores.
 *
 * A customer's cell is three digits, the scores of recency, frequency and
 * money, each of 1 to bins, bins being best. A grid gives every cell the name
 * of one segment. The two grids here are total: no cell without a name, no cell
 * with two, and no name that no cell has.
 *
 * A shop with a grid of its own keeps it as a table of rules, asks
 * rfm_grid_check() whether that is total too, and joins it:
 *
 *		CREATE TABLE my_rules (segment text,
 *							   r_min int, r_max int, f_min int, f_max int);
 *		SELECT * FROM rfm_grid_check('my_rules');		-- no rows: total
 *		SELECT s.*, g.segment
 *		FROM rfm_segments(...) s
 *			LEFT JOIN my_rules g ON s.r BETWEEN g.r_min AND g.r_max
 *				AND s.f BETWEEN g.f_min AND g.f_max;
 *
 * A NULL bound is no limit to the check but no match to BETWEEN: where bounds
 * may be NULL the join says s.r BETWEEN coalesce(g.r_min, s.r) AND
 * coalesce(g.r_max, s.r).
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "rfm/segment.h"

#include "catalog/pg_type.h"
#include "base/checks.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "base/result_rows.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* ------------------------------------------------------------------------
 * The grids and their segments
 * ------------------------------------------------------------------------
 */
static const struct
{
	const char *name;			/* in SQL */
	const char *english;		/* on a report; in UTF-8, as is this file */
	const char *french;
}			segments[SEGMENT_NAME_COUNT] = {

	[SEGMENT_CHAMPIONS] = {"champions",
	"Champions", "Champions"},
	[SEGMENT_LOYAL] = {"loyal",
	"Loyal customers", "Clients fidèles"},
	[SEGMENT_POTENTIAL_LOYALIST] = {"potential_loyalist",
	"Potential loyalists", "Fidèles potentiels"},
	[SEGMENT_NEW_CUSTOMERS] = {"new_customers",
	"New customers", "Nouveaux clients"},
	[SEGMENT_PROMISING] = {"promising",
	"Promising", "Prometteurs"},
	[SEGMENT_NEED_ATTENTION] = {"need_attention",
	"Need attention", "À surveiller"},
	[SEGMENT_ABOUT_TO_SLEEP] = {"about_to_sleep",
	"About to sleep", "Bientôt endormis"},
	[SEGMENT_AT_RISK] = {"at_risk",
	"At risk", "À risque"},
	[SEGMENT_CANT_LOSE] = {"cant_lose",
	"Can't lose them", "À ne pas perdre"},
	[SEGMENT_HIBERNATING] = {"hibernating",
	"Hibernating", "En hibernation"},
	[SEGMENT_LOST] = {"lost",
	"Lost", "Perdus"},
	[SEGMENT_UNSCORED] = {"unscored",
	"Not scored", "Non noté"},
	[SEGMENT_NONE] = {"none",
	"Not yet a customer", "Pas encore client"}
};

static const char *const grid_names[] = {
	[GRID_STANDARD] = "standard",
	[GRID_RF] = "rf"
};

/*
 * [r - 1][fm - 1], on scores of 1 to 5; a line each, however long, so that
 * they read like the tables of the documentation. After the published ranges of
 * R and (F + M) / 2, whose overlaps are given to one of the segments each.
 */
#define ROW(fm1, fm2, fm3, fm4, fm5) \
	{SEGMENT_##fm1, SEGMENT_##fm2, SEGMENT_##fm3, SEGMENT_##fm4, SEGMENT_##fm5}
/* INDENT OFF */
static const Segment standard_grid[5][5] = {
	/* R \ FM     1               2                   3                   4          5 */
	[5 - 1] = ROW(NEW_CUSTOMERS,  POTENTIAL_LOYALIST, POTENTIAL_LOYALIST, CHAMPIONS, CHAMPIONS),
	[4 - 1] = ROW(PROMISING,      POTENTIAL_LOYALIST, POTENTIAL_LOYALIST, CHAMPIONS, CHAMPIONS),
	[3 - 1] = ROW(ABOUT_TO_SLEEP, ABOUT_TO_SLEEP,     NEED_ATTENTION,     LOYAL,     LOYAL),
	[2 - 1] = ROW(HIBERNATING,    HIBERNATING,        AT_RISK,            AT_RISK,   AT_RISK),
	[1 - 1] = ROW(LOST,           HIBERNATING,        AT_RISK,            CANT_LOSE, CANT_LOSE)
};

/* [r - 1][f - 1]: the grid of many tutorials, which does without M */
static const Segment rf_grid[5][5] = {
	/* R \ F      1               2                   3                   4          5 */
	[5 - 1] = ROW(NEW_CUSTOMERS,  POTENTIAL_LOYALIST, POTENTIAL_LOYALIST, CHAMPIONS, CHAMPIONS),
	[4 - 1] = ROW(PROMISING,      POTENTIAL_LOYALIST, POTENTIAL_LOYALIST, LOYAL,     LOYAL),
	[3 - 1] = ROW(ABOUT_TO_SLEEP, ABOUT_TO_SLEEP,     NEED_ATTENTION,     LOYAL,     LOYAL),
	[2 - 1] = ROW(HIBERNATING,    HIBERNATING,        AT_RISK,            AT_RISK,   CANT_LOSE),
	[1 - 1] = ROW(HIBERNATING,    HIBERNATING,        AT_RISK,            AT_RISK,   CANT_LOSE)
};
/* INDENT ON */

static bool
text_is(const text *value, const char *word)
{
	return VARSIZE_ANY_EXHDR(value) == strlen(word) &&
		memcmp(VARDATA_ANY(value), word, strlen(word)) == 0;
}

RfmGrid
rfm_grid_from_text(const text *name)
{
	for (int i = 0; i < lengthof(grid_names); i++)
		if (text_is(name, grid_names[i]))
			return (RfmGrid) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"grid\" must be '%s' or '%s', not \"%s\"",
					grid_names[GRID_STANDARD], grid_names[GRID_RF],
					excerpt(text_to_cstring(name))),
			 errhint("For a grid of your own, join a table of rules, and check it with rfm_grid_check().")));
}

void
check_rfm_bins(int bins)
{
	check_int_range(bins, RFM_BINS_MIN, RFM_BINS_MAX, "bins");
}

/*
 * A score of 1 to bins on the five of the grids, the ends on the ends:
 * 1 + (score - 1) * 4 / (bins - 1), rounded half up. Of 5 bins it is itself;
 * fewer leave some of the five out, and with them some segments.
 */
static int
score_of_five(int score, int bins)
{
	int			steps = bins - 1;

	return 1 + (2 * (score - 1) * 4 + steps) / (2 * steps);
}

Segment
rfm_grid_segment(RfmGrid grid, int bins, int r, int f, int m)
{
	Assert(r >= 1 && r <= bins && f >= 1 && f <= bins && m >= 1 && m <= bins);
	r = score_of_five(r, bins);
	f = score_of_five(f, bins);
	m = score_of_five(m, bins);
	if (grid == GRID_RF)
		return rf_grid[r - 1][f - 1];
	return standard_grid[r - 1][(f + m + 1) / 2 - 1];
}

const char *
segment_name(Segment segment)
{
	return segments[segment].name;
}

/*
 * rfm_segment(cell text, grid text, bins integer) returns text
 */
enum
{
	SEGMENT_CELL,
	SEGMENT_GRID,
	SEGMENT_BINS
};

PG_FUNCTION_INFO_V1(rfm_segment);
Datum
rfm_segment(PG_FUNCTION_ARGS)
{
	const text *cell = PG_GETARG_TEXT_PP(SEGMENT_CELL);
	RfmGrid		grid = rfm_grid_from_text(PG_GETARG_TEXT_PP(SEGMENT_GRID));
	int			bins = PG_GETARG_INT32(SEGMENT_BINS);
	const char *digit = VARDATA_ANY(cell);
	bool		valid = VARSIZE_ANY_EXHDR(cell) == 3;
	Segment		segment;

	check_rfm_bins(bins);
	for (int i = 0; valid && i < 3; i++)
		valid = digit[i] >= '1' && digit[i] <= '0' + bins;
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"cell\" must be three digits of 1 to %d, not \"%s\"",
						bins, excerpt(text_to_cstring(cell))),
				 errhint("A cell is the scores of recency, frequency and money, such as '543'; argument \"bins\" must be the number they were made with.")));
	segment = rfm_grid_segment(grid, bins, digit[0] - '0', digit[1] - '0',
							   digit[2] - '0');
	PG_RETURN_TEXT_P(cstring_to_text(segment_name(segment)));
}

/*
 * rfm_segment_label(segment text, lang text) returns text
 *
 * Immutable, since a database never changes its encoding. One in SQL_ASCII
 * takes the bytes of UTF-8 as they are; one in an encoding without a letter of
 * the label (LATIN2 has no è) gets the server's error.
 */
PG_FUNCTION_INFO_V1(rfm_segment_label);
Datum
rfm_segment_label(PG_FUNCTION_ARGS)
{
	const text *name = PG_GETARG_TEXT_PP(0);
	const text *lang = PG_GETARG_TEXT_PP(1);
	bool		french = text_is(lang, "fr");

	if (!french && !text_is(lang, "en"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"lang\" must be 'en' or 'fr', not \"%s\"",
						excerpt(text_to_cstring(lang)))));
	for (int i = 0; i < SEGMENT_NAME_COUNT; i++)
		if (text_is(name, segments[i].name))
		{
			const char *label = french ? segments[i].french :
				segments[i].english;

			PG_RETURN_TEXT_P(cstring_to_text(pg_any_to_server(label,
															  strlen(label),
															  PG_UTF8)));
		}
	PG_RETURN_NULL();
}

/* ------------------------------------------------------------------------
 * rfm_grid: all cells at once, best scores first
 * ------------------------------------------------------------------------
 */

/* The next cell below, from 555 to 554 and in the end to 111, or none. */
bool
next_cell(Cell *cell, int bins)
{
	if (--cell->m > 0)
		return true;
	cell->m = bins;
	if (--cell->f > 0)
		return true;
	cell->f = bins;
	return --cell->r > 0;
}

/* r, f, m and cell: CELL_COLUMNS values side by side */
void
cell_values(const Cell *cell, Datum *values)
{
	char		digits[] = {'0' + cell->r, '0' + cell->f, '0' + cell->m};

	values[CELL_R] = Int32GetDatum(cell->r);
	values[CELL_F] = Int32GetDatum(cell->f);
	values[CELL_M] = Int32GetDatum(cell->m);
	values[CELL_DIGITS] = PointerGetDatum(cstring_to_text_with_len(digits,
																   sizeof(digits)));
}

/*
 * rfm_grid(grid text, bins integer)
 * returns table (r, f, m, cell, segment)
 */
PG_FUNCTION_INFO_V1(rfm_grid);
Datum
rfm_grid(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RfmGrid		grid;
	int			bins;
	Cell		cell;

	if (PG_ARGISNULL(0))
		reject_null("grid");
	if (PG_ARGISNULL(1))
		reject_null("bins");
	grid = rfm_grid_from_text(PG_GETARG_TEXT_PP(0));
	bins = PG_GETARG_INT32(1);
	check_rfm_bins(bins);

	result_set_begin(fcinfo);
	cell = (Cell) {bins, bins, bins};
	do
	{
		Datum		values[CELL_COLUMNS + 1];
		bool		nulls[CELL_COLUMNS + 1] = {false};
		Segment		segment = rfm_grid_segment(grid, bins, cell.r, cell.f,
											   cell.m);

		cell_values(&cell, values);
		values[CELL_COLUMNS] = CStringGetTextDatum(segment_name(segment));
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	} while (next_cell(&cell, bins));
	return (Datum) 0;
}
