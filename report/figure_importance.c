#include "report/figure_importance.h"

#include <math.h>
#include <stdio.h>

enum { MOST_PANELS = 6 };
static const double BAR = 8, ROW = 12, HEAD = 14;

typedef struct {
    const char *metric;
    double *share; /* by knob */
    double explained;
} measured;

typedef struct {
    figure f;
    int n, n_knobs, columns;
    measured m[MOST_PANELS];
    const char **knob;
    double names, step, top; /* widths of the names' column and of a panel */
} drawing;

static status measure(job *j, drawing *d, const char *metric, err *e)
{
    ablation a;
    err quiet = {0};
    status s = importance_read(j->s, metric, j->a, &a, &quiet);
    if (s == ERR_INPUT || (s == OK && a.n < 2)) return OK; /* an objective that nothing has yet */
    if (s != OK) return FAIL(e, s, "%s", quiet.msg);
    measured *m = &d->m[d->n++];
    *m = (measured){.metric = metric, .share = ARENA_NEW(j->a, double, a.n_knobs + 1)};
    d->n_knobs = a.n_knobs;
    d->knob = ARENA_NEW(j->a, const char *, a.n_knobs + 1);
    if (!m->share || !d->knob) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int k = 0; k < a.n_knobs; k++) d->knob[k] = a.knob[k].name;
    return importance_shares(&a, m->share, &m->explained, j->a, e);
}

static void draw_bar(drawing *d, double x, double y, double width, double share)
{
    buf *b = &d->f.body;
    char text[16];
    double length = width * fmin(fmax(share, 0), 1);
    snprintf(text, sizeof text, share > 0 && share < 0.001 ? "<0.1 %%" : "%.1f %%", 100 * share);
    svg_rect(b, "s0", x, y - BAR / 2, length, BAR);
    bool inside = length > 0.7 * width;
    svg_text(b, inside ? "small ondark" : "small soft", inside ? x + length - 3 : x + length + 3,
             y + 2.4, inside ? "end" : "start", text);
}

static void draw_panel(drawing *d, int i, double left, double top, bool names)
{
    const measured *m = &d->m[i];
    char text[96], head[128];
    double width = d->step - 10;
    snprintf(text, sizeof text, "%.60s: %.0f %% in all", m->metric, 100 * m->explained);
    svg_fit_text(text, FIGURE_TEXT, width, head, sizeof head);
    svg_text(&d->f.body, "head", left, top + 8, "start", head);
    for (int k = 0; k < d->n_knobs; k++) {
        double y = top + HEAD + ROW * (k + 0.5);
        if (names) {
            svg_fit_text(d->knob[k], FIGURE_TEXT, d->names, text, sizeof text);
            svg_text(&d->f.body, "axis", left - 5, y + 2.6, "end", text);
        }
        draw_bar(d, left, y, width, m->share[k]);
    }
    svg_line(&d->f.body, "zero", left, top + HEAD, left, top + HEAD + ROW * d->n_knobs);
}

static status draw(job *j, drawing *d, buf *svg, err *e)
{
    for (int i = 0; i < j->space.n_objectives && d->n < MOST_PANELS; i++)
        TRY(measure(j, d, j->space.objective[i].metric, e));
    if (d->n == 0 || d->n_knobs == 0)
        return FAIL(e, ERR_INPUT, "no knobs and objectives over two configurations or more");
    const char *title = arena_printf(j->a, "%s: what the knobs explain", job_title(j));
    if (!title) return FAIL(e, ERR_MEM, "no memory for a plot");
    double y =
        figure_begin(&d->f, &j->style, title,
                     "Share of each figure's variance over the configurations that goes with "
                     "one knob alone; the rest is their interplay and the luck of trainings. "
                     "Shares of knobs that were not tried independently overlap.");
    for (int k = 0; k < d->n_knobs; k++)
        d->names = fmax(d->names, svg_text_width(d->knob[k], FIGURE_TEXT));
    d->names = fmin(d->names, 90);
    d->columns = figure_columns(&d->f, d->n);
    d->step = (figure_room(&d->f) - d->names - 6) / d->columns;
    double height = HEAD + ROW * d->n_knobs + 6;
    for (int i = 0; i < d->n; i++) {
        int column = i % d->columns, row = i / d->columns;
        draw_panel(d, i, FIGURE_MARGIN + d->names + 6 + d->step * column, y + 2 + height * row,
                   column == 0);
    }
    y += 2 + height * figure_rows(d->n, d->columns);
    return figure_end(&d->f, y, svg, e);
}

status figure_importance(job *j, err *e)
{
    buf svg = {0};
    err why = {0};
    drawing d = {0};
    status s = draw(j, &d, &svg, &why);
    figure_free(&d.f);
    return job_write_figure(j, "importance", s, &why, &svg, e);
}
