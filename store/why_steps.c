/* What a change of one knob did: the pairs of importance.h, made of the sheet. */
#include "store/importance.h"
#include "store/knob_sheet.h"
#include "store/why.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the sheet as levels --- */

static int by_level(const void *p, const void *q)
{
    const knob_level *a = p, *b = q;
    if (a->is_number != b->is_number) return a->is_number ? -1 : 1;
    if (a->is_number) return (a->number > b->number) - (a->number < b->number);
    return strcmp(a->text, b->text);
}

static knob_level level_of(const knob_sheet *h, const setting *v)
{
    return (knob_level){v->kind == NUMBER, v->number, v->kind == WORD ? h->word[v->word] : ""};
}

/* The distinct values of a knob, in order. */
static status find_levels(const knob_sheet *h, int knob, studied_knob *out, err *e)
{
    knob_level *all = ARENA_NEW(h->a, knob_level, h->n + 1);
    int n = 0, kept = 0;
    if (!all) return FAIL(e, ERR_MEM, "no memory for knobs");
    for (int t = 0; t < h->n; t++) {
        const setting *v = &h->at[t * h->space->n_knobs + knob];
        if (v->kind != ABSENT) all[n++] = level_of(h, v);
    }
    qsort(all, (size_t)n, sizeof *all, by_level);
    for (int i = 0; i < n; i++)
        if (i == 0 || by_level(&all[i], &all[kept - 1]) != 0) all[kept++] = all[i];
    for (int i = 0; i < kept; i++)
        if (all[i].is_number) all[i].text = arena_printf(h->a, "%g", all[i].number);
    *out = (studied_knob){h->space->knob[knob], kept, all};
    return OK;
}

static int find_level(const knob_sheet *h, const studied_knob *k, const setting *v)
{
    if (v->kind == ABSENT || k->n_levels == 0) return -1;
    knob_level wanted = level_of(h, v);
    const knob_level *l = bsearch(&wanted, k->level, (size_t)k->n_levels, sizeof wanted, by_level);
    return l ? (int)(l - k->level) : -1;
}

/* --- trials as configurations --- */

typedef struct {
    const int *level;
    int n_knobs, row;
} entry;

static int by_configuration(const void *p, const void *q)
{
    const entry *a = p, *b = q;
    int c = a->n_knobs ? memcmp(a->level, b->level, (size_t)a->n_knobs * sizeof *a->level) : 0;
    return c ? c : (a->row > b->row) - (a->row < b->row);
}

typedef struct {
    ablation d; /* its rows of levels are sorted by their bytes */
    int *of;    /* the configuration of each trial */
    int *first; /* [d.n] the first trial of each */
} study;

static status find_configurations(const knob_sheet *h, int *level, study *out, err *e)
{
    const int m = h->space->n_knobs;
    entry *sorted = ARENA_NEW(h->a, entry, h->n + 1);
    out->of = ARENA_NEW(h->a, int, h->n + 1);
    out->first = ARENA_NEW(h->a, int, h->n + 1);
    out->d.level = ARENA_NEW(h->a, int, (size_t)h->n *(size_t)m + 1);
    if (!sorted || !out->of || !out->first || !out->d.level)
        return FAIL(e, ERR_MEM, "no memory for knobs");
    for (int t = 0; t < h->n; t++) sorted[t] = (entry){level + t * m, m, t};
    qsort(sorted, (size_t)h->n, sizeof *sorted, by_configuration);
    for (int i = 0; i < h->n; i++) {
        const size_t bytes = (size_t)m * sizeof *level;
        bool is_new = i == 0 || memcmp(sorted[i].level, sorted[i - 1].level, bytes) != 0;
        if (is_new) {
            memcpy(out->d.level + out->d.n * m, sorted[i].level, bytes);
            out->first[out->d.n++] = sorted[i].row;
        }
        out->of[sorted[i].row] = out->d.n - 1;
    }
    return OK;
}

static status make_study(const knob_sheet *h, study *out, err *e)
{
    const int m = h->space->n_knobs;
    int *level = ARENA_NEW(h->a, int, (size_t)h->n *(size_t)m + 1);
    *out = (study){.d = {.n_knobs = m, .knob = ARENA_NEW(h->a, studied_knob, m + 1)}};
    if (!level || !out->d.knob) return FAIL(e, ERR_MEM, "no memory for knobs");
    for (int k = 0; k < m; k++) {
        TRY(find_levels(h, k, &out->d.knob[k], e));
        for (int t = 0; t < h->n; t++)
            level[t * m + k] = find_level(h, &out->d.knob[k], &h->at[t * m + k]);
    }
    TRY(find_configurations(h, level, out, e));
    out->d.figure = ARENA_NEW(h->a, double, out->d.n + 1);
    out->d.on_front = ARENA_NEW(h->a, bool, out->d.n + 1);
    return out->d.figure && out->d.on_front ? OK : FAIL(e, ERR_MEM, "no memory for knobs");
}

/* A limited figure of the configurations: means over their trials. */
static status put_figure(const why_field *f, int limit, study *y, arena *a, err *e)
{
    verdict_sample *sum = ARENA_NEW(a, verdict_sample, y->d.n + 1);
    if (!sum) return FAIL(e, ERR_MEM, "no memory for knobs");
    for (int t = 0; t < f->n; t++)
        verdict_add(&sum[y->of[t]], f->value[(size_t)t * (size_t)f->n_limits + (size_t)limit]);
    for (int i = 0; i < y->d.n; i++) y->d.figure[i] = sum[i].mean;
    return OK;
}

/* --- steps away from a trial --- */

/* The first trial of the configuration with these levels, -1: none. */
static int find_trial(const study *y, const int *level)
{
    const size_t bytes = (size_t)y->d.n_knobs * sizeof *level;
    int low = 0, high = y->d.n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (memcmp(y->d.level + middle * y->d.n_knobs, level, bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < y->d.n && memcmp(y->d.level + low * y->d.n_knobs, level, bytes) == 0;
    return found ? y->first[low] : -1;
}

/* The trial that one step leads to, 0 when it was not tried. */
static int64_t trial_after(const study *y, const int *level, int knob, int to, const int64_t *trial,
                           int *changed)
{
    memcpy(changed, level, (size_t)y->d.n_knobs * sizeof *level);
    changed[knob] = to;
    int row = find_trial(y, changed);
    return row < 0 ? 0 : trial[row];
}

/* The pairs are the same for every figure, so the lists of all figures run side by side. */
static status take_steps(const why_field *f, const study *y, const int *level,
                         knob_step *const *steps, int n_steps, arena *a, why_step *out, int *n,
                         err *e)
{
    int *changed = ARENA_NEW(a, int, y->d.n_knobs + 1);
    if (!changed) return FAIL(e, ERR_MEM, "no memory for knobs");
    for (int i = 0; i < n_steps; i++) {
        const knob_step *s = &steps[0][i];
        const bool forth = level[s->knob] == s->from, back = level[s->knob] == s->to;
        double *change = ARENA_NEW(a, double, 3 * f->n_limits);
        if (!change) return FAIL(e, ERR_MEM, "no memory for knobs");
        if (!forth && !back) continue;
        double *low = change + f->n_limits, *high = low + f->n_limits;
        for (int k = 0; k < f->n_limits; k++) {
            const knob_step *x = &steps[k][i];
            change[k] = forth ? x->difference : -x->difference;
            low[k] = forth ? x->low : -x->high;
            high[k] = forth ? x->high : -x->low;
        }
        const knob_level *l = y->d.knob[s->knob].level;
        out[(*n)++] = (why_step){
            .knob = y->d.knob[s->knob].name,
            .from = l[forth ? s->from : s->to].text,
            .to = l[forth ? s->to : s->from].text,
            .n = s->n,
            .tried = trial_after(y, level, s->knob, forth ? s->to : s->from, f->trial, changed),
            .change = change,
            .low = low,
            .high = high};
    }
    return OK;
}

status why_find_steps(const why_field *f, const knob_sheet *h, int row, why_step **out, int *n,
                      err *e)
{
    study y;
    int n_steps = 0;
    knob_step **steps = ARENA_NEW(h->a, knob_step *, f->n_limits + 1);
    *n = 0;
    *out = NULL;
    if (!steps) return FAIL(e, ERR_MEM, "no memory for knobs");
    if (f->n_limits == 0 || f->n == 0) return OK;
    TRY(make_study(h, &y, e));
    for (int k = 0; k < f->n_limits; k++) {
        TRY(put_figure(f, k, &y, h->a, e));
        TRY(importance_steps(&y.d, false, h->a, &steps[k], &n_steps, e));
    }
    *out = ARENA_NEW(h->a, why_step, n_steps + 1);
    if (!*out) return FAIL(e, ERR_MEM, "no memory for knobs");
    return take_steps(f, &y, y.d.level + y.of[row] * y.d.n_knobs, steps, n_steps, h->a, *out, n, e);
}

double why_step_gain(const store_limit *l, const why_step *s, int limit)
{
    const bool is_upper = l->op == LIMIT_LT || l->op == LIMIT_LE;
    double sure = is_upper ? -s->high[limit] : s->low[limit], scale = fabs(l->bound);
    return sure / (scale > 0 ? scale : 1);
}
