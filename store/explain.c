/* Reading, the head of the answer and its end; size, time and errors are in explain_*.c. */
#include "store/explain.h"
#include "store/ask.h"
#include "store/handle.h"

#include <math.h>
#include <string.h>

/* --- reading --- */

static status read_head(explained *x, err *e)
{
    query q = db_query(&x->s->d,
                       "SELECT b.candidate, t.state, t.seed, t.on_front,"
                       " coalesce(t.stopped_at, -1), t.stop_chance FROM space_trials b JOIN"
                       " trials t ON t.id = b.trial_id WHERE b.trial_id = :trial AND b.space_id ="
                       " " DB_LAST_SPACE,
                       e);
    query_int(&q, ":trial", x->trial);
    if (query_row(&q)) {
        x->candidate = query_column_int(&q, 0);
        x->state = arena_string(x->a, query_column_text(&q, 1));
        x->seed = query_column_int(&q, 2);
        x->on_front = query_column_int(&q, 3) != 0;
        x->stopped_at = (int)query_column_int(&q, 4);
        x->stop_chance = query_column_real(&q, 5);
    }
    TRY(query_end(&q));
    if (!x->state) return FAIL(e, ERR_MEM, "no memory for a trial");
    return pick_knobs(x->s, x->trial, x->a, &x->knobs, e);
}

static status count(explained *x, const char *sql, int *n, err *e)
{
    query q = db_query_once(&x->s->d, sql, e);
    query_int(&q, ":trial", x->trial);
    *n = query_row(&q) ? (int)query_column_int(&q, 0) : 0;
    return query_end(&q);
}

static status read_figures(explained *x, err *e)
{
    int n;
    TRY(count(x, "SELECT count(*) FROM trial_metrics WHERE trial_id = :trial", &n, e));
    x->figure = ARENA_NEW(x->a, explained_figure, n + 1);
    if (!x->figure) return FAIL(e, ERR_MEM, "no memory for a trial");
    query q = db_query(&x->s->d,
                       "SELECT v.metric, v.value FROM trial_metrics v JOIN metrics m ON m.name ="
                       " v.metric WHERE v.trial_id = :trial ORDER BY m.id",
                       e);
    query_int(&q, ":trial", x->trial);
    while (x->n_figures < n && query_row(&q))
        x->figure[x->n_figures++] = (explained_figure){arena_string(x->a, query_column_text(&q, 0)),
                                                       query_column_real(&q, 1)};
    return query_end(&q);
}

static status read_json(explained *x, const char *text, node **out, err *e)
{
    *out = NULL;
    if (!*text || strcmp(text, "{}") == 0) return OK;
    return node_read_json(x->a, text, strlen(text), out, e);
}

/* Parameters are read of the stages whose tables need them: those of data hold long lists. */
static status take_stage(explained *x, query *q, explained_stage *g)
{
    *g = (explained_stage){.kind = arena_string(x->a, query_column_text(q, 0)),
                           .key = arena_string(x->a, query_column_text(q, 1)),
                           .version = (int)query_column_int(q, 2),
                           .state = arena_string(x->a, query_column_text(q, 3)),
                           .run = query_column_int(q, 4),
                           .cpu_seconds = query_column_real(q, 5),
                           .wall_seconds = query_column_real(q, 6),
                           .bytes = query_column_real(q, 7),
                           .ended = arena_string(x->a, query_column_text(q, 8)),
                           .error = arena_string(x->a, query_column_text(q, 9))};
    if (!g->kind || !g->key || !g->state || !g->ended || !g->error)
        return FAIL(q->e, ERR_MEM, "no memory for a trial");
    bool is_data = strcmp(g->kind, "data") == 0;
    if (!is_data) TRY(read_json(x, query_column_text(q, 10), &g->params, q->e));
    return is_data ? OK : read_json(x, query_column_text(q, 11), &g->detail, q->e);
}

static status read_stages(explained *x, err *e)
{
    int n;
    TRY(count(x, "SELECT count(*) FROM trial_stages WHERE trial_id = :trial", &n, e));
    x->stage = ARENA_NEW(x->a, explained_stage, n + 1);
    if (!x->stage) return FAIL(e, ERR_MEM, "no memory for a trial");
    query q = db_query(&x->s->d,
                       "SELECT g.kind, g.key, g.version, g.state, coalesce(g.run_id, 0),"
                       " g.cpu_seconds, g.wall_seconds, g.artifact_bytes, coalesce(g.ended_at, ''),"
                       " coalesce(g.error_text, ''), g.params, coalesce(g.detail, '')"
                       " FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
                       " WHERE c.trial_id = :trial ORDER BY c.position",
                       e);
    query_int(&q, ":trial", x->trial);
    while (x->n_stages < n && q.s == OK && query_row(&q))
        q.s = take_stage(x, &q, &x->stage[x->n_stages++]);
    return query_end(&q);
}

status explain_read_head(store *s, const store_space *space, int64_t trial, arena *a,
                         explained *out, err *e)
{
    *out = (explained){.s = s, .a = a, .space = space, .trial = trial};
    TRY(read_head(out, e));
    return read_figures(out, e);
}

status explain_read(store *s, const store_space *space, int64_t trial, arena *a, explained *out,
                    err *e)
{
    TRY(explain_read_head(s, space, trial, a, out, e));
    return read_stages(out, e);
}

double explain_figure(const explained *x, const char *metric)
{
    for (int i = 0; i < x->n_figures; i++)
        if (strcmp(x->figure[i].name, metric) == 0) return x->figure[i].value;
    return (double)NAN;
}

double explain_number(const node *map, const char *key)
{
    const node *n = node_get(map, key);
    return n && n->kind == NODE_NUMBER ? n->number : (double)NAN;
}

const explained_stage *explain_stage(const explained *x, const char *kind)
{
    for (int i = x->n_stages - 1; i >= 0; i--)
        if (strcmp(x->stage[i].kind, kind) == 0) return &x->stage[i];
    return NULL;
}

/* --- versions --- */

double explain_margin(const explained *x, const store_version *v, int *limit)
{
    double least = (double)INFINITY;
    int at = -1;
    for (int i = 0; i < v->n_limits; i++) {
        const store_limit *l = &v->limit[i];
        double room = -pick_excess(l->op, l->bound, explain_figure(x, l->metric));
        if (!(room >= least)) least = room, at = i;
        if (isnan(room)) break;
    }
    if (limit) *limit = at;
    return least;
}

/* The same of reported figures: test figures, or exact ones. */
static double reported_margin(const explained *x, const store_version *v)
{
    double least = (double)INFINITY;
    for (int i = 0; i < v->n_limits; i++) {
        const store_limit *l = &v->limit[i];
        char twin[160];
        snprintf(twin, sizeof twin, "%s_test", l->metric);
        const char *metric = ask_find_metric(x->space, twin) ? twin : l->metric;
        double room = -pick_excess(l->op, l->bound, explain_figure(x, metric));
        if (isnan(room)) return room;
        least = fmin(least, room);
    }
    return least;
}

static bool keeps(const explained *x, const store_version *v)
{
    for (int i = 0; i < v->n_limits; i++)
        if (!limit_holds(v->limit[i].op, explain_figure(x, v->limit[i].metric), v->limit[i].bound))
            return false;
    return true;
}

static void tell_version(const explained *x, const store_version *v, answer *w)
{
    int at;
    double margin = explain_margin(x, v, &at);
    if (at < 0 || isnan(margin)) return;
    const store_limit *l = &v->limit[at];
    if (keeps(x, v))
        answer_say(w,
                   "It keeps the limits of %s on validation figures, with %.1f %% of room (%s %s).",
                   v->name, 100 * margin, l->metric, l->text);
    else
        answer_say(w, "It misses %s by %.1f %% (%s %s).", v->name, -100 * margin, l->metric,
                   l->text);
}

static status put_versions(const explained *x, answer *w, err *e)
{
    static const char *const names[] = {"version", "keeps", "margin", "limit", "test_margin"};
    table *t;
    TRY(answer_add(w, "versions", NULL, ANSWER_PROGRAMS, 5, &t, e));
    for (int k = 0; k < 5; k++) table_column(t, k, names[k], NULL);
    for (int i = 0; i < x->space->n_versions; i++) {
        const store_version *v = &x->space->version[i];
        int at;
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        double margin = explain_margin(x, v, &at);
        r[0] = cell_text(v->name);
        r[1] = cell_number(keeps(x, v));
        tell_version(x, v, w);
        if (at < 0) continue;
        r[2] = answer_percent(margin, w->a);
        r[3] = cell_text(v->limit[at].metric);
        r[4] = answer_percent(reported_margin(x, v), w->a);
    }
    return OK;
}

/* --- the head --- */

/* A finished one is told of because it was finished to check the rule. */
static void tell_stop(const explained *x, answer *w)
{
    const bool is_done = strcmp(x->state, "done") == 0;
    const double least = 0.1, percent = 100 * x->stop_chance; /* nothing is impossible */
    const char *chance = isnan(percent)
                             ? ""
                             : arena_printf(w->a, ", at a chance of %s%.1f %% to be worth having",
                                            percent < least ? "under " : "", fmax(percent, least));
    if (x->stopped_at > 0)
        answer_say(w, "The stop rule %s it after %d epochs%s.",
                   is_done ? "would have ended" : "ended", x->stopped_at, chance);
    else if (is_done)
        answer_say(w, "The stop rule would not have begun it%s.", chance);
    else
        answer_say(w, "It was not begun: the stop rule ended it before the first epoch%s.", chance);
}

static void tell_state(const explained *x, answer *w)
{
    answer_say(w, "Trial %lld, configuration %lld with seed %lld: %s%s.", (long long)x->trial,
               (long long)x->candidate, x->seed, x->state, x->on_front ? ", on the front" : "");
    answer_note(w, x->knobs);
    if (x->stopped_at >= 0) tell_stop(x, w);
    for (int i = 0; i < x->n_stages; i++)
        if (x->stage[i].error[0])
            answer_say(w, "Its %s stage failed: %s", x->stage[i].kind, x->stage[i].error);
}

static status put_trial(const explained *x, answer *w, err *e)
{
    static const char *const names[] = {"trial", "configuration", "seed",
                                        "state", "on_front",      "knobs"};
    table *t;
    TRY(answer_add(w, "trial", NULL, ANSWER_PROGRAMS, 6, &t, e));
    for (int k = 0; k < 6; k++) table_column(t, k, names[k], NULL);
    cell *r = table_row(t);
    if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
    r[0] = cell_number((double)x->trial);
    r[1] = cell_number((double)x->candidate);
    r[2] = cell_number((double)x->seed);
    r[3] = cell_text(x->state);
    r[4] = cell_number(x->on_front);
    r[5] = cell_text(x->knobs);
    return OK;
}

static status put_figures(const explained *x, answer *w, err *e)
{
    table *t;
    TRY(answer_add(w, "figures", NULL, ANSWER_PROGRAMS, 3, &t, e));
    table_column(t, 0, "metric", NULL);
    table_column(t, 1, "value", NULL);
    table_column(t, 2, "unit", NULL);
    for (int i = 0; i < x->n_figures; i++) {
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(x->figure[i].name);
        r[1] = cell_number(x->figure[i].value);
        r[2] = cell_text(ask_unit(x->space, x->figure[i].name));
    }
    return OK;
}

status explain_trial(const explained *x, answer *w, err *e)
{
    tell_state(x, w);
    TRY(put_trial(x, w, e));
    TRY(put_figures(x, w, e));
    return put_versions(x, w, e);
}

/* --- where it comes from --- */

static void fill_stage(const explained *x, int i, cell *r, arena *a)
{
    const explained_stage *g = &x->stage[i];
    r[0] = cell_number(i);
    r[1] = cell_text(g->kind);
    r[2] = cell_number(g->version);
    r[3] = cell_text(g->key);
    r[4] = cell_text(g->state);
    r[5] = isnan(g->cpu_seconds)
               ? (cell){.kind = CELL_NONE}
               : cell_shown(g->cpu_seconds, arena_printf(a, "%.3f", g->cpu_seconds));
    r[6] = isnan(g->wall_seconds)
               ? (cell){.kind = CELL_NONE}
               : cell_shown(g->wall_seconds, arena_printf(a, "%.3f", g->wall_seconds));
    r[7] = answer_quantity(g->bytes, "B", a);
    if (g->run) r[8] = cell_number((double)g->run);
    r[9] = cell_text(g->ended);
}

static status put_stages(const explained *x, answer *w, err *e)
{
    static const char *const names[] = {"position", "stage",       "version",      "key",
                                        "state",    "cpu_seconds", "wall_seconds", "artifact_bytes",
                                        "run",      "ended_at"};
    static const int for_eyes[] = {1, 2, 3, 5, 7, 8, 9};
    enum { N = sizeof names / sizeof *names, N_EYES = sizeof for_eyes / sizeof *for_eyes };
    table *full, *eyes;
    TRY(answer_add(w, "stages", NULL, ANSWER_PROGRAMS, N, &full, e));
    TRY(answer_add(w, "stages", "What built it:", ANSWER_PEOPLE, N_EYES, &eyes, e));
    for (int k = 0; k < N; k++) table_column(full, k, names[k], NULL);
    for (int k = 0; k < N_EYES; k++) table_column(eyes, k, names[for_eyes[k]], NULL);
    table_column(eyes, 4, "artifact", NULL);
    for (int i = 0; i < x->n_stages; i++) {
        cell *r = table_row(full), *p = table_row(eyes);
        if (!r || !p) return FAIL(e, ERR_MEM, "no memory for an answer");
        fill_stage(x, i, r, w->a);
        for (int k = 0; k < N_EYES; k++) p[k] = r[for_eyes[k]];
        p[2] = cell_text(arena_printf(w->a, "%.8s", x->stage[i].key));
    }
    return OK;
}

/* The runs that its stages were built in, and what made their numbers. */
static const char runs_sql[] =
    "SELECT r.id, r.started_at, r.version, r.compiler, r.cpu, r.kernels, r.blas, r.system"
    " FROM runs r WHERE r.id IN (SELECT g.run_id FROM trial_stages c JOIN stages g ON g.id ="
    " c.stage_id WHERE c.trial_id = :trial) ORDER BY r.id";

static status put_runs(const explained *x, answer *w, err *e)
{
    static const char *const names[] = {"run", "started_at", "version", "compiler",
                                        "cpu", "kernels",    "blas",    "system"};
    table *t;
    TRY(answer_add(w, "runs", NULL, ANSWER_PROGRAMS, 8, &t, e));
    for (int k = 0; k < 8; k++) table_column(t, k, names[k], NULL);
    query q = db_query(&x->s->d, runs_sql, e);
    query_int(&q, ":trial", x->trial);
    while (query_row(&q)) {
        cell *r = table_row(t);
        if (!r) break;
        r[0] = cell_number((double)query_column_int(&q, 0));
        for (int k = 1; k < 8; k++) r[k] = cell_text(arena_string(w->a, query_column_text(&q, k)));
        answer_say(w, "Run %.0f, from %s: paretune %s, %s, %s kernels, %s.", r[0].number, r[1].text,
                   r[2].text, r[4].text, r[5].text, r[7].text);
    }
    return query_end(&q);
}

status explain_stages(const explained *x, answer *w, err *e)
{
    TRY(put_stages(x, w, e));
    return put_runs(x, w, e);
}
