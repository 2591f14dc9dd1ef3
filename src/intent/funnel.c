/*
 * funnel.c
 *		How far do customers get? Steps that are to be taken one after the other, within a
 *		time from the first.
 *
 * A row says which of the steps it is. An attempt begins at every row of the first step;
 * each later row in [entry, entry + within) that is the next step wanted takes it one step
 * on, so no row counts for two steps of one attempt. To take the first such row is best:
 * whatever else could follow, follows that one too. A customer's attempt is the deepest,
 * and among equals the earliest to begin.
 *
 * Of two attempts of a customer the later one is nowhere further: its steps are taken at
 * the same rows or at later ones. So while attempts are walked in the order of their
 * entries, the row at which a step is taken only moves forward, and all attempts
 * together cost no more than one look at each row for each step.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "engine/state_read.h"
#include "engine/transition.h"

#include "base/result_rows.h"
#include "base/result_values.h"
#include "engine/events.h"
#include "engine/intervals.h"
#include "engine/key_functions.h"
#include "engine/seal.h"
#include "math/quantile.h"
#include "utils/array.h"

/* ------------------------------------------------------------------------
 * The state
 * ------------------------------------------------------------------------
 */
#define FEWEST_STEPS	2
#define MOST_STEPS		32

enum
{
	FUNNEL_STEPS,
	FUNNEL_WITHIN,
	FUNNEL_AS_OF
};

static const OptionSpec funnel_options[] = {
	[FUNNEL_STEPS] = {"steps", OPTION_LENGTH},
	[FUNNEL_WITHIN] = {"within", OPTION_INTERVAL},
	[FUNNEL_AS_OF] = {"as_of", OPTION_TIME}
};

static void
funnel_derive(StateOptions *options)
{
	const int64 steps = options->value[FUNNEL_STEPS].count;

	if (steps < FEWEST_STEPS || steps > MOST_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"steps\" must have %d to %d elements, not %lld",
						FEWEST_STEPS, MOST_STEPS, (long long) steps),
				 errhint("Write a condition for each step: ARRAY[action = 'view', action = 'cart', action = 'purchase'].")));
}

/*
 * The rows of a customer that are a step. Of each the bits of its steps, the first step the
 * lowest, in as many bytes as the steps need, the highest first: so events sorted by
 * their bytes are in the order of this number, and rows of one instant in that of steps.
 */
typedef struct FunnelPayload
{
	uint64		events;			/* before as_of; of a customer at least one */
} FunnelPayload;

static const FunnelPayload funnel_of_nobody = {EVENTS_NONE};

static inline uint32
mask_bytes(const StateOptions *options)
{
	return ((uint32) options->value[FUNNEL_STEPS].count + 7) / 8;
}

static void
funnel_merge(CustomerTable *table, void *into, const void *from,
			 const char *from_base)
{
	events_merge(&table->heap, &((FunnelPayload *) into)->events, from_base,
				 ((const FunnelPayload *) from)->events);
}

static void
funnel_merge_totals(StateHeap *heap, void *into, const void *from,
					const char *from_base)
{
	events_merge(heap, &((FunnelPayload *) into)->events, from_base,
				 ((const FunnelPayload *) from)->events);
}

static void
funnel_prefetch(const void *payload, const char *heap_base)
{
	heap_prefetch(heap_base, ((const FunnelPayload *) payload)->events);
}

static uint32
mask_of(const Event *event)
{
	uint32		mask = 0;

	for (uint32 i = 0; i < event->size; i++)
		mask = mask << 8 | (uint8) event->bytes[i];
	return mask;
}

static bool
events_valid(uint64 events, const char *heap_base, const StateOptions *options)
{
	const int	steps = (int) options->value[FUNNEL_STEPS].count;
	EventReader reader;
	Event		event;

	events_open(&reader, heap_base, events);
	while (events_next(&reader, &event))
		if (event.at >= options->value[FUNNEL_AS_OF].time ||
			event.size != mask_bytes(options) || mask_of(&event) == 0 ||
			(uint64) mask_of(&event) >> steps != 0)
			return false;
	return true;
}

static bool
funnel_valid(const void *payload, const char *heap_base,
			 const StateOptions *options)
{
	const uint64 events = ((const FunnelPayload *) payload)->events;

	return events != EVENTS_NONE && events_valid(events, heap_base, options);
}

static bool
funnel_step_valid(const void *totals, const char *heap_base,
				  const StateOptions *options)
{
	return events_valid(((const FunnelPayload *) totals)->events, heap_base,
						options);
}

static void funnel_seal(CustomerTable *table, SealedState *into);

CUSTOMER_ABSORB(funnel_absorb, funnel_family)

retention_internal const CustomerFamily funnel_family = {
	.name = "funnel",
	.id = FAMILY_FUNNEL,
	.noptions = lengthof(funnel_options),
	.options = funnel_options,
	.derive = funnel_derive,
	.payload_fields = STATE_FIELDS(FIELD(FunnelPayload, events, EVENTS)),
	.payload_size = sizeof(FunnelPayload),
	.identity = &funnel_of_nobody,
	.merge = funnel_merge,
	.prefetch = funnel_prefetch,
	.valid = funnel_valid,
	.sealed = &sealed_funnel_family,
	.seal = funnel_seal,
	.absorb = funnel_absorb
};

/* The same of one customer, that of the group */
retention_internal const CustomerFamily funnel_step_family = {
	.name = "funnel_step",
	.id = FAMILY_FUNNEL_STEP,
	.noptions = lengthof(funnel_options),
	.options = funnel_options,
	.derive = funnel_derive,
	.totals_fields = STATE_FIELDS(FIELD(FunnelPayload, events, EVENTS)),
	.totals_size = sizeof(FunnelPayload),
	.totals_identity = &funnel_of_nobody,
	.merge_totals = funnel_merge_totals,
	.valid = funnel_step_valid
};

/* The elements that are true, as bits; NULL is false. */
static uint32
read_mask(ArrayType *array, int64 steps)
{
	const bool *element = (const bool *) ARR_DATA_PTR(array);
	const bits8 *known = ARR_NULLBITMAP(array);
	uint32		mask = 0;

	for (int64 i = 0; i < steps; i++)
	{
		if (known && (known[i / 8] & (1 << (i % 8))) == 0)
			continue;
		mask |= (uint32) (*element++ ? 1 : 0) << i;
	}
	return mask;
}

/*
 * Reads a row's time and steps, arguments number "argument" and the next, into a block
 * of "heap"; EVENTS_NONE if the row is none.
 */
static pg_attribute_always_inline uint64
read_step(FunctionCallInfo fcinfo, int argument, const StateOptions *options,
		  StateHeap *heap)
{
	const uint32 size = mask_bytes(options);
	TimestampTz at;
	uint32		mask;
	char		bytes[MOST_STEPS / 8];

	if (PG_ARGISNULL(argument))
		return EVENTS_NONE;
	at = PG_GETARG_TIMESTAMPTZ(argument);
	check_finite_time(at, "at");
	if (at >= options->value[FUNNEL_AS_OF].time)
		return EVENTS_NONE;
	mask = read_mask(PG_GETARG_ARRAYTYPE_P(argument + 1),
					 options->value[FUNNEL_STEPS].count);
	if (mask == 0)
		return EVENTS_NONE;
	for (uint32 i = 0; i < size; i++)
		bytes[i] = (char) (mask >> (8 * (size - 1 - i)));
	return events_create(heap, at, bytes, size);
}

/* state, customer, at, and then the options */
#define FUNNEL_FIRST_OPTION			3
#define FUNNEL_STEP_FIRST_OPTION	2

/*
 * funnel_transfn_<kind>(retention_state, customer, at timestamptz, steps boolean[],
 * within interval, as_of timestamptz)
 *
 * A row without a customer or a time, at or after as_of, or that is no step, is none.
 */
static pg_attribute_always_inline Datum
funnel_transition(FunctionCallInfo fcinfo, KeyKind kind)
{
	StateUpdate update;
	StateHeap  *row_heap;
	FunnelPayload row;

	state_update_begin(&update, fcinfo, &funnel_family, kind,
					   FUNNEL_FIRST_OPTION, 0);
	if (PG_ARGISNULL(1))
		return state_update_end(&update);
	row_heap = state_row_heap(&update);
	row.events = read_step(fcinfo, 2, update.table->options, row_heap);
	if (row.events != EVENTS_NONE)
		state_add(&update, &funnel_family, kind,
				  key_from_datum(kind, PG_GETARG_DATUM(1), row_heap), &row);
	return state_update_end(&update);
}

KEY_FUNCTIONS(funnel_transfn, funnel_transition)

/*
 * funnel_step_transfn(retention_state, at timestamptz, steps boolean[], within
 * interval, as_of timestamptz)
 */
PG_FUNCTION_INFO_V1(funnel_step_transfn);
Datum
funnel_step_transfn(PG_FUNCTION_ARGS)
{
	StateUpdate update;
	StateHeap  *row_heap;
	FunnelPayload sum;
	uint64		row;

	state_update_begin(&update, fcinfo, &funnel_step_family, KEY_NONE,
					   FUNNEL_STEP_FIRST_OPTION, 0);
	row_heap = state_row_heap(&update);
	row = read_step(fcinfo, 1, update.table->options, row_heap);
	if (row == EVENTS_NONE)
		return state_update_end(&update);
	/* a copy, since a flat table moves if its heap grows */
	memcpy(&sum, update.table->totals, sizeof(sum));
	events_merge(&update.table->heap, &sum.events, row_heap->base, row);
	memcpy(update.table->totals, &sum, sizeof(sum));
	return state_update_end(&update);
}

/* ------------------------------------------------------------------------
 * The sums of a sealed state
 *
 * An entry says how many have taken a step; or how many of the eligible have, so many whole
 * seconds after the one before. So the median of a sealed state is that of whole seconds,
 * where the state itself has instants.
 * ------------------------------------------------------------------------
 */
typedef struct SealedFunnel
{
	int64		customers;
	int64		eligible;		/* of them: those with a finished attempt */
} SealedFunnel;

typedef struct StepSum
{
	int64		customers;
} StepSum;

/*
 * A key is the number of a step, from 1 on, and 0; or the whole seconds of waiting, and 1.
 * Nobody waited for the first.
 */
#define WAIT_BITS		48
#define NO_WAIT			0
#define WAIT_MASK		((INT64CONST(1) << WAIT_BITS) - 1)
/* from the first instant there is to the last, which is more than an int64 has */
#define MOST_SECONDS \
	((int64) (((uint64) END_TIMESTAMP - (uint64) MIN_TIMESTAMP) / USECS_PER_SEC))

StaticAssertDecl(MOST_SECONDS < WAIT_MASK, "seconds fit beside the step");

static inline CustomerKey
step_key(int step, int64 wait)
{
	return key_from_bigint((int64) step << WAIT_BITS | wait);
}

static bool
step_valid_key(const int64 *number)
{
	const int64 step = *number >> WAIT_BITS;
	const int64 wait = *number & WAIT_MASK;

	return step >= 1 && step <= MOST_STEPS && wait <= MOST_SECONDS + 1 &&
		(step > 1 || wait == NO_WAIT);
}

static void
sealed_funnel_merge_totals(StateHeap *heap, void *into, const void *from,
						   const char *from_base)
{
	SealedFunnel *a = into;
	const SealedFunnel *b = from;

	add_count(&a->customers, b->customers, "customers");
	add_count(&a->eligible, b->eligible, "customers");
}

static void
step_sum_merge(CustomerTable *table, void *into, const void *from,
			   const char *from_base)
{
	add_count(&((StepSum *) into)->customers,
			  ((const StepSum *) from)->customers, "customers");
}

static bool
step_sum_valid(const void *payload, const char *heap_base,
			   const StateOptions *options)
{
	return ((const StepSum *) payload)->customers > 0;
}

CUSTOMER_ABSORB(sealed_funnel_absorb, sealed_funnel_family)

retention_internal const CustomerFamily sealed_funnel_family = {
	.name = "sealed funnel",
	.id = FAMILY_SEALED_FUNNEL,
	.sealed_of = &funnel_family,
	.noptions = lengthof(funnel_options),
	.options = funnel_options,
	.derive = funnel_derive,
	.totals_fields = STATE_FIELDS(FIELD(SealedFunnel, customers, COUNT),
								  FIELD(SealedFunnel, eligible, COUNT)),
	.totals_size = sizeof(SealedFunnel),
	.merge_totals = sealed_funnel_merge_totals,
	.payload_fields = STATE_FIELDS(FIELD(StepSum, customers, COUNT)),
	.payload_size = sizeof(StepSum),
	.merge = step_sum_merge,
	.valid = step_sum_valid,
	.absorb = sealed_funnel_absorb,
	.key_name = "step",
	.key_kind = KEY_BIGINT,
	.valid_key = step_valid_key
};

/* ------------------------------------------------------------------------
 * The attempts of a customer
 * ------------------------------------------------------------------------
 */
typedef struct Step
{
	TimestampTz at;
	uint32		mask;
} Step;

/* A customer's rows, sorted, and the walk over their attempts. */
typedef struct FunnelWalk
{
	const StateOptions *options;
	int			steps;
	SortedEvents events;
	Step	   *step;
	uint32		count;
	uint32		room;
	uint32		next[MOST_STEPS];	/* where a step was last looked for */
} FunnelWalk;

/* The deepest of some attempts, the earliest of equals. */
typedef struct Deepest
{
	int			depth;			/* 0: there is none */
	TimestampTz at[MOST_STEPS]; /* of the steps taken */
} Deepest;

static void
walk_init(FunnelWalk *walk, const StateOptions *options)
{
	memset(walk, 0, sizeof(*walk));
	walk->options = options;
	walk->steps = (int) options->value[FUNNEL_STEPS].count;
}

static void
walk_open(FunnelWalk *walk, const char *base, uint64 events)
{
	events_sort(&walk->events, base, events);
	walk->count = walk->events.count;
	if (walk->count > walk->room)
	{
		if (walk->step)
			pfree(walk->step);
		walk->room = Max(walk->count, 64);
		walk->step = array_alloc(walk->room, sizeof(Step));
	}
	for (uint32 i = 0; i < walk->count; i++)
	{
		walk->step[i].at = walk->events.event[i].at;
		walk->step[i].mask = mask_of(&walk->events.event[i]);
	}
	memset(walk->next, 0, sizeof(walk->next));
}

/*
 * The first row behind this one that is the step, or the number of rows. "row" must not
 * lie before that of an earlier call for the step.
 */
static uint32
find_step(FunnelWalk *walk, int step, uint32 row)
{
	uint32		next = Max(walk->next[step], row + 1);

	while (next < walk->count && (walk->step[next].mask >> step & 1) == 0)
		next++;
	walk->next[step] = next;
	return next;
}

/*
 * How many steps the attempt takes that begins at a row of the first step, and at which
 * instants.
 */
static int
take_attempt(FunnelWalk *walk, uint32 entry, TimestampTz end, TimestampTz *at)
{
	uint32		row = entry;
	int			depth;

	at[0] = walk->step[entry].at;
	for (depth = 1; depth < walk->steps; depth++)
	{
		CHECK_FOR_INTERRUPTS();
		row = find_step(walk, depth, row);
		if (row == walk->count || walk->step[row].at >= end)
			break;
		at[depth] = walk->step[row].at;
	}
	return depth;
}

/*
 * The depth of a customer's deepest attempt, 0 if there is none; and in "finished" the
 * deepest of those whose time was over at as_of, unless that is NULL.
 */
static int
walk_attempts(FunnelWalk *walk, Deepest *finished)
{
	const Interval *within = &walk->options->value[FUNNEL_WITHIN].interval;
	const TimestampTz as_of = walk->options->value[FUNNEL_AS_OF].time;
	bool		may_finish = finished != NULL;
	int			deepest = 0;

	if (finished)
		finished->depth = 0;
	for (uint32 entry = 0; entry < walk->count; entry++)
	{
		TimestampTz at[MOST_STEPS];
		TimestampTz end;
		int			depth;

		if ((walk->step[entry].mask & 1) == 0)
			continue;
		if (!utc_plus_fits(walk->step[entry].at, within, &end))
			end = DT_NOEND;
		depth = take_attempt(walk, entry, end, at);
		deepest = Max(deepest, depth);
		may_finish = may_finish && end <= as_of;
		if (may_finish && depth > finished->depth)
		{
			finished->depth = depth;
			memcpy(finished->at, at, depth * sizeof(TimestampTz));
		}
		/* those that follow are no deeper, and no earlier */
		if (deepest == walk->steps &&
			(!may_finish || finished->depth == walk->steps))
			break;
	}
	return deepest;
}

/* Customer by customer */
typedef struct FunnelCursor
{
	const CustomerTable *table;
	CustomerReadAhead ahead;
	FunnelWalk	walk;
} FunnelCursor;

static void
funnel_cursor_begin(FunnelCursor *cursor, const CustomerTable *table)
{
	cursor->table = table;
	walk_init(&cursor->walk, table->options);
	customer_read_ahead_begin(&cursor->ahead, table);
}

/* What walk_attempts says of the next customer; false after the last. */
static bool
funnel_cursor_next(FunnelCursor *cursor, int *deepest, Deepest *finished)
{
	FunnelPayload customer;

	if (!customer_read_ahead_next(&cursor->ahead, &customer))
		return false;
	walk_open(&cursor->walk, cursor->table->heap.base, customer.events);
	*deepest = walk_attempts(&cursor->walk, finished);
	return true;
}

/* ------------------------------------------------------------------------
 * The results
 * ------------------------------------------------------------------------
 */

/*
 * funnel_step(retention_state) returns integer
 *
 * Steps that the customer's deepest attempt has taken, finished or not: 0 if none began,
 * NULL without a row that is a step.
 */
PG_FUNCTION_INFO_V1(funnel_step);
Datum
funnel_step(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	FunnelPayload totals;
	FunnelWalk	walk;

	if (table->family != &funnel_step_family)
		reject_state(table, "funnel_step");
	memcpy(&totals, table->totals, sizeof(totals));
	if (totals.events == EVENTS_NONE)
		PG_RETURN_NULL();
	walk_init(&walk, table->options);
	walk_open(&walk, table->heap.base, totals.events);
	PG_RETURN_INT32(walk_attempts(&walk, NULL));
}

/* Who got to a step */
typedef struct StepCounts
{
	int64		customers;
	uint64		reached;		/* of the eligible */
	uint64	   *waits;			/* of these, since the step before, in
								 * microseconds */
	uint64		room;
	double		median_seconds; /* of a sealed state, which has no such waits */
} StepCounts;

typedef struct Funnel
{
	int			steps;
	int64		eligible;
	StepCounts	step[MOST_STEPS];
} Funnel;

static void
add_wait(StepCounts *counts, TimestampTz from, TimestampTz to)
{
	if (counts->reached == counts->room)
	{
		counts->room = Max(counts->room * 2, 64);
		counts->waits = counts->waits == NULL ?
			array_alloc(counts->room, sizeof(uint64)) :
			repalloc_huge(counts->waits, counts->room * sizeof(uint64));
	}
	counts->waits[counts->reached] = (uint64) to - (uint64) from;
}

static void
add_attempts(Funnel *funnel, int deepest, const Deepest *finished)
{
	for (int i = 0; i < deepest; i++)
		funnel->step[i].customers++;
	funnel->eligible += finished->depth > 0;
	for (int i = 0; i < finished->depth; i++)
	{
		if (i > 0)
			add_wait(&funnel->step[i], finished->at[i - 1], finished->at[i]);
		funnel->step[i].reached++;
	}
}

static void
count_customers(Funnel *funnel, const CustomerTable *table)
{
	FunnelCursor cursor;
	Deepest		finished;
	int			deepest;

	funnel_cursor_begin(&cursor, table);
	while (funnel_cursor_next(&cursor, &deepest, &finished))
		add_attempts(funnel, deepest, &finished);
}

static void
funnel_seal(CustomerTable *table, SealedState *into)
{
	const StepSum one = {1};
	StepSum		sum[MOST_STEPS] = {{0}};
	SealedFunnel totals;
	FunnelCursor cursor;
	Deepest		finished;
	int			deepest;

	memcpy(&totals, into->totals, sizeof(totals));
	funnel_cursor_begin(&cursor, table);
	while (funnel_cursor_next(&cursor, &deepest, &finished))
	{
		totals.eligible += finished.depth > 0;
		for (int i = 0; i < deepest; i++)
			sum[i].customers++;
		for (int i = 1; i < finished.depth; i++)
		{
			const uint64 wait = (uint64) finished.at[i] - (uint64) finished.at[i - 1];

			sealed_add(into, step_key(i + 1, (int64) (wait / USECS_PER_SEC) + 1),
					   &one);
		}
	}
	for (int i = 0; i < MOST_STEPS && sum[i].customers > 0; i++)
		sealed_add(into, step_key(i + 1, NO_WAIT), &sum[i]);
	memcpy(into->totals, &totals, sizeof(totals));
}

/* Whoever takes a step has taken the one before, and who did so in time has done so. */
static void
check_sums(const Funnel *funnel, int64 customers, const CustomerTable *table)
{
	int64		before = customers;
	int64		reached_before = funnel->eligible;

	for (int i = 0; i < funnel->steps; i++)
	{
		const StepCounts *counts = &funnel->step[i];

		if (counts->customers > before ||
			(int64) counts->reached > reached_before ||
			(int64) counts->reached > counts->customers)
			reject_sealed(table);
		before = counts->customers;
		reached_before = (int64) counts->reached;
	}
}

/* The counts of a sealed state */
static void
take_sums(Funnel *funnel, const CustomerTable *table)
{
	CustomerCursor cursor = {table, 0};
	SealedFunnel totals;
	CustomerKey key;
	StepSum		sum;
	int64		count = 0;
	int64		reached[MOST_STEPS] = {0};
	SealedLength *waits = array_alloc(customer_table_customers(table),
									  sizeof(SealedLength));

	memcpy(&totals, table->totals, sizeof(totals));
	funnel->eligible = totals.eligible;
	reached[0] = totals.eligible;
	while (sealed_next(&cursor, &key, &sum))
	{
		const int	step = (int) (key_to_bigint(key) >> WAIT_BITS) - 1;
		const int64 wait = key_to_bigint(key) & WAIT_MASK;

		if (step >= funnel->steps)
			reject_sealed(table);
		if (wait == NO_WAIT)
		{
			funnel->step[step].customers = sum.customers;
			continue;
		}
		add_count(&reached[step], sum.customers, "customers");
		waits[count++] = (SealedLength) {step, (uint64) wait - 1, sum.customers};
	}
	for (int i = 0; i < funnel->steps; i++)
		funnel->step[i].reached = (uint64) reached[i];
	check_sums(funnel, totals.customers, table);
	sealed_lengths_sort(waits, count);
	for (int64 i = 0; i < count; i++)
		if (i == 0 || waits[i].place != waits[i - 1].place)
			funnel->step[waits[i].place].median_seconds =
				sealed_lengths_median(&waits[i], reached[waits[i].place]);
}

/* The columns of funnel_row */
enum
{
	ROW_STEP,
	ROW_CUSTOMERS,
	ROW_ELIGIBLE,
	ROW_REACHED,
	ROW_RATE,
	ROW_STEP_RATE,
	ROW_MEDIAN_SECONDS,
	ROW_COLUMNS
};

/* Interpolated, in seconds; 0 of none */
static double
median_seconds(const StepCounts *counts)
{
	const uint64 n = counts->reached;
	const uint64 rank[2] = {(n - 1) / 2, n / 2};
	uint64		middle[2];

	if (n == 0)
		return 0;
	if (counts->waits == NULL)
		return counts->median_seconds;
	quantile_select(counts->waits, n, rank, 2, middle);
	return ((double) middle[0] + 0.5 * (double) (middle[1] - middle[0])) /
		USECS_PER_SEC;
}

static void
add_row(ResultRows *rows, const Funnel *funnel, int step)
{
	const StepCounts *counts = &funnel->step[step];
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS] = {false};

	values[ROW_STEP] = Int32GetDatum(step + 1);
	values[ROW_CUSTOMERS] = Int64GetDatum(counts->customers);
	values[ROW_ELIGIBLE] = Int64GetDatum(funnel->eligible);
	values[ROW_REACHED] = Int64GetDatum((int64) counts->reached);
	values[ROW_RATE] = share_or_null((int64) counts->reached, funnel->eligible,
									 &nulls[ROW_RATE]);
	values[ROW_STEP_RATE] =
		share_or_null((int64) counts->reached,
					  step == 0 ? 0 : (int64) funnel->step[step - 1].reached,
					  &nulls[ROW_STEP_RATE]);
	values[ROW_MEDIAN_SECONDS] =
		float8_or_null(step > 0 && counts->reached > 0,
					   step > 0 ? median_seconds(counts) : 0,
					   &nulls[ROW_MEDIAN_SECONDS]);
	result_rows_add(rows, values, nulls);
}

/*
 * funnel(retention_state) returns funnel_row[]
 *
 * A row for every step. NULL without a row that is a step. Of a sealed state the medians
 * are those of whole seconds, rounded down; all else is the same.
 */
PG_FUNCTION_INFO_V1(funnel);
Datum
funnel(PG_FUNCTION_ARGS)
{
	CustomerTable view;
	CustomerTable *table = state_read(fcinfo, &view);
	const bool	is_sealed = state_is_sealed(table, &funnel_family, "funnel");
	Funnel		counted = {
		.steps = (int) table->options->value[FUNNEL_STEPS].count
	};
	ResultRows	rows;

	if (is_sealed)
		take_sums(&counted, table);
	else
		count_customers(&counted, table);
	if (counted_customers(table) == 0)
		PG_RETURN_NULL();
	result_rows_init(&rows, fcinfo);
	check_row_columns(rows.columns, ROW_COLUMNS);
	for (int step = 0; step < counted.steps; step++)
		add_row(&rows, &counted, step);
	return result_rows_array(&rows);
}
