/* Everything starts from one order: rows sorted by their objectives, first to last. A row can then
 * only be dominated by one that stands before it, and equal rows stand together, which is why every
 * sum below has an order of its own and results do not depend on the order of the input, to the
 * bit. */
#include "engine/base/pareto.h"

#include <math.h>
#include <string.h>

bool pareto_dominates(const double *p, const double *q, int m)
{
    bool better = false;
    for (int k = 0; k < m; k++) {
        if (!(p[k] <= q[k])) return false;
        better |= p[k] < q[k];
    }
    return better;
}

/* --- order --- */

static int compare_rows(const double *p, const double *q, int m)
{
    for (int k = 0; k < m; k++)
        if (p[k] != q[k]) return p[k] < q[k] ? -1 : 1;
    return 0;
}

/* Merge sort of n row numbers, bottom up; `spare` has room for n. qsort knows no m. */
static void sort_rows(int *order, int *spare, int n, const double *points, int m)
{
    for (int run = 1; run<n; run = run> n / 2 ? n : run * 2) {
        for (int low = 0; low<n; low += run>(n - low) / 2 ? n - low : 2 * run) {
            int mid = run < n - low ? low + run : n, high = run < n - mid ? mid + run : n;
            int i = low, j = mid, o = low;
            while (i < mid || j < high) {
                bool left =
                    j == high ||
                    (i < mid && compare_rows(points + (size_t)order[i] * (size_t)m,
                                             points + (size_t)order[j] * (size_t)m, m) <= 0);
                spare[o++] = left ? order[i++] : order[j++];
            }
        }
        memcpy(order, spare, (size_t)n * sizeof *order);
    }
}

static bool has_nan(const double *p, int m)
{
    for (int k = 0; k < m; k++)
        if (isnan(p[k])) return true;
    return false;
}

/* The numbers of the rows without NaN, sorted; NULL when out of memory. */
static int *sorted_rows(const double *points, int n, int m, int *n_rows, arena *a)
{
    int *order = ARENA_NEW(a, int, n), *spare = ARENA_NEW(a, int, n);
    if (!order || !spare) return NULL;
    *n_rows = 0;
    for (int i = 0; i < n; i++)
        if (!has_nan(points + (size_t)i * (size_t)m, m)) order[(*n_rows)++] = i;
    sort_rows(order, spare, *n_rows, points, m);
    return order;
}

/* --- front --- */

/* A Fenwick tree of minima (Fenwick, Softw. Pract. Exper. 24, 1994): which of the rows put so far,
 * with a rank of the second objective up to some value, has the smallest third one. 0 stands for
 * none, i + 1 for row i. */
typedef struct {
    const double *points;
    int n, *least;
} min_tree;

static int smaller_third(const min_tree *t, int i, int j)
{
    if (i == 0 || j == 0) return i + j;
    return t->points[3 * (size_t)(i - 1) + 2] <= t->points[3 * (size_t)(j - 1) + 2] ? i : j;
}

static int min_up_to(const min_tree *t, int rank)
{
    int least = 0;
    for (; rank > 0; rank -= rank & -rank) least = smaller_third(t, least, t->least[rank]);
    return least;
}

static void min_put(min_tree *t, int rank, int row)
{
    for (; rank <= t->n; rank += rank & -rank)
        t->least[rank] = smaller_third(t, t->least[rank], row + 1);
}

/* rank[i] = 1 + number of distinct smaller second objectives; NULL when out of memory. */
static int *second_ranks(const double *points, const int *order, int n, int m, int n_all, arena *a)
{
    double *second = ARENA_NEW(a, double, n);
    int *by_second = ARENA_NEW(a, int, n), *spare = ARENA_NEW(a, int, n);
    int *rank = ARENA_NEW(a, int, n_all);
    if (!second || !by_second || !spare || !rank) return NULL;
    for (int i = 0; i < n; i++) {
        second[i] = points[(size_t)order[i] * (size_t)m + 1];
        by_second[i] = i;
    }
    sort_rows(by_second, spare, n, second, 1);
    for (int i = 0, r = 0; i < n; i++) {
        if (i == 0 || second[by_second[i]] != second[by_second[i - 1]]) r++;
        rank[order[by_second[i]]] = r;
    }
    return rank;
}

/* Rows in order; equal rows are judged together, before they are put into the tree. */
static status front_3d(const double *points, const int *order, int n, int n_all,
                       unsigned char *on_front, arena *a, err *e)
{
    const int *rank = second_ranks(points, order, n, 3, n_all, a);
    min_tree tree = {points, n, ARENA_NEW(a, int, n + 1)};
    if (!rank || !tree.least) return FAIL(e, ERR_MEM, "no memory for a front of %d points", n);
    for (int i = 0, end; i < n; i = end) {
        const double *p = points + (size_t)order[i] * 3;
        for (end = i + 1; end < n && !compare_rows(p, points + (size_t)order[end] * 3, 3);) end++;
        int best = min_up_to(&tree, rank[order[i]]);
        bool dominated = best && points[3 * (size_t)(best - 1) + 2] <= p[2];
        for (int j = i; j < end; j++) on_front[order[j]] = !dominated;
        min_put(&tree, rank[order[i]], order[i]);
    }
    return OK;
}

static void front_2d(const double *points, const int *order, int n, unsigned char *on_front)
{
    const double *last = NULL; /* the newest member: the smallest second objective so far */
    for (int i = 0; i < n; i++) {
        const double *p = points + (size_t)order[i] * 2;
        if (last && last[1] <= p[1] && compare_rows(last, p, 2) != 0) continue;
        on_front[order[i]] = 1;
        last = p;
    }
}

/* Each row against the members before it: a dominated row is dominated by a member. */
static status front_any(const double *points, const int *order, int n, int m,
                        unsigned char *on_front, arena *a, err *e)
{
    const double **member = ARENA_NEW(a, const double *, n);
    if (!member) return FAIL(e, ERR_MEM, "no memory for a front of %d points", n);
    int n_members = 0;
    for (int i = 0; i < n; i++) {
        const double *p = points + (size_t)order[i] * (size_t)m;
        bool dominated = false;
        for (int j = n_members - 1; j >= 0 && !dominated; j--)
            dominated = pareto_dominates(member[j], p, m);
        if (dominated) continue;
        on_front[order[i]] = 1;
        member[n_members++] = p;
    }
    return OK;
}

status pareto_front(const double *points, int n, int m, unsigned char *on_front, arena *a, err *e)
{
    if (n < 0 || m < 1) return FAIL(e, ERR_ARG, "front of %d points in %d objectives", n, m);
    memset(on_front, 0, (size_t)n);
    if (n == 0) return OK;
    arena_mark_t mark = arena_mark(a);
    int n_rows = 0;
    const int *order = sorted_rows(points, n, m, &n_rows, a);
    status s = OK;
    if (!order)
        s = FAIL(e, ERR_MEM, "no memory for a front of %d points", n);
    else if (m == 2)
        front_2d(points, order, n_rows, on_front);
    else if (m == 3)
        s = front_3d(points, order, n_rows, n, on_front, a, e);
    else
        s = front_any(points, order, n_rows, m, on_front, a, e);
    arena_release(a, mark);
    return s;
}

/* --- hypervolume --- */

/* n rows side by side: a front, sorted, each row once. */
typedef struct {
    double *p;
    int n;
} rows;

static bool inside(const double *p, const double *reference, int m)
{
    for (int k = 0; k < m; k++)
        if (!(p[k] < reference[k] && isfinite(p[k]))) return false;
    return true;
}

/* Those of n rows that are inside, sorted, each once, only the non-dominated. */
static status clean_rows(const double *points, int n, int m, const double *reference, rows *out,
                         arena *a, err *e)
{
    double *kept = ARENA_NEW(a, double, (size_t)n *(size_t)m);
    unsigned char *front = ARENA_NEW(a, unsigned char, n);
    *out = (rows){ARENA_NEW(a, double, (size_t)n *(size_t)m), 0};
    if (!kept || !front || !out->p) return FAIL(e, ERR_MEM, "no memory for a hypervolume");
    int n_kept = 0;
    for (int i = 0; i < n; i++) {
        const double *p = points + (size_t)i * (size_t)m;
        if (inside(p, reference, m))
            memcpy(kept + (size_t)n_kept++ * (size_t)m, p, (size_t)m * sizeof *p);
    }
    if (n_kept == 0) return OK;
    TRY(pareto_front(kept, n_kept, m, front, a, e));
    int n_rows = 0;
    const int *order = sorted_rows(kept, n_kept, m, &n_rows, a);
    if (!order) return FAIL(e, ERR_MEM, "no memory for a hypervolume");
    for (int i = 0; i < n_rows; i++) {
        const double *p = kept + (size_t)order[i] * (size_t)m;
        if (!front[order[i]]) continue;
        if (out->n && compare_rows(p, out->p + (size_t)(out->n - 1) * (size_t)m, m) == 0) continue;
        memcpy(out->p + (size_t)out->n++ * (size_t)m, p, (size_t)m * sizeof *p);
    }
    return OK;
}

/* Sorted front: the second objective falls while the first rises. */
static double volume_2d(const rows *r, const double *reference)
{
    double v = 0, top = reference[1];
    for (int i = 0; i < r->n; i++) {
        v += (reference[0] - r->p[2 * i]) * (top - r->p[2 * i + 1]);
        top = r->p[2 * i + 1];
    }
    return v;
}

/* A staircase: second objectives rise, third fall. */
typedef struct {
    double (*step)[2];
    int n;
    double area;
} stairs;

/* Adds a step and the area it gains; does nothing when it lies on or above the stairs. */
static void stairs_add(stairs *s, double y, double z, const double *corner)
{
    int low = 0, high = s->n; /* first step with a larger y */
    while (low < high) {
        int mid = (low + high) / 2;
        if (s->step[mid][0] <= y)
            low = mid + 1;
        else
            high = mid;
    }
    double ceiling = low > 0 ? s->step[low - 1][1] : corner[1];
    if (ceiling <= z) return;
    int first = low; /* an equal y stands just before; its step falls away too */
    if (low > 0 && s->step[low - 1][0] == y) first--;
    int end = low;
    double left = y;
    while (end < s->n && s->step[end][1] >= z) {
        s->area += (s->step[end][0] - left) * (ceiling - z);
        left = s->step[end][0];
        ceiling = s->step[end][1];
        end++;
    }
    s->area += ((end < s->n ? s->step[end][0] : corner[0]) - left) * (ceiling - z);
    memmove(s->step + first + 1, s->step + end, (size_t)(s->n - end) * sizeof *s->step);
    s->step[first][0] = y;
    s->step[first][1] = z;
    s->n += 1 - (end - first);
}

/* Sweep along the first objective; slices between neighbours have the stairs' area (Fonseca,
 * Paquete & Lopez-Ibanez, CEC 2006). */
static status volume_3d(const rows *r, const double *reference, double *out, arena *a, err *e)
{
    stairs s = {.step = arena_take(a, (size_t)r->n + 1, sizeof *s.step)};
    if (!s.step) return FAIL(e, ERR_MEM, "no memory for a hypervolume");
    *out = 0;
    for (int i = 0; i < r->n; i++) {
        const double *p = r->p + (size_t)i * 3;
        stairs_add(&s, p[1], p[2], reference + 1);
        *out += s.area * ((i + 1 < r->n ? p[3] : reference[0]) - p[0]);
    }
    return OK;
}

static status volume(const double *points, int n, int m, const double *reference, double *out,
                     arena *a, err *e);

/* What row i adds to the rows before it, which are no worse in the first objective: a slab as deep
 * as its own first objective, whose face is its box less what the others, pushed into that box,
 * cover. */
static status exclusive_volume(const rows *r, int i, int m, const double *reference, double *out,
                               arena *a, err *e)
{
    int faces = m - 1;
    const double *p = r->p + (size_t)i * (size_t)m;
    double *pushed = ARENA_NEW(a, double, (size_t)i *(size_t)faces + 1), face = 1, covered = 0;
    if (!pushed) return FAIL(e, ERR_MEM, "no memory for a hypervolume");
    for (int k = 1; k < m; k++) face *= reference[k] - p[k];
    for (int j = 0; j < i; j++)
        for (int k = 1; k < m; k++)
            pushed[(size_t)j * (size_t)faces + (size_t)k - 1] =
                fmax(p[k], r->p[(size_t)j * (size_t)m + (size_t)k]);
    if (i > 0) TRY(volume(pushed, i, faces, reference + 1, &covered, a, e));
    *out = (reference[0] - p[0]) * (face - covered);
    return OK;
}

static status volume_any(const rows *r, int m, const double *reference, double *out, arena *a,
                         err *e)
{
    *out = 0;
    for (int i = 0; i < r->n; i++) {
        arena_mark_t mark = arena_mark(a);
        double gain = 0;
        status s = exclusive_volume(r, i, m, reference, &gain, a, e);
        arena_release(a, mark);
        TRY(s);
        *out += gain;
    }
    return OK;
}

static status volume(const double *points, int n, int m, const double *reference, double *out,
                     arena *a, err *e)
{
    rows r;
    *out = 0;
    TRY(clean_rows(points, n, m, reference, &r, a, e));
    if (r.n == 0) return OK;
    if (m == 1)
        *out = reference[0] - r.p[0];
    else if (m == 2)
        *out = volume_2d(&r, reference);
    else if (m == 3)
        return volume_3d(&r, reference, out, a, e);
    else
        return volume_any(&r, m, reference, out, a, e);
    return OK;
}

status pareto_hypervolume(const double *points, int n, int m, const double *reference, double *out,
                          arena *a, err *e)
{
    *out = 0;
    if (n < 0 || m < 1) return FAIL(e, ERR_ARG, "hypervolume of %d points in %d objectives", n, m);
    for (int k = 0; k < m; k++)
        if (!isfinite(reference[k])) return FAIL(e, ERR_ARG, "the reference point is not finite");
    arena_mark_t mark = arena_mark(a);
    status s = n ? volume(points, n, m, reference, out, a, e) : OK;
    arena_release(a, mark);
    return s;
}
