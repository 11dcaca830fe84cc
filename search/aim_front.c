/* The expected gain of hypervolume over the front of what is believed of the points trained so far. Noise does not
 * make a front: a lucky training is believed in part. */
#include <math.h>
#include <string.h>

#include "engine/base/pareto.h"
#include "search/aim.h"
#include "search/gain.h"
#include "search/worth.h"

typedef struct {
    aim base;
    const problem *p;
    const belief *b;
    arena *a;
    int n_start;
    int m, n_exact;                  /* objectives; the first so many columns are exact */
    int column[PROBLEM_MAX_METRICS]; /* metric of each */
    double reference[PROBLEM_MAX_METRICS];
    double spread; /* typical deviation of the last column */
    gain_front front;
} front_aim;

static const problem_metric *metric_of(const front_aim *f, int column)
{
    return &f->p->metric[f->column[column]];
}

static status set_reference(front_aim *f, const history *h, int column, err *e)
{
    return worth_reference(f->p, f->column[column], h, f->n_start, f->a, &f->reference[column], e);
}

static bool is_worth_having(const front_aim *f, const double *row)
{
    for (int k = f->n_exact; k < f->m; k++)
        if (row[k] > f->reference[k]) return false;
    return true;
}

/* The rows on the believed front, moved before the others; returns how many. */
static status keep_front(const front_aim *f, double *rows, int n, int *n_front, err *e)
{
    unsigned char *on = ARENA_NEW(f->a, unsigned char, n + 1);
    if (!on) return FAIL(e, ERR_MEM, "out of memory for a front");
    TRY(pareto_front(rows, n, f->m, on, f->a, e));
    *n_front = 0;
    for (int i = 0; i < n; i++) {
        const double *row = rows + i * f->m;
        if (!on[i] || !is_worth_having(f, row)) continue;
        memmove(rows + (*n_front)++ * f->m, row, (size_t)f->m * sizeof *row);
    }
    return OK;
}

/* The hypervolume between the reference and the best figure of each objective on the front. */
static double box_of(const front_aim *f, const double *rows, int n)
{
    double box = n > 0;
    for (int k = 0; k < f->m; k++) {
        double best = f->reference[k];
        for (int i = 0; i < n; i++) best = fmin(best, rows[i * f->m + k]);
        box *= f->reference[k] - best;
    }
    return box;
}

static status begin_front(aim *self, const history *h, bool anew, err *e)
{
    front_aim *f = (front_aim *)(void *)self;
    const int n = belief_n_rows(f->b), m = f->m;
    int n_front;
    double *rows = ARENA_NEW(f->a, double, (n + 1) * m);
    if (!rows) return FAIL(e, ERR_MEM, "out of memory for a front");
    for (int k = f->n_exact; anew && k < m; k++) TRY(set_reference(f, h, k, e));
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m; k++)
            rows[i * m + k] =
                problem_minimised(metric_of(f, k), belief_row_mean(f->b, f->column[k], i));
    TRY(keep_front(f, rows, n, &n_front, e));
    f->spread = belief_spread(f->b, f->column[m - 1]);
    f->base.box = box_of(f, rows, n_front);
    return gain_open(rows, n_front, m, f->reference, f->a, &f->front, e);
}

static double promise_of_front(const aim *self, int part, int point, const double *guess)
{
    const front_aim *f = (const front_aim *)(const void *)self;
    double x[PROBLEM_MAX_METRICS];
    (void)part, (void)point;
    for (int k = 0; k < f->m; k++) x[k] = problem_minimised(metric_of(f, k), guess[f->column[k]]);
    double spread = f->spread * (metric_of(f, f->m - 1)->positive ? fabs(x[f->m - 1]) : 1);
    return gain_expected(&f->front, x, x[f->m - 1], spread);
}

/* The last column is integrated over exactly; of each other trained one the mean and two points beside it are
 * looked at, which have the same mean and variance as the normal distribution (Julier & Uhlmann,
 * Proc. IEEE 92, 2004). */
static double value_for_front(const aim *self, int k)
{
    const front_aim *f = (const front_aim *)(const void *)self;
    const int last = f->m - 1, n_beside = last - f->n_exact;
    double x[PROBLEM_MAX_METRICS], far = n_beside > 2 ? n_beside + 1 : 3;
    for (int c = 0; c < last; c++)
        x[c] = problem_minimised(metric_of(f, c), belief_of(f->b, f->column[c], k).mean);
    figure t = belief_of(f->b, f->column[last], k);
    t.mean = problem_minimised(metric_of(f, last), t.mean);
    double gain = (1 - n_beside / far) * gain_expected(&f->front, x, t.mean, t.deviation);
    for (int c = f->n_exact; c < last; c++) {
        const double mean = x[c], away = sqrt(far) * belief_of(f->b, f->column[c], k).deviation;
        for (int side = -1; side <= 1; side += 2) {
            x[c] = mean + side * away;
            gain += gain_expected(&f->front, x, t.mean, t.deviation) / (2 * far);
        }
        x[c] = mean;
    }
    return gain;
}

status aim_front_open(const problem *p, const belief *b, int n_start, arena *a, aim **out, err *e)
{
    front_aim *f = ARENA_NEW(a, front_aim, 1);
    if (!f) return FAIL(e, ERR_MEM, "out of memory");
    *f = (front_aim){.p = p, .b = b, .a = a, .n_start = n_start, .m = p->n_objectives};
    f->base = (aim){.n_parts = 1,
                    .shrinks = true,
                    .begin = begin_front,
                    .promise = promise_of_front,
                    .value = value_for_front};
    int n = 0;
    for (int k = 0; k < f->m; k++)
        if (p->metric[k].exact) f->column[n++] = k;
    f->n_exact = n;
    for (int k = 0; k < f->m; k++)
        if (!p->metric[k].exact) f->column[n++] = k;
    *out = &f->base;
    for (int k = 0; k < f->n_exact; k++) TRY(set_reference(f, NULL, k, e));
    return OK;
}
