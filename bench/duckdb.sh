#!/bin/sh
# duckdb.sh: repeat_rate with two workers against DuckDB with two threads on its own
# copy of the orders, and the making of that copy. DuckDB comes from npm and goes away
# with the temporary folder. The options are in common.sh.
set -eu

for program in node npm; do
	command -v $program >/dev/null || {
		echo "bench-duckdb: needs Node.js with npm, and there is no $program" >&2
		exit 1
	}
done

# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

install_duckdb() {
	mkdir "$CLUSTER_DIR/duckdb"
	cp bench/duckdb.mjs "$CLUSTER_DIR/duckdb"
	npm install --prefix "$CLUSTER_DIR/duckdb" --no-audit --no-fund --loglevel=error @duckdb/node-api >&2 || {
		echo "bench-duckdb: npm could not install @duckdb/node-api" >&2
		exit 1
	}
}

# The server writes the file itself: nothing is faster. The copy has the columns that
# the questions of retention are about.
export_orders() {
	cluster_psql -q -v csv="$CLUSTER_DIR/orders.csv" -f - <<-'SQL'
		CREATE TABLE bench.duckdb (what text, value double precision);
		SELECT format('COPY (SELECT customer_id, ordered_at, amount FROM orders) TO %L (FORMAT csv)', :'csv') AS export,
		       clock_timestamp() AS start \gset
		:export;
		INSERT INTO bench.duckdb VALUES ('export', extract(epoch FROM clock_timestamp() - :'start'));
	SQL
}

race_duckdb() {
	position=$(cluster_psql -qAt -c "INSERT INTO bench.work (section, name, ours)
		VALUES ('parallel', 'repeat_rate, bigint', 'SELECT repeat_rate(customer_id) FROM orders') RETURNING position")
	node "$CLUSTER_DIR/duckdb/duckdb.mjs" "$CLUSTER_DIR/orders.csv" "$RUNS" \
		"$CLUSTER_BIN/psql" -X -h "$CLUSTER_HOST" -p "$CLUSTER_PORT" -U postgres -d postgres \
		-c "CALL bench.race($position, 1)" >"$CLUSTER_DIR/duckdb/times"
	cluster_psql -q -c "COPY bench.duckdb FROM STDIN (DELIMITER '|')" <"$CLUSTER_DIR/duckdb/times"
	cluster_psql -q -f - <<-'SQL'
		DO $$
		DECLARE
		    ours double precision := (SELECT repeat_rate(customer_id) FROM orders);
		    theirs double precision := (SELECT value FROM bench.duckdb WHERE what = 'answer');
		BEGIN
		    IF abs(ours - theirs) > 1e-12 THEN
		        RAISE EXCEPTION 'the answers differ: ours %, DuckDB %', ours, theirs;
		    END IF;
		END $$;
	SQL
}

report() {
	bench_machine
	echo "DuckDB $(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$CLUSTER_DIR/duckdb/node_modules/@duckdb/node-api/package.json")."
	echo
	cluster_psql -q -f - <bench/report.sql
	bench_table -q -f - <<-'SQL'
		WITH s AS (
		    SELECT (SELECT seconds FROM bench.median WHERE contender = 'ours' AND workers = 2) AS ours,
		           percentile_cont(0.5) WITHIN GROUP (ORDER BY value) FILTER (WHERE what = 'query') AS query,
		           max(value) FILTER (WHERE what = 'export') AS export,
		           max(value) FILTER (WHERE what = 'load') AS load
		    FROM bench.duckdb)
		SELECT work AS "repeat_rate, bigint", to_char(seconds, 'FM990.00') AS "s",
		       bench.times(seconds, ours, '≥', at_least) AS "÷ ours",
		       bench.verdict(NULL, NULL, seconds / ours, at_least) AS "verdict"
		FROM s CROSS JOIN LATERAL (
		    VALUES ('ours, two workers', ours, NULL),
		           ('DuckDB, two threads: the query', query, 1),
		           ('the export to CSV', export, NULL),
		           ('the load of the CSV', load, NULL),
		           ('export, load and query', export + load + query, 10)) AS t (work, seconds, at_least)
	SQL
}

bench_start
install_duckdb
export_orders
race_duckdb
report
