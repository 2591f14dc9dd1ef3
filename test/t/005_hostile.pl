# Anybody may feed a state, call a support function, build an aggregate of these
# parts or choose customers that collide. The answer is an error in words or a
# state that works; never an internal error, never a crash.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $node = start_server('hostile');
my $folder = PostgreSQL::Test::Utils::tempdir;
my @aggregates = aggregates($node);
my @states = states($node);
my @readers = readers($node);

# The same numbers on every run
my $seed = 20260101;

sub random
{
	my ($sides) = @_;
	$seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
	return ($seed >> 8) % $sides;
}

sub pick { return $_[ random(scalar @_) ]; }
sub random_bytes { return join '', map { chr random(256) } 1 .. $_[0]; }

sub write_file
{
	my ($name, $content) = @_;
	open(my $file, '>:raw', "$folder/$name") or die "$name: $!";
	print $file $content;
	close($file);
	return;
}

# Errors that tell a user what is wrong with the input: bad data, too much of it,
# another format, a message cut short, a state of something else.
my $in_words = q{'^(22...|54000|0A000|08P01|42804)$'};

create_orders($node, 5_000, 1_000);
$node->safe_psql('postgres', q{
	CREATE TABLE intact (call text, state retention_state);
	CREATE TABLE outcome (input int, way text, step text, code text, message text)});
foreach my $customers ('c_bigint BETWEEN -1 AND 12000000', 'c_bigint < 100000000')
{
	$node->safe_psql('postgres', join ";\n", map { "INSERT INTO intact SELECT \$\$$_->{call}\$\$, $_->{call} FROM orders WHERE id < 1000 AND $customers" } @states);
}

# ---------------------------------------------------------------------------
# Broken states, as text and as binary
# ---------------------------------------------------------------------------
my @intact = map { pack 'H*', $_->[0] } rows($node, q{SELECT encode(retention_state_send(state), 'hex') FROM intact ORDER BY call, length(state::text)});
my @numbers = map { pack 'q>', $_ } 0, 1, -1, 7, 1 << 31, 1 << 32, 9223372036854775807, -9223372036854775807 - 1;

# Ways to break a state. Most damage is done near its beginning, where the numbers
# are that say what follows.
my @damage = (
	sub { substr($_[0], 0, random(length $_[0])) },
	sub { $_[0] . random_bytes(1 + random(20)) },
	sub { $_[0] . substr($_[0], random(length $_[0])) },
	sub { my $at = random(length $_[0]); substr($_[0], $at, 1) ^= chr(1 << random(8)); $_[0] },
	sub { substr($_[0], random(length $_[0]), 1) = pick("\x00", "\x01", "\x7f", "\x80", "\xff"); $_[0] },
	sub { substr($_[0], 3, 2) = chr(random(12)) . chr(random(5)); $_[0] },
	sub { substr($_[0], 5 + random(80), 8) = pick(@numbers) if length $_[0] > 100; $_[0] },
	sub { substr($_[0], random(length($_[0]) - 8), 8) = pick(@numbers); $_[0] },
	sub { substr($_[0], random(length($_[0]) - 4), 4) = pick("\xff\xff\xff\xff", "\x7f\xff\xff\xff", "\0\0\0\0", "\x3f\xff\xff\xff"); $_[0] },
	sub { my $at = random(length $_[0]); substr($_[0], $at, 0) = random_bytes(1 + random(8)); $_[0] },
	sub { substr($_[0], random(length $_[0]), 1 + random(16)) = ''; $_[0] },
	sub { my $other = pick(@intact); substr($_[0], 0, random(length $_[0])) . substr($other, random(length $other)) },
	sub { substr($_[0], 5) = random_bytes(random(80)); $_[0] },
	sub { random_bytes(random(60)) });

my @inputs = @intact;
foreach my $state (@intact)
{
	foreach (1 .. 3)
	{
		foreach my $damage (@damage)
		{
			my $input = $damage->("$state");
			$input = pick(@damage)->($input) if length $input > 20 && random(4) == 0;
			push @inputs, $input;
		}
	}
}
cmp_ok(scalar @inputs, '>', 2500, 'thousands of inputs');

write_file('inputs.copy', join '', map { "$_\t\\\\x" . unpack('H*', $inputs[$_]) . "\n" } 0 .. $#inputs);
foreach (0 .. $#inputs)
{
	# one row of one column, in the binary format of COPY
	write_file("$_.bin", "PGCOPY\n\xff\r\n\0" . pack('N N n N', 0, 0, 1, length $inputs[$_]) . $inputs[$_] . "\xff\xff");
}

$node->safe_psql('postgres', qq{
	CREATE TABLE inputs (id int, bytes bytea);
	COPY inputs FROM '$folder/inputs.copy';
	CREATE TABLE received (state retention_state);

	-- notes what one step on an input led to
	CREATE PROCEDURE note(input int, way text, step text, code text, message text) LANGUAGE sql
	AS 'INSERT INTO outcome VALUES (\$1, \$2, \$3, \$4, \$5)';

	-- does with a state whatever can be done with one
	CREATE PROCEDURE use(input int, way text, state retention_state) LANGUAGE plpgsql AS \$\$
	DECLARE step text; result text; again text;
	BEGIN
		FOREACH step IN ARRAY '{@{[ join ',', @readers ]}}'::text[] || '{state_info,retention_state_send}' LOOP
			BEGIN
				EXECUTE format('SELECT %I(\$1)::text', step) INTO result USING state;
			EXCEPTION WHEN OTHERS THEN CALL note(input, way, step, SQLSTATE, SQLERRM);
			END;
		END LOOP;
		step := 'text and back';
		result := state::text;
		again := result::retention_state::text;
		IF again <> result THEN CALL note(input, way, step, 'wrong', result || ' became ' || again); END IF;
		step := 'rollup';
		SELECT rollup(s)::text INTO result FROM (VALUES (NULL), (state), (state), (state::text::retention_state)) v(s);
		step := 'rollup to text and back';
		again := result::retention_state::text;
		IF again <> result THEN CALL note(input, way, step, 'wrong', result || ' became ' || again); END IF;
	EXCEPTION WHEN OTHERS THEN CALL note(input, way, step, SQLSTATE, SQLERRM);
	END \$\$;

	CREATE PROCEDURE feed() LANGUAGE plpgsql AS \$\$
	DECLARE i record; state retention_state;
	BEGIN
		FOR i IN SELECT * FROM inputs LOOP
			BEGIN
				state := replace(encode(i.bytes, 'base64'), E'\\n', '')::retention_state;
				CALL note(i.id, 'text', 'in', 'accepted', NULL);
				CALL use(i.id, 'text', state);
			EXCEPTION WHEN OTHERS THEN CALL note(i.id, 'text', 'in', SQLSTATE, SQLERRM);
			END;
			BEGIN
				EXECUTE format('COPY received FROM %L (FORMAT binary)', format('$folder/%s.bin', i.id));
				SELECT r.state INTO state FROM received r;
				DELETE FROM received;
				CALL note(i.id, 'binary', 'in', 'accepted', NULL);
				CALL use(i.id, 'binary', state);
			EXCEPTION WHEN OTHERS THEN CALL note(i.id, 'binary', 'in', SQLSTATE, SQLERRM);
			END;
		END LOOP;
	END \$\$});
my ($peak) = $node->safe_psql('postgres', q{CALL feed(); SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s+(\d+)')}) =~ /(\d+)/;

my $offenders = qq{
	SELECT way, step, code, message, count(*), min(encode(bytes, 'hex'))
	FROM outcome JOIN inputs ON id = input WHERE code NOT IN ('accepted') AND code !~ $in_words GROUP BY 1, 2, 3, 4};
is($node->safe_psql('postgres', $offenders), '', 'broken states are refused in words, and what is accepted works');
foreach my $way ('text', 'binary')
{
	my ($row) = rows($node, qq{
		SELECT count(*) FILTER (WHERE code = 'accepted'), count(*) FILTER (WHERE code = 'accepted' AND input < ${\scalar @intact}), count(*) FILTER (WHERE code <> 'accepted')
		FROM outcome WHERE way = '$way' AND step = 'in'});

	is($row->[1], scalar @intact, "$way: all states that are not broken are accepted");
	is($row->[0] + $row->[2], scalar @inputs, "$way: every input had an outcome");
	cmp_ok($row->[0], '>', 200, "$way: some broken states mean something else, and are used");
	cmp_ok($row->[2], '>', 1500, "$way: most are refused");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM outcome t JOIN outcome b USING (input) WHERE t.way = 'text' AND b.way = 'binary' AND t.step = 'in' AND b.step = 'in' AND t.code <> b.code}), '0', 'text and binary agree on every input');
cmp_ok($peak, '<', 300_000, 'no number in a state made the backend take much memory');

# Not even base64
foreach my $text ('', ' ', '=', '====', 'UlMB', 'UlMB=', 'UlMBAQE', 'U lMB', "UlMBAQE=\n", 'UlMBAQE*', '\x5253', 'é', 'UlMB' x 100_000, 'A' x 100_001)
{
	my $shown = length $text > 20 ? substr($text, 0, 8) . '...' : $text =~ s/\n/\\n/r;
	like(outcome($node, "SELECT \$\$$text\$\$::retention_state"), qr/^(22P0[23]|08P01)$/, "text \"$shown\" is refused");
}

# Counts at their limit add up to an error or to the limit
foreach (
	[ 'repeat_rate_state(7)', 'ffffffff', '-4', 'repeat_rate' ],
	[ 'customer_value_state(7, 5)', '7fffffffffffffff', '-24', 'purchase_frequency' ],
	[ 'aov_state(5)', '7fffffffffffffff', '-16', 'aov' ])
{
	my ($state, $hex, $at, $reader) = @$_;
	my $bytes = pack 'H*', $node->safe_psql('postgres', "SELECT encode(retention_state_send($state), 'hex')");
	substr($bytes, $at, length($hex) / 2) = pack 'H*', $hex;
	my $limit = "decode('" . unpack('H*', $bytes) . "', 'hex')";
	my $one = "replace(encode($limit, 'base64'), E'\\n', '')::retention_state";

	is(outcome($node, "SELECT $reader($one)"), '', "$state with the largest count is a state");
	like(outcome($node, "SELECT $reader(rollup(s)::text::retention_state) FROM (SELECT $one FROM generate_series(1, 3)) x(s)"), qr/^(22003)?$/, "$state with the largest count, three times: a state or an error");
	unlike($node->safe_psql('postgres', "SELECT $reader(rollup(s)) FROM (SELECT $one FROM generate_series(1, 1)) x(s)"), qr/^-/, "$state with the largest count reads as no negative number");
}

# ---------------------------------------------------------------------------
# Customers chosen to collide
# ---------------------------------------------------------------------------
# The engine lays customers out by words that a user can compute: here they all
# belong in one place of the table, at its beginning, in its middle, at its end.
{
	no warnings 'portable';
	my %first = (beginning => 0, middle => 1 << 63, end => ~0 - 2499);
	my @rows;

	foreach my $place (sort keys %first)
	{
		push @rows, map {
			join("\t", $place, $_, bigint_with_word($first{$place} + $_ - 1), uuid_with_words($first{$place} + int(($_ - 1) / 50), $_)) . "\n"
		} 1 .. 2500;
	}
	write_file('crowd.copy', join '', @rows);
}
$node->safe_psql('postgres', "CREATE TABLE crowd (place text, rank int, c_bigint bigint, c_uuid uuid); COPY crowd FROM '$folder/crowd.copy'");

foreach my $customer ('c_bigint', 'c_uuid')
{
	is($node->safe_psql('postgres', "SELECT count(DISTINCT $customer) FROM crowd"), '7500', "$customer: 7,500 crowded customers");
	foreach my $order ('rank', 'rank DESC', 'md5(rank::text)')
	{
		is($node->safe_psql('postgres', qq{
			SELECT string_agg(concat_ws(' ', place, (state_info(s)).customers, repeat_rate(s) = 0.2, s::text::retention_state::text = s::text), ', ' ORDER BY place)
			FROM (SELECT place, repeat_rate_state($customer ORDER BY $order) AS s
			      FROM (SELECT * FROM crowd UNION ALL SELECT * FROM crowd WHERE rank % 5 = 0) twice GROUP BY place) states}),
			'beginning 2500 t t, end 2500 t t, middle 2500 t t', "$customer in the order of $order: none is lost");
	}
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FROM generate_series(1, 400) n,
		     LATERAL (SELECT place, second_order_rate_state($customer, '2024-01-01', '1 month', '2025-01-01' ORDER BY md5((rank + n)::text)) AS s FROM crowd WHERE rank > 2500 - n GROUP BY place) states
		WHERE (state_info(s)).customers = n}), '1200', "$customer: nor of any number from 1 to 400");
	is($node->safe_psql('postgres', qq{
		SELECT rollup(s)::text = (SELECT repeat_rate_state($customer)::text FROM crowd), (state_info(rollup(s))).customers
		FROM (SELECT repeat_rate_state($customer) s FROM crowd GROUP BY rank % 7) parts}), 't|7500', "$customer: parts merge into the whole");
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FILTER (WHERE moving IS DISTINCT FROM anew), count(DISTINCT anew) > 10
		FROM (SELECT repeat_rate($customer) OVER w AS moving, repeat_rate(CASE WHEN random() < 2 THEN $customer END) OVER w AS anew
		      FROM crowd CROSS JOIN generate_series(1, 2) WHERE rank > 2100 WINDOW w AS (ORDER BY md5(rank % 300 || place) ROWS 100 PRECEDING)) frames}), '0|t', "$customer: a sliding window takes the right ones away");
}

# ---------------------------------------------------------------------------
# Extreme arguments
# ---------------------------------------------------------------------------
$node->safe_psql('postgres', q{
	CREATE ROLE analyst;
	CREATE SCHEMA desk AUTHORIZATION analyst;
	GRANT SELECT ON ALL TABLES IN SCHEMA public TO analyst;

	-- what a statement leads to, for an ordinary user: '' or its error
	CREATE FUNCTION desk.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE statement;
		RETURN '';
	EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
	END $$;
	GRANT EXECUTE ON FUNCTION desk.attempt TO analyst});
my $as_analyst = 'SET ROLE analyst; SET search_path = desk, public';

# Runs many statements, as the analyst; their errors that are not as expected.
sub surprises
{
	my ($expected, @statements) = @_;
	write_file('statements.copy', join '', map { s/\\/\\\\/gr . "\n" } @statements);
	return $node->safe_psql('postgres', qq{
		CREATE TEMP TABLE statements (id serial, statement text);
		COPY statements (statement) FROM '$folder/statements.copy';
		GRANT SELECT ON statements TO analyst;
		$as_analyst;
		SELECT statement, error FROM (SELECT id, statement, desk.attempt(statement) AS error FROM statements OFFSET 0) attempts
		WHERE error !~ '$expected' ORDER BY id LIMIT 10});
}

my %extremes = (
	'bigint' => [qw('7' '0' '9223372036854775807' '-9223372036854775808')],
	'text' => [ q('anna'), q(''), q(repeat('x', 100000)) ],
	'uuid' => [ q('00000000-0000-0000-0000-000000000000') ],
	'numeric' => [qw('5' '0' '-1' 'NaN' 'Infinity' '-Infinity' '1e131000' '-1e131000' '1e-16383' '0.5')],
	'double precision' => [qw('0.5' '0' '1' '-1' 'NaN' 'Infinity' '-Infinity' '1e308' '1e-308')],
	'timestamp with time zone' => [ q('2024-01-01'), q('infinity'), q('-infinity'), q('294276-12-31 23:59:59.999999+00'), q('4713-01-01 00:00:00+00 BC') ],
	'interval' => [ q('1 month'), q('0'), q('-1 day'), q('1 month -1 day'), q('178000000 years'), q('2147483647 days'), q('2562047788 hours'), q('0.000001 seconds') ],
	'cstring' => [qw('RS')],
	'retention_state' => [ map { "(SELECT state FROM intact WHERE call = \$\$$_->{call}\$\$ LIMIT 1)" } @states ]);

# Every combination of the values of some arguments
sub combinations
{
	my ($first, @rest) = @_;
	return ('') unless defined $first;
	my @of_rest = combinations(@rest);
	return map { my $value = $_; map { $_ eq '' ? $value : "$value, $_" } @of_rest } @$first;
}

my @functions = rows($node, q{
	SELECT p.prokind, p.proname, coalesce(string_agg(format_type(t, NULL), ',' ORDER BY n), '')
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'retention'
	LEFT JOIN unnest(p.proargtypes) WITH ORDINALITY a(t, n) ON true
	GROUP BY p.oid HAVING 'internal'::regtype <> ALL (p.proargtypes) ORDER BY p.proname, p.oid});
my @aggregate_calls;
my @support_calls;
my @function_calls;
foreach (@functions)
{
	my ($kind, $name, $types) = @$_;
	my @values = map { my $type = $_; [ map { "$_\::$type" } @{ $extremes{$type} // die "no values of type $type" }, 'NULL' ] } split /,/, $types;

	if ($kind eq 'a')
	{
		# each argument in turn, over two rows, together with rows of no customer
		foreach my $at (0 .. $#values)
		{
			push @aggregate_calls, map { my @arguments = map { $_->[0] } @values; $arguments[$at] = $_; "SELECT $name(" . join(', ', @arguments) . ') FROM generate_series(1, 2)' } @{ $values[$at] };
		}
	}
	elsif ($name =~ /transfn|invfn|_combine$/)
	{
		push @support_calls, map { "SELECT $name($_)" } combinations($values[0], map { [ @$_[ 0, -1 ] ] } @values[ 1 .. $#values ]);
	}
	else
	{
		push @function_calls, map { "SELECT $name($_)" } combinations(@values);
	}
}
cmp_ok(scalar @$_, '>', 500, 'hundreds of calls') foreach \@aggregate_calls, \@support_calls, \@function_calls;
# never a division by zero
is(surprises('^($|22(?!012)|42804)', @aggregate_calls), '', 'aggregates with extreme arguments: an answer or an error in words');
is(surprises('^($|22(?!012)|42804|08P01)', @function_calls), '', 'functions with extreme arguments: likewise');
is(surprises('^XX000 .* called in non-aggregate context$', @support_calls), '', 'support functions called by hand say that they are not for that');

# ---------------------------------------------------------------------------
# Aggregates of the user's own
# ---------------------------------------------------------------------------
# A statement that makes an aggregate, uses it over three rows, and drops it.
sub misuse
{
	my ($types, $parts, $use) = @_;
	return "CREATE AGGREGATE desk.mine($types) ($parts, STYPE = retention_state); SELECT $use FROM (VALUES (1), (2), (1)) v(i); DROP AGGREGATE desk.mine($types)";
}

# Every transition function, begun with every kind of state: only its own family,
# type of customer and options go together.
my %value_of = (
	'bigint' => q('7'), 'text' => q('anna'), 'uuid' => q('00000000-0000-0000-0000-000000000007'), 'numeric' => q('5'),
	'timestamp with time zone' => q('2024-07-01'), 'interval' => q('90 days'), 'retention_state' => $extremes{retention_state}[0]);
my @beginnings = map { ", INITCOND = '$_->[0]'" } rows($node, 'SELECT DISTINCT ON (call) state FROM intact ORDER BY call');
my @misuses;
foreach (grep { $_->[1] =~ /transfn|invfn|_combine$/ } @functions)
{
	my (undef, $name, $types) = @$_;
	my (undef, @types) = split /,/, $types;
	my $use = '(state_info(mine(' . join(', ', map { "$value_of{$_}::$_" } @types) . '))).customers';

	push @misuses, map { misuse(join(', ', @types), "SFUNC = $name$_", $use) } '', @beginnings;
}

# Readers of other measures, and windows that add what they should take away
push @misuses, map { misuse('bigint', "SFUNC = repeat_rate_transfn_bigint, FINALFUNC = $_", 'mine(i)') } @readers;
push @misuses, map { misuse('bigint', "SFUNC = repeat_rate_transfn_bigint, MSFUNC = $_->[0], MINVFUNC = $_->[1], MSTYPE = retention_state", 'mine(i) OVER (ORDER BY i ROWS 1 PRECEDING)') }
  map { my $add = $_; map { [ "repeat_rate_${add}_bigint", "repeat_rate_${_}_bigint" ] } qw(transfn invfn) } qw(transfn invfn);

cmp_ok(scalar @misuses, '>', 500, 'hundreds of misuses');
is(surprises('^($|22|42804)', @misuses), '', 'aggregates made of the wrong parts: an error in words');

# ---------------------------------------------------------------------------
is($node->safe_psql('postgres', 'SELECT repeat_rate(i) FROM (VALUES (1), (2), (1)) v(i)'), '0.5', 'the server works as before');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|server process .* was terminated|XX001|could not find|memory alloc request|out of memory/, 'nothing crashed');

$node->stop;
done_testing();
