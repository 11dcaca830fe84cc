/* Before a version is met: the probability that a point keeps all its limits. Then, by the rule of the pick
 * (store/picks.h), how much room it is expected to add under the tightest limit. Several versions take turns, among those not
 * yet met comfortably while there are any. */
#include <math.h>

#include "search/aim.h"

/* Probability that the best point so far keeps all limits. */
static const double comfortable = 0.95;

typedef struct {
    bool is_met; /* comfortably */
    double room; /* under its tightest limit, of the best point so far */
} standing;

typedef struct {
    aim base;
    const problem *p;
    const belief *b;
    int first,
        now; /* the versions aimed at are first .. first + n_parts - 1; the one whose turn it is */
    standing *standing; /* n_parts */
} version_aim;

static double unit_of(const problem_limit *l)
{
    return l->bound != 0 ? fabs(l->bound) : 1;
}

/* The part of the bound by which a figure keeps a limit; negative: by which it breaks it. */
static double room_under(const problem_limit *l, double value)
{
    return (l->is_upper ? l->bound - value : value - l->bound) / unit_of(l);
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

static standing stand(const version_aim *g, const problem_version *v)
{
    standing s = {0};
    int best = best_row(g, v, &s.room);
    double chance = 1;
    if (best < 0 || s.room <= 0) return s;
    for (int i = 0; i < v->n_limits; i++) chance *= belief_row_keeps(g->b, &v->limit[i], best);
    s.is_met = chance >= comfortable;
    return s;
}

/* The n-th of the versions that are met or not; -1 when there are none. */
static int pick_turn(const version_aim *g, bool is_met, int n)
{
    int count = 0;
    for (int i = 0; i < g->base.n_parts; i++) count += g->standing[i].is_met == is_met;
    if (count == 0) return -1;
    n %= count;
    for (int i = 0;; i++)
        if (g->standing[i].is_met == is_met && n-- == 0) return i;
}

static status begin_version(aim *self, const history *h, bool anew, err *e)
{
    version_aim *g = (version_aim *)(void *)self;
    (void)anew, (void)e;
    for (int i = 0; i < g->base.n_parts; i++)
        g->standing[i] = stand(g, &g->p->version[g->first + i]);
    int turn = pick_turn(g, false, h->n);
    g->now = g->first + (turn < 0 ? pick_turn(g, true, h->n) : turn);
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

/* How a watched point stands to a version's limits. */
typedef struct {
    double exact_room;          /* the least under the exact ones */
    double room, deviation;     /* under the trained one that is expected to be the tightest */
    const problem_limit *limit; /* that one; NULL without any */
} outlook;

static outlook look_out(const version_aim *g, const problem_version *v, int k)
{
    outlook o = {.exact_room = (double)INFINITY, .room = (double)INFINITY};
    for (int i = 0; i < v->n_limits; i++) {
        const problem_limit *l = &v->limit[i];
        figure x = belief_of(g->b, l->metric, k);
        double room = room_under(l, x.mean);
        if (g->p->metric[l->metric].exact) {
            o.exact_room = fmin(o.exact_room, room);
        } else if (room < o.room) {
            o.room = room;
            o.deviation = x.deviation / unit_of(l);
            o.limit = l;
        }
    }
    return o;
}

/* Expected growth of the room under the tightest limit, where the other trained limits are kept. The exact ones cut it
 * off above. */
static double value_of_room(const version_aim *g, const problem_version *v, int k, double best)
{
    const outlook o = look_out(g, v, k);
    double chance = 1;
    if (!o.limit) return fmax(0, o.exact_room - best);
    if (o.exact_room <= best) return 0;
    for (int i = 0; i < v->n_limits; i++)
        if (&v->limit[i] != o.limit) chance *= belief_keeps(g->b, &v->limit[i], k);
    double cut = isfinite(o.exact_room) ? excess_over(o.exact_room, o.room, o.deviation) : 0;
    return chance * (excess_over(best, o.room, o.deviation) - cut);
}

static double value_for_version(const aim *self, int k)
{
    const version_aim *g = (const version_aim *)(const void *)self;
    const problem_version *v = &g->p->version[g->now];
    const standing *s = &g->standing[g->now - g->first];
    double chance = 1;
    if (s->is_met) return value_of_room(g, v, k, s->room);
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
    g->standing = ARENA_NEW(a, standing, g->base.n_parts);
    if (!g->standing) return FAIL(e, ERR_MEM, "out of memory");
    *out = &g->base;
    return OK;
}
