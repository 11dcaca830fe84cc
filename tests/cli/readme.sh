#!/bin/sh
# README.md keeps its word: its space of one's own, and every command shown beside it, run as written
# wherever the program and the reader stand. Only the training is made short.
set -eu
root=$PWD
bin=$(cd "$(dirname "$PARETUNE_BIN")" && pwd)/$(basename "$PARETUNE_BIN")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
short='--set train.epochs=6 --set data.rows=2000'

fail() {
    echo "readme.sh: $1"
    head -c 3000 "$here/out" "$here/err"
    exit 1
}

# block LANGUAGE: the first block of that language in the section.
block() {
    sed -n '/^## A search of your own/,/^## The homework/p' README.md |
        awk -v open="\`\`\`$1" '$0 == "```" { if (inside) exit } inside { print } $0 == open { inside = 1 }'
}

# expect CODES COMMAND: runs a line of the README, with the program that is tested.
expect() {
    code=0
    line=$(printf '%s\n' "$2" | sed 's/^paretune/"$bin"/')
    eval "$line" >"$here/out" 2>"$here/err" || code=$?
    case " $1 " in *" $code "*) ;; *) fail "'$2': exit $code instead of $1" ;; esac
}

block yaml >"$here/mine.yaml"
grep -q '^versions:' "$here/mine.yaml" || fail 'no space in the section'
block sh | grep '^paretune' >"$here/commands" || fail 'no commands in the section'
grep -q '^paretune query' "$here/commands" || fail 'the section shows other commands'

# In the root of a clone, which has spaces/architectures; the program lies elsewhere.
mkdir -p "$here/clone" "$here/alone" "$here/elsewhere" "$here/prefix/bin" "$here/prefix/share/paretune"
cp "$bin" "$here/alone/paretune"
cp -R spaces "$here/clone/spaces"
cp "$here/mine.yaml" "$here/clone/"
built=$bin
bin=$here/alone/paretune
cd "$here/clone"
while read -r line; do
    case $line in
    'paretune run '*) expect '0 3' "$(printf '%s\n' "$line" | sed 's/ *#.*//') $short" ;;
    *) expect 0 "$line" ;;
    esac
done <"$here/commands"
[ "$("$bin" query mine.db --format csv | wc -l)" -gt 20 ] || fail 'a search without trials'

# Anywhere else: a program below build/ of a clone, and an installed one, whatever its prefix.
cp "$here/mine.yaml" "$here/elsewhere/"
cp -R "$here/clone/spaces" "$here/prefix/share/paretune/spaces"
cp "$built" "$here/prefix/bin/paretune"
mkdir -p "$here/clone/build/release"
cp "$built" "$here/clone/build/release/paretune"
cd "$here/elsewhere"
for bin in "$here/prefix/bin/paretune" "$here/clone/build/release/paretune"; do
    expect 0 'paretune check mine.yaml'
done
if strings "$built" 2>/dev/null | grep -q '^/usr/local/share/paretune'; then
    fail 'the program knows where it is to be installed'
fi

# Where nothing is found, the folders looked in and the way out.
bin=$here/alone/paretune
expect 2 'paretune check mine.yaml'
for text in "unknown 'mlp'" '--architectures' "$here/share/paretune/spaces/architectures" \
    ' spaces/architectures' ' ./architectures'; do
    grep -qF -- "$text" "$here/err" || fail "the message lacks '$text'"
done
cd "$root"
