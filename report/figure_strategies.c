#include "report/figure_strategies.h"

#include "report/labels.h"
#include "report/strategies_words.h"

#include <math.h>
#include <stdio.h>

/* --- effects --- */

static const double ROW = 13, HEAD = 14, NAME_SIZE = 0.87 * FIGURE_SMALL /* as estimated */;

typedef struct {
    figure f;
    const strategies *s;
    double names; /* width of their column */
    int columns;
    double step, height;
} drawing;

static void reported(const strategy_metric *m, const strategy_effect *f, double alone[3],
                     double joint[3])
{
    strategy_reported(m, f->mean, f->low, f->high, alone);
    strategy_reported(m, f->mean, f->joint_low, f->joint_high, joint);
}

/* All intervals and 0; but joint ones of few comparisons are so wide that they would hide the others: they are cut
 * at the frame. */
static range effect_range(const strategies *s, int metric)
{
    range r = range_empty(), wide = range_empty();
    range_widen(&r, 0);
    for (int i = 0; i < s->n; i++) {
        const strategy_effect *f = &s->strategy[i].effect[metric];
        double alone[3], joint[3];
        if (f->n == 0) continue;
        reported(&s->metric[metric], f, alone, joint);
        range_widen(&r, alone[0]);
        for (int k = 1; k < 3; k++) range_widen(&wide, joint[k]);
        if (f->n < 3) continue;
        for (int k = 1; k < 3; k++) range_widen(&r, alone[k]);
    }
    double spread = r.high - r.low;
    if (spread <= 0) spread = 1;
    range_widen(&r, fmax(wide.low, r.low - 0.5 * spread));
    range_widen(&r, fmin(wide.high, r.high + 0.5 * spread));
    if (s->metric[metric].role != ROLE_QUALITY) r.high = fmin(r.high, 100);
    return r;
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static void draw_interval(buf *b, const panel *p, const char *class, double low, double high,
                          double y)
{
    double left = clamp(panel_x(p, low), p->left, p->left + p->width);
    double right = clamp(panel_x(p, high), p->left, p->left + p->width);
    if (right > left) svg_line(b, class, left, y, right, y);
}

static void draw_effect(buf *b, const panel *p, const strategy_metric *m, const strategy_effect *f,
                        double y)
{
    double alone[3], joint[3];
    if (f->n == 0) {
        svg_text(b, "small soft", p->left + 3, y + 2.4, "start", "not compared");
        return;
    }
    reported(m, f, alone, joint);
    if (f->n >= 2) {
        draw_interval(b, p, "wide", joint[1], joint[2], y);
        draw_interval(b, p, "near", alone[1], alone[2], y);
    }
    svg_circle(b, f->n >= 2 ? "best" : "member", panel_x(p, alone[0]), y, 2.6, NULL);
}

static void draw_names(drawing *d, double top)
{
    char text[128];
    for (int i = 0; i < d->s->n; i++) {
        svg_fit_text(d->s->strategy[i].name, NAME_SIZE, d->names, text, sizeof text);
        svg_text(&d->f.body, "small", FIGURE_MARGIN + d->names, top + ROW * (i + 0.5) + 2.6, "end",
                 text);
    }
}

static void draw_panel(drawing *d, int metric, double left, double top)
{
    const strategy_metric *m = &d->s->metric[metric];
    char title[120], head[120];
    bool quality = m->role == ROLE_QUALITY;
    panel p = {.left = left, .top = top + HEAD, .width = d->step - 12, .height = ROW * d->s->n};
    range r = effect_range(d->s, metric);
    axis_fit_few(&p.x, r.low, r.high, "", panel_ticks_across(p.width));
    snprintf(title, sizeof title, "%s%s%s", quality ? "change" : "saved",
             strategy_unit(m)[0] ? ", " : "", strategy_unit(m));
    snprintf(head, sizeof head, "%.40s%s", m->name,
             !quality    ? ""
             : m->higher ? ", more is better"
                         : ", less is better");
    if (svg_text_width(head, FIGURE_TEXT) > d->step) snprintf(head, sizeof head, "%.40s", m->name);
    svg_text(&d->f.body, "head", left, top + 9, "start", head);
    panel_draw_axes(&d->f.body, &p, title, "", PANEL_X_LABELS | PANEL_X_TITLE);
    if (panel_x(&p, 0) >= p.left)
        svg_line(&d->f.body, "zero", panel_x(&p, 0), p.top, panel_x(&p, 0), p.top + p.height);
    for (int i = 0; i < d->s->n; i++)
        draw_effect(&d->f.body, &p, m, &d->s->strategy[i].effect[metric], p.top + ROW * (i + 0.5));
    panel_draw_frame(&d->f.body, &p);
}

static void lay_out(drawing *d)
{
    double room = figure_room(&d->f);
    for (int i = 0; i < d->s->n; i++)
        d->names = fmax(d->names, svg_text_width(d->s->strategy[i].name, NAME_SIZE));
    d->names = fmin(d->names, figure_is_wide(&d->f) ? 150 : 0.54 * room);
    d->columns = figure_columns(&d->f, d->s->n_metrics);
    d->step = (room - d->names - 5) / d->columns;
    d->height = HEAD + ROW * d->s->n + PANEL_BELOW;
}

static status draw_effects(job *j, drawing *d, buf *svg, err *e)
{
    static const legend_entry legend[] = {{MARK_BEST, "mean over comparisons"},
                                          {MARK_THICK, "95 % interval"},
                                          {MARK_LINE, "95 % for all of them at once"},
                                          {MARK_MEMBER, "one comparison only"}};
    const char *title = arena_printf(j->a, "%s: what each strategy does alone", job_title(j));
    if (!title) return FAIL(e, ERR_MEM, "no memory for a plot");
    if (d->s->n == 0) return FAIL(e, ERR_INPUT, "no knob has two values among the finished trials");
    double y =
        figure_begin(&d->f, &j->style, title,
                     "Pairs of trials that differ in one knob only. Figures of the validation "
                     "part. Intervals that reach the frame go on beyond it.");
    lay_out(d);
    y = figure_legend(&d->f, y, legend, 4);
    for (int m = 0; m < d->s->n_metrics; m++) {
        int row = m / d->columns;
        double top = y + d->height * row;
        if (m % d->columns == 0) draw_names(d, top + HEAD);
        draw_panel(d, m, FIGURE_MARGIN + d->names + 5 + d->step * (m % d->columns), top);
    }
    y += d->height * figure_rows(d->s->n_metrics, d->columns);
    return figure_end(&d->f, y, svg, e);
}

/* --- cost against saving --- */

enum { N_SAMPLES = 24 };

typedef struct {
    figure f;
    panel p;
    int quality, saving;
    bool by_number; /* names stand below the plot: there are too many for it */
} plane;

static void read_place(const plane *t, const strategies *s, int i, double x[3], double y[3])
{
    const strategy_effect *fx = &s->strategy[i].effect[t->saving],
                          *fy = &s->strategy[i].effect[t->quality];
    strategy_reported(&s->metric[t->saving], fx->mean, fx->low, fx->high, x);
    strategy_reported(&s->metric[t->quality], fy->mean, fy->low, fy->high, y);
}

static bool fit_plane(plane *t, const strategies *s)
{
    range rx = range_empty(), ry = range_empty();
    int n = 0;
    range_widen(&rx, 0);
    range_widen(&ry, 0);
    for (int i = 0; i < s->n; i++) {
        double x[3], y[3];
        read_place(t, s, i, x, y);
        if (!isfinite(x[0]) || !isfinite(y[0])) continue;
        n++;
        int most = s->strategy[i].effect[t->quality].n > 2 ? 3 : 1;
        for (int k = 0; k < most; k++) range_widen(&rx, x[k]);
        for (int k = 0; k < most; k++) range_widen(&ry, y[k]);
    }
    if (n == 0) return false;
    axis_fit_few(&t->p.x, rx.low, rx.high, "", panel_ticks_across(t->p.width));
    axis_fit_few(&t->p.y, ry.low, ry.high, "", panel_ticks_up(t->p.height));
    return true;
}

static void draw_cross(plane *t, const double x[3], const double y[3])
{
    const panel *p = &t->p;
    buf *b = &t->f.body;
    double cx = panel_x(p, x[0]), cy = panel_y(p, y[0]), bottom = p->top + p->height;
    if (isfinite(x[1]))
        svg_line(b, "wide", clamp(panel_x(p, x[1]), p->left, p->left + p->width), cy,
                 clamp(panel_x(p, x[2]), p->left, p->left + p->width), cy);
    if (isfinite(y[1]))
        svg_line(b, "wide", cx, clamp(panel_y(p, y[1]), p->top, bottom), cx,
                 clamp(panel_y(p, y[2]), p->top, bottom));
    svg_circle(b, "best", cx, cy, 2.6, NULL);
}

/* Points along the intervals, which names had better not cover. */
static int sample_cross(const plane *t, const double x[3], const double y[3], double *point)
{
    int n = 0;
    for (int i = 0; i < N_SAMPLES; i++) {
        double part = (i + 0.5) / N_SAMPLES;
        const double at[][2] = {{x[1] + part * (x[2] - x[1]), y[0]},
                                {x[0], y[1] + part * (y[2] - y[1])}};
        for (int k = 0; k < 2; k++) {
            if (!isfinite(at[k][0]) || !isfinite(at[k][1])) continue;
            point[2 * n] = panel_x(&t->p, at[k][0]);
            point[2 * n++ + 1] = panel_y(&t->p, at[k][1]);
        }
    }
    return n;
}

static status draw_points(plane *t, const strategies *s, arena *a, err *e)
{
    label *l = ARENA_NEW(a, label, s->n + 1);
    double *point = ARENA_NEW(a, double, 4 * N_SAMPLES * (size_t)s->n + 1);
    int n = 0, n_points = 0;
    if (!l || !point) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < s->n; i++) {
        double x[3], y[3];
        read_place(t, s, i, x, y);
        if (!isfinite(x[0]) || !isfinite(y[0])) continue;
        draw_cross(t, x, y);
        n_points += sample_cross(t, x, y, point + 2 * (size_t)n_points);
        l[n++] = (label){.x = panel_x(&t->p, x[0]),
                         .y = panel_y(&t->p, y[0]),
                         .r = 3,
                         .text = t->by_number ? arena_printf(a, "%d", i + 1) : s->strategy[i].name};
        if (!l[n - 1].text) return FAIL(e, ERR_MEM, "no memory for a plot");
    }
    const panel *p = &t->p;
    labels_place(l, n,
                 &(label_room){.frame = {p->left + 1, p->top + 1, p->left + p->width - 1,
                                         p->top + p->height - 1},
                               .n_points = n_points,
                               .point = point,
                               .size = FIGURE_SMALL});
    labels_draw(&t->f.body, l, n, "small halo", FIGURE_SMALL);
    return OK;
}

/* What the numbers stand for, in one or two columns; returns y below. */
static double draw_key(plane *t, const strategies *s, double y)
{
    int columns = figure_is_wide(&t->f) ? 2 : 1, rows = figure_rows(s->n, columns);
    double step = figure_room(&t->f) / columns;
    for (int i = 0; i < s->n; i++) {
        char text[160], cut[160];
        int column = i / rows;
        snprintf(text, sizeof text, "%d: %.140s", i + 1, s->strategy[i].name);
        svg_fit_text(text, 0.9 * FIGURE_SMALL, step - 6, cut, sizeof cut);
        svg_text(&t->f.body, "small", FIGURE_MARGIN + step * column,
                 y + FIGURE_LINE * (i - column * rows + 1), "start", cut);
    }
    return y + FIGURE_LINE * rows + 6;
}

/* The longer title of the axis upwards if it has room. */
static const char *y_title_of(const plane *t, const strategy_metric *q, arena *a)
{
    const char *unit = strategy_unit(q);
    const char *text = arena_printf(a, "change of %s%s%s%s", q->name, unit[0] ? " (" : "", unit,
                                    unit[0] ? ")" : "");
    const char *whole =
        text ? arena_printf(a, "%s, %s is better", text, q->higher ? "more" : "less") : NULL;
    if (!whole) return NULL;
    return 0.9 * svg_text_width(whole, FIGURE_TEXT) > t->p.height + 24 ? text : whole;
}

static status draw_plane(job *j, const strategies *s, plane *t, buf *svg, err *e)
{
    const strategy_metric *q = &s->metric[t->quality], *m = &s->metric[t->saving];
    const char *title =
        arena_printf(j->a, "%s: %s against %s saved", job_title(j), q->name, m->name);
    const char *x_title = arena_printf(j->a, "%s saved (%%), more is better", m->name);
    if (!title || !x_title) return FAIL(e, ERR_MEM, "no memory for a plot");
    panel *p = &t->p;
    p->left = FIGURE_MARGIN + PANEL_LEFT;
    p->top =
        figure_begin(&t->f, &j->style, title,
                     "Each strategy alone, means over comparisons with their 95 % intervals.") +
        4;
    p->width = t->f.width - p->left - FIGURE_MARGIN - 4;
    p->height = fmin(0.75 * p->width, 230);
    t->by_number = s->n > (figure_is_wide(&t->f) ? 10 : 5);
    const char *y_title = y_title_of(t, q, j->a);
    if (!y_title) return FAIL(e, ERR_MEM, "no memory for a plot");
    if (!fit_plane(t, s)) return FAIL(e, ERR_INPUT, "no strategy was compared");
    panel_draw_axes(&t->f.body, p, x_title, y_title, PANEL_ALL);
    svg_line(&t->f.body, "zero", p->left, panel_y(p, 0), p->left + p->width, panel_y(p, 0));
    TRY(draw_points(t, s, j->a, e));
    panel_draw_frame(&t->f.body, p);
    double y = p->top + p->height + PANEL_BELOW;
    if (t->by_number) y = draw_key(t, s, y);
    return figure_end(&t->f, y, svg, e);
}

static status write_plane(job *j, const strategies *s, strategy_role saving, const char *name,
                          err *e)
{
    plane t = {.quality = strategy_metric_of(s, ROLE_QUALITY),
               .saving = strategy_metric_of(s, saving)};
    buf svg = {0};
    err why = {0};
    if (t.quality < 0 || t.saving < 0) return OK;
    status st = draw_plane(j, s, &t, &svg, &why);
    figure_free(&t.f);
    return job_write_figure(j, name, st, &why, &svg, e);
}

status figure_strategies(job *j, const strategies *s, err *e)
{
    buf svg = {0};
    err why = {0};
    drawing d = {.s = s};
    status st = draw_effects(j, &d, &svg, &why);
    figure_free(&d.f);
    TRY(job_write_figure(j, "strategies", st, &why, &svg, e));
    TRY(write_plane(j, s, ROLE_MEMORY, "strategies-memory", e));
    return write_plane(j, s, ROLE_LATENCY, "strategies-latency", e);
}
