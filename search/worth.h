/* What is worth having at all: the reference of a hypervolume when nobody has given one. */
#ifndef PARETUNE_SEARCH_WORTH_H
#define PARETUNE_SEARCH_WORTH_H

#include "search/guide.h"

/* The figure of a metric, less is better, from which on nothing counts. Of a trained metric the one that a quarter of
 * the first n_start results is worse than, as far as they are known (of the first one after them if none has a
 * figure). Of an exact one it lies behind the figure that a quarter of all points is worse than, as far again as that is
 * from the best: large points of great accuracy count as well. Infinity without any figure. `a` is scratch. */
status worth_reference(const problem *p, int metric, const history *h, int n_start, arena *a,
                       double *out, err *e);

#endif
