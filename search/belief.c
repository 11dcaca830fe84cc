/* A trained figure is seen through a bend: below the median what is worse comes nearer, by its logarithm. A few
 * hopeless trainings, of networks too small for anything, would else decide the scales of a model whose use is to
 * tell good points apart. */
#include "search/belief.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/encode.h"

/* A fit begins with KEPT rows at most: of more, the newest half of so many, and others spread over the time before. */
enum {
    ENOUGH = 4, /* figures to fit anything to */
    KEPT = 1000,
    LEAST_ADDED = 8, /* rows until the next fit */
    MOST_ADDED = 128,
    FIRST_STEPS = 40, /* of fitting */
    EARLY_STEPS = 24, /* while the history is shorter than FEW, which costs little */
    FEW = 128,
    LATER_STEPS = 8
};

typedef struct {
    int metric;
    gp *g;
    float *deviation; /* of watched points */
    double *row_mean;
    double worst;       /* figure seen, in the metric's terms */
    double pivot, unit; /* of the bend */
} model;

struct belief {
    const problem *p;
    arena *a;
    gp_space space;
    int n_models;
    model model[BELIEF_MOST_METRICS];
    int n_rows, n_learned; /* of the rows the first so many are not pending */
    int *number, *point;   /* of rows: in the history, in the problem */
    const int *watched;
    int n_seen, n_figures; /* results looked at; those that had figures */
    int fit_at;            /* number of the suggestion before which to fit next; 0: never fitted */
};

static int most_rows(const problem *p)
{
    int64_t all = (int64_t)p->n_points * (p->n_seeds > 0 ? p->n_seeds : 1);
    return (int)(all < KEPT ? all : KEPT) + MOST_ADDED;
}

status belief_open(const problem *p, const int *metric, int n_metrics, arena *a, belief **out,
                   err *e)
{
    belief *b = ARENA_NEW(a, belief, 1);
    const int n = most_rows(p);
    if (!b) return FAIL(e, ERR_MEM, "out of memory for models");
    if (n_metrics > BELIEF_MOST_METRICS)
        return FAIL(e, ERR_ARG, "%d figures to be modelled, at most %d can be", n_metrics,
                    BELIEF_MOST_METRICS);
    *b = (belief){.p = p, .a = a, .n_models = n_metrics};
    TRY(encode_points(p, a, &b->space, e));
    b->number = ARENA_NEW(a, int, n);
    b->point = ARENA_NEW(a, int, n);
    if (!b->number || !b->point) return FAIL(e, ERR_MEM, "out of memory for models");
    for (int i = 0; i < n_metrics; i++) {
        model *m = &b->model[i];
        m->metric = metric[i];
        m->deviation = ARENA_NEW(a, float, BELIEF_MOST_WATCHED);
        m->row_mean = ARENA_NEW(a, double, n);
        if (!m->deviation || !m->row_mean) return FAIL(e, ERR_MEM, "out of memory for models");
        TRY(gp_open(&b->space, n, BELIEF_MOST_WATCHED, a, &m->g, e));
    }
    *out = b;
    return OK;
}

/* --- figures as the models see them --- */

static double guess_of(const problem_metric *m, int point)
{
    return m->known ? fmax((double)m->known[point], 1e-12) : 1;
}

/* How much worse than the pivot y is. */
static double deficit(const belief *b, const model *m, double y)
{
    return b->p->metric[m->metric].maximize ? m->pivot - y : y - m->pivot;
}

static double behind_pivot(const belief *b, const model *m, double by)
{
    return b->p->metric[m->metric].maximize ? m->pivot - by : m->pivot + by;
}

/* What is worse than the pivot comes nearer to it, the more the farther it is away. */
static double bend(const belief *b, const model *m, double y)
{
    double by = deficit(b, m, y);
    return by > 0 && m->unit > 0 ? behind_pivot(b, m, m->unit * log1p(by / m->unit)) : y;
}

static double straighten(const belief *b, const model *m, double y, double *slope)
{
    double by = deficit(b, m, y);
    *slope = by > 0 && m->unit > 0 ? exp(fmin(by / m->unit, 50)) : 1;
    return by > 0 && m->unit > 0 ? behind_pivot(b, m, m->unit * (*slope - 1)) : y;
}

static double plain(const problem_metric *m, int point, double value)
{
    return m->positive ? log(fmax(value, 1e-12) / guess_of(m, point)) : value;
}

static double to_model(const belief *b, const model *m, int point, double value)
{
    return bend(b, m, plain(&b->p->metric[m->metric], point, value));
}

static figure from_model(const belief *b, const model *m, int point, double mean, double deviation)
{
    const problem_metric *of = &b->p->metric[m->metric];
    double slope, y = straighten(b, m, mean, &slope);
    if (!of->positive) return (figure){y, slope * deviation};
    double value = exp(y) * guess_of(of, point);
    return (figure){value, value * slope * deviation};
}

static bool has_figures(const belief *b, const tried *t)
{
    if (t->state == TRIED_FAILED) return true;
    for (int i = 0; i < b->n_models; i++)
        if (!t->value || !isfinite(t->value[b->model[i].metric])) return false;
    return true;
}

static double result_of(const belief *b, const model *m, const tried *t)
{
    if (!has_figures(b, t)) return (double)NAN;
    if (t->state == TRIED_FAILED) return bend(b, m, m->worst);
    return to_model(b, m, t->what.point, t->value[m->metric]);
}

/* Counts the figures there are, and remembers the worst of each. */
static void look_at_results(belief *b, const history *h)
{
    for (; b->n_seen < h->n_known; b->n_seen++) {
        const tried *t = &h->of[b->n_seen];
        if (t->state == TRIED_FAILED || !has_figures(b, t)) continue;
        for (int i = 0; i < b->n_models; i++) {
            model *m = &b->model[i];
            double y = plain(&b->p->metric[m->metric], t->what.point, t->value[m->metric]);
            bool is_worse = b->p->metric[m->metric].maximize ? y < m->worst : y > m->worst;
            if (b->n_figures == 0 || is_worse) m->worst = y;
        }
        b->n_figures++;
    }
}

/* --- keeping step --- */

static bool is_kept(int number, int n)
{
    const int old = n - KEPT / 2;
    if (n <= KEPT || number >= old) return true;
    return (int64_t)number * (KEPT / 2) / old != (int64_t)(number + 1) * (KEPT / 2) / old;
}

static void choose_rows(belief *b, const history *h)
{
    b->n_rows = b->n_learned = 0;
    for (int i = 0; i < h->n; i++) {
        if (!is_kept(i, h->n) || (i < h->n_known && !has_figures(b, &h->of[i]))) continue;
        b->number[b->n_rows] = i;
        b->point[b->n_rows++] = h->of[i].what.point;
        b->n_learned += i < h->n_known;
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Bends at the median, in units of the distance from there to the best. */
static void set_bend(belief *b, model *m, const history *h, double *y)
{
    const problem_metric *of = &b->p->metric[m->metric];
    int n = 0;
    for (int k = 0; k < b->n_learned; k++) {
        const tried *t = &h->of[b->number[k]];
        if (t->state != TRIED_FAILED) y[n++] = plain(of, t->what.point, t->value[m->metric]);
    }
    qsort(y, (size_t)n, sizeof *y, by_size);
    m->pivot = y[n / 2];
    m->unit = of->maximize ? y[n - 1] - m->pivot : m->pivot - y[0];
}

static status fit_models(belief *b, const history *h, err *e)
{
    arena_mark_t mark = arena_mark(b->a);
    double *y = ARENA_NEW(b->a, double, h->n + 1);
    if (!y) return FAIL(e, ERR_MEM, "out of memory for models");
    choose_rows(b, h);
    const int steps = b->fit_at == 0 ? FIRST_STEPS : h->n < FEW ? EARLY_STEPS : LATER_STEPS;
    for (int i = 0; i < b->n_models; i++) {
        set_bend(b, &b->model[i], h, y);
        for (int k = 0; k < b->n_learned; k++)
            y[k] = result_of(b, &b->model[i], &h->of[b->number[k]]);
        TRY(gp_restart(b->model[i].g, b->point, y, b->n_rows, b->n_learned, steps, e));
    }
    arena_release(b->a, mark);
    int gap = h->n / 8;
    b->fit_at = h->n + (gap < LEAST_ADDED ? LEAST_ADDED : gap > MOST_ADDED ? MOST_ADDED : gap);
    return OK;
}

static void learn(belief *b, const history *h)
{
    for (; b->n_learned < b->n_rows && b->number[b->n_learned] < h->n_known; b->n_learned++)
        for (int i = 0; i < b->n_models; i++)
            gp_learn(b->model[i].g, result_of(b, &b->model[i], &h->of[b->number[b->n_learned]]));
}

status belief_update(belief *b, const history *h, bool *ready, bool *anew, err *e)
{
    look_at_results(b, h);
    *ready = b->n_models > 0 && b->n_figures >= ENOUGH;
    *anew = *ready && h->n >= b->fit_at;
    if (*anew) return fit_models(b, h, e);
    if (*ready) learn(b, h);
    return OK;
}

status belief_add(belief *b, int number, int point, err *e)
{
    if (b->fit_at == 0) return OK;
    for (int i = 0; i < b->n_models; i++) TRY(gp_add(b->model[i].g, point, e));
    b->number[b->n_rows] = number;
    b->point[b->n_rows++] = point;
    return OK;
}

/* --- asking --- */

static const model *model_of(const belief *b, int metric)
{
    int i = 0;
    while (i < b->n_models && b->model[i].metric != metric) i++;
    return i < b->n_models ? &b->model[i] : NULL;
}

status belief_guess(belief *b, int metric, const int *point, int n, float *mean, err *e)
{
    const model *m = model_of(b, metric);
    if (!m) return FAIL(e, ERR_ARG, "metric %d is not modelled", metric);
    gp_predict(m->g, point, n, mean);
    for (int i = 0; i < n; i++)
        mean[i] = (float)from_model(b, m, point[i], (double)mean[i], 0).mean;
    return OK;
}

status belief_watch(belief *b, const int *point, int n, err *e)
{
    b->watched = point;
    for (int i = 0; i < b->n_models; i++) TRY(gp_watch(b->model[i].g, point, n, e));
    return OK;
}

void belief_refresh(belief *b)
{
    for (int i = 0; i < b->n_models; i++) {
        gp_deviation(b->model[i].g, b->model[i].deviation);
        gp_row_means(b->model[i].g, b->model[i].row_mean);
    }
}

static figure exact_figure(const problem_metric *m, int point)
{
    return (figure){m->known ? (double)m->known[point] : (double)NAN, 0};
}

figure belief_of(const belief *b, int metric, int k)
{
    const model *m = model_of(b, metric);
    const problem_metric *of = &b->p->metric[metric];
    if (!m) return exact_figure(of, b->watched[k]);
    return from_model(b, m, b->watched[k], (double)gp_mean(m->g)[k], (double)m->deviation[k]);
}

static double keeps_exactly(const belief *b, const problem_limit *l, int point)
{
    return problem_keeps(l, exact_figure(&b->p->metric[l->metric], point).mean) ? 1 : 0;
}

static double chance(const belief *b, const problem_limit *l, int point, double mean,
                     double deviation)
{
    double room = to_model(b, model_of(b, l->metric), point, l->bound) - mean;
    double z = room / fmax(deviation, 1e-12);
    return 0.5 * erfc((l->is_upper ? -z : z) * 0.70710678118654752);
}

double belief_keeps(const belief *b, const problem_limit *l, int k)
{
    const model *m = model_of(b, l->metric);
    const int point = b->watched[k];
    if (!m) return keeps_exactly(b, l, point);
    return chance(b, l, point, (double)gp_mean(m->g)[k], (double)m->deviation[k]);
}

int belief_n_rows(const belief *b)
{
    return b->n_rows;
}

int belief_n_learned(const belief *b)
{
    return b->n_learned;
}

double belief_row_mean(const belief *b, int metric, int row)
{
    const model *m = model_of(b, metric);
    const problem_metric *of = &b->p->metric[metric];
    if (!m) return exact_figure(of, b->point[row]).mean;
    return from_model(b, m, b->point[row], m->row_mean[row], 0).mean;
}

double belief_row_keeps(const belief *b, const problem_limit *l, int row)
{
    const model *m = model_of(b, l->metric);
    const int point = b->point[row];
    if (!m) return keeps_exactly(b, l, point);
    return chance(b, l, point, m->row_mean[row], gp_row_deviation(m->g, row));
}

double belief_spread(const belief *b, int metric)
{
    const model *m = model_of(b, metric);
    return m ? gp_noise(m->g) : 0;
}
