/* Trials as points of two metrics in a panel: the front of the two as steps, members of the study's front, for each
 * version the region that its limits allow and its pick, intervals over seeds. A part of figures, which choose where
 * the panel stands.
 *
 * Dominated trials that would cover each other are drawn once, so a plot of 10,000 trials stays a file of some 100
 * kB. Trials beyond the figures that matter are left out and counted. */
#ifndef PARETUNE_REPORT_CLOUD_H
#define PARETUNE_REPORT_CLOUD_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/quantity.h"
#include "report/figure.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *name, *unit;
    bool higher; /* better */
} cloud_axis;

typedef struct {
    double x, y; /* points with a NaN or infinity are left out */
    int64_t trial;
    bool on_front; /* under all objectives of the study */
    int n_seeds;   /* x and y are means over so many; 0 and 1: of one training */
    double dx, dy; /* half widths of the intervals of the means; 0: none */
    bool is_aside; /* drawn faintly, and on no front */
} cloud_point;

typedef struct {
    bool set;
    limit_op op;
    double bound;
} cloud_limit;

typedef struct {
    const char *name;
    const char *heading; /* "a: met" */
    const char *note;    /* a second line; may be empty */
    const char *title;   /* a third one: what the version is for; NULL or empty: none */
    cloud_limit x, y;    /* its limits on the two metrics */
    bool has_pick, met;
    double pick_x, pick_y;
} cloud_version;

typedef struct {
    cloud_axis x, y;
    int n_points, n_versions;
    const cloud_point *point;
    const cloud_version *version;
} cloud;

/* A cloud made ready for drawing. */
typedef struct {
    const cloud *c;
    unsigned char *best; /* by point: on the front of the two metrics */
    int n_shown, n_beyond;
    bool has_members, has_others, has_bars; /* for the legend */
} cloud_view;

/* Finds the front of the two metrics and fits the axes of the panel, whose place is given, around all that
 * matters. ERR_INPUT when no point has both figures. Of `v` what is in `a` lives on. */
status cloud_fit(cloud_view *v, const cloud *c, panel *p, arena *a, err *e);
/* For axes that the caller has fitted. */
status cloud_fit_into(cloud_view *v, const cloud *c, const panel *p, arena *a, err *e);

/* What one of the axes must show. */
range cloud_range(const cloud *c, const unsigned char *best, bool y, double *scratch);

/* Draws all but axes and frame. `names`: of versions, beside their picks or else in their regions. */
status cloud_draw(const cloud_view *v, const panel *p, bool names, buf *out, arena *a, err *e);

#endif
