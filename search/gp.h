/* A Gaussian process over numbered points: what trainings so far say of those that were not made.
 *
 * Matern 5/2 kernel with a length scale for each group of coordinates, constant mean, equal noise; length scales
 * and noise by the greatest posterior likelihood (Rasmussen & Williams, Gaussian Processes for Machine
 * Learning, MIT Press 2006, chapters 2, 4 and 5). Rows are trainings in the order of their suggestions. A row may
 * be added before its figure is known: it then counts with the figure that was expected of it, which leaves the
 * means alone and takes from the variances what its result will take. */
#ifndef PARETUNE_SEARCH_GP_H
#define PARETUNE_SEARCH_GP_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

/* Coordinates of points: coordinate d of point i is x[d * n_points + i]. */
typedef struct {
    int n_points, n_dims, n_groups;
    const float *x;
    const int *group; /* n_dims: the length scale that a coordinate goes by */
} gp_space;

enum { GP_MOST_GROUPS = 128 };

/* What is fitted: logarithms of the length scales, and of the noise as a part of the signal's variance. */
typedef struct {
    double log_length[GP_MOST_GROUPS], log_noise;
} gp_scales;

/* A training's figure lies off the smooth part by its own chance and by what is peculiar to its point. One training
 * for each point cannot tell them apart; so much of their variance is taken for the point's own. */
#define GP_PECULIAR 0.5

typedef struct gp gp; /* opaque */

/* Room for `most_rows` trainings and `most_watched` points whose figures are kept up to date. In `a`; `s` is
 * borrowed. */
status gp_open(const gp_space *s, int most_rows, int most_watched, arena *a, gp **out, err *e);

/* Begins anew with n_rows trainings at points `row`, of which the figures of the first n_known are known.
 * Length scales and noise are fitted in so many steps from where they stood (0: left alone), to some 256 of the
 * figures. No point is watched afterwards. */
status gp_restart(gp *g, const int *row, const double *y, int n_rows, int n_known, int steps,
                  err *e);
/* Means of some points, slowly: for choosing which to watch. None is watched afterwards. */
void gp_predict(gp *g, const int *some, int n, float *mean);
/* The points whose figures are kept up to date from here. */
status gp_watch(gp *g, const int *point, int n, err *e);

/* A further row, its figure unknown. ERR_STATE when there is no room. */
status gp_add(gp *g, int point, err *e);
/* The figure of the first unknown row; NaN: it stays what was expected. */
void gp_learn(gp *g, double y);

/* Of the watched points, in their order: mean and standard deviation of the point's average figure over trainings. */
const float *gp_mean(const gp *g);
void gp_deviation(const gp *g, float *out);
/* The same of the rows' own points: what is believed of what was trained. */
void gp_row_means(const gp *g, double *out);
double gp_row_deviation(const gp *g, int row);
double gp_noise(const gp *g); /* standard deviation of a training's figure about the smooth part */

/* Of each known row what the others let expect of its figure: mean and standard deviation (Rasmussen & Williams,
 * 5.4.2). No row may be unknown. */
status gp_leave_out(gp *g, double *mean, double *deviation, err *e);

gp_scales gp_scales_of(const gp *g);
/* From where the next gp_restart begins. */
void gp_set_scales(gp *g, const gp_scales *to);
/* Logarithm of the posterior density of scales, up to a constant, by the known rows (some 256 of them), and its slope:
 * n_groups + 1 numbers, that of the noise last. ERR_NUM when it cannot be told. */
status gp_posterior(gp *g, const gp_scales *at, double *value, double *slope, err *e);

#endif
