#include "search/sampler.h"

static status next_of_grid(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    grid_sampler *g = (grid_sampler *)(void *)self;
    (void)h, (void)e;
    *end = false;
    for (; g->seed_index < g->n_seeds; g->seed_index++, g->candidate = 0) {
        while (g->candidate < g->n_candidates && plan_state(g->plan, g->candidate) != CAND_OK)
            g->candidate++;
        if (g->candidate == g->n_candidates) continue;
        *out = (suggestion){g->candidate++, -1, g->seed_index};
        return OK;
    }
    *end = true;
    return OK;
}

void sampler_grid(grid_sampler *g, const plan *p, int64_t n_candidates, int n_seeds)
{
    *g = (grid_sampler){
        .base = {next_of_grid}, .plan = p, .n_candidates = n_candidates, .n_seeds = n_seeds};
}
