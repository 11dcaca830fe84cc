/* Whether verdicts hold what they claim: searches replayed on the invented keyword space, aimed at each of its versions,
 * whose truth is known. For each way to search: in how many studies a pick is claimed at 95 %, and how many
 * of these picks truly keep their limits, by the configuration's true mean.
 *   bench_verdicts [STUDIES]      standard: 1000 for each version */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "tests/support/verdict_trials.h"

static void die(const err *e)
{
    fprintf(stderr, "bench_verdicts: %s\n", e->msg);
    exit(1);
}

int main(int n, char **arg)
{
    static const struct {
        const char *name;
        int n_trials, max_seeds;
        bool evenly;
    } ways[] = {{"once each, point figure", 150, 1, false},
                {"racing, up to 8 seeds", 150, 8, false},
                {"4 seeds for each point", 150, 4, true}};
    int n_studies = n > 1 ? atoi(arg[1]) : 1000;
    arena a;
    err e = {0};
    replay_table t;
    arena_init(&a, 0);
    if (replay_table_invent(&a, &t, &e)) die(&e);
    printf(
        "%d studies of 150 trainings each\n"
        "version  way                        picks   true     claimed at 95 %%   true   seconds\n",
        n_studies);
    int n_claims[3] = {0}, n_true[3] = {0};
    for (int v = 0; v < 3; v++)
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            verdict_trials w = {.table = &t,
                                .version = v,
                                .n_trials = ways[i].n_trials,
                                .max_seeds = ways[i].max_seeds,
                                .evenly = ways[i].evenly,
                                .confidence = 0.95};
            double from = clock_cpu();
            if (verdict_trials_run(&w, 0, n_studies, &a, &e)) die(&e);
            printf("%-8s %-25s %6d %5.1f %%", t.p.version[v].name, ways[i].name, w.n_points,
                   100.0 * w.n_points_true / (w.n_points ? w.n_points : 1));
            printf(" %14d %9.1f %% %9.1f\n", w.n_claims,
                   100.0 * w.n_claims_true / (w.n_claims ? w.n_claims : 1), clock_cpu() - from);
            fflush(stdout);
            n_claims[i] += w.n_claims;
            n_true[i] += w.n_claims_true;
        }
    for (size_t i = 1; i < sizeof ways / sizeof *ways; i++)
        printf("all      %-25s %30d %9.1f %%\n", ways[i].name, n_claims[i],
               100.0 * n_true[i] / (n_claims[i] ? n_claims[i] : 1));
    arena_free(&a);
    return 0;
}
