#!/bin/sh
# paretune grade: the figures of a study's own trials again, verdicts, front ends from metadata or shape,
# and files that cannot be graded beside others that can.
set -eu
. tests/support/cli.sh
bring_architectures mlp mlp-kws
cat >"$here/weather.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: 6, steps_out: 3}
model: {architecture: mlp, alpha: [0.05, 0.1]}
train: {epochs: 1}
export: {pack: zlib}
versions:
  easy: {T_mae: "< 100 °C", RH_mae: "< 100 %", size: "< 1 MB"}
  hard: {T_mae: "< 100 °C", size: "< 10 B"}
objectives: {T_mae: minimize, size: minimize}
YAML
cat >"$here/words.yaml" <<'YAML'
space: 1
task: keywords
data: {source: synthetic-keywords, clips: 160, speakers: 12, hop_ms: 40, mel_bins: [20, 24], coefficients: 8}
model: {architecture: mlp-kws, alpha: 0.05}
train: {epochs: 2, learning_rate: 0.01}
device: raspberry-pi-4
versions:
  easy: {accuracy: "> 0.1 %", modelled_total_ms: "< 1000 ms"}
objectives: {accuracy: maximize}
YAML
cd "$here"

# column NAME ROW: a cell of the CSV in `out` without commas inside.
column() {
    awk -F, -v name="$1" -v row="$2" \
        'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } NR == row + 1 { print $c }' out
}

# The figures of a trial and those of its exported file are the same, to the last digit.
figures=T_mae,RH_mae,mse,T_mae_test,RH_mae_test,mse_test,size,size_flat,size_zlib,size_zip,macs,arena
expect 3 run weather.yaml -q # no network has 10 bytes
expect 0 query weather.db trial=1 --columns $figures --format csv
cp out trial
expect 0 export weather.db 1 --out given
mkdir given/packed
mv given/model.tflite.zlib given/model.tflite.zip given/packed
# A figure that nobody measured leaves the verdict open, unless another limit decides it.
expect 0 grade given/model.tflite --space weather.yaml --set device.run=true --csv --set \
    'versions={open: {T_mae: "< 100 °C", device_total_ms: "< 4 ms"}, shut: {device_total_ms: "< 4 ms", size: "< 100 B"}}'
[ "$(column open 1) $(column open_binds 1)" = 'unknown device_total_ms' ] || fail "the verdict is not open"
[ "$(column shut 1) $(column shut_binds 1)" = 'not met size' ] || fail "the verdict is not decided"

expect 0 grade given --space weather.yaml --csv
[ "$(grep -c . out)" -eq 4 ] || fail "not one row for each of the three files"
for name in $(echo $figures | tr , ' '); do
    want=$(awk -F, -v name="$name" \
        'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } NR == 2 { print $c }' trial)
    [ -n "$want" ] || fail "the trial has no $name"
    [ "$(column "$name" 1)" = "$want" ] || fail "$name is $(column "$name" 1), the trial's $want"
done
[ "$(column file 2)" = packed/model.tflite.zip ] || fail "files are not in order"
[ "$(column packing 2)$(column packing 3)" = zipzlib ] || fail "packings are not told apart"
[ "$(column T_mae_test 3)" = "$(column T_mae_test 1)" ] || fail "a packed file has other errors"
[ "$(column easy 1)" = met ] || fail "easy limits are not met"
[ "$(column hard 1),$(column hard_binds 1)" = 'not met,size' ] || fail "10 bytes are not too few"
echo "$(column size 1) $(column hard_margin 1)" |
    awk '{ d = $2 - (10 - $1) / 10; exit d > 1e-9 || d < -1e-9 }' || fail "a wrong margin"
find weather.artifacts -name '*.grade.json' | grep -q . && fail "answers were left behind"

# What cannot be graded says why, and the others go on.
head -c 600 given/model.tflite >given/cut.tflite
printf 'not a model' >given/words.tflite
: >given/empty.tflite
head -c 3000 /dev/urandom >given/noise.tflite.zlib
expect 3 grade given --space weather.yaml --workers 2 --json
[ "$(grep -c '"easy": "met"' out)" -eq 3 ] || fail "good files suffer from bad ones"
[ "$(grep -c '"easy": "not graded"' out)" -eq 4 ] || fail "not four bad files"
grep '"easy": "not graded"' out | grep -q '"note": ""' && fail "a bad file without a reason"
expect 3 grade given/model.tflite given/cut.tflite --space weather.yaml -q
out_has 'met +'
[ ! -s err ] || fail "-q talks"
expect 3 grade given/model.tflite --space weather.yaml --set data.steps_out=6
out_has 'gives 1x3x2, but the space asks for 6 steps of 2'
expect 3 grade given/model.tflite --space words.yaml
out_has "takes 1x6x2, but the space's front ends give"

# Inputs that are normalised by other figures.
expect 0 grade given/model.tflite --space weather.yaml --csv
normal=$(column T_mae_test 1)
expect 0 grade given/model.tflite --space weather.yaml --csv --mean 0,0 --std 1,1
[ "$(column T_mae_test 1)" != "$normal" ] || fail "--mean and --std change nothing"
expect 2 grade given/model.tflite --space weather.yaml --mean 0,0
err_has '--mean and --std belong together'
expect 2 grade given/model.tflite --space weather.yaml --mean 0,x --std 1,1
err_has "--mean: '0,x' must be numbers with commas"
expect 3 grade given/model.tflite --space weather.yaml --mean 0,0,0 --std 1,1,1
out_has 'a mean and a deviation for 3 inputs do not fit the data'
expect 2 grade given/model.tflite --space words.yaml --mean 0,0 --std 1,1

# Keywords: the file says how its features are made, though the shape leaves two choices.
expect 0 run words.yaml -q
expect 0 query words.db trial=2 --columns accuracy,accuracy_test,loss_test,modelled_total_ms --format csv
cp out trial
expect 0 export words.db 2 --out keyword
expect 0 grade keyword/model.tflite --space words.yaml --csv --latency 2024
sed -n 2p trial | tr , '\n' >want
for name in accuracy accuracy_test loss_test modelled_total_ms; do
    # the front end's JSON has commas: count from the end of what it holds
    sed 's/"{[^}]*}"//' out >plain && mv plain out
    [ "$(column "$name" 1)" = "$(head -n 1 want)" ] ||
        fail "$name is $(column "$name" 1), the trial's $(head -n 1 want)"
    sed 1d want >rest && mv rest want
done
awk -v v="$(column inference_ms 1)" 'BEGIN { exit !(v > 0) }' || fail "no latency"

# Without metadata the choice is the user's.
LC_ALL=C sed 's/"features"/"natures "/' keyword/model.tflite >plain.tflite
expect 3 grade plain.tflite --space words.yaml
out_has 'does not say how its features are made'
out_has '(mel_bins 20), (mel_bins 24)'
expect 0 grade plain.tflite --space words.yaml --set data.mel_bins=24

expect 2 grade given
err_has '--space SPACE.yaml'
mkdir nothing
expect 2 grade nothing --space weather.yaml
err_has 'no .tflite'
expect 2 grade given --space weather.yaml --labels a,b
err_has 'no list data.words'
mkfifo pipe.tflite
expect 2 grade pipe.tflite --space weather.yaml
err_has 'neither a file nor a folder'

# A model and its C.
expect 0 export keyword/model.tflite --c --out c
cc -std=c11 -Wall -Wextra -Werror -pedantic -c c/model.c -o model.o || fail "the C does not compile"
grep -q 'features_compute' c/model.h || fail "no front end in the C"
expect 0 export words.db 2 --c --out c2
cmp c/model.c c2/model.c || fail "two ways to the same C differ"
expect 2 export words.db 2 --features '{kind: mfcc}'
expect 2 export given/cut.tflite --c
err_has 'given/cut.tflite: damaged file: ' # not its front end
printf '#define MODEL_TFLITE\n#include "model.h"\nint main(void) { return sizeof model_tflite != %d; }\n' \
    "$(wc -c <keyword/model.tflite)" >c/main.c
cc -std=c11 -o sized c/main.c && ./sized || fail "the array is not the file"
