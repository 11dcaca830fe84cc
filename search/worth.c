#include "search/worth.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int read_points(const problem *p, int metric, double *x)
{
    for (int i = 0; i < p->n_points; i++)
        x[i] = problem_minimised(&p->metric[metric], (double)p->metric[metric].known[i]);
    return p->n_points;
}

static int read_start(const problem *p, int metric, const history *h, int n_start, double *x)
{
    int n = 0;
    for (int i = 0; i < h->n_known && (i < n_start || n == 0); i++) {
        double value = h->of[i].value ? h->of[i].value[metric] : (double)NAN;
        if (isfinite(value)) x[n++] = problem_minimised(&p->metric[metric], value);
    }
    return n;
}

status worth_reference(const problem *p, int metric, const history *h, int n_start, arena *a,
                       double *out, err *e)
{
    const bool exact = p->metric[metric].exact;
    arena_mark_t mark = arena_mark(a);
    double *x = ARENA_NEW(a, double, (exact ? p->n_points : n_start) + 2);
    if (!x) return FAIL(e, ERR_MEM, "out of memory for a front");
    int n = exact ? read_points(p, metric, x) : read_start(p, metric, h, n_start, x);
    qsort(x, (size_t)n, sizeof *x, by_size);
    double quarter = n > 0 ? x[n * 3 / 4] : (double)INFINITY;
    *out = exact && n > 0 ? 2 * quarter - x[0] + 1e-9 * fabs(x[n - 1]) : quarter;
    arena_release(a, mark);
    return OK;
}
