/*
 * check.c
 *		retention_check: what in an orders table will make the numbers wrong?
 *
 * Most checks are conditions on a row, and are counted in one scan together with
 * the money of every customer. Duplicates need the rows in groups, and what is an
 * extreme amount is known only after the first scan; these have a scan each. That
 * not all times are midnight is mostly known after a row.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "base/compat.h"

#include "catalog/pg_type.h"
#include "base/checks.h"
#include "engine/customer_type.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "tables/orders_source.h"
#include "rfm/purchases.h"
#include "base/result_rows.h"
#include "engine/spill.h"
#include "engine/state_read.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* ------------------------------------------------------------------------
 * The checks
 * ------------------------------------------------------------------------
 */
typedef enum Check
{
	CHECK_NULL_CUSTOMER,
	CHECK_NULL_TIME,
	CHECK_NULL_AMOUNT,
	CHECK_INFINITE_TIME,
	CHECK_FUTURE_ORDER,
	CHECK_DUPLICATE_ORDER_ID,
	CHECK_REFUND_EXCEEDS_PURCHASES,
	CHECK_ALL_MIDNIGHT,
	CHECK_SAME_INSTANT_ROWS,
	CHECK_ZERO_AMOUNT,
	CHECK_EXTREME_AMOUNT,
	CHECK_NOT_FINITE_AMOUNT,
	CHECKS
} Check;

/* Over rows r(c, t, a): customer, time, amount. */
#define FINITE_TIME		"pg_catalog.isfinite(r.t)"
/* NaN and the infinities have no scale; nor has NULL */
#define FINITE_AMOUNT	"pg_catalog.scale(r.a) IS NOT NULL"

typedef struct CheckRule
{
	const char *name;
	const char *severity;		/* if it finds something */
	const char *condition;		/* of a row that it finds; NULL: not of a row */
	const char *advice;
} CheckRule;

static const CheckRule rules[CHECKS] = {
	[CHECK_NULL_CUSTOMER] = {
		"null_customer", "warning", "r.c IS NULL",
		"Rows without a customer are left out everywhere. If they are guest checkouts, put something that stays the same, such as the e-mail address, in the customer column."
	},
	[CHECK_NULL_TIME] = {
		"null_time", "warning", "r.t IS NULL",
		"Rows without a time are left out of everything that looks at time. Fill in when they were ordered."
	},
	[CHECK_NULL_AMOUNT] = {
		"null_amount", "info", "r.a IS NULL",
		"Rows without an amount count as orders of unknown value: in frequency and recency, not in money. If they were never paid, leave them out with a view."
	},
	[CHECK_INFINITE_TIME] = {
		"infinite_time", "error", "NOT " FINITE_TIME,
		"Functions stop with an error at a time of infinity. Put in the time of the order, or NULL if nobody knows it."
	},
	[CHECK_FUTURE_ORDER] = {
		"future_order", "warning",
		FINITE_TIME " AND r.t OPERATOR(pg_catalog.>) $1",
		"Rows later than as_of are left out. Look at the clock of whatever writes them, at the time zone (tz), and for pre-orders."
	},
	[CHECK_DUPLICATE_ORDER_ID] = {
		"duplicate_order_id", "warning", NULL,
		"Several rows have the same order id. If rows are lines of orders, pass order_id_column to the table functions, which then add them up; if not, an import ran twice: delete the copies."
	},
	[CHECK_REFUND_EXCEEDS_PURCHASES] = {
		"refund_exceeds_purchases", "warning", NULL,
		"These customers got back more than they paid. Either their purchases are older than the table, or refunds were booked twice. Their money counts below zero."
	},
	[CHECK_ALL_MIDNIGHT] = {
		"all_midnight", "warning", NULL,
		"Every time is midnight: the import lost the time of day, or tz is not the zone of the data. Days and months are right; all orders of a customer on one day look simultaneous."
	},
	[CHECK_SAME_INSTANT_ROWS] = {
		"same_instant_rows", "warning", NULL,
		"Several rows of one customer have the same time. If they are lines of one order, each is counted as an order: pass order_id_column, or add them up in a view."
	},
	[CHECK_ZERO_AMOUNT] = {
		"zero_amount", "info", "r.a OPERATOR(pg_catalog.=) 0",
		"Rows of zero (samples, exchanges, vouchers) are no orders. If some are orders whose value is not known, set their amount to NULL."
	},
	[CHECK_EXTREME_AMOUNT] = {
		"extreme_amount", "warning", NULL,
		"These amounts are more than 100 times the average of all other orders. Look for a lost decimal point, another currency, cents, and test orders."
	},
	[CHECK_NOT_FINITE_AMOUNT] = {
		"not_finite_amount", "error",
		"r.a IS NOT NULL AND NOT " FINITE_AMOUNT,
		"Functions stop with an error at an amount of NaN or infinity. Put in the amount, or NULL if nobody knows it."
	}
};

/* An amount so many times the average of all others is extreme. */
#define EXTREME_FACTOR		100

typedef struct Finding
{
	bool		checked;
	int64		rows;
	char	   *example;
} Finding;

typedef struct Examination
{
	const OrdersSource *source;
	const char *tz;
	TimestampTz as_of;
	MemoryContext context;		/* for what outlives a query */
	Finding		finding[CHECKS];
	int64		priced_orders;	/* amounts above zero */
	Numeric		revenue;		/* their sum; NULL if there are none */
} Examination;

static void
found(Examination *exam, Check check, int64 rows, const char *example)
{
	Finding    *finding = &exam->finding[check];

	finding->checked = true;
	finding->rows = rows;
	finding->example = rows > 0 && example ?
		MemoryContextStrdup(exam->context, example) : NULL;
}

/* ------------------------------------------------------------------------
 * Queries
 * ------------------------------------------------------------------------
 */

/* The rows that all conditions are about. */
static char *
rows_sql(const Examination *exam)
{
	const OrdersSource *source = exam->source;

	return psprintf("(SELECT %s AS c, %s AS t, %s AS a FROM %s AS o) AS r",
					source->customer, source->ordered_at, source->amount,
					source->relation);
}

/* A row as an example, in words. */
static char *
example_sql(const Examination *exam)
{
	return psprintf("pg_catalog.format('customer %%s, %%s, amount %%s', "
					"COALESCE(r.c::pg_catalog.text, 'NULL'), "
					"COALESCE(CASE WHEN " FINITE_TIME " THEN pg_catalog.to_char(pg_catalog.timezone(%s, r.t), 'YYYY-MM-DD HH24:MI:SS') "
					"ELSE r.t::pg_catalog.text END, 'NULL'), "
					"COALESCE(r.a::pg_catalog.text, 'NULL'))",
					quote_literal_cstr(exam->tz));
}

static char *
text_or_null(TupleTableSlot *row, int column)
{
	return row->tts_isnull[column] ? NULL :
		TextDatumGetCString(row->tts_values[column]);
}

/*
 * Customers whose money is below zero; the example is the one furthest below.
 */
static void
find_negative_customers(Examination *exam, CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	const char *slot;
	const char *worst = NULL;
	Purchases	worst_purchases;
	int64		customers = 0;
	char	   *example = NULL;

	if (table)
		spill_gather(table);	/* the worst so far is kept by its slot */
	while (table && (slot = customer_cursor_next_slot(&cursor)) != NULL)
	{
		const char *base = table->heap.base;
		Purchases	purchases;
		int			order;

		if ((cursor.next & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(&purchases, slot + table->key_size, sizeof(Purchases));
		if (money_sign(&purchases.money, base) >= 0)
			continue;
		customers++;
		order = worst == NULL ? -1 :
			money_compare(&purchases.money, base, &worst_purchases.money, base);
		if (order < 0 ||
			(order == 0 && customer_compare(table, slot, worst) < 0))
		{
			worst = slot;
			worst_purchases = purchases;
		}
	}
	if (worst)
	{
		Oid			type = customer_type_of_kind(table->kind);
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(type, &output, &is_varlena);
		example = psprintf("customer %s, money %s",
						   OidOutputFunctionCall(output, customer_datum(table, worst, type)),
						   numeric_text(money_numeric(&worst_purchases.money,
													  table->heap.base)));
	}
	found(exam, CHECK_REFUND_EXCEEDS_PURCHASES, customers, example);
}

static void
consume_scan(TupleTableSlot *row, void *arg)
{
	Examination *exam = arg;
	CustomerTable view;
	MemoryContext caller;
	int			column = 0;

	exam->priced_orders = DatumGetInt64(row->tts_values[column++]);
	if (!row->tts_isnull[column])
	{
		caller = MemoryContextSwitchTo(exam->context);
		exam->revenue = DatumGetNumericCopy(row->tts_values[column]);
		MemoryContextSwitchTo(caller);
	}
	column++;
	find_negative_customers(exam, row->tts_isnull[column] ? NULL :
							state_open(row->tts_values[column], &view));
	column++;
	for (int i = 0; i < CHECKS; i++)
		if (rules[i].condition)
		{
			found(exam, i, DatumGetInt64(row->tts_values[column]),
				  text_or_null(row, column + 1));
			column += 2;
		}
}

/* The first scan. */
static void
scan_rows(Examination *exam)
{
	static const char *const positive = FINITE_AMOUNT " AND r.a OPERATOR(pg_catalog.>) 0";
	char	   *example = example_sql(exam);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT pg_catalog.count(*) FILTER (WHERE %s), pg_catalog.sum(r.a) FILTER (WHERE %s), "
					 "%s.purchases_state(r.c, r.t, r.a, $1) FILTER (WHERE " FINITE_TIME " AND " FINITE_AMOUNT ")",
					 positive, positive, exam->source->extension);
	for (int i = 0; i < CHECKS; i++)
		if (rules[i].condition)
			appendStringInfo(&sql,
							 ", pg_catalog.count(*) FILTER (WHERE %s), pg_catalog.min(%s) FILTER (WHERE %s)",
							 rules[i].condition, example, rules[i].condition);
	appendStringInfo(&sql, " FROM %s", rows_sql(exam));
	run_query(sql.data, &exam->as_of, 1, consume_scan, exam);
}

/* Where the one row "rows, example" of a query belongs. */
typedef struct FindingQuery
{
	Examination *exam;
	Check		check;
} FindingQuery;

static void
consume_finding(TupleTableSlot *row, void *arg)
{
	FindingQuery *query = arg;

	found(query->exam, query->check, DatumGetInt64(row->tts_values[0]),
		  text_or_null(row, 1));
}

static void
query_finding(Examination *exam, Check check, const char *sql)
{
	FindingQuery query = {exam, check};

	run_query(sql, NULL, 0, consume_finding, &query);
}

/*
 * An amount is extreme if it is more than 100 times the average of all other
 * orders. With s the sum and n the number of the orders' amounts, an order of a
 * is if a > 100 (s - a) / (n - 1), that is, a (n + 99) > 100 s; a refund of a is
 * if a n > 100 s.
 */
static void
find_extreme_amounts(Examination *exam)
{
	const char *revenue;

	if (exam->revenue == NULL)
	{
		found(exam, CHECK_EXTREME_AMOUNT, 0, NULL);
		return;
	}
	revenue = quote_literal_cstr(numeric_text(exam->revenue));
	query_finding(exam, CHECK_EXTREME_AMOUNT,
				  psprintf("SELECT pg_catalog.count(*), pg_catalog.min(%s) FROM %s "
						   "WHERE " FINITE_AMOUNT " AND "
						   "CASE WHEN r.a OPERATOR(pg_catalog.>) 0 THEN r.a OPERATOR(pg_catalog.*) " INT64_FORMAT " "
						   "ELSE r.a OPERATOR(pg_catalog.*) -" INT64_FORMAT " END "
						   "OPERATOR(pg_catalog.>) (%d OPERATOR(pg_catalog.*) %s::pg_catalog.numeric)",
						   example_sql(exam), rows_sql(exam),
						   exam->priced_orders + EXTREME_FACTOR - 1,
						   exam->priced_orders, EXTREME_FACTOR, revenue));
}

/* Times at midnight, if there are no others: the first other one ends the search. */
static void
find_midnights(Examination *exam)
{
	char	   *rows = rows_sql(exam);

	query_finding(exam, CHECK_ALL_MIDNIGHT,
				  psprintf("SELECT pg_catalog.count(*), pg_catalog.min(%s) FROM %s "
						   "WHERE " FINITE_TIME " AND NOT EXISTS (SELECT 1 FROM %s WHERE " FINITE_TIME " AND "
						   "r.t OPERATOR(pg_catalog.<>) pg_catalog.date_trunc('day', r.t, %s) LIMIT 1)",
						   example_sql(exam), rows, rows,
						   quote_literal_cstr(exam->tz)));
}

/* Rows that share something with another row. */
static void
find_duplicates(Examination *exam, Check check, const char *grouped,
				const char *group_by, const char *example)
{
	query_finding(exam, check,
				  psprintf("SELECT COALESCE(pg_catalog.sum(g.n), 0)::pg_catalog.int8, pg_catalog.min(g.example) "
						   "FROM (SELECT pg_catalog.count(*) AS n, %s AS example FROM %s "
						   "GROUP BY %s HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1) AS g",
						   example, grouped, group_by));
}

static void
find_same_instant_rows(Examination *exam)
{
	char	   *rows = psprintf("%s WHERE r.c IS NOT NULL AND " FINITE_TIME,
								rows_sql(exam));
	char	   *example = psprintf("pg_catalog.format('customer %%s, %%s, %%s rows', r.c, "
								   "pg_catalog.to_char(pg_catalog.timezone(%s, r.t), 'YYYY-MM-DD HH24:MI:SS'), "
								   "pg_catalog.count(*))",
								   quote_literal_cstr(exam->tz));

	find_duplicates(exam, CHECK_SAME_INSTANT_ROWS, rows, "r.c, r.t", example);
}

static void
find_duplicate_order_ids(Examination *exam)
{
	const OrdersSource *source = exam->source;

	if (source->order_id == NULL)
		return;
	find_duplicates(exam, CHECK_DUPLICATE_ORDER_ID,
					psprintf("%s AS o WHERE %s IS NOT NULL", source->relation,
							 source->order_id),
					source->order_id,
					psprintf("pg_catalog.format('order %%s, %%s rows', %s, pg_catalog.count(*))",
							 source->order_id));
}

/* ------------------------------------------------------------------------
 * The result
 * ------------------------------------------------------------------------
 */

static void
put_finding(ReturnSetInfo *result, const Examination *exam, Check check)
{
	const CheckRule *rule = &rules[check];
	const Finding *finding = &exam->finding[check];
	const char *severity = rule->severity;
	const char *advice = rule->advice;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (!finding->checked)
	{
		severity = "not_checked";
		advice = "Pass order_id_column to look for order ids that several rows have.";
	}
	else if (finding->rows == 0)
	{
		severity = "ok";
		advice = "Nothing to do.";
	}
	else if (check == CHECK_SAME_INSTANT_ROWS && exam->source->order_id)
	{
		severity = "info";
		advice = "Several rows of one customer have the same time. With order_id_column, lines of one order are added up, and different orders of one minute stay different.";
	}
	else if (check == CHECK_ALL_MIDNIGHT &&
			 exam->source->ordered_at_type == DATEOID)
	{
		severity = "info";
		advice = "The column is a date, so orders have no time of day: all orders of a customer on one day look simultaneous.";
	}
	values[0] = CStringGetTextDatum(rule->name);
	values[1] = Int64GetDatum(finding->rows);
	nulls[1] = !finding->checked;
	values[2] = CStringGetTextDatum(severity);
	nulls[3] = finding->example == NULL;
	values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(finding->example);
	values[4] = CStringGetTextDatum(advice);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * retention_check(orders_table regclass, customer_column name,
 * ordered_at_column name, amount_column name, order_id_column name,
 * as_of timestamptz, tz text)
 *
 * A row per check, always.
 */
PG_FUNCTION_INFO_V1(retention_check);
Datum
retention_check(PG_FUNCTION_ARGS)
{
	static const OrdersArguments arguments = {
		.customer_type = -1, .relation = 0, .order_id = 4, .tz = 6
	};
	OrdersSource source;
	Examination exam = {.source = &source, .context = CurrentMemoryContext};

	result_set_begin(fcinfo);
	if (PG_ARGISNULL(5))
		reject_null("as_of");
	exam.as_of = PG_GETARG_TIMESTAMPTZ(5);
	check_finite_time(exam.as_of, "as_of");
	orders_source_init(&source, fcinfo, &arguments);
	exam.tz = text_to_cstring(PG_GETARG_TEXT_PP(6));

	scan_rows(&exam);
	find_extreme_amounts(&exam);
	find_midnights(&exam);
	find_same_instant_rows(&exam);
	find_duplicate_order_ids(&exam);
	for (int i = 0; i < CHECKS; i++)
		put_finding((ReturnSetInfo *) fcinfo->resultinfo, &exam, i);
	return (Datum) 0;
}
