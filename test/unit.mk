#
# unit.mk - builds the C tests; test/unit.sh calls it, from the top directory.
#
#     make -f test/unit.mk unit|corpus|fuzz|docs CC=gcc BUILD=build/unit/gcc SAN=...
#
# A test says in its first lines what it is linked with, and is linked with
# nothing else, so that the direction of dependencies stays honest:
#
#     /* links: ack buf */
#     /* libs: jansson */
#
# A name of 'links' is forwarder/NAME.c or wire/NAME.c, or with a slash the
# path of a source file without .c; 'libs' are names for pkg-config.  Unit tests
# get cmocka without asking.
#
ifeq ($(origin CC),default)
CC = gcc
endif
BUILD ?= build/unit/$(CC)
SAN ?= address,undefined
CFLAGS ?= -O1 -g -fno-omit-frame-pointer

SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
ifeq ($(WERROR),1)
WARN += -Werror
endif
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE= $(CFLAGS) $(SANFLAGS) $(FUZZFLAGS) \
	$(WARN) -Iwire -Iforwarder -Itest $(shell pkg-config --cflags libpq)

UNIT = $(sort $(wildcard test/unit/test_*.c))
FUZZ = $(sort $(wildcard test/fuzz/fuzz_*.c))

said = $(shell sed -n '1,20s|.*[/ ]\* *$(2): *\([^*]*\).*|\1|p' $(1))
source = $(if $(findstring /,$(1)),$(1).c,$(firstword \
	$(wildcard forwarder/$(1).c wire/$(1).c) forwarder/$(1).c))
objects = $(patsubst %.c,$(BUILD)/%.o,$(foreach n,$(call \
	said,$(1),links),$(call source,$(n))))
libs = $(if $(strip $(call said,$(1),libs) $(2)),\
	$(shell pkg-config --libs $(call said,$(1),libs) $(2)))

# $(call program,SOURCE,MORE OBJECTS,MORE LIBRARIES)
define program
$(BUILD)/$(notdir $(1:.c=)): $(patsubst %.c,$(BUILD)/%.o,$(1)) \
	$(call objects,$(1)) $(2)
	$$(CC) $$(CFLAGS) $$(SANFLAGS) $$(LINKFLAGS) -o $$@ $$^ \
		$(call libs,$(1),$(3)) -lpthread
endef

unit: $(patsubst test/unit/%.c,$(BUILD)/%,$(UNIT))
corpus fuzz: $(patsubst test/fuzz/%.c,$(BUILD)/%,$(FUZZ))

docs: $(BUILD)/docs

# Each goal in its own BUILD; libFuzzer brings its own main().
MAIN = $(if $(filter fuzz,$(MAKECMDGOALS)),,$(BUILD)/test/fuzz/standalone.o)
ifneq ($(filter fuzz,$(MAKECMDGOALS)),)
FUZZFLAGS = -fsanitize=fuzzer-no-link
LINKFLAGS = -fsanitize=fuzzer
endif

ifneq ($(filter unit,$(MAKECMDGOALS)),)
$(foreach t,$(UNIT),$(eval $(call program,$(t),,cmocka)))
endif
ifneq ($(filter corpus fuzz,$(MAKECMDGOALS)),)
$(foreach t,$(FUZZ),$(eval $(call program,$(t),$(MAIN),)))
endif

ifneq ($(filter docs,$(MAKECMDGOALS)),)
$(eval $(call program,test/docs.c,,))
endif

$(BUILD)/wire/%.o: WARN += -Wconversion
$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(subst ','\'',$(CC) $(ALL_CFLAGS))' > $@.new; \
		cmp -s $@.new $@ && rm $@.new || mv $@.new $@

-include $(shell test ! -d $(BUILD) || find $(BUILD) -name '*.d')

.SECONDARY:
.PHONY: FORCE unit corpus fuzz docs
