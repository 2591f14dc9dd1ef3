# Sealed states where customers are apart: hash partitions with parallel workers, and shards
# on other databases. The answers are those of one table, and what crosses the wire does not
# grow with the customers.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RetentionTest;
use Test::More;

my $node = start_server('seal', 'max_worker_processes = 8', 'max_parallel_workers = 8');

create_orders(60_000, 9_000);

# What an orders table is asked, and what reads the sealed states
my %rows = map { $_ => 1 } qw(cohort_retention lifecycle churn_by_period new_vs_returning rolling_retention repeat_by_order_number uplift);
my @asked = (
	[ 'repeat_rate', '%s' ],
	[ 'second_order_rate', q(%s, ordered_at, '60 days'::interval, '2024-07-01 00:00+00'::timestamptz) ],
	[ 'churn_rate', q(%s, ordered_at, '90 days'::interval, '2023-12-01 00:00+00'::timestamptz, '2024-03-01 00:00+00'::timestamptz) ],
	[ 'inactive_rate', q(%s, ordered_at, '90 days'::interval, '2024-07-01 00:00+00'::timestamptz) ],
	[ 'net_revenue_retention', q(%s, ordered_at, amount, '6 months'::interval, '2024-07-01 00:00+00'::timestamptz), 'revenue_retention' ],
	[ 'customer_value', '%s, amount' ],
	[ 'clv', q(%s, ordered_at, amount, '1 year'::interval, '3 years'::interval, '2024-07-01 00:00+00'::timestamptz) ],
	[ 'cohort_retention', q(%s, ordered_at, amount, 'month', '2024-07-01 00:00+00'::timestamptz, 'UTC') ],
	[ 'lifecycle', q(%s, ordered_at, 'week', '2024-07-01 00:00+00'::timestamptz, 'Europe/Berlin') ],
	[ 'churn_by_period', q(%s, ordered_at, '60 days'::interval, 'month', '2024-07-01 00:00+00'::timestamptz, 'UTC') ],
	[ 'new_vs_returning', q(%s, ordered_at, amount, 'month', '2024-07-01 00:00+00'::timestamptz, 'UTC') ],
	[ 'rolling_retention', q(%s, ordered_at, '1 month'::interval, 12, '2024-07-01 00:00+00'::timestamptz) ],
	[ 'uplift', q(%s, left(region, 8), '2024-03-01 00:00+00'::timestamptz, ordered_at, amount, 'region 1', '60 days'::interval, '90 days'::interval, '2024-07-01 00:00+00'::timestamptz) ],
	[ 'repeat_by_order_number', q(%s, date_trunc('day', ordered_at, 'UTC'), 6, '2024-07-01 00:00+00'::timestamptz) ]);

# reader, state and arguments for that customer
sub call { my ($asked, $customer) = @_; return ($asked->[0], ($asked->[2] // $asked->[0]) . '_state(' . sprintf($asked->[1], $customer) . ')'); }

# ---------------------------------------------------------------------------
# Eight hash partitions, with and without workers
# ---------------------------------------------------------------------------
foreach my $customer ('c_bigint', 'c_long', 'c_uuid')
{
	answer(join ';', "CREATE TABLE parts_$customer (LIKE orders) PARTITION BY HASH ($customer)",
		(map { "CREATE TABLE parts_${customer}_$_ PARTITION OF parts_$customer FOR VALUES WITH (MODULUS 8, REMAINDER $_)" } 0 .. 7),
		"INSERT INTO parts_$customer SELECT * FROM orders", "ANALYZE parts_$customer");
}
my $apart = 'SET enable_partitionwise_aggregate = on; SET enable_partitionwise_join = on';
my $serial = "$apart; SET max_parallel_workers_per_gather = 0";
my $workers = "$apart; SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0";

# a state for each customer, sealed where it is built
sub pushed_down
{
	my ($asked, $customer, $table) = @_;
	my ($reader, $state) = call($asked, $customer);
	return "SELECT $reader(rollup(seal(s))) FROM (SELECT $customer, $state AS s FROM $table GROUP BY $customer) q";
}

foreach my $customer ('c_bigint', 'c_long', 'c_uuid')
{
	my @expected = map { my ($reader, $state) = call($_, $customer); answer("SELECT $reader($state) FROM orders WHERE $customer IS NOT NULL") } @asked;
	my @pushed = map { pushed_down($_, $customer, "parts_$customer") } @asked;

	is_deeply([ map { answer("$serial; $_") } @pushed ], \@expected, "$customer: eight partitions, one process");
	is_deeply([ map { answer("$workers; $_") } @pushed ], \@expected, "$customer: eight partitions, two workers");
}
like(plan_of($workers, pushed_down($asked[2], 'c_bigint', 'parts_c_bigint')),
	qr/Finalize Aggregate.*Gather.*Partial Aggregate.*Append/s, 'workers seal and add up what they have');

# a state for each partition
is_deeply(
	[ map { my ($reader, $state) = call($_, 'c_uuid'); answer("SELECT $reader(rollup(seal(s))) FROM (SELECT tableoid, $state AS s FROM parts_c_uuid GROUP BY tableoid) q") } @asked ],
	[ map { my ($reader, $state) = call($_, 'c_uuid'); answer("SELECT $reader($state) FROM orders") } @asked ],
	'a sealed state for each partition');

# ---------------------------------------------------------------------------
# Two other databases
# ---------------------------------------------------------------------------
SKIP:
{
	skip 'postgres_fdw is not installed here', 1 if !answer(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'});
	answer(q{CREATE EXTENSION postgres_fdw; CREATE TABLE sharded (shard int, LIKE orders) PARTITION BY LIST (shard)});
	foreach my $shard (0, 1)
	{
		answer("CREATE DATABASE shard_$shard");
		answer('CREATE EXTENSION retention; CREATE TABLE shard_orders (shard int, id bigint)', "shard_$shard");
	}
	my $columns = answer(q{SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0});
	foreach my $shard (0, 1)
	{
		answer("DROP TABLE shard_orders; CREATE TABLE shard_orders (shard int, $columns)", "shard_$shard");
		answer(qq{
			CREATE SERVER shard_$shard FOREIGN DATA WRAPPER postgres_fdw
				OPTIONS (host '${\ $node->host}', port '${\ $node->port}', dbname 'shard_$shard', extensions 'retention');
			CREATE USER MAPPING FOR CURRENT_USER SERVER shard_$shard;
			CREATE FOREIGN TABLE sharded_$shard PARTITION OF sharded FOR VALUES IN ($shard) SERVER shard_$shard OPTIONS (table_name 'shard_orders')});
	}
	my $fill = 'INSERT INTO sharded SELECT abs(hashint8(c_bigint)) % 2, * FROM orders WHERE c_bigint IS NOT NULL';

	# what of a shard comes over: its sealed state
	my $sealed = sub {
		my ($asked) = @_;
		my ($reader, $state) = call($asked, 'c_bigint');
		return ($reader, "SELECT shard, seal($state) AS s FROM sharded GROUP BY shard");
	};
	my $bytes = sub { return answer("$serial; " . join ' UNION ALL ', map { my (undef, $shards) = $sealed->($_); "SELECT max(length(retention_state_send(s))) FROM ($shards) q" } @asked); };

	answer("$fill AND c_bigint % 10 = 0; ANALYZE sharded");
	my @few = split /\n/, $bytes->();
	answer("$fill AND c_bigint % 10 <> 0; ANALYZE sharded");
	my @many = split /\n/, $bytes->();

	foreach my $place (0 .. $#asked)
	{
		my ($reader, $shards) = $sealed->($asked[$place]);
		my ($name, $state) = call($asked[$place], 'c_bigint');

		is(answer("$serial; SELECT $reader(rollup(s)) FROM ($shards) q"), answer("SELECT $name($state) FROM orders WHERE c_bigint IS NOT NULL"),
			"$name: two databases give the answer of one table");
		cmp_ok($many[$place], '<=', $rows{$name} ? 1024 * 1024 : 64 * 1024, "$name: what comes over is small");
		next if $rows{$name};
		# a sum has more digits of more customers, and no more than that
		cmp_ok($many[$place], '<=', $few[$place] + 16, "$name: and as large of ten times the customers");
	}
	is(() = plan_of($serial, 'SELECT churn_rate(rollup(s)) FROM (' . ($sealed->($asked[2]))[1] . ') q', 'VERBOSE') =~ /Remote SQL: SELECT shard, public\.seal\(public\.churn_rate_state\(/g, 2,
		'each database seals its own');

	# with text options and no text column the rows would come over: a view over there seals first
	my ($triangle) = grep { $_->[0] eq 'cohort_retention' } @asked;
	my ($reader, $state) = call($triangle, 'c_bigint');

	unlike(plan_of($serial, ($sealed->($triangle))[1], 'VERBOSE'), qr/Relations: Aggregate/, 'postgres_fdw keeps text options here');
	foreach my $shard (0, 1)
	{
		answer("CREATE VIEW triangle AS SELECT seal($state) AS s FROM shard_orders", "shard_$shard");
		answer("CREATE FOREIGN TABLE triangle_$shard (s retention_state) SERVER shard_$shard OPTIONS (table_name 'triangle')");
	}
	my $of_views = "SELECT $reader(rollup(s)) FROM (SELECT s FROM triangle_0 UNION ALL SELECT s FROM triangle_1) q";
	is(answer($of_views), answer("SELECT $reader($state) FROM orders WHERE c_bigint IS NOT NULL"), 'views over there give the answer of one table');
	is(() = plan_of($serial, $of_views, 'VERBOSE') =~ /Remote SQL: SELECT s FROM public\.triangle$/mg, 2, 'of which the sealed states alone come over');
}

$node->stop;
done_testing();
