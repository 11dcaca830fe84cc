#include "search/claim.h"

#include <math.h>

status tally_open(tally *t, const problem *p, arena *a, err *e)
{
    *t = (tally){.p = p, .a = a, .row = ARENA_NEW(a, int, p->n_points)};
    if (!t->row) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < p->n_points; i++) t->row[i] = -1;
    return OK;
}

static status grow(tally *t, err *e)
{
    const size_t m = (size_t)t->p->n_metrics, cap = t->cap ? 2 * (size_t)t->cap : 64;
    int *point = ARENA_NEW(t->a, int, cap);
    verdict_sample *of = ARENA_NEW(t->a, verdict_sample, cap * m);
    if (!point || !of) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < t->n; i++) point[i] = t->point[i];
    for (size_t i = 0; i < (size_t)t->n * m; i++) of[i] = t->of[i];
    t->point = point;
    t->of = of;
    t->cap = (int)cap;
    return OK;
}

static status see(tally *t, const tried *one, err *e)
{
    const int m = t->p->n_metrics, point = one->what.point;
    if (one->state != TRIED_DONE || !one->value || point < 0) return OK;
    if (t->row[point] < 0) {
        if (t->n == t->cap) TRY(grow(t, e));
        t->point[t->n] = point;
        t->row[point] = t->n++;
    }
    for (int k = 0; k < m; k++)
        if (isfinite(one->value[k])) verdict_add(&t->of[t->row[point] * m + k], one->value[k]);
    return OK;
}

status tally_see(tally *t, const history *h, err *e)
{
    for (; t->n_known < h->n_known; t->n_known++) TRY(see(t, &h->of[t->n_known], e));
    return OK;
}

const verdict_sample *tally_sample(const tally *t, int row, int metric)
{
    return &t->of[row * t->p->n_metrics + metric];
}

int tally_n_seeds(const tally *t, int row)
{
    int most = 0;
    for (int k = 0; k < t->p->n_metrics; k++) {
        int n = tally_sample(t, row, k)->n;
        most = n > most ? n : most;
    }
    return most;
}

verdict_spread tally_spread(const tally *t, int metric)
{
    double squares = 0;
    int df = 0;
    for (int i = 0; i < t->n; i++) {
        const verdict_sample *s = tally_sample(t, i, metric);
        squares += s->squares;
        df += s->n > 1 ? s->n - 1 : 0;
    }
    return (verdict_spread){df > 0 ? sqrt(squares / df) : (double)NAN, df};
}

/* --- claims --- */

/* Takes from the chance of each looked-at row that may be chosen what it may break of one limit. */
static status weigh_limit(const tally *t, const problem_limit *l, const int *looked, int n,
                          double *chance, arena *scratch, err *e)
{
    verdict_sample *s = ARENA_NEW(scratch, verdict_sample, n);
    verdict_spread spread = tally_spread(t, l->metric);
    verdict_limit limit = {l->is_upper, l->bound};
    verdict_prior prior;
    int n_samples = 0;
    if (!s) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < n; i++) {
        const verdict_sample *one = tally_sample(t, looked[i], l->metric);
        if (one->n > 0) s[n_samples++] = *one;
    }
    TRY(verdict_fit(s, n_samples, &spread, &limit, scratch, &prior, e));
    for (int i = 0; i < n; i++) {
        const verdict_sample *one = tally_sample(t, looked[i], l->metric);
        if (tally_n_seeds(t, looked[i]) >= VERDICT_FEWEST) /* others are not chosen */
            chance[i] -= 1 - verdict_mean_chance(&prior, one, &spread, &limit);
    }
    return OK;
}

/* Of one that was trained once nothing is claimed: that it looks good may be all there is to it. */
static void choose(const tally *t, const int *looked, const double *chance, int n, claim *out)
{
    for (int i = 0; i < n; i++) {
        int n_seeds = tally_n_seeds(t, looked[i]);
        if (n_seeds < VERDICT_FEWEST || !(chance[i] > out->chance)) continue;
        *out = (claim){t->point[looked[i]], n_seeds, chance[i]};
    }
}

status claim_version(const tally *t, int version, arena *scratch, claim *out, err *e)
{
    const problem_version *v = &t->p->version[version];
    arena_mark_t mark = arena_mark(scratch);
    int *looked = ARENA_NEW(scratch, int, t->n + 1), n = 0;
    double *chance = ARENA_NEW(scratch, double, t->n + 1);
    status s = looked && chance ? OK : FAIL(e, ERR_MEM, "out of memory");
    *out = (claim){.point = -1};
    for (int i = 0; s == OK && i < t->n; i++) {
        if (!problem_may_meet(t->p, version, t->point[i])) continue;
        chance[n] = 1;
        looked[n++] = i;
    }
    for (int i = 0; s == OK && n > 0 && i < v->n_limits; i++)
        if (!t->p->metric[v->limit[i].metric].exact)
            s = weigh_limit(t, &v->limit[i], looked, n, chance, scratch, e);
    if (s == OK) choose(t, looked, chance, n, out);
    arena_release(scratch, mark);
    return s;
}
