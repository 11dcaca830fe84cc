/* Which candidate comes next.
 *
 * A sampler is asked for one suggestion after another; their order numbers the trials, so it may
 * depend on the space, the seed and results of earlier suggestions, never on time or on the number
 * of workers. */
#ifndef PARETUNE_SEARCH_SAMPLER_H
#define PARETUNE_SEARCH_SAMPLER_H

#include "search/space.h"

typedef struct {
    int64_t candidate; /* index in the space, CAND_OK */
    int seed_index;    /* which of the space's seeds */
} suggestion;

typedef struct sampler sampler;
struct sampler {
    /* The next suggestion, or *end when the space is exhausted. `self` holds the sampler's state.
     */
    status (*next)(sampler *self, suggestion *out, bool *end, err *e);
};

/* Every candidate in the order of its index; all of them with the first seed before any with the
 * second, so that a run that is cut short has seen as much of the space as it could. */
typedef struct {
    sampler base; /* first: &grid.base is the sampler */
    const plan *plan;
    int64_t n_candidates, candidate;
    int n_seeds, seed_index;
} grid_sampler;

void sampler_grid(grid_sampler *g, const plan *p, int64_t n_candidates, int n_seeds);

#endif
