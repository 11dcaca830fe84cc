/* The part of picks.h that judges: seeds of one configuration together, and the chances of a pick. */
#ifndef PARETUNE_STORE_PICKS_CHANCE_H
#define PARETUNE_STORE_PICKS_CHANCE_H

#include "store/handle.h"

/* Of each trial: how many finished trainings its configuration has, and its figures' means over them, laid out as
 * the points' values. */
typedef struct {
    int *n;
    double *mean;
} pick_seeds;

status pick_seeds_find(store *s, const store_points *points, arena *a, pick_seeds *out, err *e);

/* Fills n_seeds, the chances and the limits' means and intervals of a chosen pick. */
status pick_judge(store *s, pick *p, arena *a, err *e);

#endif
