# What several tests need: a server with the extension, orders to feed it, ways to ask
# it, and a call of every aggregate there is. The calls are made from the catalogue, so
# that an aggregate that comes later is tested without a word.
package RetentionTest;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use List::Util qw(min);
use POSIX ();
use PostgreSQL::Test::Cluster;
use Test::More;

our @EXPORT = qw(start_server answer rows one_row plan_of outcome seconds processor_seconds
  not_quadratic peak_memory_query write_file
  members aggregates states readers create_orders bigint_with_word uuid_with_words first_half_with_words
  row_readers create_sealed same_rows buyers_sql scored_sql summary_sql transitions_sql);

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

# How much of a processor a statement takes, in seconds, which does not count what else the
# machine does; the time of the clock where the system does not tell.
sub processor_seconds
{
	my ($sql) = @_;
	return seconds($sql) unless -r '/proc/self/stat';

	# after the name in brackets, the 12th and 13th are its own and the kernel's
	my $ticks = q{SELECT f[12]::int + f[13]::int
		FROM string_to_array(regexp_replace(pg_read_file('/proc/self/stat'), '^.*\) ', ''), ' ') f};
	my @lines = split /\n/, answer("$ticks; $sql; $ticks");
	return ($lines[-1] - $lines[0]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# A query on few rows and one on eight times as many: eight times as much is right, 64
# times would be quadratic. The best of up to five tries counts.
sub not_quadratic
{
	my ($title, $few, $many) = @_;
	my @best = ('inf', 'inf');
	my $at_most = 24;

	foreach (1 .. 5)
	{
		@best = (min($best[0], processor_seconds($few)), min($best[1], processor_seconds($many)));
		last if $best[1] < 0.7 * $at_most * $best[0];
	}
	cmp_ok($best[1], '<', $at_most * $best[0], sprintf('%s: %.2f and %.2f s', $title, @best));
	return;
}

# The query for the peak memory of the backend that runs it, in kB; undef where the
# system does not tell, or where it is that of a sanitizer.
sub peak_memory_query
{
	return -r '/proc/self/status' && !$ENV{RETENTION_NO_MEMORY}
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
	unit => q('30 days'),
	x => '(id % 7)',
	t_x => '(id % 7) * (1 + id % 5) / 7.0',
	age => '(id % 7) * (1 + id % 5) / 7.0 + 1 + id % 11',
	mean_repeat_value => 'nullif(id % 100, 0) + id % 7',
	max_index => '12',
	arm => q(CASE WHEN c_bigint % 3 = 0 THEN 'control' ELSE 'an arm with a longer name' END),
	assigned_at => q('2023-10-01 00:00+00'),
	signed_up_at => q('2023-06-01 00:00+00'),
	control => q('control'),
	before => q('90 days'),
	at => 'ordered_at',
	steps => 'ARRAY[amount > 20, id % 3 > 0, amount < 60]',
	event => q{CASE id % 5 WHEN 0 THEN 'view' WHEN 1 THEN 'checkout' WHEN 2 THEN 'remove' WHEN 3 THEN 'purchase' ELSE 'cart' END},
	product => q(CASE id % 4 WHEN 1 THEN 'P1' WHEN 2 THEN 'P2' WHEN 3 THEN '' END),
	value => 'amount',
	grace => q('2 days'),
	expire => q('20 days'),
	starts_at => 'ordered_at',
	ends_at => q(CASE WHEN id % 3 = 0 THEN timestamptz '2024-02-10 00:00+00' END),
	max_number => '6',
	grain => q('month'),
	tz => q('Europe/Paris'),
	period_start => q('2023-12-01 00:00+00'),
	period_end => q('2024-03-01 00:00+00'),
	as_of => q('2024-07-01 00:00+00'),
	days => '(id % 1461) / 4.0',
	observed => 'amount > 20',
	x => 'id % 7',
	t_x => 'CASE WHEN id % 7 > 0 THEN (id % 31) / 7.0 ELSE 0 END',
	age => '(31 + id % 4) / 7.0',
	mean_repeat_value => '1 + id % 997 / 8.0',
	points => 'amount',
	expires_at => q(CASE WHEN id % 3 = 0 THEN timestamptz '2024-02-10 00:00+00' END),
	threshold => '500',
	score => '(id % 12)::int',
	min_count => '2',
	population => '100 + id % 30',
	answers => 'id % 50',
	mean => '(id % 7)::float8',
	variance => 'CASE WHEN id % 97 > 0 THEN (id % 97)::float8 END');

# Where it is another for some aggregates
sub value_of
{
	my ($member, $argument) = @_;
	return q(repeat(region, (id % 5)::int)) if $argument eq 'product' && $member->{name} =~ /product/;
	return q('7 days') if $argument eq 'unit' && $member->{name} =~ /^purchase_summary/;
	return $value{$argument} // die "no value for argument $argument of $member->{name}";
}

# Text customers of up to 15 bytes and longer ones take different ways.
my %customers = (
	bigint => ['c_bigint'],
	text => [ 'c_short', 'c_long' ],
	uuid => ['c_uuid']);

# A call of every aggregate but rollup for every kind of customer: its name, the
# customer's column ('' if it takes none), the call, the types of its arguments, whether
# it returns a state, or rows, and whether its text is long.
sub aggregates
{
	my @aggregates;

	foreach my $member (grep { $_->{name} ne 'rollup' } members('a'))
	{
		my @names = @{ $member->{names} };
		# twins that read histories make the states that these make: history_twins.sql
		next if $names[0] eq 'history';
		my $columns = $names[0] =~ /^(?:customer|basket)$/ ? $customers{ $member->{types}[0] } : [''];

		foreach my $customer (@$columns)
		{
			my @arguments = map { /^(?:customer|basket)$/ ? $customer : value_of($member, $_) }
			  @names;
			push @aggregates,
			  {
				name => $member->{name},
				customer => $customer,
				call => "$member->{name}(" . join(', ', @arguments) . ')',
				types => $member->{types},
				is_rows => $member->{result} =~ /\[\]$/ ? 1 : 0,
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
	  grep { "@{$_->{types}}" eq 'retention_state' && $_->{name} !~ /^retention_state_|^state_info$|^seal$/ } members('f');
}

# Makes the function sealed(retention_state): NULL where that cannot be sealed, or is by itself
sub create_sealed
{
	answer(q{
		CREATE FUNCTION sealed(state retention_state) RETURNS retention_state LANGUAGE plpgsql AS $$
		DECLARE result retention_state;
		BEGIN
			result := seal(state);
			RETURN CASE WHEN result::text <> state::text THEN result END;
		EXCEPTION WHEN datatype_mismatch THEN RETURN NULL;
		END $$});
	return;
}

# The functions that read rows off a state: queries of one text, in which $1 is the state.
# The state is of one type of customer; a query for another is an error.
sub row_readers
{
	my @queries;

	foreach my $function (members('f'))
	{
		my @types = @{ $function->{types} };
		my $states = grep { $_ eq 'retention_state' } @types;
		next if !$states || $function->{result} ne 'record' || $function->{name} eq 'state_info';

		my @given = grep { /^(?:anyelement|retention_state)$/ } @types;
		foreach my $place (1 .. $states)
		{
			foreach my $customer ("@types" =~ /anyelement/ ? sort keys %customers : '')
			{
				my $state = 0;
				my $arguments = join ', ', map { $_ eq 'anyelement' ? "NULL::$customer" : ++$state == $place ? '$1' : 'NULL' } @given;
				push @queries, "SELECT md5(string_agg(x::text, ',')) FROM $function->{name}($arguments) x";
			}
		}
	}
	return @queries;
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
sub first_half_with_words { return unmix64($_[0]) ^ mix64($_[1]); }
sub uuid_with_words { return sprintf '%016x%016x', first_half_with_words(@_), $_[1]; }

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

# ---------------------------------------------------------------------------
# RFM in plain SQL
# ---------------------------------------------------------------------------

# Whether two queries have the same rows, and any: 't|' or what only one of them has
sub same_rows
{
	my ($one, $other, $settings) = @_;
	return answer(($settings // 'RESET ALL') . qq{;
		WITH one AS MATERIALIZED ($one), other AS MATERIALIZED ($other),
		differences AS (
			SELECT 'only the first: ' || d::text AS difference FROM (TABLE one EXCEPT ALL TABLE other) d
			UNION ALL
			SELECT 'only the second: ' || d::text FROM (TABLE other EXCEPT ALL TABLE one) d)
		SELECT (SELECT count(*) > 0 FROM one),
		       (SELECT string_agg(difference, E'\\n') FROM (SELECT * FROM differences LIMIT 6) d)});
}

# A row per customer with an order, of rows with customer, ordered_at and amount
sub buyers_sql
{
	my ($rows, $as_of) = @_;
	my $is_order = '(amount > 0 OR amount IS NULL)';
	return qq{
		SELECT customer, min(ordered_at) FILTER (WHERE $is_order) AS first_order_at,
		       max(ordered_at) FILTER (WHERE $is_order) AS last_order_at,
		       '$as_of'::timestamptz AS as_of,
		       count(*) FILTER (WHERE $is_order) AS orders, sum(amount) AS monetary
		FROM $rows WHERE customer IS NOT NULL AND ordered_at < '$as_of'
		GROUP BY customer HAVING bool_or($is_order)};
}

my $standard_grid = q{
	(5, '{new_customers,potential_loyalist,potential_loyalist,champions,champions}'::text[]),
	(4, '{promising,potential_loyalist,potential_loyalist,champions,champions}'),
	(3, '{about_to_sleep,about_to_sleep,need_attention,loyal,loyal}'),
	(2, '{hibernating,hibernating,at_risk,at_risk,at_risk}'),
	(1, '{lost,hibernating,at_risk,cant_lose,cant_lose}')};
my $rf_grid = q{
	(5, '{new_customers,potential_loyalist,potential_loyalist,champions,champions}'::text[]),
	(4, '{promising,potential_loyalist,potential_loyalist,loyal,loyal}'),
	(3, '{about_to_sleep,about_to_sleep,need_attention,loyal,loyal}'),
	(2, '{hibernating,hibernating,at_risk,at_risk,cant_lose}'),
	(1, '{hibernating,hibernating,at_risk,at_risk,cant_lose}')};

# rfm_segments of a table of such customers
sub scored_sql
{
	my ($buyers, $bins, $grid) = @_;
	my $score = sub {
		my ($column) = @_;
		# recency from above: how many are more recent
		return "CASE WHEN count($column) OVER () = 1 THEN $bins "
		  . "ELSE greatest(1, $bins - $bins * (rank() OVER (ORDER BY $column DESC) - 1) / (count($column) OVER () - 1)) END::int"
		  if $column eq 'last_order_at';
		return "CASE WHEN $column IS NULL THEN NULL WHEN count($column) OVER () = 1 THEN 1 "
		  . "ELSE least($bins, 1 + $bins * (rank() OVER (ORDER BY $column NULLS LAST) - 1) / (count($column) OVER () - 1)) END::int";
	};
	# round half up, in integers
	my ($r5, $f5, $m5) = map { "(1 + (8 * ($_ - 1) + $bins - 1) / (2 * ($bins - 1)))" } qw(r f m);
	my ($names, $column) = $grid eq 'rf' ? ($rf_grid, $f5) : ($standard_grid, "($f5 + $m5 + 1) / 2");
	return qq{
		SELECT customer, first_order_at, last_order_at,
		       (extract(epoch FROM as_of - last_order_at) * 1000000)::float8 / 86400000000 AS recency_days,
		       orders, monetary, monetary / orders AS aov, r, f, m,
		       r::text || f || m AS cell, CASE WHEN m IS NOT NULL THEN name[$column] END AS segment
		FROM (SELECT *, ${\ $score->('last_order_at')} AS r, ${\ $score->('orders')} AS f, ${\ $score->('monetary')} AS m
		      FROM $buyers) scored
		JOIN (VALUES $standard_grid) five(row, name) ON row = $r5} =~ s/\Q$standard_grid\E/$names/r;
}

# segment_summary and rfm_transitions of scored_sql
sub summary_sql
{
	my ($scored) = @_;
	return qq{
		SELECT coalesce(segment, 'unscored'), count(*), count(*)::float8 / sum(count(*)) OVER ()::float8, sum(monetary),
		       (sum(monetary) / sum(sum(monetary)) OVER ())::float8, sum(orders)::bigint,
		       sum(monetary) / sum(orders), percentile_cont(0.5) WITHIN GROUP (ORDER BY recency_days)
		FROM ($scored) s GROUP BY segment};
}

sub transitions_sql
{
	my ($before, $after) = @_;
	return qq{
		SELECT from_segment, to_segment, count(*),
		       count(*)::float8 / sum(count(*)) OVER (PARTITION BY from_segment)::float8, sum(monetary)
		FROM (SELECT CASE WHEN b.customer IS NULL THEN 'none' ELSE coalesce(b.segment, 'unscored') END AS from_segment,
		             coalesce(a.segment, 'unscored') AS to_segment, a.monetary
		      FROM ($after) a LEFT JOIN ($before) b USING (customer)) moves
		GROUP BY from_segment, to_segment};
}

1;
