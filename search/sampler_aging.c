/* aging: regularised evolution (Real, Aggarwal, Huang & Le, AAAI 2019) with the random weights of uNAS
 * (Liberis, Dudziak & Lane, EuroMLSys 2021): the best of a few of the youngest hundred, by a weighting drawn anew each time,
 * has one knob changed. */
#include <math.h>
#include <string.h>

#include "search/breed.h"
#include "search/draw.h"
#include "search/sampler_kinds.h"

enum { POPULATION = 50, SAMPLE = 10 };

typedef struct {
    sampler base;
    const problem *p;
    int aim;
    uint64_t seed;
    draw points;
    int *child;         /* n_knobs levels */
    double *low, *high; /* range of each objective among known trials, less is better */
} aging;

static double figure(const aging *g, const tried *t, int k)
{
    return problem_minimised(&g->p->metric[k], t->value[k]);
}

static bool is_alive(const aging *g, const tried *t)
{
    if (t->state != TRIED_DONE || !t->value) return false;
    for (int k = 0; k < g->p->n_objectives; k++)
        if (!isfinite(t->value[k])) return false;
    return true;
}

/* The youngest trials, newest first; returns how many. Their ranges, too. */
static int find_population(aging *g, const history *h, int *out)
{
    int n = 0;
    for (int i = h->n_known - 1; i >= 0 && n < POPULATION; i--) {
        if (!is_alive(g, &h->of[i])) continue;
        for (int k = 0; k < g->p->n_objectives; k++) {
            double x = figure(g, &h->of[i], k);
            g->low[k] = n ? fmin(g->low[k], x) : x;
            g->high[k] = n ? fmax(g->high[k], x) : x;
        }
        out[n++] = i;
    }
    return n;
}

/* Less is better: the greatest weighted, scaled objective; what breaks limits comes after all else. */
static double loss(const aging *g, const tried *t, const double *weight)
{
    double worst = 0;
    for (int k = 0; k < g->p->n_objectives; k++) {
        double width = g->high[k] - g->low[k];
        if (width > 0) worst = fmax(worst, weight[k] * (figure(g, t, k) - g->low[k]) / width);
    }
    double violation = breed_violation(g->p, g->aim, t->value);
    return violation > 0 ? 1e6 + violation : worst;
}

static int choose_parent(const aging *g, const history *h, const int *population, int n, rng *r)
{
    double weight[PROBLEM_MAX_METRICS], least = (double)INFINITY;
    int best = population[0];
    for (int k = 0; k < g->p->n_objectives; k++) weight[k] = rng_double(r);
    for (int i = 0; i < SAMPLE; i++) {
        int one = population[rng_below(r, (uint64_t)n)];
        double l = loss(g, &h->of[one], weight);
        if (l < least) best = one;
        least = fmin(least, l);
    }
    return best;
}

static status next_of_aging(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    aging *g = (aging *)(void *)self;
    const int n_knobs = g->p->n_knobs;
    int population[POPULATION], point;
    int n = h->n >= POPULATION ? find_population(g, h, population) : 0;
    (void)e;
    if (n < SAMPLE || n_knobs == 0) {
        point = draw_next(&g->points);
    } else {
        rng r = rng_stream(g->seed, RNG_SAMPLE, (uint64_t)h->n);
        int parent = h->of[choose_parent(g, h, population, n, &r)].what.point;
        memcpy(g->child, &g->p->level[(size_t)parent * (size_t)n_knobs],
               (size_t)n_knobs * sizeof *g->child);
        breed_mutate(g->p, (int)rng_below(&r, (uint64_t)n_knobs), g->child, &r);
        point = draw_near(&g->points, g->child);
    }
    *end = !draw_answer(&g->points, point, out);
    return OK;
}

status sampler_aging_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                          err *e)
{
    aging *g = ARENA_NEW(a, aging, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory");
    *g = (aging){.base = {next_of_aging}, .p = p, .aim = o->aim, .seed = o->seed};
    g->child = ARENA_NEW(a, int, p->n_knobs + 1);
    g->low = ARENA_NEW(a, double, p->n_objectives);
    g->high = ARENA_NEW(a, double, p->n_objectives);
    if (!g->child || !g->low || !g->high) return FAIL(e, ERR_MEM, "out of memory");
    *out = &g->base;
    return draw_open(p, o->seed, a, &g->points, e);
}
