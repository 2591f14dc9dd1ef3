# RFM as an analyst meets it: random customers with heavy ties against plain SQL, parallel
# plans, privileges and row security, materialized views, tables of every kind. And what
# must stay small: time, memory, the wait for a cancel.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $node = start_server('rfm', 'max_worker_processes = 8', 'max_parallel_workers = 8',
	"work_mem = '16MB'", "shared_preload_libraries = 'auto_explain'");

# What another role or a failing statement gets: its error, or what it printed
sub said
{
	my ($sql) = @_;
	my ($out, $err);

	$node->psql('postgres', "\\set VERBOSITY verbose\n$sql", stdout => \$out, stderr => \$err);
	return $err =~ /(?:ERROR|FATAL): +(.*)/ ? $1 : $out;
}

# ---------------------------------------------------------------------------
# Random customers with heavy ties
# ---------------------------------------------------------------------------
my ($before, $as_of) = ('2024-03-01 00:00+00', '2024-07-01 00:00+00');

answer(q{
	CREATE FUNCTION roll(id bigint, die int, sides bigint) RETURNS bigint IMMUTABLE PARALLEL SAFE
	RETURN (hashint8extended(id, die) & 9223372036854775807) % sides;

	-- half of the customers have one order; a few days and prices are common
	CREATE TABLE orders AS
	SELECT id, 'region ' || c % 7 AS region, c AS customer,
	       '2024-01-01 00:00+00'::timestamptz
	         + CASE WHEN roll(id, 2, 3) > 0 THEN roll(id, 3, 20) * interval '10 days' ELSE roll(id, 4, 17280000) * interval '1 second' END AS ordered_at,
	       CASE roll(id, 5, 10) WHEN 0 THEN NULL WHEN 1 THEN 0 WHEN 2 THEN -5 WHEN 3 THEN roll(id, 6, 100000) / 1000.0
	            WHEN 4 THEN 1e30 + roll(id, 6, 3) ELSE 5 * roll(id, 7, 4) END::numeric AS amount
	FROM (SELECT id, CASE WHEN roll(id, 1, 50) > 0 THEN CASE WHEN roll(id, 8, 6) = 0 THEN 1000000 + id ELSE roll(id, 0, 20000) END END AS c
	      FROM generate_series(1, 200000) id) rolled;
	ALTER TABLE orders SET (parallel_workers = 4);
	ANALYZE orders});
answer('CREATE TABLE buyers AS ' . buyers_sql('orders', $as_of));
answer('CREATE TABLE buyers_before AS ' . buyers_sql('orders', $before) . '; ANALYZE buyers_before');
answer('ALTER TABLE buyers SET (parallel_workers = 4); ANALYZE buyers');

my $orders = q{NULL::bigint, 'public.orders', 'customer', 'ordered_at', 'amount'};
my $segments = "rfm_segments($orders, as_of => '$as_of')";
my $columns = 'customer, last_order_at, orders, monetary, r, f, m, cell, segment';
my $serial = 'SET max_parallel_workers_per_gather = 0';
my $parallel = 'SET max_parallel_workers_per_gather = 4; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; '
  . 'SET min_parallel_table_scan_size = 0';

cmp_ok(answer('SELECT count(*) FROM buyers'), '>', 40000, 'there are many customers');
cmp_ok(answer('SELECT count(*) FROM buyers WHERE orders = 1'), '>', 20000, 'half of them have one order');

foreach my $bins (2 .. 9)
{
	my $grid = $bins % 2 ? 'rf' : 'standard';
	my $expected = scored_sql('buyers', $bins, $grid);

	is(same_rows("SELECT * FROM rfm_segments($orders, as_of => '$as_of', bins => $bins, grid => '$grid')", $expected),
		't|', "$bins bins, $grid: rfm_segments as plain SQL");
	my $expected_before = scored_sql('buyers_before', $bins, $grid);
	is(same_rows("SELECT * FROM segment_summary($orders, as_of => '$as_of', bins => $bins, grid => '$grid')", summary_sql($expected)),
		't|', "$bins bins, $grid: segment_summary as plain SQL");
	is(same_rows("SELECT * FROM rfm_transitions($orders, '$before', '$as_of', bins => $bins, grid => '$grid')",
		transitions_sql($expected_before, $expected)), 't|', "$bins bins, $grid: rfm_transitions as plain SQL");
	is(same_rows(qq{
		SELECT customer, $bins + 1 - quantile_score(-extract(epoch FROM last_order_at), $bins) OVER (), quantile_score(orders, $bins) OVER (),
		       quantile_score(monetary, $bins) OVER (), rfm_score(last_order_at, orders, monetary, $bins) OVER () FROM buyers},
		"SELECT customer, r, f, m, cell FROM ($expected) s"), 't|', "$bins bins: the window functions as plain SQL");
	is(same_rows(qq{
		SELECT customer, rfm_score(last_order_at, orders, monetary, $bins) OVER (PARTITION BY customer % 11 ORDER BY monetary DESC ROWS 1 PRECEDING) FROM buyers},
		join ' UNION ALL ', map { 'SELECT customer, cell FROM (' . scored_sql("(SELECT * FROM buyers WHERE customer % 11 = $_) b", $bins, $grid) . ') s' } 0 .. 10),
		't|', "$bins bins: in partitions, whatever the frame") if $bins == 5 || $bins == 8;
}

# ---------------------------------------------------------------------------
# Parallel plans
# ---------------------------------------------------------------------------
my %functions = (
	rfm_segments => "SELECT * FROM $segments",
	segment_summary => "SELECT * FROM segment_summary($orders, as_of => '$as_of')",
	rfm_transitions => "SELECT * FROM rfm_transitions($orders, '$before', '$as_of')",
	rfm_breaks => "SELECT * FROM rfm_breaks($orders, as_of => '$as_of')",
	hero_buyers => "SELECT * FROM hero_buyers($orders, as_of => '$as_of')");
my $explain = q{SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_analyze = on; }
  . q{SET auto_explain.log_timing = off};
my $forced = answer(q{SELECT name FROM pg_settings WHERE name IN ('debug_parallel_query', 'force_parallel_mode')});

# The rows as one text: so that the query itself has nothing to do in parallel
sub digest
{
	my ($settings, $query) = @_;
	return answer("$settings; SELECT count(*), md5(string_agg(x::text, ',' ORDER BY x::text)) FROM ($query) x");
}

foreach my $name (sort keys %functions)
{
	my $alone = digest($serial, $functions{$name});
	my $offset = -s $node->logfile;

	unlike($alone, qr/^0\|/, "$name has rows");
	is(digest("$parallel; $explain", $functions{$name}), $alone, "$name: the same rows by workers");
	my $log = substr slurp_file($node->logfile), $offset;
	like($log, qr/Query Text: SELECT public\.purchases_state.*?Finalize Aggregate.*?Workers Launched: 4.*?Partial Aggregate.*?Parallel Seq Scan on orders/s,
		"$name: it is built by four workers");
	is(digest("$parallel; SET $forced = on", $functions{$name}), $alone, "$name: the same rows under $forced");

	# beside a parallel plan of the query around it
	is(answer("$parallel; SELECT (SELECT count(*) FROM orders o, (SELECT count(*) AS n FROM ($functions{$name}) x) f WHERE o.id <= f.n AND o.id <= 3)"),
		answer("SELECT least(3, count(*)) FROM ($functions{$name}) x"), "$name: within a parallel query");
}
like(plan_of($parallel, "SELECT customer, quantile_score(monetary) OVER () FROM buyers"), qr/WindowAgg.*Gather/s,
	'a window function has rows from workers');
is(digest($parallel, 'SELECT customer, rfm_score(last_order_at, orders, monetary) OVER () FROM buyers'),
	digest($serial, 'SELECT customer, rfm_score(last_order_at, orders, monetary) OVER () FROM buyers'),
	'and gives them the same scores');

# ---------------------------------------------------------------------------
# Privileges
# ---------------------------------------------------------------------------
answer(q{
	CREATE ROLE stranger; CREATE ROLE clerk; CREATE ROLE half_clerk; CREATE ROLE regional; CREATE ROLE owner;
	CREATE SCHEMA hidden;
	CREATE TABLE hidden.ledger AS SELECT customer, ordered_at, amount, 'x' AS secret_note, id FROM orders LIMIT 20000;
	GRANT USAGE ON SCHEMA hidden TO stranger, clerk, half_clerk, owner;
	GRANT SELECT (customer, ordered_at, amount) ON hidden.ledger TO clerk;
	GRANT SELECT (customer, ordered_at) ON hidden.ledger TO half_clerk;
	GRANT SELECT ON hidden.ledger TO owner;
	CREATE SCHEMA desk AUTHORIZATION owner;
	GRANT USAGE ON SCHEMA desk TO PUBLIC});
my $ledger = q{NULL::bigint, 'hidden.ledger', 'customer', 'ordered_at', 'amount'};
my %ledger = map { $_ => $functions{$_} =~ s/\Q$orders\E/$ledger/r } keys %functions;

foreach my $name (sort keys %ledger)
{
	my $query = "SELECT count(*) > 0 FROM ($ledger{$name}) x";

	is(said("SET ROLE stranger; $query"), '42501: permission denied for table ledger', "$name: without privileges");
	is(said("SET ROLE stranger; " . $query =~ s/'amount'/'nothing'/r), '42501: permission denied for table ledger',
		"$name: without privileges, no word about columns");
	is(said("SET ROLE clerk; $query"), 't', "$name: with privileges for the columns");
	is(said("SET ROLE half_clerk; $query"), '42501: permission denied for column amount of ledger', "$name: a column is missing");
}
is(said("SET ROLE clerk; SELECT count(*) FROM rfm_segments($ledger, order_id_column => 'id')"),
	'42501: permission denied for column id of ledger', 'nor is the number of the order read without privilege');
is(digest('SET ROLE clerk', $ledger{rfm_segments}), digest('SET ROLE owner', $ledger{rfm_segments}), 'columns alone give the same rows');

# a name means nothing without USAGE, nor does its number
my $oid = answer(q{SELECT 'hidden.ledger'::regclass::oid});
is(said("SELECT count(*) > 0 FROM rfm_segments(NULL::bigint, $oid, 'customer', 'ordered_at', 'amount')"), 't', 'a table by its OID');
answer('CREATE ROLE outsider; GRANT SELECT ON hidden.ledger TO outsider');
like(said("SET ROLE outsider; SELECT count(*) FROM rfm_segments(NULL::bigint, $oid, 'customer', 'ordered_at', 'amount')"),
	qr/^42501: permission denied for schema hidden/, 'by its OID without USAGE on its schema: refused');
is(said("SET ROLE stranger; SELECT count(*) FROM rfm_segments(NULL::bigint, $oid, 'customer', 'ordered_at', 'amount')"),
	'42501: permission denied for table ledger', 'by its OID without SELECT: refused');
like(said("SELECT * FROM rfm_segments(NULL::bigint, 4000000000::oid, 'customer', 'ordered_at', 'amount')"), qr/^42P01: /, 'an OID of nothing');

# Views of another role read with that role's privileges; functions with their owner's
answer(qq{
	SET ROLE owner;
	CREATE VIEW desk.sales AS SELECT customer, ordered_at, amount FROM hidden.ledger;
	CREATE VIEW desk.checked WITH (security_invoker) AS SELECT customer, ordered_at, amount FROM hidden.ledger;
	CREATE FUNCTION desk.champions() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	RETURN (SELECT count(*) FROM public.rfm_segments($ledger, as_of => '$as_of') s WHERE segment = 'champions');
	CREATE VIEW desk.scored AS SELECT * FROM public.rfm_segments($ledger, as_of => '$as_of');
	GRANT SELECT ON desk.sales, desk.checked, desk.scored TO stranger});
is(said("SET ROLE stranger; SELECT count(*) > 0 FROM rfm_segments(NULL::bigint, 'desk.sales', 'customer', 'ordered_at', 'amount')"),
	't', "a view of another role is read as that role");
is(said("SET ROLE stranger; SELECT count(*) FROM rfm_segments(NULL::bigint, 'desk.checked', 'customer', 'ordered_at', 'amount')"),
	'42501: permission denied for table ledger', 'but not a security_invoker view');
is(said('SET ROLE stranger; SELECT desk.champions()'),
	answer("SELECT count(*) FROM ($ledger{rfm_segments}) s WHERE segment = 'champions'"), 'within a SECURITY DEFINER function: as its owner');
is(said('SET ROLE stranger; SELECT count(*) FROM desk.scored'), '42501: permission denied for table ledger',
	'a function in a view runs as the caller, as all functions do');

# Row security
answer(q{
	CREATE TABLE guarded AS SELECT * FROM orders WHERE id <= 30000;
	ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own_region ON guarded TO regional USING (region IN ('region 1', 'region 2'));
	GRANT SELECT ON guarded TO regional});
my $guarded = q{NULL::bigint, 'guarded', 'customer', 'ordered_at', 'amount'};
my ($theirs, $all) = map {
	'SELECT customer, r, f, m, segment FROM (' . scored_sql('(' . buyers_sql("(SELECT * FROM guarded WHERE $_) o", $as_of) . ') b', 5, 'standard') . ') s'
} q{region IN ('region 1', 'region 2')}, 'true';
my $seen = "SELECT customer, r, f, m, segment FROM rfm_segments($guarded, as_of => '$as_of')";
is(same_rows($seen, $all), 't|', 'the owner sees all rows');
is(same_rows($seen, $theirs, 'SET ROLE regional'), 't|', 'row security: scores are among the rows a role sees');
is(same_rows($seen, $all, 'SET ROLE regional'), 't|', 'row security: plain SQL sees the same rows');
isnt(digest('SET ROLE regional', $seen), digest('RESET ALL', "SELECT * FROM ($seen) s WHERE customer % 7 IN (1, 2)"),
	'row security: not the scores of all, cut down');
like(said("SET ROLE regional; SET row_security = off; $seen"), qr/^42501: query would be affected by row-level security policy/,
	'row_security = off: an error');
is(said("PREPARE p AS SELECT count(*) FROM ($seen) s; EXECUTE p; SET ROLE regional; EXECUTE p; RESET ROLE; EXECUTE p"),
	join("\n", map { answer("SELECT count(*) FROM ($_) s") } $all, $theirs, $all), 'a prepared statement sees what the role of the moment sees');

# ---------------------------------------------------------------------------
# Materialized views
# ---------------------------------------------------------------------------
answer("CREATE TABLE live AS SELECT * FROM orders WHERE id <= 40000; ALTER TABLE live ADD PRIMARY KEY (id)");
my $live = "public.rfm_segments(NULL::bigint, 'public.live', 'customer', 'ordered_at', 'amount', as_of => '$as_of')";
answer(qq{
	CREATE MATERIALIZED VIEW scores AS SELECT $columns FROM $live;
	CREATE UNIQUE INDEX ON scores (customer);
	CREATE MATERIALIZED VIEW everything AS SELECT * FROM $live;
	CREATE UNIQUE INDEX ON everything (customer)});
is(same_rows('TABLE scores', "SELECT $columns FROM $live"), 't|', 'a materialized view has the rows');

# refreshes: how many rows were written
sub refresh
{
	my ($view, $settings) = @_;
	my ($row) = rows(qq{
		DROP TABLE IF EXISTS before;
		CREATE TABLE before AS SELECT ctid AS place, xmin::text AS written, v.* FROM $view v;
		} . ($settings // 'RESET ALL') . qq{;
		REFRESH MATERIALIZED VIEW CONCURRENTLY public.$view;
		RESET ALL;
		SELECT count(*) FILTER (WHERE b.customer IS NULL), count(*) FILTER (WHERE v.customer IS NULL),
		       count(*) FILTER (WHERE v.ctid = b.place AND v.xmin::text = b.written),
		       count(*) FILTER (WHERE v.ctid <> b.place),
		       count(*) FILTER (WHERE v.ctid <> b.place AND (v.r, v.f, v.m, v.last_order_at, v.orders, v.monetary) IS NOT DISTINCT FROM
		                                                  (b.r, b.f, b.m, b.last_order_at, b.orders, b.monetary))
		FROM $view v FULL JOIN before b USING (customer)});
	return @$row;
}
foreach my $view ('scores', 'everything')
{
	my $count = answer("SELECT count(*) FROM $view");
	is(join(' ', refresh($view)), "0 0 $count 0 0", "$view: refreshed with nothing new, no row is written");
}
answer(q{
	INSERT INTO live SELECT id + 10000000, region, customer + 50000000, ordered_at, amount FROM live WHERE id <= 60 AND amount > 0;
	DELETE FROM live WHERE id BETWEEN 100 AND 160;
	UPDATE live SET amount = amount + 1, ordered_at = ordered_at + interval '1 minute' WHERE id BETWEEN 200 AND 260;
	UPDATE live SET amount = NULL WHERE id BETWEEN 300 AND 360});
foreach my $view ('scores', 'everything')
{
	my $list = $view eq 'scores' ? $columns : '*';
	# what 17 and later do by themselves
	my ($new, $gone, $kept, $changed, $needless) = refresh($view, 'SET search_path = pg_catalog, pg_temp');

	cmp_ok($new, '>', 10, "$view: new customers are there");
	cmp_ok($gone, '>', 10, "$view: others are gone");
	cmp_ok($changed, '>', 50, "$view: others have changed");
	is($needless, 0, "$view: a row with the same content is left where it is");
	cmp_ok($kept, '>', 5000, "$view: most rows are left alone");
	is(same_rows("TABLE $view", "SELECT $list FROM $live"), 't|', "$view: it has what a fresh call gives");
}
is(same_rows('TABLE scores', 'SELECT ' . $columns . ' FROM (' . scored_sql('(' . buyers_sql('live', $as_of) . ') b', 5, 'standard') . ') s'),
	't|', 'and as plain SQL has it');

# ---------------------------------------------------------------------------
# Probes, prepared statements, cursors
# ---------------------------------------------------------------------------
my $broken = "rfm_segments($orders, as_of => '$as_of', tz => 'nowhere')";
isnt(outcome("SELECT * FROM $broken LIMIT 1"), '', 'a bad time zone is an error, once the function runs');
is(said("SELECT * FROM $broken LIMIT 0"), '', 'LIMIT 0 does not run it');
is(said("SELECT * FROM $broken WHERE 1 = 0"), '', 'nor does WHERE 1 = 0');
is(said("SELECT * FROM (SELECT * FROM $broken) x WHERE false"), '', 'nor does a probe around a question');
is(said("SELECT * FROM $broken LIMIT 0 \\gdesc") =~ tr/\n//, 11, 'it is described without being run');
is(outcome("PREPARE p (bigint) AS SELECT * FROM $broken"), '', 'and prepared');

is(digest("PREPARE p AS SELECT * FROM rfm_segments(NULL::bigint, \$1, \$2, \$3, \$4, \$5, \$6, \$7, \$8);
		CREATE TEMP TABLE prepared AS EXECUTE p ('orders', 'customer', 'ordered_at', 'amount', '$as_of', '5', 'standard', 'UTC')",
		'TABLE prepared'), digest($serial, $functions{rfm_segments}), 'parameters without a type');
is(digest('SET plan_cache_mode = force_generic_plan; ' . "PREPARE p AS SELECT * FROM rfm_segments(NULL::bigint, \$1, \$2, \$3, \$4, \$5);
		CREATE TEMP TABLE prepared AS EXECUTE p ('orders', 'customer', 'ordered_at', 'amount', '$as_of')",
		'TABLE prepared'), digest($serial, $functions{rfm_segments}), 'in a generic plan');

my $script = PostgreSQL::Test::Utils::tempdir . '/prepared.sql';
write_file($script, qq{\\set bins random(2, 9)\nSELECT count(*) FROM rfm_segments(NULL::bigint, 'live', 'customer', 'ordered_at', 'amount', '$as_of', :bins);\n}
	. qq{SELECT customers FROM segment_summary(NULL::bigint, 'live', 'customer', 'ordered_at', 'amount', '$as_of', :bins, 'rf');\n});
command_ok([ 'pgbench', '-n', '-M', 'prepared', '-t', '5', '-c', '2', '-f', $script, $node->connstr('postgres') ],
	'the extended protocol, by two clients');

is(answer(qq{
	BEGIN;
	DECLARE c SCROLL CURSOR FOR SELECT customer FROM $segments;
	MOVE FORWARD ALL IN c; MOVE ABSOLUTE 1000 IN c;
	CREATE TEMP TABLE at_1000 (customer bigint);
	FETCH BACKWARD 2 FROM c;
	DELETE FROM live;
	FETCH RELATIVE 0 FROM c;
	ROLLBACK}) =~ tr/\n//, 2, 'a scrollable cursor');
is(answer(qq{
	BEGIN;
	DECLARE c CURSOR WITH HOLD FOR SELECT count(*) OVER () FROM $segments;
	COMMIT;
	FETCH 1 FROM c}), answer('SELECT count(*) FROM buyers'), 'a cursor held beyond its transaction');
is(said(q{
	DO $$
	DECLARE n int := 0; row record;
	BEGIN
		FOR row IN SELECT * FROM rfm_segments(NULL::bigint, 'live', 'customer', 'ordered_at', 'amount') LOOP
			n := n + 1;
			EXIT WHEN n = 3;
		END LOOP;
		BEGIN
			PERFORM * FROM rfm_segments(NULL::bigint, 'live', 'customer', 'ordered_at', 'amount', tz => 'nowhere');
		EXCEPTION WHEN OTHERS THEN n := n + 1;
		END;
		RAISE EXCEPTION 'n is %', n;
	END $$}), 'P0001: n is 4', 'a loop that is left, an error that is caught');

# The snapshot is the caller's: one's own rows are there, and a repeatable read keeps its rows
is(answer(qq{
	BEGIN;
	DELETE FROM live;
	INSERT INTO live VALUES (1, 'r', 7, '2024-01-01', 5);
	SELECT customer, orders, cell FROM $live;
	ROLLBACK}), '7|1|511', 'rows of the same transaction are seen');

# ---------------------------------------------------------------------------
# Tables of other kinds
# ---------------------------------------------------------------------------
my $plain = digest($serial, "SELECT * FROM $segments");
answer(q{
	CREATE TABLE parted (LIKE orders) PARTITION BY RANGE (ordered_at);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (MINVALUE) TO ('2024-03-01 00:00+00');
	CREATE TABLE parted_2 (amount numeric, gone int, customer bigint, ordered_at timestamptz, region text, id int);
	ALTER TABLE parted_2 DROP gone;
	ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM ('2024-03-01 00:00+00') TO (MAXVALUE);
	INSERT INTO parted SELECT * FROM orders;
	CREATE VIEW late AS SELECT * FROM parted WHERE ordered_at >= '2024-03-01 00:00+00';

	CREATE TABLE "odd ""table""; --" (gone int, id bigint, "select" int, customer_code text, "Zeit, lokal" timestamp, gross numeric,
		"a.b" numeric GENERATED ALWAYS AS (gross + 0) STORED, gone_2 text);
	INSERT INTO "odd ""table""; --" (id, customer_code, "Zeit, lokal", gross)
	SELECT id, customer, ordered_at AT TIME ZONE 'Europe/Paris', amount FROM orders;
	ALTER TABLE "odd ""table""; --" DROP gone, DROP gone_2});
is(digest($serial, "SELECT * FROM " . $segments =~ s/public.orders/parted/r), $plain, 'a partitioned table');
is(digest("$parallel; SET enable_partitionwise_aggregate = on", "SELECT * FROM " . $segments =~ s/public.orders/parted/r), $plain,
	'a partitioned table, by workers');
is(digest($serial, "SELECT * FROM " . $segments =~ s/public.orders/late/r), digest($serial, "SELECT * FROM " . $segments =~ s/public.orders/parted_2/r),
	'a view of some of its partitions');
{
	my $offset = -s $node->logfile;
	answer("$serial; $explain; SELECT count(*) FROM " . $segments =~ s/public.orders/late/r);
	my $log = substr slurp_file($node->logfile), $offset;
	like($log, qr/Query Text: SELECT public\.purchases_state.*Scan on parted_2/s, 'which reads these');
	unlike($log, qr/Scan on parted_1/, 'and no others');
}
is(same_rows(qq{
	SELECT customer::bigint, first_order_at, last_order_at, recency_days, orders, monetary, aov, r, f, m, cell, segment
	FROM rfm_segments(NULL::text, '"odd ""table""; --"', 'customer_code', 'Zeit, lokal', 'a.b', tz => 'Europe/Paris', as_of => '$as_of')},
	"SELECT * FROM $segments"), 't|', 'odd names, dropped and generated columns, local time');

SKIP:
{
	skip 'postgres_fdw is not installed here', 2 if !answer(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'});
	answer(qq{
		CREATE EXTENSION postgres_fdw;
		CREATE SERVER branch FOREIGN DATA WRAPPER postgres_fdw
			OPTIONS (host '${\ $node->host}', port '${\ $node->port}', dbname 'postgres', extensions 'retention');
		CREATE USER MAPPING FOR CURRENT_USER SERVER branch;
		CREATE SCHEMA remote;
		IMPORT FOREIGN SCHEMA public LIMIT TO (orders) FROM SERVER branch INTO remote});
	my $offset = -s $node->logfile;
	is(digest("$serial; $explain; SET auto_explain.log_verbose = on", "SELECT * FROM " . $segments =~ s/public.orders/remote.orders/r), $plain, 'a foreign table');
	like(substr(slurp_file($node->logfile), $offset), qr/Remote SQL: SELECT public\.purchases_state\(/, 'whose state is built over there');
}

# ---------------------------------------------------------------------------
# Odd calls
# ---------------------------------------------------------------------------
my %state_of = (
	bigint => q{purchases_state(7::bigint, '2024-01-01', 5, '2024-07-01 00:00+00')},
	text => q{purchases_state('anna'::text, '2024-01-01', 5, '2024-06-01 00:00+00')});
foreach my $other ('aov_state(5)', 'repeat_rate_state(7::bigint)', 'repeat_rate_state($$anna$$::text)')
{
	foreach my $call ('rfm_segments(NULL::bigint, s)', 'hero_buyers(NULL::bigint, s)', 'segment_summary(s)', 'rfm_breaks(s)',
		"rfm_transitions(s, NULL)", "rfm_transitions(NULL, s)")
	{
		is(outcome("SELECT * FROM (SELECT $other AS s) o, $call"), '42804', "$call of $other is refused in words");
	}
}
is(outcome("SELECT * FROM rfm_segments(NULL::text, (SELECT $state_of{bigint}))"), '42804', 'customers of another type than the anchor');
is(outcome("SELECT * FROM rfm_transitions((SELECT $state_of{text}), (SELECT $state_of{bigint}))"), '42804', 'states of customers of two types');
is(outcome("SELECT * FROM rfm_transitions((SELECT $state_of{bigint}), (SELECT $state_of{bigint}))"), '22023', 'states of one time');

answer(q{
	CREATE VIEW ouroboros AS SELECT 1::bigint AS customer, now() AS ordered_at, 1::numeric AS amount;
	CREATE OR REPLACE VIEW ouroboros AS SELECT customer, last_order_at AS ordered_at, monetary AS amount
	FROM rfm_segments(NULL::bigint, 'ouroboros', 'customer', 'ordered_at', 'amount');
	CREATE VIEW best AS SELECT customer, last_order_at AS ordered_at, monetary AS amount FROM } . $segments . q{ WHERE segment = 'champions'});
is(outcome('SELECT * FROM ouroboros'), '54001', 'a view of itself: too deep, in words');
is(answer(q{SELECT count(*) FROM rfm_segments(NULL::bigint, 'best', 'customer', 'ordered_at', 'amount')}), answer('SELECT count(*) FROM best'),
	'a view that calls the function is a table like others');
is(answer(qq{
	SELECT string_agg(n::text, ' ' ORDER BY as_of)
	FROM (VALUES ('1900-01-01'::timestamptz), ('$before'), ('$as_of')) t(as_of),
	     LATERAL (SELECT count(*) AS n FROM rfm_segments($orders, as_of => t.as_of)) s}),
	'0 ' . answer('SELECT count(*) FROM buyers_before') . ' ' . answer('SELECT count(*) FROM buyers'), 'for several times in one query');
is(answer(qq{
	SELECT count(*), count(a), count(c), max(ordinality) FROM ROWS FROM (rfm_segments($orders, as_of => '$as_of'), generate_series(1, 3)) WITH ORDINALITY
	AS f(customer, a, last, d, o, m, v, r, f, mm, cell, s, c, ordinality)}),
	join('|', (answer('SELECT count(*) FROM buyers')) x 2, 3, answer('SELECT count(*) FROM buyers')), 'beside another function');

answer('CREATE OPERATOR public.### (LEFTARG = anyelement, RIGHTARG = int, PROCEDURE = quantile_score)');
is(outcome('SELECT 1 ### 5'), '42P20', 'a window function without a window, by way of an operator');

# All of time
answer(q{
	CREATE TABLE eras (customer bigint, ordered_at timestamptz, amount numeric);
	INSERT INTO eras VALUES (1, '4713-01-01 00:00+00 BC', 5), (2, '2024-01-01 00:00+00', 7)});
is(answer(q{SELECT string_agg(recency_days || ' ' || r, ', ' ORDER BY customer)
	FROM rfm_segments(NULL::bigint, 'eras', 'customer', 'ordered_at', 'amount', as_of => '294276-12-31 00:00+00')}),
	'109203489 1, 106743216 5', 'days from the first year of the calendar to the last');

# ---------------------------------------------------------------------------
# A cancel acts within a second
# ---------------------------------------------------------------------------
answer(q{
	CREATE UNLOGGED TABLE many AS SELECT i::bigint AS customer, to_timestamp(i % 1000003) AS ordered_at, (i % 1009)::numeric AS amount
	FROM generate_series(1, 1000000) i;
	ANALYZE many});
my $many = q{NULL::bigint, 'many', 'customer', 'ordered_at', 'amount'};
answer(q{CREATE UNLOGGED TABLE states AS SELECT purchases_state(customer, ordered_at, amount + CASE WHEN customer % 2 = 0 THEN 1e40 ELSE 0 END, '2024-01-01') AS state FROM many WHERE customer <= 300000});

# How far on its way each is cut short, so that the cut lies in what is named
foreach (
	[ 'reading rows of a window', 'SELECT quantile_score(i) OVER () FROM generate_series(1, 2000000) i', 0.4 ],
	[ 'reading three columns', q{SELECT rfm_score(to_timestamp(i), i, i) OVER () FROM generate_series(1, 1000000) i}, 0.5 ],
	[ 'sorting texts', q{SELECT quantile_score(md5(i::text)) OVER () FROM generate_series(1, 400000) i}, 0.5 ],
	[ 'rfm_segments reading orders', "SELECT count(*) FROM rfm_segments($many)", 0.2 ],
	[ 'rfm_segments writing rows', "SELECT count(*) FROM rfm_segments($many)", 0.6 ],
	[ 'segment_summary sorting wide money', 'SELECT count(*) FROM states, segment_summary(state)', 0.5 ],
	[ 'rfm_transitions sorting wide money', 'SELECT count(*) FROM states, rfm_transitions(NULL, state)', 0.5 ],
	[ 'rfm_breaks sorting wide money', 'SELECT count(*) FROM states, rfm_breaks(state)', 0.5 ],
	[ 'hero_buyers sorting', 'SELECT count(*) FROM states, hero_buyers(NULL::bigint, state, 1)', 0.4 ],
	[ 'hero_buyers writing rows', 'SELECT count(*) FROM states, hero_buyers(NULL::bigint, state, 1)', 0.7 ])
{
	my ($title, $sql, $part) = @$_;
	my ($whole, $took, $out, $err);

	# The machine may stutter.
	foreach (1 .. 4)
	{
		$whole = seconds("$sql OFFSET 1000000000");
		$node->psql('postgres', qq{
			\\set VERBOSITY sqlstate
			SELECT retention_state_send(NULL);
			SET statement_timeout = ${\ int(1000 * $part * $whole + 1)};
			\\timing on
			$sql OFFSET 1000000000;
			\\timing off
			RESET statement_timeout;
			SELECT 'alive', count(*) FROM rfm_segments(NULL::bigint, 'live', 'customer', 'ordered_at', 'amount') HAVING count(*) > 0},
			stdout => \$out, stderr => \$err, on_error_stop => 0);
		$took = ($out =~ /^Time: ([\d.]+) ms/m)[0] / 1000;
		last if $err =~ /57014/ && $took < ($part + 0.2) * $whole;
	}
	like("$err $out", qr/57014.*alive/s, "$title: cancelled, and the backend goes on");
	cmp_ok($took, '<', ($part + 0.2) * $whole, sprintf('%s: stopped on the way (%.2f of %.2f s)', $title, $took, $whole));
	cmp_ok($took, '<', $part * $whole + 1, "$title: within a second");
}

# ---------------------------------------------------------------------------
# Time and memory
# ---------------------------------------------------------------------------
my $three_million = 'SELECT i % 1009 AS f, i * 7919 % 3000017 AS m, to_timestamp(i % 86400 * 60) AS r FROM generate_series(1::bigint, 3000000) i';
{
	my $took = seconds("SELECT count(s) FROM (SELECT quantile_score(m) OVER () AS s FROM ($three_million) t) x");
	note(sprintf '3 million rows, quantile_score: %.2f s', $took);
	cmp_ok($took, '<', 30, 'quantile_score of 3 million rows');
}

not_quadratic('40,000 and 320,000 partitions of three', map {
	"SELECT count(s) FROM (SELECT quantile_score(m) OVER (PARTITION BY p) AS s
	 FROM (SELECT i / 3 AS p, i * 7919 % 1009 AS m FROM generate_series(0::bigint, 3 * $_ - 1) i OFFSET 0) t) x"
} 40_000, 320_000);

SKIP:
{
	my $peak = peak_memory_query() or skip 'the system does not tell the memory of a backend', 5;
	my $rise = sub {
		my ($sql) = @_;
		# the pages of the table in shared memory are not the query's
		my @lines = split /\n/, answer("SET work_mem = '1MB'; $serial; SELECT sum(amount) FROM many; $peak; $sql; $peak");
		return 1024 * ($lines[-1] - $lines[1]);
	};



	foreach (
		[ 'quantile_score of a number', 'quantile_score(i * 7919 % 3000017) OVER ()', 60 ],
		[ 'rfm_score', q{rfm_score(to_timestamp(i % 86400), i % 1009, i) OVER ()}, 100 ],
		[ 'quantile_score of a text', q{quantile_score(to_char(i * 7919 % 3000017, 'FM0000000')) OVER ()}, 120 ])
	{
		my ($title, $call, $at_most) = @$_;
		my ($few, $more) = map { $rise->("SELECT count(s) FROM (SELECT $call AS s FROM (SELECT generate_series(1, $_)::bigint AS i) t) x") } 300_000, 1_300_000;
		my $each = ($more - $few) / 1e6;
		note(sprintf '%s: %.1f bytes a row', $title, $each);
		cmp_ok($each, '<', $at_most, "$title: memory a row");
	}
	foreach my $name ('rfm_segments', 'segment_summary', 'rfm_breaks', 'hero_buyers', 'rfm_transitions')
	{
		my $arguments = $name eq 'rfm_transitions' ? "$many, '1970-01-05'" : $many;
		my $each = $rise->("SELECT count(*) FROM $name($arguments)") / 1e6;
		note(sprintf '%s of a million customers: %.1f bytes each', $name, $each);
		cmp_ok($each, '<', $name eq 'rfm_transitions' ? 260 : 200, "$name: memory a customer");
	}
}

# ---------------------------------------------------------------------------
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|was terminated|out of memory|WARNING/, 'nothing crashed or leaked');

$node->stop;
done_testing();
