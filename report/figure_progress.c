#include "report/figure_progress.h"

#include "engine/base/quantity.h"
#include "report/progress_volume.h"

#include <math.h>
#include <stdio.h>

/* The last step at which less than this part of the final share was dominated, and the time of the next. */
static double time_of_part(const progress_volume *v, double part)
{
    double last = v->step[v->n - 1].share;
    for (int i = 0; i < v->n; i++)
        if (v->step[i].share >= part * last) return v->step[i].cpu_seconds;
    return v->cpu_seconds;
}

static const char *subtitle_of(job *j, const progress_volume *v)
{
    char most[48], all[48];
    quantity_format(time_of_part(v, 0.95), "s", most, sizeof most);
    quantity_format(v->cpu_seconds, "s", all, sizeof all);
    return arena_printf(j->a,
                        "%d trials in %s of CPU time; 95 %% of what the front dominates in the end "
                        "was there after %s. Share of the box between the best and the worst "
                        "figure of each objective.",
                        v->n_trials, all, most);
}

static void draw_steps(figure *f, const panel *p, const progress_volume *v)
{
    buf *b = &f->body;
    svg_path_begin(b, "steps");
    svg_path_move(b, panel_x(p, 0), panel_y(p, 0));
    for (int i = 0; i < v->n; i++) {
        double before = i ? v->step[i - 1].share : 0, x = panel_x(p, v->step[i].cpu_seconds);
        svg_path_line(b, x, panel_y(p, before));
        svg_path_line(b, x, panel_y(p, v->step[i].share));
    }
    svg_path_line(b, panel_x(p, v->cpu_seconds), panel_y(p, v->step[v->n - 1].share));
    svg_path_end(b);
    for (int i = 0; i < v->n && v->n <= 60; i++)
        svg_circle(b, "best", panel_x(p, v->step[i].cpu_seconds), panel_y(p, v->step[i].share), 1.7,
                   NULL);
}

static status draw(job *j, figure *f, buf *svg, err *e)
{
    progress_volume v;
    TRY(progress_volume_read(j->s, &j->space, (progress_choice){0}, j->a, &v, e));
    if (v.n == 0 || !(v.cpu_seconds > 0))
        return FAIL(e, ERR_INPUT, "no objectives with different figures, or no times, to show");
    const char *title = arena_printf(j->a, "%s: the front against CPU time", job_title(j));
    const char *subtitle = subtitle_of(j, &v);
    if (!title || !subtitle) return FAIL(e, ERR_MEM, "no memory for a plot");
    panel p = {.left = FIGURE_MARGIN + PANEL_LEFT};
    p.top = figure_begin(f, &j->style, title, subtitle) + 4;
    p.width = f->width - p.left - FIGURE_MARGIN - 6;
    p.height = fmin(0.6 * p.width, 190);
    axis_fit_few(&p.x, 0, v.cpu_seconds, "s", panel_ticks_across(p.width));
    axis_fit_few(&p.y, 0, v.step[v.n - 1].share, "", panel_ticks_up(p.height));
    char x_title[64];
    snprintf(x_title, sizeof x_title, "CPU time (%s)", p.x.unit);
    panel_draw_axes(&f->body, &p, x_title, "share dominated, more is better", PANEL_ALL);
    draw_steps(f, &p, &v);
    panel_draw_frame(&f->body, &p);
    char last[16];
    snprintf(last, sizeof last, "%.3f", v.step[v.n - 1].share);
    svg_text(&f->body, "head halo", panel_x(&p, v.cpu_seconds),
             panel_y(&p, v.step[v.n - 1].share) - 4, "end", last);
    return figure_end(f, p.top + p.height + PANEL_BELOW, svg, e);
}

status figure_progress(job *j, err *e)
{
    buf svg = {0};
    err why = {0};
    figure f = {0};
    status s = draw(j, &f, &svg, &why);
    figure_free(&f);
    return job_write_figure(j, "progress", s, &why, &svg, e);
}
