#!/bin/sh
# docs/ says what the program says.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tools/docs.sh "$PARETUNE_BIN" "$folder"
for page in paretune.1 commands.md space.md; do
    diff -u "docs/$page" "$folder/$page" || {
        echo "docs/$page is out of date: run 'make docs'"
        exit 1
    }
done
