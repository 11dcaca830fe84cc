/* Which candidate comes next: the samplers, as one table.
 *
 * A sampler is asked for one suggestion after another (guide.h says what it may know then); their order
 * numbers the trials, so it depends on the space, the seed and results of earlier suggestions, never on
 * time or on the number of workers. */
#ifndef PARETUNE_SEARCH_SAMPLER_H
#define PARETUNE_SEARCH_SAMPLER_H

#include "search/guide.h"
#include "search/space.h"

typedef struct {
    uint64_t seed;
    int aim; /* AIM_... or the number of a version */
    double
        min_gain; /* greybox, for the front: ends when no training is expected to add so large a share of the
                        hypervolume's box per hour of CPU time; 0: never */
} sampler_options;

/* A sampler that works on a problem: `open` takes it from `a`; the problem must outlive it. */
typedef struct {
    const char *name; /* "random" */
    const char *help;
    status (*open)(const problem *p, const sampler_options *o, arena *a, sampler **out, err *e);
} sampler_row;

/* The samplers, ended by a row without a name; `grid`, which needs no problem, is not among them. */
const sampler_row *sampler_rows(void);
const sampler_row *sampler_find(const char *name); /* NULL for an unknown one */

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
