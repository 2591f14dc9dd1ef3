# Anybody may feed a state, call a support function, build an aggregate of our parts, or
# choose customers that collide. The answer is an error in words or something that works;
# never an internal error, never a crash.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $node = start_server('hostile');
my $folder = PostgreSQL::Test::Utils::tempdir;
my @states = states();
my @readers = readers();

# ---------------------------------------------------------------------------
# Broken states, as text and as binary
# ---------------------------------------------------------------------------

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

# Two states of each kind, of a few customers and of many
create_orders(5_000, 1_000);
answer('CREATE TABLE intact (call text, state retention_state)');
foreach my $few ('shop IN (0, 1, 2, 3, 4, 500)', 'shop < 100')
{
	my $rows = "FROM orders WHERE id < 1000 AND $few";
	answer(join ";\n", map { "INSERT INTO intact SELECT \$\$$_->{call}\$\$, $_->{call} $rows" } @states);
}
# and what is left of them when they are sealed, of whatever type the customers were
create_sealed();
answer(q{INSERT INTO intact SELECT 'seal: ' || min(call), text::retention_state FROM (SELECT call, sealed(state)::text AS text FROM intact) s WHERE text IS NOT NULL GROUP BY text});
cmp_ok(answer(q{SELECT count(*) FROM intact WHERE call LIKE 'seal: %'}), '>', 30, 'there are sealed states');
my @intact = map { pack 'H*', $_->[0] } rows(q{SELECT encode(retention_state_send(state), 'hex') FROM intact ORDER BY 1});

# Ways to break a state. The numbers that say what follows are near its beginning, so
# some of them aim there.
my @lengths = map { pack 'N', $_ } 0, 1, 0x3fffffff, 0x7fffffff, 0xffffffff;
my @counts = map { pack 'q>', $_ } 0, 1, -1, 7, 1 << 31, 1 << 32, ~0 >> 1, -(~0 >> 1) - 1;
my @damage = (
	sub { substr $_[0], 0, random(length $_[0]) },
	sub { $_[0] . random_bytes(1 + random(20)) },
	sub { $_[0] . substr $_[0], random(length $_[0]) },
	sub { substr($_[0], random(length $_[0]), 1) ^= chr(1 << random(8)); $_[0] },
	sub { substr($_[0], random(length $_[0]), 1) = pick("\x00", "\x01", "\x7f", "\x80", "\xff"); $_[0] },
	sub { substr($_[0], 3, 2) = chr(random(12)) . chr(random(5)); $_[0] },
	sub { substr($_[0], 5 + random(80), 8) = pick(@counts) if length $_[0] > 100; $_[0] },
	sub { substr($_[0], random(length($_[0]) - 8), 8) = pick(@counts); $_[0] },
	sub { substr($_[0], random(length($_[0]) - 4), 4) = pick(@lengths); $_[0] },
	sub { substr($_[0], random(length $_[0]), 0) = random_bytes(1 + random(8)); $_[0] },
	sub { substr($_[0], random(length $_[0]), 1 + random(16)) = ''; $_[0] },
	sub { my $other = pick(@intact); substr($_[0], 0, random(length $_[0])) . substr($other, random(length $other)) },
	sub { substr($_[0], 5) = random_bytes(random(80)); $_[0] },
	sub { random_bytes(random(60)) });

my @inputs = @intact;
foreach my $state (@intact, @intact, @intact)
{
	foreach my $damage (@damage)
	{
		my $input = $damage->("$state");
		$input = pick(@damage)->($input) if length $input > 20 && random(4) == 0;
		push @inputs, $input;
	}
}
cmp_ok(scalar @inputs, '>', 2500, 'there are thousands of inputs');

# One row of one column each, in the binary format of COPY
foreach (0 .. $#inputs)
{
	write_file("$folder/$_.bin", "PGCOPY\n\xff\r\n\0" . pack('N N n N/a* n', 0, 0, 1, $inputs[$_], 0xffff));
}
write_file("$folder/inputs", join '', map { "$_\t\\\\x" . unpack('H*', $inputs[$_]) . "\n" } 0 .. $#inputs);

# millions of rows fit an array, and their text does not fit the memory of a test
my %is_rows = map { $_->{name} => $_->{is_rows} } aggregates();
my $queries = join ', ', map { "\$\$$_\$\$" }
  (map { $is_rows{$_} ? "SELECT count(*)::text FROM unnest($_(\$1))" : "SELECT $_(\$1)::text" } @readers, 'state_info', 'retention_state_send'),
  row_readers();
answer(qq{
	CREATE TABLE inputs (id int, bytes bytea);
	COPY inputs FROM '$folder/inputs';
	CREATE TABLE outcome (input int, way text, step text, code text, message text);
	CREATE TABLE received (state retention_state);

	CREATE FUNCTION as_text(bytes bytea) RETURNS text
	RETURN replace(encode(bytes, 'base64'), E'\\n', '');

	-- does with a state whatever can be done with one, and notes what goes wrong
	CREATE PROCEDURE use_state(input int, way text, state retention_state) LANGUAGE plpgsql AS \$body\$
	DECLARE step text; result text; again text;
	BEGIN
		FOREACH step IN ARRAY ARRAY[$queries] LOOP
			BEGIN
				EXECUTE step INTO result USING state;
			EXCEPTION WHEN OTHERS THEN INSERT INTO outcome VALUES (input, way, step, SQLSTATE, SQLERRM);
			END;
		END LOOP;
		step := 'to text and back';
		result := state::text;
		again := result::retention_state::text;
		IF again <> result THEN INSERT INTO outcome VALUES (input, way, step, 'changed', result || ' is ' || again); END IF;
		step := 'seal, to text and back';
		BEGIN
			result := seal(state)::text;
			again := result::retention_state::text;
			IF again <> result THEN INSERT INTO outcome VALUES (input, way, step, 'changed', result || ' is ' || again); END IF;
		EXCEPTION WHEN datatype_mismatch THEN NULL;
		END;
		step := 'rollup';
		SELECT rollup(s)::text INTO result FROM (VALUES (NULL), (state), (state), (state::text::retention_state)) v(s);
		step := 'rollup, to text and back';
		again := result::retention_state::text;
		IF again <> result THEN INSERT INTO outcome VALUES (input, way, step, 'changed', result || ' is ' || again); END IF;
	EXCEPTION WHEN OTHERS THEN INSERT INTO outcome VALUES (input, way, step, SQLSTATE, SQLERRM);
	END \$body\$;

	-- feeds an input in both ways
	CREATE PROCEDURE feed(id int, bytes bytea) LANGUAGE plpgsql AS \$\$
	DECLARE state retention_state;
	BEGIN
		BEGIN
			state := as_text(bytes)::retention_state;
			INSERT INTO outcome VALUES (id, 'text', 'in', 'accepted');
			CALL use_state(id, 'text', state);
		EXCEPTION WHEN OTHERS THEN INSERT INTO outcome VALUES (id, 'text', 'in', SQLSTATE, SQLERRM);
		END;
		BEGIN
			EXECUTE format('COPY received FROM %L (FORMAT binary)', '$folder/' || id || '.bin');
			DELETE FROM received r RETURNING r.state INTO state;
			INSERT INTO outcome VALUES (id, 'binary', 'in', 'accepted');
			CALL use_state(id, 'binary', state);
		EXCEPTION WHEN OTHERS THEN INSERT INTO outcome VALUES (id, 'binary', 'in', SQLSTATE, SQLERRM);
		END;
	END \$\$});
my $peak = answer(q{
	DO $$ DECLARE i record; BEGIN FOR i IN SELECT * FROM inputs LOOP CALL feed(i.id, i.bytes); END LOOP; END $$;}
	. (peak_memory_query() // ''));

# Bad data (class 22), too much of it, another format, a state of something else: all
# other errors are ours.
is(answer(q{
	SELECT way, step, code, message, count(*), min(encode(bytes, 'hex'))
	FROM outcome JOIN inputs ON id = input
	WHERE code <> 'accepted' AND code !~ '^(22...|54000|0A000|42804)$'
	GROUP BY 1, 2, 3, 4}), '', 'broken states are refused in words, and those accepted work');
foreach my $way ('text', 'binary')
{
	my ($row) = rows(qq{
		SELECT count(*) FILTER (WHERE code = 'accepted' AND input < ${\ scalar @intact}),
		       count(*) FILTER (WHERE code = 'accepted' AND input >= ${\ scalar @intact}),
		       count(*) FILTER (WHERE code <> 'accepted')
		FROM outcome WHERE way = '$way' AND step = 'in'});
	my ($whole, $other, $refused) = @$row;

	is($whole, @intact, "$way: a state that is not broken is accepted");
	cmp_ok($other, '>', 200, "$way: some broken states mean something else, and were used");
	cmp_ok($refused, '>', 1500, "$way: most are refused");
	is($whole + $other + $refused, @inputs, "$way: every input was tried");
}
is(answer(q{
	SELECT count(*) FROM (SELECT input FROM outcome WHERE step = 'in' GROUP BY input HAVING count(DISTINCT replace(code, '22P02', '22P03')) <> 1) o}),
	'0', 'text and binary agree on every input');
is(answer(q{SELECT string_agg(DISTINCT way || ' ' || code, ', ') FROM outcome WHERE code IN ('22P02', '22P03') AND step = 'in'}),
	'binary 22P03, text 22P02', 'each form has its code for what it is not');
SKIP:
{
	skip 'the system does not tell the memory of a backend', 1 if $peak eq '';
	cmp_ok($peak, '<', 1_500_000, 'no number in a state makes the backend take more memory than the rows of a value');
}

foreach my $text (
	'', ' ', '=', '====', 'UlMC', 'UlMC=', 'UlMCAQE', 'U lMB', "UlMCAQE=\n", 'UlMCAQE*', '\x5253', 'é',
	'UlMC' x 100_000, 'A' x 100_001)
{
	my $shown = length $text > 20 ? substr($text, 0, 8) . '...' : $text =~ s/\n/\\n/r;
	like(outcome("SELECT \$\$$text\$\$::retention_state"), qr/^22P02$/, "text \"$shown\" is refused");
}

# Cut off anywhere: an error that names the type, with the code of the form, and not one of
# the connection.
{
	my @whole = map { [ 'retention_state', $_->[0] ] } rows(q{
		SELECT state FROM intact WHERE length(retention_state_send(state)) < 1500 ORDER BY length(retention_state_send(state)), call LIMIT 30});
	push @whole, [ 'survival', answer('SELECT survival(days, days > 2) FROM generate_series(1, 4) days') ];
	answer(q{
		CREATE FUNCTION cut_off(type text, state text) RETURNS TABLE (form text, length int, error text) LANGUAGE plpgsql AS $$
		DECLARE whole bytea := decode(state, 'base64');
		BEGIN
			FOR length IN 0 .. length(state) - 1 LOOP
				form := 'text';
				BEGIN
					EXECUTE format('SELECT %L::%I', left(state, length), type);
					error := 'accepted';
				EXCEPTION WHEN OTHERS THEN error := SQLSTATE || ' ' || SQLERRM;
				END;
				RETURN NEXT;
			END LOOP;
			FOR length IN 0 .. octet_length(whole) - 1 LOOP
				form := 'bytes as text';
				BEGIN
					EXECUTE format('SELECT %L::%I', encode(substr(whole, 1, length), 'base64'), type);
					error := 'accepted';
				EXCEPTION WHEN OTHERS THEN error := SQLSTATE || ' ' || SQLERRM;
				END;
				RETURN NEXT;
			END LOOP;
		END $$});
	cmp_ok(scalar @whole, '>', 20, 'there are many states to cut off');
	is(answer(join ' UNION ', map {
		"SELECT DISTINCT '$_->[0]', form, error FROM cut_off('$_->[0]', '$_->[1]') WHERE error IS DISTINCT FROM '22P02 invalid input syntax for type $_->[0]'"
	} @whole), '', 'states cut off anywhere are no states');

	# the binary form, through COPY
	my $bytes = pack 'H*', answer(q{SELECT encode(survival_send(s), 'hex') FROM (SELECT survival(days, days > 2) AS s FROM generate_series(1, 2) days) q});
	answer('CREATE TABLE survivals (s survival)');
	my @outcomes = map {
		my $part = substr $bytes, 0, $_;
		write_file("$folder/part.bin", "PGCOPY\n\xff\r\n\0" . pack('N N n N a* n', 0, 0, 1, length $part, $part, 0xffff));
		outcome("COPY survivals FROM '$folder/part.bin' (FORMAT binary)")
	} 0 .. length $bytes;
	is_deeply(\@outcomes, [ ('22P03') x length $bytes, '' ], 'nor in the binary form');
}

# A count that the message cannot hold is refused before there is memory for it.
SKIP:
{
	my $query = peak_memory_query() or skip 'the system does not tell the memory of a backend', 1;
	# mark, format, family and kind in 5 bytes; grain, as_of and zone in 13
	my $claim = q{as_text(substr(retention_state_send(cohort_retention_state('x'::text, '2024-01-01', 5, 'month', '2025-01-01', 'UTC')), 1, 18)
		|| int8send(1000000) || decode(repeat('00', 4000000), 'hex'))};
	my ($claimed, $read) = map {
		answer("DO \$\$ BEGIN PERFORM length(($_)::text); EXCEPTION WHEN invalid_text_representation THEN NULL; END \$\$; $query")
	} $claim, "($claim)::retention_state";
	cmp_ok($read - $claimed, '<', 40_000, 'a state that claims a million customers takes no memory for them');
}

# The largest counts there are
foreach (
	[ 'repeat_rate_state(7)', 'ffffffff', -4, 'repeat_rate' ],
	[ 'customer_value_state(7, 5)', '7fffffffffffffff', -24, 'purchase_frequency' ],
	[ 'aov_state(5)', '7fffffffffffffff', -16, 'aov' ])
{
	my ($call, $count, $at, $reader) = @$_;
	my $bytes = pack 'H*', answer("SELECT encode(retention_state_send($call), 'hex')");

	substr($bytes, $at, length($count) / 2) = pack 'H*', $count;
	my $state = "as_text('\\x" . unpack('H*', $bytes) . "')::retention_state";
	unlike(answer("SELECT $reader($state)"), qr/^(-|$)/, "$call with the largest count is read");
	like(outcome("SELECT $reader(rollup(s)::text::retention_state) FROM (VALUES ($state), ($state), ($state)) v(s)"),
		qr/^(22003)?$/, "three of them are a state, or too many in words");
}

# Timelines and times of orders, by hand: for one customer, bigint 1, January and February
# 2024, as of 1 March. What is refused is refused in words, and what is not can be read,
# merged and written.
my %pattern = (
	lifecycle => '5253020c01020002b58cd363c0000355544300000000000000010000000000000001%s',
	cohort_retention => '5253020b01020002b58cd363c0000355544300000000000000010000000000000001%s',
	# by day, inactive after 60: bit 0 is 1 March, the last with a bit 29 December 2023
	churn_by_period => '5253021701' . '00' x 11 . '3c00000000000002b58cd363c0000355544300000000000000010000000000000001%s',
	rolling_retention => '5253020d01' . '00' x 15 . '01000000030002b58cd363c00000000000000000010000000000000001%s');
my ($jan, $ordered, $wide) = ('c0fb02', '0002b1264c46c000', 'ff3f0000000a0001000a000000000001');   # $wide: 1e40
my $none = '00000000';
my $long_ago = '0002ae6637d4a000';	# 1 December 2023
my $refund = '01' . 'ff' x 15 . 'c1';   # -1, after its instant

foreach (
	[ 'lifecycle', 1, "00000002${jan}040102", 'two periods, of which one is the last' ],
	[ 'lifecycle', 0, $none, 'no period' ],
	[ 'lifecycle', 0, "00000003${jan}040102", 'fewer periods than it says' ],
	[ 'lifecycle', 0, "00000001${jan}040102", 'more periods than it says' ],
	[ 'lifecycle', 0, "ffffffff${jan}040102", 'four billion periods' ],
	[ 'lifecycle', 0, '00000001c0fb820004', 'a position of one byte too many' ],
	[ 'lifecycle', 0, '00000001' . '80' x 9 . '0004', 'a zero of ten bytes' ],
	[ 'lifecycle', 0, '00000001' . '80' x 30 . '0104', 'a position of 31 bytes' ],
	[ 'lifecycle', 0, '00000001' . 'ff' x 9 . '0304', 'a position of 65 bits' ],
	[ 'lifecycle', 0, '00000001' . 'ff' x 9 . '0104', 'the lowest position' ],
	[ 'lifecycle', 0, '00000001fe' . 'ff' x 8 . '0104', 'the highest position' ],
	[ 'lifecycle', 0, "00000002${jan}040002", 'a position twice' ],
	[ 'lifecycle', 0, "00000002${jan}04" . 'ff' x 9 . '0102', 'positions that descend' ],
	[ 'lifecycle', 0, "00000002${jan}04" . '80' x 9 . '0102', 'a step of 2^63' ],
	[ 'lifecycle', 0, "00000002${jan}04" . 'ff' x 8 . '7f02', 'a step that overflows' ],
	[ 'lifecycle', 0, "00000002${jan}040202", 'a period after the last' ],
	[ 'lifecycle', 0, "00000001${jan}00", 'a period without orders' ],
	[ 'lifecycle', 0, "00000001${jan}8400", 'orders of a byte too many' ],
	[ 'lifecycle', 1, "00000001${jan}fe" . 'ff' x 8 . '01', 'as many orders as there can be' ],
	[ 'lifecycle', 0, "00000001${jan}050102", 'money' ],
	[ 'cohort_retention', 1, "${ordered}00000001${jan}03020a$none", 'an order of 0.05' ],
	[ 'cohort_retention', 1, "${ordered}00000001${jan}02$none", 'an order of unknown value' ],
	[ 'cohort_retention', 1, "${ordered}00000002${jan}02010326fe${\ ('ff' x 12)}7f$none", 'an order of 38 decimals' ],
	[ 'cohort_retention', 0, "${ordered}00000002${jan}02010326ff${\ ('ff' x 12)}7f$none", 'an order below zero' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}03270a$none", '39 decimals' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}03fe0a$none", 'a mark of nothing' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}03028a00$none", 'an amount of one byte too many' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}0302${\ ('ff' x 18)}03$none", 'an amount of 128 bits' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}0302${\ ('ff' x 18)}07$none", 'an amount of 129 bits' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}0302${\ ('ff' x 40)}01$none", 'an amount of 281 bits' ],
	[ 'cohort_retention', 1, "${ordered}00000001${jan}03$wide$none", 'a wide amount' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}03ff3f0000000a00010000000000000001$none", 'a wide amount that is narrow' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}03ff3f0000000800000000c0000000$none", 'a wide amount that is not a number' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}03ff3f0000000800000000d0000000$none", 'a wide amount that is infinite' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}03ff3fffffffff0001000a000000000001$none", 'a wide amount of 4 GB' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}03ff02${jan}0000$none", 'a wide amount with a mark of a narrow one' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}0102$none", 'a first period without an order' ],
	[ 'cohort_retention', 0, "${ordered}00000001c2fb0202$none", 'another first period than that of the first order' ],
	[ 'cohort_retention', 0, "7fffffffffffffff00000001${jan}02$none", 'activity without a first order' ],
	[ 'cohort_retention', 0, "7fffffffffffffff$none$none", 'nothing at all' ],
	[ 'cohort_retention', 1, "7fffffffffffffff${none}00000001$ordered$refund", 'a refund alone' ],
	[ 'cohort_retention', 1, "7fffffffffffffff${none}00000002$ordered$refund$ordered$refund", 'two refunds at once' ],
	[ 'cohort_retention', 1, "7fffffffffffffff${none}00000001${ordered}01${\ ('00' x 15)}01", 'a row of zero alone' ],
	[ 'cohort_retention', 1, "${ordered}00000001${jan}02000000010002b58cd363bfff3f0000000a0001000a400000000001", 'a wide refund, just before as_of' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}02000000010002b58cd363c000$refund", 'a refund at as_of' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}0200000001${ordered}01${\ ('00' x 15)}41", 'an order among the refunds' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}0200000001${ordered}3f0000000a0001000a000000000001", 'a wide order among them' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}0200000001${ordered}00", 'a refund of unknown money' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}02000000017fffffffffffffff$refund", 'a refund at infinity' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}02000000018000000000000000$refund", 'a refund at -infinity' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}0200000002$ordered${refund}0002b1264c46bfff$refund", 'refunds that descend' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}0200000002$ordered$refund", 'fewer refunds than it says' ],
	[ 'cohort_retention', 0, "${ordered}00000001${jan}02ffffffff$ordered$refund", 'four billion refunds' ],
	[ 'cohort_retention', 0, "8000000000000000$none$none", 'a first order at -infinity' ],
	[ 'cohort_retention', 0, "0002b58cd363c00100000001c4fb0202$none", 'a first order after as_of' ],
	[ 'churn_by_period', 1, "${long_ago}ffffffff9fffffff00000001$long_ago", 'an order without a bit, and one of February' ],
	[ 'churn_by_period', 1, "${long_ago}ffffffff8000000000000001$long_ago", 'an order without a bit' ],
	[ 'churn_by_period', 0, "${long_ago}ffffffff8000000000000001${\ ('00' x 8)}", 'another first order than the first' ],
	[ 'churn_by_period', 0, "${long_ago}0000000000000000$none", 'an order without a bit that is not there' ],
	[ 'churn_by_period', 0, "${long_ago}fffffffe0000000000000001$long_ago", 'an order with too few bits' ],
	[ 'churn_by_period', 0, "${long_ago}ffffffff8010000000000001$long_ago", 'a bit that no order has alone' ],
	[ 'churn_by_period', 0, "${long_ago}ffffffff8000000000000002${long_ago}$ordered", 'an order that has a bit among those that have none' ],
	[ 'churn_by_period', 1, "${ordered}00ffffffffffffff$none", 'an order of January' ],
	[ 'churn_by_period', 0, "${ordered}01ffffffffffffff$none", 'a bit before the first order' ],
	[ 'churn_by_period', 0, "${ordered}00ffffffffffffff00000001$ordered", 'an order twice' ],
	[ 'churn_by_period', 0, "${ordered}0000000000000000$none", 'an order without its bits' ],
	[ 'churn_by_period', 0, "0002b58cd363c0000000000000000000$none", 'an order at as_of' ],
	[ 'churn_by_period', 0, "7fffffffffffffff0000000000000000$none", 'no order' ],
	[ 'churn_by_period', 0, "80000000000000000000000000000000$none", 'an order at -infinity' ],
	[ 'rolling_retention', 1, "00000002$ordered$ordered", 'two orders at once' ],
	[ 'rolling_retention', 0, "00000002${ordered}0002b1264c46bfff", 'orders that descend' ],
	[ 'rolling_retention', 0, $none, 'no order' ],
	[ 'rolling_retention', 0, "00000001${ordered}00", 'a byte more' ],
	[ 'rolling_retention', 0, "00000003$ordered$ordered", 'fewer orders than it says' ],
	[ 'rolling_retention', 0, "20000001$ordered", 'a count whose bytes overflow' ],
	[ 'rolling_retention', 0, "ffffffff$ordered", 'four billion orders' ],
	[ 'rolling_retention', 0, '000000018000000000000000', 'an order at -infinity' ],
	[ 'rolling_retention', 0, '000000010002b58cd363c001', 'an order after as_of' ],
	[ 'rolling_retention', 0, '000000010002b58cd363c000', 'an order at as_of' ],
	[ 'rolling_retention', 1, '000000010002b58cd363bfff', 'an order just before it' ])
{
	my ($measure, $is_good, $hex, $title) = @$_;
	my $bytes = sprintf $pattern{$measure}, $hex;
	my $state = "as_text('\\x$bytes')::retention_state";
	my $outcome = outcome("SELECT s::text::retention_state::text = s::text, $measure(s), state_info(s), (SELECT $measure(rollup(x)) FROM (VALUES (s)) v(x)) FROM (VALUES ($state)) v(s)");

	like($outcome, $is_good ? qr/^$/ : qr/^22...$/, "$measure, $title: " . ($is_good ? 'accepted' : 'refused in words'));
	next unless $is_good;
	# twice as many orders may be too many
	like(outcome("SELECT $measure(r), r::text::retention_state::text = r::text FROM (SELECT rollup(s) AS r FROM (VALUES ($state), ($state), ($state)) v(s)) r"),
		qr/^(22003)?$/, "$measure, $title: merged with itself");
}

# ---------------------------------------------------------------------------
# Customers that collide
# ---------------------------------------------------------------------------

# The engine lays customers out by words that a user can compute. These belong all in one
# place of its table: at the beginning, in the middle, at the end.
my %first_word = (beginning => 0, middle => 1 << 63, end => ~0 - 2499);
my @crowd = map {
	my $place = $_;
	map {
		join "\t", $place, $_, bigint_with_word($first_word{$place} + $_ - 1),
		  uuid_with_words($first_word{$place} + int(($_ - 1) / 50), $_)
	} 1 .. 2500
} sort keys %first_word;

write_file("$folder/crowd", join "\n", @crowd, '');
answer("CREATE TABLE crowd (place text, rank int, c_bigint bigint, c_uuid uuid); COPY crowd FROM '$folder/crowd'");

foreach my $customer ('c_bigint', 'c_uuid')
{
	is(answer("SELECT count(DISTINCT $customer) FROM crowd"), '7500', "$customer: there are 7,500 customers in three places");
	foreach my $order ('rank', 'rank DESC', 'md5(rank::text)')
	{
		is(answer(qq{
			SELECT string_agg(concat_ws(' ', place, (state_info(s)).customers, repeat_rate(s),
			                            s::text::retention_state::text = s::text), ', ' ORDER BY place)
			FROM (SELECT place, repeat_rate_state($customer ORDER BY $order) AS s
			      FROM (SELECT * FROM crowd UNION ALL SELECT * FROM crowd WHERE rank % 5 = 0) rows GROUP BY place) states}),
			'beginning 2500 0.2 t, end 2500 0.2 t, middle 2500 0.2 t', "$customer: none is lost in the order of $order");
	}
	my $state = "second_order_rate_state($customer, '2024-01-01', '1 month', '2025-01-01' ORDER BY md5((rank + n)::text))";
	is(answer(qq{
		SELECT count(*)
		FROM generate_series(1, 400) n,
		     LATERAL (SELECT $state AS s FROM crowd WHERE rank > 2500 - n GROUP BY place) states
		WHERE (state_info(s)).customers <> n}), '0', "$customer: nor of any number from 1 to 400");
	is(answer(qq{
		SELECT rollup(s)::text = (SELECT repeat_rate_state($customer)::text FROM crowd), (state_info(rollup(s))).customers
		FROM (SELECT repeat_rate_state($customer) s FROM crowd GROUP BY rank % 7) parts}),
		't|7500', "$customer: nor in merging");
	is(answer(qq{
		SELECT count(*) FILTER (WHERE moving IS DISTINCT FROM anew), count(DISTINCT anew) > 10
		FROM (SELECT repeat_rate($customer) OVER w AS moving,
		             repeat_rate(CASE WHEN random() < 2 THEN $customer END) OVER w AS anew
		      FROM crowd, generate_series(1, 2) WHERE rank > 2100
		      WINDOW w AS (ORDER BY md5(rank % 300 || place) ROWS 100 PRECEDING)) frames}),
		'0|t', "$customer: and a sliding window takes the right ones away");
}

# However many they are, and in whatever order they come, each costs what the logarithm
# of their number does. Counted are the slots that the engine looks at and moves for new
# customers; the function that tells is for this test alone.
my $crowded = 20_000;
my @words = map { [ (1 << 62) + $_, int($_ / 5000) ] } 0 .. $crowded - 1;
write_file("$folder/large_crowd", join '', map {
	my ($rank, $word, $same) = ($_, @{ $words[$_] });
	# 15 bytes whose second half is a length and seven letters, in an encoding that takes any
	my $second = (15 << 56) | unpack 'Q>', "\0" . join '', map { chr(65 + int($rank / 26**$_) % 26) } 0 .. 6;
	my $text = pack 'Q> a7', first_half_with_words($same, $second), substr pack('Q>', $second), 1;
	join("\t", $rank, bigint_with_word($word), uuid_with_words($same, $rank), '\\\\x' . unpack('H*', $text)) . "\n"
} 0 .. $crowded - 1);
answer(q{CREATE DATABASE any_bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'});
answer(qq{
	CREATE EXTENSION retention;
	CREATE FUNCTION retention_table_steps() RETURNS bigint LANGUAGE c AS 'retention';
	CREATE TABLE crowd (rank int, c_bigint bigint, c_uuid uuid, bytes bytea, c_text text);
	COPY crowd (rank, c_bigint, c_uuid, bytes) FROM '$folder/large_crowd';
	UPDATE crowd SET c_text = convert_from(bytes, 'SQL_ASCII') WHERE position('\\x00' IN bytes) = 0;
	CREATE TABLE states AS
	SELECT rank % 2000 AS part, repeat_rate_state(c_bigint) AS c_bigint, repeat_rate_state(c_uuid) AS c_uuid, repeat_rate_state(c_text) AS c_text FROM crowd GROUP BY 1}, 'any_bytes');
cmp_ok(answer('SELECT count(DISTINCT c_text) FROM crowd', 'any_bytes'), '>', 0.9 * $crowded, 'there are texts of one word');

foreach my $customer ('c_bigint', 'c_uuid', 'c_text')
{
	foreach (
		(map { [ "in the order of $_", "(SELECT $customer AS c FROM crowd ORDER BY $_ OFFSET 0) o", 'repeat_rate_state(c)' ] } 'rank', 'rank DESC', 'md5(rank::text)'),
		[ 'in states that are merged', 'states', "rollup($customer ORDER BY part)" ],
		[ 'in pairs of states', 'states', "rollup(merge($customer, $customer))" ],
		[ 'written to files and read', 'crowd', "purchases_state($customer, timestamptz '2024-01-01' + rank * interval '1 minute', 1, '2030-01-01')", q(SET work_mem = '64kB') ])
	{
		my ($title, $from, $state, $settings) = @$_;
		my ($customers, $steps) = split /\|/, answer(join(';', $settings // '',
			"SELECT (state_info($state)).customers, retention_table_steps() FROM $from"), 'any_bytes');

		is($customers, answer("SELECT count(DISTINCT $customer) FROM crowd", 'any_bytes'), "$customer, $title: all are there");
		cmp_ok($steps, '<', 1_000 * $crowded, "$customer, $title: each is found and given room in few steps");
	}
}
my $steps_of_others = answer("SELECT repeat_rate(rank * 7919::bigint); SELECT retention_table_steps()" =~ s/;/ FROM crowd;/r, 'any_bytes');
cmp_ok((split /\n/, $steps_of_others)[1], '<', 10 * $crowded, 'others take fewer still');

# ---------------------------------------------------------------------------
# Extreme arguments
# ---------------------------------------------------------------------------
answer(q{
	CREATE ROLE analyst;
	CREATE SCHEMA desk AUTHORIZATION analyst;
	GRANT SELECT ON ALL TABLES IN SCHEMA public TO analyst;

	-- what statements lead to: '' or their error
	CREATE FUNCTION attempt(statements text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE statements;
		RETURN '';
	EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
	END $$});

# Attempts of an ordinary user: those that lead to something else than expected
sub surprises
{
	my ($expected, @attempts) = @_;

	write_file("$folder/attempts", join '', map { s/\\/\\\\/gr . "\n" } @attempts);
	return answer(qq{
		CREATE TEMP TABLE attempts (id serial, statements text);
		COPY attempts (statements) FROM '$folder/attempts';
		GRANT SELECT ON attempts TO analyst;
		SET ROLE analyst;
		SELECT statements, error
		FROM (SELECT id, statements, attempt(statements) AS error FROM attempts OFFSET 0) a
		WHERE error !~ '$expected' ORDER BY id LIMIT 10});
}

my %extremes = (
	'bigint' => [qw('7' '0' '9223372036854775807' '-9223372036854775808')],
	'text' => [ q('anna'), q(''), q(repeat('x', 100000)) ],
	'uuid' => [q('00000000-0000-0000-0000-000000000000')],
	'numeric' => [qw('5' '0' '-1' 'NaN' 'Infinity' '-Infinity' '1e131000' '-1e131000' '1e-16383' '0.5')],
	'double precision' => [qw('0.5' '0' '1' '-1' 'NaN' 'Infinity' '-Infinity' '1e308' '1e-308')],
	'timestamp with time zone' =>
	  [ q('2024-01-01'), q('infinity'), q('-infinity'), q('294276-12-31 23:59:59.999999+00'), q('4713-01-01 00:00:00+00 BC') ],
	'interval' => [
		q('1 month'), q('0'), q('-1 day'), q('1 month -1 day'), q('178000000 years'), q('2147483647 days'),
		q('2562047788 hours'), q('0.000001 seconds')
	],
	'cstring' => [qw('RS')],
	'order_history' => [
		map { "(SELECT order_history($_, to_timestamp(i * 86400), nullif(i - 2, 3)) FROM generate_series(1, 9) i)" } 'i % 3', q('customer number ' || i % 2), q(md5((i % 4)::text)::uuid)
	],
	'survival' => [ '(SELECT survival(i, i < 5) FROM generate_series(0, 9) i)', q('UlMCDgEAAAAAAAAAAA==') ],
	'survival[]' => [ '(SELECT array_agg(s) FROM (SELECT survival(i, i < 5) s FROM generate_series(0, 9) i GROUP BY i % 3) g)',
		q('{}'), q('{NULL,UlMCDgEAAAAAAAAAAA==}') ],
	'cohort_retention_row[]' => [
		q('{"(2024-01-01,0,3,3,3,1,3,3,1,1,0,0,1,t)","(2024-01-01,1,3,3,1,0,1,1,1,1,1,0,1,t)"}'), q('{}'), q('{NULL}'), q('{"(,,,,,,,,,,,,,)"}'), q('{"(,,,,,,,,,,,,,t)"}'),
		map { qq('{"(2024-01-01,$_,1,0,1,1,0,0,1,t)"}') } '-1,3,3,3,1', '2147483647,3,3,3,1', '0,3,-3,3,1', '0,3,3,4,1', '0,3,0,0,1', '0,3,9223372036854775807,1,1'
	],
	'boolean' => [qw('t' 'f')],
	'boolean[]' => [ q('{t,f}'), q('{NULL,t,t}'), q('{}'), q('{t}'), q('{{t,f},{f,t}}'), q(array_fill(true, '{33}')) ],
	'rfm_cuts' => [ map { "ROW($_)" } q(5, 'standard', '{2024-01-01}', '{3}', '{5}'), q(2, 'rf', '{}', '{}', '{}'), q(0, '', '{}', '{}', '{}'), q(5, 'standard', '{NULL}', '{3}', '{NaN}'), q(2, 'rf', '{2024-01-01,2024-01-02}', '{{3}}', '{5}'), q(NULL, NULL, NULL, NULL, NULL) ],
	'btyd_model' => [
		(map { "ROW($_, NULL, NULL, NULL, NULL, NULL, NULL)" } q('bgnbd', '{0.243,4.414,0.793,2.426}'), q('pareto_nbd', '{0.553,10.578,0.606,11.669}'),
			q('hbgnbd', '{0.4,5,0.8,2,0.3}'), q('hbgnbd', '{1e-15,1e60,1e15,1e15,0.999999999999999}'), q('hbgnbd', '{1,1,1,1,1}'), q('mbgnbd', '{1e15,1e100,1e15,1e15}'), q('pareto_nbd', '{1e-15,1e-100,1e-15,1e-100}'), q('pareto_nbd', '{1e15,1e-100,0,1e100}'), q('bgnbd', '{1,NaN,1,1}'), q('mbgnbd', '{1,1,1,0}'),
			q('bgnbd', '{1,1}'), q('bgnbd', '{NULL,1,1,1}'), q(NULL, NULL), q('', '{}'), q('bgnbd', NULL)),
		q(ROW('bgnbd', '{1,2,3,4}', '{NaN,Infinity,-1,1e308}', 'NaN', -1, -1, NULL, '')), q(ROW('bgnbd', '{1,2,3,4}', '{1}', NULL, NULL, NULL, NULL, NULL))
	],
	'date' => [ map { "'$_'" } qw(2024-02-29 2023-01-01 infinity -infinity 5874897-12-31), '4713-01-01 BC' ],
	'season_model' => [
		map { "ROW($_)" } q('{0.8,0.7,0.9,1,1.1,0.9,0.8,0.8,1,1.1,1.4,1.5}', '{NULL}', '{}', 5, 'ok'), q('{}', NULL, NULL, NULL, NULL), q('{{1,2},{3,NaN}}', '{1}', '{NULL}', 'NaN', ''), q(NULL, NULL, NULL, NULL, NULL)
	],
	'spend_model' => [
		map { "ROW($_, NULL, NULL, NULL, NULL, NULL, NULL, NULL)" } q('gamma_gamma', '{6.25,3.74,15.44}'), q('gamma_gamma', '{1e15,1e15,1e100}'), q('gamma_gamma', '{1e-15,1e-15,1e-100}'),
		q('gamma_gamma', '{1,-1,1}'), q('gamma_gamma', '{1,2,3,4}'), q('bgnbd', '{1,2,3}'), q('gamma_gamma', NULL)
	],
	'integer' => [qw('5' '2' '9' '0' '-1' '10' '2147483647' '-2147483648')],
	# cut points
	(map { $_ => [ q('{1,5,7}'), q('{7,1}'), q('{NULL}'), q('{{1},{2}}'), q('{}') ] } 'integer[]', 'bigint[]', 'numeric[]', 'double precision[]', 'text[]'),
	'timestamp with time zone[]' => [ q('{2024-01-01,2024-05-01}'), q('{infinity,-infinity}'), q('{NULL}'), q('{}') ],
	'daterange[]' => [ map { "'$_'" } '{}', '{"[2023-11-01,2023-12-01)","[2023-11-20,2024-01-01)"}', '{NULL}', '{empty,"(,)"}', '{"[4714-11-24 BC,5874897-12-31]"}', '{{"[2024-01-01,)"},{"(,2023-02-01]"}}' ],
	'interval[]' => [ q('{1 day,1 month}'), q('{1 month,30 days}'), q('{NULL}'), q('{}') ],
	# of a polymorphic argument
	'anyelement' => [qw(NULL::bigint NULL::text NULL::uuid NULL::date)],
	'anycompatible' => [qw(5 'NaN'::float8 NULL::bigint)],
	'anycompatiblearray' => [ 'ARRAY[1, 5, 7]', 'ARRAY[7, 1]', 'ARRAY[NULL::int]', 'ARRAY[[1], [2]]', q('{}'::int[]), 'NULL::int[]' ],
	'retention_state' => [ map { "(SELECT state FROM intact WHERE call = \$\$$_->{call}\$\$ LIMIT 1)" } @states ]);

# Arguments that only make sense with other values than their type has
my @columns = map { "'$_'" } qw(c_short shop id state nobody ctid), '', 'a"b';
my %extremes_of = (
	orders_table => [ map { "'$_'" } qw(orders intact crowd pg_class pg_stat_activity orders_view pg_class_oid_index 0 4294967295) ],
	events_table => [ map { "'$_'" } qw(orders orders_view pg_class pg_class_oid_index 0 4294967295) ],
	live => [ map { "'$_'" } qw(orders orders_view pg_class_oid_index 0 4294967295) ],
	triggers => [qw('auto' 'row' 'none' '')],
	rules_table => [ map { "'$_'" } qw(rules orders pg_class_oid_index 0) ],
	customer_column => [ q('c_bigint'), @columns ],
	ordered_at_column => [ q('ordered_at'), @columns ],
	amount_column => [ q('amount'), @columns ],
	order_id_column => [ 'NULL', @columns ],
	at_column => [ q('ordered_at'), @columns ],
	event_column => [ q('c_short'), @columns ],
	product_column => [ 'NULL', @columns ],
	value_column => [ 'NULL', q('amount'), @columns ],
	currency_column => [ 'NULL', @columns ],
	family => [qw('mbgnbd' 'bgnbd' 'hbgnbd' 'pareto_nbd' '' 'BGNBD' 'gamma_gamma')],
	season => [qw('auto' 'month' 'none' '' 'MONTH')],
	unit => [ map { "'$_'" } '7 days', '1 month', '0', '-1 day', '2147483647 days', '36 hours', '2562047788 hours', '1 day -24 hours' ],
	factors => [ q('{0.8,0.7,0.9,1,1.1,0.9,0.8,0.8,1,1.1,1.4,1.5}'), q('{1,2}'), q('{}'), q('{1e-6,1e6,1,1,1,1,1,1,1,1,1,NaN}'), q(array_fill(1e6, '{12}')), q(array_fill(0, '{3,4}')) ],
	grid => [qw('standard' 'rf' '' 'STANDARD')],
	grain => [qw('month' 'day' 'week' 'quarter' 'year' '' 'hour')],
	tz => [ map { "'$_'" } 'UTC', 'Europe/Paris', '+14', '', 'nowhere', 'UTC; DROP TABLE orders', q(o''clock), 'America/St_Johns', 'ABC0DEF-20,J1,J305/3',
		'x' x 47, 'x' x 48 ],
	cell => [qw('555' '111' '999' '' '5555' '-11')],
	to_as_of => [qw('2024-07-01' '2023-01-01' 'infinity' '-infinity')]);
answer(q{
	CREATE VIEW orders_view AS SELECT * FROM orders;
	CREATE TABLE rules (segment text, r_min int, r_max int);
	INSERT INTO rules VALUES ('low', NULL, 2), ('high', 2, 5);
	GRANT SELECT ON orders_view, rules TO analyst});

# For each argument of a function, what it may be given
sub values_of
{
	my ($function) = @_;
	return map {
		my ($type, $name) = ($function->{types}[$_], $function->{names}[$_] // '');
		my $cast = $type =~ /^any/ ? '' : "::$type";
		[
			(map { "$_$cast" } @{ $extremes_of{$name} // $extremes{$type} // die "no values of type $type" }),
			$cast eq '' ? () : "NULL$cast"
		]
	} 0 .. $#{ $function->{types} };
}

sub product { my $product = 1; $product *= @$_ foreach @_; return $product; }

# Every combination of them, as lists of arguments
sub combinations
{
	my ($first, @rest) = @_;
	return '' unless $first;
	my @of_rest = combinations(@rest);
	return map { my $value = $_; map { $_ eq '' ? $value : "$value, $_" } @of_rest } @$first;
}

# Their first values, but for one argument that takes all of its own
sub one_by_one
{
	my @values = @_;
	return map {
		my $at = $_;
		map { my @arguments = map { $_->[0] } @values; $arguments[$at] = $_; join ', ', @arguments } @{ $values[$at] }
	} 0 .. $#values;
}

my ($support, $functions) = ([], []);
push @{ $_->{name} =~ /transfn|invfn|_combine$/ ? $support : $functions }, $_ foreach members('f');

my @by_aggregate = map {
	my $name = $_->{name};
	map { "SELECT $name($_) FROM generate_series(1, 2)" } one_by_one(values_of($_))
} members('a');
my @by_function = map {
	my $name = $_->{name};
	my @values = values_of($_);
	my @lists = product(@values) <= 5000 ? combinations(@values) : one_by_one(@values);
	# two states meet in all ways
	push @lists, combinations(@values[ 0, 1 ], map { [ $_->[0] ] } @values[ 2 .. $#values ])
	  if join(' ', @{ $_->{types} }) =~ /^retention_state retention_state/;
	map { "SELECT $name($_)" } @lists
} @$functions;
# What changes tables is for their owner, which this user is not.
my @by_owner = grep { /^SELECT retention_(?!check)/ } @by_function;
@by_function = grep { !/^SELECT retention_(?!check)/ } @by_function;
my @by_hand = map {
	my $name = $_->{name};
	my ($states, @others) = values_of($_);
	map { "SELECT $name($_)" } combinations($states, map { [ @$_[ 0, -1 ] ] } @others)
} @$support;

cmp_ok(@$_, '>', 1000, 'there are many attempts') foreach \@by_aggregate, \@by_function, \@by_hand;

# Class 22 is bad data, and a table or column may not be there or be something else; but nobody should have to understand a division by zero.
is(surprises('^($|22(?!012)|42804|54000 .* more rows than a value can hold$)', @by_aggregate), '',
	'aggregates with extreme arguments: an answer or an error in words');
is(surprises('^($|22(?!012)|42804|42703|42809|42P01)', @by_function), '',
	'functions with extreme arguments: likewise');
is(surprises('^($|22|39P01|42501|42703|42804|42809|42P01)', grep { !/live_status/ } @by_owner), '',
	'functions of live tracking: nobody, or an error in words');
is(surprises('^55000 .* is called by its aggregate alone$', @by_hand), '',
	'support functions called by hand say that they are not for that');

# ---------------------------------------------------------------------------
# Aggregates of the user's own
# ---------------------------------------------------------------------------

# Makes an aggregate, uses it over three rows, drops it.
sub misuse
{
	my ($types, $parts, $use, $state) = @_;
	$state //= 'retention_state';
	return "CREATE AGGREGATE desk.mine($types) ($parts, STYPE = $state); "
	  . "SELECT $use FROM (VALUES (1), (2), (1)) v(i); DROP AGGREGATE desk.mine($types)";
}

# Every transition function, begun with every kind of state: only its own family, type of
# customer and options go together.
my %usual = (
	%{ { map { $_ => $extremes{$_}[0] } keys %extremes } },
	'timestamp with time zone' => q('2024-07-01 00:00+00'),
	'interval' => q('90 days'));
my @beginnings = map { ", INITCOND = '$_->[0]'" } rows('SELECT DISTINCT ON (call) state FROM intact ORDER BY call');
my @misuses = map {
	my $name = $_->{name};
	my ($state, @types) = @{ $_->{types} };
	my $result = 'desk.mine(' . join(', ', map { "$usual{$_}\::$_" } @types) . ')';
	my $use = $state eq 'survival' ? "survival_at($result, 1)" : '(' . ($state eq 'order_history' ? 'history' : 'state') . "_info($result)).customers";
	map { misuse(join(', ', @types), "SFUNC = $name$_", $use, $state) } '', @beginnings
} @$support;

# Readers of other measures, and windows that add what they should take away
push @misuses, map { misuse('bigint', "SFUNC = repeat_rate_transfn_bigint, FINALFUNC = $_", 'desk.mine(i)') } @readers;
foreach my $add ('transfn', 'invfn')
{
	foreach my $remove ('transfn', 'invfn')
	{
		my $parts = "SFUNC = repeat_rate_transfn_bigint, MSTYPE = retention_state, "
		  . "MSFUNC = repeat_rate_${add}_bigint, MINVFUNC = repeat_rate_${remove}_bigint";
		push @misuses, misuse('bigint', $parts, 'desk.mine(i) OVER (ORDER BY i ROWS 1 PRECEDING)');
	}
}
cmp_ok(@misuses, '>', 500, 'there are many misuses');
is(surprises('^($|22|42804)', @misuses), '', 'aggregates made of the wrong parts: an answer or an error in words');

# ---------------------------------------------------------------------------
is(answer('SELECT repeat_rate(i) FROM (VALUES (1), (2), (1)) v(i)'), '0.5', 'the server works as before');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|was terminated|memory alloc request|out of memory/, 'nothing crashed');

$node->stop;
done_testing();
