#!/bin/sh
# live.sh: what live tracking costs, as Markdown on standard output: a tracked table and
# its twin without, in turns. The options are in common.sh; SIZE (1000000) counts orders
# here, of a tenth of that many customers with ten each. ONLY='copies kpis' measures these alone.
set -eu

SIZE=${SIZE:-1000000}
RUNS=${RUNS:-5}
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
		clients "insert_$table" 1 -t 20000 >/dev/null
		note 'INSERT of one row, processor time, µs' "$table" "($(processor) - $before) / 20000 * 1e6"
	done
}

# 8 clients, with a disk that is waited for
throughput() {
	for table in untracked orders; do
		note 'INSERT, 8 clients, a second' "$table" "$(clients "insert_$table" 8 -T 5)"
		note 'INSERT for one customer, 8 clients, a second' "$table" "$(clients "hot_$table" 8 -T 5)"
	done
}

# Rolled back, for the next one to find the same
copies() {
	for table in untracked orders; do
		cluster_psql -Atq -f - >"$CLUSTER_DIR/bench/seconds" <<-END
			BEGIN;
			SELECT clock_timestamp() AS began \gset
			COPY $table (customer_id, ordered_at, amount, country) FROM '$CLUSTER_DIR/bench/rows';
			SELECT extract(epoch FROM clock_timestamp() - :'began');
			ROLLBACK;
			VACUUM $table;
		END
		note 'COPY, s' "$table" "$(cat "$CLUSTER_DIR/bench/seconds")"
	done
}

lookups() {
	note 'lookup of one customer, µs' 'SELECT 1' "1e6 / $(clients one 1 -t 50000)"
	note 'lookup of one customer, µs' stored "1e6 / $(clients stored 1 -t 20000)"
	ask "SELECT count(*) FROM (SELECT retention_mark('orders_live', i) FROM generate_series(100, $CUSTOMERS, 100) AS i OFFSET 0) AS m" >/dev/null
	rm -f "$CLUSTER_DIR"/bench/log.*
	note 'lookup of one customer, µs' marked "1e6 / $(clients marked 1 -t 20000 -l --log-prefix=bench/log)"
	note 'lookup of a marked customer, µs' '99 of 100 take at most' \
		"$(awk '{ print $3 }' "$CLUSTER_DIR"/bench/log.* | sort -n | awk '{ t[NR] = $1 } END { print t[int(NR * 0.99)] }')"
}

# One in a hundred customers is marked, by the lookups
kpis() {
	for table in 'live view' 'table of histories'; do
		[ "$table" = 'live view' ] && from=orders_live || from=bench.histories
		query="SELECT churn_rate(history, '180 days', '2024-07-01', '2025-01-01') FROM $from"
		ask "$query" >/dev/null
		note 'churn_rate, 1 % marked, ms' "$table" "$(cluster_psql -Atq -c "EXPLAIN (ANALYZE, TIMING OFF) $query" | sed -n 's/^Execution Time: \([0-9.]*\) ms/\1/p')"
	done
}

# change PART: orders of one in so many customers
change() {
	ask "SELECT mode FROM retention_refresh('orders_live')" >/dev/null
	ask 'VACUUM (ANALYZE) orders_live_customers, orders_live_changes, orders_live_settings' >/dev/null
	ask "UPDATE orders SET amount = amount + 1 WHERE customer_id % $1 = 0 AND order_id <= $CUSTOMERS" >/dev/null
}

refreshes() {
	change 100
	note 'refresh, µs a customer' 'one in 100 changed' "$(ask "SELECT milliseconds * 1000 / customers FROM retention_refresh('orders_live') WHERE mode = 'changed'")"
	change 5
	note 'refresh, ms' 'one in 5 changed' "$(ask "SELECT milliseconds FROM retention_refresh('orders_live') WHERE mode = 'changed'")"
	change 1
	note 'refresh, ms' all "$(ask "SELECT milliseconds FROM retention_refresh('orders_live') WHERE mode = 'rebuilt'")"
	ask 'VACUUM orders, orders_live_customers' >/dev/null
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
