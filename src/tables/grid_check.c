/*
 * grid_check.c
 *		rfm_grid_check: does a shop's own table of rules name every cell once?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "rfm/segment.h"

#include "access/relation.h"
#include "base/checks.h"
#include "base/result_rows.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "tables/relation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

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
 * A column's attribute if the table has it and the caller may read it; NULL if it has
 * none.
 */
static Form_pg_attribute
find_column(Relation table, const char *name)
{
	TupleDesc	columns = RelationGetDescr(table);

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (column->attisdropped || strcmp(NameStr(column->attname), name) != 0)
			continue;
		check_column_privilege(RelationGetRelid(table), column->attnum);
		return column;
	}
	return NULL;
}

/* The name of the segment. */
static void
check_segment_column(Relation table)
{
	Form_pg_attribute column = find_column(table, "segment");

	if (column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("argument \"rules_table\" must be a table with a column \"segment\", not \"%s\"",
						RelationGetRelationName(table)),
				 errhint("It holds the name of the segment that the rule gives to the cells within its bounds.")));
	if (!is_name_type(getBaseType(column->atttypid)))
		reject_column(table, "segment", "text", getBaseType(column->atttypid));
}

/* Adds a bound to the query's columns; returns whether the table has it. */
static bool
append_bound(StringInfo query, Relation table, const char *bound)
{
	Form_pg_attribute column = find_column(table, bound);
	Oid			type;

	if (column == NULL)
	{
		appendStringInfoString(query, ", NULL::pg_catalog.int8");
		return false;
	}
	type = getBaseType(column->atttypid);
	if (type != INT2OID && type != INT4OID && type != INT8OID)
		reject_column(table, bound, "an integer", type);
	appendStringInfo(query, ", t.%s::pg_catalog.int8", bound);
	return true;
}

/*
 * The query that reads the rules: segment, then the bounds of rule_bounds as
 * bigint, NULL where there is no such column.
 *
 * Names what is wrong with the table if it cannot hold rules. Everything in the query
 * is qualified, as the caller's search_path may have anything in it.
 */
static char *
rules_query(Relation table)
{
	StringInfoData query;
	int			bounds = 0;

	check_segment_column(table);
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT t.segment::pg_catalog.text");
	for (int i = 0; i < RULE_SCORES; i++)
		for (int j = 0; j < 2; j++)
			bounds += append_bound(&query, table, rule_bounds[i][j]);
	if (bounds == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("argument \"rules_table\" must be a table with a column that limits a score, not \"%s\"",
						RelationGetRelationName(table)),
				 errhint("Give it any of the integer columns %s; fm is (f + m + 1) / 2.",
						 RULE_COLUMNS)));
	appendStringInfo(&query, " FROM %s AS t ORDER BY"
					 " t.segment::pg_catalog.text COLLATE pg_catalog.\"C\"",
					 relation_sql(table));
	return query.data;
}

/* The rules of the table, by name; lives until SPI_finish(). */
static Rule *
read_rules(Relation table, uint64 *nrules)
{
	Rule	   *rules;

	if (SPI_execute(rules_query(table), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the rules of \"%s\" cannot be read",
			 RelationGetRelationName(table));
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

enum
{
	PROBLEM_NAME,
	PROBLEM_CELL,
	PROBLEM_SEGMENTS = PROBLEM_CELL + CELL_COLUMNS,
	PROBLEM_COLUMNS
};

/* One row of the answer; no cell where the problem is not one of a cell. */
static void
put_problem(ReturnSetInfo *result, const char *problem, const Cell *cell,
			const char *names)
{
	Datum		values[PROBLEM_COLUMNS] = {0};
	bool		nulls[PROBLEM_COLUMNS] = {false};

	values[PROBLEM_NAME] = CStringGetTextDatum(problem);
	if (cell != NULL)
		cell_values(cell, values + PROBLEM_CELL);
	else
		memset(nulls + PROBLEM_CELL, true, CELL_COLUMNS);
	if (names != NULL)
		values[PROBLEM_SEGMENTS] = CStringGetTextDatum(names);
	else
		nulls[PROBLEM_SEGMENTS] = true;
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
	Relation	table = relation_arg(fcinfo, 0, "rules_table");
	int			bins;
	Rule	   *rules;
	uint64		nrules;
	Cell		cell;
	StringInfoData names;

	if (PG_ARGISNULL(1))
		reject_null("bins");
	bins = PG_GETARG_INT32(1);
	check_rfm_bins(bins);

	result_set_begin(fcinfo);
	SPI_connect();
	rules = read_rules(table, &nrules);
	relation_close(table, NoLock);

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
