#!/bin/sh
# run.sh: `make test-math`, the tests of the mathematics. src/math is compiled without
# PostgreSQL, with the few things it needs of a server from test/math/shim, and compared
# with the tables of test/data and, where they lie beside the project, with the numbers
# of other programs. Warnings are errors. The last line counts.
#
# src/math sees its own headers and base/compat.h alone, so that a room which includes
# another layer does not compile here.
#
# Options, from the environment:
#
#	CC	the compiler (default: cc)
#	SANITIZE=1	with AddressSanitizer and UndefinedBehaviorSanitizer
#	RETENTION_SHARED	the folder with reference/ in it (default: shared, beside the project)
set -eu

project=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/retention-math.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# -ffp-contract=off as the Makefile has it
flags='-std=gnu11 -D_GNU_SOURCE -O1 -g -ffp-contract=off -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers'
[ -z "${SANITIZE:-}" ] || flags="$flags -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all -fno-omit-frame-pointer"

mkdir "$folder/include" "$folder/objects"
ln -s "$project/src/math" "$folder/include/math"
cd "$folder/objects"

# two at a time
for file in "$project"/src/math/*.c "$project"/test/math/*.c "$project"/test/math/shim/*.c; do
	case $file in */src/math/*) kind='src' ;; *) kind='test' ;; esac
	echo "$file -o $kind-$(basename "$file" .c).o"
done | {
	# shellcheck disable=SC2086 # lists of words
	xargs -P 2 -L 1 ${CC:-cc} $flags -I"$project/test/math/shim" -I"$folder/include" -I"$project/test/math" -c
} || {
	echo 'src/math does not compile by itself'
	echo '0 passed, 1 failed'
	exit 1
}
# shellcheck disable=SC2086 # a list of words
${CC:-cc} $flags -o check ./*.o -lm
./check "$project/test/data" "${RETENTION_SHARED:-${project%/*}/shared}/reference"
