# retention: customer retention analytics for PostgreSQL
#
#	make, make install, make installcheck	as in every PGXS extension
#	make sql		the installation scripts and docs/reference.md, from sql/install
#	make demo		the main job on a fresh machine, in a throwaway server
#	make report		what a shop's owner looks at, as one HTML file (report/run.sh)
#	make test		the whole test suite, likewise
#	make test-math		the mathematics alone, in C and without a server
#	make test-all		the suite on every version of PostgreSQL from 15 to 18
#	make test-upgrade	pg_upgrade to newer versions, with stored states
#	make test-load		many sessions for a minute; memory, cancels, killed backends
#	make test-asan		the suite with AddressSanitizer and UndefinedBehaviorSanitizer
#	make test-assert	the suite in a server built with assertions
#	make test-valgrind	its regression files with the server under valgrind
#	make format	src/ and test/ laid out by pg_bsd_indent; make format-check: shown
#	make analyze		static analysis: cppcheck, clang-tidy, gcc -fanalyzer
#	make fuzz		hostile states, with sanitizers and libFuzzer
#	make smith		random queries, with sanitizers
#	make dist		the archive of a release; make test-dist: build and test from one
#	make test-deb		the Debian package (debian/), built, installed, tested, purged
#	make bench		the benchmarks of bench/README.md, likewise
#	make bench-live		those of live tracking alone, make bench-models of fits and
#				predictions; make bench-duckdb: beside DuckDB
#	make bench-holdout	what the models foretold, and what came

EXTENSION = retention
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" retention.control)

MODULE_big = retention
# what lies in the layers: a room is added by its file
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))

DATA = $(wildcard sql/retention--*.sql)

# includes are written from src/
PG_CPPFLAGS = -I$(srcdir)/src

# -ffp-contract=off: the same digits on every processor
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -ffp-contract=off \
	-DRETENTION_VERSION='"$(EXTVERSION)"' $(EXTRA_CFLAGS)

# shop makes the orders that the others look at
REGRESS = shop $(filter-out shop,$(patsubst sql/%.sql,%, \
	$(filter-out sql/retention--%,$(wildcard sql/*.sql))))
REGRESS_OPTS = --load-extension=retention

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else
# demo, test and bench install what is missing; the rest needs it
all install installcheck clean:
	@echo "no server development files: install postgresql-server-dev-NN, or set PG_CONFIG" >&2; exit 1
endif

# every room reads every header often enough that one rule is the clearest
$(OBJS): $(wildcard src/*/*.h) retention.control

.PHONY: sql format format-check demo report test test-math test-asan test-assert test-valgrind analyze fuzz smith bench bench-live bench-models bench-holdout bench-duckdb
sql:
	@sql/install/generate.pl
	@sql/install/reference.pl
format:
	@test/format.sh
format-check:
	@test/format.sh --check
demo:
	@demo/run.sh
report:
	@report/run.sh
test:
	@test/run.sh
test-math:
	@test/math/run.sh
test-asan:
	@test/asan.sh
test-assert:
	@test/assert.sh
test-valgrind:
	@test/valgrind.sh
analyze:
	@test/analyze.sh
fuzz:
	@test/fuzz/run.sh
smith:
	@test/asan.sh test/fuzz/smith.sh
bench:
	@bench/run.sh
	@bench/live.sh
bench-live:
	@bench/live.sh
bench-models:
	@bench/models.sh
bench-holdout:
	@bench/holdout.sh
bench-duckdb:
	@bench/duckdb.sh

.PHONY: test-all test-upgrade test-load test-deb test-dist dist
test-all:
	@test/versions.sh
test-upgrade:
	@test/pg_upgrade.sh
test-load:
	@test/load.sh
dist:
	@test/dist.sh
test-dist:
	@test/dist.sh --test
test-deb:
	@test/deb.sh
