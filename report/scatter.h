/* A scatter plot of two metrics as SVG: a cloud (cloud.h) with axes, a legend, and below it what became of each
 * version. */
#ifndef PARETUNE_REPORT_SCATTER_H
#define PARETUNE_REPORT_SCATTER_H

#include "report/cloud.h"

typedef struct {
    const char *title, *subtitle;
    cloud cloud;
} scatter;

/* Appends the document to `out`; ERR_INPUT when no point has both figures. `a` is scratch. */
status scatter_draw(const scatter *s, const figure_style *style, arena *a, buf *out, err *e);

/* What stands below plots for each version, from y on in one or two columns; returns y below it. */
double scatter_draw_versions(figure *f, double y, const cloud_version *version, int n);
/* The marks that the drawn views used. */
double scatter_draw_legend(figure *f, double y, const cloud_view *view, int n_views);

#endif
