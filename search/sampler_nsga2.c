/* nsga2: NSGA-II (Deb, Pratap, Agarwal & Meyarivan, IEEE TEC 6, 2002) a child at a time. Parents are the
 * twenty best trials so far, from the whole history and not only from the last generation, and a child that
 * was tried before is replaced by its nearest free neighbour: trainings are too dear for repeats. */
#include <string.h>

#include "search/breed.h"
#include "search/draw.h"
#include "search/sampler_kinds.h"

enum { POPULATION = 20 };

typedef struct {
    sampler base;
    const problem *p;
    int aim;
    uint64_t seed;
    arena *scratch;
    draw points;
    int *child; /* n_knobs levels */
} nsga2;

/* The better of two at random: parents stand in order, so the smaller place wins. */
static int tournament(int n, rng *r)
{
    int a = (int)rng_below(r, (uint64_t)n), b = (int)rng_below(r, (uint64_t)n);
    return a < b ? a : b;
}

static const int *levels_of(const nsga2 *g, const history *h, int number)
{
    return &g->p->level[(size_t)h->of[number].what.point * (size_t)g->p->n_knobs];
}

/* Uniform crossover; then each knob changes with probability one in their number. */
static void make_child(nsga2 *g, const history *h, const int *best, int n, rng *r)
{
    const int n_knobs = g->p->n_knobs;
    const int *mother = levels_of(g, h, best[tournament(n, r)]),
              *father = levels_of(g, h, best[tournament(n, r)]);
    for (int k = 0; k < n_knobs; k++) g->child[k] = rng_below(r, 2) ? mother[k] : father[k];
    for (int k = 0; k < n_knobs; k++)
        if (rng_below(r, (uint64_t)n_knobs) == 0) breed_mutate(g->p, k, g->child, r);
}

static status next_of_nsga2(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    nsga2 *g = (nsga2 *)(void *)self;
    int best[POPULATION], n = 0, point;
    if (h->n >= POPULATION) TRY(breed_best(g->p, g->aim, h, POPULATION, best, &n, g->scratch, e));
    if (n < 2) {
        point = draw_next(&g->points);
    } else {
        rng r = rng_stream(g->seed, RNG_SAMPLE, (uint64_t)h->n);
        make_child(g, h, best, n, &r);
        point = draw_near(&g->points, g->child);
    }
    *end = !draw_answer(&g->points, point, out);
    return OK;
}

status sampler_nsga2_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                          err *e)
{
    nsga2 *g = ARENA_NEW(a, nsga2, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory");
    *g = (nsga2){.base = {next_of_nsga2}, .p = p, .aim = o->aim, .seed = o->seed, .scratch = a};
    g->child = ARENA_NEW(a, int, p->n_knobs + 1);
    if (!g->child) return FAIL(e, ERR_MEM, "out of memory");
    *out = &g->base;
    return draw_open(p, o->seed, a, &g->points, e);
}
