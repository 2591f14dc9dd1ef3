#!/bin/sh
# run.sh: `make demo`, the main job in one command: a server of its own with this
# extension, a shop in it, and the questions its owner asks, with the SQL that
# answers them. The shop is made up, or yours:
#
#	make demo
#	make demo CSV=orders.csv.gz [CUSTOMER=] [TIME=] [AMOUNT=] [ORDER_ID=] [COUNTRY=] [WHERE=]
#
# Each of the others names a column or is an SQL expression of the columns of one line,
# such as AMOUNT='quantity * unit_price'; without them the columns' names are looked at.
# WHERE= keeps the lines for which it is true: WHERE="status = 'paid'". A column is called
# by its name, in lower case and with underscores. What is ambiguous is asked; such an
# answer can be
#
#	AMOUNT=NULL			there is no amount
#	AMOUNT="number(total, ',')"	its decimals stand behind a comma
#	AMOUNT="per_order(total)"	on every line stands the order's total; per_line(total)
#	TIME="day_first(date)"		or month_first or year_first
#	DISTINCT=1			lines that are equal are one; DISTINCT=0: they are not
#
# Names of variables may be in lower case, too. KEEP=1 leaves the server there, to ask more.
set -eu

# A locale that this machine lacks would make perl complain at every call.
export LC_ALL=C.UTF-8

demo=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=test/cluster.sh
. "$demo/../test/cluster.sh"

main() {
	"$demo/../test/packages.sh"
	take_lower_case
	[ -z "${CSV:-}" ] || perl "$demo/csv.pl" --check "$CSV"

	# in the folder for what tests leave, which git ignores and `make clean` removes
	CLUSTER_CACHE=$demo/../tmp_check/demo
	cluster_init
	cluster_start
	echo "PostgreSQL $CLUSTER_VERSION in a folder of its own, with the extension just built"
	cluster_psql -q -c 'CREATE EXTENSION retention'

	if [ -n "${CSV:-}" ]; then
		load_csv
	else
		echo 'A made-up shop, 2023 to 2025 (your own orders: make demo CSV=orders.csv)'
		cluster_psql -q -f "$demo/shop.sql"
		cluster_psql -q -f "$demo/events.sql"
	fi
	cluster_psql -q -f "$demo/report.sql" -f "$demo/live.sql" -f "$demo/intent.sql" -f "$demo/campaign.sql"
	[ -n "${KEEP:-}" ] || echo 'To ask more of the same server: KEEP=1 make demo'
}

# csv= is CSV=
take_lower_case() {
	for variable in CSV CUSTOMER TIME AMOUNT ORDER_ID COUNTRY WHERE DISTINCT; do
		lower=$(echo "$variable" | tr '[:upper:]' '[:lower:]')
		eval "$variable=\${$variable:-\${$lower:-}}"
		# shellcheck disable=SC2163 # the variable that it names
		export "$variable"
	done
}

load_csv() {
	echo "Reading $CSV"
	# The status of a pipe is its last command's; the reader's own leaves a mark.
	{ perl "$demo/csv.pl" "$CSV" || : >"$CLUSTER_DIR/unread"; } |
		without_place cluster_psql -q
	[ ! -e "$CLUSTER_DIR/unread" ] || exit 1

	echo '  telling times, amounts and customers'
	without_place cluster_psql -q -f "$demo/load.sql" -v where="$WHERE" -v distinct="$DISTINCT"
}

# An error of the server's without its place in our scripts
without_place() {
	"$@" 2>"$CLUSTER_DIR/errors" && return
	sed 's/^.*ERROR:  /demo: /; 2,$s/^/demo: /' "$CLUSTER_DIR/errors" >&2
	return 1
}

main
