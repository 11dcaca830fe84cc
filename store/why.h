/* What stands between a study and a set of limits: the closest trials, what each limit costs, what they have in
 * common. All of it on validation figures. */
#ifndef PARETUNE_STORE_WHY_H
#define PARETUNE_STORE_WHY_H

#include "store/store.h"

/* Finished trials that have a figure for every limit. */
typedef struct {
    int n, n_limits;
    const int64_t *trial;     /* ascending */
    const double *value;      /* n x n_limits */
    const double *size;       /* of the files; NaN is unknown */
    const store_limit *limit; /* [n_limits] */
} why_field;

typedef struct {
    int n_keep;    /* trials that keep it */
    int n_without; /* trials that keep all others: feasible if this one were dropped */
    double best;   /* the best figure in it of a trial that keeps all others; NaN: none does */
    int best_row;  /* that trial's row, -1: none */
    double
        needed; /* how far the bound would have to move to meet it, as a part of the bound; at most 0: feasible as
                      it is; NaN: however far, nothing would be feasible */
    int best_alone_row; /* of the best figure in it, whatever the others; -1: no trials */
} why_limit;

/* Two limits that are kept by some trials each, and by none together. */
typedef struct {
    int i, j;
} why_conflict;

typedef struct {
    int n_feasible;
    why_limit *limit; /* [n_limits] */
    int n_conflicts;
    why_conflict *conflict;
    int *order; /* rows from the least worst excess to the greatest, ties by size, then by number */
    double *worst; /* of each row: its greatest excess over a limit (pick_excess) */
} why;

/* Pure. In `a`. */
status why_find(const why_field *f, arena *a, why *out, err *e);

/* How many of the closest are looked at for what they have in common: a tenth, 5 at least, 20 at most. */
int why_n_close(int n);

/* The chance that of `drawn` trials taken at random from `n`, of which `k` have something, at least `x` have it (hypergeometric
 * upper tail: Fisher's exact test, one-sided). */
double why_tail(int n, int k, int drawn, int x);

/* A knob's value among the closest trials and among all. */
typedef struct {
    const char *knob, *value;
    int n_close, n_all;
    double chance; /* why_tail */
    bool
        is_telling; /* more frequent than chance explains: chance times the number of values looked at is below 0.05 */
    bool is_least, is_most; /* the end of the numbers that were tried, of several */
    bool is_zero;
} why_value;

/* A value of the space that no finished trial has. */
typedef struct {
    const char *knob, *value;
} why_untried;

typedef struct {
    int n_close, n_all, n_values, n_untried;
    why_value *value;     /* in the order of knobs; only those that occur among the closest */
    why_untried *untried; /* empty where the study does not know the values of its axes */
} why_knobs;

struct knob_sheet; /* knob_sheet.h */

/* `close`: numbers of the closest trials, all of them in the sheet. */
status why_read_knobs(store *s, const struct knob_sheet *h, const int64_t *close, int n_close,
                      why_knobs *out, err *e);

/* A change of one knob away from the value that a trial has, and what it did to the limited figures in the pairs of
 * configurations that differ in this knob only (importance.h): mean differences, with 95 % intervals. */
typedef struct {
    const char *knob, *from, *to;
    int n;         /* pairs */
    int64_t tried; /* a trial that differs from this one in the step alone; 0: none */
    const double *change, *low, *high; /* [n_limits] */
} why_step;

/* All steps from the values of the `row`-th trial that were tried somewhere, in the order of knobs; seeds are averaged. The field's
 * trials are the sheet's. */
status why_find_steps(const why_field *f, const struct knob_sheet *h, int row, why_step **out,
                      int *n, err *e);

/* By how much a step improves a figure under a limit, as a part of the bound: what is sure of it, the near end of the
 * interval; 0 or less: nothing. NaN for one pair, of which nothing is sure. */
double why_step_gain(const store_limit *l, const why_step *s, int limit);

#endif
