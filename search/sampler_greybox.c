#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/pareto.h"
#include "engine/base/rng.h"
#include "search/draw.h"
#include "search/gp.h"
#include "search/sampler_kinds.h"

enum {
    START = 12,          /* trials before a model is trusted */
    MOST_ROWS = 1200,    /* of a model; then the older half is thinned out */
    SHORTLIST = 2048,    /* points whose figures are kept up to date */
    LONG_LIST = 16384,   /* points from which these are chosen */
    WEIGHTINGS = 64,     /* that the shortlist serves */
    FIRST_STEPS = 40, LATER_STEPS = 12
};

typedef struct {
    int metric;
    gp *g;
} model;

typedef struct {
    sampler base;
    const problem *p;
    int aim;
    uint64_t seed;
    arena *a;
    draw points;
    gp_space space;
    int n_models;
    model model[8];
    int n_eligible, *eligible;
    int n_rows, *row_number; /* history numbers of the models' rows */
    int n_learned;           /* rows whose figure is known */
    int seen;                /* history results looked at */
    int restart_at;
    int n_short, *shortlist, *long_list;
    float *figure;           /* n_models x SHORTLIST... */
    float *deviation;
    double *row_mean;
    double kappa;
} greybox;

static double env(const char *n, double d) { const char *t = getenv(n); return t ? atof(t) : d; }

static double to_model(const problem_metric *m, int point, double v)
{
    if (!m->positive) return v;
    double x = log(fmax(v, 1e-12));
    return m->known ? x - log(fmax((double)m->known[point], 1e-12)) : x;
}

static double from_model(const problem_metric *m, int point, double x)
{
    if (!m->positive) return x;
    return exp(x) * (m->known ? (double)m->known[point] : 1);
}

/* coordinates */
static status encode(greybox *g, err *e)
{
    const problem *p = g->p;
    int n_dims = 0, n_groups = p->n_knobs;
    for (int k = 0; k < p->n_knobs; k++) n_dims += p->knob[k].number ? 1 : p->knob[k].n_levels;
    for (int m = 0; m < p->n_metrics; m++) n_dims += p->metric[m].known && p->metric[m].positive, n_groups += p->metric[m].known && p->metric[m].positive;
    float *x = ARENA_NEW(g->a, float, (size_t)n_dims * (size_t)p->n_points);
    int *group = ARENA_NEW(g->a, int, n_dims);
    if (!x || !group) return FAIL(e, ERR_MEM, "out of memory");
    int d = 0;
    for (int k = 0; k < p->n_knobs; k++) {
        int n = p->knob[k].number ? 1 : p->knob[k].n_levels;
        for (int j = 0; j < n; j++, d++) {
            group[d] = k;
            for (int i = 0; i < p->n_points; i++) {
                int level = p->level[(size_t)i * p->n_knobs + k];
                float *to = &x[(size_t)d * p->n_points + i];
                if (p->knob[k].number) *to = level < 0 ? 0.5F : p->knob[k].n_levels > 1 ? (float)level / (p->knob[k].n_levels - 1) : 0;
                else *to = level == j ? 0.70710678F : 0;
            }
        }
    }
    int gr = p->n_knobs;
    for (int m = 0; m < p->n_metrics; m++) {
        const problem_metric *pm = &p->metric[m];
        if (!pm->known || !pm->positive) continue;
        float lo = INFINITY, hi = -INFINITY;
        for (int i = 0; i < p->n_points; i++) { float v = logf(fmaxf(pm->known[i], 1e-9F)); lo = fminf(lo, v); hi = fmaxf(hi, v); x[(size_t)d * p->n_points + i] = v; }
        for (int i = 0; i < p->n_points; i++) x[(size_t)d * p->n_points + i] = hi > lo ? (x[(size_t)d * p->n_points + i] - lo) / (hi - lo) : 0;
        group[d++] = gr++;
    }
    g->space = (gp_space){p->n_points, n_dims, n_groups, x, group};
    return OK;
}

static bool aims_at(const greybox *g, int v) { return g->aim == v || g->aim == AIM_VERSIONS; }

static bool is_wanted(const greybox *g, int metric)
{
    const problem *p = g->p;
    if (p->metric[metric].exact) return false;
    if (g->aim == AIM_FRONT) return metric < p->n_objectives;
    for (int v = 0; v < p->n_versions; v++)
        for (int l = 0; aims_at(g, v) && l < p->version[v].n_limits; l++)
            if (p->version[v].limit[l].metric == metric) return true;
    return false;
}

static double figure_of(const greybox *g, int metric, int point, int k, double kappa)
{
    const problem_metric *m = &g->p->metric[metric];
    if (m->exact) return (double)m->known[point];
    for (int i = 0; i < g->n_models; i++) {
        if (g->model[i].metric != metric) continue;
        double mean = (double)gp_mean(g->model[i].g)[k], sd = (double)g->deviation[i * SHORTLIST + k];
        return from_model(m, point, m->maximize ? mean + kappa * sd : mean - kappa * sd);
    }
    return NAN;
}

static double scaled(const problem_metric *m, double v)
{
    return problem_minimised(m, env("LOG", 0) > 0 && m->positive ? log(fmax(v, 1e-12)) : v);
}

static double room(const problem_limit *l, double v)
{
    double unit = l->bound != 0 ? fabs(l->bound) : 1;
    return (l->is_upper ? l->bound - v : v - l->bound) / unit;
}

static int by_double(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b; return (x > y) - (x < y); }
/* ranges of the front of what was trained, by belief */
static status front_range(greybox *g, const history *h, double *lo, double *hi, double *front, int *n_front, err *e)
{
    const problem *p = g->p;
    const int m = p->n_objectives;
    arena_mark_t mark = arena_mark(g->a);
    double *f = ARENA_NEW(g->a, double, (size_t)(g->n_rows + 1) * m);
    double *means = ARENA_NEW(g->a, double, (size_t)(g->n_rows + 1));
    unsigned char *on = ARENA_NEW(g->a, unsigned char, g->n_rows + 1);
    for (int k = 0; k < m; k++) {
        const problem_metric *pm = &p->metric[k];
        for (int i = 0; i < g->n_models; i++)
            if (g->model[i].metric == k) gp_row_means(g->model[i].g, means);
        for (int i = 0; i < g->n_rows; i++) {
            int point = h->of[g->row_number[i]].what.point;
            f[i * m + k] = scaled(pm, pm->exact ? (double)pm->known[point] : from_model(pm, point, means[i]));
        }
    }
    TRY(pareto_front(f, g->n_rows, m, on, g->a, e));
    for (int k = 0; k < m; k++) { lo[k] = INFINITY; hi[k] = -INFINITY; }
    *n_front = 0;
    double worst[PROBLEM_MAX_METRICS];
    for (int k = 0; k < m; k++) {
        int n = 0; double v[START];
        worst[k] = INFINITY;
        if (p->metric[k].exact) continue;
        for (int i = 0; i < START; i++) { double x = h->of[i].state == TRIED_DONE && h->of[i].value ? h->of[i].value[k] : NAN; if (!isnan(x)) v[n++] = scaled(&p->metric[k], x); }
        qsort(v, n, sizeof *v, by_double);
        worst[k] = v[n * 3 / 4];
    }
    for (int i = 0; i < g->n_rows; i++) {
        if (!on[i]) continue;
        bool inside = true;
        for (int k = 0; k < m; k++) inside &= f[i * m + k] <= worst[k];
        if (!inside) continue;
        for (int k = 0; k < m; k++) { lo[k] = fmin(lo[k], f[i * m + k]); hi[k] = fmax(hi[k], f[i * m + k]); if (front) front[*n_front * m + k] = f[i * m + k]; }
        ++*n_front;
    }
    for (int k = 0; k < m; k++) if (isfinite(worst[k])) hi[k] = worst[k];
    arena_release(g->a, mark);
    return OK;
}

static void draw_weights(rng *r, int m, double *w)
{
    double sum = 0;
    for (int k = 0; k < m; k++) sum += w[k] = -log(1 - rng_double(r));
    for (int k = 0; k < m; k++) w[k] /= sum;
}

static double scalar(const double *z, const double *w, int m)
{
    double worst = -INFINITY, sum = 0;
    for (int k = 0; k < m; k++) { worst = fmax(worst, w[k] * z[k]); sum += w[k] * z[k]; }
    return worst + 0.05 * sum;
}

typedef struct { float key; int i; } item;
static int by_key(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

static status make_shortlist(greybox *g, const history *h, err *e)
{
    const problem *p = g->p;
    const int m = p->n_objectives;
    int n_long = 0;
    arena_mark_t mark = arena_mark(g->a);
    rng r = rng_stream(g->seed ^ 0x5151, RNG_SAMPLE, (uint64_t)h->n);
    if (g->n_eligible <= LONG_LIST) {
        for (int i = 0; i < g->n_eligible; i++) if (!g->points.tried.taken[g->eligible[i]]) g->long_list[n_long++] = g->eligible[i];
    } else {
        for (int i = 0; i < LONG_LIST; i++) {
            int point = g->eligible[rng_below(&r, (uint64_t)g->n_eligible)];
            if (!g->points.tried.taken[point]) g->long_list[n_long++] = point;
        }
    }
    if (n_long <= SHORTLIST) {
        memcpy(g->shortlist, g->long_list, (size_t)n_long * sizeof(int));
        g->n_short = n_long;
    } else {
        float *mean[8];
        for (int i = 0; i < g->n_models; i++) {
            mean[i] = ARENA_NEW(g->a, float, n_long);
            gp_predict(g->model[i].g, g->long_list, n_long, mean[i]);
        }
        unsigned char *in = ARENA_NEW(g->a, unsigned char, n_long);
        item *order = ARENA_NEW(g->a, item, n_long);
        double lo[PROBLEM_MAX_METRICS], hi[PROBLEM_MAX_METRICS]; int nf;
        if (g->aim == AIM_FRONT) TRY(front_range(g, h, lo, hi, NULL, &nf, e));
        int n_w = g->aim == AIM_FRONT ? WEIGHTINGS : g->aim == AIM_VERSIONS ? p->n_versions : 1;
        g->n_short = 0;
        for (int w = 0; w < n_w; w++) {
            double weight[PROBLEM_MAX_METRICS];
            draw_weights(&r, m, weight);
            for (int i = 0; i < n_long; i++) {
                int point = g->long_list[i];
                double key;
                if (g->aim == AIM_FRONT) {
                    double z[PROBLEM_MAX_METRICS];
                    for (int k = 0; k < m; k++) {
                        double v = p->metric[k].exact ? (double)p->metric[k].known[point] : 0;
                        for (int q = 0; q < g->n_models; q++) if (g->model[q].metric == k) v = from_model(&p->metric[k], point, mean[q][i]);
                        z[k] = (scaled(&p->metric[k], v) - lo[k]) / fmax(hi[k] - lo[k], 1e-9);
                    }
                    key = scalar(z, weight, m);
                    for (int k = 0; k < m; k++) if (!p->metric[k].exact && z[k] > 1.1) key += 100;
                } else {
                    const problem_version *v = &p->version[g->aim == AIM_VERSIONS ? w : g->aim];
                    double worst = INFINITY;
                    for (int l = 0; l < v->n_limits; l++)
                        for (int q = 0; q < g->n_models; q++) if (g->model[q].metric == v->limit[l].metric) worst = fmin(worst, room(&v->limit[l], from_model(&p->metric[v->limit[l].metric], point, mean[q][i])));
                    key = -worst;
                }
                order[i] = (item){(float)key, i};
            }
            qsort(order, (size_t)n_long, sizeof *order, by_key);
            for (int i = 0, got = 0; i < n_long && got < SHORTLIST / n_w; i++) if (!in[order[i].i]) { in[order[i].i] = 1; got++; g->shortlist[g->n_short++] = g->long_list[order[i].i]; }
        }
    }
    arena_release(g->a, mark);
    for (int i = 0; i < g->n_models; i++) TRY(gp_watch(g->model[i].g, g->shortlist, g->n_short, e));
    return OK;
}

static double figure_seen(const greybox *g, const tried *t, int metric)
{
    (void)g;
    if (t->state == TRIED_PENDING || !t->value) return NAN;
    return t->value[metric];
}

static status restart(greybox *g, const history *h, err *e)
{
    arena_mark_t mark = arena_mark(g->a);
    int *row = ARENA_NEW(g->a, int, h->n + 1);
    double *y = ARENA_NEW(g->a, double, h->n + 1);
    g->n_rows = g->n_learned = 0;
    int skip = h->n > MOST_ROWS - 100 ? 2 : 1;
    for (int i = 0; i < h->n; i++) {
        const tried *t = &h->of[i];
        if (i < h->n - MOST_ROWS / 2 && i % skip) continue;
        if (i < h->n_known && isnan(figure_seen(g, t, g->model[0].metric))) continue;
        row[g->n_rows] = t->what.point;
        g->row_number[g->n_rows++] = i;
        if (i < h->n_known) g->n_learned++;
    }
    int steps = g->restart_at == 0 ? FIRST_STEPS : LATER_STEPS;
    for (int q = 0; q < g->n_models; q++) {
        const problem_metric *m = &g->p->metric[g->model[q].metric];
        for (int i = 0; i < g->n_learned; i++) y[i] = to_model(m, row[i], figure_seen(g, &h->of[g->row_number[i]], g->model[q].metric));
        TRY(gp_restart(g->model[q].g, row, y, g->n_rows, g->n_learned, steps, e));
    }
    arena_release(g->a, mark);
    g->seen = h->n_known;
    g->restart_at = h->n + (h->n / 8 > 8 ? h->n / 8 : 8);
    return make_shortlist(g, h, e);
}

static void learn(greybox *g, const history *h)
{
    for (; g->n_learned < g->n_rows && g->row_number[g->n_learned] < h->n_known; g->n_learned++)
        for (int q = 0; q < g->n_models; q++) {
            const tried *t = &h->of[g->row_number[g->n_learned]];
            gp_learn(g->model[q].g, to_model(&g->p->metric[g->model[q].metric], t->what.point, figure_seen(g, t, g->model[q].metric)));
        }
}

static double phi(double x) { return 0.5 * erfc(-x * 0.70710678118654752); }

static status choose(greybox *g, const history *h, int *out, err *e)
{
    const problem *p = g->p;
    const int m = p->n_objectives;
    rng r = rng_stream(g->seed, RNG_SAMPLE, (uint64_t)h->n);
    double w[PROBLEM_MAX_METRICS], lo[PROBLEM_MAX_METRICS], hi[PROBLEM_MAX_METRICS], best = INFINITY, best_w = INFINITY;
    double *front = NULL; int n_front = 0;
    *out = -1;
    arena_mark_t mark = arena_mark(g->a);
    for (int q = 0; q < g->n_models; q++) gp_deviation(g->model[q].g, g->deviation + (size_t)q * SHORTLIST);
    if (g->aim == AIM_FRONT) {
        front = ARENA_NEW(g->a, double, (size_t)(g->n_rows + 1) * m);
        TRY(front_range(g, h, lo, hi, front, &n_front, e));
        draw_weights(&r, m, w);
        for (int i = 0; i < n_front; i++) {
            double z[PROBLEM_MAX_METRICS];
            for (int k = 0; k < m; k++) z[k] = (front[i * m + k] - lo[k]) / fmax(hi[k] - lo[k], 1e-9);
            best_w = fmin(best_w, scalar(z, w, m));
        }
    }
    int mode = (int)env("MODE", 0);
    double kappa = env("KAPPA", 1);
    double *zf = NULL, base = 0;
    if (g->aim == AIM_FRONT) {
        double ref[PROBLEM_MAX_METRICS];
        zf = ARENA_NEW(g->a, double, (size_t)(n_front + 1) * m);
        for (int k = 0; k < m; k++) { ref[k] = p->metric[k].exact ? 1.1 : 1; for (int i = 0; i < n_front; i++) zf[i * m + k] = (front[i * m + k] - lo[k]) / fmax(hi[k] - lo[k], 1e-9); }
        TRY(pareto_hypervolume(zf, n_front, m, ref, &base, g->a, e));
    }
    for (int i = 0; i < g->n_short; i++) {
        int point = g->shortlist[i];
        if (g->points.tried.taken[point]) continue;
        double key = INFINITY;
        if (g->aim == AIM_FRONT) {
            double z[PROBLEM_MAX_METRICS];
            for (int k = 0; k < m; k++) z[k] = (scaled(&p->metric[k], figure_of(g, k, point, i, mode == 0 ? kappa : 0)) - lo[k]) / fmax(hi[k] - lo[k], 1e-9);
            for (int k = 0; k < m; k++) if (!p->metric[k].exact && z[k] > 1) z[k] += 100;
            if (mode >= 2) {
                static const double node1[1] = {0}, w1[1] = {1}, node5[5] = {-2.856970, -1.355626, 0, 1.355626, 2.856970}, weight5[5] = {0.011257, 0.222076, 0.533333, 0.222076, 0.011257};
                int nn = mode == 2 ? 1 : 5; const double *nd = mode == 2 ? node1 : node5, *wt = mode == 2 ? w1 : weight5;
                double gain = 0;
                for (int q = 0; q < nn; q++) {
                    double f[PROBLEM_MAX_METRICS], ref[PROBLEM_MAX_METRICS];
                    double kk = mode == 2 ? kappa : nd[q];
                    bool dominated = false;
                    for (int k = 0; k < m; k++) { f[k] = (scaled(&p->metric[k], figure_of(g, k, point, i, kk)) - lo[k]) / fmax(hi[k] - lo[k], 1e-9); ref[k] = p->metric[k].exact ? 1.1 : 1; if (f[k] >= ref[k]) dominated = true; }
                    for (int j = 0; j < n_front && !dominated; j++) { bool d = true; for (int k = 0; k < m; k++) d &= zf[j * m + k] <= f[k]; dominated = d; }
                    if (dominated) continue;
                    memcpy(zf + n_front * m, f, m * sizeof *f);
                    double with;
                    TRY(pareto_hypervolume(zf, n_front + 1, m, ref, &with, g->a, e));
                    gain += wt[q] * (with - base);
                }
                key = -gain;
            } else
            if (mode == 0) key = scalar(z, w, m);
            else {
                static const double node[5] = {-2.856970, -1.355626, 0, 1.355626, 2.856970}, weight[5] = {0.011257, 0.222076, 0.533333, 0.222076, 0.011257};
                double gain = 0;
                for (int q = 0; q < 5; q++) {
                    for (int k = 0; k < m; k++) if (!p->metric[k].exact) z[k] = (scaled(&p->metric[k], figure_of(g, k, point, i, node[q])) - lo[k]) / fmax(hi[k] - lo[k], 1e-9);
                    gain += weight[q] * fmax(0, best_w - scalar(z, w, m));
                }
                key = -gain;
            }
        } else {
            const problem_version *v = &p->version[g->aim == AIM_VERSIONS ? h->n % p->n_versions : g->aim];
            double worst = INFINITY;
            if (!problem_may_meet(p, (int)(v - p->version), point)) continue;
            for (int l = 0; l < v->n_limits; l++) {
                if (p->metric[v->limit[l].metric].exact) continue;
                if (mode == 1) worst = fmin(worst, room(&v->limit[l], figure_of(g, v->limit[l].metric, point, i, kappa)));
                else {
                    double a = room(&v->limit[l], figure_of(g, v->limit[l].metric, point, i, 0)), b = room(&v->limit[l], figure_of(g, v->limit[l].metric, point, i, 1));
                    worst = fmin(worst, phi(a / fmax(b - a, 1e-9)));
                }
            }
            key = -worst;
        }
        if (key < best) { best = key; *out = point; }
    }
    arena_release(g->a, mark);
    return OK;
}

static status next_of_greybox(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    greybox *g = (greybox *)(void *)self;
    int point = -1, known = 0;
    for (int i = 0; i < h->n_known && known < 4; i++) known += g->n_models > 0 && !isnan(figure_seen(g, &h->of[i], g->model[0].metric));
    if (h->n >= (int)env("START", START) && known >= 4) {
        if (h->n >= g->restart_at) TRY(restart(g, h, e));
        else learn(g, h);
        TRY(choose(g, h, &point, e));
        if (point >= 0) point_set_take(&g->points.tried, point);
    }
    if (point < 0) point = draw_next(&g->points);
    *end = point < 0;
    if (*end) return OK;
    if (g->restart_at > 0) {
        for (int q = 0; q < g->n_models; q++) TRY(gp_add(g->model[q].g, point, e));
        g->row_number[g->n_rows++] = h->n;
    }
    *out = (suggestion){g->p->candidate[point], point, 0};
    return OK;
}

status sampler_greybox_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                            err *e)
{
    greybox *g = ARENA_NEW(a, greybox, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory");
    *g = (greybox){.base = {next_of_greybox}, .p = p, .aim = o->aim, .seed = o->seed, .a = a};
    TRY(draw_open(p, o->seed, a, &g->points, e));
    TRY(encode(g, e));
    g->eligible = ARENA_NEW(a, int, p->n_points);
    g->row_number = ARENA_NEW(a, int, MOST_ROWS + 200);
    g->shortlist = ARENA_NEW(a, int, SHORTLIST);
    g->long_list = ARENA_NEW(a, int, LONG_LIST);
    g->deviation = ARENA_NEW(a, float, 8 * SHORTLIST);
    for (int i = 0; i < p->n_points; i++) {
        bool any = g->aim == AIM_FRONT;
        for (int v = 0; v < p->n_versions && !any; v++) any = aims_at(g, v) && problem_may_meet(p, v, i);
        if (any) g->eligible[g->n_eligible++] = i;
    }
    for (int m = 0; m < p->n_metrics && g->n_models < 8; m++) {
        if (!is_wanted(g, m)) continue;
        g->model[g->n_models].metric = m;
        TRY(gp_open(&g->space, MOST_ROWS + 200, SHORTLIST, a, &g->model[g->n_models++].g, e));
    }
    *out = &g->base;
    return OK;
}
