# States outlive the server: in tables of every storage, through COPY, through pg_dump
# and restore. And the extension may live in any schema.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $node = start_server('dump');
my @aggregates = aggregates();
my @states = states();
my $folder = PostgreSQL::Test::Utils::tempdir;

create_orders(40_000, 8_000);

# pg_dump to a file, and a file into a new database
sub dump_to
{
	my ($file, $database, @options) = @_;
	return command_ok([ 'pg_dump', '-d', $node->connstr($database), '-f', "$folder/$file", @options ], "pg_dump: $file");
}

sub restore
{
	my ($file, $database) = @_;
	return command_ok(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', "$folder/$file" ],
		"restore: $file into $database");
}

# ---------------------------------------------------------------------------
# A table of states: every family, every type of customer, three sizes
# ---------------------------------------------------------------------------

# What a reader says of a state; '' where it says that it is not for such a state, or not for
# one state alone
answer(q{
	CREATE FUNCTION reading(reader text, state retention_state) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE result text;
	BEGIN
		EXECUTE reader INTO result USING state;
		RETURN reader || '=' || coalesce(result, 'NULL') || ' ';
	EXCEPTION WHEN datatype_mismatch OR null_value_not_allowed THEN RETURN '';
	END $$;
	CREATE TABLE stored (call text, size text, state retention_state, PRIMARY KEY (call, size))});
my $readers = join ', ', map { "(\$\$$_\$\$)" } (map { "SELECT $_(\$1)::text" } readers()), row_readers();

foreach ([ 'one', 'c_bigint = 40000120' ], [ 'some', 'id <= 50' ], [ 'all', 'true' ])
{
	my ($size, $condition) = @$_;
	answer(join ";\n", map { "INSERT INTO stored SELECT \$\$$_->{call}\$\$, '$size', $_->{call} FROM orders WHERE $condition" } @states);
}

# and what is left of them when they are sealed
create_sealed();
answer(q{INSERT INTO stored SELECT call, 'sealed', sealed(state) FROM stored WHERE size = 'all' AND sealed(state) IS NOT NULL});
my $sealed = answer(q{SELECT count(*) FROM stored WHERE size = 'sealed'});
cmp_ok($sealed, '>', 50, 'many states can be sealed');

# Who reads which states: asked once, since most readers are for few of them
answer("CREATE TABLE listener AS SELECT DISTINCT call, reader FROM stored, (VALUES $readers) AS r (reader) WHERE reading(reader, state) <> ''");

# All states of a table as text, and what their readers say
sub contents
{
	my ($table, $database) = @_;
	return answer(qq{
		SELECT call, size, state, (SELECT string_agg(reading(reader, state), '' ORDER BY reader COLLATE "C") FROM listener AS l WHERE l.call = t.call)
		FROM (SELECT * FROM $table) AS t ORDER BY call COLLATE "C", size}, $database);
}

my $contents = contents('stored');
is(() = $contents =~ /$/mg, 3 * @states + $sealed, 'there is a state of every family, type of customer and size');
unlike($contents, qr/\|$/m, 'every state has a reader');
is(answer('SELECT count(*) FROM stored WHERE (state_info(state)).bytes IS DISTINCT FROM pg_column_size(state)'), '0',
	'state_info tells the bytes of a stored state');

# ---------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------

# Through text, since the server moves a toasted value as it is
foreach my $storage (qw(plain external extended main))
{
	my $fits = $storage eq 'plain' ? "size IN ('one', 'some')" : 'true';

	answer(qq{
		CREATE TABLE stored_$storage (LIKE stored);
		ALTER TABLE stored_$storage ALTER state SET STORAGE $storage;
		INSERT INTO stored_$storage SELECT call, size, state::text::retention_state FROM stored WHERE $fits});
	is(contents("stored_$storage"), contents("(SELECT * FROM stored WHERE $fits) s"), "storage $storage: the same states");
}
is(answer(q{
	SELECT bool_and(pg_relation_size(reltoastrelid) > 1000000)
	FROM pg_class WHERE relname IN ('stored_external', 'stored_extended')}), 't', 'large states are out of line');
is(answer(q{
	SELECT bool_and(pg_column_size(e.state) > pg_column_size(c.state))
	FROM stored_external e JOIN stored_extended c USING (call, size)
	WHERE size = 'all' AND call LIKE 'second_order_rate_state(c_long%'}), 't', 'and compressed if that is allowed');

# ---------------------------------------------------------------------------
# COPY
# ---------------------------------------------------------------------------
foreach my $format (qw(binary text csv))
{
	answer(qq{
		CREATE TABLE copied_$format (LIKE stored);
		COPY stored TO '$folder/stored.$format' (FORMAT $format);
		COPY copied_$format FROM '$folder/stored.$format' (FORMAT $format)});
	is(contents("copied_$format"), $contents, "COPY, $format: the same states");
}

# ---------------------------------------------------------------------------
# pg_dump
# ---------------------------------------------------------------------------
answer(q{
	CREATE VIEW by_region AS
	SELECT region, repeat_rate(c_bigint), clv(c_uuid, ordered_at, amount, '1 year', '3 years', '2024-07-01 00:00+00')
	FROM orders GROUP BY region;
	CREATE TABLE half (n serial, state retention_state)});
answer(q{
	CREATE VIEW scored AS
	SELECT * FROM rfm_segments(NULL::bigint, 'orders', 'c_bigint', 'ordered_at', 'amount', as_of => '2024-07-01 00:00+00');
	CREATE MATERIALIZED VIEW a_scored AS SELECT customer, last_order_at, orders, monetary, r, f, m, cell, segment FROM scored;
	CREATE UNIQUE INDEX ON a_scored (customer);
	CREATE MATERIALIZED VIEW a_summary AS
	SELECT * FROM segment_summary((SELECT state FROM stored WHERE call LIKE 'purchases_state(c_long%' AND size = 'all'), 4, 'rf')});
answer(join ";\n", map { "INSERT INTO half (state) SELECT $_->{call} FROM orders WHERE id <= 20000" } @states);
answer('CREATE DATABASE restored TEMPLATE template0');

dump_to('shop.sql', 'postgres');
restore('shop.sql', 'restored');
is(contents('stored', 'restored'), $contents, 'restored: the same states');
is(contents('stored_external', 'restored'), $contents, 'restored, out of line: the same states');
is(answer('SELECT * FROM by_region ORDER BY region', 'restored'), answer('SELECT * FROM by_region ORDER BY region'),
	'restored: a view gives the same answers');

foreach my $view ('scored', 'a_scored', 'a_summary')
{
	my ($there, $here) = map { answer("SELECT * FROM $view v ORDER BY v::text", $_) } 'restored', 'postgres';
	isnt($here, '', "$view has rows");
	is($there, $here, "restored: $view has the same rows");
}
answer('INSERT INTO orders (c_bigint, ordered_at, amount) VALUES (-77, $$2024-06-30 00:00+00$$, 5);
	REFRESH MATERIALIZED VIEW CONCURRENTLY a_scored;
	DELETE FROM orders WHERE c_bigint = -77', 'restored');
is(answer('SELECT orders, monetary FROM a_scored WHERE customer = -77', 'restored'), '1|5', 'restored: a materialized view can be refreshed');

# A restored state of the first half of the orders, and a new one of the second
my @different = grep {
	my $call = $states[ $_ - 1 ]{call};
	answer(qq{
		SELECT rollup(state)::text <> (SELECT $call FROM orders)::text
		FROM (SELECT state FROM half WHERE n = $_
		      UNION ALL SELECT $call FROM orders WHERE id > 20000) halves}, 'restored') ne 'f'
} 1 .. @states;
is("@different", '', 'a restored half and a new half are the whole, for every state');

# ---------------------------------------------------------------------------
# Dependents
# ---------------------------------------------------------------------------
is(outcome('DROP EXTENSION retention'), '2BP01', 'DROP EXTENSION is refused while tables and views need it');
is(outcome('DROP TYPE retention_state CASCADE'), '2BP01', 'so is dropping a part of it');
is(contents('stored'), $contents, 'and nothing is lost');

# ---------------------------------------------------------------------------
# Any schema
# ---------------------------------------------------------------------------

# Every aggregate, by its full name, and functions that take and return states
sub answers
{
	my ($schema, $database) = @_;
	my $calls = join ', ', map { "$schema.$_->{call}" } @aggregates;
	return answer(qq{
		SET search_path = pg_catalog;
		SELECT $calls FROM public.orders;
		SELECT measure, customers
		FROM $schema.state_info((SELECT $schema.rollup(s)
		                         FROM (SELECT $schema.repeat_rate_state(c_uuid) s FROM public.orders) states))}, $database);
}
my $answers = answers('public');

answer('CREATE DATABASE elsewhere TEMPLATE template0');
answer('CREATE SCHEMA "Kennzahlen"; CREATE EXTENSION retention SCHEMA "Kennzahlen"', 'elsewhere');
dump_to('orders.sql', 'postgres', '-t', 'orders');
restore('orders.sql', 'elsewhere');
is(answers('"Kennzahlen"', 'elsewhere'), $answers, 'in a schema off the search_path: the same answers');

answer(q{
	CREATE TABLE kept AS
	SELECT "Kennzahlen".clv_state(c_long, ordered_at, amount, '1 year', '3 years', '2024-07-01 00:00+00') AS state FROM orders;
	CREATE VIEW worth AS
	SELECT "Kennzahlen".clv(state), "Kennzahlen".aov(state),
	       (SELECT md5(string_agg(s::text, ',' ORDER BY s::text))
	        FROM "Kennzahlen".rfm_segments(NULL::text, 'public.orders', 'c_long', 'ordered_at', 'amount', as_of => '2024-07-01 00:00+00') s)
	FROM kept;
	CREATE MATERIALIZED VIEW a_worth AS SELECT * FROM worth}, 'elsewhere');
my $worth = answer('SELECT * FROM worth', 'elsewhere');
answer('CREATE SCHEMA kpi; ALTER EXTENSION retention SET SCHEMA kpi', 'elsewhere');
is(answers('kpi', 'elsewhere'), $answers, 'moved to another schema: the same answers');
is(answer('SELECT * FROM worth', 'elsewhere'), $worth, 'moved: views and stored states go with it');
answer('SET search_path = pg_catalog, pg_temp; REFRESH MATERIALIZED VIEW public.a_worth', 'elsewhere');
is(answer('SELECT * FROM a_worth', 'elsewhere'), $worth, 'moved: a materialized view can be refreshed');

dump_to('elsewhere.sql', 'elsewhere');
answer('CREATE DATABASE again TEMPLATE template0');
restore('elsewhere.sql', 'again');
is(answer('SELECT * FROM worth', 'again'), $worth, 'restored into its schema: the same answer');
is(answer('SELECT * FROM a_worth', 'again'), $worth, 'restored into its schema: a materialized view, too');

$node->stop;
done_testing();
