/* The mean effect of one change of a knob, or what two do together beyond their sum; the estimator of strategies.h. */
#ifndef PARETUNE_REPORT_CONTRAST_H
#define PARETUNE_REPORT_CONTRAST_H

#include "report/strategy_study.h"

typedef struct {
    int knob, from, to; /* levels */
} knob_change;

/* Over all trials at `from` of the one or two changes for which the changed ones are there, too. The joint interval is
 * left to contrast_join. The study's arena is scratch. */
status contrast_measure(const strategy_study *s, const knob_change *c, int n_changes, int metric,
                        strategy_effect *out, err *e);

/* Sets the interval that holds together with n_intervals - 1 others. */
void contrast_join(strategy_effect *f, int n_intervals);

/* A figure so that less is better: a quality itself or its negative, else its logarithm. */
double contrast_turn(const strategy_metric *m, double v);

#endif
