# Real shops: proof and money, beside figures that other programs have made of the same
# data: R, Python and plain SQL. Without the data sets, which are not ours to give away, this
# test is skipped.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RealData;
use RetentionTest;
use Test::More;

my %file = (
	master => data_file('cdnow_master_orders.csv.gz'),
	grocery => data_file('grocery_elog.csv.gz'),
	leads => data_file('olist_marketing_qualified_leads.csv.gz'),
	deals => data_file('olist_closed_deals.csv.gz'));
my $missing = missing_data(qw(uci cdnow cdnow_master_orders.csv.gz grocery_elog.csv.gz olist_marketing_qualified_leads.csv.gz olist_closed_deals.csv.gz));
plan skip_all => $missing if $missing;

my $node = start_server('real_money');

load_lines(qw(uci cdnow));
answer(qq{
	CREATE TABLE master_lines (customer_id int, ordered_at date, amount numeric, cds int);
	COPY master_lines FROM PROGRAM 'gzip -dc "$file{master}"' (FORMAT csv, HEADER);
	CREATE TABLE master AS
	SELECT customer_id::bigint AS customer, ordered_at::timestamp AT TIME ZONE 'UTC' AS ordered_at, amount FROM master_lines;

	CREATE TABLE cdnow AS
	SELECT customer_id::bigint AS customer, ordered_at::timestamp AT TIME ZONE 'UTC' AS ordered_at, amount FROM cdnow_lines;

	CREATE TABLE uci AS
	SELECT customer_id::bigint AS customer, min(invoice_date) AT TIME ZONE 'UTC' AS ordered_at, sum(quantity * unit_price) AS amount
	FROM uci_lines WHERE customer_id IS NOT NULL GROUP BY invoice_no, customer_id});

# Numbers as near as R and twelve digits are
sub near
{
	my ($got, $expected, $title) = @_;
	my @got = split /\|/, $got, -1;
	my @far = grep { $got[$_] eq '' || abs($got[$_] - $expected->[$_]) > 1e-9 * abs($expected->[$_]) } 0 .. $#$expected;

	is("@got[@far]", '', $title) or diag("expected: @$expected[@far]");
	return;
}

# ---------------------------------------------------------------------------
# An experiment without an effect: CDNOW's customers, split by hash_share
# ---------------------------------------------------------------------------
sub split_by
{
	my ($salt) = @_;
	return qq{(SELECT customer, CASE WHEN hash_share(customer, '$salt') < 0.5 THEN 'control' ELSE 'treated' END AS arm,
	                  ordered_at, amount FROM master) o};
}
# those whose orders are all of amount 0 are customers, too
my $joined = qq{(SELECT customer, arm, ordered_at, amount FROM (SELECT DISTINCT customer, arm FROM ${\ split_by('aa')}) a
                 LEFT JOIN (SELECT * FROM master WHERE amount > 0) m USING (customer)) j};
my $aa = qq{unnest((SELECT uplift(customer, arm, timestamptz '1997-10-01', ordered_at, amount, 'control', '90 days', '180 days', '1998-07-01') FROM $joined))};

is(answer("SELECT string_agg(arm || ' ' || eligible, ', ' ORDER BY arm) FROM $aa WHERE metric = 'orders'"),
	'control 11843, treated 11727', 'CDNOW A/A: the arms');
foreach (
	[ 'conversion', 'value, control_value, difference, ci_low, ci_high, p_value',
		0.180949944572, 0.173520222916, 0.00742972165586, -0.00232054551038, 0.0171812051409, 0.135291333728 ],
	[ 'orders', 'value, control_value, difference, p_value', 0.328302208578, 0.325930929663, 0.0023712789154, 0.881262906512 ],
	[ 'revenue', 'value, control_value, difference, std_error, ci_low, ci_high, p_value',
		12.7415280976, 12.4676880858, 0.273840011764, 0.693880613587, -1.0862114472, 1.63389147072, 0.693104780239 ],
	[ 'revenue_adjusted', 'value, control_value, difference, std_error, ci_low, ci_high, p_value',
		12.7749967922, 12.4345472109, 0.340449581271, 0.575348645655, -0.78727214432, 1.46817130686, 0.55403891057 ])
{
	my ($metric, $columns, @expected) = @$_;
	near(answer("SELECT $columns FROM $aa WHERE arm = 'treated' AND metric = '$metric'"), \@expected, "CDNOW A/A: $metric as in R");
}

# Split anew a hundred times: p is spread evenly, and the interval holds 0 in 95 of 100
my $splits = q{(SELECT s, customer, CASE WHEN hash_share(customer, 'split ' || s) < 0.5 THEN 'control' ELSE 'treated' END AS arm, ordered_at, amount
                FROM (SELECT * FROM master WHERE customer % 8 = 0 AND ordered_at >= '1997-04-01' AND ordered_at < '1998-01-01') m, generate_series(1, 100) s) x};
my ($even) = rows(qq{
	SELECT count(*), count(*) FILTER (WHERE covers) >= 180,
	       max(abs(rank - p)) FILTER (WHERE metric = 'conversion') < 0.17, max(abs(rank - p)) FILTER (WHERE metric = 'revenue_adjusted') < 0.17
	FROM (SELECT metric, p_value AS p, cume_dist() OVER (PARTITION BY metric ORDER BY p_value) AS rank, ci_low <= 0 AND ci_high >= 0 AS covers
	      FROM (SELECT uplift(customer, arm, timestamptz '1997-10-01', ordered_at, amount, 'control', '90 days', '180 days', '1998-07-01') AS rows
	            FROM $splits GROUP BY s) e, unnest(rows) WHERE arm = 'treated' AND metric IN ('conversion', 'revenue_adjusted')) u});
is("@$even", '200 t t t', 'CDNOW A/A, a hundred splits: p-values are even, intervals hold 0');

# ---------------------------------------------------------------------------
# Who brings the money
# ---------------------------------------------------------------------------
foreach (
	[ 'cdnow', '1997-06-15', '1997-01-01', '881|786|95|777|74|25373.06|3219.64|0|0.112603566645|t' ],
	[ 'cdnow', '1997-06-15', '1997-06-01', '94|0|94|0|84|0|3350.92|0|1.000000000000|f' ],
	[ 'uci', '2011-12-10', '2010-12-01', '1400|893|507|885|261|353634.22|219079.67|-18109.87|0.382528997158|t' ],
	[ 'uci', '2011-12-10', '2011-12-01', '778|41|737|41|575|23010.96|495181.83|-175686.41|0.955593824453|f' ])
{
	my ($shop, $as_of, $month, $row) = @$_;
	my $got = answer(qq{
		SELECT orders, new_orders, returning_orders, new_customers, returning_customers, trim_scale(new_revenue), trim_scale(returning_revenue), trim_scale(refunds),
		       round(returning_share::numeric, 12), is_complete
		FROM unnest((SELECT new_vs_returning(customer, ordered_at, amount, 'month', '$as_of+00', 'UTC') FROM $shop)) WHERE period_start = '$month'});
	is($got, $row, "$shop: new_vs_returning of the month from $month");
}

# ---------------------------------------------------------------------------
# Rhythm
# ---------------------------------------------------------------------------
my $waits = q{(SELECT gap_survival(customer, ordered_at, '1998-07-01') AS s FROM cdnow WHERE amount > 0) w};
is(answer("SELECT sum(events), sum(censored) FROM $waits, survival_curve(s)"), '4562|2349', 'CDNOW: gaps, and those not over');
near(answer(qq{
		SELECT survival_at(s, 29), survival_at(s, 30), survival_at(s, 89), survival_at(s, 90), survival_at(s, 180), inactivity_threshold(s),
		       1 - survival_at(s, 179) / survival_at(s, 89), 1 - survival_at(s, 119) / survival_at(s, 29) FROM $waits}),
	[ 0.671793398115, 0.666449924334, 0.488216737513, 0.486665365611, 0.390258231396, 130, 0.200301721757, 0.333017459611 ],
	'CDNOW: gap_survival and the base rates of a win-back');

answer(qq{
	CREATE TABLE grocery_lines (customer_id int, ordered_at date);
	COPY grocery_lines FROM PROGRAM 'gzip -dc "$file{grocery}"' (FORMAT csv, HEADER);
	CREATE TABLE rhythm AS
	SELECT customer_id, (purchase_rhythm(ordered_at::timestamp AT TIME ZONE 'UTC', '2007-12-31')).* FROM grocery_lines GROUP BY customer_id});
is(answer('SELECT count(*), count(gap_cv), count(*) FILTER (WHERE overdue_ratio > 2) FROM rhythm WHERE orders > 0'), '1525|779|467', 'Grocery: customers with a rhythm, and late');
near(answer('SELECT avg(median_gap_days), avg(gap_cv) FROM rhythm WHERE orders >= 3'), [ 49.5789473684, 0.743934181971 ], 'Grocery: their gaps');
near(answer('SELECT orders, mean_gap_days, median_gap_days, gap_cv, overdue_ratio FROM rhythm WHERE customer_id = 3'),
	[ 34, 21.0606060606, 19, 0.555628259538, 1.78947368421 ], 'Grocery: one customer');

# ---------------------------------------------------------------------------
# From the sign-up on
# ---------------------------------------------------------------------------
# with the first order as sign-up: cohort_retention, every column of every row
foreach ([ 'cdnow', 'month', '1998-07-01', 'UTC', 50 ], [ 'uci', 'week', '2011-12-10', 'Europe/Berlin', 994 ])
{
	my ($shop, $grain, $as_of, $tz, $least) = @$_;
	my $since = "(SELECT *, min(ordered_at) FILTER (WHERE amount > 0) OVER (PARTITION BY customer) AS first_at FROM $shop) s";
	is(answer(qq{
		SELECT array_length(a, 1) >= $least, a::text = b::text
		FROM (SELECT cohort_retention(customer, ordered_at, amount, '$grain', '$as_of+00', '$tz') AS a FROM $shop) x,
		     (SELECT signup_retention(customer, first_at, ordered_at, amount, '$grain', '$as_of+00', '$tz') AS b FROM $since) y}),
		"t|t", "$shop, $grain: signed up with the first order");
}

# leads that became sellers, a deal as an order of 1
answer(qq{
	CREATE TABLE lead_lines (mql_id text, first_contact_date date, landing_page_id text, origin text);
	COPY lead_lines FROM PROGRAM 'gzip -dc "$file{leads}"' (FORMAT csv, HEADER);
	CREATE TABLE deal_lines (
		mql_id text, seller_id text, sdr_id text, sr_id text, won_date timestamp, business_segment text, lead_type text, lead_behaviour_profile text,
		has_company text, has_gtin text, average_stock text, business_type text, declared_product_catalog_size text, declared_monthly_revenue text);
	COPY deal_lines FROM PROGRAM 'gzip -dc "$file{deals}"' (FORMAT csv, HEADER);
	CREATE TABLE leads AS
	SELECT mql_id AS customer, first_contact_date::timestamp AT TIME ZONE 'UTC' AS signed_up_at, won_date AT TIME ZONE 'UTC' AS ordered_at,
	       CASE WHEN won_date IS NOT NULL THEN 1 END AS amount FROM lead_lines LEFT JOIN deal_lines USING (mql_id)});
my $leads = q{signup_retention(customer, signed_up_at, ordered_at, amount, '%s', '2018-06-01', 'UTC')};
is(answer(sprintf qq{
		SELECT string_agg(cohort_size || ': ' || rows, '; ' ORDER BY cohort)
		FROM (SELECT cohort, cohort_size, string_agg(CASE WHEN is_complete THEN retained ELSE -retained_so_far END::text, ' ' ORDER BY period_index) AS rows
		      FROM unnest((SELECT $leads FROM leads)) WHERE cohort >= '2017-10-01' GROUP BY cohort, cohort_size) c}, 'quarter'),
	'1061: 3 13 -12; 3343: 317 -90; 2655: -224', 'Olist: leads of a quarter that became sellers');
is(answer(sprintf qq{SELECT string_agg(retained_so_far || ' ' || cumulative_revenue, ', ' ORDER BY period_index)
		FROM unnest((SELECT $leads FROM leads)) WHERE cohort = '2018-01-01' AND cohort_size = 1141}, 'month'),
	'64 64, 43 107, 16 123, 10 133, 4 137', 'Olist: leads of January 2018, month by month');

$node->stop;
done_testing();
