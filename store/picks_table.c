/* The picks for people and programs. */
#include "store/picks.h"
#include "engine/base/buf.h"
#include "store/answer.h"
#include "store/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- one row per limit --- */

typedef enum {
    C_VERSION,
    C_VERDICT,
    C_FOUND,
    C_TRIAL,
    C_LIMIT,
    C_VALIDATION,
    C_VALIDATION_MARGIN,
    C_TEST,
    C_MARGIN,
    C_NOTE,
    C_SEEDS,
    C_CONFIDENCE,
    C_FRESH,
    C_FILE,
    C_KNOBS,
    C_MODEL,
    C_FEASIBLE,
    C_RULE,
    N_COLUMNS
} column;

static const char *const names[N_COLUMNS] = {
    [C_VERSION] = "version",
    [C_VERDICT] = "verdict",
    [C_FOUND] = "found",
    [C_TRIAL] = "trial",
    [C_LIMIT] = "limit",
    [C_VALIDATION] = "validation",
    [C_VALIDATION_MARGIN] = "validation_margin",
    [C_TEST] = "test",
    [C_MARGIN] = "margin",
    [C_NOTE] = "note",
    [C_SEEDS] = "seeds",
    [C_CONFIDENCE] = "confidence",
    [C_FRESH] = "fresh_chance",
    [C_FILE] = "file_chance",
    [C_KNOBS] = "knobs",
    [C_MODEL] = "model",
    [C_FEASIBLE] = "feasible",
    [C_RULE] = "rule",
};

/* What was found, the knobs and the file stand below the table. */
static const column for_eyes[] = {C_VERSION,           C_VERDICT, C_TRIAL,  C_LIMIT, C_VALIDATION,
                                  C_VALIDATION_MARGIN, C_TEST,    C_MARGIN, C_NOTE};
enum { N_FOR_EYES = sizeof for_eyes / sizeof *for_eyes };

static const char *found_text(const pick *p)
{
    static const char *const words[] = {"no finished trial", "closest miss", "pick"};
    return words[p->kind];
}

/* On which part's figures a limit binds. */
static const char *note_text(const pick *p, int i)
{
    if (i != p->binding) return "";
    return p->limit[i].exact         ? "binds"
           : p->kind == PICK_CLOSEST ? "validation binds"
                                     : "test binds";
}

static void fill_version(cell *c, const pick *p, arena *a)
{
    c[C_VERSION] = cell_text(p->version);
    c[C_VERDICT] = cell_text(p->met ? "met" : "not met");
    c[C_FOUND] = cell_text(found_text(p));
    c[C_TRIAL] = cell_text(p->trial ? arena_printf(a, "%lld", (long long)p->trial) : "-");
    c[C_SEEDS] = cell_number(p->n_seeds);
    c[C_CONFIDENCE] = cell_number(p->confidence);
    c[C_FRESH] = cell_number(p->fresh);
    c[C_FILE] = cell_number(p->file);
    c[C_KNOBS] = cell_text(p->knobs);
    c[C_MODEL] = cell_text(p->model);
    c[C_FEASIBLE] = cell_number(p->n_feasible);
    c[C_RULE] = cell_text(p->rule);
}

static void fill_limit(cell *c, const pick *p, int i, arena *a)
{
    const pick_limit *l = &p->limit[i];
    c[C_LIMIT] = cell_text(arena_printf(a, "%s %s", l->metric, l->text));
    c[C_VALIDATION] = answer_quantity(l->value, l->unit, a);
    c[C_VALIDATION_MARGIN] = answer_percent(l->validation_margin, a);
    c[C_TEST] = answer_quantity(l->reported, l->unit, a);
    c[C_MARGIN] = answer_percent(l->margin, a);
    c[C_NOTE] = cell_text(note_text(p, i));
}

static status put_row(table *t, const pick *p, int i, bool for_people, arena *a, err *e)
{
    cell all[N_COLUMNS], *c = table_row(t);
    if (!c) return FAIL(e, ERR_MEM, "no memory for the picks table");
    for (int k = 0; k < N_COLUMNS; k++) all[k] = cell_text("");
    if (i == 0 || !for_people) fill_version(all, p, a);
    if (i < p->n_limits) fill_limit(all, p, i, a);
    for (int k = 0; k < t->n_columns; k++) c[k] = all[for_people ? for_eyes[k] : (column)k];
    return OK;
}

status picks_table(const picks *p, bool for_people, arena *a, table *out, err *e)
{
    int n = for_people ? N_FOR_EYES : N_COLUMNS;
    TRY(table_init(out, a, n, e));
    for (int k = 0; k < n; k++)
        table_column(out, k, names[for_people ? for_eyes[k] : (column)k], NULL);
    for (int k = 0; for_people && k < n; k++)
        if (for_eyes[k] == C_VALIDATION_MARGIN) table_column(out, k, "margin", NULL);
    for (int i = 0; i < p->n; i++)
        for (int j = 0; j == 0 || j < p->pick[i].n_limits; j++)
            TRY(put_row(out, &p->pick[i], j, for_people, a, e));
    return OK;
}

/* --- in words --- */

const char *pick_verdict(const pick *p, arena *a)
{
    long long n = p->trial;
    if (p->kind == PICK_NONE) return "not met: no finished trial has all figures";
    if (p->met) return arena_printf(a, "met by trial %lld", n);
    if (p->kind == PICK_CLOSEST) return arena_printf(a, "not met: closest miss is trial %lld", n);
    for (int i = 0; i < p->n_limits; i++)
        if (!p->limit[i].holds)
            return arena_printf(a, "not met: trial %lld passes validation, fails test", n);
    if (isnan(p->confidence))
        return arena_printf(a,
                            "not met: trial %lld passes, but how surely is not known (%d of at "
                            "least %d seeds)",
                            n, p->n_seeds, VERDICT_FEWEST);
    return arena_printf(a, "not met: trial %lld passes, but its confidence is %.1f %% only", n,
                        100 * p->confidence);
}

/* Certainty is never claimed. */
static void put_chance(buf *b, double chance)
{
    if (chance > 0.9995)
        buf_text(b, "over 99.9 %");
    else if (chance < 0.0005)
        buf_text(b, "under 0.1 %");
    else
        buf_printf(b, "%.1f %%", 100 * chance);
}

/* Only where several seeds tell. */
static void put_chances(buf *b, const pick *p)
{
    buf_text(b, "    keeps its limits with ");
    put_chance(b, p->confidence);
    buf_printf(b, " confidence (%d seeds); a fresh training would with ", p->n_seeds);
    put_chance(b, p->fresh);
    if (!isnan(p->file)) buf_text(b, ", this file does with ");
    if (!isnan(p->file)) put_chance(b, p->file);
    buf_char(b, '\n');
}

/* What chose, where it was not the usual. */
static void put_choice(buf *b, const pick *p)
{
    if (p->kind == PICK_CHOSEN)
        buf_printf(b, "    %s among %d feasible trial%s\n", p->rule, p->n_feasible,
                   p->n_feasible == 1 ? "" : "s");
}

static void put_verdict(buf *b, const pick *p, bool own, int width, arena *a)
{
    buf_printf(b, "%s: %s\n", p->version, pick_verdict(p, a));
    if (own) put_choice(b, p);
    if (!isnan(p->confidence)) put_chances(b, p);
    answer_wrap(b, p->knobs, 4, width);
}

static void put_part(buf *b, const char *part, double v, double margin, const char *unit,
                     const char *note)
{
    char figure[48] = "-", room[32] = "";
    if (!isnan(v)) quantity_format(v, unit, figure, sizeof figure);
    if (!isnan(margin)) snprintf(room, sizeof room, "  %+.1f %%", 100 * margin);
    buf_printf(b, "      %-11s%s%s%s%s\n", part, figure, room, note[0] ? "  " : "", note);
}

/* For a terminal on which the table would wrap: a line per figure. */
static void put_block(buf *b, const pick *p, bool own, int width, arena *a)
{
    put_verdict(b, p, own, width, a);
    for (int i = 0; i < p->n_limits; i++) {
        const pick_limit *l = &p->limit[i];
        bool binds = i == p->binding, early = p->kind == PICK_CLOSEST;
        buf_printf(b, "  %s %s\n", l->metric, l->text);
        if (!l->exact)
            put_part(b, "validation", l->value, l->validation_margin, l->unit,
                     binds && early ? "binds" : "");
        put_part(b, l->exact ? "exact" : "test", l->reported, l->margin, l->unit,
                 binds && (l->exact || !early) ? "binds" : "");
    }
}

/* A version that is met, if there is one, to show how its file is had. */
static const pick *choose_example(const picks *p)
{
    const pick *best = NULL;
    for (int i = 0; i < p->n; i++)
        if (p->pick[i].trial && (!best || (p->pick[i].met && !best->met))) best = &p->pick[i];
    return best;
}

status picks_print_within(const picks *p, const char *db_path, int width, FILE *f, arena *a, err *e)
{
    buf b = {0};
    char *text = NULL;
    int columns = 0;
    table t;
    status s = picks_table(p, true, a, &t, e);
    if (s == OK) s = answer_draw(&t, &text, &columns, e);
    bool fits = s == OK && columns <= width;
    if (fits) buf_text(&b, text);
    for (int i = 0; s == OK && i < p->n; i++)
        (fits ? put_verdict : put_block)(&b, &p->pick[i], p->own, width, a);
    const pick *example = choose_example(p);
    if (example && p->own)
        buf_printf(&b, "To have its model.tflite: paretune export %s %lld\n", db_path,
                   (long long)example->trial);
    else if (example)
        buf_printf(&b, "To have its model.tflite: paretune export %s --pick %s\n", db_path,
                   example->version);
    if (s == OK) s = buf_check(&b, e);
    if (s == OK && fwrite(b.data, 1, b.len, f) != b.len)
        s = FAIL(e, ERR_IO, "cannot write the picks");
    buf_free(&b);
    free(text);
    return s;
}

status picks_print(const picks *p, const char *db_path, FILE *f, arena *a, err *e)
{
    return picks_print_within(p, db_path, answer_columns(f), f, a, e);
}
