#include <string.h>

#include "search/sampler_kinds.h"

const sampler_row *sampler_rows(void)
{
    static const sampler_row rows[] = {
        {"greybox",
         "models of what only training tells, exact figures of all points: the greatest expected "
         "gain",
         sampler_greybox_open},
        {"motpe", "points that look like the best fifth of the trials and unlike the rest",
         sampler_motpe_open},
        {"random", "points spread evenly over the space (Sobol's sequence)", sampler_random_open},
        {"nsga2", "genetic search for the front; limits come before objectives",
         sampler_nsga2_open},
        {"aging", "one knob of a good, recent candidate is changed", sampler_aging_open},
        {0},
    };
    return rows;
}

const sampler_row *sampler_find(const char *name)
{
    for (const sampler_row *row = sampler_rows(); row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}
