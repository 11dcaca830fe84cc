#include "report/scatter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double scatter_draw_legend(figure *f, double y, const cloud_view *view, int n_views)
{
    legend_entry entry[6];
    int n = 0;
    bool pick = false, miss = false, members = false, others = false, bars = false;
    for (int k = 0; k < n_views; k++) {
        members |= view[k].has_members;
        others |= view[k].has_others;
        bars |= view[k].has_bars;
        for (int i = 0; i < view[k].c->n_versions; i++) {
            pick |= view[k].c->version[i].has_pick && view[k].c->version[i].met;
            miss |= view[k].c->version[i].has_pick && !view[k].c->version[i].met;
        }
    }
    entry[n++] = (legend_entry){MARK_BEST, "best of these two"};
    if (members) entry[n++] = (legend_entry){MARK_MEMBER, "best of all objectives"};
    if (others) entry[n++] = (legend_entry){MARK_OTHER, "other trial"};
    if (bars) entry[n++] = (legend_entry){MARK_BAR, "95 % interval of the mean"};
    if (pick) entry[n++] = (legend_entry){MARK_PICK, "pick of a version"};
    if (miss) entry[n++] = (legend_entry){MARK_MISS, "not met"};
    return figure_legend(f, y, entry, n);
}

/* --- versions --- */

enum { MOST_LINES = 4 };

static double entry_height(const cloud_version *v, double width)
{
    int lines = 1 + figure_lines(FIGURE_SMALL, width, MOST_LINES, v->note);
    if (v->title) lines += figure_lines(FIGURE_SMALL, width, MOST_LINES, v->title);
    return FIGURE_LINE * lines + 4;
}

static void draw_entry(figure *f, const cloud_version *v, int colour, double x, double y,
                       double width)
{
    char class[32], text[160];
    int c = colour % FIGURE_COLOURS;
    if (v->met)
        snprintf(class, sizeof class, "pick c%d f%d", c, c);
    else
        snprintf(class, sizeof class, "miss c%d", c);
    svg_diamond(&f->body, class, x + 4, y + 5, 3.2, NULL);
    svg_fit_text(v->heading, FIGURE_TEXT * 1.1, width, text, sizeof text);
    svg_text(&f->body, "head", x + 11, y + 7.5, "start", text);
    y = figure_wrap(&f->body, "soft small", FIGURE_SMALL, x + 11, y + 7.5 + FIGURE_LINE, width,
                    MOST_LINES, v->note);
    if (v->title)
        figure_wrap(&f->body, "soft small", FIGURE_SMALL, x + 11, y, width, MOST_LINES, v->title);
}

double scatter_draw_versions(figure *f, double y, const cloud_version *version, int n)
{
    int columns = figure_is_wide(f) && n > 1 ? 2 : 1;
    double step = figure_room(f) / columns, width = step - 17;
    for (int i = 0; i < n; i += columns) {
        double height = 0;
        for (int k = i; k < n && k < i + columns; k++) {
            height = fmax(height, entry_height(&version[k], width));
            draw_entry(f, &version[k], k, FIGURE_MARGIN + step * (k - i), y, width);
        }
        y += height;
    }
    return y;
}

/* --- the figure --- */

static double say_beyond(figure *f, double y, int n)
{
    char text[80];
    if (n == 0) return y;
    snprintf(text, sizeof text, "%d more beyond the axes", n);
    svg_text(&f->body, "soft small", FIGURE_MARGIN, y + 6, "start", text);
    return y + FIGURE_LINE;
}

static status draw_plot(figure *f, const scatter *s, double *y, arena *a, err *e)
{
    char x_title[200], y_title[200];
    cloud_view view;
    panel p = {.left = FIGURE_MARGIN + PANEL_LEFT};
    p.width = f->width - p.left - FIGURE_MARGIN - 4;
    p.height = fmin(0.72 * p.width, 230);
    TRY(cloud_fit(&view, &s->cloud, &p, a, e));
    *y = say_beyond(f, *y, view.n_beyond);
    p.top = scatter_draw_legend(f, *y, &view, 1);
    panel_x_title(&p, s->cloud.x.name, s->cloud.x.higher, x_title, sizeof x_title);
    panel_y_title(&p, s->cloud.y.name, s->cloud.y.higher, y_title, sizeof y_title);
    panel_draw_axes(&f->body, &p, x_title, y_title, PANEL_ALL);
    TRY(cloud_draw(&view, &p, true, &f->body, a, e));
    panel_draw_frame(&f->body, &p);
    *y = p.top + p.height + PANEL_BELOW;
    return OK;
}

status scatter_draw(const scatter *s, const figure_style *style, arena *a, buf *out, err *e)
{
    figure f;
    double y = figure_begin(&f, style, s->title, s->subtitle);
    status st = draw_plot(&f, s, &y, a, e);
    if (st == OK) {
        y = scatter_draw_versions(&f, y, s->cloud.version, s->cloud.n_versions);
        st = figure_end(&f, y + 2, out, e);
    }
    figure_free(&f);
    return st;
}
