#include "report/figure_curves.h"

#include "report/curves.h"
#include "report/labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_READ = 400, MOST_LINES = 60 };

typedef struct {
    figure f;
    panel p;
    learning_curves all;
    int n_chosen, longest;
    job_choice *choice;
    bool as_band;
} drawing;

static int choice_of(const drawing *d, int64_t trial)
{
    for (int i = 0; i < d->n_chosen; i++)
        if (d->choice[i].trial == trial) return i;
    return -1;
}

/* --- range --- */

static int compare_doubles(const void *one, const void *two)
{
    double a = *(const double *)one, b = *(const double *)two;
    return (a > b) - (a < b);
}

/* Of the finite values after epoch `at`, sorted into `v`: how many. */
static int values_at(const drawing *d, int at, double *v)
{
    int n = 0;
    for (int i = 0; i < d->all.n; i++)
        if (at < d->all.curve[i].n && isfinite(d->all.curve[i].value[at]))
            v[n++] = d->all.curve[i].value[at];
    qsort(v, (size_t)n, sizeof *v, compare_doubles);
    return n;
}

/* The first epoch and diverged trainings would press all else together: the middle nine tenths of each later epoch,
 * and what is chosen. */
static range value_range(const drawing *d, double *v)
{
    range r = range_empty();
    for (int k = d->longest > 4 ? 1 : 0; k < d->longest; k++) {
        int n = values_at(d, k, v);
        if (n == 0) continue;
        range_widen(&r, v[n / 20]);
        range_widen(&r, v[n - 1 - n / 20]);
    }
    for (int i = 0; i < d->all.n; i++) {
        const learning_curve *c = &d->all.curve[i];
        if (choice_of(d, c->trial) < 0) continue;
        for (int k = c->n > 4 ? 1 : 0; k < c->n; k++) range_widen(&r, c->value[k]);
    }
    return r;
}

/* --- lines --- */

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static double py(const drawing *d, double v)
{
    return clamp(panel_y(&d->p, v), d->p.top, d->p.top + d->p.height);
}

static double px(const drawing *d, int epoch)
{
    return panel_x(&d->p, epoch + 1);
}

static void draw_line(drawing *d, const learning_curve *c, const char *class)
{
    bool open = false;
    svg_path_begin(&d->f.body, class);
    for (int i = 0; i < c->n; i++) {
        if (!isfinite(c->value[i])) {
            open = false;
            continue;
        }
        (open ? svg_path_line : svg_path_move)(&d->f.body, px(d, i), py(d, c->value[i]));
        open = true;
    }
    svg_path_end(&d->f.body);
}

/* The middle eight tenths, and the median. */
static void draw_band(drawing *d, double *v)
{
    buf *b = &d->f.body;
    bool open = false;
    svg_path_begin(b, "band");
    for (int k = 0; k < d->longest; k++) {
        int n = values_at(d, k, v);
        if (n == 0) continue;
        (open ? svg_path_line : svg_path_move)(b, px(d, k), py(d, v[n / 10]));
        open = true;
    }
    for (int k = d->longest - 1; k >= 0; k--) {
        int n = values_at(d, k, v);
        if (n > 0) svg_path_line(b, px(d, k), py(d, v[n - 1 - n / 10]));
    }
    svg_path_end(b);
    open = false;
    svg_path_begin(b, "dotted");
    for (int k = 0; k < d->longest; k++) {
        int n = values_at(d, k, v);
        if (n == 0) continue;
        (open ? svg_path_line : svg_path_move)(b, px(d, k), py(d, v[n / 2]));
        open = true;
    }
    svg_path_end(b);
}

/* Where the stop rule ended a training. */
static void draw_stop(drawing *d, const learning_curve *c)
{
    double x = px(d, c->n - 1), y = py(d, c->value[c->n - 1]);
    if (!isfinite(c->value[c->n - 1])) return;
    svg_line(&d->f.body, "stop", x - 2, y - 2, x + 2, y + 2);
    svg_line(&d->f.body, "stop", x - 2, y + 2, x + 2, y - 2);
}

static int count_stopped(const drawing *d)
{
    int n = 0;
    for (int i = 0; i < d->all.n; i++) n += d->all.curve[i].is_stopped;
    return n;
}

static void draw_mark(drawing *d, const learning_curve *c, int epoch, int colour, bool hollow)
{
    char class[32];
    if (epoch < 1 || epoch > c->n || !isfinite(c->value[epoch - 1])) return;
    snprintf(class, sizeof class, hollow ? "miss c%d" : "pick c%d f%d", colour, colour);
    svg_circle(&d->f.body, class, px(d, epoch - 1), py(d, c->value[epoch - 1]), 2.2, NULL);
}

static void draw_chosen(drawing *d, const learning_curve *c, int index)
{
    char class[32];
    int colour = index % FIGURE_COLOURS;
    snprintf(class, sizeof class, "curve c%d", colour);
    draw_line(d, c, class);
    draw_mark(d, c, c->prune_begin, colour, true);
    draw_mark(d, c, c->prune_end, colour, true);
    draw_mark(d, c, c->fine_tune, colour, false);
}

/* What stands right of the plot. */
static double widest_name(const drawing *d)
{
    return 0.24 * d->f.width;
}

/* Names of one trial's versions stand together. */
static const char *name_of(const drawing *d, arena *a, int index)
{
    const char *text = "";
    for (int i = 0; i < d->n_chosen; i++) {
        if (d->choice[i].trial != d->choice[index].trial) continue;
        if (i < index) return NULL;
        text = arena_printf(a, "%s%s%s", text, text[0] ? ", " : "", d->choice[i].name);
        if (!text) return NULL;
    }
    char cut[64];
    svg_fit_text(text, FIGURE_TEXT, widest_name(d), cut, sizeof cut);
    return arena_string(a, cut);
}

/* Right of the frame; a line leads there from a curve that ends early. */
static status draw_names(drawing *d, arena *a, err *e)
{
    label *l = ARENA_NEW(a, label, d->n_chosen + 1);
    double edge = d->p.left + d->p.width;
    int n = 0;
    if (!l) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < d->all.n; i++) {
        const learning_curve *c = &d->all.curve[i];
        int index = choice_of(d, c->trial);
        const char *name = index >= 0 ? name_of(d, a, index) : NULL;
        if (!name || !isfinite(c->value[c->n - 1])) continue;
        double x = px(d, c->n - 1), y = py(d, c->value[c->n - 1]);
        if (x < edge - 1) svg_line(&d->f.body, "lead", x, y, edge, y);
        l[n++] = (label){.x = edge + 1, .y = y, .text = name};
    }
    labels_place(l, n,
                 &(label_room){
                     .frame = {edge + 1, d->p.top - 4, d->f.width - 1, d->p.top + d->p.height + 12},
                     .size = FIGURE_TEXT});
    labels_draw(&d->f.body, l, n, "head halo", FIGURE_TEXT);
    return OK;
}

/* --- the figure --- */

static status read_all(job *j, drawing *d, err *e)
{
    TRY(job_list_choices(j, &d->n_chosen, &d->choice, e));
    int64_t *wanted = ARENA_NEW(j->a, int64_t, d->n_chosen + 1);
    if (!wanted) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < d->n_chosen; i++) wanted[i] = d->choice[i].trial;
    TRY(learning_curves_read(j->s, MOST_READ, wanted, d->n_chosen, j->a, &d->all, e));
    for (int i = 0; i < d->all.n; i++)
        if (d->all.curve[i].n > d->longest) d->longest = d->all.curve[i].n;
    if (d->longest < 2) return FAIL(e, ERR_INPUT, "no training of two epochs or more is recorded");
    d->as_band = d->all.n > MOST_LINES;
    return OK;
}

static double draw_legend(drawing *d, double y)
{
    legend_entry entry[5];
    int n = 0;
    if (d->as_band) {
        entry[n++] = (legend_entry){MARK_BAND, "middle 80 % of the trainings"};
        entry[n++] = (legend_entry){MARK_DOTTED, "median"};
    } else
        entry[n++] = (legend_entry){MARK_THIN, "other training"};
    if (count_stopped(d)) entry[n++] = (legend_entry){MARK_STOP, "stopped early"};
    return figure_legend(&d->f, y, entry, n);
}

static const char *subtitle_of(job *j, const drawing *d)
{
    bool pruned = false, tuned = false;
    for (int i = 0; i < d->all.n; i++) {
        if (choice_of(d, d->all.curve[i].trial) < 0) continue;
        pruned |= d->all.curve[i].prune_begin >= 1;
        tuned |= d->all.curve[i].fine_tune >= 1;
    }
    const char *shown =
        d->all.n < d->all.n_trials ? arena_printf(j->a, " (%d of them read)", d->all.n) : "";
    return arena_printf(j->a, "%d trainings%s; named: %s.%s%s", d->all.n_trials, shown ? shown : "",
                        j->picks.n ? "the picks" : "the best of each objective",
                        pruned ? " Rings: pruning begins, ends." : "",
                        tuned ? " Dot: fine-tuning begins." : "");
}

static status draw(job *j, drawing *d, buf *svg, err *e)
{
    TRY(read_all(j, d, e));
    double *v = ARENA_NEW(j->a, double, d->all.n + 1);
    const char *title = arena_printf(j->a, "%s: learning curves", job_title(j));
    const char *subtitle = subtitle_of(j, d);
    if (!v || !title || !subtitle) return FAIL(e, ERR_MEM, "no memory for a plot");
    double y = figure_begin(&d->f, &j->style, title, subtitle), names = 0;
    for (int i = 0; i < d->n_chosen; i++)
        names = fmax(names, svg_text_width(d->choice[i].name, FIGURE_TEXT));
    panel *p = &d->p;
    p->left = FIGURE_MARGIN + PANEL_LEFT;
    p->width = d->f.width - p->left - FIGURE_MARGIN - 4 - fmin(names, widest_name(d));
    p->height = fmin(0.66 * p->width, 210);
    p->top = draw_legend(d, y);
    range r = value_range(d, v);
    if (r.low > r.high) return FAIL(e, ERR_INPUT, "no training has a finite curve");
    int ticks = panel_ticks_across(p->width);
    axis_fit_few(&p->x, 0, d->longest, "", d->longest < ticks ? d->longest : ticks);
    p->x.high = d->longest;
    axis_fit_few(&p->y, r.low, r.high, d->all.is_accuracy ? "%" : "", panel_ticks_up(p->height));
    char y_title[120];
    panel_y_title(p, d->all.is_accuracy ? "validation accuracy" : "validation loss",
                  d->all.is_accuracy, y_title, sizeof y_title);
    panel_draw_axes(&d->f.body, p, "epochs", y_title, PANEL_ALL);
    if (d->as_band) draw_band(d, v);
    for (int i = 0; i < d->all.n && !d->as_band; i++)
        if (choice_of(d, d->all.curve[i].trial) < 0) draw_line(d, &d->all.curve[i], "many");
    for (int i = 0; i < d->all.n; i++)
        if (d->all.curve[i].is_stopped) draw_stop(d, &d->all.curve[i]);
    for (int i = 0; i < d->all.n; i++) {
        int index = choice_of(d, d->all.curve[i].trial);
        if (index >= 0) draw_chosen(d, &d->all.curve[i], index);
    }
    panel_draw_frame(&d->f.body, p);
    TRY(draw_names(d, j->a, e));
    return figure_end(&d->f, p->top + p->height + PANEL_BELOW, svg, e);
}

status figure_curves(job *j, err *e)
{
    buf svg = {0};
    err why = {0};
    drawing d = {0};
    status s = draw(j, &d, &svg, &why);
    figure_free(&d.f);
    return job_write_figure(j, "curves", s, &why, &svg, e);
}
