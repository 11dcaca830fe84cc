#!/bin/sh
# Further seeds go where they can decide something, within bounds, and to the same candidates whatever the number of
# workers.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/race.yaml" <<SPACE
space: 1
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 3, steps_in: 6, steps_out: 3}
model: {architecture: mlp, alpha: [0.02, 0.05, 0.1, 0.2]}
train: {epochs: 2, learning_rate: [0.003, 0.01]}
export: {storage: [float32, float16], pack: flat}
seeds: [1, 2, 3]
search: {method: greybox, aim: front, max_seeds: 3, window: 4, max_trials: 30}
objectives: {T_mae: minimize, size: minimize}
SPACE
for workers in 1 3; do
    "$PARETUNE_BIN" run "$folder/race.yaml" --db "$folder/$workers.db" -j $workers -q --architectures spaces/architectures \
        >"$folder/out" 2>&1 || {
        cat "$folder/out"
        exit 1
    }
    "$PARETUNE_BIN" sql "$folder/$workers.db" --format csv \
        "SELECT id, config_hash, seed FROM trials ORDER BY id" >"$folder/$workers.csv"
done
cmp "$folder/1.csv" "$folder/3.csv"
one=$(grep -c ',1$' "$folder/1.csv")
more=$(grep -c ',[23]$' "$folder/1.csv")
echo "$one trials with the first seed, $more with further ones"
[ "$more" -ge 3 ] && [ "$more" -le "$one" ]
