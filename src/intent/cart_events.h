/*
 * cart_events.h
 *		Events of a cart: what a row says, in which order they count, and what lies in the
 *		cart.
 *
 * Shared by carts and pending_intent. An event is kept (engine/events.h) as
 *
 *		byte	its kind, and whether a value and a product follow
 *		the value as money_send writes it, if it has one
 *		the bytes of its product, up to the end, if it has one
 *
 * and only with what its kind needs: the product of cart and remove, the value of cart
 * and purchase.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_CART_EVENTS_H
#define RETENTION_CART_EVENTS_H

#include "base/compat.h"

#include "engine/events.h"
#include "engine/money.h"
#include "engine/state_options.h"
#include "fmgr.h"

/* In the order in which those of one instant count */
typedef enum CartEventKind
{
	CART_OTHER,
	CART_VIEW,
	CART_REMOVE,
	CART_PUT,
	CART_CHECKOUT,
	CART_PURCHASE
} CartEventKind;

/* A product of NULL is one product without a name; a value may be none. */
typedef struct CartEvent
{
	TimestampTz at;
	CartEventKind kind;
	bool		has_product;
	const char *product;
	uint32		product_size;
	Money		value;
	uint32		line;			/* of cart and remove: number of the product
								 * among those of this customer, from 0 on */
	const Event *kept;
} CartEvent;

/* The events of a customer, in their order. */
typedef struct CartEvents
{
	CartEvent  *event;
	uint32		count;
	uint32		lines;			/* how many products */
	StateHeap	heap;			/* of wide values */
} CartEvents;

/* What lies in a cart. */
typedef struct CartLine
{
	uint32		cart;			/* the number of the cart that saw it last */
	bool		is_in;
	Money		value;			/* the latest */
} CartLine;

typedef struct CartContent
{
	const CartEvents *events;
	CartLine   *line;
	uint32		cart;			/* number of this one, from 1 on */
	int64		items;
	uint32	   *seen;			/* the lines that this cart has seen */
	uint32		nseen;
} CartContent;

extern retention_internal CartEventKind cart_event_kind(const text *event);
extern retention_internal bool cart_event_read_kind(FunctionCallInfo fcinfo,
													int argument,
													TimestampTz *at,
													CartEventKind *kind);
extern retention_internal uint64 cart_event_keep(StateHeap *heap, TimestampTz at,
												 CartEventKind kind,
												 const NullableDatum *product,
												 const NullableDatum *value);
extern retention_internal bool cart_events_valid(uint64 events,
												 const char *heap_base,
												 TimestampTz from,
												 TimestampTz until,
												 CartEventKind last);
extern retention_internal void cart_events_open(CartEvents *events,
												const char *base, uint64 offset);
extern retention_internal void cart_content_init(CartContent *content,
												 const CartEvents *events);
extern retention_internal void cart_content_empty(CartContent *content);
extern retention_internal bool cart_content_change(CartContent *content,
												   const CartEvent *event);
extern retention_internal Numeric cart_content_value(const CartContent *content);
extern retention_internal void cart_check_longer(const OptionValue *shorter,
												 const char *shorter_name,
												 const OptionValue *longer,
												 const char *longer_name);

#endif							/* RETENTION_CART_EVENTS_H */
