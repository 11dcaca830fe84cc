/* A search as samplers see it: numbered points, what is known of each before it is trained, and what
 * only training tells.
 *
 * A plan gives one (problem_of_plan), and so does a table that is replayed (replay_table.h); samplers,
 * stop rules and verdicts know nothing else of a space. */
#ifndef PARETUNE_SEARCH_PROBLEM_H
#define PARETUNE_SEARCH_PROBLEM_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { PROBLEM_MAX_METRICS = 40 };

typedef struct {
    const char *name;     /* of the axis */
    int n_levels;         /* values it may take */
    const double *number; /* of each level, ascending or not; NULL for words */
} problem_knob;

typedef struct {
    const char *name; /* "accuracy" */
    bool maximize;
    bool exact;    /* known of every point before it is trained: `known` is the figure itself */
    bool positive; /* sizes, times, errors: better modelled by its logarithm */
    double most;   /* that a figure can be: 100 % of what is right; 0: there is no bound */
    const float *known; /* n_points figures; of what must be trained a first guess, or NULL */
} problem_metric;

typedef struct {
    int metric;
    bool is_upper; /* < or <=; else > or >= */
    bool is_strict;
    double bound;
} problem_limit;

typedef struct {
    const char *name;
    int n_limits;
    const problem_limit *limit;
} problem_version;

typedef struct {
    int n_points;
    const int64_t *candidate; /* n_points: index in the space, ascending */
    int n_knobs;
    const problem_knob *knob;
    const int *level;            /* n_points x n_knobs; -1: the knob does not matter to the point */
    const float *seconds;        /* n_points: predicted CPU time of a training */
    int n_metrics, n_objectives; /* the first n_objectives metrics are the front's */
    const problem_metric *metric;
    int n_versions;
    const problem_version *version;
    int n_seeds; /* how often a point may be trained */
} problem;

/* Whether a figure keeps a limit; NaN does not. */
bool problem_keeps(const problem_limit *l, double value);
/* Whether the exact figures of a point keep all of a version's exact limits. */
bool problem_may_meet(const problem *p, int version, int point);
/* The bound of a metric by its name in the table of stages: 100 where more per cent are better, else 0. */
double problem_most(const char *metric);
/* A metric's figure turned so that less is better. */
double problem_minimised(const problem_metric *m, double value);
/* The first metric that must be trained: the one that a curve goes with; -1: all are exact. */
int problem_watched(const problem *p);

#endif
