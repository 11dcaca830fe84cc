#include "search/breed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/pareto.h"
#include "search/gain.h"

static double version_violation(const problem_version *v, const double *value)
{
    double sum = 0;
    for (int i = 0; i < v->n_limits; i++) {
        const problem_limit *l = &v->limit[i];
        double x = value[l->metric], unit = l->bound != 0 ? fabs(l->bound) : 1;
        if (isnan(x)) return (double)INFINITY;
        if (!problem_keeps(l, x)) sum += fabs(x - l->bound) / unit + 1e-9;
    }
    return sum;
}

double breed_violation(const problem *p, int aim, const double *value)
{
    double least = (double)INFINITY;
    if (!value) return least;
    if (aim == AIM_FRONT || p->n_versions == 0) return 0;
    if (aim >= 0) return version_violation(&p->version[aim], value);
    for (int i = 0; i < p->n_versions; i++)
        least = fmin(least, version_violation(&p->version[i], value));
    return least;
}

/* One trial as it is compared. */
typedef struct {
    int number; /* in the history */
    double violation, crowding;
    double figure[PROBLEM_MAX_METRICS]; /* objectives, less is better */
} parent;

static bool read_parent(const problem *p, int aim, const history *h, int i, parent *out)
{
    const tried *t = &h->of[i];
    if (t->state != TRIED_DONE || !t->value) return false;
    *out = (parent){.number = i, .violation = breed_violation(p, aim, t->value)};
    for (int k = 0; k < p->n_objectives; k++) {
        out->figure[k] = problem_minimised(&p->metric[k], t->value[k]);
        if (!isfinite(out->figure[k])) return false;
    }
    return true;
}

static int by_violation(const void *a, const void *b)
{
    const parent *p = a, *q = b;
    if (p->violation != q->violation) return p->violation < q->violation ? -1 : 1;
    return (p->number > q->number) - (p->number < q->number);
}

static int by_crowding(const void *a, const void *b)
{
    const parent *p = a, *q = b;
    if (p->crowding != q->crowding) return p->crowding > q->crowding ? -1 : 1;
    return (p->number > q->number) - (p->number < q->number);
}

typedef struct {
    double figure;
    int at;
} ranked;

static int by_figure(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    if (p->figure != q->figure) return p->figure < q->figure ? -1 : 1;
    return (p->at > q->at) - (p->at < q->at);
}

/* Distance between a member's neighbours, summed over the objectives; the ends of each are far away. */
static void find_crowding(parent *of, int n, int m, ranked *scratch)
{
    for (int i = 0; i < n; i++) of[i].crowding = 0;
    for (int k = 0; k < m; k++) {
        for (int i = 0; i < n; i++) scratch[i] = (ranked){of[i].figure[k], i};
        qsort(scratch, (size_t)n, sizeof *scratch, by_figure);
        double width = scratch[n - 1].figure - scratch[0].figure;
        of[scratch[0].at].crowding = of[scratch[n - 1].at].crowding = (double)INFINITY;
        for (int i = 1; i + 1 < n && width > 0; i++)
            of[scratch[i].at].crowding += (scratch[i + 1].figure - scratch[i - 1].figure) / width;
    }
}

/* Moves the front of n parents before the others; returns how many it has. */
static status split_front(parent *of, int n, int m, int *n_front, arena *a, err *e)
{
    double *figures = ARENA_NEW(a, double, (int64_t)n *m);
    unsigned char *on = ARENA_NEW(a, unsigned char, n);
    if (!figures || !on) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m; k++) figures[i * m + k] = of[i].figure[k];
    TRY(pareto_front(figures, n, m, on, a, e));
    int front = 0;
    for (int i = 0; i < n; i++) {
        if (!on[i]) continue;
        parent member = of[i];
        of[i] = of[front];
        of[front++] = member;
    }
    *n_front = front;
    return OK;
}

/* Of parents from `from` on the one of the greatest gain as last found. */
static int first_by_gain(const parent *of, int from, int n)
{
    int first = from;
    for (int i = from + 1; i < n; i++)
        if (of[i].crowding > of[first].crowding) first = i;
    return first;
}

/* Moves those of n parents first that together dominate the most hypervolume, chosen one by one
 * (Guerreiro, Fonseca & Paquete, Evol. Comput. 24, 2016). Gains only fall: the best is sure when it is fresh. */
static status move_by_volume(parent *of, int n, int most, int m, const double *reference, arena *a,
                             err *e)
{
    double *front = ARENA_NEW(a, double, (most + 1) * m);
    if (!front) return FAIL(e, ERR_MEM, "out of memory for a front");
    for (int i = 0; i < n; i++) of[i].crowding = (double)INFINITY;
    for (int chosen = 0; chosen < n && chosen < most; chosen++) {
        gain_front f;
        arena_mark_t mark = arena_mark(a);
        TRY(gain_open(front, chosen, m, reference, a, &f, e));
        for (int fresh = -1, best; fresh != (best = first_by_gain(of, chosen, n)); fresh = best)
            of[best].crowding = gain_expected(&f, of[best].figure, of[best].figure[m - 1], 0);
        arena_release(a, mark);
        int best = first_by_gain(of, chosen, n);
        parent member = of[best];
        of[best] = of[chosen];
        of[chosen] = member;
        memcpy(front + chosen * m, member.figure, (size_t)m * sizeof *front);
    }
    return OK;
}

/* Of those that keep the limits front after front; within each by crowding, or by hypervolume one that is cut. */
static status order_feasible(parent *of, int n, int most, int m, const double *reference, arena *a,
                             err *e)
{
    ranked *scratch = ARENA_NEW(a, ranked, n + 1);
    if (!scratch) return FAIL(e, ERR_MEM, "out of memory");
    for (int done = 0, front; done < n && done < most; done += front) {
        TRY(split_front(of + done, n - done, m, &front, a, e));
        if (reference) {
            if (done + front > most)
                TRY(move_by_volume(of + done, front, most - done, m, reference, a, e));
            continue;
        }
        find_crowding(of + done, front, m, scratch);
        qsort(of + done, (size_t)front, sizeof *of, by_crowding);
    }
    return OK;
}

/* What each of n parents adds to the hypervolume of the others, as a part of the most that one adds. */
static status find_shares(const parent *of, int n, int m, const double *reference, double *share,
                          arena *a, err *e)
{
    double *others = ARENA_NEW(a, double, (n + 1) * m), most = 0;
    if (!others) return FAIL(e, ERR_MEM, "out of memory for a front");
    for (int i = 0; i < n; i++) {
        gain_front f;
        int n_others = 0;
        for (int j = 0; j < n; j++)
            if (j != i) memcpy(others + n_others++ * m, of[j].figure, (size_t)m * sizeof *others);
        TRY(gain_open(others, n_others, m, reference, a, &f, e));
        share[i] = gain_expected(&f, of[i].figure, of[i].figure[m - 1], 0);
        most = fmax(most, share[i]);
    }
    for (int i = 0; i < n; i++) share[i] = most > 0 ? share[i] / most : 1;
    return OK;
}

static status choose_best(const problem *p, int aim, const history *h, int most,
                          const double *reference, double *share, int *out, int *n, arena *a,
                          err *e)
{
    arena_mark_t mark = arena_mark(a);
    parent *all = ARENA_NEW(a, parent, h->n_known + 1);
    if (!all) return FAIL(e, ERR_MEM, "out of memory");
    int count = 0, feasible = 0;
    for (int i = 0; i < h->n_known; i++) count += read_parent(p, aim, h, i, &all[count]);
    qsort(all, (size_t)count, sizeof *all, by_violation);
    while (feasible < count && all[feasible].violation == 0) feasible++;
    status s = order_feasible(all, feasible, most, p->n_objectives, reference, a, e);
    *n = count < most ? count : most;
    if (s == OK && share) s = find_shares(all, *n, p->n_objectives, reference, share, a, e);
    for (int i = 0; s == OK && i < *n; i++) out[i] = all[i].number;
    arena_release(a, mark);
    return s;
}

status breed_best(const problem *p, int aim, const history *h, int most, int *out, int *n, arena *a,
                  err *e)
{
    return choose_best(p, aim, h, most, NULL, NULL, out, n, a, e);
}

status breed_cover(const problem *p, int aim, const history *h, int most, const double *reference,
                   int *out, double *share, int *n, arena *a, err *e)
{
    return choose_best(p, aim, h, most, reference, share, out, n, a, e);
}

void breed_mutate(const problem *p, int knob, int *level, rng *r)
{
    const problem_knob *k = &p->knob[knob];
    int old = level[knob] < 0 ? 0 : level[knob];
    if (k->n_levels < 2) return;
    if (k->number && k->n_levels > 2) { /* one or two steps, back from the ends */
        int step = 1 + (int)rng_below(r, 2);
        int to = old + (rng_below(r, 2) ? step : -step);
        level[knob] = to < 0 ? old + step : to >= k->n_levels ? old - step : to;
        if (level[knob] < 0 || level[knob] >= k->n_levels) level[knob] = old ? 0 : 1;
        return;
    }
    level[knob] = (old + 1 + (int)rng_below(r, (uint64_t)k->n_levels - 1)) % k->n_levels;
}
