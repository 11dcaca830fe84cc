/* Whether verdicts hold what they claim: searches replayed on the invented keyword space, aimed at each of its versions,
 * whose truth is known. For each way to search: in how many studies a pick is claimed at 95 %, and how many
 * of these picks truly keep their limits, by the configuration's true mean.
 * Beside each share its 95 % interval (Wilson 1927). Where hardly anything truly keeps the limits claims are rare: studies go
 * on, to ten times as many, until there are a hundred.
 *   bench_verdicts [STUDIES [FIRST [VERSION]]]
 * standard: studies 0 to 999 of each version, 0, 1 and 2. Another FIRST takes studies on which nothing was ever tried. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "tests/support/verdict_trials.h"

static void die(const err *e)
{
    fprintf(stderr, "bench_verdicts: %s\n", e->msg);
    exit(1);
}

enum { ENOUGH = 100, MOST_TIMES = 10 };

static double percent(int part, int whole)
{
    return whole > 0 ? 100.0 * part / whole : 0;
}

static void print_share(int part, int whole)
{
    const double z = 1.959964, n = whole > 0 ? whole : 1, p = part / n;
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    printf(" %8d %7.1f %%  %5.1f to %5.1f %%", whole, percent(part, whole), 100 * (middle - half),
           100 * (middle + half));
}

static int run(verdict_trials *w, int first, int n_studies, arena *a)
{
    err e = {0};
    int n = 0;
    do {
        if (verdict_trials_run(w, first + n, n_studies, a, &e)) die(&e);
        n += n_studies;
    } while (w->max_seeds > 1 && w->n_claims < ENOUGH && n < MOST_TIMES * n_studies);
    return n;
}

int main(int n, char **arg)
{
    static const struct {
        const char *name;
        int max_seeds;
        bool evenly;
    } ways[] = {{"once each, point figure", 1, false},
                {"racing, up to 8 seeds", 8, false},
                {"4 seeds for each point", 4, true}};
    const int n_studies = n > 1 ? atoi(arg[1]) : 1000, first = n > 2 ? atoi(arg[2]) : 0,
              only = n > 3 ? atoi(arg[3]) : -1;
    arena a;
    err e = {0};
    replay_table t;
    arena_init(&a, 0);
    if (replay_table_invent(&a, &t, &e)) die(&e);
    printf(
        "studies of 150 trainings each\n"
        "version  way                      studies    picks   true    claimed at 95 %%   true      "
        "  interval    seconds\n");
    for (int v = 0; v < t.p.n_versions; v++)
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            if (only >= 0 && v != only) continue;
            verdict_trials w = {.table = &t,
                                .version = v,
                                .n_trials = 150,
                                .max_seeds = ways[i].max_seeds,
                                .evenly = ways[i].evenly,
                                .confidence = 0.95};
            double from = clock_cpu();
            int done = run(&w, first, n_studies, &a);
            printf("%-8s %-25s %6d %8d %5.1f %%        ", t.p.version[v].name, ways[i].name, done,
                   w.n_points, percent(w.n_points_true, w.n_points));
            print_share(w.n_claims_true, w.n_claims);
            printf(" %8.1f\n", clock_cpu() - from);
            fflush(stdout);
        }
    arena_free(&a);
    return 0;
}
