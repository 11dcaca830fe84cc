/* Early stopping: whether a training that is under way should go on.
 *
 * A rule is asked at rungs, numbers of epochs; it sees the candidate's own curve so far and what the guide
 * allows to be known when this suggestion is decided (guide.h), and nothing else: its answers do not
 * depend on the number of workers or on time. Rules that can tell by what others came to are asked before the first epoch,
 * too. A candidate that is stopped costs the epochs up to the rung; of those that
 * would be stopped a fixed sample, the audit, is finished anyway, so that how often the rule is wrong is
 * measured instead of believed. */
#ifndef PARETUNE_SEARCH_STOP_H
#define PARETUNE_SEARCH_STOP_H

#include "search/extrapolate.h"
#include "search/guide.h"
#include "search/sampler.h"

enum { STOP_MAX_RUNGS = 64, STOP_FEWEST_EPOCHS = 5 /* before the first rung */ };

typedef struct {
    int aim;       /* as of samplers: the front, the versions, or one of them */
    uint64_t seed; /* of the audit and of brackets */
    double chance; /* dominance: stop below this chance; 0.05 */
    double audit;  /* share of would-be-stopped candidates that are finished anyway; 0.05 */
    int n_epochs;  /* of a whole training */
    int n_rungs;
    const int *rung; /* ascending, each in 1 .. n_epochs - 1; borrowed */
} stop_options;

/* A training at a rung. */
typedef struct {
    int number; /* of the suggestion */
    suggestion what;
    int n_epochs;       /* trained so far; 0: none yet, of rules that judge before the first one */
    const float *curve; /* n_epochs: the figure that training watches, after each */
} stop_case;

typedef struct {
    bool stops;
    bool audited;  /* the rule would stop it; it is finished as a sample */
    double chance; /* that its final figures are worth having; NaN: the rule computes none */
    double value
        [PROBLEM_MAX_METRICS]; /* final figures as extrapolated, exact ones as they are; NaN: unknown */
} stop_answer;

typedef struct stop_rule stop_rule;
struct stop_rule {
    /* `h` is guide_history of the case's suggestion. `scratch` is given back as it was. */
    status (*judge)(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                    stop_answer *out, err *e);
    bool judges_at_start; /* it is asked before the first epoch, too */
    const problem *p;
    stop_options o;
    extrapolation
        *model; /* of rules that judge at the start; a memory of what can be found again, no more */
};

typedef struct {
    const char *name; /* "dominance" */
    const char *help;
    status (*judge)(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                    stop_answer *out, err *e);
    bool judges_at_start;
} stop_row;

/* The rules, ended by a row without a name; `none` is not among them. */
const stop_row *stop_rows(void);
const stop_row *stop_find(const char *name); /* NULL for an unknown one */

/* A rule, its memory in `a`; `p` and the rungs of `o` must outlive it. Its answers depend on what it is asked
 * only; the histories that it is shown must be parts of one and the same. */
status stop_open(const stop_row *row, const problem *p, const stop_options *o, arena *a,
                 stop_rule *out, err *e);

/* What a scheduler asks: the rule's answer, in which the audit has been drawn. Further seeds of a point are
 * never stopped, for they are trained on purpose. */
status stop_ask(const stop_rule *r, const history *h, const stop_case *c, arena *scratch,
                stop_answer *out, err *e);

/* Whether it would have been wrong to stop a training that ended with these figures, judged by what was
 * known then (h of its suggestion): nothing finished is at least as good in all objectives, and, when versions
 * are the aim, it keeps all limits of one. (What keeps them and is no better than something finished
 * cannot change the answer, for that keeps them too.) */
bool stop_was_false(const stop_rule *r, const history *h, const suggestion *what,
                    const double *value);

/* Rungs of a training of n_epochs epochs: n_epochs / factor, / factor^2, ..., rounded up, down to `least`; ascending
 * in `rung` (STOP_MAX_RUNGS). Returns how many. factor > 1. */
int stop_rungs(int n_epochs, double factor, int least, int *rung);

/* Epochs until pruning has begun to bite: until a quarter of the sparsity that a polynomial schedule adds from `begin` to `end`
 * has been reached. Before that a curve tells little of the end. */
int stop_bites_at(double begin, double end, double power);

#endif
