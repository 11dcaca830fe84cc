#include "search/extrapolate.h"

#include <math.h>
#include <string.h>

#include "search/encode.h"

enum { FINISHED_MOST = 300, LAST_K = 3, N_FEATURES = 5, N_RIDGES = 4 };
/* The process is fitted to the first so many finished trainings, and again after every fifth part more. */
enum { FIRST_FIT = 8, MOST_FITS = 64, FIT_STEPS = 40 };
/* Weights of the prior that a slope is 0, in finished trials; the one that leaves least is taken. */
static const double ridges[] = {1, 4, 16, 64};

typedef struct {
    int metric;
    gp *g;
    gp_scales first, fitted[MOST_FITS]; /* scales: before and after each fit */
    double *others, *error; /* of each finished one: what the others let expect, and how surely */
    double unsure;          /* how much too sure the process is, at least 1 */
} model;

struct extrapolation {
    const problem *p;
    int n_epochs;
    arena *a;
    gp_space space;
    int n_models;
    model model[PROBLEM_MAX_METRICS];
    bool is_fitted[MOST_FITS];
    int n;         /* finished trainings that count */
    int n_learned; /* of all that had finished when the models were built; 0: none are */
    const tried **finished;
    int *point;
    double *y; /* scaled figures of one metric */
};

/* --- scales --- */

/* One point more is missed than is, for the logarithm of nothing. */
double extrapolate_scaled(const problem_metric *m, double v)
{
    if (m->most > 0 && m->maximize) return log(fmax(m->most - v, 0) + m->most / 100);
    if (m->positive) return (m->maximize ? -1 : 1) * log(fmax(v, 1e-300));
    return problem_minimised(m, v);
}

double extrapolate_unscaled(const problem_metric *m, double v)
{
    double turned = m->maximize ? -v : v;
    if (m->most > 0 && m->maximize) return fmin(m->most * 1.01 - exp(v), m->most);
    return m->positive ? exp(turned) : turned;
}

/* P(T < t) of Student's t by a normal of nearly equal tails (Abramowitz & Stegun 26.7.8). */
static double t_below(double t, double freedom)
{
    if (isfinite(freedom)) t *= (1 - 1 / (4 * freedom)) / sqrt(1 + t * t / (2 * freedom));
    return 0.5 * erfc(-t / sqrt(2));
}

double outlook_below(const outlook *f, double bar)
{
    return t_below((bar - f->mean) / fmax(f->deviation, 1e-12), f->freedom);
}

/* --- what has finished --- */

static status open_model(extrapolation *x, int metric, err *e)
{
    model *m = &x->model[x->n_models++];
    m->metric = metric;
    m->others = ARENA_NEW(x->a, double, FINISHED_MOST);
    m->error = ARENA_NEW(x->a, double, FINISHED_MOST);
    if (!m->others || !m->error) return FAIL(e, ERR_MEM, "out of memory for a model");
    TRY(gp_open(&x->space, FINISHED_MOST, 1, x->a, &m->g, e));
    m->first = gp_scales_of(m->g);
    return OK;
}

status extrapolate_open(const problem *p, int n_epochs, arena *a, extrapolation **out, err *e)
{
    extrapolation *x = ARENA_NEW(a, extrapolation, 1);
    if (!x) return FAIL(e, ERR_MEM, "out of memory for a model");
    *x = (extrapolation){.p = p, .n_epochs = n_epochs, .a = a};
    x->finished = ARENA_NEW(a, const tried *, FINISHED_MOST);
    x->point = ARENA_NEW(a, int, FINISHED_MOST);
    x->y = ARENA_NEW(a, double, FINISHED_MOST);
    if (!x->finished || !x->point || !x->y) return FAIL(e, ERR_MEM, "out of memory for a model");
    TRY(encode_points(p, a, &x->space, e));
    for (int i = 0; i < p->n_metrics; i++)
        if (!p->metric[i].exact) TRY(open_model(x, i, e));
    *out = x;
    return OK;
}

static bool has_all(const extrapolation *x, const tried *t)
{
    if (t->state != TRIED_DONE || !t->value || t->n_epochs < x->n_epochs) return false;
    for (int i = 0; i < x->p->n_metrics; i++)
        if (!isfinite(t->value[i])) return false;
    return true;
}

static int count_finished(const extrapolation *x, const history *h)
{
    int n = 0;
    for (int i = 0; i < h->n_known; i++) n += has_all(x, &h->of[i]);
    return n;
}

/* Of the first n that finished the latest. */
static void take_latest(extrapolation *x, const history *h, int n)
{
    x->n = 0;
    for (int i = 0, number = 0; i < h->n_known && number < n; i++) {
        if (!has_all(x, &h->of[i]) || number++ < n - FINISHED_MOST) continue;
        x->finished[x->n] = &h->of[i];
        x->point[x->n++] = h->of[i].what.point;
    }
}

int extrapolate_n_finished(const extrapolation *x)
{
    return x->n;
}

/* --- the process --- */

/* The last fit that n finished trainings are enough for, and how many it takes; -1: none. */
static int find_fit(int n, int *takes)
{
    int fit = -1;
    for (int next = FIRST_FIT; next <= n && fit + 1 < MOST_FITS; next += (next + 4) / 5) {
        *takes = next;
        fit++;
    }
    return fit;
}

static void take_ends(extrapolation *x, const model *m)
{
    for (int i = 0; i < x->n; i++)
        x->y[i] = extrapolate_scaled(&x->p->metric[m->metric], x->finished[i]->value[m->metric]);
}

static status restart(extrapolation *x, model *m, const gp_scales *from, int steps, err *e)
{
    take_ends(x, m);
    gp_set_scales(m->g, from);
    return gp_restart(m->g, x->point, x->y, x->n, x->n, steps, e);
}

/* Fits each process to what had finished by then, whatever is known by now: so a run that is interrupted, or
 * that looks back, comes to the same scales. */
static status fit(extrapolation *x, const history *h, int which, int takes, err *e)
{
    take_latest(x, h, takes);
    for (int i = 0; i < x->n_models; i++) {
        model *m = &x->model[i];
        TRY(restart(x, m, &m->first, FIT_STEPS, e));
        m->fitted[which] = gp_scales_of(m->g);
    }
    x->is_fitted[which] = true;
    return OK;
}

/* Degrees of freedom that the scales and the mean leave. */
static double freedom_of(const extrapolation *x)
{
    return fmax(x->n - 1 - x->space.n_groups, 1);
}

static void compare_with_others(extrapolation *x, model *m)
{
    double squares = 0;
    for (int i = 0; i < x->n; i++) squares += pow((x->y[i] - m->others[i]) / m->error[i], 2);
    m->unsure = sqrt(fmax(squares, x->n) / freedom_of(x));
}

status extrapolate_learn(extrapolation *x, const history *h, err *e)
{
    const int n = count_finished(x, h);
    int takes, which = find_fit(n, &takes);
    const bool is_new = n != x->n_learned;
    if (which >= 0 && is_new && !x->is_fitted[which]) TRY(fit(x, h, which, takes, e));
    take_latest(x, h, n);
    if (!is_new || n < 2) return OK;
    x->n_learned = 0;
    for (int i = 0; i < x->n_models; i++) {
        model *m = &x->model[i];
        TRY(restart(x, m, which < 0 ? &m->first : &m->fitted[which], 0, e));
        TRY(gp_leave_out(m->g, m->others, m->error, e));
        compare_with_others(x, m);
    }
    x->n_learned = n;
    return OK;
}

/* What is expected of a point before its training. */
static status expect(model *m, int point, double *mean, double *deviation, err *e)
{
    float own;
    TRY(gp_watch(m->g, &point, 1, e));
    gp_deviation(m->g, &own);
    *mean = (double)gp_mean(m->g)[0];
    *deviation = hypot((double)own, sqrt(1 - GP_PECULIAR) * gp_noise(m->g));
    return OK;
}

/* --- the curve --- */

typedef struct {
    int n;
    double *x;                                  /* n x N_FEATURES */
    double *y;                                  /* n: what the process was wrong by */
    double mean[N_FEATURES], scale[N_FEATURES]; /* of the columns; the first is the constant 1 */
} sample;

/* The metric that curves are of; NULL: they may be of another one, a loss. That is known of accuracies, which
 * classifiers are trained by. */
static const problem_metric *metric_of_curve(const problem *p)
{
    const int m = problem_watched(p);
    return m >= 0 && p->metric[m].most > 0 && p->metric[m].maximize ? &p->metric[m] : NULL;
}

static double on_curve(const problem_metric *m, float v)
{
    return m ? extrapolate_scaled(m, (double)v) : (double)v;
}

static void features(const problem *p, const float *curve, int n, double expected, double *x)
{
    const problem_metric *own = metric_of_curve(p);
    const int k = n < LAST_K ? n : LAST_K, before = n > 2 * k ? n - 1 - k : 0;
    double mean = 0;
    for (int i = n - k; i < n; i++) mean += on_curve(own, curve[i]) / k;
    x[0] = 1;
    x[1] = expected;
    x[2] = own ? mean - expected : mean;
    x[3] = on_curve(own, curve[n - 1]) - mean;
    x[4] = mean - on_curve(own, curve[before]);
}

/* Mean and standard deviation of every step-th of n numbers. */
static void find_moments(const double *v, int step, int n, double *mean, double *deviation)
{
    double square = 0;
    *mean = 0;
    for (int i = 0; i < n; i++) *mean += v[i * step] / n;
    for (int i = 0; i < n; i++) square += pow(v[i * step] - *mean, 2) / n;
    *deviation = sqrt(square);
}

/* To mean 0; `spread` is the standard deviation that becomes 1, NaN for the column's own. */
static void standardise(sample *s, int column, double spread)
{
    double mean, own, *x = &s->x[column];
    find_moments(x, N_FEATURES, s->n, &mean, &own);
    if (isnan(spread)) spread = own;
    s->mean[column] = mean;
    s->scale[column] = spread > 0 ? 1 / spread : 0;
    for (int i = 0; i < s->n; i++)
        x[i * N_FEATURES] = (x[i * N_FEATURES] - mean) * s->scale[column];
}

/* Expectations are measured by the spread of what was reached: where the points tell nothing they all are nearly
 * equal, but a training predicted from the others is expected a little the worse the better it was. Made as wide as the
 * other columns, that would be learned. */
static status take_sample(const extrapolation *x, const model *m, int n_epochs, arena *a, sample *s,
                          err *e)
{
    const problem_metric *of = &x->p->metric[m->metric];
    double mean, spread; /* of what was reached */
    *s = (sample){
        .n = x->n, .x = ARENA_NEW(a, double, x->n *N_FEATURES), .y = ARENA_NEW(a, double, x->n)};
    if (!s->x || !s->y) return FAIL(e, ERR_MEM, "out of memory for a regression");
    for (int i = 0; i < x->n; i++) {
        features(x->p, x->finished[i]->curve, n_epochs, m->others[i], &s->x[i * N_FEATURES]);
        s->y[i] = extrapolate_scaled(of, x->finished[i]->value[m->metric]);
    }
    find_moments(s->y, 1, s->n, &mean, &spread);
    standardise(s, 1, spread);
    for (int j = 2; j < N_FEATURES; j++) standardise(s, j, (double)NAN);
    for (int i = 0; i < x->n; i++) s->y[i] -= m->others[i];
    return OK;
}

/* Cholesky: the lower triangle of m becomes its factor. */
static void factorise(double m[N_FEATURES][N_FEATURES])
{
    for (int j = 0; j < N_FEATURES; j++)
        for (int i = j; i < N_FEATURES; i++) {
            double sum = m[i][j];
            for (int k = 0; k < j; k++) sum -= m[i][k] * m[j][k];
            m[i][j] = i == j ? sqrt(fmax(sum, 1e-12)) : sum / m[j][j];
        }
}

static void forward(double l[N_FEATURES][N_FEATURES], double *v)
{
    for (int i = 0; i < N_FEATURES; i++) {
        for (int k = 0; k < i; k++) v[i] -= l[i][k] * v[k];
        v[i] /= l[i][i];
    }
}

static void backward(double l[N_FEATURES][N_FEATURES], double *v)
{
    for (int i = N_FEATURES - 1; i >= 0; i--) {
        for (int k = i + 1; k < N_FEATURES; k++) v[i] -= l[k][i] * v[k];
        v[i] /= l[i][i];
    }
}

/* A fitted regression. */
typedef struct {
    double factor[N_FEATURES][N_FEATURES]; /* of X'X + ridge */
    double slope[N_FEATURES];
    double spread;  /* of each training predicted from the others */
    double freedom; /* that the fit leaves */
} line;

static void fit_line(const sample *s, double ridge, line *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < N_FEATURES; j++) {
            const double *x = &s->x[i * N_FEATURES];
            for (int k = 0; k <= j; k++) out->factor[j][k] += x[j] * x[k];
            out->slope[j] += x[j] * s->y[i];
        }
    for (int j = 1; j < N_FEATURES; j++) out->factor[j][j] += ridge;
    factorise(out->factor);
    forward(out->factor, out->slope);
    backward(out->factor, out->slope);
}

static double leverage(line *f, const double *x)
{
    double v[N_FEATURES], sum = 0;
    memcpy(v, x, sizeof v);
    forward(f->factor, v);
    for (int j = 0; j < N_FEATURES; j++) sum += v[j] * v[j];
    return sum;
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int j = 0; j < N_FEATURES; j++) sum += a[j] * b[j];
    return sum;
}

/* The residuals when each training is predicted from the others are r / (1 - leverage). */
static void measure_spread(const sample *s, line *f)
{
    double sum = 0;
    f->freedom = s->n;
    for (int i = 0; i < s->n; i++) {
        const double *x = &s->x[i * N_FEATURES];
        double own = leverage(f, x), residual = (s->y[i] - dot(f->slope, x)) / fmax(1 - own, 0.05);
        sum += residual * residual / s->n;
        f->freedom -= own;
    }
    f->freedom = fmax(f->freedom, 1);
    f->spread = sqrt(sum);
}

static line best_line(const sample *s)
{
    line best = {0}, one;
    for (int k = 0; k < N_RIDGES; k++) {
        fit_line(s, ridges[k], &one);
        measure_spread(s, &one);
        if (k == 0 || one.spread < best.spread) best = one;
    }
    return best;
}

/* What the process is less sure of here than it was of the finished ones, as far as the curve does not decide. */
static double further_variance(const extrapolation *x, const model *m, const sample *s,
                               const line *f, double error)
{
    double usual = 0, part = 1 + f->slope[1] * s->scale[1];
    if (metric_of_curve(x->p)) part -= f->slope[2] * s->scale[2];
    for (int i = 0; i < s->n; i++) usual += m->error[i] * m->error[i] / s->n;
    return part * part * fmax(0, error * error - usual);
}

static status correct(const extrapolation *x, const model *m, const float *curve, int n_epochs,
                      double error, arena *scratch, outlook *out, err *e)
{
    sample s;
    double at[N_FEATURES];
    TRY(take_sample(x, m, n_epochs, scratch, &s, e));
    line f = best_line(&s);
    features(x->p, curve, n_epochs, out->mean, at);
    for (int j = 1; j < N_FEATURES; j++) at[j] = (at[j] - s.mean[j]) * s.scale[j];
    out->mean += dot(f.slope, at);
    out->freedom = fmin(f.freedom, freedom_of(x));
    f.spread *= sqrt(x->n / freedom_of(x)); /* the others' scales were fitted to this one, too */
    out->deviation =
        sqrt(f.spread * f.spread * (1 + leverage(&f, at)) + further_variance(x, m, &s, &f, error));
    return OK;
}

status extrapolate(extrapolation *x, int metric, int point, const float *curve, int n_epochs,
                   arena *scratch, outlook *out, err *e)
{
    double error;
    int i = 0;
    while (i < x->n_models && x->model[i].metric != metric) i++;
    if (i == x->n_models || x->n_learned < 2)
        return FAIL(e, ERR_ARG, "metric %d cannot be extrapolated", metric);
    TRY(expect(&x->model[i], point, &out->mean, &error, e));
    error *= x->model[i].unsure;
    out->deviation = error;
    out->freedom = freedom_of(x);
    if (n_epochs == 0) return OK;
    arena_mark_t mark = arena_mark(scratch);
    status s = correct(x, &x->model[i], curve, n_epochs, error, scratch, out, e);
    arena_release(scratch, mark);
    return s;
}
