#!/bin/sh
# A keyword space from made-up words to picks: the same bytes with one worker and with two, and what is
# planned is what is built.
set -eu
. tests/support/cli.sh
bring_architectures ds-cnn temporal-residual
cat >"$here/words.yaml" <<'YAML'
space: 1
task: keywords
data: {source: synthetic-keywords, clips: 160, speakers: 12, hop_ms: 40, mel_bins: 20, coefficients: [8, 10]}
model: {architecture: [ds-cnn, temporal-residual], alpha: 0.05, padding: same, channels: 8, blocks: 2}
train: {epochs: 3, learning_rate: 0.01, keep: best}
prune: {final_sparsity: [0, 0.5], begin: 1, end: 2, frequency: 2}
versions:
  easy: {accuracy: "> 1 %", size: "< 1 MB"}
objectives: {accuracy: maximize, size: minimize}
YAML
cd "$here"

for workers in 1 2; do
    "$bin" run words.yaml -q --db "with$workers.db" --workers $workers >out 2>&1 || fail "$workers workers"
    (cd "with$workers.artifacts" && find . -type f | sort | xargs cksum) >"sums$workers"
done
cmp -s sums1 sums2 || fail "one worker and two do not build the same bytes"
[ "$(grep -c examples sums1)" -eq 2 ] || fail "not one set of clips for each front end"
grep -q 'pick' out || fail "no pick"

# Sets that are cut into shards, and training that hears something else in every epoch.
cat >augmented.yaml <<'YAML'
space: 1
task: keywords
data: {source: synthetic-keywords, clips: 1300, speakers: 40, hop_ms: 50, mel_bins: 20, coefficients: 8}
model: {architecture: ds-cnn, alpha: 0.02, padding: same}
train: {epochs: 2, learning_rate: 0.01}
augment: {shift_ms: [0, 100], noise: 0.5, gain_db: 6, time_masks: 1}
prune: {final_sparsity: [0, 0.5], begin: 1, end: 2, frequency: 2}
versions:
  easy: {accuracy: "> 1 %", size: "< 1 MB"}
objectives: {accuracy: maximize, size: minimize}
YAML
for workers in 1 2; do
    "$bin" run augmented.yaml -q --db "more$workers.db" --workers $workers >out 2>&1 || fail "$workers workers"
    (cd "more$workers.artifacts" && find . -type f | sort | xargs cksum) >"more$workers"
done
cmp -s more1 more2 || fail "augmented: one worker and two do not build the same bytes"
[ "$(grep -c examples more1)" -eq 5 ] || fail "not a set of two shards, and waveforms in two"
"$bin" plan augmented.yaml --format csv >out
[ "$(sed 1d out | cut -d, -f6)" = "$(grep -c examples more1)" ] || fail "other data stages than planned"

# The exact figures of the plan are those of the trials.
columns=n_params,macs,size_flat,arena
"$bin" plan words.yaml --list 8 --format csv >out
sed 1d out | cut -d, -f5- | sort >planned
"$bin" query with1.db --columns $columns --format csv >out
sed 1d out | sort >built
cmp -s planned built || fail "what was planned is not what was built: $(diff planned built)"
