/*
 * orders_source.c
 *		The orders of a table function: a relation and its columns, given by name.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/orders_source.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "base/checks.h"
#include "engine/customer_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "engine/state_read.h"
#include "tables/aggregate_ref.h"
#include "tables/relation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

static void
open_relation(OrdersSource *source, FunctionCallInfo fcinfo, int argument,
			  const char *name)
{
	Relation	relation = relation_arg(fcinfo, argument, name);

	source->relation_id = RelationGetRelid(relation);
	source->relation_name = pstrdup(RelationGetRelationName(relation));
	source->relation = relation_sql(relation);
	relation_close(relation, NoLock);
}

/* ------------------------------------------------------------------------
 * Its columns
 * ------------------------------------------------------------------------
 */
typedef struct Column
{
	const char *argument;		/* that names it */
	const char *name;
	const char *sql;			/* o."name" */
	Oid			type;			/* declared */
	Oid			base_type;		/* beneath any domain */
	Oid			collation;
	bool		not_null;
} Column;

static char *
column_list(Oid relation_id)
{
	Relation	relation = relation_open(relation_id, NoLock);
	TupleDesc	columns = RelationGetDescr(relation);
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (!column->attisdropped)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 NameStr(column->attname));
	}
	relation_close(relation, NoLock);
	return list.data;
}

static void
find_column(Column *column, const OrdersSource *source,
			FunctionCallInfo fcinfo, int argument_number,
			const char *argument)
{
	HeapTuple	tuple;
	Form_pg_attribute attribute;

	if (PG_ARGISNULL(argument_number))
		reject_null(argument);
	column->argument = argument;
	column->name = NameStr(*PG_GETARG_NAME(argument_number));
	tuple = SearchSysCacheAttName(source->relation_id, column->name);
	if (!HeapTupleIsValid(tuple) ||
		((Form_pg_attribute) GETSTRUCT(tuple))->attnum < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("argument \"%s\": \"%s\" has no column \"%s\"",
						argument, source->relation_name, column->name),
				 errhint(column->name[0] == '"' ?
						 "Write it as it is, without double quotes. Its columns are: %s." :
						 "Its columns are: %s.",
						 column_list(source->relation_id))));
	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	check_column_privilege(source->relation_id, attribute->attnum);
	column->sql = psprintf("o.%s", quote_identifier(column->name));
	column->type = attribute->atttypid;
	column->base_type = getBaseType(column->type);
	column->collation = attribute->attcollation;
	column->not_null = attribute->attnotnull;
	ReleaseSysCache(tuple);
}

static void
reject_column_type(const OrdersSource *source, const Column *column,
				   const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("argument \"%s\": column \"%s\" of \"%s\" has type %s",
					column->argument, column->name, source->relation_name,
					format_type_be(column->type)),
			 errhint("%s", hint)));
}

static void
set_customer(OrdersSource *source, const Column *column)
{
	source->customer_type = column->type;
	source->kind = customer_kind_of_type(column->base_type);
	switch (source->kind)
	{
		case KEY_NONE:
		case KEY_PATTERN:
			reject_column_type(source, column,
							   "A customer is a bigint, integer, smallint, text, varchar, char or uuid: cast the column to one of these in a view.");
			break;
		case KEY_BIGINT:
			source->customer = psprintf("%s::pg_catalog.int8", column->sql);
			break;
		case KEY_TEXT:
			/* by bytes, as states have it, whatever the column's collation */
			source->customer = psprintf("%s::pg_catalog.text COLLATE pg_catalog.\"C\"",
										column->sql);
			break;
		case KEY_UUID:
			source->customer = psprintf("%s::pg_catalog.uuid", column->sql);
			break;
	}
}

/* A time without a zone is read in the zone of "tz". */
static void
set_ordered_at(OrdersSource *source, const Column *column)
{
	source->ordered_at_type = column->base_type;
	switch (column->base_type)
	{
		case TIMESTAMPTZOID:
			source->ordered_at = psprintf("%s::pg_catalog.timestamptz", column->sql);
			break;
		case TIMESTAMPOID:
		case DATEOID:
			source->ordered_at =
				psprintf("pg_catalog.timezone(%s, %s::pg_catalog.timestamp)",
						 source->tz, column->sql);
			break;
		default:
			reject_column_type(source, column,
							   "A time of order is a timestamptz, timestamp or date.");
	}
}

static void
set_amount(OrdersSource *source, const Column *column)
{
	switch (column->base_type)
	{
		case NUMERICOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case CASHOID:
			source->amount = psprintf("%s::pg_catalog.numeric", column->sql);
			break;
		default:
			reject_column_type(source, column,
							   "An amount is a numeric, integer, double precision or money.");
	}
}

/*
 * Is there no NULL where a column is declared so? There may be one in a child
 * that dropped the constraint, and from 18 on where it is not validated; but by
 * then the planner knows, and spares the scan for NULLs by itself.
 */
static bool
not_null_holds(const OrdersSource *source)
{
	if (PLANNER_USES_NOT_NULL)
		return false;
	return get_rel_relkind(source->relation_id) == RELKIND_PARTITIONED_TABLE ||
		!has_subclass(source->relation_id);
}

static void
set_order_id(OrdersSource *source, const Column *column)
{
	if (!OidIsValid(lookup_type_cache(column->type, TYPECACHE_EQ_OPR)->eq_opr))
		reject_column_type(source, column,
						   "An order's id is of a type whose values can be compared, such as bigint, text or uuid.");
	source->order_id = column->sql;
	source->order_id_type = column->type;
	source->order_id_collation = column->collation;
	source->order_id_not_null = column->not_null && not_null_holds(source);
}

static void
check_anchor(const OrdersSource *source, FunctionCallInfo fcinfo,
			 const Column *customer, int argument)
{
	Oid			anchor = get_fn_expr_argtype(fcinfo->flinfo, argument);

	if (!customer_type_fits(anchor, customer->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the first argument has type %s, but column \"%s\" of \"%s\" has type %s",
						format_type_be(anchor), customer->name,
						source->relation_name,
						format_type_be(customer->type)),
				 errhint("Write %s(NULL::%s, %s, ...): the first argument gives the result's column its type.",
						 get_func_name(fcinfo->flinfo->fn_oid),
						 format_type_be(customer->type),
						 quote_literal_cstr(source->relation))));
}

static const char *
zone_argument(FunctionCallInfo fcinfo, int argument)
{
	const char *zone;

	if (PG_ARGISNULL(argument))
		reject_null("tz");
	zone = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	(void) zone_from_name(zone);	/* if there is one */
	return zone;
}

static void
begin_source(OrdersSource *source, FunctionCallInfo fcinfo, int relation,
			 const char *relation_name, int tz)
{
	const char *zone = zone_argument(fcinfo, tz);

	memset(source, 0, sizeof(OrdersSource));
	source->zone = zone;
	source->tz = quote_literal_cstr(zone);
	source->extension_id = get_func_namespace(fcinfo->flinfo->fn_oid);
	source->extension =
		quote_identifier(get_namespace_name(source->extension_id));
	open_relation(source, fcinfo, relation, relation_name);
}

/*
 * Checks the arguments that name a relation and its columns.
 */
void
orders_source_init(OrdersSource *source, FunctionCallInfo fcinfo,
				   const OrdersArguments *arguments)
{
	int			relation = arguments->relation;
	Column		column;

	begin_source(source, fcinfo, relation, "orders_table", arguments->tz);
	find_column(&column, source, fcinfo, relation + 1, "customer_column");
	set_customer(source, &column);
	if (arguments->customer_type >= 0)
		check_anchor(source, fcinfo, &column, arguments->customer_type);
	find_column(&column, source, fcinfo, relation + 2, "ordered_at_column");
	set_ordered_at(source, &column);
	find_column(&column, source, fcinfo, relation + 3, "amount_column");
	set_amount(source, &column);
	if (!PG_ARGISNULL(arguments->order_id))
	{
		find_column(&column, source, fcinfo, arguments->order_id,
					"order_id_column");
		set_order_id(source, &column);
	}
}

/*
 * The same for a relation of events: argument number "relation", with those of its
 * customer, time, event, product and value behind it, the last two of which may be NULL,
 * and the anchor before it.
 */
void
events_source_init(OrdersSource *source, FunctionCallInfo fcinfo, int relation,
				   int tz)
{
	Column		column;

	begin_source(source, fcinfo, relation, "events_table", tz);
	find_column(&column, source, fcinfo, relation + 1, "customer_column");
	set_customer(source, &column);
	check_anchor(source, fcinfo, &column, relation - 1);
	find_column(&column, source, fcinfo, relation + 2, "at_column");
	set_ordered_at(source, &column);
	find_column(&column, source, fcinfo, relation + 3, "event_column");
	source->event = psprintf("%s::pg_catalog.text", column.sql);
	if (!PG_ARGISNULL(relation + 4))
	{
		find_column(&column, source, fcinfo, relation + 4, "product_column");
		source->product = psprintf("%s::pg_catalog.text", column.sql);
	}
	if (!PG_ARGISNULL(relation + 5))
	{
		find_column(&column, source, fcinfo, relation + 5, "value_column");
		set_amount(source, &column);
	}
}

/*
 * One more column of the relation, of whatever type: the expression.
 */
const char *
orders_source_column(const OrdersSource *source, FunctionCallInfo fcinfo,
					 int argument_number, const char *argument)
{
	Column		column;

	find_column(&column, source, fcinfo, argument_number, argument);
	return column.sql;
}

/* ------------------------------------------------------------------------
 * Running a query
 * ------------------------------------------------------------------------
 */
typedef struct ConsumerReceiver
{
	DestReceiver pub;
	RowConsumer consume;
	void	   *arg;
} ConsumerReceiver;

static bool
consumer_receive(TupleTableSlot *slot, DestReceiver *self)
{
	ConsumerReceiver *receiver = (ConsumerReceiver *) self;

	slot_getallattrs(slot);
	receiver->consume(slot, receiver->arg);
	return true;
}

static void
consumer_startup(DestReceiver *self, int operation, TupleDesc row)
{
}

static void
consumer_end(DestReceiver *self)
{
}

/* $1, $2, ... of a query; none, not an empty list: distributed planners look into it */
static ParamListInfo
time_params(const TimestampTz *times, int ntimes)
{
	ParamListInfo params = ntimes > 0 ? makeParamList(ntimes) : NULL;

	for (int i = 0; i < ntimes; i++)
		params->params[i] = (ParamExternData)
	{
		.value = TimestampTzGetDatum(times[i]),
			.pflags = PARAM_FLAG_CONST,
			.ptype = TIMESTAMPTZOID
	};
	return params;
}

static void
run_query_with(const char *sql, ParamListInfo params, bool read_only,
			   RowConsumer consume, void *arg)
{
	ConsumerReceiver receiver = {
		.pub = {
			.receiveSlot = consumer_receive,
			.rStartup = consumer_startup,
			.rShutdown = consumer_end,
			.rDestroy = consumer_end,
			.mydest = DestNone
		},
		.consume = consume,
		.arg = arg
	};
	const SPIExecuteOptions options = {
		.params = params,
		.read_only = read_only,
		.dest = &receiver.pub
	};

	SPI_connect();
	SPI_execute_extended(sql, &options);
	SPI_finish();
}

/*
 * Runs a query as the caller, in the caller's snapshot; $1, $2, ... are times.
 * Its rows are consumed while the executor still holds them.
 */
void
run_query(const char *sql, const TimestampTz *times, int ntimes,
		  RowConsumer consume, void *arg)
{
	run_query_with(sql, time_params(times, ntimes), true, consume, arg);
}

/*
 * The same in a snapshot of its own, which sees what this function has done so far
 * and, where the transaction allows, what others have committed.
 */
void
run_query_anew(const char *sql, const TimestampTz *times, int ntimes,
			   RowConsumer consume, void *arg)
{
	run_query_with(sql, time_params(times, ntimes), false, consume, arg);
}

/* ------------------------------------------------------------------------
 * Reading the orders of every customer
 * ------------------------------------------------------------------------
 */

/*
 * The rows to aggregate. Where lines make up orders, those before a time are
 * netted first: an order is at its first line and worth the sum of its lines. A
 * line without an order is an order of its own; a time of infinity is passed on, to
 * be an error like everywhere. (DISTINCT FROM NULL, since a row
 * with a NULL in it neither is nor is not NULL.)
 */
static char *
rows_sql(const OrdersSource *source, int time)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (source->order_id == NULL)
	{
		appendStringInfo(&sql,
						 "SELECT %s AS customer, %s AS ordered_at, %s AS amount FROM %s AS o",
						 source->customer, source->ordered_at, source->amount,
						 source->relation);
		return sql.data;
	}
	appendStringInfo(&sql,
					 "SELECT %s AS customer, "
					 "CASE WHEN pg_catalog.isfinite(pg_catalog.max(%s)) THEN pg_catalog.min(%s) ELSE 'infinity' END AS ordered_at, "
					 "pg_catalog.sum(%s) AS amount "
					 "FROM %s AS o WHERE (%s OPERATOR(pg_catalog.<) $%d OR NOT pg_catalog.isfinite(%s)) AND %s IS DISTINCT FROM NULL "
					 "GROUP BY 1, %s",
					 source->customer, source->ordered_at, source->ordered_at,
					 source->amount, source->relation, source->ordered_at, time,
					 source->ordered_at, source->order_id, source->order_id);
	if (!source->order_id_not_null)
		appendStringInfo(&sql,
						 " UNION ALL SELECT %s, %s, %s FROM %s AS o WHERE %s IS NOT DISTINCT FROM NULL",
						 source->customer, source->ordered_at, source->amount,
						 source->relation, source->order_id);
	return sql.data;
}

/* With calls as aggregate_ref.h has them. */
static char *
calls_sql(const OrdersSource *source, const char *aggregate, int n)
{
	StringInfoData list;
	StringInfoData from;

	initStringInfo(&list);
	initStringInfo(&from);
	for (int i = 1; i <= n; i++)
	{
		/* one scan serves all times, unless lines must be netted until each */
		appendStringInfo(&list, "%s%s.%s.as_of_%d AS s%d",
						 i > 1 && !source->order_id ? ", " : "",
						 source->extension, aggregate, i, i);
		if (source->order_id)
		{
			appendStringInfo(&from, "%s(SELECT %s FROM (%s) AS r%d) AS q%d",
							 i > 1 ? ", " : "", list.data,
							 rows_sql(source, i), i, i);
			resetStringInfo(&list);
		}
	}
	if (source->order_id)
		return psprintf("SELECT * FROM %s", from.data);
	return psprintf("SELECT %s FROM (%s) AS r1", list.data, rows_sql(source, 1));
}

typedef struct StatesRow
{
	bool		with_rows;		/* that wait: see state_open_with_rows() */
	StatesConsumer consume;
	void	   *arg;
} StatesRow;

static void
consume_states(TupleTableSlot *row, void *arg)
{
	StatesRow  *states = arg;
	CustomerTable view[MOST_STATES];
	CustomerTable *tables[MOST_STATES];

	for (int i = 0; i < row->tts_tupleDescriptor->natts; i++)
		tables[i] = row->tts_isnull[i] ? NULL : states->with_rows ?
			state_open_with_rows(row->tts_values[i], &view[i]) :
			state_open(row->tts_values[i], &view[i]);
	states->consume(tables, states->arg);
}

/*
 * Builds an aggregate's state of all orders before each of n times.
 */
void
orders_source_states(const OrdersSource *source, const StateSource *states,
					 const TimestampTz *as_of, int n, StatesConsumer consume,
					 void *arg)
{
	StatesRow	row = {states->reads_rows, consume, arg};
	ParamListInfo params = time_params(as_of, n);
	AggregateRef ref = {
		.schema = source->extension_id,
		.schema_name = get_namespace_name(source->extension_id),
		.aggregate = states->aggregate,
		.takes_as_of = true,
		.tz = states->takes_tz ? source->zone : NULL
	};

	Assert(n > 0 && n <= MOST_STATES);
	aggregate_ref_hook(&ref, params);
	run_query_with(calls_sql(source, states->aggregate, n), params, true,
				   consume_states, &row);
}

typedef struct HistoryCall
{
	HistoryConsumer consume;
	void	   *arg;
} HistoryCall;

static void
consume_history(TupleTableSlot *row, void *arg)
{
	HistoryCall *history = arg;
	HistoryView view;

	if (row->tts_isnull[0])
		return;
	history_open(&view, row->tts_values[0]);
	history->consume(&view, history->arg);
}

/*
 * Builds the history of all orders. Where lines make up orders, those of all time are
 * netted.
 */
void
orders_source_history(const OrdersSource *source, HistoryConsumer consume,
					  void *arg)
{
	const TimestampTz end = DT_NOEND;
	HistoryCall row = {consume, arg};
	ParamListInfo params = time_params(&end, 1);
	AggregateRef ref = {
		.schema = source->extension_id,
		.schema_name = get_namespace_name(source->extension_id),
		.aggregate = "order_history"
	};

	aggregate_ref_hook(&ref, params);
	run_query_with(calls_sql(source, ref.aggregate, 1), params, true,
				   consume_history, &row);
}
