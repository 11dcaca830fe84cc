#include "report/volume.h"

#include "engine/base/pareto.h"

#include <math.h>
#include <string.h>

/* Rows with every figure, turned so that less is better. Returns how many. */
static int take_points(const store_points *p, const store_space *space, double *points)
{
    int m = space->n_objectives, n = 0;
    for (int t = 0; t < p->n; t++) {
        double *row = points + (size_t)n * (size_t)m;
        bool whole = true;
        for (int k = 0; k < m; k++) {
            double v = p->value[(size_t)t * (size_t)m + (size_t)k];
            row[k] = space->objective[k].maximize ? -v : v;
            whole &= isfinite(v) != 0;
        }
        n += whole;
    }
    return n;
}

/* The box, and the points moved and scaled into the unit cube. Returns its volume: 0 or 1. */
static int scale_points(double *points, int n, const store_space *space, double *best,
                        double *worst)
{
    int m = space->n_objectives, has_volume = n > 0;
    for (int k = 0; k < m; k++) {
        double low = (double)INFINITY, high = -(double)INFINITY;
        for (int t = 0; t < n; t++) {
            low = fmin(low, points[t * m + k]);
            high = fmax(high, points[t * m + k]);
        }
        has_volume &= high > low;
        for (int t = 0; t < n; t++) points[t * m + k] = (points[t * m + k] - low) / (high - low);
        double sign = space->objective[k].maximize ? -1 : 1;
        best[k] = sign * low;
        worst[k] = sign * high;
    }
    return has_volume;
}

status front_volume_read(store *s, const store_space *space, arena *a, front_volume *out, err *e)
{
    int m = space->n_objectives;
    store_points p;
    *out = (front_volume){.share = (double)NAN};
    if (m == 0) return OK;
    const char **metric = ARENA_NEW(a, const char *, m);
    double *box = ARENA_NEW(a, double, 3 * m);
    if (!metric || !box) return FAIL(e, ERR_MEM, "no memory for the front's volume");
    for (int k = 0; k < m; k++) metric[k] = space->objective[k].metric;
    TRY(store_read_points(s, m, metric, a, &p, e));
    double *points = ARENA_NEW(a, double, (size_t)p.n *(size_t)m + 1);
    if (!points) return FAIL(e, ERR_MEM, "no memory for the front's volume");
    out->best = box;
    out->worst = box + m;
    out->n_trials = take_points(&p, space, points);
    for (int t = 0; t < p.n; t++) out->n_front += p.on_front[t];
    if (!scale_points(points, out->n_trials, space, box, box + m)) return OK;
    double *reference = box + 2 * m;
    for (int k = 0; k < m; k++) reference[k] = 1;
    return pareto_hypervolume(points, out->n_trials, m, reference, &out->share, a, e);
}
