/* Non-dominated sets and hypervolume of points in any number of objectives, all to be minimised
 * (callers negate what is to be maximised). Used by reports and by samplers. */
#ifndef PARETUNE_ENGINE_BASE_PARETO_H
#define PARETUNE_ENGINE_BASE_PARETO_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>

/* True when p is at least as good as q everywhere and better somewhere. */
bool pareto_dominates(const double *p, const double *q, int m);

/* on_front[i] = 1 for the non-dominated of n points with m objectives (row-major). Equal points are
 * all on the front. A point with a NaN is never on it and dominates nothing. O(n log n) in 2 and 3
 * objectives (Kung, Luccio & Preparata, JACM 22, 1975), O(n * front) above. `a` is scratch. */
status pareto_front(const double *points, int n, int m, unsigned char *on_front, arena *a, err *e);

/* Exact hypervolume dominated by the points and bounded by the finite `reference` (points beyond it
 * or not finite count nothing): sweep in 2 and 3 dimensions, WFG (While, Bradstreet & Barone, IEEE TEC
 * 2012) above, which is exponential in m in the worst case. The same set of points gives the same
 * bits in any order. `a` is scratch. */
status pareto_hypervolume(const double *points, int n, int m, const double *reference, double *out,
                          arena *a, err *e);

#endif
