#!/bin/sh
# packages.sh: install what building, testing and the demo need and this machine
# lacks. Silent and instant when nothing is missing, so every run can start with it.
#
# Debian and Ubuntu; elsewhere it only says what is missing. A server that is
# already here (PG_CONFIG, or pg_config on the PATH) is used as it is. No database
# cluster is created or started, and no existing configuration is changed.
#
#	packages.sh [PROGRAM=PACKAGE]...	and what has these programs
set -eu

OLDEST=15
PG_CONFIG=${PG_CONFIG:-pg_config}

die() {
	echo "packages.sh: $*" >&2
	exit 1
}

major_of() {
	"$1" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'
}

# A server to build for and to run: headers, PGXS and the program, of one version.
server_complete() {
	command -v "$PG_CONFIG" >/dev/null 2>&1 &&
		[ -f "$("$PG_CONFIG" --includedir-server)/postgres.h" ] &&
		[ -f "$("$PG_CONFIG" --pgxs)" ] &&
		[ -x "$("$PG_CONFIG" --bindir)/postgres" ]
}

server_usable() {
	server_complete && [ "$(major_of "$PG_CONFIG")" -ge $OLDEST ]
}

missing_tools() {
	command -v gcc >/dev/null || echo gcc
	command -v make >/dev/null || echo make
	[ -f /usr/include/stdio.h ] || echo libc6-dev
	command -v gzip >/dev/null || echo gzip
	command -v prove >/dev/null || echo perl
	perl -MIPC::Run -e 1 2>/dev/null || echo libipc-run-perl
	for tool in "$@"; do
		command -v "${tool%%=*}" >/dev/null || echo "${tool#*=}"
	done
}

# The newest version of which this program is already installed, if recent enough.
newest_installed() {
	for program in /usr/lib/postgresql/*/bin/"$1"; do
		version=${program#/usr/lib/postgresql/}
		version=${version%%/*}
		case $version in
		*[!0-9]*) ;; # 9.6, or nothing at all
		*) [ "$version" -lt $OLDEST ] || echo "$version" ;;
		esac
	done | sort -n | tail -n 1
}

distribution_version() {
	apt-cache show --no-all-versions postgresql 2>/dev/null |
		sed -n 's/^Depends:.*postgresql-\([0-9][0-9]*\).*/\1/p'
}

# Complete what pg_config will answer with; else a server that is here; else take
# the distribution's own version.
server_packages() {
	version=$(newest_installed pg_config)
	[ -n "$version" ] || version=$(newest_installed postgres)
	[ -n "$version" ] || version=$(distribution_version)
	[ -n "$version" ] || die "apt knows no package 'postgresql': check its sources"
	[ "$version" -ge $OLDEST ] ||
		die "PostgreSQL $OLDEST or newer is needed, this distribution has $version"
	echo "postgresql-$version postgresql-client-$version postgresql-server-dev-$version"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# Nothing may ask or wait for an answer; services of the machine stay untouched.
apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

# Debian's server package creates and starts a cluster "main" when it is new on a
# machine. postgresql-common asks its createcluster.conf first, which includes this
# folder: a file there for the time of the installation says no.
CREATECLUSTER=/etc/postgresql-common/createcluster.d
NO_MAIN=$CREATECLUSTER/zz-retention-no-main.conf

forbid_main_cluster() {
	as_root mkdir -p $CREATECLUSTER
	echo 'create_main_cluster = false' | as_root tee $NO_MAIN >/dev/null
}

clean_up() {
	rm -f "$log"
	if [ -e $NO_MAIN ]; then
		as_root rm -f $NO_MAIN
		as_root rmdir -p $CREATECLUSTER 2>/dev/null || :
	fi
}

install_packages() {
	echo "installing $(echo "$*" | sed 's/ /, /g')"
	forbid_main_cluster
	apt_get install --no-install-recommends "$@" >>"$log" 2>&1 && return
	tail -n 30 "$log" >&2
	die "apt-get could not install: $*"
}

missing=$(missing_tools "$@" | tr '\n' ' ')
if server_usable; then
	[ -n "$missing" ] || exit 0
else
	case $PG_CONFIG in
	*/*) # a choice of the caller's own: nothing installed here could mend it
		if server_complete; then
			die "PostgreSQL $OLDEST or newer is needed, $PG_CONFIG is $(major_of "$PG_CONFIG")"
		fi
		die "$PG_CONFIG is not a PostgreSQL with its server and server headers" ;;
	esac
	need_server=1
fi

wanted="$(echo "$missing" | sed 's/ /, /g')${need_server:+PostgreSQL $OLDEST or newer with its server headers}"
command -v apt-get >/dev/null || die "please install ${wanted%, }"
as_root true 2>/dev/null || die "missing here: ${wanted%, } (run $0 once as root)"

log=$(mktemp)
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# An unreachable source need not matter: the installation itself decides.
apt_get update >"$log" 2>&1 || :
if [ -n "${need_server:-}" ]; then
	packages=$(server_packages)
	missing="$missing$packages"
fi
# shellcheck disable=SC2086 # a list of package names
install_packages $missing

server_usable ||
	die "pg_config on the PATH is $("$PG_CONFIG" --version), not the one installed: set PG_CONFIG=/usr/lib/postgresql/VERSION/bin/pg_config"
