/* Verdicts put to the test: replayed studies whose truth is known. */
#ifndef PARETUNE_TESTS_SUPPORT_VERDICT_TRIALS_H
#define PARETUNE_TESTS_SUPPORT_VERDICT_TRIALS_H

#include "search/claim.h"
#include "search/replay.h"

typedef struct {
    const replay_table *table;
    int version, n_trials;
    int max_seeds;
    bool evenly; /* each point is trained max_seeds times, in place of racing */
    double confidence;
    /* Counted: studies with a point whose first training keeps the limits, and how many of the picks made from
     * first trainings alone (most room) truly keep them; studies that claim a pick, and how many of these do. */
    int n_points, n_points_true, n_claims, n_claims_true;
} verdict_trials;

/* Studies number from .. from + n - 1: each with its own points and noise. Points are drawn at random from those that
 * may meet the version. */
status verdict_trials_run(verdict_trials *w, int from, int n, arena *a, err *e);

#endif
