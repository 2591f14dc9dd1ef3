#!/bin/sh
# run.sh: `make report`, what a shop's owner looks at, as one HTML file that opens from disk,
# needs no network and can be sent or printed. Of a made-up shop, of a file of orders, or of
# orders in a database:
#
#	make report
#	make report CSV=orders.csv.gz	and what `make demo` takes beside it (demo/run.sh)
#	make report DATABASE_URL=postgresql://localhost/shop TABLE=orders \
#		CUSTOMER=customer_id ORDERED_AT=ordered_at AMOUNT=amount [ORDER_ID=order_id]
#
# The database needs the extension. It is read in one read-only transaction, and nothing is
# left in it. TABLE can be a view. Beside these:
#
#	OUT=report.html		the file
#	LANG_REPORT=fr		in French (en: English)
#	CURRENCY=EUR		what the amounts are
#	AS_OF=2026-01-01	seen from then; else from the midnight after the last order
#	ZONE=Europe/Berlin	where days begin (UTC)
#	NAMES=20		name so many customers at risk (none)
#	CAMPAIGN=campaign	a table of customer_id, arm ('control' and others), assigned_at:
#				what the others brought that control did not
set -eu

export LC_ALL=C.UTF-8

report=$(cd "$(dirname "$0")" && pwd)
demo=$report/../demo

main() {
	export OUT="${OUT:-report.html}" LANG_REPORT="${LANG_REPORT:-en}"
	if [ -n "${DATABASE_URL:-}" ]; then
		of_database
	else
		of_own_server
	fi
}

of_database() {
	psql=$(command -v psql || echo "$(${PG_CONFIG:-pg_config} --bindir 2>/dev/null)/psql")
	[ -x "$psql" ] || "$report/../test/packages.sh"
	export PGAPPNAME="${PGAPPNAME:-retention report}"
	perl "$report/report.pl" "$psql" -d "$DATABASE_URL"
}

of_own_server() {
	# shellcheck source=test/cluster.sh
	. "$report/../test/cluster.sh"
	# shellcheck source=demo/shop.sh
	. "$demo/shop.sh"

	"$report/../test/packages.sh"
	shop_take_variables
	shop_check_file "$demo"
	shop_start "$demo"
	shop_load "$demo"
	# what was the file's column is now ours
	export TABLE=public.orders CUSTOMER=customer_id ORDERED_AT=ordered_at AMOUNT=amount ORDER_ID
	ORDER_ID=$(cluster_psql -At -c "SELECT CASE WHEN bool_and(order_id::text LIKE 'line %') THEN '' ELSE 'order_id' END FROM orders")
	if [ -z "$CSV" ]; then
		cluster_psql -q -f "$report/campaign.sql"
		export CAMPAIGN=public.campaign CAMPAIGN_ORDERS=public.orders_with_campaign
	fi
	perl "$report/report.pl" "$CLUSTER_BIN/psql" -h "$CLUSTER_HOST" -p "$CLUSTER_PORT" -U postgres -d postgres
}

main
