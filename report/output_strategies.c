#include "report/output_strategies.h"

#include "report/figure_strategies.h"
#include "report/strategies_words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- tables --- */

enum {
    C_STRATEGY,
    C_KNOB,
    C_FROM,
    C_TO,
    C_METRIC,
    C_UNIT,
    C_PAIRS,
    C_COMPARISONS,
    C_EFFECT,
    C_LOW,
    C_HIGH,
    C_JOINT_LOW,
    C_JOINT_HIGH,
    N_COLUMNS
};

static void fill_effect(cell *c, const strategy_metric *m, const strategy_effect *f)
{
    double alone[3], joint[3];
    strategy_reported(m, f->mean, f->low, f->high, alone);
    strategy_reported(m, f->mean, f->joint_low, f->joint_high, joint);
    c[C_METRIC] = cell_text(m->name);
    c[C_UNIT] = cell_text(m->role == ROLE_QUALITY ? strategy_unit(m) : "% saved");
    c[C_PAIRS] = cell_number(f->n_pairs);
    c[C_COMPARISONS] = cell_number(f->n);
    if (f->n == 0) return;
    c[C_EFFECT] = cell_number(alone[0]);
    if (f->n < 2) return;
    c[C_LOW] = cell_number(alone[1]);
    c[C_HIGH] = cell_number(alone[2]);
    c[C_JOINT_LOW] = cell_number(joint[1]);
    c[C_JOINT_HIGH] = cell_number(joint[2]);
}

static status put_alone(const strategies *s, table *t, err *e)
{
    for (int i = 0; i < s->n; i++)
        for (int m = 0; m < s->n_metrics; m++) {
            const strategy *p = &s->strategy[i];
            cell *c = table_row(t);
            if (!c) return FAIL(e, ERR_MEM, "no memory for a table");
            c[C_STRATEGY] = cell_text(p->name);
            c[C_KNOB] = cell_text(p->knob);
            c[C_FROM] = cell_text(p->from);
            c[C_TO] = cell_text(p->to);
            fill_effect(c, &s->metric[m], &p->effect[m]);
        }
    return OK;
}

static status put_together(const strategies *s, arena *a, table *t, err *e)
{
    for (int i = 0; i < s->n_pairs; i++)
        for (int m = 0; m < s->n_metrics; m++) {
            const strategy_pair *p = &s->pair[i];
            const char *name = arena_printf(a, "together: %s, %s", s->strategy[p->one].name,
                                            s->strategy[p->other].name);
            cell *c = table_row(t);
            if (!c || !name) return FAIL(e, ERR_MEM, "no memory for a table");
            c[C_STRATEGY] = cell_text(name);
            fill_effect(c, &s->metric[m], &p->effect[m]);
        }
    return OK;
}

status strategies_table(const strategies *s, arena *a, table *out, err *e)
{
    static const char *const names[N_COLUMNS] = {
        "strategy",    "knob",   "from", "to",   "metric",    "unit",      "pairs",
        "comparisons", "effect", "low",  "high", "joint_low", "joint_high"};
    TRY(table_init(out, a, N_COLUMNS, e));
    for (int i = 0; i < N_COLUMNS; i++) table_column(out, i, names[i], NULL);
    TRY(put_alone(s, out, e));
    return put_together(s, a, out, e);
}

static const char *effect_text(const strategy_metric *m, const strategy_effect *f, arena *a)
{
    buf b = {0};
    strategy_put_cell(&b, m, f);
    const char *text = arena_string(a, b.data ? b.data : "");
    buf_free(&b);
    return text;
}

status strategies_paper_table(const strategies *s, arena *a, table *out, err *e)
{
    TRY(table_init(out, a, 2 + s->n_metrics, e));
    table_column(out, 0, "strategy", NULL);
    table_column(out, 1, "comparisons", NULL);
    for (int m = 0; m < s->n_metrics; m++) {
        bool quality = s->metric[m].role == ROLE_QUALITY;
        const char *name =
            arena_printf(a, quality ? "change of %s" : "%s saved", s->metric[m].name);
        table_column(out, 2 + m, name ? name : "", strategy_unit(&s->metric[m]));
    }
    for (int i = 0; i < s->n; i++) {
        cell *c = table_row(out);
        int most = 0;
        if (!c) return FAIL(e, ERR_MEM, "no memory for a table");
        c[0] = cell_text(s->strategy[i].name);
        for (int m = 0; m < s->n_metrics; m++) {
            const strategy_effect *f = &s->strategy[i].effect[m];
            most = f->n > most ? f->n : most;
            c[2 + m] = cell_text(effect_text(&s->metric[m], f, a));
        }
        c[1] = cell_number(most);
    }
    return OK;
}

/* Of a quality the figure, of the others what is saved, too. */
static int mix_columns(const strategies *s)
{
    int n = 4;
    for (int m = 0; m < s->n_metrics; m++) n += s->metric[m].role == ROLE_QUALITY ? 1 : 2;
    return n;
}

static void name_mix_columns(const strategies *s, arena *a, table *t)
{
    static const char *const names[] = {"budget", "aim", "trial", "strategies"};
    int at = 0;
    for (; at < 4; at++) table_column(t, at, names[at], NULL);
    for (int m = 0; m < s->n_metrics; m++) {
        const char *saved = arena_printf(a, "%s saved", s->metric[m].name);
        table_column(t, at++, s->metric[m].name, s->metric[m].unit);
        if (s->metric[m].role != ROLE_QUALITY) table_column(t, at++, saved ? saved : "", "%");
    }
}

status strategies_mix_table(const strategies *s, arena *a, table *out, err *e)
{
    TRY(table_init(out, a, mix_columns(s), e));
    name_mix_columns(s, a, out);
    for (int i = 0; i < s->n_mixes; i++) {
        const strategy_mix *x = &s->mix[i];
        cell *c = table_row(out);
        if (!c) return FAIL(e, ERR_MEM, "no memory for a table");
        *c++ = cell_text(x->budget);
        *c++ = cell_text(x->aim);
        *c++ = cell_number((double)x->trial);
        *c++ = cell_text(x->strategies);
        for (int m = 0; m < s->n_metrics; m++) {
            double saved = 100 * x->saved[m];
            *c++ = cell_number(x->figure[m]);
            if (s->metric[m].role != ROLE_QUALITY)
                *c++ = cell_shown(saved, arena_printf(a, "%.1f", saved));
        }
    }
    return OK;
}

/* --- files --- */

static status write_paper(job *j, const strategies *s, err *e)
{
    table t;
    const char *caption = arena_printf(
        j->a,
        "%s: effects of each strategy, with 95 %% intervals that hold for all of them at once.",
        job_title(j));
    TRY(strategies_paper_table(s, j->a, &t, e));
    return caption ? job_write_paper(j, &t, "strategies", caption, e)
                   : FAIL(e, ERR_MEM, "no memory for a caption");
}

/* The words again where they can be read at once, on lines for a terminal. */
static void print_wrapped(const char *text)
{
    enum { WIDTH = 96 };
    int at = 0;
    for (const char *p = text; *p;) {
        if (*p == '\n') {
            putchar('\n');
            at = 0;
            p++;
            continue;
        }
        int n = (int)strcspn(p, " \n"), wide = 0;
        for (int i = 0; i < n; i++) wide += ((unsigned char)p[i] & 0xC0) != 0x80;
        if (at > 0 && at + 1 + wide > WIDTH) {
            putchar('\n');
            at = 0;
        }
        printf("%s%.*s", at ? " " : "", n, p);
        at += wide + (at > 0);
        p += n + (p[n] == ' ');
    }
}

status output_strategies(job *j, err *e)
{
    strategies s;
    table t;
    buf words = {0};
    TRY(strategies_read(j, &s, e));
    TRY(strategies_table(&s, j->a, &t, e));
    TRY(job_write_data(j, &t, "strategies", e));
    TRY(write_paper(j, &s, e));
    const char *caption = arena_printf(
        j->a, "%s: what combines strategies best, of the configurations that were tried.",
        job_title(j));
    if (!caption) return FAIL(e, ERR_MEM, "no memory for a caption");
    TRY(strategies_mix_table(&s, j->a, &t, e));
    if (s.n_mixes) TRY(job_write_table(j, &t, "combinations", caption, e));
    TRY(figure_strategies(j, &s, e));
    status st = strategies_words(&s, &words, e);
    if (st == OK) st = job_write_text(j, "strategies.txt", words.data, words.len, e);
    if (st == OK) print_wrapped(words.data);
    if (st == OK) printf("\n");
    buf_free(&words);
    return st;
}
