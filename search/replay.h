/* A search made in simulated time: a sampler asks, a table answers, simulated workers take as long as the
 * table says. With a stop rule a trial that is stopped takes its epochs' share of the time and is told to
 * the sampler with extrapolated figures; epochs that points share are trained by the first of them only
 * (later ones do not wait for it: a simplification). */
#ifndef PARETUNE_SEARCH_REPLAY_H
#define PARETUNE_SEARCH_REPLAY_H

#include "search/replay_table.h"
#include "search/sampler.h"
#include "search/stop.h"

typedef struct {
    const sampler_row *sampler;
    sampler_options options; /* its seed also names the replica of the table's noise */
    int window, n_workers, n_trials;
    int max_seeds;        /* racing.h; below 2: every point once */
    double confidence;    /* of its intervals */
    const stop_row *stop; /* NULL: all are trained to their end */
    double stop_chance, audit;
    int n_rungs;
    const int *rung; /* as of stop_options; a rung before a point's first is moved to that */
} replay_options;

typedef struct {
    int n;                            /* trials: fewer than asked for when the space is exhausted */
    suggestion *trial;                /* in their order */
    double *seconds;                  /* simulated time at which each ended */
    int *epochs;                      /* that each was trained, shared ones counted */
    bool *is_stopped;                 /* each */
    double *cpu_seconds;              /* of all trials up to this one, shared epochs once */
    double end_seconds;               /* of the last */
    double busy_seconds;              /* of all workers together */
    double ask_seconds;               /* real time that the sampler took, all in all */
    double stop_seconds;              /* and the stop rule */
    int n_asked;                      /* how often the stop rule was asked */
    int64_t n_epochs;                 /* trained, shared ones once */
    int64_t n_epochs_unstopped;       /* of the same trials without a stop rule, shared ones once */
    int n_stopped, n_stopped_falsely; /* by the table's own figures: see stop_was_false */
    int n_audited, n_audited_falsely; /* finished as a sample of what would have been stopped */
    int n_lost;                       /* stopped trials that would be on the front in the end */
} replay_result;

/* Lists in `a`. */
status replay_run(const replay_table *t, const replay_options *o, arena *a, replay_result *out,
                  err *e);

/* The number (from 1) of the first trial that was finished and whose point truly keeps all of a version's limits;
 * 0: none. */
int replay_first_met(const replay_table *t, const replay_result *r, int version);

/* The points of the finished trials among the first n; returns how many. `point` has room for n. */
int replay_finished(const replay_result *r, int n, int *point);

#endif
