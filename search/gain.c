/* With H(t) the integral of the probability up to t, which has a closed form, a stretch of constant F from t to
 * u gives F (H(u) - H(t)). The free part only shrinks as t grows: once nothing is left the sum ends. */
#include "search/gain.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "search/sobol.h"

enum { N_PROBES = 128 };

typedef struct {
    double key;
    int at;
} ranked;

static int by_key(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    if (p->key != q->key) return p->key < q->key ? -1 : 1;
    return (p->at > q->at) - (p->at < q->at);
}

static bool is_within(const double *point, const double *reference, int m)
{
    for (int k = 0; k < m; k++)
        if (!(point[k] < reference[k])) return false;
    return true;
}

static double *make_probes(int m, arena *a)
{
    double *probe = ARENA_NEW(a, double, N_PROBES *m);
    for (uint32_t i = 0; probe && i < N_PROBES; i++)
        for (int k = 0; k < m; k++) probe[(int)i * m + k] = sobol(0, i, k);
    return probe;
}

status gain_open(const double *points, int n, int m, const double *reference, arena *a,
                 gain_front *out, err *e)
{
    ranked *order = ARENA_NEW(a, ranked, n + 1);
    double *member = ARENA_NEW(a, double, (n + 1) * m);
    *out = (gain_front){.m = m, .member = member, .reference = reference};
    out->step = ARENA_NEW(a, double, 2 * (n + 1) + m);
    if (m > 3) out->probe = make_probes(m - 1, a);
    if (!order || !member || !out->step || (m > 3 && !out->probe))
        return FAIL(e, ERR_MEM, "out of memory for a front");
    for (int i = 0; i < n; i++)
        if (is_within(points + i * m, reference, m))
            order[out->n++] = (ranked){points[i * m + m - 1], i};
    qsort(order, (size_t)out->n, sizeof *order, by_key);
    for (int i = 0; i < out->n; i++)
        memcpy(member + i * m, points + order[i].at * m, (size_t)m * sizeof *member);
    return OK;
}

/* Integral of the normal distribution function up to t. */
static double integral_up_to(double t, double mean, double deviation)
{
    if (deviation <= 0) return fmax(0, t - mean);
    double z = (t - mean) / deviation;
    if (z < -6) return 0;
    if (z > 6) return t - mean;
    return deviation *
           (0.5 * z * erfc(-z * 0.70710678118654752) + 0.39894228040143268 * exp(-0.5 * z * z));
}

/* The union of rectangles that reach from a corner (x, y) to the reference: corners by growing x and
 * falling y. */
typedef struct {
    int n;
    double (*corner)[2];
    double x_end, y_end, free; /* of the reference; area that no rectangle covers */
} stairs;

static void cover(stairs *s, double x, double y)
{
    int from = 0, to;
    while (from < s->n && s->corner[from][0] < x) from++;
    double at = x, top = from > 0 ? s->corner[from - 1][1] : s->y_end;
    if (top <= y) return;
    for (to = from; to < s->n && s->corner[to][1] >= y; to++) {
        s->free -= (s->corner[to][0] - at) * (top - y);
        at = s->corner[to][0];
        top = s->corner[to][1];
    }
    if (to < s->n && s->corner[to][0] == x) return; /* equal in x and lower: covers all of it */
    s->free -= ((to < s->n ? s->corner[to][0] : s->x_end) - at) * (top - y);
    memmove(s->corner + from + 1, s->corner + to, (size_t)(s->n - to) * sizeof *s->corner);
    s->n += 1 - (to - from);
    s->corner[from][0] = x;
    s->corner[from][1] = y;
}

static double gain_3d(const gain_front *f, const double *exact, double mean, double deviation)
{
    const double *r = f->reference;
    stairs s = {.corner = (double(*)[2])(void *)f->step, .x_end = r[0], .y_end = r[1]};
    double gain = 0, below = 0, full = (r[0] - exact[0]) * (r[1] - exact[1]);
    s.free = full;
    for (int i = 0; i < f->n; i++) {
        const double *p = f->member + 3 * i;
        double before = s.free;
        cover(&s, fmax(p[0], exact[0]), fmax(p[1], exact[1]));
        if (s.free == before) continue;
        double reached = integral_up_to(p[2], mean, deviation);
        gain += before * (reached - below);
        below = reached;
        if (p[0] <= exact[0] && p[1] <= exact[1]) return gain;
    }
    return gain + fmax(0, s.free) * (integral_up_to(r[2], mean, deviation) - below);
}

static double gain_2d(const gain_front *f, const double *exact, double mean, double deviation)
{
    double gain = 0, below = 0, nearest = f->reference[0];
    for (int i = 0; i < f->n && nearest > exact[0]; i++) {
        const double *p = f->member + 2 * i;
        if (p[0] >= nearest) continue;
        double reached = integral_up_to(p[1], mean, deviation);
        gain += (nearest - exact[0]) * (reached - below);
        below = reached;
        nearest = fmax(p[0], exact[0]);
    }
    return gain + (nearest - exact[0]) * (integral_up_to(f->reference[1], mean, deviation) - below);
}

/* The level from which on the front dominates a probe. */
static double level_of(const gain_front *f, const double *probe)
{
    const int d = f->m - 1;
    for (int i = 0; i < f->n; i++) {
        const double *p = f->member + i * f->m;
        int k = 0;
        while (k < d && p[k] <= probe[k]) k++;
        if (k == d) return p[d];
    }
    return f->reference[d];
}

static double gain_any(const gain_front *f, const double *exact, double mean, double deviation)
{
    const int d = f->m - 1;
    double sum = 0, box = 1;
    for (int k = 0; k < d; k++) box *= f->reference[k] - exact[k];
    for (int i = 0; i < (d > 0 ? N_PROBES : 1); i++) {
        double *probe = f->step;
        for (int k = 0; k < d; k++)
            probe[k] = exact[k] + f->probe[i * d + k] * (f->reference[k] - exact[k]);
        sum += integral_up_to(level_of(f, probe), mean, deviation);
    }
    return box * sum / (d > 0 ? N_PROBES : 1);
}

double gain_expected(const gain_front *f, const double *exact, double mean, double deviation)
{
    if (!is_within(exact, f->reference, f->m - 1)) return 0;
    if (f->m == 3) return gain_3d(f, exact, mean, deviation);
    if (f->m == 2) return gain_2d(f, exact, mean, deviation);
    return gain_any(f, exact, mean, deviation);
}
