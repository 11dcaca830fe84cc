#include "report/figure_front.h"

#include "engine/base/quantity.h"
#include "report/scatter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- configurations --- */

typedef struct {
    int64_t trial; /* the first of its trainings */
    int n_seeds;
    bool on_front;
} config;

typedef struct {
    int n, n_trials, n_front, n_metrics;
    const char **metric;
    config *config;       /* [n] */
    verdict_sample *seed; /* [n][n_metrics] */
    double *half;         /* [n][n_metrics]: of the interval; 0 for a single training */
} configs;

typedef struct {
    double candidate;
    int row;
} by_candidate;

static int compare_candidates(const void *one, const void *two)
{
    const by_candidate *a = one, *b = two;
    if (a->candidate != b->candidate) return a->candidate < b->candidate ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static void add_row(configs *c, const table *t, int row)
{
    config *at = &c->config[c->n - 1];
    verdict_sample *s = c->seed + (size_t)(c->n - 1) * (size_t)c->n_metrics;
    if (at->n_seeds++ == 0) at->trial = (int64_t)job_number(t, row, JOB_TRIAL);
    at->on_front |= job_number(t, row, JOB_ON_FRONT) != 0;
    for (int k = 0; k < c->n_metrics; k++) {
        double v = job_number(t, row, JOB_METRICS + k);
        if (isfinite(v)) verdict_add(&s[k], v);
    }
}

/* Of one metric; `all` is scratch. */
static void find_intervals(configs *c, int metric, verdict_sample *all)
{
    const size_t m = (size_t)c->n_metrics;
    for (int i = 0; i < c->n; i++) all[i] = c->seed[(size_t)i * m + (size_t)metric];
    verdict_spread spread = verdict_pool(all, c->n);
    for (int i = 0; i < c->n; i++) {
        verdict_interval v = verdict_mean_interval(&all[i], &spread, 0.95);
        double half = (v.high - v.low) / 2;
        if (all[i].n >= 2 && isfinite(half)) c->half[(size_t)i * m + (size_t)metric] = half;
    }
}

static status read_configs(job *j, int n_metrics, const char **metric, configs *c, err *e)
{
    table t;
    TRY(job_read_figures(j, n_metrics, metric, &t, e));
    const size_t most = (size_t)t.n_rows + 1, m = (size_t)n_metrics;
    *c = (configs){.n_trials = t.n_rows, .n_metrics = n_metrics, .metric = metric};
    c->config = ARENA_NEW(j->a, config, most);
    c->seed = ARENA_NEW(j->a, verdict_sample, most * m);
    c->half = ARENA_NEW(j->a, double, most *m);
    by_candidate *order = ARENA_NEW(j->a, by_candidate, most);
    verdict_sample *all = ARENA_NEW(j->a, verdict_sample, most);
    if (!c->config || !c->seed || !c->half || !order || !all)
        return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < t.n_rows; i++)
        order[i] = (by_candidate){job_number(&t, i, JOB_CANDIDATE), i};
    qsort(order, (size_t)t.n_rows, sizeof *order, compare_candidates);
    for (int i = 0; i < t.n_rows; i++) {
        if (i == 0 || order[i].candidate != order[i - 1].candidate) c->n++;
        add_row(c, &t, order[i].row);
        c->n_front += job_number(&t, order[i].row, JOB_ON_FRONT) != 0;
    }
    for (int k = 0; k < n_metrics; k++) find_intervals(c, k, all);
    return OK;
}

static double mean_of(const configs *c, int i, int metric)
{
    const verdict_sample *s = &c->seed[(size_t)i * (size_t)c->n_metrics + (size_t)metric];
    return s->n ? s->mean : (double)NAN;
}

static double half_of(const configs *c, int i, int metric)
{
    return c->half[(size_t)i * (size_t)c->n_metrics + (size_t)metric];
}

/* --- versions --- */

/* The name gives way before the verdict does. */
static const char *heading_of(job *j, const pick *p)
{
    char name[64];
    svg_fit_text(p->version, FIGURE_TEXT, 90, name, sizeof name);
    if (p->kind == PICK_NONE) return arena_printf(j->a, "%s: nothing yet", name);
    return arena_printf(j->a, "%s: %s, trial %lld", name,
                        p->met                   ? "met"
                        : p->kind == PICK_CHOSEN ? "not met on test"
                                                 : "closest miss",
                        (long long)p->trial);
}

/* Figures of both parts: the point lies at one of them, the verdict concerns the other. */
static const char *note_of(job *j, const pick *p)
{
    if (p->binding < 0) return p->n_limits ? "no trial has all figures" : "no limits";
    const pick_limit *l = &p->limit[p->binding];
    char value[48], reported[48] = "missing";
    quantity_format(l->value, l->unit, value, sizeof value);
    if (!isnan(l->reported)) quantity_format(l->reported, l->unit, reported, sizeof reported);
    if (l->exact) return arena_printf(j->a, "%s %s: %s", l->metric, l->text, value);
    return arena_printf(j->a, "%s %s: %s on validation, %s on test", l->metric, l->text, value,
                        reported);
}

static cloud_limit limit_on(const pick *p, const char *metric)
{
    for (int i = 0; i < p->n_limits; i++)
        if (strcmp(p->limit[i].metric, metric) == 0)
            return (cloud_limit){true, p->limit[i].op, p->limit[i].bound};
    return (cloud_limit){0};
}

/* Picks' figures for all metrics, n x n_metrics; NaN for none. */
static status read_picks(job *j, const configs *c, double **out, err *e)
{
    const size_t m = (size_t)c->n_metrics;
    *out = ARENA_NEW(j->a, double, (size_t)j->picks.n *m + 1);
    if (!*out) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < j->picks.n; i++) {
        double *v = *out + (size_t)i * m;
        for (size_t k = 0; k < m; k++) v[k] = (double)NAN;
        int64_t trial = j->picks.pick[i].trial;
        if (trial) TRY(store_trial_figures(j->s, trial, c->n_metrics, c->metric, v, e));
    }
    return OK;
}

static status list_versions(job *j, const configs *c, int x, int y, const double *figures,
                            cloud_version **out, err *e)
{
    cloud_version *v = ARENA_NEW(j->a, cloud_version, (size_t)j->picks.n + 1);
    if (!v) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < j->picks.n; i++) {
        const pick *p = &j->picks.pick[i];
        const double *own = figures + (size_t)i * (size_t)c->n_metrics;
        v[i] = (cloud_version){.name = p->version,
                               .heading = heading_of(j, p),
                               .note = note_of(j, p),
                               .title = p->title,
                               .x = limit_on(p, c->metric[x]),
                               .y = limit_on(p, c->metric[y]),
                               .has_pick = isfinite(own[x]) && isfinite(own[y]),
                               .met = p->met,
                               .pick_x = own[x],
                               .pick_y = own[y]};
        if (!v[i].heading || !v[i].note) return FAIL(e, ERR_MEM, "no memory for a plot");
    }
    *out = v;
    return OK;
}

/* --- clouds --- */

/* Two of the metrics. */
static status make_cloud(job *j, const configs *c, int x, int y, const double *pick_figures,
                         cloud *out, err *e)
{
    cloud_point *q = ARENA_NEW(j->a, cloud_point, (size_t)c->n + 1);
    cloud_version *v;
    if (!q) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < c->n; i++)
        q[i] = (cloud_point){
            mean_of(c, i, x),     mean_of(c, i, y), c->config[i].trial, c->config[i].on_front,
            c->config[i].n_seeds, half_of(c, i, x), half_of(c, i, y),   false};
    TRY(list_versions(j, c, x, y, pick_figures, &v, e));
    *out = (cloud){.x = job_axis(j, c->metric[x]),
                   .y = job_axis(j, c->metric[y]),
                   .n_points = c->n,
                   .point = q,
                   .n_versions = j->picks.n,
                   .version = v};
    return OK;
}

static const char *subtitle_of(job *j, const configs *c, bool test)
{
    const char *part = test ? "_test: figures of the test part" : "figures of the validation part";
    const char *which = j->filter ? arena_printf(j->a, " with %s", j->filter) : "";
    if (c->n == c->n_trials)
        return arena_printf(j->a, "%d finished trial%s%s, %d on the front of all objectives; %s.",
                            c->n, c->n == 1 ? "" : "s", which, c->n_front, part);
    return arena_printf(j->a,
                        "%d configurations%s, means over seeds (%d trainings, %d of them on the "
                        "front of all objectives); %s.",
                        c->n, which, c->n_trials, c->n_front, part);
}

static status draw_pair(job *j, const char *x, const char *y, buf *svg, err *e)
{
    const char *metric[] = {x, y};
    configs c;
    scatter s;
    double *pick_figures;
    TRY(read_configs(j, 2, metric, &c, e));
    TRY(read_picks(j, &c, &pick_figures, e));
    TRY(make_cloud(j, &c, 0, 1, pick_figures, &s.cloud, e));
    s.title = arena_printf(j->a, "%s: %s against %s", job_title(j), y, x);
    s.subtitle = subtitle_of(j, &c, job_is_test_figure(x) || job_is_test_figure(y));
    if (!s.title || !s.subtitle) return FAIL(e, ERR_MEM, "no memory for a plot");
    return scatter_draw(&s, &j->style, j->a, svg, e);
}

status figure_front_pair(job *j, const char *x, const char *y, err *e)
{
    buf svg = {0};
    err why = {0};
    if (strcmp(x, y) == 0) return FAIL(e, ERR_INPUT, "%s against itself shows nothing", x);
    status s = draw_pair(j, x, y, &svg, &why);
    const char *name = arena_printf(j->a, "pareto-%.60s-%.60s", x, y);
    return job_write_figure(j, name, s, &why, &svg, e);
}

/* --- several panels --- */

enum { MOST_PANELS = 15 };

typedef struct {
    figure f;
    int n, columns;
    double top, step_x, step_y;
    cloud cloud[MOST_PANELS];
    cloud_view view[MOST_PANELS];
    panel panel[MOST_PANELS];
    const char *heading[MOST_PANELS]; /* above the panel; NULL: none */
} multiples;

static const double HEADING = 11, GAP = 6;

/* Panels in rows of three where the figure is wide, of one where it is narrow. */
static void place_panels(multiples *m)
{
    m->columns = figure_columns(&m->f, m->n);
    m->step_x = figure_room(&m->f) / m->columns;
    double width = m->step_x - PANEL_LEFT - 4,
           height = (figure_is_wide(&m->f) ? 0.95 : 0.55) * width;
    m->step_y = height + PANEL_BELOW + GAP + (m->heading[0] ? HEADING : 0);
    for (int i = 0; i < m->n; i++) {
        panel *p = &m->panel[i];
        int row = i / m->columns;
        p->left = FIGURE_MARGIN + PANEL_LEFT + m->step_x * (i % m->columns);
        p->top = m->step_y * row + (m->heading[0] ? HEADING : 0);
        p->width = width;
        p->height = height;
    }
}

static status draw_panel(multiples *m, int i, arena *a, err *e)
{
    char x_title[200], y_title[200];
    buf *b = &m->f.body;
    panel *p = &m->panel[i];
    const cloud *c = &m->cloud[i];
    p->top += m->top;
    panel_x_title(p, c->x.name, c->x.higher, x_title, sizeof x_title);
    panel_y_title(p, c->y.name, c->y.higher, y_title, sizeof y_title);
    panel_draw_axes(b, p, x_title, y_title, PANEL_ALL);
    TRY(cloud_draw(&m->view[i], p, true, b, a, e));
    panel_draw_frame(b, p);
    if (m->heading[i]) {
        char text[160];
        svg_fit_text(m->heading[i], FIGURE_TEXT, m->step_x - 6, text, sizeof text);
        svg_text(b, "head", p->left - PANEL_LEFT + 4, p->top - 5, "start", text);
    }
    return OK;
}

static status draw_panels(job *j, multiples *m, double y, buf *svg, err *e)
{
    int beyond = 0;
    for (int i = 0; i < m->n; i++)
        beyond = m->view[i].n_beyond > beyond ? m->view[i].n_beyond : beyond;
    m->top = scatter_draw_legend(&m->f, y, m->view, m->n);
    for (int i = 0; i < m->n; i++) TRY(draw_panel(m, i, j->a, e));
    y = m->top + m->step_y * figure_rows(m->n, m->columns) - GAP;
    if (beyond) {
        char text[80];
        snprintf(text, sizeof text, "up to %d more trials beyond the axes of a panel", beyond);
        svg_text(&m->f.body, "soft small", FIGURE_MARGIN, y + 7, "start", text);
        y += FIGURE_LINE;
    }
    y = scatter_draw_versions(&m->f, y + 2, m->cloud[0].version, m->cloud[0].n_versions);
    return figure_end(&m->f, y + 2, svg, e);
}

static int first_metrics(const job *j, const char **metric, int most)
{
    int n = 0;
    for (int i = 0; i < j->space.n_objectives && n < most; i++)
        metric[n++] = j->space.objective[i].metric;
    return n;
}

/* Every pair of the objectives, of six at the most. */
static status draw_pairs(job *j, multiples *m, buf *svg, err *e)
{
    enum { MOST = 6 };
    const char **metric = ARENA_NEW(j->a, const char *, MOST);
    configs c;
    double *pick_figures;
    if (!metric) return FAIL(e, ERR_MEM, "no memory for a plot");
    int n = first_metrics(j, metric, MOST);
    TRY(read_configs(j, n, metric, &c, e));
    TRY(read_picks(j, &c, &pick_figures, e));
    for (int y = 0; y < n; y++)
        for (int x = y + 1; x < n; x++)
            TRY(make_cloud(j, &c, x, y, pick_figures, &m->cloud[m->n++], e));
    const char *title = arena_printf(j->a, "%s: every pair of objectives", job_title(j));
    const char *subtitle = subtitle_of(j, &c, false);
    if (!title || !subtitle) return FAIL(e, ERR_MEM, "no memory for a plot");
    double y = figure_begin(&m->f, &j->style, title, subtitle);
    place_panels(m);
    for (int i = 0; i < m->n; i++) TRY(cloud_fit(&m->view[i], &m->cloud[i], &m->panel[i], j->a, e));
    return draw_panels(j, m, y, svg, e);
}

/* --- slices --- */

enum { N_BANDS = 3 };

typedef struct {
    double low, high; /* of the values in it */
    int n;
} band;

static int compare_doubles(const void *one, const void *two)
{
    double a = *(const double *)one, b = *(const double *)two;
    return (a > b) - (a < b);
}

/* Thirds of the values, never between equal ones; fewer bands when there are fewer values. */
static int cut_bands(double *v, int n, band *out)
{
    int n_bands = 0, from = 0;
    qsort(v, (size_t)n, sizeof *v, compare_doubles);
    for (int i = 0; i < N_BANDS && from < n; i++) {
        int end = i == N_BANDS - 1 ? n : n * (i + 1) / N_BANDS;
        end = end <= from ? from + 1 : end;
        while (end < n && v[end] == v[end - 1]) end++;
        out[n_bands++] = (band){v[from], v[end - 1], end - from};
        from = end;
    }
    return n_bands;
}

static bool is_in(const band *b, double v)
{
    return v >= b->low && v <= b->high;
}

static bool reaches(const cloud_limit *l, const band *b)
{
    bool upper = l->op == LIMIT_LT || l->op == LIMIT_LE;
    return !l->set || limit_holds(l->op, upper ? b->low : b->high, l->bound);
}

static status make_slice(job *j, const configs *c, const band *b, const double *pick_figures,
                         cloud *out, err *e)
{
    TRY(make_cloud(j, c, 0, 1, pick_figures, out, e));
    cloud_point *q = ARENA_NEW(j->a, cloud_point, (size_t)c->n + 1);
    cloud_version *v = ARENA_NEW(j->a, cloud_version, (size_t)out->n_versions + 1);
    if (!q || !v) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < c->n; i++) {
        q[i] = out->point[i];
        q[i].is_aside = !is_in(b, mean_of(c, i, 2));
    }
    for (int i = 0; i < out->n_versions; i++) {
        cloud_limit z = limit_on(&j->picks.pick[i], c->metric[2]);
        v[i] = out->version[i];
        v[i].has_pick &= is_in(b, pick_figures[(size_t)i * (size_t)c->n_metrics + 2]);
        if (!reaches(&z, b)) v[i].x.set = v[i].y.set = false;
    }
    out->point = q;
    out->version = v;
    return OK;
}

/* All panels show the same ranges: those that the cloud of all trials asks for. */
static status fit_slices(job *j, multiples *m, const cloud *whole, err *e)
{
    cloud_view view;
    for (int i = 0; i < m->n; i++) {
        TRY(cloud_fit(&view, whole, &m->panel[i], j->a, e));
        TRY(cloud_fit_into(&m->view[i], &m->cloud[i], &m->panel[i], j->a, e));
    }
    return OK;
}

static const char *band_heading(job *j, const char *metric, const band *b)
{
    char low[48], high[48];
    const char *unit = job_axis(j, metric).unit;
    quantity_format(b->low, unit, low, sizeof low);
    quantity_format(b->high, unit, high, sizeof high);
    if (b->low == b->high) return arena_printf(j->a, "%s %s", metric, low);
    return arena_printf(j->a, "%s %s to %s", metric, low, high);
}

static status draw_slices(job *j, const char **metric, multiples *m, buf *svg, err *e)
{
    configs c;
    cloud whole;
    double *pick_figures;
    band bands[N_BANDS];
    int n = 0;
    TRY(read_configs(j, 3, metric, &c, e));
    TRY(read_picks(j, &c, &pick_figures, e));
    TRY(make_cloud(j, &c, 0, 1, pick_figures, &whole, e));
    double *z = ARENA_NEW(j->a, double, c.n + 1);
    if (!z) return FAIL(e, ERR_MEM, "no memory for a plot");
    for (int i = 0; i < c.n; i++)
        if (isfinite(mean_of(&c, i, 2)) && isfinite(mean_of(&c, i, 0)) &&
            isfinite(mean_of(&c, i, 1)))
            z[n++] = mean_of(&c, i, 2);
    m->n = cut_bands(z, n, bands);
    if (m->n < 2) return FAIL(e, ERR_INPUT, "%s has fewer than two values", metric[2]);
    for (int i = 0; i < m->n; i++) {
        TRY(make_slice(j, &c, &bands[i], pick_figures, &m->cloud[i], e));
        m->heading[i] = band_heading(j, metric[2], &bands[i]);
    }
    const char *title = arena_printf(j->a, "%s: %s against %s, in slices of %s", job_title(j),
                                     metric[1], metric[0], metric[2]);
    const char *subtitle =
        arena_printf(j->a, "%s Faint: trials of the other slices.", subtitle_of(j, &c, false));
    if (!title || !subtitle) return FAIL(e, ERR_MEM, "no memory for a plot");
    double y = figure_begin(&m->f, &j->style, title, subtitle);
    place_panels(m);
    TRY(fit_slices(j, m, &whole, e));
    return draw_panels(j, m, y, svg, e);
}

/* --- all of them --- */

static int index_of(const job *j, const char *metric)
{
    for (int i = 0; i < j->space.n_objectives; i++)
        if (strcmp(j->space.objective[i].metric, metric) == 0) return i;
    return -1;
}

/* Size across, if it is an objective, then the others in their order. */
static int order_metrics(const job *j, const char **metric)
{
    int size = index_of(j, "size"), n = 0;
    if (size >= 0) metric[n++] = j->space.objective[size].metric;
    for (int i = 0; i < j->space.n_objectives; i++)
        if (i != size) metric[n++] = j->space.objective[i].metric;
    return n;
}

typedef status draw_multiples(job *j, const char **metric, multiples *m, buf *svg, err *e);

static status pairs_of_all(job *j, const char **metric, multiples *m, buf *svg, err *e)
{
    (void)metric;
    return draw_pairs(j, m, svg, e);
}

static status write_multiples(job *j, const char *name, draw_multiples *draw, const char **metric,
                              err *e)
{
    buf svg = {0};
    err why = {0};
    multiples *m = ARENA_NEW(j->a, multiples, 1);
    if (!m) return FAIL(e, ERR_MEM, "no memory for a plot");
    status s = draw(j, metric, m, &svg, &why);
    figure_free(&m->f);
    return job_write_figure(j, name, s, &why, &svg, e);
}

status figure_front(job *j, err *e)
{
    const char **metric = ARENA_NEW(j->a, const char *, j->space.n_objectives + 1);
    if (!metric) return FAIL(e, ERR_MEM, "no memory for a plot");
    int n = order_metrics(j, metric);
    for (int i = 1; i < n; i++) TRY(figure_front_pair(j, metric[0], metric[i], e));
    if (n < 3) return OK;
    TRY(write_multiples(j, "pairs", pairs_of_all, metric, e));
    return write_multiples(j, "slices", draw_slices, metric, e);
}
