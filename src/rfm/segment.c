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

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "base/checks.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tables/orders_source.h"
#include "base/result_rows.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

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
					text_to_cstring(name)),
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
PG_FUNCTION_INFO_V1(rfm_segment);
Datum
rfm_segment(PG_FUNCTION_ARGS)
{
	const text *cell = PG_GETARG_TEXT_PP(0);
	RfmGrid		grid = rfm_grid_from_text(PG_GETARG_TEXT_PP(1));
	int			bins = PG_GETARG_INT32(2);
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
						bins, text_to_cstring(cell)),
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
						text_to_cstring(lang))));
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
 * rfm_grid and rfm_grid_check: all cells at once, best scores first
 * ------------------------------------------------------------------------
 */
typedef struct Cell
{
	int			r;
	int			f;
	int			m;
} Cell;

/* The next cell below, from 555 to 554 and in the end to 111, or none. */
static bool
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

/* r, f, m and cell, as both functions return them side by side */
static void
cell_values(const Cell *cell, Datum *values)
{
	char		digits[] = {'0' + cell->r, '0' + cell->f, '0' + cell->m};

	values[0] = Int32GetDatum(cell->r);
	values[1] = Int32GetDatum(cell->f);
	values[2] = Int32GetDatum(cell->m);
	values[3] = PointerGetDatum(cstring_to_text_with_len(digits,
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
		Datum		values[5];
		bool		nulls[5] = {false};
		Segment		segment = rfm_grid_segment(grid, bins, cell.r, cell.f,
											   cell.m);

		cell_values(&cell, values);
		values[4] = CStringGetTextDatum(segment_name(segment));
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	} while (next_cell(&cell, bins));
	return (Datum) 0;
}

/*
 * The columns of a table of rules that limit a score: r_min, r_max, f_min, ...
 */
enum
{
	RULE_R,
	RULE_F,
	RULE_M,
	RULE_FM,					/* (f + m + 1) / 2, whatever the bins */
	RULE_SCORES
};

#define RULE_COLUMNS \
	"r_min, r_max, f_min, f_max, m_min, m_max, fm_min, fm_max"

static const char *const rule_bounds[RULE_SCORES][2] = {
	[RULE_R] = {"r_min", "r_max"},
	[RULE_F] = {"f_min", "f_max"},
	[RULE_M] = {"m_min", "m_max"},
	[RULE_FM] = {"fm_min", "fm_max"}
};

typedef struct Rule
{
	const char *segment;		/* NULL: the rule gives no name */
	int64		lowest[RULE_SCORES];
	int64		highest[RULE_SCORES];
	bool		used;			/* a cell is covered by it */
} Rule;

/* The type below any domains of a column, or InvalidOid without the column. */
static Oid
column_type(TupleDesc columns, const char *name)
{
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (!column->attisdropped &&
			strcmp(NameStr(column->attname), name) == 0)
			return getBaseType(column->atttypid);
	}
	return InvalidOid;
}

/* A name may have any type of strings, or be of an enum. */
static bool
is_name_type(Oid type)
{
	char		category;
	bool		preferred;

	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM;
}

static retention_noreturn void
reject_column(Relation table, const char *column, const char *wanted, Oid type)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("argument \"rules_table\" must be a table whose column \"%s\" is %s, not %s",
					column, wanted, format_type_be(type)),
			 errdetail("The table is \"%s\".", RelationGetRelationName(table))));
}

/*
 * The query that reads the rules: segment, then the bounds of rule_bounds as
 * bigint, NULL where there is no such column.
 *
 * Names what is wrong with the table if it cannot hold rules. The lock on it
 * is kept, so that it stays what was looked at. Everything in the query is
 * qualified, as the caller's search_path may have anything in it.
 */
static char *
rules_query(Oid table_oid)
{
	Relation	table = try_relation_open(table_oid, AccessShareLock);
	StringInfoData query;
	TupleDesc	columns;
	char	   *schema;
	Oid			type;
	int			bounds = 0;

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("argument \"rules_table\" must be a table or view, not the unknown OID %u",
						table_oid)));
	if (!relation_holds_rows(table->rd_rel->relkind))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("argument \"rules_table\" must be a table or view, not \"%s\"",
						RelationGetRelationName(table))));

	columns = RelationGetDescr(table);
	type = column_type(columns, "segment");
	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("argument \"rules_table\" must be a table with a column \"segment\", not \"%s\"",
						RelationGetRelationName(table)),
				 errhint("It holds the name of the segment that the rule gives to the cells within its bounds.")));
	if (!is_name_type(type))
		reject_column(table, "segment", "text", type);

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT t.segment::pg_catalog.text");
	for (int i = 0; i < RULE_SCORES; i++)
		for (int j = 0; j < 2; j++)
		{
			const char *bound = rule_bounds[i][j];

			type = column_type(columns, bound);
			if (!OidIsValid(type))
			{
				appendStringInfoString(&query, ", NULL::pg_catalog.int8");
				continue;
			}
			if (type != INT2OID && type != INT4OID && type != INT8OID)
				reject_column(table, bound, "an integer", type);
			appendStringInfo(&query, ", t.%s::pg_catalog.int8", bound);
			bounds++;
		}
	if (bounds == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("argument \"rules_table\" must be a table with a column that limits a score, not \"%s\"",
						RelationGetRelationName(table)),
				 errhint("Give it any of the integer columns %s; fm is (f + m + 1) / 2.",
						 RULE_COLUMNS)));
	schema = get_namespace_name(RelationGetNamespace(table));
	appendStringInfo(&query, " FROM %s AS t ORDER BY"
					 " t.segment::pg_catalog.text COLLATE pg_catalog.\"C\"",
					 quote_qualified_identifier(schema,
												RelationGetRelationName(table)));
	relation_close(table, NoLock);
	return query.data;
}

/* The rules of the table, by name; lives until SPI_finish(). */
static Rule *
read_rules(Oid table, uint64 *nrules)
{
	Rule	   *rules;

	if (SPI_execute(rules_query(table), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the rules of %u cannot be read", table);
	*nrules = SPI_processed;
	rules = palloc_extended(*nrules * sizeof(Rule), MCXT_ALLOC_HUGE);
	for (uint64 n = 0; n < *nrules; n++)
	{
		HeapTuple	row = SPI_tuptable->vals[n];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		int			column = 1;

		rules[n].segment = SPI_getvalue(row, columns, column++);
		rules[n].used = false;
		for (int i = 0; i < RULE_SCORES; i++)
		{
			bool		no_lowest;
			bool		no_highest;
			Datum		lowest = SPI_getbinval(row, columns, column++,
											   &no_lowest);
			Datum		highest = SPI_getbinval(row, columns, column++,
												&no_highest);

			rules[n].lowest[i] = no_lowest ? PG_INT64_MIN :
				DatumGetInt64(lowest);
			rules[n].highest[i] = no_highest ? PG_INT64_MAX :
				DatumGetInt64(highest);
		}
	}
	return rules;
}

static bool
rule_covers(const Rule *rule, const Cell *cell)
{
	const int	score[RULE_SCORES] = {
		[RULE_R] = cell->r,
		[RULE_F] = cell->f,
		[RULE_M] = cell->m,
		[RULE_FM] = (cell->f + cell->m + 1) / 2
	};

	for (int i = 0; i < RULE_SCORES; i++)
		if (score[i] < rule->lowest[i] || score[i] > rule->highest[i])
			return false;
	return true;
}

/* One row of the answer; no cell where the problem is not one of a cell. */
static void
put_problem(ReturnSetInfo *result, const char *problem, const Cell *cell,
			const char *names)
{
	Datum		values[6] = {0};
	bool		nulls[6] = {false};

	values[0] = CStringGetTextDatum(problem);
	if (cell != NULL)
		cell_values(cell, values + 1);
	else
		memset(nulls + 1, true, 4);
	if (names != NULL)
		values[5] = CStringGetTextDatum(names);
	else
		nulls[5] = true;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * rfm_grid_check(rules_table regclass, bins integer)
 * returns table (problem, r, f, m, cell, segments)
 *
 * hole: a cell that no rule covers. overlap: a cell that several rules cover,
 * be it for the same segment, as a join would count its customers several
 * times. unnamed: a cell whose only rule has no segment. unused: a rule that
 * covers no cell. The cells first, best scores first, then the rules by name.
 */
PG_FUNCTION_INFO_V1(rfm_grid_check);
Datum
rfm_grid_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			bins;
	Rule	   *rules;
	uint64		nrules;
	Cell		cell;
	StringInfoData names;

	if (PG_ARGISNULL(0))
		reject_null("rules_table");
	if (PG_ARGISNULL(1))
		reject_null("bins");
	bins = PG_GETARG_INT32(1);
	check_rfm_bins(bins);

	result_set_begin(fcinfo);
	SPI_connect();
	rules = read_rules(PG_GETARG_OID(0), &nrules);

	initStringInfo(&names);
	cell = (Cell) {bins, bins, bins};
	do
	{
		uint64		covering = 0;
		bool		named = true;

		resetStringInfo(&names);
		for (uint64 n = 0; n < nrules; n++)
		{
			if ((n & 0xffff) == 0)
				CHECK_FOR_INTERRUPTS();
			if (!rule_covers(&rules[n], &cell))
				continue;
			rules[n].used = true;
			named = rules[n].segment != NULL;
			appendStringInfo(&names, "%s%s", covering++ > 0 ? ", " : "",
							 named ? rules[n].segment : "(null)");
		}
		if (covering == 0)
			put_problem(result, "hole", &cell, NULL);
		else if (covering > 1)
			put_problem(result, "overlap", &cell, names.data);
		else if (!named)
			put_problem(result, "unnamed", &cell, NULL);
	} while (next_cell(&cell, bins));
	for (uint64 n = 0; n < nrules; n++)
		if (!rules[n].used)
			put_problem(result, "unused", NULL, rules[n].segment);

	SPI_finish();
	return (Datum) 0;
}
