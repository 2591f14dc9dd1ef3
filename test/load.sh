#!/bin/sh
# load.sh: `make test-load`, a busy shop for a minute, in a throwaway server: pgbench
# sessions that insert orders, ask for KPIs, segments and predictions, store and merge
# states and refresh materialized views concurrently, all at once. Then
#
#	errors		no transaction failed, and KPIs are those of plain SQL
#	memory		no session's own memory grew
#	cancels		a statement_timeout of some milliseconds ends each kind of query with
#			that error or none, and the session goes on
#	kill -9		of sessions at work, with states in temporary files: the server comes
#			back, without these files, and with all that was committed
#	013_load.pl	memory of function after function, with LOAD_FACTOR times its calls
#	017_live.pl	live tracking: thousands of checks, each of one snapshot, beside eight
#			clients that write at random
#
# The last line counts. Options, from the environment:
#
#	DURATION=60	seconds of load
#	CLIENTS=4	sessions
#	LOAD_FACTOR=5	0: neither of them
#	KEEP=1, PG_CONFIG, CHECK_USER	as cluster.sh says
set -eu

export LC_ALL=C.UTF-8

project=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=test/cluster.sh
. "$project/test/cluster.sh"

DURATION=${DURATION:-60}
CLIENTS=${CLIENTS:-4}
passed=0
failed=0

main() {
	"$project/test/packages.sh"
	CLUSTER_CONF="
		client_min_messages = warning
		log_min_messages = warning
		max_connections = $((CLIENTS + 20))
		autovacuum_naptime = 5s"
	cluster_init
	cluster_start
	bench=$CLUSTER_DIR/bench
	mkdir "$bench"
	make_shop
	write_scripts
	run_load
	run_cancels
	run_kill
	check 'the log of the server' log_is_clean
	cluster_stop
	[ "${LOAD_FACTOR:=5}" = 0 ] || run_tap
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
}

# check NAME COMMAND...
check() {
	name=$1
	shift
	if "$@"; then
		echo "$name: ok"
		passed=$((passed + 1))
	else
		echo "$name: failed"
		failed=$((failed + 1))
	fi
}

ask() {
	cluster_psql -At -c "$1"
}

# ------------------------------------------------------------------------
# The shop
# ------------------------------------------------------------------------
make_shop() {
	cluster_psql -q -f - <<-'END'
		CREATE EXTENSION retention;
		CREATE TABLE orders (
			id bigint GENERATED ALWAYS AS IDENTITY, customer bigint NOT NULL, email text NOT NULL,
			ordered_at timestamptz NOT NULL, amount numeric NOT NULL);
		CREATE INDEX ON orders (ordered_at);
		CREATE FUNCTION add_orders(n int) RETURNS void LANGUAGE sql AS $$
			INSERT INTO orders (customer, email, ordered_at, amount)
			SELECT c, 'customer' || c || '@example.com', timestamptz '2024-01-01 00:00+00' + random() * interval '540 days', round((random() * 90 - 3)::numeric, 2)
			FROM (SELECT (random() * random() * 4000)::bigint AS c FROM generate_series(1, n) OFFSET 0) customers $$;
		SELECT setseed(0.5) \g /dev/null
		SELECT add_orders(20000) \g /dev/null
		ANALYZE orders;
		CREATE TABLE daily (day date PRIMARY KEY, state retention_state NOT NULL, buyers retention_state NOT NULL);
		CREATE VIEW days AS
		SELECT ordered_at::date AS day, repeat_rate_state(customer) AS state, purchases_state(email, ordered_at, amount, '2025-07-01') AS buyers
		FROM orders GROUP BY 1;
		INSERT INTO daily TABLE days;
		CREATE MATERIALIZED VIEW segments AS
		SELECT * FROM rfm_segments(NULL::bigint, 'orders', 'customer', 'ordered_at', 'amount', as_of => '2025-07-01');
		CREATE UNIQUE INDEX ON segments (customer);
		CREATE MATERIALIZED VIEW predictions AS
		SELECT * FROM predict_customers(NULL::bigint, 'orders', 'customer', 'ordered_at', 'amount', as_of => '2025-07-01');
		CREATE UNIQUE INDEX ON predictions (customer);
		-- an error if it is not so
		CREATE FUNCTION assert(boolean, text) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN IF $1 IS NOT TRUE THEN RAISE 'not so: %', $2; END IF; END $$;
		CREATE VIEW truth AS
		SELECT repeat_rate(customer) AS ours, (SELECT avg((n > 1)::int)::float8 FROM (SELECT count(*) AS n FROM orders GROUP BY customer) c) AS theirs,
		       aov(amount) AS our_aov, sum(amount) / count(*) FILTER (WHERE amount > 0) AS their_aov
		FROM orders;
		-- kB that a process has for itself
		CREATE FUNCTION own_kb(pid int) RETURNS bigint LANGUAGE sql
		RETURN substring(pg_read_file('/proc/' || pid || '/status', 0, 10000, true) FROM 'RssAnon:\s+(\d+)')::bigint;
	END
}

write_scripts() {
	script insert <<-'END'
		SELECT add_orders(5);
	END
	script kpi <<-'END'
		SELECT repeat_rate(customer), repeat_rate(email, ordered_at, '90 days', '2025-07-01'), clv(customer, ordered_at, amount, '1 year', '3 years', '2025-07-01'),
		       net_revenue_retention(email, ordered_at, amount, '90 days', '2025-07-01') FROM orders;
	END
	script truth <<-'END'
		SELECT assert(abs(ours - theirs) < 1e-12 AND our_aov = their_aov, 'KPIs are those of plain SQL') FROM truth;
	END
	script cohorts <<-'END'
		\set zone random(1, 4)
		SELECT count(*) FROM (SELECT cohort_retention(customer, ordered_at, amount, 'month', '2025-07-01', ('{UTC,Europe/Paris,America/New_York,Asia/Kolkata}'::text[])[:zone]) AS rows FROM orders) o, cohort_curve(rows);
		SELECT cardinality(lifecycle(email, ordered_at, 'week', '2025-07-01', 'Europe/Paris')) FROM orders;
	END
	script rfm <<-'END'
		\set bins random(2, 9)
		SET work_mem = '64kB';
		SELECT count(*) FROM rfm_segments(NULL::text, 'orders', 'email', 'ordered_at', 'amount', as_of => '2025-07-01', bins => :bins);
		RESET work_mem;
		SELECT count(*) FROM rfm_transitions(NULL::bigint, 'orders', 'customer', 'ordered_at', 'amount', '2025-01-01', '2025-07-01');
	END
	script predict <<-'END'
		\set family random(1, 3)
		SELECT count(*) FROM predict_customers(NULL::bigint, 'orders', 'customer', 'ordered_at', 'amount', as_of => '2025-07-01', family => ('{bgnbd,mbgnbd,pareto_nbd}'::text[])[:family]);
		SELECT count(*) FROM backtest(NULL::text, 'orders', 'email', 'ordered_at', 'amount', '2025-01-01', '2025-07-01');
	END
	script store <<-'END'
		\set day random(0, 539)
		INSERT INTO daily SELECT * FROM days WHERE day = date '2024-01-01' + :day
		ON CONFLICT (day) DO UPDATE SET state = EXCLUDED.state, buyers = EXCLUDED.buyers;
	END
	script merge <<-'END'
		SELECT repeat_rate(rollup(state)) FROM daily;
		SELECT count(*) FROM (SELECT rollup(buyers) AS state FROM daily) d, rfm_segments(NULL::text, state);
	END
	script refresh <<-'END'
		REFRESH MATERIALIZED VIEW CONCURRENTLY segments;
		REFRESH MATERIALIZED VIEW CONCURRENTLY predictions;
	END
}

script() {
	cat >"$bench/$1.sql"
}

# pgbench_run SECONDS NAME@WEIGHT...
pgbench_run() {
	seconds=$1
	shift
	for file in "$@"; do
		shift
		set -- "$@" -f "bench/$file"
	done
	cluster_run timeout -k 10 $((seconds + 300)) pgbench -n -c "$CLIENTS" -j 2 -T "$seconds" --random-seed=1 "$@"
}

# ------------------------------------------------------------------------
# Load
# ------------------------------------------------------------------------
run_load() {
	pgbench_run "$DURATION" insert.sql@40 kpi.sql@8 truth.sql@4 cohorts.sql@3 rfm.sql@2 predict.sql@2 store.sql@8 merge.sql@2 refresh.sql@1 \
		>"$bench/log" 2>&1 &
	load=$!
	sleep $((DURATION / 2))
	own=$(own_kb)
	sleep $((DURATION / 2 - 2))
	own_later=$(own_kb)
	status=0
	wait $load || status=$?
	grep -E 'transactions actually processed|failed transactions|SQL script|weight' "$bench/log" | sed 's/^/  /' | cut -c 1-100
	check "load of $DURATION s with $CLIENTS sessions: no error" load_is_clean $status
	if [ -n "$own" ]; then
		check "memory of a session: $own kB at half-time, $own_later kB at the end" [ "$own_later" -lt $((own + own / 4 + 8000)) ]
	else
		echo 'memory of a session: skipped, the system does not tell'
	fi
	ask 'DELETE FROM daily' >/dev/null
	ask 'INSERT INTO daily TABLE days' >/dev/null
	check 'KPIs are those of plain SQL' so 'abs(ours - theirs) < 1e-12 AND our_aov = their_aov FROM truth'
	check 'merged states are the whole' so '(SELECT repeat_rate(rollup(state)) FROM daily) = ours FROM truth'
}

own_kb() {
	ask "SELECT max(own_kb(pid)) FROM pg_stat_activity WHERE application_name = 'pgbench'"
}

so() {
	[ "$(ask "SELECT $1")" = t ]
}

load_is_clean() {
	[ "$1" = 0 ] && ! grep -E 'ERROR|aborted' "$bench/log"
}

# ------------------------------------------------------------------------
# Cancels
# ------------------------------------------------------------------------
run_cancels() {
	for file in "$bench"/kpi.sql "$bench"/cohorts.sql "$bench"/rfm.sql "$bench"/predict.sql "$bench"/merge.sql "$bench"/refresh.sql; do
		for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			echo "SET statement_timeout = $((i * i));"
			sed -e '/^\\set/d' -e "s/:zone/1 + $i % 4/; s/:bins/2 + $i % 7/; s/:family/1 + $i % 3/" "$file"
		done
		echo 'RESET statement_timeout;'
	done >"$bench/cancels"
	echo "SELECT 'alive', own_kb(pg_backend_pid()) < 100000;" >>"$bench/cancels"
	cluster_psql -At -v ON_ERROR_STOP=0 -v VERBOSITY=sqlstate -f "$bench/cancels" >"$bench/cancels.out" 2>&1 || :
	check "cancels: $(grep -c 57014 "$bench/cancels.out" || :) of them" cancels_are_clean
	check 'cancels leave no temporary file' so 'count(*) = 0 FROM pg_ls_tmpdir()'
}

cancels_are_clean() {
	grep -q 57014 "$bench/cancels.out" && [ "$(tail -n 1 "$bench/cancels.out")" = 'alive|t' ] &&
		! grep -E 'ERROR|FATAL|PANIC|lost' "$bench/cancels.out" | grep -v 57014
}

# ------------------------------------------------------------------------
# kill -9
# ------------------------------------------------------------------------
run_kill() {
	script spill <<-'END'
		SET work_mem = '64kB';
		SELECT repeat_rate(i) FROM (SELECT generate_series(1, 30000000)::bigint AS i) n;
	END
	for round in 1 2 3; do
		before=$(ask 'SELECT count(*) FROM orders')
		pgbench_run 120 spill.sql@2 insert.sql@2 predict.sql@1 rfm.sql@1 >"$bench/kill.log" 2>&1 &
		load=$!
		victim=$(wait_for "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench' AND query LIKE '%30000000%' AND EXISTS (SELECT FROM pg_ls_tmpdir()) LIMIT 1")
		if [ -z "$victim" ]; then
			check "kill -9, round $round: a session with temporary files" false
		else
			cluster_run kill -KILL "$victim"
			wait $load || :
			check "kill -9, round $round: the server comes back" [ "$(wait_for 'SELECT 1')" = 1 ]
			check "kill -9, round $round: no temporary file is left" so 'count(*) = 0 FROM pg_ls_tmpdir()'
			check "kill -9, round $round: what was committed is there, and KPIs are right" \
				so "abs(ours - theirs) < 1e-12 AND our_aov = their_aov AND (SELECT count(*) >= $before FROM orders) FROM truth"
		fi
	done
}

# The answer to a query, once it has one; empty if not in a minute
wait_for() {
	for i in $(seq 240); do
		found=$(cluster_psql -At -c "$1" 2>/dev/null || :)
		if [ -n "$found" ]; then
			echo "$found"
			return
		fi
		sleep 0.25
	done
}

# Three were killed, and the others told to go
log_is_clean() {
	! grep -E 'PANIC|TRAP|memory leak|resource leak|terminated by signal' "$CLUSTER_DIR/server.log" | grep -v 'signal 9' | head -n 5 | grep .
}

# ------------------------------------------------------------------------
# One function after another
# ------------------------------------------------------------------------
run_tap() {
	for script in 013_load 017_live; do
		check "$script.pl, with LOAD_FACTOR=$LOAD_FACTOR" run_script "$script"
	done
}

run_script() {
	perl=$("$PG_CONFIG" --pgxs)
	perl=${perl%/makefiles/pgxs.mk}/test/perl
	tap=$CLUSTER_DIR/tap
	cluster_run mkdir -p "$tap/tmp_check/log"
	# shellcheck disable=SC2016 # the inner shell's parameters
	cluster_run env -u LC_CTYPE -u LC_COLLATE LANG=C.UTF-8 \
		TMPDIR="$CLUSTER_DIR" TESTDIR="$tap" TESTDATADIR="$tap/tmp_check" TESTLOGDIR="$tap/tmp_check/log" \
		PG_REGRESS="$perl/../regress/pg_regress" LOAD_FACTOR="$LOAD_FACTOR" \
		sh -c 'cd source && prove -I "$0" "test/t/$1.pl" >../tap.log 2>&1 || { tail -n 30 ../tap.log; false; }' "$perl" "$1"
}

main
