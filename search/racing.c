#include "search/racing.h"

#include <math.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/chance.h"
#include "engine/base/pareto.h"
#include "search/claim.h"

enum { FEWEST_DIFFERENCES = 10 };

typedef struct {
    sampler base;
    const problem *p;
    sampler *within;
    racing_options o;
    arena *a;
    tally known;
    unsigned char *n_asked; /* seeds of each point */
    int n, n_raced;         /* suggestions so far; of them further seeds */
    int *own;               /* numbers of the suggestions of the sampler within */
    tried *shown;           /* what it sees of them */
    double *means;          /* their figures, n_metrics each */
    int n_own, cap;
    bool within_ended;
} race;

static status grow(race *r, err *e)
{
    if (r->n_own < r->cap) return OK;
    int cap = r->cap ? 2 * r->cap : 256, m = r->p->n_metrics;
    int *own = ARENA_NEW(r->a, int, cap);
    tried *shown = ARENA_NEW(r->a, tried, cap);
    double *means = ARENA_NEW(r->a, double, (int64_t)cap *m);
    if (!own || !shown || !means) return FAIL(e, ERR_MEM, "out of memory");
    if (r->n_own > 0) memcpy(own, r->own, (size_t)r->n_own * sizeof *own);
    r->own = own;
    r->shown = shown;
    r->means = means;
    r->cap = cap;
    return OK;
}

/* --- who is undecided --- */

/* A point with a known result whose asked seeds are all known: one at a time. */
static bool may_have_more(const race *r, int row)
{
    int n = tally_n_seeds(&r->known, row);
    return n == r->n_asked[r->known.point[row]] && n < r->o.max_seeds;
}

/* Room under a limit in units of the mean's error; while that is unknown, in the figure's unit. */
static double room(const race *r, int row, const problem_limit *l, const verdict_spread *spread)
{
    const verdict_sample *s = tally_sample(&r->known, row, l->metric);
    if (s->n == 0) return (double)-INFINITY;
    double left = l->is_upper ? l->bound - s->mean : s->mean - l->bound;
    bool is_known = spread->df >= FEWEST_DIFFERENCES && spread->sigma > 0;
    return is_known ? left * sqrt(s->n) / spread->sigma : left;
}

/* Of the trained limits of a version the least room. */
typedef struct {
    verdict_spread spread[PROBLEM_MAX_METRICS]; /* of each metric */
    int df;                                     /* the least of those that matter; 0: none does */
} spreads;

static double least_room(const race *r, const problem_version *v, int row, const spreads *s)
{
    double least = (double)INFINITY;
    for (int i = 0; i < v->n_limits; i++) {
        const problem_limit *l = &v->limit[i];
        if (!r->p->metric[l->metric].exact)
            least = fmin(least, room(r, row, l, &s->spread[l->metric]));
    }
    return least;
}

static spreads measure_spreads(const race *r)
{
    spreads s = {.df = 0};
    for (int k = 0; k < r->p->n_metrics; k++) {
        if (r->p->metric[k].exact) continue;
        s.spread[k] = tally_spread(&r->known, k);
        int df = s.spread[k].df;
        if (df > 0 && (s.df == 0 || df < s.df)) s.df = df;
    }
    return s;
}

/* The row that should be looked at again for a version, or -1. */
static int contender_of_version(const race *r, int version, const spreads *s)
{
    const problem_version *v = &r->p->version[version];
    bool is_known = s->df >= FEWEST_DIFFERENCES;
    double best = (double)-INFINITY, top = best;
    int chosen = -1, n_good = 0;
    for (int i = 0; i < r->known.n; i++) {
        if (!problem_may_meet(r->p, version, r->known.point[i])) continue;
        double x = least_room(r, v, i, s);
        n_good += x > 0;
        top = fmax(top, x);
        if (!(x > best) || !may_have_more(r, i)) continue;
        best = x;
        chosen = i;
    }
    if (chosen < 0 || isinf(best)) return -1;
    if (!is_known) return chosen;
    double sure = pow(r->o.confidence, 1.0 / (n_good > 1 ? n_good : 1));
    double wide = chance_t_quantile(sure, s->df) * (1 + 1 / sqrt(2.0 * s->df));
    /* The leader goes on to all its seeds: a claim needs more than to be ahead. */
    return (best == top || top < wide) && best > -wide ? chosen : -1;
}

static int contender_among_versions(const race *r, const spreads *s)
{
    int from = r->o.aim >= 0 ? r->o.aim : 0, n = r->o.aim >= 0 ? 1 : r->p->n_versions;
    for (int i = 0; i < n; i++) { /* in turns */
        int row = contender_of_version(r, from + (i + r->n_raced) % n, s);
        if (row >= 0) return row;
    }
    return -1;
}

/* Objectives of a row, less is better, moved by so many errors; false when one is missing. */
static bool place_row(const race *r, int row, const spreads *s, double errors, double *out)
{
    for (int k = 0; k < r->p->n_objectives; k++) {
        const verdict_sample *one = tally_sample(&r->known, row, k);
        if (one->n == 0) return false;
        out[k] = problem_minimised(&r->p->metric[k], one->mean);
        double sigma = s->spread[k].sigma;
        if (!r->p->metric[k].exact && sigma > 0) out[k] += errors * sigma / sqrt(one->n);
    }
    return true;
}

static bool is_beaten(const race *r, const double *x, int row, const int *member, int n_members,
                      const double *means)
{
    const int m = r->p->n_objectives;
    for (int i = 0; i < n_members; i++)
        if (member[i] != row && pareto_dominates(&means[member[i] * m], x, m)) return true;
    return false;
}

/* The rows that no other one's mean figures beat; the figures of all in `means`. */
static int find_members(const race *r, const spreads *s, double *means, int *member)
{
    const int m = r->p->n_objectives;
    int n = 0;
    for (int i = 0; i < r->known.n; i++) {
        if (!place_row(r, i, s, 0, &means[i * m])) continue;
        if (is_beaten(r, &means[i * m], i, member, n, means)) continue;
        int left = 0;
        for (int j = 0; j < n; j++)
            if (!pareto_dominates(&means[i * m], &means[member[j] * m], m))
                member[left++] = member[j];
        n = left;
        member[n++] = i;
    }
    return n;
}

static status contender_for_front(const race *r, const spreads *s, int *chosen, err *e)
{
    const int n_rows = r->known.n, m = r->p->n_objectives;
    arena_mark_t mark = arena_mark(r->a);
    double *means = ARENA_NEW(r->a, double, ((int64_t)n_rows + 1) * m), good[PROBLEM_MAX_METRICS],
           bad[PROBLEM_MAX_METRICS];
    int *member = ARENA_NEW(r->a, int, n_rows + 1), fewest = 0;
    bool is_known = s->df >= FEWEST_DIFFERENCES;
    if (!means || !member) return FAIL(e, ERR_MEM, "out of memory");
    int n_members = find_members(r, s, means, member);
    double wide = is_known ? chance_t_quantile((1 + r->o.confidence) / 2, s->df) : 0;
    for (int i = 0; i < n_rows; i++) {
        int n_seeds = r->n_asked[r->known.point[i]];
        if (!may_have_more(r, i) || (*chosen >= 0 && n_seeds >= fewest)) continue;
        if (!place_row(r, i, s, -wide, good) || !place_row(r, i, s, wide, bad)) continue;
        if (is_beaten(r, good, i, member, n_members, means)) continue;
        if (is_known && !is_beaten(r, bad, i, member, n_members, means)) continue;
        *chosen = i;
        fewest = n_seeds;
    }
    arena_release(r->a, mark);
    return OK;
}

static status find_contender(const race *r, int *row, err *e)
{
    spreads s = measure_spreads(r);
    *row = -1;
    if (r->o.aim == AIM_FRONT || r->p->n_versions == 0) return contender_for_front(r, &s, row, e);
    *row = contender_among_versions(r, &s);
    return OK;
}

/* --- the sampler within --- */

/* Its suggestions, renumbered; those that are known, with their means. */
static history show(race *r, const history *h)
{
    const int m = r->p->n_metrics;
    int n_known = 0;
    for (int i = 0; i < r->n_own; i++) {
        const tried *t = &h->of[r->own[i]];
        r->shown[i] = *t;
        n_known += r->own[i] < h->n_known;
        if (t->state != TRIED_DONE || !t->value) continue;
        for (int k = 0; k < m; k++) {
            const verdict_sample *s = tally_sample(&r->known, r->known.row[t->what.point], k);
            r->means[i * m + k] = s->n > 0 ? s->mean : (double)NAN;
        }
        r->shown[i].value = &r->means[i * m];
    }
    return (history){.n = r->n_own, .n_known = n_known, .of = r->shown};
}

static status ask_within(race *r, const history *h, suggestion *out, bool *end, err *e)
{
    TRY(grow(r, e));
    history own = show(r, h);
    TRY(r->within->next(r->within, &own, out, end, e));
    r->within_ended = *end;
    if (*end) return OK;
    r->own[r->n_own++] = h->n;
    r->n_asked[out->point] = 1;
    return OK;
}

static status next_of_race(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    race *r = (race *)(void *)self;
    int row = -1;
    *end = false;
    TRY(tally_see(&r->known, h, e));
    r->n++;
    if (2 * r->n_raced < r->n || r->within_ended) TRY(find_contender(r, &row, e));
    if (row < 0 && !r->within_ended) {
        TRY(ask_within(r, h, out, end, e));
        if (!*end) return OK;
        *end = false;
        TRY(find_contender(r, &row, e));
    }
    *end = row < 0;
    if (*end) return OK;
    int point = r->known.point[row];
    r->n_raced++;
    *out = (suggestion){r->p->candidate[point], point, r->n_asked[point]++};
    return OK;
}

status sampler_race(const problem *p, sampler *within, const racing_options *o, arena *a,
                    sampler **out, err *e)
{
    *out = within;
    if (o->max_seeds < 2 || p->n_seeds < 2) return OK;
    race *r = ARENA_NEW(a, race, 1);
    if (!r) return FAIL(e, ERR_MEM, "out of memory");
    *r = (race){.base = {next_of_race}, .p = p, .within = within, .o = *o, .a = a};
    if (r->o.max_seeds > p->n_seeds) r->o.max_seeds = p->n_seeds;
    if (r->o.max_seeds > UINT8_MAX) r->o.max_seeds = UINT8_MAX;
    r->n_asked = ARENA_NEW(a, unsigned char, p->n_points);
    if (!r->n_asked) return FAIL(e, ERR_MEM, "out of memory");
    TRY(tally_open(&r->known, p, a, e));
    *out = &r->base;
    return OK;
}
