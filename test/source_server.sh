# shellcheck shell=sh
# source_server.sh: a PostgreSQL built with its assertions, its checks of memory
# contexts and valgrind's knowledge of palloc, from the source package of the server
# that is installed. Nothing of it is installed on the machine, nor is apt told of it.
#
#	. test/checked.sh
#	. test/source_server.sh
#	source_packages		# installs what building it needs
#	source_server		# sets PG_CONFIG, and SOURCE_SERVER where it was not set
#
# Set before the call, all optional:
#	PG_CONFIG	whose major version is built (default: pg_config on the PATH)
#	SOURCE_SERVER	where to keep the server for the next time, or has been kept
#			(default: thrown away with CHECKED_DIR)
#	POSTGRES_SOURCE	an unpacked source of PostgreSQL, rather than the package's

source_packages() {
	# shellcheck disable=SC2154 # "test" is checked.sh's
	"$test/packages.sh" valgrind=valgrind dpkg-source=dpkg-dev bison=bison flex=flex \
		patch=patch bzip2=bzip2 xz=xz-utils
}

source_server() {
	: "${SOURCE_SERVER:=$CHECKED_DIR/server}"
	case $SOURCE_SERVER in /*) ;; *) SOURCE_SERVER=$PWD/$SOURCE_SERVER ;; esac
	if [ ! -f "$SOURCE_SERVER/complete" ]; then
		source_major=$("${PG_CONFIG:-pg_config}" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
		source_unpack && source_build || return
	fi
	PG_CONFIG=$SOURCE_SERVER/bin/pg_config
	export PG_CONFIG
	echo "$("$PG_CONFIG" --version) from source, with assertions"
}

# apt's sources, for source packages and with lists of their own
source_apt_get() {
	apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$source_apt/sources" \
		-o Dir::State::Lists="$source_apt/lists" -o Dir::Cache="$source_apt/cache" -o APT::Sandbox::User= \
		"$@" </dev/null
}

source_unpack() {
	[ -z "${POSTGRES_SOURCE:-}" ] || { cp -R "$POSTGRES_SOURCE" "$CHECKED_DIR/postgres-source" && return; }
	command -v apt-get >/dev/null || {
		echo "no apt-get here: set POSTGRES_SOURCE to PostgreSQL's source" >&2
		return 1
	}
	source_apt=$CHECKED_DIR/apt
	mkdir -p "$source_apt/sources" "$source_apt/lists/partial" "$source_apt/cache/archives/partial" "$source_apt/package" || return
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		case $list in
		*.list) sed 's/^deb[[:blank:]]/deb-src /' "$list" >"$source_apt/sources/$(basename "$list")" ;;
		*.sources) sed 's/^Types:.*/Types: deb-src/' "$list" >"$source_apt/sources/$(basename "$list")" ;;
		esac 2>/dev/null || :
	done
	source_apt_get update >"$source_apt/log" 2>&1 || :

	# The newest that its archive still has
	for version in $(apt-cache -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$source_apt/sources" \
		-o Dir::State::Lists="$source_apt/lists" -o Dir::Cache="$source_apt/cache" showsrc "postgresql-$source_major" 2>/dev/null |
		sed -n 's/^Version: //p' | sort -Vru); do
		echo "fetching the source of PostgreSQL $version"
		(cd "$source_apt/package" && source_apt_get source "postgresql-$source_major=$version") >>"$source_apt/log" 2>&1 &&
			mv "$source_apt"/package/postgresql-*/ "$CHECKED_DIR/postgres-source" && return
	done
	tail -n 20 "$source_apt/log" >&2
	echo "apt has no source of PostgreSQL $source_major: set POSTGRES_SOURCE" >&2
	return 1
}

# What the package installs for the tests of extensions, and postgres_fdw
source_build() (
	echo 'building it, which takes some minutes'
	cd "$CHECKED_DIR/postgres-source" || exit
	# Called from make, PostgreSQL's own would take itself for a part of a larger build
	unset MAKELEVEL MAKEFLAGS MFLAGS
	{
		./configure --prefix="$SOURCE_SERVER" --enable-cassert --enable-debug --enable-tap-tests \
			--without-readline --without-zlib --without-icu CFLAGS='-O1 -g' CPPFLAGS=-DUSE_VALGRIND &&
			make -s -j "$(nproc)" install && make -s -C contrib/postgres_fdw install &&
			cp src/tools/valgrind.supp "$SOURCE_SERVER/" && touch "$SOURCE_SERVER/complete"
	} >"$CHECKED_DIR/build.log" 2>&1 </dev/null && cd / && rm -rf "$CHECKED_DIR/postgres-source" && exit
	tail -n 30 "$CHECKED_DIR/build.log" >&2
	echo 'PostgreSQL did not build' >&2
	exit 1
)
