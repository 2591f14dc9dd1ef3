# Real shops: what is bought together and what is bought next, as plain SQL counts it, and as
# two other programs did, in Python and in R. Without the data sets, which are not ours to
# give away, this test is skipped.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RealData;
use RetentionTest;
use Test::More;

my %file = (
	northwind => data_file('northwind_orders.csv.gz'),
	northwind_lines => data_file('northwind_order_details.csv.gz'));
my $missing = missing_data(qw(uci adventureworks northwind_orders.csv.gz northwind_order_details.csv.gz));
plan skip_all => $missing if $missing;

my $node = start_server('real_products', "work_mem = '256MB'");

# Lines of orders of three shops, with three types of customer and two of basket. Of UCI those of
# a known customer that are sales; an invoice is an order at its first minute.
load_lines(qw(uci adventureworks));
answer(qq{
	CREATE TABLE uci AS
	SELECT customer_id::bigint AS customer, invoice_no AS basket, min(invoice_date) OVER (PARTITION BY invoice_no) AT TIME ZONE 'UTC' AS ordered_at,
	       stock_code AS product
	FROM uci_lines WHERE customer_id IS NOT NULL AND invoice_no NOT LIKE 'C%' AND quantity > 0 AND unit_price > 0;

	CREATE TABLE northwind_lines (order_id int, product_id int, unit_price numeric, quantity int, discount numeric);
	COPY northwind_lines FROM PROGRAM 'gzip -dc "$file{northwind_lines}"' (FORMAT csv, HEADER);
	CREATE TABLE northwind_orders (
		order_id int, customer_id text, employee_id int, order_date date, required_date date, shipped_date date, freight numeric, ship_country text);
	COPY northwind_orders FROM PROGRAM 'gzip -dc "$file{northwind}"' (FORMAT csv, HEADER);
	CREATE TABLE northwind AS
	SELECT customer_id AS customer, order_id::bigint AS basket, order_date::timestamp AT TIME ZONE 'UTC' AS ordered_at, product_id::text AS product
	FROM northwind_lines JOIN northwind_orders USING (order_id);

	CREATE TABLE adventureworks AS
	SELECT md5(customer_key::text)::uuid AS customer, order_number AS basket, order_date::timestamp AT TIME ZONE 'UTC' AS ordered_at, product_key::text AS product
	FROM adventureworks_lines;
	ANALYZE;

	ALTER TABLE uci SET (parallel_workers = 2);
	ALTER TABLE northwind SET (parallel_workers = 2);
	ALTER TABLE adventureworks SET (parallel_workers = 2);

	CREATE FUNCTION near(a double precision, b double precision) RETURNS boolean LANGUAGE sql IMMUTABLE
	RETURN coalesce(abs(a - b) <= 1e-9 * abs(b) OR abs(a) + abs(b) < 1e-280, a IS NULL AND b IS NULL)});
is(answer('SELECT count(*), count(DISTINCT basket), count(DISTINCT product) FROM uci'), '397884|18532|3665', 'UCI Online Retail: its sales');
is(answer('SELECT count(*), count(DISTINCT basket), count(DISTINCT customer) FROM northwind'), '2155|830|89', 'Northwind: its lines');
is(answer('SELECT count(*), count(DISTINCT basket), count(DISTINCT customer) FROM adventureworks'), '56046|25164|17416', 'AdventureWorks: its lines');

# In one process, by workers, from states of months that are merged
my $one = 'SET max_parallel_workers_per_gather = 0';
my $split = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;'
  . 'SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off';

sub by_any_way
{
	my ($aggregate, $arguments, $shop, $title) = @_;
	my $calls = "md5($aggregate($arguments)::text), md5(${aggregate}_state($arguments)::text)";
	my $got = answer("$one; SELECT $calls FROM $shop");

	like(plan_of($split, "SELECT $calls FROM $shop"), qr/Partial Aggregate/, "$title: the plan is split");
	is(answer("$split; SELECT $calls FROM $shop"), $got, "$title: workers give the same bytes");
	is(answer(qq{
		SELECT md5($aggregate(rollup(state ORDER BY md5(month::text)))::text), md5(rollup(state)::text)
		FROM (SELECT date_trunc('month', ordered_at) AS month, ${aggregate}_state($arguments) AS state FROM $shop GROUP BY 1) m}),
		$got, "$title: states by month, merged, are the same");
	return;
}

# ---------------------------------------------------------------------------
# Bought together
# ---------------------------------------------------------------------------
# Products get numbers and those that are rare are left out, so that plain SQL has it easy.
sub pairs_sql
{
	my ($shop, $least) = @_;
	return qq{
		WITH line AS MATERIALIZED (SELECT DISTINCT basket, product FROM $shop),
		product AS MATERIALIZED (
			SELECT product, count(*) AS baskets, row_number() OVER (ORDER BY product COLLATE "C") AS n FROM line GROUP BY product HAVING count(*) >= $least),
		basket AS MATERIALIZED (SELECT array_agg(n ORDER BY n) AS held FROM line JOIN product USING (product) GROUP BY basket),
		pair AS MATERIALIZED (
			SELECT a * 1000003 + b AS ab, count(*) AS baskets_both
			FROM basket, unnest(held) WITH ORDINALITY a(a, i), unnest(held[i + 1:]) b GROUP BY 1 HAVING count(*) >= $least)
		SELECT a.product AS product_a, b.product AS product_b, (SELECT count(DISTINCT basket) FROM line) AS baskets,
		       a.baskets AS baskets_a, b.baskets AS baskets_b, baskets_both
		FROM pair JOIN product a ON a.n = ab / 1000003 JOIN product b ON b.n = ab % 1000003};
}

# The tail that a p-value is, summed up from the logarithms of factorials, which an array has
answer(q{
	CREATE FUNCTION tail(ln double precision[], n bigint, a bigint, b bigint, ab bigint) RETURNS double precision LANGUAGE sql IMMUTABLE
	RETURN (SELECT sum(exp(greatest(ln[a + 1] - ln[i + 1] - ln[a - i + 1] + ln[n - a + 1] - ln[b - i + 1] - ln[n - a - b + i + 1]
	                                - ln[n + 1] + ln[b + 1] + ln[n - b + 1], -700)))
	        FROM generate_series(greatest(ab, a + b - n), least(a, b)) i)});
my $factorials = '(SELECT array_agg(ln ORDER BY n) AS ln FROM (SELECT n, (sum(ln(greatest(n, 1)::numeric)) OVER (ORDER BY n))::float8 AS ln FROM generate_series(0, 26000) n) f)';

foreach ([ 'uci', 20, 300 ], [ 'northwind', 1, 3000 ], [ 'northwind', 5, 3000 ], [ 'adventureworks', 1, 200 ], [ 'adventureworks', 30, 200 ])
{
	my ($shop, $least, $sample) = @$_;
	my $title = "$shop: product_pairs, $least or more";

	answer(qq{
		DROP TABLE IF EXISTS ours, sql;
		CREATE TABLE ours AS SELECT * FROM unnest((SELECT product_pairs(basket, product, $least) FROM $shop));
		CREATE TABLE sql AS ${\ pairs_sql($shop, $least)}});
	is(answer(q{
		SELECT count(*) > 10, count(*) FILTER (WHERE (o.baskets, o.baskets_a, o.baskets_b, o.baskets_both) IS DISTINCT FROM (s.baskets, s.baskets_a, s.baskets_b, s.baskets_both)),
		       count(*) FILTER (WHERE (near(support, s.baskets_both / s.baskets::float8) AND near(confidence_a_to_b, s.baskets_both / s.baskets_a::float8)
		                               AND near(confidence_b_to_a, s.baskets_both / s.baskets_b::float8)
		                               AND near(lift, s.baskets::float8 * s.baskets_both / (s.baskets_a::float8 * s.baskets_b))) IS NOT TRUE)
		FROM ours o FULL JOIN sql s USING (product_a, product_b)}), 't|0|0', "$title: as plain SQL");
	is(answer(qq{
		SELECT string_agg(concat_ws(' ', product_a, product_b, p_value, tail), ', ')
		FROM (SELECT *, tail(ln, baskets, baskets_a, baskets_b, baskets_both)
		      FROM $factorials f, (SELECT * FROM ours ORDER BY md5(product_a || ' ' || product_b) LIMIT $sample) o OFFSET 0) o
		WHERE NOT near(p_value, tail)}), '', "$title: p-values");
}
by_any_way('product_pairs', 'basket, product, 2', 'northwind', 'northwind: product_pairs');
by_any_way('product_pairs', 'basket, product, 20', 'uci', 'uci: product_pairs');

# Counted by a program in Python in whole numbers; lift and p as in R
my $first_pairs = 'SELECT product_a, product_b, baskets, baskets_a, baskets_b, baskets_both, round(lift::numeric, 6), p_value < 1e-300 FROM';
is(answer("SELECT count(*), sum(baskets_both), max(baskets) FROM unnest((SELECT product_pairs(basket, product, 20) FROM uci))"),
	'58670|2085106|18532', 'UCI: known numbers of pairs');
is(answer("$first_pairs unnest((SELECT product_pairs(basket, product, 20) FROM uci)) LIMIT 3"),
	"22386|85099B|18532|871|1600|546|7.260672|t\n22697|22699|18532|691|783|541|18.530185|t\n22726|22727|18532|789|877|530|14.194548|t", 'UCI: the first pairs');
is(answer(q{
	SELECT product_a, product_b, baskets_a, baskets_b, baskets_both, lift, p_value::numeric(80, 70)
	FROM unnest((SELECT product_pairs(basket, product, 20) FROM uci)) ORDER BY lift DESC LIMIT 1}),
	'84531A|84531B|25|25|22|652.3264|0.' . '0' x 66 . '7676', 'UCI: what goes together most');
is(answer('SELECT count(*), count(*) FILTER (WHERE baskets_both >= 5) FROM unnest((SELECT product_pairs(basket, product, 1) FROM northwind))'),
	'1535|18', 'Northwind: known numbers of pairs');
is(answer("$first_pairs unnest((SELECT product_pairs(basket, product, 5) FROM northwind)) LIMIT 4"),
	"21|61|830|39|24|8|7.094017|f\n16|31|830|43|51|7|2.649339|f\n16|60|830|43|51|6|2.270862|f\n16|62|830|43|48|6|2.412791|f", 'Northwind: the first pairs');
is(answer('SELECT near(lift, 7.09401709401709), near(p_value, 4.84284940781579e-06) FROM unnest((SELECT product_pairs(basket, product, 5) FROM northwind)) LIMIT 1'),
	't|t', 'Northwind: lift and p as in R');

# ---------------------------------------------------------------------------
# Bought next
# ---------------------------------------------------------------------------
sub next_sql
{
	my ($shop, $least, $as_of) = @_;
	return qq{
		WITH line AS MATERIALIZED (SELECT DISTINCT customer, ordered_at, product FROM $shop WHERE ordered_at < '$as_of'),
		number AS MATERIALIZED (SELECT product, row_number() OVER (ORDER BY product COLLATE "C") AS n FROM (SELECT DISTINCT product FROM line) p),
		followed AS MATERIALIZED (
			SELECT held, lead(held) OVER (PARTITION BY customer ORDER BY ordered_at) AS next
			FROM (SELECT customer, ordered_at, array_agg(n) AS held FROM line JOIN number USING (product) GROUP BY 1, 2) o),
		product AS (
			SELECT product, n, orders, followed, into_it
			FROM number JOIN (SELECT n, count(*) AS orders, count(next) AS followed FROM followed, unnest(held) n GROUP BY n) o USING (n)
			LEFT JOIN (SELECT n, count(*) AS into_it FROM followed, unnest(next) n GROUP BY n) i USING (n)),
		step AS MATERIALIZED (SELECT a * 1000003 + b AS ab, count(*) AS transitions FROM followed, unnest(held) a, unnest(next) b GROUP BY 1 HAVING count(*) >= $least)
		SELECT a.product, b.product AS next_product, a.orders, a.followed, transitions, b.into_it, (SELECT count(next) FROM followed) AS all_followed
		FROM step JOIN product a ON a.n = ab / 1000003 JOIN product b ON b.n = ab % 1000003};
}

foreach (
	[ 'uci', 20, '2011-12-10' ],
	[ 'northwind', 3, '1998-06-01' ],
	[ 'northwind', 1, '1997-06-10' ],
	[ 'northwind', 1, '1997-06-10 00:00:00.000001' ],
	[ 'adventureworks', 5, '2017-07-01' ],
	[ 'adventureworks', 1, '2016-10-10 12:00' ])
{
	my ($shop, $least, $as_of) = @$_;
	my $title = "$shop: next_products, $least or more, as of $as_of";

	answer(qq{
		DROP TABLE IF EXISTS ours, sql;
		CREATE TABLE ours AS SELECT * FROM unnest((SELECT next_products(customer, ordered_at, product, $least, '$as_of') FROM $shop));
		CREATE TABLE sql AS ${\ next_sql($shop, $least, $as_of)}});
	is(answer(q{
		SELECT count(*) > 10, count(*) FILTER (WHERE (o.orders, o.followed, o.transitions) IS DISTINCT FROM (s.orders, s.followed, s.transitions)),
		       count(*) FILTER (WHERE (near(rate, s.transitions / s.followed::float8) AND near(base_rate, into_it / all_followed::float8)
		                               AND near(lift, s.transitions::float8 * all_followed / (s.followed::float8 * into_it))) IS NOT TRUE)
		FROM ours o FULL JOIN sql s USING (product, next_product)}), 't|0|0', "$title: as plain SQL");
	is(answer('SELECT count(*), sum(transitions), max(all_followed) FROM sql'), '41519|1350468|14072', "$title: known numbers") if $shop eq 'uci';
}
by_any_way('next_products', "customer, ordered_at, product, 5, '1998-01-01'", 'northwind', 'northwind: next_products');
by_any_way('next_products', "customer, ordered_at, product, 20, '2011-09-01'", 'uci', 'uci: next_products');

# An order at as_of is not seen: a microsecond later there is one more
is(answer(q{
	SELECT count(DISTINCT md5(next_products)) FROM (
	    SELECT next_products(customer, ordered_at, product, 1, as_of)::text
	    FROM northwind, unnest('{1997-06-09 00:00:00.000001,1997-06-10,1997-06-10 00:00:00.000001}'::timestamptz[]) as_of GROUP BY as_of) n}),
	2, 'northwind: orders count from a microsecond after them on');

my $next = 'SELECT product, next_product, orders, followed, transitions, round(rate::numeric, 12), round(base_rate::numeric, 12), round(lift::numeric, 10) FROM';
is(answer("$next unnest((SELECT next_products(customer, ordered_at, product, 20, '2011-12-10') FROM uci)) WHERE product = '85123A' AND next_product = '85123A'"),
	'85123A|85123A|1978|1578|605|0.383396704689|0.101335986356|3.7834210578', 'UCI: known figures of what is bought again');
is(answer("SELECT count(*) FROM unnest((SELECT next_products(customer, ordered_at, product, 3, '1998-06-01') FROM northwind))"), 502, 'Northwind: known number of steps');
is(answer("$next unnest((SELECT next_products(customer, ordered_at, product, 3, '1998-06-01') FROM northwind)) LIMIT 3"),
	"24|55|51|48|7|0.145833333333|0.039509536785|3.6910919540\n56|31|50|48|7|0.145833333333|0.062670299728|2.3269927536\n71|53|42|39|7|0.179487179487|0.039509536785|4.5428824050",
	'Northwind: the first steps');

$node->stop;
done_testing();
