#!/bin/sh
# format.sh: `make format`, lays out all C of the project as PostgreSQL's own sources are, by
# pg_bsd_indent 2.1.2, the version of PostgreSQL 16 and newer (format.pl has the details).
#
#	test/format.sh			write what differs
#	test/format.sh --check	`make format-check`: show it, write nothing, and end with
#			status 1 if there is something, or 77 if the program cannot be had
#
# The program is PG_BSD_INDENT, or that of the newest postgresql-server-dev-NN here; or that of
# a root of Debian 13 (root.sh), which needs root and takes a few minutes; ROOTS=folder keeps it.
set -eu

export LC_ALL=C.UTF-8

ROOT_PROJECT=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=test/root.sh
. "$ROOT_PROJECT/test/root.sh"

main() {
	cd "$ROOT_PROJECT"
	indent=${PG_BSD_INDENT:-$(newest_here)}
	if [ -n "$indent" ]; then
		format "$@"
	else
		format_in_root "$@"
	fi
}

newest_here() {
	for program in /usr/lib/postgresql/*/bin/pg_bsd_indent; do
		[ ! -x "$program" ] || echo "$program"
	done | sort -V | tail -n 1
}

format() {
	perl test/format.pl "$@" "$indent" "$("${PG_CONFIG:-pg_config}" --includedir-server)" src/*.c src/*/*.[ch] test/*/*.[ch]
}

format_in_root() {
	root_init
	root_make format trixie postgresql-server-dev-17 || {
		echo "format.sh: no pg_bsd_indent 2.1.2 here, and $ROOT_REASON"
		exit 77
	}
	root_copy_in format
	status=0
	root_run format sh -c 'cd /build/project && PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config exec test/format.sh "$@"' sh "$@" || status=$?
	if [ $# = 0 ]; then
		for file in src/*.c src/*/*.[ch] test/*/*.[ch]; do
			cmp -s "$ROOT_DIR/format/build/project/$file" "$file" || cat "$ROOT_DIR/format/build/project/$file" >"$file"
		done
	fi
	exit $status
}

main "$@"
