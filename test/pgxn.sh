#!/bin/sh
# pgxn.sh: an archive of a release by the client of PGXN, as somebody has it who writes
# `pgxn install retention`: builds and installs it, loads it into a database, and runs its
# tests, here those of two rooms, on a server of our own and without the network. Exit status
# 77 if the client is not installed (Debian: pgxnclient).
#
#	test/pgxn.sh ARCHIVE.zip
set -eu

export LC_ALL=C.UTF-8

archive=$(cd "$(dirname "$1")" && pwd)/${1##*/}
CLUSTER_SOURCE=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=test/cluster.sh
. "$CLUSTER_SOURCE/test/cluster.sh"

# Instead of cluster.sh's own, of sources. The client looks for what it has installed where
# pg_config says that it goes; so it is given one that says where that is.
cluster_copy_source() {
	mkdir "$CLUSTER_DIR/inst" && cp "$archive" "$CLUSTER_DIR/archive.zip" || return
	cat >"$CLUSTER_DIR/pg_config" <<-END
		#!/bin/sh
		case \${1:-} in
		--sharedir | --pkglibdir | --libdir | --docdir) printf %s "$CLUSTER_DIR/inst" ;;
		esac
		exec "$PG_CONFIG" "\$@"
	END
	for directory in --sharedir --pkglibdir --libdir --docdir; do
		mkdir -p "$CLUSTER_DIR/inst$("$PG_CONFIG" $directory)"
	done
	chmod 755 "$CLUSTER_DIR/pg_config" && cluster_give_to_user
}

cluster_build() {
	pgxn install --make make
}

# pgxn 'COMMAND' [OPTION]...: of the archive. No mirror is asked for what is a file; one that
# is asked all the same is not there.
pgxn() {
	command=$1
	shift
	cluster_run env HOME="$CLUSTER_DIR" TMPDIR="$CLUSTER_DIR" \
		MAKEFLAGS="s -j$(nproc) -- with_llvm=no REGRESS=shop\\ repeat" \
		pgxn "$command" --mirror http://127.0.0.1:1/ --yes --pg_config "$CLUSTER_DIR/pg_config" "$@" ./archive.zip \
		>"$CLUSTER_DIR/pgxn.log" 2>&1 && echo "pgxn $command: ok" && return
	tail -n 40 "$CLUSTER_DIR/pgxn.log"
	echo "pgxn $command: failed"
	return 1
}

version_here() {
	cluster_psql -At -c "SELECT extversion FROM pg_extension WHERE extname = 'retention'"
}

command -v pgxn >/dev/null || {
	echo 'pgxn: not tested, pgxnclient is not installed'
	exit 77
}
cluster_init
cluster_start
pgxn load
[ "$(version_here)" = "$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$CLUSTER_SOURCE/retention.control")" ] || {
	echo 'pgxn load: there is no extension of this version in the database'
	exit 1
}
pgxn unload
[ -z "$(version_here)" ] || {
	echo 'pgxn unload: the extension is still in the database'
	exit 1
}
pgxn check --make make
pgxn uninstall --make make
left=$(find "$CLUSTER_DIR/inst" -name '*retention*' ! -type d)
[ -z "$left" ] || {
	echo "pgxn uninstall: left $left"
	exit 1
}
