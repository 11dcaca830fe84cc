/* Learning curves as train stages record them. */
#ifndef PARETUNE_SEARCH_CURVE_H
#define PARETUNE_SEARCH_CURVE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

/* The figure that training watches, after each epoch: of classifiers the validation accuracy in %, else the
 * validation loss; NaN where it is not there. `detail` is the JSON of a train stage, which has the curve from the
 * training's first epoch on, also when it continues another stage. In `a`. */
status curve_read(const char *detail, arena *a, float **curve, int *n, err *e);

#endif
