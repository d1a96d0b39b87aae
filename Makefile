#
# walferry: one entry point.
#
# The extension is built by PGXS, like any other:
#
#     make && make install && make installcheck     [PG_CONFIG=/path/pg_config]
#
# The forwarder is plain C with pkg-config and is delegated to forwarder/; where
# its libraries are missing, the extension alone is built.  Everything that is
# not the extension goes to build/.  docs/development.md says what each target
# proves.  A line that begins with "#?" is a line of "make help".
#
PG_CONFIG ?= pg_config

MODULE_big = walferry
OBJS = $(patsubst %.c,%.o,$(filter-out decoder/seeded.c,\
	$(wildcard decoder/*.c wire/*.c)))
EXTENSION = decoder/walferry
DATA = $(wildcard decoder/walferry--*.sql)
PGFILEDESC = "walferry - logical decoding output plugin"
PG_CPPFLAGS = -I$(srcdir)/wire

# In the order they run.  test-regress fails if sql/ or specs/ holds a test
# that is in neither list; a listed test that does not exist is left out.
REGRESS_ALL = setup options types values toast ddl type_changes identity unique_keys partition truncate \
	messages subxact filter unchanged key_columns mask big_rows passes frames stream twophase snapshot errors \
	settings encoding virtual wedge damaged permissions upgrade
ISOLATION_ALL = ddl_dml cic_long_xact concurrent_upsert concurrent_stream enum_label

REGRESS = $(filter $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)),$(REGRESS_ALL))
ISOLATION = $(filter $(patsubst specs/%.spec,%,$(wildcard specs/*.spec)),\
	$(ISOLATION_ALL))

# Nothing of an output plugin is ever inlined into a query, so no bitcode.
override with_llvm = no

# SAN=address,undefined builds the forwarder and what tests link with the
# sanitizers, beside the plain build.
SAN ?=
# FAULT=1 builds the forwarder with failpoints and seeded bugs, likewise.
FAULT ?=
# RDKAFKA=/path builds it with that librdkafka, likewise: test/rdkafka/fetch.sh.
RDKAFKA ?=
override RDKAFKA := $(abspath $(RDKAFKA))
include forwarder/variant.mk
FORWARDER = build/$(call variant,$(FAULT))forwarder/walferry
FAULT_FORWARDER = build/$(call variant,1)forwarder/walferry

# Warnings are errors in CI, where somebody looks, not on a user's machine.
WERROR ?= $(if $(filter true,$(CI)),1)
ifeq ($(WERROR),1)
PG_CFLAGS += -Werror
# PGXS and the headers are for the compiler that PostgreSQL was built with.
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS += -Wno-ignored-optimization-argument -Wno-ignored-attributes \
	-Wno-unknown-warning-option
endif
endif

all:

#
# The extension.  Where there is no PostgreSQL to build for, the targets that
# need none still work.
#
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)

# wire/ declares at first use, as C has allowed since 1999.
wire/%.o: override CFLAGS := \
	$(filter-out -Wdeclaration-after-statement,$(CFLAGS)) -Wconversion

# Up to PostgreSQL 15 all names of a library are visible to all others.
ifeq ($(PORTNAME),linux)
SHLIB_LINK += -Wl,--version-script=$(srcdir)/decoder/exports.map
$(MODULE_big)$(DLSUFFIX): decoder/exports.map
endif

# The test build, with seeded bugs (decoder/seeded.h); it is never installed.
# wire/ has none of them.
FAULT_EXTENSION = build/fault/decoder/$(MODULE_big)$(DLSUFFIX)
FAULT_DECODER = $(patsubst %.c,build/fault/%.o,$(wildcard decoder/*.c))

$(FAULT_DECODER): build/fault/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(CPPFLAGS) -DWALFERRY_FAULT -c -o $@ $<

$(FAULT_EXTENSION): $(FAULT_DECODER) $(filter wire/%,$(OBJS)) decoder/exports.map
	@$(LINK.shared) -o $@ $(filter %.o,$^) $(LDFLAGS) $(LDFLAGS_SL) $(SHLIB_LINK)

# Debian's PostgreSQL is configured without dependency tracking.
$(OBJS) $(FAULT_DECODER): $(wildcard decoder/*.h wire/*.h) Makefile

extension: all-lib
fault-extension: $(FAULT_EXTENSION)
else
PG_MISSING = echo "no PostgreSQL to build for: $(PG_CONFIG) --pgxs names no \
	file.  Install postgresql-server-dev (make deps) or set PG_CONFIG." >&2; \
	exit 1
all install installcheck uninstall extension fault-extension:
	@$(PG_MISSING)
clean:
	rm -rf $(EXTRA_CLEAN)
endif

EXTRA_CLEAN = build results output_iso regression.diffs regression.out \
	tmp_check

#
# The forwarder.
#
FORWARDER_LIBS = $(if $(RDKAFKA),,rdkafka) libpq jansson libpcre2-8 'libcrypto >= 3'

ifneq ($(wildcard forwarder/main.c),)
ifneq ($(shell pkg-config --exists $(FORWARDER_LIBS) && echo yes),)
WITH_FORWARDER = $(if $(NO_FORWARDER),,yes)
endif
endif

forwarder:
	+@$(MAKE) --no-print-directory -C forwarder SAN='$(SAN)' \
		FAULT='$(FAULT)' RDKAFKA='$(RDKAFKA)' WERROR='$(WERROR)'

ifeq ($(WITH_FORWARDER),yes)
all: forwarder
else ifeq ($(NO_FORWARDER),)
all: forwarder-left-out
forwarder-left-out:
	@echo "forwarder not built: pkg-config finds not all of" \
		"$(FORWARDER_LIBS) (make deps)"
endif

# Installed only if it was built: a database server needs only the extension.
install: install-forwarder
install-forwarder: all
	@if [ -z "$(NO_FORWARDER)" ] && [ -x build/forwarder/walferry ]; then \
		mkdir -p '$(DESTDIR)$(bindir)' && \
		echo "install build/forwarder/walferry '$(DESTDIR)$(bindir)'" && \
		install -m 755 build/forwarder/walferry '$(DESTDIR)$(bindir)'; \
	fi

# What the scripts below need to know.
RUN = PG_CONFIG='$(PG_CONFIG)' MAKE='$(MAKE)' SAN='$(SAN)' \
	RDKAFKA='$(RDKAFKA)' WERROR='$(WERROR)' TESTS='$(TESTS)'
FORWARDERS = FORWARDER='$(FORWARDER)' FAULT_FORWARDER='$(FAULT_FORWARDER)'

help:
	@sed -n 's/^#? \?//p' Makefile

#? Build
#?   all              the extension, and the forwarder if its libraries are there
#?   install          into the PostgreSQL that PG_CONFIG names
#?   deps             install what is missing (Debian) and fetch Apache Kafka
#?   clean            remove what the build and the tests made
deps:
	@test/deps.sh

#? Test; no running server and no Docker needed, PostgreSQL is not touched
#?   test             all of the following, then a count
#?   test-unit        C unit tests under sanitizers, with gcc and clang
#?   test-corpus      each fuzz target over its corpus
#?   test-model       the delivery protocol, every order of events of a model
#?   test-regress     pg_regress in a private cluster, twice
#?   test-isolation   isolation tests, likewise
#?   test-patterns    lists of regular expressions against what Java said
#?   test-values      values of all types against PostgreSQL's own text
#?   test-fault-tools the proxy of the fault harness does what it is told
#?   test-compare     what compares events with Debezium's finds each mistake
#?   test-recorded    events against those that Debezium was recorded to make
#?   test-tap         end to end, against PostgreSQL and Apache Kafka
#?   test-fault       the fault harness for a few minutes, in both modes
#?   test-demo        the demo for 30 seconds, checking itself
#?   installcheck     pg_regress and isolation against a running server
#?   test-debezium    beside the real Debezium on Kafka Connect, value for value
#?   test-move        from Debezium to walferry and back, under load
#?   test-consumers   Kafka Connect's converter, Flink and others read the topics
#?   test-matrix      on PostgreSQL 15, 17 and 18 in chroots; MAJORS=17 for one
#?   test-images      run what make images has put into the images
test:
	@test/deps.sh
	+@$(RUN) test/all.sh

test-unit:
	+@$(RUN) test/unit.sh unit

test-corpus:
	+@$(RUN) test/unit.sh corpus

test-model:
	+@$(RUN) test/model/run.sh

test-regress: extension
	+@$(RUN) test/regress.sh regress $(REGRESS_ALL)

test-isolation: extension
	+@$(RUN) test/regress.sh isolation $(ISOLATION_ALL)

test-patterns: extension
	+@$(RUN) test/patterns/run.sh

test-values: extension
	+@$(RUN) test/values/run.sh

test-fault-tools:
	+@$(RUN) test/fault/tools.sh

test-compare:
	+@$(RUN) test/debezium/compare.sh

test-recorded: extension $(if $(WITH_FORWARDER),forwarder)
	+@$(RUN) FORWARDER='$(FORWARDER)' test/debezium/run.sh --recorded

test-tap: extension $(if $(WITH_FORWARDER),forwarder)
	+@$(RUN) $(FORWARDERS) test/tap.sh

test-demo: extension $(if $(WITH_FORWARDER),forwarder)
	+@$(RUN) FORWARDER='$(FORWARDER)' test/demo.sh --check

test-debezium: extension forwarder
	@test/deps.sh build kafka
	+@$(RUN) FORWARDER='$(FORWARDER)' test/debezium/run.sh $(DEBEZIUM_OPTS)

test-move: extension forwarder
	@test/deps.sh build kafka
	+@$(RUN) FORWARDER='$(FORWARDER)' test/debezium/run.sh --move

test-consumers: extension forwarder
	@test/deps.sh build consumers
	+@$(RUN) FORWARDER='$(FORWARDER)' test/consumers/run.sh $(CONSUMERS_OPTS)

test-matrix:
	+@test/matrix/run.sh $(or $(MAJORS),all)

test-images:
	+@docker/test.sh

#?   fuzz             libFuzzer for SECONDS (60) on each target; needs clang
fuzz:
	+@$(RUN) test/fuzz/run.sh $(or $(SECONDS),60)

fault-programs: extension fault-extension forwarder
	+@$(MAKE) --no-print-directory -s -C forwarder FAULT=1 SAN='$(SAN)' \
		RDKAFKA='$(RDKAFKA)' WERROR='$(WERROR)'
	+@$(MAKE) --no-print-directory -s -C test/fault SAN=

test-fault: fault-programs
	+@$(RUN) $(FORWARDERS) test/fault/fault.sh short

#? Break on purpose: test/fault/README.md
#?   fault            seeded runs: SEED, RUNS, MODE=alo|eos, PG=15|17|18
#?   fault-campaign   runs until told, recorded in test/fault/RESULTS.md
#?   fault-seeds      is each seeded bug found?  BUGS, TRIES; in RESULTS.md
#?   fault-sweep      death at each failpoint: POINTS, MINUTES; in RESULTS.md
fault: fault-programs
	+@$(RUN) $(FORWARDERS) test/fault/fault.sh runs

fault-campaign: fault-programs
	+@$(RUN) $(FORWARDERS) test/fault/fault.sh campaign

fault-seeds: fault-programs
	+@$(RUN) $(FORWARDERS) test/fault/fault.sh seeds

fault-sweep: fault-programs
	+@$(RUN) $(FORWARDERS) test/fault/fault.sh sweep

#? Look
#?   demo             PostgreSQL, Kafka and walferry with real flights
#?   bench            the whole line: events per second, CPU, latency
#?   bench-decode     walsender CPU per row against other output plugins
#?   bench-format     what the forwarder spends on a value of each type
#?   bench-memory     what forwarder and walsender take for what is hard on memory
#?   coverage         what the unit tests reach, as HTML in build/coverage
# A second make, because this one may have begun without PostgreSQL.
demo:
	@test/deps.sh build demo
	+@$(MAKE) --no-print-directory demo-run

demo-run: extension forwarder
	+@$(RUN) FORWARDER='$(FORWARDER)' test/demo.sh

bench: extension forwarder
	@test/deps.sh build bench
	+@$(RUN) bench/run.sh $(BENCH_OPTS)

bench-format: extension forwarder
	@test/deps.sh build bench
	+@$(RUN) bench/format.sh $(BENCH_OPTS)

bench-memory: extension forwarder
	@test/deps.sh build bench
	+@$(RUN) bench/memory.sh $(BENCH_OPTS)

bench-decode: extension
	@test/deps.sh build bench
	+@$(RUN) bench/decode.sh $(BENCH_OPTS)

coverage:
	+@$(RUN) test/coverage.sh

#? Keep in shape
#?   lint             cppcheck, clang-tidy, shellcheck, layout, paths
#?   indent           clang-format on wire/, forwarder/ and test/
#?   indent-check     says which files indent would change
#?   docs             regenerate the documents that come from the code
#?   patterns-table   ask Java anew what test-patterns compares with
#?   images           container images
lint:
	+@$(RUN) test/lint.sh

indent:
	@test/indent.sh

indent-check:
	@test/indent.sh --check

docs:
	+@$(RUN) test/docs.sh

patterns-table:
	@test/patterns/table.sh

images:
	+@$(RUN) docker/images.sh

#? Variables: PG_CONFIG, CC, CFLAGS, SAN=address,undefined, WERROR=1,
#?   TESTS="toast ddl", SECONDS, KAFKA_VERSION, WALFERRY_CACHE, NO_FORWARDER=1,
#?   FAULT=1 (the forwarder's test build, with failpoints), RDKAFKA=/path
#?   (another librdkafka than the system's: test/rdkafka/fetch.sh)

.PHONY: all install installcheck extension fault-extension forwarder \
	forwarder-left-out install-forwarder deps test test-unit test-corpus \
	test-model test-regress test-isolation test-patterns test-values test-fault-tools test-tap \
	test-compare test-recorded test-demo test-debezium test-move test-consumers test-matrix \
	test-images fuzz \
	fault fault-campaign fault-seeds fault-sweep fault-programs test-fault \
	demo demo-run bench bench-decode bench-format bench-memory coverage lint indent \
	indent-check docs patterns-table images help
