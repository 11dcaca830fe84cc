/* Samplers against each other on the invented keyword space: hypervolume ratio by true figures after 50, 100,
 * 200 and 300 trainings, and trainings until the first candidate that truly meets versions a, b, c.
 *   bench_samplers [SAMPLER ...]      ten seeds each; a window of 1, and of 10 where learning matters */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/replay.h"

enum { N_SEEDS = 10, N_TRIALS = 300, N_STEPS = 4 };
static const int steps[N_STEPS] = {50, 100, 200, 300};

typedef struct {
    double ratio[N_STEPS], last_square, ask_seconds;
    int first_met[3][N_SEEDS];
} score;

static void die(const err *e)
{
    fprintf(stderr, "bench_samplers: %s\n", e->msg);
    exit(1);
}

static void add_volumes(const replay_table *t, const replay_result *r, double best, score *s,
                        arena *a)
{
    err e = {0};
    int point[N_TRIALS];
    for (int i = 0; i < r->n; i++) point[i] = r->trial[i].point;
    for (int i = 0; i < N_STEPS; i++) {
        double volume;
        if (replay_volume(t, point, steps[i] < r->n ? steps[i] : r->n, a, &volume, &e)) die(&e);
        s->ratio[i] += volume / best / N_SEEDS;
        if (i + 1 == N_STEPS) s->last_square += volume / best * volume / best / N_SEEDS;
    }
}

static int compare(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void print_median(int *first)
{
    for (int i = 0; i < N_SEEDS; i++)
        if (first[i] == 0) first[i] = N_TRIALS + 1;
    qsort(first, N_SEEDS, sizeof *first, compare);
    double median = (first[(N_SEEDS - 1) / 2] + first[N_SEEDS / 2]) / 2.0;
    if (median > N_TRIALS)
        printf("  %6s", ">300");
    else
        printf("  %6.1f", median);
}

/* aim AIM_FRONT: one search for all columns; AIM_VERSIONS: one search for each version. */
static void play(const replay_table *t, const sampler_row *row, int window, int aim, double best,
                 score *s, arena *a)
{
    for (int seed = 0; seed < N_SEEDS; seed++) {
        replay_options o = {.sampler = row,
                            .options = {.seed = (uint64_t)seed, .aim = aim},
                            .window = window,
                            .n_workers = window,
                            .n_trials = N_TRIALS};
        arena_mark_t mark = arena_mark(a);
        replay_result r;
        err e = {0};
        if (replay_run(t, &o, a, &r, &e)) die(&e);
        for (int v = 0; v < 3; v++)
            if (aim == AIM_FRONT || aim == v) s->first_met[v][seed] = replay_first_met(t, &r, v);
        if (aim == AIM_FRONT) add_volumes(t, &r, best, s, a);
        s->ask_seconds += r.ask_seconds / r.n / N_SEEDS;
        arena_release(a, mark);
    }
}

static void show(const replay_table *t, const sampler_row *row, int window, double best, arena *a)
{
    score front = {0}, aimed = {0};
    play(t, row, window, AIM_FRONT, best, &front, a);
    printf("%-8s %6d ", row->name, window);
    for (int i = 0; i < N_STEPS; i++) printf("  %.3f", front.ratio[i]);
    double mean = front.ratio[N_STEPS - 1];
    printf(" +-%.3f", sqrt(fmax(0, front.last_square - mean * mean)));
    for (int v = 0; v < 3; v++) print_median(front.first_met[v]);
    for (int v = 0; v < 3; v++) {
        play(t, row, window, v, best, &aimed, a);
        print_median(aimed.first_met[v]);
    }
    printf("  %8.3f\n", 1000 * front.ask_seconds);
    fflush(stdout);
}

int main(int n, char **name)
{
    arena a;
    err e = {0};
    replay_table t;
    double best;
    arena_init(&a, 0);
    if (replay_table_invent(&a, &t, &e)) die(&e);
    if (replay_volume(&t, NULL, t.p.n_points, &a, &best, &e)) die(&e);
    printf("                 hypervolume ratio after trainings       trainings to a, b, c       "
           "aimed at a, b, c\n"
           "sampler  window      50     100     200     300                median, front           "
           " median   ms a trial\n");
    for (const sampler_row *row = sampler_rows(); row->name; row++) {
        bool wanted = n < 2;
        for (int i = 1; i < n; i++) wanted |= strcmp(name[i], row->name) == 0;
        if (!wanted) continue;
        show(&t, row, 1, best, &a);
        show(&t, row, 10, best, &a);
    }
    arena_free(&a);
    return 0;
}
