/* A study as an Optuna storage: the SQLite file of its RDBStorage in the schema of Optuna 3 (revision v3.0.0.d), which
 * optuna.load_study and optuna-dashboard open.
 *
 * Each space of the study becomes one Optuna study of its objectives. Its trials keep their order; what Optuna calls a
 * state is COMPLETE for done with all objectives, PRUNED for stopped early, FAIL, RUNNING, WAITING. Knobs are
 * parameters: of numbers a range (whole ones: of integers; wide ones: logarithmic), others a choice. Every metric, the
 * seed and the trial's number are user attributes. The validation figure after each epoch (accuracy in percent where
 * it is known, else the loss) are intermediate values. */
#ifndef PARETUNE_STORE_OPTUNA_H
#define PARETUNE_STORE_OPTUNA_H

#include "engine/base/err.h"

struct store;

typedef struct {
    int studies, trials;
} optuna_written;

/* `path` must not exist: storages of others are not touched. A file that is not finished is removed. ERR_INPUT for a
 * study without objectives. */
status store_write_optuna(struct store *s, const char *path, optuna_written *out, err *e);

#endif
