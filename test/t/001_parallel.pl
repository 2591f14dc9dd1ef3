# Parallel workers, partitions and stored states give the same answers as one
# process, to the last bit: 200,000 orders, every aggregate, every kind of customer.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../lib";
use RetentionTest;
use Test::More;

my $node = start_server('parallel', 'max_worker_processes = 12', 'max_parallel_workers = 8');
my @aggregates = aggregates($node);
my @states = states($node);

# States are compared by their text, but not at that length.
my @calls = map { $_->{is_state} ? "md5($_->{call}::text)" : $_->{call} } @aggregates;

my $serial = 'SET max_parallel_workers_per_gather = 0';
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0';

sub settings_for
{
	my ($workers, $leader) = @_;
	return "$parallel; SET max_parallel_workers_per_gather = $workers; SET parallel_leader_participation = $leader";
}

# The plan as text, with ANALYZE as it came to be.
sub plan_of
{
	my ($settings, $query, $options) = @_;
	return join "\n", map { $_->[0] } rows($node, "$settings; EXPLAIN (COSTS OFF$options) $query");
}

# All aggregates of all rows, by call.
sub answers
{
	my ($settings, $from) = @_;
	return one_row($node, $settings, $from // 'orders', @calls);
}

create_orders($node, 200_000, 20_000);
$node->safe_psql('postgres', 'ALTER TABLE orders SET (parallel_workers = 4)');

cmp_ok(scalar @aggregates, '>', 50, 'the catalogue has aggregates to test');

# ---------------------------------------------------------------------------
# One group
# ---------------------------------------------------------------------------
my $expected = answers($serial);
is((grep { $_ eq 'NULL' } values %$expected), 0, 'every aggregate has an answer for these orders');

# The sums of money went through the wide form, or little is tested below.
is($node->safe_psql('postgres', 'SELECT aov(amount) = sum(amount) / count(*) FILTER (WHERE amount > 0 OR amount IS NULL) FROM orders WHERE amount < 0 OR amount IS NULL OR amount > 1e35 OR scale(amount) > 20 OR amount > 0'),
	't', 'money of 41 digits and 30 decimals is exact');

foreach ([ 1, 'on' ], [ 2, 'off' ], [ 3, 'on' ], [ 4, 'off' ])
{
	my ($workers, $leader) = @$_;
	my $settings = settings_for($workers, $leader);
	my $plan = plan_of($settings, 'SELECT ' . join(', ', @calls) . ' FROM orders', ', ANALYZE, TIMING OFF, SUMMARY OFF');

	like($plan, qr/Partial Aggregate/, "$workers workers, leader $leader: the plan has a partial aggregate");
	like($plan, qr/Workers Launched: $workers\b/, "$workers workers, leader $leader: the workers run");
	is_deeply(answers($settings), $expected, "$workers workers, leader $leader: the same answers");
}

# A worker although it does not pay, as the server's developers test.
my ($forced) = map { $_->[0] } rows($node, q{SELECT name FROM pg_settings WHERE name IN ('debug_parallel_query', 'force_parallel_mode')});
my $generator = q{(SELECT c_bigint, c_short, c_long, c_uuid, ordered_at, amount FROM orders LIMIT 5000) few};
is_deeply(answers("$parallel; SET $forced = regress", $generator), answers($serial, $generator), "$forced: the same answers");

# ---------------------------------------------------------------------------
# Rows in all workers, in some, in none
# ---------------------------------------------------------------------------
# The first pages and the last are read by one process each, so with FILTER on
# them some processes bring a state and others bring none.
foreach (
	[ 'no row', 'false' ],
	[ 'no customer', 'c_bigint IS NULL AND amount > 0 AND amount < 1' ],
	[ 'one row', 'id = 100000' ],
	[ 'the first rows', 'id <= 40' ],
	[ 'the first and the last rows', 'id <= 40 OR id > 199960' ],
	[ 'a tenth of the rows', 'id % 10 = 3' ])
{
	my ($title, $condition) = @$_;
	my @filtered = map { ($_->{is_state} ? 'md5(%s::text)' : '%s') =~ s/%s/$_->{call} FILTER (WHERE $condition)/r } @aggregates;
	my $settings = settings_for(4, 'off');

	like(plan_of($settings, 'SELECT ' . join(', ', @filtered) . ' FROM orders', ''), qr/Partial Aggregate/, "FILTER, $title: partial aggregate");
	is_deeply(one_row($node, $settings, 'orders', @filtered), one_row($node, $serial, 'orders', @filtered), "FILTER, $title: the same answers");
}

# ---------------------------------------------------------------------------
# Many groups
# ---------------------------------------------------------------------------
# The rows of a grouped query as one text.
sub grouped
{
	my ($settings, $table, $group) = @_;
	my $list = join ', ', map { $_->{call} } @aggregates;
	return $node->safe_psql('postgres', "$settings; SELECT md5(string_agg(r::text, ',' ORDER BY r::text)) FROM (SELECT $group, $list FROM $table GROUP BY 1) r");
}

foreach (
	[ "date_trunc('month', ordered_at, 'UTC')", 'a few large groups' ],
	[ 'c_bigint % 2500', 'many small groups' ])
{
	my ($group, $title) = @$_;
	my $settings = settings_for(3, 'on');
	my $list = join ', ', map { $_->{call} } @aggregates;

	like(plan_of($settings, "SELECT $group, $list FROM orders GROUP BY 1", ''), qr/Partial (Hash|Group)Aggregate/, "$title: partial aggregate");
	is(grouped($settings, 'orders', $group), grouped($serial, 'orders', $group), "$title: the same answers");
}

# ---------------------------------------------------------------------------
# Partitions
# ---------------------------------------------------------------------------
$node->safe_psql('postgres', q{
	CREATE TABLE sales (LIKE orders) PARTITION BY LIST (region);
	CREATE UNLOGGED TABLE sales_1 PARTITION OF sales FOR VALUES IN ('region 0', 'region 7', 'region 49');
	CREATE UNLOGGED TABLE sales_2 PARTITION OF sales FOR VALUES IN ('region 1');
	CREATE UNLOGGED TABLE sales_rest PARTITION OF sales DEFAULT;
	INSERT INTO sales SELECT * FROM orders WHERE id % 4 = 0;
	ANALYZE sales});

# By region each partition aggregates for itself; over all, its part of the whole.
my $partitionwise = "$serial; SET enable_partitionwise_aggregate = on";
my $list = join ', ', map { $_->{call} } @aggregates;
unlike(plan_of($partitionwise, "SELECT region, $list FROM sales GROUP BY 1", ''), qr/Partial/, 'by partition key: whole aggregates below Append');
is(grouped($partitionwise, 'sales', 'region'), grouped($serial, 'sales', 'region'), 'by partition key: the same answers');

$serial .= '; SET enable_partitionwise_aggregate = off';
foreach (
	[ 'one process', $partitionwise ],
	[ 'workers', settings_for(3, 'on') . '; SET enable_partitionwise_aggregate = on' ])
{
	my ($title, $settings) = @$_;
	like(plan_of($settings, "SELECT id % 3, $list FROM sales GROUP BY 1", ''), qr/Append.*Partial (Hash|Group)Aggregate/s, "across partitions, $title: partial aggregates below Append");
	is(grouped($settings, 'sales', 'id % 3'), grouped($serial, 'sales', 'id % 3'), "across partitions, $title: the same answers");
}

# ---------------------------------------------------------------------------
# States: one sequence of bytes, however they were made
# ---------------------------------------------------------------------------
my $columns = join ', ', map { "$states[$_]{call} AS s$_" } 0 .. $#states;
my @rollups = map { "md5(rollup(s$_)::text)" } 0 .. $#states;
my $whole = one_row($node, $serial, '(SELECT * FROM orders WHERE id % 4 = 0) o', map { "md5($_->{call}::text)" } @states);

$node->safe_psql('postgres', qq{
	CREATE UNLOGGED TABLE daily AS SELECT ordered_at::date AS day, $columns FROM orders WHERE id % 4 = 0 GROUP BY 1;
	ALTER TABLE daily SET (parallel_workers = 3)});
is($node->safe_psql('postgres', 'SELECT count(*) FROM daily'), '731', 'two years of daily states, and those without a day');

sub same_bytes
{
	my ($settings, $from, $title) = @_;
	my $merged = one_row($node, $settings, $from, @rollups);

	is_deeply([ @$merged{@rollups} ], [ map { $whole->{"md5($_->{call}::text)"} } @states ], "daily states merged $title: the bytes of a state of all rows");
	return;
}

same_bytes($serial, "(SELECT * FROM daily ORDER BY $_->[0]) d", $_->[1])
  foreach ([ 'day', 'forwards' ], [ 'day DESC', 'backwards' ], [ 'md5(day::text)', 'shuffled' ], [ 'md5(day::text || 2)', 'shuffled again' ]);
same_bytes(settings_for(3, 'off'), 'daily', 'by workers');

my $monthly = join ', ', map { "rollup(s$_) AS s$_" } 0 .. $#states;
same_bytes($serial, "(SELECT $monthly FROM daily GROUP BY date_trunc('month', day)) m", 'by month, and the months together');

$node->stop;
done_testing();
