#!/bin/sh
# The static paretune-bench for arm64 under qemu: it knows its options, times a model, and computes from
# the same file the same bits as this machine's program, for which other tests hold the recorded
# outputs of TensorFlow Lite.
set -eu
bench=build/arm64/paretune-bench
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
[ -x "$bench" ] || { echo "build/arm64/paretune-bench is not built (make bench-arm64)"; exit 77; }
[ -n "$qemu" ] || { echo "qemu-aarch64 is not installed"; exit 77; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

fail() {
    echo "arm64.sh: $1"
    exit 1
}

# Its own libraries: none.
"$qemu" -L /nonexistent "$bench" --version | grep -q '^paretune-bench ' || fail "no version"

# same_bits MODEL INPUT
same_bits() {
    "$qemu" "$bench" invoke "$1" --input "$2" --output "$here/emulated.raw"
    "$PARETUNE_BIN" invoke "$1" --input "$2" --output "$here/native.raw"
    cmp "$here/emulated.raw" "$here/native.raw" || fail "$1: other bits than here"
    compared=$((compared + 1))
}

compared=0
for model in tests/fuzz/corpus/tflite/*; do
    bytes=$("$PARETUNE_BIN" invoke "$model" 2>/dev/null |
        sed -n 's/^input: float32 .*, \([0-9]*\) bytes$/\1/p')
    [ -n "$bytes" ] || continue # the corpus holds damaged files, too
    # Values between 1 and 4 with all fraction bits in use, the same each time.
    awk -v n="$((bytes / 4))" 'BEGIN { for (i = 0; i < n; i++)
        printf "\\%03o\\%03o\\%03o\\077", i * 37 % 256, i * 101 % 256, i * 59 % 256 }' >"$here/text"
    printf "$(cat "$here/text")" >"$here/in.raw"
    same_bits "$model" "$here/in.raw"
done
if [ -n "${PARETUNE_DATA:-}" ] && [ -d "$PARETUNE_DATA/oracles" ]; then
    for model in "$PARETUNE_DATA"/oracles/*.tflite; do
        same_bits "$model" "${model%.tflite}.0.in"
    done
else
    echo "note: PARETUNE_DATA is not set; the recorded models are skipped"
fi
[ "$compared" -ge 3 ] || fail "only $compared models were compared"
echo "arm64: $compared models give the same bits"

model=$(ls tests/fuzz/corpus/tflite/*float32.tflite | head -n 1)
"$qemu" "$bench" bench "$model" --format csv >"$here/out"
grep -q '^inference,200,' "$here/out" || fail "bench does not time $model"
code=0
"$qemu" "$bench" bench "$model" --tflite-lib lib.so >"$here/out" 2>&1 || code=$?
[ "$code" -eq 2 ] || fail "bench --tflite-lib: exit $code instead of 2"
grep -q 'linked statically' "$here/out" || fail "bench --tflite-lib does not say why it cannot"

# A study measures on it as on any device.
mkdir "$here/architectures"
cp spaces/architectures/mlp-2.yaml "$here/architectures/"
cat >"$here/space.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 2000, steps_in: 6, steps_out: 3}
model: {architecture: mlp-2, units: [4, 8]}
train: {epochs: 1}
objectives: {size: minimize, device_inference_ms: minimize}
YAML
"$PARETUNE_BIN" run "$here/space.yaml" --db "$here/study.db" -q \
    --set "device.run='\"$qemu\" \"$PWD/$bench\"'" >"$here/out" 2>&1 ||
    fail "a study on the device: $(cat "$here/out")"
"$PARETUNE_BIN" query "$here/study.db" 'device_inference_ms > 0' --format csv >"$here/out"
[ "$(grep -c . "$here/out")" -eq 3 ] || fail "not both trials have their times on the device"
