# Real shops: every KPI equals plain SQL exactly, over all orders, by segment and by
# month, for several days and windows. The data sets are not ours to give away: without
# them this test is skipped.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RetentionTest;
use Test::More;

my $data = ($ENV{RETENTION_SHARED} // "$FindBin::RealBin/../../../shared") . '/data';
my %file = (
	uci => "$data/uci_online_retail.csv.gz",
	cdnow => "$data/cdnow_orders.csv",
	adventureworks => "$data/adventureworks_sales_lines.csv.gz");
plan skip_all => "no data sets in $data (RETENTION_SHARED is the folder above it)" if grep { !-r } values %file;

my $node = start_server('real');

# Orders of three shops, with three types of customer. A cancellation is an invoice below
# zero: a refund. The segments are countries, numbers of CDs, sales territories.
answer(qq{
	CREATE TABLE uci_lines (
		invoice_no text, stock_code text, description text, quantity int, invoice_date timestamp,
		unit_price numeric, customer_id int, country text);
	COPY uci_lines FROM PROGRAM 'gzip -dc "$file{uci}"' (FORMAT csv, HEADER);
	CREATE TABLE uci AS
	SELECT customer_id::bigint AS customer, min(invoice_date) AT TIME ZONE 'UTC' AS ordered_at,
	       sum(quantity * unit_price) AS amount, min(country) AS segment
	FROM uci_lines WHERE customer_id IS NOT NULL GROUP BY invoice_no, customer_id;

	CREATE TABLE cdnow_lines (customer_id int, ordered_at date, amount numeric, cds int, master_id int);
	COPY cdnow_lines FROM '$file{cdnow}' (FORMAT csv, HEADER);
	CREATE TABLE cdnow AS
	SELECT 'cdnow customer ' || customer_id AS customer, ordered_at::timestamp AT TIME ZONE 'UTC' AS ordered_at,
	       amount, cds::text AS segment
	FROM cdnow_lines;

	CREATE TABLE adventureworks_lines (
		order_date date, stock_date date, order_number text, product_key int, customer_key int,
		territory_key int, line_item int, quantity int, unit_price numeric);
	COPY adventureworks_lines FROM PROGRAM 'gzip -dc "$file{adventureworks}"' (FORMAT csv, HEADER);
	CREATE TABLE adventureworks AS
	SELECT md5(customer_key::text)::uuid AS customer, min(order_date)::timestamp AT TIME ZONE 'UTC' AS ordered_at,
	       sum(quantity * unit_price) AS amount, min(territory_key)::text AS segment
	FROM adventureworks_lines GROUP BY order_number, customer_key});

# What is known of them, so that they are what they should be
is(answer('SELECT count(*), count(DISTINCT customer), count(*) FILTER (WHERE amount < 0) > 3000 FROM uci'),
	'22190|4372|t', 'UCI Online Retail: its invoices with a customer');
is(answer('SELECT count(*), count(DISTINCT customer), sum(amount), count(*) FILTER (WHERE amount = 0) FROM cdnow'),
	'6919|2357|244091.94|8', 'CDNOW: its sample');
is(answer('SELECT count(*), count(DISTINCT customer), round(sum(amount), 2) FROM adventureworks'),
	'25164|17416|24914567.18', 'AdventureWorks: its orders');

# Where the aggregates differ from plain SQL: group, KPI, both values
sub differences
{
	my ($shop, $group, $as_of, $period) = @_;

	return answer(qq{
		WITH rows AS (
			SELECT $group AS grp, customer, ordered_at, amount,
			       '$as_of'::timestamptz AS now,
			       '$as_of'::timestamptz - interval '$period' AS after,
			       '$as_of'::timestamptz - interval '1 month' AS month_ago
			FROM $shop),
		aggregates AS (
			SELECT grp,
			       repeat_rate(customer),
			       repeat_rate(customer, ordered_at, '$period', '$as_of') AS repeat_rate_in_window,
			       second_order_rate(customer, ordered_at, '$period', '$as_of'),
			       churn_rate(customer, ordered_at, '$period', '$as_of'::timestamptz - interval '1 month', '$as_of'),
			       inactive_rate(customer, ordered_at, '$period', '$as_of'),
			       gross_revenue_retention(customer, ordered_at, amount, '$period', '$as_of'),
			       net_revenue_retention(customer, ordered_at, amount, '$period', '$as_of'),
			       aov(amount),
			       purchase_frequency(customer, amount),
			       customer_value(customer, amount),
			       clv(customer, ordered_at, amount, '$period', 3 * interval '$period', '$as_of')
			FROM rows GROUP BY grp),
		timed AS (
			SELECT *, ordered_at > after AND ordered_at <= now AS in_window,
			       ordered_at > now - 2 * interval '$period' AND ordered_at <= after AS in_window_before
			FROM rows),
		customers AS (
			SELECT grp,
			       count(*) >= 2 AS repeated,
			       count(*) FILTER (WHERE in_window) >= 2 AS repeated_in_window,
			       bool_or(ordered_at <= now) AS known,
			       bool_or(ordered_at <= after) AS eligible,
			       (array_agg(ordered_at ORDER BY ordered_at))[2] <= min(ordered_at) + interval '$period' AS again_in_time,
			       bool_or(in_window) AS active,
			       bool_or(ordered_at > month_ago - interval '$period' AND ordered_at <= month_ago) AS active_month_ago,
			       count(*) FILTER (WHERE amount > 0) AS orders,
			       sum(amount) AS money,
			       count(*) FILTER (WHERE amount > 0 AND in_window) AS orders_in_window,
			       sum(amount) FILTER (WHERE in_window) AS money_in_window,
			       coalesce(sum(amount) FILTER (WHERE in_window), 0) AS spent,
			       sum(amount) FILTER (WHERE in_window_before) AS spent_before
			FROM timed GROUP BY grp, customer),
		counts AS (
			SELECT grp,
			       count(*)::float8 AS customers,
			       count(*) FILTER (WHERE repeated) AS repeaters,
			       nullif(count(*) FILTER (WHERE known), 0)::float8 AS known,
			       count(*) FILTER (WHERE repeated_in_window) AS repeaters_in_window,
			       count(*) FILTER (WHERE known AND NOT active) AS inactive,
			       nullif(count(*) FILTER (WHERE eligible), 0)::float8 AS eligible,
			       count(*) FILTER (WHERE eligible AND again_in_time) AS converted,
			       nullif(count(*) FILTER (WHERE active_month_ago), 0)::float8 AS active_month_ago,
			       count(*) FILTER (WHERE active_month_ago AND NOT active) AS churned,
			       sum(spent_before) FILTER (WHERE spent_before > 0) AS spent_before,
			       sum(least(spent_before, greatest(spent, 0))) FILTER (WHERE spent_before > 0) AS spent_again,
			       sum(spent) FILTER (WHERE spent_before > 0) AS spent_now,
			       nullif(sum(orders), 0) AS orders,
			       sum(money) AS money,
			       nullif(count(*) FILTER (WHERE orders > 0), 0) AS buyers,
			       sum(money_in_window) AS money_in_window,
			       nullif(count(*) FILTER (WHERE orders_in_window > 0), 0) AS buyers_in_window
			FROM customers GROUP BY grp),
		plain_sql AS (
			SELECT grp,
			       repeaters / customers AS repeat_rate,
			       repeaters_in_window / known AS repeat_rate_in_window,
			       converted / eligible AS second_order_rate,
			       churned / active_month_ago AS churn_rate,
			       inactive / known AS inactive_rate,
			       (spent_again / spent_before)::float8 AS gross_revenue_retention,
			       (spent_now / spent_before)::float8 AS net_revenue_retention,
			       money / orders AS aov,
			       orders::float8 / buyers AS purchase_frequency,
			       money / buyers AS customer_value,
			       money_in_window * 3 / buyers_in_window AS clv
			FROM counts)
		SELECT grp, kpi, a.value, p.value
		FROM (SELECT grp, key, value FROM aggregates r, jsonb_each_text(to_jsonb(r))) a(grp, kpi, value)
		FULL JOIN (SELECT grp, key, value FROM plain_sql r, jsonb_each_text(to_jsonb(r))) p(grp, kpi, value) USING (grp, kpi)
		WHERE a.value IS DISTINCT FROM p.value LIMIT 20});
}

my %dates = (
	uci => [ '2011-12-10 00:00+00', '2011-06-30 12:00+00', '2011-01-31 23:59:59+00' ],
	cdnow => [ '1998-06-30 00:00+00', '1997-09-30 00:00+00', '1997-02-28 00:00+00' ],
	adventureworks => [ '2017-06-30 00:00+00', '2016-08-31 00:00+00', '2015-01-01 00:00+00' ]);

foreach my $shop (qw(uci cdnow adventureworks))
{
	foreach my $as_of (@{ $dates{$shop} })
	{
		foreach (
			[ q{'all'}, 'all orders', '1 year' ],
			[ q{'all'}, 'all orders', '90 days' ],
			[ q{'all'}, 'all orders', '1 month' ],
			[ 'segment', 'by segment', '3 months' ],
			[ q{to_char(ordered_at, 'YYYY-MM')}, 'by month', '6 months' ])
		{
			my ($group, $title, $period) = @$_;
			is(differences($shop, $group, $as_of, $period), '', "$shop, $title, as of $as_of, over $period: as plain SQL");
		}
	}
}

# Published counts, which no SQL of ours made
is(answer('SELECT repeat_rate(customer) FILTER (WHERE amount > 0) = 2845 / 4338::float8 FROM uci'),
	't', 'UCI Online Retail: 2,845 of 4,338 customers came back');
is(answer(q{
	SELECT repeat_rate(customer) = 946 / 2357::float8
	FROM (SELECT DISTINCT customer, ordered_at FROM cdnow WHERE ordered_at <= '1997-09-30') days}),
	't', 'CDNOW: 946 of 2,357 customers came back on another day');
is(answer('SELECT repeat_rate(customer) = 5857 / 17416::float8 FROM adventureworks'),
	't', 'AdventureWorks: 5,857 of 17,416 customers came back');

$node->stop;
done_testing();
