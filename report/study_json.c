#include "report/study_json.h"

#include "engine/base/file.h"
#include "engine/base/node.h"
#include "report/column_json.h"
#include "report/progress_volume.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MOST_CURVE_FIGURES = 250000,
    MOST_FILES = 300,
    MOST_NAMED_FILES = 2000, /* trials, beyond which their files' names are left out */
    MOST_FAILURES = 50
};

typedef struct {
    store *s;
    arena *a;
    buf *out;
    store_space space;
    picks picks;
    table all;     /* trials of the space in any state */
    table trials;  /* those that are over */
    table columns; /* of both: store_columns */
} work;

/* --- JSON --- */

static void put_key(buf *b, bool first, const char *key)
{
    if (!first) buf_char(b, ',');
    buf_json_string(b, key);
    buf_char(b, ':');
}

static void put_string(buf *b, bool first, const char *key, const char *value)
{
    put_key(b, first, key);
    buf_json_string(b, value ? value : "");
}

static void put_number(buf *b, const char *key, double v)
{
    put_key(b, false, key);
    buf_number(b, v);
}

static void put_flag(buf *b, const char *key, bool v)
{
    put_key(b, false, key);
    buf_text(b, v ? "true" : "false");
}

static void put_table(buf *b, const char *key, const table *t)
{
    put_key(b, false, key);
    buf_text(b, "{\"names\":[");
    for (int i = 0; i < t->n_columns; i++) {
        if (i) buf_char(b, ',');
        buf_json_string(b, t->name[i]);
    }
    buf_text(b, "],\"rows\":[");
    for (int r = 0; r < t->n_rows; r++) {
        buf_text(b, r ? ",\n[" : "\n[");
        for (int i = 0; i < t->n_columns; i++) {
            if (i) buf_char(b, ',');
            column_json_cell(b, &t->cells[r * t->n_columns + i]);
        }
        buf_char(b, ']');
    }
    buf_text(b, "]}");
}

/* --- space --- */

static void put_version(buf *b, const store_version *v)
{
    buf_char(b, '{');
    put_string(b, true, "name", v->name);
    put_string(b, false, "title", v->title);
    put_key(b, false, "limits");
    buf_char(b, '[');
    for (int i = 0; i < v->n_limits; i++) {
        buf_text(b, i ? ",{" : "{");
        put_string(b, true, "metric", v->limit[i].metric);
        put_string(b, false, "op", limit_op_text(v->limit[i].op));
        put_number(b, "bound", v->limit[i].bound);
        put_string(b, false, "text", v->limit[i].text);
        buf_char(b, '}');
    }
    buf_text(b, "]}");
}

static void put_space(work *w)
{
    buf *b = w->out;
    const store_space *s = &w->space;
    put_key(b, false, "space");
    buf_char(b, '{');
    put_string(b, true, "name", s->name);
    put_string(b, false, "title", s->title);
    put_string(b, false, "task", s->task);
    put_string(b, false, "path", s->path);
    put_string(b, false, "text", s->text);
    put_key(b, false, "objectives");
    buf_char(b, '[');
    for (int i = 0; i < s->n_objectives; i++) {
        buf_text(b, i ? ",{" : "{");
        put_string(b, true, "metric", s->objective[i].metric);
        put_flag(b, "maximize", s->objective[i].maximize);
        buf_char(b, '}');
    }
    buf_char(b, ']');
    put_key(b, false, "versions");
    buf_char(b, '[');
    for (int i = 0; i < s->n_versions; i++) {
        if (i) buf_char(b, ',');
        put_version(b, &s->version[i]);
    }
    buf_text(b, "]}");
}

/* --- picks --- */

static void put_pick_limit(buf *b, const pick_limit *l)
{
    buf_char(b, '{');
    put_string(b, true, "metric", l->metric);
    put_number(b, "value", l->value);
    put_number(b, "reported", l->reported);
    put_flag(b, "exact", l->exact);
    put_number(b, "validation_margin", l->validation_margin);
    put_number(b, "margin", l->margin);
    put_flag(b, "holds", l->holds);
    put_number(b, "mean", l->mean);
    put_number(b, "low", l->low);
    put_number(b, "high", l->high);
    buf_char(b, '}');
}

static void put_pick(work *w, const pick *p)
{
    static const char *const kinds[] = {"none", "closest", "chosen"};
    buf *b = w->out;
    buf_char(b, '{');
    put_string(b, true, "version", p->version);
    put_string(b, false, "kind", kinds[p->kind]);
    put_flag(b, "met", p->met);
    put_number(b, "trial", (double)p->trial);
    put_number(b, "feasible", p->n_feasible);
    put_number(b, "binding", p->binding);
    put_string(b, false, "verdict", pick_verdict(p, w->a));
    put_string(b, false, "knobs", p->knobs);
    put_string(b, false, "model", p->model);
    put_number(b, "seeds", p->n_seeds);
    put_number(b, "confidence", p->confidence);
    put_number(b, "fresh", p->fresh);
    put_number(b, "file", p->file);
    put_key(b, false, "limits");
    buf_char(b, '[');
    for (int i = 0; i < p->n_limits; i++) {
        if (i) buf_char(b, ',');
        put_pick_limit(b, &p->limit[i]);
    }
    buf_text(b, "]}");
}

static void put_picks(work *w)
{
    put_key(w->out, false, "picks");
    buf_text(w->out, "{\"asked\":");
    buf_number(w->out, w->picks.asked);
    buf_text(w->out, ",\"list\":[");
    for (int i = 0; i < w->picks.n; i++) {
        if (i) buf_text(w->out, ",\n");
        put_pick(w, &w->picks.pick[i]);
    }
    buf_text(w->out, "]}");
}

/* --- trials --- */

static int find_column(const table *t, const char *name)
{
    for (int i = 0; i < t->n_columns; i++)
        if (strcmp(t->name[i], name) == 0) return i;
    return -1;
}

static bool is_over(const cell *state)
{
    return state->kind == CELL_TEXT && strcmp(state->text, "ready") != 0 &&
           strcmp(state->text, "running") != 0;
}

static status read_trials(work *w, err *e)
{
    const store_query ask = {.columns = "all", .state = "all"};
    TRY(store_trials(w->s, &ask, w->a, &w->all, e));
    TRY(store_columns(w->s, w->a, &w->columns, e));
    if (w->columns.n_rows != w->all.n_columns)
        return FAIL(e, ERR_STATE, "the columns of trials changed while they were read");
    const size_t width = (size_t)w->all.n_columns;
    table *t = &w->trials;
    *t = w->all;
    t->n_rows = 0;
    t->cells = ARENA_NEW(w->a, cell, (size_t)w->all.n_rows * width + 1);
    if (!t->cells) return FAIL(e, ERR_MEM, "no memory for %d trials", w->all.n_rows);
    int state = find_column(t, "state");
    for (int r = 0; state >= 0 && r < w->all.n_rows; r++) {
        const cell *row = w->all.cells + (size_t)r * width;
        if (!is_over(&row[state])) continue;
        memcpy(t->cells + (size_t)t->n_rows++ * width, row, width * sizeof *row);
    }
    return OK;
}

static void describe_metric(buf *b, const store_metric_info *m)
{
    static const char *const better[] = {"lower", "higher", "neither"};
    put_string(b, false, "better", better[m->better]);
    put_string(b, false, "help", m->help);
}

/* What filters may compare a column of texts with. */
static void put_states(buf *b)
{
    buf_text(b, ",\"listed\":true,\"numbers\":false,\"words\":[");
    for (int k = STATE_READY; k <= STATE_TIMEOUT; k++) {
        if (k > STATE_READY) buf_char(b, ',');
        buf_json_string(b, store_state_name((store_state)k));
    }
    buf_char(b, ']');
}

static status describe_column(work *w, int i, err *e)
{
    const cell *row = &w->columns.cells[3 * i];
    char kind = row[1].text[0];
    bool known = kind == 'k' || kind == 'm';
    put_string(w->out, false, "kind", known ? row[1].text : "f");
    put_string(w->out, false, "source", known ? row[2].text : row[0].text);
    for (int k = 0; kind == 'm' && k < w->space.n_metrics; k++)
        if (strcmp(w->space.metric[k].name, row[2].text) == 0)
            describe_metric(w->out, &w->space.metric[k]);
    if (kind == 'f' && strcmp(row[0].text, "state") == 0) put_states(w->out);
    return kind == 'k' ? column_json_words(w->out, &w->all, i, w->a, e) : OK;
}

static status put_trials(work *w, err *e)
{
    buf *b = w->out;
    put_number(b, "trials", w->trials.n_rows);
    put_key(b, false, "columns");
    buf_char(b, '[');
    for (int i = 0; i < w->trials.n_columns; i++) {
        buf_text(b, i ? ",\n{" : "\n{");
        put_string(b, true, "name", w->trials.name[i]);
        put_string(b, false, "unit", w->trials.unit[i]);
        TRY(describe_column(w, i, e));
        put_key(b, false, "data");
        bool skip = w->trials.n_rows > MOST_NAMED_FILES && strcmp(w->trials.name[i], "model") == 0;
        if (skip)
            buf_text(b, "null");
        else
            TRY(column_json(b, &w->trials, i, w->a, e));
        buf_char(b, '}');
    }
    buf_char(b, ']');
    return OK;
}

/* An exact volume in two or three objectives takes milliseconds; in more it may take seconds. */
enum { MOST_STEPS = 400, MOST_STEPS_MANY = 40 };

static status put_growth(work *w, err *e)
{
    const progress_choice which = {
        .flat_too = true, .most = w->space.n_objectives <= 3 ? MOST_STEPS : MOST_STEPS_MANY};
    progress_volume g;
    buf *b = w->out;
    TRY(progress_volume_read(w->s, &w->space, which, w->a, &g, e));
    double *cpu = ARENA_NEW(w->a, double, g.n + 1), *share = ARENA_NEW(w->a, double, g.n + 1);
    if (!cpu || !share) return FAIL(e, ERR_MEM, "no memory for the front's growth");
    for (int i = 0; i < g.n; i++) {
        cpu[i] = g.step[i].cpu_seconds;
        share[i] = g.step[i].share;
    }
    put_key(b, false, "growth");
    buf_text(b, "{\"total\":");
    buf_number(b, g.cpu_seconds);
    buf_text(b, ",\"cpu\":");
    column_json_base64(b, cpu, g.n);
    buf_text(b, ",\"share\":");
    column_json_base64(b, share, g.n);
    buf_text(b, ",\"trial\":[");
    for (int i = 0; i < g.n; i++) buf_printf(b, "%s%lld", i ? "," : "", (long long)g.step[i].trial);
    buf_text(b, "]}");
    return OK;
}

/* --- learning curves --- */

/* A curve's row is [training loss, validation loss, learning rate] and, of classifiers, the share of right answers. */
enum { CURVE_KINDS = 3 };
static const struct {
    const char *name;
    int at;
    double scale;
} curve_kinds[CURVE_KINDS] = {{"val_accuracy", 3, 100}, {"val_loss", 1, 1}, {"train_loss", 0, 1}};

typedef struct {
    const cell *row; /* of store_all_curves */
    int n;           /* epochs */
    double offset;
    double *figure; /* n x CURVE_KINDS, NaN where unknown */
} curve;

/* The kinds that are shown, and of how many epochs one. */
typedef struct {
    bool kind[CURVE_KINDS];
    int step;
} thinning;

static void put_short(buf *b, double v)
{
    if (isfinite(v))
        buf_printf(b, "%.4g", v);
    else
        buf_text(b, "null");
}

static void put_curve_kind(buf *b, const curve *c, int kind, int step)
{
    buf_char(b, '[');
    for (int i = 0; i < c->n; i++) {
        bool last = i + 1 == c->n;
        if ((i + 1) % step != 0 && !last) continue;
        put_short(b, c->figure[i * CURVE_KINDS + kind]);
        if (!last) buf_char(b, ',');
    }
    buf_char(b, ']');
}

static void put_curve(buf *b, bool first, const curve *c, const thinning *how)
{
    char key[32];
    bool any = false;
    snprintf(key, sizeof key, "%.0f", c->row[0].number);
    put_key(b, first, key);
    buf_text(b, "{\"prune\":[");
    buf_number(b, c->row[1].kind == CELL_NUMBER ? c->row[1].number : (double)NAN);
    buf_char(b, ',');
    buf_number(b, c->row[2].kind == CELL_NUMBER ? c->row[2].number : (double)NAN);
    buf_text(b, "],\"offset\":");
    buf_number(b, c->offset);
    buf_printf(b, ",\"length\":%d,\"rows\":[", c->n);
    for (int k = 0; k < CURVE_KINDS; k++) {
        if (!how->kind[k]) continue;
        if (any) buf_char(b, ',');
        put_curve_kind(b, c, k, how->step);
        any = true;
    }
    buf_text(b, "]}");
}

static thinning choose_thinning(const curve *c, int n)
{
    thinning t = {.step = 1};
    size_t epochs = 0;
    bool has_accuracy = false;
    for (int i = 0; i < n; i++) {
        epochs += (size_t)c[i].n;
        has_accuracy |= c[i].n > 0 && isfinite(c[i].figure[0]);
    }
    t.kind[0] = has_accuracy;
    t.kind[1] = !has_accuracy || 3 * epochs <= MOST_CURVE_FIGURES;
    t.kind[2] = 3 * epochs <= MOST_CURVE_FIGURES;
    while (epochs / (size_t)t.step > MOST_CURVE_FIGURES) t.step++;
    return t;
}

static double figure_of(const node *row, int kind)
{
    int at = curve_kinds[kind].at;
    bool known = row->kind == NODE_LIST && at < row->n && row->item[at]->kind == NODE_NUMBER;
    return known ? curve_kinds[kind].scale * row->item[at]->number : (double)NAN;
}

/* A detail without a curve leaves `c` without epochs. */
static status read_curve(const char *detail, arena *scratch, arena *a, curve *c, err *e)
{
    node *tree = NULL;
    if (node_read_json(scratch, detail, strlen(detail), &tree, NULL) != OK) return OK;
    const node *list = node_get(tree, "curve"), *earlier = node_get(tree, "earlier_epochs");
    if (!list || list->kind != NODE_LIST) return OK;
    if (earlier && earlier->kind == NODE_NUMBER) c->offset = earlier->number;
    c->figure = ARENA_NEW(a, double, (size_t)list->n *CURVE_KINDS + 1);
    if (!c->figure) return FAIL(e, ERR_MEM, "no memory for learning curves");
    c->n = list->n;
    for (int i = 0; i < c->n; i++)
        for (int k = 0; k < CURVE_KINDS; k++)
            c->figure[i * CURVE_KINDS + k] = figure_of(list->item[i], k);
    return OK;
}

static status read_curves(work *w, curve **out, int *n, err *e)
{
    table t;
    arena scratch;
    TRY(store_all_curves(w->s, w->a, &t, e));
    curve *c = *out = ARENA_NEW(w->a, curve, t.n_rows + 1);
    if (!c) return FAIL(e, ERR_MEM, "no memory for learning curves");
    arena_init(&scratch, 0);
    status s = OK;
    *n = 0;
    for (int i = 0; s == OK && i < t.n_rows; i++) {
        arena_mark_t mark = arena_mark(&scratch);
        const cell *row = &t.cells[i * t.n_columns];
        c[*n] = (curve){.row = row};
        if (row[3].kind == CELL_TEXT) s = read_curve(row[3].text, &scratch, w->a, &c[*n], e);
        *n += c[*n].n > 0;
        arena_release(&scratch, mark);
    }
    arena_free(&scratch);
    return s;
}

static status put_curves_of_trials(work *w, err *e)
{
    table t;
    double last = -1;
    TRY(store_trial_curves(w->s, w->a, &t, e));
    put_key(w->out, false, "trial");
    buf_char(w->out, '{');
    for (int i = 0; i < t.n_rows; i++) {
        double trial = t.cells[2 * i].number, stage = t.cells[2 * i + 1].number;
        if (trial == last)
            buf_printf(w->out, ",%.0f", stage);
        else
            buf_printf(w->out, "%s\"%.0f\":[%.0f", i ? "]," : "", trial, stage);
        last = trial;
    }
    buf_text(w->out, t.n_rows ? "]}" : "}");
    return OK;
}

static status put_curves(work *w, err *e)
{
    curve *c;
    int n;
    bool any = false;
    TRY(read_curves(w, &c, &n, e));
    thinning how = choose_thinning(c, n);
    put_key(w->out, false, "curves");
    buf_text(w->out, "{\"names\":[");
    for (int k = 0; k < CURVE_KINDS; k++) {
        if (!how.kind[k]) continue;
        buf_printf(w->out, "%s\"%s\"", any ? "," : "", curve_kinds[k].name);
        any = true;
    }
    buf_printf(w->out, "],\"step\":%d,\"stage\":{", how.step);
    for (int i = 0; i < n; i++) put_curve(w->out, i == 0, &c[i], &how);
    buf_char(w->out, '}');
    TRY(put_curves_of_trials(w, e));
    buf_char(w->out, '}');
    return OK;
}

/* --- importance --- */

static void put_knob_steps(buf *b, const ablation *d, const knob_step *step, int n)
{
    put_key(b, false, "steps");
    buf_char(b, '[');
    for (int i = 0; i < n; i++) {
        const knob_step *s = &step[i];
        const studied_knob *k = &d->knob[s->knob];
        buf_text(b, i ? ",{" : "{");
        put_string(b, true, "knob", k->name);
        put_string(b, false, "from", k->level[s->from].text);
        put_string(b, false, "to", k->level[s->to].text);
        put_number(b, "n", s->n);
        put_number(b, "difference", s->difference);
        put_number(b, "low", s->low);
        put_number(b, "high", s->high);
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

static status put_importance_of(work *w, const char *metric, bool first, err *e)
{
    ablation d;
    knob_step *step;
    double explained;
    int n;
    TRY(importance_read(w->s, metric, w->a, &d, e));
    double *share = ARENA_NEW(w->a, double, d.n_knobs + 1);
    if (!share) return FAIL(e, ERR_MEM, "no memory for importance");
    TRY(importance_shares(&d, share, &explained, w->a, e));
    TRY(importance_steps(&d, false, w->a, &step, &n, e));
    buf_text(w->out, first ? "\n{" : ",\n{");
    put_string(w->out, true, "metric", metric);
    put_number(w->out, "configurations", d.n);
    put_number(w->out, "explained", explained);
    put_key(w->out, false, "shares");
    buf_char(w->out, '[');
    for (int i = 0; i < d.n_knobs; i++) {
        buf_text(w->out, i ? ",{" : "{");
        put_string(w->out, true, "knob", d.knob[i].name);
        put_number(w->out, "share", share[i]);
        put_number(w->out, "levels", d.knob[i].n_levels);
        buf_char(w->out, '}');
    }
    buf_char(w->out, ']');
    put_knob_steps(w->out, &d, step, n);
    buf_char(w->out, '}');
    return OK;
}

static bool has_figure(const work *w, const char *metric)
{
    int column = find_column(&w->trials, metric), state = find_column(&w->trials, "state");
    for (int r = 0; column >= 0 && state >= 0 && r < w->trials.n_rows; r++) {
        const cell *row = &w->trials.cells[(size_t)r * (size_t)w->trials.n_columns];
        if (strcmp(row[state].text, "done") == 0 && row[column].kind == CELL_NUMBER) return true;
    }
    return false;
}

/* Of what the study decides by: metrics of objectives, then those of limits, each once. */
static status put_importance(work *w, err *e)
{
    const store_space *s = &w->space;
    size_t most = (size_t)s->n_objectives + 1, n = 0;
    for (int i = 0; i < s->n_versions; i++) most += (size_t)s->version[i].n_limits;
    const char **metric = ARENA_NEW(w->a, const char *, most);
    if (!metric) return FAIL(e, ERR_MEM, "no memory for importance");
    for (int i = 0; i < s->n_objectives; i++) metric[n++] = s->objective[i].metric;
    for (int i = 0; i < s->n_versions; i++)
        for (int j = 0; j < s->version[i].n_limits; j++)
            metric[n++] = s->version[i].limit[j].metric;
    put_key(w->out, false, "importance");
    buf_char(w->out, '[');
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        bool seen = false;
        for (size_t k = 0; k < i; k++) seen |= strcmp(metric[k], metric[i]) == 0;
        if (seen || !has_figure(w, metric[i])) continue;
        TRY(put_importance_of(w, metric[i], !any, e));
        any = true;
    }
    buf_char(w->out, ']');
    return OK;
}

/* --- files --- */

static status put_file(work *w, int64_t trial, bool *any, err *e)
{
    const char *note;
    node *detail = NULL;
    char key[32];
    TRY(store_trial_detail(w->s, trial, "export", w->a, &note, e));
    if (!note[0] || node_read_json(w->a, note, strlen(note), &detail, NULL) != OK) return OK;
    snprintf(key, sizeof key, "%lld", (long long)trial);
    put_key(w->out, !*any, key);
    node_put_json(w->out, detail);
    *any = true;
    return OK;
}

static bool is_pick(const work *w, double trial)
{
    for (int i = 0; i < w->picks.n; i++)
        if ((double)w->picks.pick[i].trial == trial) return true;
    return false;
}

static status put_files(work *w, err *e)
{
    int trial = find_column(&w->trials, "trial"), front = find_column(&w->trials, "on_front"),
        n = 0;
    bool any = false;
    put_key(w->out, false, "files");
    buf_char(w->out, '{');
    for (int r = 0; r < w->trials.n_rows; r++) {
        const cell *row = &w->trials.cells[(size_t)r * (size_t)w->trials.n_columns];
        bool picked = is_pick(w, row[trial].number);
        if (!picked && (row[front].number != 1 || n >= MOST_FILES)) continue;
        n += !picked;
        TRY(put_file(w, (int64_t)row[trial].number, &any, e));
    }
    buf_char(w->out, '}');
    return OK;
}

/* --- all of it --- */

static status put_provenance(work *w, err *e)
{
    table t;
    TRY(store_runs(w->s, w->a, &t, e));
    put_table(w->out, "runs", &t);
    TRY(store_census(w->s, w->a, &t, e));
    put_table(w->out, "census", &t);
    TRY(store_failures(w->s, MOST_FAILURES, w->a, &t, e));
    put_table(w->out, "failures", &t);
    return OK;
}

status study_json_write(store *s, const char *db, const char *when, arena *a, buf *out, err *e)
{
    work w = {.s = s, .a = a, .out = out};
    TRY(store_last_space(s, a, &w.space, e));
    TRY(picks_read(s, a, &w.picks, e));
    TRY(read_trials(&w, e));
    buf_char(out, '{');
    put_string(out, true, "program", "paretune " PARETUNE_VERSION);
    put_string(out, false, "made_at", when);
    put_string(out, false, "db", file_name(db));
    put_flag(out, "has_writer", store_has_writer(s));
    put_space(&w);
    put_picks(&w);
    TRY(put_trials(&w, e));
    TRY(put_growth(&w, e));
    TRY(put_curves(&w, e));
    TRY(put_importance(&w, e));
    TRY(put_files(&w, e));
    TRY(put_provenance(&w, e));
    buf_char(out, '}');
    return buf_check(out, e);
}
