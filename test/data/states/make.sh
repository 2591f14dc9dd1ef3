#!/bin/sh
# make.sh: the states that a version of the extension writes, as CSV on standard output:
# builds that version as git has it, and runs states.sql in a throwaway server.
#
#	test/data/states/make.sh REVISION >test/data/states/VERSION.csv
#
# PG_CONFIG, KEEP=1: as test/cluster.sh says. Each version's file is made once, when it
# is released, and stays.
set -eu

export LC_ALL=C.UTF-8

states=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$states/../../.." && pwd)
# shellcheck source=test/cluster.sh
. "$project/test/cluster.sh"

[ $# = 1 ] || {
	echo "usage: $0 REVISION" >&2
	exit 2
}
old=$(mktemp -d "${TMPDIR:-/tmp}/states.XXXXXX")
trap 'rm -rf "$old"' EXIT
git -C "$project" archive "$1" | tar -C "$old" -xf -

CLUSTER_SOURCE=$old
cluster_init
trap 'cluster_clean_up; rm -rf "$old"' EXIT
cluster_start
cluster_psql -q -c 'CREATE EXTENSION retention' -f - <"$states/states.sql" >&2
cluster_psql -q -c 'COPY (SELECT * FROM written ORDER BY call COLLATE "C") TO STDOUT (FORMAT csv, HEADER)'
