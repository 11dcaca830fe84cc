#include "report/scatter.h"
#include "engine/base/pareto.h"
#include "report/axis.h"
#include "report/svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pixels. */
enum {
    LEFT = 90,
    TOP = 92,
    PLOT_W = 600,
    PLOT_H = 400,
    BOTTOM = 58,
    RIGHT = 24,
    COLUMN_GAP = 34,
    COLUMN_MAX = 400,
    ENTRY_H = 60,
    CELL = 3,
    N_COLOURS = 6
};

/* Okabe and Ito's colours (jfly.uni-koeln.de/color), which people with any common colour blindness
 * tell apart. On dark ground the darker ones give way to lighter. librsvg and printers show the
 * light form. */
static const char css[] =
    "text{font-family:sans-serif;font-size:12px;fill:#222}\n"
    ".page{fill:#fff}.frame{fill:none;stroke:#888}.grid{stroke:#e7e7e7}.minor{stroke:#f3f3f3}\n"
    ".title{font-size:16px;font-weight:bold}.soft{fill:#555}.head{font-weight:bold}.note{font-size:"
    "11px}\n"
    ".other{fill:none;stroke:#7d8790;stroke-opacity:.4;stroke-width:4;stroke-linecap:round}\n"
    ".steps{fill:none;stroke:#0072b2;stroke-width:1.6}\n"
    ".best{fill:#0072b2;stroke:#fff;stroke-width:.8}\n"
    ".member{fill:#fff;fill-opacity:.7;stroke:#0072b2;stroke-width:1.2}\n"
    ".box{stroke-width:1.4;fill-opacity:.06}.lead{fill:none;stroke-width:.9;stroke-opacity:.8}\n"
    ".pick{stroke-width:2}.miss{fill:#fff;stroke-width:2}.tag{font-weight:bold;paint-order:stroke;"
    "stroke:#fff;stroke-width:3px;stroke-linejoin:round}\n"
    ".c0{stroke:#d55e00}.c1{stroke:#009e73}.c2{stroke:#cc79a7}.c3{stroke:#e69f00}.c4{stroke:#"
    "56b4e9}"
    ".c5{stroke:#000}\n"
    ".f0{fill:#d55e00}.f1{fill:#009e73}.f2{fill:#cc79a7}.f3{fill:#e69f00}.f4{fill:#56b4e9}"
    ".f5{fill:#000}\n"
    ".c0.box,.c3.box{stroke-dasharray:none}.c1.box,.c4.box{stroke-dasharray:7 3}"
    ".c2.box,.c5.box{stroke-dasharray:2 3}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#e6e6e6}.page{fill:#15181c}.frame{stroke:#777}.grid{stroke:#2b3036}"
    ".minor{stroke:#20242a}.soft{fill:#a8adb3}\n"
    ".other{stroke:#b4bcc5;stroke-opacity:.75}.steps{stroke:#56b4e9}"
    ".best{fill:#56b4e9;stroke:#15181c}.member{fill:#15181c;stroke:#56b4e9}"
    ".miss{fill:#15181c}.tag{stroke:#15181c}\n"
    ".c4{stroke:#f0e442}.f4{fill:#f0e442}.c5{stroke:#fff}.f5{fill:#fff}}\n";

typedef struct {
    const scatter *s;
    axis x, y;
    double column; /* width of the column of versions, 0 without versions */
    double width, height;
    unsigned char *best; /* by point: on the front of the two metrics */
    int n_shown, n_beyond;
    buf *out;
    arena *a;
} drawing;

static double px(const drawing *d, double v)
{
    return LEFT + PLOT_W * axis_place(&d->x, v);
}

static double py(const drawing *d, double v)
{
    return TOP + PLOT_H * (1 - axis_place(&d->y, v));
}

static bool is_finite(const scatter_point *p)
{
    return isfinite(p->x) && isfinite(p->y);
}

static bool is_inside(const drawing *d, double x, double y)
{
    double u = axis_place(&d->x, x), v = axis_place(&d->y, y);
    return u >= 0 && u <= 1 && v >= 0 && v <= 1;
}

/* --- what to show --- */

static status find_best(drawing *d, err *e)
{
    const scatter *s = d->s;
    double *p = ARENA_NEW(d->a, double, 2 * (size_t)s->n_points + 1);
    d->best = ARENA_NEW(d->a, unsigned char, (size_t)s->n_points + 1);
    if (!p || !d->best) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < s->n_points; i++) {
        const scatter_point *q = &s->point[i];
        bool fine = is_finite(q);
        p[2 * i] = !fine ? (double)NAN : s->x.higher ? -q->x : q->x;
        p[2 * i + 1] = !fine ? (double)NAN : s->y.higher ? -q->y : q->y;
    }
    return pareto_front(p, s->n_points, 2, d->best, d->a, e);
}

typedef struct {
    double low, high;
} range;

static void widen(range *r, double v)
{
    if (!isfinite(v)) return;
    r->low = fmin(r->low, v);
    r->high = fmax(r->high, v);
}

static int compare_doubles(const void *one, const void *two)
{
    double a = *(const double *)one, b = *(const double *)two;
    return (a > b) - (a < b);
}

static double figure(const scatter_point *p, bool y)
{
    return y ? p->y : p->x;
}

/* Everything that matters (best points, limits, picks) and the middle of the rest: a diverged
 * training must not press the others into a corner. */
static range needed_range(const drawing *d, bool y, double *sorted)
{
    const scatter *s = d->s;
    range r = {(double)INFINITY, (double)-INFINITY};
    int n = 0;
    for (int i = 0; i < s->n_points; i++) {
        if (!is_finite(&s->point[i])) continue;
        sorted[n++] = figure(&s->point[i], y);
        if (d->best[i]) widen(&r, figure(&s->point[i], y));
    }
    for (int i = 0; i < s->n_versions; i++) {
        const scatter_version *v = &s->version[i];
        const scatter_limit *l = y ? &v->y : &v->x;
        if (l->set) widen(&r, l->bound);
        if (v->has_pick) widen(&r, y ? v->pick_y : v->pick_x);
    }
    qsort(sorted, (size_t)n, sizeof *sorted, compare_doubles);
    double low = sorted[n / 20], high = sorted[n - 1 - n / 20], spread = high - low;
    for (int i = 0; i < n; i++)
        if (sorted[i] >= low - spread && sorted[i] <= high + spread) widen(&r, sorted[i]);
    return r;
}

/* On the better side of x, where the names of versions stand. */
static void make_room(range *r, bool higher)
{
    const double share = 0.1;
    bool log = r->low > 0 && r->high / r->low > AXIS_LOG_FACTOR, positive = r->low >= 0;
    double room = log ? pow(r->high / r->low, share) : share * (r->high - r->low);
    if (higher)
        r->high = log ? r->high * room : r->high + room;
    else
        r->low = log ? r->low / room : r->low - room;
    if (positive) r->low = fmax(r->low, 0);
}

static status fit_axes(drawing *d, err *e)
{
    const scatter *s = d->s;
    int n = 0;
    for (int i = 0; i < s->n_points; i++) n += is_finite(&s->point[i]);
    if (n == 0)
        return FAIL(e, ERR_INPUT, "no finished trial has both %s and %s", s->x.name, s->y.name);
    double *sorted = ARENA_NEW(d->a, double, n);
    if (!sorted) return FAIL(e, ERR_MEM, "no memory for a plot");
    range x = needed_range(d, false, sorted), y = needed_range(d, true, sorted);
    if (s->n_versions > 0) make_room(&x, s->x.higher);
    axis_fit(&d->x, x.low, x.high, s->x.unit);
    axis_fit(&d->y, y.low, y.high, s->y.unit);
    for (int i = 0; i < s->n_points; i++) {
        bool shown = is_finite(&s->point[i]) && is_inside(d, s->point[i].x, s->point[i].y);
        d->n_shown += shown;
        d->n_beyond += is_finite(&s->point[i]) && !shown;
    }
    return OK;
}

static void choose_size(drawing *d)
{
    double width = 0;
    for (int i = 0; i < d->s->n_versions; i++) {
        width = fmax(width, svg_text_width(d->s->version[i].heading, 12.5) + 20);
        width = fmax(width, svg_text_width(d->s->version[i].note, 11) + 20);
        const char *title = d->s->version[i].title;
        if (title) width = fmax(width, svg_text_width(title, 11) + 20);
    }
    d->column = fmin(width, COLUMN_MAX);
    d->width = LEFT + PLOT_W + (d->s->n_versions ? COLUMN_GAP + d->column : 0) + RIGHT;
    d->height = fmax(TOP + PLOT_H + BOTTOM, TOP + ENTRY_H * d->s->n_versions + 20);
}

/* --- frame --- */

static void draw_axes(drawing *d)
{
    buf *b = d->out;
    char title[160];
    for (int i = 0; i < d->x.n_ticks; i++) {
        double x = px(d, d->x.tick[i].at);
        const char *label = d->x.tick[i].label;
        svg_line(b, label[0] ? "grid" : "minor", x, TOP, x, TOP + PLOT_H);
        svg_text(b, "soft", x, TOP + PLOT_H + 18, "middle", label);
    }
    for (int i = 0; i < d->y.n_ticks; i++) {
        double y = py(d, d->y.tick[i].at);
        const char *label = d->y.tick[i].label;
        svg_line(b, label[0] ? "grid" : "minor", LEFT, y, LEFT + PLOT_W, y);
        svg_text(b, "soft", LEFT - 8, y + 4, "end", label);
    }
    axis_title(&d->x, d->s->x.name, d->s->x.higher, title, sizeof title);
    svg_text(b, "label", LEFT + PLOT_W / 2.0, TOP + PLOT_H + 42, "middle", title);
    axis_title(&d->y, d->s->y.name, d->s->y.higher, title, sizeof title);
    svg_text_upwards(b, "label", 16, TOP + PLOT_H / 2.0, title);
}

static void draw_titles(drawing *d)
{
    char text[256], subtitle[300];
    double room = d->width - LEFT - RIGHT;
    svg_fit_text(d->s->title, 16.8, room, text, sizeof text);
    svg_text(d->out, "title", LEFT, 28, "start", text);
    int n = snprintf(subtitle, sizeof subtitle, "%.200s", d->s->subtitle);
    if (d->n_beyond > 0 && n >= 0)
        snprintf(subtitle + n, sizeof subtitle - (size_t)n, "; %d beyond the axes", d->n_beyond);
    svg_fit_text(subtitle, 12, room, text, sizeof text);
    svg_text(d->out, "soft", LEFT, 48, "start", text);
}

static double legend_entry(drawing *d, double x, char mark, const char *text)
{
    const double y = 70;
    if (mark == 'b')
        svg_circle(d->out, "best", x + 5, y, 4.5, NULL);
    else if (mark == 'm')
        svg_circle(d->out, "member", x + 5, y, 3.2, NULL);
    else if (mark == 'p')
        svg_diamond(d->out, "pick c5 f5", x + 5, y, 5, NULL);
    else if (mark == 'c')
        svg_diamond(d->out, "miss c5", x + 5, y, 5, NULL);
    else {
        svg_path_begin(d->out, "other");
        svg_path_dot(d->out, x + 5, y);
        svg_path_end(d->out);
    }
    svg_text(d->out, "soft", x + 15, y + 4, "start", text);
    return x + 15 + svg_text_width(text, 12) + 14;
}

static void draw_legend(drawing *d, bool has_members)
{
    bool pick = false, miss = false;
    for (int i = 0; i < d->s->n_versions; i++) {
        pick |= d->s->version[i].has_pick && d->s->version[i].met;
        miss |= d->s->version[i].has_pick && !d->s->version[i].met;
    }
    double x = legend_entry(d, LEFT, 'b', "best of these two");
    if (has_members) x = legend_entry(d, x, 'm', "best of all objectives");
    x = legend_entry(d, x, 'o', "other trial");
    if (pick) x = legend_entry(d, x, 'p', "pick");
    if (miss) legend_entry(d, x, 'c', "not met");
}

/* --- points --- */

/* One dot per cell of a few pixels is all that an eye can see of a cloud. */
static status draw_others(drawing *d, err *e)
{
    enum { COLUMNS = PLOT_W / CELL + 1, ROWS = PLOT_H / CELL + 1 };
    unsigned char *taken = ARENA_NEW(d->a, unsigned char, COLUMNS *ROWS);
    if (!taken) return FAIL(e, ERR_MEM, "no memory for a plot");
    svg_path_begin(d->out, "other");
    svg_path_move(d->out, LEFT, TOP);
    for (int i = 0; i < d->s->n_points; i++) {
        const scatter_point *p = &d->s->point[i];
        if (!is_finite(p) || d->best[i] || p->on_front || !is_inside(d, p->x, p->y)) continue;
        double x = px(d, p->x), y = py(d, p->y);
        int cell = (int)((y - TOP) / CELL) * COLUMNS + (int)((x - LEFT) / CELL);
        if (taken[cell]) continue;
        taken[cell] = 1;
        svg_path_dot(d->out, x, y);
    }
    svg_path_end(d->out);
    return OK;
}

static const char *tip_for(drawing *d, const scatter_point *p)
{
    char x[48], y[48];
    quantity_format(p->x, d->s->x.unit, x, sizeof x);
    quantity_format(p->y, d->s->y.unit, y, sizeof y);
    return arena_printf(d->a, "trial %lld: %s %s, %s %s", (long long)p->trial, d->s->x.name, x,
                        d->s->y.name, y);
}

static bool draw_members(drawing *d)
{
    bool any = false;
    for (int i = 0; i < d->s->n_points; i++) {
        const scatter_point *p = &d->s->point[i];
        if (!is_finite(p) || d->best[i] || !p->on_front || !is_inside(d, p->x, p->y)) continue;
        svg_circle(d->out, "member", px(d, p->x), py(d, p->y), 3.2, tip_for(d, p));
        any = true;
    }
    return any;
}

static int compare_points(const void *one, const void *two)
{
    const scatter_point *a = one, *b = two;
    if (a->x != b->x) return a->x < b->x ? -1 : 1;
    return (a->trial > b->trial) - (a->trial < b->trial);
}

/* The edge of what is attained: from each point towards worse x at its y, then to the next point.
 */
static void draw_steps(drawing *d, const scatter_point *p, int n)
{
    bool higher = d->s->x.higher;
    double x_end = higher ? LEFT : LEFT + PLOT_W;
    double y_end = d->s->y.higher ? TOP + PLOT_H : TOP;
    svg_path_begin(d->out, "steps");
    const scatter_point *first = &p[higher ? n - 1 : 0];
    svg_path_move(d->out, px(d, first->x), y_end);
    for (int i = 0; i < n; i++) {
        int at = higher ? n - 1 - i : i, next = higher ? at - 1 : at + 1;
        svg_path_line(d->out, px(d, p[at].x), py(d, p[at].y));
        svg_path_line(d->out, i + 1 < n ? px(d, p[next].x) : x_end, py(d, p[at].y));
    }
    svg_path_end(d->out);
}

static status draw_best(drawing *d, err *e)
{
    scatter_point *p = ARENA_NEW(d->a, scatter_point, d->s->n_points);
    if (!p) return FAIL(e, ERR_MEM, "no memory for a plot");
    int n = 0;
    for (int i = 0; i < d->s->n_points; i++)
        if (d->best[i]) p[n++] = d->s->point[i];
    qsort(p, (size_t)n, sizeof *p, compare_points);
    draw_steps(d, p, n);
    for (int i = 0; i < n; i++)
        svg_circle(d->out, "best", px(d, p[i].x), py(d, p[i].y), 4.5, tip_for(d, &p[i]));
    return OK;
}

/* --- versions --- */

static double clamp(double v, double low, double high)
{
    return fmin(fmax(v, low), high);
}

static bool is_upper(const scatter_limit *l)
{
    return l->op == LIMIT_LT || l->op == LIMIT_LE;
}

typedef struct {
    double left, right, top, bottom;
} box;

static box allowed(const drawing *d, const scatter_version *v)
{
    box r = {LEFT, LEFT + PLOT_W, TOP, TOP + PLOT_H};
    if (v->x.set)
        *(is_upper(&v->x) ? &r.right : &r.left) = clamp(px(d, v->x.bound), r.left, r.right);
    if (v->y.set)
        *(is_upper(&v->y) ? &r.top : &r.bottom) = clamp(py(d, v->y.bound), r.top, r.bottom);
    return r;
}

static void draw_box(drawing *d, int i)
{
    const scatter_version *v = &d->s->version[i];
    if (!v->x.set && !v->y.set) return;
    box r = allowed(d, v);
    char class[32];
    snprintf(class, sizeof class, "box c%d f%d", i % N_COLOURS, i % N_COLOURS);
    svg_rect(d->out, class, r.left, r.top, r.right - r.left, r.bottom - r.top);
}

/* A name stands inside its region, where x is best and y just holds: no trial lies there, being
 * better than the front. Regions with nearly the same limit on y have theirs side by side. */
static void draw_tags(drawing *d)
{
    double ys[64], used[64];
    int placed = 0;
    for (int i = 0; i < d->s->n_versions && placed < 64; i++) {
        const scatter_version *v = &d->s->version[i];
        if (!v->x.set && !v->y.set) continue;
        box r = allowed(d, v);
        char text[64];
        svg_fit_text(v->name, 12, 110, text, sizeof text);
        bool left = !v->x.set || is_upper(&v->x);
        double y = v->y.set && !is_upper(&v->y) ? r.bottom - 5 : r.top + 14, offset = 5;
        y = clamp(y, TOP + 14, TOP + PLOT_H - 4);
        for (int k = 0; k < placed; k++)
            if (fabs(ys[k] - y) < 14) offset = fmax(offset, used[k]);
        svg_text(d->out, "tag", left ? r.left + offset : r.right - offset, y,
                 left ? "start" : "end", text);
        ys[placed] = y;
        used[placed++] = offset + svg_text_width(text, 12) + 8;
    }
}

/* Picks that share a place get rings of growing size. */
static void draw_pick(drawing *d, int i)
{
    const scatter_version *v = &d->s->version[i];
    if (!v->has_pick) return;
    double x = px(d, v->pick_x), y = py(d, v->pick_y), r = 7;
    for (int k = i + 1; k < d->s->n_versions; k++) {
        const scatter_version *w = &d->s->version[k];
        if (w->has_pick && hypot(px(d, w->pick_x) - x, py(d, w->pick_y) - y) < 3) r += 4;
    }
    char class[40];
    int c = i % N_COLOURS;
    if (v->met)
        snprintf(class, sizeof class, "pick c%d f%d", c, c);
    else
        snprintf(class, sizeof class, "miss c%d", c);
    svg_diamond(d->out, class, x, y, r, v->heading);
}

/* The order of entries in the column: by height of their picks, so that lines do not cross. */
static void sort_entries(const drawing *d, int *order)
{
    int n = d->s->n_versions;
    for (int i = 0; i < n; i++) {
        int at = i;
        const scatter_version *v = &d->s->version[i];
        double y = v->has_pick ? py(d, v->pick_y) : (double)INFINITY;
        for (; at > 0; at--) {
            const scatter_version *w = &d->s->version[order[at - 1]];
            if ((w->has_pick ? py(d, w->pick_y) : (double)INFINITY) <= y) break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
}

/* Heights of the entries: as near to their picks as ENTRY_H apart allows. */
static void place_entries(const drawing *d, const int *order, double *y)
{
    int n = d->s->n_versions;
    double low = TOP + 12, high = fmax(TOP + PLOT_H - 38, low + ENTRY_H * (n - 1));
    for (int i = 0; i < n; i++) {
        const scatter_version *v = &d->s->version[order[i]];
        y[i] = v->has_pick ? clamp(py(d, v->pick_y), low, high) : high;
        if (i > 0) y[i] = fmax(y[i], y[i - 1] + ENTRY_H);
    }
    for (int i = n - 1; i >= 0; i--) y[i] = fmin(y[i], i + 1 < n ? y[i + 1] - ENTRY_H : high);
}

static void draw_lead(drawing *d, const scatter_version *v, int colour, double y)
{
    char class[24];
    double edge = LEFT + PLOT_W;
    snprintf(class, sizeof class, "lead c%d", colour);
    svg_path_begin(d->out, class);
    svg_path_move(d->out, px(d, v->pick_x), py(d, v->pick_y));
    svg_path_line(d->out, edge + 6, y);
    svg_path_line(d->out, edge + COLUMN_GAP - 6, y);
    svg_path_end(d->out);
}

static void draw_entry(drawing *d, int i, double y)
{
    const scatter_version *v = &d->s->version[i];
    char class[32], text[128];
    double x = LEFT + PLOT_W + COLUMN_GAP;
    int c = i % N_COLOURS;
    if (v->met)
        snprintf(class, sizeof class, "pick c%d f%d", c, c);
    else
        snprintf(class, sizeof class, "miss c%d", c);
    svg_diamond(d->out, class, x + 5, y, 5.5, NULL);
    svg_fit_text(v->heading, 12.5, d->column - 16, text, sizeof text);
    svg_text(d->out, "head", x + 16, y + 4, "start", text);
    svg_fit_text(v->note, 11, d->column - 16, text, sizeof text);
    svg_text(d->out, "soft note", x + 16, y + 20, "start", text);
    if (!v->title || !v->title[0]) return;
    svg_fit_text(v->title, 11, d->column - 16, text, sizeof text);
    svg_text(d->out, "soft note", x + 16, y + 35, "start", text);
}

static status draw_leads_and_entries(drawing *d, bool leads, err *e)
{
    int n = d->s->n_versions, *order = ARENA_NEW(d->a, int, (size_t)n + 1);
    double *y = ARENA_NEW(d->a, double, (size_t)n + 1);
    if (!order || !y) return FAIL(e, ERR_MEM, "no memory for a plot");
    sort_entries(d, order);
    place_entries(d, order, y);
    for (int i = 0; i < n; i++) {
        const scatter_version *v = &d->s->version[order[i]];
        if (!leads)
            draw_entry(d, order[i], y[i]);
        else if (v->has_pick)
            draw_lead(d, v, order[i] % N_COLOURS, y[i]);
    }
    return OK;
}

status scatter_draw(const scatter *s, arena *a, buf *out, err *e)
{
    drawing d = {.s = s, .a = a, .out = out};
    TRY(find_best(&d, e));
    TRY(fit_axes(&d, e));
    choose_size(&d);
    svg_begin(out, d.width, d.height, s->title, s->subtitle, css);
    svg_rect(out, "page", 0, 0, d.width, d.height);
    draw_titles(&d);
    draw_axes(&d);
    for (int i = 0; i < s->n_versions; i++) draw_box(&d, i);
    TRY(draw_others(&d, e));
    TRY(draw_leads_and_entries(&d, true, e));
    bool has_members = draw_members(&d);
    TRY(draw_best(&d, e));
    for (int i = 0; i < s->n_versions; i++) draw_pick(&d, i);
    svg_rect(out, "frame", LEFT, TOP, PLOT_W, PLOT_H);
    draw_tags(&d);
    TRY(draw_leads_and_entries(&d, false, e));
    draw_legend(&d, has_members);
    svg_end(out);
    return buf_check(out, e);
}
