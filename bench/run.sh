#!/bin/sh
# run.sh: the benchmarks, as Markdown on standard output and progress on standard
# error. What they mean is in README.md; the options are in common.sh, and one more:
#
#	ONLY=regexp	only rows whose section and name match, such as 'serial clv'
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

# All orders as one history, and as a history of each customer, for those rows
make_histories() {
	cluster_psql -q -v only="${ONLY:-}" -f - <<-'END'
		SELECT EXISTS (SELECT FROM bench.work WHERE section = 'histories' AND concat_ws(' ', section, name) ~ :'only') AS wanted \gset
		\if :wanted
		CREATE TABLE bench.all_history AS SELECT order_history(customer_id, ordered_at, amount) AS history FROM orders;
		CREATE TABLE bench.customer_history AS
		SELECT customer_id, order_history(customer_id, ordered_at, amount) AS history FROM orders GROUP BY customer_id;
		ALTER TABLE bench.customer_history SET (parallel_workers = 2);
		ANALYZE bench.customer_history;
		INSERT INTO bench.memory (name, bytes, at_most)
		SELECT name, bytes::numeric / (SELECT count(*) FROM orders), at_most FROM
		    (SELECT 'an order, in one history of all', sum(pg_column_size(history)), 10 FROM bench.all_history
		     UNION ALL SELECT 'an order, in a table with a history of each customer', pg_total_relation_size('bench.customer_history'), NULL
		     UNION ALL SELECT 'an order, in the table of orders', pg_total_relation_size('orders'), NULL) AS sizes (name, bytes, at_most);
		\endif
	END
}

# Lines of orders and events of visitors, for those rows: as many as a shop of some size has,
# whatever SIZE is. Few products are in many baskets, most in few, and some go together. Events
# lie in the order of time, with the index that a page of the shop reads them by.
make_lines() {
	cluster_psql -q -v only="${ONLY:-}" -f - <<-'END'
		SELECT count(*) FILTER (WHERE sql LIKE '%bench.lines%') > 0 AS lines, count(*) FILTER (WHERE ours LIKE '%bench.events%') > 0 AS events
		FROM bench.work WHERE concat_ws(' ', section, name) ~ :'only' \gset wanted_
		\if :wanted_lines
		CREATE TABLE bench.lines AS
		SELECT basket, basket % 4500 AS customer_id, timestamptz '2024-01-01' + basket * interval '20 minutes' AS ordered_at,
		       'P' || lpad(floor(3600 * CASE WHEN chance(basket * 1000 + line, 1) < 0.2 THEN chance(basket % 50 * 10 + line % 10, 2) ELSE chance(basket * 1000 + line, 3) ^ 2 END)::text, 5, '0') AS product
		FROM generate_series(1, 18500) AS basket, generate_series(1, 1 + floor(12 * (chance(basket, 4) ^ -0.6 - 0.6))::int) AS line
		WHERE line <= 300;
		\endif
		\if :wanted_events
		CREATE TABLE bench.events AS
		SELECT number % 2000 AS customer_id, timestamptz '2025-01-01' - (400000 - number) * interval '12 seconds' AS at,
		       (ARRAY['view', 'view', 'view', 'search', 'cart', 'cart', 'remove', 'checkout', 'purchase'])[1 + floor(8.05 * chance(number, 1))::int] AS event,
		       'P' || floor(40 * chance(number, 2)) AS product, round((5 + 100 * chance(number, 3))::numeric, 2) AS value
		FROM (SELECT generate_series(0, 399999) AS number) AS n;
		CREATE INDEX ON bench.events (customer_id, at);
		\endif
		SELECT :'wanted_lines'::boolean OR :'wanted_events'::boolean AS any \gset wanted_
		\if :wanted_any
		VACUUM ANALYZE;
		\endif
	END
}

race_all() {
	cluster_psql -q -v size="$SIZE" -f - <bench/work.sql
	make_histories
	make_lines
	cluster_psql -At -F ' ' -v only="${ONLY:-}" -f - <<-'END' |
		SELECT position, section, name, size FROM bench.work
		WHERE concat_ws(' ', section, name) ~ :'only' ORDER BY position
	END
		while read -r position name; do
			echo "  $name" >&2
			cluster_psql -q -c "CALL bench.race($position, $RUNS)" </dev/null
		done
}

# memory NAME TARGET QUERY, which answers with the bytes of one customer or group. Each
# in a session of its own: a process's peak of memory does not go down again.
memory() {
	echo "  memory: $1" >&2
	cluster_psql -q -v name="$1" -v at_most="$2" -f - <<-END
		INSERT INTO bench.memory (name, bytes, at_most) VALUES (:'name', ($3), :at_most)
	END
}

measure_memory() {
	million_groups="generate_series(1, 1000000::bigint) AS i GROUP BY i"

	memory 'a customer of repeat_rate, bigint, by state_info' 24 \
		"SELECT i.bytes::numeric / i.customers FROM (SELECT repeat_rate_state(customer_id) AS s FROM orders OFFSET 0) AS o, state_info(s) AS i"
	memory 'the same, by the growth of the process' NULL \
		"SELECT bench.peak_bytes('SELECT repeat_rate(customer_id) FROM orders')::numeric / (SELECT count(DISTINCT customer_id) FROM orders)"
	memory 'a customer of the SQL, likewise' NULL \
		"SELECT bench.peak_bytes(sql)::numeric / (SELECT count(DISTINCT customer_id) FROM orders) FROM bench.work WHERE position = 1"
	memory 'a group of one customer, by state_info' 200 \
		"SELECT bytes FROM state_info((SELECT repeat_rate_state(1::bigint)))"
	memory 'a sealed state of churn_rate, binary' 65536 \
		"SELECT length(retention_state_send(seal(churn_rate_state(customer_id, ordered_at, '180 days', '2024-07-01', '2025-01-01')))) FROM orders"
	memory 'of cohort_retention by month' 1048576 \
		"SELECT length(retention_state_send(seal(cohort_retention_state(customer_id, ordered_at, amount, 'month', '2025-01-01', 'UTC')))) FROM orders"
	memory 'the same in a million groups, by the growth of the process' NULL \
		"SELECT bench.peak_bytes('SELECT max(r) FROM (SELECT repeat_rate(i) AS r FROM $million_groups) AS g') / 1e6"
	memory 'a group of count(), likewise' NULL \
		"SELECT bench.peak_bytes('SELECT max(r) FROM (SELECT count(i) AS r FROM $million_groups) AS g') / 1e6"
}

report() {
	cluster_psql -q -f - <bench/report.sql
	bench_machine
	for table in serial parallel histories growth memory; do
		echo
		bench_table -c "SELECT * FROM bench.report_$table"
	done
}

bench_start
race_all
[ -n "${ONLY:-}" ] || measure_memory
report
