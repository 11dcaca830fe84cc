/* How sure one may be that a configuration truly keeps a limit. Part of store.h's door; pure statistics.
 *
 * A figure of one training is y = m + t + d: m is the configuration's mean over trainings, t the luck
 * of a training (its spread is the same for all configurations of a study and is pooled over those
 * trained with several seeds), d the error of a finite set of examples (binomial where right answers are
 * counted; shared by all trainings of a configuration, so further seeds do not remove it).
 *
 * Who is looked at first has had luck: of many candidates the best-looking one is on average worse than
 * it looks. The correction is not a factor for the number of looks, which would bound false claims per study
 * but not their share among the claims when truly good candidates are rare. It is a prior: how the true
 * means of the candidates looked at are spread is estimated from all of them (empirical Bayes: Robbins 1956; Efron,
 * "Tweedie's formula and selection bias", JASA 106, 2011), and what remains after that does not depend on how the candidate
 * was selected, nor on when its further seeds stopped (Dawid, "Selection paradoxes of Bayesian inference", 1994).
 *
 * Where hardly anything keeps a limit all depends on the far tail of that spread, of which a hundred candidates show
 * next to nothing. It is therefore estimated twice, and the smaller chance counts:
 *  - freely, by maximum likelihood on a grid with smoothing (EMS: Silverman, Jones, Wilson & Nychka, JRSS B 52, 1990),
 *    which follows several clusters, but leaves what others' luck suggests above the limit;
 *  - by normal curves with a scale on either side of a mode (Fechner 1897; Wallis, Statistical Science 29, 2014), averaged
 *    by how well each explains the figures of those near the limit rather than the best one taken (hierarchical Bayes:
 *    Deely & Lindley, JASA 76, 1981), whose tail follows from the bulk.
 * Claims are also made where the pooled spread of trainings came out small by chance more often than elsewhere; both estimates
 * and the candidate's own error take it one standard error larger than it was found.
 *
 * What no estimate can know: that the spread ends abruptly just above the limit.
 */
#ifndef PARETUNE_STORE_VERDICT_H
#define PARETUNE_STORE_VERDICT_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>

/* One configuration's figures over its trainings, in any unit. */
typedef struct {
    int n;
    double mean, squares; /* sum of squared deviations from the mean */
    double set_variance;  /* of `mean`, by the finite set; 0: none or unknown */
} verdict_sample;

void verdict_add(verdict_sample *s, double figure);
/* Variance of the share of right answers, in the figure's unit, which is `whole` (1 or 100) when all are right. Two
 * right and two wrong answers are added (Agresti & Coull 1998), so that a perfect score has an error, too. */
double verdict_set_variance(double share, double n_examples, double whole);

/* Spread of single trainings around their configuration's mean. */
typedef struct {
    double sigma;
    int df; /* degrees of freedom; 0: unknown, no configuration has two trainings */
} verdict_spread;

verdict_spread verdict_pool(const verdict_sample *s, int n);
/* Pooled over the configurations nearest to a bound, as many as it takes to have `df` degrees of freedom: bad networks
 * vary more than good ones, and what matters is the spread of those that may keep the limit. */
verdict_spread verdict_pool_near(const verdict_sample *s, int n, double bound, int df);

/* Interval of a configuration's mean: Student's t with the pooled spread, the set's error included. Infinite when
 * the spread is unknown. */
typedef struct {
    double low, high;
} verdict_interval;
verdict_interval verdict_mean_interval(const verdict_sample *s, const verdict_spread *p,
                                       double confidence);

/* A limit on a figure. */
typedef struct {
    bool is_upper;
    double bound;
} verdict_limit;

/* How true means are spread near a limit, estimated freely and by shapes, on a grid around the limit (verdict_prior.h). */
enum {
    VERDICT_GRID = 121,
    VERDICT_SHAPES = 189,
    VERDICT_FEWEST = 2 /* trainings of what is claimed */
};
typedef struct {
    double step;
    double free[VERDICT_GRID]; /* a weight for each place */
    double sum[VERDICT_GRID];  /* of the candidates' own distributions, before smoothing */
    double *density;           /* VERDICT_GRID x VERDICT_SHAPES, the arena's */
    double weight[VERDICT_SHAPES];
} verdict_prior;

/* Fitted to the candidates looked at; ERR_MEM only. `out` is good as long as `a`'s memory. With an unknown spread it is
 * of no use and all chances are NaN. */
status verdict_fit(const verdict_sample *s, int n, const verdict_spread *p,
                   const verdict_limit *limit, arena *a, verdict_prior *out, err *e);

/* Chances that a limit is truly kept, NaN where unknown. */
typedef struct {
    double mean;  /* by the configuration's mean over trainings */
    double fresh; /* by one further training of it */
    double file;  /* by one training that is at hand, whose figure is known up to the set's error */
} verdict_chances;

/* `own`: the figure of the training at hand; NaN gives NaN for `file`. Its set error is that of `s`. */
verdict_chances verdict_judge(const verdict_prior *prior, const verdict_sample *s,
                              const verdict_spread *p, const verdict_limit *limit, double own);

/* `mean` alone, which is cheap. */
double verdict_mean_chance(const verdict_prior *prior, const verdict_sample *s,
                           const verdict_spread *p, const verdict_limit *limit);

/* The chance that several things hold, at least, however they depend on each other (Boole). NaN when one is. */
double verdict_all(const double *chance, int n);

#endif
