# Real shops: every KPI equals plain SQL exactly, over all orders, by segment and by
# month, for several days and windows. The data sets are not the project's to give
# away, so without them this test is skipped.
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
my @absent = grep { !-r } @file{ sort keys %file };
plan skip_all => "no data sets: cannot read @absent (set RETENTION_SHARED to the folder above data/)" if @absent;

my $node = start_server('real');

# Orders of three shops, with three types of customer. A cancellation is an invoice
# below zero: a refund. Their segments are countries, numbers of CDs and territories.
$node->safe_psql('postgres', qq{
	CREATE TABLE uci_lines (invoice_no text, stock_code text, description text, quantity int, invoice_date timestamp, unit_price numeric, customer_id int, country text);
	COPY uci_lines FROM PROGRAM 'gzip -dc "$file{uci}"' (FORMAT csv, HEADER);
	CREATE TABLE uci AS
	SELECT customer_id::bigint AS customer, min(invoice_date) AT TIME ZONE 'UTC' AS ordered_at, sum(quantity * unit_price) AS amount, min(country) AS segment
	FROM uci_lines WHERE customer_id IS NOT NULL GROUP BY invoice_no, customer_id;

	CREATE TABLE cdnow_lines (customer_id int, ordered_at date, amount numeric, cds int, master_id int);
	COPY cdnow_lines FROM '$file{cdnow}' (FORMAT csv, HEADER);
	CREATE TABLE cdnow AS
	SELECT 'cdnow customer ' || customer_id AS customer, ordered_at::timestamp AT TIME ZONE 'UTC' AS ordered_at, amount, cds::text AS segment FROM cdnow_lines;

	CREATE TABLE adventureworks_lines (order_date date, stock_date date, order_number text, product_key int, customer_key int, territory_key int, line_item int, quantity int, unit_price numeric);
	COPY adventureworks_lines FROM PROGRAM 'gzip -dc "$file{adventureworks}"' (FORMAT csv, HEADER);
	CREATE TABLE adventureworks AS
	SELECT md5(customer_key::text)::uuid AS customer, min(order_date)::timestamp AT TIME ZONE 'UTC' AS ordered_at, sum(quantity * unit_price) AS amount, min(territory_key)::text AS segment
	FROM adventureworks_lines GROUP BY order_number, customer_key});

# What is known of these data, so that the tables are what they should be
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT customer), count(*) FILTER (WHERE amount < 0) > 3000 FROM uci'), '22190|4372|t', 'UCI Online Retail: invoices with a customer');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT customer), sum(amount), count(*) FILTER (WHERE amount = 0) FROM cdnow'), '6919|2357|244091.94|8', 'CDNOW: the sample');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT customer), round(sum(amount), 2) FROM adventureworks'), '25164|17416|24914567.18', 'AdventureWorks: its orders');

# The differences between the aggregates and plain SQL: group, KPI, both values.
sub differences
{
	my ($shop, $group, $as_of, $period, $lifetime_per_period) = @_;

	return $node->safe_psql('postgres', qq{
		WITH o AS (SELECT $group AS grp, customer, ordered_at, amount, '$as_of'::timestamptz AS now, '$as_of'::timestamptz - interval '$period' AS after FROM $shop),
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
			       clv(customer, ordered_at, amount, '$period', interval '$period' * $lifetime_per_period, '$as_of')
			FROM o GROUP BY grp),
		customers AS (
			SELECT grp,
			       count(*) AS rows,
			       count(*) FILTER (WHERE ordered_at <= now) AS rows_until_now,
			       count(*) FILTER (WHERE ordered_at <= now AND ordered_at > after) AS rows_in_window,
			       (array_agg(ordered_at ORDER BY ordered_at))[1] <= after AS eligible,
			       (array_agg(ordered_at ORDER BY ordered_at))[2] <= min(ordered_at) + interval '$period' AS soon_again,
			       max(ordered_at) FILTER (WHERE ordered_at <= now) > after AS active,
			       max(ordered_at) FILTER (WHERE ordered_at <= now - interval '1 month') > now - interval '1 month' - interval '$period' AS active_before,
			       sum(amount) AS money,
			       count(*) FILTER (WHERE amount > 0) AS orders,
			       sum(amount) FILTER (WHERE ordered_at <= now AND ordered_at > after) AS money_in_window,
			       count(*) FILTER (WHERE ordered_at <= now AND ordered_at > after AND amount > 0) AS orders_in_window,
			       sum(amount) FILTER (WHERE ordered_at <= after AND ordered_at > now - 2 * interval '$period') AS money_before
			FROM o GROUP BY grp, customer, now, after),
		plain_sql AS (
			SELECT grp,
			       count(*) FILTER (WHERE rows >= 2) / count(*)::float8 AS repeat_rate,
			       count(*) FILTER (WHERE rows_in_window >= 2) / nullif(count(*) FILTER (WHERE rows_until_now > 0), 0)::float8 AS repeat_rate_in_window,
			       count(*) FILTER (WHERE eligible AND soon_again) / nullif(count(*) FILTER (WHERE eligible), 0)::float8 AS second_order_rate,
			       count(*) FILTER (WHERE active_before AND active IS NOT TRUE) / nullif(count(*) FILTER (WHERE active_before), 0)::float8 AS churn_rate,
			       count(*) FILTER (WHERE rows_until_now > 0 AND NOT active) / nullif(count(*) FILTER (WHERE rows_until_now > 0), 0)::float8 AS inactive_rate,
			       (sum(least(money_before, greatest(coalesce(money_in_window, 0), 0))) FILTER (WHERE money_before > 0) / sum(money_before) FILTER (WHERE money_before > 0))::float8 AS gross_revenue_retention,
			       (sum(coalesce(money_in_window, 0)) FILTER (WHERE money_before > 0) / sum(money_before) FILTER (WHERE money_before > 0))::float8 AS net_revenue_retention,
			       sum(money) / nullif(sum(orders), 0) AS aov,
			       (sum(orders) / nullif(count(*) FILTER (WHERE orders > 0), 0)::float8)::float8 AS purchase_frequency,
			       sum(money) / nullif(count(*) FILTER (WHERE orders > 0), 0) AS customer_value,
			       sum(money_in_window) * $lifetime_per_period / nullif(count(*) FILTER (WHERE orders_in_window > 0), 0) AS clv
			FROM customers GROUP BY grp)
		SELECT coalesce(a.grp, p.grp), key, a.value, p.value
		FROM (SELECT grp, key, value FROM aggregates a, jsonb_each_text(to_jsonb(a))) a
		FULL JOIN (SELECT grp, key, value FROM plain_sql p, jsonb_each_text(to_jsonb(p))) p USING (grp, key)
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
			is(differences($shop, $group, $as_of, $period, 3), '', "$shop, $title, as of $as_of, over $period: as plain SQL");
		}
	}
}

# Published counts, which no SQL of ours made
is($node->safe_psql('postgres', 'SELECT repeat_rate(customer) FILTER (WHERE amount > 0) = 2845 / 4338::float8 FROM uci'), 't', 'UCI Online Retail: 2,845 of 4,338 customers came back');
is($node->safe_psql('postgres', q{SELECT repeat_rate(customer) = 946 / 2357::float8 FROM (SELECT DISTINCT customer, ordered_at FROM cdnow WHERE ordered_at <= '1997-09-30') days}), 't', 'CDNOW: 946 of 2,357 customers came back on another day');
is($node->safe_psql('postgres', 'SELECT repeat_rate(customer) = 5857 / 17416::float8 FROM adventureworks'), 't', 'AdventureWorks: 5,857 of 17,416 customers came back');

$node->stop;
done_testing();
