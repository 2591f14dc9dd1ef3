#!/bin/sh
# assert.sh: `make test-assert`, the whole test suite in a server that was built with
# assertions: its own and the module's are checked, memory is overwritten when it is
# given back, and every piece of it has a sentinel behind it.
#
# Options, from the environment: those of run.sh and of source_server.sh
# (SOURCE_SERVER=folder spares the next run the build, which takes minutes).
set -eu

# shellcheck source=test/checked.sh
. "$(dirname "$0")/checked.sh"
# shellcheck source=test/source_server.sh
. "$test/source_server.sh"

source_packages || checked_fail 'packages are missing'
checked_init || checked_fail 'no folder to work in'
source_server || checked_fail 'no server with assertions'
checked_run
