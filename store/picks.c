#include "store/picks.h"
#include "engine/base/buf.h"
#include "store/handle.h"
#include "store/pick_measure.h"
#include "store/picks_chance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double pick_excess(limit_op op, double bound, double value)
{
    double over = op == LIMIT_GT || op == LIMIT_GE ? bound - value : value - bound;
    double scale = fabs(bound);
    return over / (scale > 0 ? scale : 1);
}

static double excess(const pick_limit *l, double value)
{
    return pick_excess(l->op, l->bound, value);
}

/* --- choice --- */

/* The metrics that limits and rules name, each once, and `size`. */
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

static status list_figures(const picks_question *ask, const pick_measure *measure, arena *a,
                           figures *f, err *e)
{
    size_t most = 1;
    for (int i = 0; i < ask->n_versions; i++)
        most += (size_t)ask->version[i].n_limits + (size_t)measure[i].n;
    *f = (figures){.name = ARENA_NEW(a, const char *, most)};
    if (!f->name) return FAIL(e, ERR_MEM, "no memory for picks");
    f->size = figure_index(f, "size");
    for (int i = 0; i < ask->n_versions; i++) {
        for (int j = 0; j < ask->version[i].n_limits; j++)
            figure_index(f, ask->version[i].limit[j].metric);
        for (int j = 0; j < measure[i].n; j++) figure_index(f, measure[i].metric[j]);
    }
    return OK;
}

typedef struct {
    bool complete, feasible, replicated; /* replicated: only asked for with a confidence */
    double worst, size; /* worst: excess; of feasible trials what the rule makes of them */
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

/* What is chosen from, for one version. */
typedef struct {
    figures *f;
    const store_points *points;
    const pick_seeds *seeds; /* NULL: point figures decide */
    const bool *in;          /* trials that may be chosen; NULL: all */
} field;

static const double *row_of(const double *value, const store_points *points, int t)
{
    return value + (size_t)t * (size_t)points->n_metrics;
}

static void judge_trials(pick *p, const field *f, const int *column, score *s)
{
    for (int t = 0; t < f->points->n; t++) {
        if (f->in && !f->in[t]) continue;
        s[t] = judge(p, column, row_of(f->points->value, f->points, t), f->f->size);
        if (!s[t].complete) continue;
        if (f->seeds) {
            s[t].worst = judge(p, column, row_of(f->seeds->mean, f->points, t), f->f->size).worst;
            s[t].replicated = f->seeds->n[t] >= VERDICT_FEWEST;
        }
        p->n_feasible += s[t].feasible;
    }
}

/* Puts the rule's view of feasible trials in the place of their room. */
static status weigh(const field *f, const pick_measure *m, score *s, arena *a, err *e)
{
    const int n = f->points->n;
    double *figure = ARENA_NEW(a, double, (size_t)n *(size_t)m->n + 1),
           *merit = ARENA_NEW(a, double, n + 1);
    bool *in = ARENA_NEW(a, bool, n + 1);
    if (!figure || !merit || !in) return FAIL(e, ERR_MEM, "no memory for picks");
    for (int t = 0; t < n; t++) {
        const double *row = row_of(f->seeds ? f->seeds->mean : f->points->value, f->points, t);
        in[t] = s[t].complete && s[t].feasible;
        for (int k = 0; k < m->n; k++) figure[t * m->n + k] = row[figure_index(f->f, m->metric[k])];
    }
    TRY(pick_merits(m, figure, in, n, merit, a, e));
    for (int t = 0; t < n; t++)
        if (in[t]) s[t].worst = isnan(merit[t]) ? (double)INFINITY : merit[t];
    return OK;
}

static status choose(pick *p, const field *f, const pick_measure *m, arena *a, err *e)
{
    int *column = ARENA_NEW(a, int, (size_t)p->n_limits + 1), chosen = -1;
    score *s = ARENA_NEW(a, score, f->points->n + 1);
    if (!column || !s) return FAIL(e, ERR_MEM, "no memory for picks");
    for (int i = 0; i < p->n_limits; i++) column[i] = figure_index(f->f, p->limit[i].metric);
    judge_trials(p, f, column, s);
    if (m->rule != PICK_MARGIN) TRY(weigh(f, m, s, a, e));
    for (int t = 0; t < f->points->n; t++)
        if (s[t].complete && (chosen < 0 || is_better(s[t], s[chosen]))) chosen = t;
    p->rule = pick_measure_text(m, a);
    if (!p->rule) return FAIL(e, ERR_MEM, "no memory for picks");
    if (chosen < 0) return OK;
    p->kind = s[chosen].feasible ? PICK_CHOSEN : PICK_CLOSEST;
    p->trial = f->points->trial[chosen];
    for (int i = 0; i < p->n_limits; i++)
        p->limit[i].value = row_of(f->points->value, f->points, chosen)[column[i]];
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

status pick_knobs(struct store *s, int64_t trial, arena *a, const char **out, err *e)
{
    db *d = &s->d;
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
    status st = query_end(&q);
    if (st == OK) st = put_seed(d, trial, &b, e);
    if (st == OK) st = buf_check(&b, e);
    *out = st == OK ? arena_copy(a, b.data ? b.data : "", b.len) : NULL;
    buf_free(&b);
    return st == OK && !*out ? FAIL(e, ERR_MEM, "no memory for picks") : st;
}

/* A figure that is missing is worse than any that is not. */
static double badness(const pick *p, int i)
{
    const pick_limit *l = &p->limit[i];
    double over = p->kind == PICK_CLOSEST ? -l->validation_margin : -l->margin;
    return isnan(over) ? (double)INFINITY : over;
}

static status report(pick *p, double asked, store *s, arena *a, err *e)
{
    p->met = p->kind == PICK_CHOSEN && (asked <= 0 || p->confidence >= asked);
    for (int i = 0; i < p->n_limits; i++) {
        TRY(read_reported(&s->d, p->trial, &p->limit[i], e));
        p->met &= p->limit[i].holds;
        if (p->binding < 0 || badness(p, i) > badness(p, p->binding)) p->binding = i;
    }
    TRY(read_model(&s->d, p->trial, a, &p->model, e));
    return pick_knobs(s, p->trial, a, &p->knobs, e);
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
                .rule = "",
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

/* in[points->n]: the points among the question's trials; NULL when these are all. */
static status mark_asked(const picks_question *ask, const pick_selection *among,
                         const store_points *points, arena *a, const bool **in, err *e)
{
    *in = NULL;
    if (!ask->trial) return OK;
    bool *mark = ARENA_NEW(a, bool, points->n + 1);
    if (!mark) return FAIL(e, ERR_MEM, "no memory for picks");
    for (int i = 0; i < points->n; i++) mark[i] = pick_selection_has(among, points->trial[i]);
    *in = mark;
    return OK;
}

static status find_measures(store *s, const store_space *space, const picks_question *ask, arena *a,
                            pick_measure **out, err *e)
{
    *out = ARENA_NEW(a, pick_measure, (size_t)ask->n_versions + 1);
    if (!*out) return FAIL(e, ERR_MEM, "no memory for picks");
    for (int i = 0; i < ask->n_versions; i++)
        TRY(pick_measure_find(s, space, &ask->version[i], ask->rule, a, &(*out)[i], e));
    return OK;
}

static status read_picks(store *s, picks_question ask, arena *a, picks *out, err *e)
{
    store_space space;
    figures f;
    store_points points;
    pick_seeds seeds;
    pick_measure *measure;
    pick_selection among;
    const bool *in;
    TRY(store_last_space(s, a, &space, e));
    *out = (picks){.own = ask.version || ask.trial || ask.rule != PICK_MARGIN};
    if (!ask.version) ask.version = space.version, ask.n_versions = space.n_versions;
    out->n = ask.n_versions;
    out->pick = ARENA_NEW(a, pick, (size_t)ask.n_versions + 1);
    if (!out->pick) return FAIL(e, ERR_MEM, "no memory for picks");
    TRY(find_measures(s, &space, &ask, a, &measure, e));
    TRY(list_figures(&ask, measure, a, &f, e));
    TRY(store_read_points(s, f.n, f.name, a, &points, e));
    TRY(read_asked(&s->d, &out->asked, e));
    TRY(pick_selection_make(ask.trial, ask.n, a, &among, e));
    if (ask.is_all_known) pick_selection_keep(&among, &points);
    TRY(pick_seeds_find(s, &points, a, &seeds, e));
    TRY(mark_asked(&ask, &among, &points, a, &in, e));
    const field from = {&f, &points, out->asked > 0 ? &seeds : NULL, in};
    for (int i = 0; i < out->n; i++) {
        pick *p = &out->pick[i];
        TRY(describe(&space, &ask.version[i], a, p, e));
        TRY(choose(p, &from, &measure[i], a, e));
        if (p->kind == PICK_CHOSEN) TRY(pick_judge(s, ask.is_all_known ? &among : NULL, p, a, e));
        if (p->kind != PICK_NONE) TRY(report(p, out->asked, s, a, e));
    }
    return OK;
}

/* All from one state of the file. */
status picks_ask(struct store *s, const picks_question *q, arena *a, picks *out, err *e)
{
    bool own = sqlite3_get_autocommit(s->d.handle) != 0;
    if (own) TRY(db_run(&s->d, "BEGIN", e));
    status st = read_picks(s, *q, a, out, e);
    if (own) db_rollback(&s->d);
    return st;
}

status picks_read(struct store *s, arena *a, picks *out, err *e)
{
    return picks_ask(s, &(picks_question){0}, a, out, e);
}

status picks_among(struct store *s, const int64_t *trial, int n, arena *a, picks *out, err *e)
{
    static const int64_t nobody = 0;
    const picks_question q = {.trial = n > 0 ? trial : &nobody, .n = n, .is_all_known = true};
    return picks_ask(s, &q, a, out, e);
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
