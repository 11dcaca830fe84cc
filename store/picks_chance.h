/* The part of picks.h that judges: seeds of one configuration together, and the chances of a pick. */
#ifndef PARETUNE_STORE_PICKS_CHANCE_H
#define PARETUNE_STORE_PICKS_CHANCE_H

#include "store/handle.h"

/* Trials to choose among. */
typedef struct {
    const int64_t *trial; /* ascending */
    int n;
} pick_selection;

/* In any order; the list in `a`. */
status pick_selection_make(const int64_t *trial, int n, arena *a, pick_selection *out, err *e);
bool pick_selection_has(const pick_selection *among, int64_t trial);
/* Keeps the points of selected trials, in their order. */
void pick_selection_keep(const pick_selection *from, store_points *points);

/* Of each trial: how many finished trainings its configuration has, and its figures' means over them, laid out as
 * the points' values. */
typedef struct {
    int *n;
    double *mean;
} pick_seeds;

status pick_seeds_find(store *s, const store_points *points, arena *a, pick_seeds *out, err *e);

/* Fills n_seeds, the chances and the limits' means and intervals of a chosen pick. With a selection: by its trials'
 * validation figures alone. */
status pick_judge(store *s, const pick_selection *from, pick *p, arena *a, err *e);

#endif
