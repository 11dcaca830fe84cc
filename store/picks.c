#include "store/picks.h"
#include "engine/base/buf.h"
#include "store/handle.h"
#include "store/picks_chance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How far a figure is over a limit, as a part of the bound; negative: room. */
static double excess(const pick_limit *l, double value)
{
    double over = l->op == LIMIT_GT || l->op == LIMIT_GE ? l->bound - value : value - l->bound;
    double scale = fabs(l->bound);
    return over / (scale > 0 ? scale : 1);
}

/* --- choice --- */

/* The metrics that some limit names, each once, and `size`. */
typedef struct {
    int n, size;
    const char **name;
} figures;

static int figure_index(figures *f, const char *metric)
{
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->name[i], metric) == 0) return i;
    f->name[f->n] = metric;
    return f->n++;
}

static status list_figures(const store_space *space, arena *a, figures *f, err *e)
{
    size_t most = 1;
    for (int i = 0; i < space->n_versions; i++) most += (size_t)space->version[i].n_limits;
    *f = (figures){.name = ARENA_NEW(a, const char *, most)};
    if (!f->name) return FAIL(e, ERR_MEM, "no memory for picks");
    f->size = figure_index(f, "size");
    for (int i = 0; i < space->n_versions; i++)
        for (int j = 0; j < space->version[i].n_limits; j++)
            figure_index(f, space->version[i].limit[j].metric);
    return OK;
}

typedef struct {
    bool complete, feasible, replicated; /* replicated: only asked for with a confidence */
    double worst, size;
} score;

static score judge(const pick *p, const int *column, const double *row, int size)
{
    score s = {.complete = true, .feasible = true, .worst = (double)-INFINITY, .size = row[size]};
    if (isnan(s.size)) s.size = (double)INFINITY;
    for (int i = 0; i < p->n_limits; i++) {
        double v = row[column[i]], over = excess(&p->limit[i], v);
        if (isnan(over)) return (score){.complete = false};
        s.feasible &= limit_holds(p->limit[i].op, v, p->limit[i].bound) != 0;
        if (over > s.worst) s.worst = over;
    }
    return s;
}

/* Trials come in the order of their ids, so the first of equals stays. */
static bool is_better(score s, score best)
{
    if (s.feasible != best.feasible) return s.feasible;
    if (s.replicated != best.replicated) return s.replicated;
    if (s.worst != best.worst) return s.worst < best.worst;
    return s.size < best.size;
}

static status choose(pick *p, figures *f, const store_points *points, const pick_seeds *seeds,
                     arena *a, err *e)
{
    int *column = ARENA_NEW(a, int, (size_t)p->n_limits + 1);
    if (!column) return FAIL(e, ERR_MEM, "no memory for picks");
    for (int i = 0; i < p->n_limits; i++) column[i] = figure_index(f, p->limit[i].metric);
    score best = {.complete = false};
    int chosen = -1;
    for (int t = 0; t < points->n; t++) {
        const size_t row = (size_t)t * (size_t)points->n_metrics;
        score s = judge(p, column, points->value + row, f->size);
        if (!s.complete) continue;
        if (seeds) {
            s.worst = judge(p, column, seeds->mean + row, f->size).worst;
            s.replicated = seeds->n[t] >= VERDICT_FEWEST;
        }
        p->n_feasible += s.feasible;
        if (chosen >= 0 && !is_better(s, best)) continue;
        best = s;
        chosen = t;
    }
    if (chosen < 0) return OK;
    p->kind = best.feasible ? PICK_CHOSEN : PICK_CLOSEST;
    p->trial = points->trial[chosen];
    for (int i = 0; i < p->n_limits; i++)
        p->limit[i].value =
            points->value[(size_t)chosen * (size_t)points->n_metrics + (size_t)column[i]];
    return OK;
}

/* --- report --- */

/* The figure that is reported for a metric: its test twin's where the study has one. */
static status read_reported(db *d, int64_t trial, pick_limit *l, err *e)
{
    query q = db_query(d,
                       "SELECT (SELECT count(*) FROM metrics WHERE name = :metric || '_test'),"
                       " (SELECT value FROM trial_metrics WHERE trial_id = :trial"
                       "  AND metric = :metric || '_test')",
                       e);
    query_text(&q, ":metric", l->metric);
    query_int(&q, ":trial", trial);
    bool has_twin = query_row(&q) && query_column_int(&q, 0) > 0;
    double twin = has_twin ? query_column_real(&q, 1) : l->value;
    TRY(query_end(&q));
    l->exact = !has_twin;
    l->reported = twin;
    l->margin = -excess(l, twin);
    l->validation_margin = -excess(l, l->value);
    l->holds = limit_holds(l->op, twin, l->bound) != 0;
    return OK;
}

/* " seed=2" where seeds are what tells trials apart. */
static status put_seed(db *d, int64_t trial, buf *b, err *e)
{
    query q = db_query(d,
                       "SELECT (SELECT seed FROM trials WHERE id = :trial)"
                       " WHERE (SELECT min(t.seed) <> max(t.seed) FROM space_trials b"
                       "  JOIN trials t ON t.id = b.trial_id WHERE b.space_id ="
                       "  (SELECT space_id FROM runs ORDER BY id DESC LIMIT 1))",
                       e);
    query_int(&q, ":trial", trial);
    if (query_row(&q))
        buf_printf(b, "%sseed=%lld", b->len ? " " : "", (long long)query_column_int(&q, 0));
    return query_end(&q);
}

static status read_model(db *d, int64_t trial, arena *a, const char **out, err *e)
{
    query q = db_query(d, "SELECT model FROM trials_wide WHERE trial = :trial", e);
    query_int(&q, ":trial", trial);
    if (query_row(&q)) *out = arena_string(a, query_column_text(&q, 0));
    TRY(query_end(&q));
    return *out ? OK : FAIL(e, ERR_MEM, "no memory for picks");
}

static status read_knobs(db *d, int64_t trial, arena *a, const char **out, err *e)
{
    buf b = {0};
    query q = db_query(d,
                       "SELECT k.name, v.value, typeof(v.value) = 'text' FROM knobs k"
                       " JOIN trial_knobs v ON v.trial_id = :trial AND v.knob = k.name"
                       " WHERE k.space_id = " DB_LAST_SPACE " ORDER BY k.position",
                       e);
    query_int(&q, ":trial", trial);
    while (query_row(&q)) {
        buf_printf(&b, "%s%s=", b.len ? " " : "", query_column_text(&q, 0));
        if (query_column_int(&q, 2))
            buf_text(&b, query_column_text(&q, 1));
        else
            buf_number(&b, query_column_real(&q, 1));
    }
    status s = query_end(&q);
    if (s == OK) s = put_seed(d, trial, &b, e);
    if (s == OK) s = buf_check(&b, e);
    *out = s == OK ? arena_copy(a, b.data ? b.data : "", b.len) : NULL;
    buf_free(&b);
    return s == OK && !*out ? FAIL(e, ERR_MEM, "no memory for picks") : s;
}

/* A figure that is missing is worse than any that is not. */
static double badness(const pick *p, int i)
{
    const pick_limit *l = &p->limit[i];
    double over = p->kind == PICK_CLOSEST ? -l->validation_margin : -l->margin;
    return isnan(over) ? (double)INFINITY : over;
}

static status report(pick *p, double asked, db *d, arena *a, err *e)
{
    p->met = p->kind == PICK_CHOSEN && (asked <= 0 || p->confidence >= asked);
    for (int i = 0; i < p->n_limits; i++) {
        TRY(read_reported(d, p->trial, &p->limit[i], e));
        p->met &= p->limit[i].holds;
        if (p->binding < 0 || badness(p, i) > badness(p, p->binding)) p->binding = i;
    }
    TRY(read_model(d, p->trial, a, &p->model, e));
    return read_knobs(d, p->trial, a, &p->knobs, e);
}

static const char *unit_of(const store_space *space, const char *metric)
{
    for (int i = 0; i < space->n_metrics; i++)
        if (strcmp(space->metric[i].name, metric) == 0) return space->metric[i].unit;
    return "";
}

static status describe(const store_space *space, const store_version *v, arena *a, pick *p, err *e)
{
    const double none = (double)NAN;
    *p = (pick){.version = v->name,
                .title = v->title,
                .binding = -1,
                .knobs = "",
                .model = "",
                .confidence = none,
                .fresh = none,
                .file = none,
                .n_limits = v->n_limits,
                .limit = ARENA_NEW(a, pick_limit, (size_t)v->n_limits + 1)};
    if (!p->limit) return FAIL(e, ERR_MEM, "no memory for picks");
    for (int i = 0; i < v->n_limits; i++)
        p->limit[i] = (pick_limit){.metric = v->limit[i].metric,
                                   .unit = unit_of(space, v->limit[i].metric),
                                   .text = v->limit[i].text,
                                   .op = v->limit[i].op,
                                   .bound = v->limit[i].bound,
                                   .value = none,
                                   .reported = none,
                                   .margin = none,
                                   .validation_margin = none,
                                   .mean = none,
                                   .low = none,
                                   .high = none};
    return OK;
}

static status read_asked(db *d, double *out, err *e)
{
    query q = db_query(d, "SELECT coalesce(confidence, 0) FROM runs ORDER BY id DESC LIMIT 1", e);
    if (query_row(&q)) *out = query_column_real(&q, 0);
    return query_end(&q);
}

static status read_picks(store *s, const pick_selection *from, arena *a, picks *out, err *e)
{
    store_space space;
    figures f;
    store_points points;
    pick_seeds seeds;
    TRY(store_last_space(s, a, &space, e));
    *out = (picks){.n = space.n_versions, .pick = ARENA_NEW(a, pick, (size_t)space.n_versions + 1)};
    if (!out->pick) return FAIL(e, ERR_MEM, "no memory for picks");
    TRY(list_figures(&space, a, &f, e));
    TRY(store_read_points(s, f.n, f.name, a, &points, e));
    TRY(read_asked(&s->d, &out->asked, e));
    if (from) pick_selection_keep(from, &points);
    TRY(pick_seeds_find(s, &points, a, &seeds, e));
    for (int i = 0; i < out->n; i++) {
        TRY(describe(&space, &space.version[i], a, &out->pick[i], e));
        TRY(choose(&out->pick[i], &f, &points, out->asked > 0 ? &seeds : NULL, a, e));
        if (out->pick[i].kind == PICK_CHOSEN) TRY(pick_judge(s, from, &out->pick[i], a, e));
        if (out->pick[i].kind != PICK_NONE) TRY(report(&out->pick[i], out->asked, &s->d, a, e));
    }
    return OK;
}

/* All from one state of the file. */
static status read_picks_at_once(store *s, const pick_selection *from, arena *a, picks *out, err *e)
{
    bool own = sqlite3_get_autocommit(s->d.handle) != 0;
    if (own) TRY(db_run(&s->d, "BEGIN", e));
    status st = read_picks(s, from, a, out, e);
    if (own) db_rollback(&s->d);
    return st;
}

status picks_read(store *s, arena *a, picks *out, err *e)
{
    return read_picks_at_once(s, NULL, a, out, e);
}

status picks_among(store *s, const int64_t *trial, int n, arena *a, picks *out, err *e)
{
    pick_selection from;
    TRY(pick_selection_make(trial, n, a, &from, e));
    return read_picks_at_once(s, &from, a, out, e);
}

/* --- the tables behind the view --- */

static status put_verdict(db *d, const pick *p, err *e)
{
    static const char *const found[] = {"nothing", "closest miss", "pick"};
    query q = db_query(d,
                       "INSERT INTO verdicts (version, title, verdict, found, trial_id, feasible,"
                       " binding, confidence) VALUES (:version, :title, :verdict, :found, :trial,"
                       " :feasible, :binding, :confidence)",
                       e);
    query_text(&q, ":version", p->version);
    query_text(&q, ":title", p->title);
    query_text(&q, ":verdict", p->met ? "met" : "not met");
    query_text(&q, ":found", found[p->kind]);
    if (p->trial) query_int(&q, ":trial", p->trial);
    query_int(&q, ":feasible", p->n_feasible);
    query_real(&q, ":confidence", p->confidence);
    query_text(&q, ":binding", p->binding < 0 ? NULL : p->limit[p->binding].metric);
    return query_run(&q);
}

static status put_verdict_limit(db *d, const pick *p, int i, err *e)
{
    const pick_limit *l = &p->limit[i];
    query q = db_query(d,
                       "INSERT INTO verdict_limits (version, position, metric, text, bound, value,"
                       " reported, margin) VALUES (:version, :position, :metric, :text, :bound,"
                       " :value, :reported, :margin)",
                       e);
    query_text(&q, ":version", p->version);
    query_int(&q, ":position", i);
    query_text(&q, ":metric", l->metric);
    query_text(&q, ":text", l->text);
    query_real(&q, ":bound", l->bound);
    query_real(&q, ":value", l->value);
    query_real(&q, ":reported", l->reported);
    query_real(&q, ":margin", l->margin);
    return query_run(&q);
}

static status put_picks(store *s, arena *a, err *e)
{
    picks p;
    if (s->front.stale) TRY(front_load(&s->front, &s->d, s->space_id, e));
    TRY(picks_read(s, a, &p, e));
    TRY(db_run(&s->d, "DELETE FROM verdicts", e));
    for (int i = 0; i < p.n; i++) {
        TRY(put_verdict(&s->d, &p.pick[i], e));
        for (int j = 0; j < p.pick[i].n_limits; j++)
            TRY(put_verdict_limit(&s->d, &p.pick[i], j, e));
    }
    return OK;
}

status store_update_picks(store *s, err *e)
{
    arena a;
    if (!s->run_id) return FAIL(e, ERR_STATE, "picks need a run: call store_start_run first");
    TRY(put_begin(s, e));
    arena_init(&a, 0);
    status st = put_picks(s, &a, e);
    arena_free(&a);
    return put_end(s, st, e);
}
