#include "search/parzen.h"

#include <math.h>

static void shape_numbers(double *shape, int n_levels, double deviation)
{
    for (int i = 0; i < n_levels; i++) {
        double sum = 0, *to = shape + (size_t)i * (size_t)n_levels;
        for (int j = 0; j < n_levels; j++) {
            double away = (j - i) / deviation;
            sum += to[j] = exp(-0.5 * away * away);
        }
        for (int j = 0; j < n_levels; j++) to[j] /= sum;
    }
}

static void shape_words(double *shape, int n_levels, int n)
{
    for (int i = 0; i < n_levels; i++)
        for (int j = 0; j < n_levels; j++)
            shape[(size_t)i * (size_t)n_levels + (size_t)j] = ((i == j) * n + 1.0) / (n + n_levels);
}

static double weight_of(const parzen *z, int i)
{
    return z->weight ? z->weight[i] : 1;
}

status parzen_make(const problem *p, const int *point, const double *weight, int n, double even,
                   arena *a, parzen *out, err *e)
{
    *out = (parzen){.p = p, .n = n, .point = point, .weight = weight, .even = even, .total = even};
    out->shape = ARENA_NEW(a, double *, p->n_knobs + 1);
    if (!out->shape) return FAIL(e, ERR_MEM, "out of memory for a density");
    for (int k = 0; k < p->n_knobs; k++) {
        const int n_levels = p->knob[k].n_levels;
        double *shape = ARENA_NEW(a, double, (size_t)n_levels *(size_t)n_levels);
        if (!shape) return FAIL(e, ERR_MEM, "out of memory for a density");
        if (p->knob[k].number)
            shape_numbers(shape, n_levels, 0.35 * n_levels * pow(n + 1, -1.0 / (p->n_knobs + 4)));
        else
            shape_words(shape, n_levels, n);
        out->shape[k] = shape;
    }
    for (int i = 0; i < n; i++) out->total += weight_of(out, i);
    return OK;
}

/* Of two levels; where the knob does not matter to one of them, even. */
static double chance(const parzen *z, int knob, int about, int level)
{
    const int n_levels = z->p->knob[knob].n_levels;
    if (about < 0 && level < 0) return 1;
    if (about < 0 || level < 0) return 1.0 / n_levels;
    return z->shape[knob][(size_t)about * (size_t)n_levels + (size_t)level];
}

static const int *levels_of(const parzen *z, int point)
{
    return &z->p->level[(size_t)point * (size_t)z->p->n_knobs];
}

double parzen_density(const parzen *z, int point)
{
    const int *at = levels_of(z, point), n_knobs = z->p->n_knobs;
    double even = z->even, sum = 0;
    for (int k = 0; k < n_knobs; k++) even /= z->p->knob[k].n_levels;
    for (int i = 0; i < z->n; i++) {
        const int *about = levels_of(z, z->point[i]);
        double product = weight_of(z, i);
        for (int k = 0; k < n_knobs; k++) product *= chance(z, k, about[k], at[k]);
        sum += product;
    }
    return (sum + even) / z->total;
}

static int draw_level(const double *shape, int n_levels, rng *r)
{
    double u = rng_double(r);
    for (int i = 0; i + 1 < n_levels; i++)
        if ((u -= shape[i]) < 0) return i;
    return n_levels - 1;
}

void parzen_draw(const parzen *z, rng *r, int *level)
{
    double u = rng_double(r) * z->total;
    int i = 0;
    while (i < z->n && (u -= weight_of(z, i)) >= 0) i++; /* z->n: the even density */
    for (int k = 0; k < z->p->n_knobs; k++) {
        const int n_levels = z->p->knob[k].n_levels;
        int about = i < z->n ? levels_of(z, z->point[i])[k] : -1;
        level[k] = about < 0
                       ? (int)rng_below(r, (uint64_t)n_levels)
                       : draw_level(z->shape[k] + (size_t)about * (size_t)n_levels, n_levels, r);
    }
}
