# Survival against numbers made with 60 digits (test/data/survival), at size, between
# workers, through dump and restore, and from broken bytes.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $node = start_server('survival', 'max_worker_processes = 8', 'max_parallel_workers = 8');
my $data = "$FindBin::RealBin/../data/survival";
my $folder = PostgreSQL::Test::Utils::tempdir;

# ---------------------------------------------------------------------------
# The reference tables
# ---------------------------------------------------------------------------
answer(qq{
	CREATE TABLE counts (scenario text, grp text, day float8, events bigint, censored bigint);
	CREATE TABLE curve (scenario text, grp text, confidence float8, day float8, at_risk bigint, events bigint,
		censored bigint, survival float8, std_error float8, ci_low float8, ci_high float8);
	CREATE TABLE readings (scenario text, grp text, reader text, argument float8, value float8);
	CREATE TABLE logranks (scenario text, chi_square float8, df int, p_value float8);
	${\ join "\n", map { "\\copy $_->[0] FROM '$data/$_->[1].csv' (FORMAT csv, HEADER)" }
		[qw(counts counts)], [qw(curve curve)], [qw(readings readings)], [qw(logranks logrank)]}

	-- equal to a relative 1e-9, or both NULL
	CREATE FUNCTION same(a float8, b float8) RETURNS boolean
	RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= 1e-9 * greatest(abs(a), abs(b)), false);

	-- through their binary form, since no table can have a row for each of 10^13 people
	CREATE TABLE survivals AS
	SELECT scenario, grp, sum(events + censored) AS people,
	       replace(encode('\\x5253020e01'::bytea || int8send(count(*))
	                      || string_agg(float8send(day) || int8send(events) || int8send(censored), ''::bytea), 'base64'),
	               E'\\n', '')::survival AS s
	FROM counts GROUP BY scenario, grp});

my $groups = answer('SELECT count(*) FROM survivals');
cmp_ok($groups, '>', 25, 'there are scenarios');
is(answer(q{
	SELECT count(*) FILTER (WHERE a.s::text = b.s::text), count(*) = (SELECT count(*) FROM survivals WHERE people < 1e6)
	FROM survivals b
	JOIN (SELECT scenario, grp, survival(day, observed) AS s
	      FROM (SELECT scenario, grp, day, true AS observed FROM counts, generate_series(1, events) WHERE events + censored < 1e6
	            UNION ALL
	            SELECT scenario, grp, day, false FROM counts, generate_series(1, censored) WHERE events + censored < 1e6) people
	      GROUP BY scenario, grp) a USING (scenario, grp)
	WHERE people < 1e6}), $groups - 3 . '|t', 'the aggregate makes the same of a row for each');

is(answer(q{
	SELECT o.*, e.*
	FROM (SELECT scenario, grp, confidence, c.* FROM survivals JOIN (SELECT DISTINCT scenario, grp, confidence FROM curve) d
	      USING (scenario, grp), survival_curve(s, confidence) c) o
	FULL JOIN curve e USING (scenario, grp, confidence, day)
	WHERE (o.at_risk, o.events, o.censored) IS DISTINCT FROM (e.at_risk, e.events, e.censored)
	   OR NOT same(o.survival, e.survival) OR NOT same(o.std_error, e.std_error)
	   OR NOT same(o.ci_low, e.ci_low) OR NOT same(o.ci_high, e.ci_high)}), '', 'curves, errors and intervals');
foreach my $reader (qw(survival_at survival_quantile survival_mean inactivity_threshold))
{
	cmp_ok(answer("SELECT count(*) FROM readings WHERE reader = '$reader'"), '>', 200, "$reader: there are readings");
	is(answer(qq{
		SELECT scenario, grp, argument, value, $reader(s, argument) FROM readings JOIN survivals USING (scenario, grp)
		WHERE reader = '$reader' AND NOT same(value, $reader(s, argument))}), '', "$reader: the same");
}
is(answer(q{
	SELECT e.*, o.*
	FROM logranks e JOIN (SELECT scenario, l.* FROM (SELECT scenario, array_agg(s ORDER BY grp) AS a FROM survivals GROUP BY scenario) g,
	                             logrank(a) l) o USING (scenario)
	WHERE NOT same(o.chi_square, e.chi_square) OR NOT same(o.p_value, e.p_value) OR o.df IS DISTINCT FROM e.df}), '', 'log-rank');
note('worst relative difference of the curves: ' . answer(q{
	SELECT max(greatest(abs(o.survival / nullif(e.survival, 0) - 1), abs(o.std_error / nullif(e.std_error, 0) - 1),
	                    abs(o.ci_low / e.ci_low - 1), abs(o.ci_high / e.ci_high - 1)))
	FROM (SELECT scenario, grp, confidence, c.* FROM survivals JOIN (SELECT DISTINCT scenario, grp, confidence FROM curve) d
	      USING (scenario, grp), survival_curve(s, confidence) c) o JOIN curve e USING (scenario, grp, confidence, day)}));
note('of log-rank: ' . answer(q{
	SELECT max(abs(o.chi_square / e.chi_square - 1)), max(abs(o.p_value / nullif(e.p_value, 0) - 1))
	FROM logranks e JOIN (SELECT scenario, l.* FROM (SELECT scenario, array_agg(s ORDER BY grp) AS a FROM survivals GROUP BY scenario) g,
	                             logrank(a) l) o USING (scenario)}));

# ---------------------------------------------------------------------------
# Workers, and parts
# ---------------------------------------------------------------------------
answer(q{
	CREATE UNLOGGED TABLE waits WITH (parallel_workers = 3) AS
	SELECT i, (i * 7919::bigint % 100003) / 8.0::float8 AS days, i % 3 > 0 AS observed FROM generate_series(1, 300000) i;
	ANALYZE waits});
my $parallel = 'SET max_parallel_workers_per_gather = 3; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; '
  . 'SET min_parallel_table_scan_size = 0';
my $query = 'SELECT md5(survival(days, observed)::text) FROM waits';
my $whole = answer("SET max_parallel_workers_per_gather = 0; $query");

like(plan_of($parallel, $query), qr/Partial Aggregate/, 'the plan is split');
is(answer("$parallel; $query"), $whole, 'workers make the same');
is(answer("$parallel; SELECT md5(rollup(s)::text) FROM (SELECT survival(days, observed) s FROM waits GROUP BY i % 1000) p"),
	$whole, 'so do a thousand parts');
is(answer("$parallel; SELECT md5(survival(days, observed ORDER BY md5(i::text))::text) FROM waits"), $whole,
	'and any order');

# ---------------------------------------------------------------------------
# Dump and restore
# ---------------------------------------------------------------------------
my $contents = 'SELECT scenario, grp, s, survival_quantile(s, 0.3) FROM survivals ORDER BY scenario, grp';

answer(q{
	INSERT INTO survivals SELECT 'large', n::text, 0, survival(days, observed) FROM waits, generate_series(1, 2) n GROUP BY n;
	CREATE VIEW medians AS SELECT scenario, survival_quantile(rollup(s), 0.5) FROM survivals GROUP BY scenario;
	CREATE DATABASE restored TEMPLATE template0});
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$folder/dump.sql" ], 'pg_dump');
command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$folder/dump.sql" ], 'restore');
is(answer("SELECT md5(string_agg(x::text, '')) FROM ($contents) x", 'restored'),
	answer("SELECT md5(string_agg(x::text, '')) FROM ($contents) x"), 'restored: the same');
is(answer('SELECT * FROM medians ORDER BY 1', 'restored'), answer('SELECT * FROM medians ORDER BY 1'), 'and a view of it');
foreach my $format (qw(binary text csv))
{
	answer(qq{
		CREATE TABLE copied_$format (LIKE survivals);
		COPY survivals TO '$folder/$format' (FORMAT $format);
		COPY copied_$format FROM '$folder/$format' (FORMAT $format)});
	is(answer($contents =~ s/survivals/copied_$format/r), answer($contents), "COPY, $format: the same");
}

# ---------------------------------------------------------------------------
# Size
# ---------------------------------------------------------------------------
answer(q{
	CREATE TABLE fine AS SELECT survival(i / 1000.0, i % 3 > 0) AS s FROM generate_series(1, 1000000) i});
cmp_ok(seconds('SELECT count(*) FROM fine, survival_curve(s)'), '<', 15, 'a curve of a million times takes seconds');
is(answer(q{
	SELECT count(*), bool_and(at_risk = 1000001 - row_number), bool_and(survival <= before)
	FROM (SELECT *, row_number() OVER (ORDER BY day), lag(survival, 1, 1::float8) OVER (ORDER BY day) AS before
	      FROM fine, survival_curve(s)) c}), '1000000|t|t', 'and is a curve');
cmp_ok(seconds('SELECT survival_quantile(s, 0.5), survival_mean(s, 500), inactivity_threshold(s) FROM fine'), '<', 15,
	'reading values off it likewise');
cmp_ok(seconds('SELECT logrank(ARRAY[s, s, s]) FROM fine'), '<', 30, 'comparing three likewise');
is(answer('SELECT round(chi_square::numeric, 6), df, round(p_value::numeric, 6) FROM fine, logrank(ARRAY[s, s, s])'),
	'0.000000|2|1.000000', 'they are alike');
is(answer('SELECT survival_at(s, 666.6665) = survival_at(s::text::survival, 666.6665) FROM fine'), 't', 'through text likewise');
foreach my $slow ('SELECT survival(i / 1000.0, true) IS NULL FROM generate_series(1, 20000000) i',
	'SELECT logrank(array_agg(s)) FROM (SELECT survival(i, true) s FROM generate_series(1, 300000) i GROUP BY i % 500) groups')
{
	my $started = time;

	is(outcome("SET statement_timeout = '2s'; $slow"), '57014', "cancelled: $slow");
	cmp_ok(time - $started, '<', 8, 'at once');
}

# ---------------------------------------------------------------------------
# Broken bytes
# ---------------------------------------------------------------------------

# Every byte of a survival replaced, every length: refused in words, or it works
answer(q{
	CREATE TABLE outcome (code text, message text, bytes bytea);
	DO $$
	DECLARE
		intact bytea; broken bytea; s survival; again text;
	BEGIN
		SELECT survival_send(survival(d, o)) INTO intact FROM (VALUES (0, true), (0.5, false), (3, true), (3, false), (1e300, true)) v(d, o);
		FOR broken IN
			SELECT set_byte(intact, at, value) FROM generate_series(0, length(intact) - 1) at,
				unnest(ARRAY[0, 1, 2, 3, 14, 15, 63, 64, 127, 128, 240, 255]) value
			UNION ALL SELECT substr(intact, 1, n) FROM generate_series(0, length(intact) - 1) n
			UNION ALL SELECT intact || substr(intact, n) FROM generate_series(1, length(intact)) n
		LOOP
			BEGIN
				s := replace(encode(broken, 'base64'), E'\n', '')::survival;
				INSERT INTO outcome VALUES ('accepted', NULL, broken);
				again := s::text::survival::text;
				IF again <> s::text THEN INSERT INTO outcome VALUES ('changed', again, broken); END IF;
				PERFORM rollup(x) FROM (VALUES (s), (NULL), (s)) v(x);
				PERFORM survival_at(s, 1), survival_quantile(s, 0.5), survival_mean(s, 5), inactivity_threshold(s), logrank(ARRAY[s, s]);
				PERFORM FROM survival_curve(s) c
				WHERE survival < 0 OR survival > 1 OR std_error = 'NaN' OR std_error = 'Infinity' OR at_risk <= 0
				   OR ci_low > survival OR ci_high < survival OR ci_low < 0 OR ci_high > 1;
				IF FOUND THEN INSERT INTO outcome VALUES ('no curve', s::text, broken); END IF;
			EXCEPTION WHEN OTHERS THEN INSERT INTO outcome VALUES (SQLSTATE, SQLERRM, broken);
			END;
		END LOOP;
	END $$});
is(answer(q{SELECT code, message, bytes FROM outcome WHERE code !~ '^(accepted|22P02|22P03|22003|0A000)$'}), '',
	'broken bytes are refused in words, and those accepted work');
is(answer(q{SELECT count(*) FILTER (WHERE code = 'accepted') > 100, count(*) FILTER (WHERE code <> 'accepted') > 300 FROM outcome}),
	't|t', 'there were many of both');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|was terminated|memory alloc request|out of memory/, 'nothing crashed');

$node->stop;
done_testing();
