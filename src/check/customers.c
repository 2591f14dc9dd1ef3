/*
 * customers.c
 *		retention_check: what is to be seen of a customer.
 *
 * The engine keeps rows and money by the customer; when all rows have been read,
 * every customer is looked at once: is the key one that stands for nobody, is it as
 * another but for its spelling, has it a share of the rows that no person has?
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "check/examination.h"

#include <ctype.h>

#include "base/checks.h"
#include "base/numerics.h"
#include "catalog/pg_collation.h"
#include "engine/customer_type.h"
#include "engine/spill.h"
#include "engine/transition.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"
#include "utils/memutils.h"

/* ------------------------------------------------------------------------
 * The table
 * ------------------------------------------------------------------------
 */
StaticAssertDecl(sizeof(CheckedCustomer) == 40, "fields of CheckedCustomer");

static void
checked_customer_merge(CustomerTable *table, void *into, const void *from,
					   const char *from_base)
{
	CheckedCustomer *a = into;
	const CheckedCustomer *b = from;

	a->rows += b->rows;
	a->orders += b->orders;
	if (a->order == ORDER_WORD_NONE)
		a->order = b->order;
	else if (b->order != ORDER_WORD_NONE && b->order != a->order)
		a->order = ORDER_WORD_SEVERAL;
	money_add(&table->heap, &a->money, &b->money, from_base);
}

CUSTOMER_ABSORB(checked_customers_absorb, checked_customers_family)

/* Never a state that leaves the function, so it has no id. */
const CustomerFamily checked_customers_family = {
	.name = "retention_check",
	.payload_fields = STATE_FIELDS(FIELD(CheckedCustomer, rows, COUNT),
								   FIELD(CheckedCustomer, orders, COUNT),
								   FIELD(CheckedCustomer, order, INT64),
								   FIELD(CheckedCustomer, money, MONEY)),
	.payload_size = sizeof(CheckedCustomer),
	.merge = checked_customer_merge,
	.absorb = checked_customers_absorb
};

/* In a context of its own: the limit of its memory is by its context's. */
ExpandedState *
customers_create(KeyKind kind)
{
	static const StateOptions no_options;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "retention_check customers",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ExpandedState *customers = state_build_begin(&checked_customers_family,
												 kind, &no_options);

	customers->spill_decided = customers->may_spill = true;
	MemoryContextSwitchTo(caller);
	return customers;
}

/* ------------------------------------------------------------------------
 * Keys of text
 * ------------------------------------------------------------------------
 */
#define MOST_PLACEHOLDER_SIZE	32

/* Keys that stand for nobody, lower case. */
static const char *const placeholders[] = {
	"#div/0!", "#n/a", "#name?", "#null!", "#num!", "#ref!", "#value!",
	"(blank)", "(empty)", "(not set)", "(null)", "<null>", "?", "[null]",
	"[object object]", "\\n", "anon", "anonymous", "blank", "convidado",
	"customer", "default", "deleted", "desconocido", "dummy", "empty", "false",
	"gast", "gastkunde", "guest", "guest checkout", "guest customer",
	"guest user", "guests", "inconnu", "invalid", "invitado", "invité",
	"missing", "n.a.", "n/a", "na", "nan", "nil", "no customer", "no email",
	"no name", "nobody", "none", "not available", "not provided", "not set",
	"null", "ospite", "sconosciuto", "tbd", "test", "true", "unbekannt",
	"undefined", "unknown", "unregistered", "visitor", "walk in",
	"walk in customer", "walk-in", "walk-in customer", "walkin", "x", "xx",
	"xxx"
};

/* The same before the @ of an address */
static const char *const nobodys[] = {
	"anonymous", "convidado", "gast", "guest", "invitado", "invite", "na",
	"no-reply", "nobody", "none", "noreply", "null", "ospite", "test",
	"undefined", "unknown"
};

static int
compare_words(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *) b);
}

#define IS_ONE_OF(word, words) \
	(bsearch(word, words, lengthof(words), sizeof(words[0]), compare_words) != NULL)

/* A blank is what isspace() says, and the no-break space of UTF-8. */
static int
blank_length(const char *at, const char *end)
{
	static bool utf8;
	static bool known = false;

	if (isspace((unsigned char) *at))
		return 1;
	if (likely((unsigned char) *at != 0xC2))
		return 0;
	if (!known)
		utf8 = GetDatabaseEncoding() == PG_UTF8;
	known = true;
	return utf8 && end - at >= 2 && (unsigned char) at[1] == 0xA0 ? 2 : 0;
}

/* A key's spelling, without what does not tell two people apart. */
typedef struct Spelling
{
	char	   *bytes;			/* room for MOST_SPELLING, or palloc'd */
	int			length;
	char		buffer[256];
} Spelling;

/* Lower case; no blanks at the ends, and one where there are several. */
static void
spell(Spelling *spelling, const char *bytes, int length)
{
	const char *end = bytes + length;
	bool		ascii = true;
	bool		blank = false;
	int			n = 0;

	spelling->bytes = length < sizeof(spelling->buffer) ? spelling->buffer :
		palloc(length + 1);
	while (bytes < end)
	{
		const int	size = blank_length(bytes, end);

		if (size > 0)
		{
			blank = n > 0;
			bytes += size;
			continue;
		}
		if (blank)
			spelling->bytes[n++] = ' ';
		blank = false;
		ascii = ascii && !IS_HIGHBIT_SET(*bytes);
		spelling->bytes[n++] = pg_ascii_tolower((unsigned char) *bytes++);
	}
	spelling->bytes[n] = '\0';
	spelling->length = n;
	if (!ascii)
	{
		spelling->bytes = str_tolower(spelling->bytes, n, DEFAULT_COLLATION_OID);
		spelling->length = strlen(spelling->bytes);
	}
}

static bool
is_placeholder_address(const Spelling *spelling)
{
	const char *at = strchr(spelling->bytes, '@');
	char		name[MOST_PLACEHOLDER_SIZE];

	if (at == NULL || at - spelling->bytes >= MOST_PLACEHOLDER_SIZE)
		return false;
	memcpy(name, spelling->bytes, at - spelling->bytes);
	name[at - spelling->bytes] = '\0';
	return IS_ONE_OF(name, nobodys);
}

static bool
is_placeholder_text(const Spelling *spelling)
{
	const char *bytes = spelling->bytes;

	/* nothing, only zeros (of a uuid, too), only dashes, minus one */
	if (strspn(bytes, "0-._ ") == spelling->length || strcmp(bytes, "-1") == 0)
		return true;
	if (is_placeholder_address(spelling))
		return true;
	return spelling->length < MOST_PLACEHOLDER_SIZE &&
		IS_ONE_OF(bytes, placeholders);
}

/* 5.07E+12: a number that a spreadsheet has cut to what it could show */
static bool
is_exponent(const Spelling *spelling)
{
	const char *at = spelling->bytes;

	at += *at == '-';
	if (!isdigit((unsigned char) *at++))
		return false;
	if (*at == '.' || *at == ',')
	{
		at++;
		if (!isdigit((unsigned char) *at))
			return false;
		at += strspn(at, "0123456789");
	}
	if (*at++ != 'e' || (*at != '+' && *at != '-'))
		return false;
	at++;
	return isdigit((unsigned char) *at) &&
		strspn(at, "0123456789") == strlen(at);
}

/* ------------------------------------------------------------------------
 * One customer
 * ------------------------------------------------------------------------
 */
#define MOST_PLACEHOLDERS	20	/* that advice names */
#define MOST_SPELLINGS		5	/* that an example shows */
#define CUSTOMERS_OF_CONTEXT	256
#define ONE_ORDER_EACH_ROWS		1000

typedef struct NamedCustomer
{
	int64		rows;
	char	   *name;
	char	   *literal;
} NamedCustomer;

typedef struct CustomerWalk
{
	Examination *exam;
	const CustomerTable *table;
	Oid			type;
	int64		customers;
	RecordLog  *spellings;		/* NULL: keys are no text */
	Spelling	spelling;		/* of this customer */

	NamedCustomer placeholders[MOST_PLACEHOLDERS];	/* those of most rows */
	int			nplaceholders;
	int64		unnamed_placeholders;
	NamedCustomer dominant;
	NamedCustomer exponent;
	Numeric		worst_money;
	char	   *worst_name;
	BestGroup	best_spelling;
	int			nspellings;
	char	   *spellings_shown[MOST_SPELLINGS];
} CustomerWalk;

static char *
keep(const CustomerWalk *walk, const char *text)
{
	return MemoryContextStrdup(walk->exam->context, text);
}

static Datum
slot_datum(const CustomerWalk *walk, const char *slot)
{
	return customer_datum(walk->table, slot, walk->type);
}

static char *
slot_text(const CustomerWalk *walk, const char *slot)
{
	return excerpt(value_text(walk->type, slot_datum(walk, slot)));
}

/* As a literal of SQL that can be compared with the column. */
static char *
slot_literal(const CustomerWalk *walk, const char *slot)
{
	char	   *text = value_text(walk->type, slot_datum(walk, slot));

	return walk->type == INT8OID ? text : quote_literal_cstr(text);
}

/* Does a customer of so many rows come before another? Most rows first. */
static bool
comes_before(const CustomerWalk *walk, int64 rows, const char *slot,
			 const NamedCustomer *other)
{
	return rows > other->rows ||
		(rows == other->rows && strcmp(slot_literal(walk, slot), other->literal) < 0);
}

static NamedCustomer
name_customer(const CustomerWalk *walk, const char *slot, int64 rows)
{
	return (NamedCustomer) {
		rows, keep(walk, slot_text(walk, slot)), keep(walk, slot_literal(walk, slot))
	};
}

static void
add_placeholder(CustomerWalk *walk, const char *slot, int64 rows)
{
	NamedCustomer *list = walk->placeholders;
	int			i = walk->nplaceholders;

	walk->exam->finding[CHECK_PLACEHOLDER_CUSTOMER].rows += rows;
	while (i > 0 && comes_before(walk, rows, slot, &list[i - 1]))
		i--;
	if (walk->nplaceholders == MOST_PLACEHOLDERS)
		walk->unnamed_placeholders++;
	else
		walk->nplaceholders++;
	if (i == MOST_PLACEHOLDERS)
		return;
	memmove(&list[i + 1], &list[i],
			(walk->nplaceholders - i - 1) * sizeof(NamedCustomer));
	list[i] = name_customer(walk, slot, rows);
}

/* Keeps the customer of most rows as an example, too. */
static void
add_named(CustomerWalk *walk, Check check, NamedCustomer *named,
		  const char *slot, int64 rows)
{
	walk->exam->finding[check].rows += rows;
	if (named->name == NULL || comes_before(walk, rows, slot, named))
		*named = name_customer(walk, slot, rows);
}

static bool
is_placeholder(CustomerWalk *walk, CustomerKey key)
{
	static const char nil[16] = {0};
	char		uuid[16];
	int64		number;

	switch (walk->table->kind)
	{
		case KEY_BIGINT:
			number = key_to_bigint(key);
			return number == 0 || number == -1;
		case KEY_TEXT:
			return is_placeholder_text(&walk->spelling);
		case KEY_UUID:
			key_to_16_bytes(key, uuid);
			if (memcmp(uuid, nil, sizeof(nil)) == 0)
				return true;
			memset(&number, 0xFF, sizeof(number));
			return memcmp(uuid, &number, 8) == 0 && memcmp(uuid + 8, &number, 8) == 0;
		default:
			return false;
	}
}

/* Spells a key of text, and logs how it is spelled. */
static void
look_at_text(CustomerWalk *walk, CustomerKey key, const char *slot, int64 rows)
{
	Spelling   *spelling = &walk->spelling;
	char		buffer[MOST_INLINE_TEXT];
	uint32		length;
	const char *bytes = key_text(key, walk->table->heap.base, buffer, &length);
	const unsigned char *spelled;

	spell(spelling, bytes, length);
	spelled = (const unsigned char *) spelling->bytes;
	record_log_add(walk->spellings,
				   hash_bytes_extended(spelled, spelling->length, 0),
				   hash_bytes_extended(spelled, spelling->length, 1), rows);
	if (is_exponent(spelling))
		add_named(walk, CHECK_EXPONENT_CUSTOMER, &walk->exponent, slot, rows);
}

/* The customer furthest below zero is the example. */
static void
look_at_money(CustomerWalk *walk, const CheckedCustomer *customer,
			  const char *slot)
{
	const char *base = walk->table->heap.base;
	Numeric		money;
	int			order;

	if (money_sign(&customer->money, base) >= 0)
		return;
	walk->exam->finding[CHECK_REFUND_EXCEEDS_PURCHASES].rows++;
	money = money_numeric(&customer->money, base);
	order = walk->worst_money == NULL ? -1 :
		numeric_compare(money, walk->worst_money);
	if (order < 0 ||
		(order == 0 && strcmp(slot_text(walk, slot), walk->worst_name) < 0))
	{
		MemoryContext caller = MemoryContextSwitchTo(walk->exam->context);

		walk->worst_money = DatumGetNumericCopy(NumericGetDatum(money));
		walk->worst_name = slot_text(walk, slot);
		MemoryContextSwitchTo(caller);
	}
}

/* The name of the customer of a group of rows at one instant */
static void
look_for_customer(CustomerWalk *walk, BestGroup *group, CustomerKey key,
				  const char *slot)
{
	if (group->rows > 0 && group->name == NULL &&
		customer_word_of_instant(group->key[0], group->key[1]) == key.word[0])
		group->name = keep(walk, slot_text(walk, slot));
}

static bool
is_dominant(const CustomerWalk *walk, int64 rows)
{
	const int64 all = walk->exam->customer_rows;

	return (int128) rows * 100 > all &&
		(int128) rows * walk->customers > (int128) all * 100;
}

static void
look_at_customer(CustomerWalk *walk, const char *slot)
{
	Examination *exam = walk->exam;
	const CustomerKey key = load_key(walk->table->kind, slot);
	CheckedCustomer customer;

	memcpy(&customer, slot + walk->table->key_size, sizeof(customer));
	exam->buyers += customer.orders > 0;
	exam->repeat_by_rows += customer.orders > 1;
	exam->repeat_by_orders += customer.order == ORDER_WORD_SEVERAL;
	if (walk->table->kind == KEY_TEXT)
		look_at_text(walk, key, slot, customer.rows);
	if (is_placeholder(walk, key))
		add_placeholder(walk, slot, customer.rows);
	if (is_dominant(walk, customer.rows))
		add_named(walk, CHECK_DOMINANT_CUSTOMER, &walk->dominant, slot,
				  customer.rows);
	look_at_money(walk, &customer, slot);
	look_for_customer(walk, &exam->best_instant, key, slot);
	look_for_customer(walk, &exam->best_repeat, key, slot);
}

/* What looking at a customer takes of memory is freed after a few of them. */
static void
walk_customers(CustomerWalk *walk, void (*look) (CustomerWalk *, const char *))
{
	CustomerCursor cursor = {walk->table, 0};
	const char *slot;
	int64		seen = 0;
	MemoryContext caller = MemoryContextSwitchTo(walk->exam->row_context);

	while ((slot = customer_cursor_next_slot(&cursor)) != NULL)
	{
		if (++seen % CUSTOMERS_OF_CONTEXT == 0)
			MemoryContextReset(walk->exam->row_context);
		look(walk, slot);
	}
	MemoryContextSwitchTo(caller);
}

/* ------------------------------------------------------------------------
 * Spellings
 * ------------------------------------------------------------------------
 */
static void
fold_spelling(RecordGroup *group, uint64 rows, void *arg)
{
	group->value += rows;
}

static void
consume_spelling(const RecordGroup *group, void *arg)
{
	CustomerWalk *walk = arg;

	if (group->records == 1)
		return;
	walk->exam->finding[CHECK_CUSTOMER_SPELLING].rows += group->value;
	note_best(&walk->best_spelling, group->records, group->key[0],
			  group->key[1], 0);
}

/* Keeps the first few spellings of the example, in the order of their bytes. */
static void
look_for_spelling(CustomerWalk *walk, const char *slot)
{
	const CustomerKey key = load_key(walk->table->kind, slot);
	const Spelling *spelling = &walk->spelling;
	const unsigned char *spelled;
	char		buffer[MOST_INLINE_TEXT];
	uint32		length;
	const char *bytes = key_text(key, walk->table->heap.base, buffer, &length);
	char	   *text;
	int			i = walk->nspellings;

	spell(&walk->spelling, bytes, length);
	spelled = (const unsigned char *) spelling->bytes;
	if (hash_bytes_extended(spelled, spelling->length, 0) != walk->best_spelling.key[0] ||
		hash_bytes_extended(spelled, spelling->length, 1) != walk->best_spelling.key[1])
		return;
	text = keep(walk, psprintf("'%s'", slot_text(walk, slot)));

	while (i > 0 && strcmp(text, walk->spellings_shown[i - 1]) < 0)
		i--;
	if (i == MOST_SPELLINGS)
		return;
	walk->nspellings = Min(walk->nspellings + 1, MOST_SPELLINGS);
	memmove(&walk->spellings_shown[i + 1], &walk->spellings_shown[i],
			(walk->nspellings - i - 1) * sizeof(char *));
	walk->spellings_shown[i] = text;
}

static void
find_spellings(CustomerWalk *walk)
{
	Finding    *finding = &walk->exam->finding[CHECK_CUSTOMER_SPELLING];
	StringInfoData list;

	record_log_groups(walk->spellings, fold_spelling, consume_spelling, walk);
	record_log_free(walk->spellings);
	if (finding->rows == 0)
		return;
	walk_customers(walk, look_for_spelling);
	initStringInfo(&list);
	for (int i = 0; i < walk->nspellings; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "",
						 walk->spellings_shown[i]);
	if (walk->best_spelling.rows > MOST_SPELLINGS)
		appendStringInfoString(&list, ", ...");
	finding->example = list.data;
	finding->advice = psprintf("These keys differ only by upper and lower case or by blanks, so one person counts as several. Bring them to one spelling: %s",
							   customer_view_sql(walk->exam, spelled_sql(walk->exam)));
}

/* ------------------------------------------------------------------------
 * In words
 * ------------------------------------------------------------------------
 */
/* A few rows of customer 0 may be those of a customer; many are not. */
static void
tell_placeholders(CustomerWalk *walk)
{
	Examination *exam = walk->exam;
	Finding    *finding = &exam->finding[CHECK_PLACEHOLDER_CUSTOMER];
	const bool	quoted = walk->table->kind == KEY_TEXT;
	StringInfoData shown;
	StringInfoData literals;

	if (finding->rows == 0)
		return;
	if (walk->table->kind == KEY_BIGINT &&
		(int128) walk->placeholders[0].rows * walk->customers <= 3 * exam->customer_rows)
		finding->severity = SEVERITY_INFO;
	initStringInfo(&shown);
	initStringInfo(&literals);
	for (int i = 0; i < walk->nplaceholders; i++)
	{
		const NamedCustomer *one = &walk->placeholders[i];

		if (i < MOST_SPELLINGS)
			appendStringInfo(&shown, quoted ? "%scustomer '%s', %s" : "%scustomer %s, %s",
							 i > 0 ? "; " : "", one->name, rows_text(one->rows));
		appendStringInfo(&literals, "%s%s", i > 0 ? ", " : "", one->literal);
	}
	if (walk->nplaceholders > MOST_SPELLINGS)
		appendStringInfoString(&shown, "; ...");
	finding->example = shown.data;
	finding->advice = psprintf("Such keys stand for nobody: guests, or a value that was missing. All their rows count as one customer, who comes back all the time. %sMake them NULL, which is left out: %s",
							   walk->unnamed_placeholders > 0 ?
							   psprintf("These are the %d of most rows, of %d. ", MOST_PLACEHOLDERS,
										(int) (MOST_PLACEHOLDERS + walk->unnamed_placeholders)) : "",
							   customer_view_sql(exam,
												 psprintf("CASE WHEN %s NOT IN (%s) THEN %s END",
														  exam->customer_name,
														  literals.data,
														  exam->customer_name)));
}

static void
tell_dominant(CustomerWalk *walk)
{
	Examination *exam = walk->exam;
	Finding    *finding = &exam->finding[CHECK_DOMINANT_CUSTOMER];
	const NamedCustomer *one = &walk->dominant;

	if (finding->rows == 0)
		return;
	finding->example = psprintf("customer %s, " INT64_FORMAT " of " INT64_FORMAT " rows",
								one->name, one->rows, exam->customer_rows);
	finding->advice = psprintf("No person orders that often: a till, a marketplace, a test account, or a key for guests. Find out, and if it is none of your customers leave it out: %s",
							   where_view_sql(exam,
											  psprintf("%s IS DISTINCT FROM %s",
													   exam->customer_name,
													   one->literal)));
}

static void
tell_exponent(CustomerWalk *walk)
{
	Finding    *finding = &walk->exam->finding[CHECK_EXPONENT_CUSTOMER];

	if (finding->rows > 0)
		finding->example = psprintf("customer %s, %s", walk->exponent.name,
									rows_text(walk->exponent.rows));
}

static void
tell_refunds(CustomerWalk *walk)
{
	Finding    *finding = &walk->exam->finding[CHECK_REFUND_EXCEEDS_PURCHASES];

	if (finding->rows > 0)
		finding->example = psprintf("customer %s, money %s", walk->worst_name,
									numeric_text(walk->worst_money));
}

/* A customer with two orders, or two rows if nobody knows which are one's order */
static int64
repeating_customers(const Examination *exam)
{
	return exam->order_ids.form == ORDER_ID_NONE ?
		exam->repeat_by_rows : exam->repeat_by_orders;
}

/* In more than a thousand rows somebody comes back, if customers are people. */
static void
find_one_order_each(CustomerWalk *walk)
{
	Examination *exam = walk->exam;
	Finding    *finding = &exam->finding[CHECK_ONE_ORDER_EACH];

	if (exam->buyers <= ONE_ORDER_EACH_ROWS || repeating_customers(exam) > 0)
		return;
	finding->rows = exam->customer_rows;
	finding->example = psprintf(INT64_FORMAT " customers, each with one order",
								exam->buyers);
}

static void
tell_group(Examination *exam, Check check, const BestGroup *group)
{
	const TimestampTz at = (TimestampTz) group->key[1];

	if (group->rows > 0)
		exam->finding[check].example =
			psprintf("customer %s, %s, %s", group->name,
					 local_time_text(exam, at), rows_text(group->rows));
}

/*
 * All that is to be seen of customers. What they take of memory is given back.
 */
void
find_customers(Examination *exam)
{
	static const Check checks[] = {
		CHECK_PLACEHOLDER_CUSTOMER, CHECK_DOMINANT_CUSTOMER,
		CHECK_ONE_ORDER_EACH, CHECK_CUSTOMER_SPELLING,
		CHECK_EXPONENT_CUSTOMER, CHECK_REFUND_EXCEEDS_PURCHASES
	};
	CustomerWalk walk = {.exam = exam, .table = &exam->customers->table};

	for (int i = 0; i < lengthof(checks); i++)
		exam->finding[checks[i]].checked = true;
	expanded_finish(exam->customers);
	walk.type = customer_type_of_kind(walk.table->kind);
	walk.customers = customer_table_customers(walk.table);
	if (walk.table->kind == KEY_TEXT)
		walk.spellings = record_log_create();
	walk_customers(&walk, look_at_customer);
	if (walk.spellings)
		find_spellings(&walk);
	tell_placeholders(&walk);
	tell_dominant(&walk);
	tell_exponent(&walk);
	tell_refunds(&walk);
	find_one_order_each(&walk);
	tell_group(exam, CHECK_SAME_INSTANT_ROWS, &exam->best_instant);
	tell_group(exam, CHECK_DUPLICATE_ROW, &exam->best_repeat);
	spill_close(&exam->customers->table);
	MemoryContextDelete(MemoryContextGetParent(exam->customers->header.eoh_context));
}
