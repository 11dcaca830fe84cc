#!/bin/sh
# What the program says without a command, and its exit codes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# expect CODE TEXT ARGUMENTS...: runs the program; its output (both streams) must contain TEXT.
expect() {
    want=$1
    text=$2
    shift 2
    code=0
    "$PARETUNE_BIN" "$@" >"$folder/out" 2>&1 || code=$?
    if [ "$code" -ne "$want" ] || ! grep -qF -- "$text" "$folder/out"; then
        echo "paretune $*: exit $code instead of $want, or without '$text':"
        cat "$folder/out"
        exit 1
    fi
}

expect 2 'usage: paretune COMMAND'
expect 0 'usage: paretune COMMAND' --help
expect 0 'usage: paretune COMMAND' help
expect 0 'usage: paretune run' help run
expect 2 "did you mean 'run'?" help rum
expect 0 "paretune $(cat VERSION)" --version
expect 0 '.TH PARETUNE 1' man
expect 2 "unknown command 'no-such-command'" no-such-command

# A full disk must not look like success.
if [ -w /dev/full ]; then
    code=0
    "$PARETUNE_BIN" --help >/dev/full 2>"$folder/out" || code=$?
    [ "$code" -eq 1 ] || {
        echo "paretune --help >/dev/full: exit $code instead of 1"
        exit 1
    }
fi
