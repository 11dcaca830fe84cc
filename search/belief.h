/* What a search believes of the figures that only training tells: a Gaussian process (gp.h) for each, kept in step
 * with the history.
 *
 * Figures that are positive are modelled by the logarithm of their ratio to the first guess where there is one. A
 * suggestion is a row as soon as it is made: until its result may be known it counts as what was expected of it, so that
 * the next suggestion looks elsewhere. A training that failed counts as bad as the worst seen; one that
 * was stopped early with the figure it was estimated to reach, and without an estimate not at all. */
#ifndef PARETUNE_SEARCH_BELIEF_H
#define PARETUNE_SEARCH_BELIEF_H

#include "search/guide.h"

enum { BELIEF_MOST_METRICS = 8, BELIEF_MOST_WATCHED = 1024 };

typedef struct belief belief; /* opaque */

typedef struct {
    double mean, deviation; /* of the point's own average over trainings */
} figure;

/* Models the metrics numbered in `metric`. In `a`; the problem is borrowed. */
status belief_open(const problem *p, const int *metric, int n_metrics, arena *a, belief **out,
                   err *e);

/* Takes in what the history has that was not known at the last call. In *anew whether the models were fitted anew, which
 * ends the watch: at first, and then whenever the history has grown by an eighth. False in *ready, and nothing
 * done, while too few figures are known to fit anything to. */
status belief_update(belief *b, const history *h, bool *ready, bool *anew, err *e);
/* The point that was chosen as suggestion `number`. Before the first fit without effect. */
status belief_add(belief *b, int number, int point, err *e);

/* A modelled metric's means of some points, in its own unit. Ends the watch. */
status belief_guess(belief *b, int metric, const int *point, int n, float *mean, err *e);
/* The points whose figures are asked for from here: at most BELIEF_MOST_WATCHED. */
status belief_watch(belief *b, const int *point, int n, err *e);
/* Brings belief_of up to date after updates and additions. */
void belief_refresh(belief *b);
/* A metric of the k-th watched point: as it is known, or as it is believed. */
figure belief_of(const belief *b, int metric, int k);
/* The probability that the k-th watched point keeps a limit. */
double belief_keeps(const belief *b, const problem_limit *l, int k);
/* How far a training's figure lies from the model's smooth part, in the model's terms (one deviation). */
double belief_spread(const belief *b, int metric);

/* The trainings that count, in their order: how many, what is believed of a metric of its, and the
 * probability that it keeps a limit on average (slow: quadratic in their number). */
int belief_n_rows(const belief *b);
int belief_n_learned(const belief *b); /* of them the first so many are not pending */
double belief_row_mean(const belief *b, int metric, int row);
double belief_row_keeps(const belief *b, const problem_limit *l, int row);

#endif
