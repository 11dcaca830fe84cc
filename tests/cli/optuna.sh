#!/bin/sh
# paretune export --optuna as Optuna itself reads it: the same front, states, parameters, figures, curves.
set -eu
. tests/support/cli.sh
python=
for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import optuna' 2>/dev/null && python=$candidate && break
done
bring_architectures mlp cnn-1d
cat >"$here/space.yaml" <<'YAML'
space: 1
title: It's "made up"
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: 6, steps_out: 3}
model: {architecture: [mlp, cnn-1d], alpha: [0.03, 0.1, 0.7]}
train: {epochs: 4, batch: [16, 32], optimizer: sgd, learning_rate: [0.0001, 10]}
prune: {final_sparsity: [0, 0.7], begin: 2, end: 4, frequency: 10}
versions: {easy: {T_mae: "< 100 °C", size: "< 1 MB"}}
objectives: {T_mae: minimize, size: minimize, sparsity: maximize}
YAML
cd "$here"
expect 3 run space.yaml -q
expect 3 run space.yaml -q --set data.seed=2 # another space of the same study
expect 0 export space.db --optuna optuna.db
out_has 'trials in 2 studies'
expect 2 export space.db --optuna optuna.db
err_has 'is there already'
expect 2 export space.db 1 --optuna other.db
expect 2 export none.db --optuna other.db
[ "$(find . -name 'other.db*' | wc -l)" -eq 0 ] || fail 'something is left of what failed'
[ -n "$python" ] || {
    echo 'no python3-optuna here'
    exit 77
}
"$bin" query space.db --columns all --state all --format json >trials.json
"$bin" query space.db --front --columns trial --format json >front.json
cat >check.py <<'PY'
import json, math, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
storage = "sqlite:///optuna.db"
assert {s.study_name for s in optuna.get_all_study_summaries(storage)} == {"space", "space (space 1)"}
study = optuna.load_study(study_name="space", storage=storage)
assert [d.name for d in study.directions] == ["MINIMIZE", "MINIMIZE", "MAXIMIZE"]
assert study.user_attrs["title"] == 'It\'s "made up"', study.user_attrs
assert study.user_attrs["version easy"] == ["T_mae < 100 °C", "size < 1 MB"]
ours = {row["trial"]: row for row in json.load(open("trials.json"))}
assert len(study.trials) == len(ours) == 48, len(study.trials)
states = {"done": "COMPLETE", "failed": "FAIL"}
seen = set()
for number, trial in enumerate(study.trials):
    row = ours[trial.user_attrs["paretune trial"]]
    assert trial.number == number
    assert trial.state.name == states[row["state"]]
    seen.add(trial.state.name)
    assert trial.datetime_start <= trial.datetime_complete
    knobs = ["architecture", "alpha", "batch", "learning_rate", "final_sparsity"]
    assert trial.params == {k: row[k] for k in knobs}, (trial.params, row)
    for name, value in trial.params.items():
        assert trial.distributions[name]._contains(trial.distributions[name].to_internal_repr(value))
    if trial.state.name == "COMPLETE":
        assert trial.values == [row["T_mae"], row["size"], row["sparsity"]]
        assert trial.user_attrs["RH_mae_test"] == row["RH_mae_test"]
        assert sorted(trial.intermediate_values) == [1, 2, 3, 4]
        assert math.isclose(trial.intermediate_values[4], row["val_loss"], rel_tol=1e-6)
    else:
        assert "diverged" in trial.user_attrs["paretune error"]
assert seen == {"COMPLETE", "FAIL"}
kinds = {name: type(d).__name__ for name, d in study.trials[0].distributions.items()}
assert kinds == {"architecture": "CategoricalDistribution", "alpha": "FloatDistribution", "batch": "IntDistribution",
                 "learning_rate": "FloatDistribution", "final_sparsity": "FloatDistribution"}, kinds
assert study.trials[0].distributions["alpha"].log and not study.trials[0].distributions["final_sparsity"].log
best = {t.user_attrs["paretune trial"] for t in study.best_trials}
assert best == {row["trial"] for row in json.load(open("front.json"))}, best
# It can be gone on with.
trial = study.ask()
assert trial.number == 48
PY
"$python" check.py >out 2>err || fail 'Optuna reads something else'
