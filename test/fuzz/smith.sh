#!/bin/sh
# smith.sh: random queries, in a server of our own: `make smith`, there with sanitizers.
#
# First those of smith.pl, which calls every function and aggregate of the extension with
# random and extreme arguments, in each other, in groups, windows and subqueries; then
# those of sqlsmith, where there is one. A server process that ends is a finding, and so
# are an internal error (SQLSTATE XX...) raised in a file of the extension, and a
# statement that cannot be cancelled. What the findings are is shown, with the statement.
# The last line counts statements as passed. Options, from the environment:
#
#	QUERIES=5000	how many of smith.pl
#	SQLSMITH=1000	how many of sqlsmith; 0: none
#	SEED=1		of both
#	KEEP=1, PG_CONFIG, CHECK_USER	as test/cluster.sh says
set -eu

queries=${QUERIES:-5000}
sqlsmith=${SQLSMITH:-1000}
seed=${SEED:-1}
folder=$(cd "$(dirname "$0")" && pwd)
CLUSTER_SOURCE=$(cd "$folder/../.." && pwd)
export LC_ALL=C.UTF-8
# shellcheck source=test/cluster.sh
. "$CLUSTER_SOURCE/test/cluster.sh"

# At a time, so that little is lost when the server ends
BATCH=250

# A statement is cancelled after 2 s; one that lasts so long was not.
MOST_SECONDS=40

asked=0
findings=0

main() {
	"$CLUSTER_SOURCE/test/packages.sh"
	[ "$sqlsmith" = 0 ] || get_sqlsmith
	CLUSTER_CONF="
		log_error_verbosity = verbose
		log_min_messages = error
		log_min_duration_statement = ${MOST_SECONDS}s
		log_line_prefix = '%p '
		statement_timeout = 2s
		jit = off
		autovacuum = off
		max_parallel_workers_per_gather = 2"
	cluster_init
	cluster_start
	cluster_psql -q -c 'SET statement_timeout = 0' -c 'CREATE EXTENSION retention' -f "$folder/seeds.sql" -f "$folder/smith.sql"
	cluster_psql -qAt -c 'SELECT line FROM catalogue' >"$CLUSTER_DIR/catalogue"
	ask
	ask_sqlsmith
	report
	echo "$((asked - findings)) passed, $findings failed"
	[ "$findings" = 0 ]
}

# It is not everywhere; smith.pl is.
get_sqlsmith() {
	"$CLUSTER_SOURCE/test/packages.sh" sqlsmith=sqlsmith || sqlsmith=0
}

# After a crash the server takes a while to come back.
wait_for_server() {
	for _ in $(seq 60); do
		! cluster_psql -qAt -c 'SELECT 1' >/dev/null 2>&1 || return 0
		sleep 1
	done
	cluster_fail 'the server does not come back'
}

ask() {
	echo "$queries statements of smith.pl"
	while [ "$asked" -lt "$queries" ]; do
		"$folder/smith.pl" "$seed$asked" $BATCH <"$CLUSTER_DIR/catalogue" >"$CLUSTER_DIR/batch.sql"
		cluster_psql -q -v ON_ERROR_STOP=0 -o /dev/null -f "$CLUSTER_DIR/batch.sql" >/dev/null 2>&1 || wait_for_server
		asked=$((asked + BATCH))
	done
}

ask_sqlsmith() {
	[ "$sqlsmith" != 0 ] || return 0
	echo "$sqlsmith statements of sqlsmith"
	cluster_run sqlsmith --target="host=$CLUSTER_HOST port=$CLUSTER_PORT user=postgres dbname=postgres" \
		--exclude-catalog --max-queries="$sqlsmith" --seed="$seed" >"$CLUSTER_DIR/sqlsmith.log" 2>&1 </dev/null || wait_for_server
	asked=$((asked + sqlsmith))
}

# ------------------------------------------------------------------------
# What the server's log says
# ------------------------------------------------------------------------

# An error has lines ERROR, LOCATION with the file, STATEMENT; each a findings' line here
internal_errors() {
	awk -v files="$(cd "$CLUSTER_SOURCE/src" && echo *)" '
		BEGIN { n = split(files, list, " "); for (i = 1; i <= n; i++) ours[list[i]] = 1 }
		$2 == "ERROR:" { message = $3 ~ /^XX/ ? $0 : ""; sub(/^[0-9]+ ERROR: +/, "", message) }
		$2 == "LOCATION:" && message != "" {
			file = $NF
			sub(/:[0-9]+$/, "", file)
			# support functions say so, and no query can call them but by name
			if (message ~ /called in non-aggregate context/) message = ""
			where = $NF
			own = file in ours
		}
		$2 == "STATEMENT:" && message != "" {
			sub(/^[0-9]+ STATEMENT: +/, "")
			print (own ? "ours" : "others") "\t" message " (" where "): " $0
			message = ""
		}' "$CLUSTER_DIR/server.log" >"$CLUSTER_DIR/internal"
}

show() {
	[ -s "$1" ] || return 0
	findings=$((findings + $(grep -c . "$1")))
	echo "$2:"
	head -n 20 "$1" | cut -c 1-1500
}

report() {
	internal_errors
	grep '^ours' "$CLUSTER_DIR/internal" | cut -f 2 >"$CLUSTER_DIR/ours" || :
	grep -aE 'was terminated by|exited with exit code [^01]|PANIC:|TRAP:' "$CLUSTER_DIR/server.log" >"$CLUSTER_DIR/ends" || :
	grep -aE 'Failed process was running' -A 2 "$CLUSTER_DIR/server.log" | cut -c 1-1500 | head -n 40 >"$CLUSTER_DIR/running" || :
	grep -aE ' LOG:  .*duration: ' "$CLUSTER_DIR/server.log" | grep -v sqlsmith >"$CLUSTER_DIR/slow" || :

	show "$CLUSTER_DIR/ours" 'internal errors of the extension'
	show "$CLUSTER_DIR/ends" 'server processes that ended'
	[ ! -s "$CLUSTER_DIR/running" ] || cat "$CLUSTER_DIR/running"
	show "$CLUSTER_DIR/slow" "statements that were not cancelled in $MOST_SECONDS s"

	echo "$(grep -c '^others' "$CLUSTER_DIR/internal" || :) internal errors of the server's own, $(awk '$2 == "ERROR:"' "$CLUSTER_DIR/server.log" | grep -c .) errors in all:"
	awk '$2 == "ERROR:" { n[substr($3, 1, 5)]++ } END { for (code in n) printf "  %s %d\n", code, n[code] }' "$CLUSTER_DIR/server.log" | sort
}

main
