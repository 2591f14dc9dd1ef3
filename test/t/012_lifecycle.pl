# The life of an installation: created by whom and where, updated from every older version
# with all that hangs on it, moved, dumped and dropped. And states stored by released
# versions, read byte for byte.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $node = start_server('lifecycle', 'max_parallel_workers_per_gather = 0');
my $data = "$FindBin::RealBin/../data/states";
my $folder = PostgreSQL::Test::Utils::tempdir;

# pg_available_extension_versions of some servers lists only what lies in their own folder.
my $newest = answer(q{SELECT extversion FROM pg_extension WHERE extname = 'retention'});
my @paths = rows('SELECT source, target, path FROM pg_extension_update_paths($$retention$$) ORDER BY 1, 2');
my @versions = map { $_->[0] } rows(q{
	SELECT source FROM pg_extension_update_paths('retention') GROUP BY source ORDER BY string_to_array(source, '.')::int[]});
cmp_ok(scalar @versions, '>', 1, "there are versions to update from: @versions");
is($versions[-1], $newest, 'the newest is what CREATE EXTENSION gives');

sub new_database
{
	my ($name, @sql) = @_;
	answer("CREATE DATABASE $name TEMPLATE template0");
	answer(join(";\n", 'SET client_min_messages = warning', @sql), $name) if @sql;
	return $name;
}

# The SQLSTATE of what a user's statements end with, or '' and what they print
sub outcome_as
{
	my ($user, $database, $sql) = @_;
	my ($out, $err);
	$node->psql($database, "\\set VERBOSITY sqlstate\n$sql", stdout => \$out, stderr => \$err, extra_params => [ '-U', $user ]);
	return ($err =~ /(?:ERROR|FATAL): +(\w{5})\b/ ? $1 : $err) . $out;
}

# ---------------------------------------------------------------------------
# The same catalogue, whichever way
# ---------------------------------------------------------------------------

# All that the server knows of the extension and its members, one text a line. Identifiers
# differ between databases, so they are written out, without the extension's schema; and
# some servers keep a stamp of their own among the options of a column.
sub catalogue
{
	my ($database) = @_;
	my $of_members = sub {
		my ($catalogue, $row) = @_;
		return "SELECT d.objid AS oid, $row AS about FROM members d JOIN $catalogue c ON c.oid = d.objid WHERE d.classid = '$catalogue'::regclass";
	};

	my $schema = answer(q{SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'retention'}, $database);
	my $text = answer(qq{
		CREATE TEMP VIEW members AS
		SELECT classid, objid FROM pg_depend
		WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retention');

		SELECT about FROM (
			SELECT 'extension ' || (to_jsonb(e) - '{oid,extnamespace,extowner}'::text[])::text AS about FROM pg_extension e WHERE extname = 'retention'
			UNION ALL
			SELECT concat_ws(' ', pg_describe_object(classid, objid, 0), 'is', obj_description(objid, classid::regclass::name)) FROM members
			UNION ALL
			SELECT concat_ws(' ', pg_describe_object(d.classid, d.objid, d.objsubid), 'needs', d.deptype,
			                 regexp_replace(pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid), 'schema .*', 'schema'))
			FROM pg_depend d JOIN members USING (classid, objid)
			UNION ALL
			SELECT concat_ws(' ', oid::regprocedure, about) FROM (${\ $of_members->('pg_proc', q{
				(to_jsonb(c) - '{oid,pronamespace,prorettype,proargtypes,proallargtypes,proargdefaults,prosqlbody}'::text[])::text
				|| pg_get_function_arguments(c.oid) || ' RETURNS ' || coalesce(pg_get_function_result(c.oid), '')})}) p
			UNION ALL
			SELECT concat_ws(' ', 'aggregate', a.aggfnoid::regprocedure, to_jsonb(a) - '{aggfnoid,aggtranstype,aggmtranstype}'::text[],
			                 a.aggtranstype::regtype, a.aggmtranstype::regtype)
			FROM pg_aggregate a JOIN members ON objid = aggfnoid AND classid = 'pg_proc'::regclass
			UNION ALL
			SELECT concat_ws(' ', 'type', about) FROM (${\ $of_members->('pg_type',
				q{(to_jsonb(c) - '{oid,typnamespace,typrelid,typelem,typarray}'::text[])::text})}) t
			UNION ALL
			SELECT concat_ws(' ', 'column', c.typname, to_jsonb(a) - '{attrelid,atttypid,attoptions}'::text[], format_type(atttypid, atttypmod))
			FROM members JOIN pg_type c ON c.oid = objid AND classid = 'pg_type'::regclass JOIN pg_attribute a ON a.attrelid = c.typrelid
		) catalogue}, $database);
	return join "\n", sort map { s/\b\Q$schema\E\.//gr } split /\n/, $text;
}

# A test that two texts have the same lines; what only one of them has, if not
sub same_lines
{
	my ($got, $expected, $title) = @_;
	my %in_got = map { $_ => 1 } split /\n/, $got;
	my %in_expected = map { $_ => 1 } split /\n/, $expected;

	ok($got eq $expected, $title)
	  or diag(join "\n", map { substr $_, 0, 1000 } (map { "only here: $_" } grep { !$in_expected{$_} } sort keys %in_got),
		(map { "missing: $_" } grep { !$in_got{$_} } sort keys %in_expected));
	return;
}

foreach my $version (@versions)
{
	new_database("fresh_$version" =~ tr/./_/r, "CREATE EXTENSION retention VERSION '$version'");
}
my %catalogue = map { $_ => catalogue("fresh_$_" =~ tr/./_/r) } @versions;

# What a catalogue above does not go into would be compared by name alone.
is(answer(q{
	SELECT string_agg(DISTINCT classid::regclass::text, ' ') FROM pg_depend
	WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retention')}), 'pg_proc pg_type',
	'members are functions and types');
cmp_ok(() = $catalogue{$newest} =~ /$/mg, '>', 1000, 'the catalogue has much to say');

foreach (@paths)
{
	my ($source, $target, $path) = @$_;
	my $is_forward = (grep { $_ eq $source || $_ eq $target } @versions)[0] eq $source;
	my $database = "from_${source}_to_$target" =~ tr/./_/r;

	new_database($database, "CREATE EXTENSION retention VERSION '$source'");
	is($path ne '', $is_forward, "from $source to $target there is " . ($is_forward ? 'a path' : 'no path'));
	if ($is_forward)
	{
		answer("ALTER EXTENSION retention UPDATE TO '$target'", $database);
		same_lines(catalogue($database), $catalogue{$target}, "updated from $source to $target: the catalogue of a fresh $target");
	}
	else
	{
		is(outcome_as('postgres', $database, "ALTER EXTENSION retention UPDATE TO '$target'"), '22023', "a downgrade from $source to $target is refused");
		same_lines(catalogue($database), $catalogue{$source}, 'and changes nothing');
	}
}
is(scalar @paths, @versions * (@versions - 1), 'every pair of versions was tried');

# No function of an old version is gone, or looks different to a caller. Its comment may say
# more. One was renamed to make room for others of its name; views on it stay.
sub for_callers
{
	# since 0.3 these have more arguments, which can be left out, and predictions more columns
	return map { s/^(function \S+\(.*?\)|type \S+) is .*/$1/r } grep { !/^extension / && !/^(function )?retention_check\(regclass,name,name,name,name,timestamp with time zone,text\)/
		&& !/^(function )?(predict_customers|backtest)\(/ }
	  # since 0.3 the clock is asked later, and states reach table functions unpacked
	  map { s/DEFAULT \Know\(\)/clock_timestamp()/gr =~ s/("aggfinalfn": ")-(?=.*"purchase(?:s|_days)_state_transfn_)/$1retention_state_finalfn/r }
	  # in cohorts columns came between others; the share of the dormant has its own name since 0.3
	  map { s/^(column cohort_retention_row .*"attnum": )\d+/$1N/r =~ s/^(column lifecycle_row .*"attname": ")churn_rate"/$1dormant_rate"/r } map {
		/^(function )?threshold_score\(anycompatible,/ ? s/threshold_score(?=\(any|", "prorows)/threshold_score_any/gr : $_
	} split /\n/, shift;
}
foreach my $old (@versions[ 0 .. $#versions - 1 ])
{
	my %now = map { $_ => 1 } for_callers($catalogue{$newest});
	my @lost = grep { !$now{$_} } for_callers($catalogue{$old});
	is("@lost", '', "all that $old has is in $newest as it was");
}

# ---------------------------------------------------------------------------
# An installation of the oldest version, updated step by step with its dependents
# ---------------------------------------------------------------------------
my $oldest = $versions[0];
new_database('shop', "CREATE SCHEMA kpi", "CREATE EXTENSION retention SCHEMA kpi VERSION '$oldest'");

# The orders and states are made next to it, and come by a dump, which holds objects of
# the newest version; states as text.
create_orders(4_000, 800);
answer('ALTER TABLE orders SET LOGGED');
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-t', 'orders', '-f', "$folder/orders.sql" ], 'the orders are dumped');
command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('shop'), '-f', "$folder/orders.sql" ], 'and restored');

my $as_of = q('2024-07-01 00:00+00');
answer(qq{
	SET search_path = kpi, public;

	CREATE TABLE daily (
		shop int, day date,
		repeaters retention_state NOT NULL,
		buyers retention_state NOT NULL,
		money retention_state NOT NULL DEFAULT '${\ answer('SELECT aov_state(1.5)')}',
		rate double precision GENERATED ALWAYS AS (repeat_rate(repeaters)) STORED,
		customers bigint GENERATED ALWAYS AS ((state_info(repeaters)).customers) STORED,
		segment text DEFAULT rfm_segment_label('champions'),
		CHECK ((state_info(buyers)).customers >= 0),
		PRIMARY KEY (shop, day));
	CREATE INDEX ON daily (aov(money));
	INSERT INTO daily (shop, day, repeaters, buyers)
	SELECT shop % 5, date_trunc('month', day), repeat_rate_state(c_bigint), purchases_state(c_long, ordered_at, amount, $as_of)
	FROM public.orders WHERE day IS NOT NULL AND shop IS NOT NULL GROUP BY 1, 2;
	CREATE TABLE waits AS SELECT survival(extract(day FROM ordered_at), amount > 20) AS s FROM public.orders GROUP BY shop;

	CREATE DOMAIN buyers_state AS retention_state CHECK ((state_info(VALUE)).customers >= 0);
	CREATE TABLE by_customer AS
	SELECT clv_state(c_uuid, ordered_at, amount, '1 year', '3 years', $as_of)::buyers_state AS worth FROM public.orders;

	CREATE VIEW regions AS
	SELECT region, repeat_rate(c_bigint), repeat_rate(c_uuid, ordered_at, '90 days', $as_of) AS lately,
	       net_revenue_retention(c_long, ordered_at, amount, '90 days', $as_of), clv(c_short, ordered_at, amount, '1 year', '3 years', $as_of)
	FROM public.orders GROUP BY region;
	CREATE VIEW lives AS
	SELECT l.* FROM (SELECT lifecycle(c_bigint, ordered_at, 'month', $as_of, 'Europe/Paris') AS rows FROM public.orders) o, unnest(rows) l;
	CREATE VIEW segments AS
	SELECT customer, segment, rfm_segment_label(segment, 'fr'), quantile_score(monetary) OVER (ORDER BY monetary)
	FROM rfm_segments(NULL::text, 'public.orders', 'c_long', 'ordered_at', 'amount', as_of => $as_of);
	CREATE VIEW steps AS
	SELECT c_short, threshold_score(count(*), '{2,5,10}'), threshold_score(sum(amount), ARRAY[10, 100.5]) AS money, threshold_score(max(ordered_at), '{2024-01-01}') AS lately
	FROM public.orders GROUP BY c_short;
	CREATE VIEW curves AS SELECT c.* FROM (SELECT rollup(s) AS s FROM waits) w, survival_curve(s) c;
	CREATE MATERIALIZED VIEW a_segments AS TABLE segments;
	CREATE UNIQUE INDEX ON a_segments (customer);
	CREATE MATERIALIZED VIEW a_total AS
	SELECT s.* FROM (SELECT rollup(buyers) AS state FROM daily) d, segment_summary(state) s;
	CREATE FUNCTION worth() RETURNS numeric BEGIN ATOMIC SELECT clv(worth) FROM by_customer; END;
	CREATE FUNCTION lost(retention_state) RETURNS double precision LANGUAGE sql RETURN repeat_rate(\$1);
	CREATE AGGREGATE merged(retention_state) (SFUNC = retention_state_combine, STYPE = retention_state, FINALFUNC = lost)}, 'shop');

# What reads a row type that a version makes anew
my $triangle = qq{
	CREATE VIEW kpi.triangle AS
	SELECT c.* FROM (SELECT kpi.cohort_retention(c_bigint, ordered_at, amount, 'month', $as_of, 'Europe/Paris') AS rows FROM public.orders) o, kpi.cohort_curve(rows) c};

# All that is asked of them
my @dependents = (
	map({ "SELECT * FROM kpi.$_ v ORDER BY v::text COLLATE \"C\"" } qw(regions lives segments steps curves a_segments a_total daily waits by_customer)),
	'SELECT kpi.worth()', 'SELECT kpi.merged(repeaters) FROM kpi.daily', 'SELECT count(*) FROM kpi.daily WHERE kpi.aov(money) = 1.5');

sub dependents
{
	my ($database) = @_;
	return join "\n", map { answer($_, $database) } @dependents;
}
my $before = dependents('shop');
cmp_ok(length $before, '>', 100_000, 'dependents of an installation of the oldest version have answers');
command_ok([ 'pg_dump', '-d', $node->connstr('shop'), '-f', "$folder/shop_$oldest.sql" ], "it is dumped at $oldest");

# The rows of cohort_retention are others since 0.3: a view over them has to go, and says so.
answer($triangle, 'shop');
is(outcome_as('postgres', 'shop', 'TABLE kpi.triangle'), '55000', "at $oldest a newer library does not read them");
is(outcome_as('postgres', 'shop', 'ALTER EXTENSION retention UPDATE'), '2BP01', 'the update is refused while a view stands on them');
same_lines(dependents('shop'), $before, 'and nothing has changed');
answer('DROP VIEW kpi.triangle', 'shop');

foreach my $version (@versions[ 1 .. $#versions ])
{
	# A session that has used the extension before goes on with it
	is(answer(qq{
		PREPARE rate AS SELECT kpi.repeat_rate(c_bigint) FROM public.orders;
		EXECUTE rate;
		ALTER EXTENSION retention UPDATE TO '$version';
		EXECUTE rate;
		SELECT extversion FROM pg_extension WHERE extname = 'retention'}, 'shop') =~ /\A(.+)\n\1\n\Q$version\E\z/, 1,
		"updated to $version, under a session that had prepared a query");
	same_lines(dependents('shop'), $before, "at $version all dependents give the same answers");
}
answer(qq{
	SET search_path = pg_catalog;
	REFRESH MATERIALIZED VIEW CONCURRENTLY kpi.a_segments;
	REFRESH MATERIALIZED VIEW kpi.a_total;
	REINDEX TABLE kpi.daily;
	UPDATE kpi.daily SET repeaters = repeaters;
	INSERT INTO kpi.daily (shop, day, repeaters, buyers) SELECT -1, day, repeaters, buyers FROM kpi.daily LIMIT 1;
	DELETE FROM kpi.daily WHERE shop = -1}, 'shop');
same_lines(dependents('shop'), $before, 'and after their contents were written again');
same_lines(catalogue('shop'), $catalogue{$newest}, 'its catalogue is that of a fresh installation');

answer($triangle, 'shop');

# new functions over old states and objects
is(answer(q{
	SELECT count(*) > 100 FROM kpi.predict_customers(NULL::bigint, 'public.orders', 'c_bigint', 'ordered_at', 'amount', as_of => '2024-07-01')},
	'shop'), 't', 'a function that came with the update works');

# A dump of the old installation, restored: it has no version, so the newest comes.
new_database('restored');
command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$folder/shop_$oldest.sql" ],
	"a dump made at $oldest is restored");
is(answer(q{SELECT extversion FROM pg_extension WHERE extname = 'retention'}, 'restored'), $newest, "it has version $newest");
same_lines(dependents('restored'), $before, 'with the same answers');
answer($triangle, 'restored');

# ---------------------------------------------------------------------------
# States written by released versions
# ---------------------------------------------------------------------------
new_database('states', 'CREATE EXTENSION retention');
command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('states'), '-f', "$data/states.sql" ],
	'states are built');
my $is_little_endian = unpack('C', pack 'S', 1) && length(pack 'j', 0) == 8;

# What a query that reads a state is refused with
answer(q{
	CREATE FUNCTION refusal(query text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		problem text;
		hint text;
	BEGIN
		EXECUTE query;
		RETURN 'nothing';
	EXCEPTION WHEN feature_not_supported THEN
		GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
		RETURN problem || ': ' || hint;
	END $$}, 'states');

foreach my $version (grep { -e "$data/$_.csv" } @versions)
{
	my $table = "old_$version" =~ tr/./_/r;

	answer(qq{
		CREATE TABLE $table (LIKE written);
		\\copy $table FROM '$data/$version.csv' (FORMAT csv, HEADER)
		CREATE TABLE ${table}_stored AS
		SELECT call, base64_raw(stored_form)::retention_state AS state FROM $table WHERE call NOT LIKE 'survival(%';
		CREATE TABLE ${table}_survivals AS
		SELECT call, base64_raw(stored_form)::survival AS state FROM $table WHERE call LIKE 'survival(%'}, 'states');
	cmp_ok(answer("SELECT count(*) FROM $table", 'states'), '>', 40, "version $version has left states of every family");

	# States of an older format are errors that say what to do, in either form.
	if (answer("SELECT count(DISTINCT left(text_form, 4)), min(left(text_form, 4)) = (SELECT min(left(text_form, 4)) FROM written) FROM $table", 'states') eq '1|f')
	{
		my $refusal = qr/\Aretention state has format \d+, this version reads format \d+: It was stored by an older version: build it again from the orders\.\z/;
		like(answer("SELECT DISTINCT refusal(format('SELECT %L::%s', text_form, CASE WHEN call LIKE 'survival(%' THEN 'survival' ELSE 'retention_state' END)) FROM $table", 'states'),
			$refusal, "states of $version as text: a clear error");
		like(answer(qq{SELECT DISTINCT refusal(format('SELECT state::text FROM %I WHERE call = %L', t, call))
			FROM (SELECT '${table}_stored' AS t, call FROM ${table}_stored UNION ALL SELECT '${table}_survivals', call FROM ${table}_survivals) s}, 'states'),
			$refusal, "states of $version as stored: a clear error") if $is_little_endian;
		next;
	}

	# The calls of which something is said, of their states in either form
	my $of_text = sub {
		my ($read) = @_;
		return join '', map {
			my ($type, $condition) = @$_;
			answer("SELECT call FROM (SELECT *, text_form::$type AS state FROM $table WHERE call $condition) s WHERE $read", 'states')
		} ([ 'retention_state', q{NOT LIKE 'survival(%'} ], [ 'survival', q{LIKE 'survival(%'} ]);
	};
	my $of_stored = sub {
		my ($read) = @_;
		return join '', map { answer("SELECT call FROM $table JOIN ${table}_$_ USING (call) WHERE $read", 'states') } qw(stored survivals);
	};

	# Since 0.3 recency is scored from the most recent day, and purchases are read with scores.
	my $is_read_as_then = q{call NOT LIKE 'purchases_state(%'};

	foreach ([ 'as text', $of_text ], $is_little_endian ? [ 'as stored', $of_stored ] : ())
	{
		my ($title, $calls) = @$_;
		is($calls->("answer(call, state) IS DISTINCT FROM answer AND $is_read_as_then"), '', "states of $version $title: read as $version read them");
		is($calls->('state::text <> text_form'), '', "states of $version $title: written as $version wrote them");
		is($calls->('(SELECT rollup(s) FROM (VALUES (state), (NULL)) n(s))::text <> text_form'), '', "states of $version $title: merged with nothing, the same");
	}
	is(answer("SELECT call FROM $table LEFT JOIN written w USING (call) WHERE w.text_form IS DISTINCT FROM $table.text_form OR (w.answer IS DISTINCT FROM $table.answer AND $is_read_as_then)", 'states'),
		'', "states of $version: $newest builds the same of the same orders");
	# Old and new meet: a state doubled keeps its customers.
	is(answer(qq{
		SELECT call FROM (SELECT o.call, o.state, (SELECT rollup(s) FROM (VALUES (o.state), (n.state)) v(s)) AS together
		                  FROM ${table}_stored o JOIN states n USING (call)) b
		WHERE ((state_info(together)).customers, (state_info(together)).measure) IS DISTINCT FROM ((state_info(state)).customers, (state_info(state)).measure)}, 'states'),
		'', "states of $version: merged with new ones");
}

# ---------------------------------------------------------------------------
# Created by whom, where, and when
# ---------------------------------------------------------------------------
answer('CREATE ROLE shopkeeper LOGIN; CREATE ROLE clerk LOGIN; CREATE ROLE guest LOGIN');
new_database('small_shop', 'ALTER DATABASE small_shop OWNER TO shopkeeper', 'CREATE SCHEMA office AUTHORIZATION shopkeeper',
	'CREATE SCHEMA clerks AUTHORIZATION clerk', 'CREATE TABLE public.orders (customer bigint, at timestamptz, amount numeric)',
	"INSERT INTO public.orders SELECT i % 7, to_timestamp(i * 86400), i FROM generate_series(1, 40) i");
is(outcome_as('clerk', 'small_shop', 'CREATE EXTENSION retention SCHEMA clerks'), '42501', 'who may not create in the database, may not install it');
is(outcome_as('shopkeeper', 'small_shop', "SET search_path = pg_catalog; CREATE EXTENSION retention SCHEMA office VERSION '$oldest'"), '',
	'the owner of a database installs it, though no superuser, in a schema off the search_path');
is(outcome_as('clerk', 'small_shop', 'ALTER EXTENSION retention UPDATE'), '42501', 'another may not update it');
is(outcome_as('shopkeeper', 'small_shop', 'ALTER EXTENSION retention UPDATE'), '', 'its owner does');
same_lines(catalogue('small_shop'), $catalogue{$newest}, 'it is what a superuser gets');
is(outcome_as('guest', 'small_shop', 'SELECT office.repeat_rate(1)'), '42501', 'a schema of its own has its own rights');
answer('GRANT USAGE ON SCHEMA office TO guest', 'small_shop');
is(outcome_as('guest', 'small_shop', 'SELECT office.repeat_rate(1)'), '0', 'who may use the schema, may use it');

my $segments = q{SELECT count(*) FROM office.rfm_segments(NULL::bigint, 'public.orders', 'customer', 'at', 'amount', '1970-03-01')};
is(outcome_as('guest', 'small_shop', $segments), '42501', 'a table function reads with the rights of its caller');
answer('GRANT SELECT ON public.orders TO guest', 'small_shop');
is(outcome_as('guest', 'small_shop', $segments), '7', 'and no others');
is(outcome_as('shopkeeper', 'small_shop', 'CREATE SCHEMA moved; ALTER EXTENSION retention SET SCHEMA moved'), '42501',
	'to move it takes a superuser, to whom its functions belong');
answer('ALTER EXTENSION retention SET SCHEMA moved', 'small_shop');
is(outcome_as('shopkeeper', 'small_shop', 'DROP EXTENSION retention'), '', 'to drop it does not');

# Names of the shop's own are met with an error, not with a replacement.
new_database('crowded', 'CREATE FUNCTION aov(numeric) RETURNS numeric RETURN $1', "CREATE TYPE btyd_model AS (family text)");
is(outcome_as('postgres', 'crowded', 'CREATE EXTENSION retention'), '42723', 'a function of the same name is in the way');
is(outcome_as('postgres', 'crowded', 'DROP FUNCTION aov; CREATE EXTENSION retention'), '42710', 'and a type');
is(outcome_as('postgres', 'crowded', 'CREATE FUNCTION aov(numeric) RETURNS numeric RETURN $1; CREATE SCHEMA kpi; CREATE EXTENSION retention SCHEMA kpi; SELECT aov(3), kpi.aov(x) FROM generate_series(3, 5) x'),
	'3|4.0000000000000000', 'but not in a schema of its own');

# In several databases at once, and twice in one
{
	my @databases = map { new_database("at_once_$_") } 1 .. 3;
	my @sessions = map {
		my $err = '';
		{ err => \$err, run => IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr($_), '-c',
			'CREATE EXTENSION retention', '-c', 'SELECT pg_sleep(0.2), repeat_rate(1)' ], '<', \'', '>', \my $out, '2>', \$err) }
	} @databases, $databases[0];
	$_->{run}->finish foreach @sessions;

	same_lines(catalogue($_), $catalogue{$newest}, "$_: installed while others were") foreach @databases;
	is(join('', map { ${ $_->{err} } } @sessions[ 1, 2 ]), '', 'and nobody noticed');
	my @errors = grep { $_ } map { ${ $_->{err} } } @sessions[ 0, 3 ];
	ok(@errors == 1 && $errors[0] =~ /\A(psql:[^\n]*)?ERROR: +(23505|42710)\s*\z/, 'twice in one database: one of both gets it') or diag(@errors);
}

# ---------------------------------------------------------------------------
# Moved
# ---------------------------------------------------------------------------
foreach my $schema ('Kennzahlen', 'odd"name', 'kpi')
{
	my $quoted = '"' . $schema =~ s/"/""/gr . '"';
	answer("CREATE SCHEMA IF NOT EXISTS $quoted; ALTER EXTENSION retention SET SCHEMA $quoted", 'shop');
	is(answer('SET search_path = pg_catalog; REFRESH MATERIALIZED VIEW kpi.a_segments; SELECT repeat_rate FROM kpi.regions ORDER BY region LIMIT 1', 'shop'),
		answer('SELECT repeat_rate FROM kpi.regions ORDER BY region LIMIT 1', 'restored'), "moved to schema $schema, views follow");
	command_ok([ 'pg_dump', '-d', $node->connstr('shop'), '-f', "$folder/moved.sql" ], "schema $schema: dumped");
	my $restored = new_database('moved_to_' . lc $schema =~ tr/a-zA-Z//cdr);
	command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($restored), '-f', "$folder/moved.sql" ], "schema $schema: restored");
	is(answer('TABLE kpi.triangle', $restored), answer('TABLE kpi.triangle', 'restored'), "schema $schema: a view gives the same rows");
}
same_lines(dependents('shop'), $before, 'after all moves, the same answers');

# ---------------------------------------------------------------------------
# Dropped
# ---------------------------------------------------------------------------
is(outcome_as('postgres', 'shop', 'DROP EXTENSION retention'), '2BP01', 'DROP EXTENSION is refused while something depends on it');
is(outcome_as('postgres', 'shop', 'DROP EXTENSION retention RESTRICT'), '2BP01', 'also in so many words');
is(outcome_as('postgres', 'shop', 'DROP FUNCTION kpi.repeat_rate(kpi.retention_state)'), '2BP01', 'no part of it can be dropped');
is(outcome_as('postgres', 'shop', 'DROP SCHEMA kpi'), '2BP01', 'nor its schema');
same_lines(dependents('shop'), $before, 'and nothing was lost');
is(outcome_as('postgres', 'shop', 'SET client_min_messages = warning; DROP EXTENSION retention CASCADE'), '', 'CASCADE drops it');
is(answer(q{
	SELECT (SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'kpi'::regnamespace AND relkind IN ('r', 'v', 'm')),
	       (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'kpi.daily'::regclass AND attnum > 0 AND NOT attisdropped),
	       (SELECT count(*) FROM pg_proc WHERE pronamespace = 'kpi'::regnamespace), (SELECT count(*) > 0 FROM kpi.daily)}, 'shop'),
	'by_customer daily waits|shop day segment|0|t', 'with the columns, views and functions that depended on it, and no table');
answer('CREATE EXTENSION retention SCHEMA kpi', 'shop');
is(answer('SELECT count(*) FROM (SELECT kpi.repeat_rate(c_bigint) FROM public.orders) o', 'shop'), '1', 'and it can come again');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|server process .* was terminated/, 'the server has nothing to say');
$node->stop;
done_testing();
