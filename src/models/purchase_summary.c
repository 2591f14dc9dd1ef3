/*
 * purchase_summary.c
 *		purchase_summary: the purchases of one customer as the predictive models want
 *		them; purchase_days_state, the same of all customers at once; and the states of
 *		the fits over order rows, which know the unit of time, too.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/purchase_days.h"

#include "engine/intervals.h"
#include "engine/state_read.h"
#include "base/result_rows.h"

/* ------------------------------------------------------------------------
 * Options
 * ------------------------------------------------------------------------
 */
enum
{
	DAYS_AS_OF,
	DAYS_ZONE
};

static const OptionSpec days_options[] = {
	[DAYS_AS_OF] = {"as_of", OPTION_TIME},
	[DAYS_ZONE] = {"tz", OPTION_ZONE}
};

static const Zone *
days_zone(const StateOptions *options)
{
	return zone_from_name(options->value[DAYS_ZONE].zone);
}

enum
{
	SUMMARY_UNIT,
	SUMMARY_AS_OF,
	SUMMARY_ZONE
};

static const OptionSpec summary_options[] = {
	[SUMMARY_UNIT] = {"unit", OPTION_INTERVAL, LEAST_PERIOD},
	[SUMMARY_AS_OF] = {"as_of", OPTION_TIME},
	[SUMMARY_ZONE] = {"tz", OPTION_ZONE}
};

static const Zone *
summary_zone(const StateOptions *options)
{
	return zone_from_name(options->value[SUMMARY_ZONE].zone);
}

static void
summary_derive(StateOptions *options)
{
	options->derived[0] = interval_days(&options->value[SUMMARY_UNIT].interval,
										"unit");
}

/* ------------------------------------------------------------------------
 * purchase_days_state: all customers
 * ------------------------------------------------------------------------
 */
static void
days_of_rows(const StateOptions *options, void *payload, StateHeap *heap,
			 const struct LooseRow *rows, uint64 count, const char *row_base)
{
	purchase_days_of_rows(payload, heap, days_zone(options), rows, count,
						  row_base);
}

static void
days_merge(CustomerTable *table, void *into, const void *from,
		   const char *from_base)
{
	purchase_days_merge(&table->heap, into, from, from_base);
}

static void
days_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const PurchaseDays *) payload)->days);
}

static bool
days_valid(const void *payload, const char *heap_base,
		   const StateOptions *options)
{
	return purchase_days_valid(payload, heap_base, days_zone(options),
							   options->value[DAYS_AS_OF].time);
}

CUSTOMER_ABSORB(days_absorb, purchase_days_family)

retention_internal const CustomerFamily purchase_days_family = {
	.name = "purchase_days",
	.id = FAMILY_PURCHASE_DAYS,
	.noptions = lengthof(days_options),
	.options = days_options,
	.payload_fields = PURCHASE_DAYS_FIELDS,
	.payload_size = sizeof(PurchaseDays),
	.identity = &purchase_days_of_nobody,
	.merge = days_merge,
	.of_rows = days_of_rows,
	.prefetch = days_prefetch,
	.valid = days_valid,
	.absorb = days_absorb
};

static inline bool
read_days_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;

	if (row->at >= options->value[DAYS_AS_OF].time)
		return false;
	if (likely(update->expanded != NULL))
		waiting_row(payload, row, state_row_heap(update));
	else
		purchase_days_of_row(payload, state_row_heap(update), days_zone(options),
							 row);
	return true;
}

/*
 * purchase_days_state_transfn_<kind>(retention_state, customer, ordered_at,
 * amount, as_of, tz)
 */
STATE_TRANSITIONS(purchase_days_state_transfn, purchase_days_family,
				  TAKES_TIME | TAKES_AMOUNT, read_days_row)

STATE_OF_HISTORY(days_of_history, purchase_days_family,
				 TAKES_TIME | TAKES_AMOUNT, read_days_row)

const StateSource purchase_days_states = {
	.family = &purchase_days_family,
	.aggregate = "purchase_days_state",
	.takes_tz = true,
	.reads_rows = true,
	.of_history = days_of_history
};

/* ------------------------------------------------------------------------
 * btyd_state over order rows: the same, and the unit of time
 * ------------------------------------------------------------------------
 */
static bool
summary_days_valid(const void *payload, const char *heap_base,
				   const StateOptions *options)
{
	return purchase_days_valid(payload, heap_base, summary_zone(options),
							   options->value[SUMMARY_AS_OF].time);
}

CUSTOMER_ABSORB(btyd_days_absorb, btyd_days_family)

retention_internal const CustomerFamily btyd_days_family = {
	.name = "btyd_days",
	.id = FAMILY_BTYD_DAYS,
	.noptions = lengthof(summary_options),
	.options = summary_options,
	.derive = summary_derive,
	.payload_fields = PURCHASE_DAYS_FIELDS,
	.payload_size = sizeof(PurchaseDays),
	.identity = &purchase_days_of_nobody,
	.merge = days_merge,
	.prefetch = days_prefetch,
	.valid = summary_days_valid,
	.absorb = btyd_days_absorb
};

static inline bool
read_btyd_days_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;

	if (row->at >= options->value[SUMMARY_AS_OF].time)
		return false;
	purchase_days_of_row(payload, state_row_heap(update), summary_zone(options),
						 row);
	return true;
}

/*
 * btyd_days_transfn_<kind>(retention_state, customer, ordered_at, amount, unit, as_of,
 * tz)
 */
STATE_TRANSITIONS(btyd_days_transfn, btyd_days_family,
				  TAKES_TIME | TAKES_AMOUNT, read_btyd_days_row)

/* The days of the unit of time of such a state. */
double
btyd_days_unit(const CustomerTable *table)
{
	return table->options->derived[0];
}

/* ------------------------------------------------------------------------
 * Walking over the customers of one of the two
 * ------------------------------------------------------------------------
 */

/* The two families are told apart by their options. */
static const Zone *
table_zone(const CustomerTable *table)
{
	return table->family == &purchase_days_family ?
		days_zone(table->options) : summary_zone(table->options);
}

/* The day of the shop's calendar that holds as_of */
int64
purchase_last_day(const CustomerTable *table)
{
	return period_of(GRAIN_DAY, table_zone(table), state_as_of(table));
}

void
summary_cursor_init(SummaryCursor *cursor, const CustomerTable *table)
{
	*cursor = (SummaryCursor) {.customers = {table, 0}};
	summary_scratch_init(&cursor->scratch);
	if (table == NULL)
		return;
	cursor->zone = table_zone(table);
	cursor->last_day = purchase_last_day(table);
	if (table->waiting)
		cursor->slot = customer_cursor_next_slot(&cursor->customers);
}

/* So many slots ahead of the cursor a timeline is asked for. */
#define SLOTS_AHEAD		12

static inline void
prefetch_ahead(const CustomerCursor *cursor)
{
	const CustomerTable *table = cursor->table;
	const uint64 ahead = cursor->next + SLOTS_AHEAD;
	const char *slot;

	if (ahead >= table->nslots)
		return;
	slot = slot_at(table, ahead);
	if (slot_in_use(table->kind, slot))
	{
		PurchaseDays days;

		memcpy(&days, slot + table->key_size, sizeof(days));
		heap_prefetch(table->heap.base, days.days);
	}
}

/* Sums up the customer of a slot. */
static inline bool
summarize_slot(SummaryCursor *cursor, const char *slot, PurchaseSummary *summary)
{
	const CustomerTable *table = cursor->customers.table;
	PurchaseDays days;

	memcpy(&days, slot + table->key_size, sizeof(days));
	cursor->key = load_key(table->kind, slot);
	cursor->key_base = table->heap.base;
	return purchase_days_summarize(&days, table->heap.base, cursor->last_day,
								   &cursor->scratch, summary);
}

/* The customer of rows that wait. */
static inline bool
summarize_rows(SummaryCursor *cursor, uint64 begin, uint64 end,
			   PurchaseSummary *summary)
{
	const LooseRows *rows = cursor->customers.table->waiting;

	cursor->key = loose_row_key(&rows->row[begin]);
	cursor->key_base = rows->heap.base;
	return purchase_rows_summarize(&rows->row[begin], end - begin,
								   rows->heap.base, cursor->zone,
								   cursor->last_day, &cursor->scratch, summary);
}

/* A customer of both, which few are. */
static bool
summarize_both(SummaryCursor *cursor, const char *slot, uint64 begin, uint64 end,
			   PurchaseSummary *summary)
{
	const CustomerTable *table = cursor->customers.table;
	const LooseRows *rows = table->waiting;
	SummaryScratch *scratch = &cursor->scratch;
	PurchaseDays sum = purchase_days_of_nobody;
	PurchaseDays days;

	scratch->rows.used = scratch->both.used = 0;
	memcpy(&days, slot + table->key_size, sizeof(days));
	purchase_days_merge(&scratch->both, &sum, &days, table->heap.base);
	purchase_days_of_rows(&days, &scratch->rows, cursor->zone,
						  &rows->row[begin], end - begin, rows->heap.base);
	purchase_days_merge(&scratch->both, &sum, &days, scratch->rows.base);
	cursor->key = load_key(table->kind, slot);
	cursor->key_base = table->heap.base;
	return purchase_days_summarize(&sum, scratch->both.base, cursor->last_day,
								   scratch, summary);
}

/* The next customer of slots and rows; whether one with an order is in *found. */
static bool
next_of_both(SummaryCursor *cursor, PurchaseSummary *summary, bool *found)
{
	const CustomerTable *table = cursor->customers.table;
	const LooseRows *rows = table->waiting;
	const char *slot = cursor->slot;
	const uint64 begin = cursor->row;
	int			order;

	if (slot == NULL && begin == rows->count)
		return false;
	order = slot == NULL ? 1 : begin == rows->count ? -1 :
		compare_slot(table, slot, loose_row_key(&rows->row[begin]),
					 rows->heap.base);
	if ((begin & 0xFFF) == 0)
		CHECK_FOR_INTERRUPTS();
	if (order >= 0)
		cursor->row = loose_rows_end(rows, begin);
	if (order <= 0)
		cursor->slot = customer_cursor_next_slot(&cursor->customers);
	*found = order < 0 ? summarize_slot(cursor, slot, summary) :
		order > 0 ? summarize_rows(cursor, begin, cursor->row, summary) :
		summarize_both(cursor, slot, begin, cursor->row, summary);
	return true;
}

/* The next customer with an order; false after the last. */
bool
summary_cursor_next(SummaryCursor *cursor, PurchaseSummary *summary)
{
	const CustomerTable *table = cursor->customers.table;
	const char *slot;
	bool		found = false;

	if (table && table->waiting)
		while (!found && next_of_both(cursor, summary, &found))
			;
	else if (table)
		while (!found &&
			   (slot = customer_cursor_next_slot(&cursor->customers)) != NULL)
		{
			prefetch_ahead(&cursor->customers);
			found = summarize_slot(cursor, slot, summary);
		}
	cursor->ended = !found;
	return found;
}

/* Days can only be compared if they begin at the same time. */
void
check_same_zone(const CustomerTable *a, const CustomerTable *b)
{
	if (a && b && !option_equal(&days_options[DAYS_ZONE],
								&a->options->value[DAYS_ZONE],
								&b->options->value[DAYS_ZONE]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot compare states that were built with different values of \"tz\"")));
}

/* ------------------------------------------------------------------------
 * purchase_summary: one customer, that of the group
 * ------------------------------------------------------------------------
 */
static void
summary_merge_totals(StateHeap *heap, void *into, const void *from,
					 const char *from_base)
{
	purchase_days_merge(heap, into, from, from_base);
}

retention_internal const CustomerFamily purchase_summary_family = {
	.name = "purchase_summary",
	.id = FAMILY_PURCHASE_SUMMARY,
	.noptions = lengthof(summary_options),
	.options = summary_options,
	.derive = summary_derive,
	.totals_fields = PURCHASE_DAYS_FIELDS,
	.totals_size = sizeof(PurchaseDays),
	.totals_identity = &purchase_days_of_nobody,
	.merge_totals = summary_merge_totals,
	.valid = summary_days_valid
};

static inline bool
read_summary_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;
	StateHeap  *row_heap = state_row_heap(update);
	PurchaseDays days;
	PurchaseDays sum;

	if (row->at >= options->value[SUMMARY_AS_OF].time)
		return false;
	purchase_days_of_row(&days, row_heap, summary_zone(options), row);
	/* a copy, since a flat table moves if its heap grows */
	memcpy(&sum, update->table->totals, sizeof(sum));
	purchase_days_merge(&update->table->heap, &sum, &days, row_heap->base);
	memcpy(update->table->totals, &sum, sizeof(sum));
	return false;
}

/*
 * purchase_summary_transfn(retention_state, ordered_at, amount, unit, as_of, tz)
 */
STATE_TRANSITIONS_OF_ALL(purchase_summary_transfn, purchase_summary_family,
						 TAKES_TIME | TAKES_AMOUNT, read_summary_row)

/* The columns of purchase_summary_row */
enum
{
	PURCHASE_ORDERS,
	PURCHASE_FIRST_ORDER_AT,
	PURCHASE_LAST_ORDER_AT,
	PURCHASE_REVENUE,
	PURCHASE_X,
	PURCHASE_T_X,
	PURCHASE_AGE,
	PURCHASE_MEAN_REPEAT_VALUE,
	PURCHASE_COLUMNS
};

/*
 * purchase_summary(retention_state) returns purchase_summary_row (orders,
 * first_order_at, last_order_at, revenue, x, t_x, age, mean_repeat_value)
 *
 * t_x and age are in units of "unit"; NULL without an order.
 */
PG_FUNCTION_INFO_V1(purchase_summary);
Datum
purchase_summary(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	const StateOptions *options = table->options;
	PurchaseDays days;
	PurchaseSummary summary;
	SummaryScratch scratch;
	double		unit;
	Datum		values[PURCHASE_COLUMNS];
	bool		nulls[PURCHASE_COLUMNS] = {false};

	if (table->family != &purchase_summary_family)
		reject_state(table, "purchase_summary");
	memcpy(&days, table->totals, sizeof(days));
	summary_scratch_init(&scratch);
	if (!purchase_days_summarize(&days, table->heap.base,
								 period_of(GRAIN_DAY, summary_zone(options),
										   options->value[SUMMARY_AS_OF].time),
								 &scratch, &summary))
		PG_RETURN_NULL();
	unit = options->derived[0];
	values[PURCHASE_ORDERS] = Int64GetDatum(summary.orders);
	values[PURCHASE_FIRST_ORDER_AT] = TimestampTzGetDatum(summary.first_order_at);
	values[PURCHASE_LAST_ORDER_AT] = TimestampTzGetDatum(summary.last_order_at);
	values[PURCHASE_REVENUE] = numeric_or_null(money_numeric(&summary.money, scratch.sums.base),
											   &nulls[PURCHASE_REVENUE]);
	values[PURCHASE_X] = Int64GetDatum(summary.x);
	values[PURCHASE_T_X] = Float8GetDatum(summary.t_x / unit);
	values[PURCHASE_AGE] = Float8GetDatum(summary.age / unit);
	values[PURCHASE_MEAN_REPEAT_VALUE] = mean_repeat_value(&summary, &scratch, &nulls[PURCHASE_MEAN_REPEAT_VALUE]);
	return result_row(fcinfo, values, nulls);
}
