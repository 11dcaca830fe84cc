/* A scatter plot in characters, for terminals: plain ASCII but for units. */
#ifndef PARETUNE_REPORT_CHAR_PLOT_H
#define PARETUNE_REPORT_CHAR_PLOT_H

#include "engine/base/buf.h"

#include <stdbool.h>

enum { CHAR_PLOT_MIN_WIDTH = 24, CHAR_PLOT_MIN_HEIGHT = 7 };

typedef struct {
    double x, y; /* points with a NaN or infinity are left out */
    char mark;   /* where several share a place the last one is seen */
} char_point;

typedef struct {
    const char *name, *unit;
    bool higher; /* better */
} char_axis;

typedef struct {
    char_axis x, y;
    int n;
    const char_point *point;
} char_plot;

/* Appends exactly `height` lines of at most `width` columns, each with its line end. Both are raised to the least
 * that they must be. Without a point it says so in the middle. */
void char_plot_draw(const char_plot *p, int width, int height, buf *out);

#endif
