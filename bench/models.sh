#!/bin/sh
# models.sh: how long the fits and predictions take, as Markdown on standard output. The
# options are in common.sh; SIZE counts customers here, a million of them.
set -eu

SIZE=${SIZE:-1000000}
BENCH_RECIPE=bench/models_data.sql
BENCH_ROWS=customers
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

bench_start
cluster_psql -q -f - <bench/report.sql
cluster_psql -q -f - <bench/models.sql
cluster_psql -At -F ' ' -c "SELECT position, name FROM bench.work ORDER BY position" |
	while read -r position name; do
		echo "  $name" >&2
		cluster_psql -q -c "CALL bench.race($position, $RUNS)" </dev/null
	done

bench_machine
for table in models fits; do
	echo
	bench_table -c "SELECT * FROM bench.report_$table"
done
