/* What happened in a study, for pages that tell of it: runs, how far which trial brought it, learning curves,
 * what stages noted. Part of store.h's door, read-only. All of it concerns the space of the last run; lists live in
 * the arena. */
#ifndef PARETUNE_STORE_CHRONICLE_H
#define PARETUNE_STORE_CHRONICLE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/table.h"

#include <stdint.h>

struct store;

/* Every run of the file, oldest first: columns run, space, started_at, ended_at, ending, version, compiler, cpu,
 * kernels, blas, system, workers, confidence. */
status store_runs(struct store *s, arena *a, table *out, err *e);

/* Which recorded curves make a trial's learning curve: columns trial, stage; by trial, then in the chain's order. A
 * stage that another one continues is left out, since the later curve holds the earlier one. */
status store_trial_curves(struct store *s, arena *a, table *out, err *e);

/* These stages, each once: columns stage, prune_begin, prune_end (epochs; NULL: no pruning, or counted in
 * steps), detail (JSON with "curve"). */
status store_all_curves(struct store *s, arena *a, table *out, err *e);

/* The columns of trials_wide, in their order (store_query's "all"): columns name, kind (`f`ixed, `k`nob, `m`etric, or
 * another letter for what is computed of versions), source (the knob's or metric's own name). */
status store_columns(struct store *s, arena *a, table *out, err *e);

/* All that is read between the two is of one state of the file, whoever writes meanwhile. */
status store_hold(struct store *s, err *e);
void store_let_go(struct store *s);

/* A number that is another one after somebody else has written to the file. */
status store_change_mark(struct store *s, int64_t *out, err *e);

#endif
