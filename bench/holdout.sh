#!/bin/sh
# holdout.sh: `make bench-holdout`, how well the models foretell what customers did next,
# by family, how near forecast comes, and how often intervals hold, as Markdown on
# standard output. The made-up shops are always there; real ones
# are those of a folder beside the project (RETENTION_SHARED), as the tests have it.
set -eu

cd "$(dirname "$0")/.."
test/packages.sh
# shellcheck source=test/cluster.sh
. "$PWD/test/cluster.sh"

data=${RETENTION_SHARED:-$PWD/../shared}/data

# from FILE COLUMNS QUERY: rows of a file of the shared folder; the query reads "raw"
from() {
	[ -r "$data/$1" ] || {
		echo "skipped: no $data/$1" >&2
		return 0
	}
	case $1 in *.gz) gzip -dc "$data/$1" ;; *) cat "$data/$1" ;; esac >"$CLUSTER_DIR/raw.csv"
	cluster_psql -q <<-END
		CREATE TEMPORARY TABLE raw ($2);
		\\copy raw FROM '$CLUSTER_DIR/raw.csv' (FORMAT csv, HEADER)
		INSERT INTO orders_of $3;
	END
}

CLUSTER_SOURCE=$PWD
CLUSTER_CONF='jit = off
work_mem = 256MB'
export CLUSTER_SOURCE CLUSTER_CONF
cluster_init
cluster_start
cluster_psql -q -c 'CREATE EXTENSION retention' -c 'CREATE TABLE orders_of (data text, customer bigint, day timestamptz, amount numeric)'
cluster_psql -q -f demo/shop.sql
cluster_psql -q -c "INSERT INTO orders_of SELECT 'demo shop', customer_id, ordered_at, amount FROM orders WHERE amount > 0 AND customer_id IS NOT NULL" -f - <bench/holdout_data.sql
from cdnow_orders.csv 'customer bigint, day timestamptz, a numeric, c int, m int' "SELECT 'CDNOW, a tenth', customer, day FROM raw"
from cdnow_master_orders.csv.gz 'customer bigint, day timestamptz, a numeric, c int' "SELECT 'CDNOW, all', customer, day, nullif(a, 0) FROM raw"
from grocery_elog.csv.gz 'customer bigint, day timestamptz' "SELECT 'grocery', customer, day FROM raw"
from uci_online_retail.csv.gz 'invoice text, stock text, description text, quantity int, day timestamptz, price numeric, customer bigint, country text' \
	"SELECT 'Online Retail', customer, day, quantity * price FROM raw WHERE quantity > 0 AND price > 0 AND customer IS NOT NULL AND invoice !~ '^C'"
from adventureworks_sales_lines.csv.gz 'day timestamptz, stocked date, number text, product int, customer bigint, territory int, line int, quantity int, price numeric' \
	"SELECT 'AdventureWorks', customer, day, quantity * price FROM raw"
cluster_psql -q -c 'CREATE INDEX ON orders_of (data, customer, day)' -c 'ANALYZE orders_of' -f - <bench/holdout.sql
cluster_psql -q -f - <bench/holdout_forecasts.sql
for report in report report_forecasts report_intervals; do
	echo
	cluster_psql -A -P footer=off -c "SELECT * FROM $report" | sed 's/|/ | /g; s/^/| /; s/$/ |/; 1 { h; s/[^|]/-/g; x; G; }'
done
