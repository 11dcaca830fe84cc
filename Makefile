# paretune: `make help` lists the targets.
#
# Variants live side by side: build/release, build/asan, build/tsan, build/cov, build/fuzz.
BUILD    ?= release
V        ?= 0
WERROR   ?= 0
PREFIX   ?= /usr/local
T        ?= *
TIME     ?= 60
ARCH     ?=

CC       ?= cc
OUT      := build/$(BUILD)
Q        := $(if $(filter 1,$(V)),,@)

PACKAGES := sqlite3 openblas yaml-0.1 zlib libxxhash sndfile kissfft-float
VERSION  := $(shell cat VERSION)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion \
        -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wformat=2 -Wcast-qual -Wcast-align \
        -Wwrite-strings
ifeq ($(WERROR),1)
WARN += -Werror
endif

CPPFLAGS += -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DPARETUNE_VERSION='"$(VERSION)"' \
            -DPARETUNE_SHARE='"$(PREFIX)/share/paretune"'
CFLAGS_release := -O3 -g
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -g -fsanitize=thread
CFLAGS_cov     := -O0 -g --coverage
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
ALL_CFLAGS = -std=c11 -ffp-contract=off -fno-common $(WARN) $(ARCH) $(CFLAGS_$(BUILD)) $(CFLAGS)
LIBS     = $(shell pkg-config --libs $(PACKAGES)) -ldl -lm
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))

SOURCES  := $(wildcard engine/*.c engine/*/*.c search/*.c store/*.c report/*.c)
OBJECTS  := $(SOURCES:%.c=$(OUT)/%.o)
TESTS    := $(wildcard tests/test_*.c)
TEST_OBJ := $(TESTS:%.c=$(OUT)/%.o)
HELP_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/support/*.c))
BENCHES  := $(patsubst tests/bench/%.c,$(OUT)/tests/bench/%,$(wildcard tests/bench/bench_*.c))
BIN      := $(OUT)/paretune
LIB      := $(OUT)/libparetune.a

.DELETE_ON_ERROR:
.PHONY: all
all: $(BIN) ## build build/release/paretune

$(BIN): $(OUT)/main.o $(LIB)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIB): $(OBJECTS)
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Kernels are compiled once per instruction set; kernel_<isa>.c chooses its own flags here.
$(OUT)/engine/nn/kernel_avx2.o:   ISA_CFLAGS := $(if $(filter x86_64,$(shell uname -m)),-mavx2 -mfma)
$(OUT)/engine/nn/kernel_avx512.o: ISA_CFLAGS := $(if $(filter x86_64,$(shell uname -m)),-mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx2 -mfma -mprefer-vector-width=512)

# The front end's lanes: square roots without errno, so that they are one instruction.
$(OUT)/engine/signal/lanes_baseline.o: ISA_CFLAGS := -fno-math-errno
$(OUT)/engine/signal/lanes_avx2.o:     ISA_CFLAGS := -fno-math-errno $(if $(filter x86_64,$(shell uname -m)),-mavx2)

# A change of flags rebuilds everything.
$(OUT)/flags: FORCE
	@mkdir -p $(OUT)
	@echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS)' > $@
FORCE:

$(OUT)/tests/%.o: WARN := $(filter-out -Wconversion -Wsign-conversion -Wmissing-prototypes -Wdouble-promotion -Wpedantic,$(WARN))
$(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) $(ISA_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/tests/check: $(TEST_OBJ) $(HELP_OBJ) $(LIB)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs criterion 2>/dev/null || echo -lcriterion) $(LIBS)

$(OUT)/tests/bench/%: $(OUT)/tests/bench/%.o $(HELP_OBJ) $(LIB)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: unit
unit: $(OUT)/tests/check ## Criterion tests only; T='dense/*' chooses
	$(Q)PARETUNE_BIN=$(BIN) $(OUT)/tests/check --filter '$(T)' -j2

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
