# What clients other than psql make of the results: ODBC, JDBC and node-postgres, with
# statements that the server prepares and that it does not, with cursors, and wrapped as BI
# tools wrap queries; and the lines for pg_cron in the pages, by pg_cron. Each part is
# skipped where its packages are missing: unixodbc, odbc-postgresql, libdbd-odbc-perl;
# libpostgresql-jdbc-java and a JDK; node-pg; postgresql-NN-cron.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use IPC::Run;
use JSON::PP;
use Math::BigFloat;
use PostgreSQL::Test::Utils;
use RetentionTest;
use Scalar::Util qw(looks_like_number);
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

# The rows of an output of psql, each a list of texts
sub lines_of { return map { [ split /\|/, $_, -1 ] } split /\n/, $_[0]; }

# Values as any client may write them: a moment, a number, and true are what they are.
sub plain
{
	my ($type, $value) = @_;

	return '' if !defined $value || $value eq '';
	return $value =~ /^[t1]/ ? 1 : 0 if $type eq 'boolean';
	return $value =~ s/\+00$//r =~ s/(\.\d*?)0+$/$1/r =~ s/\.$//r if $type =~ /^timestamp/;
	return sprintf '%.12g', $value if $type eq 'double precision';
	return Math::BigFloat->new($value)->bsstr if $type =~ /^numeric/;
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
# What psql has of each
# ---------------------------------------------------------------------------
my (%types, %expected);

sub ask_psql
{
	return if %types;
	# one session for all: to start psql costs more than most queries
	my @outputs = split /^%%\n?/m, answer(join '', map { "$_ \\gdesc\n\\echo %%\n$_;\n\\echo %%\n" } @queries);
	foreach my $query (@queries)
	{
		$types{$query} = [ map { $_->[1] } lines_of(shift @outputs) ];
		$expected{$query} = [ plain_rows($types{$query}, lines_of(shift @outputs)) ];
	}
	return;
}

# What is wrong with a client's rows of a query; '' if nothing is
sub difference
{
	my ($query, @rows) = @_;
	my @expected = @{ $expected{$query} };
	my @got = plain_rows($types{$query}, @rows);
	my ($first) = grep { ($got[$_] // '') ne ($expected[$_] // '') } 0 .. ($#got > $#expected ? $#got : $#expected);

	return defined $first ? "$query: " . ($got[$first] // 'nothing') . ' is not ' . ($expected[$first] // 'nothing') : '';
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
			my $wrong = eval { difference($query, $fetch->($odbc, $query, scalar @{ $types{$query} })) } // "$query: $@";

			push @wrong, $wrong if $wrong ne '';
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
# JDBC and node-postgres
# ---------------------------------------------------------------------------

# Calls whose parameters have no types, and their values
my @calls = (
	[ 'SELECT rfm_segment(?) AS answer', '555' ],
	[ 'SELECT hash_share(?, ?) AS answer', 'someone', 'salt' ],
	[ 'SELECT threshold_score(?::numeric, ?::numeric[]) AS answer', '150', '{100,200}' ],
	[ 'SELECT repeat_rate(c_bigint, ordered_at, ?::interval, ?::timestamptz) AS answer FROM orders WHERE shop > ?::int', '30 days', '2024-07-01', '100' ]);

sub call_in_sql
{
	my ($sql, @values) = @{ $_[0] };
	return $sql =~ s/\?/"'" . (shift @values) . "'"/ger;
}

sub number_or_text
{
	my ($value) = @_;
	return looks_like_number($value) ? 0 + $value : $value;
}

# The answers of a program that is given all queries, and then the calls
sub test_client
{
	my ($client, $ask) = @_;

	ask_psql();
	foreach my $way (qw(simple prepared wrapped cursor))
	{
		my @with_values = $way eq 'wrapped' || $way eq 'cursor' ? () : @calls;
		my @answers = $ask->($way, @with_values);
		my @wrong = grep { $_ ne '' } map {
			my $answer = shift @answers;
			ref $answer ? difference($_, @$answer) : "$_: " . ($answer // 'no answer')
		} @queries;

		is_deeply(\@wrong, [], "$client, $way: queries answer as psql has them");
		is_deeply([ map { ref $_ ? number_or_text($_->[0][0]) : $_ } @answers ], [ map { number_or_text(answer(call_in_sql($_))) } @with_values ],
			"$client, $way: parameters of no type");
	}
	return;
}

sub run_client
{
	my ($command, $input) = @_;
	my ($out, $err);

	IPC::Run::run($command, '<', \$input, '>', \$out, '2>', \$err) or return ("@$command: $err");
	return split /\n/, $out;
}

my ($driver_of_java) = grep { -r } '/usr/share/java/postgresql.jar';
SKIP: {
	skip 'JDBC: libpostgresql-jdbc-java or a JDK is not installed', 8
	  unless $driver_of_java && grep { -x "$_/javac" } split /:/, $ENV{PATH};
	$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
	$node->restart;

	test_client('JDBC', sub {
		my ($way, @with_values) = @_;
		my $url = sprintf 'jdbc:postgresql://127.0.0.1:%d/postgres?user=%s', $node->port, scalar getpwuid($<);
		my $input = join '', map { "$_\n" } @queries, map { join "\t", @$_ } @with_values;

		return map {
			/^error: / ? $_ : [ map { [ map { $_ eq "\0" ? undef : $_ } split /\x1f/, $_, -1 ] } split /\x1e/, $_, -1 ]
		} run_client([ 'java', '-Duser.timezone=UTC', '-cp', $driver_of_java, "$FindBin::RealBin/../clients/Query.java", $url, $way ], $input);
	});
}

SKIP: {
	local $ENV{NODE_PATH} = join ':', $ENV{NODE_PATH} // (), qw(/usr/share/nodejs /usr/lib/node_modules /usr/local/lib/node_modules);
	skip 'node-postgres: node or node-pg is not installed', 8
	  unless IPC::Run::run([ 'sh', '-c', q(node -e 'require("pg")') ], '>', '/dev/null', '2>', '/dev/null');
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, scalar getpwuid($<), 'postgres');

	test_client('node-postgres', sub {
		my ($way, @with_values) = @_;
		my $n;
		my @all = (@queries, map {
			my ($sql, @values) = @$_;
			$n = 0;
			{ text => $sql =~ s/\?/'$' . ++$n/ger, values => \@values }
		} @with_values);

		return map { my $answer = decode_json($_); ref $answer eq 'HASH' ? $answer->{error} : $answer }
		  run_client([ 'node', "$FindBin::RealBin/../clients/query.js", $way ], encode_json(\@all));
	});
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
