#!/bin/sh
# README.md keeps its word: its space of one's own, and every command that it shows, run as written wherever the
# program and the reader stand. Only the training is made short, and what needs a download goes as far as asking for it.
set -eu
root=$PWD
bin=$(cd "$(dirname "$PARETUNE_BIN")" && pwd)/$(basename "$PARETUNE_BIN")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
. tests/support/documents.sh
short='--set train.epochs=6 --set prune.begin=2 --set prune.end=5 --set data.rows=2000'

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

# --- every other command that stands in a block, in a clone where the commands above were run
bin=$here/alone/paretune
document_blocks README.md sh >"$here/all"
grep -vxF -f "$here/commands" "$here/all" >"$here/others"
document_blocks README.md yaml | tail -n +2 | grep '^search: ' >"$here/search"
cd "$here/clone"
unset PARETUNE_DATA
mkdir -p data/jena submissions
# Ten days of made-up weather as the climate table has it.
awk 'BEGIN {
    print "\"Date Time\",\"p (mbar)\",\"T (degC)\",\"rh (%)\""
    for (i = 0; i < 1500; i++)
        printf "%02d.01.2009 %02d:%02d:00,990,%.2f,%.2f\n", 1 + int(i / 144), int(i / 6) % 24, i % 6 * 10,
            5 * sin(i / 23) + sin(i / 7), 70 + 20 * cos(i / 29)
}' >data/jena/jena_made_up.csv
expect '0 3' 'paretune run spaces/demo.yaml --db demo.db'
expect '0 3' "paretune run spaces/kws-demo.yaml --db kws.db --method grid --max-trials 1 --set train.epochs=1 --set prune.begin=0 --set prune.end=1 --set data.clips=400 --set data.speakers=40"
expect 0 'paretune export kws.db 1 --out kws'
cp kws/model.tflite anybodys.tflite
cp kws/model.tflite.zlib submissions/
cp mine.db lab4-strategies.db
cat mine.yaml "$here/search" >learned.yaml
[ -s "$here/search" ] || fail 'no search section'
expect 0 'paretune check learned.yaml'
n=0
while read -r line; do
    n=$((n + 1))
    plain=$(printf '%s\n' "$line" | sed 's/ *#.*//')
    case $line in
    'make '*) make -n -C "$root" "$(printf '%s\n' "$plain" | cut -d' ' -f2)" >"$here/out" 2>"$here/err" || fail "no '$plain'" ;;
    'paretune run mine.yaml --confidence'*) expect 3 "$plain $short --db sure.db" ;;
    'paretune run spaces/hw2-2020-forecast.yaml'*)
        expect '0 3' "$plain --set train.epochs=2 --set prune.begin=1 --set prune.end=2 --max-trials 6" ;;
    *lab4-strategies.yaml* | *hw2-2020-keywords.yaml*)
        expect '2 3' "$plain"
        grep -q speech_commands "$here/err" || fail "'$plain' fails otherwise than for want of its data" ;;
    'paretune grade submissions/ --space spaces/hw2-2020-forecast.yaml'*)
        expect 3 "$plain" # what was submitted is no forecast
        ;;
    'paretune '*) expect 0 "$plain" ;;
    *) fail "README.md shows '$line', which nobody knows how to try" ;;
    esac
done <"$here/others"
[ "$n" -ge 15 ] || fail 'README.md shows fewer commands than there were'
cd "$root"

# --- and every command and option that is named in a sentence, here and in docs/
grep -oh '`paretune [^`]*`' README.md docs/*.md | tr -d '\`' | sort -u >"$here/named"
while read -r _ command rest; do
    case $command in -*) continue ;; esac
    "$bin" "$command" --help >"$here/help" || fail "there is no 'paretune $command'"
    for word in $rest; do
        case $word in
        --set | --*=*) word=${word%%=*} ;;
        esac
        case $word in --*) grep -q -- "$word\>" "$here/help" || fail "there is no 'paretune $command $word'" ;; esac
    done
done <"$here/named"
