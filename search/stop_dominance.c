/* dominance: P(final figures are worth having), extrapolated from the curve so far.
 *
 * What is finished teaches how a curve up to this rung goes on: a ridge regression of the final figure on the
 * curve's last value, its mean over the last epochs, its slope and what is known of the point beforehand (exact
 * figures, the levels of its knobs), over all finished trials that are known. Where the curve is the metric itself
 * what is regressed is the gain over that mean, so that with little data a curve gains what the others gained. The
 * spread is that of trials predicted from the others; with Student's t it makes the chance. While too few have finished
 * nothing is stopped: how far a single curve still goes cannot be told from that curve.
 *
 * Accuracies are taken as logarithms of what they miss to 100 %: networks at 40 % end ten points from where they were
 * expected, networks at 92 % half a point, and one spread for both would be too wide where the answer is decided.
 *
 * Front: the candidate is worth having unless some finished trial with no worse exact figures is at least as
 * good in all that is trained. Of that trial's trained figures the lower-confidence values count: worse by one
 * standard deviation of a training's noise. Versions: besides, all trained limits of one of them must be kept. */
#include "search/stop_kinds.h"

#include <math.h>
#include <string.h>

enum {
    LAST_K = 3,
    LEAST_FINISHED = 8,
    MOST_FINISHED = 300,
    MAX_FEATURES = 24,
    OF_MEAN = 2,
    N_RIDGES = 4
};
/* Weights of the prior that a slope is 0, in finished trials; the one that leaves least is taken. */
static const double ridges[] = {1, 4, 16, 64};

typedef struct {
    double mean, sd;
    double freedom; /* of Student's t */
    double spread;  /* of what was left out */
} forecast;

typedef struct {
    const stop_rule *rule;
    const history *h;
    const stop_case *c;
    arena *a;
    int n_finished;
    const tried **finished;              /* with a whole curve, the latest MOST_FINISHED */
    double noise[PROBLEM_MAX_METRICS];   /* of a training, in scaled figures */
    forecast final[PROBLEM_MAX_METRICS]; /* of what is trained, in scaled figures */
} judgement;

/* Figures are modelled turned so that less is better, as logarithms when they are positive or have a bound. One point
 * more is missed than is, for the logarithm of nothing. */
static double scaled(const problem_metric *m, double v)
{
    if (m->most > 0 && m->maximize) return log(fmax(m->most - v, 0) + m->most / 100);
    if (m->positive) return (m->maximize ? -1 : 1) * log(fmax(v, 1e-300));
    return problem_minimised(m, v);
}

static double unscaled(const problem_metric *m, double v)
{
    double turned = m->maximize ? -v : v;
    if (m->most > 0 && m->maximize) return fmin(m->most * 1.01 - exp(v), m->most);
    return m->positive ? exp(turned) : turned;
}

/* --- chances --- */

/* P(T < t) of Student's t by a normal of nearly equal tails (Abramowitz & Stegun 26.7.8). */
static double t_below(double t, double freedom)
{
    if (isfinite(freedom)) t *= (1 - 1 / (4 * freedom)) / sqrt(1 + t * t / (2 * freedom));
    return 0.5 * erfc(-t / sqrt(2));
}

static double chance_below(const forecast *f, double bar)
{
    if (isnan(f->mean)) return 1;
    return t_below((bar - f->mean) / fmax(f->sd, 1e-12), f->freedom);
}

/* --- regression --- */

typedef struct {
    int n, d;
    double *x;    /* n x d */
    double *y;    /* n */
    bool is_gain; /* y is what is gained over OF_MEAN */
    double mean[MAX_FEATURES],
        scale[MAX_FEATURES]; /* of the columns; the first is the constant 1 */
} sample;

/* Numbers by their level, words by an indicator for each but the first. */
static int knob_features(const problem *p, int point, int d, double *x)
{
    for (int i = 0; i < p->n_knobs; i++) {
        const problem_knob *knob = &p->knob[i];
        int level = p->level[(size_t)point * (size_t)p->n_knobs + (size_t)i];
        if (knob->number && d < MAX_FEATURES) x[d++] = level;
        for (int k = 1; !knob->number && k < knob->n_levels && d < MAX_FEATURES; k++)
            x[d++] = level == k;
    }
    return d;
}

/* The metric that curves are of; NULL: they may be of another one, a loss. That is known of accuracies, which
 * classifiers are trained by. */
static const problem_metric *metric_of_curve(const problem *p)
{
    const int m = stop_watched(p);
    return m >= 0 && p->metric[m].most > 0 && p->metric[m].maximize ? &p->metric[m] : NULL;
}

static double on_curve(const problem_metric *m, float v)
{
    return m ? scaled(m, (double)v) : (double)v;
}

/* What is known of a training after n epochs, d of it. */
static int features(const problem *p, int point, const float *curve, int n, double *x)
{
    const problem_metric *own = metric_of_curve(p);
    int d = 0, k = n < LAST_K ? n : LAST_K, before = n > 2 * k ? n - 1 - k : 0;
    double mean = 0;
    for (int i = n - k; i < n; i++) mean += on_curve(own, curve[i]) / k;
    x[d++] = 1;
    if (n > 0) {
        x[d++] = on_curve(own, curve[n - 1]);
        x[d++] = mean;
        x[d++] = mean - on_curve(own, curve[before]);
    }
    for (int i = 0; i < p->n_metrics && d < MAX_FEATURES; i++)
        if (p->metric[i].known) x[d++] = scaled(&p->metric[i], (double)p->metric[i].known[point]);
    return knob_features(p, point, d, x);
}

static void standardise(sample *s)
{
    for (int j = 1; j < s->d; j++) {
        double mean = 0, square = 0;
        for (int i = 0; i < s->n; i++) mean += s->x[i * s->d + j] / s->n;
        for (int i = 0; i < s->n; i++) square += pow(s->x[i * s->d + j] - mean, 2) / s->n;
        s->mean[j] = mean;
        s->scale[j] = square > 0 ? 1 / sqrt(square) : 0;
        for (int i = 0; i < s->n; i++)
            s->x[i * s->d + j] = (s->x[i * s->d + j] - mean) * s->scale[j];
    }
}

static double raw_mean(const sample *s, double standardised)
{
    return s->scale[OF_MEAN] > 0 ? s->mean[OF_MEAN] + standardised / s->scale[OF_MEAN]
                                 : s->mean[OF_MEAN];
}

/* Cholesky: the lower triangle of m, d x d, becomes its factor. */
static void factorise(double *m, int d)
{
    for (int j = 0; j < d; j++)
        for (int i = j; i < d; i++) {
            double sum = m[i * d + j];
            for (int k = 0; k < j; k++) sum -= m[i * d + k] * m[j * d + k];
            m[i * d + j] = i == j ? sqrt(fmax(sum, 1e-12)) : sum / m[j * d + j];
        }
}

static void forward(const double *l, int d, double *v)
{
    for (int i = 0; i < d; i++) {
        for (int k = 0; k < i; k++) v[i] -= l[i * d + k] * v[k];
        v[i] /= l[i * d + i];
    }
}

static void backward(const double *l, int d, double *v)
{
    for (int i = d - 1; i >= 0; i--) {
        for (int k = i + 1; k < d; k++) v[i] -= l[k * d + i] * v[k];
        v[i] /= l[i * d + i];
    }
}

/* X'X, its lower triangle. */
static void multiply(const sample *s, double *gram)
{
    const int d = s->d;
    memset(gram, 0, (size_t)(d * d) * sizeof *gram);
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < d; j++)
            for (int k = 0; k <= j; k++) gram[j * d + k] += s->x[i * d + j] * s->x[i * d + k];
}

/* The factor of X'X + ridge, and the slopes. */
static void fit(const sample *s, const double *gram, double ridge, double *factor, double *slope)
{
    const int d = s->d;
    memcpy(factor, gram, (size_t)(d * d) * sizeof *factor);
    memset(slope, 0, (size_t)d * sizeof *slope);
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < d; j++) slope[j] += s->x[i * d + j] * s->y[i];
    for (int j = 1; j < d; j++)
        if (j != OF_MEAN || s->is_gain) factor[j * d + j] += ridge;
    factorise(factor, d);
    forward(factor, d, slope);
    backward(factor, d, slope);
}

/* Standard deviation of the residuals when each trial is predicted from the others, r / (1 - leverage); the
 * degrees of freedom that the fit leaves. */
static double left_out_spread(const sample *s, const double *factor, const double *slope,
                              double *freedom)
{
    double sum = 0;
    *freedom = s->n;
    for (int i = 0; i < s->n; i++) {
        double v[MAX_FEATURES], residual = s->y[i], leverage = 0;
        for (int j = 0; j < s->d; j++) residual -= slope[j] * s->x[i * s->d + j];
        memcpy(v, &s->x[i * s->d], (size_t)s->d * sizeof *v);
        forward(factor, s->d, v);
        for (int j = 0; j < s->d; j++) leverage += v[j] * v[j];
        residual /= fmax(1 - leverage, 0.05);
        sum += residual * residual / s->n;
        *freedom -= leverage;
    }
    return sqrt(sum);
}

static forecast predict(const sample *s, const double *gram, double ridge, const double *x)
{
    double factor[MAX_FEATURES * MAX_FEATURES], slope[MAX_FEATURES], v[MAX_FEATURES], own = 0;
    forecast f = {0};
    fit(s, gram, ridge, factor, slope);
    double spread = left_out_spread(s, factor, slope, &f.freedom);
    for (int j = 0; j < s->d; j++) f.mean += slope[j] * x[j];
    memcpy(v, x, (size_t)s->d * sizeof *v);
    forward(factor, s->d, v);
    for (int j = 0; j < s->d; j++) own += v[j] * v[j];
    f.sd = spread * sqrt(1 + own);
    f.freedom = fmax(f.freedom, 1);
    f.spread = spread;
    return f;
}

static status take_sample(const judgement *g, sample *s, err *e)
{
    s->n = g->n_finished;
    s->x = ARENA_NEW(g->a, double, (int64_t)s->n *MAX_FEATURES);
    s->y = ARENA_NEW(g->a, double, s->n);
    if (!s->x || !s->y) return FAIL(e, ERR_MEM, "out of memory for a regression");
    double x[MAX_FEATURES];
    s->d = features(g->rule->p, g->c->what.point, g->c->curve, g->c->n_epochs, x);
    for (int i = 0; i < s->n; i++)
        features(g->rule->p, g->finished[i]->what.point, g->finished[i]->curve, g->c->n_epochs,
                 &s->x[i * s->d]);
    standardise(s);
    return OK;
}

/* A metric's final figures, or what they gained over the mean of the last epochs. */
static void take_ends(const judgement *g, int metric, sample *s)
{
    const problem_metric *m = &g->rule->p->metric[metric];
    s->is_gain = g->c->n_epochs > 0 && m == metric_of_curve(g->rule->p);
    for (int i = 0; i < s->n; i++) {
        s->y[i] = scaled(m, g->finished[i]->value[metric]);
        if (s->is_gain) s->y[i] -= raw_mean(s, s->x[i * s->d + OF_MEAN]);
    }
}

/* Forecasts all that is trained from what has finished. */
static status regress(judgement *g, err *e)
{
    const problem *p = g->rule->p;
    sample s = {0};
    double x[MAX_FEATURES] = {0}, gram[MAX_FEATURES * MAX_FEATURES];
    TRY(take_sample(g, &s, e));
    multiply(&s, gram);
    features(p, g->c->what.point, g->c->curve, g->c->n_epochs, x);
    for (int j = 1; j < s.d; j++) x[j] = (x[j] - s.mean[j]) * s.scale[j];
    for (int m = 0; m < p->n_metrics; m++) {
        if (p->metric[m].exact) continue;
        take_ends(g, m, &s);
        for (int k = 0; k < N_RIDGES; k++) {
            forecast f = predict(&s, gram, ridges[k], x);
            if (k == 0 || f.spread < g->final[m].spread) g->final[m] = f;
        }
        if (s.is_gain) g->final[m].mean += raw_mean(&s, x[OF_MEAN]);
    }
    return OK;
}

/* --- what is worth having --- */

static bool has_all(const judgement *g, const tried *t)
{
    if (t->state != TRIED_DONE || !t->value || t->n_epochs < g->rule->o.n_epochs) return false;
    for (int i = 0; i < g->rule->p->n_metrics; i++)
        if (isnan(t->value[i])) return false;
    return true;
}

static status take_finished(judgement *g, err *e)
{
    g->finished = ARENA_NEW(g->a, const tried *, MOST_FINISHED);
    if (!g->finished) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = g->h->n_known - 1; i >= 0 && g->n_finished < MOST_FINISHED; i--)
        if (has_all(g, &g->h->of[i])) g->finished[g->n_finished++] = &g->h->of[i];
    return OK;
}

/* Of a training of the watched metric: how much its curve still jitters from epoch to epoch at the end, pooled. */
static void measure_noise(judgement *g)
{
    const problem_metric *own = metric_of_curve(g->rule->p);
    const int n = g->rule->o.n_epochs, from = n - n / 4;
    double sum = 0;
    int count = 0;
    if (!own) return;
    for (int i = 0; i < g->n_finished; i++)
        for (int k = from; k < n; k++, count++)
            sum += pow(scaled(own, (double)g->finished[i]->curve[k]) -
                           scaled(own, (double)g->finished[i]->curve[k - 1]),
                       2) /
                   2;
    g->noise[stop_watched(g->rule->p)] = count > 0 ? sqrt(sum / count) : 0;
}

static bool is_no_worse_exactly(const problem *p, const tried *t, int point)
{
    for (int i = 0; i < p->n_objectives; i++) {
        const problem_metric *m = &p->metric[i];
        if (!m->exact) continue;
        if (problem_minimised(m, (double)m->known[t->what.point]) >
            problem_minimised(m, (double)m->known[point]))
            return false;
    }
    return true;
}

/* P(better than a finished trial in something that is trained), for the trial that leaves least. */
static double chance_of_front(const judgement *g)
{
    const problem *p = g->rule->p;
    double least = 1;
    for (int i = 0; i < g->h->n_known; i++) {
        const tried *t = &g->h->of[i];
        if (t->state != TRIED_DONE || !t->value || t->what.point == g->c->what.point ||
            !is_no_worse_exactly(p, t, g->c->what.point))
            continue;
        double covered = 1;
        for (int m = 0; m < p->n_objectives; m++)
            if (!p->metric[m].exact)
                covered *= 1 - chance_below(&g->final[m],
                                            scaled(&p->metric[m], t->value[m]) + g->noise[m]);
        least = fmin(least, 1 - covered);
    }
    return least;
}

static double chance_of_version(const judgement *g, int version)
{
    const problem *p = g->rule->p;
    const problem_version *v = &p->version[version];
    double chance = problem_may_meet(p, version, g->c->what.point);
    for (int i = 0; i < v->n_limits; i++) {
        const problem_limit *l = &v->limit[i];
        const problem_metric *m = &p->metric[l->metric];
        if (m->exact) continue;
        double below = chance_below(&g->final[l->metric], scaled(m, l->bound));
        chance *=
            isnan(g->final[l->metric].mean) || l->is_upper == !m->maximize ? below : 1 - below;
    }
    return chance;
}

static double chance_of_versions(const judgement *g)
{
    const int aim = g->rule->o.aim;
    double most = 0;
    for (int v = 0; v < g->rule->p->n_versions; v++)
        if (aim == AIM_VERSIONS || aim == v) most = fmax(most, chance_of_version(g, v));
    return most;
}

status stop_dominance(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                      stop_answer *out, err *e)
{
    const problem *p = self->p;
    judgement g = {.rule = self, .h = h, .c = c, .a = scratch};
    for (int m = 0; m < p->n_metrics; m++) g.final[m].mean = (double)NAN;
    TRY(take_finished(&g, e));
    if (g.n_finished >= LEAST_FINISHED) TRY(regress(&g, e));
    measure_noise(&g);
    out->chance = chance_of_front(&g);
    if (self->o.aim != AIM_FRONT) out->chance = fmin(out->chance, chance_of_versions(&g));
    out->stops = out->chance < self->o.chance;
    for (int m = 0; m < p->n_metrics; m++)
        if (!p->metric[m].exact) out->value[m] = unscaled(&p->metric[m], g.final[m].mean);
    return OK;
}
