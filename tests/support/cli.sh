# What tests of the command line share: read with `.` from the project's root. The test works in $here, which is
# removed at its end; $bin is the program, from any folder.
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
bin=$(cd "$(dirname "$PARETUNE_BIN")" && pwd)/$(basename "$PARETUNE_BIN")

fail() {
    echo "$(basename "$0"): $1"
    head -c 3000 out err 2>/dev/null || :
    exit 1
}

# expect CODE ARGUMENTS...: runs the program; standard output in `out`, standard error in `err`.
expect() {
    want=$1
    shift
    code=0
    "$bin" "$@" >out 2>err || code=$?
    [ "$code" -eq "$want" ] || fail "paretune $*: exit $code instead of $want"
}

out_has() { grep -qF -- "$1" out || fail "standard output without '$1'"; }
err_has() { grep -qF -- "$1" err || fail "standard error without '$1'"; }
# bring_architectures NAME...: the project's own, beside the test's spaces.
bring_architectures() {
    mkdir "$here/architectures"
    for name in "$@"; do cp "spaces/architectures/$name.yaml" "$here/architectures/"; done
}

bytes() { wc -c <"$1" | tr -d ' '; }
