#include "store/compare.h"
#include "engine/base/chance.h"
#include "store/ask.h"
#include "store/explain.h"
#include "store/handle.h"

#include <math.h>
#include <string.h>

typedef struct {
    store *s;
    arena *a;
    const store_space *space;
    int n;
    explained x[COMPARE_MOST];
} work;

static long long number_of(const work *c, int i)
{
    return (long long)c->x[i].trial;
}

/* --- rows --- */

/* A line of the comparison: a cell for each trial. */
typedef struct {
    const char *kind, *name, *unit;
    cell value[COMPARE_MOST];
    bool differs, is_ranked, maximize;
    bool best[COMPARE_MOST];
} line;

typedef struct {
    int n;
    line *at;
} lines;

static bool is_same(const cell *a, const cell *b)
{
    if (a->kind != b->kind) return false;
    if (a->kind == CELL_NUMBER)
        return a->number == b->number || (isnan(a->number) && isnan(b->number));
    return a->kind == CELL_NONE || strcmp(a->text, b->text) == 0;
}

static double figure_of(const cell *v)
{
    return v->kind == CELL_NUMBER ? v->number : (double)NAN;
}

/* Which trials are best, where a direction is known and they differ. */
static void close_line(line *l, int n)
{
    double best = (double)NAN;
    for (int i = 1; i < n; i++) l->differs |= !is_same(&l->value[i], &l->value[0]);
    if (!l->differs || !l->is_ranked) return;
    for (int i = 0; i < n; i++) {
        double v = figure_of(&l->value[i]);
        best = isnan(best) ? v : l->maximize ? fmax(best, v) : fmin(best, v);
    }
    for (int i = 0; i < n; i++) l->best[i] = figure_of(&l->value[i]) == best;
}

static status read_knob(const work *c, int i, const char *knob, cell *out, err *e)
{
    query q = db_query(&c->s->d,
                       "SELECT value, typeof(value) = 'text' FROM trial_knobs WHERE trial_id ="
                       " :trial AND knob = :knob AND value IS NOT NULL",
                       e);
    query_int(&q, ":trial", c->x[i].trial);
    query_text(&q, ":knob", knob);
    if (query_row(&q))
        *out = query_column_int(&q, 1) ? cell_text(arena_string(c->a, query_column_text(&q, 0)))
                                       : cell_number(query_column_real(&q, 0));
    return query_end(&q);
}

static status take_knobs(const work *c, lines *out, err *e)
{
    for (int k = 0; k < c->space->n_knobs; k++) {
        line *l = &out->at[out->n++];
        *l = (line){.kind = "knob", .name = c->space->knob[k], .unit = ""};
        for (int i = 0; i < c->n; i++) TRY(read_knob(c, i, l->name, &l->value[i], e));
        close_line(l, c->n);
    }
    line *seed = &out->at[out->n++];
    *seed = (line){.kind = "knob", .name = "seed", .unit = ""};
    for (int i = 0; i < c->n; i++) seed->value[i] = cell_number((double)c->x[i].seed);
    close_line(seed, c->n);
    return OK;
}

static void take_figures(const work *c, lines *out)
{
    for (int k = 0; k < c->space->n_metrics; k++) {
        const store_metric_info *m = &c->space->metric[k];
        line *l = &out->at[out->n];
        int known = 0;
        *l = (line){.kind = "figure",
                    .name = m->name,
                    .unit = m->unit,
                    .is_ranked = m->better != STORE_NEITHER,
                    .maximize = m->better == STORE_HIGHER};
        for (int i = 0; i < c->n; i++) {
            l->value[i] = answer_quantity(explain_figure(&c->x[i], m->name), m->unit, c->a);
            known += l->value[i].kind == CELL_NUMBER;
        }
        if (known == 0) continue;
        close_line(l, c->n);
        out->n++;
    }
}

static void take_versions(const work *c, lines *out)
{
    for (int k = 0; k < c->space->n_versions; k++) {
        const store_version *v = &c->space->version[k];
        if (v->n_limits == 0) continue;
        line *l = &out->at[out->n++];
        *l = (line){
            .kind = "version", .name = v->name, .unit = "", .is_ranked = true, .maximize = true};
        for (int i = 0; i < c->n; i++)
            l->value[i] = answer_percent(explain_margin(&c->x[i], v, NULL), c->a);
        close_line(l, c->n);
    }
}

static status put_rows(const work *c, const lines *all, answer *w, err *e)
{
    static const char *const names[] = {"kind",  "name",    "unit", "trial",
                                        "value", "differs", "best"};
    table *t;
    TRY(answer_add(w, "rows", NULL, ANSWER_PROGRAMS, 7, &t, e));
    for (int k = 0; k < 7; k++) table_column(t, k, names[k], NULL);
    for (int k = 0; k < all->n * c->n; k++) {
        const line *l = &all->at[k / c->n];
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(l->kind);
        r[1] = cell_text(l->name);
        r[2] = cell_text(l->unit);
        r[3] = cell_number((double)number_of(c, k % c->n));
        r[4] = l->value[k % c->n];
        r[5] = cell_number(l->differs);
        r[6] = cell_number(l->best[k % c->n]);
    }
    return OK;
}

/* "38" or "38 5": the trials with the best figure. */
static const char *best_text(const work *c, const line *l)
{
    const char *text = "";
    for (int i = 0; i < c->n; i++)
        if (l->best[i])
            text = arena_printf(c->a, "%s%s%lld", text ? text : "", text && *text ? " " : "",
                                number_of(c, i));
    return text ? text : "";
}

static const char *label_of(const work *c, const line *l)
{
    return strcmp(l->kind, "version") == 0 ? arena_printf(c->a, "room in %s", l->name) : l->name;
}

/* What is equal in all is named below it, not shown. */
static status show_rows(const work *c, const lines *all, answer *w, err *e)
{
    table *t;
    const bool is_pair = c->n == 2;
    TRY(answer_add(w, "rows", NULL, ANSWER_PEOPLE, c->n + 2 + is_pair, &t, e));
    table_column(t, 0, "", NULL);
    for (int i = 0; i < c->n; i++)
        table_column(t, i + 1, arena_printf(w->a, "trial %lld", number_of(c, i)), NULL);
    if (is_pair) table_column(t, 3, "difference", NULL);
    table_column(t, c->n + 1 + is_pair, "best", NULL);
    for (int k = 0; k < all->n; k++) {
        const line *l = &all->at[k];
        if (!l->differs) continue;
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(label_of(c, l));
        for (int i = 0; i < c->n; i++) r[i + 1] = l->value[i];
        r[c->n + 1 + is_pair] = cell_text(best_text(c, l));
        double gap = figure_of(&l->value[1]) - figure_of(&l->value[0]);
        if (is_pair && strcmp(l->kind, "figure") == 0 && !isnan(gap))
            r[3] = cell_shown(gap, arena_printf(w->a, "%s%s", gap > 0 ? "+" : "",
                                                answer_figure(gap, l->unit, w->a)));
    }
    return OK;
}

static const char *value_text(const cell *v, arena *a)
{
    if (v->kind == CELL_TEXT) return v->text;
    return v->kind == CELL_NUMBER ? arena_printf(a, "%g", v->number) : "-";
}

static void tell_common(const work *c, const lines *all, answer *w)
{
    const char *text = "";
    for (int k = 0; text && k < all->n; k++) {
        const line *l = &all->at[k];
        if (l->differs || strcmp(l->kind, "knob") != 0 || l->value[0].kind == CELL_NONE) continue;
        text = arena_printf(c->a, "%s%s%s=%s", text, *text ? " " : "", l->name,
                            value_text(&l->value[0], c->a));
    }
    if (!text || !*text) return;
    answer_say(w, "In all of them:");
    answer_note(w, text);
}

/* --- dominance --- */

/* Objectives in which i is better than j, as a list; NULL when one is missing. */
static const char *better_in(const work *c, int i, int j, int *n)
{
    const char *text = "";
    *n = 0;
    for (int k = 0; text && k < c->space->n_objectives; k++) {
        const store_objective *o = &c->space->objective[k];
        double a = explain_figure(&c->x[i], o->metric), b = explain_figure(&c->x[j], o->metric);
        if (isnan(a) || isnan(b)) return NULL;
        if (o->maximize ? a > b : a < b)
            text = arena_printf(c->a, "%s%s%s", text, (*n)++ ? ", " : "", o->metric);
    }
    return text;
}

static void tell_pair(const work *c, int i, int j, const char *mine, int n_mine, const char *theirs,
                      int n_theirs, answer *w)
{
    if (n_mine && n_theirs)
        answer_say(w, "Neither dominates: trial %lld is better in %s, trial %lld in %s.",
                   number_of(c, i), mine, number_of(c, j), theirs);
    else if (n_mine || n_theirs)
        answer_say(w, "Trial %lld dominates trial %lld: it is better in %s and no worse elsewhere.",
                   number_of(c, n_mine ? i : j), number_of(c, n_mine ? j : i),
                   n_mine ? mine : theirs);
    else
        answer_say(w, "Trials %lld and %lld are equal in all objectives.", number_of(c, i),
                   number_of(c, j));
}

static status put_dominance(const work *c, answer *w, err *e)
{
    static const char *const names[] = {"trial", "other", "relation", "better_in", "worse_in"};
    table *t;
    TRY(answer_add(w, "dominance", NULL, ANSWER_PROGRAMS, 5, &t, e));
    for (int k = 0; k < 5; k++) table_column(t, k, names[k], NULL);
    for (int i = 0; i < c->n; i++)
        for (int j = i + 1; j < c->n; j++) {
            int n_mine, n_theirs;
            const char *mine = better_in(c, i, j, &n_mine), *theirs = better_in(c, j, i, &n_theirs);
            if (!mine || !theirs || c->space->n_objectives == 0) continue;
            cell *r = table_row(t);
            if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
            r[0] = cell_number((double)number_of(c, i));
            r[1] = cell_number((double)number_of(c, j));
            r[2] = cell_text(n_mine && n_theirs ? "neither"
                             : n_mine           ? "dominates"
                             : n_theirs         ? "dominated"
                                                : "equal");
            r[3] = cell_text(mine);
            r[4] = cell_text(theirs);
            tell_pair(c, i, j, mine, n_mine, theirs, n_theirs, w);
        }
    return OK;
}

/* --- seeds --- */

static const char pairs_sql[] =
    "SELECT v.value - u.value FROM space_trials b JOIN trials t ON t.id = b.trial_id AND t.state ="
    " 'done' JOIN trial_metrics u ON u.trial_id = t.id AND u.metric = :metric"
    " JOIN space_trials bb ON bb.space_id = b.space_id AND bb.candidate = :other"
    " JOIN trials tt ON tt.id = bb.trial_id AND tt.state = 'done' AND tt.seed = t.seed"
    " JOIN trial_metrics v ON v.trial_id = tt.id AND v.metric = :metric"
    " WHERE b.space_id = " DB_LAST_SPACE " AND b.candidate = :first"
    " AND u.value IS NOT NULL AND v.value IS NOT NULL ORDER BY t.seed";

static status pair_seeds(const work *c, int other, const char *metric, verdict_sample *out, err *e)
{
    *out = (verdict_sample){0};
    query q = db_query(&c->s->d, pairs_sql, e);
    query_text(&q, ":metric", metric);
    query_int(&q, ":first", c->x[0].candidate);
    query_int(&q, ":other", c->x[other].candidate);
    while (query_row(&q)) verdict_add(out, query_column_real(&q, 0));
    return query_end(&q);
}

/* Objectives and limited figures, and their test twins: measured ones tell of luck, exact ones do not. */
static status list_measured(const work *c, const char ***out, int *n, err *e)
{
    *out = ARENA_NEW(c->a, const char *, 2 * c->space->n_metrics + 1);
    *n = 0;
    if (!*out) return FAIL(e, ERR_MEM, "no memory for an answer");
    for (int k = 0; k < c->space->n_metrics; k++) {
        const char *name = c->space->metric[k].name, *twin = arena_printf(c->a, "%s_test", name);
        bool wanted = false;
        for (int i = 0; i < c->space->n_objectives; i++)
            wanted |= strcmp(c->space->objective[i].metric, name) == 0;
        for (int i = 0; i < c->space->n_versions; i++)
            for (int j = 0; j < c->space->version[i].n_limits; j++)
                wanted |= strcmp(c->space->version[i].limit[j].metric, name) == 0;
        if (!wanted || !twin || !ask_find_metric(c->space, twin)) continue;
        (*out)[(*n)++] = name;
        (*out)[(*n)++] = twin;
    }
    return OK;
}

static status put_pair(const work *c, int other, const char *metric, const verdict_sample *s,
                       table *t, err *e)
{
    const char *unit = ask_unit(c->space, metric);
    double half = chance_t_quantile(0.975, s->n - 1) * sqrt(s->squares / (s->n - 1) / s->n);
    cell *r = table_row(t);
    if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
    r[0] = cell_text(metric);
    r[1] = cell_number((double)number_of(c, 0));
    r[2] = cell_number((double)number_of(c, other));
    r[3] = cell_number(s->n);
    r[4] = answer_quantity(s->mean, unit, c->a);
    r[5] = answer_quantity(s->mean - half, unit, c->a);
    r[6] = answer_quantity(s->mean + half, unit, c->a);
    return OK;
}

static status put_seeds(const work *c, answer *w, err *e)
{
    static const char *const names[] = {"metric",     "first", "other", "seeds",
                                        "difference", "low",   "high"};
    const char **metric;
    int n;
    table *t;
    TRY(list_measured(c, &metric, &n, e));
    TRY(answer_add(w, "seeds",
                   "Over common seeds, configuration against configuration (other - first, 95 % "
                   "interval):",
                   ANSWER_BOTH, 7, &t, e));
    for (int k = 0; k < 7; k++) table_column(t, k, names[k], NULL);
    for (int i = 1; i < c->n; i++) {
        if (c->x[i].candidate == c->x[0].candidate) continue;
        for (int k = 0; k < n; k++) {
            verdict_sample s;
            TRY(pair_seeds(c, i, metric[k], &s, e));
            if (s.n >= 2) TRY(put_pair(c, i, metric[k], &s, t, e));
        }
    }
    return OK;
}

status compare_trials(store *s, const store_space *space, const int64_t *trial, int n, answer *w,
                      err *e)
{
    work *c = ARENA_NEW(w->a, work, 1);
    lines all = {
        .at = ARENA_NEW(w->a, line, space->n_knobs + space->n_metrics + space->n_versions + 2)};
    if (!c || !all.at) return FAIL(e, ERR_MEM, "no memory for an answer");
    *c = (work){.s = s, .a = w->a, .space = space, .n = n};
    for (int i = 0; i < n; i++) TRY(explain_read_head(s, space, trial[i], w->a, &c->x[i], e));
    TRY(take_knobs(c, &all, e));
    take_figures(c, &all);
    take_versions(c, &all);
    TRY(put_rows(c, &all, w, e));
    TRY(show_rows(c, &all, w, e));
    tell_common(c, &all, w);
    TRY(put_dominance(c, w, e));
    return put_seeds(c, w, e);
}
