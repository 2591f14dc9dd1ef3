# Parallel workers, partitions and stored states give the same answers as one process,
# to the last bit: every aggregate, for every kind of customer, over 40,000 orders.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RetentionTest;
use Test::More;

my $node = start_server('parallel', 'max_worker_processes = 12', 'max_parallel_workers = 8');
my @aggregates = aggregates();
my @states = states();
cmp_ok(scalar @aggregates, '>', 50, 'the catalogue has aggregates to test');

create_orders(40_000, 4_000);
answer(q{
	ALTER TABLE orders SET (parallel_workers = 4);
	CREATE UNLOGGED TABLE quarter WITH (parallel_workers = 3) AS SELECT * FROM orders WHERE id % 4 = 0;
	CREATE UNLOGGED TABLE few WITH (parallel_workers = 0) AS SELECT * FROM orders WHERE id <= 5000;
	ANALYZE quarter, few});

my $serial = 'SET max_parallel_workers_per_gather = 0';
my $partial = qr/Partial (Hash|Group)?Aggregate/;

# So many workers, with or without the leader's help, whatever it costs
sub parallel
{
	my ($workers, $leader) = @_;
	return "SET max_parallel_workers_per_gather = $workers; SET parallel_leader_participation = $leader;"
	  . 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0';
}

# ---------------------------------------------------------------------------
# One group
# ---------------------------------------------------------------------------

# States are compared by their text, but not at that length.
my @calls = map { $_->{is_long} ? "md5($_->{call}::text)" : $_->{call} } @aggregates;
my $calls = join ', ', @calls;
my $expected = one_row($serial, 'orders', @calls);

is((grep { $_ eq 'NULL' } values %$expected), 0, 'every aggregate has an answer for these orders');
is(answer('SELECT aov(amount) = sum(amount) / count(*) FILTER (WHERE amount > 0 OR amount IS NULL) FROM orders'),
	't', 'sums of 41 digits and 30 decimals are exact');

foreach ([ 1, 'on' ], [ 2, 'off' ], [ 3, 'on' ], [ 4, 'off' ])
{
	my ($workers, $leader) = @$_;
	my $settings = parallel($workers, $leader);
	my $title = "$workers workers, leader $leader";

	like(plan_of($settings, "SELECT $calls FROM orders"), $partial, "$title: the plan is split");
	like(plan_of($settings, 'SELECT repeat_rate(c_bigint) FROM orders', 'ANALYZE'),
		qr/Workers Launched: $workers\b/, "$title: the workers run");
	is_deeply(one_row($settings, 'orders', @calls), $expected, "$title: the same answers");
}

# All of it in one worker, the way the server's developers test
my $forced = answer(q{SELECT name FROM pg_settings WHERE name IN ('debug_parallel_query', 'force_parallel_mode')});
like(plan_of("SET $forced = on", "SELECT $calls FROM few"),
	qr/Gather.*Single Copy.*Aggregate/s, "$forced: one worker does it all");
is_deeply(one_row("SET $forced = on", 'few', @calls), one_row($serial, 'few', @calls), "$forced: the same answers");

# ---------------------------------------------------------------------------
# Rows in all workers, in some, in none
# ---------------------------------------------------------------------------

# A page is read by one process. So with a FILTER on the first pages and the last, some
# processes come with a state and others without.
foreach (
	[ 'no row', 'false' ],
	[ 'no customer', 'c_bigint IS NULL AND amount > 0 AND amount < 1' ],
	[ 'one row', 'id = 20000' ],
	[ 'the first rows', 'id <= 40' ],
	[ 'the first and the last rows', 'id <= 40 OR id > 39960' ],
	[ 'a tenth of the rows', 'id % 10 = 3' ])
{
	my ($title, $condition) = @$_;
	my $settings = parallel(4, 'off');
	my @filtered = map {
		my $call = "$_->{call} FILTER (WHERE $condition)";
		$_->{is_long} ? "md5(($call)::text)" : $call
	} @aggregates;
	my $query = 'SELECT ' . join(', ', @filtered) . ' FROM orders';

	like(plan_of($settings, $query), $partial, "FILTER, $title: the plan is split");
	is_deeply(one_row($settings, 'orders', @filtered), one_row($serial, 'orders', @filtered),
		"FILTER, $title: the same answers");
}

# ---------------------------------------------------------------------------
# Many groups
# ---------------------------------------------------------------------------
my $list = join ', ', map { $_->{call} } @aggregates;

# All rows of all aggregates by group, as one text
sub grouped
{
	my ($settings, $table, $group) = @_;
	return answer("$settings;
		SELECT md5(string_agg(r::text, ',' ORDER BY r::text))
		FROM (SELECT $group, $list FROM $table GROUP BY 1) r");
}

foreach ([ 'month', 'a few large groups' ], [ 'shop', 'many small groups' ])
{
	my ($group, $title) = @$_;
	my $settings = parallel(3, 'on');

	like(plan_of($settings, "SELECT $group, $list FROM quarter GROUP BY 1"), $partial, "$title: the plan is split");
	is(grouped($settings, 'quarter', $group), grouped($serial, 'quarter', $group), "$title: the same answers");
}

# ---------------------------------------------------------------------------
# Partitions
# ---------------------------------------------------------------------------
answer(q{
	CREATE TABLE sales (LIKE orders) PARTITION BY LIST (region);
	CREATE UNLOGGED TABLE sales_1 PARTITION OF sales FOR VALUES IN ('region 0', 'region 7', 'region 49');
	CREATE UNLOGGED TABLE sales_2 PARTITION OF sales FOR VALUES IN ('region 1');
	CREATE UNLOGGED TABLE sales_rest PARTITION OF sales DEFAULT;
	INSERT INTO sales SELECT * FROM quarter;
	ANALYZE sales});
my $partitionwise = 'SET enable_partitionwise_aggregate = on';

unlike(plan_of("$serial; $partitionwise", "SELECT region, $list FROM sales GROUP BY 1"),
	qr/Partial/, 'by the key of the partitions: each has whole groups');
is(grouped("$serial; $partitionwise", 'sales', 'region'), grouped($serial, 'sales', 'region'),
	'by the key of the partitions: the same answers');

foreach ([ 'one process', $serial ], [ 'workers', parallel(3, 'on') ])
{
	my ($title, $settings) = @$_;

	like(plan_of("$settings; $partitionwise", "SELECT month, $list FROM sales GROUP BY 1"),
		qr/Append.*$partial/s, "across partitions, $title: each has parts of groups");
	is(grouped("$settings; $partitionwise", 'sales', 'month'), grouped($serial, 'sales', 'month'),
		"across partitions, $title: the same answers");
}

# ---------------------------------------------------------------------------
# States: one sequence of bytes, however they were made
# ---------------------------------------------------------------------------
my @numbers = 0 .. $#states;
my @rollups = map { "md5(rollup(s$_)::text)" } @numbers;
my $built = join ', ', map { "$states[$_]{call} AS s$_" } @numbers;
my $merged = join ', ', map { "rollup(s$_) AS s$_" } @numbers;
my @texts = map { "md5($_->{call}::text)" } @states;
my $whole = one_row($serial, 'quarter', @texts);

answer(qq{
	CREATE UNLOGGED TABLE daily AS SELECT day, $built FROM quarter GROUP BY day;
	ALTER TABLE daily SET (parallel_workers = 3)});
is(answer('SELECT count(*) FROM daily'), '731', 'there are two years of daily states, and those without a day');

foreach (
	[ 'forwards', $serial, '(SELECT * FROM daily ORDER BY day) d' ],
	[ 'backwards', $serial, '(SELECT * FROM daily ORDER BY day DESC) d' ],
	[ 'shuffled', $serial, '(SELECT * FROM daily ORDER BY md5(day::text)) d' ],
	[ 'shuffled again', $serial, '(SELECT * FROM daily ORDER BY md5(day::text || 2)) d' ],
	[ 'by workers', parallel(3, 'off'), 'daily' ],
	[ 'by month, then together', $serial, "(SELECT $merged FROM daily GROUP BY date_trunc('month', day)) m" ],
	[ 'from new states that passed a sort', $serial, "(SELECT $built FROM quarter GROUP BY month ORDER BY count(*) OFFSET 0) m" ])
{
	my ($title, $settings, $from) = @$_;
	my $got = one_row($settings, $from, @rollups);

	is_deeply([ @$got{@rollups} ], [ @$whole{@texts} ], "merged $title: the bytes of a state of all rows");
}

# A sum is written in one way, whether it grew to 36 digits or fell to them from 41.
my ($ascending, @others) = map {
	answer(qq{
		SELECT aov_state(amount ORDER BY $_)
		FROM (SELECT 99999999999999999999999999999999.99 FROM generate_series(1, 50)
		      UNION ALL SELECT 1e40 UNION ALL SELECT -1e40) a(amount)})
} 'amount', 'abs(amount)', 'abs(amount) DESC';
is_deeply(\@others, [ $ascending, $ascending ], 'a sum of 36 digits: the same bytes, by whatever way');

$node->stop;
done_testing();
