/*
 * lookup.c
 *		retention_customer: one customer as of now, at page load.
 *
 * A stored row is read directly, by the indexes; starting a query would take longer than
 * all the rest. If the customer is marked, a query reads the orders; its plan is kept by
 * the session. Either reads in one snapshot. Everything else is computed from the history,
 * with the clock of this moment.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/refresh.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "base/checks.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "engine/customer_type.h"
#include "engine/intervals.h"
#include "engine/key_functions.h"
#include "engine/money.h"
#include "executor/spi.h"
#include "live/customer_facts.h"
#include "miscadmin.h"
#include "models/predictions.h"
#include "nodes/execnodes.h"
#include "nodes/parsenodes.h"
#include "tables/fit_call.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* Predictions are of the year to come. */
#define HORIZON_DAYS	365

/* What is read for a customer. */
enum
{
	LOOKUP_HISTORY,
	LOOKUP_COMPUTED,
	LOOKUP_CUTS,
	LOOKUP_CUTS_AT,
	LOOKUP_BUYING,
	LOOKUP_SPEND,
	LOOKUP_DECIMALS,
	LOOKUP_FITTED_AT,
	LOOKUP_TZ,
	LOOKUP_UNIT,
	LOOKUP_FAMILY,
	LOOKUP_COLUMNS
};

/* A live view that this session has asked. */
typedef struct Lookup
{
	Oid			live_id;
	bool		is_valid;
	SPIPlanPtr	plan;			/* NULL: none */
	Tracking	tracking;		/* without its texts */
	/* for reading without the plan */
	bool		is_direct;
	Oid			changes_index;
	Oid			customers_index;
	FmgrInfo   *equal;			/* of customers */
	Oid			collation;
	AttrNumber	history;		/* columns of the customers */
	AttrNumber	through;
	AttrNumber	setting[LOOKUP_COLUMNS];	/* columns of the settings; 0: of
											 * no one */
	ItemPointerData settings_at;	/* where the row was; invalid: not yet
									 * known */
} Lookup;

static HTAB *lookups = NULL;

/* ------------------------------------------------------------------------
 * Plans
 * ------------------------------------------------------------------------
 */
static void
forget_lookups(Datum arg, Oid relation_id)
{
	HASH_SEQ_STATUS scan;
	Lookup	   *lookup;

	hash_seq_init(&scan, lookups);
	while ((lookup = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relation_id) ||
			relation_id == lookup->live_id ||
			relation_id == lookup->tracking.orders_id ||
			relation_id == lookup->tracking.source_id ||
			relation_id == lookup->tracking.customers_id ||
			relation_id == lookup->tracking.changes_id ||
			relation_id == lookup->tracking.settings_id)
			lookup->is_valid = false;
}

static Lookup *
lookup_entry(Oid live_id)
{
	Lookup	   *lookup;
	bool		found;

	if (lookups == NULL)
	{
		const HASHCTL control = {.keysize = sizeof(Oid),
		.entrysize = sizeof(Lookup)};

		lookups = hash_create("retention lookups", 16, &control,
							  HASH_ELEM | HASH_BLOBS);
		CacheRegisterRelcacheCallback(forget_lookups, (Datum) 0);
	}
	lookup = hash_search(lookups, &live_id, HASH_ENTER, &found);
	if (!found)
	{
		lookup->is_valid = false;
		lookup->plan = NULL;
	}
	return lookup;
}

/*
 * The history from the orders; where the tables cannot be read directly, what is stored
 * besides. $1 is the customer, $2 as_of.
 */
static char *
lookup_sql(const Lookup *lookup)
{
	const Tracking *tracking = &lookup->tracking;
	const char *where = "l.customer OPERATOR(pg_catalog.=) $1";
	const char *computed = "m.is_marked";

	/* lines before as_of alone: the later ones may be of the same order */
	if (tracking->has_order_id)
	{
		where = "l.customer OPERATOR(pg_catalog.=) $1 AND (l.ordered_at OPERATOR(pg_catalog.<) $2 OR NOT pg_catalog.isfinite(l.ordered_at))";
		computed = "(m.is_marked OR c.through OPERATOR(pg_catalog.>=) $2)";
	}
	if (lookup->is_direct)
		return psprintf("SELECT h.history FROM (%s) AS h",
						customer_history_sql(tracking, where));
	return psprintf("SELECT CASE WHEN %s THEN (SELECT h.history FROM (%s) AS h) ELSE c.history END, %s, "
					"s.cuts, s.cuts_at, s.buying_params, s.spend_params, s.decimals, s.fitted_at, s.tz, s.unit, s.family "
					"FROM %s AS s CROSS JOIN (SELECT EXISTS (SELECT 1 FROM %s AS e WHERE e.customer OPERATOR(pg_catalog.=) $1) "
					"OR EXISTS (SELECT 1 FROM %s AS e WHERE e.customer IS NULL) AS is_marked) AS m "
					"LEFT JOIN %s AS c ON c.customer OPERATOR(pg_catalog.=) $1",
					computed, customer_history_sql(tracking, where), computed,
					tracking->settings, tracking->changes, tracking->changes,
					tracking->customers);
}

/*
 * Plans once for all customers, and by indexes: a table of marks that is empty now will
 * not be so for long. What is planned stays until one of the relations changes.
 */
static void
plan_for_lookups(SPIPlanPtr plan)
{
	CachedPlan *cached;

	set_for_lookups();
	cached = SPI_plan_get_cached_plan(plan);
	if (cached)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
}

static AttrNumber
column_named(Oid relation_id, const char *name, Oid type)
{
	const AttrNumber number = get_attnum(relation_id, name);

	return number != InvalidAttrNumber &&
		get_atttype(relation_id, number) == type ? number : InvalidAttrNumber;
}

/* Is it a heap whose rows its owner sees all? */
static bool
is_plain(Oid relation_id, Oid owner)
{
	Relation	relation = relation_open(relation_id, AccessShareLock);
	const bool	is_heap = relation->rd_rel->relam == HEAP_TABLE_AM_OID;

	relation_close(relation, NoLock);
	return is_heap &&
		check_enable_rls(relation_id, owner, true) != RLS_ENABLED;
}

/*
 * Finds the columns of the settings. They belong to the owner, who may have changed
 * them: what is read must be what is expected, by either way.
 */
static void
find_settings(Lookup *lookup)
{
	static const struct
	{
		const char *name;
		Oid			type;		/* InvalidOid: that of a row */
	}			columns[LOOKUP_COLUMNS] = {
		[LOOKUP_CUTS] = {"cuts", InvalidOid},
		[LOOKUP_CUTS_AT] = {"cuts_at", TIMESTAMPTZOID},
		[LOOKUP_BUYING] = {"buying_params", FLOAT8ARRAYOID},
		[LOOKUP_SPEND] = {"spend_params", FLOAT8ARRAYOID},
		[LOOKUP_DECIMALS] = {"decimals", INT4OID},
		[LOOKUP_FITTED_AT] = {"fitted_at", TIMESTAMPTZOID},
		[LOOKUP_TZ] = {"tz", TEXTOID},
		[LOOKUP_UNIT] = {"unit", INTERVALOID},
		[LOOKUP_FAMILY] = {"family", TEXTOID}
	};
	const Oid	settings_id = lookup->tracking.settings_id;

	for (int i = 0; i < LOOKUP_COLUMNS; i++)
	{
		AttrNumber	number = InvalidAttrNumber;
		Oid			type;

		lookup->setting[i] = InvalidAttrNumber;
		if (columns[i].name == NULL)
			continue;
		number = get_attnum(settings_id, columns[i].name);
		type = number == InvalidAttrNumber ? InvalidOid :
			get_atttype(settings_id, number);
		if (number == InvalidAttrNumber ||
			(OidIsValid(columns[i].type) ? type != columns[i].type : !type_is_rowtype(type)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\", which holds the settings of tracked orders, has no column \"%s\" of the type it was made with",
							get_rel_name(settings_id), columns[i].name),
					 errhint("Change it back, or end the tracking by retention_untrack and begin it anew by retention_track.")));
		lookup->setting[i] = number;
	}
}

/* May the stored rows be read without a query? */
static void
prepare_direct(Lookup *lookup)
{
	const Tracking *tracking = &lookup->tracking;
	TypeCacheEntry *type = lookup_type_cache(tracking->customer_type,
											 TYPECACHE_EQ_OPR_FINFO);
	int32		typmod;
	Oid			column_type;

	lookup->changes_index = customer_index(tracking->changes_id, 1, false);
	lookup->customers_index = customer_index(tracking->customers_id, 1, false);
	lookup->equal = &type->eq_opr_finfo;
	get_atttypetypmodcoll(tracking->changes_id, 1, &column_type, &typmod,
						  &lookup->collation);
	lookup->history = get_attnum(tracking->customers_id, "history");
	lookup->through = column_named(tracking->customers_id, "through",
								   TIMESTAMPTZOID);
	find_settings(lookup);
	ItemPointerSetInvalid(&lookup->settings_at);
	lookup->is_direct = OidIsValid(lookup->changes_index) &&
		OidIsValid(lookup->customers_index) && OidIsValid(type->eq_opr) &&
		lookup->through != InvalidAttrNumber &&
		lookup->history != InvalidAttrNumber &&
		get_typlen(get_atttype(tracking->customers_id, lookup->history)) == -1 &&
		get_atttype(tracking->customers_id, 1) == tracking->customer_type &&
		is_plain(tracking->changes_id, tracking->owner) &&
		is_plain(tracking->customers_id, tracking->owner) &&
		is_plain(tracking->settings_id, tracking->owner);
}

/* Opens the live view anew. */
static void
prepare_lookup(Lookup *lookup, Oid live_id, Oid function_id)
{
	Oid			types[2];
	SPIPlanPtr	plan;
	Caller		caller;

	if (lookup->plan)
		SPI_freeplan(lookup->plan);
	lookup->plan = NULL;
	tracking_open(&lookup->tracking, live_id, function_id);
	prepare_direct(lookup);
	types[0] = lookup->tracking.customer_type;
	types[1] = TIMESTAMPTZOID;
	SPI_connect();
	become_owner(&caller, &lookup->tracking);
	plan = SPI_prepare_cursor(lookup_sql(lookup), lengthof(types),
							  types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI: %s", SPI_result_code_string(SPI_result));
	plan_for_lookups(plan);
	become_caller(&caller);
	SPI_finish();
	lookup->plan = plan;
	lookup->is_valid = true;
}

/* ------------------------------------------------------------------------
 * The row
 * ------------------------------------------------------------------------
 */
enum
{
	CUSTOMER_ID,
	CUSTOMER_FIRST_ORDER_AT,
	CUSTOMER_LAST_ORDER_AT,
	CUSTOMER_RECENCY_DAYS,
	CUSTOMER_ORDERS,
	CUSTOMER_MONETARY,
	CUSTOMER_AOV,
	CUSTOMER_R,
	CUSTOMER_F,
	CUSTOMER_M,
	CUSTOMER_CELL,
	CUSTOMER_SEGMENT,
	CUSTOMER_X,
	CUSTOMER_T_X,
	CUSTOMER_AGE,
	CUSTOMER_P_ALIVE,
	CUSTOMER_EXPECTED_ORDERS,
	CUSTOMER_P_ORDER,
	CUSTOMER_ORDERS_LOW,
	CUSTOMER_ORDERS_HIGH,
	CUSTOMER_PREDICTED_CLV,
	CUSTOMER_CHURN_RISK,
	CUSTOMER_CUTS_AT,
	CUSTOMER_FITTED_AT,
	CUSTOMER_COMPUTED,
	CUSTOMER_COLUMNS
};

/* What the query gave. */
typedef struct LookupRow
{
	Datum		value[LOOKUP_COLUMNS];
	bool		isnull[LOOKUP_COLUMNS];
} LookupRow;

static void
put_facts(const CustomerFacts *facts, TimestampTz as_of, Datum *values,
		  bool *nulls)
{
	values[CUSTOMER_FIRST_ORDER_AT] = TimestampTzGetDatum(facts->first_order_at);
	values[CUSTOMER_LAST_ORDER_AT] = TimestampTzGetDatum(facts->last_order_at);
	values[CUSTOMER_RECENCY_DAYS] = Float8GetDatum(days_between(facts->last_order_at,
																as_of));
	values[CUSTOMER_ORDERS] = Int64GetDatum(facts->orders);
	values[CUSTOMER_MONETARY] = numeric_or_null(facts->monetary,
												&nulls[CUSTOMER_MONETARY]);
	values[CUSTOMER_AOV] = money_per(facts->monetary, facts->orders,
									 &nulls[CUSTOMER_AOV]);
}

static void
put_scores(const LookupRow *row, const CustomerFacts *facts, Datum *values,
		   bool *nulls)
{
	RfmCuts		cuts;
	RfmScores	scores;
	char		cell[RFM_CELL_LENGTH];

	nulls[CUSTOMER_R] = nulls[CUSTOMER_F] = row->isnull[LOOKUP_CUTS];
	nulls[CUSTOMER_M] = nulls[CUSTOMER_CELL] = nulls[CUSTOMER_SEGMENT] =
		row->isnull[LOOKUP_CUTS] || facts->monetary == NULL;
	if (row->isnull[LOOKUP_CUTS])
		return;
	rfm_cuts_from_datum(&cuts, row->value[LOOKUP_CUTS]);
	scores = rfm_scores_of(&cuts, facts->last_order_at, facts->orders,
						   facts->monetary);
	rfm_cell_of_scores(cell, &scores);
	values[CUSTOMER_R] = Int32GetDatum(scores.r);
	values[CUSTOMER_F] = Int32GetDatum(scores.f);
	values[CUSTOMER_M] = Int32GetDatum(scores.m);
	values[CUSTOMER_CELL] =
		PointerGetDatum(cstring_to_text_with_len(cell, sizeof(cell)));
	values[CUSTOMER_SEGMENT] = CStringGetTextDatum(segment_name(scores.segment));
}

/* The parameters of a model, which this room has written; false: there are none. */
static bool
read_params(const LookupRow *row, int column, int count, double *params)
{
	ArrayType  *array;

	if (row->isnull[column])
		return false;
	array = DatumGetArrayTypeP(row->value[column]);
	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) ||
		ARR_ELEMTYPE(array) != FLOAT8OID || ARR_DIMS(array)[0] != count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stored parameters of a model must be %d numbers",
						count),
				 errhint("retention_fit writes them.")));
	memcpy(params, ARR_DATA_PTR(array), count * sizeof(double));
	for (int i = 0; i < count; i++)
	{
		check_finite_double(params[i], "params");
		if (params[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("stored parameters of a model must be above 0, not %g",
							params[i]),
					 errhint("retention_fit writes them.")));
	}
	return true;
}

/* The decimals of amounts, by which predicted money is rounded. */
static int
stored_decimals(const LookupRow *row)
{
	const int	decimals = DatumGetInt32(row->value[LOOKUP_DECIMALS]);

	if (decimals < 0 || decimals > MOST_DECIMALS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stored decimals of amounts must be 0 to %d, not %d",
						MOST_DECIMALS, decimals),
				 errhint("retention_fit writes them.")));
	return decimals;
}

static void
put_money(const LookupRow *row, const CustomerFacts *facts, double orders,
		  Datum *values, bool *nulls)
{
	double		spend[GAMMA_GAMMA_PARAMS];
	double		value;
	Money		money;

	nulls[CUSTOMER_PREDICTED_CLV] = row->isnull[LOOKUP_DECIMALS] ||
		!read_params(row, LOOKUP_SPEND,
					 GAMMA_GAMMA_PARAMS, spend) ||
		!purchase_value(spend, facts->x, facts->mean_known,
						facts->mean_repeat_value, &value) ||
		!isfinite(value * orders);
	if (!nulls[CUSTOMER_PREDICTED_CLV])
		values[CUSTOMER_PREDICTED_CLV] =
			predicted_money(stored_decimals(row), value * orders, &money);
}

static void
put_predictions(const Tracking *tracking, const LookupRow *row,
				const CustomerFacts *facts, Datum *values, bool *nulls)
{
	const double unit = interval_days(DatumGetIntervalP(row->value[LOOKUP_UNIT]),
									  "unit");
	const BtydHistory history = {
		.x = facts->x, .t_x = facts->t_x / unit, .age = facts->age / unit
	};
	const double horizon = HORIZON_DAYS / unit;
	BtydModel	model;
	Prospects	prospects;

	values[CUSTOMER_X] = Int64GetDatum(facts->x);
	values[CUSTOMER_T_X] = Float8GetDatum(history.t_x);
	values[CUSTOMER_AGE] = Float8GetDatum(history.age);
	model.family = stored_family(tracking,
								 TextDatumGetCString(row->value[LOOKUP_FAMILY]));
	if (!read_params(row, LOOKUP_BUYING, model.family->nparams, model.params))
	{
		nulls[CUSTOMER_P_ALIVE] = nulls[CUSTOMER_EXPECTED_ORDERS] =
			nulls[CUSTOMER_P_ORDER] = nulls[CUSTOMER_ORDERS_LOW] =
			nulls[CUSTOMER_ORDERS_HIGH] = nulls[CUSTOMER_PREDICTED_CLV] =
			nulls[CUSTOMER_CHURN_RISK] = true;
		return;
	}
	prospects = prospects_of(&model, &history, horizon);
	values[CUSTOMER_P_ALIVE] = Float8GetDatum(prospects.p_alive);
	values[CUSTOMER_EXPECTED_ORDERS] = Float8GetDatum(prospects.orders);
	values[CUSTOMER_P_ORDER] = Float8GetDatum(prospects.p_order);
	values[CUSTOMER_ORDERS_LOW] = Int64GetDatum(prospects.low);
	nulls[CUSTOMER_ORDERS_LOW] = prospects.low < 0;
	values[CUSTOMER_ORDERS_HIGH] = Int64GetDatum(prospects.high);
	nulls[CUSTOMER_ORDERS_HIGH] = prospects.high < 0;
	values[CUSTOMER_CHURN_RISK] =
		CStringGetTextDatum(churn_risk_name(churn_risk_of(prospects.p_order)));
	put_money(row, facts, prospects.orders, values, nulls);
}

static void
put_customer(FunctionCallInfo fcinfo, const Lookup *lookup, const LookupRow *row,
			 TimestampTz as_of)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const bool	is_computed = DatumGetBool(row->value[LOOKUP_COMPUTED]) &&
		!row->isnull[LOOKUP_COMPUTED];
	CustomerFacts facts;
	Datum		values[CUSTOMER_COLUMNS] = {0};
	bool		nulls[CUSTOMER_COLUMNS] = {false};

	if (row->isnull[LOOKUP_HISTORY])
		return;
	if (row->isnull[LOOKUP_TZ] || row->isnull[LOOKUP_UNIT] ||
		row->isnull[LOOKUP_FAMILY])
		reject_settings(&lookup->tracking);
	customer_facts(row->value[LOOKUP_HISTORY], as_of,
				   zone_from_name(TextDatumGetCString(row->value[LOOKUP_TZ])),
				   &facts);
	if (facts.orders == 0)
		return;
	values[CUSTOMER_ID] = PG_GETARG_DATUM(1);
	put_facts(&facts, as_of, values, nulls);
	put_scores(row, &facts, values, nulls);
	put_predictions(&lookup->tracking, row, &facts, values, nulls);
	values[CUSTOMER_CUTS_AT] = row->value[LOOKUP_CUTS_AT];
	nulls[CUSTOMER_CUTS_AT] = row->isnull[LOOKUP_CUTS_AT];
	values[CUSTOMER_FITTED_AT] = row->value[LOOKUP_FITTED_AT];
	nulls[CUSTOMER_FITTED_AT] = row->isnull[LOOKUP_FITTED_AT];
	values[CUSTOMER_COMPUTED] = CStringGetTextDatum(is_computed ? "now" : "stored");
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */
static bool
is_there(Relation relation, Oid index_id, ScanKey key)
{
	SysScanDesc scan = systable_beginscan(relation, index_id, true,
										  GetActiveSnapshot(), 1, key);
	const bool	found = HeapTupleIsValid(systable_getnext(scan));

	systable_endscan(scan);
	return found;
}

static bool
is_marked(const Lookup *lookup, ScanKey is_customer)
{
	Relation	changes = table_open(lookup->tracking.changes_id, AccessShareLock);
	ScanKeyData is_everybody;
	bool		found;

	ScanKeyEntryInitialize(&is_everybody, SK_ISNULL | SK_SEARCHNULL, 1,
						   InvalidStrategy, InvalidOid, InvalidOid, InvalidOid,
						   (Datum) 0);
	found = is_there(changes, lookup->changes_index, is_customer) ||
		is_there(changes, lookup->changes_index, &is_everybody);
	table_close(changes, NoLock);
	return found;
}

/*
 * The row of settings, in a slot of theirs. It is looked for where it was; if the snapshot
 * does not see it there, in all of the table. False if there is none, or another.
 */
static bool
read_settings(Lookup *lookup, Relation settings, TupleTableSlot *slot)
{
	Snapshot	snapshot = GetActiveSnapshot();
	TupleTableSlot *second;
	TableScanDesc scan;
	bool		is_one;

	if (ItemPointerIsValid(&lookup->settings_at) &&
		table_tuple_fetch_row_version(settings, &lookup->settings_at, snapshot,
									  slot))
		return true;
	second = table_slot_create(settings, NULL);
	scan = table_beginscan(settings, snapshot, 0, NULL);
	is_one = table_scan_getnextslot(scan, ForwardScanDirection, slot);
	if (is_one)
	{
		/* what it points at is the scan's, which goes on */
		ExecMaterializeSlot(slot);
		is_one = !table_scan_getnextslot(scan, ForwardScanDirection, second);
	}
	ExecDropSingleTupleTableSlot(second);
	table_endscan(scan);
	if (is_one)
		lookup->settings_at = slot->tts_tid;
	return is_one;
}

/* Puts the customer of a history, with the settings. */
static void
put_history(FunctionCallInfo fcinfo, Lookup *lookup, Datum history,
			bool is_computed, TimestampTz as_of)
{
	Relation	settings = table_open(lookup->tracking.settings_id,
									  AccessShareLock);
	TupleTableSlot *slot = table_slot_create(settings, NULL);
	LookupRow	row;

	if (!read_settings(lookup, settings, slot))
		reject_settings(&lookup->tracking);
	for (int i = 0; i < LOOKUP_COLUMNS; i++)
		if (lookup->setting[i] != InvalidAttrNumber)
			row.value[i] = slot_getattr(slot, lookup->setting[i],
										&row.isnull[i]);
	row.value[LOOKUP_HISTORY] = history;
	row.isnull[LOOKUP_HISTORY] = false;
	row.value[LOOKUP_COMPUTED] = BoolGetDatum(is_computed);
	row.isnull[LOOKUP_COMPUTED] = false;
	put_customer(fcinfo, lookup, &row, as_of);
	ExecDropSingleTupleTableSlot(slot);
	table_close(settings, NoLock);
}

/* Has the order of a line that is dated ahead begun before? Its history knows all lines. */
static bool
is_of_later(const Lookup *lookup, Relation customers, HeapTuple stored,
			TimestampTz as_of)
{
	bool		isnull;
	const Datum through = heap_getattr(stored, lookup->through,
									   RelationGetDescr(customers), &isnull);

	return lookup->tracking.has_order_id && !isnull &&
		DatumGetTimestampTz(through) >= as_of;
}

/* Answers from the stored row; false: the orders must be asked. */
static bool
find_stored(FunctionCallInfo fcinfo, Lookup *lookup, Datum customer,
			TimestampTz as_of)
{
	Relation	customers;
	ScanKeyData is_customer;
	SysScanDesc scan;
	HeapTuple	stored;
	bool		isnull;
	bool		found = true;

	if (!lookup->is_direct)
		return false;
	ScanKeyEntryInitializeWithInfo(&is_customer, 0, 1, BTEqualStrategyNumber,
								   InvalidOid, lookup->collation, lookup->equal,
								   customer);
	if (is_marked(lookup, &is_customer))
		return false;
	customers = table_open(lookup->tracking.customers_id, AccessShareLock);
	/* a scan may have changed the number of the key's column */
	is_customer.sk_attno = 1;
	scan = systable_beginscan(customers, lookup->customers_index, true,
							  GetActiveSnapshot(), 1, &is_customer);
	stored = systable_getnext(scan);
	if (HeapTupleIsValid(stored))
	{
		found = !is_of_later(lookup, customers, stored, as_of);
		if (found)
		{
			const Datum history = heap_getattr(stored, lookup->history,
											   RelationGetDescr(customers),
											   &isnull);

			/* a history that somebody took away is in the orders */
			found = !isnull;
			if (found)
				put_history(fcinfo, lookup, history, false, as_of);
		}
	}
	systable_endscan(scan);
	table_close(customers, NoLock);
	return found;
}

/* The first columns of the query's row. */
static void
take_row(const Lookup *lookup, LookupRow *row, int columns)
{
	if (SPI_processed != 1)
		reject_settings(&lookup->tracking);
	for (int i = 0; i < columns; i++)
		row->value[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  i + 1, &row->isnull[i]);
}

/* Runs the query with the owner's rights, as the view itself has them. */
static void
run_lookup(FunctionCallInfo fcinfo, Lookup *lookup, Datum customer,
		   TimestampTz as_of)
{
	Datum		values[] = {customer, TimestampTzGetDatum(as_of)};
	LookupRow	row;
	Oid			user;
	int			context;

	SPI_connect();
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(lookup->tracking.owner,
						   context | SECURITY_RESTRICTED_OPERATION);
	if (SPI_execute_plan(lookup->plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI: the lookup failed");
	SetUserIdAndSecContext(user, context);
	if (lookup->is_direct)
	{
		take_row(lookup, &row, 1);
		if (!row.isnull[LOOKUP_HISTORY])
			put_history(fcinfo, lookup, row.value[LOOKUP_HISTORY], true, as_of);
	}
	else
	{
		take_row(lookup, &row, LOOKUP_COLUMNS);
		put_customer(fcinfo, lookup, &row, as_of);
	}
	SPI_finish();
}

static Datum
find_customer(FunctionCallInfo fcinfo, KeyKind kind)
{
	const Oid	live_id = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	const TimestampTz as_of = time_arg(fcinfo, 2, "as_of");
	Datum		customer = PG_GETARG_DATUM(1);
	ErrorContextCallback errors;
	Lookup	   *lookup;

	if (PG_ARGISNULL(0))
		reject_null("live");
	result_set_begin(fcinfo);
	if (PG_ARGISNULL(1))
		return (Datum) 0;
	if (pg_class_aclcheck(live_id, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_VIEW, get_rel_name(live_id));
	lookup = lookup_entry(live_id);
	if (!lookup->is_valid)
		prepare_lookup(lookup, live_id, fcinfo->flinfo->fn_oid);
	name_in_errors(&errors, &lookup->tracking);
	if (customer_of_argument(&lookup->tracking, kind, &customer) &&
		!find_stored(fcinfo, lookup, customer, as_of))
		run_lookup(fcinfo, lookup, customer, as_of);
	error_context_stack = errors.previous;
	return (Datum) 0;
}

/*
 * retention_customer(live regclass, customer_id bigint | text | uuid,
 * as_of timestamptz)
 *
 * 0 or 1 row; predictions are of the next 365 days.
 */
KEY_FUNCTIONS(retention_customer, find_customer)
