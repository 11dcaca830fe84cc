#include "store/picks_chance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEAR_DF = 16 }; /* of the spread of trainings: t's 95 % point is then 6 % off the normal's */

static const double unknown = (double)NAN;

/* The candidate of each point, in the points' order. */
static status read_candidates(store *s, const store_points *points, int64_t *out, err *e)
{
    query q =
        db_query(&s->d,
                 "SELECT trial_id, candidate FROM space_trials WHERE space_id = " DB_LAST_SPACE
                 " ORDER BY trial_id",
                 e);
    for (int i = 0; i < points->n && query_row(&q);)
        if (query_column_int(&q, 0) == points->trial[i]) out[i++] = query_column_int(&q, 1);
    return query_end(&q);
}

static int by_number(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

status pick_selection_make(const int64_t *trial, int n, arena *a, pick_selection *out, err *e)
{
    int64_t *sorted = ARENA_NEW(a, int64_t, (size_t)n + 1);
    if (!sorted) return FAIL(e, ERR_MEM, "no memory for picks");
    if (n > 0) memcpy(sorted, trial, (size_t)n * sizeof *trial);
    qsort(sorted, (size_t)n, sizeof *sorted, by_number);
    *out = (pick_selection){sorted, n};
    return OK;
}

bool pick_selection_has(const pick_selection *among, int64_t trial)
{
    return bsearch(&trial, among->trial, (size_t)among->n, sizeof trial, by_number) != NULL;
}

void pick_selection_keep(const pick_selection *from, store_points *points)
{
    const size_t width = (size_t)points->n_metrics;
    int kept = 0;
    for (int i = 0; i < points->n; i++) {
        if (!pick_selection_has(from, points->trial[i])) continue;
        points->trial[kept] = points->trial[i];
        memmove(points->value + (size_t)kept * width, points->value + (size_t)i * width,
                width * sizeof *points->value);
        kept++;
    }
    points->n = kept;
}

/* The configurations of the points, numbered in the order of their first trials. */
typedef struct {
    int n;
    int *of; /* of each point */
} groups;

static status find_groups(store *s, const store_points *points, arena *a, groups *out, err *e)
{
    int64_t *candidate = ARENA_NEW(a, int64_t, points->n + 1), *slot;
    size_t size = 16;
    while (size < 2 * (size_t)points->n) size *= 2;
    *out = (groups){.of = ARENA_NEW(a, int, points->n + 1)};
    slot = ARENA_NEW(a, int64_t,
                     size); /* an open hash: 1 + the point that a candidate was first seen at */
    if (!candidate || !out->of || !slot) return FAIL(e, ERR_MEM, "no memory for verdicts");
    TRY(read_candidates(s, points, candidate, e));
    for (int i = 0; i < points->n; i++) {
        size_t at = (size_t)((uint64_t)candidate[i] * 0x9E3779B97F4A7C15u >> 20) & (size - 1);
        while (slot[at] && candidate[slot[at] - 1] != candidate[i]) at = (at + 1) & (size - 1);
        out->of[i] = slot[at] ? out->of[slot[at] - 1] : out->n++;
        if (!slot[at]) slot[at] = i + 1;
    }
    return OK;
}

status pick_seeds_find(store *s, const store_points *points, arena *a, pick_seeds *out, err *e)
{
    const int m = points->n_metrics;
    groups g;
    TRY(find_groups(s, points, a, &g, e));
    verdict_sample *sum = ARENA_NEW(a, verdict_sample, (size_t)(g.n + 1) * (size_t)m);
    *out = (pick_seeds){ARENA_NEW(a, int, points->n + 1),
                        ARENA_NEW(a, double, (size_t)(points->n + 1) * (size_t)m)};
    if (!sum || !out->n || !out->mean) return FAIL(e, ERR_MEM, "no memory for verdicts");
    for (int i = 0; i < points->n; i++)
        for (int k = 0; k < m; k++) verdict_add(&sum[g.of[i] * m + k], points->value[i * m + k]);
    for (int i = 0; i < points->n; i++)
        for (int k = 0; k < m; k++) {
            out->mean[i * m + k] = sum[g.of[i] * m + k].mean;
            out->n[i] = sum[g.of[i] * m].n;
        }
    return OK;
}

/* --- one pick --- */

/* How many examples stand behind a trial's accuracies, from the score's confusion matrices; 0: it counts none. */
typedef struct {
    double val, test;
} set_sizes;

static status read_sizes(db *d, int64_t trial, set_sizes *out, err *e)
{
    query q =
        db_query(d,
                 "SELECT (SELECT total(atom) FROM json_tree(g.detail, '$.confusion.val')),"
                 " (SELECT total(atom) FROM json_tree(g.detail, '$.confusion.test'))"
                 " FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
                 " WHERE c.trial_id = :trial AND g.kind = 'score' AND json_valid(g.detail) LIMIT 1",
                 e);
    query_int(&q, ":trial", trial);
    if (query_row(&q)) *out = (set_sizes){query_column_real(&q, 0), query_column_real(&q, 1)};
    return query_end(&q);
}

/* Everything about one version's limits: columns 2 i and 2 i + 1 are limit i's metric and its test twin. */
typedef struct {
    const pick *p;
    store_points points;
    groups g;
    set_sizes size;
    bool validation_only;
    bool *looked; /* configurations that keep all exact limits */
} field;

static bool counts(const field *f, const pick_limit *l)
{
    return strcmp(l->metric, "accuracy") == 0 && f->size.val > 0 &&
           (f->size.test > 0 || f->validation_only);
}

/* The figure that is judged, of one training. */
static double judged(const field *f, int limit, int point)
{
    const double *v = &f->points.value[point * f->points.n_metrics + 2 * limit];
    if (f->validation_only) return v[0];
    if (!counts(f, &f->p->limit[limit])) return v[1];
    return (v[0] * f->size.val + v[1] * f->size.test) / (f->size.val + f->size.test);
}

static status open_field(store *s, const pick_selection *from, const pick *p, arena *a, field *f,
                         err *e)
{
    const char **name = ARENA_NEW(a, const char *, 2 * p->n_limits + 1);
    *f = (field){.p = p, .validation_only = from != NULL};
    if (!name) return FAIL(e, ERR_MEM, "no memory for verdicts");
    for (int i = 0; i < p->n_limits; i++) {
        name[2 * i] = p->limit[i].metric;
        name[2 * i + 1] = arena_printf(a, "%s_test", p->limit[i].metric);
        if (!name[2 * i + 1]) return FAIL(e, ERR_MEM, "no memory for verdicts");
    }
    TRY(store_read_points(s, 2 * p->n_limits, name, a, &f->points, e));
    if (from) pick_selection_keep(from, &f->points);
    TRY(find_groups(s, &f->points, a, &f->g, e));
    TRY(read_sizes(&s->d, p->trial, &f->size, e));
    if (from) f->size.test = 0;
    f->looked = ARENA_NEW(a, bool, f->g.n + 1);
    return f->looked ? OK : FAIL(e, ERR_MEM, "no memory for verdicts");
}

/* A limit whose metric has a test twin on the pick is uncertain. */
static bool is_exact(const field *f, int limit, int pick_row)
{
    return isnan(f->points.value[pick_row * f->points.n_metrics + 2 * limit + 1]);
}

static void find_looked(field *f, int pick_row)
{
    for (int g = 0; g < f->g.n; g++) f->looked[g] = true;
    for (int i = 0; i < f->points.n; i++)
        for (int k = 0; k < f->p->n_limits; k++) {
            const pick_limit *l = &f->p->limit[k];
            double v = f->points.value[i * f->points.n_metrics + 2 * k];
            if (is_exact(f, k, pick_row) && !(limit_holds(l->op, v, l->bound) != 0))
                f->looked[f->g.of[i]] = false;
        }
}

static bool is_upper(const pick_limit *l)
{
    return l->op == LIMIT_LT || l->op == LIMIT_LE;
}

/* One sample of each configuration looked at, in `s`; those of all go to the spread. */
static status collect(const field *f, int limit, int pick_group, arena *a, verdict_sample **s,
                      int *n, int *own, verdict_spread *spread, err *e)
{
    verdict_sample *all = ARENA_NEW(a, verdict_sample, f->g.n + 1);
    if (!all) return FAIL(e, ERR_MEM, "no memory for verdicts");
    for (int i = 0; i < f->points.n; i++) {
        double v = judged(f, limit, i);
        if (isfinite(v)) verdict_add(&all[f->g.of[i]], v);
    }
    *spread = verdict_pool_near(all, f->g.n, f->p->limit[limit].bound, NEAR_DF);
    *n = 0;
    for (int g = 0; g < f->g.n; g++) {
        if (!f->looked[g] || all[g].n == 0) continue;
        if (g == pick_group) *own = *n;
        if (counts(f, &f->p->limit[limit]))
            all[g].set_variance =
                verdict_set_variance(all[g].mean, f->size.val + f->size.test, 100);
        all[(*n)++] = all[g];
    }
    *s = all;
    return OK;
}

static status judge_limit(const field *f, int limit, int pick_row, pick_limit *out,
                          verdict_chances *c, arena *a, err *e)
{
    verdict_sample *s;
    verdict_spread spread;
    verdict_prior prior;
    verdict_limit l = {is_upper(out), out->bound};
    int n, own = -1;
    TRY(collect(f, limit, f->g.of[pick_row], a, &s, &n, &own, &spread, e));
    *c = (verdict_chances){unknown, unknown, unknown};
    if (own < 0) return OK;
    out->mean = s[own].mean;
    if (spread.df < 1) return OK;
    verdict_interval i = verdict_mean_interval(&s[own], &spread, 0.95);
    out->low = i.low;
    out->high = i.high;
    if (s[own].n < VERDICT_FEWEST) return OK;
    TRY(verdict_fit(s, n, &spread, &l, a, &prior, e));
    *c = verdict_judge(&prior, &s[own], &spread, &l,
                       counts(f, out) ? judged(f, limit, pick_row) : unknown);
    return OK;
}

/* Of all limits together; what is exact holds, else the trial were no pick. A limit whose file chance is unknown leaves
 * the whole one unknown. */
static status judge_limits(const field *f, int pick_row, pick *p, arena *a, err *e)
{
    double *mean = ARENA_NEW(a, double, 3 * (size_t)p->n_limits + 1), *fresh = mean + p->n_limits,
           *file = fresh + p->n_limits;
    if (!mean) return FAIL(e, ERR_MEM, "no memory for verdicts");
    for (int i = 0; i < p->n_limits; i++) {
        verdict_chances c = {1, 1, 1};
        if (!is_exact(f, i, pick_row)) TRY(judge_limit(f, i, pick_row, &p->limit[i], &c, a, e));
        mean[i] = c.mean;
        fresh[i] = c.fresh;
        file[i] = c.file;
    }
    p->fresh = verdict_all(fresh, p->n_limits);
    p->file = verdict_all(file, p->n_limits);
    p->confidence = fmin(verdict_all(mean, p->n_limits), isnan(p->file) ? 1 : p->file);
    if (isnan(p->fresh)) p->confidence = unknown;
    return OK;
}

status pick_judge(store *s, const pick_selection *from, pick *p, arena *a, err *e)
{
    field f;
    int pick_row = 0;
    TRY(open_field(s, from, p, a, &f, e));
    while (pick_row < f.points.n && f.points.trial[pick_row] != p->trial) pick_row++;
    if (pick_row == f.points.n) return OK;
    for (int i = 0; i < f.points.n; i++) p->n_seeds += f.g.of[i] == f.g.of[pick_row];
    find_looked(&f, pick_row);
    return judge_limits(&f, pick_row, p, a, e);
}
