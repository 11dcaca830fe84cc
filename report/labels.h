/* Where names of marks stand in a plot: beside their mark, inside the frame, and on no other name.
 *
 * Each label in turn takes the cheapest of the places around its mark, nearest first: it must touch neither
 * another label nor anything that is taken, and had better not cover points. A label without such a place is left
 * out, so names that matter stand in a list beside the plot as well. */
#ifndef PARETUNE_REPORT_LABELS_H
#define PARETUNE_REPORT_LABELS_H

#include "engine/base/buf.h"

#include <stdbool.h>

typedef struct {
    double left, top, right, bottom;
} rectangle;

typedef struct {
    double x, y, r;   /* the mark: centre and radius */
    const char *text; /* borrowed */
    bool leftwards;   /* rather to the left of the mark than to the right */
    bool placed;      /* set by labels_place, as is all below */
    bool leads;       /* far enough from its mark that a line joins them */
    rectangle at;
} label;

typedef struct {
    rectangle frame;
    int n_taken, n_points;
    const rectangle *taken; /* not to be touched */
    const double *point;    /* n x 2: better not covered */
    double size;            /* of the font */
} label_room;

void labels_place(label *l, int n, const label_room *room);
/* With a line to the mark where it is far, and a halo. */
void labels_draw(buf *b, const label *l, int n, const char *class, double size);

#endif
