/* What an earlier study knows, for a new one: the stages that it built, when their keys agree, and which
 * of its trials are in the new space, so that a sampler starts from them. */
#ifndef PARETUNE_SEARCH_WARM_H
#define PARETUNE_SEARCH_WARM_H

#include "search/guide.h"
#include "search/space.h"

typedef struct {
    store *earlier;        /* open for reading */
    const char *artifacts; /* its folder */
    int n_finished;        /* its trials, in the order of their rows */
    const store_finished *finished;
} warm_start;

/* ERR_INPUT when `path` is not a study or is `own`, the database of the new one. */
status warm_open(const char *path, const char *own, arena *a, warm_start *out, err *e);
void warm_close(warm_start *w);

/* Takes a stage over into `into`, where it has a row, and its artifact into `folder`: linked there, or
 * copied. *taken = false when the earlier study did not build it or has lost its artifact. Times are never
 * taken over: they are facts of another moment, perhaps of another machine. `scratch` is back at its mark
 * afterwards. */
status warm_take(const warm_start *w, store *into, int64_t run_id, const char *folder,
                 stage_kind kind, const hash *key, arena *scratch, bool *taken, err *e);

/* A sampler that suggests first, in their order, the finished trials that are points of the problem
 * (*n_known of them), then what `then` does, those left out. These two see one history, so `then` knows the
 * old results as if it had asked for them; it may be asked several times for one number. Reads the
 * configuration of every point: some 5 us each. */
status warm_sampler(const warm_start *w, const plan *planned, const problem *p, sampler *then,
                    arena *a, sampler **out, int *n_known, err *e);

#endif
