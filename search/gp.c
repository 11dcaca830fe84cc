/* All in units of the signal: R = C + eta I, where C holds correlations and eta is the noise's part of the signal's
 * variance; L L' = R, z = L^-1 (y - mean), and for the watched points V = L^-1 C. A row whose figure is
 * unknown has z = 0, which is the same as having got what was expected. */
#include "search/gp.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* LAPACK, from OpenBLAS: it has no header of its own there. */
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
extern void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info);

enum { MOST_FITTED = 256, BLOCK = 1024 };
/* Adam's step; means and deviations of the priors, normal in each logarithm; and what noise can be factored. */
static const double rate = 0.15, prior_deviation = 1.0, noise_prior = -2.0, noise_deviation = 1.5,
                    least_log_noise = -7, most_log_noise = 1;

struct gp {
    const gp_space *s;
    arena *a;
    int most_rows, most_watched;
    int n_rows, n_known, n_watched;
    double mean, signal; /* signal: variance */
    gp_scales scales;
    int *row;
    double *y;     /* of known rows */
    double *l;     /* most_rows x most_rows, lower, row by row */
    double *z;     /* most_rows */
    double *work;  /* most_rows */
    float *lf;     /* l in single precision, for V */
    float *narrow; /* most_rows */
    float *rows;   /* n_dims x most_rows: scaled coordinates */
    int *watched;
    float *points;                /* n_dims x most_watched */
    float *v;                     /* most_rows x most_watched */
    float *posterior, *explained; /* most_watched: mean; share of variance that rows explain */
};

static size_t area(int n, int m)
{
    return (size_t)n * (size_t)m;
}

status gp_open(const gp_space *s, int most_rows, int most_watched, arena *a, gp **out, err *e)
{
    gp *g = ARENA_NEW(a, gp, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory for a model");
    if (s->n_groups > GP_MOST_GROUPS) return FAIL(e, ERR_ARG, "%d length scales", s->n_groups);
    *g = (gp){.s = s, .a = a, .most_rows = most_rows, .most_watched = most_watched};
    g->scales.log_noise = noise_prior;
    g->row = ARENA_NEW(a, int, most_rows);
    g->y = ARENA_NEW(a, double, most_rows);
    g->l = ARENA_NEW(a, double, area(most_rows, most_rows));
    g->z = ARENA_NEW(a, double, most_rows);
    g->work = ARENA_NEW(a, double, most_rows);
    g->lf = ARENA_NEW(a, float, area(most_rows, most_rows));
    g->narrow = ARENA_NEW(a, float, most_rows);
    g->rows = ARENA_NEW(a, float, area(s->n_dims, most_rows));
    g->watched = ARENA_NEW(a, int, most_watched);
    g->points = ARENA_NEW(a, float, area(s->n_dims, most_watched));
    g->v = ARENA_NEW(a, float, area(most_rows, most_watched));
    g->posterior = ARENA_NEW(a, float, most_watched);
    g->explained = ARENA_NEW(a, float, most_watched);
    if (!g->row || !g->y || !g->l || !g->z || !g->work || !g->lf || !g->narrow || !g->rows ||
        !g->watched || !g->points || !g->v || !g->posterior || !g->explained)
        return FAIL(e, ERR_MEM, "out of memory for a model");
    openblas_set_num_threads(1); /* else the bits depend on the number of cores */
    *out = g;
    return OK;
}

/* --- correlations --- */

/* exp(-x) for x >= 0 to about 1e-7, without branches. */
static inline float exp_minus(float x)
{
    float t = fminf(x, 80) * -1.44269504F;
    int whole = (int)t;
    float f = (t - (float)whole) * 0.69314718F; /* in (-0.7, 0] */
    float p =
        1 + f * (1 + f * (0.5F + f * (1 / 6.0F + f * (1 / 24.0F + f * (1 / 120.0F + f / 720)))));
    union {
        int bits;
        float value;
    } power = {(whole + 127) << 23};
    return p * power.value;
}

static void distances_to_correlations(float *r2, int n)
{
    for (int i = 0; i < n; i++) {
        float s = sqrtf(5 * r2[i]);
        r2[i] = (1 + s + s * s / 3) * exp_minus(s);
    }
}

/* Correlations of the point at x[d * step] with n points at block[d * stride + i]. */
static void correlate(const gp *g, const float *x, int step, const float *block, int stride, int n,
                      float *restrict out)
{
    memset(out, 0, (size_t)n * sizeof *out);
    for (int d = 0; d < g->s->n_dims; d++) {
        const float *restrict to = block + area(d, stride);
        const float from = x[area(d, step)];
        for (int i = 0; i < n; i++) out[i] += (to[i] - from) * (to[i] - from);
    }
    distances_to_correlations(out, n);
}

/* Scaled coordinates of some points, side by side. */
static void gather(const gp *g, const int *point, int n, int stride, float *out)
{
    for (int d = 0; d < g->s->n_dims; d++) {
        const float *x = g->s->x + area(d, g->s->n_points);
        float scale = (float)exp(-g->scales.log_length[g->s->group[d]]);
        for (int i = 0; i < n; i++) out[area(d, stride) + (size_t)i] = scale * x[point[i]];
    }
}

/* --- length scales and noise --- */

/* What is fitted, and Adam's state. */
typedef struct {
    gp *g;
    int n, n_theta;
    double *y;                   /* centred */
    double signal, value;        /* the likeliest; of the log posterior */
    float *squares;              /* n_groups x n x n: squared distances before scaling */
    double *r, *alpha, *falling; /* falling: of correlation with squared distance */
    double theta[GP_MOST_GROUPS + 1], slope[GP_MOST_GROUPS + 1];
    double first[GP_MOST_GROUPS + 1], second[GP_MOST_GROUPS + 1];
} fit;

static void find_squares(fit *f, const int *chosen)
{
    const gp_space *s = f->g->s;
    for (int d = 0; d < s->n_dims; d++) {
        const float *x = s->x + area(d, s->n_points);
        float *of = f->squares + (size_t)s->group[d] * area(f->n, f->n);
        for (int i = 0; i < f->n; i++)
            for (int j = 0; j < i; j++) {
                float gap = x[f->g->row[chosen[i]]] - x[f->g->row[chosen[j]]];
                of[area(i, f->n) + (size_t)j] += gap * gap;
            }
    }
}

static void fill_correlations(fit *f)
{
    double weight[GP_MOST_GROUPS];
    const int n = f->n, n_groups = f->n_theta - 1;
    for (int k = 0; k < n_groups; k++) weight[k] = exp(-2 * f->theta[k]);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            size_t at = area(i, n) + (size_t)j;
            double r2 = 0;
            for (int k = 0; k < n_groups; k++)
                r2 += weight[k] * (double)f->squares[(size_t)k * area(n, n) + at];
            double s = sqrt(5 * r2), decay = exp(-s);
            f->r[at] = (1 + s + s * s / 3) * decay;
            f->falling[at] = 5.0 / 3 * (1 + s) * decay; /* -2 d correlation / d r2 */
        }
        f->r[area(i, n) + (size_t)i] = 1 + exp(f->theta[n_groups]);
    }
}

/* Factors R and solves for alpha = R^-1 y; the logarithm of the likelihood at the best signal, up to a constant.
 * False when R cannot be factored. */
static bool find_likelihood(fit *f)
{
    const int n = f->n;
    int failed;
    fill_correlations(f);
    dpotrf_("U", &n, f->r, &n, &failed); /* upper by columns is lower by rows */
    if (failed) return false;
    memcpy(f->alpha, f->y, (size_t)n * sizeof *f->alpha);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, n, f->r, n, f->alpha, 1);
    f->signal = cblas_ddot(n, f->alpha, 1, f->alpha, 1) / n + 1e-12;
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, n, f->r, n, f->alpha, 1);
    f->value = -0.5 * n * log(f->signal);
    for (int i = 0; i < n; i++) f->value -= log(f->r[area(i, n) + (size_t)i]);
    return true;
}

/* Adds the logarithm of the prior, normal in each theta, and starts the slope with its own. */
static void add_prior(fit *f)
{
    for (int k = 0; k < f->n_theta; k++) {
        bool is_noise = k + 1 == f->n_theta;
        double deviation = is_noise ? noise_deviation : prior_deviation;
        double away = (f->theta[k] - (is_noise ? noise_prior : 0)) / deviation;
        f->value -= 0.5 * away * away;
        f->slope[k] = -away / deviation;
    }
}

/* The derivative by r2 of a pair counts twice, once for each order. */
static void add_slope(fit *f)
{
    const int n = f->n, n_groups = f->n_theta - 1;
    double trace = 0, weight[GP_MOST_GROUPS];
    for (int k = 0; k < n_groups; k++) weight[k] = exp(-2 * f->theta[k]);
    for (int i = 0; i < n; i++) {
        trace += f->alpha[i] * f->alpha[i] / f->signal - f->r[area(i, n) + (size_t)i];
        for (int j = 0; j < i; j++) {
            size_t at = area(i, n) + (size_t)j;
            double w = (f->alpha[i] * f->alpha[j] / f->signal - f->r[at]) * f->falling[at];
            for (int k = 0; k < n_groups; k++)
                f->slope[k] += w * (double)f->squares[(size_t)k * area(n, n) + at] * weight[k];
        }
    }
    f->slope[n_groups] += 0.5 * exp(f->theta[n_groups]) * trace;
}

/* Value and slope of the log posterior at theta; false when they cannot be told. */
static bool find_slope(fit *f)
{
    int failed;
    if (!find_likelihood(f)) return false;
    add_prior(f);
    dpotri_("U", &f->n, f->r, &f->n, &failed);
    if (failed) return false;
    add_slope(f);
    return true;
}

/* Adam, uphill. */
static void climb(fit *f, int step)
{
    const double b1 = 0.8, b2 = 0.95;
    for (int k = 0; k < f->n_theta; k++) {
        f->first[k] = b1 * f->first[k] + (1 - b1) * f->slope[k];
        f->second[k] = b2 * f->second[k] + (1 - b2) * f->slope[k] * f->slope[k];
        double m = f->first[k] / (1 - pow(b1, step)), v = f->second[k] / (1 - pow(b2, step));
        f->theta[k] += rate * m / (sqrt(v) + 1e-8);
        if (k + 1 == f->n_theta)
            f->theta[k] = fmin(fmax(f->theta[k], least_log_noise), most_log_noise);
        else
            f->theta[k] = fmin(fmax(f->theta[k], -4), 4);
    }
}

static void set_theta(fit *f, const gp_scales *to)
{
    memcpy(f->theta, to->log_length, (size_t)(f->n_theta - 1) * sizeof *f->theta);
    f->theta[f->n_theta - 1] = to->log_noise;
}

static status open_fit(gp *g, fit *f, err *e)
{
    int chosen[MOST_FITTED];
    const int n = g->n_known < MOST_FITTED ? g->n_known : MOST_FITTED;
    *f = (fit){.g = g, .n = n, .n_theta = g->s->n_groups + 1};
    f->y = ARENA_NEW(g->a, double, n);
    f->alpha = ARENA_NEW(g->a, double, n);
    f->r = ARENA_NEW(g->a, double, area(n, n));
    f->falling = ARENA_NEW(g->a, double, area(n, n));
    f->squares = ARENA_NEW(g->a, float, (size_t)g->s->n_groups *area(n, n));
    if (!f->y || !f->alpha || !f->r || !f->falling || !f->squares)
        return FAIL(e, ERR_MEM, "out of memory for a model");
    for (int i = 0; i < n; i++) {
        chosen[i] = (int)((int64_t)i * g->n_known / n); /* spread over the history */
        f->y[i] = g->y[chosen[i]] - g->mean;
    }
    set_theta(f, &g->scales);
    find_squares(f, chosen);
    return OK;
}

status gp_posterior(gp *g, const gp_scales *at, double *value, double *slope, err *e)
{
    fit f;
    arena_mark_t mark = arena_mark(g->a);
    status s = open_fit(g, &f, e);
    if (s == OK) {
        set_theta(&f, at);
        if (!find_slope(&f)) s = FAIL(e, ERR_NUM, "a model of %d trials cannot be factored", f.n);
        *value = f.value;
        memcpy(slope, f.slope, (size_t)f.n_theta * sizeof *slope);
    }
    arena_release(g->a, mark);
    return s;
}

static status fit_scales(gp *g, int steps, err *e)
{
    fit f;
    if (g->n_known < 2 || steps == 0) return OK;
    TRY(open_fit(g, &f, e));
    for (int i = 1; i <= steps && find_slope(&f); i++) climb(&f, i);
    memcpy(g->scales.log_length, f.theta, (size_t)g->s->n_groups * sizeof *f.theta);
    g->scales.log_noise = f.theta[g->s->n_groups];
    return OK;
}

/* --- rows --- */

static double *row_of_l(const gp *g, int i)
{
    return g->l + area(i, g->most_rows);
}

static void solve_z(gp *g, int i)
{
    const double *l = row_of_l(g, i);
    g->z[i] = (g->y[i] - g->mean - cblas_ddot(i, l, 1, g->z, 1)) / l[i];
}

static status factor(gp *g, err *e)
{
    const int n = g->n_rows, stride = g->most_rows;
    for (int i = 0; i < n; i++) {
        double *l = row_of_l(g, i);
        correlate(g, g->rows + i, stride, g->rows, stride, i, g->narrow);
        for (int j = 0; j < i; j++) l[j] = (double)g->narrow[j];
        l[i] = 1 + exp(g->scales.log_noise);
    }
    int failed = 0;
    if (n > 0) dpotrf_("U", &n, g->l, &stride, &failed);
    if (failed) return FAIL(e, ERR_NUM, "a model of %d trials cannot be factored", n);
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) g->lf[area(i, stride) + (size_t)j] = (float)row_of_l(g, i)[j];
    return OK;
}

static void solve_known(gp *g)
{
    double squares = 0;
    memset(g->z, 0, (size_t)g->most_rows * sizeof *g->z);
    for (int i = 0; i < g->n_known; i++) {
        solve_z(g, i);
        squares += g->z[i] * g->z[i];
    }
    g->signal = g->n_known ? squares / g->n_known + 1e-12 : 1;
}

static double mean_of(const double *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += y[i];
    return n ? sum / n : 0;
}

status gp_restart(gp *g, const int *row, const double *y, int n_rows, int n_known, int steps,
                  err *e)
{
    if (n_rows > g->most_rows)
        return FAIL(e, ERR_STATE, "a model of %d trials is full", g->most_rows);
    arena_mark_t mark = arena_mark(g->a);
    g->n_rows = n_rows;
    g->n_known = n_known;
    memcpy(g->row, row, (size_t)n_rows * sizeof *row);
    memcpy(g->y, y, (size_t)n_known * sizeof *y);
    g->mean = mean_of(y, n_known);
    status s = fit_scales(g, steps, e);
    arena_release(g->a, mark);
    TRY(s);
    gather(g, g->row, n_rows, g->most_rows, g->rows);
    TRY(factor(g, e));
    solve_known(g);
    g->n_watched = 0;
    return OK;
}

/* Adds row i's part to what is believed of the watched points. */
static void spread_figure(gp *g, int i)
{
    const float *restrict v = g->v + area(i, g->most_watched);
    float z = (float)g->z[i], *restrict to = g->posterior;
    for (int k = 0; k < g->n_watched; k++) to[k] += z * v[k];
}

static void spread_certainty(gp *g, int i)
{
    const float *restrict v = g->v + area(i, g->most_watched);
    float *restrict to = g->explained;
    for (int k = 0; k < g->n_watched; k++) to[k] += v[k] * v[k];
}

status gp_watch(gp *g, const int *point, int n, err *e)
{
    const int ld = g->most_watched;
    if (n > ld) return FAIL(e, ERR_ARG, "%d points are too many to watch", n);
    g->n_watched = n;
    if (n == 0) return OK;
    memcpy(g->watched, point, (size_t)n * sizeof *point);
    gather(g, point, n, ld, g->points);
    for (int i = 0; i < g->n_rows; i++)
        correlate(g, g->rows + i, g->most_rows, g->points, ld, n, g->v + area(i, ld));
    if (g->n_rows > 0)
        cblas_strsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, g->n_rows, n,
                    1, g->lf, g->most_rows, g->v, ld);
    for (int k = 0; k < n; k++) g->posterior[k] = (float)g->mean;
    memset(g->explained, 0, (size_t)n * sizeof *g->explained);
    for (int i = 0; i < g->n_rows; i++) {
        spread_certainty(g, i);
        if (i < g->n_known) spread_figure(g, i);
    }
    return OK;
}

/* A new row of V: what of its correlations the rows before do not explain. */
static void extend_v(gp *g, int i, const double *l)
{
    const int ld = g->most_watched;
    float *v = g->v + area(i, ld);
    correlate(g, g->rows + i, g->most_rows, g->points, ld, g->n_watched, v);
    for (int j = 0; j < i; j++) g->narrow[j] = (float)l[j];
    if (i > 0)
        cblas_sgemv(CblasRowMajor, CblasTrans, i, g->n_watched, -1, g->v, ld, g->narrow, 1, 1, v,
                    1);
    cblas_sscal(g->n_watched, (float)(1 / l[i]), v, 1);
    spread_certainty(g, i);
}

/* Of row i, by the rows before it. */
static double expected_figure(const gp *g, int i)
{
    return g->mean + cblas_ddot(i, row_of_l(g, i), 1, g->z, 1);
}

status gp_add(gp *g, int point, err *e)
{
    const int i = g->n_rows, ld = g->most_rows;
    if (i == ld) return FAIL(e, ERR_STATE, "a model of %d trials is full", ld);
    double *l = row_of_l(g, i);
    g->row[i] = point;
    gather(g, &point, 1, ld, g->rows + i);
    correlate(g, g->rows + i, ld, g->rows, ld, i, g->narrow);
    for (int j = 0; j < i; j++) l[j] = (double)g->narrow[j];
    if (i > 0)
        cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, i, g->l, ld, l, 1);
    double left = 1 + exp(g->scales.log_noise) - cblas_ddot(i, l, 1, l, 1);
    l[i] = sqrt(fmax(left, 1e-6));
    for (int j = 0; j <= i; j++) g->lf[area(i, ld) + (size_t)j] = (float)l[j];
    g->z[i] = 0;
    g->n_rows++;
    if (g->n_watched > 0) extend_v(g, i, l);
    return OK;
}

void gp_learn(gp *g, double y)
{
    int i = g->n_known++;
    g->y[i] = isnan(y) ? expected_figure(g, i) : y;
    solve_z(g, i);
    spread_figure(g, i);
}

/* --- asking --- */

/* R^-1 (y - mean), unknown figures being what is expected. */
static void find_alpha(const gp *g, double *alpha)
{
    memcpy(alpha, g->z, (size_t)g->n_rows * sizeof *alpha);
    if (g->n_rows > 0)
        cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, g->n_rows, g->l,
                    g->most_rows, alpha, 1);
}

void gp_predict(gp *g, const int *some, int n, float *mean)
{
    float correlation[BLOCK];
    g->n_watched = 0;
    find_alpha(g, g->work);
    for (int from = 0; from < n; from += g->most_watched) {
        int count = n - from < g->most_watched ? n - from : g->most_watched;
        gather(g, some + from, count, g->most_watched, g->points);
        for (int at = 0; at < count; at += BLOCK) {
            int m = count - at < BLOCK ? count - at : BLOCK;
            float *to = mean + from + at;
            for (int k = 0; k < m; k++) to[k] = (float)g->mean;
            for (int i = 0; i < g->n_rows; i++) {
                correlate(g, g->rows + i, g->most_rows, g->points + at, g->most_watched, m,
                          correlation);
                float alpha = (float)g->work[i];
                for (int k = 0; k < m; k++) to[k] += alpha * correlation[k];
            }
        }
    }
}

const float *gp_mean(const gp *g)
{
    return g->posterior;
}

void gp_deviation(const gp *g, float *out)
{
    const float own = (float)(GP_PECULIAR * exp(g->scales.log_noise)), signal = (float)g->signal;
    for (int k = 0; k < g->n_watched; k++)
        out[k] = sqrtf(signal * (fmaxf(1 - g->explained[k], 1e-6F) + own));
}

void gp_row_means(const gp *g, double *out)
{
    const double noise = (1 - GP_PECULIAR) * exp(g->scales.log_noise);
    find_alpha(g, g->work);
    for (int i = 0; i < g->n_rows; i++)
        out[i] = (i < g->n_known ? g->y[i] : expected_figure(g, i)) - noise * g->work[i];
}

/* Of noise N and rows R the variance is N - N (R^-1) N. */
double gp_row_deviation(const gp *g, int row)
{
    const double noise = (1 - GP_PECULIAR) * exp(g->scales.log_noise);
    double *unit = g->work;
    memset(unit, 0, (size_t)g->n_rows * sizeof *unit);
    unit[row] = 1;
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, g->n_rows - row,
                g->l + area(row, g->most_rows) + (size_t)row, g->most_rows, unit + row, 1);
    double inverse = cblas_ddot(g->n_rows - row, unit + row, 1, unit + row, 1);
    return sqrt(g->signal * fmax(noise - noise * noise * inverse, 1e-12));
}

double gp_noise(const gp *g)
{
    return sqrt(g->signal * exp(g->scales.log_noise));
}

/* R^-1 from its factor, by columns; its upper triangle by columns is the lower one by rows. */
static status invert(gp *g, double **out, err *e)
{
    const int n = g->n_rows;
    double *inverse = ARENA_NEW(g->a, double, area(n, n));
    int failed;
    if (!inverse) return FAIL(e, ERR_MEM, "out of memory for a model");
    for (int i = 0; i < n; i++)
        memcpy(inverse + area(i, n), row_of_l(g, i), (size_t)(i + 1) * sizeof *inverse);
    dpotri_("U", &n, inverse, &n, &failed);
    if (failed) return FAIL(e, ERR_NUM, "a model of %d trials cannot be inverted", n);
    *out = inverse;
    return OK;
}

status gp_leave_out(gp *g, double *mean, double *deviation, err *e)
{
    double *inverse;
    arena_mark_t mark = arena_mark(g->a);
    TRY(invert(g, &inverse, e));
    find_alpha(g, g->work);
    for (int i = 0; i < g->n_rows; i++) {
        const double own = inverse[area(i, g->n_rows) + (size_t)i];
        mean[i] = g->y[i] - g->work[i] / own;
        deviation[i] = sqrt(g->signal / own);
    }
    arena_release(g->a, mark);
    return OK;
}

gp_scales gp_scales_of(const gp *g)
{
    return g->scales;
}

void gp_set_scales(gp *g, const gp_scales *to)
{
    g->scales = *to;
}
