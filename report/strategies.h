/* Which strategy costs least accuracy, saves most memory, saves most latency, and what they do together: answered from
 * the pairs of trials of a study.
 *
 * A strategy is one step of one knob: from its reference to another of its values. The reference is the value at which
 * the knob does nothing, where it has one (final_sparsity 0, storage float32, ...), else the value with the largest
 * files. Memory is `size`, latency the study's metric in ms (without one: multiply-adds), quality every objective
 * or limited metric that trainings report.
 *
 * Estimator. Two trials make a pair when they differ in this knob alone and have the same seed; a knob that does not
 * matter to a configuration counts as its reference. A pair's effect on quality is the difference of the figures,
 * turned so that more than 0 is worse, on memory and latency the logarithm of their ratio. Pairs of the same two
 * trainings (that differ in how weights are stored, say) have the same luck: they are averaged, and so are the
 * seeds of one setting of the other knobs. What remains are comparisons, one per setting, or one per seed where there
 * is one setting only. The effect is their mean; its interval is Student's t over them. It tells of an average
 * over the settings that were tried, not of any one of them.
 *
 * Many intervals are looked at together. So beside each 95 % interval stands a joint one: all of them hold at once
 * with 95 % (Bonferroni). A claim ("loses accuracy", "saves more than") rests on joint intervals only. The best of
 * each question is compared with every other strategy (Welch's t), corrected for all pairs of strategies and all
 * questions, so that it may be chosen by looking. Effects, answers and pairs (below) are three families, each at 95 %.
 *
 * Two strategies together: figure(both) - figure(one) - figure(other) + figure(none), the same way. 0 means that costs
 * add up, and that savings multiply. */
#ifndef PARETUNE_REPORT_STRATEGIES_H
#define PARETUNE_REPORT_STRATEGIES_H

#include "report/job.h"

typedef enum { ROLE_QUALITY, ROLE_MEMORY, ROLE_LATENCY } strategy_role;

typedef struct {
    strategy_role role;
    const char *name, *unit;
    bool higher; /* better */
} strategy_metric;

enum { STRATEGY_MOST_METRICS = 6 };

/* Means over comparisons. Quality: in the metric's unit, > 0 is worse; else of logarithms of ratios, < 0 saves. */
typedef struct {
    int n_pairs, n; /* comparisons */
    double mean, error;
    double low, high;             /* alone; NaN with fewer than two comparisons */
    double joint_low, joint_high; /* together with all others */
} strategy_effect;

typedef struct {
    const char *name, *knob, *from, *to;
    int knob_index, from_level, to_level;
    bool saves; /* memory or latency, by at least STRATEGY_LEAST_SAVING */
    strategy_effect effect[STRATEGY_MOST_METRICS];
} strategy;

#define STRATEGY_LEAST_SAVING 0.01

typedef struct {
    int one, other; /* strategies */
    strategy_effect effect[STRATEGY_MOST_METRICS];
} strategy_pair;

/* Who answers a metric's question. */
typedef struct {
    int best;        /* strategy; -1: none has two comparisons, or none saves any */
    int n_rivals;    /* saving strategies beside it */
    int n_told;      /* of them, surely worse */
    bool *is_told;   /* by strategy */
    bool is_certain; /* its own effect is not 0, jointly */
} strategy_answer;

typedef struct {
    const char *budget, *aim; /* "at most 1 point worse", "smallest" */
    int64_t trial;
    const char *strategies; /* "a + b"; "none" */
    double figure[STRATEGY_MOST_METRICS],
        saved[STRATEGY_MOST_METRICS]; /* shares of the reference's */
} strategy_mix;

typedef struct {
    int n_metrics, n, n_pairs, n_mixes;
    strategy_metric metric[STRATEGY_MOST_METRICS];
    strategy *strategy;
    strategy_pair *pair; /* of strategies that save, with a comparison */
    strategy_answer answer[STRATEGY_MOST_METRICS];
    strategy_mix *mix;
    int n_trials, n_seeds, n_configs;
    int n_intervals, n_pair_intervals; /* that hold jointly */
    int64_t reference; /* trial with every strategy at its reference, the best such; 0: none */
    double reference_figure[STRATEGY_MOST_METRICS];
} strategies;

/* ERR_INPUT when the study has no knob, or no metric to judge by. All in the job's arena. */
status strategies_read(job *j, strategies *out, err *e);

/* The first metric of the role; -1: none. */
int strategy_metric_of(const strategies *s, strategy_role role);
/* 1 - the ratio that a mean of logarithms stands for. */
double strategy_saving(double log_ratio);

#endif
