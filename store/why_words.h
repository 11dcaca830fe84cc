/* why.h in words and tables. */
#ifndef PARETUNE_STORE_WHY_WORDS_H
#define PARETUNE_STORE_WHY_WORDS_H

#include "store/answer.h"
#include "store/why.h"

typedef struct {
    const pick *pick; /* the version's, by the margin rule */
    const store_space *space;
    why_field field;
    why found;
    why_knobs knobs;
    int n_steps;
    why_step *step;      /* away from the pick, or the closest trial */
    const char *missing; /* a limited metric that no finished trial has; NULL: none */
    int n_waiting, n_stopped, n_failed; /* trials that are not done */
    const char *db;
} why_case;

/* Sentences, and the tables summary, limits, knobs, untried and closest. */
status why_tell(const why_case *c, answer *w, err *e);

#endif
