#!/bin/sh
# Trials that a stop rule ends before they begin: what is built of them (nothing), with how many workers, what
# commands make of them, and how a later run takes them over.
set -eu
. tests/support/cli.sh
bring_architectures mlp
cat >"$here/space.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: [6, 9], steps_out: 3}
model: {architecture: mlp, alpha: [0.05, 0.1, 0.2]}
train: {epochs: 8, learning_rate: [0.001, 0.003, 0.01]}
export: {storage: [float32, float16]}
search: {method: nsga2, stop: dominance, stop_chance: 0.5, window: 4}
versions: {a: {T_mae: "< 100 °C", size: "< 1 MB"}}
objectives: {T_mae: minimize, size: minimize}
YAML
cd "$here"
scalar() { "$bin" sql "$1" "$2" --format csv | sed 1d; }
unbegun="state = 'stopped' and stopped_at = 0"

expect 0 plan space.yaml
out_has 'dominance  trainings may be stopped before they begin, or after 6 of 8 epochs'
expect 0 plan space.yaml --set search.stop=asha
out_has 'asha  trainings may be stopped after 6 of 8 epochs'

# --- the same with any number of workers ---
for n in 1 32; do
    expect 0 run space.yaml --db w$n.db -j $n
    expect 0 sql w$n.db 'select id, config, state, stopped_at, stop_chance, audit from trials order by id' --format csv
    mv out w$n.csv
done
cmp w1.csv w32.csv || fail 'the number of workers decides what is begun'
n=$(scalar w1.db "select count(*) from trials where $unbegun")
[ "$n" -gt 5 ] || fail "only $n trials are not begun"
expect 0 run space.yaml --db w1.db
err_has "; $n trainings were not begun"
[ "$(scalar w1.db "select count(*) from trial_stages where trial_id in (select id from trials where $unbegun)")" \
    -eq 0 ] || fail 'something of them is built'

# --- what commands make of them ---
trial=$(scalar w1.db "select min(id) from trials where $unbegun")
expect 0 explain w1.db "$trial"
out_has 'It was not begun: the stop rule ended it before the first epoch, at a chance of'
expect 0 query w1.db 'stopped_at = 0' --state stopped --columns trial --format csv
[ "$(wc -l <out)" -eq $((n + 1)) ] || fail 'not all are found'
expect 0 status w1.db
expect 0 top w1.db --once
out_has 'stopped early'
expect 0 why-not w1.db --version a
out_has 'were stopped early'
expect 0 compare w1.db "$trial" "$(scalar w1.db "select min(id) from trials where state = 'done'")"
expect 2 verify w1.db "$trial"
err_has 'is stopped: there is nothing to compare with'
expect 2 retry w1.db "$trial"
err_has 'is stopped: only failed ones can be tried again'
expect 0 report w1.db --out report
grep -q "$(scalar w1.db "select count(*) from trials where not ($unbegun)") trainings" report/curves.svg ||
    fail 'the curves count what has none'
expect 0 report w1.db --html
expect 0 export w1.db --optuna optuna.db
expect 0 gc w1.db

# --- without the rule they are trained, as if there had been none ---
expect 0 run space.yaml --db w1.db --set search.stop=none -q
[ "$(scalar w1.db "select count(*) from trials where state <> 'done'")" -eq 0 ] || fail 'not all are trained'
expect 0 run space.yaml --db plain.db --set search.stop=none -q
figures='select t.config_hash, m.metric, m.value from trial_metrics m join trials t on t.id = m.trial_id order by 1, 2'
for db in w1 plain; do
    expect 0 sql $db.db "$figures" --format csv
    mv out $db.csv
done
cmp w1.csv plain.csv || fail 'they differ from those of a run without a rule'
