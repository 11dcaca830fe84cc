/* A search made in simulated time: a sampler asks, a table answers, simulated workers take as long as the
 * table says. */
#ifndef PARETUNE_SEARCH_REPLAY_H
#define PARETUNE_SEARCH_REPLAY_H

#include "search/replay_table.h"
#include "search/sampler.h"

typedef struct {
    const sampler_row *sampler;
    sampler_options options; /* its seed also names the replica of the table's noise */
    int window, n_workers, n_trials;
    int max_seeds;     /* racing.h; below 2: every point once */
    double confidence; /* of its intervals */
} replay_options;

typedef struct {
    int n;               /* trials: fewer than asked for when the space is exhausted */
    suggestion *trial;   /* in their order */
    double *seconds;     /* simulated time at which each ended */
    double end_seconds;  /* of the last */
    double busy_seconds; /* of all workers together */
    double ask_seconds;  /* real time that the sampler took, all in all */
} replay_result;

/* Lists in `a`. */
status replay_run(const replay_table *t, const replay_options *o, arena *a, replay_result *out,
                  err *e);

/* The number (from 1) of the first trial whose point truly keeps all of a version's limits; 0: none. */
int replay_first_met(const replay_table *t, const replay_result *r, int version);

#endif
