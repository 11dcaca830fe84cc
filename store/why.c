#include "store/why.h"

#include <math.h>
#include <stdlib.h>

static const double none = (double)NAN;

static double figure(const why_field *f, int row, int limit)
{
    return f->value[(size_t)row * (size_t)f->n_limits + (size_t)limit];
}

static double excess(const why_field *f, int row, int limit)
{
    const store_limit *l = &f->limit[limit];
    return pick_excess(l->op, l->bound, figure(f, row, limit));
}

static bool keeps(const why_field *f, int row, int limit)
{
    const store_limit *l = &f->limit[limit];
    return limit_holds(l->op, figure(f, row, limit), l->bound) != 0;
}

/* --- order --- */

typedef struct {
    double worst, size;
    int row;
} ranked;

static int by_worst(const void *p, const void *q)
{
    const ranked *a = p, *b = q;
    if (a->worst != b->worst) return a->worst < b->worst ? -1 : 1;
    if (a->size != b->size) return a->size < b->size ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static status rank(const why_field *f, arena *a, why *out, err *e)
{
    ranked *r = ARENA_NEW(a, ranked, f->n + 1);
    out->order = ARENA_NEW(a, int, f->n + 1);
    out->worst = ARENA_NEW(a, double, f->n + 1);
    if (!r || !out->order || !out->worst) return FAIL(e, ERR_MEM, "no memory for an answer");
    for (int t = 0; t < f->n; t++) {
        double worst = (double)-INFINITY;
        for (int i = 0; i < f->n_limits; i++) worst = fmax(worst, excess(f, t, i));
        r[t] = (ranked){worst, isnan(f->size[t]) ? (double)INFINITY : f->size[t], t};
        out->worst[t] = worst;
    }
    qsort(r, (size_t)f->n, sizeof *r, by_worst);
    for (int t = 0; t < f->n; t++) out->order[t] = r[t].row;
    return OK;
}

/* --- limits --- */

/* Takes note of a trial for limit i: `others` says that it keeps all others. */
static void weigh(const why_field *f, int row, int i, bool own, bool others, why_limit *l)
{
    double over = excess(f, row, i);
    l->n_keep += own;
    if (l->best_alone_row < 0 || over < excess(f, l->best_alone_row, i)) l->best_alone_row = row;
    if (!others) return;
    l->n_without++;
    if (l->best_row >= 0 && !(over < excess(f, l->best_row, i))) return;
    l->best_row = row;
    l->best = figure(f, row, i);
    l->needed = over;
}

static void weigh_all(const why_field *f, why *out)
{
    for (int t = 0; t < f->n; t++) {
        int n_broken = 0, broken = -1;
        for (int i = 0; i < f->n_limits; i++)
            if (!keeps(f, t, i)) n_broken++, broken = i;
        out->n_feasible += n_broken == 0;
        for (int i = 0; i < f->n_limits; i++)
            weigh(f, t, i, keeps(f, t, i), n_broken == 0 || (n_broken == 1 && broken == i),
                  &out->limit[i]);
    }
}

static int count_both(const why_field *f, int i, int j)
{
    int n = 0;
    for (int t = 0; t < f->n; t++) n += keeps(f, t, i) && keeps(f, t, j);
    return n;
}

status why_find(const why_field *f, arena *a, why *out, err *e)
{
    const size_t m = (size_t)f->n_limits;
    *out = (why){.limit = ARENA_NEW(a, why_limit, m + 1),
                 .conflict = ARENA_NEW(a, why_conflict, m * m + 1)};
    if (!out->limit || !out->conflict) return FAIL(e, ERR_MEM, "no memory for an answer");
    for (int i = 0; i < f->n_limits; i++)
        out->limit[i] =
            (why_limit){.best = none, .best_row = -1, .needed = none, .best_alone_row = -1};
    TRY(rank(f, a, out, e));
    weigh_all(f, out);
    for (int i = 0; i < f->n_limits; i++)
        for (int j = i + 1; j < f->n_limits; j++)
            if (out->limit[i].n_keep && out->limit[j].n_keep && count_both(f, i, j) == 0)
                out->conflict[out->n_conflicts++] = (why_conflict){i, j};
    return OK;
}

/* --- what the closest have in common --- */

int why_n_close(int n)
{
    int tenth = n / 10, close = tenth < 5 ? 5 : tenth > 20 ? 20 : tenth;
    return close < n ? close : n;
}

static double log_choose(int n, int k)
{
    return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

double why_tail(int n, int k, int drawn, int x)
{
    double sum = 0;
    int most = k < drawn ? k : drawn, least = drawn + k - n > x ? drawn + k - n : x;
    for (int i = least; i <= most; i++)
        sum += exp(log_choose(k, i) + log_choose(n - k, drawn - i) - log_choose(n, drawn));
    return fmin(sum, 1);
}
