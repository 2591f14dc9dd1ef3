/*
 * refresh.c
 *		retention_refresh: what is marked is computed anew and stored.
 *
 * The marks that the refresh sees are removed first; what is computed after that is
 * seen in a later snapshot, so nothing that a removed mark was for can be missed. What
 * is committed in between is computed too early rather than too late: its mark stays.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/refresh.h"

#include "access/htup_details.h"
#include "base/checks.h"
#include "base/result_rows.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "live/kept_plans.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* The removed marks. */
typedef struct Marks
{
	bool		everybody;
	int64		count;			/* customers */
	Datum		customers;		/* array of them, if there are some */
	Oid			array_type;
} Marks;

static void
check_spi(int result)
{
	if (result < 0)
		elog(ERROR, "SPI: %s", SPI_result_code_string(result));
}

/* A statement that gives no rows of interest. */
void
run_as_owner(const char *sql)
{
	SPI_connect();
	check_spi(SPI_execute(sql, false, 0));
	SPI_finish();
}

/* Whose segment changed, for whoever listens on the name of the live view. */
void
notify_moved(const Tracking *tracking, int64 customers)
{
	if (customers > 0)
		Async_Notify(tracking->name, psprintf(INT64_FORMAT, customers));
}

/* ------------------------------------------------------------------------
 * Marks
 * ------------------------------------------------------------------------
 */

/* What the query for removed marks answers: the server counts columns from 1. */
enum
{
	GONE_EVERYBODY = 1,
	GONE_COUNT,
	GONE_CUSTOMERS
};

/*
 * Removes marks. Whether everybody is marked is read from what was removed: asked
 * before, it would be the answer of another moment.
 */
static void
remove_marks(const Tracking *tracking, int64 most, Marks *marks)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *which = "";
	bool		isnull;
	Datum		value;

	if (most > 0)
		which = psprintf(" WHERE EXISTS (SELECT 1 FROM %s AS e WHERE e.customer IS NULL)"
						 " OR m.customer IN (SELECT DISTINCT d.customer FROM %s AS d LIMIT " INT64_FORMAT ")",
						 tracking->changes, tracking->changes, most);
	SPI_connect();
	run_kept(tracking->live_id, KEPT_REMOVE_MARKS,
			 psprintf("WITH gone AS (DELETE FROM %s AS m%s RETURNING m.customer) "
					  "SELECT pg_catalog.bool_or(g.customer IS NULL), "
					  "pg_catalog.count(DISTINCT g.customer), "
					  "pg_catalog.array_agg(DISTINCT g.customer) FILTER (WHERE g.customer IS NOT NULL) "
					  "FROM gone AS g", tracking->changes, which),
			 InvalidOid, (Datum) 0);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, GONE_EVERYBODY,
						  &isnull);
	marks->everybody = !isnull && DatumGetBool(value);
	marks->count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
											   SPI_tuptable->tupdesc,
											   GONE_COUNT, &isnull));
	marks->array_type = SPI_gettypeid(SPI_tuptable->tupdesc, GONE_CUSTOMERS);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, GONE_CUSTOMERS,
						  &isnull);
	if (!isnull)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		marks->customers = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
}

/* The partitions that the tracked table has now, as an expression; NULL of another table. */
const char *
partitions_sql(const Tracking *tracking)
{
	if (get_rel_relkind(tracking->orders_id) != RELKIND_PARTITIONED_TABLE)
		return "NULL::pg_catalog.regclass[]";
	return psprintf("(SELECT pg_catalog.array_agg(p.relid ORDER BY p.relid) FROM pg_catalog.pg_partition_tree(%u::pg_catalog.oid::pg_catalog.regclass) AS p)",
					tracking->orders_id);
}

/*
 * Have partitions come or gone since the last time? No trigger sees it. What is noted is
 * from before the orders are looked at: what comes between is found the next time.
 */
bool
note_partitions(const Tracking *tracking)
{
	bool		changed;

	if (get_rel_relkind(tracking->orders_id) != RELKIND_PARTITIONED_TABLE)
		return false;
	SPI_connect();
	check_spi(SPI_execute(psprintf("UPDATE %s AS s SET partitions = %s WHERE s.partitions IS DISTINCT FROM %s",
								   tracking->settings, partitions_sql(tracking),
								   partitions_sql(tracking)), false, 0));
	changed = SPI_processed > 0;
	SPI_finish();
	return changed;
}

/* The rows of a table, whose name is qualified and quoted. */
int64
count_rows(const char *table)
{
	bool		isnull;
	int64		count;

	SPI_connect();
	check_spi(SPI_execute(psprintf("SELECT pg_catalog.count(*) FROM %s", table),
						  true, 0));
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
										SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return count;
}

/* About how many customers are stored. */
static int64
stored_customers(const Tracking *tracking)
{
	const HeapTuple tuple = SearchSysCache1(RELOID,
											ObjectIdGetDatum(tracking->customers_id));
	float4		estimate;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", tracking->customers_id);
	estimate = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
	ReleaseSysCache(tuple);
	return estimate > 0 ? (int64) estimate : count_rows(tracking->customers);
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/*
 * Runs a statement about all, or about the marked customers, $1; the row of numbers it
 * returns.
 */
static void
run_counting(const Tracking *tracking, const char *sql, const Marks *marks,
			 bool of_marked, int64 *numbers, int n)
{
	SPI_connect();
	if (of_marked)
		run_kept(tracking->live_id, KEPT_STORE_MARKED, sql, marks->array_type,
				 marks->customers);
	else
		check_spi(SPI_execute(sql, false, 0));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		numbers[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
												 SPI_tuptable->tupdesc, i + 1,
												 &isnull));
	}
	SPI_finish();
}

/*
 * A row of customer and history: of each marked customer, without a history if no row
 * is left; or of all who have one. Where rows are orders, through is told by the
 * history, and all are read in one pass.
 */
static const char *
fresh_sql(const Tracking *tracking, bool of_marked)
{
	if (of_marked)
		return psprintf("SELECT k.customer, h.history, h.through FROM pg_catalog.unnest($1) AS k(customer) "
						"CROSS JOIN LATERAL (%s) AS h",
						customer_history_sql(tracking, "l.customer OPERATOR(pg_catalog.=) k.customer"));
	if (tracking->has_order_id)
		return tracking_history_sql(tracking, "l.customer IS NOT NULL");
	return psprintf("SELECT h.customer::%s AS customer, h.history, NULL::pg_catalog.timestamptz AS through "
					"FROM %s.order_histories(NULL::%s, %s, 'customer', 'ordered_at', 'amount') AS h",
					customer_type_sql(tracking->customer_type),
					tracking->extension, customer_argument_type(tracking->kind),
					quote_literal_cstr(tracking->source));
}

/*
 * The rows that are new, say something else than before, or are of customers who have no
 * order row any more.
 */
static const char *
changed_sql(const Tracking *tracking, const char *fresh, bool of_marked)
{
	const char *through =
		tracking->has_order_id ? "f.through" : "(f.r).through";

	return psprintf("SELECT coalesce(f.customer, o.customer) AS customer, f.history, %s AS through, f.r, "
					"o.customer IS NULL AS is_new, o.segment, o.previous_segment, o.segment_changed_at, "
					"f.history IS NOT NULL AND o.segment IS DISTINCT FROM (f.r).segment AS is_moved "
					"FROM (SELECT g.customer, g.history, g.through, %s.live_row(g.history, (SELECT s.cuts FROM %s AS s), 'infinity') AS r FROM %s AS g OFFSET 0) AS f "
					"%s JOIN %s AS o ON o.customer = f.customer "
					"WHERE CASE WHEN f.history IS NULL THEN o.customer IS NOT NULL WHEN o.customer IS NULL THEN true "
					"ELSE o.segment IS DISTINCT FROM (f.r).segment OR o.through IS DISTINCT FROM %s OR NOT %s.same_history(o.history, f.history) END",
					through, tracking->extension, tracking->settings,
					fresh, of_marked ? "LEFT" : "FULL", tracking->customers,
					through, tracking->extension);
}

/* Only rows that say something else than before are written. */
static void
store_fresh(const Tracking *tracking, const Marks *marks, bool of_marked,
			bool is_first, RefreshCounts *counts)
{
	const char *previous = "CASE WHEN n.is_moved THEN n.segment ELSE n.previous_segment END";
	const char *changed_at = is_first ? "NULL::pg_catalog.timestamptz" :
		"CASE WHEN n.is_moved THEN pg_catalog.clock_timestamp() ELSE n.segment_changed_at END";
	const char *fresh = fresh_sql(tracking, of_marked);
	int64		numbers[5];

	run_counting(tracking,
				 psprintf("WITH %schanged AS MATERIALIZED (%s), "
						  "inserted AS (INSERT INTO %s (customer, first_order_at, last_order_at, orders, monetary, through, history, segment, previous_segment, segment_changed_at) "
						  "SELECT n.customer, (n.r).first_order_at, (n.r).last_order_at, (n.r).orders, (n.r).monetary, n.through, n.history, (n.r).segment, %s, %s FROM changed AS n WHERE n.is_new), "
						  "updated AS (UPDATE %s AS c SET first_order_at = (n.r).first_order_at, last_order_at = (n.r).last_order_at, orders = (n.r).orders, "
						  "monetary = (n.r).monetary, through = n.through, history = n.history, segment = (n.r).segment, previous_segment = %s, segment_changed_at = %s "
						  "FROM changed AS n WHERE c.customer = n.customer AND NOT n.is_new AND n.history IS NOT NULL), "
						  "deleted AS (DELETE FROM %s AS c USING changed AS n WHERE c.customer = n.customer AND n.history IS NULL) "
						  "SELECT %s, pg_catalog.count(*) FILTER (WHERE n.is_new), "
						  "pg_catalog.count(*) FILTER (WHERE NOT n.is_new AND n.history IS NOT NULL), "
						  "pg_catalog.count(*) FILTER (WHERE n.history IS NULL), "
						  "pg_catalog.count(*) FILTER (WHERE n.is_moved) FROM changed AS n",
						  of_marked ? "" : psprintf("fresh AS MATERIALIZED (%s), ", fresh),
						  changed_sql(tracking, of_marked ? psprintf("(%s)", fresh) : "fresh", of_marked),
						  tracking->customers,
						  previous, changed_at, tracking->customers, previous,
						  changed_at, tracking->customers,
						  of_marked ? "0::pg_catalog.int8" : "(SELECT pg_catalog.count(*) FROM fresh)"),
				 marks, of_marked, numbers, lengthof(numbers));
	counts->customers = of_marked ? marks->count : numbers[0];
	counts->inserted = numbers[1];
	counts->updated = numbers[2];
	counts->deleted = numbers[3];
	counts->moved = is_first ? 0 : numbers[4];
}

/*
 * Few customers among many are looked up one by one, by the indexes, whatever the
 * statistics say.
 */
void
set_for_lookups(void)
{
	static const char *const ways[] = {"enable_seqscan", "enable_bitmapscan", "enable_mergejoin", "enable_hashjoin", "jit"};

	for (int i = 0; i < lengthof(ways); i++)
		(void) set_config_option(ways[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Notes when: what was committed before is seen. There must be settings, for else
 * nobody would have a segment.
 */
static void
stamp(const Tracking *tracking)
{
	SPI_connect();
	run_kept(tracking->live_id, KEPT_STAMP,
			 psprintf("UPDATE %s SET refreshed_at = pg_catalog.clock_timestamp()",
					  tracking->settings), InvalidOid, (Datum) 0);
	if (SPI_processed != 1)
		reject_settings(tracking);
	SPI_finish();
}

/*
 * Refreshes; most_customers 0: all. What a first refresh stores is no news: nobody has
 * changed segment by it.
 */
void
refresh_tracking(const Tracking *tracking, int64 most_customers, bool is_first,
				 RefreshCounts *counts)
{
	Marks		marks = {0};
	bool		of_marked;
	const int	level = NewGUCNestLevel();

	*counts = (RefreshCounts) {.mode = "nothing"};
	stamp(tracking);
	remove_marks(tracking, most_customers, &marks);
	if (note_partitions(tracking))
		marks.everybody = true;
	of_marked = !marks.everybody &&
		(most_customers > 0 ||
		 marks.count < stored_customers(tracking) / REBUILD_FROM);
	if (marks.everybody || marks.count > 0)
	{
		counts->mode = of_marked ? "changed" : "rebuilt";

		if (of_marked)
			set_for_lookups();
		store_fresh(tracking, &marks, of_marked, is_first, counts);
	}
	AtEOXact_GUC(false, level);
	notify_moved(tracking, counts->moved);
}

/* ------------------------------------------------------------------------
 * In SQL
 * ------------------------------------------------------------------------
 */
enum
{
	REFRESH_CUSTOMERS,
	REFRESH_INSERTED,
	REFRESH_UPDATED,
	REFRESH_DELETED,
	REFRESH_MODE,
	REFRESH_MILLISECONDS,
	REFRESH_COLUMNS
};

static int64
most_customers_arg(FunctionCallInfo fcinfo, int argument)
{
	int64		most;

	if (PG_ARGISNULL(argument))
		return 0;
	most = PG_GETARG_INT64(argument);
	if (most < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"max_customers\" must be at least 1, not " INT64_FORMAT,
						most)));
	return most;
}

/*
 * retention_refresh(live regclass, wait boolean, max_customers bigint,
 * OUT customers bigint, OUT inserted bigint, OUT updated bigint,
 * OUT deleted bigint, OUT mode text, OUT milliseconds double precision)
 */
PG_FUNCTION_INFO_V1(retention_refresh);
Datum
retention_refresh(PG_FUNCTION_ARGS)
{
	const TimestampTz began = GetCurrentTimestamp();
	const int64 most = most_customers_arg(fcinfo, 2);
	Tracking	tracking;
	Caller		caller;
	RefreshCounts counts;
	Datum		values[REFRESH_COLUMNS] = {0};
	bool		nulls[REFRESH_COLUMNS];

	if (PG_ARGISNULL(1))
		reject_null("wait");
	PreventCommandIfReadOnly("retention_refresh()");
	check_read_committed("retention_refresh()");
	tracking_arg(&tracking, fcinfo, 0);
	check_tracking_owner(&tracking);
	memset(nulls, true, sizeof(nulls));
	if (PG_GETARG_BOOL(1))
		lock_tracking(&tracking);
	else if (!try_lock_tracking(&tracking))
		return result_row(fcinfo, values, nulls);

	become_owner(&caller, &tracking);
	refresh_tracking(&tracking, most, false, &counts);
	become_caller(&caller);
	memset(nulls, false, sizeof(nulls));
	values[REFRESH_CUSTOMERS] = Int64GetDatum(counts.customers);
	values[REFRESH_INSERTED] = Int64GetDatum(counts.inserted);
	values[REFRESH_UPDATED] = Int64GetDatum(counts.updated);
	values[REFRESH_DELETED] = Int64GetDatum(counts.deleted);
	values[REFRESH_MODE] = CStringGetTextDatum(counts.mode);
	values[REFRESH_MILLISECONDS] =
		Float8GetDatum((double) (GetCurrentTimestamp() - began) / 1000);
	return result_row(fcinfo, values, nulls);
}
