# Real shops: every KPI equals plain SQL exactly, over all orders, by segment and by
# month, for several days and windows. The data sets are not ours to give away: without
# them this test is skipped.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RealData;
use RetentionTest;
use Test::More;

my $hits = data_file('ga_hits_2017-08-01.csv.gz');
my $missing = missing_data(qw(uci cdnow adventureworks ga_hits_2017-08-01.csv.gz));
plan skip_all => $missing if $missing;

my $node = start_server('real');

# Orders of three shops, with three types of customer. A cancellation is an invoice below
# zero: a refund. The segments are countries, numbers of CDs, sales territories.
load_lines(qw(uci cdnow adventureworks));
answer(q{
	CREATE TABLE uci AS
	SELECT customer_id::bigint AS customer, min(invoice_date) AT TIME ZONE 'UTC' AS ordered_at,
	       sum(quantity * unit_price) AS amount, min(country) AS segment
	FROM uci_lines WHERE customer_id IS NOT NULL GROUP BY invoice_no, customer_id;

	CREATE TABLE cdnow AS
	SELECT 'cdnow customer ' || customer_id AS customer, ordered_at::timestamp AT TIME ZONE 'UTC' AS ordered_at,
	       amount, cds::text AS segment
	FROM cdnow_lines;

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
			       '$as_of'::timestamptz - interval '$period' AS start,
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
			SELECT *, ordered_at >= start AND ordered_at < now AS in_window,
			       ordered_at >= now - 2 * interval '$period' AND ordered_at < start AS in_window_before
			FROM rows),
		customers AS (
			SELECT grp,
			       count(*) >= 2 AS repeated,
			       count(*) FILTER (WHERE in_window) >= 2 AS repeated_in_window,
			       bool_or(ordered_at < now) AS known,
			       min(ordered_at) + interval '$period' <= min(now) AS eligible,
			       (array_agg(ordered_at ORDER BY ordered_at))[2] < min(ordered_at) + interval '$period' AS again_in_time,
			       bool_or(in_window) AS active,
			       bool_or(ordered_at >= month_ago - interval '$period' AND ordered_at < month_ago) AS active_month_ago,
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

# ---------------------------------------------------------------------------
# RFM
# ---------------------------------------------------------------------------

# The lines of an invoice as orders of their own, and as one order. Lines without a
# customer are there, and a copy of all in another order.
answer(q{
	CREATE TABLE uci_sales AS
	SELECT invoice_no, customer_id AS customer, invoice_date AS ordered_at, quantity * unit_price AS amount
	FROM uci_lines;
	CREATE VIEW uci_invoices AS
	SELECT customer, min(ordered_at) AS ordered_at, sum(amount) AS amount
	FROM uci_sales GROUP BY invoice_no, customer});

# A shop: its table, type of customer, time from which transitions are counted, other
# arguments, rows for plain SQL, how customers are sorted
my @shops = (
	[ 'uci_sales', 'int', '2011-12-10 00:00+00', '2011-06-30 12:00+00', '', 'uci_sales', 'customer' ],
	[ 'uci_sales', 'int', '2011-12-10 00:00+00', '2011-06-30 12:00+00', q{, order_id_column => 'invoice_no'}, 'uci_invoices', 'customer' ],
	[ 'uci', 'bigint', '2011-12-10 00:00+00', '2011-01-31 23:59:59+00', '', 'uci', 'customer' ],
	[ 'cdnow', 'text', '1998-06-30 00:00+00', '1997-02-28 00:00+00', '', 'cdnow', 'customer COLLATE "C"' ],
	[ 'adventureworks', 'uuid', '2017-06-30 00:00+00', '2015-01-02 00:00+00', '', 'adventureworks', 'customer' ]);

foreach (@shops)
{
	my ($table, $type, $as_of, $before, $options, $rows, $sorted) = @$_;
	my $title = $table . ($options && ', lines netted');
	my $source = "NULL::$type, '$table', 'customer', 'ordered_at', 'amount'";

	answer(qq{
		DROP TABLE IF EXISTS buyers, buyers_before, shuffled;
		CREATE TABLE buyers AS ${\ buyers_sql($rows, $as_of)};
		CREATE TABLE buyers_before AS ${\ buyers_sql($rows, $before)};
		CREATE TABLE shuffled AS SELECT * FROM $table ORDER BY md5($table\::text)});

	my @wrong;
	foreach my $bins ($table eq 'uci_sales' ? (2, 5, 9) : 2 .. 9)
	{
		foreach my $grid ('standard', 'rf')
		{
			my $got = same_rows("SELECT * FROM rfm_segments($source, as_of => '$as_of', bins => $bins, grid => '$grid'$options)",
				scored_sql('buyers', $bins, $grid));
			push @wrong, "$bins, $grid: $got" if $got ne 't|';
		}
	}
	is("@wrong", '', "$title: rfm_segments as plain SQL, in any bins and both grids");

	# as ranges the scores hold the customers they are of
	is(answer(qq{
		WITH ranges AS (SELECT * FROM rfm_breaks($source, as_of => '$as_of'$options))
		SELECT count(*) FILTER (WHERE held <> 3), count(*) > 0
		FROM rfm_segments($source, as_of => '$as_of'$options) s,
		     LATERAL (SELECT count(*) AS held FROM ranges
		              WHERE metric = 'recency' AND score = r AND recency_days BETWEEN lowest AND highest
		                 OR metric = 'frequency' AND score = f AND orders BETWEEN lowest AND highest
		                 OR metric = 'monetary' AND score = m AND monetary BETWEEN lowest AND highest) c}),
		'0|t', "$title: every customer lies in the ranges of its scores");

	foreach (
		[ 5, 'standard', 0.8 ],
		[ 4, 'rf', 0.5 ],
		[ 9, 'standard', 1 ])
	{
		my ($bins, $grid, $share) = @$_;
		my ($after, $earlier) = map { scored_sql($_, $bins, $grid) } 'buyers', 'buyers_before';
		my $arguments = "bins => $bins, grid => '$grid'$options";

		is(same_rows("SELECT * FROM segment_summary($source, as_of => '$as_of', $arguments)", summary_sql($after)),
			't|', "$title, $bins bins, $grid: segment_summary as plain SQL");

		my $transitions = "SELECT * FROM rfm_transitions($source, '$before', '$as_of', $arguments)";
		is(same_rows($transitions, transitions_sql($earlier, $after)),
			't|', "$title, $bins bins, $grid: rfm_transitions as plain SQL");
		is(answer(qq{
			SELECT sum(customers) = (SELECT count(*) FROM buyers), max(abs(whole - 1)) < 1e-12,
			       sum(customers) FILTER (WHERE from_segment <> 'none') = (SELECT count(*) FROM buyers_before)
			FROM (SELECT *, sum(share) OVER (PARTITION BY from_segment) AS whole FROM ($transitions) t) t}),
			't|t|t', "$title, $bins bins, $grid: transitions are of all customers, and shares are of a whole");

		is(same_rows(qq{
			SELECT metric, score, customers, lowest::float8, highest::float8
			FROM rfm_breaks($source, as_of => '$as_of', bins => $bins$options)}, qq{
			SELECT metric, score, count(*), min(value)::float8, max(value)::float8
			FROM ($after) s, LATERAL (VALUES ('recency', r, recency_days), ('frequency', f, orders::float8),
			                                 ('monetary', m, monetary::float8)) v(metric, score, value)
			WHERE score IS NOT NULL GROUP BY metric, score}), 't|', "$title, $bins bins: rfm_breaks as plain SQL");

		is(same_rows("SELECT * FROM hero_buyers($source, $share, '$as_of'$options)", qq{
			SELECT customer, rank, orders, monetary, (monetary / revenue)::float8, (so_far / revenue)::float8
			FROM (SELECT *, max(so_far) OVER (ORDER BY rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
			      FROM (SELECT *, row_number() OVER w AS rank, sum(monetary) OVER () AS revenue, sum(monetary) OVER w AS so_far
			            FROM buyers WHERE monetary IS NOT NULL
			            WINDOW w AS (ORDER BY monetary DESC, $sorted)) sorted) heroes
			WHERE rank = 1 OR reached < revenue * $share}), 't|', "$title, share $share: hero_buyers as plain SQL");
	}

	# A state that was stored by month and merged, and rows in another order
	my $shuffled = $source =~ s/'$table'/'shuffled'/r;
	foreach my $function (
		"rfm_segments(%s, as_of => '$as_of'$options)",
		"segment_summary(%s, as_of => '$as_of'$options)",
		"rfm_transitions(%s, '$before', '$as_of'$options)",
		"rfm_breaks(%s, as_of => '$as_of'$options)",
		"hero_buyers(%s, as_of => '$as_of'$options)")
	{
		my ($name) = $function =~ /^(\w+)/;
		is(same_rows(sprintf("SELECT * FROM $function", $source), sprintf("SELECT * FROM $function", $shuffled)),
			't|', "$title: $name of shuffled rows is the same");
		next if $options || $name eq 'rfm_transitions';

		my $at = $table eq 'uci_sales' ? 'o.ordered_at AT TIME ZONE $$UTC$$' : 'o.ordered_at';
		my $anchor = $type eq 'int' ? 'bigint' : $type;
		my $state = qq{(SELECT rollup(state) FROM (
			SELECT purchases_state(o.customer, $at, o.amount, '$as_of') AS state FROM $table o GROUP BY date_trunc('month', $at)) m)};
		my $given = $name =~ /^(rfm_segments|hero_buyers)$/ ? "NULL::$anchor, $state" : $state;
		is(same_rows(sprintf("SELECT * FROM $function", $source), "SELECT * FROM $name($given)"),
			't|', "$title: $name of states by month, merged, is the same");
	}
}

# ---------------------------------------------------------------------------
# Cohorts, lifecycles, order numbers
# ---------------------------------------------------------------------------

# In plain SQL, of rows with customer, ordered_at and amount
my $is_order = '(amount > 0 OR amount IS NULL)';

# The period of a time, and all from one to another
sub period_of { my ($at, $grain, $tz) = @_; return "date_trunc('$grain', $at AT TIME ZONE '$tz')"; }

sub cohorts_sql
{
	my ($rows, $grain, $as_of, $tz) = @_;
	my ($now, $last, $period) = map { period_of($_, $grain, $tz) } "timestamptz '$as_of'", "(timestamptz '$as_of' - interval '1 microsecond')", 'ordered_at';
	return qq{
		SELECT cohort::date, (row_number() OVER w - 1)::int AS period_index, size, CASE WHEN ended THEN size ELSE 0 END AS eligible,
		       CASE WHEN ended THEN active ELSE 0 END AS retained, CASE WHEN ended THEN active::float8 / size END AS rate,
		       active AS retained_so_far, orders, CASE WHEN has_rows THEN money ELSE 0 END AS revenue,
		       sum(money) OVER w AS cumulative_revenue, sum(again) OVER w AS repeat_customers, CASE WHEN ended THEN (sum(again) OVER w)::float8 / size END AS repeat_rate,
		       sum(money) OVER w / size AS ltv, ended AS is_complete
		FROM (SELECT cohort, size, period, period < $now AS ended, coalesce(active, 0) AS active, coalesce(orders, 0) AS orders,
		             coalesce(again, 0) AS again, money, active IS NOT NULL AS has_rows
		      FROM (SELECT *, count(*) AS size FROM (
		                SELECT ${\ period_of('min(ordered_at)', $grain, $tz)} AS cohort
		                FROM $rows WHERE $is_order AND customer IS NOT NULL AND ordered_at < '$as_of' GROUP BY customer) f GROUP BY cohort) sizes
		      CROSS JOIN LATERAL generate_series(cohort, $last, '1 $grain') period
		      LEFT JOIN (SELECT ${\ period_of('first', $grain, $tz)} AS cohort, $period AS period,
		                        count(DISTINCT customer) FILTER (WHERE $is_order) AS active, count(*) FILTER (WHERE $is_order) AS orders,
		                        sum(amount) AS money
		                 FROM (SELECT *, min(ordered_at) FILTER (WHERE $is_order) OVER (PARTITION BY customer) AS first
		                       FROM $rows WHERE customer IS NOT NULL AND ordered_at < '$as_of') r
		                 WHERE ordered_at >= first GROUP BY 1, 2) cells USING (cohort, period)
		      LEFT JOIN (SELECT ${\ period_of('first', $grain, $tz)} AS cohort, $period AS period, count(*) AS again
		                 FROM (SELECT ordered_at, min(ordered_at) OVER w AS first, row_number() OVER w AS n
		                       FROM $rows WHERE $is_order AND customer IS NOT NULL AND ordered_at < '$as_of'
		                       WINDOW w AS (PARTITION BY customer ORDER BY ordered_at)) r
		                 WHERE n = 2 GROUP BY 1, 2) seconds USING (cohort, period)) triangle
		WINDOW w AS (PARTITION BY cohort ORDER BY period)};
}

sub lifecycle_sql
{
	my ($rows, $grain, $as_of, $tz) = @_;
	my ($now, $last, $period) = map { period_of($_, $grain, $tz) } "timestamptz '$as_of'", "(timestamptz '$as_of' - interval '1 microsecond')", 'ordered_at';
	return qq{
		WITH active AS MATERIALIZED (
			SELECT customer, $period AS period, lag($period) OVER w AS before, lead($period) OVER w AS after
			FROM (SELECT DISTINCT ON (customer, $period) * FROM $rows WHERE customer IS NOT NULL AND ordered_at < '$as_of') r
			WINDOW w AS (PARTITION BY customer ORDER BY $period)),
		events AS (
			SELECT period, 1 AS active, (before IS NULL)::int AS new, (before = period - interval '1 $grain')::int AS again,
			       (before < period - interval '1 $grain')::int AS back, 0 AS dormant FROM active
			UNION ALL
			SELECT period + interval '1 $grain', 0, 0, 0, 0, 1 FROM active WHERE after IS NULL OR after > period + interval '1 $grain'),
		sums AS (
			SELECT period, sum(active) AS active, sum(new) AS new, coalesce(sum(again), 0) AS again, coalesce(sum(back), 0) AS back, sum(dormant) AS dormant
			FROM events GROUP BY period),
		dense AS (
			SELECT period, coalesce(active, 0) AS active, coalesce(new, 0) AS new, coalesce(again, 0) AS again, coalesce(back, 0) AS back,
			       coalesce(dormant, 0) AS dormant, period < $now AS ended
			FROM (SELECT min(period) AS first FROM active) f CROSS JOIN LATERAL generate_series(first, $last, '1 $grain') period LEFT JOIN sums USING (period)
			WHERE first IS NOT NULL)
		SELECT period::date, active, new, again, back, dormant, sum(new) OVER w - active - dormant,
		       CASE WHEN ended THEN dormant::float8 / nullif(lag(active) OVER w, 0) END,
		       CASE WHEN ended THEN (new + back)::float8 / nullif(dormant, 0) END, ended
		FROM dense WINDOW w AS (ORDER BY period)};
}

sub order_numbers_sql
{
	my ($rows, $max_number, $within, $as_of) = @_;
	return qq{
		SELECT n::int, count(*), count(next), count(next)::float8 / count(*),
		       percentile_cont(0.5) WITHIN GROUP (ORDER BY (extract(epoch FROM next - ordered_at) * 1000000)::float8 / 86400000000),
		       count(*) FILTER (WHERE eligible), count(*) FILTER (WHERE eligible AND in_time),
		       count(*) FILTER (WHERE eligible AND in_time)::float8 / nullif(count(*) FILTER (WHERE eligible), 0)
		FROM (SELECT *, ordered_at + interval '$within' <= '$as_of' AS eligible, next < ordered_at + interval '$within' AS in_time
		      FROM (SELECT ordered_at, row_number() OVER w AS n, lead(ordered_at) OVER w AS next
		            FROM $rows WHERE customer IS NOT NULL AND ordered_at < '$as_of' AND amount > 0
		            WINDOW w AS (PARTITION BY customer ORDER BY ordered_at)) numbered) orders
		WHERE n <= $max_number GROUP BY n};
}

# By whatever way: in one process, by workers, from states of months that are merged
my $one = 'SET max_parallel_workers_per_gather = 0';
my $split = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;'
  . 'SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off';

sub of_orders { my ($call, $rows) = @_; return "SELECT (r).* FROM unnest((SELECT $call FROM $rows)) r"; }

sub of_months
{
	my ($reader, $call, $rows) = @_;
	return "SELECT (r).* FROM unnest((SELECT $reader(rollup(state ORDER BY md5(month::text))) FROM ("
	  . "SELECT date_trunc('month', ordered_at) AS month, $call AS state FROM $rows GROUP BY 1) m)) r";
}

answer('ALTER TABLE uci SET (parallel_workers = 2); ALTER TABLE cdnow SET (parallel_workers = 2); ALTER TABLE adventureworks SET (parallel_workers = 2)');

# Ends of periods among them: a month that has just ended is complete
my %ends = (uci => [ '2011-12-10', '2011-06-01' ], cdnow => [ '1998-06-30 12:00', '1997-06-02' ], adventureworks => [ '2017-06-30', '2016-03-26 23:00' ]);

foreach my $shop (qw(uci cdnow adventureworks))
{
	foreach (
		[ 'month', 'UTC', $ends{$shop}[0] ],
		[ 'week', 'UTC', $ends{$shop}[1] ],
		[ 'month', 'Europe/Paris', "$ends{$shop}[1]+01" ],
		[ 'week', 'Europe/Paris', $ends{$shop}[0] ])
	{
		my ($grain, $tz, $end) = @$_;
		my $as_of = $end =~ /\+/ ? $end : "$end+00";
		my $title = "$shop by $grain, $tz, as of $as_of";
		my $orders = "$shop WHERE $is_order";

		my $cohorts = "customer, ordered_at, amount, '$grain', '$as_of', '$tz'";
		is(same_rows(of_orders("cohort_retention($cohorts)", $shop), cohorts_sql($shop, $grain, $as_of, $tz)),
			't|', "$title: cohort_retention as plain SQL");
		is(same_rows(of_months('cohort_retention', "cohort_retention_state($cohorts)", $shop), of_orders("cohort_retention($cohorts)", $shop)),
			't|', "$title: cohort_retention of states by month, merged, is the same");

		my $lives = "customer, ordered_at, '$grain', '$as_of', '$tz'";
		is(same_rows(of_orders("lifecycle($lives)", $orders), lifecycle_sql("(SELECT * FROM $orders) o", $grain, $as_of, $tz)),
			't|', "$title: lifecycle as plain SQL");
		is(answer(qq{
			SELECT count(*) > 5, count(*) FILTER (WHERE active_customers <> new_customers + returning_customers + resurrected_customers
			                                  OR active_before <> returning_customers + dormant_customers
			                                  OR known <> active_customers + dormant_customers + silent_customers)
			FROM (SELECT *, lag(active_customers) OVER w AS active_before, sum(new_customers) OVER w AS known
			      FROM unnest((SELECT lifecycle($lives) FROM $orders)) WINDOW w AS (ORDER BY period_start)) l}),
			't|0', "$title: the identities of lifecycle");

		my $churns = "customer, ordered_at, '90 days', '$grain', '$as_of', '$tz'";
		is(answer(qq{
			SELECT count(*) > 5, count(*) FILTER (WHERE active_at_end <> active_at_start - churned + reactivated + new_customers OR active_at_start <> coalesce(before, 0)
			                                  OR is_complete AND churn_rate IS DISTINCT FROM (
			                                     SELECT churn_rate(customer, ordered_at, '90 days', period_start::timestamp AT TIME ZONE '$tz', (period_start + interval '1 $grain') AT TIME ZONE '$tz') FROM $orders))
			FROM (SELECT *, lag(active_at_end) OVER (ORDER BY period_start) AS before FROM unnest((SELECT churn_by_period($churns) FROM $orders))) l}),
			't|0', "$title: the identities of churn_by_period, and each row is its churn_rate");
		is(same_rows(of_months('churn_by_period', "churn_by_period_state($churns)", $orders), of_orders("churn_by_period($churns)", $orders)),
			't|', "$title: churn_by_period of states by month, merged, is the same");

		my $calls = "cohort_retention($cohorts), md5(cohort_retention_state($cohorts)::text), lifecycle($lives), md5(lifecycle_state($lives)::text), churn_by_period($churns), md5(churn_by_period_state($churns)::text)";
		is(answer("$split; SELECT $calls FROM $shop"), answer("$one; SELECT $calls FROM $shop"), "$title: workers give the same bytes");
	}

	my $as_of = "$ends{$shop}[0]+00";
	foreach ([ 5, '90 days' ], [ 10_000, '30 days' ])
	{
		my ($most, $within) = @$_;
		is(same_rows(of_orders("repeat_by_order_number(customer, ordered_at, $most, '$within', '$as_of')", "$shop WHERE amount > 0"),
				order_numbers_sql($shop, $most, $within, $as_of)),
			't|', "$shop, $most numbers, within $within: repeat_by_order_number as plain SQL");
	}
	my $calls = "repeat_by_order_number(customer, ordered_at, 10, '$as_of'), md5(repeat_by_order_number_state(customer, ordered_at, 10, '$as_of')::text), "
	  . "rolling_retention(customer, ordered_at, '1 month', 24, '$as_of')";
	like(plan_of($split, "SELECT $calls FROM $shop"), qr/Partial Aggregate/, "$shop: the plan is split");
	is(answer("$split; SELECT $calls FROM $shop"), answer("$one; SELECT $calls FROM $shop"), "$shop: workers give the same bytes");
}

# Counted by two other programs, in Python and in SQL
foreach (
	[ 'cdnow', '1998-07-01', '1997-04-01', '2349|556|0|0|1793|0.236696466582|t' ],
	[ 'cdnow', '1998-07-01', '1997-05-01', '1793|759|21|0|1055|0.423312883436|t' ],
	[ 'cdnow', '1998-07-01', '1998-06-01', '344|100|55|0|299|0.290697674419|t' ],
	[ 'uci', '2011-12-09 12:50', '2011-03-01', '1682|358|0|452|1776|0.212841854935|t' ],
	[ 'uci', '2011-12-09 12:50', '2011-04-01', '1776|246|61|300|1891|0.138513513514|t' ],
	[ 'uci', '2011-12-09 12:50', '2011-11-01', '2461|229|285|323|2840|0.093051605039|t' ],
	[ 'uci', '2011-12-09 12:50', '2011-12-01', '2840|74|82|41|2889||f' ])
{
	my ($shop, $as_of, $month, $row) = @$_;
	is(answer(qq{
		SELECT active_at_start, churned, reactivated, new_customers, active_at_end, round(churn_rate::numeric, 12), is_complete
		FROM unnest((SELECT churn_by_period(customer, ordered_at, '90 days', 'month', '$as_of+00', 'UTC') FROM $shop WHERE amount > 0)) WHERE period_start = '$month'}),
		$row, "$shop: churn_by_period of the month from $month");
}

# Every order of CDNOW as a contract of 90 days: by two other programs, in Python and in SQL
foreach (
	[ '1997-02-01', '28592.70 33430.08 7003.73 0 0 0 69026.51|777 854 0 0 1631|0.000000000|1.000000000|1.244948186' ],
	[ '1997-05-01', '97615.87 0 5376.65 11485.70 28449.73 1302.39 64359.48|1793 0 759 21 1055|0.423312883|0.590892034|0.645971705' ],
	[ '1998-06-01', '21267.65 0 1517.78 3019.66 4148.15 2174.95 17792.57|344 0 100 55 299|0.290697674|0.662971226|0.734336892' ])
{
	my ($month, $row) = @$_;
	is(answer(qq{
		SELECT concat_ws(' ', opening_mrr, new_mrr, expansion_mrr, contraction_mrr, churned_mrr, reactivated_mrr, closing_mrr),
		       concat_ws(' ', opening_customers, new_customers, churned_customers, reactivated_customers, closing_customers),
		       round(churn_rate::numeric, 9), round(gross_revenue_retention::numeric, 9), round(net_revenue_retention::numeric, 9)
		FROM unnest((SELECT mrr_movements(customer, ordered_at, ordered_at + interval '90 days', amount, 'month', '1998-07-01+00', 'UTC') FROM cdnow))
		WHERE period_start = '$month'}), $row, "CDNOW: mrr_movements of the month from $month");
}
# whose customers are those of churn_by_period
is(answer(q{
	SELECT count(*), count(*) FILTER (WHERE (opening_customers, churned_customers, reactivated_customers, m.new_customers, closing_customers, m.churn_rate, m.is_complete)
	                                       IS DISTINCT FROM (active_at_start, churned, reactivated, c.new_customers, active_at_end, c.churn_rate, c.is_complete))
	FROM unnest((SELECT mrr_movements(customer, ordered_at, ordered_at + interval '90 days', 1, 'month', '1998-07-01+00', 'UTC') FROM cdnow)) m
	FULL JOIN unnest((SELECT churn_by_period(customer, ordered_at, '90 days', 'month', '1998-07-01+00', 'UTC') FROM cdnow)) c USING (period_start)}),
	'18|0', 'CDNOW: contracts of 90 days are the customers of churn_by_period');

# Published with this data set everywhere: the customers of December 2010, month by
# month. Three ways to clean it agree: lines with quantity * unit_price > 0, invoices whose
# lines come to more than 0, all lines but those of invoices C... (cancellations).
foreach (
	[ 'lines', 'SELECT customer_id AS customer, invoice_date AS at, quantity * unit_price AS amount FROM uci_lines' ],
	[ 'invoices', q{SELECT customer, ordered_at AT TIME ZONE 'UTC' AS at, amount FROM uci} ],
	[ 'no cancellation', q{SELECT customer_id AS customer, invoice_date AS at, NULL::numeric AS amount FROM uci_lines WHERE invoice_no NOT LIKE 'C%'} ])
{
	my ($title, $rows) = @$_;
	is(answer(qq{
		SELECT string_agg(retained_so_far::text, ' ' ORDER BY period_index)
		FROM unnest((SELECT cohort_retention(customer, at AT TIME ZONE 'UTC', amount, 'month', '2011-12-31', 'UTC') FROM ($rows) r))
		WHERE cohort = '2010-12-01'}),
		'885 324 286 340 321 352 321 309 313 350 331 445 235', "UCI Online Retail, $title: the cohort of December 2010");
}

# One day of hits of Google's merchandise store: funnels beside the first later row of the next step in
# plain SQL; carts and what visitors are about to do beside the counts of a program that is not ours.
answer(qq{
	CREATE TABLE hits (
		visitor_id text, session_id text, visit_number int, hit_number int, at timestamptz, hit_type text, action text, checkout_step int,
		page_path text, product text, product_count int, transaction_id text, value numeric, channel text, device text, country text);
	COPY hits FROM PROGRAM 'gzip -dc "$hits"' (FORMAT csv, HEADER);
	CREATE INDEX ON hits (visitor_id, at);
	ALTER TABLE hits ADD event text;
	UPDATE hits SET event = CASE action WHEN 'product_view' THEN 'view' WHEN 'add_to_cart' THEN 'cart' WHEN 'remove_from_cart' THEN 'remove'
		WHEN 'checkout' THEN 'checkout' WHEN 'purchase' THEN 'purchase' ELSE 'browse' END;
	ANALYZE hits});
foreach (
	[ 'visitor_id', '1 hour', '2017-08-02 08:00+00', '394,394,394 131,394,131 67,394,67 30,394,30' ],
	[ 'visitor_id', '30 minutes', '2017-08-02 08:00+00', '394,394,394 131,394,131 66,394,66 28,394,28' ],
	[ 'visitor_id', '1 hour', '2017-08-02 00:00+00', '291,279,279 105,279,101 60,279,58 27,279,26' ],
	[ 'session_id', '1 hour', '2017-08-02 08:00+00', '430,430,430 145,430,145 71,430,71 29,430,29' ])
{
	my ($visitor, $within, $as_of, $known) = @$_;
	my $funnel = "SELECT step, customers, eligible, reached, round(median_seconds::numeric, 6) FROM unnest((SELECT funnel($visitor, at, " .
	  "ARRAY[event = 'view', event = 'cart', event = 'checkout', event = 'purchase'], '$within', '$as_of') FROM hits))";
	# a visitor's rows of one instant in the order of the steps
	my $sql = qq{
		WITH step AS MATERIALIZED (
			SELECT $visitor AS visitor, at, k, row_number() OVER (PARTITION BY $visitor ORDER BY at, k) AS n
			FROM hits, LATERAL (SELECT array_position('{view,cart,checkout,purchase}', event) AS k) e WHERE k IS NOT NULL AND at < '$as_of'
		), attempt AS MATERIALIZED (
			SELECT a.visitor, a.at AS at1, b.at AS at2, c.at AS at3, d.at AS at4,
			       1 + (b.at IS NOT NULL)::int + (c.at IS NOT NULL)::int + (d.at IS NOT NULL)::int AS depth, a.at + interval '$within' <= '$as_of' AS is_over
			FROM step a
			LEFT JOIN LATERAL (SELECT * FROM step s WHERE s.visitor = a.visitor AND s.n > a.n AND s.k = 2 AND s.at < a.at + interval '$within' ORDER BY s.n LIMIT 1) b ON true
			LEFT JOIN LATERAL (SELECT * FROM step s WHERE s.visitor = a.visitor AND s.n > b.n AND s.k = 3 AND s.at < a.at + interval '$within' ORDER BY s.n LIMIT 1) c ON true
			LEFT JOIN LATERAL (SELECT * FROM step s WHERE s.visitor = a.visitor AND s.n > c.n AND s.k = 4 AND s.at < a.at + interval '$within' ORDER BY s.n LIMIT 1) d ON true
			WHERE a.k = 1
		), best AS (SELECT DISTINCT ON (visitor) * FROM attempt WHERE is_over ORDER BY visitor, depth DESC, at1)
		SELECT k AS step, (SELECT count(DISTINCT visitor) FROM attempt WHERE depth >= k) AS customers, (SELECT count(*) FROM best) AS eligible,
		       (SELECT count(*) FROM best WHERE depth >= k) AS reached,
		       (SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM (ARRAY[at1, at2, at3, at4])[k] - (ARRAY[at1, at2, at3, at4])[k - 1]))::numeric, 6)
		        FROM best WHERE depth >= k AND k > 1)
		FROM generate_series(1, 4) k};
	is(same_rows($funnel, $sql), 't|', "hits, $visitor, $within, $as_of: the funnel");
	is(answer("SELECT string_agg(concat_ws(',', customers, eligible, reached), ' ' ORDER BY step) FROM ($funnel) f"), $known,
		"hits, $visitor, $within, $as_of: known counts");
}
foreach (
	[ '2017-08-02 07:00+00', 'abandoned 26, converted 37, emptied 4, lost 104, open 1, recovered 8', '337|8902.00',
		'browse 1887 0 0, cart 81 80 58, checkout 47 47 43, purchased 23 0 0, view 255 0 0' ],
	[ '2017-08-02 00:00+00', 'abandoned 48, converted 31, emptied 3, lost 47, open 7, recovered 7', '270|8242.23',
		'browse 1431 0 0, cart 59 54 31, checkout 42 40 15, idle 558 0 0, purchased 23 0 0, view 180 0 0' ])
{
	my ($as_of, $status, $sums, $stages) = @$_;
	my $carts = "(SELECT c.* FROM (SELECT visitor_id, carts(at, event, product, value, '30 minutes', '6 hours', '$as_of') FROM hits GROUP BY 1) v, unnest(carts) c) c";
	is(answer("SELECT string_agg(status || ' ' || n, ', ' ORDER BY status) FROM (SELECT status, count(*) AS n FROM $carts GROUP BY status) s"),
		$status, "hits, $as_of: carts");
	is(answer("SELECT sum(items), sum(order_value) FROM $carts"), $sums, "hits, $as_of: what was in them");
	is(answer(qq{
		SELECT string_agg(concat_ws(' ', stage, n, abandoned, definitive), ', ' ORDER BY stage)
		FROM (SELECT (p).stage, count(*) AS n, count(*) FILTER (WHERE (p).is_abandoned) AS abandoned, count(*) FILTER (WHERE (p).is_definitive) AS definitive
		      FROM (SELECT pending_intent(at, event, product, value, '24 hours', '30 minutes', '6 hours', '$as_of') AS p FROM hits GROUP BY visitor_id) v GROUP BY 1) s}),
		$stages, "hits, $as_of: what visitors are about to do");
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
