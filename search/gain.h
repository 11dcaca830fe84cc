/* What a training is expected to add to a front: the hypervolume that its point would dominate and nothing
 * trained so far does.
 *
 * Of m objectives, all to be minimised, one is uncertain: normally distributed about a mean. The others are
 * exact. At each level t of the uncertain one the front leaves a free part F(t) of the box between
 * the point's exact figures and the reference, and the expected gain is the integral over t of F(t) times the
 * probability of being below t. F is a staircase with a step at each member of the front, so the integral is a sum;
 * nothing is drawn or iterated (for two and three objectives). */
#ifndef PARETUNE_SEARCH_GAIN_H
#define PARETUNE_SEARCH_GAIN_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

typedef struct {
    int n, m;                /* members that lie within the reference; objectives */
    const double *member;    /* n x m in the order of the uncertain objective, which stands last */
    const double *reference; /* m */
    double *step;            /* scratch of gain_expected */
    const double *probe;     /* four objectives and more: points of the unit box */
} gain_front;

/* A front of n points (points that others dominate do no harm), n x m, the uncertain objective last.
 * Everything in `a`; `reference` is borrowed. */
status gain_open(const double *points, int n, int m, const double *reference, arena *a,
                 gain_front *out, err *e);

/* Expected gain of a point with m - 1 exact figures and an uncertain one. `deviation` may be 0. With four objectives
 * and more F is estimated from 128 fixed points of the box. */
double gain_expected(const gain_front *f, const double *exact, double mean, double deviation);

#endif
