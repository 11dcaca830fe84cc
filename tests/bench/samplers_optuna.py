"""Optuna's samplers on the table of bench_samplers, in its format: which points they try.

  samplers_optuna.py TABLE.csv SAMPLER SEED N_TRIALS   prints the number of the point of each trial, one a line

SAMPLER is nsga2 (population 20) or tpe (multivariate). TABLE.csv: a row for each point, the levels of its knobs
(columns word:... and number:...), its true figures (max:... and min:...), and the standard deviation of each
in a training (noise:...), which is drawn here.
"""
import sys
import warnings

import numpy as np
import optuna

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def sampler_of(name, seed):
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(population_size=20, seed=seed)
    return optuna.samplers.TPESampler(n_startup_trials=10, seed=seed, multivariate=True)


def main(path, name, seed, n_trials):
    with open(path) as file:
        columns = file.readline().strip().split(",")
        table = np.loadtxt(file, delimiter=",")
    knobs = [i for i, c in enumerate(columns) if c.startswith(("number:", "word:"))]
    goals = [i for i, c in enumerate(columns) if c.startswith(("max:", "min:"))]
    noise = {c.split(":")[1]: table[0, i] for i, c in enumerate(columns) if c.startswith("noise:")}
    level = table[:, knobs].astype(int)
    n_levels = level.max(axis=0) + 1
    point_of = {tuple(row): i for i, row in enumerate(level)}
    rng = np.random.RandomState(1000 + seed)

    def train(trial):
        at = tuple(
            trial.suggest_int(columns[k], 0, n_levels[j] - 1)
            if columns[k].startswith("number:")
            else trial.suggest_categorical(columns[k], list(range(n_levels[j])))
            for j, k in enumerate(knobs)
        )
        point = point_of[at]
        print(point, flush=True)
        return [
            table[point, g] + noise.get(columns[g].split(":")[1], 0) * rng.standard_normal()
            for g in goals
        ]

    directions = ["maximize" if columns[g].startswith("max:") else "minimize" for g in goals]
    study = optuna.create_study(directions=directions, sampler=sampler_of(name, seed))
    study.optimize(train, n_trials=n_trials)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
