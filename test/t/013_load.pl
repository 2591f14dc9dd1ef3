# What a long day does to a server: the memory of one backend stays flat over thousands of
# calls, and a backend that is killed at work leaves no temporary file behind. test/load.sh
# does the same for longer, with many sessions.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = start_server('load', 'max_parallel_workers_per_gather = 0', 'restart_after_crash = on', 'client_min_messages = warning');

# More calls for who has the time
my $times = $ENV{LOAD_FACTOR} || 1;

# ---------------------------------------------------------------------------
# Memory
# ---------------------------------------------------------------------------
create_orders(2_000, 300);

# The query for the kB that the process has for itself: what a sanitizer takes is not ours
my $process_kb = $ENV{RETENTION_NO_MEMORY} ? 'NULL' : q{substring(pg_read_file('/proc/self/status', 0, 10000, true) FROM 'RssAnon:\s+(\d+)')};
answer(qq{
	CREATE FUNCTION process_kb() RETURNS bigint VOLATILE LANGUAGE sql RETURN (SELECT $process_kb\::bigint)});
answer(q{
	CREATE TABLE few AS SELECT * FROM orders WHERE id <= 60 AND abs(amount) < 1e6;
	CREATE TABLE summaries AS
	SELECT (purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'UTC')).* FROM orders WHERE abs(amount) < 1e6 GROUP BY c_bigint;
	CREATE TABLE given AS
	SELECT ARRAY[fit_bgnbd(x, t_x, age), fit_mbgnbd(x, t_x, age), fit_pareto_nbd(x, t_x, age)] AS models,
	       ARRAY[fit_gamma_gamma(x, mean_repeat_value::float8), fit_gamma_gamma(x + 1, mean_repeat_value::float8 + 1)] AS spends,
	       (SELECT array_agg(s) FROM (SELECT purchases_state(c_long, ordered_at, amount, '2024-07-01') AS s FROM orders GROUP BY id % 3) q) AS purchases,
	       (SELECT array_agg(s) FROM (SELECT purchase_days_state(c_bigint, ordered_at, amount, '2024-07-01', 'UTC') AS s FROM orders GROUP BY id % 3) q) AS days,
	       (SELECT array_agg(s) FROM (SELECT clv_state(c_uuid, ordered_at, amount, '1 year', '2 years', '2024-07-01') AS s FROM orders GROUP BY id % 3) q) AS clvs,
	       (SELECT array_agg(s) FROM (SELECT cohort_retention_state(c_text, ordered_at, amount, 'month', '2024-07-01', z) AS s
	        FROM (SELECT c_short AS c_text, * FROM orders) o, unnest('{Europe/Paris,UTC,America/New_York}'::text[]) z GROUP BY z) q) AS cohorts,
	       (SELECT array_agg(s) FROM (SELECT survival(extract(day FROM ordered_at), amount > 20) AS s FROM orders GROUP BY id % 3) q) AS waits,
	       '{Europe/Paris,UTC,America/New_York,Asia/Kolkata,Pacific/Apia}'::text[] AS zones
	FROM summaries;
	-- bytes of all memory contexts, now
	CREATE FUNCTION context_bytes() RETURNS bigint VOLATILE LANGUAGE plpgsql AS
	$$ BEGIN RETURN (SELECT sum(used_bytes) FROM pg_backend_memory_contexts); END $$;

	-- How much both grow while an expression of i is computed for one row after another,
	-- after the first of them: within a query, where what a function keeps for the query adds up
	CREATE FUNCTION growth_by_rows(expression text, rows int, OUT kb bigint, OUT bytes bigint) LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('
			SELECT max(m) FILTER (WHERE i = $1) - max(m) FILTER (WHERE i < $1), max(b) FILTER (WHERE i = $1) - max(b) FILTER (WHERE i < $1)
			FROM (SELECT i, %s AS result,
			             CASE WHEN i IN ($1 / 4, $1) THEN process_kb() END AS m, CASE WHEN i IN ($1 / 4, $1) THEN context_bytes() END AS b
			      FROM given, generate_series(1, $1) i OFFSET 0) rows WHERE result IS NOT NULL OR b IS NOT NULL', expression)
		INTO kb, bytes USING rows;
	END $$;
	-- and from one statement to the next
	CREATE PROCEDURE many_statements(expression text, statements int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. statements LOOP
			EXECUTE format('SELECT %s FROM given, (SELECT %s AS i) one', expression, i);
			COMMIT;
		END LOOP;
	END $$});

# Of i, which changes what is asked, for so many rows
my $of_orders = q{FROM few o WHERE o.id > 0 * i};
my @cheap = (
	'p_alive(models[1 + i % 3], i % 9, (i % 9)::float8, 30)',
	'expected_orders(models[1 + i % 3], i % 9, (i % 9)::float8, 30, 52)',
	'expected_orders_new(models[1 + i % 3], i % 60)',
	'orders_pmf_new(models[1 + i % 3], i % 9, 20)',
	'log_likelihood(models[1 + i % 3], i % 9, (i % 9)::float8, 30)',
	'log_likelihood(spends[1 + i % 2], 1 + i % 9, 10 + i % 70)',
	'expected_value(spends[1 + i % 2], i % 9, 10 + i % 70)',
	'predicted_clv(models[1 + i % 3], spends[1 + i % 2], i % 9, (i % 9)::float8, 30, 20, 52, 0.001, 4)',
	'(SELECT sum(estimate) FROM btyd_params(models[1 + i % 3]))',
	'churn_risk((i % 100) / 100.0)',
	'clv(clvs[1 + i % 3])',
	'aov(clvs[1 + i % 3])',
	'cohort_retention(cohorts[1 + i % 3])',
	'(SELECT count(*) FROM cohort_curve(cohort_retention(cohorts[1 + i % 3])))',
	'survival_mean(waits[1 + i % 3], 20)',
	'(SELECT count(*) FROM survival_curve(waits[1 + i % 3]))',
	'(logrank(waits)).p_value + i',
	'(state_info(purchases[1 + i % 3])).customers',
	'purchases[1 + i % 3]::text::retention_state',
	'(SELECT rollup(s) FROM unnest(purchases) s WHERE i > 0)',
	q{rfm_segment('1' || 1 + i % 5 || '3', CASE WHEN i % 2 = 0 THEN 'rf' ELSE 'standard' END)},
	q{rfm_segment_label(rfm_segment('1' || 1 + i % 5 || '3'), CASE WHEN i % 2 = 0 THEN 'en' ELSE 'fr' END)},
	'threshold_score(i, ARRAY[i, i + 1, i + 2])',
	"(SELECT repeat_rate(c_long) $of_orders)",
	"(SELECT clv(c_uuid, ordered_at, amount, '1 year', make_interval(years => 1 + i % 3), '2024-07-01') $of_orders)",
	"(SELECT cohort_retention(c_bigint, ordered_at, amount, 'month', '2024-07-01', zones[1 + i % 5]) $of_orders)",
	"(SELECT lifecycle(c_short, ordered_at, 'week', '2024-07-01', zones[1 + i % 5]) $of_orders)",
	"(SELECT rolling_retention(c_bigint, ordered_at, '1 month', 1 + i % 9, '2024-07-01') $of_orders)",
	"(SELECT (purchase_summary(ordered_at, amount, '7 days', '2024-07-01', zones[1 + i % 5])).x $of_orders)");
my @dear = (
	(map { "(SELECT (fit_$_(x, t_x, age)).log_likelihood FROM summaries WHERE x >= 0 * i)" } qw(bgnbd mbgnbd pareto_nbd)),
	'(SELECT (fit_gamma_gamma(x, mean_repeat_value::float8 + i % 5)).log_likelihood FROM summaries)',
	q{(SELECT count(*) FROM rfm_segments(NULL::text, 'few', 'c_long', 'ordered_at', 'amount', '2024-07-01', 2 + i % 5))},
	q{(SELECT count(*) FROM rfm_segments(NULL::text, purchases[1 + i % 3]))},
	q{(SELECT count(*) FROM segment_summary(NULL::bigint, 'few', 'c_bigint', 'ordered_at', 'amount', '2024-07-01', tz => zones[1 + i % 5]))},
	q{(SELECT count(*) FROM hero_buyers(NULL::uuid, 'few', 'c_uuid', 'ordered_at', 'amount', 0.5, '2024-07-01', zones[1 + i % 5]))},
	q{(SELECT count(*) FROM retention_check('few', 'c_long', 'ordered_at', 'amount', tz => zones[1 + i % 5]))},
	q{(SELECT count(*) FROM predict_customers(NULL::bigint, 'orders', 'c_bigint', 'ordered_at', 'amount', as_of => '2024-07-01', tz => zones[1 + i % 5]))},
	q{(SELECT count(*) FROM predict_customers(days[1 + i % 3], NULL::bigint))},
	q{(SELECT count(*) FROM backtest(NULL::bigint, 'orders', 'c_bigint', 'ordered_at', 'amount', '2024-01-01', '2024-07-01', tz => zones[1 + i % 5]))},
	q{(SELECT count(*) FROM backtest_summary(days[1 + i % 3], '60 days', 2))},
	q{(SELECT count(*) FROM forecast(days[1 + i % 3], '60 days'))});

foreach ([ 2000 * $times, @cheap ], [ 60 * $times, @dear ])
{
	my ($rows, @expressions) = @$_;

	my @growth = rows("SET client_min_messages = error;\n"
		  . join(";\n", map { "SELECT kb, bytes FROM growth_by_rows(\$x\$$_\$x\$, $rows)" } @expressions));

	is(scalar @growth, scalar @expressions, "$rows rows each");
	foreach my $i (0 .. $#expressions)
	{
		my ($kb, $bytes) = @{ $growth[$i] };
		# A call that keeps 40 bytes to itself is found out.
		my $most = 20_000 + 20 * $rows;
		ok($bytes < $most && ($kb eq '' || $kb < 3000), "$expressions[$i]: $rows rows, the backend grows by $bytes bytes in contexts, $kb kB in all");
	}
}

# One session, every expression, one statement after another: the second half of them
# finds what the first left.
foreach ([ 120 * $times, \@cheap ], [ 8 * $times, \@dear ])
{
	my ($statements, $expressions) = @$_;
	my $all = join ', ', @$expressions;
	my ($before, $after) = map { [ split /\|/ ] } grep { /\|/ } split /\n/, answer(qq{
		SET client_min_messages = error;
		CALL many_statements(\$x\$$all\$x\$, $statements);
		SELECT context_bytes(), process_kb();
		CALL many_statements(\$x\$$all\$x\$, 2 * $statements);
		SELECT context_bytes(), process_kb()});
	my ($bytes, $kb) = map { ($after->[$_] || 0) - ($before->[$_] || 0) } 0, 1;
	cmp_ok($bytes, '<', 64_000, "$statements, then twice as many statements with " . @$expressions . " expressions: contexts grow by $bytes bytes");
	cmp_ok($kb, '<', 3000, "and the process by $kb kB");
}

# ---------------------------------------------------------------------------
# kill -9
# ---------------------------------------------------------------------------
sub temporary_files
{
	return answer('SELECT count(*) FROM pg_ls_tmpdir()');
}

my $many = '(SELECT generate_series(1, 200000000)::bigint AS i) n';
answer('CREATE TABLE sums AS SELECT sum(amount) AS sum FROM few');
answer("CREATE VIEW endless AS SELECT i AS customer, to_timestamp(i % 100000000) AS at, 1.5::numeric AS amount FROM $many");
foreach (
	[ 'repeat_rate', "SELECT repeat_rate(i) FROM $many" ],
	[ 'cohort_retention', "SELECT cohort_retention(i::text, to_timestamp(i), i, 'year', '2024-01-01', 'UTC') FROM $many" ],
	[ 'predict_customers', q{SELECT count(*) FROM predict_customers(NULL::bigint, 'endless', 'customer', 'at', 'amount', as_of => '2024-01-01')} ])
{
	my ($title, $query) = @$_;
	my $err = '';
	my $run = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' application_name=victim', '-c', q{SET work_mem = '64kB'}, '-c', $query ],
		'<', \'', '>', \my $out, '2>', \$err);

	$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM pg_ls_tmpdir()') or die 'no temporary file came';
	my $pid = answer(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'});
	my $begin = time;
	my $logged = -s $node->logfile;
	kill 'KILL', $pid or die "kill: $!";
	$run->finish;
	isnt($err, '', "$title: the session of a killed backend learns of it");
	# until it has, new sessions are still let in, to be thrown out again
	$node->wait_for_log(qr/was terminated by signal 9/, $logged);
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
	cmp_ok(time - $begin, '<', 20, "$title: the server comes back by itself");
	is(temporary_files(), 0, "$title: no temporary file is left");
	is(answer('SELECT sum = (SELECT sum(amount) FROM few), (SELECT repeat_rate(c_bigint) FROM few) BETWEEN 0 AND 1 FROM sums'), 't|t', "$title: what was stored is there, and is read");
}
my $terminations = () = slurp_file($node->logfile) =~ /was terminated by signal/g;
is($terminations, 3, 'no backend ended by a signal but those killed');

$node->stop;
done_testing();
