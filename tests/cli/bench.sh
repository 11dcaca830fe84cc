#!/bin/sh
# paretune bench and device, and a study that measures latency: what they say, not how fast it is.
set -eu
. tests/support/cli.sh
bring_architectures mlp-kws
cat >"$here/space.yaml" <<'YAML'
space: 1
task: keywords
data: {source: synthetic-keywords, clips: 48, speakers: 6, seed: 1, coefficients: [8, 10]}
model: {architecture: mlp-kws, alpha: 0.05}
train: {epochs: 1}
latency: {protocol: 2024}
device: raspberry-pi-4
versions:
  quick: {inference_ms: "< 1000 ms", modelled_total_ms: "< 1000 ms"}
objectives: {accuracy: maximize, inference_ms: minimize}
YAML
cd "$here"

expect 0 plan space.yaml --list 2
out_has 'latency'
out_has 'modelled_total_ms'
expect 0 run space.yaml
out_has 'pick'
out_has 'inference_ms < 1000 ms'
expect 0 query space.db 'inference_ms > 0 and total_ms > inference_ms and modelled_total_ms > 10' \
    --columns trial,inference_ms,total_ms,modelled_inference_ms,modelled_total_ms --format csv
[ "$(grep -c . out)" -eq 3 ] || fail "not both trials have their times"

# What was measured is not measured again.
expect 0 run space.yaml
err_has '0 stages to build'

model=$(find space.artifacts -name '*.tflite' | head -n 1)
expect 0 bench "$model"
out_has 'resampling and features'
out_has 'inference by protocol 2024'
expect 0 bench "$model" --protocol 2020 --format csv
[ "$(head -n 1 out)" = 'part,runs,least,median,mean,most,deviation' ] || fail "another header"
out_has 'resampling,200,'
expect 0 bench "$model" --operators
out_has 'FULLY_CONNECTED'
expect 2 bench "$model" --protocol 1999
err_has "'1999' is no latency protocol; use 2020 or 2024"
expect 2 bench "$model" --operators --tflite-lib lib.so
expect 2 bench space.yaml
err_has 'space.yaml: '
expect 1 bench "$model" --tflite-lib ./no-such-library.so

expect 0 device show
out_has 'not a measurement'
out_has 'Lab 4 discussion 2020-22'
expect 2 device show toaster
err_has 'use raspberry-pi-4'
expect 2 device measure

# --- another machine ---

# Here it is this one; `device: {run: ...}` beside a modelled device.
sed 's/^latency: .*//; s/^device: .*//; s/^versions:.*//; s/^  quick:.*//; s/inference_ms/device_inference_ms/' \
    space.yaml >device.yaml
device() { # exit code, command as a YAML scalar
    expect "$1" run device.yaml --set "device.run=$2" --set device=raspberry-pi-4
}
expect 0 plan device.yaml --set "device.run='$bin'" --list 1
out_has 'device  '
device 0 "'$bin'"
expect 0 query device.db 'device_inference_ms > 0 and device_total_ms > device_inference_ms' \
    --columns trial,device_inference_ms,device_total_ms,modelled_inference_ms --format csv
[ "$(grep -c . out)" -eq 3 ] || fail "not both trials have their times on the device"
expect 0 query device.db 'inference_ms > 0' --format csv
[ "$(grep -c . out)" -eq 1 ] || fail "times of another machine stand in this one's column"
device 0 "'$bin'"
err_has '0 stages to build'

# Its own script, with the file where it likes; answers of other protocols do not mix.
echo 'cp "$1" sent.tflite; echo "{\"protocol\":\"$2\",\"inference_ms\":1.5,\"total_ms\":9}"' >pi.sh
device 0 "'sh pi.sh {model} {protocol}'"
[ -s sent.tflite ] || fail "the script did not get the model"
expect 0 query device.db 'device_total_ms = 9' --format csv
[ "$(grep -c . out)" -eq 3 ] || fail "not both trials have the script's times"

# What a device does wrong is told, is a failure of the trial, and is tried again by the next run.
wrong() { # command, message
    device 3 "$1"
    expect 0 status device.db
    cat err >>out
    out_has "$2"
}
wrong "'exit 9'" "ended with code 9: it said nothing"
wrong "'echo hello; true #'" "the device answers hello?:"
wrong "'yes #'" "the device's answer is over 65536 bytes"
wrong "'sh pi.sh x 2020 #'" "a latency record by protocol 2020, not 2024"
wrong "'cat lamp #'" "No such file"
echo '{"protocol":"2024","inference_ms":2,"total_ms":3}' >lamp
device 0 "'cat lamp #'"

# --- TensorFlow Lite in place of our interpreter ---

expect 2 run space.yaml --xnnpack
err_has 'needs --tflite-lib'
expect 2 run space.yaml --tflite-lib ./no-such-library.so
err_has 'there is no such file'
expect 2 run space.yaml --tflite-lib pi.sh --set latency.protocol=none
err_has 'measures no latency'
expect 2 check space.yaml --set latency.runtime=tflite
err_has 'latency.library'
expect 3 run space.yaml --tflite-lib pi.sh
expect 0 status space.db
cat err >>out
out_has 'cannot load TensorFlow Lite'
if [ -n "${PARETUNE_TFLITE_LIB:-}" ]; then
    expect 0 run space.yaml --tflite-lib "$PARETUNE_TFLITE_LIB"
    expect 0 run space.yaml --tflite-lib "$PARETUNE_TFLITE_LIB" --xnnpack
    expect 0 sql space.db "select count(distinct params) from stages where kind = 'latency' and state = 'done'" \
        --format csv
    [ "$(tail -n 1 out)" = 3 ] || fail "results of three interpreters are not kept apart"
    expect 0 bench "$model" --tflite-lib "$PARETUNE_TFLITE_LIB" --record
    out_has '"runtime":"tflite"'
else
    echo "note: TensorFlow Lite is not here (make tflite-lib); timing with it is skipped"
fi
expect 2 bench "$model" --operators --record
expect 0 bench - --record <"$model"
out_has '{"protocol":"2024","runtime":"paretune","inference_ms":'
