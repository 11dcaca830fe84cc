/* What is printed: figures, and the verdict on each version of the space. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "search/grade.h"

static bool find_metric(const graded_file *f, const char *name, double *figure)
{
    for (int i = f->n_metrics; i-- > 0;) {
        if (strcmp(f->metric[i].name, name) != 0) continue;
        *figure = f->metric[i].value;
        return true;
    }
    return false;
}

/* --- verdicts --- */

typedef struct {
    bool is_known, is_met;
    double margin; /* of the binding limit */
    const char *binding;
} verdict;

/* Room under a limit as a part of the bound, as picks are judged (store/picks.h). */
static double margin_of(const store_limit *l, double figure)
{
    const double room =
        l->op == LIMIT_LT || l->op == LIMIT_LE ? l->bound - figure : figure - l->bound;
    return room / (l->bound == 0 ? 1 : fabs(l->bound));
}

/* The test figure where the metric has one. */
static bool find_figure(const graded_file *f, const char *metric, double *figure)
{
    char name[40];
    snprintf(name, sizeof name, "%s_test", metric);
    return find_metric(f, name, figure) || find_metric(f, metric, figure);
}

/* A figure that is missing leaves the verdict open only when no other limit decides it. */
static verdict judge(const graded_file *f, const store_version *v)
{
    verdict r = {.is_known = true, .is_met = true, .margin = (double)INFINITY, .binding = ""};
    const char *missing = NULL;
    for (int i = 0; i < v->n_limits; i++) {
        const store_limit *l = &v->limit[i];
        double figure;
        if (!find_figure(f, l->metric, &figure)) {
            if (!missing) missing = l->metric;
            continue;
        }
        if (!limit_holds(l->op, figure, l->bound)) r.is_met = false;
        if (margin_of(l, figure) >= r.margin) continue;
        r.margin = margin_of(l, figure);
        r.binding = l->metric;
    }
    if (missing && r.is_met) return (verdict){.binding = missing, .margin = (double)NAN};
    return r;
}

static const char *verdict_word(const graded_file *f, const verdict *r)
{
    return f->failure ? "not graded" : !r->is_known ? "unknown" : r->is_met ? "met" : "not met";
}

/* "met +5.2 %", "not met -7.1 % RH_mae" */
static const char *show_verdict(const graded_file *f, const verdict *r, arena *a)
{
    if (f->failure) return "-";
    if (!r->is_known) return arena_printf(a, "unknown: no %s", r->binding);
    return arena_printf(a, "%s %+.1f %%%s%s", verdict_word(f, r), 100 * r->margin,
                        r->is_met ? "" : " ", r->is_met ? "" : r->binding);
}

/* --- columns --- */

/* Metrics that people see; all others are for programs. */
static bool is_shown(const char *name)
{
    static const char *const shown[] = {"T_mae",
                                        "RH_mae",
                                        "T_mae_test",
                                        "RH_mae_test",
                                        "accuracy",
                                        "accuracy_test",
                                        "size",
                                        "n_params",
                                        "macs",
                                        "inference_ms",
                                        "total_ms",
                                        "modelled_inference_ms",
                                        "modelled_total_ms"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (strcmp(name, shown[i]) == 0) return true;
    return false;
}

/* Metrics that some file has, in the order of the engine's table. */
static int list_metrics(const grade *g, bool for_people, const metric_row **list)
{
    int n = 0;
    double figure;
    for (const metric_row *m = stage_metrics(); m->name && n < STAGE_MAX_METRICS; m++) {
        bool has = false;
        for (int i = 0; i < g->n && !has; i++) has = find_metric(&g->file[i], m->name, &figure);
        if (has && (!for_people || is_shown(m->name))) list[n++] = m;
    }
    return n;
}

static const char *fact(const graded_file *f, const char *name, arena *a)
{
    const node *n = node_get(f->facts, name), *dims = node_get(n, "shape");
    if (!n) return "";
    if (!dims) return n->text ? n->text : "";
    const char *text = node_get(n, "type")->text;
    for (int i = 0; text && i < dims->n; i++)
        text = arena_printf(a, "%s%s%s", text, i ? "x" : " ", dims->item[i]->text);
    return text ? text : "";
}

typedef struct {
    const grade *g;
    const store_space *s;
    bool for_people;
    int n_metrics;
    const metric_row *metric[STAGE_MAX_METRICS];
    arena *a;
} listing;

static int put_figures(const listing *l, const graded_file *f, cell *row, int at)
{
    for (int i = 0; i < l->n_metrics; i++, at++) {
        char shown[40];
        double figure;
        if (!find_metric(f, l->metric[i]->name, &figure)) continue;
        snprintf(shown, sizeof shown, figure == rint(figure) ? "%.0f" : "%.3f", figure);
        row[at] = cell_shown(figure, arena_string(l->a, shown));
    }
    return at;
}

static int put_verdict(const listing *l, const graded_file *f, const store_version *v, cell *row,
                       int at)
{
    const verdict r = judge(f, v);
    if (l->for_people) {
        row[at] = cell_text(show_verdict(f, &r, l->a));
        return at + 1;
    }
    row[at] = cell_text(verdict_word(f, &r));
    if (f->failure) return at + 3;
    row[at + 1] = cell_number(r.margin);
    row[at + 2] = cell_text(r.binding);
    return at + 3;
}

static status put_row(const listing *l, const graded_file *f, table *t, err *e)
{
    static const char *const facts[] = {"packing", "input", "output"};
    cell *row = table_row(t);
    int at = 0;
    if (!row) return FAIL(e, ERR_MEM, "out of memory for a table");
    row[at++] = cell_text(f->name);
    for (int i = 0; !l->for_people && i < 3; i++) row[at++] = cell_text(fact(f, facts[i], l->a));
    if (!l->for_people) row[at++] = cell_text(f->features ? f->features : "");
    const node *bytes = node_get(f->facts, "bytes");
    if (!l->for_people) row[at++] = bytes ? cell_number(bytes->number) : (cell){0};
    at = put_figures(l, f, row, at);
    for (int v = 0; v < l->s->n_versions; v++) at = put_verdict(l, f, &l->s->version[v], row, at);
    row[at] = cell_text(f->failure ? f->failure : f->note ? f->note : "");
    return OK;
}

static void name_columns(const listing *l, table *t)
{
    static const char *const facts[] = {"packing", "input", "output", "features", "bytes"};
    int at = 0;
    table_column(t, at++, "file", "");
    for (int i = 0; !l->for_people && i < 5; i++) table_column(t, at++, facts[i], "");
    for (int i = 0; i < l->n_metrics; i++)
        table_column(t, at++, l->metric[i]->name, l->metric[i]->unit);
    for (int v = 0; v < l->s->n_versions; v++) {
        const char *name = l->s->version[v].name;
        table_column(t, at++, name, "");
        if (l->for_people) continue;
        table_column(t, at++, arena_printf(l->a, "%s_margin", name), "");
        table_column(t, at++, arena_printf(l->a, "%s_binds", name), "");
    }
    table_column(t, at, "note", "");
}

status grade_table(const grade *g, bool for_people, table *out, int *n_failed, err *e)
{
    listing l = {.g = g, .s = space_for_store(g->s), .for_people = for_people, .a = g->a};
    l.n_metrics = list_metrics(g, for_people, l.metric);
    const int facts = for_people ? 0 : 5, per_version = for_people ? 1 : 3;
    TRY(table_init(out, g->a, 2 + facts + l.n_metrics + per_version * l.s->n_versions, e));
    name_columns(&l, out);
    *n_failed = 0;
    for (int i = 0; i < g->n; i++) {
        *n_failed += g->file[i].failure != NULL;
        TRY(put_row(&l, &g->file[i], out, e));
    }
    return OK;
}
