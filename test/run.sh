#!/bin/sh
# run.sh: `make test`, the whole test suite on servers of its own:
#
#	test/math		the mathematics without a server (`make test-math`)
#	sql/ and expected/	what `make installcheck` compares
#	test/t/*.pl		what needs several servers, real size or a hostile user
#
# The last line counts all. A regression file is one test; what dies, or does not
# come to run, has failed. Options, from the environment:
#
#	PROVE_TESTS='test/t/001*.pl'	only these of test/t ('' for none)
#	REGRESS_TESTS='state cohort'	only these of sql/
#	WERROR=1	the compiler's warnings are errors
#	RETENTION_SHARED	the folder with the data sets of 006_real_orders.pl
#				(default: shared, beside the project)
#	UPDATE_DOCS=1	007_docs.pl writes what the examples print into README.md and docs/
#			(UPDATE_README=1 is the same)
#	UPDATE_API=1	023_api.pl writes what there is to call into test/api
#	KEEP=1, PG_CONFIG, CHECK_USER	as cluster.sh says
set -eu

# A locale that this machine lacks would make perl complain at every call.
export LC_ALL=C.UTF-8

project=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=test/cluster.sh
. "$project/test/cluster.sh"

[ -z "${UPDATE_README:-}" ] || export UPDATE_DOCS="$UPDATE_README"

passed=0
failed=0

main() {
	[ -z "${WERROR:-}" ] || EXTRA_CFLAGS="${EXTRA_CFLAGS:-} -Werror"
	if "$project/test/packages.sh" && cluster_init && cluster_start; then
		trap 'stop_test_servers; cluster_clean_up' EXIT
		run_math
		run_regress
		cluster_stop
		run_tap
	else
		failed=1
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

# ------------------------------------------------------------------------
# test/math
# ------------------------------------------------------------------------
run_math() {
	log=$CLUSTER_DIR/math.log

	# what the module is built with, test-asan's sanitizers, is for this too
	status=0
	case "${COPT:-}" in *-fsanitize=*) sanitize=1 ;; *) sanitize= ;; esac
	SANITIZE=$sanitize "$project/test/math/run.sh" >"$log" 2>&1 || status=1
	[ $status = 0 ] || cat "$log"
	grep '^skipped: ' "$log" | sort -u | sed 's/^/  math, /' || :
	sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/math: \1 tests/p' "$log"
	# shellcheck disable=SC2046 # two numbers
	add $(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log" | grep . || echo 0 1) $status
}

# ------------------------------------------------------------------------
# sql/ and expected/
# ------------------------------------------------------------------------
run_regress() {
	log=$CLUSTER_DIR/regress.log
	diffs=$CLUSTER_DIR/source/regression.diffs

	status=0
	cluster_make installcheck ${REGRESS_TESTS:+"REGRESS=$REGRESS_TESTS"} >"$log" 2>&1 || status=1
	if [ $status = 0 ]; then
		grep -E '^(test|ok) ' "$log" || :
	else
		cat "$log"
		[ ! -s "$diffs" ] || head -n 300 "$diffs"
		show_crashes "$CLUSTER_DIR/server.log"
	fi

	# "test shop ... ok 48 ms" up to PostgreSQL 15, "ok 1 - shop 48 ms" from 16 on
	all=$(find "$CLUSTER_DIR/source/sql" -maxdepth 1 -name '*.sql' ! -name '*--*' | grep -c . || :)
	[ -z "${REGRESS_TESTS:-}" ] || all=$(echo "$REGRESS_TESTS" | wc -w)
	ok=$(grep -cE '^(test +[^ ]+ +\.\.\. ok|ok [0-9])' "$log" || :)
	add "$ok" $((all - ok)) $status
}

# ------------------------------------------------------------------------
# test/t
# ------------------------------------------------------------------------
run_tap() {
	[ -n "${PROVE_TESTS-all}" ] || return 0
	tap=$CLUSTER_DIR/tap
	cluster_install_releases
	perl=$("$PG_CONFIG" --pgxs)
	perl=${perl%/makefiles/pgxs.mk}/test/perl

	# Two scripts at a time, where there are processors: most of each is one backend's work.
	jobs=$(nproc 2>/dev/null || echo 1)
	[ "$jobs" -le 2 ] || jobs=2

	# LANG and not LC_ALL, which PostgreSQL's module forgets: without a locale the
	# scripts' servers would know no encoding, with the caller's a chance one.
	status=0
	# shellcheck disable=SC2016 # the inner shell's parameters
	cluster_run env -u LC_CTYPE -u LC_COLLATE LANG=C.UTF-8 TMPDIR="$CLUSTER_DIR" TESTDIR="$tap" TESTDATADIR="$tap/tmp_check" TESTLOGDIR="$tap/tmp_check/log" \
		PERL_TEST_HARNESS_DUMP_TAP="$tap/output" PG_REGRESS="$perl/../regress/pg_regress" \
		RETENTION_SHARED="${RETENTION_SHARED:-${project%/*}/shared}" \
		sh -c 'cd source && exec prove --timer --jobs "$2" -I "$0" $1' "$perl" "${PROVE_TESTS:-test/t/*.pl}" "$jobs" || status=1

	tap_passed=0
	tap_failed=0
	for output in "$tap"/output/test/t/*.pl; do
		[ -f "$output" ] || continue
		name=$(basename "$output" .pl)
		sed -nE "s/^(ok [0-9]+|1\.\.0).*# *skip\S* */  skipped in $name: /Ip" "$output" | sort -u
		# shellcheck disable=SC2046 # three numbers
		set -- $(count_tap <"$output")
		tap_passed=$((tap_passed + $1))
		tap_failed=$((tap_failed + $2))
		[ "$3" = 0 ] || show_end_of "$tap/tmp_check/log/regress_log_$name"
	done
	[ $status = 0 ] || show_crashes "$tap"/tmp_check/log/*.log
	# They were written in the copy: the server's user may not write here.
	[ -z "${UPDATE_API:-}" ] || (cd "$CLUSTER_DIR/source" && tar -cf - test/api) | tar -C "$project" -xf - --no-same-owner
	[ -z "${UPDATE_DOCS:-}" ] || (cd "$CLUSTER_DIR/source" && tar -cf - README.md docs/*.md) | tar -C "$project" -xf - --no-same-owner
	add $tap_passed $tap_failed $status
}

# Of a script's TAP: passed tests, failed tests, and 1 if the script died, that is,
# ended before its plan or without one, which has failed too. What was skipped is
# neither passed nor failed.
count_tap() {
	awk '
		/^1\.\.[0-9]/ { plan = substr($1, 4) }
		/^(not )?ok [0-9]/ { run++ }
		/^ok [0-9]/ && !/# *[Ss][Kk][Ii][Pp]/ { passed++ }
		/^not ok [0-9]/ && !/# *TODO/ { failed++ }
		END {
			died = plan == "" || plan != run + 0
			print passed + 0, failed + died, died
		}'
}

# The words a script died with are only in its log.
show_end_of() {
	[ ! -f "$1" ] || { echo "the end of $(basename "$1"):" && tail -n 25 "$1" | cut -c 1-1000; }
}

# What an assertion, a sanitizer or the system said when it ended a server process
show_crashes() {
	grep -hE 'TRAP: |runtime error: |server process .*(terminated by signal|exited with exit code)' "$@" | cut -c 1-300 || :
}

# A script that was killed leaves its servers behind.
stop_test_servers() {
	find "$CLUSTER_DIR/tap" -name postmaster.pid 2>/dev/null | while read -r pid_file; do
		cluster_run pg_ctl -D "${pid_file%/*}" -m immediate stop >/dev/null 2>&1 || :
	done
}

# add PASSED FAILED STATUS: a runner that failed without a failed test died.
add() {
	passed=$((passed + $1))
	failed=$((failed + $2))
	[ "$3" = 0 ] || [ "$2" -gt 0 ] || failed=$((failed + 1))
}

main
