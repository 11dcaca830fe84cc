/* A study while it runs: what `top` shows besides its picks and its front. Part of store.h's door, read-only. */
#ifndef PARETUNE_STORE_LIVE_H
#define PARETUNE_STORE_LIVE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "store/census.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

enum { LIVE_MOST_KINDS = 12, LIVE_MOST_RUNNING = 64 };

typedef struct {
    int done, running, ready, stopped, failed; /* failed: at a time limit, too */
} live_counts;

typedef struct {
    const char *name; /* "train" */
    live_counts count;
    double mean_seconds; /* by the clock, of those done; NaN while there are none */
} live_kind;

typedef struct {
    const char *kind,
        *knobs; /* knobs: "alpha=0.1 storage=float32" of the first trial that needs it */
    hash key;
    int64_t trial;
} live_stage;

/* Of the last run and its space. */
typedef struct {
    store_run_note run;
    bool has_writer;
    const char *name, *title;
    double elapsed_seconds; /* of the run: until now while it lasts, else until its end */
    live_counts trials;
    int n_kinds;
    live_kind kind[LIVE_MOST_KINDS]; /* in the order of a chain */
    int n_running;                   /* of which at most LIVE_MOST_RUNNING are listed */
    live_stage running[LIVE_MOST_RUNNING];
    double
        per_hour; /* trials closed by this run, of the last five minutes while it lasts; NaN: unknown */
    double
        eta_seconds; /* until the trials that are known now are closed; 0: they are; NaN: unknown */
} store_live;

/* Texts in `a`. ERR_INPUT when nothing was run yet. */
status store_read_live(struct store *s, arena *a, store_live *out, err *e);

#endif
