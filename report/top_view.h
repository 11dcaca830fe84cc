/* What `top` shows, as lines of text: a pure function of what was read and of the room there is. */
#ifndef PARETUNE_REPORT_TOP_VIEW_H
#define PARETUNE_REPORT_TOP_VIEW_H

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "report/char_plot.h"
#include "store/store.h"

enum { TOP_NO_HEIGHT = 0, TOP_LEAST_WIDTH = 24 };

typedef struct {
    const char *db;
    const store_live *live;
    const double
        *running_seconds; /* beside live->running: how long each has been seen; NULL: unknown */
    const picks *picks;
    char_plot plot;
} top_state;

/* Appends at most `height` lines (TOP_NO_HEIGHT: as many as there are, with a plot of middling size) of at most
 * `width` columns. What does not fit is left out from the least important on: the plot shrinks and goes first, then
 * the list of running stages, then the versions. Control characters in texts become blanks. */
status top_compose(const top_state *t, int width, int height, buf *out, err *e);

#endif
