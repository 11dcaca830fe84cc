/* asha: asynchronous successive halving in its stopping form (arXiv 1810.05934), for several objectives
 * (MO-ASHA, arXiv 2106.12639): at a rung a candidate goes on when it is in the better third of all that have been
 * there and are known. Ranks are by non-dominated layers of the curve's figure and the exact objectives; within a
 * layer by an epsilon-net: the one farthest from those ranked already comes next.
 *
 * hyperband: the same in brackets (arXiv 1603.06560): a candidate of bracket b is left alone at the first b
 * rungs and compared with its own bracket only. Brackets are drawn by the suggestion's number, as often as Hyperband
 * begins candidates in them. */
#include "search/stop_kinds.h"

#include <math.h>

#include "engine/base/pareto.h"
#include "engine/base/rng.h"

enum { FACTOR = 3, MOST_RIVALS = 500 };

typedef struct {
    int n, m;
    double *figure;      /* n x m, to be minimised; the candidate in question is row 0 */
    double *scale;       /* m: 1 / range */
    unsigned char *rank; /* n: 1 when ranked */
} field;

static bool is_rival(const stop_case *c, const tried *t)
{
    return (t->state == TRIED_DONE || t->state == TRIED_STOPPED) && t->n_epochs >= c->n_epochs &&
           t->what.seed_index == 0;
}

static void put_row(const problem *p, int watched, int point, float at_rung, double *row)
{
    int k = 0;
    if (watched >= 0) row[k++] = problem_minimised(&p->metric[watched], (double)at_rung);
    for (int i = 0; i < p->n_objectives; i++)
        if (p->metric[i].exact)
            row[k++] = problem_minimised(&p->metric[i], (double)p->metric[i].known[point]);
}

static void take_scales(field *f)
{
    for (int k = 0; k < f->m; k++) {
        double low = HUGE_VAL, high = -HUGE_VAL;
        for (int i = 0; i < f->n; i++) {
            low = fmin(low, f->figure[i * f->m + k]);
            high = fmax(high, f->figure[i * f->m + k]);
        }
        f->scale[k] = high > low ? 1 / (high - low) : 0;
    }
}

static int bracket_of(const stop_rule *r, int number, int n_brackets);

/* The candidate and the latest known ones of its bracket that have a figure at this rung. */
static status take_field(const stop_rule *r, const history *h, const stop_case *c, int n_brackets,
                         arena *a, field *f, err *e)
{
    const problem *p = r->p;
    const int watched = problem_watched(p), mine = bracket_of(r, c->number, n_brackets);
    f->m = watched >= 0;
    for (int i = 0; i < p->n_objectives; i++) f->m += p->metric[i].exact;
    f->figure = ARENA_NEW(a, double, (MOST_RIVALS + 1) * f->m);
    f->scale = ARENA_NEW(a, double, f->m);
    f->rank = ARENA_NEW(a, unsigned char, MOST_RIVALS + 1);
    if (!f->figure || !f->scale || !f->rank) return FAIL(e, ERR_MEM, "out of memory for a rung");
    put_row(p, watched, c->what.point, c->curve[c->n_epochs - 1], f->figure);
    f->n = 1;
    for (int i = h->n_known - 1; i >= 0 && f->n <= MOST_RIVALS; i--) {
        const tried *t = &h->of[i];
        if (!is_rival(c, t) || bracket_of(r, i, n_brackets) != mine) continue;
        put_row(p, watched, t->what.point, t->curve[c->n_epochs - 1], &f->figure[f->n++ * f->m]);
    }
    take_scales(f);
    return OK;
}

static double distance(const field *f, int i, int j)
{
    double sum = 0;
    for (int k = 0; k < f->m; k++)
        sum += pow((f->figure[i * f->m + k] - f->figure[j * f->m + k]) * f->scale[k], 2);
    return sum;
}

/* Ranks one layer, row after row the farthest from the rest of it that is ranked, the best in the first column
 * to begin with; true when row 0 came among the next `*left`, of which it takes what it uses. */
static bool rank_layer(const field *f, const int *row, int n, int *left, double *gap)
{
    int next = 0;
    for (int i = 0; i < n; i++) {
        gap[i] = HUGE_VAL;
        if (f->figure[row[i] * f->m] < f->figure[row[next] * f->m]) next = i;
    }
    for (int taken = 0; taken<n && * left> 0; taken++, --*left) {
        if (row[next] == 0) return true;
        for (int i = 0; i < n; i++) gap[i] = fmin(gap[i], distance(f, row[i], row[next]));
        gap[next] = -1;
        for (int i = 0; i < n; i++)
            if (gap[i] > gap[next]) next = i;
    }
    return false;
}

/* Whether row 0 is among the best `left`. */
static status is_among_best(field *f, int left, arena *a, bool *out, err *e)
{
    int *row = ARENA_NEW(a, int, f->n), n_rest = f->n;
    unsigned char *on_front = ARENA_NEW(a, unsigned char, f->n);
    double *rest = ARENA_NEW(a, double, f->n * f->m), *gap = ARENA_NEW(a, double, f->n);
    int *of = ARENA_NEW(a, int, f->n);
    if (!row || !on_front || !rest || !gap || !of) return FAIL(e, ERR_MEM, "out of memory");
    for (*out = false; left > 0 && n_rest > 0 && !*out && !f->rank[0];) {
        n_rest = 0;
        for (int i = 0; i < f->n; i++) {
            if (f->rank[i]) continue;
            for (int k = 0; k < f->m; k++) rest[n_rest * f->m + k] = f->figure[i * f->m + k];
            of[n_rest++] = i;
        }
        TRY(pareto_front(rest, n_rest, f->m, on_front, a, e));
        int n = 0;
        for (int i = 0; i < n_rest; i++)
            if (on_front[i]) row[n++] = of[i], f->rank[of[i]] = 1;
        if (n == 0) break; /* figures that are not numbers */
        *out = rank_layer(f, row, n, &left, gap);
    }
    return OK;
}

static status halve(const stop_rule *r, const history *h, const stop_case *c, int n_brackets,
                    arena *scratch, stop_answer *out, err *e)
{
    field f = {0};
    bool is_good = true;
    TRY(take_field(r, h, c, n_brackets, scratch, &f, e));
    if (f.n >= FACTOR) TRY(is_among_best(&f, f.n / FACTOR, scratch, &is_good, e));
    out->stops = !is_good;
    return OK;
}

/* Hyperband begins ceil(B / (b + 1)) * 3^b candidates in the bracket with b rungs, of B. Here bracket 0 has all
 * rungs, the last one none. */
static int bracket_of(const stop_rule *r, int number, int n_brackets)
{
    double weight[STOP_MAX_RUNGS + 1], sum = 0;
    if (n_brackets <= 1) return 0;
    for (int b = 0; b < n_brackets; b++) {
        int n_rungs = n_brackets - 1 - b;
        sum += weight[b] = ceil((double)n_brackets / (n_rungs + 1)) * pow(FACTOR, n_rungs);
    }
    rng draw = rng_stream(r->o.seed, RNG_BRACKET, (uint64_t)number);
    double at = rng_double(&draw) * sum;
    int b = 0;
    while (b < n_brackets - 1 && at >= weight[b]) at -= weight[b++];
    return b;
}

status stop_asha(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                 stop_answer *out, err *e)
{
    return halve(self, h, c, 1, scratch, out, e);
}

status stop_hyperband(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                      stop_answer *out, err *e)
{
    const int n_brackets = self->o.n_rungs + 1, mine = bracket_of(self, c->number, n_brackets);
    if (mine < self->o.n_rungs && c->n_epochs < self->o.rung[mine]) return OK;
    if (mine == self->o.n_rungs) return OK;
    return halve(self, h, c, n_brackets, scratch, out, e);
}
