#include "search/encode.h"

#include <math.h>
#include <stdbool.h>

static bool is_coordinate(const problem_metric *m)
{
    return m->known && m->positive;
}

static void count(const problem *p, int *n_dims, int *n_groups)
{
    *n_dims = 0;
    *n_groups = p->n_knobs;
    for (int k = 0; k < p->n_knobs; k++) *n_dims += p->knob[k].number ? 1 : p->knob[k].n_levels;
    for (int m = 0; m < p->n_metrics; m++)
        if (is_coordinate(&p->metric[m])) ++*n_dims, ++*n_groups;
}

static int level_of(const problem *p, int point, int knob)
{
    return p->level[(size_t)point * (size_t)p->n_knobs + (size_t)knob];
}

static void put_number(const problem *p, int knob, float *x)
{
    const int last = p->knob[knob].n_levels - 1;
    for (int i = 0; i < p->n_points; i++) {
        int level = level_of(p, i, knob);
        x[i] = level < 0 || last < 1 ? 0.5F : (float)level / (float)last;
    }
}

static void put_word(const problem *p, int knob, int word, float *x)
{
    for (int i = 0; i < p->n_points; i++) x[i] = level_of(p, i, knob) == word ? 0.70710678F : 0;
}

static void put_figure(const problem_metric *m, int n, float *x)
{
    float low = (float)INFINITY, high = -(float)INFINITY;
    for (int i = 0; i < n; i++) {
        x[i] = logf(fmaxf(m->known[i], 1e-9F));
        low = fminf(low, x[i]);
        high = fmaxf(high, x[i]);
    }
    for (int i = 0; i < n; i++) x[i] = high > low ? (x[i] - low) / (high - low) : 0.5F;
}

status encode_points(const problem *p, arena *a, gp_space *out, err *e)
{
    int n_dims, n_groups, group_no = p->n_knobs;
    count(p, &n_dims, &n_groups);
    float *x = ARENA_NEW(a, float, (size_t)n_dims *(size_t)p->n_points + 1);
    int *group = ARENA_NEW(a, int, n_dims + 1);
    if (!x || !group) return FAIL(e, ERR_MEM, "out of memory for the coordinates of points");
    *out = (gp_space){p->n_points, n_dims, n_groups, x, group};
    for (int k = 0; k < p->n_knobs; k++)
        for (int word = 0; word < (p->knob[k].number ? 1 : p->knob[k].n_levels); word++) {
            *group++ = k;
            if (p->knob[k].number)
                put_number(p, k, x);
            else
                put_word(p, k, word, x);
            x += p->n_points;
        }
    for (int m = 0; m < p->n_metrics; m++) {
        if (!is_coordinate(&p->metric[m])) continue;
        *group++ = group_no++;
        put_figure(&p->metric[m], p->n_points, x);
        x += p->n_points;
    }
    return OK;
}
