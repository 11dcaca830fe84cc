/* How a training will end, by how others ended and by its own curve so far.
 *
 * Two steps. A Gaussian process over the points (gp.h) says what finished trainings let expect of this one before it
 * begins. Then a ridge regression corrects that by what is known at this rung: what the process was wrong by, where
 * each finished training was predicted from the others, is regressed on its curve up to the same epoch (last value, mean
 * of the last few over the expectation, slope). So an early curve, which tells little, changes little, and a late one nearly
 * decides. How far a single curve goes on, without others to learn from, is not guessed at.
 *
 * Accuracies are taken as logarithms of what they miss to 100 %: networks at 40 % end ten points from where they were
 * expected, networks at 92 % half a point, and one spread for both would be too wide where the answer is decided. */
#ifndef PARETUNE_SEARCH_EXTRAPOLATE_H
#define PARETUNE_SEARCH_EXTRAPOLATE_H

#include "search/guide.h"

typedef struct extrapolation extrapolation; /* opaque */

/* Of a scaled figure, less being better: Student's t with so many degrees of freedom around a mean. */
typedef struct {
    double mean, deviation, freedom;
} outlook;

/* Trainings of n_epochs epochs. In `a`; `p` is borrowed. */
status extrapolate_open(const problem *p, int n_epochs, arena *a, extrapolation **out, err *e);

/* What is known now: h must be a part of one and the same history each time, longer or shorter, and live as long as answers
 * are asked for. The answers depend on h alone, not on what was learned before. */
status extrapolate_learn(extrapolation *x, const history *h, err *e);
/* The finished trainings that count: those with whole curves and figures without a gap, at most the latest 300. */
int extrapolate_n_finished(const extrapolation *x);

/* A metric that is trained, of a training of `point` whose curve has n_epochs epochs (0: it has not begun). At
 * least two must have finished. */
status extrapolate(extrapolation *x, int metric, int point, const float *curve, int n_epochs,
                   arena *scratch, outlook *out, err *e);
/* P(the scaled figure is less than `bar`). */
double outlook_below(const outlook *f, double bar);

/* Figures as they are modelled: turned so that less is better, as logarithms when they are positive or have a bound. */
double extrapolate_scaled(const problem_metric *m, double v);
double extrapolate_unscaled(const problem_metric *m, double v);

#endif
