# What several tests need: a server with the extension, orders to feed it, and a
# call of every aggregate there is, made from the catalogue, so that an aggregate
# that comes later is tested without a word.
package RetentionTest;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use Test::More;

our @EXPORT = qw(start_server aggregates states readers create_orders
  one_row rows outcome seconds all_ones_bigint unmix64);

# A running server of its own with the extension installed in database postgres.
sub start_server
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf', $_)
	  foreach (
		q(timezone = 'UTC'), q(jit = off), q(fsync = off), q(autovacuum = off),
		q(max_wal_size = 4GB), @settings);
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION retention');
	return $node;
}

# ---------------------------------------------------------------------------
# The aggregates, as the catalogue knows them
# ---------------------------------------------------------------------------

# What to give an argument of this name: a column of create_orders or a constant.
my %value = (
	ordered_at => 'ordered_at',
	amount => 'amount',
	period => q('90 days'),
	lifetime => q('2 years'),
	within => q('30 days'),
	inactive_after => q('60 days'),
	period_start => q('2023-12-01 00:00+00'),
	period_end => q('2024-03-01 00:00+00'),
	as_of => q('2024-07-01 00:00+00'));

# A text customer of up to 15 bytes and a longer one take different ways.
my %customers = (
	bigint => [qw(c_bigint)],
	text => [qw(c_short c_long)],
	uuid => [qw(c_uuid)]);

# Every aggregate but rollup, for every kind of customer: its name, the customer's
# column ('' if it has none), its arguments, and whether it returns a state.
sub aggregates
{
	my ($node) = @_;
	my @aggregates;

	foreach my $row (
		rows($node, q{
			SELECT p.proname, p.prorettype = 'retention_state'::regtype, p.proargnames,
			       string_agg(format_type(t, NULL), ',' ORDER BY n)
			FROM pg_proc p
			JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
			JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'retention',
			     unnest(p.proargtypes) WITH ORDINALITY a(t, n)
			WHERE p.prokind = 'a' AND p.proname <> 'rollup'
			GROUP BY p.oid ORDER BY p.proname, p.pronargs, p.oid}))
	{
		my ($name, $is_state, $names, $types) = @$row;
		my @names = split /,/, $names =~ tr/{}//dr;
		my @types = split /,/, $types;
		my $columns = $names[0] eq 'customer' ? $customers{ $types[0] } : [''];

		foreach my $customer (@$columns)
		{
			my $arguments = join ', ', map {
				$_ eq 'customer'
				  ? $customer
				  : $value{$_} // die "RetentionTest: no value for argument \"$_\" of $name"
			} @names;

			push @aggregates,
			  {
				name => $name,
				customer => $customer,
				is_state => $is_state eq 't',
				arguments => $arguments,
				call => "$name($arguments)"
			  };
		}
	}
	return @aggregates;
}

# Those that return a state.
sub states
{
	return grep { $_->{is_state} } aggregates(@_);
}

# The functions that read a state, by name.
sub readers
{
	my ($node) = @_;

	return map { $_->[0] } rows($node, q{
		SELECT p.proname
		FROM pg_proc p
		JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'retention'
		WHERE p.prokind = 'f' AND p.proargtypes[0] = 'retention_state'::regtype AND p.pronargs = 1
		  AND p.proname !~ '^(retention_state_|state_info$)'
		ORDER BY p.proname});
}

# ---------------------------------------------------------------------------
# Orders
# ---------------------------------------------------------------------------

# mix64 and unmix64 of customer_key.h. Perl multiplies 64-bit numbers as C does
# only as signed ones, and shifts them as C does only as unsigned ones.
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

# The customers whose words are all ones: to the engine, the mark of a gap.
sub all_ones_bigint { use integer; return unmix64(~0) + 0; }
sub all_ones_uuid { return sprintf '%016x%016x', unmix64(~0) ^ mix64(~0), ~0; }

# Table orders: skewed customers (NULL now and then) under four kinds of key with
# every border case among them, two years of times, amounts of mixed scale with
# refunds, zeros, NULLs, and sums too wide for 36 digits. The same every time.
sub create_orders
{
	my ($node, $rows, $customers) = @_;
	my ($ones, $ones_uuid) = (all_ones_bigint(), all_ones_uuid());

	$node->safe_psql('postgres', qq{
		CREATE FUNCTION roll(id bigint, die int, sides bigint) RETURNS bigint IMMUTABLE PARALLEL SAFE
		RETURN (hashint8extended(id, die) & 9223372036854775807) % sides;

		CREATE UNLOGGED TABLE orders AS
		SELECT id,
		       CASE c WHEN 0 THEN 0 WHEN 1 THEN -1 WHEN 2 THEN -9223372036854775808 WHEN 3 THEN 9223372036854775807
		              WHEN 4 THEN $ones ELSE c * 1000003 END AS c_bigint,
		       CASE c WHEN 0 THEN '' WHEN 1 THEN 'fifteen bytes..' WHEN 2 THEN 'déjà vu' WHEN 3 THEN '12345678' WHEN 4 THEN '123456789'
		              ELSE 'c' || c END AS c_short,
		       CASE WHEN c = 0 THEN 'sixteen bytes...' WHEN c % 997 = 0 THEN repeat('long and longer ', 200) || c
		            ELSE 'customer number ' || c END AS c_long,
		       CASE c WHEN 0 THEN '00000000-0000-0000-0000-000000000000' WHEN 1 THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff'
		              WHEN 2 THEN '$ones_uuid' ELSE md5(c::text) END::uuid AS c_uuid,
		       'region ' || c % 50 AS region,
		       CASE WHEN roll(id, 3, 100) > 0 THEN '2023-01-01 00:00+00'::timestamptz + roll(id, 4, 730 * 86400) * interval '1 second' END AS ordered_at,
		       CASE WHEN kind < 20 THEN NULL
		            WHEN kind < 30 THEN 0
		            WHEN kind < 35 THEN 1e40 + roll(id, 6, 1000)
		            WHEN kind < 40 THEN -1e40
		            WHEN kind < 45 THEN roll(id, 6, 1000) + 0.000000000000000000000000000001
		            WHEN kind < 50 THEN 99999999999999999999999999999999.99
		            WHEN kind < 100 THEN -roll(id, 6, 5000) / 100.0
		            WHEN kind < 200 THEN round(roll(id, 6, 100000) / 1000.0, kind % 4)
		            ELSE round(roll(id, 6, 100000) / 100.0, 2) END AS amount
		FROM (SELECT id, roll(id, 5, 1000)::int AS kind,
		             CASE WHEN roll(id, 0, 100) > 0 THEN roll(id, 1, 1000) * roll(id, 2, 1000) * $customers / 1000000 END AS c
		      FROM generate_series(1, $rows) id) rolled;
		ANALYZE orders});
	return;
}

# ---------------------------------------------------------------------------
# Asking
# ---------------------------------------------------------------------------

# Runs SQL; its last query's rows, each a reference to a list of texts. Settings
# may go first.
sub rows
{
	my ($node, $sql) = @_;
	my $text = $node->safe_psql('postgres', $sql);

	return map { [ split /\|/, $_, -1 ] } split /\n/, $text;
}

# The values of several expressions, as a hash by expression.
sub one_row
{
	my ($node, $settings, $from, @expressions) = @_;
	my $list = join ",\n", map { "coalesce(($_)::text, 'NULL')" } @expressions;
	my ($row) = rows($node, "$settings; SELECT $list FROM $from");
	my %value;

	@value{@expressions} = @$row;
	return \%value;
}

# What became of a statement: '' or the SQLSTATE of its error.
sub outcome
{
	my ($node, $sql) = @_;
	my ($stdout, $stderr);

	$node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql", stdout => \$stdout, stderr => \$stderr);
	return $stderr =~ /(?:ERROR|FATAL): +(\w{5})\b/ ? $1 : $stderr;
}

# How long a statement takes in the server, in seconds.
sub seconds
{
	my ($node, $sql) = @_;
	my $text = $node->safe_psql('postgres', "\\timing on\n$sql");
	my @times = $text =~ /^Time: ([\d.]+) ms/mg;

	return $times[-1] / 1000;
}

1;
