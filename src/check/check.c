/*
 * check.c
 *		retention_check: what in an orders table will make the numbers wrong?
 *
 * The function, its rows, and what they say. How it looks is in examination.h.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "check/examination.h"

#include "base/checks.h"
#include "base/result_rows.h"
#include "catalog/pg_type.h"
#include "engine/customer_type.h"
#include "funcapi.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

typedef struct CheckRule
{
	const char *name;
	Severity	severity;		/* if it finds something */
	const char *advice;			/* NULL: it is made of what was found */
} CheckRule;

static const CheckRule rules[CHECKS] = {
	[CHECK_NULL_CUSTOMER] = {
		"null_customer", SEVERITY_WARNING,
		"Rows without a customer are left out everywhere. If they are guest checkouts, put something that stays the same, such as the e-mail address, in the customer column."
	},
	[CHECK_PLACEHOLDER_CUSTOMER] = {
		"placeholder_customer", SEVERITY_WARNING,
		NULL
	},
	[CHECK_DOMINANT_CUSTOMER] = {
		"dominant_customer", SEVERITY_WARNING,
		NULL
	},
	[CHECK_ONE_ORDER_EACH] = {
		"one_order_each", SEVERITY_WARNING,
		"Nobody ever comes back: is this column made anew for each order? Name the column that says who the person is, such as an e-mail address."
	},
	[CHECK_CUSTOMER_SPELLING] = {
		"customer_spelling", SEVERITY_WARNING,
		NULL
	},
	[CHECK_EXPONENT_CUSTOMER] = {
		"exponent_customer", SEVERITY_WARNING,
		"A spreadsheet has rounded these keys, so different customers became one. That cannot be undone: import the column again, as text."
	},
	[CHECK_NULL_TIME] = {
		"null_time", SEVERITY_WARNING,
		"Rows without a time are left out of everything that looks at time. Fill in when they were ordered."
	},
	[CHECK_INFINITE_TIME] = {
		"infinite_time", SEVERITY_ERROR,
		"Functions stop with an error at a time of infinity. Put in the time of the order, or NULL if nobody knows it."
	},
	[CHECK_OUTLIER_TIME] = {
		"outlier_time", SEVERITY_WARNING,
		NULL
	},
	[CHECK_FUTURE_ORDER] = {
		"future_order", SEVERITY_WARNING,
		"Rows at or after as_of are left out: it is the first instant that is not seen. If it is meant to be now, look at the clock of whatever writes them, at the time zone (tz), and for pre-orders."
	},
	[CHECK_STALE_DATA] = {
		"stale_data", SEVERITY_WARNING,
		NULL
	},
	[CHECK_ALL_MIDNIGHT] = {
		"all_midnight", SEVERITY_WARNING,
		NULL
	},
	[CHECK_NULL_AMOUNT] = {
		"null_amount", SEVERITY_INFO,
		"Rows without an amount count as orders of unknown value: in frequency and recency, not in money. If they were never paid, leave them out with a view."
	},
	[CHECK_NOT_FINITE_AMOUNT] = {
		"not_finite_amount", SEVERITY_ERROR,
		"Functions stop with an error at an amount of NaN or infinity. Put in the amount, or NULL if nobody knows it."
	},
	[CHECK_ZERO_AMOUNT] = {
		"zero_amount", SEVERITY_INFO,
		"Rows of zero (samples, exchanges, vouchers) are no orders. If some are orders whose value is not known, set their amount to NULL. Functions that take no amount count every row: FILTER (WHERE amount > 0)."
	},
	[CHECK_EXTREME_AMOUNT] = {
		"extreme_amount", SEVERITY_WARNING,
		"These amounts are more than 100 times the average of all other orders. Look for a lost decimal point, another currency, cents, and test orders."
	},
	[CHECK_MIXED_CURRENCY] = {
		"mixed_currency", SEVERITY_WARNING,
		NULL
	},
	[CHECK_REFUND_EXCEEDS_PURCHASES] = {
		"refund_exceeds_purchases", SEVERITY_WARNING,
		"These customers got back more than they paid. Either their purchases are older than the table, or refunds were booked twice. Their money counts below zero."
	},
	[CHECK_DUPLICATE_ORDER_ID] = {
		"duplicate_order_id", SEVERITY_WARNING,
		NULL
	},
	[CHECK_LINE_ROWS] = {
		"line_rows", SEVERITY_WARNING,
		NULL
	},
	[CHECK_REPEATED_TOTAL] = {
		"repeated_total", SEVERITY_WARNING,
		NULL
	},
	[CHECK_SAME_INSTANT_ROWS] = {
		"same_instant_rows", SEVERITY_WARNING,
		"Several rows of one customer have the same time. If they are lines of one order, each is counted as an order: pass order_id_column, or add them up in a view."
	},
	[CHECK_DUPLICATE_ROW] = {
		"duplicate_row", SEVERITY_WARNING,
		NULL
	}
};

static const char *const severity_names[] = {
	[SEVERITY_ERROR] = "error",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_INFO] = "info",
	[SEVERITY_OK] = "ok",
	[SEVERITY_NOT_CHECKED] = "not_checked"
};

/* The arguments of retention_check. */
enum
{
	ARGUMENT_RELATION,
	ARGUMENT_CUSTOMER,
	ARGUMENT_ORDERED_AT,
	ARGUMENT_AMOUNT,
	ARGUMENT_ORDER_ID,
	ARGUMENT_AS_OF,
	ARGUMENT_TZ,
	ARGUMENT_CURRENCY			/* from 0.3 on */
};

/* ------------------------------------------------------------------------
 * Values in words
 * ------------------------------------------------------------------------
 */

static char *
example_text(const Examination *exam, const ExampleRow *row)
{
	return psprintf("customer %s, %s, amount %s",
					row->customer.isnull ? "NULL" :
					excerpt(value_text(customer_type_of_kind(exam->source->kind),
									   row->customer.value)),
					row->ordered_at.isnull ? "NULL" :
					local_time_text(exam, DatumGetTimestampTz(row->ordered_at.value)),
					row->amount.isnull ? "NULL" :
					excerpt(value_text(NUMERICOID, row->amount.value)));
}

/* ------------------------------------------------------------------------
 * Findings of the whole table
 * ------------------------------------------------------------------------
 */

/* Dates are right for windows and calendars, and tell nothing of the hour. */
static void
tell_midnights(Examination *exam)
{
	Finding    *finding = &exam->finding[CHECK_ALL_MIDNIGHT];
	static const char *const means =
		"Windows are half-open, so dates are right for them and for calendars: as_of => '2024-05-01' leaves that day out and sees all of the days before. Orders of a customer on one day are simultaneous, and days between orders are whole.";

	if (exam->source->ordered_at_type == DATEOID)
	{
		finding->severity = SEVERITY_INFO;
		finding->advice = psprintf("The column is a date. %s", means);
	}
	else
		finding->advice = psprintf("Every time is midnight in tz: they are dates, the import lost the time of day, or tz is not the zone of the data (then days are off by one). %s",
								   means);
}

/* So many are shown in an example. */
#define SHOWN_CURRENCIES	5

static int
compare_currencies(const void *a, const void *b)
{
	const Currency *x = a;
	const Currency *y = b;

	if (x->rows != y->rows)
		return x->rows > y->rows ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* That a row is of a currency, however it is written. */
static char *
currency_condition(const Examination *exam, const Currency *currency)
{
	if (currency->name[0] == '\0')
		return psprintf("%s IS NULL", exam->currency_name);
	return psprintf("upper(btrim(%s)) = %s", exam->currency_name,
					quote_literal_cstr(currency->name));
}

static void
find_currencies(Examination *exam)
{
	Finding    *finding = &exam->finding[CHECK_MIXED_CURRENCY];
	const Currency *most = NULL;
	StringInfoData list;

	if (exam->currency == NULL)
		return;
	finding->checked = true;
	if (exam->ncurrencies < 2)
		return;
	qsort(exam->currencies, exam->ncurrencies, sizeof(Currency),
		  compare_currencies);
	most = &exam->currencies[0];
	finding->rows = exam->rows - most->rows;
	initStringInfo(&list);
	for (int i = 0; i < Min(exam->ncurrencies, SHOWN_CURRENCIES); i++)
		appendStringInfo(&list, "%s%s " INT64_FORMAT, i > 0 ? ", " : "",
						 exam->currencies[i].name[0] == '\0' ? "none" :
						 exam->currencies[i].name, exam->currencies[i].rows);
	if (exam->ncurrencies > SHOWN_CURRENCIES)
		appendStringInfoString(&list, ", ...");
	finding->example = list.data;
	if (exam->other_currencies > 0)
		finding->advice = psprintf("More than %d different values: is this the column of the currency?",
								   MOST_CURRENCIES);
	else
		finding->advice = psprintf("Amounts of several currencies are added as they are. Convert them, or look at one at a time: %s",
								   where_view_sql(exam, currency_condition(exam, most)));
}

static void
tell_totals(Examination *exam)
{
	Finding    *finding = &exam->finding[CHECK_REPEATED_TOTAL];

	if (finding->rows == 0)
		return;
	finding->example = psprintf("order %s, " INT64_FORMAT " rows of one amount; so have " INT64_FORMAT " of " INT64_FORMAT " orders with several amounts",
								exam->best_total.name, (int64) exam->best_total.rows,
								exam->equal_orders, exam->lines_orders);
	if (repeats_totals(exam))
		finding->advice = psprintf("The amounts of an order are all equal: its total stands on every line, or a file was imported twice. Adding them up multiplies the money. Take one for each order: %s",
								   orders_view_sql(exam, "max"));
	else
	{
		finding->severity = SEVERITY_INFO;
		finding->advice = "Most orders have lines of different amounts, so equal ones may be by chance. Nothing to do if amounts are those of lines.";
	}
}

static void
tell_orders(Examination *exam)
{
	Finding    *ids = &exam->finding[CHECK_DUPLICATE_ORDER_ID];
	Finding    *lines = &exam->finding[CHECK_LINE_ROWS];
	const bool	totals = repeats_totals(exam);
	const char *view = orders_view_sql(exam, totals ? "max" : "sum");

	if (ids->rows > 0)
	{
		ids->example = psprintf("order %s, " INT64_FORMAT " rows",
								exam->best_order.name,
								(int64) exam->best_order.rows);
		ids->advice = totals ?
			psprintf("Several rows have the same order id, and the same amount: see repeated_total. Do not pass order_id_column, which adds them up, but take one row for each order: %s", view) :
			"Several rows have the same order id. If rows are lines of orders, pass order_id_column to the table functions, which then add them up, and see line_rows; if not, an import ran twice: see duplicate_row.";
	}
	if (lines->rows > 0)
		lines->advice = psprintf("Rows are lines of orders, so functions that count rows as orders are as wrong as the example says. Make one row of each order: %s", view);
}

static void
tell_duplicates(Examination *exam)
{
	Finding    *finding = &exam->finding[CHECK_DUPLICATE_ROW];

	if (finding->rows == 0)
		return;
	if (exam->order_ids.form == ORDER_ID_NONE && finding->rows * 100 < exam->rows)
		finding->severity = SEVERITY_INFO;
	finding->example = psprintf("%s; in all, %s too many", finding->example,
								rows_text(exam->copies));
	finding->advice = psprintf("Customer, time and amount%s are those of another row: a file imported twice, or lines that differ in other columns. If all columns are equal, take each row once: %s",
							   exam->order_id_name ? ", and the order id," : "",
							   distinct_view_sql(exam));
}

static void
tell_instants(Examination *exam)
{
	Finding    *finding = &exam->finding[CHECK_SAME_INSTANT_ROWS];

	if (finding->rows == 0 || exam->order_ids.form == ORDER_ID_NONE)
		return;
	finding->severity = SEVERITY_INFO;
	finding->advice = "Several rows of one customer have the same time. With order_id_column, lines of one order are added up, and different orders of one minute stay different.";
}

/* ------------------------------------------------------------------------
 * The result
 * ------------------------------------------------------------------------
 */
static Severity
severity_of(const Finding *finding)
{
	return !finding->checked ? SEVERITY_NOT_CHECKED :
		finding->rows == 0 ? SEVERITY_OK : finding->severity;
}

static const char *
advice_of(const Finding *finding, Check check)
{
	switch (severity_of(finding))
	{
		case SEVERITY_NOT_CHECKED:
			return check == CHECK_MIXED_CURRENCY ?
				"Pass currency_column to look for amounts of several currencies." :
				"Pass order_id_column to look for what rows of one order do.";
		case SEVERITY_OK:
			return "Nothing to do.";
		default:
			return finding->advice ? finding->advice : rules[check].advice;
	}
}

/* The columns of a finding */
enum
{
	FINDING_CHECK_NAME,
	FINDING_ROWS,
	FINDING_SEVERITY,
	FINDING_EXAMPLE,
	FINDING_ADVICE,
	FINDING_COLUMNS
};

static void
put_finding(ReturnSetInfo *result, const Examination *exam, Check check)
{
	const Finding *finding = &exam->finding[check];
	const char *example = finding->rows == 0 ? NULL :
		finding->example ? finding->example :
		finding->has_first ? example_text(exam, &finding->first) : NULL;
	Datum		values[FINDING_COLUMNS];
	bool		nulls[FINDING_COLUMNS] = {false};

	values[FINDING_CHECK_NAME] = CStringGetTextDatum(rules[check].name);
	values[FINDING_ROWS] = Int64GetDatum(finding->rows);
	nulls[FINDING_ROWS] = !finding->checked;
	values[FINDING_SEVERITY] = CStringGetTextDatum(severity_names[severity_of(finding)]);
	nulls[FINDING_EXAMPLE] = example == NULL;
	values[FINDING_EXAMPLE] = example ? CStringGetTextDatum(example) : (Datum) 0;
	values[FINDING_ADVICE] = CStringGetTextDatum(advice_of(finding, check));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* What is wrong comes first, the worst before the rest. */
static void
put_findings(ReturnSetInfo *result, const Examination *exam)
{
	for (Severity severity = SEVERITY_ERROR; severity <= SEVERITY_NOT_CHECKED; severity++)
		for (Check check = 0; check < CHECKS; check++)
			if (severity_of(&exam->finding[check]) == severity)
				put_finding(result, exam, check);
}

/* ------------------------------------------------------------------------
 * The function
 * ------------------------------------------------------------------------
 */

/* Ids are told apart as their type does; by their text, if it cannot be hashed. */
static void
set_order_ids(Examination *exam)
{
	const OrdersSource *source = exam->source;
	OrderIds   *ids = &exam->order_ids;
	TypeCacheEntry *cache;

	if (source->order_id == NULL)
		return;
	ids->sql = source->order_id;
	ids->type = getBaseType(source->order_id_type);
	ids->collation = source->order_id_collation;
	switch (ids->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			ids->form = ORDER_ID_INTEGER;
			ids->type = INT8OID;
			ids->sql = psprintf("%s::pg_catalog.int8", source->order_id);
			return;
		case UUIDOID:
			ids->form = ORDER_ID_UUID;
			return;
		case TEXTOID:
		case VARCHAROID:
			ids->form = ORDER_ID_BYTES;
			if (!get_collation_isdeterministic(ids->collation))
				break;
			return;
	}
	ids->form = ORDER_ID_OTHER;
	cache = lookup_type_cache(ids->type, TYPECACHE_HASH_EXTENDED_PROC_FINFO);
	if (OidIsValid(cache->hash_extended_proc))
	{
		fmgr_info_copy(&ids->hash, &cache->hash_extended_proc_finfo,
					   CurrentMemoryContext);
		return;
	}
	ids->form = ORDER_ID_BYTES;
	ids->type = TEXTOID;
	ids->sql = psprintf("%s::pg_catalog.text", source->order_id);
}

static const char *
quoted_name(FunctionCallInfo fcinfo, int argument)
{
	if (argument >= PG_NARGS() || PG_ARGISNULL(argument))
		return NULL;
	return quote_identifier(NameStr(*PG_GETARG_NAME(argument)));
}

static void
begin_examination(Examination *exam, OrdersSource *source,
				  FunctionCallInfo fcinfo)
{
	static const OrdersArguments arguments = {
		.customer_type = -1,
		.relation = ARGUMENT_RELATION,
		.order_id = ARGUMENT_ORDER_ID,
		.tz = ARGUMENT_TZ
	};

	if (PG_ARGISNULL(ARGUMENT_AS_OF))
		reject_null("as_of");
	exam->as_of = PG_GETARG_TIMESTAMPTZ(ARGUMENT_AS_OF);
	check_finite_time(exam->as_of, "as_of");
	orders_source_init(source, fcinfo, &arguments);
	exam->source = source;
	exam->zone = pg_tzset(text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_TZ)));
	exam->customer_name = quoted_name(fcinfo, ARGUMENT_CUSTOMER);
	exam->ordered_at_name = quoted_name(fcinfo, ARGUMENT_ORDERED_AT);
	exam->amount_name = quoted_name(fcinfo, ARGUMENT_AMOUNT);
	exam->order_id_name = quoted_name(fcinfo, ARGUMENT_ORDER_ID);
	exam->currency_name = quoted_name(fcinfo, ARGUMENT_CURRENCY);
	if (exam->currency_name)
		exam->currency = psprintf("%s::pg_catalog.text",
								  orders_source_column(source, fcinfo,
													   ARGUMENT_CURRENCY,
													   "currency_column"));
	set_order_ids(exam);
	exam->context = CurrentMemoryContext;
	exam->row_context = AllocSetContextCreate(CurrentMemoryContext,
											  "retention_check row",
											  ALLOCSET_DEFAULT_SIZES);
	for (Check check = 0; check < CHECKS; check++)
		exam->finding[check].severity = rules[check].severity;
}

/* Checks of single rows have been made of all of them. */
static void
mark_checked(Examination *exam)
{
	static const Check of_rows[] = {
		CHECK_NULL_CUSTOMER, CHECK_NULL_TIME, CHECK_INFINITE_TIME,
		CHECK_FUTURE_ORDER, CHECK_ALL_MIDNIGHT, CHECK_NULL_AMOUNT,
		CHECK_NOT_FINITE_AMOUNT, CHECK_ZERO_AMOUNT
	};

	for (int i = 0; i < lengthof(of_rows); i++)
		exam->finding[of_rows[i]].checked = true;
}

/*
 * retention_check(orders_table regclass, customer_column name,
 * ordered_at_column name, amount_column name, order_id_column name,
 * as_of timestamptz, tz text, currency_column name)
 *
 * A row per check, always.
 */
PG_FUNCTION_INFO_V1(retention_check);
Datum
retention_check(PG_FUNCTION_ARGS)
{
	Examination *exam = palloc0(sizeof(Examination));
	OrdersSource source;

	result_set_begin(fcinfo);
	begin_examination(exam, &source, fcinfo);
	scan_rows(exam);
	mark_checked(exam);
	find_groups(exam);
	find_customers(exam);
	scan_again(exam);

	find_outlier_times(exam);
	find_stale_data(exam);
	tell_midnights(exam);
	find_currencies(exam);
	find_line_rows(exam);
	if (exam->order_ids.form != ORDER_ID_NONE)
	{
		tell_totals(exam);
		tell_orders(exam);
	}
	tell_instants(exam);
	tell_duplicates(exam);
	put_findings((ReturnSetInfo *) fcinfo->resultinfo, exam);
	return (Datum) 0;
}
