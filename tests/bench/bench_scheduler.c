/* Trials per second of the coordinator with workers that do nothing, and what a second worker gains on
 * work that keeps a core busy.
 *
 *   bench_scheduler [TRIALS] [WORKERS]     20000 trials and 32 workers unless given */
#include "tests/support/fake_study.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One stage a trial to build, the data stage aside: training and export are shared. */
static void nothing(int trial, stage_kind kind, char text[FAKE_PARAMS])
{
    snprintf(text, FAKE_PARAMS, "{\"do\":\"nothing\",\"of\":%d}", kind == STAGE_SCORE ? trial : 0);
}

static void busy(int trial, stage_kind kind, char text[FAKE_PARAMS])
{
    bool works = kind == STAGE_TRAIN;
    snprintf(text, FAKE_PARAMS, "{\"do\":\"%s\",\"n\":%d,\"of\":%d}", works ? "spin" : "ok",
             works ? 60000000 : 0, kind == STAGE_DATA ? 0 : trial);
}

static double time_study(int n_trials, fake_params *params, int n_workers)
{
    fake_study f;
    err e = {0};
    study_open(&f, n_trials, params);
    double start = now_seconds();
    if (study_run(&f, n_workers, &e) != OK || f.figures.trials_done != n_trials) {
        fprintf(stderr, "bench_scheduler: %s\n", e.msg);
        exit(1);
    }
    double took = now_seconds() - start;
    study_close(&f);
    return took;
}

int main(int argc, char **argv)
{
    int n_trials = argc > 1 ? atoi(argv[1]) : 20000, n_workers = argc > 2 ? atoi(argv[2]) : 32;
    double took = time_study(n_trials, nothing, n_workers);
    printf("%d trials of no length, %d workers: %.2f s, %.0f trials/s\n", n_trials, n_workers, took,
           n_trials / took);
    double one = time_study(24, busy, 1), two = time_study(24, busy, 2);
    printf("24 busy trials: 1 worker %.2f s, 2 workers %.2f s: %.2fx on %ld cores\n", one, two,
           one / two, sysconf(_SC_NPROCESSORS_ONLN));
    return 0;
}
