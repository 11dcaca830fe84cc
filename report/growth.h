/* How a study's front grew: after how much processor time which share of the box between the best and the worst
 * figures (volume.h) was dominated. */
#ifndef PARETUNE_REPORT_GROWTH_H
#define PARETUNE_REPORT_GROWTH_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "store/store.h"

typedef struct {
    int n; /* trials that entered the front of their time, thinned where they are very many; 0 without a box */
    const double *cpu_seconds, *share; /* spent until then; dominated from then on */
    const int64_t *trial;
    double total_cpu; /* of all trials that are over */
} front_growth;

/* `space` is the study's last one. Arrays live in `a`. */
status front_growth_read(store *s, const store_space *space, arena *a, front_growth *out, err *e);

#endif
