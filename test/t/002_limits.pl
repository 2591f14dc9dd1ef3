# What must stay small: the time until a cancel acts, the memory of a customer, the time
# of many groups and of a sliding window. And what happens beyond 1 GB.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = start_server('limits', "shared_buffers = '64MB'", "work_mem = '256MB'", 'max_parallel_workers_per_gather = 0');

# Rows that come one by one
sub numbers
{
	my ($rows) = @_;
	return "(SELECT generate_series(1, $rows)::bigint AS i) numbers";
}
my $endless = numbers(1_000_000_000);

# ---------------------------------------------------------------------------
# A cancel acts within a second
# ---------------------------------------------------------------------------

# Runs a statement under statement_timeout: the SQLSTATE of its error, the seconds it
# took, and what the same backend says afterwards.
sub cut_short
{
	my ($sql, $seconds) = @_;
	my ($out, $err);

	$node->psql('postgres', qq{
		\\set VERBOSITY sqlstate
		SET statement_timeout = ${\ int($seconds * 1000 + 1)};
		\\timing on
		$sql;
		\\timing off
		RESET statement_timeout;
		SELECT 'alive', repeat_rate(i / 2) FROM generate_series(2, 5) i}, stdout => \$out, stderr => \$err, on_error_stop => 0);
	my ($state) = $err =~ /ERROR: +(\w{5})/;
	my ($milliseconds) = $out =~ /^Time: ([\d.]+) ms/m;
	my ($afterwards) = $out =~ /^(alive.*)$/m;
	return ($state // '', $milliseconds / 1000, $afterwards // '');
}

# While rows come. The types of customer and the payloads differ in their loops.
foreach my $call (
	'repeat_rate(i)',
	'repeat_rate(md5(i::text))',
	q{second_order_rate(md5(i::text)::uuid, to_timestamp(i), '1 month', '2100-01-01')},
	q{net_revenue_retention(i % 300000, to_timestamp(i), i::numeric, '1 month', to_timestamp(1000000))},
	q{cohort_retention(i % 300000, to_timestamp(i * 1000), i::numeric, 'day', '2060-01-01', 'Europe/Paris')},
	q{lifecycle(1, to_timestamp(hashint8(i)), 'day', '2060-01-01', 'Europe/Paris')},
	q{rolling_retention(1, to_timestamp(hashint8(i)), '1 month', 10, '2060-01-01')},
	q{repeat_by_order_number(md5(i::text), to_timestamp(i), 10, '30 days', '2060-01-01')},
	q{funnel(i % 300000, to_timestamp(i), ARRAY[i % 2 = 0, i % 3 = 0], '1 day', '2100-01-01')},
	q{carts(to_timestamp(i), 'cart', (i % 1000)::text, i::numeric, '1 day', '2 days', '2100-01-01')},
	q{pending_intent(to_timestamp(i), 'cart', (i % 1000)::text, i::numeric, '100 years', '1 hour', '1 day', '2060-01-01')},
	q{product_pairs(i % 300000, 'product ' || i % 5000, 2)},
	q{next_products(i % 300000, to_timestamp(i), 'product ' || i % 5000, 2, '2100-01-01')},
	'aov(1e40 + i)',
	q{purchase_summary(to_timestamp(i % 100000000 * 30), i, '7 days', '2100-01-01', 'Europe/Paris')},
	q{purchase_days_state(i % 300000, to_timestamp(i % 4000000 * 400), i::numeric, '2060-01-01', 'UTC')},
	'fit_bgnbd(i % 7, (i % 7) * (i % 1000) / 40.0, 180 + i % 500000 / 997.0)',
	'fit_pareto_nbd(i % 7, (i % 7) * (i % 1000) / 40.0, 180 + i % 500000 / 997.0)',
	'fit_gamma_gamma(1 + i % 7, 10 + i % 500000 / 977.0)')
{
	my ($state, $took, $afterwards) = cut_short("SELECT $call FROM $endless", 0.7);
	is("$state $afterwards", '57014 alive|1', "building $call: cancelled, and the backend goes on");
	cmp_ok($took, '<', 1.7, "building $call: within a second");
}

# Table functions read a relation that has no end.
answer("CREATE VIEW endless AS SELECT i % 300000 AS customer, to_timestamp(i % 100000000) AS at, 1.5::numeric AS amount, i AS id FROM $endless");
foreach my $call (
	q{rfm_segments(NULL::bigint, 'endless', 'customer', 'at', 'amount', as_of => '2060-01-01')},
	q{rfm_transitions(NULL::bigint, 'endless', 'customer', 'at', 'amount', '2040-01-01', '2060-01-01')},
	q{rfm_breaks(NULL::bigint, 'endless', 'customer', 'at', 'amount', as_of => '2060-01-01', order_id_column => 'id')},
	q{segment_summary(NULL::bigint, 'endless', 'customer', 'at', 'amount', as_of => '2060-01-01')},
	q{hero_buyers(NULL::bigint, 'endless', 'customer', 'at', 'amount', as_of => '2060-01-01')},
	q{retention_check('endless', 'customer', 'at', 'amount', 'id')},
	q{pending_customers(NULL::bigint, 'endless', 'customer', 'at', 'amount', as_of => '2060-01-01')},
	q{predict_customers(NULL::bigint, 'endless', 'customer', 'at', 'amount', as_of => '2060-01-01')},
	q{backtest(NULL::bigint, 'endless', 'customer', 'at', 'amount', '2040-01-01', '2060-01-01')},
	q{backtest_summary(NULL::bigint, 'endless', 'customer', 'at', 'amount', as_of => '2060-01-01')},
	q{forecast(NULL::bigint, 'endless', 'customer', 'at', 'amount', as_of => '2060-01-01')})
{
	my ($state, $took, $afterwards) = cut_short("SELECT count(*) FROM $call", 0.7);
	is("$state $afterwards", '57014 alive|1', "$call: cancelled, and the backend goes on");
	cmp_ok($took, '<', 1.7, "$call: within a second");
}

# By another session
{
	my $err;
	my $victim = IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr('postgres') . ' application_name=victim',
			'-c', "SELECT repeat_rate_state(i) FROM $endless"
		],
		'2>', \$err);
	my $running = q{SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active'};

	$node->poll_query_until('postgres', "SELECT EXISTS ($running)") or die 'the victim does not run';
	sleep 0.7;
	my $begin = time;
	answer("SELECT pg_cancel_backend(pid) FROM ($running) victim");
	$victim->finish;
	cmp_ok(time - $begin, '<', 1, 'pg_cancel_backend: within a second');
	like($err, qr/57014/, 'pg_cancel_backend: the statement was cancelled');
}

# Inside one call on one large state. Long names, months to add and amounts of 41 digits
# make a customer slow, which gives time to cancel.
answer(qq{
	CREATE UNLOGGED TABLE large (measure text, state retention_state, written text);
	ALTER TABLE large ALTER state SET STORAGE external, ALTER written SET STORAGE external;
	INSERT INTO large SELECT 'repeat', repeat_rate_state(md5(i::text)) FROM ${\ numbers(1_000_000)};
	INSERT INTO large
	SELECT 'second', second_order_rate_state(i % 1250000, to_timestamp(i), '1 month', '2100-01-01')
	FROM ${\ numbers(2_500_000)};
	INSERT INTO large
	SELECT 'revenue', revenue_retention_state(i / 2, '2024-01-01'::timestamptz + i % 2 * interval '1 day', 1e40 + i,
	                                          '1 day', '2024-01-02')
	FROM ${\ numbers(800_000)};
	UPDATE large SET written = state::text WHERE measure = 'second'});

# and a customer of four million orders, out of order
answer(qq{
	INSERT INTO large
	SELECT 'times', rolling_retention_state(1, to_timestamp(hashint8(i)), '1 month', 1000, '2060-01-01') FROM ${\ numbers(4_000_000)};
	INSERT INTO large
	SELECT 'cohorts', cohort_retention_state(i % 400000, to_timestamp(1e9 + i * 50), i::numeric, 'week', '2060-01-01', 'Europe/Paris')
	FROM ${\ numbers(1_600_000)}});

# baskets and orders of many products, and a visitor who never tires of the cart
answer(qq{
	INSERT INTO large SELECT 'pairs', product_pairs_state(i % 20000, 'product ' || (hashint8(i) & 511), 2) FROM ${\ numbers(400_000)};
	INSERT INTO large
	SELECT 'next', next_products_state(i % 5000, to_timestamp(i / 100000), 'product ' || (hashint8(i) & 511), 2, '2100-01-01') FROM ${\ numbers(400_000)};
	INSERT INTO large
	SELECT unnest('{carts,pending}'::text[]),
	       unnest(ARRAY[carts_state(to_timestamp(hashint8(i) & 268435455), event, product, i::numeric, '1 minute', '10 minutes', '2100-01-01'),
	                    pending_intent_state(to_timestamp(hashint8(i) & 268435455), event, product, i::numeric, '200 years', '1 minute', '1 hour', '2100-01-01')])
	FROM (SELECT i, ('{cart,cart,remove,checkout}'::text[])[1 + i % 4] AS event, 'product ' || i % 1000 AS product FROM ${\ numbers(300_000)}) e});

# customers no two of whom are alike, and some of their days
answer(qq{
	INSERT INTO large
	SELECT n || ' patterns', btyd_state(i % 7, (i % 7) * (i % 1000) / 40.0, 180 + i / 997.0)
	FROM (VALUES (15000), (100000)) v(n), generate_series(1, n) i GROUP BY n;
	INSERT INTO large SELECT 'spends', gamma_gamma_state(1 + i % 7, 10 + (hashint8(i) & 65535) / 977.0) FROM ${\ numbers(300_000)};
	INSERT INTO large
	SELECT 'days ' || year, purchase_days_state(i % 60000, '2022-01-01 00:00+00'::timestamptz + (hashint8(i) & 67108863) * interval '1 second', 5 + i % 90,
	                                            make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC'), 'UTC')
	FROM (VALUES (2023), (2024)) v(year), ${\ numbers(240_000)} GROUP BY year});

my ($repeat, $second, $revenue, $times, $cohorts, $pairs, $next, $carts, $pending, $patterns, $few_patterns, $spends, $days, $days_before) =
  map { "FROM large WHERE measure = '$_'" }
  'repeat', 'second', 'revenue', 'times', 'cohorts', 'pairs', 'next', 'carts', 'pending', '100000 patterns', '15000 patterns', 'spends', 'days 2024', 'days 2023';
foreach (
	[ 'reading second orders', "SELECT second_order_rate(state) $second" ],
	[ 'reading times of orders', "SELECT cardinality(rolling_retention(state)) $times" ],
	[ 'reading cohorts', "SELECT cardinality(cohort_retention(state)) $cohorts" ],
	[ 'merging cohorts', "SELECT state_info(rollup(s)) FROM (SELECT state AS s $cohorts UNION ALL SELECT state $cohorts) two" ],
	[ 'reading pairs of products', "SELECT cardinality(product_pairs(state)) $pairs" ],
	[ 'reading next products', "SELECT cardinality(next_products(state)) $next" ],
	[ 'merging products', "SELECT state_info(rollup(s)) FROM (SELECT state AS s $pairs) one, generate_series(1, 12)" ],
	[ 'reading carts', "SELECT cardinality(carts(state)) $carts" ],
	[ 'reading what is pending', "SELECT (pending_intent(state)).stage $pending" ],
	[ 'reading wide money', "SELECT net_revenue_retention(state) $revenue" ],
	[ 'merging', "SELECT repeat_rate(rollup(s)) FROM (SELECT repeat_rate_state('') AS s UNION ALL SELECT state $repeat) two" ],
	[ 'merging wide money', "SELECT state_info(rollup(s)) FROM (SELECT state AS s $revenue UNION ALL SELECT state $revenue) two" ],
	[ 'fitting BG/NBD', "SELECT (fit_bgnbd(state)).status $patterns" ],
	[ 'fitting MBG/NBD', "SELECT (fit_mbgnbd(state)).status $patterns" ],
	[ 'fitting Pareto/NBD', "SELECT (fit_pareto_nbd(state)).status $few_patterns" ],
	[ 'fitting Gamma-Gamma', "SELECT (fit_gamma_gamma(state)).status $spends" ],
	[ 'predicting', "SELECT count(*) FROM (SELECT state $days) s, predict_customers(state, NULL::bigint)" ],
	[ 'predicting by Pareto/NBD', "SELECT count(*) FROM (SELECT state $days) s, predict_customers(state, NULL::bigint, family => 'pareto_nbd')" ],
	[ 'testing predictions several times', "SELECT count(*) FROM (SELECT state $days) s, backtest_summary(state, '50 days')" ],
	[ 'forecasting', "SELECT count(*) FROM (SELECT state $days) s, forecast(state, '50 days', 'day')" ],
	[ 'testing predictions', "SELECT count(*) FROM (SELECT state $days) s, (SELECT state $days_before) b, backtest(b.state, s.state)" ],
	[ 'writing', "SELECT length(state::text) $revenue" ],
	[ 'receiving', "SELECT state_info(written::retention_state) $second" ])
{
	my ($title, $sql) = @$_;
	my ($whole, $state, $took, $afterwards);

	# Cancelled on the way, it must not run to its end. What looks at nothing before its
	# end never does; what does may need many trials on a machine that stutters.
	foreach my $try (1 .. 30)
	{
		sleep 2 if $try > 4;
		$whole = seconds($sql);
		($state, $took, $afterwards) = cut_short($sql, 0.4 * $whole);
		last if $state eq '57014' && $took < 0.75 * $whole && $took < 0.4 * $whole + 1;
	}
	is("$state $afterwards", '57014 alive|1', "$title: cancelled, and the backend goes on");
	cmp_ok($took, '<', 0.75 * $whole, sprintf('%s: stopped on the way (%.2f of %.2f s)', $title, $took, $whole));
	cmp_ok($took, '<', 0.4 * $whole + 1, "$title: within a second");
}
answer('DROP TABLE large');

# ---------------------------------------------------------------------------
# Memory
# ---------------------------------------------------------------------------
create_orders(20_000, 5_000);
my $plain = '(SELECT * FROM orders WHERE abs(amount) < 1e6 AND length(c_long) < 40) plain';

foreach (states())
{
	my $group = $_->{customer} || 'id';
	my $name = $group eq 'c_long' ? 'length(c_long)' : 0;
	# some keep every order, or every period or day with one
	my $keeps = $_->{call} =~ /^(cohort|lifecycle|rolling|repeat_by|purchase_days|purchase_summary|churn_by_period|signup_retention|gap_survival|mrr_movements|funnel|btyd_state\(c_)/;
	# and one has the names of its groups
	my ($most, $kept) = $keeps ? (400, '48 * count(*)') : $_->{call} =~ /^uplift/ ? (400, 0) : (200, 0);
	# and some the names of products, here of up to 36 bytes
	($most, $kept) = (400, '120 * count(*)') if $_->{call} =~ /product/;
	# and one a record of each period, with as much room again, and what it grew out of
	($most, $kept) = (500, '120 * count(*)') if $_->{call} =~ /^new_vs_returning/;
	my ($largest) = rows(qq{
		SELECT max((state_info(state)).bytes - name - kept), count(*)
		FROM (SELECT $_->{call} AS state, $name AS name, $kept AS kept FROM $plain GROUP BY $group) s});
	cmp_ok($largest->[0], '<=', $most,
		"$_->{call} of one customer, $largest->[1] times: at most $most bytes"
		  . ($keeps ? ', 48 for every order' : $kept ? ', 120 for every line or order' : '') . ($name eq '0' ? '' : ' and a long name'));
}

my $million = numbers(1_000_000);
cmp_ok(answer("SELECT (state_info(repeat_rate_state(i))).bytes FROM $million"), '<=', 24_000_000,
	'repeat_rate of a million customers: at most 24 bytes each');
cmp_ok(answer("SELECT (state_info(aov_state((1 - i % 2 * 2) * 1e40))).bytes FROM ${\ numbers(100_000)}"), '<=', 2000,
	'a sum that passes 36 digits and comes back, 50,000 times, stays small');

# Two years of random orders, ten a customer
my $orders = qq{(SELECT i % 200000 AS c, '2022-01-01'::timestamptz + (hashint8(i) & 67108863) * interval '1 second' AS at,
                round((hashint8(i) & 8191) / 100.0, 2) AS amount FROM ${\ numbers(2_000_000)}) orders};
foreach (
	[ q{cohort_retention_state(c, at, amount, 'month', '2024-06-01', 'UTC')}, 100 ],
	[ q{lifecycle_state(c, at, 'month', '2024-06-01', 'UTC')}, 50 ],
	[ q{rolling_retention_state(c, at, '1 month', 12, '2024-06-01')}, 110 ])
{
	my ($call, $most) = @$_;
	# materialized: from PostgreSQL 16 on a state comes unpacked out of its aggregate
	my $bytes = answer("WITH packed AS MATERIALIZED (SELECT $call AS state FROM $orders) SELECT (state_info(state)).bytes / 200000 FROM packed");
	cmp_ok($bytes, '<=', $most, "$call: $bytes bytes, at most $most, for a customer of ten orders");
}

SKIP:
{
	my $peak = peak_memory_query() or skip 'the system does not tell the memory of a backend', 4;

	# How much the peak memory of a new backend rises with a query, in bytes
	my $rise = sub {
		my ($sql) = @_;
		my @lines = split /\n/, answer("$peak; $sql; $peak");
		return 1024 * ($lines[-1] - $lines[0]);
	};

	cmp_ok($rise->("SELECT repeat_rate(i) FROM $million"), '<', 48_000_000,
		'a backend with a million customers grows by less than 48 MB, all told');
	cmp_ok($rise->("SELECT cohort_retention(c, at, amount, 'month', '2024-06-01', 'UTC') FROM $orders"), '<', 90_000_000,
		'cohorts of 200,000 customers with ten orders take less than 90 MB, all told');
	# Refunds add no customer: their amounts must not wait for one.
	my $refunds = 'customer_value(i % 3000, CASE WHEN i < 3000 THEN 5 ELSE -1e40 END)';
	cmp_ok($rise->("SELECT $refunds FROM $million"), '<', 8_000_000,
		'a million refunds of 41 digits leave nothing behind');
	cmp_ok($rise->(qq{
		SELECT length(revenue_retention_state(i, '2024-01-01', 1e40 + i, '1 day', '2024-01-02')::text)
		FROM ${\ numbers(100_000)}}), '<', 60_000_000,
		'to write 100,000 sums of 41 digits takes memory for their bytes only');
}

# ---------------------------------------------------------------------------
# Time
# ---------------------------------------------------------------------------

# So many rows in so many groups
sub in_groups
{
	my ($call, $rows, $groups) = @_;
	return "SELECT count(result) FROM (SELECT $call AS result FROM ${\ numbers($rows)} GROUP BY i % $groups) g";
}

my $clv = q{clv(i, to_timestamp(i), 5, '1 year', '3 years', '1970-06-01')};
not_quadratic('20,000 and 160,000 groups of one customer',
	in_groups($clv, 20_000, 20_000), in_groups($clv, 160_000, 160_000));
not_quadratic('2,500 and 20,000 groups of 40 customers',
	in_groups('repeat_rate(md5(i::text))', 100_000, 2_500), in_groups('repeat_rate(md5(i::text))', 800_000, 20_000));
not_quadratic('125 and 1,000 groups of 1,500 customers',
	in_groups('repeat_rate(i)', 187_500, 125), in_groups('repeat_rate(i)', 1_500_000, 1_000));

# One customer that many share, with orders out of order; and rows that are none, before and
# between orders that come earlier and earlier
foreach (
	q{cohort_retention(1, t, i, 'month', '2030-01-01', 'UTC')},
	q{cohort_retention(1, t, CASE WHEN i % 50000 = 7 THEN 5 ELSE 0 END, 'month', '2030-01-01', 'UTC')},
	q{cohort_retention(1, t, CASE WHEN i % 50000 = 7 THEN 5 ELSE -1 END, 'month', '2030-01-01', 'UTC')},
	q{cohort_retention(1, to_timestamp(2e9 - i * 1000), CASE i % 3 WHEN 0 THEN 5 WHEN 1 THEN 0 ELSE -0.5 * i END, 'month', '2033-06-01', 'UTC')},
	q{lifecycle(1, t, 'week', '2030-01-01', 'Europe/Paris')},
	q{rolling_retention(1, t, '1 month', 120, '2030-01-01')},
	q{repeat_by_order_number(1, t, 10000, '30 days', '2030-01-01')})
{
	my $call = $_;
	my ($few, $many) = map {
		"SELECT cardinality($call) FROM (SELECT i, to_timestamp(1e9 + (hashint8(i) & 268435455)) AS t FROM ${\ numbers($_)}) orders"
	} 125_000, 1_000_000;
	not_quadratic("125,000 and 1,000,000 orders of one customer: $call", $few, $many);
	cmp_ok(seconds($many), '<', 20, "$call of a million orders of one customer takes seconds");
}

# A sliding window takes rows away as it adds them: as many times the time as there are more rows.
my ($slide, $longer) = map {
	my $rate = 'repeat_rate(i % 5003) OVER (ORDER BY i ROWS 20000 PRECEDING)';
	"SELECT count(r) FROM (SELECT $rate AS r FROM ${\ numbers($_)}) frames"
} 50_000, 400_000;
not_quadratic('50,000 and 400,000 rows of a sliding window', $slide, $longer);

# random() forbids that, so that every frame is added up anew: to the same answers.
foreach my $customer (qw(c_bigint c_short c_long c_uuid))
{
	is(answer(qq{
		SELECT count(*), count(*) FILTER (WHERE moving IS DISTINCT FROM anew), count(DISTINCT anew) > 100
		FROM (SELECT repeat_rate($customer) OVER w AS moving,
		             repeat_rate(CASE WHEN random() < 2 THEN $customer END) OVER w AS anew
		      FROM orders WHERE id <= 3000
		      WINDOW w AS (ORDER BY id ROWS BETWEEN 400 PRECEDING AND 20 FOLLOWING)) frames}),
		'3000|0|t', "sliding over $customer: as if every frame were added up anew");
}

# Each row of a running window keeps the state it got, though the next row changes it.
my $running = q{clv_state(c_long, ordered_at, amount, '1 year', '1 year', '2025-01-01')};
is(answer(qq{
	SELECT count(*), count(*) FILTER (WHERE states[id]::text <> (SELECT $running FROM orders o WHERE o.id <= r.id)::text)
	FROM orders r,
	     (SELECT array_agg(state ORDER BY id)
	      FROM (SELECT id, $running OVER (ORDER BY id) AS state FROM orders WHERE id <= 300) s) a(states)
	WHERE id <= 300}), '300|0', 'the states of a running window are each its own');

# ---------------------------------------------------------------------------
# Beyond 1 GB
# ---------------------------------------------------------------------------
SKIP:
{
	my ($available) = -r '/proc/meminfo' ? slurp_file('/proc/meminfo') =~ /^MemAvailable: +(\d+) kB/m : ();
	skip 'less than 5 GB of memory here', 5 unless ($available // 0) > 5_000_000;

	# So many customers, each with a name of a megabyte
	my $long_names = sub { return "FROM (SELECT repeat('x', 1000000) || i AS name FROM ${\ numbers($_[0])}) names" };

	is(answer("SELECT repeat_rate(name), count(*) ${\ $long_names->(1100)}"), '0|1100', 'a state above 1 GB is read where it is');

	my ($out, $err);
	$node->psql('postgres', qq{
		\\set VERBOSITY verbose
		SELECT repeat_rate_state(name)::text ${\ $long_names->(1100)};
		CREATE TABLE stored AS SELECT repeat_rate_state(name) ${\ $long_names->(1100)};
		SELECT 'alive'}, stdout => \$out, stderr => \$err, on_error_stop => 0);
	my $refused = qr/ERROR:  54000: state of repeat_rate\(customer\) with 1100 customers takes \d{10} bytes,.*HINT:  Split it/s;
	like($err, qr/$refused.*$refused/s, 'it cannot leave the query, neither as text nor stored: 54000');
	is($out, 'alive', 'and the backend goes on');

	# A text of 800 MB is a length that overflows an int when it is multiplied.
	my ($state, undef, $afterwards) = cut_short("SELECT length(repeat_rate_state(name)::text) ${\ $long_names->(600)}", 120);
	like($state, qr/^(54000)?$/, 'the text of a state of 600 MB is written, or refused as too long');
	is($afterwards, 'alive|1', 'and the backend goes on');
}

$node->stop;
done_testing();
