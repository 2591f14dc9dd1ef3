# retention: customer retention analytics for PostgreSQL
#
#	make, make install, make installcheck	as in every PGXS extension
#	make demo		the main job on a fresh machine, in a throwaway server
#	make test		the whole test suite, likewise
#	make test-all		the suite on every version of PostgreSQL from 15 to 18
#	make test-upgrade	pg_upgrade to newer versions, with stored states
#	make test-load		many sessions for a minute; memory, cancels, killed backends
#	make test-asan		the suite with AddressSanitizer and UndefinedBehaviorSanitizer
#	make test-assert	the suite in a server built with assertions
#	make test-valgrind	its regression files with the server under valgrind
#	make analyze		static analysis: cppcheck, clang-tidy, gcc -fanalyzer
#	make fuzz		hostile states, with sanitizers and libFuzzer
#	make smith		random queries, with sanitizers
#	make dist		the archive of a release; make test-dist: build and test from one
#	make test-deb		the Debian package (debian/), built, installed, tested, purged
#	make bench		the benchmarks of bench/README.md, likewise
#	make bench-models	those of fits and predictions; make bench-duckdb: beside DuckDB

EXTENSION = retention
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" retention.control)

MODULE_big = retention
OBJS = \
	src/calendar.o \
	src/calendar_options.o \
	src/checks.o \
	src/churn.o \
	src/cohort.o \
	src/cohort_curve.o \
	src/customer_call.o \
	src/customer_table.o \
	src/customer_type.o \
	src/doctor.o \
	src/hero_buyers.o \
	src/instants.o \
	src/lifecycle.o \
	src/money.o \
	src/order_keys.o \
	src/order_numbers.o \
	src/order_times.o \
	src/orders_source.o \
	src/periods.o \
	src/purchases.o \
	src/quantile.o \
	src/repeat.o \
	src/result_rows.o \
	src/retention.o \
	src/retention_state.o \
	src/rfm.o \
	src/rfm_call.o \
	src/rfm_customers.o \
	src/rolling.o \
	src/score.o \
	src/segment.o \
	src/segment_summary.o \
	src/spill.o \
	src/state_fields.o \
	src/state_heap.o \
	src/state_io.o \
	src/state_options.o \
	src/timeline.o \
	src/value.o

# survival
OBJS += \
	src/kaplan_meier.o \
	src/logrank.o \
	src/specfun.o \
	src/survival.o

# models
OBJS += \
	src/backtest.o \
	src/bgnbd.o \
	src/btyd.o \
	src/btyd_fit.o \
	src/gamma_gamma.o \
	src/gauss_legendre.o \
	src/model_call.o \
	src/model_value.o \
	src/models.o \
	src/optimize.o \
	src/pareto_nbd.o \
	src/patterns.o \
	src/predict.o \
	src/predictions.o \
	src/purchase_days.o \
	src/purchase_summary.o

DATA = $(wildcard sql/retention--*.sql)

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
$(OBJS): $(wildcard src/*.h) retention.control

.PHONY: demo test test-asan test-assert test-valgrind analyze fuzz smith bench bench-models bench-duckdb
demo:
	@demo/run.sh
test:
	@test/run.sh
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
bench-models:
	@bench/models.sh
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
