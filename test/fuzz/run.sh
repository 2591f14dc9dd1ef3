#!/bin/sh
# run.sh: `make fuzz`, libFuzzer over the readers of stored states.
#
# The extension is built by clang with AddressSanitizer and UBSan, and loaded into a
# server of our own, of one process (postgres --single) and thrown away at the end, in
# which the loop runs: states.c says what it does with an input. It begins with the
# states in test/fuzz/seeds and with others, made as these once were. An input that is
# a finding is left in test/fuzz/found. The last line counts. Options, from the environment:
#
#	SECONDS=60	how long
#	JOBS=1		how many processes
#	CORPUS=folder	inputs to begin with too; where new ones are kept
#	INPUTS='file ...'	only these, each once: what a finding does
#	SEEDS=write	only make test/fuzz/seeds anew, from states of today
#	FUZZ_ARGUMENTS='...'	more for libFuzzer (-help=1)
#	KEEP=1, PG_CONFIG, CHECK_USER	as test/cluster.sh says
set -eu

# shellcheck disable=SC3028 # the caller's, not bash's
seconds=${SECONDS:-60}
jobs=${JOBS:-1}
folder=$(cd "$(dirname "$0")" && pwd)
CLUSTER_SOURCE=$(cd "$folder/../.." && pwd)
export LC_ALL=C.UTF-8
# shellcheck source=test/cluster.sh
. "$CLUSTER_SOURCE/test/cluster.sh"

passed=0
findings=0

main() {
	"$CLUSTER_SOURCE/test/packages.sh" clang=clang
	runtime fuzzer_no_main a >/dev/null 2>&1 ||
		"$CLUSTER_SOURCE/test/packages.sh" the-runtime-of-clang=libclang-rt-dev
	cluster_init
	cluster_start
	prepare_database
	if [ "${SEEDS:-}" = write ]; then
		write_seeds
		return
	fi
	seeds true >"$CLUSTER_DIR/seeds.today"
	cluster_stop
	build
	prepare_corpus
	if [ -n "${INPUTS:-}" ]; then
		run_inputs
	else
		run_jobs
	fi
	report
	[ "$findings" = 0 ]
}

# ------------------------------------------------------------------------
# The server's side: queries, and the function that is the loop
# ------------------------------------------------------------------------
prepare_database() {
	cluster_psql -q -c 'CREATE EXTENSION retention' -f "$folder/queries.sql" -f "$folder/seeds.sql"
}

# seeds CONDITION: lines of name and base64
seeds() {
	cluster_psql -qAt -F ' ' -c "SELECT replace(name, ' ', '_'), seed FROM fuzz_seeds WHERE $1 ORDER BY name COLLATE \"C\""
}

# Those of many customers are made anew every time.
write_seeds() {
	seeds "name !~ ' many\$'" >"$folder/seeds"
	echo "$(grep -c . "$folder/seeds") seeds"
}

# ------------------------------------------------------------------------
# The module, with sanitizers and the loop
# ------------------------------------------------------------------------
runtime() {
	for name in "libclang_rt.$1-$(uname -m).$2" "libclang_rt.$1.$2"; do
		file=$(clang -print-file-name="$name")
		[ ! -f "$file" ] || { echo "$file" && return; }
	done
	cluster_fail "clang has no $name"
}

build() {
	fuzzer=$(runtime fuzzer_no_main a)
	asan=$(runtime asan so)
	version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$CLUSTER_SOURCE/retention.control")
	sanitizers=address,undefined,float-cast-overflow
	set -- -w -g -O1 -fPIC -fwrapv -fno-strict-aliasing -ffp-contract=off -fno-omit-frame-pointer -D_GNU_SOURCE \
		-I"$("$PG_CONFIG" --includedir-server)" -Isrc -DRETENTION_VERSION="\"$version\"" \
		-fsanitize=$sanitizers,fuzzer-no-link -fno-sanitize-recover=all -shared-libasan

	echo "building with $sanitizers"
	# shellcheck disable=SC2016 # the inner shells' parameters
	cluster_run sh -ec '
		cd source
		find src -name "*.o" -delete
		find src -name "*.c" | xargs -P "$(nproc)" -I "{}" sh -ec '\''
			file=$1
			shift
			clang -include test/fuzz/alloc.h "$@" -c -o "${file%.c}.o" "$file"
			'\'' - "{}" "$@"
		clang "$@" -c -o src/fuzz_states.o test/fuzz/states.c
		clang "$@" -fno-sanitize=all -c -o src/fuzz_alloc.o test/fuzz/alloc.c
		clang -shared -fPIC -o no_gettext.so test/asan/no_gettext.c
		' - "$@"
	# -Bsymbolic: libFuzzer's hooks, not the sanitizer's empty ones
	# shellcheck disable=SC2016 # the inner shell's parameters
	cluster_run sh -ec 'cd source && clang -shared -shared-libasan -fsanitize=$1 -o "$3" $(find src -name "*.o") \
		-Wl,-Bsymbolic,--whole-archive "$2" -Wl,--no-whole-archive -lstdc++ -lm -lpthread' \
		- "$sanitizers" "$fuzzer" "$CLUSTER_DIR/inst$("$PG_CONFIG" --pkglibdir)/retention.so"
}

# ------------------------------------------------------------------------
# Running
# ------------------------------------------------------------------------
prepare_corpus() {
	cluster_run mkdir corpus found seeds
	number=0
	cat "$folder/seeds" "$CLUSTER_DIR/seeds.today" | while read -r _ seed; do
		number=$((number + 1))
		echo "$seed" | base64 -d >"$CLUSTER_DIR/seeds/$number"
	done
	if [ -n "${CORPUS:-}" ]; then
		mkdir -p "$CORPUS"
		tar -C "$CORPUS" -cf - . | tar -C "$CLUSTER_DIR/corpus" -xf -
	fi
	cluster_give_to_user
}

# fuzz DATA ARGUMENT...: the loop, in a server of one process on this data folder
fuzz() {
	data=$1
	shift
	list=
	for argument; do
		list="$list${list:+, }'$argument'"
	done
	printf '%s\n' "CREATE FUNCTION fuzz_states(VARIADIC text[]) RETURNS void LANGUAGE c AS 'retention', 'fuzz_states'" \
		"SELECT fuzz_states(VARIADIC ARRAY[$list])" |
		cluster_run env LD_PRELOAD="$asan $CLUSTER_DIR/source/no_gettext.so" \
			ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:allocator_may_return_null=1:handle_abort=1 \
			UBSAN_OPTIONS=print_stacktrace=1 \
			postgres --single -D "$data" -c jit=off -c log_min_messages=error -c max_stack_depth=1MB postgres
}

run_jobs() {
	echo "running for $seconds s, $jobs at a time"
	trap 'stop_jobs; cluster_clean_up' EXIT
	pids=
	for job in $(seq "$jobs"); do
		cp -a "$CLUSTER_DIR/data" "$CLUSTER_DIR/data.$job"
		# shellcheck disable=SC2086 # arguments
		fuzz "data.$job" -max_total_time="$seconds" -max_len=40000 -timeout=60 -report_slow_units=60 -rss_limit_mb=3000 -reload=10 \
			-print_final_stats=1 -artifact_prefix="$CLUSTER_DIR/found/" -dict="$CLUSTER_DIR/source/test/fuzz/states.dict" ${FUZZ_ARGUMENTS:-} \
			"$CLUSTER_DIR/corpus" "$CLUSTER_DIR/seeds" >"$CLUSTER_DIR/fuzz.$job.log" 2>&1 &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || :
	done
	keep_found
	if [ -n "${CORPUS:-}" ]; then
		tar -C "$CLUSTER_DIR/corpus" -cf - . | tar -C "$CORPUS" -xf - --no-same-owner
	fi
}

# The first line of a server's postmaster.pid is its process, negative if it is alone.
stop_jobs() {
	for pid_file in "$CLUSTER_DIR"/data.*/postmaster.pid; do
		[ ! -f "$pid_file" ] || kill -KILL "$(sed -n '1s/^-//p' "$pid_file")" 2>/dev/null || :
	done
}

keep_found() {
	for input in "$CLUSTER_DIR"/found/*; do
		[ -f "$input" ] || continue
		findings=$((findings + 1))
		mkdir -p "$folder/found"
		cp "$input" "$folder/found"
		echo "finding: test/fuzz/found/$(basename "$input")"
	done
	for log in "$CLUSTER_DIR"/fuzz.*.log; do
		grep -q '^stat::accepted' "$log" || {
			grep -m 1 -A 25 -E '^== FINDING|runtime error:|ERROR: |FATAL|could not' "$log" || tail -n 25 "$log"
		}
	done
}

run_inputs() {
	for input in $INPUTS; do
		cp "$input" "$CLUSTER_DIR/input"
		chmod a+r "$CLUSTER_DIR/input"
		fuzz data -timeout=60 -rss_limit_mb=3000 "$CLUSTER_DIR/input" >"$CLUSTER_DIR/fuzz.1.log" 2>&1 || :
		rm -f "$CLUSTER_DIR/data/postmaster.pid"
		if grep -q '^stat::accepted' "$CLUSTER_DIR/fuzz.1.log"; then
			echo "$input: nothing found"
			passed=$((passed + 1))
		else
			echo "$input: finding"
			findings=$((findings + 1))
			grep -m 1 -A 25 -E '^== FINDING|runtime error:|ERROR: |FATAL' "$CLUSTER_DIR/fuzz.1.log" || tail -n 25 "$CLUSTER_DIR/fuzz.1.log"
		fi
	done
}

# sum WORD: of what the jobs say after it
sum() {
	cat "$CLUSTER_DIR"/fuzz.*.log | awk -v word="$1" '$1 == word { n += $2 } END { printf "%d", n }'
}

most() {
	cat "$CLUSTER_DIR"/fuzz.*.log | awk -v word="$1" '{ for (i = 1; i < NF; i++) if ($i == word && $(i + 1) > n) n = $(i + 1) } END { printf "%d", n }'
}

report() {
	if [ -n "${INPUTS:-}" ]; then
		echo "$passed passed, $findings failed"
		return
	fi
	echo "$(sum stat::number_of_executed_units:) inputs, $(sum stat::accepted:) accepted, $(sum stat::merged:) merged," \
		"$(sum stat::queries:) queries, $(sum stat::answers:) answers; $(most cov:) edges, $(most ft:) features; $findings findings"
}

main
