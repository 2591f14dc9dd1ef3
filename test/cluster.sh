# shellcheck shell=sh
# cluster.sh: a PostgreSQL server of our own with this extension in it, thrown away
# at the end. It builds a copy of the project, installs it into a temporary folder
# and listens on a socket in there only, so that it cannot meet any other server.
# Nothing is installed on the machine. Runs as root or as an ordinary user.
#
#	. test/cluster.sh		# from a script one folder below the project's root,
#					# or with CLUSTER_SOURCE=/the/project
#	cluster_init			# build, install, initdb; clean-up at exit
#	cluster_start
#	cluster_psql -c 'CREATE EXTENSION retention'
#
# Set before the call, all optional:
#	PG_CONFIG	the server to build for (default: pg_config on the PATH)
#	COPT, EXTRA_CFLAGS	extra compiler flags, exported to make
#	CHECK_USER	who runs the server when we are root (default: postgres)
#	CLUSTER_CONF	lines for postgresql.conf, read at every cluster_start
#	CLUSTER_POSTGRES	a program that every server is started through: it gets
#			the path of postgres and its arguments
#	CLUSTER_CACHE	a folder in which what was built is kept, and taken from the next time
#			if nothing that it is built from has changed
#	KEEP=1		leave the server and its folder there, and say where
#
# Set by cluster_init:
#	CLUSTER_DIR	the temporary folder; source/ in it is the built copy
#	CLUSTER_BIN, CLUSTER_VERSION, CLUSTER_HOST, CLUSTER_PORT
#	TEMP_CONFIG	the settings by which any server finds the extension (the
#			variable that pg_regress and PostgreSQL::Test::Cluster know)

cluster_init() {
	cluster_choose_server || return
	cluster_forget_environment
	cluster_make_folder || return
	cluster_wrap_server || return
	cluster_take_cached || cluster_build_anew || return
	cluster_extension_settings >"$TEMP_CONFIG" || return
	cluster_create_data
}

cluster_start() {
	printf '%s\n' "${CLUSTER_CONF:-}" >"$CLUSTER_DIR/cluster.conf"
	cluster_run pg_ctl -D data -l server.log -w -t 60 start >/dev/null && return
	tail -n 20 "$CLUSTER_DIR/server.log" >&2
	cluster_fail "the server did not start"
}

# cluster_stop [MODE]: MODE as for pg_ctl
cluster_stop() {
	[ ! -f "$CLUSTER_DIR/data/postmaster.pid" ] ||
		cluster_run pg_ctl -D data -m "${1:-fast}" -w -t 60 stop >/dev/null
}

# psql as superuser, without a pager, stopping at the first error unless told otherwise
cluster_psql() {
	PGCLIENTENCODING=UTF8 "$CLUSTER_BIN/psql" -X -P pager=off -v ON_ERROR_STOP=1 \
		-h "$CLUSTER_HOST" -p "$CLUSTER_PORT" -U postgres -d postgres "$@"
}

# Any command as the server's user, in CLUSTER_DIR, connecting to our server.
# A folder of the caller's would not do: that user may not be allowed into it.
cluster_run() (
	cd "$CLUSTER_DIR" || exit
	PATH=$CLUSTER_BIN:$PATH
	LC_ALL=C.UTF-8 PGHOST=$CLUSTER_HOST PGPORT=$CLUSTER_PORT PGUSER=postgres PGDATABASE=postgres
	export PATH LC_ALL PGHOST PGPORT PGUSER PGDATABASE
	if [ -n "$CLUSTER_USER" ]; then
		runuser -u "$CLUSTER_USER" -- "$@"
	else
		"$@"
	fi
)

cluster_fail() {
	echo "cluster.sh: $*" >&2
	return 1
}

cluster_choose_server() {
	PG_CONFIG=$(command -v "${PG_CONFIG:-pg_config}") ||
		cluster_fail "no pg_config: test/packages.sh installs a server" || return
	case $PG_CONFIG in /*) ;; *) PG_CONFIG=$PWD/$PG_CONFIG ;; esac
	CLUSTER_BIN=$("$PG_CONFIG" --bindir)
	CLUSTER_VERSION=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	[ -x "$CLUSTER_BIN/postgres" ] ||
		cluster_fail "$PG_CONFIG has no server: test/packages.sh installs one" || return
	[ "$CLUSTER_VERSION" -ge 15 ] ||
		cluster_fail "PostgreSQL 15 or newer is needed, $PG_CONFIG is $CLUSTER_VERSION" || return

	CLUSTER_USER=
	if [ "$(id -u)" = 0 ]; then
		CLUSTER_USER=${CHECK_USER:-postgres}
		id "$CLUSTER_USER" >/dev/null 2>&1 ||
			cluster_fail "a server does not run as root and there is no user '$CLUSTER_USER': set CHECK_USER"
	fi
}

# PGHOSTADDR, PGSERVICE and their like would lead psql to another server.
cluster_forget_environment() {
	# shellcheck disable=SC2046 # a list of names
	unset PGHOST $(env | sed -n 's/^\(PG[A-Z]*\)=.*/\1/p')
}

cluster_make_folder() {
	CLUSTER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/retention.XXXXXX") || return
	trap cluster_clean_up EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM

	CLUSTER_HOST=$CLUSTER_DIR
	CLUSTER_PORT=5432
	TEMP_CONFIG=$CLUSTER_DIR/extension.conf
	export PG_CONFIG CLUSTER_DIR CLUSTER_BIN CLUSTER_VERSION CLUSTER_HOST CLUSTER_PORT TEMP_CONFIG

	# A socket's path has 107 bytes on Linux, and 103 elsewhere.
	[ ${#CLUSTER_DIR} -le 80 ] ||
		cluster_fail "the path $CLUSTER_DIR is too long for a socket: set TMPDIR=/tmp" || return
	{ cluster_give_to_user && cluster_run test -d "$CLUSTER_DIR"; } ||
		cluster_fail "user '$CLUSTER_USER' cannot enter ${CLUSTER_DIR%/*}: set TMPDIR=/tmp"
}

cluster_give_to_user() {
	[ -z "$CLUSTER_USER" ] || chown -R "$CLUSTER_USER" "$CLUSTER_DIR"
}

# A folder with the server's programs, in which pg_ctl starts another one
cluster_wrap_server() {
	[ -n "${CLUSTER_POSTGRES:-}" ] || return 0
	mkdir "$CLUSTER_DIR/bin" && ln -s "$CLUSTER_BIN"/* "$CLUSTER_DIR/bin" &&
		rm "$CLUSTER_DIR/bin/pg_ctl" || return
	printf '#!/bin/sh\nexec "%s" "%s/postgres" "$@"\n' "$CLUSTER_POSTGRES" "$CLUSTER_BIN" >"$CLUSTER_DIR/wrapped"
	printf '#!/bin/sh\nexec "%s/pg_ctl" -p "%s/wrapped" "$@"\n' "$CLUSTER_BIN" "$CLUSTER_DIR" >"$CLUSTER_DIR/bin/pg_ctl"
	chmod 755 "$CLUSTER_DIR/wrapped" "$CLUSTER_DIR/bin/pg_ctl"
	CLUSTER_BIN=$CLUSTER_DIR/bin
}

cluster_build_anew() {
	[ -z "${CLUSTER_CACHE:-}" ] || echo 'Building the extension: half a minute, and the next time none'
	cluster_copy_source || return
	cluster_build || return
	cluster_keep_built
}

# What the extension is built from, and for which server
cluster_fingerprint() (
	cd "$CLUSTER_SOURCE" || exit
	{
		"$PG_CONFIG" --version --bindir --pkglibdir --sharedir
		echo "${COPT:-} ${EXTRA_CFLAGS:-}"
		cat Makefile ./*.control sql/*--*.sql
		find src -name '*.[ch]' -type f | LC_ALL=C sort | xargs cat
	} | cksum | tr ' ' -
)

# The cache is only read and written by the user who runs this, never by the server: it may
# lie where the server's user cannot enter. A copy that is half there has another name.
cluster_take_cached() {
	[ -n "${CLUSTER_CACHE:-}" ] || return
	: "${CLUSTER_SOURCE:=$(cd "$(dirname "$0")/.." && pwd)}"
	cluster_key=$(cluster_fingerprint)
	[ -d "$CLUSTER_CACHE/$cluster_key" ] || return
	{ cp -R "$CLUSTER_CACHE/$cluster_key" "$CLUSTER_DIR/inst" 2>/dev/null && cluster_give_to_user; } || {
		rm -rf "$CLUSTER_DIR/inst"
		return 1
	}
}

# Only the newest is kept. Where nothing can be written, nothing is kept.
cluster_keep_built() {
	[ -n "${CLUSTER_CACHE:-}" ] || return 0
	{
		mkdir -p "$CLUSTER_CACHE" &&
			cp -R "$CLUSTER_DIR/inst" "$CLUSTER_CACHE/new.$$" &&
			for old in "$CLUSTER_CACHE"/*-*; do rm -rf "$old"; done &&
			[ ! -e "$CLUSTER_CACHE/$cluster_key" ] && mv "$CLUSTER_CACHE/new.$$" "$CLUSTER_CACHE/$cluster_key"
	} 2>/dev/null || rm -rf "$CLUSTER_CACHE/new.$$" 2>/dev/null || :
}

# A copy, and without objects: what another server's version left there stays out.
cluster_copy_source() {
	: "${CLUSTER_SOURCE:=$(cd "$(dirname "$0")/.." && pwd)}"
	[ -f "$CLUSTER_SOURCE/retention.control" ] ||
		cluster_fail "$CLUSTER_SOURCE is not the project: set CLUSTER_SOURCE" || return
	mkdir "$CLUSTER_DIR/source" "$CLUSTER_DIR/inst" || return
	tar -C "$CLUSTER_SOURCE" -cf - --exclude=.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
		--exclude=results --exclude=tmp_check --exclude=node_modules . |
		tar -C "$CLUSTER_DIR/source" -xf - --no-same-owner &&
		cluster_give_to_user
}

cluster_build() {
	{ cluster_make all && cluster_make install DESTDIR="$CLUSTER_DIR/inst" >/dev/null; } ||
		cluster_fail "the extension did not build"
}

# The full scripts of former releases, which make install leaves out: for tests that begin
# with an old version
cluster_install_releases() {
	cp "$CLUSTER_DIR"/source/test/data/releases/*.sql "$CLUSTER_DIR/inst$("$PG_CONFIG" --sharedir)/extension/"
}

# This may run below the user's own make, whose flags and job server are not for us.
cluster_make() {
	[ -z "${COPT:-}" ] || export COPT
	[ -z "${EXTRA_CFLAGS:-}" ] || export EXTRA_CFLAGS
	cluster_run env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		make -s -C source -j "$(nproc)" with_llvm=no PG_CONFIG="$PG_CONFIG" "$@"
}

# Two ways to find an extension that is not installed: upstream's own since 18, and
# extension_destdir, which Debian's servers have had from 13 to 17.
cluster_extension_settings() {
	echo "dynamic_library_path = '$CLUSTER_DIR/inst$("$PG_CONFIG" --pkglibdir):\$libdir'"
	if [ "$CLUSTER_VERSION" -ge 18 ]; then
		echo "extension_control_path = '$CLUSTER_DIR/inst$("$PG_CONFIG" --sharedir):\$system'"
	elif "$CLUSTER_BIN/postgres" --describe-config | grep -q '^extension_destdir'; then
		echo "extension_destdir = '$CLUSTER_DIR/inst'"
	else
		cluster_fail "$CLUSTER_BIN/postgres cannot find an extension outside its own folder:" \
			"use PostgreSQL 18 or newer, or Debian's packages"
	fi
}

# Thrown away at the end: durability is waived, and a load writes little WAL.
cluster_create_data() {
	cluster_run initdb -D data -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 \
		>"$CLUSTER_DIR/initdb.log" 2>&1 || {
		cat "$CLUSTER_DIR/initdb.log" >&2
		cluster_fail "initdb did not work" || return
	}
	cat >>"$CLUSTER_DIR/data/postgresql.conf" <<-END
		listen_addresses = ''
		port = $CLUSTER_PORT
		unix_socket_directories = '$CLUSTER_HOST'
		timezone = 'UTC'
		fsync = off
		full_page_writes = off
		wal_level = minimal
		max_wal_senders = 0
		max_wal_size = 4GB
		include '$TEMP_CONFIG'
		include '$CLUSTER_DIR/cluster.conf'
	END
}

cluster_clean_up() {
	trap '' HUP INT TERM
	if [ -n "${KEEP:-}" ]; then
		cluster_say_what_is_kept
		return
	fi
	cluster_stop immediate
	rm -rf "$CLUSTER_DIR"
}

cluster_say_what_is_kept() {
	cat <<-END
		kept: $CLUSTER_DIR
		  connect:     $CLUSTER_BIN/psql -h $CLUSTER_HOST -p $CLUSTER_PORT -U postgres
		  throw away:  ${CLUSTER_USER:+runuser -u $CLUSTER_USER -- }$CLUSTER_BIN/pg_ctl -D $CLUSTER_DIR/data -m immediate stop; rm -rf $CLUSTER_DIR
	END
}
