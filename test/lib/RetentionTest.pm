# What several tests need: a server with the extension, orders to feed it, ways to ask
# it, and a call of every aggregate there is. The calls are made from the catalogue, so
# that an aggregate that comes later is tested without a word.
package RetentionTest;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Cluster;

our @EXPORT = qw(start_server answer rows one_row plan_of outcome seconds peak_memory_query write_file
  members aggregates states readers create_orders bigint_with_word uuid_with_words);

my $node;

# A running server of its own, with the extension in database postgres. All that is
# asked below is asked of the server started last.
sub start_server
{
	my ($name, @settings) = @_;

	$node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', join "\n",
		"timezone = 'UTC'", 'jit = off', 'fsync = off', 'autovacuum = off', 'max_wal_size = 4GB',
		@settings);
	$node->start;
	answer('CREATE EXTENSION retention');
	return $node;
}

# ---------------------------------------------------------------------------
# Asking
# ---------------------------------------------------------------------------

# Runs SQL; what psql prints, unaligned. An error ends the test.
sub answer
{
	my ($sql, $database) = @_;
	return $node->safe_psql($database // 'postgres', $sql);
}

# The rows of a query, each a reference to a list of texts.
sub rows
{
	return map { [ split /\|/, $_, -1 ] } split /\n/, answer(@_);
}

# The values of several expressions, as a hash by expression.
sub one_row
{
	my ($settings, $from, @expressions) = @_;
	my $list = join ",\n", map { "coalesce(($_)::text, 'NULL')" } @expressions;
	my ($row) = rows("$settings; SELECT $list FROM $from");
	my %value;

	@value{@expressions} = @$row;
	return \%value;
}

# The plan of a query as text; with options for EXPLAIN.
sub plan_of
{
	my ($settings, $query, @options) = @_;
	my $options = join ', ', 'COSTS OFF', @options;
	return answer("$settings; EXPLAIN ($options) $query");
}

# What became of a statement: '' or the SQLSTATE of its error.
sub outcome
{
	my ($sql) = @_;
	my $stderr;

	$node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql", stderr => \$stderr);
	return $stderr =~ /(?:ERROR|FATAL): +(\w{5})\b/ ? $1 : $stderr;
}

# How long a statement takes, in seconds.
sub seconds
{
	my ($sql) = @_;
	my @milliseconds = answer("\\timing on\n$sql") =~ /^Time: ([\d.]+) ms/mg;
	return $milliseconds[-1] / 1000;
}

# The query for the peak memory of the backend that runs it, in kB; undef where the
# system does not tell.
sub peak_memory_query
{
	return -r '/proc/self/status'
	  ? q{SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s+(\d+)')}
	  : undef;
}

sub write_file
{
	my ($path, $content) = @_;

	open(my $file, '>:raw', $path) or die "$path: $!";
	print $file $content;
	close($file) or die "$path: $!";
	return;
}

# ---------------------------------------------------------------------------
# What the extension has
# ---------------------------------------------------------------------------

# Its functions of a kind ('a' for aggregates, 'f' for others), but for those that take
# "internal": each as name, types of the arguments, names of the arguments, result.
sub members
{
	my ($kind) = @_;
	my @members = rows(qq{
		SELECT p.proname, coalesce(string_agg(format_type(t, NULL), ',' ORDER BY n), ''),
		       coalesce(array_to_string(p.proargnames, ','), ''), format_type(p.prorettype, NULL)
		FROM pg_extension e
		JOIN pg_depend d ON d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
		JOIN pg_proc p ON p.oid = d.objid
		LEFT JOIN unnest(p.proargtypes) WITH ORDINALITY a(t, n) ON true
		WHERE e.extname = 'retention' AND p.prokind = '$kind' AND 'internal'::regtype <> ALL (p.proargtypes)
		GROUP BY p.oid ORDER BY p.proname, p.pronargs, p.oid});

	return map { { name => $_->[0], types => [ split /,/, $_->[1] ], names => [ split /,/, $_->[2] ], result => $_->[3] } }
	  @members;
}

# What to give an argument of this name: a column of create_orders or a constant
my %value = (
	ordered_at => 'ordered_at',
	amount => 'amount',
	period => q('90 days'),
	lifetime => q('2 years'),
	within => q('30 days'),
	inactive_after => q('60 days'),
	period_start => q('2023-12-01 00:00+00'),
	period_end => q('2024-03-01 00:00+00'),
	as_of => q('2024-07-01 00:00+00'),
	days => '(id % 1461) / 4.0',
	observed => 'amount > 20');

# Text customers of up to 15 bytes and longer ones take different ways.
my %customers = (
	bigint => ['c_bigint'],
	text => [ 'c_short', 'c_long' ],
	uuid => ['c_uuid']);

# A call of every aggregate but rollup for every kind of customer: its name, the
# customer's column ('' if it takes none), the call, whether it returns a state, and
# whether its text is long.
sub aggregates
{
	my @aggregates;

	foreach my $member (grep { $_->{name} ne 'rollup' } members('a'))
	{
		my @names = @{ $member->{names} };
		my $columns = $names[0] eq 'customer' ? $customers{ $member->{types}[0] } : [''];

		foreach my $customer (@$columns)
		{
			my @arguments = map { $_ eq 'customer' ? $customer : $value{$_} // die "no value for argument $_ of $member->{name}" }
			  @names;
			push @aggregates,
			  {
				name => $member->{name},
				customer => $customer,
				call => "$member->{name}(" . join(', ', @arguments) . ')',
				is_state => $member->{result} eq 'retention_state',
				is_long => scalar $member->{result} =~ /^(?:retention_state|survival)$/
			  };
		}
	}
	return @aggregates;
}

# Those that return a state
sub states
{
	return grep { $_->{is_state} } aggregates();
}

# The functions that read a measure off a state, by name
sub readers
{
	return map { $_->{name} }
	  grep { "@{$_->{types}}" eq 'retention_state' && $_->{name} !~ /^retention_state_|^state_info$/ } members('f');
}

# ---------------------------------------------------------------------------
# Orders
# ---------------------------------------------------------------------------

# mix64 and unmix64 of customer_key.h. Perl multiplies 64-bit numbers as C does only
# when they are signed, and shifts them as C does only when they are not.
sub multiply64 { use integer; return $_[0] * $_[1]; }

sub mix64
{
	no warnings 'portable';
	my ($x) = @_;

	$x ^= $x >> 33;
	$x = multiply64($x, 0xff51afd7ed558ccd);
	$x ^= $x >> 33;
	$x = multiply64($x, 0xc4ceb9fe1a85ec53);
	return $x ^ ($x >> 33);
}

sub unmix64
{
	no warnings 'portable';
	my ($x) = @_;

	$x ^= $x >> 33;
	$x = multiply64($x, 0x9cb4b2f8129337db);
	$x ^= $x >> 33;
	$x = multiply64($x, 0x4f74430c22a54005);
	return $x ^ ($x >> 33);
}

# The customer whose words in the engine are these
sub bigint_with_word { return unpack 'q', pack 'Q', unmix64($_[0]); }
sub uuid_with_words { return sprintf '%016x%016x', unmix64($_[0]) ^ mix64($_[1]), $_[1]; }

# Table orders: skewed customers (NULL now and then) under four kinds of key with every
# border case among them, two years of times, amounts of mixed scale with refunds, zeros,
# NULLs and sums too wide for 36 digits. The same rows every time.
sub create_orders
{
	my ($rows, $customers) = @_;
	my ($ones, $ones_uuid) = (bigint_with_word(~0), uuid_with_words(~0, ~0));   # the mark of a gap

	answer(qq{
		CREATE FUNCTION roll(id bigint, die int, sides bigint) RETURNS bigint IMMUTABLE PARALLEL SAFE
		RETURN (hashint8extended(id, die) & 9223372036854775807) % sides;

		CREATE UNLOGGED TABLE orders AS
		SELECT id, 'region ' || c % 50 AS region, (c % 1000)::int AS shop,
		       CASE c WHEN 0 THEN 0
		              WHEN 1 THEN -1
		              WHEN 2 THEN -9223372036854775808
		              WHEN 3 THEN 9223372036854775807
		              WHEN 4 THEN $ones
		              ELSE c * 1000003
		       END AS c_bigint,
		       CASE c WHEN 0 THEN ''
		              WHEN 1 THEN 'fifteen bytes..'
		              WHEN 2 THEN 'déjà vu'
		              WHEN 3 THEN '12345678'
		              WHEN 4 THEN '123456789'
		              ELSE 'c' || c
		       END AS c_short,
		       CASE WHEN c = 0 THEN 'sixteen bytes...'
		            WHEN c % 997 = 0 THEN repeat('long and longer ', 200) || c
		            ELSE 'customer number ' || c
		       END AS c_long,
		       CASE c WHEN 0 THEN '00000000-0000-0000-0000-000000000000'
		              WHEN 1 THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff'
		              WHEN 2 THEN '$ones_uuid'
		              ELSE md5(c::text)
		       END::uuid AS c_uuid,
		       ordered_at, (ordered_at AT TIME ZONE 'UTC')::date AS day,
		       to_char(ordered_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month,
		       CASE WHEN kind < 20 THEN NULL
		            WHEN kind < 30 THEN 0
		            WHEN kind < 35 THEN 1e40 + roll(id, 6, 1000)
		            WHEN kind < 40 THEN -1e40
		            WHEN kind < 45 THEN roll(id, 6, 1000) + 0.000000000000000000000000000001
		            WHEN kind < 50 THEN 99999999999999999999999999999999.99
		            WHEN kind < 100 THEN -roll(id, 6, 5000) / 100.0
		            WHEN kind < 200 THEN round(roll(id, 6, 100000) / 1000.0, kind % 4)
		            ELSE round(roll(id, 6, 100000) / 100.0, 2)
		       END AS amount
		FROM (SELECT id, roll(id, 5, 1000)::int AS kind,
		             CASE WHEN roll(id, 0, 100) > 0
		                  THEN roll(id, 1, 1000) * roll(id, 2, 1000) * $customers / 1000000
		             END AS c,
		             CASE WHEN roll(id, 3, 100) > 0
		                  THEN '2023-01-01 00:00+00'::timestamptz + roll(id, 4, 730 * 86400) * interval '1 second'
		             END AS ordered_at
		      FROM generate_series(1, $rows) id) rolled;
		ANALYZE orders});
	return;
}

1;
