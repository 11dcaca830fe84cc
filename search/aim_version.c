/* Before a version is met: the probability that a point keeps all its limits. Then, by the rule of the pick (store/picks.h),
 * how much room it is expected to add under the tightest limit. Several versions take turns, among those not
 * yet met comfortably while there are any. */
#include <math.h>

#include "search/aim.h"

static const double comfortable =
    0.95; /* probability that the best point so far keeps all limits */

typedef struct {
    aim base;
    const problem *p;
    const belief *b;
    int first, n_turn; /* the versions aimed at: first .. first + base.n_parts - 1 */
    int now;           /* the one whose turn it is */
    bool is_met;       /* comfortably */
    double room;       /* under its tightest limit, of the best point so far */
} version_aim;

/* The part of the bound by which a figure keeps a limit; negative: by which it breaks it. */
static double room_under(const problem_limit *l, double value)
{
    double unit = l->bound != 0 ? fabs(l->bound) : 1;
    return (l->is_upper ? l->bound - value : value - l->bound) / unit;
}

static double row_room(const version_aim *g, const problem_version *v, int row)
{
    double least = (double)INFINITY;
    for (int i = 0; i < v->n_limits; i++)
        least =
            fmin(least, room_under(&v->limit[i], belief_row_mean(g->b, v->limit[i].metric, row)));
    return least;
}

/* The row with the most room under its tightest limit, of those whose result is known; -1: none. */
static int best_row(const version_aim *g, const problem_version *v, double *room)
{
    int best = -1;
    *room = -(double)INFINITY;
    for (int i = 0; i < belief_n_learned(g->b); i++) {
        double x = row_room(g, v, i);
        if (!(x > *room)) continue;
        *room = x;
        best = i;
    }
    return best;
}

static bool is_comfortable(const version_aim *g, const problem_version *v, double *room)
{
    int best = best_row(g, v, room);
    double chance = 1;
    if (best < 0 || *room <= 0) return false;
    for (int i = 0; i < v->n_limits; i++) chance *= belief_row_keeps(g->b, &v->limit[i], best);
    return chance >= comfortable;
}

static status begin_version(aim *self, const history *h, bool anew, err *e)
{
    version_aim *g = (version_aim *)(void *)self;
    int n_open = 0, open[64];
    double room[64];
    (void)anew, (void)e;
    for (int i = 0; i < g->base.n_parts; i++)
        if (!is_comfortable(g, &g->p->version[g->first + i], &room[i])) open[n_open++] = i;
    g->is_met = n_open == 0;
    int turn = g->is_met ? h->n % g->base.n_parts : open[h->n % n_open];
    g->now = g->first + turn;
    g->room = room[turn];
    return OK;
}

static double promise_of_version(const aim *self, int part, int point, const double *guess)
{
    const version_aim *g = (const version_aim *)(const void *)self;
    const int version = g->first + part;
    double least = (double)INFINITY;
    if (!problem_may_meet(g->p, version, point)) return -(double)INFINITY;
    for (int i = 0; i < g->p->version[version].n_limits; i++) {
        const problem_limit *l = &g->p->version[version].limit[i];
        if (!g->p->metric[l->metric].exact) least = fmin(least, room_under(l, guess[l->metric]));
    }
    return least;
}

/* Integral of the probability that a normal figure exceeds x, from x on. */
static double excess_over(double x, double mean, double deviation)
{
    if (deviation <= 0) return fmax(0, mean - x);
    double z = (mean - x) / deviation;
    return deviation *
           (0.5 * z * erfc(-z * 0.70710678118654752) + 0.39894228040143268 * exp(-0.5 * z * z));
}

/* Expected growth of the room under the tightest limit: of the trained limits the one that is expected to be the tightest is
 * uncertain, the others are kept or not. */
static double value_of_room(const version_aim *g, const problem_version *v, int k)
{
    double cap = (double)INFINITY, chance = 1, least = (double)INFINITY, deviation = 0;
    int tightest = -1;
    for (int i = 0; i < v->n_limits; i++) {
        const problem_limit *l = &v->limit[i];
        figure x = belief_of(g->b, l->metric, k);
        double room = room_under(l, x.mean);
        if (g->p->metric[l->metric].exact)
            cap = fmin(cap, room);
        else if (room < least) {
            least = room;
            tightest = i;
            deviation = x.deviation / (l->bound != 0 ? fabs(l->bound) : 1);
        }
    }
    if (tightest < 0) return fmax(0, cap - g->room);
    for (int i = 0; i < v->n_limits; i++)
        if (i != tightest) chance *= belief_keeps(g->b, &v->limit[i], k);
    if (cap <= g->room) return 0;
    return chance * (excess_over(g->room, least, deviation) -
                     (isfinite(cap) ? excess_over(cap, least, deviation) : 0));
}

static double value_for_version(const aim *self, int k)
{
    const version_aim *g = (const version_aim *)(const void *)self;
    const problem_version *v = &g->p->version[g->now];
    double chance = 1;
    if (g->is_met) return value_of_room(g, v, k);
    for (int i = 0; i < v->n_limits; i++) chance *= belief_keeps(g->b, &v->limit[i], k);
    return chance;
}

status aim_version_open(const problem *p, const belief *b, int which, arena *a, aim **out, err *e)
{
    version_aim *g = ARENA_NEW(a, version_aim, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory");
    *g = (version_aim){.p = p, .b = b, .first = which == AIM_VERSIONS ? 0 : which};
    g->base = (aim){.n_parts = which == AIM_VERSIONS ? p->n_versions : 1,
                    .begin = begin_version,
                    .promise = promise_of_version,
                    .value = value_for_version};
    *out = &g->base;
    return OK;
}
