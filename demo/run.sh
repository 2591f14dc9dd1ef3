#!/bin/sh
# run.sh: `make demo`, the main job in one command: a server of its own with this
# extension, a shop in it, and the questions its owner asks, with the SQL that
# answers them. The shop is made up, or yours:
#
#	make demo
#	make demo CSV=orders.csv.gz [CUSTOMER=] [TIME=] [AMOUNT=] [ORDER_ID=] [COUNTRY=]
#
# Each of the others names a column or is an SQL expression of columns, such as
# AMOUNT='quantity * unit_price'; without them the columns' names are looked at.
# KEEP=1 leaves the server there, to ask more.
set -eu

# A locale that this machine lacks would make perl complain at every call.
export LC_ALL=C.UTF-8

demo=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=test/cluster.sh
. "$demo/../test/cluster.sh"

main() {
	"$demo/../test/packages.sh"
	[ -z "${CSV:-}" ] || perl "$demo/csv.pl" --check "$CSV"

	cluster_init
	cluster_start
	echo "PostgreSQL $CLUSTER_VERSION in a folder of its own, with the extension just built"
	cluster_psql -q -c 'CREATE EXTENSION retention'

	if [ -n "${CSV:-}" ]; then
		load_csv
	else
		echo 'A made-up shop, 2023 to 2025 (your own orders: make demo CSV=orders.csv)'
		cluster_psql -q -f "$demo/shop.sql"
	fi
	cluster_psql -q -f "$demo/report.sql"
	[ -n "${KEEP:-}" ] || echo 'To ask more of the same server: KEEP=1 make demo'
}

load_csv() {
	echo "Reading $CSV"
	# The status of a pipe is its last command's; the reader's own leaves a mark.
	{ perl "$demo/csv.pl" "$CSV" || : >"$CLUSTER_DIR/unread"; } |
		in_one_line cluster_psql -q
	[ ! -e "$CLUSTER_DIR/unread" ] || exit 1

	in_one_line cluster_psql -q -f "$demo/load.sql" -v customer="${CUSTOMER:-}" -v time="${TIME:-}" \
		-v amount="${AMOUNT:-}" -v order_id="${ORDER_ID:-}" -v country="${COUNTRY:-}"
}

# An error of the server's without its place in our scripts
in_one_line() {
	"$@" 2>"$CLUSTER_DIR/errors" && return
	sed -n 's/^.*ERROR:  /demo: /p' "$CLUSTER_DIR/errors" | grep . >&2 || cat "$CLUSTER_DIR/errors" >&2
	return 1
}

main
