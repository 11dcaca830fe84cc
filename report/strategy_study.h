/* The finished trials of a study as strategies (strategies.h) see them: levels of knobs, figures, and which training each
 * came from. */
#ifndef PARETUNE_REPORT_STRATEGY_STUDY_H
#define PARETUNE_REPORT_STRATEGY_STUDY_H

#include "report/strategies.h"

typedef struct {
    int64_t trial, seed, training;
    int *level;     /* [n_knobs], what does not matter at its reference */
    double *figure; /* [n_metrics]: as reported */
} studied_trial;

typedef struct {
    int n, n_knobs, n_metrics;
    studied_trial *row; /* by levels, then by seed */
    const studied_knob *knob;
    int *reference; /* level of each knob */
    double
        *grain; /* [n_metrics]: least difference between two figures that are not equal; 0: none */
    const strategy_metric *metric;
    arena *a;
} strategy_study;

/* Reads the rows; of the study everything but `n`, `row`, `reference` and `grain` is set. A level of -1: the knob does not
 * matter. */
status strategy_study_read(job *j, strategy_study *s, err *e);
/* Once the references are set: puts them in place of -1, and sorts. */
void strategy_study_sort(strategy_study *s);

/* NULL when no trial has these levels and this seed. */
const studied_trial *strategy_study_find(const strategy_study *s, const int *level, int64_t seed);
/* The first row with the levels of row i. */
int strategy_study_first(const strategy_study *s, int i);

#endif
