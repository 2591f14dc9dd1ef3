#!/usr/bin/perl
# smith.pl SEED STATEMENTS <catalogue: prints random SQL statements over the extension's
# functions, on the tables of smith.sql. The catalogue, on standard input, has a line a
# function or a column of a composite type, of fields between tabs:
#
#	function	name	kind	set-returning	result	arguments: name:type,...	of them with a default
#	column		composite type	type
use strict;
use warnings FATAL => 'all';

my ($seed, $statements) = @ARGV;
srand $seed;

my (@functions, %composite, %returning);
while (<STDIN>)
{
	chomp;
	my ($what, @fields) = split /\t/, $_, -1;
	if ($what eq 'column')
	{
		push @{ $composite{ $fields[0] } }, $fields[1];
		next;
	}
	my ($name, $kind, $is_set, $result, $arguments, $defaults) = @fields;
	my %function = (
		name => $name,
		kind => $kind,
		is_set => $is_set eq 't',
		result => $result,
		defaults => $defaults,
		arguments => [ map { [ split /:/, $_, 2 ] } split /,/, $arguments ]);
	push @functions, \%function;
	push @{ $returning{$result} }, \%function unless $function{is_set} || $kind ne 'f';
}
my @aggregates = grep { $_->{kind} eq 'a' } @functions;
my @tables = grep { $_->{is_set} } @functions;
my @windows = grep { $_->{kind} eq 'w' } @functions;
my @scalars = grep { $_->{kind} eq 'f' && !$_->{is_set} } @functions;

sub chance { return rand() < $_[0]; }
sub pick { return $_[ int rand @_ ]; }
sub quote { my ($text) = @_; $text =~ s/'/''/g; return "'$text'"; }

# ---------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------
my @zones = qw(UTC Europe/Paris America/St_Johns Pacific/Apia Asia/Kathmandu ABC-9 nowhere);
my %of_name = (
	tz => [ map { quote($_) } @zones ],
	grain => [ map { quote($_) } qw(day week month quarter year hour) ],
	family => [ map { quote($_) } qw(bgnbd mbgnbd pareto_nbd gamma_gamma) ],
	grid => [ map { quote($_) } qw(standard rf nothing) ],
	lang => [ map { quote($_) } qw(en de fr xx) ],
	cell => [ map { quote($_) } qw(555 111 5-5-5 10-1-10 999) ],
	segment => [ map { quote($_) } qw(champions lost loyal) ],
	orders_table => [ map { "'$_'::regclass" } qw(orders odd_orders empty_orders order_view pg_class) ],
	rules_table => [ map { "'$_'::regclass" } qw(rules orders) ],
	customer_column => [ map { quote($_) } qw(c_bigint c_text c_uuid c_int) ],
	ordered_at_column => [ map { quote($_) } qw(ordered_at ordered_on) ],
	amount_column => [ map { quote($_) } qw(amount cents) ],
	order_id_column => [qw('id' NULL)],
	customer_type => [qw(NULL::bigint NULL::text NULL::uuid)],
	bins => [qw(1 2 3 5 10)],
	max_index => [qw(0 1 12 100)],
	max_number => [qw(1 2 6 50)],
	confidence => [qw(0.95 0.5 0.999999999999 0 1)],
	share => [qw(0.8 0 1 0.5)],
	(map { $_ => [ map { quote($_) } '30 days', '1 month', '1 year', '7 days' ] }
	   qw(period lifetime within inactive_after unit)),
	(map { $_ => [ map { quote($_) } '2024-01-01 00:00+00', '2024-07-01 00:00+00', '2026-01-01 00:00+00' ] }
	   qw(as_of period_start period_end from_as_of to_as_of calibration_end holdout_end)));

my %constants = (
	bigint => [qw(0 1 2 7 -1 2147483648 9223372036854775807 -9223372036854775808 NULL)],
	integer => [qw(0 1 5 12 -1 1000000 2147483647 -2147483648 NULL)],
	'double precision' => [
		qw(0 '-0' 1 0.5 0.95 -1 3.5 365 1e-300 1e300 1e15 1e-15 1.7976931348623157e308 4.9e-324 'NaN' 'Infinity' '-Infinity' NULL)
	],
	numeric => [
		qw(0 1 -1 0.01 12.5 1e38 -1e38 1e100 1e-100 99999999999999999999999999999999999999 'NaN' 'Infinity' '-Infinity' 1e5000 NULL)
	],
	text => [ qw('' 'a' 'UTC' 'month' '555' NULL), "repeat('x', 5000)", "U&'\\\\00e9\\\\4e2d'", "E'\\\\x01'" ],
	uuid => [ qw(NULL), map { quote($_) } '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '12345678-9abc-def0-1234-56789abcdef0' ],
	'timestamp with time zone' => [
		'NULL', map { quote($_) } 'infinity', '-infinity', '4714-11-24 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00',
		'2024-02-29 12:00+00', '2024-03-31 01:30+00', '1970-01-01 00:00+00', '2024-06-01 00:00+00', '2999-01-01 00:00+00'
	],
	interval => [
		'NULL', map { quote($_) } '0', '1 month', '-1 day', '90 days', '1 microsecond', '1 month -30 days', '178000000 years',
		'2147483647 days', '2147483647 months', '2562047788 hours', '1 year 1 day'
	],
	boolean => [qw(true false NULL)],
	regclass => [ "'orders'", "'pg_class'", '0::regclass', 'NULL', "'rules'" ],
	name => [ qw('' 'c_bigint' 'amount' 'ordered_at' 'id' 'ctid' 'tableoid' 'nothing' NULL), q('x"y') ],
	anyelement => [qw(NULL::bigint NULL::text NULL::uuid NULL::integer NULL::numeric 1::bigint 'a'::text NULL::jsonb 1.5)],
	anycompatible => [qw(1 2.5 'NaN'::float8 NULL::int now() 'a'::text)],
	anycompatiblearray => [ 'ARRAY[1, 2, 3]', "'{}'::numeric[]", 'ARRAY[3, 2, NULL]', "'{{1,2},{3,4}}'::int[]", "ARRAY['NaN'::float8, 1]", 'NULL::int[]' ],
	retention_state => [ 'NULL', "''", "'UlMC'" ],
	survival => [ 'NULL', "''" ]);

# The columns of the tables of orders, by type
my %columns = (
	bigint => [qw(c_bigint id cents)],
	text => ['c_text'],
	uuid => ['c_uuid'],
	'timestamp with time zone' => ['ordered_at'],
	numeric => ['amount'],
	'double precision' => [ 'id / 7.0', 'amount::float8' ],
	integer => [ 'c_int', 'id::int % 7' ],
	boolean => ['id % 3 > 0'],
	anyelement => [qw(c_bigint c_text amount)],
	anycompatible => [qw(amount c_int)]);

sub constant
{
	my ($type) = @_;
	my $constant = pick(@{ $constants{$type} // ['NULL'] });
	return $type =~ /^any/ ? $constant : "($constant)::$type";
}

# ---------------------------------------------------------------------------
# Expressions: of a type, so deep, with the columns of orders in reach or not
# ---------------------------------------------------------------------------
sub expression
{
	my ($type, $depth, $in_orders, $name) = @_;

	return pick(@{ $of_name{$name} }) . ($name eq 'customer_type' || $type =~ /^any/ ? '' : "::$type")
	  if defined $name && $of_name{$name} && chance(0.85);
	return pick(@{ $columns{$type} }) if $in_orders && $columns{$type} && !$of_name{ $name // '' } && chance(0.7);
	if ($type =~ /^(.*)\[\]$/)
	{
		my $element = $1;
		return fixed_array($element) if $element eq 'double precision' && chance(0.8);
		return call(pick(@{ $returning{$type} }), $depth, $in_orders) if $depth > 0 && $returning{$type} && chance(0.6);
		return "ARRAY[" . join(', ', map { expression($element, $depth - 1, $in_orders) } 1 .. int rand 4) . "]::$type";
	}
	return state($type, $depth, $in_orders) if $type eq 'retention_state' || $type eq 'survival';
	return model($type, $depth, $in_orders) if $type =~ /_model$/;
	if ($composite{$type})
	{
		return "NULL::$type" if chance(0.1) || $depth < 0;
		return "ROW(" . join(', ', map { expression($_, $depth - 1, $in_orders) } @{ $composite{$type} }) . ")::$type";
	}
	if ($depth > 0 && chance(0.25))
	{
		return call(pick(@{ $returning{$type} }), $depth - 1, $in_orders) if $returning{$type} && chance(0.7);
		return 'coalesce(' . join(', ', map { expression($type, $depth - 1, $in_orders) } 1, 2) . ')';
	}
	return constant($type);
}

sub fixed_array
{
	return pick("'{}'", "'{{0.2,4},{0.8,2.4}}'", "'[0:3]={0.2,4,0.8,2.4}'", "'{0.243,4.414,0.793,2.426}'", 'NULL') . '::float8[]' if chance(0.3);
	my $n = chance(0.8) ? pick(3, 4) : int rand 7;
	my @extreme = qw(1e-100 1e-15 1e100 1e15 0 -1 'NaN' 'Infinity' NULL 1e-5 1e5 1e300);
	return 'ARRAY[' . join(', ', map { chance(0.3) ? pick(@extreme) : sprintf '%.4g', exp(rand(8) - 4) } 1 .. $n) . ']::float8[]';
}

sub model
{
	my ($type, $depth, $in_orders) = @_;
	my @families = $type eq 'btyd_model' ? qw('bgnbd' 'mbgnbd' 'pareto_nbd') : qw('gamma_gamma');

	return "NULL::$type" if chance(0.05);
	if ($depth > 0 && $returning{$type} && chance(0.2))
	{
		my $fit = pick(grep { $_->{arguments}[0][1] eq 'retention_state' } @{ $returning{$type} });
		my $state = $type eq 'btyd_model' ? 'btyd' : 'gamma_gamma';
		return "$fit->{name}((SELECT s FROM states WHERE name LIKE '${state}_state%' ORDER BY random() LIMIT 1))";
	}
	my $family = chance(0.95) ? pick(@families) : expression('text', 0, $in_orders);
	my @fields = @{ $composite{$type} };
	shift @fields for 1, 2;
	my $params = $type eq 'spend_model' && chance(0.7) ? "ARRAY[" . join(', ', map { sprintf '%.4g', exp(rand(10) - 3) } 1 .. 3) . "]::float8[]" : fixed_array();
	return "ROW($family, $params, " . join(', ', map { chance(0.3) ? expression($_, 0, $in_orders) : 'NULL' } @fields) . ")::$type";
}

sub state
{
	my ($type, $depth, $in_orders) = @_;
	my $from = pick('orders', 'orders', 'odd_orders', 'empty_orders');

	return constant($type) if chance(0.05);
	my $stored = '(SELECT s FROM ' . ($type eq 'survival' ? 'survivals' : 'states') . ' ORDER BY random() LIMIT 1)';
	return $stored if $depth <= 0 || chance(0.4);
	return "(SELECT rollup($stored) FROM generate_series(1, 3))" if chance(0.2);
	my @makers = grep { $_->{result} eq $type && $_->{name} ne 'rollup' } @aggregates;
	return $stored . '::text::' . $type if chance(0.1) || !@makers;
	return '(SELECT ' . aggregate_call(pick(@makers), $depth - 1, 1) . " FROM $from WHERE id % " . (1 + int rand 9) . " = 0)";
}

sub arguments
{
	my ($function, $depth, $in_orders) = @_;
	my @arguments = @{ $function->{arguments} };
	my $defaults = $function->{defaults};

	pop @arguments while $defaults-- > 0 && chance(0.6);
	return join ', ', map { expression($_->[1], $depth, $in_orders, $_->[0]) } @arguments;
}

sub call
{
	my ($function, $depth, $in_orders) = @_;
	return "$function->{name}(" . arguments($function, $depth - 1, $in_orders) . ')';
}

sub aggregate_call
{
	my ($aggregate, $depth, $in_orders) = @_;
	my $arguments = arguments($aggregate, $depth, $in_orders);

	# options are to be the same in all rows: mostly constants, as their names ask for
	my $distinct = chance(0.05) ? 'DISTINCT ' : '';
	my $order = !$distinct && chance(0.1) ? ' ORDER BY ' . pick('id', 'ordered_at DESC', 'amount', 'random()') : '';
	my $filter = chance(0.15) ? ' FILTER (WHERE ' . pick('id % 2 = 0', 'false', 'amount > 20', 'c_bigint IS NOT NULL') . ')' : '';
	return "$aggregate->{name}($distinct$arguments$order)$filter";
}

# ---------------------------------------------------------------------------
# Statements
# ---------------------------------------------------------------------------
sub orders { return pick('orders', 'orders', 'odd_orders', 'empty_orders', 'order_view', '(SELECT * FROM orders ORDER BY random() LIMIT 50)') . ' o'; }
sub condition { return pick('', '', '', ' WHERE id % 5 = 1', ' WHERE c_bigint < 5', ' WHERE false', ' WHERE ordered_at > ' . quote('2024-03-01')); }

sub grouping
{
	return pick('', '', ' GROUP BY c_bigint % 3', ' GROUP BY ROLLUP (c_int % 2, c_bigint % 2)', ' GROUP BY CUBE (c_int % 2, id % 2)',
		' GROUP BY GROUPING SETS ((), (c_text))') . (chance(0.1) ? ' HAVING count(*) > 1' : '');
}

sub window
{
	my $frame = pick('', 'ROWS BETWEEN 5 PRECEDING AND CURRENT ROW', 'ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
		'ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW', 'GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING');
	return ' OVER (' . pick('', 'PARTITION BY c_int % 3 ') . "ORDER BY id $frame)";
}

my @shapes = (
	sub { 'SELECT ' . call(pick(@scalars), 3, 0) },
	sub { 'SELECT ' . join(', ', map { call(pick(@scalars), 2, 1) } 1 .. 1 + rand 2) . ' FROM ' . orders() . condition() . ' LIMIT 20' },
	sub { 'SELECT ' . join(', ', map { aggregate_call(pick(@aggregates), 1, 1) } 1 .. 1 + rand 3) . ' FROM ' . orders() . condition() . grouping() },
	sub { my $a = pick(@aggregates); "SELECT $a->{name}(" . arguments($a, 1, 1) . ')' . window() . ' FROM ' . orders() . condition() . ' LIMIT 40' },
	sub { my $w = pick(@windows); my $f = "$w->{name}(" . arguments($w, 1, 1) . ')' . window(); "SELECT $f FROM " . orders() . condition() . ' LIMIT 40' },
	sub { my $t = pick(@tables); "SELECT * FROM $t->{name}(" . arguments($t, 2, 0) . ') t' . pick('', ' ORDER BY 1', ' CROSS JOIN orders', ' WHERE false') . ' LIMIT 100' },
	sub { my $t = pick(@tables); 'SELECT count(t), max(t::text) FROM ' . orders() . ", LATERAL $t->{name}(" . arguments($t, 1, 1) . ') t' . pick('', ' WHERE o.id < 4') },
	sub { my $t = pick(@tables); "SELECT $t->{name}(" . arguments($t, 2, 1) . ') FROM ' . orders() . ' LIMIT 10' },
	sub {
		my $type = pick('retention_state', 'retention_state', 'survival');
		my @makers = grep { $_->{result} eq $type && $_->{name} ne 'rollup' } @aggregates;
		my @readers = grep { @{ $_->{arguments} } && $_->{arguments}[0][1] eq $type } @scalars;
		my $maker = pick(@makers);
		my ($measure) = $maker->{name} =~ /^(.*?)_state$/;
		my @fitting = grep { defined $measure && $_->{name} eq $measure } @readers;
		my $reader = pick(@fitting && chance(0.7) ? @fitting : @readers);
		my @rest = @{ $reader->{arguments} };
		shift @rest;
		my $over = pick('', '', window());
		return "SELECT $reader->{name}(" . join(', ', 'rollup(s)' . $over, map { expression($_->[1], 0, 0, $_->[0]) } @rest) . ')'
		  . ' FROM (SELECT id % 4 AS id, id % 4 AS c_int, ' . aggregate_call($maker, 1, 1) . ' AS s FROM ' . orders() . condition() . ' GROUP BY id % 4) p';
	},
	sub { 'WITH w AS MATERIALIZED (SELECT ' . aggregate_call(pick(@aggregates), 1, 1) . ' AS a FROM ' . orders() . grouping() . ') SELECT count(*), max(a::text), min(pg_column_size(a)) FROM w' },
	sub { 'SELECT (SELECT ' . aggregate_call(pick(@aggregates), 1, 1) . ' FROM orders i WHERE i.c_int = o.c_int) FROM ' . orders() . ' LIMIT 15' },
	sub { my $a = pick(@aggregates); my $c = "$a->{name}(" . arguments($a, 1, 1) . ')'; "SELECT $c, count(*) FROM (SELECT * FROM orders UNION ALL SELECT * FROM odd_orders) u" . grouping() });

my @settings = (
	"SET work_mem = '64kB'", "SET work_mem = '4MB'", 'SET enable_hashagg = off', 'RESET enable_hashagg', 'SET parallel_setup_cost = 0',
	'SET min_parallel_table_scan_size = 0', 'RESET parallel_setup_cost', "SET timezone = 'Asia/Kathmandu'", 'RESET timezone',
	'SET plan_cache_mode = force_generic_plan', 'SET extra_float_digits = 3');

for (1 .. $statements)
{
	print pick(@settings), ";\n" if chance(0.02);
	print pick(@shapes)->(), ";\n";
}
