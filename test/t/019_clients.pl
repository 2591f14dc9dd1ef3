# What clients other than psql make of the results: ODBC, with statements that the server
# prepares and that it does not, with cursors, and wrapped as BI tools wrap queries; and
# the lines for pg_cron in the pages, by pg_cron. Each part is skipped where its packages
# are missing: unixodbc, odbc-postgresql, libdbd-odbc-perl; postgresql-NN-cron.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my ($driver) = grep { -r } glob '/usr/lib/*/odbc/psqlodbcw.so';
my $has_odbc = $driver && eval { require DBI; require DBD::ODBC; 1 };
my ($libraries) = run_command([ 'pg_config', '--pkglibdir' ]);
my $has_cron = -r "$libraries/pg_cron.so";

my $node = start_server('clients', $has_cron ? ("shared_preload_libraries = 'pg_cron'", "cron.database_name = 'postgres'", 'cron.use_background_workers = on', 'max_worker_processes = 20') : ());
create_orders(3000, 400);

# Table functions and what they are asked for, with columns of every type
my $from = q{'orders', '%s', 'ordered_at', 'amount'};
my %from = map { $_ => sprintf $from, $_ } qw(c_bigint c_long c_uuid);
my @queries = (
	(map { $_->{is_rows} ? "SELECT * FROM unnest((SELECT $_->{call} FROM orders))" : "SELECT ($_->{call}) AS answer FROM orders" }
		grep { !$_->{is_long} && $_->{customer} =~ /^(?:c_bigint)?$/ } aggregates()),
	"SELECT * FROM rfm_segments(NULL::bigint, $from{c_bigint}, '2024-07-01')",
	"SELECT * FROM rfm_segments(NULL::text, $from{c_long}, '2024-07-01')",
	"SELECT * FROM rfm_segments(NULL::uuid, $from{c_uuid}, '2024-07-01')",
	"SELECT * FROM hero_buyers(NULL::uuid, $from{c_uuid}, 0.5, '2024-07-01')",
	"SELECT * FROM segment_summary(NULL::bigint, $from{c_bigint}, '2024-07-01')",
	"SELECT * FROM predict_customers(NULL::bigint, $from{c_bigint}, as_of => '2024-07-01')",
	"SELECT * FROM backtest(NULL::bigint, $from{c_bigint}, '2024-01-01', '2024-07-01')",
	"SELECT * FROM survival_curve((SELECT repeat_survival(c_bigint, ordered_at, '2024-07-01') FROM orders))",
	"SELECT * FROM retention_check($from{c_bigint}, as_of => '2026-01-01')",
	"SELECT * FROM rate_ci(8, 1000)");

# The types of a query's columns, from the server
sub types_of
{
	my ($query) = @_;

	return map { $_->[1] } rows("$query \\gdesc");
}

# Values as any client may write them: a moment, a number, and true are what they are.
sub plain
{
	my ($type, $value) = @_;

	return '' if !defined $value || $value eq '';
	return $value =~ /^[t1]/ ? 1 : 0 if $type eq 'boolean';
	return $value =~ s/\+00$//r =~ s/(\.\d*?)0+$/$1/r =~ s/\.$//r if $type =~ /^timestamp/;
	return sprintf '%.12g', $value if $type eq 'double precision';
	return lc $value if $type eq 'uuid';
	return $value;
}

sub plain_rows
{
	my ($types, @rows) = @_;

	return map {
		my $row = $_;
		join '|', map { plain($types->[$_], $row->[$_]) } 0 .. $#$types
	} @rows;
}

# ---------------------------------------------------------------------------
# ODBC
# ---------------------------------------------------------------------------
sub connect_odbc
{
	my (@options) = @_;
	my $where = join ';', "Driver=$driver", 'Server=' . $node->host, 'Port=' . $node->port, 'Database=postgres', 'UID=' . getpwuid($<),
	  'BoolsAsChar=1', 'TextAsLongVarchar=1', 'UnknownsAsLongVarchar=1', 'MaxLongVarcharSize=1000000', 'MaxVarcharSize=8000', @options;

	return DBI->connect("dbi:ODBC:$where", '', '',
		{ RaiseError => 1, PrintError => 0, LongReadLen => 1_000_000, odbc_ignore_named_placeholders => 1 });
}

# What psql has of each
my (%types, %expected);

sub ask_psql
{
	foreach my $query (@queries)
	{
		$types{$query} = [ types_of($query) ];
		$expected{$query} = [ plain_rows($types{$query}, rows($query)) ];
	}
	return;
}

# The rows of a query as a BI tool asks for it: first for its columns
sub wrapped
{
	my ($odbc, $query, $columns) = @_;
	my $first = $odbc->prepare("SELECT * FROM ($query) AS wrapped LIMIT 0");
	my $all = $odbc->prepare("SELECT * FROM ($query) AS wrapped");

	$first->execute;
	die "$first->{NUM_OF_FIELDS} columns, not $columns\n" if $first->{NUM_OF_FIELDS} != $columns;
	die "LIMIT 0 has rows\n" if @{ $first->fetchall_arrayref };
	$all->execute;
	return @{ $all->fetchall_arrayref };
}

# The rows of a query, some at a time
sub by_cursor
{
	my ($odbc, $query) = @_;
	my @rows;

	$odbc->begin_work;
	$odbc->do("DECLARE rows CURSOR FOR $query");
	while (my @some = @{ $odbc->selectall_arrayref('FETCH 40 FROM rows') })
	{
		push @rows, @some;
	}
	$odbc->commit;
	return @rows;
}

SKIP: {
	skip 'ODBC: unixodbc, odbc-postgresql or libdbd-odbc-perl is not installed', 1 unless $has_odbc;

	ask_psql();
	foreach my $way ([ 'prepared by the server', 'UseServerSidePrepare=1', \&wrapped ], [ 'as it comes', 'UseServerSidePrepare=0', \&wrapped ],
		[ 'with a cursor', 'UseServerSidePrepare=0', \&by_cursor ])
	{
		my ($name, $option, $fetch) = @$way;
		my $odbc = connect_odbc($option);
		my @wrong;

		$odbc->do(q{SET timezone = 'UTC'});
		foreach my $query (@queries)
		{
			my @types = @{ $types{$query} };
			my @expected = @{ $expected{$query} };
			my @got = eval { plain_rows(\@types, $fetch->($odbc, $query, scalar @types)) };

			push @wrong, "$query: $@" if $@;
			next if $@ || "@got" eq "@expected";
			my ($first) = grep { ($got[$_] // '') ne ($expected[$_] // '') } 0 .. ($#got > $#expected ? $#got : $#expected);
			push @wrong, "$query: " . ($got[$first] // 'nothing') . ' is not ' . ($expected[$first] // 'nothing');
		}
		is_deeply(\@wrong, [], "ODBC, $name: queries answer as psql has them");
		$odbc->disconnect;
	}

	# A parameter has no type of its own until the server finds one.
	my $odbc = connect_odbc('UseServerSidePrepare=1');
	foreach (
		[ 'threshold_score(CAST(? AS numeric), CAST(? AS numeric[]))', '150', '{100,200}' ],
		[ 'rfm_segment(?)', '555' ],
		[ 'hash_share(?, ?)', 'someone', 'salt' ],
		[ 'rate_ci(CAST(? AS bigint), CAST(? AS bigint))', '8', '1000' ],
		[ 'clv_net(CAST(? AS float8), CAST(? AS float8), CAST(? AS float8), CAST(? AS float8))', '40', '3', '0.5', '0.1' ])
	{
		my ($call, @values) = @$_;
		my ($got) = $odbc->selectrow_array("SELECT CAST($call AS text)", undef, @values);
		my $n = 0;
		is($got, answer('SELECT (' . $call =~ s/\?/"'" . $values[$n++] . "'"/ger . ')::text'), "ODBC, with parameters: $call");
	}
	my ($got) = $odbc->selectrow_array(q{SELECT repeat_rate(c_bigint, ordered_at, CAST(? AS interval), CAST(? AS timestamptz)) FROM orders WHERE shop > ?}, undef,
		'30 days', '2024-07-01', 100);
	is(0 + $got, 0 + answer(q{SELECT repeat_rate(c_bigint, ordered_at, '30 days', '2024-07-01') FROM orders WHERE shop > 100}), 'ODBC: an aggregate with parameters');
	($got) = $odbc->selectrow_array('SELECT threshold_score(?, ?)', undef, '9', '{100,200}');
	is($got, 1, 'ODBC: parameters without a type are compared as numbers, not as texts');
	$odbc->disconnect;
}

# ---------------------------------------------------------------------------
# pg_cron
# ---------------------------------------------------------------------------
SKIP: {
	skip 'pg_cron is not installed', 1 unless $has_cron;
	my ($pages) = "$FindBin::RealBin/../../docs";
	my @jobs = map { slurp_file("$pages/$_") =~ /^SELECT cron\.schedule\(.*;$/mg } qw(bi.md live.md);

	cmp_ok(scalar @jobs, '>=', 4, 'there are lines for pg_cron');
	answer('CREATE EXTENSION pg_cron');
	answer(q{
		CREATE TABLE shop (customer_id bigint, ordered_at timestamptz, amount numeric);
		CREATE INDEX ON shop (customer_id);
		INSERT INTO shop SELECT i % 50, timestamptz '2024-01-01' + i * interval '1 day', i % 90 FROM generate_series(1, 400) i;
		SELECT retention_track('shop', 'customer_id', 'ordered_at', 'amount', live => 'orders_live');
		CREATE MATERIALIZED VIEW retention_triangle AS
		SELECT * FROM unnest((SELECT cohort_retention(customer_id, ordered_at, amount, 'month', '2026-01-01', 'UTC') FROM shop));
		CREATE UNIQUE INDEX ON retention_triangle (cohort, period_index);
		CREATE MATERIALIZED VIEW customers_rfm AS SELECT * FROM rfm_segments(NULL::bigint, 'shop', 'customer_id', 'ordered_at', 'amount', '2026-01-01');
		CREATE UNIQUE INDEX ON customers_rfm (customer);
		INSERT INTO shop VALUES (1000, '2024-05-05', 5)});
	is(answer('SELECT marked_customers FROM retention_live_status()'), 1, 'a customer waits for a refresh');
	# as they are, but now
	answer(s/(cron\.schedule\('\w+', )'[^']*'/$1'* * * * *'/r) foreach @jobs;
	ok($node->poll_query_until('postgres', 'SELECT count(DISTINCT jobid) = (SELECT count(*) FROM cron.job) FROM cron.job_run_details WHERE end_time IS NOT NULL'),
		'every job has run');
	is(answer(q{SELECT count(*), string_agg(DISTINCT return_message, '; ') FILTER (WHERE status <> 'succeeded') FROM cron.job}
		. q{ JOIN cron.job_run_details USING (jobid) WHERE status <> 'succeeded'}), '0|', 'and succeeded');
	# the first turn may have met that of the fit, for which it does not wait
	ok($node->poll_query_until('postgres', 'SELECT marked_customers = 0 FROM retention_live_status()'), 'nobody waits any longer');
	is(answer(q{SELECT (SELECT fitted_at IS NOT NULL FROM retention_live_status()),
		(SELECT count(*) FROM customers_rfm WHERE customer = 1000)}), 't|1', 'to the end');
}

done_testing();
