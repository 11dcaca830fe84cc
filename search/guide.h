/* The order of a search: numbers the suggestions and decides who may know what.
 *
 * What is decided about the n-th suggestion (which point it is, whether its training stops early) may
 * depend only on results of suggestions 0 .. n - window. A suggestion is asked for as soon as those are
 * closed, whoever closed them and when; so any number of workers, and a run that was interrupted,
 * write the same table. A window of w keeps w workers busy. */
#ifndef PARETUNE_SEARCH_GUIDE_H
#define PARETUNE_SEARCH_GUIDE_H

#include "engine/base/arena.h"
#include "search/problem.h"

typedef enum {
    TRIED_PENDING, /* not closed, or not to be known yet */
    TRIED_DONE,
    TRIED_STOPPED, /* early, by a stop rule: figures that are not exact are extrapolated, or NaN */
    TRIED_FAILED
} tried_state;

typedef struct {
    int64_t candidate; /* index in the space */
    int point;         /* of the problem; -1 when the sampler works without one */
    int seed_index;    /* which of the space's seeds */
} suggestion;

typedef struct {
    suggestion what;
    tried_state state;
    const double
        *value;         /* n_metrics of the problem, NaN for what is unknown; NULL: none is known */
    const float *curve; /* n_epochs: the figure that training watches, after each epoch */
    int n_epochs;
} tried;

/* What may be known when suggestion number `n` is decided: all suggestions before it, their results as
 * far as the window allows; the others are TRIED_PENDING. */
typedef struct {
    int n, n_known; /* the first n_known are not pending */
    const tried *of;
} history;

typedef struct sampler sampler;
struct sampler {
    /* Suggestion number h->n, or *end when there is none left. `self` holds the sampler's state, which is a
     * function of the histories it was shown: `next` is called once for each number, in order. */
    status (*next)(sampler *self, const history *h, suggestion *out, bool *end, err *e);
};

typedef struct guide guide; /* opaque */

/* `p` may be NULL for a sampler that works without a problem; it and `source` are borrowed. `window` >= 1.
 */
status guide_open(const problem *p, sampler *source, int window, guide **out, err *e);
void guide_free(guide *g); /* NULL is accepted */

/* Whether the next suggestion may be asked for now. */
bool guide_may_ask(const guide *g);
/* The next suggestion: its number in *number, or *end. ERR_STATE when it may not be asked for. */
status guide_ask(guide *g, suggestion *out, int *number, bool *end, err *e);
/* The end of a suggestion, once. Of `end` its state, figures and curve are copied. */
status guide_tell(guide *g, int number, const tried *end, err *e);
/* What may be known when something is decided about suggestion `number`, which was asked for. Borrowed
 * until the next call. */
history guide_history(guide *g, int number);
int guide_n_asked(const guide *g);

#endif
