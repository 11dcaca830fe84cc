#!/bin/sh
# Runs the tests of one build and adds up their counts:
#   tools/check.sh OUT [FILTER]     OUT = build/release; FILTER = a Criterion pattern such as 'dense/*'
# Unit tests, fuzz corpora, command-line scripts (tests/cli/*.sh) and the layer check; with a filter
# other than '*', unit tests alone. A script passes with exit 0, is skipped with 77. The last line is
# "N passed, N failed"; exit 1 when something failed.
set -u
cd "$(dirname "$0")/.." || exit 2
out=${1:?usage: tools/check.sh OUT [FILTER]}
filter=${2:-*}
passed=0
failed=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT

# one NAME COMMAND...: a check that counts as one.
one() {
    name=$1
    shift
    "$@" >"$log" 2>&1
    code=$?
    case $code in
    0) passed=$((passed + 1)) ;;
    77) echo "SKIP $name: $(tail -n 1 "$log")" ;;
    *)
        failed=$((failed + 1))
        echo "FAIL $name (exit $code):"
        sed 's/^/    /' "$log"
        ;;
    esac
}

# The summary line of Criterion gives the counts; its exit code must agree, since a leak found by a
# sanitizer at the end shows only there.
unit() {
    # One test at a time under AddressSanitizer: Criterion 2.4.1 leaks in its own process when tests run side by side.
    case $out in *asan*) jobs=1 ;; *) jobs=2 ;; esac
    "$out/tests/check" --filter "$filter" "-j$jobs" >"$log" 2>&1
    code=$?
    cat "$log"
    if grep -q 'Could not initialize inheritable arena' "$log"; then
        echo "SKIP unit tests: Criterion cannot start under the thread sanitizer"
        return
    fi
    summary=$(sed 's/\x1b\[[0-9;]*m//g' "$log" |
        sed -n 's/.*Tested: *\([0-9]*\) .*Passing: *\([0-9]*\) .*/\1 \2/p' | tail -n 1)
    tested=${summary% *}
    good=${summary#* }
    passed=$((passed + ${good:-0}))
    failed=$((failed + ${tested:-1} - ${good:-0}))
    if [ "$code" -ne 0 ] && [ "${tested:-1}" -eq "${good:-0}" ]; then
        echo "FAIL unit tests: exit code $code after all tests passed"
        failed=$((failed + 1))
    fi
    if [ "${tested:-1}" -eq 0 ]; then
        echo "FAIL unit tests: none matches '$filter'"
        failed=$((failed + 1))
    fi
}

[ -n "${PARETUNE_DATA:-}" ] || echo "SKIP tests on real data: PARETUNE_DATA is not set"
export PARETUNE_BIN="$PWD/$out/paretune"
unit
if [ "$filter" = '*' ]; then
    for driver in "$out"/tests/fuzz/replay_*; do
        [ -x "$driver" ] || continue
        name=${driver##*/replay_}
        one "corpus of fuzz_$name" "$driver" "tests/fuzz/corpus/$name"
    done
    for script in tests/cli/*.sh; do
        [ -f "$script" ] || continue
        one "$script" sh "$script"
    done
    one layers tools/layers.sh
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
