#!/bin/sh
# docs/tutorial.md keeps its word: its space, and every command it shows, in their order, as written. A command whose
# comment names an exit status must end with that one, all others with 0.
set -eu
case $PARETUNE_BIN in
*/release/*) ;;
*)
    echo 'its trainings are tried in the release build alone'
    exit 77
    ;;
esac
root=$PWD
. tests/support/cli.sh
. tests/support/documents.sh
cp -R spaces "$here/spaces"
cd "$here"
document_blocks "$root/docs/tutorial.md" yaml >kws.yaml
document_blocks "$root/docs/tutorial.md" sh >commands
[ "$(grep -c '^paretune' commands)" -gt 20 ] || fail 'no commands in the tutorial'
scalar() { "$bin" sql kws.db "$1" --format csv | sed 1d; }
while read -r line; do
    status=$(printf '%s\n' "$line" | sed -n 's/.*# exit status \([0-9]*\).*/\1/p')
    document_command "${status:-0}" "$line"
    case $line in
    'paretune plan'*)
        grep -q 'cannot meet c' out || fail 'the plan does not say that nothing can meet c' ;;
    'paretune run kws.yaml '*'exit status'*)
        [ "$(scalar "select count(*) from picks where verdict = 'met'")" -eq 0 ] || fail 'met at once'
        [ "$(scalar "select binding from picks where version = 'c'")" = modelled_total_ms ] || fail 'c misses otherwise' ;;
    'paretune run kws.yaml')
        [ "$(scalar "select count(*) from picks where verdict = 'met'")" -eq 3 ] || fail 'not every version is met' ;;
    'paretune why-not'*)
        grep -q modelled_total_ms out || fail 'why-not says something else' ;;
    'paretune grade'*)
        [ "$(grep -c 'met +.*met +.*met +' out)" -eq 3 ] || fail 'the files are not what they should be' ;;
    esac
done <commands
for file in report/versions.tex report/hyperparameters.tex report/pareto-size-accuracy.svg optuna.db trials.csv; do
    [ -s "$file" ] || fail "no $file"
done
