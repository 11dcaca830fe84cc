#include "store/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/chance.h"
#include "store/handle.h"
#include "store/verdict.h"

/* --- paired --- */

/* A configuration as it is sorted: by all knobs but one, then by that one. */
typedef struct {
    const int *level;
    int n, last, row;
} entry;

static int compare_others(const entry *a, const entry *b)
{
    for (int k = 0; k < a->n; k++)
        if (k != a->last && a->level[k] != b->level[k]) return a->level[k] < b->level[k] ? -1 : 1;
    return 0;
}

static int by_others(const void *p, const void *q)
{
    const entry *a = p, *b = q;
    int c = compare_others(a, b), x = a->level[a->last], y = b->level[b->last];
    if (c) return c;
    return x != y ? (x > y) - (x < y) : (a->row > b->row) - (a->row < b->row);
}

static bool is_step(const studied_knob *k, int from, int to)
{
    if (from < 0 || from >= to) return false;
    return to == from + 1 || !k->level[to].is_number;
}

/* Differences among configurations that agree in all else, into of[from x n_levels + to]. */
static void compare_group(const ablation *d, int knob, bool front_only, const entry *e, int n,
                          verdict_sample *of)
{
    const studied_knob *k = &d->knob[knob];
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            int from = e[i].level[knob], to = e[j].level[knob];
            if (!is_step(k, from, to)) continue;
            if (front_only && !d->on_front[e[i].row] && !d->on_front[e[j].row]) continue;
            verdict_add(&of[from * k->n_levels + to], d->figure[e[j].row] - d->figure[e[i].row]);
        }
}

static knob_step make_step(int knob, int from, int to, const verdict_sample *s)
{
    knob_step out = {knob, from, to, s->n, s->mean, (double)NAN, (double)NAN};
    if (s->n < 2) return out;
    double half = chance_t_quantile(0.975, s->n - 1) * sqrt(s->squares / (s->n - 1) / s->n);
    out.low = s->mean - half;
    out.high = s->mean + half;
    return out;
}

static status compare_knob(const ablation *d, int knob, bool front_only, arena *a, knob_step *out,
                           int *n, err *e)
{
    const int n_levels = d->knob[knob].n_levels;
    entry *sorted = ARENA_NEW(a, entry, d->n + 1);
    verdict_sample *of = ARENA_NEW(a, verdict_sample, (size_t)n_levels * (size_t)n_levels + 1);
    if (!sorted || !of) return FAIL(e, ERR_MEM, "no memory for the ablation");
    for (int i = 0; i < d->n; i++)
        sorted[i] = (entry){&d->level[i * d->n_knobs], d->n_knobs, knob, i};
    qsort(sorted, (size_t)d->n, sizeof *sorted, by_others);
    for (int i = 0, end; i < d->n; i = end) {
        end = i + 1;
        while (end < d->n && compare_others(&sorted[i], &sorted[end]) == 0) end++;
        compare_group(d, knob, front_only, &sorted[i], end - i, of);
    }
    for (int i = 0; i < n_levels * n_levels; i++)
        if (of[i].n > 0) out[(*n)++] = make_step(knob, i / n_levels, i % n_levels, &of[i]);
    return OK;
}

status importance_steps(const ablation *d, bool front_only, arena *a, knob_step **out, int *n,
                        err *e)
{
    size_t most = 1;
    for (int k = 0; k < d->n_knobs; k++)
        most += (size_t)d->knob[k].n_levels * (size_t)d->knob[k].n_levels;
    *out = ARENA_NEW(a, knob_step, most);
    *n = 0;
    if (!*out) return FAIL(e, ERR_MEM, "no memory for the ablation");
    for (int k = 0; k < d->n_knobs; k++) TRY(compare_knob(d, k, front_only, a, *out, n, e));
    return OK;
}

/* --- variance --- */

/* One knob's term of the sum: for each level (the last one: does not matter) the mean of what the other terms
 * leave. Returns by how much it moved at most. */
static double refit(const ablation *d, int knob, double *term, double *rest, double *sum,
                    int *count)
{
    const int n_levels = d->knob[knob].n_levels;
    double moved = 0;
    for (int l = 0; l <= n_levels; l++) sum[l] = 0, count[l] = 0;
    for (int i = 0; i < d->n; i++) {
        int l = d->level[i * d->n_knobs + knob];
        l = l < 0 ? n_levels : l;
        sum[l] += rest[i];
        count[l]++;
    }
    for (int l = 0; l <= n_levels; l++) {
        sum[l] = count[l] ? sum[l] / count[l] : 0;
        term[l] += sum[l];
        moved = fmax(moved, fabs(sum[l]));
    }
    for (int i = 0; i < d->n; i++) {
        int l = d->level[i * d->n_knobs + knob];
        rest[i] -= sum[l < 0 ? n_levels : l];
    }
    return moved;
}

static double term_variance(const ablation *d, int knob, const double *term)
{
    verdict_sample s = {0};
    for (int i = 0; i < d->n; i++) {
        int l = d->level[i * d->n_knobs + knob];
        verdict_add(&s, term[l < 0 ? d->knob[knob].n_levels : l]);
    }
    return s.squares;
}

enum { MOST_ROUNDS = 1000 };

status importance_shares(const ablation *d, double *share, double *explained, arena *a, err *e)
{
    int most = 0;
    for (int k = 0; k < d->n_knobs; k++)
        most = d->knob[k].n_levels > most ? d->knob[k].n_levels : most;
    const size_t width = (size_t)most + 1;
    verdict_sample all = {0}, left = {0};
    double *term = ARENA_NEW(a, double, width *(size_t)d->n_knobs + 1),
           *rest = ARENA_NEW(a, double, d->n + 1), *sum = ARENA_NEW(a, double, width);
    int *count = ARENA_NEW(a, int, width);
    if (!term || !rest || !sum || !count) return FAIL(e, ERR_MEM, "no memory for the ablation");
    for (int i = 0; i < d->n; i++) verdict_add(&all, d->figure[i]);
    for (int i = 0; i < d->n; i++) rest[i] = d->figure[i] - all.mean;
    double scale = sqrt(all.squares / (d->n > 0 ? d->n : 1)), moved = scale;
    for (int round = 0; round < MOST_ROUNDS && moved > 1e-9 * scale; round++) {
        moved = 0;
        for (int k = 0; k < d->n_knobs; k++)
            moved = fmax(moved, refit(d, k, term + (size_t)k * width, rest, sum, count));
    }
    for (int i = 0; i < d->n; i++) verdict_add(&left, rest[i]);
    for (int k = 0; k < d->n_knobs; k++)
        share[k] = scale > 0 ? term_variance(d, k, term + (size_t)k * width) / all.squares : 0;
    *explained = scale > 0 ? 1 - left.squares / all.squares : 0;
    return OK;
}

/* --- from the database --- */

static status unknown_metric(store *s, const char *metric, err *e)
{
    buf names = {0};
    query q = db_query(&s->d,
                       "SELECT DISTINCT m.metric FROM trial_metrics m JOIN space_trials b ON "
                       "b.trial_id = m.trial_id WHERE b.space_id = " DB_LAST_SPACE " ORDER BY 1",
                       e);
    while (query_row(&q))
        buf_printf(&names, "%s%s", names.len ? ", " : "", query_column_text(&q, 0));
    status st = query_end(&q);
    if (st == OK)
        st = FAIL(e, ERR_INPUT, "no finished trial has the metric '%s'; there are: %.*s", metric,
                  (int)names.len, names.data ? names.data : "");
    buf_free(&names);
    return st;
}

static status count_rows(store *s, const char *metric, int *n, int *n_knobs, err *e)
{
    query q = db_query(
        &s->d,
        "SELECT (SELECT count(DISTINCT b.candidate) FROM space_trials b JOIN trials t ON t.id ="
        " b.trial_id AND t.state = 'done' JOIN trial_metrics m ON m.trial_id = t.id AND m.metric ="
        " :metric AND m.value IS NOT NULL WHERE b.space_id = " DB_LAST_SPACE "),"
        " (SELECT count(*) FROM knobs WHERE space_id = " DB_LAST_SPACE ")",
        e);
    query_text(&q, ":metric", metric);
    if (query_row(&q)) {
        *n = (int)query_column_int(&q, 0);
        *n_knobs = (int)query_column_int(&q, 1);
    }
    return query_end(&q);
}

/* Figures, and the first trial of each configuration. */
static status read_figures(store *s, const char *metric, ablation *d, int64_t *trial, err *e)
{
    query q = db_query(
        &s->d,
        "SELECT min(t.id), avg(m.value), max(t.on_front) FROM space_trials b JOIN trials t ON t.id "
        "="
        " b.trial_id AND t.state = 'done' JOIN trial_metrics m ON m.trial_id = t.id AND m.metric ="
        " :metric AND m.value IS NOT NULL WHERE b.space_id = " DB_LAST_SPACE
        " GROUP BY b.candidate ORDER BY b.candidate",
        e);
    query_text(&q, ":metric", metric);
    for (int i = 0; i < d->n && query_row(&q); i++) {
        trial[i] = query_column_int(&q, 0);
        d->figure[i] = query_column_real(&q, 1);
        d->on_front[i] = query_column_int(&q, 2) != 0;
    }
    return query_end(&q);
}

static int by_value(const void *p, const void *q)
{
    const knob_level *a = p, *b = q;
    if (a->is_number != b->is_number) return a->is_number ? -1 : 1;
    if (a->is_number) return (a->number > b->number) - (a->number < b->number);
    return strcmp(a->text, b->text);
}

/* The values that a knob takes in the study, in order. */
static status read_levels(store *s, studied_knob *k, arena *a, err *e)
{
    int most = 0;
    query q =
        db_query(&s->d, "SELECT count(DISTINCT value) FROM trial_knobs WHERE knob = :knob", e);
    query_text(&q, ":knob", k->name);
    if (query_row(&q)) most = (int)query_column_int(&q, 0);
    TRY(query_end(&q));
    k->level = ARENA_NEW(a, knob_level, most + 1);
    if (!k->level) return FAIL(e, ERR_MEM, "no memory for the ablation");
    q = db_query(
        &s->d,
        "SELECT DISTINCT v.value, typeof(v.value) <> 'text' FROM trial_knobs v JOIN space_trials"
        " b ON b.trial_id = v.trial_id AND b.space_id = " DB_LAST_SPACE
        " WHERE v.knob = :knob AND v.value IS NOT NULL",
        e);
    query_text(&q, ":knob", k->name);
    while (k->n_levels < most && query_row(&q)) {
        knob_level *l = &k->level[k->n_levels++];
        *l = (knob_level){query_column_int(&q, 1) != 0, query_column_real(&q, 0),
                          arena_string(a, query_column_text(&q, 0))};
        if (l->is_number) l->text = arena_printf(a, "%g", l->number);
    }
    qsort(k->level, (size_t)k->n_levels, sizeof *k->level, by_value);
    return query_end(&q);
}

static int find_level(const studied_knob *k, const knob_level *wanted)
{
    const knob_level *l = bsearch(wanted, k->level, (size_t)k->n_levels, sizeof *l, by_value);
    return l ? (int)(l - k->level) : -1;
}

static status read_row(store *s, int64_t trial, const ablation *d, int *level, err *e)
{
    query q =
        db_query(&s->d,
                 "SELECT k.position, typeof(v.value) <> 'text', v.value FROM knobs k JOIN"
                 " trial_knobs v ON v.knob = k.name AND v.trial_id = :trial AND v.value IS NOT"
                 " NULL WHERE k.space_id = " DB_LAST_SPACE,
                 e);
    query_int(&q, ":trial", trial);
    for (int k = 0; k < d->n_knobs; k++) level[k] = -1;
    while (query_row(&q)) {
        int k = (int)query_column_int(&q, 0);
        knob_level wanted = {query_column_int(&q, 1) != 0, query_column_real(&q, 2),
                             query_column_text(&q, 2)};
        if (k >= 0 && k < d->n_knobs) level[k] = find_level(&d->knob[k], &wanted);
    }
    return query_end(&q);
}

static status read_knobs(store *s, ablation *d, arena *a, err *e)
{
    query q = db_query(
        &s->d, "SELECT name FROM knobs WHERE space_id = " DB_LAST_SPACE " ORDER BY position", e);
    for (int k = 0; k < d->n_knobs && query_row(&q); k++)
        d->knob[k].name = arena_string(a, query_column_text(&q, 0));
    TRY(query_end(&q));
    for (int k = 0; k < d->n_knobs; k++) TRY(read_levels(s, &d->knob[k], a, e));
    return OK;
}

status importance_read(struct store *s, const char *metric, arena *a, ablation *out, err *e)
{
    ablation *d = out;
    *d = (ablation){0};
    TRY(count_rows(s, metric, &d->n, &d->n_knobs, e));
    if (d->n == 0) return unknown_metric(s, metric, e);
    d->knob = ARENA_NEW(a, studied_knob, d->n_knobs + 1);
    d->level = ARENA_NEW(a, int, (size_t)d->n *(size_t)d->n_knobs + 1);
    d->figure = ARENA_NEW(a, double, d->n);
    d->on_front = ARENA_NEW(a, bool, d->n);
    int64_t *trial = ARENA_NEW(a, int64_t, d->n);
    if (!d->knob || !d->level || !d->figure || !d->on_front || !trial)
        return FAIL(e, ERR_MEM, "no memory for the ablation");
    TRY(read_figures(s, metric, d, trial, e));
    TRY(read_knobs(s, d, a, e));
    for (int i = 0; i < d->n; i++) TRY(read_row(s, trial[i], d, &d->level[i * d->n_knobs], e));
    return OK;
}

/* --- shown --- */

enum { C_KNOB, C_SHARE, C_FROM, C_TO, C_PAIRS, C_DIFFERENCE, C_LOW, C_HIGH, N_COLUMNS };

static status put_step(table *t, const ablation *d, int knob, double share, const knob_step *s,
                       err *e)
{
    cell *c = table_row(t);
    if (!c) return FAIL(e, ERR_MEM, "no memory for the ablation");
    const studied_knob *k = &d->knob[knob];
    c[C_KNOB] = cell_text(k->name);
    c[C_SHARE] = cell_shown(100 * share, arena_printf(t->a, "%.1f", 100 * share));
    c[C_PAIRS] = cell_number(s ? s->n : 0);
    if (!s) return OK;
    c[C_FROM] = cell_text(k->level[s->from].text);
    c[C_TO] = cell_text(k->level[s->to].text);
    c[C_DIFFERENCE] = cell_shown(s->difference, arena_printf(t->a, "%+.4g", s->difference));
    if (s->n < 2) return OK;
    c[C_LOW] = cell_shown(s->low, arena_printf(t->a, "%+.4g", s->low));
    c[C_HIGH] = cell_shown(s->high, arena_printf(t->a, "%+.4g", s->high));
    return OK;
}

status importance_table(const ablation *d, bool front_only, arena *a, table *out, double *explained,
                        err *e)
{
    static const char *const names[N_COLUMNS] = {"knob",  "share_percent", "from", "to",
                                                 "pairs", "difference",    "low",  "high"};
    knob_step *step;
    int n, at = 0;
    double *share = ARENA_NEW(a, double, d->n_knobs + 1);
    if (!share) return FAIL(e, ERR_MEM, "no memory for the ablation");
    TRY(importance_shares(d, share, explained, a, e));
    TRY(importance_steps(d, front_only, a, &step, &n, e));
    TRY(table_init(out, a, N_COLUMNS, e));
    for (int i = 0; i < N_COLUMNS; i++) table_column(out, i, names[i], NULL);
    for (int k = 0; k < d->n_knobs; k++) {
        if (at == n || step[at].knob != k) TRY(put_step(out, d, k, share[k], NULL, e));
        for (; at < n && step[at].knob == k; at++) TRY(put_step(out, d, k, share[k], &step[at], e));
    }
    return OK;
}
