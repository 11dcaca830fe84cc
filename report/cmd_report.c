#include "report/cmd_report.h"
#include "engine/base/diag.h"
#include "engine/base/file.h"
#include "report/page_file.h"
#include "report/scatter.h"
#include "report/svg.h"
#include "report/volume.h"
#include "store/store.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *out_folder, *x_metric, *y_metric;
static bool as_page;

static const opt options[] = {
    {"out", 'o', OPT_STRING, "DIR",
     "folder for the files (default: report-NAME for NAME.db); with --html a folder or a file "
     "that ends in .html",
     0, 0, &out_folder},
    {"html", 0, OPT_FLAG, NULL, "write one interactive page, NAME.html, in place of the files", 0,
     0, &as_page},
    {"x", 'x', OPT_STRING, "METRIC", "draw one plot with this metric across (default: size)", 0, 0,
     &x_metric},
    {"y", 'y', OPT_STRING, "METRIC", "draw one plot with this metric upwards", 0, 0, &y_metric},
    {0},
};

static const opt_spec spec = {
    .name = "report",
    .args = "DB",
    .summary = "write tables and Pareto plots of a study",
    .details =
        "Writes front.csv (trials that no other beats under the objectives), trials.csv (all of\n"
        "them), picks.csv and one SVG for each objective against size, and prints the picks:\n"
        "per version the trial chosen on validation figures, its test figures and the margin\n"
        "to every limit, or the closest miss and the limit that binds.\n"
        "CSV files are UTF-8, with one row per trial and a column per knob and metric; units\n"
        "are those of the columns' comments: 'paretune sql DB \"select * from metrics\"'.\n"
        "\n"
        "--html writes a page that needs no network: fronts of any two figures, limits to move,\n"
        "filters, learning curves, what each knob bought, where the picked file's bytes are, and\n"
        "provenance. 'paretune serve' shows the same of a running study.",
    .examples = "  paretune report hw2.db\n"
                "  paretune report hw2.db --html\n"
                "  paretune report hw2.db --out plots --x macs --y T_mae",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* What the parts of one report share. */
typedef struct {
    store *s;
    arena *a;
    const char *db, *folder;
    store_space space;
    picks picks;
    buf said; /* what was written, for the end */
} work;

/* --- tables --- */

static status write_table(work *w, const table *t, const char *name, err *e)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) return FAIL(e, ERR_MEM, "no memory for %s", name);
    status s = table_print(t, FORMAT_CSV, f, e);
    if (fclose(f) != 0 && s == OK) s = FAIL(e, ERR_MEM, "no memory for %s", name);
    const char *path = file_join(w->a, w->folder, name);
    if (s == OK) s = file_write(path, text, n, e);
    free(text);
    if (s == OK) buf_printf(&w->said, "wrote %s: %d rows\n", path, t->n_rows);
    return s;
}

static status write_tables(work *w, err *e)
{
    table t;
    TRY(store_trials(w->s, &(store_query){.columns = "all", .front_only = true}, w->a, &t, e));
    TRY(write_table(w, &t, "front.csv", e));
    TRY(store_trials(w->s, &(store_query){.columns = "all", .state = "all"}, w->a, &t, e));
    TRY(write_table(w, &t, "trials.csv", e));
    TRY(picks_table(&w->picks, false, w->a, &t, e));
    return write_table(w, &t, "picks.csv", e);
}

/* --- plots --- */

static const store_metric_info *find_metric(const store_space *space, const char *name)
{
    for (int i = 0; i < space->n_metrics; i++)
        if (strcmp(space->metric[i].name, name) == 0) return &space->metric[i];
    return NULL;
}

static status check_metric(work *w, const char *name, err *e)
{
    if (find_metric(&w->space, name)) return OK;
    const char **names = ARENA_NEW(w->a, const char *, (size_t)w->space.n_metrics + 1);
    if (!names) return FAIL(e, ERR_MEM, "no memory for names");
    for (int i = 0; i < w->space.n_metrics; i++) names[i] = w->space.metric[i].name;
    const char *meant = diag_did_you_mean(name, names, (size_t)w->space.n_metrics);
    return FAIL(e, ERR_INPUT, "this study has no metric '%s'%s%s%s", name,
                meant ? "; did you mean '"
                      : "; 'paretune sql DB \"select name from metrics\"' lists them",
                meant ? meant : "", meant ? "'?" : "");
}

static bool is_maximized(const store_space *space, const char *metric)
{
    for (int i = 0; i < space->n_objectives; i++)
        if (strcmp(space->objective[i].metric, metric) == 0) return space->objective[i].maximize;
    const store_metric_info *m = find_metric(space, metric);
    return m && m->better == STORE_HIGHER;
}

static scatter_axis axis_of(const work *w, const char *metric)
{
    const store_metric_info *m = find_metric(&w->space, metric);
    return (scatter_axis){metric, m ? m->unit : "", is_maximized(&w->space, metric)};
}

static scatter_limit limit_on(const pick *p, const char *metric)
{
    for (int i = 0; i < p->n_limits; i++)
        if (strcmp(p->limit[i].metric, metric) == 0)
            return (scatter_limit){true, p->limit[i].op, p->limit[i].bound};
    return (scatter_limit){0};
}

/* The trial's two figures, where it is among the points. */
static bool find_figures(const store_points *p, int64_t trial, double *x, double *y)
{
    for (int i = 0; i < p->n; i++) {
        if (p->trial[i] != trial) continue;
        *x = p->value[2 * i];
        *y = p->value[2 * i + 1];
        return isfinite(*x) && isfinite(*y);
    }
    return false;
}

/* The name gives way before the verdict does. */
static const char *heading_of(work *w, const pick *p)
{
    char name[64];
    svg_fit_text(p->version, 12.5, 150, name, sizeof name);
    if (p->kind == PICK_NONE) return arena_printf(w->a, "%s: nothing yet", name);
    return arena_printf(w->a, "%s: %s, trial %lld", name,
                        p->met                   ? "met"
                        : p->kind == PICK_CHOSEN ? "not met on test"
                                                 : "closest miss",
                        (long long)p->trial);
}

/* Figures of both parts: the point lies at one of them, the verdict concerns the other. */
static const char *note_of(work *w, const pick *p)
{
    if (p->binding < 0) return p->n_limits ? "no trial has all figures" : "no limits";
    const pick_limit *l = &p->limit[p->binding];
    char value[48], reported[48] = "missing";
    quantity_format(l->value, l->unit, value, sizeof value);
    if (!isnan(l->reported)) quantity_format(l->reported, l->unit, reported, sizeof reported);
    if (l->exact) return arena_printf(w->a, "%s %s: %s", l->metric, l->text, value);
    return arena_printf(w->a, "%s %s: %s on validation, %s on test", l->metric, l->text, value,
                        reported);
}

static status list_versions(work *w, const store_points *points, const char *x, const char *y,
                            scatter_version **out, err *e)
{
    scatter_version *v = ARENA_NEW(w->a, scatter_version, (size_t)w->picks.n + 1);
    if (!v) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < w->picks.n; i++) {
        const pick *p = &w->picks.pick[i];
        v[i] = (scatter_version){.name = p->version,
                                 .heading = heading_of(w, p),
                                 .note = note_of(w, p),
                                 .title = p->title,
                                 .x = limit_on(p, x),
                                 .y = limit_on(p, y),
                                 .met = p->met};
        if (!v[i].heading || !v[i].note) return FAIL(e, ERR_MEM, "no memory for a plot");
        v[i].has_pick = find_figures(points, p->trial, &v[i].pick_x, &v[i].pick_y);
    }
    *out = v;
    return OK;
}

static status list_points(work *w, const store_points *p, scatter_point **out, int *n_front, err *e)
{
    scatter_point *q = ARENA_NEW(w->a, scatter_point, (size_t)p->n + 1);
    if (!q) return FAIL(e, ERR_MEM, "no memory for a plot");
    *n_front = 0;
    for (int i = 0; i < p->n; i++) {
        q[i] =
            (scatter_point){p->value[2 * i], p->value[2 * i + 1], p->trial[i], p->on_front[i] != 0};
        *n_front += p->on_front[i];
    }
    *out = q;
    return OK;
}

static bool is_test_figure(const char *metric)
{
    size_t n = strlen(metric);
    return n > 5 && strcmp(metric + n - 5, "_test") == 0;
}

static status describe_plot(work *w, const char *x, const char *y, scatter *out, err *e)
{
    const char *names[] = {x, y};
    store_points points;
    scatter_point *point = NULL;
    scatter_version *version = NULL;
    int n_front = 0;
    TRY(store_read_points(w->s, 2, names, w->a, &points, e));
    TRY(list_points(w, &points, &point, &n_front, e));
    TRY(list_versions(w, &points, x, y, &version, e));
    const char *what = w->space.title && w->space.title[0] ? w->space.title : w->space.name;
    *out = (scatter){.title = arena_printf(w->a, "%s: %s against %s", what, y, x),
                     .subtitle = arena_printf(
                         w->a, "%d finished trial%s, %d on the front of all objectives; %s",
                         points.n, points.n == 1 ? "" : "s", n_front,
                         is_test_figure(x) || is_test_figure(y) ? "_test: figures of the test part"
                                                                : "figures of the validation part"),
                     .x = axis_of(w, x),
                     .y = axis_of(w, y),
                     .n_points = points.n,
                     .point = point,
                     .n_versions = w->picks.n,
                     .version = version};
    return out->title && out->subtitle ? OK : FAIL(e, ERR_MEM, "no memory for a plot");
}

/* A metric's name as part of a file's. */
static const char *plot_name(work *w, const char *x, const char *y)
{
    char *name = arena_printf(w->a, "pareto-%.60s-%.60s.svg", x, y);
    for (char *p = name; p && *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-_.", *p)) *p = '_';
    return name;
}

static status write_plot(work *w, const char *x, const char *y, err *e)
{
    scatter plot;
    buf svg = {0};
    err why = {0};
    TRY(describe_plot(w, x, y, &plot, e));
    status s = scatter_draw(&plot, w->a, &svg, &why);
    const char *name = plot_name(w, x, y), *path = name ? file_join(w->a, w->folder, name) : NULL;
    if (s == OK && !path) s = FAIL(&why, ERR_MEM, "no memory for a plot");
    if (s == OK) s = file_write(path, svg.data, svg.len, &why);
    if (s == OK) buf_printf(&w->said, "wrote %s\n", path);
    buf_free(&svg);
    if (s == ERR_INPUT) { /* nothing to draw is no reason to lose the tables */
        buf_printf(&w->said, "no plot of %s against %s: %s\n", y, x, why.msg);
        return OK;
    }
    return s == OK ? OK : FAIL(e, s, "%s", why.msg);
}

/* Each objective against size, or against the first one when the study does not mind size. */
static status write_usual_plots(work *w, err *e)
{
    const store_space *s = &w->space;
    const char *x = s->n_objectives ? s->objective[0].metric : NULL;
    for (int i = 0; i < s->n_objectives; i++)
        if (strcmp(s->objective[i].metric, "size") == 0) x = "size";
    for (int i = 0; i < s->n_objectives; i++)
        if (strcmp(s->objective[i].metric, x) != 0)
            TRY(write_plot(w, x, s->objective[i].metric, e));
    return OK;
}

static status write_plots(work *w, err *e)
{
    if (!x_metric && !y_metric) return write_usual_plots(w, e);
    const char *x = x_metric ? x_metric : "size", *y = y_metric;
    for (int i = 0; i < w->space.n_objectives && !y; i++)
        if (strcmp(w->space.objective[i].metric, x) != 0) y = w->space.objective[i].metric;
    if (!y) return FAIL(e, ERR_INPUT, "say with --y what to draw against %s", x);
    TRY(check_metric(w, x, e));
    TRY(check_metric(w, y, e));
    return write_plot(w, x, y, e);
}

/* --- all of it --- */

static const char *usual_folder(arena *a, const char *path)
{
    const char *name = file_name(path);
    size_t n = strlen(name);
    if (n > 3 && strcmp(name + n - 3, ".db") == 0) n -= 3;
    return arena_printf(a, "report-%.*s", (int)n, name);
}

/* "front: 17 of 58 trials dominate 0.913 of the box T_mae 0.439 .. 12.6 °C, size 548 B .. 6.9 kB". */
static status say_front(work *w, err *e)
{
    front_volume v;
    TRY(front_volume_read(w->s, &w->space, w->a, &v, e));
    if (!isfinite(v.share)) return OK;
    buf_printf(&w->said, "front: %d of %d trials; they dominate %.3f of the box", v.n_front,
               v.n_trials, v.share);
    for (int k = 0; k < w->space.n_objectives; k++) {
        char best[32], worst[32];
        const char *metric = w->space.objective[k].metric, *unit = axis_of(w, metric).unit;
        quantity_format(v.best[k], unit, best, sizeof best);
        quantity_format(v.worst[k], unit, worst, sizeof worst);
        buf_printf(&w->said, "%s %s %s .. %s", k ? "," : "", metric, best, worst);
    }
    buf_text(&w->said, " (hypervolume)\n");
    return OK;
}

static status write_report(work *w, err *e)
{
    TRY(store_last_space(w->s, w->a, &w->space, e));
    TRY(picks_read(w->s, w->a, &w->picks, e));
    TRY(file_make_folder(w->folder, e));
    TRY(say_front(w, e));
    TRY(write_tables(w, e));
    TRY(write_plots(w, e));
    TRY(buf_check(&w->said, e));
    if (w->picks.n > 0) {
        TRY(picks_print(&w->picks, w->db, stdout, w->a, e));
        printf("\n");
    }
    printf("%s", w->said.data);
    return OK;
}

static status write_page(const char *db, err *e)
{
    const char *path = NULL;
    arena a = {0};
    status s = page_write(db, out_folder, &a, &path, e);
    if (s == OK) printf("wrote %s\n", path);
    arena_free(&a);
    return s;
}

static status run(int n, char **argv, int *code, err *e)
{
    (void)n;
    (void)code;
    if (as_page) return write_page(argv[0], e);
    arena a = {0};
    work w = {
        .a = &a, .db = argv[0], .folder = out_folder ? out_folder : usual_folder(&a, argv[0])};
    if (!w.folder) return FAIL(e, ERR_MEM, "no memory for a report");
    status s = store_open(argv[0], STORE_READ, &w.s, e);
    if (s == OK) s = write_report(&w, e);
    store_close(w.s);
    buf_free(&w.said);
    arena_free(&a);
    return s;
}

const command cmd_report = {.spec = &spec, .run = run};
