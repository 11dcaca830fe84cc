/* A study's finished trials as the CSV that replay_read.c reads. */
#include "search/replay_table.h"

#include <math.h>
#include <string.h>

#include "engine/base/node.h"
#include "search/curve.h"
#include "search/stop.h"
#include "store/store.h"

enum { MOST_EPOCHS = 2000, TRIAL = 0, CANDIDATE, SEED, STAGE, PARAMS, DETAIL, SECONDS, N_COLUMNS };

typedef struct {
    store *s;
    arena *a;
    buf *out;
    store_space space;
    int n_metrics;
    const char *metric[PROBLEM_MAX_METRICS]; /* objectives, then what else is limited */
    bool is_trained[PROBLEM_MAX_METRICS];
    table trainings, figures; /* of trials: trial, knobs, metrics */
    int n_epochs;             /* of the longest curve */
} writing;

static void add_metric(writing *w, const char *name, const table *trained)
{
    for (int i = 0; i < w->n_metrics; i++)
        if (strcmp(w->metric[i], name) == 0) return;
    if (w->n_metrics == PROBLEM_MAX_METRICS) return;
    for (int i = 0; i < trained->n_rows; i++)
        w->is_trained[w->n_metrics] |= strcmp(trained->cells[i].text, name) == 0;
    w->metric[w->n_metrics++] = name;
}

static status list_metrics(writing *w, err *e)
{
    table trained;
    TRY(store_last_space(w->s, w->a, &w->space, e));
    TRY(store_trained_metrics(w->s, w->a, &trained, e));
    for (int i = 0; i < w->space.n_objectives; i++)
        add_metric(w, w->space.objective[i].metric, &trained);
    for (int i = 0; i < w->space.n_versions; i++)
        for (int k = 0; k < w->space.version[i].n_limits; k++)
            add_metric(w, w->space.version[i].limit[k].metric, &trained);
    return OK;
}

static bool is_maximised(const writing *w, int metric)
{
    if (metric < w->space.n_objectives) return w->space.objective[metric].maximize;
    for (int i = 0; i < w->space.n_metrics; i++)
        if (strcmp(w->space.metric[i].name, w->metric[metric]) == 0)
            return w->space.metric[i].better == STORE_HIGHER;
    return false;
}

static void put_notes(const writing *w)
{
    for (int i = 0; i < w->n_metrics; i++)
        buf_printf(w->out, "# %s %s %s %s\n", i < w->space.n_objectives ? "objective" : "metric",
                   w->metric[i], is_maximised(w, i) ? "maximize" : "minimize",
                   w->is_trained[i] ? "trained" : "exact");
    for (int i = 0; i < w->space.n_versions; i++) {
        const store_version *v = &w->space.version[i];
        buf_printf(w->out, "# version %s: ", v->name);
        for (int k = 0; k < v->n_limits; k++) {
            buf_printf(w->out, "%s%s %s ", k ? ", " : "", v->limit[k].metric,
                       limit_op_text(v->limit[k].op));
            buf_number(w->out, v->limit[k].bound);
        }
        buf_char(w->out, '\n');
    }
}

static void put_header(const writing *w)
{
    buf_text(w->out, "candidate,seed");
    for (int i = 0; i < w->space.n_knobs; i++) buf_printf(w->out, ",knob.%s", w->space.knob[i]);
    for (int i = 0; i < w->n_metrics; i++) buf_printf(w->out, ",%s", w->metric[i]);
    buf_text(w->out, ",seconds,first_rung,prefix,prefix_epochs");
    for (int i = 0; i < w->n_epochs; i++) buf_printf(w->out, ",epoch.%d", i + 1);
    buf_char(w->out, '\n');
}

static const cell *training(const writing *w, int row)
{
    return &w->trainings.cells[row * N_COLUMNS];
}

/* Rows [from, end) of `trainings` are of one trial. */
static int end_of_trial(const writing *w, int from)
{
    int end = from;
    while (end < w->trainings.n_rows &&
           training(w, end)[TRIAL].number == training(w, from)[TRIAL].number)
        end++;
    return end;
}

typedef struct {
    int n_epochs, first_rung, prefix, prefix_epochs;
    double seconds;
    float curve[MOST_EPOCHS];
} course;

/* A schedule in steps is not compared with a curve in epochs: such a training is never stopped. */
static status take_pruning(const node *prune, course *c, err *e)
{
    const char *unit;
    double begin, end, power;
    TRY(node_string(prune, "unit", &unit, e));
    TRY(node_bounded(prune, "begin", 0, MOST_EPOCHS, &begin, e));
    TRY(node_bounded(prune, "end", 0, MOST_EPOCHS, &end, e));
    TRY(node_bounded(prune, "power", 0.01, 100, &power, e));
    c->first_rung = strcmp(unit, "epochs") == 0 ? stop_bites_at(begin, end, power) : MOST_EPOCHS;
    return OK;
}

static status add_stage(const writing *w, const cell *row, bool is_first, course *c, err *e)
{
    node *params;
    float *curve;
    TRY(node_read_json(w->a, row[PARAMS].text, strlen(row[PARAMS].text), &params, e));
    const node *prune = node_get(params, "prune");
    int to_epoch;
    if (prune && prune->kind == NODE_MAP) TRY(take_pruning(prune, c, e));
    TRY(node_int(params, "to_epoch", 0, MOST_EPOCHS, &to_epoch, e));
    if (is_first) {
        c->prefix = (int)row[STAGE].number;
        c->prefix_epochs = to_epoch;
    }
    c->seconds += row[SECONDS].number;
    TRY(curve_read(row[DETAIL].text, w->a, &curve, &c->n_epochs, e));
    if (c->n_epochs > MOST_EPOCHS) c->n_epochs = MOST_EPOCHS;
    memcpy(c->curve, curve, (size_t)c->n_epochs * sizeof *curve);
    return OK;
}

static status take_course(const writing *w, int from, int end, course *c, err *e)
{
    c->n_epochs = c->first_rung = 0;
    c->seconds = 0;
    for (int i = from; i < end; i++) {
        arena_mark_t mark = arena_mark(w->a);
        TRY(add_stage(w, training(w, i), i == from, c, e));
        arena_release(w->a, mark);
    }
    return OK;
}

/* Six digits: more would say what the last seed's rounding was. */
static void put_figure(buf *b, double v)
{
    if (isfinite(v))
        buf_printf(b, ",%.6g", v);
    else
        buf_char(b, ',');
}

static void put_word(buf *b, const char *text)
{
    buf_text(b, ",\"");
    for (; *text; text++) buf_printf(b, *text == '"' ? "\"\"" : "%c", *text);
    buf_char(b, '"');
}

static void put_cell(buf *b, const cell *c)
{
    if (c->kind == CELL_NUMBER)
        put_figure(b, c->number);
    else if (c->kind == CELL_TEXT)
        put_word(b, c->text);
    else
        buf_char(b, ',');
}

static const cell *find_trial(const writing *w, double trial)
{
    for (int i = 0; i < w->figures.n_rows; i++)
        if (w->figures.cells[i * w->figures.n_columns].number == trial)
            return &w->figures.cells[i * w->figures.n_columns];
    return NULL;
}

static void put_trial(const writing *w, const cell *first, const course *c)
{
    const cell *trial = find_trial(w, first[TRIAL].number);
    if (!trial || c->n_epochs < w->n_epochs)
        return; /* a shorter training has no figures to the end */
    buf_printf(w->out, "%.0f,%.0f", first[CANDIDATE].number, first[SEED].number);
    for (int i = 1; i < w->figures.n_columns; i++) put_cell(w->out, &trial[i]);
    buf_printf(w->out, ",%.4g,%d,%d,%d", c->seconds,
               c->first_rung < w->n_epochs ? c->first_rung : w->n_epochs, c->prefix,
               c->prefix_epochs);
    for (int i = 0; i < w->n_epochs; i++) put_figure(w->out, (double)c->curve[i]);
    buf_char(w->out, '\n');
}

static status take_figures(writing *w, err *e)
{
    buf columns = {0};
    buf_text(&columns, "trial");
    for (int i = 0; i < w->space.n_knobs; i++) buf_printf(&columns, ",%s", w->space.knob[i]);
    for (int i = 0; i < w->n_metrics; i++) buf_printf(&columns, ",%s", w->metric[i]);
    status s = buf_check(&columns, e);
    if (s == OK)
        s = store_trials(w->s, &(store_query){.columns = columns.data}, w->a, &w->figures, e);
    buf_free(&columns);
    return s;
}

static status write_trials(writing *w, course *c, err *e)
{
    const int n = w->trainings.n_rows;
    for (int from = 0, end; from < n; from = end) {
        end = end_of_trial(w, from);
        TRY(take_course(w, from, end, c, e));
        if (c->n_epochs > w->n_epochs) w->n_epochs = c->n_epochs;
    }
    put_header(w);
    for (int from = 0, end; from < n; from = end) {
        end = end_of_trial(w, from);
        TRY(take_course(w, from, end, c, e));
        put_trial(w, training(w, from), c);
    }
    return buf_check(w->out, e);
}

static status write_study(writing *w, err *e)
{
    course *c = ARENA_NEW(w->a, course, 1);
    if (!c) return FAIL(e, ERR_MEM, "out of memory");
    TRY(list_metrics(w, e));
    TRY(store_trainings(w->s, w->a, &w->trainings, e));
    TRY(take_figures(w, e));
    put_notes(w);
    return write_trials(w, c, e);
}

status replay_table_of_study(const char *path, buf *out, err *e)
{
    arena a;
    writing w = {.a = &a, .out = out};
    TRY(store_open(path, STORE_READ, &w.s, e));
    arena_init(&a, 0);
    status s = write_study(&w, e);
    arena_free(&a);
    store_close(w.s);
    return s;
}
