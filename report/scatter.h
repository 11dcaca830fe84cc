/* A scatter plot of two metrics as SVG: every finished trial, the front of the two as steps, and
 * for each version the region its limits allow and its pick. Labels of versions stand in a column
 * of their own, joined to the picks by lines, so that nothing is written over the points.
 *
 * Dominated trials that would cover each other are drawn once, so a plot of 10,000 trials stays a
 * file of some 100 kB. Trials beyond the figures that matter are left out and counted in the
 * subtitle. */
#ifndef PARETUNE_REPORT_SCATTER_H
#define PARETUNE_REPORT_SCATTER_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/quantity.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *name, *unit;
    bool higher; /* better */
} scatter_axis;

typedef struct {
    double x, y; /* points with a NaN or infinity are left out */
    int64_t trial;
    bool on_front; /* under all objectives of the study */
} scatter_point;

typedef struct {
    bool set;
    limit_op op;
    double bound;
} scatter_limit;

typedef struct {
    const char *name;
    const char *heading; /* "a: met", beside its colour */
    const char *note;    /* a second line; may be empty */
    const char *title;   /* a third one: what the version is for; NULL or empty: none */
    scatter_limit x, y;  /* its limits on the two metrics */
    bool has_pick, met;
    double pick_x, pick_y;
} scatter_version;

typedef struct {
    const char *title, *subtitle;
    scatter_axis x, y;
    int n_points, n_versions;
    const scatter_point *point;
    const scatter_version *version;
} scatter;

/* Appends the document to `out`; ERR_INPUT when no point has both figures. `a` is scratch. */
status scatter_draw(const scatter *s, arena *a, buf *out, err *e);

#endif
