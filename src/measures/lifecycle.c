/*
 * lifecycle.c
 *		Who is new, who stays, who comes back, who is gone? Period by period.
 *
 * In a period a customer is one of
 *
 *		new				the first order lies in it
 *		returning		active in it and in the one before
 *		resurrected		active in it, not in the one before, but earlier
 *		dormant			active in the one before, not in it
 *		silent			active in neither, but earlier
 *
 * so active = new + returning + resurrected, and who was active in the period
 * before is returning or dormant.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/seal.h"
#include "engine/transition.h"

#include "measures/calendar_options.h"
#include "base/large_memory.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/timeline.h"

typedef struct LifecyclePayload
{
	uint64		activity;		/* timeline by period: rows of each */
} LifecyclePayload;

static const LifecyclePayload lifecycle_of_nobody = {TIMELINE_EMPTY};

static void
lifecycle_merge(CustomerTable *table, void *into, const void *from,
				const char *from_base)
{
	timeline_merge(&table->heap, &((LifecyclePayload *) into)->activity,
				   from_base, ((const LifecyclePayload *) from)->activity);
}

static void
lifecycle_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const LifecyclePayload *) payload)->activity);
}

static bool
lifecycle_valid(const void *payload, const char *heap_base,
				const StateOptions *options)
{
	const LifecyclePayload *customer = payload;
	int64		last = calendar_last_period(options);
	int64		first = calendar_period(options, MIN_TIMESTAMP);
	TimelineReader reader;

	if (customer->activity == TIMELINE_EMPTY)
		return false;
	timeline_open(&reader, heap_base, customer->activity);
	while (timeline_next(&reader))
		if (reader.position < first || reader.position > last ||
			reader.orders == 0 || reader.money)
			return false;
	return true;
}

/* ------------------------------------------------------------------------
 * The sums, which are the entries of a sealed state
 * ------------------------------------------------------------------------
 */

/* Customers of one period. */
typedef struct Lifecycle
{
	int64		new;
	int64		returning;
	int64		resurrected;
	int64		dormant;
} Lifecycle;

/* All periods from the first order's to the last before as_of */
typedef struct LifecyclePeriods
{
	int64		first;
	int64		count;
	Lifecycle  *period;
} LifecyclePeriods;

static void
periods_merge(CustomerTable *table, void *into, const void *from,
			  const char *from_base)
{
	Lifecycle  *a = into;
	const Lifecycle *b = from;

	add_count(&a->new, b->new, "customers");
	add_count(&a->returning, b->returning, "customers");
	add_count(&a->resurrected, b->resurrected, "customers");
	add_count(&a->dormant, b->dormant, "customers");
}

static bool
period_is_used(const void *payload, const char *heap_base,
			   const StateOptions *options)
{
	const Lifecycle *period = payload;

	return period->new > 0 || period->returning > 0 ||
		period->resurrected > 0 || period->dormant > 0;
}

/*
 * Counts a customer in the periods from "first" on; there are "count" of them.
 */
static void
count_customer(Lifecycle *periods, int64 first, int64 count,
			   const char *heap_base, uint64 activity)
{
	TimelineReader reader;
	int64		before = -1;

	timeline_open(&reader, heap_base, activity);
	while (timeline_next(&reader))
	{
		int64		now = reader.position - first;

		if (before < 0)
			periods[now].new++;
		else if (now == before + 1)
			periods[now].returning++;
		else
		{
			periods[before + 1].dormant++;
			periods[now].resurrected++;
		}
		before = now;
	}
	if (before + 1 < count)
		periods[before + 1].dormant++;
}

/* The period of the first order of all; false if there is none. */
static bool
first_period(const CustomerTable *table, int64 *first)
{
	CustomerReadAhead ahead;
	LifecyclePayload customer;

	*first = PG_INT64_MAX;
	customer_read_ahead_begin(&ahead, table);
	while (customer_read_ahead_next(&ahead, &customer))
		*first = Min(*first, timeline_first(table->heap.base, customer.activity));
	return *first != PG_INT64_MAX;
}

static void
periods_init(LifecyclePeriods *periods, const StateOptions *options, int64 first)
{
	periods->first = first;
	periods->count = calendar_last_period(options) - first + 1;
	calendar_check_rows(calendar_grain(options), periods->count);
	periods->period = large_array_alloc0(periods->count, sizeof(Lifecycle));
}

/* False if there are no orders. */
static bool
count_customers(LifecyclePeriods *periods, const CustomerTable *table)
{
	CustomerReadAhead ahead;
	LifecyclePayload customer;
	int64		first;

	if (!first_period(table, &first))
		return false;
	periods_init(periods, table->options, first);
	customer_read_ahead_begin(&ahead, table);
	while (customer_read_ahead_next(&ahead, &customer))
		count_customer(periods->period, first, periods->count, table->heap.base,
					   customer.activity);
	return true;
}

/* The same of a sealed state. */
static bool
take_sums(LifecyclePeriods *periods, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	CustomerKey key;
	Lifecycle	sums;
	int64		first = PG_INT64_MAX;

	while (sealed_next(&cursor, &key, &sums))
		first = Min(first, key_to_bigint(key));
	if (first == PG_INT64_MAX)
		return false;
	if (first > calendar_last_period(table->options))
		reject_sealed(table);
	periods_init(periods, table->options, first);
	cursor = (CustomerCursor) {table, 0};
	while (sealed_next(&cursor, &key, &sums))
	{
		const int64 place = key_to_bigint(key) - first;

		if (place >= periods->count)
			reject_sealed(table);
		periods->period[place] = sums;
	}
	return true;
}

static void
lifecycle_seal(CustomerTable *table, SealedState *into)
{
	LifecyclePeriods periods;

	if (!count_customers(&periods, table))
		return;
	for (int64 i = 0; i < periods.count; i++)
		if (period_is_used(&periods.period[i], NULL, NULL))
			sealed_add(into, key_from_bigint(periods.first + i),
					   &periods.period[i]);
}

CUSTOMER_ABSORB(lifecycle_absorb, lifecycle_family)
CUSTOMER_ABSORB(sealed_lifecycle_absorb, sealed_lifecycle_family)

retention_internal const CustomerFamily lifecycle_family = {
	.name = "lifecycle",
	.id = FAMILY_LIFECYCLE,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.payload_fields = STATE_FIELDS(FIELD(LifecyclePayload, activity, TIMELINE)),
	.payload_size = sizeof(LifecyclePayload),
	.identity = &lifecycle_of_nobody,
	.merge = lifecycle_merge,
	.prefetch = lifecycle_prefetch,
	.valid = lifecycle_valid,
	.sealed = &sealed_lifecycle_family,
	.seal = lifecycle_seal,
	.absorb = lifecycle_absorb
};

retention_internal const CustomerFamily sealed_lifecycle_family = {
	.name = "sealed lifecycle",
	.id = FAMILY_SEALED_LIFECYCLE,
	.sealed_of = &lifecycle_family,
	.noptions = CALENDAR_OPTIONS,
	.options = calendar_options,
	.totals_fields = STATE_FIELDS(FIELD(SealedTotals, customers, COUNT)),
	.totals_size = sizeof(SealedTotals),
	.merge_totals = sealed_totals_merge,
	.payload_fields = STATE_FIELDS(FIELD(Lifecycle, new, COUNT),
								   FIELD(Lifecycle, returning, COUNT),
								   FIELD(Lifecycle, resurrected, COUNT),
								   FIELD(Lifecycle, dormant, COUNT)),
	.payload_size = sizeof(Lifecycle),
	.merge = periods_merge,
	.valid = period_is_used,
	.absorb = sealed_lifecycle_absorb,
	.key_name = "period",
	.key_kind = KEY_BIGINT,
	.valid_key = period_valid_key
};

static inline bool
read_lifecycle_row(StateUpdate *update, const OrderRow *row, void *payload)
{
	const StateOptions *options = update->table->options;
	const Money no_money = {0, 0};

	if (row->at >= calendar_as_of(options))
		return false;
	((LifecyclePayload *) payload)->activity =
		timeline_create(state_row_heap(update), calendar_period(options, row->at), 1,
						&no_money, NULL);
	return true;
}

static inline bool
read_lifecycle_customer(StateUpdate *update, CustomerRows *rows, void *payload)
{
	const StateOptions *options = update->table->options;
	const TimestampTz as_of = calendar_as_of(options);
	const Money no_money = {0, 0};
	LifecyclePayload *customer = payload;
	TimelineBuilder activity;
	OrderRow	row;

	timeline_build_begin(&activity);
	while (customer_rows_next(rows, &row) && row.at < as_of)
		timeline_build_add(&activity, calendar_period(options, row.at),
						   &no_money);
	customer->activity = timeline_build_end(&activity, state_row_heap(update));
	return customer->activity != TIMELINE_EMPTY;
}

/*
 * lifecycle_transfn_<kind>(retention_state, customer, ordered_at, grain, as_of,
 * tz)
 */
STATE_TRANSITIONS_AT_ONCE(lifecycle_transfn, lifecycle_family, TAKES_TIME,
						  read_lifecycle_row, read_lifecycle_customer)

/* The columns of lifecycle_row */
enum
{
	LIFECYCLE_PERIOD_START,
	LIFECYCLE_ACTIVE,
	LIFECYCLE_NEW,
	LIFECYCLE_RETURNING,
	LIFECYCLE_RESURRECTED,
	LIFECYCLE_DORMANT,
	LIFECYCLE_SILENT,
	LIFECYCLE_DORMANT_RATE,
	LIFECYCLE_QUICK_RATIO,
	LIFECYCLE_IS_COMPLETE,
	LIFECYCLE_COLUMNS
};

static void
add_period_row(ResultRows *rows, const StateOptions *options, int64 period,
			   const Lifecycle *now, int64 active_before, int64 known_before,
			   bool ended)
{
	Datum		values[LIFECYCLE_COLUMNS];
	bool		nulls[LIFECYCLE_COLUMNS] = {false};

	values[LIFECYCLE_PERIOD_START] = DateADTGetDatum(period_date(calendar_grain(options), period));
	values[LIFECYCLE_ACTIVE] = Int64GetDatum(now->new + now->returning + now->resurrected);
	values[LIFECYCLE_NEW] = Int64GetDatum(now->new);
	values[LIFECYCLE_RETURNING] = Int64GetDatum(now->returning);
	values[LIFECYCLE_RESURRECTED] = Int64GetDatum(now->resurrected);
	values[LIFECYCLE_DORMANT] = Int64GetDatum(now->dormant);
	values[LIFECYCLE_SILENT] = Int64GetDatum(known_before - active_before - now->resurrected);
	values[LIFECYCLE_DORMANT_RATE] = share_or_null(now->dormant, ended ? active_before : 0, &nulls[LIFECYCLE_DORMANT_RATE]);
	values[LIFECYCLE_QUICK_RATIO] = share_or_null(now->new + now->resurrected,
												  ended ? now->dormant : 0, &nulls[LIFECYCLE_QUICK_RATIO]);
	values[LIFECYCLE_IS_COMPLETE] = BoolGetDatum(ended);
	result_rows_add(rows, values, nulls);
}

/*
 * lifecycle(retention_state) returns lifecycle_row[]
 *
 * A row for every period from the first order's to the last that has begun before
 * as_of. If that one has not ended by as_of it is open: its counts are counts so
 * far, its ratios NULL. NULL without orders.
 */
PG_FUNCTION_INFO_V1(lifecycle);
Datum
lifecycle(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	LifecyclePeriods periods;
	ResultRows	rows;
	int64		open;
	int64		active = 0;
	int64		known = 0;

	if (!(state_is_sealed(table, &lifecycle_family, "lifecycle") ?
		  take_sums(&periods, table) : count_customers(&periods, table)))
		PG_RETURN_NULL();
	open = calendar_open_period(table->options);
	result_rows_init(&rows, fcinfo);
	for (int64 i = 0; i < periods.count; i++)
	{
		const Lifecycle *now = &periods.period[i];

		/* as sums of customers always are */
		if (now->returning + now->dormant != active ||
			now->resurrected > known - active)
			reject_sealed(table);
		add_period_row(&rows, table->options, periods.first + i, now, active, known,
					   periods.first + i < open);
		active = now->new + now->returning + now->resurrected;
		known += now->new;
	}
	return result_rows_array(&rows);
}
