# shellcheck shell=sh
# common.sh: what the benchmarks share: the options, a throwaway server with room for
# the data, and the data. To be sourced by a script of this folder.
#
#	SIZE=10000000	orders
#	RUNS=5		times that everything is measured; the median counts
#	BENCH_DATA=dir	keep the server's data there for the next run, which then
#			need not load it again
#
# Set by the script, both optional: BENCH_RECIPE, the file that makes the data (data.sql),
# and BENCH_ROWS, what SIZE counts (orders).

cd "$(dirname "$0")/.." || exit
SIZE=${SIZE:-10000000}
RUNS=${RUNS:-5}
BENCH_RECIPE=${BENCH_RECIPE:-bench/data.sql}
BENCH_ROWS=${BENCH_ROWS:-orders}

test/packages.sh
# shellcheck source=../test/cluster.sh
. "$PWD/test/cluster.sh"

# A table is kept in shared buffers if it takes less than a quarter of them; the
# largest has 90 bytes for an order. work_mem is more than anybody needs here: no
# contender is slowed down by temporary files.
bench_settings() {
	cat <<-END
		shared_buffers = '$((SIZE * 6 / 10000 + 128))MB'
		work_mem = '2GB'
		maintenance_work_mem = '1GB'
		jit = off
		autovacuum = off
		checkpoint_timeout = '1h'
		max_parallel_maintenance_workers = 0
		max_parallel_workers_per_gather = 0
		min_parallel_table_scan_size = 0
		parallel_setup_cost = 0
	END
}

bench_start() {
	CLUSTER_SOURCE=$PWD
	CLUSTER_CONF=$(bench_settings)
	export CLUSTER_SOURCE CLUSTER_CONF
	cluster_init
	[ -z "${BENCH_DATA:-}" ] || bench_keep_data
	cluster_start
	bench_load
	cluster_psql -q -o /dev/null -c 'SELECT pg_stat_reset()' -f - <bench/race.sql
}

# The server's data folder becomes a link to one outside; the new server's settings
# go there, because they hold the paths of this run.
bench_keep_data() {
	mkdir -p "$BENCH_DATA"
	BENCH_DATA=$(cd "$BENCH_DATA" && pwd)
	if [ -f "$BENCH_DATA/PG_VERSION" ]; then
		cp "$CLUSTER_DIR/data/postgresql.conf" "$BENCH_DATA/postgresql.conf"
	else
		cp -a "$CLUSTER_DIR/data/." "$BENCH_DATA"
		chmod 700 "$BENCH_DATA"
	fi
	[ -z "$CLUSTER_USER" ] || chown -R "$CLUSTER_USER" "$BENCH_DATA"
	rm -rf "$CLUSTER_DIR/data"
	ln -s "$BENCH_DATA" "$CLUSTER_DIR/data"
}

# The database remembers what it was made from.
bench_load() {
	recipe="$SIZE $(cksum <"$BENCH_RECIPE")"
	found=$(cluster_psql -At -c "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'postgres'")
	[ "$found" != "$recipe" ] || return 0
	case $found in
	[0-9]*)
		echo "$BENCH_DATA holds other data: remove it, or choose another folder" >&2
		exit 1 ;;
	esac
	echo "making $SIZE $BENCH_ROWS ..." >&2
	cluster_psql -q -v size="$SIZE" -f - <"$BENCH_RECIPE" >/dev/null
	cluster_psql -q -c "COMMENT ON DATABASE postgres IS '$recipe'"
}

# From psql's unaligned output, fields separated by '|', to a table of Markdown.
bench_markdown() {
	sed 's/|/ | /g; s/^/| /; s/$/ |/; 1 { h; s/[^|]/-/g; x; G; }'
}

bench_table() {
	cluster_psql -A -P footer=off "$@" | bench_markdown
}

bench_machine() {
	cat <<-END
		$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GB of memory;
		PostgreSQL $(cluster_psql -At -c 'SHOW server_version');
		$(bench_settings | sed "s/ = /=/; s/'//g" | paste -s -d ' ');
		$(cluster_psql -At -c "SELECT to_char(count(*), 'FM999,999,999,999') || ' orders of ' || to_char(count(DISTINCT customer_id), 'FM999,999,999,999') || ' customers' FROM orders").
		Median of $RUNS runs, in brackets the fastest. Temporary files: $(cluster_psql -At -c "SELECT pg_size_pretty(sum(temp_bytes)) FROM pg_stat_database").
	END
}
