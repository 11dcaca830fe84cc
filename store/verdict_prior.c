#include "store/verdict_prior.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

/* The grid reaches ten deviations of a single figure to either side of the limit: what lies farther
 * cannot matter. */
enum { REACH = 10, MIDDLE = VERDICT_GRID / 2, ROUNDS = 40 };
/* Shapes: modes, and scales above and below them, so many steps up and down from what is likely. */
enum { N_MODES = 9, FAR_ABOVE = 3, FAR_BELOW = 1 };
static_assert(N_MODES * (2 * FAR_ABOVE + 1) * (2 * FAR_BELOW + 1) == VERDICT_SHAPES, "shapes");

double verdict_room(const verdict_limit *l, double figure)
{
    return l->is_upper ? l->bound - figure : figure - l->bound;
}

double verdict_place(const verdict_prior *g, int i)
{
    return g->step * (i - MIDDLE);
}

double verdict_error(const verdict_sample *s, const verdict_spread *p)
{
    return sqrt(p->sigma * p->sigma / s->n + s->set_variance);
}

/* Claims are made where the spread came out small by chance more often than elsewhere: it is taken one standard error
 * larger than it was found, at the upper end of its one-sided 84 % interval (chi-square by Wilson & Hilferty, PNAS 17,
 * 1931). */
static verdict_spread widen(const verdict_spread *p)
{
    double v = 2 / (9.0 * p->df), root = 1 - v - sqrt(v);
    return (verdict_spread){p->sigma / sqrt(root * root * root), p->df};
}

/* --- the candidates --- */

/* Candidates with one number of trainings at one place of the grid. */
typedef struct {
    int at; /* -1 and VERDICT_GRID: beyond the grid */
    double count, room;
    verdict_sample
        s; /* the number of trainings and the set's variance; room and variance are means */
} cell;

typedef struct {
    int n;
    cell *of;
} crowd;

static int by_place(const void *x, const void *y)
{
    const cell *a = x, *b = y;
    return a->s.n != b->s.n ? (a->s.n > b->s.n) - (a->s.n < b->s.n)
                            : (a->at > b->at) - (a->at < b->at);
}

static void join(cell *into, const cell *one)
{
    double share = 1 / ++into->count;
    into->room += share * (one->room - into->room);
    into->s.set_variance += share * (one->s.set_variance - into->s.set_variance);
}

static status find_crowd(const verdict_sample *s, int n, const verdict_limit *limit,
                         const verdict_prior *g, arena *scratch, crowd *out, err *e)
{
    cell *of = ARENA_NEW(scratch, cell, (int64_t)n + 1);
    if (!of) return FAIL(e, ERR_MEM, "out of memory for a verdict");
    for (int i = 0; i < n; i++) {
        double room = verdict_room(limit, s[i].mean), at = floor(room / g->step + 0.5) + MIDDLE;
        of[i] = (cell){(int)fmin(fmax(at, -1), VERDICT_GRID), 1, room, s[i]};
    }
    qsort(of, (size_t)n, sizeof *of, by_place);
    *out = (crowd){.of = of};
    for (int i = 0; i < n; i++)
        if (out->n > 0 && by_place(&of[out->n - 1], &of[i]) == 0)
            join(&of[out->n - 1], &of[i]);
        else
            of[out->n++] = of[i];
    return OK;
}

/* What each place says about a mean, up to a factor. Student's density: heavy tails where the spread is known badly. */
static void put_likelihood(const verdict_prior *g, const verdict_sample *s, double room,
                           const verdict_spread *p, double *out)
{
    double error = fmax(verdict_error(s, p), g->step / 2), end = verdict_place(g, VERDICT_GRID - 1);
    room = fmin(fmax(room, -end), end);
    for (int i = 0; i < VERDICT_GRID; i++) {
        double z = (verdict_place(g, i) - room) / error;
        out[i] = pow(1 + z * z / p->df, -(p->df + 1) / 2.0);
    }
}

/* --- the free estimate --- */

/* Adds `weight x likelihood`, normalised, `count` times to `sum`. */
static void add_posterior(const double *weight, const double *likelihood, double count, double *sum)
{
    double total = 0;
    for (int i = 0; i < VERDICT_GRID; i++) total += weight[i] * likelihood[i];
    if (!(total > 0)) return;
    for (int i = 0; i < VERDICT_GRID; i++) sum[i] += count * weight[i] * likelihood[i] / total;
}

/* One candidate more, of whom nothing is known: anywhere below the field's edge, and beyond it ever less likely. What
 * lies above a high threshold is nearly exponential (Balkema & de Haan 1974, Pickands 1975): the
 * threshold is the lowest of the best tenth, at least four, and the scale their mean excess, the very best, which may
 * be the one to be judged, left out. */
static void describe_anyone(const verdict_sample *s, int n, const verdict_limit *limit,
                            const verdict_prior *g, double *out)
{
    double best[64], excess = 0, sum = 0;
    int k = n / 10 < 4 ? 4 : n / 10 > 62 ? 62 : n / 10, n_best = 0;
    for (int i = 0; i < n; i++) { /* insertion into the k + 1 best */
        double x = verdict_room(limit, s[i].mean);
        int at = n_best < k + 1 ? n_best++ : k;
        if (at == k && n_best == k + 1 && i > k && x <= best[k]) continue;
        for (; at > 0 && best[at - 1] < x; at--) best[at] = best[at - 1];
        best[at] = x;
    }
    for (int i = 1; i < n_best; i++) excess += (best[i] - best[n_best - 1]) / (n_best - 1);
    for (int i = 0; i < VERDICT_GRID; i++) {
        double beyond = n_best > 4 ? verdict_place(g, i) - best[n_best - 1] : 0;
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

static status fit_free(const verdict_sample *s, int n, const crowd *c, const verdict_spread *p,
                       const verdict_limit *limit, arena *scratch, verdict_prior *g, err *e)
{
    double *likelihood = ARENA_NEW(scratch, double, ((size_t)c->n + 1) * VERDICT_GRID);
    double anyone[VERDICT_GRID];
    if (!likelihood) return FAIL(e, ERR_MEM, "out of memory for a verdict");
    for (int i = 0; i < c->n; i++)
        put_likelihood(g, &c->of[i].s, c->of[i].room, p, likelihood + i * VERDICT_GRID);
    describe_anyone(s, n, limit, g, anyone);
    for (int i = 0; i < VERDICT_GRID; i++) g->free[i] = 1.0 / VERDICT_GRID;
    for (int round = 0;; round++) {
        for (int i = 0; i < VERDICT_GRID; i++) g->sum[i] = anyone[i];
        for (int i = 0; i < c->n; i++)
            add_posterior(g->free, likelihood + i * VERDICT_GRID, c->of[i].count, g->sum);
        if (round == ROUNDS) break;
        smooth(g->sum, g->free);
    }
    return OK;
}

/* It is itself left out of the estimate. Alone at the edge of the field it would confirm itself. */
void verdict_posterior_free(const verdict_prior *g, const verdict_sample *s,
                            const verdict_spread *p, const verdict_limit *l, double *out)
{
    const verdict_spread wide = widen(p);
    double likelihood[VERDICT_GRID], own[VERDICT_GRID] = {0}, others[VERDICT_GRID];
    put_likelihood(g, s, verdict_room(l, s->mean), &wide, likelihood);
    add_posterior(g->free, likelihood, 1, own);
    for (int i = 0; i < VERDICT_GRID; i++) own[i] = fmax(0, g->sum[i] - own[i]);
    smooth(own, others);
    for (int i = 0; i < VERDICT_GRID; i++) out[i] = 0;
    add_posterior(others, likelihood, 1, out);
}

/* --- the shaped estimate --- */

/* Who lies beyond the grid belongs to another population. */
static bool is_near(const cell *c)
{
    return c->at >= 0 && c->at < VERDICT_GRID;
}

/* Scale of the candidates on one side (+1, -1) of a mode, what their errors add taken off. */
static double side_scale(const crowd *c, double mode, int side, const verdict_spread *p,
                         double deviation)
{
    double sum = deviation * deviation, count = 1;
    for (int i = 0; i < c->n; i++) {
        const cell *x = &c->of[i];
        double off = x->room - mode, error = verdict_error(&x->s, p);
        if (!is_near(x) || off * side <= 0) continue;
        sum += x->count * (off * off - error * error);
        count += x->count;
    }
    return sqrt(fmax(sum / count, deviation * deviation / 16));
}

/* A normal curve with a scale for either side of its mode. */
static void put_shape(verdict_prior *g, int shape, double mode, double above, double below)
{
    double sum = 0, density[VERDICT_GRID];
    for (int i = 0; i < VERDICT_GRID; i++) {
        double off = verdict_place(g, i) - mode, z = off / (off > 0 ? above : below);
        sum += density[i] = exp(-z * z / 2);
    }
    for (int i = 0; i < VERDICT_GRID; i++)
        g->density[i * VERDICT_SHAPES + shape] = density[i] / sum;
}

/* Places below which lie given shares of the candidates. False when nobody is near. */
static bool find_modes(const crowd *c, int *mode)
{
    static const double quantile[N_MODES] = {0.05, 0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.88, 0.95};
    double count[VERDICT_GRID] = {0}, all = 0, below = 0;
    for (int i = 0; i < c->n; i++) {
        if (!is_near(&c->of[i])) continue;
        count[c->of[i].at] += c->of[i].count;
        all += c->of[i].count;
    }
    for (int m = 0, at = -1; m < N_MODES && all > 0; m++) {
        while (at < 0 || (at + 1 < VERDICT_GRID && below < quantile[m] * all)) below += count[++at];
        mode[m] = at;
    }
    return all > 0;
}

/* Modes at quantiles of the candidates' means, scales around what their second moments suggest. Of nobody anything may
 * be. */
static void put_shapes(verdict_prior *g, const crowd *c, const verdict_spread *p, double deviation)
{
    int at[N_MODES] = {0}, shape = 0;
    bool is_known = find_modes(c, at);
    for (int m = 0; m < N_MODES; m++) {
        double mode = verdict_place(g, at[m]), above = (double)INFINITY, below = above;
        if (is_known) above = side_scale(c, mode, 1, p, deviation);
        if (is_known) below = side_scale(c, mode, -1, p, deviation);
        for (int i = -FAR_ABOVE; i <= FAR_ABOVE; i++)
            for (int j = -FAR_BELOW; j <= FAR_BELOW; j++)
                put_shape(g, shape++, mode, above * exp(0.25 * i), below * exp(0.5 * j));
    }
}

/* How likely each shape makes a candidate's figures. */
static void explain(const verdict_prior *g, const double *likelihood, double *out)
{
    for (int h = 0; h < VERDICT_SHAPES; h++) out[h] = 0;
    for (int i = 0; i < VERDICT_GRID; i++) {
        const double *density = &g->density[i * VERDICT_SHAPES];
        for (int h = 0; h < VERDICT_SHAPES; h++) out[h] += likelihood[i] * density[h];
    }
}

/* Each shape's weight: how likely it makes all candidates' figures. */
static void weigh_shapes(verdict_prior *g, const crowd *c, const verdict_spread *p)
{
    double likelihood[VERDICT_GRID], one[VERDICT_SHAPES], most, sum = 0;
    for (int h = 0; h < VERDICT_SHAPES; h++) g->weight[h] = 0;
    for (int i = 0; i < c->n; i++) {
        if (!is_near(&c->of[i])) continue;
        put_likelihood(g, &c->of[i].s, c->of[i].room, p, likelihood);
        explain(g, likelihood, one);
        for (int h = 0; h < VERDICT_SHAPES; h++)
            g->weight[h] += c->of[i].count * log(fmax(one[h], DBL_MIN));
    }
    most = g->weight[0];
    for (int h = 0; h < VERDICT_SHAPES; h++) most = fmax(most, g->weight[h]);
    for (int h = 0; h < VERDICT_SHAPES; h++) sum += g->weight[h] = exp(g->weight[h] - most);
    for (int h = 0; h < VERDICT_SHAPES; h++) g->weight[h] /= sum;
}

/* Where the candidate's mean lies. Each shape's posterior, weighed by what the figures of all say of the shapes: this is
 * the same as to weigh the shapes by what the other candidates say, average them, and let the candidate's own figures speak
 * once. */
void verdict_posterior_shaped(const verdict_prior *g, const verdict_sample *s,
                              const verdict_spread *p, const verdict_limit *l, double *out)
{
    double likelihood[VERDICT_GRID], share[VERDICT_SHAPES], total = 0;
    verdict_spread wide = widen(p);
    put_likelihood(g, s, verdict_room(l, s->mean), &wide, likelihood);
    explain(g, likelihood, share);
    for (int h = 0; h < VERDICT_SHAPES; h++) share[h] = g->weight[h] / fmax(share[h], DBL_MIN);
    for (int i = 0; i < VERDICT_GRID; i++) {
        const double *density = &g->density[i * VERDICT_SHAPES];
        out[i] = 0;
        for (int h = 0; h < VERDICT_SHAPES; h++) out[i] += share[h] * density[h];
        total += out[i] *= likelihood[i];
    }
    for (int i = 0; i < VERDICT_GRID; i++) out[i] /= total;
}

/* --- both --- */

/* Of one figure. */
static double find_deviation(const verdict_sample *s, int n, const verdict_spread *p, double bound)
{
    double variance = 0;
    for (int i = 0; i < n; i++) variance += s[i].set_variance / n;
    double deviation = sqrt(p->sigma * p->sigma + variance);
    return deviation > 0 ? deviation : 1e-6 * fmax(fabs(bound), 1e-6);
}

status verdict_fit(const verdict_sample *s, int n, const verdict_spread *p,
                   const verdict_limit *limit, arena *a, verdict_prior *out, err *e)
{
    *out = (verdict_prior){.step = 1};
    if (p->df < 1) return OK;
    const verdict_spread wide = widen(p);
    double deviation = find_deviation(s, n, &wide, limit->bound);
    crowd c;
    out->step = 2.0 * REACH * deviation / (VERDICT_GRID - 1);
    out->density = ARENA_NEW(a, double, VERDICT_GRID *VERDICT_SHAPES);
    if (!out->density) return FAIL(e, ERR_MEM, "out of memory for a verdict");
    arena_mark_t mark = arena_mark(a);
    TRY(find_crowd(s, n, limit, out, a, &c, e));
    put_shapes(out, &c, &wide, deviation);
    weigh_shapes(out, &c, &wide);
    TRY(fit_free(s, n, &c, &wide, limit, a, out, e));
    arena_release(a, mark);
    return OK;
}
