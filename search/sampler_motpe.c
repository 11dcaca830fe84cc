/* motpe: the multi-objective tree-structured Parzen estimator (Ozaki, Tanigaki, Watanabe, Nomura & Onishi, JAIR 73,
 * 2022) with kernels over all knobs at once (Watanabe, arXiv 2304.11127). Trials are split into the best fifth, at
 * most 60, and the rest, pending and failed ones included. Of some points drawn from the density of the best, each trial
 * weighing as much as it adds to the hypervolume, the one comes next where that density exceeds the rest's the most.
 *
 * What is better is decided front after front. Aimed at versions, trials that keep the limits come before those
 * that break them, and points whose exact figures break them already are passed over. The even density has the same
 * part in both mixtures: where nothing was trained neither outweighs the other, else the search would wander off to
 * empty corners. */
#include "search/breed.h"
#include "search/draw.h"
#include "search/parzen.h"
#include "search/sampler_kinds.h"
#include "search/worth.h"

enum { START = 20, MOST_BEST = 60, N_DRAWN = 64 };

typedef struct {
    sampler base;
    const problem *p;
    int aim;
    uint64_t seed;
    arena *scratch;
    draw points;
    int *level;                            /* n_knobs: of a draw */
    double reference[PROBLEM_MAX_METRICS]; /* of each objective */
} motpe;

static status set_references(motpe *g, bool exact, const history *h, err *e)
{
    for (int k = 0; k < g->p->n_objectives; k++)
        if (g->p->metric[k].exact == exact)
            TRY(worth_reference(g->p, k, h, START, g->scratch, &g->reference[k], e));
    return OK;
}

/* The points of the best trials, and those of all others. */
static status split_trials(motpe *g, const history *h, int *good, double *share, int *n_good,
                           int *bad, int *n_bad, err *e)
{
    int best[MOST_BEST], most = (h->n_known + 4) / 5;
    unsigned char *is_good = ARENA_NEW(g->scratch, unsigned char, h->n + 1);
    if (!is_good) return FAIL(e, ERR_MEM, "out of memory for trials");
    TRY(set_references(g, false, h, e));
    TRY(breed_cover(g->p, g->aim, h, most < MOST_BEST ? most : MOST_BEST, g->reference, best, share,
                    n_good, g->scratch, e));
    for (int i = 0; i < *n_good; i++) {
        good[i] = h->of[best[i]].what.point;
        is_good[best[i]] = 1;
    }
    *n_bad = 0;
    for (int i = 0; i < h->n; i++)
        if (!is_good[i]) bad[(*n_bad)++] = h->of[i].what.point;
    return OK;
}

static bool may_help(const motpe *g, int point)
{
    if (g->aim == AIM_FRONT || g->p->n_versions == 0) return true;
    if (g->aim >= 0) return problem_may_meet(g->p, g->aim, point);
    for (int v = 0; v < g->p->n_versions; v++)
        if (problem_may_meet(g->p, v, point)) return true;
    return false;
}

/* The free point of the greatest ratio among some draws from `good`; -1 when all of them are taken. */
static int draw_best(const motpe *g, const parzen *good, const parzen *bad, rng *r)
{
    int best = -1;
    double most = -1;
    for (int i = 0; i < N_DRAWN; i++) {
        parzen_draw(good, r, g->level);
        int point = points_nearest(g->p, g->level);
        if (g->points.tried.taken[point] || !may_help(g, point)) continue;
        double ratio = parzen_density(good, point) / parzen_density(bad, point);
        if (ratio <= most) continue;
        most = ratio;
        best = point;
    }
    return best;
}

static status ask_densities(motpe *g, const history *h, int *point, err *e)
{
    int n_good = 0, n_bad = 0, good[MOST_BEST], *bad = ARENA_NEW(g->scratch, int, h->n + 1);
    double share[MOST_BEST];
    parzen of_good, of_bad;
    *point = -1;
    if (!bad) return FAIL(e, ERR_MEM, "out of memory for trials");
    TRY(split_trials(g, h, good, share, &n_good, bad, &n_bad, e));
    if (n_good == 0) return OK;
    TRY(parzen_make(g->p, good, share, n_good, 1, g->scratch, &of_good, e));
    TRY(parzen_make(g->p, bad, NULL, n_bad, n_bad / (of_good.total - 1 + 1e-9), g->scratch, &of_bad,
                    e));
    rng r = rng_stream(g->seed, RNG_SAMPLE, (uint64_t)h->n);
    *point = draw_best(g, &of_good, &of_bad, &r);
    if (*point >= 0) point_set_take(&g->points.tried, *point);
    return OK;
}

static status next_of_motpe(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    motpe *g = (motpe *)(void *)self;
    int point = -1;
    arena_mark_t mark = arena_mark(g->scratch);
    status s = h->n < START ? OK : ask_densities(g, h, &point, e);
    arena_release(g->scratch, mark);
    TRY(s);
    if (point < 0) point = draw_next(&g->points);
    *end = !draw_answer(&g->points, point, out);
    return OK;
}

status sampler_motpe_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                          err *e)
{
    motpe *g = ARENA_NEW(a, motpe, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory");
    *g = (motpe){.base = {next_of_motpe}, .p = p, .aim = o->aim, .seed = o->seed, .scratch = a};
    g->level = ARENA_NEW(a, int, p->n_knobs + 1);
    if (!g->level) return FAIL(e, ERR_MEM, "out of memory");
    *out = &g->base;
    TRY(set_references(g, true, NULL, e));
    return draw_open(p, o->seed, a, &g->points, e);
}
