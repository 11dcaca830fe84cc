#include "search/points.h"

static int digit(const problem *p, int point, int knob)
{
    int level = p->level[(size_t)point * (size_t)p->n_knobs + (size_t)knob];
    return level < 0 ? 0
                     : level; /* of equal candidates the first is kept, which has the first level */
}

/* Points [lo, hi) agree in the knobs before `knob`: the first of them with at least this digit. */
static int first_from(const problem *p, int knob, int lo, int hi, int at_least)
{
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (digit(p, mid, knob) < at_least)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void narrow(const problem *p, int knob, int chosen, int *lo, int *hi)
{
    int from = first_from(p, knob, *lo, *hi, chosen);
    *hi = first_from(p, knob, from, *hi, chosen + 1);
    *lo = from;
}

static int nearest_digit(const problem *p, int knob, int lo, int hi, int wanted)
{
    int above = first_from(p, knob, lo, hi, wanted);
    if (above == hi) return digit(p, hi - 1, knob);
    if (above == lo) return digit(p, lo, knob);
    int high = digit(p, above, knob), low = digit(p, above - 1, knob);
    return high - wanted <= wanted - low ? high : low;
}

int points_nearest(const problem *p, const int *level)
{
    int lo = 0, hi = p->n_points;
    for (int k = 0; k < p->n_knobs && hi - lo > 1; k++)
        narrow(p, k, nearest_digit(p, k, lo, hi, level[k] < 0 ? 0 : level[k]), &lo, &hi);
    return lo;
}

int points_at(const problem *p, const double *u)
{
    int lo = 0, hi = p->n_points;
    for (int k = 0; k < p->n_knobs && hi - lo > 1; k++)
        narrow(p, k, digit(p, lo + (int)(u[k] * (hi - lo)), k), &lo, &hi);
    return lo;
}

status point_set_make(const problem *p, arena *a, point_set *out, err *e)
{
    *out = (point_set){.p = p, .taken = ARENA_NEW(a, unsigned char, p->n_points + 1)};
    return out->taken ? OK : FAIL(e, ERR_MEM, "out of memory");
}

void point_set_take(point_set *s, int point)
{
    if (!s->taken[point]) s->n_taken++;
    s->taken[point] = 1;
    while (s->first < s->p->n_points && s->taken[s->first]) s->first++;
}

int point_set_free_from(const point_set *s, int point)
{
    if (s->n_taken == s->p->n_points) return -1;
    for (int i = point; i < s->p->n_points; i++)
        if (!s->taken[i]) return i;
    return s->first;
}
