#include "store/verdict.h"

#include <math.h>

#include "engine/base/chance.h"

/* The grid reaches ten deviations of a single figure to either side of the limit: what lies farther
 * cannot matter and counts as lying at its end. */
enum { REACH = 10, ROUNDS = 40 };

void verdict_add(verdict_sample *s, double figure)
{
    double off = figure - s->mean;
    s->n++;
    s->mean += off / s->n;
    s->squares += off * (figure - s->mean);
}

double verdict_set_variance(double share, double n_examples, double whole)
{
    double n = n_examples + 4, p = (share / whole * n_examples + 2) / n;
    return whole * whole * p * (1 - p) / n;
}

verdict_spread verdict_pool(const verdict_sample *s, int n)
{
    double squares = 0;
    int df = 0;
    for (int i = 0; i < n; i++) {
        if (s[i].n < 2) continue;
        squares += s[i].squares;
        df += s[i].n - 1;
    }
    return (verdict_spread){df > 0 ? sqrt(squares / df) : (double)NAN, df};
}

/* Of a configuration's mean. */
static double standard_error(const verdict_sample *s, const verdict_spread *p)
{
    return sqrt(p->sigma * p->sigma / s->n + s->set_variance);
}

verdict_interval verdict_mean_interval(const verdict_sample *s, const verdict_spread *p,
                                       double confidence)
{
    if (p->df < 1) return (verdict_interval){(double)-INFINITY, (double)INFINITY};
    double half = chance_t_quantile((1 + confidence) / 2, p->df) * standard_error(s, p);
    return (verdict_interval){s->mean - half, s->mean + half};
}

/* --- how true means are spread --- */

static double place(const verdict_prior *p, int i)
{
    return p->low + p->step * i;
}

/* Student's density up to a factor: heavy tails where the spread is known badly. */
static double density(double z, double df)
{
    return pow(1 + z * z / df, -(df + 1) / 2);
}

/* What each place says about a mean, up to a factor. */
static void put_likelihood(const verdict_prior *g, const verdict_sample *s, const verdict_spread *p,
                           double *out)
{
    double error = fmax(standard_error(s, p), g->step / 2);
    double mean = fmin(fmax(s->mean, g->low), place(g, VERDICT_GRID - 1));
    for (int i = 0; i < VERDICT_GRID; i++) out[i] = density((place(g, i) - mean) / error, p->df);
}

/* Adds `prior x likelihood`, normalised, to `sum`. */
static void add_posterior(const verdict_prior *g, const double *likelihood, double *sum)
{
    double total = 0;
    for (int i = 0; i < VERDICT_GRID; i++) total += g->weight[i] * likelihood[i];
    if (!(total > 0)) return;
    for (int i = 0; i < VERDICT_GRID; i++) sum[i] += g->weight[i] * likelihood[i] / total;
}

/* A binomial kernel: four passes have a standard deviation of 1.4 steps, where the error of one training is 6
 * steps. */
static void smooth(double *w)
{
    for (int pass = 0; pass < 4; pass++) {
        double before = w[0];
        for (int i = 0; i < VERDICT_GRID; i++) {
            double here = w[i], after = i + 1 < VERDICT_GRID ? w[i + 1] : here;
            w[i] = (before + 2 * here + after) / 4;
            before = here;
        }
    }
}

static void place_grid(const verdict_sample *s, int n, const verdict_spread *p, double bound,
                       verdict_prior *out)
{
    double variance = 0;
    for (int i = 0; i < n; i++) variance += s[i].set_variance / n;
    double deviation = sqrt(p->sigma * p->sigma + variance);
    if (!(deviation > 0)) deviation = 1e-6 * fmax(fabs(bound), 1e-6);
    out->step = 2.0 * REACH * deviation / (VERDICT_GRID - 1);
    out->low = bound - REACH * deviation;
    for (int i = 0; i < VERDICT_GRID; i++) out->weight[i] = 1.0 / VERDICT_GRID;
}

status verdict_fit(const verdict_sample *s, int n, const verdict_spread *p,
                   const verdict_limit *limit, arena *scratch, verdict_prior *out, err *e)
{
    place_grid(s, n, p, limit->bound, out);
    if (p->df < 1) return OK;
    arena_mark_t mark = arena_mark(scratch);
    double *likelihood = ARENA_NEW(scratch, double, ((size_t)n + 1) * VERDICT_GRID);
    if (!likelihood) return FAIL(e, ERR_MEM, "out of memory for a verdict");
    for (int i = 0; i < n; i++) put_likelihood(out, &s[i], p, likelihood + i * VERDICT_GRID);
    for (int round = 0; round < ROUNDS; round++) {
        double sum[VERDICT_GRID];
        for (int i = 0; i < VERDICT_GRID; i++)
            sum[i] = 1.0 / VERDICT_GRID; /* one who may be anywhere */
        for (int i = 0; i < n; i++) add_posterior(out, likelihood + i * VERDICT_GRID, sum);
        smooth(sum);
        for (int i = 0; i < VERDICT_GRID; i++) out->weight[i] = sum[i] / (n + 1);
    }
    arena_release(scratch, mark);
    return OK;
}

/* --- one candidate --- */

/* That a figure around `center` keeps the limit. */
static double keep(const verdict_limit *l, double center, double deviation, double df)
{
    double room = l->is_upper ? l->bound - center : center - l->bound;
    if (deviation > 0) return chance_t(room / deviation, df);
    return room >= 0;
}

/* A place on the limit stands for as many means on its one side as on its other. */
static double keep_mean(const verdict_prior *g, const verdict_limit *l, double m)
{
    return fabs(m - l->bound) < g->step / 4 ? 0.5 : keep(l, m, 0, 1);
}

double verdict_mean_chance(const verdict_prior *prior, const verdict_sample *s,
                           const verdict_spread *p, const verdict_limit *limit)
{
    double likelihood[VERDICT_GRID], kept = 0, all = 0;
    if (p->df < 1 || s->n < 1) return (double)NAN;
    put_likelihood(prior, s, p, likelihood);
    for (int i = 0; i < VERDICT_GRID; i++) {
        double w = prior->weight[i] * likelihood[i];
        all += w;
        kept += w * keep_mean(prior, limit, place(prior, i));
    }
    return kept / all;
}

/* The training at hand lies around m with the spread of trainings, and was seen with the set's error. */
static double keep_own(const verdict_limit *l, double mean, double own, double spread,
                       double set_variance)
{
    double variance = spread * spread + set_variance;
    double center = variance > 0 ? (set_variance * mean + spread * spread * own) / variance : own;
    double left = variance > 0 ? spread * spread * set_variance / variance : 0;
    return keep(l, center, sqrt(left), (double)INFINITY);
}

verdict_chances verdict_judge(const verdict_prior *prior, const verdict_sample *s,
                              const verdict_spread *p, const verdict_limit *limit, double own)
{
    const double unknown = (double)NAN;
    double likelihood[VERDICT_GRID], weight[VERDICT_GRID] = {0};
    verdict_chances c = {0};
    if (p->df < 1 || s->n < 1) return (verdict_chances){unknown, unknown, unknown};
    put_likelihood(prior, s, p, likelihood);
    add_posterior(prior, likelihood, weight);
    for (int i = 0; i < VERDICT_GRID; i++) {
        double m = place(prior, i);
        c.mean += weight[i] * keep_mean(prior, limit, m);
        c.fresh += weight[i] * keep(limit, m, p->sigma, p->df);
        c.file += weight[i] * keep_own(limit, m, own, p->sigma, s->set_variance);
    }
    if (isnan(own)) c.file = unknown;
    return c;
}

double verdict_all(const double *chance, int n)
{
    double missing = 0;
    for (int i = 0; i < n; i++) missing += 1 - chance[i];
    return isnan(missing) ? missing : fmax(0, 1 - missing);
}
