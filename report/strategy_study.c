#include "report/strategy_study.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- reading --- */

static int find_level(const studied_knob *k, const cell *c)
{
    if (c->kind == CELL_NONE) return -1;
    for (int i = 0; i < k->n_levels; i++) {
        const knob_level *l = &k->level[i];
        bool number = c->kind == CELL_NUMBER;
        if (number == l->is_number &&
            (number ? l->number == c->number : strcmp(l->text, c->text) == 0))
            return i;
    }
    return -1;
}

static status ask_rows(job *j, const strategy_study *s, table *out, err *e)
{
    buf columns = {0};
    buf_text(&columns, "trial, seed");
    for (int k = 0; k < s->n_knobs; k++) buf_printf(&columns, ", %s", s->knob[k].name);
    for (int m = 0; m < s->n_metrics; m++) buf_printf(&columns, ", %s", s->metric[m].name);
    status st = buf_check(&columns, e);
    store_query ask = {.columns = columns.data, .filter = j->filter};
    if (st == OK) st = store_trials(j->s, &ask, j->a, out, e);
    if (st == OK && out->n_columns != 2 + s->n_knobs + s->n_metrics)
        st = FAIL(e, ERR_STATE, "a knob has the name of a metric or of another column");
    buf_free(&columns);
    return st;
}

/* Both are in the order of trials; the filter may have left some out. */
static int64_t training_of(const table *by, int *at, int64_t trial)
{
    while (*at < by->n_rows && (int64_t)by->cells[*at * 2].number < trial) ++*at;
    if (*at == by->n_rows || (int64_t)by->cells[*at * 2].number != trial) return -trial;
    const cell *stage = &by->cells[*at * 2 + 1];
    return stage->kind == CELL_NUMBER ? (int64_t)stage->number : -trial;
}

static status fill_row(const strategy_study *s, const cell *c, studied_trial *out, err *e)
{
    int *level = ARENA_NEW(s->a, int, s->n_knobs + 1);
    out->figure = ARENA_NEW(s->a, double, s->n_metrics);
    if (!level || !out->figure) return FAIL(e, ERR_MEM, "no memory for strategies");
    level[0] = s->n_knobs;
    out->level = level + 1;
    out->trial = (int64_t)c[0].number;
    out->seed = (int64_t)c[1].number;
    for (int k = 0; k < s->n_knobs; k++) out->level[k] = find_level(&s->knob[k], &c[2 + k]);
    for (int m = 0; m < s->n_metrics; m++) {
        const cell *f = &c[2 + s->n_knobs + m];
        out->figure[m] = f->kind == CELL_NUMBER ? f->number : (double)NAN;
    }
    return OK;
}

static int compare_doubles(const void *one, const void *two)
{
    double a = *(const double *)one, b = *(const double *)two;
    return (a > b) - (a < b);
}

/* Differences by rounding alone are none. */
static status find_grains(strategy_study *s, err *e)
{
    s->grain = ARENA_NEW(s->a, double, s->n_metrics);
    double *sorted = ARENA_NEW(s->a, double, s->n + 1);
    if (!s->grain || !sorted) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int m = 0; m < s->n_metrics; m++) {
        int n = 0;
        for (int i = 0; i < s->n; i++)
            if (isfinite(s->row[i].figure[m])) sorted[n++] = s->row[i].figure[m];
        qsort(sorted, (size_t)n, sizeof *sorted, compare_doubles);
        for (int i = 1; i < n; i++) {
            double gap = sorted[i] - sorted[i - 1];
            if (gap > 1e-9 * fabs(sorted[i]) && (s->grain[m] <= 0 || gap < s->grain[m]))
                s->grain[m] = gap;
        }
    }
    return OK;
}

status strategy_study_read(job *j, strategy_study *s, err *e)
{
    table t, by;
    int at = 0;
    TRY(ask_rows(j, s, &t, e));
    TRY(store_trained_by(j->s, j->a, &by, e));
    s->row = ARENA_NEW(s->a, studied_trial, t.n_rows + 1);
    if (!s->row) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int i = 0; i < t.n_rows; i++) {
        TRY(fill_row(s, &t.cells[(size_t)i * (size_t)t.n_columns], &s->row[i], e));
        s->row[i].training = training_of(&by, &at, s->row[i].trial);
    }
    s->n = t.n_rows;
    return find_grains(s, e);
}

/* --- finding --- */

static int compare_levels(const int *a, const int *b, int n)
{
    for (int k = 0; k < n; k++)
        if (a[k] != b[k]) return a[k] < b[k] ? -1 : 1;
    return 0;
}

/* qsort has no room for the number of knobs: it stands in front of the levels. */
static int compare_rows(const void *one, const void *two)
{
    const studied_trial *a = one, *b = two;
    int c = compare_levels(a->level, b->level, a->level[-1]);
    if (c) return c;
    return (a->seed > b->seed) - (a->seed < b->seed);
}

const studied_trial *strategy_study_find(const strategy_study *s, const int *level, int64_t seed)
{
    int low = 0, high = s->n - 1;
    while (low <= high) {
        int middle = low + (high - low) / 2, c;
        const studied_trial *r = &s->row[middle];
        c = compare_levels(r->level, level, s->n_knobs);
        if (c == 0) c = (r->seed > seed) - (r->seed < seed);
        if (c == 0) return r;
        if (c < 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return NULL;
}

void strategy_study_sort(strategy_study *s)
{
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < s->n_knobs; k++)
            if (s->row[i].level[k] < 0) s->row[i].level[k] = s->reference[k];
    qsort(s->row, (size_t)s->n, sizeof *s->row, compare_rows);
}

int strategy_study_first(const strategy_study *s, int i)
{
    while (i > 0 && compare_levels(s->row[i - 1].level, s->row[i].level, s->n_knobs) == 0) i--;
    return i;
}
