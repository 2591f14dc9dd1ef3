# States larger than the memory the server lets a hash table have: they go to temporary
# files, the answers stay exact, and nothing is left behind.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $node = start_server('spill', 'max_parallel_workers_per_gather = 0', 'log_temp_files = 0',
	'max_worker_processes = 8');

create_orders(150_000, 150_000);
answer('CREATE TABLE few AS SELECT * FROM orders WHERE id % 40 = 0; ANALYZE few');

# The least memory a state has is 2 MB, whatever the settings say.
my $large = q(SET work_mem = '1GB');
my $small = q(SET work_mem = '64kB');

# What a query reads and writes of temporary files, in blocks: -1 if it says nothing of it
sub temp_written
{
	my ($settings, $query) = @_;
	my $plan = plan_of($settings, $query, 'ANALYZE', 'BUFFERS', 'TIMING OFF', 'SUMMARY OFF');
	return $plan =~ /temp (?:read=\d+ )?written=(\d+)/ ? $1 : 0;
}

sub temporary_files
{
	return answer('SELECT count(*) FROM pg_ls_tmpdir()');
}

# ---------------------------------------------------------------------------
# Every aggregate, every kind of customer
# ---------------------------------------------------------------------------
my @calls = map { $_->{is_long} || $_->{is_rows} ? "md5($_->{call}::text)" : $_->{call} } aggregates();
my $expected = one_row($large, 'orders', @calls);

foreach my $call (@calls)
{
	is(answer("$small; SELECT coalesce(($call)::text, 'NULL') FROM orders"), $expected->{$call}, "$call: the same with little memory");
}
is_deeply(one_row($small, 'orders', @calls), $expected, 'all in one query');

foreach my $call ('repeat_rate(c_bigint)', 'repeat_rate(c_uuid)', 'repeat_rate(c_long)', q{lifecycle(c_short, ordered_at, 'day', '2024-07-01', 'UTC')})
{
	cmp_ok(temp_written($small, "SELECT $call FROM orders"), '>', 0, "$call: files are used");
	is(temp_written($large, "SELECT $call FROM orders"), 0, "$call: not with enough memory");
	is(temp_written($small, "SELECT $call FROM few"), 0, "$call: nor for few customers");
}

# ---------------------------------------------------------------------------
# Every way a state can go
# ---------------------------------------------------------------------------
foreach (
	[ 'groups, hashed', 'SET enable_sort = off', 'SELECT shop % 3, repeat_rate(c_bigint), clv(c_text, ordered_at, amount, $$1 year$$, $$2 years$$, $$2024-07-01$$) FROM (SELECT *, c_long AS c_text FROM orders) o GROUP BY 1 ORDER BY 1' ],
	[ 'groups, sorted', 'SET enable_hashagg = off', 'SELECT shop % 3, repeat_rate(c_uuid), md5(lifecycle(c_bigint, ordered_at, $$month$$, $$2024-07-01$$, $$UTC$$)::text) FROM orders GROUP BY 1 ORDER BY 1' ],
	[ 'grouping sets', '', 'SELECT shop % 2, month, repeat_rate(c_short) FROM orders GROUP BY GROUPING SETS ((), (shop % 2), (month)) ORDER BY 1, 2' ],
	[ 'a state in a query', '', 'SELECT repeat_rate(s), md5(s::text), (state_info(s)).customers FROM (SELECT repeat_rate_state(c_bigint) AS s FROM orders) q' ],
	[ 'states merged', '', 'SELECT churn_rate(rollup(s)), md5(rollup(s)::text) FROM (SELECT shop % 3, churn_rate_state(c_long, ordered_at, $$60 days$$, $$2023-12-01$$, $$2024-03-01$$) AS s FROM orders GROUP BY 1) q' ],
	[ 'a large state merged into a small one, and a small one into it', '', join(' UNION ALL ', map { "SELECT repeat_rate(rollup(s ORDER BY n)), md5(rollup(s ORDER BY n)::text), max((state_info(s)).customers) FROM (SELECT (id > 20) = $_ AS n, repeat_rate_state(c_uuid) AS s FROM orders GROUP BY 1) q" } 'true', 'false') ],
	[ 'a query run again for each row', '', 'SELECT i, r FROM generate_series(1, 3) i, LATERAL (SELECT repeat_rate(c_bigint) AS r FROM orders WHERE id % 3 <> i) q ORDER BY 1' ],
	[ 'DISTINCT and ORDER BY', '', 'SELECT repeat_rate(DISTINCT c_bigint), repeat_rate(c_bigint ORDER BY ordered_at DESC) FROM orders' ],
	[ 'FILTER', '', 'SELECT repeat_rate(c_bigint) FILTER (WHERE amount > 0), repeat_rate(c_bigint) FILTER (WHERE false) FROM orders' ],
	[ 'a window', '', 'SELECT max(r), count(r) FROM (SELECT repeat_rate(c_bigint) OVER () AS r FROM few) q' ],
	[ 'two workers', 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0', 'SELECT repeat_rate(c_uuid), md5(purchases_state(c_long, ordered_at, amount, $$2024-07-01$$)::text) FROM orders' ],
	[ 'rfm_segments', '', q(SELECT count(*), md5(string_agg(x::text, '' ORDER BY x::text COLLATE "C")) FROM rfm_segments(NULL::text, 'orders', 'c_long', 'ordered_at', 'amount', '2024-07-01') x) ],
	[ 'rfm_transitions', '', q(SELECT count(*), md5(string_agg(x::text, '' ORDER BY x::text COLLATE "C")) FROM rfm_transitions(NULL::bigint, 'orders', 'c_bigint', 'ordered_at', 'amount', '2023-07-01', '2024-07-01') x) ],
	[ 'rfm_breaks', '', q(SELECT count(*), md5(string_agg(x::text, '' ORDER BY x::text COLLATE "C")) FROM rfm_breaks(NULL::uuid, 'orders', 'c_uuid', 'ordered_at', 'amount', '2024-07-01') x) ],
	[ 'segment_summary', '', q(SELECT count(*), md5(string_agg(x::text, '' ORDER BY x::text COLLATE "C")) FROM segment_summary(NULL::bigint, 'orders', 'c_bigint', 'ordered_at', 'amount', '2024-07-01') x) ],
	[ 'hero_buyers', '', q(SELECT count(*), md5(string_agg(x::text, '' ORDER BY x::text COLLATE "C")) FROM hero_buyers(NULL::text, 'orders', 'c_short', 'ordered_at', 'amount', 0.5, '2024-07-01') x) ],
	[ 'predict_customers', 'SET client_min_messages = warning', q(SELECT count(*), md5(string_agg(x::text, '' ORDER BY x::text COLLATE "C")) FROM predict_customers(NULL::bigint, 'orders', 'c_bigint', 'ordered_at', 'amount', as_of => '2024-07-01') x) ],
	[ 'backtest', 'SET client_min_messages = warning', q(SELECT count(*), md5(string_agg(x::text, '' ORDER BY x::text COLLATE "C")) FROM backtest(NULL::text, 'orders', 'c_long', 'ordered_at', 'amount', '2024-01-01', '2024-07-01') x) ],
	[ 'retention_check', '', q(SELECT md5(string_agg(x::text, '')) FROM retention_check('orders', 'c_bigint', 'ordered_at', 'amount', as_of => '2024-07-01') x) ])
{
	my ($title, $settings, $query) = @$_;

	is(answer("$small; $settings; $query"), answer("$large; $settings; $query"), "$title: the same with little memory");
}

# However many parts there are, reading them all is not much more than reading all at once:
# eighteen times as much where each was read in the slots of all.
my $merged = q{SELECT (state_info(rollup(s ORDER BY n DESC))).customers
	FROM (SELECT n, repeat_rate_state(i) AS s FROM (VALUES (1, 10), (2, 1000000)) v(n, most), generate_series(1, most) i GROUP BY n) q};
my ($at_once, $in_parts) = map { processor_seconds("$_; $merged") } $large, $small;
cmp_ok($in_parts, '<', 6 * $at_once + 1, sprintf('a table of many parts: %.1f s, at once %.1f s', $in_parts, $at_once));

# ---------------------------------------------------------------------------
# Memory, and what is left behind
# ---------------------------------------------------------------------------
SKIP:
{
	my $peak = peak_memory_query();
	skip 'the system does not tell the peak of memory', 2 unless $peak;

	foreach ([ '4MB', 8 ], [ '16MB', 32 ])
	{
		my ($work_mem, $limit) = @$_;
		my ($before, $after) = split /\n/, answer(qq{SET work_mem = '$work_mem';
			SELECT repeat_rate(i) IS NULL FROM generate_series(1, 10) i \\g $PostgreSQL::Test::Utils::tmp_check/warm
			$peak;
			SELECT repeat_rate(i * 1000003) FROM (SELECT generate_series(1, 4000000)::bigint AS i) n \\g $PostgreSQL::Test::Utils::tmp_check/warm
			$peak});
		cmp_ok(($after - $before) / 1024, '<', 1.5 * $limit + 4,
			"work_mem $work_mem: 4 million customers in " . int(($after - $before) / 1024) . " MB, of $limit allowed");
	}
}

# A cancel, an error, a caught error, the end of a cursor, a limit on temporary files
{
	my $query = 'SELECT repeat_rate(c_bigint), 1 / (count(*) - 150000) FROM orders';

	is(outcome("$small; SET statement_timeout = 60; SELECT repeat_rate(i) FROM (SELECT generate_series(1, 100000000)::bigint AS i) n"), '57014', 'a cancel while files are written');
	is(outcome("$small; $query"), '22012', 'an error after the result');
	is(outcome("$small; SET temp_file_limit = '512kB'; SELECT repeat_rate(c_bigint) FROM orders"), '53400', 'temp_file_limit holds');
	is(answer(qq{$small;
		DO \$\$ BEGIN
			FOR i IN 1 .. 3 LOOP
				BEGIN
					PERFORM repeat_rate(c_bigint), 1 / (count(*) - 150000) FROM orders;
				EXCEPTION WHEN division_by_zero THEN
					PERFORM repeat_rate(c_uuid) FROM orders;
				END;
			END LOOP;
		END \$\$;
		SELECT repeat_rate(c_bigint) IS NOT NULL FROM orders}), 't', 'a caught error, again and again');
	is(answer(qq{$small; BEGIN;
		DECLARE c CURSOR FOR SELECT shop % 3, repeat_rate(c_bigint) FROM orders GROUP BY 1;
		\\o $PostgreSQL::Test::Utils::tmp_check/rows
		FETCH 1 FROM c;
		\\o
		CLOSE c; COMMIT; SELECT 'closed'}), 'closed', 'a cursor closed early');
	is(temporary_files(), 0, 'no temporary file is left');
	unlike(slurp_file($node->logfile), qr/leak|PANIC|TRAP|server process .* was terminated/, 'the server has nothing to say');
}

done_testing();
