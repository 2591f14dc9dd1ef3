#!/bin/sh
# versions.sh: `make test-all`, the whole suite on every version of PostgreSQL that is
# supported, each in a throwaway root with that version's own compiler (root.sh), as an
# ordinary user, and with the compiler's warnings as errors. The last line is the total.
# Options, from the environment:
#
#	VERSIONS='15 16 17 18'	which (this is the default: Debian's bookworm, Ubuntu's
#			noble, Debian's trixie and forky).
#			here: the server of this machine, without a root
#	ROOTS=folder	keep the roots there for the next run (0.7 GB each)
#	PROVE_TESTS, REGRESS_TESTS, RETENTION_SHARED	as run.sh says
#
# The exit status is 1 if a test failed, and 77 if none did but some version could not
# be tested: not root, no network, no such suite. The reason is in its line.
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
	mkfifo "$ROOT_TEMP/pipe"
	: >"$ROOT_TEMP/summary"
	for version in ${VERSIONS:-15 16 17 18}; do
		test_version "$version"
	done
	echo
	cat "$ROOT_TEMP/summary"
	echo "$passed passed, $failed failed"
	[ $failed = 0 ] || exit 1
	[ $untested = 0 ] || exit 77
}

test_version() {
	name=postgresql-$1
	started=$(date +%s)
	if [ "$1" = here ]; then
		count_suite 'The server here' here
		return
	fi
	if ! make_root "$1"; then
		say_untested "$1" "$ROOT_REASON"
		untested=1
		return
	fi
	echo "PostgreSQL $1 of $suite: root ready after $(($(date +%s) - started)) s"
	if server_starts "$1"; then
		root_copy_in "$name"
		count_suite "PostgreSQL $1" in_root "$1"
	else
		say_untested "$1" "its server does not start in a root here: $(tail -n 1 "$ROOT_TEMP/start.log" | cut -c 1-200)"
		untested=1
	fi
	root_remove "$name"
}

make_root() {
	suite=$(root_suite "$1") || {
		ROOT_REASON='no suite has it'
		return 1
	}
	root_make "postgresql-$1" "$suite" --unpack "postgresql-server-dev-$1" \
		"postgresql-$1" "postgresql-client-$1" libpq-dev gcc make libc6-dev libipc-run-perl
}

# A machine may have roots, but forbid a server what it needs.
server_starts() {
	# shellcheck disable=SC2016 # the inner shell's parameters
	root_run "postgresql-$1" runuser -u postgres -- sh -ec 'cd "$(mktemp -d)"
		"$1/initdb" -N -A trust data
		"$1/pg_ctl" -D data -l log -w -o "-c listen_addresses= -k $PWD" start || { tail -n 1 log; exit 1; }
		"$1/pg_ctl" -D data -m immediate stop
		rm -rf "$PWD"' sh "/usr/lib/postgresql/$1/bin" >"$ROOT_TEMP/start.log" 2>&1
}

# Neither server nor compiler as root
in_root() {
	root_run "postgresql-$1" runuser -u postgres -- env HOME=/tmp WERROR=1 TMPDIR=/tmp \
		"PG_CONFIG=/usr/lib/postgresql/$1/bin/pg_config" ${PROVE_TESTS+"PROVE_TESTS=$PROVE_TESTS"} \
		${REGRESS_TESTS:+"REGRESS_TESTS=$REGRESS_TESTS"} \
		/build/project/test/run.sh
}

# In a session of its own, to be ended with all that it runs
here() {
	WERROR=1 setsid "$ROOT_PROJECT/test/run.sh" </dev/null &
	root_wait $! "kill -TERM -- -$!"
}

# count_suite NAME COMMAND...: shown while it runs; its last line is the count. One that
# did not come to that, or failed without a failed test, has failed.
count_suite() {
	title=$1
	shift
	log=$ROOT_TEMP/suite.log
	tee "$log" <"$ROOT_TEMP/pipe" &
	tee=$!
	status=0
	"$@" >"$ROOT_TEMP/pipe" 2>&1 || status=$?
	wait $tee || :

	count=$(tail -n 1 "$log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p')
	[ -n "$count" ] || count='0 1'
	[ "$status" = 0 ] || [ "${count#* }" != 0 ] || count="${count% *} 1"
	passed=$((passed + ${count% *}))
	failed=$((failed + ${count#* }))
	{
		echo "$title: ${count% *} passed, ${count#* } failed, in $(($(date +%s) - started)) s"
		grep '^  skipped in ' "$log" || :
	} >>"$ROOT_TEMP/summary"
}

say_untested() {
	echo "PostgreSQL $1: not tested, $2" >>"$ROOT_TEMP/summary"
}

main
