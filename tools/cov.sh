#!/bin/sh
# Lines run, per folder of sources, from the counts that lie below a build folder: tools/cov.sh build/cov
set -eu
out=${1:?usage: tools/cov.sh BUILD-FOLDER}
find "$out" -name '*.gcda' ! -path "$out/tests/*" | sort | while read -r counts; do
    gcov -n -o "$(dirname "$counts")" "$counts" 2>/dev/null
done | awk '
    /^File / { gsub("\047", ""); file = $2 }
    /^Lines executed:/ {
        # Headers show up once for each file that includes them; only .c files are counted.
        if (file ~ /^[a-z].*\.c$/ && file !~ /^tests/) {
            split($0, part, /[:% ]+/)
            folder = file
            sub("/[^/]*$", "", folder)
            lines[folder] += part[5]
            run[folder] += part[3] * part[5] / 100
        }
        file = ""
    }
    END {
        for (f in lines) {
            printf "%-20s %6.1f %% of %5d lines\n", f, 100 * run[f] / lines[f], lines[f] | "sort"
            all += lines[f]; all_run += run[f]
        }
        close("sort")
        if (all) printf "%-20s %6.1f %% of %5d lines\n", "all", 100 * all_run / all, all
    }'
