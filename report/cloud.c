#include "report/cloud.h"

#include "engine/base/pareto.h"
#include "report/labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL = 2 };
static const double BEST_RADIUS = 2.2, MEMBER_RADIUS = 1.9, PICK_RADIUS = 4;
enum { CROWD = 100 }; /* so many points are drawn smaller */

static bool is_finite(const cloud_point *p)
{
    return isfinite(p->x) && isfinite(p->y);
}

/* --- what to show --- */

static status find_best(cloud_view *v, arena *a, err *e)
{
    const cloud *c = v->c;
    double *p = ARENA_NEW(a, double, 2 * (size_t)c->n_points + 1);
    v->best = ARENA_NEW(a, unsigned char, (size_t)c->n_points + 1);
    if (!p || !v->best) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < c->n_points; i++) {
        const cloud_point *q = &c->point[i];
        bool fine = is_finite(q) && !q->is_aside;
        p[2 * i] = !fine ? (double)NAN : c->x.higher ? -q->x : q->x;
        p[2 * i + 1] = !fine ? (double)NAN : c->y.higher ? -q->y : q->y;
    }
    return pareto_front(p, c->n_points, 2, v->best, a, e);
}

static int compare_doubles(const void *one, const void *two)
{
    double a = *(const double *)one, b = *(const double *)two;
    return (a > b) - (a < b);
}

static double figure_of(const cloud_point *p, bool y)
{
    return y ? p->y : p->x;
}

/* Everything that matters (best points, limits, picks) and the middle of the rest: a diverged
 * training must not press the others into a corner. */
range cloud_range(const cloud *c, const unsigned char *best, bool y, double *sorted)
{
    range r = range_empty();
    int n = 0;
    for (int i = 0; i < c->n_points; i++) {
        if (!is_finite(&c->point[i])) continue;
        double at = figure_of(&c->point[i], y), half = y ? c->point[i].dy : c->point[i].dx;
        sorted[n++] = at;
        if (!best[i]) continue;
        range_widen(&r, at - half);
        range_widen(&r, at + half);
    }
    for (int i = 0; i < c->n_versions; i++) {
        const cloud_version *v = &c->version[i];
        const cloud_limit *l = y ? &v->y : &v->x;
        if (l->set) range_widen(&r, l->bound);
        if (v->has_pick) range_widen(&r, y ? v->pick_y : v->pick_x);
    }
    if (n == 0) return r;
    qsort(sorted, (size_t)n, sizeof *sorted, compare_doubles);
    double low = sorted[n / 20], high = sorted[n - 1 - n / 20], spread = high - low;
    for (int i = 0; i < n; i++)
        if (sorted[i] >= low - spread && sorted[i] <= high + spread) range_widen(&r, sorted[i]);
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

static status start(cloud_view *v, const cloud *c, arena *a, err *e)
{
    int n = 0;
    *v = (cloud_view){.c = c};
    for (int i = 0; i < c->n_points; i++) n += is_finite(&c->point[i]);
    if (n == 0)
        return FAIL(e, ERR_INPUT, "no finished trial has both %s and %s", c->x.name, c->y.name);
    return find_best(v, a, e);
}

/* Whether an interval is longer than the mark that it goes through. */
static bool is_long(const panel *p, const cloud_point *q)
{
    double across = panel_x(p, q->x + q->dx) - panel_x(p, q->x - q->dx);
    double upwards = panel_y(p, q->y - q->dy) - panel_y(p, q->y + q->dy);
    return across > 2 * BEST_RADIUS || upwards > 2 * BEST_RADIUS;
}

static void count_shown(cloud_view *v, const panel *p)
{
    for (int i = 0; i < v->c->n_points; i++) {
        const cloud_point *q = &v->c->point[i];
        if (!is_finite(q)) continue;
        if (!panel_has(p, q->x, q->y)) {
            v->n_beyond++;
            continue;
        }
        v->n_shown++;
        if (v->best[i])
            v->has_bars |= is_long(p, q);
        else if (!q->is_aside)
            *(q->on_front ? &v->has_members : &v->has_others) = true;
    }
}

status cloud_fit(cloud_view *v, const cloud *c, panel *p, arena *a, err *e)
{
    double *sorted = ARENA_NEW(a, double, c->n_points + 1);
    if (!sorted) return FAIL(e, ERR_MEM, "no memory for a plot");
    TRY(start(v, c, a, e));
    range x = cloud_range(c, v->best, false, sorted), y = cloud_range(c, v->best, true, sorted);
    if (c->n_versions > 0) make_room(&x, c->x.higher);
    axis_fit_few(&p->x, x.low, x.high, c->x.unit, panel_ticks_across(p->width));
    axis_fit_few(&p->y, y.low, y.high, c->y.unit, panel_ticks_up(p->height));
    count_shown(v, p);
    return OK;
}

status cloud_fit_into(cloud_view *v, const cloud *c, const panel *p, arena *a, err *e)
{
    TRY(start(v, c, a, e));
    count_shown(v, p);
    return OK;
}

/* --- drawing --- */

typedef struct {
    const cloud_view *v;
    const cloud *c;
    const panel *p;
    buf *out;
    arena *a;
} drawing;

static double px(const drawing *d, double v)
{
    return panel_x(d->p, v);
}

static double py(const drawing *d, double v)
{
    return panel_y(d->p, v);
}

/* One dot per cell of a few points is all that an eye can see of a cloud. */
static status draw_dots(drawing *d, bool aside, err *e)
{
    int columns = (int)(d->p->width / CELL) + 1, rows = (int)(d->p->height / CELL) + 1, n = 0;
    unsigned char *taken = ARENA_NEW(d->a, unsigned char, (size_t)columns *(size_t)rows);
    if (!taken) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < d->c->n_points; i++) {
        const cloud_point *q = &d->c->point[i];
        if (!is_finite(q) || d->v->best[i] || q->is_aside != aside || !panel_has(d->p, q->x, q->y))
            continue;
        if (q->on_front && !aside) continue;
        double x = px(d, q->x), y = py(d, q->y);
        int cell = (int)((y - d->p->top) / CELL) * columns + (int)((x - d->p->left) / CELL);
        if (taken[cell]) continue;
        taken[cell] = 1;
        if (n++ == 0) svg_path_begin(d->out, aside ? "faint" : "other");
        svg_path_dot(d->out, x, y);
    }
    if (n) svg_path_end(d->out);
    return OK;
}

static const char *tip_for(drawing *d, const cloud_point *q)
{
    char x[48], y[48];
    quantity_format(q->x, d->c->x.unit, x, sizeof x);
    quantity_format(q->y, d->c->y.unit, y, sizeof y);
    return arena_printf(d->a, "trial %lld: %s %s, %s %s", (long long)q->trial, d->c->x.name, x,
                        d->c->y.name, y);
}

/* Cut at the frame; what would be shorter than the mark is left out. */
static void draw_bars(drawing *d, const cloud_point *q)
{
    const panel *p = d->p;
    double x = px(d, q->x), y = py(d, q->y);
    double left = fmax(px(d, q->x - q->dx), p->left),
           right = fmin(px(d, q->x + q->dx), p->left + p->width);
    double top = fmax(py(d, q->y + q->dy), p->top),
           bottom = fmin(py(d, q->y - q->dy), p->top + p->height);
    if (right - left > 2 * BEST_RADIUS) svg_line(d->out, "bar", left, y, right, y);
    if (bottom - top > 2 * BEST_RADIUS) svg_line(d->out, "bar", x, top, x, bottom);
}

static void draw_members(drawing *d)
{
    int n = 0;
    for (int i = 0; i < d->c->n_points; i++) n += d->c->point[i].on_front;
    double r = n > CROWD ? 0.6 * MEMBER_RADIUS : MEMBER_RADIUS;
    for (int i = 0; i < d->c->n_points; i++) {
        const cloud_point *q = &d->c->point[i];
        if (!is_finite(q) || d->v->best[i] || !q->on_front || q->is_aside ||
            !panel_has(d->p, q->x, q->y))
            continue;
        svg_circle(d->out, "member", px(d, q->x), py(d, q->y), r, tip_for(d, q));
    }
}

static int compare_points(const void *one, const void *two)
{
    const cloud_point *a = one, *b = two;
    if (a->x != b->x) return a->x < b->x ? -1 : 1;
    return (a->trial > b->trial) - (a->trial < b->trial);
}

/* The front runs from point to point over the corner that the worse of two values makes; points of equal x, of
 * which several are best only when their y are equal, too, need no step. */
static void draw_steps(drawing *d, const cloud_point *best, int n)
{
    if (n < 2) return;
    svg_path_begin(d->out, "steps");
    svg_path_move(d->out, px(d, best[0].x), py(d, best[0].y));
    for (int i = 1; i < n; i++) {
        if (best[i].x == best[i - 1].x) continue;
        bool y_first = d->c->x.higher;
        double x = y_first ? best[i - 1].x : best[i].x, y = y_first ? best[i].y : best[i - 1].y;
        svg_path_line(d->out, px(d, x), py(d, y));
        svg_path_line(d->out, px(d, best[i].x), py(d, best[i].y));
    }
    svg_path_end(d->out);
}

static status list_best(drawing *d, cloud_point **out, int *n, err *e)
{
    *out = ARENA_NEW(d->a, cloud_point, (size_t)d->c->n_points + 1);
    *n = 0;
    if (!*out) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < d->c->n_points; i++)
        if (d->v->best[i] && panel_has(d->p, d->c->point[i].x, d->c->point[i].y))
            (*out)[(*n)++] = d->c->point[i];
    qsort(*out, (size_t)*n, sizeof **out, compare_points);
    return OK;
}

static void draw_best(drawing *d, const cloud_point *best, int n)
{
    double r = n > CROWD ? 0.6 * BEST_RADIUS : BEST_RADIUS;
    draw_steps(d, best, n);
    for (int i = 0; i < n; i++) draw_bars(d, &best[i]);
    for (int i = 0; i < n; i++)
        svg_circle(d->out, n > CROWD ? "best crowd" : "best", px(d, best[i].x), py(d, best[i].y), r,
                   tip_for(d, &best[i]));
}

/* --- versions --- */

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static bool is_upper(const cloud_limit *l)
{
    return l->op == LIMIT_LT || l->op == LIMIT_LE;
}

static rectangle allowed(const drawing *d, const cloud_version *v)
{
    const panel *p = d->p;
    rectangle r = {p->left, p->top, p->left + p->width, p->top + p->height};
    if (v->x.set)
        *(is_upper(&v->x) ? &r.right : &r.left) = clamp(px(d, v->x.bound), r.left, r.right);
    if (v->y.set)
        *(is_upper(&v->y) ? &r.top : &r.bottom) = clamp(py(d, v->y.bound), r.top, r.bottom);
    return r;
}

static void draw_box(drawing *d, int i)
{
    const cloud_version *v = &d->c->version[i];
    if (!v->x.set && !v->y.set) return;
    rectangle r = allowed(d, v);
    char class[32];
    snprintf(class, sizeof class, "box c%d f%d", i % FIGURE_COLOURS, i % FIGURE_COLOURS);
    svg_rect(d->out, class, r.left, r.top, r.right - r.left, r.bottom - r.top);
}

/* Picks that share a place get rings of growing size. */
static double pick_radius(const drawing *d, int i)
{
    const cloud_version *v = &d->c->version[i];
    double r = PICK_RADIUS;
    for (int k = i + 1; k < d->c->n_versions; k++) {
        const cloud_version *w = &d->c->version[k];
        if (!w->has_pick) continue;
        if (hypot(px(d, w->pick_x) - px(d, v->pick_x), py(d, w->pick_y) - py(d, v->pick_y)) < 2)
            r += 2.5;
    }
    return r;
}

static void draw_pick(drawing *d, int i)
{
    const cloud_version *v = &d->c->version[i];
    if (!v->has_pick || !panel_has(d->p, v->pick_x, v->pick_y)) return;
    char class[40];
    int c = i % FIGURE_COLOURS;
    if (v->met)
        snprintf(class, sizeof class, "pick c%d f%d", c, c);
    else
        snprintf(class, sizeof class, "miss c%d", c);
    svg_diamond(d->out, class, px(d, v->pick_x), py(d, v->pick_y), pick_radius(d, i), v->heading);
}

static bool same_pick(const cloud_version *v, const cloud_version *w)
{
    return w->has_pick && v->pick_x == w->pick_x && v->pick_y == w->pick_y;
}

/* "a, b" for versions with one pick, at the first of them; NULL for the others. */
static const char *pick_name(const drawing *d, int i)
{
    const cloud_version *all = d->c->version;
    char text[96] = "";
    for (int k = 0; k < d->c->n_versions; k++) {
        if (!same_pick(&all[i], &all[k])) continue;
        if (k < i) return NULL;
        char name[48];
        size_t used = strlen(text);
        svg_fit_text(all[k].name, FIGURE_TEXT, 70, name, sizeof name);
        snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", name);
    }
    return arena_string(d->a, text);
}

static bool shows_pick(const drawing *d, const cloud_version *v)
{
    return v->has_pick && panel_has(d->p, v->pick_x, v->pick_y);
}

static int list_pick_names(const drawing *d, label *l)
{
    int n = 0;
    for (int i = 0; i < d->c->n_versions; i++) {
        const cloud_version *v = &d->c->version[i];
        const char *name = shows_pick(d, v) ? pick_name(d, i) : NULL;
        if (!name) continue;
        l[n++] = (label){
            .x = px(d, v->pick_x), .y = py(d, v->pick_y), .r = pick_radius(d, i), .text = name};
    }
    return n;
}

static bool shares_pick(const drawing *d, int i)
{
    const cloud_version *all = d->c->version;
    for (int k = 0; k < d->c->n_versions; k++)
        if (k != i && same_pick(&all[i], &all[k])) return true;
    return false;
}

/* Where no pick of its own shows whose region it is, the name stands in the region, where x is best and y just holds: no
 * trial lies there, being better than the front. */
static int list_region_names(const drawing *d, label *l)
{
    int n = 0;
    for (int i = 0; i < d->c->n_versions; i++) {
        const cloud_version *v = &d->c->version[i];
        if ((shows_pick(d, v) && !shares_pick(d, i)) || (!v->x.set && !v->y.set)) continue;
        rectangle r = allowed(d, v);
        bool left = !v->x.set || is_upper(&v->x), top = !v->y.set || is_upper(&v->y);
        char text[64];
        svg_fit_text(v->name, FIGURE_TEXT, 70, text, sizeof text);
        l[n] = (label){.x = left ? r.left + 1 : r.right - 1,
                       .y = top ? r.top + FIGURE_TEXT + 3 : r.bottom,
                       .text = arena_string(d->a, text),
                       .leftwards = !left};
        n += l[n].text != NULL;
    }
    return n;
}

static status draw_names(drawing *d, const cloud_point *best, int n_best, err *e)
{
    const panel *p = d->p;
    label *l = ARENA_NEW(d->a, label, 2 * (size_t)d->c->n_versions + 1);
    double *point = ARENA_NEW(d->a, double, 2 * (size_t)n_best + 1);
    if (!l || !point) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < n_best; i++) {
        point[2 * i] = px(d, best[i].x);
        point[2 * i + 1] = py(d, best[i].y);
    }
    int n = list_pick_names(d, l);
    n += list_region_names(d, l + n);
    labels_place(l, n,
                 &(label_room){.frame = {p->left + 1, p->top + 1, p->left + p->width - 1,
                                         p->top + p->height - 1},
                               .n_points = n_best,
                               .point = point,
                               .size = FIGURE_TEXT});
    labels_draw(d->out, l, n, "head halo", FIGURE_TEXT);
    return OK;
}

status cloud_draw(const cloud_view *v, const panel *p, bool names, buf *out, arena *a, err *e)
{
    drawing d = {v, v->c, p, out, a};
    cloud_point *best;
    int n_best;
    TRY(draw_dots(&d, true, e));
    for (int i = 0; i < d.c->n_versions; i++) draw_box(&d, i);
    TRY(draw_dots(&d, false, e));
    draw_members(&d);
    TRY(list_best(&d, &best, &n_best, e));
    draw_best(&d, best, n_best);
    for (int i = 0; i < d.c->n_versions; i++) draw_pick(&d, i);
    return names ? draw_names(&d, best, n_best, e) : OK;
}
