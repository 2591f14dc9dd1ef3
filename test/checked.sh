# shellcheck shell=sh
# checked.sh: what asan.sh, valgrind.sh and assert.sh share: run.sh with servers
# started through a checking program that writes reports, and a count in which every
# report has failed.
#
#	. test/checked.sh
#	checked_init		# makes CHECKED_DIR and CHECKED_REPORTS, thrown away at exit
#	checked_run [RUNNER]	# run.sh or another, the reports, and the last line
#
# all_scripts_but NAME...: the scripts of test/t, as PROVE_TESTS has them
# checked_fail WORDS...: says why it did not come to run

test=$(cd "$(dirname "$0")" && pwd)

checked_init() {
	CHECKED_DIR=$(mktemp -d "${TMPDIR:-/tmp}/checked.XXXXXX") || return
	trap 'rm -rf "$CHECKED_DIR"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM

	# The server's user writes there, and so may a backend of any other.
	chmod 755 "$CHECKED_DIR" || return
	CHECKED_REPORTS=${REPORTS:-$CHECKED_DIR/reports}
	mkdir -p "$CHECKED_REPORTS" && chmod 1777 "$CHECKED_REPORTS" || return
	[ -z "$(ls -A "$CHECKED_REPORTS")" ] || {
		echo "there are reports in $CHECKED_REPORTS already" >&2
		return 1
	}
}

all_scripts_but() {
	for script in "$test"/t/*.pl; do
		name=$(basename "$script" .pl)
		case " $* " in
		*" $name "*) ;;
		*) printf 'test/t/%s.pl ' "$name" ;;
		esac
	done
}

# Ends with the last line that every runner has.
checked_fail() {
	echo "$(basename "$0"): $*" >&2
	echo '0 passed, 1 failed'
	exit 1
}

# In a process group of its own: a signal that ends us is passed on to all of it.
checked_run() {
	: >"$CHECKED_DIR/output" # for tail, which may be there first
	setsid "${1:-$test/run.sh}" >"$CHECKED_DIR/output" 2>&1 </dev/null &
	run=$!
	trap 'kill -- -$run 2>/dev/null; wait $run; exit 130' HUP INT TERM
	tail -f -n +1 -s 0.2 --pid=$run "$CHECKED_DIR/output" | grep --line-buffered -vE '^[0-9]+ passed, [0-9]+ failed$' &
	shown=$!
	status=0
	wait $run || status=1
	wait $shown || :

	# shellcheck disable=SC2046 # two numbers
	set -- $(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$CHECKED_DIR/output")
	passed=${1:-0}
	failed=${2:-$status}

	for report in "$CHECKED_REPORTS"/*; do
		[ -s "$report" ] || continue
		failed=$((failed + 1))
		echo "report $(basename "$report"):"
		head -n 60 "$report" | cut -c 1-200
	done
	[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
