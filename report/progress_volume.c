/* Every trial in turn; one that is dominated by the front so far changes nothing and costs one comparison per
 * member. Only for others is the volume computed again, of the front alone. */
#include "report/progress_volume.h"

#include "engine/base/pareto.h"
#include "report/volume.h"

#include <math.h>
#include <string.h>

typedef struct {
    int m, n;
    double *point;     /* n x m: the front so far, in the unit cube, less is better */
    double *reference; /* m ones */
} growing_front;

/* In the unit cube of the study's box; false when a figure is missing. */
static bool scale_row(const store_points *p, int row, const store_space *space,
                      const front_volume *box, double *out)
{
    for (int k = 0; k < space->n_objectives; k++) {
        double v = p->value[(size_t)row * (size_t)space->n_objectives + (size_t)k];
        out[k] = (v - box->best[k]) / (box->worst[k] - box->best[k]);
        if (!isfinite(out[k])) return false;
    }
    return true;
}

static bool is_covered(const growing_front *f, const double *point)
{
    for (int i = 0; i < f->n; i++) {
        const double *member = f->point + (size_t)i * (size_t)f->m;
        if (pareto_dominates(member, point, f->m)) return true;
        if (memcmp(member, point, (size_t)f->m * sizeof *point) == 0) return true;
    }
    return false;
}

static void join(growing_front *f, const double *point)
{
    const size_t bytes = (size_t)f->m * sizeof *point;
    int kept = 0;
    for (int i = 0; i < f->n; i++) {
        double *member = f->point + (size_t)i * (size_t)f->m;
        if (pareto_dominates(point, member, f->m)) continue;
        memmove(f->point + (size_t)kept++ * (size_t)f->m, member, bytes);
    }
    memcpy(f->point + (size_t)kept * (size_t)f->m, point, bytes);
    f->n = kept + 1;
}

static int find_row(const store_points *p, int64_t trial)
{
    int low = 0, high = p->n - 1;
    while (low <= high) {
        int middle = low + (high - low) / 2;
        if (p->trial[middle] == trial) return middle;
        if (p->trial[middle] < trial)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

/* Trials that enter the front of their time: their places in `spent` and their rows in the unit cube. */
typedef struct {
    int n;
    int *place;
    double *point; /* n x m */
} entries;

static status list_entries(const table *spent, const store_points *p, const store_space *space,
                           const front_volume *box, growing_front *f, arena *a, entries *out,
                           err *e)
{
    *out = (entries){.place = ARENA_NEW(a, int, p->n + 1),
                     .point = ARENA_NEW(a, double, ((size_t)p->n + 1) * (size_t)f->m)};
    if (!out->place || !out->point) return FAIL(e, ERR_MEM, "no memory for the progress");
    for (int i = 0; i < spent->n_rows; i++) {
        const cell *c = spent->cells + (size_t)i * (size_t)spent->n_columns;
        double *point = out->point + (size_t)out->n * (size_t)f->m;
        int row = c[1].number != 0 ? find_row(p, (int64_t)c[0].number) : -1;
        if (row < 0 || !scale_row(p, row, space, box, point) || is_covered(f, point)) continue;
        join(f, point);
        out->place[out->n++] = i;
    }
    f->n = 0;
    return OK;
}

/* `most` of n, the first and the last among them. */
static bool is_shown(int i, int n, int most)
{
    return most <= 0 || n <= most || i == 0 || i == n - 1 ||
           (int64_t)i * most / n != (int64_t)(i - 1) * most / n;
}

static status walk(const table *spent, const entries *in, progress_choice which, growing_front *f,
                   progress_step *step, progress_volume *out, arena *a, err *e)
{
    double cpu_seconds = 0;
    for (int i = 0, next = 0; next < in->n; i++) {
        const cell *c = spent->cells + (size_t)i * (size_t)spent->n_columns;
        cpu_seconds += c[2].number;
        if (i != in->place[next]) continue;
        join(f, in->point + (size_t)next * (size_t)f->m);
        if (!is_shown(next++, in->n, which.most)) continue;
        double share = 0, before = out->n ? step[out->n - 1].share : 0;
        arena_mark_t mark = arena_mark(a);
        TRY(pareto_hypervolume(f->point, f->n, f->m, f->reference, &share, a, e));
        arena_release(a, mark);
        if (share > before || which.flat_too)
            step[out->n++] = (progress_step){cpu_seconds, share, (int64_t)c[0].number, i + 1};
    }
    return OK;
}

status progress_volume_read(store *s, const store_space *space, progress_choice which, arena *a,
                            progress_volume *out, err *e)
{
    const int m = space->n_objectives;
    front_volume box;
    store_points p;
    table spent;
    entries in = {0};
    *out = (progress_volume){0};
    TRY(store_spending(s, a, &spent, e));
    for (int i = 0; i < spent.n_rows; i++)
        out->cpu_seconds += spent.cells[(size_t)i * (size_t)spent.n_columns + 2].number;
    out->n_trials = spent.n_rows;
    TRY(front_volume_read(s, space, a, &box, e));
    if (!isfinite(box.share)) return OK;
    const char **metric = ARENA_NEW(a, const char *, m);
    if (!metric) return FAIL(e, ERR_MEM, "no memory for the progress");
    for (int k = 0; k < m; k++) metric[k] = space->objective[k].metric;
    TRY(store_read_points(s, m, metric, a, &p, e));
    growing_front f = {.m = m,
                       .point = ARENA_NEW(a, double, ((size_t)p.n + 1) * (size_t)m),
                       .reference = ARENA_NEW(a, double, m)};
    progress_step *step = ARENA_NEW(a, progress_step, p.n + 1);
    if (!f.point || !f.reference || !step) return FAIL(e, ERR_MEM, "no memory for the progress");
    for (int k = 0; k < m; k++) f.reference[k] = 1;
    TRY(list_entries(&spent, &p, space, &box, &f, a, &in, e));
    out->step = step;
    return walk(&spent, &in, which, &f, step, out, a, e);
}
