/*
 * fit.c
 *		retention_fit: the cut points of RFM and the models, from the live rows of all
 *		customers.
 *
 * Cut points are instants, numbers of orders and money, not scores of days: they hold
 * while the clock runs, and a customer's segment changes by an order alone until the
 * next fit.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "live/refresh.h"

#include "base/checks.h"
#include "catalog/pg_type.h"
#include "engine/intervals.h"
#include "engine/order_keys.h"
#include "engine/state_read.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "rfm/rfm_customers.h"
#include "tables/fit_call.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* The columns of the settings that are options or a result of the fit. */
typedef struct Fit
{
	const Tracking *tracking;
	TimestampTz as_of;
	MemoryContext context;		/* of what is found */
	int			bins;
	FitCall		call;
	const char *tz;
	/* found */
	bool		has_customers;
	Datum		recency;
	Datum		frequency;
	Datum		monetary;
	CustomerFits fits;
} Fit;

/* The columns of the query for the options: the server counts them from 1. */
enum
{
	SETTING_BINS = 1,
	SETTING_UNIT,
	SETTING_FAMILY,
	SETTING_TZ
};

/* The family of models that the settings name. */
const BtydFamily *
stored_family(const Tracking *tracking, const char *name)
{
	const BtydFamily *family = btyd_family_named(name);

	if (family == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("family \"%s\" of table \"%s\" is not known",
						excerpt(name), get_rel_name(tracking->settings_id))));
	return family;
}

static void
read_options(Fit *fit)
{
	HeapTuple	row;
	TupleDesc	columns;
	bool		isnull;

	SPI_connect();
	if (SPI_execute(psprintf("SELECT s.bins::pg_catalog.int4, s.unit::pg_catalog.interval, s.family::pg_catalog.text, s.tz::pg_catalog.text "
							 "FROM %s AS s WHERE (s.bins, s.unit, s.family, s.tz) IS NOT NULL",
							 fit->tracking->settings), false, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		reject_settings(fit->tracking);
	row = SPI_tuptable->vals[0];
	columns = SPI_tuptable->tupdesc;
	fit->bins = DatumGetInt32(SPI_getbinval(row, columns, SETTING_BINS, &isnull));
	check_rfm_bins(fit->bins);
	fit->call.unit =
		interval_days(DatumGetIntervalP(SPI_getbinval(row, columns,
													  SETTING_UNIT, &isnull)),
					  "unit");
	fit->call.family = stored_family(fit->tracking,
									 SPI_getvalue(row, columns, SETTING_FAMILY));
	fit->tz = MemoryContextStrdup(fit->context,
								  SPI_getvalue(row, columns, SETTING_TZ));
	SPI_finish();
}

static Datum
int64_array(const QuantileCuts *cuts, bool reversed, Oid type)
{
	Datum		values[RFM_BINS_MAX];

	for (int i = 0; i < cuts->count; i++)
		values[i] = Int64GetDatum(int64_of_word(reversed ? ~cuts->cut[i] :
												cuts->cut[i]));
	return PointerGetDatum(construct_array(values, cuts->count, type, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The words of money are read back from the customers who have it. */
static Datum
money_array(const RfmCustomers *customers)
{
	const QuantileCuts *cuts = &customers->cuts[RFM_MONETARY];
	RfmCursor	cursor = rfm_customers_walk(customers);
	RfmCustomer customer;
	Datum		values[RFM_BINS_MAX];
	bool		found[RFM_BINS_MAX] = {false};

	while (rfm_cursor_next(&cursor, &customer))
		for (int i = 0; i < cuts->count; i++)
			if (customer.score[RFM_MONETARY] > 0 && !found[i] &&
				customer.money_word == cuts->cut[i])
			{
				values[i] = NumericGetDatum(money_numeric(&customer.purchases.money,
														  customers->table->heap.base));
				found[i] = true;
			}
	return PointerGetDatum(construct_array(values, cuts->count, NUMERICOID, -1,
										   false, TYPALIGN_INT));
}

enum
{
	STATE_PURCHASES,
	STATE_DAYS,
	STATES
};

/* Gets the two states. */
static void
fit_states(TupleTableSlot *row, void *arg)
{
	Fit		   *fit = arg;
	MemoryContext caller = MemoryContextSwitchTo(fit->context);
	CustomerTable view[STATES];
	RfmCustomers customers;

	fit->has_customers = !row->tts_isnull[STATE_PURCHASES];
	if (fit->has_customers)
	{
		rfm_customers_init(&customers,
						   state_open(row->tts_values[STATE_PURCHASES],
									  &view[STATE_PURCHASES]),
						   fit->bins, GRID_STANDARD);
		fit->has_customers = customers.count > 0;
	}
	if (fit->has_customers)
	{
		fit->recency = int64_array(&customers.cuts[RFM_RECENCY], true,
								   TIMESTAMPTZOID);
		fit->frequency = int64_array(&customers.cuts[RFM_FREQUENCY], false, INT8OID);
		fit->monetary = money_array(&customers);
		(void) fit_customers(&fit->call,
							 state_open(row->tts_values[STATE_DAYS],
										&view[STATE_DAYS]), true, 0,
							 &fit->fits);
	}
	MemoryContextSwitchTo(caller);
}

static Datum
params_array(const ModelFit *model)
{
	Datum		values[BTYD_PARAMS];
	const int	count = model->nparams;

	for (int i = 0; i < count; i++)
		values[i] = Float8GetDatum(model->params[i]);
	return PointerGetDatum(construct_array(values, count, FLOAT8OID, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The parameters of the update: $1 and so on */
enum
{
	FIT_RECENCY,
	FIT_FREQUENCY,
	FIT_MONETARY,
	FIT_AS_OF,
	FIT_BUYING,
	FIT_SPEND,
	FIT_STATUS,
	FIT_DECIMALS,
	FIT_VALUES
};

static void
store_fit(const Fit *fit)
{
	Oid			types[FIT_VALUES] = {
		[FIT_RECENCY] = TIMESTAMPTZARRAYOID,
		[FIT_FREQUENCY] = INT8ARRAYOID,
		[FIT_MONETARY] = NUMERICARRAYOID,
		[FIT_AS_OF] = TIMESTAMPTZOID,
		[FIT_BUYING] = FLOAT8ARRAYOID,
		[FIT_SPEND] = FLOAT8ARRAYOID,
		[FIT_STATUS] = TEXTOID,
		[FIT_DECIMALS] = INT4OID
	};
	Datum		values[FIT_VALUES] = {
		[FIT_RECENCY] = fit->recency,
		[FIT_FREQUENCY] = fit->frequency,
		[FIT_MONETARY] = fit->monetary,
		[FIT_AS_OF] = TimestampTzGetDatum(fit->as_of),
		[FIT_BUYING] = params_array(&fit->fits.buying),
		[FIT_SPEND] = params_array(&fit->fits.spend),
		[FIT_STATUS] = CStringGetTextDatum(fit->fits.status),
		[FIT_DECIMALS] = Int32GetDatum(fit->fits.decimals)
	};
	char		nulls[FIT_VALUES];

	memset(nulls, ' ', sizeof(nulls));
	if (!fit->fits.buying.has_params)
		nulls[FIT_BUYING] = 'n';
	if (!fit->fits.spend.has_params)
		nulls[FIT_SPEND] = 'n';
	SPI_connect();
	if (SPI_execute_with_args(psprintf("UPDATE %s AS s SET cuts = ROW(s.bins, s.grid, $1, $2, $3)::%s.rfm_cuts, cuts_at = $4, "
									   "buying_params = $5, spend_params = $6, model_status = $7, decimals = $8, fitted_at = $4",
									   fit->tracking->settings,
									   fit->tracking->extension),
							  FIT_VALUES, types, values, nulls, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "settings could not be updated");
	SPI_finish();
}

/*
 * Who is in another segment by the new cut points; a first fit moves nobody, for
 * nobody had a segment.
 */
static int64
store_segments(const Tracking *tracking, bool is_first)
{
	int64		moved;

	SPI_connect();
	if (SPI_execute(psprintf("UPDATE %s AS c SET segment = r.segment%s "
							 "FROM %s AS o CROSS JOIN LATERAL %s.live_row(o.history, (SELECT s.cuts FROM %s AS s), 'infinity') AS r "
							 "WHERE o.customer = c.customer AND r.segment IS DISTINCT FROM c.segment",
							 tracking->customers,
							 is_first ? "" : ", previous_segment = c.segment, segment_changed_at = pg_catalog.clock_timestamp()",
							 tracking->customers, tracking->extension,
							 tracking->settings), false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "segments could not be updated");
	moved = (int64) SPI_processed;
	SPI_finish();
	return is_first ? 0 : moved;
}

/*
 * Fits to all orders before as_of. Without a customer nothing changes.
 */
void
fit_tracking(const Tracking *tracking, TimestampTz as_of, bool is_first)
{
	Fit			fit = {
		.tracking = tracking, .as_of = as_of,
		.context = AllocSetContextCreate(CurrentMemoryContext, "retention fit",
										 ALLOCSET_DEFAULT_SIZES)
	};

	read_options(&fit);
	fit.call.base.row_context = AllocSetContextCreate(fit.context, "retention rows",
													  ALLOCSET_DEFAULT_SIZES);
	run_query_anew(psprintf("SELECT %s.purchases_state(l.history, $1), %s.purchase_days_state(l.history, $1, %s) FROM %s AS l",
							tracking->extension, tracking->extension,
							quote_literal_cstr(fit.tz), tracking->live),
				   &as_of, 1, fit_states, &fit);
	if (fit.has_customers)
	{
		store_fit(&fit);
		notify_moved(tracking, store_segments(tracking, is_first));
	}
	MemoryContextDelete(fit.context);
}

/*
 * retention_fit(live regclass, as_of timestamptz)
 */
PG_FUNCTION_INFO_V1(retention_fit);
Datum
retention_fit(PG_FUNCTION_ARGS)
{
	const TimestampTz as_of = time_arg(fcinfo, 1, "as_of");
	Tracking	tracking;
	Caller		caller;

	PreventCommandIfReadOnly("retention_fit()");
	check_read_committed("retention_fit()");
	tracking_arg(&tracking, fcinfo, 0);
	check_tracking_owner(&tracking);
	lock_tracking(&tracking);
	become_owner(&caller, &tracking);
	fit_tracking(&tracking, as_of, false);
	become_caller(&caller);
	PG_RETURN_VOID();
}
