#!/bin/sh
# duckdb.sh: repeat_rate and rfm_segments with two workers over the orders, and in one
# process over a history of them, against DuckDB with two threads on its own copy of
# the orders, and the making of that copy. DuckDB comes from
# npm and goes away with the temporary folder. The options are in common.sh.
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
		CREATE TABLE bench.duckdb (question text, what text, value double precision);
		SELECT format('COPY (SELECT customer_id, ordered_at, amount FROM orders) TO %L (FORMAT csv)', :'csv') AS export,
		       clock_timestamp() AS start \gset
		:export;
		INSERT INTO bench.duckdb VALUES ('', 'export', extract(epoch FROM clock_timestamp() - :'start'));
	SQL
}

# The questions are those of work.sql with ours as the only contender; the name of one
# is the last argument of the command that makes our turn.
race_duckdb() {
	cluster_psql -q -v size="$SIZE" -f - <bench/work.sql
	cluster_psql -q -f - <<-'SQL'
		CREATE TABLE bench.all_history AS SELECT order_history(customer_id, ordered_at, amount) AS history FROM orders;
		CREATE TABLE bench.question AS
		SELECT section, name, ours FROM bench.work
		WHERE section = 'parallel' AND name IN ('repeat_rate, bigint', 'rfm_segments of all orders');
		INSERT INTO bench.question
		SELECT 'histories', 'repeat_rate from a history', 'SELECT repeat_rate(history) FROM bench.all_history'
		UNION ALL
		SELECT 'histories', 'rfm_segments from a history',
		       replace(ours, $$rfm_segments(NULL::bigint, 'orders', 'customer_id', 'ordered_at', 'amount', '2025-01-01')$$,
		               $$bench.all_history, rfm_segments(history, NULL::bigint, '2025-01-01')$$)
		FROM bench.question WHERE name ~ '^rfm';
		DELETE FROM bench.work;
		INSERT INTO bench.work (section, name, ours) SELECT section, name, ours FROM bench.question ORDER BY name;
	SQL
	cat >"$CLUSTER_DIR/duckdb/turn" <<-END
		#!/bin/sh
		exec "$CLUSTER_BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$CLUSTER_HOST" -p "$CLUSTER_PORT" -U postgres -d postgres -v name="\$1" -f - <<-'SQL'
			SELECT position FROM bench.work WHERE name = :'name' \gset
			CALL bench.race(:position, 1);
		SQL
	END
	node "$CLUSTER_DIR/duckdb/duckdb.mjs" "$CLUSTER_DIR/orders.csv" "$RUNS" sh "$CLUSTER_DIR/duckdb/turn" \
		>"$CLUSTER_DIR/duckdb/times"
	cluster_psql -q -c "COPY bench.duckdb FROM STDIN (DELIMITER '|', NULL '\N')" <"$CLUSTER_DIR/duckdb/times"
}

compare_answers() {
	cluster_psql -q -f - <<-'SQL'
		DO $$
		DECLARE
		    q record;
		    answer text;
		    ours double precision[];
		    theirs double precision[];
		BEGIN
		    FOR q IN SELECT name, bench.work.ours FROM bench.work LOOP
		        EXECUTE format('SELECT translate(a::text, ''()'', ''{}'') FROM (%s) AS a', q.ours) INTO answer;
		        ours := answer;
		        theirs := (SELECT array_agg(value ORDER BY substring(what FROM '\d+')::int)
		                   FROM bench.duckdb WHERE question = q.name AND what LIKE 'answer %');
		        IF cardinality(ours) <> cardinality(theirs) OR
		           EXISTS (SELECT FROM unnest(ours, theirs) AS a (o, t) WHERE abs(o - t) > 1e-9 * abs(o)) THEN
		            RAISE EXCEPTION '%: the answers differ: ours %, DuckDB %', q.name, ours, theirs;
		        END IF;
		    END LOOP;
		END $$;
	SQL
}

report() {
	bench_machine
	echo "DuckDB $(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$CLUSTER_DIR/duckdb/node_modules/@duckdb/node-api/package.json")."
	echo
	cluster_psql -q -f - <bench/report.sql
	bench_table -q -f - <<-'SQL'
		WITH target (name, query, all_of_it) AS (
		    VALUES ('repeat_rate, bigint', 1.0, 10.0), ('rfm_segments of all orders', 0.67, NULL),
		           ('repeat_rate from a history', 1.0, NULL), ('rfm_segments from a history', 1.0, NULL)),
		s AS (
		    SELECT w.position, w.section, w.name, target.query AS at_least_query, target.all_of_it AS at_least_all,
		           m.seconds AS ours,
		           (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY value)
		            FROM bench.duckdb WHERE question = w.name AND what = 'query') AS query,
		           (SELECT value FROM bench.duckdb WHERE what = 'export') AS export,
		           (SELECT value FROM bench.duckdb WHERE what = 'load') AS load
		    FROM bench.work AS w
		    JOIN target USING (name)
		    JOIN bench.median AS m ON m.position = w.position AND m.workers = CASE w.section WHEN 'parallel' THEN 2 ELSE 0 END)
		SELECT name AS "question", work AS "who", to_char(seconds, 'FM990.00') AS "s",
		       bench.times(seconds, ours, '≥', at_least) AS "÷ ours",
		       bench.verdict(NULL, NULL, seconds / ours, at_least) AS "verdict"
		FROM s CROSS JOIN LATERAL (
		    VALUES (1, CASE section WHEN 'parallel' THEN 'ours, two workers' ELSE 'ours, one process' END, ours, NULL),
		           (2, 'DuckDB, two threads: the query', query, at_least_query),
		           (3, 'the export to CSV', export, NULL),
		           (4, 'the load of the CSV', load, NULL),
		           (5, 'export, load and query', export + load + query, at_least_all)
		) AS t (line, work, seconds, at_least)
		WHERE section = 'parallel' OR line <= 2
		ORDER BY position, line
	SQL
}

bench_start
install_duckdb
export_orders
race_duckdb
compare_answers
report
