#include "store/verdict.h"

#include <math.h>

#include "engine/base/chance.h"
#include "store/verdict_prior.h"

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

verdict_spread verdict_pool_near(const verdict_sample *s, int n, double bound, int df)
{
    double squares = 0, beyond = -1; /* distance that was taken last */
    int have = 0;
    for (;;) {
        double next = (double)INFINITY;
        for (int i = 0; i < n; i++) {
            double far = fabs(s[i].mean - bound);
            if (s[i].n > 1 && far > beyond && far < next) next = far;
        }
        if (have >= df || isinf(next)) break;
        for (int i = 0; i < n; i++) /* all at one distance, whatever their order */
            if (s[i].n > 1 && fabs(s[i].mean - bound) == next) {
                squares += s[i].squares;
                have += s[i].n - 1;
            }
        beyond = next;
    }
    return (verdict_spread){have > 0 ? sqrt(squares / have) : (double)NAN, have};
}

verdict_interval verdict_mean_interval(const verdict_sample *s, const verdict_spread *p,
                                       double confidence)
{
    if (p->df < 1) return (verdict_interval){(double)-INFINITY, (double)INFINITY};
    double half = chance_t_quantile((1 + confidence) / 2, p->df) * verdict_error(s, p);
    return (verdict_interval){s->mean - half, s->mean + half};
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
static double keep_mean(int i)
{
    return i == VERDICT_GRID / 2 ? 0.5 : i > VERDICT_GRID / 2;
}

static double keep_means(const double *weight)
{
    double chance = 0;
    for (int i = 0; i < VERDICT_GRID; i++) chance += weight[i] * keep_mean(i);
    return fmin(chance, 1);
}

double verdict_mean_chance(const verdict_prior *prior, const verdict_sample *s,
                           const verdict_spread *p, const verdict_limit *limit)
{
    double freely[VERDICT_GRID], shaped[VERDICT_GRID];
    if (p->df < 1 || s->n < 1) return (double)NAN;
    verdict_posterior_free(prior, s, p, limit, freely);
    verdict_posterior_shaped(prior, s, p, limit, shaped);
    return fmin(keep_means(freely), keep_means(shaped));
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

static verdict_chances keep_all(const verdict_prior *g, const double *weight,
                                const verdict_sample *s, const verdict_spread *p,
                                const verdict_limit *limit, double own)
{
    verdict_chances c = {.mean = keep_means(weight)};
    for (int i = 0; i < VERDICT_GRID; i++) {
        double m = limit->bound + (limit->is_upper ? -1 : 1) * verdict_place(g, i);
        c.fresh += weight[i] * keep(limit, m, p->sigma, p->df);
        c.file += weight[i] * keep_own(limit, m, own, p->sigma, s->set_variance);
    }
    return c;
}

verdict_chances verdict_judge(const verdict_prior *prior, const verdict_sample *s,
                              const verdict_spread *p, const verdict_limit *limit, double own)
{
    const double unknown = (double)NAN;
    double freely[VERDICT_GRID], shaped[VERDICT_GRID];
    if (p->df < 1 || s->n < 1) return (verdict_chances){unknown, unknown, unknown};
    verdict_posterior_free(prior, s, p, limit, freely);
    verdict_posterior_shaped(prior, s, p, limit, shaped);
    verdict_chances x = keep_all(prior, freely, s, p, limit, own),
                    y = keep_all(prior, shaped, s, p, limit, own);
    return (verdict_chances){fmin(x.mean, y.mean), fmin(1, fmin(x.fresh, y.fresh)),
                             isnan(own) ? unknown : fmin(1, fmin(x.file, y.file))};
}

double verdict_all(const double *chance, int n)
{
    double missing = 0;
    for (int i = 0; i < n; i++) missing += 1 - chance[i];
    return isnan(missing) ? missing : fmax(0, 1 - missing);
}
