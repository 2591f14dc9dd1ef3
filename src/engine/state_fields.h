/*
 * state_fields.h
 *		What the engine does to a family's structs without knowing them.
 *
 * A family lists the fields of its totals and of its payload. From that the engine
 * sends, receives and relocates them.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STATE_FIELDS_H
#define RETENTION_STATE_FIELDS_H

#include "base/compat.h"

#include "engine/money.h"
#include "engine/state_heap.h"
#include "lib/stringinfo.h"

typedef enum FieldType
{
	FIELD_END = 0,
	FIELD_BYTE,					/* uint8 */
	FIELD_UINT32,
	FIELD_INT64,
	FIELD_COUNT,				/* int64 that is never negative */
	FIELD_MONEY,				/* Money */
	FIELD_TIMELINE,				/* offset of a timeline (timeline.h), or
								 * TIMELINE_EMPTY */
	FIELD_INSTANTS,				/* offset of a customer's instants
								 * (instants.h), or INSTANTS_NONE */
	FIELD_DATED_MONEY,			/* offset of dated money (dated_money.h), or
								 * DATED_MONEY_NONE */
	FIELD_EVENTS,				/* offset of a customer's events (events.h),
								 * or EVENTS_NONE */
	FIELD_RECORDS,				/* offset of records (record_list.h), or
								 * RECORDS_NONE */
	FIELD_TEXTS,				/* offset of texts (text_dictionary.h), or
								 * TEXTS_NONE; first of the totals */
	FIELD_NUMBERS,				/* offset of numbers of texts (number_list.h),
								 * or NUMBERS_NONE */
	FIELD_DATED_NUMBERS,		/* the same, with instants */
	FIELD_PERIOD_SUMS,			/* offset of sums by period (period_sums.h),
								 * or PERIOD_SUMS_NONE */
	FIELD_NAME,					/* a short name (short_name.h), or
								 * SHORT_NAME_NONE */
	FIELD_DERIVED				/* int64 that is derived from the payloads,
								 * and so not sent */
} FieldType;

#define FIELD_SIZE(type) \
	((type) == FIELD_BYTE ? sizeof(uint8) : \
	 (type) == FIELD_UINT32 ? sizeof(uint32) : \
	 (type) == FIELD_MONEY ? sizeof(Money) : sizeof(int64))

typedef struct StateField
{
	uint8		type;			/* FieldType */
	uint8		offset;
} StateField;

/*
 * The list of a struct's fields:
 *
 *		STATE_FIELDS(FIELD(Purchases, orders, COUNT), ...)
 *
 * It does not compile if a member has another size than its type. That no member is
 * left out is checked when the library is loaded (families_check).
 */
#define FIELD(struct_, member, type) \
	{FIELD_##type * \
	sizeof(char[sizeof(((struct_ *) 0)->member) == \
				FIELD_SIZE(FIELD_##type) ? 1 : -1]), \
	offsetof(struct_, member)}
#define STATE_FIELDS(...) \
	((const StateField[]) {__VA_ARGS__, {FIELD_END, 0}})

extern retention_internal bool fields_fill(const StateField *fields,
										   Size size);
extern retention_internal uint64 fields_heap_size(const StateField *fields,
												  const void *data,
												  const char *base);
extern retention_internal void fields_copy_derived(const StateField *fields,
												   void *into,
												   const void *from);
extern retention_internal void fields_move(const StateField *fields, void *data,
										   StateHeap *into, const char *base);
extern retention_internal void fields_send(StringInfo out,
										   const StateField *fields,
										   const void *data, const char *base);
extern retention_internal void fields_receive(StringInfo in,
											  const StateField *fields,
											  void *data, StateHeap *heap);
extern retention_internal void fields_renumber(const StateField *fields,
											   void *data, char *base,
											   const uint32 *renumber);
extern retention_internal bool fields_use_numbers(const StateField *fields,
												  const void *data,
												  const char *base, bool *used,
												  uint32 count);
extern retention_internal int fields_least_bytes(const StateField *fields);

#endif							/* RETENTION_STATE_FIELDS_H */
