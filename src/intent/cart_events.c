/*
 * cart_events.c
 *		Events of a cart.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "intent/cart_events.h"

#include "base/bytes.h"
#include "base/checks.h"
#include "libpq/pqformat.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#define KIND_MASK		0x07
#define HAS_VALUE		0x08
#define HAS_PRODUCT		0x10

/* ------------------------------------------------------------------------
 * A row
 * ------------------------------------------------------------------------
 */
static const char *const kind_names[] = {
	[CART_VIEW] = "view",
	[CART_REMOVE] = "remove",
	[CART_PUT] = "cart",
	[CART_CHECKOUT] = "checkout",
	[CART_PURCHASE] = "purchase"
};

CartEventKind
cart_event_kind(const text *event)
{
	for (CartEventKind kind = CART_VIEW; kind <= CART_PURCHASE; kind++)
		if (VARSIZE_ANY_EXHDR(event) == strlen(kind_names[kind]) &&
			memcmp(VARDATA_ANY(event), kind_names[kind],
				   strlen(kind_names[kind])) == 0)
			return kind;
	return CART_OTHER;
}

/*
 * Reads a row's time and event, arguments number "argument" and the next; false if one
 * is NULL.
 */
bool
cart_event_read_kind(FunctionCallInfo fcinfo, int argument, TimestampTz *at,
					 CartEventKind *kind)
{
	if (PG_ARGISNULL(argument) || PG_ARGISNULL(argument + 1))
		return false;
	*at = PG_GETARG_TIMESTAMPTZ(argument);
	check_finite_time(*at, "at");
	*kind = cart_event_kind(PG_GETARG_TEXT_PP(argument + 1));
	return true;
}

/*
 * The event as it is kept, in a block of "heap".
 */
uint64
cart_event_keep(StateHeap *heap, TimestampTz at, CartEventKind kind,
				const NullableDatum *product, const NullableDatum *value)
{
	const bool	has_product = (kind == CART_REMOVE || kind == CART_PUT) &&
		!product->isnull;
	const bool	has_value = (kind == CART_PUT || kind == CART_PURCHASE) &&
		!value->isnull;
	StringInfoData bytes;
	uint64		block;

	initStringInfo(&bytes);
	pq_sendbyte(&bytes, (uint8) (kind | (has_value ? HAS_VALUE : 0) |
								 (has_product ? HAS_PRODUCT : 0)));
	if (has_value)
	{
		StateHeap	wide;
		Money		money;

		heap_init_scratch(&wide);
		money_from_datum(&wide, &money, value->value, "value");
		money_send(&bytes, &money, wide.base);
		heap_free_scratch(&wide);
	}
	if (has_product)
	{
		const text *name = DatumGetTextPP(product->value);

		appendBinaryStringInfo(&bytes, VARDATA_ANY(name),
							   VARSIZE_ANY_EXHDR(name));
	}
	block = events_create(heap, at, bytes.data, bytes.len);
	pfree(bytes.data);
	return block;
}

/* ------------------------------------------------------------------------
 * As they are kept
 * ------------------------------------------------------------------------
 */

/* False for bytes that cart_event_keep cannot have written; or an error. */
static bool
decode(CartEvent *event, const Event *kept, StateHeap *heap)
{
	StringInfoData bytes = {
		.data = unconstify(char *, kept->bytes),
		.len = (int) kept->size,
		.maxlen = (int) kept->size
	};
	uint8		head;

	if (kept->size == 0)
		return false;
	memset(event, 0, sizeof(*event));
	head = (uint8) pq_getmsgbyte(&bytes);
	event->at = kept->at;
	event->kept = kept;
	event->kind = (CartEventKind) (head & KIND_MASK);
	event->has_product = (head & HAS_PRODUCT) != 0;
	if (head & HAS_VALUE)
	{
		money_receive(&bytes, heap, &event->value);
		if (money_is_none(&event->value))
			return false;
	}
	event->product = bytes.data + bytes.cursor;
	event->product_size = (uint32) (bytes.len - bytes.cursor);
	return (head & ~(KIND_MASK | HAS_VALUE | HAS_PRODUCT)) == 0 &&
		(event->has_product || event->product_size == 0) &&
		(!event->has_product || event->kind == CART_REMOVE ||
		 event->kind == CART_PUT) &&
		((head & HAS_VALUE) == 0 || event->kind == CART_PUT ||
		 event->kind == CART_PURCHASE);
}

/* Are these touches of [from, until), and kinds up to "last"? */
bool
cart_events_valid(uint64 events, const char *heap_base, TimestampTz from,
				  TimestampTz until, CartEventKind last)
{
	EventReader reader;
	Event		kept;
	StateHeap	heap;
	bool		valid = true;

	heap_init_scratch(&heap);
	events_open(&reader, heap_base, events);
	while (valid && events_next(&reader, &kept))
	{
		CartEvent	event;

		heap.used = 0;
		valid = kept.at >= from && kept.at < until &&
			decode(&event, &kept, &heap) &&
			event.kind >= CART_REMOVE && event.kind <= last;
	}
	heap_free_scratch(&heap);
	return valid;
}

/* The product without a name first, the others by their bytes */
static int
compare_products(const CartEvent *a, const CartEvent *b)
{
	if (a->has_product != b->has_product)
		return a->has_product ? 1 : -1;
	return compare_bytes(a->product, a->product_size, b->product, b->product_size);
}

/* None first, the others from the smallest on */
static int
compare_values(const CartEvent *a, const CartEvent *b, const char *base)
{
	if (money_is_none(&a->value) || money_is_none(&b->value))
		return (int) money_is_none(&b->value) - (int) money_is_none(&a->value);
	return money_compare(&a->value, base, &b->value, base);
}

/*
 * Time, kind, product, value: of what is put into the cart the largest last, of purchases
 * the largest first. What is equal so far may differ in decimals; then bytes decide.
 */
static int
compare_cart_events(const void *a, const void *b, void *heap_base)
{
	const CartEvent *x = a;
	const CartEvent *y = b;
	int			order;

	CHECK_FOR_INTERRUPTS();
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->kind != y->kind)
		return (int) x->kind - (int) y->kind;
	if ((order = compare_products(x, y)) != 0)
		return order;
	order = compare_values(x, y, heap_base);
	if (order == 0)
		order = compare_bytes(x->kept->bytes, x->kept->size,
							  y->kept->bytes, y->kept->size);
	return x->kind == CART_PURCHASE ? -order : order;
}

static int
compare_by_product(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return compare_products(*(CartEvent *const *) a, *(CartEvent *const *) b);
}

/* Gives every product of the customer a number, so that a cart is an array. */
static void
number_products(CartEvents *events)
{
	CartEvent **by_product = array_alloc(events->count, sizeof(CartEvent *));
	uint32		count = 0;

	for (uint32 i = 0; i < events->count; i++)
		if (events->event[i].kind == CART_PUT ||
			events->event[i].kind == CART_REMOVE)
			by_product[count++] = &events->event[i];
	if (count > 1)
		qsort(by_product, count, sizeof(CartEvent *), compare_by_product);
	events->lines = 0;
	for (uint32 i = 0; i < count; i++)
	{
		if (i == 0 || compare_products(by_product[i - 1], by_product[i]) != 0)
			events->lines++;
		by_product[i]->line = events->lines - 1;
	}
	pfree(by_product);
}

/* A customer's events in their order, in the current memory context. */
void
cart_events_open(CartEvents *events, const char *base, uint64 offset)
{
	SortedEvents sorted = {NULL};

	events_sort(&sorted, base, offset);
	heap_init_scratch(&events->heap);
	events->count = sorted.count;
	events->event = array_alloc(sorted.count, sizeof(CartEvent));
	for (uint32 i = 0; i < sorted.count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		(void) decode(&events->event[i], &sorted.event[i], &events->heap);
	}
	if (events->count > 1)
		qsort_arg(events->event, events->count, sizeof(CartEvent),
				  compare_cart_events, events->heap.base);
	number_products(events);
}

/* ------------------------------------------------------------------------
 * What lies in a cart
 * ------------------------------------------------------------------------
 */
void
cart_content_init(CartContent *content, const CartEvents *events)
{
	memset(content, 0, sizeof(*content));
	content->events = events;
	content->line = array_alloc0(events->lines, sizeof(CartLine));
	content->seen = array_alloc(events->lines, sizeof(uint32));
	content->cart = 1;
}

/* Another cart, with nothing in it. */
void
cart_content_empty(CartContent *content)
{
	content->cart++;
	content->items = 0;
	content->nseen = 0;
}

/*
 * Puts a product into the cart, or takes it out. True if that has taken the last one
 * out.
 */
bool
cart_content_change(CartContent *content, const CartEvent *event)
{
	CartLine   *line = &content->line[event->line];

	if (line->cart != content->cart)
	{
		line->cart = content->cart;
		line->is_in = false;
		content->seen[content->nseen++] = event->line;
	}
	if (event->kind == CART_PUT)
	{
		content->items += !line->is_in;
		line->is_in = true;
		line->value = event->value;
		return false;
	}
	if (!line->is_in)
		return false;
	line->is_in = false;
	return --content->items == 0;
}

/* The sum of the known values of what lies in the cart; NULL if none is known. */
Numeric
cart_content_value(const CartContent *content)
{
	StateHeap	heap;
	Money		sum = {0, 0};

	heap_init_scratch(&heap);
	for (uint32 i = 0; i < content->nseen; i++)
	{
		const CartLine *line = &content->line[content->seen[i]];

		if (line->is_in && !money_is_none(&line->value))
			money_add(&heap, &sum, &line->value, content->events->heap.base);
	}
	return money_numeric(&sum, heap.base);
}

/* ------------------------------------------------------------------------
 * Options
 * ------------------------------------------------------------------------
 */

/* Raises an error unless one interval is at least as long as another. */
void
cart_check_longer(const OptionValue *shorter, const char *shorter_name,
				  const OptionValue *longer, const char *longer_name)
{
	if (DatumGetBool(DirectFunctionCall2(interval_le,
										 IntervalPGetDatum(unconstify(Interval *, &shorter->interval)),
										 IntervalPGetDatum(unconstify(Interval *, &longer->interval)))))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" must be at least as long as \"%s\": \"%s\" is shorter than \"%s\"",
					longer_name, shorter_name, interval_text(&longer->interval),
					interval_text(&shorter->interval))));
}
