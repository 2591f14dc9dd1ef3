/*
 * advice.c
 *		retention_check: SQL to paste.
 *
 * Each is a view that mends one fault. Whoever has several takes one and adds
 * what the others say.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "check/examination.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* CREATE VIEW orders_checked AS */
static void
begin_view(StringInfo sql, const Examination *exam)
{
	const char *relation = exam->source->relation_name;
	const int	room = NAMEDATALEN - 1 - strlen("_checked");
	const int	length = pg_mbcliplen(relation, strlen(relation), room);

	initStringInfo(sql);
	appendStringInfo(sql, "CREATE VIEW %s AS ",
					 quote_identifier(psprintf("%.*s_checked", length, relation)));
}

/* The columns that are read, with another expression for the customer. */
char *
customer_view_sql(const Examination *exam, const char *customer)
{
	StringInfoData sql;

	begin_view(&sql, exam);
	appendStringInfo(&sql, "SELECT %s AS %s, %s, %s", customer,
					 exam->customer_name, exam->ordered_at_name,
					 exam->amount_name);
	if (exam->order_id_name)
		appendStringInfo(&sql, ", %s", exam->order_id_name);
	appendStringInfo(&sql, " FROM %s;", exam->source->relation);
	return sql.data;
}

/* A customer's key in one spelling. */
char *
spelled_sql(const Examination *exam)
{
	return psprintf("lower(btrim(regexp_replace(%s, '[\\s%s]+', ' ', 'g')))",
					exam->customer_name,
					GetDatabaseEncoding() == PG_UTF8 ? "\\u00a0" : "");
}

/* One row for each order: its lines added up ("sum"), or one of them ("max"). */
char *
orders_view_sql(const Examination *exam, const char *aggregate)
{
	StringInfoData sql;
	const char *id = exam->order_id_name;

	begin_view(&sql, exam);
	appendStringInfo(&sql,
					 "SELECT %s, %s, min(%s) AS %s, %s(%s) AS %s FROM %s WHERE %s IS NOT NULL GROUP BY %s, %s",
					 exam->customer_name, id,
					 exam->ordered_at_name, exam->ordered_at_name,
					 aggregate, exam->amount_name, exam->amount_name,
					 exam->source->relation, id, exam->customer_name, id);
	if (exam->order_ids.has_null)
		appendStringInfo(&sql, " UNION ALL SELECT %s, %s, %s, %s FROM %s WHERE %s IS NULL",
						 exam->customer_name, id, exam->ordered_at_name,
						 exam->amount_name, exam->source->relation, id);
	appendStringInfoChar(&sql, ';');
	return sql.data;
}

/* The rows of a condition, with all columns. */
char *
where_view_sql(const Examination *exam, const char *condition)
{
	StringInfoData sql;

	begin_view(&sql, exam);
	appendStringInfo(&sql, "SELECT * FROM %s WHERE %s;",
					 exam->source->relation, condition);
	return sql.data;
}

/* Rows that are equal in all columns once. */
char *
distinct_view_sql(const Examination *exam)
{
	StringInfoData sql;

	begin_view(&sql, exam);
	appendStringInfo(&sql, "SELECT DISTINCT * FROM %s;", exam->source->relation);
	return sql.data;
}
