# shellcheck shell=sh
# root.sh: small Debian and Ubuntu systems in folders of their own, to run what this machine
# has not: another version of PostgreSQL, or nothing but what a package asks for. They
# are made by mmdebstrap from the mirror that apt uses here, and entered by chroot in
# namespaces of their own, so that nothing started in one outlives it, not even by a
# signal, and no mount of theirs is seen outside. Needs to be root.
#
#	. test/root.sh
#	root_init			# a folder for them, cleaned up at exit
#	root_make NAME SUITE [--unpack PACKAGE] PACKAGE... || echo "$ROOT_REASON"
#	root_copy_in NAME		# the project, as /build/project
#	root_run NAME COMMAND...	# as root; runuser is there
#	root_remove NAME		# unless ROOTS keeps it
#
# Set before the call, all optional:
#	ROOTS		keep the roots in this folder, and use those that are there. A
#			kept root is as old as its files: delete it for newer packages
#	RETENTION_SHARED	the folder with the data sets of 006_real_orders.pl, which
#			root_copy_in takes along (default: shared, beside the project)
#
# Set: ROOT_DIR, which is ROOTS or temporary; ROOT_TEMP, always temporary; ROOT_REASON, why
# there is no root, for people to read.

# The suites that a version of PostgreSQL comes with: Debian's, or Ubuntu's where Debian
# never had it
root_suite() {
	case $1 in
	15) echo bookworm ;;
	16) echo noble ;;
	17) echo trixie ;;
	18) echo forky ;;
	*) return 1 ;;
	esac
}

root_init() {
	ROOT_REASON=
	ROOT_CHILD=
	ROOT_TEMP=$(mktemp -d "${TMPDIR:-/tmp}/retention-root.XXXXXX") || return
	trap 'rm -rf "$ROOT_TEMP"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	ROOT_DIR=${ROOTS:-$ROOT_TEMP}
	mkdir -p "$ROOT_DIR" && ROOT_DIR=$(cd "$ROOT_DIR" && pwd) || return
	exec 9>"$ROOT_DIR/lock"
	flock -n 9 || {
		echo "root.sh: another run has the roots in $ROOT_DIR" >&2
		return 1
	}
	trap root_clean_up EXIT
}

# Can this machine make roots at all?
root_possible() {
	if [ "$(id -u)" != 0 ]; then
		ROOT_REASON='a root of another suite needs root, by sudo for instance'
	elif ! root_contained true 2>/dev/null; then
		ROOT_REASON='no namespaces of our own here (unshare), as in a container without privileges'
	elif ! "$ROOT_PROJECT/test/packages.sh" mmdebstrap >"$ROOT_TEMP/packages.log" 2>&1; then
		ROOT_REASON="no mmdebstrap here: $(tail -n 1 "$ROOT_TEMP/packages.log")"
	elif ! root_mirror >/dev/null; then
		ROOT_REASON='apt knows no mirror of Debian here'
	else
		return 0
	fi
	return 1
}

# The mirror of this machine's own suite, which has the others beside it
root_mirror() {
	# shellcheck disable=SC1091,SC2016 # the machine's file; apt's own placeholder
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		"Release: $(. /etc/os-release && echo "${VERSION_CODENAME:-}")" 2>/dev/null | head -n 1 | grep .
}

# What mmdebstrap is told of a suite's mirror; those of Ubuntu it knows
root_source() {
	case $1 in
	noble) echo --components=main,universe ;;
	*) echo "deb $(root_mirror) $1 main" ;;
	esac
}

# Without Ubuntu's keys, nothing of Ubuntu is run here.
root_trusts() {
	[ "$1" != noble ] || [ -f /usr/share/keyrings/ubuntu-archive-keyring.gpg ] || {
		ROOT_REASON="it is Ubuntu's ($1), whose keys are not in /usr/share/keyrings (its package ubuntu-keyring)"
		return 1
	}
}

# root_make NAME SUITE [--unpack PACKAGE] PACKAGE...: the package after --unpack without
# what it depends on; a server's headers want a second compiler of 1 GB, which PGXS can do
# without. Status 1 if it could not be, with ROOT_REASON.
root_make() {
	root=$ROOT_DIR/$1
	[ ! -d "$root" ] || return 0
	root_possible && root_trusts "$2" || return
	name=$1 suite=$2
	shift 2
	unpack=
	[ "$1" != --unpack ] || { unpack=$2 && shift 2; }
	rm -rf --one-file-system "$root.new"
	set -- timeout -k 10 1200 mmdebstrap --variant=apt --include="$(echo "$*" | tr ' ' ',')" \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
		${unpack:+"--customize-hook=chroot \"\$1\" sh -ec 'cd /tmp; apt-get -q download $unpack; for deb in *.deb; do dpkg -x \$deb /; done; rm -f *.deb'"} \
		"$suite" "$root.new" "$(root_source "$suite")"
	if root_contained "$@" >"$ROOT_TEMP/$name.log" 2>&1; then
		mv "$root.new" "$root"
	else
		rm -rf --one-file-system "$root.new"
		# shellcheck disable=SC2034 # for the caller
		ROOT_REASON="no root of $suite: $(grep -E '^(E|Err):' "$ROOT_TEMP/$name.log" | head -n 2 | tr '\n' ' ' | cut -c 1-300)"
		return 1
	fi
}

# The project without what was built here, which belongs to another version
root_copy_in() {
	work=$ROOT_DIR/$1/build
	shared=${RETENTION_SHARED:-${ROOT_PROJECT%/*}/shared}
	rm -rf "$work" "$ROOT_DIR/$1"/tmp/*
	mkdir -p "$work/project" "$work/shared"
	tar -C "$ROOT_PROJECT" -cf - --exclude=.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
		--exclude=results --exclude=tmp_check --exclude=node_modules . |
		tar -C "$work/project" -xf - --no-same-owner
	for folder in data reference; do
		[ ! -d "$shared/$folder" ] || cp -r "$shared/$folder" "$work/shared/"
	done
	chmod -R a+rX "$work"
}

# The inner shell is the namespace's first process, and stays, to wait for what the
# command leaves without a parent.
root_run() {
	root=$ROOT_DIR/$1
	shift
	# shellcheck disable=SC2016 # the inner shell's parameters
	root_contained sh -ec 'root=$1; shift
		mount -t proc proc "$root/proc"
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		status=0
		chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@" || status=$?
		exit $status' sh "$root" "$@"
}

# In namespaces that end with their first process, and that one with unshare: whatever
# it started, mounted, or left in shared memory is gone then. In the background,
# because a shell hears signals while it waits, and not before a command's end.
root_contained() {
	unshare --mount --pid --ipc --fork --kill-child --mount-proc -- "$@" </dev/null &
	root_wait $! "kill -KILL $!"
}

# root_wait PID COMMAND: the command that ends it, should we have to
root_wait() {
	ROOT_CHILD=$1 ROOT_END=$2
	root_status=0
	wait "$1" || root_status=$?
	ROOT_CHILD=
	return $root_status
}

root_remove() {
	rm -rf --one-file-system "$ROOT_DIR/$1/build"
	[ -n "${ROOTS:-}" ] || rm -rf --one-file-system "${ROOT_DIR:?}/$1"
}

root_clean_up() {
	trap '' HUP INT TERM
	if [ -n "$ROOT_CHILD" ]; then
		$ROOT_END 2>/dev/null || :
		wait "$ROOT_CHILD" 2>/dev/null || :
	fi
	for root in "$ROOT_DIR"/*.new "$ROOT_DIR"/*/build; do
		[ ! -d "$root" ] || rm -rf --one-file-system "$root"
	done
	rm -rf --one-file-system "$ROOT_TEMP"
}
