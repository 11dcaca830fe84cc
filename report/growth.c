#include "report/growth.h"

#include "engine/base/pareto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An exact volume in two or three objectives takes milliseconds; in more it may take seconds. */
enum { MOST_STEPS = 400, MOST_STEPS_MANY = 40 };

typedef struct {
    int m, n;
    int64_t *trial; /* finished ones with all figures, ascending */
    double *cube;   /* n x m: 0 best, 1 worst */
} field;

static status read_field(store *s, const store_space *space, arena *a, field *f, err *e)
{
    store_points p;
    int m = f->m = space->n_objectives;
    const char **metric = ARENA_NEW(a, const char *, m + 1);
    if (!metric) return FAIL(e, ERR_MEM, "no memory for the front's growth");
    for (int k = 0; k < m; k++) metric[k] = space->objective[k].metric;
    TRY(store_read_points(s, m, metric, a, &p, e));
    f->trial = ARENA_NEW(a, int64_t, p.n + 1);
    f->cube = ARENA_NEW(a, double, (size_t)p.n *(size_t)m + 1);
    if (!f->trial || !f->cube) return FAIL(e, ERR_MEM, "no memory for the front's growth");
    for (int t = 0; t < p.n; t++) {
        double *row = f->cube + (size_t)f->n * (size_t)m;
        bool whole = true;
        for (int k = 0; k < m; k++) {
            double v = p.value[(size_t)t * (size_t)m + (size_t)k];
            row[k] = space->objective[k].maximize ? -v : v;
            whole &= isfinite(v) != 0;
        }
        f->trial[f->n] = p.trial[t];
        f->n += whole;
    }
    return OK;
}

/* Into the unit cube; false when it has no volume. */
static bool scale_field(field *f)
{
    for (int k = 0; k < f->m; k++) {
        double low = (double)INFINITY, high = -(double)INFINITY;
        for (int t = 0; t < f->n; t++) {
            low = fmin(low, f->cube[t * f->m + k]);
            high = fmax(high, f->cube[t * f->m + k]);
        }
        if (!(high > low)) return false;
        for (int t = 0; t < f->n; t++)
            f->cube[t * f->m + k] = (f->cube[t * f->m + k] - low) / (high - low);
    }
    return f->n > 0 && f->m > 0;
}

static int compare_trials(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static const double *find_row(const field *f, int64_t trial)
{
    const int64_t *at = bsearch(&trial, f->trial, (size_t)f->n, sizeof *f->trial, compare_trials);
    return at ? f->cube + (at - f->trial) * f->m : NULL;
}

/* The front of its time, packed. */
typedef struct {
    int n, m;
    double *point;
} running;

static bool enters(const running *r, const double *p)
{
    for (int i = 0; i < r->n; i++) {
        const double *q = r->point + i * r->m;
        bool no_worse = true;
        for (int k = 0; k < r->m; k++) no_worse &= q[k] <= p[k];
        if (no_worse) return false;
    }
    return true;
}

static void enter(running *r, const double *p)
{
    const size_t bytes = (size_t)r->m * sizeof *p;
    int kept = 0;
    for (int i = 0; i < r->n; i++) {
        if (pareto_dominates(p, r->point + i * r->m, r->m)) continue;
        if (kept != i) memcpy(r->point + kept * r->m, r->point + i * r->m, bytes);
        kept++;
    }
    memcpy(r->point + kept * r->m, p, bytes);
    r->n = kept + 1;
}

/* The trials that enter, in time; their places in the course. */
static int list_entries(const field *f, const table *course, running *r, int *place)
{
    int n = 0;
    for (int i = 0; i < course->n_rows; i++) {
        const double *p = find_row(f, (int64_t)course->cells[2 * i].number);
        if (!p || !enters(r, p)) continue;
        enter(r, p);
        place[n++] = i;
    }
    r->n = 0;
    return n;
}

typedef struct {
    double *cpu, *share, *reference;
    int64_t *trial;
    int *place;
} columns;

static status take_columns(arena *a, const table *course, int m, columns *c, err *e)
{
    int n = course->n_rows + 1;
    *c = (columns){ARENA_NEW(a, double, n), ARENA_NEW(a, double, n), ARENA_NEW(a, double, m),
                   ARENA_NEW(a, int64_t, n), ARENA_NEW(a, int, n)};
    if (!c->cpu || !c->share || !c->reference || !c->trial || !c->place)
        return FAIL(e, ERR_MEM, "no memory for the front's growth");
    for (int k = 0; k < m; k++) c->reference[k] = 1;
    return OK;
}

static status follow(const field *f, const table *course, running *r, columns *c, arena *a,
                     front_growth *out, err *e)
{
    int n = list_entries(f, course, r, c->place), most = f->m <= 3 ? MOST_STEPS : MOST_STEPS_MANY;
    int next = 0;
    double cpu = 0;
    for (int i = 0; i < course->n_rows && next < n; i++) {
        cpu += course->cells[2 * i + 1].number;
        if (i != c->place[next]) continue;
        int64_t trial = (int64_t)course->cells[2 * i].number;
        enter(r, find_row(f, trial));
        /* `most` of n, the first and the last among them */
        bool shown = n <= most || next == 0 || next == n - 1 ||
                     (int64_t)next * most / n != (int64_t)(next - 1) * most / n;
        next++;
        if (!shown) continue;
        TRY(pareto_hypervolume(r->point, r->n, f->m, c->reference, &c->share[out->n], a, e));
        c->cpu[out->n] = cpu;
        c->trial[out->n++] = trial;
    }
    return OK;
}

status front_growth_read(store *s, const store_space *space, arena *a, front_growth *out, err *e)
{
    field f = {0};
    table course;
    columns c;
    *out = (front_growth){0};
    TRY(store_course(s, a, &course, e));
    for (int i = 0; i < course.n_rows; i++) out->total_cpu += course.cells[2 * i + 1].number;
    TRY(read_field(s, space, a, &f, e));
    if (!scale_field(&f)) return OK;
    running r = {.m = f.m, .point = ARENA_NEW(a, double, (size_t)(f.n + 1) * (size_t)f.m)};
    if (!r.point) return FAIL(e, ERR_MEM, "no memory for the front's growth");
    TRY(take_columns(a, &course, f.m, &c, e));
    TRY(follow(&f, &course, &r, &c, a, out, e));
    out->cpu_seconds = c.cpu;
    out->share = c.share;
    out->trial = c.trial;
    return OK;
}
