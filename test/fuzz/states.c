/*
 * states.c
 *		For test/fuzz: libFuzzer's loop over the readers of stored states, as an SQL
 *		function. It runs in a server of one process (postgres --single), so that
 *		all that the extension calls is the real thing: numerics, time zones, errors,
 *		the executor.
 *
 * An input is the binary form of a state; or the byte '2', the length of a state in
 * two bytes, that state, and another one to be merged with it. What is accepted is
 *
 *		- sent and received again, in binary and as text: the same bytes, always
 *		- merged with itself, or the other: again what is sent is what is received;
 *		  and the order of merging changes nothing
 *		- asked for everything that functions read off such a state: the queries of
 *		  table fuzz_queries (type, query, heavy), in which $1 is the state
 *
 * Errors are fine but for internal ones, SQLSTATE XX...: they are findings, as is what
 * the sanitizers find.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "alloc.h"
#include "engine/families.h"

#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "engine/state_flat.h"
#include "engine/state_io.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*one_input) (const uint8_t *data, size_t size));

/* Fits and predictions take so long that one input in so many sees them. */
#define HEAVY_ONE_IN	16

#define MOST_QUERIES	500

/*
 * A query is cancelled after so much time of the processor: a state may tell of
 * millions of months. One that cannot be cancelled runs into libFuzzer's own limit.
 */
#define MOST_MILLISECONDS	30

static struct FuzzQuery
{
	char	   *type;
	char	   *text;
	bool		heavy;
	SPIPlanPtr	plan;
	/* by family and kind of key: such states are not for it */
	bool		not_for[256][8];
}			queries[MOST_QUERIES];

static int	nqueries;
static MemoryContext input_context;

static struct
{
	uint64		accepted;
	uint64		merged;
	uint64		asked;
	uint64		answered;
	uint64		cancelled;
}			counts;

static void
find(const char *what, const char *detail)
{
	fprintf(stderr, "== FINDING: %s: %s\n", what, detail);
	abort();
}

/* Errors in words are answers; internal ones are findings. Returns the SQLSTATE. */
static int
answered_by_error(const char *what)
{
	ErrorData  *error;
	int			code;

	MemoryContextSwitchTo(input_context);
	error = CopyErrorData();
	FlushErrorState();
	code = error->sqlerrcode;
	if (ERRCODE_TO_CATEGORY(code) == ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR))
		find(what, error->message);
	return code;
}

/* ------------------------------------------------------------------------
 * The two outer forms
 * ------------------------------------------------------------------------
 */
static Datum
receive(const char *bytes, Size size, const char *type)
{
	StringInfoData message;
	char	   *copy = fuzz_alloc(CurrentMemoryContext, size + 1, 0);

	/* as the server has it: a zero byte after the last */
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	message = (StringInfoData) {.data = copy, .len = size, .maxlen = size + 1};
	return state_from_message(&message, type);
}

extern Datum retention_state_send(PG_FUNCTION_ARGS);
extern Datum retention_state_out(PG_FUNCTION_ARGS);

static bytea *
send(Datum state)
{
	return DatumGetByteaP(DirectFunctionCall1(retention_state_send, state));
}

static bool
same_varlena(const void *a, const void *b)
{
	return VARSIZE_ANY(a) == VARSIZE_ANY(b) && memcmp(a, b, VARSIZE_ANY(a)) == 0;
}

/*
 * A state, sent and received, must send the same bytes again; as text too. The state
 * itself need not be the same bytes if it was merged: it has room to grow.
 */
static void
check_round_trip(Datum state, const char *type, bool received, const char *what)
{
	bytea	   *sent = send(state);
	Datum		again = receive(VARDATA(sent), VARSIZE(sent) - VARHDRSZ, type);
	Datum		from_text = state_from_text(DatumGetCString(DirectFunctionCall1(retention_state_out,
																				state)), type);

	if (!same_varlena(sent, send(again)))
		find(what, "sends other bytes after it was received");
	if (received && !same_varlena(DatumGetPointer(state), DatumGetPointer(again)))
		find(what, "is another state after it was sent and received");
	if (!same_varlena(DatumGetPointer(again), DatumGetPointer(from_text)))
		find(what, "is another state after it was text");
}

/* ------------------------------------------------------------------------
 * Queries, each in a subtransaction
 * ------------------------------------------------------------------------
 */

static void
cancel(int signal)
{
	QueryCancelPending = true;
	InterruptPending = true;
}

/* From now on; 0: no more */
static void
cancel_after(int milliseconds)
{
	struct itimerval timer = {.it_value = {0, milliseconds * 1000}};

	setitimer(ITIMER_PROF, &timer, NULL);
	if (milliseconds == 0)
		QueryCancelPending = false;
}

/*
 * Runs a plan whose first parameters are states; its first value, or 0. *code is the
 * SQLSTATE.
 */
static Datum
ask(SPIPlanPtr plan, Datum *states, const char *what, int *code)
{
	ResourceOwner owner = CurrentResourceOwner;
	volatile Datum answer = 0;

	*code = 0;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(input_context);
	PG_TRY();
	{
		bool		isnull = true;

		cancel_after(MOST_MILLISECONDS);
		SPI_execute_plan(plan, states, NULL, true, 0);
		cancel_after(0);
		if (SPI_processed > 0)
			answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
								   &isnull);
		if (isnull)
			answer = 0;
		else if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) == TEXTOID)
			counts.answered++;

		else
		{
			/* into memory of an exact size */
			struct varlena *value = PG_DETOAST_DATUM(answer);
			void	   *copy = fuzz_alloc(input_context, VARSIZE(value), 0);

			memcpy(copy, value, VARSIZE(value));
			answer = PointerGetDatum(copy);
		}
		SPI_freetuptable(SPI_tuptable);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		cancel_after(0);
		*code = answered_by_error(what);
		counts.cancelled += *code == ERRCODE_QUERY_CANCELED;

		RollbackAndReleaseCurrentSubTransaction();
		answer = 0;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(input_context);
	CurrentResourceOwner = owner;
	return answer;
}

static void
ask_all(Datum state, const char *type, bool heavy)
{
	const StateHeader *header = (StateHeader *) DatumGetPointer(state);

	for (int i = 0; i < nqueries; i++)
	{
		struct FuzzQuery *query = &queries[i];
		bool	   *not_for = &query->not_for[header->family][header->kind & 7];
		int			code;

		if (*not_for || strcmp(query->type, type) != 0 || (query->heavy && !heavy))
			continue;
		counts.asked++;

		(void) ask(query->plan, &state, query->text, &code);
		*not_for = code == ERRCODE_DATATYPE_MISMATCH;
	}
}

/* ------------------------------------------------------------------------
 * An input
 * ------------------------------------------------------------------------
 */
static const char *
type_of_bytes(const uint8_t *data, size_t size)
{
	const CustomerFamily *family = size > 3 ? family_by_id(data[3]) : NULL;

	return family ? family_type(family) : "retention_state";
}

/* Both states as one; 0 if they cannot be. */
static Datum
merge(Datum a, Datum b, const char *type)
{
	static SPIPlanPtr plans[3];
	SPIPlanPtr *plan = &plans[strcmp(type, "survival") == 0 ? 1 :
							  strcmp(type, "order_history") == 0 ? 2 : 0];
	Datum		states[2] = {a, b};
	int			code;

	if (*plan == NULL)
	{
		Oid			types[2];

		types[0] = types[1] = DatumGetObjectId(DirectFunctionCall1(regtypein,
																   CStringGetDatum(type)));
		*plan = SPI_prepare_cursor("SELECT rollup(s) FROM (VALUES ($1), (NULL), ($2)) v(s)",
								   2, types, CURSOR_OPT_GENERIC_PLAN);
		SPI_keepplan(*plan);
	}
	return ask(*plan, states, "merging", &code);
}

/* a + b = b + a, and (a + b) + b = a + (b + b), unless there is no such sum. */
static void
check_order_of_merging(Datum a, Datum b, Datum sum, const char *type)
{
	Datum		other = merge(b, a, type);
	Datum		left = merge(sum, b, type);
	Datum		right = merge(b, b, type);

	if (other != 0 && !same_varlena(send(sum), send(other)))
		find("merging", "the order of two states matters");
	right = right == 0 ? 0 : merge(a, right, type);
	if (left != 0 && right != 0 && !same_varlena(send(left), send(right)))
		find("merging", "the order of three states matters");
}

static bool
receive_input(const uint8_t *data, size_t size, const char *type, Datum *state)
{
	volatile bool accepted = false;

	PG_TRY();
	{
		*state = receive((const char *) data, size, type);
		accepted = true;
	}
	PG_CATCH();
	{
		(void) answered_by_error("receiving");
	}
	PG_END_TRY();
	MemoryContextSwitchTo(input_context);
	return accepted;
}

static void
use_state(Datum state, const char *type, bool received, bool heavy,
		  const char *what)
{
	PG_TRY();
	{
		check_round_trip(state, type, received, what);
	}
	PG_CATCH();
	{
		(void) answered_by_error(what);
		find(what, "cannot be sent and received");
	}
	PG_END_TRY();
	ask_all(state, type, heavy);
}

static int
one_input(const uint8_t *data, size_t size)
{
	const uint8_t *first = data;
	size_t		first_size = size;
	const uint8_t *second = NULL;
	const char *type;
	uint32		hash = 0;
	bool		heavy;
	Datum		a;
	Datum		b;
	Datum		sum;

	for (size_t i = 0; i < size; i++)
		hash = hash * 31 + data[i];
	heavy = hash % HEAVY_ONE_IN == 0;
	if (size > 3 && data[0] == '2')
	{
		first = data + 3;
		first_size = Min((size_t) (data[1] << 8 | data[2]), size - 3);
		second = first + first_size;
	}
	type = type_of_bytes(first, first_size);

	MemoryContextSwitchTo(input_context);
	if (receive_input(first, first_size, type, &a))
	{
		counts.accepted++;

		b = a;
		if (second == NULL ||
			receive_input(second, data + size - second, type, &b))
		{
			if (second == NULL)
				use_state(a, type, true, heavy, "a state");
			sum = merge(a, b, type);
			if (sum != 0)
			{
				counts.merged++;

				use_state(sum, type, false, second && heavy,
						  "a sum of states");
				check_order_of_merging(a, b, sum, type);
			}
		}
	}

	/*
	 * first what the contexts' callbacks do, which look at what they
	 * allocated
	 */
	MemoryContextReset(input_context);
	fuzz_free_all();
	return 0;
}

/* ------------------------------------------------------------------------
 * The loop
 * ------------------------------------------------------------------------
 */
static void
read_queries(void)
{
	SPI_execute("SELECT type, query, heavy, type::regtype::oid FROM fuzz_queries ORDER BY query",
				true, 0);
	nqueries = Min(SPI_processed, MOST_QUERIES);
	for (int i = 0; i < nqueries; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		bool		isnull;

		queries[i].type = SPI_getvalue(row, columns, 1);
		queries[i].text = SPI_getvalue(row, columns, 2);
		queries[i].heavy = DatumGetBool(SPI_getbinval(row, columns, 3, &isnull));
	}
	for (int i = 0; i < nqueries; i++)
	{
		Oid			type = DatumGetObjectId(DirectFunctionCall1(regtypein,
																CStringGetDatum(queries[i].type)));

		queries[i].plan = SPI_prepare_cursor(queries[i].text, 1, &type,
											 CURSOR_OPT_GENERIC_PLAN);
		if (queries[i].plan == NULL)
			elog(ERROR, "could not prepare %s", queries[i].text);
		SPI_keepplan(queries[i].plan);
	}
}

/* The server's own way out has nothing to do here. */
static void
leave_at_once(void)
{
	fprintf(stderr, "stat::accepted: " UINT64_FORMAT "\nstat::merged: " UINT64_FORMAT
			"\nstat::queries: " UINT64_FORMAT "\nstat::answers: " UINT64_FORMAT
			"\nstat::cancelled: " UINT64_FORMAT "\n",
			counts.accepted, counts.merged, counts.asked, counts.answered,
			counts.cancelled);
	_exit(0);
}

/*
 * fuzz_states(VARIADIC text[]): the arguments are libFuzzer's. Does not return.
 */
PG_FUNCTION_INFO_V1(fuzz_states);
Datum
fuzz_states(PG_FUNCTION_ARGS)
{
	Datum	   *values;
	int			n;
	char	  **arguments;
	const int	signals[] = {SIGALRM, SIGINT, SIGTERM};

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, NULL, &n);
	arguments = MemoryContextAllocZero(TopMemoryContext, (n + 2) * sizeof(char *));
	arguments[0] = "fuzz";
	for (int i = 0; i < n; i++)
		arguments[i + 1] = MemoryContextStrdup(TopMemoryContext,
											   TextDatumGetCString(values[i]));
	n++;

	SPI_connect();
	read_queries();
	fuzz_free_all();
	input_context = AllocSetContextCreate(TopMemoryContext, "fuzz input",
										  ALLOCSET_DEFAULT_SIZES);
	/* they are libFuzzer's from here on */
	for (int i = 0; i < lengthof(signals); i++)
		signal(signals[i], SIG_DFL);
	signal(SIGPROF, cancel);
	atexit(leave_at_once);
	LLVMFuzzerRunDriver(&n, &arguments, one_input);
	PG_RETURN_VOID();
}
