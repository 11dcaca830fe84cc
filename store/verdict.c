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

/* Claims are made where the spread came out small by chance more often than elsewhere: it is taken one standard error
 * larger than it was found. */
static double cautious_error(const verdict_sample *s, const verdict_spread *p)
{
    verdict_spread wider = {p->sigma * (1 + 1 / sqrt(2.0 * p->df)), p->df};
    return standard_error(s, &wider);
}

/* What each place says about a mean, up to a factor. */
static void put_likelihood(const verdict_prior *g, const verdict_sample *s, const verdict_spread *p,
                           double *out)
{
    double error = fmax(cautious_error(s, p), g->step / 2);
    double mean = fmin(fmax(s->mean, g->low), place(g, VERDICT_GRID - 1));
    for (int i = 0; i < VERDICT_GRID; i++) out[i] = density((place(g, i) - mean) / error, p->df);
}

/* Adds `weight x likelihood`, normalised, to `sum`. */
static void add_posterior(const double *weight, const double *likelihood, double *sum)
{
    double total = 0;
    for (int i = 0; i < VERDICT_GRID; i++) total += weight[i] * likelihood[i];
    if (!(total > 0)) return;
    for (int i = 0; i < VERDICT_GRID; i++) sum[i] += weight[i] * likelihood[i] / total;
}

/* One candidate more, of whom nothing is known: anywhere below the field's edge, and beyond it ever less likely. What
 * lies above a high threshold is nearly exponential (Balkema & de Haan 1974, Pickands 1975): the
 * threshold is the lowest of the best tenth, at least four, and the scale their mean excess, the very best, which may
 * be the one to be judged, left out. */
static void describe_anyone(const verdict_sample *s, int n, bool is_upper, const verdict_prior *g,
                            double *out)
{
    double best[64], sign = is_upper ? -1 : 1, excess = 0, sum = 0;
    int k = n / 10 < 4 ? 4 : n / 10 > 62 ? 62 : n / 10, n_best = 0;
    for (int i = 0; i < n; i++) { /* insertion into the k + 1 best */
        double x = sign * s[i].mean;
        int at = n_best < k + 1 ? n_best++ : k;
        if (at == k && n_best == k + 1 && i > k && x <= best[k]) continue;
        for (; at > 0 && best[at - 1] < x; at--) best[at] = best[at - 1];
        best[at] = x;
    }
    for (int i = 1; i < n_best; i++) excess += (best[i] - best[n_best - 1]) / (n_best - 1);
    for (int i = 0; i < VERDICT_GRID; i++) {
        double beyond = n_best > 4 ? sign * place(g, i) - best[n_best - 1] : 0;
        out[i] = beyond > 0 ? exp(-beyond / fmax(excess, g->step)) : 1;
        sum += out[i];
    }
    for (int i = 0; i < VERDICT_GRID; i++) out[i] /= sum;
}

/* A binomial kernel: four passes have a standard deviation of 1.4 steps, where the error of one training is 6
 * steps. */
static void smooth(const double *in, double *out)
{
    for (int i = 0; i < VERDICT_GRID; i++) out[i] = in[i];
    for (int pass = 0; pass < 4; pass++) {
        double before = out[0];
        for (int i = 0; i < VERDICT_GRID; i++) {
            double here = out[i], after = i + 1 < VERDICT_GRID ? out[i + 1] : here;
            out[i] = (before + 2 * here + after) / 4;
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
    double anyone[VERDICT_GRID];
    describe_anyone(s, n, limit->is_upper, out, anyone);
    for (int round = 0;; round++) {
        double *sum = out->sum;
        for (int i = 0; i < VERDICT_GRID; i++) sum[i] = anyone[i];
        for (int i = 0; i < n; i++) add_posterior(out->weight, likelihood + i * VERDICT_GRID, sum);
        if (round == ROUNDS) break;
        smooth(sum, out->weight);
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

/* Where the candidate's mean lies, by its own figures and by the other candidates: it is itself left out of the
 * prior. Alone at the edge of the field it would confirm itself. */
static void find_posterior(const verdict_prior *g, const verdict_sample *s, const verdict_spread *p,
                           double *out)
{
    double likelihood[VERDICT_GRID], own[VERDICT_GRID] = {0}, others[VERDICT_GRID];
    put_likelihood(g, s, p, likelihood);
    add_posterior(g->weight, likelihood, own);
    for (int i = 0; i < VERDICT_GRID; i++) own[i] = fmax(0, g->sum[i] - own[i]);
    smooth(own, others);
    for (int i = 0; i < VERDICT_GRID; i++) out[i] = 0;
    add_posterior(others, likelihood, out);
}

double verdict_mean_chance(const verdict_prior *prior, const verdict_sample *s,
                           const verdict_spread *p, const verdict_limit *limit)
{
    double weight[VERDICT_GRID], chance = 0;
    if (p->df < 1 || s->n < 1) return (double)NAN;
    find_posterior(prior, s, p, weight);
    for (int i = 0; i < VERDICT_GRID; i++)
        chance += weight[i] * keep_mean(prior, limit, place(prior, i));
    return chance;
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
    double weight[VERDICT_GRID];
    verdict_chances c = {0};
    if (p->df < 1 || s->n < 1) return (verdict_chances){unknown, unknown, unknown};
    find_posterior(prior, s, p, weight);
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
