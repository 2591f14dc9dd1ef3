#!/bin/sh
# live.sh: what live tracking costs, as Markdown on standard output: a tracked table and
# its twin without, in turns. The options are in common.sh; SIZE (1000000) counts orders
# here, of a tenth of that many customers with ten each. ONLY='copies kpis' measures these alone.
set -eu

SIZE=${SIZE:-1000000}
RUNS=${RUNS:-5}
# shellcheck disable=SC2034 # common.sh's
BENCH_RECIPE=bench/live.sql
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

CUSTOMERS=$((SIZE / 10))
WORK=${ONLY:-single_inserts throughput copies lookups kpis refreshes}

# A server as shops have it, and a disk that is waited for
bench_settings() {
	cat <<-END
		shared_buffers = '$((SIZE / 2000 + 512))MB'
		fsync = on
		full_page_writes = on
		wal_level = replica
		jit = off
		autovacuum = off
		checkpoint_timeout = '1h'
		max_wal_size = '16GB'
	END
}

ask() {
	cluster_psql -At -c "$1"
}

# ------------------------------------------------------------------------
# Measuring
# ------------------------------------------------------------------------

# Seconds of processor of all sessions that have ended
processor() {
	sleep 0.2
	sed 's/.*) //' "/proc/$(head -n 1 "$CLUSTER_DIR/data/postmaster.pid")/stat" | awk '{ print ($14 + $15) / 100 }'
}

# note NAME CONTENDER NUMBER
note() {
	ask "INSERT INTO bench.live_lap VALUES ('$1', '$2', $3)" >/dev/null
}

# clients SCRIPT CLIENTS PGBENCH-OPTIONS...: transactions a second
clients() {
	script=$1
	count=$2
	shift 2
	cluster_run pgbench -n -M prepared -c "$count" -j 2 -D customers="$CUSTOMERS" -f "bench/$script.sql" "$@" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

scripts() {
	mkdir "$CLUSTER_DIR/bench"
	chmod 777 "$CLUSTER_DIR/bench"
	for table in orders untracked; do
		cat >"$CLUSTER_DIR/bench/insert_$table.sql" <<-END
			\\set customer random(1, :customers)
			INSERT INTO $table (customer_id, ordered_at, amount, country) VALUES (:customer, now(), 49.90, 'DE');
		END
		echo "INSERT INTO $table (customer_id, ordered_at, amount, country) VALUES (1, now(), 49.90, 'DE');" >"$CLUSTER_DIR/bench/hot_$table.sql"
	done
	echo 'SELECT 1;' >"$CLUSTER_DIR/bench/one.sql"
	cat >"$CLUSTER_DIR/bench/stored.sql" <<-'END'
		\set customer random(1, :customers)
		SELECT * FROM retention_customer('orders_live', :customer);
	END
	# one in a hundred is marked
	cat >"$CLUSTER_DIR/bench/marked.sql" <<-'END'
		\set customer random(1, :customers / 100) * 100
		SELECT * FROM retention_customer('orders_live', :customer);
	END
}

# ------------------------------------------------------------------------
# What is measured
# ------------------------------------------------------------------------
single_inserts() {
	for table in untracked orders; do
		before=$(processor)
		clients "insert_$table" 1 -t 8000 >/dev/null
		note 'INSERT of one row, processor time, µs' "$table" "($(processor) - $before) / 8000 * 1e6"
	done
}

# 8 clients, with a disk that is waited for; each table first and last, since a machine is
# not equally fast all the time
throughput() {
	for table in untracked orders orders untracked; do
		note 'INSERT, 8 clients, a second' "$table" "$(clients "insert_$table" 8 -T 2)"
	done
	for table in untracked orders orders untracked; do
		note 'INSERT for one customer, 8 clients, a second' "$table" "$(clients "hot_$table" 8 -T 2)"
	done
}

# processor_of SQL...: seconds of processor that the last of these statements takes, all in
# one session
processor_of() {
	for sql; do
		shift
		[ $# -gt 0 ] || echo 'SELECT bench.processor_now() AS began \gset'
		printf '%s \\g /dev/null\n' "$sql"
	done >"$CLUSTER_DIR/bench/statements"
	echo "SELECT bench.processor_now() - :began;" >>"$CLUSTER_DIR/bench/statements"
	cluster_psql -Atq -f - <"$CLUSTER_DIR/bench/statements"
}

# Rolled back, for the next one to find the same
copies() {
	for table in untracked orders; do
		note 'COPY, processor time, s' "$table" \
			"$(processor_of BEGIN "COPY $table (customer_id, ordered_at, amount, country) FROM '$CLUSTER_DIR/bench/rows'")"
		ask "VACUUM $table" >/dev/null
	done
}

# lookup SCRIPT CONTENDER OPTIONS...
lookup() {
	script=$1
	contender=$2
	shift 2
	before=$(processor)
	clients "$script" 1 -t 8000 "$@" >/dev/null
	note 'lookup of one customer, processor time, µs' "$contender" "($(processor) - $before) / 8000 * 1e6"
}

# Nobody is marked
refresh() {
	ask "SELECT mode FROM retention_refresh('orders_live')" >/dev/null
	ask 'VACUUM (ANALYZE) orders, orders_live_customers, orders_live_changes, orders_live_settings' >/dev/null
}

# One in a hundred customers is
refresh_and_mark() {
	refresh
	ask "SELECT count(*) FROM (SELECT retention_mark('orders_live', i) FROM generate_series(100, $CUSTOMERS, 100) AS i OFFSET 0) AS m" >/dev/null
}

lookups() {
	refresh
	lookup one 'SELECT 1'
	lookup stored stored
	refresh_and_mark
	rm -f "$CLUSTER_DIR"/bench/log.*
	lookup marked marked -l --log-prefix=bench/log
	note 'lookup of a marked customer, µs' '99 of 100 take at most' \
		"$(awk '{ print $3 }' "$CLUSTER_DIR"/bench/log.* | sort -n | awk '{ t[NR] = $1 } END { print t[int(NR * 0.99)] }')"
}

kpis() {
	refresh_and_mark
	for from in orders_live bench.histories; do
		query="SELECT churn_rate(history, '180 days', '2024-07-01', '2025-01-01') FROM $from"
		note 'churn_rate, 1 % marked, processor time, ms' "$from" "1000 * $(processor_of "$query" "$query")"
	done
}

# By a session that has refreshed before, as that of a scheduler, and has had every page of
# the orders and customers in its hands: the first touch of a page by a process is a page
# fault, which takes longer than all that is done with a customer's orders on it
refreshes() {
	for part in 100 5 1; do
		refresh
		seconds=$(processor_of "SET max_parallel_workers_per_gather = 0" "SET enable_sort = off" "SET enable_hashagg = off" "SET enable_bitmapscan = off" \
			"SELECT customer_id, sum(amount) FROM orders GROUP BY customer_id" "SELECT customer, max(history::text) FROM orders_live_customers GROUP BY customer" "RESET ALL" \
			"SELECT retention_mark('orders_live', $CUSTOMERS)" "SELECT mode FROM retention_refresh('orders_live')" \
			"UPDATE orders SET amount = amount + 1 WHERE customer_id % $part = 0 AND order_id <= $CUSTOMERS" \
			"SELECT mode FROM retention_refresh('orders_live')")
		note 'refresh, processor time, ms' "one in $part changed" "1000 * $seconds"
		[ "$part" = 1 ] || note 'refresh, processor time, µs a customer' "one in $part changed" "1e6 * $seconds / $((CUSTOMERS / part))"
	done
}

storage() {
	note 'storage, MB' orders "pg_total_relation_size('orders') / 1e6"
	note 'storage, MB' tracking "(pg_total_relation_size('orders_live_customers') + pg_total_relation_size('orders_live_changes') + pg_total_relation_size('orders_live_settings')) / 1e6"
}

bench_start
cluster_psql -q -f - <bench/report.sql
cluster_psql -q -f - <bench/live_report.sql
storage
scripts
ask "COPY (SELECT 1 + (i * 104729 % $CUSTOMERS), now(), i % 200, 'DE' FROM generate_series(1::bigint, $SIZE) AS i) TO '$CLUSTER_DIR/bench/rows'" >/dev/null
for run in $(seq "$RUNS"); do
	echo "  run $run of $RUNS" >&2
	for work in $WORK; do
		$work
	done
done
bench_machine
echo
bench_table -c 'SELECT * FROM bench.report_live'
