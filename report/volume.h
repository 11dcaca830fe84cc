/* How good a study's front is as a whole: the share of the box between the best and the worst figure
 * of each objective, over the finished trials, that the front dominates. 1 would be a trial that is
 * best in everything; a study with one trial, or without spread in some objective, has none. */
#ifndef PARETUNE_REPORT_VOLUME_H
#define PARETUNE_REPORT_VOLUME_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "store/store.h"

typedef struct {
    int n_trials, n_front;      /* with all figures; on the front of all objectives */
    double share;               /* of the box; NaN when it has no volume */
    const double *best, *worst; /* per objective, in its own unit */
} front_volume;

/* `space` is the study's last one (store_last_space). Arrays live in `a`. */
status front_volume_read(store *s, const store_space *space, arena *a, front_volume *out, err *e);

#endif
