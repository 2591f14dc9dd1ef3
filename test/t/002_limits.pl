# What must not grow: the time until a cancel acts, the memory of a customer, the
# time of many groups and of a sliding window; and what happens beyond 1 GB.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run;
use List::Util qw(min);
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = start_server('limits', q(shared_buffers = '64MB'), q(work_mem = '256MB'), q(max_parallel_workers_per_gather = 0));
my $endless = '(SELECT generate_series(1, 1000000000) AS i) endless';

# Peak memory of the backend that runs it, in kB (Linux).
$node->safe_psql('postgres', q{
	CREATE FUNCTION peak() RETURNS bigint VOLATILE
	RETURN substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s+(\d+)')::bigint});

# ---------------------------------------------------------------------------
# A cancel acts within a second
# ---------------------------------------------------------------------------

# Runs a statement under statement_timeout: the SQLSTATE of its error, the seconds
# it took, and what the same backend says afterwards.
sub cut_short
{
	my ($sql, $timeout) = @_;
	my ($out, $err) = ('', '');

	$node->psql('postgres', qq{
		\\set VERBOSITY sqlstate
		SET statement_timeout = ${\int($timeout * 1000 + 1)};
		\\timing on
		$sql;
		\\timing off
		RESET statement_timeout;
		SELECT 'alive', repeat_rate(i / 2) FROM generate_series(2, 5) i}, stdout => \$out, stderr => \$err, on_error_stop => 0);
	my ($state) = $err =~ /ERROR: +(\w{5})/;
	my ($milliseconds) = $out =~ /^Time: ([\d.]+) ms/m;
	return ($state // '', $milliseconds / 1000, $out =~ /^(alive.*)$/m);
}

# While rows come in. The kinds of customer and of payload differ in their loops.
foreach my $call (
	'repeat_rate(i)',
	'repeat_rate(md5(i::text))',
	q{second_order_rate(md5(i::text)::uuid, to_timestamp(i), '1 month', '2100-01-01')},
	q{net_revenue_retention(i % 300000, to_timestamp(i), i::numeric, '1 month', to_timestamp(1000000))},
	'aov(1e40 + i)')
{
	my ($state, $took, $answer) = cut_short("SELECT $call FROM $endless", 0.7);
	is("$state|$answer", '57014|alive|1', "building $call: cancelled, and the backend goes on");
	cmp_ok($took, '<', 1.7, "building $call: within a second");
}

# By another session.
{
	my ($out, $err) = ('', '');
	my $victim = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr('postgres') . ' application_name=victim', '-c', "SELECT repeat_rate_state(i) FROM $endless" ],
		'>', \$out, '2>', \$err);
	my $running = q{SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active'};

	$node->poll_query_until('postgres', "SELECT EXISTS ($running)") or die 'the victim does not run';
	sleep 0.7;
	my $begin = time;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM ($running) victim");
	$victim->finish;
	cmp_ok(time - $begin, '<', 1, 'pg_cancel_backend: within a second');
	like($err, qr/57014/, 'pg_cancel_backend: the statement was cancelled');
}

# In the middle of one call on one large state. Amounts of more than 36 digits take
# the slow way, which gives time to cancel.
$node->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE large (state retention_state, written text);
	ALTER TABLE large ALTER state SET STORAGE external, ALTER written SET STORAGE external;
	INSERT INTO large
	SELECT revenue_retention_state(i, '2024-01-01'::timestamptz + i % 2 * interval '1 day', 1e40 + i, '1 day', '2024-01-02')
	FROM (SELECT generate_series(1, 500000) AS i) s;
	INSERT INTO large SELECT second_order_rate_state(i % 2000000, to_timestamp(i), '1 month', '2100-01-01') FROM (SELECT generate_series(1, 2500000) AS i) s;
	UPDATE large SET written = state::text WHERE (state_info(state)).measure = 'revenue_retention'});

my $revenue = q{FROM large WHERE (state_info(state)).measure = 'revenue_retention'};
my $second = q{FROM large WHERE (state_info(state)).measure = 'second_order_rate'};
foreach (
	[ 'reading second orders', "SELECT second_order_rate(state) $second" ],
	[ 'reading wide money', "SELECT net_revenue_retention(state) $revenue" ],
	[ 'merging', "SELECT second_order_rate(rollup(s)) FROM (SELECT state AS s $second UNION ALL SELECT state $second) two" ],
	[ 'merging wide money', "SELECT net_revenue_retention(rollup(s)) FROM (SELECT state AS s $revenue UNION ALL SELECT state $revenue) two" ],
	[ 'writing', "SELECT length(state::text) $revenue" ],
	[ 'receiving', 'SELECT (state_info(written::retention_state)).customers FROM large WHERE written IS NOT NULL' ])
{
	my ($title, $sql) = @$_;
	my $whole = min(map { seconds($node, $sql) } 1, 2);
	my ($state, $took, $answer);

	# Cancelled on the way, it must not run to its end. The machine may stutter.
	foreach (1 .. 5)
	{
		($state, $took, $answer) = cut_short($sql, 0.4 * $whole);
		last if $state eq '57014' && $took < 0.75 * $whole;
	}
	is("$state|$answer", '57014|alive|1', "$title: cancelled, and the backend goes on");
	cmp_ok($took, '<', 0.75 * $whole, sprintf('%s: stopped on the way (%.2f of %.2f s)', $title, $took, $whole));
	cmp_ok($took, '<', 0.4 * $whole + 1, "$title: within a second");
}
$node->safe_psql('postgres', 'DROP TABLE large');

# ---------------------------------------------------------------------------
# Memory
# ---------------------------------------------------------------------------
create_orders($node, 20_000, 5_000);
my $plain = '(SELECT * FROM orders WHERE abs(amount) < 1e6 AND length(c_long) < 40) plain';

foreach (states($node))
{
	my $group = $_->{customer} || 'id';
	my $long = $group eq 'c_long';
	my $name = $long ? 'length(c_long)' : 0;
	my ($bytes) = rows($node, "SELECT max((state_info(state)).bytes - name), count(*) FROM (SELECT $_->{call} AS state, $name AS name FROM $plain GROUP BY $group) s");
	cmp_ok($bytes->[0], '<=', 200, "$_->{name} of one customer ($group, $bytes->[1] groups): at most 200 bytes" . ($long ? ' and a long name' : ''));
}

my ($million) = rows($node, "SELECT (state_info(repeat_rate_state(i))).bytes FROM (SELECT generate_series(1, 1000000)::bigint AS i) s");
cmp_ok($million->[0], '<=', 24_000_000, 'repeat_rate of a million customers: at most 24 bytes each');

SKIP:
{
	skip 'no /proc here to ask for the memory of a backend', 3 unless -r '/proc/self/status';

	# How much the peak of a new backend rises with a query, in bytes.
	my $rise = sub {
		my ($sql) = @_;
		my ($before, @rest) = split /\n/, $node->safe_psql('postgres', "SELECT peak(); $sql; SELECT peak()");
		return 1024 * ($rest[-1] - $before);
	};

	cmp_ok($rise->('SELECT repeat_rate(i) FROM (SELECT generate_series(1, 1000000)::bigint AS i) s'), '<', 48_000_000,
		'a backend with a million customers grows by less than 48 MB, all told');
	# Refunds add no customer: their amounts must not pile up until one comes.
	cmp_ok($rise->('SELECT customer_value(i % 3000, CASE WHEN i < 3000 THEN 5 ELSE -1e40 END) FROM (SELECT generate_series(1, 1000000) AS i) s'), '<', 8_000_000,
		'a million refunds of 41 digits leave nothing behind');
	cmp_ok($rise->(q{SELECT length(revenue_retention_state(i, '2024-01-01', 1e40 + i, '1 day', '2024-01-01')::text) FROM (SELECT generate_series(1, 100000)::bigint AS i) s}), '<', 60_000_000,
		'writing 100,000 sums of 41 digits takes memory for their bytes only');
}

my ($flips) = rows($node, 'SELECT (state_info(aov_state(CASE WHEN i % 2 = 0 THEN 1e40 ELSE -1e40 END))).bytes FROM generate_series(1, 100000) i');
cmp_ok($flips->[0], '<=', 2000, 'a sum that passes 36 digits and comes back 50,000 times stays small');

# ---------------------------------------------------------------------------
# Time
# ---------------------------------------------------------------------------

# Four times the groups in far less than sixteen times the time. The best of up to
# three tries counts.
sub not_quadratic
{
	my ($title, $few, $many, $limit) = @_;
	my @best = ('inf', 'inf');

	foreach (1 .. 3)
	{
		@best = (min($best[0], seconds($node, $few)), min($best[1], seconds($node, $many)));
		last if $best[1] / $best[0] < $limit / 1.5;
	}
	cmp_ok($best[1] / $best[0], '<', $limit, sprintf('%s: %.3f and %.3f s', $title, @best));
	return;
}

my $by_customer = q{SELECT count(v) FROM (SELECT clv(i, to_timestamp(i), 5, '1 year', '3 years', '1970-06-01') AS v FROM (SELECT generate_series(1, %d)::bigint AS i) s GROUP BY i) v};
not_quadratic('40,000 and 160,000 groups of one customer', sprintf($by_customer, 40_000), sprintf($by_customer, 160_000), 8);

my $by_shop = q{SELECT count(r) FROM (SELECT repeat_rate(md5(i::text)) AS r FROM (SELECT generate_series(1, %d) AS i) s GROUP BY i %% %d) r};
not_quadratic('5,000 and 20,000 groups of 40 customers', sprintf($by_shop, 200_000, 5_000), sprintf($by_shop, 800_000, 20_000), 8);
my $by_country = q{SELECT count(r) FROM (SELECT repeat_rate(i) AS r FROM (SELECT generate_series(1, %d) AS i) s GROUP BY i %% %d) r};
not_quadratic('250 and 1,000 groups of 1,500 customers', sprintf($by_country, 375_000, 250), sprintf($by_country, 1_500_000, 1_000), 8);

# A sliding window takes rows away as it adds them.
my $sliding = 'SELECT count(r) FROM (SELECT repeat_rate(i %% 5003) OVER (ORDER BY i ROWS 20000 PRECEDING) AS r FROM generate_series(1, %d) i) r';
not_quadratic('100,000 and 200,000 rows of a sliding window', sprintf($sliding, 100_000), sprintf($sliding, 200_000), 4);

# random() forbids that, and every frame is counted anew: the same answers.
foreach my $customer (qw(c_bigint c_short c_long c_uuid))
{
	my $again = "CASE WHEN random() < 2 THEN $customer END";
	is($node->safe_psql('postgres', qq{
		SELECT count(*), count(*) FILTER (WHERE moving IS DISTINCT FROM anew), count(DISTINCT anew) > 100
		FROM (SELECT repeat_rate($customer) OVER w AS moving, repeat_rate($again) OVER w AS anew
		      FROM orders WHERE id <= 3000 WINDOW w AS (ORDER BY id ROWS BETWEEN 400 PRECEDING AND 20 FOLLOWING)) frames}),
		'3000|0|t', "sliding over $customer: as if every frame were counted anew");
}

# ---------------------------------------------------------------------------
# Beyond 1 GB
# ---------------------------------------------------------------------------
SKIP:
{
	my ($available) = -r '/proc/meminfo' ? slurp_file('/proc/meminfo') =~ /^MemAvailable: +(\d+) kB/m : ();
	skip 'less than 5 GB of memory here', 5 unless ($available // 0) > 5_000_000;

	# So many customers with a name of a megabyte each
	my $of = sub { return "FROM (SELECT repeat('x', 1000000) || i AS name FROM generate_series(1, $_[0]) i) s" };

	is($node->safe_psql('postgres', 'SELECT repeat_rate(name), count(*) ' . $of->(1100)), '0|1100', 'a state above 1 GB is read where it is');
	my ($out, $err) = ('', '');
	$node->psql('postgres', '\set VERBOSITY verbose
		SELECT repeat_rate_state(name)::text ' . $of->(1100) . ";
		CREATE TABLE stored AS SELECT repeat_rate_state(name) " . $of->(1100) . ";
		SELECT 'alive'", stdout => \$out, stderr => \$err, on_error_stop => 0);
	like($err, qr/ERROR:  54000: state of repeat_rate\(customer\) with 1100 customers takes \d{10} bytes, more than the 1 GB.*HINT:  Split it with GROUP BY.*ERROR:  54000/s,
		'it cannot leave the query, as text or stored: 54000');
	is($out, 'alive', 'and the backend goes on');

	# 600 MB fit a value, and their text does not fit an int times four.
	my ($state, undef, $answer) = cut_short('CREATE TABLE stored AS SELECT length(repeat_rate_state(name)::text) ' . $of->(600), 60);
	like($state, qr/^(54000)?$/, 'the text of a state of 600 MB: it is written, or refused as too long');
	is($answer, 'alive|1', 'and the backend goes on');
}

$node->stop;
done_testing();
