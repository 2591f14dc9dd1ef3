# States outlive the server: in tables of every storage, through COPY, through
# pg_dump and restore; and the extension may live in any schema.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $node = start_server('dump');
my @aggregates = aggregates($node);
my @states = states($node);
my @readers = readers($node);
my $folder = PostgreSQL::Test::Utils::tempdir;

create_orders($node, 40_000, 8_000);

# ---------------------------------------------------------------------------
# A table of states: every family, every kind of customer, three sizes
# ---------------------------------------------------------------------------
# Whatever can be read from a state, as text: '' where the reader says that it is
# not for this kind of state.
$node->safe_psql('postgres', q{
	CREATE FUNCTION reading(reader text, state retention_state) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE result text;
	BEGIN
		EXECUTE format('SELECT %I($1)::text', reader) INTO result USING state;
		RETURN reader || '=' || coalesce(result, 'NULL') || ' ';
	EXCEPTION WHEN datatype_mismatch THEN RETURN '';
	END $$;
	CREATE TABLE stored (call text, size text, state retention_state, PRIMARY KEY (call, size))});
foreach my $size ([ 'one', 'c_bigint = 40000120' ], [ 'some', 'id <= 100' ], [ 'all', 'true' ])
{
	$node->safe_psql('postgres', join ";\n", map { "INSERT INTO stored SELECT \$\$$_->{call}\$\$, '$size->[0]', $_->{call} FROM orders WHERE $size->[1]" } @states);
}
my $readings = join ' || ', map { "reading('$_', state)" } @readers;

# All states of a table as text, and what their readers say.
sub contents
{
	my ($database, $table) = @_;
	return $node->safe_psql($database, "SELECT call, size, state, $readings FROM $table ORDER BY call COLLATE \"C\", size");
}

my $contents = contents('postgres', 'stored');
is(scalar(split /\n/, $contents), 3 * @states, 'there is a state of every family, kind of customer and size');
unlike($contents, qr/\|$/m, 'every state has a reader');

# What a state says of itself is what the server says of the value.
is($node->safe_psql('postgres', q{SELECT count(*) FROM stored WHERE (state_info(state)).bytes IS DISTINCT FROM pg_column_size(state) OR pg_column_size(state) < (state_info(state)).customers}),
	'0', 'state_info tells the bytes of a stored state');

# ---------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------
# Through text, since the server moves a toasted value as it is.
foreach my $storage (qw(plain external extended main))
{
	my $fits = $storage eq 'plain' ? "size <> 'all'" : 'true';

	$node->safe_psql('postgres', qq{
		CREATE TABLE stored_$storage (LIKE stored);
		ALTER TABLE stored_$storage ALTER state SET STORAGE $storage;
		INSERT INTO stored_$storage SELECT call, size, state::text::retention_state FROM stored WHERE $fits});
	is(contents('postgres', "stored_$storage"), contents('postgres', "(SELECT * FROM stored WHERE $fits) s"), "storage $storage: the same states");
}
is($node->safe_psql('postgres', q{SELECT pg_relation_size(reltoastrelid) > 1000000 FROM pg_class WHERE relname = 'stored_external'}), 't', 'large states are out of line');
is($node->safe_psql('postgres', q{SELECT bool_and(pg_column_size(e.state) > pg_column_size(c.state)) FROM stored_external e JOIN stored_extended c USING (call, size) WHERE size = 'all' AND call LIKE 'second_order_rate_state(c_long%'}),
	't', 'extended ones are compressed');

# ---------------------------------------------------------------------------
# COPY
# ---------------------------------------------------------------------------
foreach my $format (qw(binary text csv))
{
	my $file = "$folder/stored.$format";

	$node->safe_psql('postgres', qq{
		CREATE TABLE copied_$format (LIKE stored);
		COPY stored TO '$file' (FORMAT $format);
		COPY copied_$format FROM '$file' (FORMAT $format)});
	is(contents('postgres', "copied_$format"), $contents, "COPY, $format: the same states");
}

# ---------------------------------------------------------------------------
# pg_dump
# ---------------------------------------------------------------------------
$node->safe_psql('postgres', 'CREATE VIEW by_region AS SELECT region, repeat_rate(c_bigint), clv(c_uuid, ordered_at, amount, ' . q{'1 year', '3 years', '2024-07-01 00:00+00') FROM orders GROUP BY region});
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$folder/dump.sql" ], 'pg_dump');
command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$folder/dump.sql" ], 'restore');
is(contents('restored', 'stored'), $contents, 'restored: the same states');
is(contents('restored', 'stored_external'), $contents, 'restored, out of line: the same states');
is($node->safe_psql('restored', 'SELECT * FROM by_region ORDER BY region'), $node->safe_psql('postgres', 'SELECT * FROM by_region ORDER BY region'), 'restored: a view gives the same answers');

# A state of the first half, dumped and restored, and one of the second: the whole.
$node->safe_psql('postgres', join ";\n", 'CREATE TABLE half (n serial, state retention_state)', map { "INSERT INTO half (state) SELECT $_->{call} FROM orders WHERE id <= 20000" } @states);
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-t', 'half', '-f', "$folder/half.sql" ], 'pg_dump of half the orders');
$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$folder/half.sql" ], 'restore of half the orders');
my @unequal = grep {
	my $call = $states[ $_ - 1 ]{call};
	$node->safe_psql('restored', qq{
		SELECT rollup(state)::text = (SELECT $call FROM orders)::text
		FROM (SELECT state FROM half WHERE n = $_ UNION ALL SELECT $call FROM orders WHERE id > 20000) halves}) ne 't'
} 1 .. @states;
is("@unequal", '', 'a restored half and a new half are the whole, for every state');

# ---------------------------------------------------------------------------
# Dependents
# ---------------------------------------------------------------------------
is(outcome($node, 'DROP EXTENSION retention'), '2BP01', 'DROP EXTENSION is refused while tables and views need it');
is(outcome($node, 'DROP TYPE retention_state CASCADE'), '2BP01', 'so is dropping a part of it');
is(contents('postgres', 'stored'), $contents, 'and nothing is lost');

# ---------------------------------------------------------------------------
# Any schema
# ---------------------------------------------------------------------------
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere TEMPLATE template0');
$node->safe_psql('elsewhere', 'CREATE SCHEMA "Kennzahlen"; CREATE EXTENSION retention SCHEMA "Kennzahlen"');
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-t', 'orders', '-f', "$folder/orders.sql" ], 'pg_dump of the orders');
command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('elsewhere'), '-f', "$folder/orders.sql" ], 'orders in a database with another schema');

# Every aggregate and every reader, called by its full name or found on search_path.
sub answers
{
	my ($database, $schema) = @_;
	my @calls = map { "$schema$_->{call}" } @aggregates;
	my $info = "SELECT measure, customers FROM ${schema}state_info((SELECT ${schema}rollup(s) FROM (SELECT ${schema}repeat_rate_state(c_uuid) s FROM public.orders) x))";

	return $node->safe_psql($database, 'SET search_path = pg_catalog; SELECT ' . join(', ', @calls) . " FROM public.orders; $info");
}

my $answers = $node->safe_psql('postgres', 'SELECT ' . join(', ', map { $_->{call} } @aggregates) . ' FROM orders; SELECT measure, customers FROM state_info((SELECT repeat_rate_state(c_uuid) FROM orders))');
is(answers('elsewhere', '"Kennzahlen".'), $answers, 'in a schema off the search_path: the same answers by qualified names');

$node->safe_psql('elsewhere', q{
	CREATE TABLE kept AS SELECT 1 AS id, "Kennzahlen".clv_state(c_long, ordered_at, amount, '1 year', '3 years', '2024-07-01 00:00+00') AS state FROM orders;
	CREATE VIEW value AS SELECT "Kennzahlen".clv(state), "Kennzahlen".aov(state) FROM kept});
my $value = $node->safe_psql('elsewhere', 'SELECT * FROM value');
$node->safe_psql('elsewhere', 'CREATE SCHEMA kpi; ALTER EXTENSION retention SET SCHEMA kpi');
is(answers('elsewhere', 'kpi.'), $answers, 'moved to another schema: the same answers');
is($node->safe_psql('elsewhere', 'SELECT * FROM value'), $value, 'moved: views and stored states go with it');

command_ok([ 'pg_dump', '-d', $node->connstr('elsewhere'), '-f', "$folder/elsewhere.sql" ], 'pg_dump with the extension in a schema');
$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0');
command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('again'), '-f', "$folder/elsewhere.sql" ], 'restore of it');
is($node->safe_psql('again', 'SELECT * FROM value'), $value, 'restored with its schema: the same answer');

$node->stop;
done_testing();
