/*
 * purchase_days.c
 *		The days a customer ordered on.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "models/purchase_days.h"

#include "miscadmin.h"

const PurchaseDays purchase_days_of_nobody = {
	.first_order_at = DT_NOEND,
	.last_order_at = DT_NOBEGIN,
	.days = TIMELINE_EMPTY
};

/* What one row says. */
void
purchase_days_of_row(PurchaseDays *days, StateHeap *heap, const Zone *zone,
					 const OrderRow *row)
{
	Money		money = {0, 0};

	*days = purchase_days_of_nobody;
	if (row->known)
	{
		money = order_row_amount(row, heap);
		if (money_sign(&money, heap->base) <= 0)
		{
			days->refunds = money;
			return;
		}
	}
	days->first_order_at = days->last_order_at = row->at;
	days->days = timeline_create(heap, period_of(GRAIN_DAY, zone, row->at), 1,
								 &money, heap->base);
}

/* What all rows of a customer say, which are in order of time. */
void
purchase_days_of_rows(PurchaseDays *days, StateHeap *heap, const Zone *zone,
					  const LooseRow *row, uint64 count, const char *base)
{
	TimelineBuilder builder;

	*days = purchase_days_of_nobody;
	timeline_build_begin(&builder);
	for (uint64 i = 0; i < count; i++, row++)
	{
		Money		amount = row->amount;

		if ((i & 0xFFF) == 0xFFF)
			CHECK_FOR_INTERRUPTS();
		if (!money_is_none(&amount) && money_sign(&amount, base) <= 0)
		{
			money_add(heap, &days->refunds, &amount, base);
			continue;
		}
		money_move(&builder.wide, &amount, base);
		timeline_build_add(&builder, period_of(GRAIN_DAY, zone, row->at),
						   &amount);
		days->first_order_at = Min(days->first_order_at, row->at);
		days->last_order_at = row->at;
	}
	days->days = timeline_build_end(&builder, heap);
}

/* into += from, whose blocks are at from_base, in another heap. */
void
purchase_days_merge(StateHeap *heap, PurchaseDays *into,
					const PurchaseDays *from, const char *from_base)
{
	into->first_order_at = Min(into->first_order_at, from->first_order_at);
	into->last_order_at = Max(into->last_order_at, from->last_order_at);
	money_add(heap, &into->refunds, &from->refunds, from_base);
	timeline_merge(heap, &into->days, from_base, from->days);
}

/* Could rows have made it? */
bool
purchase_days_valid(const PurchaseDays *days, const char *base,
					const Zone *zone, TimestampTz as_of)
{
	TimelineReader reader;

	if (!money_is_none(&days->refunds) && money_sign(&days->refunds, base) > 0)
		return false;
	timeline_open(&reader, base, days->days);
	if (!timeline_next(&reader))
		return days->first_order_at == DT_NOEND &&
			days->last_order_at == DT_NOBEGIN;
	if (!IS_VALID_TIMESTAMP(days->first_order_at) ||
		!IS_VALID_TIMESTAMP(days->last_order_at) ||
		days->first_order_at > days->last_order_at ||
		days->last_order_at >= as_of ||
		reader.position != period_of(GRAIN_DAY, zone, days->first_order_at))
		return false;
	do
	{
		if (reader.orders == 0)
			return false;
	} while (timeline_next(&reader));
	return reader.position == period_of(GRAIN_DAY, zone, days->last_order_at);
}

void
summary_scratch_init(SummaryScratch *scratch)
{
	scratch->repeats = NULL;
	scratch->days = NULL;
	heap_init_scratch(&scratch->day);
	heap_init_scratch(&scratch->sums);
	heap_init_scratch(&scratch->rows);
	heap_init_scratch(&scratch->both);
}

/*
 * Sums up a customer's days, until the one that holds as_of; false if there is
 * none. The sums are good until the next call.
 */
bool
purchase_days_summarize(const PurchaseDays *days, const char *base,
						int64 last_day, SummaryScratch *scratch,
						PurchaseSummary *summary)
{
	TimelineReader reader;
	int64		first_day;

	scratch->sums.used = 0;
	timeline_open(&reader, base, days->days);
	if (!timeline_next(&reader))
		return false;
	first_day = reader.position;
	*summary = (PurchaseSummary) {
		.first_order_at = days->first_order_at,
		.last_order_at = days->last_order_at,
		.x = -1,
		.age = last_day - first_day
	};
	do
	{
		Money		money;

		scratch->day.used = 0;
		money = timeline_money(&reader, &scratch->day);
		if ((++summary->x & 0xFFF) == 0xFFF)
			CHECK_FOR_INTERRUPTS();
		add_orders(&summary->orders, reader.orders);
		money_add(&scratch->sums, &summary->money, &money, scratch->day.base);
		day_list_add(scratch->days, reader.position);
		if (summary->x == 0)
		{
			money_add(&scratch->sums, &summary->first_money, &money,
					  scratch->day.base);
			continue;
		}
		count_day(scratch->repeats, last_day - reader.position);
		money_add(&scratch->sums, &summary->repeat_money, &money,
				  scratch->day.base);
	} while (timeline_next(&reader));
	summary->t_x = reader.position - first_day;
	money_add(&scratch->sums, &summary->money, &days->refunds, base);
	return true;
}

/*
 * The same of all rows of a customer, which are in order of time.
 */
bool
purchase_rows_summarize(const LooseRow *row, uint64 count, const char *base,
						const Zone *zone, int64 last_day,
						SummaryScratch *scratch, PurchaseSummary *summary)
{
	int64		first_day = 0;
	int64		day = 0;

	scratch->sums.used = 0;
	*summary = (PurchaseSummary) {.x = -1};
	for (uint64 i = 0; i < count; i++, row++)
	{
		int64		its_day;

		if ((i & 0xFFF) == 0xFFF)
			CHECK_FOR_INTERRUPTS();
		money_add(&scratch->sums, &summary->money, &row->amount, base);
		if (!money_is_none(&row->amount) && !money_is_positive(&row->amount, base))
			continue;
		its_day = period_of(GRAIN_DAY, zone, row->at);
		if (summary->x < 0)
		{
			first_day = its_day;
			summary->first_order_at = row->at;
		}
		if (summary->x < 0 || its_day != day)
		{
			day_list_add(scratch->days, its_day);
			if (++summary->x > 0)
				count_day(scratch->repeats, last_day - its_day);
		}
		day = its_day;
		summary->last_order_at = row->at;
		add_orders(&summary->orders, 1);
		money_add(&scratch->sums, summary->x > 0 ? &summary->repeat_money :
				  &summary->first_money, &row->amount, base);
	}
	summary->t_x = day - first_day;
	summary->age = last_day - first_day;
	return summary->x >= 0;
}
