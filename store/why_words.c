#include "store/why_words.h"
#include "store/ask.h"

#include <math.h>
#include <string.h>

enum { SHOWN_CLOSE = 5, SHOWN_VALUES = 6, SHOWN_STEPS = 3 };

static const char *limit_text(const why_case *c, int i, arena *a)
{
    const store_limit *l = &c->field.limit[i];
    return arena_printf(a, "%s %s", l->metric, l->text);
}

static const char *figure_text(const why_case *c, int row, int i, arena *a)
{
    if (row < 0) return "-";
    return answer_figure(c->field.value[row * c->field.n_limits + i],
                         ask_unit(c->space, c->field.limit[i].metric), a);
}

static long long number_of(const why_case *c, int row)
{
    return (long long)c->field.trial[row];
}

/* Joins "a", "b", "c" to "a, b and c" step by step. */
static void join(buf *b, const char *text, int i, int n)
{
    buf_text(b, i == 0 ? "" : i + 1 < n ? ", " : " and ");
    buf_text(b, text);
}

/* --- the verdict --- */

static void tell_unfinished(const why_case *c, answer *w)
{
    const int n[] = {c->n_waiting, c->n_stopped, c->n_failed};
    static const char *const words[] = {"are not finished", "were stopped early", "failed"};
    buf b = {0};
    int parts = 0, at = 0;
    for (int i = 0; i < 3; i++) parts += n[i] > 0;
    for (int i = 0; i < 3; i++)
        if (n[i]) join(&b, arena_printf(w->a, "%d %s", n[i], words[i]), at++, parts);
    if (parts && !b.failed)
        answer_say(w, "Of the other trials of this space %s: they count nowhere here.", b.data);
    buf_free(&b);
}

/* A pick that validation figures let pass and something else does not. */
static void tell_failed_pick(const why_case *c, answer *w)
{
    const pick *p = c->pick;
    answer_say(w,
               "%s is not met, though %d of %d trials keep%s all its limits on validation "
               "figures: trial %lld is chosen, and",
               p->version, p->n_feasible, c->field.n, p->n_feasible == 1 ? "s" : "",
               (long long)p->trial);
    answer_note(w, p->knobs);
    int n_failed = 0;
    for (int i = 0; i < p->n_limits; i++) {
        const pick_limit *l = &p->limit[i];
        if (l->holds) continue;
        n_failed++;
        answer_say(w,
                   "its %s is %s on the test part, %.1f %% over the limit (%s on the validation "
                   "part, which had %.1f %% of room).",
                   l->metric, answer_figure(l->reported, l->unit, w->a), -100 * l->margin,
                   answer_figure(l->value, l->unit, w->a), 100 * l->validation_margin);
    }
    if (n_failed) {
        answer_say(w, "Test figures never choose. What helps is more room on the validation part, "
                      "or several seeds, whose mean has had less luck.");
        return;
    }
    if (isnan(p->confidence))
        answer_say(w,
                   "how surely it keeps them is not known: its configuration was trained %d "
                   "time%s. Give the space more seeds.",
                   p->n_seeds, p->n_seeds == 1 ? "" : "s");
    else
        answer_say(w, "its confidence is %.1f %% only. More room, or more seeds, would raise it.",
                   100 * p->confidence);
}

static void tell_verdict(const why_case *c, answer *w)
{
    const pick *p = c->pick;
    if (p->kind == PICK_NONE && c->missing) {
        answer_say(w, "%s is not met: no finished trial has the figure %s.", p->version,
                   c->missing);
    } else if (p->kind == PICK_NONE) {
        answer_say(w, "%s is not met: no finished trial has all the figures that its limits name.",
                   p->version);
    } else if (p->met) {
        answer_say(w, "%s is met by trial %lld, which is chosen among %d feasible ones of %d:",
                   p->version, (long long)p->trial, p->n_feasible, c->field.n);
        answer_note(w, p->knobs);
    } else if (p->kind == PICK_CHOSEN) {
        tell_failed_pick(c, w);
    } else {
        answer_say(w,
                   "%s is not met: none of %d finished trials keeps all its limits on validation "
                   "figures. The closest is trial %lld, over %s by %.1f %%:",
                   p->version, c->field.n, (long long)p->trial,
                   p->binding >= 0 ? limit_text(c, p->binding, w->a) : "its limits",
                   p->binding >= 0 ? -100 * p->limit[p->binding].validation_margin : 0);
        answer_note(w, p->knobs);
    }
    tell_unfinished(c, w);
}

static status put_summary(const why_case *c, answer *w, err *e)
{
    static const char *const names[] = {"version",  "verdict",  "found",   "trial",
                                        "feasible", "finished", "waiting", "stopped",
                                        "failed",   "binding",  "knobs"};
    static const char *const found[] = {"nothing", "closest miss", "pick"};
    const pick *p = c->pick;
    table *t;
    TRY(answer_add(w, "summary", NULL, ANSWER_PROGRAMS, 11, &t, e));
    for (int i = 0; i < 11; i++) table_column(t, i, names[i], NULL);
    cell *r = table_row(t);
    if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
    r[0] = cell_text(p->version);
    r[1] = cell_text(p->met ? "met" : "not met");
    r[2] = cell_text(found[p->kind]);
    if (p->trial) r[3] = cell_number((double)p->trial);
    r[4] = cell_number(p->n_feasible);
    r[5] = cell_number(c->field.n);
    r[6] = cell_number(c->n_waiting);
    r[7] = cell_number(c->n_stopped);
    r[8] = cell_number(c->n_failed);
    if (p->binding >= 0) r[9] = cell_text(p->limit[p->binding].metric);
    r[10] = cell_text(p->knobs);
    return OK;
}

/* --- limits --- */

enum {
    L_VERSION,
    L_LIMIT,
    L_METRIC,
    L_BOUND,
    L_TRIAL,
    L_VALUE,
    L_MARGIN,
    L_KEEP,
    L_WITHOUT,
    L_BEST,
    L_BEST_TRIAL,
    L_NEEDED,
    L_BINDS,
    N_LIMIT_COLUMNS
};

static const char *const limit_names[N_LIMIT_COLUMNS] = {
    "version", "limit",   "metric",           "bound",        "trial",      "value",
    "margin",  "kept_by", "feasible_without", "best_without", "best_trial", "needed",
    "binds"};

static void fill_limit(const why_case *c, int i, cell *r, arena *a)
{
    const store_limit *l = &c->field.limit[i];
    const why_limit *f = &c->found.limit[i];
    const pick_limit *p = &c->pick->limit[i];
    const char *unit = ask_unit(c->space, l->metric);
    r[L_VERSION] = cell_text(c->pick->version);
    r[L_LIMIT] = cell_text(limit_text(c, i, a));
    r[L_METRIC] = cell_text(l->metric);
    r[L_BOUND] = answer_quantity(l->bound, unit, a);
    if (c->pick->trial) r[L_TRIAL] = cell_number((double)c->pick->trial);
    r[L_VALUE] = answer_quantity(p->value, unit, a);
    r[L_MARGIN] = answer_percent(p->validation_margin, a);
    r[L_KEEP] = cell_number(f->n_keep);
    r[L_WITHOUT] = cell_number(f->n_without);
    r[L_BEST] = answer_quantity(f->best, unit, a);
    if (f->best_row >= 0) r[L_BEST_TRIAL] = cell_number((double)number_of(c, f->best_row));
    r[L_NEEDED] = answer_percent(f->needed, a);
    r[L_BINDS] = cell_number(i == c->pick->binding);
}

static status put_limits(const why_case *c, answer *w, err *e)
{
    static const int for_eyes[] = {L_LIMIT,   L_VALUE, L_MARGIN,    L_KEEP,
                                   L_WITHOUT, L_BEST,  L_BEST_TRIAL};
    static const char *const headings[] = {"limit",      NULL,        "margin",  "kept by",
                                           "without it", "best then", "by trial"};
    enum { N_EYES = sizeof for_eyes / sizeof *for_eyes };
    table *full, *eyes;
    TRY(answer_add(w, "limits", NULL, ANSWER_PROGRAMS, N_LIMIT_COLUMNS, &full, e));
    TRY(answer_add(w, "limits", NULL, ANSWER_PEOPLE, N_EYES, &eyes, e));
    for (int k = 0; k < N_LIMIT_COLUMNS; k++) table_column(full, k, limit_names[k], NULL);
    for (int k = 0; k < N_EYES; k++)
        table_column(eyes, k,
                     headings[k]      ? headings[k]
                     : c->pick->trial ? arena_printf(w->a, "trial %lld", (long long)c->pick->trial)
                                      : "closest",
                     NULL);
    for (int i = 0; i < c->field.n_limits; i++) {
        cell *r = table_row(full), *p = table_row(eyes);
        if (!r || !p) return FAIL(e, ERR_MEM, "no memory for an answer");
        fill_limit(c, i, r, w->a);
        for (int k = 0; k < N_EYES; k++) p[k] = r[for_eyes[k]];
    }
    return OK;
}

static void tell_unkept(const why_case *c, answer *w)
{
    for (int i = 0; i < c->field.n_limits; i++) {
        const why_limit *l = &c->found.limit[i];
        if (l->n_keep || l->best_alone_row < 0) continue;
        answer_say(w, "No trial keeps %s at all: the best is %s (trial %lld).",
                   limit_text(c, i, w->a), figure_text(c, l->best_alone_row, i, w->a),
                   number_of(c, l->best_alone_row));
    }
    if (c->field.n_limits < 3) return;
    for (int k = 0; k < c->found.n_conflicts && k < SHOWN_VALUES; k++) {
        const why_conflict *x = &c->found.conflict[k];
        answer_say(w, "No trial keeps both %s (%d do) and %s (%d do).", limit_text(c, x->i, w->a),
                   c->found.limit[x->i].n_keep, limit_text(c, x->j, w->a),
                   c->found.limit[x->j].n_keep);
    }
}

static status put_conflicts(const why_case *c, answer *w, err *e)
{
    table *t;
    TRY(answer_add(w, "conflicts", NULL, ANSWER_PROGRAMS, 2, &t, e));
    table_column(t, 0, "limit", NULL);
    table_column(t, 1, "other", NULL);
    for (int k = 0; k < c->found.n_conflicts; k++) {
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(limit_text(c, c->found.conflict[k].i, w->a));
        r[1] = cell_text(limit_text(c, c->found.conflict[k].j, w->a));
    }
    return OK;
}

/* The others of a limit, for "with ...": "size < 25 kB and total_ms < 40 ms". */
static const char *others_text(const why_case *c, int i, arena *a)
{
    buf b = {0};
    for (int j = 0, n = 0; j < c->field.n_limits; j++)
        if (j != i) join(&b, limit_text(c, j, a), n++, c->field.n_limits - 1);
    const char *text = b.failed ? NULL : arena_string(a, b.data ? b.data : "");
    buf_free(&b);
    return text ? text : "the others";
}

/* How near trials come to a limit that keep the others. */
static void tell_best(const why_case *c, int i, answer *w)
{
    const why_limit *l = &c->found.limit[i];
    const store_limit *own = &c->field.limit[i];
    if (l->best_row < 0) return;
    const char *with =
        c->field.n_limits > 1 ? arena_printf(w->a, "With %s, the", others_text(c, i, w->a)) : "The";
    const char *best = figure_text(c, l->best_row, i, w->a);
    if (l->needed > 0)
        answer_say(w, "%s best %s is %s (trial %lld), %.1f %% away from %s.", with ? with : "The",
                   own->metric, best, number_of(c, l->best_row), 100 * l->needed, own->text);
    else
        answer_say(w, "%s best %s is %s (trial %lld), the very bound, which %s leaves out.",
                   with ? with : "The", own->metric, best, number_of(c, l->best_row), own->text);
}

/* Limits that could move as far as they like. */
static void tell_hopeless(const why_case *c, answer *w)
{
    buf b = {0};
    int n = 0, i = 0;
    for (int k = 0; k < c->field.n_limits; k++) n += c->found.limit[k].best_row < 0;
    for (int k = 0; k < c->field.n_limits; k++)
        if (c->found.limit[k].best_row < 0) {
            buf_text(&b, i == 0 ? "" : i + 1 < n ? ", " : " or ");
            buf_text(&b, limit_text(c, k, w->a));
            i++;
        }
    if (n && c->field.n > 0 && !b.failed)
        answer_say(w, "Moving %s%s alone would make no trial feasible.", n > 1 ? "either " : "",
                   b.data);
    buf_free(&b);
}

/* Which limit stands in the way of most: what dropping it would let in. */
static void tell_cost(const why_case *c, answer *w)
{
    int most = -1;
    for (int i = 0; i < c->field.n_limits; i++)
        if (most < 0 || c->found.limit[i].n_without > c->found.limit[most].n_without) most = i;
    if (most < 0 || c->field.n_limits < 2) return;
    int gained = c->found.limit[most].n_without - c->found.n_feasible;
    if (gained > 0)
        answer_say(w, "%s costs most: without it %d of %d trials would be feasible%s.",
                   limit_text(c, most, w->a), c->found.limit[most].n_without, c->field.n,
                   c->found.n_feasible ? arena_printf(w->a, " in place of %d", c->found.n_feasible)
                                       : "");
}

static void tell_limits(const why_case *c, answer *w)
{
    if (c->found.n_feasible == 0) {
        tell_unkept(c, w);
        for (int i = 0; i < c->field.n_limits; i++) tell_best(c, i, w);
        tell_hopeless(c, w);
    }
    tell_cost(c, w);
}

/* --- knobs --- */

static const char *value_text(const why_value *v, arena *a)
{
    return arena_printf(a, "%s=%s", v->knob, v->value);
}

/* "a, b and c" of those values that `is_wanted`. */
static const char *list_values(const why_case *c,
                               bool (*is_wanted)(const why_case *, const why_value *),
                               bool with_shares, arena *a)
{
    buf b = {0};
    int n = 0, i = 0;
    for (int k = 0; k < c->knobs.n_values; k++) n += is_wanted(c, &c->knobs.value[k]);
    n = n < SHOWN_VALUES ? n : SHOWN_VALUES;
    for (int k = 0; k < c->knobs.n_values && i < n; k++) {
        const why_value *v = &c->knobs.value[k];
        if (!is_wanted(c, v)) continue;
        join(&b, value_text(v, a), i++, n);
        if (with_shares)
            buf_printf(&b, " (%d of %d; %.0f %% of all)", v->n_close, c->knobs.n_close,
                       100.0 * v->n_all / c->knobs.n_all);
    }
    const char *text = n && !b.failed ? arena_string(a, b.data) : NULL;
    buf_free(&b);
    return text;
}

/* What all have anyway tells nothing. */
static bool is_common(const why_case *c, const why_value *v)
{
    return v->n_close == c->knobs.n_close && v->n_all < c->knobs.n_all;
}

static bool is_frequent(const why_case *c, const why_value *v)
{
    return v->is_telling && v->n_close < c->knobs.n_close;
}

/* A share of 0 is the end of its axis by nature. */
static bool is_end(const why_case *c, const why_value *v)
{
    return (v->is_least || v->is_most) && !v->is_zero && (is_common(c, v) || is_frequent(c, v));
}

static void tell_ends(const why_case *c, answer *w)
{
    for (int k = 0; k < c->knobs.n_values; k++) {
        const why_value *v = &c->knobs.value[k];
        if (is_end(c, v))
            answer_say(w, "%s is the %s number tried: the space may end too early there.",
                       value_text(v, w->a), v->is_least ? "least" : "greatest");
    }
}

static void tell_untried(const why_case *c, answer *w)
{
    buf b = {0};
    int n = c->knobs.n_untried < SHOWN_VALUES ? c->knobs.n_untried : SHOWN_VALUES;
    for (int i = 0; i < n; i++)
        join(&b, arena_printf(w->a, "%s=%s", c->knobs.untried[i].knob, c->knobs.untried[i].value),
             i, n);
    if (n && !b.failed)
        answer_say(w, "Values of the space that no finished trial has: %s%s.", b.data,
                   n < c->knobs.n_untried ? ", ..." : "");
    buf_free(&b);
}

static void tell_knobs(const why_case *c, answer *w)
{
    const char *common = list_values(c, is_common, false, w->a),
               *frequent = list_values(c, is_frequent, true, w->a);
    if (c->knobs.n_close < 2) return;
    if (common) answer_say(w, "The %d closest trials all have %s.", c->knobs.n_close, common);
    if (frequent)
        answer_say(w, "More often than chance explains, the %d closest have %s.", c->knobs.n_close,
                   frequent);
    tell_ends(c, w);
}

static status put_knobs(const why_case *c, answer *w, err *e)
{
    static const char *const names[] = {"knob",      "value", "among_closest", "closest",
                                        "among_all", "all",   "chance",        "telling"};
    table *t;
    TRY(answer_add(w, "knobs", NULL, ANSWER_PROGRAMS, 8, &t, e));
    for (int k = 0; k < 8; k++) table_column(t, k, names[k], NULL);
    for (int i = 0; i < c->knobs.n_values; i++) {
        const why_value *v = &c->knobs.value[i];
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(v->knob);
        r[1] = cell_text(v->value);
        r[2] = cell_number(v->n_close);
        r[3] = cell_number(c->knobs.n_close);
        r[4] = cell_number(v->n_all);
        r[5] = cell_number(c->knobs.n_all);
        r[6] = cell_number(v->chance);
        r[7] = cell_number(v->is_telling);
    }
    return OK;
}

static status put_untried(const why_case *c, answer *w, err *e)
{
    table *t;
    TRY(answer_add(w, "untried", NULL, ANSWER_PROGRAMS, 2, &t, e));
    table_column(t, 0, "knob", NULL);
    table_column(t, 1, "value", NULL);
    for (int i = 0; i < c->knobs.n_untried; i++) {
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(c->knobs.untried[i].knob);
        r[1] = cell_text(c->knobs.untried[i].value);
    }
    return OK;
}

/* --- steps --- */

static status put_steps(const why_case *c, answer *w, err *e)
{
    static const char *const names[] = {"knob",   "from", "to",   "tried", "metric",
                                        "change", "low",  "high", "pairs"};
    table *t;
    TRY(answer_add(w, "steps", NULL, ANSWER_PROGRAMS, 9, &t, e));
    for (int k = 0; k < 9; k++) table_column(t, k, names[k], NULL);
    for (int i = 0; i < c->n_steps; i++)
        for (int k = 0; k < c->field.n_limits; k++) {
            const why_step *s = &c->step[i];
            cell *r = table_row(t);
            if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
            r[0] = cell_text(s->knob);
            r[1] = cell_text(s->from);
            r[2] = cell_text(s->to);
            if (s->tried) r[3] = cell_number((double)s->tried);
            r[4] = cell_text(c->field.limit[k].metric);
            r[5] = cell_number(s->change[k]);
            r[6] = cell_number(s->low[k]);
            r[7] = cell_number(s->high[k]);
            r[8] = cell_number(s->n);
        }
    return OK;
}

static const char *signed_figure(double v, const char *unit, arena *a)
{
    return arena_printf(a, "%s%s", v > 0 ? "+" : "", answer_figure(v, unit, a));
}

/* "final_sparsity 0.7 to 0: RH_mae -0.1 %, size +402 B (8 pairs; tried: trial 7)". */
static void tell_step(const why_case *c, const why_step *s, answer *w)
{
    buf b = {0};
    for (int k = 0; k < c->field.n_limits; k++) {
        const char *metric = c->field.limit[k].metric;
        buf_printf(&b, "%s%s %s", k ? ", " : "", metric,
                   signed_figure(s->change[k], ask_unit(c->space, metric), w->a));
    }
    buf_printf(&b, " (%d pairs; ", s->n);
    if (s->tried)
        buf_printf(&b, "tried: trial %lld)", (long long)s->tried);
    else
        buf_text(&b, "not tried)");
    if (!b.failed)
        answer_note(w, arena_printf(w->a, "%s %s to %s: %s", s->knob, s->from, s->to, b.data));
    buf_free(&b);
}

/* The surest improvements of one figure, the best first. */
static void tell_steps(const why_case *c, answer *w)
{
    const int limit = c->pick->binding;
    double last = (double)INFINITY;
    if (limit < 0) return;
    for (int shown = 0; shown < SHOWN_STEPS; shown++) {
        int best = -1;
        double most = 0;
        for (int i = 0; i < c->n_steps; i++) {
            double gain = why_step_gain(&c->field.limit[limit], &c->step[i], limit);
            if (gain > most && gain < last) most = gain, best = i;
        }
        if (best < 0) return;
        if (shown == 0)
            answer_say(w,
                       "What improves %s, by the mean of pairs that differ in one knob alone, from "
                       "the values of trial %lld:",
                       c->field.limit[limit].metric, (long long)c->pick->trial);
        tell_step(c, &c->step[best], w);
        last = most;
    }
}

/* --- the closest trials --- */

static status put_closest(const why_case *c, answer_audience who, int rows, answer *w, err *e)
{
    const int m = c->field.n_limits;
    table *t;
    TRY(answer_add(w, "closest", "The closest trials:", who, m + 2, &t, e));
    table_column(t, 0, "trial", NULL);
    table_column(t, 1, "worst margin", NULL);
    if (who == ANSWER_PROGRAMS) table_column(t, 1, "worst_margin", NULL);
    for (int i = 0; i < m; i++) table_column(t, i + 2, c->field.limit[i].metric, NULL);
    for (int k = 0; k < rows; k++) {
        int row = c->found.order[k];
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_number((double)number_of(c, row));
        r[1] = answer_percent(-c->found.worst[row], w->a);
        for (int i = 0; i < m; i++)
            r[i + 2] = answer_quantity(c->field.value[row * m + i],
                                       ask_unit(c->space, c->field.limit[i].metric), w->a);
    }
    return OK;
}

status why_tell(const why_case *c, answer *w, err *e)
{
    const bool is_open = c->found.n_feasible == 0;
    const int n = c->knobs.n_close;
    tell_verdict(c, w);
    TRY(put_summary(c, w, e));
    TRY(put_limits(c, w, e));
    TRY(put_conflicts(c, w, e));
    tell_limits(c, w);
    TRY(put_closest(c, ANSWER_PROGRAMS, n, w, e));
    if (is_open && n > 1)
        TRY(put_closest(c, ANSWER_PEOPLE, n < SHOWN_CLOSE ? n : SHOWN_CLOSE, w, e));
    TRY(put_knobs(c, w, e));
    TRY(put_untried(c, w, e));
    TRY(put_steps(c, w, e));
    if (c->pick->met) return OK;
    tell_steps(c, w);
    tell_knobs(c, w);
    tell_untried(c, w);
    if (c->pick->trial)
        answer_say(w, "More: paretune explain %s %lld; paretune importance %s --metric %s.", c->db,
                   (long long)c->pick->trial, c->db,
                   c->pick->binding >= 0 ? c->field.limit[c->pick->binding].metric : "size");
    return OK;
}
