/* greybox: trains the point from which most is expected. Sizes and times of all points are known; of what only
 * training tells, models say how likely which figure is (belief.h). What counts is the aim's (aim.h): hypervolume for
 * the front, limits kept for versions. It is divided by the seconds that the training will take.
 *
 * Models are asked about BELIEF_MOST_WATCHED points, the most promising of MOST_LISTED ones that are drawn from all at
 * each fit; so a space may have as many points as can be listed at all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"
#include "search/aim.h"
#include "search/draw.h"
#include "search/sampler_kinds.h"

enum {
    MOST_LISTED = 16384,
    IN_TURN = 8 /* of the watched points one in so many is looked at again each time, best or not */
};

typedef struct {
    double promise;
    int at; /* in the list */
} ranked;

typedef struct {
    sampler base;
    const problem *p;
    uint64_t seed;
    double min_gain;
    arena *a;
    draw points;
    int n_pool,
        *pool;    /* points worth a training; the others count as taken until these are used up */
    bool is_open; /* they are */
    int n_start;  /* trainings drawn evenly before the models are asked, which may want more */
    belief *belief;
    int n_models, modelled[BELIEF_MOST_METRICS]; /* metrics */
    aim *aim;
    int n_listed, n_watched, *list, *watched;
    double *value;  /* of watched points when last looked at */
    int *looked_at; /* before which suggestion that was */
} greybox;

/* --- the pool --- */

static bool is_worth_training(const problem *p, int aim_at, int point)
{
    if (aim_at == AIM_FRONT) return true;
    if (aim_at >= 0) return problem_may_meet(p, aim_at, point);
    for (int v = 0; v < p->n_versions; v++)
        if (problem_may_meet(p, v, point)) return true;
    return false;
}

static void fill_pool(greybox *g, int aim_at)
{
    for (int i = 0; i < g->p->n_points; i++) {
        if (is_worth_training(g->p, aim_at, i))
            g->pool[g->n_pool++] = i;
        else
            point_set_take(&g->points.tried, i);
    }
}

static void open_pool(greybox *g)
{
    point_set *all = &g->points.tried;
    memset(all->taken, 0, (size_t)g->p->n_points);
    all->n_taken = all->first = 0;
    for (int i = 0; i < g->n_pool; i++) point_set_take(all, g->pool[i]);
    g->is_open = true;
}

/* The next point of the even draw; when the pool is used up, of those outside. */
static int draw_point(greybox *g)
{
    int point = draw_next(&g->points);
    if (point >= 0 || g->is_open) return point;
    open_pool(g);
    return draw_next(&g->points);
}

/* --- the watched points --- */

static int by_promise(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->promise != y->promise) return x->promise > y->promise ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static void list_points(greybox *g, int number)
{
    rng r = rng_stream(g->seed, RNG_SAMPLE, (uint64_t)number);
    const bool all = g->n_pool <= MOST_LISTED;
    g->n_listed = 0;
    for (int i = 0; i < (all ? g->n_pool : MOST_LISTED); i++) {
        int point = g->pool[all ? (uint64_t)i : rng_below(&r, (uint64_t)g->n_pool)];
        if (!g->points.tried.taken[point]) g->list[g->n_listed++] = point;
    }
}

/* Figures of the listed points, n_metrics each: exact ones, and modelled ones as they are expected. */
static status guess_figures(greybox *g, double *out, err *e)
{
    const int n = g->n_listed, m = g->p->n_metrics;
    float *mean = ARENA_NEW(g->a, float, n + 1);
    if (!mean) return FAIL(e, ERR_MEM, "out of memory for points");
    for (int k = 0; k < m; k++)
        for (int i = 0; g->p->metric[k].exact && i < n; i++)
            out[i * m + k] = (double)g->p->metric[k].known[g->list[i]];
    for (int j = 0; j < g->n_models; j++) {
        TRY(belief_guess(g->belief, g->modelled[j], g->list, n, mean, e));
        for (int i = 0; i < n; i++) out[i * m + g->modelled[j]] = (double)mean[i];
    }
    return OK;
}

static double per_second(const greybox *g, double value, int point)
{
    return value > 0 ? value / fmax((double)g->p->seconds[point], 1e-6) : value;
}

/* Adds to the watched points those that are most promising for one part of the aim. */
static void watch_part(greybox *g, int part, const double *figures, ranked *order,
                       unsigned char *chosen)
{
    for (int i = 0; i < g->n_listed; i++) {
        double promise = g->aim->promise(g->aim, part, g->list[i], figures + i * g->p->n_metrics);
        order[i] = (ranked){per_second(g, promise, g->list[i]), i};
    }
    qsort(order, (size_t)g->n_listed, sizeof *order, by_promise);
    const int until = BELIEF_MOST_WATCHED * (part + 1) / g->aim->n_parts;
    for (int i = 0; i < g->n_listed && g->n_watched < until; i++) {
        if (chosen[order[i].at]++) continue;
        g->looked_at[g->n_watched] = -1;
        g->value[g->n_watched] = (double)INFINITY;
        g->watched[g->n_watched++] = g->list[order[i].at];
    }
}

static status choose_watched(greybox *g, const history *h, err *e)
{
    list_points(g, h->n);
    double *figures = ARENA_NEW(g->a, double, (g->n_listed + 1) * g->p->n_metrics);
    ranked *order = ARENA_NEW(g->a, ranked, g->n_listed + 1);
    unsigned char *chosen = ARENA_NEW(g->a, unsigned char, g->n_listed + 1);
    if (!figures || !order || !chosen) return FAIL(e, ERR_MEM, "out of memory for points");
    TRY(guess_figures(g, figures, e));
    g->n_watched = 0;
    for (int part = 0; part < g->aim->n_parts; part++) watch_part(g, part, figures, order, chosen);
    return belief_watch(g->belief, g->watched, g->n_watched, e);
}

/* --- the choice --- */

static void look_at(greybox *g, int k, int number)
{
    g->value[k] = per_second(g, g->aim->value(g->aim, k), g->watched[k]);
    g->looked_at[k] = number;
}

/* The free watched point of the greatest value, fresh or not; -1 when there is none above 0. */
static int first_by_value(const greybox *g)
{
    int first = -1;
    double most = 0;
    for (int k = 0; k < g->n_watched; k++) {
        if (!(g->value[k] > most) || g->points.tried.taken[g->watched[k]]) continue;
        most = g->value[k];
        first = k;
    }
    return first;
}

/* Where values mostly fall, only what was best is looked at again until the best is fresh (Minoux, Optimization
 * Techniques, LNCIS 7, 1978), and a part in turn for those that rose. */
static int choose_watched_point(greybox *g, int number)
{
    const int step = g->aim->shrinks ? IN_TURN : 1;
    for (int k = number % step; k < g->n_watched; k += step) look_at(g, k, number);
    for (;;) {
        int k = first_by_value(g);
        if (k < 0 || g->looked_at[k] == number) return k;
        look_at(g, k, number);
    }
}

/* Whether what is expected of the best, k, is too little an hour; -1: nothing is. */
static bool is_too_little(const greybox *g, int k)
{
    if (g->min_gain <= 0 || g->aim->box <= 0) return false;
    return k < 0 || g->value[k] * 3600 < g->min_gain * g->aim->box;
}

/* By the models; -1 when they know too little or see nothing to gain. */
static status ask_models(greybox *g, const history *h, int *point, bool *end, err *e)
{
    bool ready = false, anew = false;
    *point = -1;
    if (g->n_models == 0 || h->n < g->n_start) return OK;
    TRY(belief_update(g->belief, h, &ready, &anew, e));
    if (!ready) return OK;
    belief_refresh(g->belief);
    TRY(g->aim->begin(g->aim, h, anew, e));
    if (anew) {
        TRY(choose_watched(g, h, e));
        belief_refresh(g->belief);
    }
    const int k = choose_watched_point(g, h->n);
    *end = is_too_little(g, k);
    if (k < 0 || *end) return OK;
    *point = g->watched[k];
    point_set_take(&g->points.tried, *point);
    return OK;
}

static status next_of_greybox(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    greybox *g = (greybox *)(void *)self;
    int point;
    bool is_over = false;
    arena_mark_t mark = arena_mark(g->a);
    status s = ask_models(g, h, &point, &is_over, e);
    arena_release(g->a, mark);
    *end = is_over;
    if (s != OK || is_over) return s;
    if (point < 0) point = draw_point(g);
    *end = !draw_answer(&g->points, point, out);
    return !*end && g->n_models > 0 ? belief_add(g->belief, h->n, point, e) : OK;
}

/* --- opening --- */

static bool limits(const problem *p, int version, int metric)
{
    for (int i = 0; i < p->version[version].n_limits; i++)
        if (p->version[version].limit[i].metric == metric) return true;
    return false;
}

static bool is_wanted(const problem *p, int aim_at, int metric)
{
    if (p->metric[metric].exact) return false;
    if (aim_at == AIM_FRONT) return metric < p->n_objectives;
    if (aim_at >= 0) return limits(p, aim_at, metric);
    for (int v = 0; v < p->n_versions; v++)
        if (limits(p, v, metric)) return true;
    return false;
}

static status open_models(greybox *g, int aim_at, err *e)
{
    for (int m = 0; m < g->p->n_metrics && g->n_models < BELIEF_MOST_METRICS; m++)
        if (is_wanted(g->p, aim_at, m)) g->modelled[g->n_models++] = m;
    if (g->n_models == 0) return OK;
    TRY(belief_open(g->p, g->modelled, g->n_models, g->a, &g->belief, e));
    if (aim_at == AIM_FRONT) return aim_front_open(g->p, g->belief, g->n_start, g->a, &g->aim, e);
    return aim_version_open(g->p, g->belief, aim_at, g->a, &g->aim, e);
}

status sampler_greybox_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                            err *e)
{
    greybox *g = ARENA_NEW(a, greybox, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory");
    int aim_at = p->n_versions > 0 ? o->aim : AIM_FRONT;
    *g = (greybox){
        .base = {next_of_greybox}, .p = p, .seed = o->seed, .min_gain = o->min_gain, .a = a};
    g->n_start = aim_at == AIM_FRONT ? 2 * (p->n_knobs + 1) : 0;
    g->pool = ARENA_NEW(a, int, p->n_points + 1);
    g->list = ARENA_NEW(a, int, MOST_LISTED);
    g->watched = ARENA_NEW(a, int, BELIEF_MOST_WATCHED);
    g->value = ARENA_NEW(a, double, BELIEF_MOST_WATCHED);
    g->looked_at = ARENA_NEW(a, int, BELIEF_MOST_WATCHED);
    if (!g->pool || !g->list || !g->watched || !g->value || !g->looked_at)
        return FAIL(e, ERR_MEM, "out of memory for points");
    TRY(draw_open(p, o->seed, a, &g->points, e));
    fill_pool(g, aim_at);
    TRY(open_models(g, aim_at, e));
    *out = &g->base;
    return OK;
}
