#!/bin/sh
# dist.sh: `make dist`, the release as one archive, retention-VERSION.zip, with a folder of
# that name in it: what PGXN takes, and what a Debian package starts from. It is made of
# the last commit, without what .gitattributes keeps out, and only of a clean tree, so that
# nobody gets what no commit has. The same commit gives the same archive.
#
#	test/dist.sh [FOLDER]		where to put it (default: here)
#	test/dist.sh --test	`make test-dist`: make one elsewhere, unpack it, check what
#			is in it, install it by the client of PGXN if that is here
#			(pgxn.sh), build it and run `make installcheck` from it. The last
#			line counts. PROVE_TESTS='test/t/*.pl': these of test/t too
set -eu

export LC_ALL=C.UTF-8 TZ=UTC

project=$(cd "$(dirname "$0")/.." && pwd)

main() {
	if [ "${1:-}" = --test ]; then
		test_archive
	else
		make_archive "${1:-.}"
		echo "$archive"
	fi
}

die() {
	echo "dist.sh: $*" >&2
	exit 1
}

# Git may belong to another user than the one who runs this.
project_git() {
	git -C "$project" -c safe.directory="$project" "$@"
}

# make_archive FOLDER: sets $archive and $name
make_archive() {
	project_git rev-parse --git-dir >/dev/null 2>&1 ||
		die "a release is made from the repository, and there is no git here"
	[ -z "$(project_git status --porcelain)" ] ||
		die "there are changes without a commit: $(project_git status --porcelain | head -n 3 | tr '\n' ' ')"
	perl "$project/test/meta.pl" "$project" || die "META.json is not right"

	name=retention-$(perl -MJSON::PP -0777 -ne 'print JSON::PP->new->decode($_)->{version}' "$project/META.json")
	archive=$(cd "$1" && pwd)/$name.zip
	project_git archive --format=zip --prefix="$name/" -o "$archive" HEAD
}

test_archive() {
	"$project/test/packages.sh" unzip
	folder=$(mktemp -d "${TMPDIR:-/tmp}/dist.XXXXXX")
	trap 'rm -rf "$folder"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	make_archive "$folder"
	unzip -q "$archive" -d "$folder"

	faults=$(archive_faults)
	if [ -n "$faults" ]; then
		echo "$faults"
		echo '0 passed, 1 failed'
		exit 1
	fi
	status=0
	"$folder/$name/test/pgxn.sh" "$archive" || status=$?
	if [ $status != 0 ] && [ $status != 77 ]; then
		echo '0 passed, 1 failed'
		exit 1
	fi
	echo "$name.zip: $(find "$folder/$name" -type f | grep -c .) files, $(($(wc -c <"$archive") / 1024)) kB"
	PROVE_TESTS=${PROVE_TESTS-} "$folder/$name/test/run.sh"
}

# Says what is wrong with what lies unpacked in $folder
archive_faults() (
	cd "$folder"
	[ "$(find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')" = "./$name ./$name.zip " ] ||
		echo "not all of the archive lies in $name"
	cd "$name"
	for file in CHANGELOG.md LICENSE META.json Makefile README.md retention.control src sql expected test docs; do
		[ -e $file ] || echo "there is no $file in the archive"
	done
	find . \( -name '.git*' -o -name .ci -o -name '*.o' -o -name '*.so' -o -name '*.bc' -o -name debian \) ! -path './.github*' |
		sed 's/$/ does not belong in the archive/'
	perl test/meta.pl . || :
)

main "$@"
