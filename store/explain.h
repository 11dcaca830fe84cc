/* What a study knows about one trial: figures, versions, and the details that its stages left. `paretune explain` shows
 * it. */
#ifndef PARETUNE_STORE_EXPLAIN_H
#define PARETUNE_STORE_EXPLAIN_H

#include "engine/base/node.h"
#include "store/answer.h"
#include "store/store.h"

typedef struct {
    const char *kind, *key, *state, *ended, *error;
    int version;
    int64_t run;                             /* 0: none */
    double cpu_seconds, wall_seconds, bytes; /* NaN: unknown */
    node *params, *detail;                   /* NULL: none */
} explained_stage;

typedef struct {
    const char *name;
    double value;
} explained_figure;

typedef struct {
    store *s;
    arena *a;
    const store_space *space;
    int64_t trial, candidate;
    const char *state, *knobs;
    long long seed;
    bool on_front;
    int stopped_at; /* epochs after which the stop rule ended it, or would have ended it; -1: never */
    double
        stop_chance; /* of its final figures being worth having, as the rule saw it; NaN: unknown */
    int n_stages, n_figures;
    explained_stage *stage; /* the chain, root first */
    explained_figure *figure;
} explained;

/* `trial` must be of the last run's space. */
status explain_read_head(store *s, const store_space *space, int64_t trial, arena *a,
                         explained *out, err *e); /* without stages */
status explain_read(store *s, const store_space *space, int64_t trial, arena *a, explained *out,
                    err *e);
/* By how much the validation figures keep a version's limits, as a part of the bounds: the least margin, negative
 * over a limit, NaN where a figure is missing. *limit (may be NULL): which one; -1 without limits. */
double explain_margin(const explained *x, const store_version *v, int *limit);
double explain_figure(const explained *x, const char *metric); /* NaN for none */
/* The last stage of a kind in the chain; NULL for none. */
const explained_stage *explain_stage(const explained *x, const char *kind);

/* The number under `key`; NaN for none. */
double explain_number(const node *map, const char *key);

/* The parts of the answer, each a sentence or more and tables; nothing where the trial has nothing to tell. */
status explain_trial(const explained *x, answer *w, err *e);    /* trial, figures, versions */
status explain_size(const explained *x, answer *w, err *e);     /* size, container */
status explain_latency(const explained *x, answer *w, err *e);  /* latency, timing */
status explain_words(const explained *x, answer *w, err *e);    /* classes, confusion */
status explain_forecast(const explained *x, answer *w, err *e); /* steps */
status explain_curve(const explained *x, answer *w, err *e);    /* curve */
status explain_stages(const explained *x, answer *w, err *e);   /* stages, run */

#endif
