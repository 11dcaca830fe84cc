#!/bin/sh
# Reports in all their forms, of a study whose names hold every character that some form has a meaning for: JSON parses,
# LaTeX compiles (both where the machine has a program to try it with), figures have the size they say.
set -eu
bin=$(cd "$(dirname "$PARETUNE_BIN")" && pwd)/$(basename "$PARETUNE_BIN")
spaces=$PWD/spaces
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"

fail() {
    echo "report.sh: $1"
    exit 1
}

# expect CODE COMMAND...
expect() {
    want=$1
    shift
    code=0
    "$@" >out 2>err || code=$?
    [ "$code" -eq "$want" ] || {
        head -c 2000 out err
        fail "'$*': exit $code instead of $want"
    }
}

cat >space.yaml <<'YAML'
space: 1
title: "100 % of a_b & {c}: <d> | $e$ # ~f^ \\ \"g\" [h] `i` *j* é"
task: forecast
data: {source: synthetic-climate, rows: 2000, steps_in: 6, steps_out: 6}
model: {architecture: mlp, alpha: [0.06, 0.12]}
train: {labels: standardized, epochs: 4, learning_rate: 0.01}
prune: {final_sparsity: [0, 0.7], begin: 1, end: 3}
export: {storage: [float32, float16]}
seeds: [1, 2]
versions:
  a_b: {title: "50 % & more_", limits: {T_mae: "< 9 °C", size: "< 4 kB"}}
  never: {T_mae: "< 0.001 °C"}
objectives: {T_mae: minimize, RH_mae: minimize, size: minimize}
YAML
expect 3 "$bin" run space.yaml --quiet --architectures "$spaces/architectures"

expect 0 "$bin" report space.db --json --markdown --latex
expect 0 "$bin" report space.db --strategies --json --markdown --latex
[ "$(sed -n 1p report-space/strategies.txt | head -c 3)" = "Of " ] || fail 'no words about strategies'
for name in front versions hyperparameters strategies combinations; do
    for form in md tex; do
        [ -s "report-space/$name.$form" ] || fail "no $name.$form"
    done
done
for name in pareto-size-T_mae pareto-size-RH_mae pairs slices curves progress importance sizes strategies \
    strategies-memory strategies-latency; do
    grep -q '^<svg .*width="180mm"' "report-space/$name.svg" || fail "$name.svg is not 180 mm wide"
done

if command -v python3 >/dev/null 2>&1; then
    for file in report-space/*.json; do
        python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$file" || fail "$file is not JSON"
    done
fi
if command -v pdflatex >/dev/null 2>&1; then
    {
        printf '%s\n' '\documentclass{article}\usepackage{booktabs,graphicx,longtable}\begin{document}'
        for file in report-space/*.tex; do printf '%s\n' "\\input{$file}"; done
        printf '%s\n' '\end{document}'
    } >all.tex
    pdflatex -interaction=nonstopmode -halt-on-error all.tex >latex.out 2>&1 || {
        grep -A 3 '^!' latex.out
        fail 'LaTeX does not compile'
    }
fi

# Sizes, filters and mistakes.
expect 0 "$bin" report space.db --width 1 --untitled --out narrow --filter 'storage = float16' --x size --y T_mae
grep -q 'width="88mm"' narrow/pareto-size-T_mae.svg || fail 'one column is not 88 mm'
! grep -q 'class="title"' narrow/pareto-size-T_mae.svg || fail 'a title nobody asked for'
[ "$(wc -l <narrow/trials.csv)" -eq 9 ] || fail 'the filter left another number of trials'
expect 2 "$bin" report space.db --width 3
grep -q 'two columns' err || fail 'no advice on widths'
expect 2 "$bin" report space.db --filter 'storag = float16'
grep -q "did you mean 'storage'" err || fail 'no advice on filters'
# What fontconfig keeps is no leak of ours, where a build looks for leaks.
echo 'leak:libfontconfig' >suppressed
code=0
LSAN_OPTIONS="suppressions=$here/suppressed:print_suppressions=0" "$bin" report space.db --png --out pictures >out 2>err || code=$?
case $code in
0) [ -s pictures/curves.png ] || fail 'no picture' ;;
2) grep -q 'librsvg' err || fail 'PNG failed without saying what is missing' ;;
*) fail "report --png: exit $code" ;;
esac
