#!/bin/sh
# paretune bench and device, and a study that measures latency: what they say, not how fast it is.
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
mkdir "$here/architectures"
cp spaces/architectures/mlp-kws.yaml "$here/architectures/"
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
bin=$(cd "$(dirname "$PARETUNE_BIN")" && pwd)/$(basename "$PARETUNE_BIN")
cd "$here"

fail() {
    echo "bench.sh: $1"
    head -c 3000 out err
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
