#include "report/job.h"

#include "engine/base/diag.h"
#include "engine/base/file.h"
#include "report/paper_table.h"
#include "report/png.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- begin and end --- */

static const char *usual_folder(arena *a, const char *path)
{
    const char *name = file_name(path);
    size_t n = strlen(name);
    if (n > 3 && strcmp(name + n - 3, ".db") == 0) n -= 3;
    return arena_printf(a, "report-%.*s", (int)n, name);
}

status job_open(job *j, err *e)
{
    if (!j->folder) j->folder = usual_folder(j->a, j->db);
    if (!j->folder) return FAIL(e, ERR_MEM, "no memory for a report");
    TRY(store_open(j->db, STORE_READ, &j->s, e));
    TRY(store_last_space(j->s, j->a, &j->space, e));
    TRY(picks_read(j->s, j->a, &j->picks, e));
    return file_make_folder(j->folder, e);
}

void job_close(job *j)
{
    store_close(j->s);
    buf_free(&j->said);
    j->s = NULL;
}

/* --- files --- */

status job_write_text(job *j, const char *name, const char *text, size_t n, err *e)
{
    const char *path = file_join(j->a, j->folder, name);
    if (!path) return FAIL(e, ERR_MEM, "no memory for %s", name);
    TRY(file_write(path, text, n, e));
    buf_printf(&j->said, "wrote %s\n", path);
    return OK;
}

typedef status print_table(const table *t, const char *name, const char *caption, FILE *f, err *e);

static status print_csv(const table *t, const char *name, const char *caption, FILE *f, err *e)
{
    (void)name, (void)caption;
    return table_print(t, FORMAT_CSV, f, e);
}

static status print_json(const table *t, const char *name, const char *caption, FILE *f, err *e)
{
    (void)name, (void)caption;
    return table_print(t, FORMAT_JSON, f, e);
}

static status write_form(job *j, const table *t, const char *name, const char *ending,
                         print_table *print, const char *caption, err *e)
{
    char *text = NULL;
    size_t n = 0;
    const char *path = arena_printf(j->a, "%s/%s.%s", j->folder, name, ending);
    FILE *f = path ? open_memstream(&text, &n) : NULL;
    if (!f) return FAIL(e, ERR_MEM, "no memory for %s.%s", name, ending);
    status s = print(t, name, caption, f, e);
    if (fclose(f) != 0 && s == OK) s = FAIL(e, ERR_MEM, "no memory for %s.%s", name, ending);
    if (s == OK) s = file_write(path, text, n, e);
    free(text);
    if (s == OK) buf_printf(&j->said, "wrote %s: %d rows\n", path, t->n_rows);
    return s;
}

status job_write_data(job *j, const table *t, const char *name, err *e)
{
    TRY(write_form(j, t, name, "csv", print_csv, "", e));
    return j->json ? write_form(j, t, name, "json", print_json, "", e) : OK;
}

status job_write_paper(job *j, const table *t, const char *name, const char *caption, err *e)
{
    if (j->markdown) TRY(write_form(j, t, name, "md", paper_table_markdown, caption, e));
    if (j->latex) TRY(write_form(j, t, name, "tex", paper_table_latex, caption, e));
    return OK;
}

status job_write_table(job *j, const table *t, const char *name, const char *caption, err *e)
{
    TRY(job_write_data(j, t, name, e));
    return job_write_paper(j, t, name, caption, e);
}

static status write_png(job *j, const char *name, const buf *svg, err *e)
{
    buf png = {0};
    status s = png_render(svg->data, svg->len, &png, e);
    if (s == OK) s = job_write_text(j, arena_printf(j->a, "%s.png", name), png.data, png.len, e);
    buf_free(&png);
    return s;
}

status job_write_figure(job *j, const char *name, status s, const err *why, buf *svg, err *e)
{
    char *safe = arena_string(j->a, name);
    for (char *p = safe; p && *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-_.", *p)) *p = '_';
    const char *file = safe ? arena_printf(j->a, "%s.svg", safe) : NULL;
    if (s == ERR_INPUT)
        buf_printf(&j->said, "no %s: %s\n", safe ? safe : "figure", why->msg);
    else if (s != OK)
        FAIL(e, s, "%s", why->msg);
    else if (!file)
        s = FAIL(e, ERR_MEM, "no memory for a figure");
    else
        s = job_write_text(j, file, svg->data, svg->len, e);
    if (s == OK && j->png) s = write_png(j, safe, svg, e);
    buf_free(svg);
    return s == ERR_INPUT && why->code == ERR_INPUT ? OK : s;
}

/* --- metrics --- */

const store_metric_info *job_find_metric(const job *j, const char *name)
{
    for (int i = 0; i < j->space.n_metrics; i++)
        if (strcmp(j->space.metric[i].name, name) == 0) return &j->space.metric[i];
    return NULL;
}

status job_check_metric(job *j, const char *name, err *e)
{
    if (job_find_metric(j, name)) return OK;
    const char **names = ARENA_NEW(j->a, const char *, (size_t)j->space.n_metrics + 1);
    if (!names) return FAIL(e, ERR_MEM, "no memory for names");
    for (int i = 0; i < j->space.n_metrics; i++) names[i] = j->space.metric[i].name;
    const char *meant = diag_did_you_mean(name, names, (size_t)j->space.n_metrics);
    return FAIL(e, ERR_INPUT, "this study has no metric '%s'%s%s%s", name,
                meant ? "; did you mean '"
                      : "; 'paretune sql DB \"select name from metrics\"' lists them",
                meant ? meant : "", meant ? "'?" : "");
}

static bool is_maximized(const job *j, const char *metric)
{
    for (int i = 0; i < j->space.n_objectives; i++)
        if (strcmp(j->space.objective[i].metric, metric) == 0)
            return j->space.objective[i].maximize;
    const store_metric_info *m = job_find_metric(j, metric);
    return m && m->better == STORE_HIGHER;
}

cloud_axis job_axis(const job *j, const char *metric)
{
    const store_metric_info *m = job_find_metric(j, metric);
    return (cloud_axis){metric, m ? m->unit : "", is_maximized(j, metric)};
}

const char *job_title(const job *j)
{
    return j->space.title && j->space.title[0] ? j->space.title : j->space.name;
}

bool job_is_test_figure(const char *metric)
{
    size_t n = strlen(metric);
    return n > 5 && strcmp(metric + n - 5, "_test") == 0;
}

/* --- trials --- */

/* The first of equals; 0 when none has the figure. */
static int64_t best_trial(const store_points *p, int metric, bool higher)
{
    int64_t trial = 0;
    double best = 0;
    for (int i = 0; i < p->n; i++) {
        double v = p->value[(size_t)i * (size_t)p->n_metrics + (size_t)metric];
        if (!isfinite(v) || (trial && (higher ? v <= best : v >= best))) continue;
        trial = p->trial[i];
        best = v;
    }
    return trial;
}

static status list_best(job *j, int *n, job_choice *list, err *e)
{
    const int m = j->space.n_objectives;
    store_points p;
    const char **metric = ARENA_NEW(j->a, const char *, m + 1);
    if (!metric) return FAIL(e, ERR_MEM, "no memory for a list of trials");
    for (int k = 0; k < m; k++) metric[k] = j->space.objective[k].metric;
    TRY(store_read_points(j->s, m, metric, j->a, &p, e));
    for (int k = 0; k < m; k++) {
        int64_t trial = best_trial(&p, k, j->space.objective[k].maximize);
        const char *name = arena_printf(j->a, "best %s", metric[k]);
        if (!name) return FAIL(e, ERR_MEM, "no memory for a list of trials");
        if (trial) list[(*n)++] = (job_choice){name, trial};
    }
    return OK;
}

status job_list_choices(job *j, int *n, job_choice **out, err *e)
{
    *n = 0;
    *out = ARENA_NEW(j->a, job_choice, (size_t)j->picks.n + (size_t)j->space.n_objectives + 1);
    if (!*out) return FAIL(e, ERR_MEM, "no memory for a list of trials");
    if (j->picks.n == 0) return list_best(j, n, *out, e);
    for (int i = 0; i < j->picks.n; i++)
        if (j->picks.pick[i].trial)
            (*out)[(*n)++] = (job_choice){j->picks.pick[i].version, j->picks.pick[i].trial};
    return OK;
}

status job_read_figures(job *j, int n, const char *const *metric, table *out, err *e)
{
    buf columns = {0};
    buf_text(&columns, "trial, candidate, seed, on_front");
    for (int i = 0; i < n; i++) buf_printf(&columns, ", %s", metric[i]);
    status s = buf_check(&columns, e);
    store_query ask = {.columns = columns.data, .filter = j->filter};
    if (s == OK) s = store_trials(j->s, &ask, j->a, out, e);
    if (s == OK && out->n_columns != JOB_METRICS + n)
        s = FAIL(e, ERR_STATE, "a metric was asked for twice");
    buf_free(&columns);
    return s;
}

double job_number(const table *t, int row, int column)
{
    const cell *c = &t->cells[(size_t)row * (size_t)t->n_columns + (size_t)column];
    return c->kind == CELL_NUMBER ? c->number : (double)NAN;
}
