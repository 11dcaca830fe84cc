/* random: the points of a draw, in their order. */
#include "search/draw.h"
#include "search/sampler_kinds.h"

typedef struct {
    sampler base;
    draw points;
} random_sampler;

static status next_of_random(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    draw *d = &((random_sampler *)(void *)self)->points;
    (void)h, (void)e;
    *end = !draw_answer(d, draw_next(d), out);
    return OK;
}

status sampler_random_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                           err *e)
{
    random_sampler *r = ARENA_NEW(a, random_sampler, 1);
    if (!r) return FAIL(e, ERR_MEM, "out of memory");
    r->base.next = next_of_random;
    *out = &r->base;
    return draw_open(p, o->seed, a, &r->points, e);
}
