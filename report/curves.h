/* Learning curves of trials that are done or were stopped early, as their train stages noted them: the parts of a chain joined to one. Shown by
 * figures and pages. */
#ifndef PARETUNE_REPORT_CURVES_H
#define PARETUNE_REPORT_CURVES_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t trial;
    int n;                      /* epochs */
    double *value;              /* after each: validation accuracy in percent, or validation loss */
    int prune_begin, prune_end; /* epochs between which weights are pruned; -1: they are not */
    int fine_tune;              /* epochs before the fine-tuning began; -1: there is none */
    bool is_stopped;            /* early, by the stop rule */
} learning_curve;

typedef struct {
    int n, n_trials; /* curves read; trials that have one */
    learning_curve *curve;
    bool is_accuracy; /* else loss */
} learning_curves;

/* Of the trials in `wanted` (n_wanted of them) and, of all others, `most` at the most, evenly spread over the order of
 * candidates. All in `a`. */
status learning_curves_read(store *s, int most, const int64_t *wanted, int n_wanted, arena *a,
                            learning_curves *out, err *e);

#endif
