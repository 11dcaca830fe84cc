#!/bin/sh
# paretune grade over forty files by other people, by a forecasting and a keyword space: each gets a verdict
# or a reason.
set -eu
[ -n "${PARETUNE_DATA:-}" ] || {
    echo "PARETUNE_DATA is not set"
    exit 77
}
data=$(cd "$PARETUNE_DATA" && pwd)
export PARETUNE_DATA="$data"
. tests/support/cli.sh
bring_architectures mlp mlp-kws
cat >"$here/weather.yaml" <<'YAML'
space: 1
task: forecast
data: {source: jena-csv, file: jena/jena_*.csv, steps_in: 6, steps_out: [1, 3, 6, 9]}
model: {architecture: mlp, alpha: 0.1}
versions:
  a: {T_mae: "< 0.6 °C", RH_mae: "< 2 %", size: "< 2 kB"}
objectives: {T_mae: minimize}
YAML
# Training clips are not looked at: one of them is enough, and saves most of the time.
for part in val test; do cp "$data/speech_commands/splits/random_$part.txt" "$here/$part.txt"; done
head -n 1 "$data/speech_commands/splits/random_train.txt" >"$here/train.txt"
cat >"$here/words.yaml" <<YAML
space: 1
task: keywords
data: {source: speech-folders, folder: $data/speech_commands, words: [stop, up, yes, right, left, no, down, go],
       split: lists, train_list: $here/train.txt, val_list: $here/val.txt, test_list: $here/test.txt}
model: {architecture: mlp-kws, alpha: 0.05}
versions:
  a: {accuracy: "> 90 %", size: "< 25 kB"}
objectives: {accuracy: maximize}
YAML
cd "$here"

# judge SPACE OPTIONS...: grades all files; the front ends' JSON, which has commas, is left out of `out`.
judge() {
    code=0
    "$bin" grade "$data/oracles" --space "$@" --csv >csv 2>err || code=$?
    sed 's/"{[^}]*}"//' csv >out
    [ "$code" -eq 3 ] || fail "exit $code, not 3"
    [ "$(grep -c '\.tflite' out)" -eq 40 ] || fail "not a row for each of the forty files"
    grep -v '^file' out | grep -v ',met,' | grep -v ',not met,' | grep -v 'not graded,,,.' &&
        fail "a file has neither a verdict nor a reason"
    return 0
}

# figure FILE COLUMN
figure() {
    awk -F, -v name="$2" -v file="$1.tflite" \
        'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } $1 == file { print $c }' out
}

# within VALUE LEAST MOST
within() { awk -v v="$1" -v least="$2" -v most="$3" 'BEGIN { exit !(v != "" && v >= least && v <= most) }'; }

# These networks were trained on the whole series: its mean and deviation, not those of the rows here.
judge weather.yaml --mean 9.107597,75.904076 --std 8.654227,16.557089
[ "$(grep -c 'not graded' out)" -eq 24 ] || fail "not 24 files are of the other task"
within "$(figure 04a8db393c21 T_mae_test)" 0.3 0.7 || fail "T of 04a8db393c21 is $(figure 04a8db393c21 T_mae_test)"
within "$(figure 04a8db393c21 RH_mae_test)" 1.5 2.2 || fail "RH of 04a8db393c21"
[ "$(figure 0c6390a64a03 a)" = 'not met' ] || fail "65 kB are under 2 kB"

judge words.yaml
within "$(figure 20bf6f434c58 accuracy_test)" 92 96 || fail "the staff's network: $(figure 20bf6f434c58 accuracy_test)"
[ "$(figure 42d7f35aeb85 a)" = met ] || fail "42d7f35aeb85 does not meet the limits"
# An int8 network counts as its floats do.
within "$(figure 4b7002d285ed accuracy_test)" 88 94 || fail "4b7002d285ed"
grep '^33dba797d013' out | grep -q 'with --labels down,go,left,no,right,stop,up,yes' ||
    fail "the other order of words is not seen"
grep '^1c487ab015b5' out | grep -q '1x32x32x1' || fail "a wrong reason for 1c487ab015b5"
