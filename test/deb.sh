#!/bin/sh
# deb.sh: `make test-deb`, the Debian package from its source to its purge, by Debian's own
# tools, in throwaway roots (root.sh) of the suites that have the version:
#
#	build	what debian/control asks for, nothing else; dpkg-buildpackage as an
#		ordinary user, which runs the regression tests; lintian
#	install	a new root: the package and what it depends on, a cluster, CREATE EXTENSION,
#		a query, debian/tests, and its removal, which leaves nothing
#
# The last line counts. Made of the last commit; the tree has to be clean. Options, from
# the environment:
#
#	VERSIONS='15 16 17 18'	which (default: 15). As for versions.sh, the exit status is 77 if
#			one could not be tested
#	ROOTS=folder	keep the roots of the builds there for the next run (2 GB each)
#	DEBS=folder	leave the packages there
set -eu

export LC_ALL=C.UTF-8

ROOT_PROJECT=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=test/root.sh
. "$ROOT_PROJECT/test/root.sh"

passed=0
failed=0
untested=0

main() {
	root_init
	source=$(sed -n 's/^Source: //p' "$ROOT_PROJECT/debian/control")
	upstream=$(sed -n '1s/.*(\(.*\)-.*/\1/p' "$ROOT_PROJECT/debian/changelog")
	make_source
	for version in ${VERSIONS:-15}; do
		test_version "$version"
	done
	echo "$passed passed, $failed failed"
	[ $failed = 0 ] || exit 1
	[ $untested = 0 ] || exit 77
}

# What the archive of a release holds, and debian/
make_source() {
	"$ROOT_PROJECT/test/packages.sh" unzip
	archive=$("$ROOT_PROJECT/test/dist.sh" "$ROOT_TEMP")
	unzip -q "$archive" -d "$ROOT_TEMP"
	mv "${archive%.zip}" "$ROOT_TEMP/$source-$upstream"
	tar -C "$ROOT_TEMP" --owner=0 --group=0 -czf "$ROOT_TEMP/${source}_$upstream.orig.tar.gz" "$source-$upstream"
	cp -r "$ROOT_PROJECT/debian" "$ROOT_TEMP/$source-$upstream/"
}

test_version() {
	build=build-$1
	install=install-$1
	package=postgresql-$1-retention
	if ! suite=$(root_suite "$1"); then
		untested "$1" 'no suite has it'
	elif ! root_make "$build" "$suite" build-essential lintian; then
		untested "$1" "$ROOT_REASON"
	elif root_enter "$build" && step "$package: build dependencies" install_build_dependencies &&
		step "$package: build" build; then
		# an opinion, which newer suites have more of, and no failure
		root_run "$build" runuser -u postgres -- sh -c 'cd /build && lintian --info --tag-display-limit 0 ./*.changes' 2>&1 |
			sed -n 's/^[EWI]: /	&/p' | cut -c 1-200
		fetch_packages
		root_remove "$build"
		install_and_test "$1" "$suite"
	fi
	root_remove "$build"
}

untested() {
	echo "PostgreSQL $1: not tested, $2"
	untested=1
}

# step NAME COMMAND...: silent unless it fails
step() {
	title=$1
	shift
	if "$@" >"$ROOT_TEMP/step.log" 2>&1; then
		echo "$title: ok"
		passed=$((passed + 1))
	else
		tail -n 60 "$ROOT_TEMP/step.log" | cut -c 1-300
		echo "$title: failed"
		failed=$((failed + 1))
		return 1
	fi
}

# ------------------------------------------------------------------------
# build
# ------------------------------------------------------------------------

# An empty /build, and apt's lists as they are now
root_enter() {
	rm -rf "$ROOT_DIR/$1/build"
	mkdir "$ROOT_DIR/$1/build"
	root_run "$1" apt-get -q update >"$ROOT_TEMP/apt.log" 2>&1 || :
}

install_build_dependencies() {
	cp -r "$ROOT_TEMP/$source-$upstream" "$ROOT_TEMP/${source}_$upstream.orig.tar.gz" "$ROOT_DIR/$build/build/"
	root_run "$build" env DEBIAN_FRONTEND=noninteractive sh -ec "cd /build/$source-$upstream
		apt-get -q -y --no-install-recommends build-dep .
		chown -R postgres /build"
}

# The suite's version in debian/control, as for a backport
build() {
	root_run "$build" runuser -u postgres -- env HOME=/tmp sh -ec "cd /build/$source-$upstream
		pg_buildext updatecontrol
		dpkg-buildpackage -us -uc
		dpkg-deb --info ../${package}_*.deb
		dpkg-deb --contents ../${package}_*.deb"
}

fetch_packages() {
	mkdir -p "$ROOT_TEMP/debs"
	cp "$ROOT_DIR/$build/build/$source"_* "$ROOT_DIR/$build/build/$package"*.deb "$ROOT_TEMP/debs/"
	[ -z "${DEBS:-}" ] || { mkdir -p "$DEBS" && cp "$ROOT_TEMP"/debs/* "$DEBS/"; }
}

# ------------------------------------------------------------------------
# install
# ------------------------------------------------------------------------

# Never kept: it is to be one where nothing was before
install_and_test() {
	rm -rf --one-file-system "${ROOT_DIR:?}/$install"
	if ! root_make "$install" "$2" ca-certificates; then
		untested "$1" "$ROOT_REASON"
		return
	fi
	root_enter "$install"
	cp "$ROOT_TEMP/debs/$package"_*.deb "$ROOT_DIR/$install/build/package.deb"
	cp -r "$ROOT_TEMP/$source-$upstream" "$ROOT_DIR/$install/build/source"
	if step "$package: installation" in_new_root install_package; then
		step "$package: extension and query" in_new_root use_extension "$1" || :
		step "$package: debian/tests" in_new_root run_package_tests || :
		step "$package: purge" in_new_root purge_package "$package" || :
	fi
	rm -rf --one-file-system "${ROOT_DIR:?}/$install"
}

# A function of ours, in the root
in_new_root() {
	root_run "$install" env DEBIAN_FRONTEND=noninteractive sh -exc "$(in_root_functions)
		$*"
}

in_root_functions() {
	cat <<'END'
	install_package() {
		mkdir -p /etc/postgresql-common/createcluster.d
		echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/none.conf
		apt-get -q -y --no-install-recommends install /build/package.deb
	}
	use_extension() {
		pg_createcluster --locale C.UTF-8 "$1" test
		pg_ctlcluster "$1" test start
		psql() { runuser -u postgres -- psql -X -At -v ON_ERROR_STOP=1 "$@"; }
		psql -c 'CREATE EXTENSION retention'
		psql -c 'SELECT extname, extversion FROM pg_extension'
		test "$(psql -c 'SELECT repeat_rate(c) FROM (VALUES (1), (1), (2), (3), (3)) AS orders(c)' | cut -c 1-6)" = 0.6666
		psql -c 'DROP EXTENSION retention'
		pg_dropcluster --stop "$1" test
	}
	run_package_tests() {
		apt-get -q -y --no-install-recommends install make
		apt-cache show postgresql-common-dev >/dev/null 2>&1 &&
			apt-get -q -y --no-install-recommends install postgresql-common-dev
		cd /build/source
		chown -R postgres .
		runuser -u postgres -- env HOME=/tmp debian/tests/installcheck
	}
	purge_package() {
		dpkg -L "$1" >/build/files
		apt-get -q -y purge "$1"
		left=$(while read -r file; do [ ! -f "$file" ] || echo "$file"; done </build/files
			find /usr /etc /var/lib/postgresql -name '*retention*')
		test -z "$left"
	}
END
}

main
