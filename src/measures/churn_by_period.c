/*
 * churn_by_period.c
 *		Who has left, come back, come anew? Period by period, from one scan.
 *
 * A customer is active at an instant t if an order lies in [t - inactive_after, t). The
 * instants that are asked about are the boundaries of the periods, counted back from
 * as_of:
 *
 *		boundary 0		as_of, where the last period ends for now
 *		boundary k		the start of the k-th period from the last on, that is, the
 *						end of the one before
 *
 * A row is the period that ends at a boundary, and has its number: row 0 is the last.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/seal.h"
#include "engine/transition.h"

#include "base/large_memory.h"
#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/instants.h"
#include "engine/intervals.h"
#include "measures/calendar_options.h"
#include "utils/memutils.h"

enum
{
	CHURN_INACTIVE_AFTER,
	CHURN_CALENDAR,				/* grain, as_of, tz: calendar_options.h */
	CHURN_OPTIONS = CHURN_CALENDAR + CALENDAR_OPTIONS
};

static const OptionSpec churn_by_period_options[CHURN_OPTIONS] = {
	[CHURN_INACTIVE_AFTER] = {"inactive_after", OPTION_INTERVAL, LEAST_PERIOD},
	[CHURN_CALENDAR + CALENDAR_GRAIN] = {"grain", OPTION_GRAIN},
	[CHURN_CALENDAR + CALENDAR_AS_OF] = {"as_of", OPTION_TIME},
	[CHURN_CALENDAR + CALENDAR_ZONE] = {"tz", OPTION_ZONE}
};

/* A boundary, and from when on an order makes its customer active there. */
typedef struct Boundary
{
	TimestampTz at;
	TimestampTz active_from;
} Boundary;

static Boundary
churn_boundary(const StateOptions *options, int64 last_period, int64 number)
{
	Boundary	boundary;

	boundary.at = number == 0 ? calendar_as_of_from(options, CHURN_CALENDAR) :
		period_begin(calendar_grain_from(options, CHURN_CALENDAR),
					 calendar_zone_from(options, CHURN_CALENDAR),
					 last_period - number + 1);
	if (!utc_minus_fits(boundary.at,
						&options->value[CHURN_INACTIVE_AFTER].interval,
						&boundary.active_from))
		boundary.active_from = MIN_TIMESTAMP;
	return boundary;
}

/* ------------------------------------------------------------------------
 * The boundaries that have a bit in every payload
 * ------------------------------------------------------------------------
 */
#define BITS	64
#define MOST_CUTS	(2 * BITS)

/*
 * At which of the last boundaries an order makes its customer active, for all instants
 * of orders: time is cut wherever an answer begins or ends. (Intervals with months do
 * not keep instants in their order: an hour before 31 March is before an hour before
 * 30 March, a month earlier. So it is more than one run of boundaries, now and then.)
 */
typedef struct Boundaries
{
	OptionValue value[CHURN_OPTIONS - 1 + ZONE_VALUES]; /* of these options */
	TimestampTz bits_from;		/* orders before it matter to boundaries that
								 * have no bit, too */
	int			cuts;
	int			last;			/* the cut found last */
	TimestampTz cut[MOST_CUTS];
	uint64		active[MOST_CUTS];	/* from this cut to the next; bit k:
									 * boundary k */
} Boundaries;

StaticAssertDecl(CHURN_OPTIONS - 1 + ZONE_VALUES <= MOST_OPTIONS,
				 "a state has as many values as are compared");

static int
compare_cuts(const void *a, const void *b)
{
	TimestampTz x = *(const TimestampTz *) a;
	TimestampTz y = *(const TimestampTz *) b;

	return (x > y) - (x < y);
}

static void
fill_boundaries(Boundaries *boundaries, const StateOptions *options)
{
	int64		last_period = calendar_last_period_from(options, CHURN_CALENDAR);

	/* nobody has an order before the first period there is */
	int64		all = last_period -
		calendar_period_from(options, CHURN_CALENDAR, MIN_TIMESTAMP) + 1;
	int			bits = (int) Min(all, BITS);
	Boundary	boundary[BITS];
	int			cuts = 0;

	for (int i = 0; i < bits; i++)
	{
		boundary[i] = churn_boundary(options, last_period, i);
		boundaries->cut[cuts++] = boundary[i].at;
		boundaries->cut[cuts++] = boundary[i].active_from;
	}
	qsort(boundaries->cut, cuts, sizeof(TimestampTz), compare_cuts);
	for (int c = 0; c < cuts; c++)
	{
		boundaries->active[c] = 0;
		for (int i = 0; i < bits; i++)
			if (boundaries->cut[c] >= boundary[i].active_from &&
				boundaries->cut[c] < boundary[i].at)
				boundaries->active[c] |= UINT64CONST(1) << i;
	}
	boundaries->cuts = cuts;
	boundaries->last = 0;
	boundaries->bits_from = all <= BITS ? DT_NOBEGIN :
		churn_boundary(options, last_period, BITS).at;
	memcpy(boundaries->value, options->value, sizeof(boundaries->value));
}

#define KEPT_BOUNDARIES	8

/*
 * The boundaries of these options. Those asked for last are kept, once per process: they
 * are facts, and nothing depends on them being there.
 */
static Boundaries *
boundaries_of(const StateOptions *options)
{
	static Boundaries *kept[KEPT_BOUNDARIES];
	static int	oldest = 0;
	Boundaries *boundaries = NULL;

	for (int i = 0; i < KEPT_BOUNDARIES && kept[i]; i++)
		if (memcmp(kept[i]->value, options->value,
				   sizeof(kept[i]->value)) == 0)
			return kept[i];
	boundaries = palloc0(sizeof(Boundaries));
	fill_boundaries(boundaries, options);
	if (kept[oldest] == NULL)
		kept[oldest] = MemoryContextAlloc(TopMemoryContext, sizeof(Boundaries));
	*kept[oldest] = *boundaries;
	pfree(boundaries);
	boundaries = kept[oldest];
	oldest = (oldest + 1) % KEPT_BOUNDARIES;
	return boundaries;
}

/* The bits of an order before as_of. */
static inline uint64
bits_of_order(Boundaries *boundaries, TimestampTz at)
{
	int			first = boundaries->last;
	int			count = boundaries->cuts;

	/* orders that follow one another mostly lie between the same two cuts */
	if (at >= boundaries->cut[first] &&
		(first + 1 == count || at < boundaries->cut[first + 1]))
		return boundaries->active[first];
	if (at < boundaries->cut[0])
		return 0;
	/* the last cut that is not after it */
	first = 0;
	while (count > 1)
	{
		int			half = count / 2;

		if (boundaries->cut[first + half] <= at)
			first += half;
		count -= half;
	}
	boundaries->last = first;
	return boundaries->active[first];
}

/* ------------------------------------------------------------------------
 * The state
 * ------------------------------------------------------------------------
 */
typedef struct ChurnByPeriodPayload
{
	TimestampTz first_order_at;
	uint64		active;			/* bit k: at boundary k */
	uint64		earlier;		/* instants of orders before bits_from, from
								 * which the boundaries before are answered */
} ChurnByPeriodPayload;

static const ChurnByPeriodPayload churn_by_period_of_nobody = {
	.first_order_at = DT_NOEND,
	.earlier = INSTANTS_NONE
};

static void
churn_by_period_derive(StateOptions *options)
{
	(void) utc_minus(calendar_as_of_from(options, CHURN_CALENDAR),
					 &options->value[CHURN_INACTIVE_AFTER].interval,
					 "inactive_after");
}

static void
churn_by_period_merge(CustomerTable *table, void *into, const void *from,
					  const char *from_base)
{
	ChurnByPeriodPayload *a = into;
	const ChurnByPeriodPayload *b = from;

	a->first_order_at = Min(a->first_order_at, b->first_order_at);
	a->active |= b->active;
	instants_merge(&table->heap, &a->earlier, from_base, b->earlier);
}

static void
churn_by_period_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base,
				  ((const ChurnByPeriodPayload *) payload)->earlier);
}

/*
 * Are these the instants before bits_from of a customer with this first order? Adds
 * their bits.
 */
static bool
earlier_valid(const ChurnByPeriodPayload *customer, const char *heap_base,
			  Boundaries *boundaries, uint64 *bits)
{
	SortedInstants orders = {0};
	bool		valid;

	if (customer->earlier == INSTANTS_NONE)
		return customer->first_order_at >= boundaries->bits_from;
	instants_sort(&orders, heap_base, customer->earlier);
	valid = orders.at[0] == customer->first_order_at &&
		orders.at[orders.count - 1] < boundaries->bits_from;
	for (uint32 i = 0; i < orders.count; i++)
		*bits |= bits_of_order(boundaries, orders.at[i]);
	pfree(orders.at);
	return valid;
}

/*
 * Bits are those of orders, so each comes with those of the other boundaries that
 * its order is near.
 */
static bool
churn_by_period_valid(const void *payload, const char *heap_base,
					  const StateOptions *options)
{
	const ChurnByPeriodPayload *customer = payload;
	Boundaries *boundaries = boundaries_of(options);
	TimestampTz as_of = calendar_as_of_from(options, CHURN_CALENDAR);
	TimestampTz from = Max(customer->first_order_at, boundaries->bits_from);
	uint64		bits;

	if (!IS_VALID_TIMESTAMP(customer->first_order_at) ||
		customer->first_order_at >= as_of)
		return false;
	bits = bits_of_order(boundaries, customer->first_order_at);
	if (!earlier_valid(customer, heap_base, boundaries, &bits))
		return false;
	for (int c = 0; c < boundaries->cuts; c++)
		if ((c + 1 == boundaries->cuts || boundaries->cut[c + 1] > from) &&
			(boundaries->active[c] & ~customer->active) == 0)
			bits |= boundaries->active[c];
	return bits == customer->active;
}

/*
 * Customers who have become active or inactive in a period, and those whose first order
 * lies in it, though they may not be active at its end. A sealed state's entries, by the
 * number of the row.
 */
typedef struct PeriodChanges
{
	int64		first_orders;
	int64		new;
	int64		reactivated;
	int64		churned;
} PeriodChanges;

static void
changes_merge(CustomerTable *table, void *into, const void *from,
			  const char *from_base)
{
	PeriodChanges *a = into;
	const PeriodChanges *b = from;

	add_count(&a->first_orders, b->first_orders, "customers");
	add_count(&a->new, b->new, "customers");
	add_count(&a->reactivated, b->reactivated, "customers");
	add_count(&a->churned, b->churned, "customers");
}

static bool
changes_valid(const void *payload, const char *heap_base,
			  const StateOptions *options)
{
	const PeriodChanges *changes = payload;

	return changes->new <= changes->first_orders &&
		(changes->first_orders > 0 || changes->reactivated > 0 ||
		 changes->churned > 0);
}

/* The number of a row, from the last period back */
static bool
row_valid_key(const int64 *row)
{
	return *row >= 0 && *row <= MOST_RESULT_ROWS;
}

static void churn_by_period_seal(CustomerTable *table, SealedState *into);

CUSTOMER_ABSORB(churn_by_period_absorb, churn_by_period_family)
CUSTOMER_ABSORB(sealed_churn_by_period_absorb, sealed_churn_by_period_family)

retention_internal const CustomerFamily churn_by_period_family = {
	.name = "churn_by_period",
	.id = FAMILY_CHURN_BY_PERIOD,
	.noptions = CHURN_OPTIONS,
	.options = churn_by_period_options,
	.derive = churn_by_period_derive,
	.payload_fields = STATE_FIELDS(FIELD(ChurnByPeriodPayload, first_order_at, INT64),
								   FIELD(ChurnByPeriodPayload, active, INT64),
								   FIELD(ChurnByPeriodPayload, earlier, INSTANTS)),
	.payload_size = sizeof(ChurnByPeriodPayload),
	.identity = &churn_by_period_of_nobody,
	.merge = churn_by_period_merge,
	.prefetch = churn_by_period_prefetch,
	.valid = churn_by_period_valid,
	.sealed = &sealed_churn_by_period_family,
	.seal = churn_by_period_seal,
	.absorb = churn_by_period_absorb
};

retention_internal const CustomerFamily sealed_churn_by_period_family = {
	.name = "sealed churn_by_period",
	.id = FAMILY_SEALED_CHURN_BY_PERIOD,
	.sealed_of = &churn_by_period_family,
	.noptions = CHURN_OPTIONS,
	.options = churn_by_period_options,
	.derive = churn_by_period_derive,
	.totals_fields = STATE_FIELDS(FIELD(SealedTotals, customers, COUNT)),
	.totals_size = sizeof(SealedTotals),
	.merge_totals = sealed_totals_merge,
	.payload_fields = STATE_FIELDS(FIELD(PeriodChanges, first_orders, COUNT),
								   FIELD(PeriodChanges, new, COUNT),
								   FIELD(PeriodChanges, reactivated, COUNT),
								   FIELD(PeriodChanges, churned, COUNT)),
	.payload_size = sizeof(PeriodChanges),
	.merge = changes_merge,
	.valid = changes_valid,
	.absorb = sealed_churn_by_period_absorb,
	.key_name = "row",
	.key_kind = KEY_BIGINT,
	.valid_key = row_valid_key
};

static inline bool
read_churn_by_period_row(StateUpdate *update, const OrderRow *row,
						 void *payload)
{
	const StateOptions *options = update->table->options;
	ChurnByPeriodPayload *customer = payload;
	Boundaries *boundaries;

	if (row->at >= calendar_as_of_from(options, CHURN_CALENDAR))
		return false;
	boundaries = boundaries_of(options);
	customer->first_order_at = row->at;
	customer->active = bits_of_order(boundaries, row->at);
	customer->earlier = row->at >= boundaries->bits_from ? INSTANTS_NONE :
		instants_create(state_row_heap(update), row->at);
	return true;
}

static inline bool
read_churn_by_period_customer(StateUpdate *update, CustomerRows *rows,
							  void *payload)
{
	const StateOptions *options = update->table->options;
	const TimestampTz as_of = calendar_as_of_from(options, CHURN_CALENDAR);
	ChurnByPeriodPayload *customer = payload;
	Boundaries *boundaries = boundaries_of(options);
	InstantList earlier;
	OrderRow	row;

	*customer = churn_by_period_of_nobody;
	instant_list_begin(&earlier, customer_rows_left(rows));
	while (customer_rows_next(rows, &row) && row.at < as_of)
	{
		customer->first_order_at = Min(customer->first_order_at, row.at);
		customer->active |= bits_of_order(boundaries, row.at);
		if (row.at < boundaries->bits_from)
			instant_list_add(&earlier, row.at);
	}
	customer->earlier = instant_list_end(&earlier, state_row_heap(update));
	return customer->first_order_at != DT_NOEND;
}

/*
 * churn_by_period_transfn_<kind>(retention_state, customer, ordered_at,
 * inactive_after, grain, as_of, tz)
 */
STATE_TRANSITIONS_AT_ONCE(churn_by_period_transfn, churn_by_period_family,
						  TAKES_TIME, read_churn_by_period_row,
						  read_churn_by_period_customer)

/* ------------------------------------------------------------------------
 * The rows
 * ------------------------------------------------------------------------
 */

/* The rows, from the last period back to that of the first order. */
typedef struct ChurnSeries
{
	const StateOptions *options;
	int64		last_period;
	int64		count;
	PeriodChanges *changes;
	Boundary   *boundary;		/* by number; those with a bit are not filled
								 * in */
	TimestampTz *later_from;	/* the earliest active_from of a boundary
								 * without a bit and all such after it */
} ChurnSeries;

static void
count_change(PeriodChanges *changes, bool active, bool is_first)
{
	if (!active)
		changes->churned++;
	else if (is_first)
		changes->new++;
	else
		changes->reactivated++;
}

/*
 * The changes at boundaries without a bit. Returns whether the customer is active at the
 * last of them.
 */
static bool
count_earlier(ChurnSeries *series, const SortedInstants *orders, int64 first_row)
{
	bool		active = false;

	for (uint32 i = 0; i < orders->count; i++)
	{
		TimestampTz order = orders->at[i];
		TimestampTz next = i + 1 < orders->count ? orders->at[i + 1] : DT_NOEND;

		/* the first boundary after it is the end of its period */
		int64		number = series->last_period -
			calendar_period_from(series->options, CHURN_CALENDAR, order);

		/* it is the last order before those up to the next one */
		for (; number >= BITS && series->boundary[number].at <= next; number--)
		{
			bool		was_active = active;

			if ((number & 0xFFF) == 0)
				CHECK_FOR_INTERRUPTS();
			active = order >= series->boundary[number].active_from;
			if (active != was_active)
				count_change(&series->changes[number], active,
							 number == first_row);
			if (!active && order < series->later_from[number])
				break;
		}
	}
	return active;
}

/* The changes at boundaries with a bit. */
static void
count_bits(ChurnSeries *series, uint64 active, bool active_before,
		   int64 first_row)
{
	uint64		before = (active >> 1) |
		((uint64) active_before << (BITS - 1));
	uint64		changed = active ^ before;

	while (changed != 0)
	{
		int			number = pg_rightmost_one_pos64(changed);

		count_change(&series->changes[number], (active >> number) & 1,
					 number == first_row);
		changed &= changed - 1;
	}
}

/* The first of all; infinity if there is none. */
static TimestampTz
first_of_all(const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	ChurnByPeriodPayload customer;
	TimestampTz first = DT_NOEND;

	while (customer_cursor_next(&cursor, &customer))
		first = Min(first, customer.first_order_at);
	return first;
}

static void
series_init(ChurnSeries *series, const CustomerTable *table, int64 count)
{
	const StateOptions *options = table->options;

	series->options = options;
	series->last_period = calendar_last_period_from(options, CHURN_CALENDAR);
	series->count = count;
	calendar_check_rows(calendar_grain_from(options, CHURN_CALENDAR), count);
	series->changes = large_array_alloc0(count, sizeof(PeriodChanges));
}

/* What is needed to count customers */
static void
series_boundaries(ChurnSeries *series)
{
	TimestampTz from = DT_NOEND;

	series->boundary = array_alloc(series->count, sizeof(Boundary));
	series->later_from = array_alloc(series->count, sizeof(TimestampTz));
	for (int64 number = BITS; number < series->count; number++)
	{
		CHECK_FOR_INTERRUPTS();
		series->boundary[number] = churn_boundary(series->options,
												  series->last_period, number);
		from = Min(from, series->boundary[number].active_from);
		series->later_from[number] = from;
	}
}

static void
series_add(ChurnSeries *series, const CustomerTable *table,
		   const ChurnByPeriodPayload *customer, SortedInstants *orders)
{
	int64		first_row = series->last_period -
		calendar_period_from(series->options, CHURN_CALENDAR,
							 customer->first_order_at);
	bool		active = false;

	series->changes[first_row].first_orders++;
	if (customer->earlier != INSTANTS_NONE)
	{
		instants_sort(orders, table->heap.base, customer->earlier);
		active = count_earlier(series, orders, first_row);
	}
	count_bits(series, customer->active, active, first_row);
}

/* False without orders. */
static bool
count_customers(ChurnSeries *series, const CustomerTable *table)
{
	const TimestampTz first = first_of_all(table);
	CustomerCursor cursor = {table, 0};
	ChurnByPeriodPayload customer;
	SortedInstants orders = {0};

	if (first == DT_NOEND)
		return false;
	series_init(series, table,
				calendar_last_period_from(table->options, CHURN_CALENDAR) -
				calendar_period_from(table->options, CHURN_CALENDAR, first) + 1);
	series_boundaries(series);
	while (customer_cursor_next(&cursor, &customer))
		series_add(series, table, &customer, &orders);
	return true;
}

static void
churn_by_period_seal(CustomerTable *table, SealedState *into)
{
	ChurnSeries series;

	if (!count_customers(&series, table))
		return;
	for (int64 row = 0; row < series.count; row++)
	{
		const PeriodChanges *changes = &series.changes[row];

		if (changes->first_orders > 0 || changes->reactivated > 0 ||
			changes->churned > 0)
			sealed_add(into, key_from_bigint(row), changes);
	}
}

/* The same of a sealed state. */
static bool
take_sums(ChurnSeries *series, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	CustomerKey row;
	PeriodChanges changes;
	int64		count = 0;

	while (sealed_next(&cursor, &row, &changes))
		count = Max(count, key_to_bigint(row) + 1);
	if (count == 0)
		return false;
	series_init(series, table, count);
	cursor = (CustomerCursor) {table, 0};
	while (sealed_next(&cursor, &row, &changes))
		series->changes[key_to_bigint(row)] = changes;
	return true;
}

/* The columns of churn_by_period_row */
enum
{
	ROW_PERIOD_START,
	ROW_ACTIVE_AT_START,
	ROW_CHURNED,
	ROW_REACTIVATED,
	ROW_NEW_CUSTOMERS,
	ROW_ACTIVE_AT_END,
	ROW_CHURN_RATE,
	ROW_IS_COMPLETE,
	ROW_COLUMNS
};

static void
add_rows(ResultRows *rows, const ChurnSeries *series, const CustomerTable *table)
{
	int64		open = calendar_open_period_from(series->options,
												 CHURN_CALENDAR);
	const Grain grain = calendar_grain_from(series->options, CHURN_CALENDAR);
	int64		active = 0;

	for (int64 row = series->count - 1; row >= 0; row--)
	{
		const PeriodChanges *changes = &series->changes[row];
		int64		period = series->last_period - row;
		bool		ended = period < open;
		Datum		values[ROW_COLUMNS];
		bool		nulls[ROW_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		if (changes->churned > active)
			reject_sealed(table);
		values[ROW_PERIOD_START] =
			DateADTGetDatum(period_date(grain, period));
		values[ROW_ACTIVE_AT_START] = Int64GetDatum(active);
		values[ROW_CHURNED] = Int64GetDatum(changes->churned);
		values[ROW_REACTIVATED] = Int64GetDatum(changes->reactivated);
		values[ROW_NEW_CUSTOMERS] = Int64GetDatum(changes->new);
		values[ROW_CHURN_RATE] = share_or_null(changes->churned,
											   ended ? active : 0,
											   &nulls[ROW_CHURN_RATE]);
		active += changes->new + changes->reactivated - changes->churned;
		values[ROW_ACTIVE_AT_END] = Int64GetDatum(active);
		values[ROW_IS_COMPLETE] = BoolGetDatum(ended);
		result_rows_add(rows, values, nulls);
	}
}

/*
 * churn_by_period(retention_state) returns churn_by_period_row[]
 *
 * A row for every period from the first order's to the last that has begun before
 * as_of. If that one has not ended by as_of, as_of is its end so far, and its rate is
 * NULL. NULL without orders.
 */
PG_FUNCTION_INFO_V1(churn_by_period);
Datum
churn_by_period(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	ChurnSeries series;
	ResultRows	rows;

	if (!(state_is_sealed(table, &churn_by_period_family, "churn_by_period") ?
		  take_sums(&series, table) : count_customers(&series, table)))
		PG_RETURN_NULL();
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	add_rows(&rows, &series, table);
	return result_rows_array(&rows);
}
