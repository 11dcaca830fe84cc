# paretune: `make help` lists the targets.
#
# Variants live side by side: build/release, build/asan, build/tsan, build/cov, build/fuzz, build/arm64.
BUILD    ?= release
V        ?= 0
WERROR   ?= 0
PREFIX   ?= /usr/local
DESTDIR  ?=
T        ?= *
TIME     ?= 60
N        ?= 50
WORKERS  ?= 2
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

CPPFLAGS += -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DPARETUNE_VERSION='"$(VERSION)"'
CFLAGS_release := -O3 -g
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -g -fsanitize=thread
CFLAGS_cov     := -O0 -g --coverage
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
CFLAGS_arm64   := -O3 -g
ALL_CFLAGS = -std=c11 -ffp-contract=off -fno-common $(WARN) $(ARCH) $(CFLAGS_$(BUILD)) $(CFLAGS)
LIBS     = $(shell pkg-config --libs $(PACKAGES)) -lzopfli -ldl -lm
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
CRITERION  = $(shell pkg-config --libs criterion 2>/dev/null || echo -lcriterion)

# Cross-compiled against Debian's arm64 libraries, unpacked by tools/arm64-root.sh. The C library's headers
# and start files are the cross compiler's: hence -idirafter.
ifeq ($(BUILD),arm64)
CC       := aarch64-linux-gnu-gcc
ROOT     := build/arm64-root
ROOT_LIB := $(ROOT)/usr/lib/aarch64-linux-gnu
PKG_CFLAGS := $(addprefix -idirafter $(ROOT)/usr/include,/ /aarch64-linux-gnu /kissfft \
              /aarch64-linux-gnu/openblas-pthread)
LIBS     := -L$(ROOT_LIB) -L$(ROOT)/usr/lib \
            -Wl,-rpath-link,$(ROOT_LIB):$(ROOT)/lib/aarch64-linux-gnu:$(ROOT)/usr/lib \
            -lsqlite3 -lopenblas -lyaml -lz -lzopfli -lxxhash -lsndfile -lkissfft-float -ldl -lm
CRITERION := -lcriterion
endif
MACHINE  := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))

SOURCES  := $(wildcard engine/*.c engine/*/*.c search/*.c store/*.c report/*.c)
OBJECTS  := $(SOURCES:%.c=$(OUT)/%.o)
TESTS    := $(wildcard tests/test_*.c)
TEST_OBJ := $(TESTS:%.c=$(OUT)/%.o)
HELP_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/support/*.c))
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS  := $(FUZZERS:%=$(OUT)/tests/fuzz/replay_%)
SUPPORT  := $(OUT)/tests/libsupport.a
BENCHES  := $(patsubst tests/bench/%.c,$(OUT)/tests/bench/%,$(wildcard tests/bench/bench_*.c))
BIN      := $(OUT)/paretune
LIB      := $(OUT)/libparetune.a

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: $(BIN) ## build build/release/paretune

$(BIN): $(OUT)/main.o $(OUT)/program_paretune.o $(LIB)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIB): $(OBJECTS) $(OUT)/sources
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $(OBJECTS)

# Kernels are compiled once per instruction set; kernel_<isa>.c chooses its own flags here.
$(OUT)/engine/nn/kernel_avx2.o:   ISA_CFLAGS := $(if $(filter x86_64,$(MACHINE)),-mavx2 -mfma)
$(OUT)/engine/nn/kernel_avx512.o: ISA_CFLAGS := $(if $(filter x86_64,$(MACHINE)),-mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx2 -mfma -mprefer-vector-width=512)

# Quantization: comparisons without traps, so that they become selections.
$(OUT)/engine/nn/layer_fake_quant.o $(OUT)/engine/compress/calibrate.o: ISA_CFLAGS := -fno-trapping-math

# The front end's lanes: square roots without errno, so that they are one instruction.
$(OUT)/engine/signal/lanes_baseline.o: ISA_CFLAGS := -fno-math-errno
$(OUT)/engine/signal/lanes_avx2.o:     ISA_CFLAGS := -fno-math-errno $(if $(filter x86_64,$(MACHINE)),-mavx2)
# So are the models'.
$(OUT)/search/gp.o: ISA_CFLAGS := -fno-math-errno
$(OUT)/engine/tflite/rows_avx2.o:         ISA_CFLAGS := $(if $(filter x86_64,$(MACHINE)),-mavx2)
$(OUT)/engine/tflite/rows_avx512.o:       ISA_CFLAGS := $(if $(filter x86_64,$(MACHINE)),-mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx512vnni -mavx2)
$(OUT)/engine/tflite/int_kernel_avx2.o:   ISA_CFLAGS := $(if $(filter x86_64,$(MACHINE)),-mavx2)
$(OUT)/engine/tflite/int_kernel_avx512.o: ISA_CFLAGS := $(if $(filter x86_64,$(MACHINE)),-mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx512vnni -mavx2)

# These hold the functions of generated C sources as text.
$(OUT)/engine/tflite/c_text.o:      $(wildcard engine/tflite/c_text/*.c)
$(OUT)/engine/signal/c_front_end.o: $(wildcard engine/signal/c_text/*.c)
# This one holds the page's style sheet and scripts.
$(OUT)/report/page.o: $(wildcard report/page/*)

# A change of flags rebuilds everything; so does one of this file, where the kernels' own flags are.
FLAGS = $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) $(LDFLAGS)
$(OUT)/flags: FORCE
	@mkdir -p $(OUT)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@
# So does a file that came or went, for what is linked from all of them.
$(OUT)/sources: FORCE
	@mkdir -p $(OUT)
	@echo '$(SOURCES) $(TESTS)' | cmp -s - $@ || echo '$(SOURCES) $(TESTS)' > $@
# Phony by name: .SECONDARY would take it for a file that need not be made, and neither be written.
.PHONY: FORCE
FORCE:

# private: else the milder flags reach $(OUT)/flags and everything is built again.
$(OUT)/tests/%.o: private WARN := $(filter-out -Wconversion -Wsign-conversion -Wmissing-prototypes -Wdouble-promotion -Wpedantic,$(WARN))
# GCC 12.2's vectorizer for arm64 breaks down over fmax of doubles, which tests have at many places.
$(OUT)/tests/%.o: private ISA_CFLAGS := $(if $(filter aarch64,$(MACHINE)),-fno-tree-vectorize)
$(OUT)/%.o: %.c $(OUT)/flags Makefile
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) $(ISA_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/tests/check: $(TEST_OBJ) $(HELP_OBJ) $(LIB) $(OUT)/sources
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(CRITERION) $(LIBS)

$(OUT)/tests/fuzz/replay_%: $(OUT)/tests/fuzz/replay.o $(OUT)/tests/fuzz/fuzz_%.o $(LIB)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/tests/fuzz/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(LIB)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)

# Benchmarks take from the tests' helpers what they need, so they link without Criterion.
$(SUPPORT): $(HELP_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(OUT)/tests/bench/%: $(OUT)/tests/bench/%.o $(SUPPORT) $(LIB)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Studies to look at in a browser.
$(OUT)/tests/browser/make_study: $(OUT)/tests/browser/make_study.o $(SUPPORT) $(LIB)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# What runs on a device (program_bench.c), linked statically. Debian has kissfft as a shared library only;
# a static program cannot load TensorFlow Lite.
BENCH_SRC := $(wildcard engine/base/*.c engine/compress/*.c engine/nn/*.c engine/tflite/*.c) engine/measure/cmd_bench.c \
             engine/measure/latency.c engine/measure/runner.c $(filter-out engine/signal/audio.c,$(wildcard engine/signal/*.c))
BENCH_OBJ := $(BENCH_SRC:%.c=$(OUT)/%.o)
$(OUT)/static/foreign.o: engine/tflite/foreign.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DPARETUNE_STATIC $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(OUT)/static/kiss_%.o: $(ROOT)/kissfft/kiss_%.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -Dkiss_fft_scalar=float -DNDEBUG -O3 -ffp-contract=off -c -o $@ $<
$(OUT)/libbench.a: $(BENCH_OBJ) $(OUT)/sources
	$(Q)rm -f $@ && $(AR) rcs $@ $(BENCH_OBJ)
$(OUT)/paretune-bench: $(OUT)/main.o $(OUT)/program_bench.o $(OUT)/static/foreign.o $(OUT)/libbench.a \
                       $(OUT)/static/kiss_fft.o $(OUT)/static/kiss_fftr.o
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -static -o $@ $^ -L$(ROOT_LIB) -L$(ROOT)/usr/lib -lyaml -lz \
	    -lzopfli -lxxhash -lm

# --- what people run ---

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed 's/:.*## /\t/' | \
	    while IFS="$$(printf '\t')" read -r name what; do printf '  %-10s %s\n' "$$name" "$$what"; done
	@echo; echo 'variables: BUILD=release|asan|tsan|cov V=1 WERROR=1 PREFIX=/usr/local DESTDIR= ARCH=-march=native'

.PHONY: demo
demo: ## search the demo space on made-up weather and write a report (installs what is missing)
	$(Q)tools/deps.sh build
	$(Q)$(MAKE) --no-print-directory BUILD=release all
	$(Q)tools/demo.sh build/release/paretune build/demo $(WORKERS)

.PHONY: install uninstall
SHARE = $(DESTDIR)$(PREFIX)/share
COMPLETIONS = $(SHARE)/bash-completion/completions/paretune $(SHARE)/zsh/site-functions/_paretune
install: all ## copy program, spaces, manual page and shell completion below $(DESTDIR)$(PREFIX)
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/paretune
	install -D -m 644 docs/paretune.1 $(SHARE)/man/man1/paretune.1
	$(BIN) completion bash | install -D -m 644 /dev/stdin $(word 1,$(COMPLETIONS))
	$(BIN) completion zsh | install -D -m 644 /dev/stdin $(word 2,$(COMPLETIONS))
	find spaces -name '*.yaml' -exec install -D -m 644 {} $(SHARE)/paretune/{} \;

uninstall: ## remove what install copied
	rm -rf $(DESTDIR)$(PREFIX)/bin/paretune $(SHARE)/man/man1/paretune.1 $(SHARE)/paretune $(COMPLETIONS)

.PHONY: data
data: ## download the Jena climate series into data/jena and verify it
	$(Q)tools/get-data.sh data

.PHONY: clean
clean: ## remove build/
	rm -rf build

# --- tests and tools ---

.PHONY: check-programs
check-programs: $(BIN) $(OUT)/tests/check $(REPLAYS)

.PHONY: check
check: ## all tests; T='dense/*' runs those unit tests only
	$(Q)tools/deps.sh test
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD) check-programs
	$(Q)tools/check.sh $(OUT) '$(T)'

.PHONY: unit
unit: $(BIN) $(OUT)/tests/check ## Criterion tests only; T='dense/*' chooses
	$(Q)PARETUNE_BIN=$(BIN) $(OUT)/tests/check --filter '$(T)' -j2

.PHONY: asan
asan: ## all tests with the address and undefined-behaviour sanitizers
	$(Q)ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
	    $(MAKE) --no-print-directory BUILD=asan check

.PHONY: tsan
tsan: ## all tests with the thread sanitizer, where this machine can run it
	$(Q)if tools/tsan-works.sh $(CC); then \
	    TSAN_OPTIONS=halt_on_error=1 $(MAKE) --no-print-directory BUILD=tsan check; \
	else echo "tsan: skipped, the thread sanitizer does not start on this machine"; fi

.PHONY: tidy
tidy: ## clang-tidy, warnings are errors
	$(Q)tools/deps.sh dev
	$(Q)printf '%s\n' $(wildcard *.c) $(SOURCES) | xargs -P 2 -n 4 tools/tidy.sh $(CPPFLAGS) $(PKG_CFLAGS) --

.PHONY: format
format: ## lay out all C files with clang-format
	$(Q)tools/deps.sh dev
	clang-format-14 -i $(wildcard *.[ch] engine/*.[ch] engine/*/*.[ch] engine/*/c_text/*.c search/*.[ch] store/*.[ch] \
	    report/*.[ch] tests/*.c tests/*/*.[ch])

.PHONY: layers
layers: ## which room may include whom
	$(Q)tools/layers.sh

.PHONY: cov
cov: ## lines run by the unit tests, per folder
	$(Q)$(MAKE) --no-print-directory BUILD=cov build/cov/tests/check
	$(Q)find build/cov -name '*.gcda' -delete
	$(Q)PARETUNE_BIN=build/cov/paretune build/cov/tests/check -j2 >build/cov/tests.log 2>&1 || \
	    { tail -n 40 build/cov/tests.log; exit 1; }
	$(Q)tools/cov.sh build/cov

.PHONY: bench-arm64
bench-arm64: ## build/arm64/paretune-bench, which measures models on a device: static, cross-compiled
	$(Q)tools/arm64-root.sh bench build/arm64-root
	$(Q)$(MAKE) --no-print-directory BUILD=arm64 build/arm64/paretune-bench

.PHONY: check-arm64
check-arm64: ## tests of the arm64 build under qemu; T='kernel/*' runs those unit tests only
	$(Q)tools/check-arm64.sh '$(T)'

.PHONY: fuzz
fuzz: ## fuzz T=node for TIME=60 seconds; what crashes it is kept in tests/fuzz/corpus/T
	$(Q)test -f 'tests/fuzz/fuzz_$(T).c' || { echo 'fuzz: T= must be one of: $(FUZZERS)'; exit 2; }
	$(Q)tools/deps.sh dev
	$(Q)$(MAKE) --no-print-directory BUILD=fuzz CC=clang-14 build/fuzz/tests/fuzz/fuzz_$(T)
	$(Q)mkdir -p build/fuzz/corpus/$(T) tests/fuzz/corpus/$(T)
	build/fuzz/tests/fuzz/fuzz_$(T) -max_total_time=$(TIME) -timeout=10 -rss_limit_mb=2048 \
	    -artifact_prefix=tests/fuzz/corpus/$(T)/ build/fuzz/corpus/$(T) tests/fuzz/corpus/$(T)

.PHONY: kill
kill: all ## kill and resume N=50 studies at random moments
	$(Q)PARETUNE_BIN=$(BIN) tests/cli/kill.sh $(N)

.PHONY: bench
bench: all $(BENCHES) ## run every tests/bench/bench_*
	$(Q)for b in $(sort $(BENCHES)); do echo "== $${b##*/}"; PARETUNE_BIN=$(BIN) $$b || exit 1; done

.PHONY: docs
docs: all ## write docs/ (manual page, commands, search spaces) from the program's tables
	$(Q)tools/docs.sh $(BIN) docs

TFLITE := build/tflite/node_modules/tfjs-tflite-node/cc_deps
.PHONY: tflite-lib
tflite-lib: ## install TensorFlow Lite's C library for the conformance tests (npm, 50 MB)
	$(Q)mkdir -p build/tflite
	$(Q)test -d $(TFLITE) || npm install --prefix build/tflite --no-audit --no-fund --ignore-scripts \
	    --legacy-peer-deps tfjs-tflite-node@0.0.2
	$(Q)ls $(TFLITE)/linux_*/libtensorflowlite_c.so

PUPPETEER := build/browser/node_modules/puppeteer-core
.PHONY: browser-lib
browser-lib: ## install what drives Chromium in the tests of the page (npm, 30 MB)
	$(Q)test -d $(PUPPETEER) || { mkdir -p build/browser && npm install --prefix build/browser --no-audit --no-fund \
	    --ignore-scripts puppeteer-core@24.43.1; }

.PHONY: check-browser
check-browser: all $(OUT)/tests/browser/make_study ## tests of the HTML page in Chromium; T=controls runs that part only
	$(Q)$(MAKE) --no-print-directory browser-lib || echo "check-browser: puppeteer-core cannot be installed here"
	$(Q)tools/check-browser.sh $(OUT) '$(T)'

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
