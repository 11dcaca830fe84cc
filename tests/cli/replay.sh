#!/bin/sh
# paretune replay: a study becomes a table, and both give the same search; bad options are explained.
set -eu
. tests/support/cli.sh
bring_architectures mlp
cat >"$here/space.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: 6, steps_out: 3}
model: {architecture: mlp, alpha: [0.05, 0.1, 0.2]}
train: {epochs: 4}
prune: {final_sparsity: [0, 0.8], initial_sparsity: 0.2, begin: 1, end: 3}
versions:
  easy: {T_mae: "< 100 °C", size: "< 1 MB"}
objectives: {T_mae: minimize, size: minimize}
YAML
cd "$here"

expect 0 run space.yaml -q
expect 0 replay space.db --write-table table.csv
[ "$(grep -c '^[0-9]' table.csv)" -eq 6 ] || fail "the table has not six trainings"
grep -q '^# objective T_mae minimize trained$' table.csv || fail "T_mae is not trained"
grep -q '^# objective size minimize exact$' table.csv || fail "size is not exact"
grep -q '^# version easy: T_mae < 100, size < 1000000$' table.csv || fail "the version is not there"
grep -q 'epoch.4$' table.csv || fail "the curves have not four epochs"

expect 0 replay space.db --trials 0 --format csv
mv out of-study
expect 0 replay table.csv --trials 0 --format csv
cmp -s out of-study || fail "a study and its table differ"
expect 0 replay table.csv --trials 0 --stop asha --format csv --summary
[ "$(wc -l <out)" -eq 2 ] || fail "--summary is not one row"
out_has 'epochs_unstopped'
# Three pairs share what comes before pruning begins, one epoch of four: 3 * (4 + 3).
"$bin" replay table.csv --trials 0 --format json --summary >out
out_has '"epochs_alone": 24'
out_has '"epochs_unstopped": 21'

expect 2 replay table.csv --method magic
err_has 'random'
expect 2 replay table.csv --stop magic
err_has 'dominance'
expect 2 replay table.csv --aim other
err_has 'versions'
expect 2 replay space.yaml
expect 2 replay nothing.csv
