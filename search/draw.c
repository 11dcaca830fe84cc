#include "search/draw.h"

#include "search/sobol.h"

enum { MOST_DRAWS = 64 };

status draw_open(const problem *p, uint64_t seed, arena *a, draw *out, err *e)
{
    *out = (draw){.p = p, .seed = seed, .u = ARENA_NEW(a, double, p->n_knobs + 1)};
    if (!out->u) return FAIL(e, ERR_MEM, "out of memory");
    return point_set_make(p, a, &out->tried, e);
}

static int take(draw *d, int point)
{
    int free_one = point_set_free_from(&d->tried, point);
    if (free_one >= 0) point_set_take(&d->tried, free_one);
    return free_one;
}

int draw_next(draw *d)
{
    int point = 0;
    for (int i = 0; i < MOST_DRAWS && d->p->n_points > 0; i++) {
        for (int k = 0; k < d->p->n_knobs; k++) d->u[k] = sobol(d->seed, d->drawn, k);
        d->drawn++;
        point = points_at(d->p, d->u);
        if (!d->tried.taken[point]) break;
    }
    return take(d, point);
}

int draw_near(draw *d, const int *level)
{
    return take(d, points_nearest(d->p, level));
}

bool draw_answer(const draw *d, int point, suggestion *out)
{
    if (point >= 0) *out = (suggestion){d->p->candidate[point], point, 0};
    return point >= 0;
}
