# shellcheck shell=sh
# shop.sh: a table of orders in a server of ours (test/cluster.sh), the made-up shop's or
# those of CSV=. For `make demo`, whose variables it knows (run.sh), and `make report`.
#
#	shop_take_variables	# csv= is CSV=
#	shop_check_file FOLDER	# FOLDER is demo/; needs no server
#	shop_start FOLDER	# the server, with the extension
#	shop_load FOLDER	# creates orders and bad_row

shop_take_variables() {
	for variable in CSV CUSTOMER TIME AMOUNT ORDER_ID COUNTRY WHERE DISTINCT; do
		lower=$(echo "$variable" | tr '[:upper:]' '[:lower:]')
		eval "$variable=\${$variable:-\${$lower:-}}"
		# shellcheck disable=SC2163 # the variable that it names
		export "$variable"
	done
}

# Complains of a file that is useless from its first line on
shop_check_file() {
	[ -z "${CSV:-}" ] || perl "$1/csv.pl" --check "$CSV"
}

shop_start() {
	# in the folder for what tests leave, which git ignores and `make clean` removes
	# shellcheck disable=SC2034 # cluster_init's
	CLUSTER_CACHE=$1/../tmp_check/demo
	cluster_init
	cluster_start
	echo "PostgreSQL $CLUSTER_VERSION in a folder of its own, with the extension just built"
	cluster_psql -q -c 'CREATE EXTENSION retention'
}

shop_load() {
	if [ -n "${CSV:-}" ]; then
		shop_load_csv "$1"
	else
		echo 'A made-up shop, 2023 to 2025 (your own orders: CSV=orders.csv)'
		cluster_psql -q -f "$1/shop.sql"
	fi
}

shop_load_csv() {
	echo "Reading $CSV"
	# The status of a pipe is its last command's; the reader's own leaves a mark.
	{ perl "$1/csv.pl" "$CSV" || : >"$CLUSTER_DIR/unread"; } |
		shop_without_place cluster_psql -q
	[ ! -e "$CLUSTER_DIR/unread" ] || exit 1

	echo '  telling times, amounts and customers'
	shop_without_place cluster_psql -q -f "$1/load.sql" -v where="$WHERE" -v distinct="$DISTINCT"
}

# An error of the server's without its place in our scripts
shop_without_place() {
	"$@" 2>"$CLUSTER_DIR/errors" && return
	sed 's/^.*ERROR:  /demo: /; 2,$s/^/demo: /' "$CLUSTER_DIR/errors" >&2
	return 1
}
