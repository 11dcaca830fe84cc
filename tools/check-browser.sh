#!/bin/sh
# Tests of the HTML page in Chromium:
#   tools/check-browser.sh OUT [PART]     OUT = build/release; PART = reading, choices, controls, live or large
# The last line is "N passed, N failed". Without node, npm or Chromium it is skipped, and says so.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
out=$root/${1:?usage: tools/check-browser.sh OUT [PART]}
library=$root/build/browser/node_modules/puppeteer-core

skip() {
    echo "SKIP tests of the page: $1"
    exit 0
}
command -v node >/dev/null 2>&1 || skip "node is not installed"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || :)}
[ -n "$CHROMIUM" ] || skip "Chromium is not installed (apt-get install chromium)"
[ -d "$library" ] || skip "puppeteer-core is not installed ('make browser-lib' needs npm and a network)"

TEST_FOLDER=$(mktemp -d)
trap 'rm -rf "$TEST_FOLDER"' EXIT
cd "$TEST_FOLDER"
for kind in large versions usual seeds hostile empty; do
    "$out/tests/browser/make_study" "$kind.db" "$kind"
done
cp "$root/spaces/demo.yaml" .
ln -s "$root/spaces/architectures" architectures
"$out/paretune" run demo.yaml -q >/dev/null || [ $? -eq 3 ]
BROWSER_LIB=$library PARETUNE_BIN=$out/paretune CHROMIUM=$CHROMIUM TEST_FOLDER=$TEST_FOLDER \
    node "$root/tests/browser/all.mjs" "${2:-*}"
