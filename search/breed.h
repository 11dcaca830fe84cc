/* What evolution needs of a history: who may be a parent, how good, and what a child looks like. */
#ifndef PARETUNE_SEARCH_BREED_H
#define PARETUNE_SEARCH_BREED_H

#include "engine/base/rng.h"
#include "search/sampler.h"

/* By how much figures break the limits that a search is after: the sum over a version's limits of the
 * excess as a part of the bound; of several versions the least. 0 when one is kept, or the aim is the front;
 * infinity without figures. */
double breed_violation(const problem *p, int aim, const double *value);

/* The first `most` of the known, finished trials by constraint domination and crowding (Deb, Pratap, Agarwal &
 * Meyarivan, IEEE TEC 6, 2002), best first: their numbers in the history. `out` holds `most`. */
status breed_best(const problem *p, int aim, const history *h, int most, int *out, int *n, arena *a,
                  err *e);

/* The same, but of a front that does not fit whole those that together dominate the most hypervolume within
 * `reference` (n_objectives, less is better), in no order. In `share`, which holds `most`, what each adds to the
 * hypervolume of the others, the greatest being 1. */
status breed_cover(const problem *p, int aim, const history *h, int most, const double *reference,
                   int *out, double *share, int *n, arena *a, err *e);

/* Sets one knob that may differ to another level: a neighbour of a number's, any other word. */
void breed_mutate(const problem *p, int knob, int *level, rng *r);

#endif
