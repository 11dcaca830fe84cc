/* Trials side by side: knobs and figures, who dominates whom, and what their configurations differ by over seeds. */
#ifndef PARETUNE_STORE_COMPARE_H
#define PARETUNE_STORE_COMPARE_H

#include "store/answer.h"
#include "store/store.h"

enum { COMPARE_MOST = 8 };

/* Sentences, and the tables rows (a row for each knob, figure and version, and each trial), dominance and seeds.
 *
 * Dominance is under the study's objectives, by validation figures. Seeds: for the first trial's configuration and each
 * other's, the mean over common seeds of the difference (other - first) of each objective and limited figure and its test
 * twin, with a 95 % interval (paired, Student's t); only with two common seeds or more. */
status compare_trials(store *s, const store_space *space, const int64_t *trial, int n, answer *w,
                      err *e);

#endif
