/* What greybox is after, as a value of points: the more, the sooner they are trained. */
#ifndef PARETUNE_SEARCH_AIM_H
#define PARETUNE_SEARCH_AIM_H

#include "search/belief.h"
#include "search/sampler.h"

typedef struct aim aim;
struct aim {
    int n_parts; /* that the search serves in turn (versions), at least 1 */
    bool
        shrinks; /* values mostly fall from one suggestion to the next: stale ones are near upper bounds */
    double
        box; /* what values add up to at the most, as begin sees it; 0: they are not of that kind */
    /* Before each suggestion; `anew` after a fit. */
    status (*begin)(aim *self, const history *h, bool anew, err *e);
    /* By guessed figures, n_metrics of them: which points a part should watch. */
    double (*promise)(const aim *self, int part, int point, const double *guess);
    /* Of the k-th watched point; 0 or less: not worth a training. */
    double (*value)(const aim *self, int k);
};

/* In `a`; what is given is borrowed. `n_start`: how many trainings were drawn evenly. */
status aim_front_open(const problem *p, const belief *b, int n_start, arena *a, aim **out, err *e);
/* `which`: a version, or AIM_VERSIONS. */
status aim_version_open(const problem *p, const belief *b, int which, arena *a, aim **out, err *e);

#endif
