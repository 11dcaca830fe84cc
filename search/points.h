/* Finding points of a problem by the levels of their knobs.
 *
 * Not every combination of levels is a point: rules exclude some, others would build the same files.
 * Points stand in the order of their levels, the last knob fastest, so that those which agree in the first
 * k knobs are neighbours. Both searches walk down the knobs and stay among points that exist. */
#ifndef PARETUNE_SEARCH_POINTS_H
#define PARETUNE_SEARCH_POINTS_H

#include "search/problem.h"

#include <stdbool.h>

/* The point nearest to `level` (n_knobs of them), decided knob by knob. O(knobs x log points). */
int points_nearest(const problem *p, const int *level);
/* The point at the quantiles u[n_knobs], each in [0,1), of the levels that are left at each knob. */
int points_at(const problem *p, const double *u);

/* What was suggested already, one flag a point. */
typedef struct {
    const problem *p;
    unsigned char *taken; /* n_points */
    int n_taken, first;   /* no point before `first` is free */
} point_set;

status point_set_make(const problem *p, arena *a, point_set *out, err *e);
void point_set_take(point_set *s, int point);
/* The point itself if it is free, else the next free one behind it, from the beginning after the last; -1
 * when all are taken. */
int point_set_free_from(const point_set *s, int point);

#endif
