/*
 * season_model.h
 *		A shop's seasons, from the days of a table's customers.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_SEASON_MODEL_H
#define RETENTION_SEASON_MODEL_H

#include "base/compat.h"

#include "math/season.h"
#include "models/purchase_days.h"

/* Days [from, until) of campaigns, in the shop's calendar, in any order */
typedef struct CampaignDays
{
	int64		from;
	int64		until;
} CampaignDays;

typedef struct Campaigns
{
	CampaignDays *spans;
	int			nspans;
} Campaigns;

/* The days of a shop's calendar that season data are about */
typedef struct SeasonDays
{
	SeasonData	data;
	int64		first_day;		/* of all customers; days count from it */
} SeasonDays;

extern retention_internal bool season_days_of(const CustomerTable *table,
											  int64 last_day, double unit,
											  const Campaigns *campaigns,
											  SeasonDays *days);
extern retention_internal uint8 *season_labels(int64 first_day, int32 days,
											   const Campaigns *campaigns);
extern retention_internal const char *season_status(const SeasonDays *days,
													SeasonOutcome outcome);

#endif							/* RETENTION_SEASON_MODEL_H */
