/*
 * row_marks.c
 *		Marks of triggers for each row: a command marks a customer once.
 *
 * A mark that is there must never be relied on: who removes it may not see what has
 * changed. But a mark that this very command has written, in this very subtransaction,
 * nobody has seen: to remove it takes a later command, of this transaction even. And
 * whoever will see it will see all that the command does. So while both are the same
 * still, the customer needs no other.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/marks.h"

#include "access/transam.h"
#include "access/xact.h"
#include "base/bytes.h"
#include "utils/datum.h"
#include "utils/memutils.h"

/* Customers are remembered in so many places at first, and at most. */
#define FIRST_PLACES	64
#define MOST_PLACES		65536

typedef struct Remembered
{
	bool		is_used;
	Datum		customer;
} Remembered;

/* The command that has written the latest mark of a row. */
typedef struct MarkingCommand
{
	FullTransactionId top;		/* the transaction */
	FullTransactionId subtransaction;	/* or the transaction */
	CommandId	id;
	Oid			changes_id;
	CustomerForm form;
	int64		nmarks;			/* that it has written */
	bool		is_everybody;	/* so is that of everybody */
	int64		everybody_from; /* so many marks; 0: not yet known */
	/* of the transaction; NULL: one mark is not remembered, for few have two */
	MemoryContext context;
	Remembered *place;			/* each customer has one place */
	uint32		nplaces;		/* a power of two */
	uint32		nused;
} MarkingCommand;

static MarkingCommand latest;

static bool
is_same_command(Oid changes_id)
{
	return latest.changes_id == changes_id &&
		latest.id == GetCurrentCommandId(false) &&
		FullTransactionIdEquals(latest.subtransaction,
								GetCurrentFullTransactionId());
}

/* What an earlier transaction has remembered is gone with it. */
static void
begin_command(Oid changes_id, const CustomerForm *form)
{
	const FullTransactionId top = GetTopFullTransactionId();

	if (latest.context && FullTransactionIdEquals(latest.top, top))
		MemoryContextDelete(latest.context);
	latest = (MarkingCommand) {
		.top = top,
		.subtransaction = GetCurrentFullTransactionId(),
		.id = GetCurrentCommandId(false),
		.changes_id = changes_id,
		.form = *form
	};
}

static Remembered *
place_of(Datum customer)
{
	return &latest.place[customer_hash(&latest.form, customer) & (latest.nplaces - 1)];
}

static void
make_places(uint32 nplaces)
{
	const Remembered *old = latest.place;
	const uint32 nold = old ? latest.nplaces : 0;

	if (latest.context == NULL)
		latest.context = AllocSetContextCreate(TopTransactionContext,
											   "retention row marks",
											   ALLOCSET_SMALL_SIZES);
	latest.place = MemoryContextAllocZero(latest.context,
										  nplaces * sizeof(Remembered));
	latest.nplaces = nplaces;
	for (uint32 i = 0; i < nold; i++)
		if (old[i].is_used)
			*place_of(old[i].customer) = old[i];
	if (old)
		pfree(unconstify(Remembered *, old));
}

static bool
is_remembered(Datum customer)
{
	const Remembered *place;

	if (latest.is_everybody || latest.place == NULL)
		return latest.is_everybody;
	place = place_of(customer);
	return place->is_used &&
		datum_image_eq(place->customer, customer, latest.form.by_value,
					   latest.form.length);
}

/* In the place of another, if need be, who will be marked again. */
static void
remember(Datum customer)
{
	MemoryContext caller;
	Remembered *place;

	if (latest.nused * 2 >= latest.nplaces && latest.nplaces < MOST_PLACES)
		make_places(latest.place ? latest.nplaces * 4 : FIRST_PLACES);
	place = place_of(customer);
	if (!place->is_used)
		latest.nused++;
	else if (!latest.form.by_value)
		pfree(DatumGetPointer(place->customer));
	place->is_used = false;
	caller = MemoryContextSwitchTo(latest.context);
	place->customer = datumCopy(customer, latest.form.by_value,
								latest.form.length);
	MemoryContextSwitchTo(caller);
	place->is_used = true;
}

/*
 * Marks the customer of a row, of which NULL is a guest; everybody from as many marks on
 * as one statement writes with a trigger of its own.
 */
void
mark_customer_of_row(Oid changes_id, const CustomerForm *form, Datum customer,
					 bool isnull)
{
	MarkWriter	writer;

	if (isnull)
		return;
	customer = detoasted_customer(form, customer);
	if (!is_same_command(changes_id))
		begin_command(changes_id, form);
	else if (is_remembered(customer))
		return;
	mark_writer_begin(&writer, changes_id, 1);
	if (latest.nmarks >= LEAST_EVERYBODY && latest.everybody_from == 0)
		latest.everybody_from = marks_of_everybody(&writer);
	if (latest.everybody_from > 0 && latest.nmarks >= latest.everybody_from)
	{
		mark_everybody(&writer);
		latest.is_everybody = true;
	}
	else
		mark_customer(&writer, customer, false);
	mark_writer_end(&writer);
	if (latest.nmarks++ > 0 && !latest.is_everybody)
		remember(customer);
}
