/* What a rule of pick_rules.h weighs in a given study: private to picks.c. */
#ifndef PARETUNE_STORE_PICK_MEASURE_H
#define PARETUNE_STORE_PICK_MEASURE_H

#include "store/handle.h"

/* For one version; of PICK_MARGIN nothing. ERR_INPUT when the study has no figure for the rule. */
status pick_measure_find(store *s, const store_space *space, const store_version *v, pick_rule rule,
                         arena *a, pick_measure *out, err *e);
/* "least size", "least product of T_mae and RH_mae": what the rule did, in words. */
const char *pick_measure_text(const pick_measure *m, arena *a);

#endif
