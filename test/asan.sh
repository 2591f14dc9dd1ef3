#!/bin/sh
# asan.sh: `make test-asan`, the test suite with the module built with
# AddressSanitizer and UndefinedBehaviorSanitizer and with its assertions on, in the
# server that is installed. The first thing either of them finds ends the server
# process, so that a test fails, and its report is shown at the end.
#
# What the module asks of palloc is guarded like malloc's memory (see
# test/asan/palloc_guard.c). Signed overflow counts as a finding, although the
# server's flags define it, and so does a float too large for its integer.
#
#	test/asan.sh [RUNNER]	another than run.sh, such as test/fuzz/smith.sh
#
# Options, from the environment, beside those of the runner:
#
#	PROVE_TESTS	scripts of test/t (default: those that neither measure memory
#			or time nor need hours this way; '' for none)
#	GUARD=0		without the guards around palloc, which take 8 kB an array
#	REPORTS=folder	keep the reports there (default: thrown away once shown)
set -eu

# shellcheck source=test/checked.sh
. "$(dirname "$0")/checked.sh"

# Names that --wrap gives to palloc_guard.c
GUARDED='palloc palloc0 palloc_extended repalloc repalloc_huge MemoryContextAlloc
	MemoryContextAllocZero MemoryContextAllocExtended MemoryContextAllocHuge'

main() {
	"$test/packages.sh" || checked_fail 'packages are missing'
	checked_init || checked_fail 'no folder for the reports'
	build_helpers || checked_fail 'the helpers did not build'

	# -fno-wrapv after the server's own -fwrapv
	export COPT="-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all -fno-wrapv -fno-omit-frame-pointer -O1 -g -DUSE_ASSERT_CHECKING=1 ${COPT:-}"
	export CLUSTER_POSTGRES="$CHECKED_DIR/postgres"
	: "${PROVE_TESTS=$(all_scripts_but 002_limits 006_real_orders)}"
	# what a server takes this way says nothing of what it takes otherwise
	export PROVE_TESTS RETENTION_NO_MEMORY=1
	checked_run "$@"
}

build_helpers() {
	asan=$(gcc -print-file-name=libasan.so)
	[ -f "$asan" ] || checked_fail 'gcc has no libasan here'
	gcc -shared -fPIC -o "$CHECKED_DIR/no_gettext.so" "$test/asan/no_gettext.c" || return

	if [ "${GUARD:-1}" != 0 ]; then
		gcc -c -fPIC -O1 -g -D_GNU_SOURCE -I"$("${PG_CONFIG:-pg_config}" --includedir-server)" \
			-o "$CHECKED_DIR/palloc_guard.o" "$test/asan/palloc_guard.c" || return
		export PG_LDFLAGS="$CHECKED_DIR/palloc_guard.o"
		for name in $GUARDED; do
			PG_LDFLAGS="$PG_LDFLAGS -Wl,--wrap=$name"
		done
	fi

	cat >"$CHECKED_DIR/postgres" <<-END
		#!/bin/sh
		export LD_PRELOAD="$(readlink -f "$asan") $CHECKED_DIR/no_gettext.so"
		export ASAN_OPTIONS="detect_leaks=0:exitcode=66:log_path=$CHECKED_REPORTS/asan:detect_stack_use_after_return=1:strict_string_checks=1"
		export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=66:log_path=$CHECKED_REPORTS/ubsan"
		exec "\$@"
	END
	chmod 755 "$CHECKED_DIR/postgres"
}

main "$@"
