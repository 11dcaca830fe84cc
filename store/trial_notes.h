/* What trials rest on, for figures and tables about them: settings, what their stages noted, when their processor time
 * was spent. Part of store.h's door, read-only. */
#ifndef PARETUNE_STORE_TRIAL_NOTES_H
#define PARETUNE_STORE_TRIAL_NOTES_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/table.h"

#include <stdint.h>

struct store;

/* The canonical configuration of a trial as JSON, in `a`; ERR_INPUT for a number that no trial has. */
status store_trial_config(struct store *s, int64_t trial, arena *a, const char **json, err *e);

/* What the trial's stage of this kind ("export", "score", ...) noted as JSON, of several the last; "" when it noted
 * nothing. In `a`. */
status store_trial_detail(struct store *s, int64_t trial, const char *kind, arena *a,
                          const char **json, err *e);

/* The train stages of the last run's space, for trials that are done or were stopped after an epoch or more: of those in `wanted`, and of
 * all others `most` at the most, evenly spread over the order of candidates. Columns trial, stopped (1 or 0), params,
 * detail (JSON texts), n_trials (of all); by candidate, seed and position in the chain. */
status store_curves(struct store *s, int most, const int64_t *wanted, int n_wanted, arena *a,
                    table *out, err *e);

/* The trials of the last run's space that came to an end, in the order in which they did (those that ended within one
 * second by number): columns trial, done (1 or 0), cpu_seconds. The time of a stage that several trials share
 * counts for the first of them; of stages that were tried again the last attempt counts. */
status store_spending(struct store *s, arena *a, table *out, err *e);

/* By which training a finished trial of the last run's space was made: columns trial, stage; by trial. Trials with
 * the same stage differ only in what was done behind it. */
status store_trained_by(struct store *s, arena *a, table *out, err *e);

#endif
