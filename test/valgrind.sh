#!/bin/sh
# valgrind.sh: `make test-valgrind`, the regression files with the server under
# valgrind, which knows of palloc as well (see source_server.sh) and reports every
# access outside a request or after it was freed, and every decision on memory never
# written. PostgreSQL's own suppressions are used, and those of test/valgrind.supp, with
# their reasons; JIT is off, since it is a matter of other libraries. It takes some fifty
# times as long as `make test`.
#
# Options, from the environment, beside those of run.sh and of source_server.sh
# (SOURCE_SERVER=folder spares the next run the build, which takes minutes):
#
#	REGRESS_TESTS	the regression files (default: all)
#	PROVE_TESTS	scripts of test/t (default: none, they would take hours)
#	ORIGINS=1	say where memory never written came from, at twice the time
#	REPORTS=folder	keep the reports there (default: thrown away once shown)
set -eu

# shellcheck source=test/checked.sh
. "$(dirname "$0")/checked.sh"
# shellcheck source=test/source_server.sh
. "$test/source_server.sh"

source_packages || checked_fail 'packages are missing'
checked_init || checked_fail 'no folder for the reports'
source_server || checked_fail 'no server for valgrind'

cp "$test/valgrind.supp" "$CHECKED_DIR/" # the server's user may not see the project
cat >"$CHECKED_DIR/postgres" <<END
#!/bin/sh
exec valgrind --quiet --trace-children=yes --trace-children-skip='/bin/*,/usr/bin/*' --leak-check=no \\
	--error-limit=no --num-callers=30 --track-origins=$([ "${ORIGINS:-0}" = 0 ] && echo no || echo yes) \\
	--suppressions="$SOURCE_SERVER/valgrind.supp" --suppressions="$CHECKED_DIR/valgrind.supp" \\
	--log-file="$CHECKED_REPORTS/valgrind.%p" "\$@" -c jit=off
END
chmod 755 "$CHECKED_DIR/postgres"
export CLUSTER_POSTGRES="$CHECKED_DIR/postgres" PROVE_TESTS="${PROVE_TESTS-}"
checked_run
