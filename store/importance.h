/* What each knob bought: how a metric depends on the knobs, over the finished configurations of a study.
 *
 * Two answers, since each hides what the other shows. Paired: configurations that differ in one knob only, compared; their
 * mean difference needs no model, but speaks of the pairs that were trained. Variance: the share of the metric's variance
 * over the configurations that a sum of one term per knob gives to each of them. Terms are found by least
 * squares (backfitting: Buja, Hastie & Tibshirani, Annals of Statistics 17, 1989); when every combination was trained these are the
 * main effects of a functional ANOVA (Hutter, Hoos & Leyton-Brown, ICML 2014). */
#ifndef PARETUNE_STORE_IMPORTANCE_H
#define PARETUNE_STORE_IMPORTANCE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/table.h"

#include <stdbool.h>

struct store;

typedef struct {
    bool is_number;
    double number;
    const char *text; /* as shown */
} knob_level;

typedef struct {
    const char *name;
    int n_levels; /* numbers ascending, then words by alphabet */
    knob_level *level;
} studied_knob;

/* Configurations, seeds averaged. */
typedef struct {
    int n, n_knobs;
    studied_knob *knob;
    int *level;     /* n x n_knobs; -1: the knob does not matter to the configuration */
    double *figure; /* n */
    bool *on_front;
} ablation;

/* Figures of pairs that differ in `knob` only, going from one level to another. */
typedef struct {
    int knob, from, to, n; /* n pairs */
    double difference;     /* mean of figure(to) - figure(from) */
    double low, high;      /* its 95 % interval (Student's t); NaN for a single pair */
} knob_step;

/* From each number to the next greater one that occurs, from each word to each later one; steps without pairs are
 * left out. `front_only`: pairs with a member on the front. List in `a`. */
status importance_steps(const ablation *d, bool front_only, arena *a, knob_step **out, int *n,
                        err *e);

/* share[n_knobs]: variance of each knob's term as a part of the figure's; they need not add up to *explained, the share
 * of all terms together, when knobs were not tried independently. All 0 when the figure is constant. */
status importance_shares(const ablation *d, double *share, double *explained, arena *a, err *e);

/* The finished configurations of the last run's space that have the metric. ERR_INPUT for a metric that none
 * has, naming the known ones. */
status importance_read(struct store *s, const char *metric, arena *a, ablation *out, err *e);

/* A row for each step, and one for a knob without any. */
status importance_table(const ablation *d, bool front_only, arena *a, table *out, double *explained,
                        err *e);

#endif
