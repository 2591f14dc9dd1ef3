#!/bin/sh
# pg_upgrade.sh: `make test-upgrade`, a shop moves to a newer PostgreSQL by pg_upgrade with
# what it has stored: states of every family in tables, fitted models, arrays of rows,
# generated columns, views and materialized views, in a database with the newest version
# of the extension and in one with each older one. After the move all is read back and
# compared, written again, and the extension updated.
#
#	test/pg_upgrade.sh [OLD:NEW...]		default: 15:17 15:18
#
# Both versions come from this machine if they are installed with their headers, else from
# a Debian system made for it in a temporary folder (test/root.sh, as root, with network).
# Where neither can be had it says so. The last line counts; the exit status is 77 if a
# pair could not be tested. Options, from the environment:
#
#	ROOTS=folder	keep the system there for the next run (1.1 GB)
#	KEEP=1, CHECK_USER	as cluster.sh says
set -eu

export LC_ALL=C.UTF-8

project=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=test/cluster.sh
. "$project/test/cluster.sh"
CLUSTER_SOURCE=$project

passed=0
failed=0
untested=
missing=

main() {
	[ $# -gt 0 ] || set -- 15:17 15:18
	for pair in "$@"; do
		if installed "${pair%:*}" && installed "${pair#*:}"; then
			# a process of its own, which cleans up after itself
			"$0" --one "$pair" >"$log" 2>&1 || echo "pg_upgrade $pair: all of it: failed" >>"$log"
			grep -E ': (ok|failed)$' "$log" || :
			if grep -q ': failed$' "$log"; then
				tail -n 40 "$log" | cut -c 1-200
			fi
			passed=$((passed + $(grep -c ': ok$' "$log" || :)))
			failed=$((failed + $(grep -c ': failed$' "$log" || :)))
		else
			missing="$missing $pair"
		fi
	done
	# shellcheck disable=SC2086 # a list of pairs
	[ -z "$missing" ] || upgrade_in_root $missing
	echo "$passed passed, $failed failed"
	[ $failed = 0 ] || exit 1
	[ -z "$untested" ] || exit 77
}

# A server of this version, and what it takes to build for it
installed() {
	config=/usr/lib/postgresql/$1/bin/pg_config
	[ -x "$config" ] && [ -x "${config%/*}/postgres" ] && [ -x "${config%/*}/pg_upgrade" ] &&
		[ -f "$("$config" --pgxs)" ] && [ -f "$("$config" --includedir-server)/postgres.h" ]
}

# check NAME COMMAND...
check() {
	name=$1
	shift
	if "$@"; then
		echo "pg_upgrade $pair: $name: ok"
	else
		echo "pg_upgrade $pair: $name: failed"
	fi
}

# ------------------------------------------------------------------------
# One upgrade
# ------------------------------------------------------------------------
upgrade() {
	PG_CONFIG=/usr/lib/postgresql/$1/bin/pg_config
	cluster_init
	cluster_install_releases
	old_dir=$CLUSTER_DIR old_bin=$CLUSTER_BIN
	trap 'clean_up_both' EXIT
	cluster_start
	versions=$(all_versions)
	newest=$(echo "$versions" | tail -n 1)
	for version in $versions; do
		fill "$version"
		read_all "$version" >"$old_dir/$version.before"
		read_bytes "$version" >"$old_dir/$version.bytes"
	done
	check "the old shop has something to say" [ "$(wc -c <"$old_dir/$newest.before")" -gt 50000 ]
	cluster_stop

	PG_CONFIG=/usr/lib/postgresql/$2/bin/pg_config
	cluster_init
	trap 'clean_up_both' EXIT
	: >"$CLUSTER_DIR/cluster.conf"
	# on by default from 18 on, and then not as before
	cluster_run pg_checksums --disable -D data >/dev/null 2>&1 || :
	check 'pg_upgrade' cluster_run pg_upgrade -U postgres -b "$old_bin" -B "$CLUSTER_BIN" -d "$old_dir/data" -D "$CLUSTER_DIR/data"
	cluster_start

	cluster_psql -q -c 'CREATE DATABASE fresh TEMPLATE template0'
	cluster_psql -q -d fresh -c 'CREATE EXTENSION retention'
	for version in $versions; do
		check "$version: still there" [ "$(shop "$version" -At -c "SELECT extversion FROM pg_extension WHERE extname = 'retention'")" = "$version" ]
		check "$version: the same bytes" [ "$(read_bytes "$version")" = "$(cat "$old_dir/$version.bytes")" ]
		check "$version: the same answers" same_as_before "$version"
		check "$version: written again" shop "$version" -q -c "
			REFRESH MATERIALIZED VIEW a_segments;
			CREATE TEMP TABLE copied AS SELECT call, state::text::retention_state AS state FROM states;
			UPDATE states SET state = copied.state FROM copied WHERE copied.call = states.call;
			REINDEX TABLE states" -c 'VACUUM FULL states'
		check "$version: the same answers then" same_as_before "$version"
		check "$version: updated" shop "$version" -q -c 'SET client_min_messages = warning' -c 'ALTER EXTENSION retention UPDATE'
		check "$version: the same answers when updated" same_as_before "$version"
		check "$version: cohorts when updated" same_cohorts "$version"
		check "$version: the members of a fresh installation" [ "$(members "shop_$version")" = "$(members fresh)" ]
	done
	check 'the log of the server' not grep -E 'PANIC|TRAP|terminated by signal' "$CLUSTER_DIR/server.log"
}

not() {
	! "$@"
}

clean_up_both() {
	new_dir=$CLUSTER_DIR
	cluster_clean_up
	CLUSTER_DIR=$old_dir
	[ "$old_dir" = "$new_dir" ] || cluster_clean_up
}

all_versions() {
	cluster_psql -At -c "SELECT source FROM pg_extension_update_paths('retention') GROUP BY source ORDER BY string_to_array(source, '.')::int[]"
}

# shop VERSION ARGUMENTS: psql in the database with that version
shop() {
	version=$1
	shift
	cluster_psql -d "shop_$version" "$@"
}

# What was made with an older version is asked no more than what outlives the update: rows of
# cohorts and predictions have more columns since, and the library refuses to fill the old ones.
fill() {
	cluster_psql -q -c "CREATE DATABASE \"shop_$1\" TEMPLATE template0"
	shop "$1" -q -c "CREATE EXTENSION retention VERSION '$1'" -f - <"$project/test/data/states/states.sql"
	shop "$1" -q -f - <<-'END'
		CREATE TABLE orders AS
		SELECT (i * 7919 % 1009)::bigint AS customer, timestamptz '2023-01-01 00:00+00' + i * 86400 % 47304000 * interval '1 second' AS ordered_at,
		       round((i * 31 % 997)::numeric / 7, 2) AS amount
		FROM generate_series(1, 10000) i;
		CREATE TABLE daily (
			day date PRIMARY KEY, state retention_state NOT NULL,
			rate double precision GENERATED ALWAYS AS (repeat_rate(state)) STORED,
			label text DEFAULT rfm_segment_label('champions'));
		INSERT INTO daily SELECT ordered_at::date, repeat_rate_state(customer) FROM orders GROUP BY 1;
		CREATE INDEX ON daily (repeat_rate(state));
		CREATE VIEW kpis AS
		SELECT customer % 10 AS region, repeat_rate(customer), clv(customer, ordered_at, amount, '1 year', '3 years', '2024-07-01')
		FROM orders GROUP BY 1;
		CREATE MATERIALIZED VIEW a_segments AS
		SELECT * FROM rfm_segments(NULL::bigint, 'public.orders', 'customer', 'ordered_at', 'amount', as_of => '2024-07-01');
	END
	[ "$1" = "$newest" ] || return 0
	shop "$1" -q -f - <<-'END'
		SET client_min_messages = error;
		CREATE TABLE triangles AS SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-07-01', 'UTC') AS rows FROM orders;
		CREATE VIEW curve AS SELECT c.* FROM triangles, cohort_curve(rows) c;
		CREATE TABLE models AS
		SELECT fit_bgnbd(x, t_x, age) AS model
		FROM (SELECT (purchase_summary(ordered_at, amount, '7 days', '2024-07-01', 'UTC')).* FROM orders GROUP BY customer) s;
		CREATE TABLE days AS SELECT purchase_days_state(customer, ordered_at, amount, '2024-07-01', 'UTC') AS state FROM orders;
		CREATE VIEW predictions AS SELECT p.* FROM days, predict_customers(state, NULL::bigint) p;
	END
}

# every_state EXPRESSION: of each, without what is read off it
every_state() {
	echo "SELECT call, $1 FROM states UNION ALL SELECT call, $1 FROM survivals ORDER BY 1"
}

# The states as they lie in the table; one that is written again may lie otherwise.
read_bytes() {
	shop "$1" -At -c "$(every_state 'base64(state::raw)')"
}

# What cohort states say
read_cohorts() {
	shop "$1" -At -c "SET TimeZone = 'UTC'" -c "SELECT call, answer FROM written WHERE call LIKE 'cohort_retention%' ORDER BY call COLLATE \"C\""
}

# All that is asked of a shop
read_all() {
	shop "$1" -At -c "SET TimeZone = 'UTC'" -c "$(every_state 'state::text')" \
		-c "SELECT call, answer FROM written WHERE call NOT LIKE 'cohort_retention%' ORDER BY call COLLATE \"C\"" \
		-c 'TABLE daily ORDER BY day' -c 'TABLE kpis ORDER BY region' \
		-c 'TABLE a_segments ORDER BY customer' -c 'SET enable_seqscan = off' -c 'SELECT count(*) FROM daily WHERE repeat_rate(state) = 0' \
		-c 'SELECT repeat_rate(rollup(state)) FROM daily'
	[ "$1" != "$newest" ] || read_cohorts "$1"
	[ "$1" != "$newest" ] || shop "$1" -At -c "SET TimeZone = 'UTC'" -c 'SET client_min_messages = error' \
		-c 'TABLE triangles' -c 'SELECT * FROM curve c ORDER BY c' -c 'TABLE models' -c 'SELECT (model).*, p_alive(model, 3, 10, 30) FROM models' -c 'TABLE predictions ORDER BY customer'
}

same_as_before() {
	read_all "$1" >"$CLUSTER_DIR/after" || return
	diff "$old_dir/$1.before" "$CLUSTER_DIR/after" | head -n 10 | cut -c 1-300
	cmp -s "$old_dir/$1.before" "$CLUSTER_DIR/after"
}

# As in the shop of the newest version, of the same orders, for three types of customers
same_cohorts() (
	read_cohorts "$newest" >"$CLUSTER_DIR/cohorts" && [ "$(grep -c '^cohort_retention' "$CLUSTER_DIR/cohorts")" = 3 ] &&
		[ "$(read_cohorts "$1")" = "$(cat "$CLUSTER_DIR/cohorts")" ]
)

members() {
	cluster_psql -At -d "$1" -c "
		SELECT pg_describe_object(classid, objid, 0), obj_description(objid, classid::regclass::name) FROM pg_depend
		WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retention') ORDER BY 1"
}

# ------------------------------------------------------------------------
# A Debian system with all versions
# ------------------------------------------------------------------------
upgrade_in_root() {
	ROOT_PROJECT=$project
	# shellcheck source=test/root.sh
	. "$project/test/root.sh"
	root_init
	trap 'rm -f "$log"; root_clean_up' EXIT
	if ! make_root "$@"; then
		skip "not both versions are installed, and $ROOT_REASON" "$@"
		return
	fi
	RETENTION_SHARED=none root_copy_in upgrade
	status=0
	root_run upgrade env TMPDIR=/tmp sh /build/project/test/pg_upgrade.sh "$@" >"$log" 2>&1 || status=$?
	root_remove upgrade
	sed '$d' "$log"
	counts=$(tail -n 1 "$log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p')
	passed=$((passed + ${counts% *}))
	failed=$((failed + ${counts#* }))
	[ $status != 77 ] || untested=1
	[ $status = 0 ] || [ $status = 77 ] || [ "${counts#* }" -gt 0 ] || failed=$((failed + 1))
}

skip() {
	reason=$1
	shift
	for pair in "$@"; do
		echo "pg_upgrade $pair: skipped, $reason"
	done
	untested=1
}

# The newest suite of the versions asked for, with the older ones beside it
make_root() {
	[ ! -d "$ROOT_DIR/upgrade" ] || return 0
	root_possible || return
	majors=$(echo "$*" | tr ': ' '\n' | sort -rnu)
	mirror=$(root_mirror)
	servers=
	newest_suite=
	for major in $majors; do
		suite=$(root_suite "$major") || {
			ROOT_REASON="no suite of Debian with PostgreSQL $major"
			return 1
		}
		newest_suite=${newest_suite:-$suite}
		servers="${servers:+$servers,}postgresql-$major"
	done
	download=$(for major in $majors; do printf 'postgresql-server-dev-%s ' "$major"; done)
	# shellcheck disable=SC2016 # mmdebstrap's parameter
	set -- timeout -k 10 1500 mmdebstrap --variant=apt --include="$servers,libpq-dev,gcc,make,libc6-dev" \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--customize-hook='chroot "$1" sh -ec "cd /tmp; apt-get -q download '"$download"'; for deb in *.deb; do dpkg -x \$deb /; done; rm -f *.deb"' \
		"$newest_suite" "$ROOT_DIR/upgrade.new"
	for major in $majors; do
		set -- "$@" "deb $mirror $(root_suite "$major") main"
	done
	if root_contained "$@" >"$ROOT_TEMP/upgrade.log" 2>&1; then
		mv "$ROOT_DIR/upgrade.new" "$ROOT_DIR/upgrade"
	else
		ROOT_REASON="no system with all of them: $(grep -E '^(E|Err):' "$ROOT_TEMP/upgrade.log" | head -n 2 | tr '\n' ' ' | cut -c 1-300)"
		return 1
	fi
}

if [ "${1:-}" = --one ]; then
	pair=$2
	upgrade "${pair%:*}" "${pair#*:}"
else
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	main "$@"
fi
