#!/bin/sh
# paretune inspect: flat and packed files of a study, several at once, every format; what is no model
# is named and gives exit 2.
set -eu
. tests/support/cli.sh
bring_architectures mlp
cat >"$here/space.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: 6, steps_out: 3}
model: {architecture: mlp, alpha: 0.05}
train: {epochs: 1}
export: {pack: zopfli}
versions:
  easy: {T_mae: "< 100 °C", size_zopfli: "< 1 MB"}
objectives: {T_mae: minimize, size: minimize}
YAML
cd "$here"

expect 0 run space.yaml -q
expect 0 export space.db --pick easy --out m
expect 0 sql space.db 'select size, size_zopfli, size_zopfli_zip from picks' --format csv
[ "$(sed -n 2p out)" = "$(bytes m/model.tflite.zlib),$(bytes m/model.tflite.zlib),$(bytes m/model.tflite.zip)" ] ||
    fail "the packed files are not those that were counted"
if command -v unzip >/dev/null; then
    unzip -p m/model.tflite.zip model.tflite | cmp - m/model.tflite || fail "unzip gives other bytes"
fi

expect 0 inspect m/model.tflite
for word in FULLY_CONNECTED 'float32' 'vtables' 'code tables' 'frame'; do out_has "$word"; done
flat=$(bytes m/model.tflite)
expect 0 inspect m/* --format csv
[ "$(wc -l <out)" -eq 4 ] || fail "not a row for each of three files"
out_has "m/model.tflite,flat,$flat,$flat,"
out_has "m/model.tflite.zip,zip,$(bytes m/model.tflite.zip),$flat,$(bytes m/model.tflite.zip),"
out_has "m/model.tflite.zlib,zlib,$(bytes m/model.tflite.zlib),$flat,"

# The parts of both forms add up to the last row.
for form in m/model.tflite m/model.tflite.zip; do
    expect 0 inspect "$form" --show parts --format csv
    awk -F, 'NR > 1 && $2 != "all" { b += $3; p += $5 } $2 == "all" { exit b != $3 || p != $5 }' out ||
        fail "the parts of $form do not add up"
done
expect 0 inspect m/model.tflite --show tensors --format json
out_has '"role": "input"'
expect 0 inspect m/model.tflite --show summary
grep -q FULLY out && fail "--show summary shows operators"

echo 'not a model' >x.tflite
head -c 200 m/model.tflite >cut.tflite
expect 2 inspect x.tflite m/model.tflite cut.tflite gone.tflite --format csv
[ "$(wc -l <out)" -eq 2 ] || fail "the good file among bad ones is not shown"
err_has 'x.tflite: not a .tflite file'
err_has 'cut.tflite: damaged file'
err_has 'gone.tflite'
expect 2 inspect m/model.tflite --show parst
err_has '--show parst'
expect 2 inspect
exit 0
