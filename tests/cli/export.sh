#!/bin/sh
# paretune export: the file of a pick or a trial, the one that was scored, wherever the folder of
# artifacts is.
set -eu
. tests/support/cli.sh
bring_architectures mlp lstm
cat >"$here/space.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: 6, steps_out: 3}
model: {architecture: mlp, alpha: 0.05}
train: {epochs: 1}
export: {pack: zlib}
seeds: [1, 2]
versions:
  easy: {T_mae: "< 100 °C", size: "< 1 MB"}
objectives: {T_mae: minimize, size: minimize}
YAML
cd "$here"

expect 0 run space.yaml -q
out_has 'paretune export space.db --pick easy'
out_has 'seed=' # two seeds: the number alone tells the trials apart
expect 0 query space.db
head -n 1 out | grep -q '^trial *seed' || fail "query shows no seeds, though there are two"

expect 0 export space.db --pick easy --out easy
expect 0 sql space.db 'select size_flat, size_zlib, size_zip, model, trial from picks' --format csv
IFS=, read -r flat zlib zip model trial <<ROW
$(sed -n 2p out)
ROW
[ "$(bytes easy/model.tflite)" = "$flat" ] || fail "model.tflite is not size_flat"
[ "$(bytes easy/model.tflite.zlib)" = "$zlib" ] || fail "model.tflite.zlib is not size_zlib"
[ "$(bytes easy/model.tflite.zip)" = "$zip" ] || fail "model.tflite.zip is not size_zip"
cmp "space.artifacts/$model" easy/model.tflite || fail "another file than column model names"
for packed in easy/model.tflite.zlib easy/model.tflite.zip; do
    expect 0 invoke "$packed"
done
expect 0 export space.db "$trial"
cmp easy/model.tflite "trial-$trial/model.tflite" || fail "a trial's number gives another file"
expect 0 report space.db
out_has 'paretune export space.db --pick easy'
grep -q "$model" report-space/picks.csv || fail "picks.csv does not name the file"
grep -q "$model" report-space/trials.csv || fail "trials.csv does not name the file"

expect 2 export space.db
err_has '--pick VERSION'
expect 2 export space.db 1 --pick easy
expect 2 export space.db easy
err_has '--pick easy'
expect 2 export space.db 77
err_has 'no trial 77'
expect 2 export space.db --pick eesy
err_has "did you mean 'easy'"

printf 'x' >>"space.artifacts/$model"
expect 2 export space.db --pick easy
err_has 'damaged'
mv space.artifacts elsewhere
expect 2 export space.db --pick easy
err_has 'is gone'
expect 2 export space.db --pick easy --artifacts elsewhere
err_has 'damaged'

# The next run says in few words what it builds again.
expect 0 run space.yaml
[ "$(grep -c 'is missing or damaged' err)" -eq 3 ] || fail "not three lines about lost files"
grep -q 'run: and [0-9]* more are missing' err || fail "no word about the other lost files"

# The database knows a folder that was chosen, from wherever it is asked.
mkdir other
expect 0 run space.yaml -q --db far.db --artifacts other/models
cd other
"$bin" export ../far.db --pick easy >../out 2>../err || { cd ..; fail "a chosen folder is not found"; }
cd ..

expect 0 run space.yaml -q --db lstm.db --set model.architecture=lstm
out_has 'reset_all_variables'
expect 0 export lstm.db --pick easy --out lstm
err_has 'reset_all_variables'

# Output to standard output is not a file called '-'.
head -c 48 /dev/zero >x.raw
expect 0 invoke easy/model.tflite --input x.raw --output -
[ ! -e ./- ] || fail "invoke wrote a file called '-'"
[ "$(bytes out)" -eq 24 ] || fail "invoke --output -: not the tensor's 24 bytes"

# Beyond the limit of a file's size a run fails with words, not by a signal.
code=0
(ulimit -f 16 && exec "$bin" run space.yaml -q --db small.db) >out 2>err || code=$?
[ "$code" -eq 1 ] || fail "under ulimit -f: exit $code instead of 1"
