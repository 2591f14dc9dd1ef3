#!/bin/bash
# analyze.sh: `make analyze`, what can be found without running anything: cppcheck,
# clang-tidy with the project's .clang-tidy (in it clang's static analyzer, the one
# behind scan-build) and gcc's -fanalyzer. Each file of each tool is one test. What
# test/analyze.supp lists, with reasons, has been looked at and is no fault.
#
# Options, from the environment:
#
#	ANALYZERS='cppcheck clang-tidy gcc'	only these
#	FILES='src/engine/money.c'	only these files
#	PG_CONFIG	the server whose headers are used (default: pg_config on the PATH)
set -euo pipefail

cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
folder=$(mktemp -d "${TMPDIR:-/tmp}/analyze.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

test/packages.sh cppcheck=cppcheck clang-tidy=clang-tidy || {
	echo '0 passed, 1 failed'
	exit 1
}
include=$("${PG_CONFIG:-pg_config}" --includedir-server)
[ -n "${FILES:-}" ] || FILES=$(find src -name '*.c' | sort)
read -ra files <<<"${FILES//$'\n'/ }"
read -ra analyzers <<<"${ANALYZERS:-cppcheck clang-tidy gcc}"

# The assertions tell the analyzers what the code relies on.
flags=(-std=gnu11 "-I$include" -Isrc -D_GNU_SOURCE -DUSE_ASSERT_CHECKING=1 '-DRETENTION_VERSION="0"')

# Each prints "file:line:column: warning: words [check]" for its findings.
run_cppcheck() {
	cppcheck --quiet --enable=warning,performance,portability --std=c11 --inline-suppr \
		-Isrc -DPG_VERSION_NUM=150000 -DHAVE_INT128=1 -DPG_MODULE_MAGIC= '-DPG_FUNCTION_INFO_V1(x)=' \
		--template='{file}:{line}:{column}: warning: {message} [{id}]' "$1" 2>&1
}

run_clang-tidy() {
	clang-tidy --quiet "$1" -- "${flags[@]}" 2>/dev/null
}

run_gcc() {
	gcc -c -O1 -fanalyzer "${flags[@]}" -o /dev/null "$1" 2>&1
}

# What of a tool's output is a finding that is not suppressed
findings() {
	awk '
		FILENAME != "-" {
			if ($0 !~ /^(#|$)/)
				known[$0] = 1
			next
		}
		/: (warning|error): .*\[[^]]*\]$/ {
			sub(/^.*\/src\//, "src/")
			split($0, place, ":")
			check = $0
			sub(/^.*\[/, "", check)
			sub(/\]$/, "", check)
			text = ""
			for (i = 1; i <= place[2]; i++)
				if ((getline text < place[1]) <= 0)
					break
			close(place[1])
			sub(/^[ \t]+/, "", text)
			key = check "\t" place[1] "\t" text
			if (!(key in known))
				print
		}' test/analyze.supp -
}

passed=0
failed=0
for tool in "${analyzers[@]}"; do
	before=$failed
	for file in "${files[@]}"; do
		"run_$tool" "$file" >"$folder/output" || :
		findings <"$folder/output" >"$folder/found"
		if [ -s "$folder/found" ]; then
			cat "$folder/found"
			failed=$((failed + 1))
		else
			passed=$((passed + 1))
		fi
	done
	[ "$failed" != "$before" ] || echo "$tool: ok"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
