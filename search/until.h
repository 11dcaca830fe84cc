/* When a search has found what it is after. */
#ifndef PARETUNE_SEARCH_UNTIL_H
#define PARETUNE_SEARCH_UNTIL_H

#include "search/guide.h"
#include "search/space.h"

typedef struct {
    const space *space;
    store *results;
    int n_seen; /* results that were there when it was last asked */
} until;

/* A sched_enough: whether every version aimed at has a pick, by validation figures (and, when the run
 * asks for a confidence, one that holds with it by them), among the trials that may be known.
 * `user` is the until. */
status until_met(void *user, const history *h, const int64_t *trial, bool *enough, err *e);

#endif
