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
# shellcheck source=demo/shop.sh
. "$demo/shop.sh"

main() {
	"$demo/../test/packages.sh"
	shop_take_variables
	shop_check_file "$demo"
	shop_start "$demo"
	shop_load "$demo"
	[ -n "$CSV" ] || cluster_psql -q -f "$demo/events.sql"
	cluster_psql -q -f "$demo/report.sql" -f "$demo/live.sql" -f "$demo/intent.sql" -f "$demo/campaign.sql"
	[ -n "${KEEP:-}" ] || echo 'To ask more of the same server: KEEP=1 make demo'
}

main
