/* Which of several trials that keep all limits is taken. Part of picks.h's door.
 *
 * All rules look at validation figures alone, and at trials that keep every limit. What a rule finds equal goes to the
 * smaller `size`, then to the smaller id.
 *
 *   margin         the most room under the tightest limit (picks.h): the standard
 *   smallest       the least `size`
 *   fastest        the least latency: of the first limit in milliseconds; else of the first objective in
 *                  milliseconds; else the first of total_ms, device_total_ms, modelled_total_ms, inference_ms,
 *                  device_inference_ms, modelled_inference_ms that the trials have; else the least `macs`
 *   most-accurate  the least product of errors, which no choice of units changes. Errors are those figures that have a test
 *                  twin: of the limits; else of the objectives; a share of right answers (in %, more is better) counts as
 *                  what is missing to 100 %
 *   knee           of the front of these trials under the study's objectives the one that lies farthest below the plane
 *                  through its ends, each objective scaled to go from 0 (its best on that front) to 1 (its worst).
 *                  That is the least sum of scaled objectives. With two objectives it is the
 *                  knee of Das, "On characterizing the knee of the Pareto curve based on normal-boundary
 *                  intersection", Structural Optimization 18, 1999; with more, the plane goes through the corners where one
 *                  objective is 1 and the others 0, since a trial may be best in two objectives and Das's plane is then not
 *                  defined.
 */
#ifndef PARETUNE_STORE_PICK_RULES_H
#define PARETUNE_STORE_PICK_RULES_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>

typedef enum {
    PICK_MARGIN,
    PICK_SMALLEST,
    PICK_FASTEST,
    PICK_ACCURATE,
    PICK_KNEE,
    N_PICK_RULES
} pick_rule;

extern const char *const pick_rule_names[N_PICK_RULES];
/* "margin", ...; ERR_INPUT names the choices. */
status pick_rule_parse(const char *word, pick_rule *out, err *e);

/* What a rule weighs. */
typedef struct {
    pick_rule rule;
    int n;
    const char **metric;
    bool *maximize;
} pick_measure;

/* How bad each of n trials is by a rule, the less the better: figure[n x m->n], NaN for a missing one. Only those with
 * `in` matter to each other; merit is NaN for others and for what lacks a figure. With PICK_MARGIN there is nothing to weigh:
 * ERR_ARG. */
status pick_merits(const pick_measure *m, const double *figure, const bool *in, int n,
                   double *merit, arena *scratch, err *e);

#endif
