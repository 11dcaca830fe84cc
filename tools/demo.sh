#!/bin/sh
# The demo: a small search on made-up weather, then its report. tools/demo.sh BINARY FOLDER WORKERS
set -eu
bin=$PWD/${1:?usage: tools/demo.sh BINARY FOLDER WORKERS}
folder=${2:?usage: tools/demo.sh BINARY FOLDER WORKERS}
workers=${3:?usage: tools/demo.sh BINARY FOLDER WORKERS}
mkdir -p "$folder"
code=0
"$bin" run spaces/demo.yaml --db "$folder/demo.db" --workers "$workers" || code=$?
# 3 is a finished search in which some version has no pick: there is still a report to see.
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || exit "$code"
"$bin" report "$folder/demo.db" --out "$folder/report" | sed -n "/^wrote/p"
"$bin" report "$folder/demo.db" --html --out "$folder/report"
echo
echo "Open this page:"
echo "    $folder/report/demo.html"
echo "Beside it, for documents and programs:"
find "$folder/report" -type f ! -name demo.html | sort | sed 's/^/    /'
echo "Then ask: $1 why-not $folder/demo.db --version tiny"
