#!/bin/sh
# Which room may include whom. Every #include "..." below must point to a folder or header that its
# own folder is allowed to know; the rows are those of ARCHITECTURE.md. Ends with the number of
# includes seen and exits 1 when one is not allowed.
#
# tools/layers.sh --self-test shows that a forbidden include is found.
set -eu
cd "$(dirname "$0")/.."

# allowed ROOM: prefixes that a file of that room may include, as an extended regular expression.
allowed() {
    case "$1" in
    engine/base) echo 'engine/base/' ;;
    engine/signal) echo 'engine/(base|signal)/' ;;
    engine/data) echo 'engine/(base|signal|data)/' ;;
    engine/nn) echo 'engine/(base|signal|data|nn)/' ;;
    engine/compress) echo 'engine/(base|signal|data|nn|compress)/' ;;
    engine/tflite) echo 'engine/(base|signal|data|nn|compress|tflite)/' ;;
    engine/*/c_text) echo 'none' ;; # texts of generated sources: whole in themselves
    engine/measure) echo 'engine/(base|signal|data|nn|compress|tflite|measure)/' ;;
    engine) echo 'engine/' ;;
    store) echo '(engine/base|store)/' ;;
    report) echo '(engine/base/|store/store\.h$|report/)' ;;
    search) echo '(engine/base/|engine/stage\.h$|store/store\.h$|search/)' ;;
    .) echo '' ;;
    *) return 1 ;;
    esac
}

check() { # root of the tree
    (
        cd "$1"
        find engine search store report ./*.[ch] -name '*.[ch]' 2>/dev/null | sort |
            while read -r file; do
                room=$(dirname "$file")
                pattern=$(allowed "$room") || {
                    echo "$file: folder '$room' has no row in tools/layers.sh"
                    continue
                }
                grep -n '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$file" |
                    sed 's/^\([0-9]*\):[^"]*"\([^"]*\)".*/\1 \2/' |
                    while read -r line header; do
                        echo "$header" | grep -Eq "^$pattern" ||
                            echo "$file:$line: $room must not include $header"
                    done
            done
    )
}

self_test() {
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    mkdir -p "$folder/engine/base" "$folder/engine/attic" "$folder/report" "$folder/search"
    echo '#include "engine/data/series.h"' >"$folder/engine/base/bad.c"
    echo '#include "engine/base/err.h"' >"$folder/engine/attic/lost.c"
    printf '# include "store/store.h"\n#include "store/schema.h"\n' >"$folder/report/bad.c"
    printf '#include "engine/stage.h"\n#include "engine/nn/net.h"\n' >"$folder/search/bad.c"
    want="engine/attic/lost.c: folder 'engine/attic' has no row in tools/layers.sh
engine/base/bad.c:1: engine/base must not include engine/data/series.h
report/bad.c:2: report must not include store/schema.h
search/bad.c:2: search must not include engine/nn/net.h"
    [ "$(check "$folder")" = "$want" ] || {
        echo "layers: the self-test found something else:"
        check "$folder"
        exit 1
    }
}

self_test
[ "${1:-}" = "--self-test" ] && exit 0
found=$(check .)
total=$(grep -rhc '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' --include='*.[ch]' \
    engine search store report ./*.[ch] 2>/dev/null | awk '{ n += $1 } END { print n + 0 }')
[ -z "$found" ] || echo "$found"
echo "layers: $total includes, $(printf '%s' "$found" | grep -c . || true) not allowed"
[ -z "$found" ]
