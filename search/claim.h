/* What a search has found out about each point over its trainings, and what it may claim of a version.
 *
 * Used on histories: while a search lasts (racing.h, the end of a search that aims at versions) and when it is
 * replayed. The statistics are store/verdict.h's; figures here have no set error, since a history holds
 * no counts. The verdicts of a study's database, which has them, are picks.h's. */
#ifndef PARETUNE_SEARCH_CLAIM_H
#define PARETUNE_SEARCH_CLAIM_H

#include "search/guide.h"
#include "store/store.h"

typedef struct {
    const problem *p;
    arena *a;
    int n, cap;         /* points with a result */
    int n_known;        /* trials of the history that are in it */
    int *row;           /* of each point of the problem: its row, -1 without a result */
    int *point;         /* of each row */
    verdict_sample *of; /* cap x n_metrics: what finished trainings say; n = 0 when none finished */
} tally;

/* `p` is borrowed; the memory is `a`'s and grows with the number of points. */
status tally_open(tally *t, const problem *p, arena *a, err *e);
/* Takes in the known results that came since the last call; histories must grow. */
status tally_see(tally *t, const history *h, err *e);
/* Of row and metric. */
const verdict_sample *tally_sample(const tally *t, int row, int metric);
/* Finished trainings of a row. */
int tally_n_seeds(const tally *t, int row);
/* The pooled spread of a metric that must be trained. */
verdict_spread tally_spread(const tally *t, int metric);

/* The point that most likely keeps a version's limits. */
typedef struct {
    int point; /* -1: none has a chance that is known */
    int n_seeds;
    double chance; /* that its true means keep all limits */
} claim;

/* Of several with one chance the one that was tried first. A version without limits on trained metrics is kept for
 * certain by what keeps the exact ones. */
status claim_version(const tally *t, int version, arena *scratch, claim *out, err *e);

#endif
