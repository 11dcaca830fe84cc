#!/bin/sh
# Writes the manual page, the list of commands and the reference of search spaces from the program's
# own tables:
#   tools/docs.sh BINARY FOLDER
set -eu
bin=${1:?usage: tools/docs.sh BINARY FOLDER}
folder=${2:?usage: tools/docs.sh BINARY FOLDER}
mkdir -p "$folder"
"$bin" man >"$folder/paretune.1"
"$bin" check --schema >"$folder/space.md"
{
    printf '# Commands\n\nWritten by `make docs` from the tables that `--help` prints.\n\n```text\n'
    "$bin" --help
    printf '```\n'
    "$bin" --help | sed -n '/^commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' | while read -r name; do
        printf '\n## paretune %s\n\n```text\n' "$name"
        "$bin" "$name" --help
        printf '```\n'
    done
} >"$folder/commands.md"
