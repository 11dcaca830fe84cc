#!/bin/sh
# clang-tidy without its chatter: tools/tidy.sh FLAGS... -- FILES...; exit 1 when it found something.
set -u
flags=""
while [ "$1" != "--" ]; do
    flags="$flags '$1'"
    shift
done
shift
found=$(eval "clang-tidy-14 --quiet \"\$@\" -- $flags -std=c11" 2>/dev/null)
code=$?
[ -z "$found" ] || printf '%s\n' "$found"
[ "$code" -eq 0 ]
