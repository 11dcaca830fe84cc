/* Which trial answers a version's limits, by how much, or what stands in the way. Part of store.h.
 *
 * Chosen on validation figures: the trial whose worst excess over the limits is smallest, ties by
 * the smaller `size`, then by the smaller id. The excess of a figure over a limit is (value - bound)
 * / |bound|, its negative for > and >= (for a bound of 0 the divisor is 1). Below zero it is room,
 * and the pick is the trial with the most room under its tightest limit: test figures differ from
 * validation figures, and room is what absorbs that. Otherwise no trial meets the limits, and it is
 * the closest miss. A trial without one of the figures is neither.
 *
 * Reported on test figures: for a limit on T_mae the figure T_mae_test; what has no test twin
 * (size) is exact and stands for itself. A version is met when there is a pick and its reported
 * figures hold.
 *
 * With a run's `confidence` above 0 they must also hold with it. Then candidates with several trainings come before
 * others, and room is that of their mean validation figures. Three chances are told of every pick (verdict.h has the
 * statistics):
 *   fresh       that one more training of its configuration keeps all limits
 *   file        that this file does, when the test set were infinitely large: known where right answers are counted
 *   confidence  the lesser of: that the configuration's mean keeps all limits; that this file does, where known
 * Where answers are counted (accuracy), the figure judged is that of validation and test examples together. Which of them
 * selected does not matter, since the prior is fitted to the same figure of all candidates. Elsewhere (mean absolute errors
 * of overlapping windows) it is the test figure, and the error of the finite test series is not known and not in the
 * chances. Figures without a test twin count as exact. All are unknown with fewer than two trainings of the pick's
 * configuration. */
#ifndef PARETUNE_STORE_PICKS_H
#define PARETUNE_STORE_PICKS_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/quantity.h"
#include "engine/base/table.h"
#include "store/pick_rules.h"
#include "store/store.h" /* which includes this: either may come first */

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    PICK_NONE,    /* no finished trial has all the figures */
    PICK_CLOSEST, /* the closest miss */
    PICK_CHOSEN
} pick_kind;

typedef struct {
    const char *metric, *unit, *text; /* text: the limit as written */
    limit_op op;
    double bound;
    double value;    /* validation; NaN when PICK_NONE */
    double reported; /* test, or exact */
    bool exact;      /* the metric has no test twin: `value` and `reported` are one figure */
    double validation_margin; /* as margin, of the validation figure */
    double
        margin; /* room of the reported figure under the limit, as a part of |bound|; < 0: over */
    bool holds; /* the reported figure meets the limit */
    double mean, low,
        high; /* over the configuration's trainings, with its 95 % interval; NaN: unknown */
} pick_limit;

typedef struct {
    const char *version, *title;
    pick_kind kind;
    bool met;
    int64_t trial;  /* 0 when PICK_NONE */
    int n_feasible; /* finished trials that meet all limits on validation figures */
    int n_limits;
    pick_limit *limit;
    int binding; /* limit of greatest excess: of validation figures for the closest miss, else of
                    reported ones; -1 when PICK_NONE or without limits */
    const char *knobs; /* "alpha=0.05 storage=float32", with the seed when the space has several; ""
                          when PICK_NONE */
    int n_seeds;       /* finished trainings of the pick's configuration */
    double confidence, fresh, file; /* chances, below; NaN where unknown or without a pick */
    const char *model;              /* its file, as store_find_model says; "" without one */
    const char *rule; /* what chose among feasible trials: "most room under the tightest limit" */
} pick;

typedef struct {
    int n;
    pick *pick;
    double asked; /* confidence of the last run; 0: point figures decide */
    bool own; /* of a question's own versions, rule or trials: not those that export --pick takes */
} picks;

/* Computed from the trials as they stand, for each version of the last run's space. */
status picks_read(struct store *s, arena *a, picks *out, err *e);

/* The same, as if of the trials only these were there, n rows in any order, and with the chances that validation
 * figures alone give: for a search that asks whether to go on. */
status picks_among(struct store *s, const int64_t *trial, int n, arena *a, picks *out, err *e);

/* What may be asked otherwise; every field may be zero. The closest miss is the same by all rules. */
typedef struct {
    const store_version *version; /* NULL: those of the last run's space */
    int n_versions;
    pick_rule rule;
    const int64_t *trial; /* choose among these, n in any order; NULL: all */
    int n;
    bool
        is_all_known; /* nothing else is known than their validation figures, as for a search under way */
} picks_question;
/* ERR_INPUT when the study has no figure that the rule could weigh. The versions are borrowed by `out`. */
status picks_ask(struct store *s, const picks_question *q, arena *a, picks *out, err *e);

/* A trial's value on each axis: "alpha=0.05 storage=float32", with the seed when the space has several. */
status pick_knobs(struct store *s, int64_t trial, arena *a, const char **out, err *e);

/* How far a figure is over a limit, as a part of the bound; negative: room. NaN for a missing figure. */
double pick_excess(limit_op op, double bound, double value);

/* Brings the tables behind the views `front` and `picks` up to date (a writer's store). */
status store_update_picks(struct store *s, err *e);

/* One row per limit, the margins of both parts, and on which part a limit binds. For people a
 * version's name stands in its first row only, and what is long is left out. */
status picks_table(const picks *p, bool for_people, arena *a, table *out, err *e);
/* "met by trial 3", "not met: trial 3 passes validation, fails test", "not met: closest miss is trial
 * 3", ... In `a` or static. */
const char *pick_verdict(const pick *p, arena *a);
/* The table for people, below it verdict and knobs of each version, and how a pick's file is had from
 * the study at `db_path`. On a terminal that is narrower than the table, a block of lines for each
 * version in its place. */
status picks_print(const picks *p, const char *db_path, FILE *f, arena *a, err *e);
/* The same for a given width in columns. */
status picks_print_within(const picks *p, const char *db_path, int width, FILE *f, arena *a,
                          err *e);

#endif
