#!/bin/sh
# Tests of the arm64 build under qemu's user emulation:
#   tools/check-arm64.sh [FILTER]     FILTER = a Criterion pattern; without it the suites below
# The static paretune-bench gives the bits that this machine's own build gives, and unit tests pass with
# NEON kernels. Skipped aloud where the cross compiler, its libraries or qemu cannot be had. The last
# line is "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 2
filter=${1:-*}
root=build/arm64-root
tools/arm64-root.sh test $root
case $? in
0) ;;
3)
    echo "SKIP arm64: see the reason above"
    echo "0 passed, 0 failed"
    exit 0
    ;;
*) exit 1 ;;
esac
make --no-print-directory -j2 BUILD=arm64 build/arm64/paretune-bench build/arm64/paretune \
    build/arm64/tests/check || exit 1
make --no-print-directory -j2 all || exit 1

PARETUNE_EMULATOR=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
QEMU_LD_PREFIX=$PWD/$root
export PARETUNE_EMULATOR QEMU_LD_PREFIX
# TensorFlow Lite's library is of this machine; its arm64 build has int8 kernels of its own, whose outputs are not
# those that were recorded.
PARETUNE_TFLITE_LIB=none
export PARETUNE_TFLITE_LIB
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
passed=0
failed=0

# Every kernel and what is built from kernels. The rest does not depend on the instruction set, and
# under emulation takes an hour.
suites="kernel image_kernel rows half layer image_layer net fold resample oracles latency pack node"
[ "$filter" = '*' ] || suites=$filter
for suite in $suites; do
    case $suite in */*) pattern=$suite ;; *) pattern="$suite/*" ;; esac
    # Time limits of tests are made for machines, not for emulators.
    "$PARETUNE_EMULATOR" build/arm64/tests/check --filter "$pattern" --timeout 600 -j2 >"$log" 2>&1
    code=$?
    summary=$(sed 's/\x1b\[[0-9;]*m//g' "$log" |
        sed -n 's/.*Tested: *\([0-9]*\) .*Passing: *\([0-9]*\) .*/\1 \2/p' | tail -n 1)
    tested=${summary% *}
    good=${summary#* }
    passed=$((passed + ${good:-0}))
    bad=$((${tested:-1} - ${good:-0}))
    [ "$bad" -gt 0 ] || [ "$code" -eq 0 ] || bad=1
    failed=$((failed + bad))
    echo "arm64: $pattern: ${good:-0} of ${tested:-0}"
    [ "$bad" -eq 0 ] || sed 's/^/    /' "$log"
done

if [ "$filter" = '*' ]; then
    if PARETUNE_BIN=build/release/paretune sh tests/cli/arm64.sh; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
