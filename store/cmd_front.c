#include "store/cmd_front.h"

#include "engine/base/pareto.h"
#include "store/answer.h"
#include "store/ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *format = "table", *filter, *objectives, *columns, *sort;

static const opt options[] = {
    {"objectives", 0, OPT_STRING, "A,B,...",
     "metrics to trade off, each with :min or :max where its better direction is not known "
     "(default: the study's objectives)",
     0, 0, &objectives},
    {"filter", 0, OPT_STRING, "FILTER", "the front of the trials that meet this condition alone", 0,
     0, &filter},
    {"columns", 'c', OPT_STRING, "A,B,...",
     "columns to show, or 'all' (default: trial, seed when there are several, knobs, the "
     "objectives)",
     0, 0, &columns},
    {"sort", 's', OPT_STRING, "COLUMN", "sort by this column (default: the first objective)", 0, 0,
     &sort},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &format},
    {0},
};

static const opt_spec spec = {
    .name = "front",
    .args = "DB",
    .summary = "list the trials that no other beats on all objectives",
    .details =
        "A trial is on the front when no other finished trial is at least as good in every\n"
        "objective and better in one. Trials that lack one of the figures are left out. With\n"
        "--filter the others do not take part, so a trial may be on this front that is beaten by\n"
        "one outside; 'paretune query DB FILTER --front' shows the part of the whole front that\n"
        "meets a condition. Metrics without suffix are of the validation part.",
    .examples =
        "  paretune front hw2.db\n"
        "  paretune front hw1.db --objectives accuracy,size --filter 'storage = int8'\n"
        "  paretune front hw1.db --objectives accuracy,n_params:min --format csv > front.csv",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* What one question needs. */
typedef struct {
    store *s;
    arena *a;
    table_format form;
    store_space space;
    int m;
    const store_objective *objective;
    const char **metric; /* [m] */
    store_points points; /* those that take part */
    int n_front;
    int64_t *front;
} work;

static bool is_listed(const int64_t *sorted, int n, int64_t trial)
{
    int low = 0, high = n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (sorted[middle] < trial)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && sorted[low] == trial;
}

/* Leaves the points that meet the filter. Both come by ascending trial. */
static status take_part(work *w, err *e)
{
    int64_t *kept;
    int n, left = 0;
    TRY(ask_filter(w->s, filter, w->a, &kept, &n, e));
    for (int i = 0; i < w->points.n; i++) {
        if (kept && !is_listed(kept, n, w->points.trial[i])) continue;
        w->points.trial[left] = w->points.trial[i];
        memmove(w->points.value + left * w->m, w->points.value + i * w->m,
                (size_t)w->m * sizeof *w->points.value);
        left++;
    }
    w->points.n = left;
    return OK;
}

/* A front is empty because nothing is finished, or because of one metric. */
static status check_reported(const work *w, err *e)
{
    for (int k = 0; k < w->m && w->points.n > 0; k++) {
        int known = 0;
        for (int i = 0; i < w->points.n; i++) known += !isnan(w->points.value[i * w->m + k]);
        if (known == 0)
            return FAIL(e, ERR_INPUT, "no finished trial%s has the figure %s",
                        filter ? " that meets the filter" : "", w->metric[k]);
    }
    return OK;
}

static status find_front(work *w, err *e)
{
    TRY(ask_objectives(&w->space, objectives, w->a, &w->objective, &w->m, e));
    w->metric = ARENA_NEW(w->a, const char *, w->m);
    if (!w->metric) return FAIL(e, ERR_MEM, "no memory for a front");
    for (int k = 0; k < w->m; k++) w->metric[k] = w->objective[k].metric;
    TRY(store_read_points(w->s, w->m, w->metric, w->a, &w->points, e));
    TRY(take_part(w, e));
    TRY(check_reported(w, e));
    unsigned char *member = ARENA_NEW(w->a, unsigned char, w->points.n + 1);
    w->front = ARENA_NEW(w->a, int64_t, w->points.n + 1);
    if (!member || !w->front) return FAIL(e, ERR_MEM, "no memory for a front");
    for (int i = 0; i < w->points.n * w->m; i++)
        if (w->objective[i % w->m].maximize) w->points.value[i] = -w->points.value[i];
    TRY(pareto_front(w->points.value, w->points.n, w->m, member, w->a, e));
    for (int i = 0; i < w->points.n; i++)
        if (member[i]) w->front[w->n_front++] = w->points.trial[i];
    return OK;
}

/* --- shown --- */

static bool is_knob(const work *w, const char *column)
{
    for (int k = 0; k < w->space.n_knobs; k++)
        if (strcmp(w->space.knob[k], column) == 0) return true;
    return false;
}

static bool is_same(const cell *x, const cell *y)
{
    if (x->kind != y->kind) return false;
    return x->kind == CELL_NONE ||
           (x->kind == CELL_TEXT ? strcmp(x->text, y->text) == 0 : x->number == y->number);
}

static bool is_constant(const table *t, int column)
{
    for (int r = 1; r < t->n_rows; r++)
        if (!is_same(&t->cells[r * t->n_columns + column], &t->cells[column])) return false;
    return t->n_rows > 1;
}

/* Leaves columns out, in place. */
static void keep_columns(table *t, const bool *keep)
{
    int n = 0, wide = t->n_columns;
    for (int c = 0; c < wide; c++) n += keep[c];
    for (int r = 0; r < t->n_rows; r++)
        for (int c = 0, to = 0; c < wide; c++)
            if (keep[c]) t->cells[r * n + to++] = t->cells[r * wide + c];
    for (int c = 0, to = 0; c < wide; c++)
        if (keep[c]) table_column(t, to++, t->name[c], t->unit[c]);
    t->n_columns = n;
}

/* Knobs that are equal in all rows stand in a line below the table. */
static status part_constants(const work *w, table *t, buf *common, err *e)
{
    bool *keep = ARENA_NEW(w->a, bool, t->n_columns);
    if (!keep) return FAIL(e, ERR_MEM, "no memory for a front");
    for (int c = 0; c < t->n_columns; c++) {
        keep[c] = !is_knob(w, t->name[c]) || !is_constant(t, c);
        if (keep[c] || t->cells[c].kind == CELL_NONE) continue;
        buf_printf(common, " %s=", t->name[c]);
        if (t->cells[c].kind == CELL_TEXT)
            buf_text(common, t->cells[c].text);
        else
            buf_number(common, t->cells[c].number);
    }
    keep_columns(t, keep);
    return OK;
}

static status drop_knobs(const work *w, table *t, err *e)
{
    bool *keep = ARENA_NEW(w->a, bool, t->n_columns);
    if (!keep) return FAIL(e, ERR_MEM, "no memory for a front");
    for (int c = 0; c < t->n_columns; c++) keep[c] = !is_knob(w, t->name[c]);
    keep_columns(t, keep);
    return OK;
}

static void tell_front(const work *w, bool is_cut, const buf *common)
{
    printf("\n%d of %d finished trials%s are on the front of", w->n_front, w->points.n,
           filter ? " that meet the filter" : "");
    for (int k = 0; k < w->m; k++)
        printf("%s %s", k == 0 ? "" : k + 1 < w->m ? "," : " and", w->metric[k]);
    printf(".\n");
    if (common->len) printf("In all of them:%s\n", common->data);
    if (is_cut) printf("The terminal is too narrow for the knobs; --columns chooses.\n");
}

static status show_table(work *w, const store_query *ask, err *e)
{
    table t;
    char *text = NULL;
    int width = 0;
    buf common = {0};
    TRY(store_trials(w->s, ask, w->a, &t, e));
    status s = ask->columns ? OK : part_constants(w, &t, &common, e);
    if (s == OK) s = answer_draw(&t, &text, &width, e);
    bool is_cut = s == OK && !ask->columns && width > answer_columns(stdout);
    if (is_cut) {
        free(text);
        text = NULL;
        s = drop_knobs(w, &t, e);
        if (s == OK) s = answer_draw(&t, &text, &width, e);
    }
    if (s == OK) {
        fputs(text, stdout);
        tell_front(w, is_cut, &common);
    }
    free(text);
    buf_free(&common);
    return s;
}

static status show_front(work *w, err *e)
{
    TRY(store_last_space(w->s, w->a, &w->space, e));
    TRY(find_front(w, e));
    const store_query ask = {.columns = columns,
                             .sort = sort ? sort : w->metric[0],
                             .descending = !sort && w->objective[0].maximize,
                             .trial = w->front,
                             .n_trials = w->n_front,
                             .metric = w->metric,
                             .n_metrics = w->m};
    return w->form == FORMAT_TABLE ? show_table(w, &ask, e)
                                   : store_trials_print(w->s, &ask, w->form, stdout, e);
}

static status show(store *s, int n, char **argv, arena *a, int *code, err *e)
{
    work w = {.s = s, .a = a};
    (void)n, (void)argv, (void)code;
    TRY(table_format_parse(format, &w.form, e));
    return show_front(&w, e);
}

static status run(int n, char **argv, int *code, err *e)
{
    return ask_run(show, n, argv, code, e);
}

const command cmd_front = {.spec = &spec, .run = run};
