/* What the closest trials have in common, and what was not tried. */
#include "store/knob_sheet.h"
#include "store/why.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int count_value(const knob_sheet *h, int knob, const setting *v)
{
    int n = 0;
    for (int t = 0; t < h->n; t++) n += knob_sheet_same(&h->at[t * h->space->n_knobs + knob], v);
    return n;
}

/* Whether a number is an end of those that occur, which are several. */
static void find_ends(const knob_sheet *h, int knob, const setting *v, why_value *out)
{
    bool less = false, more = false;
    for (int t = 0; v->kind == NUMBER && t < h->n; t++) {
        const setting *x = &h->at[t * h->space->n_knobs + knob];
        if (x->kind != NUMBER) continue;
        less |= x->number < v->number;
        more |= x->number > v->number;
    }
    out->is_zero = v->kind == NUMBER && v->number == 0;
    out->is_least = more && !less;
    out->is_most = less && !more;
}

/* --- the closest --- */

static const setting *setting_of(const knob_sheet *h, int64_t trial, int knob)
{
    int low = 0, high = h->n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (h->trial[middle] < trial)
            low = middle + 1;
        else
            high = middle;
    }
    return &h->at[low * h->space->n_knobs + knob];
}

static int by_count(const void *p, const void *q)
{
    const why_value *a = p, *b = q;
    return (a->n_close < b->n_close) - (a->n_close > b->n_close);
}

/* The values of one knob among the closest, most frequent first. */
static status count_close(const knob_sheet *h, const int64_t *close, int knob, why_knobs *out,
                          err *e)
{
    const setting **seen = ARENA_NEW(h->a, const setting *, out->n_close + 1);
    int n_seen = 0, first = out->n_values;
    if (!seen) return FAIL(e, ERR_MEM, "no memory for knobs");
    for (int c = 0; c < out->n_close; c++) {
        const setting *v = setting_of(h, close[c], knob);
        if (v->kind == ABSENT) continue;
        int i = 0;
        while (i < n_seen && !knob_sheet_same(seen[i], v)) i++;
        why_value *w = &out->value[first + i];
        if (i == n_seen) {
            seen[n_seen++] = v;
            *w = (why_value){.knob = h->space->knob[knob],
                             .value = knob_sheet_text(h, v),
                             .n_all = count_value(h, knob, v)};
            find_ends(h, knob, v, w);
            if (!w->value) return FAIL(e, ERR_MEM, "no memory for knobs");
        }
        w->n_close++;
    }
    out->n_values += n_seen;
    qsort(out->value + first, (size_t)n_seen, sizeof *out->value, by_count);
    return OK;
}

static void judge(why_knobs *out)
{
    for (int i = 0; i < out->n_values; i++) {
        why_value *w = &out->value[i];
        w->chance = why_tail(out->n_all, w->n_all, out->n_close, w->n_close);
        w->is_telling = w->chance * out->n_values < 0.05;
    }
}

/* --- what was not tried --- */

static bool is_setting(const knob_sheet *h, const setting *s, query *q)
{
    if (query_column_int(q, 2))
        return s->kind == WORD && h->word && strcmp(h->word[s->word], query_column_text(q, 1)) == 0;
    return s->kind == NUMBER && s->number == query_column_real(q, 1);
}

static bool is_tried(const knob_sheet *h, int knob, query *q)
{
    for (int t = 0; t < h->n; t++)
        if (is_setting(h, &h->at[t * h->space->n_knobs + knob], q)) return true;
    return false;
}

static status count_axis_values(store *s, int *n, err *e)
{
    query q =
        db_query(&s->d, "SELECT count(*) FROM knob_values WHERE space_id = " DB_LAST_SPACE, e);
    if (query_row(&q)) *n = (int)query_column_int(&q, 0);
    return query_end(&q);
}

static status find_untried(store *s, const knob_sheet *h, why_knobs *out, err *e)
{
    int most = 0;
    TRY(count_axis_values(s, &most, e));
    out->untried = ARENA_NEW(h->a, why_untried, most + 1);
    if (!out->untried) return FAIL(e, ERR_MEM, "no memory for knobs");
    query q =
        db_query(&s->d,
                 "SELECT knob, value, typeof(value) = 'text' FROM knob_values WHERE space_id ="
                 " " DB_LAST_SPACE " ORDER BY knob, position",
                 e);
    while (out->n_untried < most && query_row(&q)) {
        int k = (int)query_column_int(&q, 0);
        if (k < 0 || k >= h->space->n_knobs || is_tried(h, k, &q)) continue;
        bool is_text = query_column_int(&q, 2) != 0;
        const char *text = is_text ? arena_string(h->a, query_column_text(&q, 1))
                                   : arena_printf(h->a, "%g", query_column_real(&q, 1));
        if (!text) q.s = FAIL(e, ERR_MEM, "no memory for knobs");
        out->untried[out->n_untried++] = (why_untried){h->space->knob[k], text};
    }
    return query_end(&q);
}

status why_read_knobs(store *s, const knob_sheet *h, const int64_t *close, int n_close,
                      why_knobs *out, err *e)
{
    const size_t m = (size_t)h->space->n_knobs;
    *out = (why_knobs){.n_close = n_close,
                       .n_all = h->n,
                       .value = ARENA_NEW(h->a, why_value, m * (size_t)n_close + 1)};
    if (!out->value) return FAIL(e, ERR_MEM, "no memory for knobs");
    for (int k = 0; k < h->space->n_knobs; k++) TRY(count_close(h, close, k, out, e));
    judge(out);
    return find_untried(s, h, out, e);
}
