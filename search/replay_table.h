/* A search that was made before, or is made up, as a table: what every training would say. Samplers and
 * stop rules are tried on it in no time and with the truth at hand. */
#ifndef PARETUNE_SEARCH_REPLAY_TABLE_H
#define PARETUNE_SEARCH_REPLAY_TABLE_H

#include "engine/base/buf.h"
#include "search/problem.h"

typedef struct {
    problem p;
    /* What trainings give on average, n_points x n_metrics: the yardstick. Of a recorded study the mean
     * over its seeds. */
    const float *truth;
    /* Recorded trainings, n_points x p.n_seeds x n_metrics; NULL: made up as truth plus `noise`. */
    const float *recorded;
    double
        noise[PROBLEM_MAX_METRICS]; /* standard deviation of a training's figure, of each metric */
    double reference[PROBLEM_MAX_METRICS]; /* of the hypervolume: what is not worth having */
    /* Learning curves of the first trained metric: recorded, n_points x p.n_seeds x n_epochs; NULL: made up, so
     * that they end at the figure that the training says. n_epochs 0: there are none. */
    int n_epochs;
    const float *curve;
    const int
        *first_rung; /* n_points: not to be stopped before this epoch, for pruning has not begun
                              to bite; NULL: 0 everywhere */
    /* Points that share their first prefix_epochs epochs, and differ behind them only, have one number in common, from 0
     * to n_points - 1; NULL: nothing is shared. */
    const int *prefix, *prefix_epochs;
} replay_table;

/* What the training of a point says, n_metrics figures. `replica` names an independent repetition of the whole
 * study; without recorded trainings it decides the noise. */
void replay_observe(const replay_table *t, int point, int seed_index, uint64_t replica,
                    double *value);

/* The curve of that training, t->n_epochs figures; `last` is what it says of the watched metric. */
void replay_curve(const replay_table *t, int point, int seed_index, uint64_t replica, double last,
                  float *curve);

/* Reads a table from a CSV file (replay_read.c describes it) or from the trials that are done in a study. ERR_INPUT
 * says what is wrong with it and where. */
status replay_table_read(const char *path, arena *a, replay_table *out, err *e);
/* Appends the CSV of a study's trials that are done: figures only, one training a line. */
status replay_table_of_study(const char *path, buf *out, err *e);

/* A made-up keyword space of 115,200 candidates: four architectures, sixteen widths, ten sparsities, five
 * numbers of mel bins, three of coefficients, three frame lengths, two rates, two word lengths. Bytes and
 * milliseconds follow from the layers; accuracy is a smooth invented response plus a fixed peculiarity of
 * each point (0.4 points) and the noise of a training (0.6 points). It measures samplers; it says nothing of
 * keyword spotting. Versions a, b, c are met by 0.69 %, 0.93 % and 0.04 % of the
 * points. Random points reach 0.82, 0.85, 0.88, 0.90 of the best hypervolume after 50, 100, 200, 300. */
status replay_table_invent(arena *a, replay_table *out, err *e);
/* The same with one knob more, of `times` levels: times x 115,200 candidates. */
status replay_table_invent_large(int times, arena *a, replay_table *out, err *e);

/* Hypervolume, in the metrics' own units, that the true figures of n chosen points (NULL: of all, n =
 * n_points) dominate within the table's reference. */
status replay_volume(const replay_table *t, const int *point, int n, arena *scratch, double *out,
                     err *e);

/* Bounds the hypervolume by the loosest limits of the versions aimed at (AIM_VERSIONS or a version's number; AIM_FRONT:
 * nothing changes), in the objectives that each of them limits: nothing beyond is worth having. */
void replay_table_aim(replay_table *t, int aim);

#endif
