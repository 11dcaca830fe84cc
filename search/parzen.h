/* The density of some points over the levels of all knobs: an even density and a kernel about each point.
 *
 * A kernel is a product over the knobs. Of numbers it falls like a normal distribution over the levels, cut off at
 * the ends, with 0.35 of the range times n^(-1 / (knobs + 4)) as its deviation; of words it keeps n parts in n + words
 * for the point's own and spreads the rest (arXiv 2304.11127, as Optuna has it). */
#ifndef PARETUNE_SEARCH_PARZEN_H
#define PARETUNE_SEARCH_PARZEN_H

#include "engine/base/rng.h"
#include "search/problem.h"

typedef struct {
    const problem *p;
    int n;                /* kernels */
    const int *point;     /* about these */
    const double *weight; /* of each; NULL: 1 */
    double even, total;   /* weight of the even density; of all together */
    double **shape; /* of each knob, n_levels x n_levels: chance of the second about the first */
} parzen;

/* Tables in `a`; lists are borrowed. */
status parzen_make(const problem *p, const int *point, const double *weight, int n, double even,
                   arena *a, parzen *out, err *e);
/* Density at a point, up to a factor that depends on the problem alone. */
double parzen_density(const parzen *z, int point);
/* Draws n_knobs levels, which need not be those of a point that exists. */
void parzen_draw(const parzen *z, rng *r, int *level);

#endif
