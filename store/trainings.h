/* What a study has recorded of its trainings, as replays read it. Part of store.h's door, read-only. */
#ifndef PARETUNE_STORE_TRAININGS_H
#define PARETUNE_STORE_TRAININGS_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/table.h"

struct store;

/* The train stages of the last run's space, for trials that are done: columns trial, candidate, seed, stage,
 * params, detail (JSON texts), cpu_seconds; by candidate, seed and position in the chain. */
status store_trainings(struct store *s, arena *a, table *out, err *e);

/* One column: names of the metrics that training and scoring report; all others are known before. */
status store_trained_metrics(struct store *s, arena *a, table *out, err *e);

#endif
