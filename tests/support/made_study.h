/* Made-up keyword studies of any size through the store's door: knobs that matter to some networks only, figures that follow
 * from them with luck, learning curves, bytes of files. The same plan gives the same figures. */
#ifndef PARETUNE_TESTS_SUPPORT_MADE_STUDY_H
#define PARETUNE_TESTS_SUPPORT_MADE_STUDY_H

#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int n_trials, n_seeds; /* trials altogether; seeds of each configuration */
    int n_versions; /* limits of 3: a, b, c; of more: drawn, some of them ties or out of reach */
    int epochs;
    double confidence; /* of the run */
    bool hostile;      /* names and texts that would break a careless page */
    bool gaps;         /* some trials are stopped early, failed, or lack a figure */
} made_study_plan;

/* Writes the study to a new file. */
status made_study_write(const char *path, const made_study_plan *plan, err *e);

#endif
