#!/bin/sh
# Exit 0 when a program built with the thread sanitizer starts here: it does not where the kernel
# spreads addresses more widely than the sanitizer's shadow memory allows for.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'int main(void) { return 0; }' >"$folder/t.c"
"${1:-cc}" -fsanitize=thread -o "$folder/t" "$folder/t.c" && "$folder/t"
