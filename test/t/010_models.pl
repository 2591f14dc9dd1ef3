# The predictive models at size: the numbers of other programs for real shops, known
# parameters found again, predict_customers and backtest against the same by hand,
# workers, cancelling, and any parameters with any history.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use Cwd qw(abs_path);
use IPC::Run;
use List::Util qw(max sum);
use PostgreSQL::Test::Utils;
use RealData;
use RetentionTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = start_server('models', 'max_worker_processes = 8', 'max_parallel_workers = 8');
my $folder = abs_path(PostgreSQL::Test::Utils::tempdir);
my @families = qw(bgnbd mbgnbd pareto_nbd);

answer(q{
	CREATE FUNCTION btyd(family text, params float8[]) RETURNS btyd_model IMMUTABLE PARALLEL SAFE
	RETURN ROW(family, params, NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model;
	CREATE FUNCTION spend(params float8[]) RETURNS spend_model IMMUTABLE PARALLEL SAFE
	RETURN ROW('gamma_gamma', params, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::spend_model;
	-- how far a number is from what it should be, relative to that, or to 1 if that is less
	CREATE FUNCTION apart(ours float8, theirs float8, at_least float8 DEFAULT 0) RETURNS float8 IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN ours IS NOT DISTINCT FROM theirs THEN 0
	            WHEN ours IS NULL OR theirs IS NULL OR ours = 'NaN' THEN 'Infinity'
	            ELSE abs(ours - theirs) / greatest(abs(theirs), at_least) END;
	-- what fits a family
	CREATE FUNCTION fit_of(family text, state retention_state) RETURNS btyd_model IMMUTABLE PARALLEL SAFE
	RETURN CASE family WHEN 'bgnbd' THEN fit_bgnbd(state) WHEN 'mbgnbd' THEN fit_mbgnbd(state) WHEN 'hbgnbd' THEN fit_hbgnbd(state) ELSE fit_pareto_nbd(state) END});

# The largest of what a query says is at most this; it is noted, since one wants to know.
sub at_most
{
	my ($sql, $most, $title) = @_;
	my ($row) = rows($sql);
	my ($worst, $count) = (@$row, 1);

	note("$title: $worst");
	ok($worst ne '' && $worst ne 'NaN' && $worst <= $most && $count > 0, "$title: at most $most") or diag("it is $worst, of $count");
	return;
}

# ---------------------------------------------------------------------------
# Other programs' numbers for CDNOW, and cases made with 80 digits
# ---------------------------------------------------------------------------
my $shared = $ENV{RETENTION_SHARED} // "$FindBin::RealBin/../../../shared";
my ($data, $reference) = ("$shared/data", "$shared/reference");

# A file of the reference as a table, all of its columns float8 but for some
sub load
{
	my ($table, $file, %types) = @_;
	my $path = "$reference/$file";
	my $open = $file =~ /gz$/ ? "PROGRAM 'gzip -dc \"$path\"'" : "'$path'";
	my ($names) = run_command([ 'sh', '-c', ($file =~ /gz$/ ? 'gzip -dc' : 'cat') . " '$path' | head -n 1" ]);
	$names =~ s/\r$//;
	my $columns = join ', ', map { "\"$_\" " . ($types{$_} // 'float8') } split /,/, lc $names;

	answer("CREATE TABLE $table ($columns); COPY $table FROM $open (FORMAT csv, HEADER)");
	return;
}

SKIP:
{
	skip "no reference numbers in $reference (RETENTION_SHARED is the folder above it)", 1 unless -r "$reference/edge_cases.csv";

	# its columns T and t are age and horizon here
	answer(qq{
		CREATE TABLE edge (model text, p1 float8, p2 float8, p3 float8, p4 float8, x bigint, t_x float8, age float8, horizon float8,
			log_likelihood float8, p_alive float8, expected float8);
		COPY edge FROM '$reference/edge_cases.csv' (FORMAT csv, HEADER)});
	load('edge_spend', 'edge_cases_gamma_gamma.csv', x => 'bigint');
	foreach my $shop ('cdnow', 'cdnow_master')
	{
		my ($file, $program, $suffix) = $shop eq 'cdnow' ? ("$data/cdnow_orders.csv", 0, '') : ("$data/cdnow_master_orders.csv.gz", 1, '.gz');
		my $columns = $shop eq 'cdnow' ? 'customer int, day date, amount numeric, cds int, master_id int' : 'customer int, day date, amount numeric, cds int';
		my $copy = $program ? "PROGRAM 'gzip -dc \"$file\"'" : "'$file'";

		# a few amounts are zero, and the reference counts these orders: they are given as unknown
		answer(qq{
			CREATE TABLE ${shop}_orders ($columns);
			COPY ${shop}_orders FROM $copy (FORMAT csv, HEADER);
			CREATE TABLE ${shop}_customers AS
			SELECT customer, (s).* FROM (
				SELECT customer, purchase_summary(day::timestamp AT TIME ZONE 'UTC', nullif(amount, 0), '7 days', '1997-09-30 23:59:59Z', 'UTC') AS s
				FROM ${shop}_orders GROUP BY customer) c
			WHERE (s).x IS NOT NULL;
			CREATE TABLE ${shop}_fits AS SELECT family, fit_of(family, state) AS m
			FROM (SELECT btyd_state(x, t_x, age) AS state FROM ${shop}_customers) s, unnest('{bgnbd,mbgnbd,pareto_nbd}'::text[]) family;
			CREATE TABLE ${shop}_spend AS SELECT fit_gamma_gamma(x, mean_repeat_value::float8) AS s FROM ${shop}_customers});
		load("${shop}_cbs", "$shop/cbs.csv$suffix", customer_id => 'int', x => 'bigint', first_order => 'date', last_order => 'date', spend_calibration => 'numeric');
		load("${shop}_params", "$shop/params.csv", model => 'text', source => 'text', parameter => 'text');
		load("${shop}_loglik", "$shop/loglik.csv", model => 'text', source => 'text');
		load("${shop}_vcov", "$shop/vcov.csv", model => 'text', row => 'text', col => 'text');

		is(answer(qq{
			SELECT count(*), count(*) FILTER (WHERE c.x = b.x AND apart(c.t_x, b.t_x) < 1e-9 AND apart(c.age, b.t, 1) < 1e-9 AND apart(coalesce(mean_repeat_value::float8, 0), monetary, 1) < 1e-9
			                                    AND coalesce(revenue, 0) = spend_calibration AND (first_order_at AT TIME ZONE 'UTC')::date = first_order AND (last_order_at AT TIME ZONE 'UTC')::date = last_order)
			FROM ${shop}_customers c FULL JOIN ${shop}_cbs b ON customer = customer_id}),
			$shop eq 'cdnow' ? '2357|2357' : '23570|23570', "$shop: the summaries of all customers from raw orders");

		is(answer("SELECT string_agg((m).status || ' ' || (m).converged, ', ') FROM ${shop}_fits") . answer("SELECT (s).status, (s).converged FROM ${shop}_spend"),
			'ok true, ok true, ok trueok|t', "$shop: all models converge");
		my $fitted = qq{
			(SELECT family, p.* FROM ${shop}_fits, btyd_params(m) p UNION ALL SELECT 'gamma_gamma', p.* FROM ${shop}_spend, btyd_params(s) p) f
			JOIN ${shop}_params r ON r.model = family AND r.parameter = f.name AND r.source = 'polished optimum'};
		my $likelihoods = "(SELECT family, (m).log_likelihood AS ll FROM ${shop}_fits UNION ALL SELECT 'gamma_gamma', (s).log_likelihood FROM ${shop}_spend) f JOIN ${shop}_loglik r ON r.model = family";

		foreach my $family (@families, 'gamma_gamma')
		{
			at_most("SELECT max(apart(f.estimate, r.estimate)), count(*) FROM $fitted WHERE family = '$family'", 1e-8, "$shop, $family: parameters");
			at_most("SELECT max(apart(f.std_error, r.std_error)), count(*) FROM $fitted WHERE family = '$family'", 1e-3, "$shop, $family: standard errors");
			at_most("SELECT max(apart(f.std_error, sqrt(covariance))), count(*) FROM $fitted JOIN ${shop}_vcov v ON v.model = family AND v.row = name AND v.col = name WHERE family = '$family'",
				1e-3, "$shop, $family: standard errors of the covariance matrix");
			at_most("SELECT max(abs(ll - r.log_likelihood)), count(*) FROM $likelihoods WHERE family = '$family' AND source = 'polished optimum'", 1e-6, "$shop, $family: log-likelihood");
		}
		is(answer("SELECT family, source FROM $likelihoods WHERE ll < r.log_likelihood - 1e-6"), '', "$shop: no program found a higher maximum");
	}

	# The polished parameters as models, and the published ones
	answer(q{
		CREATE TABLE known (title text, family text, m btyd_model, s spend_model);
		INSERT INTO known SELECT 'polished', model, btyd(model, params), spend FROM (
			SELECT model, array_agg(estimate ORDER BY array_position('{r,alpha,a,s,b,beta}', parameter)) AS params
			FROM cdnow_params WHERE source = 'polished optimum' AND model <> 'gamma_gamma' GROUP BY model) p,
			(SELECT spend(array_agg(estimate ORDER BY parameter)) AS spend FROM cdnow_params WHERE source = 'polished optimum' AND model = 'gamma_gamma') g;
		INSERT INTO known SELECT 'fitted', family, m, s FROM cdnow_fits, cdnow_spend;
		INSERT INTO known SELECT 'published', family, btyd(family, params::float8[]), spend('{6.25,3.74,15.44}')
		FROM (VALUES ('bgnbd', '{0.243,4.414,0.793,2.426}'), ('mbgnbd', '{0.525,6.183,0.891,1.614}'), ('pareto_nbd', '{0.553,10.578,0.606,11.669}')) v(family, params)});
	load('theirs_polished', 'cdnow/customers.csv', customer_id => 'int');
	load('theirs_published', 'cdnow/customers_published_params.csv', customer_id => 'int');
	foreach (
		[ 'published', 'published', 1e-8, 'abs(ours - theirs)' ],
		[ 'polished', 'polished', 1e-8, 'abs(ours - theirs)' ],
		[ 'fitted', 'polished', 1e-7, 'apart(ours, theirs)' ])
	{
		my ($title, $theirs, $most, $distance) = @$_;
		my $count = 2357;

		foreach my $family (@families)
		{
			foreach (
				[ 'p_alive', 'p_alive(m, x, t_x, age)' ],
				[ 'expected', 'expected_orders(m, x, t_x, age, 39)' ],
				[ 'll', 'log_likelihood(m, x, t_x, age)' ],
				[ 'clv12', 'predicted_clv(m, s, x, t_x, age, mean_repeat_value::float8, 12 * 4.345, 0.01, 4.345)' ])
			{
				my ($column, $call) = @$_;
				at_most(qq{
					SELECT max($distance), (count(*) = $count)::int
					FROM (SELECT $call AS ours, ${family}_$column AS theirs FROM known, cdnow_customers JOIN theirs_$theirs ON customer = customer_id
					      WHERE title = '$title' AND family = '$family') c}, $most, "CDNOW, $family $title: $column of 2,357 customers");
			}
		}
		at_most(qq{
			SELECT max($distance), (count(*) = $count)::int
			FROM (SELECT expected_value(s, x, mean_repeat_value::float8) AS ours, gg_expected_spend AS theirs FROM known, cdnow_customers JOIN theirs_$theirs ON customer = customer_id
			      WHERE title = '$title' AND family = 'bgnbd') c}, $most, "CDNOW, gamma_gamma $title: expected_value");
		at_most(qq{
			SELECT max($distance), (count(*) = 946)::int
			FROM (SELECT log_likelihood(s, x, mean_repeat_value::float8) AS ours, gg_ll AS theirs FROM known, cdnow_customers JOIN theirs_$theirs ON customer = customer_id
			      WHERE title = '$title' AND family = 'bgnbd' AND x > 0) c}, $most, "CDNOW, gamma_gamma $title: log-likelihood");
	}

	# One-timers apart: another program's parameters
	load('one_timer', 'predictive/one_timer_params.csv', data => 'text', calibration_before => 'date');
	answer(qq{
		CREATE TABLE grocery_orders (customer int, day date);
		COPY grocery_orders FROM PROGRAM 'gzip -dc "$data/grocery_elog.csv.gz"' (FORMAT csv, HEADER);
		CREATE TABLE one_timer_fits AS
		SELECT 'cdnow' AS data, fit_hbgnbd(customer, day::timestamp AT TIME ZONE 'UTC', 1, '7 days', '1997-10-01Z', 'UTC') AS m FROM cdnow_orders
		UNION ALL SELECT 'grocery', fit_hbgnbd(customer, day::timestamp AT TIME ZONE 'UTC', 1, '7 days', '2007-01-01Z', 'UTC') FROM grocery_orders});
	at_most(q{
		SELECT max(apart(estimate, theirs)), (count(*) = 10)::int
		FROM one_timer_fits JOIN one_timer USING (data), btyd_params(m) p, unnest('{r,alpha,a,b,one_time}'::text[], ARRAY[r, alpha, a, b, pi]) AS t (name, theirs)
		WHERE k = 1 AND p.name = t.name}, 1e-5, 'one-timers: parameters');
	at_most('SELECT max(abs((m).log_likelihood - log_likelihood_without_gap_term)), (count(*) = 2)::int FROM one_timer_fits JOIN one_timer USING (data) WHERE k = 1', 1e-6, 'one-timers: log-likelihood');

	# Seasons of the made-up shop before 2025: factors and likelihood of another program
	load('season_ml', 'predictive/season_ml.csv', data => 'text', family => 'text', calibration_before => 'date', month => 'int', repeat_orders => 'bigint');
	answer(slurp_file("$FindBin::RealBin/../../demo/shop.sql"));
	answer(q{
		CREATE TABLE season_fits AS
		SELECT fit_season(s, 'mbgnbd', false) AS m, (fit_mbgnbd(s)).log_likelihood AS without
		FROM (SELECT btyd_state(customer_id, ordered_at, amount, '7 days', '2025-01-01Z', 'UTC') AS s FROM public.orders WHERE customer_id IS NOT NULL) o});
	at_most(q{SELECT max(apart((m).factors[month], factor)), (count(*) = 12 AND bool_and((m).orders[month] = repeat_orders))::int FROM season_fits, season_ml WHERE data = 'demo'}, 1e-6, 'seasons: factors');
	at_most(q{SELECT max(abs((m).log_likelihood_gain + without - log_likelihood)), count(*) FROM season_fits, season_ml WHERE data = 'demo'}, 1e-5, 'seasons: log-likelihood');

	# Edge cases, all of them
	foreach my $family (@families)
	{
		foreach (
			[ 'log_likelihood', 'log_likelihood(m, x, t_x, age)', 1 ],
			[ 'p_alive', 'p_alive(m, x, t_x, age)', 0 ],
			[ 'expected', 'expected_orders(m, x, t_x, age, horizon)', 0 ])
		{
			my ($column, $call, $least) = @$_;
			at_most(qq{
				SELECT max(apart(CASE WHEN abs(theirs) < 1e-300 AND abs(ours - theirs) < 1e-300 THEN theirs ELSE ours END, theirs, $least)), (count(*) >= 39)::int
				FROM (SELECT $call AS ours, edge.$column AS theirs FROM edge, btyd(model, ARRAY[p1, p2, p3, p4]) m WHERE model = '$family') c},
				1e-9, "$family, edge cases: $column");
		}
	}
	at_most('SELECT max(apart(log_likelihood(spend(ARRAY[p, q, v]), x, monetary), log_likelihood)), (count(*) >= 24)::int FROM edge_spend', 1e-9, 'gamma_gamma, edge cases: log-likelihood');
	at_most('SELECT max(apart(expected_value(spend(ARRAY[p, q, v]), x, monetary), expected_spend)), (count(*) >= 24)::int FROM edge_spend', 1e-9, 'gamma_gamma, edge cases: expected_value');

	# New customers, and the whole cohort week by week
	load('new_expected', 'cdnow/new_customer_expected.csv');
	load('new_pmf', 'cdnow/new_customer_pmf.csv');
	load('tracking', 'cdnow/tracking.csv');
	foreach my $family (@families)
	{
		at_most("SELECT max(abs(expected_orders_new(m, t) - $family)), count(*) FROM known, new_expected WHERE title = 'polished' AND family = '$family'", 1e-8, "$family: new customers by week");
		at_most("SELECT max(abs(orders_pmf_new(m, n::bigint, 39) - $family)), count(*) FROM known, new_pmf WHERE title = 'polished' AND family = '$family'", 1e-8, "$family: numbers of orders of new customers");
		at_most(qq{
			SELECT max(apart(ours, theirs)), count(*)
			FROM (SELECT period, t.$family AS theirs, (SELECT sum(customers * expected_orders_new(m, (7 * period - day) / 7.0))
			                 FROM (SELECT (first_order_at AT TIME ZONE 'UTC')::date - '1997-01-01'::date AS day, count(*) AS customers FROM cdnow_customers GROUP BY 1) starts
			                 WHERE day < 7 * period) AS ours
			      FROM known, tracking t WHERE title = 'polished' AND family = '$family') w}, 1e-6, "$family: repeat orders of the cohort by week");
	}
}

# ---------------------------------------------------------------------------
# A shop that nobody leaves: UCI Online Retail
# ---------------------------------------------------------------------------
SKIP:
{
	my $missing = missing_data('uci');
	skip $missing, 1 if $missing;

	load_lines('uci');
	answer(q{
		CREATE TABLE uci AS
		SELECT customer_id::bigint AS customer, min(invoice_date) AT TIME ZONE 'UTC' AS ordered_at, sum(quantity * unit_price) AS amount
		FROM uci_lines WHERE customer_id IS NOT NULL GROUP BY invoice_no, customer_id});
	my $source = q{NULL::bigint, 'uci', 'customer', 'ordered_at', 'amount'};
	foreach my $family (@families)
	{
		my ($out, $notices);
		$node->psql('postgres', qq{
			SELECT count(*), count(p_alive), avg(p_alive) > 0.99, min(p_alive) > 0.6, min(expected_orders) > 0, count(predicted_clv), count(*) FILTER (WHERE p_alive < 0.7) < 5,
			       count(*) FILTER (WHERE expected_next_order_at <= '2011-12-10Z')
			FROM predict_customers($source, as_of => '2011-12-10Z', family => '$family')},
			stdout => \$out, stderr => \$notices);
		is($out, '4338|4338|t|t|t|4338|t|0', "UCI, $family: predictions for all, next to nobody has left");
		# two of them have a maximum there, hardly higher than the limit
		is($notices !~ /ERROR|WARNING/, 1, "UCI, $family: nothing worse than a notice");
		like(answer(qq{
				SELECT (fit_$family((s).x, (s).t_x, (s).age)).status
				FROM (SELECT purchase_summary(ordered_at, amount, '7 days', '2011-12-10Z', 'UTC') AS s FROM uci GROUP BY customer) c}),
			$family eq 'pareto_nbd' ? qr/^no churn in the data: .* nobody leaves$/ : qr/^ok, but there is hardly any churn in the data: /, "UCI, $family: the status says so");
		note($notices);

		my ($row) = rows(qq{
			WITH b AS MATERIALIZED (SELECT * FROM backtest($source, '2011-08-31Z', '2011-12-09 23:59Z', '$family'))
			SELECT customers, predicted, actual, predicted / actual, (SELECT sum(actual) FROM b WHERE x IS NOT NULL),
			       (SELECT sum(predicted) FROM b WHERE x IS NOT NULL) - predicted, (SELECT count(*) > 20 FROM b)
			FROM b WHERE x IS NULL});
		note("UCI, $family: backtest of $row->[0] customers: predicted $row->[1], came $row->[2]");
		cmp_ok($row->[3], '>', 0.5, "UCI, $family: backtest: not less than half of what came");
		cmp_ok($row->[3], '<', 1.5, "UCI, $family: backtest: nor half more");
		is("$row->[4] " . (abs($row->[5]) < 1e-6) . " $row->[6]", "$row->[2] 1 t", "UCI, $family: backtest: the last row is the total");
	}
}

# ---------------------------------------------------------------------------
# Known parameters, found again
# ---------------------------------------------------------------------------
srand(20260702);
my $pi = 4 * atan2(1, 1);

sub normal { return sqrt(-2 * log(1 - rand)) * cos(2 * $pi * rand); }

# G. Marsaglia, W. W. Tsang (2000), A simple method for generating gamma variables
sub gamma
{
	my ($shape) = @_;
	return gamma($shape + 1) * (1 - rand)**(1 / $shape) if $shape < 1;
	my $d = $shape - 1 / 3;
	while (1)
	{
		my $z = normal();
		my $v = (1 + $z / sqrt(9 * $d))**3;
		return $d * $v if $v > 0 && log(1 - rand) < $z * $z / 2 + $d - $d * $v + $d * log($v);
	}
}

sub beta { my ($a, $b) = map { gamma($_) } @_; return $a / ($a + $b); }

# Times of repeat orders within an age, by a customer of a family
sub repeat_times
{
	my ($family, $r, $alpha, $c, $d, $age) = @_;
	my $rate = gamma($r) / $alpha;
	my $leaves = $family eq 'pareto_nbd' ? -log(1 - rand) * $d / gamma($c) : $age;
	my $chance = $family eq 'pareto_nbd' ? 0 : beta($c, $d);
	my ($t, @times) = 0;

	return if $family eq 'mbgnbd' && rand() < $chance;
	while (($t += -log(1 - rand) / $rate) < $age && $t < $leaves)
	{
		push @times, $t;
		last if rand() < $chance;
	}
	return @times;
}

my %truth = (bgnbd => [ 0.6, 5, 0.9, 2.5 ], mbgnbd => [ 0.8, 6, 0.8, 1.8 ], pareto_nbd => [ 0.7, 9, 0.8, 14 ]);
foreach my $family (@families)
{
	my $lines = join '', map {
		my $age = 40 + int(rand(60));
		my @times = repeat_times($family, @{ $truth{$family} }, $age);
		join("\t", scalar @times, $times[-1] // 0, $age) . "\n"
	} 1 .. 20_000;

	write_file("$folder/$family", $lines);
	answer("CREATE TABLE simulated_$family (x bigint, t_x float8, age float8); COPY simulated_$family FROM '$folder/$family'");
	my @found = rows("SELECT name, estimate, std_error, (m).status FROM (SELECT fit_$family(x, t_x, age) AS m FROM simulated_$family) f, btyd_params(m)");
	my @errors = map { ($found[$_][1] - $truth{$family}[$_]) / $found[$_][2] } 0 .. 3;

	note("$family: " . join ', ', map { sprintf '%s %.4f +- %.4f (%g)', @{ $found[$_] }[ 0 .. 2 ], $truth{$family}[$_] } 0 .. 3);
	cmp_ok(max(map { abs } @errors), '<', 3, "$family: 20,000 simulated customers: all parameters within three standard errors");
	is($found[0][3], 'ok', "$family: status");
}
{
	my @truth = (4, 3.5, 20);
	write_file("$folder/spend", join '', map {
		my $x = 1 + int(rand(8));
		my $scale = gamma($truth[1]) / $truth[2];
		join("\t", $x, gamma($truth[0] * $x) / $scale / $x) . "\n"
	} 1 .. 20_000);
	answer("CREATE TABLE simulated_spend (x bigint, mean float8); COPY simulated_spend FROM '$folder/spend'");
	my @found = rows('SELECT name, estimate, std_error, (s).status, (s).correlation FROM (SELECT fit_gamma_gamma(x, mean) AS s FROM simulated_spend) f, btyd_params(s)');

	note('gamma_gamma: ' . join ', ', map { sprintf '%s %.4f +- %.4f (%g)', @{ $found[$_] }[ 0 .. 2 ], $truth[$_] } 0 .. 2);
	cmp_ok(max(map { abs($found[$_][1] - $truth[$_]) / $found[$_][2] } 0 .. 2), '<', 3, 'gamma_gamma: 20,000 simulated customers: all parameters within three standard errors');
	is($found[0][3], 'ok', 'gamma_gamma: status');
	cmp_ok(abs($found[0][4]), '<', 0.03, 'gamma_gamma: the correlation is none');
}

# ---------------------------------------------------------------------------
# predict_customers and backtest, by hand
# ---------------------------------------------------------------------------

# Orders of 3,000 customers over two years, by MBG/NBD and Gamma-Gamma. An order is of one
# or two lines; now and then one is returned, or its amount is not known.
my ($line, $order) = ('', 0);
foreach my $c (1 .. 3000)
{
	my $first = rand(300);
	my $scale = gamma(3.5) / 30;

	foreach my $t (0, repeat_times('mbgnbd', 0.7, 8, 0.8, 2.2, (730 - $first) / 7))
	{
		my $at = sprintf '%.3f', ($first + 7 * $t) * 86400;
		my $amount = sprintf '%.2f', 0.01 + gamma(3) / $scale;
		my $key = ++$order;
		my @lines = $order % 7 ? ($amount) : (sprintf('%.2f', $amount / 3), sprintf('%.2f', $amount * 2 / 3));
		$line .= "$c\t$key\t$at\t" . ($order % 41 ? $_ : '\N') . "\n" foreach @lines;
		$line .= "$c\t$key\t" . ($at + 86400 * 2) . "\t-$amount\n" if $order % 29 == 0;
	}
}
write_file("$folder/orders", $line);
answer(qq{
	CREATE TABLE lines (c int, order_id int, seconds float8, amount numeric);
	COPY lines FROM '$folder/orders';
	CREATE TABLE sales AS
	SELECT c::bigint AS c_bigint, 'customer number ' || c AS c_text, md5(c::text)::uuid AS c_uuid, order_id,
	       '2022-01-01Z'::timestamptz + seconds * interval '1 second' AS ordered_at, amount FROM lines;
	-- an order as one row: what came later did not happen
	CREATE TABLE netted AS SELECT c_bigint, order_id, min(ordered_at) AS ordered_at, sum(amount) AS amount FROM sales WHERE ordered_at < '2024-01-01Z' GROUP BY 1, 2;
	ANALYZE});

# As what the function says, from purchase_summary, the fits and the readers
sub predicted_sql
{
	my ($customer, $table, $horizon, $as_of, $unit, $family, $tz) = @_;
	return qq{
		SELECT customer, x, t_x, age, p_alive(m, x, t_x, age), expected, p_order(m, x, t_x, age, horizon), orders_quantile(m, 0.1, x, t_x, age, horizon), orders_quantile(m, 0.9, x, t_x, age, horizon), round(value::numeric, 6) AS expected_value, round((value * expected)::numeric, 6) AS predicted_clv,
		       revenue AS historic_clv, revenue + round((value * expected)::numeric, 6) AS total_clv, churn_risk(p_order(m, x, t_x, age, horizon))
		FROM (SELECT *, expected_orders(m, x, t_x, age, horizon) AS expected, expected_value(s, x, mean_repeat_value::float8) AS value
		      FROM (SELECT customer, (s).* FROM (
		                SELECT $customer AS customer, purchase_summary(ordered_at, amount, '$unit', '$as_of', '$tz') AS s FROM $table WHERE $customer IS NOT NULL GROUP BY 1) g
		            WHERE (s).x IS NOT NULL) c,
		           (SELECT fit_$family((s).x, (s).t_x, (s).age) AS m, fit_gamma_gamma((s).x, (s).mean_repeat_value::float8) AS s,
		                   extract(epoch FROM ('$as_of'::timestamptz AT TIME ZONE 'UTC' + interval '$horizon') AT TIME ZONE 'UTC' - '$as_of'::timestamptz)::float8
		                       / extract(epoch FROM interval '$unit')::float8 AS horizon
		            FROM (SELECT purchase_summary(ordered_at, amount, '$unit', '$as_of', '$tz') AS s FROM $table WHERE $customer IS NOT NULL GROUP BY $customer) g) f) p};
}
my $columns = 'customer, x, t_x, age, p_alive, expected_orders, p_order, orders_low, orders_high, expected_value, predicted_clv, historic_clv, total_clv, churn_risk';

answer('CREATE ROLE stranger; CREATE ROLE clerk; GRANT SELECT (c_bigint, ordered_at, amount) ON sales TO clerk');
foreach (
	[ 'bigint', 'c_bigint', '365 days', '2024-01-01Z', '7 days', 'mbgnbd', 'UTC' ],
	[ 'text', 'c_text', '3 months', '2023-06-30 17:00Z', '1 day', 'bgnbd', 'Europe/Paris' ],
	[ 'uuid', 'c_uuid', '30 days', '2023-10-29 00:30Z', '30 days', 'pareto_nbd', 'America/New_York' ])
{
	my ($type, $customer, $horizon, $as_of, $unit, $family, $tz) = @$_;
	my $title = "predict_customers, $type, $family";
	my $options = "horizon => '$horizon', unit => '$unit', family => '$family', season => 'none'";
	my $call = "predict_customers(NULL::$type, 'sales', '$customer', 'ordered_at', 'amount', as_of => '$as_of', $options, tz => '$tz')";
	my $by_hand = predicted_sql($customer, 'sales', $horizon, $as_of, $unit, $family, $tz);

	is(same_rows("SELECT $columns FROM $call", $by_hand), 't|', "$title: the same by hand");
	is(answer("SELECT count(*) > 2000, count(*) FILTER (WHERE expected_next_order_at IS NOT NULL) > 20, count(DISTINCT churn_risk) FROM $call") =~ s/\|[123]$//r,
		$horizon eq '30 days' ? 't|f' : 't|t', "$title: there is something to compare") if $horizon eq '365 days';
	my $state = "(SELECT rollup(s) FROM (SELECT purchase_days_state($customer, ordered_at, amount, '$as_of', '$tz') AS s FROM sales GROUP BY order_id % 5) p)";
	is(same_rows("SELECT * FROM $call", "SELECT * FROM predict_customers($state, NULL::$type, $options)"), 't|', "$title: the same of a stored state");
	# the next order is expected when the orders expected are one
	at_most(qq{
		SELECT coalesce(max(CASE WHEN next IS NULL THEN CASE WHEN orders >= 1 THEN 9 ELSE 0 END ELSE abs(expected_orders(m, x, t_x, age,
		           extract(epoch FROM next - '$as_of')::float8 / extract(epoch FROM interval '$unit')::float8) - 1) END), 9), count(*)
		FROM (SELECT x, t_x, age, expected_orders AS orders, expected_next_order_at AS next FROM $call) p,
		     (SELECT fit_$family((s).x, (s).t_x, (s).age) AS m
		      FROM (SELECT purchase_summary(ordered_at, amount, '$unit', '$as_of', '$tz') AS s FROM sales GROUP BY $customer) g) f}, 1e-6, "$title: expected_next_order_at");
	# a yearly rate, as a sum over thousands of small steps: half a step early on average
	at_most(qq{
		SELECT max(apart(d.predicted_clv::float8, predicted_clv(m, s, p.x, p.t_x, p.age, mean::float8, horizon, power(1.2, step * unit / 365.25) - 1, step)
		                                          * power(1.2, step * unit / 365.25 / 2), 0.1)), (count(*) > 30)::int
		FROM (SELECT *, horizon / 2000 AS step FROM (
		        SELECT fit_$family((s).x, (s).t_x, (s).age) AS m, fit_gamma_gamma((s).x, (s).mean_repeat_value::float8) AS s, extract(epoch FROM interval '$unit')::float8 / 86400 AS unit,
		               extract(epoch FROM ('$as_of'::timestamptz AT TIME ZONE 'UTC' + interval '$horizon') AT TIME ZONE 'UTC' - '$as_of'::timestamptz)::float8 / extract(epoch FROM interval '$unit')::float8 AS horizon
		        FROM (SELECT purchase_summary(ordered_at, amount, '$unit', '$as_of', '$tz') AS s FROM sales GROUP BY $customer) g) f) f,
		     (SELECT customer, (s).x, (s).t_x, (s).age, (s).mean_repeat_value AS mean
		      FROM (SELECT $customer AS customer, purchase_summary(ordered_at, amount, '$unit', '$as_of', '$tz') AS s FROM sales GROUP BY 1) g WHERE (s).x IS NOT NULL) p
		JOIN (SELECT * FROM predict_customers(NULL::$type, 'sales', '$customer', 'ordered_at', 'amount', as_of => '$as_of', $options, tz => '$tz', discount_rate => 0.2)) d USING (customer)
		WHERE md5(customer::text) < '04'}, 1e-5, "$title: discounted");
}

# Its arguments mean what they say, wherever the search path leads
answer(q{
	CREATE TABLE "Strange ""Sales""; DROP" AS SELECT c_bigint AS "Customer's Id", ordered_at AT TIME ZONE 'Europe/Paris' AS "select", amount::float8 AS "$1" FROM sales;
	CREATE SCHEMA trap;
	CREATE TABLE trap.sales AS SELECT * FROM sales LIMIT 10;
	CREATE AGGREGATE trap.sum(numeric) (SFUNC = numeric_sub, STYPE = numeric);
	CREATE FUNCTION trap.purchase_days_state(bigint, timestamptz, numeric, timestamptz, text) RETURNS retention_state LANGUAGE sql AS 'SELECT NULL::public.retention_state';
	GRANT USAGE ON SCHEMA trap TO clerk, stranger});
my $plain = q{SELECT * FROM predict_customers(NULL::bigint, 'sales'::regclass, 'c_bigint', 'ordered_at', 'amount', as_of => '2024-01-01Z')};
my $digest = 'SELECT md5(string_agg(p::text, chr(10) ORDER BY p::text)) FROM (%s) p';
my $expected = answer(sprintf $digest, $plain);
is(answer(sprintf "SET search_path = ''; $digest", $plain =~ s/predict_/public.predict_/r =~ s/'sales'/'public.sales'/r), $expected, 'an empty search_path: the same');
is(answer('SET search_path = trap, public, pg_catalog; ' . sprintf($digest, $plain =~ s/'sales'/'public.sales'/r)), $expected, 'a search_path of traps: the same');
is(answer('SET ROLE clerk; ' . sprintf($digest, $plain)), $expected, 'by a user who may read these columns: the same');
is(outcome("SET ROLE stranger; $plain"), '42501', 'by a user who may not read: permission denied');
is(outcome('SET ROLE stranger; ' . q{SELECT * FROM backtest(NULL::bigint, 'sales', 'c_bigint', 'ordered_at', 'amount', '2023-01-01Z', '2024-01-01Z')}), '42501', 'nor backtest');
is(outcome('SET ROLE clerk; ' . ($plain =~ s/\)$/, order_id_column => 'order_id')/r)), '42501', 'nor a column that is not for him');
is(same_rows(($plain =~ s/\)$/, tz => 'Europe\/Paris')/r), q{SELECT * FROM predict_customers(NULL::bigint, '"Strange ""Sales""; DROP"'::regclass, 'Customer''s Id', 'select', '$1', as_of => '2024-01-01Z', tz => 'Europe/Paris')}),
	't|', 'quoted names, a time without a zone, an amount of doubles: the same');
is(same_rows($plain =~ s/\)$/, order_id_column => 'order_id')/r, $plain =~ s/'sales'/'netted'/r), 't|', 'lines of an order, with order_id_column: as orders of one row');
is(answer('SET default_transaction_read_only = on; ' . sprintf($digest, $plain)), $expected, 'in a transaction that only reads');

# backtest: new days with an order until the end of the holdout, of those who had ordered in the calibration
foreach (
	[ 'bigint', 'c_bigint', '2023-01-01Z', '2024-01-01Z', 'mbgnbd', '7 days', 'UTC' ],
	[ 'text', 'c_text', '2023-03-26 00:30Z', '2023-09-30 12:00Z', 'bgnbd', '1 day', 'Europe/Paris' ],
	[ 'uuid', 'c_uuid', '2022-12-31 12:00Z', '2022-12-31 18:00Z', 'pareto_nbd', '30 days', 'UTC' ])
{
	my ($type, $customer, $calibration, $holdout, $family, $unit, $tz) = @$_;
	my $call = "backtest(NULL::$type, 'sales', '$customer', 'ordered_at', 'amount', '$calibration', '$holdout', '$family', '$unit', '$tz', season => 'none')";
	my $day = sub { return "($_[0] AT TIME ZONE '$tz')::date"; };
	answer(qq{
		DROP TABLE IF EXISTS by_hand;
		CREATE TABLE by_hand AS
		WITH c AS (SELECT customer, (s).*, later FROM (
		               SELECT $customer AS customer, purchase_summary(ordered_at, amount, '$unit', '$calibration', '$tz') AS s,
		                      count(DISTINCT ${\ $day->('ordered_at')}) FILTER (WHERE (amount > 0 OR amount IS NULL) AND ordered_at < '$holdout')
		                      - count(DISTINCT ${\ $day->('ordered_at')}) FILTER (WHERE (amount > 0 OR amount IS NULL) AND ordered_at < '$calibration') AS later
		               FROM sales GROUP BY 1) g WHERE (s).x IS NOT NULL),
		     f AS (SELECT fit_$family(x, t_x, age) AS m, (${\ $day->("'$holdout'::timestamptz")} - ${\ $day->("'$calibration'::timestamptz")}) / (extract(epoch FROM interval '$unit')::float8 / 86400) AS horizon FROM c)
		SELECT x, count(*) AS customers, sum(expected_orders(m, x, t_x, age, horizon)) AS predicted, sum(later)::bigint AS actual FROM c, f GROUP BY ROLLUP (x)});
	is(answer(qq{
		SELECT count(*), count(*) FILTER (WHERE o.customers = h.customers AND o.actual = h.actual AND apart(o.predicted, h.predicted, 1e-9) < 1e-9) = count(*)
		FROM $call o FULL JOIN by_hand h ON coalesce(o.x, -1) = coalesce(h.x, -1)}) =~ s/^\d{1,2}\|/many|/r, 'many|t', "backtest, $type, $family: as plain SQL");
	is(same_rows("SELECT * FROM $call", qq{SELECT * FROM backtest((SELECT purchase_days_state($customer, ordered_at, amount, '$calibration', '$tz') FROM sales), (SELECT purchase_days_state($customer, ordered_at, amount, '$holdout', '$tz') FROM sales), '$family', '$unit', 'none')}),
		't|', "backtest, $type, $family: the same of stored states");
	note(answer("SELECT '$family', * FROM $call WHERE x IS NULL"));
}

# ---------------------------------------------------------------------------
# Workers, and cancelling
# ---------------------------------------------------------------------------
answer(q{
	CREATE UNLOGGED TABLE base WITH (parallel_workers = 3) AS
	SELECT * FROM simulated_pareto_nbd, generate_series(1, 5);
	CREATE UNLOGGED TABLE spent WITH (parallel_workers = 3) AS SELECT * FROM simulated_spend, generate_series(1, 5);
	CREATE UNLOGGED TABLE patterns AS
	SELECT (hashint8(i) & 255) + 1 AS x, 30 + (hashint8extended(i, 1) & 1048575) / 65536.0::float8 AS t_x, 60 + (hashint8extended(i, 2) & 1048575) / 65536.0::float8 AS age
	FROM generate_series(1, 60000) i;
	ANALYZE base, spent, patterns});
my $one = 'SET max_parallel_workers_per_gather = 0';
my $split = 'SET max_parallel_workers_per_gather = 3; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off';
my $fits = 'SELECT ' . join(', ', map { "fit_$_(x, t_x, age)::text" } @families) . ', md5(btyd_state(x, t_x, age)::text) FROM base';
my $spend_fit = 'SELECT fit_gamma_gamma(x, mean)::text, md5(gamma_gamma_state(x, mean)::text) FROM spent';

like(plan_of($split, $_), qr/Partial Aggregate/, 'the plan is split') foreach $fits, $spend_fit;
is(answer("$split; $_"), answer("$one; $_"), 'workers give the same bytes') foreach $fits, $spend_fit;
is(answer('ALTER TABLE sales SET (parallel_workers = 3); ' . "$split; " . sprintf($digest, $plain)), $expected, 'predict_customers with workers: the same');

answer('CREATE UNLOGGED TABLE stored AS SELECT btyd_state(x, t_x, age) AS state FROM patterns; ALTER TABLE stored ALTER state SET STORAGE external');
foreach my $family (@families)
{
	my $query = "SELECT fit_$family(state) FROM stored";
	my $whole = seconds($query);
	note("$family: 60,000 patterns in $whole s");
	foreach my $part (0.1, 0.35)
	{
		my ($out, $err);
		my $begin = time;
		$node->psql('postgres', "\\set VERBOSITY sqlstate\nSET statement_timeout = ${\ int(1000 * $part * $whole + 1)};\n$query;\nRESET statement_timeout;\nSELECT 'alive'", stdout => \$out, stderr => \$err, on_error_stop => 0);
		my $took = time - $begin;

		like("$err $out", qr/57014.*alive/s, "fit_$family, cut short at $part: cancelled, and the backend goes on");
		cmp_ok($took - $part * $whole, '<', 1, "fit_$family, cut short at $part: within a second");
	}
}
{
	my $err;
	my $victim = IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr('postgres') . ' application_name=victim',
			'-c', 'SELECT max((fit_pareto_nbd(state)).iterations) FROM stored, generate_series(1, 1000)'
		],
		'2>', \$err);
	my $running = q{SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active'};

	$node->poll_query_until('postgres', "SELECT EXISTS ($running)") or die 'the victim does not run';
	sleep 0.7;
	my $begin = time;
	answer("SELECT pg_cancel_backend(pid) FROM ($running) victim");
	$victim->finish;
	cmp_ok(time - $begin, '<', 1, 'pg_cancel_backend: within a second');
	like($err, qr/57014/, 'pg_cancel_backend: the fit was cancelled');
}

# ---------------------------------------------------------------------------
# Any parameters, any history
# ---------------------------------------------------------------------------
my $random = sub { my ($seed, $low, $high) = @_; return "power(10, $low + ($high - ($low)) * ((hashint8extended(i, $seed) & 1048575) / 1048575.0::float8))"; };
foreach my $family (@families)
{
	my $fourth = $family eq 'pareto_nbd' ? [ -20, 20 ] : [ -12, 12 ];
	answer(qq{
		DROP TABLE IF EXISTS grid;
		CREATE TABLE grid AS
		SELECT i, btyd('$family', ARRAY[${\ $random->(1, -12, 12)}, ${\ $random->(2, -20, 20)}, CASE WHEN i % 23 = 0 THEN 0 ELSE ${\ $random->(3, -12, 12)} END, ${\ $random->(4, @$fourth)}]) AS m,
		       x, CASE WHEN x = 0 THEN 0 WHEN i % 5 = 0 THEN age ELSE age * ((hashint8extended(i, 7) & 1023) / 1023.0::float8) END AS t_x, age, ${\ $random->(8, -8, 8)} AS horizon
		FROM (SELECT i, CASE WHEN i % 7 = 0 THEN 0 ELSE floor(${\ $random->(5, 0, 6)})::bigint END AS x, ${\ $random->(6, -8, 8)} AS age FROM generate_series(1, 40000) i) h});
	my ($row) = rows(qq{
		SELECT count(*), count(*) FILTER (WHERE NOT (p BETWEEN 0 AND 1)), count(*) FILTER (WHERE NOT (e >= 0 AND e < 'Infinity')), count(*) FILTER (WHERE NOT (n >= 0 AND n < 'Infinity')),
		       count(*) FILTER (WHERE NOT (f BETWEEN 0 AND 1)), count(*) FILTER (WHERE ll IN ('NaN', 'Infinity')), count(*) FILTER (WHERE NOT (e <= ceiling * (1 + 1e-9)))
		FROM (SELECT p_alive(m, x, t_x, age) AS p, expected_orders(m, x, t_x, age, horizon) AS e, expected_orders_new(m, horizon) AS n,
		             orders_pmf_new(m, x % 100, horizon) AS f, log_likelihood(m, x, t_x, age) AS ll, horizon * ((m).params[1] + x) / ((m).params[2] + age) AS ceiling FROM grid) r});
	is("@$row", '40000 0 0 0 0 0 0', "$family: 40,000 random models and histories: probabilities are some, numbers of orders finite and not below zero, nor above those of somebody who stays");
	diag(answer(qq{SELECT m, x, t_x, age, horizon, p_alive(m, x, t_x, age), expected_orders(m, x, t_x, age, horizon), expected_orders_new(m, horizon), orders_pmf_new(m, x % 100, horizon), log_likelihood(m, x, t_x, age)
		FROM grid WHERE (p_alive(m, x, t_x, age) BETWEEN 0 AND 1 AND expected_orders(m, x, t_x, age, horizon) BETWEEN 0 AND 1e300 AND expected_orders_new(m, horizon) BETWEEN 0 AND 1e300
			AND orders_pmf_new(m, x % 100, horizon) BETWEEN 0 AND 1 AND log_likelihood(m, x, t_x, age) NOT IN ('NaN', 'Infinity')
			AND expected_orders(m, x, t_x, age, horizon) <= horizon * ((m).params[1] + x) / ((m).params[2] + age) * (1 + 1e-9)) IS NOT TRUE LIMIT 5})) if "@$row" ne '40000 0 0 0 0 0 0';
}
is(answer(qq{
	SELECT count(*), count(*) FILTER (WHERE NOT (v > 0 AND v < 'Infinity')), count(v) > 10000, count(*) FILTER (WHERE ll IN ('NaN', 'Infinity'))
	FROM (SELECT expected_value(s, x, mean) AS v, log_likelihood(s, x, mean) AS ll
	      FROM (SELECT spend(ARRAY[${\ $random->(1, -12, 12)}, ${\ $random->(2, -12, 12)}, ${\ $random->(3, -20, 20)}]) AS s,
	                   CASE WHEN i % 7 = 0 THEN 0 ELSE floor(${\ $random->(5, 0, 6)})::bigint END AS x, ${\ $random->(6, -8, 8)} AS mean FROM generate_series(1, 40000) i) h) r}),
	'40000|0|t|0', 'gamma_gamma: 40,000 random models and histories: values are finite and above zero');

# ---------------------------------------------------------------------------
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|was terminated|floating-point exception/, 'nothing crashed');

$node->stop;
done_testing();
